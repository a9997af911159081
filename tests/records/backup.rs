//! Backups: all rows of all tables, there and back, on both databases.

use std::collections::BTreeMap;
use std::fs::DirEntry;
use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::types::Value;
use scrip::records::{CopyError, Place, Records, Ruled};

use super::made::{add_kit, amount, enrol, held_slot, kit_slot, reserve, sell, sheet, time};
use crate::postgres::Cluster;

type Rows = BTreeMap<String, Vec<Vec<String>>>;

fn go_on(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Records with a row in most tables, of values that are there and values that aren't.
fn filled(place: &Place) -> Records {
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 1_000_000).id;
    let media = reserve(&mut records, store, 300);
    let slots = [kit_slot(0, 5), held_slot(1, 3), held_slot(2, 3)];
    for (number, medium) in (1..).zip(&media[..20]) {
        add_kit(&mut records, number, &[sheet(number, *medium, &slots)]).unwrap();
    }
    sell(&mut records, media[3], 3, 9).unwrap();
    records.record_payment(store, amount(40), time(3), "transfer of the 3rd", time(4)).unwrap();
    let content = b"signed".as_slice();
    records.decide(&Ruled { finding: [5; 16], medium: None, content }, time(5)).unwrap();
    records
}

/// All that a file of records holds, read without any of our code.
fn rows(file: &Path) -> Rows {
    let opened = rusqlite::Connection::open(file).unwrap();
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let mut names = opened.prepare(sql).unwrap();
    let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut all = Rows::new();
    for name in names.map(Result::unwrap) {
        let mut statement = opened.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = statement.column_count();
        let read = statement.query_map([], |row| {
            let told = |at| Ok(format!("{:?}", row.get::<_, Value>(at)?));
            (0..columns).map(told).collect::<rusqlite::Result<Vec<_>>>()
        });
        let mut read: Vec<_> = read.unwrap().map(Result::unwrap).collect();
        read.sort();
        all.insert(name, read);
    }
    all
}

pub(super) fn there_and_back(place: &Place) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let mut records = filled(place);
    let copied = records.back_up(&file("first.db"), &mut go_on).unwrap();
    let kept = rows(&file("first.db"));
    let counted: usize = kept.values().map(Vec::len).sum();
    assert_eq!((copied.tables, copied.rows), (kept.len() as u64 - 1, counted as u64 - 1));
    assert!(kept["media"].len() == 300 && kept["payments"].len() == 1, "{kept:?}");
    assert_eq!(kept["slots"].iter().filter(|row| row.contains(&"Null".to_owned())).count(), 59);

    let back = Place::File(file("back.db"));
    assert_eq!(Records::restore(&file("first.db"), &back, &mut go_on).unwrap(), copied);
    let mut back = Records::open(&back).unwrap();
    assert_eq!(back.stores().unwrap(), records.stores().unwrap());
    assert_eq!(back.balances().unwrap(), records.balances().unwrap());
    assert_eq!(back.decisions().unwrap(), [b"signed".to_vec()]);
    back.back_up(&file("second.db"), &mut go_on).unwrap();
    assert!(rows(&file("second.db")) == kept);
    drop(back);

    // What is done to the records afterwards doesn't reach the backup.
    enrol(&mut records, 2, 1000);
    assert!(rows(&file("first.db")) == kept);
    let mut names: Vec<_> = folder.path().read_dir().unwrap().map(|file| file.unwrap()).collect();
    names.sort_by_key(DirEntry::file_name);
    let names: Vec<_> = names.iter().map(DirEntry::file_name).collect();
    assert_eq!(names, ["back.db", "first.db", "second.db"]);
}

pub(super) fn refused(place: &Place) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.db");
    let mut records = filled(place);
    let mut stop = |_| ControlFlow::Break(());
    let stopped = records.back_up(&file, &mut stop).unwrap_err();
    assert!(matches!(stopped, CopyError::Stopped(1..)), "{stopped}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);

    records.back_up(&file, &mut go_on).unwrap();
    let taken = records.back_up(&file, &mut go_on).unwrap_err();
    assert_eq!(taken.to_string(), format!("{} exists", file.display()));
    let before = rows(&file);
    let there = Records::restore(&file, place, &mut go_on).unwrap_err().to_string();
    assert!(there.contains("exists") || there.ends_with("holds records already"), "{there}");

    let back = Place::File(folder.path().join("back.db"));
    let stopped = Records::restore(&file, &back, &mut stop).unwrap_err();
    assert!(matches!(stopped, CopyError::Stopped(1..)), "{stopped}");
    let foreign = folder.path().join("foreign.db");
    std::fs::write(&foreign, [0x5c; 8192]).unwrap();
    let damaged = Records::restore(&foreign, &back, &mut go_on).unwrap_err();
    assert!(damaged.to_string().contains("foreign.db is damaged"), "{damaged}");
    let missing = folder.path().join("missing.db");
    let missing = Records::restore(&missing, &back, &mut go_on).unwrap_err();
    assert!(
        matches!(missing, CopyError::Storage(_)) && missing.to_string().contains("missing.db"),
        "{missing}"
    );
    let nowhere = folder.path().join("nowhere/kept.db");
    let nowhere = records.back_up(&nowhere, &mut go_on).unwrap_err().to_string();
    assert!(nowhere.contains("nowhere/kept.db"), "{nowhere}");
    assert!(rows(&file) == before);
    assert_eq!(folder.path().read_dir().unwrap().count(), 2);
}

#[test]
fn records_move_between_the_databases_by_their_backup() {
    let mut cluster = Cluster::start(&["fsync=off"]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let mut records = filled(&Place::File(file("records.db")));
    records.back_up(&file("first.db"), &mut go_on).unwrap();
    let server: Place = cluster.database().parse().unwrap();
    Records::restore(&file("first.db"), &server, &mut go_on).unwrap();
    let mut moved = Records::open(&server).unwrap();
    assert_eq!(moved.balances().unwrap(), records.balances().unwrap());
    moved.back_up(&file("second.db"), &mut go_on).unwrap();
    assert!(rows(&file("second.db")) == rows(&file("first.db")));
    let again = Records::restore(&file("first.db"), &server, &mut go_on).unwrap_err();
    assert_eq!(again.to_string(), format!("{server} holds records already"));
}
