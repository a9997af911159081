//! Accounting events that follow from a record's place.
//!
//! What a code or voucher credits is one event on whatever branch ([`crate::voucher::code_event`]).
//! All other events are bound to their place in the chain, so that no two different charges can
//! be given one name, which a merge would then count once.

use crate::crypto::digest::sha256_parts;
use crate::format::record::{EventId, RecordKind};
use crate::format::transfer::{Partner, Receipt, TransferId};
use crate::units::MediumId;

/// The event of a purchase.
///
/// The first 16 bytes of SHA-256 over `"scrip/v1/event" | medium (8 bytes) | hash of the record
/// before (32) | kind (1) | price (8) | content`, integers big-endian.
pub fn placed_event(medium: MediumId, prev: &[u8; 32], price: u64, content: &[u8]) -> EventId {
    let (medium, price) = (medium.number().to_be_bytes(), price.to_be_bytes());
    let kind = [RecordKind::Purchase as u8];
    let parts: [&[u8]; 6] = [b"scrip/v1/event", &medium, prev, &kind, &price, content];
    cut(sha256_parts(&parts))
}

/// The event of the segment that a download-start begins: another one with each partner.
///
/// The first 16 bytes of SHA-256 over `"scrip/v1/segment" | medium (8 bytes) | hash of the record
/// before (32) | what is reserved (8) | transfer (16) | kind of the partner (1) | its number (8) |
/// content`, integers big-endian; the kind is 0 for a medium and 1 for a store.
pub fn segment_event(
    medium: MediumId,
    prev: &[u8; 32],
    reserved: u64,
    (transfer, partner): (&TransferId, Partner),
    content: &[u8],
) -> EventId {
    let (kind, number) = match partner {
        Partner::Medium(number) => ([0], number.number().to_be_bytes()),
        Partner::Store(number) => ([1], u64::from(number.number()).to_be_bytes()),
    };
    let (medium, reserved) = (medium.number().to_be_bytes(), reserved.to_be_bytes());
    let tag: &[u8] = b"scrip/v1/segment";
    let parts = [tag, &medium, prev, &reserved, transfer, &kind, &number, content];
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
