//! Blocks that can't be read are named like other faults, and the rest is checked.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::slice;

use scrip::device::MemoryDevice;
use scrip::device::simulated::{Faulty, ReadFault};
use scrip::image::check::{Fault, Grade, History, Identity, Outcome, Part, Report, Verdict, check};
use scrip::image::layout::{JOURNAL_PATHS, MANIFEST_PATH, Names, SLOTS};
use scrip::image::leaves::Unwatched;
use scrip::units::MediumId;
use scrip::words::Phrase;

use super::report;
use crate::loop_device::{LoopDevice, run};
use crate::world::{Sample, THREADS, World};

const BLOCK: u64 = 4096;
const PLAYER: &str = "/players/linux-x86_64/scrip-wallet";

/// A burnt medium, and where its parts lie.
struct Bench {
    sample: Sample,
    bytes: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let sample = Sample::new(61);
        let bytes = sample.burnt().into_bytes();
        Self { sample, bytes }
    }

    /// First block of a file of the read-only area.
    fn file(&self, path: &str) -> u64 {
        let sealed = &self.sample.sealed;
        let plan = sealed.layout.rom_plan(&sealed.manifest, 0).unwrap();
        (sealed.layout.rom().start + plan.locate(path).unwrap()) / BLOCK
    }

    /// First block of a journal copy.
    fn journal(&self, copy: usize) -> u64 {
        let layout = &self.sample.sealed.layout;
        let plan = layout.ram_plan(Names::of(MediumId::from_serial(61)).ram_serial).unwrap();
        (layout.ram().start + plan.locate(JOURNAL_PATHS[copy]).unwrap()) / BLOCK
    }

    /// Check it with these blocks unreadable.
    fn without(&self, blocks: &[Range<u64>]) -> Report {
        report(&failing(self.bytes.clone(), blocks))
    }
}

fn failing(bytes: Vec<u8>, blocks: &[Range<u64>]) -> Faulty<MemoryDevice> {
    let range = |blocks: &Range<u64>| blocks.start * BLOCK..blocks.end * BLOCK;
    let faults = blocks.iter().map(|blocks| ReadFault::Unreadable(range(blocks))).collect();
    Faulty::new(MemoryDevice::from_bytes(bytes), faults)
}

fn unreadable(part: &Part, blocks: Range<u64>) -> Fault {
    Fault {
        blocks: Some(blocks),
        ..Fault::new(part.clone(), Phrase::new("unreadable", "読み取れません"))
    }
}

#[test]
fn an_unreadable_block_is_named_wherever_it_lies() {
    let bench = Bench::new();
    let layout = &bench.sample.sealed.layout;
    let block = |offset: u64| offset / BLOCK;
    let last = bench.bytes.len() as u64 / BLOCK - 1;
    let player = bench.file(PLAYER);
    let file = |path: &str| Part::File(path.to_owned());
    let mut table = vec![
        (0, Part::PartitionTable),
        (2, Part::PartitionTable),
        (100, Part::Unused),
        (block(layout.rom().start), Part::FileSystem),
        (block(layout.rom().start) + 9, Part::FileSystem),
        (player, file(PLAYER)),
        (player + 1, file(PLAYER)),
        (block(layout.rom().end) - 1, file("/SCRIP/RESERVE.BIN")),
        (block(layout.seal().start), Part::HashTree),
        (block(layout.seal().start) + 1, Part::HashTree),
        (block(layout.edition_seal().start), Part::EditionSeal),
        (block(layout.medium_seal().start), Part::MediumSeal),
        (last - 100, Part::Unused),
        (last, Part::BackupTable),
    ];
    table.extend(SLOTS.iter().map(|slot| (bench.file(slot.path), file(slot.path))));
    for (at, part) in table {
        let report = bench.without(slice::from_ref(&(at..at + 1)));
        let seen = (report.verdict, report.grade(), report.unreadable);
        assert_eq!(seen, (Verdict::Unreadable, Grade::Unreadable, 1), "{part} {at}: {report:#?}");
        assert_eq!(report.faults[0], unreadable(&part, at..at + 1), "{report:#?}");
        assert_eq!(report.faults.len(), 1, "{part} {at}: {report:#?}");
        assert!(report.touches.is_empty(), "{part} {at}: {:?}", report.touches);
    }
}

#[test]
fn what_is_altered_beside_it_is_still_found() {
    let bench = Bench::new();
    let player = bench.file(PLAYER);
    let mut bytes = bench.bytes.clone();
    let at = usize::try_from((player + 1) * BLOCK + 5).unwrap();
    bytes[at] ^= 4;
    let report = report(&failing(bytes, &[player..player + 1, player + 2..player + 3]));
    assert_eq!((report.verdict, report.grade()), (Verdict::Altered, Grade::Unreadable));
    let part = Part::File(PLAYER.to_owned());
    let [first, second, third] = report.faults.as_slice() else { panic!("{report:#?}") };
    assert_eq!(*first, unreadable(&part, player..player + 1));
    assert_eq!(*second, unreadable(&part, player + 2..player + 3));
    assert_eq!((&third.part, &third.blocks), (&part, &Some(player + 1..player + 2)));
    assert_eq!((report.fault_count, third.reason.en()), (3, "its data has changed"));
}

#[test]
fn a_journal_that_fails_in_one_copy_is_read_from_the_other() {
    let bench = Bench::new();
    let at = bench.journal(0);
    let report = bench.without(slice::from_ref(&(at..at + 2)));
    assert!(matches!(report.history, History::Repaired { .. }), "{:?}", report.history);
    assert_eq!(report.faults, [unreadable(&Part::WritableArea, at..at + 2)]);
    assert_eq!(report.grade(), Grade::Unreadable);
    let both = bench.without(&[at..at + 2, bench.journal(1)..bench.journal(1) + 2]);
    assert!(matches!(both.history, History::Damaged(_)), "{:?}", both.history);
}

#[test]
fn without_its_manifest_nothing_else_is_checked_and_the_report_says_why() {
    let bench = Bench::new();
    let at = bench.file(MANIFEST_PATH);
    for blocks in [at..at + 1, at..at + 3] {
        let report = bench.without(slice::from_ref(&blocks));
        assert_eq!((report.verdict, report.grade()), (Verdict::Unreadable, Grade::Unreadable));
        assert!(report.faults.iter().any(|fault| fault.blocks == Some(blocks.clone())));
        says_why(&report);
    }
    // The same with bytes that can be read, but aren't as signed.
    let start = usize::try_from(at * BLOCK).unwrap();
    for at in [start, start + 40, start + 200] {
        let mut bytes = bench.bytes.clone();
        bytes[at] ^= 0x10;
        let report = report(&MemoryDevice::from_bytes(bytes));
        assert_eq!((report.verdict, report.grade()), (Verdict::Altered, Grade::Damaged));
        assert_eq!(report.faults[0].part, Part::File(MANIFEST_PATH.to_owned()));
        says_why(&report);
    }
}

fn says_why(report: &Report) {
    let why = "only the manifest says what they should be, and it is damaged";
    let files = report.steps.iter().find(|step| step.what == "files").unwrap();
    assert_eq!(files.outcome, Outcome::NotChecked(why.to_owned()));
}

#[test]
fn storage_that_fails_everywhere_is_given_up() {
    let bench = Bench::new();
    for (blocks, given_up) in [(1_000..2_024, false), (1_000..2_025, true)] {
        let device = failing(bench.bytes.clone(), &[blocks]);
        let checked = check(&device, &World::new().trust(), &Identity::Image, THREADS, &Unwatched);
        assert_eq!(checked.is_err(), given_up, "{checked:?}");
    }
}

/// A file system on a loop device, with one block of a file beyond the device's end.
struct BadSector {
    device: LoopDevice,
    place: tempfile::TempDir,
}

impl BadSector {
    const BYTES: u64 = 160 << 20;
    const KEPT: u64 = 150 << 20;

    fn new(image: &Path, block: u64) -> Self {
        const HINT: &str = "apt-get install e2fsprogs mount";
        let device = LoopDevice::new(Self::BYTES);
        run(Command::new("mkfs.ext2").args(["-q", "-b", "4096"]).arg(device.file()), HINT);
        let beyond = Self::KEPT / BLOCK + 100;
        for request in [
            format!("write {} medium.img", image.display()),
            format!("set_inode_field medium.img bmap[{block}] {beyond}"),
        ] {
            run(Command::new("debugfs").args(["-w", "-R", &request]).arg(device.file()), HINT);
        }
        run(Command::new("blockdev").arg("--flushbufs").arg(device.path()), HINT);
        let place = tempfile::tempdir().unwrap();
        run(Command::new("mount").args(["-o", "ro"]).arg(device.path()).arg(place.path()), HINT);
        let backing = fs::OpenOptions::new().write(true).open(device.file()).unwrap();
        backing.set_len(Self::KEPT).unwrap();
        run(Command::new("losetup").arg("--set-capacity").arg(device.path()), HINT);
        Self { device, place }
    }
}

impl Drop for BadSector {
    fn drop(&mut self) {
        run(Command::new("umount").arg(self.device.path()), "apt-get install mount");
    }
}

#[test]
fn the_tool_names_a_bad_sector_and_ends_with_4() {
    let bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("medium.img");
    fs::write(&image, &bench.bytes).unwrap();
    fs::write(folder.path().join("trust.cbr"), &World::new().root).unwrap();
    let block = bench.file(PLAYER) + 1;
    let bad = BadSector::new(&image, block);
    let output = Command::new(env!("CARGO_BIN_EXE_scrip-verify"))
        .args(["check", "--trust", "trust.cbr", "--allow-test-root"])
        .arg(bad.place.path().join("medium.img"))
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    let fault = format!("fault             {PLAYER}: unreadable; block {block}\n");
    assert!(said.contains(&fault) && said.contains(": TEST: not wholly readable\n"), "{said}");
    assert!(said.contains("journal           sound"), "{said}");
}
