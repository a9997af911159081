//! Top-ups whose tool dies: stopped at every call that changes a file or speaks, killed at random.
//!
//! Whatever one buyer was shown is never sold to another, and no code or serial is lost unaccounted.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use scrip::crypto::{Random, SeededRandom};
use scrip::format::Kind;
use scrip::format::Object;
use scrip::format::cose::Sign1;
use scrip::format::sheet::{Voucher, VoucherFile};
use scrip::qr::read_picture;
use scrip::shop::{Shop, Writing};
use scrip::trust::{Passphrase, TestRoots};
use scrip::units::MediumId;
use serde_json::Value;

use super::tool::Desk;
use super::{NOW, amount, at};

/// Calls that change files or show something, and those that make it durable.
const CALLS: [&str; 14] = [
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "mkdir",
    "fchmod",
];
/// A top-up makes fewer of them.
const CALLS_MAX: usize = 200;
const KILLS: usize = 40;

fn tool(store: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("scrip-store"));
    command.env("SCRIP_STORE_DIR", store).arg("--allow-test-root");
    command
}

/// Where the tool is disturbed: the call, and its how manieth.
type Place = (&'static str, usize);

/// Try every place in turn: `try_place` says whether the tool got past it undisturbed, after which
/// the next call's turn comes. How many places there were.
fn at_every_place(calls: &[&'static str], mut try_place: impl FnMut(Place) -> bool) -> usize {
    let mut places = 0;
    for call in calls {
        let last = (1..CALLS_MAX).find(|n| try_place((call, *n)));
        places += last.expect("the tool ends") - 1;
    }
    places
}

/// The tool under strace, killed where it enters a call; what it said until then.
fn stopped_at((call, n): Place, store: &Path, args: &[&str]) -> (String, bool) {
    disturbed(call, &format!("signal=KILL:when={n}"), store, args)
}

/// The tool under strace with something done to one of its calls; what it said, and if it ended well.
fn disturbed(call: &str, how: &str, store: &Path, args: &[&str]) -> (String, bool) {
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace=?{call}"))
        .args(["-e", &format!("inject=?{call}:{how}")])
        .arg(assert_cmd::cargo::cargo_bin("scrip-store"))
        .env("SCRIP_STORE_DIR", store)
        .arg("--allow-test-root")
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("strace: {error}: sudo apt-get install strace"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains("ptrace"), "strace may trace nothing here: {told}");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let place = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(&place).unwrap();
        } else {
            fs::copy(entry.path(), &place).unwrap();
        }
    }
}

/// Every code that a text shows.
fn codes_in(text: &str) -> BTreeSet<String> {
    let is_code = |word: &&str| {
        word.len() == 24 && word.split('-').all(|group| group.len() == 4 && is_number(group))
    };
    text.split(|c: char| !c.is_ascii_digit() && c != '-')
        .filter(is_code)
        .map(str::to_owned)
        .collect()
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Every code that a buyer can see of what was said and written.
fn seen(said: &str, papers: &Path) -> BTreeSet<String> {
    let mut codes = codes_in(said);
    if let Ok(page) = fs::read(papers.join("page.html")) {
        codes.extend(codes_in(&String::from_utf8_lossy(&page)));
    }
    let picture = fs::read(papers.join("qr.png")).ok().and_then(|bytes| read_picture(&bytes).ok());
    for digits in picture.into_iter().flatten() {
        let digits = String::from_utf8(digits).unwrap();
        let groups = digits.as_bytes().chunks(4).map(|group| str::from_utf8(group).unwrap());
        codes.insert(groups.collect::<Vec<_>>().join("-"));
    }
    codes
}

fn result(store: &Path, args: &[&str]) -> Value {
    let output = tool(store).args(args).arg("--json").output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {out}{told}");
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}

#[test]
fn a_code_sale_stopped_at_any_call_shows_its_code_to_one_buyer() {
    let desk = Desk::stocked();
    let medium = desk.burnt();
    let (mut shown, mut unshown) = (0, 0);
    let stops = at_every_place(&CALLS, |n| {
        let place = tempfile::tempdir().unwrap();
        let store = place.path().join("shop");
        copy(&desk.folder.path(), &store);
        let [qr, page] = ["qr.png", "page.html"].map(|name| place.path().join(name));
        let (qr, page) = (qr.to_str().unwrap(), page.to_str().unwrap());
        let args = ["topup", &medium, "1000", "--qr", qr, "--page", page];
        let (said, ended) = stopped_at(n, &store, &args);
        let first = seen(&said, place.path());
        if ended {
            assert_eq!(first.len(), 1, "{said}");
            return true;
        }
        let entries = result(&store, &["status"])["journal"]["entries"].as_u64().unwrap();
        assert!((2..=3).contains(&entries), "{n:?}");
        if entries == 3 {
            // The sale stands: its receipt shows the code that the buyer saw, or was to see.
            let again = result(&store, &["receipt", "2"]);
            let code = again["code"].as_str().unwrap().to_owned();
            assert!(first.is_empty() || first == BTreeSet::from([code]), "{n:?}");
            *if first.is_empty() { &mut unshown } else { &mut shown } += 1;
        } else {
            assert!(first.is_empty(), "{n:?}: shown before it was journaled");
        }
        sell_out(&store, &medium, &first, entries, n);
        false
    });
    assert!(stops > 30 && shown > 0 && unshown > 0, "{stops} stops, {shown} shown, {unshown} not");
    println!("code: {stops} stops, {shown} after the code was shown, {unshown} between");
}

#[test]
fn a_flush_that_fails_shows_no_code_that_is_not_journaled() {
    let desk = Desk::stocked();
    let medium = desk.burnt();
    let failures = at_every_place(&["fsync", "fdatasync"], |n| {
        let place = tempfile::tempdir().unwrap();
        let store = place.path().join("shop");
        copy(&desk.folder.path(), &store);
        let qr = place.path().join("qr.png");
        let args = ["topup", &medium, "1000", "--qr", qr.to_str().unwrap()];
        let how = format!("error=EIO:when={}", n.1);
        let (said, ended) = disturbed(n.0, &how, &store, &args);
        let first = seen(&said, place.path());
        if ended {
            return true;
        }
        let entries = result(&store, &["status"])["journal"]["entries"].as_u64().unwrap();
        if entries == 3 {
            let code = result(&store, &["receipt", "2"])["code"].as_str().unwrap().to_owned();
            assert!(first.is_empty() || first == BTreeSet::from([code]), "{n:?}");
        } else {
            assert!(first.is_empty(), "{n:?}: shown, though its entry may be lost");
        }
        sell_out(&store, &medium, &first, entries, n);
        false
    });
    // The journal's, the QR code's, that one's folder's.
    assert!(failures >= 3, "{failures} flushes failed");
}

/// Sell what is left to other buyers: none gets a code that was seen, and all are accounted for.
fn sell_out(store: &Path, medium: &str, first: &BTreeSet<String>, entries: u64, n: Place) {
    let left = 2 - (entries - 2);
    let mut others = BTreeSet::new();
    for _ in 0..left {
        let sold = result(store, &["topup", medium, "1000"]);
        assert!(others.insert(sold["code"].as_str().unwrap().to_owned()), "{n:?}");
    }
    assert!(others.is_disjoint(first), "{n:?}: sold twice");
    let status = result(store, &["status"]);
    let line = &status["codes"][0];
    assert_eq!((&line["in_stock"], &line["sold"]), (&4.into(), &2.into()), "{n:?}: {status}");
    let none = tool(store).args(["topup", medium, "1000"]).output().unwrap();
    assert_eq!(none.status.code(), Some(5), "{n:?}");
}

#[test]
fn a_voucher_sale_stopped_at_any_call_uses_its_serial_once() {
    let desk = Desk::stocked();
    let medium = desk.burnt();
    let mut written = 0;
    let stops = at_every_place(&CALLS, |n| {
        let place = tempfile::tempdir().unwrap();
        let store = place.path().join("shop");
        copy(&desk.folder.path(), &store);
        let file = place.path().join("top-up.voucher");
        let args = ["topup", &medium, "500", "--voucher", file.to_str().unwrap()];
        let (_, ended) = stopped_at(n, &store, &args);
        let first = fs::read(&file).ok().map(|bytes| serial(&bytes));
        if ended {
            assert_eq!(first, Some(1));
            return true;
        }
        let entries = result(&store, &["status"])["journal"]["entries"].as_u64().unwrap();
        assert!(first.is_none() || entries == 3, "{n:?}: written before it was journaled");
        written += u32::from(first.is_some());
        let other = place.path().join("other.voucher");
        let next = result(&store, &["topup", &medium, "500", "--voucher", other.to_str().unwrap()]);
        assert_eq!(next["serial"].as_u64(), Some(entries - 1), "{n:?}");
        let status = result(&store, &["status"]);
        assert_eq!(status["vouchers"]["sold"].as_u64(), Some(entries - 1), "{n:?}");
        if entries == 3 {
            let again = place.path().join("again.voucher");
            result(&store, &["receipt", "2", "--voucher", again.to_str().unwrap()]);
            assert_eq!(serial(&fs::read(&again).unwrap()), 1, "{n:?}");
        }
        false
    });
    assert!(stops > 20 && written > 0, "{stops} stops, {written} after the voucher was written");
    println!("voucher: {stops} stops, {written} after it was written");
}

fn serial(bytes: &[u8]) -> u64 {
    let file = VoucherFile::decode(bytes).expect("a voucher's file is whole or not there");
    let message = Sign1::decode(&file.voucher.0, Kind::Voucher).unwrap();
    Voucher::decode(message.payload()).unwrap().serial
}

#[test]
fn sales_killed_at_random_moments_are_each_accounted_for() {
    let desk = Desk::stocked();
    let store: PathBuf = desk.folder.path();
    desk.folder.open().accept(&desk.folder.kit(2, 10, 17), &[], at(NOW)).unwrap();
    let media: Vec<MediumId> = {
        let mut shop = desk.folder.open();
        (0..20).map(|_| super::burn(&mut shop)).collect()
    };
    let before = desk.folder.open().log().unwrap().next_seq();
    let mut rng = SeededRandom::new([40; 32]);
    let (mut shown, mut killed) = (vec![], 0);
    for round in 0..KILLS {
        let medium = media[round % media.len()].to_string();
        let mut child = tool(&store)
            .args(["topup", &medium, "1000"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut byte = [0];
        rng.fill(&mut byte);
        sleep(Duration::from_micros(u64::from(byte[0]) * 60));
        // It may have ended by itself.
        let _ = child.kill();
        killed += u32::from(child.wait().unwrap().code().is_none());
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        shown.extend(codes_in(&said));
    }
    let shop = Shop::open(&store, Passphrase::None, TestRoots::Allowed, Writing::Real).unwrap();
    let sold: Vec<_> = (before..shop.log().unwrap().next_seq())
        .map(|seq| shop.receipt(seq).unwrap().code.unwrap().code.printed())
        .collect();
    let distinct: BTreeSet<_> = sold.iter().cloned().collect();
    assert_eq!(distinct.len(), sold.len(), "no code is sold twice");
    assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), shown.len(), "nor shown twice");
    assert!(shown.iter().all(|code| distinct.contains(code)), "what was shown is journaled");
    let stock = |medium: &MediumId| shop.books().unwrap().medium(*medium).unwrap().stock();
    let left: u32 =
        media.iter().map(|medium| stock(medium).get(&amount(1_000)).copied().unwrap_or(0)).sum();
    assert_eq!(left as usize + sold.len(), 2 * media.len(), "every code is in stock or sold");
    assert!(killed > 0, "no run was killed");
    println!("{KILLS} sales, {killed} killed, {} journaled, {} shown", sold.len(), shown.len());
}
