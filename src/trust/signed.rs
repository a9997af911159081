//! Signing objects, and verifying before parsing.

use std::ops::Deref;

use super::TrustError;
use crate::crypto::digest::sha256;
use crate::crypto::sign::{KeyId, PublicKey, SecretKey, Signature};
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
        let message = Sign1::decode(bytes, U::KIND)?;
        let (value, signer) = (U::decode(message.payload())?, message.key_id());
        Ok(Verified { value, bytes: bytes.to_vec(), signer })
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

/// Sign an object in its kind's domain.
pub fn sign<T: Object>(key: &SecretKey, object: &T) -> Vec<u8> {
    cose::assemble(T::KIND, key.public().key_id(), object.encode(), |message| {
        *key.sign(message).as_bytes()
    })
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

/// The role that may sign a kind; none for what holders sign and for what is not signed.
///
/// Certificates are signed by the role above, which the chain's walk checks.
pub fn role_for(kind: Kind) -> Option<Role> {
    match kind {
        Kind::Manifest | Kind::EditionSeal | Kind::Item => Some(Role::RomSigner),
        Kind::Sheet | Kind::Kit | Kind::Policy | Kind::Revocation => Some(Role::Issuer),
        Kind::Checkpoint => Some(Role::Settler),
        Kind::MediumCertificate
        | Kind::MediumSeal
        | Kind::UserInformation
        | Kind::Voucher
        | Kind::StoreEntry => Some(Role::Store),
        _ => None,
    }
}
