//! How a volume on a medium may differ from its plan.

use std::fmt;
use std::ops::Range;

/// How grave a difference is; the greatest of a volume is the volume's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Ordinary use changes these bytes: one of the listed housekeeping bytes.
    Housekeeping,
    /// An entry that systems add by themselves, a removed one, or what was free space.
    Addition,
    /// Anything else.
    Altered,
}

/// What differs.
///
/// Paths begin with `/`; a name that was read from the medium is escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The mark of a volume that wasn't cleanly unmounted, in a boot sector or FAT entry 1.
    DirtyMark,
    /// Count of free clusters or the place to look for one, in `FSInfo`.
    FreeSpaceHint,
    /// The date of last access of a file or directory.
    AccessDate {
        /// The file or directory.
        path: String,
    },
    /// The time at which something in a directory was added or removed.
    DirectoryTime {
        /// The directory.
        path: String,
    },

    /// An entry that systems add by themselves.
    SystemEntry {
        /// Its path.
        path: String,
    },
    /// What is left of an entry that was added and removed again.
    RemovedEntry {
        /// The directory.
        directory: String,
    },
    /// The FAT entry of a cluster that the plan leaves free.
    FreeCluster,

    /// A field of a boot sector.
    BootSector {
        /// Its name in Microsoft's FAT specification, or what it is.
        field: &'static str,
    },
    /// A byte of an `FSInfo` sector that is no hint.
    InfoSector,
    /// A byte of a sector in front of the FATs that has to be zero.
    ReservedSector,
    /// The FAT's first two entries.
    FatHead,
    /// A FAT entry of a file or directory.
    Chain {
        /// The file or directory.
        path: String,
    },
    /// A byte at the FAT's end that belongs to no cluster.
    UnusedFatEntry,
    /// The volume label.
    Label,
    /// A file or directory isn't there any more.
    Missing {
        /// The file or directory.
        path: String,
    },
    /// A file or directory has another name.
    Renamed {
        /// Its planned path.
        path: String,
    },
    /// Attributes have changed.
    Attributes {
        /// The file or directory.
        path: String,
    },
    /// The first cluster has changed.
    FirstCluster {
        /// The file or directory.
        path: String,
    },
    /// The length has changed.
    Size {
        /// The file.
        path: String,
    },
    /// The time of making has changed, or a file's time of changing.
    Time {
        /// The file or directory.
        path: String,
    },
    /// Another entry has the name, long or 8.3, of a planned one.
    Shadowed {
        /// The planned path.
        path: String,
    },
    /// An entry that neither the plan nor the list of system entries knows.
    OtherEntry {
        /// Its path.
        path: String,
    },
    /// A byte behind a directory's last record that has to be zero.
    UnusedRecord {
        /// The directory.
        directory: String,
    },
}

impl What {
    /// How grave it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::DirtyMark
            | Self::FreeSpaceHint
            | Self::AccessDate { .. }
            | Self::DirectoryTime { .. } => Kind::Housekeeping,
            Self::SystemEntry { .. } | Self::RemovedEntry { .. } | Self::FreeCluster => {
                Kind::Addition
            }
            _ => Kind::Altered,
        }
    }

    /// The file or directory that it is about, if it is about one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::AccessDate { path }
            | Self::DirectoryTime { path }
            | Self::SystemEntry { path }
            | Self::Chain { path }
            | Self::Missing { path }
            | Self::Renamed { path }
            | Self::Attributes { path }
            | Self::FirstCluster { path }
            | Self::Size { path }
            | Self::Time { path }
            | Self::Shadowed { path }
            | Self::OtherEntry { path } => Some(path),
            Self::RemovedEntry { directory } | Self::UnusedRecord { directory } => Some(directory),
            _ => None,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DirtyMark => write!(f, "the volume is marked as not cleanly unmounted"),
            Self::FreeSpaceHint => write!(f, "the hint about free clusters has changed"),
            Self::AccessDate { path } => write!(f, "{path} was read"),
            Self::DirectoryTime { path } => {
                write!(f, "an entry was added to or removed from {path}")
            }
            Self::SystemEntry { path } => write!(f, "{path} was added by a system"),
            Self::RemovedEntry { directory } => {
                write!(f, "an entry was added to {directory} and removed again")
            }
            Self::FreeCluster => write!(f, "a free cluster was taken"),
            Self::BootSector { field } => write!(f, "the boot sector's {field} has changed"),
            Self::InfoSector => write!(f, "the FSInfo sector has changed"),
            Self::ReservedSector => write!(f, "an unused byte in front of the FAT is not zero"),
            Self::FatHead => write!(f, "one of the FAT's first two entries has changed"),
            Self::Chain { path } => write!(f, "the FAT chain of {path} has changed"),
            Self::UnusedFatEntry => write!(f, "an unused byte of the FAT is not zero"),
            Self::Label => write!(f, "the volume label has changed"),
            Self::Missing { path } => write!(f, "{path} is missing"),
            Self::Renamed { path } => write!(f, "{path} has another name"),
            Self::Attributes { path } => write!(f, "the attributes of {path} have changed"),
            Self::FirstCluster { path } => write!(f, "the first cluster of {path} has changed"),
            Self::Size { path } => write!(f, "the length of {path} has changed"),
            Self::Time { path } => write!(f, "the time of {path} has changed"),
            Self::Shadowed { path } => write!(f, "{path} is shadowed by a second entry"),
            Self::OtherEntry { path } => write!(f, "{path} was added"),
            Self::UnusedRecord { directory } => {
                write!(f, "an unused byte of directory {directory} is not zero")
            }
        }
    }
}

/// One difference between a volume and its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub what: What,
    /// Where, in bytes of the volume.
    pub range: Range<u64>,
}

/// Greatest number of differences of one kind that are told one by one.
pub const DIFFERENCES_MAX: usize = 1_000;

/// All differences between the metadata of a volume and its plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    differences: Vec<Difference>,
    counts: [usize; 3],
}

impl Comparison {
    /// The differences by place, of each kind at most [`DIFFERENCES_MAX`].
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// How many there are of `kind`, also where not all are told one by one.
    pub fn count(&self, kind: Kind) -> usize {
        self.counts[kind as usize]
    }

    /// The gravest kind; `None` if every byte is as planned.
    pub fn gravest(&self) -> Option<Kind> {
        [Kind::Altered, Kind::Addition, Kind::Housekeeping]
            .into_iter()
            .find(|kind| self.count(*kind) > 0)
    }

    /// Add a difference, joining it to the one before it if it goes on where that ends.
    pub(super) fn push(&mut self, what: What, range: Range<u64>) {
        if let Some(last) = self.differences.last_mut()
            && last.what == what
            && last.range.end == range.start
        {
            last.range.end = range.end;
            return;
        }
        let count = &mut self.counts[what.kind() as usize];
        *count += 1;
        if *count <= DIFFERENCES_MAX {
            self.differences.push(Difference { what, range });
        }
    }
}
