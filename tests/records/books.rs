//! The books: each sale and payment counts once, and all accounts together are zero.

use std::collections::BTreeMap;

use scrip::records::{
    Account, Dues, ImportError, Imported, JournalLine, Move, Origin, PaymentError, Place, Records,
    StorageError,
};
use scrip::units::{MediumId, Timestamp};

use super::made::{amount, enrol, id, time};

/// How many entries the journal has.
const ENTRIES: u64 = 40;
/// Each fifth entry takes back the one before it.
const VOIDS_EVERY: u64 = 5;

fn medium(number: u64) -> MediumId {
    MediumId::from_serial(number)
}

fn content(store: u8, seq: u64) -> Vec<u8> {
    format!("entry {seq} of store {store}").into_bytes()
}

/// A store's journal: sales of 100 + seq at the time 10 x seq, some of them taken back.
fn lines(store: u8, contents: &[Vec<u8>]) -> Vec<JournalLine<'_>> {
    let line = |(seq, content)| {
        let voids = (seq % VOIDS_EVERY == VOIDS_EVERY - 1).then(|| seq - 1);
        let sold = voids.unwrap_or(seq);
        let (owes, goods) =
            (Account::Store(id(store.into())), Account::Outstanding(medium(sold % 3)));
        let (debit, credit) = if voids.is_some() { (goods, owes) } else { (owes, goods) };
        let moves = Some(Move { debit, credit, amount: amount(100 + sold) });
        let (at, medium, event) =
            (time(10 * seq), medium(sold % 3), voids.is_none().then_some([store; 16]));
        JournalLine { seq, at, voids, medium, event, own: event.is_none(), moves, content }
    };
    (0..).zip(contents.iter().map(Vec::as_slice)).map(line).collect()
}

fn contents(store: u8) -> Vec<Vec<u8>> {
    (0..ENTRIES).map(|seq| content(store, seq)).collect()
}

fn balanced(records: &mut Records, stores: &[u8]) {
    let stores = stores.iter().map(|store| Account::Store(id((*store).into())));
    let media = (0..3).map(|number| Account::Outstanding(medium(number)));
    let all = stores.chain(media).chain([Account::Cash]);
    let sum: i64 = all.map(|account| records.account(&account).unwrap()).sum();
    assert_eq!(sum, 0);
}

pub(super) fn booked_once(place: &Place) {
    let mut records = Records::create(place).unwrap();
    enrol(&mut records, 1, 1000);
    let contents = contents(1);
    let all = lines(1, &contents);
    let mut known = 0;
    for end in [0, 1, 7, 7, 3, 30, 40, 0, 40] {
        let new = (end as u64).saturating_sub(known);
        let expected = Imported { known: end as u64 - new, new };
        assert_eq!(records.try_journal(id(1), &all[..end]).unwrap(), expected);
        assert_eq!(records.import_journal(id(1), &all[..end]).unwrap(), expected);
        known += new;
        balanced(&mut records, &[1]);
    }
    let owed: u64 = (0..ENTRIES).filter(|seq| seq % VOIDS_EVERY < 3).map(|seq| 100 + seq).sum();
    assert_eq!(records.account(&Account::Store(id(1))).unwrap(), owed.cast_signed());
    let error = records.import_journal(id(2), &all).unwrap_err();
    assert_eq!(error.to_string(), "store 2 is not enrolled");
}

pub(super) fn forked(place: &Place) {
    let mut records = Records::create(place).unwrap();
    enrol(&mut records, 1, 1000);
    let contents = contents(1);
    records.import_journal(id(1), &lines(1, &contents)[..20]).unwrap();
    let owed = records.account(&Account::Store(id(1))).unwrap();
    for first in [0, 7, 19] {
        let mut other = contents.clone();
        other[first..].iter_mut().for_each(|content| content.push(b'!'));
        let error = records.import_journal(id(1), &lines(1, &other)).unwrap_err();
        let ImportError::Forked { store, seq, .. } = error else { panic!("{error}") };
        assert_eq!((store, seq), (id(1), first as u64));
        assert_eq!(records.account(&Account::Store(id(1))).unwrap(), owed, "nothing was booked");
    }
    let mut later = contents.clone();
    later[20].push(b'!');
    let imported = records.import_journal(id(1), &lines(1, &later)).unwrap();
    assert_eq!(imported, Imported { known: 20, new: 20 }, "what is new may be anything");
}

pub(super) fn paid_once(place: &Place) {
    let mut records = Records::create(place).unwrap();
    enrol(&mut records, 1, 1000);
    enrol(&mut records, 2, 1000);
    let first = records.record_payment(id(1), amount(500), time(5), "bank 17", time(6)).unwrap();
    assert_eq!((first.seq, first.new), (0, true));
    let again = records.record_payment(id(1), amount(500), time(9), "bank 17", time(9)).unwrap();
    assert_eq!((again.seq, again.at, again.new), (0, time(5), false));
    let other = records.record_payment(id(2), amount(70), time(5), "bank 17", time(6)).unwrap();
    assert!(other.new, "another store's reference is its own");
    assert_eq!(records.account(&Account::Cash).unwrap(), 570);
    let cases = [
        (1, 501, "bank 17", "\"bank 17\" is a payment of 500, this asks for 501"),
        (3, 500, "bank 18", "store 3 is not enrolled"),
        (1, 0, "bank 18", "a payment of nothing"),
        (1, 500, "", "reference of 0 bytes"),
        (1, 500, &"x".repeat(201), "reference of 201 bytes, expected 1 to 200"),
    ];
    for (store, sum, reference, words) in cases {
        for error in [
            records.record_payment(id(store), amount(sum), time(5), reference, time(6)),
            records.try_payment(id(store), amount(sum), time(5), reference),
        ] {
            let error: PaymentError = error.unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
    assert!(records.try_payment(id(1), amount(9), time(5), "bank 19").unwrap().new);
    assert_eq!(records.account(&Account::Cash).unwrap(), 570);
    balanced(&mut records, &[1, 2]);
}

pub(super) fn dues_add_up(place: &Place) {
    let mut records = Records::create(place).unwrap();
    for store in [1, 2] {
        enrol(&mut records, store, 1000);
        let contents = contents(store);
        records.import_journal(id(store.into()), &lines(store, &contents)).unwrap();
    }
    for (nth, at) in [15, 205, 399].into_iter().enumerate() {
        let reference = format!("bank {nth}");
        records.record_payment(id(1), amount(1_000), time(at), &reference, time(500)).unwrap();
    }
    let owes = [1, 2].map(|store| records.account(&Account::Store(id(store))).unwrap());
    for cut in (0..=400).step_by(13).map(time) {
        let before = records.dues(time(0), cut).unwrap();
        let after = records.dues(cut, Timestamp::MAX).unwrap();
        for (store, (before, after)) in before.iter().zip(&after).enumerate() {
            let sum = |due: &Dues| due.opening + due.sold - due.voided - due.paid;
            assert_eq!((sum(before), sum(after)), (before.owed, after.owed));
            assert_eq!((before.opening, after.opening), (0, before.owed));
            assert_eq!(after.owed, owes[store]);
        }
    }
    // Entries 20 to 24 sell 120, 121, 122, 123 and take 123 back; the payment at 205 lies between.
    let month = &records.dues(time(200), time(250)).unwrap()[0];
    assert_eq!((month.sold, month.voided, month.paid), (486, 123, 1_000));
    assert_eq!((month.store, month.name.as_str()), (id(1), "Kiosk 1"));
    // Followed move by move, each account comes to what the database says.
    let mut sums: BTreeMap<Account, i64> = BTreeMap::new();
    let (mut last, mut payments) = (time(0), 0);
    records
        .each_move(|booked| -> Result<(), StorageError> {
            assert!(booked.at >= last, "in the order of time");
            last = booked.at;
            payments += usize::from(matches!(&booked.origin, Origin::Payment(_)));
            let minor = booked.moved.amount.minor().cast_signed();
            *sums.entry(booked.moved.debit.clone()).or_default() += minor;
            *sums.entry(booked.moved.credit.clone()).or_default() -= minor;
            Ok(())
        })
        .unwrap();
    let balances = records.balances().unwrap();
    assert_eq!(balances.iter().map(|balance| balance.minor).sum::<i64>(), 0);
    let told = balances.iter().map(|balance| (balance.account.clone(), balance.minor));
    assert_eq!((told.collect::<BTreeMap<_, _>>(), payments), (sums, 3));
}

pub(super) fn together(place: &Place) {
    let mut records = Records::create(place).unwrap();
    enrol(&mut records, 1, 1000);
    let contents = contents(1);
    let all = lines(1, &contents);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let all = &all;
            scope.spawn(move || {
                let mut records = Records::open(place).unwrap();
                for end in [10 + worker, 25, 40] {
                    records.import_journal(id(1), &all[..end]).unwrap();
                    let at = time(7);
                    records.record_payment(id(1), amount(11), at, "bank 1", at).unwrap();
                }
            });
        }
    });
    assert_eq!(records.try_journal(id(1), &all).unwrap(), Imported { known: 40, new: 0 });
    assert_eq!(records.account(&Account::Cash).unwrap(), 11);
    balanced(&mut records, &[1]);
}
