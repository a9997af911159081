//! Old generations, kept in a folder: the outbox of a mounted medium.

use super::compact::{Archive, ArchiveFault};
use crate::device::{Access, Device, FileDevice, Folder, Privacy, Target};

/// One file of a folder, written once and read back past the system's cache.
#[derive(Debug)]
pub struct FolderArchive<'f> {
    folder: &'f Folder,
    name: String,
}

impl<'f> FolderArchive<'f> {
    /// The file of this name, which may not exist yet.
    pub fn new(folder: &'f Folder, name: impl Into<String>) -> Self {
        Self { folder, name: name.into() }
    }
}

impl Archive for FolderArchive<'_> {
    fn keep(&mut self, frames: &[u8]) -> Result<(), ArchiveFault> {
        Ok(self.folder.write(&self.name, frames, Privacy::Public)?)
    }

    fn read_back(&mut self) -> Result<Vec<u8>, ArchiveFault> {
        let file = FileDevice::open(&self.folder.path_of(&self.name)?, Access::Read)?;
        let mut bytes = vec![0; usize::try_from(file.len_bytes())?];
        file.read_back_at(0, &mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::digest::sha256;
    use crate::device::MemoryDevice;
    use crate::format::edition::RamKind;
    use crate::journal::{Carry, CompactError, Journal, Place, first_frames, read};

    const PLACE: Place = Place { starts: [0, 16 << 10], bytes: 16 << 10 };

    fn journal(device: &MemoryDevice, ram: RamKind) -> Journal<&MemoryDevice> {
        for start in PLACE.starts {
            let records = [0, 1, 2].map(|byte| vec![byte; 100]);
            device.write_at(start, &first_frames(&records).unwrap()).unwrap();
        }
        Journal::open(device, PLACE, ram).unwrap()
    }

    /// Forgets a byte of what it keeps.
    struct Forgetful(Vec<u8>);

    impl Archive for Forgetful {
        fn keep(&mut self, frames: &[u8]) -> Result<(), ArchiveFault> {
            self.0 = frames[1..].to_vec();
            Ok(())
        }

        fn read_back(&mut self) -> Result<Vec<u8>, ArchiveFault> {
            Ok(self.0.clone())
        }
    }

    #[test]
    fn the_old_generation_is_in_the_folder_before_the_new_one_begins() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::create(&outer.path().join("OUTBOX")).unwrap();
        let device = MemoryDevice::zeroed(32 << 10);
        let mut journal = journal(&device, RamKind::Rewritable);
        let carry = Carry { head: sha256(&[1; 100]), checkpoint: &[vec![9; 50]], outside: &[] };
        let _ = journal.compact(&carry, &mut FolderArchive::new(&folder, "JOURNAL.0")).unwrap();
        let kept = folder.read("JOURNAL.0", 1 << 20).unwrap();
        assert_eq!(kept, first_frames(&[0, 1, 2].map(|byte| vec![byte; 100])).unwrap());
        let reading = read(&device, &PLACE).unwrap();
        assert_eq!((&reading, reading.generation), (journal.reading(), 1));
        assert_eq!(reading.records, [vec![9; 50], vec![2; 100]]);
        assert_eq!(device.snapshot()[..kept.len()], kept, "the old bank stays");
    }

    #[test]
    fn without_leave_nothing_is_compacted() {
        let device = MemoryDevice::zeroed(32 << 10);
        let refused = |ram, carry: &Carry<'_>| {
            let mut journal = journal(&device, ram);
            let before = device.snapshot();
            let fault = journal.compact(carry, &mut Forgetful(vec![])).unwrap_err();
            assert_eq!(device.snapshot(), before);
            fault
        };
        let good = Carry { head: sha256(&[1; 100]), checkpoint: &[vec![9; 50]], outside: &[] };
        let again = |fault| matches!(fault, CompactError::ArchiveDiffers { .. });
        assert!(again(refused(RamKind::Rewritable, &good)));
        assert!(matches!(refused(RamKind::WriteOnce, &good), CompactError::WriteOnce));
        let foreign = Carry { head: [7; 32], ..good };
        assert!(matches!(refused(RamKind::Rewritable, &foreign), CompactError::NotOnChain));
        let above = Carry { outside: &[vec![2; 100]], ..good };
        assert!(matches!(refused(RamKind::Rewritable, &above), CompactError::Foreign { nth: 0 }));
        let much = vec![vec![9; 2000]; 4];
        let much = Carry { checkpoint: &much, ..good };
        assert!(matches!(refused(RamKind::Rewritable, &much), CompactError::NoRoom { .. }));
    }
}
