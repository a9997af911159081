//! Rows of frames as they are written.

use super::frame::{Frame, RECORD_BYTES_MAX, checksum};
use super::opening::Opening;

/// A record is too long for a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("record of {found} bytes, a frame takes {RECORD_BYTES_MAX}")]
pub struct TooLong {
    /// Its length.
    pub found: usize,
}

/// Frames one behind the other, as they stand in a bank from its start.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) bytes: Vec<u8>,
    /// Where each frame begins.
    pub(super) starts: Vec<usize>,
    /// The checksum of the last frame.
    pub(super) last: u32,
}

impl Row {
    /// The row of these records.
    pub(super) fn of<'r>(
        generation: u64,
        records: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<Self, TooLong> {
        let mut row = Self::default();
        for (index, record) in (0..).zip(records) {
            row.starts.push(row.bytes.len());
            let frame = encode(generation, index, row.last, record)?;
            row.last = checksum(&frame);
            row.bytes.extend(frame);
        }
        Ok(row)
    }

    /// Where the frame of an index ends.
    pub(super) fn end(&self, index: usize) -> usize {
        self.starts.get(index + 1).copied().unwrap_or(self.bytes.len())
    }
}

/// A frame as it is stored.
pub(super) fn encode(
    generation: u64,
    index: u32,
    before: u32,
    record: &[u8],
) -> Result<Vec<u8>, TooLong> {
    let found = record.len();
    let frame = Frame { generation, index, before, record: record.to_vec() };
    frame.encode().ok_or(TooLong { found })
}

/// The bytes that a journal of these records begins with, generation 0.
pub fn first_frames(records: &[Vec<u8>]) -> Result<Vec<u8>, TooLong> {
    Ok(Row::of(0, records.iter().map(Vec::as_slice))?.bytes)
}

/// The bytes that a journal of these records begins with, generation 1: a checkpoint and what
/// vouches for it, the records behind it, then those `outside` the chain.
pub fn carried_frames(records: &[Vec<u8>], outside: &[Vec<u8>]) -> Result<Vec<u8>, TooLong> {
    let opening = Opening::of(records, outside).expect("as many as a bank holds").encode();
    let frames = std::iter::once(&opening).chain(records).chain(outside);
    Ok(Row::of(1, frames.map(Vec::as_slice))?.bytes)
}
