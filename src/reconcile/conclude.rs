//! What follows for one medium once all others were asked: findings and a posting.

use std::collections::BTreeSet;

use super::answered::{is_merged, newest_tips, says_more};
use super::finding::{Draft, class_number};
use super::judged::{Judged, Standing};
use super::moves::moves;
use super::pieces::{Pieces, Rights};
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

/// A list of settled events is read up to this length; a longer one is left out.
const SINCE_MAX: usize = 1_024;
/// A checkpoint lists so many vouchers.
const VOUCHERS_MAX: usize = 48;

/// Look at what one medium's settlement says, and make its posting if there is one.
pub(super) fn conclude(
    rights: &Rights,
    judged: &mut Judged,
    pieces: &Pieces,
    revoked: &Revoked,
    as_of: Timestamp,
) -> Option<Posting> {
    if judged.adds_up() {
        look_at_sales(judged, revoked);
    }
    look_at_forks(judged);
    look_behind(judged, pieces);
    let adds = adds(judged);
    if adds && judged.standing == Standing::Postable {
        ahead(judged);
    }
    let posting = if adds { posting(rights, judged, revoked, as_of) } else { None };
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

/// Is a medium held once everything was looked at? Nothing of it is posted then.
pub(super) fn is_held(
    rights: &Rights,
    mut judged: Judged,
    pieces: &Pieces,
    revoked: &Revoked,
) -> bool {
    conclude(rights, &mut judged, pieces, revoked, Timestamp::BEGINNING);
    judged.standing == Standing::Held
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
pub(super) fn adds(judged: &Judged) -> bool {
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
    row.is_none_or(|seq| says_more(judged, state, seq))
        || before.events != after.events
        || sums(before) != sums(after)
        || settlement.forks.iter().any(|fork| is_new(judged, fork))
}

/// Is a fork one that nothing has answered yet?
fn is_new(judged: &Judged, fork: &Fork) -> bool {
    !judged.before.forks.contains(fork) && !is_merged(judged, fork)
}

fn look_at_forks(judged: &mut Judged) {
    let frozen = judged.frozen.then(|| judged.lacks());
    for draft in losses(judged) {
        match frozen {
            Some(stake) => judged.hold_for_person(draft, stake),
            None => judged.tell(draft),
        }
    }
}

/// Forks that are new, or else what is lacking without one.
pub(super) fn losses(judged: &Judged) -> Vec<Draft> {
    let Some(settlement) = &judged.settlement else { return vec![] };
    let (before, after) = (&judged.before, &settlement.account);
    let new: Vec<Fork> =
        settlement.forks.iter().filter(|fork| is_new(judged, fork)).copied().collect();
    let sum = |one: u64, other: u64| i128::from(one) - i128::from(other);
    let lost = sum(after.debt.minor(), before.debt.minor())
        + sum(after.store_loss.minor(), before.store_loss.minor());
    let lost = if judged.frozen { judged.lacks() } else { lost.max(0) };
    let told = |by| match (judged.frozen, settlement.outcome) {
        (true, Outcome::Debt) => "more is lacking than goes on: a person decided",
        _ => outcome(settlement.outcome, by, lost),
    };
    if new.is_empty() && (judged.frozen || lost > 0) && judged.adds_up() {
        let Some((_, state)) = head(judged) else { return vec![] };
        let draft = Draft::of(Class::Overdraft).at(tip(state)).moving(-lost);
        let draft = draft.side("the newest record", state.head);
        return vec![draft.so(told(Blame::Nobody))];
    }
    let forks = new.iter().map(|fork| {
        let draft = Draft::of(Class::Fork).at(fork.seq).so(told(fork.by));
        let draft = draft.moving(shorter(judged, fork));
        fork.records.iter().fold(draft, |draft, hash| match judged.found.records.get(hash) {
            Some(record) => draft.shown(format!("record {}", record.seq), record.bytes()),
            None => draft.side("a record that was seen before", *hash),
        })
    });
    forks.collect()
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
pub(super) fn lacking(judged: &Judged) -> i128 {
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

/// Is something that the medium itself stated only a beginning of what is known?
fn look_behind(judged: &mut Judged, pieces: &Pieces) {
    let heads: BTreeSet<[u8; 32]> =
        judged.found.branches.iter().map(|branch| branch.state.head).collect();
    let seq_of = |tip: &[u8; 32]| {
        let here = judged.found.records.get(tip).map(|record| record.seq);
        let settled = judged.found.checkpoints.values().find(|known| known.head == *tip);
        here.or(settled.map(|known| known.seq))
    };
    let own = newest_tips(judged, pieces).into_iter();
    let own = own.filter_map(|tip| seq_of(&tip).map(|seq| (seq, tip)));
    let own: Vec<(Sequence, [u8; 32])> = own.collect();
    let behind = own.iter().filter(|(_, tip)| !heads.contains(tip)).max();
    let Some((seq, newest)) = behind.or(own.iter().max()).copied() else { return };
    let lost_from = seq.next().unwrap_or(seq);
    let draft = Draft::of(Class::MediumBehind).at(lost_from);
    let draft = draft.side(format!("its record {seq}"), newest);
    if !heads.contains(&newest) {
        let mut longer: Vec<&State> =
            judged.states().into_iter().filter(|state| state.next > lost_from).collect();
        longer.sort_by_key(|state| (std::cmp::Reverse(state.next), state.head));
        let found = longer.iter().find_map(|state| {
            let (reached, sum) = moved_since(judged, state.head, &[newest]);
            (reached == Some(newest)).then_some((state.head, tip(state), sum))
        });
        let Some((head, to, lost)) = found else { return };
        judged.tell(draft.moving(lost).side(format!("known is up to record {to}"), head));
        return;
    }
    let row = judged.known.as_ref().map(|known| known.row);
    let Some(row) = row.filter(|row| row.seq.is_some_and(|settled| settled > seq)) else { return };
    if judged.before.held.get(&seq) != Some(&newest) {
        return;
    }
    let tail = judged.states().into_iter().flat_map(|state| &state.tail);
    let here: BTreeSet<_> = tail.filter_map(|step| step.event).collect();
    let behind = judged.found.branches.iter().map(|branch| branch.behind).max().unwrap_or(0);
    let settled = judged.before.events.iter();
    let lost = settled.filter(|(event, booked)| booked.number > behind && !here.contains(*event));
    let lost: i128 = lost.map(|(_, booked)| i128::from(booked.amount)).sum();
    let to = row.seq.unwrap_or(seq);
    judged.tell(draft.moving(lost).side(format!("known is up to record {to}"), row.head));
}

/// Go back from a record to the first of `ends`: which was reached, and what those before it moved.
pub(super) fn moved_since(
    judged: &Judged,
    from: [u8; 32],
    ends: &[[u8; 32]],
) -> (Option<[u8; 32]>, i128) {
    let (mut at, mut sum) = (from, 0);
    loop {
        if ends.contains(&at) {
            return (Some(at), sum);
        }
        let Some(record) = judged.found.records.get(&at) else { return (None, sum) };
        sum += moved_by(record);
        at = record.prev;
    }
}

fn moved_by(record: &Record) -> i128 {
    record.accounting.as_ref().map_or(0, |entry| i128::from(entry.amount))
}

/// What the shorter of the branches that part here moved from there on.
fn shorter(judged: &Judged, fork: &Fork) -> i128 {
    let branches = judged.states().into_iter().filter_map(|state| {
        let (reached, sum) = moved_since(judged, state.head, &fork.records);
        let first = judged.found.records.get(&reached?)?;
        Some((state.next, state.head, sum + moved_by(first)))
    });
    branches.min().map_or(0, |(_, _, sum)| sum)
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
    judged.tell(match number {
        0 => Draft::of(Class::NotChecked).side("nothing of it is in the evidence", head),
        number => settled_before(number, head),
    });
}

/// All that is shown was settled by this checkpoint or before it.
pub(super) fn settled_before(number: u64, head: [u8; 32]) -> Draft {
    Draft::of(Class::Matched).side(format!("answered by checkpoint {number}"), head)
}

fn posting(
    rights: &Rights,
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
    let mut checkpoint = checkpoint(judged, settlement, state, revoked, as_of)?;
    let mut settled_since = settlement.settled_since.clone();
    if settled_since.len() > SINCE_MAX {
        // The chain that the head is on takes it over all the same: none but another branch asks.
        (checkpoint.settled_since, settled_since) = (None, vec![]);
    }
    let too_many = Checkpoint::decode(&checkpoint.encode()).err().map(|error| error.to_string());
    if let Some(reason) = too_many {
        let hash = sha256(&checkpoint.encode());
        judged.hold(Draft::of(Class::NotChecked).side(reason, hash));
        return None;
    }
    let moves = match moves(rights, judged, known.store, &settlement.account) {
        Ok(moves) => moves,
        Err(error) => {
            let head = checkpoint.head;
            judged.hold(Draft::of(Class::NotChecked).side(error.to_string(), head));
            return None;
        }
    };
    let (mut account, before) = (settlement.account.clone(), &judged.before);
    account.events.retain(|_, booked| booked.number == account.number);
    account.held.retain(|seq, _| !before.held.contains_key(seq));
    account.forks.retain(|fork| !before.forks.contains(fork));
    Some(Posting {
        medium: judged.medium,
        before: known.row,
        moves,
        account,
        checkpoint,
        settled_since,
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

/// Until when all vouchers that records credited are listed, beside those that are listed already.
pub(super) fn listed_until(judged: &Judged) -> Option<Timestamp> {
    let number = judged.before.number;
    let known = judged.found.checkpoints.iter().filter(|((known, _), _)| *known == number);
    let listed: BTreeSet<[u8; 16]> = known
        .flat_map(|(_, checkpoint)| checkpoint.vouchers.0.iter().map(|used| used.id))
        .collect();
    let records = judged.found.records.values();
    let vouchers = records.filter_map(|record| live_voucher(record, Timestamp::BEGINNING));
    let others = vouchers.filter(|voucher| !listed.contains(&voucher.id));
    others.map(|voucher| voucher.expires).min()
}

fn live_voucher(record: &Verified<Record>, as_of: Timestamp) -> Option<Voucher> {
    let (Body::TopupVoucher { voucher, .. } | Body::Refund { voucher, .. }) = &record.body else {
        return None;
    };
    let voucher = Claimed::<Voucher>::read(&voucher.0).ok()?;
    (voucher.expires > as_of).then(|| Voucher::clone(&voucher))
}
