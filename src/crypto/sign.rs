//! Ed25519 signatures (RFC 8032) under one acceptance rule.
//!
//! A key must be the canonical encoding of a point of the prime-order group other than the
//! identity; a signature must have a canonical S, a canonical R of large order, and satisfy
//! the equation without cofactor. Honest keys and signatures always do.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;

use curve25519_dalek::edwards::EdwardsPoint;
use data_encoding::HEXLOWER;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use thiserror::Error;

pub use super::batch::{BadInBatch, verify_batch};
use super::digest::sha256;
use super::{Random, Secret};

/// An Ed25519 secret key: wiped when dropped, neither copied nor printed.
pub struct SecretKey(Box<SigningKey>);

impl SecretKey {
    /// Draws a fresh key.
    pub fn generate(rng: &mut dyn Random) -> Self {
        Self(Box::new(SigningKey::from_bytes(Secret::generate(rng).expose())))
    }

    /// The key that belongs to a 32-byte seed (RFC 8032, section 5.1.5).
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Box::new(SigningKey::from_bytes(Secret::new(seed).expose())))
    }

    /// The seed, to be sealed and stored.
    pub fn seed(&self) -> Secret<32> {
        Secret::new(self.0.to_bytes())
    }

    /// The public key that checks this key's signatures.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs the message; the same message always gets the same signature.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

/// So many keys are remembered by each thread, one by each first byte modulo this.
const KEYS_REMEMBERED: usize = 64;

thread_local! {
    static SOUND: RefCell<[Option<VerifyingKey>; KEYS_REMEMBERED]> =
        const { RefCell::new([None; KEYS_REMEMBERED]) };
}

/// The key of these bytes, if it is sound.
fn sound(bytes: [u8; 32]) -> Result<VerifyingKey, KeyError> {
    let hex = || HEXLOWER.encode(&bytes);
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NotAPoint(hex()))?;
    let point = key.to_edwards();
    if point.compress().to_bytes() != bytes {
        return Err(KeyError::NotCanonical(hex()));
    }
    if key.is_weak() {
        return Err(KeyError::SmallOrder(hex()));
    }
    if !point.is_torsion_free() {
        return Err(KeyError::MixedOrder(hex()));
    }
    Ok(key)
}

/// An Ed25519 public key that is known to be sound.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Parses a key, refusing every one that could accept more than its holder signed.
    ///
    /// That costs as much as verifying a signature, and records name the same few keys again and
    /// again: each thread remembers some that it found sound.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let place = usize::from(bytes[0]) % KEYS_REMEMBERED;
        let known = SOUND.with_borrow(|sound| sound[place]);
        if let Some(key) = known.filter(|key| *key.as_bytes() == bytes) {
            return Ok(Self(key));
        }
        let key = sound(bytes)?;
        SOUND.with_borrow_mut(|sound| sound[place] = Some(key));
        Ok(Self(key))
    }

    /// The 32 bytes of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub(super) fn point(&self) -> EdwardsPoint {
        self.0.to_edwards()
    }

    /// The short name of the key.
    pub fn key_id(&self) -> KeyId {
        KeyId(*sha256(self.as_bytes()).first_chunk().expect("a digest is longer than a name"))
    }

    /// Checks a signature over the message under the one acceptance rule.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.0
            .verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0))
            .map_err(|_| BadSignature { key: self.key_id() })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PublicKey({})", HEXLOWER.encode(self.as_bytes()))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An Ed25519 signature, not yet checked.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Takes 64 bytes as they are; only a check says whether they are a signature.
    pub fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes: R, then S.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Signature({})", HEXLOWER.encode(&self.0))
    }
}

/// The short name of a public key: the first 8 bytes of its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// Takes a name as it stands in a stored object.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The 8 bytes of the name.
    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// Why 32 bytes are no acceptable public key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The bytes decode to no point of the curve.
    #[error("public key {0} is no point of the curve")]
    NotAPoint(String),
    /// A second spelling of a point.
    #[error("public key {0} isn't in canonical form")]
    NotCanonical(String),
    /// One constant signature would be good for nearly any message.
    #[error("public key {0} is a point of small order, under which anyone can sign")]
    SmallOrder(String),
    /// The point has a part of small order, so single and batch checks could disagree.
    #[error("public key {0} is outside the prime-order group")]
    MixedOrder(String),
}

/// A signature that the named key didn't make over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("signature doesn't verify under key {key}")]
pub struct BadSignature {
    /// The key it was checked under.
    pub key: KeyId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    /// (seed, public key, message, signature) of RFC 8032, section 7.1, tests 1 to 3.
    const RFC_8032: [(&str, &str, &str, &str); 3] = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];

    #[test]
    fn a_key_is_the_same_whether_it_is_remembered_or_not() {
        let keys: Vec<_> =
            (0..=255).map(|seed| SecretKey::from_seed([seed; 32]).public()).collect();
        for _ in 0..2 {
            for key in &keys {
                assert_eq!(PublicKey::from_bytes(*key.as_bytes()).as_ref(), Ok(key));
                let mut bad = *key.as_bytes();
                bad[31] ^= 0x80;
                // The other point of that height, or none; never the key itself.
                assert_ne!(PublicKey::from_bytes(bad).ok().as_ref(), Some(key));
            }
        }
        let small = PublicKey::from_bytes([0; 32]);
        assert_eq!(PublicKey::from_bytes([0; 32]), small);
        assert!(small.is_err());
    }

    #[test]
    fn signing_and_checking_match_rfc_8032() {
        for (seed, public, message, signature) in RFC_8032 {
            let key = SecretKey::from_seed(hex(seed));
            let message = HEXLOWER.decode(message.as_bytes()).unwrap();
            assert_eq!(key.public().as_bytes(), &hex(public));
            assert_eq!(key.sign(&message).as_bytes(), &hex(signature));
            let public = PublicKey::from_bytes(hex(public)).unwrap();
            assert_eq!(public.verify(&message, &Signature::from_bytes(hex(signature))), Ok(()));
            assert!(key.seed() == Secret::new(hex(seed)));
        }
    }

    #[test]
    fn another_implementation_makes_the_same_signatures() {
        let mut rng = SeededRandom::new([8; 32]);
        for _ in 0..16 {
            let key = SecretKey::generate(&mut rng);
            let peer =
                ring::signature::Ed25519KeyPair::from_seed_unchecked(key.seed().expose()).unwrap();
            assert_eq!(key.sign(b"one").as_bytes().as_slice(), peer.sign(b"one").as_ref());
        }
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let key = SecretKey::from_seed([5; 32]);
        let signature = key.sign(b"message");
        for bit in 0..512 {
            let mut bytes = *signature.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let flipped = Signature::from_bytes(bytes);
            let refusal = Err(BadSignature { key: key.public().key_id() });
            assert_eq!(key.public().verify(b"message", &flipped), refusal, "bit {bit}");
        }
        assert!(key.public().verify(b"massage", &signature).is_err());
    }

    #[test]
    fn a_second_spelling_of_s_is_refused() {
        // S + L, where L is the order of the group: the same scalar, another signature.
        let order: [u8; 32] =
            hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        let key = SecretKey::from_seed([6; 32]);
        let mut bytes = *key.sign(b"message").as_bytes();
        let mut carry = 0u16;
        for (s, l) in bytes[32..].iter_mut().zip(order) {
            carry += u16::from(*s) + u16::from(l);
            *s = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        assert_eq!(carry, 0);
        assert!(key.public().verify(b"message", &Signature::from_bytes(bytes)).is_err());
    }

    /// All eight points of small order, in canonical form.
    const SMALL_ORDER: [&str; 8] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];

    /// Second spellings of points: y at or above the prime, or a sign on x = 0.
    const NOT_CANONICAL: [&str; 6] = [
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];

    #[test]
    fn keys_of_small_order_are_refused() {
        for key in SMALL_ORDER {
            let refusal = Err(KeyError::SmallOrder(key.to_owned()));
            assert_eq!(PublicKey::from_bytes(hex(key)), refusal);
        }
    }

    #[test]
    fn second_spellings_of_keys_are_refused() {
        for key in NOT_CANONICAL {
            let error = PublicKey::from_bytes(hex(key)).unwrap_err();
            assert!(
                matches!(error, KeyError::NotCanonical(_) | KeyError::NotAPoint(_)),
                "{key}: {error}"
            );
        }
    }

    #[test]
    fn a_key_off_the_curve_is_refused() {
        let key = "0200000000000000000000000000000000000000000000000000000000000000";
        assert_eq!(PublicKey::from_bytes(hex(key)), Err(KeyError::NotAPoint(key.to_owned())));
    }

    #[test]
    fn the_identity_key_would_accept_anything_and_is_refused() {
        // R = S·B with S = 0: good for any message under the identity key without our check.
        let identity = hex(SMALL_ORDER[0]);
        let mut forged = [0; 64];
        forged[0] = 1;
        let lax = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, identity);
        assert!(lax.verify(b"pay me", &forged).is_ok(), "the attack is real");
        assert!(PublicKey::from_bytes(identity).is_err());
    }

    #[test]
    fn errors_name_the_key() {
        let error = PublicKey::from_bytes(hex(SMALL_ORDER[0])).unwrap_err();
        assert!(error.to_string().starts_with("public key 01000000"));
        let key = SecretKey::from_seed([5; 32]).public();
        let error = key.verify(b"", &Signature::from_bytes([0; 64])).unwrap_err();
        let id = HEXLOWER.encode(&sha256(key.as_bytes())[..8]);
        assert_eq!(error.to_string(), format!("signature doesn't verify under key {id}"));
    }
}
