//! Reconciling a crowd of owners beside `DuckDB`'s join and a bare merge of the same events.
//!
//! `cargo bench --bench reconcile -- [EVENTS] [--few | --all] [--rounds N] [--new EVENTS] [--in FOLDER]
//! [--keep FOLDER] [--make]`: of so many events, a million by default, 500 to a medium. The records hold
//! all of them but the bogus ones and a few like them; with `--few` one owner in a hundred was never seen, with `--all` the
//! newest events of everybody weren't. Second runs are measured there and, of as many events as `--new`
//! says, where the first one found everything new. What is made goes to a temporary folder (below the one
//! of `--in`) and is removed, or stays in that of `--keep` and is used again from there; with `--make`
//! nothing is measured. Ours is the built tool; all subjects take turns, and medians are told. That
//! exactly what is bogus is found is asserted.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads its arguments and the clock")]

mod crowd;
mod measure;
mod second;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crowd::rows::{Merged, merge};
use crowd::{Crowd, Expected, Made, News};
use measure::{Cost, Peers, median};
use rustix::time::{ClockId, clock_gettime};
use scrip::records::{Place, Records};
use serde_json::Value;

const EVENTS: u64 = 1_000_000;
const EACH: u64 = 500;
/// Fewer make no crowd.
const EVENTS_MIN: u64 = 50_000;
/// Of which everything is new in a first run.
const NEW: u64 = 200_000;
const SEED: u64 = 20_261_121;
/// So many media of a thousand bring a code or voucher that nobody sold.
const BOGUS: u32 = 5;
/// What each subject cost, round by round.
type Costs = BTreeMap<String, Vec<Cost>>;

const MERGE: &str = "B bare merge of 64-byte rows";
const HEADS: &str = "B records' answers for each medium's newest record";
/// Media that are listed at once.
const PAGE: u64 = 1_000;
/// What is new, and no finding against anyone.
const NEWS: [&str; 2] = ["medium-ahead", "matched"];

struct Asked {
    events: u64,
    news: News,
    rounds: usize,
    /// Events of which everything is new in a first run.
    new: u64,
    within: Option<PathBuf>,
    keep: Option<PathBuf>,
    make_only: bool,
}

fn main() {
    let asked = asked();
    let within = asked.within.clone().unwrap_or_else(std::env::temp_dir);
    let own = tempfile::tempdir_in(within).expect("a temporary folder");
    let folder = asked.keep.clone().unwrap_or_else(|| own.path().join("crowd"));
    let cores = std::thread::available_parallelism().map_or(NonZeroUsize::MIN, |cores| cores);
    let smaller =
        [100, 10].map(|part| asked.events / part).into_iter().filter(|few| *few >= EVENTS_MIN);
    let found = |news, events: u64| found(crowd_of(news, events), &folder, cores);
    let sizes = smaller.chain([asked.events]);
    let crowds: Vec<_> = sizes.map(|events| found(asked.news, events)).collect();
    let new = found(News::Every, asked.new);
    let peers = Peers::made();
    let runs = crowds.iter().map(|(folder, made)| Run::of(folder, own.path(), &peers, made));
    let runs: Vec<Run<'_>> = runs.collect();
    let (main, smaller) = runs.split_last().expect("there is one at least");
    if asked.make_only {
        let command = main.command(cores.get(), &["evidence"], None);
        println!("{}", command.join(" ".as_ref()).display());
        return;
    }
    peers.prepare(main.folder);
    let costs = main.all(asked.rounds, cores.get());
    main.show_peaks(smaller, &costs, cores.get());
    main.again(cores.get());
    Run::of(&new.0, own.path(), &peers, &new.1).again_from_nothing(cores.get());
}

fn asked() -> Asked {
    let (mut events, mut new, mut rounds, mut make_only) = (EVENTS, NEW, 1, false);
    let mut news = News::Bogus;
    let (mut within, mut keep) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|number| number.parse().ok());
        match argument.as_str() {
            "--rounds" => rounds = number().expect("a number of rounds"),
            "--new" => new = number().expect("a number of events") as u64,
            "--keep" => keep = arguments.next().map(PathBuf::from),
            "--in" => within = arguments.next().map(PathBuf::from),
            "--make" => make_only = true,
            "--few" => news = News::Few,
            "--all" => news = News::All,
            "--bench" => {}
            number => events = number.parse().expect("a number of events"),
        }
    }
    Asked { events, news, rounds, new, within, keep, make_only }
}

fn crowd_of(news: News, events: u64) -> Crowd {
    let media = u32::try_from(events / EACH / 100 * 100).expect("fewer media").max(100);
    Crowd { seed: SEED, media, each: EACH, bogus: BOGUS, news }
}

/// A crowd in a folder of its own, made where it isn't there.
fn found(crowd: Crowd, within: &Path, threads: NonZeroUsize) -> (PathBuf, Made) {
    let events = u64::from(crowd.media) * EACH;
    let folder = within.join(format!("{:?}-{events}", crowd.news).to_lowercase());
    std::fs::create_dir_all(&folder).expect("makes a folder");
    let made = crowd.find(&folder).unwrap_or_else(|| {
        let start = Instant::now();
        let made = crowd.make(&folder, threads);
        println!("made in {:.1} s by {threads} threads", start.elapsed().as_secs_f64());
        made
    });
    show(&made);
    (folder, made)
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

/// Where what is bogus is to be found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Evidence,
    /// Among the media that lie apart too.
    All,
    /// There only: what was found elsewhere is settled.
    Later,
}

#[derive(Clone)]
struct Run<'a> {
    folder: &'a Path,
    /// For what is written meanwhile.
    own: &'a Path,
    records: PathBuf,
    peers: &'a Peers,
    made: &'a Made,
}

impl<'a> Run<'a> {
    fn of(folder: &'a Path, own: &'a Path, peers: &'a Peers, made: &'a Made) -> Self {
        Self { folder, own, records: folder.join("issuer"), peers, made }
    }

    /// All subjects in turn.
    fn all(&self, rounds: usize, cores: usize) -> Costs {
        let mut threads = vec![cores, 2, 1];
        threads.dedup();
        let mut costs = Costs::new();
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
                costs.entry(MERGE.to_owned()).or_default().push(self.merge());
                costs.entry(HEADS.to_owned()).or_default().push(self.heads());
                let (cost, told) = self.reconcile(*count, &["evidence"], None);
                self.check(&told, Within::Evidence);
                costs.entry(ours(*count)).or_default().push(cost);
                if *count == cores {
                    stages = told.last().map_or(Value::Null, |result| result["stages"].clone());
                }
            }
        }
        println!("\nDuckDB {version}, {cores} cores, medians of {rounds} rounds");
        let (events, held) = (self.made.events, self.made.held);
        println!(
            "| {events} events, {held} in the records | wall s | CPU s | × DuckDB's CPU | ns an event | MiB |"
        );
        println!("|---|---|---|---|---|---|");
        let bare = median(&costs["A DuckDB's full outer join by id"]).cpu;
        for (name, all) in &costs {
            let Cost { wall, cpu, peak } = median(all);
            let (of_bare, each) = (cpu / bare, self.each(cpu));
            println!(
                "| {} | {wall:.2} | {cpu:.2} | {of_bare:.2} | {each:.0} | {peak:.0} |",
                &name[2..]
            );
        }
        self.show_stages(&stages);
        let [merge, heads] = [MERGE, HEADS].map(|name| median(&costs[name]).cpu);
        println!("\nby heads at {:.2} of the bare merge", merge / heads);
        costs
    }

    /// Nanoseconds an event.
    #[allow(clippy::cast_precision_loss, reason = "shown with a few digits")]
    fn each(&self, seconds: f64) -> f64 {
        seconds * 1e9 / self.made.events as f64
    }

    /// Stage times as the tool tells them.
    fn show_stages(&self, stages: &Value) {
        let Some(stages) = stages.as_array() else { return };
        println!("\n| stage | wall s | CPU s | ns an event |");
        println!("|---|---|---|---|");
        for stage in stages {
            let seconds = |of: &str| stage[of].as_f64().unwrap_or_default();
            let each = self.each(seconds("cpu"));
            let name = stage["stage"].as_str().unwrap_or_default();
            println!("| {name} | {:.2} | {:.2} | {each:.0} |", seconds("wall"), seconds("cpu"));
        }
    }

    /// The most memory, beside that of smaller crowds.
    fn show_peaks(&self, smaller: &[Self], costs: &Costs, cores: usize) {
        println!("\n| events | media | MiB, {cores} threads | MiB, 1 thread |");
        println!("|---|---|---|---|");
        let row = |run: &Self, peak: &dyn Fn(usize) -> f64| {
            let (events, media) = (run.made.events, run.made.crowd.media);
            println!("| {events} | {media} | {:.0} | {:.0} |", peak(cores), peak(1));
        };
        for run in smaller {
            row(run, &|threads| run.reconcile(threads, &["evidence"], None).0.peak);
        }
        row(self, &|threads| median(&costs[&ours(threads)]).peak);
    }

    fn command(&self, threads: usize, evidence: &[&str], plan: Option<&Path>) -> Vec<OsString> {
        let issuer = &self.records;
        let mut command: Vec<OsString> = vec![env!("CARGO_BIN_EXE_scrip-verify").into()];
        command.extend(["--json", "reconcile", "--allow-test-root"].map(OsString::from));
        command.extend(["--records".into(), issuer.into()]);
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
        let plan = self.plan();
        if plan.exists() {
            std::fs::remove_file(&plan).expect("it was written before");
        }
        let mut command = self.command(threads, evidence, Some(&plan));
        command
            .extend(remembered.into_iter().flat_map(|folder| ["--remember".into(), folder.into()]));
        let (cost, exit, told) = self.peers.measure(&command);
        assert_eq!(exit, 1, "differences are found: {:?}", told.last());
        (cost, told)
    }

    /// The plan of the newest run.
    fn plan(&self) -> PathBuf {
        self.own.join("plan")
    }

    /// What is bogus is found and nothing else, and everything is looked at.
    fn check(&self, told: &[Value], within: Within) {
        let result = told.last().expect("a result");
        assert_eq!(result["skipped"], Value::Array(vec![]));
        let later = if within == Within::Evidence { 0 } else { self.made.crowd.later() };
        assert_eq!(result["media"], self.made.crowd.media + later);
        let all = self.made.expected.iter();
        let expected = all
            .filter(|bogus| within != if bogus.later { Within::Evidence } else { Within::Later });
        let mut expected: Vec<_> = expected.map(as_named).collect();
        let findings = told.iter().filter_map(|line| line["findings"].as_array()).flatten();
        let mut found: Vec<_> = findings.filter_map(named).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "what is found, and what is bogus");
        assert!(within == Within::Later || !expected.is_empty(), "none of these media is bogus");
    }

    fn counts(&self) -> [u64; 4] {
        [self.made.held, 0, self.made.events - self.made.held, 0]
    }

    fn merge(&self) -> Cost {
        let (start, before) = (Instant::now(), computed_s());
        let merged = merge(self.folder);
        let (wall, cpu) = (start.elapsed().as_secs_f64(), computed_s() - before);
        let [both, differ, evidence_only, records_only] = self.counts();
        assert_eq!(merged, Merged { both, differ, evidence_only, records_only });
        Cost { wall, cpu, peak: 2.0 }
    }

    /// What stands in the place of that merge: all that is asked of the records for each medium, whose
    /// newest settled record vouches for the events before it.
    fn heads(&self) -> Cost {
        let (start, before) = (Instant::now(), computed_s());
        let records = Records::open_reading(&Place::in_folder(&self.records));
        let mut records = records.expect("they were made");
        let (mut settled, mut last) = (0, None);
        loop {
            let page = records.media(last, PAGE).expect("they answer");
            let Some(newest) = page.last() else { break };
            last = Some(*newest);
            for medium in page {
                let known = records.still(medium).expect("they answer");
                settled += u32::from(known.is_some_and(|known| known.row.seq.is_some()));
            }
        }
        let (wall, cpu) = (start.elapsed().as_secs_f64(), computed_s() - before);
        assert!(settled > 0 && settled <= self.made.crowd.media, "{settled} media are settled");
        Cost { wall, cpu, peak: 0.0 }
    }
}

/// Seconds that this thread has computed.
fn computed_s() -> f64 {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(spent).unwrap_or_default().as_secs_f64()
}

fn ours(threads: usize) -> String {
    format!("C scrip-verify reconcile, {threads} threads")
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
