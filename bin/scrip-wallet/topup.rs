//! `topup`: add what a code, a voucher or a picture of either gives.
//!
//! With `--json` the last line is an object of type `result`: `exit`; `medium`; `added`: the sum,
//! none if nothing was added; `already`: `record` and `at` of the record that added it before;
//! `repaired`: true if another code was meant
//! than typed; `few`: amounts of which few codes are left; `dry_run`; `balance` and its parts.

use std::ops::ControlFlow;
use std::path::Path;

use scrip::crypto::SystemRandom;
use scrip::device::read_file;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Classed, Exit, Explain, Failure, Interrupt, Output, clock, money, threads};
use scrip::voucher::Meant;
use scrip::voucher::code::CodeDigits;
use scrip::wallet::{
    Entry, EntryError, Medium, Source, Topup, TopupRefusal, read_given, read_typed,
};
use serde_json::{Value, json};

use crate::ask::{Answer, ask, line};
use crate::cli::{Common, TopupArgs};
use crate::opened::{full, look, sums, take, tell_balance, unlock};

/// Photographs are larger than anything else that is given.
const GIVEN_BYTES_MAX: u64 = 32 << 20;

/// What came of the judging.
enum Judged {
    Adds { topup: Box<Topup>, repaired: bool },
    Already { words: String, fields: Value },
}

/// Add a top-up.
pub(crate) fn topup(
    common: &Common,
    args: &TopupArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let entry = entry(&args.entry, output)?;
    if args.dry_run {
        let medium = look(common, output, interrupt)?.medium;
        let fields = match judge(&medium, &entry, args, output, interrupt)? {
            Judged::Already { words, fields } => {
                output.line(words);
                fields
            }
            Judged::Adds { topup, repaired } => {
                let added = medium.form().show(topup.amount);
                output.line(format!("{added} would be added; nothing was."));
                added_fields(&medium, &topup, repaired)
            }
        };
        tell(&medium, fields, args, output);
        return Ok(Exit::Done);
    }
    let mut opened = take(common, output, interrupt)?;
    let fields = match judge(opened.medium(), &entry, args, output, interrupt)? {
        Judged::Already { words, fields } => {
            output.line(words);
            fields
        }
        Judged::Adds { topup, repaired } => {
            let (unlocked, _) =
                unlock(&mut opened, &PasswordSource::from(args.password_file.clone()))?;
            let (now, mut rng) = (clock::now(), SystemRandom::new());
            opened.topup(&unlocked.keys, &topup, now, &mut rng).or_fail().map_err(full)?;
            output.line(format!("Added: {}", opened.medium().form().show(topup.amount)));
            tell_store(opened.medium(), &topup, output);
            added_fields(opened.medium(), &topup, repaired)
        }
    };
    tell(opened.medium(), fields, args, output);
    Ok(Exit::Done)
}

fn added_fields(medium: &Medium, topup: &Topup, repaired: bool) -> Value {
    json!({ "added": money(topup.amount, medium.currency()), "repaired": repaired })
}

/// What was given: a file of that name if there is one, else what was typed.
fn entry(words: &[String], output: &Output) -> Result<Entry, Failure> {
    let typed = match words {
        [] => {
            output.note("the code from the receipt, or a voucher's text:");
            line().ok_or_else(|| Failure::new(Exit::Usage, "no code was typed"))?
        }
        [one] if Path::new(one).is_file() => {
            let bytes = read_file(Path::new(one), GIVEN_BYTES_MAX).or_fail()?;
            return read_given(&bytes)
                .map_err(|error| unread(&error).during(format!("reading {one}")));
        }
        words => words.join(" "),
    };
    read_typed(&typed).map_err(|error| unread(&error))
}

fn unread(error: &EntryError) -> Failure {
    let failure = Failure::of(Exit::from(error), error);
    match error.name() {
        "incomplete" | "too-long" | "not-a-code" => {
            failure.hint("a code has 20 digits; a file is named by its path")
        }
        _ => failure,
    }
}

fn judge(
    medium: &Medium,
    entry: &Entry,
    args: &TopupArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Judged, Failure> {
    match (medium.judge(entry), entry) {
        (Ok(topup), _) => Ok(Judged::Adds { topup: Box::new(topup), repaired: false }),
        (Err(TopupRefusal::Typo), Entry::Code(digits)) => {
            repair(medium, *digits, args, output, interrupt)
        }
        (Err(refusal), _) => already(&refusal),
    }
}

/// A used code is no fault: it says when it was added, and nothing was changed.
fn already(refusal: &TopupRefusal) -> Result<Judged, Failure> {
    let TopupRefusal::AlreadyAdded { at, record, .. } = refusal else {
        return Err(refused(refusal));
    };
    let already = json!({ "record": record.number(), "at": at.to_string() });
    let words = capitalised(&refusal.to_string());
    Ok(Judged::Already { words, fields: json!({ "added": null, "already": already }) })
}

fn refused(refusal: &TopupRefusal) -> Failure {
    let failure = Failure::of(Exit::from(refusal), refusal);
    match refusal {
        TopupRefusal::Typo => failure.hint("type it again from the receipt; nothing locks"),
        TopupRefusal::OverLimit { .. } => failure.hint("spend some first, then enter it again"),
        TopupRefusal::NotOfThisMedium { .. } => failure.hint(
            "where the number is this one, its sheet was replaced: ask the shop that sold it",
        ),
        _ => failure,
    }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).chain(['.']).collect()
    })
}

/// Find the code that was meant, and ask before it counts.
fn repair(
    medium: &Medium,
    digits: CodeDigits,
    args: &TopupArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Judged, Failure> {
    output.note("there is a typing error in this code: looking for the one that was meant");
    let patience = |_: usize, _: usize| {
        if interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let meant = medium.meant(digits, threads(), &patience);
    let repair = match meant.or_exit(Exit::Refusal)? {
        Meant::Found(repair) => repair,
        Meant::Nothing => return Err(refused(&TopupRefusal::Typo)),
        Meant::Stopped { .. } => return Err(Failure::interrupted()),
    };
    let printed = repair.code.printed();
    match medium.judge(&Entry::Code(repair.code.digits())) {
        Ok(topup) => {
            let sum = medium.form().show(topup.amount);
            confirm(&format!("Did you mean {printed}? It adds {sum}."), &printed, args, output)?;
            Ok(Judged::Adds { topup: Box::new(topup), repaired: true })
        }
        Err(refusal) => {
            output.note(format!("the code that was meant seems to be {printed}"));
            already(&refusal)
        }
    }
}

fn confirm(
    question: &str,
    printed: &str,
    args: &TopupArgs,
    output: &Output,
) -> Result<(), Failure> {
    let answer = if args.yes { Answer::Yes } else { ask(output, question) };
    let message = format!("there is a typing error in this code; {printed} may be meant");
    match answer {
        Answer::Yes => Ok(()),
        Answer::No => Err(Failure::new(Exit::Refusal, "nothing was added: type the code again")),
        Answer::Nobody => Err(Failure::new(Exit::Refusal, message)
            .hint("compare it with the receipt, then type it so, or add --yes")),
    }
}

/// For a voucher of another store, say whose it is.
fn tell_store(medium: &Medium, topup: &Topup, output: &Output) {
    if let Source::Voucher { carried, .. } = &topup.source {
        let (by, own) = (carried.voucher.store, medium.grounds().certificate.store);
        if by != own {
            output.note(format!("the voucher is by store {by}"));
        }
    }
}

fn tell(medium: &Medium, extra: Value, args: &TopupArgs, output: &Output) {
    tell_balance(medium, output);
    let few = medium.few_left();
    for (amount, count) in &few {
        let sum = medium.form().show(*amount);
        output.note(format!(
            "{count} codes of {sum} are left for this medium: the shop can get more"
        ));
    }
    let few: Vec<_> = few
        .iter()
        .map(|(amount, left)| json!({ "amount": money(*amount, medium.currency()), "left": left }))
        .collect();
    let mut fields = sums(medium);
    fields["medium"] = medium.id().to_string().into();
    (fields["few"], fields["dry_run"]) = (few.into(), args.dry_run.into());
    if let (Value::Object(fields), Value::Object(extra)) = (&mut fields, extra) {
        fields.extend(extra);
    }
    output.result(Exit::Done, &fields);
}
