//! Storage: files, memory, block devices and folders; discovery, and guards as pure functions.
//!
//! Everything that reads or writes a medium does it through [`Device`].

use std::io;

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
