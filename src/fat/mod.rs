//! FAT32 volumes laid out by arithmetic and streamed front to back.
//!
//! [`plan`] turns a [`Geometry`] and a set of paths and sizes into a [`Plan`]: where each byte of
//! the volume comes from. [`Plan::read_at`] then fills any range of it, on any thread, so that a
//! volume can be written and hashed in one pass and in any order.
//!
//! The layout, a pure function of geometry, paths, sizes and options:
//! - 32 reserved sectors: boot sector (0) and backup (6), `FSInfo` (1) and its copy (7), zeros;
//! - two FATs, each a multiple of 4,096 bytes, then the data area;
//! - in it all directories (root first, then sorted by path), then all files (sorted by path),
//!   each contiguous and each beginning on a 4,096-byte boundary of the volume, in the first free
//!   stretch that holds it; *placed* files stand where the options say;
//! - every cluster that is left over belongs to zero-filled reserve files ([`Fill::Reserve`]) or
//!   is free ([`Fill::Free`]).
//!
//! [`compare`] says how a volume on a medium differs from its plan, and [`open`] reads files by
//! path from volumes that anyone may have written.
//!
//! Unused bytes (cluster ends, FAT entries past the last cluster, free clusters) are zero.

mod assemble;
mod compare;
mod difference;
mod geometry;
mod housekeeping;
mod layout;
mod listing;
mod name;
mod namespace;
mod plan;
mod reader;
mod record;
mod stream;

pub use assemble::plan;
pub use compare::{FOLDER_ENTRIES, SYSTEM_ENTRIES, compare, compare_within};
pub use difference::{Comparison, DIFFERENCES_MAX, Difference, Kind, What};
pub use geometry::{
    ALIGN_BYTES, CLUSTERS_MAX, CLUSTERS_MIN, Geometry, GeometryError, Label, SECTOR_BYTES,
    WIDE_CLUSTERS_FROM_BYTES,
};
pub use housekeeping::{HousekeepingByte, housekeeping_bytes};
pub use namespace::{DEPTH_MAX, DIRECTORY_BYTES_MAX, ENTRIES_MAX};
pub use plan::{
    Entry, FILE_BYTES_MAX, Fill, Options, Placement, Plan, PlanError, PlannedDirectory,
    PlannedFile, Protection, Role,
};
pub use reader::{Item, OpenVolumeError, ReadFileError, Volume, open};
pub use record::DosTime;
pub use stream::{Contents, ReadError};
