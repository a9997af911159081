//! Databases that are gone, locked, full or of another version, and disks that are full: told by
//! name, nothing is posted half, and the same command done again ends as if nothing had been.

use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use postgres::NoTls;

use super::*;
use crate::owner::storage::Mount;

/// What reconciling all evidence against records at another place ended with.
fn reconciling(office: &Office, records: &str, plan: &str, evidence: &[&str]) -> Command {
    let mut command = Command::new(cargo_bin!("scrip-verify"));
    command.current_dir(office.0.path()).arg("reconcile").args(evidence).args(["--plan", plan]);
    command.args(["--records", records, "--trust", "pop/issuer/trust.cbr", "--allow-test-root"]);
    command.arg("--json").stdin(Stdio::null());
    command
}

/// It ended with this code and these words.
#[track_caller]
fn ended(output: &Output, exit: i32, words: &str) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(exit) && text.contains(words), "{words}: {output:?}");
}

/// The office's records on a server.
fn on_server(office: &Office, cluster: &mut Cluster) -> String {
    let url = cluster.database();
    if !office.path("saved").exists() {
        assert_eq!(office.server(&["backup", "saved"]).status.code(), Some(0));
    }
    let restored = office.server(&["restore", "saved", "--records", &url]);
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    url
}

fn started(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Wait until one of the tools waits for a lock that somebody else holds.
fn wait_for_a_waiting_tool(holder: &mut postgres::Client) {
    const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    let began = Instant::now();
    while holder.query_one(WAITING, &[]).unwrap().get::<_, i64>(0) == 0 {
        assert!(began.elapsed() < Duration::from_mins(2), "no tool waits");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn records_of_another_version_are_refused_by_name() {
    let office = Office::new();
    let database = office.path("pop/issuer/records.db");
    for version in [1, 99] {
        let client = rusqlite::Connection::open(&database).unwrap();
        client.execute("UPDATE scrip_schema SET version = ?1", [version]).unwrap();
        drop(client);
        let told = format!("records have schema version {version}, this program reads");
        let read = reconciling(&office, "pop/issuer", "two", &["pop/evidence"]).output().unwrap();
        ended(&read, 5, &told);
        assert!(!office.path("two").exists());
        if version == 99 {
            ended(&office.settle("one", "out", &["--yes"]), 5, &told);
        }
    }
    assert!(!office.path("out").exists());
}

#[test]
fn a_locked_file_is_waited_for_and_then_named() {
    let office = Office::new();
    let place = Place::in_folder(&office.path("pop/issuer"));
    let before = all_known(&place);
    let writer = rusqlite::Connection::open(office.path("pop/issuer/records.db")).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    ended(&office.settle("one", "out", &["--yes"]), 4, "database is locked");
    let read = reconciling(&office, "pop/issuer", "two", &["pop/evidence"]).output().unwrap();
    assert!(office.path("two").is_file(), "who only reads need not wait: {read:?}");
    writer.execute_batch("COMMIT").unwrap();
    assert!(all_known(&place) == before, "something was posted");
    assert!(office.files("out").is_empty());
    assert_eq!(told(&office.settle("one", "out", &["--yes"]))["new"], json!(true));
}

#[test]
fn a_locked_server_is_waited_for_and_then_named() {
    let office = Office::new();
    let mut cluster = Cluster::start(&["fsync=off"]);
    let url = on_server(&office, &mut cluster);
    let before = all_known(&url.parse().unwrap());
    let mut holder = postgres::Client::connect(&url, NoTls).unwrap();
    holder.batch_execute("BEGIN; LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE").unwrap();
    let settled = office.settle("one", "out", &["--yes", "--records", &url]);
    ended(&settled, 4, "lock timeout");
    holder.batch_execute("COMMIT").unwrap();
    assert!(all_known(&url.parse().unwrap()) == before && office.files("out").is_empty());
    let settled = office.settle("one", "out", &["--yes", "--records", &url]);
    assert_eq!(told(&settled)["new"], json!(true));
}

#[test]
fn a_server_that_stops_in_mid_run_leaves_nothing_half() {
    let office = Office::new();
    let mut cluster = Cluster::start(&["fsync=off"]);
    let whole = on_server(&office, &mut cluster);
    let settled = office.settle("one", "whole", &["--yes", "--records", &whole]);
    assert_eq!(settled.status.code(), Some(0), "{settled:?}");
    let (files, after) = (office.files("whole"), all_known(&whole.parse().unwrap()));

    let url = on_server(&office, &mut cluster);
    let before = all_known(&url.parse().unwrap());
    let mut stopped = |mut command: Command| {
        let mut holder = postgres::Client::connect(&url, NoTls).unwrap();
        holder.batch_execute("BEGIN; LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE").unwrap();
        let running = started(&mut command);
        wait_for_a_waiting_tool(&mut holder);
        cluster.stop_at_once();
        let output = running.wait_with_output().unwrap();
        ended(&output, 4, "working on the records at postgres");
        cluster.start_again();
    };
    stopped(reconciling(&office, &url, "two", &["pop/evidence"]));
    assert!(!office.path("two").exists(), "a plan of half the evidence");
    let read = reconciling(&office, &url, "two", &["pop/evidence"]).output().unwrap();
    assert!(
        fs::read(office.path("two")).unwrap() == fs::read(office.path("one")).unwrap(),
        "{read:?}"
    );

    let args = ["settle", "one", "--out", "out", "--yes", "--records", &url];
    stopped(office.command(&args));
    assert!(all_known(&url.parse().unwrap()) == before, "something was posted");
    let again = office.settle("one", "out", &["--yes", "--records", &url]);
    assert_eq!(told(&again)["new"], json!(true));
    assert!(office.files("out") == files && all_known(&url.parse().unwrap()) == after);
}

/// A file system of 2 MiB over a folder of the office, with so many bytes left.
fn almost_full(office: &Office, name: &str, left: u64) -> (Mount, PathBuf) {
    let mount = Mount::of_mib(&office.path(name), 2);
    let filler = mount.fill();
    let file = fs::OpenOptions::new().write(true).open(&filler).unwrap();
    file.set_len(file.metadata().unwrap().len() - left).unwrap();
    (mount, filler)
}

#[test]
fn a_full_disk_takes_no_half_plan_and_no_half_checkpoint() {
    const LEFT: u64 = 8 << 10;
    let office = Office::new();
    let (_mount, filler) = almost_full(&office, "disk", LEFT);
    let plan = fs::read(office.path("one")).unwrap();
    assert!(plan.len() as u64 > LEFT);
    let read = reconciling(&office, "pop/issuer", "disk/two", &["pop/evidence"]).output().unwrap();
    ended(&read, 4, "disk");
    assert!(!office.path("disk/two").exists(), "half a plan");

    let settled = office.settle("one", "disk/out", &["--yes"]);
    ended(&settled, 4, "disk/out");
    let whole = told(&office.settle("one", "out", &["--yes"]));
    assert_eq!(whole["new"], json!(false), "it was posted, what failed was handing it out");
    let files = office.files("out");
    let handed = office.files("disk/out");
    assert!(handed.len() < files.len(), "{} of {}", handed.len(), files.len());
    assert!(handed.iter().all(|(name, bytes)| files[name] == *bytes), "half a checkpoint");
    fs::remove_file(filler).unwrap();
    assert_eq!(told(&office.settle("one", "disk/out", &["--yes"]))["new"], json!(false));
    assert!(office.files("disk/out") == files);
    let read = reconciling(&office, "pop/issuer", "disk/two", &["pop/evidence"]).output().unwrap();
    assert!(office.path("disk/two").is_file(), "{read:?}");
}

#[test]
fn records_on_a_full_disk_are_as_before() {
    let office = Office::new();
    let (_mount, filler) = almost_full(&office, "disk", 1 << 20);
    fs::copy(office.path("pop/issuer/records.db"), office.path("disk/records.db")).unwrap();
    let appended = fs::OpenOptions::new().append(true).open(&filler).unwrap();
    let full = std::io::copy(&mut std::io::repeat(7), &mut &appended).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    drop(appended);
    let settled = office.settle("one", "out", &["--yes", "--records", "disk"]);
    ended(&settled, 4, "disk/records.db");
    fs::remove_file(filler).unwrap();
    let place = Place::in_folder(&office.path("disk"));
    let untouched = all_known(&Place::in_folder(&office.path("pop/issuer")));
    assert!(all_known(&place) == untouched, "something was posted");
    let settled = told(&office.settle("one", "out", &["--yes", "--records", "disk"]));
    assert_eq!(settled["new"], json!(true));
}

#[test]
fn what_is_of_others_is_named_and_what_comes_often_counts_once() {
    let office = Office::new();
    let made = ["simulate", "town", "--seed", "4", "--media", "12", "--events", "120"];
    assert_eq!(office.server(&made).status.code(), Some(0));
    let mut five = vec!["pop/evidence"];
    for copy in ["copy1", "copy2", "copy3", "copy4"] {
        let mut copying = Command::new("cp");
        copying.arg("-r").args([office.path("pop/evidence"), office.path(copy)]);
        assert!(copying.status().unwrap().success());
        five.push(copy);
    }
    let often = reconciling(&office, "pop/issuer", "two", &five).output().unwrap();
    assert!(fs::read(office.path("two")).unwrap() == fs::read(office.path("one")).unwrap());
    let both = ["pop/evidence", "town/evidence"];
    let others = reconciling(&office, "pop/issuer", "three", &both).output().unwrap();
    assert_eq!(others.status.code(), Some(3), "{others:?}");
    let count = |output: &Output| told(output)["skipped"].as_array().unwrap().len();
    assert!(count(&others) > count(&often) / 5, "what stands under another root was not named");
    // Both have the numbers of their own media alone.
    let foreign =
        office.server(&["settle", "one", "--out", "out", "--yes", "--dir", "town/issuer"]);
    assert_eq!(foreign.status.code(), Some(5), "{foreign:?}");
    let words = String::from_utf8_lossy(&foreign.stderr).into_owned();
    assert!(
        words.contains("the plan was made against records") && !office.path("out").exists(),
        "{words}"
    );
}
