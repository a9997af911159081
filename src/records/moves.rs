//! Double entry: a [`Move`] takes a sum from one account and gives it to another.
//!
//! The database holds nothing else, so that all accounts together are zero whatever was committed.

use std::collections::BTreeMap;

use postgres::types::Type;

use super::Records;
use super::database::StorageError;
use super::statement::{Table, Transaction};
use super::value::{Row, Value};
use crate::format::plan::AccountKind;
use crate::units::{Amount, MediumId, StoreId, Timestamp};

/// Accounts of one kind lie in a stretch of this length.
const KIND: i64 = 1_000_000_000_000;
/// Moves by an entry of a store's journal, by a payment, and by a checkpoint.
pub(super) const BY_ENTRY: i64 = 1;
pub(super) const BY_PAYMENT: i64 = 2;
pub(super) const BY_CHECKPOINT: i64 = 3;

const HOLDERS: &str = "SELECT holder, name FROM rights_holders ORDER BY holder";

/// The rows of moves, as [`Holders::row`] makes them.
pub(super) const MOVES: Table<8> = Table {
    name: "moves",
    columns: [
        ("origin", Type::INT8),
        ("whose", Type::INT8),
        ("seq", Type::INT8),
        ("line", Type::INT8),
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
    /// Goods of this rights holder brought it; what its uploaders earned is taken off.
    Revenue(String),
    /// It was lost by forks that this store's key made possible, and the store bears it.
    ForkLoss(StoreId),
}

impl Account {
    /// The account's number, whose first digit is its kind; none for a rights holder that the
    /// records don't know.
    fn number(&self, holders: &Holders) -> Option<i64> {
        let of_medium = |kind: i64, medium: &MediumId| kind * KIND + medium.number().cast_signed();
        let of_store = |kind: i64, store: &StoreId| kind * KIND + i64::from(store.number());
        Some(match self {
            Self::Cash => KIND,
            Self::Store(store) => of_store(2, store),
            Self::Outstanding(medium) => of_medium(3, medium),
            Self::Settled(medium) => of_medium(4, medium),
            Self::Provisional(medium) => of_medium(5, medium),
            Self::Reserved(medium) => of_medium(6, medium),
            Self::Debt(medium) => of_medium(7, medium),
            Self::Revenue(name) => 8 * KIND + holders.0.get(name)?,
            Self::ForkLoss(store) => of_store(9, store),
        })
    }

    /// The number of a medium's account of what is outstanding.
    pub(super) fn outstanding_number(medium: MediumId) -> i64 {
        3 * KIND + medium.number().cast_signed()
    }

    /// What accounts of its kind are called.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Store(_) => "stores",
            Self::Outstanding(_) => "outstanding",
            Self::Settled(_) => "settled",
            Self::Provisional(_) => "provisional",
            Self::Reserved(_) => "reserved",
            Self::Debt(_) => "debt",
            Self::Revenue(_) => "revenue",
            Self::ForkLoss(_) => "fork loss",
        }
    }

    /// The medium whose account it is.
    pub fn medium(&self) -> Option<MediumId> {
        match self {
            Self::Outstanding(medium)
            | Self::Settled(medium)
            | Self::Provisional(medium)
            | Self::Reserved(medium)
            | Self::Debt(medium) => Some(*medium),
            Self::Cash | Self::Store(_) | Self::Revenue(_) | Self::ForkLoss(_) => None,
        }
    }
}

/// The numbers of the rights holders.
pub(super) struct Holders(BTreeMap<String, i64>);

/// The names of the rights holders.
pub(super) struct HolderNames(BTreeMap<i64, String>);

impl Holders {
    pub(super) fn load(tx: &mut Transaction<'_>) -> Result<Self, StorageError> {
        let pairs = tx.rows(HOLDERS, &[], |row| Ok((row.text(1)?.to_owned(), row.int(0)?)))?;
        Ok(Self(pairs.into_iter().collect()))
    }

    /// Give numbers to the rights holders of these moves that have none.
    pub(super) fn learn<'m>(
        &mut self,
        tx: &mut Transaction<'_>,
        moves: impl Iterator<Item = &'m Move>,
    ) -> Result<(), StorageError> {
        const ADD: &str = "INSERT INTO rights_holders (holder, name) VALUES ($1, $2)";
        for account in moves.flat_map(|moved| [&moved.debit, &moved.credit]) {
            let Account::Revenue(name) = account else { continue };
            if !self.0.contains_key(name) {
                let number = self.0.values().max().unwrap_or(&0) + 1;
                tx.execute(ADD, &[Value::Int(number), Value::Text(name)])?;
                self.0.insert(name.clone(), number);
            }
        }
        Ok(())
    }

    /// The row of a move of learnt rights holders: what it follows from and of whom, and its line.
    pub(super) fn row<'v>(
        &self,
        [origin, whose]: [i64; 2],
        [seq, line]: [u64; 2],
        at: Timestamp,
        moved: &Move,
    ) -> [Value<'v>; 8] {
        let side = |account: &Account| {
            Value::Int(account.number(self).expect("its rights holder was learnt before"))
        };
        let (debit, credit) = (side(&moved.debit), side(&moved.credit));
        let [seq, line] = [seq, line].map(Value::count);
        let amount = moved.amount.into();
        [Value::Int(origin), Value::Int(whose), seq, line, at.into(), debit, credit, amount]
    }
}

impl HolderNames {
    pub(super) fn load(tx: &mut Transaction<'_>) -> Result<Self, StorageError> {
        let pairs = tx.rows(HOLDERS, &[], |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?;
        Ok(Self(pairs.into_iter().collect()))
    }

    /// Read an account by its number.
    pub(super) fn account(&self, row: &Row<'_>, column: usize) -> Result<Account, StorageError> {
        let number = row.int(column)?;
        let whose = number.rem_euclid(KIND);
        let medium = || MediumId::from_number(whose.unsigned_abs());
        let store = || StoreId::from_number(whose.unsigned_abs());
        let account = match number.div_euclid(KIND) {
            1 => Ok(Account::Cash),
            2 => store().map(Account::Store),
            3 => medium().map(Account::Outstanding),
            4 => medium().map(Account::Settled),
            5 => medium().map(Account::Provisional),
            6 => medium().map(Account::Reserved),
            7 => medium().map(Account::Debt),
            9 => store().map(Account::ForkLoss),
            _ => {
                let name = self.0.get(&whose).filter(|_| number.div_euclid(KIND) == 8);
                let name =
                    name.ok_or_else(|| row.wrong(column, &format!("{number} is nobody's")))?;
                Ok(Account::Revenue(name.clone()))
            }
        };
        account.map_err(|error| row.wrong(column, &error))
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
    /// This checkpoint of a medium.
    Checkpoint(MediumId, u64),
}

/// A move as it was booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedMove {
    /// When it counts.
    pub at: Timestamp,
    /// The store; that of the medium for a checkpoint.
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
        self.database.read(|tx| {
            let Some(number) = account.number(&Holders::load(tx)?) else { return Ok(0) };
            Ok(tx.row(SUM, &[Value::Int(number)], |row| row.int(0))?.unwrap_or(0))
        })
    }

    /// Every account that was ever used, by its number.
    pub fn balances(&mut self) -> Result<Vec<Balance>, StorageError> {
        self.database.read(|tx| {
            let names = HolderNames::load(tx)?;
            balances(tx, &names)
        })
    }

    /// What all accounts of each kind hold together.
    pub fn by_kind(&mut self) -> Result<BTreeMap<AccountKind, i64>, StorageError> {
        const SUMS: &str = "SELECT debit / 1000000000000, credit / 1000000000000, \
            CAST(SUM(amount_minor) AS BIGINT) FROM moves GROUP BY 1, 2";
        let mut sums: BTreeMap<AccountKind, i64> = BTreeMap::new();
        let pairs = self.database.read(|tx| {
            tx.rows(SUMS, &[], |row| Ok(([kind(row, 0)?, kind(row, 1)?], row.int(2)?)))
        })?;
        for ([debit, credit], amount) in pairs {
            let sum = sums.entry(debit).or_default();
            *sum = sum.saturating_add(amount);
            let sum = sums.entry(credit).or_default();
            *sum = sum.saturating_sub(amount);
        }
        Ok(sums)
    }

    /// Call `each` with every move, in the order of time, as they are read.
    pub fn each_move<E: From<StorageError>>(
        &mut self,
        mut each: impl FnMut(&BookedMove) -> Result<(), E>,
    ) -> Result<(), E> {
        const MOVES: &str = "SELECT moves.at, stores.store, stores.name, moves.seq, \
            COALESCE(payments.reference, ''), moves.origin, moves.debit, moves.credit, \
            moves.amount_minor, moves.whose FROM moves \
            LEFT JOIN media ON moves.origin = 3 AND media.medium = moves.whose \
            JOIN stores ON stores.store = COALESCE(media.store, moves.whose) \
            LEFT JOIN payments ON moves.origin = 2 AND payments.store = moves.whose \
            AND payments.seq = moves.seq \
            ORDER BY moves.at, moves.origin, moves.whose, moves.seq, moves.line";
        self.database.read(|tx| {
            let names = HolderNames::load(tx)?;
            tx.for_each(MOVES, &[], |row| -> Result<(), E> { each(&booked_move(row, &names)?) })
        })
    }

    /// The rights holders by their numbers.
    pub fn rights_holders(&mut self) -> Result<BTreeMap<i64, String>, StorageError> {
        self.database.read(|tx| Ok(HolderNames::load(tx)?.0))
    }
}

/// The kind of account that a number's first digit is.
fn kind(row: &Row<'_>, column: usize) -> Result<AccountKind, StorageError> {
    let digit = row.int(column)?;
    let place = digit.checked_sub(1).and_then(|place| usize::try_from(place).ok());
    let kind = place.and_then(|place| AccountKind::ALL.get(place));
    kind.copied().ok_or_else(|| row.wrong(column, &format!("{digit} is no kind of account")))
}

/// Every account that was ever used, by its number.
pub(super) fn balances(
    tx: &mut Transaction<'_>,
    names: &HolderNames,
) -> Result<Vec<Balance>, StorageError> {
    const SUMS: &str = "SELECT account, MIN(at), MAX(at), CAST(SUM(amount) AS BIGINT) FROM \
        (SELECT debit AS account, at, amount_minor AS amount FROM moves UNION ALL \
        SELECT credit AS account, at, -amount_minor AS amount FROM moves) AS sides \
        GROUP BY account ORDER BY account";
    tx.rows(SUMS, &[], |row| {
        let account = names.account(row, 0)?;
        let (first, last) = (row.time(1)?, row.time(2)?);
        Ok(Balance { account, first, last, minor: row.int(3)? })
    })
}

pub(super) fn booked_move(row: &Row<'_>, names: &HolderNames) -> Result<BookedMove, StorageError> {
    let origin = match row.int(5)? {
        BY_PAYMENT => Origin::Payment(row.text(4)?.to_owned()),
        BY_CHECKPOINT => Origin::Checkpoint(row.medium(9)?, row.count(3)?),
        _ => Origin::Entry(row.count(3)?),
    };
    let (debit, credit) = (names.account(row, 6)?, names.account(row, 7)?);
    Ok(BookedMove {
        at: row.time(0)?,
        store: row.store(1)?,
        name: row.text(2)?.to_owned(),
        origin,
        moved: Move { debit, credit, amount: row.amount(8)? },
    })
}
