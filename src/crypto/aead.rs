//! ChaCha20-Poly1305 (RFC 8439): secret and untouched, under a 256-bit key.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use thiserror::Error;

use super::{Secret, SecretBytes};

/// Bytes that encryption adds: the tag.
pub const TAG_BYTES: usize = 16;

/// Encrypts; the result is the ciphertext and a 16-byte tag.
///
/// A nonce must never be used twice under one key with different contents.
pub fn encrypt(key: &Secret<32>, nonce: &[u8; 12], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(plaintext.len() + TAG_BYTES);
    buffer.extend_from_slice(plaintext);
    keyed(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut buffer)
        .expect("only contents above 256 GiB are refused");
    buffer
}

/// Decrypts what [`encrypt`] made under the same key, nonce and additional data.
pub fn decrypt(
    key: &Secret<32>,
    nonce: &[u8; 12],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<SecretBytes, DecryptError> {
    let mut buffer = SecretBytes::new(ciphertext.to_vec());
    let size_bytes = keyed(key)
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), buffer.buffer())
        .map_err(|_| DecryptError { size_bytes: ciphertext.len() })?
        .len();
    buffer.buffer().truncate(size_bytes);
    Ok(buffer)
}

/// The key is another one, or something was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("ciphertext of {size_bytes} bytes: made under another key, or altered")]
pub struct DecryptError {
    /// Size of the refused ciphertext.
    pub size_bytes: usize,
}

fn keyed(key: &Secret<32>) -> LessSafeKey {
    LessSafeKey::new(
        UnboundKey::new(&CHACHA20_POLY1305, key.expose()).expect("the key has 32 bytes"),
    )
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    const NONCE: [u8; 12] = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
    const AAD: [u8; 12] = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];

    fn key() -> Secret<32> {
        Secret::new(std::array::from_fn(|i| 0x80 + u8::try_from(i).unwrap()))
    }

    #[test]
    fn encryption_matches_rfc_8439() {
        let plaintext = b"Ladies and Gentlemen of the class of '99: If I could offer you only one \
                          tip for the future, sunscreen would be it.";
        let expected = concat!(
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6",
            "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36",
            "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc",
            "3ff4def08e4b7a9de576d26586cec64b6116",
            "1ae10b594f09e26a7e902ecbd0600691",
        );
        let ciphertext = encrypt(&key(), &NONCE, &AAD, plaintext);
        assert_eq!(HEXLOWER.encode(&ciphertext), expected);
        assert_eq!(decrypt(&key(), &NONCE, &AAD, &ciphertext).unwrap().expose(), plaintext);
    }

    #[test]
    fn whatever_differs_is_refused() {
        let good = encrypt(&key(), &NONCE, &AAD, b"contents");
        let refused = |result: Result<SecretBytes, DecryptError>| result.is_err();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(decrypt(&key(), &NONCE, &AAD, &bad)), "bit {bit}");
        }
        for size in 0..good.len() {
            assert!(refused(decrypt(&key(), &NONCE, &AAD, &good[..size])), "cut to {size}");
        }
        assert!(refused(decrypt(&Secret::new([0; 32]), &NONCE, &AAD, &good)));
        assert!(refused(decrypt(&key(), &[0; 12], &AAD, &good)));
        assert!(refused(decrypt(&key(), &NONCE, b"", &good)));
    }
}
