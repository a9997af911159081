//! A plan as a file: the same bytes for the same evidence and records, whatever their order.

use super::finding::class_number;
use super::written::Sums;
use crate::crypto::digest::sha256;
use crate::device::DeviceError;
use crate::format::plan::{
    AccountKind, PlanAccount, PlanBlame, PlanEffect, PlanEntry, PlanEvent, PlanFork, PlanHead,
    PlanHeld, PlanMove, PlanPosting, PlanRow, PlanTail,
};
use crate::format::{DecodeError, Object, cbor};
use crate::ledger::{self, Blame, Booked, Effect, Fork, Rekeyed};
use crate::records::{Account, FindingNote, Move, Posting, Row};
use crate::units::{Amount, MediumId, StoreId, UnitError};

/// The only version that is written and read.
pub const PLAN_VERSION: u64 = 1;

/// What reconciling found, and what settling it posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it was made for.
    pub head: PlanHead,
    /// One entry for each medium, ascending; what is of no medium stands first.
    pub entries: Vec<PlanEntry>,
    /// What it adds up to.
    pub tail: PlanTail,
}

/// Why a file is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// One of its objects is malformed.
    #[error("plan, object {place}: {source}")]
    Decode {
        /// Which, from 0.
        place: usize,
        /// What is wrong.
        source: DecodeError,
    },
    /// Another version.
    #[error("plan of version {0}, this program reads version {PLAN_VERSION}")]
    Version(u64),
    /// It ends before its tail.
    #[error("plan: it is cut off behind {0} objects")]
    Cut(usize),
    /// Its entries don't come in order.
    #[error("plan, object {0}: its medium doesn't come behind the one before")]
    Order(usize),
    /// Its tail doesn't belong to its entries.
    #[error("plan: {what} is {found}, its entries come to {expected}")]
    Tail {
        /// What differs.
        what: &'static str,
        /// As its tail has it.
        found: String,
        /// As its entries have it.
        expected: String,
    },
    /// A posting that can't be.
    #[error("plan, medium {medium}: {what}")]
    Posting {
        /// The medium.
        medium: MediumId,
        /// What is wrong.
        what: &'static str,
    },
    /// A number outside its range.
    #[error("plan: {0}")]
    Range(#[from] UnitError),
    /// Its file could not be read.
    #[error("plan: {0}")]
    Device(#[from] DeviceError),
}

impl Plan {
    /// Put a plan together; entries come by their media.
    pub(super) fn of(head: PlanHead, entries: Vec<PlanEntry>) -> Self {
        let tail = tail(&head, &entries);
        Self { head, entries, tail }
    }

    /// The one file of this plan.
    pub fn encode(&self) -> Vec<u8> {
        let entries = self.entries.iter().flat_map(Object::encode);
        let mut bytes = self.head.encode();
        bytes.extend(entries);
        bytes.extend(self.tail.encode());
        bytes
    }

    /// The hash by which records know it.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.encode())
    }

    /// Read a plan's file whole.
    pub fn decode(bytes: &[u8]) -> Result<Self, PlanError> {
        let mut objects = Objects { rest: bytes, place: 0 };
        let head: PlanHead = objects.next()?;
        if head.version != PLAN_VERSION {
            return Err(PlanError::Version(head.version));
        }
        let mut entries: Vec<PlanEntry> = vec![];
        while !objects.is_last()? {
            let place = objects.place;
            let entry: PlanEntry = objects.next()?;
            if entries.last().is_some_and(|last| last.medium >= entry.medium) {
                return Err(PlanError::Order(place));
            }
            entries.push(entry);
        }
        let found: PlanTail = objects.next()?;
        let expected = tail(&head, &entries);
        if found != expected {
            return Err(differs(&found, &expected));
        }
        Ok(Self { head, entries, tail: found })
    }

    /// What settling it posts, by medium.
    pub fn postings(&self) -> impl Iterator<Item = Result<Posting, PlanError>> + '_ {
        self.entries.iter().filter_map(|entry| {
            let posting = entry.posting.as_deref()?;
            Some(posted(entry, posting))
        })
    }
}

/// Objects one behind the other.
struct Objects<'a> {
    rest: &'a [u8],
    place: usize,
}

impl<'a> Objects<'a> {
    fn peek(&self) -> Result<&'a [u8], PlanError> {
        if self.rest.is_empty() {
            return Err(PlanError::Cut(self.place));
        }
        let place = self.place;
        let length = cbor::measure(self.rest);
        let length = length.map_err(|source| PlanError::Decode { place, source })?;
        Ok(&self.rest[..length])
    }

    fn next<T: Object>(&mut self) -> Result<T, PlanError> {
        let (one, place) = (self.peek()?, self.place);
        (self.rest, self.place) = (&self.rest[one.len()..], place + 1);
        T::decode(one).map_err(|source| PlanError::Decode { place, source })
    }

    fn is_last(&self) -> Result<bool, PlanError> {
        Ok(self.peek()?.len() == self.rest.len())
    }
}

fn tail(head: &PlanHead, entries: &[PlanEntry]) -> PlanTail {
    let mut sums = Sums::of(head);
    for entry in entries {
        sums.add(entry, &entry.encode());
    }
    sums.tail()
}

pub(super) fn differs(found: &PlanTail, expected: &PlanTail) -> PlanError {
    let words = |tail: &PlanTail| {
        [
            ("the count of entries", tail.entries.to_string()),
            ("the count of postings", tail.postings.to_string()),
            ("the sum of moves", tail.moved.to_string()),
            ("the digest", data_encoding::HEXLOWER.encode(&tail.digest)),
            ("the sums by class", format!("{:?}", tail.classes)),
        ]
    };
    let pairs = words(found).into_iter().zip(words(expected));
    let (found, expected) =
        pairs.into_iter().find(|(found, expected)| found != expected).expect("they differ");
    PlanError::Tail { what: found.0, found: found.1, expected: expected.1 }
}

pub(super) fn plan_row(row: &Row) -> PlanRow {
    PlanRow { number: row.number, hash: row.hash, seq: row.seq, head: row.head }
}

/// A posting as a plan has it.
pub(super) fn planned(posting: &Posting) -> PlanPosting {
    let account = &posting.account;
    let events = account.events.iter().map(|(event, booked)| {
        let (event, amount) = (*event, booked.amount);
        PlanEvent { event, amount, effect: plan_effect(booked.effect) }
    });
    let held = account.held.iter().map(|(seq, hash)| PlanHeld { seq: *seq, hash: *hash });
    let forks = account.forks.iter().map(|fork| {
        let [one, other] = fork.records;
        PlanFork { seq: fork.seq, one, other, by: plan_blame(fork.by) }
    });
    PlanPosting {
        checkpoint: posting.checkpoint.clone(),
        store_loss: account.store_loss,
        events: events.collect(),
        rekey: account.rekey.map(|rekey| rekey.seq),
        key: account.rekey.map(|rekey| rekey.key),
        first: account.first,
        held: held.collect(),
        forks: forks.collect(),
        moves: posting.moves.iter().map(plan_move).collect(),
        settled_since: posting.settled_since.clone(),
    }
}

/// What the records post, from what a plan has.
pub(super) fn posted(entry: &PlanEntry, posting: &PlanPosting) -> Result<Posting, PlanError> {
    let medium = posting.checkpoint.medium;
    let fault = |what| PlanError::Posting { medium, what };
    if entry.medium != Some(medium) {
        return Err(fault("its checkpoint is another medium's"));
    }
    let before = entry.before.as_ref().ok_or_else(|| fault("where it stands is missing"))?;
    let PlanRow { number, hash, seq, head } = before.clone();
    let checkpoint = posting.checkpoint.clone();
    let (settled, provisional) = (checkpoint.settled, checkpoint.provisional);
    let count = checkpoint.number;
    let events = posting.events.iter().map(|event| {
        let (amount, effect) = (event.amount, effect(event.effect));
        (event.event, Booked { amount, effect, number: count })
    });
    let forks = posting.forks.iter().map(|fork| Fork {
        seq: fork.seq,
        records: [fork.one, fork.other],
        by: blame(fork.by),
    });
    let rekey = posting.rekey.zip(posting.key).map(|(seq, key)| Rekeyed { seq, key });
    let account = ledger::Account {
        number: count,
        settled,
        provisional,
        debt: checkpoint.debt,
        store_loss: posting.store_loss,
        open: checkpoint.open.0.clone(),
        events: events.collect(),
        rekey,
        first: posting.first,
        held: posting.held.iter().map(|held| (held.seq, held.hash)).collect(),
        forks: forks.collect(),
        ..ledger::Account::new(medium, hash)
    };
    let moves = moves_of(posting)?;
    let notes = entry.findings.iter();
    let notes = notes.map(|one| FindingNote { id: one.id, class: class_number(one.class) });
    Ok(Posting {
        medium,
        before: Row { number, hash, seq, head },
        account,
        moves,
        checkpoint,
        settled_since: posting.settled_since.clone(),
        findings: notes.collect(),
    })
}

fn plan_move(one: &Move) -> PlanMove {
    let (debit, credit) = (plan_account(&one.debit), plan_account(&one.credit));
    PlanMove { debit, credit, amount: one.amount }
}

/// What a posting moves in the books.
pub fn moves_of(posting: &PlanPosting) -> Result<Vec<Move>, PlanError> {
    posting.moves.iter().map(moved).collect()
}

fn moved(one: &PlanMove) -> Result<Move, PlanError> {
    let amount: Amount = one.amount;
    Ok(Move { debit: account(&one.debit)?, credit: account(&one.credit)?, amount })
}

fn plan_account(account: &Account) -> PlanAccount {
    let of = |kind, number| PlanAccount { kind, number: Some(number), name: None };
    match account {
        Account::Cash => PlanAccount { kind: AccountKind::Cash, number: None, name: None },
        Account::Store(store) => of(AccountKind::Store, store.number().into()),
        Account::Outstanding(medium) => of(AccountKind::Outstanding, medium.number()),
        Account::Settled(medium) => of(AccountKind::Settled, medium.number()),
        Account::Provisional(medium) => of(AccountKind::Provisional, medium.number()),
        Account::Reserved(medium) => of(AccountKind::Reserved, medium.number()),
        Account::Debt(medium) => of(AccountKind::Debt, medium.number()),
        Account::Revenue(name) => {
            let name = Some(name.clone());
            PlanAccount { kind: AccountKind::Revenue, number: None, name }
        }
        Account::ForkLoss(store) => of(AccountKind::ForkLoss, store.number().into()),
    }
}

fn account(account: &PlanAccount) -> Result<Account, PlanError> {
    let number = account.number.unwrap_or(0);
    let (medium, store) = (|| MediumId::from_number(number), || StoreId::from_number(number));
    Ok(match account.kind {
        AccountKind::Cash => Account::Cash,
        AccountKind::Store => Account::Store(store()?),
        AccountKind::Outstanding => Account::Outstanding(medium()?),
        AccountKind::Settled => Account::Settled(medium()?),
        AccountKind::Provisional => Account::Provisional(medium()?),
        AccountKind::Reserved => Account::Reserved(medium()?),
        AccountKind::Debt => Account::Debt(medium()?),
        AccountKind::Revenue => Account::Revenue(account.name.clone().unwrap_or_default()),
        AccountKind::ForkLoss => Account::ForkLoss(store()?),
    })
}

fn plan_effect(effect: Effect) -> PlanEffect {
    match effect {
        Effect::Nothing => PlanEffect::Nothing,
        Effect::Own => PlanEffect::Own,
        Effect::AtPartner => PlanEffect::AtPartner,
        Effect::Earned => PlanEffect::Earned,
        Effect::Began => PlanEffect::Began,
    }
}

fn effect(effect: PlanEffect) -> Effect {
    match effect {
        PlanEffect::Nothing => Effect::Nothing,
        PlanEffect::Own => Effect::Own,
        PlanEffect::AtPartner => Effect::AtPartner,
        PlanEffect::Earned => Effect::Earned,
        PlanEffect::Began => Effect::Began,
    }
}

fn plan_blame(by: Blame) -> PlanBlame {
    match by {
        Blame::Nobody => PlanBlame::Nobody,
        Blame::Store => PlanBlame::Store,
        Blame::StoreKey => PlanBlame::StoreKey,
    }
}

fn blame(by: PlanBlame) -> Blame {
    match by {
        PlanBlame::Nobody => Blame::Nobody,
        PlanBlame::Store => Blame::Store,
        PlanBlame::StoreKey => Blame::StoreKey,
    }
}
