//! `blanks`: a kit for a store.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use scrip::crypto::SystemRandom;
use scrip::issuer::{BlankPlan, Issuer, MadeKit};
use scrip::tool::{Classed, Exit, Failure, Interrupt, Output, clock, money};
use scrip::words::counted;
use serde_json::json;

use crate::cli::{Blanks, Office, Sheets};
use crate::files;
use crate::office::places_hint;

/// Least time between two words about how far it is.
const TELL_EVERY: Duration = Duration::from_secs(3);

pub(crate) fn run(
    args: &Blanks,
    office: &Office,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let plan = issuer.plan_blanks(args.store, args.count, clock::now()).or_fail();
    let plan = plan.map_err(|failure| places_hint(&issuer, failure))?;
    make(&plan, (&args.out, args.dry_run), (&mut issuer, office), output, interrupt)
}

/// `sheets`: further sheets for media that run short.
pub(crate) fn further(
    args: &Sheets,
    office: &Office,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let plan = issuer.plan_sheets(&args.media, clock::now()).or_fail();
    let plan = plan.map_err(|failure| places_hint(&issuer, failure))?;
    make(&plan, (&args.out, args.dry_run), (&mut issuer, office), output, interrupt)
}

/// Make a kit of a plan, and write it.
fn make(
    plan: &BlankPlan,
    (out, dry_run): (&Path, bool),
    (issuer, office): (&mut Issuer, &Office),
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    files::check_out(out)?;
    if dry_run {
        told(out, plan, None, issuer, output);
        return Ok(Exit::Done);
    }
    let opener = office.opener(issuer)?;
    let keys = issuer.blank_keys(opener.passphrase()).or_fail()?;
    let mut step = teller(plan.count, output, interrupt);
    let made = issuer.make_blanks(plan, &keys, &mut SystemRandom::new(), clock::now(), &mut step);
    let made = made.or_fail().map_err(|failure| places_hint(issuer, failure))?;
    files::hand_out(out, &made.bytes).map_err(|failure| {
        let name = HEXLOWER.encode(&made.id);
        failure.hint(format!("the kit is made: scrip-server kit {name} --out FILE writes it"))
    })?;
    told(out, plan, Some(&made), issuer, output);
    Ok(Exit::Done)
}

fn teller<'a>(
    count: u32,
    output: &'a Output,
    interrupt: &'a Interrupt,
) -> impl FnMut(u32) -> ControlFlow<()> + 'a {
    let mut told = Instant::now();
    move |made| {
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            output.note(format!("{made} of {count} blanks made"));
            output.event("progress", &json!({ "made": made, "count": count }));
        }
        if interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn told(out: &Path, plan: &BlankPlan, made: Option<&MadeKit>, issuer: &Issuer, output: &Output) {
    let form = issuer.form();
    let (store, name) = (plan.store.id, &plan.store.enrolment.name);
    let left = plan.left.checked_sub(plan.worth).unwrap_or_default();
    let (worth, rest) = (form.show(plan.worth), form.show(left));
    let count = plan.count;
    let what = if made.is_some() { "made" } else { "would be made" };
    let blanks = plan.media.is_empty();
    let (one, many) =
        if blanks { ("blank", "blanks") } else { ("further sheet", "further sheets") };
    let sheets = counted(count.into(), one, many);
    output.line(format!("{sheets} for store {store} ({name}) {what}: codes worth {worth}"));
    output.line(format!("quota left for kits: {rest}"));
    if let Some(made) = made {
        output.line(format!("kit {}: {}", HEXLOWER.encode(&made.id), out.display()));
        output.note("next: hand it to the store, which takes it with scrip-store accept");
    }
    let media: Option<Vec<String>> =
        made.map(|made| made.media.iter().map(ToString::to_string).collect());
    let fields = json!({
        "dry_run": made.is_none(),
        "store": store.number(),
        "count": count,
        "worth": money(plan.worth, form.currency()),
        "quota_left": money(left, form.currency()),
        "kit": made.map(|made| HEXLOWER.encode(&made.id)),
        "file": made.map(|_| out.display().to_string()),
        "media": media,
    });
    output.result(Exit::Done, &fields);
}
