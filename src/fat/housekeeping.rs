//! The bytes that ordinary use of a volume changes, and what each other metadata byte belongs to.

use std::collections::HashMap;
use std::ops::Range;

use super::difference::What;
use super::geometry::{BOOT_SECTORS, INFO_SECTORS, RESERVED_SECTORS, SECTOR_BYTES};
use super::layout::Source;
use super::listing::{self, Listed};
use super::name::fold;
use super::plan::Plan;
use super::record::{DIRECTORY, LONG_NAME, RECORD_BYTES, VOLUME_LABEL};

/// Fields of a boot sector in front of its boot code: end and name.
const BOOT_FIELDS: [(u64, &str); 26] = [
    (3, "BS_jmpBoot"),
    (11, "BS_OEMName"),
    (13, "BPB_BytsPerSec"),
    (14, "BPB_SecPerClus"),
    (16, "BPB_RsvdSecCnt"),
    (17, "BPB_NumFATs"),
    (19, "BPB_RootEntCnt"),
    (21, "BPB_TotSec16"),
    (22, "BPB_Media"),
    (24, "BPB_FATSz16"),
    (26, "BPB_SecPerTrk"),
    (28, "BPB_NumHeads"),
    (32, "BPB_HiddSec"),
    (36, "BPB_TotSec32"),
    (40, "BPB_FATSz32"),
    (42, "BPB_ExtFlags"),
    (44, "BPB_FSVer"),
    (48, "BPB_RootClus"),
    (50, "BPB_FSInfo"),
    (52, "BPB_BkBootSec"),
    (64, "BPB_Reserved"),
    (65, "BS_DrvNum"),
    (67, "BS_BootSig"),
    (71, "BS_VolID"),
    (82, "BS_VolLab"),
    (90, "BS_FilSysType"),
];
/// The boot sector's byte of marks, and the bits that are marks: dirty, and surface test wanted.
const BOOT_MARKS: (u64, u8) = (0x41, 0x03);
/// Count of free clusters and next free cluster in the `FSInfo` sector.
const HINTS: [Range<u64>; 2] = [488..492, 492..496];
/// The bits of a FAT's byte 7, the top one of entry 1, that mark a clean volume: 27 and 26 of the
/// entry, and the four unused bits above them, which Windows writes along.
const FAT_MARKS: (u64, u8) = (7, 0xFC);

/// Date of last access in a record.
const ACCESS_DATE: Range<u64> = 18..20;
/// Time and date of last change in a record.
const CHANGE_TIME: Range<u64> = 22..26;

/// A byte that ordinary use changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HousekeepingByte {
    /// Its offset in the volume.
    pub offset: u64,
    /// The bits that may change.
    pub mask: u8,
}

/// A stretch of metadata that differs as a whole or not at all.
pub(super) struct Unit {
    /// Its bytes in the volume.
    pub(super) range: Range<u64>,
    /// What it is when bits outside the mask differ.
    pub(super) what: What,
    /// The housekeeping in it, and the bits that count as such in each of its bytes.
    pub(super) housekeeping: Option<(What, [u8; 4])>,
}

impl Unit {
    fn fixed(range: Range<u64>, what: What) -> Self {
        Self { range, what, housekeeping: None }
    }

    /// What a difference between `actual` and `planned`, the unit's bytes, is.
    pub(super) fn judge(&self, actual: &[u8], planned: &[u8]) -> What {
        match &self.housekeeping {
            Some((what, masks)) => {
                let bytes = actual.iter().zip(planned).zip(masks);
                let mut changed = bytes.map(|((a, p), mask)| (a ^ p) & !mask);
                let listed = changed.all(|bits| bits == 0);
                if listed { what.clone() } else { self.what.clone() }
            }
            None => self.what.clone(),
        }
    }
}

/// The listed housekeeping bytes of a planned volume, ascending.
///
/// What Linux (`fs/fat`), Windows (`fastfat`) and macOS (`msdosfs`) write to a volume that nobody
/// writes to:
/// - the marks of a volume in use: bits 0 and 1 of byte 0x41 of the boot sector, and of its backup,
///   into which repair tools copy it; bits 26 to 31 of entry 1 in both FATs (bits 28 to 31 because
///   Windows writes 0x7FFFFFFF and 0xFFFFFFFF there);
/// - the count of free clusters and the next free cluster in the `FSInfo` sector, not in its copy;
/// - the date of last access of each file and directory, in its own record, in a directory's `.`
///   record and in the volume label's, where macOS keeps the dates of directories;
/// - in the same records but those of files, the date and time of change: systems set it when they
///   add an entry of their own to a directory or remove it, or try to where no cluster is free.
pub fn housekeeping_bytes(plan: &Plan) -> Vec<HousekeepingByte> {
    let all = |range: Range<u64>| range.map(|offset| HousekeepingByte { offset, mask: 0xFF });
    let marks = BOOT_SECTORS
        .map(|sector| (sector * SECTOR_BYTES + BOOT_MARKS.0, BOOT_MARKS.1))
        .into_iter()
        .chain(plan.geometry.fat_offsets().map(|fat| (fat + FAT_MARKS.0, FAT_MARKS.1)))
        .map(|(offset, mask)| HousekeepingByte { offset, mask });
    let info = INFO_SECTORS[0] * SECTOR_BYTES;
    let hints = HINTS.into_iter().flat_map(|hint| all(info + hint.start..info + hint.end));
    let dates = plan.directories.iter().flat_map(|directory| {
        let records = plan.records[directory.records.clone()].as_chunks::<RECORD_BYTES>().0;
        let starts = (directory.range.start..).step_by(RECORD_BYTES);
        records.iter().zip(starts).flat_map(|(record, start)| {
            dates_of(record).map(move |date| start + date.start..start + date.end)
        })
    });
    let dates = dates.flat_map(all);
    let mut bytes: Vec<_> = marks.chain(hints).chain(dates).collect();
    bytes.sort_unstable_by_key(|byte| byte.offset);
    bytes
}

/// The dates in a planned record that ordinary use changes.
fn dates_of(record: &[u8; RECORD_BYTES]) -> impl Iterator<Item = Range<u64>> {
    let dated = record[11] != LONG_NAME && &record[..11] != b"..         ";
    let is_file = record[11] & (DIRECTORY | VOLUME_LABEL) == 0;
    let access = dated.then_some(ACCESS_DATE);
    access.into_iter().chain((dated && !is_file).then_some(CHANGE_TIME))
}

/// The unit of the byte at `offset`, which lies in front of the first FAT.
pub(super) fn reserved_unit(offset: u64) -> Unit {
    let (sector, within) = (offset / SECTOR_BYTES, offset % SECTOR_BYTES);
    let start = sector * SECTOR_BYTES;
    debug_assert!(sector < RESERVED_SECTORS);
    if BOOT_SECTORS.contains(&sector) {
        return boot_unit(start, within);
    }
    if sector == INFO_SECTORS[0]
        && let Some(hint) = HINTS.into_iter().find(|hint| hint.contains(&within))
    {
        return Unit {
            range: start + hint.start..start + hint.end,
            what: What::InfoSector,
            housekeeping: Some((What::FreeSpaceHint, [0xFF; 4])),
        };
    }
    let info = INFO_SECTORS.contains(&sector);
    let what = if info { What::InfoSector } else { What::ReservedSector };
    Unit::fixed(offset..offset + 1, what)
}

fn boot_unit(start: u64, within: u64) -> Unit {
    if within == BOOT_MARKS.0 {
        return Unit {
            range: start + within..start + within + 1,
            what: What::BootSector { field: "BS_Reserved1" },
            housekeeping: Some((What::DirtyMark, [BOOT_MARKS.1, 0, 0, 0])),
        };
    }
    let at = BOOT_FIELDS.partition_point(|(end, _)| *end <= within);
    let Some((end, field)) = BOOT_FIELDS.get(at) else {
        return Unit::fixed(
            start + within..start + within + 1,
            What::BootSector { field: if within < 510 { "boot code" } else { "signature" } },
        );
    };
    let mut first = at.checked_sub(1).map_or(0, |before| BOOT_FIELDS[before].0);
    if (first..*end).contains(&BOOT_MARKS.0) {
        // The byte of marks stands in front of BS_BootSig and has no entry in the table.
        first = BOOT_MARKS.0 + 1;
    }
    Unit::fixed(start + first..start + end, What::BootSector { field })
}

/// The unit of FAT entry `entry` in the copy that begins at `fat`.
pub(super) fn fat_unit(plan: &Plan, fat: u64, entry: u32) -> Unit {
    let start = fat + u64::from(entry) * 4;
    let range = start..start + 4;
    if entry == 1 {
        let masks = [0, 0, 0, FAT_MARKS.1];
        let housekeeping = Some((What::DirtyMark, masks));
        return Unit { range, what: What::FatHead, housekeeping };
    }
    let what = if entry == 0 {
        What::FatHead
    } else if entry >= plan.geometry.cluster_end() {
        What::UnusedFatEntry
    } else {
        plan.owner_of(entry).map_or(What::FreeCluster, |path| What::Chain { path })
    };
    Unit::fixed(range, what)
}

impl Plan {
    /// The path of the file or directory that `cluster` belongs to; `None` if it is free.
    pub(super) fn owner_of(&self, cluster: u32) -> Option<String> {
        let at = self.runs.partition_point(|run| run.end <= cluster);
        let run = self.runs.get(at).filter(|run| run.first <= cluster)?;
        Some(match run.source {
            Source::Directory(at) => format!("{}/", self.directories[at].path),
            Source::File(at) => self.files[at].path.clone(),
            Source::Reserve(at) => {
                let contents = self.files.partition_point(|f| f.role == super::Role::Content);
                self.files[contents + at].path.clone()
            }
        })
    }
}

/// The names of one directory, with the records that each of them takes.
pub(super) struct Directory<'a> {
    /// Its path; empty for the root.
    path: &'a str,
    /// Where its records begin in the volume.
    start: u64,
    names: Vec<Listed>,
}

impl<'a> Directory<'a> {
    /// The directory of index `at`.
    pub(super) fn of(plan: &'a Plan, at: usize) -> Self {
        let directory = &plan.directories[at];
        let names = listing::names(&plan.records[directory.records.clone()]);
        Self { path: &directory.path, start: directory.range.start, names }
    }

    /// Whether it is the root.
    pub(super) fn is_root(&self) -> bool {
        self.path.is_empty()
    }

    /// The path of each planned entry under its folded names, long and 8.3.
    pub(super) fn folded(&self) -> HashMap<String, String> {
        let entries = self.names.iter().filter(|name| !name.is_label());
        entries
            .flat_map(|entry| {
                let path = self.path_of(entry);
                [entry.name(), &entry.short].map(|name| (fold(name), path.clone()))
            })
            .collect()
    }

    /// The path of `name` in it.
    pub(super) fn child(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// Its own path, ending in `/`.
    pub(super) fn own_path(&self) -> String {
        format!("{}/", self.path)
    }

    /// The unit of the byte at `offset`, which lies in its records; `actual` are all bytes of the
    /// record that `offset` lies in.
    pub(super) fn unit(&self, offset: u64, actual: &[u8; RECORD_BYTES]) -> Unit {
        let index = usize::try_from((offset - self.start) / RECORD_BYTES as u64);
        let index = index.expect("the records lie in memory");
        let mut end = 0;
        let owner = self.names.iter().find(|name| {
            end += name.records;
            index < end
        });
        let owner = owner.expect("each planned record belongs to a name");
        let record = self.start + (index * RECORD_BYTES) as u64;
        if index + 1 < end {
            let whole = record..record + RECORD_BYTES as u64;
            return Unit::fixed(whole, self.name_differs(owner, actual));
        }
        self.short_unit(owner, record, offset - record, actual)
    }

    /// The unit of byte `within` of the 8.3 record at `record`.
    fn short_unit(&self, owner: &Listed, record: u64, within: u64, actual: &[u8; 32]) -> Unit {
        let path = self.path_of(owner);
        let field =
            |range: Range<u64>, what| Unit::fixed(record + range.start..record + range.end, what);
        let dated = owner.name() != "..";
        let is_file = owner.attributes & (DIRECTORY | VOLUME_LABEL) == 0;
        let ordinary = |range, housekeeping| Unit {
            housekeeping: Some((housekeeping, [0xFF; 4])),
            ..field(range, What::Time { path: path.clone() })
        };
        let unit = match within {
            0..11 => field(0..11, self.name_differs(owner, actual)),
            11 => field(11..12, What::Attributes { path }),
            12 => field(12..13, What::Renamed { path }),
            13..18 => field(13..18, What::Time { path }),
            18..20 if dated => ordinary(ACCESS_DATE, What::AccessDate { path: path.clone() }),
            18..20 => field(ACCESS_DATE, What::Time { path }),
            20..22 => field(20..22, What::FirstCluster { path }),
            22..26 if dated && !is_file => {
                ordinary(CHANGE_TIME, What::DirectoryTime { path: path.clone() })
            }
            22..26 => field(CHANGE_TIME, What::Time { path }),
            26..28 => field(26..28, What::FirstCluster { path }),
            _ => field(28..32, What::Size { path }),
        };
        if owner.is_label() && unit.housekeeping.is_none() {
            return Unit { what: What::Label, ..unit };
        }
        unit
    }

    fn name_differs(&self, owner: &Listed, actual: &[u8; RECORD_BYTES]) -> What {
        let path = self.path_of(owner);
        match actual[0] {
            _ if owner.is_label() => What::Label,
            0 | 0xE5 => What::Missing { path },
            _ => What::Renamed { path },
        }
    }

    fn path_of(&self, owner: &Listed) -> String {
        match owner.name() {
            "." => self.own_path(),
            _ if owner.is_label() => self.own_path(),
            name => self.child(name),
        }
    }
}
