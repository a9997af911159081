//! What holds of the source as a whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines of code a file may have, tests and blank lines left out.
const FILE_LINES_MAX: usize = 420;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder with one of these endings.
fn below(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name();
    let files = walk.into_iter().flatten().map(walkdir::DirEntry::into_path);
    files.filter(|path| endings.iter().any(|end| path.to_str().unwrap().ends_with(end))).collect()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// The rooms in the order in which `src/lib.rs` lists them.
fn rooms() -> Vec<String> {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let names = map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

/// The room that a source file belongs to.
fn room_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    inside.components().next().unwrap().as_os_str().to_str().unwrap().to_owned()
}

/// Names that follow `crate::` in a file, comments left out.
fn rooms_used(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut used = vec![];
    for line in code {
        for part in line.split("crate::").skip(1) {
            let name: String =
                part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            used.push(name);
        }
    }
    used
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    let rooms = rooms();
    assert!(rooms.len() > 10, "src/lib.rs lists {} rooms", rooms.len());
    let place = |name: &str| rooms.iter().position(|room| room == name);
    for path in below("src", &[".rs"]) {
        let own = room_of(&path);
        let Some(own_place) = place(&own) else { continue };
        for used in rooms_used(&fs::read_to_string(&path).unwrap()) {
            let used_place = place(&used);
            let below = used_place.is_some_and(|used| used > own_place);
            assert!(!below, "{}: room {own} uses {used}, which stands below it", shown(&path));
        }
    }
}

#[test]
fn cryptography_is_named_in_one_room() {
    let crates =
        ["ring::", "ed25519_dalek::", "curve25519_dalek::", "argon2::", "hpke::", "sha2::"];
    for path in below("src", &[".rs"]).into_iter().filter(|path| room_of(path) != "crypto") {
        let text = fs::read_to_string(&path).unwrap();
        let named = text.lines().find(|line| {
            let code = line.split("//").next().unwrap_or_default();
            crates.iter().any(|name| {
                code.match_indices(name).any(|(at, _)| {
                    !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                })
            })
        });
        assert!(named.is_none(), "{}: {}", shown(&path), named.unwrap_or_default());
    }
}

#[test]
fn files_stay_short() {
    for path in below("src", &[".rs"]).into_iter().chain(below("bin", &[".rs"])) {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code.lines().map(str::trim);
        let count = lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        assert!(count <= FILE_LINES_MAX, "{}: {count} lines of code", shown(&path));
    }
}

#[test]
fn nothing_is_left_unfinished_or_silenced_without_a_reason() {
    // In halves, so that this list isn't a mark itself.
    let marks = [
        ("TO", "DO"),
        ("FIX", "ME"),
        ("to", "do!"),
        ("unimple", "mented!"),
        ("#[ign", "ore"),
        ("db", "g!"),
    ];
    let marks = marks.map(|(start, end)| start.to_owned() + end);
    let own = Path::new(file!()).file_name().unwrap();
    let files =
        ["src", "bin", "tests", "benches"].map(|folder| below(folder, &[".rs", ".py", ".sh"]));
    for path in files.into_iter().flatten().filter(|path| path.file_name() != Some(own)) {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}:{}: {line}", shown(&path), number + 1);
            assert!(!marks.iter().any(|mark| line.contains(mark.as_str())), "{place}");
        }
        let silenced = text.match_indices("allow(").chain(text.match_indices("expect(clippy"));
        for (at, _) in silenced.filter(|(at, _)| text[..*at].ends_with(['[', '!'])) {
            let end = text[at..].find(")]").map_or(text.len(), |end| at + end);
            let attribute = &text[at..end];
            assert!(attribute.contains("reason ="), "{}: {attribute}", shown(&path));
        }
    }
}

#[test]
fn the_wallet_says_nothing_in_one_language_alone() {
    let past = [
        ".line(\"",
        ".line(format!",
        ".line(&format!",
        ".note(\"",
        ".note(format!",
        ".warn(\"",
        ".warn(format!",
        ".hint(\"",
        ".hint(format!",
        ".or_fail()",
        ".or_exit",
        "Failure::of(",
    ];
    let files = below("bin/scrip-wallet", &[".rs"]);
    assert!(files.len() > 10, "{files:?}");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let joined = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(");
        for words in past.iter().chain(&["Usage, \"", "Refusal, \"", "Damage, \"", "Failure, \""]) {
            assert!(!joined.contains(words), "{}: {words}: use phrases!", shown(&path));
        }
    }
}

#[test]
fn the_wallet_alone_holds_no_database_and_no_runtime() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--no-default-features", "--features", "wallet"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"ciborium"), "the tree lists nothing: {tree}");
    for banned in ["rusqlite", "postgres", "tokio", "libsqlite3-sys", "maud", "qrcode", "toml"] {
        assert!(!names.contains(&banned), "the wallet depends on {banned}");
    }
}

/// Names of the dependencies in a table of `Cargo.toml`.
fn dependencies(table: &str) -> Vec<String> {
    let cargo = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let head = format!("[{table}]");
    let lines = cargo.lines().skip_while(|line| *line != head).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect()
}

#[test]
fn every_dependency_is_used_and_explained() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, table) = map.split_once("## Dependencies").unwrap();
    let first_cells: Vec<_> = table.lines().filter_map(|line| line.split('|').nth(1)).collect();
    for (kind, folders) in [
        ("dependencies", ["src", "bin"].as_slice()),
        ("dev-dependencies", ["src", "tests", "benches"].as_slice()),
    ] {
        let files = folders.iter().flat_map(|folder| below(folder, &[".rs"]));
        let code: String = files.map(|path| fs::read_to_string(path).unwrap()).collect();
        let names = dependencies(kind);
        assert!(names.len() > 2, "{kind}: {names:?}");
        for name in names {
            let module = name.replace('-', "_");
            let used = [format!("{module}::"), format!("use {module};")];
            assert!(used.iter().any(|used| code.contains(used)), "{name} is not used");
            let explained = first_cells.iter().flat_map(|cell| cell.split(',')).map(str::trim);
            assert!(explained.clone().any(|word| word == name), "{name} is not explained");
        }
    }
}
