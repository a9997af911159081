//! `build`: from a recipe's folder to an unsigned edition.

use data_encoding::HEXLOWER;
use scrip::device::{Existing, OpenError};
use scrip::image::build::{BuildError, Built, Prepared};
use scrip::tool::{Attendant, Classed, Exit, Failure, Interrupt, Output, Progress, threads};
use scrip::units::ByteCount;
use serde_json::json;

use crate::cli::{BuildArgs, Common};

/// Build.
pub(crate) fn build(
    common: &Common,
    args: &BuildArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let prepared = Prepared::read(&args.recipe, &args.players)
        .or_fail()
        .map_err(|failure| failure.during(format!("building {}", args.recipe.display())))?;
    for warning in prepared.warnings() {
        output.warn(warning);
    }
    let existing = if args.force { Existing::Replace } else { Existing::Refuse };
    prepared.check_target(&args.out, existing).map_err(|error| refused(&error))?;
    let write = || write(&prepared, args, existing, output, interrupt);
    let built = if common.dry_run { None } else { Some(write()?) };
    tell(&prepared, built.as_ref(), args, output);
    Ok(Exit::Done)
}

fn write(
    prepared: &Prepared,
    args: &BuildArgs,
    existing: Existing,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Built, Failure> {
    let progress = Progress::start(output, "edition");
    let watch = Attendant::new(&progress, interrupt, "building");
    let workers = args.threads.unwrap_or_else(threads);
    let built = prepared.write(&args.out, existing, workers, &watch);
    progress.end(if built.is_ok() { "built" } else { "not built" });
    built.map_err(|error| refused(&error))
}

pub(crate) fn refused(error: &BuildError) -> Failure {
    let failure = Failure::of(Exit::from(error), error);
    match error {
        BuildError::Open(OpenError::Exists { .. }) => {
            failure.hint("name another file, or replace this one with --force")
        }
        _ if failure.exit() == Exit::Interrupted => Failure::interrupted(),
        _ => failure,
    }
}

fn tell(prepared: &Prepared, built: Option<&Built>, args: &BuildArgs, output: &Output) {
    let edition = built.map(|built| HEXLOWER.encode(&built.edition));
    let (file, name) = (args.out.display().to_string(), prepared.recipe().edition_name());
    let (files, content) = (prepared.files(), ByteCount::from_bytes(prepared.content_bytes()));
    let medium = ByteCount::from_bytes(prepared.medium_bytes());
    let what = match &edition {
        Some(edition) => format!("edition {edition}, unsigned"),
        None => "would be built".to_owned(),
    };
    output.line(format!("{file}: {name}: {what}"));
    output.line(format!("{files} files of {content}; fits media of {medium} and more"));
    if built.is_some() {
        output.note(format!("next: the issuer signs it: scrip-server sign {file}"));
    }
    output.result(
        Exit::Done,
        &json!({
            "file": file,
            "name": name,
            "edition": edition,
            "files": files,
            "content_bytes": prepared.content_bytes(),
            "edition_bytes": prepared.edition_bytes(),
            "medium_bytes": prepared.medium_bytes(),
            "warnings": prepared.warnings(),
            "dry_run": built.is_none(),
        }),
    );
}
