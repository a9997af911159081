//! What the records know of a medium, and what settling it posts.

use std::fmt;

use data_encoding::HEXLOWER;

use super::database::{StorageError, operation_error};
use super::moves::{Account, Move};
use crate::device::DeviceError;
use crate::format::checkpoint::Checkpoint;
use crate::format::record::EventId;
use crate::ledger::{self, IssueError};
use crate::units::{Amount, MediumId, Sequence, StoreId, Timestamp};

/// Names a finding, from run to run.
pub type FindingId = [u8; 16];

/// Where a medium stands in the records; a plan is posted only while it still stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Number of its newest checkpoint; 0 before the first.
    pub number: u64,
    /// SHA-256 over that signed checkpoint; zeros before the first.
    pub hash: [u8; 32],
    /// Sequence of the newest record that is settled.
    pub seq: Option<Sequence>,
    /// SHA-256 over that record; zeros before the first.
    pub head: [u8; 32],
}

/// What the records know of a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The medium.
    pub medium: MediumId,
    /// The store that its number was given to.
    pub store: StoreId,
    /// Where it stands.
    pub row: Row,
    /// Its account with all its settled events. Before the first checkpoint its `hash` is that of
    /// the certificate that a store journalled, zeros where none did.
    pub account: ledger::Account,
    /// Codes and vouchers that were sold for it, by stores' journals and then by the issuer.
    pub sold: Vec<Sold>,
    /// Sales of the medium itself.
    pub sales: Vec<MediumSale>,
    /// What stores journalled as burnt under its number.
    pub burnt: Vec<Burnt>,
    /// Findings that a settlement answered.
    pub findings: Vec<KnownFinding>,
}

/// A code or voucher that was sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sold {
    /// The accounting event that crediting it is.
    pub event: EventId,
    /// What it credits.
    pub amount: Amount,
    /// Who sold it.
    pub by: Seller,
    /// When, by the seller's clock.
    pub at: Timestamp,
    /// Was it taken back?
    pub voided: Option<Voided>,
}

/// Who sold a code or voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seller {
    /// A store, by this entry of its journal.
    Store {
        /// The store.
        store: StoreId,
        /// The entry.
        seq: u64,
    },
    /// The issuer, from what it held back.
    Issuer,
}

/// A sale that was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voided {
    /// The entry of the store's journal that takes it back.
    pub seq: u64,
    /// When, by the store's clock.
    pub at: Timestamp,
}

/// The sale of a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediumSale {
    /// The store.
    pub store: StoreId,
    /// The entry of its journal.
    pub seq: u64,
    /// When, by the store's clock.
    pub at: Timestamp,
    /// Was it taken back?
    pub voided: Option<Voided>,
}

/// A medium that a store journalled as burnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burnt {
    /// The store.
    pub store: StoreId,
    /// The entry of its journal.
    pub seq: u64,
    /// When, by the store's clock.
    pub at: Timestamp,
    /// SHA-256 over the signed medium certificate.
    pub certificate: [u8; 32],
}

/// A finding that a settlement answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownFinding {
    /// The finding.
    pub finding: FindingNote,
    /// By this checkpoint.
    pub number: u64,
    /// When that was posted.
    pub at: Timestamp,
}

/// A finding that a posting answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FindingNote {
    /// Its name.
    pub id: FindingId,
    /// The number of its class.
    pub class: u8,
}

/// What a settlement posts of one medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// The medium.
    pub medium: MediumId,
    /// Where it has to stand.
    pub before: Row,
    /// Its account afterwards. Of its events, only those count that its number settled; of what it
    /// holds and of its forks, only what is new. Its `hash` follows from signing the checkpoint.
    pub account: ledger::Account,
    /// They sum exactly to what changes.
    pub moves: Vec<Move>,
    /// To be signed.
    pub checkpoint: Checkpoint,
    /// What the checkpoint names by its `settled_since`, ascending.
    pub settled_since: Vec<EventId>,
    /// What it answers.
    pub findings: Vec<FindingNote>,
}

/// The plan that postings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// SHA-256 over its file.
    pub hash: [u8; 32],
    /// What [`super::Records::base`] was when it was made.
    pub base: [u8; 32],
}

/// What became of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// Media that were settled.
    pub media: u64,
    /// When.
    pub at: Timestamp,
    /// Is it new? A plan that was posted before is not posted again.
    pub new: bool,
}

/// Why a plan isn't posted: all of it or nothing is.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The medium was settled meanwhile.
    #[error("medium {medium}: the plan goes on from {planned}, the records hold {found}")]
    Moved {
        /// The medium.
        medium: MediumId,
        /// Where the plan saw it.
        planned: Box<Row>,
        /// Where it stands.
        found: Box<Row>,
    },
    /// Stores' journals were imported meanwhile, codes sold, or findings decided.
    #[error(
        "the plan was made against records {}, these are {}: sales were booked or findings \
         decided meanwhile",
        short(planned),
        short(found)
    )]
    Base {
        /// As the plan saw them.
        planned: [u8; 32],
        /// As they are.
        found: [u8; 32],
    },
    /// No such medium was ever given out.
    #[error("medium {0} is unknown: its number was never given out")]
    UnknownMedium(MediumId),
    /// Postings come by their medium, ascending, each once.
    #[error("medium {medium} comes behind medium {before} in the plan")]
    Order {
        /// This medium.
        medium: MediumId,
        /// The one before it.
        before: MediumId,
    },
    /// The checkpoint to be signed isn't that of the account.
    #[error("medium {medium}: {what} of the checkpoint is {found}, of the account {expected}")]
    Checkpoint {
        /// The medium.
        medium: MediumId,
        /// What differs.
        what: &'static str,
        /// As the checkpoint has it.
        found: u64,
        /// As the account has it.
        expected: u64,
    },
    /// The moves don't bring the account to where it is to be.
    #[error(
        "medium {medium}: {what} changes by {by_moves} by the moves, by {by_account} by the account"
    )]
    Unbalanced {
        /// The medium.
        medium: MediumId,
        /// Which sum.
        what: &'static str,
        /// Minor units.
        by_moves: i64,
        /// Minor units.
        by_account: i64,
    },
    /// A move of another medium's or store's account, or of cash.
    #[error("medium {medium}: a move touches account {account:?}, which isn't its own")]
    Foreign {
        /// The medium.
        medium: MediumId,
        /// The account.
        account: Account,
    },
    /// The events don't sum to what becomes of the account.
    #[error("medium {medium}: its events add {events}, its account changes by {account}")]
    Events {
        /// The medium.
        medium: MediumId,
        /// New events, and by how much known ones differ; minor units.
        events: i64,
        /// Settled, provisional and reserved less debt and what the store lost; minor units.
        account: i64,
    },
    /// The checkpoint names other events by its `settled_since` than those that go with it.
    #[error("medium {0}: its checkpoint doesn't name the settled events that go with it")]
    SettledSince(MediumId),
    /// A file that is to go with a checkpoint is none of the issuer's.
    #[error("medium {medium}: file {} is to go with its checkpoint and isn't here", short(hash))]
    Attachment {
        /// The medium.
        medium: MediumId,
        /// SHA-256 over the file.
        hash: [u8; 32],
    },
    /// No reader would take the checkpoint.
    #[error("medium {medium}: {source}")]
    Issue {
        /// The medium.
        medium: MediumId,
        /// Why.
        source: IssueError,
    },
    /// The plan is damaged from there on.
    #[error("{0}")]
    Unread(String),
    /// The plan's file can't be read on.
    #[error("plan: {0}")]
    Device(DeviceError),
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

operation_error!(PostError);

impl Row {
    /// A medium that was never settled.
    pub const UNSETTLED: Self = Self { number: 0, hash: [0; 32], seq: None, head: [0; 32] };
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seq {
            None => f.write_str("no checkpoint"),
            Some(seq) => write!(
                f,
                "checkpoint {} ({}) at record {seq} ({})",
                self.number,
                short(&self.hash),
                short(&self.head)
            ),
        }
    }
}

/// The beginning of a hash, for a message.
fn short(hash: &[u8; 32]) -> String {
    format!("{}…", HEXLOWER.encode(&hash[..4]))
}
