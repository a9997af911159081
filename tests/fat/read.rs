//! Reading volumes that others wrote, and volumes that lie.

use std::fs;
use std::process::Command;

use scrip::device::{Device, MemoryDevice};
use scrip::fat::{Options, ReadFileError, Volume, open};
use tempfile::TempDir;

use super::{MIB, Tree, noise, planned, run, tree, varied, written};

/// All files that the reader finds below `path`.
fn read_all(volume: &Volume<'_>, path: &str, found: &mut Tree) {
    for item in volume.list(path).expect("a directory") {
        let child = format!("{path}/{}", item.name);
        if item.is_directory {
            read_all(volume, &child, found);
        } else {
            found.insert(child.clone(), volume.read(&child, 64 * MIB).expect("a file"));
        }
    }
}

fn all_files(device: &MemoryDevice, start: u64, len: u64) -> Tree {
    let mut found = Tree::new();
    read_all(&open(device, start, len).expect("a volume"), "", &mut found);
    found
}

#[test]
fn planned_volumes_read_back_wherever_they_begin() {
    let tree = varied();
    for (volume_bytes, start) in [(34 * MIB, 0), (34 * MIB, 1_000_001), (260 * MIB, 512)] {
        let plan = planned(volume_bytes, &tree, &Options::writable());
        let mut bytes = vec![0xA5; start];
        bytes.extend(fs::read(written(&plan, &tree).path()).expect("the volume"));
        let device = MemoryDevice::from_bytes(bytes);
        assert!(all_files(&device, start as u64, volume_bytes) == tree);
    }
}

#[test]
fn volumes_of_other_makers_with_scattered_files_read_back() {
    let folder = TempDir::new().expect("a temporary directory");
    let image = folder.path().join("volume");
    let source = folder.path().join("source");
    fs::create_dir(&source).expect("a folder");
    fs::File::create(&image).and_then(|file| file.set_len(300 * MIB)).expect("an empty image");
    let mut mkfs = Command::new("mkfs.vfat");
    run("dosfstools", mkfs.args(["-F32", "-s", "2", "-R", "40", "-f", "1"]).arg(&image));
    let copy = |from: &str, to: &str| {
        let mut mcopy = Command::new("mcopy");
        mcopy.env("LC_ALL", "C.UTF-8").args(["-o", "-Q", "-i"]).arg(&image);
        run("mtools", mcopy.arg(source.join(from)).arg(format!("::{to}")));
    };
    let mut expected = Tree::new();
    for n in 0..40 {
        let bytes = noise(n, 10_000 + n * 1_000);
        let name = format!("Übung number {n}.dat");
        fs::write(source.join(&name), &bytes).expect("a file");
        copy(&name, &name);
        expected.insert(format!("/{name}"), bytes);
    }
    for n in (0..40).step_by(2) {
        let mut mdel = Command::new("mdel");
        let name = format!("Übung number {n}.dat");
        run("mtools", mdel.env("LC_ALL", "C.UTF-8").arg("-i").arg(&image).arg(format!("::{name}")));
        expected.remove(&format!("/{name}"));
    }
    fs::write(source.join("scattered"), noise(99, 900_000)).expect("a file");
    copy("scattered", "scattered");
    expected.insert("/scattered".into(), noise(99, 900_000));
    let device = MemoryDevice::from_bytes(fs::read(&image).expect("the volume"));
    assert!(all_files(&device, 0, 300 * MIB) == expected);
}

#[test]
fn paths_are_found_as_fat_compares_them_and_refused_by_name() {
    let tree = tree(&[("/SCRIP/Long name.txt", 5_000), ("/Empty", 0)]);
    let plan = planned(34 * MIB, &tree, &Options::writable());
    let device = MemoryDevice::from_bytes(fs::read(written(&plan, &tree).path()).expect("volume"));
    let volume = open(&device, 0, 34 * MIB).expect("a volume");
    for path in ["/SCRIP/Long name.txt", "/scrip/LONG NAME.TXT", "/Scrip/LONGNA~1.TXT"] {
        assert_eq!(volume.read(path, 5_000).expect("a file"), tree["/SCRIP/Long name.txt"]);
    }
    assert_eq!(volume.read("/EMPTY", 0).expect("a file"), b"");
    assert!(volume.find("/SCRIP").expect("a directory").is_directory);
    let refused = |path, limit| volume.read(path, limit).expect_err("refused").to_string();
    assert_eq!(refused("/other", 9), "/other is not on the volume");
    assert_eq!(refused("other", 9), "other is not on the volume");
    assert_eq!(refused("/scrip", 9), "/scrip is a directory, not a file");
    assert_eq!(refused("/empty/x", 9), "/empty is a file, not a directory");
    assert_eq!(
        refused("/SCRIP/Long name.txt", 4_999),
        "/SCRIP/Long name.txt has 5000 bytes, at most 4999 are read"
    );
    let message = volume.list("/empty").expect_err("refused").to_string();
    assert_eq!(message, "/empty is a file, not a directory");
}

#[test]
fn what_is_no_fat32_volume_is_refused() {
    let plan = planned(34 * MIB, &Tree::new(), &Options::writable());
    let bytes = fs::read(written(&plan, &Tree::new()).path()).expect("the volume");
    let refused = |patch: &[(usize, u8)]| {
        let mut bytes = bytes[..1 << 20].to_vec();
        for (at, byte) in patch {
            bytes[*at] = *byte;
        }
        bytes.resize(34 << 20, 0);
        let device = MemoryDevice::from_bytes(bytes);
        open(&device, 0, 34 * MIB).err().map(|error| error.to_string())
    };
    assert_eq!(refused(&[]), None);
    for (patch, reason) in [
        (&[(510, 0)][..], "no boot sector signature"),
        (&[(12, 4)], "sectors of another size than 512 bytes"),
        (&[(13, 0)], "an impossible cluster size"),
        (&[(13, 3)], "an impossible cluster size"),
        (&[(16, 0)], "the fields of another FAT type"),
        (&[(40, 0x81)], "a first FAT that is switched off"),
        (&[(35, 1)], "areas that lie outside it"),
        (&[(39, 1)], "areas that lie outside it"),
        (&[(13, 2)], "a number of clusters that FAT32 can't have"),
        (&[(36, 8), (37, 0)], "a number of clusters that FAT32 can't have"),
        (&[(44, 0)], "no root directory"),
        (&[(47, 1)], "no root directory"),
    ] {
        assert_eq!(refused(patch), Some(format!("no FAT32 volume at 0: {reason}")), "{patch:?}");
    }
    let tiny = MemoryDevice::zeroed(100);
    assert!(open(&tiny, 0, 100).is_err() && open(&tiny, 50, 100).is_err());
}

#[test]
fn chains_that_loop_or_break_end_with_an_error() {
    let tree = tree(&[("/long.bin", 200_000), ("/dir/a", 1)]);
    let plan = planned(34 * MIB, &tree, &Options::writable());
    let device = MemoryDevice::from_bytes(fs::read(written(&plan, &tree).path()).expect("volume"));
    let volume = open(&device, 0, 34 * MIB).expect("a volume");
    let fat = plan.geometry().fat_offsets()[0];
    let cluster = |offset: u64| (offset - plan.geometry().data_offset()) / 512 + 2;
    let patch = |at: u64, value: u32| {
        device.write_at(fat + at * 4, &value.to_le_bytes()).expect("a patch");
    };
    let file = cluster(plan.locate("/long.bin").expect("a place"));
    for (value, reason) in [
        (0, "it goes to cluster 0, the volume has 2 to 68529"),
        (0x0FFF_FFF7, "it goes to cluster 268435447, the volume has 2 to 68529"),
        (0x0FFF_FFFF, "it ends before the file"),
    ] {
        patch(file + 5, value);
        let message = volume.read("/long.bin", 1 << 20).expect_err("damage").to_string();
        assert_eq!(message, format!("the FAT chain of /long.bin is damaged: {reason}"));
    }
    patch(file + 5, u32::try_from(file).expect("small"));
    assert_eq!(volume.read("/long.bin", 1 << 20).expect("a looping file").len(), 200_000);
    let directory = plan.directories()[1].range.start;
    let full: Vec<u8> = [0xE5; 512].to_vec();
    device.write_at(directory + 64, &full[64..]).expect("no end");
    patch(cluster(directory), u32::try_from(cluster(directory)).expect("small"));
    let looped = volume.read("/dir/b", 9).expect_err("a loop");
    assert!(
        matches!(&looped, ReadFileError::Chain { reason, .. } if reason.contains("2 MiB")),
        "{looped}"
    );
}

#[test]
fn volumes_full_of_noise_are_read_without_panic() {
    let tree = varied();
    let plan = planned(34 * MIB, &tree, &Options::writable());
    let bytes = fs::read(written(&plan, &tree).path()).expect("the volume");
    let device = MemoryDevice::from_bytes(bytes.clone());
    let metadata = plan.metadata_ranges();
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut read = 0;
    for round in 0..2_000 {
        let mut changed = Vec::new();
        for _ in 0..=round % 40 {
            let range = &metadata[usize::try_from(random(metadata.len() as u64)).expect("small")];
            let len = (range.end - range.start).min(if round % 2 == 0 { 128 } else { u64::MAX });
            let offset = range.start + random(len);
            device.write_at(offset, &random(256).to_le_bytes()[..1]).expect("noise");
            changed.push(usize::try_from(offset).expect("small"));
        }
        if let Ok(volume) = open(&device, 0, 34 * MIB) {
            for path in ["", "/Docs", "/many", "/SCRIP"] {
                read += volume.list(path).map_or(0, |items| items.len());
            }
            for path in tree.keys().take(12) {
                read += volume.read(path, 100_000).map_or(0, |bytes| bytes.len());
            }
        }
        for offset in changed {
            device.write_at(offset as u64, &bytes[offset..=offset]).expect("the old byte");
        }
    }
    assert!(read > 100_000, "only {read} bytes and names were read");
}
