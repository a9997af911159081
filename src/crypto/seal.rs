//! Sealing to a recipient's X25519 key: HPKE base mode (RFC 9180), one message a key agreement.
//!
//! The suite is DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. A sealed message
//! is the 32-byte encapsulated key, the ciphertext, and a 16-byte tag. Base mode doesn't say who
//! sealed: whoever needs to know signs the contents.

use std::fmt;

use data_encoding::HEXLOWER;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use thiserror::Error;

use super::random::RandCore;
use super::{Random, Secret, SecretBytes, SeededRandom};

/// Bytes that sealing adds: the encapsulated key and the tag.
pub const OVERHEAD_BYTES: usize = KEY_BYTES + super::aead::TAG_BYTES;

const KEY_BYTES: usize = 32;
/// 2^255 - 19, little-endian.
const PRIME: [u8; KEY_BYTES] = {
    let mut prime = [0xff; KEY_BYTES];
    prime[0] = 0xed;
    prime[KEY_BYTES - 1] = 0x7f;
    prime
};

type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type EncappedKey = <X25519HkdfSha256 as Kem>::EncappedKey;

/// The key that opens: wiped when dropped, neither copied nor printed.
pub struct SealSecretKey(Box<PrivateKey>);

impl SealSecretKey {
    /// Draws a fresh key.
    pub fn generate(rng: &mut dyn Random) -> Self {
        Self(Box::new(X25519HkdfSha256::gen_keypair_with_rng(&mut RandCore(rng)).0))
    }

    /// The key that belongs to 32 stored bytes; they are clamped as RFC 7748 says.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let bytes = Secret::new(bytes);
        let key = PrivateKey::from_bytes(bytes.expose()).expect("any 32 bytes are a key");
        Self(Box::new(key))
    }

    /// The bytes, to be sealed and stored.
    pub fn secret(&self) -> Secret<32> {
        Secret::new(self.0.to_bytes().into())
    }

    /// The public key to which others seal.
    pub fn public(&self) -> SealPublicKey {
        SealPublicKey(X25519HkdfSha256::sk_to_pk(&self.0).to_bytes().into())
    }
}

/// The key to which others seal, known to be sound.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealPublicKey([u8; 32]);

impl SealPublicKey {
    /// Parses a key, refusing second spellings and points that make every shared secret zero.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, SealKeyError> {
        let hex = || HEXLOWER.encode(&bytes);
        if bytes.iter().rev().ge(PRIME.iter().rev()) {
            return Err(SealKeyError::NotCanonical(hex()));
        }
        let key = Self(bytes);
        key.agrees().then_some(key).ok_or_else(|| SealKeyError::SmallOrder(hex()))
    }

    /// The 32 bytes of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether a key agreement gives a secret that isn't zero: it does with every clamped scalar,
    /// or, for points of small order, with none.
    fn agrees(&self) -> bool {
        let mut rng = SeededRandom::new([0; 32]);
        hpke::setup_sender_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &self.point(),
            &[],
            &mut RandCore(&mut rng),
        )
        .is_ok()
    }

    fn point(&self) -> <X25519HkdfSha256 as Kem>::PublicKey {
        Deserializable::from_bytes(&self.0).expect("any 32 bytes are a point")
    }
}

impl fmt::Debug for SealPublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SealPublicKey({})", HEXLOWER.encode(&self.0))
    }
}

/// Seals the plaintext so that only the recipient can open it, with the same `info` and `aad`.
pub fn seal(
    to: &SealPublicKey,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut dyn Random,
) -> Vec<u8> {
    let (encapped, ciphertext) =
        hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &to.point(),
            info,
            plaintext,
            aad,
            &mut RandCore(rng),
        )
        .expect("the key was checked when it was parsed");
    let mut sealed = encapped.to_bytes().to_vec();
    sealed.extend(ciphertext);
    sealed
}

/// Opens what [`seal`] made for this key.
pub fn open(
    key: &SealSecretKey,
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<SecretBytes, OpenError> {
    let size_bytes = sealed.len();
    let (encapped, ciphertext) = sealed
        .split_at_checked(KEY_BYTES)
        .filter(|_| size_bytes >= OVERHEAD_BYTES)
        .ok_or(OpenError::TooShort { size_bytes })?;
    let encapped = EncappedKey::from_bytes(encapped).expect("any 32 bytes are a point");
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &key.0,
        &encapped,
        info,
        ciphertext,
        aad,
    )
    .map(SecretBytes::new)
    .map_err(|_| OpenError::Refused { size_bytes })
}

/// Why 32 bytes are no acceptable key to seal to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SealKeyError {
    /// A second spelling of a point.
    #[error("sealing key {0} isn't in canonical form")]
    NotCanonical(String),
    /// The shared secret would be zero, so anyone could open.
    #[error("sealing key {0} is a point of small order, under which anyone can open")]
    SmallOrder(String),
}

/// Why a sealed message can't be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Shorter than an empty sealed message.
    #[error("sealed message has {size_bytes} bytes, the shortest has {OVERHEAD_BYTES}")]
    TooShort {
        /// Size of the refused message.
        size_bytes: usize,
    },
    /// Sealed to another key or for another purpose, or changed.
    #[error("sealed message of {size_bytes} bytes: made for another key, or altered")]
    Refused {
        /// Size of the refused message.
        size_bytes: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    /// Hands out given bytes once, as the key material of a published vector.
    struct Given(Vec<u8>);

    impl Random for Given {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0.drain(..bytes.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn sealing_matches_rfc_9180_a_2_1() {
        let ikm_e = "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b";
        let ikm_r = "1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df";
        let key = SealSecretKey::generate(&mut Given(hex::<32>(ikm_r).to_vec()));
        assert_eq!(
            key.public().as_bytes(),
            &hex("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a")
        );
        let stored = hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        assert_eq!(SealSecretKey::from_bytes(stored).public(), key.public());
        let (info, aad) = (b"Ode on a Grecian Urn", b"Count-0");
        let plaintext = b"Beauty is truth, truth beauty";
        let mut rng = Given(hex::<32>(ikm_e).to_vec());
        let sealed = seal(&key.public(), info, aad, plaintext, &mut rng);
        assert_eq!(
            HEXLOWER.encode(&sealed),
            concat!(
                "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
                "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db",
                "21993c62ce81883d2dd1b51a28",
            )
        );
        assert_eq!(open(&key, info, aad, &sealed).unwrap().expose(), plaintext);
    }

    #[test]
    fn a_stored_key_opens_what_was_sealed_to_it() {
        let mut rng = SeededRandom::new([2; 32]);
        let key = SealSecretKey::generate(&mut rng);
        let sealed = seal(&key.public(), b"info", b"aad", b"kit", &mut rng);
        let again = SealSecretKey::from_bytes(*key.secret().expose());
        assert_eq!(open(&again, b"info", b"aad", &sealed).unwrap().expose(), b"kit");
        assert_eq!(sealed.len(), 3 + OVERHEAD_BYTES);
    }

    #[test]
    fn whatever_differs_is_refused() {
        let mut rng = SeededRandom::new([3; 32]);
        let key = SealSecretKey::generate(&mut rng);
        let good = seal(&key.public(), b"info", b"aad", b"kit", &mut rng);
        let size_bytes = good.len();
        let refused = Some(OpenError::Refused { size_bytes });
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key, b"info", b"aad", &bad).err(), refused, "bit {bit}");
        }
        for size in 0..good.len() {
            assert!(open(&key, b"info", b"aad", &good[..size]).is_err(), "cut to {size}");
        }
        let other = SealSecretKey::generate(&mut rng);
        assert_eq!(open(&other, b"info", b"aad", &good).err(), refused);
        assert_eq!(open(&key, b"other", b"aad", &good).err(), refused);
        assert_eq!(open(&key, b"info", b"other", &good).err(), refused);
        let error = open(&key, b"info", b"aad", &good[..47]).err().unwrap();
        assert_eq!(error.to_string(), "sealed message has 47 bytes, the shortest has 48");
    }

    #[test]
    fn keys_of_small_order_are_refused() {
        let keys = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ];
        for key in keys {
            let refusal = Err(SealKeyError::SmallOrder(key.to_owned()));
            assert_eq!(SealPublicKey::from_bytes(hex(key)), refusal);
        }
    }

    #[test]
    fn second_spellings_of_keys_are_refused() {
        let keys = [
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0900000000000000000000000000000000000000000000000000000000000080",
            "cdeb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
        ];
        for key in keys {
            let refusal = Err(SealKeyError::NotCanonical(key.to_owned()));
            assert_eq!(SealPublicKey::from_bytes(hex(key)), refusal);
        }
        let base = hex("0900000000000000000000000000000000000000000000000000000000000000");
        assert!(SealPublicKey::from_bytes(base).is_ok());
    }
}
