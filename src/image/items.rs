//! An edition's items, each signed for itself beside the manifest.

use std::collections::HashSet;

use super::sealed::{SealedEdition, short};
use crate::crypto::Secret;
use crate::crypto::chunks::{self, Position};
use crate::crypto::sign::{KeyId, SecretKey};
use crate::device::{Device, DeviceError};
use crate::format::edition::{Catalogue, FileEntry, Item, Manifest};
use crate::format::field::Bytes;
use crate::format::item::{ItemEntry, Package};
use crate::format::{Object, cose};
use crate::trust::{EditionSecret, SecretId, Signer, TrustError, Verified, sign};
use crate::units::Currency;

/// What a byte string's length takes at most, and what the list's own head and key take.
const HEAD_BYTES: usize = 5;

/// Why catalogue, manifest and signed items don't go together.
#[derive(Debug, thiserror::Error)]
pub enum ItemsError {
    /// The catalogue is in another currency than the manifest.
    #[error("catalogue: its prices are in {found}, the manifest says {expected}")]
    Currency {
        /// The catalogue's.
        found: Currency,
        /// The manifest's.
        expected: Currency,
    },
    /// An id stands twice.
    #[error("catalogue: item {0:?} stands twice")]
    Twice(String),
    /// An item's file isn't what the manifest lists.
    #[error("item {id:?}: {path:?} of {size} bytes is no file of the manifest")]
    File {
        /// The item.
        id: String,
        /// Its path in the catalogue.
        path: String,
        /// Its length in the catalogue.
        size: u64,
    },
    /// A signed item is of no file of the manifest.
    #[error("signed item {id:?}: the manifest has no file of {size} bytes with root {root}")]
    Root {
        /// The item.
        id: String,
        /// The length that it states.
        size: u64,
        /// The root that it states, in hex.
        root: String,
    },
    /// A signed item is not signed by who may.
    #[error("signed item {place}: {source}")]
    Trust {
        /// Its place, from 1.
        place: usize,
        /// What is wrong.
        source: TrustError,
    },
    /// The signed items are not those of the catalogue.
    #[error("signed item {place} is {found}, the catalogue says {expected}")]
    Other {
        /// The place, from 1.
        place: usize,
        /// Which one lies there.
        found: String,
        /// Which one has to.
        expected: String,
    },
}

/// Why the keys of an edition's sealed items can't be had.
#[derive(Debug, thiserror::Error)]
pub enum ItemKeysError {
    /// The edition is sealed under a secret that isn't at hand.
    #[error("edition {edition} is sealed under secret {needed}, at hand {}", listed(.found))]
    NoSecret {
        /// The edition's name.
        edition: String,
        /// The secret that it needs, in hex.
        needed: String,
        /// Those at hand, in hex.
        found: Vec<String>,
    },
    /// The secret's key doesn't open an item.
    #[error("edition {edition}: secret {secret} doesn't open item {item:?}")]
    Item {
        /// The edition's name.
        edition: String,
        /// The secret, in hex.
        secret: String,
        /// The item.
        item: String,
    },
    /// The edition could not be read.
    #[error("edition: {0}")]
    Device(#[from] DeviceError),
}

fn listed(found: &[String]) -> String {
    if found.is_empty() { "is none".to_owned() } else { format!("is {}", found.join(", ")) }
}

/// The keys of an edition's sealed items, each with the root of the file that it opens. Of the
/// secrets the one that the catalogue names is used; each key is tried on the item's first chunk.
pub fn item_keys(
    sealed: &SealedEdition,
    edition: &dyn Device,
    secrets: &[EditionSecret],
) -> Result<Vec<([u8; 32], Secret<32>)>, ItemKeysError> {
    let Some(secret) = needed_secret(sealed, secrets)? else { return Ok(vec![]) };
    let items = sealed.catalogue.iter().flat_map(|catalogue| &catalogue.items).zip(&sealed.items);
    let keys = items.filter_map(|(item, entry)| {
        let key = secret.item_key(&item.id, entry.content.as_ref()?);
        Some(match opens(sealed, edition, item, &key) {
            Ok(true) => Ok((entry.root, key)),
            Ok(false) => Err(ItemKeysError::Item {
                edition: sealed.manifest.name.clone(),
                secret: hex(secret.id()),
                item: item.id.clone(),
            }),
            Err(error) => Err(error.into()),
        })
    });
    keys.collect()
}

/// The secret that an edition is sealed under; none where nothing of it is sealed.
pub fn needed_secret<'s>(
    sealed: &SealedEdition,
    secrets: &'s [EditionSecret],
) -> Result<Option<&'s EditionSecret>, ItemKeysError> {
    let Some(needed) = sealed.catalogue.as_ref().and_then(|catalogue| catalogue.secret) else {
        return Ok(None);
    };
    let found = secrets.iter().find(|secret| secret.id() == needed);
    found.map(Some).ok_or_else(|| ItemKeysError::NoSecret {
        edition: sealed.manifest.name.clone(),
        needed: hex(needed),
        found: secrets.iter().map(|secret| hex(secret.id())).collect(),
    })
}

fn hex(id: SecretId) -> String {
    data_encoding::HEXLOWER.encode(&id)
}

/// Whether a key opens an item's first chunk.
fn opens(
    sealed: &SealedEdition,
    edition: &dyn Device,
    item: &Item,
    key: &Secret<32>,
) -> Result<bool, DeviceError> {
    let start = sealed.layout.rom().start + sealed.plan.locate(&item.path).unwrap_or_default();
    let size = item.size.bytes();
    let Some(count) = chunks::count(size) else { return Ok(false) };
    let first = size.min(chunks::SEALED_BYTES as u64);
    let mut bytes = vec![0; usize::try_from(first).expect("at most a chunk")];
    edition.read_at(start, &mut bytes)?;
    let position = if count == 1 { Position::Last } else { Position::Inner };
    Ok(chunks::open(key, 0, position, &bytes).is_ok())
}

/// What is to be signed: the catalogue's items with the roots of their files.
pub fn entries(catalogue: &Catalogue, manifest: &Manifest) -> Result<Vec<ItemEntry>, ItemsError> {
    let (found, expected) = (catalogue.currency, manifest.currency);
    if found != expected {
        return Err(ItemsError::Currency { found, expected });
    }
    let mut ids = HashSet::new();
    if let Some(item) = catalogue.items.iter().find(|item| !ids.insert(&item.id)) {
        return Err(ItemsError::Twice(item.id.clone()));
    }
    let rooted = |item: &Item| {
        let place = manifest.files.binary_search_by(|file| file.path.cmp(&item.path)).ok()?;
        let FileEntry { size, root, .. } = &manifest.files[place];
        (*size == item.size).then_some(*root)?
    };
    let signed = |item: &Item| {
        let missing = || {
            let (id, path, size) = (item.id.clone(), item.path.clone(), item.size.bytes());
            ItemsError::File { id, path, size }
        };
        Ok(entry(item, expected, rooted(item).ok_or_else(missing)?))
    };
    catalogue.items.iter().map(signed).collect()
}

fn entry(item: &Item, currency: Currency, root: [u8; 32]) -> ItemEntry {
    let Item { id, title, title_ja, kind, path, size, price, rights_holder, content } =
        item.clone();
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    ItemEntry {
        id,
        title,
        title_ja,
        kind,
        name,
        size,
        price,
        rights_holder,
        content,
        currency,
        root,
    }
}

/// The room that a catalogue's signed items take in the manifest's file, at most.
pub(super) fn room_bytes(catalogue: &Catalogue) -> u64 {
    let key = KeyId::from_bytes([0; 8]);
    let lengths = catalogue.items.iter().map(|item| {
        let entry = entry(item, catalogue.currency, [0; 32]);
        (HEAD_BYTES + cose::assemble(ItemEntry::KIND, key, entry.encode(), |_| [0; 64]).len())
            as u64
    });
    lengths.sum::<u64>() + 2 * HEAD_BYTES as u64
}

/// What proves a signed item to somebody who has not seen its edition.
pub fn package(entry: &Verified<ItemEntry>, signer: &Signer) -> Package {
    Package { item: Bytes(entry.bytes().to_vec()), chain: signer.chain() }
}

/// Sign the items; none where there are none.
pub(super) fn sign_all(key: &SecretKey, entries: &[ItemEntry]) -> Option<Vec<Bytes>> {
    let signed = entries.iter().map(|entry| Bytes(sign(key, entry)));
    (!entries.is_empty()).then(|| signed.collect())
}

/// Verify signed items: each by the manifest's signer, of a file of the manifest.
pub(super) fn open(
    items: &[Bytes],
    signer: &Signer,
    manifest: &Manifest,
) -> Result<Vec<Verified<ItemEntry>>, ItemsError> {
    let files: HashSet<_> = manifest.files.iter().map(|file| (file.root, file.size)).collect();
    let open = |(place, bytes): (usize, &Bytes)| {
        let entry = signer.open::<ItemEntry>(&bytes.0);
        let entry = entry.map_err(|source| ItemsError::Trust { place, source })?;
        if !files.contains(&(Some(entry.root), entry.size)) {
            let (id, size, root) = (entry.id.clone(), entry.size.bytes(), short(&entry.root));
            return Err(ItemsError::Root { id, size, root });
        }
        Ok(entry)
    };
    (1..).zip(items).map(open).collect()
}

/// Hold signed items against those that catalogue and manifest give.
pub(super) fn compare(
    found: &[Verified<ItemEntry>],
    expected: &[ItemEntry],
) -> Result<(), ItemsError> {
    for place in 0..found.len().max(expected.len()) {
        let (found, expected) = (found.get(place).map(|item| &**item), expected.get(place));
        if found != expected {
            let shown = |item: Option<&ItemEntry>| match item {
                Some(item) => format!(
                    "{:?}, {}",
                    item.id,
                    short(&crate::crypto::digest::sha256(&item.encode()))
                ),
                None => "not there".to_owned(),
            };
            let (found, expected) = (shown(found), shown(expected));
            return Err(ItemsError::Other { place: place + 1, found, expected });
        }
    }
    Ok(())
}
