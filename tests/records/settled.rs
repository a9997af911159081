//! Postings as these tests make them: a medium's next account, the moves that lead to it, and a
//! checkpoint.

use scrip::crypto::sign::SecretKey;
use scrip::format::certificate::Chain;
use scrip::format::checkpoint::{Bounded, Checkpoint, SettledSince};
use scrip::format::store::{Burn, StoreEntry, StoreEvent, Value};
use scrip::ledger::{Booked, Effect, Settler, settled_since_hash};
use scrip::records::{
    Account, FindingNote, JournalLine, Known, Move, Planned, PostError, Posted, Posting, Records,
    Signing, is_own, sold_event,
};
use scrip::trust::{Verified, sign, verify};
use scrip::units::{Amount, MediumId, Sequence, StoreId};

use super::made::{amount, id, time, yen};

/// An event: its name, what it moves, and how that counts.
pub(crate) type Event = (u8, i64, Effect);

pub(crate) fn store_key(store: StoreId) -> SecretKey {
    SecretKey::from_seed([store.number().try_into().unwrap(); 32])
}

/// A posting that goes on from what is known, by these events.
pub(crate) fn next(known: &Known, events: &[Event]) -> Posting {
    let (medium, number) = (known.medium, known.row.number + 1);
    let mut account = known.account.clone();
    account.number = number;
    account.events.clear();
    let mut moves = vec![];
    for (name, minor, effect) in events {
        let booked = Booked { amount: *minor, effect: *effect, number };
        account.events.insert([*name; 16], booked);
        moves.push(moved(medium, *minor, *effect));
        let sum =
            if *effect == Effect::Earned { &mut account.provisional } else { &mut account.settled };
        *sum = Amount::from_minor(sum.minor().checked_add_signed(*minor).unwrap()).unwrap();
    }
    let seq = Sequence::from_number(10 * number);
    account.held.insert(seq, [number.try_into().unwrap(); 32]);
    account.first = account.first.or(Some(seq));
    let since: Vec<_> = account.events.keys().copied().collect();
    let checkpoint = Checkpoint {
        medium,
        number,
        prev: known.account.hash,
        seq,
        head: account.held[&seq],
        holder: SecretKey::from_seed([8; 32]).public(),
        settled: account.settled,
        provisional: account.provisional,
        debt: account.debt,
        open: Bounded(account.open.clone()),
        slots: Bounded::default(),
        vouchers: Bounded::default(),
        counted: Bounded::default(),
        cleared: Bounded::default(),
        exceptions: Bounded::default(),
        policy: 1,
        revocation: 0,
        as_of: time(1000 * number),
        settled_since: Some(SettledSince { number: 0, events: settled_since_hash(&since) }),
        attachments: Bounded::default(),
    };
    let findings = vec![FindingNote { id: [number.try_into().unwrap(); 16], class: 1 }];
    let before = known.row;
    Posting { medium, before, account, moves, checkpoint, settled_since: since, findings }
}

fn moved(medium: MediumId, minor: i64, effect: Effect) -> Move {
    let sold = Account::Revenue("Ann's Press".to_owned());
    let (debit, credit) = match effect {
        Effect::Earned => (sold, Account::Provisional(medium)),
        Effect::Own if minor > 0 => (Account::Outstanding(medium), Account::Settled(medium)),
        _ => (Account::Settled(medium), sold),
    };
    Move { debit, credit, amount: amount(minor.unsigned_abs()) }
}

/// Post these as the plan of this name.
pub(crate) fn post(
    records: &mut Records,
    name: u8,
    postings: &[Posting],
) -> Result<Posted, PostError> {
    let planned = Planned { hash: [name; 32], base: records.base().unwrap() };
    post_as(records, &planned, postings)
}

pub(crate) fn post_as(
    records: &mut Records,
    planned: &Planned,
    postings: &[Posting],
) -> Result<Posted, PostError> {
    let (key, chain) = (SecretKey::from_seed([9; 32]), Chain(vec![]));
    let settler = Settler { key: &key, chain: &chain };
    let files = [b"a policy".to_vec()];
    let signing = Signing { settler, files: &files };
    records.post(planned, || postings.iter().cloned().map(Ok), &signing, time(77))
}

pub(crate) fn try_post(
    records: &mut Records,
    name: u8,
    postings: &[Posting],
) -> Result<Posted, PostError> {
    let planned = Planned { hash: [name; 32], base: records.base().unwrap() };
    records.try_post(&planned, || postings.iter().cloned().map(Ok), time(77))
}

/// An entry of a store's journal.
pub(crate) fn entry(store: StoreId, seq: u64, event: StoreEvent, medium: MediumId) -> StoreEntry {
    let prev = [0; 32];
    let at = time(10 * seq);
    StoreEntry {
        seq,
        prev,
        store,
        at,
        event,
        medium,
        burn: None,
        value: None,
        price: None,
        voids: None,
    }
}

pub(crate) fn burn(certificate: [u8; 32]) -> Burn {
    let target = "stick.img".to_owned();
    Burn { edition: [1; 32], certificate, root: [2; 32], target, hardware: None, label: None }
}

pub(crate) fn voucher(minor: u64, serial: u64) -> Value {
    let serial = Some(serial);
    Value { amount: amount(minor), currency: yen(), sheet: None, slot: None, serial }
}

pub(crate) fn code(minor: u64, sheet: u8, slot: u8) -> Value {
    let (sheet, slot) = (Some([sheet; 16]), Some(slot));
    Value { amount: amount(minor), currency: yen(), sheet, slot, serial: None }
}

pub(crate) fn signed(entries: &[StoreEntry]) -> Vec<Verified<StoreEntry>> {
    let sealed = |entry: &StoreEntry| {
        let key = store_key(entry.store);
        verify(&sign(&key, entry), &key.public()).unwrap()
    };
    entries.iter().map(sealed).collect()
}

/// Book entries of store 1: sales go to what it owes.
pub(crate) fn import(records: &mut Records, entries: &[StoreEntry]) {
    let signed = signed(entries);
    let lines: Vec<_> = signed
        .iter()
        .map(|entry| {
            let sum = entry.value.as_ref().map(|value| value.amount);
            let (debit, credit) = (Account::Store(id(1)), Account::Outstanding(entry.medium));
            JournalLine {
                seq: entry.seq,
                at: entry.at,
                voids: entry.voids,
                medium: entry.medium,
                event: sold_event(entry),
                own: is_own(entry),
                moves: sum.map(|amount| Move { debit, credit, amount }),
                content: entry.bytes(),
            }
        })
        .collect();
    records.import_journal(id(1), &lines).unwrap();
}
