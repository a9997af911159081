//! What part of a transfer costs, and what its uploader earns.
//!
//! Both are differences of one rising function of the verified bytes, so that any way to cut a
//! transfer into segments adds up to the same: to the price, and to the share of it.

use crate::format::transfer::Terms;
use crate::units::{Amount, ByteCount, UnitError};

/// One million: all of a charge.
pub const SHARE_ALL_PPM: u32 = 1_000_000;

/// Why terms or a count of bytes make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChargeError {
    /// A transfer of nothing.
    #[error("a transfer of 0 bytes")]
    Empty,
    /// More than all of a charge.
    #[error("an uploader's share of {0} millionths")]
    Share(u32),
    /// More bytes than there are.
    #[error("{before} and {got} bytes of {length}")]
    Beyond {
        /// Before the segment.
        before: u64,
        /// In the segment.
        got: u64,
        /// All.
        length: u64,
    },
}

/// What a segment costs and what of it is its uploader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// What the downloader pays.
    pub charge: Amount,
    /// What the uploader earns of it.
    pub fee: Amount,
}

/// What `got` verified bytes behind `before` cost.
pub fn segment(terms: &Terms, before: ByteCount, got: ByteCount) -> Result<Charge, ChargeError> {
    let (length, before, got) = (terms.length.bytes(), before.bytes(), got.bytes());
    if length == 0 {
        return Err(ChargeError::Empty);
    }
    if terms.share_ppm > SHARE_ALL_PPM {
        return Err(ChargeError::Share(terms.share_ppm));
    }
    let beyond = ChargeError::Beyond { before, got, length };
    let end = before.checked_add(got).filter(|end| *end <= length).ok_or(beyond)?;
    let (low, high) = (total(terms, before), total(terms, end));
    let fee = |charge: u128| charge * u128::from(terms.share_ppm) / u128::from(SHARE_ALL_PPM);
    Ok(Charge { charge: amount(high - low), fee: amount(fee(high) - fee(low)) })
}

/// `floor(price * bytes / length)`: below 2^40 * 2^64.
fn total(terms: &Terms, bytes: u64) -> u128 {
    u128::from(terms.price.minor()) * u128::from(bytes) / u128::from(terms.length.bytes())
}

fn amount(minor: u128) -> Amount {
    let minor: Result<_, UnitError> = Amount::from_minor(u64::try_from(minor).unwrap_or(u64::MAX));
    minor.expect("no part of a price is above it")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(price: u64, length: u64, share_ppm: u32) -> Terms {
        let (price, length) = (Amount::from_minor(price).unwrap(), ByteCount::from_bytes(length));
        Terms { transfer: [0; 16], entry: [0; 32], price, length, share_ppm }
    }

    fn cut(terms: &Terms, before: u64, got: u64) -> (u64, u64) {
        let [before, got] = [before, got].map(ByteCount::from_bytes);
        let Charge { charge, fee } = segment(terms, before, got).unwrap();
        (charge.minor(), fee.minor())
    }

    /// Sums of charges and fees of a transfer in segments of these lengths.
    fn sums(terms: &Terms, segments: impl IntoIterator<Item = u64>) -> (u64, u64) {
        let (mut before, mut sums) = (0, (0, 0));
        for got in segments {
            let (charge, fee) = cut(terms, before, got);
            assert!(fee <= charge, "{terms:?}: {got} behind {before} earn {fee} of {charge}");
            sums = (sums.0 + charge, sums.1 + fee);
            before += got;
        }
        assert_eq!(before, terms.length.bytes());
        sums
    }

    #[test]
    fn every_segment_of_small_transfers_telescopes() {
        let mut count = 0;
        for (price, length) in (0..=64).flat_map(|p| (1..=64).map(move |t| (p, t))) {
            for share in [0, 1, 300_000, 999_999, SHARE_ALL_PPM] {
                let terms = terms(price, length, share);
                let all_fee = price * u64::from(share) / u64::from(SHARE_ALL_PPM);
                for before in 0..=length {
                    for got in 0..=length - before {
                        let rest = length - before - got;
                        assert_eq!(sums(&terms, [before, got, rest]), (price, all_fee));
                        count += 1;
                    }
                }
            }
        }
        assert_eq!(count, 5 * 65 * (1..=64_u64).map(|t| (t + 1) * (t + 2) / 2).sum::<u64>());
    }

    #[test]
    fn all_compositions_of_short_transfers_add_up_to_the_price() {
        for length in 1..=16_u64 {
            for price in [0, 1, 7, length, 64, 300, 1_000_000_000_000] {
                let terms = terms(price, length, 300_000);
                let fee = price * 3 / 10;
                for cuts in 0..1_u32 << (length - 1) {
                    let mut segments = vec![1];
                    for bit in 0..length - 1 {
                        match cuts >> bit & 1 {
                            1 => segments.push(1),
                            _ => *segments.last_mut().unwrap() += 1,
                        }
                    }
                    assert_eq!(sums(&terms, segments), (price, fee));
                }
            }
        }
    }

    #[test]
    fn terms_and_counts_that_make_no_sense_are_refused() {
        let count = ByteCount::from_bytes;
        let of =
            |terms: Terms, before, got| segment(&terms, count(before), count(got)).unwrap_err();
        assert_eq!(of(terms(1, 0, 0), 0, 0), ChargeError::Empty);
        assert_eq!(of(terms(1, 1, 1_000_001), 0, 0), ChargeError::Share(1_000_001));
        for (before, got) in [(0, 11), (11, 0), (5, 6), (u64::MAX, 1), (1, u64::MAX)] {
            assert_eq!(
                of(terms(1, 10, 0), before, got),
                ChargeError::Beyond { before, got, length: 10 }
            );
        }
    }

    proptest! {
        #[test]
        fn the_largest_transfers_add_up(
            length in 1..=1_u64 << 63,
            cuts in prop::collection::vec(any::<u64>(), 0..40),
            price in prop_oneof![Just(1_000_000_000_000), 0..=1_000_000_000_000_u64],
            share in 0..=SHARE_ALL_PPM,
        ) {
            let terms = terms(price, length, share);
            let mut places: Vec<u64> = cuts.iter().map(|cut| cut % (length + 1)).collect();
            places.extend([0, length]);
            places.sort_unstable();
            let segments = places.windows(2).map(|pair| pair[1] - pair[0]);
            let fee = u128::from(price) * u128::from(share) / u128::from(SHARE_ALL_PPM);
            prop_assert_eq!(sums(&terms, segments), (price, u64::try_from(fee).unwrap()));
        }
    }
}
