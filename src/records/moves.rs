//! Double entry: a [`Move`] takes a sum from one account and gives it to another.
//!
//! The database holds nothing else, so that all accounts together are zero whatever was committed.

use postgres::types::Type;

use super::Records;
use super::database::StorageError;
use super::statement::Table;
use super::value::{Row, Value};
use crate::units::{Amount, MediumId, StoreId, Timestamp, UnitError};

/// Accounts of one kind lie in a stretch of this length.
const KIND: i64 = 1_000_000_000_000;
/// Moves by an entry of a store's journal, and by a payment.
pub(super) const BY_ENTRY: i64 = 1;
pub(super) const BY_PAYMENT: i64 = 2;

/// The rows of moves, as [`move_row`] makes them.
pub(super) const MOVES: Table<7> = Table {
    name: "moves",
    columns: [
        ("origin", Type::INT8),
        ("store", Type::INT8),
        ("seq", Type::INT8),
        ("at", Type::INT8),
        ("debit", Type::INT8),
        ("credit", Type::INT8),
        ("amount_minor", Type::INT8),
    ],
};

/// Whose money an account counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// The issuer has it.
    Cash,
    /// A store owes it.
    Store(StoreId),
    /// It was sold for a medium and isn't known to be on it.
    Outstanding(MediumId),
    /// It may be spent by this medium.
    Settled(MediumId),
    /// This medium earned it, and it isn't vested yet.
    Provisional(MediumId),
    /// Open transfers of this medium hold it.
    Reserved(MediumId),
    /// This medium lacks it, and gives it from its next top-ups.
    Debt(MediumId),
    /// It was lost by forks that this store's key made possible, and the store bears it.
    ForkLoss(StoreId),
}

impl Account {
    /// The account's number, whose first digit is its kind.
    pub fn number(&self) -> i64 {
        match self {
            Self::Cash => KIND,
            Self::Store(store) => 2 * KIND + i64::from(store.number()),
            Self::Outstanding(medium) => 3 * KIND + medium.number().cast_signed(),
            Self::Settled(medium) => 4 * KIND + medium.number().cast_signed(),
            Self::Provisional(medium) => 5 * KIND + medium.number().cast_signed(),
            Self::Reserved(medium) => 6 * KIND + medium.number().cast_signed(),
            Self::Debt(medium) => 7 * KIND + medium.number().cast_signed(),
            Self::ForkLoss(store) => 9 * KIND + i64::from(store.number()),
        }
    }

    fn from_number(number: i64) -> Result<Self, UnitError> {
        let whose = number.rem_euclid(KIND).unsigned_abs();
        match number.div_euclid(KIND) {
            2 => StoreId::from_number(whose).map(Self::Store),
            3 => MediumId::from_number(whose).map(Self::Outstanding),
            4 => MediumId::from_number(whose).map(Self::Settled),
            5 => MediumId::from_number(whose).map(Self::Provisional),
            6 => MediumId::from_number(whose).map(Self::Reserved),
            7 => MediumId::from_number(whose).map(Self::Debt),
            9 => StoreId::from_number(whose).map(Self::ForkLoss),
            _ => Ok(Self::Cash),
        }
    }
}

/// A sum that goes from one account to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// It has more now.
    pub debit: Account,
    /// It has less now.
    pub credit: Account,
    /// More than nothing.
    pub amount: Amount,
}

/// What a move follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This entry of the store's journal.
    Entry(u64),
    /// A payment with this reference.
    Payment(String),
}

/// A move as it was booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedMove {
    /// When it counts.
    pub at: Timestamp,
    /// The store.
    pub store: StoreId,
    /// The store's name.
    pub name: String,
    /// What it follows from.
    pub origin: Origin,
    /// What it moves.
    pub moved: Move,
}

/// An account that was moved to or from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The account.
    pub account: Account,
    /// Its first move.
    pub first: Timestamp,
    /// Its newest move.
    pub last: Timestamp,
    /// Debits less credits, minor units.
    pub minor: i64,
}

impl Records {
    /// What an account has: debits less credits, minor units.
    pub fn account(&mut self, account: &Account) -> Result<i64, StorageError> {
        const SUM: &str = "SELECT CAST(COALESCE(SUM(CASE WHEN debit = $1 THEN amount_minor \
            ELSE -amount_minor END), 0) AS BIGINT) FROM moves WHERE debit = $1 OR credit = $1";
        let value = [Value::Int(account.number())];
        self.database.read(|tx| Ok(tx.row(SUM, &value, |row| row.int(0))?.unwrap_or(0)))
    }

    /// Every account that was ever used, by its number.
    pub fn balances(&mut self) -> Result<Vec<Balance>, StorageError> {
        const SUMS: &str = "SELECT account, MIN(at), MAX(at), CAST(SUM(amount) AS BIGINT) FROM \
            (SELECT debit AS account, at, amount_minor AS amount FROM moves UNION ALL \
            SELECT credit AS account, at, -amount_minor AS amount FROM moves) AS sides \
            GROUP BY account ORDER BY account";
        self.database.read(|tx| {
            tx.rows(SUMS, &[], |row| {
                let account = account(row, 0)?;
                let (first, last) = (row.time(1)?, row.time(2)?);
                Ok(Balance { account, first, last, minor: row.int(3)? })
            })
        })
    }

    /// Call `each` with every move, in the order of time, as they are read.
    pub fn each_move<E: From<StorageError>>(
        &mut self,
        mut each: impl FnMut(&BookedMove) -> Result<(), E>,
    ) -> Result<(), E> {
        const MOVES: &str = "SELECT moves.at, moves.store, stores.name, moves.seq, \
            COALESCE(payments.reference, ''), moves.origin, moves.debit, moves.credit, \
            moves.amount_minor FROM moves JOIN stores ON stores.store = moves.store \
            LEFT JOIN payments ON moves.origin = 2 AND payments.store = moves.store \
            AND payments.seq = moves.seq \
            ORDER BY moves.at, moves.store, moves.origin, moves.seq";
        self.database
            .read(|tx| tx.for_each(MOVES, &[], |row| -> Result<(), E> { each(&booked_move(row)?) }))
    }
}

/// The row of a move: what it follows from, and of which store.
pub(super) fn move_row<'v>(
    origin: [i64; 2],
    seq: u64,
    at: Timestamp,
    moved: &Move,
) -> [Value<'v>; 7] {
    let [origin, store] = origin.map(Value::Int);
    let [debit, credit] = [&moved.debit, &moved.credit].map(|side| Value::Int(side.number()));
    [origin, store, Value::count(seq), at.into(), debit, credit, moved.amount.into()]
}

fn account(row: &Row<'_>, column: usize) -> Result<Account, StorageError> {
    Account::from_number(row.int(column)?).map_err(|error| row.wrong(column, &error))
}

fn booked_move(row: &Row<'_>) -> Result<BookedMove, StorageError> {
    let origin = if row.int(5)? == BY_PAYMENT {
        Origin::Payment(row.text(4)?.to_owned())
    } else {
        Origin::Entry(row.count(3)?)
    };
    Ok(BookedMove {
        at: row.time(0)?,
        store: row.store(1)?,
        name: row.text(2)?.to_owned(),
        origin,
        moved: Move { debit: account(row, 6)?, credit: account(row, 7)?, amount: row.amount(8)? },
    })
}
