//! Changing files on a FAT32 volume that anyone may have written, so that power may go at any time.
//!
//! Bytes and their chain come first and are flushed; then one sector of the directory makes them
//! the file. What a cut leaves behind are clusters that belong to nothing, never a file that is half
//! old and half new. A file whose chain somebody else's cut has damaged can be replaced and removed:
//! its clusters belong to nothing then.

use std::collections::BTreeSet;
use std::ops::Range;

use super::directory::{Directory, Found, InsertError};
use super::geometry::ROOT_CLUSTER;
use super::name;
use super::plan::FILE_BYTES_MAX;
use super::reader::{OpenVolumeError, ReadFileError, Volume, open};
use super::record::{ARCHIVE, DIRECTORY, DosTime, Facts, push, push_short, records_for};
use super::table::Table;
use crate::device::{Device, DeviceError};

/// Records of one name, at most: they have to fit a sector.
const RECORDS_MAX: usize = 16;

/// Why a file on a volume could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum WriteFileError {
    /// A name that FAT can't hold, or one that is too long to be added safely.
    #[error("{path}: the name {reason}")]
    Name {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The volume has no room.
    #[error("{path} needs {needed} bytes, {free} bytes are free")]
    NoSpace {
        /// The path.
        path: String,
        /// Bytes of the clusters that it needs more.
        needed: u64,
        /// Bytes of all clusters that are free.
        free: u64,
    },
    /// The directory has no room.
    #[error("{path}: its directory is full")]
    DirectoryFull {
        /// The path.
        path: String,
    },
    /// A file ends elsewhere than what is to be added begins.
    #[error("{path} has {found} bytes, what is to be added begins at {expected}")]
    Elsewhere {
        /// The path.
        path: String,
        /// Where the new bytes begin.
        expected: u64,
        /// Length of the file.
        found: u64,
    },
    /// Longer than a FAT32 file can be.
    #[error("{path} would have {size_bytes} bytes, a file has at most {FILE_BYTES_MAX}")]
    TooLarge {
        /// The path.
        path: String,
        /// The length asked for.
        size_bytes: u64,
    },
    /// The volume is damaged, or the path leads elsewhere.
    #[error(transparent)]
    Read(#[from] ReadFileError),
    /// The device could not be read or written.
    #[error("writing {path}: {source}")]
    Device {
        /// The path.
        path: String,
        /// What went wrong.
        source: DeviceError,
    },
}

/// Changes files on a FAT32 volume.
///
/// Every change is durable when its method returns. Nothing is ever written into what is kept,
/// whatever the volume says of it.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    table: Table<'a>,
}

impl<'a> Writer<'a> {
    /// Change the volume in the `len` bytes of `device` from `start`, but for the stretches `kept`
    /// of the device.
    pub fn open(
        device: &'a dyn Device,
        start: u64,
        len: u64,
        kept: &'a [Range<u64>],
    ) -> Result<Self, OpenVolumeError> {
        let volume = open(device, start, len)?;
        let data = volume.cluster_offset(ROOT_CLUSTER);
        if kept.iter().any(|kept| start < kept.end && kept.start < data) {
            let reason = "its tables lie where the medium's own files are";
            return Err(OpenVolumeError::NotFat32 { start, reason });
        }
        Ok(Self { table: Table { volume, kept } })
    }

    /// The volume, for reading.
    pub fn volume(&self) -> Volume<'a> {
        self.table.volume
    }

    /// Bytes of all free clusters.
    pub fn free_bytes(&self) -> Result<u64, DeviceError> {
        self.table.free_bytes()
    }

    /// Write a whole file in place of the old one, if any: after a cut there is one or the other.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), WriteFileError> {
        let (mut directory, found) = self.look(path)?;
        let size = size_of(path, bytes.len() as u64)?;
        let old = match &found {
            Some(found) => self.own_clusters(path, &directory, found)?,
            None => new_name(&directory, path).map(|_short| vec![])?,
        };
        let new = self.take(path, self.clusters(bytes.len() as u64), &directory.begun(None))?;
        let put = || {
            self.fill(&new, 0, bytes)?;
            self.table.link(&new)?;
            self.flush()
        };
        put().map_err(failed(path))?;
        let first = new.first().map_or(0, |run| run.start);
        let named = match &found {
            Some(found) => directory.change(found, first, size).map_err(failed(path)),
            None => self.add(&mut directory, path, ARCHIVE, first, size),
        };
        if let Err(error) = named {
            // A device that fails can't be asked to give clusters back.
            return match error {
                WriteFileError::Device { .. } => Err(error),
                refused => self.give_back(path, &new).and(Err(refused)),
            };
        }
        self.flush().map_err(failed(path))?;
        self.settle(&old, count(&new) - count(&old)).map_err(failed(path))
    }

    /// Add bytes to a file, which is made if there is none, at its end, which has to be `at`.
    ///
    /// After a cut they are all there or none of them is.
    pub fn append(&self, path: &str, at: u64, bytes: &[u8]) -> Result<(), WriteFileError> {
        let (mut directory, found) = self.look(path)?;
        let had = found.as_ref().map_or(0, |found| found.item.size_bytes);
        if had != at {
            return Err(WriteFileError::Elsewhere { path: path.into(), expected: at, found: had });
        }
        let Some(found) = found.filter(|_| had > 0) else { return self.write(path, bytes) };
        let size = size_of(path, at.saturating_add(bytes.len() as u64))?;
        let old = self.table.chain(path, found.item.first_cluster)?;
        let (has, needs) = (count(&old), self.clusters(u64::from(size)));
        if has < signed(self.clusters(had)) {
            let reason = format!("{has} clusters for {had} bytes");
            return Err(ReadFileError::Chain { path: path.to_owned(), reason }.into());
        }
        let more = needs.saturating_sub(has.unsigned_abs());
        let new = self.take(path, more, &directory.begun(None))?;
        let last = old.last().expect("a file with bytes has a cluster").end - 1;
        let mut put = || {
            let runs: Vec<Range<u32>> = old.iter().chain(&new).cloned().collect();
            self.fill(&runs, at, bytes)?;
            self.table.link(&new)?;
            self.flush()?;
            if let Some(first) = new.first().map(|run| run.start) {
                self.table.set(last..last + 1, &|_| first)?;
                self.flush()?;
            }
            directory.change(&found, found.item.first_cluster, size)?;
            self.flush()?;
            self.settle(&[], count(&new))
        };
        put().map_err(failed(path))
    }

    /// Remove a file.
    pub fn remove(&self, path: &str) -> Result<(), WriteFileError> {
        let (mut directory, found) = self.look(path)?;
        let Some(found) = found else {
            return Err(ReadFileError::NotFound { path: path.to_owned() }.into());
        };
        let old = self.own_clusters(path, &directory, &found)?;
        let mut remove = || {
            directory.remove(&found)?;
            self.flush()?;
            self.settle(&old, -count(&old))
        };
        remove().map_err(failed(path))
    }

    /// Make a directory in one that is there; nothing is done where it is there already.
    pub fn make_directory(&self, path: &str) -> Result<(), WriteFileError> {
        let (parent, last) = split(path)?;
        let parent_cluster = self.table.volume.directory_cluster(parent)?;
        let mut directory = Directory::read(self.table, path, parent_cluster)?;
        if let Some(found) = directory.find(last) {
            let is_directory = found.item.is_directory;
            let error = ReadFileError::NotADirectory { path: path.to_owned() };
            return if is_directory { Ok(()) } else { Err(error.into()) };
        }
        let new = self.take(path, 1, &directory.begun(None))?;
        let first = new[0].start;
        let above = if parent.is_empty() { 0 } else { parent_cluster };
        let mut records = vec![];
        for (name, first_cluster) in [(b".          ", first), (b"..         ", above)] {
            push_short(&mut records, name, facts(DIRECTORY, first_cluster, 0));
        }
        records.resize(usize::try_from(self.table.volume.cluster_bytes).expect("64 KiB"), 0);
        let put = || {
            self.fill(&new, 0, &records)?;
            self.table.link(&new)?;
            self.flush()
        };
        put().map_err(failed(path))?;
        self.add(&mut directory, path, DIRECTORY, first, 0)?;
        self.flush().and_then(|()| self.settle(&[], 1)).map_err(failed(path))
    }

    /// The directory that a file stands in, and the file if it is there.
    fn look(&self, path: &str) -> Result<(Directory<'a>, Option<Found>), WriteFileError> {
        let (parent, last) = split(path)?;
        let cluster = self.table.volume.directory_cluster(parent)?;
        let directory = Directory::read(self.table, path, cluster)?;
        let found = directory.find(last);
        if found.as_ref().is_some_and(|found| found.item.is_directory) {
            return Err(ReadFileError::NotAFile { path: path.to_owned() }.into());
        }
        Ok((directory, found))
    }

    /// Add a name to a directory.
    fn add(
        &self,
        directory: &mut Directory<'_>,
        path: &str,
        attributes: u8,
        first_cluster: u32,
        size_bytes: u32,
    ) -> Result<(), WriteFileError> {
        let (last, short) = new_name(directory, path)?;
        let mut records = vec![];
        push(&mut records, last, &short, facts(attributes, first_cluster, size_bytes));
        directory.insert(&records).map_err(|error| match error {
            InsertError::Full => WriteFileError::DirectoryFull { path: path.to_owned() },
            InsertError::NoSpace => WriteFileError::NoSpace {
                path: path.to_owned(),
                needed: self.table.volume.cluster_bytes,
                free: 0,
            },
            InsertError::Device(source) => WriteFileError::Device { path: path.into(), source },
        })
    }

    /// The clusters of a file that is to be replaced or removed, to be given back.
    ///
    /// Where a cut has damaged its chain, or another name begins in it, they may be another file's:
    /// none is given back then, and what was its own belongs to nothing.
    fn own_clusters(
        &self,
        path: &str,
        directory: &Directory<'_>,
        found: &Found,
    ) -> Result<Vec<Range<u32>>, WriteFileError> {
        let runs = match self.table.chain(path, found.item.first_cluster) {
            Err(ReadFileError::Chain { .. }) => return Ok(vec![]),
            runs => runs?,
        };
        let others = directory.begun(Some(found));
        let shared = runs.iter().any(|run| others.range(run.clone()).next().is_some());
        let short = count(&runs) < signed(self.clusters(found.item.size_bytes));
        Ok(if shared || short { vec![] } else { runs })
    }

    fn take(
        &self,
        path: &str,
        count: u64,
        begun: &BTreeSet<u32>,
    ) -> Result<Vec<Range<u32>>, WriteFileError> {
        let cluster_bytes = self.table.volume.cluster_bytes;
        let free = self.table.free(count, begun).map_err(failed(path))?;
        free.map_err(|free| WriteFileError::NoSpace {
            path: path.to_owned(),
            needed: count * cluster_bytes,
            free: free * cluster_bytes,
        })
    }

    /// Write bytes into a chain, from an offset of the file on.
    fn fill(&self, runs: &[Range<u32>], offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let (mut at, mut rest) = (0, bytes);
        for run in runs {
            let end = at + u64::from(run.end - run.start) * self.table.volume.cluster_bytes;
            let cursor = offset + (bytes.len() - rest.len()) as u64;
            if cursor < end && !rest.is_empty() {
                let room = usize::try_from(end - cursor).unwrap_or(usize::MAX).min(rest.len());
                let place = self.table.volume.cluster_offset(run.start) + (cursor - at);
                self.table.volume.device.write_at(place, &rest[..room])?;
                rest = &rest[room..];
            }
            at = end;
        }
        Ok(())
    }

    fn give_back(&self, path: &str, runs: &[Range<u32>]) -> Result<(), WriteFileError> {
        self.table.release(runs).and_then(|()| self.flush()).map_err(failed(path))
    }

    /// Give back what belongs to nothing now, and tell the summary.
    fn settle(&self, released: &[Range<u32>], taken: i64) -> Result<(), DeviceError> {
        self.table.release(released)?;
        self.table.summarise(taken)?;
        self.flush()
    }

    fn clusters(&self, bytes: u64) -> u64 {
        bytes.div_ceil(self.table.volume.cluster_bytes)
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.table.volume.device.flush()
    }
}

/// The directory of a path, and its last name, which has to be one that FAT can hold.
fn split(path: &str) -> Result<(&str, &str), WriteFileError> {
    let (parent, last) = path.rsplit_once('/').unwrap_or(("", path));
    match name::fault(last) {
        Some(reason) => {
            Err(WriteFileError::Name { path: path.escape_default().to_string(), reason })
        }
        None => Ok((parent, last)),
    }
}

/// The last name of a path, which is to be added to a directory, and its 8.3 name there.
fn new_name<'p>(
    directory: &Directory<'_>,
    path: &'p str,
) -> Result<(&'p str, [u8; 11]), WriteFileError> {
    let (_, last) = split(path)?;
    let short = directory.short_name(last);
    if records_for(last, &short) > RECORDS_MAX {
        let reason = "is longer than 195 UTF-16 units";
        return Err(WriteFileError::Name { path: path.to_owned(), reason });
    }
    Ok((last, short))
}

fn facts(attributes: u8, first_cluster: u32, size_bytes: u32) -> Facts {
    Facts { attributes, first_cluster, size_bytes, at: DosTime::EPOCH }
}

fn size_of(path: &str, size_bytes: u64) -> Result<u32, WriteFileError> {
    let small = u32::try_from(size_bytes).ok().filter(|size| u64::from(*size) <= FILE_BYTES_MAX);
    small.ok_or_else(|| WriteFileError::TooLarge { path: path.to_owned(), size_bytes })
}

fn failed(path: &str) -> impl Fn(DeviceError) -> WriteFileError {
    move |source| WriteFileError::Device { path: path.to_owned(), source }
}

/// How many clusters these are.
fn count(runs: &[Range<u32>]) -> i64 {
    runs.iter().map(|run| i64::from(run.end - run.start)).sum()
}

fn signed(clusters: u64) -> i64 {
    i64::try_from(clusters).expect("a volume has fewer clusters")
}
