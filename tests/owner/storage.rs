//! Storage that doesn't take what a wallet writes: full, read-only, gone, or in use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use scrip::device::MemoryDevice;
use scrip::journal::AppendError;
use scrip::units::{MediumId, StoreId};
use scrip::voucher::voucher_id;
use scrip::wallet::{CommitError, Opened, read_given};

use super::bench::{Answer, Bench, answer};
use super::refused::{shop, topup, voucher};
use super::{OWN, SERIAL, entry, medium, password, rng};
use crate::device;
use crate::loop_device::{LoopDevice, run};
use crate::world::{Sample, World, at, minor};

const HINT: &str = "mounting needs rights and: apt-get install mount";

/// Something mounted over a folder, until this is dropped.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// A folder's files in their place, read-only.
    pub(crate) fn read_only(folder: &Path) -> Self {
        run(Command::new("mount").arg("--bind").args([folder, folder]), HINT);
        let mount = Self(folder.to_owned());
        run(Command::new("mount").args(["-o", "remount,bind,ro"]).arg(folder), HINT);
        mount
    }

    /// Empty storage of so many MiB.
    pub(crate) fn of_mib(folder: &Path, mib: u32) -> Self {
        fs::create_dir_all(folder).unwrap();
        let size = format!("size={mib}m");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(folder), HINT);
        Self(folder.to_owned())
    }

    /// Fill it to the last byte.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = fs::File::create(&path).unwrap();
        let full = std::io::copy(&mut std::io::repeat(7), &mut file).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        path
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.0), HINT);
    }
}

fn logged_in(bench: Bench) -> Bench {
    bench.login().says(0, "is yours now");
    bench
}

#[test]
fn read_only_storage_can_be_looked_at_and_takes_nothing() {
    let sample = shop(&[("fair", 400)]);
    for bench in [Bench::of(&sample), Bench::directories_of(&sample)] {
        let bench = logged_in(bench);
        let folder = match bench.medium {
            "RAM" => bench.path(),
            _ => bench.folder.path().to_owned(),
        };
        let code = bench.code(0);
        let _mount = Mount::read_only(&folder);
        for arguments in [
            &topup(&code)[..],
            &["buy", "fair", "--password-file", "own"],
            &["login", "--password-file", "own"],
            &["passwd", "--password-file", "own", "--new-password-file", "third"],
        ] {
            bench.refuses(arguments, 4, &["Read-only file system"]);
        }
        for arguments in [&["balance"][..], &["history"], &["info"], &["catalog"]] {
            bench.run(arguments).says(0, "");
        }
        assert_eq!(bench.balance(), "500");
    }
}

#[test]
fn a_full_disk_stops_no_medium_that_lies_there_whole() {
    let bench = Bench::directories_of(&Sample::new(SERIAL));
    let mount = Mount::of_mib(&bench.folder.path().join("disk"), 160);
    for area in ["ROM", "RAM"] {
        let from = bench.folder.path().join(area);
        run(Command::new("cp").arg("-r").arg(from).arg(&mount.0), "cp is there");
    }
    let place = mount.0.join("RAM");
    let place = place.to_str().unwrap();
    let on_disk = |arguments: &[&str]| {
        let arguments = [&["--medium", place], arguments].concat();
        let mut command = bench.command("scrip-wallet", &arguments);
        answer(command.env("XDG_STATE_HOME", mount.0.join("state")))
    };
    mount.fill();
    on_disk(&["login", "--password-file", "first", "--new-password-file", "own"]).says(0, "yours");
    // Nothing of it needs new space, and that this computer can't remember it blocks nobody.
    on_disk(&topup(&bench.code(0))).says(0, "Balance: ¥1,000");
    let exported = mount.0.join("mine.evidence");
    let told = on_disk(&["export", exported.to_str().unwrap()]);
    told.says(4, "No space left on device");
    assert!(!exported.exists(), "half an export is left");
}

/// An image with holes, on a disk without room to fill them.
#[test]
fn an_image_that_finds_no_space_keeps_what_was_acknowledged() {
    let bench = logged_in(Bench::image());
    let mount = Mount::of_mib(&bench.folder.path().join("disk"), 160);
    let image = mount.0.join("medium.img");
    let copied = Command::new("cp").arg("--sparse=always").arg(bench.path()).arg(&image).status();
    assert!(copied.unwrap().success());
    let image = image.to_str().unwrap();
    let on_disk = |arguments: &[&str]| {
        let arguments = [&["--medium", image], arguments].concat();
        answer(&mut bench.command("scrip-wallet", &arguments))
    };
    let balance = || on_disk(&["--json", "balance"]).result()["balance"]["minor"].clone();
    let filler = mount.fill();
    let slots = [0, 1, 2, 4, 5, 6, 7, 8, 9];
    let mut added = 0;
    let refused = slots.iter().find_map(|slot| {
        let told = on_disk(&topup(&bench.code(*slot)));
        added += usize::from(told.exit == 0);
        (told.exit != 0).then_some(told)
    });
    refused.expect("nine records fit no block").says(4, "No space left on device");
    let sum = |count: usize| (500 + 500 * count).to_string();
    assert_eq!(balance(), sum(added));
    fs::remove_file(filler).unwrap();
    on_disk(&topup(&bench.code(slots[added]))).says(0, "Added: ¥500");
    assert_eq!(balance(), sum(added + 1));
}

#[test]
fn a_directory_that_vanished_is_named() {
    let bench = logged_in(Bench::directories_of(&Sample::new(SERIAL)));
    let away = bench.folder.path().join("far/away");
    fs::create_dir(away.parent().unwrap()).unwrap();
    let (ram, code) = (bench.path(), bench.code(0));
    let gone = |what: &Path, exit: i32, words: &str| {
        fs::rename(what, &away).unwrap();
        bench.refuses(&topup(&code), exit, &[words]);
        fs::rename(&away, what).unwrap();
    };
    gone(&ram, 4, "RAM: there is no such file or device");
    gone(&bench.folder.path().join("ROM"), 5, "originality not checked");
    gone(&ram.join("SCRIP/JOURNAL.B"), 4, "journal.b: there is no such file or device");
    gone(&ram.join("SCRIP/ACCESS.A"), 4, "access.a: there is no such file or device");
    let short = fs::read(ram.join("SCRIP/JOURNAL.A")).unwrap();
    fs::write(ram.join("SCRIP/JOURNAL.A"), &short[..4096]).unwrap();
    let words = ["/SCRIP/JOURNAL.A: 4096 bytes, the medium's layout says 1048576"];
    bench.refuses(&topup(&code), 3, &words);
    fs::write(ram.join("SCRIP/JOURNAL.A"), short).unwrap();
    bench.topup(&code).says(0, "Balance: ¥1,000");
}

/// Keeps trying while another wallet has the medium.
fn patient(bench: &Bench, code: &str) -> (Answer, u32) {
    for waited in 0.. {
        let told = bench.topup(code);
        if told.exit != 5 {
            return (told, waited);
        }
        told.says(5, "in use by ");
    }
    unreachable!("one of them ends first")
}

#[test]
fn two_wallets_at_once_add_each_code_once() {
    for bench in [Bench::image(), Bench::directories_of(&Sample::new(SERIAL))] {
        let bench = logged_in(bench);
        thread::scope(|scope| {
            for slots in [[0, 1, 2, 4], [5, 6, 7, 8]] {
                let bench = &bench;
                scope.spawn(move || {
                    for slot in slots {
                        patient(bench, &bench.code(slot)).0.says(0, "Added: ¥500");
                    }
                });
            }
        });
        assert_eq!(bench.balance(), "4500");
        bench.topup(&bench.code(4)).says(0, "Already added: ¥500");
        bench.run(&["doctor"]).says(0, "");
    }
}

#[test]
fn a_mounted_device_is_not_written() {
    let bench = Bench::image();
    let stick = LoopDevice::new(fs::metadata(bench.path()).unwrap().len());
    let mounted = device::Mounted::new(&stick);
    let before = fs::read(stick.file()).unwrap();
    for device in [stick.path(), stick.file()] {
        for arguments in [
            &topup(&bench.code(0))[..],
            &["login", "--password-file", "first", "--new-password-file", "own"],
            &["passwd", "--password-file", "own", "--new-password-file", "third"],
        ] {
            let arguments = [&["--medium", device.to_str().unwrap()], arguments].concat();
            let refused = answer(&mut bench.command("scrip-wallet", &arguments));
            refused.says(5, device.to_str().unwrap());
            refused.says(5, "hint: unmount it first");
        }
    }
    assert!(before == fs::read(stick.file()).unwrap(), "a mounted device was written");
    assert!(mounted.place().is_dir());
}

/// A medium whose journal took purchases until it took no more, then vouchers up to the last byte
/// if it is to be full.
fn spent(sample: &Sample, to_the_brim: bool) -> (Bench, String) {
    let device = sample.burnt();
    let mut opened = Opened::open(&device, medium(&device), &mut rng(1)).unwrap();
    let first = opened.unlock(&password(super::FIRST)).unwrap();
    let keys = opened.rekey(&first, &password(OWN), at(1_000), &mut rng(2)).unwrap().keys;
    for slot in [0, 1, 2] {
        let credit = opened.medium().judge(&entry(SERIAL, slot)).ok().unwrap();
        opened.topup(&keys, &credit, at(1_001), &mut rng(3)).unwrap();
    }
    let mut random = rng(4);
    let refused = loop {
        let goods = ("song", "a singer");
        if let Err(error) = opened.buy(&keys, goods, minor(1), at(1_002), &mut random) {
            break error;
        }
    };
    let CommitError::Journal(AppendError::NearlyFull { .. }) = refused else { panic!("{refused}") };
    let store = StoreId::from_number(7).unwrap();
    for serial in (1..1_000).take_while(|_| to_the_brim) {
        let file = voucher(&World::new(), |voucher| {
            (voucher.id, voucher.serial) = (voucher_id(store, serial), serial);
            (voucher.medium, voucher.amount) = (MediumId::from_serial(SERIAL), minor(1));
        });
        let credit = opened.medium().judge(&read_given(&file).unwrap()).ok().unwrap();
        match opened.topup(&keys, &credit, at(1_003), &mut random) {
            Ok(()) => {}
            Err(CommitError::Journal(AppendError::Full { .. })) => break,
            Err(error) => panic!("{error}"),
        }
    }
    let balance = opened.medium().balance().minor().to_string();
    drop(opened);
    (on_disk(device), balance)
}

fn on_disk(device: MemoryDevice) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("medium.img"), device.into_bytes()).unwrap();
    Bench::prepared(folder, "medium.img", SERIAL)
}

#[test]
fn a_journal_that_is_nearly_full_takes_money_and_no_spending() {
    let sample = shop(&[("fair", 1)]);
    let (bench, balance) = spent(&sample, false);
    let words = [" of 524288 bytes are used, and spending ends at 90 %", "journal is nearly full"];
    bench.refuses(&["buy", "fair", "--password-file", "own"], 5, &words);
    bench.refuses(&["buy", "fair", "--password-file", "own"], 5, &["full", "hint: "]);
    assert_eq!(bench.balance(), balance);
    bench.topup(&bench.code(4)).says(0, "Added: ¥500");
}

#[test]
fn a_full_journal_takes_nothing_and_loses_nothing() {
    let (bench, balance) = spent(&Sample::new(SERIAL), true);
    let words = ["journal is full: the record needs ", " of 524288 are left", "hint: "];
    bench.refuses(&topup(&bench.code(4)), 5, &words);
    assert_eq!(bench.balance(), balance);
    bench.run(&["history", "--limit", "3"]).says(0, "topup");
    bench.run(&["doctor"]).says(0, "");
}
