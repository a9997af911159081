//! Media for the kernel that no code of Scrip has made: partition table, volumes and files come from
//! sgdisk, mkfs.vfat and mtools.

use super::volume::Volume;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

const MIB: usize = 1 << 20;
/// The smallest medium: 34 MiB ROM, 1 MiB SEAL, 34 MiB RAM, a MiB before and after.
pub(crate) const ROM: Range<usize> = MIB..35 * MIB;
pub(crate) const RAM: Range<usize> = 36 * MIB..70 * MIB;
const MEDIUM: usize = 71 * MIB;
/// What fresh media hold here, so that a byte which nobody writes shows.
const FRESH: u8 = 0xA5;

/// A medium whose ROM is full and whose ROM files are read-only.
pub(crate) fn plain_medium() -> Vec<u8> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target directory");
    let (folder, image) = (folder.path(), folder.path().join("medium.img"));
    fs::write(&image, vec![FRESH; MEDIUM]).unwrap();
    partition(&image);
    format(&image, &ROM);
    format(&image, &RAM);
    fill(folder, &image);
    run(Command::new("sgdisk").arg("-v").arg(&image));
    let bytes = fs::read(&image).unwrap();
    assert_eq!(Volume::new(&bytes[ROM]).free_bytes(), 0, "the reserve takes all that is free");
    bytes
}

fn partition(image: &Path) {
    let parts = ["-n1:2048:71679", "-t1:0700", "-A1:set:60", "-n2:71680:73727", "-n3:73728:143359"];
    run(Command::new("sgdisk").arg("-o").args(parts).args(["-t3:0700", "-A2:set:63"]).arg(image));
}

fn format(image: &Path, part: &Range<usize>) {
    let (offset, blocks) = (part.start / 512, part.len() / 1024);
    run(Command::new("mkfs.vfat")
        .args(["-F32", "-s1", "--offset", &offset.to_string()])
        .args([image.as_os_str(), blocks.to_string().as_ref()]));
}

/// The trees of both volumes; the ROM's reserve is sized by what is left.
fn fill(folder: &Path, image: &Path) {
    let tree = folder.join("tree");
    fs::create_dir_all(tree.join("SCRIP/MEDIUM")).unwrap();
    fs::create_dir_all(tree.join("Songs of the harbour")).unwrap();
    for (name, size) in [
        ("START.HTM", 3000),
        ("SCRIP/MANIFEST.CBR", 16_384),
        ("SCRIP/MEDIUM/CERT.CBR", 4096),
        ("Songs of the harbour/First light.txt", 700),
    ] {
        fs::write(tree.join(name), vec![b'x'; size]).unwrap();
    }
    let (rom, ram) = (at(image, &ROM), at(image, &RAM));
    let parts = ["START.HTM", "SCRIP", "Songs of the harbour"].map(|name| tree.join(name));
    run(Command::new("mcopy").args(["-s", "-i", &rom]).args(&parts).arg("::"));
    run(Command::new("mcopy").args(["-s", "-i", &ram]).arg(tree.join("SCRIP")).arg("::"));
    let free = Volume::new(&fs::read(image).unwrap()[ROM]).free_bytes();
    fs::write(folder.join("reserve"), vec![0; free]).unwrap();
    run(Command::new("mcopy").args(["-i", &rom]).arg(folder.join("reserve")).arg("::RESERVE.BIN"));
    run(Command::new("mattrib").args(["-/", "-i", &rom, "+r", "::"]));
}

/// How mtools name a volume within an image.
fn at(image: &Path, part: &Range<usize>) -> String {
    format!("{}@@{}", image.display(), part.start)
}

/// Runs a command that has to succeed, and hands back what it printed.
fn run(command: &mut Command) -> String {
    let hint = "on Debian: apt-get install gdisk dosfstools mtools";
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {hint}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {said}{wrong}", output.status);
    said
}
