//! `burn`: an edition onto one or several targets, side by side.

use std::path::{Path, PathBuf};

use scrip::device::{Access, FileDevice};
use scrip::image::sealed::{SealError, SealedEdition, open_sealed};
use scrip::shop::Shop;
use scrip::tool::{
    Attendant, Classed, Exit, Explain, Failure, Interrupt, Output, Progress, threads,
};
use scrip::units::MediumId;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::cli::{BurnArgs, Common};
use crate::session::{self, told};
use crate::station;

/// An edition that is ready to be burnt.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) device: FileDevice,
    pub(crate) sealed: SealedEdition,
}

/// What became of one target.
pub(crate) struct Outcome {
    pub(crate) target: String,
    pub(crate) result: Result<Burnt, Failure>,
}

/// A medium that was burnt and journalled.
#[derive(Clone, Copy)]
pub(crate) struct Burnt {
    pub(crate) medium: MediumId,
    /// The number on its label.
    pub(crate) label: u64,
}

/// Burn.
pub(crate) fn burn(
    common: &Common,
    args: &BurnArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let mut shop = session::open(common, output)?;
    let source = open_edition(&shop, &args.edition, output, interrupt)?;
    let mut bench = Bench::new(&mut shop, &source, args, output, interrupt);
    let names = if args.to.is_empty() { station::ask(&bench)? } else { args.to.clone() };
    if common.dry_run {
        return bench.dry_run(&bench.choose(&names)?);
    }
    if !args.station {
        let outcomes = bench.burn(bench.choose(&names)?)?;
        return Ok(report(output, args, &outcomes, Exit::Done));
    }
    let outcomes = station::run(&mut bench, &names)?;
    let good = outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
    let short = interrupt.requested() && args.count.is_some_and(|count| good < count);
    Ok(report(output, args, &outcomes, if short { Exit::Interrupted } else { Exit::Done }))
}

/// Open and verify an edition: every byte is read.
pub(crate) fn open_edition(
    shop: &Shop,
    path: &Path,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Source, Failure> {
    let device = FileDevice::open(path, Access::Read).or_fail()?;
    let trust = shop.trust().map_err(told)?;
    let progress = Progress::start(output, "edition");
    let watch = Attendant::new(&progress, interrupt, "verifying");
    let opened = open_sealed(&device, trust, threads(), &watch);
    progress.end(if opened.is_ok() { "verified" } else { "not verified" });
    let sealed = opened.map_err(|error| refused(&error))?;
    let path = std::fs::canonicalize(path).or_exit(Exit::Failure)?;
    Ok(Source { path, device, sealed })
}

fn refused(error: &SealError) -> Failure {
    let failure = Failure::of(Exit::from(error), error);
    match error {
        SealError::Unsigned(_) => {
            failure.hint("have the issuer sign it: `scrip-server sign EDITION`")
        }
        _ => failure,
    }
}

/// The list of good and bad, and the exit code of the gravest: of the run's own and the targets'.
fn report(output: &Output, args: &BurnArgs, outcomes: &[Outcome], run: Exit) -> Exit {
    let good = outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
    let each = outcomes.iter().map(|outcome| match &outcome.result {
        Ok(_) => Exit::Done,
        Err(failure) => failure.exit(),
    });
    let exit = Exit::worst(each.chain([run]));
    if outcomes.len() > 1 || args.station {
        for outcome in outcomes {
            output.line(line(outcome));
        }
        output.line(format!("{good} of {} burnt", outcomes.len()));
    }
    let targets: Vec<_> = outcomes.iter().map(fields).collect();
    let labels = (good > 0).then(|| args.labels.display().to_string());
    let bad = outcomes.len() - good;
    let result = json!({ "targets": targets, "good": good, "bad": bad, "labels": labels });
    output.result(exit, &result);
    exit
}

fn line(Outcome { target, result }: &Outcome) -> String {
    match result {
        Ok(Burnt { medium, label }) => format!("good  {target}: medium {medium}, label {label}"),
        Err(failure) => format!("bad   {target}: {}", failure.message()),
    }
}

/// An outcome as JSON tells it.
pub(crate) fn fields(Outcome { target, result }: &Outcome) -> Value {
    match result {
        Ok(Burnt { medium, label }) => {
            json!({ "target": target, "medium": medium.to_string(), "label": label })
        }
        Err(failure) => json!({
            "target": target,
            "error": failure.message(),
            "hint": failure.hinted(),
            "exit": failure.exit().code(),
        }),
    }
}
