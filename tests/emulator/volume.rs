//! A reader of FAT32 volumes that knows just enough to name each byte that changed.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

const SECTOR: usize = 512;
const ENTRY: usize = 32;
const FOLDER: u8 = 0x10;
const LONG_NAME: u8 = 0x0F;
/// The fields of a directory entry that stay what they are called, by their last byte.
const ENTRY_FIELDS: [(usize, &str); 12] = [
    (10, "name"),
    (11, "attributes"),
    (12, "case"),
    (13, "creation tenths"),
    (15, "creation time"),
    (17, "creation date"),
    (19, "access date"),
    (21, "first cluster"),
    (23, "write time"),
    (25, "write date"),
    (27, "first cluster"),
    (31, "size"),
];

/// A field that two states of a volume differ in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Change {
    /// What the field is: `boot sector: state`, `/A.TXT: access date`.
    pub(crate) field: String,
    /// Where it lies in the volume.
    pub(crate) offset: usize,
    /// Its bytes before, least significant first.
    pub(crate) before: Vec<u8>,
    /// Its bytes after.
    pub(crate) after: Vec<u8>,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} @{}: {:02x?} -> {:02x?}", self.field, self.offset, self.before, self.after)
    }
}

/// A file or folder of a volume.
pub(crate) struct Entry {
    /// Short names from the root down.
    pub(crate) path: String,
    /// Where its 32 bytes lie in the volume.
    pub(crate) offset: usize,
    attributes: u8,
    cluster: usize,
}

impl Entry {
    /// No folder, nor a folder's link to itself or its parent.
    pub(crate) fn is_file(&self) -> bool {
        self.attributes & FOLDER == 0
    }
}

/// A volume's bytes and its geometry.
pub(crate) struct Volume<'bytes> {
    bytes: &'bytes [u8],
    fats: Range<usize>,
    fat_bytes: usize,
    cluster_bytes: usize,
}

/// Every field that differs between two states of a volume, named after the state before.
pub(crate) fn changes(before: &[u8], after: &[u8]) -> BTreeSet<Change> {
    assert_eq!(before.len(), after.len());
    let volume = Volume::new(before);
    let entries = volume.entries();
    let differing = (0..before.len()).filter(|&offset| before[offset] != after[offset]);
    differing
        .map(|offset| {
            let (field, range) = volume.field(&entries, offset);
            let (before, after) = (before[range.clone()].to_vec(), after[range.clone()].to_vec());
            Change { field, offset: range.start, before, after }
        })
        .collect()
}

impl<'bytes> Volume<'bytes> {
    pub(crate) fn new(bytes: &'bytes [u8]) -> Self {
        let fat_bytes = number(bytes, 36, 4) * SECTOR;
        let start = number(bytes, 14, 2) * SECTOR;
        let fats = start..start + number(bytes, 16, 1) * fat_bytes;
        Self { bytes, fats, fat_bytes, cluster_bytes: number(bytes, 13, 1) * SECTOR }
    }

    /// How many bytes the clusters in no chain hold.
    pub(crate) fn free_bytes(&self) -> usize {
        let clusters = (self.bytes.len() - self.fats.end) / self.cluster_bytes;
        (2..clusters + 2).filter(|&cluster| self.next(cluster) == 0).count() * self.cluster_bytes
    }

    /// All files and folders, the root aside.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.collect(number(self.bytes, 44, 4), "", &mut entries);
        entries
    }

    fn collect(&self, first: usize, parent: &str, entries: &mut Vec<Entry>) {
        for cluster in self.chain(first) {
            for offset in self.data(cluster).step_by(ENTRY) {
                let Some(entry) = self.entry(offset, parent) else { continue };
                let child = (!entry.is_file() && !entry.path.ends_with('.'))
                    .then(|| (entry.cluster, entry.path.clone()));
                entries.push(entry);
                if let Some((cluster, path)) = child {
                    self.collect(cluster, &path, entries);
                }
            }
        }
    }

    fn entry(&self, offset: usize, parent: &str) -> Option<Entry> {
        let raw = &self.bytes[offset..offset + ENTRY];
        if raw[0] == 0 || raw[0] == 0xE5 || raw[11] & LONG_NAME == LONG_NAME {
            return None;
        }
        let name = String::from_utf8_lossy(&raw[..8]).trim().to_owned();
        let extension = String::from_utf8_lossy(&raw[8..11]).trim().to_owned();
        let dot = if extension.is_empty() { "" } else { "." };
        let cluster = number(raw, 20, 2) << 16 | number(raw, 26, 2);
        let path = format!("{parent}/{name}{dot}{extension}");
        Some(Entry { path, offset, attributes: raw[11], cluster })
    }

    /// The clusters of a file or folder.
    fn chain(&self, first: usize) -> impl Iterator<Item = usize> {
        let clusters = 2..self.fat_bytes / 4;
        let real = move |cluster: usize| clusters.contains(&cluster).then_some(cluster);
        std::iter::successors(real.clone()(first), move |&cluster| real(self.next(cluster)))
            .take(self.fat_bytes / 4)
    }

    fn next(&self, cluster: usize) -> usize {
        number(self.bytes, self.fats.start + cluster * 4, 4) & 0x0FFF_FFFF
    }

    fn data(&self, cluster: usize) -> Range<usize> {
        let start = self.fats.end + (cluster - 2) * self.cluster_bytes;
        start..start + self.cluster_bytes
    }

    /// The name and extent of the field that holds a byte.
    fn field(&self, entries: &[Entry], offset: usize) -> (String, Range<usize>) {
        let one = offset..offset + 1;
        match offset {
            65 => ("boot sector: state".to_owned(), one),
            0..512 => (format!("boot sector: byte {offset}"), one),
            1000..1004 => ("FSInfo: free count".to_owned(), 1000..1004),
            1004..1008 => ("FSInfo: next free".to_owned(), 1004..1008),
            _ if offset < self.fats.start => (format!("reserved sectors: byte {offset}"), one),
            _ if offset < self.fats.end => self.fat_field(offset),
            _ => self.data_field(entries, offset),
        }
    }

    fn fat_field(&self, offset: usize) -> (String, Range<usize>) {
        let (place, start) = (offset - self.fats.start, offset / 4 * 4);
        let (copy, cluster) = (place / self.fat_bytes, place % self.fat_bytes / 4);
        (format!("FAT {copy}: cluster {cluster}"), start..start + 4)
    }

    fn data_field(&self, entries: &[Entry], offset: usize) -> (String, Range<usize>) {
        if let Some(entry) = entries.iter().find(|e| (e.offset..e.offset + ENTRY).contains(&offset))
        {
            return entry_field(entry, offset);
        }
        let cluster = (offset - self.fats.end) / self.cluster_bytes + 2;
        let owner = entries.iter().find(|entry| {
            !entry.path.ends_with('.') && self.chain(entry.cluster).any(|part| part == cluster)
        });
        let owner = owner.map_or("root folder or free space", |entry| &entry.path);
        (format!("{owner}: data in cluster {cluster}"), self.data(cluster))
    }
}

fn entry_field(entry: &Entry, offset: usize) -> (String, Range<usize>) {
    let place = offset - entry.offset;
    let field = ENTRY_FIELDS.iter().position(|(last, _)| place <= *last).expect("32 bytes");
    let start = if field == 0 { 0 } else { ENTRY_FIELDS[field - 1].0 + 1 };
    let (last, name) = ENTRY_FIELDS[field];
    (format!("{}: {name}", entry.path), entry.offset + start..entry.offset + last + 1)
}

/// A little-endian number of up to eight bytes.
fn number(bytes: &[u8], offset: usize, length: usize) -> usize {
    bytes[offset..offset + length].iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte))
}
