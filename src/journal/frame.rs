//! One frame: a record on a medium, aligned to sectors and checked by CRC-32C.
//!
//! ```text
//! offset  bytes  field (integers big-endian)
//!      0      4  magic "SCRJ"
//!      4      4  CRC-32C (Castagnoli, RFC 3720 appendix B.4) over bytes 8 .. 28 + length
//!      8      8  generation
//!     16      4  index within the generation, from 0
//!     20      4  length of the record
//!     24      4  CRC-32C of the frame before it in this generation; 0 for frame 0
//!     28      …  the record, then zeros up to the next multiple of 512
//! ```
//!
//! A frame names the one before it, so that what is left over from a lost or broken-off
//! continuation can't be taken for the next frame of another.

use super::planted::{Fault, planted};
use crate::format::cbor::all_zero;

/// Frames begin on multiples of this.
pub const SECTOR_BYTES: usize = 512;
/// Length of a frame's header.
pub const HEADER_BYTES: usize = 28;
/// The longest record a frame takes.
pub const RECORD_BYTES_MAX: usize = 4096;
/// The longest frame with its padding.
pub const FRAME_BYTES_MAX: usize = (HEADER_BYTES + RECORD_BYTES_MAX).next_multiple_of(SECTOR_BYTES);
const MAGIC: [u8; 4] = *b"SCRJ";

/// A frame that was read: its header and CRC are right, its record is not parsed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Which writing of the journal it belongs to; the bank is its parity.
    pub generation: u64,
    /// Its place in the generation.
    pub index: u32,
    /// The checksum of the frame before it, 0 for the first.
    pub before: u32,
    /// The record's bytes.
    pub record: Vec<u8>,
}

/// A frame where it lies: its header and CRC are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameView<'a> {
    /// As [`Frame::generation`].
    pub generation: u64,
    /// As [`Frame::index`].
    pub index: u32,
    /// As [`Frame::before`].
    pub before: u32,
    /// As [`Frame::record`].
    pub record: &'a [u8],
}

impl<'a> FrameView<'a> {
    /// Where the frame that `bytes` begins with says that it ends, and its record: nothing is checked.
    pub fn claimed(bytes: &'a [u8]) -> Option<(usize, &'a [u8])> {
        let length = u32::from_be_bytes(*bytes.get(20..HEADER_BYTES)?.first_chunk()?);
        let end = HEADER_BYTES.checked_add(usize::try_from(length).ok()?)?;
        let stored = end.checked_next_multiple_of(SECTOR_BYTES)?;
        (stored <= bytes.len()).then(|| (stored, &bytes[HEADER_BYTES..end]))
    }

    /// The frame that `bytes` begins with, if one does, and what is behind it; padding must be zero.
    pub fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let header = bytes.get(..HEADER_BYTES)?;
        let word = |at: usize| header[at..at + 4].try_into().map(u32::from_be_bytes).ok();
        let length = usize::try_from(word(20)?).ok()?;
        if header[..4] != MAGIC || length > RECORD_BYTES_MAX {
            return None;
        }
        let end = HEADER_BYTES + length;
        let checked = bytes.get(8..end)?;
        let (stored, rest) = bytes.split_at_checked(end.next_multiple_of(SECTOR_BYTES))?;
        let torn = crc32c::crc32c(checked) != word(4)? && !planted(Fault::NoCrc);
        if torn || !all_zero(&stored[end..]) {
            return None;
        }
        let generation = header[8..16].try_into().map(u64::from_be_bytes).ok()?;
        let record = &bytes[HEADER_BYTES..end];
        Some((Self { generation, index: word(16)?, before: word(24)?, record }, rest))
    }
}

impl Frame {
    /// Length on the medium: header, record, padding.
    pub fn stored_bytes(&self) -> usize {
        (HEADER_BYTES + self.record.len()).next_multiple_of(SECTOR_BYTES)
    }

    /// The bytes on the medium; `None` for a record above [`RECORD_BYTES_MAX`].
    pub fn encode(&self) -> Option<Vec<u8>> {
        if self.record.len() > RECORD_BYTES_MAX {
            return None;
        }
        let length = u32::try_from(self.record.len()).ok()?;
        let mut out = Vec::with_capacity(self.stored_bytes());
        out.extend(MAGIC);
        out.extend([0; 4]);
        out.extend(self.generation.to_be_bytes());
        out.extend(self.index.to_be_bytes());
        out.extend(length.to_be_bytes());
        out.extend(self.before.to_be_bytes());
        out.extend(&self.record);
        let crc = crc32c::crc32c(&out[8..]);
        out[4..8].copy_from_slice(&crc.to_be_bytes());
        out.resize(self.stored_bytes(), 0);
        Some(out)
    }

    /// The frame that `bytes` begins with, if one does; padding must be zero.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (FrameView { generation, index, before, record }, _) = FrameView::split(bytes)?;
        Some(Self { generation, index, before, record: record.to_vec() })
    }
}

/// The checksum that a stored frame begins with, which the next frame repeats.
///
/// # Panics
/// If `stored` is shorter than a frame's header.
pub fn checksum(stored: &[u8]) -> u32 {
    stored[4..].first_chunk().copied().map(u32::from_be_bytes).expect("a whole header")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Frame {
        Frame { generation: 3, index: 9, before: 5, record: (0..255).cycle().take(600).collect() }
    }

    #[test]
    fn frames_are_read_back() {
        for length in [0, 1, 484, 485, 4096] {
            let frame = Frame { record: vec![7; length], ..sample() };
            let bytes = frame.encode().unwrap();
            assert!(bytes.len().is_multiple_of(512));
            assert_eq!(Frame::decode(&bytes).unwrap(), frame);
        }
        assert!(Frame { record: vec![0; 4097], ..sample() }.encode().is_none());
    }

    #[test]
    fn every_flip_and_truncation_is_seen() {
        let bytes = sample().encode().unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::decode(&flipped), None, "bit {bit}");
        }
        for end in 0..bytes.len() {
            assert_eq!(Frame::decode(&bytes[..end]), None, "cut at {end}");
        }
    }
}
