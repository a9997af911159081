//! Burning, seen by independent tools.

use std::fs;
use std::path::Path;
use std::process::Command;

use scrip::device::simulated::{StopAt, Stopping};
use scrip::device::{Access, Device, Existing, FileDevice, MemoryDevice};
use scrip::image::burn::{Care, Start};

use crate::world::{Sample, Unfollowed, files};

/// Run a tool that must be there, and give what it printed.
pub(crate) fn tool(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(name).args(arguments).output().unwrap_or_else(|error| {
        panic!("{name}: {error}; apt-get install dosfstools gdisk mtools cryptsetup-bin")
    });
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{name} {arguments:?}: {}\n{text}", output.status);
    text
}

/// Copy a stretch of a medium into a file of its own.
fn extract(medium: &dyn Device, range: std::ops::Range<u64>, to: &Path) {
    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap()];
    medium.read_at(range.start, &mut bytes).unwrap();
    fs::write(to, bytes).unwrap();
}

#[test]
fn a_burnt_medium_satisfies_the_independent_tools() {
    let sample = Sample::new(1);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    let length = sample.sealed.layout.medium_bytes();
    let image = FileDevice::create(&path("medium.img"), length, Existing::Refuse).unwrap();
    sample.burn_to(&image);
    let table = tool("sgdisk", &["-v", "-p", &text("medium.img")]);
    assert!(table.contains("No problems found"), "{table}");
    assert!(table.contains("Scrip SEAL") && !table.to_lowercase().contains("warning"), "{table}");
    let layout = &sample.sealed.layout;
    extract(&image, layout.rom(), &path("rom"));
    extract(&image, layout.seal(), &path("seal"));
    extract(&image, layout.ram(), &path("ram"));
    for volume in ["rom", "ram"] {
        let said = tool("fsck.vfat", &["-n", &text(volume)]);
        assert!(said.lines().count() == 2, "fsck.vfat complains: {said}");
    }
    let root = data_encoding::HEXLOWER.encode(&sample.stamped.tree.root());
    tool("veritysetup", &["verify", &text("rom"), &text("seal"), &root]);
    tool("mcopy", &["-s", "-i", &text("rom"), "::/", &text("")]);
    for (file, bytes) in files().0 {
        let found = fs::read(folder.path().join(file.trim_start_matches('/'))).unwrap();
        assert!(found == bytes, "{file} differs");
    }
}

#[test]
fn media_of_one_edition_differ_only_in_the_stamped_blocks() {
    let one = Sample::new(1);
    let two = Sample::new(2);
    let layout = &one.sealed.layout;
    let (first, second) = (one.burnt().into_bytes(), two.burnt().into_bytes());
    let mut allowed: Vec<_> = one
        .stamped
        .overlays
        .iter()
        .map(|(offset, bytes)| *offset..*offset + bytes.len() as u64)
        .collect();
    let last = layout.medium_bytes();
    let ram = layout.ram().start;
    allowed.extend([0..17_408, last - 16_896..last, ram..ram + 4_096]);
    for file in one.stamped.ram.plan.files() {
        let start = ram + file.offset_bytes.unwrap();
        allowed.push(start..start + file.size_bytes.min(4_096));
    }
    let computed: u64 = allowed.iter().map(|range| range.end - range.start).sum();
    assert!(computed <= 1 << 20, "{computed} bytes are stamped");
    for (place, (a, b)) in first.iter().zip(&second).enumerate() {
        let inside = |range: &std::ops::Range<u64>| range.contains(&(place as u64));
        assert!(a == b || allowed.iter().any(inside), "byte {place} differs");
    }
    assert!(first != second);
}

#[test]
fn a_burn_cut_off_anywhere_lists_no_partition_and_resumes_to_the_same_bytes() {
    let sample = Sample::new(3);
    let whole = sample.burnt().into_bytes();
    let length = sample.sealed.layout.medium_bytes();
    // A former owner's table must not survive the first flush.
    let former = || {
        let device = MemoryDevice::filled(usize::try_from(length).unwrap(), 0xa5);
        device.write_at(0, &whole[..17_408]).unwrap();
        device.write_at(length - 16_896, &whole[whole.len() - 16_896..]).unwrap();
        device
    };
    let mut cut = 0;
    loop {
        let device = former();
        let stopping = Stopping::new(&device, StopAt::WriteOrFlush(cut));
        let finished = sample.burn().run(&stopping, &Care::FRESH, &Unfollowed).is_ok();
        let found = device.snapshot();
        judge(&found, &whole, cut);
        if finished {
            break;
        }
        sample
            .burn()
            .run(&device, &Care { start: Start::Resumed, ..Care::FRESH }, &Unfollowed)
            .unwrap();
        assert!(device.into_bytes() == whole, "resumed after a stop at {cut}");
        cut += 1;
    }
    assert!(cut > 50, "only {cut} writes and flushes were cut off");
}

/// A stopped burn is blank, has its backup table alone, or is whole.
fn judge(found: &[u8], whole: &[u8], cut: u64) {
    let primary = found[512..1024].starts_with(b"EFI PART");
    let backup = found[found.len() - 512..].starts_with(b"EFI PART");
    let mbr = found[510..512] == [0x55, 0xaa];
    let same_body =
        found[1 << 20..found.len() - (1 << 20)] == whole[1 << 20..whole.len() - (1 << 20)];
    if cut >= 2 && (primary || backup || mbr) {
        assert!(same_body, "cut at {cut}: a partition is listed over an unfinished body");
    }
}

#[test]
fn a_burnt_file_is_read_back_from_its_device() {
    let sample = Sample::new(4);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.img");
    let length = sample.sealed.layout.medium_bytes();
    let image = FileDevice::create(&path, length, Existing::Refuse).unwrap();
    sample.burn_to(&image);
    drop(image);
    let again = FileDevice::open(&path, Access::Read).unwrap();
    let mut bytes = vec![0; usize::try_from(length).unwrap()];
    again.read_at(0, &mut bytes).unwrap();
    let expected = sample.burnt().into_bytes();
    let ram = usize::try_from(sample.sealed.layout.ram().start).unwrap();
    assert!(bytes[..ram] == expected[..ram]);
}
