//! The bytes of a simulated medium: what it held at first, and the sectors that differ.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use super::{SECTOR, SECTOR_BYTES};

/// The bytes of one sector and a digest of them, shared by all states that hold them.
#[derive(Debug, Clone)]
pub(super) struct Sector(Arc<(Bytes, u64)>);

type Bytes = [u8; SECTOR_BYTES];

/// Sectors over filled ranges over a base that many states share: copying a state costs what
/// differs, not what the medium holds.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    base: Arc<Base>,
    /// Destroyed ranges, in sectors, and what each of their sectors holds; none overlap.
    filled: Vec<(Range<u64>, Sector)>,
    /// What the filled ranges add to the fingerprint, were no sector written over them.
    filled_sum: u64,
    sectors: BTreeMap<u64, Sector>,
}

/// What a medium held at first.
#[derive(Debug)]
struct Base {
    bytes: Vec<u8>,
    /// What filling a range with a byte adds to the fingerprint, once it was found.
    sums: Mutex<HashMap<(Range<u64>, u8), u64>>,
}

impl Sector {
    pub(super) fn new(bytes: &Bytes) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Self(Arc::new((*bytes, hasher.finish())))
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.0.0
    }

    /// What it adds to the fingerprint where it lies.
    fn mark(&self, number: u64) -> u64 {
        let mixed = (self.0.1 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ (mixed >> 29) ^ number.rotate_left(32)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    }
}

impl Contents {
    /// # Panics
    /// If the bytes aren't whole sectors.
    pub(super) fn new(base: Vec<u8>) -> Self {
        assert!(base.len().is_multiple_of(SECTOR_BYTES), "a medium is whole sectors");
        let (filled, sectors) = (Vec::new(), BTreeMap::new());
        let base = Arc::new(Base { bytes: base, sums: Mutex::default() });
        Self { base, filled, filled_sum: 0, sectors }
    }

    pub(super) fn len(&self) -> u64 {
        self.base.bytes.len() as u64
    }

    pub(super) fn sector(&self, number: u64) -> Bytes {
        match self.sectors.get(&number).or_else(|| self.fill(number)) {
            Some(sector) => *sector.bytes(),
            None => *self.base_sector(number),
        }
    }

    pub(super) fn set(&mut self, number: u64, sector: Sector) {
        self.sectors.insert(number, sector);
    }

    pub(super) fn destroy(&mut self, range: Range<u64>, byte: u8) {
        let old: Vec<_> = self.filled.drain(..).collect();
        for (before, sector) in old {
            let gone = range.start.max(before.start)..range.end.min(before.end);
            self.filled_sum = self.filled_sum.wrapping_sub(self.sum(gone, &sector));
            let left = before.start..before.end.min(range.start).max(before.start);
            let right = before.start.max(range.end).min(before.end)..before.end;
            let pieces = [left, right].into_iter().filter(|piece| !piece.is_empty());
            self.filled.extend(pieces.map(|piece| (piece, sector.clone())));
        }
        self.sectors.retain(|number, _| !range.contains(number));
        let sector = Sector::new(&[byte; SECTOR_BYTES]);
        self.filled_sum = self.filled_sum.wrapping_add(self.sum(range.clone(), &sector));
        self.filled.push((range, sector));
    }

    pub(super) fn read(&self, offset: u64, buf: &mut [u8]) {
        let end = offset + buf.len() as u64;
        let first = usize::try_from(offset).expect("the medium lies in memory");
        buf.copy_from_slice(&self.base.bytes[first..first + buf.len()]);
        let numbers = offset / SECTOR..end.div_ceil(SECTOR);
        for (range, sector) in &self.filled {
            for number in range.start.max(numbers.start)..range.end.min(numbers.end) {
                lay(offset, buf, number, sector);
            }
        }
        for (number, sector) in self.sectors.range(numbers) {
            lay(offset, buf, *number, sector);
        }
    }

    /// A number that two states of one base share if their bytes are equal, and, but for one
    /// chance in about 2^64, only then.
    pub(super) fn fingerprint(&self) -> u64 {
        let mark = |number: u64, sector: &Sector| {
            if self.base_sector(number) == sector.bytes() { 0 } else { sector.mark(number) }
        };
        self.sectors.iter().fold(self.filled_sum, |sum, (number, sector)| {
            let hidden = self.fill(*number).map_or(0, |fill| mark(*number, fill));
            sum.wrapping_add(mark(*number, sector)).wrapping_sub(hidden)
        })
    }

    fn sum(&self, range: Range<u64>, sector: &Sector) -> u64 {
        let place = (range.clone(), sector.bytes()[0]);
        let mut sums = self.base.sums.lock().expect("no holder of the lock panics");
        *sums.entry(place).or_insert_with(|| self.sum_anew(range, sector))
    }

    fn sum_anew(&self, range: Range<u64>, sector: &Sector) -> u64 {
        let different = range.filter(|number| self.base_sector(*number) != sector.bytes());
        different.fold(0, |sum, number| sum.wrapping_add(sector.mark(number)))
    }

    fn fill(&self, number: u64) -> Option<&Sector> {
        let fill = self.filled.iter().find(|(range, _)| range.contains(&number));
        fill.map(|(_, sector)| sector)
    }

    fn base_sector(&self, number: u64) -> &Bytes {
        let start = usize::try_from(number * SECTOR).expect("the medium lies in memory");
        self.base.bytes[start..].first_chunk().expect("the base is whole sectors")
    }
}

/// Lay the part of a sector that a buffer read from `offset` covers into it.
fn lay(offset: u64, buf: &mut [u8], number: u64, sector: &Sector) {
    let start = number * SECTOR;
    let end = (start + SECTOR).min(offset + buf.len() as u64);
    let index = |at: u64| usize::try_from(at).expect("within the buffer or the sector");
    let within = index(start.max(offset) - start)..index(end - start);
    let part = index(start.max(offset) - offset)..index(end - offset);
    buf[part].copy_from_slice(&sector.bytes()[within]);
}

/// The sectors of a range: number, bytes within the sector, bytes within the range.
pub(super) fn pieces(
    offset: u64,
    count: usize,
) -> impl Iterator<Item = (u64, Range<usize>, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let start = usize::try_from(at % SECTOR).expect("below the sector's length");
        let len = (SECTOR_BYTES - start).min(count - done);
        let piece = (at / SECTOR, start..start + len, done..done + len);
        done += len;
        (len > 0).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::{Contents, SECTOR_BYTES, Sector, pieces};
    use crate::device::splitmix::SplitMix;

    fn sector(byte: u8) -> Sector {
        Sector::new(&[byte; SECTOR_BYTES])
    }

    #[test]
    fn sectors_lie_over_fills_over_the_base() {
        let mut contents = Contents::new(vec![1; 4 * 512]);
        contents.set(1, sector(2));
        contents.destroy(1..3, 0xFF);
        contents.set(2, sector(3));
        let mut bytes = [0; 4];
        for (at, byte) in bytes.iter_mut().enumerate() {
            contents.read(at as u64 * 512 + 511, std::slice::from_mut(byte));
        }
        assert_eq!(bytes, [1, 0xFF, 3, 1]);
        let mut across = [0; 1026];
        contents.read(511, &mut across);
        assert_eq!(
            (across[0], across[1], across[512], across[513], across[1025]),
            (1, 255, 255, 3, 1)
        );
    }

    #[test]
    fn equal_bytes_have_equal_fingerprints_however_they_came_about() {
        let base = vec![1; 4 * 512];
        let (mut one, mut two) = (Contents::new(base.clone()), Contents::new(base));
        let untouched = one.fingerprint();
        one.destroy(0..2, 7);
        one.set(1, sector(1));
        two.set(0, sector(7));
        assert_eq!(one.fingerprint(), two.fingerprint());
        assert_ne!(one.fingerprint(), untouched);
        two.set(0, sector(1));
        assert_eq!(two.fingerprint(), untouched);
        two.set(2, sector(7));
        assert_ne!(one.fingerprint(), two.fingerprint(), "the same bytes elsewhere");
    }

    /// Random histories: the fingerprint is that of the bytes alone, and reading agrees with a
    /// plain array.
    #[test]
    fn contents_agree_with_plain_bytes() {
        let base: Vec<u8> = (0..16 * 512u32).map(|at| (at / 1024).to_le_bytes()[0]).collect();
        for seed in 0..200 {
            let mut random = SplitMix::new(seed);
            let mut contents = Contents::new(base.clone());
            let mut plain = base.clone();
            for _ in 0..12 {
                let (first, byte) = (random.next() % 16, (random.next() % 4).to_le_bytes()[0]);
                let start = usize::try_from(first).unwrap() * 512;
                if random.next().is_multiple_of(2) {
                    contents.set(first, sector(byte));
                    plain[start..start + 512].fill(byte);
                } else {
                    let end = first + 1 + random.next() % (16 - first);
                    contents.destroy(first..end, byte);
                    plain[start..usize::try_from(end).unwrap() * 512].fill(byte);
                }
            }
            let mut read = vec![0; plain.len() - 7];
            contents.read(7, &mut read);
            assert_eq!(read, plain[7..], "seed {seed}");
            let mut direct = Contents::new(base.clone());
            for (number, bytes) in plain.chunks_exact(512).enumerate() {
                direct.set(number as u64, Sector::new(bytes.first_chunk().unwrap()));
            }
            assert_eq!(contents.fingerprint(), direct.fingerprint(), "seed {seed}");
        }
    }

    #[test]
    fn pieces_cover_a_range_sector_by_sector() {
        let all: Vec<_> = pieces(1000, 1050).collect();
        assert_eq!(
            all,
            [
                (1, 488..512, 0..24),
                (2, 0..512, 24..536),
                (3, 0..512, 536..1048),
                (4, 0..2, 1048..1050)
            ]
        );
        assert_eq!(pieces(512, 0).count(), 0);
    }
}
