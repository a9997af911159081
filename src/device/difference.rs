//! In which way bytes that were read back are wrong.

use std::fmt;

/// Up to one bit in this many, bits have flipped; above, the bytes are other bytes.
const BITS_PER_FLIP: u64 = 16;

/// How bytes that were read back differ from what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// A few bits differ: worn-out or dying cells.
    FlippedBits(u64),
    /// Every byte reads as this one: nothing was stored there.
    Filled(u8),
    /// Other bytes altogether: older ones, or another block's.
    Unrelated,
}

impl Difference {
    /// How `found` differs from `written`; none if it does not.
    ///
    /// # Panics
    /// If they are not of one length.
    pub fn between(written: &[u8], found: &[u8]) -> Option<Self> {
        assert_eq!(written.len(), found.len(), "only what was written is compared");
        if written == found {
            return None;
        }
        if found.iter().all(|byte| *byte == found[0]) {
            return Some(Self::Filled(found[0]));
        }
        let pairs = written.iter().zip(found);
        let flipped: u64 = pairs.map(|(one, two)| u64::from((one ^ two).count_ones())).sum();
        if flipped * BITS_PER_FLIP <= 8 * written.len() as u64 {
            Some(Self::FlippedBits(flipped))
        } else {
            Some(Self::Unrelated)
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FlippedBits(1) => write!(f, "1 bit flipped"),
            Self::FlippedBits(count) => write!(f, "{count} bits flipped"),
            Self::Filled(0) => write!(f, "zeros"),
            Self::Filled(byte) => write!(f, "nothing but {byte:#04x}"),
            Self::Unrelated => write!(f, "other data"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Difference;

    #[test]
    fn each_kind_of_difference_is_told() {
        let written: Vec<u8> = (0..=255).collect();
        let with = |change: &dyn Fn(&mut [u8])| {
            let mut found = written.clone();
            change(&mut found);
            Difference::between(&written, &found).map(|difference| difference.to_string())
        };
        assert_eq!(with(&|_| ()), None);
        assert_eq!(with(&|found| found[3] ^= 4).as_deref(), Some("1 bit flipped"));
        assert_eq!(with(&|found| found[3] ^= 0x81).as_deref(), Some("2 bits flipped"));
        assert_eq!(with(&|found| found.fill(0)).as_deref(), Some("zeros"));
        assert_eq!(with(&|found| found.fill(0xFF)).as_deref(), Some("nothing but 0xff"));
        assert_eq!(with(&|found| found.reverse()).as_deref(), Some("other data"));
    }
}
