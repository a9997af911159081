//! How a volume on a medium may differ from its plan.

use std::fmt;
use std::ops::Range;

use crate::phrases;
use crate::words::Phrase;

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

phrases! {
    fn dirty_mark() {
        en: "the volume is marked as not cleanly unmounted",
        ja: "正しく取り外されなかった印が付いています",
    }
    fn free_space_hint() {
        en: "the hint about free clusters has changed",
        ja: "空き容量の目安が変わりました",
    }
    fn access_date(path) {
        en: "{path} was read",
        ja: "{path} が読まれました",
    }
    fn directory_time(path) {
        en: "an entry was added to or removed from {path}",
        ja: "{path} に項目が追加または削除されました",
    }
    fn system_entry(path) {
        en: "{path} was added by a system",
        ja: "システムが {path} を追加しました",
    }
    fn removed_entry(directory) {
        en: "an entry was added to {directory} and removed again",
        ja: "{directory} に項目が追加され、また削除されました",
    }
    fn free_cluster() {
        en: "a free cluster was taken",
        ja: "空き領域の一部が使われました",
    }
    fn boot_sector(field) {
        en: "the boot sector's {field} has changed",
        ja: "起動領域の項目`{field}`が変わっています",
    }
    fn info_sector() {
        en: "the FSInfo sector has changed",
        ja: "ファイルシステムの情報領域が変わっています",
    }
    fn reserved_sector() {
        en: "an unused byte in front of the FAT is not zero",
        ja: "割り当て表の前の未使用バイトが0ではありません",
    }
    fn fat_head() {
        en: "one of the FAT's first two entries has changed",
        ja: "割り当て表の先頭の項目が変わっています",
    }
    fn chain(path) {
        en: "the FAT chain of {path} has changed",
        ja: "{path} の割り当てが変わっています",
    }
    fn unused_fat_entry() {
        en: "an unused byte of the FAT is not zero",
        ja: "割り当て表の未使用バイトが0ではありません",
    }
    fn label() {
        en: "the volume label has changed",
        ja: "ボリューム名が変わっています",
    }
    fn missing(path) {
        en: "{path} is missing",
        ja: "{path} がありません",
    }
    fn renamed(path) {
        en: "{path} has another name",
        ja: "{path} の名前が変わっています",
    }
    fn attributes(path) {
        en: "the attributes of {path} have changed",
        ja: "{path} の属性が変わっています",
    }
    fn first_cluster(path) {
        en: "the first cluster of {path} has changed",
        ja: "{path} の開始位置が変わっています",
    }
    fn size(path) {
        en: "the length of {path} has changed",
        ja: "{path} の長さが変わっています",
    }
    fn time(path) {
        en: "the time of {path} has changed",
        ja: "{path} の日時が変わっています",
    }
    fn shadowed(path) {
        en: "{path} is shadowed by a second entry",
        ja: "{path} が同じ名前の別の項目に隠されています",
    }
    fn other_entry(path) {
        en: "{path} was added",
        ja: "{path} が追加されています",
    }
    fn unused_record(directory) {
        en: "an unused byte of directory {directory} is not zero",
        ja: "フォルダー {directory} の未使用バイトが0ではありません",
    }
}

impl What {
    /// For a person.
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::DirtyMark => dirty_mark(),
            Self::FreeSpaceHint => free_space_hint(),
            Self::AccessDate { path } => access_date(path),
            Self::DirectoryTime { path } => directory_time(path),
            Self::SystemEntry { path } => system_entry(path),
            Self::RemovedEntry { directory } => removed_entry(directory),
            Self::FreeCluster => free_cluster(),
            Self::BootSector { field } => boot_sector(field),
            Self::InfoSector => info_sector(),
            Self::ReservedSector => reserved_sector(),
            Self::FatHead => fat_head(),
            Self::Chain { path } => chain(path),
            Self::UnusedFatEntry => unused_fat_entry(),
            Self::Label => label(),
            Self::Missing { path } => missing(path),
            Self::Renamed { path } => renamed(path),
            Self::Attributes { path } => attributes(path),
            Self::FirstCluster { path } => first_cluster(path),
            Self::Size { path } => size(path),
            Self::Time { path } => time(path),
            Self::Shadowed { path } => shadowed(path),
            Self::OtherEntry { path } => other_entry(path),
            Self::UnusedRecord { directory } => unused_record(directory),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.phrase().en())
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
