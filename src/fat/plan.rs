//! What can be asked of a volume, and the plan that answers it.

use std::ops::Range;

use super::geometry::{ALIGN_BYTES, Geometry};
use super::layout::Run;
use super::namespace::{DEPTH_MAX, DIRECTORY_BYTES_MAX, ENTRIES_MAX};
use super::record::DosTime;

/// Greatest size of a file.
pub const FILE_BYTES_MAX: u64 = u32::MAX as u64;
/// Greatest size of a reserve file: whole alignment blocks below 4 GiB.
pub(super) const RESERVE_BYTES_MAX: u64 = FILE_BYTES_MAX - (ALIGN_BYTES - 1);

/// A file to lay out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path: UTF-8, names separated by `/`, beginning with `/`.
    pub path: String,
    /// Its length.
    pub size_bytes: u64,
}

/// A file that has to lie at a chosen place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Path of one of the entries.
    pub path: String,
    /// Offset of its first byte in the volume, a multiple of 4,096 inside the data area.
    pub offset_bytes: u64,
}

/// What becomes of clusters that no file or directory takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// They belong to the zero-filled file of this path. Where one file can't hold them all,
    /// further ones follow with the extensions `1`, `2` and so on.
    Reserve(String),
    /// They stay free.
    Free,
}

/// Whether files carry the READ-ONLY attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// They do.
    ReadOnly,
    /// They don't; they carry ARCHIVE, as new files do.
    Writable,
}

/// How to lay out a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What becomes of the clusters left over.
    pub fill: Fill,
    /// Whether files are READ-ONLY.
    pub protection: Protection,
    /// The one time that all files and directories carry.
    pub at: DosTime,
    /// Directories to make even if nothing stands in them.
    pub directories: Vec<String>,
    /// Files that have to lie at chosen places.
    pub placed: Vec<Placement>,
}

impl Options {
    /// A full, READ-ONLY volume: what is left belongs to the zero-filled file `reserve`.
    pub fn sealed(reserve: &str) -> Self {
        Self {
            fill: Fill::Reserve(reserve.to_owned()),
            protection: Protection::ReadOnly,
            ..Self::writable()
        }
    }

    /// A volume to be written to later: what is left is free.
    pub fn writable() -> Self {
        Self {
            fill: Fill::Free,
            protection: Protection::Writable,
            at: DosTime::EPOCH,
            directories: Vec::new(),
            placed: Vec::new(),
        }
    }
}

/// What a planned file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// One of the entries.
    Content,
    /// A zero-filled reserve file.
    Reserve,
}

/// One file of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// Its path, beginning with `/`.
    pub path: String,
    /// Its length.
    pub size_bytes: u64,
    /// Offset of its first byte in the volume, a multiple of 4,096; the file is contiguous.
    /// `None` for an empty file, and for a reserve file, whose clusters may lie apart.
    pub offset_bytes: Option<u64>,
    /// What it is.
    pub role: Role,
}

/// One directory of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDirectory {
    /// Its path; empty for the root.
    pub path: String,
    /// The bytes of its clusters in the volume.
    pub range: Range<u64>,
    /// Where its records lie among the records of all directories.
    pub(super) records: Range<usize>,
}

/// Why a tree can't be laid out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A path that doesn't begin at the root.
    #[error("path \"{path}\" does not begin with /")]
    NotAbsolute {
        /// The path, escaped.
        path: String,
    },
    /// Too many names in a path.
    #[error("path \"{path}\" has {depth} names, at most {DEPTH_MAX} are allowed")]
    TooDeep {
        /// The path, escaped.
        path: String,
        /// Number of its names.
        depth: usize,
    },
    /// A name that FAT can't hold.
    #[error("the last name of \"{path}\" {reason}")]
    Name {
        /// The path, escaped.
        path: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Two paths that are one on FAT.
    #[error("{first} and {second} are one name on FAT, which does not tell case apart")]
    Collision {
        /// The first in sorted order.
        first: String,
        /// The second.
        second: String,
    },
    /// One path given twice.
    #[error("{path} is given twice, or as a file and as a directory")]
    Twice {
        /// The path.
        path: String,
    },
    /// A file as long as FAT can't say.
    #[error("{path} has {size_bytes} bytes, FAT holds at most {FILE_BYTES_MAX}")]
    FileTooLarge {
        /// Its path.
        path: String,
        /// Its length.
        size_bytes: u64,
    },
    /// Too many names in one directory.
    #[error("directory {path}/ takes {len_bytes} bytes, FAT holds at most {DIRECTORY_BYTES_MAX}")]
    DirectoryTooLarge {
        /// Its path.
        path: String,
        /// Bytes of its records.
        len_bytes: usize,
    },
    /// Too many files and directories.
    #[error("{count} files and directories, at most {ENTRIES_MAX} are allowed")]
    TooManyEntries {
        /// How many there are.
        count: usize,
    },
    /// More than the volume holds.
    #[error("the tree takes {needed_bytes} bytes, the volume holds {capacity_bytes}")]
    TreeTooLarge {
        /// Bytes of all files and directories in whole 4,096-byte blocks.
        needed_bytes: u64,
        /// Bytes of the data area.
        capacity_bytes: u64,
    },
    /// Enough room in sum, but not in one stretch.
    #[error("no free stretch holds the {size_bytes} bytes of {path}")]
    NoStretch {
        /// The file or directory.
        path: String,
        /// Its length.
        size_bytes: u64,
    },
    /// A placement that can't be.
    #[error("{path} can't be placed at {offset_bytes}: {reason}")]
    Placement {
        /// The file.
        path: String,
        /// The offset asked for.
        offset_bytes: u64,
        /// What is in the way.
        reason: &'static str,
    },
}

/// Where every byte of a volume comes from.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) geometry: Geometry,
    pub(super) reserved: Vec<u8>,
    pub(super) records: Vec<u8>,
    pub(super) runs: Vec<Run>,
    pub(super) directories: Vec<PlannedDirectory>,
    pub(super) files: Vec<PlannedFile>,
    pub(super) free_clusters: u32,
}

impl Plan {
    /// The shape of the volume.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// All files: the entries sorted by path, then the reserve files. [`super::Contents`] is
    /// asked for them by index in this list.
    pub fn files(&self) -> &[PlannedFile] {
        &self.files
    }

    /// All directories: the root, then sorted by path.
    pub fn directories(&self) -> &[PlannedDirectory] {
        &self.directories
    }

    /// Index in [`Plan::files`] of the entry `path`.
    pub fn find(&self, path: &str) -> Option<usize> {
        let contents = self.files.partition_point(|file| file.role == Role::Content);
        self.files[..contents].binary_search_by(|file| file.path.as_str().cmp(path)).ok()
    }

    /// Offset in the volume of the first byte of the entry `path`; `None` if there is no such
    /// entry or it is empty.
    pub fn locate(&self, path: &str) -> Option<u64> {
        self.files[self.find(path)?].offset_bytes
    }

    /// Offsets of the four bytes of the volume serial, in boot sector and backup.
    pub fn serial_offsets(&self) -> [u64; 2] {
        self.geometry.serial_offsets()
    }

    /// Number of clusters that belong to nothing.
    pub fn free_clusters(&self) -> u32 {
        self.free_clusters
    }

    /// The bytes that hold no file's data: all in front of the data area, then each directory's
    /// clusters; ascending, disjoint.
    pub fn metadata_ranges(&self) -> Vec<Range<u64>> {
        let directories = self.directories.iter().map(|directory| directory.range.clone());
        let mut ranges: Vec<_> =
            std::iter::once(0..self.geometry.data_offset()).chain(directories).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        ranges
    }
}
