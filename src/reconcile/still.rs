//! A medium whose one export ends with the record that the records have as its newest: nothing of it
//! is new, and what was verified when it was settled isn't verified again.
//!
//! The newest record's hash vouches for all before it, a store's journal for the certificate, the
//! records for the sheets that they handed out. Whatever is unusual is left to
//! [`Judged`](super::judged::Judged), which finds the same in more time; but for another policy of the
//! issuer's in the place of the stamped one, which nobody looks at here.

use super::heap::Heap;
use super::judged::odd_clock;
use super::told::{Kept, KeptBody};
use crate::crypto::digest::{sha256, sha256_parts};
use crate::format::checkpoint::Checkpoint;
use crate::format::cose::Sign1;
use crate::format::medium::{CertificateSlot, SheetSlot, StatedOwner};
use crate::format::record::{Body, RecordHead, RecordKind, RecordStart};
use crate::format::sheet::{Sheet, SheetId, Voucher};
use crate::format::{Kind, Object, cbor};
use crate::journal::frame::FrameView;
use crate::journal::opening::Opening;
use crate::records::Still;
use crate::trust::{Claimed, Revoked, Signer};
use crate::units::{Currency, Timestamp};

/// So many records of a medium tell others anything, or fewer.
const TOLD_USUAL: usize = 128;

/// What an export says of a medium of which nothing is new.
pub struct Unchanged {
    /// Records in it.
    pub(super) records: usize,
    /// The newest time that an issuer or settler signed in it.
    pub(super) newest: Timestamp,
    /// What it tells others.
    pub(super) told: Vec<Kept>,
}

/// By what it is held.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    pub(super) known: &'a Still,
    pub(super) revoked: &'a Revoked,
    pub(super) currency: Currency,
    pub(super) as_of: Option<Timestamp>,
}

/// What an export carries beside its records.
struct Papers {
    issuer: Signer,
    certificate: [u8; 32],
    sheets: Vec<SheetId>,
    newest: Timestamp,
}

impl Heap {
    /// What an export says, if it says nothing new.
    pub(super) fn unchanged(&self, export: &[u8], held: Held<'_>) -> Option<Unchanged> {
        let (slots, frames) = export.split_at_checked(super::heap::slots_bytes())?;
        ends_with(frames, &held.known.row.head).then_some(())?;
        let papers = self.papers(slots, held)?;
        let (told, newest) = (Vec::with_capacity(TOLD_USUAL), papers.newest);
        let (unended, last, papers) = (0, None, &papers);
        let mut walk = Walk { heap: self, held, papers, newest, told, unended, last };
        let records = walk.all(frames)?;
        Some(Unchanged { records, newest: walk.newest, told: walk.told })
    }

    /// The stamped slots, if they are those of this medium as it was burnt.
    fn papers(&self, slots: &[u8], held: Held<'_>) -> Option<Papers> {
        let Still { medium, store, burnt, sheets: handed, sales, .. } = held.known;
        let [certificate, policy, revoked, sheets, _] = super::heap::cut(slots);
        let slot = CertificateSlot::decode(cbor::unpad(certificate).ok()??).ok()?;
        let signer = self.pinned(&slot.chain, "stamped slots").ok()?;
        let hash = sha256(&slot.certificate.0);
        let stated = StatedOwner::read(&slot.certificate.0)?;
        let granted = signer.certificate().grant.as_ref()?.store;
        let (currency, key) = (held.currency, signer.certificate().key.0.key_id());
        let own = StatedOwner { medium: *medium, store: *store, currency, signer: key };
        let journalled = burnt.iter().any(|burnt| burnt.certificate == hash);
        let sold = sales.iter().filter(|sale| sale.voided.is_none()).count();
        (stated == own && granted == *store && journalled && sold < 2).then_some(())?;
        let issuer = signer.issuer();
        let policy = self.policy(&issuer, cbor::unpad(policy).ok()??).ok()?;
        if let Some(list) = cbor::unpad(revoked).ok()? {
            self.has_list(&self.list(&issuer, list).ok()?).then_some(())?;
        }
        let (mut newest, mut ids) = (policy.issued, vec![]);
        let slot = SheetSlot::decode(cbor::unpad(sheets).ok()??).ok()?;
        for sheet in &slot.sheets {
            let sheet = if handed.contains(&sheet.0) {
                Claimed::<Sheet>::read(&sheet.0).ok()?.into_value()
            } else {
                issuer.open::<Sheet>(&sheet.0).ok()?.into_value()
            };
            if sheet.medium == *medium {
                newest = newest.max(sheet.issued);
                ids.push(sheet.id);
            }
        }
        Some(Papers { issuer, certificate: hash, sheets: ids, newest })
    }
}

/// Is this the hash of the last record in a row of frames? What is before it isn't looked at.
fn ends_with(mut frames: &[u8], head: &[u8; 32]) -> bool {
    let mut last = None;
    while let Some((stored, record)) = FrameView::claimed(frames) {
        last = Some(record);
        frames = &frames[stored..];
    }
    frames.is_empty() && last.is_some_and(|record| sha256(record) == *head)
}

/// On its way along a chain.
struct Walk<'a> {
    heap: &'a Heap,
    held: Held<'a>,
    papers: &'a Papers,
    newest: Timestamp,
    told: Vec<Kept>,
    /// Segments that were begun, less those that have ended.
    unended: i64,
    last: Option<Last>,
}

/// The record before.
struct Last {
    hash: [u8; 32],
    at: Timestamp,
}

impl Walk<'_> {
    /// How many records there are, if they are those up to the newest that is settled.
    fn all(&mut self, mut frames: &[u8]) -> Option<usize> {
        let mut count = 0;
        while !frames.is_empty() {
            let (frame, rest) = FrameView::split(frames)?;
            (usize::try_from(frame.index) == Ok(count)).then_some(())?;
            (count > 0 || Opening::decode(frame.record).is_none()).then_some(())?;
            self.record(frame.record)?;
            (frames, count) = (rest, count + 1);
        }
        let ends = self.last.as_ref()?.hash == self.held.known.row.head;
        (ends && self.unended == 0).then_some(count)
    }

    fn record(&mut self, bytes: &[u8]) -> Option<()> {
        let message = Sign1::decode(bytes, Kind::Record).ok()?;
        let start = RecordStart::read(message.payload())?;
        let prev = self.last.as_ref().map_or(&self.papers.certificate, |last| &last.hash);
        (start.prev == *prev && start.medium == self.held.known.medium).then_some(())?;
        let (at, before) = (start.at, self.last.as_ref().map(|last| last.at));
        odd_clock(at, start.floor, before, self.held.as_of).is_none().then_some(())?;
        // A record is short: this costs less than [`sha256`], which it equals.
        let hash = sha256_parts(&[bytes]);
        if tells(start.kind) {
            let (head, body) = RecordHead::read(message.payload())?;
            let body = if start.kind == RecordKind::UploadStart {
                KeptBody::Upload(body.upload()?)
            } else {
                KeptBody::Whole(self.settled(body.body()?)?)
            };
            let amount = head.accounting.as_ref().map(|entry| entry.amount);
            let (seq, link) = (head.seq, head.history.link);
            self.unended += match start.kind {
                RecordKind::DownloadStart => 1,
                RecordKind::DownloadInterrupted | RecordKind::DownloadEnd => -1,
                _ => 0,
            };
            let concerns =
                !matches!(body, KeptBody::Whole(Body::TopupCode { .. } | Body::Checkpoint { .. }));
            self.told.extend(concerns.then_some(Kept { hash, seq, link, amount, body }));
        }
        self.last = Some(Last { hash, at });
        Some(())
    }

    /// A checkpoint that was taken over is one that the records hold, or older; what was credited isn't
    /// revoked. What was merged, and where a policy came later, is looked at as a whole.
    fn settled(&mut self, body: Body) -> Option<Body> {
        let settled = match &body {
            Body::Merge { .. } | Body::Policy { .. } => false,
            Body::TopupCode { sheet, slot, .. } => {
                let revoked = self.held.revoked.check_slot(sheet, *slot).is_err();
                self.papers.sheets.contains(sheet) && !revoked
            }
            Body::TopupVoucher { voucher, .. } | Body::Refund { voucher, .. } => {
                let voucher = Claimed::<Voucher>::read(&voucher.0).ok()?;
                self.held.revoked.check_voucher(&voucher).is_ok()
            }
            Body::Checkpoint { checkpoint, certificate } => {
                let row = self.held.known.row;
                let settler = self.heap.settler(&self.papers.issuer, &certificate.0)?;
                let checkpoint = settler.open::<Checkpoint>(&checkpoint.0).ok()?;
                let same = checkpoint.number == row.number && checkpoint.hash() == row.hash;
                self.newest = self.newest.max(checkpoint.as_of);
                checkpoint.number < row.number || same
            }
            _ => true,
        };
        settled.then_some(body)
    }
}

/// Does a record of this kind say anything that is held against what others say?
fn tells(kind: RecordKind) -> bool {
    use RecordKind::{
        Checkpoint, DownloadEnd, DownloadInterrupted, DownloadStart, Earn, Merge, Policy, Refund,
        Topup, UploadStart,
    };
    let transfers = matches!(kind, DownloadStart | DownloadInterrupted | DownloadEnd | UploadStart);
    transfers || matches!(kind, Earn | Topup | Refund | Checkpoint | Merge | Policy)
}
