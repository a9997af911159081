//! A store's journal for others: its certificate chains, then the journal's frames as they are.

use super::ShopError;
use super::log::{Log, LogError, LogOwner, frame, split_frame};
use super::open::Shop;
use crate::format::certificate::Chain;
use crate::format::store::StoreEntry;
use crate::format::{DecodeError, Kind, Object};
use crate::trust::{Anchor, Fingerprint, Signer, Trust, TrustError, Verified};

/// The most certificates that one store's journal is read with.
const CERTIFICATES_MAX: usize = 64;

/// A store's journal, verified from the pinned root to its last entry.
#[derive(Debug)]
pub struct Export {
    /// The store's newest certificate.
    pub signer: Signer,
    /// Its entries, oldest first.
    pub entries: Vec<Verified<StoreEntry>>,
}

/// Why an exported journal isn't believed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// No certificate stands before the entries.
    #[error("exported journal: {0} certificates, expected 1 to {CERTIFICATES_MAX}")]
    Certificates(usize),
    /// A certificate that isn't readable.
    #[error("exported journal: {0}")]
    Decode(#[from] DecodeError),
    /// A certificate that isn't believed.
    #[error("exported journal: {0}")]
    Trust(#[from] TrustError),
    /// A certificate under a root that isn't pinned.
    #[error("exported journal: it stands under root {0}, which nothing here pins")]
    Unpinned(Fingerprint),
    /// A certificate that is no store's, or another store's.
    #[error("exported journal: certificate of {0} doesn't go with the others")]
    Mixed(String),
    /// An entry is wrong.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The last entry is cut off.
    #[error("exported journal: {0} bytes behind its last entry are no entry")]
    Torn(u64),
}

impl Shop {
    /// The journal for others, as one file.
    pub fn export(&self) -> Result<Vec<u8>, ShopError> {
        let enrolled = self.enrolled()?;
        let newest_first = enrolled.certificates.iter().rev();
        let chains = newest_first.map(|signer| frame(&signer.chain().encode()));
        let entries = enrolled.log.entries().iter().map(|entry| frame(entry.bytes()));
        Ok(chains.chain(entries).flatten().collect())
    }
}

/// Read and verify an exported journal; `trust` is without a floor: the past stays readable.
pub fn read_export(bytes: &[u8], trust: &Trust) -> Result<Export, ExportError> {
    let (signer, owner, log) = read_log(bytes, trust)?;
    log.check_every_signature(&owner)?;
    whole(signer, log)
}

/// [`read_export`], but the newest entry's signature alone is checked: the chain makes it vouch for
/// the store's own entries before it.
pub fn read_export_by_head(bytes: &[u8], trust: &Trust) -> Result<Export, ExportError> {
    let (signer, _, log) = read_log(bytes, trust)?;
    whole(signer, log)
}

fn read_log(bytes: &[u8], trust: &Trust) -> Result<(Signer, LogOwner, Log), ExportError> {
    let (mut rest, mut signers) = (bytes, Vec::<Signer>::new());
    while let Some((payload, behind)) = split_frame(rest, Kind::Chain.bytes_max()) {
        // An entry is tagged, a chain is an array.
        if payload[0] >> 5 != 4 {
            break;
        }
        if signers.len() == CERTIFICATES_MAX {
            return Err(ExportError::Certificates(signers.len() + 1));
        }
        let signer = trust.signer(&Chain::decode(payload)?)?;
        if let Anchor::Unpinned(root) = signer.anchor() {
            return Err(ExportError::Unpinned(root));
        }
        if !goes_with(&signer, signers.first()) {
            return Err(ExportError::Mixed(signer.certificate().subject.clone()));
        }
        signers.push(signer);
        rest = behind;
    }
    let newest = signers.first().cloned().ok_or(ExportError::Certificates(0))?;
    let owner = owner(&newest, &signers);
    let log = Log::read(rest, &owner)?;
    Ok((newest, owner, log))
}

fn whole(signer: Signer, log: Log) -> Result<Export, ExportError> {
    match log.torn_bytes() {
        0 => Ok(Export { signer, entries: log.into_entries() }),
        torn => Err(ExportError::Torn(torn)),
    }
}

fn goes_with(signer: &Signer, first: Option<&Signer>) -> bool {
    let Some(grant) = &signer.certificate().grant else { return false };
    let same = |first: &Signer| {
        let known = first.certificate();
        known.key == signer.certificate().key
            && known.grant.as_ref().is_some_and(|known| known.store == grant.store)
    };
    first.is_none_or(same)
}

fn owner(newest: &Signer, all: &[Signer]) -> LogOwner {
    let certificate = newest.certificate();
    LogOwner {
        store: certificate.grant.as_ref().expect("looked at when it was read").store,
        key: certificate.key.0,
        certificates: all.iter().map(|signer| signer.certificate().hash()).collect(),
    }
}
