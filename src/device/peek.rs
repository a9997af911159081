//! What lies on a disk, for a person who has to recognise it.

use std::fmt;

use super::{Device, DeviceError};

/// The furthest signature that is looked for, that of btrfs, ends here.
const HEAD_BYTES: u64 = 0x1_0048;
/// A partition table's names are listed up to this many.
const PARTITIONS_MAX: usize = 128;
const GPT_HEADER: usize = 512;
const GPT_ENTRY_BYTES: usize = 128;

/// File systems and the like, by the bytes that give them away and where these lie.
const SIGNATURES: [(usize, &[u8], &str); 17] = [
    (3, b"EXFAT   ", "exFAT"),
    (3, b"NTFS    ", "NTFS"),
    (82, b"FAT32   ", "FAT32"),
    (54, b"FAT16   ", "FAT16"),
    (54, b"FAT12   ", "FAT12"),
    (0x438, &[0x53, 0xEF], "ext"),
    (0x1_0040, b"_BHRfS_M", "btrfs"),
    (0, b"XFSB", "XFS"),
    (0x400, &[0x10, 0x20, 0xF5, 0xF2], "F2FS"),
    (0x400, b"H+", "HFS+"),
    (32, b"NXSB", "APFS"),
    (0x8001, b"CD001", "ISO 9660"),
    (0, b"hsqs", "squashfs"),
    (0, b"LUKS\xBA\xBE", "LUKS"),
    (0x218, b"LVM2 001", "LVM"),
    (0x1000, &[0xFC, 0x4E, 0x2B, 0xA9], "RAID"),
    (4086, b"SWAPSPACE2", "swap"),
];

/// What a first look at a disk finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// Nothing but zeros where anything would begin.
    Blank,
    /// A partition table (GPT), and the names of its partitions.
    Gpt(Vec<String>),
    /// An older partition table (MBR), and how many partitions it has.
    Mbr(usize),
    /// A file system, or a part of something larger, without a partition table.
    Volume(&'static str),
    /// Something else.
    Unknown,
}

impl Contents {
    /// Look at the first bytes of a disk.
    pub fn of(device: &impl Device) -> Result<Self, DeviceError> {
        let len = device.len_bytes().min(HEAD_BYTES);
        let mut head = vec![0; usize::try_from(len).expect("a short head")];
        device.read_at(0, &mut head)?;
        Ok(Self::of_head(&head))
    }

    fn of_head(head: &[u8]) -> Self {
        let volume = SIGNATURES.iter().find(|(at, bytes, _)| holds(head, *at, bytes));
        if holds(head, GPT_HEADER, b"EFI PART") {
            Self::Gpt(gpt_names(head))
        } else if let Some((_, _, name)) = volume {
            Self::Volume(name)
        } else if let Some(count) = mbr_partitions(head).filter(|count| *count > 0) {
            Self::Mbr(count)
        } else if head.iter().all(|byte| *byte == 0) {
            Self::Blank
        } else {
            Self::Unknown
        }
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => write!(f, "blank"),
            Self::Gpt(names) if names.is_empty() => write!(f, "GPT, no partitions"),
            Self::Gpt(names) => write!(f, "GPT: {}", names.join(", ")),
            Self::Mbr(1) => write!(f, "MBR, 1 partition"),
            Self::Mbr(count) => write!(f, "MBR, {count} partitions"),
            Self::Volume(name) => write!(f, "{name}, no partition table"),
            Self::Unknown => write!(f, "unknown data"),
        }
    }
}

fn holds(head: &[u8], at: usize, bytes: &[u8]) -> bool {
    head.get(at..).is_some_and(|rest| rest.starts_with(bytes))
}

/// The names of a GPT's partitions, where its entries lie in the head (UEFI 2.10, section 5.3).
fn gpt_names(head: &[u8]) -> Vec<String> {
    let entries = field(head, GPT_HEADER + 72).and_then(|block| block.checked_mul(512));
    let start = entries.and_then(|start| usize::try_from(start).ok());
    let entries = start.and_then(|start| head.get(start..)).unwrap_or(&[]);
    let entries = entries.chunks_exact(GPT_ENTRY_BYTES).take(PARTITIONS_MAX);
    let used = entries.filter(|entry| entry[..16] != [0; 16]);
    used.map(|entry| plain_name(&entry[56..GPT_ENTRY_BYTES])).collect()
}

/// A name in UTF-16, without what a terminal would take as a command.
fn plain_name(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let units = units.take_while(|unit| *unit != 0);
    let letters = char::decode_utf16(units).map(|letter| letter.unwrap_or('?'));
    let name: String =
        letters.map(|letter| if letter.is_control() { '?' } else { letter }).collect();
    if name.is_empty() { "no name".to_owned() } else { name }
}

fn field(head: &[u8], at: usize) -> Option<u64> {
    head.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// How many of the four entries of an MBR are used.
fn mbr_partitions(head: &[u8]) -> Option<usize> {
    let table = head.get(446..510).filter(|_| holds(head, 510, &[0x55, 0xAA]))?;
    Some(table.chunks_exact(16).filter(|entry| entry[4] != 0).count())
}

#[cfg(test)]
mod tests {
    use super::{Contents, SIGNATURES};
    use crate::device::MemoryDevice;

    fn told(changes: &[(usize, &[u8])]) -> String {
        let mut bytes = vec![0; 1 << 17];
        for (at, new) in changes {
            bytes[*at..at + new.len()].copy_from_slice(new);
        }
        Contents::of(&MemoryDevice::from_bytes(bytes)).unwrap().to_string()
    }

    #[test]
    fn every_signature_is_found() {
        for (at, bytes, name) in SIGNATURES {
            assert_eq!(told(&[(at, bytes)]), format!("{name}, no partition table"));
        }
    }

    #[test]
    fn tables_are_told_with_their_partitions() {
        let header: (usize, &[u8]) = (512, b"EFI PART");
        let at: (usize, &[u8]) = (512 + 72, &[2]);
        let rom: (usize, &[u8]) = (1024, &[1]);
        let name: (usize, &[u8]) = (1024 + 56, b"R\0O\0M\0");
        let hostile: (usize, &[u8]) = (1024 + 128, &[1]);
        let escape: (usize, &[u8]) = (1024 + 128 + 56, b"\x1b\0[\x002\0J\0");
        assert_eq!(told(&[header, at]), "GPT, no partitions");
        assert_eq!(told(&[header, at, rom, name, hostile, escape]), "GPT: ROM, ?[2J");
        assert_eq!(told(&[header, (512 + 72, &[0xFF; 8])]), "GPT, no partitions");
        let mbr: (usize, &[u8]) = (510, &[0x55, 0xAA]);
        let entry: (usize, &[u8]) = (450, &[0x0C]);
        assert_eq!(told(&[mbr, entry]), "MBR, 1 partition");
        assert_eq!(told(&[mbr, entry, (466, &[0x83])]), "MBR, 2 partitions");
    }

    #[test]
    fn blank_unknown_and_tiny_disks_are_told() {
        assert_eq!(told(&[]), "blank");
        assert_eq!(told(&[(777, &[1])]), "unknown data");
        for len in [0, 1, 511, 513] {
            let tiny = MemoryDevice::filled(len, 0xEE);
            let expected = if len == 0 { Contents::Blank } else { Contents::Unknown };
            assert_eq!(Contents::of(&tiny).unwrap(), expected);
        }
    }
}
