//! `statement`: what was bought for a medium, what is on it, and what became of that.

use data_encoding::HEXLOWER;
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
        "period": args.period.map(|period| period.to_string()),
        "opening": holding(&statement.opening, form),
        "lines": statement.lines.iter().map(|line| fields(line, form)).collect::<Vec<_>>(),
        "closing": holding(&statement.closing, form),
    });
    output.result(Exit::Done, &result);
    Ok(Exit::Done)
}

fn table(statement: &Statement, args: &StatementArgs, form: CurrencyForm, output: &Output) {
    let period = args.period.map_or(String::new(), |period| format!(", {period}"));
    output.line(format!("statement of medium {}{period}", args.medium.grouped()));
    let row = |name: &str, cells: [&str; 4]| {
        let [sold, balance, unredeemed, then] = cells;
        output.line(format!("{name:<20} {sold:>13} {balance:>13} {unredeemed:>13} {then:>13}"));
    };
    let whole = |name: &str, holding: &Holding| {
        let [unredeemed, then] =
            [holding.unredeemed, holding.balance()].map(|minor| form.show_minor(minor));
        row(name, ["", "", &unredeemed, &then]);
    };
    row("", ["unredeemed", "balance", "unredeemed", "balance"]);
    row("", ["by this line", "by this line", "then", "then"]);
    whole("opening", &statement.opening);
    for line in &statement.lines {
        let [unredeemed, then] = line.then;
        let sums = [line.unredeemed, line.balance, unredeemed, then];
        let cells = sums.map(|minor| form.show_minor(minor));
        row(&line.at.to_string(), cells.each_ref().map(String::as_str));
        output.line(format!("  {}", told(line)));
    }
    let closing = &statement.closing;
    whole("closing", closing);
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
fn happened(line: &StatementLine) -> (&'static str, String) {
    let store = || line.name.clone();
    match &line.what {
        Happening::Bought => ("bought", store()),
        Happening::TakenBack => ("taken back", store()),
        Happening::Credited => ("credited", String::new()),
        Happening::Spent(name) => ("spent", name.clone()),
        Happening::Earned(name) => ("earned", name.clone()),
        Happening::Borne => ("borne by the store", store()),
        Happening::MovedTo(heir) => ("replaced by", format!("medium {heir}")),
        Happening::MovedFrom(lost) => ("in place of", format!("medium {lost}")),
        Happening::Corrected => ("corrected", String::new()),
    }
}

fn evidence(line: &StatementLine) -> String {
    match &line.origin {
        Origin::Entry(seq) => format!("entry {seq} of store {}", line.store),
        Origin::Checkpoint(_, number) => format!("checkpoint {number}"),
        Origin::Payment(reference) => reference.clone(),
    }
}

/// The number that the owner's accounting has for it.
fn event(line: &StatementLine) -> Option<String> {
    line.event.map(|event| HEXLOWER.encode(&event))
}

fn told(line: &StatementLine) -> String {
    let (what, party) = happened(line);
    let comma = if party.is_empty() { "" } else { ", " };
    let event = event(line).map(|event| format!(", event {event}")).unwrap_or_default();
    format!("{what}{comma}{party} ({}{event})", evidence(line))
}

fn spreadsheet(statement: &Statement, form: CurrencyForm, output: &Output) {
    let heads = [
        "at",
        "what",
        "party",
        "by",
        "event",
        "currency",
        "unredeemed",
        "balance",
        "unredeemed then",
        "balance then",
    ];
    output.line(csv_row(&heads.map(str::to_owned)));
    let row = |words: [String; 5], by_line: Option<[i64; 2]>, then: [i64; 2]| {
        let sums = |sums: [i64; 2]| sums.map(|minor| form.decimal(minor));
        let by_line = by_line.map_or([String::new(), String::new()], sums);
        let currency = [form.currency().to_string()];
        output.line(csv_row(&[&words[..], &currency, &by_line, &sums(then)].concat()));
    };
    let whole = |name: &str, holding: &Holding| {
        let words = ["", name, "", "", ""].map(str::to_owned);
        row(words, None, [holding.unredeemed, holding.balance()]);
    };
    whole("opening", &statement.opening);
    for line in &statement.lines {
        let (what, party) = happened(line);
        let (at, event) = (line.at.to_string(), event(line).unwrap_or_default());
        let words = [at, what.to_owned(), party, evidence(line), event];
        row(words, Some([line.unredeemed, line.balance]), line.then);
    }
    whole("closing", &statement.closing);
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
        "at": line.at.to_string(),
        "what": what,
        "party": party,
        "by": evidence(line),
        "unredeemed": money(line.unredeemed, form),
        "balance": money(line.balance, form),
        "event": event(line),
        "then": {
            "unredeemed": money(line.then[0], form),
            "balance": money(line.then[1], form),
        },
    })
}
