//! The newcomer's one command, through the built tools, on the starter edition.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::build::Kitchen;
use crate::burn::tool;
use crate::second_reader;

fn quickstart(folder: &Path) -> Output {
    let top = env!("CARGO_MANIFEST_DIR");
    Command::new(env!("CARGO_BIN_EXE_scrip-store"))
        .args(["quickstart", "--json"])
        .arg(folder.join("medium.img"))
        .current_dir(top)
        .output()
        .unwrap()
}

fn verify(folder: &Path, trust: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scrip-verify"))
        .arg("check")
        .args(trust)
        .arg(folder.join("medium.img"))
        .env("XDG_CONFIG_HOME", folder.join("none"))
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Copy a partition of the medium into a file of its own.
fn partition(folder: &Path, number: &str, name: &str) -> String {
    let image = folder.join("medium.img");
    let said = tool("sgdisk", &["-i", number, image.to_str().unwrap()]);
    let sector = |what: &str| -> u64 {
        let line = said.lines().find(|line| line.starts_with(what)).unwrap();
        line.split(' ').nth(2).unwrap().parse().unwrap()
    };
    let (first, last) = (sector("First sector"), sector("Last sector"));
    let path = folder.join(name).to_str().unwrap().to_owned();
    tool(
        "dd",
        &[
            &format!("if={}", image.display()),
            &format!("of={path}"),
            "bs=512",
            &format!("skip={first}"),
            &format!("count={}", last + 1 - first),
        ],
    );
    path
}

#[test]
fn a_newcomer_gets_a_sealed_medium_and_a_second_run_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let first = quickstart(folder);
    let said = String::from_utf8_lossy(&first.stdout).into_owned();
    assert_eq!(first.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&first.stderr));
    let result: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(result["type"], "result");
    assert_eq!(result["verdict"], "sealed", "{result}");

    let pinned = verify(folder, &["--trust", "trust.cbr"]);
    let text = String::from_utf8_lossy(&pinned.stdout).into_owned();
    assert_eq!(pinned.status.code(), Some(0), "{text}");
    assert!(text.contains("journal") && text.contains("2 records, balance ¥1,000"), "{text}");
    assert_eq!(verify(folder, &[]).status.code(), Some(1), "an unpinned root is never a yes");

    independent_tools_agree(folder);
    the_second_reader_agrees(folder, &result);

    let names = ["medium.img", "starter.edition", "trust.cbr", "store/journal.log"];
    let digest = || names.map(|name| digest_of(&folder.join(name)));
    let before = digest();
    let second = quickstart(folder);
    assert_eq!(second.status.code(), Some(0), "{}", String::from_utf8_lossy(&second.stderr));
    assert_eq!(digest(), before, "a second run changed something");
}

/// Python, from the specifications alone, on the medium and on the store's journal.
fn the_second_reader_agrees(folder: &Path, result: &serde_json::Value) {
    let trust = folder.join("trust.cbr");
    let medium = second_reader::found("medium", &folder.join("medium.img"), &trust);
    assert_eq!(medium["medium"], result["medium"]["number"]);
    assert_eq!(medium["edition"], result["edition"]["id"]);
    assert_eq!(medium["root_certificate"]["fingerprint"], result["root"]["fingerprint"]);
    assert_eq!((&medium["balance"], &medium["copies_agree"]), (&1_000.into(), &true.into()));
    let exported = folder.join("exported.journal");
    let said = Command::new(env!("CARGO_BIN_EXE_scrip-store"))
        .args(["--dir", folder.join("store").to_str().unwrap(), "journal", "export"])
        .arg(&exported)
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    let journal = second_reader::found("journal", &exported, &trust);
    let events: Vec<_> = journal["entries"].as_array().unwrap().iter().collect();
    assert!(events.iter().all(|entry| entry["medium"] == medium["medium"]), "{journal}");
    let last = events.last().expect("a burn leaves entries");
    assert_eq!(last["event"], "burnt", "{journal}");
}

#[test]
fn a_foreign_file_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("medium.img"), "precious").unwrap();
    let refused = quickstart(folder.path());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(5), "{said}");
    assert!(said.contains("a file of 8 bytes already stands here"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was made");
}

fn independent_tools_agree(folder: &Path) {
    let table = tool("sgdisk", &["-v", folder.join("medium.img").to_str().unwrap()]);
    assert!(table.contains("No problems found"), "{table}");
    let rom = partition(folder, "1", "rom");
    let seal = partition(folder, "2", "seal");
    let ram = partition(folder, "3", "ram");
    for volume in [&rom, &ram] {
        let said = tool("fsck.vfat", &["-n", volume]);
        assert!(said.lines().count() == 2, "fsck.vfat complains: {said}");
    }
    let out = folder.join("tree");
    fs::create_dir(&out).unwrap();
    tool("mcopy", &["-s", "-i", &rom, "::/", out.to_str().unwrap()]);
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("images/starter/rom");
    let recipe = fs::read_to_string(top.with_file_name("recipe.toml")).unwrap();
    let recipe: toml::Table = recipe.parse().unwrap();
    let items = recipe["item"].as_array().unwrap().iter();
    let sold: Vec<_> = items
        .filter(|item| item["price"].as_integer() > Some(0))
        .map(|item| item["path"].as_str().unwrap())
        .collect();
    for entry in walkdir::WalkDir::new(&top).into_iter().map(Result::unwrap) {
        let inside = entry.path().strip_prefix(&top).unwrap();
        if entry.file_type().is_file() && inside != Path::new("START.HTM") {
            let same = fs::read(entry.path()).unwrap() == fs::read(out.join(inside)).unwrap();
            let sold = sold.iter().any(|path| Path::new(path) == inside);
            assert!(same != sold, "{}: sealed {}", inside.display(), !same);
        }
    }
    let page = fs::read_to_string(out.join("START.HTM")).unwrap();
    assert!(!page.contains("<!-- scrip:"), "the start page was not filled in");
    let root = stamped_root(&rom, &seal, folder);
    tool("veritysetup", &["verify", &rom, &seal, &root]);
}

/// The root as `veritysetup format` computes it over the volume, with the same superblock.
fn stamped_root(rom: &str, seal: &str, folder: &Path) -> String {
    let own = folder.join("own-tree").to_str().unwrap().to_owned();
    let said = tool("veritysetup", &["format", "--salt=-", rom, &own]);
    let line = said.lines().find(|line| line.starts_with("Root hash")).unwrap().to_owned();
    let (ours, theirs) = (fs::read(seal).unwrap(), fs::read(own).unwrap());
    assert!(ours[4096..theirs.len()] == theirs[4096..], "the stored trees differ");
    line.split_whitespace().last().unwrap().to_owned()
}

fn digest_of(path: &Path) -> [u8; 32] {
    scrip::crypto::digest::sha256(&fs::read(path).unwrap())
}

/// A small edition's quickstart, which may be killed.
struct Killing {
    kitchen: Kitchen,
    folder: tempfile::TempDir,
}

impl Killing {
    fn new() -> Self {
        Self { kitchen: Kitchen::new(), folder: tempfile::tempdir().unwrap() }
    }

    fn start(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scrip-store"));
        command.args(["quickstart", "--json", "medium.img", "--recipe"]).arg(self.kitchen.recipe());
        command.current_dir(&self.folder).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Run it to its end; how long it took.
    fn runs_whole(&self) -> Duration {
        let began = Instant::now();
        let output = self.start().wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("\"verdict\":\"sealed\""), "{said}");
        began.elapsed()
    }

    fn json(&self, tool: &str, args: &[&str]) -> Value {
        let output = Command::new(assert_cmd::cargo::cargo_bin(tool))
            .args(args)
            .current_dir(&self.folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(said.lines().last().unwrap()).unwrap()
    }

    /// Everything is there once: a store, a kit, a medium, and nothing half-made.
    fn is_whole(&self) {
        let stores = self.json("scrip-server", &["--dir", "issuer", "stores", "--json"]);
        let [store] = stores["stores"].as_array().unwrap().as_slice() else { panic!("{stores}") };
        assert_eq!(store["kits"].as_array().unwrap().len(), 1, "{store}");
        assert_eq!(store["in_kits"]["minor"], "495000", "{store}");
        let status = self.json("scrip-store", &["--dir", "store", "status", "--json"]);
        let media = &status["media"];
        assert_eq!((&media["blank"], &media["burnt"]), (&4.into(), &1.into()), "{status}");
        assert!(!self.folder.path().join(".new-quickstart").exists());
        let page = fs::read_to_string(self.folder.path().join("labels.html")).unwrap();
        assert_eq!(page.matches("<article>").count(), 1);
    }
}

#[test]
fn killed_at_any_moment_a_second_run_ends_whole_with_one_kit() {
    const MOMENTS: u32 = 9;
    let whole = Killing::new();
    let takes = whole.runs_whole();
    whole.is_whole();
    for moment in 0..MOMENTS {
        // How long a run takes depends on what else runs: one that ended first is tried again.
        let mut delay = takes * (2 * moment + 1) / (2 * MOMENTS);
        let bench = loop {
            let bench = Killing::new();
            let mut running = bench.start();
            std::thread::sleep(delay);
            running.kill().unwrap();
            if running.wait_with_output().unwrap().status.code().is_none() {
                break bench;
            }
            delay = delay * 3 / 4;
        };
        bench.runs_whole();
        bench.is_whole();
    }
}

#[test]
fn a_file_that_a_killed_run_made_and_never_wrote_to_is_burnt() {
    let bench = Killing::new();
    let image = bench.folder.path().join("medium.img");
    fs::File::create(&image).unwrap().set_len(9 << 20).unwrap();
    bench.runs_whole();
    bench.is_whole();
}

#[test]
fn a_kit_that_never_reached_the_store_is_taken_over() {
    let bench = Killing::new();
    let server = |args: &[&str]| bench.json("scrip-server", &[args, &["--json"]].concat());
    let bare = ["--currency", "JPY", "--no-passphrase"];
    server(&[&["init", "issuer", "--name", "My issuer"], &bare[..]].concat());
    let store = ["init", "store", "--name", "My store", "--no-passphrase", "--json"];
    bench.json("scrip-store", &store);
    let issuer = ["--dir", "issuer"];
    server(&[&issuer[..], &["enrol", "store/request.cbr", "--out", "lost.cert"]].concat());
    server(&[&issuer[..], &["blanks", "5", "--store", "1", "--out", "lost.kit"]].concat());
    bench.runs_whole();
    bench.is_whole();
}
