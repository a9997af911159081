//! Trees of files on disk: listed once, then read at offsets by several threads.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use walkdir::{DirEntry, WalkDir};

/// The most directories that may lie in one another; more is taken for a trap.
const DEPTH_MAX: usize = 256;
/// Files that are looked at together.
const LOOKERS: usize = 4;

/// A file on disk as it was when it was listed.
///
/// It is opened anew for each reading, so that any number of them costs no open files; a file that
/// changed since is told from one that did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    path: PathBuf,
    state: State,
}

/// What shows that a file is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    len: u64,
    device: u64,
    inode: u64,
    modified: (i64, i64),
}

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Its path from the top of the tree, names separated by `/`.
    pub name: String,
    /// Its bytes.
    pub source: SourceFile,
}

/// What lies in a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Its files, sorted by name.
    pub files: Vec<TreeFile>,
    /// Its folders that hold nothing, sorted.
    pub empty: Vec<String>,
}

/// Why a tree can't be listed.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// There is nothing at the path.
    #[error("{}: there is no such file or folder", path.display())]
    Missing {
        /// What was looked for.
        path: PathBuf,
    },
    /// Something that is neither a file nor a folder.
    #[error("{}: is a {found}, expected a {expected}", path.display())]
    Kind {
        /// What was found.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A name that isn't text.
    #[error("{}: {name:?} is not UTF-8", folder.display())]
    Name {
        /// The folder it stands in.
        folder: PathBuf,
        /// The name, with what isn't text replaced.
        name: String,
    },
    /// More files than are listed.
    #[error("{}: more than {max} files", path.display())]
    TooMany {
        /// The top of the tree.
        path: PathBuf,
        /// How many are listed at most.
        max: usize,
    },
    /// Folders in folders without an end in sight.
    #[error("{}: lies {depth} folders deep, limit {DEPTH_MAX}", path.display())]
    TooDeep {
        /// What lies too deep.
        path: PathBuf,
        /// How deep.
        depth: usize,
    },
    /// The operating system refused.
    #[error("reading {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl SourceFile {
    /// Look at the regular file at `path`; symbolic links on the way to it are followed.
    pub fn at(path: &Path) -> Result<Self, TreeError> {
        let meta = fs::metadata(path).map_err(|source| tree_error(path, source))?;
        Self::listed(path, &meta)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length, in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.state.len
    }

    /// Fill `buf` with its bytes from `offset` on; refuses a file that has changed.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let file = self.open()?;
        self.refuse_changed(&file.metadata()?)?;
        file.read_exact_at(buf, offset)
    }

    /// The whole of it, if it is at most `max` bytes long.
    pub fn read_whole(&self, max: u64) -> io::Result<Vec<u8>> {
        if self.state.len > max {
            let reason = format!("{} bytes, at most {max} belong here", self.state.len);
            return Err(io::Error::other(reason));
        }
        let mut bytes = vec![0; usize::try_from(self.state.len).map_err(io::Error::other)?];
        self.read_at(0, &mut bytes)?;
        Ok(bytes)
    }

    fn listed(path: &Path, meta: &Metadata) -> Result<Self, TreeError> {
        if !meta.is_file() {
            let (path, found) = (path.to_path_buf(), kind_of(meta));
            return Err(TreeError::Kind { path, found, expected: "regular file" });
        }
        Ok(Self { path: path.to_path_buf(), state: State::of(meta) })
    }

    fn open(&self) -> io::Result<File> {
        // Without the flag, opening what has become a pipe would wait for its other end.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        OpenOptions::new().read(true).custom_flags(flags).open(&self.path)
    }

    fn refuse_changed(&self, meta: &Metadata) -> io::Result<()> {
        let (listed, now) = (self.state, State::of(meta));
        if listed.len != now.len {
            let reason = format!("it had {} bytes when it was listed, now {}", listed.len, now.len);
            return Err(io::Error::other(reason));
        }
        if listed != now {
            return Err(io::Error::other("it was changed after it was listed"));
        }
        Ok(())
    }
}

impl State {
    fn of(meta: &Metadata) -> Self {
        Self {
            len: meta.len(),
            device: meta.dev(),
            inode: meta.ino(),
            modified: (meta.mtime(), meta.mtime_nsec()),
        }
    }
}

impl Tree {
    /// List the regular files under `top`, at most `files_max` of them.
    ///
    /// Symbolic links are not followed: they, sockets, pipes, devices and names that aren't UTF-8
    /// are refused by name.
    pub fn list(top: &Path, files_max: usize) -> Result<Self, TreeError> {
        let meta = fs::symlink_metadata(top).map_err(|source| tree_error(top, source))?;
        if !meta.is_dir() {
            let (path, found) = (top.to_path_buf(), kind_of(&meta));
            return Err(TreeError::Kind { path, found, expected: "folder" });
        }
        let (mut found, mut empty) = (vec![], BTreeSet::new());
        for entry in WalkDir::new(top).min_depth(1).follow_links(false).sort_by_file_name() {
            let entry = entry.map_err(|error| walk_error(top, error))?;
            let name = name_of(top, &entry)?;
            if let Some((parent, _)) = name.rsplit_once('/') {
                empty.remove(parent);
            }
            if entry.file_type().is_dir() {
                empty.insert(name);
                continue;
            }
            if found.len() == files_max {
                return Err(TreeError::TooMany { path: top.to_path_buf(), max: files_max });
            }
            found.push((name, entry));
        }
        let mut files = look_at(top, &found)?;
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { files, empty: empty.into_iter().collect() })
    }
}

/// Look at files, in their order: several at once, as each look waits for the disk or the network.
fn look_at(top: &Path, found: &[(String, DirEntry)]) -> Result<Vec<TreeFile>, TreeError> {
    let look = |(name, entry): &(String, DirEntry)| {
        let meta = entry.metadata().map_err(|error| walk_error(top, error))?;
        let source = SourceFile::listed(entry.path(), &meta)?;
        Ok(TreeFile { name: name.clone(), source })
    };
    let share = found.len().div_ceil(LOOKERS).max(1);
    std::thread::scope(|scope| {
        let lookers: Vec<_> = found
            .chunks(share)
            .map(|part| scope.spawn(move || part.iter().map(look).collect::<Result<Vec<_>, _>>()))
            .collect();
        let mut files = Vec::with_capacity(found.len());
        for looker in lookers {
            files.extend(looker.join().expect("no looker panics")?);
        }
        Ok(files)
    })
}

fn name_of(top: &Path, entry: &DirEntry) -> Result<String, TreeError> {
    if entry.depth() > DEPTH_MAX {
        return Err(TreeError::TooDeep { path: entry.path().into(), depth: entry.depth() });
    }
    if entry.file_name().to_str().is_none() {
        let folder = entry.path().parent().unwrap_or(top).to_path_buf();
        return Err(TreeError::Name { folder, name: entry.file_name().display().to_string() });
    }
    let below = entry.path().strip_prefix(top).expect("the walk stays under its top");
    Ok(below.to_str().expect("each of its names is UTF-8").to_owned())
}

fn kind_of(meta: &Metadata) -> &'static str {
    let kind = meta.file_type();
    if kind.is_symlink() {
        "symbolic link"
    } else if kind.is_dir() {
        "folder"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_fifo() {
        "pipe"
    } else if kind.is_file() {
        "regular file"
    } else {
        "device node"
    }
}

fn walk_error(top: &Path, error: walkdir::Error) -> TreeError {
    let path = error.path().unwrap_or(top).to_path_buf();
    match error.into_io_error() {
        Some(source) => tree_error(&path, source),
        None => TreeError::TooDeep { path, depth: DEPTH_MAX },
    }
}

fn tree_error(path: &Path, source: io::Error) -> TreeError {
    let path = path.to_path_buf();
    match source.kind() {
        io::ErrorKind::NotFound => TreeError::Missing { path },
        _ => TreeError::Io { path, source },
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make the files they list")]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("tests have a folder for temporary files")
    }

    #[test]
    fn files_are_listed_sorted_and_empty_folders_named() {
        let top = folder();
        let folders = ["b", "b/deep", "b/deep/empty", "a", "a-empty", "b/full"];
        for name in folders {
            fs::create_dir(top.path().join(name)).unwrap();
        }
        for (name, bytes) in [("b/x", "xx"), ("a/日本", "y"), ("a.txt", ""), ("b/full/z", "zzz")]
        {
            fs::write(top.path().join(name), bytes).unwrap();
        }
        let tree = Tree::list(top.path(), 4).unwrap();
        let listed: Vec<_> =
            tree.files.iter().map(|file| (&*file.name, file.source.len_bytes())).collect();
        assert_eq!(listed, [("a.txt", 0), ("a/日本", 1), ("b/full/z", 3), ("b/x", 2)]);
        assert_eq!(tree.empty, ["a-empty", "b/deep/empty"]);
        let refused = Tree::list(top.path(), 3).unwrap_err().to_string();
        assert!(refused.ends_with(": more than 3 files"), "{refused}");
    }

    #[test]
    fn what_is_no_file_is_refused_by_name() {
        let top = folder();
        let path = |name: &str| top.path().join(name);
        fs::write(path("real"), b"real").unwrap();
        let refused = || Tree::list(top.path(), 9).unwrap_err().to_string();
        symlink(path("real"), path("link")).unwrap();
        assert_eq!(
            refused(),
            format!("{}: is a symbolic link, expected a regular file", path("link").display())
        );
        fs::remove_file(path("link")).unwrap();
        symlink(top.path(), path("folder-link")).unwrap();
        assert!(refused().contains("folder-link: is a symbolic link"));
        fs::remove_file(path("folder-link")).unwrap();
        let socket = UnixListener::bind(path("socket")).unwrap();
        assert!(refused().ends_with("socket: is a socket, expected a regular file"));
        drop(socket);
        fs::remove_file(path("socket")).unwrap();
        fs::write(top.path().join(OsStr::from_bytes(b"caf\xe9")), b"").unwrap();
        assert!(refused().ends_with("\"caf\u{fffd}\" is not UTF-8"), "{}", refused());
        let missing = Tree::list(&path("none"), 9).unwrap_err().to_string();
        assert!(missing.ends_with("none: there is no such file or folder"));
        let file = Tree::list(&path("real"), 9).unwrap_err().to_string();
        assert!(file.ends_with("real: is a regular file, expected a folder"), "{file}");
    }

    #[test]
    fn a_file_that_changes_after_it_was_listed_is_refused_with_both_sizes() {
        let top = folder();
        let path = top.path().join("file");
        fs::write(&path, b"12345").unwrap();
        let source = SourceFile::at(&path).unwrap();
        let mut middle = [0; 3];
        source.read_at(1, &mut middle).unwrap();
        assert_eq!(&middle, b"234");
        assert_eq!(source.read_whole(5).unwrap(), b"12345");
        let long = source.read_whole(4).unwrap_err().to_string();
        assert_eq!(long, "5 bytes, at most 4 belong here");
        fs::write(&path, b"1234567").unwrap();
        let changed = source.read_at(0, &mut middle).unwrap_err().to_string();
        assert_eq!(changed, "it had 5 bytes when it was listed, now 7");
        fs::remove_file(&path).unwrap();
        fs::write(top.path().join("other"), b"54321").unwrap();
        fs::rename(top.path().join("other"), &path).unwrap();
        let changed = source.read_at(0, &mut middle).unwrap_err().to_string();
        assert_eq!(changed, "it was changed after it was listed");
    }
}
