//! The bytes of a simulated medium: what it held at first, and the sectors that differ.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use super::{SECTOR, SECTOR_BYTES};

pub(super) type Sector = Arc<[u8; SECTOR_BYTES]>;

/// Sectors over filled ranges over a base that many states share: copying a state costs what
/// differs, not what the medium holds.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    base: Arc<[u8]>,
    /// Destroyed ranges, in sectors, and the byte they hold; a later one lies on top.
    filled: Vec<(Range<u64>, u8)>,
    sectors: BTreeMap<u64, Sector>,
}

impl Contents {
    /// # Panics
    /// If the bytes aren't whole sectors.
    pub(super) fn new(base: Vec<u8>) -> Self {
        assert!(base.len().is_multiple_of(SECTOR_BYTES), "a medium is whole sectors");
        Self { base: base.into(), filled: Vec::new(), sectors: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> u64 {
        self.base.len() as u64
    }

    pub(super) fn sector(&self, number: u64) -> [u8; SECTOR_BYTES] {
        match self.sectors.get(&number) {
            Some(sector) => **sector,
            None => self.below(number),
        }
    }

    pub(super) fn set(&mut self, number: u64, sector: Sector) {
        self.sectors.insert(number, sector);
    }

    pub(super) fn destroy(&mut self, sectors: Range<u64>, byte: u8) {
        self.sectors.retain(|number, _| !sectors.contains(number));
        self.filled.push((sectors, byte));
    }

    pub(super) fn read(&self, offset: u64, buf: &mut [u8]) {
        for (number, within, part) in pieces(offset, buf.len()) {
            match self.sectors.get(&number) {
                Some(sector) => buf[part].copy_from_slice(&sector[within]),
                None => buf[part].copy_from_slice(&self.below(number)[within]),
            }
        }
    }

    /// A number that two states of one base share if their bytes are equal, and, but for one
    /// chance in 2^64, only then.
    pub(super) fn fingerprint(&self) -> u64 {
        let filled = self.filled.iter().flat_map(|(range, _)| range.clone());
        let only_filled = filled.filter(|number| !self.sectors.contains_key(number));
        let mut numbers: Vec<u64> = only_filled.chain(self.sectors.keys().copied()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let different = numbers.into_iter().map(|number| (number, self.sector(number)));
        different
            .filter(|(number, sector)| self.base_sector(*number) != sector)
            .fold(0, |sum: u64, (number, sector)| sum.wrapping_add(hash(number, &sector)))
    }

    fn below(&self, number: u64) -> [u8; SECTOR_BYTES] {
        let fill = self.filled.iter().rev().find(|(range, _)| range.contains(&number));
        match fill {
            Some((_, byte)) => [*byte; SECTOR_BYTES],
            None => *self.base_sector(number),
        }
    }

    fn base_sector(&self, number: u64) -> &[u8; SECTOR_BYTES] {
        let start = usize::try_from(number * SECTOR).expect("the medium lies in memory");
        self.base[start..].first_chunk().expect("the base is whole sectors")
    }
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

/// A uniform sector is hashed by its byte alone: destroyed blocks have thousands of them.
fn hash(number: u64, sector: &[u8; SECTOR_BYTES]) -> u64 {
    let mut hasher = DefaultHasher::new();
    number.hash(&mut hasher);
    if sector.iter().all(|byte| *byte == sector[0]) {
        sector[0].hash(&mut hasher);
    } else {
        sector.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Contents, pieces};

    #[test]
    fn sectors_lie_over_fills_over_the_base() {
        let mut contents = Contents::new(vec![1; 4 * 512]);
        contents.set(1, Arc::new([2; 512]));
        contents.destroy(1..3, 0xFF);
        contents.set(2, Arc::new([3; 512]));
        let mut bytes = [0; 4];
        for (at, byte) in bytes.iter_mut().enumerate() {
            contents.read(at as u64 * 512 + 511, std::slice::from_mut(byte));
        }
        assert_eq!(bytes, [1, 0xFF, 3, 1]);
    }

    #[test]
    fn equal_bytes_have_equal_fingerprints_however_they_came_about() {
        let base = vec![1; 4 * 512];
        let (mut one, mut two) = (Contents::new(base.clone()), Contents::new(base));
        let untouched = one.fingerprint();
        one.destroy(0..2, 7);
        one.set(1, Arc::new([1; 512]));
        two.set(0, Arc::new([7; 512]));
        assert_eq!(one.fingerprint(), two.fingerprint());
        assert_ne!(one.fingerprint(), untouched);
        two.set(0, Arc::new([1; 512]));
        assert_eq!(two.fingerprint(), untouched);
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
