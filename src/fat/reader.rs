//! Reading files by path from a FAT32 volume that anyone may have written.

use std::ops::Range;

use super::geometry::{CLUSTERS_MAX, CLUSTERS_MIN, ROOT_CLUSTER};
use super::listing::{Listed, Lister, Told};
use super::name;
use super::namespace::{DEPTH_MAX, DIRECTORY_BYTES_MAX};
use super::record::{DIRECTORY, RECORD_BYTES};
use crate::device::{Device, DeviceError};

/// Bytes of a sector on the volumes that are read.
const SECTOR_BYTES: usize = 512;
/// Bytes of the FAT that are read at a time.
const WINDOW_BYTES: u64 = 4_096;
/// Greatest number of bytes of a file that are read at a time.
const READ_BYTES_MAX: usize = 256 << 10;
/// From here on a FAT entry says that the chain ends.
const END_FROM: u32 = 0x0FFF_FFF8;

/// Why a volume can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenVolumeError {
    /// No FAT32 volume that we read.
    #[error("no FAT32 volume at {start}: {reason}")]
    NotFat32 {
        /// Where it was looked for.
        start: u64,
        /// What is missing.
        reason: &'static str,
    },
    /// The boot sector could not be read.
    #[error("reading the boot sector: {0}")]
    Device(#[from] DeviceError),
}

/// Why a file or directory can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadFileError {
    /// No entry of this path.
    #[error("{path} is not on the volume")]
    NotFound {
        /// The path.
        path: String,
    },
    /// A directory where a file was asked for.
    #[error("{path} is a directory, not a file")]
    NotAFile {
        /// The path.
        path: String,
    },
    /// A file where a directory was asked for.
    #[error("{path} is a file, not a directory")]
    NotADirectory {
        /// The path.
        path: String,
    },
    /// More bytes than the caller takes.
    #[error("{path} has {size_bytes} bytes, at most {limit_bytes} are read")]
    TooLarge {
        /// The path.
        path: String,
        /// Its length.
        size_bytes: u64,
        /// The caller's limit.
        limit_bytes: u64,
    },
    /// A chain of clusters that doesn't hold together.
    #[error("the FAT chain of {path} is damaged: {reason}")]
    Chain {
        /// The path.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The device could not be read.
    #[error("reading {path}: {source}")]
    Device {
        /// The path.
        path: String,
        /// What went wrong.
        source: DeviceError,
    },
}

/// What stands in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// Length of a file, 0 for a directory.
    pub size_bytes: u64,
    /// Whether it is a directory.
    pub is_directory: bool,
    pub(super) first_cluster: u32,
}

/// A FAT32 volume on a device, for reading.
///
/// Nothing is kept in memory but what is asked for; chains are followed no further than a file's
/// length or a directory's limit of 2 MiB, so a volume that lies costs time, not memory, and ends.
#[derive(Clone, Copy)]
pub struct Volume<'a> {
    pub(super) device: &'a dyn Device,
    start: u64,
    pub(super) fat_offset: u64,
    /// Length of one FAT.
    pub(super) fat_bytes: u64,
    /// How many FATs are to be kept the same.
    pub(super) fats: u64,
    /// Where the sector with the number of free clusters lies.
    pub(super) summary: Option<u64>,
    data_offset: u64,
    pub(super) cluster_bytes: u64,
    pub(super) clusters: u32,
    root: u32,
}

/// Open the FAT32 volume in the `len` bytes of `device` from `start`.
pub fn open(device: &dyn Device, start: u64, len: u64) -> Result<Volume<'_>, OpenVolumeError> {
    DeviceError::check_range(start, len, device.len_bytes())?;
    let refused = |reason| OpenVolumeError::NotFat32 { start, reason };
    if len < SECTOR_BYTES as u64 {
        return Err(refused("less than a sector"));
    }
    let mut boot = [0; SECTOR_BYTES];
    device.read_at(start, &mut boot)?;
    Volume::of_boot_sector(device, start, len, &boot).map_err(refused)
}

impl<'a> Volume<'a> {
    fn of_boot_sector(
        device: &'a dyn Device,
        start: u64,
        len: u64,
        boot: &[u8; SECTOR_BYTES],
    ) -> Result<Self, &'static str> {
        let half = |at: usize| u64::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
        let word = |at: usize| half(at) | half(at + 2) << 16;
        if boot[510..] != [0x55, 0xAA] {
            return Err("no boot sector signature");
        }
        if half(11) != SECTOR_BYTES as u64 {
            return Err("sectors of another size than 512 bytes");
        }
        let cluster_sectors = u64::from(boot[13]);
        if !cluster_sectors.is_power_of_two() || cluster_sectors > 128 {
            return Err("an impossible cluster size");
        }
        let (reserved, fats, fat_sectors) = (half(14), u64::from(boot[16]), word(36));
        if half(17) != 0 || half(22) != 0 || reserved == 0 || fats == 0 || fat_sectors == 0 {
            return Err("the fields of another FAT type");
        }
        if half(40) & 0x80 != 0 && half(40) & 0x0F != 0 {
            return Err("a first FAT that is switched off");
        }
        let (sectors, before) = (word(32), reserved + fats * fat_sectors);
        if sectors > len / SECTOR_BYTES as u64 || before >= sectors {
            return Err("areas that lie outside it");
        }
        let clusters = (sectors - before) / cluster_sectors;
        if clusters < CLUSTERS_MIN || clusters > CLUSTERS_MAX.min(fat_sectors * 128 - 2) {
            return Err("a number of clusters that FAT32 can't have");
        }
        let clusters = u32::try_from(clusters).map_err(|_| "too many clusters")?;
        let root = u32::try_from(word(44)).map_err(|_| "no root directory")?;
        if !(ROOT_CLUSTER..ROOT_CLUSTER + clusters).contains(&root) {
            return Err("no root directory");
        }
        let bytes = |sectors: u64| start + sectors * SECTOR_BYTES as u64;
        let summary = Some(half(48)).filter(|sector| (1..reserved).contains(sector)).map(bytes);
        let fats = if half(40) & 0x80 == 0 { fats } else { 1 };
        Ok(Self {
            device,
            start,
            fat_offset: bytes(reserved),
            fat_bytes: fat_sectors * SECTOR_BYTES as u64,
            fats,
            summary,
            data_offset: bytes(before),
            cluster_bytes: cluster_sectors * SECTOR_BYTES as u64,
            clusters,
            root,
        })
    }

    /// Where the volume begins on its device.
    pub fn start_bytes(&self) -> u64 {
        self.start
    }

    /// What stands in the directory `path`; `/` is the root.
    ///
    /// Left out are the label, `.`, `..` and names that hold what no name may.
    pub fn list(&self, path: &str) -> Result<Vec<Item>, ReadFileError> {
        let cluster = self.directory_cluster(path)?;
        let mut items = Vec::new();
        self.each_entry(path, cluster, &mut |listed| {
            if name::fault(listed.name()).is_none() {
                items.push(Item::of(listed));
            }
            None::<()>
        })?;
        Ok(items)
    }

    /// The entry `path`, case ignored as FAT does.
    pub fn find(&self, path: &str) -> Result<Item, ReadFileError> {
        let not_found = || ReadFileError::NotFound { path: path.to_owned() };
        let (directory, last) = path.rsplit_once('/').ok_or_else(not_found)?;
        let cluster = self.directory_cluster(directory)?;
        self.lookup(path, cluster, last)?.ok_or_else(not_found)
    }

    /// All bytes of the file `path`, of which there may be at most `limit_bytes`.
    pub fn read(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, ReadFileError> {
        let mut bytes = Vec::new();
        self.read_with(path, limit_bytes, |part| bytes.extend_from_slice(part))?;
        Ok(bytes)
    }

    /// Hand the bytes of the file `path`, at most `limit_bytes`, to `take` part by part.
    pub fn read_with(
        &self,
        path: &str,
        limit_bytes: u64,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), ReadFileError> {
        let item = self.find_file(path)?;
        let size_bytes = item.size_bytes;
        if size_bytes > limit_bytes {
            return Err(ReadFileError::TooLarge { path: path.to_owned(), size_bytes, limit_bytes });
        }
        let mut rest = size_bytes;
        let mut part = Vec::new();
        let mut chain = Chain::from(*self, path, item.first_cluster);
        while rest > 0 {
            let run = chain.next_run(rest.div_ceil(self.cluster_bytes))?;
            let mut at = self.cluster_offset(run.start);
            let mut of_run = rest.min(u64::from(run.end - run.start) * self.cluster_bytes);
            rest -= of_run;
            while of_run > 0 {
                let len = usize::try_from(of_run).unwrap_or(READ_BYTES_MAX).min(READ_BYTES_MAX);
                part.resize(len, 0);
                self.read_at(path, at, &mut part)?;
                take(&part);
                at += len as u64;
                of_run -= len as u64;
            }
        }
        Ok(())
    }

    /// Fill as much of `buf` as the file `path` has from `offset` on; gives how many bytes those are.
    pub fn read_part(
        &self,
        path: &str,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize, ReadFileError> {
        let item = self.find_file(path)?;
        let left = item.size_bytes.saturating_sub(offset);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let end = offset + count as u64;
        let (mut at, mut chain) = (0, Chain::from(*self, path, item.first_cluster));
        while at < end {
            let run = chain.next_run((end - at).div_ceil(self.cluster_bytes))?;
            let run_end = at + u64::from(run.end - run.start) * self.cluster_bytes;
            let (first, last) = (at.max(offset), run_end.min(end));
            if first < last {
                let place = |at: u64| usize::try_from(at - offset).expect("inside the buffer");
                let from = self.cluster_offset(run.start) + (first - at);
                self.read_at(path, from, &mut buf[place(first)..place(last)])?;
            }
            at = run_end;
        }
        Ok(count)
    }

    fn find_file(&self, path: &str) -> Result<Item, ReadFileError> {
        let item = self.find(path)?;
        if item.is_directory {
            return Err(ReadFileError::NotAFile { path: path.to_owned() });
        }
        Ok(item)
    }

    /// The first cluster of the directory `path`.
    pub(super) fn directory_cluster(&self, path: &str) -> Result<u32, ReadFileError> {
        let mut cluster = self.root;
        let names = path.split('/').filter(|name| !name.is_empty());
        for (depth, name) in names.enumerate() {
            let found = self.lookup(path, cluster, name)?.filter(|_| depth < DEPTH_MAX);
            let item = found.ok_or_else(|| ReadFileError::NotFound { path: path.to_owned() })?;
            if !item.is_directory {
                return Err(ReadFileError::NotADirectory { path: path.to_owned() });
            }
            cluster = item.first_cluster;
        }
        Ok(cluster)
    }

    /// The entry `name` of the directory that begins at `cluster`.
    fn lookup(&self, path: &str, cluster: u32, name: &str) -> Result<Option<Item>, ReadFileError> {
        let wanted = name::fold(name);
        self.each_entry(path, cluster, &mut |listed| {
            let same = [listed.name(), &listed.short].iter().any(|name| name::fold(name) == wanted);
            same.then(|| Item::of(listed))
        })
    }

    /// Show the entries of the directory that begins at `cluster` to `visit` until it returns
    /// something.
    fn each_entry<T>(
        &self,
        path: &str,
        cluster: u32,
        visit: &mut dyn FnMut(&Listed) -> Option<T>,
    ) -> Result<Option<T>, ReadFileError> {
        let mut assembler = Lister::default();
        let mut chain = Chain::from(*self, path, cluster);
        let clusters_max = (DIRECTORY_BYTES_MAX as u64).div_ceil(self.cluster_bytes);
        let mut bytes = vec![0; usize::try_from(self.cluster_bytes).expect("at most 64 KiB")];
        for _ in 0..clusters_max {
            let Some(cluster) = chain.next_cluster()? else { return Ok(None) };
            self.read_at(path, self.cluster_offset(cluster), &mut bytes)?;
            for record in bytes.as_chunks::<RECORD_BYTES>().0 {
                match assembler.feed(record).1 {
                    Told::Name(listed) if is_entry(&listed) => {
                        if let Some(found) = visit(&listed) {
                            return Ok(Some(found));
                        }
                    }
                    Told::End => return Ok(None),
                    Told::Name(_) | Told::Part | Told::Removed => {}
                }
            }
        }
        Err(chain.damaged("the directory takes more than 2 MiB".to_owned()))
    }

    pub(super) fn cluster_offset(&self, cluster: u32) -> u64 {
        self.data_offset + u64::from(cluster - ROOT_CLUSTER) * self.cluster_bytes
    }

    pub(super) fn read_at(
        &self,
        path: &str,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<(), ReadFileError> {
        let failed = |source| ReadFileError::Device { path: path.to_owned(), source };
        self.device.read_at(offset, buf).map_err(failed)
    }
}

pub(super) fn is_entry(listed: &Listed) -> bool {
    !listed.is_label() && ![".", ".."].contains(&listed.name())
}

impl Item {
    pub(super) fn of(listed: &Listed) -> Self {
        let is_directory = listed.attributes & DIRECTORY != 0;
        Self {
            name: listed.name().to_owned(),
            size_bytes: if is_directory { 0 } else { u64::from(listed.size_bytes) },
            is_directory,
            first_cluster: listed.first_cluster,
        }
    }
}

/// Follows one chain of clusters.
pub(super) struct Chain<'a> {
    volume: Volume<'a>,
    path: &'a str,
    next: u32,
    window_offset: u64,
    window: Vec<u8>,
}

impl<'a> Chain<'a> {
    pub(super) fn from(volume: Volume<'a>, path: &'a str, first: u32) -> Self {
        Self { volume, path, next: first, window_offset: 0, window: Vec::new() }
    }

    pub(super) fn damaged(&self, reason: String) -> ReadFileError {
        ReadFileError::Chain { path: self.path.to_owned(), reason }
    }

    /// The next cluster; `None` at the chain's end.
    pub(super) fn next_cluster(&mut self) -> Result<Option<u32>, ReadFileError> {
        let cluster = self.next;
        if cluster >= END_FROM {
            return Ok(None);
        }
        let end = ROOT_CLUSTER + self.volume.clusters;
        if !(ROOT_CLUSTER..end).contains(&cluster) {
            let reason = format!("it goes to cluster {cluster}, the volume has 2 to {}", end - 1);
            return Err(self.damaged(reason));
        }
        self.next = self.entry(cluster)?;
        Ok(Some(cluster))
    }

    /// The next clusters that lie side by side, at most `count_max`.
    pub(super) fn next_run(&mut self, count_max: u64) -> Result<Range<u32>, ReadFileError> {
        let first = self.next_cluster()?;
        let first = first.ok_or_else(|| self.damaged("it ends before the file".to_owned()))?;
        let mut run = first..first + 1;
        while u64::from(run.end - run.start) < count_max && self.next == run.end {
            let Some(next) = self.next_cluster()? else { break };
            run.end = next + 1;
        }
        Ok(run)
    }

    /// What the FAT says at `cluster`.
    fn entry(&mut self, cluster: u32) -> Result<u32, ReadFileError> {
        let within = u64::from(cluster) * 4;
        let begin = self.volume.fat_offset + within / WINDOW_BYTES * WINDOW_BYTES;
        let end = (begin + WINDOW_BYTES).min(self.volume.data_offset);
        if self.window.is_empty() || self.window_offset != begin {
            self.window.resize(usize::try_from(end - begin).expect("at most a window"), 0);
            self.volume.read_at(self.path, begin, &mut self.window)?;
            self.window_offset = begin;
        }
        let at = usize::try_from(within % WINDOW_BYTES).expect("inside the window");
        let bytes = self.window[at..].first_chunk().expect("entries lie whole in a window");
        Ok(u32::from_le_bytes(*bytes) & 0x0FFF_FFFF)
    }
}
