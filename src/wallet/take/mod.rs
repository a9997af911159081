//! Content copied from another owner's medium, or from a store's kiosk folder, with no network.
//!
//! Two sides speak in five messages: the payer's committed **start** with what shows that its chain
//! covers the reserve ([`crate::ledger::funding`]); a **chunk**; a **receipt** for all that was
//! verified and stored so far, signed; and so on, no chunk without the receipt for the last; then
//! either side **closes** by the last receipt, and the one that sent **earns** its fee.
//! [`Sending`] and [`Receiving`] are the two sides of one segment, pure; a [`Payer`] and a
//! [`Giver`] commit to journals and keep files; [`take`] has them speak.
//!
//! What was signed for lies on the payer's storage, flushed, so that a payer's receipts can always
//! be signed again from its journal and its file, and are kept by the other side alone.

mod giver;
mod goods;
mod leaves;
mod outbox;
mod packages;
mod payer;
mod run;
mod segment;
mod shelf;

use crate::crypto::Random;
use crate::format::record::EventId;
use crate::image::leaves::Watch;
use crate::ledger::charge::ChargeError;
use crate::ledger::funding::GatherError;
use crate::units::{Amount, ByteCount, Sequence, Timestamp};
use crate::wallet::{CommitError, RingError};

pub use giver::{Giver, GiverError, Kiosk, Owner};
pub use goods::{Goods, Sealing};
pub use leaves::{AtHand, Leaves, SurveyError};
pub use outbox::{Outbox, ShelvedDevice};
pub use packages::{OfferError, Packaged, read_offer};
pub use payer::{Payer, Plan, owned, plan};
pub use run::{File, check_space, fetch, resume, settle, take};
pub use segment::{
    CHUNK_BYTES_MAX, PieceError, ReceiptError, Receiving, Sending, Unsigned, chunk_bytes,
};
pub use shelf::{Content, Shelf, ShelfError, Shelved};

/// What a host lends: its clock, its randomness, and somebody who watches.
pub struct Hand<'a> {
    /// The host's clock.
    pub clock: &'a dyn Fn() -> Timestamp,
    /// Randomness.
    pub rng: &'a mut dyn Random,
    /// Is told how far it is, and asked whether to go on.
    pub watch: &'a dyn Watch,
}

impl Hand<'_> {
    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn event(&mut self) -> EventId {
        let mut event = [0; 16];
        self.rng.fill(&mut event);
        event
    }
}

/// Why a transfer does not begin; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TakeRefusal {
    /// Not enough may be spent.
    #[error("{needs} minor units are needed, {free} may be spent: {missing} are missing")]
    Funds {
        /// What it takes.
        needs: u64,
        /// What may be spent.
        free: u64,
        /// What is missing.
        missing: u64,
    },
    /// Too much at partners.
    #[error(
        "{found} minor units would be spent at partners since the last settlement, policy {policy} allows {limit}"
    )]
    Cap {
        /// What it would be.
        found: u64,
        /// The limit.
        limit: u64,
        /// The policy.
        policy: u64,
    },
    /// Too often at partners.
    #[error(
        "{found} transfers would have begun since the last settlement, policy {policy} allows {limit}"
    )]
    Count {
        /// How many it would be.
        found: u64,
        /// The limit.
        limit: u64,
        /// The policy.
        policy: u64,
    },
    /// Too many are under way.
    #[error("{0} downloads are under way, which is as many as there may be")]
    Open(usize),
    /// No room for the item's file.
    #[error("{needs} bytes are needed in OUTBOX, {free} are free")]
    Space {
        /// What is needed.
        needs: u64,
        /// What is free.
        free: u64,
    },
    /// Neither side has the item's key.
    #[error("the item is sealed, and its key is not there")]
    NoKey,
    /// It was taken before.
    #[error("it is yours already, since record {0}")]
    Owned(Sequence),
    /// Terms that make no sense.
    #[error("{0}")]
    Terms(#[from] ChargeError),
}

/// Why a transfer broke off; what it brought until then is kept, and paid.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// It does not begin.
    #[error(transparent)]
    Refused(#[from] TakeRefusal),
    /// The payer's record was not committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// What the payer has to show can't be put together.
    #[error("{0}")]
    Gather(#[from] GatherError),
    /// The payer's ring doesn't take the item's key.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The payer's storage failed.
    #[error("writing the item: {0}")]
    Storage(ShelfError),
    /// The other side refused, or its storage failed.
    #[error("the other side: {0}")]
    Giver(#[from] GiverError),
    /// The other side's file could not be read any more.
    #[error("reading the item from the other side: {0}")]
    Content(ShelfError),
    /// The other side sent something else.
    #[error("the other side: {0}")]
    Piece(#[from] PieceError),
    /// The other side wants a receipt first.
    #[error("{0}")]
    Unsigned(#[from] Unsigned),
}

/// What a transfer came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Bytes that are paid, of all segments.
    pub covered: ByteCount,
    /// Bytes that this segment brought.
    pub got: ByteCount,
    /// What was charged for them.
    pub charge: Amount,
    /// What the other side earned of that.
    pub fee: Amount,
    /// What was charged first for what an earlier run had brought when it was cut off.
    pub earlier: Amount,
    /// Whether all is there.
    pub complete: bool,
}
