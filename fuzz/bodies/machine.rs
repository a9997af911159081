//! What a kernel shows of a machine: tables and attributes, each of any bytes.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use scrip::device::{Aim, Check, Machine, Request, refusals};
use tempfile::TempDir;

/// The files that a target's bytes become, in order; between them stands a line `--`.
const FILES: [&str; 16] = [
    "proc/self/mountinfo",
    "proc/swaps",
    "sys/block/sdb/size",
    "sys/block/sdb/dev",
    "sys/block/sdb/removable",
    "sys/block/sdb/ro",
    "sys/block/sdb/device/vendor",
    "sys/block/sdb/device/model",
    "sys/block/sdb/device/vpd_pg80",
    "sys/block/sdb/sdb1/dev",
    "sys/block/sdb/sdb1/start",
    "sys/block/sdb/sdb1/size",
    "sys/block/sdb/sdb1/partition",
    "sys/block/sdb/idVendor",
    "sys/block/sdb/idProduct",
    "sys/block/sdb/serial",
];
/// Of a card, from the same bytes: the registers.
const CARD: [(&str, usize); 5] = [
    ("sys/block/mmcblk0/size", 2),
    ("sys/block/mmcblk0/dev", 3),
    ("sys/block/mmcblk0/device/type", 6),
    ("sys/block/mmcblk0/device/cid", 7),
    ("sys/block/mmcblk0/device/csd", 8),
];

/// The tables of mounts and swap areas, then a disk's attributes.
pub fn machine(data: &[u8]) {
    static ROOT: OnceLock<Mutex<TempDir>> = OnceLock::new();
    let root = ROOT.get_or_init(|| Mutex::new(tempfile::tempdir().expect("a temporary folder")));
    let root = root.lock().unwrap_or_else(PoisonError::into_inner);
    let parts = split(data);
    let part = |place: usize| parts.get(place).copied().unwrap_or(b"");
    for (place, file) in FILES.iter().enumerate() {
        put(&root.path().join(file), part(place));
    }
    for (file, place) in CARD {
        put(&root.path().join(file), part(place));
    }
    let machine = Machine::observe(root.path()).expect("both tables are there");
    for disk in &machine.disks {
        assert!(!disk.hardware.to_string().contains(char::is_control));
        let named = |number| Aim::Block { path: disk.path.clone(), number };
        let parts = disk.partitions.iter().map(|partition| partition.number);
        for aim in parts.chain([disk.number]).map(named) {
            judge(&machine, &aim);
        }
    }
}

/// All checks are gone through, with and without those that can be lifted.
fn judge(machine: &Machine, aim: &Aim) {
    let edition = Path::new("/editions/starter");
    let refused = |lifted: &[Check]| {
        refusals(machine, &Request { aim, needs_bytes: 40 << 20, edition, lifted })
    };
    let (all, left) = (refused(&[]), refused(&Check::LIFTABLE));
    assert!(left.iter().all(|refusal| all.iter().any(|known| known.check == refusal.check)));
}

fn split(data: &[u8]) -> Vec<&[u8]> {
    let mut parts = vec![];
    let mut rest = data;
    while let Some(at) = rest.windows(4).position(|bytes| bytes == b"\n--\n") {
        parts.push(&rest[..=at]);
        rest = &rest[at + 4..];
    }
    parts.push(rest);
    parts
}

fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a temporary folder");
    fs::write(path, bytes).expect("a temporary folder");
}
