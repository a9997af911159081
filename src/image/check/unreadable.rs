//! Blocks that storage doesn't give: the rest is checked, and they are named.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::gpt::{BACKUP_SECTORS, PRIMARY_SECTORS, SECTOR_BYTES};
use super::super::layout::{CERTIFICATE_SLOT, SLOTS};
use super::BLOCK;
use super::manifest::Edition;
use super::report::{Fault, Part, Report, Verdict};
use super::rom::Owners;
use super::words;
use crate::device::{Device, DeviceError};

/// Storage that fails more often than this is not read on.
const UNREADABLE_MAX: usize = 1_024;
/// What stands for a block that can't be read: no block of a medium is like it.
const FILLER: [u8; 16] = *b"can't be read \xf7\x0a";
/// A device that is read block by block where it can't be read in one go.
pub(super) struct Patient<'a> {
    device: &'a dyn Device,
    unreadable: Mutex<BTreeSet<u64>>,
}

impl<'a> Patient<'a> {
    pub(super) fn new(device: &'a dyn Device) -> Self {
        Self { device, unreadable: Mutex::default() }
    }

    /// The blocks that could not be read.
    pub(super) fn unreadable(&self) -> BTreeSet<u64> {
        self.known().clone()
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Read what lies in one block; what was once unreadable stays so.
    fn read_block(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        let block = offset / BLOCK;
        if !self.known().contains(&block) {
            match self.device.read_at(offset, buf) {
                Ok(()) => return Ok(()),
                Err(error) if self.known().len() == UNREADABLE_MAX => return Err(error),
                Err(_) => self.known().insert(block),
            };
        }
        buf.iter_mut().zip(FILLER.iter().cycle()).for_each(|(byte, filler)| *byte = *filler);
        Ok(())
    }
}

impl Device for Patient<'_> {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        DeviceError::check_range(offset, buf.len() as u64, self.len_bytes())?;
        let blocks = offset / BLOCK..(offset + buf.len() as u64).div_ceil(BLOCK);
        let known = self.known().range(blocks).next().is_some();
        if !known && self.device.read_at(offset, buf).is_ok() {
            return Ok(());
        }
        let (mut at, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let left = usize::try_from(BLOCK - at % BLOCK).expect("at most a block");
            let (piece, after) = rest.split_at_mut(left.min(rest.len()));
            self.read_block(at, piece)?;
            at += piece.len() as u64;
            rest = after;
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.device.write_at(offset, bytes)
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.device.flush()
    }
}

/// Name the blocks that could not be read, in place of what was made of their fillers.
///
/// A medium is altered only where readable bytes show it.
pub(super) fn tell(
    report: &mut Report,
    blocks: &BTreeSet<u64>,
    edition: Option<&Edition>,
    len: u64,
) {
    let before = std::mem::take(&mut report.faults);
    let untold = report.fault_count - before.len();
    let place = Place { edition, len, owners: edition.map(|edition| Owners::of(&edition.plan)) };
    let named: Vec<Fault> = runs(blocks.iter().map(|block| {
        let fault = || {
            before
                .iter()
                .find(|fault| fault.blocks.as_ref().is_some_and(|range| range.contains(block)))
        };
        let part = place.part(*block);
        (*block, part.or_else(|| fault().map(|fault| fault.part.clone())).unwrap_or(Part::Medium))
    }));
    let mut kept: Vec<Fault> =
        before.into_iter().flat_map(|fault| readable(fault, blocks, &named)).collect();
    if named.iter().any(|fault| fault.part == Part::File(CERTIFICATE_SLOT.path.to_owned())) {
        kept.retain(|fault| !hangs_on_certificate(&fault.part));
        report.notes.push(words::without_certificate());
    }
    report.touches.retain(|touch| {
        let bytes = touch.bytes.as_ref();
        bytes.is_none_or(|bytes| {
            blocks.range(bytes.start / BLOCK..bytes.end.div_ceil(BLOCK)).next().is_none()
        })
    });
    let objects = edition.is_none() || named.iter().any(|fault| is_object(&fault.part));
    let shown = |fault: &Fault| !objects || fault.damage.is_some() || fault.hashes.is_some();
    let altered = untold > 0 || kept.iter().any(shown);
    report.verdict = if altered { Verdict::Altered } else { Verdict::Unreadable };
    report.fault_count = untold;
    // Why storage fails is known.
    report.notes.retain(|note| *note != words::stamp_alone());
    named.into_iter().chain(kept).for_each(|fault| report.fault(fault));
    report.unreadable = blocks.len();
}

/// Serial, stamp and seals follow from the certificate's medium and store.
fn hangs_on_certificate(part: &Part) -> bool {
    matches!(part, Part::FileSystem | Part::HashTree | Part::EditionSeal | Part::MediumSeal)
}

/// Signed objects: where one can't be read, others that hang on it can't be judged.
fn is_object(part: &Part) -> bool {
    match part {
        Part::File(path) => SLOTS.iter().any(|slot| slot.path == path),
        Part::EditionSeal | Part::MediumSeal | Part::HashTree => true,
        _ => false,
    }
}

/// Join neighbouring blocks of one part.
fn runs(blocks: impl Iterator<Item = (u64, Part)>) -> Vec<Fault> {
    let mut faults: Vec<Fault> = vec![];
    for (block, part) in blocks {
        match faults.last_mut() {
            Some(Fault { part: last, blocks: Some(range), .. })
                if *last == part && range.end == block =>
            {
                range.end += 1;
            }
            _ => {
                let blocks = Some(block..block + 1);
                faults.push(Fault { blocks, ..Fault::new(part, words::unreadable()) });
            }
        }
    }
    faults
}

/// What a fault says of blocks that were read.
fn readable(fault: Fault, blocks: &BTreeSet<u64>, named: &[Fault]) -> Vec<Fault> {
    let Some(range) = fault.blocks.clone() else {
        let known = named.iter().any(|named| named.part == fault.part);
        return if known && fault.hashes.is_none() { vec![] } else { vec![fault] };
    };
    if blocks.range(range.clone()).next().is_none() {
        return vec![fault];
    }
    if fault.damage.is_none() {
        // It is said of the whole, which was not read.
        return vec![];
    }
    let mut pieces: Vec<Range<u64>> = vec![];
    for block in range.clone().filter(|block| !blocks.contains(block)) {
        match pieces.last_mut() {
            Some(last) if last.end == block => last.end += 1,
            _ => pieces.push(block..block + 1),
        }
    }
    let piece = |piece: Range<u64>| {
        let first = piece.start == range.start;
        let (hashes, damage) = (fault.hashes.filter(|_| first), fault.damage.filter(|_| first));
        let Fault { part, reason, .. } = fault.clone();
        Fault { part, reason, blocks: Some(piece), hashes, damage }
    };
    pieces.into_iter().map(piece).collect()
}

/// Where a block lies.
struct Place<'a> {
    edition: Option<&'a Edition>,
    owners: Option<Owners<'a>>,
    len: u64,
}

impl Place<'_> {
    /// The part a block belongs to; none where only a manifest says it.
    fn part(&self, block: u64) -> Option<Part> {
        let start = block * BLOCK;
        if start < PRIMARY_SECTORS * SECTOR_BYTES {
            return Some(Part::PartitionTable);
        }
        if start + BLOCK > self.len.saturating_sub(BACKUP_SECTORS * SECTOR_BYTES) {
            return Some(Part::BackupTable);
        }
        let (layout, owners) = (&self.edition?.layout, self.owners.as_ref()?);
        Some(if layout.rom().contains(&start) {
            let index = (start - layout.rom().start) / BLOCK;
            owners.part(usize::try_from(index).expect("a leaf in memory"))
        } else if layout.medium_seal().contains(&start) {
            Part::MediumSeal
        } else if layout.edition_seal().contains(&start) {
            Part::EditionSeal
        } else if layout.seal().contains(&start) {
            Part::HashTree
        } else if layout.ram().contains(&start) {
            Part::WritableArea
        } else {
            Part::Unused
        })
    }
}
