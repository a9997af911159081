//! Finding the manifest: by what it is, not by what a file system says.
//!
//! Each block that begins like a signed manifest is tried. It is taken if its chain and signature
//! hold and if it lies where its own layout puts it, so no file system has to be believed, and a
//! manifest that is content of another edition is passed over.

use std::ops::Range;

use super::super::items::{self, ItemsError};
use super::super::layout::{CATALOGUE_PATH, Layout, MANIFEST_PATH};
use super::super::manifest;
use super::super::tree::{self, BLOCK_BYTES};
use super::CheckError;
use super::reading::{Reading, read};
use super::report::{Fault, Part, Report};
use crate::crypto::digest::sha256;
use crate::device::{Device, DeviceError};
use crate::fat::Plan;
use crate::format::cose::Sign1;
use crate::format::edition::{Catalogue, EditionId, FileEntry, Manifest, SignedManifest};
use crate::format::item::ItemEntry;
use crate::format::{DecodeError, Kind, Object, cbor};
use crate::trust::{Signer, Trust, TrustError, Verified};
use crate::words::Phrase;

/// Read at first; few manifests are longer.
const FIRST_BYTES: u64 = 256 << 10;

/// The edition of a medium: its signed manifest and what follows from it.
#[derive(Debug)]
pub(super) struct Edition {
    pub(super) id: EditionId,
    /// The signed manifest with its signer's chain, as it lies in its file.
    pub(super) object: Vec<u8>,
    pub(super) manifest: Verified<Manifest>,
    pub(super) signer: Signer,
    /// Its items as they are signed.
    pub(super) items: Vec<Verified<ItemEntry>>,
    pub(super) layout: Layout,
    /// The read-only volume before it is stamped.
    pub(super) plan: Plan,
}

/// What looking for a manifest gave.
#[derive(Debug)]
pub(super) enum Sought {
    /// It is there and signed.
    Found(Box<Edition>),
    /// Something begins like one, but isn't a good one.
    Damaged {
        /// Its blocks in the read-only area.
        blocks: Range<u64>,
        /// What is wrong.
        reason: Phrase,
    },
    /// Nothing begins like one.
    Missing,
}

/// Why one place holds no manifest to go by.
#[derive(Debug, thiserror::Error)]
pub(super) enum ManifestFault {
    #[error("{0}")]
    Decode(#[from] DecodeError),
    #[error("{0}")]
    Trust(#[from] TrustError),
    #[error("it is not signed")]
    Unsigned,
    #[error("{0}")]
    Rules(#[from] manifest::ManifestError),
    #[error("{0}")]
    Items(#[from] ItemsError),
    #[error("{0}")]
    Layout(#[from] super::super::layout::LayoutError),
    #[error("it lies at byte {found} of the read-only area, its layout puts it at {expected}")]
    Place { found: u64, expected: u64 },
    #[error("its layout has a read-only area of {expected} bytes, here are {found}")]
    Size { found: u64, expected: u64 },
}

/// Look for the manifest; a test root where none counts ends the search.
pub(super) fn find(
    reading: &Reading,
    device: &dyn Device,
    trust: &Trust,
) -> Result<Sought, CheckError> {
    let mut sought = Sought::Missing;
    for block in reading.manifests() {
        let offset = block * BLOCK_BYTES as u64;
        let bytes = beginning(reading, device, offset)?;
        match open(reading, offset, &bytes, trust) {
            Ok(edition) => return Ok(Sought::Found(Box::new(edition))),
            Err(ManifestFault::Trust(TrustError::TestRoot(root))) => {
                return Err(CheckError::TestRoot(root));
            }
            Err(fault) if matches!(sought, Sought::Missing) => {
                let blocks = block..block + 1;
                sought = Sought::Damaged { blocks, reason: Phrase::of(&fault) };
            }
            Err(_) => {}
        }
    }
    Ok(sought)
}

/// The edition whose manifest file `bytes` is.
pub(super) fn read_file(bytes: &[u8], trust: &Trust) -> Result<Edition, ManifestFault> {
    open_object(cbor::unpad(bytes)?.unwrap_or_default(), trust)
}

/// What a manifest at `offset` of the read-only area may take.
fn beginning(reading: &Reading, device: &dyn Device, offset: u64) -> Result<Vec<u8>, DeviceError> {
    let start = reading.rom().start + offset;
    let end = reading.rom().end.min(reading.len_bytes());
    let bytes = read(device, start..end.min(start + FIRST_BYTES))?;
    match cbor::measure(&bytes) {
        Err(DecodeError::Truncated { .. }) if start + FIRST_BYTES < end => {
            read(device, start..end.min(start + Kind::Manifest.bytes_max() as u64))
        }
        _ => Ok(bytes),
    }
}

fn open(
    reading: &Reading,
    offset: u64,
    bytes: &[u8],
    trust: &Trust,
) -> Result<Edition, ManifestFault> {
    let used = cbor::measure(bytes)?;
    let edition = open_object(&bytes[..used], trust)?;
    let expected = edition.plan.locate(MANIFEST_PATH).unwrap_or_default();
    if expected != offset {
        return Err(ManifestFault::Place { found: offset, expected });
    }
    if edition.layout.rom() != reading.rom() {
        let length = |range: Range<u64>| range.end - range.start;
        let (found, expected) = (length(reading.rom()), length(edition.layout.rom()));
        return Err(ManifestFault::Size { found, expected });
    }
    Ok(edition)
}

fn open_object(object: &[u8], trust: &Trust) -> Result<Edition, ManifestFault> {
    let file = SignedManifest::decode(object)?;
    if file.chain.0.is_empty() {
        return Err(ManifestFault::Unsigned);
    }
    let signer = trust.signer(&file.chain)?;
    let manifest = signer.open::<Manifest>(&file.manifest.0)?;
    let layout = manifest::check(&manifest)?;
    let plan = layout.rom_plan(&manifest, 0)?;
    let payload = Sign1::decode(&file.manifest.0, Kind::Manifest)?;
    let id = sha256(payload.payload());
    let items = items::open(file.items.as_deref().unwrap_or_default(), &signer, &manifest)?;
    Ok(Edition { id, object: object.to_vec(), manifest, signer, items, layout, plan })
}

impl Edition {
    /// Hold the signed items against the catalogue that these bytes are; the medium's own, or its
    /// file is altered, which is told elsewhere.
    pub(super) fn compare_items(&self, catalogue: Option<&[u8]>, report: &mut Report) {
        let expected = match catalogue.filter(|bytes| self.is_catalogue(bytes)) {
            None if self.plan.find(CATALOGUE_PATH).is_some() => return,
            None => Ok(vec![]),
            Some(bytes) => self.entries(bytes),
        };
        let compared = expected.and_then(|expected| Ok(items::compare(&self.items, &expected)?));
        if let Err(fault) = compared {
            report.fault(Fault::new(Part::File(MANIFEST_PATH.to_owned()), Phrase::of(&fault)));
        }
    }

    /// Where the file of an item begins on a medium: the manifest has it, by length and root.
    pub(super) fn start_of(&self, item: &ItemEntry) -> u64 {
        let is_its = |file: &&FileEntry| file.size == item.size && file.root == Some(item.root);
        let file = self.manifest.files.iter().find(is_its);
        let offset = file.and_then(|file| self.plan.locate(&file.path));
        self.layout.rom().start + offset.unwrap_or_default()
    }

    fn is_catalogue(&self, bytes: &[u8]) -> bool {
        let listed = self.manifest.files.iter().find(|file| file.path == CATALOGUE_PATH);
        let mut leaves = vec![];
        tree::push_leaves(&mut leaves, bytes);
        let length = bytes.len() as u64;
        listed.is_some_and(|file| {
            file.size.bytes() == length && file.root == Some(tree::file_root(&leaves))
        })
    }

    fn entries(&self, catalogue: &[u8]) -> Result<Vec<ItemEntry>, ManifestFault> {
        Ok(items::entries(&Catalogue::decode(catalogue)?, &self.manifest)?)
    }
}
