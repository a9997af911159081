//! The append-only log on a medium: frame, append, recover.
//!
//! Two copies, A and B, lie apart; each has two banks. Generation *g* lies in bank *g* mod 2 as a
//! row of [`frame::Frame`]s. A record is committed once it lies in both copies and both were
//! flushed; what a copy lacks is read from the other.

mod archive;
mod commit;
mod compact;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod flips;
pub mod frame;
mod mirror;
pub mod opening;
mod planted;
mod read;
mod restore;
mod scan;
mod storage;
mod write;

#[cfg(test)]
pub(crate) use archive::Kept;
pub use archive::OutboxArchive;
pub use commit::{AppendError, Committed, Journal, OpenError, SPENDING_PERCENT_MAX, Use};
pub use compact::{Archive, ArchiveFault, Carry, CompactError};
pub use mirror::{Chain, Mirror, MirrorError, Mirrored, Relation};
pub use read::{COPIES, Lost, ReadError, Reading, read, survey};
pub use restore::{RestoreError, restored};
pub use storage::{Storage, StorageError};
pub use write::{TooLong, carried_frames, first_frames};

/// Where a journal lies on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// First byte of copies A and B.
    pub starts: [u64; 2],
    /// Length of each copy: two banks.
    pub bytes: u64,
}

impl Place {
    /// Length of a bank.
    pub fn bank_bytes(&self) -> u64 {
        self.bytes / 2
    }

    fn bank_start(&self, copy: usize, bank: u64) -> u64 {
        self.starts[copy] + bank * self.bank_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::frame::Frame;
    use super::opening::Opening;
    use super::*;
    use crate::device::simulated::{Faulty, ReadFault};
    use crate::device::{Device, MemoryDevice};
    use crate::format::edition::RamKind;

    const PLACE: Place = Place { starts: [0, 64 << 10], bytes: 64 << 10 };

    fn written(records: &[Vec<u8>]) -> MemoryDevice {
        let device = MemoryDevice::filled(128 << 10, 0xa5);
        for start in PLACE.starts {
            device.write_at(start, &vec![0; 64 << 10]).unwrap();
            device.write_at(start, &first_frames(records).unwrap()).unwrap();
        }
        device
    }

    fn open(device: &MemoryDevice) -> Journal<&MemoryDevice> {
        Journal::open(device, PLACE, RamKind::Rewritable).unwrap()
    }

    fn records(count: u8) -> Vec<Vec<u8>> {
        (0..count).map(|n| vec![n; 300 + usize::from(n) * 40]).collect()
    }

    #[test]
    fn records_are_appended_and_read_back() {
        let all = records(9);
        let device = written(&all[..2]);
        let mut journal = open(&device);
        for (record, index) in all[2..].iter().zip(2..) {
            assert_eq!(journal.append(record, Use::Spends).unwrap().index, index);
        }
        let again = read(&device, &PLACE).unwrap();
        assert_eq!((&again.records, &again.repairable), (&all, &vec![]));
        assert_eq!(&again, journal.reading());
    }

    #[test]
    fn any_sector_lost_in_one_copy_is_read_from_the_other() {
        let all = records(9);
        let sectors = first_frames(&all).unwrap().len() / 512;
        for (copy, start) in PLACE.starts.into_iter().enumerate() {
            for sector in 0..sectors as u64 {
                let device = written(&all);
                device.write_at(start + sector * 512, &[0xff; 512]).unwrap();
                let reading = read(&device, &PLACE).unwrap();
                assert_eq!(reading.records, all, "copy {copy} sector {sector}");
                assert!(reading.repairable.iter().all(|(lacking, _)| *lacking == copy));
                assert_eq!(reading.repairable.len(), 1);
            }
        }
    }

    #[test]
    fn a_record_lost_in_both_copies_is_damage_unless_it_is_the_last() {
        let all = records(5);
        let last_start = (first_frames(&all[..4]).unwrap().len()) as u64;
        let device = written(&all);
        for start in PLACE.starts {
            device.write_at(start + last_start, &[0xff; 512]).unwrap();
        }
        assert_eq!(read(&device, &PLACE).unwrap().records, all[..4]);
        for start in PLACE.starts {
            device.write_at(start, &[0xff; 512]).unwrap();
        }
        let fault = read(&device, &PLACE).unwrap_err().to_string();
        assert_eq!(
            fault,
            "journal: frame 0 of generation 0 is damaged in both copies, frame 3 is there"
        );
    }

    #[test]
    fn a_full_bank_refuses_and_an_empty_one_says_so() {
        let device = written(&[]);
        assert!(matches!(read(&device, &PLACE), Err(ReadError::Empty)));
        let device = written(&records(1));
        let mut journal = open(&device);
        let mut fill = |usage| loop {
            if let Err(fault) = journal.append(&[1; 2048], usage) {
                break fault.to_string();
            }
        };
        let nearly = "journal is nearly full: 28672 of 32768 bytes are used, \
                      and spending ends at 90 %";
        assert_eq!(fill(Use::Spends), nearly);
        let over = "journal is full: the record needs 2560 bytes, 1536 of 32768 are left";
        assert_eq!(fill(Use::Keeps), over);
        assert_eq!(&read(&device, &PLACE).unwrap(), journal.reading());
    }

    #[test]
    fn of_copies_that_part_the_longer_counts_and_neither_of_equals() {
        let device = written(&records(2));
        let other = first_frames(&[vec![0; 300], vec![9; 300]]).unwrap();
        device.write_at(PLACE.starts[1], &other).unwrap();
        assert!(matches!(read(&device, &PLACE), Err(ReadError::Differ { index: 1 })));
        let longer = first_frames(&[vec![0; 300], vec![9; 300], vec![8; 20]]).unwrap();
        device.write_at(PLACE.starts[1], &longer).unwrap();
        let reading = read(&device, &PLACE).unwrap();
        assert_eq!((reading.records.len(), &reading.rival), (3, &records(2)[1..].to_vec()));
        assert_eq!(open(&device).repaired(), [(0, 1), (0, 2)]);
        assert_eq!(read(&device, &PLACE).unwrap().rival, Vec::<Vec<u8>>::new());
    }

    #[test]
    fn behind_a_hole_nothing_is_written_before_the_loss_is_accepted() {
        let all = records(5);
        let device = written(&all);
        for start in PLACE.starts {
            device.write_at(start + 512, &[0; 512]).unwrap();
        }
        let mut journal = open(&device);
        let refused = journal.append(&[7; 9], Use::Keeps).unwrap_err().to_string();
        assert!(refused.starts_with("journal: frame 1 is lost, frame 4 is there"), "{refused}");
        assert_eq!(journal.accept_loss().unwrap().unwrap().later, 4);
        let _ = journal.append(&all[1], Use::Keeps).unwrap();
        assert_eq!(read(&device, &PLACE).unwrap().records, all[..2]);
    }

    #[test]
    fn a_lost_newer_generation_in_the_same_bank_costs_no_record_of_the_one_that_counts() {
        let all = records(3);
        let device = written(&all);
        let opening = Opening::of(&[vec![7; 30]], &[]).unwrap().encode();
        for (index, record, sector) in [(0, opening, 0), (2, vec![8; 30], 9)] {
            let frame = Frame { generation: 2, index, before: 0, record }.encode().unwrap();
            device.write_at(PLACE.starts[0] + sector * 512, &frame).unwrap();
        }
        let mut journal = open(&device);
        let lost = Lost { generation: 2, index: 1, later: 2 };
        assert_eq!(journal.accept_loss().unwrap(), Some(lost));
        let _ = journal.append(&[7; 9], Use::Keeps).unwrap();
        let expected = [&all[..], &[vec![7; 9]]].concat();
        assert_eq!(read(&device, &PLACE).unwrap().records, expected);
    }

    #[test]
    fn an_unreadable_sector_is_read_from_the_other_copy() {
        let all = records(5);
        let start = PLACE.starts[0] + 1_100;
        let device = Faulty::new(written(&all), vec![ReadFault::Unreadable(start..start + 1)]);
        assert_eq!(read(&device, &PLACE).unwrap().records, all);
    }

    #[test]
    fn a_frame_out_of_its_place_counts_for_nothing() {
        let device = written(&records(1));
        let copy = PLACE.starts[1];
        let (own, other) =
            (first_frames(&records(1)).unwrap(), first_frames(&[vec![9; 30]]).unwrap());
        device.write_at(copy, &[0; 512]).unwrap();
        device.write_at(copy + 512, &own).unwrap();
        device.write_at(copy + 1024, &other).unwrap();
        assert_eq!(read(&device, &PLACE).unwrap().repairable, [(1, 0)]);
        let mut journal = open(&device);
        assert_eq!(journal.repaired(), [(1, 0)]);
        let _ = journal.append(&[1; 40], Use::Keeps).unwrap();
        assert_eq!(&read(&device, &PLACE).unwrap(), journal.reading());
    }
}
