//! The filled start page against the script that fills it for a preview.

use std::fs;
use std::path::Path;

use scrip::device::{Access, Existing, FileDevice};
use scrip::format::Object;
use scrip::format::edition::{Catalogue, Settings};
use scrip::image::build::Prepared;
use scrip::image::layout::{CATALOGUE_PATH, SETTINGS_PATH};
use scrip::image::leaves::Unwatched;
use scrip::image::player::Platform;

use super::{named, static_player};
use crate::burn::tool;
use crate::world::THREADS;

fn copy_tree(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Build the recipe in `folder` with one player, and compare what mtools reads from its volume
/// with what the preview wrote.
fn compare(folder: &Path) {
    let kitchen = tempfile::tempdir().unwrap();
    let path = |name: &str| kitchen.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    fs::write(path("player"), static_player()).unwrap();
    let script = folder.join("make/preview.py");
    let player = format!("linux-x86_64={}", text("player"));
    tool("python3", &["-B", script.to_str().unwrap(), &text("preview"), &player]);
    let players = [named(Platform::LinuxX86_64, &path("player"))];
    let prepared = Prepared::read(folder, &players, None).unwrap();
    let out = path("edition");
    prepared.write(&out, Existing::Refuse, THREADS, &Unwatched).unwrap();
    let device = FileDevice::open(&out, Access::Read).unwrap();
    let rom = scrip::image::edition::open(&device).unwrap().layout.rom();
    let volume = scrip::fat::open(&device, rom.start, rom.end - rom.start).unwrap();
    for entry in walkdir::WalkDir::new(path("preview")) {
        let entry = entry.unwrap();
        let Ok(name) = entry.path().strip_prefix(path("preview")) else { continue };
        if !entry.file_type().is_file() {
            continue;
        }
        let expected = fs::read(entry.path()).unwrap();
        let found = volume.read(&format!("/{}", name.display()), 64 << 20).unwrap();
        if name == Path::new("START.HTM") {
            let [found, expected] = [&found, &expected].map(|page| String::from_utf8_lossy(page));
            for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
                assert_eq!(found, expected, "line {}", number + 1);
            }
        }
        assert!(found == expected, "{} differs", name.display());
    }
    check_objects(&prepared, &|path| volume.read(path, 1 << 20).unwrap());
}

/// Settings and catalogue say what the recipe says.
fn check_objects(prepared: &Prepared, read: &dyn Fn(&str) -> Vec<u8>) {
    let recipe = prepared.recipe();
    let settings = Settings::decode(&read(SETTINGS_PATH)).unwrap();
    assert_eq!((settings.currency, settings.exponent), (recipe.currency, 0));
    assert_eq!(settings.destinations, recipe.destinations);
    let catalogue = Catalogue::decode(&read(CATALOGUE_PATH)).unwrap();
    assert_eq!(catalogue.items.len(), recipe.items.len());
    for (found, item) in catalogue.items.iter().zip(&recipe.items) {
        assert_eq!((&found.id, &found.title), (&item.id, &item.title.en));
        assert_eq!((found.price, &found.title_ja), (item.price, &item.title.ja));
        assert_eq!(found.size.bytes(), read(&found.path).len() as u64);
    }
}

#[test]
fn the_starter_page_is_filled_as_its_preview_shows() {
    compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("images/starter"));
}

#[test]
fn odd_words_are_filled_in_alike() {
    let folder = tempfile::tempdir().unwrap();
    copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("images/starter"), folder.path());
    let recipe = folder.path().join("recipe.toml");
    let changes = [
        ("title = \"Low Tide\"", "title = \"<b>\\\"Low\\\" & 'Tide'</b>\""),
        ("title_ja = \"引き潮\"\n", ""),
        ("creator = \"The Scrip authors\"", "creator = \"Ann & 'Bob' <ab@example.org>\""),
        ("title_ja = \"Scrip はじめての一枚\"\n", ""),
        ("about = \"Short enough to read between two stations.\"\n", ""),
        ("about_ja = \"駅と駅のあいだに読める長さで。\"\n", ""),
        ("CONTENT/audio/low-tide.flac", "CONTENT/audio/ä & 100% (low) 'tide'~.flac"),
    ];
    let mut text = fs::read_to_string(&recipe).unwrap();
    for (old, new) in changes {
        assert!(text.contains(old), "{old}");
        text = text.replacen(old, new, 1);
    }
    fs::write(&recipe, text).unwrap();
    let audio = folder.path().join("rom/CONTENT/audio");
    fs::rename(audio.join("low-tide.flac"), audio.join("ä & 100% (low) 'tide'~.flac")).unwrap();
    compare(folder.path());
}
