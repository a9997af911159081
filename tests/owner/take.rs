//! Content taken from another owner's medium, in the library: stopped anywhere, resumed elsewhere.

pub(super) mod sides;
mod stopped;

use scrip::format::record::{Body, Record};
use scrip::format::transfer::Partner;
use scrip::trust::Verified;
use scrip::units::MediumId;
use scrip::wallet::take::TakeError;

use scrip::image::leaves::Unwatched;
use sides::{CHUNK, Fuse, LENGTH, PRICE, Scene, Settled};

/// What the closed segments with a partner came to: (before, got, charge), oldest first.
pub(super) fn segments(records: &[Verified<Record>], partner: MediumId) -> Vec<(u64, u64, u64)> {
    let mut open = None;
    let mut found = vec![];
    for record in records {
        match &record.body {
            Body::DownloadStart { partner: with, before, .. } => {
                open = (*with == Partner::Medium(partner)).then_some(before.bytes());
            }
            Body::DownloadInterrupted { got, .. } | Body::DownloadEnd { got, .. } => {
                let charge = record.accounting.as_ref().map_or(0, |entry| -entry.amount);
                if let Some(before) = open.take() {
                    found.push((before, got.bytes(), u64::try_from(charge).unwrap()));
                }
            }
            _ => {}
        }
    }
    found
}

/// What the segments that a medium sent and closed came to: (before, got); and what it earned.
pub(super) fn sent(records: &[Verified<Record>]) -> (Vec<(u64, u64)>, u64) {
    let (mut open, mut found, mut earned) = (None, vec![], 0);
    for record in records {
        match &record.body {
            Body::UploadStart { before, .. } => open = Some(before.bytes()),
            Body::UploadInterrupted { got, .. } | Body::UploadEnd { got, .. } => {
                found.push((open.take().unwrap(), got.bytes()));
            }
            Body::Earn { .. } => earned += record.accounting.as_ref().unwrap().amount,
            _ => {}
        }
    }
    (found, u64::try_from(earned).unwrap())
}

pub(super) fn charges(records: &[Verified<Record>]) -> u64 {
    let charged = records.iter().filter_map(|record| record.accounting.as_ref());
    let sum: i64 = charged.filter(|entry| entry.amount < 0).map(|entry| -entry.amount).sum();
    u64::try_from(sum).unwrap()
}

/// What the uploader of a segment earns of its charge, by the journal of the side that paid.
fn fee(before: u64, got: u64) -> u64 {
    let part = |bytes: u64| PRICE * bytes / LENGTH * 200_000 / 1_000_000;
    part(before + got) - part(before)
}

#[test]
fn an_item_is_taken_whole_and_both_journals_say_the_same() {
    for settled in [Settled::Never, Settled::Before] {
        let scene = Scene::new(settled);
        let [payer, giver, _] = &scene.sticks;
        let taken = scene.take(payer, giver, &Fuse::never()).unwrap();
        assert!(taken.complete);
        assert_eq!((taken.covered.bytes(), taken.charge.minor()), (LENGTH, PRICE));
        assert_eq!(taken.fee.minor(), fee(0, LENGTH));
        assert!(scene.has_all(payer));
        let (own, other) = (payer.records(), giver.records());
        assert_eq!(segments(&own, giver.id()), [(0, LENGTH, PRICE)]);
        assert_eq!(sent(&other), (vec![(0, LENGTH)], fee(0, LENGTH)));
        assert_eq!((payer.balance(), giver.balance()), (1_000 - PRICE, 1_000 + fee(0, LENGTH)));
        let again = scene.take(payer, giver, &Fuse::never()).unwrap_err();
        assert!(again.starts_with("it is yours already, since record "), "{again}");
    }
}

#[test]
fn what_broke_off_goes_on_with_another_and_adds_up_to_the_price() {
    let scene = Scene::new(Settled::Never);
    let [payer, first, second] = &scene.sticks;
    let part = scene.take_until(payer, first, 2 * CHUNK);
    assert_eq!((part.covered.bytes(), part.complete), (2 * CHUNK, false));
    let rest = scene.take(payer, second, &Fuse::never()).unwrap();
    assert_eq!(rest.got.bytes(), LENGTH - 2 * CHUNK, "only what is missing is fetched");
    assert!(scene.has_all(payer) && charges(&payer.records()) == PRICE);
    let [one, two] = [first, second].map(|stick| sent(&stick.records()));
    let (first, rest) = ((0, 2 * CHUNK), (2 * CHUNK, LENGTH - 2 * CHUNK));
    assert_eq!(one, (vec![first], fee(first.0, first.1)));
    assert_eq!(two, (vec![rest], fee(rest.0, rest.1)));
}

#[test]
fn above_balance_cap_or_count_nothing_is_written() {
    let scene = Scene::new(Settled::Never);
    let [payer, giver, _] = &scene.sticks;
    let before = payer.records().len();
    let refused = |price| {
        let goods = scene.priced(price);
        let refused = scene.run(&goods, payer, giver, &Fuse::never(), &Unwatched).unwrap_err();
        assert!(matches!(refused, TakeError::Refused(_)), "{refused}");
        refused.to_string()
    };
    let poor = "1001 minor units are needed, 1000 may be spent: 1 are missing";
    assert_eq!(refused(1_001), poor);
    payer.topup(5);
    let dear = "1001 minor units would be spent at partners since the last settlement, policy 1 \
                allows 1000";
    assert_eq!(refused(1_001), dear);
    assert_eq!(payer.records().len(), before + 1);
    for price in [1, 2, 3] {
        let goods = scene.priced(price);
        payer.forget_files();
        let taken = scene.run(&goods, payer, giver, &Fuse::never(), &Unwatched).unwrap();
        assert_eq!((taken.charge.minor(), taken.fee.minor()), (price, 0));
    }
    let often = "4 transfers would have begun since the last settlement, policy 1 allows 3";
    assert_eq!(refused(4), often);
    assert_eq!(sent(&giver.records()), (vec![(0, LENGTH); 3], 0));
}

#[test]
fn a_file_that_was_lost_is_sent_again_and_paid_once() {
    let scene = Scene::new(Settled::Never);
    let [payer, first, second] = &scene.sticks;
    let _ = scene.take_until(payer, first, 3 * CHUNK);
    payer.forget_files();
    let rest = scene.take(payer, second, &Fuse::never()).unwrap();
    assert_eq!(rest.got.bytes(), LENGTH - 3 * CHUNK);
    assert!(scene.has_all(payer) && charges(&payer.records()) == PRICE);
}

#[test]
fn a_torn_tail_is_kept_and_a_foreign_one_is_not() {
    let own = usize::try_from(2 * CHUNK).unwrap();
    for tail in [own..own + 300, 0..300, 0..own + 300] {
        let scene = Scene::new(Settled::Never);
        let [payer, first, second] = &scene.sticks;
        let _ = scene.take_until(payer, first, 2 * CHUNK);
        payer.lengthen(&scene.goods.names().data(), &scene.bytes[tail.clone()]);
        let rest = scene.take(payer, second, &Fuse::never()).unwrap();
        assert!(rest.complete && scene.has_all(payer), "{tail:?}");
        assert_eq!(charges(&payer.records()), PRICE);
    }
}
