//! The issuer's records: the same table of tests on `SQLite` and on a real `PostgreSQL`.

#![allow(clippy::disallowed_methods, reason = "tests make the files they break")]

use scrip::records::{OpenError, OperationError, Place, Records, StorageError};

use crate::postgres::Cluster;

mod backup;
mod batches;
mod books;
mod decided;
mod few;
mod made;
mod races;
mod replaced;
mod rules;
pub(crate) mod settled;
mod settling;
mod stamped;

type Case = (&'static str, fn(&Place));

const CASES: [Case; 38] = [
    ("records are made once and opened again", rules::made_once),
    ("records of a newer version are refused", rules::newer_version),
    ("records opened for reading take nothing", rules::read_only),
    ("a store is enrolled once, whatever is asked twice", rules::enrolled_once),
    ("enrolments that the rules forbid leave nothing", rules::enrolment_refused),
    ("a failed certificate leaves no store", rules::certificate_failed),
    ("stores are numbered without gaps or twins by many at once", races::enrolled_together),
    ("a revoked store gets nothing more", rules::revoked),
    ("medium numbers are given out once", races::media_once),
    ("a kit is recorded once, with its sheets", rules::kit_once),
    ("what no program writes is damage, by its column", rules::damaged),
    ("kits that the rules forbid leave nothing", rules::kit_refused),
    ("kits made at once stay within the quota", races::quota_together),
    ("held-back codes are sold newest sheet first", rules::held_in_order),
    ("one held-back code has one buyer among many", races::one_winner),
    ("one sale asked for many times takes one code", races::one_sale),
    ("a journal is booked once, however often and in whatever pieces it comes", books::booked_once),
    ("two journals of one store are told apart at their first difference", books::forked),
    ("a payment is booked once", books::paid_once),
    ("dues of any cut of time add up", books::dues_add_up),
    ("what stores and the issuer sold is known by its medium", settling::sales_are_known),
    ("other contents have another stamp, as many as they may be", stamped::by_contents),
    ("a plan is posted once, and its checkpoints come again", settling::posted_once),
    ("an account that was posted comes back", settling::accounts_come_back),
    ("a plan with one fault leaves nothing", settling::refused_wholly),
    ("a plan of many rows is posted in several pieces, or not at all", batches::posted_in_several),
    ("of many plans for one state one wins", settling::one_plan_wins),
    ("an audit tells what doesn't agree and what is open", settling::audited),
    ("media that run short of codes are told by what is left", few::codes_left),
    ("sheets and the policy go with a checkpoint", settling::attached),
    ("records of the version before are brought up", settling::brought_up),
    ("a decision is kept while what it is about stands", decided::while_it_stands),
    ("records from before decisions are brought up", decided::brought_up),
    ("a lost medium's money goes to its heir once", replaced::goes_over_once),
    ("records from before replacements are brought up", replaced::brought_up),
    ("a backup is all of the records, there and back", backup::there_and_back),
    ("a backup that can't be made leaves nothing", backup::refused),
    ("journals and payments that come at once are booked once", books::together),
];

#[test]
fn records_hold_on_sqlite() {
    for (name, case) in CASES {
        eprintln!("{name}");
        let folder = tempfile::tempdir().unwrap();
        case(&Place::in_folder(folder.path()));
    }
}

#[test]
fn records_hold_on_postgres() {
    let mut cluster = Cluster::start(&["fsync=off"]);
    for (name, case) in CASES {
        eprintln!("{name}");
        case(&cluster.database().parse().unwrap());
    }
}

#[test]
fn a_file_that_is_no_database_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("records.db"), [0x5c; 8192]).unwrap();
    let error = Records::open(&Place::in_folder(folder.path())).unwrap_err();
    assert!(matches!(error.storage(), Some(StorageError::Damaged { .. })), "{error}");
    assert!(error.to_string().contains("records.db"), "{error}");
}

#[test]
fn a_missing_place_is_a_failure_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::in_folder(&folder.path().join("nowhere"));
    for error in [Records::open(&place).unwrap_err(), Records::create(&place).unwrap_err()] {
        assert!(matches!(error.storage(), Some(StorageError::Failed { .. })), "{error}");
        assert!(error.to_string().contains("nowhere/records.db"), "{error}");
    }
    let place: Place = "postgres://ann:secret@%2Fnowhere/scrip".parse().unwrap();
    let error = Records::open(&place).unwrap_err();
    assert!(matches!(error.storage(), Some(StorageError::Failed { .. })), "{error}");
    assert!(error.to_string().contains("postgres://%2Fnowhere/scrip"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn an_empty_file_holds_no_records_and_may_become_some() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("records.db"), []).unwrap();
    let place = Place::in_folder(folder.path());
    assert!(matches!(Records::open(&place), Err(OpenError::NoRecords(_))));
    Records::create(&place).unwrap();
    Records::open(&place).unwrap();
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mut records = Records::create(&Place::in_folder(folder.path())).unwrap();
    made::enrol(&mut records, 1, 1000);
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        seen += 1;
    }
    assert_eq!(seen, 3, "the database, its write-ahead log and its index");
}
