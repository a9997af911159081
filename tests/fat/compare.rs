//! What may differ between a volume and its plan, byte by byte.

use std::fs;
use std::io;
use std::process::Command;

use scrip::device::{Device, MemoryDevice};
use scrip::fat::{
    Contents, Entry, Geometry, Kind, Label, Options, Plan, What, compare, compare_within,
    housekeeping_bytes, plan,
};
use tempfile::TempDir;

/// Files that all hold the letter x.
struct Letters;

impl Contents for Letters {
    fn read_at(&self, _file: usize, _offset: u64, buf: &mut [u8]) -> io::Result<()> {
        buf.fill(b'x');
        Ok(())
    }
}

/// A sealed volume of the smallest kind with a few files of each sort of name.
fn sealed_plan() -> Plan {
    plan_of(34 << 20, &Options::sealed("/SCRIP/RESERVE.BIN"))
}

fn plan_of(volume_bytes: u64, options: &Options) -> Plan {
    let paths = [
        ("/START.HTM", 5_000),
        ("/start script.sh", 600),
        ("/SCRIP/MANIFEST.CBR", 16_384),
        ("/SCRIP/MEDIUM/SLOT.CBR", 4_096),
        ("/CONTENT/a text with a long name.htm", 70_000),
        ("/CONTENT/empty", 0),
    ];
    let entry = |(path, size_bytes): (&str, u64)| Entry { path: path.to_owned(), size_bytes };
    let label = Label::new("SCRIP").expect("a label");
    let geometry = Geometry::new(volume_bytes, 2_048, label, 7).expect("a volume");
    plan(&geometry, paths.map(entry).to_vec(), options).expect("a plan")
}

fn volume(plan: &Plan) -> MemoryDevice {
    let len = usize::try_from(plan.geometry().volume_bytes()).expect("a small volume");
    let mut bytes = vec![0xA5; len];
    plan.read_at(0, &mut bytes, &Letters).expect("the volume");
    MemoryDevice::from_bytes(bytes)
}

fn byte(volume: &MemoryDevice, offset: u64) -> u8 {
    let mut byte = [0];
    volume.read_at(offset, &mut byte).expect("a byte");
    byte[0]
}

/// Bytes to put at an offset.
type Patch<'a> = (u64, &'a [u8]);

/// Put `bytes` at `offset`, list what differs, and put back what was there.
fn differences_with(plan: &Plan, volume: &MemoryDevice, patches: &[Patch]) -> Vec<What> {
    let mut before = Vec::new();
    for (offset, bytes) in patches {
        let mut old = vec![0; bytes.len()];
        volume.read_at(*offset, &mut old).expect("what was there");
        volume.write_at(*offset, bytes).expect("a patch");
        before.push((*offset, old));
    }
    let found = compare(plan, volume).expect("a comparison");
    for (offset, old) in before.iter().rev() {
        volume.write_at(*offset, old).expect("what was there");
    }
    found.differences().iter().map(|difference| difference.what.clone()).collect()
}

/// Offset of the directory `path`, and number of bytes of its planned records.
fn directory(plan: &Plan, path: &str) -> u64 {
    let found = plan.directories().iter().find(|directory| directory.path == path);
    found.expect("a directory").range.start
}

/// Offset of the record of the 8.3 name `short` in the directory `path`.
fn record(plan: &Plan, volume: &MemoryDevice, path: &str, short: &[u8; 11]) -> u64 {
    let start = directory(plan, path);
    let is_it = |offset: &u64| {
        let mut name = [0; 11];
        volume.read_at(*offset, &mut name).expect("a record");
        name == *short
    };
    (start..).step_by(32).take(16).find(is_it).expect("a record of the name")
}

/// Offset of the first unused record of the directory `path`.
fn unused(plan: &Plan, volume: &MemoryDevice, path: &str) -> u64 {
    let start = directory(plan, path);
    (start..).step_by(32).find(|offset| byte(volume, *offset) == 0).expect("an unused record")
}

fn owned(path: &str) -> String {
    path.to_owned()
}

#[test]
fn a_volume_as_planned_has_no_difference() {
    for volume_bytes in [34 << 20, 260 << 20] {
        for options in [Options::sealed("/R.BIN"), Options::writable()] {
            let plan = plan_of(volume_bytes, &options);
            let found = compare(&plan, &volume(&plan)).expect("a comparison");
            assert_eq!((found.gravest(), found.differences()), (None, &[][..]));
        }
    }
}

#[test]
fn each_listed_bit_is_housekeeping_and_each_other_bit_of_metadata_is_altered() {
    let plan = sealed_plan();
    let volume = volume(&plan);
    let listed = housekeeping_bytes(&plan);
    let mask_of = |offset| {
        let at = listed.binary_search_by_key(&offset, |byte| byte.offset);
        at.map_or(0, |at| listed[at].mask)
    };
    let fats = plan.geometry().fat_offsets();
    let (mut touched, mut altered) = (0, 0);
    for range in plan.metadata_ranges() {
        for offset in range {
            // All of the sectors in front and of the directories, the FATs' ends and samples.
            let within_fat =
                offset.checked_sub(fats[0]).map_or(0, |at| at % plan.geometry().fat_bytes());
            let in_fats = (fats[0]..plan.geometry().data_offset()).contains(&offset);
            if in_fats
                && (200..plan.geometry().fat_bytes() - 200).contains(&within_fat)
                && offset % 1_009 != 0
            {
                continue;
            }
            let before = byte(&volume, offset);
            for bit in 0..8 {
                volume.write_at(offset, &[before ^ 1 << bit]).expect("a flip");
                let found =
                    compare_within(&plan, &volume, offset..offset + 1).expect("a comparison");
                let listed = mask_of(offset) & 1 << bit != 0;
                let expected = if listed { Kind::Housekeeping } else { Kind::Altered };
                assert_eq!(
                    found.gravest(),
                    Some(expected),
                    "bit {bit} of byte {offset}: {found:?}"
                );
                let covered = found.differences().iter().any(|d| d.range.contains(&offset));
                assert!(covered, "bit {bit} of byte {offset}: {found:?}");
                *(if listed { &mut touched } else { &mut altered }) += 1;
            }
            volume.write_at(offset, &[before]).expect("the old byte");
        }
    }
    assert!(altered > 100_000, "{altered} flips");
    assert_eq!(touched, listed.iter().map(|byte| byte.mask.count_ones()).sum::<u32>());
    assert_eq!(compare(&plan, &volume).expect("a comparison").gravest(), None);
}

#[test]
fn all_listed_bytes_at_once_are_touched_and_the_plan_puts_them_back() {
    let plan = sealed_plan();
    let volume = volume(&plan);
    let pristine = volume.snapshot();
    for listed in housekeeping_bytes(&plan) {
        let changed = byte(&volume, listed.offset) ^ listed.mask;
        volume.write_at(listed.offset, &[changed]).expect("a change");
    }
    let found = compare(&plan, &volume).expect("a comparison");
    assert_eq!(found.gravest(), Some(Kind::Housekeeping));
    let read = What::AccessDate { path: owned("/CONTENT/a text with a long name.htm") };
    assert!(found.differences().iter().any(|difference| difference.what == read));
    for difference in found.differences() {
        let mut planned =
            vec![0; usize::try_from(difference.range.end - difference.range.start).expect("small")];
        plan.read_at(difference.range.start, &mut planned, &Letters).expect("planned bytes");
        volume.write_at(difference.range.start, &planned).expect("planned bytes");
    }
    assert!(volume.into_bytes() == pristine);
}

#[test]
fn what_systems_write_to_a_volume_in_use_is_touched() {
    let plan = sealed_plan();
    let volume = volume(&plan);
    let [first, second] = plan.geometry().fat_offsets();
    let content = record(&plan, &volume, "", b"CONTENT    ");
    let dot = directory(&plan, "/CONTENT");
    let table: [(&[Patch], &[What]); 5] = [
        // Linux: mounted read-write and pulled out; a directory was read on 2026-11-21.
        (
            &[(0x41, &[1]), (content + 18, &[0x75, 0x5D])],
            &[What::DirtyMark, What::AccessDate { path: owned("/CONTENT") }],
        ),
        // Windows: dirty with surface test, FAT entry 1 in both copies, FSInfo hints.
        (
            &[
                (0x41, &[3]),
                (512 + 492, &[9, 0, 0, 0]),
                (first + 4, &[0xFF, 0xFF, 0xFF, 0x7F]),
                (second + 4, &[0xFF, 0xFF, 0xFF, 0x7F]),
            ],
            &[What::DirtyMark, What::FreeSpaceHint, What::DirtyMark, What::DirtyMark],
        ),
        // Windows: clean again.
        (&[(first + 4, &[0xFF; 4]), (second + 4, &[0xFF; 4])], &[What::DirtyMark, What::DirtyMark]),
        // Linux: an entry was added to a directory and removed again.
        (
            &[(content + 22, &[0, 0x60, 0x75, 0x5D])],
            &[What::DirectoryTime { path: owned("/CONTENT") }],
        ),
        // macOS: the dirty bit in the first FAT, a directory's date in its own first record.
        (
            &[(first + 7, &[0x07]), (dot + 18, &[0x75, 0x5D])],
            &[What::DirtyMark, What::AccessDate { path: owned("/CONTENT/") }],
        ),
    ];
    for (patches, expected) in table {
        assert_eq!(differences_with(&plan, &volume, patches), expected);
    }
}

#[test]
fn each_alteration_is_named() {
    let plan = sealed_plan();
    let volume = volume(&plan);
    let start = record(&plan, &volume, "", b"START   HTM");
    let script = record(&plan, &volume, "", b"STARTS~1SH ");
    let label = record(&plan, &volume, "", b"SCRIP      ");
    let path = || owned("/START.HTM");
    let first_cluster =
        (plan.locate("/START.HTM").expect("a place") - plan.geometry().data_offset()) / 512 + 2;
    let chain = plan.geometry().fat_offsets()[1] + first_cluster * 4;
    let fat_end = plan.geometry().data_offset() - 1;
    let table: [(u64, &[u8], What); 20] = [
        (start, &[0xE5], What::Missing { path: path() }),
        (start, &[0], What::Missing { path: path() }),
        (start + 4, b"S", What::Renamed { path: path() }),
        (start + 12, &[8], What::Renamed { path: path() }),
        (script - 32 + 3, b"T", What::Renamed { path: owned("/start script.sh") }),
        (script - 64, &[0xE5], What::Missing { path: owned("/start script.sh") }),
        (start + 11, &[0], What::Attributes { path: path() }),
        (start + 11, &[0x21], What::Attributes { path: path() }),
        (start + 14, &[1], What::Time { path: path() }),
        (start + 24, &[1], What::Time { path: path() }),
        (start + 20, &[1], What::FirstCluster { path: path() }),
        (start + 26, &[1], What::FirstCluster { path: path() }),
        (start + 28, &[1], What::Size { path: path() }),
        (label + 1, b"X", What::Label),
        (chain, &[0, 0, 0, 0], What::Chain { path: path() }),
        (fat_end, &[1], What::UnusedFatEntry),
        (13, &[2], What::BootSector { field: "BPB_SecPerClus" }),
        (6 * 512 + 100, &[1], What::BootSector { field: "boot code" }),
        (7 * 512 + 488, &[1], What::InfoSector),
        (9 * 512, &[1], What::ReservedSector),
    ];
    for (offset, bytes, what) in table {
        assert_eq!(what.kind(), Kind::Altered);
        assert_eq!(differences_with(&plan, &volume, &[(offset, bytes)]), [what]);
    }
}

/// A record with an 8.3 name.
pub(crate) fn short(name: &[u8; 11], attributes: u8, first_cluster: u16, size: u8) -> [u8; 32] {
    let mut record = [0; 32];
    record[..11].copy_from_slice(name);
    record[11] = attributes;
    record[26..28].copy_from_slice(&first_cluster.to_le_bytes());
    record[28] = size;
    record
}

/// The records of `name` with `short` behind it.
pub(crate) fn long(name: &str, short: [u8; 32]) -> Vec<u8> {
    let sum = short[..11].iter().fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
    let mut units: Vec<u16> = name.encode_utf16().chain([0]).collect();
    units.resize(units.len().next_multiple_of(13), 0xFFFF);
    let mut records = Vec::new();
    let parts = units.len() / 13;
    for (index, part) in units.chunks(13).enumerate().rev() {
        let number = u8::try_from(index + 1).expect("a short name");
        let mut record = [0; 32];
        record[0] = number | if index + 1 == parts { 0x40 } else { 0 };
        (record[11], record[13]) = (0x0F, sum);
        for (at, unit) in [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30].into_iter().zip(part) {
            record[at..at + 2].copy_from_slice(&unit.to_le_bytes());
        }
        records.extend(record);
    }
    records.extend(short);
    records
}

/// The same records, removed.
pub(crate) fn removed(mut records: Vec<u8>) -> Vec<u8> {
    records.chunks_mut(32).for_each(|record| record[0] = 0xE5);
    records
}

#[test]
fn entries_that_systems_add_are_additions_and_all_others_are_altered() {
    let plan = sealed_plan();
    let volume = volume(&plan);
    let (root, content) = (unused(&plan, &volume, ""), unused(&plan, &volume, "/CONTENT"));
    let svi = || long("System Volume Information", short(b"SYSTEM~1   ", 0x16, 0, 0));
    let system = |path: &str| What::SystemEntry { path: owned(path) };
    let other = |path: &str| What::OtherEntry { path: owned(path) };
    let shadow = |path: &str| What::Shadowed { path: owned(path) };
    let gone = || What::RemovedEntry { directory: owned("/") };
    let stray = || What::UnusedRecord { directory: owned("/") };
    let two = [svi(), long(".Trashes", short(b"TRASHE~1   ", 0x12, 0, 0))].concat();
    let behind = [vec![0; 32], svi()].concat();
    let mut foreign = svi()[..32].to_vec();
    foreign[26] = 1;
    let table: Vec<(u64, Vec<u8>, Vec<What>)> = vec![
        (root, svi(), vec![system("/System Volume Information")]),
        (root, two, vec![system("/System Volume Information"), system("/.Trashes")]),
        (root, short(b"$RECYCLEBIN", 0x16, 0, 0).to_vec(), vec![system("/$RECYCLE.BIN")]),
        (
            root,
            long(".Trash-1000", short(b"TRASH-~1   ", 0x10, 0, 0)),
            vec![system("/.Trash-1000")],
        ),
        (
            content,
            long(".DS_Store", short(b"DS_STO~1   ", 0x20, 0, 0)),
            vec![system("/CONTENT/.DS_Store")],
        ),
        (root, removed(svi()), vec![gone()]),
        // Not on the list, or not where it belongs, or not as systems write it.
        (content, svi(), vec![other("/CONTENT/System Volume Information")]),
        (root, long(".Trash-x", short(b"TRASH-~1   ", 0x10, 0, 0)), vec![other("/.Trash-x")]),
        (root, long(".trashes", short(b"TRASHE~1   ", 0x10, 0, 0)), vec![other("/.trashes")]),
        (root, short(b"PLAYER  EXE", 0x20, 0, 0).to_vec(), vec![other("/PLAYER.EXE")]),
        (root, long("tab\tname", short(b"TAB_NA~1   ", 0x20, 0, 0)), vec![other("/tab\\tname")]),
        (root, long(".Trashes", short(b"TRASHE~1   ", 0x20, 9, 1)), vec![other("/.Trashes")]),
        (root, long(".Trashes", short(b"TRASHE~1   ", 0x20, 0, 1)), vec![other("/.Trashes")]),
        (root, long(".Trashes", short(b"TRASHE~1   ", 0x28, 0, 0)), vec![other("/.Trashes")]),
        // A second entry of a planned name, by either of its names.
        (root, short(b"START   HTM", 0x20, 0, 0).to_vec(), vec![shadow("/START.HTM")]),
        (root, long("Start.htm", short(b"X          ", 0x20, 0, 0)), vec![shadow("/START.HTM")]),
        (
            root,
            long(".Trashes", short(b"STARTS~1SH ", 0x20, 0, 0)),
            vec![shadow("/start script.sh")],
        ),
        // Parts of a name that an interrupted system leaves, also where they aren't whole.
        (root, svi()[..64].to_vec(), vec![gone()]),
        (root, svi()[..32].to_vec(), vec![gone()]),
        (root, foreign, vec![stray()]),
        // A name without its first part, and bytes behind the end.
        (root, svi()[32..].to_vec(), vec![gone(), other("/SYSTEM~1")]),
        (root, behind, vec![stray(); 66]),
    ];
    for (offset, bytes, expected) in table {
        let found = differences_with(&plan, &volume, &[(offset, &bytes)]);
        if expected.len() == 66 {
            assert!(found.iter().all(|what| *what == stray()) && !found.is_empty());
        } else {
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn free_clusters_may_be_taken_and_hold_what_systems_add() {
    let plan = plan_of(34 << 20, &Options::writable());
    let volume = volume(&plan);
    let root = unused(&plan, &volume, "");
    let entry = plan.geometry().fat_offsets()[0] + 40_000 * 4;
    let added = long(".fseventsd", short(b"FSEVEN~1   ", 0x12, 40_000, 0));
    let found = differences_with(&plan, &volume, &[(entry, &[0xFF; 4]), (root, &added)]);
    assert_eq!(found, [What::FreeCluster, What::SystemEntry { path: owned("/.fseventsd") }]);
    let crossed = long(".fseventsd", short(b"FSEVEN~1   ", 0x12, 2, 0));
    let found = differences_with(&plan, &volume, &[(root, &crossed)]);
    assert_eq!(found, [What::OtherEntry { path: owned("/.fseventsd") }]);
}

#[test]
fn hostile_volumes_are_compared_in_bounded_memory_and_time() {
    let plan = sealed_plan();
    let len = usize::try_from(plan.geometry().volume_bytes()).expect("a small volume");
    let noise = |filter: u8| {
        let mut state = 1_u64;
        let next = move |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[1] & filter
        };
        (0..len).map(next)
    };
    let volumes: [Vec<u8>; 5] = [
        vec![0; len],
        vec![0xFF; len],
        vec![0xE5; len],
        noise(0xFF).collect(),
        noise(0x0F).collect(),
    ];
    for bytes in volumes {
        let found = compare(&plan, &MemoryDevice::from_bytes(bytes)).expect("a comparison");
        assert_eq!(found.gravest(), Some(Kind::Altered));
        assert!(found.differences().len() <= 3 * scrip::fat::DIFFERENCES_MAX);
        assert!(
            found.differences().iter().all(|difference| !difference.what.to_string().is_empty())
        );
    }
    let short = MemoryDevice::zeroed(1 << 20);
    assert!(compare(&plan, &short).is_err(), "a device that ends early can't be compared");
}

/// What mtools does to a volume, compared with its plan.
fn after_mtools(plan: &Plan, commands: &[&[&str]]) -> Vec<What> {
    let folder = TempDir::new().expect("a temporary directory");
    let image = folder.path().join("volume");
    fs::write(&image, volume(plan).into_bytes()).expect("the volume");
    fs::write(folder.path().join("nothing"), b"").expect("an empty file");
    for command in commands {
        let mut tool = Command::new(command[0]);
        tool.current_dir(folder.path()).env("MTOOLS_SKIP_CHECK", "1").args(["-i", "volume"]);
        let output = tool.args(&command[1..]).output();
        let output = output.expect("mtools runs; install it: apt-get install mtools");
        assert!(output.status.success(), "{command:?}: {output:?}");
    }
    let device = MemoryDevice::from_bytes(fs::read(&image).expect("the volume"));
    let found = compare(plan, &device).expect("a comparison");
    found.differences().iter().map(|difference| difference.what.clone()).collect()
}

#[test]
fn what_mtools_changes_is_judged_as_what_it_is() {
    let plan = sealed_plan();
    let path = || owned("/START.HTM");
    let copy = ["mcopy", "nothing", "::.DS_Store"];
    assert_eq!(after_mtools(&plan, &[&copy]), [What::SystemEntry { path: owned("/.DS_Store") }]);
    let removed = after_mtools(&plan, &[&copy, &["mdel", "::.DS_Store"]]);
    assert_eq!(removed, [What::RemovedEntry { directory: owned("/") }]);
    let other = after_mtools(&plan, &[&["mcopy", "nothing", "::other.txt"]]);
    assert_eq!(other, [What::OtherEntry { path: owned("/other.txt") }]);
    let attributes = after_mtools(&plan, &[&["mattrib", "-r", "::START.HTM"]]);
    assert_eq!(attributes, [What::Attributes { path: path() }]);
    let attributes = ["mattrib", "-r", "::START.HTM"];
    let deleted = after_mtools(&plan, &[&attributes, &["mdel", "::START.HTM"]]);
    assert!(deleted.contains(&What::Missing { path: path() }), "{deleted:?}");
    assert!(deleted.contains(&What::Chain { path: path() }), "{deleted:?}");
    let renamed = after_mtools(&plan, &[&attributes, &["mren", "::START.HTM", "::START.OLD"]]);
    assert!(
        renamed
            .iter()
            .any(|what| what.kind() == Kind::Altered && what.path() == Some("/START.HTM"))
    );
    let labelled = after_mtools(&plan, &[&["mlabel", "::OTHER"]]);
    assert!(labelled.contains(&What::Label), "{labelled:?}");
}
