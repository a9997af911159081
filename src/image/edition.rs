//! Editions: authored once, signed once, burnt many times.
//!
//! An edition file is a medium from its start to the end of SEAL, with an [`EditionHeader`] where a
//! medium has its partition table, and zeros wherever a medium is stamped.

use std::num::NonZeroUsize;
use std::ops::Range;

use super::foreign::what_is;
use super::items;
use super::layout::{Layout, LayoutError, MANIFEST_PATH, SLOTS};
use super::leaves::{self, CHUNK_BYTES, Interrupted, Watch};
use super::tree::{self, BLOCK_BYTES, Digest, HashTree};
use crate::crypto::digest::sha256;
use crate::device::{Device, DeviceError};
use crate::fat::{self, Contents, Plan};
use crate::format::certificate::Chain;
use crate::format::edition::{
    Catalogue, EditionHeader, EditionId, FileEntry, Manifest, Shape, SignedManifest,
};
use crate::format::field::Bytes;
use crate::format::{DecodeError, Object, cbor};
use crate::units::{ByteCount, Currency};

/// Room that the manifest's file keeps for signature and certificates.
const SIGNATURE_ROOM_BYTES: u64 = 8 << 10;
/// The layout's version that this code writes and reads.
pub const LAYOUT_VERSION: u64 = 1;
/// What an edition file's header says it is.
pub const HEADER_FORMAT: &str = "scrip edition";

/// Why an edition can't be authored, read or signed.
#[derive(Debug, thiserror::Error)]
pub enum EditionError {
    /// The shape or the files give no medium.
    #[error("{0}")]
    Layout(#[from] LayoutError),
    /// A file could not be read while the volume was written.
    #[error("{0}")]
    Contents(#[from] fat::ReadError),
    /// The edition file could not be read or written.
    #[error("edition: {0}")]
    Device(#[from] DeviceError),
    /// Not an edition file, or damaged.
    #[error("edition: {what}: {source}")]
    Decode {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// Not an edition file of this version.
    #[error("edition: {what} is {found}, expected {expected}")]
    Foreign {
        /// Which statement.
        what: &'static str,
        /// What it says.
        found: String,
        /// What this version reads.
        expected: String,
    },
    /// The file is shorter or longer than its header says.
    #[error("edition: file of {found} bytes, its header says {expected}")]
    Length {
        /// Length of the file.
        found: u64,
        /// Length by the header.
        expected: u64,
    },
    /// Signature and certificates don't fit their room.
    #[error("edition: signed manifest of {found} bytes, its file has {room}")]
    Room {
        /// Bytes needed.
        found: u64,
        /// Bytes reserved.
        room: u64,
    },
    /// The work was asked to stop.
    #[error("interrupted")]
    Interrupted(#[from] Interrupted),
}

impl EditionError {
    /// Name the part that could not be decoded.
    pub fn decoding(what: &'static str) -> impl Fn(DecodeError) -> Self {
        move |source| Self::Decode { what, source }
    }
}

/// What is to be authored: all but the bytes.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The edition's name.
    pub name: String,
    /// Sizes and labels.
    pub shape: Shape,
    /// Currency of its prices.
    pub currency: Currency,
    /// Path and length of every file, in any order; neither manifest nor slots.
    pub files: Vec<(String, u64)>,
    /// What it offers, so that the manifest's file has room for each item's signature; what is
    /// known of its files' contents later changes no length.
    pub catalogue: Option<Catalogue>,
}

/// What has been authored.
#[derive(Debug, Clone)]
pub struct Authored {
    /// SHA-256 over the manifest's payload.
    pub edition: EditionId,
    /// The manifest.
    pub manifest: Manifest,
    /// The root with the stamped bytes zero, before the manifest is signed.
    pub root: Digest,
}

impl Draft {
    /// The manifest without roots: it fixes the layout, as roots have a fixed length.
    pub fn manifest(&self) -> Manifest {
        let rooted = self.files.iter().map(|(path, size)| FileEntry {
            path: path.clone(),
            size: ByteCount::from_bytes(*size),
            root: Some(tree::EMPTY_FILE_ROOT),
        });
        let slots = SLOTS.iter().map(|slot| FileEntry {
            path: slot.path.to_owned(),
            size: ByteCount::from_bytes(slot.bytes),
            root: None,
        });
        let own = FileEntry {
            path: MANIFEST_PATH.to_owned(),
            size: ByteCount::from_bytes(u64::from(u32::MAX)),
            root: None,
        };
        let mut files: Vec<_> = rooted.chain(slots).chain([own]).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut manifest = Manifest {
            name: self.name.clone(),
            layout: LAYOUT_VERSION,
            shape: self.shape.clone(),
            files,
            currency: self.currency,
        };
        // With the longest size in its own entry the payload is as long as it can get.
        let longest = manifest.encode().len() as u64;
        let items = self.catalogue.as_ref().map_or(0, items::room_bytes);
        let room = (longest + SIGNATURE_ROOM_BYTES + items).next_multiple_of(BLOCK_BYTES as u64);
        if let Some(own) = manifest.files.iter_mut().find(|file| file.path == MANIFEST_PATH) {
            own.size = ByteCount::from_bytes(room);
        }
        manifest
    }
}

/// A draft laid out: where every byte of its edition lies.
#[derive(Debug)]
pub struct Placed {
    manifest: Manifest,
    layout: Layout,
    plan: Plan,
    /// For each file of the plan its place in the draft's own list, if it stands there.
    indices: Vec<Option<usize>>,
}

impl Draft {
    /// Lay the edition out.
    pub fn place(&self) -> Result<Placed, LayoutError> {
        let (manifest, layout) = (self.manifest(), Layout::new(&self.shape)?);
        let plan = layout.rom_plan(&manifest, 0)?;
        let mut indices = vec![None; plan.files().len()];
        for (index, (path, _)) in self.files.iter().enumerate() {
            if let Some(place) = plan.find(path) {
                indices[place] = Some(index);
            }
        }
        Ok(Placed { manifest, layout, plan, indices })
    }
}

impl Placed {
    /// The manifest, whose roots are still those of empty files.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the parts of its media lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Write and hash the edition; each byte is hashed once, by `threads` workers.
    ///
    /// `contents` is asked for files by their index in the draft's own list. `target` must be
    /// [`Layout::edition_bytes`] long and read as zeros; it is left unflushed.
    pub fn author(
        &self,
        contents: &dyn Contents,
        target: &dyn Device,
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Result<Authored, EditionError> {
        let Self { layout, plan, indices, .. } = self;
        let (bridge, rom) = (Bridge { contents, indices }, layout.rom().start);
        let fill = |offset, bytes: &mut [u8]| Ok(plan.read_at(offset, bytes, &bridge)?);
        let pass = |offset, bytes: &[u8]| {
            if leaves::is_zero(bytes) {
                return Ok(());
            }
            Ok::<_, EditionError>(target.write_at(rom + offset, bytes)?)
        };
        let leaves = leaves::fill_hash_and_pass(layout.rom_blocks(), threads, watch, &fill, &pass)?;
        let mut manifest = self.manifest.clone();
        set_roots(&mut manifest, plan, &leaves, threads);
        let payload = manifest.encode();
        let edition = sha256(&payload);
        let signed =
            SignedManifest { manifest: Bytes(payload), chain: Chain::default(), items: None };
        let mut tree = HashTree::from_leaves(leaves).expect("a volume has blocks");
        put_manifest(plan, layout, &signed, &mut tree, target)?;
        write_tree(&tree, &edition, layout, target)?;
        let header = header(&manifest, edition, plan);
        target.write_at(0, &header.encode())?;
        Ok(Authored { edition, manifest, root: tree.root() })
    }
}

/// Hands a draft's files to a plan, whose list is sorted and holds slots and manifest too.
struct Bridge<'a> {
    contents: &'a dyn Contents,
    indices: &'a [Option<usize>],
}

impl Contents for Bridge<'_> {
    fn read_at(&self, file: usize, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        if let Some(index) = self.indices[file] {
            return self.contents.read_at(index, offset, buf);
        }
        buf.fill(0);
        Ok(())
    }
}

/// The leaves of a planned file within the volume's.
pub fn leaf_range(offset: Option<u64>, size: u64) -> Range<usize> {
    let block = BLOCK_BYTES as u64;
    let first = offset.unwrap_or(0) / block;
    let index = |at| usize::try_from(at).expect("leaves are in memory");
    index(first)..index(first + size.div_ceil(block))
}

/// Set every file's root; the workers share the files out evenly.
fn set_roots(manifest: &mut Manifest, plan: &Plan, leaves: &[Digest], threads: NonZeroUsize) {
    let mut files: Vec<_> = manifest.files.iter_mut().filter(|file| file.root.is_some()).collect();
    let share = files.len().div_ceil(threads.get()).max(1);
    std::thread::scope(|scope| {
        for files in files.chunks_mut(share) {
            scope.spawn(move || {
                for file in files {
                    let range = leaf_range(plan.locate(&file.path), file.size.bytes());
                    file.root = Some(tree::file_root(&leaves[range]));
                }
            });
        }
    });
}

/// Write the manifest's file and put its leaves into the tree; returns the stored blocks changed.
pub fn put_manifest(
    plan: &Plan,
    layout: &Layout,
    signed: &SignedManifest,
    tree: &mut HashTree,
    target: &dyn Device,
) -> Result<Vec<u64>, EditionError> {
    let place = plan.find(MANIFEST_PATH).expect("every manifest lists itself");
    let file = &plan.files()[place];
    let bytes = padded(&signed.encode(), file.size_bytes)?;
    let start = file.offset_bytes.expect("the manifest is not empty");
    target.write_at(layout.rom().start + start, &bytes)?;
    let first = start / BLOCK_BYTES as u64;
    let mut leaves = vec![];
    tree::push_leaves(&mut leaves, &bytes);
    let changes: Vec<_> = (first..).zip(leaves).collect();
    Ok(tree.update(&changes))
}

/// An object and the zeros behind it.
pub fn padded(object: &[u8], room: u64) -> Result<Vec<u8>, EditionError> {
    let found = object.len() as u64;
    if found > room {
        return Err(EditionError::Room { found, room });
    }
    let mut bytes = object.to_vec();
    bytes.resize(usize::try_from(room).expect("slots are small"), 0);
    Ok(bytes)
}

/// The UUID in a stored tree's superblock: the edition's, so that it is no stamped byte.
pub fn tree_uuid(edition: &EditionId) -> [u8; 16] {
    super::layout::guid(edition)
}

/// Write the whole stored tree.
pub fn write_tree(
    tree: &HashTree,
    edition: &EditionId,
    layout: &Layout,
    target: &dyn Device,
) -> Result<(), EditionError> {
    let all: Vec<u64> = (0..tree.stored_blocks()).collect();
    write_tree_blocks(tree, edition, layout, &all, target)
}

/// Write blocks of the stored tree, ascending; neighbours go out together.
pub fn write_tree_blocks(
    tree: &HashTree,
    edition: &EditionId,
    layout: &Layout,
    blocks: &[u64],
    target: &dyn Device,
) -> Result<(), EditionError> {
    let uuid = tree_uuid(edition);
    for run in blocks.chunk_by(|a, b| a + 1 == *b) {
        for piece in run.chunks(CHUNK_BYTES / BLOCK_BYTES) {
            let mut bytes = vec![0; piece.len() * BLOCK_BYTES];
            tree.fill(&uuid, piece[0], &mut bytes);
            target.write_at(layout.seal().start + piece[0] * BLOCK_BYTES as u64, &bytes)?;
        }
    }
    Ok(())
}

/// The header that an edition file of this manifest begins with.
pub fn header(manifest: &Manifest, edition: EditionId, plan: &Plan) -> EditionHeader {
    let place = plan.find(MANIFEST_PATH).expect("every manifest lists itself");
    let file = &plan.files()[place];
    EditionHeader {
        format: HEADER_FORMAT.to_owned(),
        version: LAYOUT_VERSION,
        edition,
        manifest_offset: ByteCount::from_bytes(file.offset_bytes.unwrap_or(0)),
        manifest_bytes: ByteCount::from_bytes(file.size_bytes),
        shape: manifest.shape.clone(),
    }
}

/// An edition file that was opened: its header and manifest agree; no signature is checked yet.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The header.
    pub header: EditionHeader,
    /// Where everything lies.
    pub layout: Layout,
    /// The manifest's file: signed, or its bare payload.
    pub signed: SignedManifest,
    /// The edition seal's bytes; empty before `sign`.
    pub seal: Vec<u8>,
}

/// Read an edition file's header, manifest and seal.
pub fn open(edition: &dyn Device) -> Result<Opened, EditionError> {
    let header = read_header(edition)?;
    let layout = Layout::new(&header.shape)?;
    let (found, expected) = (edition.len_bytes(), layout.edition_bytes());
    if found != expected {
        return Err(EditionError::Length { found, expected });
    }
    let (start, bytes) = (header.manifest_offset.bytes(), header.manifest_bytes.bytes());
    let rom = layout.rom().end - layout.rom().start;
    let limit = rom.min(crate::format::Kind::Manifest.bytes_max() as u64);
    if start.checked_add(bytes).is_none_or(|end| end > rom) || bytes > limit {
        let (found, expected) = (format!("{bytes} bytes at {start}"), format!("within {rom}"));
        return Err(EditionError::Foreign { what: "manifest's place", found, expected });
    }
    let slot = read(edition, layout.rom().start + start, bytes)?;
    let signed = read_manifest(&slot)?;
    let seal_range = layout.edition_seal();
    let slot = read(edition, seal_range.start, seal_range.end - seal_range.start)?;
    let seal = cbor::unpad(&slot).map_err(EditionError::decoding("edition seal"))?;
    Ok(Opened { header, layout, signed, seal: seal.unwrap_or_default().to_vec() })
}

/// The manifest's file from the bytes of its slot.
pub fn read_manifest(slot: &[u8]) -> Result<SignedManifest, EditionError> {
    let object = cbor::unpad(slot).map_err(EditionError::decoding("manifest"))?;
    SignedManifest::decode(object.unwrap_or_default()).map_err(EditionError::decoding("manifest"))
}

fn read_header(edition: &dyn Device) -> Result<EditionHeader, EditionError> {
    let length = edition.len_bytes().min(crate::format::Kind::EditionHeader.bytes_max() as u64);
    let slot = read(edition, 0, length)?;
    let foreign = |found: String| EditionError::Foreign {
        what: "file",
        found,
        expected: "an edition file".to_owned(),
    };
    let object = cbor::unpad(&slot).ok().flatten();
    let Some(header) = object.and_then(|object| EditionHeader::decode(object).ok()) else {
        return Err(foreign(what_is(edition)?));
    };
    if header.format != HEADER_FORMAT {
        return Err(foreign(header.format));
    }
    if header.version != LAYOUT_VERSION {
        let (found, expected) = (header.version.to_string(), LAYOUT_VERSION.to_string());
        return Err(EditionError::Foreign { what: "version", found, expected });
    }
    Ok(header)
}

fn read(device: &dyn Device, offset: u64, count: u64) -> Result<Vec<u8>, DeviceError> {
    DeviceError::check_range(offset, count, device.len_bytes())?;
    let mut bytes = vec![0; usize::try_from(count).expect("bounded by the caller")];
    device.read_at(offset, &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::leaves::Unwatched;
    use super::*;
    use crate::device::MemoryDevice;
    use crate::format::edition::RamKind;

    struct Tree(Vec<Vec<u8>>);

    impl Contents for Tree {
        fn read_at(&self, file: usize, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
            let start = usize::try_from(offset).unwrap();
            buf.copy_from_slice(&self.0[file][start..start + buf.len()]);
            Ok(())
        }
    }

    fn sample(order: &[usize], threads: usize) -> (Authored, Vec<u8>) {
        let mib = |count: u64| ByteCount::from_bytes(count << 20);
        let all = [("/A.TXT", vec![1; 5000]), ("/deep/b.bin", vec![2; 9]), ("/E", vec![])];
        let chosen: Vec<_> = order.iter().map(|place| all[*place].clone()).collect();
        let draft = Draft {
            name: "sample".to_owned(),
            shape: Shape {
                rom: mib(34),
                ram: mib(34),
                rom_label: "ROM".to_owned(),
                ram_label: "RAM".to_owned(),
                ram_kind: RamKind::Rewritable,
                journal: mib(1),
                papers: None,
            },
            currency: "JPY".parse().unwrap(),
            files: chosen.iter().map(|(path, b)| ((*path).to_owned(), b.len() as u64)).collect(),
            catalogue: None,
        };
        let layout = Layout::new(&draft.shape).unwrap();
        let device = MemoryDevice::zeroed(usize::try_from(layout.edition_bytes()).unwrap());
        let tree = Tree(chosen.into_iter().map(|(_, bytes)| bytes).collect());
        let threads = NonZeroUsize::new(threads).unwrap();
        let placed = draft.place().unwrap();
        let authored = placed.author(&tree, &device, threads, &Unwatched).unwrap();
        (authored, device.into_bytes())
    }

    #[test]
    fn an_edition_is_the_same_for_any_order_and_threads() {
        let (one, first) = sample(&[0, 1, 2], 1);
        let (two, second) = sample(&[2, 0, 1], 8);
        assert_eq!(one.edition, two.edition);
        assert!(first == second, "edition files differ");
    }

    #[test]
    fn an_authored_edition_opens_and_its_tree_has_the_stated_root() {
        let (authored, bytes) = sample(&[0, 1, 2], 2);
        let device = MemoryDevice::from_bytes(bytes);
        let opened = open(&device).unwrap();
        assert_eq!(opened.header.edition, authored.edition);
        assert_eq!(opened.signed.manifest.0, authored.manifest.encode());
        assert!(opened.seal.is_empty());
        let stored =
            HashTree::read(&device, opened.layout.seal().start, opened.layout.rom_blocks());
        assert_eq!(stored.unwrap().root(), authored.root);
        let rom = opened.layout.rom();
        let mut bytes = vec![0; usize::try_from(rom.end - rom.start).unwrap()];
        device.read_at(rom.start, &mut bytes).unwrap();
        let mut leaves = vec![];
        tree::push_leaves(&mut leaves, &bytes);
        assert_eq!(HashTree::from_leaves(leaves).unwrap().root(), authored.root);
    }

    #[test]
    fn foreign_and_truncated_files_are_named() {
        let (_, bytes) = sample(&[0], 1);
        let cut = MemoryDevice::from_bytes(bytes[..bytes.len() - 4096].to_vec());
        assert!(matches!(open(&cut), Err(EditionError::Length { .. })));
        for foreign in [vec![], vec![0; 4096], vec![0xff; 70_000]] {
            let message = open(&MemoryDevice::from_bytes(foreign)).unwrap_err().to_string();
            assert!(message.contains("expected an edition file"), "{message}");
        }
    }
}
