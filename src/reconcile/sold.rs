//! What is newly credited and spent, against what was sold.

use std::collections::BTreeMap;

use super::finding::Draft;
use super::judged::Judged;
use crate::format::plan::Class;
use crate::format::record::{Body, EventId, Record, RecordKind};
use crate::format::sheet::Voucher;
use crate::ledger::{Account, Booked, Effect};
use crate::records::{Known, Seller, Sold};
use crate::trust::{Claimed, Revoked, Verified};

/// Events that a settlement books, or counts otherwise than before: what they add to the old amount.
pub(super) fn newly<'a>(
    before: &'a Account,
    after: &'a Account,
) -> impl Iterator<Item = (&'a EventId, &'a Booked, i64)> {
    after.events.iter().filter_map(|(event, booked)| {
        let known = before.events.get(event).map_or(0, |known| known.amount);
        (known != booked.amount).then_some((event, booked, booked.amount - known))
    })
}

/// Hold what is new against the sales that the records know.
pub(super) fn look_at_sales(judged: &mut Judged, revoked: &Revoked) {
    let (Some(known), Some(settlement)) = (judged.known.clone(), &judged.settlement) else {
        return;
    };
    let new: Vec<(EventId, Booked, i64)> = newly(&judged.before, &settlement.account)
        .map(|(event, booked, delta)| (*event, *booked, delta))
        .collect();
    let (mut told, mut held) = (vec![], vec![]);
    let events = judged.events();
    for (event, booked, _) in new.iter().filter(|(_, booked, _)| booked.amount > 0) {
        let Some(record) = events.get(event).filter(|_| booked.effect == Effect::Own) else {
            continue;
        };
        if matches!(record.body, Body::Earn { .. }) {
            continue;
        }
        told.extend(sale_of(&known, event, booked.amount, record));
        let draft = is_revoked(record, revoked, booked.amount);
        held.extend(draft.map(|draft| (draft, booked.amount.into())));
    }
    told.extend(never_sold(&known, &new, &events));
    told.extend(sold_twice(&known));
    for draft in told {
        judged.tell(draft);
    }
    for (draft, amount) in held {
        judged.hold_for_person(draft, amount);
    }
}

fn sale_of(
    known: &Known,
    event: &EventId,
    amount: i64,
    record: &Verified<Record>,
) -> Option<Draft> {
    let sales: Vec<&Sold> = known.sold.iter().filter(|sold| sold.event == *event).collect();
    let of = |class: Class| {
        let draft = Draft::of(class).at(record.seq).moving(amount);
        draft.shown(format!("record {}: it adds {amount}", record.seq), record.bytes())
    };
    let stands: Vec<_> = sales.iter().filter(|sold| sold.voided.is_none()).collect();
    match (sales.first(), stands.as_slice()) {
        (None, _) => Some(of(Class::RedeemedNeverSold)),
        (Some(first), []) => {
            Some(of(Class::RedeemedAfterVoid).side(sale_words(first), sale_hash(first)))
        }
        (_, [sold]) => {
            let minor = i64::try_from(sold.amount.minor()).unwrap_or(i64::MAX);
            let differs = of(Class::AmountDiffers).moving(amount - minor);
            (minor != amount).then(|| differs.side(sale_words(sold), sale_hash(sold)))
        }
        (_, many) => {
            let all = many.iter().fold(of(Class::SoldTwice), |draft, sold| {
                draft.side(sale_words(sold), sale_hash(sold))
            });
            Some(all)
        }
    }
}

fn sale_words(sold: &Sold) -> String {
    let who = match sold.by {
        Seller::Store { store, seq } => format!("store {store}, entry {seq}"),
        Seller::Issuer => "the issuer".to_owned(),
    };
    let voided = sold.voided.map(|voided| format!(", taken back by entry {}", voided.seq));
    format!("{who}: sold for {}{}", sold.amount.minor(), voided.unwrap_or_default())
}

/// A sale has no hash here: it is named by its place.
fn sale_hash(sold: &Sold) -> [u8; 32] {
    let (store, seq) = match sold.by {
        Seller::Store { store, seq } => (u64::from(store.number()), seq),
        Seller::Issuer => (0, 0),
    };
    place_hash(b"sold", store, seq, &sold.event)
}

fn place_hash(what: &[u8], store: u64, seq: u64, of: &[u8]) -> [u8; 32] {
    let (store, seq) = (store.to_be_bytes(), seq.to_be_bytes());
    crate::crypto::digest::sha256_parts(&[what, &store, &seq, of])
}

/// What was credited though it is revoked, whenever the list arrived.
fn is_revoked(record: &Verified<Record>, revoked: &Revoked, amount: i64) -> Option<Draft> {
    let refused = match &record.body {
        Body::TopupCode { sheet, slot, .. } => revoked.check_slot(sheet, *slot),
        Body::TopupVoucher { voucher, .. } | Body::Refund { voucher, .. } => {
            revoked.check_voucher(&*Claimed::<Voucher>::read(&voucher.0).ok()?)
        }
        _ => Ok(()),
    };
    let reason = refused.err()?.to_string();
    let draft = Draft::of(Class::Revoked).at(record.seq).moving(amount);
    let list = revoked.list().map_or([0; 32], Verified::hash);
    Some(draft.shown(reason, record.bytes()).side("the revocation list", list))
}

/// Spent from a medium that no journal sold.
fn never_sold(
    known: &Known,
    new: &[(EventId, Booked, i64)],
    events: &BTreeMap<EventId, &Verified<Record>>,
) -> Option<Draft> {
    if known.sales.iter().any(|sale| sale.voided.is_none()) {
        return None;
    }
    // The burn's own code, which the store spent: sealed packs have one.
    let own = new.iter().find_map(|(event, _, delta)| {
        let record = events.get(event)?;
        let burnt = record.seq.number() == 1 && matches!(record.history.kind, RecordKind::Topup);
        burnt.then_some((record, *delta))
    });
    if let Some((record, amount)) = own {
        let draft = Draft::of(Class::SpentNeverSold).at(record.seq).moving(amount);
        return Some(draft.shown("the code that its burn spent", record.bytes()));
    }
    let spent = new.iter().filter(|(_, booked, _)| booked.amount < 0);
    let mut records: Vec<_> = spent.clone().filter_map(|(event, ..)| events.get(event)).collect();
    records.sort_by_key(|record| (record.seq, record.hash()));
    let first = records.first()?;
    let sum: i128 = spent.map(|(_, _, delta)| i128::from(*delta)).sum();
    let draft = Draft::of(Class::SpentNeverSold).at(first.seq).moving(sum);
    Some(draft.shown(format!("record {} spends first", first.seq), first.bytes()))
}

fn sold_twice(known: &Known) -> Option<Draft> {
    let sales: Vec<_> = known.sales.iter().filter(|sale| sale.voided.is_none()).collect();
    if sales.len() < 2 {
        return None;
    }
    let number = known.medium.number().to_be_bytes();
    Some(sales.iter().fold(Draft::of(Class::SoldTwice), |draft, sale| {
        let hash = place_hash(b"medium", sale.store.number().into(), sale.seq, &number);
        draft.side(format!("store {}, entry {}: the medium", sale.store, sale.seq), hash)
    }))
}
