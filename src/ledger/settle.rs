//! Settling a medium: all branches of its journal that are known become one account.
//!
//! Two branches show two histories, not intent: each event counts once, whichever branches hold it,
//! and only the merged balance decides what follows.

use std::collections::{BTreeMap, BTreeSet};

use super::planted::{Fault, planted};
use super::settled::settled_since_hash;
use super::state::{Effect, Rekeyed, State};
use crate::format::checkpoint::{
    Bounded, Checkpoint, OpenTransfer, SettledSince, UsedSlots, UsedVoucher,
};
use crate::format::policy::Policy;
use crate::format::record::EventId;
use crate::format::sheet::SheetId;
use crate::units::{Amount, MediumId, Sequence, Timestamp, UnitError};
use crate::voucher;

/// What the records hold of a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The medium.
    pub medium: MediumId,
    /// Number of its newest checkpoint; 0 before the first.
    pub number: u64,
    /// SHA-256 over that checkpoint; over the signed medium certificate before the first.
    pub hash: [u8; 32],
    /// What may be spent.
    pub settled: Amount,
    /// Earned and not vested.
    pub provisional: Amount,
    /// Lacking, to be taken from later top-ups.
    pub debt: Amount,
    /// Lacking, and booked to the store whose key made it possible.
    pub store_loss: Amount,
    /// What open segments hold.
    pub open: Vec<OpenTransfer>,
    /// Each settled event: what it moved, how that counts, by which checkpoint.
    pub events: BTreeMap<EventId, Booked>,
    /// The rekey that was recorded first.
    pub rekey: Option<Rekeyed>,
    /// Sequence of the newest record that the first checkpoint settled.
    pub first: Option<Sequence>,
    /// The record that was seen first at each sequence; those of the branches' reach suffice.
    pub held: BTreeMap<Sequence, [u8; 32]>,
    /// Forks that are known.
    pub forks: BTreeSet<Fork>,
}

/// A settled event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Booked {
    /// What it added or took, minor units.
    pub amount: i64,
    /// How that counts.
    pub effect: Effect,
    /// The checkpoint that settled it.
    pub number: u64,
}

/// Two records at one sequence: evidence of two histories, not of intent. Where a branch differs
/// in one record it differs in all behind it; only the first is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fork {
    /// Where.
    pub seq: Sequence,
    /// SHA-256 over the two records, ascending.
    pub records: [[u8; 32]; 2],
    /// Whose key made it possible.
    pub by: Blame,
}

/// Whose a fork is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blame {
    /// A merge settles it: a copy, an old image, a lost tail.
    Nobody,
    /// It lies at or before the rekey: the store had that key.
    Store,
    /// It lies before the first checkpoint: what it costs is booked to the store.
    StoreKey,
}

/// What becomes of a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Nothing is lacking, or the store bears it.
    Settled,
    /// What is lacking is taken from later top-ups.
    Debt,
    /// More is lacking than goes on: a person decides, nothing is posted.
    Frozen,
}

/// What settling gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The account after it; as it was where a person has to decide.
    pub account: Account,
    /// Two records at one sequence.
    pub forks: Vec<Fork>,
    /// Places of branches under another rekey than the one that stands: proof against nobody.
    pub contested: Vec<usize>,
    /// What follows.
    pub outcome: Outcome,
    /// The oldest checkpoint that a branch has taken over; 0 if one has taken none.
    pub since: u64,
    /// Events settled since then, ascending.
    pub settled_since: Vec<EventId>,
    /// Events of those that are not at or below the head.
    pub counted: Vec<EventId>,
    /// Place of the branch whose tip is the head.
    pub head: usize,
}

impl Account {
    /// A medium that nothing is known of.
    pub fn new(medium: MediumId, certificate: [u8; 32]) -> Self {
        Self {
            medium,
            number: 0,
            hash: certificate,
            settled: Amount::ZERO,
            provisional: Amount::ZERO,
            debt: Amount::ZERO,
            store_loss: Amount::ZERO,
            open: vec![],
            events: BTreeMap::new(),
            rekey: None,
            first: None,
            held: BTreeMap::new(),
            forks: BTreeSet::new(),
        }
    }
}

/// Settle all branches that are known; their order and repetition change nothing.
///
/// Every branch was folded from the medium's first record, or behind a checkpoint of this account.
/// None may be left out that was brought: what is not here is not settled.
pub fn settle(
    policy: &Policy,
    account: &Account,
    branches: &[&State],
) -> Result<Settlement, UnitError> {
    let (rekey, contested) = standing(account, branches);
    let stands: Vec<usize> = (0..branches.len()).filter(|at| !contested.contains(at)).collect();
    let tip = |at: &usize| (branches[*at].next, std::cmp::Reverse(branches[*at].head));
    let head = stands.iter().copied().max_by_key(tip).unwrap_or(0);
    let counted_branches: Vec<&State> = if planted(Fault::LongestBranch) {
        vec![branches[head]]
    } else {
        stands.iter().map(|at| branches[*at]).collect()
    };
    let mut next = account.clone();
    (next.number, next.rekey) = (account.number + 1, rekey);
    let forks = forks(account, &mut next, &counted_branches, branches[head]);
    next.forks.extend(&forks);
    let free = book(&mut next, account, &counted_branches)?;
    let outcome = close(policy, account, &mut next, free, &forks)?;
    let since = counted_branches.iter().map(|state| state.checkpoint.map_or(0, |at| at.number));
    let since = since.min().unwrap_or(0);
    let newer = next.events.iter().filter(|(_, booked)| booked.number > since);
    let settled_since: Vec<EventId> = newer.map(|(event, _)| *event).collect();
    let own: BTreeSet<_> = branches[head].tail.iter().filter_map(|step| step.event).collect();
    let base = branches[head].checkpoint.map_or(0, |at| at.number);
    let elsewhere = next.events.iter().filter(|(event, booked)| {
        let movable = booked.amount > 0 || booked.effect == Effect::AtPartner;
        booked.number > base && movable && !own.contains(*event)
    });
    let counted = elsewhere.map(|(event, _)| *event).collect();
    if outcome == Outcome::Frozen {
        next = account.clone();
    }
    Ok(Settlement { account: next, forks, contested, outcome, since, settled_since, counted, head })
}

/// The rekey that stands, and the branches under another key: the one recorded first stands.
///
/// An owner whose rekey was lost with a flush makes it again, to the key that lies in the access
/// file: that is no other owner.
fn standing(account: &Account, branches: &[&State]) -> (Option<Rekeyed>, Vec<usize>) {
    let all = branches.iter().filter_map(|state| state.rekey);
    let stands = if planted(Fault::LatestRekey) {
        let key = account.rekey.map(|rekey| rekey.key);
        all.filter(|rekey| Some(rekey.key) != key).max().or(account.rekey)
    } else {
        account.rekey.or_else(|| all.min())
    };
    let key = stands.map(|rekey| rekey.key);
    let other = |at: &usize| branches[*at].rekey.is_some_and(|rekey| Some(rekey.key) != key);
    (stands, (0..branches.len()).filter(other).collect())
}

/// Where each branch first differs from what is held; what is not held yet is held from now on.
fn forks(account: &Account, next: &mut Account, branches: &[&State], head: &State) -> Vec<Fork> {
    for state in [head].iter().chain(branches) {
        for (seq, hash) in numbered(state) {
            next.held.entry(seq).or_insert(hash);
        }
    }
    next.first = account.first.or(head.next.number().checked_sub(1).map(Sequence::from_number));
    let rekey = next.rekey.map(|rekey| rekey.seq);
    let by = |seq: Sequence| match (rekey, account.first) {
        (Some(rekey), Some(first)) if seq > rekey.max(first) => Blame::Nobody,
        (Some(rekey), _) if seq > rekey => Blame::StoreKey,
        _ => Blame::Store,
    };
    let differs = |state: &&State| {
        let (seq, hash) = numbered(state).find(|(seq, hash)| next.held[seq] != *hash)?;
        let mut records = [next.held[&seq], hash];
        records.sort_unstable();
        Some(Fork { seq, records, by: by(seq) })
    };
    branches.iter().filter_map(differs).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The records of a branch by their sequence, from its newest settled one on.
fn numbered(state: &State) -> impl Iterator<Item = (Sequence, [u8; 32])> {
    let anchor = state.checkpoint.filter(|known| known.seq.next() == Some(state.tail_from));
    let tail = (state.tail_from.number()..).map(Sequence::from_number).zip(&state.tail);
    let tail = tail.map(|(seq, step)| (seq, step.hash));
    anchor.map(|known| (known.seq, known.head)).into_iter().chain(tail)
}

/// Book each event once, the greater of two counts; gives what is free, below 0 if it lacks.
fn book(next: &mut Account, account: &Account, branches: &[&State]) -> Result<i128, UnitError> {
    let number = next.number;
    let mut repeated = 0_i128;
    for step in branches.iter().flat_map(|state| &state.tail) {
        let Some(event) = step.event.filter(|_| step.amount != 0) else { continue };
        let booked = Booked { amount: step.amount, effect: step.effect, number };
        let known = next.events.entry(event).or_insert(booked);
        if planted(Fault::SumOfBranches) {
            repeated += i128::from(step.amount);
        }
        if step.amount.unsigned_abs() > known.amount.unsigned_abs() {
            *known = booked;
        }
    }
    let fees = moved(next, true) - moved(account, true);
    let own = moved(next, false) - moved(account, false);
    let own = if planted(Fault::SumOfBranches) { repeated } else { own };
    next.provisional = Amount::from_minor(minor(i128::from(account.provisional.minor()) + fees))?;
    next.open = open(&account.open, branches);
    let had = i128::from(account.settled.minor()) - i128::from(account.debt.minor());
    Ok(had + held(&account.open) + own - held(&next.open))
}

/// The sum of all settled events: of fees, or of all others.
fn moved(account: &Account, fees: bool) -> i128 {
    let events = account.events.values();
    let of = events.filter(|booked| (booked.effect == Effect::Earned) == fees);
    of.map(|booked| i128::from(booked.amount)).sum()
}

fn held(open: &[OpenTransfer]) -> i128 {
    open.iter().map(|open| i128::from(open.reserved.minor())).sum()
}

/// The transfers that are not complete, as the branch that went furthest has them. What a receipt has
/// closed of a segment that its journal leaves open stays closed: nothing is reserved for it again.
fn open(before: &[OpenTransfer], branches: &[&State]) -> Vec<OpenTransfer> {
    let has = |state: &State, hash: [u8; 32], open: bool| {
        let mut known = state.transfers.values();
        known.any(|transfer| transfer.hash == hash && transfer.open.is_some() == open)
    };
    let mut found: BTreeMap<[u8; 32], OpenTransfer> = BTreeMap::new();
    for transfer in branches.iter().flat_map(|state| state.transfers.values()) {
        let (hash, open) = (transfer.hash, transfer.open.is_some());
        let began = |state: &&&State| state.tail.iter().any(|step| step.hash == hash);
        if branches.iter().filter(began).all(|state| has(state, hash, open)) {
            let mut known = before.iter().filter(|known| known.start == hash && open);
            if let Some(known) = known.find(|known| known.reserved == Amount::ZERO) {
                found.insert(hash, known.clone());
                continue;
            }
            let reserved = transfer.open.as_ref().map_or(Amount::ZERO, |open| open.reserved);
            let (transfer, covered) = (transfer.terms.transfer, transfer.covered);
            found.insert(hash, OpenTransfer { transfer, start: hash, reserved, covered });
        }
    }
    found.into_values().collect()
}

fn minor(value: i128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// What follows from what is free.
fn close(
    policy: &Policy,
    account: &Account,
    next: &mut Account,
    free: i128,
    forks: &[Fork],
) -> Result<Outcome, UnitError> {
    if planted(Fault::FreezeForks) && !forks.is_empty() {
        return Ok(Outcome::Frozen);
    }
    (next.settled, next.debt) = (Amount::from_minor(minor(free.max(0)))?, Amount::ZERO);
    if free >= 0 {
        return Ok(Outcome::Settled);
    }
    let lacking = Amount::from_minor(minor(-free))?;
    let new = forks.iter().filter(|fork| !account.forks.contains(fork));
    let early = new.into_iter().any(|fork| fork.by != Blame::Nobody);
    if early && !planted(Fault::StarterDebt) {
        next.store_loss = account.store_loss.checked_add(lacking)?;
        return Ok(Outcome::Settled);
    }
    // What a person let stand doesn't freeze again.
    if lacking > policy.debt_cap.max(account.debt) {
        return Ok(Outcome::Frozen);
    }
    next.debt = lacking;
    Ok(Outcome::Debt)
}

/// What a checkpoint lists of codes and vouchers.
#[derive(Debug, Clone, Copy)]
pub struct Credits<'a> {
    /// The live sheets, each with how many slots it has.
    pub sheets: &'a [(SheetId, u8)],
    /// Vouchers that were seen and are not expired.
    pub vouchers: &'a [UsedVoucher],
    /// What was known by then is settled.
    pub as_of: Timestamp,
    /// Numbers of the newest policy and revocation list.
    pub numbers: (u64, u64),
}

impl Settlement {
    /// What the settler signs: the account at the head of one branch.
    pub fn checkpoint(
        &self,
        before: &Account,
        branches: &[&State],
        known: &Credits<'_>,
    ) -> Checkpoint {
        let head = branches[self.head];
        let medium = head.medium;
        let settled = |event: &EventId| self.account.events.contains_key(event);
        let slots = known.sheets.iter().map(|(sheet, count)| {
            let mut slots = [0; 13];
            for slot in 0..*count {
                if settled(&voucher::code_event(medium, sheet, slot)) {
                    slots[usize::from(slot / 8)] |= 1 << (slot % 8);
                }
            }
            UsedSlots { sheet: *sheet, slots }
        });
        let credited = |used: &&UsedVoucher| settled(&voucher::voucher_event(medium, &used.id));
        let exceptions: BTreeSet<[u8; 32]> =
            branches.iter().flat_map(|state| &state.exceptions).copied().collect();
        Checkpoint {
            medium,
            number: self.account.number,
            prev: before.hash,
            seq: Sequence::from_number(head.next.number().saturating_sub(1)),
            head: head.head,
            holder: head.holder,
            settled: self.account.settled,
            provisional: self.account.provisional,
            debt: self.account.debt,
            open: Bounded(self.account.open.clone()),
            slots: Bounded(slots.collect()),
            vouchers: Bounded(known.vouchers.iter().filter(credited).cloned().collect()),
            counted: Bounded(self.counted.clone()),
            cleared: Bounded(exceptions.into_iter().collect()),
            exceptions: Bounded::default(),
            policy: known.numbers.0,
            revocation: known.numbers.1,
            as_of: known.as_of,
            settled_since: Some(SettledSince {
                number: self.since,
                events: settled_since_hash(&self.settled_since),
            }),
            attachments: Bounded::default(),
        }
    }
}
