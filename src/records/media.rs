//! Medium numbers: given out once, for ever.

use super::Records;
use super::database::{StorageError, operation_error};
use super::statement::Transaction;
use super::stores::{StoreRefusal, active};
use crate::crypto::Random;
use crate::units::{MediumId, StoreId};

/// The most numbers that one call reserves.
pub const RESERVE_MAX: u32 = 100_000;
/// Draws allowed beyond two for each number: taken numbers are drawn anew.
const SPARE_DRAWS: u32 = 100;

/// Why no numbers are reserved.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The store may not have any.
    #[error(transparent)]
    Store(#[from] StoreRefusal),
    /// More than [`RESERVE_MAX`] at once.
    #[error("{0} medium numbers asked for, at most {RESERVE_MAX} are given out at once")]
    TooMany(u32),
    /// Random draws gave hardly any free number.
    #[error("{draws} draws gave {found} free medium numbers of the {count} asked for")]
    Scarce {
        /// How many were drawn.
        draws: u32,
        /// How many were free.
        found: usize,
        /// How many were asked for.
        count: u32,
    },
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

operation_error!(MediaError);

impl Records {
    /// Draw `count` medium numbers that nobody ever had and give them to a store.
    pub fn reserve_media(
        &mut self,
        store: StoreId,
        count: u32,
        rng: &mut dyn Random,
    ) -> Result<Vec<MediumId>, MediaError> {
        if count > RESERVE_MAX {
            return Err(MediaError::TooMany(count));
        }
        self.database.write(|tx| {
            active(tx, store)??;
            draw(tx, store, count, rng)
        })
    }

    /// The store that a medium number was given to; none is an unknown medium.
    pub fn store_of(&mut self, medium: MediumId) -> Result<Option<StoreId>, StorageError> {
        self.database.read(|tx| store_of(tx, medium))
    }
}

pub(super) fn store_of(
    tx: &mut Transaction<'_>,
    medium: MediumId,
) -> Result<Option<StoreId>, StorageError> {
    const FIND: &str = "SELECT store FROM media WHERE medium = $1";
    tx.row(FIND, &[medium.into()], |row| row.store(0))
}

fn draw(
    tx: &mut Transaction<'_>,
    store: StoreId,
    count: u32,
    rng: &mut dyn Random,
) -> Result<Vec<MediumId>, MediaError> {
    const TAKE: &str =
        "INSERT INTO media (medium, store) VALUES ($1, $2) ON CONFLICT (medium) DO NOTHING";
    let mut found = Vec::with_capacity(count as usize);
    let draws = 2 * count + SPARE_DRAWS;
    for _ in 0..draws {
        if found.len() == count as usize {
            break;
        }
        let medium = MediumId::from_serial(random_number(rng));
        if tx.execute(TAKE, &[medium.into(), store.into()])? == 1 {
            found.push(medium);
        }
    }
    if found.len() == count as usize {
        return Ok(found);
    }
    Err(MediaError::Scarce { draws, found: found.len(), count })
}

fn random_number(rng: &mut dyn Random) -> u64 {
    let mut bytes = [0; 8];
    rng.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
