//! Transfers joined across media: the greatest count that the downloader signed decides.
//!
//! What the payer's journal leaves open is closed by that count, pro rata; a fee vests once the
//! payer's charge for it is settled.

use std::collections::BTreeMap;

use super::finding::Draft;
use super::judged::{Judged, Standing};
use super::pieces::Pieces;
use super::told::{Says, Told};
use crate::crypto::digest::sha256;
use crate::format::plan::Class;
use crate::format::record::{Body, EventId, Record};
use crate::format::transfer::{Partner, Receipt, Terms, TransferId};
use crate::ledger::charge::segment;
use crate::ledger::{Account, Booked, Effect, Outcome, earn_event};
use crate::trust::{Claimed, verify};
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
pub(super) struct Shown {
    pub(super) receipt: Receipt,
    pub(super) bytes: Vec<u8>,
    /// The terms and the fee that the sender's journal goes by.
    pub(super) earned: Option<Earned>,
}

/// The fee for it, by its giver's journal.
#[derive(Debug, Clone)]
pub(super) struct Earned {
    pub(super) by: MediumId,
    pub(super) terms: Terms,
    pub(super) start: [u8; 32],
    pub(super) event: EventId,
    pub(super) fee: i64,
    pub(super) seq: Sequence,
}

/// A payer, a transfer and the sequence of its start.
pub(super) type Place = (MediumId, TransferId, Sequence);

/// What becomes of a fee, by what its payer's journal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The payer's charge for it is settled.
    Vests,
    /// The payer didn't sign the receipt.
    Forged,
    /// The payer's journal isn't here.
    NoPayer,
    /// The payer's journal doesn't begin it.
    NoStart,
    /// The payer's start has other terms.
    OtherTerms {
        /// SHA-256 over that start.
        start: [u8; 32],
        /// The fee by those terms.
        fee: i64,
    },
}

/// A verdict on what a giver showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ruled {
    /// Who showed it.
    pub(super) by: MediumId,
    /// The segment.
    pub(super) place: Place,
    /// SHA-256 over the receipt.
    pub(super) receipt: [u8; 32],
    pub(super) verdict: Verdict,
}

impl Shown {
    pub(super) fn place(&self) -> Place {
        (self.receipt.medium, self.receipt.transfer, self.receipt.start)
    }

    fn ruled(&self, verdict: Verdict) -> Option<Ruled> {
        let by = self.earned.as_ref()?.by;
        Some(Ruled { by, place: self.place(), receipt: sha256(&self.bytes), verdict })
    }
}

/// Hold what others showed of a payer, and its own receipts, against its journal: close what is
/// open, correct what differs. Gives what becomes of the fees.
pub(super) fn charge_all(payer: &mut Judged, pieces: &Pieces, shown: Vec<Shown>) -> Vec<Ruled> {
    let own = pieces.receipts.values().filter_map(|bytes| {
        let receipt = Receipt::clone(&*Claimed::<Receipt>::read(bytes).ok()?);
        Some(Shown { receipt, bytes: bytes.clone(), earned: None })
    });
    let mut places: BTreeMap<Place, Vec<Shown>> = BTreeMap::new();
    for one in shown.into_iter().chain(own) {
        places.entry(one.place()).or_default().push(one);
    }
    for shown in places.values_mut() {
        shown.sort_by(|one, other| one.bytes.cmp(&other.bytes));
    }
    let charge = |payer: &mut Judged| {
        let segments = places.iter();
        segments.flat_map(|(place, shown)| one_segment(payer, *place, shown.clone())).collect()
    };
    if payer.is_decided_by_people() {
        payer.restake(|payer| {
            let _: Vec<Ruled> = charge(payer);
        });
    }
    charge(payer)
}

/// What becomes of fees whose payer isn't known here.
pub(super) fn without_payer(shown: &[Shown]) -> Vec<Ruled> {
    shown.iter().filter_map(|one| one.ruled(Verdict::NoPayer)).collect()
}

/// The terms of an upload, its payer's start, and the bytes that it had.
type Begun<'a> = (&'a Terms, [u8; 32], ByteCount);

/// The fees that a medium's records earned, each with the terms of its upload.
pub(super) fn earned_by(medium: MediumId, told: &[Told<'_>]) -> Vec<Shown> {
    let mut uploads: BTreeMap<TransferId, Vec<Begun<'_>>> = BTreeMap::new();
    for record in told {
        if let Says::Upload { terms, start, before } = record.says {
            uploads.entry(terms.transfer).or_default().push((terms, start, before));
        }
    }
    let mut earned = vec![];
    for record in told {
        let Says::Earned(bytes) = record.says else { continue };
        let (Ok(receipt), Some(fee)) = (Claimed::<Receipt>::read(bytes), record.amount) else {
            continue;
        };
        let receipt = receipt.into_value();
        let begun = uploads.get(&receipt.transfer).into_iter().flatten();
        let Some((terms, start, _)) = begun.copied().find(|begun| begun.2 == receipt.before) else {
            continue;
        };
        let event = earn_event(&receipt, medium);
        let (by, terms, seq) = (medium, terms.clone(), record.seq);
        let earned_here = Earned { by, terms, start, event, fee, seq };
        earned.push(Shown { receipt, bytes: bytes.to_vec(), earned: Some(earned_here) });
    }
    earned
}

/// Names a segment with all that its charge follows from, and the charge.
pub(super) type Mark = [u8; 16];

/// A payer and a giver who both say the same of a segment have the same mark of it.
fn mark(place: Place, start: &Start, due: i64) -> Mark {
    let (payer, transfer, seq) = place;
    let partner = match start.partner {
        Partner::Medium(medium) => (0_u8, medium.number()),
        Partner::Store(store) => (1, store.number().into()),
    };
    let Terms { entry, price, length, share_ppm, .. } = &start.terms;
    let parts: [&[u8]; 12] = [
        &payer.number().to_be_bytes(),
        &transfer,
        &seq.number().to_be_bytes(),
        &start.hash,
        &[partner.0],
        &partner.1.to_be_bytes(),
        &start.before.bytes().to_be_bytes(),
        entry,
        &price.minor().to_be_bytes(),
        &length.bytes().to_be_bytes(),
        &share_ppm.to_be_bytes(),
        &due.to_be_bytes(),
    ];
    *sha256(&parts.concat()).first_chunk().expect("32 bytes hold 16")
}

impl Shown {
    /// The mark of its segment, by what its giver's journal says.
    pub(super) fn mark(&self) -> Option<Mark> {
        let earned = self.earned.as_ref()?;
        let Receipt { partner, before, got, .. } = self.receipt;
        let (hash, terms, event) = (earned.start, earned.terms.clone(), earned.event);
        let due = due(&terms, before, got)?;
        Some(mark(self.place(), &Start { hash, terms, partner, before, event }, due))
    }
}

/// The marks of the segments that a payer's one chain began and closed: what was shown of them and
/// is settled moves nothing.
pub(super) fn closed_by(payer: MediumId, told: &[Told<'_>]) -> Vec<Mark> {
    let mut started: BTreeMap<EventId, (Start, Sequence)> = BTreeMap::new();
    for record in told {
        let Says::Download { terms, partner, before } = record.says else { continue };
        let Some(event) = record.link else { continue };
        let (hash, terms) = (record.hash, terms.clone());
        let start = Start { hash, terms, partner, before, event };
        started.insert(event, (start, record.seq));
    }
    let closing = told.iter().filter(|record| matches!(record.says, Says::Ended));
    let marks = closing.filter_map(|record| {
        let (start, seq) = started.get(&record.link?)?;
        let due = record.amount.map_or(0, |amount| -amount);
        Some(mark((payer, start.terms.transfer, *seq), start, due))
    });
    marks.collect()
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

fn one_segment(payer: &mut Judged, place: Place, shown: Vec<Shown>) -> Vec<Ruled> {
    let (good, forged) = by_the_payer(payer, shown);
    let starts = started(payer, place);
    let greatest = good.iter().max_by_key(|one| (one.receipt.got, one.receipt.before));
    // What its payer is told of isn't told once more of its sender.
    let mut told = None;
    if let Some(greatest) = greatest {
        if let Some(start) = starts.iter().find(|start| fits(start, greatest)) {
            charge(payer, place.2, start, greatest);
        } else {
            without_start(payer, place, greatest, &starts);
            told = Some(&greatest.bytes);
        }
    }
    let forged = forged.iter().filter_map(|one| one.ruled(Verdict::Forged));
    let others = good.iter().filter(|one| told != Some(&one.bytes));
    let judged = others.filter_map(|one| one.ruled(verdict(payer, one, &starts)?));
    judged.chain(forged).collect()
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
    // Where a person decides nothing is booked that it could be held against.
    let settlement = payer.settlement.as_ref().filter(|_| payer.adds_up());
    let Some(settlement) = settlement.filter(|one| one.outcome != Outcome::Frozen) else { return };
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
fn verdict(payer: &Judged, one: &Shown, starts: &[Start]) -> Option<Verdict> {
    let earned = one.earned.as_ref()?;
    let Some(start) = starts.iter().find(|start| fits(start, one)) else {
        return Some(Verdict::NoStart);
    };
    if start.terms != earned.terms {
        let fee = segment(&start.terms, start.before, one.receipt.got)
            .map_or(0, |due| i64::try_from(due.fee.minor()).unwrap_or(i64::MAX));
        return Some(Verdict::OtherTerms { start: start.hash, fee });
    }
    let due = due(&start.terms, start.before, one.receipt.got)?;
    let settled = payer.settlement.as_ref().filter(|_| payer.standing == Standing::Postable);
    let account = settled.map_or(&payer.before, |settled| &settled.account);
    let paid = account.events.get(&start.event).map_or(0, |booked| -booked.amount);
    (paid >= due).then_some(Verdict::Vests)
}

/// Do with a giver's fees what their payers' journals say.
pub(super) fn vest_all(giver: &mut Judged, ruled: &[Ruled]) {
    let shown = earned_by(giver.medium, &giver.told());
    for one in ruled {
        let here: Vec<&Shown> = shown.iter().filter(|shown| shown.place() == one.place).collect();
        let Some(own) = here.iter().find(|shown| sha256(&shown.bytes) == one.receipt) else {
            continue;
        };
        let Some(earned) = &own.earned else { continue };
        match one.verdict {
            Verdict::Vests => vest(giver, earned.event),
            Verdict::NoPayer => {
                unpaid(giver, earned, &here, "its payer's journal is not in the evidence");
            }
            Verdict::NoStart => {
                unpaid(giver, earned, &[own], "its start is not in the payer's journal");
            }
            Verdict::Forged => {
                let what = format!("a receipt that medium {} did not sign", one.place.0);
                let draft = Draft::of(Class::BadSignature).at(earned.seq).moving(earned.fee);
                giver.tell(draft.shown(what, &own.bytes).so("its fee never vests"));
            }
            Verdict::OtherTerms { start, fee } => {
                let draft = Draft::of(Class::AmountDiffers).at(earned.seq);
                let draft = draft.moving(earned.fee - fee);
                let draft = draft.side("the payer's start has other terms", start);
                giver.tell(draft.shown("the receipt", &own.bytes).so("its fee does not vest"));
            }
        }
    }
}

fn vest(giver: &mut Judged, event: EventId) {
    if giver.standing == Standing::Held {
        return;
    }
    let Some(settlement) = &mut giver.settlement else { return };
    let number = settlement.account.number;
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
fn unpaid(giver: &mut Judged, earned: &Earned, shown: &[&Shown], why: &'static str) {
    let vested = giver.before.events.get(&earned.event);
    if vested.is_some_and(|booked| booked.effect != Effect::Earned) {
        return;
    }
    let mut draft = Draft::of(Class::NotChecked).at(earned.seq).moving(earned.fee);
    for one in shown {
        draft = draft.shown("the receipt of a fee that stays provisional", &one.bytes);
    }
    giver.tell(draft.so(why));
}
