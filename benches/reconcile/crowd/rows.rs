//! The same events as bare rows of 64 bytes: medium, sequence, SHA-256 of the record, amount.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use scrip::crypto::digest::sha256;

use super::export::Told;

pub(crate) const ROW_BYTES: usize = 64;

/// The row of a record at this place in its journal.
pub(crate) fn row(place: usize, record: &Told) -> [u8; ROW_BYTES] {
    let mut row = [0; ROW_BYTES];
    row[..8].copy_from_slice(&record.medium.number().to_le_bytes());
    row[8..16].copy_from_slice(&(place as u64).to_le_bytes());
    row[16..48].copy_from_slice(&sha256(&record.bytes));
    row[48..56].copy_from_slice(&record.amount.to_le_bytes());
    row
}

/// Where the rows of one medium stand, and how many of them the records hold.
pub(crate) struct Stretch {
    pub(crate) medium: u64,
    pub(crate) rows: Vec<u8>,
    pub(crate) held: usize,
}

/// Write both sides of the join in the order of media and sequences.
pub(crate) fn write(folder: &Path, mut stretches: Vec<Stretch>) {
    stretches.sort_unstable_by_key(|stretch| stretch.medium);
    let file = |name: &str| {
        let file = File::create(folder.join(name)).expect("makes rows");
        BufWriter::with_capacity(1 << 20, file)
    };
    let (mut evidence, mut records) = (file(EVIDENCE), file(RECORDS));
    for Stretch { rows, held, .. } in stretches {
        evidence.write_all(&rows).expect("writes");
        records.write_all(&rows[..held * ROW_BYTES]).expect("writes");
    }
    evidence.flush().and_then(|()| records.flush()).expect("writes");
}

pub(crate) const EVIDENCE: &str = "evidence.rows";
pub(crate) const RECORDS: &str = "records.rows";

/// What a merge finds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Merged {
    pub(crate) both: u64,
    pub(crate) differ: u64,
    pub(crate) evidence_only: u64,
    pub(crate) records_only: u64,
}

/// Rows that come one behind the other, a mebibyte at a time.
struct Rows {
    file: BufReader<File>,
    row: [u8; ROW_BYTES],
}

impl Rows {
    fn open(path: &Path) -> Self {
        let file = File::open(path).expect("opens rows");
        Self { file: BufReader::with_capacity(1 << 20, file), row: [0; ROW_BYTES] }
    }

    /// The key of the next one.
    fn next(&mut self) -> Option<[u64; 2]> {
        self.file.read_exact(&mut self.row).ok()?;
        let word =
            |at: usize| u64::from_le_bytes(self.row[at..at + 8].try_into().expect("8 bytes"));
        Some([word(0), word(8)])
    }
}

/// The floor: merge two sorted files of rows, and compare what both hold.
pub(crate) fn merge(folder: &Path) -> Merged {
    let (mut one, mut other) =
        (Rows::open(&folder.join(EVIDENCE)), Rows::open(&folder.join(RECORDS)));
    let (mut left, mut right) = (one.next(), other.next());
    let mut merged = Merged::default();
    loop {
        match (left, right) {
            (None, None) => return merged,
            (Some(key), Some(known)) if key == known => {
                merged.both += 1;
                merged.differ += u64::from(one.row[16..] != other.row[16..]);
                (left, right) = (one.next(), other.next());
            }
            (Some(key), known) if known.is_none_or(|known| key < known) => {
                merged.evidence_only += 1;
                left = one.next();
            }
            _ => {
                merged.records_only += 1;
                right = other.next();
            }
        }
    }
}
