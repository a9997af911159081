//! The starter edition: its catalogue comes from its scripts, its page stands alone, its script starts a player.

#![allow(clippy::disallowed_methods, reason = "tests look at the files they made")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PLATFORM: &str = "linux-x86_64";

fn starter() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("images/starter")
}

fn recipe() -> toml::Table {
    let text =
        fs::read_to_string(starter().join("recipe.toml")).expect("the recipe is in the tree");
    text.parse().expect("the recipe is TOML")
}

fn items() -> Vec<toml::Value> {
    recipe()["item"].as_array().expect("the recipe has items").clone()
}

fn item_file(item: &toml::Value) -> PathBuf {
    starter().join("rom").join(item["path"].as_str().expect("an item has a path"))
}

fn run(command: &mut Command, hint: &str) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {hint}"))
}

fn assert_makes_what_is_kept(script: &str) {
    let script = starter().join("make").join(script);
    let output = run(
        Command::new("python3").arg("-B").arg(script).arg("--check"),
        "apt-get install -y python3",
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn texts_are_what_their_script_makes() {
    assert_makes_what_is_kept("texts.py");
}

#[test]
fn music_is_what_its_script_makes() {
    assert_makes_what_is_kept("music.py");
}

#[test]
fn pictures_are_what_their_script_makes() {
    assert_makes_what_is_kept("pictures.py");
}

#[test]
fn a_changed_file_is_noticed() {
    let copy = tempfile::tempdir().expect("a temporary directory");
    let make = copy.path().join("make");
    for folder in ["make/texts", "rom/CONTENT/texts"] {
        let to = copy.path().join(folder);
        fs::create_dir_all(&to).expect("a folder of the copy");
        for entry in fs::read_dir(starter().join(folder)).expect("a folder of the tree") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a copied file");
        }
    }
    for script in ["made.py", "texts.py"] {
        fs::copy(starter().join("make").join(script), make.join(script)).expect("a copied script");
    }
    let kept = copy.path().join("rom/CONTENT/texts/the-tally-stick.htm");
    let text = fs::read_to_string(&kept).expect("the story");
    fs::write(&kept, text.replacen("nineteen", "eighteen", 1)).expect("the changed story");
    let mut check = Command::new("python3");
    let output = run(
        check.arg("-B").arg(make.join("texts.py")).arg("--check"),
        "apt-get install -y python3",
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("texts/the-tally-stick.htm: "), "{said}");
}

#[test]
fn catalogue_is_exactly_the_content() {
    let mut named: Vec<PathBuf> = items().iter().map(item_file).collect();
    let content = starter().join("rom/CONTENT");
    let mut found: Vec<PathBuf> = walkdir::WalkDir::new(content)
        .into_iter()
        .map(|entry| entry.expect("a readable tree"))
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect();
    named.sort();
    found.sort();
    assert_eq!(named, found);
}

#[test]
fn seconds_of_audio_are_those_of_the_file() {
    let audio: Vec<_> =
        items().into_iter().filter(|item| item["kind"].as_str() == Some("audio")).collect();
    assert_eq!(audio.len(), 2);
    for item in audio {
        let bytes = fs::read(item_file(&item)).expect("the item's file");
        assert_eq!(&bytes[..4], b"fLaC");
        let packed = u64::from_be_bytes(bytes[18..26].try_into().expect("eight bytes"));
        let (rate, samples) = (packed >> 44, packed & ((1 << 36) - 1));
        let stated = item["seconds"].as_integer().expect("audio has seconds").unsigned_abs();
        assert_eq!(rate, 22_050);
        assert_eq!(stated, (samples + rate / 2) / rate, "{}", item["id"]);
    }
}

#[test]
fn start_page_stands_alone() {
    let page = fs::read_to_string(starter().join("rom/START.HTM")).expect("the start page");
    for marker in ["players", "catalogue", "edition"] {
        let line = format!("\n<!-- scrip:{marker} -->\n");
        assert_eq!(page.matches(&line).count(), 1, "{marker}");
    }
    for foreign in ["http:", "https:", "//", "<script", "@import", "url("] {
        assert!(!page.contains(foreign), "the start page has {foreign}");
    }
}

/// A stick's folder with the script and, if asked for, a player of these lines.
fn stick(player: Option<&str>) -> tempfile::TempDir {
    let stick = tempfile::tempdir().expect("a temporary directory");
    fs::copy(starter().join("rom/start.sh"), stick.path().join("start.sh")).expect("the script");
    if let Some(lines) = player {
        let folder = stick.path().join("players").join(PLATFORM);
        fs::create_dir_all(&folder).expect("the players' folder");
        fs::write(folder.join("scrip-wallet"), lines).expect("the player");
    }
    stick
}

/// Runs the script as the computer that the fake `uname` says, with `temporary` for private directories.
fn start(stick: &Path, temporary: &Path, machine: &str, arguments: &[&str]) -> Output {
    let tools = temporary.join("tools");
    fs::create_dir_all(&tools).expect("a folder for the fake uname");
    let uname = tools.join("uname");
    let (system, processor) = machine.split_once('/').expect("a system and a processor");
    let lines = format!("#!/bin/sh\n[ \"$1\" = -s ] && echo {system} || echo {processor}\n");
    fs::write(&uname, lines).expect("the fake uname");
    fs::set_permissions(&uname, fs::Permissions::from_mode(0o700)).expect("its mode");
    let path = format!("{}:/usr/bin:/bin", tools.display());
    let mut shell = Command::new("sh");
    shell.arg(stick.join("start.sh")).args(arguments);
    shell.env("PATH", path).env("TMPDIR", temporary).env_remove("XDG_RUNTIME_DIR");
    run(&mut shell, "a shell is missing")
}

#[test]
fn start_script_runs_the_player_and_clears_up() {
    let player =
        "#!/bin/sh\nstat -c %a \"$(dirname \"$0\")\"\nprintf '%s\\n' \"$0\" \"$@\"\nexit 3\n";
    let (stick, temporary) =
        (stick(Some(player)), tempfile::tempdir().expect("a temporary directory"));
    let medium = stick.path().canonicalize().expect("the stick's folder");
    let medium = medium.to_str().expect("a plain path");
    let cases: [(&[&str], &[&str]); 3] = [
        (&[], &["--medium", medium, "info"]),
        (&["take", "a song"], &["--medium", medium, "take", "a song"]),
        (&["--medium=other.img", "info"], &["--medium=other.img", "info"]),
    ];
    for (arguments, expected) in cases {
        let output = start(stick.path(), temporary.path(), "Linux/x86_64", arguments);
        let said = String::from_utf8(output.stdout).expect("plain text");
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "700", "{}", String::from_utf8_lossy(&output.stderr));
        assert!(Path::new(lines[1]).starts_with(temporary.path()), "{}", lines[1]);
        assert_eq!(&lines[2..], expected);
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(
            fs::read_dir(temporary.path()).expect("its entries").count(),
            1,
            "only the tools are left"
        );
    }
}

#[test]
fn start_script_says_what_is_missing() {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let cases = [
        ("Linux/x86_64", "start.sh: error: this stick carries no player for linux-x86_64: "),
        ("Linux/aarch64", "start.sh: error: this stick carries no player for linux-aarch64: "),
        ("Darwin/arm64", "start.sh: error: this stick carries no player for macos-universal: "),
        ("Plan9/mips", "start.sh: error: no player is made for Plan9 on mips\n"),
    ];
    for (machine, expected) in cases {
        let output = start(stick(None).path(), temporary.path(), machine, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.starts_with(expected), "{machine}: {said}");
        assert_eq!(output.status.code(), Some(4));
    }
}

#[test]
fn scripts_pass_shellcheck() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts =
        ["images/starter/rom/start.sh", "quickstart", "test", ".ci/run", ".ci/packages.sh"];
    let mut shellcheck = Command::new("shellcheck");
    shellcheck.current_dir(top).arg("--external-sources").args(scripts);
    let output = run(&mut shellcheck, "apt-get install -y shellcheck");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
