//! One segment of a transfer, as each side follows it: no chunk without the receipt for the last.

use std::ops::Range;

use super::leaves::{AtHand, Leaves};
use crate::crypto::sign::PublicKey;
use crate::format::transfer::{Partner, Receipt, TransferId};
use crate::image::tree::BLOCK_BYTES;
use crate::ledger::funding::Funded;
use crate::trust::{TrustError, Verified, verify};
use crate::units::{ByteCount, MediumId, Sequence};

const LEAF: u64 = BLOCK_BYTES as u64;
/// The most that is sent before a receipt, whatever a policy says.
pub const CHUNK_BYTES_MAX: u64 = 16 << 20;

/// What is sent before a receipt: whole leaves, at least one.
pub fn chunk_bytes(policy: ByteCount) -> u64 {
    (policy.bytes().min(CHUNK_BYTES_MAX) / LEAF * LEAF).max(LEAF)
}

/// The side that sends: it is never more than one chunk ahead of what was signed for.
#[derive(Debug)]
pub struct Sending {
    payer: MediumId,
    key: PublicKey,
    transfer: TransferId,
    start: Sequence,
    partner: Partner,
    before: u64,
    length: u64,
    chunk: u64,
    /// Bytes of the segment that were sent.
    sent: u64,
    /// The greatest receipt.
    receipt: Option<Verified<Receipt>>,
}

/// A chunk that is not sent: the last one was not signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{sent} bytes were sent, {signed} are signed for")]
pub struct Unsigned {
    /// Bytes of the segment that were sent.
    pub sent: u64,
    /// Those of the greatest receipt.
    pub signed: u64,
}

/// Why a receipt is not one for what was sent.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Not signed by the payer.
    #[error("{0}")]
    Trust(#[from] TrustError),
    /// Of something else.
    #[error("the receipt is of another {0}")]
    Other(&'static str),
    /// A count that is not behind the last and up to what was sent.
    #[error("the receipt counts {found} bytes, between {signed} and {sent} were sent")]
    Count {
        /// What it states.
        found: u64,
        /// What was signed for before.
        signed: u64,
        /// What was sent.
        sent: u64,
    },
}

impl Sending {
    /// Begin the segment that a payer's evidence begins.
    pub fn new(funded: &Funded, partner: Partner, chunk: ByteCount) -> Self {
        Self {
            payer: funded.medium,
            key: funded.state.holder,
            transfer: funded.terms.transfer,
            start: funded.start.seq,
            partner,
            before: funded.before.bytes(),
            length: funded.terms.length.bytes(),
            chunk: chunk_bytes(chunk),
            sent: 0,
            receipt: None,
        }
    }

    /// Which bytes of the file to send when the payer wants those from `at` on; none at its end.
    ///
    /// Bytes that were sent or paid before are sent again without a receipt: whoever lost them
    /// gains nothing by it.
    pub fn grant(&mut self, at: u64) -> Result<Option<Range<u64>>, Unsigned> {
        if at >= self.length {
            return Ok(None);
        }
        let known = self.before + self.sent;
        let signed = self.signed().bytes();
        if at >= known && self.sent > signed {
            return Err(Unsigned { sent: self.sent, signed });
        }
        // A chunk ends at a leaf, unless the file ends before.
        let limit = if at < known { known.next_multiple_of(LEAF) } else { self.length };
        let end = (at / LEAF * LEAF).saturating_add(self.chunk).min(limit).min(self.length);
        self.sent = self.sent.max(end.saturating_sub(self.before));
        Ok(Some(at..end))
    }

    /// Take a receipt for what was sent.
    pub fn take(&mut self, receipt: &[u8]) -> Result<&Verified<Receipt>, ReceiptError> {
        let receipt = verify::<Receipt>(receipt, &self.key)?;
        let same = [
            ("payer", receipt.medium == self.payer),
            ("transfer", receipt.transfer == self.transfer),
            ("start", receipt.start == self.start),
            ("partner", receipt.partner == self.partner),
            ("segment", receipt.before.bytes() == self.before),
        ];
        if let Some((what, _)) = same.iter().find(|(_, same)| !same) {
            return Err(ReceiptError::Other(what));
        }
        let (found, signed, sent) = (receipt.got.bytes(), self.signed().bytes(), self.sent);
        if found < signed || found > sent {
            return Err(ReceiptError::Count { found, signed, sent });
        }
        Ok(self.receipt.insert(receipt))
    }

    /// Bytes of the segment that are signed for.
    pub fn signed(&self) -> ByteCount {
        self.receipt.as_ref().map_or(ByteCount::from_bytes(0), |receipt| receipt.got)
    }

    /// Bytes of the segment that were sent.
    pub fn sent(&self) -> ByteCount {
        ByteCount::from_bytes(self.sent)
    }

    /// The greatest receipt.
    pub fn receipt(&self) -> Option<&Verified<Receipt>> {
        self.receipt.as_ref()
    }

    /// The transfer.
    pub fn transfer(&self) -> TransferId {
        self.transfer
    }
}

/// The side that receives: it signs for nothing that it has not verified and stored.
#[derive(Debug)]
pub struct Receiving<'a> {
    leaves: &'a Leaves,
    before: u64,
    at_hand: AtHand,
}

/// A piece that is not the item's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bytes {at} to {end} are not the item's")]
pub struct PieceError {
    /// The first byte.
    pub at: u64,
    /// One past the last.
    pub end: u64,
}

impl<'a> Receiving<'a> {
    /// Begin behind the bytes that are paid, with what is at hand.
    pub fn new(leaves: &'a Leaves, before: ByteCount, at_hand: AtHand) -> Self {
        Self { leaves, before: before.bytes(), at_hand }
    }

    /// From which byte on pieces are wanted; none if all is at hand.
    pub fn wants(&self) -> Option<u64> {
        (self.at_hand.good < self.leaves.length()).then_some(self.at_hand.good)
    }

    /// Judge a piece: it has to continue what is at hand.
    pub fn judge(&self, at: u64, piece: &[u8]) -> Result<(), PieceError> {
        let end = at.saturating_add(piece.len() as u64);
        if at != self.at_hand.good || piece.is_empty() || !self.leaves.fit(at, piece) {
            return Err(PieceError { at, end });
        }
        Ok(())
    }

    /// Bytes that are stored behind the good ones, left by a write that was cut off.
    pub fn tail(&self) -> u64 {
        self.at_hand.stored - self.at_hand.good
    }

    /// What was stored is gone.
    pub fn lost(&mut self) {
        self.at_hand = AtHand { good: 0, stored: 0 };
    }

    /// A piece was stored.
    pub fn stored(&mut self, bytes: u64) {
        self.at_hand.good += bytes;
        self.at_hand.stored = self.at_hand.good;
    }

    /// Verified bytes of the segment.
    pub fn got(&self) -> ByteCount {
        ByteCount::from_bytes(self.at_hand.good.saturating_sub(self.before))
    }
}
