//! What a costly look may still tell of a fault: whether one bit alone has flipped.

use super::super::tree::{BLOCK_BYTES, Digest};
use super::reading::read;
use super::report::{Damage, Fault, Part, Report};
use crate::crypto::digest::sha256;
use crate::device::{Device, DeviceError, Difference};

/// So many faults are looked at, each at the cost of hashing 128 MiB.
const LOOKED_AT_MAX: usize = 4;

/// Look at the first faults of files whose bytes nobody knows but by their hash.
///
/// A worn-out medium flips bits; who forges a file changes more than one.
pub(super) fn explain(report: &mut Report, device: &dyn Device) -> Result<(), DeviceError> {
    let unknown = Some(Damage::Bytes(Difference::Unrelated));
    let unknown = |fault: &&mut Fault| {
        matches!(fault.part, Part::File(_)) && fault.damage == unknown && fault.hashes.is_some()
    };
    for fault in report.faults.iter_mut().filter(unknown).take(LOOKED_AT_MAX) {
        let (Some(blocks), Some(hashes)) = (&fault.blocks, &fault.hashes) else { continue };
        let start = blocks.start * BLOCK_BYTES as u64;
        let mut block = read(device, start..start + BLOCK_BYTES as u64)?;
        if is_one_bit_off(&mut block, &hashes.expected) {
            fault.damage = Some(Damage::Bytes(Difference::FlippedBits(1)));
        }
    }
    Ok(())
}

/// Does turning one bit of a block round give it the expected hash?
fn is_one_bit_off(block: &mut [u8], expected: &Digest) -> bool {
    (0..8 * block.len()).any(|bit| {
        let (at, mask) = (bit / 8, 1 << (bit % 8));
        block[at] ^= mask;
        let fits = sha256(block) == *expected;
        block[at] ^= mask;
        fits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flipped_bit_is_found_wherever_it_is_and_two_are_not() {
        let whole: Vec<u8> = (0..512_u16).map(|n| (n % 251) as u8).collect();
        let expected = sha256(&whole);
        for bit in [0, 7, 1_234, 4_095] {
            let mut block = whole.clone();
            block[bit / 8] ^= 1 << (bit % 8);
            assert!(is_one_bit_off(&mut block, &expected), "bit {bit}");
            block[100] ^= 3;
            assert!(!is_one_bit_off(&mut block, &expected), "bit {bit} and two more");
        }
    }
}
