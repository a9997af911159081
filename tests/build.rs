//! Building: from a recipe's folder to an edition, and everything that is refused on the way.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use scrip::device::{Access, Existing, FileDevice};
use scrip::image::build::{BuildError, Built, Prepared};
use scrip::image::leaves::Unwatched;
use scrip::image::player::Platform;
use scrip::image::recipe::Player;

use crate::world::THREADS;

mod items;
mod refusal;
mod reproducible;
mod sealed;
mod start_page;
mod tool;

/// The text of a small recipe.
pub(crate) const RECIPE: &str = r#"
schema = 1
name = "small"
release = 2
title = "A small edition"
language = "en"
currency = "JPY"
rom_label = "SMALL-ROM"
ram_label = "SMALL-RAM"
rom_mib = 34
ram_mib = 34
ram = "rewritable"
journal_mib = 1
files = "rom"

[[player]]
platform = "linux-x86_64"
path = "../player"

[[player]]
platform = "macos-universal"
path = "none"

[[item]]
id = "poem"
title = "A poem"
kind = "text"
path = "CONTENT/A poem.txt"
price = 50
rights_holder = "Somebody"
"#;

/// The files of the small recipe's tree.
pub(crate) fn small_tree() -> Vec<(String, Vec<u8>)> {
    let mut files = vec![
        ("START.HTM".to_owned(), b"<ul>\n<!-- scrip:catalogue -->\n</ul>\n".to_vec()),
        ("CONTENT/A poem.txt".to_owned(), b"Roses are red\n".to_vec()),
        ("CONTENT/empty".to_owned(), Vec::new()),
        ("CONTENT/日本語/名前.txt".to_owned(), "読みもの".as_bytes().to_vec()),
    ];
    for number in 0..40_usize {
        let byte = |at: usize| u8::try_from(at * (number + 3) % 251).unwrap();
        let bytes = (0..number * 1_731).map(byte).collect();
        files.push((format!("CONTENT/data/A file with the number {number}.bin"), bytes));
    }
    files
}

/// A recipe's folder in a folder of its own, and a player beside it.
pub(crate) struct Kitchen {
    folder: tempfile::TempDir,
}

impl Kitchen {
    pub(crate) fn new() -> Self {
        Self::stocked(RECIPE, &small_tree())
    }

    pub(crate) fn stocked(recipe: &str, files: &[(String, Vec<u8>)]) -> Self {
        let kitchen = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(kitchen.recipe().join("rom")).unwrap();
        fs::write(kitchen.recipe().join("recipe.toml"), recipe).unwrap();
        fs::write(kitchen.path("player"), static_player()).unwrap();
        for (name, bytes) in files {
            kitchen.put(name, bytes);
        }
        kitchen
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn recipe(&self) -> PathBuf {
        self.path("recipe")
    }

    /// Where a file of the tree lies.
    pub(crate) fn in_tree(&self, name: &str) -> PathBuf {
        self.recipe().join("rom").join(name)
    }

    /// Put a file into the tree.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.in_tree(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn build(&self, out: &str, threads: NonZeroUsize) -> Result<Built, BuildError> {
        Prepared::read(&self.recipe(), &[], None)?.write(
            &self.path(out),
            Existing::Refuse,
            threads,
            &Unwatched,
        )
    }

    /// The names in the folder beside the recipe's.
    pub(crate) fn beside(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// The head of a statically linked program for x86-64, which is all that is looked at.
pub(crate) fn static_player() -> Vec<u8> {
    let mut bytes = vec![0; 5_000];
    let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &[2, 0, 62, 0]);
    put(24, &[1, 2, 3, 4]);
    put(32, &[64]);
    put(54, &[56, 0, 1, 0]);
    put(64, &[1]);
    bytes
}

pub(crate) fn named(platform: Platform, path: &Path) -> Player {
    Player { platform, path: path.to_path_buf() }
}

#[test]
fn a_recipe_becomes_an_edition() {
    let kitchen = Kitchen::new();
    let prepared = Prepared::read(&kitchen.recipe(), &[], None).unwrap();
    let missing = kitchen.recipe().join("none");
    let expected = format!("no player for macos-universal: {} isn't there", missing.display());
    assert_eq!(prepared.warnings(), [expected]);
    // The tree, the player, settings and catalogue.
    assert_eq!(prepared.files(), small_tree().len() + 3);
    let out = kitchen.path("small.edition");
    let built = prepared.write(&out, Existing::Refuse, THREADS, &Unwatched).unwrap();
    let device = FileDevice::open(&out, Access::Read).unwrap();
    let opened = scrip::image::edition::open(&device).unwrap();
    assert_eq!(opened.header.edition, built.edition);
    assert_eq!(fs::metadata(&out).unwrap().len(), prepared.edition_bytes());
    assert_eq!(kitchen.beside(), ["player", "recipe", "small.edition"]);
}

#[test]
fn a_named_player_goes_before_the_recipes_own() {
    let kitchen = Kitchen::new();
    let mac = kitchen.path("mac");
    fs::write(&mac, b"\xca\xfe\xba\xbe and more").unwrap();
    let players = [named(Platform::MacosUniversal, &mac)];
    let prepared = Prepared::read(&kitchen.recipe(), &players, None).unwrap();
    assert!(prepared.warnings().is_empty());
    assert_eq!(prepared.files(), small_tree().len() + 4);
}

#[test]
fn an_empty_folder_is_left_out_with_a_warning() {
    let kitchen = Kitchen::new();
    fs::create_dir_all(kitchen.in_tree("CONTENT/later/still")).unwrap();
    let prepared = Prepared::read(&kitchen.recipe(), &[], None).unwrap();
    assert_eq!(prepared.warnings()[0], "folder \"CONTENT/later/still\" is empty and is left out");
}
