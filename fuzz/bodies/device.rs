//! What lies on devices that nobody vouches for: tables, volumes, programs.

use std::io::{Seek, SeekFrom, Write};
use std::sync::{Mutex, OnceLock};

use scrip::device::{Contents, MemoryDevice, Slice, SourceFile};
use scrip::fat::{self, Item, Volume};
use scrip::image::gpt;
use scrip::image::player::{self, Platform};
use tempfile::NamedTempFile;

use super::input::Input;
use super::medium::{burnt, patched};

/// What stands in a directory is looked at this deep, and this many times in all.
const DEPTH_MAX: usize = 6;
const LOOKS_MAX: usize = 200;
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A device's first bytes: its partition table, or whatever it holds.
pub fn gpt(data: &[u8]) {
    let (header, entries) = (data.get(512..).unwrap_or(data), data.get(1024..).unwrap_or(&[]));
    let entries = &entries[..entries.len().min(128 * 128)];
    let len = 1 << 30;
    let padded = [entries, &vec![0; 128 * 128 - entries.len()]].concat();
    for entries in [entries, &padded] {
        if let Some(stated) = gpt::first_partition(header, entries, len) {
            assert!(stated.start < stated.end && stated.end <= len);
        }
    }
    let contents = Contents::of(&MemoryDevice::from_bytes(data.to_vec())).expect("memory");
    assert!(!contents.to_string().contains(char::is_control), "{contents}");
}

/// The read-only volume of a burnt medium, patched: it is read as any volume is, and compared with
/// its plan.
pub fn fat_volume(data: &[u8]) {
    let device = patched(Input::new(data));
    let range = burnt().layout.rom();
    if let Ok(volume) = fat::open(&device, range.start, range.end - range.start) {
        look(&volume, "", 0, &mut 0);
    }
    let rom = Slice::new(&device, range.start, range.end - range.start).expect("inside it");
    let found = fat::compare(&burnt().rom, &rom).expect("memory");
    let metadata = burnt().rom.metadata_ranges();
    let changed = device.changed().into_keys().any(|at| {
        let inside = |offset: u64| metadata.iter().any(|range| range.contains(&offset));
        at.checked_sub(range.start).is_some_and(inside)
    });
    assert_eq!(found.differences().is_empty(), !changed, "{:?}", found.differences());
}

fn look(volume: &Volume<'_>, path: &str, depth: usize, looks: &mut usize) {
    let Ok(items) = volume.list(path) else { return };
    for Item { name, size_bytes, is_directory, .. } in items {
        *looks += 1;
        if *looks > LOOKS_MAX {
            return;
        }
        let path = format!("{path}/{name}");
        let found = volume.find(&path);
        if is_directory && depth < DEPTH_MAX {
            look(volume, &path, depth + 1, looks);
        }
        match volume.read(&path, FILE_BYTES_MAX) {
            // Of names that differ by case alone, the first is found.
            Ok(bytes) => assert_eq!(found.expect("it was read").size_bytes, bytes.len() as u64),
            Err(_) if is_directory || size_bytes > FILE_BYTES_MAX => {}
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// A file that should be a player.
pub fn elf_player(data: &[u8]) {
    static FILE: OnceLock<Mutex<NamedTempFile>> = OnceLock::new();
    let file = FILE.get_or_init(|| Mutex::new(NamedTempFile::new().expect("a temporary file")));
    let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    file.as_file().set_len(0).expect("a temporary file");
    file.seek(SeekFrom::Start(0)).expect("a temporary file");
    file.write_all(data).expect("a temporary file");
    let source = SourceFile::at(file.path()).expect("a temporary file");
    for platform in Platform::ALL {
        if let Err(error) = player::check(platform, &source) {
            let shown = error.to_string();
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
    }
}
