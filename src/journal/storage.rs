//! Where a journal lies for its wallet: an image, a raw device, or a mounted directory, in use by
//! one wallet at a time.

use std::ops::Range;
use std::sync::Arc;

use super::Place;
use crate::device::{
    Access, Claim, ClaimError, Device, DeviceError, FileDevice, Joined, MountedTree, OpenError,
};
use crate::fat::Exchange;

/// The storage of one journal, which nobody else writes while it is open.
#[derive(Debug)]
pub struct Storage {
    device: Inner,
    place: Place,
    _claim: Claim,
}

#[derive(Debug)]
enum Inner {
    Whole(Arc<FileDevice>),
    Files(Joined<FileDevice>, MountedTree),
}

/// Why a journal's storage could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A file or device could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Another wallet uses it.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// A file on the medium is not what was laid out.
    #[error("{name}: {found} bytes, the medium's layout says {expected}")]
    Length {
        /// Its path on the medium.
        name: String,
        /// Its length in bytes.
        found: u64,
        /// What the layout says.
        expected: u64,
    },
}

impl Storage {
    /// The journal of an image or a raw device, at its place by the layout.
    pub fn whole(device: Arc<FileDevice>, place: Place) -> Result<Self, StorageError> {
        let claim = device.claim()?;
        Ok(Self { device: Inner::Whole(device), place, _claim: claim })
    }

    /// The journal of a mounted writable area: both copies by path and length, and behind them,
    /// in their order, further files that are written with it.
    pub fn mounted(
        tree: &MountedTree,
        copies: [&str; 2],
        bytes: u64,
        further: &[(&str, u64)],
    ) -> Result<Self, StorageError> {
        let files = opened(tree, copies, bytes, further, Access::Write)?;
        let claim = files[0].claim()?;
        let place = Place { starts: [0, bytes], bytes };
        let device = Inner::Files(Joined::new(files), tree.clone());
        Ok(Self { device, place, _claim: claim })
    }

    /// The same files to look at, one behind the other.
    pub fn look(
        tree: &MountedTree,
        copies: [&str; 2],
        bytes: u64,
        further: &[(&str, u64)],
    ) -> Result<Joined<FileDevice>, StorageError> {
        Ok(Joined::new(opened(tree, copies, bytes, further, Access::Read)?))
    }

    /// Where the journal lies in what this shows as a device.
    pub fn place(&self) -> Place {
        self.place
    }

    /// OUTBOX and INBOX of the same medium, to be used while the journal is.
    ///
    /// `area` is where the writable area lies on an image or a raw device, `kept` what of it no
    /// file may be given.
    pub fn exchange(&self, area: Range<u64>, kept: Vec<Range<u64>>) -> Exchange<'static> {
        match &self.device {
            Inner::Whole(device) => Exchange::volume(Arc::clone(device), area, kept),
            Inner::Files(_, tree) => Exchange::mounted(tree.clone()),
        }
    }

    fn device(&self) -> &dyn Device {
        match &self.device {
            Inner::Whole(device) => &**device,
            Inner::Files(device, _) => device,
        }
    }
}

fn opened(
    tree: &MountedTree,
    copies: [&str; 2],
    bytes: u64,
    further: &[(&str, u64)],
    access: Access,
) -> Result<Vec<FileDevice>, StorageError> {
    let copies = copies.map(|path| (path, bytes));
    copies.iter().chain(further).map(|(path, bytes)| open(tree, path, *bytes, access)).collect()
}

fn open(
    tree: &MountedTree,
    path: &str,
    expected: u64,
    access: Access,
) -> Result<FileDevice, StorageError> {
    // Some systems show FAT's names in lower case, and some of them mind.
    let file = match FileDevice::open(&tree.place_of(path), access) {
        Err(OpenError::Missing { .. }) => {
            FileDevice::open(&tree.place_of(&path.to_ascii_lowercase()), access)?
        }
        opened => opened?,
    };
    let found = file.len_bytes();
    if found != expected {
        return Err(StorageError::Length { name: path.to_owned(), found, expected });
    }
    Ok(file)
}

impl Device for Storage {
    fn len_bytes(&self) -> u64 {
        self.device().len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.device().read_at(offset, buf)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.device().write_at(offset, bytes)
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.device().flush()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make files that are opened")]
mod tests {
    use super::*;
    use crate::device::Existing;
    use crate::format::edition::RamKind;
    use crate::journal::{Journal, Use, first_frames, read};

    const COPIES: [&str; 2] = ["/SCRIP/JOURNAL.A", "/SCRIP/JOURNAL.B"];

    /// A mounted directory whose journal holds one record; its names in lower case.
    fn mounted() -> (tempfile::TempDir, MountedTree) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("scrip")).unwrap();
        let mut bytes = first_frames(&[vec![1; 90]]).unwrap();
        bytes.resize(8 << 10, 0);
        for path in COPIES {
            std::fs::write(folder.path().join(path[1..].to_lowercase()), &bytes).unwrap();
        }
        let tree = MountedTree::at(folder.path());
        (folder, tree)
    }

    fn commit(storage: Storage) -> usize {
        let place = storage.place();
        let mut journal = Journal::open(storage, place, RamKind::Rewritable).unwrap();
        let _ = journal.append(&[2; 90], Use::Keeps).unwrap();
        read(journal.device(), &place).unwrap().records.len()
    }

    #[test]
    fn a_directory_is_written_like_a_device_by_one_at_a_time() {
        let (_folder, tree) = mounted();
        let open = || Storage::mounted(&tree, COPIES, 8 << 10, &[]);
        let first = open().unwrap();
        let refused = open().unwrap_err().to_string();
        assert!(refused.contains("journal.a: in use by "), "{refused}");
        assert_eq!(commit(first), 2);
        assert_eq!(commit(open().unwrap()), 3);
        let copies = COPIES.map(|path| std::fs::read(tree.place_of(&path.to_lowercase())).unwrap());
        assert_eq!(copies[0], copies[1]);
    }

    #[test]
    fn what_is_not_as_laid_out_is_named() {
        let (_folder, tree) = mounted();
        let wrong = Storage::mounted(&tree, COPIES, 16 << 10, &[]).unwrap_err().to_string();
        assert_eq!(wrong, "/SCRIP/JOURNAL.A: 8192 bytes, the medium's layout says 16384");
        std::fs::remove_file(tree.place_of("/scrip/journal.b")).unwrap();
        let missing = Storage::mounted(&tree, COPIES, 8 << 10, &[]).unwrap_err().to_string();
        assert!(missing.ends_with("scrip/journal.b: there is no such file or device"), "{missing}");
    }

    #[test]
    fn an_image_is_used_by_one_wallet_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("medium.img");
        let place = Place { starts: [4096, 65536], bytes: 8 << 10 };
        let image = FileDevice::create(&path, 1 << 17, Existing::Refuse).unwrap();
        for start in place.starts {
            image.write_at(start, &first_frames(&[vec![1; 90]]).unwrap()).unwrap();
        }
        let first = Storage::whole(Arc::new(image), place).unwrap();
        let again = || FileDevice::open(&path, Access::Write).unwrap();
        let refused = Storage::whole(Arc::new(again()), place).unwrap_err().to_string();
        assert!(refused.contains("medium.img: in use by "), "{refused}");
        assert_eq!(commit(first), 2);
        assert_eq!(commit(Storage::whole(Arc::new(again()), place).unwrap()), 3);
    }
}
