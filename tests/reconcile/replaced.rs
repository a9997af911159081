//! A lost medium replaced, by the tools: it is revoked, waits, and its money goes over once.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use assert_cmd::cargo::cargo_bin;
use scrip::crypto::{Random, SeededRandom};
use scrip::format::Object;
use scrip::format::checkpoint::CheckpointFile;
use scrip::issuer::{Issuer, Replacing};
use scrip::ledger::next::{self, Statement};
use scrip::records::{Account, Place, Records};
use scrip::trust::Passphrase;
use tempfile::TempDir;

use super::desk::{founded, server};
use super::made::{Stick, host};
use super::office::Office;
use super::tool::{folder, run};
use crate::owner::bench::Answer;
use crate::world::{at, policy};

/// How often `replace` is killed.
const KILLS: u32 = 12;

/// A medium with 1,000 that will be lost, one with 500 that takes its place, both settled.
struct Desk {
    office: Office,
    place: TempDir,
    lost: Stick,
    heir: Stick,
}

impl Desk {
    fn new() -> Self {
        let mut office = founded(&policy());
        let (lost, heir) = (office.owned(0, 2), office.owned(1, 1));
        office.settles(&[lost.export(&office.ground), heir.export(&office.ground)]);
        let place = folder(&office, &[]);
        Self { office, place, lost, heir }
    }

    fn server(&self, arguments: &[&str]) -> Answer {
        server(&self.office, self.place.path(), arguments)
    }

    fn replace(&self, more: &[&str]) -> Answer {
        let (lost, heir) = (self.lost.id().to_string(), self.heir.id().to_string());
        self.server(&[&["replace", &lost, "--with", &heir], more].concat())
    }

    /// As the tool does it, on another day.
    fn replace_at(&self, day: u64) {
        let mut issuer = Issuer::open(self.office.folder.as_ref().unwrap().path(), None).unwrap();
        let issuing = issuer.issuer_key(Passphrase::None).unwrap();
        let settling = issuer.settler_key(Passphrase::None).unwrap();
        let (lost, heir) = (self.lost.id(), self.heir.id());
        let replacing = Replacing { lost, heir, hold_days: 14 };
        let now = at(20).plus_days(day);
        issuer.replace(&replacing, [&issuing, &settling], now).unwrap();
    }

    fn settle(&mut self, export: &[u8]) -> serde_json::Value {
        fs::write(self.place.path().join("evidence/it"), export).unwrap();
        let told = run(&self.office, self.place.path(), &["--json", "evidence"]).result();
        let plan = self.office.plan(&[export.to_vec()]);
        self.office.settle(&plan);
        told
    }

    fn sums(&mut self) -> [i64; 6] {
        let (lost, heir) = (self.lost.id(), self.heir.id());
        [
            Account::Settled(lost),
            Account::Debt(lost),
            Account::Outstanding(lost),
            Account::Settled(heir),
            Account::Debt(heir),
            Account::Outstanding(heir),
        ]
        .map(|account| self.office.owed(&account))
    }
}

#[test]
fn what_is_settled_waits_and_then_goes_to_the_heir_once() {
    let mut desk = Desk::new();
    assert_eq!(desk.sums(), [1_000, 0, 0, 500, 0, 0]);
    desk.replace(&["--dry-run"]).says(0, "¥1,000 would go to medium ");
    assert!(desk.office.records.replacements().unwrap().is_empty(), "a dry run wrote");
    desk.replace(&[]).says(0, "¥1,000 waits until ");
    let begun = desk.office.records.replacements().unwrap();
    desk.replace(&["--hold-days", "0"]).says(0, "¥1,000 waits until ");
    assert_eq!(desk.office.records.replacements().unwrap(), begun, "the wait stays");
    assert_eq!(desk.sums(), [1_000, 0, 0, 500, 0, 0]);
    let again = ["revoke", "medium", &desk.lost.id().to_string()];
    desk.server(&again).says(0, "revoked by list 1: ");
    // What comes of it while it waits is settled first.
    desk.lost.buy(&desk.office.ground, "song", 200);
    let export = desk.lost.export(&desk.office.ground);
    desk.settle(&export);
    desk.replace_at(0);
    assert_eq!(desk.sums(), [0, 0, 0, 1_300, 0, 0]);
    for day in [0, 30] {
        desk.replace_at(day);
        assert_eq!(desk.sums(), [0, 0, 0, 1_300, 0, 0], "nothing goes over twice");
    }
    let told = desk.replace(&["--out", "out"]);
    told.says(0, "¥800 went to medium ");
    desk.replace(&["--out", "out"]).says(0, "by its checkpoint 2");
    desk.server(&["audit"]).says(0, ": ¥800 by its checkpoint 2");
    let (lost, heir) = (desk.lost.id(), desk.heir.id());
    desk.server(&["statement", &lost.to_string()]).says(0, &format!("replaced by, medium {heir}"));
    let of_heir = desk.server(&["statement", &heir.to_string()]);
    of_heir.says(0, &format!("in place of, medium {lost}"));
    let closing = of_heir.text.lines().find(|line| line.starts_with("closing")).unwrap();
    let sums: Vec<&str> = closing.split_whitespace().collect();
    assert_eq!(sums, ["closing", "¥0", "¥1,300"]);
    // Its owner takes the checkpoint over and spends of it.
    let name = format!("out/{heir}-2.checkpoint");
    let file = CheckpointFile::decode(&fs::read(desk.place.path().join(name)).unwrap()).unwrap();
    let certificate = file.chain.0[0].clone();
    let statement = Statement { checkpoint: &file.checkpoint.0, certificate: &certificate };
    let mut late = host();
    late.floor = at(20).plus_days(1);
    let record = next::checkpoint(&desk.heir.state, &late, [7; 16], &statement);
    desk.heir.put(&desk.office.ground, &record);
    assert_eq!(desk.heir.state.balance.minor(), 1_300);
    desk.heir.buy(&desk.office.ground, "film", 1_200);
    let export = desk.heir.export(&desk.office.ground);
    desk.settle(&export);
    assert_eq!(desk.sums(), [0, 0, 0, 100, 0, 0]);
    // What comes of the old one later is its debt, and is told.
    desk.lost.buy(&desk.office.ground, "late", 300);
    let export = desk.lost.export(&desk.office.ground);
    let told = desk.settle(&export);
    assert_eq!(told["classes"]["overdraft"]["minor"], "-300", "{told}");
    assert_eq!(desk.sums(), [0, -300, 0, 100, 0, 0]);
    desk.replace_at(60);
    assert_eq!(desk.sums(), [0, -300, 0, 100, 0, 0], "a debt goes over to nobody");
}

#[test]
fn what_can_take_no_place_is_refused_and_leaves_nothing() {
    let desk = Desk::new();
    let (lost, heir) = (desk.lost.id().to_string(), desk.heir.id().to_string());
    let [third, fourth] = [2, 3].map(|place: usize| desk.office.media[place].to_string());
    let unknown = scrip::units::MediumId::from_serial(77).to_string();
    let replace = |lost: &str, heir: &str| {
        desk.server(&["replace", lost, "--with", heir, "--hold-days", "0"])
    };
    replace(&lost, &lost).says(5, "can't take its own place");
    replace(&unknown, &heir).says(5, "is unknown: its number was never given out");
    replace(&lost, &unknown).says(5, "is unknown: its number was never given out");
    desk.server(&["revoke", "medium", &third]).says(0, "list 1");
    replace(&lost, &third).says(5, "is revoked by list 1");
    replace(&lost, &fourth).says(5, "was never settled, so that nothing can be credited to it");
    replace(&lost, &heir).says(5, &format!("is replaced by medium {fourth} already"));
    replace(&heir, &lost).says(5, "was replaced itself, and takes nobody's place");
    let long = ["replace", &heir, "--with", &fourth, "--hold-days", "4000"];
    desk.server(&long).says(2, "4000 days to wait, at most 3650");
    assert_eq!(Desk::new().sums(), [1_000, 0, 0, 500, 0, 0]);
}

#[test]
fn killed_at_any_moment_it_ends_in_the_same_records() {
    let desk = Desk::new();
    let issuer = desk.office.folder.as_ref().unwrap().path().to_owned();
    let fresh = |name: &str| {
        let folder = desk.place.path().join(name);
        fs::create_dir(&folder).unwrap();
        for entry in
            fs::read_dir(&issuer).unwrap().map(Result::unwrap).filter(|one| one.path().is_file())
        {
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        folder
    };
    let (lost, heir) = (desk.lost.id(), desk.heir.id());
    let command = |folder: &std::path::Path| {
        let mut command = Command::new(cargo_bin("scrip-server"));
        command.arg("--dir").arg(folder).args(["replace", &lost.to_string(), "--with"]);
        command.args([&heir.to_string(), "--hold-days", "0"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    // Whatever the clock said, these are the same.
    let ends = |folder: &std::path::Path| {
        let mut records = Records::open(&Place::in_folder(folder)).unwrap();
        let accounts = records.balances().unwrap().into_iter();
        let accounts: Vec<_> = accounts.map(|balance| (balance.account, balance.minor)).collect();
        let numbers = [lost, heir].map(|medium| records.known(medium).unwrap().unwrap().row.number);
        let replaced = records.replacements().unwrap();
        (accounts, numbers, replaced.len(), replaced[0].credited, replaced[0].list)
    };
    let whole = fresh("whole");
    let began = Instant::now();
    assert!(command(&whole).status().unwrap().success());
    let (length, expected) = (began.elapsed(), ends(&whole));
    assert_eq!((expected.1, expected.3.minor()), ([2, 2], 1_000));
    let (mut rng, mut stopped) = (SeededRandom::new([6; 32]), 0);
    for kill in 0..KILLS {
        let folder = fresh(&format!("kill{kill}"));
        let mut running = command(&folder).spawn().unwrap();
        let mut share = [0; 2];
        rng.fill(&mut share);
        thread::sleep(length.mul_f64(f64::from(u16::from_le_bytes(share)) / f64::from(u16::MAX)));
        running.kill().unwrap();
        stopped += u32::from(running.wait().unwrap().code().is_none());
        for _ in 0..2 {
            assert!(command(&folder).status().unwrap().success());
            assert!(ends(&folder) == expected, "kill {kill}");
        }
    }
    eprintln!("{stopped} of {KILLS} runs were stopped, one takes {length:?}");
}
