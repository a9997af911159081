//! Storage that one process uses alone.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::folder::read_file;

/// How much of the system's list of locks is read.
const LOCKS_BYTES_MAX: u64 = 4 << 20;
/// How much of a process's name is read.
const NAME_BYTES_MAX: u64 = 64;

/// A file or block device is in use by this process until the claim is dropped.
#[derive(Debug)]
pub struct Claim {
    file: File,
}

/// Why storage could not be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another process, or another part of this one, uses it.
    #[error("{}: in use by {holder}: wait until it has ended", path.display())]
    InUse {
        /// The file or device.
        path: PathBuf,
        /// Who uses it, as far as the system says.
        holder: String,
    },
    /// The operating system refused.
    #[error("claiming {}: {source}", path.display())]
    Io {
        /// The file or device.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Drop for Claim {
    /// Closing alone would leave the lock to a child process that was forked meanwhile.
    fn drop(&mut self) {
        // A lock that can't be released ends with this process.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

/// Claim an open file, which may be a block device; `path` is how it is named.
pub(super) fn claim(file: &File, path: &Path) -> Result<Claim, ClaimError> {
    let failed = |source| ClaimError::Io { path: path.to_path_buf(), source };
    let file = file.try_clone().map_err(failed)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Claim { file }),
        Err(Errno::WOULDBLOCK) => {
            let holder = holder(&file).unwrap_or_else(|| "another process".to_owned());
            Err(ClaimError::InUse { path: path.to_path_buf(), holder })
        }
        Err(error) => Err(failed(error.into())),
    }
}

/// Who holds the lock of a file, by the system's list of locks.
fn holder(file: &File) -> Option<String> {
    let meta = file.metadata().ok()?;
    let (major, minor) = (rustix::fs::major(meta.dev()), rustix::fs::minor(meta.dev()));
    let place = format!("{major:02x}:{minor:02x}:{}", meta.ino());
    let locks = read_file(Path::new("/proc/locks"), LOCKS_BYTES_MAX).ok()?;
    let process = process_of(&String::from_utf8_lossy(&locks), &place)?;
    let name = read_file(&PathBuf::from(format!("/proc/{process}/comm")), NAME_BYTES_MAX);
    let name = name.map(|name| String::from_utf8_lossy(&name).trim().to_owned());
    let name = name.unwrap_or_else(|_| "a process".to_owned()).replace(char::is_control, "?");
    Some(format!("{name} (process {process})"))
}

/// The process that holds the lock of a file, in the kernel's words, such as
/// `1: FLOCK  ADVISORY  WRITE 708 08:02:786436 0 EOF`.
fn process_of(locks: &str, place: &str) -> Option<u32> {
    locks.lines().find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, process, found, ..] = words[..] else { return None };
        (found == place).then(|| process.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_and_told_whom_to_wait_for() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::options().read(true).write(true).open(file.path()).unwrap();
        let first = claim(&open(), file.path()).unwrap();
        let refused = claim(&open(), file.path()).unwrap_err();
        let ClaimError::InUse { holder, .. } = &refused else { panic!("{refused}") };
        let own = format!("(process {})", std::process::id());
        assert!(holder.ends_with(&own) || holder == "another process", "{holder}");
        assert!(refused.to_string().ends_with(": wait until it has ended"), "{refused}");
        drop(first);
        assert!(claim(&open(), file.path()).is_ok());
    }

    #[test]
    fn the_holder_is_found_in_the_systems_list() {
        let locks = "1: POSIX  ADVISORY  WRITE 12 08:02:7 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 708 08:02:786436 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 9 08:02:7 0 EOF\n3: FLOCK\n";
        assert_eq!(process_of(locks, "08:02:786436"), Some(708));
        assert_eq!(process_of(locks, "08:02:7"), None);
    }
}
