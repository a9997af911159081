//! One medium's posting: checked against where the medium stands, and written.

use std::collections::{BTreeMap, BTreeSet};

use postgres::types::Type;

use super::accounts::{PostError, Posting};
use super::database::StorageError;
use super::known::{Standing, blame_number, effect_number};
use super::moves::{Account, BY_CHECKPOINT, Holders, MOVES};
use super::statement::{Table, Transaction};
use super::value::Value;
use crate::format::record::EventId;
use crate::ledger::{Booked, settled_since_hash};
use crate::units::{Amount, MediumId, Sequence, StoreId};

/// Of so many events each is looked up by itself; of more, all of the medium's are read.
const ASKED_MAX: usize = 32;

/// A posting that goes on from where its medium stands.
pub(super) struct Change {
    pub(super) posting: Posting,
    reserved: Amount,
    /// Events that are new, and those whose amount grew.
    fresh: Vec<(EventId, Booked)>,
    grown: Vec<(EventId, Booked)>,
    /// Places that nothing was held at.
    held: Vec<(Sequence, [u8; 32])>,
}

/// A change whose checkpoint is signed.
pub(super) struct Ready {
    pub(super) change: Change,
    /// SHA-256 over the signed checkpoint.
    pub(super) hash: [u8; 32],
    /// The checkpoint's file.
    pub(super) file: Vec<u8>,
}

impl Change {
    /// Check a posting against its medium, which was given to this store; what it has may go to an
    /// heir.
    pub(super) fn check(
        tx: &mut Transaction<'_>,
        posting: Posting,
        store: StoreId,
        standing: &Standing,
        heir: Option<MediumId>,
    ) -> Result<Self, PostError> {
        let (medium, found) = (posting.medium, standing.row);
        if posting.before != found {
            let planned = Box::new(posting.before);
            return Err(PostError::Moved { medium, planned, found: Box::new(found) });
        }
        let reserved: u64 = posting.account.open.iter().map(|open| open.reserved.minor()).sum();
        check_checkpoint(&posting, reserved)?;
        let after = [
            posting.account.settled.minor(),
            posting.account.provisional.minor(),
            reserved,
            posting.account.debt.minor(),
            posting.account.store_loss.minor(),
        ];
        let before = [
            standing.settled,
            standing.provisional,
            standing.reserved,
            standing.debt,
            standing.store_loss,
        ];
        let added: [i64; 5] =
            std::array::from_fn(|at| after[at].cast_signed() - before[at].minor().cast_signed());
        check_moves(&posting, store, added, heir)?;
        let (fresh, grown) = check_events(tx, &posting, added)?;
        let held = unheld(tx, &posting)?;
        let reserved = Amount::from_minor(reserved).map_err(|_| too_much(medium, added[2]))?;
        Ok(Self { posting, reserved, fresh, grown, held })
    }

    /// About how many rows it writes.
    pub(super) fn rows(&self) -> usize {
        self.fresh.len() + self.held.len() + self.posting.moves.len() + 4
    }
}

/// More is reserved than any amount may be.
fn too_much(medium: MediumId, by_account: i64) -> PostError {
    PostError::Unbalanced { medium, what: "reserved", by_moves: 0, by_account }
}

fn check_checkpoint(posting: &Posting, reserved: u64) -> Result<(), PostError> {
    let (medium, account, checkpoint) = (posting.medium, &posting.account, &posting.checkpoint);
    let held: u64 = checkpoint.open.0.iter().map(|open| open.reserved.minor()).sum();
    let pairs = [
        ("the medium", checkpoint.medium.number(), medium.number()),
        ("the medium", account.medium.number(), medium.number()),
        ("the number", checkpoint.number, account.number),
        ("the number", account.number, posting.before.number + 1),
        ("what is settled", checkpoint.settled.minor(), account.settled.minor()),
        ("what is provisional", checkpoint.provisional.minor(), account.provisional.minor()),
        ("what is reserved", held, reserved),
        ("the debt", checkpoint.debt.minor(), account.debt.minor()),
    ];
    if let Some((what, found, expected)) = pairs.into_iter().find(|(_, a, b)| a != b) {
        return Err(PostError::Checkpoint { medium, what, found, expected });
    }
    let listed = &posting.settled_since;
    let fits = match &checkpoint.settled_since {
        Some(named) => named.events == settled_since_hash(listed),
        None => listed.is_empty(),
    };
    if fits { Ok(()) } else { Err(PostError::SettledSince(medium)) }
}

/// Do the moves bring each account to where it is to be, and touch no others?
fn check_moves(
    posting: &Posting,
    store: StoreId,
    added: [i64; 5],
    heir: Option<MediumId>,
) -> Result<(), PostError> {
    let medium = posting.medium;
    let own = [
        ("settled", Account::Settled(medium), -added[0]),
        ("provisional", Account::Provisional(medium), -added[1]),
        ("reserved", Account::Reserved(medium), -added[2]),
        ("debt", Account::Debt(medium), added[3]),
        ("fork loss", Account::ForkLoss(store), added[4]),
    ];
    let mut debits: BTreeMap<&Account, i128> = BTreeMap::new();
    for moved in &posting.moves {
        let minor = i128::from(moved.amount.minor());
        for (account, minor) in [(&moved.debit, minor), (&moved.credit, -minor)] {
            let allowed = matches!(account, Account::Revenue(_))
                || *account == Account::Outstanding(medium)
                || heir.is_some_and(|heir| *account == Account::Outstanding(heir))
                || own.iter().any(|(_, own, _)| own == account);
            if !allowed {
                return Err(PostError::Foreign { medium, account: account.clone() });
            }
            *debits.entry(account).or_default() += minor;
        }
    }
    for (what, account, by_account) in &own {
        let (by_moves, by_account) = (*debits.get(account).unwrap_or(&0), *by_account);
        if by_moves != i128::from(by_account) {
            let by_moves = i64::try_from(by_moves).unwrap_or(i64::MAX);
            return Err(PostError::Unbalanced { medium, what, by_moves, by_account });
        }
    }
    Ok(())
}

type Events = Vec<(EventId, Booked)>;

/// The events that this posting settles: new ones, and known ones whose amount grew.
fn check_events(
    tx: &mut Transaction<'_>,
    posting: &Posting,
    [settled, provisional, reserved, debt, loss]: [i64; 5],
) -> Result<(Events, Events), PostError> {
    let (medium, number) = (posting.medium, posting.account.number);
    let settles = posting.account.events.iter().filter(|(_, booked)| booked.number == number);
    let booked = settles.filter(|(_, booked)| effect_number(booked.effect).is_some());
    let booked: Events = booked.map(|(event, booked)| (*event, *booked)).collect();
    let known = known_amounts(tx, posting, &booked)?;
    let (fresh, grown): (Events, Events) =
        booked.into_iter().partition(|(event, _)| !known.contains_key(event));
    let added = |(event, booked): &(EventId, Booked)| {
        i128::from(booked.amount) - i128::from(*known.get(event).unwrap_or(&0))
    };
    let events: i128 = fresh.iter().chain(&grown).map(added).sum();
    let account = settled + provisional + reserved - debt - loss;
    if events == i128::from(account) {
        return Ok((fresh, grown));
    }
    let events = i64::try_from(events).unwrap_or(i64::MAX);
    Err(PostError::Events { medium, events, account })
}

/// What was booked before of the events of a posting, minor units.
fn known_amounts(
    tx: &mut Transaction<'_>,
    posting: &Posting,
    booked: &Events,
) -> Result<BTreeMap<EventId, i64>, StorageError> {
    const ALL: &str = "SELECT event, amount_minor FROM settled_events WHERE medium = $1";
    const ONE: &str = "SELECT amount_minor FROM settled_events WHERE medium = $1 AND event = $2";
    let medium = Value::from(posting.medium);
    if posting.before.number == 0 {
        return Ok(BTreeMap::new());
    }
    if booked.len() > ASKED_MAX {
        let known = tx.rows(ALL, &[medium], |row| Ok((row.array(0)?, row.int(1)?)))?;
        return Ok(known.into_iter().collect());
    }
    let mut known = BTreeMap::new();
    for (event, _) in booked {
        let amount = tx.row(ONE, &[medium, Value::Bytes(event)], |row| row.int(0))?;
        known.extend(amount.map(|amount| (*event, amount)));
    }
    Ok(known)
}

/// What the posting holds at places that nothing was held at.
fn unheld(
    tx: &mut Transaction<'_>,
    posting: &Posting,
) -> Result<Vec<(Sequence, [u8; 32])>, StorageError> {
    const HELD: &str = "SELECT seq FROM held_records WHERE medium = $1 AND seq >= $2";
    let first = posting.account.held.keys().next().filter(|_| posting.before.number > 0);
    let known: BTreeSet<u64> = match first {
        None => BTreeSet::new(),
        Some(first) => {
            let values = [posting.medium.into(), Value::count(first.number())];
            tx.rows(HELD, &values, |row| row.count(0))?.into_iter().collect()
        }
    };
    let held = posting.account.held.iter();
    let new = held.filter(|(seq, _)| !known.contains(&seq.number()));
    Ok(new.map(|(seq, hash)| (*seq, *hash)).collect())
}

/// Write what is ready, table by table.
pub(super) fn write_all(
    tx: &mut Transaction<'_>,
    plan: u64,
    ready: &[Ready],
    holders: &Holders,
) -> Result<(), StorageError> {
    for one in ready {
        write_account(tx, one)?;
        write_rare(tx, &one.change)?;
    }
    write_events(tx, ready)?;
    write_held(tx, ready)?;
    write_checkpoints(tx, plan, ready)?;
    let moves = ready.iter().flat_map(|one| {
        let posting = &one.change.posting;
        let by = [BY_CHECKPOINT, posting.medium.number().cast_signed()];
        let (number, at) = (posting.account.number, posting.checkpoint.as_of);
        let moves = (0..).zip(&posting.moves);
        moves.map(move |(line, moved)| holders.row(by, [number, line], at, moved))
    });
    tx.insert_all(&MOVES, moves)
}

/// Move the medium's row, which stands where it was checked to stand.
fn write_account(tx: &mut Transaction<'_>, ready: &Ready) -> Result<(), StorageError> {
    const ADD: &str = "INSERT INTO accounts (number, hash, seq, head, settled_minor, \
        provisional_minor, reserved_minor, debt_minor, store_loss_minor, rekey_seq, rekey_key, \
        first_seq, medium) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    const CHANGE: &str = "UPDATE accounts SET number = $1, hash = $2, seq = $3, head = $4, \
        settled_minor = $5, provisional_minor = $6, reserved_minor = $7, debt_minor = $8, \
        store_loss_minor = $9, rekey_seq = $10, rekey_key = $11, first_seq = $12 \
        WHERE medium = $13";
    let Change { posting, reserved, .. } = &ready.change;
    let (account, checkpoint) = (&posting.account, &posting.checkpoint);
    let sequence =
        |seq: Option<Sequence>| seq.map_or(Value::Nothing, |seq| Value::count(seq.number()));
    let key = account.rekey.as_ref().map(|rekey| rekey.key);
    let values = [
        Value::count(account.number),
        Value::Bytes(&ready.hash),
        Value::count(checkpoint.seq.number()),
        Value::Bytes(&checkpoint.head),
        account.settled.into(),
        account.provisional.into(),
        (*reserved).into(),
        account.debt.into(),
        account.store_loss.into(),
        sequence(account.rekey.map(|rekey| rekey.seq)),
        key.as_ref().map_or(Value::NoBytes, |key| Value::Bytes(key.as_bytes())),
        sequence(account.first),
        posting.medium.into(),
    ];
    tx.execute(if posting.before.number == 0 { ADD } else { CHANGE }, &values).map(drop)
}

/// What most postings have none of: grown events, forks, open transfers, answered findings.
fn write_rare(tx: &mut Transaction<'_>, change: &Change) -> Result<(), StorageError> {
    const GROW: &str = "UPDATE settled_events SET number = $3, amount_minor = $4, effect = $5 \
        WHERE medium = $1 AND event = $2";
    const FORK: &str = "INSERT INTO forks (medium, seq, less, more, blame) \
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (medium, seq, less, more) DO NOTHING";
    const CLOSE: &str = "DELETE FROM open_transfers WHERE medium = $1";
    const OPEN: &str = "INSERT INTO open_transfers (medium, start, transfer, reserved_minor, \
        covered_bytes) VALUES ($1, $2, $3, $4, $5)";
    const ANSWER: &str = "INSERT INTO answered_findings (medium, finding, class, number) \
        VALUES ($1, $2, $3, $4) ON CONFLICT (medium, finding) DO NOTHING";
    let posting = &change.posting;
    let medium = Value::from(posting.medium);
    for (event, booked) in &change.grown {
        tx.execute(GROW, &event_row(posting.medium, event, booked))?;
    }
    for fork in &posting.account.forks {
        let [less, more] = fork.records.each_ref().map(|hash| Value::Bytes(hash));
        let (seq, blame) = (Value::count(fork.seq.number()), Value::Int(blame_number(fork.by)));
        tx.execute(FORK, &[medium, seq, less, more, blame])?;
    }
    if posting.before.number > 0 {
        tx.execute(CLOSE, &[medium])?;
    }
    for open in &posting.account.open {
        let (start, transfer) = (Value::Bytes(&open.start), Value::Bytes(&open.transfer));
        let covered = Value::count(open.covered.bytes());
        tx.execute(OPEN, &[medium, start, transfer, open.reserved.into(), covered])?;
    }
    for finding in &posting.findings {
        let (id, class) = (Value::Bytes(&finding.id), Value::Int(finding.class.into()));
        tx.execute(ANSWER, &[medium, id, class, Value::count(posting.account.number)])?;
    }
    Ok(())
}

fn event_row<'v>(medium: MediumId, event: &'v EventId, booked: &Booked) -> [Value<'v>; 5] {
    let effect = effect_number(booked.effect).expect("only what books is kept");
    let (number, amount) = (Value::count(booked.number), Value::Int(booked.amount));
    [medium.into(), Value::Bytes(event), number, amount, Value::Int(effect)]
}

fn write_events(tx: &mut Transaction<'_>, ready: &[Ready]) -> Result<(), StorageError> {
    const EVENTS: Table<5> = Table {
        name: "settled_events",
        columns: [
            ("medium", Type::INT8),
            ("event", Type::BYTEA),
            ("number", Type::INT8),
            ("amount_minor", Type::INT8),
            ("effect", Type::INT8),
        ],
    };
    let rows = ready.iter().flat_map(|one| {
        let medium = one.change.posting.medium;
        one.change.fresh.iter().map(move |(event, booked)| event_row(medium, event, booked))
    });
    tx.insert_all(&EVENTS, rows)
}

fn write_held(tx: &mut Transaction<'_>, ready: &[Ready]) -> Result<(), StorageError> {
    const HELD: Table<3> = Table {
        name: "held_records",
        columns: [("medium", Type::INT8), ("seq", Type::INT8), ("hash", Type::BYTEA)],
    };
    let rows = ready.iter().flat_map(|one| {
        let medium = one.change.posting.medium;
        let held = one.change.held.iter();
        held.map(move |(seq, hash)| [medium.into(), Value::count(seq.number()), Value::Bytes(hash)])
    });
    tx.insert_all(&HELD, rows)
}

fn write_checkpoints(
    tx: &mut Transaction<'_>,
    plan: u64,
    ready: &[Ready],
) -> Result<(), StorageError> {
    const CHECKPOINTS: Table<4> = Table {
        name: "checkpoints",
        columns: [
            ("medium", Type::INT8),
            ("number", Type::INT8),
            ("plan", Type::INT8),
            ("content", Type::BYTEA),
        ],
    };
    let rows = ready.iter().map(|one| {
        let posting = &one.change.posting;
        let number = Value::count(posting.account.number);
        [posting.medium.into(), number, Value::count(plan), Value::Bytes(&one.file)]
    });
    tx.insert_all(&CHECKPOINTS, rows)
}
