//! Frame 0 of a compacted generation: what was carried into it.
//!
//! ```text
//! offset  bytes  field (integers big-endian)
//!      0      4  how many frames behind it were carried
//!      4      4  how many of these, the last ones, stand outside the chain
//!      8     32  SHA-256 over each carried record in order, its length (4 bytes) before it
//! ```

use crate::crypto::digest::Sha256;

/// Length of an opening as the record of frame 0.
pub const OPENING_BYTES: usize = 40;

/// What frame 0 of a compacted generation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// How many frames behind it were carried.
    pub carried: u32,
    /// How many of these, the last ones, stand outside the chain.
    pub outside: u32,
    /// The digest of all that was carried.
    pub digest: [u8; 32],
}

impl Opening {
    /// The opening of a generation that carries these records, `outside` last; none if there are
    /// more than are counted.
    pub fn of(chain: &[Vec<u8>], outside: &[Vec<u8>]) -> Option<Self> {
        let carried = u32::try_from(chain.len().checked_add(outside.len())?).ok()?;
        let digest = digest(chain.iter().chain(outside));
        Some(Self { carried, outside: u32::try_from(outside.len()).ok()?, digest })
    }

    /// The bytes that frame 0 holds.
    pub fn encode(&self) -> Vec<u8> {
        let counts = [self.carried.to_be_bytes(), self.outside.to_be_bytes()];
        [counts.as_flattened(), &self.digest].concat()
    }

    /// The opening that `record` is, if it is one.
    pub fn decode(record: &[u8]) -> Option<Self> {
        let record: &[u8; OPENING_BYTES] = record.try_into().ok()?;
        let word = |at: usize| record[at..].first_chunk().copied().map(u32::from_be_bytes);
        let opening = Self { carried: word(0)?, outside: word(4)?, digest: *record.last_chunk()? };
        (opening.outside <= opening.carried).then_some(opening)
    }
}

/// The digest of carried records.
pub(super) fn digest<'r>(records: impl Iterator<Item = &'r Vec<u8>>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for record in records {
        let length = u32::try_from(record.len()).expect("a frame took it");
        hash.update(&length.to_be_bytes());
        hash.update(record);
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_are_read_back_and_nothing_else_is_one() {
        let opening = Opening::of(&[vec![1; 3], vec![2]], &[vec![3]]).unwrap();
        assert_eq!((opening.carried, opening.outside), (3, 1));
        let bytes = opening.encode();
        assert_eq!(bytes.len(), OPENING_BYTES);
        assert_eq!(Opening::decode(&bytes), Some(opening));
        assert_eq!(Opening::decode(&bytes[1..]), None);
        let mut more = bytes;
        more[7] = 4;
        assert_eq!(Opening::decode(&more), None, "more outside than carried");
    }

    #[test]
    fn where_one_record_ends_is_part_of_the_digest() {
        let one = Opening::of(&[vec![1, 2], vec![3]], &[]).unwrap();
        let other = Opening::of(&[vec![1], vec![2, 3]], &[]).unwrap();
        assert_ne!(one.digest, other.digest);
    }
}
