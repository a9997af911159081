//! `scrip-verify reconcile` from end to end, on an issuer's own records.

use std::fs;
use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use scrip::device::{Existing, FileDevice};
use scrip::reconcile::Plan;

use super::made::bundle;
use super::office::Office;
use crate::owner::bench::{Answer, answer};

pub(super) fn run(office: &Office, place: &Path, arguments: &[&str]) -> Answer {
    let records = office.folder.as_ref().unwrap().path().to_str().unwrap().to_owned();
    let mut command = Command::new(cargo_bin("scrip-verify"));
    command
        .args(["reconcile", "--records", &records, "--trust", "trust.cbr", "--allow-test-root"])
        .args(arguments)
        .current_dir(place)
        .env("XDG_CONFIG_HOME", place.join("config"));
    answer(&mut command)
}

/// A folder with the root and these files of evidence.
pub(super) fn folder(office: &Office, files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trust.cbr"), &office.ground.world.root).unwrap();
    fs::create_dir(folder.path().join("evidence")).unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join("evidence").join(name), bytes).unwrap();
    }
    folder
}

#[test]
fn a_folder_is_planned_settled_and_answered() {
    let mut office = Office::new();
    let stick = office.owned(0, 2);
    let mut copy = stick.clone();
    copy.buy(&office.ground, "film", 400);
    let mut stick = stick;
    stick.buy(&office.ground, "song", 300);
    let files = [("one", stick.export(&office.ground)), ("other", copy.export(&office.ground))];
    let place = folder(&office, &files);
    let told = run(&office, place.path(), &["evidence", "--plan", "may.plan"]);
    told.says(1, "2 files read (2 export), 0 skipped");
    told.says(1, " fork: medium ");
    told.says(1, "outstanding -> settled: ¥1,000");
    told.says(1, "plan: may.plan, 1 medium to be settled; post it with");
    let again = run(&office, place.path(), &["evidence", "--plan", "may.plan"]);
    again.says(5, "may.plan");
    let plan = Plan::decode(&fs::read(place.path().join("may.plan")).unwrap()).unwrap();
    office.settle(&plan);
    let answered = run(&office, place.path(), &["evidence", "--plan", "again.plan"]);
    answered.says(0, "plan: again.plan; nothing is to be settled");
    let result = run(&office, place.path(), &["--json", "evidence"]).result();
    assert_eq!((&result["exit"], &result["settles"]), (&0.into(), &0.into()), "{result}");
    let found = &result["findings"][0];
    assert_eq!(found["class"], "matched");
    assert_eq!(found["sides"][0]["what"], "answered by checkpoint 1");
    assert_eq!(result["classes"]["matched"]["count"], 1);
}

#[test]
fn what_is_not_read_is_named_and_never_agrees() {
    let mut office = Office::new();
    let stick = office.owned(0, 1);
    let export = stick.export(&office.ground);
    let place = folder(&office, &[("one", export.clone())]);
    let plan = run(&office, place.path(), &["evidence", "--plan", "a.plan"]);
    plan.says(1, "medium-ahead      1    ¥500");
    office.settle(&Plan::decode(&fs::read(place.path().join("a.plan")).unwrap()).unwrap());
    run(&office, place.path(), &["evidence"]).says(0, "matched      1      ¥0");
    let evidence = place.path().join("evidence");
    fs::write(evidence.join("diary.txt"), "dear diary").unwrap();
    run(&office, place.path(), &["evidence"])
        .says(4, "skipped: evidence/diary.txt: it is nothing that evidence is made of");
    fs::remove_file(evidence.join("diary.txt")).unwrap();
    fs::write(evidence.join("cut"), &export[..9_000]).unwrap();
    run(&office, place.path(), &["evidence"])
        .says(3, "skipped: evidence/cut: it begins like an export");
    fs::remove_file(evidence.join("cut")).unwrap();
    let giant = FileDevice::create(&evidence.join("giant"), 512, Existing::Refuse).unwrap();
    drop(giant);
    let frames = scrip::journal::first_frames(&[vec![7; 30]]).unwrap();
    fs::write(evidence.join("giant"), frames).unwrap();
    let file = fs::OpenOptions::new().write(true).open(evidence.join("giant")).unwrap();
    file.set_len(10 << 30).unwrap();
    run(&office, place.path(), &["evidence"])
        .says(4, "has 10737418240 bytes, at most 67108864 are");
    fs::remove_file(evidence.join("giant")).unwrap();
    let all =
        bundle(&[export.clone(), b"dear diary".to_vec(), bundle(std::slice::from_ref(&export))]);
    fs::write(evidence.join("all.tar"), &all).unwrap();
    let told = run(&office, place.path(), &["evidence"]);
    told.says(4, "skipped: evidence/all.tar/folder/1: it is nothing that evidence is made of");
    told.says(4, "skipped: evidence/all.tar/folder/2: a bundle within a bundle is not looked");
    let all = bundle(&[export]);
    fs::write(evidence.join("all.tar"), &all[..all.len() - 2_000]).unwrap();
    let told = run(&office, place.path(), &["evidence"]);
    told.says(3, "skipped: evidence/all.tar: the bundle is cut off");
    run(&office, place.path(), &["nowhere"]).says(4, "skipped: nowhere: No such file");
}

#[test]
fn records_that_are_not_there_or_of_another_version_are_named() {
    let mut office = Office::new();
    let stick = office.owned(0, 1);
    let place = folder(&office, &[("one", stick.export(&office.ground))]);
    let mut missing = Command::new(cargo_bin("scrip-verify"));
    missing
        .args(["reconcile", "--records", "none", "evidence", "--trust", "trust.cbr"])
        .arg("--allow-test-root")
        .current_dir(place.path());
    answer(&mut missing).says(4, "none/records.db");
    let database = office.folder.as_ref().unwrap().path().join("records.db");
    let before = fs::read(&database).unwrap();
    run(&office, place.path(), &["evidence"]).says(1, "medium-ahead");
    assert_eq!(fs::read(&database).unwrap(), before, "records are only read");
}
