//! The books: what stores sold, took back, paid in and owe.

use postgres::types::Type;

use super::Records;
use super::database::{StorageError, operation_error};
use super::moves::{Account, BY_ENTRY, BY_PAYMENT, Holders, MOVES, Move};
use super::statement::{Table, Transaction};
use super::stores::by_id;
use super::value::{Row, Value};
use crate::format::record::EventId;
use crate::units::{Amount, Currency, MediumId, StoreId, Timestamp};

/// The longest reference of a payment, in bytes.
pub const REFERENCE_BYTES_MAX: usize = 200;

/// An entry of a store's journal, and what it does to the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLine<'a> {
    /// From 0, without gaps.
    pub seq: u64,
    /// The store's clock.
    pub at: Timestamp,
    /// The entry that it takes back.
    pub voids: Option<u64>,
    /// The medium that it is about.
    pub medium: MediumId,
    /// The event that crediting what it sold is.
    pub event: Option<EventId>,
    /// Is it about the medium itself? See [`is_own`](super::is_own).
    pub own: bool,
    /// What it moves, if anything.
    pub moves: Option<Move>,
    /// The signed entry.
    pub content: &'a [u8],
}

/// What an import brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Entries that were in the records already.
    pub known: u64,
    /// Entries that are new.
    pub new: u64,
}

/// A payment as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its number among the store's, from 0.
    pub seq: u64,
    /// The sum.
    pub amount: Amount,
    /// Paid at.
    pub at: Timestamp,
    /// Is it new?
    pub new: bool,
}

/// What a store owes over a period. Sums are minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dues {
    /// The store.
    pub store: StoreId,
    /// Its name.
    pub name: String,
    /// Its currency.
    pub currency: Currency,
    /// What it owed before; below zero where it had paid too much.
    pub opening: i64,
    /// Codes and vouchers that it sold or spent on a burn.
    pub sold: i64,
    /// Sales that it took back.
    pub voided: i64,
    /// What it paid in.
    pub paid: i64,
    /// What it owes after the period.
    pub owed: i64,
    /// Sales that it took back and that were credited all the same, known of in the period. They are
    /// voided above: what becomes of them is for people to say.
    pub redeemed: Vec<RedeemedVoid>,
}

/// A sale that a store took back, and that was credited all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedeemedVoid {
    /// The sale.
    pub sold: u64,
    /// The entry that took it back.
    pub voided: u64,
    /// The medium.
    pub medium: MediumId,
    /// The checkpoint that settled its crediting.
    pub checkpoint: u64,
    /// The sum, minor units.
    pub minor: i64,
}

/// Why a store's journal isn't taken into the records.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No store has this number.
    #[error("store {0} is not enrolled")]
    UnknownStore(StoreId),
    /// The records hold another entry at this place: the store signed two.
    #[error(
        "store {store} signed two journals: entry {seq} is another one in the records, and both \
         are evidence"
    )]
    Forked {
        /// The store.
        store: StoreId,
        /// The first entry that differs.
        seq: u64,
        /// As the records hold it.
        held: Vec<u8>,
    },
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

operation_error!(ImportError);

/// Why a payment isn't recorded.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// No store has this number.
    #[error("store {0} is not enrolled")]
    UnknownStore(StoreId),
    /// Nothing was paid.
    #[error("a payment of nothing")]
    Nothing,
    /// A reference that names nothing.
    #[error("reference of {0} bytes, expected 1 to {REFERENCE_BYTES_MAX}")]
    Reference(usize),
    /// The reference names another payment.
    #[error("store {store}: \"{reference}\" is a payment of {recorded}, this asks for {asked}")]
    Differs {
        /// The store.
        store: StoreId,
        /// The reference.
        reference: String,
        /// The sum that is recorded, minor units.
        recorded: u64,
        /// The sum that is asked for, minor units.
        asked: u64,
    },
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

operation_error!(PaymentError);

impl Records {
    /// Take a store's journal into the records, from its first entry on: what is known stays, what
    /// is new is added and booked, all or nothing.
    ///
    /// Each entry has to follow from the one before it, which is for the caller to have verified.
    pub fn import_journal(
        &mut self,
        store: StoreId,
        lines: &[JournalLine<'_>],
    ) -> Result<Imported, ImportError> {
        self.database.write(|tx| {
            let new = unknown_lines(tx, store, lines)?;
            add_entries(tx, store, new)?;
            add_moves(tx, store, new)?;
            Ok(imported(lines, new))
        })
    }

    /// What [`Records::import_journal`] would bring.
    pub fn try_journal(
        &mut self,
        store: StoreId,
        lines: &[JournalLine<'_>],
    ) -> Result<Imported, ImportError> {
        self.database.read(|tx| Ok(imported(lines, unknown_lines(tx, store, lines)?)))
    }

    /// Record what a store paid in; the same reference again answers what was recorded first.
    pub fn record_payment(
        &mut self,
        store: StoreId,
        amount: Amount,
        at: Timestamp,
        reference: &str,
        now: Timestamp,
    ) -> Result<Payment, PaymentError> {
        self.database.write(|tx| {
            let payment = payment(tx, store, amount, at, reference)?;
            if payment.new {
                add_payment(tx, store, &payment, reference, now)?;
            }
            Ok(payment)
        })
    }

    /// What [`Records::record_payment`] would answer.
    pub fn try_payment(
        &mut self,
        store: StoreId,
        amount: Amount,
        at: Timestamp,
        reference: &str,
    ) -> Result<Payment, PaymentError> {
        self.database.read(|tx| payment(tx, store, amount, at, reference))
    }

    /// What every store owes: `from` is the first second of the period, `until` the first after it.
    ///
    /// A sale counts when the store's clock says that it was made, a payment when it was paid.
    pub fn dues(&mut self, from: Timestamp, until: Timestamp) -> Result<Vec<Dues>, StorageError> {
        const SUMS: &str = "SELECT stores.store, stores.name, stores.currency, \
            CAST(COALESCE(SUM(CASE WHEN at < $1 AND debit = 2000000000000 + stores.store \
                THEN amount_minor WHEN at < $1 THEN -amount_minor ELSE 0 END), 0) AS BIGINT), \
            CAST(COALESCE(SUM(CASE WHEN at >= $1 AND debit = 2000000000000 + stores.store \
                THEN amount_minor ELSE 0 END), 0) AS BIGINT), \
            CAST(COALESCE(SUM(CASE WHEN at >= $1 AND credit = 2000000000000 + stores.store \
                AND origin = 1 THEN amount_minor ELSE 0 END), 0) AS BIGINT), \
            CAST(COALESCE(SUM(CASE WHEN at >= $1 AND origin = 2 \
                THEN amount_minor ELSE 0 END), 0) AS BIGINT) \
            FROM stores LEFT JOIN moves ON moves.origin IN (1, 2) AND moves.whose = stores.store \
            AND at < $2 \
            GROUP BY stores.store, stores.name, stores.currency ORDER BY stores.store";
        self.database.read(|tx| {
            let mut dues = tx.rows(SUMS, &[from.into(), until.into()], read_dues)?;
            for (store, redeemed) in redeemed_voids(tx, from, until)? {
                if let Some(own) = dues.iter_mut().find(|due| due.store == store) {
                    own.redeemed.push(redeemed);
                }
            }
            Ok(dues)
        })
    }
}

/// Sales taken back that were credited, by their stores: those of which the later of the two, the
/// voiding and the newest evidence of the crediting, lies in the period.
fn redeemed_voids(
    tx: &mut Transaction<'_>,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<(StoreId, RedeemedVoid)>, StorageError> {
    const FIND: &str = "SELECT sales.store, sales.seq, voids.seq, sales.medium, \
        settled_events.number, settled_events.amount_minor FROM store_entries AS voids \
        JOIN store_entries AS sales ON sales.store = voids.store AND sales.seq = voids.voids \
        JOIN settled_events ON settled_events.medium = sales.medium \
        AND settled_events.event = sales.event \
        JOIN moves AS back ON back.origin = 1 AND back.whose = voids.store AND back.seq = voids.seq \
        JOIN moves AS credited ON credited.origin = 3 AND credited.whose = sales.medium \
        AND credited.seq = settled_events.number AND credited.line = 0 \
        WHERE voids.voids IS NOT NULL AND back.at < $2 AND credited.at < $2 \
        AND (back.at >= $1 OR credited.at >= $1) ORDER BY sales.store, sales.seq";
    tx.rows(FIND, &[from.into(), until.into()], |row| {
        let redeemed = RedeemedVoid {
            sold: row.count(1)?,
            voided: row.count(2)?,
            medium: row.medium(3)?,
            checkpoint: row.count(4)?,
            minor: row.int(5)?,
        };
        Ok((row.store(0)?, redeemed))
    })
}

fn imported(lines: &[JournalLine<'_>], new: &[JournalLine<'_>]) -> Imported {
    Imported { known: (lines.len() - new.len()) as u64, new: new.len() as u64 }
}

/// The lines behind those that the records hold.
fn unknown_lines<'l, 'a>(
    tx: &mut Transaction<'_>,
    store: StoreId,
    lines: &'l [JournalLine<'a>],
) -> Result<&'l [JournalLine<'a>], ImportError> {
    const COUNT: &str = "SELECT COUNT(*) FROM store_entries WHERE store = $1";
    const HELD: &str = "SELECT content FROM store_entries WHERE store = $1 AND seq >= $2 \
        ORDER BY seq";
    if by_id(tx, store)?.is_none() {
        return Err(ImportError::UnknownStore(store));
    }
    let held = tx.row(COUNT, &[store.into()], |row| row.count(0))?.unwrap_or(0);
    let (shared, new) =
        lines.split_at(lines.len().min(usize::try_from(held).unwrap_or(usize::MAX)));
    let mut differs = |from: usize| -> Result<Option<(u64, Vec<u8>)>, StorageError> {
        let values = [store.into(), Value::count(from as u64)];
        let mut lines = shared[from..].iter();
        let mut first = None;
        tx.for_each(HELD, &values, |row| -> Result<(), StorageError> {
            let content = row.bytes(0)?;
            let other = lines.next().filter(|line| line.content != content);
            if let (None, Some(other)) = (&first, other) {
                first = Some((other.seq, content.to_vec()));
            }
            Ok(())
        })?;
        Ok(first)
    };
    // Where the newest shared entry is the same, all before it are: each names the one before it.
    let newest = shared.len().saturating_sub(1);
    if differs(newest)?.is_some()
        && let Some((seq, held)) = differs(0)?
    {
        return Err(ImportError::Forked { store, seq, held });
    }
    Ok(new)
}

fn add_entries(
    tx: &mut Transaction<'_>,
    store: StoreId,
    lines: &[JournalLine<'_>],
) -> Result<(), StorageError> {
    const ENTRIES: Table<7> = Table {
        name: "store_entries",
        columns: [
            ("store", Type::INT8),
            ("seq", Type::INT8),
            ("voids", Type::INT8),
            ("content", Type::BYTEA),
            ("medium", Type::INT8),
            ("event", Type::BYTEA),
            ("own", Type::INT8),
        ],
    };
    let rows = lines.iter().map(|line| {
        let voids = line.voids.map_or(Value::Nothing, Value::count);
        let event = line.event.as_ref().map_or(Value::NoBytes, |event| Value::Bytes(event));
        let (seq, medium) = (Value::count(line.seq), Value::from(line.medium));
        let own = if line.own { line.medium.into() } else { Value::Nothing };
        [store.into(), seq, voids, Value::Bytes(line.content), medium, event, own]
    });
    tx.insert_all(&ENTRIES, rows)
}

fn add_moves(
    tx: &mut Transaction<'_>,
    store: StoreId,
    lines: &[JournalLine<'_>],
) -> Result<(), StorageError> {
    let mut holders = Holders::load(tx)?;
    holders.learn(tx, lines.iter().filter_map(|line| line.moves.as_ref()))?;
    let moves = lines.iter().filter_map(|line| {
        let by = [BY_ENTRY, i64::from(store.number())];
        Some(holders.row(by, [line.seq, 0], line.at, line.moves.as_ref()?))
    });
    tx.insert_all(&MOVES, moves)
}

/// The payment of this reference, or the one that it would be.
fn payment(
    tx: &mut Transaction<'_>,
    store: StoreId,
    amount: Amount,
    at: Timestamp,
    reference: &str,
) -> Result<Payment, PaymentError> {
    const FIND: &str = "SELECT payments.seq, moves.amount_minor, moves.at FROM payments \
        JOIN moves ON moves.origin = $3 AND moves.whose = payments.store \
        AND moves.seq = payments.seq WHERE payments.store = $1 AND payments.reference = $2";
    const NEXT: &str = "SELECT COUNT(*) FROM payments WHERE store = $1";
    if by_id(tx, store)?.is_none() {
        return Err(PaymentError::UnknownStore(store));
    }
    if amount == Amount::ZERO {
        return Err(PaymentError::Nothing);
    }
    if reference.is_empty() || reference.len() > REFERENCE_BYTES_MAX {
        return Err(PaymentError::Reference(reference.len()));
    }
    let values = [store.into(), Value::Text(reference), Value::Int(BY_PAYMENT)];
    let known = tx.row(FIND, &values, |row| {
        Ok(Payment { seq: row.count(0)?, amount: row.amount(1)?, at: row.time(2)?, new: false })
    })?;
    match known {
        Some(known) if known.amount != amount => Err(PaymentError::Differs {
            store,
            reference: reference.to_owned(),
            recorded: known.amount.minor(),
            asked: amount.minor(),
        }),
        Some(known) => Ok(known),
        None => {
            let seq = tx.row(NEXT, &[store.into()], |row| row.count(0))?.unwrap_or(0);
            Ok(Payment { seq, amount, at, new: true })
        }
    }
}

fn add_payment(
    tx: &mut Transaction<'_>,
    store: StoreId,
    payment: &Payment,
    reference: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    const ADD: &str = "INSERT INTO payments (store, seq, reference, recorded_at) \
        VALUES ($1, $2, $3, $4)";
    let Payment { seq, amount, at, .. } = *payment;
    tx.execute(ADD, &[store.into(), Value::count(seq), Value::Text(reference), now.into()])?;
    let moved = Move { debit: Account::Cash, credit: Account::Store(store), amount };
    let by = [BY_PAYMENT, i64::from(store.number())];
    let row = Holders::load(tx)?.row(by, [seq, 0], at, &moved);
    tx.insert_all(&MOVES, std::iter::once(row))
}

fn read_dues(row: &Row<'_>) -> Result<Dues, StorageError> {
    let [opening, sold, voided, paid] = [row.int(3)?, row.int(4)?, row.int(5)?, row.int(6)?];
    let owed = [sold, -voided, -paid].into_iter().try_fold(opening, i64::checked_add);
    Ok(Dues {
        store: row.store(0)?,
        name: row.text(1)?.to_owned(),
        currency: row.text(2)?.parse().map_err(|error| row.wrong(2, &error))?,
        opening,
        sold,
        voided,
        paid,
        owed: owed.ok_or_else(|| row.wrong(4, &"the sums pass 2^63"))?,
        redeemed: vec![],
    })
}
