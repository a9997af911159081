//! The partition tables and the unused bytes around them.

use std::ops::Range;

use super::super::gpt::{SECTOR_BYTES, Tables};
use super::super::layout::{Layout, Names};
use super::super::tree::BLOCK_BYTES;
use super::reading::Reading;
use super::report::{Damage, Fault, Hashes, Part, Report};
use super::words;
use crate::crypto::digest::sha256;
use crate::words::Phrase;

/// Where sectors end, whose they are, and what is wrong if they differ.
type Stretch = (u64, Part, fn() -> Phrase);

/// Parts of the first MiB: end in sectors, part, reason.
const HEAD: [Stretch; 4] = [
    (1, Part::PartitionTable, words::protective_mbr),
    (2, Part::PartitionTable, words::header),
    (34, Part::PartitionTable, words::entries),
    (2048, Part::Unused, words::behind_table),
];
/// Parts of the last MiB.
const TAIL: [Stretch; 3] = [
    (2048 - 33, Part::Unused, words::before_backup),
    (2048 - 1, Part::BackupTable, words::entries),
    (2048, Part::BackupTable, words::header),
];

/// Compare first and last MiB with what this layout and these names give.
///
/// The device is at least as long as the layout needs.
pub(super) fn compare(reading: &Reading, layout: &Layout, names: &Names, report: &mut Report) {
    let len = reading.len_bytes();
    if !len.is_multiple_of(SECTOR_BYTES) {
        let reason = words::no_whole_sectors(len, SECTOR_BYTES);
        return report.fault(Fault::new(Part::Medium, reason));
    }
    let Tables { mut primary, backup } = Tables::new(layout, names, len);
    primary.resize(reading.head().len(), 0);
    let mut last = vec![0; reading.tail().len() - backup.len()];
    last.extend(backup);
    compare_parts(0, reading.head(), &primary, &HEAD, report);
    compare_parts(len - last.len() as u64, reading.tail(), &last, &TAIL, report);
}

fn compare_parts(
    start: u64,
    found: &[u8],
    expected: &[u8],
    parts: &[Stretch],
    report: &mut Report,
) {
    let mut from = 0;
    for (end, part, reason) in parts {
        let to = usize::try_from(end * SECTOR_BYTES).expect("below 1 MiB");
        let bytes: Range<usize> = from..to;
        from = to;
        if found[bytes.clone()] == expected[bytes.clone()] {
            continue;
        }
        let mut differ = bytes.clone().filter(|at| found[*at] != expected[*at]);
        let (first, last) = (differ.clone().next(), differ.next_back());
        let block =
            |at: Option<usize>| (start + at.expect("they differ") as u64) / BLOCK_BYTES as u64;
        report.fault(Fault {
            blocks: Some(block(first)..block(last) + 1),
            hashes: Some(Hashes {
                expected: sha256(&expected[bytes.clone()]),
                found: sha256(&found[bytes.clone()]),
            }),
            damage: Damage::between(&found[bytes.clone()], &expected[bytes]),
            ..Fault::new(part.clone(), reason())
        });
    }
}
