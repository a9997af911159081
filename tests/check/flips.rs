//! Every flipped bit is seen, named and judged.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use scrip::crypto::{Random, SeededRandom};
use scrip::device::{Access, Device, Existing, FileDevice, MemoryDevice};
use scrip::fat::{Plan, Role, housekeeping_bytes};
use scrip::image::build::Prepared;
use scrip::image::burn::{Burn, Care};
use scrip::image::check::{Grade, Identity, Part, Reading, Report, Verdict, judge};
use scrip::image::layout::{Layout, Names, RESERVE_PATH};
use scrip::image::leaves::Unwatched;
use scrip::image::player::Platform;
use scrip::image::sealed::{SealedEdition, open_sealed, sign_edition};
use scrip::trust::Trust;
use scrip::units::MediumId;

use crate::build::{named, static_player};
use crate::world::{Sample, THREADS, Unfollowed, World, stamped};

const MEDIUM: u64 = 40;
const FLIPS: u64 = 10_000;

/// A burnt medium that was read once, and what its bytes belong to.
struct Bench<D> {
    device: D,
    reading: Reading,
    trust: Trust,
    layout: Layout,
    plan: Plan,
    /// Bits that ordinary use changes, by byte of the medium.
    listed: HashMap<u64, u8>,
}

impl Bench<MemoryDevice> {
    fn new() -> Self {
        let sample = Sample::new(MEDIUM);
        let device = sample.burnt();
        Self::of(&sample.sealed, device)
    }

    fn copy(&self) -> Self {
        Self {
            device: MemoryDevice::from_bytes(self.device.snapshot()),
            reading: self.reading.clone(),
            trust: self.trust.clone(),
            layout: self.layout.clone(),
            plan: self.plan.clone(),
            listed: self.listed.clone(),
        }
    }
}

impl<D: Device> Bench<D> {
    /// Read a burnt medium of number [`MEDIUM`].
    fn of(sealed: &SealedEdition, device: D) -> Self {
        let reading = Reading::take(&device, THREADS, &Unwatched).unwrap();
        let layout = sealed.layout.clone();
        let serial = Names::of(MediumId::from_serial(MEDIUM)).rom_serial;
        let plan = layout.rom_plan(&sealed.manifest, serial).unwrap();
        let start = layout.rom().start;
        let bytes = housekeeping_bytes(&plan).into_iter();
        let listed = bytes.map(|byte| (start + byte.offset, byte.mask)).collect();
        Self { device, reading, trust: World::new().trust(), layout, plan, listed }
    }

    /// What is said of the medium with some bits of a byte flipped; they are flipped back.
    fn flipped(&mut self, at: u64, mask: u8) -> Report {
        let mut byte = [0];
        self.device.read_at(at, &mut byte).unwrap();
        self.device.write_at(at, &[byte[0] ^ mask]).unwrap();
        self.reading.refresh(&self.device, at..at + 1).unwrap();
        let report = judge(&self.reading, &self.device, &self.trust, &Identity::Image).unwrap();
        self.device.write_at(at, &byte).unwrap();
        self.reading.refresh(&self.device, at..at + 1).unwrap();
        report
    }

    /// The file whose data a byte of the medium is, if it is a file's.
    fn file(&self, at: u64) -> Option<&str> {
        let offset = at.checked_sub(self.layout.rom().start)?;
        if at >= self.layout.rom().end {
            return None;
        }
        let inside = |range: &Range<u64>| range.contains(&offset);
        if self.plan.metadata_ranges().iter().any(inside) {
            return None;
        }
        let cluster = self.plan.geometry().cluster_bytes();
        let placed = self.plan.files().iter().filter(|file| file.role == Role::Content);
        let own =
            placed.filter_map(|file| Some((file.offset_bytes?, file))).find(|(start, file)| {
                (*start..start + file.size_bytes.next_multiple_of(cluster)).contains(&offset)
            });
        Some(own.map_or(RESERVE_PATH, |(_, file)| file.path.as_str()))
    }

    /// Stretches of the medium that flips are drawn from alike: what is small and has rules of its
    /// own, and all but the writable area.
    fn strata(&self) -> Vec<Vec<Range<u64>>> {
        let (rom, seal) = (self.layout.rom(), self.layout.seal());
        let last = self.device.len_bytes();
        let shift = |range: Range<u64>| rom.start + range.start..rom.start + range.end;
        let files = self
            .plan
            .files()
            .iter()
            .filter_map(|file| Some(file.offset_bytes?..file.offset_bytes? + file.size_bytes));
        let ends = self.plan.directories().iter().map(|directory| directory.range.end);
        let files_end = self.plan.files().iter().filter(|file| file.role == Role::Content);
        let files_end = files_end.filter_map(|file| Some(file.offset_bytes? + file.size_bytes));
        let behind = ends.chain(files_end).map(|end| end..end.next_multiple_of(4096)).map(shift);
        vec![
            behind.filter(|range| !range.is_empty()).collect(),
            vec![0..seal.end, last - (1 << 20)..last],
            files.map(shift).collect(),
            self.plan.metadata_ranges().into_iter().map(shift).collect(),
            vec![0..17_408, last - 16_896..last, seal.start..seal.start + (80 << 12)],
            vec![self.layout.edition_seal(), self.layout.medium_seal()],
        ]
    }
}

/// Draw a bit from some stretches.
fn draw(rng: &mut SeededRandom, stretches: &[Range<u64>]) -> (u64, u8) {
    let mut bytes = [0; 9];
    rng.fill(&mut bytes);
    let total: u64 = stretches.iter().map(|range| range.end - range.start).sum();
    let mut place = u64::from_le_bytes(*bytes[1..].first_chunk().unwrap()) % total;
    for range in stretches {
        let length = range.end - range.start;
        if place < length {
            return (range.start + place, 1 << (bytes[0] % 8));
        }
        place -= length;
    }
    unreachable!("the place is below the sum")
}

fn run<D: Device>(bench: &mut Bench<D>, seed: u8, flips: u64) -> u64 {
    let mut rng = SeededRandom::new([seed; 32]);
    let mut strata = bench.strata();
    // With clusters of a block nothing lies behind a directory.
    strata.retain(|stretches| !stretches.is_empty());
    let mut named = 0;
    for turn in 0.. {
        if turn == flips {
            break;
        }
        let stratum = &strata[usize::try_from(turn).unwrap() % strata.len()];
        let (at, mask) = loop {
            let (at, mask) = draw(&mut rng, stratum);
            if bench.listed.get(&at).is_none_or(|listed| listed & mask == 0) {
                break (at, mask);
            }
        };
        let report = bench.flipped(at, mask);
        let place = || format!("seed {seed}, byte {at}, mask {mask:#04x}: {report:#?}");
        let judged = (report.verdict, report.grade());
        assert_eq!(judged, (Verdict::Altered, Grade::Damaged), "{}", place());
        if let Some(path) = bench.file(at) {
            let part = Part::File(path.to_owned());
            assert!(report.faults.iter().any(|fault| fault.part == part), "{path}: {}", place());
            named += 1;
        }
    }
    named
}

#[test]
fn ten_thousand_flipped_bits_are_altered_and_the_file_is_named() {
    let mut bench = Bench::new();
    let mut other = bench.copy();
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| run(&mut bench, 1, FLIPS / 2));
        let second = run(&mut other, 2, FLIPS / 2);
        (first.join().unwrap(), second)
    });
    assert!(first + second > 3_000, "{first} and {second} flips lay in files");
}

#[test]
fn a_hundred_flipped_bits_of_the_starter_are_altered_and_the_file_is_named() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    let path = |name: &str| folder.path().join(name);
    let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("images/starter");
    std::fs::write(path("player"), static_player()).unwrap();
    let players = [named(Platform::LinuxX86_64, &path("player"))];
    let prepared = Prepared::read(&starter, &players, None).unwrap();
    prepared.write(&path("edition"), Existing::Refuse, THREADS, &Unwatched).unwrap();
    let edition = FileDevice::open(&path("edition"), Access::Write).unwrap();
    sign_edition(&edition, &world.rom_signer, &world.rom_chain, THREADS, &Unwatched).unwrap();
    let sealed = open_sealed(&edition, &world.trust(), THREADS, &Unwatched).unwrap();
    let stamped = stamped(&world, &sealed, &edition, MEDIUM);
    let length = sealed.layout.medium_bytes();
    let device = FileDevice::create(&path("medium"), length, Existing::Refuse).unwrap();
    let burn = Burn { sealed: &sealed, edition: &edition, stamped: &stamped };
    burn.run(&device, &Care::FRESH, &Unfollowed).unwrap();
    let mut bench = Bench::of(&sealed, device);
    let report = bench.flipped(bench.layout.ram().start, 1);
    assert_eq!((report.verdict, report.grade()), (Verdict::Sealed, Grade::Good), "{report:#?}");
    assert!(run(&mut bench, 4, 100) > 20);
}

#[test]
fn each_listed_bit_is_touched() {
    let mut bench = Bench::new();
    let mut listed: Vec<_> = bench.listed.clone().into_iter().collect();
    listed.sort_unstable();
    assert!(listed.len() > 60, "{} bytes are listed", listed.len());
    for (at, mask) in listed {
        for mask in [mask, mask & mask.wrapping_neg()] {
            let report = bench.flipped(at, mask);
            let seen = (report.verdict, report.grade());
            assert_eq!(seen, (Verdict::Touched, Grade::Good), "byte {at}: {report:#?}");
            assert!(!report.touches.is_empty());
        }
    }
}

#[test]
fn scribbled_stretches_are_altered() {
    let mut bench = Bench::new();
    let mut rng = SeededRandom::new([6; 32]);
    let whole = [0..bench.layout.seal().end, bench.layout.ram().end..bench.device.len_bytes()];
    for turn in 0..200 {
        let at = draw(&mut rng, &whole).0;
        let end = if at < whole[0].end { whole[0].end } else { whole[1].end };
        let mut bytes = vec![0; usize::try_from((end - at).min(1 << (turn % 18))).unwrap()];
        if turn % 3 > 0 {
            rng.fill(&mut bytes);
        }
        let mut kept = vec![0; bytes.len()];
        bench.device.read_at(at, &mut kept).unwrap();
        let range = at..at + bytes.len() as u64;
        bench.device.write_at(at, &bytes).unwrap();
        bench.reading.refresh(&bench.device, range.clone()).unwrap();
        let report = judge(&bench.reading, &bench.device, &bench.trust, &Identity::Image).unwrap();
        let expected = if kept == bytes { Verdict::Sealed } else { Verdict::Altered };
        assert_eq!(report.verdict, expected, "{range:?}: {report:#?}");
        bench.device.write_at(at, &kept).unwrap();
        bench.reading.refresh(&bench.device, range).unwrap();
    }
}

#[test]
fn flips_in_the_writable_area_leave_the_verdict() {
    let mut bench = Bench::new();
    let mut rng = SeededRandom::new([3; 32]);
    let ram = bench.layout.ram();
    for _ in 0..300 {
        let (at, mask) = draw(&mut rng, std::slice::from_ref(&ram));
        assert_eq!(bench.flipped(at, mask).verdict, Verdict::Sealed, "byte {at}");
    }
}
