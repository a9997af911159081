//! Certificates, roles, quotas, revocation and policy: who may sign what, and until when.
//!
//! The way through: a [`Trust`] holds the pinned roots; [`Trust::signer`] walks a chain up to one of
//! them and gives a [`Signer`]; [`Signer::open`] verifies an object's signature over its raw bytes,
//! refuses a role that may not sign it, and only then parses it into a [`Verified`] value.

pub mod access;
mod chain;
mod grant;
mod keyfile;
mod revoked;
pub mod ring;
mod secret;
mod signed;

pub use chain::{Anchor, Fingerprint, Root, Signer, TestRoots, Trust};
pub use grant::{
    GrantError, LIVE_ROUNDS_MIN, ROUNDS_MAX, check_grant, check_policy, check_sheet_costs,
};
pub use keyfile::{KeyFileError, Passphrase, lock_key, unlock_key};
pub use revoked::{Revoked, RevokedError};
pub use secret::{EditionSecret, SecretId};
pub use signed::{
    Claimed, Verified, is_signed_by, role_for, sign, sign_verified, verify, verify_all,
    vouched_chain,
};

use crate::format::DecodeError;
use crate::format::certificate::{Purpose, Role};
use crate::units::Timestamp;

/// Why a signed object or a chain is not believed.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Not the form of a signed object, or its payload breaks a rule.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// The signature is not the named key's over these bytes.
    #[error("{kind}: the signature is not by key {key}")]
    Signature {
        /// The object's kind.
        kind: &'static str,
        /// The key it was checked against.
        key: String,
    },
    /// Other bytes than those that a verified object names by their hash.
    #[error("{kind}: its hash is {found}, expected {expected}")]
    Hash {
        /// The object's kind.
        kind: &'static str,
        /// Hash of the bytes, in hex.
        found: String,
        /// The hash that was named, in hex.
        expected: String,
    },
    /// The header names another key than the one that should have signed.
    #[error("{kind}: signed by key {found}, expected key {expected}")]
    Signer {
        /// The object's kind.
        kind: &'static str,
        /// The key named in the header.
        found: String,
        /// The key that should have signed.
        expected: String,
    },
    /// The signer's role may not sign this kind.
    #[error("{kind}: signed by a {found}, only a {expected} may sign it")]
    Role {
        /// The object's kind.
        kind: &'static str,
        /// The signer's role.
        found: Role,
        /// The role that may.
        expected: Role,
    },
    /// A chain of the wrong length or order.
    #[error("certificate chain of {length}: {reason}")]
    Chain {
        /// Certificates given.
        length: usize,
        /// What is wrong.
        reason: String,
    },
    /// A certificate that ended before the time floor.
    #[error("certificate of {subject} expired at {expires}; signed time has reached {floor}")]
    Expired {
        /// Whose certificate.
        subject: String,
        /// When it ended.
        expires: Timestamp,
        /// The newest time signed by an issuer or settler.
        floor: Timestamp,
    },
    /// Certificates of different purposes in one chain.
    #[error("certificate of {subject} is for {found} use, its root for {expected} use")]
    Purpose {
        /// Whose certificate.
        subject: String,
        /// Its purpose.
        found: Purpose,
        /// The root's purpose.
        expected: Purpose,
    },
    /// A test root where only live roots count.
    #[error("root {0} is a test root, which is worth nothing outside tests")]
    TestRoot(Fingerprint),
}
