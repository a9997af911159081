//! `check`: originality and history of media.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;

use scrip::image::check::{CheckError, Report};
use scrip::image::leaves::Watch;
use scrip::tool::{Exit, Failure, Interrupt, Output, Progress, pinned_roots};
use scrip::trust::{TestRoots, Trust};
use serde_json::{Value, json};

use crate::cli::CheckArgs;
use crate::source::Source;

/// A check that was asked to stop, or is to be shown.
struct Shown<'a> {
    progress: &'a Progress,
    total: AtomicU64,
    interrupt: &'a Interrupt,
}

impl Watch for Shown<'_> {
    fn progress(&self, done: u64, total: u64) {
        if self.total.swap(total, Ordering::Relaxed) != total {
            self.progress.stage("reading", total);
        }
        self.progress.at(done);
    }

    fn stopped(&self) -> bool {
        self.interrupt.requested()
    }
}

pub(crate) fn check(
    args: &CheckArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let test_roots = if args.allow_test_root { TestRoots::Allowed } else { TestRoots::Refused };
    let trust = Trust::new(pinned_roots(&args.trust)?, test_roots);
    let threads = args.threads.unwrap_or_else(cores);
    let (mut exits, mut told) = (vec![], vec![]);
    for path in &args.media {
        let name = path.display().to_string();
        let outcome = one(path, &trust, threads, output, interrupt);
        let (exit, fields) = match outcome {
            Ok(report) => (Exit::from(report.grade()), show(&name, &report, output)),
            Err(failure) if args.media.len() == 1 => return Err(failure),
            Err(failure) => (failure.exit(), complain(&failure, output)),
        };
        let mut fields = fields;
        fields["path"] = name.into();
        fields["exit"] = exit.code().into();
        exits.push(exit);
        told.push(fields);
        if exit == Exit::Interrupted {
            break;
        }
    }
    let exit = Exit::worst(exits);
    output.result(exit, &json!({ "media": told }));
    Ok(exit)
}

fn cores() -> NonZeroUsize {
    available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn one(
    path: &Path,
    trust: &Trust,
    threads: NonZeroUsize,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Report, Failure> {
    let source = Source::open(path)?;
    for note in source.notes() {
        output.note(format!("{}: {note}", path.display()));
    }
    let progress = Progress::start(output, &path.display().to_string());
    let shown = Shown { progress: &progress, total: AtomicU64::new(0), interrupt };
    let checked = source.check(trust, threads, &shown);
    progress.end(if checked.is_ok() { "read" } else { "not read to its end" });
    checked.map_err(|error| told(&error))
}

fn told(error: &CheckError) -> Failure {
    match error {
        CheckError::Interrupted => Failure::interrupted(),
        CheckError::Device(_) | CheckError::List(_) | CheckError::Open(_) => {
            Failure::of(Exit::Failure, error)
        }
        CheckError::TestRoot(_) => Failure::of(Exit::Refusal, error)
            .hint("media under a test root were made by a test; they hold no money"),
    }
}

fn show(name: &str, report: &Report, output: &Output) -> Value {
    let mut lines = report.lines().into_iter();
    output.line(format!("{name}: {}", lines.next().unwrap_or_default()));
    for line in lines {
        output.line(line);
    }
    report.fields()
}

fn complain(failure: &Failure, output: &Output) -> Value {
    output.note(format!("scrip-verify: error: {}", failure.message()));
    if let Some(hint) = failure.hinted() {
        output.note(format!("hint: {hint}"));
    }
    json!({ "error": failure.message(), "hint": failure.hinted() })
}
