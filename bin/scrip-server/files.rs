//! Files that are handed out: written once, never over something else.

use std::path::Path;

use scrip::device::{Folder, FolderError, Privacy, create_file, read_file};
use scrip::tool::{Classed, Exit, Failure};

/// The longest exported journal that is read.
pub(crate) const JOURNAL_BYTES_MAX: usize = 1 << 30;

/// Read a file somebody named.
pub(crate) fn read(path: &Path, max: usize) -> Result<Vec<u8>, Failure> {
    read_file(path, max as u64).or_fail()
}

/// Refuse a place where something stands already.
pub(crate) fn check_free(path: &Path) -> Result<(), Failure> {
    if let Err(FolderError::Missing { .. }) = read_file(path, 0) {
        return Ok(());
    }
    let error = FolderError::Exists { path: path.to_path_buf() };
    Err(Failure::of(Exit::Refusal, &error).hint("choose a name that isn't taken"))
}

/// Refuse a file that couldn't be written, before any work is done for it.
pub(crate) fn check_out(path: &Path) -> Result<(), Failure> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Folder::open(parent.unwrap_or(Path::new("."))).or_fail()?;
    check_free(path)
}

/// Write a file where there is none; the very same file there already is as good.
pub(crate) fn hand_out(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    match create_file(path, bytes, Privacy::Public) {
        Err(FolderError::Exists { .. }) => match read_file(path, bytes.len() as u64) {
            Ok(there) if there == bytes => Ok(()),
            _ => check_free(path),
        },
        other => other.or_fail(),
    }
}
