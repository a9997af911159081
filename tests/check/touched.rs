//! What ordinary use writes to a medium, and what only looks like it.

use scrip::device::{Device, MemoryDevice};
use scrip::fat::Plan;
use scrip::image::check::{Grade, Verdict};

use super::report;
use crate::world::Sample;

/// Bytes put at an offset of the read-only volume.
type Patch = (u64, Vec<u8>);

struct Bench {
    device: MemoryDevice,
    rom: u64,
    plan: Plan,
}

impl Bench {
    fn new() -> Self {
        let sample = Sample::new(43);
        let (device, rom) = (sample.burnt(), sample.sealed.layout.rom().start);
        Self { device, rom, plan: sample.sealed.plan }
    }

    fn with(&self, patches: &[Patch]) -> (Verdict, Grade, Vec<String>) {
        let mut kept = vec![];
        for (at, bytes) in patches {
            let mut old = vec![0; bytes.len()];
            self.device.read_at(self.rom + at, &mut old).unwrap();
            self.device.write_at(self.rom + at, bytes).unwrap();
            kept.push((at, old));
        }
        let report = report(&self.device);
        for (at, old) in kept.into_iter().rev() {
            self.device.write_at(self.rom + at, &old).unwrap();
        }
        let touches = report.touches.iter().map(|touch| touch.what.en().to_owned());
        let faults = report.faults.iter().map(|fault| fault.reason.en().to_owned());
        (report.verdict, report.grade(), touches.chain(faults).collect())
    }

    /// Where the 8.3 record of this name lies in the root.
    fn record(&self, short: &[u8; 11]) -> u64 {
        let start = self.plan.directories()[0].range.start;
        let is_it = |at: &u64| {
            let mut name = [0; 11];
            self.device.read_at(self.rom + at, &mut name).unwrap();
            name == *short
        };
        (start..).step_by(32).take(64).find(is_it).expect("a record of this name")
    }

    /// Where the root's first unused record lies.
    fn unused(&self) -> u64 {
        self.record(&[0; 11])
    }

    fn fat_entry(&self, copy: usize, entry: u64) -> u64 {
        self.plan.geometry().fat_offsets()[copy] + 4 * entry
    }
}

/// The access date of 2026-11-21.
const TODAY: [u8; 2] = [0x75, 0x5d];

/// A directory record without clusters, as a system leaves it on a full volume.
fn folder(short: &[u8; 11], attributes: u8) -> Vec<u8> {
    let mut record = short.to_vec();
    record.push(attributes);
    record.resize(32, 0);
    record
}

#[test]
fn what_systems_are_documented_to_write_is_touched() {
    let bench = Bench::new();
    let removed = |mut record: Vec<u8>| {
        record[0] = 0xE5;
        record
    };
    let linux = vec![(0x41, vec![1])];
    let repaired = vec![(0x41, vec![1]), (6 * 512 + 0x41, vec![1])];
    let clean_bit = |copy| (bench.fat_entry(copy, 1), vec![0xFF, 0xFF, 0xFF, 0x07]);
    let page = bench.record(b"START   HTM");
    let windows = vec![
        clean_bit(0),
        clean_bit(1),
        (page + 18, TODAY.to_vec()),
        (bench.unused(), removed(folder(b"SYSTEM~1   ", 0x16))),
    ];
    let macos = vec![
        clean_bit(0),
        clean_bit(1),
        (512 + 488, vec![0xFF; 4]),
        (512 + 492, vec![0xFF; 4]),
        (bench.record(b"CONTENT    ") + 18, TODAY.to_vec()),
        (bench.unused(), folder(b"FSEVEN~1   ", 0x12)),
    ];
    for (system, patches, words) in [
        ("linux, pulled out", linux, "not cleanly unmounted"),
        ("linux, repaired", repaired, "not cleanly unmounted"),
        ("windows", windows.clone(), "/START.HTM was read"),
        ("windows", windows, "an entry was added to / and removed again"),
        ("macos", macos[..5].to_vec(), "free clusters has changed"),
    ] {
        let (verdict, grade, told) = bench.with(&patches);
        assert_eq!((verdict, grade), (Verdict::Touched, Grade::Good), "{system}: {told:?}");
        assert!(told.iter().any(|told| told.contains(words)), "{system}: {told:?}");
    }
    // Without its long name `.fseventsd` is just a folder that somebody added.
    assert_eq!(bench.with(&macos).0, Verdict::Altered);
}

#[test]
fn a_folder_of_a_systems_own_is_touched_and_any_other_is_altered() {
    let bench = Bench::new();
    let named = |name: &str, short: &[u8; 11]| {
        let mut records = long_name(name, short);
        records.extend(folder(short, 0x10));
        vec![(bench.unused(), records)]
    };
    for (name, short) in [
        (".fseventsd", b"FSEVEN~1   "),
        (".Trashes", b"TRASHE~1   "),
        (".Trash-1000", b"TRASH-~1   "),
    ] {
        let (verdict, grade, told) = bench.with(&named(name, short));
        assert_eq!((verdict, grade), (Verdict::Touched, Grade::Good), "{told:?}");
        assert_eq!(told, [format!("/{name} was added by a system")]);
    }
    for (name, short, words) in [
        ("autorun.inf", b"AUTORUN INF", "/autorun.inf was added"),
        ("START.HTM", b"START   HTM", "/START.HTM is shadowed by a second entry"),
        (".fseventsd", b"START   HTM", "/START.HTM is shadowed by a second entry"),
    ] {
        let (verdict, grade, told) = bench.with(&named(name, short));
        assert_eq!((verdict, grade), (Verdict::Altered, Grade::Damaged), "{told:?}");
        assert_eq!(told, [words]);
    }
}

#[test]
fn a_touched_medium_with_one_changed_file_is_altered() {
    let bench = Bench::new();
    let at = bench.plan.locate("/START.HTM").unwrap();
    let (verdict, _, told) = bench.with(&[(0x41, vec![1]), (at, vec![0x00])]);
    assert_eq!(verdict, Verdict::Altered);
    assert_eq!(told.len(), 2, "{told:?}");
}

/// The long-name record of a name of at most 13 letters (FAT specification, section 7).
fn long_name(name: &str, short: &[u8; 11]) -> Vec<u8> {
    let checksum = short.iter().fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
    let mut units: Vec<u16> = name.encode_utf16().collect();
    assert!(units.len() <= 13);
    if units.len() < 13 {
        units.push(0);
    }
    units.resize(13, 0xFFFF);
    let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let mut record = vec![0x41];
    record.extend(&bytes[..10]);
    record.extend([0x0F, 0, checksum]);
    record.extend(&bytes[10..22]);
    record.extend([0, 0]);
    record.extend(&bytes[22..]);
    record
}
