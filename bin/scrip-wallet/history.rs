//! `history`, `receipt` and `export`: what the journal says, without a password.
//!
//! With `--json`, `history` ends in an object of type `result` with `exit`, `medium`, `columns` and
//! `rows`: of each record `seq`, `at`, `kind`, `partner`, `content`, `link`; with `--accounting`
//! `amount` and `balance_after` as money (an amount's `minor` may be negative), `partner`, `reason`.

use std::path::Path;

use scrip::device::{Privacy, check_new_file, create_file};
use scrip::format::record::{Record, RecordKind};
use scrip::tool::{Classed, Exit, Failure, Form, Interrupt, Output, money};
use scrip::trust::Verified;
use scrip::units::{DAY_CHARACTERS, Timestamp};
use scrip::wallet::{Filter, Ledger, Medium, csv_row, decimal, signed, unsigned};
use serde_json::{Value, json};

use crate::cli::{Common, HistoryArgs};
use crate::opened::{look, tell_balance};

/// Show the history, or what it did to the money.
pub(crate) fn history(
    common: &Common,
    args: &HistoryArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let filter = Filter {
        since: args.since.as_deref().map(|text| time(text, 0)).transpose()?,
        until: args.until.as_deref().map(|text| time(text, 1)).transpose()?,
        kind: args.kind.as_deref().map(kind).transpose()?,
        limit: args.limit,
    };
    let look = look(common, output, interrupt)?;
    let ledger = if args.accounting { Ledger::Accounting } else { Ledger::History };
    let records = filter.choose(ledger, &look.medium);
    if args.csv && output.form() == Form::Text {
        csv(&look.medium, ledger, &records, output);
        return Ok(Exit::Done);
    }
    table(&look.medium, ledger, &records, output);
    if ledger == Ledger::Accounting {
        tell_balance(&look.medium, output);
    }
    let rows: Vec<_> = records.iter().map(|record| row(&look.medium, ledger, record)).collect();
    let fields = json!({
        "medium": look.medium.id().to_string(),
        "columns": ledger.columns(),
        "rows": rows,
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

/// A day or time; `--until` a day means to its end.
fn time(text: &str, days: u64) -> Result<Timestamp, Failure> {
    let time: Timestamp = text.parse().or_fail()?;
    Ok(if text.len() == DAY_CHARACTERS { time.plus_days(days) } else { time })
}

fn kind(word: &str) -> Result<RecordKind, Failure> {
    let all = RecordKind::ALL;
    let words = || all.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ");
    all.iter().find(|kind| kind.word() == word).copied().ok_or_else(|| {
        let message = format!("there is no kind of record {word:?}");
        Failure::new(Exit::Usage, message).hint(format!("one of {}", words()))
    })
}

fn csv(medium: &Medium, ledger: Ledger, records: &[&Verified<Record>], output: &Output) {
    let form = medium.form();
    let mut columns = ledger.columns().map(str::to_owned).to_vec();
    columns.push("currency".to_owned());
    output.line(csv_row(&columns));
    for record in records {
        let cells = ledger.cells(record, |minor| decimal(form, minor));
        if let Some(cells) = cells {
            let mut cells = cells.to_vec();
            cells.push(form.currency().code().to_owned());
            output.line(csv_row(&cells));
        }
    }
}

fn table(medium: &Medium, ledger: Ledger, records: &[&Verified<Record>], output: &Output) {
    let form = medium.form();
    let mut rows = vec![ledger.columns().map(str::to_owned)];
    rows.extend(records.iter().filter_map(|record| {
        let mut first = true;
        ledger.cells(record, |minor| {
            // The amount comes first and has a sign; the balance after it has none.
            let amount = std::mem::replace(&mut first, false);
            if amount { signed(form, minor) } else { unsigned(form, minor) }
        })
    }));
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            let sum = ledger == Ledger::Accounting && (column == 1 || column == 2);
            if sum { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        output.line(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

fn row(medium: &Medium, ledger: Ledger, record: &Record) -> Value {
    let (history, currency) = (&record.history, medium.currency());
    let seq = record.seq.number();
    match (ledger, &record.accounting) {
        (Ledger::Accounting, Some(entry)) => json!({
            "seq": seq,
            "at": entry.at.to_string(),
            "amount": { "minor": entry.amount.to_string(), "currency": currency.code() },
            "balance_after": money(entry.balance_after, currency),
            "partner": entry.partner,
            "reason": entry.reason,
        }),
        _ => json!({
            "seq": seq,
            "at": history.at.to_string(),
            "kind": history.kind.word(),
            "partner": history.partner,
            "content": history.content,
            "link": history.link.map(|link| data_encoding::HEXLOWER.encode(&link)),
        }),
    }
}

/// Show one record whole.
pub(crate) fn receipt(
    common: &Common,
    seq: u64,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let look = look(common, output, interrupt)?;
    let (medium, form) = (&look.medium, look.medium.form());
    let record = medium.record(seq).ok_or_else(|| {
        let count = medium.account().records.len();
        Failure::new(Exit::Refusal, format!("there is no record {seq}, the journal has {count}"))
    })?;
    let hash = data_encoding::HEXLOWER.encode(&record.hash());
    let history = &record.history;
    output.line(format!("Medium {}, record {seq}", medium.id().grouped()));
    let mut lines = vec![
        ("at", history.at.to_string()),
        ("kind", history.kind.to_string()),
        ("partner", history.partner.clone()),
    ];
    lines.extend(history.content.clone().map(|content| ("content", content)));
    if let Some(entry) = &record.accounting {
        let balance = form.show(entry.balance_after);
        lines.push(("amount", signed(form, entry.amount)));
        lines.push(("balance after", balance));
        lines.push(("reason", entry.reason.clone()));
        lines.push(("accounting event", data_encoding::HEXLOWER.encode(&entry.event)));
    }
    lines.push(("signed by key", record.signer().to_string()));
    lines.push(("SHA-256", hash.clone()));
    for (name, text) in lines {
        output.line(format!("  {name:<16}  {text}"));
    }
    let fields = json!({
        "medium": medium.id().to_string(),
        "hash": hash,
        "history": row(medium, Ledger::History, record),
        "accounting": record.accounting.as_ref().map(|_| row(medium, Ledger::Accounting, record)),
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

/// Write what others need to judge this medium's money.
pub(crate) fn export(
    common: &Common,
    file: &Path,
    dry_run: bool,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let look = look(common, output, interrupt)?;
    let bytes = look.medium.evidence();
    let records = look.medium.account().records.len();
    if dry_run {
        check_new_file(file).or_fail()?;
        output.line(format!("{records} records would be written to {}", file.display()));
    } else {
        create_file(file, &bytes, Privacy::Public).or_fail()?;
        output.line(format!("{records} records written to {}", file.display()));
    }
    let fields = json!({
        "medium": look.medium.id().to_string(),
        "file": file,
        "records": records,
        "bytes": bytes.len(),
        "dry_run": dry_run,
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}
