//! The append-only log on a medium: frame, append, recover.
//!
//! Two copies, A and B, lie apart; each has two banks. Generation *g* lies in bank *g* mod 2 as a
//! row of [`frame::Frame`]s. A record is committed once it lies in both copies and both were
//! flushed; what a copy lacks is read from the other.

pub mod frame;
mod read;
mod write;

pub use read::{COPIES, ReadError, Reading, read};
pub use write::{AppendError, append, first_frames};

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
    use super::*;
    use crate::device::{Device, MemoryDevice};

    const PLACE: Place = Place { starts: [0, 64 << 10], bytes: 64 << 10 };

    fn written(records: &[Vec<u8>]) -> MemoryDevice {
        let device = MemoryDevice::filled(128 << 10, 0xa5);
        for start in PLACE.starts {
            device.write_at(start, &vec![0; 64 << 10]).unwrap();
            device.write_at(start, &first_frames(records).unwrap()).unwrap();
        }
        device
    }

    fn records(count: u8) -> Vec<Vec<u8>> {
        (0..count).map(|n| vec![n; 300 + usize::from(n) * 40]).collect()
    }

    #[test]
    fn records_are_appended_and_read_back() {
        let all = records(9);
        let device = written(&all[..2]);
        let mut reading = read(&device, &PLACE).unwrap();
        for record in &all[2..] {
            append(&device, &PLACE, &mut reading, record.clone()).unwrap();
        }
        let again = read(&device, &PLACE).unwrap();
        assert_eq!((&again.records, &again.repairable), (&all, &vec![]));
        assert_eq!(again, reading);
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
        assert_eq!(fault, "journal: record 0 is damaged in both copies, record 3 is there");
    }

    #[test]
    fn a_full_bank_refuses_and_an_empty_one_says_so() {
        let device = written(&[]);
        assert!(matches!(read(&device, &PLACE), Err(ReadError::Empty)));
        let device = written(&records(1));
        let mut reading = read(&device, &PLACE).unwrap();
        let fault = loop {
            if let Err(fault) = append(&device, &PLACE, &mut reading, vec![1; 2048]) {
                break fault.to_string();
            }
        };
        assert!(fault.starts_with("journal is full: the record needs 2560 bytes,"), "{fault}");
        assert_eq!(read(&device, &PLACE).unwrap(), reading);
    }

    #[test]
    fn copies_that_contradict_each_other_are_damage() {
        let device = written(&records(2));
        let other = first_frames(&[vec![9; 300]]).unwrap();
        device.write_at(PLACE.starts[1], &other).unwrap();
        assert!(matches!(read(&device, &PLACE), Err(ReadError::Differ { index: 0 })));
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
        let mut reading = read(&device, &PLACE).unwrap();
        assert_eq!(reading.repairable, [(1, 0)]);
        append(&device, &PLACE, &mut reading, vec![1; 40]).unwrap();
        assert_eq!(read(&device, &PLACE).unwrap(), reading);
    }
}
