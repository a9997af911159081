//! Planned volumes as independent tools see them: fsck.vfat, mtools and the `fatfs` crate.

#![allow(clippy::disallowed_methods, reason = "tests look at the files they made")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use scrip::fat::{
    Contents, DosTime, Entry, Fill, Geometry, Label, Options, Placement, Plan, Protection, Role,
    plan,
};
use tempfile::{NamedTempFile, TempDir};

pub(crate) mod compare;
pub(crate) mod damage;
mod layout;
mod random;
mod read;
mod refusal;
mod verity;
mod write;

const MIB: u64 = 1 << 20;

/// Files with made-up bytes, by path.
type Tree = BTreeMap<String, Vec<u8>>;

/// The tree's files as a plan asks for them.
struct Bytes<'a>(Vec<&'a [u8]>);

impl<'a> Bytes<'a> {
    fn of(tree: &'a Tree) -> Self {
        Self(tree.values().map(Vec::as_slice).collect())
    }
}

impl Contents for Bytes<'_> {
    fn read_at(&self, file: usize, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).expect("a small file");
        buf.copy_from_slice(&self.0[file][start..start + buf.len()]);
        Ok(())
    }
}

fn geometry(volume_bytes: u64) -> Geometry {
    let label = Label::new("SCRIP TEST").expect("a label");
    Geometry::new(volume_bytes, 2_048, label, 0x1234_ABCD).expect("a volume")
}

fn entries(tree: &Tree) -> Vec<Entry> {
    let entry = |(path, bytes): (&String, &Vec<u8>)| Entry {
        path: path.clone(),
        size_bytes: bytes.len() as u64,
    };
    tree.iter().map(entry).collect()
}

fn planned(volume_bytes: u64, tree: &Tree, options: &Options) -> Plan {
    plan(&geometry(volume_bytes), entries(tree), options).expect("a plan")
}

/// Bytes that differ from block to block and from file to file.
fn noise(seed: usize, len: usize) -> Vec<u8> {
    let mut state = seed as u64 ^ 0x9E37_79B9_7F4A_7C15;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn tree(files: &[(&str, usize)]) -> Tree {
    let file = |(seed, (path, len)): (usize, &(&str, usize))| (path.to_string(), noise(seed, *len));
    files.iter().enumerate().map(file).collect()
}

/// All the shapes of names and sizes that a volume may hold.
fn varied() -> Tree {
    let deep = format!("/{}", ["depth"; 40].join("/"));
    let long = format!("/{}.txt", "n".repeat(251));
    let mut all = tree(&[
        ("/README.TXT", 10),
        ("/start.htm", 4_096),
        ("/START.sh", 4_097),
        ("/empty", 0),
        ("/SCRIP/MANIFEST.CBR", 16_384),
        ("/a b/with spaces and, punctuation; = [1] +2.tar.gz", 511),
        ("/Docs/ÄÖÜ übung.md", 512),
        ("/Docs/日本語のファイル.txt", 513),
        ("/Docs/.hidden", 1),
        ("/Docs/LONGFI~1.TXT", 2),
        ("/Docs/Long file name one.txt", 3),
        ("/Docs/Long file name two.txt", 4),
        ("/big.bin", 3_000_000),
        (&format!("{deep}/leaf"), 70_000),
        (&long, 5),
    ]);
    for n in 0..300 {
        all.insert(format!("/many/entry with a long name number {n}.dat"), noise(n, n * 37));
    }
    all
}

/// Write the planned volume in chunks of an odd size, over bytes that are not zero.
fn written(plan: &Plan, tree: &Tree) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a temporary file");
    let contents = Bytes::of(tree);
    let volume_bytes = plan.geometry().volume_bytes();
    file.as_file().set_len(volume_bytes).expect("room for a volume");
    let mut offset = 0;
    while offset < volume_bytes {
        let len = (volume_bytes - offset).min(999_983);
        let mut chunk = vec![0xA5; usize::try_from(len).expect("below 1 MiB")];
        plan.read_at(offset, &mut chunk, &contents).expect("a chunk");
        if chunk.iter().any(|byte| *byte != 0) {
            file.as_file().write_all_at(&chunk, offset).expect("writing a chunk");
        }
        offset += len;
    }
    file
}

/// Run a tool to its end and return what it printed; it has to succeed.
fn run(package: &str, command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}; install it: apt-get install {package}")
    });
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}\n{errors}", output.status);
    text
}

/// fsck.vfat finds nothing to say beyond its name and its count of files and clusters.
fn assert_clean(volume: &Path) -> String {
    let text = run("dosfstools", Command::new("fsck.vfat").arg("-n").arg(volume));
    assert_eq!(text.lines().count(), 2, "fsck.vfat complains:\n{text}");
    text
}

/// What mtools extracts, by path; the reserve files are checked to be zero and left out.
fn extracted(volume: &Path, plan: &Plan) -> Tree {
    let target = TempDir::new().expect("a temporary directory");
    let mut mcopy = Command::new("mcopy");
    mcopy.env("MTOOLS_SKIP_CHECK", "1").env("LC_ALL", "C.UTF-8").args(["-s", "-n", "-Q", "-i"]);
    run("mtools", mcopy.arg(volume).arg("::*").arg(target.path()));
    let mut found = Tree::new();
    for entry in walkdir::WalkDir::new(target.path()) {
        let entry = entry.expect("an extracted file");
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(target.path()).expect("below the target");
            let path = format!("/{}", path.to_str().expect("UTF-8"));
            found.insert(path, fs::read(entry.path()).expect("an extracted file"));
        }
    }
    for reserve in plan.files().iter().filter(|file| file.role == Role::Reserve) {
        let bytes = found.remove(&reserve.path).expect("the reserve file");
        assert_eq!(bytes.len() as u64, reserve.size_bytes);
        assert!(bytes.iter().all(|byte| *byte == 0));
    }
    found
}

/// What the `fatfs` crate reads, by path, the reserve files left out.
fn read_by_fatfs(volume: &NamedTempFile, plan: &Plan) -> Tree {
    let options = fatfs::FsOptions::new().update_accessed_date(false);
    let file = volume.reopen().expect("the volume again");
    let volume = fatfs::FileSystem::new(file, options).expect("a FAT volume");
    assert_eq!(volume.volume_id(), 0x1234_ABCD);
    assert_eq!(
        volume.read_volume_label_from_root_dir().expect("a root"),
        Some("SCRIP TEST".into())
    );
    let stats = volume.stats().expect("statistics");
    assert_eq!(stats.free_clusters(), plan.free_clusters());
    let mut found = Tree::new();
    let mut pending = vec![(String::new(), volume.root_dir())];
    while let Some((path, directory)) = pending.pop() {
        for entry in directory.iter() {
            let entry = entry.expect("a directory entry");
            let path = format!("{path}/{}", entry.file_name());
            let is_reserve = plan.files().iter().any(|f| f.role == Role::Reserve && f.path == path);
            if entry.is_file() && !is_reserve {
                let mut bytes = Vec::new();
                entry.to_file().read_to_end(&mut bytes).expect("a file");
                found.insert(path, bytes);
            } else if entry.is_dir() && ![".", ".."].contains(&&*entry.file_name()) {
                pending.push((path, entry.to_dir()));
            }
        }
    }
    found
}

#[test]
fn sealed_volumes_are_clean_full_and_give_the_tree_back() {
    let options = Options::sealed("/SCRIP/RESERVE.BIN");
    for volume_bytes in [34 * MIB, 259 * MIB + 4_096, 260 * MIB, 300 * MIB] {
        for tree in [varied(), Tree::new()] {
            let plan = planned(volume_bytes, &tree, &options);
            assert_eq!(plan.free_clusters(), 0);
            let volume = written(&plan, &tree);
            let text = assert_clean(volume.path());
            let clusters = plan.geometry().clusters();
            assert!(text.contains(&format!("{clusters}/{clusters} clusters")), "{text}");
            assert!(extracted(volume.path(), &plan) == tree, "{volume_bytes}: mtools differs");
            assert!(read_by_fatfs(&volume, &plan) == tree, "{volume_bytes}: fatfs differs");
        }
    }
}

#[test]
fn every_file_lies_where_the_plan_says_on_a_block_boundary() {
    for volume_bytes in [40 * MIB, 270 * MIB] {
        let tree = varied();
        let plan = planned(volume_bytes, &tree, &Options::sealed("/SCRIP/RESERVE.BIN"));
        let volume = written(&plan, &tree);
        let mut end = plan.geometry().data_offset();
        for directory in plan.directories() {
            assert_eq!(directory.range.start % 4_096, 0);
            assert!(directory.range.start >= end && directory.range.start - end < 4_096);
            end = directory.range.end;
        }
        for (path, bytes) in &tree {
            let Some(offset) = plan.locate(path) else {
                assert!(bytes.is_empty(), "{path} is nowhere");
                continue;
            };
            assert_eq!(offset % 4_096, 0);
            assert!(offset >= end && offset - end < 4_096, "{path} leaves a gap");
            end = offset + bytes.len() as u64;
            let mut found = vec![0; bytes.len().next_multiple_of(4_096)];
            volume.as_file().read_exact_at(&mut found, offset).expect("a file");
            assert_eq!(found[..bytes.len()], bytes[..]);
            assert!(found[bytes.len()..].iter().all(|byte| *byte == 0), "{path} ends in no zeros");
        }
        for offset in plan.serial_offsets() {
            let mut serial = [0; 4];
            volume.as_file().read_exact_at(&mut serial, offset).expect("a serial");
            assert_eq!(u32::from_le_bytes(serial), 0x1234_ABCD);
        }
    }
}

#[test]
fn writable_volumes_hold_placed_files_empty_directories_and_free_space() {
    for volume_bytes in [64 * MIB, 300 * MIB] {
        let tree = tree(&[
            ("/SCRIP/ACCESS.A", 32_768),
            ("/SCRIP/ACCESS.B", 32_768),
            ("/SCRIP/JOURNAL.A", 1 << 20),
            ("/SCRIP/JOURNAL.B", 1 << 20),
            ("/SCRIP/ITEMS.KEY", 100),
            ("/Readme.txt", 5_000),
        ]);
        let a = (plan_start(volume_bytes) + 4 * MIB).next_multiple_of(MIB);
        let b = a + 16 * MIB + 32_768;
        let placed = [
            ("ACCESS.A", a),
            ("JOURNAL.A", a + 32_768),
            ("ACCESS.B", b - 32_768),
            ("JOURNAL.B", b),
        ];
        let place = |(name, offset_bytes): (&str, u64)| Placement {
            path: format!("/SCRIP/{name}"),
            offset_bytes,
        };
        let mut options = Options::writable();
        options.placed = placed.map(place).to_vec();
        options.directories = vec!["/SCRIP/INBOX".into(), "/SCRIP/OUTBOX".into()];
        options.at = DosTime::new((2026, 11, 20), (12, 30, 0)).expect("a time");
        let plan = planned(volume_bytes, &tree, &options);
        for (name, offset) in placed {
            assert_eq!(plan.locate(&format!("/SCRIP/{name}")), Some(offset));
        }
        assert!(plan.free_clusters() > plan.geometry().clusters() / 2);
        let volume = written(&plan, &tree);
        assert_clean(volume.path());
        assert!(extracted(volume.path(), &plan) == tree);
        assert!(read_by_fatfs(&volume, &plan) == tree);
        let mut mdir = Command::new("mdir");
        mdir.arg("-i").arg(volume.path()).arg("::/SCRIP");
        let listing = run("mtools", &mut mdir);
        assert!(listing.contains("INBOX") && listing.contains("2026-11-20  12:30"), "{listing}");
        write_by_fatfs(&volume);
        assert_clean(volume.path());
    }
}

fn plan_start(volume_bytes: u64) -> u64 {
    geometry(volume_bytes).data_offset()
}

/// An ordinary writer finds its way around what lies there.
fn write_by_fatfs(volume: &NamedTempFile) {
    let file = volume.reopen().expect("the volume again");
    let volume = fatfs::FileSystem::new(file, fatfs::FsOptions::new()).expect("a FAT volume");
    let mut file = volume.root_dir().create_file("SCRIP/INBOX/NEW.BIN").expect("a new file");
    file.write_all(&noise(1, 25 << 20)).expect("writing around the journal");
    file.flush().expect("a flush");
    let mut journal = volume.root_dir().open_file("SCRIP/JOURNAL.A").expect("the journal");
    let mut bytes = Vec::new();
    journal.seek(SeekFrom::Start(0)).expect("a seek");
    journal.read_to_end(&mut bytes).expect("the journal");
    assert_eq!(bytes, noise(2, 1 << 20));
}

#[test]
fn attributes_and_case_are_what_was_asked_for() {
    let tree = tree(&[("/UPPER.TXT", 1), ("/lower.txt", 1), ("/Mixed.Txt", 1)]);
    for protection in [Protection::ReadOnly, Protection::Writable] {
        let options = Options { protection, ..Options::sealed("/RESERVE.BIN") };
        let volume = written(&planned(34 * MIB, &tree, &options), &tree);
        let fs = fatfs::FileSystem::new(volume.reopen().expect("a file"), fatfs::FsOptions::new());
        let fs = fs.expect("a FAT volume");
        let mut names = Vec::new();
        for entry in fs.root_dir().iter().map(|entry| entry.expect("an entry")) {
            let read_only = entry.attributes().contains(fatfs::FileAttributes::READ_ONLY);
            assert_eq!(read_only, protection == Protection::ReadOnly, "{}", entry.file_name());
            names.push(entry.file_name());
        }
        assert_eq!(names, ["Mixed.Txt", "RESERVE.BIN", "UPPER.TXT", "lower.txt"]);
    }
}

#[test]
fn reserve_files_share_what_one_cannot_hold() {
    let tree = tree(&[("/a.txt", 5)]);
    let plan = planned(9_000 * MIB, &tree, &Options::sealed("/SCRIP/RESERVE.BIN"));
    let reserves: Vec<_> = plan.files()[1..].iter().map(|f| (&*f.path, f.size_bytes)).collect();
    let full = (4 << 30) - 4_096;
    assert_eq!(reserves[0], ("/SCRIP/RESERVE.BIN", full));
    assert_eq!(reserves[1], ("/SCRIP/RESERVE.1", full));
    assert_eq!(reserves[2].0, "/SCRIP/RESERVE.2");
    assert_eq!(reserves.len(), 3);
    let volume = written(&plan, &tree);
    assert_clean(volume.path());
}

#[test]
fn fill_is_free_or_reserve_by_option() {
    let tree = tree(&[("/a", 1)]);
    let mut options = Options::sealed("/keep/ZERO.BIN");
    let full = planned(34 * MIB, &tree, &options);
    options.fill = Fill::Free;
    let open = planned(34 * MIB, &tree, &options);
    assert_eq!((full.free_clusters(), full.files().len(), full.directories().len()), (0, 2, 2));
    assert_eq!(open.free_clusters(), open.geometry().clusters() - 2);
    assert_eq!((open.files().len(), open.directories().len()), (1, 1));
}
