//! Folders on disk: a store's, an issuer's, a user's state.
//!
//! A file is written whole or not at all, what is private is readable by its owner alone, and
//! every read is bounded.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;
use tempfile::NamedTempFile;

/// Files being written begin with this until they are whole.
pub(super) const UNFINISHED_PREFIX: &str = ".new-";
/// So many letters and digits stand behind that.
pub(super) const UNFINISHED_CHARS: usize = 6;
/// The file whose lock says that the folder is in use.
const LOCK_NAME: &str = ".lock";
/// More files than this in one folder are not listed.
pub(super) const LIST_MAX: usize = 1_000_000;
/// How much of a lock's text is read.
const HOLDER_BYTES_MAX: u64 = 200;

/// A folder whose files are named by single names, never by paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub(super) path: PathBuf,
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// Its owner alone (mode 0600).
    Secret,
    /// Everyone (mode 0644).
    Public,
    /// Whoever the system lets: for media, whose file systems keep no modes and refuse to set them.
    Shared,
}

/// The folder is in use by this process until the lock is dropped.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
}

impl Drop for FolderLock {
    /// Closing alone would leave the lock to a child process that was forked meanwhile and hasn't
    /// become its own program yet.
    fn drop(&mut self) {
        // A lock that can't be released ends with this process.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

/// Why a folder or a file in it could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is nothing at the path.
    #[error("{}: there is no such file or folder", path.display())]
    Missing {
        /// What was looked for.
        path: PathBuf,
    },
    /// Something stands there already and is left as it is.
    #[error("{}: already there, and not overwritten", path.display())]
    Exists {
        /// What stays.
        path: PathBuf,
    },
    /// A file is longer than anything that belongs there.
    #[error("{}: {len} bytes, at most {max} belong here", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        len: u64,
        /// The longest that is read, in bytes.
        max: u64,
    },
    /// A folder holds more files than are listed.
    #[error("{}: more than {max} files", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// How many are listed at most.
        max: usize,
    },
    /// What should be a file is a folder or a device, or the other way round.
    #[error("{}: is not a {expected}", path.display())]
    WrongKind {
        /// What was found.
        path: PathBuf,
        /// `file` or `folder`.
        expected: &'static str,
    },
    /// Another process uses the folder.
    #[error("{}: in use by {holder}: wait until it has ended", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Who uses it, in its own words.
        holder: String,
    },
    /// A name that is no single file name.
    #[error("{}: {name:?} is not a file name", path.display())]
    Name {
        /// The folder.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// The operating system refused.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// Gerund: `reading`, `writing`, `making`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Folder {
    /// Make a folder (mode 0700, as are the folders above it that are missing).
    pub fn create(path: &Path) -> Result<Self, FolderError> {
        let failed = |source| failure("making", path, source);
        if fs::symlink_metadata(path).is_ok() {
            return Err(FolderError::Exists { path: path.to_path_buf() });
        }
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        sync_folder(parent_of(path)).map_err(failed)?;
        Ok(Self { path: path.to_path_buf() })
    }

    /// Open a folder that exists.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let meta = fs::metadata(path).map_err(|source| failure("opening", path, source))?;
        if !meta.is_dir() {
            return Err(FolderError::WrongKind { path: path.to_path_buf(), expected: "folder" });
        }
        Ok(Self { path: path.to_path_buf() })
    }

    /// Open a folder, making it first if there is none.
    pub fn open_or_create(path: &Path) -> Result<Self, FolderError> {
        match Self::open(path) {
            Err(FolderError::Missing { .. }) => Self::create(path),
            other => other,
        }
    }

    /// Where the folder lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file of this name lies, whether or not it exists.
    pub fn path_of(&self, name: &str) -> Result<PathBuf, FolderError> {
        let plain = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']);
        if !plain || name == LOCK_NAME || name.starts_with(UNFINISHED_PREFIX) {
            return Err(FolderError::Name { path: self.path.clone(), name: name.to_owned() });
        }
        Ok(self.path.join(name))
    }

    /// The folder of this name inside this one, made if there is none.
    pub fn folder(&self, name: &str) -> Result<Self, FolderError> {
        Self::open_or_create(&self.path_of(name)?)
    }

    /// Whether a file or folder of this name exists.
    pub fn contains(&self, name: &str) -> Result<bool, FolderError> {
        let path = self.path_of(name)?;
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(failure("looking for", &path, source)),
        }
    }

    /// Write a whole file in place of the old one, if any: after a crash there is one or the
    /// other.
    pub fn write(&self, name: &str, bytes: &[u8], privacy: Privacy) -> Result<(), FolderError> {
        let path = self.path_of(name)?;
        let failed = |source| failure("writing", &path, source);
        let unfinished = self.unfinished(bytes, privacy).map_err(failed)?;
        unfinished.persist(&path).map_err(|refused| failed(refused.error))?;
        sync_folder(&self.path).map_err(failed)
    }

    /// Write a whole file where there is none; never overwrite.
    pub fn create_new(
        &self,
        name: &str,
        bytes: &[u8],
        privacy: Privacy,
    ) -> Result<(), FolderError> {
        let path = self.path_of(name)?;
        let failed = |source| failure("writing", &path, source);
        let unfinished = self.unfinished(bytes, privacy).map_err(failed)?;
        unfinished.persist_noclobber(&path).map_err(|refused| failed(refused.error))?;
        sync_folder(&self.path).map_err(failed)
    }

    /// Add bytes at the end of a file, which is made if there is none, and make them durable.
    ///
    /// After a crash any first part of them may be there.
    pub fn append(&self, name: &str, bytes: &[u8], privacy: Privacy) -> Result<(), FolderError> {
        let path = self.path_of(name)?;
        let append = || {
            let mut options = OpenOptions::new();
            let mut file = options.append(true).create(true).mode(mode_of(privacy)).open(&path)?;
            if file.metadata()?.len() == 0 {
                // Before there are bytes that a lost name would take along.
                sync_folder(&self.path)?;
            }
            file.write_all(bytes)?;
            file.sync_data()
        };
        append().map_err(|source| failure("adding to", &path, source))
    }

    /// The whole of a file that is at most `max` bytes long.
    pub fn read(&self, name: &str, max: u64) -> Result<Vec<u8>, FolderError> {
        read_file(&self.path_of(name)?, max)
    }

    /// The length of the regular file of this name; none where there is no file. Links are refused.
    pub fn len_bytes(&self, name: &str) -> Result<Option<u64>, FolderError> {
        let path = self.path_of(name)?;
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_file() => Ok(Some(meta.len())),
            Ok(_) => Err(FolderError::WrongKind { path, expected: "file" }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failure("looking for", &path, source)),
        }
    }

    /// Bytes that its file system has free for this user.
    pub fn free_bytes(&self) -> Result<u64, FolderError> {
        let failed = |error: Errno| failure("measuring", &self.path, error.into());
        let stat = rustix::fs::statvfs(&self.path).map_err(failed)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Remove a file.
    pub fn remove(&self, name: &str) -> Result<(), FolderError> {
        let path = self.path_of(name)?;
        let removed = fs::remove_file(&path).and_then(|()| sync_folder(&self.path));
        removed.map_err(|source| failure("removing", &path, source))
    }

    /// Overwrite a file with zeros, then remove it.
    ///
    /// Flash and journaling file systems may keep the old blocks: what is erased should have been
    /// sealed as well.
    pub fn erase(&self, name: &str) -> Result<(), FolderError> {
        let path = self.path_of(name)?;
        let overwrite = || {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            let len = file.metadata()?.len();
            io::copy(&mut io::repeat(0).take(len), &mut file)?;
            file.sync_all()
        };
        overwrite().map_err(|source| failure("erasing", &path, source))?;
        self.remove(name)
    }

    /// The names of all files and folders, sorted; unfinished files and the lock are left out.
    pub fn list(&self) -> Result<Vec<String>, FolderError> {
        let failed = |source| failure("listing", &self.path, source);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name == LOCK_NAME || name.starts_with(UNFINISHED_PREFIX) {
                continue;
            }
            if names.len() == LIST_MAX {
                return Err(FolderError::TooMany { path: self.path.clone(), max: LIST_MAX });
            }
            names.push(name);
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Claim the folder for this process; `who` is what others are told to wait for.
    pub fn lock(&self, who: &str) -> Result<FolderLock, FolderError> {
        let path = self.path.join(LOCK_NAME);
        let failed = |source| failure("locking", &path, source);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(failed)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(self.locked_by(&mut file)),
            Err(error) => return Err(failed(error.into())),
        }
        file.set_len(0).map_err(failed)?;
        write!(file, "{who} (process {})", std::process::id()).map_err(failed)?;
        Ok(FolderLock { file })
    }

    fn locked_by(&self, lock: &mut File) -> FolderError {
        let mut holder = Vec::new();
        // Without its name the holder still holds the folder.
        let _ = lock.take(HOLDER_BYTES_MAX).read_to_end(&mut holder);
        let holder = String::from_utf8_lossy(&holder).replace(char::is_control, "?");
        let holder = if holder.is_empty() { "another process".to_owned() } else { holder };
        FolderError::Locked { path: self.path.clone(), holder }
    }

    /// A durable file without its name yet.
    fn unfinished(&self, bytes: &[u8], privacy: Privacy) -> io::Result<NamedTempFile> {
        let first = if privacy == Privacy::Shared { privacy } else { Privacy::Secret };
        let mut file = tempfile::Builder::new()
            .prefix(UNFINISHED_PREFIX)
            .rand_bytes(UNFINISHED_CHARS)
            .permissions(Permissions::from_mode(mode_of(first)))
            .tempfile_in(&self.path)?;
        file.write_all(bytes)?;
        if first != privacy {
            file.as_file().set_permissions(Permissions::from_mode(mode_of(privacy)))?;
        }
        file.as_file().sync_all()?;
        Ok(file)
    }
}

/// The whole of a file anywhere that is at most `max` bytes long.
pub fn read_file(path: &Path, max: u64) -> Result<Vec<u8>, FolderError> {
    let failed = |source| failure("reading", path, source);
    // Without the flag, opening a pipe would wait for its other end.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(FolderError::WrongKind { path: path.to_path_buf(), expected: "file" });
    }
    if meta.len() > max {
        return Err(FolderError::TooLong { path: path.to_path_buf(), len: meta.len(), max });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    let len = bytes.len() as u64;
    if len > max {
        return Err(FolderError::TooLong { path: path.to_path_buf(), len, max });
    }
    Ok(bytes)
}

/// Write a whole file anywhere there is none; never overwrite.
pub fn create_file(path: &Path, bytes: &[u8], privacy: Privacy) -> Result<(), FolderError> {
    let (folder, name) = place_of(path)?;
    folder.create_new(name, bytes, privacy)
}

/// Could [`create_file`] write there? Its folder is there, and nothing of that name.
pub fn check_new_file(path: &Path) -> Result<(), FolderError> {
    let (folder, name) = place_of(path)?;
    if folder.contains(name)? {
        return Err(FolderError::Exists { path: path.to_path_buf() });
    }
    Ok(())
}

/// Write a whole file anywhere, in place of one that is there: whatever happens, one of the two
/// is whole.
pub fn replace_file(path: &Path, bytes: &[u8], privacy: Privacy) -> Result<(), FolderError> {
    let (folder, name) = place_of(path)?;
    folder.write(name, bytes, privacy)
}

fn place_of(path: &Path) -> Result<(Folder, &str), FolderError> {
    let folder = Folder::open(parent_of(path))?;
    if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
        return Ok((folder, name));
    }
    let name = path.to_string_lossy().into_owned();
    Err(FolderError::Name { path: folder.path, name })
}

/// The folder a path lies in.
pub(crate) fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Make the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).open(path)?.sync_all()
}

fn mode_of(privacy: Privacy) -> u32 {
    match privacy {
        Privacy::Secret => 0o600,
        Privacy::Public => 0o644,
        Privacy::Shared => 0o666,
    }
}

pub(super) fn failure(action: &'static str, path: &Path, source: io::Error) -> FolderError {
    let path = path.to_path_buf();
    match source.kind() {
        io::ErrorKind::NotFound => FolderError::Missing { path },
        io::ErrorKind::AlreadyExists => FolderError::Exists { path },
        _ => FolderError::Io { action, path, source },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::{Folder, FolderError, Privacy, create_file, read_file, replace_file};

    fn folder() -> (tempfile::TempDir, Folder) {
        let outer = tempfile::tempdir().expect("tests have a folder for temporary files");
        let folder = Folder::create(&outer.path().join("store/keys")).unwrap();
        (outer, folder)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folders_are_private_and_made_once() {
        let (outer, folder) = folder();
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(mode(&outer.path().join("store")), 0o700);
        let again = Folder::create(folder.path()).unwrap_err().to_string();
        assert!(again.ends_with("store/keys: already there, and not overwritten"), "{again}");
        assert_eq!(Folder::open_or_create(folder.path()).unwrap(), folder);
        assert_eq!(folder.folder("kits").unwrap().path(), folder.path().join("kits"));
        let missing = Folder::open(&outer.path().join("none")).unwrap_err().to_string();
        assert!(missing.ends_with("none: there is no such file or folder"), "{missing}");
    }

    #[test]
    fn files_are_replaced_whole_and_keep_their_privacy() {
        let (_outer, folder) = folder();
        folder.write("seed", b"one", Privacy::Secret).unwrap();
        folder.write("seed", b"two", Privacy::Secret).unwrap();
        folder.write("cert", b"three", Privacy::Public).unwrap();
        assert_eq!(folder.read("seed", 3).unwrap(), b"two");
        assert_eq!(mode(&folder.path().join("seed")), 0o600);
        assert_eq!(mode(&folder.path().join("cert")), 0o644);
        assert_eq!(folder.list().unwrap(), ["cert", "seed"]);
        replace_file(&folder.path().join("cert"), b"four", Privacy::Secret).unwrap();
        assert_eq!(folder.read("cert", 4).unwrap(), b"four");
        assert_eq!(mode(&folder.path().join("cert")), 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing unfinished stays");
    }

    #[test]
    fn what_is_erased_is_overwritten_and_gone() {
        let (outer, folder) = folder();
        folder.write("seed", b"secret", Privacy::Secret).unwrap();
        let other_name = outer.path().join("other-name");
        fs::hard_link(folder.path().join("seed"), &other_name).unwrap();
        folder.erase("seed").unwrap();
        assert!(!folder.contains("seed").unwrap());
        assert_eq!(read_file(&other_name, 6).unwrap(), [0; 6]);
        assert!(matches!(folder.erase("seed"), Err(FolderError::Missing { .. })));
    }

    #[test]
    fn what_is_new_never_overwrites() {
        let (_outer, folder) = folder();
        folder.create_new("seed", b"one", Privacy::Secret).unwrap();
        let refused = folder.create_new("seed", b"two", Privacy::Secret).unwrap_err();
        assert!(matches!(refused, FolderError::Exists { .. }), "{refused}");
        assert_eq!(folder.read("seed", 10).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished stays");
        let elsewhere = folder.path().join("out");
        create_file(&elsewhere, b"x", Privacy::Public).unwrap();
        assert!(create_file(&elsewhere, b"y", Privacy::Public).is_err());
        assert_eq!(read_file(&elsewhere, 1).unwrap(), b"x");
    }

    #[test]
    fn reads_are_bounded_and_say_both_values() {
        let (_outer, folder) = folder();
        folder.write("long", &[0; 11], Privacy::Public).unwrap();
        let refused = folder.read("long", 10).unwrap_err().to_string();
        assert!(refused.ends_with("long: 11 bytes, at most 10 belong here"), "{refused}");
        assert_eq!(folder.read("long", 11).unwrap().len(), 11);
        assert!(matches!(folder.read("none", 1), Err(FolderError::Missing { .. })));
        folder.folder("inner").unwrap();
        assert!(matches!(folder.read("inner", 1), Err(FolderError::WrongKind { .. })));
        // The length of such a file is given as 0.
        assert!(matches!(
            read_file(Path::new("/proc/self/stat"), 5),
            Err(FolderError::TooLong { .. })
        ));
    }

    #[test]
    fn appending_adds_and_removing_removes() {
        let (_outer, folder) = folder();
        folder.append("sales", b"one ", Privacy::Secret).unwrap();
        folder.append("sales", b"two", Privacy::Secret).unwrap();
        assert_eq!(folder.read("sales", 100).unwrap(), b"one two");
        assert_eq!(mode(&folder.path().join("sales")), 0o600);
        assert!(folder.contains("sales").unwrap());
        folder.remove("sales").unwrap();
        assert!(!folder.contains("sales").unwrap());
        assert!(matches!(folder.remove("sales"), Err(FolderError::Missing { .. })));
    }

    #[test]
    fn names_are_single_names() {
        let (_outer, folder) = folder();
        for name in ["", ".", "..", "a/b", "/etc/passwd", "a\0b", ".lock", ".new-x"] {
            let refused = folder.write(name, b"", Privacy::Public).unwrap_err();
            assert!(matches!(refused, FolderError::Name { .. }), "{name:?}: {refused}");
        }
    }

    #[test]
    fn a_folder_in_use_names_who_to_wait_for() {
        let (_outer, folder) = folder();
        let lock = folder.lock("scrip-store burn").unwrap();
        let refused = folder.lock("scrip-store sell").unwrap_err().to_string();
        let holder = format!("in use by scrip-store burn (process {})", std::process::id());
        assert!(refused.contains(&holder), "{refused}");
        assert!(refused.ends_with(": wait until it has ended"), "{refused}");
        drop(lock);
        assert!(folder.lock("scrip-store sell").is_ok());
        assert_eq!(folder.list().unwrap(), Vec::<String>::new());
    }
}
