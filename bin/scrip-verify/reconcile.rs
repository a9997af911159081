//! `reconcile`: evidence against the records, up to a plan that another hand posts.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use scrip::reconcile::{Decisions, Index, Terms};
use scrip::records::{Place, Records};
use scrip::report::{Control, Run, Totals, finding_objects, findings, object, summary};
use scrip::tool::{
    Classed, Exit, Explain, Failure, Form, Interrupt, Output, clock, locale, pinned_roots,
    threads as cores,
};
use scrip::trust::{TestRoots, Trust};
use scrip::units::{CurrencyForm, Timestamp};
use scrip::words::{Language, counted};
use serde_json::json;

use crate::cli::ReconcileArgs;
use crate::made::{Plan, Seen, make};
use crate::proof;
use crate::reports::{self, refuse_taken};

/// The issuer's root in its folder.
const TRUST_FILE: &str = "trust.cbr";

pub(crate) fn run(
    args: &ReconcileArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let place: Place = args.records.parse().or_fail()?;
    refuse_taken(args)?;
    let threads = args.threads.unwrap_or_else(cores);
    let mut books = readers(&place, threads)?;
    let records = &mut books[0];
    let stores = records.stores().or_fail()?;
    let none = || Failure::new(Exit::Refusal, "the records hold no store: nothing was sold yet");
    let currency = stores.first().ok_or_else(none)?.enrolment.quota.currency;
    let base = records.base().or_fail()?;
    let files = records.decisions().or_fail()?;
    let mut index = Index::new(trust(args, &place)?);
    let decisions = &Decisions::read(&files, index.trust()).or_fail()?;
    let terms = Terms { currency, base, as_of: args.as_of, threads, decisions };
    let made = make(args, &mut index, &mut books, &terms, Seen { output, interrupt })?;
    let plan = &made.plan;
    let mut control = Control::default();
    for (name, became) in index.units() {
        control.note(name, became);
    }
    let totals = Totals::of(plan.entries()).or_fail()?;
    let named = |path: &PathBuf| path.display().to_string();
    let evidence: Vec<String> = args.evidence.iter().map(named).collect();
    let plan_file = args.plan.as_ref().map(named);
    let exit = Exit::worst([control.exit(), totals.exit()]);
    let run = Run {
        control: &control,
        evidence: &evidence,
        records: &place.to_string(),
        books: &books[0].by_kind().or_fail()?,
        as_of: plan.head().as_of,
        made: clock::now(),
        form: CurrencyForm::usual(currency),
        plan: plan.hash(),
        plan_file: plan_file.as_deref(),
        exit,
        program: concat!("scrip-verify ", env!("CARGO_PKG_VERSION")),
        language: args.lang.or_else(locale::language).unwrap_or_default(),
    };
    reports::write(args, &run, &totals, plan, &mut books[0])?;
    let proofs = args.proofs.as_ref().map(|folder| proof::write(folder, &index, plan, output));
    let proofs = proofs.transpose()?;
    show(args, &run, &totals, plan, output)?;
    if let (Some(count), Some(folder)) = (proofs, &args.proofs) {
        let proofs = counted(count, "proof of a fork", "proofs of forks");
        output.line(format!("{proofs} in {}", folder.display()));
    }
    if output.form() == Form::Text {
        return Ok(exit);
    }
    let mut fields = object(&run, &totals);
    fields["stages"] = json!(made.stages);
    fields["proofs"] = json!(proofs);
    let findings = ("findings", finding_objects(plan.entries()));
    output.result_with(exit, &fields, findings).or_exit(Exit::Failure)?;
    Ok(exit)
}

/// The roots that count: those that are named, else this user's; the records' own beside them.
fn trust(args: &ReconcileArgs, place: &Place) -> Result<Trust, Failure> {
    let mut files = args.trust.clone();
    if let (true, Place::File(path)) = (files.is_empty(), place) {
        let own = path.with_file_name(TRUST_FILE);
        files.extend(own.is_file().then_some(own));
    }
    let test_roots = if args.allow_test_root { TestRoots::Allowed } else { TestRoots::Refused };
    Ok(Trust::new(pinned_roots(&files)?, test_roots))
}

/// A reader of the records for each thread.
fn readers(place: &Place, threads: NonZeroUsize) -> Result<Vec<Records>, Failure> {
    (0..threads.get()).map(|_| Records::open_reading(place).or_fail()).collect()
}

/// A person reads so many findings in a terminal.
const FINDINGS_SHOWN: usize = 20;

fn show(
    args: &ReconcileArgs,
    run: &Run<'_>,
    totals: &Totals,
    plan: &Plan,
    output: &Output,
) -> Result<(), Failure> {
    for line in summary(run, totals) {
        output.line(line);
    }
    let most = if args.all { usize::MAX } else { FINDINGS_SHOWN };
    let more =
        findings(run, plan.entries(), most, |line| output.line(line)).or_exit(Exit::Failure)?;
    if more > 0 {
        let ways = "--all shows them here, --report and --csv in a file";
        output
            .line(format!("and {}: {ways}", counted(more as u64, "more finding", "more findings")));
    }
    let media = counted(totals.postings, "medium", "media");
    output.line(match run.plan_file {
        Some(path) if totals.postings == 0 => format!("plan: {path}; nothing is to be settled"),
        Some(path) => {
            format!("plan: {path}, {media} to be settled; post it with scrip-server settle")
        }
        None if totals.postings == 0 => "nothing is to be settled".to_owned(),
        None => format!("{media} to be settled; --plan FILE writes a plan"),
    });
    Ok(())
}

/// A language that reports speak.
pub(crate) fn language(text: &str) -> Result<Language, String> {
    Language::of_tag(text).ok_or_else(|| "expected en or ja".to_owned())
}

/// Seconds since 1970.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse::<u64>().map_err(|_| "expected seconds since 1970".to_owned())?;
    Timestamp::from_seconds(seconds).map_err(|error| error.to_string())
}
