//! The partition table: GPT with a protective MBR (UEFI 2.10, chapter 5), as exact bytes.

use super::layout::{ALIGN_BYTES, Layout, Names};

/// Bytes of a logical sector; media with others are not supported.
pub const SECTOR_BYTES: u64 = 512;
/// Sectors of MBR, header and entries at the start.
pub const PRIMARY_SECTORS: u64 = 34;
/// Sectors of entries and header at the end.
pub const BACKUP_SECTORS: u64 = 33;
const ENTRIES: usize = 128;
const ENTRY_BYTES: usize = 128;
/// Bytes of a header that mean something, from the second sector on.
pub const HEADER_BYTES: usize = 92;

/// Type of ROM and RAM: Microsoft basic data.
const BASIC_DATA: [u8; 16] = mixed(0xEBD0_A0A2_B9E5_4433_87C0_68B6_B726_99C7);
/// Type of SEAL: Scrip's own, so that no system gives it a drive letter or mounts it.
const SEAL_TYPE: [u8; 16] = mixed(0xB14C_82C4_C284_4DFE_B107_7DE9_61D0_0FE9);
/// Attribute bit 60 of basic data partitions: read-only.
const READ_ONLY: u64 = 1 << 60;
/// Attribute bit 63 of basic data partitions: no drive letter.
const NO_DRIVE_LETTER: u64 = 1 << 63;

/// The bytes of a medium's partition tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Protective MBR, header and entries: from byte 0.
    pub primary: Vec<u8>,
    /// Entries and header: the last bytes of the medium.
    pub backup: Vec<u8>,
}

impl Tables {
    /// The tables of a medium of `len` bytes, a multiple of the sector size.
    pub fn new(layout: &Layout, names: &Names, len: u64) -> Self {
        let entries = entries(layout, names);
        let last = len / SECTOR_BYTES - 1;
        let mut primary = protective_mbr(last);
        primary.extend(header(names, &entries, 1, last, 2));
        primary.extend(&entries);
        let mut backup = entries.clone();
        backup.extend(header(names, &entries, last, 1, last - BACKUP_SECTORS + 1));
        Self { primary, backup }
    }

    /// Where the backup begins on a medium of `len` bytes.
    pub fn backup_offset(len: u64) -> u64 {
        len - BACKUP_SECTORS * SECTOR_BYTES
    }
}

/// One partition as a table states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

/// The first entry (ROM) that a table on a medium states, wherever its header and entries are
/// whole: used to find the manifest, never to believe anything.
pub fn first_partition(header: &[u8], entries: &[u8], len: u64) -> Option<Stated> {
    if header.get(..8)? != b"EFI PART" || entries.len() != ENTRIES * ENTRY_BYTES {
        return None;
    }
    let entry = &entries[..ENTRY_BYTES];
    let word = |at: usize| Some(u64::from_le_bytes(entry.get(at..at + 8)?.try_into().ok()?));
    let start = word(32)?.checked_mul(SECTOR_BYTES)?;
    let end = word(40)?.checked_add(1)?.checked_mul(SECTOR_BYTES)?;
    (entry[..16] == BASIC_DATA && start == ALIGN_BYTES && start < end && end <= len)
        .then_some(Stated { start, end })
}

/// The disk's GUID that a table's header states, in the byte order of RFC 9562: used to recognise
/// a medium, never to believe anything.
pub fn disk_guid(header: &[u8]) -> Option<[u8; 16]> {
    let stated = header.get(56..72)?.try_into().ok()?;
    header.starts_with(b"EFI PART").then(|| mix(stated))
}

/// A GUID as tables store it: the first three fields little-endian.
const fn mixed(guid: u128) -> [u8; 16] {
    let b = guid.to_be_bytes();
    mix(b)
}

const fn mix(b: [u8; 16]) -> [u8; 16] {
    [
        b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13],
        b[14], b[15],
    ]
}

fn entries(layout: &Layout, names: &Names) -> Vec<u8> {
    let mut out = vec![0; ENTRIES * ENTRY_BYTES];
    let parts = [
        (BASIC_DATA, layout.rom(), READ_ONLY, "Scrip ROM"),
        (SEAL_TYPE, layout.seal(), NO_DRIVE_LETTER, "Scrip SEAL"),
        (BASIC_DATA, layout.ram(), 0, "Scrip RAM"),
    ];
    for (place, (kind, range, attributes, name)) in parts.into_iter().enumerate() {
        let entry = &mut out[place * ENTRY_BYTES..][..ENTRY_BYTES];
        entry[..16].copy_from_slice(&kind);
        entry[16..32].copy_from_slice(&mix(names.partitions[place]));
        entry[32..40].copy_from_slice(&(range.start / SECTOR_BYTES).to_le_bytes());
        entry[40..48].copy_from_slice(&(range.end / SECTOR_BYTES - 1).to_le_bytes());
        entry[48..56].copy_from_slice(&attributes.to_le_bytes());
        for (letter, unit) in name.encode_utf16().enumerate() {
            entry[56 + 2 * letter..][..2].copy_from_slice(&unit.to_le_bytes());
        }
    }
    out
}

fn header(names: &Names, entries: &[u8], own: u64, other: u64, entries_at: u64) -> Vec<u8> {
    let last = own.max(other);
    let mut out = Vec::with_capacity(512);
    out.extend(b"EFI PART");
    out.extend(0x0001_0000_u32.to_le_bytes());
    out.extend(u32::try_from(HEADER_BYTES).expect("92").to_le_bytes());
    out.extend([0; 8]); // CRC32 of the header, filled in below; reserved
    for word in [own, other, PRIMARY_SECTORS, last - BACKUP_SECTORS] {
        out.extend(word.to_le_bytes());
    }
    out.extend(mix(names.disk));
    out.extend(entries_at.to_le_bytes());
    for word in [ENTRIES, ENTRY_BYTES] {
        out.extend(u32::try_from(word).expect("128").to_le_bytes());
    }
    out.extend(crc32fast::hash(entries).to_le_bytes());
    let crc = crc32fast::hash(&out);
    out[16..20].copy_from_slice(&crc.to_le_bytes());
    out.resize(512, 0);
    out
}

fn protective_mbr(last: u64) -> Vec<u8> {
    let mut out = vec![0; 512];
    let sectors = u32::try_from(last).unwrap_or(u32::MAX);
    out[446..462].copy_from_slice(&[0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0]);
    out[458..462].copy_from_slice(&sectors.to_le_bytes());
    out[510..].copy_from_slice(&[0x55, 0xaa]);
    out
}
