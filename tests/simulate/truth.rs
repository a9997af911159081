//! What is planted in whole populations is what the built tools find, and no more; the books then
//! hold what is true, to the unit, and a second run posts nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use assert_cmd::cargo::cargo_bin;
use scrip::records::{Account, Place, Records};
use scrip::simulate::{Books, Dial, Dials, MediumTruth, Population, Truth};
use scrip::units::{MediumId, StoreId};
use serde_json::Value;

use super::made;

/// Seeds, media of each population, and records that they make.
const SIZE: (u64, u32, u64) =
    if cfg!(feature = "thorough") { (20, 200, 100_000) } else { (3, 120, 6_000) };
/// Of a thousand media each dial is turned up on so many.
const RATE: u32 = 35;
/// And so many owners come by half-way.
const VISITS: u32 = 400;
const STORES: u32 = 3;
/// So many populations are looked at side by side.
const WORKERS: usize = 2;

/// What is found: class, medium, store, sequence, amount.
type Found = (String, String, Option<u64>, Option<u64>, i64);

/// One population with its records and evidence, in a folder.
struct Office {
    truth: Truth,
    folder: tempfile::TempDir,
}

impl Office {
    fn of(seed: u64) -> Self {
        let (_, media, events) = SIZE;
        let mut dials = Dials::each(RATE);
        dials.visits = VISITS;
        let population = Population { seed, media, events, stores: STORES, imported: 1000, dials };
        let (folder, truth) = made(&population, 2);
        Self { truth, folder }
    }

    /// What a tool says last, and its exit code.
    fn run(&self, tool: &str, arguments: &[&str]) -> (Option<i32>, Value) {
        let mut command = Command::new(cargo_bin(tool));
        command.args(arguments).arg("--json").current_dir(self.folder.path());
        command.env_remove("SCRIP_SERVER_DIR").env("XDG_CONFIG_HOME", self.folder.path());
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let last = said.lines().last().unwrap_or_else(|| panic!("{tool}: {told}"));
        (output.status.code(), serde_json::from_str(last).unwrap())
    }

    fn reconcile(&self, plan: &str, more: &[&str]) -> (Option<i32>, Value) {
        let roots = ["--trust", "issuer/trust.cbr", "--allow-test-root"];
        let asked = ["reconcile", "--records", "issuer", "evidence", "--plan", plan];
        self.run("scrip-verify", &[&asked[..], &roots, more].concat())
    }

    fn held(&self) -> Held {
        let mut records =
            Records::open_reading(&Place::in_folder(&self.folder.path().join("issuer")));
        let records = records.as_mut().unwrap();
        let mut sum = |account: Account| records.account(&account).unwrap();
        let media = self.truth.media.iter().map(|own| {
            let medium: MediumId = own.medium.parse().unwrap();
            let owed = [Account::Settled, Account::Provisional, Account::Reserved, Account::Debt];
            let owed = owed.map(|account| sum(account(medium)));
            (own.medium.clone(), [-owed[0], -owed[1], -owed[2], owed[3]])
        });
        let media = media.collect();
        let stores = (1..=STORES).map(|number| StoreId::from_number(number.into()).unwrap());
        let lost = stores.map(|store| sum(Account::ForkLoss(store))).sum();
        Held { media, lost }
    }
}

/// What the books hold of each medium: settled, provisional, reserved, debt; and what stores bear.
struct Held {
    media: BTreeMap<String, [i64; 4]>,
    lost: i64,
}

fn sums(books: &Books) -> [i64; 4] {
    [books.settled, books.provisional, books.reserved, books.debt]
}

/// All that a run finds beside media that are merely ahead or answered.
fn found(result: &Value) -> Vec<Found> {
    let told = result["findings"].as_array().unwrap().iter();
    let told =
        told.filter(|one| !matches!(one["class"].as_str(), Some("medium-ahead" | "matched")));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = told.map(|one| {
        let amount = text(&one["minor"]).parse().unwrap();
        let (store, seq) = (one["store"].as_u64(), one["seq"].as_u64());
        (text(&one["class"]), text(&one["medium"]), store, seq, amount)
    });
    let mut found: Vec<_> = found.collect();
    found.sort_unstable();
    found
}

fn planted<'a>(truth: &'a Truth, of: impl Fn(&str) -> bool + 'a) -> Vec<Found> {
    let planted = truth.planted.iter().filter(|planted| of(&planted.medium));
    let planted = planted.map(|one| {
        let store = one.store.map(u64::from);
        (one.class.to_owned(), one.medium.clone(), store, one.seq, one.amount)
    });
    let mut all: Vec<_> = planted.collect();
    all.sort_unstable();
    all
}

/// What only the first of two sorted rows has.
fn beyond(one: &[Found], other: &[Found]) -> Vec<Found> {
    let mut left = other.to_vec();
    let mut beyond = vec![];
    for found in one {
        match left.iter().position(|known| known == found) {
            Some(place) => drop(left.swap_remove(place)),
            None => beyond.push(found.clone()),
        }
    }
    beyond
}

fn listed(found: &[Found]) -> Vec<String> {
    found.iter().map(|found| format!("{found:?}")).collect()
}

/// What a plan moves into a kind of account, less what it moves out of it.
fn moved(plan: &Value, kind: &str) -> i64 {
    let moves = plan["moves"].as_array().unwrap().iter();
    let moves = moves.map(|one| {
        let minor: i64 = one["minor"].as_str().unwrap().parse().unwrap();
        minor * (i64::from(one["to"] == kind) - i64::from(one["from"] == kind))
    });
    moves.sum()
}

/// The plan moves what is true less what the books hold, and posts no other medium.
fn moves_what_is_missing(truth: &Truth, before: &Held, plan: &Value, seed: u64) {
    let posted: Vec<&MediumTruth> = truth.media.iter().filter(|own| own.books.is_some()).collect();
    assert_eq!(plan["settles"], posted.len(), "seed {seed}");
    let missing = |at: usize| -> i64 {
        let of =
            posted.iter().map(|own| sums(&own.books.unwrap())[at] - before.media[&own.medium][at]);
        of.sum()
    };
    let borne: i64 = posted.iter().map(|own| own.books.unwrap().store_loss).sum();
    let kinds = ["settled", "provisional", "reserved", "debt", "fork loss"];
    let by_plan = kinds.map(|kind| moved(plan, kind));
    let by_truth = [missing(0), missing(1), missing(2), -missing(3), before.lost - borne];
    assert_eq!(by_plan, by_truth, "seed {seed}: {kinds:?}");
}

/// One population from its seed to its second run; what was planted on it and found.
fn goes_round(seed: u64) -> Truth {
    let office = Office::of(seed);
    let truth = &office.truth;
    let (_, first) = office.reconcile("first.plan", &[]);
    let skipped = first["skipped"].as_array().unwrap().iter();
    let skipped: BTreeSet<_> =
        skipped.map(|one| one["file"].as_str().unwrap().to_owned()).collect();
    assert_eq!(skipped, truth.foreign.iter().cloned().collect(), "seed {seed}: all else is read");
    let (expected, told) = (planted(truth, |_| true), found(&first));
    let (missed, extra) = (beyond(&expected, &told), beyond(&told, &expected));
    assert_eq!(
        [listed(&missed), listed(&extra)],
        [(); 2].map(|()| vec![""; 0]),
        "seed {seed}: missed, extra"
    );
    moves_what_is_missing(truth, &office.held(), &first, seed);
    let settled = office.run(
        "scrip-server",
        &["--dir", "issuer", "settle", "first.plan", "--out", "checkpoints", "--yes"],
    );
    assert_eq!(settled.0, Some(0), "seed {seed}: {}", settled.1);
    let held = office.held();
    for own in &truth.media {
        let Some(books) = own.books else { continue };
        assert_eq!(held.media[&own.medium], sums(&books), "seed {seed}, medium {}", own.medium);
    }
    // Nobody asks again for what nobody brought.
    for name in &truth.foreign {
        std::fs::remove_file(office.folder.path().join(name)).unwrap();
    }
    let (exit, again) = office.reconcile("second.plan", &[]);
    let (_, checked) = office.reconcile("third.plan", &["--every-signature"]);
    assert_eq!(again["plan_hash"], checked["plan_hash"], "seed {seed}: with every signature");
    let settled = truth.media.iter().filter(|own| own.books.is_some());
    let settled: BTreeSet<_> = settled.map(|own| own.medium.as_str()).collect();
    let open = planted(truth, |medium| !settled.contains(medium));
    assert_eq!((&again["settles"], found(&again)), (&0.into(), open.clone()), "seed {seed}");
    assert_eq!(exit, Some(i32::from(!open.is_empty())), "seed {seed}: all else is answered");
    println!("seed {seed}: {} records, {} planted and found", truth.records(), expected.len());
    office.truth
}

#[test]
fn what_is_planted_is_found_and_the_books_hold_what_is_true() {
    let (seeds, next, done) = (SIZE.0, AtomicU64::new(1), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > seeds {
                        break;
                    }
                    let truth = goes_round(seed);
                    done.lock().unwrap().push(truth);
                }
            });
        }
    });
    let done = done.into_inner().unwrap();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for planted in done.iter().flat_map(|truth| &truth.planted) {
        *counts.entry((planted.dial, planted.class)).or_default() += 1;
    }
    let records: u64 = done.iter().map(Truth::records).sum();
    println!("{} populations, {records} records; planted and found: {counts:#?}", done.len());
    // A transfer that breaks off is nothing to be found: it is settled pro rata.
    for dial in Dial::ALL.iter().filter(|dial| **dial != Dial::Breaks) {
        assert!(counts.keys().any(|(name, _)| *name == dial.name()), "{dial:?} is never planted");
    }
    assert_eq!(done.len() as u64, seeds);
}
