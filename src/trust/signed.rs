//! Signing objects, and verifying before parsing.

use std::ops::Deref;

use super::TrustError;
use crate::crypto::digest::sha256;
use crate::crypto::sign::{KeyId, PublicKey, SecretKey, Signature, verify_batch};
use crate::format::certificate::Role;
use crate::format::cose::{self, Sign1};
use crate::format::{Kind, Object};

/// A value whose signature was verified over the bytes it was parsed from.
#[derive(Debug, Clone)]
pub struct Verified<T> {
    value: T,
    bytes: Vec<u8>,
    signer: KeyId,
}

impl<T> Verified<T> {
    /// The signed bytes, as they were.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 over the signed bytes: how other objects name this one.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.bytes)
    }

    /// The key that it names as its signer's, and that signed it unless it was vouched for.
    pub fn signer(&self) -> KeyId {
        self.signer
    }

    /// The value alone.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> Verified<T> {
    /// Parse an object that this one names by its hash: who signed this one vouches for it.
    pub fn vouch<U: Object>(
        &self,
        hash: impl FnOnce(&T) -> [u8; 32],
        bytes: &[u8],
    ) -> Result<Verified<U>, TrustError> {
        let (found, expected) = (sha256(bytes), hash(&self.value));
        if found != expected {
            let hex = |hash: &[u8; 32]| data_encoding::HEXLOWER.encode(hash);
            let (found, expected) = (hex(&found), hex(&expected));
            return Err(TrustError::Hash { kind: U::KIND.name(), found, expected });
        }
        Claimed::read(bytes).map(Claimed::believed)
    }
}

#[cfg(test)]
impl<T: Object> Verified<T> {
    /// What nobody signed, as if this key had: for models, where signatures cost too much.
    pub(crate) fn unsigned(value: T, signer: KeyId) -> Self {
        let bytes = value.encode();
        Self { value, bytes, signer }
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// What signed bytes say, before anyone has checked the signature.
#[derive(Debug)]
pub struct Claimed<'a, T> {
    value: T,
    bytes: &'a [u8],
    message: Sign1<'a>,
}

impl<'a, T: Object> Claimed<'a, T> {
    /// Parse an object of the form that is signed.
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Result<Self, TrustError> {
        let message = Sign1::decode(bytes, T::KIND)?;
        Ok(Self { value: T::decode(message.payload())?, bytes, message })
    }

    fn believed(self) -> Verified<T> {
        Verified { value: self.value, bytes: self.bytes.to_vec(), signer: self.message.key_id() }
    }
}

impl<T> Claimed<'_, T> {
    /// The value alone, which stays unverified.
    pub fn into_value(self) -> T {
        self.value
    }

    /// SHA-256 over the signed bytes.
    pub fn hash(&self) -> [u8; 32] {
        sha256(self.bytes)
    }

    /// The key that it names as its signer's.
    pub fn signer(&self) -> KeyId {
        self.message.key_id()
    }
}

impl<T> Deref for Claimed<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Verify the signatures of all by this very key; none of them where one is bad.
pub fn verify_all<T: Object>(
    claimed: Vec<Claimed<'_, T>>,
    key: &PublicKey,
) -> Option<Vec<Verified<T>>> {
    let key_id = key.key_id();
    let messages: Vec<_> = claimed.iter().map(|object| object.message.to_be_signed()).collect();
    let signed = claimed.iter().zip(&messages).map(|(object, message)| {
        (*key, message.as_slice(), Signature::from_bytes(*object.message.signature()))
    });
    let named = claimed.iter().all(|object| object.signer() == key_id);
    let good = named && verify_batch(&signed.collect::<Vec<_>>()).is_ok();
    good.then(|| claimed.into_iter().map(Claimed::believed).collect())
}

/// Believe objects that are chained by their hashes, the newest of which has a hash that whoever is
/// believed stated; with the hashes. None where one isn't the one that the next names.
pub fn vouched_chain<T: Object>(
    claimed: Vec<Claimed<'_, T>>,
    newest: &[u8; 32],
    before: impl Fn(&T) -> [u8; 32],
) -> Option<Vec<([u8; 32], Verified<T>)>> {
    let mut expected = *newest;
    let mut hashes = vec![[0; 32]; claimed.len()];
    for (object, place) in claimed.iter().zip(&mut hashes).rev() {
        *place = object.hash();
        if *place != expected {
            return None;
        }
        expected = before(object);
    }
    Some(hashes.into_iter().zip(claimed.into_iter().map(Claimed::believed)).collect())
}

/// Sign an object in its kind's domain.
pub fn sign<T: Object>(key: &SecretKey, object: &T) -> Vec<u8> {
    cose::assemble(T::KIND, key.public().key_id(), object.encode(), |message| {
        *key.sign(message).as_bytes()
    })
}

/// Sign an object with a key that is at hand: what it signs here needs no check.
pub fn sign_verified<T: Object>(key: &SecretKey, value: T) -> Verified<T> {
    let bytes = sign(key, &value);
    Verified { value, bytes, signer: key.public().key_id() }
}

/// Verify an object's signature by this very key, then parse it.
pub fn verify<T: Object>(bytes: &[u8], key: &PublicKey) -> Result<Verified<T>, TrustError> {
    let message = Sign1::decode(bytes, T::KIND)?;
    let kind = T::KIND.name();
    let expected = key.key_id();
    if message.key_id() != expected {
        let found = message.key_id().to_string();
        return Err(TrustError::Signer { kind, found, expected: expected.to_string() });
    }
    let signature = Signature::from_bytes(*message.signature());
    key.verify(&message.to_be_signed(), &signature)
        .map_err(|_| TrustError::Signature { kind, key: expected.to_string() })?;
    let value = T::decode(message.payload())?;
    Ok(Verified { value, bytes: bytes.to_vec(), signer: expected })
}

/// Whether this very key signed a message.
pub fn is_signed_by(message: &Sign1<'_>, key: &PublicKey) -> bool {
    let signature = Signature::from_bytes(*message.signature());
    message.key_id() == key.key_id() && key.verify(&message.to_be_signed(), &signature).is_ok()
}

/// The role that may sign a kind; none for what holders sign and for what is not signed.
///
/// Certificates are signed by the role above, which the chain's walk checks.
pub fn role_for(kind: Kind) -> Option<Role> {
    match kind {
        Kind::Manifest | Kind::EditionSeal | Kind::Item => Some(Role::RomSigner),
        Kind::Sheet | Kind::Kit | Kind::Policy | Kind::Revocation => Some(Role::Issuer),
        Kind::Checkpoint => Some(Role::Settler),
        Kind::Decision => Some(Role::Decider),
        Kind::MediumCertificate
        | Kind::MediumSeal
        | Kind::UserInformation
        | Kind::Voucher
        | Kind::StoreEntry
        | Kind::Offer => Some(Role::Store),
        _ => None,
    }
}
