//! Codes that the issuer held back and sells itself, each once.

use std::fmt;

use super::Records;
use super::database::{StorageError, operation_error};
use super::kits::SlotPlace;
use super::media::store_of;
use super::statement::Transaction;
use super::value::{Row, Value};
use crate::units::{Amount, MediumId, Timestamp};

/// A held-back code that is now sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSlot {
    /// The sheet it is on.
    pub sheet: [u8; 16],
    /// Its number in the sheet.
    pub slot: u8,
    /// The medium it is for.
    pub medium: MediumId,
    /// What it credits.
    pub amount: Amount,
    /// Sold at.
    pub sold_at: Timestamp,
}

/// How many codes of each amount are left, smallest amount first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock(pub Vec<(Amount, u64)>);

/// Why no code is sold.
#[derive(Debug, thiserror::Error)]
pub enum HeldError {
    /// The number is on no kit.
    #[error("medium {0} is unknown: its number was never given out")]
    UnknownMedium(MediumId),
    /// No code of this amount is left.
    #[error("medium {medium}: no held-back code of {amount} is left, there are {left}")]
    NoneLeft {
        /// The medium.
        medium: MediumId,
        /// The amount asked for, minor units.
        amount: u64,
        /// What is left.
        left: Stock,
    },
    /// The same sale was recorded for something else.
    #[error(
        "this sale is recorded for medium {recorded_medium} and {recorded}, this asks for medium \
         {medium} and {asked}"
    )]
    Differs {
        /// The medium it was for.
        recorded_medium: MediumId,
        /// The amount it was for, minor units.
        recorded: u64,
        /// The medium asked for now.
        medium: MediumId,
        /// The amount asked for now, minor units.
        asked: u64,
    },
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

operation_error!(HeldError);

impl Records {
    /// Sell one held-back code of a medium: the newest sheet's first free slot of this amount.
    ///
    /// `sale` names the sale: the same sale again answers the same slot, whoever else is selling
    /// at the same time.
    pub fn sell_held_slot(
        &mut self,
        medium: MediumId,
        amount: Amount,
        sale: &[u8; 16],
        now: Timestamp,
    ) -> Result<HeldSlot, HeldError> {
        self.database.write(|tx| {
            if let Some(known) = by_sale(tx, sale)? {
                return same_sale(known, medium, amount);
            }
            let Some((number, sheet, slot)) = first_free(tx, medium, amount)? else {
                return Err(none_left(tx, medium, amount)?);
            };
            mark_sold(tx, number, slot, sale, now)?;
            Ok(HeldSlot { sheet, slot, medium, amount, sold_at: now })
        })
    }

    /// The held-back codes of a medium that are left.
    pub fn held_stock(&mut self, medium: MediumId) -> Result<Stock, StorageError> {
        self.database.read(|tx| stock(tx, medium))
    }
}

impl fmt::Display for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (place, (amount, count)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{count} of {}", amount.minor())?;
        }
        Ok(())
    }
}

fn by_sale(tx: &mut Transaction<'_>, sale: &[u8; 16]) -> Result<Option<HeldSlot>, StorageError> {
    const FIND: &str = "SELECT sheets.sheet, slots.slot, sheets.medium, slots.amount_minor, \
        slots.sold_at FROM slots JOIN sheets ON sheets.number = slots.number \
        WHERE slots.sale = $1";
    tx.row(FIND, &[Value::Bytes(sale)], |row| {
        Ok(HeldSlot {
            sheet: row.array(0)?,
            slot: slot_number(row, 1)?,
            medium: row.medium(2)?,
            amount: row.amount(3)?,
            sold_at: row.time(4)?,
        })
    })
}

fn same_sale(known: HeldSlot, medium: MediumId, amount: Amount) -> Result<HeldSlot, HeldError> {
    if (known.medium, known.amount) == (medium, amount) {
        return Ok(known);
    }
    Err(HeldError::Differs {
        recorded_medium: known.medium,
        recorded: known.amount.minor(),
        medium,
        asked: amount.minor(),
    })
}

/// The sheet's number and name, and the slot.
fn first_free(
    tx: &mut Transaction<'_>,
    medium: MediumId,
    amount: Amount,
) -> Result<Option<(i64, [u8; 16], u8)>, StorageError> {
    const FIND: &str = "SELECT sheets.number, sheets.sheet, slots.slot \
        FROM sheets JOIN slots ON slots.number = sheets.number \
        WHERE sheets.medium = $1 AND slots.amount_minor = $2 AND slots.place = $3 \
        AND slots.sale IS NULL ORDER BY sheets.number DESC, slots.slot LIMIT 1";
    let values = [medium.into(), amount.into(), Value::Int(SlotPlace::Held.number())];
    tx.row(FIND, &values, |row| Ok((row.int(0)?, row.array(1)?, slot_number(row, 2)?)))
}

fn mark_sold(
    tx: &mut Transaction<'_>,
    number: i64,
    slot: u8,
    sale: &[u8; 16],
    now: Timestamp,
) -> Result<(), StorageError> {
    const MARK: &str = "UPDATE slots SET sale = $3, sold_at = $4 WHERE number = $1 AND slot = $2";
    let values = [Value::Int(number), Value::Int(slot.into()), Value::Bytes(sale), now.into()];
    tx.execute(MARK, &values).map(drop)
}

fn none_left(
    tx: &mut Transaction<'_>,
    medium: MediumId,
    amount: Amount,
) -> Result<HeldError, StorageError> {
    if store_of(tx, medium)?.is_none() {
        return Ok(HeldError::UnknownMedium(medium));
    }
    Ok(HeldError::NoneLeft { medium, amount: amount.minor(), left: stock(tx, medium)? })
}

fn stock(tx: &mut Transaction<'_>, medium: MediumId) -> Result<Stock, StorageError> {
    const COUNT: &str = "SELECT slots.amount_minor, COUNT(*) \
        FROM sheets JOIN slots ON slots.number = sheets.number \
        WHERE sheets.medium = $1 AND slots.place = $2 AND slots.sale IS NULL \
        GROUP BY slots.amount_minor ORDER BY slots.amount_minor";
    let values = [medium.into(), Value::Int(SlotPlace::Held.number())];
    tx.rows(COUNT, &values, |row| Ok((row.amount(0)?, row.count(1)?))).map(Stock)
}

fn slot_number(row: &Row<'_>, column: usize) -> Result<u8, StorageError> {
    row.int(column)?.try_into().map_err(|error| row.wrong(column, &error))
}
