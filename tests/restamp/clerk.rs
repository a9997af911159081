//! `scrip-store refresh` and `sell PATH` as a clerk runs them.

use std::fs;
use std::process::Command;

use scrip::image::layout::{JOURNAL_PATHS, Layout};
use serde_json::Value;

use crate::burn::desk::Desk;
use crate::loop_device::{LoopDevice, run};
use crate::world::{Sample, World, shape};

/// A desk with one burnt medium, `one.img`, and its number.
pub(super) fn burnt(blanks: u32) -> (Desk, String) {
    let desk = Desk::new(blanks);
    let said = desk.burn(&["--to", "one.img", "--json"]).done();
    let medium = said.result()["targets"][0]["medium"].as_str().unwrap().to_owned();
    (desk, medium)
}

/// How many entries the store's journal has.
fn entries(desk: &Desk) -> u64 {
    desk.status()["journal"]["entries"].as_u64().unwrap()
}

/// The offset of the read-only area.
const ROM: usize = 1 << 20;

fn flip(desk: &Desk, at: usize) {
    let mut bytes = fs::read(desk.path("one.img")).unwrap();
    bytes[at] ^= 1;
    fs::write(desk.path("one.img"), bytes).unwrap();
}

fn sold(desk: &Desk) -> Value {
    let said = desk.run(
        "scrip-verify",
        &["check", "--trust", "issuer/trust.cbr", "--allow-test-root", "--json", "one.img"],
    );
    let medium = said.done().result()["media"][0].clone();
    assert_eq!(medium["verdict"], "sealed");
    medium["medium"]["sold"].clone()
}

#[test]
fn selling_a_medium_by_its_path_journals_it_once_and_stamps_it() {
    let (desk, medium) = burnt(1);
    assert_eq!(sold(&desk), Value::Null);
    let before = fs::read(desk.path("one.img")).unwrap();
    let args = ["sell", "one.img", "--price", "1500", "--owner", "Mika", "--json"];
    let dry = desk.store(&[&args[..], &["--dry-run"]].concat()).done().result();
    assert_eq!((&dry["medium"], &dry["stamp"]["dry_run"]), (&medium.clone().into(), &true.into()));
    assert!(fs::read(desk.path("one.img")).unwrap() == before, "a dry run wrote");
    assert_eq!((desk.status()["media"]["sold"].clone(), entries(&desk)), (0.into(), 2));
    let told = desk.store(&args).done().result();
    assert_eq!((&told["event"], &told["owner"]), (&"sold".into(), &"Mika".into()));
    assert_eq!(told["stamp"]["changes"], serde_json::json!(["user information"]));
    assert_eq!((&told["stamp"]["entry"], &told["receipt"]), (&3.into(), &2.into()));
    let written = told["stamp"]["written_bytes"].as_u64().unwrap();
    assert!((4096..1 << 20).contains(&written), "{written} bytes");
    assert_eq!(sold(&desk), told["at"]);
    assert_eq!(fs::read_dir(desk.path("shop/stamps")).unwrap().count(), 0, "nothing is kept");
    let after = fs::read(desk.path("one.img")).unwrap();
    let holds = |bytes: &[u8]| bytes.windows(4).any(|part| part == b"Mika");
    assert!(holds(&after) && !holds(&before));
    let again = desk.store(&args);
    again.ended(5, &[&format!("medium {medium} is sold by entry 2"), "burnt and not sold"]);
    assert!(fs::read(desk.path("one.img")).unwrap() == after);
    assert_eq!(entries(&desk), 4);
}

#[test]
fn a_medium_sold_by_its_number_is_stamped_when_it_comes_back() {
    let (desk, medium) = burnt(1);
    desk.store(&["sell", &medium, "--price", "900"]).done();
    desk.store(&["sell", "one.img", "--price", "800"]).ended(5, &["is sold by entry 2"]);
    let told = desk.store(&["sell", "one.img", "--json"]).done().result();
    assert_eq!(told["receipt"], 2);
    assert_eq!(sold(&desk), told["at"]);
    desk.store(&["void", "2"]).done();
    let said = desk.store(&["refresh", "one.img"]).done();
    said.ended(0, &["- user information", "bytes written, read back and checked", "TEST: sealed"]);
    assert_eq!(sold(&desk), Value::Null);
}

#[test]
fn refreshing_brings_newer_lists_restores_what_was_touched_and_then_does_nothing() {
    let (desk, medium) = burnt(2);
    let nothing = desk.store(&["refresh", "one.img"]).done();
    nothing.ended(0, &["it is as new as this store, nothing was written"]);
    assert_eq!(entries(&desk), 2, "nothing was done, so nothing is journalled");
    flip(&desk, ROM + 0x41);
    desk.check(&desk.path("one.img")).ended(0, &["TEST: touched", "scrip-store refresh"]);
    let before = fs::read(desk.path("one.img")).unwrap();
    let dry = desk.store(&["refresh", "one.img", "--dry-run"]).done();
    dry.ended(0, &["512 bytes would be written", "- restored: "]);
    assert!(fs::read(desk.path("one.img")).unwrap() == before);
    desk.store(&["refresh", "one.img"]).ended(0, &["512 bytes written", "TEST: sealed"]);
    assert_eq!(entries(&desk), 2, "resealing alone is no stamping");

    let burnt = desk.burn(&["--to", "two.img", "--json"]).done().result();
    let other = burnt["targets"][0]["medium"].as_str().unwrap().to_owned();
    let list = desk.run("scrip-server", &["revoke", "medium", &other, "--json"]).done();
    let file = list.result()["file"].as_str().unwrap().to_owned();
    desk.store(&["accept", &file]).done();
    flip(&desk, ROM + 0x41);
    let told = desk.store(&["refresh", "one.img", "--json"]).done().result();
    assert_eq!(told["changes"][0], "revocation list");
    assert!(told["changes"][1].as_str().unwrap().starts_with("restored: "), "{told}");
    assert_eq!((&told["medium"], &told["check"]["verdict"]), (&medium.into(), &"sealed".into()));
    assert_eq!(told["entry"], 4);
    desk.check(&desk.path("one.img")).ended(0, &["TEST: sealed"]);
    desk.store(&["refresh", "two.img"]).ended(5, &[&format!("medium {other} is revoked by list")]);
    desk.store(&["sell", "two.img"]).ended(5, &["is revoked by list"]);
}

#[test]
fn what_must_not_be_stamped_is_refused_by_name_and_stays() {
    let (desk, medium) = burnt(1);
    let whole = fs::read(desk.path("one.img")).unwrap();
    let refused = |args: &[&str], exit: i32, words: &[&str]| {
        let before = fs::read(desk.path("one.img")).unwrap();
        desk.store(args).ended(exit, words);
        assert!(fs::read(desk.path("one.img")).unwrap() == before, "{args:?} wrote");
    };
    flip(&desk, ROM + (20 << 20));
    for verb in ["refresh", "sell"] {
        refused(&[verb, "one.img"], 3, &["one.img: the verdict is altered, and only a sealed"]);
    }
    fs::write(desk.path("one.img"), &whole).unwrap();
    refused(&["refresh", "missing.img"], 4, &["refreshing missing.img: "]);
    refused(&["refresh", "shop"], 5, &["a mounted directory does not show", "unmount it"]);
    refused(&["refresh", "sample.edition"], 3, &["not a Scrip medium", "edition file"]);
    refused(&["sell", "123456789012"], 2, &["123456789012"]);
    refused(&["sell", "one.img", "--owner", " "], 2, &["a name without control characters"]);
    refused(&["sell", "one.img", "--owner", &"x".repeat(201)], 2, &["201 bytes, limit 200"]);
    refused(&["sell", "one.img", "--price", "much"], 2, &["much"]);
    fs::write(desk.path("foreign.img"), Sample::of(&World::live(9), 5).burnt().into_bytes())
        .unwrap();
    refused(&["refresh", "foreign.img"], 5, &["which nothing here pins"]);
    let mut bytes = whole.clone();
    for start in journals() {
        bytes[start + 100] ^= 1;
    }
    fs::write(desk.path("one.img"), bytes).unwrap();
    let words = [&format!("medium {medium} is not to be sold"), "its journal is damaged"];
    refused(&["sell", "one.img"], 3, &words);
    assert_eq!(entries(&desk), 2, "nothing was journalled");
}

/// Where the copies of a sample medium's journal begin.
fn journals() -> [usize; 2] {
    let layout = Layout::new(&shape()).unwrap();
    let plan = layout.ram_plan(1).unwrap();
    JOURNAL_PATHS
        .map(|path| usize::try_from(layout.ram().start + plan.locate(path).unwrap()).unwrap())
}

#[test]
fn a_device_is_refreshed_and_one_that_is_mounted_is_refused() {
    let (desk, _) = burnt(1);
    flip(&desk, ROM + 0x41);
    let device = LoopDevice::over(&desk.path("one.img"));
    let path = device.path().to_str().unwrap();
    desk.store(&["refresh", path]).ended(0, &["512 bytes written", "TEST: sealed"]);
    desk.check(device.path()).ended(0, &["TEST: sealed"]);
    let other = LoopDevice::new(80 << 20);
    let path = other.path().to_str().unwrap();
    run(Command::new("mkfs.ext4").arg("-q").arg(path), "apt-get install e2fsprogs");
    let place = tempfile::tempdir().unwrap();
    run(Command::new("mount").arg(path).arg(place.path()), "apt-get install mount");
    let said = ["refresh", "sell"].map(|verb| desk.store(&[verb, path]));
    let image = desk.store(&["refresh", other.file().to_str().unwrap()]);
    run(Command::new("umount").arg(place.path()), "apt-get install mount");
    for said in &said {
        said.ended(5, &[path, "unmount it first"]);
    }
    image.ended(5, &["it is mounted at ", "unmount it first"]);
}

#[test]
fn a_burn_that_began_is_given_up_by_number_or_target() {
    let desk = Desk::new(2);
    let device = LoopDevice::new(80 << 20);
    let path = device.path().to_str().unwrap();
    for by_number in [true, false] {
        let args = ["--to", path, "--override", "not-removable", "--balance", "1000"];
        let full = crate::burn::tool::Tmpfs::new("64k");
        fs::write(full.0.path().join("filler"), vec![1; 60 << 10]).unwrap();
        let labels = full.0.path().join("labels.html");
        let labels = ["--labels", labels.to_str().unwrap()];
        desk.burn(&[&args[..], &labels].concat()).ended(4, &["writing the label of medium "]);
        let burn = fs::read_dir(desk.path("shop/burns")).unwrap().next().unwrap().unwrap();
        let name = burn.file_name().into_string().unwrap();
        let medium = name.split('.').next().unwrap().to_owned();
        let named = if by_number { medium.as_str() } else { path };
        let asked = desk.store(&["abandon", named]);
        asked.ended(5, &["is kept: nobody is here to be asked", "hint: give it up with --yes"]);
        let dry = desk.store(&["abandon", named, "--dry-run", "--json"]).done().result();
        assert_eq!((&dry["medium"], &dry["entry"]), (&medium.clone().into(), &Value::Null));
        assert_eq!(desk.status()["media"]["begun"], 1);
        let said = desk.store(&["abandon", named, "--yes"]).done();
        said.ended(0, &["codes worth ¥1,000", "may be whole, with label 1", "is given up"]);
        assert_eq!(desk.status()["media"]["begun"], 0);
        assert_eq!(fs::read_dir(desk.path("shop/burns")).unwrap().count(), 0);
        desk.store(&["abandon", &medium, "--yes"]).ended(5, &["given up by entry"]);
    }
    assert_eq!(desk.status()["media"]["abandoned"], 2);
    desk.store(&["abandon", path, "--yes"]).ended(5, &["no burn to ", " is unfinished"]);
    desk.store(&["abandon", "no/where.img", "--yes"]).ended(4, &["no such file"]);
}
