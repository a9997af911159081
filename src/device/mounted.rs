//! A mounted volume, read through its directory: what its file system shows.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Access, FileDevice, Folder, FolderError, OpenError};

/// A directory where a volume is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountedTree {
    top: PathBuf,
}

/// One entry of a mounted volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountedEntry {
    /// Its path from the volume's top, beginning with `/`; what isn't UTF-8 in it is replaced.
    pub path: String,
    /// What it is.
    pub kind: MountedKind,
    place: PathBuf,
}

/// What an entry of a mounted volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountedKind {
    /// A file of so many bytes.
    File(u64),
    /// A directory.
    Directory,
    /// Something that FAT doesn't have: a link, a pipe.
    Other,
}

/// Why a mounted volume can't be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// More entries than any of our volumes holds.
    #[error("{}: more than {max} files and directories", top.display())]
    TooMany {
        /// The directory.
        top: PathBuf,
        /// How many are listed at most.
        max: usize,
    },
    /// The operating system refused.
    #[error("listing {}: {source}", top.display())]
    Io {
        /// The directory.
        top: PathBuf,
        /// What the operating system said.
        source: walkdir::Error,
    },
}

impl MountedTree {
    /// The volume that is mounted at `top`.
    pub fn at(top: &Path) -> Self {
        Self { top: top.to_path_buf() }
    }

    /// Where the file of a path stands that begins with `/`.
    pub fn place_of(&self, path: &str) -> PathBuf {
        self.top.join(path.trim_start_matches('/'))
    }

    /// All entries, at most `max`, sorted by path; links are listed and not followed.
    pub fn list(&self, max: usize) -> Result<Vec<MountedEntry>, ListError> {
        let mut entries = vec![];
        let walk = WalkDir::new(&self.top).min_depth(1).same_file_system(true);
        for entry in walk {
            let failed = |source| ListError::Io { top: self.top.clone(), source };
            let entry = entry.map_err(failed)?;
            if entries.len() == max {
                return Err(ListError::TooMany { top: self.top.clone(), max });
            }
            let kind = match entry.file_type() {
                kind if kind.is_file() => {
                    MountedKind::File(entry.metadata().map_err(failed)?.len())
                }
                kind if kind.is_dir() => MountedKind::Directory,
                _ => MountedKind::Other,
            };
            entries.push(MountedEntry {
                path: self.path_of(entry.path()),
                kind,
                place: entry.into_path(),
            });
        }
        entries.sort_by(|one, two| one.path.cmp(&two.path));
        Ok(entries)
    }

    /// Open a file that was listed.
    pub fn open(&self, entry: &MountedEntry) -> Result<FileDevice, OpenError> {
        FileDevice::open(&entry.place, Access::Read)
    }

    /// The folder of a path that begins with `/`: a link on the way to it is refused, a name in
    /// lower case taken as FAT does.
    pub fn folder(&self, path: &str) -> Result<Folder, FolderError> {
        Folder::open(&self.plain_place(path)?)
    }

    /// The folder of a path, made if it is missing.
    pub fn folder_or_make(&self, path: &str) -> Result<Folder, FolderError> {
        Folder::open_or_create(&self.plain_place(path)?)
    }

    fn plain_place(&self, path: &str) -> Result<PathBuf, FolderError> {
        let mut place = self.top.clone();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let lower = place.join(name.to_ascii_lowercase());
            place.push(name);
            if !exists(&place) && exists(&lower) {
                place = lower;
            }
            if is_link(&place) {
                return Err(FolderError::WrongKind { path: place, expected: "folder" });
            }
        }
        Ok(place)
    }

    fn path_of(&self, place: &Path) -> String {
        let inside = place.strip_prefix(&self.top).unwrap_or(place);
        inside.iter().fold(String::new(), |path, name| path + "/" + &name.to_string_lossy())
    }
}

fn exists(place: &Path) -> bool {
    std::fs::symlink_metadata(place).is_ok()
}

fn is_link(place: &Path) -> bool {
    std::fs::symlink_metadata(place).is_ok_and(|meta| meta.is_symlink())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make files to be listed")]
mod tests {
    use super::*;
    use crate::device::Device;

    #[test]
    fn everything_is_listed_by_path_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        std::fs::create_dir_all(top.join("b/c")).unwrap();
        std::fs::write(top.join("b/c/d.txt"), b"four").unwrap();
        std::fs::write(top.join("A"), b"").unwrap();
        std::os::unix::fs::symlink("/", top.join("link")).unwrap();
        let tree = MountedTree::at(top);
        let entries = tree.list(10).unwrap();
        let seen: Vec<_> = entries.iter().map(|e| (e.path.as_str(), e.kind)).collect();
        let directory = MountedKind::Directory;
        let expected = [
            ("/A", MountedKind::File(0)),
            ("/b", directory),
            ("/b/c", directory),
            ("/b/c/d.txt", MountedKind::File(4)),
            ("/link", MountedKind::Other),
        ];
        assert_eq!(seen, expected);
        assert_eq!(tree.open(&entries[3]).unwrap().len_bytes(), 4);
        assert!(matches!(tree.list(4), Err(ListError::TooMany { max: 4, .. })));
        let missing = MountedTree::at(&top.join("none")).list(1).unwrap_err().to_string();
        assert!(missing.contains("none"), "{missing}");
    }
}
