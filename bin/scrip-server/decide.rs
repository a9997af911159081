//! `staff` and `decide`: who decides about findings, and what they decide.

use std::path::{Path, PathBuf};

use scrip::crypto::SystemRandom;
use scrip::crypto::password::{Cost, Password};
use scrip::device::{Access, FileDevice};
use scrip::format::certificate::Purpose;
use scrip::format::decision::Verdict;
use scrip::format::plan::{Finding, PlanEntry};
use scrip::issuer::{CertifiedKey, Deciding, Issuer, KeyCover, Staff, key_cost};
use scrip::reconcile::{PlanReader, Standing, shown_id};
use scrip::records::KnownFinding;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Classed, Exit, Failure, Output, clock, printable};
use scrip::trust::Passphrase;
use scrip::units::{CurrencyForm, MediumId};
use scrip::words::Language;
use serde_json::{Value, json};

use crate::cli::{DecideArgs, Office, StaffArgs};
use crate::files;
use crate::office::places_hint;

pub(crate) fn staff(args: &StaffArgs, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let issuer = office.open(output)?;
    let now = clock::now();
    issuer.check_staff(&args.name, now).or_fail()?;
    files::check_free(&args.out)?;
    let folder = args.out.display().to_string();
    if !args.dry_run {
        let opener = office.opener(&issuer)?;
        let key = issuer.issuer_key(opener.passphrase()).or_fail()?;
        let own = chosen(args)?;
        let passphrase = own.as_ref().map_or(Passphrase::None, Passphrase::Password);
        let live = issuer.purpose() == Purpose::Live;
        let cost = if live { key_cost() } else { Cost::MINIMAL };
        let staff = Staff { name: &args.name, passphrase, cost };
        issuer.staff(&args.out, &staff, &key, &mut SystemRandom::new(), now).or_fail()?;
    }
    let verb = if args.dry_run { "would decide" } else { "decides" };
    output.line(format!("{} {verb} with the key in {folder}", printable(&args.name)));
    let fields = json!({ "dry_run": args.dry_run, "name": args.name, "folder": folder });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

fn chosen(args: &StaffArgs) -> Result<Option<Password>, Failure> {
    if args.no_passphrase {
        return Ok(None);
    }
    let source = PasswordSource::from(args.own_password_file.clone());
    source.read_new(format!("new passphrase of {}", args.name), Language::English).map(Some)
}

pub(crate) fn run(args: &DecideArgs, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let planned = args.plan.as_ref().map(|plan| find(plan, &args.finding)).transpose()?.flatten();
    let Some((verdict, reason)) = verdict(args) else {
        return show(args, &mut issuer, planned.as_ref(), output);
    };
    let Some((finding, entry)) = planned else { return Err(missing(args, &mut issuer)?) };
    let before = entry.before.as_ref();
    let deciding = Deciding { finding: &finding, before, verdict, reason };
    let (standing, new) = decide(args, &mut issuer, &deciding)?;
    let form = issuer.form();
    tell(args, &finding, &standing, new, form, output);
    let mut fields = told(&standing);
    fields["dry_run"] = args.dry_run.into();
    fields["new"] = new.into();
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

fn verdict(args: &DecideArgs) -> Option<(Verdict, &str)> {
    let because = args.because.as_deref().unwrap_or_default();
    match &args.explain {
        Some(reason) => Some((Verdict::Explained, reason)),
        None if args.settle => Some((Verdict::Settle, because)),
        None => args.write_off.then_some((Verdict::WriteOff, because)),
    }
}

/// The finding of a plan that is called so, and its entry.
fn find(plan: &Path, named: &str) -> Result<Option<(Finding, PlanEntry)>, Failure> {
    let plan = PlanReader::open(FileDevice::open(plan, Access::Read).or_fail()?).or_fail()?;
    let mut found = vec![];
    for entry in plan.entries() {
        let mut entry = entry.or_fail()?;
        let findings = std::mem::take(&mut entry.findings).into_iter();
        let own = findings.filter(|finding| shown_id(&finding.id) == named);
        found.extend(own.map(|finding| (finding, entry.clone())));
    }
    if found.len() > 1 {
        let message = format!("{} findings of the plan are called {named}", found.len());
        return Err(Failure::new(Exit::Refusal, message));
    }
    Ok(found.pop())
}

/// Nothing of that name is to be decided; the records may say why.
fn missing(args: &DecideArgs, issuer: &mut Issuer) -> Result<Failure, Failure> {
    let answered = issuer.records().answered(|id| shown_id(id) == args.finding).or_fail()?;
    let message = match answered.first() {
        Some((medium, known)) => format!("finding {}: {}", args.finding, words(*medium, known)),
        None => format!("finding {} is not in this plan", args.finding),
    };
    Ok(Failure::new(Exit::Refusal, message).hint("name a plan of these records that has it"))
}

fn words(medium: MediumId, known: &KnownFinding) -> String {
    let (number, at) = (known.number, known.at);
    format!(
        "settled, answered by checkpoint {number} of medium {}, posted at {at}",
        medium.grouped()
    )
}

fn decide(
    args: &DecideArgs,
    issuer: &mut Issuer,
    deciding: &Deciding<'_>,
) -> Result<(Standing, bool), Failure> {
    let by = args.by.as_ref().map(|folder| (folder, args.by_password_file.as_ref()));
    let second = args.second.as_ref().map(|folder| (folder, args.second_password_file.as_ref()));
    let people: Vec<_> = by.into_iter().chain(second).collect();
    let signers = people.iter().map(|(folder, _)| issuer.decider(folder).or_fail());
    let signers = signers.collect::<Result<Vec<_>, _>>()?;
    let now = clock::now();
    let known = issuer.try_decide(deciding, &signers, now).or_fail();
    if let Some(standing) = known.map_err(|failure| places_hint(issuer, failure))? {
        return Ok((standing, false));
    }
    let names = signers.iter().map(|signer| signer.certificate().subject.clone());
    if args.dry_run {
        return Ok((Standing { decision: deciding.as_of(now), by: names.collect() }, true));
    }
    let keys = people.iter().map(|(folder, file)| open(issuer, folder, *file));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    issuer.decide(deciding, &keys, now).or_fail()
}

fn open(issuer: &Issuer, folder: &Path, file: Option<&PathBuf>) -> Result<CertifiedKey, Failure> {
    let bare = issuer.decider_cover(folder).or_fail()? == KeyCover::Bare && file.is_none();
    let password = (!bare).then(|| {
        let question = format!("passphrase of the key in {}", folder.display());
        PasswordSource::from(file.cloned()).read(&question)
    });
    let password = password.transpose()?;
    let passphrase = password.as_ref().map_or(Passphrase::None, Passphrase::Password);
    issuer.decider_key(folder, passphrase).or_fail()
}

fn tell(
    args: &DecideArgs,
    finding: &Finding,
    standing: &Standing,
    new: bool,
    form: CurrencyForm,
    output: &Output,
) {
    let verb = match (new, args.dry_run) {
        (true, true) => "would be kept",
        (true, false) => "kept",
        (false, _) => "was kept before",
    };
    let medium = finding.medium.map(|medium| format!(" of medium {}", medium.grouped()));
    let class = format!("{}{}", finding.class, medium.unwrap_or_default());
    output.line(format!("{} {class}: {}, {verb}", args.finding, spoken(standing)));
    if standing.decision.verdict == Verdict::Explained {
        return;
    }
    let stake = form.show(standing.decision.stake);
    output.line(format!("at stake: {stake}"));
    output.note("next: reconcile again, and settle the plan that this gives");
}

/// What was decided, by whom, when and why.
fn spoken(standing: &Standing) -> String {
    let decision = &standing.decision;
    let by = standing.by.iter().map(|name| printable(name).to_string()).collect::<Vec<_>>();
    let (verdict, text) = (decision.verdict, printable(&decision.text));
    format!("{verdict} by {} at {}: {text}", by.join(" and "), decision.at)
}

fn told(standing: &Standing) -> Value {
    let decision = &standing.decision;
    json!({
        "finding": shown_id(&decision.finding),
        "class": decision.class.word(),
        "medium": decision.medium.map(|medium| medium.to_string()),
        "state": decision.verdict.word(),
        "checkpoint": decision.number,
        "stake": { "minor": decision.stake.minor().to_string() },
        "by": standing.by,
        "at": decision.at.to_string(),
        "text": decision.text,
    })
}

/// What became of a finding, by the plan and the records.
fn show(
    args: &DecideArgs,
    issuer: &mut Issuer,
    planned: Option<&(Finding, PlanEntry)>,
    output: &Output,
) -> Result<Exit, Failure> {
    let is = |id: &[u8; 16]| shown_id(id) == args.finding;
    let answered = issuer.records().answered(is).or_fail()?;
    let decided = issuer.decisions().or_fail()?;
    let decided = decided.into_iter().find(|standing| is(&standing.decision.finding));
    let mut fields = match &decided {
        Some(standing) => told(standing),
        None => json!({ "finding": args.finding, "state": "open" }),
    };
    if let Some(standing) = &decided {
        output.line(format!("{}: {}", args.finding, spoken(standing)));
    }
    if let Some((medium, known)) = answered.first() {
        output.line(format!("{}: {}", args.finding, words(*medium, known)));
        fields["state"] = "settled".into();
        fields["medium"] = medium.to_string().into();
        fields["answered_by"] = known.number.into();
        fields["answered_at"] = known.at.to_string().into();
    } else if decided.is_none() {
        let Some((finding, _)) = planned else { return Err(missing(args, issuer)?) };
        let class = finding.class;
        output.line(match finding.stake {
            Some(stake) => {
                let stake = issuer.form().show(stake);
                format!("{} {class}: open, it holds its medium; at stake: {stake}", args.finding)
            }
            None => format!("{} {class}: open", args.finding),
        });
        fields["class"] = class.word().into();
    }
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}
