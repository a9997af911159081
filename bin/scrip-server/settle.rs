//! `settle`: post a plan, and write the checkpoints that media take over.

use std::collections::BTreeMap;
use std::path::Path;

use data_encoding::HEXLOWER;
use scrip::device::{Access, FileDevice, Folder, FolderError};
use scrip::format::plan::ClassSum;
use scrip::issuer::Issuer;
use scrip::reconcile::PlanReader;
use scrip::records::{Posted, StorageError};
use scrip::tool::{Classed, Exit, Failure, Interrupt, Output, clock, somebody, typed_line};
use scrip::units::CurrencyForm;
use scrip::words::counted;
use serde_json::{Value, json};

use crate::cli::{Office, Settle};
use crate::files;
use crate::office::places_hint;

/// A plan in its file.
type Plan = PlanReader<FileDevice>;

/// What a kind of account is given and what is taken from it, minor units.
type Sums = BTreeMap<&'static str, [u64; 2]>;

pub(crate) fn run(
    args: &Settle,
    office: &Office,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let plan = FileDevice::open(&args.plan, Access::Read).or_fail()?;
    let plan = PlanReader::open(plan).or_fail()?;
    let (form, sums) = (issuer.form(), sums(&plan)?);
    let now = clock::now();
    let tried = issuer.try_settle(&plan, now).or_fail();
    let tried = tried.map_err(|failure| advise(&issuer, failure))?;
    show(&plan, &sums, form, output);
    let nothing = plan.tail().postings == 0;
    let (posted, files) = if args.dry_run || nothing {
        (Posted { new: tried.new && !nothing, ..tried }, vec![])
    } else {
        make_folder(&args.out)?;
        let posted =
            if tried.new { post(args, office, &mut issuer, &plan, output)? } else { tried };
        (posted, write(&mut issuer, &plan, &args.out, interrupt)?)
    };
    if nothing {
        output.line("nothing is to be posted");
    } else {
        tell(&posted, args, output);
    }
    output.result(Exit::Done, &json!({
        "dry_run": args.dry_run,
        "plan": HEXLOWER.encode(&plan.hash()),
        "as_of": plan.head().as_of.to_string(),
        "new": posted.new,
        "posted_at": posted.at.to_string(),
        "media": posted.media,
        "classes": plan.tail().classes.iter().map(|sum| class(sum, form)).collect::<Vec<_>>(),
        "accounts": sums.iter().map(|(kind, sums)| account(kind, *sums, form)).collect::<Vec<_>>(),
        "checkpoints": files,
    }));
    Ok(Exit::Done)
}

fn advise(issuer: &Issuer, failure: Failure) -> Failure {
    let failure = places_hint(issuer, failure);
    if failure.exit() != Exit::Refusal || failure.hinted().is_some() {
        return failure;
    }
    failure.hint("reconcile again, and settle the plan that this gives")
}

/// What all moves of the plan take from each kind of account and give to it.
fn sums(plan: &Plan) -> Result<Sums, Failure> {
    let mut sums = Sums::new();
    for posting in plan.postings() {
        for moved in posting.or_fail()?.moves {
            for (at, account) in [&moved.credit, &moved.debit].into_iter().enumerate() {
                let sum = &mut sums.entry(account.kind()).or_default()[at];
                *sum = sum.saturating_add(moved.amount.minor());
            }
        }
    }
    Ok(sums)
}

fn media(plan: &Plan) -> String {
    counted(plan.tail().postings, "medium", "media")
}

fn show(plan: &Plan, sums: &Sums, form: CurrencyForm, output: &Output) {
    output.line(format!("plan as of {}: {} to be settled", plan.head().as_of, media(plan)));
    for ClassSum { class, count, amount } in &plan.tail().classes {
        output.line(format!("  {:<24} {count:>8} {:>16}", class.word(), form.show_minor(*amount)));
    }
    if !sums.is_empty() {
        output.line(format!("  {:<24} {:>8} {:>16} {:>16}", "accounts", "", "credit", "debit"));
    }
    for (kind, [credit, debit]) in sums {
        let [credit, debit] = [credit, debit].map(|minor| form.show_minor(minor.cast_signed()));
        output.line(format!("  {kind:<24} {:>8} {credit:>16} {debit:>16}", ""));
    }
}

/// Ask, unless that was answered by `--yes`, and post.
fn post(
    args: &Settle,
    office: &Office,
    issuer: &mut Issuer,
    plan: &Plan,
    output: &Output,
) -> Result<Posted, Failure> {
    if !args.yes {
        consent(plan, output)?;
    }
    let opener = office.opener(issuer)?;
    let key = issuer.settler_key(opener.passphrase()).or_fail()?;
    let posted = issuer.settle(plan, &key, clock::now()).or_fail();
    posted.map_err(|failure| advise(issuer, failure))
}

fn consent(plan: &Plan, output: &Output) -> Result<(), Failure> {
    let refused = |text: &str| Failure::new(Exit::Refusal, text.to_owned());
    if !somebody() {
        return Err(refused("nobody is here to be asked").hint("say --yes to post it unasked"));
    }
    output.note(format!("to settle {}, type yes:", media(plan)));
    match typed_line()?.as_deref() {
        Some("yes") => Ok(()),
        _ => Err(refused("nothing was posted")),
    }
}

/// The folder of the checkpoints is made where there is none.
fn make_folder(path: &Path) -> Result<(), Failure> {
    match Folder::open(path) {
        Err(FolderError::Missing { .. }) => Folder::create(path).map(drop).or_fail(),
        other => other.map(drop).or_fail(),
    }
}

/// Write every checkpoint of the plan as it was signed; those that are there stay.
fn write(
    issuer: &mut Issuer,
    plan: &Plan,
    out: &Path,
    interrupt: &Interrupt,
) -> Result<Vec<String>, Failure> {
    let mut files = vec![];
    let mut outcome = Ok(());
    let each = issuer.records().each_checkpoint(&plan.hash(), |medium, number, file| {
        let name = format!("{medium}-{number}.checkpoint");
        let written = interrupt.check().and_then(|()| files::hand_out(&out.join(&name), file));
        files.push(name);
        if let (Err(failure), Ok(())) = (written, &outcome) {
            outcome = Err(failure);
        }
        Ok::<(), StorageError>(())
    });
    each.or_fail()?;
    outcome.map(|()| files)
}

fn tell(posted: &Posted, args: &Settle, output: &Output) {
    let out = args.out.display();
    output.line(match (posted.new, args.dry_run) {
        (true, true) => "it would be posted".to_owned(),
        (true, false) => format!("posted; checkpoints are in {out}"),
        (false, true) => format!("it was posted at {}", posted.at),
        (false, false) => format!("it was posted at {}; checkpoints are in {out}", posted.at),
    });
}

fn money(minor: &str, form: CurrencyForm) -> Value {
    json!({ "minor": minor, "currency": form.currency().code() })
}

fn class(sum: &ClassSum, form: CurrencyForm) -> Value {
    let amount = money(&sum.amount.to_string(), form);
    json!({ "class": sum.class.word(), "count": sum.count, "amount": amount })
}

fn account(kind: &str, [credit, debit]: [u64; 2], form: CurrencyForm) -> Value {
    let [credit, debit] = [credit, debit].map(|minor| money(&minor.to_string(), form));
    json!({ "account": kind, "credit": credit, "debit": debit })
}
