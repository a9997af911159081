//! Typed codes: slow commitments to their digits, and the digits themselves.

use std::num::NonZeroU32;

use sha2::Sha256;

use super::hmac_sha256;

/// Bytes at or above this would make low digits likelier.
const UNBIASED_BELOW: u8 = 250;

/// PBKDF2-HMAC-SHA256 (RFC 8018) of the digits, cut to 16 bytes: checks a code, reveals none.
///
/// By the crate `pbkdf2`: `ring` takes nearly twice as long, and the search for a mistyped code takes
/// hundreds of commitments while its owner waits.
pub fn commitment(secret_digits: &[u8], salt: &[u8], rounds: NonZeroU32) -> [u8; 16] {
    let mut out = [0; 16];
    pbkdf2::pbkdf2_hmac::<Sha256>(secret_digits, salt, rounds.get(), &mut out);
    out
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
