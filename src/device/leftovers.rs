//! What writes that were killed left behind: files that never got their name.

use std::fs;

use super::folder::{LIST_MAX, UNFINISHED_CHARS, UNFINISHED_PREFIX, failure, sync_folder};
use super::{Folder, FolderError};

impl Folder {
    /// What writes that were killed left behind: regular files whose names [`Folder::write`] alone
    /// gives. While another process may be writing here, its own is among them.
    pub fn leftovers(&self) -> Result<Vec<String>, FolderError> {
        let failed = |source| failure("listing", &self.path, source);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)?.take(LIST_MAX) {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_unfinished(&name) && entry.file_type().map_err(failed)?.is_file() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Remove what a write that was killed left behind, as [`Folder::leftovers`] names it.
    pub fn sweep(&self, name: &str) -> Result<(), FolderError> {
        if !is_unfinished(name) {
            return Err(FolderError::Name { path: self.path.clone(), name: name.to_owned() });
        }
        let path = self.path.join(name);
        let removed = fs::remove_file(&path).and_then(|()| sync_folder(&self.path));
        removed.map_err(|source| failure("removing", &path, source))
    }
}

/// Is it a name that an unfinished file gets? Other names are nobody's to remove.
fn is_unfinished(name: &str) -> bool {
    let random = name.strip_prefix(UNFINISHED_PREFIX).unwrap_or_default();
    random.len() == UNFINISHED_CHARS && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files from outside")]
mod tests {
    use super::*;
    use crate::device::Privacy;

    #[test]
    fn only_what_a_killed_write_leaves_is_swept() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::create(&outer.path().join("tray")).unwrap();
        folder.write("kept", b"whole", Privacy::Shared).unwrap();
        let others = [".new-abc", ".new-abcdefg", ".new-abc-ef", "new-abcdef", ".new-image-1-2"];
        for name in others {
            fs::write(folder.path().join(name), "the owner's").unwrap();
        }
        fs::create_dir(folder.path().join(".new-folder")).unwrap();
        let left = folder.path().join(".new-aB3xYz");
        fs::write(&left, "half").unwrap();
        assert_eq!(folder.leftovers().unwrap(), [".new-aB3xYz"]);
        for name in others.into_iter().chain(["kept", "../kept"]) {
            assert!(matches!(folder.sweep(name), Err(FolderError::Name { .. })), "{name}");
        }
        folder.sweep(".new-aB3xYz").unwrap();
        assert!(!left.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), others.len() + 2);
    }
}
