//! `check`: originality and history of media.

use std::num::NonZeroUsize;
use std::path::Path;

use scrip::image::check::{CheckError, Report};
use scrip::tool::{
    Attendant, Exit, Failure, Interrupt, Output, Progress, Source, pinned_roots, threads as cores,
};
use scrip::trust::{TestRoots, Trust};
use serde_json::{Value, json};

use crate::cli::CheckArgs;

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

fn one(
    path: &Path,
    trust: &Trust,
    threads: NonZeroUsize,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Report, Failure> {
    let source = Source::open(path)?;
    let progress = Progress::start(output, &path.display().to_string());
    let watch = Attendant::new(&progress, interrupt, "reading");
    let checked = source.check(trust, threads, &watch);
    progress.end(if checked.is_ok() { "read" } else { "not read to its end" });
    checked.map_err(|error| told(&error))
}

fn told(error: &CheckError) -> Failure {
    let failure = Failure::of(Exit::from(error), error);
    match error {
        CheckError::TestRoot(_) => {
            failure.hint("media under a test root were made by a test; they hold no money")
        }
        _ => failure,
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
