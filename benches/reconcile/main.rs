//! Reconciling a crowd of owners beside `DuckDB`'s join and a bare merge of the same events.
//!
//! `cargo bench --bench reconcile -- [EVENTS] [--rounds N] [--all] [--in FOLDER] [--keep FOLDER] [--make]`: of
//! so many events, a million by default, 500 to a medium. What the records don't hold is one owner in a
//! hundred, or with `--all` the newest events of everybody. What is made goes to a temporary folder
//! (below the one of `--in`) and is removed, or stays in that of `--keep` and is used again from there;
//! with `--make` nothing is measured. Ours is the built tool; all subjects take turns, and medians are
//! told. That exactly what is bogus is found is asserted.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads its arguments and the clock")]

mod crowd;
mod measure;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crowd::rows::{Merged, merge};
use crowd::{Crowd, Expected, Made, News};
use measure::{Cost, Peers, median};
use serde_json::Value;

const EVENTS: u64 = 1_000_000;
const EACH: u64 = 500;
const SEED: u64 = 20_261_121;
/// So many media of a thousand bring a code or voucher that nobody sold.
const BOGUS: u32 = 5;
/// What is new, and no finding against anyone.
const NEWS: [&str; 2] = ["medium-ahead", "matched"];

struct Asked {
    crowd: Crowd,
    rounds: usize,
    within: Option<PathBuf>,
    keep: Option<PathBuf>,
    make_only: bool,
}

fn main() {
    let asked = asked();
    let within = asked.within.clone().unwrap_or_else(std::env::temp_dir);
    let own = tempfile::tempdir_in(within).expect("a temporary folder");
    let folder = asked.keep.clone().unwrap_or_else(|| own.path().join("crowd"));
    std::fs::create_dir_all(&folder).expect("makes a folder");
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let made = asked.crowd.find(&folder).unwrap_or_else(|| {
        let (start, threads) = (Instant::now(), NonZeroUsize::new(cores).expect("some"));
        let made = asked.crowd.make(&folder, threads);
        println!("made in {:.1} s by {cores} threads", start.elapsed().as_secs_f64());
        made
    });
    show(&made);
    let run = Run { folder: &folder, own: own.path(), peers: Peers::made(), made: &made };
    if asked.make_only {
        let command = run.command(cores, &["evidence"], None);
        println!("{}", command.join(" ".as_ref()).display());
        return;
    }
    run.peers.prepare(&folder);
    run.all(asked.rounds, cores);
}

fn asked() -> Asked {
    let (mut events, mut rounds, mut make_only) = (EVENTS, 1, false);
    let mut news = News::Few;
    let (mut within, mut keep) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--keep" => keep = arguments.next().map(PathBuf::from),
            "--in" => within = arguments.next().map(PathBuf::from),
            "--rounds" => {
                let count = arguments.next().and_then(|count| count.parse().ok());
                rounds = count.expect("a number of rounds");
            }
            "--make" => make_only = true,
            "--all" => news = News::All,
            "--bench" => {}
            number => events = number.parse().expect("a number of events"),
        }
    }
    let media = u32::try_from(events / EACH / 100 * 100).expect("fewer media").max(100);
    let crowd = Crowd { seed: SEED, media, each: EACH, bogus: BOGUS, news };
    Asked { crowd, rounds, within, keep, make_only }
}

fn show(made: &Made) {
    let Made { events, held, later, receipts, papers, topups, bytes, .. } = made;
    println!(
        "{events} events of {} media in {} MB of bundles, {held} of them in the records; {later} of \
         media that lie apart",
        made.crowd.media,
        bytes / 1_000_000
    );
    println!("{topups} codes and vouchers, {receipts} receipts in journals, {papers} files beside");
}

struct Run<'a> {
    folder: &'a Path,
    /// For what is written meanwhile.
    own: &'a Path,
    peers: Peers,
    made: &'a Made,
}

impl Run<'_> {
    fn all(&self, rounds: usize, cores: usize) {
        let mut threads = vec![cores, 2, 1];
        threads.dedup();
        let mut costs: BTreeMap<String, Vec<Cost>> = BTreeMap::new();
        let (mut stages, mut version) = (Value::Null, String::new());
        for _ in 0..rounds {
            for count in &threads {
                for (key, what) in [("id", "by id"), ("place", "by medium and sequence")] {
                    let (cost, found, of) = self.peers.join(self.folder, cores, key);
                    assert_eq!(found, self.counts(), "DuckDB, {what}");
                    version = of;
                    costs
                        .entry(format!("A DuckDB's full outer join {what}"))
                        .or_default()
                        .push(cost);
                }
                costs
                    .entry("B bare merge of 64-byte rows".to_owned())
                    .or_default()
                    .push(self.merge());
                let (cost, told) = self.reconcile(*count, &["evidence"], None);
                self.check(&told, false);
                let name = format!("C scrip-verify reconcile, {count} threads");
                costs.entry(name).or_default().push(cost);
                if *count == cores {
                    stages = told.last().map_or(Value::Null, |result| result["stages"].clone());
                }
            }
        }
        println!("\nDuckDB {version}, {cores} cores, medians of {rounds} rounds");
        println!("| {} events | wall s | CPU s | × DuckDB's CPU | MiB |", self.made.events);
        println!("|---|---|---|---|---|");
        let bare = median(&costs["A DuckDB's full outer join by id"]).cpu;
        for (name, all) in &costs {
            let Cost { wall, cpu, peak } = median(all);
            let of_bare = cpu / bare;
            println!("| {} | {wall:.2} | {cpu:.2} | {of_bare:.2} | {peak:.0} |", &name[2..]);
        }
        let floor = median(&costs["B bare merge of 64-byte rows"]);
        self.show_stages(&stages, &floor);
        self.again(cores);
    }

    /// Stage times as the tool tells them.
    fn show_stages(&self, stages: &Value, floor: &Cost) {
        let Some(stages) = stages.as_array() else { return };
        println!("\n| stage | wall s | CPU s | ns an event |");
        println!("|---|---|---|---|");
        for stage in stages {
            let seconds = |of: &str| stage[of].as_f64().unwrap_or_default();
            #[allow(clippy::cast_precision_loss, reason = "shown with a few digits")]
            let each = seconds("cpu") * 1e9 / self.made.events as f64;
            let name = stage["stage"].as_str().unwrap_or_default();
            println!("| {name} | {:.2} | {:.2} | {each:.0} |", seconds("wall"), seconds("cpu"));
            if name == "merge" {
                println!("merge at {:.2} of the bare merge", floor.cpu / seconds("cpu"));
            }
        }
    }

    /// A second run when a hundredth more has come in.
    fn again(&self, cores: usize) {
        let remembered = self.own.join("remembered");
        let (first, told) = self.reconcile(cores, &["evidence"], Some(&remembered));
        self.check(&told, false);
        let (same, told) = self.reconcile(cores, &["evidence"], Some(&remembered));
        self.check(&told, false);
        let (second, told) = self.reconcile(cores, &["evidence", "later"], Some(&remembered));
        self.check(&told, true);
        let (fresh, whole) = self.reconcile(cores, &["evidence", "later"], None);
        let hash = |told: &[Value]| told.last().map(|result| result["plan_hash"].clone());
        assert_eq!(hash(&told), hash(&whole), "a run that remembers makes the same plan");
        let later = self.made.later;
        println!(
            "\n| what is remembered | wall s | CPU s | wall, of the first | CPU, of the first |"
        );
        println!("|---|---|---|---|---|");
        let row = |name: &str, cost: &Cost| {
            let (wall, cpu) = (cost.wall / first.wall, cost.cpu / first.cpu);
            println!("| {name} | {:.2} | {:.2} | {wall:.3} | {cpu:.3} |", cost.wall, cost.cpu);
        };
        row("first run, remembering", &first);
        row("the same again", &same);
        row(&format!("with {later} more events"), &second);
        row("the same without", &fresh);
    }

    fn command(&self, threads: usize, evidence: &[&str], plan: Option<&Path>) -> Vec<OsString> {
        let issuer = self.folder.join("issuer");
        let mut command: Vec<OsString> = vec![env!("CARGO_BIN_EXE_scrip-verify").into()];
        command.extend(["--json", "reconcile", "--allow-test-root"].map(OsString::from));
        command.extend(["--records".into(), issuer.clone().into()]);
        command.extend(["--trust".into(), issuer.join("trust.cbr").into()]);
        let (as_of, threads) = (Crowd::as_of().seconds().to_string(), threads.to_string());
        command.extend(["--as-of", &as_of, "--threads", &threads].map(OsString::from));
        command.extend(plan.into_iter().flat_map(|plan| ["--plan".into(), plan.into()]));
        command.extend(evidence.iter().map(|name| self.folder.join(name).into()));
        command
    }

    fn reconcile(
        &self,
        threads: usize,
        evidence: &[&str],
        remembered: Option<&Path>,
    ) -> (Cost, Vec<Value>) {
        let plan = self.own.join("plan");
        let mut command = self.command(threads, evidence, Some(&plan));
        command
            .extend(remembered.into_iter().flat_map(|folder| ["--remember".into(), folder.into()]));
        let (cost, exit, told) = self.peers.measure(&command);
        assert_eq!(exit, 1, "differences are found: {:?}", told.last());
        std::fs::remove_file(plan).expect("it was written");
        (cost, told)
    }

    /// What is bogus is found and nothing else, and everything is looked at.
    fn check(&self, told: &[Value], later: bool) {
        let result = told.last().expect("a result");
        assert_eq!(result["skipped"], Value::Array(vec![]));
        let media = self.made.crowd.media + if later { self.made.crowd.later() } else { 0 };
        assert_eq!(result["media"], media);
        let expected = self.made.expected.iter().filter(|bogus| later || !bogus.later);
        let mut expected: Vec<_> = expected.map(as_named).collect();
        let findings = told.iter().filter_map(|line| line["findings"].as_array()).flatten();
        let mut found: Vec<_> = findings.filter_map(named).collect();
        expected.sort();
        found.sort();
        assert!(!expected.is_empty() && found == expected, "{found:?} found, not {expected:?}");
    }

    fn counts(&self) -> [u64; 4] {
        [self.made.held, 0, self.made.events - self.made.held, 0]
    }

    fn merge(&self) -> Cost {
        let start = Instant::now();
        let merged = merge(self.folder);
        let wall = start.elapsed().as_secs_f64();
        let [both, differ, evidence_only, records_only] = self.counts();
        assert_eq!(merged, Merged { both, differ, evidence_only, records_only });
        Cost { wall, cpu: wall, peak: 2.0 }
    }
}

/// A finding that is more than news: class, medium, sequence and amount.
fn named(finding: &Value) -> Option<(String, String, u64, i64)> {
    let text = |of: &str| finding[of].as_str().unwrap_or_default().to_owned();
    let amount = text("minor").parse().expect("minor units");
    let named = (text("class"), text("medium"), finding["seq"].as_u64().unwrap_or(0), amount);
    (!NEWS.contains(&named.0.as_str())).then_some(named)
}

fn as_named(bogus: &Expected) -> (String, String, u64, i64) {
    (bogus.class.clone(), bogus.medium.clone(), bogus.seq, bogus.amount)
}
