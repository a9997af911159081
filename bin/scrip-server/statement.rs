//! `statement`: what was bought for a medium, what is on it, and what became of that.

use scrip::records::{Happening, Holding, Origin, Statement, StatementLine};
use scrip::tool::{Classed, Exit, Failure, Output, csv_row};
use scrip::units::CurrencyForm;
use serde_json::{Value, json};

use crate::cli::{Office, StatementArgs};

pub(crate) fn run(args: &StatementArgs, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let form = issuer.form();
    let statement = issuer.records().statement(args.medium, args.period).or_fail()?;
    if args.csv {
        spreadsheet(&statement, form, output);
    } else {
        table(&statement, args, form, output);
    }
    let result = json!({
        "medium": args.medium.to_string(),
        "period": args.period.map(|month| month.to_string()),
        "opening": holding(&statement.opening, form),
        "lines": statement.lines.iter().map(|line| fields(line, form)).collect::<Vec<_>>(),
        "closing": holding(&statement.closing, form),
    });
    output.result(Exit::Done, &result);
    Ok(Exit::Done)
}

fn table(statement: &Statement, args: &StatementArgs, form: CurrencyForm, output: &Output) {
    let period = args.period.map_or(String::new(), |month| format!(", {month}"));
    output.line(format!("statement of medium {}{period}", args.medium.grouped()));
    output.line(format!("{:<20} {:>14} {:>14}", "", "unredeemed", "balance"));
    let sums = |name: &str, unredeemed: i64, balance: i64| {
        let [unredeemed, balance] = [unredeemed, balance].map(|minor| form.show_minor(minor));
        output.line(format!("{name:<20} {unredeemed:>14} {balance:>14}"));
    };
    sums("opening", statement.opening.unredeemed, statement.opening.balance());
    for line in &statement.lines {
        sums(&line.booked.at.to_string(), line.unredeemed, line.balance);
        output.line(format!("  {}", told(line)));
    }
    let closing = &statement.closing;
    sums("closing", closing.unredeemed, closing.balance());
    for (name, minor) in parts(closing).into_iter().skip(2).filter(|(_, minor)| *minor != 0) {
        output.line(format!("  {name}: {}", form.show_minor(minor)));
    }
}

/// Each part of what a medium's accounts have.
fn parts(holding: &Holding) -> [(&'static str, i64); 6] {
    [
        ("unredeemed", holding.unredeemed),
        ("balance", holding.balance()),
        ("settled", holding.settled),
        ("provisional", holding.provisional),
        ("reserved", holding.reserved),
        ("debt", holding.debt),
    ]
}

/// What happened in a word, and with whom.
fn happened(line: &StatementLine) -> (&'static str, &str) {
    let store = line.booked.name.as_str();
    match &line.what {
        Happening::Bought => ("bought", store),
        Happening::TakenBack => ("taken back", store),
        Happening::Credited => ("credited", ""),
        Happening::Spent(name) => ("spent", name),
        Happening::Earned(name) => ("earned", name),
        Happening::Borne => ("borne by the store", store),
        Happening::Corrected => ("corrected", ""),
    }
}

fn evidence(line: &StatementLine) -> String {
    match &line.booked.origin {
        Origin::Entry(seq) => format!("entry {seq} of store {}", line.booked.store),
        Origin::Checkpoint(_, number) => format!("checkpoint {number}"),
        Origin::Payment(reference) => reference.clone(),
    }
}

fn told(line: &StatementLine) -> String {
    let (what, party) = happened(line);
    let comma = if party.is_empty() { "" } else { ", " };
    format!("{what}{comma}{party} ({})", evidence(line))
}

fn spreadsheet(statement: &Statement, form: CurrencyForm, output: &Output) {
    let heads = ["at", "what", "party", "by", "currency", "unredeemed", "balance"];
    output.line(csv_row(&heads.map(str::to_owned)));
    let row = |at: String, what: &str, party: &str, by: String, sums: [i64; 2]| {
        let [unredeemed, balance] = sums.map(|minor| form.decimal(minor));
        let currency = form.currency().to_string();
        let cells = [at, what.to_owned(), party.to_owned(), by, currency, unredeemed, balance];
        output.line(csv_row(&cells));
    };
    let whole = |holding: &Holding| [holding.unredeemed, holding.balance()];
    row(String::new(), "opening", "", String::new(), whole(&statement.opening));
    for line in &statement.lines {
        let (what, party) = happened(line);
        let sums = [line.unredeemed, line.balance];
        row(line.booked.at.to_string(), what, party, evidence(line), sums);
    }
    row(String::new(), "closing", "", String::new(), whole(&statement.closing));
}

fn money(minor: i64, form: CurrencyForm) -> Value {
    json!({ "minor": minor.to_string(), "currency": form.currency().code() })
}

fn holding(holding: &Holding, form: CurrencyForm) -> Value {
    let pairs = parts(holding).map(|(name, minor)| (name.to_owned(), money(minor, form)));
    Value::Object(pairs.into_iter().collect())
}

fn fields(line: &StatementLine, form: CurrencyForm) -> Value {
    let (what, party) = happened(line);
    json!({
        "at": line.booked.at.to_string(),
        "what": what,
        "party": party,
        "by": evidence(line),
        "unredeemed": money(line.unredeemed, form),
        "balance": money(line.balance, form),
    })
}
