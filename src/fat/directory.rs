//! One directory of a volume, changed one sector at a time.

use std::collections::BTreeSet;
use std::ops::Range;

use super::listing::{Listed, Lister, Told};
use super::name;
use super::namespace::DIRECTORY_BYTES_MAX;
use super::reader::{Item, ReadFileError, is_entry};
use super::record::RECORD_BYTES;
use super::table::Table;
use crate::device::DeviceError;

const SECTOR_BYTES: usize = 512;
const RECORDS_PER_SECTOR: usize = SECTOR_BYTES / RECORD_BYTES;
const REMOVED: u8 = 0xE5;

/// The records of a directory, in memory, and where they lie.
pub(super) struct Directory<'a> {
    table: Table<'a>,
    clusters: Vec<Range<u32>>,
    bytes: Vec<u8>,
}

/// A name in a directory, and which of its records it has.
pub(super) struct Found {
    pub(super) item: Item,
    records: Range<usize>,
}

impl<'a> Directory<'a> {
    /// Read the directory `path`, which begins at `first`.
    pub(super) fn read(table: Table<'a>, path: &str, first: u32) -> Result<Self, ReadFileError> {
        let clusters = table.chain(path, first)?;
        let count: u64 = clusters.iter().map(|run| u64::from(run.end - run.start)).sum();
        let size_bytes = count * table.volume.cluster_bytes;
        let limit_bytes = DIRECTORY_BYTES_MAX as u64;
        if size_bytes > limit_bytes {
            return Err(ReadFileError::TooLarge { path: path.to_owned(), size_bytes, limit_bytes });
        }
        let mut bytes = vec![0; usize::try_from(size_bytes).expect("at most 2 MiB")];
        let mut at = 0;
        for run in &clusters {
            let len = u64::from(run.end - run.start) * table.volume.cluster_bytes;
            let end = at + usize::try_from(len).expect("inside the directory");
            table.volume.read_at(
                path,
                table.volume.cluster_offset(run.start),
                &mut bytes[at..end],
            )?;
            at = end;
        }
        Ok(Self { table, clusters, bytes })
    }

    /// The entry of this name, case ignored.
    pub(super) fn find(&self, wanted: &str) -> Option<Found> {
        let wanted = name::fold(wanted);
        self.entries().into_iter().find_map(|(listed, records)| {
            let same = [listed.name(), &listed.short].iter().any(|name| name::fold(name) == wanted);
            same.then(|| Found { item: Item::of(&listed), records })
        })
    }

    /// Its entries, each with its records.
    fn entries(&self) -> Vec<(Listed, Range<usize>)> {
        let mut names = Lister::default();
        let mut entries = vec![];
        for (at, record) in self.bytes.as_chunks::<RECORD_BYTES>().0.iter().enumerate() {
            match names.feed(record).1 {
                Told::Name(listed) if is_entry(&listed) => {
                    let records = at + 1 - listed.records..at + 1;
                    entries.push((listed, records));
                }
                Told::End => break,
                Told::Name(_) | Told::Part | Told::Removed => {}
            }
        }
        entries
    }

    /// The clusters that names here begin in; those but `found`'s own, if that is given.
    pub(super) fn begun(&self, found: Option<&Found>) -> BTreeSet<u32> {
        let own = found.map(|found| &found.records);
        let others = self.entries().into_iter().filter(|(_, records)| Some(records) != own);
        others.map(|(listed, _)| listed.first_cluster).collect()
    }

    /// An 8.3 name that nothing here has yet.
    pub(super) fn short_name(&self, wanted: &str) -> [u8; 11] {
        let entries = self.entries();
        let mut names: Vec<&str> = entries.iter().map(|(listed, _)| &*listed.short).collect();
        names.push(wanted);
        *name::short_names(&names).last().expect("the wanted one")
    }

    fn is_end(&self, at: usize) -> bool {
        self.bytes.get(at * RECORD_BYTES).is_none_or(|first| *first == 0)
    }

    fn total(&self) -> usize {
        self.bytes.len() / RECORD_BYTES
    }

    /// Where the directory ends: its first record that was never used.
    fn end(&self) -> usize {
        (0..=self.total()).find(|at| self.is_end(*at)).unwrap_or(self.total())
    }

    /// The first place of one sector in which `count` records are unused.
    fn room(&self, count: usize) -> Option<usize> {
        let end = self.end();
        let unused = |at: usize| at >= end || self.bytes[at * RECORD_BYTES] == REMOVED;
        let whole = |at: usize| at / RECORDS_PER_SECTOR == (at + count - 1) / RECORDS_PER_SECTOR;
        let places = 0..(self.total() + 1).saturating_sub(count);
        places.into_iter().find(|at| whole(*at) && (*at..at + count).all(unused))
    }

    /// Add an entry; `records` are those of one name, at most a sector.
    ///
    /// It is there with the last write, which is of one sector, and not before.
    pub(super) fn insert(&mut self, records: &[u8]) -> Result<(), InsertError> {
        let count = records.len() / RECORD_BYTES;
        let Some(at) = self.room(count) else { return self.grow(records) };
        let (end, next) = (self.end(), at + count);
        self.bytes[at * RECORD_BYTES..next * RECORD_BYTES].copy_from_slice(records);
        if next > end {
            self.end_at(next, at)?;
        }
        if at <= end || at / RECORDS_PER_SECTOR == end / RECORDS_PER_SECTOR {
            self.remove_records(end..at);
            return Ok(self.write(at)?);
        }
        self.write(at)?;
        self.flush()?;
        self.remove_records(end..at);
        Ok(self.write(end)?)
    }

    /// Let the directory end behind its new last record.
    fn end_at(&mut self, next: usize, at: usize) -> Result<(), DeviceError> {
        let sector_end = next.next_multiple_of(RECORDS_PER_SECTOR);
        self.bytes[next * RECORD_BYTES..sector_end * RECORD_BYTES].fill(0);
        let is_next_sector = next / RECORDS_PER_SECTOR != at / RECORDS_PER_SECTOR;
        if is_next_sector && !self.is_end(next) {
            let start = next * RECORD_BYTES;
            self.bytes[start..start + SECTOR_BYTES].fill(0);
            self.write(next)?;
            self.flush()?;
        }
        Ok(())
    }

    fn remove_records(&mut self, records: Range<usize>) {
        records.for_each(|at| self.bytes[at * RECORD_BYTES] = REMOVED);
    }

    /// Add an entry in a new cluster.
    fn grow(&mut self, records: &[u8]) -> Result<(), InsertError> {
        let last = self.clusters.last().expect("a directory has a cluster").end - 1;
        let cluster_bytes = usize::try_from(self.table.volume.cluster_bytes).expect("64 KiB");
        if self.bytes.len() + cluster_bytes > DIRECTORY_BYTES_MAX {
            return Err(InsertError::Full);
        }
        let new =
            self.table.free(1, &self.begun(None))?.map_err(|_| InsertError::NoSpace)?.remove(0);
        let mut bytes = records.to_vec();
        bytes.resize(cluster_bytes, 0);
        let device = self.table.volume.device;
        device.write_at(self.table.volume.cluster_offset(new.start), &bytes)?;
        self.table.link(std::slice::from_ref(&new))?;
        let (end, total) = (self.end(), self.total());
        if end < total {
            self.remove_records(end..total);
            self.write(end)?;
        }
        self.flush()?;
        let first = new.start;
        self.table.set(last..last + 1, &|_| first)?;
        self.clusters.push(new);
        self.bytes.extend(bytes);
        Ok(self.table.summarise(1)?)
    }

    /// Change the 8.3 record of an entry.
    pub(super) fn change(
        &mut self,
        found: &Found,
        first_cluster: u32,
        size_bytes: u32,
    ) -> Result<(), DeviceError> {
        let at = found.records.end - 1;
        let record = &mut self.bytes[at * RECORD_BYTES..(at + 1) * RECORD_BYTES];
        let cluster = first_cluster.to_le_bytes();
        record[20..22].copy_from_slice(&cluster[2..]);
        record[26..28].copy_from_slice(&cluster[..2]);
        record[28..32].copy_from_slice(&size_bytes.to_le_bytes());
        self.write(at)
    }

    /// Take an entry out: it is gone with the first write, which is of its 8.3 record.
    pub(super) fn remove(&mut self, found: &Found) -> Result<(), DeviceError> {
        let Range { start, end } = found.records;
        let last = end - 1;
        self.remove_records(last..end);
        let same_sector = start / RECORDS_PER_SECTOR == last / RECORDS_PER_SECTOR;
        if !same_sector {
            self.write(last)?;
            self.flush()?;
        }
        self.remove_records(start..last);
        let sectors = start / RECORDS_PER_SECTOR..=last / RECORDS_PER_SECTOR;
        sectors.into_iter().try_for_each(|sector| self.write(sector * RECORDS_PER_SECTOR))
    }

    /// Write the sector that holds a record.
    fn write(&self, record: usize) -> Result<(), DeviceError> {
        let start = record / RECORDS_PER_SECTOR * SECTOR_BYTES;
        let bytes = &self.bytes[start..start + SECTOR_BYTES];
        let mut within = start as u64;
        for run in &self.clusters {
            let len = u64::from(run.end - run.start) * self.table.volume.cluster_bytes;
            if within < len {
                let offset = self.table.volume.cluster_offset(run.start) + within;
                return self.table.volume.device.write_at(offset, bytes);
            }
            within -= len;
        }
        unreachable!("the record was read from one of the clusters")
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.table.volume.device.flush()
    }
}

/// Why a name was not added.
pub(super) enum InsertError {
    /// The directory can't grow any more.
    Full,
    /// No cluster is free.
    NoSpace,
    /// The device could not be read or written.
    Device(DeviceError),
}

impl From<DeviceError> for InsertError {
    fn from(error: DeviceError) -> Self {
        Self::Device(error)
    }
}
