//! The guest's first file system: a cpio archive in the "newc" form that the kernel unpacks.

use super::packages::Packages;
use std::fs;

/// What the guest runs as its first process.
const INIT: &str = include_str!("init.sh");
const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const PLAIN: u32 = 0o100_644;

/// An archive of busybox, the modules and the first process.
pub(crate) fn initramfs(packages: &Packages) -> Vec<u8> {
    let mut archive = Vec::new();
    for folder in ["bin", "dev", "etc", "mnt", "modules", "proc", "sys", "tmp"] {
        append(&mut archive, folder, FOLDER, &[]);
    }
    let users = b"root:x:0:0::/tmp:/bin/sh\nowner:x:1000:1000::/tmp:/bin/sh\n";
    append(&mut archive, "etc/passwd", PLAIN, users);
    append(&mut archive, "init", PROGRAM, INIT.as_bytes());
    append(&mut archive, "bin/busybox", PROGRAM, &fs::read(&packages.busybox).unwrap());
    for module in &packages.modules {
        let name = module.file_name().expect("a file").to_string_lossy();
        append(&mut archive, &format!("modules/{name}"), PLAIN, &fs::read(module).unwrap());
    }
    append(&mut archive, "TRAILER!!!", 0, &[]);
    archive
}

/// One entry: thirteen numbers in hex, the name, the data; name and data each end on four bytes.
fn append(archive: &mut Vec<u8>, name: &str, mode: u32, data: &[u8]) {
    let (links, size, name_size) = (1, data.len(), name.len() + 1);
    archive.extend_from_slice(
        format!(
            "070701{inode:08x}{mode:08x}{owner:08x}{owner:08x}{links:08x}{time:08x}{size:08x}\
             {device:08x}{device:08x}{device:08x}{device:08x}{name_size:08x}{check:08x}{name}\0",
            inode = archive.len(),
            owner = 0,
            time = 0,
            device = 0,
            check = 0,
        )
        .as_bytes(),
    );
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend_from_slice(data);
    archive.resize(archive.len().next_multiple_of(4), 0);
}
