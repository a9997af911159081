//! `import`: book what stores sold, by their journals.

use std::path::Path;

use scrip::issuer::{Issuer, StoreJournal};
use scrip::records::Imported;
use scrip::tool::{Classed, Exit, Failure, Interrupt, Output};
use scrip::words::counted;
use serde_json::{Value, json};

use crate::cli::{Import, Office};
use crate::files;

/// Each file is booked whole or not at all; one that isn't doesn't hold up the others.
pub(crate) fn run(
    args: &Import,
    office: &Office,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let (mut exits, mut told) = (vec![], vec![]);
    for path in &args.files {
        interrupt.check()?;
        let name = path.display().to_string();
        let (exit, mut fields) = match one(path, args.dry_run, &mut issuer) {
            Ok((journal, imported)) => (Exit::Done, show(&name, &journal, imported, args, output)),
            Err(failure) => {
                output.complain(&failure);
                (failure.exit(), json!({ "error": failure.message() }))
            }
        };
        fields["file"] = name.into();
        fields["exit"] = exit.code().into();
        exits.push(exit);
        told.push(fields);
    }
    let refused = exits.iter().filter(|exit| **exit != Exit::Done).count();
    if refused > 0 && args.files.len() > 1 {
        output.note(format!("not booked: {refused} of {} files", args.files.len()));
    }
    let exit = Exit::worst(exits);
    output.result(exit, &json!({ "dry_run": args.dry_run, "files": told }));
    Ok(exit)
}

fn one(
    path: &Path,
    dry_run: bool,
    issuer: &mut Issuer,
) -> Result<(StoreJournal, Imported), Failure> {
    let named = |failure: Failure| failure.during(path.display());
    let bytes = files::read(path, files::JOURNAL_BYTES_MAX)?;
    let journal = issuer.read_journal(&bytes).or_fail().map_err(named)?;
    let imported =
        if dry_run { issuer.try_journal(&journal) } else { issuer.import_journal(&journal) };
    Ok((journal, imported.or_fail().map_err(named)?))
}

fn show(
    name: &str,
    journal: &StoreJournal,
    imported: Imported,
    args: &Import,
    output: &Output,
) -> Value {
    let Imported { known, new } = imported;
    let store = journal.store();
    let would = if args.dry_run { "would be booked" } else { "booked" };
    let entries = counted(new, "new entry", "new entries");
    output.line(format!("{name}: store {store}, {entries} {would}, {known} known"));
    json!({ "store": store.number(), "new": new, "known": known })
}
