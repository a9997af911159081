//! Media whose codes run short.

use std::collections::{BTreeMap, HashSet};

use super::database::StorageError;
use super::statement::Transaction;
use super::value::Row;
use crate::format::record::EventId;
use crate::units::MediumId;
use crate::voucher::code_event;

/// A medium with fewer codes left than these is told in time for the next sheet.
pub const CODES_FEW: u64 = 5;

/// Media that have sheets and fewer than [`CODES_FEW`] codes on them that were neither sold, by stores'
/// journals or by the issuer, nor credited; and how many.
pub(super) fn short_of_codes(
    tx: &mut Transaction<'_>,
) -> Result<Vec<(MediumId, u64)>, StorageError> {
    const SLOTS: &str = "SELECT sheets.medium, sheets.sheet, slots.slot, slots.sold_at \
        FROM sheets JOIN slots ON slots.number = sheets.number";
    let used = used(tx)?;
    let mut left: BTreeMap<MediumId, u64> = BTreeMap::new();
    tx.for_each(SLOTS, &[], |row| -> Result<(), StorageError> {
        let (medium, sheet) = (row.medium(0)?, row.array(1)?);
        let slot = row.int(2)?.try_into().map_err(|error| row.wrong(2, &error))?;
        let unsold = row.optional(3, Row::time)?.is_none();
        let free = unsold && !used.contains(&code_event(medium, &sheet, slot));
        *left.entry(medium).or_default() += u64::from(free);
        Ok(())
    })?;
    Ok(left.into_iter().filter(|(_, left)| *left < CODES_FEW).collect())
}

/// The events of all that stores sold and that owners were credited.
fn used(tx: &mut Transaction<'_>) -> Result<HashSet<EventId>, StorageError> {
    const USED: &str = "SELECT event FROM store_entries WHERE event IS NOT NULL UNION ALL \
        SELECT event FROM settled_events WHERE effect = 1 AND amount_minor > 0";
    Ok(tx.rows(USED, &[], |row| row.array(0))?.into_iter().collect())
}
