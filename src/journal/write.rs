//! Writing a journal: frame to copy A, flush, to copy B, flush.

use super::Place;
use super::frame::{Frame, RECORD_BYTES_MAX};
use super::read::Reading;
use crate::device::{Device, DeviceError};

/// Why a record could not be journalled; the journal is as it was, or holds the record whole.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The record is too long for a frame.
    #[error("record of {found} bytes, a frame takes {RECORD_BYTES_MAX}")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// The bank is full.
    #[error("journal is full: the record needs {needs} bytes, {left} of {bank} are left")]
    Full {
        /// Bytes of the frame.
        needs: u64,
        /// Bytes left.
        left: u64,
        /// Length of the bank.
        bank: u64,
    },
    /// The medium could not be written.
    #[error("writing the journal: {0}")]
    Device(#[from] DeviceError),
}

/// The bytes that a journal of these records begins with, generation 0.
pub fn first_frames(records: &[Vec<u8>]) -> Result<Vec<u8>, AppendError> {
    let mut out = vec![];
    for (index, record) in (0..).zip(records) {
        let frame = Frame { generation: 0, index, record: record.clone() };
        let found = record.len();
        out.extend(frame.encode().ok_or(AppendError::TooLong { found })?);
    }
    Ok(out)
}

/// Commit one record behind those that were read: only after this returns may anything that
/// follows from it be released.
pub fn append(
    device: &dyn Device,
    place: &Place,
    reading: &mut Reading,
    record: Vec<u8>,
) -> Result<(), AppendError> {
    let index = u32::try_from(reading.records.len()).expect("a bank holds fewer records");
    let frame = Frame { generation: reading.generation, index, record };
    let found = frame.record.len();
    let bytes = frame.encode().ok_or(AppendError::TooLong { found })?;
    let (needs, bank) = (bytes.len() as u64, place.bank_bytes());
    let left = bank.saturating_sub(reading.end);
    if needs > left {
        return Err(AppendError::Full { needs, left, bank });
    }
    for copy in 0..2 {
        let start = place.bank_start(copy, reading.generation % 2) + reading.end;
        device.write_at(start, &bytes)?;
        device.flush()?;
    }
    reading.end += needs;
    reading.records.push(frame.record);
    Ok(())
}
