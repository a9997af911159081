//! Journals that were written, compacted and damaged at random, as both readers see them.

use std::path::Path;

use data_encoding::HEXLOWER;
use scrip::crypto::digest::sha256;
use scrip::crypto::{Random, SeededRandom};
use scrip::device::{Device, MemoryDevice, MountedTree};
use scrip::fat::Exchange;
use scrip::format::edition::RamKind;
use scrip::journal::{
    COPIES, Carry, Journal, OutboxArchive, Place, ReadError, Use, first_frames, read,
};
use serde_json::{Value, json};

use crate::second_reader;

const COPY_BYTES: u64 = 32 * 512;
const PLACE: Place = Place { starts: [0, COPY_BYTES], bytes: COPY_BYTES };
const SEEDS: u8 = 80;

struct Draw(SeededRandom);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_be_bytes(bytes) % limit
    }

    fn record(&mut self) -> Vec<u8> {
        let mut record = vec![0; usize::try_from(self.below(900)).unwrap()];
        self.0.fill(&mut record);
        record
    }
}

/// A life of a journal: sessions of appends and compactions, and damage between them.
fn lived(seed: u8, outbox: &Exchange<'_>) -> MemoryDevice {
    let mut draw = Draw(SeededRandom::new([seed; 32]));
    let device = MemoryDevice::filled(usize::try_from(2 * COPY_BYTES).unwrap(), seed);
    let first = first_frames(&[draw.record()]).unwrap();
    for start in PLACE.starts {
        device.write_at(start, &first).unwrap();
    }
    for _ in 0..4 {
        let Ok(mut journal) = Journal::open(&device, PLACE, RamKind::Rewritable) else { break };
        journal.accept_loss().unwrap();
        for _ in 0..draw.below(6) {
            let _ = journal.append(&draw.record(), Use::Keeps).map(|_| ());
        }
        if draw.below(2) == 0 {
            compact(&mut journal, &mut draw, outbox);
        }
        for _ in 0..draw.below(5) {
            let sector = draw.below(COPY_BYTES / 512) * 512;
            let copies = [0, 1].map(|_| draw.below(3) > 0);
            for (start, _) in PLACE.starts.into_iter().zip(copies).filter(|(_, hurt)| *hurt) {
                device.write_at(start + sector, &[seed; 512]).unwrap();
            }
        }
    }
    device
}

fn compact(journal: &mut Journal<&MemoryDevice>, draw: &mut Draw, outbox: &Exchange<'_>) {
    let records = journal.reading().records.clone();
    let head = usize::try_from(draw.below(records.len() as u64)).unwrap();
    let outside = records[..=head].iter().take(usize::from(draw.below(2) == 0)).cloned();
    let outside: Vec<_> = outside.collect();
    let checkpoint = [draw.record()];
    let carry = Carry { head: sha256(&records[head]), checkpoint: &checkpoint, outside: &outside };
    let _ = journal.compact(&carry, &mut OutboxArchive::new(outbox, "JOURNAL.OLD")).map(|_| ());
}

/// What we read, in the second reader's words.
fn ours(device: &MemoryDevice) -> Value {
    let hashes = |records: &[Vec<u8>]| {
        records.iter().map(|record| HEXLOWER.encode(&sha256(record))).collect::<Vec<_>>()
    };
    let lacks = |(copy, index): &(usize, u32)| json!([index, COPIES[*copy]]);
    match read(device, &PLACE) {
        Ok(found) => json!({
            "generation": found.generation,
            "records": hashes(&found.records),
            "outside": hashes(&found.outside),
            "rival": hashes(&found.rival),
            "lacking": found.repairable.iter().map(lacks).collect::<Vec<_>>(),
        }),
        Err(ReadError::Device(error)) => panic!("{error}"),
        Err(_) => json!("refused"),
    }
}

#[test]
fn the_second_reader_walks_two_banks_as_we_do() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Exchange::mounted(MountedTree::at(folder.path()));
    let lives = folder.path().join("lives");
    std::fs::create_dir(&lives).unwrap();
    let mut expected = serde_json::Map::new();
    for seed in 0..SEEDS {
        let device = lived(seed, &outbox);
        expected.insert(format!("{seed:03}"), ours(&device));
        std::fs::write(lives.join(format!("{seed:03}")), device.snapshot()).unwrap();
    }
    let count =
        |test: &dyn Fn(&Value) -> bool| expected.values().filter(|found| test(found)).count();
    let compacted = count(&|found| found["generation"].as_u64().is_some_and(|number| number > 0));
    let refused = count(&|found| found == "refused");
    let lacking = count(&|found| found["lacking"].as_array().is_some_and(|all| !all.is_empty()));
    assert!(compacted > 20 && refused > 3 && lacking > 10, "{compacted} {refused} {lacking}");
    assert_eq!(walked(&lives), Value::Object(expected));
}

fn walked(lives: &Path) -> Value {
    let output = second_reader::read(&["frames", lives.to_str().unwrap()]);
    assert!(output.status.success(), "{}", second_reader::talk(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}
