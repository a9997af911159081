//! An issuer's folder: keys, policy, enrolling stores, signing editions, making kits.
//!
//! The root certifies the issuer and nothing else, so `root/` is needed only to renew the issuer;
//! all below is certified by the issuer. Every key lies in a file of its own and is unlocked by
//! the one operation that needs it: enrolling never touches the seal key, selling a code never
//! the issuer's.

mod blanks;
mod codes;
mod deciding;
mod defaults;
mod enrol;
#[cfg(test)]
mod fixture;
mod founding;
mod import;
mod keys;
mod plain;
mod replace;
mod revoke;
mod settle;

pub use blanks::{BLANKS_MAX, BlankKeys, BlankPlan, BlanksError, MadeKit, left_for_kits};
pub use codes::{CodeSaleError, SoldCode};
pub use deciding::{DecideError, Deciding, REASON_BYTES_MAX, Staff, StaffError};
pub use defaults::{
    CERTIFICATE_DAYS, CertificateDays, QUOTA_MINOR, VOUCHER_SHARE, default_policy, key_cost,
};
pub use enrol::{
    EnrolError, Enrolled, RequestError, Requested, Standing, Terms, Wishes, read_request,
};
pub use founding::{FoundError, Founding, NAME_BYTES_MAX, NameError};
pub use import::{JournalError, StoreJournal};
pub use keys::{CertifiedKey, KeyCover, KeyError};
pub use replace::{HOLD_DAYS, HOLD_DAYS_MAX, ReplaceError, Replaced, Replacing};
pub use revoke::{RevocationError, Revoke, StoreCut};
pub use settle::SettleError;

use std::path::Path;

use crate::device::{Folder, FolderError};
use crate::format::certificate::{Chain, Purpose, Role};
use crate::format::policy::{Policy, Revocation};
use crate::format::{DecodeError, Kind, Object};
use crate::records::{self, Place, Records};
use crate::trust::{
    GrantError, Revoked, Root, Signer, TestRoots, Trust, TrustError, Verified, check_policy,
};
use crate::units::{CurrencyForm, Timestamp};

/// The self-signed root certificate: what others pin. Written last, so a folder without it is
/// one whose founding was broken off.
pub const TRUST_FILE: &str = "trust.cbr";
/// The signed policy.
pub const POLICY_FILE: &str = "policy.cbr";
/// The newest signed revocation list; absent until something is revoked.
pub const REVOCATION_FILE: &str = "revocation.cbr";
/// The folder of the root's key.
pub const ROOT_FOLDER: &str = "root";

/// An issuer's folder, with everything in it that is no secret.
#[derive(Debug)]
pub struct Issuer {
    folder: Folder,
    root: Root,
    signer: Signer,
    policy: Verified<Policy>,
    revoked: Revoked,
    form: CurrencyForm,
    records: Records,
}

/// Why an issuer's folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no issuer.
    #[error(
        "{folder}: no issuer lies there, or its founding was broken off: {TRUST_FILE} is missing"
    )]
    NoIssuer {
        /// The folder.
        folder: String,
    },
    /// A file that can't be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file that isn't what its name says.
    #[error("{file}: {source}")]
    Decode {
        /// The file.
        file: &'static str,
        /// What is wrong.
        source: DecodeError,
    },
    /// A certificate or a signature that isn't believed.
    #[error("{file}: {source}")]
    Trust {
        /// The file.
        file: &'static str,
        /// Why.
        source: TrustError,
    },
    /// A policy whose limits contradict each other.
    #[error("{POLICY_FILE}: {0}")]
    Policy(#[from] GrantError),
    /// The records.
    #[error(transparent)]
    Records(#[from] records::OpenError),
}

/// A clock under which nothing is signed.
///
/// What an issuer signs sets the time floor of every store and medium that sees it: one kit from a
/// clock at 2099 would end all certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this computer's clock says {now}, the issuer's certificate runs from {issued} to {expires}"
)]
pub struct ClockError {
    now: Timestamp,
    issued: Timestamp,
    expires: Timestamp,
}

impl Issuer {
    /// Open an issuer's folder whose records lie at `place`, by default in the folder itself.
    ///
    /// Everything signed is verified. The folder's own root is believed, a test root too.
    pub fn open(path: &Path, place: Option<&Place>) -> Result<Self, OpenError> {
        let folder = Folder::open(path)?;
        if !folder.contains(TRUST_FILE)? {
            return Err(OpenError::NoIssuer { folder: path.display().to_string() });
        }
        let root = Root::read(&read(&folder, TRUST_FILE, Kind::Certificate)?)
            .map_err(|source| OpenError::Trust { file: TRUST_FILE, source })?;
        let signer = open_signer(&folder, &root)?;
        let policy = open_policy(&folder, &signer)?;
        let revoked = open_revoked(&folder, &signer)?;
        let default = Place::in_folder(path);
        let records = Records::open(place.unwrap_or(&default))?;
        let form = policy.currencies[0];
        Ok(Self { folder, root, signer, policy, revoked, form, records })
    }

    /// The issuer's name.
    pub fn name(&self) -> &str {
        &self.signer.certificate().subject
    }

    /// What the root is for.
    pub fn purpose(&self) -> Purpose {
        self.root.certificate().purpose
    }

    /// The root.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The issuer's certificate and chain.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The newest policy.
    pub fn policy(&self) -> &Verified<Policy> {
        &self.policy
    }

    /// What is revoked.
    pub fn revoked(&self) -> &Revoked {
        &self.revoked
    }

    /// The currency it issues, and how its sums are written.
    pub fn form(&self) -> CurrencyForm {
        self.form
    }

    /// Refuse a time outside the issuer's certificate, before anything is signed with it.
    pub fn check_clock(&self, now: Timestamp) -> Result<(), ClockError> {
        let certificate = self.signer.certificate();
        let (issued, expires) = (certificate.issued, certificate.expires);
        if issued <= now && now < expires {
            return Ok(());
        }
        Err(ClockError { now, issued, expires })
    }

    /// The records.
    pub fn records(&mut self) -> &mut Records {
        &mut self.records
    }
}

fn read(folder: &Folder, file: &'static str, kind: Kind) -> Result<Vec<u8>, FolderError> {
    folder.read(file, kind.bytes_max() as u64)
}

fn open_signer(folder: &Folder, root: &Root) -> Result<Signer, OpenError> {
    let file = keys::chain_file(Role::Issuer);
    let chain = Chain::decode(&read(folder, file, Kind::Chain)?)
        .map_err(|source| OpenError::Decode { file, source })?;
    let signer = Trust::new(vec![root.clone()], TestRoots::Allowed)
        .signer(&chain)
        .map_err(|source| OpenError::Trust { file, source })?;
    let role = signer.certificate().role;
    if role != Role::Issuer || !signer.anchor().is_pinned() {
        let reason = format!("it certifies a {role} under root {}", signer.anchor().fingerprint());
        let source = TrustError::Chain { length: chain.0.len(), reason };
        return Err(OpenError::Trust { file, source });
    }
    Ok(signer)
}

fn open_policy(folder: &Folder, signer: &Signer) -> Result<Verified<Policy>, OpenError> {
    let bytes = read(folder, POLICY_FILE, Kind::Policy)?;
    let policy = signer
        .open::<Policy>(&bytes)
        .map_err(|source| OpenError::Trust { file: POLICY_FILE, source })?;
    check_policy(&policy)?;
    Ok(policy)
}

fn open_revoked(folder: &Folder, signer: &Signer) -> Result<Revoked, OpenError> {
    if !folder.contains(REVOCATION_FILE)? {
        return Ok(Revoked::none());
    }
    let bytes = read(folder, REVOCATION_FILE, Kind::Revocation)?;
    let list = signer
        .open::<Revocation>(&bytes)
        .map_err(|source| OpenError::Trust { file: REVOCATION_FILE, source })?;
    Ok(Revoked::none().with(list))
}

#[cfg(test)]
mod tests {
    use super::fixture::Grounds;
    use super::*;
    use crate::crypto::sign::SecretKey;
    use crate::device::Privacy;
    use crate::trust::sign;

    #[test]
    fn a_missing_or_half_founded_issuer_is_named() {
        let grounds = Grounds::new();
        let nowhere = grounds.path().join("none");
        let error = Issuer::open(&nowhere, None).unwrap_err().to_string();
        assert!(error.ends_with("none: there is no such file or folder"), "{error}");
        drop(grounds.found());
        Folder::open(&grounds.issuer()).unwrap().remove(TRUST_FILE).unwrap();
        let error = Issuer::open(&grounds.issuer(), None).unwrap_err().to_string();
        assert!(error.ends_with("its founding was broken off: trust.cbr is missing"), "{error}");
    }

    #[test]
    fn files_that_were_changed_are_named() {
        let grounds = Grounds::new();
        let policy = grounds.found().policy().clone().into_value();
        let folder = Folder::open(&grounds.issuer()).unwrap();
        for file in [TRUST_FILE, "issuer.cbr", POLICY_FILE] {
            let bytes = folder.read(file, 1 << 20).unwrap();
            let mut altered = bytes.clone();
            *altered.last_mut().unwrap() ^= 1;
            folder.write(file, &altered, Privacy::Public).unwrap();
            let error = Issuer::open(&grounds.issuer(), None).unwrap_err().to_string();
            assert!(error.starts_with(file), "{error}");
            folder.write(file, &bytes, Privacy::Public).unwrap();
        }
        let foreign = sign(&SecretKey::from_seed([1; 32]), &policy);
        folder.write(POLICY_FILE, &foreign, Privacy::Public).unwrap();
        let error = Issuer::open(&grounds.issuer(), None).unwrap_err().to_string();
        assert!(error.starts_with("policy.cbr: policy: signed by key "), "{error}");
    }
}
