//! Image files that get their name when they are whole.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempPath;

use super::file::{open_error, refuse_existing, refuse_without_space};
use super::folder::{UNFINISHED_PREFIX, parent_of};
use super::{Device, DeviceError, Existing, FileDevice, OpenError};

/// Tells the unfinished files of one process apart.
static MADE: AtomicU64 = AtomicU64::new(0);

/// An image file in the making: it lies beside the place where it will stand, under a name of its
/// own, and is removed unless it is finished.
#[derive(Debug)]
pub struct UnfinishedFile {
    device: FileDevice,
    made: TempPath,
    to: PathBuf,
    existing: Existing,
}

impl UnfinishedFile {
    /// Whether an image of `len` bytes could be begun: what stands at `to`, and the file system's
    /// free space.
    pub fn check(to: &Path, len: u64, existing: Existing) -> Result<(), OpenError> {
        let folder = parent_of(to);
        if !folder.is_dir() {
            return Err(OpenError::Missing { path: folder.to_path_buf() });
        }
        refuse_existing(to, existing)?;
        // Until the last moment both files are there.
        refuse_without_space(to, len, 0)
    }

    /// Begin an image of `len` bytes, which reads as zeros, that is to stand at `to`.
    ///
    /// [`UnfinishedFile::check`] is asked first.
    pub fn create(to: &Path, len: u64, existing: Existing) -> Result<Self, OpenError> {
        Self::check(to, len, existing)?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{UNFINISHED_PREFIX}image-{}-{number}", std::process::id());
        let path = parent_of(to).join(name);
        // What has this name was left by a process that is gone.
        let device = FileDevice::create(&path, len, Existing::Replace)?;
        let made =
            TempPath::try_from_path(path).map_err(|source| open_error("making", to, source))?;
        Ok(Self { device, made, to: to.to_path_buf(), existing })
    }

    /// Give the file its name. Neither name nor bytes need be on the disk yet: a loss of power may
    /// take either.
    pub fn finish(self) -> Result<FileDevice, OpenError> {
        let Self { mut device, made, to, existing } = self;
        let renamed = match existing {
            Existing::Refuse => made.persist_noclobber(&to),
            Existing::Replace => made.persist(&to),
        };
        match renamed {
            Ok(()) => {}
            Err(refused) => {
                // Somebody may have put a file there in the meantime.
                refuse_existing(&to, existing)?;
                return Err(open_error("naming", &to, refused.error));
            }
        }
        device.renamed(to);
        Ok(device)
    }
}

impl Device for UnfinishedFile {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.device.read_at(offset, buf)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.device.write_at(offset, bytes)
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.device.flush()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files from outside")]
mod tests {
    use std::fs;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_name_appears_only_when_the_file_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("whole.img");
        let file = UnfinishedFile::create(&to, 5, Existing::Refuse).unwrap();
        file.write_at(1, b"abc").unwrap();
        assert!(!to.exists());
        let device = file.finish().unwrap();
        assert_eq!(device.path(), to);
        assert_eq!(fs::read(&to).unwrap(), b"\0abc\0");
        assert_eq!(names(folder.path()), ["whole.img"]);
    }

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("cut.img");
        drop(UnfinishedFile::create(&to, 5, Existing::Refuse).unwrap());
        assert!(names(folder.path()).is_empty());
        let nowhere = UnfinishedFile::create(&to.join("deeper"), 5, Existing::Refuse).unwrap_err();
        assert!(matches!(nowhere, OpenError::Missing { path } if path == to));
        let huge = UnfinishedFile::create(&to, 1 << 60, Existing::Refuse).unwrap_err();
        assert!(huge.to_string().contains("cut.img: 1152921504606846976 bytes are needed"));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn what_stands_there_stays_unless_it_is_to_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("old.img");
        let late = UnfinishedFile::create(&to, 5, Existing::Refuse).unwrap();
        fs::write(&to, b"precious").unwrap();
        for refused in [
            late.finish(),
            UnfinishedFile::create(&to, 5, Existing::Refuse).and_then(UnfinishedFile::finish),
        ] {
            let refused = refused.unwrap_err().to_string();
            assert!(
                refused.ends_with("a file of 8 bytes already stands here and is not overwritten")
            );
        }
        assert_eq!(fs::read(&to).unwrap(), b"precious");
        let replaced = UnfinishedFile::create(&to, 5, Existing::Replace).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"precious");
        replaced.finish().unwrap();
        assert_eq!(fs::read(&to).unwrap(), [0; 5]);
        assert_eq!(names(folder.path()), ["old.img"]);
    }
}
