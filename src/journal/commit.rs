//! An open journal: recovery, and records committed one by one.

use super::mirror::{Mirror, Mirrored};
use super::planted::{Fault, planted};
use super::read::{Lost, ReadError, Reading, survey};
use super::write::{Row, TooLong, encode};
use super::{Place, frame};
use crate::device::{Device, DeviceError};
use crate::format::edition::RamKind;
use crate::journal::opening::Opening;

/// Per cent of a bank above which no record that spends is taken.
pub const SPENDING_PERCENT_MAX: u64 = 90;

/// Zeros that are written at once.
const WIPED_BYTES: usize = 64 << 10;

/// A journal that is written by this process alone.
#[derive(Debug)]
pub struct Journal<D> {
    pub(super) device: D,
    pub(super) place: Place,
    pub(super) ram: RamKind,
    pub(super) reading: Reading,
    pub(super) repaired: Vec<(usize, u32)>,
    pub(super) mirror: Option<Mirror>,
    /// A write failed half-way: what the medium holds is known only by opening it again.
    pub(super) unsure: bool,
}

/// What a record does to the balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It spends: refused once the bank is nearly full.
    Spends,
    /// It doesn't: a top-up, a checkpoint, a merge, the end of what was begun.
    Keeps,
}

/// Proof that a record is durable in both copies: what follows from it may be released.
#[derive(Debug)]
#[must_use = "what follows from the record may be released now"]
pub struct Committed {
    /// Its place in the generation.
    pub index: u32,
    /// Whether this computer's mirror holds it too; that never blocks.
    pub mirrored: Mirrored,
}

/// Why a journal could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It gives no records.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What a copy lacked could not be written into it.
    #[error("repairing the journal: {0}")]
    Repair(DeviceError),
}

/// Why a record could not be journalled.
///
/// After a failure of the medium the record may stand there whole or not at all: opening the
/// journal again tells.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The record is too long for a frame.
    #[error(transparent)]
    TooLong(#[from] TooLong),
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
    /// What is left is kept for checkpoints.
    #[error(
        "journal is nearly full: {used} of {bank} bytes are used, and spending ends at \
         {SPENDING_PERCENT_MAX} %"
    )]
    NearlyFull {
        /// Bytes used.
        used: u64,
        /// Length of the bank.
        bank: u64,
    },
    /// Records are lost, and nobody said yet that the rest is to be gone on from.
    #[error(
        "journal: frame {index} is lost, frame {later} is there: restore it, or accept the loss"
    )]
    Lost {
        /// The lost frame.
        index: u32,
        /// A frame behind it.
        later: u32,
    },
    /// An earlier write failed.
    #[error("journal: an earlier write failed: open it again")]
    Unsure,
    /// The medium could not be written.
    #[error("writing the journal: {0}")]
    Device(#[from] DeviceError),
}

impl<D: Device> Journal<D> {
    /// Read both copies and give each what it lacks: A, flush, then B, flush.
    ///
    /// Where a hole hides later records nothing is appended before [`Journal::accept_loss`]. Where
    /// the copies parted, the shorter row is overwritten; it stays in the reading as `rival`.
    pub fn open(device: D, place: Place, ram: RamKind) -> Result<Self, OpenError> {
        let reading = survey(&device, &place)?;
        Self::open_as(device, place, ram, reading)
    }

    /// Open it as what it was read to hold, and give each copy what it lacks of that: what
    /// [`restored`](super::restored) gave goes to copy A, flush, then to copy B, flush.
    pub fn open_as(
        device: D,
        place: Place,
        ram: RamKind,
        reading: Reading,
    ) -> Result<Self, OpenError> {
        // What a killed process left in the system's cache has to be durable before it counts.
        device.flush().map_err(OpenError::Repair)?;
        let (repaired, mirror, unsure) = (vec![], None, false);
        let mut journal = Self { device, place, ram, reading, repaired, mirror, unsure };
        journal.repair().map_err(OpenError::Repair)?;
        Ok(journal)
    }

    /// What the journal holds.
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Frames that a copy lacked when the journal was opened: (copy, index).
    pub fn repaired(&self) -> &[(usize, u32)] {
        &self.repaired
    }

    /// The device that the journal lies on.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// Commit one record: to copy A, flush, to copy B, flush, to the mirror if there is one. Nothing
    /// is read.
    pub fn append(&mut self, record: &[u8], usage: Use) -> Result<Committed, AppendError> {
        self.check_usable()?;
        let index = self.reading.frames();
        let bytes = encode(self.reading.generation, index, self.reading.last, record)?;
        self.check_room(bytes.len() as u64, usage)?;
        self.unsure = true;
        self.write_twice(self.reading.generation, self.reading.end, &bytes)?;
        self.unsure = false;
        let mirrored = self.mirror_frame(self.reading.end, &bytes);
        self.reading.end += bytes.len() as u64;
        self.reading.last = frame::checksum(&bytes);
        self.reading.records.push(record.to_vec());
        Ok(Committed { index, mirrored })
    }

    /// Go on from the records before a hole: all that stands behind it is wiped.
    ///
    /// To be called when nothing can restore the lost record, and after the loss was told.
    pub fn accept_loss(&mut self) -> Result<Option<Lost>, DeviceError> {
        let Some(lost) = self.reading.lost else { return Ok(None) };
        let own = self.reading.generation;
        for copy in 0..2 {
            if !planted(Fault::NoLink) {
                // What was carried into a newer generation would tell of the loss again.
                if self.reading.newest_seen > own {
                    self.wipe(copy, (own + 1) % 2, 0)?;
                }
                // Behind a lost newer generation the one that counts may have a hole as well.
                self.wipe(copy, own % 2, self.reading.end)?;
            }
            self.device.flush()?;
        }
        self.reading.lost = None;
        Ok(Some(lost))
    }

    /// Zeros from an offset to the end of a bank.
    fn wipe(&self, copy: usize, bank: u64, mut offset: u64) -> Result<(), DeviceError> {
        let (start, end) = (self.place.bank_start(copy, bank), self.place.bank_bytes());
        let zeros = vec![0; WIPED_BYTES];
        while offset < end {
            let count = end.saturating_sub(offset).min(WIPED_BYTES as u64);
            let piece = &zeros[..usize::try_from(count).expect("a piece")];
            self.device.write_at(start + offset, piece)?;
            offset += count;
        }
        Ok(())
    }

    /// Whether anything may be written now.
    pub(super) fn check_usable(&self) -> Result<(), AppendError> {
        match &self.reading.lost {
            _ if self.unsure => Err(AppendError::Unsure),
            Some(Lost { index, later, .. }) => {
                Err(AppendError::Lost { index: *index, later: *later })
            }
            None => Ok(()),
        }
    }

    /// Bytes that frames may still fill in the bank that counts.
    pub fn left_bytes(&self) -> u64 {
        self.place.bank_bytes().saturating_sub(self.reading.end)
    }

    fn check_room(&self, needs: u64, usage: Use) -> Result<(), AppendError> {
        let (used, bank) = (self.reading.end, self.place.bank_bytes());
        let left = self.left_bytes();
        if needs > left {
            return Err(AppendError::Full { needs, left, bank });
        }
        if usage == Use::Spends && used + needs > bank / 100 * SPENDING_PERCENT_MAX {
            return Err(AppendError::NearlyFull { used, bank });
        }
        Ok(())
    }

    /// The same bytes to the same place of both copies' banks, each flushed before the next.
    pub(super) fn write_twice(
        &self,
        generation: u64,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), DeviceError> {
        for copy in 0..2 {
            if copy == 1 && planted(Fault::OneCopy) {
                break;
            }
            let start = self.place.bank_start(copy, generation % 2);
            self.device.write_at(start + offset, bytes)?;
            let skipped = if copy == 0 { Fault::AWithoutFlush } else { Fault::BWithoutFlush };
            if !planted(skipped) && !planted(Fault::ReleaseBeforeFlush) {
                self.device.flush()?;
            }
        }
        Ok(())
    }

    /// Write what each copy lacks.
    fn repair(&mut self) -> Result<(), DeviceError> {
        self.repaired = std::mem::take(&mut self.reading.repairable);
        if self.repaired.is_empty() || planted(Fault::NoRepair) {
            return Ok(());
        }
        let row = self.reading.row().expect("its frames were read");
        for copy in 0..2 {
            let start = self.place.bank_start(copy, self.reading.generation % 2);
            let pieces = pieces(&row, self.repaired.iter().filter(|(lacks, _)| *lacks == copy));
            for piece in &pieces {
                self.device.write_at(start + piece.start as u64, &row.bytes[piece.clone()])?;
            }
            let together = copy == 0 && planted(Fault::RepairTogether);
            if !pieces.is_empty() && !together {
                self.device.flush()?;
            }
        }
        Ok(())
    }
}

/// The bytes of these frames, neighbours joined.
fn pieces<'f>(
    row: &Row,
    frames: impl Iterator<Item = &'f (usize, u32)>,
) -> Vec<std::ops::Range<usize>> {
    let mut pieces: Vec<std::ops::Range<usize>> = vec![];
    for (_, index) in frames {
        let index = usize::try_from(*index).expect("a frame in memory");
        let (start, end) = (row.starts[index], row.end(index));
        match pieces.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => pieces.push(start..end),
        }
    }
    pieces
}

impl Reading {
    /// How many frames the generation has.
    pub fn frames(&self) -> u32 {
        let opening = usize::from(self.generation > 0);
        let count = opening + self.outside.len() + self.records.len();
        u32::try_from(count).expect("a bank holds fewer frames")
    }

    /// What the frame of an index holds; none of an opening.
    pub(super) fn frame(&self, index: u32) -> Option<&Vec<u8>> {
        let at = usize::try_from(index).ok()?.checked_sub(usize::from(self.generation > 0))?;
        let (carried, appended) = self.records.split_at(self.carried);
        carried.iter().chain(&self.outside).chain(appended).nth(at)
    }

    /// Its frames as they stand in a bank, byte for byte.
    pub(super) fn row(&self) -> Result<Row, TooLong> {
        let (carried, appended) = self.records.split_at(self.carried);
        let opening = (self.generation > 0)
            .then(|| Opening::of(carried, &self.outside).expect("they were counted").encode());
        let records = carried.iter().chain(&self.outside).chain(appended);
        Row::of(self.generation, opening.iter().chain(records).map(Vec::as_slice))
    }
}
