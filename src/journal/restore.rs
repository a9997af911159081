//! A hole in both copies, filled from what a computer saw: only with frames that fit on both sides.

use std::collections::BTreeMap;

use super::Place;
use super::mirror::Mirror;
use super::read::{Lost, ReadError, Reading, survey_scan};
use super::scan::{Frames, Held, Scan};
use crate::device::{Device, DeviceError};

/// Why a mirror doesn't fill a hole; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The journal gives no records whatever a mirror has.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The mirror could not be read.
    #[error("reading the mirror: {0}")]
    Mirror(DeviceError),
    /// It is of another time.
    #[error(
        "frame {} of generation {} is lost, this computer's copy is of generation {}",
        lost.index, lost.generation, found.map_or_else(|| "none".to_owned(), |found| found.to_string())
    )]
    Generation {
        /// What the medium lost.
        lost: Lost,
        /// The mirror's newest generation, if it has any.
        found: Option<u64>,
    },
    /// It doesn't have the lost frame.
    #[error("frame {} is lost, this computer's copy has {found} frames from the first on", lost.index)]
    Lacks {
        /// What the medium lost.
        lost: Lost,
        /// How many frames the mirror has, one behind the other.
        found: usize,
    },
    /// What it has there is of another history.
    #[error(
        "frame {index} of this computer's copy follows a frame of checksum {found:08x}, the \
         medium's has {expected:08x}"
    )]
    Front {
        /// The lost frame.
        index: u32,
        /// The checksum of the medium's frame before it.
        expected: u32,
        /// The checksum that the mirror's frame names.
        found: u32,
    },
    /// What stands behind the hole follows something else.
    #[error(
        "frame {later} on the medium does not follow this computer's copy, in which frame \
         {index} has checksum {found:08x}"
    )]
    Behind {
        /// The mirror's last frame for the hole.
        index: u32,
        /// A frame behind the hole.
        later: u32,
        /// The mirror's frame's checksum.
        found: u32,
    },
}

/// Read a journal with what a mirror has for frames that both copies lack.
///
/// A frame of the mirror's counts where neither copy has one, a later one stands on the medium, the
/// frame before it is the one that it names, and so on to the frames behind the hole: all of those
/// have to be reached. Whether the records follow is for the ledger to say, before this is opened
/// for writing.
pub fn restored(
    device: &dyn Device,
    place: &Place,
    mirror: &Mirror,
) -> Result<Reading, RestoreError> {
    let mut scan = Scan::of(device, place).map_err(ReadError::from)?;
    let plain = survey_scan(&mut scan);
    let lost = match &plain {
        Ok(Reading { lost: Some(lost), .. }) => *lost,
        Err(ReadError::Gap { generation, index, later }) => {
            Lost { generation: *generation, index: *index, later: *later }
        }
        _ => return Ok(plain?),
    };
    let frames = mirror.frames().map_err(RestoreError::Mirror)?;
    let why = refused(lost, plain.as_ref().ok(), &frames);
    let behind = behind(&scan, lost);
    let filled = survey_scan(&mut Scan { mirror: frames, ..scan })?;
    let whole = filled.lost.is_none()
        && filled.generation == lost.generation
        && behind.iter().all(|(index, record)| filled.frame(*index) == Some(record));
    if whole { Ok(filled) } else { Err(why) }
}

/// What stands behind the hole in either copy, by index.
fn behind(scan: &Scan, lost: Lost) -> Vec<(u32, Vec<u8>)> {
    let copies = scan.held(lost.generation).into_iter().flatten();
    let frames = copies.flatten().filter(|((index, _), _)| *index > lost.index);
    frames.map(|((index, _), held)| (*index, held.frame.record.clone())).collect()
}

/// The reason, should the mirror not fill it.
fn refused(lost: Lost, plain: Option<&Reading>, mirror: &BTreeMap<u64, Frames>) -> RestoreError {
    let Some(frames) = mirror.get(&lost.generation) else {
        return RestoreError::Generation { lost, found: mirror.keys().next_back().copied() };
    };
    let at = |index: u32| {
        let mut held = frames.range((index, 0)..=(index, u64::MAX)).map(|(_, held)| held);
        held.next()
    };
    let Some(own) = at(lost.index) else {
        let found = (0..lost.index).take_while(|index| at(*index).is_some()).count();
        return RestoreError::Lacks { lost, found };
    };
    let before = plain.filter(|plain| plain.generation == lost.generation);
    let expected = before.map_or(own.frame.before, |plain| plain.last);
    if own.frame.before != expected {
        let (index, found) = (lost.index, own.frame.before);
        return RestoreError::Front { index, expected, found };
    }
    let later = lost.later;
    let newest = (lost.index..later).map_while(at).last().unwrap_or(own);
    let Held { frame, checksum } = newest;
    RestoreError::Behind { index: frame.index, later, found: *checksum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::digest::sha256;
    use crate::device::MemoryDevice;
    use crate::device::simulated::{Bounds, FaultKind, Volatile};
    use crate::format::edition::RamKind;
    use crate::journal::archive::Kept;
    use crate::journal::{Carry, Journal, Use, first_frames, read};

    const PLACE: Place = Place { starts: [0, 32 << 10], bytes: 32 << 10 };

    fn record(number: u8, branch: u8) -> Vec<u8> {
        [vec![number; 20], vec![branch; 80]].concat()
    }

    fn records(numbers: std::ops::Range<u8>, branch: u8) -> Vec<Vec<u8>> {
        numbers.map(|number| record(number, branch)).collect()
    }

    fn medium(records: &[Vec<u8>]) -> MemoryDevice {
        let device = MemoryDevice::zeroed(64 << 10);
        for start in PLACE.starts {
            device.write_at(start, &first_frames(records).unwrap()).unwrap();
        }
        device
    }

    fn saw(records: &[Vec<u8>]) -> Mirror {
        let device = MemoryDevice::zeroed(32 << 10);
        device.write_at(0, &first_frames(records).unwrap()).unwrap();
        Mirror::on(Box::new(device))
    }

    /// Make these frames, a sector each, unreadable in both copies.
    fn holed(device: &MemoryDevice, frames: &[u64]) {
        for start in PLACE.starts {
            for frame in frames {
                device.write_at(start + frame * 512, &[0xff; 512]).unwrap();
            }
        }
    }

    fn why(device: &MemoryDevice, mirror: &Mirror) -> String {
        let before = device.snapshot();
        let refused = restored(device, &PLACE, mirror).unwrap_err().to_string();
        assert!(device.snapshot() == before);
        refused
    }

    #[test]
    fn any_hole_is_filled_to_the_byte() {
        let (all, whole) = (records(0..8, 0), medium(&records(0..8, 0)));
        for first in 0..7 {
            for last in first..7 {
                let device = medium(&all);
                holed(&device, &(first..=last).collect::<Vec<_>>());
                assert!(read(&device, &PLACE).is_err(), "{first} to {last}");
                // What it saw may end with the hole, or go on to another end than the medium.
                for seen in [saw(&all), saw(&all[..usize::try_from(last + 1).unwrap()])] {
                    let reading = restored(&device, &PLACE, &seen).unwrap();
                    assert_eq!((&reading.records, reading.lost), (&all, None));
                    let again = MemoryDevice::from_bytes(device.snapshot());
                    let ram = RamKind::Rewritable;
                    let journal = Journal::open_as(&again, PLACE, ram, reading).unwrap();
                    let filled = usize::try_from(2 * (last - first + 1)).unwrap();
                    assert_eq!(journal.repaired().len(), filled);
                    assert!(again.snapshot() == whole.snapshot(), "{first} to {last}");
                }
            }
        }
    }

    #[test]
    fn what_parts_behind_the_hole_fills_it_and_no_more() {
        let device = medium(&records(0..6, 0));
        holed(&device, &[2]);
        let seen = saw(&[records(0..5, 0), records(5..9, 1)].concat());
        assert_eq!(restored(&device, &PLACE, &seen).unwrap().records, records(0..6, 0));
        let sound = medium(&records(0..6, 0));
        assert_eq!(restored(&sound, &PLACE, &seen).unwrap().records, records(0..6, 0));
    }

    #[test]
    fn a_mirror_that_does_not_fit_both_sides_fills_nothing() {
        let device = medium(&records(0..6, 0));
        holed(&device, &[2, 3]);
        let forked_before = saw(&records(0..6, 1));
        let refused = why(&device, &forked_before);
        assert!(refused.starts_with("frame 2 of this computer's copy follows a frame of"));
        let forked_inside = saw(&[records(0..2, 0), records(2..9, 1)].concat());
        let refused = why(&device, &forked_inside);
        assert!(refused.starts_with("frame 5 on the medium does not follow this"), "{refused}");
        assert!(refused.contains("in which frame 4 has checksum "), "{refused}");
        let forked_late = saw(&[records(0..3, 0), records(3..9, 1)].concat());
        assert!(why(&device, &forked_late).starts_with("frame 5 on the medium does not follow"));
        let short = saw(&records(0..3, 0));
        assert!(why(&device, &short).starts_with("frame 5 on the medium does not follow"));
        let shorter = saw(&records(0..2, 0));
        assert_eq!(
            why(&device, &shorter),
            "frame 2 is lost, this computer's copy has 2 frames from the first on"
        );
        let empty = Mirror::on(Box::new(MemoryDevice::zeroed(32 << 10)));
        let none = "frame 2 of generation 0 is lost, this computer's copy is of generation none";
        assert_eq!(why(&device, &empty), none);
    }

    /// A medium with a second generation: opening, checkpoint, two records; and what saw all of it.
    fn compacted() -> (MemoryDevice, Mirror, Mirror) {
        let device = medium(&records(0..5, 0));
        let mut journal = Journal::open(&device, PLACE, RamKind::Rewritable).unwrap();
        let head = sha256(&record(3, 0));
        let carry = Carry { head, checkpoint: &[vec![0xcc; 40]], outside: &[] };
        let _ = journal.compact(&carry, &mut Kept(vec![])).unwrap();
        let _ = journal.append(&record(5, 0), Use::Keeps).unwrap();
        let bytes = device.snapshot();
        let seen = Mirror::on(Box::new(MemoryDevice::from_bytes(bytes[..32 << 10].to_vec())));
        (device, seen, saw(&records(0..5, 0)))
    }

    #[test]
    fn an_older_generation_fills_nothing_in_a_newer_one() {
        for frame in 0..3 {
            let (device, seen, older) = compacted();
            let whole = device.snapshot();
            holed(&device, &[(16 << 10) / 512 + frame]);
            assert_eq!(
                why(&device, &older),
                format!(
                    "frame {frame} of generation 1 is lost, this computer's copy is of generation 0"
                )
            );
            let reading = restored(&device, &PLACE, &seen).unwrap();
            assert_eq!((reading.generation, reading.records.len()), (1, 3));
            let _ = Journal::open_as(&device, PLACE, RamKind::Rewritable, reading).unwrap();
            assert!(device.snapshot() == whole);
        }
    }

    #[test]
    fn a_lost_opening_is_told_only_where_records_were_added_behind_it() {
        let (device, ..) = compacted();
        holed(&device, &[(16 << 10) / 512]);
        let lost = read(&device, &PLACE).unwrap_err().to_string();
        let told = "journal: frame 0 of generation 1 is damaged in both copies, frame 3 is there";
        assert_eq!(lost, told);
        let mut journal = Journal::open(&device, PLACE, RamKind::Rewritable).unwrap();
        assert_eq!(journal.reading().records, records(0..5, 0));
        assert_eq!(journal.accept_loss().unwrap().map(|lost| lost.index), Some(0));
        assert_eq!(read(&device, &PLACE).unwrap().records, records(0..5, 0));
        // Without the added record it may as well be a compaction that broke off.
        let (device, ..) = compacted();
        holed(&device, &[(16 << 10) / 512, (16 << 10) / 512 + 3]);
        assert_eq!(read(&device, &PLACE).unwrap().records, records(0..5, 0));
        // Nothing older is left: what was carried alone is no journal.
        holed(&device, &[0, 1, 2, 3, 4]);
        let lost = read(&device, &PLACE).unwrap_err().to_string();
        assert!(lost.starts_with("journal: frame 0 of generation 1 is damaged in"), "{lost}");
    }

    #[test]
    fn stopped_at_any_write_it_is_whole_or_filled_by_the_next_run() {
        let all = records(0..8, 0);
        let device = medium(&all);
        holed(&device, &[2, 3, 5]);
        let power = Volatile::new(device.snapshot());
        let fill = |device: &Volatile| {
            let reading = restored(device, &PLACE, &saw(&all)).unwrap();
            assert_eq!(reading.records, all);
            let _ = Journal::open_as(device, PLACE, RamKind::Rewritable, reading).unwrap();
        };
        fill(&power);
        let faults =
            vec![FaultKind::LyingFlush, FaultKind::EraseBlock { len_bytes: 32 << 10, fill: 0xff }];
        let bounds = Bounds { states_max: 24, torn_bytes: vec![130], faults, seed: 5 };
        let mut seen = std::collections::HashSet::new();
        for loss in power.losses(&bounds) {
            let found = loss.reopen();
            if seen.insert(found.fingerprint()) {
                fill(&found);
                assert_eq!(read(&found, &PLACE).unwrap().records, all, "{loss}");
            }
        }
        assert!(seen.len() > 20, "{}", seen.len());
    }
}
