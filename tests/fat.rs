//! Planned volumes as independent tools see them: fsck.vfat, mtools, the `fatfs` crate and
//! veritysetup.

#![allow(clippy::disallowed_methods, reason = "tests look at the files they made")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use data_encoding::HEXLOWER;
use proptest::prelude::*;
use scrip::fat::{
    Contents, DosTime, Entry, Fill, Geometry, Label, Options, Placement, Plan, PlanError,
    Protection, Role, plan,
};
use scrip::image::tree::{self, HashTree};
use tempfile::{NamedTempFile, TempDir};

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
fn veritysetup_agrees_with_the_tree_and_each_file_root_with_the_leaves() {
    let tree = varied();
    for volume_bytes in [34 * MIB, 300 * MIB] {
        let plan = planned(volume_bytes, &tree, &Options::sealed("/SCRIP/RESERVE.BIN"));
        let volume = written(&plan, &tree);
        let bytes = fs::read(volume.path()).expect("the volume");
        let mut leaves = Vec::new();
        tree::push_leaves(&mut leaves, &bytes);
        for (path, bytes) in &tree {
            let mut own = Vec::new();
            tree::push_leaves(&mut own, bytes);
            if let Some(offset) = plan.locate(path) {
                let first = usize::try_from(offset / 4_096).expect("a small volume");
                assert_eq!(leaves[first..first + own.len()], own, "{path}");
            }
        }
        let hashes = HashTree::from_leaves(leaves).expect("leaves");
        let blocks = usize::try_from(hashes.stored_blocks()).expect("a small tree");
        let mut stored = vec![0xA5; blocks * tree::BLOCK_BYTES];
        hashes.fill(&[0x5A; 16], 0, &mut stored);
        let seal = NamedTempFile::new().expect("a temporary file");
        seal.as_file().write_all_at(&stored, 0).expect("the tree");
        verify(volume.path(), seal.path(), &HEXLOWER.encode(&hashes.root()));
        assert_same_as_veritysetup_writes(volume.path(), &stored);
    }
}

fn verify(volume: &Path, seal: &Path, root: &str) {
    let mut command = Command::new("/usr/sbin/veritysetup");
    run("cryptsetup-bin", command.arg("verify").arg(volume).arg(seal).arg(root));
}

fn assert_same_as_veritysetup_writes(volume: &Path, stored: &[u8]) {
    let theirs = NamedTempFile::new().expect("a temporary file");
    let mut command = Command::new("/usr/sbin/veritysetup");
    command.args(["format", "--salt=-", "--uuid=5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a"]);
    run("cryptsetup-bin", command.arg(volume).arg(theirs.path()));
    assert!(fs::read(theirs.path()).expect("their tree") == stored, "the stored trees differ");
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

/// A plan over files of the given paths and sizes is refused with `message`.
fn assert_refused(files: &[(&str, u64)], options: &Options, message: &str) {
    let entry =
        |(path, size_bytes): &(&str, u64)| Entry { path: (*path).into(), size_bytes: *size_bytes };
    let entries = files.iter().map(entry).collect();
    let refused = plan(&geometry(34 * MIB), entries, options).expect_err(message);
    assert_eq!(refused.to_string(), message);
}

#[test]
fn paths_that_fat_cannot_hold_are_refused_by_name() {
    let one_name = "are one name on FAT, which does not tell case apart";
    let table: &[(&[&str], &str)] = &[
        (&["a"], "path \"a\" does not begin with /"),
        (&["/a//b"], "the last name of \"/a/\" is empty, `.` or `..`"),
        (&["/a/../b"], "the last name of \"/a/..\" is empty, `.` or `..`"),
        (
            &["/x/NUL.txt"],
            "the last name of \"/x/NUL.txt\" is a name that Windows reserves for a device",
        ),
        (
            &["/tab\t"],
            "the last name of \"/tab\\t\" holds a control character or one of \"*/:<>?\\|",
        ),
        (&["/Docs/a", "/docs/b"], &format!("/Docs and /docs {one_name}")),
        (&["/É", "/é"], &format!("/É and /é {one_name}")),
        (&["/reserve.bin"], &format!("/RESERVE.BIN and /reserve.bin {one_name}")),
        (&["/a", "/a"], "/a is given twice, or as a file and as a directory"),
        (&["/a", "/a/b"], "/a is given twice, or as a file and as a directory"),
    ];
    for (paths, message) in table {
        let files: Vec<_> = paths.iter().map(|path| (*path, 1)).collect();
        assert_refused(&files, &Options::sealed("/RESERVE.BIN"), message);
    }
}

#[test]
fn sizes_and_places_that_do_not_fit_are_refused_with_both_values() {
    let sealed = Options::sealed("/RESERVE.BIN");
    assert_refused(
        &[("/a", 4 << 30)],
        &sealed,
        "/a has 4294967296 bytes, FAT holds at most 4294967295",
    );
    assert_refused(
        &[("/a", 40 << 20)],
        &sealed,
        "the tree takes 41947136 bytes, the volume holds 35086336",
    );
    let placed = |path: &str, offset_bytes| Options {
        placed: vec![Placement { path: path.to_owned(), offset_bytes }],
        ..Options::writable()
    };
    assert_refused(
        &[("/a", 1), ("/b", 20 << 20)],
        &placed("/a", 17 << 20),
        "no free stretch holds the 20971520 bytes of /b",
    );
    for (path, offset, reason) in [
        ("/b", 8_388_608, "there is no file of this path"),
        ("/c", 8_388_608, "it is empty"),
        ("/a", 512, "the offset is not a multiple of 4096"),
        ("/a", 4_096, "the data area begins after it"),
        ("/a", 35_647_488, "the data area ends before its end"),
        ("/a", 565_248, "the root directory lies there"),
    ] {
        let message = format!("{path} can't be placed at {offset}: {reason}");
        assert_refused(&[("/a", 5_000), ("/c", 0)], &placed(path, offset), &message);
    }
    let mut twice = placed("/a", 8_388_608);
    twice.placed.push(Placement { path: "/b".into(), offset_bytes: 8_392_704 });
    let files = [("/a", 5_000), ("/b", 1)];
    let message = "/b can't be placed at 8392704: another placed file lies there";
    assert_refused(&files, &twice, message);
}

#[test]
fn limits_on_depth_directories_and_counts_hold() {
    let attempt = |paths: Vec<String>| {
        let entries = paths.into_iter().map(|path| Entry { path, size_bytes: 0 }).collect();
        plan(&geometry(300 * MIB), entries, &Options::writable()).map(|_| ())
    };
    assert_eq!(attempt(vec!["/d".repeat(64)]), Ok(()));
    assert!(matches!(attempt(vec!["/d".repeat(65)]), Err(PlanError::TooDeep { depth: 65, .. })));
    // A long name takes two records, the two of a directory's head come on top.
    let full = |count| (0..count).map(|n| format!("/d/long-{n:05}")).collect();
    assert_eq!(attempt(full(32_767)), Ok(()));
    let refused = attempt(full(32_768));
    assert!(matches!(refused, Err(PlanError::DirectoryTooLarge { len_bytes: 2_097_216, .. })));
    let many = (0..131_072).map(|n| format!("/{:03}/{n}", n / 1_000)).collect();
    assert!(matches!(attempt(many), Err(PlanError::TooManyEntries { count: 131_205 })));
}

fn name() -> impl Strategy<Value = String> {
    let plain = "[A-Z0-9]{1,8}(\\.[A-Z]{1,3})?";
    let long = "[a-zA-Zà-ÿα-ωЀ-ӿ一-丕 +,;=\\[\\]._-]{1,40}";
    prop_oneof![plain, long, "[a-c]{1,3}"].prop_map(|name| {
        let name = name.trim_matches(['.', ' ']).to_owned();
        if name.is_empty() { "x".to_owned() } else { name }
    })
}

fn random_tree() -> impl Strategy<Value = Tree> {
    let path =
        prop::collection::vec(name(), 1..5).prop_map(|names| format!("/{}", names.join("/")));
    let size = prop_oneof![0_usize..6, 500_usize..520, 4_090_usize..4_100, 0_usize..40_000];
    prop::collection::vec((path, size), 0..60).prop_map(|files| {
        let noisy = |(seed, (path, len))| (path, noise(seed, len));
        files.into_iter().enumerate().map(noisy).collect()
    })
}

/// The paths of a random tree that don't stand in each other's way.
fn without_collisions(tree: Tree) -> Tree {
    let mut kept = Tree::new();
    for (path, bytes) in tree {
        kept.insert(path.clone(), bytes);
        if plan(&geometry(34 * MIB), entries(&kept), &Options::sealed("/R.BIN")).is_err() {
            kept.remove(&path);
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_trees_are_clean_read_back_and_ignore_order(
        tree in random_tree().prop_map(without_collisions),
        wide in any::<bool>(),
        sealed in any::<bool>(),
        turn in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let volume_bytes = if wide { 260 * MIB } else { 34 * MIB };
        let options = if sealed { Options::sealed("/R.BIN") } else { Options::writable() };
        let plan = planned(volume_bytes, &tree, &options);
        let volume = written(&plan, &tree);
        assert_clean(volume.path());
        prop_assert!(read_by_fatfs(&volume, &plan) == tree);

        let mut shuffled = entries(&tree);
        if !shuffled.is_empty() {
            let middle = turn.index(shuffled.len());
            shuffled.rotate_left(middle);
            shuffled[middle..].reverse();
        }
        let again = scrip::fat::plan(&geometry(volume_bytes), shuffled, &options).expect("a plan");
        let first = usize::try_from(plan.geometry().data_offset()).expect("small") + (1 << 20);
        let mut whole = vec![0; first];
        volume.as_file().read_exact_at(&mut whole, 0).expect("the volume");
        let contents = Bytes::of(&tree);
        for cut in cuts {
            let start = cut.index(first);
            let mut part = vec![0xA5; (first - start).min(70_001)];
            again.read_at(start as u64, &mut part, &contents).expect("a part");
            prop_assert!(part == whole[start..start + part.len()], "bytes from {start} differ");
        }
    }
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
