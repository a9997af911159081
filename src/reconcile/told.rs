//! What one record tells others, however it was read.

use crate::format::record::{Body, EventId, Record, StatedUpload};
use crate::format::transfer::{Partner, Terms};
use crate::trust::Verified;
use crate::units::{ByteCount, Sequence};

/// What a record says that is held against what others say.
pub(super) struct Told<'a> {
    /// Its hash.
    pub(super) hash: [u8; 32],
    pub(super) seq: Sequence,
    pub(super) link: Option<EventId>,
    /// What it says that it did to the money, if it did anything.
    pub(super) amount: Option<i64>,
    pub(super) says: Says<'a>,
}

/// What it says, by its kind.
pub(super) enum Says<'a> {
    /// A segment that it sends.
    Upload { terms: &'a Terms, before: ByteCount, start: [u8; 32] },
    /// The fee for one, by this receipt.
    Earned(&'a [u8]),
    /// A segment that it fetches.
    Download { terms: &'a Terms, partner: Partner, before: ByteCount },
    /// That one has ended.
    Ended,
    /// This voucher is credited.
    Voucher(&'a [u8]),
    /// Nothing that concerns others.
    Nothing,
}

/// The same, kept.
pub(super) struct Kept {
    pub(super) hash: [u8; 32],
    pub(super) seq: Sequence,
    pub(super) link: Option<EventId>,
    pub(super) amount: Option<i64>,
    pub(super) body: KeptBody,
}

/// A body as far as it was read.
pub(super) enum KeptBody {
    Upload(StatedUpload),
    Whole(Body),
}

impl<'a> Told<'a> {
    pub(super) fn of((hash, record): (&[u8; 32], &'a Verified<Record>)) -> Self {
        let amount = record.accounting.as_ref().map(|entry| entry.amount);
        let (seq, link) = (record.seq, record.history.link);
        Self { hash: *hash, seq, link, amount, says: Says::of(&record.body) }
    }
}

impl<'a> Says<'a> {
    fn of(body: &'a Body) -> Self {
        match body {
            Body::UploadStart { terms, before, start, .. } => {
                Self::Upload { terms, before: *before, start: *start }
            }
            Body::Earn { receipt } => Self::Earned(&receipt.0),
            Body::DownloadStart { terms, partner, before } => {
                Self::Download { terms, partner: *partner, before: *before }
            }
            Body::DownloadInterrupted { .. } | Body::DownloadEnd { .. } => Self::Ended,
            Body::TopupVoucher { voucher, .. } | Body::Refund { voucher, .. } => {
                Self::Voucher(&voucher.0)
            }
            _ => Self::Nothing,
        }
    }
}

impl Kept {
    pub(super) fn told(&self) -> Told<'_> {
        let Self { hash, seq, link, amount, ref body } = *self;
        let says = match body {
            KeptBody::Upload(StatedUpload { terms, before, start }) => {
                Says::Upload { terms, before: *before, start: *start }
            }
            KeptBody::Whole(body) => Says::of(body),
        };
        Told { hash, seq, link, amount, says }
    }
}
