//! Where everything lies on a medium: a pure function of the edition's shape.
//!
//! ```text
//! 0        1 MiB            ...                 ...              end - 1 MiB
//! | GPT   | ROM volume     | SEAL              | RAM volume    | ... | backup GPT |
//! ```
//! Every part begins on a whole MiB. SEAL holds the dm-verity superblock and hash tree over the ROM
//! volume, zeros, and in its last 32 KiB the edition seal and the medium seal, 16 KiB each.

use std::ops::Range;

use super::tree;
use crate::crypto::digest::sha256_parts;
use crate::fat::{
    self, Entry, Geometry, GeometryError, Label, Options, Placement, Plan, PlanError, Tray,
};
use crate::format::access;
use crate::format::edition::{Manifest, PaperRoom, Shape};
use crate::format::papers;
use crate::units::MediumId;

/// Everything is aligned to this.
pub const ALIGN_BYTES: u64 = 1 << 20;
/// Length of each of the two seal slots at the end of SEAL.
pub const SEAL_SLOT_BYTES: u64 = 16 << 10;
/// The smallest volume: below it FAT32 has too few clusters.
pub const VOLUME_MIN_BYTES: u64 = 34 << 20;
/// The largest volume.
pub const VOLUME_MAX_BYTES: u64 = 1 << 40;
/// The largest journal copy.
pub const JOURNAL_MAX_BYTES: u64 = 64 << 20;
/// What lies between the FATs and the first copy of the owner's files.
const CLEARANCE_BYTES: u64 = 4 << 20;
/// What lies between the two copies.
const SEPARATION_BYTES: u64 = 16 << 20;
/// Length of an access file.
pub const ACCESS_BYTES: u64 = (access::SLOT_BYTES * access::SLOTS) as u64;
/// Length of a ring file.
pub const RING_BYTES: u64 = (access::ITEM_KEY_BYTES * access::ITEM_KEYS) as u64;

/// Length of a papers file.
pub const PAPERS_BYTES: u64 = (papers::PAPERS_SLOT_BYTES * papers::PAPERS_SLOTS) as u64;

/// The manifest's file on the ROM volume.
pub const MANIFEST_PATH: &str = "/SCRIP/MANIFEST.CBR";
/// The settings' file on the ROM volume.
pub const SETTINGS_PATH: &str = "/SCRIP/SETTINGS.CBR";
/// The catalogue's file on the ROM volume.
pub const CATALOGUE_PATH: &str = "/SCRIP/CATALOG.CBR";
/// The file that takes what no other file takes.
pub const RESERVE_PATH: &str = "/SCRIP/RESERVE.BIN";

/// A file of fixed size that is stamped when a medium is burnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Its path on the ROM volume.
    pub path: &'static str,
    /// Its length.
    pub bytes: u64,
}

/// The medium's certificate and its store's chain.
pub const CERTIFICATE_SLOT: Slot = Slot { path: "/SCRIP/MEDIUM/CERT.CBR", bytes: 8 << 10 };
/// The signed policy.
pub const POLICY_SLOT: Slot = Slot { path: "/SCRIP/MEDIUM/POLICY.CBR", bytes: 4 << 10 };
/// The signed revocation list, or nothing.
pub const REVOKED_SLOT: Slot = Slot { path: "/SCRIP/MEDIUM/REVOKED.CBR", bytes: 16 << 10 };
/// The live sheets.
pub const SHEETS_SLOT: Slot = Slot { path: "/SCRIP/MEDIUM/SHEETS.CBR", bytes: 8 << 10 };
/// User information.
pub const USER_SLOT: Slot = Slot { path: "/SCRIP/MEDIUM/USER.CBR", bytes: 4 << 10 };
/// All slots, sorted by path.
pub const SLOTS: [Slot; 5] = [CERTIFICATE_SLOT, POLICY_SLOT, REVOKED_SLOT, SHEETS_SLOT, USER_SLOT];

/// The two copies of the owner's files on the RAM volume.
pub const ACCESS_PATHS: [&str; 2] = ["/SCRIP/ACCESS.A", "/SCRIP/ACCESS.B"];
/// The two copies of the journal on the RAM volume.
pub const JOURNAL_PATHS: [&str; 2] = ["/SCRIP/JOURNAL.A", "/SCRIP/JOURNAL.B"];
/// The two copies of the item key ring on the RAM volume.
pub const RING_PATHS: [&str; 2] = ["/SCRIP/ITEMS.A", "/SCRIP/ITEMS.B"];
/// The two copies of the papers that a medium keeps on the RAM volume.
pub const PAPERS_PATHS: [&str; 2] = ["/SCRIP/PAPERS.A", "/SCRIP/PAPERS.B"];
const RAM_DIRECTORIES: [&str; 3] = [Tray::Inbox.path(), Tray::Outbox.path(), "/SCRIP/SHEETS"];

/// Why a shape gives no medium.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A length that isn't whole MiB or is out of range.
    #[error("{what} of {bytes} bytes: expected {min} to {max}, in whole MiB")]
    Size {
        /// Which length.
        what: &'static str,
        /// What was given.
        bytes: u64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// The volume can't be.
    #[error("{0} volume: {1}")]
    Geometry(&'static str, GeometryError),
    /// The files can't be laid out.
    #[error("{0} volume: {1}")]
    Plan(&'static str, PlanError),
}

/// Where the parts of a medium lie; all ranges in bytes from its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    shape: Shape,
    rom: Range<u64>,
    seal: Range<u64>,
    ram: Range<u64>,
}

impl Layout {
    /// The layout that a shape gives.
    pub fn new(shape: &Shape) -> Result<Self, LayoutError> {
        let (rom, ram) = (shape.rom.bytes(), shape.ram.bytes());
        whole_mib("read-only area", rom, VOLUME_MIN_BYTES, VOLUME_MAX_BYTES)?;
        whole_mib("writable area", ram, VOLUME_MIN_BYTES, VOLUME_MAX_BYTES)?;
        let journal_max = JOURNAL_MAX_BYTES.min((ram - VOLUME_MIN_BYTES) / 2 + (4 << 20));
        whole_mib("journal copy", shape.journal.bytes(), ALIGN_BYTES, journal_max)?;
        let tree = tree::stored_blocks(rom / tree::BLOCK_BYTES as u64) * tree::BLOCK_BYTES as u64;
        let seal = (tree + 2 * SEAL_SLOT_BYTES).next_multiple_of(ALIGN_BYTES);
        let (rom_end, seal_end) = (ALIGN_BYTES + rom, ALIGN_BYTES + rom + seal);
        Ok(Self {
            shape: shape.clone(),
            rom: ALIGN_BYTES..rom_end,
            seal: rom_end..seal_end,
            ram: seal_end..seal_end + ram,
        })
    }

    /// The shape it came from.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The read-only volume.
    pub fn rom(&self) -> Range<u64> {
        self.rom.clone()
    }

    /// The seal's partition.
    pub fn seal(&self) -> Range<u64> {
        self.seal.clone()
    }

    /// The writable volume.
    pub fn ram(&self) -> Range<u64> {
        self.ram.clone()
    }

    /// Where the edition seal lies.
    pub fn edition_seal(&self) -> Range<u64> {
        self.seal.end - 2 * SEAL_SLOT_BYTES..self.seal.end - SEAL_SLOT_BYTES
    }

    /// Where the medium seal lies.
    pub fn medium_seal(&self) -> Range<u64> {
        self.seal.end - SEAL_SLOT_BYTES..self.seal.end
    }

    /// Length of an edition file: all up to the end of SEAL.
    pub fn edition_bytes(&self) -> u64 {
        self.seal.end
    }

    /// The shortest medium, and the length of an image: one MiB behind RAM for the backup table.
    pub fn medium_bytes(&self) -> u64 {
        self.ram.end + ALIGN_BYTES
    }

    /// Blocks of the read-only volume.
    pub fn rom_blocks(&self) -> u64 {
        (self.rom.end - self.rom.start) / tree::BLOCK_BYTES as u64
    }

    /// The read-only volume with this serial, laid out from a manifest's files.
    pub fn rom_plan(&self, manifest: &Manifest, serial: u32) -> Result<Plan, LayoutError> {
        let entries = manifest
            .files
            .iter()
            .map(|file| Entry { path: file.path.clone(), size_bytes: file.size.bytes() });
        let geometry = volume("read-only", &self.rom, &self.shape.rom_label, serial)?;
        fat::plan(&geometry, entries.collect(), &Options::sealed(RESERVE_PATH))
            .map_err(|error| LayoutError::Plan("read-only", error))
    }

    /// The writable volume with this serial, as it is when a medium is new.
    pub fn ram_plan(&self, serial: u32) -> Result<Plan, LayoutError> {
        let geometry = volume("writable", &self.ram, &self.shape.ram_label, serial)?;
        let journal = self.shape.journal.bytes();
        let first = geometry.data_offset().next_multiple_of(ALIGN_BYTES) + CLEARANCE_BYTES;
        let second = first + ACCESS_BYTES + journal + SEPARATION_BYTES;
        let mut options = Options::writable();
        options.directories = RAM_DIRECTORIES.map(str::to_owned).to_vec();
        let mut entries = vec![];
        for (copy, start) in [first, second].into_iter().enumerate() {
            let ring = start + ACCESS_BYTES + journal;
            let papers = (PAPERS_PATHS[copy], ring + RING_BYTES, PAPERS_BYTES);
            let files = [
                (ACCESS_PATHS[copy], start, ACCESS_BYTES),
                (JOURNAL_PATHS[copy], start + ACCESS_BYTES, journal),
                (RING_PATHS[copy], ring, RING_BYTES),
            ];
            let papers = self.shape.papers.map(|PaperRoom::Beside| papers);
            for (path, offset_bytes, size_bytes) in files.into_iter().chain(papers) {
                entries.push(Entry { path: path.to_owned(), size_bytes });
                options.placed.push(Placement { path: path.to_owned(), offset_bytes });
            }
        }
        fat::plan(&geometry, entries, &options)
            .map_err(|error| LayoutError::Plan("writable", error))
    }
}

fn volume(
    name: &'static str,
    range: &Range<u64>,
    label: &str,
    serial: u32,
) -> Result<Geometry, LayoutError> {
    let hidden = u32::try_from(range.start / 512).unwrap_or(u32::MAX);
    Label::new(label)
        .and_then(|label| Geometry::new(range.end - range.start, hidden, label, serial))
        .map_err(|error| LayoutError::Geometry(name, error))
}

fn whole_mib(what: &'static str, bytes: u64, min: u64, max: u64) -> Result<(), LayoutError> {
    if !bytes.is_multiple_of(ALIGN_BYTES) || !(min..=max).contains(&bytes) {
        return Err(LayoutError::Size { what, bytes, min, max });
    }
    Ok(())
}

/// What tells two media apart on one computer: derived from the medium's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// GUID of the disk.
    pub disk: [u8; 16],
    /// GUIDs of the partitions ROM, SEAL, RAM.
    pub partitions: [[u8; 16]; 3],
    /// Serial of the read-only volume.
    pub rom_serial: u32,
    /// Serial of the writable volume.
    pub ram_serial: u32,
}

impl Names {
    /// The names of a medium.
    pub fn of(medium: MediumId) -> Self {
        let derive = |what: &str| {
            sha256_parts(&[b"scrip/v1/name/", what.as_bytes(), &medium.number().to_be_bytes()])
        };
        let serial = |what| {
            let digest = derive(what);
            // A serial of zero is an edition's, before it is stamped.
            u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]).max(1)
        };
        Self {
            disk: guid(&derive("disk")),
            partitions: ["rom", "seal", "ram"].map(|part| guid(&derive(part))),
            rom_serial: serial("rom-serial"),
            ram_serial: serial("ram-serial"),
        }
    }
}

/// A version 8 UUID (RFC 9562) from a digest, in the byte order of RFC 9562.
pub fn guid(digest: &[u8; 32]) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id[6] = id[6] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::edition::RamKind;
    use crate::units::ByteCount;

    fn shape(rom: u64, ram: u64, journal: u64) -> Shape {
        let mib = |count| ByteCount::from_bytes(count << 20);
        Shape {
            rom: mib(rom),
            ram: mib(ram),
            rom_label: "SCRIP-ROM".to_owned(),
            ram_label: "SCRIP-RAM".to_owned(),
            ram_kind: RamKind::Rewritable,
            journal: mib(journal),
            papers: Some(PaperRoom::Beside),
        }
    }

    #[test]
    fn parts_follow_each_other_on_whole_mib() {
        for (rom, ram, journal) in [(34, 34, 1), (34, 34, 4), (350, 300, 4), (4000, 2000, 64)] {
            let layout = Layout::new(&shape(rom, ram, journal)).unwrap();
            assert_eq!(layout.rom().start, ALIGN_BYTES);
            assert_eq!(layout.rom().end, layout.seal().start);
            assert_eq!(layout.seal().end, layout.ram().start);
            assert!(layout.seal().end.is_multiple_of(ALIGN_BYTES));
            let tree_end = layout.seal().start + tree::stored_blocks(layout.rom_blocks()) * 4096;
            assert!(tree_end <= layout.edition_seal().start);
            let plan = layout.ram_plan(7).unwrap();
            let offsets = JOURNAL_PATHS.map(|path| plan.locate(path).unwrap());
            assert!(offsets[1] - offsets[0] >= (16 << 20) + (journal << 20));
        }
    }

    #[test]
    fn sizes_out_of_range_are_named() {
        for (bad, words) in [
            (shape(33, 34, 1), "read-only area of 34603008 bytes: expected 35651584"),
            (shape(34, 33, 1), "writable area of"),
            (shape(34, 34, 0), "journal copy of 0 bytes"),
            (shape(34, 34, 5), "journal copy of 5242880 bytes"),
        ] {
            let message = Layout::new(&bad).unwrap_err().to_string();
            assert!(message.starts_with(words), "{message}");
        }
    }

    #[test]
    fn names_differ_between_media() {
        let (one, two) = (Names::of(MediumId::from_serial(1)), Names::of(MediumId::from_serial(2)));
        assert_ne!(one, two);
        assert_ne!(one.partitions[0], one.partitions[1]);
        assert_eq!(one.disk[6] >> 4, 8);
    }
}
