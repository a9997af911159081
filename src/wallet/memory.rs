//! The roots under which media were first seen on this computer.

use crate::device::{Folder, FolderError, Privacy};
use crate::trust::Fingerprint;
use crate::units::MediumId;

/// A file holds a fingerprint of 24 characters.
const FILE_BYTES_MAX: u64 = 64;

/// Remembers each medium's root in a folder of the user's.
///
/// It is a convenience, not a pin: whoever can write to the folder can change it, and a first
/// meeting proves nothing.
#[derive(Debug)]
pub struct RootMemory {
    folder: Folder,
}

/// What the memory knows of a medium and a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Met {
    /// The medium was never seen here; it is remembered from now on.
    First,
    /// It was seen before under this root.
    Again,
    /// It was seen before under another root.
    Changed {
        /// The root it was first seen under.
        before: String,
    },
}

impl RootMemory {
    /// Remember in this folder.
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }

    /// The root that a medium of this number was first seen under here; nothing is remembered.
    pub fn known(&self, medium: MediumId) -> Result<Option<String>, FolderError> {
        let name = format!("{medium}.root");
        if !self.folder.contains(&name)? {
            return Ok(None);
        }
        let known = self.folder.read(&name, FILE_BYTES_MAX)?;
        Ok(Some(String::from_utf8_lossy(&known).into_owned()))
    }

    /// Hold a medium's root against what is remembered; what is new is remembered.
    pub fn meet(&self, medium: MediumId, root: Fingerprint) -> Result<Met, FolderError> {
        let root = root.to_string();
        match self.known(medium)? {
            None => {
                self.folder.write(&format!("{medium}.root"), root.as_bytes(), Privacy::Secret)?;
                Ok(Met::First)
            }
            Some(known) if known == root => Ok(Met::Again),
            Some(before) => Ok(Met::Changed { before }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::sign::SecretKey;

    #[test]
    fn another_root_is_noticed_and_the_first_one_kept() {
        let outer = tempfile::tempdir().unwrap();
        let memory = RootMemory::new(Folder::open_or_create(&outer.path().join("roots")).unwrap());
        let root = |seed| Fingerprint::of(&SecretKey::from_seed([seed; 32]).public());
        let (one, two) = (MediumId::from_serial(1), MediumId::from_serial(2));
        assert_eq!(memory.known(one).unwrap(), None);
        assert_eq!(memory.meet(one, root(1)).unwrap(), Met::First);
        assert_eq!(memory.known(one).unwrap(), Some(root(1).to_string()));
        assert_eq!(memory.meet(one, root(1)).unwrap(), Met::Again);
        assert_eq!(memory.meet(two, root(2)).unwrap(), Met::First);
        let changed = Met::Changed { before: root(1).to_string() };
        assert_eq!(memory.meet(one, root(2)).unwrap(), changed);
        assert_eq!(memory.meet(one, root(2)).unwrap(), changed);
    }
}
