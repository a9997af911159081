//! `dues`: what each store owes for a period.

use scrip::records::{Dues, RedeemedVoid};
use scrip::tool::{Classed, Exit, Failure, Output, clock, csv_row};
use scrip::units::{CurrencyForm, Month, Period};
use serde_json::{Value, json};

use crate::cli::{DuesArgs, Office};

const COLUMNS: [&str; 5] = ["opening", "sold", "voided", "paid", "owed"];

pub(crate) fn run(args: &DuesArgs, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let period = args.period.unwrap_or_else(|| Period::of(Month::of(clock::now())));
    let form = issuer.form();
    let dues = issuer.records().dues(period.from, period.until).or_fail()?;
    if args.csv {
        spreadsheet(&dues, form, output);
    } else {
        table(&dues, period, form, output);
    }
    let stores: Vec<Value> = dues.iter().map(fields).collect();
    output.result(Exit::Done, &json!({ "period": period.to_string(), "stores": stores }));
    Ok(Exit::Done)
}

/// Opening, sold, taken back, paid in, owed.
fn sums(due: &Dues) -> [i64; 5] {
    [due.opening, due.sold, -due.voided, -due.paid, due.owed]
}

fn table(dues: &[Dues], period: Period, form: CurrencyForm, output: &Output) {
    output.line(format!("dues of {period}, by the clocks of the stores"));
    for due in dues {
        output.line(format!("store {} ({})", due.store, due.name));
        for (name, sum) in COLUMNS.iter().zip(sums(due)) {
            output.line(format!("  {name:<8} {:>16}", form.show_minor(sum)));
        }
        for redeemed in &due.redeemed {
            output.line(format!("  {}", told(redeemed, form)));
        }
    }
    if dues.is_empty() {
        output.line("no store is enrolled");
    }
}

/// What was taken back too late: not in what is owed, and a person's to decide.
fn told(redeemed: &RedeemedVoid, form: CurrencyForm) -> String {
    let RedeemedVoid { sold, voided, medium, checkpoint, minor } = redeemed;
    format!(
        "redeemed though voided, not owed above: {}, entry {sold}, voided by entry {voided}, credited on \
         medium {} by checkpoint {checkpoint}",
        form.show_minor(*minor),
        medium.grouped()
    )
}

fn spreadsheet(dues: &[Dues], form: CurrencyForm, output: &Output) {
    let heads =
        ["store", "name", "currency"].iter().chain(&COLUMNS).chain(&["redeemed though voided"]);
    output.line(csv_row(&heads.map(|head| (*head).to_owned()).collect::<Vec<_>>()));
    for due in dues {
        let whose = [due.store.to_string(), due.name.clone(), due.currency.to_string()];
        let sums = sums(due).map(|sum| form.decimal(sum));
        let redeemed = due.redeemed.iter().map(|one| one.minor).sum();
        output.line(csv_row(&[&whose[..], &sums, &[form.decimal(redeemed)]].concat()));
    }
}

fn fields(due: &Dues) -> Value {
    let sum = |minor: i64| json!({ "minor": minor.to_string(), "currency": due.currency.code() });
    let mut fields = json!({ "store": due.store.number(), "name": due.name });
    for (name, minor) in COLUMNS.iter().zip(sums(due)) {
        fields[*name] = sum(minor);
    }
    let redeemed = due.redeemed.iter().map(|one| {
        json!({
            "entry": one.sold,
            "voided_by": one.voided,
            "medium": one.medium.to_string(),
            "checkpoint": one.checkpoint,
            "amount": sum(one.minor),
        })
    });
    fields["redeemed_though_voided"] = redeemed.collect();
    fields
}
