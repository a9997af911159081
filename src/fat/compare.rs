//! Comparing the volume on a medium with its plan.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::ops::Range;

use super::difference::{Comparison, What};
use super::geometry::ROOT_CLUSTER;
use super::housekeeping::{Directory, Unit, fat_unit, reserved_unit};
use super::listing::{Listed, Lister, Told};
use super::name::fold;
use super::plan::Plan;
use super::record::{ARCHIVE, DIRECTORY, HIDDEN, LONG_NAME, READ_ONLY, RECORD_BYTES, SYSTEM};
use crate::device::{Device, DeviceError};

/// Bytes of a volume that are compared at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// Attributes that files and directories may have.
const ORDINARY: u8 = READ_ONLY | HIDDEN | SYSTEM | DIRECTORY | ARCHIVE;

/// Entries that systems add to a volume's root by themselves.
pub const SYSTEM_ENTRIES: [&str; 8] = [
    "System Volume Information",
    "$RECYCLE.BIN",
    ".fseventsd",
    ".Spotlight-V100",
    ".Trashes",
    "._.Trashes",
    ".TemporaryItems",
    ".Trash-*",
];
/// Entries that systems add to any directory by themselves.
pub const FOLDER_ENTRIES: [&str; 2] = [".DS_Store", "._.DS_Store"];

/// Compare the metadata of a volume with its plan; files' data isn't read.
///
/// `volume` is the volume alone: its offset 0 is the boot sector. The rule is exact. Each byte in
/// front of the data area and each byte of a directory's clusters has to be as planned, but for
/// - [housekeeping bytes](super::housekeeping_bytes);
/// - records behind the last planned one of a directory, without a gap: removed ones, parts of
///   long names without their 8.3 record, as an interrupted system leaves them, and entries of the
///   fixed lists [`SYSTEM_ENTRIES`] (in the root; `*` stands for digits) and
///   [`FOLDER_ENTRIES`], whose clusters the plan leaves free or which have none. Neither their
///   long nor their 8.3 name may be that of a planned entry;
/// - FAT entries of clusters that the plan leaves free.
///
/// A sealed volume has no free cluster, so what systems add to it has no contents.
///
/// Memory is bounded whatever the volume holds; nothing that is read there is followed.
pub fn compare(plan: &Plan, volume: &dyn Device) -> Result<Comparison, DeviceError> {
    compare_within(plan, volume, 0..plan.geometry.volume_bytes())
}

/// [`compare`] for the metadata that lies in `within`, a range of the volume.
///
/// A directory's unused records are compared as a whole if the range touches them.
pub fn compare_within(
    plan: &Plan,
    volume: &dyn Device,
    within: Range<u64>,
) -> Result<Comparison, DeviceError> {
    DeviceError::check_range(0, plan.geometry.volume_bytes(), volume.len_bytes())?;
    let mut comparer = Comparer { plan, volume, within, found: Comparison::default() };
    let fats = plan.geometry.fat_offsets();
    comparer.bytes(0..fats[0], |offset, _| reserved_unit(offset))?;
    for fat in fats {
        let entry = |offset| u32::try_from((offset - fat) / 4).expect("a FAT's entry");
        comparer.bytes(fat..fat + plan.geometry.fat_bytes(), |offset, _| {
            fat_unit(plan, fat, entry(offset))
        })?;
    }
    for at in 0..plan.directories.len() {
        comparer.directory(at)?;
    }
    Ok(comparer.found)
}

struct Comparer<'a> {
    plan: &'a Plan,
    volume: &'a dyn Device,
    within: Range<u64>,
    found: Comparison,
}

impl Comparer<'_> {
    /// Compare the bytes of `area`; `unit_of` knows the unit of an offset, given the record (32
    /// bytes on a multiple of 32) that it lies in.
    fn bytes(
        &mut self,
        area: Range<u64>,
        unit_of: impl Fn(u64, &[u8; RECORD_BYTES]) -> Unit,
    ) -> Result<(), DeviceError> {
        let record = RECORD_BYTES as u64;
        let begin = area.start.max(self.within.start / record * record);
        let end = area.end.min(self.within.end.div_ceil(record).saturating_mul(record));
        let (mut planned, mut actual) = (Vec::new(), Vec::new());
        for start in (begin..end).step_by(CHUNK_BYTES) {
            let len = usize::try_from(end - start).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
            planned.resize(len, 0);
            actual.resize(len, 0);
            self.plan.read_metadata(start, &mut planned);
            self.volume.read_at(start, &mut actual)?;
            if planned != actual {
                self.units(start, &planned, &actual, &unit_of);
            }
        }
        Ok(())
    }

    /// Note the units that differ between `planned` and `actual`, both from `start` on.
    fn units(
        &mut self,
        start: u64,
        planned: &[u8],
        actual: &[u8],
        unit_of: impl Fn(u64, &[u8; RECORD_BYTES]) -> Unit,
    ) {
        let mut at = 0;
        while let Some(next) = (at..planned.len()).find(|at| planned[*at] != actual[*at]) {
            let record = &actual.as_chunks::<RECORD_BYTES>().0[next / RECORD_BYTES];
            let unit = unit_of(start + next as u64, record);
            let place = |offset: u64| usize::try_from(offset - start).expect("in the chunk");
            let bytes = place(unit.range.start)..place(unit.range.end);
            let what = unit.judge(&actual[bytes.clone()], &planned[bytes.clone()]);
            self.found.push(what, unit.range);
            at = bytes.end;
        }
    }

    fn directory(&mut self, at: usize) -> Result<(), DeviceError> {
        let directory = &self.plan.directories[at];
        let Range { start, end } = directory.range;
        if start >= self.within.end || end <= self.within.start {
            return Ok(());
        }
        let plan = self.plan;
        let names = LazyCell::new(|| Directory::of(plan, at));
        let unused = start + directory.records.len() as u64..end;
        self.bytes(start..unused.start, |offset, record| names.unit(offset, record))?;
        if unused.start < self.within.end && unused.end > self.within.start {
            self.unused(&names, unused)?;
        }
        Ok(())
    }

    /// Compare what lies behind a directory's last planned record.
    fn unused(&mut self, names: &Directory<'_>, area: Range<u64>) -> Result<(), DeviceError> {
        let len = usize::try_from(area.end - area.start).expect("below a cluster");
        let mut bytes = vec![0; len];
        self.volume.read_at(area.start, &mut bytes)?;
        let planned = LazyCell::new(|| names.folded());
        let mut assembler = Lister::default();
        let mut place = area.start;
        let unused = || What::UnusedRecord { directory: names.own_path() };
        for (index, record) in bytes.as_chunks::<RECORD_BYTES>().0.iter().enumerate() {
            let next = place + RECORD_BYTES as u64;
            let (stray, told) = assembler.feed(record);
            self.leftovers(names, &bytes[..index * RECORD_BYTES], place, stray);
            match told {
                Told::Part => {}
                Told::Removed => {
                    self.leftovers(names, &bytes[..(index + 1) * RECORD_BYTES], next, 1);
                }
                Told::Name(listed) => {
                    let what = self.added(names, &planned, &listed);
                    self.found.push(what, records_before(next, listed.records));
                }
                Told::End => {
                    let rest = &bytes[index * RECORD_BYTES..];
                    for (at, _) in (place..).zip(rest).filter(|(_, byte)| **byte != 0) {
                        self.found.push(unused(), at..at + 1);
                    }
                    return Ok(());
                }
            }
            place = next;
        }
        self.leftovers(names, &bytes, place, assembler.discard());
        Ok(())
    }

    /// Note the last `count` of `records`, which end at `end` and belong to no name.
    fn leftovers(&mut self, names: &Directory<'_>, records: &[u8], end: u64, count: usize) {
        let records = records.as_chunks::<RECORD_BYTES>().0;
        let start = end - (count * RECORD_BYTES) as u64;
        for (at, record) in (start..).step_by(RECORD_BYTES).zip(&records[records.len() - count..]) {
            let directory = names.own_path();
            let what = if is_leftover(record) {
                What::RemovedEntry { directory }
            } else {
                What::UnusedRecord { directory }
            };
            self.found.push(what, at..at + RECORD_BYTES as u64);
        }
    }

    /// What an entry is that the plan doesn't have.
    fn added(
        &self,
        directory: &Directory<'_>,
        planned: &HashMap<String, String>,
        listed: &Listed,
    ) -> What {
        let names = [listed.name(), listed.short.as_str()];
        if let Some(path) = names.into_iter().find_map(|name| planned.get(&fold(name))) {
            return What::Shadowed { path: path.clone() };
        }
        let path = directory.child(&listed.name().escape_debug().to_string());
        let ordinary = listed.attributes & !ORDINARY == 0;
        if ordinary && is_system_name(listed.name(), directory.is_root()) && self.is_loose(listed) {
            What::SystemEntry { path }
        } else {
            What::OtherEntry { path }
        }
    }

    /// Whether an entry has no clusters, or begins in one that the plan leaves free.
    fn is_loose(&self, listed: &Listed) -> bool {
        match listed.first_cluster {
            0 => listed.size_bytes == 0,
            first => {
                (ROOT_CLUSTER..self.plan.geometry.cluster_end()).contains(&first)
                    && self.plan.owner_of(first).is_none()
            }
        }
    }
}

/// The range of the last `count` records before `end`.
fn records_before(end: u64, count: usize) -> Range<u64> {
    end - (count * RECORD_BYTES) as u64..end
}

/// Whether a record looks like what is left of an entry: a removed one, or part of a long name
/// whose 8.3 record was never written or is already gone.
fn is_leftover(record: &[u8; RECORD_BYTES]) -> bool {
    match record[11] {
        LONG_NAME => record[12] == 0 && record[26..28] == [0, 0],
        attributes => attributes & 0xC0 == 0,
    }
}

/// Whether systems add entries of this name by themselves, to the root or to any directory.
pub fn is_system_name(name: &str, in_root: bool) -> bool {
    let matches = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(prefix) => name
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())),
        None => name == *pattern,
    };
    FOLDER_ENTRIES.iter().any(matches) || (in_root && SYSTEM_ENTRIES.iter().any(matches))
}
