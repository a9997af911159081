//! What is drawn: the same for one seed, whoever draws in whatever order.

use crate::crypto::digest::sha256_parts;
use crate::crypto::sign::SecretKey;
use crate::crypto::{Random, SeededRandom};

/// What separates these streams from all others.
const DOMAIN: &[u8] = b"scrip/simulate/v1";

/// A stream of its own for each purpose and place.
pub(super) struct Chance(SeededRandom);

impl Chance {
    pub(super) fn new(seed: u64, purpose: &str, place: u64) -> Self {
        let (seed, place) = (seed.to_be_bytes(), place.to_be_bytes());
        let parts: [&[u8]; 4] = [DOMAIN, &seed, &place, purpose.as_bytes()];
        Self(SeededRandom::new(sha256_parts(&parts)))
    }

    /// A number from 0 to below `end`; 0 where that is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let drawn = u64::from_be_bytes(self.bytes());
        drawn.checked_rem(end).unwrap_or(0)
    }

    /// A place in a row of so many.
    pub(super) fn place(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).expect("less than a count")
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    pub(super) fn key(&mut self) -> SecretKey {
        SecretKey::generate(&mut self.0)
    }

    /// Put a row into a drawn order.
    pub(super) fn shuffle<T>(&mut self, row: &mut [T]) {
        for last in (1..row.len()).rev() {
            row.swap(last, self.place(last + 1));
        }
    }
}

impl Random for Chance {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_purpose_and_place() {
        let draw = |seed, purpose, place| Chance::new(seed, purpose, place).bytes::<16>();
        let all = [draw(1, "a", 0), draw(2, "a", 0), draw(1, "b", 0), draw(1, "a", 1)];
        for (place, one) in all.iter().enumerate() {
            assert!(!all[..place].contains(one));
        }
        assert_eq!(draw(1, "a", 0), all[0]);
    }

    #[test]
    fn a_shuffled_row_has_the_same_things() {
        let mut row: Vec<u32> = (0..50).collect();
        Chance::new(1, "row", 0).shuffle(&mut row);
        assert_ne!(row, (0..50).collect::<Vec<_>>());
        row.sort_unstable();
        assert_eq!(row, (0..50).collect::<Vec<_>>());
        assert_eq!(Chance::new(1, "row", 0).below(0), 0);
    }
}
