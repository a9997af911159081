//! A file of fixed length in a folder of the user's, written in place.

use super::{Access, Device, Existing, FileDevice, Folder, FolderError, OpenError};

/// Why a kept file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The folder refused.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The file could not be opened or made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It could not be filled.
    #[error("making a kept file: {0}")]
    Device(#[from] super::DeviceError),
}

const PIECE_BYTES: usize = 1 << 20;

impl Folder {
    /// The file of this name, of exactly `len` bytes; one that is missing or of another length is
    /// made anew, all zeros. They are written, so that later writes need no space.
    pub fn kept(&self, name: &str, len: u64) -> Result<FileDevice, KeptError> {
        let path = self.path_of(name)?;
        match FileDevice::open(&path, Access::Write) {
            Ok(file) if file.len_bytes() == len => return Ok(file),
            Ok(_) | Err(OpenError::Missing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let file = FileDevice::create(&path, len, Existing::Replace)?;
        let zeros = vec![0; PIECE_BYTES];
        for offset in (0..len).step_by(PIECE_BYTES) {
            let count =
                usize::try_from(len - offset).map_or(PIECE_BYTES, |rest| rest.min(PIECE_BYTES));
            file.write_at(offset, &zeros[..count])?;
        }
        file.flush()?;
        Ok(file)
    }

    /// The file of this name to look at, if there is one of exactly `len` bytes.
    pub fn kept_if_there(&self, name: &str, len: u64) -> Result<Option<FileDevice>, KeptError> {
        match FileDevice::open(&self.path_of(name)?, Access::Read) {
            Ok(file) => Ok(Some(file).filter(|file| file.len_bytes() == len)),
            Err(OpenError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::device::{Device, Folder};

    #[test]
    fn a_kept_file_keeps_its_bytes_until_its_length_changes() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::create(&outer.path().join("state")).unwrap();
        folder.kept("mirror", 3000).unwrap().write_at(2990, &[7]).unwrap();
        let mut byte = [0];
        let file = folder.kept("mirror", 3000).unwrap();
        file.read_at(2990, &mut byte).unwrap();
        assert_eq!((file.len_bytes(), byte), (3000, [7]));
        assert!(folder.kept_if_there("mirror", 4000).unwrap().is_none());
        let looked = folder.kept_if_there("mirror", 3000).unwrap().unwrap();
        looked.read_at(2990, &mut byte).unwrap();
        assert!(byte == [7] && looked.write_at(0, &[1]).is_err());
        assert!(folder.kept_if_there("other", 3000).unwrap().is_none());
        let file = folder.kept("mirror", 4000).unwrap();
        file.read_at(2990, &mut byte).unwrap();
        assert_eq!((file.len_bytes(), byte), (4000, [0]));
        assert!(folder.kept("a/b", 1).is_err());
    }
}
