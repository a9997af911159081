//! `dues`: what each store owes for a month.

use scrip::records::Dues;
use scrip::tool::{Classed, Exit, Failure, Output, clock, csv_row};
use scrip::units::{CurrencyForm, Month};
use serde_json::{Value, json};

use crate::cli::{DuesArgs, Office};

const COLUMNS: [&str; 5] = ["opening", "sold", "voided", "paid", "owed"];

pub(crate) fn run(args: &DuesArgs, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let month = args.period.unwrap_or_else(|| Month::of(clock::now()));
    let form = issuer.form();
    let dues = issuer.records().dues(month.first(), month.end()).or_fail()?;
    if args.csv {
        spreadsheet(&dues, form, output);
    } else {
        table(&dues, month, form, output);
    }
    let stores: Vec<Value> = dues.iter().map(fields).collect();
    output.result(Exit::Done, &json!({ "period": month.to_string(), "stores": stores }));
    Ok(Exit::Done)
}

/// Opening, sold, taken back, paid in, owed.
fn sums(due: &Dues) -> [i64; 5] {
    [due.opening, due.sold, -due.voided, -due.paid, due.owed]
}

fn table(dues: &[Dues], month: Month, form: CurrencyForm, output: &Output) {
    output.line(format!("dues of {month}, by the clocks of the stores"));
    for due in dues {
        output.line(format!("store {} ({})", due.store, due.name));
        for (name, sum) in COLUMNS.iter().zip(sums(due)) {
            output.line(format!("  {name:<8} {:>16}", form.show_minor(sum)));
        }
    }
    if dues.is_empty() {
        output.line("no store is enrolled");
    }
}

fn spreadsheet(dues: &[Dues], form: CurrencyForm, output: &Output) {
    let heads = ["store", "name", "currency"].iter().chain(&COLUMNS);
    output.line(csv_row(&heads.map(|head| (*head).to_owned()).collect::<Vec<_>>()));
    for due in dues {
        let whose = [due.store.to_string(), due.name.clone(), due.currency.to_string()];
        let sums = sums(due).map(|sum| form.decimal(sum));
        output.line(csv_row(&[&whose[..], &sums].concat()));
    }
}

fn fields(due: &Dues) -> Value {
    let sum = |minor: i64| json!({ "minor": minor.to_string(), "currency": due.currency.code() });
    let mut fields = json!({ "store": due.store.number(), "name": due.name });
    for (name, minor) in COLUMNS.iter().zip(sums(due)) {
        fields[*name] = sum(minor);
    }
    fields
}
