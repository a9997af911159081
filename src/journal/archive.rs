//! Old generations, kept in the medium's OUTBOX.

use super::compact::{Archive, ArchiveFault};
use crate::fat::{Exchange, Tray};

/// One file of an OUTBOX, written once and read back past the system's cache.
pub struct OutboxArchive<'e, 'd> {
    exchange: &'e Exchange<'d>,
    name: String,
}

impl<'e, 'd> OutboxArchive<'e, 'd> {
    /// The file of this name, which may not exist yet.
    pub fn new(exchange: &'e Exchange<'d>, name: impl Into<String>) -> Self {
        Self { exchange, name: name.into() }
    }
}

impl Archive for OutboxArchive<'_, '_> {
    fn keep(&mut self, frames: &[u8]) -> Result<(), ArchiveFault> {
        Ok(self.exchange.write(Tray::Outbox, &self.name, frames)?)
    }

    fn read_back(&mut self) -> Result<Vec<u8>, ArchiveFault> {
        Ok(self.exchange.read_back(Tray::Outbox, &self.name, ARCHIVE_BYTES_MAX)?)
    }
}

/// The longest bank there is.
const ARCHIVE_BYTES_MAX: u64 = 32 << 20;

/// An archive in memory.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Kept(pub(crate) Vec<u8>);

#[cfg(test)]
impl Archive for Kept {
    fn keep(&mut self, frames: &[u8]) -> Result<(), ArchiveFault> {
        self.0 = frames.to_vec();
        Ok(())
    }

    fn read_back(&mut self) -> Result<Vec<u8>, ArchiveFault> {
        Ok(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::digest::sha256;
    use crate::device::{Device, MemoryDevice, MountedTree};
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
        let exchange = Exchange::mounted(MountedTree::at(outer.path()));
        let device = MemoryDevice::zeroed(32 << 10);
        let mut journal = journal(&device, RamKind::Rewritable);
        let carry = Carry { head: sha256(&[1; 100]), checkpoint: &[vec![9; 50]], outside: &[] };
        let _ = journal.compact(&carry, &mut OutboxArchive::new(&exchange, "JOURNAL.0")).unwrap();
        let kept = exchange.read(Tray::Outbox, "JOURNAL.0", 1 << 20).unwrap();
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
