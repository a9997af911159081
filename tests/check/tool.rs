//! Checking through the built tool.

use std::path::Path;
use std::process::{Command, Output};

use scrip::crypto::{Random, SeededRandom};
use scrip::device::{Access, Device, Existing, FileDevice};
use scrip::fat::housekeeping_bytes;
use scrip::image::sealed::SealedEdition;

use serde_json::Value;
use tempfile::TempDir;

use super::mounted::Mounted;
use crate::world::{Sample, World};

/// A folder with a burnt image and its root.
struct Bench {
    folder: TempDir,
    sealed: SealedEdition,
}

impl Bench {
    fn new() -> Self {
        Self::of(&World::new())
    }

    fn of(world: &World) -> Self {
        let (folder, sample) = (tempfile::tempdir().unwrap(), Sample::of(world, 41));
        let length = sample.sealed.layout.medium_bytes();
        let image = folder.path().join("medium.img");
        sample.burn_to(&FileDevice::create(&image, length, Existing::Refuse).unwrap());
        std::fs::write(folder.path().join("trust.cbr"), &world.root).unwrap();
        Self { folder, sealed: sample.sealed }
    }

    fn image(&self) -> FileDevice {
        FileDevice::open(&self.folder.path().join("medium.img"), Access::Write).unwrap()
    }

    /// Run `scrip-verify check` in the folder, with no configuration of anyone's.
    fn check(&self, arguments: &[&str]) -> Output {
        self.run(&[&["check"], arguments].concat())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_scrip-verify"))
            .args(arguments)
            .current_dir(&self.folder)
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .output()
            .unwrap()
    }

    /// Exit code and both streams.
    fn told(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.check(arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    fn trusted(&self, arguments: &[&str]) -> (i32, String) {
        self.told(&[&["--trust", "trust.cbr", "--allow-test-root"], arguments].concat())
    }
}

fn flip(device: &dyn Device, at: u64, mask: u8) {
    let mut byte = [0];
    device.read_at(at, &mut byte).unwrap();
    device.write_at(at, &[byte[0] ^ mask]).unwrap();
}

#[test]
fn what_holds_no_medium_is_refused_and_what_is_not_there_fails() {
    let bench = Bench::new();
    let (exit, said) = bench.told(&["/dev/null"]);
    assert!(exit == 5 && said.contains("/dev/null: is a character device"), "{exit}: {said}");
    let (exit, said) = bench.told(&["missing.img"]);
    assert!(exit == 4 && said.contains("missing.img"), "{exit}: {said}");
}

#[test]
fn a_sealed_medium_ends_with_0_and_says_that_it_is_a_test() {
    let bench = Bench::new();
    let (code, text) = bench.trusted(&["medium.img"]);
    assert_eq!(code, 0, "{text}");
    for words in [
        "medium.img: TEST: sealed\n",
        "journal           sound: 2 records, balance ¥500\n",
        "access key        sound\n",
        ", pinned, for test use\n",
    ] {
        assert!(text.contains(words), "{words:?} is missing in\n{text}");
    }
}

#[test]
fn fifty_flips_end_with_3_and_the_writable_area_counts_for_itself() {
    let bench = Bench::new();
    let image = bench.image();
    let seal_end = bench.sealed.layout.seal().end;
    let listed: Vec<_> = listed(&bench);
    let mut rng = SeededRandom::new([9; 32]);
    let mut flips = 0;
    while flips < 50 {
        let mut drawn = [0; 9];
        rng.fill(&mut drawn);
        let at = u64::from_le_bytes(*drawn[1..].first_chunk().unwrap()) % seal_end;
        if listed.contains(&at) {
            continue;
        }
        let mask = 1 << (drawn[0] % 8);
        flip(&image, at, mask);
        let (code, text) = bench.trusted(&["medium.img"]);
        assert!(code == 3 && text.contains("TEST: altered\n"), "byte {at}: {code}\n{text}");
        flip(&image, at, mask);
        flips += 1;
    }
    flip(&image, listed[0], 1);
    let (code, text) = bench.trusted(&["medium.img"]);
    assert!(code == 0 && text.contains("TEST: touched\n"), "{text}");
    assert!(text.contains("not cleanly unmounted"), "{text}");
    assert!(text.contains("`scrip-wallet doctor --reseal` restores it"), "{text}");
}

/// The bytes of the medium that ordinary use changes.
fn listed(bench: &Bench) -> Vec<u64> {
    let sealed = &bench.sealed;
    let start = sealed.layout.rom().start;
    housekeeping_bytes(&sealed.plan).into_iter().map(|byte| start + byte.offset).collect()
}

#[test]
fn a_root_counts_only_where_it_is_pinned() {
    let bench = Bench::new();
    let (code, text) = bench.told(&["medium.img"]);
    assert!(code == 5 && text.contains("is a test root"), "{code}: {text}");
    let (code, text) = bench.told(&["--trust", "trust.cbr", "medium.img"]);
    assert!(code == 5 && text.contains("is a test root"), "{code}: {text}");
    std::fs::write(bench.folder.path().join("other.cbr"), World::of(8).root).unwrap();
    let (code, text) = bench.told(&["--trust", "other.cbr", "--allow-test-root", "medium.img"]);
    assert!(code == 5 && text.contains("is a test root"), "{code}: {text}");
    let (code, text) = bench.told(&["--trust", "medium.img", "medium.img"]);
    assert!(code == 3 && text.contains("at most 16384 belong here"), "{code}: {text}");
    std::fs::write(bench.folder.path().join("bad.cbr"), b"nothing").unwrap();
    let (code, text) = bench.told(&["--trust", "bad.cbr", "medium.img"]);
    assert!(code == 3 && text.contains("bad.cbr: not a root"), "{code}: {text}");
}

#[test]
fn a_live_root_is_found_in_the_configuration_and_never_vouches_for_itself() {
    let bench = Bench::of(&World::live(9));
    let (code, text) = bench.told(&["medium.img"]);
    let last = text.lines().rfind(|line| !line.ends_with(": read")).unwrap();
    assert!(code == 1 && last.starts_with("consistent under root "), "{code}: {text}");
    assert!(last.ends_with(", which nothing here pins: compare with the package"), "{last}");
    assert!(text.contains("medium.img: sealed\n") && !text.contains("TEST"), "{text}");
    let place = bench.folder.path().join("config/scrip/trust.d");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::copy(bench.folder.path().join("trust.cbr"), place.join("live.cbr")).unwrap();
    let (code, text) = bench.told(&["medium.img"]);
    assert!(code == 0 && text.contains(", pinned, for live use"), "{code}: {text}");
}

#[test]
fn foreign_and_broken_storage_is_named_and_the_gravest_exit_wins() {
    let bench = Bench::new();
    let write = |name: &str, bytes: &[u8]| std::fs::write(bench.folder.path().join(name), bytes);
    write("empty.img", b"").unwrap();
    write("zero.img", &vec![0; 3 << 20]).unwrap();
    let (code, text) = bench.trusted(&["empty.img", "zero.img"]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("empty.img: not a Scrip medium\n"), "{text}");
    assert!(text.contains("nothing in its 3145728 bytes says that it is one"), "{text}");
    let (code, text) = bench.trusted(&["medium.img", "missing.img", "zero.img"]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("missing.img: there is no such file or device"), "{text}");
    assert!(text.contains("medium.img: TEST: sealed"), "{text}");
    assert_eq!(bench.trusted(&[]).0, 2);
}

#[test]
fn json_ends_in_one_result_with_every_medium() {
    let bench = Bench::new();
    let at = bench.sealed.layout.rom().start + bench.sealed.plan.locate("/START.HTM").unwrap();
    flip(&bench.image(), at + 7, 4);
    let arguments = ["--json", "--trust", "trust.cbr", "--allow-test-root", "medium.img", "no.img"];
    let output = bench.check(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let result: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((output.status.code(), &result["exit"]), (Some(4), &Value::from(4)));
    assert_eq!(result["type"], "result");
    let (medium, missing) = (&result["media"][0], &result["media"][1]);
    assert_eq!((&medium["exit"], &medium["verdict"]), (&Value::from(3), &Value::from("altered")));
    assert_eq!(medium["test"], true);
    assert_eq!(medium["faults"][0]["part"], "/START.HTM");
    assert_eq!(medium["faults"][0]["blocks"]["first"], at / 4096);
    assert_eq!(medium["faults"][0]["kind"], "1 bit flipped");
    assert_eq!(medium["journal"]["balance"]["minor"], "500");
    assert!(missing["error"].as_str().unwrap().contains("no.img"), "{missing}");
}

#[test]
fn directories_are_checked_alone_or_under_the_one_they_are_mounted_in() {
    let mounted = Mounted::new();
    let bench = Bench::new();
    let top = mounted.folder.path().to_str().unwrap();
    for place in [top.to_owned(), format!("{top}/ROM"), format!("{top}/RAM")] {
        let (code, text) = bench.trusted(&[&place]);
        let words = "TEST: files intact; seal not checked (needs the device or image)\n";
        assert!(code == 0 && text.contains(words), "{code}: {text}");
        assert!(text.contains("journal           sound: 2 records"), "{text}");
    }
    let (code, text) = bench.trusted(&[&format!("{top}/RAM/SCRIP")]);
    let words = "0 read-only areas are mounted here, expected 1\nhint: name the directory where";
    assert!(code == 2 && text.contains(words), "{code}: {text}");
}

#[test]
fn help_is_imperative_and_narrow() {
    let bench = Bench::new();
    let mut all = String::new();
    for verb in [&[][..], &["check"], &["reconcile"], &["proof"]] {
        let arguments = [verb, &["--help"]].concat();
        let output = bench.run(&arguments);
        assert_eq!(output.status.code(), Some(0));
        let help = String::from_utf8(output.stdout).unwrap();
        all.extend(["$ scrip-verify ", &arguments.join(" "), "\n", &help, "\n"]);
    }
    let wide: Vec<&str> = all.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help/scrip-verify.txt");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == all, "help differs from tests/help/scrip-verify.txt; it is now:\n{all}");
}
