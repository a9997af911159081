//! A buffer that direct transfers accept.

use std::ops::{Deref, DerefMut};

/// Address, offset and length of a direct transfer are multiples of this; no disk's logical
/// block is larger.
pub const ALIGNMENT_BYTES: usize = 4096;

/// Zero-filled bytes whose first one lies on an [`ALIGNMENT_BYTES`] boundary.
///
/// More is allocated than asked for, and the aligned part of it is lent: the vector never
/// grows, so the part never moves.
#[derive(Debug)]
pub struct AlignedBuffer {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBuffer {
    /// A buffer of `len` bytes, rounded up to a multiple of [`ALIGNMENT_BYTES`].
    pub fn new(len: usize) -> Self {
        let len = len.next_multiple_of(ALIGNMENT_BYTES);
        let bytes = vec![0; len + ALIGNMENT_BYTES];
        let start = bytes.as_ptr().align_offset(ALIGNMENT_BYTES);
        Self { bytes, start, len }
    }
}

impl Deref for AlignedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.len]
    }
}

/// Whether a transfer of `buf` at `offset` can go directly, without a bounce buffer.
pub(super) fn is_aligned(offset: u64, buf: &[u8]) -> bool {
    offset.is_multiple_of(ALIGNMENT_BYTES as u64)
        && buf.len().is_multiple_of(ALIGNMENT_BYTES)
        && buf.as_ptr().align_offset(ALIGNMENT_BYTES) == 0
}

#[cfg(test)]
mod tests {
    use super::{ALIGNMENT_BYTES, AlignedBuffer, is_aligned};

    #[test]
    fn every_buffer_is_aligned_and_long_enough() {
        for len in [0, 1, 511, 4096, 4097, 1 << 20] {
            let mut buffer = AlignedBuffer::new(len);
            assert!(is_aligned(0, &buffer), "{len}");
            assert!(buffer.len() >= len && buffer.len() < len + ALIGNMENT_BYTES);
            assert!(buffer.iter().all(|byte| *byte == 0));
            buffer.fill(7);
            assert!(buffer.iter().all(|byte| *byte == 7));
        }
    }

    #[test]
    fn a_shifted_part_is_not_aligned() {
        let buffer = AlignedBuffer::new(8192);
        assert!(!is_aligned(512, &buffer));
        assert!(!is_aligned(0, &buffer[1..4097]));
        assert!(!is_aligned(0, &buffer[..100]));
    }
}
