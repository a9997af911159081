//! The owner's tool: what it shows, what it remembers, and resealing through it.

use std::fs;
use std::path::Path;
use std::process::Command;

use scrip::device::{Access, Device, Existing, FileDevice};
use scrip::format::Object;
use scrip::format::edition::{Catalogue, Destination, Settings};
use scrip::image::layout::{CATALOGUE_PATH, RESERVE_PATH, SETTINGS_PATH};
use scrip::words;
use serde_json::Value;
use tempfile::TempDir;

use crate::burn::tool;
use crate::check::mounted::Mounted;
use crate::device;
use crate::fat::compare::{long, short};
use crate::loop_device::LoopDevice;
use crate::world::{Sample, World, files, item, sealed_as, shape, stamped, yen};

/// A folder with a burnt image, its root, and a home of its own.
struct Bench {
    folder: TempDir,
    sample: Sample,
}

/// What a run answered.
struct Answer {
    exit: i32,
    stdout: String,
    text: String,
}

impl Bench {
    fn new() -> Self {
        let (folder, sample) = (tempfile::tempdir().unwrap(), Sample::new(71));
        let bench = Self { folder, sample };
        bench.burn("medium.img", &bench.sample);
        fs::write(bench.folder.path().join("trust.cbr"), World::new().root).unwrap();
        bench
    }

    fn burn(&self, name: &str, sample: &Sample) {
        let length = sample.sealed.layout.medium_bytes();
        let path = self.folder.path().join(name);
        sample.burn_to(&FileDevice::create(&path, length, Existing::Refuse).unwrap());
    }

    fn image(&self) -> FileDevice {
        FileDevice::open(&self.folder.path().join("medium.img"), Access::Write).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("medium.img")).unwrap()
    }

    /// Put bytes somewhere in the read-only area.
    fn patch(&self, offset: u64, bytes: &[u8]) {
        self.image().write_at(self.sample.sealed.layout.rom().start + offset, bytes).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        run_in(self.folder.path(), arguments)
    }

    /// Run a verb on the image.
    fn on_image(&self, arguments: &[&str]) -> Answer {
        self.run(&[&["--medium", "medium.img"], arguments].concat())
    }
}

fn run_in(folder: &Path, arguments: &[&str]) -> Answer {
    run_bare(folder, &[&["--trust", "trust.cbr", "--allow-test-root"], arguments].concat())
}

/// Run without a root.
fn run_bare(folder: &Path, arguments: &[&str]) -> Answer {
    let output = Command::new(env!("CARGO_BIN_EXE_scrip-wallet"))
        .args(arguments)
        .current_dir(folder)
        .env("SCRIP_LANG", "en")
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .env("XDG_STATE_HOME", folder.join("state"))
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let text = stdout.clone() + &String::from_utf8(output.stderr).unwrap();
    Answer { exit: output.status.code().unwrap(), stdout, text }
}

#[test]
fn info_shows_an_image_and_mounted_directories() {
    let bench = Bench::new();
    let answer = bench.on_image(&["info"]);
    assert_eq!(answer.exit, 0, "{}", answer.text);
    for word in ["sealed", "¥500", "sample", "Test store"] {
        let found = answer.stdout.to_lowercase().contains(&word.to_lowercase());
        assert!(found, "no {word} in {}", answer.stdout);
    }
    let mounted = Mounted::new();
    let folder = mounted.folder.path();
    fs::write(folder.join("trust.cbr"), World::new().root).unwrap();
    let answer = run_in(folder, &["--medium", "ROM", "info"]);
    assert_eq!(answer.exit, 0, "{}", answer.text);
    assert!(answer.stdout.contains("files intact; seal not checked"), "{}", answer.stdout);
    assert!(answer.stdout.contains("¥500"), "{}", answer.stdout);
    let refused = run_in(folder, &["--medium", "ROM", "doctor", "--reseal"]);
    assert_eq!(refused.exit, 5, "{}", refused.text);
}

#[test]
fn info_shows_what_the_balance_affords_and_whose_key_it_is() {
    let (currency, language) = (yen(), "en".to_owned());
    let items = vec![item("gift", 0), item("fair", 500), item("dear", 501)];
    let server = Destination {
        name: "A server".to_owned(),
        url: "https://example.org/".to_owned(),
        pin: None,
    };
    let settings =
        Settings { language, currency, exponent: 0, destinations: vec![server], display: vec![] };
    let mut files = files();
    files.0.retain(|(path, _)| path != SETTINGS_PATH);
    files.0.push((SETTINGS_PATH.to_owned(), settings.encode()));
    let catalogue = Catalogue { currency, items, secret: None };
    files.0.push((CATALOGUE_PATH.to_owned(), catalogue.encode()));
    let world = World::new();
    let (sealed, edition) = sealed_as(&world, shape(), &files);
    let stamped = stamped(&world, &sealed, &edition, 72);
    let bench = Bench::new();
    bench.burn("shop.img", &Sample { sealed, edition, stamped });

    let answer = bench.run(&["--json", "--medium", "shop.img", "info"]);
    assert_eq!(answer.exit, 0, "{}", answer.text);
    let result: Value = serde_json::from_str(answer.stdout.lines().last().unwrap()).unwrap();
    let offers = result["catalogue"].as_array().unwrap().iter();
    let offers: Vec<_> = offers.map(|o| (&o["id"], &o["price"], &o["affordable"])).collect();
    let expected = [("gift", "free", true), ("fair", "¥500", true), ("dear", "¥501", false)];
    let expected = expected.map(|(id, price, able)| (id.into(), price.into(), able.into()));
    assert_eq!(
        offers,
        expected.each_ref().map(|(id, price, able): &(Value, Value, Value)| (id, price, able))
    );
    let journal = &result["check"]["journal"];
    assert_eq!((&journal["codes"], &journal["opened"]), (&1.into(), &false.into()));
    let answer = bench.run(&["--medium", "shop.img", "info"]);
    for words in ["1 code of its sheet spent", "the first login makes the medium yours", "A server"]
    {
        assert!(answer.stdout.contains(words), "no {words:?} in {}", answer.stdout);
    }
}

#[test]
fn a_home_that_cannot_be_written_to_stops_nobody() {
    let bench = Bench::new();
    fs::write(bench.folder.path().join("state"), "a file, no folder").unwrap();
    let live = World::live(14);
    bench.burn("live.img", &Sample::of(&live, 73));
    let answer = run_bare(bench.folder.path(), &["--medium", "live.img", "info"]);
    assert_eq!(answer.exit, 0, "{}", answer.text);
    assert!(answer.stdout.contains("not remembered here: compare with"), "{}", answer.stdout);
    fs::remove_file(bench.folder.path().join("state")).unwrap();
    for words in ["first seen here: compare with", "as before; compare with"] {
        let answer = run_bare(bench.folder.path(), &["--medium", "live.img", "info"]);
        assert_eq!(answer.exit, 0, "{}", answer.text);
        assert!(answer.stdout.contains(words), "no {words:?} in {}", answer.stdout);
    }
}

#[test]
fn a_medium_under_another_root_than_before_ends_with_3_naming_both() {
    let bench = Bench::new();
    let first = bench.on_image(&["info"]);
    assert_eq!(first.exit, 0, "{}", first.text);
    let other = World::of(8);
    bench.burn("other.img", &Sample::of(&other, 71));
    fs::write(bench.folder.path().join("other.cbr"), &other.root).unwrap();
    let answer = bench.run(&["--trust", "other.cbr", "--medium", "other.img", "info"]);
    assert_eq!(answer.exit, 3, "{}", answer.text);
    let roots = [World::new(), other]
        .map(|world| scrip::trust::Root::read(&world.root).unwrap().fingerprint().to_string());
    assert!(roots.iter().all(|root| answer.stdout.contains(root)), "{}", answer.stdout);
}

#[test]
fn doctor_reseals_a_touched_image_to_the_byte() {
    let bench = Bench::new();
    let whole = bench.bytes();
    let added = long("System Volume Information", short(b"SYSTEM~1   ", 0x16, 0, 0));
    let root = &bench.sample.sealed.plan.directories()[0];
    assert_eq!(root.path, "");
    let start = bench.sample.sealed.layout.rom().start;
    let at = |offset: u64| usize::try_from(start + offset).unwrap();
    let records = whole[at(root.range.start)..at(root.range.end)].chunks(32);
    let used = records.take_while(|record| record[0] != 0).count() as u64;
    bench.patch(0x41, &[1]);
    bench.patch(root.range.start + 32 * used, &added);
    let touched = bench.bytes();

    let told = bench.on_image(&["doctor"]);
    assert_eq!(told.exit, 0, "{}", told.text);
    assert!(told.stdout.contains("/System Volume Information was added"), "{}", told.stdout);
    let dry = bench.on_image(&["doctor", "--reseal", "--dry-run"]);
    assert_eq!(dry.exit, 0, "{}", dry.text);
    assert!(dry.stdout.contains("1024 bytes would be written; nothing was."), "{}", dry.stdout);
    assert!(bench.bytes() == touched);

    let done = bench.on_image(&["--json", "doctor", "--reseal"]);
    assert_eq!(done.exit, 0, "{}", done.text);
    let result: Value = serde_json::from_str(done.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&result["written_bytes"], &result["check"]["verdict"]),
        (&1024.into(), &"sealed".into())
    );
    assert!(bench.bytes() == whole);
    let again = bench.on_image(&["doctor", "--reseal"]);
    assert_eq!(again.exit, 0, "{}", again.text);
    assert!(again.stdout.contains("there is nothing to do"), "{}", again.stdout);

    let layout = &bench.sample.sealed.layout;
    let part = |name: &str, range: std::ops::Range<u64>| {
        let path = bench.folder.path().join(name);
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        fs::write(&path, &bench.bytes()[range]).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (rom, seal) = (part("rom", layout.rom()), part("seal", layout.seal()));
    let hash = data_encoding::HEXLOWER.encode(&bench.sample.stamped.root);
    tool("veritysetup", &["verify", &rom, &seal, &hash]);
}

#[test]
fn doctor_refuses_an_altered_image_and_leaves_it() {
    let bench = Bench::new();
    bench.patch(0x41, &[1]);
    bench.patch(bench.sample.sealed.plan.locate("/start.sh").unwrap(), b"\0");
    let altered = bench.bytes();
    for arguments in [&["info"][..], &["doctor"], &["doctor", "--reseal"]] {
        let answer = bench.on_image(arguments);
        assert_eq!(answer.exit, 3, "{arguments:?}: {}", answer.text);
        assert!(answer.text.contains("/start.sh"), "{arguments:?}: {}", answer.text);
        assert!(!answer.text.contains(RESERVE_PATH), "{arguments:?}: {}", answer.text);
    }
    assert!(bench.bytes() == altered);
    assert!(!bench.folder.path().join("state/scrip").exists(), "an altered medium is remembered");
}

#[test]
fn doctor_reseals_a_device_but_nothing_that_is_mounted() {
    let bench = Bench::new();
    let stick = LoopDevice::new(bench.sample.sealed.layout.medium_bytes());
    let device = FileDevice::open(stick.path(), Access::Write).unwrap();
    bench.sample.burn_to(&device);
    device.write_at(bench.sample.sealed.layout.rom().start + 0x41, &[1]).unwrap();
    drop(device);
    let path = stick.path().to_str().unwrap().to_owned();
    let done = bench.run(&["--medium", &path, "doctor", "--reseal"]);
    assert!(done.exit == 0 && done.stdout.contains("Resealed: 512 bytes"), "{}", done.text);

    let mounted = device::Mounted::new(&stick);
    let file = stick.file().to_str().unwrap();
    for (medium, reason) in [(path.as_str(), "in use"), (file, "it is mounted at ")] {
        let refused = bench.run(&["--medium", medium, "doctor", "--reseal"]);
        assert_eq!(refused.exit, 5, "{}", refused.text);
        assert!(refused.text.contains(reason), "{}", refused.text);
        assert!(refused.text.contains("hint: unmount it first"), "{}", refused.text);
    }
    assert!(mounted.place().is_dir());
}

/// The help of the tool and of each verb, held against what is kept.
fn help_is_kept(kept: &str, arguments: &[&str]) {
    let mut all = String::new();
    let verbs = [
        "", "info", "login", "passwd", "balance", "topup", "catalog", "buy", "play", "take",
        "history", "receipt", "export", "apply", "doctor",
    ];
    for verb in verbs {
        let arguments: Vec<&str> =
            verb.split_whitespace().chain(arguments.iter().copied()).collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_scrip-wallet"));
        let output = command.args(&arguments).env_remove("COLUMNS").output().unwrap();
        assert!(output.status.success());
        let help = String::from_utf8(output.stdout).unwrap();
        all.extend(["$ scrip-wallet ", &arguments.join(" "), "\n", &help, "\n"]);
    }
    let wide: Vec<&str> = all.lines().filter(|line| words::width(line) > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help").join(kept);
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == all, "help differs from {}; it is now:\n{all}", path.display());
}

#[test]
fn help_is_kept_and_fits_a_terminal() {
    help_is_kept("scrip-wallet.txt", &["--help"]);
    help_is_kept("scrip-wallet-ja.txt", &["--help", "--lang", "ja"]);
}
