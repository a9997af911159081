//! `backup` and `restore` through the tool.

use std::fs;

use super::desk::Desk;

#[test]
fn records_come_back_from_their_backup() {
    let desk = Desk::stocked();
    let medium = desk.medium.clone();
    let sell = ["code", &medium, "1000", "--order", "A-1"];
    let sold = desk.json(&sell);
    let before = desk.snapshot();
    let asked = desk.json(&["backup", "kept.db", "--dry-run"]);
    assert_eq!((asked["dry_run"].as_bool(), desk.snapshot() == before), (Some(true), true));
    let made = desk.json(&["backup", "kept.db"]);
    assert!(made["rows"].as_u64() > Some(40), "{made}");
    desk.refused(&["backup", "kept.db"], 5, "kept.db: already there, and not overwritten");
    desk.refused(&["backup", "nowhere/kept.db"], 4, "nowhere");
    desk.refused(&["restore", "kept.db"], 5, "records.db exists");

    // The records are lost; what was sold is answered from the backup.
    fs::remove_file(desk.path("issuer/records.db")).unwrap();
    desk.refused(&["stores"], 4, "records.db");
    let before = desk.snapshot();
    let asked = desk.json(&["restore", "kept.db", "--dry-run"]);
    assert_eq!((asked["rows"].is_null(), desk.snapshot() == before), (true, true));
    let back = desk.run(&["restore", "kept.db"]);
    assert_eq!(back.exit, 0, "{}", back.stderr);
    assert!(
        back.stderr.contains("what was recorded after the backup isn't here"),
        "{}",
        back.stderr
    );
    assert_eq!(desk.json(&sell)["code"], sold["code"]);

    // Beside them in another folder, as a move does.
    fs::create_dir(desk.path("moved")).unwrap();
    desk.json(&["restore", "kept.db", "--records", "moved"]);
    assert_eq!(desk.json(&["stores", "--records", "moved"]), desk.json(&["stores"]));
}

#[test]
fn what_is_no_backup_is_told_by_its_class() {
    let desk = Desk::founded();
    desk.write("foreign.db", &[0x5c; 8192]);
    fs::create_dir(desk.path("moved")).unwrap();
    for asked in [&["--dry-run"][..], &[]] {
        let refused = |file: &str, exit, message| {
            let args = [&["restore", file, "--records", "moved"], asked].concat();
            desk.refused(&args, exit, message);
        };
        refused("foreign.db", 3, "foreign.db is damaged");
        refused("missing.db", 4, "missing.db");
        refused("pass", 3, "pass is damaged");
    }
    assert_eq!(fs::read_dir(desk.path("moved")).unwrap().count(), 0);
}
