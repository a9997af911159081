//! Transfers joined across media: the greatest count that the downloader signed decides.
//!
//! What the payer's journal leaves open is closed by that count, pro rata; a fee vests once the
//! payer's charge for it is settled.

use std::collections::BTreeMap;

use super::finding::Draft;
use super::heap::Heap;
use super::judged::{Judged, Standing};
use crate::format::plan::Class;
use crate::format::record::{Body, EventId, Record};
use crate::format::transfer::{Partner, Receipt, Terms, TransferId};
use crate::ledger::charge::segment;
use crate::ledger::{Account, Booked, Effect, earn_event};
use crate::trust::{Claimed, Verified, verify};
use crate::units::{Amount, ByteCount, MediumId, Sequence};

/// A segment as its payer began it.
#[derive(Debug, Clone)]
struct Start {
    hash: [u8; 32],
    terms: Terms,
    partner: Partner,
    before: ByteCount,
    /// The event that charges it.
    event: EventId,
}

/// What a payer signed for, and who showed it.
#[derive(Debug, Clone)]
struct Shown {
    receipt: Receipt,
    bytes: Vec<u8>,
    /// The terms and the fee that the sender's journal goes by.
    earned: Option<Earned>,
}

#[derive(Debug, Clone)]
struct Earned {
    by: MediumId,
    terms: Terms,
    start: [u8; 32],
    event: EventId,
    fee: i64,
    seq: Sequence,
}

type Place = (MediumId, TransferId, Sequence);

/// Join what all media say of transfers: close what is open, correct what differs, vest fees.
pub(super) fn join(heap: &Heap, all: &mut BTreeMap<MediumId, Judged>) {
    let mut shown: BTreeMap<Place, Vec<Shown>> = BTreeMap::new();
    for judged in all.values() {
        for one in earned_by(judged) {
            let receipt = &one.receipt;
            let place = (receipt.medium, receipt.transfer, receipt.start);
            shown.entry(place).or_default().push(one);
        }
    }
    for (medium, pieces) in heap.media() {
        for bytes in pieces.receipts.values() {
            let Ok(receipt) = Claimed::<Receipt>::read(bytes) else { continue };
            let place = (*medium, receipt.transfer, receipt.start);
            let one =
                Shown { receipt: Receipt::clone(&receipt), bytes: bytes.clone(), earned: None };
            shown.entry(place).or_default().push(one);
        }
    }
    for (place, mut shown) in shown {
        shown.sort_by(|one, other| one.bytes.cmp(&other.bytes));
        one_segment(all, place, shown);
    }
}

/// The terms of an upload, its payer's start, and the bytes that it had.
type Begun<'a> = (&'a Terms, [u8; 32], ByteCount);

/// The fees that a medium's records earned, each with the terms of its upload.
fn earned_by(judged: &Judged) -> Vec<Shown> {
    let mut uploads: BTreeMap<TransferId, Vec<Begun<'_>>> = BTreeMap::new();
    for record in judged.found.records.values() {
        if let Body::UploadStart { terms, start, before, .. } = &record.body {
            uploads.entry(terms.transfer).or_default().push((terms, *start, *before));
        }
    }
    let mut earned = vec![];
    for record in judged.found.records.values() {
        let Body::Earn { receipt: bytes } = &record.body else { continue };
        let (Ok(receipt), Some(entry)) = (Claimed::<Receipt>::read(&bytes.0), &record.accounting)
        else {
            continue;
        };
        let receipt = Receipt::clone(&receipt);
        let begun = uploads.get(&receipt.transfer).into_iter().flatten();
        let Some((terms, start, _)) = begun.copied().find(|begun| begun.2 == receipt.before) else {
            continue;
        };
        let event = earn_event(&receipt, judged.medium);
        let (by, terms, fee, seq) = (judged.medium, terms.clone(), entry.amount, record.seq);
        let earned_here = Earned { by, terms, start, event, fee, seq };
        earned.push(Shown { receipt, bytes: bytes.0.clone(), earned: Some(earned_here) });
    }
    earned
}

/// The segment that a payer began at a place, by its journal or by what it left open.
fn started(payer: &Judged, (_, transfer, seq): Place) -> Vec<Start> {
    let mut starts: Vec<Start> = vec![];
    let records = payer.found.records.values().filter(|record| record.seq == seq);
    for record in records {
        let Body::DownloadStart { terms, partner, before } = &record.body else { continue };
        let Some(event) = record.history.link.filter(|_| terms.transfer == transfer) else {
            continue;
        };
        let (hash, partner, before) = (record.hash(), *partner, *before);
        starts.push(Start { hash, terms: terms.clone(), partner, before, event });
    }
    for state in payer.states() {
        let open = state.transfers.get(&transfer).filter(|known| known.start == seq);
        let Some((known, open)) = open.and_then(|known| Some((known, known.open.as_ref()?))) else {
            continue;
        };
        if starts.iter().all(|start| start.hash != known.hash) {
            let (hash, partner, before) = (known.hash, open.partner, known.covered);
            let (terms, event) = (known.terms.clone(), open.event);
            starts.push(Start { hash, terms, partner, before, event });
        }
    }
    starts.sort_by_key(|start| start.hash);
    starts
}

fn one_segment(all: &mut BTreeMap<MediumId, Judged>, place: Place, shown: Vec<Shown>) {
    let Some(payer) = all.get_mut(&place.0) else {
        for earned in shown.iter().filter_map(|one| one.earned.as_ref()) {
            unpaid(all, earned, &shown, "its payer's journal is not in the evidence");
        }
        return;
    };
    let (good, forged) = by_the_payer(payer, shown);
    let starts = started(payer, place);
    if let Some(greatest) = good.iter().max_by_key(|one| (one.receipt.got, one.receipt.before)) {
        match starts.iter().find(|start| fits(start, greatest)) {
            Some(start) => charge(payer, place.2, start, greatest),
            None => without_start(payer, place, greatest, &starts),
        }
    }
    for one in &good {
        let Some(earned) = &one.earned else { continue };
        vest(all, place.0, earned, one, &starts);
    }
    for one in &forged {
        let Some(earned) = &one.earned else { continue };
        let Some(judged) = all.get_mut(&earned.by) else { continue };
        let what = format!("a receipt that medium {} did not sign", place.0);
        let draft = Draft::of(Class::BadSignature).at(earned.seq).moving(earned.fee);
        judged.tell(draft.shown(what, &one.bytes).so("its fee never vests"));
    }
}

/// Those that one of the payer's keys signed, and the others.
fn by_the_payer(payer: &mut Judged, shown: Vec<Shown>) -> (Vec<Shown>, Vec<Shown>) {
    let keys = payer.keys();
    let signed = |one: &Shown| keys.iter().any(|key| verify::<Receipt>(&one.bytes, key).is_ok());
    let (good, forged): (Vec<_>, Vec<_>) = shown.into_iter().partition(signed);
    for one in forged.iter().filter(|one| one.earned.is_none()) {
        let (class, what) = if keys.is_empty() {
            (Class::NotChecked, "a receipt; which key its payer has is not in the evidence")
        } else {
            (Class::BadSignature, "a receipt that no key of its payer's signed")
        };
        payer.tell(Draft::of(class).at(one.receipt.start).shown(what, &one.bytes));
    }
    (good, forged)
}

/// A receipt is of a segment if sender and beginning agree; its sender's journal names the start.
fn fits(start: &Start, one: &Shown) -> bool {
    let named = one.earned.as_ref().is_none_or(|earned| earned.start == start.hash);
    named && start.partner == one.receipt.partner && start.before == one.receipt.before
}

/// What is due for a count of bytes.
fn due(terms: &Terms, before: ByteCount, got: ByteCount) -> Option<i64> {
    let charge = segment(terms, before, got).ok()?.charge;
    i64::try_from(charge.minor()).ok()
}

/// Hold what the payer signed for against what its journal charges, and settle the greater.
fn charge(payer: &mut Judged, seq: Sequence, start: &Start, one: &Shown) {
    let Some(due) = due(&start.terms, start.before, one.receipt.got) else { return };
    let Some(settlement) = &payer.settlement else { return };
    let booked = settlement.account.events.get(&start.event).map_or(0, |known| -known.amount);
    let open = settlement.account.open.iter().position(|open| open.start == start.hash);
    let closed = payer
        .found
        .records
        .values()
        .find(|record| record.history.link == Some(start.event) && count_of(record).is_some());
    // A payer may have more than it signed for when it was cut off: it is told, and its count stands.
    let tells = booked < due || (booked > due && one.earned.is_some());
    let differs = closed.filter(|_| tells).map(|record| {
        let got = count_of(record).unwrap_or_default();
        let what = format!("record {}: {got} bytes", record.seq);
        let draft = Draft::of(Class::BytesDiffer).at(seq).moving(booked - due);
        let draft = draft.shown(what, record.bytes());
        draft.shown(format!("its receipt: {} bytes", one.receipt.got.bytes()), &one.bytes)
    });
    if let Some(draft) = differs {
        payer.tell(draft);
    }
    if payer.standing == Standing::Held || booked > due {
        return;
    }
    let Some(settlement) = &mut payer.settlement else { return };
    let account = &mut settlement.account;
    let mut free = i128::from(booked) - i128::from(due);
    if let Some(open) = open.map(|place| &mut account.open[place]) {
        if one.receipt.got.bytes() == 0 {
            return;
        }
        free += i128::from(open.reserved.minor());
        open.reserved = Amount::ZERO;
        let covered = start.before.bytes() + one.receipt.got.bytes();
        open.covered = ByteCount::from_bytes(covered);
    }
    if booked < due {
        let (effect, number) = (Effect::AtPartner, account.number);
        account.events.insert(start.event, Booked { amount: -due, effect, number });
        for list in [&mut settlement.settled_since, &mut settlement.counted] {
            if let Err(place) = list.binary_search(&start.event) {
                list.insert(place, start.event);
            }
        }
    }
    shift(&mut settlement.account, free);
}

/// The bytes that a record closes a segment with.
fn count_of(record: &Record) -> Option<u64> {
    match &record.body {
        Body::DownloadInterrupted { got, .. } | Body::DownloadEnd { got, .. } => Some(got.bytes()),
        _ => None,
    }
}

/// More or less is free.
fn shift(account: &mut Account, free: i128) {
    let had = i128::from(account.settled.minor()) - i128::from(account.debt.minor());
    let has = had + free;
    let amount = |value: i128| {
        let value = u64::try_from(value.max(0)).unwrap_or(u64::MAX);
        Amount::from_minor(value).unwrap_or(Amount::MAX)
    };
    (account.settled, account.debt) = (amount(has), amount(-has));
}

/// The payer signed for bytes of a segment that its journal doesn't begin.
fn without_start(payer: &mut Judged, place: Place, one: &Shown, starts: &[Start]) {
    let receipt = &one.receipt;
    let terms = one.earned.as_ref().map(|earned| &earned.terms);
    let due = terms.and_then(|terms| due(terms, receipt.before, receipt.got)).unwrap_or(0);
    let before_all = payer.found.branches.iter().all(|branch| {
        branch.behind > 0 && branch.state.checkpoint.is_some_and(|at| place.2 <= at.seq)
    });
    if before_all && starts.is_empty() && !payer.found.branches.is_empty() {
        let draft = Draft::of(Class::NotChecked).at(place.2);
        let what = "a receipt of a segment that lies before what the payer's journal begins with";
        payer.tell(draft.shown(what, &one.bytes));
        return;
    }
    let what = format!("a receipt of {} bytes for start {}", receipt.got.bytes(), place.2);
    let draft = Draft::of(Class::ReceiptWithoutStart).at(place.2).moving(-due);
    let mut draft = draft.shown(what, &one.bytes);
    let other = payer.found.records.values().find(|record| record.seq == place.2);
    if let Some(other) = other {
        draft = draft.shown(format!("the record that stands at {}", place.2), other.bytes());
    }
    payer.tell(draft);
}

/// A fee vests where the payer's charge covers what it was earned for.
fn vest(
    all: &mut BTreeMap<MediumId, Judged>,
    payer: MediumId,
    earned: &Earned,
    one: &Shown,
    starts: &[Start],
) {
    let start = starts.iter().find(|start| fits(start, one));
    let Some(start) = start else {
        unpaid(all, earned, std::slice::from_ref(one), "its start is not in the payer's journal");
        return;
    };
    if start.terms != earned.terms {
        let Some(judged) = all.get_mut(&earned.by) else { return };
        let fee = segment(&start.terms, start.before, one.receipt.got)
            .map_or(0, |due| i64::try_from(due.fee.minor()).unwrap_or(i64::MAX));
        let draft = Draft::of(Class::AmountDiffers).at(earned.seq).moving(earned.fee - fee);
        let draft = draft.side("the payer's start has other terms", start.hash);
        judged.tell(draft.shown("the receipt", &one.bytes).so("its fee does not vest"));
        return;
    }
    let due = due(&start.terms, start.before, one.receipt.got);
    let paid = all.get(&payer).and_then(|payer| {
        let settled = payer.settlement.as_ref().filter(|_| payer.standing == Standing::Postable);
        let account = settled.map_or(&payer.before, |settled| &settled.account);
        account.events.get(&start.event).map(|booked| -booked.amount)
    });
    let Some(giver) = all.get_mut(&earned.by) else { return };
    if giver.standing == Standing::Held || due.is_none_or(|due| paid.unwrap_or(0) < due) {
        return;
    }
    let Some(settlement) = &mut giver.settlement else { return };
    let (number, event) = (settlement.account.number, earned.event);
    let Some(booked) = settlement.account.events.get_mut(&event) else { return };
    let fee = booked.amount.unsigned_abs();
    let provisional = settlement.account.provisional.minor();
    if booked.effect != Effect::Earned || provisional < fee {
        return;
    }
    (booked.effect, booked.number) = (Effect::Own, number);
    settlement.account.provisional = Amount::from_minor(provisional - fee).unwrap_or(Amount::ZERO);
    shift(&mut settlement.account, i128::from(fee));
    giver.vested.insert(event);
}

/// Say why a fee that is newly booked can't vest yet.
fn unpaid(
    all: &mut BTreeMap<MediumId, Judged>,
    earned: &Earned,
    shown: &[Shown],
    why: &'static str,
) {
    let Some(judged) = all.get_mut(&earned.by) else { return };
    let vested = judged.before.events.get(&earned.event);
    if vested.is_some_and(|booked| booked.effect != Effect::Earned) {
        return;
    }
    let mut draft = Draft::of(Class::NotChecked).at(earned.seq).moving(earned.fee);
    for one in shown.iter().filter(|one| one.earned.as_ref().map(|of| of.by) == Some(earned.by)) {
        draft = draft.shown("the receipt of a fee that stays provisional", &one.bytes);
    }
    judged.tell(draft.so(why));
}

/// Where a voucher was credited, and its amount.
type Credited = (MediumId, Sequence, i64);

/// One voucher's id on two different vouchers: their store signed one serial two times.
pub(super) fn vouchers(all: &mut BTreeMap<MediumId, Judged>) {
    let mut seen: BTreeMap<[u8; 16], BTreeMap<Vec<u8>, Credited>> = BTreeMap::new();
    for judged in all.values() {
        for record in judged.found.records.values() {
            let Some((voucher, id)) = voucher_of(record) else { continue };
            let amount = record.accounting.as_ref().map_or(0, |entry| entry.amount);
            let place = (judged.medium, record.seq, amount);
            seen.entry(id).or_default().insert(voucher, place);
        }
    }
    for twins in seen.into_values().filter(|twins| twins.len() > 1) {
        for (medium, seq, amount) in twins.values() {
            let mut draft = Draft::of(Class::DuplicateCodeOrVid).at(*seq).moving(*amount);
            for (voucher, (medium, _, amount)) in &twins {
                draft = draft.shown(format!("a voucher of {amount} for medium {medium}"), voucher);
            }
            if let Some(judged) = all.get_mut(medium) {
                judged.tell(draft);
            }
        }
    }
}

/// The voucher in a record, and its id.
fn voucher_of(record: &Verified<Record>) -> Option<(Vec<u8>, [u8; 16])> {
    match &record.body {
        Body::TopupVoucher { voucher, .. } | Body::Refund { voucher, .. } => {
            let read = Claimed::<crate::format::sheet::Voucher>::read(&voucher.0).ok()?;
            Some((voucher.0.clone(), read.id))
        }
        _ => None,
    }
}
