//! `replace`: another medium takes the place of one that is lost or broke.

use scrip::device::Folder;
use scrip::issuer::{Issuer, Replaced, Replacing, Revoke};
use scrip::records::Replacement;
use scrip::tool::{Classed, Exit, Failure, Output, clock};
use scrip::units::CurrencyForm;
use serde_json::json;

use crate::cli::{Office, ReplaceArgs};
use crate::files;
use crate::office::places_hint;

pub(crate) fn run(args: &ReplaceArgs, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let now = clock::now();
    let replacing = Replacing { lost: args.lost, heir: args.heir, hold_days: args.hold_days };
    let known = issuer.check_replace(&replacing, now).or_fail();
    let known = known.map_err(|failure| places_hint(&issuer, failure))?;
    if args.dry_run {
        return planned(args, &mut issuer, known, output);
    }
    let opener = office.opener(&issuer)?;
    let issuing = issuer.issuer_key(opener.passphrase()).or_fail()?;
    let settling = issuer.settler_key(opener.passphrase()).or_fail()?;
    let replaced = issuer.replace(&replacing, [&issuing, &settling], now).or_fail();
    let replaced = replaced.map_err(|failure| places_hint(&issuer, failure))?;
    let file = hand_out(args, &mut issuer, &replaced.replacement)?;
    tell(&replaced, file.as_deref(), issuer.form(), output);
    Ok(end(args, &replaced, file.as_deref(), output))
}

/// What would be done now; nothing is written.
fn planned(
    args: &ReplaceArgs,
    issuer: &mut Issuer,
    known: Option<Replacement>,
    output: &Output,
) -> Result<Exit, Failure> {
    let (now, form) = (clock::now(), issuer.form());
    let (due, list) = if let Some(known) = known {
        (known.due, known.list)
    } else {
        let list = issuer.list_with(&Revoke::Medium(args.lost), now).or_fail()?;
        (now.plus_days(args.hold_days), list.number)
    };
    let waiting = issuer.records().owed_to_heir(args.lost).or_fail()?;
    let verb = if known.is_some() { "is" } else { "would be" };
    output.line(format!("medium {} {verb} revoked by list {list}", args.lost.grouped()));
    let (heir, sum) = (args.heir.grouped(), form.show(waiting));
    output.line(format!("{sum} would go to medium {heir} from {due} on"));
    let fields = json!({
        "dry_run": true,
        "lost": args.lost.to_string(),
        "heir": args.heir.to_string(),
        "list": list,
        "due": due.to_string(),
        "waiting": { "minor": waiting.minor().to_string() },
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

/// Write the checkpoint that carries the sum, as it was signed.
fn hand_out(
    args: &ReplaceArgs,
    issuer: &mut Issuer,
    replacement: &Replacement,
) -> Result<Option<String>, Failure> {
    let Some(out) = args.out.as_deref().filter(|_| replacement.number > 0) else {
        return Ok(None);
    };
    let (heir, number) = (replacement.heir, replacement.number);
    let Some(file) = issuer.records().checkpoint(heir, number).or_fail()? else { return Ok(None) };
    Folder::open_or_create(out).or_fail()?;
    let path = out.join(format!("{heir}-{number}.checkpoint"));
    files::hand_out(&path, &file)?;
    Ok(Some(path.display().to_string()))
}

fn tell(replaced: &Replaced, file: Option<&str>, form: CurrencyForm, output: &Output) {
    let Replaced { replacement, waiting } = replaced;
    let (lost, heir) = (replacement.lost.grouped(), replacement.heir.grouped());
    output.line(format!(
        "medium {lost} is revoked by list {}; medium {heir} takes its place",
        replacement.list
    ));
    if replacement.number == 0 {
        let (sum, due) = (form.show(*waiting), replacement.due);
        output.line(format!("{sum} waits until {due} for evidence that is still on its way"));
        output.note("next: bring what evidence there is, and say the same again after that");
        return;
    }
    let (sum, number) = (form.show(replacement.credited), replacement.number);
    output.line(format!("{sum} went to medium {heir}, by its checkpoint {number}"));
    match file {
        Some(file) => output.note(format!("next: its owner runs scrip-wallet apply {file}")),
        None => output.note("next: --out DIR writes the checkpoint for scrip-wallet apply"),
    }
}

fn end(args: &ReplaceArgs, replaced: &Replaced, file: Option<&str>, output: &Output) -> Exit {
    let Replaced { replacement, waiting } = replaced;
    let fields = json!({
        "dry_run": false,
        "lost": args.lost.to_string(),
        "heir": args.heir.to_string(),
        "list": replacement.list,
        "begun": replacement.begun.to_string(),
        "due": replacement.due.to_string(),
        "waiting": { "minor": waiting.minor().to_string() },
        "credited": { "minor": replacement.credited.minor().to_string() },
        "checkpoint": (replacement.number > 0).then_some(replacement.number),
        "file": file,
    });
    output.result(Exit::Done, &fields);
    Exit::Done
}
