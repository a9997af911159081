//! Signing an edition, and opening a signed one for burning: both read every byte first.

use std::num::NonZeroUsize;
use std::ops::Range;

use super::edition::{self, EditionError, leaf_range, padded, put_manifest, tree_uuid, write_tree};
use super::items::{self, ItemsError};
use super::layout::{CATALOGUE_PATH, Layout, MANIFEST_PATH};
use super::leaves::{self, LeavesError, Watch};
use super::manifest::{self, ManifestError};
use super::tree::{self, BLOCK_BYTES, Digest, HashTree};
use crate::crypto::digest::sha256;
use crate::crypto::sign::SecretKey;
use crate::device::{Device, DeviceError};
use crate::fat::Plan;
use crate::format::certificate::Chain;
use crate::format::cose::Sign1;
use crate::format::edition::{Catalogue, EditionId, EditionSeal, Manifest, SignedManifest};
use crate::format::field::Bytes;
use crate::format::item::ItemEntry;
use crate::format::{Kind, Object};
use crate::trust::{Anchor, Fingerprint, Root, Signer, Trust, TrustError, Verified, sign};

/// Why an edition can't be signed or is not to be burnt.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The edition file is foreign or damaged, or could not be read.
    #[error("{0}")]
    Edition(#[from] EditionError),
    /// The manifest breaks a rule.
    #[error("edition: {0}")]
    Manifest(#[from] ManifestError),
    /// What it offers and what is signed of that don't go together.
    #[error("edition: {0}")]
    Items(#[from] ItemsError),
    /// A file's bytes are not those of the manifest.
    #[error("edition: {path}: hash is {found}, the manifest says {expected}")]
    File {
        /// The file.
        path: String,
        /// Its root, in hex.
        found: String,
        /// The manifest's, in hex.
        expected: String,
    },
    /// The whole is not what the seal says, though each file is.
    #[error("edition: {what} is {found}, expected {expected}")]
    Whole {
        /// Which hash.
        what: &'static str,
        /// As found, in hex.
        found: String,
        /// As expected, in hex.
        expected: String,
    },
    /// The edition is not signed.
    #[error("edition {0} is not signed: the issuer's `scrip-server sign` does that")]
    Unsigned(String),
    /// The edition is signed, but not by someone who may.
    #[error("edition: {0}")]
    Trust(#[from] TrustError),
    /// The edition is signed under a root that is not pinned.
    #[error(
        "edition {edition} is signed under root {found}, which nothing here pins; pinned is {pinned}"
    )]
    Unpinned {
        /// The edition, in hex.
        edition: String,
        /// The root.
        found: Fingerprint,
        /// Those that count here.
        pinned: String,
    },
    /// Another issuer has signed the edition.
    #[error("edition {edition} is signed under root {found} already, this issuer's is {own}")]
    SignedElsewhere {
        /// The edition, in hex.
        edition: String,
        /// The root that it is signed under.
        found: Fingerprint,
        /// The root of who is to sign.
        own: Fingerprint,
    },
    /// The bytes could not be read.
    #[error("edition: {0}")]
    Device(#[from] DeviceError),
    /// The work was asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl From<LeavesError> for SealError {
    fn from(error: LeavesError) -> Self {
        match error {
            LeavesError::Device(error) => Self::Device(error),
            LeavesError::Interrupted(_) => Self::Interrupted,
        }
    }
}

/// An edition whose every byte is what its rom-signer signed.
#[derive(Debug)]
pub struct SealedEdition {
    /// Names the edition.
    pub id: EditionId,
    /// The manifest.
    pub manifest: Manifest,
    /// Where everything lies.
    pub layout: Layout,
    /// The read-only volume before it is stamped.
    pub plan: Plan,
    /// The hash tree before the volume is stamped.
    pub tree: HashTree,
    /// Who signed.
    pub signer: Signer,
    /// The signed edition seal.
    pub seal: Verified<EditionSeal>,
    /// What it offers.
    pub catalogue: Option<Catalogue>,
    /// The same, item by item as it is signed.
    pub items: Vec<Verified<ItemEntry>>,
}

/// An edition file's parts whose bytes agree with its manifest; signatures are not looked at.
struct Body {
    opened: edition::Opened,
    payload: Vec<u8>,
    manifest: Manifest,
    plan: Plan,
    tree: HashTree,
    catalogue: Option<Catalogue>,
    entries: Vec<ItemEntry>,
}

/// Sign an edition with the rom-signer's key, after reading and checking every byte of it.
///
/// The seal is written last: an edition whose signing was cut off has none. Signing it again is
/// harmless.
pub fn sign_edition(
    device: &dyn Device,
    key: &SecretKey,
    chain: &Chain,
    threads: NonZeroUsize,
    watch: &dyn Watch,
) -> Result<EditionId, SealError> {
    refuse_elsewhere(&edition::open(device)?, chain)?;
    let mut body = read_body(device, threads, watch)?;
    let manifest = &body.manifest;
    let layout = &body.opened.layout;
    let items = items::sign_all(key, &body.entries);
    let signed =
        SignedManifest { manifest: Bytes(sign(key, manifest)), chain: chain.clone(), items };
    put_manifest(&body.plan, layout, &signed, &mut body.tree, device)?;
    let id = sha256(&body.payload);
    write_tree(&body.tree, &id, layout, device)?;
    device.flush()?;
    let seal = EditionSeal { edition: id, root: body.tree.root(), rom: manifest.shape.rom };
    let range = layout.edition_seal();
    device.write_at(range.start, &padded(&sign(key, &seal), range.end - range.start)?)?;
    device.flush()?;
    Ok(id)
}

/// Read a signed edition whole; anything that isn't as signed is refused.
pub fn open_sealed(
    device: &dyn Device,
    trust: &Trust,
    threads: NonZeroUsize,
    watch: &dyn Watch,
) -> Result<SealedEdition, SealError> {
    let opened = edition::open(device)?;
    if opened.signed.chain.0.is_empty() || opened.seal.is_empty() {
        return Err(SealError::Unsigned(short(&opened.header.edition)));
    }
    let signer = trust.signer(&opened.signed.chain)?;
    if let Anchor::Unpinned(found) = signer.anchor() {
        let (edition, pinned) = (short(&opened.header.edition), shown(trust.roots()));
        return Err(SealError::Unpinned { edition, found, pinned });
    }
    signer.open::<Manifest>(&opened.signed.manifest.0)?;
    let seal = signer.open::<EditionSeal>(&opened.seal)?;
    let body = read_body(device, threads, watch)?;
    let Body { opened, payload, manifest, plan, tree, catalogue, entries } = body;
    let items =
        items::open(opened.signed.items.as_deref().unwrap_or_default(), &signer, &manifest)?;
    items::compare(&items, &entries)?;
    let id = sha256(&payload);
    same("edition id in the seal", &seal.edition, &id)?;
    same("root", &tree.root(), &seal.root)?;
    check_stored(device, &opened.layout, &id, &tree)?;
    check_zero(device, opened.layout.medium_seal(), "slot of the medium seal")?;
    let layout = opened.layout;
    Ok(SealedEdition { id, manifest, layout, plan, tree, signer, seal, catalogue, items })
}

/// Fingerprints of roots, for a message.
fn shown(roots: &[Root]) -> String {
    let all: Vec<_> = roots.iter().map(|root| root.fingerprint().to_string()).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// An edition that stands under another root is not signed over.
fn refuse_elsewhere(opened: &edition::Opened, chain: &Chain) -> Result<(), SealError> {
    let root = |chain: &Chain| chain.0.last().and_then(|bytes| Root::read(bytes).ok());
    let (found, own) = (root(&opened.signed.chain), root(chain));
    match (found.map(|root| root.fingerprint()), own.map(|root| root.fingerprint())) {
        (Some(found), Some(own)) if found != own => {
            let edition = short(&opened.header.edition);
            Err(SealError::SignedElsewhere { edition, found, own })
        }
        _ => Ok(()),
    }
}

fn read_body(
    device: &dyn Device,
    threads: NonZeroUsize,
    watch: &dyn Watch,
) -> Result<Body, SealError> {
    let opened = edition::open(device)?;
    let raw = &opened.signed.manifest.0;
    let payload = if opened.signed.chain.0.is_empty() {
        raw.clone()
    } else {
        let message = Sign1::decode(raw, Kind::Manifest).map_err(TrustError::from)?;
        message.payload().to_vec()
    };
    let manifest = Manifest::decode(&payload).map_err(EditionError::decoding("manifest"))?;
    let layout = manifest::check(&manifest)?;
    let plan = layout.rom_plan(&manifest, 0).map_err(EditionError::from)?;
    let header = edition::header(&manifest, sha256(&payload), &plan);
    same("header, by its hash", &sha256(&opened.header.encode()), &sha256(&header.encode()))?;
    let found = leaves::of_device(device, layout.rom().start, layout.rom_blocks(), threads, watch)?;
    check_files(&manifest, &plan, &found)?;
    check_unused(&manifest, &plan, &found)?;
    check_metadata(device, &layout, &plan)?;
    let behind = Kind::EditionHeader.bytes_max() as u64;
    check_zero(device, behind..layout.rom().start, "stretch behind the header")?;
    let catalogue = read_catalogue(device, &layout, &plan)?;
    let entries = catalogue.as_ref().map(|catalogue| items::entries(catalogue, &manifest));
    let entries = entries.transpose()?.unwrap_or_default();
    let tree = HashTree::from_leaves(found).expect("a volume has blocks");
    Ok(Body { opened, payload, manifest, plan, tree, catalogue, entries })
}

/// The catalogue, whose bytes were checked to be the manifest's.
fn read_catalogue(
    device: &dyn Device,
    layout: &Layout,
    plan: &Plan,
) -> Result<Option<Catalogue>, SealError> {
    let Some(place) = plan.find(CATALOGUE_PATH) else { return Ok(None) };
    let file = &plan.files()[place];
    let limit = Kind::Catalogue.bytes_max() as u64 + 1;
    let mut bytes = vec![0; usize::try_from(file.size_bytes.min(limit)).expect("bounded")];
    device.read_at(layout.rom().start + file.offset_bytes.unwrap_or_default(), &mut bytes)?;
    let catalogue = Catalogue::decode(&bytes).map_err(EditionError::decoding("catalogue"))?;
    Ok(Some(catalogue))
}

fn check_files(manifest: &Manifest, plan: &Plan, leaves: &[Digest]) -> Result<(), SealError> {
    for file in &manifest.files {
        let Some(expected) = file.root else { continue };
        let range = leaf_range(plan.locate(&file.path), file.size.bytes());
        let found = tree::file_root(&leaves[range]);
        if found != expected {
            let path = file.path.clone();
            return Err(SealError::File { path, found: short(&found), expected: short(&expected) });
        }
    }
    Ok(())
}

/// Slots, reserve files and what lies behind the manifest must be zero before the stamp.
fn check_unused(manifest: &Manifest, plan: &Plan, leaves: &[Digest]) -> Result<(), SealError> {
    let zero = sha256(&[0; BLOCK_BYTES]);
    let mut used = vec![false; leaves.len()];
    let rooted = |path: &str| path == MANIFEST_PATH || !manifest::is_unrooted(path);
    for file in manifest.files.iter().filter(|file| rooted(&file.path)) {
        used[leaf_range(plan.locate(&file.path), file.size.bytes())].fill(true);
    }
    for range in plan.metadata_ranges() {
        used[leaf_range(Some(range.start), range.end - range.start)].fill(true);
    }
    let unused = leaves.iter().zip(&used).filter(|(_, used)| !**used);
    for (leaf, _) in unused {
        same("block that belongs to no file", leaf, &zero)?;
    }
    Ok(())
}

/// What holds no file's data must be as the manifest lays it out.
fn check_metadata(device: &dyn Device, layout: &Layout, plan: &Plan) -> Result<(), SealError> {
    for range in plan.metadata_ranges() {
        let mut offset = range.start;
        let end = range.end.next_multiple_of(BLOCK_BYTES as u64);
        while offset < end {
            let count = (end - offset).min(leaves::CHUNK_BYTES as u64);
            let mut found = vec![0; usize::try_from(count).expect("at most a chunk")];
            let mut expected = found.clone();
            device.read_at(layout.rom().start + offset, &mut found)?;
            plan.read_at(offset, &mut expected, &NoContents).map_err(EditionError::from)?;
            same("volume's metadata", &sha256(&found), &sha256(&expected))?;
            offset += count;
        }
    }
    Ok(())
}

/// Metadata ranges hold no file's data.
struct NoContents;

impl crate::fat::Contents for NoContents {
    fn read_at(&self, _file: usize, _offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        buf.fill(0);
        Ok(())
    }
}

fn check_stored(
    device: &dyn Device,
    layout: &Layout,
    id: &EditionId,
    tree: &HashTree,
) -> Result<(), SealError> {
    let uuid = tree_uuid(id);
    let per_chunk = (leaves::CHUNK_BYTES / BLOCK_BYTES) as u64;
    let blocks = (layout.edition_seal().start - layout.seal().start) / BLOCK_BYTES as u64;
    let mut first = 0;
    while first < blocks {
        let count = per_chunk.min(blocks - first);
        let mut expected = vec![0; usize::try_from(count).expect("a chunk") * BLOCK_BYTES];
        let mut found = expected.clone();
        tree.fill(&uuid, first, &mut expected);
        device.read_at(layout.seal().start + first * BLOCK_BYTES as u64, &mut found)?;
        same("stored hash tree", &sha256(&found), &sha256(&expected))?;
        first += count;
    }
    Ok(())
}

/// What belongs to nothing before a medium is stamped must be zero.
fn check_zero(device: &dyn Device, range: Range<u64>, what: &'static str) -> Result<(), SealError> {
    let count = usize::try_from(range.end - range.start).expect("at most a chunk");
    let mut found = vec![0; count];
    let zeros = sha256(&found);
    device.read_at(range.start, &mut found)?;
    same(what, &sha256(&found), &zeros)
}

fn same(what: &'static str, found: &Digest, expected: &Digest) -> Result<(), SealError> {
    if found == expected {
        return Ok(());
    }
    Err(SealError::Whole { what, found: short(found), expected: short(expected) })
}

/// The first eight bytes of a hash in hex, for a person.
pub fn short(hash: &Digest) -> String {
    data_encoding::HEXLOWER.encode(&hash[..8])
}
