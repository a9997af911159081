//! Files written into volumes that others read, and cut off at every write.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::ops::Range;
use std::process::Command;

use scrip::device::simulated::{Bounds, FaultKind, Volatile};
use scrip::device::{Device, MemoryDevice, MountedTree, Target};
use scrip::fat::{Exchange, ExchangeError, Filed, Options, Placement, Tray};
use tempfile::TempDir;

use super::{MIB, assert_clean, noise, planned, run, tree, written};

/// Where the journal's copies lie in the volumes made here.
const KEPT: [u64; 2] = [6 * MIB, 24 * MIB];

/// A writable area as a medium has it, with two copies of a journal.
pub(super) fn area() -> Vec<u8> {
    let files = [("/SCRIP/JOURNAL.A", 1 << 20), ("/SCRIP/JOURNAL.B", 1 << 20), ("/note.txt", 900)];
    let tree = tree(&files);
    let mut options = Options::writable();
    options.placed = vec![];
    for (path, offset_bytes) in [("/SCRIP/JOURNAL.A", KEPT[0]), ("/SCRIP/JOURNAL.B", KEPT[1])] {
        options.placed.push(Placement { path: path.to_owned(), offset_bytes });
    }
    options.directories = vec![Tray::Inbox.path().into(), Tray::Outbox.path().into()];
    let volume = written(&planned(34 * MIB, &tree, &options), &tree);
    fs::read(volume.path()).expect("the volume")
}

fn kept() -> Vec<Range<u64>> {
    KEPT.map(|start| start..start + MIB).to_vec()
}

pub(super) fn exchange<'d>(device: impl Target + 'd) -> Exchange<'d> {
    let len = device.len_bytes();
    Exchange::volume(device, 0..len, kept())
}

fn listed(exchange: &Exchange<'_>, tray: Tray) -> Vec<(String, u64)> {
    let files = exchange.list(tray).expect("a tray");
    files.into_iter().map(|Filed { name, size_bytes }| (name, size_bytes)).collect()
}

/// What should be in a tray after the steps so far.
pub(super) type Model = BTreeMap<String, Vec<u8>>;

/// A pseudo-random step on a tray and on the model of it.
fn step(exchange: &Exchange<'_>, model: &mut Model, nth: usize) {
    let pick = noise(nth, 8);
    let number = usize::from(pick[0]) % 40;
    let name = match number % 3 {
        0 => format!("FILE{number}.BIN"),
        1 => format!("receipt of medium {number}, kept for the shop.cbr"),
        _ => format!("日本 {number}.jrn"),
    };
    let bytes =
        noise(nth, usize::from(pick[1]) * (1 + usize::from(pick[2]) * usize::from(pick[3])) / 7);
    let tray = Tray::Outbox;
    match pick[4] % 4 {
        0 if model.contains_key(&name) => {
            exchange.remove(tray, &name).expect("a file to remove");
            model.remove(&name);
        }
        1 | 2 => {
            let file = model.entry(name.clone()).or_default();
            exchange.append(tray, &name, file.len() as u64, &bytes).expect("bytes added");
            file.extend(&bytes);
        }
        _ => {
            exchange.write(tray, &name, &bytes).expect("a file written");
            model.insert(name, bytes);
        }
    }
}

pub(super) fn compare(exchange: &Exchange<'_>, model: &Model) {
    let expected: Vec<_> =
        model.iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect();
    assert_eq!(listed(exchange, Tray::Outbox), expected);
    for (name, bytes) in model {
        assert!(exchange.read(Tray::Outbox, name, 64 * MIB).expect("a file") == *bytes, "{name}");
        let mut part = vec![0; 700];
        let offset = bytes.len() / 2;
        let count =
            exchange.read_part(Tray::Outbox, name, offset as u64, &mut part).expect("a part");
        assert!(part[..count] == bytes[offset..bytes.len().min(offset + 700)], "{name}");
    }
}

/// What an independent reader finds in a directory.
fn by_fatfs(bytes: &[u8], folder: &str) -> Model {
    let options = fatfs::FsOptions::new().update_accessed_date(false);
    let volume = fatfs::FileSystem::new(std::io::Cursor::new(bytes.to_vec()), options);
    let volume = volume.expect("a FAT volume");
    let root = volume.root_dir();
    let folder = if folder.is_empty() { root } else { root.open_dir(folder).expect("a directory") };
    let mut found = Model::new();
    for entry in
        folder.iter().map(|entry| entry.expect("an entry")).filter(fatfs::DirEntry::is_file)
    {
        let mut bytes = vec![];
        entry.to_file().read_to_end(&mut bytes).expect("a file");
        found.insert(entry.file_name(), bytes);
    }
    found
}

fn fsck(bytes: &[u8]) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), bytes).expect("the volume");
    assert_clean(file.path());
}

#[test]
fn what_was_written_is_read_by_others_and_nothing_else_changed() {
    let start = area();
    let device = MemoryDevice::from_bytes(start.clone());
    let exchange = exchange(&device);
    let mut model = Model::new();
    for nth in 0..300 {
        step(&exchange, &mut model, nth);
    }
    compare(&exchange, &model);
    let bytes = device.snapshot();
    fsck(&bytes);
    assert!(by_fatfs(&bytes, "SCRIP/OUTBOX") == model);
    assert!(by_fatfs(&bytes, "") == by_fatfs(&start, ""));
    assert!(by_fatfs(&bytes, "SCRIP") == by_fatfs(&start, "SCRIP"));
    let free = exchange.free_bytes().expect("free bytes");
    for name in model.keys() {
        exchange.remove(Tray::Outbox, name).expect("a file to remove");
    }
    let of_files: u64 = model.values().map(|file| (file.len() as u64).next_multiple_of(512)).sum();
    assert_eq!(exchange.free_bytes().expect("free bytes"), free + of_files);
}

#[test]
fn volumes_of_other_makers_are_written_too() {
    let folder = TempDir::new().expect("a temporary directory");
    let image = folder.path().join("volume");
    fs::File::create(&image).and_then(|file| file.set_len(300 * MIB)).expect("an empty image");
    let mut mkfs = Command::new("mkfs.vfat");
    run("dosfstools", mkfs.args(["-F32", "-s", "4", "-R", "40", "-f", "1"]).arg(&image));
    let device = MemoryDevice::from_bytes(fs::read(&image).expect("the volume"));
    let exchange = Exchange::volume(&device, 0..300 * MIB, vec![]);
    assert_eq!(listed(&exchange, Tray::Outbox), []);
    let mut model = Model::new();
    for nth in 0..60 {
        step(&exchange, &mut model, nth);
    }
    compare(&exchange, &model);
    fsck(&device.snapshot());
}

#[test]
fn a_mounted_directory_takes_the_same_steps() {
    let folder = TempDir::new().expect("a temporary directory");
    fs::create_dir_all(folder.path().join("scrip/outbox")).expect("folders in lower case");
    let exchange = Exchange::mounted(MountedTree::at(folder.path()));
    let mut model = Model::new();
    for nth in 0..100 {
        step(&exchange, &mut model, nth);
    }
    compare(&exchange, &model);
    assert!(exchange.free_bytes().expect("free bytes") > 0);
    let (name, bytes) = model.first_key_value().expect("a file");
    assert!(exchange.read_back(Tray::Outbox, name, 64 * MIB).expect("a file") == *bytes);
    assert!(fs::read(folder.path().join("scrip/outbox").join(name)).expect("a file") == *bytes);
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("scrip/outbox/link")).unwrap();
    let refused = exchange.append(Tray::Outbox, "link", 0, b"x").unwrap_err().to_string();
    assert!(refused.ends_with("outbox/link: is not a file"), "{refused}");
    assert!(exchange.read(Tray::Outbox, "link", 1 << 20).is_err());
    std::os::unix::fs::symlink("/", folder.path().join("scrip/INBOX")).unwrap();
    let refused = exchange.write(Tray::Inbox, "x", b"x").unwrap_err().to_string();
    assert!(refused.ends_with("INBOX: is not a folder"), "{refused}");
}

#[test]
fn refusals_name_both_values_and_change_nothing() {
    let device = MemoryDevice::from_bytes(area());
    let exchange = exchange(&device);
    exchange.write(Tray::Inbox, "there", &noise(1, 1000)).unwrap();
    let before = device.snapshot();
    let said = |result: Result<(), ExchangeError>| result.unwrap_err().to_string();
    let free = exchange.free_bytes().unwrap();
    let much = vec![1; usize::try_from(free).unwrap() + 1];
    let needed = free + 512;
    let expected = format!("/SCRIP/INBOX/much needs {needed} bytes, {free} bytes are free");
    assert_eq!(said(exchange.write(Tray::Inbox, "much", &much)), expected);
    let expected = "/SCRIP/INBOX/there has 1000 bytes, what is to be added begins at 900";
    assert_eq!(said(exchange.append(Tray::Inbox, "there", 900, b"x")), expected);
    for name in ["../JOURNAL.A", "a/b", "", "..", "x\n"] {
        let refused = said(exchange.write(Tray::Inbox, name, b"x"));
        assert!(refused.contains(": the name "), "{refused}");
    }
    let long = "n".repeat(200);
    let refused = said(exchange.write(Tray::Inbox, &long, b"x"));
    assert!(refused.ends_with("the name is longer than 195 UTF-16 units"), "{refused}");
    assert!(said(exchange.remove(Tray::Inbox, "none")).ends_with("none is not on the volume"));
    let limit = exchange.read(Tray::Inbox, "there", 999).unwrap_err().to_string();
    assert_eq!(limit, "/SCRIP/INBOX/there has 1000 bytes, at most 999 are read");
    assert!(device.snapshot() == before, "a refusal changed the volume");
}

/// The bytes of the journal's copies.
pub(super) fn of_journal(volume: &[u8]) -> Vec<u8> {
    let copies = KEPT.map(|start| &volume[usize::try_from(start).unwrap()..][..1 << 20]);
    copies.concat()
}

/// A volume that says its journal is free, or that a tray lies in it, is not believed.
#[test]
fn what_is_kept_is_never_written_whatever_the_volume_says() {
    let lie = |change: &dyn Fn(&mut Vec<u8>, usize, usize)| {
        let mut bytes = area();
        let word = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
        let fat = usize::from(u16::from_le_bytes([bytes[14], bytes[15]])) * 512;
        let data = fat + 2 * word(36) * 512;
        change(&mut bytes, fat, data);
        MemoryDevice::from_bytes(bytes)
    };
    let cluster = |data: usize| (usize::try_from(KEPT[0]).unwrap() - data) / 512 + 2;
    let journal_free = lie(&|bytes, fat, data| {
        let first = fat + cluster(data) * 4;
        bytes[first..first + 2048 * 4].fill(0);
    });
    let filled = exchange(&journal_free);
    let free = usize::try_from(filled.free_bytes().unwrap()).unwrap();
    filled.write(Tray::Outbox, "all.bin", &vec![0xEE; free - 1024]).unwrap();
    assert!(of_journal(&journal_free.snapshot()) == of_journal(&area()));
    let tables_there = MemoryDevice::from_bytes(area());
    let exchange =
        Exchange::volume(&tables_there, 0..34 * MIB, std::iter::once(4096..8192).collect());
    let refused = exchange.write(Tray::Outbox, "x", b"x").unwrap_err().to_string();
    assert!(refused.ends_with("its tables lie where the medium's own files are"), "{refused}");
    let in_journal = lie(&|bytes, _, data| {
        let name = b"OUTBOX     ";
        let at = bytes.windows(11).position(|window| window == name).expect("the tray");
        let cluster = u32::try_from(cluster(data)).unwrap().to_le_bytes();
        bytes[at + 20..at + 22].copy_from_slice(&cluster[2..]);
        bytes[at + 26..at + 28].copy_from_slice(&cluster[..2]);
    });
    let refused = self::exchange(&in_journal).write(Tray::Outbox, "x", b"x").unwrap_err();
    assert!(refused.to_string().ends_with("lies where the medium's own files are"), "{refused}");
    let looping = lie(&|bytes, fat, _| {
        let name = b"OUTBOX     ";
        let at = bytes.windows(11).position(|window| window == name).expect("the tray");
        let cluster = usize::from(u16::from_le_bytes([bytes[at + 26], bytes[at + 27]]));
        let entry = fat + cluster * 4;
        bytes[entry..entry + 4].copy_from_slice(&u32::try_from(cluster).unwrap().to_le_bytes());
    });
    let refused = self::exchange(&looping).write(Tray::Outbox, "x", b"x").unwrap_err().to_string();
    assert!(refused.ends_with("it never ends"), "{refused}");
}

/// What a step may leave of a tray: what was there before, or what is there after.
fn judge(found: &Volatile, before: &Model, after: &Model, whole: &[u8]) {
    let exchange = exchange(found);
    let files = listed(&exchange, Tray::Outbox);
    let read = |name: &str| exchange.read(Tray::Outbox, name, 64 * MIB).expect("a file");
    let now: Model = files.iter().map(|(name, _)| (name.clone(), read(name))).collect();
    assert!(now == *before || now == *after, "{files:?}");
    let mut copy = vec![0; 1 << 20];
    for start in KEPT {
        found.read_at(start, &mut copy).unwrap();
        assert!(copy == whole[usize::try_from(start).unwrap()..][..1 << 20]);
    }
}

#[test]
fn a_step_cut_off_anywhere_is_done_or_was_not_begun() {
    let device = MemoryDevice::from_bytes(area());
    let mut model = Model::new();
    for nth in 0..24 {
        step(&exchange(&device), &mut model, nth);
    }
    let states_max = 24;
    let bounds = Bounds { states_max, torn_bytes: vec![256], faults: vec![], seed: 7 };
    let erase = |len_bytes| FaultKind::EraseBlock { len_bytes, fill: 0xFF };
    let faults = vec![FaultKind::LyingFlush, erase(128 << 10), erase(4 << 20)];
    let worse = Bounds { states_max: 4, torn_bytes: vec![], faults, seed: 7 };
    let (mut states, mut whole_copies) = (0, 0);
    for nth in 24..64 {
        let before = model.clone();
        let bytes = device.snapshot();
        let power = Volatile::new(bytes.clone());
        step(&exchange(&power), &mut model, nth);
        for loss in power.losses(&bounds) {
            states += 1;
            judge(&loss.reopen(), &before, &model, &bytes);
        }
        for loss in power.losses(&worse) {
            let found = loss.reopen();
            let mut copy = vec![0; 1 << 20];
            let whole = KEPT.into_iter().any(|start| {
                found.read_at(start, &mut copy).unwrap();
                copy == bytes[usize::try_from(start).unwrap()..][..1 << 20]
            });
            assert!(whole, "both copies of the journal: {loss}");
            whole_copies += 1;
        }
        device.write_at(0, &power.snapshot()).unwrap();
    }
    println!("{states} states of a tray, {whole_copies} more with a lying flush or a lost block");
    assert!(states > 1000 && whole_copies > 1000);
    compare(&exchange(&device), &model);
    fsck(&device.snapshot());
}

#[test]
fn after_any_cut_the_same_step_comes_to_its_end() {
    let start = area();
    let device = MemoryDevice::from_bytes(start);
    exchange(&device).write(Tray::Outbox, "journal.7", &noise(7, 3_000)).unwrap();
    let start = device.snapshot();
    let power = Volatile::new(start);
    exchange(&power).write(Tray::Outbox, "journal.7", &noise(8, 9_000)).unwrap();
    let states_max = 40;
    let bounds = Bounds { states_max, torn_bytes: vec![100], faults: vec![], seed: 3 };
    for loss in power.losses(&bounds) {
        let found = loss.reopen();
        exchange(&found).write(Tray::Outbox, "journal.7", &noise(8, 9_000)).unwrap();
        assert_eq!(
            exchange(&found).read_back(Tray::Outbox, "journal.7", MIB).unwrap(),
            noise(8, 9_000)
        );
        assert_eq!(listed(&exchange(&found), Tray::Outbox), [("journal.7".to_owned(), 9_000)]);
    }
}
