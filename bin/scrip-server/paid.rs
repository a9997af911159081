//! `paid`: book what a store paid in.

use scrip::tool::{Classed, Exit, Failure, Output, clock, money};
use serde_json::json;

use crate::cli::{Office, Paid};
use crate::office::{places_hint, sum};

pub(crate) fn run(args: &Paid, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let form = issuer.form();
    let amount = sum(&issuer, &args.amount)?;
    let now = clock::now();
    let (at, reference) = (args.at.unwrap_or(now), args.reference.as_str());
    let records = issuer.records();
    let payment = if args.dry_run {
        records.try_payment(args.store, amount, at, reference)
    } else {
        records.record_payment(args.store, amount, at, reference, now)
    };
    let payment = payment.or_fail().map_err(|failure| places_hint(&issuer, failure))?;
    let said = match (payment.new, args.dry_run) {
        (true, true) => "would be booked",
        (true, false) => "booked",
        (false, _) => "was booked before, nothing changed",
    };
    let sum = form.show(payment.amount);
    output.line(format!("store {}: {sum} paid at {}, {said}", args.store, payment.at));
    let fields = json!({
        "dry_run": args.dry_run,
        "store": args.store.number(),
        "payment": payment.seq,
        "amount": money(payment.amount, form.currency()),
        "at": payment.at.to_string(),
        "reference": reference,
        "new": payment.new,
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}
