//! Burning, seen by independent tools.

mod cut;
pub(crate) mod desk;
mod next;
mod station;
mod storage;
pub(crate) mod terminal;
pub(crate) mod tool;

use std::fs;
use std::path::Path;
use std::process::Command;

use scrip::device::{Access, Device, Existing, FileDevice};

use crate::world::{Sample, files};

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
    let root = data_encoding::HEXLOWER.encode(&sample.stamped.root);
    tool("veritysetup", &["verify", &text("rom"), &text("seal"), &root]);
    tool("mcopy", &["-s", "-i", &text("rom"), "::/", &text("")]);
    for (file, bytes) in files().0 {
        let found = fs::read(folder.path().join(file.trim_start_matches('/'))).unwrap();
        assert!(found == bytes, "{file} differs");
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
