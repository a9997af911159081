//! Compaction: a new generation that begins with a checkpoint.

use std::error::Error;

use super::commit::{AppendError, Journal, SPENDING_PERCENT_MAX};
use super::mirror::Mirrored;
use super::opening::Opening;
use super::planted::{Fault, planted};
use super::read::Reading;
use super::write::{Row, TooLong};
use crate::crypto::digest::sha256;
use crate::device::{Device, DeviceError};
use crate::format::edition::RamKind;

/// What a new generation begins with.
///
/// What stands behind the checkpoint's head is carried without being asked for.
#[derive(Debug, Clone, Copy)]
pub struct Carry<'c> {
    /// The hash of the record that the checkpoint settles up to: it has to be on this chain.
    pub head: [u8; 32],
    /// The checkpoint, and what vouches for it.
    pub checkpoint: &'c [Vec<u8>],
    /// Records at or below the head that the checkpoint lists as still open, in their order.
    pub outside: &'c [Vec<u8>],
}

/// Where the old generation is kept before it is given up.
pub trait Archive {
    /// Write its frames and make them durable.
    fn keep(&mut self, frames: &[u8]) -> Result<(), ArchiveFault>;
    /// Read them back from the storage.
    fn read_back(&mut self) -> Result<Vec<u8>, ArchiveFault>;
}

/// What an archive says when it fails.
pub type ArchiveFault = Box<dyn Error + Send + Sync>;

/// Why a journal was not compacted; unless the medium failed it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// What is written once can't be written again.
    #[error("journal: the writable area is write-once, which is never compacted")]
    WriteOnce,
    /// The checkpoint is of another chain.
    #[error("journal: no record has the hash that the checkpoint settles up to")]
    NotOnChain,
    /// A record that is to be carried isn't there.
    #[error("journal: record {nth} to be carried outside the chain is not at or below the head")]
    Foreign {
        /// Which one, from 0.
        nth: usize,
    },
    /// Nothing would be gained.
    #[error("journal: {carried} bytes would be carried into a bank of {bank}")]
    NoRoom {
        /// Bytes of the frames.
        carried: u64,
        /// Length of the bank.
        bank: u64,
    },
    /// The archive could not be written or read.
    #[error("archiving the journal: {0}")]
    Archive(ArchiveFault),
    /// The archive gave back something else.
    #[error("archiving the journal: {found} bytes came back of {written}, or other ones")]
    ArchiveDiffers {
        /// Bytes written.
        written: usize,
        /// Bytes read back.
        found: usize,
    },
    /// A checkpoint is too long for a frame.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The journal takes nothing now.
    #[error(transparent)]
    Unusable(AppendError),
    /// Generations are used up.
    #[error("journal: generation {0} has no successor")]
    LastGeneration(u64),
    /// The medium could not be written.
    #[error("compacting the journal: {0}")]
    Device(#[from] DeviceError),
}

impl<D: Device> Journal<D> {
    /// Begin a new generation in the other bank: archive, carried frames to copy A, flush, to B,
    /// flush, then frame 0 to A, flush, to B, flush. The old bank stays as it is.
    pub fn compact(
        &mut self,
        carry: &Carry<'_>,
        archive: &mut dyn Archive,
    ) -> Result<Mirrored, CompactError> {
        if self.ram == RamKind::WriteOnce {
            return Err(CompactError::WriteOnce);
        }
        self.check_usable().map_err(CompactError::Unusable)?;
        let records = self.carried(carry)?;
        let opening = Opening::of(&records, carry.outside).expect("as many as were in a bank");
        let generation = self.next_generation()?;
        let opening = opening.encode();
        let frames = std::iter::once(&opening).chain(&records).chain(carry.outside);
        let row = Row::of(generation, frames.map(Vec::as_slice))?;
        self.check_gain(&row)?;
        self.archive(archive)?;
        self.unsure = true;
        self.write_generation(generation, &row)?;
        self.unsure = false;
        self.reading = Reading {
            generation,
            carried: records.len(),
            records,
            outside: carry.outside.to_vec(),
            repairable: vec![],
            end: row.bytes.len() as u64,
            last: row.last,
            newest_seen: generation,
            lost: None,
            rival: vec![],
        };
        Ok(self.mirror_generation())
    }

    /// The checkpoint and all records behind its head.
    fn carried(&self, carry: &Carry<'_>) -> Result<Vec<Vec<u8>>, CompactError> {
        let records = &self.reading.records;
        let head = records.iter().rposition(|record| sha256(record) == carry.head);
        let (below, after) = records.split_at(head.ok_or(CompactError::NotOnChain)? + 1);
        let is_open = |record| below.contains(record) || self.reading.outside.contains(record);
        match carry.outside.iter().position(|record| !is_open(record)) {
            Some(nth) => Err(CompactError::Foreign { nth }),
            None => Ok([carry.checkpoint, after].concat()),
        }
    }

    /// The next number of the other parity that no frame anywhere has: what a broken-off
    /// compaction left behind is of an older generation then.
    fn next_generation(&self) -> Result<u64, CompactError> {
        let Reading { generation, newest_seen, .. } = self.reading;
        if planted(Fault::StaleFrames) {
            return Ok(generation + 1);
        }
        let steps = if newest_seen % 2 == generation % 2 { 1 } else { 2 };
        newest_seen.checked_add(steps).ok_or(CompactError::LastGeneration(newest_seen))
    }

    fn check_gain(&self, row: &Row) -> Result<(), CompactError> {
        let (carried, bank) = (row.bytes.len() as u64, self.place.bank_bytes());
        if carried > bank / 100 * SPENDING_PERCENT_MAX {
            return Err(CompactError::NoRoom { carried, bank });
        }
        Ok(())
    }

    fn archive(&self, archive: &mut dyn Archive) -> Result<(), CompactError> {
        let old = self.reading.row()?.bytes;
        archive.keep(&old).map_err(CompactError::Archive)?;
        let back = archive.read_back().map_err(CompactError::Archive)?;
        if back != old {
            let (written, found) = (old.len(), back.len());
            return Err(CompactError::ArchiveDiffers { written, found });
        }
        Ok(())
    }

    fn write_generation(&self, generation: u64, row: &Row) -> Result<(), DeviceError> {
        let (opening, carried) = row.bytes.split_at(row.end(0));
        let offset = opening.len() as u64;
        if planted(Fault::OpeningFirst) {
            self.write_twice(generation, 0, opening)?;
            return self.write_twice(generation, offset, carried);
        }
        self.write_twice(generation, offset, carried)?;
        if planted(Fault::OldBankErased) {
            let zeros = vec![0; usize::try_from(self.reading.end).expect("a bank in memory")];
            self.write_twice(self.reading.generation, 0, &zeros)?;
        }
        self.write_twice(generation, 0, opening)
    }
}
