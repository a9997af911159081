//! Reading a journal: what both copies hold together, and what each lacks.

use std::collections::BTreeMap;

use super::Place;
use super::frame::{Frame, RECORD_BYTES_MAX, SECTOR_BYTES};
use crate::device::{Device, DeviceError};

/// The two copies of a journal.
pub const COPIES: [&str; 2] = ["A", "B"];

/// What a journal holds, by both copies together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The generation that counts.
    pub generation: u64,
    /// Its records in order, unverified.
    pub records: Vec<Vec<u8>>,
    /// Frames that one copy lacks and the other has: (copy, index).
    pub repairable: Vec<(usize, u32)>,
    /// Where the next frame goes, from the start of its bank.
    pub end: u64,
}

/// Why a journal gives no records.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Neither copy begins with a frame.
    #[error("journal: neither copy holds a first record")]
    Empty,
    /// A frame is lost in both copies while a later one is there.
    #[error("journal: record {index} is damaged in both copies, record {later} is there")]
    Gap {
        /// The lost frame.
        index: u32,
        /// A frame behind it.
        later: u32,
    },
    /// The copies hold different records at one place, both with a right CRC.
    #[error("journal: copies A and B hold different records {index}")]
    Differ {
        /// The place.
        index: u32,
    },
    /// The medium could not be read.
    #[error("reading the journal: {0}")]
    Device(#[from] DeviceError),
}

/// Read both copies; nothing is written.
///
/// The highest generation whose first frame is whole in a copy counts: what is damaged in it is
/// never passed over for an older one. A frame counts if either copy has it whole. What lies behind
/// the last frame is a torn append and is passed over.
pub fn read(device: &dyn Device, place: &Place) -> Result<Reading, ReadError> {
    let mut banks = vec![];
    for bank in 0..2_u64 {
        let copies = [scan(device, place, 0, bank)?, scan(device, place, 1, bank)?];
        banks.push(copies);
    }
    let generations = |copies: &[Found; 2]| copies.iter().filter_map(|c| c.generation).max();
    banks.sort_by_key(|copies| std::cmp::Reverse(generations(copies)));
    let mut first_fault = None;
    for copies in &banks {
        let Some(generation) = generations(copies) else { continue };
        match join(copies, generation) {
            // Not begun: whoever wrote it stopped before its first frame was whole.
            Err(fault @ ReadError::Gap { index: 0, .. }) => {
                first_fault.get_or_insert(fault);
            }
            outcome => return outcome,
        }
    }
    Err(first_fault.unwrap_or(ReadError::Empty))
}

/// What one bank of one copy holds.
#[derive(Debug, Default)]
struct Found {
    /// The highest generation seen.
    generation: Option<u64>,
    /// Frames by index and by their offset from the start of the bank.
    frames: BTreeMap<(u32, u64), Frame>,
}

/// Walk a bank; a bad frame is skipped sector by sector until the bank ends.
fn scan(device: &dyn Device, place: &Place, copy: usize, bank: u64) -> Result<Found, DeviceError> {
    let mut found = Found::default();
    let start = place.bank_start(copy, bank);
    let length = place.bank_bytes();
    let mut window = Window { device, start, length, at: 0, bytes: vec![] };
    let mut offset = 0;
    while offset + SECTOR_BYTES as u64 <= length {
        let frame = Frame::decode(window.at(offset)?).filter(|frame| frame.generation % 2 == bank);
        let Some(frame) = frame else {
            offset += SECTOR_BYTES as u64;
            continue;
        };
        let stored = frame.stored_bytes() as u64;
        if found.generation.is_none_or(|known| frame.generation > known) {
            found.generation = Some(frame.generation);
            found.frames.clear();
        }
        if found.generation == Some(frame.generation) {
            found.frames.insert((frame.index, offset), frame);
        }
        offset += stored;
    }
    Ok(found)
}

/// Reads a bank in large pieces, gives out what a frame may need.
struct Window<'d> {
    device: &'d dyn Device,
    start: u64,
    length: u64,
    at: u64,
    bytes: Vec<u8>,
}

const WINDOW_BYTES: u64 = 256 << 10;
const FRAME_BYTES_MAX: u64 = (RECORD_BYTES_MAX + 2 * SECTOR_BYTES) as u64;

impl Window<'_> {
    fn at(&mut self, offset: u64) -> Result<&[u8], DeviceError> {
        let wanted = (offset + FRAME_BYTES_MAX).min(self.length);
        let end = self.at + self.bytes.len() as u64;
        if offset < self.at || wanted > end {
            let count = WINDOW_BYTES.min(self.length - offset);
            self.bytes.resize(usize::try_from(count).expect("a window"), 0);
            self.device.read_at(self.start + offset, &mut self.bytes)?;
            self.at = offset;
        }
        let first = usize::try_from(offset - self.at).expect("inside the window");
        Ok(&self.bytes[first..])
    }
}

fn join(copies: &[Found; 2], generation: u64) -> Result<Reading, ReadError> {
    let frames = |copy: usize| {
        let found: &Found = &copies[copy];
        (found.generation == Some(generation)).then_some(&found.frames)
    };
    let held = [frames(0), frames(1)];
    let last = held.iter().flatten().filter_map(|frames| frames.keys().next_back()).max();
    let (last, _) = *last.ok_or(ReadError::Empty)?;
    let mut reading = Reading { generation, records: vec![], repairable: vec![], end: 0 };
    for index in 0..=last {
        // A frame that isn't where the one before it ends belongs to nothing that was committed.
        let place = (index, reading.end);
        let at = |copy: usize| held[copy].and_then(|frames| frames.get(&place));
        let frame = match (at(0), at(1)) {
            (Some(a), Some(b)) if a.record != b.record => return Err(ReadError::Differ { index }),
            (Some(a), Some(_)) => a,
            (Some(a), None) => {
                reading.repairable.push((1, index));
                a
            }
            (None, Some(b)) => {
                reading.repairable.push((0, index));
                b
            }
            (None, None) => return Err(lost(index, last)),
        };
        reading.end += frame.stored_bytes() as u64;
        reading.records.push(frame.record.clone());
    }
    Ok(reading)
}

fn lost(index: u32, last: u32) -> ReadError {
    ReadError::Gap { index, later: last }
}
