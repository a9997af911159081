//! OUTBOX and INBOX beside the medium's own files.

use std::ops::Range;

use scrip::device::{Device, MemoryDevice};
use scrip::fat::{Exchange, Tray};

use super::{SERIAL, medium};
use crate::world::Sample;

/// A volume that says that all of the medium's own files are free is not believed: OUTBOX and INBOX
/// take every free byte, and not one of the journal, the access files, the item keys or the papers.
#[test]
fn trays_never_reach_the_own_files_whatever_the_volume_says() {
    let device = Sample::new(SERIAL).burnt();
    let grounds = medium(&device).grounds().clone();
    let own = |device: &MemoryDevice| -> Vec<Vec<u8>> {
        let read = |range: &Range<u64>| {
            let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap()];
            device.read_at(range.start, &mut bytes).unwrap();
            bytes
        };
        grounds.kept().iter().map(read).collect()
    };
    let before = own(&device);
    assert_eq!(before.len(), 8, "two copies each of journal, access, item keys and papers");
    let mut boot = [0; 512];
    device.read_at(grounds.volume.start, &mut boot).unwrap();
    let word = |at: usize| u64::from(u32::from_le_bytes(*boot[at..].first_chunk().unwrap()));
    let [sector, cluster] = [512, 512 * u64::from(boot[13])];
    let fat = u64::from(u16::from_le_bytes([boot[14], boot[15]])) * sector;
    let data = fat + u64::from(boot[16]) * word(36) * sector;
    for range in grounds.kept() {
        let [first, end] = [range.start, range.end]
            .map(|at| 2 + (at - grounds.volume.start - data).div_ceil(cluster));
        for table in 0..u64::from(boot[16]) {
            let entries = grounds.volume.start + fat + table * word(36) * sector + first * 4;
            let free = vec![0; usize::try_from((end - first) * 4).unwrap()];
            device.write_at(entries, &free).unwrap();
        }
    }
    let trays = Exchange::volume(&device, grounds.volume.clone(), grounds.kept());
    let believing = Exchange::volume(&device, grounds.volume.clone(), vec![]);
    let kept: u64 = grounds.kept().iter().map(|range| range.end - range.start).sum();
    let free = trays.free_bytes().unwrap();
    assert_eq!(believing.free_bytes().unwrap(), free + kept, "they don't seem to be free");
    for (tray, name) in [(Tray::Outbox, "half.bin"), (Tray::Inbox, "rest.bin")] {
        let free = trays.free_bytes().unwrap();
        let bytes = if tray == Tray::Outbox { free / 2 } else { free - 4096 };
        trays.write(tray, name, &vec![0xEE; usize::try_from(bytes).unwrap()]).unwrap();
    }
    trays.append(Tray::Outbox, "last.bin", 0, &vec![0xDD; 512]).unwrap();
    assert!(own(&device) == before, "a file of the medium's own was written");
}
