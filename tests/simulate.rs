//! Simulated populations: the same for the same seed, and sound wherever nothing is planted.

mod planted;
mod reading;
#[cfg(feature = "verify")]
mod truth;

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process};
use scrip::format::record::RecordKind;
use scrip::format::store::StoreEvent;
use scrip::issuer::Issuer;
use scrip::records::Account;
use scrip::shop::{Shop, Writing, read_export};
use scrip::simulate::{Desk, Dials, Population, Stage, Truth, simulate};
use scrip::trust::{Passphrase, TestRoots};
use scrip::units::Amount;
use serde_json::Value;

use reading::Town;

/// Files go where they belong; nobody stops it.
struct Plain<'a>(&'a Path);

impl Desk for Plain<'_> {
    fn put(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap())?;
        fs::write(path, bytes)
    }

    fn at(&self, _: Stage, _: u64, _: u64) {}

    fn stops(&self) -> bool {
        false
    }
}

fn population(seed: u64, media: u32, events: u64) -> Population {
    let dials = Dials::each(0);
    Population { seed, media, events, stores: 3, imported: 1000, dials }
}

fn made(population: &Population, threads: usize) -> (tempfile::TempDir, Truth) {
    let folder = tempfile::tempdir().unwrap();
    let threads = NonZeroUsize::new(threads).unwrap();
    let truth = simulate(folder.path(), population, threads, &Plain(folder.path())).unwrap();
    (folder, truth)
}

fn minor(amount: Amount) -> i64 {
    i64::try_from(amount.minor()).unwrap()
}

/// Every file but those that say who held a lock.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let walk = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = walk.filter(|entry| entry.file_type().is_file() && entry.file_name() != ".lock");
    let read = |entry: walkdir::DirEntry| {
        let name = entry.path().strip_prefix(folder).unwrap().display().to_string();
        (name, fs::read(entry.path()).unwrap())
    };
    files.map(read).collect()
}

#[test]
fn the_same_seed_gives_the_same_files_and_another_gives_others() {
    let [one, two, other] = [(1, 5), (4, 5), (4, 6)].map(|(threads, seed)| {
        let (folder, truth) = made(&population(seed, 21, 2_000), threads);
        (contents(folder.path()), truth.to_json())
    });
    assert_eq!(one.0.keys().collect::<Vec<_>>(), two.0.keys().collect::<Vec<_>>());
    for (name, bytes) in &one.0 {
        assert!(two.0[name] == *bytes, "{name} differs");
    }
    assert_eq!(one.1, two.1);
    let shared = one.0.iter().filter(|(name, bytes)| other.0.get(*name) == Some(bytes));
    assert_eq!(shared.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), Vec::<&str>::new());
    assert_ne!(one.1, other.1);
}

#[test]
fn every_export_verifies_and_every_balance_is_the_ledgers() {
    let population = population(11, 30, 30 * 200);
    let (folder, truth) = made(&population, 4);
    assert_eq!(truth.records(), population.events);
    let town = Town::at(folder.path());
    let exports = town.files(".evidence");
    assert_eq!(exports.len(), 30);
    let mut kinds: BTreeMap<RecordKind, usize> = BTreeMap::new();
    for (name, bytes) in &exports {
        let export = town.open(bytes);
        let fold = export.fold();
        assert!(fold.refusal.is_none() && export.behind == 0, "{name}: {:?}", fold.refusal);
        assert!(name.ends_with(&format!("/{}.evidence", export.medium())));
        let number = export.medium().to_string();
        let own = truth.media.iter().find(|own| own.medium == number).unwrap();
        let state = &fold.state;
        let sums = [state.free(), state.provisional, state.reserved()].map(minor);
        let expected = [own.holding.free, own.holding.fees, own.holding.reserved];
        assert_eq!((sums, own.records), (expected, fold.records.len() as u64), "{name}");
        for record in &fold.records {
            *kinds.entry(record.history.kind).or_default() += 1;
        }
    }
    let least = [
        (RecordKind::Genesis, 30),
        (RecordKind::Rekey, 30),
        (RecordKind::Topup, 300),
        (RecordKind::Purchase, 1_000),
        (RecordKind::Play, 1_000),
        (RecordKind::DownloadStart, 100),
        (RecordKind::DownloadInterrupted, 150),
        (RecordKind::DownloadEnd, 12),
        (RecordKind::UploadStart, 80),
        (RecordKind::Earn, 150),
        (RecordKind::Connect, 50),
    ];
    for (kind, count) in least {
        let found = kinds.get(&kind).copied().unwrap_or_default();
        assert!(found >= count, "{found} records of {kind:?}, at least {count} are expected");
    }
}

#[test]
fn stores_and_records_tell_of_every_topup_that_was_sold() {
    let (folder, truth) = made(&population(12, 30, 3_000), 4);
    let town = Town::at(folder.path());
    let journals = town.files(".journal");
    assert_eq!((journals.len(), truth.imported.as_slice()), (3, [1, 2, 3].as_slice()));
    let (mut entries, mut sold) = (0, 0);
    for (name, bytes) in &journals {
        let export = read_export(bytes, &town.trust).unwrap();
        let own = name.trim_start_matches("stores/").trim_end_matches(".journal");
        let path = folder.path().join("stores").join(own);
        let shop = Shop::open(&path, Passphrase::None, TestRoots::Allowed, Writing::Dry).unwrap();
        assert!(shop.export().unwrap() == *bytes, "{name} isn't what the store exports");
        entries += export.entries.len() as u64;
        let money = export.entries.iter().filter(|entry| entry.event != StoreEvent::Burnt);
        let values = money.filter_map(|entry| entry.value.as_ref());
        sold += values.map(|value| minor(value.amount)).sum::<i64>();
        for burnt in export.entries.iter().filter_map(|entry| entry.burn.as_ref()) {
            assert_eq!(burnt.hardware, None);
        }
    }
    assert_eq!(entries, truth.entries);
    let mut topped_up = 0;
    for bytes in town.files(".evidence").values() {
        for record in town.open(bytes).fold().records {
            let added = record.history.kind == RecordKind::Topup;
            topped_up += record.accounting.as_ref().filter(|_| added).map_or(0, |a| a.amount);
        }
    }
    assert_eq!(sold, topped_up);
    let mut issuer = Issuer::open(&folder.path().join("issuer"), None).unwrap();
    let balances = issuer.records().balances().unwrap();
    let owed = balances.iter().filter(|line| matches!(line.account, Account::Store(_)));
    assert_eq!(owed.map(|line| line.minor).sum::<i64>(), sold);
}

/// Run the tool in a folder: its exit code, and what it said.
fn tool(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(cargo_bin("scrip-server"));
    command.env_remove("SCRIP_SERVER_DIR").current_dir(folder);
    let output = command.arg("simulate").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_tool_makes_a_folder_whole_and_writes_down_what_is_true() {
    let folder = tempfile::tempdir().unwrap();
    let asked =
        ["town", "--seed", "7", "--media", "8", "--events", "200", "--honest", "--voids", "1000"];
    let asked = [&asked[..], &["--json"]].concat();
    let dry = tool(folder.path(), &[&asked[..], &["--dry-run"]].concat());
    assert_eq!((dry.0, fs::read_dir(folder.path()).unwrap().count()), (0, 0), "{}", dry.2);
    let (exit, said, told) = tool(folder.path(), &asked);
    assert_eq!(exit, 0, "{told}");
    let result: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!((&result["records"], &result["imported"]), (&208.into(), &vec![1, 2].into()));
    assert_eq!(result["planted"], serde_json::json!({ "redeemed-after-void": 8 }));
    let town = folder.path().join("town");
    let truth = fs::read(town.join("truth.json")).unwrap();
    let truth: Value = serde_json::from_slice(&truth).unwrap();
    assert_eq!(
        (&truth["population"]["records"], &truth["rates"]["voids"]),
        (&208.into(), &1000.into())
    );
    assert_eq!(truth["planted"].as_array().unwrap().len(), 8);
    assert_eq!(truth["accounts"].as_array().unwrap().len(), 8);
    let left = contents(&town).keys().any(|name| name.ends_with("-wal"));
    assert!(
        !left && !town.join("issuer/.lock").exists() && !town.join("stores/0001/.lock").exists()
    );
    let again = tool(folder.path(), &asked);
    assert_eq!(again.0, 5);
    assert!(again.1.contains("town: already there"), "{}", again.1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn sizes_that_can_not_be_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], i32, &str); 8] = [
        (&["--media", "1"], 2, "media: 1, allowed are 2 to 1000000"),
        (&["--events", "10"], 2, "10 events of 200 media, allowed are 1600 to 20000000"),
        (&["--stores", "0"], 2, "0 stores of 200 media, allowed are 1 to 200"),
        (&["--imported", "1001"], 2, "imported stores: 1001 of 1000, at most 1000"),
        (&["--clones", "1001"], 2, "clones: 1001 of 1000, at most 1000"),
        (
            &["--clones", "600", "--yanks", "500", "--honest"],
            2,
            "what is planted adds up to 1100 of 1000 media: each has one thing at most",
        ),
        (&["--media", "many"], 2, "invalid value 'many'"),
        (&["--dry-run", "none/town"], 4, "none: there is no such file or folder"),
    ];
    for (arguments, exit, message) in cases {
        let place = if exit == 4 { &[][..] } else { &["town"] };
        let asked = [&["--seed", "1"], place, arguments].concat();
        let (found, _, told) = tool(folder.path(), &asked);
        assert!(found == exit && told.contains(message), "{arguments:?}: {found} {told}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_is_broken_off_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(cargo_bin("scrip-server"));
    command.env_remove("SCRIP_SERVER_DIR").current_dir(folder.path());
    command.args(["simulate", "town", "--seed", "1", "--media", "2000"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Once there is a folder, the tool listens.
    while fs::read_dir(folder.path()).unwrap().count() == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::sleep(Duration::from_millis(5));
    }
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
