//! Accounting events that follow from a record's place.
//!
//! What a code or voucher credits is one event on whatever branch ([`crate::voucher::code_event`]).
//! All other events are bound to their place in the chain, so that no two different charges can
//! be given one name, which a merge would then count once.

use crate::crypto::digest::sha256_parts;
use crate::format::record::{EventId, RecordKind};
use crate::format::transfer::Receipt;
use crate::units::MediumId;

/// The event of a purchase, or of the segment that a download-start begins.
///
/// The first 16 bytes of SHA-256 over `"scrip/v1/event" | medium (8 bytes) | hash of the record
/// before (32) | kind (1) | price, or what is reserved (8) | content`, integers big-endian.
pub fn placed_event(
    medium: MediumId,
    prev: &[u8; 32],
    kind: RecordKind,
    most: u64,
    content: &[u8],
) -> EventId {
    let (medium, most) = (medium.number().to_be_bytes(), most.to_be_bytes());
    let parts: [&[u8]; 6] = [b"scrip/v1/event", &medium, prev, &[kind as u8], &most, content];
    cut(sha256_parts(&parts))
}

/// The event of a fee: one for each segment that a payer signed for, on whatever branch.
///
/// The first 16 bytes of SHA-256 over `"scrip/v1/earn" | paying medium (8) | transfer (16) | start
/// (8) | earning medium (8)`, integers big-endian.
pub fn earn_event(receipt: &Receipt, earner: MediumId) -> EventId {
    let [payer, start, earner] =
        [receipt.medium.number(), receipt.start.number(), earner.number()].map(u64::to_be_bytes);
    cut(sha256_parts(&[b"scrip/v1/earn", &payer, &receipt.transfer, &start, &earner]))
}

fn cut(digest: [u8; 32]) -> [u8; 16] {
    *digest.first_chunk().expect("32 bytes hold 16")
}
