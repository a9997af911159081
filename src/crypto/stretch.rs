//! Typed codes: slow commitments to their digits, and the digits themselves.

use std::num::NonZeroU32;

use sha2::block_api::compress256;

use super::hmac_sha256;

/// Bytes at or above this would make low digits likelier.
const UNBIASED_BELOW: u8 = 250;

/// Bytes of a SHA-256 block.
const BLOCK_BYTES: usize = 64;
/// What SHA-256 puts behind a message at least: one bit's byte and the length.
const END_BYTES: usize = 9;
/// SHA-256's state before the first block (FIPS 180-4 section 5.3.3).
const START: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

type State = [u32; 8];

/// PBKDF2-HMAC-SHA256 (RFC 8018) of the digits, cut to 16 bytes: checks a code, reveals none.
///
/// A round is two compressions and nothing else, less than half of what `ring` spends on it: the
/// search for a mistyped code takes hundreds of commitments while its owner waits.
pub fn commitment(secret_digits: &[u8], salt: &[u8], rounds: NonZeroU32) -> [u8; 16] {
    let one_block = secret_digits.len() <= BLOCK_BYTES && salt.len() + 4 + END_BYTES <= BLOCK_BYTES;
    if one_block {
        return in_one_block(secret_digits, salt, rounds);
    }
    let mut out = [0; 16];
    ring::pbkdf2::derive(ring::pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, secret_digits, &mut out);
    out
}

/// The same where key and salt fit a block each, as those of codes do.
fn in_one_block(key: &[u8], salt: &[u8], rounds: NonZeroU32) -> [u8; 16] {
    let padded = |with: u8| {
        let mut block = [with; BLOCK_BYTES];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        after(START, &block)
    };
    let (inner, outer) = (padded(0x36), padded(0x5c));
    // The first of the output's blocks is the only one.
    let first = after(inner, &last_block(&[salt, &1_u32.to_be_bytes()].concat()));
    let mut block = last_block(&[0; 32]);
    let mut hash = |from: State, state: State| {
        let words = block.chunks_exact_mut(4).zip(state);
        words.for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_be_bytes()));
        after(from, &block)
    };
    let mut last = hash(outer, first);
    let mut sum = last;
    for _ in 1..rounds.get() {
        let inside = hash(inner, last);
        last = hash(outer, inside);
        sum.iter_mut().zip(last).for_each(|(sum, word)| *sum ^= word);
    }
    let bytes: Vec<u8> = sum.iter().take(4).flat_map(|word| word.to_be_bytes()).collect();
    bytes.try_into().expect("four words are 16 bytes")
}

/// The second and last block of an HMAC's hash: a message behind one block of key.
fn last_block(message: &[u8]) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    block[..message.len()].copy_from_slice(message);
    block[message.len()] = 0x80;
    let bits = (BLOCK_BYTES + message.len()) as u64 * 8;
    block[BLOCK_BYTES - 8..].copy_from_slice(&bits.to_be_bytes());
    block
}

fn after(mut state: State, block: &[u8; BLOCK_BYTES]) -> State {
    compress256(&mut state, std::slice::from_ref(block));
    state
}

/// Sixteen unbiased decimal digits (ASCII) that belong to this key and context.
///
/// The bytes of HMAC-SHA256(key, context | i), i = 0, 1… as 4 bytes big-endian, are taken in
/// order; those of 250 and above are skipped, and the others give their remainder by ten.
pub fn derive_digits(key: &[u8; 32], context: &[u8]) -> [u8; 16] {
    let mut stream = (0u32..)
        .flat_map(|block| hmac_sha256(key, &[context, &block.to_be_bytes()]))
        .filter(|&byte| byte < UNBIASED_BELOW)
        .map(|byte| b'0' + byte % 10);
    std::array::from_fn(|_| stream.next().expect("the stream has 2^32 blocks"))
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    #[test]
    fn commitments_match_rfc_7914_section_11() {
        let cases = [
            ("passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605"),
            ("Password", "NaCl", 80_000, "4ddcd8f60b98be21830cee5ef22701f9"),
        ];
        for (digits, salt, rounds, expected) in cases {
            let rounds = NonZeroU32::new(rounds).unwrap();
            let found = commitment(digits.as_bytes(), salt.as_bytes(), rounds);
            assert_eq!(HEXLOWER.encode(&found), expected);
        }
    }

    #[test]
    fn commitments_are_those_of_ring_for_every_length() {
        for key in [0, 1, 16, 63, 64, 65, 200] {
            for salt in [0, 1, 38, 50, 51, 52, 100] {
                for rounds in [1, 2, 7] {
                    let (key, salt) = (vec![b'7'; key], vec![0xa5; salt]);
                    let rounds = NonZeroU32::new(rounds).unwrap();
                    let mut expected = [0; 16];
                    let rule = ring::pbkdf2::PBKDF2_HMAC_SHA256;
                    ring::pbkdf2::derive(rule, rounds, &salt, &key, &mut expected);
                    let lengths = (key.len(), salt.len());
                    assert_eq!(commitment(&key, &salt, rounds), expected, "{lengths:?}");
                }
            }
        }
    }

    #[test]
    fn digits_follow_the_documented_rule() {
        let (key, context) = ([7; 32], b"sheet 1 slot 2");
        let first: Vec<u8> = hmac_sha256(&key, &[context, &[0; 4]])
            .into_iter()
            .filter(|byte| *byte < 250)
            .map(|byte| b"0123456789"[usize::from(byte % 10)])
            .take(16)
            .collect();
        assert_eq!(derive_digits(&key, context).as_slice(), first);
    }

    #[test]
    fn digits_are_even_and_belong_to_key_and_context() {
        let mut counts = [0u32; 10];
        for context in 0u32..10_000 {
            for digit in derive_digits(&[7; 32], &context.to_be_bytes()) {
                counts[usize::from(digit - b'0')] += 1;
            }
        }
        // 16,000 expected of each, standard deviation 120.
        assert!(counts.iter().all(|count| (15_400..16_600).contains(count)), "{counts:?}");
        assert_ne!(derive_digits(&[7; 32], b"a"), derive_digits(&[8; 32], b"a"));
        assert_ne!(derive_digits(&[7; 32], b"a"), derive_digits(&[7; 32], b"b"));
    }
}
