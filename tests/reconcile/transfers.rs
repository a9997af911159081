//! Transfers joined across media: the greatest count that the downloader signed decides.

use scrip::crypto::sign::SecretKey;
use scrip::format::plan::Class;
use scrip::format::transfer::Receipt;
use scrip::ledger::next;
use scrip::records::Account;
use scrip::trust::{sign, verify};
use scrip::units::ByteCount;

use super::made::{Stick, host};
use super::office::{Office, only, told};

/// Two owners with 1,000 each; the first has begun to take from the second.
fn begun(office: &mut Office) -> (Stick, Stick) {
    let (mut payer, giver) = (office.owned(0, 2), office.owned(1, 2));
    payer.start(&office.ground, 1, giver.id());
    (payer, giver)
}

fn sums(office: &mut Office, stick: &Stick) -> [i64; 3] {
    let id = stick.id();
    [Account::Settled(id), Account::Provisional(id), Account::Reserved(id)]
        .map(|account| office.owed(&account))
}

#[test]
fn a_finished_transfer_is_charged_and_its_fee_vests_in_one_run() {
    let mut office = Office::new();
    let (mut payer, mut giver) = begun(&mut office);
    let receipt = payer.receipt(1, 100);
    giver.send(&office.ground, &payer, 1, &receipt);
    let end = next::download_end(&payer.state, &host(), [8; 16], [1; 16]).unwrap();
    payer.put(&office.ground, &end);
    let files = [payer.export(&office.ground), giver.export(&office.ground)];
    let plan = office.settles(&files);
    assert_eq!(told(&plan), [(Class::MediumAhead, 700), (Class::MediumAhead, 1_060)]);
    assert_eq!(sums(&mut office, &payer), [700, 0, 0]);
    assert_eq!(sums(&mut office, &giver), [1_060, 0, 0]);
    assert_eq!(office.owed(&Account::Revenue("unknown".to_owned())), 240);
}

#[test]
fn an_interrupted_take_is_settled_pro_rata_by_what_the_downloader_signed() {
    let mut office = Office::new();
    let (payer, mut giver) = begun(&mut office);
    let receipt = payer.receipt(1, 40);
    giver.send(&office.ground, &payer, 1, &receipt);
    let files = [payer.export(&office.ground), giver.export(&office.ground)];
    let plan = office.settles(&files);
    assert_eq!(told(&plan), [(Class::MediumAhead, 880), (Class::MediumAhead, 1_024)]);
    assert_eq!(sums(&mut office, &payer), [880, 0, 0], "the reserve of 300 is given back");
    assert_eq!(sums(&mut office, &giver), [1_024, 0, 0]);
    // On contact again it has more than it signed for, and ends what it began.
    let mut payer = payer;
    let end = next::download_end(&payer.state, &host(), [8; 16], [1; 16]).unwrap();
    payer.put(&office.ground, &end);
    office.settles(&[payer.export(&office.ground), giver.export(&office.ground)]);
    assert_eq!(sums(&mut office, &payer), [700, 0, 0]);
}

#[test]
fn a_fee_stays_provisional_until_its_payer_is_seen() {
    let mut office = Office::new();
    let (payer, mut giver) = begun(&mut office);
    let receipt = payer.receipt(1, 40);
    giver.send(&office.ground, &payer, 1, &receipt);
    let alone = [giver.export(&office.ground)];
    let plan = office.settles(&alone);
    assert_eq!(told(&plan), [(Class::MediumAhead, 1_024), (Class::NotChecked, 24)]);
    assert_eq!(sums(&mut office, &giver), [1_000, 24, 0]);
    // What the payer showed is kept beside the receipt: it is enough.
    let shown = payer.funding(&office.ground);
    office.settles(&[alone[0].clone(), shown, receipt]);
    assert_eq!(sums(&mut office, &giver), [1_024, 0, 0]);
    assert_eq!(sums(&mut office, &payer), [880, 0, 0]);
}

#[test]
fn a_receipt_alone_closes_what_its_payer_left_open() {
    let mut office = Office::new();
    let (payer, _) = begun(&mut office);
    let files = [payer.export(&office.ground), payer.receipt(1, 10), payer.receipt(1, 40)];
    office.settles(&files);
    assert_eq!(sums(&mut office, &payer), [880, 0, 0], "the greatest count decides");
    let alone = office.plan(&files[..1]);
    assert_eq!(told(&alone), [(Class::Matched, 0)], "nothing is reserved for it again");
}

#[test]
fn a_payer_that_closes_for_less_than_it_signed_pays_what_it_signed_for() {
    let mut office = Office::new();
    let (mut payer, mut giver) = begun(&mut office);
    let receipt = payer.receipt(1, 40);
    giver.send(&office.ground, &payer, 1, &receipt);
    let got = ByteCount::from_bytes(10);
    let close = next::download_interrupted(&payer.state, &host(), [8; 16], [1; 16], got).unwrap();
    payer.put(&office.ground, &close);
    let files = [payer.export(&office.ground), giver.export(&office.ground)];
    let plan = office.settles(&files);
    let differs = only(&plan, Class::BytesDiffer);
    assert_eq!((differs.amount, differs.medium, differs.sides.len()), (-90, Some(payer.id()), 2));
    assert_eq!(sums(&mut office, &payer), [880, 0, 0]);
    assert_eq!(sums(&mut office, &giver), [1_024, 0, 0]);
}

#[test]
fn a_receipt_whose_start_its_payer_lost_charges_nobody() {
    let mut office = Office::new();
    let (mut payer, giver) = (office.owned(0, 2), office.owned(1, 2));
    let before = payer.clone();
    payer.start(&office.ground, 1, giver.id());
    let receipt = payer.receipt(1, 40);
    let mut giver = giver;
    giver.send(&office.ground, &payer, 1, &receipt);
    let files = [before.export(&office.ground), giver.export(&office.ground)];
    let plan = office.settles(&files);
    let found = only(&plan, Class::ReceiptWithoutStart);
    assert_eq!((found.amount, found.medium), (-120, Some(before.id())));
    assert_eq!(sums(&mut office, &before), [1_000, 0, 0]);
    assert_eq!(sums(&mut office, &giver), [1_000, 24, 0]);
}

#[test]
fn a_fee_by_a_receipt_that_its_payer_did_not_sign_never_vests() {
    let mut office = Office::new();
    let (payer, mut giver) = begun(&mut office);
    let (real, thief) = (payer.state.holder, SecretKey::from_seed([99; 32]));
    let receipt = verify::<Receipt>(&payer.receipt(1, 100), &real).unwrap();
    let forged = sign(&thief, &*receipt);
    let mut claimed = payer.clone();
    claimed.state.holder = thief.public();
    giver.send(&office.ground, &claimed, 1, &forged);
    let files = [payer.export(&office.ground), giver.export(&office.ground)];
    let plan = office.settles(&files);
    let found = only(&plan, Class::BadSignature);
    assert_eq!((found.amount, found.medium), (60, Some(giver.id())));
    assert_eq!(sums(&mut office, &giver), [1_000, 60, 0]);
    assert_eq!(sums(&mut office, &payer), [700, 0, 300], "the payer's reserve stands");
}
