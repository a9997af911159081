//! One entry of a medium's journal.

pub use super::body::{Body, Cause, StatedUpload};
use super::field::{Field, Mismatch, Read, Reader, choice, record};
use super::text::TextView;
use super::{Kind, cbor, objects};
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
    pub struct HistoryOf<Text>
    as History = HistoryOf<String>, HistoryView = HistoryOf<TextView<'a>> {
        /// Names the event.
        1 => event: EventId,
        /// The medium's host clock.
        2 => at: Timestamp,
        /// What happened.
        3 => kind: RecordKind,
        /// With whom, for a person: `store 7`, a medium's number.
        4 => partner: Text,
        /// What content, by its item id.
        5 => content: Option<Text>,
        /// The accounting entry that belongs to it: this record's own, or its segment's.
        6 => link: Option<EventId>,
    }
}

record! {
    /// The accounting entry of a record: what it did to the money.
    pub struct AccountingOf<Text>
    as Accounting = AccountingOf<String>, AccountingView = AccountingOf<TextView<'a>> {
        /// Names the event; for a top-up derived from its code or voucher.
        1 => event: EventId,
        /// The medium's host clock.
        2 => at: Timestamp,
        /// Added (positive) or taken (negative), minor units.
        3 => amount: i64,
        /// The balance after it, minor units: a claim, which the fold must confirm.
        4 => balance_after: Amount,
        /// With whom.
        5 => partner: Text,
        /// Why, for a person.
        6 => reason: Text,
    }
}

record! {
    /// One entry of a medium's journal, signed by the medium's holder key.
    pub struct RecordOf<Text, Rest>
    as Record = RecordOf<String, Body>, RecordHead = RecordOf<TextView<'a>, BodyNext> {
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
        6 => history: HistoryOf<Text>,
        /// What it did to the money, if anything.
        7 => accounting: Option<AccountingOf<Text>>,
        /// What belongs to its kind.
        8 => body: Rest,
    }
}

/// Where a body is that comes next and is not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyNext;

impl<'a> Read<'a> for BodyNext {
    #[inline(always)]
    fn read_from(_: &mut Reader<'a>) -> Result<Self, Mismatch> {
        Ok(Self)
    }
}

impl<'a> Read<'a> for Option<AccountingView<'a>> {
    #[inline(always)]
    fn read_from(reader: &mut Reader<'a>) -> Result<Self, Mismatch> {
        AccountingView::read_from(reader).map(Some)
    }

    fn missing() -> Option<Self> {
        Some(None)
    }
}

/// How a record begins: what is behind that isn't looked at, nor whether it has a record's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordStart {
    /// As in a record.
    pub medium: MediumId,
    /// As in a record.
    pub prev: [u8; 32],
    /// As in a record.
    pub floor: Timestamp,
    /// As in its history entry.
    pub at: Timestamp,
    /// As in its history entry.
    pub kind: RecordKind,
}

/// When and what, of a history entry that is the last that is read.
struct HistoryStart(Timestamp, RecordKind);

impl<'a> Read<'a> for HistoryStart {
    #[inline(always)]
    fn read_from(reader: &mut Reader<'a>) -> Result<Self, Mismatch> {
        let mut map = reader.map()?;
        // What is passed over takes longer than what is read.
        map.take::<EventId>(1, "event")?;
        Ok(Self(map.take(2, "at")?, map.take(3, "kind")?))
    }
}

impl RecordStart {
    /// Of a record that somebody else vouches for.
    #[inline(always)]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = cbor::begin(bytes, Kind::Record).ok()?;
        let mut map = reader.map().ok()?;
        let medium = map.take(1, "medium").ok()?;
        map.take::<Sequence>(2, "seq").ok()?;
        let (prev, floor) = (map.take(3, "prev").ok()?, map.take(4, "floor").ok()?);
        map.take::<[u8; 8]>(5, "instance").ok()?;
        let HistoryStart(at, kind) = map.take(6, "history").ok()?;
        Some(Self { medium, prev, floor, at, kind })
    }
}

impl<'a> RecordHead<'a> {
    /// Read exactly one record where it stands, up to its body: nothing is copied to be kept.
    ///
    /// None where [`Object::decode`] says why it is none.
    ///
    /// [`Object::decode`]: super::Object::decode
    #[inline(always)]
    pub fn read(bytes: &'a [u8]) -> Option<(Self, BodyReader<'a>)> {
        let mut rest = cbor::begin(bytes, Kind::Record).ok()?;
        let head = Self::read_from(&mut rest).ok()?;
        Some((head, BodyReader(rest)))
    }
}

/// The end of a record: its body, whose key is the last that a record has.
pub struct BodyReader<'a>(Reader<'a>);

impl BodyReader<'_> {
    /// The body; none where [`Object::decode`](super::Object::decode) says why it is none.
    pub fn body(mut self) -> Option<Body> {
        let body = Body::read(&mut self.0).ok()?;
        self.0.end().ok()?;
        Some(body)
    }

    /// What it says, if it is an upload's start; what is behind that isn't looked at.
    pub fn upload(mut self) -> Option<StatedUpload> {
        StatedUpload::read(&mut self.0).ok()?
    }
}

objects! {
    Record => Record,
}
