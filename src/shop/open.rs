//! Making a store's folder, and opening it: all that is in it is verified before it is used.

use std::path::Path;

use super::accept::check_member;
use super::books::Books;
use super::enrolled::{Enrolled, show_sum};
use super::log::{LOG_BYTES_MAX, Log};
use super::{Refusal, ShopError, kit_error, trust_error};
use crate::crypto::Random;
use crate::crypto::password::Cost;
use crate::crypto::seal::SealSecretKey;
use crate::crypto::sign::{PublicKey, SecretKey};
use crate::device::{Folder, FolderError, FolderLock, Privacy};
use crate::format::access::KeyFile;
use crate::format::certificate::{Chain, EnrolRequest, StoreGrant};
use crate::format::policy::{Policy, Revocation};
use crate::format::{Kind, Object};
use crate::trust::{
    Anchor, Passphrase, Root, Signer, TestRoots, Trust, Verified, lock_key, sign, unlock_key,
    verify,
};
use crate::units::{CurrencyForm, StoreId, Timestamp};
use crate::voucher::kit::open_kit;

pub(super) const SIGN_KEY: &str = "sign.key";
pub(super) const SEAL_KEY: &str = "seal.key";
pub(super) const REQUEST: &str = "request.cbr";
pub(super) const TRUST: &str = "trust.cbr";
pub(super) const JOURNAL: &str = "journal.log";
pub(super) const CERTIFICATES: &str = "certificates";
pub(super) const KITS: &str = "kits";
pub(super) const LISTS: &str = "lists";
pub(super) const SECRETS: &str = "secrets";
pub(super) const BURNS: &str = "burns";
pub(super) const STAMPS: &str = "stamps";

/// What the signing key's file says that it is for.
const SIGN_ROLE: &str = "store";
/// What the sealing key's file says that it is for.
const SEAL_ROLE: &str = "store-seal";
/// The longest name of a store, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// Are changes kept?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// They are written to the folder.
    Real,
    /// They are made in memory alone: what would be refused is refused, nothing is written.
    Dry,
}

/// A store's folder, open and locked.
pub struct Shop {
    pub(super) folder: Folder,
    _lock: FolderLock,
    pub(super) keys: Keys,
    pub(super) name: String,
    pub(super) test_roots: TestRoots,
    pub(super) writing: Writing,
    pub(super) root: Option<Root>,
    pub(super) chains: Vec<Chain>,
    pub(super) enrolled: Option<Enrolled>,
    /// Entries that are in the journal's file; a dry run has more in memory.
    pub(super) durable: u64,
}

/// The store's secret keys.
pub(super) struct Keys {
    pub(super) sign: SecretKey,
    pub(super) seal: SealSecretKey,
}

/// Does a passphrase protect this store's keys?
pub fn needs_passphrase(path: &Path) -> Result<bool, ShopError> {
    let bytes = store_folder(path)?.read(SIGN_KEY, Kind::KeyFile.bytes_max() as u64)?;
    let file = KeyFile::decode(&bytes).map_err(|error| ShopError::damaged(SIGN_KEY, &error))?;
    Ok(file.cost.is_some())
}

impl Shop {
    /// Make a store's keys and its enrolment request; never overwrite any.
    pub fn init(
        path: &Path,
        name: &str,
        passphrase: Passphrase<'_>,
        cost: Cost,
        now: Timestamp,
        rng: &mut dyn Random,
    ) -> Result<PublicKey, ShopError> {
        Self::check_init(path, name)?;
        let folder = Folder::open_or_create(path)?;
        let _lock = folder.lock("scrip-store init")?;
        let keys = Keys { sign: SecretKey::generate(rng), seal: SealSecretKey::generate(rng) };
        let sign_file = lock_key(SIGN_ROLE, &keys.sign.seed(), passphrase, cost, rng)?;
        let seal_file = lock_key(SEAL_ROLE, &keys.seal.secret(), passphrase, cost, rng)?;
        folder.create_new(SIGN_KEY, &sign_file, Privacy::Secret)?;
        folder.create_new(SEAL_KEY, &seal_file, Privacy::Secret)?;
        let key = keys.sign.public();
        let seal_key = *keys.seal.public().as_bytes();
        let request = EnrolRequest { name: name.to_owned(), key, seal_key, made: now };
        // The request comes last: a folder without one was never a store.
        folder.create_new(REQUEST, &sign(&keys.sign, &request), Privacy::Secret)?;
        Ok(key)
    }

    /// Could a store of this name be made there? Nothing is written.
    pub fn check_init(path: &Path, name: &str) -> Result<(), ShopError> {
        check_name(name)?;
        let folder = match Folder::open(path) {
            Err(FolderError::Missing { .. }) => return Ok(()),
            opened => opened?,
        };
        for file in [REQUEST, SIGN_KEY, SEAL_KEY] {
            if folder.contains(file)? {
                return Err(FolderError::Exists { path: folder.path_of(file)? }.into());
            }
        }
        Ok(())
    }

    /// Open a store's folder for this process alone, and verify all that is in it.
    pub fn open(
        path: &Path,
        passphrase: Passphrase<'_>,
        test_roots: TestRoots,
        writing: Writing,
    ) -> Result<Self, ShopError> {
        let folder = store_folder(path)?;
        let lock = folder.lock("scrip-store")?;
        let keys = open_keys(&folder, passphrase)?;
        let bytes = folder.read(REQUEST, Kind::EnrolRequest.bytes_max() as u64)?;
        let request = verify::<EnrolRequest>(&bytes, &keys.sign.public())
            .map_err(|error| ShopError::damaged(REQUEST, &error))?;
        let mut shop = Self {
            folder,
            _lock: lock,
            keys,
            name: request.into_value().name,
            test_roots,
            writing,
            root: None,
            chains: vec![],
            enrolled: None,
            durable: 0,
        };
        shop.load()?;
        shop.erase_stale_secrets()?;
        Ok(shop)
    }

    /// The store's name, as it asked to be certified.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The store's signing key.
    pub fn key(&self) -> &SecretKey {
        &self.keys.sign
    }

    /// The store's certified key with its chain.
    pub fn signer(&self) -> Result<&Signer, Refusal> {
        self.enrolled().map(|enrolled| &enrolled.signer)
    }

    /// The store's number.
    pub fn store(&self) -> Result<StoreId, Refusal> {
        self.grant().map(|grant| grant.store)
    }

    /// What the certificate grants.
    pub fn grant(&self) -> Result<&StoreGrant, Refusal> {
        self.enrolled().map(|enrolled| &enrolled.grant)
    }

    /// The pinned root and the time floor, for verifying editions and media.
    pub fn trust(&self) -> Result<&Trust, Refusal> {
        self.enrolled().map(|enrolled| &enrolled.trust)
    }

    /// What the store has and had.
    pub fn books(&self) -> Result<&Books, Refusal> {
        self.enrolled().map(|enrolled| &enrolled.books)
    }

    /// The store's journal.
    pub fn log(&self) -> Result<&Log, Refusal> {
        self.enrolled().map(|enrolled| &enrolled.log)
    }

    /// Check every signature of the journal; opening has checked its newest and the links.
    pub fn verify_journal(&self) -> Result<(), ShopError> {
        let enrolled = self.enrolled()?;
        let owner = enrolled.owner(self.keys.sign.public());
        Ok(enrolled.log.check_every_signature(&owner)?)
    }

    /// The newest policy that was accepted.
    pub fn policy(&self) -> Option<&Verified<Policy>> {
        self.enrolled.as_ref()?.policy.as_ref()
    }

    /// The newest revocation list that was accepted.
    pub fn revocation(&self) -> Option<&Verified<Revocation>> {
        self.enrolled.as_ref()?.revoked.list()
    }

    /// A sum in the store's currency, also one that is larger than any amount.
    pub fn show_sum(&self, minor: u128) -> String {
        let form = self.enrolled.as_ref().map(Enrolled::form);
        form.map_or_else(|| minor.to_string(), |form| show_sum(form, minor))
    }

    /// How the store's sums are written; minor units where no policy has come yet.
    pub fn form(&self) -> Result<CurrencyForm, Refusal> {
        self.enrolled().map(Enrolled::form)
    }

    pub(super) fn enrolled(&self) -> Result<&Enrolled, Refusal> {
        self.enrolled.as_ref().ok_or(Refusal::NotEnrolled)
    }

    /// Read root, certificates, kits, lists and journal anew.
    pub(super) fn load(&mut self) -> Result<(), ShopError> {
        if self.root.is_none() && self.folder.contains(TRUST)? {
            let bytes = self.folder.read(TRUST, Kind::Certificate.bytes_max() as u64)?;
            let root = Root::read(&bytes).map_err(|error| ShopError::damaged(TRUST, &error))?;
            self.root = Some(root);
        }
        self.chains = files(&self.folder, CERTIFICATES, Kind::Chain)?
            .into_iter()
            .map(|(name, bytes)| decode_chain(&name, &bytes))
            .collect::<Result<_, _>>()?;
        self.enrolled = self.load_enrolled()?;
        self.durable = self.enrolled.as_ref().map_or(0, |enrolled| enrolled.log.next_seq());
        Ok(())
    }

    pub(super) fn load_enrolled(&self) -> Result<Option<Enrolled>, ShopError> {
        let Some(mut enrolled) = self.load_certificates()? else { return Ok(None) };
        for (name, bytes) in files(&self.folder, KITS, Kind::SealedKit)? {
            let opened = open_kit(&bytes, enrolled.grant.store, &self.keys.seal, &self.pinned())
                .map_err(|error| kit_error(&format!("{KITS}/{name}"), error))?;
            enrolled.take_kit(opened, accepted_at(&name))?;
        }
        for (name, bytes) in files(&self.folder, LISTS, Kind::Revocation)? {
            enrolled.take_list(&format!("{LISTS}/{name}"), &bytes)?;
        }
        let bytes = match self.folder.read(JOURNAL, LOG_BYTES_MAX) {
            Err(FolderError::Missing { .. }) => vec![],
            read => read?,
        };
        enrolled.read_journal(&bytes, self.keys.sign.public())?;
        Ok(Some(enrolled))
    }

    fn load_certificates(&self) -> Result<Option<Enrolled>, ShopError> {
        let trust = self.pinned();
        let mut signers = vec![];
        for chain in &self.chains {
            let signer = trust.signer(chain).map_err(|error| trust_error(CERTIFICATES, error))?;
            if let Anchor::Unpinned(root) = signer.anchor() {
                let reason = format!("a certificate stands under root {root}, which is not pinned");
                return Err(ShopError::damaged(TRUST, &reason));
            }
            check_member(&signer, &self.keys)?;
            signers.push(signer);
        }
        signers.sort_by_key(|signer| signer.certificate().issued);
        let newest = signers.last().cloned();
        Ok(newest.map(|newest| Enrolled::new(newest, signers, trust)))
    }

    /// The pinned root without a floor: what was accepted once stays readable.
    pub(super) fn pinned(&self) -> Trust {
        Trust::new(self.root.iter().cloned().collect(), self.test_roots)
    }

    /// Write a file that must be new, unless this is a dry run.
    pub(super) fn keep(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<(), ShopError> {
        if self.writing == Writing::Real {
            self.folder.folder(folder)?.create_new(name, bytes, Privacy::Secret)?;
        }
        Ok(())
    }
}

/// The name of an accepted kit's file.
pub(super) fn kit_name(accepted: Timestamp, id: &[u8; 16]) -> String {
    format!("{:012}-{}.cbr", accepted.seconds(), data_encoding::HEXLOWER.encode(id))
}

fn accepted_at(name: &str) -> Timestamp {
    let seconds = name.split('-').next().and_then(|digits| digits.parse().ok());
    Timestamp::from_seconds(seconds.unwrap_or(0)).unwrap_or(Timestamp::MAX)
}

fn store_folder(path: &Path) -> Result<Folder, ShopError> {
    let folder = Folder::open(path)?;
    // Looking for the request first leaves folders of others without a lock file.
    if !folder.contains(REQUEST)? {
        return Err(FolderError::Missing { path: folder.path_of(REQUEST)? }.into());
    }
    Ok(folder)
}

fn open_keys(folder: &Folder, passphrase: Passphrase<'_>) -> Result<Keys, ShopError> {
    let read = |name| folder.read(name, Kind::KeyFile.bytes_max() as u64);
    let sign = unlock_key(&read(SIGN_KEY)?, SIGN_ROLE, passphrase)?;
    let seal = unlock_key(&read(SEAL_KEY)?, SEAL_ROLE, passphrase)?;
    Ok(Keys {
        sign: SecretKey::from_seed(*sign.expose()),
        seal: SealSecretKey::from_bytes(*seal.expose()),
    })
}

/// The files of a folder inside the store's, by name.
pub(super) fn files(
    folder: &Folder,
    name: &str,
    kind: Kind,
) -> Result<Vec<(String, Vec<u8>)>, ShopError> {
    if !folder.contains(name)? {
        return Ok(vec![]);
    }
    let inside = folder.folder(name)?;
    let read = |file: String| {
        let bytes = inside.read(&file, kind.bytes_max() as u64)?;
        Ok((file, bytes))
    };
    inside.list()?.into_iter().map(read).collect()
}

fn decode_chain(name: &str, bytes: &[u8]) -> Result<Chain, ShopError> {
    Chain::decode(bytes)
        .map_err(|error| ShopError::damaged(format!("{CERTIFICATES}/{name}"), &error))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let reason = match name {
        _ if name.trim().is_empty() => "it is empty",
        _ if name.len() > NAME_BYTES_MAX => "it is longer than 100 bytes",
        _ if name.chars().any(char::is_control) => "it holds control characters",
        _ => return Ok(()),
    };
    Err(Refusal::Name { name: name.to_owned(), reason })
}
