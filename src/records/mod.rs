//! The server's database: `SQLite` by default, `PostgreSQL` by URL.
//!
//! Every statement is one text for both. Each method of [`Records`] is one transaction: it holds
//! wholly or not at all, and asking for the same thing again answers what was recorded the first
//! time. Money here is what issuing needs: quotas, and codes that are sold once.

mod accounts;
mod asked;
mod audit;
mod backup;
mod books;
mod database;
mod decisions;
mod entries;
mod few;
mod ground;
mod held;
mod holding;
mod kits;
mod known;
mod listed;
mod media;
mod moves;
mod place;
mod plain;
mod post;
mod posting;
mod replacing;
mod schema;
mod stamp;
mod statement;
mod still;
mod stores;
mod value;

pub use accounts::{
    Burnt, FindingId, FindingNote, Known, KnownFinding, MediumSale, Planned, PostError, Posted,
    Posting, Row, Seller, Sold, Voided,
};
pub use audit::{AGES_DAYS, AtRisk, Audit, Differing, Owed, QuotaUse};
pub use backup::{Copied, CopyError, Pulse};
pub use books::{
    Dues, ImportError, Imported, JournalLine, Payment, PaymentError, REFERENCE_BYTES_MAX,
    RedeemedVoid,
};
pub use database::{OperationError, StorageError};
pub use decisions::{DecideError, Ruled};
pub use entries::{is_own, sold_event};
pub use few::CODES_FEW;
pub use held::{HeldError, HeldSlot, Stock};
pub use holding::{Happening, Holding, Statement, StatementError, StatementLine};
pub use kits::{HandedSlots, Kit, KitError, Sheet, Slot, SlotPlace, SlotState};
pub use media::{MediaError, RESERVE_MAX};
pub use moves::{Account, Balance, BookedMove, Move, Origin};
pub use place::{Place, PlaceError};
pub use plain::{AccountNames, PlainBooks};
pub use post::Signing;
pub use replacing::{ReplaceError, Replacement};
pub use schema::{OpenError, SCHEMA_VERSION};
pub use still::Still;
pub use stores::{
    EnrolError, Enrolment, Quota, RevokeError, SERIAL_MAX, Store, StoreRefusal, StoreStatus,
};

use database::Database;

/// The issuer's records, open for reading and writing.
///
/// One value is one connection. Several may be open on one place, in one process or many; they
/// wait for each other where they must.
#[derive(Debug)]
pub struct Records {
    database: Database,
}

impl Records {
    /// Have somebody told, once and with the records' place, when a write waits for another program's
    /// for more than a second. Only a file's records are written by one at a time.
    pub fn tell_waits(&mut self, tell: impl FnOnce(&str) + Send + 'static) {
        self.database.tell_waits(Box::new(tell));
    }

    /// Make new records at `place`; refuses a place that holds records already.
    pub fn create(place: &Place) -> Result<Self, OpenError> {
        let mut database = Database::connect(place, database::Missing::Make)?;
        schema::make(&mut database, place)?;
        Ok(Self { database })
    }

    /// Open the records at `place`; those of an older version are brought to this one, those of a
    /// newer one are refused.
    pub fn open(place: &Place) -> Result<Self, OpenError> {
        let mut database = Database::connect(place, database::Missing::Refuse)?;
        schema::renew(&mut database, place)?;
        Ok(Self { database })
    }

    /// Open the records at `place` for reading alone; only those of this version.
    pub fn open_reading(place: &Place) -> Result<Self, OpenError> {
        let mut database = Database::connect_reading(place)?;
        schema::check(&mut database, place)?;
        Ok(Self { database })
    }
}
