//! What a file is known by without reading it.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::crypto::digest::sha256_parts;

/// A file as the file system has it: another mark means that it may hold something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMark {
    /// Over its path, device and inode, length, and when it was changed, to the nanosecond.
    pub digest: [u8; 32],
    /// When it was changed, in seconds since 1970: what was changed just now may be changed again
    /// without another mark.
    pub changed_s: u64,
}

impl FileMark {
    /// The mark of the file at this path.
    pub fn of(path: &Path) -> io::Result<Self> {
        let meta = std::fs::metadata(path)?;
        let numbers = [
            meta.dev(),
            meta.ino(),
            meta.len(),
            meta.mtime().cast_unsigned(),
            meta.mtime_nsec().cast_unsigned(),
            meta.ctime().cast_unsigned(),
            meta.ctime_nsec().cast_unsigned(),
        ];
        let numbers = numbers.map(u64::to_be_bytes);
        let digest = sha256_parts(&[numbers.as_flattened(), path.as_os_str().as_bytes()]);
        let changed_s = u64::try_from(meta.mtime().max(meta.ctime())).unwrap_or(0);
        Ok(Self { digest, changed_s })
    }
}
