//! `scrip-store` as a clerk runs it: words, exit codes, JSON.

use std::fs;
use std::path::PathBuf;

use scrip::format::Object;
use scrip::format::sheet::VoucherFile;
use scrip::trust::{Revoked, TestRoots, Trust};
use scrip::voucher::{VoucherTerms, open_carried};
use serde_json::Value;

use super::issuer::{EXPIRES, Issuer, Terms};
use super::{Folder, number};

/// What a run said.
pub(super) struct Said {
    pub(super) exit: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    /// The `result` object that JSON output ends in.
    pub(super) fn result(&self) -> Value {
        let last: Value = serde_json::from_str(self.out.lines().last().unwrap()).unwrap();
        assert_eq!((&last["type"], &last["exit"]), (&"result".into(), &self.exit.into()));
        last
    }
}

pub(super) struct Desk {
    pub(super) folder: Folder,
}

impl Desk {
    /// A store made by the tool, without a certificate.
    fn new() -> Self {
        let folder = Folder { outer: tempfile::tempdir().unwrap(), issuer: Issuer::new() };
        let desk = Self { folder };
        let path = desk.folder.path();
        let made =
            desk.run(&["init", path.to_str().unwrap(), "--name", "Kiosk", "--no-passphrase"]);
        assert_eq!(made.exit, 0, "{}", made.err);
        desk
    }

    /// With certificate and a kit of three blanks.
    pub(super) fn stocked() -> Self {
        let desk = Self::new();
        let (certificate, root) = (desk.certificate(), desk.root());
        let kit = desk.write("kit.cbr", &desk.folder.kit(1, 1, 3));
        let accepted = desk.run(&["accept", &certificate, &kit, "--trust", &root]);
        assert_eq!(accepted.exit, 0, "{}", accepted.err);
        desk
    }

    pub(super) fn run(&self, args: &[&str]) -> Said {
        let mut command = assert_cmd::Command::cargo_bin("scrip-store").unwrap();
        command.env("SCRIP_STORE_DIR", self.folder.path()).arg("--allow-test-root").args(args);
        let output = command.output().unwrap();
        Said {
            exit: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(super) fn file(&self, name: &str) -> String {
        self.folder.outer.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let file = self.file(name);
        fs::write(&file, bytes).unwrap();
        file
    }

    fn certificate(&self) -> String {
        let bytes = self.folder.issuer.enrol(&self.folder.request(), &Terms::default());
        self.write("store.cert", &bytes)
    }

    fn root(&self) -> String {
        self.write("root.cbr", self.folder.issuer.root().certificate().bytes())
    }

    /// A medium on the shelf, as burning leaves it.
    pub(super) fn burnt(&self) -> String {
        super::burn(&mut self.folder.open()).to_string()
    }
}

#[test]
fn init_says_what_to_do_next_and_runs_once() {
    let desk = Desk::new();
    let path = desk.folder.path();
    let again = desk.run(&["init", path.to_str().unwrap(), "--name", "Kiosk", "--no-passphrase"]);
    assert_eq!(again.exit, 5);
    let expected = format!(
        "scrip-store: error: {}/request.cbr: already there, and not overwritten\n",
        path.display()
    );
    assert_eq!(again.err, expected);
    let dry = desk.file("dry");
    let said = desk.run(&["init", &dry, "--name", "Kiosk", "--dry-run"]);
    assert_eq!((said.exit, PathBuf::from(&dry).exists()), (0, false));
    let nameless = desk.run(&["init", &dry, "--name", ""]);
    assert_eq!((nameless.exit, PathBuf::from(&dry).exists()), (5, false));
}

#[test]
fn a_passphrase_comes_from_a_file_and_is_needed() {
    let desk = Desk::new();
    let path = desk.file("locked");
    let right = desk.write("right", b"correct horse\n");
    let wrong = desk.write("wrong", b"battery staple\n");
    let made = desk.run(&["init", &path, "--name", "Kiosk", "--password-file", &right, "--json"]);
    assert_eq!(made.result()["name"], "Kiosk");
    let status = |file| desk.run(&["status", "--dir", &path, "--password-file", file]);
    let refused = status(&wrong);
    assert_eq!(
        (refused.exit, refused.err.as_str()),
        (5, "scrip-store: error: store key: wrong passphrase\n")
    );
    let opened = status(&right);
    assert!(opened.err.contains("this store has no certificate yet"), "{}", opened.err);
    let bare = desk.run(&["status", "--dir", &path, "--no-passphrase"]);
    assert_eq!(bare.exit, 5);
    assert!(bare.err.contains("hint: leave --no-passphrase out"), "{}", bare.err);
}

#[test]
fn a_folder_without_a_store_is_a_failure_with_a_hint() {
    let desk = Desk::new();
    let empty = tempfile::tempdir().unwrap();
    let said = desk.run(&["status", "--dir", empty.path().to_str().unwrap()]);
    assert_eq!(said.exit, 4);
    assert!(said.err.contains("hint: make a store with `scrip-store init"), "{}", said.err);
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0, "nothing was left there");
}

#[test]
fn accept_pins_a_root_only_when_told() {
    let desk = Desk::new();
    let certificate = desk.certificate();
    let said = desk.run(&["accept", &certificate]);
    let fingerprint = desk.folder.issuer.root().fingerprint();
    assert_eq!(said.exit, 5);
    let expected = format!(
        "scrip-store: error: accepting {certificate}: certificate under root {fingerprint}, which \
         nothing here pins\nhint: ask the issuer for its fingerprint; if it is the same, give its \
         root with --trust FILE\n"
    );
    assert_eq!(said.err, expected);
    let dry = desk.run(&["accept", &certificate, "--trust", &desk.root(), "--dry-run"]);
    assert_eq!(dry.exit, 0);
    assert!(!desk.folder.file("trust.cbr").exists());
    let said = desk.run(&["accept", &certificate, "--trust", &desk.root(), "--json"]);
    let accepted = &said.result()["accepted"][0];
    assert_eq!(accepted["root"], fingerprint.to_string());
    assert_eq!(accepted["quota"]["minor"], "100000");
    assert!(said.out.contains("TEST: this store stands under a test root"), "{}", said.out);
}

#[test]
fn kits_are_accepted_once_for_this_store_and_unaltered() {
    let desk = Desk::stocked();
    let again = desk.run(&["accept", &desk.file("kit.cbr")]);
    assert_eq!(again.exit, 5);
    assert!(again.err.contains("kit 01010101010101010101010101010101 was already accepted at "));
    let issuer = &desk.folder.issuer;
    let other = desk.write("other", &issuer.kit(&desk.folder.request(), 9, 2, 9, 1));
    let said = desk.run(&["accept", &other]);
    assert_eq!(said.exit, 5);
    assert!(said.err.contains("kit is for store 9, this is store 7"), "{}", said.err);
    let mut bytes = desk.folder.kit(3, 20, 1);
    *bytes.last_mut().unwrap() ^= 1;
    let said = desk.run(&["accept", &desk.write("altered", &bytes)]);
    assert_eq!(said.exit, 3, "{}", said.err);
    assert!(said.err.contains("was sealed to another key, or altered"), "{}", said.err);
    let text = desk.run(&["accept", &desk.write("text", b"hello")]);
    assert_eq!(text.exit, 5);
    let missing = desk.run(&["accept", &desk.file("missing")]);
    assert_eq!(missing.exit, 4);
}

#[test]
fn status_shows_the_stock() {
    let desk = Desk::stocked();
    let text = desk.run(&["status"]);
    assert_eq!(text.exit, 0);
    for part in [
        "Kiosk, store 7, under root ",
        "quota      ¥15,000 of ¥100,000 handed out",
        "media      3 blank, 0 being burnt, 0 on the shelf, 0 sold, 0 given up",
        "codes            ¥3,000: 3 in stock",
        "vouchers   0 sold for ¥0, serials 1 to 3 are left",
        "journal    0 entries",
    ] {
        assert!(text.out.contains(part), "{part} in {}", text.out);
    }
    assert!(text.err.contains("warning: only 3 codes of ¥3,000 are left"), "{}", text.err);
    let json = desk.run(&["status", "--json"]).result();
    assert_eq!(json["media"]["blank"], 3);
    assert_eq!(json["quota_used"]["minor"], "15000");
    assert_eq!(json["codes"][0]["in_stock"], 6);
    let expires = super::at(EXPIRES).to_string();
    assert_eq!(json["expires"], expires);
}

#[test]
fn a_medium_is_sold_once_and_its_receipt_comes_again() {
    let desk = Desk::stocked();
    let unknown = desk.run(&["sell", &number(99).to_string()]);
    assert_eq!(unknown.exit, 5);
    let mistyped = desk.run(&["sell", "123456789012"]);
    assert_eq!(mistyped.exit, 2);
    assert!(mistyped.err.contains("check digits are 12, the number needs "), "{}", mistyped.err);
    let medium = desk.burnt();
    let dry = desk.run(&["sell", &medium, "--dry-run"]);
    assert_eq!(dry.exit, 0);
    let sold = desk.run(&["sell", &medium, "--price", "1,500", "--balance", "1000", "--json"]);
    let receipt = sold.result();
    assert_eq!(receipt["price"]["minor"], "1500");
    assert_eq!(receipt["code"].as_str().unwrap().len(), 24);
    let seq = receipt["receipt"].to_string();
    let page = desk.file("receipt.html");
    let again = desk.run(&["receipt", &seq, "--page", &page]);
    let code = receipt["code"].as_str().unwrap();
    assert!(again.out.contains(code), "{}", again.out);
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains(code) && !html.contains("src="));
    let twice = desk.run(&["sell", &medium]);
    assert_eq!(twice.exit, 5);
    assert!(twice.err.contains(&format!("is sold by entry {seq}")), "{}", twice.err);
    let void = desk.run(&["void", &seq]);
    assert_eq!(void.exit, 0, "{}", void.err);
    assert_eq!(desk.run(&["void", &seq]).exit, 5);
}

#[test]
fn topups_come_from_the_stock_or_as_vouchers() {
    let desk = Desk::stocked();
    let medium = desk.burnt();
    let code = desk.run(&["topup", &medium, "3000"]);
    assert!(code.out.contains("top-up of ¥3,000: type the code"), "{}", code.err);
    let none = desk.run(&["topup", &medium, "3000"]);
    assert_eq!(none.exit, 5);
    assert!(none.err.contains("no code of ¥3,000 is left; its stock is 2 of ¥1,000"));
    assert!(none.err.contains("hint: sell a voucher with `topup --voucher FILE`"), "{}", none.err);
    let two = desk.run(&["topup", &medium, "2000"]);
    assert!(two.err.contains("; these add up to it: 2 of ¥1,000\nhint: sell those codes one by"));
    let file = desk.file("top-up.voucher");
    let voucher = desk.run(&["topup", &medium, "3000", "--voucher", &file, "--json"]).result();
    assert_eq!((&voucher["serial"], &voucher["files"][0]), (&1.into(), &file.as_str().into()));
    let carried = VoucherFile::decode(&fs::read(&file).unwrap()).unwrap();
    let trust = Trust::new(vec![desk.folder.issuer.root()], TestRoots::Allowed);
    let revoked = Revoked::none();
    let terms = VoucherTerms {
        medium: medium.parse().unwrap(),
        currency: super::issuer::yen(),
        floor: None,
        revoked: &revoked,
    };
    let sold = open_carried(&trust, &carried, &terms).unwrap().voucher;
    assert_eq!((sold.serial, sold.amount.minor()), (1, 3_000));
    let again = desk.file("again.voucher");
    let receipt = voucher["receipt"].to_string();
    assert_eq!(desk.run(&["receipt", &receipt, "--voucher", &again]).exit, 0);
    assert_eq!(fs::read(&again).unwrap(), fs::read(&file).unwrap());
    let status = desk.run(&["status"]).out;
    assert!(status.contains("vouchers   1 sold for ¥3,000, serials 2 to 3 are left"), "{status}");
    assert!(status.contains("¥3,000: 2 in stock, 1 sold"), "{status}");
    assert!(status.contains("quota      ¥18,000 of ¥100,000"), "{status}");
}

#[test]
fn few_codes_left_are_told_and_a_dry_run_shows_none() {
    let desk = Desk::stocked();
    let medium = desk.burnt();
    let dry = desk.run(&["topup", &medium, "1000", "--dry-run"]);
    assert_eq!(dry.exit, 0);
    assert!(dry.out.contains("top-up of ¥1,000: not sold, so no code is shown"), "{}", dry.out);
    let json = desk.run(&["topup", &medium, "1000", "--dry-run", "--json"]).result();
    assert!(json["code"].is_null() && json["amount"]["minor"] == "1000");
    let file = desk.file("dry.voucher");
    let voucher = desk.run(&["topup", &medium, "500", "--dry-run", "--voucher", &file]);
    assert_eq!((voucher.exit, PathBuf::from(&file).exists()), (0, false));
    assert!(desk.run(&["status"]).out.contains("¥1,000: 6 in stock, 0 sold"));
    let sold = desk.run(&["topup", &medium, "1000"]);
    let grouped = medium.parse::<scrip::units::MediumId>().unwrap().grouped();
    let warning = format!("warning: medium {grouped}: 1 code of ¥1,000 left");
    assert!(sold.err.contains(&warning), "{}", sold.err);
}

#[test]
fn what_cannot_be_written_is_found_out_before_anything_is_sold() {
    let desk = Desk::stocked();
    let medium = desk.burnt();
    let there = desk.write("there.png", b"mine");
    let nowhere = desk.file("no/such/folder.svg");
    let gif = desk.file("code.gif");
    let page = desk.file("receipt.html");
    let cases: [(&[&str], i32, &str); 4] = [
        (&["--qr", &there], 5, "there.png: already there, and not overwritten"),
        (&["--qr", &nowhere], 4, "there is no such file or folder"),
        (&["--qr", &gif], 2, "code.gif: a QR code is written as .png or .svg"),
        (&["--page", &page, "--voucher", &page], 2, "receipt.html is asked for twice"),
    ];
    for (paper, exit, words) in cases {
        let said = desk.run(&[&["topup", &medium, "1000"], paper].concat());
        assert_eq!(said.exit, exit, "{}", said.err);
        assert!(said.err.contains(words), "{words} in {}", said.err);
    }
    assert_eq!(fs::read(&there).unwrap(), b"mine");
    let journal = desk.run(&["status", "--json"]).result();
    assert_eq!(journal["journal"]["entries"], 2, "nothing was sold");
}

#[test]
fn taking_back_says_what_it_means_and_happens_once() {
    let desk = Desk::stocked();
    let medium = desk.burnt();
    let code = desk.run(&["topup", &medium, "1000", "--json"]).result();
    let seq = code["receipt"].to_string();
    let void = desk.run(&["void", &seq]);
    for part in [
        &format!("takes back receipt {seq}"),
        "¥1,000 stay counted against this store: its buyer has seen what to type",
        "what was typed in before stays credited: look at the medium before paying back",
    ] {
        assert!(void.out.contains(part), "{part} in {}", void.out);
    }
    let told = |args: &[&str]| {
        let said = desk.run(args);
        assert_eq!(said.exit, 5, "{}", said.err);
        said.err
    };
    let twice = told(&["void", &seq]);
    assert!(twice.contains(&format!("entry {seq} was already taken back by entry 3")), "{twice}");
    let unknown = told(&["void", "77"]);
    assert!(unknown.contains("entry 77 is not in the journal, which has 4"), "{unknown}");
    let burn = told(&["void", "1"]);
    assert!(burn.contains("entry 1 is \"burnt\", which can't be taken back"), "{burn}");
    let again = told(&["void", "3"]);
    assert!(again.contains("entry 3 is \"voided\", which can't be taken back"), "{again}");
    // The digits were seen: they are never sold again, and stay within the quota.
    let next = desk.run(&["topup", &medium, "1000", "--json"]).result();
    assert_ne!(next["code"], code["code"]);
    let status = desk.run(&["status"]).out;
    assert!(
        status.contains("¥1,000: 4 in stock, 1 sold, 0 spent on burns, 1 taken back"),
        "{status}"
    );
    assert!(status.contains("quota      ¥15,000 of ¥100,000"), "{status}");
    let spent = super::spent_on_a_burn(&desk.folder);
    let burnt = told(&["void", &spent.to_string()]);
    assert!(burnt.contains("is \"spent on a burn\", which can't be taken back"), "{burnt}");
}

#[test]
fn the_journal_is_verified_and_exported() {
    let desk = Desk::stocked();
    desk.burnt();
    let verified = desk.run(&["journal", "verify"]);
    assert!(verified.out.starts_with("2 entries, every signature and link is sound, head "));
    let export = desk.file("journal.export");
    assert_eq!(desk.run(&["journal", "export", &export]).exit, 0);
    let bytes = fs::read(&export).unwrap();
    assert_eq!(desk.run(&["journal", "export", &export]).exit, 5, "never overwritten");
    assert_eq!(fs::read(&export).unwrap(), bytes);
    let journal = desk.folder.file("journal.log");
    let mut damaged = fs::read(&journal).unwrap();
    damaged[30] ^= 1;
    fs::write(&journal, damaged).unwrap();
    let said = desk.run(&["journal", "verify"]);
    assert_eq!(said.exit, 3);
    assert!(said.err.contains("store journal: entry 0, at byte 0 of "), "{}", said.err);
}

#[test]
fn one_tool_at_a_time_has_the_folder() {
    let desk = Desk::stocked();
    let _open = desk.folder.open();
    let said = desk.run(&["status"]);
    assert_eq!(said.exit, 5);
    let holder = format!("in use by scrip-store (process {})", std::process::id());
    assert!(said.err.contains(&holder), "{}", said.err);
}
