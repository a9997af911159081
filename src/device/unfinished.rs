//! Image files and folders that get their name when they are whole.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::{TempDir, TempPath};

use super::file::{open_error, refuse_existing, refuse_without_space};
use super::folder::{UNFINISHED_PREFIX, parent_of, sync_folder};
use super::{Device, DeviceError, Existing, FileDevice, Folder, FolderError, OpenError};

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

/// A folder in the making: it lies beside the place where it will stand, under a name of its own,
/// and is removed with all that is in it unless it is finished.
#[derive(Debug)]
pub struct UnfinishedFolder {
    made: TempDir,
    to: PathBuf,
}

impl UnfinishedFolder {
    /// Whether a folder of files that take `len` bytes could be begun: nothing stands at `to`, and
    /// the file system has room.
    pub fn check(to: &Path, len: u64) -> Result<(), UnfinishedError> {
        let beside = parent_of(to);
        if !beside.is_dir() {
            return Err(FolderError::Missing { path: beside.to_path_buf() }.into());
        }
        refuse_any(to)?;
        Ok(refuse_without_space(to, len, 0)?)
    }

    /// Begin a folder that is to stand at `to`, for whoever the system lets.
    ///
    /// [`UnfinishedFolder::check`] is asked first.
    pub fn create(to: &Path, len: u64) -> Result<Self, UnfinishedError> {
        Self::check(to, len)?;
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(UNFINISHED_PREFIX).permissions(Permissions::from_mode(0o777));
        let made = builder.tempdir_in(parent_of(to));
        let made = made.map_err(|source| open_error("making", to, source))?;
        Ok(Self { made, to: to.to_path_buf() })
    }

    /// The folder as it is so far.
    pub fn folder(&self) -> Result<Folder, FolderError> {
        Folder::open(self.made.path())
    }

    /// Give the folder its name, durably; nothing that stands there meanwhile is replaced.
    pub fn finish(self) -> Result<Folder, UnfinishedError> {
        let Self { made, to } = self;
        let from = made.path();
        match renameat_with(CWD, from, CWD, &to, RenameFlags::NOREPLACE) {
            // File systems that know no such flag, as FAT by some drivers.
            Err(Errno::INVAL | Errno::NOSYS) => {
                refuse_any(&to)?;
                fs::rename(from, &to).map_err(|source| open_error("naming", &to, source))?;
            }
            Err(Errno::EXIST) => return Err(FolderError::Exists { path: to }.into()),
            renamed => renamed.map_err(|error| open_error("naming", &to, error.into()))?,
        }
        // Nothing of its old name is left to be removed.
        let _ = made.keep();
        let named = sync_folder(parent_of(&to));
        named.map_err(|source| open_error("naming", &to, source))?;
        Ok(Folder::open(&to)?)
    }
}

/// Why a folder can't be begun or finished.
#[derive(Debug, thiserror::Error)]
pub enum UnfinishedError {
    /// The place can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// It has no room, or the operating system refused.
    #[error(transparent)]
    Open(#[from] OpenError),
}

fn refuse_any(to: &Path) -> Result<(), UnfinishedError> {
    match fs::symlink_metadata(to) {
        Ok(_) => Err(FolderError::Exists { path: to.to_path_buf() }.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(open_error("making", to, source).into()),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files from outside")]
mod tests {
    use super::super::Privacy;
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
    fn a_folder_appears_whole_or_leaves_nothing() {
        let beside = tempfile::tempdir().unwrap();
        let to = beside.path().join("whole");
        let begin = || UnfinishedFolder::create(&to, 5).unwrap();
        let fill = |made: &UnfinishedFolder| {
            made.folder().unwrap().write("one", b"1", Privacy::Shared).unwrap();
        };
        let (first, late, cut) = (begin(), begin(), begin());
        [&first, &late, &cut].into_iter().for_each(fill);
        assert!(!to.exists());
        drop(cut);
        assert_eq!(first.finish().unwrap().list().unwrap(), ["one"]);
        let exists = |error: UnfinishedError| {
            assert!(error.to_string().ends_with("whole: already there, and not overwritten"));
        };
        exists(late.finish().unwrap_err());
        exists(UnfinishedFolder::create(&to, 5).unwrap_err());
        let nowhere = UnfinishedFolder::check(&to.join("none/deeper"), 5).unwrap_err().to_string();
        assert!(nowhere.ends_with("whole/none: there is no such file or folder"), "{nowhere}");
        let huge = UnfinishedFolder::check(&beside.path().join("huge"), 1 << 60).unwrap_err();
        assert!(huge.to_string().contains("huge: 1152921504606846976 bytes are needed"));
        assert_eq!(names(beside.path()), ["whole"]);
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
