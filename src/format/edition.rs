//! What is the same on every medium of an edition: manifest, edition seal, settings, catalogue.

use ciborium::Value;

use super::certificate::Chain;
use super::field::{Bytes, Field, Mismatch, Reader, choice, record};
use super::objects;
use crate::units::{Amount, ByteCount, Currency};

/// SHA-256 over a manifest's payload: names an edition.
pub type EditionId = [u8; 32];

/// The most files an edition may have.
pub const FILES_MAX: usize = 100_000;

choice! {
    /// What the writable area's storage can do.
    pub enum RamKind {
        /// Can be rewritten; journals are compacted.
        0 => Rewritable "rewritable",
        /// Can be written once; journals are never compacted.
        1 => WriteOnce "write-once",
    }
}

choice! {
    /// Where a medium keeps papers that came after it was burnt.
    pub enum PaperRoom {
        /// In two files beside the journal's copies.
        1 => Beside "beside the journal",
    }
}

/// A file of the read-only area: [path, size in bytes, root].
///
/// `root` is the tree hash over the file's own 4,096-byte leaves (see the SPEC's section on the
/// hash tree); a file that is stamped later has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Path from the top of the volume, beginning with `/`.
    pub path: String,
    /// Size.
    pub size: ByteCount,
    /// Tree hash; none for the manifest itself and for the slots.
    pub root: Option<[u8; 32]>,
}

impl Field for FileEntry {
    fn to_value(&self) -> Value {
        let mut parts = vec![self.path.to_value(), self.size.to_value()];
        parts.extend(self.root.as_ref().map(Field::to_value));
        Value::Array(parts)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        let Some(parts @ (2 | 3)) = reader.row()? else {
            return Err(Mismatch::new("is not [path, size] or [path, size, root]"));
        };
        let (path, size) = (Field::read(reader)?, Field::read(reader)?);
        let root = if parts == 3 { Some(Field::read(reader)?) } else { None };
        Ok(Self { path, size, root })
    }
}

record! {
    /// The shape of an edition's media: with the file list it fixes every byte but the slots.
    pub struct Shape {
        /// Length of the read-only volume.
        1 => rom: ByteCount,
        /// Length of the writable volume.
        2 => ram: ByteCount,
        /// The read-only volume's label.
        3 => rom_label: String,
        /// The writable volume's label.
        4 => ram_label: String,
        /// What the writable area's storage can do.
        5 => ram_kind: RamKind,
        /// Length of each journal copy.
        6 => journal: ByteCount,
        /// Where it keeps papers that come later; absent where it keeps none.
        7 => papers: Option<PaperRoom>,
    }
}

record! {
    /// What the read-only area holds: enough to lay it out again, byte for byte.
    pub struct Manifest {
        /// The edition's name.
        1 => name: String,
        /// The layout's version; this version writes 1.
        2 => layout: u64,
        /// Sizes and labels.
        3 => shape: Shape,
        /// Every file, sorted by path.
        4 => files: Vec<FileEntry>,
        /// The currency of its prices.
        5 => currency: Currency,
    }
}

record! {
    /// The rom-signer's statement about an edition; lies outside the tree it speaks of.
    pub struct EditionSeal {
        /// SHA-256 over the manifest's payload.
        1 => edition: EditionId,
        /// The hash tree's root with the stamped bytes zeroed.
        2 => root: [u8; 32],
        /// Length of the volume under the tree.
        3 => rom: ByteCount,
    }
}

record! {
    /// `/SCRIP/MANIFEST.CBR`: the signed manifest and the certificates of its signer.
    pub struct SignedManifest {
        /// The manifest, signed by the rom-signer; its bare payload before `sign`.
        1 => manifest: Bytes,
        /// The rom-signer's certificate first; empty before `sign`.
        2 => chain: Chain,
        /// A signed [`ItemEntry`](super::item::ItemEntry) of each item, in the catalogue's order;
        /// absent before `sign`, and where nothing is offered.
        3 => items: Option<Vec<Bytes>>,
    }
}

record! {
    /// Where the wallet can connect.
    pub struct Destination {
        /// For a person.
        1 => name: String,
        /// Where.
        2 => url: String,
        /// SHA-256 over the server key's DER encoding, if pinned.
        3 => pin: Option<[u8; 32]>,
    }
}

record! {
    /// `/SCRIP/SETTINGS.CBR`; an owner's changes overlay it in the writable area.
    pub struct Settings {
        /// BCP 47 tag of the language to begin with.
        1 => language: String,
        /// Currency to show sums in.
        2 => currency: Currency,
        /// Decimal places of that currency.
        3 => exponent: u8,
        /// Where to connect.
        4 => destinations: Vec<Destination>,
        /// Conditions that a display must meet, as `name` or `name=value`.
        5 => display: Vec<String>,
    }
}

choice! {
    /// What an item is.
    pub enum ItemKind {
        /// To read.
        0 => Text "text",
        /// To hear.
        1 => Audio "audio",
        /// To see.
        2 => Picture "picture",
        /// To watch.
        3 => Video "video",
        /// Anything else.
        4 => Other "other",
    }
}

record! {
    /// One thing that can be bought or opened.
    pub struct Item {
        /// Unique in its catalogue.
        1 => id: String,
        /// Title.
        2 => title: String,
        /// Title in Japanese, if it has one.
        3 => title_ja: Option<String>,
        /// What it is.
        4 => kind: ItemKind,
        /// Where it lies on the read-only volume.
        5 => path: String,
        /// Length of its file.
        6 => size: ByteCount,
        /// Price in minor units; 0 is free.
        7 => price: Amount,
        /// Who is paid.
        8 => rights_holder: String,
        /// SHA-256 over what its file holds once it is opened; absent where the file isn't sealed.
        9 => content: Option<[u8; 32]>,
    }
}

record! {
    /// `/SCRIP/CATALOG.CBR`: what the read-only area offers.
    pub struct Catalogue {
        /// The currency of the prices.
        1 => currency: Currency,
        /// Items in the recipe's order.
        2 => items: Vec<Item>,
        /// Which secret the sealed items are sealed under; absent where none is sealed.
        3 => secret: Option<[u8; 16]>,
    }
}

record! {
    /// What the first MiB of an edition file begins with; a medium has its partition table there.
    pub struct EditionHeader {
        /// Always `scrip edition`.
        1 => format: String,
        /// The header's version; this version writes 1.
        2 => version: u64,
        /// SHA-256 over the manifest's payload.
        3 => edition: EditionId,
        /// Where the manifest file lies in the read-only volume.
        4 => manifest_offset: ByteCount,
        /// Length of the manifest file.
        5 => manifest_bytes: ByteCount,
        /// Sizes and labels, as in the manifest.
        6 => shape: Shape,
    }
}

objects! {
    Manifest => Manifest,
    EditionSeal => EditionSeal,
    SignedManifest => Manifest,
    Settings => Settings,
    Catalogue => Catalogue,
    EditionHeader => EditionHeader,
}
