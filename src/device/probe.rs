//! A short probe that rejects forged and dying media before a burn takes minutes on them.
//!
//! Blocks at logarithmic distances, the last of the medium among them, get patterns that say
//! where they belong; then they are read back from the storage. What was there is lost, and so
//! a probe is only made for a target that passed the guards.
//!
//! Forged sticks map addresses past their true size onto earlier blocks, or drop them. A wrap
//! by a number that isn't among the distances shows only when the blocks in between are written.
//! Hence [`Probe::beside`]: patterns where a body leaves the medium alone, written before it and
//! checked after it, before anything else is written at the end of the medium.

use std::fmt;
use std::ops::Range;

use super::splitmix::SplitMix;
use super::{Cleared, Device, DeviceError, Difference, ReadPath, Target};
use crate::crypto::Random;

/// Length of one probed block.
pub const PROBE_BLOCK_BYTES: u64 = BLOCK as u64;
const BLOCK: usize = 4096;
const NONCE_BYTES: usize = 16;
const HEADER_BYTES: usize = NONCE_BYTES + 8;
/// From here on the blocks between two powers of two are probed, too.
const DENSE_FROM_BYTES: u64 = 1 << 20;
/// So many of the last blocks are watched while a body is written: a backup partition table and
/// more.
const WATCHED_LAST: u64 = 5;

/// The blocks to be probed, and what distinguishes this probe's patterns from any other's.
#[derive(Debug, Clone)]
pub struct Probe {
    nonce: [u8; NONCE_BYTES],
    claimed: u64,
    needs: u64,
    offsets: Vec<u64>,
}

/// A probe that found nothing wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probed {
    /// How many blocks were read back.
    pub blocks: usize,
    /// Which way they came.
    pub path: ReadPath,
}

/// A block that was not read as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongBlock {
    /// First byte of the block.
    pub offset: u64,
    /// What is wrong with it.
    pub kind: WrongKind,
}

/// What is wrong with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongKind {
    /// It holds what was written to the block at this offset.
    OtherBlock(u64),
    /// It holds something else.
    Differs(Difference),
}

/// Why a medium is not worth burning.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The medium claims more than it holds.
    #[error(
        "fake capacity: claims {claimed} bytes, holds {holds_at_most} at most ({} of {blocks} \
         probed blocks are wrong, the first at {}: {})",
        wrong.len(),
        wrong[0].offset,
        wrong[0].kind
    )]
    FakeCapacity {
        /// What it claims, in bytes.
        claimed: u64,
        /// What it holds at most, in bytes.
        holds_at_most: u64,
        /// How many blocks were probed.
        blocks: usize,
        /// Those that were wrong, by offset; at least one.
        wrong: Vec<WrongBlock>,
    },
    /// The medium doesn't keep what is written to it.
    #[error(
        "dying medium: {} of {blocks} probed blocks are wrong, the first at {}: {}",
        wrong.len(),
        wrong[0].offset,
        wrong[0].kind
    )]
    Dying {
        /// How many blocks were probed.
        blocks: usize,
        /// Those that were wrong, by offset; at least one.
        wrong: Vec<WrongBlock>,
    },
    /// The medium could not be written or read.
    #[error("probing: {0}")]
    Device(#[from] DeviceError),
}

impl Probe {
    /// A probe for a target that was cleared; `rng` makes its patterns unlike any other's.
    pub fn new(cleared: &Cleared, target: &impl Device, rng: &mut dyn Random) -> Self {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill(&mut nonce);
        let (claimed, needs) = (target.len_bytes(), cleared.needs_bytes());
        Self { nonce, claimed, needs, offsets: offsets(claimed, needs) }
    }

    /// The probe of blocks that writing `body`, ascending and disjoint stretches of whole blocks,
    /// leaves alone: to be written before it and checked after it.
    ///
    /// They stand no further apart than the body's first stretch is long. So wherever the storage
    /// wraps, up to what is needed, one of them lies in truth inside that stretch, or in front of
    /// it, and doesn't outlast it.
    #[must_use]
    pub fn beside(&self, body: &[Range<u64>]) -> Self {
        let touched = |offset: u64| {
            let place = body.partition_point(|range| range.end <= offset);
            body.get(place).is_some_and(|range| range.start < offset + PROBE_BLOCK_BYTES)
        };
        let last = self.claimed.saturating_sub(WATCHED_LAST * PROBE_BLOCK_BYTES);
        let stride = body.first().map_or(self.needs, |range| range.end - range.start);
        let gaps = body
            .iter()
            .map(|range| range.end)
            .zip(body.iter().skip(1).map(|range| range.start).chain([self.needs]));
        let spread = gaps.flat_map(|(start, end)| spread(start..end, stride));
        let mut offsets: Vec<u64> = self.offsets.iter().copied().chain(spread).collect();
        offsets.retain(|offset| offset + PROBE_BLOCK_BYTES <= last && !touched(*offset));
        offsets.sort_unstable();
        offsets.dedup();
        offsets.extend((0..WATCHED_LAST).map(|nth| last + nth * PROBE_BLOCK_BYTES));
        Self { offsets, ..self.clone() }
    }

    /// Write all patterns, make them durable, and read all back.
    pub fn run(&self, target: &impl Target) -> Result<Probed, ProbeError> {
        self.write(target)?;
        self.check(target)
    }

    /// Write all patterns and make them durable.
    pub fn write(&self, target: &impl Target) -> Result<(), ProbeError> {
        for offset in &self.offsets {
            target.write_at(*offset, &self.pattern(*offset))?;
        }
        target.flush()?;
        Ok(())
    }

    /// Read all patterns back.
    pub fn check(&self, target: &impl Target) -> Result<Probed, ProbeError> {
        let (mut path, mut wrong) = (ReadPath::Memory, Vec::new());
        for offset in self.offsets.iter().copied() {
            let mut found = [0; BLOCK];
            path = target.read_back_at(offset, &mut found)?;
            wrong.extend(self.judge(offset, &found).map(|kind| WrongBlock { offset, kind }));
        }
        let blocks = self.offsets.len();
        if wrong.is_empty() {
            Ok(Probed { blocks, path })
        } else {
            Err(self.verdict(blocks, wrong))
        }
    }

    /// Zero the probed blocks; the caller makes it durable.
    pub fn erase(&self, target: &impl Device) -> Result<(), DeviceError> {
        self.offsets.iter().try_for_each(|offset| target.write_at(*offset, &[0; BLOCK]))
    }

    fn judge(&self, offset: u64, found: &[u8; BLOCK]) -> Option<WrongKind> {
        let difference = Difference::between(&self.pattern(offset), found)?;
        let said = found[NONCE_BYTES..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes))?;
        if said != offset && self.pattern(said) == *found {
            return Some(WrongKind::OtherBlock(said));
        }
        Some(WrongKind::Differs(difference))
    }

    /// The nonce, the offset, and numbers that follow from both.
    fn pattern(&self, offset: u64) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        block[..NONCE_BYTES].copy_from_slice(&self.nonce);
        block[NONCE_BYTES..HEADER_BYTES].copy_from_slice(&offset.to_le_bytes());
        let seed = self.nonce.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let mut numbers = SplitMix::new(seed ^ offset.rotate_left(17));
        for word in block[HEADER_BYTES..].chunks_exact_mut(8) {
            word.copy_from_slice(&numbers.next().to_le_bytes());
        }
        block
    }

    fn verdict(&self, blocks: usize, wrong: Vec<WrongBlock>) -> ProbeError {
        match wrap_size(&wrong).or_else(|| self.end_of_good(&wrong)) {
            Some(holds_at_most) => {
                ProbeError::FakeCapacity { claimed: self.claimed, holds_at_most, blocks, wrong }
            }
            None => ProbeError::Dying { blocks, wrong },
        }
    }

    /// Where the medium ends, if all is well up to there and nothing is stored from there on.
    fn end_of_good(&self, wrong: &[WrongBlock]) -> Option<u64> {
        let first = wrong[0].offset;
        let rest = self.offsets.iter().filter(|offset| **offset >= first).count();
        let flips = |block: &WrongBlock| {
            matches!(block.kind, WrongKind::Differs(Difference::FlippedBits(_)))
        };
        (first > 0 && rest == wrong.len() && !wrong.iter().any(flips)).then_some(first)
    }
}

/// The first and the last block of a stretch and those between, `stride` apart.
fn spread(range: Range<u64>, stride: u64) -> impl Iterator<Item = u64> {
    let last = range.end.saturating_sub(PROBE_BLOCK_BYTES);
    let last = (last >= range.start).then_some(last - last % PROBE_BLOCK_BYTES);
    let step = usize::try_from(stride).unwrap_or(usize::MAX).max(BLOCK);
    (range.start..last.unwrap_or(range.start)).step_by(step).chain(last)
}

/// Blocks that hold other blocks' data lie whole turns of the true size apart.
fn wrap_size(wrong: &[WrongBlock]) -> Option<u64> {
    let distances = wrong.iter().filter_map(|block| match block.kind {
        WrongKind::OtherBlock(from) => Some(from.abs_diff(block.offset)),
        WrongKind::Differs(_) => None,
    });
    distances.reduce(greatest_common_divisor)
}

fn greatest_common_divisor(mut one: u64, mut two: u64) -> u64 {
    while two != 0 {
        (one, two) = (two, one % two);
    }
    one
}

/// The first block, powers of two of blocks, from a mebibyte up also half way between, the last
/// block that is needed and the last of all.
fn offsets(claimed: u64, needs: u64) -> Vec<u64> {
    let Some(last) = claimed.checked_sub(PROBE_BLOCK_BYTES) else { return Vec::new() };
    let powers = (0..u64::BITS - PROBE_BLOCK_BYTES.ilog2()).map(|nth| PROBE_BLOCK_BYTES << nth);
    let powers: Vec<u64> = powers.take_while(|offset| *offset <= last).collect();
    let halves = powers.iter().filter(|offset| **offset >= DENSE_FROM_BYTES);
    let halves = halves.map(|offset| offset + offset / 2);
    let needed = needs.saturating_sub(PROBE_BLOCK_BYTES);
    let ends = [0, needed - needed % PROBE_BLOCK_BYTES, last - last % PROBE_BLOCK_BYTES];
    let mut offsets: Vec<u64> = ends.into_iter().chain(halves).chain(powers.clone()).collect();
    offsets.retain(|offset| *offset <= last);
    offsets.sort_unstable();
    offsets.dedup();
    offsets
}

impl fmt::Display for WrongKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherBlock(from) => write!(f, "the data of the block at {from}"),
            Self::Differs(difference) => difference.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{PROBE_BLOCK_BYTES, Probe, ProbeError, offsets};
    use crate::crypto::Random;
    use crate::device::simulated::{
        Beyond, Counted, FakeCapacity, Faulty, ReadFault, StopAt, Stopping,
    };
    use crate::device::{Aim, Device, Machine, MemoryDevice, ReadPath, Request, Target, clear};

    const CLAIMED: usize = 64 << 20;
    const NEEDS: u64 = 10 << 20;
    const MIB: u64 = 1 << 20;

    struct Fixed(u8);

    impl Random for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    fn probe(target: &impl Device) -> Probe {
        probe_needing(target, NEEDS)
    }

    fn probe_needing(target: &impl Device, needs_bytes: u64) -> Probe {
        let aim = Aim::New { path: "/media/new.img".into() };
        let edition = Path::new("/editions/starter");
        let request = Request { aim: &aim, needs_bytes, edition, lifted: &[] };
        let cleared = clear(&Machine::default(), &request).unwrap();
        Probe::new(&cleared, target, &mut Fixed(0xC3))
    }

    fn refusal(target: &impl Target) -> ProbeError {
        probe(target).run(target).unwrap_err()
    }

    fn stick() -> MemoryDevice {
        MemoryDevice::filled(CLAIMED, 0xA5)
    }

    #[test]
    fn a_good_medium_passes_and_little_is_written() {
        let target = Counted::new(stick());
        let probed = probe(&target).run(&target).unwrap();
        assert_eq!((probed.blocks, probed.path), (23, ReadPath::Memory));
        let counts = target.counts();
        assert_eq!((counts.writes, counts.reads, counts.flushes), (23, 23, 1));
    }

    #[test]
    fn the_ends_are_always_probed() {
        for claimed in [4096, 8192, 1_000_000_512, 64 << 30, u64::MAX] {
            let offsets = offsets(claimed, NEEDS);
            let last = offsets[offsets.len() - 1];
            assert_eq!(offsets[0], 0);
            assert!(last + PROBE_BLOCK_BYTES <= claimed && claimed - last < 2 * PROBE_BLOCK_BYTES);
            assert!(offsets.len() < 120, "{claimed}: {}", offsets.len());
        }
        assert!(offsets(64 << 30, NEEDS).contains(&(NEEDS - 4096)));
        assert!(offsets(4095, NEEDS).is_empty());
    }

    #[test]
    fn a_wrap_by_a_power_of_two_gives_the_true_size() {
        for shift in [15, 20, 23, 25] {
            let target =
                FakeCapacity::new(MemoryDevice::zeroed(1 << shift), CLAIMED as u64, Beyond::Wraps);
            let ProbeError::FakeCapacity { holds_at_most, claimed, .. } = refusal(&target) else {
                panic!("a wrap at {shift} bits is a fake capacity")
            };
            assert_eq!((claimed, holds_at_most), (CLAIMED as u64, 1 << shift));
        }
    }

    #[test]
    fn dropped_writes_give_the_true_size_up_to_the_next_probed_block() {
        for byte in [0, 0xFF] {
            let held = MemoryDevice::zeroed(20 << 20);
            let target = FakeCapacity::new(held, CLAIMED as u64, Beyond::Drops(byte));
            let refused = refusal(&target);
            let ProbeError::FakeCapacity { holds_at_most, .. } = &refused else {
                panic!("{refused}")
            };
            assert_eq!(*holds_at_most, 24 << 20);
            let what = if byte == 0 { "zeros" } else { "nothing but 0xff" };
            assert_eq!(
                refused.to_string(),
                format!(
                    "fake capacity: claims 67108864 bytes, holds 25165824 at most (4 of 23 probed \
                     blocks are wrong, the first at 25165824: {what})"
                )
            );
        }
    }

    #[test]
    fn flipped_bits_and_lost_blocks_are_a_dying_medium() {
        let at = 8 << 20;
        let table = [
            (ReadFault::Flipped { offset: at + 9, mask: 3 }, "2 bits flipped"),
            (ReadFault::Flipped { offset: at + 900, mask: 1 }, "1 bit flipped"),
            (ReadFault::Zeros(at..at + 4096), "zeros"),
            (ReadFault::Elsewhere { range: at..at + 4096, from: 100 }, "other data"),
        ];
        for (fault, what) in table {
            let refused = refusal(&Faulty::new(stick(), vec![fault])).to_string();
            let expected =
                format!("dying medium: 1 of 23 probed blocks are wrong, the first at {at}: {what}");
            assert_eq!(refused, expected);
        }
        let last = CLAIMED as u64 - 4096;
        let flipped = ReadFault::Flipped { offset: last, mask: 1 };
        assert!(matches!(refusal(&Faulty::new(stick(), vec![flipped])), ProbeError::Dying { .. }));
    }

    #[test]
    fn another_blocks_data_is_named() {
        let fault = ReadFault::Elsewhere { range: 8192..12288, from: 1 << 20 };
        let refused = refusal(&Faulty::new(stick(), vec![fault])).to_string();
        assert!(
            refused.ends_with("the first at 8192: the data of the block at 1048576)"),
            "{refused}"
        );
    }

    #[test]
    fn every_odd_wrap_shows_after_the_body_was_written() {
        let body = [0..20 * MIB, 24 * MIB..26 * MIB];
        let bytes: Vec<u8> = (0..20 * MIB).map(|at| (at / 4096 % 251) as u8 + 1).collect();
        let burn = |target: &dyn Target| {
            let beside = probe_needing(&target, 60 * MIB).beside(&body);
            beside.write(&target).unwrap();
            for (start, end) in [(MIB, body[0].end), (body[1].start, body[1].end)] {
                let count = usize::try_from(end - start).unwrap();
                target.write_at(start, &bytes[..count]).unwrap();
            }
            beside.check(&target)
        };
        for held in (20 * MIB..60 * MIB).step_by(999_424) {
            let held = held - held % 4096;
            let memory = MemoryDevice::zeroed(usize::try_from(held).unwrap());
            let fake = FakeCapacity::new(memory, CLAIMED as u64, Beyond::Wraps);
            let wrapped = burn(&fake).is_err() || front_is_dirty(&fake);
            assert!(wrapped, "a wrap at {held} was not seen");
        }
        let sound = stick();
        let probed = burn(&sound).unwrap();
        assert!(probed.blocks < 30, "{} blocks are much", probed.blocks);
        assert!(!front_is_dirty(&sound));
    }

    /// What lies in front of the body is the caller's to look at.
    fn front_is_dirty(target: &dyn Device) -> bool {
        let mut front = vec![0; usize::try_from(MIB).unwrap()];
        target.read_at(0, &mut front).unwrap();
        front.iter().any(|byte| *byte != 0 && *byte != 0xA5)
    }

    #[test]
    fn what_is_watched_beside_a_body_never_touches_it_and_is_erased() {
        let target = Counted::new(stick());
        let body = [MIB..20 * MIB, 24 * MIB..26 * MIB];
        let beside = probe_needing(&target, 60 * MIB).beside(&body);
        beside.write(&target).unwrap();
        let bytes = target.inner().snapshot();
        for range in &body {
            let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            assert!(bytes[range].iter().all(|byte| *byte == 0xA5));
        }
        assert!(bytes[CLAIMED - 20 * 1024..].chunks(4096).all(|block| block != [0xA5; 4096]));
        beside.erase(&target).unwrap();
        assert!(target.inner().snapshot().iter().all(|byte| [0, 0xA5].contains(byte)));
    }

    #[test]
    fn a_medium_that_fails_or_vanishes_is_told() {
        let unreadable = Faulty::new(stick(), vec![ReadFault::Unreadable(4096..4097)]);
        let refused = refusal(&unreadable).to_string();
        assert_eq!(refused, "probing: reading 4096 bytes at 4096: Input/output error (os error 5)");
        for at in [0, 22, 23, 24, 46] {
            let gone = refusal(&Stopping::new(stick(), StopAt::Any(at))).to_string();
            assert!(gone.ends_with("No such device (os error 19)"), "{gone}");
        }
    }
}
