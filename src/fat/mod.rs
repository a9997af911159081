//! FAT32 volumes laid out by arithmetic and streamed front to back.
//!
//! [`plan`] turns a [`Geometry`] and a set of paths and sizes into a [`Plan`]: where each byte of
//! the volume comes from. [`Plan::read_at`] then fills any range of it, on any thread, so that a
//! volume can be written and hashed in one pass and in any order.
//!
//! [`compare`] says how a volume on a medium differs from its plan, and [`open`] reads files by
//! path from volumes that anyone may have written. [`Writer`] changes files on such a volume, and
//! [`Exchange`] is the owner's OUTBOX and INBOX, on an image, a raw device or a mounted directory.
#![doc = "\n"]
#![doc = include_str!("SPEC.md")]

mod assemble;
mod compare;
mod difference;
mod directory;
mod exchange;
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
mod table;
mod writer;

pub use assemble::plan;
pub use compare::{FOLDER_ENTRIES, SYSTEM_ENTRIES, compare, compare_within, is_system_name};
pub use difference::{Comparison, DIFFERENCES_MAX, Difference, Kind, What};
pub use exchange::{Exchange, ExchangeError, Filed, Tray};
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
pub use writer::{WriteFileError, Writer};
