//! What a run leaves for people and other programs, each a file of its own.

use std::error::Error;
use std::fs::Permissions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use scrip::device::{FolderError, check_new_file};
use scrip::records::{AccountNames, Records};
use scrip::report::{Run, Totals, write_journal, write_page, write_sheet};
use scrip::tool::{Classed, Exit, Explain, Failure};

use crate::cli::ReconcileArgs;
use crate::made::Plan;

/// What others may do with a file is for the user's mask to say.
const MODE: u32 = 0o666;

/// Nothing may stand where something is to be written, and no two may be one file.
pub(crate) fn refuse_taken(args: &ReconcileArgs) -> Result<(), Failure> {
    let paths: Vec<&Path> = [&args.plan, &args.report, &args.csv, &args.export_ledger]
        .into_iter()
        .flatten()
        .map(AsRef::as_ref)
        .collect();
    for (place, path) in paths.iter().enumerate() {
        match check_new_file(path) {
            Err(error @ FolderError::Exists { .. }) => {
                let failure = Failure::of(Exit::Refusal, &error);
                return Err(failure.hint("choose a name that isn't taken"));
            }
            other => other.or_exit(Exit::Failure)?,
        }
        if paths[..place].contains(path) {
            let message = format!("{} is to be two files", path.display());
            return Err(Failure::new(Exit::Usage, message));
        }
    }
    Ok(())
}

/// Write what was asked for beside the plan.
pub(crate) fn write(
    args: &ReconcileArgs,
    run: &Run<'_>,
    totals: &Totals,
    plan: &Plan,
    records: &mut Records,
) -> Result<(), Failure> {
    if let Some(path) = &args.report {
        write_new(path, |out| write_page(out, run, totals, plan.entries()))?;
    }
    if let Some(path) = &args.csv {
        write_new(path, |out| write_sheet(out, run.form, plan.entries()))?;
    }
    if let Some(path) = &args.export_ledger {
        let names = AccountNames::of_holders(records.rights_holders().or_fail()?);
        write_new(path, |out| write_journal(out, run, names, || plan.entries()))?;
    }
    Ok(())
}

/// Write a file whole, or leave none.
pub(crate) fn write_new<E: Error>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), Failure> {
    let doing = || format!("writing {}", path.display());
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").permissions(Permissions::from_mode(MODE));
    let made = builder.tempfile_in(folder.unwrap_or(Path::new(".")));
    let mut out = BufWriter::new(made.or_exit_while(Exit::Failure, doing())?);
    write(&mut out).or_exit_while(Exit::Failure, doing())?;
    let file = out.into_inner().map_err(std::io::IntoInnerError::into_error);
    let file = file.or_exit_while(Exit::Failure, doing())?;
    file.as_file().sync_all().or_exit_while(Exit::Failure, doing())?;
    file.persist_noclobber(path).map(drop).or_exit_while(Exit::Failure, doing())
}
