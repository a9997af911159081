//! What a run takes that remembers an earlier one.

use std::fs;
use std::path::Path;

use scrip::device::{Access, FileDevice};
use scrip::issuer::Issuer;
use scrip::trust::Passphrase;
use serde_json::Value;

use super::crowd::settle;
use super::measure::Cost;
use super::{Run, Within};

/// Runs by their names, each held against the first.
struct Table {
    first: Cost,
}

impl Table {
    fn begin(title: &str, name: &str, first: Cost) -> Self {
        println!("\n| {title} | wall s | CPU s | wall, of the first | CPU, of the first |");
        println!("|---|---|---|---|---|");
        let table = Self { first };
        table.row(name, &table.first);
        table
    }

    fn row(&self, name: &str, cost: &Cost) {
        let (wall, cpu) = (cost.wall / self.first.wall, cost.cpu / self.first.cpu);
        println!("| {name} | {:.2} | {:.2} | {wall:.3} | {cpu:.3} |", cost.wall, cost.cpu);
    }
}

impl Run<'_> {
    /// What the records hold they hold from the first run on.
    pub(super) fn again(&self, cores: usize) {
        let remembered = self.own.join("remembered");
        let (first, told) = self.reconcile(cores, &["evidence"], Some(&remembered));
        self.check(&told, Within::Evidence);
        let (events, held) = (self.made.events, self.made.held);
        let title = format!("{events} events, {held} of them settled before the first run");
        let table = Table::begin(&title, "first run, remembering", first);
        let (same, told) = self.reconcile(cores, &["evidence"], Some(&remembered));
        self.check(&told, Within::Evidence);
        table.row("the same again", &same);
        self.with_later(cores, &remembered, Within::All, &table);
    }

    /// Everything is new to the first run, and its plan is settled before the second.
    pub(super) fn again_from_nothing(&self, cores: usize) {
        let run = Self { records: self.own.join("issuer"), ..self.clone() };
        copy(&self.records, &run.records);
        let remembered = self.own.join("remembered-new");
        let (first, told) = run.reconcile(cores, &["evidence"], Some(&remembered));
        run.check(&told, Within::Evidence);
        let title = format!("{} events, all new to the first run, then settled", run.made.events);
        let table = Table::begin(&title, "first run, remembering", first);
        let mut issuer = Issuer::open(&run.records, None).expect("it was founded");
        let key = issuer.settler_key(Passphrase::None).expect("it was founded");
        let plan = FileDevice::open(&run.plan(), Access::Read).expect("it was written");
        settle(&mut issuer, &key, plan);
        drop(issuer);
        run.with_later(cores, &remembered, Within::Later, &table);
    }

    /// A run to which a hundredth is new.
    fn with_later(&self, cores: usize, remembered: &Path, within: Within, table: &Table) {
        let evidence = ["evidence", "later"];
        let (second, told) = self.reconcile(cores, &evidence, Some(remembered));
        self.check(&told, within);
        let (fresh, whole) = self.reconcile(cores, &evidence, None);
        let hash = |told: &[Value]| told.last().map(|result| result["plan_hash"].clone());
        assert_eq!(hash(&told), hash(&whole), "a run that remembers makes the same plan");
        table.row(&format!("second run, with {} more events", self.made.later), &second);
        table.row("the same without remembering", &fresh);
    }
}

/// A folder and what is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("makes a folder");
    for entry in fs::read_dir(from).expect("it was made") {
        let path = entry.expect("reads").path();
        let copied = to.join(path.file_name().expect("it has one"));
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).expect("copies");
        }
    }
}
