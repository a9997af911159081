//! Storage: files, memory, block devices and folders; discovery, and guards as pure functions.
//!
//! Everything that reads or writes a medium does it through [`Device`]; what is being burnt is
//! a [`Target`], which can also be read back past this computer's caches.

use std::io;
use std::sync::Arc;

mod aligned;
mod checks;
mod claim;
#[cfg(test)]
mod described;
mod difference;
mod discovery;
mod file;
mod folder;
mod guards;
mod hardware;
mod joined;
mod kept;
mod keyed;
mod leftovers;
mod machine;
mod mark;
mod memory;
mod mounted;
mod mounts;
mod overlaid;
mod peek;
mod probe;
mod scratch;
mod scrub;
pub mod simulated;
mod slice;
mod splitmix;
mod target;
mod tree;
mod unfinished;

pub use aligned::{ALIGNMENT_BYTES, AlignedBuffer};
pub use checks::{Check, CheckError};
pub use claim::{Claim, ClaimError};
pub use difference::Difference;
pub use discovery::DiscoverError;
pub use file::{Access, Existing, FileDevice, OpenError};
pub use folder::{
    Folder, FolderError, FolderLock, Privacy, check_new_file, create_file, read_file, replace_file,
};
#[cfg(any(feature = "server", feature = "verify"))]
pub(crate) use folder::{parent_of, sync_folder};
pub use guards::{
    Aim, Cleared, Fingerprint, ODDLY_LARGE_BYTES, Refusal, Request, changed, clear, refusals,
};
pub use hardware::{Hardware, Protection, UsbDevice};
pub use joined::Joined;
pub use kept::KeptError;
pub use keyed::{Keyed, KeyedError, ValueKey};
pub use machine::{DeviceNumber, Disk, Machine, NumberError, Partition, Transport, Use};
pub use mark::FileMark;
pub use memory::MemoryDevice;
pub use mounted::{ListError, MountedEntry, MountedKind, MountedTree};
pub use mounts::{Mount, Swap};
pub use overlaid::Overlaid;
pub use peek::Contents;
pub use probe::{PROBE_BLOCK_BYTES, Probe, ProbeError, Probed, WrongBlock, WrongKind};
pub use scratch::{Put, Scratch};
pub use scrub::{Scrub, ScrubError, ScrubWayError, Scrubbed, scrub};
pub use slice::Slice;
pub use target::TargetError;
pub use tree::{SourceFile, Tree, TreeError, TreeFile};
pub use unfinished::{UnfinishedError, UnfinishedFile, UnfinishedFolder};

/// Storage of fixed length, read and written at byte offsets.
///
/// Methods take `&self` so that several threads can work on disjoint ranges, as `pread` and
/// `pwrite` do. Nothing is durable before [`Device::flush`] returned.
pub trait Device: Send + Sync {
    /// The length of the storage, in bytes; it does not change while the device is open.
    fn len_bytes(&self) -> u64;

    /// Fill the whole of `buf` from `offset`.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError>;

    /// Write the whole of `bytes` at `offset`.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError>;

    /// Make every earlier write durable.
    fn flush(&self) -> Result<(), DeviceError>;
}

/// Storage that is being burnt.
pub trait Target: Device {
    /// Fill the whole of `buf` from what the storage itself holds at `offset`, not from this
    /// computer's page cache, and say which way was used.
    ///
    /// Only flushed bytes are certain to be seen.
    fn read_back_at(&self, offset: u64, buf: &mut [u8]) -> Result<ReadPath, DeviceError>;

    /// Have the storage itself make `count` bytes from `offset` read as zeros, without sending
    /// them.
    ///
    /// [`ClearOutcome::Unsupported`] leaves the range as it was.
    fn clear(
        &self,
        offset: u64,
        count: u64,
        clearing: Clearing,
    ) -> Result<ClearOutcome, DeviceError>;
}

/// Which way bytes took when they were read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadPath {
    /// Read by `O_DIRECT`, around the page cache.
    Direct,
    /// The page cache was told to drop the range (`posix_fadvise`), then it was read. The
    /// kernel may keep pages that are in use, so this is the weaker way.
    CacheDropped,
    /// The storage is memory: there is nothing behind it.
    Memory,
}

/// How a range is cleared by [`Target::clear`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clearing {
    /// The storage may forget the bytes and give the space back.
    Discard,
    /// The storage keeps the space and zeros it.
    Zero,
}

/// What became of a request to [`Target::clear`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClearOutcome {
    /// The range now reads as zeros.
    Cleared,
    /// The storage has no such command; nothing changed.
    Unsupported,
}

/// Why storage could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The range does not lie inside the device.
    #[error("bytes {offset} to {end} lie outside a device of {len} bytes")]
    OutOfRange {
        /// First byte asked for.
        offset: u64,
        /// One past the last byte asked for.
        end: u64,
        /// Length of the device in bytes.
        len: u64,
    },
    /// The operating system refused.
    #[error("{action} {count} bytes at {offset}: {source}")]
    Io {
        /// Gerund: `reading`, `writing`, `flushing`.
        action: &'static str,
        /// First byte of the range.
        offset: u64,
        /// Length of the range in bytes.
        count: u64,
        /// What the operating system said.
        source: io::Error,
    },
}

impl DeviceError {
    /// Refuse a range of `count` bytes from `offset` that does not lie inside `len` bytes.
    pub fn check_range(offset: u64, count: u64, len: u64) -> Result<(), Self> {
        match offset.checked_add(count) {
            Some(end) if end <= len => Ok(()),
            end => Err(Self::OutOfRange { offset, end: end.unwrap_or(u64::MAX), len }),
        }
    }
}

macro_rules! forward_device {
    ($($pointer:ty),*) => {$(
        impl<D: Device + ?Sized> Device for $pointer {
            fn len_bytes(&self) -> u64 {
                (**self).len_bytes()
            }
            fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
                (**self).read_at(offset, buf)
            }
            fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
                (**self).write_at(offset, bytes)
            }
            fn flush(&self) -> Result<(), DeviceError> {
                (**self).flush()
            }
        }

        impl<D: Target + ?Sized> Target for $pointer {
            fn read_back_at(&self, offset: u64, buf: &mut [u8]) -> Result<ReadPath, DeviceError> {
                (**self).read_back_at(offset, buf)
            }
            fn clear(
                &self,
                offset: u64,
                count: u64,
                clearing: Clearing,
            ) -> Result<ClearOutcome, DeviceError> {
                (**self).clear(offset, count, clearing)
            }
        }
    )*};
}

forward_device!(&D, Arc<D>, Box<D>);

#[cfg(test)]
mod tests {
    use super::DeviceError;

    #[test]
    fn ranges_are_checked_without_overflow() {
        assert!(DeviceError::check_range(0, 10, 10).is_ok());
        assert!(DeviceError::check_range(10, 0, 10).is_ok());
        let past = DeviceError::check_range(8, 3, 10).unwrap_err();
        assert_eq!(past.to_string(), "bytes 8 to 11 lie outside a device of 10 bytes");
        assert!(DeviceError::check_range(u64::MAX, 1, u64::MAX).is_err());
    }
}
