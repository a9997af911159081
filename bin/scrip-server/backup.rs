//! `backup` and `restore`: the records as one file, and back.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use scrip::records::{Copied, CopyError, Place, Records};
use scrip::tool::{Classed, Exit, Failure, Interrupt, Output};
use scrip::words::counted;
use serde_json::json;

use crate::cli::{Backup, Office, Restore};
use crate::files;

/// Least time between two words about how far it is.
const TELL_EVERY: Duration = Duration::from_secs(3);

/// Copy the records to a file, as of one moment.
pub(crate) fn back_up(
    args: &Backup,
    office: &Office,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    files::check_out(&args.file)?;
    let name = args.file.display().to_string();
    if args.dry_run {
        output.line(format!("the records would be copied to {name}"));
        output.result(Exit::Done, &json!({ "dry_run": true, "file": name }));
        return Ok(Exit::Done);
    }
    let copied = issuer.records().back_up(&args.file, &mut teller(output, interrupt));
    let Copied { tables, rows } = copied.or_fail()?;
    let all = counted(rows, "row", "rows");
    output.line(format!("{all} of {tables} tables copied to {name}"));
    output.note("the issuer's keys and policy aren't in it: they lie in its folder");
    let fields = json!({ "dry_run": false, "file": name, "tables": tables, "rows": rows });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

/// Make records of a backup where there are none.
pub(crate) fn restore(
    args: &Restore,
    office: &Office,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let place = office.records.clone().unwrap_or_else(|| Place::in_folder(&office.dir));
    let (file, to) = (args.file.display().to_string(), place.to_string());
    let done = if args.dry_run {
        Records::check_restore(&args.file, &place).map(|()| None)
    } else {
        let mut pulse = teller(output, interrupt);
        Records::restore(&args.file, &place, &mut pulse).map(Some)
    };
    let done = done.map_err(|error| {
        let there = matches!(&error, CopyError::Exists(_));
        let failure = Failure::of(Exit::from(&error), &error);
        if there { failure.hint("move the records that are there away first") } else { failure }
    })?;
    let fields = json!({
        "dry_run": args.dry_run,
        "file": file,
        "records": to,
        "tables": done.map(|copied| copied.tables),
        "rows": done.map(|copied| copied.rows),
    });
    match done {
        None => output.line(format!("{file} would be restored to {to}")),
        Some(Copied { tables, rows }) => {
            output.line(format!("{rows} rows of {tables} tables restored from {file} to {to}"));
            output.warn(
                "what was recorded after the backup isn't here: import the stores' journals and \
                 enter payments again; a code that was sold since then would be sold once more",
            );
        }
    }
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

fn teller<'a>(
    output: &'a Output,
    interrupt: &'a Interrupt,
) -> impl FnMut(u64) -> ControlFlow<()> + 'a {
    let mut told = Instant::now();
    move |rows| {
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            output.note(format!("{rows} rows copied"));
            output.event("progress", &json!({ "rows": rows }));
        }
        if interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
