//! Machines described in text, laid out as files, looked at, and held against what the guards
//! must say. The lines are explained in `tests/machines/README.md`.
#![expect(clippy::disallowed_methods, reason = "described machines are laid out as files")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Aim, Check, DeviceNumber, Machine, Refusal, Request, changed, clear, refusals};

const NEEDS_BYTES: u64 = 700_000_000;
const MACHINES: usize = 16;

/// A description laid out under a temporary root.
struct Described {
    root: tempfile::TempDir,
    /// Folder of each disk and partition, under `sys/devices`.
    folders: BTreeMap<String, PathBuf>,
    mounts: String,
    swaps: String,
    edition: PathBuf,
    expectations: Vec<String>,
}

fn folder_of_machines() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines")
}

fn names() -> Vec<String> {
    let entries = fs::read_dir(folder_of_machines()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter_map(|name| Some(name.strip_suffix(".machine")?.to_owned())).collect();
    names.sort();
    names
}

fn described(name: &str) -> Described {
    let text = fs::read_to_string(folder_of_machines().join(format!("{name}.machine"))).unwrap();
    let mut described = Described::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        described.lay_out(line);
    }
    described.file("proc/self/mountinfo", &described.mounts);
    described.file("proc/swaps", &format!("Filename Type Size Used Priority\n{}", described.swaps));
    described
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

impl Described {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("sys/block")).unwrap();
        Self {
            root,
            folders: BTreeMap::new(),
            mounts: String::new(),
            swaps: String::new(),
            edition: PathBuf::new(),
            expectations: Vec::new(),
        }
    }

    fn machine(&self) -> Machine {
        Machine::observe(self.root.path()).unwrap()
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn lay_out(&mut self, line: &str) {
        let (kind, rest) = line.split_once(' ').unwrap();
        match (kind, words(rest).as_slice()) {
            ("disk", [name, number, place, values @ ..]) => self.disk(name, number, place, values),
            ("part", [name, number, disk, values @ ..]) => self.part(name, number, disk, values),
            ("attr", [path, ..]) => {
                let value = rest[path.len()..].trim();
                self.file(&format!("sys/devices/{path}"), &format!("{value}\n"));
            }
            ("stack", [above, below]) => self.stack(above, below),
            ("pool", [uuid, names @ ..]) => names.iter().for_each(|name| {
                self.file(&format!("sys/fs/btrfs/{uuid}/devices/{name}"), "");
            }),
            ("mount", [number, source, place, kind, options @ ..]) => {
                let file_system = format!("{kind} {source} {}", options.join(" "));
                let row = format!("1 0 {number} / {place} rw shared:1 - {file_system}\n");
                self.mounts.push_str(&row);
            }
            ("swap", [path]) => self.swaps.extend([path, " partition 1000 0 -2\n"]),
            ("edition", [path]) => self.edition = PathBuf::from(path),
            ("expect" | "lifting" | "identity" | "reason", _) => {
                self.expectations.push(line.to_owned());
            }
            _ => panic!("no such line: {line}"),
        }
    }

    fn disk(&mut self, name: &str, number: &str, place: &str, values: &[&str]) {
        let folder = PathBuf::from(format!("{place}/block/{name}"));
        self.block(name, number, &folder, &["removable=0", "ro=0"]);
        self.block(name, number, &folder, values);
        let at = self.root.path().join("sys/devices").join(&folder);
        fs::create_dir_all(at.join("slaves")).unwrap();
        let link = Path::new("../devices").join(&folder);
        symlink(link, self.root.path().join("sys/block").join(name)).unwrap();
        if place != "virtual" {
            symlink("../..", at.join("device")).unwrap();
        }
    }

    fn part(&mut self, name: &str, number: &str, disk: &str, values: &[&str]) {
        let folder = self.folders[disk].join(name);
        let digits = name.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        let nth = digits.rsplit('p').next().unwrap();
        self.block(name, number, &folder, &[&format!("partition={nth}")]);
        self.block(name, number, &folder, values);
    }

    fn block(&mut self, name: &str, number: &str, folder: &Path, values: &[&str]) {
        let at = format!("sys/devices/{}", folder.display());
        self.file(&format!("{at}/dev"), &format!("{number}\n"));
        for (key, value) in values.iter().map(|value| value.split_once('=').unwrap()) {
            let key = if key == "sectors" { "size" } else { key };
            self.file(&format!("{at}/{key}"), &format!("{value}\n"));
        }
        fs::create_dir_all(self.root.path().join(&at).join("holders")).unwrap();
        self.folders.insert(name.to_owned(), folder.to_path_buf());
    }

    fn stack(&mut self, above: &str, below: &str) {
        let (over, under) = (&self.folders[above], &self.folders[below]);
        self.file(&format!("sys/devices/{}/slaves/{below}", over.display()), "");
        self.file(&format!("sys/devices/{}/holders/{above}", under.display()), "");
    }

    fn refusals(&self, machine: &Machine, target: &str, lifted: &[Check]) -> Vec<Refusal> {
        let aim = aim_at(machine, target);
        refusals(machine, &self.request(&aim, lifted))
    }

    fn request<'a>(&'a self, aim: &'a Aim, lifted: &'a [Check]) -> Request<'a> {
        Request { aim, needs_bytes: NEEDS_BYTES, edition: &self.edition, lifted }
    }

    /// Hold one expectation against the machine.
    fn hold(&self, machine: &Machine, line: &str) {
        let (kind, rest) = line.split_once(' ').unwrap();
        match (kind, words(rest).as_slice()) {
            ("expect", [target, checks @ ..]) => self.expect(machine, target, &[], checks),
            ("lifting", [lifted, "expect", target, checks @ ..]) => {
                let lifted: Vec<Check> =
                    lifted.split(',').map(|name| name.parse().unwrap()).collect();
                self.expect(machine, target, &lifted, checks);
            }
            ("identity", [path, ..]) => {
                let disk = machine.disks.iter().find(|disk| disk.path == Path::new(path));
                assert_eq!(disk.unwrap().hardware.to_string(), rest[path.len() + 1..], "{path}");
            }
            ("reason", [target, ..]) => {
                let told = self.refusals(machine, target, &[]);
                let told: Vec<String> = told.iter().map(Refusal::to_string).collect();
                assert!(told.iter().any(|told| told == &rest[target.len() + 1..]), "{told:#?}");
            }
            _ => panic!("no such expectation: {line}"),
        }
    }

    fn expect(&self, machine: &Machine, target: &str, lifted: &[Check], checks: &[&str]) {
        let refused = self.refusals(machine, target, lifted);
        let names: Vec<&str> = refused.iter().map(|refusal| refusal.check.name()).collect();
        let expected = if checks == ["clear"] { &[] } else { checks };
        assert_eq!(names, expected, "{target}, lifting {lifted:?}");
        let aim = aim_at(machine, target);
        assert_eq!(clear(machine, &self.request(&aim, lifted)).is_ok(), names.is_empty());
    }
}

fn aim_at(machine: &Machine, target: &str) -> Aim {
    let path = PathBuf::from(target);
    let disks = machine.disks.iter().map(|disk| (&disk.path, disk.number));
    let parts = machine.disks.iter().flat_map(|disk| &disk.partitions);
    let mut all = disks.chain(parts.map(|part| (&part.path, part.number)));
    let gone = DeviceNumber { major: 4000, minor: 0 };
    let number = all.find(|(known, _)| **known == path).map_or(gone, |(_, number)| number);
    Aim::Block { path, number }
}

fn card_in_reader(change: impl FnOnce(&Described)) -> Option<Refusal> {
    let described = described("card_reader_luns");
    let machine = described.machine();
    let aim = aim_at(&machine, "/dev/sdd");
    let cleared = clear(&machine, &described.request(&aim, &[])).unwrap();
    let Aim::Block { number, .. } = aim else { unreachable!("it was aimed at a block device") };
    change(&described);
    changed(&cleared, number, &described.machine())
}

#[test]
fn every_disk_of_every_machine_is_refused_for_just_the_right_reasons() {
    let names = names();
    assert_eq!(names.len(), MACHINES, "{names:?}");
    for name in names {
        let described = described(&name);
        let machine = described.machine();
        assert!(described.expectations.len() >= 3, "{name}: too little is expected");
        println!("{name}: {} disks", machine.disks.len());
        for line in &described.expectations {
            println!("  {line}");
            described.hold(&machine, line);
        }
    }
}

#[test]
fn every_check_refuses_on_some_machine_and_only_its_own_override_lifts_it() {
    let mut refused_by = BTreeMap::new();
    for name in names() {
        let described = described(&name);
        let machine = described.machine();
        for disk in &machine.disks {
            let target = disk.path.to_str().unwrap();
            let all = described.refusals(&machine, target, &[]);
            for check in Check::LIFTABLE {
                let left = described.refusals(&machine, target, &[check]);
                let expected: Vec<_> =
                    all.iter().filter(|refusal| refusal.check != check).cloned().collect();
                assert_eq!(left, expected, "{name}: {target} lifting {check}");
            }
            refused_by.extend(all.into_iter().map(|refusal| (refusal.check, name.clone())));
        }
    }
    let checks: Vec<Check> = refused_by.into_keys().collect();
    let of_files_and_time =
        [Check::Gone, Check::Partition, Check::FileInDev, Check::ExistingFile, Check::Changed];
    let of_disks = Check::ALL.into_iter().filter(|check| !of_files_and_time.contains(check));
    assert_eq!(checks, of_disks.collect::<Vec<_>>());
}

#[test]
fn a_medium_that_was_not_changed_passes_the_second_look() {
    assert_eq!(card_in_reader(|_| ()), None);
}

#[test]
fn another_medium_under_the_same_name_is_refused_with_both_values() {
    let card = "sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3:1.0/host4/target4:0:0/4:0:0:2";
    let table = [
        ("block/sdd/size", "31116289", "size was 15931539456 when chosen, is 15931539968 now"),
        ("block/sdd/diskseq", "15", "count of media was 14 when chosen, is 15 now"),
        ("model", "SD/MMC/MS", "model was Generic- SD/MMC when chosen, is Generic- SD/MMC/MS now"),
        (
            "../../../../serial",
            "20120926571200001",
            "serial number was 20120926571200000 when chosen, is 20120926571200001 now",
        ),
    ];
    for (path, value, reason) in table {
        let refused = card_in_reader(|machine| machine.file(&format!("{card}/{path}"), value));
        let refused = refused.unwrap();
        assert_eq!((refused.check, refused.reason.as_str()), (Check::Changed, reason));
    }
}

#[test]
fn a_medium_that_has_gone_is_told() {
    let refused = card_in_reader(|machine| {
        fs::remove_file(machine.root.path().join("sys/block/sdd")).unwrap();
    });
    let refused = refused.unwrap();
    assert_eq!(refused.check, Check::Gone);
    assert_eq!(refused.to_string(), "/dev/sdd: Generic- SD/MMC has gone since it was chosen");
}
