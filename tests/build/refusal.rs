//! What isn't built, and in which words.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use scrip::device::Existing;
use scrip::image::build::{BuildError, Prepared};
use scrip::image::leaves::{Unwatched, Watch};
use scrip::image::player::Platform;
use scrip::image::recipe::Recipe;
use scrip::tool::Exit;

use super::{Kitchen, RECIPE, named, small_tree};
use crate::world::THREADS;

fn starter() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("images/starter/recipe.toml"))
        .unwrap()
}

#[test]
fn the_starter_recipe_is_read_as_it_stands() {
    let recipe = Recipe::parse(Path::new("images/starter/recipe.toml"), &starter()).unwrap();
    assert_eq!((recipe.edition_name(), recipe.language), ("starter release 1".to_owned(), "en"));
    assert_eq!((recipe.items.len(), recipe.players.len()), (8, 4));
    assert_eq!(recipe.display, ["colours=auto", "prices=shown"]);
    assert_eq!(recipe.shape.rom.bytes(), 350 << 20);
    assert_eq!(recipe.files, Path::new("images/starter/rom"));
}

/// Lines of the starter recipe, what is put in their place, and what is said about it.
const BAD_VALUES: &[(&str, &str, &str)] = &[
    ("schema = 1", "schema = 2", "schema is 2, expected 1"),
    (
        "name = \"starter\"",
        "name = \"Starter\"",
        "name is \"Starter\" (7 characters), expected 1 to 32 of a-z, 0-9 and -",
    ),
    (
        "name = \"starter\"",
        "name = \"\"",
        "name is \"\" (0 characters), expected 1 to 32 of a-z, 0-9 and -",
    ),
    ("release = 1", "release = 0", "release is 0, expected 1 to 65535"),
    ("release = 1", "release = 65536", "release is 65536, expected 1 to 65535"),
    ("release = 1", "release = -1", "release is -1, expected 1 to 65535"),
    (
        "title = \"Scrip starter edition\"",
        "title = \"a\\nb\"",
        "title is \"a\\nb\" (3 characters), expected one line of 1 to 80 characters without control characters",
    ),
    (
        "language = \"en\"",
        "language = \"fr\"",
        "language is \"fr\", expected one of \"en\", \"ja\"",
    ),
    (
        "currency = \"JPY\"",
        "currency = \"yen\"",
        "currency is \"yen\", expected three capital letters (ISO 4217)",
    ),
    (
        "rom_label = \"SCRIP-ROM\"",
        "rom_label = \"SCRIP-ROM-12\"",
        "rom_label is \"SCRIP-ROM-12\" (12 characters), expected 1 to 11 of A-Z, 0-9, - and _",
    ),
    (
        "ram_label = \"SCRIP-RAM\"",
        "ram_label = \"scrip\"",
        "ram_label is \"scrip\" (5 characters), expected 1 to 11 of A-Z, 0-9, - and _",
    ),
    ("rom_mib = 350", "rom_mib = 33", "rom_mib is 33, expected 34 to 1048576"),
    ("ram_mib = 300", "ram_mib = 1048577", "ram_mib is 1048577, expected 34 to 1048576"),
    (
        "ram = \"rewritable\"",
        "ram = \"worm\"",
        "ram is \"worm\", expected one of \"rewritable\", \"write-once\"",
    ),
    ("journal_mib = 4", "journal_mib = 65", "journal_mib is 65, expected 1 to 64"),
    ("ram_mib = 300", "ram_mib = 34\njournal_mib = 5", "`journal_mib = 4`: duplicate key"),
    (
        "files = \"rom\"",
        "files = \"../rom\"",
        "files is \"../rom\", expected a relative path of names and /, without `.` and `..`",
    ),
    (
        "files = \"rom\"",
        "files = \"/rom\"",
        "files is \"/rom\", expected a relative path of names and /, without `.` and `..`",
    ),
    (
        "colours = \"auto\"",
        "colours = \"sepia\"",
        "display.colours is \"sepia\", expected one of \"auto\", \"light\", \"dark\"",
    ),
    (
        "prices = \"shown\"",
        "prices = 1",
        "`prices = 1`: invalid type: integer `1`, expected a string",
    ),
    (
        "prices = \"shown\"",
        "price = \"shown\"",
        "`price = \"shown\"`: unknown field `price`, expected `colours` or `prices`",
    ),
    (
        "url = \"http://localhost:8470/\"",
        "url = \"http://example.org/\"",
        "destination 1, url is \"http://example.org/\", expected https://HOST..., or http:// to localhost, 127.0.0.1 or [::1]",
    ),
    (
        "url = \"http://localhost:8470/\"",
        "url = \"http://localhost@example.org/\"",
        "expected https://HOST",
    ),
    ("url = \"http://localhost:8470/\"", "url = \"https:///path\"", "expected https://HOST"),
    ("url = \"http://localhost:8470/\"", "url = \"https://a b\"", "expected https://HOST"),
    (
        "url = \"http://localhost:8470/\"",
        "url = \"https://a\"\nkey = \"00\"",
        "destination 1, key is \"00\" (2 characters), expected an Ed25519 public key in 64 lower-case hex digits",
    ),
    (
        "platform = \"linux-aarch64\"",
        "platform = \"plan9\"",
        "player 2, platform is \"plan9\", expected one of \"linux-x86_64\", \"linux-aarch64\", \"windows-x86_64\", \"macos-universal\"",
    ),
    (
        "platform = \"linux-aarch64\"",
        "platform = \"linux-x86_64\"",
        "player 2, platform is \"linux-x86_64\", expected each once, and player 1 has it",
    ),
    (
        "id = \"letters\"",
        "id = \"tally-stick\"",
        "item 5, id is \"tally-stick\", expected each once, and item 3 has it",
    ),
    (
        "id = \"letters\"",
        "id = \"letters of an owner who was away\"",
        "expected 1 to 32 of a-z, 0-9 and -",
    ),
    (
        "path = \"CONTENT/audio/low-tide.flac\"",
        "path = \"CONTENT/pictures/moon-over-the-terraces.png\"",
        "item 7, path is \"CONTENT/pictures/moon-over-the-terraces.png\", expected each once, and item 2 has it",
    ),
    (
        "path = \"CONTENT/audio/low-tide.flac\"",
        "path = \"CONTENT/./low-tide.flac\"",
        "item 7, path is",
    ),
    (
        "price = 120",
        "price = 1000000000001",
        "item 3, price is 1000000000001, expected 0 to 1000000000000",
    ),
    ("price = 120", "price = -1", "item 3, price is -1, expected 0 to 1000000000000"),
    (
        "price = 120",
        "price = 1.20",
        "`price = 1.20`: invalid type: floating point `1.2`, expected i64",
    ),
    ("price = 120", "", "missing field `price`"),
    (
        "kind = \"picture\"",
        "kind = \"video\"",
        "item 2, kind is \"video\", expected one of \"text\", \"audio\", \"picture\"",
    ),
    (
        "kind = \"picture\"",
        "kind = \"picture\"\nseconds = 5",
        "item 2, seconds is 5, expected none but for audio",
    ),
    ("seconds = 39", "", "item 7, seconds is missing, expected 1 to 86400 for audio"),
    ("seconds = 39", "seconds = 86401", "item 7, seconds is 86401, expected 1 to 86400"),
    (
        "about = \"Short enough to read between two stations.\"",
        "",
        "item 6, about_ja is there alone, expected an `about` beside it",
    ),
    ("[[item]]", "[[items]]", "`[[items]]`: unknown field `items`, expected one of"),
    ("schema = 1", "schema =", "`schema =`: "),
];

#[test]
fn values_outside_their_limits_are_refused_by_key_value_and_limit() {
    let good = starter();
    for (line, bad, words) in BAD_VALUES {
        let text = good.replacen(line, bad, 1);
        assert_ne!(text, good, "{line} stands in the starter recipe");
        let refused = Recipe::parse(Path::new("x/recipe.toml"), &text).unwrap_err();
        assert_eq!(Exit::from(&refused), Exit::Refusal);
        let said = refused.to_string();
        assert!(said.starts_with("x/recipe.toml: ") && said.contains(words), "{bad}: {said}");
        assert!(said.lines().count() == 1 && said.len() < 400, "{said}");
    }
}

#[test]
fn texts_have_a_longest_length() {
    for (key, max) in [("title", 80), ("title_ja", 80), ("about", 200), ("rights_holder", 80)] {
        for (length, good) in [(max, true), (max + 1, false)] {
            let item = format!(
                "[[item]]\nid = \"x\"\nkind = \"text\"\npath = \"x\"\nprice = 0\n{key} = \"{}\"\n",
                "語".repeat(length)
            );
            let others = [("title", "t"), ("rights_holder", "r")].iter().filter(|(k, _)| *k != key);
            let others: Vec<_> = others.map(|(k, v)| format!("{k} = \"{v}\"")).collect();
            let head = RECIPE.split("[[item]]").next().unwrap();
            let read = Recipe::parse(
                Path::new("recipe.toml"),
                &format!("{head}{item}{}", others.join("\n")),
            );
            assert_eq!(read.is_ok(), good, "{key} of {length}");
            if let Err(refused) = read {
                let said = refused.to_string();
                let limit = format!("({length} characters), expected one line of 1 to {max} char");
                assert!(said.contains(&limit), "{said}");
            }
        }
    }
}

#[test]
fn both_journal_copies_have_to_fit_the_writable_area() {
    let text = |mib: u64| RECIPE.replace("journal_mib = 1", &format!("journal_mib = {mib}"));
    assert!(Recipe::parse(Path::new("recipe.toml"), &text(4)).is_ok());
    let refused = Recipe::parse(Path::new("recipe.toml"), &text(5)).unwrap_err().to_string();
    let expected = "recipe.toml: journal_mib is 5, expected 1 to 4, twice in 34 MiB of ram_mib";
    assert_eq!(refused, expected);
}

#[test]
fn a_server_key_is_pinned_by_the_hash_of_its_der_encoding() {
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let url = "url = \"http://localhost:8470/\"";
    let text = starter().replacen(url, &format!("{url}\nkey = \"{key}\""), 1);
    let recipe = Recipe::parse(Path::new("recipe.toml"), &text).unwrap();
    let pin = data_encoding::HEXLOWER.encode(&recipe.destinations[0].pin.unwrap());
    assert_eq!(pin, der_hash(key));
}

/// The hash by another way: Python writes the DER encoding.
fn der_hash(key: &str) -> String {
    let lines = "import hashlib,sys;print(hashlib.sha256(bytes.fromhex('302a300506032b6570032100'\
                 +sys.argv[1])).hexdigest(),end='')";
    let output = Command::new("python3").args(["-c", lines, key]).output();
    String::from_utf8(output.expect("apt-get install python3").stdout).unwrap()
}

/// What is done to a good tree, and what is said about it.
type Spoil = (fn(&Kitchen), &'static str);

const BAD_TREES: &[Spoil] = &[
    (
        |k| fs::remove_file(k.recipe().join("recipe.toml")).unwrap(),
        "recipe.toml: there is no such file or folder",
    ),
    (|k| fs::remove_dir_all(k.in_tree("")).unwrap(), "rom: there is no such file or folder"),
    (
        |k| fs::remove_file(k.in_tree("CONTENT/A poem.txt")).unwrap(),
        "item \"poem\": there is no file \"CONTENT/A poem.txt\" in ",
    ),
    (|k| k.put("scrip/x", b""), "rom: holds \"scrip\", which the build adds itself"),
    (|k| k.put("Players", b""), "rom: holds \"Players\", which the build adds itself"),
    (
        |k| symlink("/etc/passwd", k.in_tree("CONTENT/link")).unwrap(),
        "CONTENT/link: is a symbolic link, expected a regular file",
    ),
    (
        |k| k.put("CONTENT/a:b", b""),
        "the last name of \"/CONTENT/a:b\" holds a control character or one of",
    ),
    (
        |k| k.put("CONTENT/con.txt", b""),
        "the last name of \"/CONTENT/con.txt\" is a name that Windows reserves for a device",
    ),
    (
        |k| k.put("CONTENT/dot.", b""),
        "the last name of \"/CONTENT/dot.\" ends with a dot or a space",
    ),
    (
        |k| k.put("CONTENT/a poem.TXT", b""),
        "/CONTENT/A poem.txt and /CONTENT/a poem.TXT are one name on FAT, which does not tell case apart",
    ),
    (|k| k.put("content/x", b""), "/CONTENT and /content are one name on FAT"),
    (|k| k.put("CONTENT/big", &vec![7; 34 << 20]), "rom: read-only volume: the tree takes "),
    (|k| k.put(&vec!["n".repeat(200); 6].join("/"), b""), "path of 1206 bytes, limit 1024: \"/nnn"),
    (
        |k| k.put("START.HTM", b"<!-- scrip:edition --> beside"),
        "START.HTM: marker <!-- scrip:edition --> in line 1 does not stand on a line of its own",
    ),
    (
        |k| k.put("START.HTM", &vec![b'x'; (4 << 20) + 1]),
        "START.HTM: 4194305 bytes, at most 4194304 belong here",
    ),
    (
        |k| fs::write(k.path("player"), b"#!/bin/sh").unwrap(),
        "is a file that begins with 23 21 2f 62, expected a Linux program for x86-64",
    ),
];

#[test]
fn bad_trees_are_refused_and_leave_nothing() {
    for (spoil, words) in BAD_TREES {
        let kitchen = Kitchen::new();
        spoil(&kitchen);
        let said = kitchen.build("out", THREADS).unwrap_err().to_string();
        assert!(said.contains(words), "{said}\nlacks {words}");
        assert_eq!(kitchen.beside(), ["player", "recipe"]);
    }
}

#[test]
fn a_name_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let kitchen = Kitchen::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    fs::write(kitchen.in_tree("CONTENT").join(name), b"").unwrap();
    let said = kitchen.build("out", THREADS).unwrap_err().to_string();
    assert!(said.ends_with("CONTENT: \"caf\u{fffd}\" is not UTF-8"), "{said}");
}

#[test]
fn settings_that_no_player_would_read_are_refused() {
    let table = |name: &str| {
        let url = format!("https://host.example/{}", "p".repeat(170));
        format!("[[destination]]\nname = \"{}\"\nurl = \"{url}\"\n", name.repeat(80))
    };
    let build = |name: &str| {
        let recipe = format!("{RECIPE}{}", table(name).repeat(16));
        Kitchen::stocked(&recipe, &small_tree()).build("out", THREADS)
    };
    assert!(build("ö").is_ok());
    let said = build("😀").unwrap_err().to_string();
    assert!(said.starts_with("settings of ") && said.ends_with(" bytes, limit 8192"), "{said}");
}

#[test]
fn a_catalogue_that_no_player_would_read_is_refused() {
    let item = |number: usize| {
        let words = "語".repeat(80);
        format!(
            "[[item]]\nid = \"i{number}\"\ntitle = \"{words}\"\ntitle_ja = \"{words}\"\nkind = \"text\"\n\
             path = \"i/{number}\"\nprice = 1\nrights_holder = \"{words}\"\n"
        )
    };
    let build = |count: usize| {
        let items: Vec<_> = (0..count).map(item).collect();
        let files: Vec<_> = (0..count).map(|number| (format!("i/{number}"), vec![])).collect();
        let head = RECIPE.split("[[item]]").next().unwrap();
        Kitchen::stocked(&format!("{head}{}", items.concat()), &files).build("out", THREADS)
    };
    assert!(build(1_300).is_ok());
    let said = build(1_500).unwrap_err().to_string();
    assert!(said.starts_with("catalogue of ") && said.ends_with(" bytes, limit 1048576"), "{said}");
    let said = build(4_097).unwrap_err().to_string();
    assert!(said.ends_with("item is there 4097 times, expected at most 4096"), "{said}");
}

#[test]
fn a_player_has_to_be_static_and_for_its_platform() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("main.c"), "int main(void) { return 0; }\n").unwrap();
    let compile = |name: &str, flags: &[&str]| {
        let mut gcc = Command::new("gcc");
        gcc.args(flags).arg("-o").args([path(name), path("main.c")]);
        let output = gcc.output().expect("apt-get install gcc libc6-dev");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    compile("dynamic", &["-pie", "-fPIE"]);
    compile("static", &["-static"]);
    compile("static-pie", &["-static-pie", "-fPIE"]);
    compile("library", &["-shared", "-fPIC"]);
    let kitchen = Kitchen::new();
    let read = |platform, name: &str| {
        let read = Prepared::read(&kitchen.recipe(), &[named(platform, &path(name))], None);
        read.map(|_| ()).map_err(|error| error.to_string())
    };
    for good in ["static", "static-pie"] {
        assert_eq!(read(Platform::LinuxX86_64, good), Ok(()), "{good}");
    }
    let dynamic = read(Platform::LinuxX86_64, "dynamic").unwrap_err();
    assert!(
        dynamic.contains("dynamic is dynamically linked: it needs /lib64/ld-linux"),
        "{dynamic}"
    );
    let library = read(Platform::LinuxX86_64, "library").unwrap_err();
    assert!(library.contains("library is a library or an object file"), "{library}");
    let other = read(Platform::MacosUniversal, "static").unwrap_err();
    assert!(
        other.ends_with("begins with 7f 45 4c 46, expected a macOS program (Mach-O)"),
        "{other}"
    );
    let missing = read(Platform::LinuxX86_64, "none").unwrap_err();
    assert!(missing.ends_with("none: there is no such file or folder"), "{missing}");
    let unlisted = read(Platform::LinuxAarch64, "static").unwrap_err();
    let expected =
        "player for linux-aarch64: the recipe lists players for linux-x86_64, macos-universal";
    assert_eq!(unlisted, expected);
}

/// Does something once the work has come to some point.
struct At<F> {
    bytes: u64,
    seen: AtomicU64,
    then: F,
}

impl<F: Fn() -> bool + Sync> Watch for At<F> {
    fn progress(&self, done: u64, _: u64) {
        self.seen.fetch_max(done, Ordering::SeqCst);
    }

    fn stopped(&self) -> bool {
        self.seen.load(Ordering::SeqCst) >= self.bytes && (self.then)()
    }
}

fn cut_off(kitchen: &Kitchen, then: impl Fn() -> bool + Sync) -> BuildError {
    let prepared = Prepared::read(&kitchen.recipe(), &[], None).unwrap();
    let watch = At { bytes: 1 << 20, seen: AtomicU64::new(0), then };
    let threads = std::num::NonZeroUsize::MIN;
    prepared.write(&kitchen.path("out"), Existing::Refuse, threads, &watch).unwrap_err()
}

#[test]
fn a_build_that_is_broken_off_leaves_nothing() {
    let kitchen = Kitchen::new();
    let stopped = cut_off(&kitchen, || true);
    assert_eq!(Exit::from(&stopped), Exit::Interrupted);
    assert_eq!(kitchen.beside(), ["player", "recipe"]);
}

#[test]
fn a_file_that_changes_its_size_during_the_build_is_named_with_both_sizes() {
    let kitchen = Kitchen::new();
    kitchen.put("CONTENT/zz last", &vec![1; 2_000_000]);
    let error = cut_off(&kitchen, || {
        kitchen.put("CONTENT/zz last", &[1; 9]);
        false
    });
    let words = "of /CONTENT/zz last: it had 2000000 bytes when it was listed, now 9";
    assert_eq!(Exit::from(&error), Exit::Failure);
    assert!(error.to_string().ends_with(words), "{error}");
    assert_eq!(kitchen.beside(), ["player", "recipe"]);
}

#[test]
fn what_stands_at_the_target_stays() {
    let kitchen = Kitchen::new();
    fs::write(kitchen.path("out"), b"precious").unwrap();
    let error = kitchen.build("out", THREADS).unwrap_err();
    assert_eq!(Exit::from(&error), Exit::Refusal);
    let words = "out: a file of 8 bytes already stands here and is not overwritten";
    assert!(error.to_string().ends_with(words), "{error}");
    assert_eq!(fs::read(kitchen.path("out")).unwrap(), b"precious");
    let prepared = Prepared::read(&kitchen.recipe(), &[], None).unwrap();
    prepared.write(&kitchen.path("out"), Existing::Replace, THREADS, &Unwatched).unwrap();
    assert_eq!(fs::metadata(kitchen.path("out")).unwrap().len(), prepared.edition_bytes());
}
