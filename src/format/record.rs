//! One entry of a medium's journal.

pub use super::body::{Body, Cause};
use super::field::{choice, record};
use super::objects;
use crate::units::{Amount, MediumId, Sequence, Timestamp};

/// Names an event in a history.
pub type EventId = [u8; 16];

choice! {
    /// What a record is about.
    pub enum RecordKind {
        /// The first record of a medium.
        0 => Genesis "genesis",
        /// Value was added by a code or voucher.
        1 => Topup "topup",
        /// The medium was sold to its owner.
        2 => Sale "sale",
        /// Goods were bought.
        3 => Purchase "purchase",
        /// Goods were played.
        4 => Play "play",
        /// A server was reached.
        5 => Connect "connect",
        /// A download began; its greatest charge is reserved.
        6 => DownloadStart "download-start",
        /// A download broke off.
        7 => DownloadInterrupted "download-interrupted",
        /// A download is complete.
        8 => DownloadEnd "download-end",
        /// An upload began.
        9 => UploadStart "upload-start",
        /// An upload broke off.
        10 => UploadInterrupted "upload-interrupted",
        /// An upload is complete.
        11 => UploadEnd "upload-end",
        /// A fee was earned.
        12 => Earn "earn",
        /// A settled state was taken over.
        13 => Checkpoint "checkpoint",
        /// A policy was taken over.
        14 => Policy "policy",
        /// Something needs a person's look.
        15 => Exception "exception",
        /// Two branches were joined under a checkpoint.
        16 => Merge "merge",
        /// The holder key was changed.
        17 => Rekey "rekey",
        /// Value was given back.
        18 => Refund "refund",
    }
}

record! {
    /// The history entry of a record: what happened.
    pub struct History {
        /// Names the event.
        1 => event: EventId,
        /// The medium's host clock.
        2 => at: Timestamp,
        /// What happened.
        3 => kind: RecordKind,
        /// With whom, for a person: `store 7`, a medium's number.
        4 => partner: String,
        /// What content, by its item id.
        5 => content: Option<String>,
        /// The accounting entry that belongs to it: this record's own, or its segment's.
        6 => link: Option<EventId>,
    }
}

record! {
    /// The accounting entry of a record: what it did to the money.
    pub struct Accounting {
        /// Names the event; for a top-up derived from its code or voucher.
        1 => event: EventId,
        /// The medium's host clock.
        2 => at: Timestamp,
        /// Added (positive) or taken (negative), minor units.
        3 => amount: i64,
        /// The balance after it, minor units: a claim, which the fold must confirm.
        4 => balance_after: Amount,
        /// With whom.
        5 => partner: String,
        /// Why, for a person.
        6 => reason: String,
    }
}

record! {
    /// One entry of a medium's journal, signed by the medium's holder key.
    pub struct Record {
        /// The medium.
        1 => medium: MediumId,
        /// From 0, without gaps.
        2 => seq: Sequence,
        /// SHA-256 over the signed record before; over the signed medium certificate for the first.
        3 => prev: [u8; 32],
        /// The newest time signed by issuer or settler that the medium has seen.
        4 => floor: Timestamp,
        /// Random for each host session: tells two computers apart.
        5 => instance: [u8; 8],
        /// What happened.
        6 => history: History,
        /// What it did to the money, if anything.
        7 => accounting: Option<Accounting>,
        /// What belongs to its kind.
        8 => body: Body,
    }
}

objects! {
    Record => Record,
}
