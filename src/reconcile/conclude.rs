//! What follows for one medium once all others were asked: findings and a posting.

use std::collections::BTreeSet;

use super::finding::{Draft, class_number};
use super::heap::Heap;
use super::judged::{Judged, Standing};
use super::moves::moves;
use super::pieces::Pieces;
use super::sold::{look_at_sales, newly};
use crate::crypto::digest::sha256;
use crate::format::Object;
use crate::format::checkpoint::{Checkpoint, UsedVoucher};
use crate::format::plan::Class;
use crate::format::record::{Body, Record};
use crate::format::sheet::{SheetId, Voucher};
use crate::ledger::{Blame, Credits, Effect, Fork, KeyLife, Outcome, Settlement, State};
use crate::records::{FindingNote, Posting};
use crate::trust::{Claimed, Revoked, Verified};
use crate::units::{Sequence, Timestamp};

/// A list of settled events is read up to this length.
const SINCE_MAX: usize = 1_024;
/// A checkpoint lists so many vouchers.
const VOUCHERS_MAX: usize = 48;

/// Look at what one medium's settlement says, and make its posting if there is one.
pub(super) fn conclude(
    heap: &Heap,
    judged: &mut Judged,
    pieces: &Pieces,
    revoked: &Revoked,
    as_of: Timestamp,
) -> Option<Posting> {
    look_at_sales(judged, revoked);
    look_at_forks(judged);
    look_behind(judged, pieces);
    let adds = adds(judged);
    if adds && judged.standing == Standing::Postable {
        ahead(judged);
    }
    let posting = if adds { posting(heap, judged, revoked, as_of) } else { None };
    let answered: BTreeSet<[u8; 16]> = judged
        .known
        .iter()
        .flat_map(|known| &known.findings)
        .map(|known| known.finding.id)
        .collect();
    judged.findings.retain(|finding| !answered.contains(&finding.id));
    if posting.is_none() && judged.findings.is_empty() {
        matched(judged);
    }
    judged.findings.sort_by_key(|finding| finding.id);
    judged.findings.dedup_by_key(|finding| finding.id);
    let notes = judged
        .findings
        .iter()
        .map(|finding| FindingNote { id: finding.id, class: class_number(finding.class) });
    posting.map(|posting| Posting { findings: notes.collect(), ..posting })
}

/// The branch that goes on, and the settlement.
fn head(judged: &Judged) -> Option<(&Settlement, &State)> {
    let settlement = judged.settlement.as_ref()?;
    Some((settlement, &judged.found.branches.get(settlement.head)?.state))
}

/// The newest record of a branch.
fn tip(state: &State) -> Sequence {
    Sequence::from_number(state.next.number().saturating_sub(1))
}

/// Does the evidence state anything that isn't settled?
fn adds(judged: &Judged) -> bool {
    let Some((settlement, state)) = head(judged) else { return false };
    let (before, after) = (&judged.before, &settlement.account);
    if settlement.outcome == Outcome::Frozen {
        return false;
    }
    let row = judged.known.as_ref().and_then(|known| known.row.seq);
    let sums = |account: &crate::ledger::Account| {
        let sums = [account.settled, account.provisional, account.debt, account.store_loss];
        (sums, account.open.clone())
    };
    row.is_none_or(|seq| tip(state) > seq)
        || before.events != after.events
        || sums(before) != sums(after)
        || settlement.forks.iter().any(|fork| !before.forks.contains(fork))
}

fn look_at_forks(judged: &mut Judged) {
    let Some(settlement) = judged.settlement.clone() else { return };
    for place in &settlement.contested {
        let Some(state) = judged.found.branches.get(*place).map(|branch| &branch.state) else {
            continue;
        };
        let seq = state.rekey.map_or(Sequence::FIRST, |rekey| rekey.seq);
        let draft = Draft::of(Class::ContestedActivation).at(seq);
        let rekeys = judged.found.records.values();
        let rekeys = rekeys.filter(|record| matches!(record.body, Body::Rekey { .. }));
        let draft = rekeys.fold(draft, |draft, record| {
            draft.shown(format!("record {}: a rekey", record.seq), record.bytes())
        });
        judged.tell(draft);
    }
    let (before, after) = (&judged.before, &settlement.account);
    let new: Vec<Fork> =
        settlement.forks.iter().filter(|fork| !before.forks.contains(fork)).copied().collect();
    let sum = |one: u64, other: u64| i128::from(one) - i128::from(other);
    let lost = sum(after.debt.minor(), before.debt.minor())
        + sum(after.store_loss.minor(), before.store_loss.minor());
    let frozen = settlement.outcome == Outcome::Frozen;
    let lost = if frozen { lacking(judged) } else { lost.max(0) };
    for (place, fork) in new.iter().enumerate() {
        let draft =
            Draft::of(Class::Fork).at(fork.seq).so(outcome(settlement.outcome, fork.by, lost));
        let draft = draft.moving(if place == 0 { -lost } else { 0 });
        let draft =
            fork.records.iter().fold(draft, |draft, hash| match judged.found.records.get(hash) {
                Some(record) => draft.shown(format!("record {}", record.seq), record.bytes()),
                None => draft.side("a record that was seen before", *hash),
            });
        if frozen { judged.hold(draft) } else { judged.tell(draft) }
    }
    if new.is_empty() && (frozen || lost > 0) {
        let Some((_, state)) = head(judged) else { return };
        let draft = Draft::of(Class::Overdraft).at(tip(state)).moving(-lost);
        let draft = draft.side("the newest record", state.head);
        let draft = draft.so(outcome(settlement.outcome, Blame::Nobody, lost));
        if frozen { judged.hold(draft) } else { judged.tell(draft) }
    }
}

fn outcome(outcome: Outcome, by: Blame, lost: i128) -> &'static str {
    match (outcome, by) {
        (Outcome::Frozen, _) => "more is lacking than the policy lets go on: a person decides",
        (Outcome::Debt, _) => "what is lacking is taken from the next top-ups",
        (Outcome::Settled, by) if by == Blame::Nobody || lost == 0 => "nothing is lacking",
        (Outcome::Settled, _) => {
            "it lies where the store's key made it possible: the store bears it"
        }
    }
}

/// What is lacking where nothing is settled: events that count once, against what is free.
fn lacking(judged: &Judged) -> i128 {
    let before = &judged.before;
    let mut events = before.events.clone();
    let held = |open: &[crate::format::checkpoint::OpenTransfer]| {
        open.iter().map(|open| i128::from(open.reserved.minor())).sum::<i128>()
    };
    let mut reserved = 0;
    for state in judged.states() {
        reserved = reserved.max(i128::from(state.reserved().minor()));
        for step in state.tail.iter().filter(|step| step.amount != 0) {
            let Some(event) = step.event else { continue };
            let (amount, effect) = (step.amount, step.effect);
            let booked = crate::ledger::Booked { amount, effect, number: 0 };
            let known = events.entry(event).or_insert(booked);
            if step.amount.unsigned_abs() > known.amount.unsigned_abs() {
                *known = booked;
            }
        }
    }
    let sum = |events: &std::collections::BTreeMap<_, crate::ledger::Booked>| {
        let own = events.values().filter(|booked| booked.effect != Effect::Earned);
        own.map(|booked| i128::from(booked.amount)).sum::<i128>()
    };
    let had = i128::from(before.settled.minor()) - i128::from(before.debt.minor());
    let free = had + held(&before.open) + sum(&events) - sum(&before.events) - reserved;
    (-free).max(0)
}

/// Is what the medium itself states only a beginning of what is known?
fn look_behind(judged: &mut Judged, pieces: &Pieces) {
    let follows = |tip: &&[u8; 32]| {
        let settled = judged.found.checkpoints.values().any(|known| known.head == **tip);
        judged.found.records.contains_key(*tip) || settled
    };
    let own: Vec<[u8; 32]> = pieces.tips.iter().filter(follows).copied().collect();
    let heads: BTreeSet<[u8; 32]> =
        judged.found.branches.iter().map(|branch| branch.state.head).collect();
    let seq_of = |tip: &[u8; 32]| {
        let here = judged.found.records.get(tip).map(|record| record.seq);
        let settled = judged.found.checkpoints.values().find(|known| known.head == *tip);
        here.or(settled.map(|known| known.seq))
    };
    let newest = own.iter().filter_map(|tip| seq_of(tip).map(|seq| (seq, *tip))).max();
    let Some((seq, newest)) = newest else { return };
    let row = judged.known.as_ref().map(|known| known.row);
    let draft = Draft::of(Class::MediumBehind).at(seq).side(format!("its record {seq}"), newest);
    if !own.iter().any(|tip| heads.contains(tip)) {
        // The longest chain that goes on from it.
        let mut lost: i128 = 0;
        let longest = judged.found.branches.iter().max_by_key(|branch| branch.state.next);
        let Some(longest) = longest else { return };
        let mut at = longest.state.head;
        while let Some(record) = judged.found.records.get(&at).filter(|_| at != newest) {
            lost += record.accounting.as_ref().map_or(0, |entry| i128::from(entry.amount));
            at = record.prev;
        }
        let what = format!("what others show goes on to record {}", tip(&longest.state));
        judged.tell(draft.moving(lost).side(what, longest.state.head));
        return;
    }
    let Some(row) = row.filter(|row| row.seq.is_some_and(|settled| settled > seq)) else { return };
    if judged.before.held.get(&seq) != Some(&newest) {
        return;
    }
    let here: BTreeSet<_> = judged
        .states()
        .iter()
        .flat_map(|state| &state.tail)
        .filter_map(|step| step.event)
        .collect();
    let behind = judged.found.branches.iter().map(|branch| branch.behind).max().unwrap_or(0);
    let settled = judged.before.events.iter();
    let lost = settled.filter(|(event, booked)| booked.number > behind && !here.contains(*event));
    let lost: i128 = lost.map(|(_, booked)| i128::from(booked.amount)).sum();
    judged.tell(draft.moving(lost).side(format!("settled is {row}"), row.head));
}

fn ahead(judged: &mut Judged) {
    let Some((settlement, state)) = head(judged) else { return };
    let sum: i128 = newly(&judged.before, &settlement.account).map(|new| i128::from(new.2)).sum();
    let draft = Draft::of(Class::MediumAhead).at(tip(state)).moving(sum);
    let draft = match judged.found.records.get(&state.head) {
        Some(record) => draft.shown(format!("its newest record, {}", record.seq), record.bytes()),
        None => draft.side("the newest record that is settled", state.head),
    };
    let row = judged.known.as_ref().map(|known| known.row);
    let draft = match row {
        Some(row) => draft.side(format!("the records: {row}"), row.head),
        None => draft,
    };
    let draft = match state.life {
        KeyLife::StoreMade => draft.so("but nothing before its owner's first login"),
        KeyLife::Owners => draft,
    };
    judged.tell(draft);
}

fn matched(judged: &mut Judged) {
    let row = judged.known.as_ref().map(|known| known.row);
    let (number, head) = row.map_or((0, [0; 32]), |row| (row.number, row.head));
    let what = match number {
        0 => "nothing of it is in the evidence".to_owned(),
        number => format!("answered by checkpoint {number}"),
    };
    let draft = Draft::of(if number == 0 { Class::NotChecked } else { Class::Matched });
    judged.tell(draft.side(what, head));
}

fn posting(
    heap: &Heap,
    judged: &mut Judged,
    revoked: &Revoked,
    as_of: Timestamp,
) -> Option<Posting> {
    let known = judged.known.clone()?;
    let (settlement, state) = head(judged)?;
    // Nothing is settled before the owner's first login.
    if judged.standing == Standing::Held || state.life == KeyLife::StoreMade {
        return None;
    }
    let checkpoint = checkpoint(judged, settlement, state, revoked, as_of)?;
    let too_many = Checkpoint::decode(&checkpoint.encode()).err().map(|error| error.to_string());
    let since = settlement.settled_since.len();
    let too_many = too_many.or((since > SINCE_MAX)
        .then(|| format!("{since} events are to be listed, a checkpoint takes {SINCE_MAX}")));
    if let Some(reason) = too_many {
        let hash = sha256(&checkpoint.encode());
        judged.hold(Draft::of(Class::NotChecked).side(reason, hash));
        return None;
    }
    let (mut account, before) = (settlement.account.clone(), &judged.before);
    account.events.retain(|_, booked| booked.number == account.number);
    account.held.retain(|seq, _| !before.held.contains_key(seq));
    account.forks.retain(|fork| !before.forks.contains(fork));
    Some(Posting {
        medium: judged.medium,
        before: known.row,
        moves: moves(heap, judged, known.store, &settlement.account),
        account,
        checkpoint,
        settled_since: settlement.settled_since.clone(),
        findings: vec![],
    })
}

fn checkpoint(
    judged: &Judged,
    settlement: &Settlement,
    state: &State,
    revoked: &Revoked,
    as_of: Timestamp,
) -> Option<Checkpoint> {
    let ruling = judged.ruling.as_ref()?;
    let mut newest: Vec<_> = ruling.sheets.iter().collect();
    newest.sort_by_key(|sheet| (std::cmp::Reverse(sheet.issued), sheet.id));
    let live = newest.iter().take(crate::voucher::LIVE_SHEETS_MAX);
    let sheets: Vec<(SheetId, u8)> =
        live.map(|sheet| (sheet.id, sheet.slots().unwrap_or(0))).collect();
    let vouchers = vouchers(judged, as_of);
    let policy = if state.policy == 0 { ruling.policy.number } else { state.policy };
    let numbers = (policy, revoked.list().map_or(0, |list| list.number));
    let credits = Credits { sheets: &sheets, vouchers: &vouchers, as_of, numbers };
    Some(settlement.checkpoint(&judged.before, &judged.states(), &credits))
}

/// Vouchers that were credited and aren't expired: by the records that are here, and by the
/// checkpoint before.
fn vouchers(judged: &Judged, as_of: Timestamp) -> Vec<UsedVoucher> {
    let number = judged.before.number;
    let listed = judged.found.checkpoints.iter().filter(|((known, _), _)| *known == number);
    let mut used: Vec<UsedVoucher> =
        listed.flat_map(|(_, checkpoint)| checkpoint.vouchers.0.iter().cloned()).collect();
    for record in judged.found.records.values() {
        let Some(voucher) = live_voucher(record, as_of) else { continue };
        used.push(UsedVoucher { id: voucher.id, seq: record.seq, at: record.history.at });
    }
    used.sort_by_key(|used| (used.id, used.seq));
    used.dedup_by_key(|used| used.id);
    used.sort_by_key(|used| (std::cmp::Reverse(used.at), used.id));
    used.truncate(VOUCHERS_MAX);
    used.sort_by_key(|used| used.id);
    used
}

fn live_voucher(record: &Verified<Record>, as_of: Timestamp) -> Option<Voucher> {
    let (Body::TopupVoucher { voucher, .. } | Body::Refund { voucher, .. }) = &record.body else {
        return None;
    };
    let voucher = Claimed::<Voucher>::read(&voucher.0).ok()?;
    (voucher.expires > as_of).then(|| Voucher::clone(&voucher))
}
