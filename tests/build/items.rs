//! Items sealed while an edition is built.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use scrip::crypto::Secret;
use scrip::crypto::chunks::{self, Position};
use scrip::device::{Access, Device, Existing, FileDevice, MemoryDevice};
use scrip::image::build::Prepared;
use scrip::image::items::{ItemKeysError, item_keys};
use scrip::image::leaves::Unwatched;
use scrip::image::sealed::{SealedEdition, open_sealed, sign_edition};
use scrip::trust::EditionSecret;

use super::{Kitchen, RECIPE, small_tree};
use crate::world::{THREADS, World};

/// Two chunks long.
const LONG: &str = "CONTENT/data/A file with the number 39.bin";

fn secret(byte: u8) -> EditionSecret {
    EditionSecret::new(Secret::new([byte; 32]))
}

fn recipe() -> String {
    format!(
        "{RECIPE}\n[[item]]\nid = \"long\"\ntitle = \"Long\"\nkind = \"text\"\npath = \"{LONG}\"\n\
         price = 9\nrights_holder = \"Somebody\"\n\n[[item]]\nid = \"gift\"\ntitle = \"Gift\"\n\
         kind = \"text\"\npath = \"CONTENT/data/A file with the number 38.bin\"\nprice = 0\n\
         rights_holder = \"Somebody\"\n"
    )
}

fn built(files: &[(String, Vec<u8>)], byte: u8, threads: usize) -> Vec<u8> {
    let kitchen = Kitchen::stocked(&recipe(), files);
    let prepared = Prepared::read(&kitchen.recipe(), &[], Some(secret(byte))).unwrap();
    assert_eq!(prepared.sealed(), (2, 0));
    let (out, threads) = (kitchen.path("out"), NonZeroUsize::new(threads).unwrap());
    prepared.write(&out, Existing::Refuse, threads, &Unwatched).unwrap();
    fs::read(out).unwrap()
}

fn signed(bytes: Vec<u8>) -> (SealedEdition, MemoryDevice) {
    let (world, device) = (World::new(), MemoryDevice::from_bytes(bytes));
    sign_edition(&device, &world.rom_signer, &world.rom_chain, THREADS, &Unwatched).unwrap();
    (open_sealed(&device, &world.trust(), THREADS, &Unwatched).unwrap(), device)
}

#[test]
fn the_same_recipe_and_secret_give_the_same_bytes() {
    let mut files = small_tree();
    let first = built(&files, 1, 1);
    files.reverse();
    assert!(built(&files, 1, 4) == first, "order or threads show");
    assert!(built(&files, 2, 1) != first, "another secret doesn't show");
}

#[test]
fn a_sealed_item_opens_to_its_source_and_a_free_one_lies_open() {
    let (sealed, edition) = signed(built(&small_tree(), 1, 3));
    let keys = item_keys(&sealed, &edition, &[secret(2), secret(1)]).unwrap();
    let roots: Vec<_> = keys.iter().map(|(root, _)| *root).collect();
    assert_eq!(roots, [sealed.items[0].root, sealed.items[1].root]);
    let source = |path: &str| small_tree().into_iter().find(|(name, _)| name == path).unwrap().1;
    let stored = |path: &str, length: u64| {
        let at = sealed.layout.rom().start + sealed.plan.locate(&format!("/{path}")).unwrap();
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        edition.read_at(at, &mut bytes).unwrap();
        bytes
    };
    let long = stored(LONG, sealed.items[1].size.bytes());
    assert_eq!(long.len(), source(LONG).len() + 32);
    let (one, two) = long.split_at(chunks::SEALED_BYTES);
    let opened = [(0, Position::Inner, one), (1, Position::Last, two)]
        .map(|(index, position, chunk)| chunks::open(&keys[1].1, index, position, chunk).unwrap());
    assert!([opened[0].expose(), opened[1].expose()].concat() == source(LONG));
    let free = "CONTENT/data/A file with the number 38.bin";
    assert!(stored(free, sealed.items[2].size.bytes()) == source(free));
    assert_eq!(sealed.items[2].content, None);
}

#[test]
fn without_the_right_secret_no_medium_is_made() {
    let (sealed, edition) = signed(built(&small_tree(), 1, 1));
    let refused = |secrets: &[EditionSecret]| item_keys(&sealed, &edition, secrets).err().unwrap();
    let hex = |byte| data_encoding::HEXLOWER.encode(&secret(byte).id());
    let expected = format!("edition small release 2 is sealed under secret {}, at hand ", hex(1));
    assert_eq!(refused(&[]).to_string(), format!("{expected}is none"));
    assert_eq!(refused(&[secret(2)]).to_string(), format!("{expected}is {}", hex(2)));
    let at = sealed.layout.rom().start + sealed.plan.locate(&format!("/{LONG}")).unwrap();
    edition.write_at(at + 9, &[1, 2, 3]).unwrap();
    let altered = refused(&[secret(1)]);
    assert!(matches!(&altered, ItemKeysError::Item { item, .. } if item == "long"), "{altered}");
}

fn build(kitchen: &Kitchen, arguments: &[&str]) -> Output {
    let mut command = Command::new(cargo_bin("scrip-store"));
    command.args(["build", "recipe"]).args(arguments).current_dir(kitchen.path(""));
    command.output().unwrap()
}

#[test]
fn the_tool_makes_a_secret_once_and_uses_it_again() {
    let kitchen = Kitchen::stocked(&recipe(), &small_tree());
    let talk = |output: &Output| {
        let parts = [&output.stdout, &output.stderr];
        parts.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
    };
    let dry = build(&kitchen, &["--out", "dry", "--secret", "own.secret", "--dry-run"]);
    assert!(talk(&dry).contains("own.secret: would be made"), "{}", talk(&dry));
    assert!(!kitchen.path("own.secret").exists());
    let one = build(&kitchen, &["--out", "one", "--secret", "own.secret"]);
    assert!(one.status.success() && talk(&one).contains("items sealed: 2"), "{}", talk(&one));
    let mode = fs::metadata(kitchen.path("own.secret")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let secret = fs::read(kitchen.path("own.secret")).unwrap();
    let two = build(&kitchen, &["--out", "two", "--secret", "own.secret"]);
    assert!(two.status.success() && !talk(&two).contains("made"), "{}", talk(&two));
    assert!(fs::read(kitchen.path("own.secret")).unwrap() == secret);
    let bytes = |name: &str| fs::read(kitchen.path(name)).unwrap();
    assert!(bytes("one") == bytes("two"));
    assert!(FileDevice::open(&kitchen.path("one"), Access::Read).is_ok());
    let open = build(&kitchen, &["--out", "open"]);
    assert!(talk(&open).contains("lie open: 2; --secret FILE seals them"), "{}", talk(&open));
    let inside = build(&kitchen, &["--out", "three", "--secret", "recipe/rom/own.secret"]);
    assert_eq!(inside.status.code(), Some(2), "{}", talk(&inside));
    assert!(talk(&inside).contains("lies in the recipe's folder"), "{}", talk(&inside));
    fs::write(kitchen.path("odd"), b"no secret").unwrap();
    let odd = build(&kitchen, &["--out", "three", "--secret", "odd"]);
    assert_eq!(odd.status.code(), Some(3), "{}", talk(&odd));
    assert!(fs::read(kitchen.path("odd")).unwrap() == b"no secret");
}
