//! Settling by the built tools: a simulated population is reconciled, and its plan posted, once,
//! whoever stops it and however often it is asked for.

#![allow(clippy::disallowed_methods, reason = "tests look at what the tools write")]

mod trouble;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Instant;

use assert_cmd::cargo::cargo_bin;
use scrip::crypto::{Random, SeededRandom};
use scrip::format::Object;
use scrip::format::checkpoint::CheckpointFile;
use scrip::records::{Known, Place, Records};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::postgres::Cluster;

/// How often `settle` is killed on each database.
const KILLS: u32 = 50;

/// A simulated population in `pop`, and the plan `one` that reconciling it gave.
struct Office(TempDir);

fn told(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_else(|| panic!("{output:?}"));
    serde_json::from_str(line).unwrap()
}

impl Office {
    fn new() -> Self {
        Self::of(&["--media", "12", "--events", "120"])
    }

    fn of(population: &[&str]) -> Self {
        let office = Self(tempfile::tempdir().unwrap());
        let made = [&["simulate", "pop", "--seed", "3"], population].concat();
        assert_eq!(office.server(&made).status.code(), Some(0));
        office.reconcile("one", &[]);
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin!("scrip-server"));
        command.current_dir(self.0.path()).env("SCRIP_SERVER_DIR", "pop/issuer");
        command.env_remove("SCRIP_SERVER_RECORDS").args(args).args(["--json"]);
        command
    }

    fn server(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn reconcile(&self, plan: &str, more: &[&str]) {
        let mut command = Command::new(cargo_bin!("scrip-verify"));
        command.current_dir(self.0.path()).args(["reconcile", "pop/evidence", "--plan", plan]);
        command.args(["--records", "pop/issuer", "--trust", "pop/issuer/trust.cbr"]);
        let output = command.args(["--allow-test-root", "--json"]).args(more).output().unwrap();
        let ends = output.status.code().is_some_and(|code| [0, 1, 3, 4].contains(&code));
        assert!(ends && self.path(plan).is_file(), "{output:?}");
    }

    fn settle(&self, plan: &str, out: &str, more: &[&str]) -> Output {
        self.server(&[&["settle", plan, "--out", out], more].concat())
    }

    fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let files = entries.map(|entry| {
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        });
        files.filter(|(name, _)| !name.starts_with('.')).collect()
    }
}

/// All that is known of all media.
fn all_known(place: &Place) -> Vec<Known> {
    let mut records = Records::open(place).unwrap();
    let sum: i64 = records.balances().unwrap().iter().map(|balance| balance.minor).sum();
    assert_eq!(sum, 0);
    let media = records.media(None, 1_000).unwrap();
    let known = media.into_iter().map(|medium| records.known(medium).unwrap().unwrap());
    let mut known: Vec<_> = known.collect();
    // When a plan was posted is told by the clock.
    let findings = known.iter_mut().flat_map(|known| &mut known.findings);
    findings.for_each(|finding| finding.at = scrip::units::Timestamp::MAX);
    known
}

#[test]
fn a_plan_is_posted_once_and_its_checkpoints_come_again() {
    let office = Office::new();
    office.reconcile("other", &["--as-of", "1900000000"]);
    let place = Place::in_folder(&office.path("pop/issuer"));
    let before = all_known(&place);
    let dry = told(&office.settle("one", "out", &["--dry-run"]));
    assert_eq!(
        (&dry["new"], &dry["dry_run"], &dry["checkpoints"]),
        (&json!(true), &json!(true), &json!([]))
    );
    assert!(!office.path("out").exists() && all_known(&place) == before, "a dry run wrote");
    let asked = office.settle("one", "out", &[]);
    let words = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(
        asked.status.code() == Some(5) && words.contains("nobody is here to be asked"),
        "{words}"
    );
    assert!(all_known(&place) == before);
    let first = told(&office.settle("one", "out", &["--yes"]));
    assert_eq!((&first["new"], &first["media"]), (&json!(true), &dry["media"]));
    assert!(first["media"].as_u64().unwrap() > 3, "{first}");
    let (files, after) = (office.files("out"), all_known(&place));
    assert_eq!(files.len() as u64, first["media"].as_u64().unwrap());
    for (name, file) in &files {
        let file = CheckpointFile::decode(file).unwrap();
        assert!(name.ends_with("-1.checkpoint") && !file.checkpoint.0.is_empty(), "{name}");
    }
    // Once more, over the same files and into an empty folder: the same bytes, nothing is posted.
    for out in ["out", "again"] {
        let again = told(&office.settle("one", out, &["--yes"]));
        assert_eq!((&again["new"], &again["posted_at"]), (&json!(false), &first["posted_at"]));
        assert!(office.files(out) == files && all_known(&place) == after);
    }
    // A file that isn't the checkpoint stays, and is named.
    let (name, bytes) = files.iter().next().unwrap();
    fs::write(office.path("again").join(name), &bytes[1..]).unwrap();
    assert_eq!(office.settle("one", "again", &["--yes"]).status.code(), Some(5));
    // The plan of somebody who reconciled at the same time.
    let late = office.settle("other", "late", &["--yes"]);
    let words = String::from_utf8_lossy(&late.stderr).into_owned();
    assert_eq!(late.status.code(), Some(5), "{words}");
    assert!(
        words.contains("the plan goes on from no checkpoint, the records hold checkpoint 1 ("),
        "{words}"
    );
    assert!(words.contains("reconcile again") && all_known(&place) == after, "{words}");
    assert_ne!(office.server(&["audit"]).status.code(), Some(3));
    let mut cut = fs::read(office.path("one")).unwrap();
    cut.pop();
    fs::write(office.path("cut"), cut).unwrap();
    assert_eq!(office.settle("cut", "late", &["--yes"]).status.code(), Some(3));
}

/// More is new than a checkpoint can list: it lists none of it, and the next run finds no more.
#[test]
fn a_medium_that_was_away_for_thousands_of_records_is_settled() {
    let office = Office::of(&["--media", "2", "--events", "6000", "--honest"]);
    let told = told(&office.settle("one", "out", &["--yes"]));
    assert_eq!(told["media"], json!(2));
    for file in office.files("out").values() {
        let file = CheckpointFile::decode(file).unwrap();
        assert_eq!(file.settled_since, None);
    }
    for known in all_known(&Place::in_folder(&office.path("pop/issuer"))) {
        let events = known.account.events.len();
        assert!(events > 1_024 && known.row.number == 1, "{events} events of {}", known.row);
    }
    office.reconcile("two", &[]);
    let again = self::told(&office.settle("two", "again", &["--yes"]));
    assert_eq!(again["media"], json!(0));
}

/// Kill `settle` at random moments, let it run to its end, and compare with a run that nobody
/// stopped.
fn killed(office: &Office, mut fresh: impl FnMut(u32) -> String) {
    let place = fresh(0);
    let more = ["--yes", "--records", &place];
    let began = Instant::now();
    assert_eq!(office.settle("one", "whole", &more).status.code(), Some(0));
    let whole = began.elapsed();
    let (files, after) = (office.files("whole"), all_known(&place.parse().unwrap()));
    let mut rng = SeededRandom::new([5; 32]);
    let mut stopped = 0;
    for kill in 1..=KILLS {
        let (place, out) = (fresh(kill), format!("out{kill}"));
        let args = ["settle", "one", "--out", &out, "--yes", "--records", &place];
        let mut command = office.command(&args);
        let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut share = [0; 2];
        rng.fill(&mut share);
        thread::sleep(whole.mul_f64(f64::from(u16::from_le_bytes(share)) / f64::from(u16::MAX)));
        running.kill().unwrap();
        stopped += u32::from(running.wait().unwrap().code().is_none());
        let ended = office.settle("one", &out, &["--yes", "--records", &place]);
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        assert!(office.files(&out) == files, "kill {kill}: other checkpoints");
        assert!(all_known(&place.parse().unwrap()) == after, "kill {kill}: other records");
    }
    assert!(stopped > 0, "none of {KILLS} runs was stopped before its end");
    eprintln!("{stopped} of {KILLS} runs were stopped, one takes {whole:?}");
}

fn copy_records(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::copy(from.join("records.db"), to.join("records.db")).unwrap();
}

#[test]
fn killed_at_any_moment_it_ends_in_the_same_records() {
    let office = Office::new();
    killed(&office, |kill| {
        let folder = office.path(&format!("records{kill}"));
        copy_records(&office.path("pop/issuer"), &folder);
        folder.display().to_string()
    });
}

#[test]
fn killed_at_any_moment_on_postgres_too() {
    let office = Office::new();
    let mut cluster = Cluster::start(&["fsync=off"]);
    assert_eq!(office.server(&["backup", "saved"]).status.code(), Some(0));
    killed(&office, |_| {
        let url = cluster.database();
        let restored = office.server(&["restore", "saved", "--records", &url]);
        assert_eq!(restored.status.code(), Some(0), "{restored:?}");
        url
    });
}
