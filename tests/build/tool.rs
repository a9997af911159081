//! Building through the built tool: what surrounds it doesn't show, and nothing half-made is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use scrip::device::Existing;
use scrip::image::build::Prepared;
use scrip::image::leaves::Watch;
use scrip::tool::Exit;
use serde_json::Value;

use super::{Kitchen, RECIPE, small_tree};
use crate::world::THREADS;

const TOOL: &str = env!("CARGO_BIN_EXE_scrip-store");
const MOUNT_HINT: &str = "a file system of a chosen size is needed: run as root, in a container \
    with --privileged; mount comes with: apt-get install mount";
const TRIES: usize = 40;

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn build(kitchen: &Kitchen, out: &Path, more: &[&str]) -> Output {
    run(Command::new(TOOL).arg("build").arg(kitchen.recipe()).arg("--out").arg(out).args(more))
}

fn result(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn neither_zone_nor_language_nor_mask_nor_place_shows() {
    let kitchen = Kitchen::new();
    kitchen.build("expected", THREADS).unwrap();
    let expected = fs::read(kitchen.path("expected")).unwrap();
    let surroundings = [
        ("UTC", "C", "022", "1"),
        ("Asia/Tokyo", "ja_JP.UTF-8", "077", "2"),
        ("America/St_Johns", "tr_TR.UTF-8", "000", "3"),
        ("Pacific/Kiritimati", "de_DE.ISO-8859-1", "027", "8"),
    ];
    for (number, (zone, language, mask, threads)) in surroundings.into_iter().enumerate() {
        let elsewhere = tempfile::tempdir().unwrap();
        // Paths that begin at the working directory, which is another one each time.
        let recipe = elsewhere.path().join(format!("copy {number}"));
        std::os::unix::fs::symlink(kitchen.recipe(), &recipe).unwrap();
        let lines = format!("umask {mask}; exec \"$0\" \"$@\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", &lines, TOOL, "build"]).arg(recipe.file_name().unwrap());
        shell.args(["--out", "out", "--threads", threads]).current_dir(&elsewhere);
        shell.env("TZ", zone).env("LANG", language).env("LC_ALL", language);
        let player = format!("linux-x86_64={}", kitchen.path("player").display());
        let output = run(shell.args(["--player", &player]));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = fs::read(elsewhere.path().join("out")).unwrap();
        assert!(found == expected, "{zone} {language} {mask} {threads}");
    }
}

#[test]
fn the_tool_tells_what_it_built() {
    let kitchen = Kitchen::new();
    let out = kitchen.path("out");
    let planned = result(&build(&kitchen, &out, &["--json", "--dry-run"]));
    assert!(!out.exists() && planned["dry_run"] == true && planned["edition"].is_null());
    let built = result(&build(&kitchen, &out, &["--json"]));
    assert_eq!((&built["exit"], &built["name"]), (&0.into(), &"small release 2".into()));
    assert_eq!(built["edition_bytes"], fs::metadata(&out).unwrap().len());
    assert_eq!(built["edition_bytes"], planned["edition_bytes"]);
    let warning = built["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("no player for macos-universal: "), "{warning}");
    let again = build(&kitchen, &out, &["--json"]);
    let (said, refused) = (String::from_utf8_lossy(&again.stderr), result(&again));
    assert_eq!((again.status.code(), &refused["exit"]), (Some(5), &5.into()), "{said}");
    assert!(said.contains("\nhint: name another file, or replace this one with --force"), "{said}");
    assert!(build(&kitchen, &out, &["--force"]).status.success());
    let missing = build(&kitchen, &kitchen.path("none/out"), &[]);
    assert_eq!(missing.status.code(), Some(4));
    let usage = build(&kitchen, &out, &["--player", "plan9=x"]);
    assert_eq!(usage.status.code(), Some(2));
    fs::write(kitchen.recipe().join("recipe.toml"), "colour = 1").unwrap();
    let refused = build(&kitchen, &kitchen.path("other"), &[]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(5));
    assert!(said.contains("recipe.toml: line 1: `colour = 1`: unknown field `colour`"), "{said}");
}

/// A file system of its own, of a chosen size.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(folder.path());
        let output = mount.output().expect(MOUNT_HINT);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}: {MOUNT_HINT}");
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> usize {
        fs::read_dir(self.0.path()).unwrap().count()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(self.0.path()));
    }
}

#[test]
fn a_disk_without_room_is_refused_before_anything_is_made() {
    let (kitchen, disk) = (Kitchen::new(), SmallDisk::new("20m"));
    let output = build(&kitchen, &disk.path("out"), &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), disk.names()), (Some(4), 0), "{said}");
    let bytes = Prepared::read(&kitchen.recipe(), &[], None).unwrap().edition_bytes();
    assert!(said.contains(&format!("out: {bytes} bytes are needed, ")), "{said}");
}

/// Somebody else fills the disk while the edition is written.
struct Filling<'a>(&'a SmallDisk);

impl Watch for Filling<'_> {
    fn progress(&self, done: u64, _: u64) {
        if done > 0 && !self.0.path("other").exists() {
            // As much as fits is what is wanted.
            let _ = fs::write(self.0.path("other"), vec![1; 60 << 20]);
        }
    }

    fn stopped(&self) -> bool {
        false
    }
}

#[test]
fn a_disk_that_fills_up_meanwhile_leaves_nothing_half_made() {
    let mut files = small_tree();
    let noise = (0..30_u32 << 20).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]);
    files.push(("CONTENT/noise".to_owned(), noise.collect()));
    let kitchen = Kitchen::stocked(RECIPE, &files);
    let disk = SmallDisk::new("60m");
    let prepared = Prepared::read(&kitchen.recipe(), &[], None).unwrap();
    let out = disk.path("out");
    let threads = std::num::NonZeroUsize::MIN;
    let error = prepared.write(&out, Existing::Refuse, threads, &Filling(&disk)).unwrap_err();
    assert_eq!(Exit::from(&error), Exit::Failure);
    assert!(error.to_string().contains("No space left on device"), "{error}");
    assert_eq!(disk.names(), 1, "only what filled the disk is left");
}

#[test]
fn ctrl_c_leaves_nothing_half_made() {
    let recipe = RECIPE.replace("rom_mib = 34", "rom_mib = 400");
    let mut files = small_tree();
    files.push(("CONTENT/noise".to_owned(), vec![7; 300 << 20]));
    let kitchen = Kitchen::stocked(&recipe, &files);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let begun = || fs::read_dir(folder.path()).unwrap().next().is_some();
    let interrupted = (0..TRIES).any(|_| {
        let _ = fs::remove_file(&out);
        let mut tool = Command::new(TOOL);
        tool.arg("build").arg(kitchen.recipe()).args(["--threads", "1", "--out"]).arg(&out);
        let mut child = tool.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        while !begun() && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(1));
        }
        run(Command::new("kill").args(["-INT", &child.id().to_string()]));
        // One that was too fast is begun again.
        child.wait().unwrap().code() == Some(130)
    });
    assert!(interrupted, "the signal came too late {TRIES} times");
    assert!(!begun(), "something is left");
}
