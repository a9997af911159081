//! Resealing: every documented touch is taken back, byte for byte, and nothing else is.

use std::fs;
use std::ops::Range;

use scrip::device::simulated::{Counted, StopAt, Stopping};
use scrip::device::{Device, MemoryDevice, Target};
use scrip::fat::{Plan, housekeeping_bytes};
use scrip::format::edition::Shape;
use scrip::image::check::{Identity, Reading, Report, Verdict, judge};
use scrip::image::layout::{Layout, Names};
use scrip::image::leaves::Unwatched;
use scrip::image::reseal::{Mending, ResealError, prepare};
use scrip::trust::Trust;
use scrip::units::{ByteCount, MediumId};

use crate::burn::tool;
use crate::fat::compare::{long, removed, short};
use crate::world::{Sample, THREADS, World, files, sealed_as, shape, stamped};

const MEDIUM: u64 = 61;
/// From here on a directory has 4 KiB at least, so that names can lie in two sectors.
const WIDE_MIB: u64 = 260;

/// A burnt medium and what its read-only area is to be.
struct Bench {
    device: MemoryDevice,
    reading: Reading,
    trust: Trust,
    layout: Layout,
    plan: Plan,
    root: String,
}

/// Bytes to be put somewhere in the read-only area.
type Patch = (u64, Vec<u8>);

/// Its name, what it writes, and whether an area of the smallest kind has room for it.
type Documented = (&'static str, Vec<Patch>);

impl Bench {
    fn new(rom_mib: u64) -> Self {
        let world = World::new();
        let shape = Shape { rom: ByteCount::from_bytes(rom_mib << 20), ..shape() };
        let (sealed, edition) = sealed_as(&world, shape, &files());
        let stamped = stamped(&world, &sealed, &edition, MEDIUM);
        let root = data_encoding::HEXLOWER.encode(&stamped.root);
        let sample = Sample { sealed, edition, stamped };
        let device = sample.burnt();
        let reading = Reading::take(&device, THREADS, &Unwatched).unwrap();
        let layout = sample.sealed.layout.clone();
        let serial = Names::of(MediumId::from_serial(MEDIUM)).rom_serial;
        let plan = layout.rom_plan(&sample.sealed.manifest, serial).unwrap();
        Self { device, reading, trust: world.trust(), layout, plan, root }
    }

    fn rom(&self) -> u64 {
        self.layout.rom().start
    }

    /// All bytes of the medium but the writable area's.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.layout.seal().end).unwrap()];
        self.device.read_at(0, &mut bytes).unwrap();
        bytes
    }

    fn patch(&self, patches: &[Patch]) {
        for (offset, bytes) in patches {
            self.device.write_at(self.rom() + offset, bytes).unwrap();
        }
    }

    /// The reading, with the file system's sectors and the patched ones read again.
    fn read(&self, patches: &[Patch]) -> Reading {
        let mut reading = self.reading.clone();
        let ranges = patches.iter().map(|(start, bytes)| *start..*start + bytes.len() as u64);
        for range in self.plan.metadata_ranges().into_iter().chain(ranges) {
            let range = self.rom() + range.start..self.rom() + range.end;
            reading.refresh(&self.device, range).unwrap();
        }
        reading
    }

    fn verdict(&self) -> Verdict {
        judge(&self.read(&[]), &self.device, &self.trust, &Identity::Image).unwrap().verdict
    }

    fn prepare(&self, patches: &[Patch]) -> Result<Mending, ResealError> {
        prepare(self.read(patches), &self.device, &self.trust, &Identity::Image)
    }

    fn write(&self, mending: Mending, target: &dyn Target) -> Result<Report, ResealError> {
        mending.write(target, &self.trust, &Identity::Image)
    }

    /// The records of a directory that are unused.
    fn unused(&self, path: &str) -> Range<u64> {
        let directory = self.plan.directories().iter().find(|known| known.path == path).unwrap();
        let range = directory.range.clone();
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap()];
        self.plan.read_metadata(range.start, &mut bytes);
        let used = bytes.chunks(32).position(|record| record[0] == 0).unwrap();
        range.start + used as u64 * 32..range.end
    }

    /// What systems are documented to change on a volume that nobody writes to.
    fn touches(&self) -> Vec<Documented> {
        let (root, content) = (self.unused("").start, self.unused("/CONTENT").start);
        let fats = self.plan.geometry().fat_offsets();
        let dates = housekeeping_bytes(&self.plan).into_iter();
        let dates = dates.filter(|byte| byte.mask == 0xFF && byte.offset > 8 * 512);
        let mut touches: Vec<Documented> = vec![
            ("a yank", vec![(0x41, vec![1])]),
            ("a surface test", vec![(0x41, vec![3]), (6 * 512 + 0x41, vec![1])]),
            ("Windows' dirty mark", fats.map(|fat| (fat + 7, vec![0x07])).to_vec()),
            ("Windows' clean mark", fats.map(|fat| (fat + 4, vec![0xFF; 4])).to_vec()),
            ("a count of free clusters", vec![(512 + 488, vec![0; 8])]),
            ("access dates", dates.map(|byte| (byte.offset, vec![0x5A])).collect()),
            ("a file of the Finder", vec![(content, added(".DS_Store", b"DS_STO~1   ", 0x20))]),
            ("a folder that was removed again", vec![(root, removed(windows()))]),
        ];
        let folders = [
            ("Windows' folder", windows()),
            ("Windows' bin", added("$RECYCLE.BIN", b"$RECYC~1BIN", 0x16)),
            ("macOS' index", added(".Spotlight-V100", b"SPOTLI~1   ", 0x12)),
            ("macOS' bin", added(".Trashes", b"TRASHE~1   ", 0x12)),
            ("macOS' fork of its bin", added("._.Trashes", b"_TRASH~1   ", 0x22)),
            ("macOS' log", added(".fseventsd", b"FSEVEN~1   ", 0x12)),
            ("a desktop's bin", added(".Trash-1000", b"TRASH-~1   ", 0x10)),
        ];
        touches.extend(folders.map(|(name, records)| (name, vec![(root, records)])));
        touches
    }
}

fn added(name: &str, short_name: &[u8; 11], attributes: u8) -> Vec<u8> {
    long(name, short(short_name, attributes, 0, 0))
}

fn windows() -> Vec<u8> {
    added("System Volume Information", b"SYSTEM~1   ", 0x16)
}

/// Every entry that systems add to a root, one after the other.
fn all_entries() -> Vec<u8> {
    let macos = [
        added(".Spotlight-V100", b"SPOTLI~1   ", 0x12),
        added(".Trashes", b"TRASHE~1   ", 0x12),
        added("._.Trashes", b"_TRASH~1   ", 0x22),
        added(".fseventsd", b"FSEVEN~1   ", 0x12),
    ];
    [windows(), macos.concat(), added("$RECYCLE.BIN", b"$RECYC~1BIN", 0x16)].concat()
}

#[test]
fn every_documented_touch_is_taken_back_to_the_byte() {
    let bench = Bench::new(34);
    let whole = bench.bytes();
    for (name, patches) in bench.touches() {
        bench.patch(&patches);
        let mending = bench.prepare(&patches).unwrap();
        assert_eq!(mending.report().verdict, Verdict::Touched, "{name}");
        let (planned, counted) = (mending.bytes(), Counted::new(&bench.device));
        let report = bench.write(mending, &counted).unwrap();
        assert_eq!(report.verdict, Verdict::Sealed, "{name}");
        assert_eq!(counted.counts().written_bytes, planned, "{name}");
        assert!((1..=4 << 10).contains(&planned), "{name}: {planned} bytes");
        assert!(bench.bytes() == whole, "{name}: bytes differ");
    }
}

#[test]
fn a_sealed_medium_is_left_alone() {
    let bench = Bench::new(34);
    let counted = Counted::new(&bench.device);
    let mending = bench.prepare(&[]).unwrap();
    assert_eq!((mending.bytes(), mending.report().verdict), (0, Verdict::Sealed));
    assert_eq!(bench.write(mending, &counted).unwrap().verdict, Verdict::Sealed);
    assert_eq!(counted.counts().writes, 0);
}

#[test]
fn an_altered_medium_is_refused() {
    let bench = Bench::new(34);
    let script = bench.plan.locate("/start.sh").unwrap();
    let root = bench.unused("");
    let shadow = short(b"START   HTM", 0x20, 0, 0).to_vec();
    let crowd = windows().repeat(6);
    assert!(root.end - root.start < crowd.len() as u64);
    let table: [(&str, Patch, &str); 5] = [
        ("a file", (script, vec![0]), "/start.sh: its data has changed"),
        ("a second entry", (root.start, shadow), "file system: "),
        ("a chain", (bench.plan.geometry().fat_offsets()[0] + 32, vec![0xEE]), "file system: "),
        ("more than the folder holds", (root.start, crowd), "/SCRIP/RESERVE.BIN: its data"),
        ("what no folder holds", (root.end, windows()), "/SCRIP/RESERVE.BIN: its data"),
    ];
    for (name, patch, culprit) in table {
        let end = patch.0 + patch.1.len() as u64;
        let mut before = vec![0; patch.1.len()];
        bench.device.read_at(bench.rom() + patch.0, &mut before).unwrap();
        let patches = [(0x41, vec![1]), patch];
        bench.patch(&patches);
        let told = bench.prepare(&patches).err().expect(name).to_string();
        let expected = "the verdict is altered, and only a touched medium can be resealed: ";
        let reason = told.strip_prefix(expected).unwrap_or_else(|| panic!("{name}: {told}"));
        assert!(reason.starts_with(culprit), "{name}: {told}");
        bench.device.write_at(bench.rom() + end - before.len() as u64, &before).unwrap();
    }
    let blank = MemoryDevice::zeroed(1 << 20);
    let reading = Reading::take(&blank, THREADS, &Unwatched).unwrap();
    let told = prepare(reading, &blank, &bench.trust, &Identity::Image).err().unwrap().to_string();
    assert!(told.starts_with("the verdict is not a Scrip medium"), "{told}");
}

#[test]
fn a_reseal_cut_off_anywhere_leaves_a_touched_medium_and_can_begin_anew() {
    let bench = Bench::new(WIDE_MIB);
    let whole = bench.bytes();
    let root = bench.unused("").start;
    let mut cuts = 0;
    // Each name begins at each place in a sector once, so that it also lies in two.
    for shift in 0..16 {
        let lead = removed(short(b"LEAD       ", 0x10, 0, 0).repeat(shift));
        let patches = [(root, [lead, all_entries()].concat()), (0x41, vec![1])];
        for cut in 0.. {
            bench.patch(&patches);
            let stopping = Stopping::new(&bench.device, StopAt::WriteOrFlush(cut));
            let done = bench.write(bench.prepare(&[]).unwrap(), &stopping).is_ok();
            let left = bench.verdict();
            assert!(matches!(left, Verdict::Touched | Verdict::Sealed), "{shift} {cut}: {left}");
            let again = bench.write(bench.prepare(&[]).unwrap(), &bench.device).unwrap();
            assert_eq!(again.verdict, Verdict::Sealed, "shift {shift}, cut {cut}");
            if done {
                break;
            }
            cuts += 1;
        }
    }
    assert!(bench.bytes() == whole);
    assert!(cuts > 60, "only {cuts} writes and flushes were cut off");
}

#[test]
fn veritysetup_agrees_with_a_resealed_medium() {
    let bench = Bench::new(WIDE_MIB);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    bench.patch(&[(0x41, vec![1]), (bench.unused("").start, all_entries())]);
    bench.write(bench.prepare(&[]).unwrap(), &bench.device).unwrap();
    let bytes = bench.bytes();
    for (name, range) in [("rom", bench.layout.rom()), ("seal", bench.layout.seal())] {
        let part = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        fs::write(text(name), &bytes[part]).unwrap();
    }
    tool("veritysetup", &["verify", &text("rom"), &text("seal"), &bench.root]);
}
