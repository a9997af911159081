//! Burns that are cut off: what stands there never looks whole, and resuming ends in the same bytes.

use std::sync::atomic::{AtomicBool, Ordering};

use scrip::device::simulated::{StopAt, Stopping};
use scrip::device::{Device, MemoryDevice};
use scrip::image::burn::{BurnError, Care, Follow, Held, Start, Step};
use scrip::image::check::{Identity, Part, Report, Verdict, check};
use scrip::image::leaves::{Unwatched, Watch};
use scrip::units::MediumId;

use crate::world::{Sample, THREADS, Unfollowed, World, stamped};

/// Zeroing first and last MiB, and the flush: before them a former owner's medium still stands.
const BLANKED: u64 = 3;
/// Hears that the body is right.
#[derive(Default)]
struct Heard(AtomicBool);

impl Follow for Heard {
    fn step(&self, _: Step, _: u64) {}

    fn watch(&self) -> &dyn Watch {
        &Unwatched
    }

    fn verified(&self) -> Result<(), Held> {
        self.0.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// One medium to be burnt over another, whole one of the same edition.
struct Bench {
    world: World,
    sample: Sample,
    former: Vec<u8>,
    whole: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let (world, sample) = (World::new(), Sample::new(3));
        let before = stamped(&world, &sample.sealed, &sample.edition, 4);
        let before = Sample { stamped: before, ..Sample::new(3) }.burnt().into_bytes();
        let over = MemoryDevice::from_bytes(before.clone());
        sample.burn_to(&over);
        Self { world, sample, former: before, whole: over.into_bytes() }
    }

    fn check(&self, device: &dyn Device) -> Report {
        check(device, &self.world.trust(), &Identity::Image, THREADS, &Unwatched).unwrap()
    }

    fn resume(&self, device: &MemoryDevice) {
        let care = Care { start: Start::Resumed, ..Care::FRESH };
        self.sample.burn().run(device, &care, &Unfollowed).unwrap();
    }
}

/// Does anything here look like a partition table to any system?
fn lists_a_partition(found: &[u8]) -> bool {
    let header = |at: usize| found[at..at + 8] == *b"EFI PART";
    header(512) || header(found.len() - 512) || found[510..512] == [0x55, 0xaa]
}

#[test]
fn a_burn_cut_off_at_any_write_or_flush_never_looks_whole_and_resumes_to_the_same_bytes() {
    let bench = Bench::new();
    let (mut cut, mut states) = (0, (0, 0, 0));
    loop {
        let device = MemoryDevice::from_bytes(bench.former.clone());
        let stopping = Stopping::new(&device, StopAt::WriteOrFlush(cut))
            .tearing([0, 1, 3, 40][usize::try_from(cut % 4).unwrap()]);
        let heard = Heard::default();
        let burnt = bench.sample.burn().run(&stopping, &Care::FRESH, &heard);
        let verified = heard.0.load(Ordering::SeqCst);
        let report = bench.check(&device);
        judge(&bench, &report, &device.snapshot(), cut, verified, &mut states);
        if burnt.is_ok() {
            assert_eq!(report.verdict, Verdict::Sealed);
            break;
        }
        bench.resume(&device);
        assert!(device.into_bytes() == bench.whole, "resumed after a stop at {cut}");
        cut += 1;
    }
    let (blank, partly, whole) = states;
    assert!(blank > 40 && partly >= 3 && whole >= 1, "states seen: {states:?}");
}

/// A stopped burn is blank until its body was verified; then it has some tables, or is whole.
fn judge(
    bench: &Bench,
    report: &Report,
    found: &[u8],
    cut: u64,
    verified: bool,
    (blank, partly, whole): &mut (u32, u32, u32),
) {
    let ours = report.medium.as_ref().is_some_and(|m| m.number == MediumId::from_serial(3));
    if cut < BLANKED {
        let sealed = report.verdict == Verdict::Sealed;
        assert!(!ours && (!sealed || found == bench.former), "cut at {cut}: {report:?}");
        return;
    }
    if !verified {
        assert!(!lists_a_partition(found), "cut at {cut}: a partition is listed");
        assert!(!matches!(report.verdict, Verdict::Sealed | Verdict::Touched), "cut at {cut}");
        *blank += 1;
        return;
    }
    let body = 1 << 20..found.len() - (1 << 20);
    assert!(found[body.clone()] == bench.whole[body], "cut at {cut}: verified, and yet wrong");
    if report.verdict == Verdict::Sealed {
        assert!(found == bench.whole);
        *whole += 1;
        return;
    }
    let tables = [Part::PartitionTable, Part::BackupTable];
    let only_tables = report.faults.iter().all(|fault| tables.contains(&fault.part));
    assert!(ours && only_tables, "cut at {cut}: {report:?}");
    *partly += 1;
}

#[test]
fn a_burn_that_is_asked_to_stop_leaves_a_blank_medium() {
    struct Stop(AtomicBool);
    impl Watch for Stop {
        fn progress(&self, done: u64, _: u64) {
            self.0.fetch_or(done > 10 << 20, Ordering::SeqCst);
        }
        fn stopped(&self) -> bool {
            self.0.load(Ordering::SeqCst)
        }
    }
    struct At(Step, Stop, AtomicBool);
    impl Follow for At {
        fn step(&self, step: Step, _: u64) {
            self.2.store(step == self.0, Ordering::SeqCst);
        }
        fn watch(&self) -> &dyn Watch {
            if self.2.load(Ordering::SeqCst) { &self.1 } else { &Unwatched }
        }
    }
    let bench = Bench::new();
    for (step, start) in [
        (Step::Writing, Start::Fresh),
        (Step::ReadingBack, Start::Fresh),
        (Step::Resuming, Start::Resumed),
    ] {
        let device = MemoryDevice::from_bytes(bench.whole.clone());
        let follow = At(step, Stop(AtomicBool::new(false)), AtomicBool::new(false));
        let care = Care { start, ..Care::FRESH };
        let stopped = bench.sample.burn().run(&device, &care, &follow);
        assert!(matches!(stopped, Err(BurnError::Interrupted)), "{step:?}: {stopped:?}");
        assert!(!lists_a_partition(&device.snapshot()), "{step:?}");
        bench.resume(&device);
        assert!(device.into_bytes() == bench.whole, "{step:?}");
    }
}

#[test]
fn a_burn_that_is_held_back_stays_blank_though_its_body_is_right() {
    struct Holding;
    impl Follow for Holding {
        fn step(&self, _: Step, _: u64) {}
        fn watch(&self) -> &dyn Watch {
            &Unwatched
        }
        fn verified(&self) -> Result<(), Held> {
            Err("the label could not be written".into())
        }
    }
    let bench = Bench::new();
    let device = MemoryDevice::from_bytes(bench.former.clone());
    let held = bench.sample.burn().run(&device, &Care::FRESH, &Holding).unwrap_err();
    assert_eq!(held.to_string(), "the label could not be written");
    assert!(!lists_a_partition(&device.snapshot()));
    assert_ne!(bench.check(&device).verdict, Verdict::Sealed);
    bench.resume(&device);
    assert!(device.into_bytes() == bench.whole);
}
