//! `build`: from a recipe's folder to an unsigned edition.

use std::path::Path;

use data_encoding::HEXLOWER;
use scrip::crypto::SystemRandom;
use scrip::device::{Existing, FolderError, OpenError, Privacy, create_file, read_file};
use scrip::format::Kind;
use scrip::image::build::{BuildError, Built, Prepared};
use scrip::tool::{
    Attendant, Classed, Exit, Explain, Failure, Interrupt, Output, Progress, threads,
};
use scrip::trust::EditionSecret;
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
    let secret = args.secret.as_deref().map(|file| secret(file, &args.recipe, common, output));
    let prepared = Prepared::read(&args.recipe, &args.players, secret.transpose()?)
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

/// The edition's secret: read from its file, or made there once.
pub(crate) fn secret(
    file: &Path,
    recipe: &Path,
    common: &Common,
    output: &Output,
) -> Result<EditionSecret, Failure> {
    let during = |failure: Failure| failure.during(format!("edition secret {}", file.display()));
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    let folder = folder.or_exit(Exit::Failure).map_err(during)?;
    if recipe.canonicalize().is_ok_and(|recipe| folder.starts_with(recipe)) {
        let message = format!("edition secret {} lies in the recipe's folder", file.display());
        return Err(
            Failure::new(Exit::Usage, message).hint("keep it where no edition is made of it")
        );
    }
    match read_file(file, Kind::KeyFile.bytes_max() as u64) {
        Err(FolderError::Missing { .. }) => {}
        read => {
            let bytes = read.or_fail().map_err(during)?;
            return EditionSecret::from_file(&bytes).or_exit(Exit::Damage).map_err(during);
        }
    }
    let mut rng = SystemRandom::new();
    let secret = EditionSecret::generate(&mut rng);
    if common.dry_run {
        output.note(format!("edition secret {}: would be made", file.display()));
        return Ok(secret);
    }
    let bytes = secret.to_file(&mut rng);
    create_file(file, &bytes, Privacy::Secret).or_fail().map_err(during)?;
    output.note(format!("edition secret {}: made; keep it, and keep it secret", file.display()));
    Ok(secret)
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
    let (sealed, open) = prepared.sealed();
    if sealed > 0 {
        output.line(format!("items sealed: {sealed}"));
    }
    if open > 0 {
        output.note(format!(
            "items that cost something and lie open: {open}; --secret FILE seals them"
        ));
    }
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
            "sealed": sealed,
            "content_bytes": prepared.content_bytes(),
            "edition_bytes": prepared.edition_bytes(),
            "medium_bytes": prepared.medium_bytes(),
            "warnings": prepared.warnings(),
            "dry_run": built.is_none(),
        }),
    );
}
