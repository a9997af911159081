//! Built editions under independent tools; damaged and unsigned ones are refused.

use std::fs;
use std::ops::Range;
use std::path::Path;

use scrip::crypto::{Random, SeededRandom};
use scrip::device::{Access, Device, FileDevice, MemoryDevice};
use scrip::image::edition::{self, EditionError};
use scrip::image::leaves::Unwatched;
use scrip::image::sealed::{SealError, SealedEdition, open_sealed, sign_edition};

use super::{Kitchen, small_tree, static_player};
use crate::burn::tool;
use crate::world::{THREADS, World};

/// A built edition's bytes.
fn built() -> Vec<u8> {
    let kitchen = Kitchen::new();
    kitchen.build("out", THREADS).unwrap();
    fs::read(kitchen.path("out")).unwrap()
}

fn signed(world: &World) -> MemoryDevice {
    let device = MemoryDevice::from_bytes(built());
    sign_edition(&device, &world.rom_signer, &world.rom_chain, THREADS, &Unwatched).unwrap();
    device
}

fn open(world: &World, device: &dyn Device) -> Result<SealedEdition, SealError> {
    open_sealed(device, &world.trust(), THREADS, &Unwatched)
}

#[test]
fn a_built_volume_satisfies_fsck_and_gives_its_tree_back() {
    let kitchen = Kitchen::new();
    kitchen.build("out", THREADS).unwrap();
    let device = FileDevice::open(&kitchen.path("out"), Access::Read).unwrap();
    let rom = edition::open(&device).unwrap().layout.rom();
    let mut bytes = vec![0; usize::try_from(rom.end - rom.start).unwrap()];
    device.read_at(rom.start, &mut bytes).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("rom"), bytes).unwrap();
    fs::create_dir(path("found")).unwrap();
    let [rom, found] = ["rom", "found"].map(|name| path(name).to_str().unwrap().to_owned());
    let said = tool("fsck.vfat", &["-n", &rom]);
    assert!(said.lines().count() == 2, "fsck.vfat complains: {said}");
    tool("mcopy", &["-s", "-i", &rom, "::/", &found]);
    fs::remove_dir_all(path("found/SCRIP")).unwrap();
    let mut expected = small_tree();
    let page = fs::read(path("found/START.HTM")).unwrap();
    assert!(String::from_utf8_lossy(&page).contains("id=\"item-poem\""));
    expected.iter_mut().find(|(name, _)| name == "START.HTM").unwrap().1 = page;
    expected.push(("players/linux-x86_64/scrip-wallet".to_owned(), static_player()));
    expected.sort();
    let found = tree_of(&path("found"));
    let names =
        |tree: &[(String, Vec<u8>)]| tree.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    assert!(found == expected, "a file's bytes differ");
}

fn tree_of(top: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = walkdir::WalkDir::new(top)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn only_a_signed_edition_is_opened_for_burning() {
    let world = World::new();
    let unsigned = open(&world, &MemoryDevice::from_bytes(built())).unwrap_err();
    assert!(matches!(unsigned, SealError::Unsigned(_)), "{unsigned}");
    let sealed = open(&world, &signed(&world)).unwrap();
    assert!(sealed.signer.anchor().is_pinned());
    let foreign = open(&World::of(8), &signed(&world)).unwrap_err();
    assert!(matches!(foreign, SealError::Unpinned { .. }), "{foreign}");
}

#[test]
fn a_truncated_edition_is_refused_with_both_lengths() {
    let world = World::new();
    let whole = signed(&world).into_bytes();
    for cut in [1, 4_096, 1 << 20, 20 << 20] {
        let part = whole[..whole.len() - cut].to_vec();
        let refused = open(&world, &MemoryDevice::from_bytes(part)).unwrap_err();
        let words = format!("file of {} bytes, its header says {}", whole.len() - cut, whole.len());
        assert!(refused.to_string().contains(&words), "{refused}");
    }
    let longer = [whole, vec![0; 512]].concat();
    let refused = open(&world, &MemoryDevice::from_bytes(longer)).unwrap_err();
    assert!(matches!(refused, SealError::Edition(EditionError::Length { .. })), "{refused}");
}

/// 50 places in each of: the whole file, the first MiB, files' data, SEAL.
fn places(sealed: &SealedEdition) -> Vec<u64> {
    let layout = &sealed.layout;
    let mut rng = SeededRandom::new([42; 32]);
    let mut any = |range: Range<u64>| {
        let mut bytes = [0; 8];
        rng.fill(&mut bytes);
        range.start + u64::from_le_bytes(bytes) % (range.end - range.start)
    };
    let files: Vec<_> = sealed.manifest.files.iter().filter(|file| file.size.bytes() > 0).collect();
    let mut places = Vec::new();
    for number in 0..50 {
        let file = files[number * 7 % files.len()];
        let start = layout.rom().start + sealed.plan.locate(&file.path).unwrap();
        places.push(any(0..layout.edition_bytes()));
        places.push(any(0..1 << 20));
        places.push(any(start..start + file.size.bytes()));
        places.push(any(layout.seal()));
    }
    places
}

/// The file that holds a byte of the edition and has a root, if one does.
fn file_at(sealed: &SealedEdition, place: u64) -> Option<&str> {
    let holds = |path: &str, size: u64| {
        let start = sealed.plan.locate(path).map(|at| at + sealed.layout.rom().start);
        start.is_some_and(|start| (start..start + size).contains(&place))
    };
    let files = sealed.manifest.files.iter().filter(|file| file.root.is_some());
    files.map(|file| (&*file.path, file.size.bytes())).find(|(p, s)| holds(p, *s)).map(|(p, _)| p)
}

#[test]
fn every_flipped_bit_is_refused_and_the_file_it_lies_in_named() {
    let world = World::new();
    let device = signed(&world);
    let sealed = open(&world, &device).unwrap();
    let (mut named, places) = (0, places(&sealed));
    for (number, place) in places.iter().copied().enumerate() {
        let flip = |bit: u8| {
            let mut byte = [0];
            device.read_at(place, &mut byte).unwrap();
            device.write_at(place, &[byte[0] ^ bit]).unwrap();
        };
        let bit = 1 << (number % 8);
        flip(bit);
        let refused = open(&world, &device).err();
        flip(bit);
        let refused = refused.unwrap_or_else(|| panic!("bit {bit} of byte {place} was not seen"));
        if let Some(path) = file_at(&sealed, place) {
            let SealError::File { path: found, .. } = &refused else { panic!("{path}: {refused}") };
            assert_eq!(found, path);
            named += 1;
        }
    }
    assert!(places.len() == 200 && named > 40, "{named} flips lay in files");
    assert!(open(&world, &device).is_ok());
}
