//! `simulate`: a population of owners, made and signed as real ones are, with the truth beside it.
//!
//! With `--json` the result has `dry_run`, `folder`, `seed`, `media`, `stores`, `events`,
//! `records`, `store_entries`, `imported` (numbers of stores), `planted` (of each class of findings how
//! many), `foreign` (how many files) and `bytes`. The fields of `truth.json` stand in `src/simulate/SPEC.md`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use scrip::simulate::{Desk, Population, SimulateError, Stage, Truth, simulate};
use scrip::tool::{Exit, Explain, Failure, Interrupt, Output, Progress, threads};
use scrip::words::counted;
use serde_json::json;

use crate::cli::Simulate;
use crate::files;

/// What is true of it lies in this file.
const TRUTH_FILE: &str = "truth.json";
/// The lock of an issuer's or a store's folder, and how deep it lies at most.
const LOCK_FILE: &str = ".lock";
const LOCK_DEPTH: usize = 3;
/// What an export has before its records, and what a record takes in it, about.
const EXPORT_BYTES: u64 = 40 << 10;
const RECORD_BYTES: u64 = 600;

pub(crate) fn run(
    args: &Simulate,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let population = args.population();
    population.check().map_err(|error| Failure::of(Exit::Usage, &error))?;
    files::check_out(&args.folder)?;
    let bytes = u64::from(population.media) * EXPORT_BYTES + population.events * RECORD_BYTES;
    if args.dry_run {
        return Ok(planned(args, &population, bytes, output));
    }
    let parent = args.folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let made = tempfile::Builder::new()
        .prefix(".simulated-")
        .tempdir_in(parent.unwrap_or(Path::new(".")))
        .or_exit_while(Exit::Failure, "making a folder")?;
    let progress = Progress::start(output, "population");
    let place = Place {
        folder: made.path().to_path_buf(),
        progress: &progress,
        interrupt,
        stage: Mutex::new(None),
        bytes,
        put: AtomicU64::new(0),
    };
    let truth = simulate(made.path(), &population, threads(), &place).map_err(failure)?;
    unlock(made.path()).or_exit_while(Exit::Failure, "tidying up")?;
    place.put(TRUTH_FILE, truth.to_json().as_bytes()).or_exit_while(Exit::Failure, TRUTH_FILE)?;
    let bytes = place.put.load(Ordering::Relaxed);
    // A folder that came to be in the meantime stays as it is, unless it is empty.
    fs::rename(made.path(), &args.folder)
        .or_exit_while(Exit::Failure, format!("naming it {}", args.folder.display()))?;
    progress.end("done");
    told(args, &truth, bytes, output);
    Ok(Exit::Done)
}

/// Who held a lock while it was made is no part of it.
fn unlock(folder: &Path) -> io::Result<()> {
    for entry in walkdir::WalkDir::new(folder).max_depth(LOCK_DEPTH) {
        let entry = entry?;
        if entry.file_name() == LOCK_FILE {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn failure(error: SimulateError) -> Failure {
    match error {
        SimulateError::Stopped => Failure::interrupted(),
        other => Failure::of(Exit::Failure, &other),
    }
}

/// The folder before it has its name, and who watches.
struct Place<'a> {
    folder: PathBuf,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
    stage: Mutex<Option<Stage>>,
    /// About how many bytes there will be.
    bytes: u64,
    put: AtomicU64,
}

impl Desk for Place<'_> {
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        self.put.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        #[expect(clippy::disallowed_methods, reason = "nothing needs to last before it is named")]
        fs::write(path, bytes)
    }

    fn at(&self, stage: Stage, done: u64, all: u64) {
        let mut known = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != Some(stage) {
            *known = Some(stage);
            self.progress.stage(doing(stage), self.bytes);
        }
        let part = u128::from(self.bytes) * u128::from(done) / u128::from(all.max(1));
        self.progress.at(u64::try_from(part).unwrap_or(self.bytes));
    }

    fn stops(&self) -> bool {
        self.interrupt.requested()
    }
}

fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Stocking => "stocking",
        Stage::Selling => "selling",
        Stage::Living => "living",
        Stage::Importing => "importing",
    }
}

fn size(population: &Population, records: u64) -> String {
    let media = counted(population.media.into(), "medium", "media");
    let stores = counted(population.stores.into(), "store", "stores");
    format!("{media} of {stores} with {}", counted(records, "record", "records"))
}

fn planned(args: &Simulate, population: &Population, bytes: u64, output: &Output) -> Exit {
    let Population { seed, media, events, stores, .. } = population;
    let folder = args.folder.display().to_string();
    let (size, megabytes) = (size(population, *events), bytes / 1_000_000);
    output.line(format!("would make {size} in {folder}: about {megabytes} MB"));
    let fields = json!({
        "dry_run": true, "folder": folder, "seed": seed, "media": media, "stores": stores,
        "events": events, "bytes": bytes,
    });
    output.result(Exit::Done, &fields);
    Exit::Done
}

fn told(args: &Simulate, truth: &Truth, bytes: u64, output: &Output) {
    let Population { seed, media, events, stores, .. } = &truth.population;
    let (folder, records) = (args.folder.display(), truth.records());
    let size = size(&truth.population, records);
    output.line(format!("{folder}: {size}, seed {seed}"));
    let mut planted: BTreeMap<&str, usize> = BTreeMap::new();
    for found in &truth.planted {
        *planted.entry(found.class).or_default() += 1;
    }
    let listed = planted.iter().map(|(class, count)| format!("{count} {class}"));
    let listed = listed.collect::<Vec<_>>().join(", ");
    let listed = if listed.is_empty() { "nothing".to_owned() } else { listed };
    output.line(format!("planted: {listed}; {} foreign files", truth.foreign.len()));
    output.line(format!("what is true of them: {}", args.folder.join(TRUTH_FILE).display()));
    output.warn("its root is a test root: nothing in it is worth money");
    let fields = json!({
        "dry_run": false, "folder": folder.to_string(), "seed": seed, "media": media,
        "stores": stores, "events": events, "records": records,
        "store_entries": truth.entries, "imported": truth.imported, "planted": planted,
        "foreign": truth.foreign.len(), "bytes": bytes,
    });
    output.result(Exit::Done, &fields);
}
