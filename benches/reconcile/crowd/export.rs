//! Exports looked into: their records, what was kept of them elsewhere, and what they were before.

use scrip::format::checkpoint::Bounded;
use scrip::format::cose::Sign1;
use scrip::format::field::Bytes;
use scrip::format::medium::{CertificateSlot, SheetSlot};
use scrip::format::record::{Body, Record};
use scrip::format::transfer::{Funding, Receipt};
use scrip::format::{Kind, Object, cbor};
use scrip::image::layout::SLOTS;
use scrip::journal::frame::Frame;
use scrip::trust::Claimed;
use scrip::units::{MediumId, Timestamp};

/// What `scrip-wallet export` wrote: stamped slots, then frames.
pub(crate) struct Export<'a> {
    bytes: &'a [u8],
    pub(crate) records: Vec<Told>,
}

/// A record, and where its frame ends.
pub(crate) struct Told {
    pub(crate) bytes: Vec<u8>,
    pub(crate) at: Timestamp,
    /// Minor units; 0 where it moves nothing.
    pub(crate) amount: i64,
    pub(crate) medium: MediumId,
    /// The receipt that an uploader earned by.
    pub(crate) receipt: Option<Vec<u8>>,
    end: usize,
}

impl<'a> Export<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let (mut end, mut records) = (slots_bytes(), vec![]);
        while let Some(frame) = bytes.get(end..).and_then(Frame::decode) {
            end += frame.stored_bytes();
            records.push(told(frame.record, end));
        }
        Self { bytes, records }
    }

    /// Whose it is.
    pub(crate) fn medium(&self) -> MediumId {
        self.records[0].medium
    }

    /// How many of its records are not newer; a top-up that nothing follows is newer always, since
    /// what is bogus stands there.
    pub(crate) fn until(&self, cut: Timestamp) -> usize {
        let held = self.records.partition_point(|record| record.at <= cut);
        let bogus = self.records.last().is_some_and(Told::is_topup);
        held.min(self.records.len() - usize::from(bogus))
    }

    /// What it was when it had so many records.
    pub(crate) fn first(&self, records: usize) -> &'a [u8] {
        let end = records.checked_sub(1).map_or(slots_bytes(), |last| self.records[last].end);
        &self.bytes[..end]
    }

    /// What its owner showed a partner before the segment that this record begins.
    pub(crate) fn funding(&self, start: usize) -> Vec<u8> {
        let [certificate, policy, _, sheets, _] = slots(self.bytes);
        let certificate = CertificateSlot::decode(certificate).expect("a stamped certificate");
        let sheets = SheetSlot::decode(sheets).expect("stamped sheets");
        let records = self.records[..=start].iter();
        let funding = Funding {
            certificate: certificate.certificate,
            chain: certificate.chain,
            policies: Bounded(vec![Bytes(policy.to_vec())]),
            sheets: Bounded(sheets.sheets),
            revocation: None,
            settled: None,
            records: records.map(|record| Bytes(record.bytes.clone())).collect(),
        };
        funding.encode()
    }
}

impl Told {
    /// Does it add a code or voucher?
    pub(crate) fn is_topup(&self) -> bool {
        self.amount > 0 && self.receipt.is_none()
    }
}

/// Whose receipt it is, and the sequence of the start that it is for.
pub(crate) fn receipt_of(bytes: &[u8]) -> (MediumId, u64) {
    let message = Sign1::decode(bytes, Kind::Receipt).expect("a receipt");
    let receipt = Receipt::decode(message.payload()).expect("a receipt");
    (receipt.medium, receipt.start.number())
}

fn told(bytes: Vec<u8>, end: usize) -> Told {
    let record = Claimed::<Record>::read(&bytes).expect("exports hold records");
    let (at, medium) = (record.history.at, record.medium);
    let amount = record.accounting.as_ref().map_or(0, |entry| entry.amount);
    let receipt = match &record.body {
        Body::Earn { receipt } => Some(receipt.0.clone()),
        _ => None,
    };
    Told { bytes, at, amount, medium, receipt, end }
}

fn slots_bytes() -> usize {
    SLOTS.iter().map(|slot| usize::try_from(slot.bytes).expect("slots are short")).sum()
}

/// What stands in each slot.
fn slots(mut bytes: &[u8]) -> [&[u8]; 5] {
    SLOTS.map(|slot| {
        let (one, rest) = bytes.split_at(usize::try_from(slot.bytes).expect("slots are short"));
        bytes = rest;
        cbor::unpad(one).expect("slots are padded").unwrap_or_default()
    })
}
