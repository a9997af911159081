//! The issuer's private keys, each in a file of its own with the certificates above it beside it.

use super::{Issuer, read};
use crate::crypto::Secret;
use crate::crypto::sign::SecretKey;
use crate::device::{Folder, FolderError};
use crate::format::access::KeyFile;
use crate::format::certificate::{Chain, Role};
use crate::format::{DecodeError, Kind, Object};
use crate::trust::{
    KeyFileError, Passphrase, Root, Signer, TestRoots, Trust, TrustError, unlock_key,
};

/// The file of the secret that all codes are derived from.
pub(super) const SEAL_KEY_FILE: &str = "seal.key";
/// The role that [`SEAL_KEY_FILE`] states.
pub(super) const SEAL_ROLE: &str = "seal";

/// A private key with its certificates.
pub struct CertifiedKey {
    /// The key.
    pub key: SecretKey,
    /// Its certificate first, the root last.
    pub chain: Chain,
}

/// Why a private key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file that can't be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A wrong passphrase, or a damaged key file.
    #[error("{file}: {source}")]
    File {
        /// The file.
        file: &'static str,
        /// What is wrong.
        source: KeyFileError,
    },
    /// A chain file that isn't one.
    #[error("{file}: {source}")]
    Decode {
        /// The file.
        file: &'static str,
        /// What is wrong.
        source: DecodeError,
    },
    /// A chain that doesn't lead to this folder's root.
    #[error("{file}: {source}")]
    Trust {
        /// The file.
        file: &'static str,
        /// Why.
        source: TrustError,
    },
    /// The certificate is for another key or role.
    #[error("{file} certifies {role} key {certified}, the private key beside it is {found}")]
    Mismatch {
        /// The chain's file.
        file: &'static str,
        /// The certified role.
        role: Role,
        /// The certified key.
        certified: String,
        /// The private key's public half.
        found: String,
    },
}

/// How the issuer's keys lie in their files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCover {
    /// Under a passphrase.
    Locked,
    /// Bare.
    Bare,
}

impl Issuer {
    /// How the keys lie: what tells a tool whether to ask for a passphrase.
    pub fn key_cover(&self) -> Result<KeyCover, KeyError> {
        key_cover(&self.folder, Role::Issuer)
    }

    /// The key that enrols stores and signs sheets, kits, policies and revocations.
    pub fn issuer_key(&self, passphrase: Passphrase<'_>) -> Result<CertifiedKey, KeyError> {
        self.certified_key(Role::Issuer, passphrase)
    }

    /// The key that signs checkpoints.
    pub fn settler_key(&self, passphrase: Passphrase<'_>) -> Result<CertifiedKey, KeyError> {
        self.certified_key(Role::Settler, passphrase)
    }

    /// The key that signs editions.
    pub fn rom_signer_key(&self, passphrase: Passphrase<'_>) -> Result<CertifiedKey, KeyError> {
        self.certified_key(Role::RomSigner, passphrase)
    }

    /// The secret that all codes are derived from.
    pub fn seal_key(&self, passphrase: Passphrase<'_>) -> Result<Secret<32>, KeyError> {
        self.seed(SEAL_KEY_FILE, SEAL_ROLE, passphrase)
    }

    fn certified_key(
        &self,
        role: Role,
        passphrase: Passphrase<'_>,
    ) -> Result<CertifiedKey, KeyError> {
        certified_key(&self.folder, &self.root, role, passphrase)
    }

    fn seed(
        &self,
        file: &'static str,
        role: &str,
        passphrase: Passphrase<'_>,
    ) -> Result<Secret<32>, KeyError> {
        seed_in(&self.folder, file, role, passphrase)
    }
}

/// How a role's key lies in a folder.
pub(super) fn key_cover(folder: &Folder, role: Role) -> Result<KeyCover, KeyError> {
    let file = key_file(role);
    let key = KeyFile::decode(&read(folder, file, Kind::KeyFile)?)
        .map_err(|source| KeyError::Decode { file, source })?;
    Ok(if key.cost.is_some() { KeyCover::Locked } else { KeyCover::Bare })
}

/// Who a folder's certificates say it is, and these: of this role, under this root.
pub(super) fn certified_signer(
    folder: &Folder,
    root: &Root,
    role: Role,
) -> Result<(Signer, Chain), KeyError> {
    let file = chain_file(role);
    let chain = Chain::decode(&read(folder, file, Kind::Chain)?)
        .map_err(|source| KeyError::Decode { file, source })?;
    let signer = Trust::new(vec![root.clone()], TestRoots::Allowed)
        .signer(&chain)
        .map_err(|source| KeyError::Trust { file, source })?;
    let found = signer.certificate().role;
    if found != role || !signer.anchor().is_pinned() {
        let reason = format!("it certifies a {found} under root {}", signer.anchor().fingerprint());
        let source = TrustError::Chain { length: chain.0.len(), reason };
        return Err(KeyError::Trust { file, source });
    }
    Ok((signer, chain))
}

/// A role's key in a folder, with its certificates.
pub(super) fn certified_key(
    folder: &Folder,
    root: &Root,
    role: Role,
    passphrase: Passphrase<'_>,
) -> Result<CertifiedKey, KeyError> {
    let (signer, chain) = certified_signer(folder, root, role)?;
    let seed = seed_in(folder, key_file(role), role.word(), passphrase)?;
    let key = SecretKey::from_seed(*seed.expose());
    let certificate = signer.certificate();
    if certificate.key.0 != key.public() {
        return Err(KeyError::Mismatch {
            file: chain_file(role),
            role: certificate.role,
            certified: certificate.key.0.key_id().to_string(),
            found: key.public().key_id().to_string(),
        });
    }
    Ok(CertifiedKey { key, chain })
}

fn seed_in(
    folder: &Folder,
    file: &'static str,
    role: &str,
    passphrase: Passphrase<'_>,
) -> Result<Secret<32>, KeyError> {
    let bytes = read(folder, file, Kind::KeyFile)?;
    unlock_key(&bytes, role, passphrase).map_err(|source| KeyError::File { file, source })
}

/// The file of a role's private key.
pub(super) const fn key_file(role: Role) -> &'static str {
    match role {
        Role::Root => "root.key",
        Role::Issuer => "issuer.key",
        Role::Store => "store.key",
        Role::Settler => "settler.key",
        Role::RomSigner => "rom-signer.key",
        Role::Decider => "decider.key",
    }
}

/// The file of a role's certificates.
pub(super) const fn chain_file(role: Role) -> &'static str {
    match role {
        Role::Root => super::TRUST_FILE,
        Role::Issuer => "issuer.cbr",
        Role::Store => "store.cbr",
        Role::Settler => "settler.cbr",
        Role::RomSigner => "rom-signer.cbr",
        Role::Decider => "decider.cbr",
    }
}
