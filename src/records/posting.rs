//! One medium's posting: checked against where the medium stands, and written.

use std::collections::BTreeMap;

use postgres::types::Type;

use super::accounts::{PostError, Posting};
use super::asked::Asked;
use super::database::StorageError;
use super::ground::Ground;
use super::known::{blame_number, effect_number};
use super::moves::{Account, BY_CHECKPOINT, Holders, MOVES};
use super::statement::{Table, Transaction};
use super::value::Value;
use crate::format::record::EventId;
use crate::ledger::{Booked, settled_since_hash};
use crate::units::{Amount, MediumId, Sequence, StoreId};

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
    /// Check a posting against what the records hold; what its medium has may go to an heir.
    pub(super) fn check(
        posting: Posting,
        ground: &Ground,
        heir: Option<MediumId>,
    ) -> Result<Self, PostError> {
        let medium = posting.medium;
        let (store, standing) = ground.of_medium(medium)?;
        let found = standing.row;
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
        let (fresh, grown) = check_events(ground, &posting, added)?;
        let held = posting.account.held.iter().filter(|(seq, _)| !ground.holds(medium, **seq));
        let held = held.map(|(seq, hash)| (*seq, *hash)).collect();
        let reserved = Amount::from_minor(reserved).map_err(|_| too_much(medium, added[2]))?;
        Ok(Self { posting, reserved, fresh, grown, held })
    }
}

impl Ready {
    fn medium(&self) -> Value<'_> {
        self.change.posting.medium.into()
    }

    /// Its account as a row.
    fn account_row(&self) -> [Value<'_>; 13] {
        let Change { posting, reserved, .. } = &self.change;
        let (account, checkpoint) = (&posting.account, &posting.checkpoint);
        let sequence =
            |seq: Option<Sequence>| seq.map_or(Value::Nothing, |seq| Value::count(seq.number()));
        let rekey = account.rekey.as_ref();
        [
            posting.medium.into(),
            Value::count(account.number),
            Value::Bytes(&self.hash),
            Value::count(checkpoint.seq.number()),
            Value::Bytes(&checkpoint.head),
            account.settled.into(),
            account.provisional.into(),
            (*reserved).into(),
            account.debt.into(),
            account.store_loss.into(),
            sequence(rekey.map(|rekey| rekey.seq)),
            rekey.map_or(Value::NoBytes, |rekey| Value::Bytes(rekey.key.as_bytes())),
            sequence(account.first),
        ]
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

/// The events that a posting settles.
pub(super) fn booked(posting: &Posting) -> impl Iterator<Item = (&EventId, &Booked)> {
    let number = posting.account.number;
    let settles = posting.account.events.iter();
    settles.filter(move |(_, one)| one.number == number && effect_number(one.effect).is_some())
}

/// The events that a posting settles: new ones, and known ones whose amount grew.
fn check_events(
    ground: &Ground,
    posting: &Posting,
    [settled, provisional, reserved, debt, loss]: [i64; 5],
) -> Result<(Events, Events), PostError> {
    let medium = posting.medium;
    let (mut fresh, mut grown, mut events) = (vec![], vec![], 0);
    for (event, booked) in booked(posting) {
        let known = ground.amount(medium, *event);
        events += i128::from(booked.amount) - i128::from(known.unwrap_or(0));
        let all = if known.is_none() { &mut fresh } else { &mut grown };
        all.push((*event, *booked));
    }
    let account = settled + provisional + reserved - debt - loss;
    if events == i128::from(account) {
        return Ok((fresh, grown));
    }
    let events = i64::try_from(events).unwrap_or(i64::MAX);
    Err(PostError::Events { medium, events, account })
}

/// Write what is ready, table by table.
pub(super) fn write_all(
    tx: &mut Transaction<'_>,
    plan: u64,
    ready: &[Ready],
    holders: &Holders,
) -> Result<(), StorageError> {
    write_accounts(tx, ready)?;
    write_transfers(tx, ready)?;
    write_grown(tx, ready)?;
    write_forks(tx, ready)?;
    write_answered(tx, ready)?;
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

/// Move the media's rows, which stand where they were checked to stand.
fn write_accounts(tx: &mut Transaction<'_>, ready: &[Ready]) -> Result<(), StorageError> {
    const CHANGE: &str = "UPDATE accounts SET number = asked.number, hash = asked.hash, \
        seq = asked.seq, head = asked.head, settled_minor = asked.settled_minor, \
        provisional_minor = asked.provisional_minor, reserved_minor = asked.reserved_minor, \
        debt_minor = asked.debt_minor, store_loss_minor = asked.store_loss_minor, \
        rekey_seq = asked.rekey_seq, rekey_key = asked.rekey_key, first_seq = asked.first_seq \
        FROM asked WHERE accounts.medium = asked.medium";
    const ACCOUNTS: Table<13> = Table {
        name: "accounts",
        columns: [
            ("medium", Type::INT8),
            ("number", Type::INT8),
            ("hash", Type::BYTEA),
            ("seq", Type::INT8),
            ("head", Type::BYTEA),
            ("settled_minor", Type::INT8),
            ("provisional_minor", Type::INT8),
            ("reserved_minor", Type::INT8),
            ("debt_minor", Type::INT8),
            ("store_loss_minor", Type::INT8),
            ("rekey_seq", Type::INT8),
            ("rekey_key", Type::BYTEA),
            ("first_seq", Type::INT8),
        ],
    };
    let (new, known): (Vec<&Ready>, Vec<&Ready>) =
        ready.iter().partition(|one| one.change.posting.before.number == 0);
    tx.insert_all(&ACCOUNTS, new.into_iter().map(Ready::account_row))?;
    let known = known.into_iter().map(Ready::account_row);
    tx.execute_asked(CHANGE, &Asked::new(ACCOUNTS.columns, known)).map(drop)
}

/// Put the open transfers in place of those that were open before.
fn write_transfers(tx: &mut Transaction<'_>, ready: &[Ready]) -> Result<(), StorageError> {
    const CLOSE: &str =
        "DELETE FROM open_transfers WHERE medium IN (SELECT asked.medium FROM asked)";
    const OPEN: Table<5> = Table {
        name: "open_transfers",
        columns: [
            ("medium", Type::INT8),
            ("start", Type::BYTEA),
            ("transfer", Type::BYTEA),
            ("reserved_minor", Type::INT8),
            ("covered_bytes", Type::INT8),
        ],
    };
    let known = ready.iter().filter(|one| one.change.posting.before.number > 0);
    let known = known.map(|one| [one.medium()]);
    tx.execute_asked(CLOSE, &Asked::new([("medium", Type::INT8)], known))?;
    let rows = ready.iter().flat_map(|one| {
        one.change.posting.account.open.iter().map(|open| {
            let (start, transfer) = (Value::Bytes(&open.start), Value::Bytes(&open.transfer));
            let covered = Value::count(open.covered.bytes());
            [one.medium(), start, transfer, open.reserved.into(), covered]
        })
    });
    tx.insert_all(&OPEN, rows)
}

/// Change the events that grew.
fn write_grown(tx: &mut Transaction<'_>, ready: &[Ready]) -> Result<(), StorageError> {
    const GROW: &str = "UPDATE settled_events SET number = asked.number, \
        amount_minor = asked.amount_minor, effect = asked.effect FROM asked \
        WHERE settled_events.medium = asked.medium AND settled_events.event = asked.event";
    let grown = ready.iter().flat_map(|one| {
        let grown = one.change.grown.iter();
        grown.map(|(event, booked)| event_row(one.medium(), event, booked))
    });
    tx.execute_asked(GROW, &Asked::new(EVENTS.columns, grown)).map(drop)
}

/// Add the forks that aren't known.
fn write_forks(tx: &mut Transaction<'_>, ready: &[Ready]) -> Result<(), StorageError> {
    const ADD: &str = "INSERT INTO forks (medium, seq, less, more, blame) \
        SELECT medium, seq, less, more, blame FROM asked WHERE TRUE \
        ON CONFLICT (medium, seq, less, more) DO NOTHING";
    const COLUMNS: [(&str, Type); 5] = [
        ("medium", Type::INT8),
        ("seq", Type::INT8),
        ("less", Type::BYTEA),
        ("more", Type::BYTEA),
        ("blame", Type::INT8),
    ];
    let forks = ready.iter().flat_map(|one| {
        one.change.posting.account.forks.iter().map(|fork| {
            let [less, more] = fork.records.each_ref().map(|hash| Value::Bytes(hash));
            let (seq, blame) = (Value::count(fork.seq.number()), blame_number(fork.by));
            [one.medium(), seq, less, more, Value::Int(blame)]
        })
    });
    tx.execute_asked(ADD, &Asked::new(COLUMNS, forks)).map(drop)
}

/// Add the findings that weren't answered.
fn write_answered(tx: &mut Transaction<'_>, ready: &[Ready]) -> Result<(), StorageError> {
    const ADD: &str = "INSERT INTO answered_findings (medium, finding, class, number) \
        SELECT medium, finding, class, number FROM asked WHERE TRUE \
        ON CONFLICT (medium, finding) DO NOTHING";
    const COLUMNS: [(&str, Type); 4] = [
        ("medium", Type::INT8),
        ("finding", Type::BYTEA),
        ("class", Type::INT8),
        ("number", Type::INT8),
    ];
    let answered = ready.iter().flat_map(|one| {
        let posting = &one.change.posting;
        let number = Value::count(posting.account.number);
        posting.findings.iter().map(move |finding| {
            [one.medium(), Value::Bytes(&finding.id), Value::Int(finding.class.into()), number]
        })
    });
    tx.execute_asked(ADD, &Asked::new(COLUMNS, answered)).map(drop)
}

fn event_row<'v>(medium: Value<'v>, event: &'v EventId, booked: &Booked) -> [Value<'v>; 5] {
    let effect = effect_number(booked.effect).expect("only what books is kept");
    let (number, amount) = (Value::count(booked.number), Value::Int(booked.amount));
    [medium, Value::Bytes(event), number, amount, Value::Int(effect)]
}

fn write_events(tx: &mut Transaction<'_>, ready: &[Ready]) -> Result<(), StorageError> {
    let rows = ready.iter().flat_map(|one| {
        one.change.fresh.iter().map(|(event, booked)| event_row(one.medium(), event, booked))
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
