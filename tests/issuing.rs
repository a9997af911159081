//! The issuer's tool as a person uses it: founding, enrolling, kits, codes, editions, revoking.

mod backup;
mod books;
mod desk;
mod waiting;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use scrip::device::{Device, FileDevice};
use scrip::image::leaves::Unwatched;
use scrip::image::sealed::open_sealed;
use scrip::shop::{Accepted, ShopError};
use scrip::tool::Exit;
use scrip::trust::{Revoked, Root, TestRoots, Trust};
use scrip::units::MediumId;
use scrip::voucher::{CodeTerms, open_text};

use crate::postgres::Cluster;
use crate::world::{THREADS, authored_as, files, minor, shape, yen};
use desk::{Desk, member, text};

#[test]
fn from_founding_to_a_code_that_opens_its_sheet() {
    let desk = Desk::founded();
    let enrolled = desk.json(&["enrol", "shop/request.cbr", "--out", "shop.cert"]);
    assert_eq!(enrolled["store"], 1);
    assert_eq!(enrolled["quota"], serde_json::json!({ "minor": "10000000", "currency": "JPY" }));
    let made = desk.json(&["blanks", "2", "--store", "1", "--out", "kit.cbr"]);
    assert_eq!((&made["count"], &made["worth"]["minor"]), (&2.into(), &"198000".into()));
    let mut shop = desk.shop();
    desk.accept(&mut shop, "shop.cert").unwrap();
    let Accepted::Kit { blanks, codes, .. } = desk.accept(&mut shop, "kit.cbr").unwrap() else {
        panic!("no kit");
    };
    assert_eq!((blanks.len(), codes), (2, 60));
    let medium = blanks[1].to_string();
    let sold = desk.json(&["code", &medium, "3,000"]);
    let sheets = [shop.books().unwrap().medium(blanks[1]).unwrap().sheet.clone()];
    let revoked = Revoked::none();
    let terms =
        CodeTerms { medium: blanks[1], currency: yen(), sheets: &sheets, revoked: &revoked };
    let opened = open_text(&terms, text(&sold, "code")).unwrap();
    assert_eq!(opened.amount.minor(), 3_000);
    assert!(shop.books().unwrap().medium(blanks[1]).unwrap().codes.len() == 30, "none of them");
}

#[test]
fn what_is_asked_twice_is_answered_once() {
    let desk = Desk::stocked();
    let again = desk.json(&["enrol", "shop/request.cbr", "--out", "again.cert"]);
    assert_eq!((&again["store"], &again["new"]), (&1.into(), &false.into()));
    assert_eq!(desk.read("again.cert"), desk.read("shop.cert"));
    desk.json(&["enrol", "shop/request.cbr", "--out", "again.cert"]);
    let order = ["code", &desk.medium, "10000", "--order", "call of Tuesday, 9:15"];
    let said = desk.run(&order).stdout;
    assert!(said.contains("¥10,000: type the code"), "{said}");
    let [one, two] = [desk.json(&order), desk.json(&order)];
    assert_eq!(one["code"], two["code"]);
    let name = text(&desk.kit, "kit").to_owned();
    desk.json(&["kit", &name, "--out", "again.kit", "--dry-run"]);
    assert!(!desk.path("again.kit").exists(), "a dry run wrote a kit");
    desk.json(&["kit", &name, "--out", "again.kit"]);
    assert_eq!(desk.read("again.kit"), desk.read("kit.cbr"));
    desk.refused(&["code", &desk.medium, "10000"], 5, "no held-back code of 10000 is left");
}

#[test]
fn a_folder_is_private_and_its_root_apart() {
    let desk = Desk::founded();
    let mode = |path: &str| fs::metadata(desk.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("issuer"), mode("issuer/root")), (0o700, 0o700));
    for key in ["issuer.key", "seal.key", "settler.key", "rom-signer.key", "root/root.key"] {
        assert_eq!(mode(&format!("issuer/{key}")), 0o600, "{key}");
    }
    assert_eq!(mode("issuer/records.db"), 0o600);
    fs::rename(desk.path("issuer/root"), desk.path("away")).unwrap();
    desk.json(&["enrol", "shop/request.cbr", "--out", "shop.cert"]);
    desk.json(&["blanks", "1", "--store", "1", "--out", "kit.cbr"]);
}

#[test]
fn bad_input_is_refused_by_its_class() {
    let desk = Desk::stocked();
    desk.write("wrong", b"another passphrase\n");
    let mut altered = desk.read("shop/request.cbr");
    *altered.last_mut().unwrap() ^= 1;
    desk.write("altered.cbr", &altered);
    let (medium, kit) = (desk.medium.as_str(), "kit.cbr");
    let cases: [(&[&str], i32, &str); 16] = [
        (&["enrol", "altered.cbr", "--out", "x"], 3, "altered.cbr: enrol-request: the signature"),
        (&["enrol", "shop.cert", "--out", "x"], 3, "shop.cert: not a signed enrol-request"),
        (&["enrol", "none.cbr", "--out", "x"], 4, "none.cbr: there is no such file"),
        (&["enrol", "shop/request.cbr", "--out", kit], 5, "kit.cbr: already there"),
        (
            &["enrol", "shop/request.cbr", "--out", "x", "--quota", "20000000"],
            5,
            "store 1 is enrolled with quota 10000000, this asks for 20000000",
        ),
        (
            &["enrol", "shop/request.cbr", "--out", "x", "--vouchers", "201"],
            5,
            "201 serials of at most 50000 add up to 10050000, the quota is 10000000",
        ),
        (&["enrol", "shop/request.cbr", "--out", "x", "--quota", "1.5"], 2, "\"1.5\" is not"),
        (&["blanks", "1", "--store", "2", "--out", "x"], 5, "store 2 is not enrolled"),
        (
            &["blanks", "75", "--store", "1", "--out", "x"],
            5,
            "7425000 JPY more in codes, with 99000 in earlier kits and 2500000 in vouchers, \
             pass its quota of 10000000",
        ),
        (&["blanks", "0", "--store", "1", "--out", "x"], 2, "0 blanks asked for"),
        (&["blanks", "1", "--store", "1", "--out", kit], 5, "kit.cbr: already there"),
        (&["blanks", "1", "--store", "1", "--out", "no/x"], 4, "no: there is no such file"),
        (&["code", medium, "12.50"], 2, "\"12.50\" is not an amount in JPY"),
        (&["code", medium, "1234"], 5, "no held-back code of 1234 is left, there are 4 of 1000"),
        (&["code", "000000000195", "1000"], 5, "medium 000000000195 is unknown"),
        (&["kit", &"0".repeat(32), "--out", "x"], 5, "was never made"),
    ];
    for (args, exit, message) in cases {
        desk.refused(args, exit, message);
        assert!(!desk.path("x").exists(), "{args:?} left a file");
    }
    for args in [["code", medium, "1000"], ["revoke", "medium", medium]] {
        let wrong = desk.with_passphrase("wrong", &args);
        assert_eq!(
            (wrong.exit, wrong.stderr.contains(": wrong passphrase")),
            (5, true),
            "{args:?}"
        );
        let missing = desk.with_passphrase("none", &args);
        assert_eq!(missing.exit, 4, "{}", missing.stderr);
    }
}

#[test]
fn a_command_line_that_is_wrong_ends_with_2() {
    let desk = Desk::stocked();
    let cases: [(&[&str], &str); 7] = [
        (&["code", "482109376528", "1000"], "check digits are 28, the number needs 27"),
        (&["code", "12", "1000"], "it has 12 digits"),
        (&["blanks", "1", "--store", "0", "--out", "x"], "store number 0"),
        (&["revoke", "sheet", "12"], "a name has 32 hex digits"),
        (&["revoke", "store", "1"], "--journal <FILE>"),
        (&["init", "new", "--name", "X", "--currency", "yen"], "three capital letters"),
        (&["enlist"], "unrecognized subcommand"),
    ];
    for (args, message) in cases {
        desk.refused(args, 2, message);
    }
}

#[test]
fn founding_refuses_what_is_there_or_cannot_be() {
    let desk = Desk::founded();
    let init = |folder, name, more: &[&str]| {
        let first = ["init", folder, "--name", name, "--currency", "JPY"];
        desk.run(&[&first, more].concat())
    };
    let there = init("issuer", "Again", &[]);
    assert_eq!(there.exit, 5);
    assert!(there.stderr.contains("error: issuer: already there, and not overwritten"));
    assert_eq!(init("new", " X", &[]).exit, 2);
    let places = init("new", "X", &["--exponent", "5"]);
    assert_eq!((places.exit, places.stderr.contains("exponent 5 is above 4")), (2, true));
    assert_eq!(init("new", "X", &["--dry-run"]).exit, 0);
    assert_eq!(init("new", "X", &["--records", "postgres://x:secret@h:port/"]).exit, 2);
    assert!(!desk.path("new").exists());
    let nobody = desk.run(&["status", "--dir", "shop"]);
    assert_eq!(nobody.exit, 4);
    assert!(nobody.stderr.contains("trust.cbr is missing\nhint: name the issuer's folder"));
}

#[test]
fn a_live_issuer_needs_no_passphrase_only_if_asked() {
    let desk = Desk::new();
    let init = ["init", "live", "--name", "Live", "--currency", "EUR", "--no-passphrase"];
    let founded = desk.run(&[&init[..], &["--json"]].concat());
    assert_eq!(founded.exit, 0, "{}", founded.stderr);
    let result = founded.result();
    assert_eq!((&result["purpose"], &result["exponent"]), (&"live".into(), &2.into()));
    let status = desk.run(&["status", "--dir", "live", "--json"]).result();
    assert_eq!(status["policy"]["rounds_min"], 100_000);
    assert_eq!(status["root"], result["root"]);
    desk.write("word", b"word\n");
    let given = ["revoke", "medium", "482109376527", "--dir", "live", "--password-file", "word"];
    let refused = desk.run(&given);
    assert_eq!(refused.exit, 5);
    assert!(refused.stderr.contains("it lies bare, yet a passphrase was given"));
}

#[test]
fn a_kit_that_is_broken_off_was_never_made() {
    let desk = Desk::new();
    let init = ["init", "live", "--name", "Live", "--currency", "JPY", "--no-passphrase"];
    desk.json(&init);
    desk.found_shop("shop", "Station Books", 1);
    desk.json(&["enrol", "shop/request.cbr", "--out", "shop.cert", "--dir", "live"]);
    let blanks = ["blanks", "75", "--store", "1", "--out", "kit.cbr", "--dir", "live"];
    let broken = desk.interrupted(&blanks, Duration::from_millis(500));
    assert_eq!(broken.exit, 130, "{}", broken.stderr);
    assert!(broken.stderr.contains(" of 75 blanks: no kit was made"), "{}", broken.stderr);
    assert!(!desk.path("kit.cbr").exists());
    let stores = desk.json(&["stores", "--dir", "live"]);
    assert_eq!(stores["stores"][0]["in_kits"]["minor"], "0");
}

#[test]
fn records_may_lie_on_a_server() {
    let mut cluster = Cluster::start(&["fsync=off"]);
    let place = cluster.database();
    let desk = Desk::new();
    desk.found_shop("shop", "Station Books", 1);
    let run = |args: &[&str]| desk.json(&[args, &["--records", &place]].concat());
    run(&["init", "issuer", "--name", "Kiosk Union", "--currency", "JPY", "--test"]);
    assert!(!desk.path("issuer/records.db").exists());
    run(&["enrol", "shop/request.cbr", "--out", "shop.cert"]);
    let kit = run(&["blanks", "1", "--store", "1", "--out", "kit.cbr"]);
    let medium = kit["media"][0].as_str().unwrap();
    assert_eq!(text(&run(&["code", medium, "1000"]), "code").len(), 24);
    let folder = desk.run(&["status"]);
    assert_eq!(folder.exit, 4, "no records in the folder: {}", folder.stderr);
    let again = ["init", "other", "--name", "X", "--currency", "JPY", "--test"];
    let taken = desk.run(&[&again[..], &["--records", &place]].concat());
    assert_eq!((taken.exit, taken.stderr.contains("holds records already")), (5, true));
}

#[test]
fn a_dry_run_writes_nothing() {
    let desk = Desk::stocked();
    let before = desk.snapshot();
    let medium = desk.medium.clone();
    let runs: [&[&str]; 6] = [
        &["enrol", "shop/request.cbr", "--out", "x", "--dry-run"],
        &["blanks", "3", "--store", "1", "--out", "x", "--dry-run"],
        &["code", &medium, "1000", "--dry-run"],
        &["revoke", "medium", &medium, "--dry-run"],
        &["revoke", "store", "1", "--all", "--dry-run"],
        &["init", "x", "--name", "X", "--currency", "JPY", "--dry-run"],
    ];
    for args in runs {
        let result = desk.json(args);
        assert_eq!(result["dry_run"], true, "{args:?}");
        assert!(desk.snapshot() == before, "{args:?} changed something");
    }
    desk.refused(&["blanks", "75", "--store", "1", "--out", "x", "--dry-run"], 5, "pass its quota");
}

#[test]
fn an_edition_is_signed_whole_or_not_at_all() {
    let desk = Desk::founded();
    let (_, device) = authored_as(shape(), &files(), THREADS);
    let mut bytes = vec![0; usize::try_from(device.len_bytes()).unwrap()];
    device.read_at(0, &mut bytes).unwrap();
    desk.write("good.edition", &bytes);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    desk.write("bad.edition", &bytes);
    desk.write("short.edition", &bytes[..middle]);
    let planned = desk.json(&["sign", "good.edition", "--dry-run"]);
    let signed = desk.json(&["sign", "good.edition"]);
    assert_eq!(planned["edition"], signed["edition"]);
    let root = Root::read(&desk.read("issuer/trust.cbr")).unwrap();
    let trust = Trust::new(vec![root], TestRoots::Allowed);
    let path = desk.path("good.edition");
    let edition = FileDevice::open(&path, scrip::device::Access::Read).unwrap();
    let sealed = open_sealed(&edition, &trust, THREADS, &Unwatched).unwrap();
    assert_eq!(sealed.signer.certificate().subject, "Kiosk Union rom-signer");
    assert!(sealed.signer.anchor().is_pinned());
    desk.refused(&["sign", "bad.edition"], 3, "signing bad.edition: edition: ");
    desk.refused(&["sign", "short.edition"], 3, "its header says");
    desk.refused(&["sign", "kit.cbr"], 4, "kit.cbr: there is no such file or device");
    assert_eq!(desk.read("bad.edition"), bytes, "left as it was");
}

#[test]
fn what_is_revoked_stays_revoked_and_travels_with_kits() {
    let desk = Desk::stocked();
    let medium = desk.medium.clone();
    let first = desk.json(&["revoke", "medium", &medium]);
    assert_eq!(
        (&first["list"], &desk.json(&["revoke", "medium", &medium])["list"]),
        (&1.into(), &1.into())
    );
    desk.refused(&["code", &medium, "1000"], 5, &format!("medium {medium} is revoked by list 1"));
    let second = desk.json(&["blanks", "1", "--store", "1", "--out", "second.kit"]);
    let second: MediumId = second["media"][0].as_str().unwrap().parse().unwrap();
    let mut shop = desk.shop();
    for file in ["shop.cert", "kit.cbr", "second.kit"] {
        desk.accept(&mut shop, file).unwrap();
    }
    let refused =
        shop.sell_voucher(medium.parse().unwrap(), minor(500), desk::now()).err().unwrap();
    assert!(refused.to_string().contains("revoked by list 1"), "{refused}");
    shop.sell_voucher(second, minor(500), desk::now()).unwrap();
    let exported = shop.export().unwrap();
    drop(shop);
    desk.write("journal", &exported);
    let cut = desk.json(&["revoke", "store", "1", "--journal", "journal"]);
    assert_eq!(cut["list"], 2);
    desk.refused(&["revoke", "store", "1", "--all"], 5, "can't be changed");
    desk.refused(&["blanks", "1", "--store", "1", "--out", "x"], 5, "store 1 was revoked at");
    desk.refused(&["revoke", "store", "1", "--journal", "kit.cbr"], 3, "kit.cbr: exported journal");
    let stores = desk.json(&["stores"]);
    assert!(stores["stores"][0]["revoked_at"].is_string());
    assert_eq!(stores["stores"][0]["kits"].as_array().unwrap().len(), 2);
    assert_eq!(desk.json(&["status"])["revocation"], 2);
    let shown = desk.run(&["stores"]);
    assert!(shown.stderr.contains("warning: this is a TEST root"), "{}", shown.stderr);
    assert!(shown.stdout.contains("store 1 (Station Books): REVOKED at "), "{}", shown.stdout);
}

#[test]
fn a_kit_is_for_its_store_alone() {
    let desk = Desk::stocked();
    let mut other = desk.second_shop();
    desk.json(&["enrol", "other/request.cbr", "--out", "other.cert"]);
    desk.accept(&mut other, "other.cert").unwrap();
    let error = desk.accept(&mut other, "kit.cbr").unwrap_err();
    assert!(matches!(&error, ShopError::Refused(_)), "{error}");
    assert_eq!(Exit::from(&error), Exit::Refusal);
    assert!(error.to_string().contains("store 1"), "{error}");
    assert!(error.to_string().contains("store 2"), "{error}");
}

#[test]
fn help_is_imperative_and_narrow() {
    let desk = Desk::new();
    let verbs = [
        "",
        "init",
        "enrol",
        "sign",
        "blanks",
        "sheets",
        "kit",
        "code",
        "revoke",
        "revoke medium",
        "revoke sheet",
        "revoke store",
        "import",
        "paid",
        "dues",
        "staff",
        "decide",
        "replace",
        "settle",
        "statement",
        "audit",
        "books",
        "simulate",
        "stores",
        "status",
    ];
    let mut all = String::new();
    for verb in verbs {
        let args: Vec<&str> = verb.split_whitespace().chain(["--help"]).collect();
        let help = desk.run(&args);
        assert_eq!(help.exit, 0);
        all.extend(["$ scrip-server ", &args.join(" "), "\n", &help.stdout, "\n"]);
    }
    let wide: Vec<&str> = all.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help/scrip-server.txt");
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == all, "help differs from tests/help/scrip-server.txt; it is now:\n{all}");
}

#[test]
fn every_run_in_json_ends_in_one_result() {
    let desk = Desk::stocked();
    let medium = desk.medium.clone();
    let runs: [(&[&str], i32); 4] = [
        (&["status"], 0),
        (&["stores"], 0),
        (&["code", &medium, "5000"], 0),
        (&["code", &medium, "7"], 5),
    ];
    for (args, exit) in runs {
        let ran = desk.run(&[args, &["--json"]].concat());
        let result = ran.result();
        assert_eq!((ran.exit, member(&result, "exit").as_i64()), (exit, Some(exit.into())));
        assert_eq!(ran.stdout.lines().filter(|line| line.contains("\"result\"")).count(), 1);
        assert_eq!(exit == 0, result.get("error").is_none());
    }
}
