//! What a medium is to hold, byte for byte, and what it is called where it doesn't.

use std::ops::Range;

use super::burn::BurnError;
use super::layout::Layout;
use super::leaves::CHUNK_BYTES;
use super::sealed::{SealedEdition, short};
use super::stamp::Stamped;
use super::tree::{BLOCK_BYTES, Digest};
use crate::crypto::digest::sha256;
use crate::device::{Device, Difference};
use crate::fat;
use crate::units::MediumId;

/// One medium to be burnt from an edition.
pub struct Burn<'a> {
    /// The edition, verified.
    pub sealed: &'a SealedEdition,
    /// The edition's file.
    pub edition: &'a dyn Device,
    /// The medium's stamp.
    pub stamped: &'a Stamped,
}

/// How a block that was read back differs from what it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In which way.
    pub difference: Difference,
    /// The block of the medium whose bytes they are, if they are another block's: the device is
    /// smaller than it says.
    pub other_block: Option<u64>,
    /// SHA-256 over the block that is to be there.
    pub expected: Digest,
    /// SHA-256 over what was read.
    pub found: Digest,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.other_block {
            Some(block) => write!(f, "the bytes of block {block}: its capacity is faked")?,
            None => write!(f, "{}", self.difference)?,
        }
        let (found, expected) = (short(&self.found), short(&self.expected));
        write!(f, " (hash is {found}…, expected {expected}…)")
    }
}

impl Burn<'_> {
    pub(super) fn layout(&self) -> &Layout {
        &self.sealed.layout
    }

    /// The medium.
    pub fn medium(&self) -> MediumId {
        self.stamped.medium
    }

    /// Bytes of the body: what a burn writes and reads back.
    pub fn body_bytes(&self) -> u64 {
        total(&self.pieces())
    }

    /// The body in pieces of at most a chunk, ascending: ROM, SEAL, the writable volume's own
    /// blocks. Each lies inside one of the three and begins on a block boundary.
    pub(super) fn pieces(&self) -> Vec<Range<u64>> {
        let layout = self.layout();
        let ram = layout.ram().start;
        let plan = &self.stamped.ram.plan;
        let owned = plan.files().iter().filter_map(|file| {
            let start = file.offset_bytes?;
            Some(start..start + file.size_bytes)
        });
        let mut ranges: Vec<_> = plan.metadata_ranges().into_iter().chain(owned).collect();
        ranges.sort_by_key(|range| range.start);
        let block = BLOCK_BYTES as u64;
        let shifted = ranges
            .into_iter()
            .map(|range| ram + range.start..ram + range.end.next_multiple_of(block));
        let body = [layout.rom(), layout.seal()].into_iter().chain(shifted);
        body.flat_map(chunks).collect()
    }

    /// Fill `bytes` with what the medium is to hold from `offset` on.
    pub(super) fn expected(&self, offset: u64, bytes: &mut [u8]) -> Result<(), BurnError> {
        let ram = self.layout().ram().start;
        if offset >= ram {
            let volume = &self.stamped.ram;
            return Ok(volume.plan.read_at(offset - ram, bytes, volume)?);
        }
        self.edition.read_at(offset, bytes).map_err(BurnError::Edition)?;
        let end = offset + bytes.len() as u64;
        let overlays = &self.stamped.overlays;
        let first = overlays.partition_point(|(at, overlay)| at + overlay.len() as u64 <= offset);
        for (at, overlay) in overlays[first..].iter().take_while(|(at, _)| *at < end) {
            let skip = usize::try_from(offset.saturating_sub(*at)).expect("inside an overlay");
            let start = usize::try_from(at.saturating_sub(offset)).expect("inside the piece");
            let count = (overlay.len() - skip).min(bytes.len() - start);
            bytes[start..start + count].copy_from_slice(&overlay[skip..skip + count]);
        }
        Ok(())
    }

    /// The first block of a piece that isn't as it is to be.
    pub(super) fn first_bad(
        &self,
        piece: &Range<u64>,
        bytes: &[u8],
    ) -> Result<Option<usize>, BurnError> {
        let rom = self.layout().rom();
        if rom.contains(&piece.start) {
            let first = length(&(rom.start..piece.start)) / BLOCK_BYTES;
            let mut blocks = (first..).zip(bytes.chunks(BLOCK_BYTES));
            return Ok(blocks.position(|(index, block)| sha256(block) != *self.leaf(index)));
        }
        let mut expected = vec![0; bytes.len()];
        self.expected(piece.start, &mut expected)?;
        let blocks = bytes.chunks(BLOCK_BYTES).zip(expected.chunks(BLOCK_BYTES));
        Ok(blocks.map(|(found, expected)| found == expected).position(|same| !same))
    }

    /// Name the run of bad blocks that begins at block `bad` of a piece.
    pub(super) fn describe(&self, piece: &Range<u64>, bytes: &[u8], bad: usize) -> BurnError {
        let mut expected = vec![0; bytes.len()];
        if let Err(error) = self.expected(piece.start, &mut expected) {
            return error;
        }
        let pairs: Vec<_> =
            bytes.chunks(BLOCK_BYTES).zip(expected.chunks(BLOCK_BYTES)).skip(bad).collect();
        let run = pairs.iter().take_while(|(found, expected)| found != expected).count().max(1);
        let first = piece.start / BLOCK_BYTES as u64 + bad as u64;
        if self.is_edition_changed(first, pairs[0].1) {
            return BurnError::EditionChanged { block: first };
        }
        let place = self.place(first * BLOCK_BYTES as u64);
        let fault = self.fault(pairs[0].0, pairs[0].1);
        let last = first + run as u64 - 1;
        BurnError::ReadBack { place, first, last, fault: Box::new(fault) }
    }

    /// Is a block of the edition's file no longer what it was when the edition was verified?
    fn is_edition_changed(&self, block: u64, bytes: &[u8]) -> bool {
        let rom = self.layout().rom();
        let offset = block * BLOCK_BYTES as u64;
        let index = length(&(rom.start..offset.max(rom.start))) / BLOCK_BYTES;
        rom.contains(&offset) && sha256(bytes) != *self.leaf(index)
    }

    pub(super) fn fault(&self, found: &[u8], expected: &[u8]) -> Fault {
        let hash = sha256(found);
        Fault {
            difference: Difference::between(expected, found).unwrap_or(Difference::Unrelated),
            other_block: self.twin(found),
            expected: sha256(expected),
            found: hash,
        }
    }

    /// The block of the medium, in its read-only volume, that these bytes belong to. Plain bytes
    /// belong to too many.
    pub(super) fn twin(&self, bytes: &[u8]) -> Option<u64> {
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return None;
        }
        let (hash, count) = (sha256(bytes), self.sealed.tree.leaves().len());
        let block = (0..count).find(|index| *self.leaf(*index) == hash)?;
        Some(self.layout().rom().start / BLOCK_BYTES as u64 + block as u64)
    }

    /// What a block of the read-only volume is to hash to.
    fn leaf(&self, index: usize) -> &Digest {
        let stamped = &self.stamped.leaves;
        let place = stamped.binary_search_by_key(&(index as u64), |(block, _)| *block);
        place.map_or(&self.sealed.tree.leaves()[index], |place| &stamped[place].1)
    }

    /// What lies at an offset of the medium, for a person.
    fn place(&self, offset: u64) -> String {
        let layout = self.layout();
        let (volume, plan, start) = if layout.rom().contains(&offset) {
            ("read-only volume", &self.sealed.plan, layout.rom().start)
        } else if layout.ram().contains(&offset) {
            ("writable volume", &self.stamped.ram.plan, layout.ram().start)
        } else {
            return "seal".to_owned();
        };
        let within = offset - start;
        let holds = |file: &&fat::PlannedFile| {
            file.offset_bytes.is_some_and(|at| (at..at + file.size_bytes).contains(&within))
        };
        plan.files().iter().find(holds).map_or_else(|| volume.to_owned(), |file| file.path.clone())
    }
}

fn chunks(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let step = CHUNK_BYTES as u64;
    let end = range.end;
    (range.start..end).step_by(CHUNK_BYTES).map(move |start| start..(start + step).min(end))
}

/// Neighbouring pieces as one stretch.
pub(super) fn joined(pieces: &[Range<u64>]) -> Vec<Range<u64>> {
    let together = pieces.chunk_by(|one, two| one.end == two.start);
    together.map(|run| run[0].start..run[run.len() - 1].end).collect()
}

/// Bytes of pieces together.
pub(super) fn total(pieces: &[Range<u64>]) -> u64 {
    pieces.iter().map(|piece| piece.end - piece.start).sum()
}

/// Length of a stretch in memory.
pub(super) fn length(range: &Range<u64>) -> usize {
    usize::try_from(range.end - range.start).expect("a stretch that fits memory")
}
