//! Media whose accounts stand still: enough of them to see that evidence says nothing new.

use super::Records;
use super::accounts::{Burnt, MediumSale, Row};
use super::database::StorageError;
use super::entries::own_sales_of;
use super::statement::Transaction;
use crate::units::{MediumId, Sequence, StoreId};

/// A settled medium of which nothing is reserved, provisional, owed, lost or forked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Still {
    /// The medium.
    pub medium: MediumId,
    /// The store that its number was given to.
    pub store: StoreId,
    /// Where it stands.
    pub row: Row,
    /// What stores journalled as burnt under its number.
    pub burnt: Vec<Burnt>,
    /// Sales of the medium itself.
    pub sales: Vec<MediumSale>,
    /// Its signed sheets, as they were handed out.
    pub sheets: Vec<Vec<u8>>,
}

impl Records {
    /// What is known of a medium if it is settled, nothing of it is reserved, provisional, owed, lost or
    /// forked, and no other has taken its place; [`Self::known`] tells of all others.
    pub fn still(&mut self, medium: MediumId) -> Result<Option<Still>, StorageError> {
        self.database.read(|tx| still(tx, medium))
    }
}

fn still(tx: &mut Transaction<'_>, medium: MediumId) -> Result<Option<Still>, StorageError> {
    const FIND: &str = "SELECT media.store, accounts.number, accounts.hash, accounts.seq, \
        accounts.head FROM accounts JOIN media ON media.medium = accounts.medium \
        WHERE accounts.medium = $1 AND accounts.provisional_minor = 0 \
        AND accounts.reserved_minor = 0 AND accounts.debt_minor = 0 \
        AND accounts.store_loss_minor = 0 \
        AND NOT EXISTS (SELECT 1 FROM forks WHERE forks.medium = accounts.medium) \
        AND NOT EXISTS (SELECT 1 FROM replacements WHERE replacements.lost = accounts.medium)";
    const SHEETS: &str = "SELECT content FROM sheets WHERE medium = $1 ORDER BY number";
    let found = tx.row(FIND, &[medium.into()], |row| {
        let seq = Some(Sequence::from_number(row.count(3)?));
        let standing = Row { number: row.count(1)?, hash: row.array(2)?, seq, head: row.array(4)? };
        Ok((row.store(0)?, standing))
    })?;
    let Some((store, row)) = found else { return Ok(None) };
    let own = own_sales_of(tx, medium)?;
    let sheets = tx.rows(SHEETS, &[medium.into()], |row| Ok(row.bytes(0)?.to_vec()))?;
    Ok(Some(Still { medium, store, row, burnt: own.burnt, sales: own.of_medium, sheets }))
}
