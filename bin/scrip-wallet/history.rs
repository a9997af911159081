//! `history`, `receipt` and `export`: what the journal says, without a password.
//!
//! With `--json`, `history` ends in an object of type `result` with `exit`, `medium`, `columns` and
//! `rows`: of each record `seq`, `at`, `kind`, `partner`, `content`, `link`; with `--accounting`
//! `amount` and `balance_after` as money (an amount's `minor` may be negative), `partner`, `reason`.

use std::path::Path;

use scrip::device::{Privacy, check_new_file, create_file};
use scrip::format::record::{Record, RecordKind};
use scrip::phrases;
use scrip::tool::{Exit, Failure, Form, Interrupt, Output, Tell, csv_row, money};
use scrip::trust::Verified;
use scrip::units::{DAY_CHARACTERS, Timestamp};
use scrip::wallet::{Filter, Ledger, Medium, kind_word, partner_word, reason_word, signed};
use scrip::words::{Phrase, Side, Table};
use serde_json::{Value, json};

use crate::cli::{Common, HistoryArgs};
use crate::opened::{look, tell_balance};

phrases! {
    fn no_kind(word) {
        en: "there is no kind of record {word}",
        ja: "{word}という種類の記録はありません",
    }
    fn one_of(words) { en: "one of {words}", ja: "次のどれかです：{words}" }
    fn no_record(number, count) {
        en: "there is no record {number}, the journal has {count}",
        ja: "記録{number}はありません。取引記録は{count}件です",
    }
    fn head(medium, number) {
        en: "Medium {medium}, record {number}",
        ja: "媒体{medium}、記録{number}",
    }
    fn at() { en: "at", ja: "日時" }
    fn kind_name() { en: "kind", ja: "種類" }
    fn partner() { en: "partner", ja: "相手" }
    fn content() { en: "content", ja: "内容" }
    fn amount() { en: "amount", ja: "金額" }
    fn balance_after() { en: "balance after", ja: "その後の残高" }
    fn reason() { en: "reason", ja: "理由" }
    fn accounting_event() { en: "accounting event", ja: "会計番号" }
    fn signed_by() { en: "signed by key", ja: "署名の鍵" }
    fn hash_name() { en: "SHA-256", ja: "SHA-256" }
    fn would_be_written(count, file) {
        en: "{count} records would be written to {file}",
        ja: "{count}件の記録を {file} に書き込むことになります",
    }
    fn written(count, file) {
        en: "{count} records written to {file}",
        ja: "{count}件の記録を {file} に書き込みました",
    }
}

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
    let time: Timestamp = text.parse().or_tell()?;
    Ok(if text.len() == DAY_CHARACTERS { time.plus_days(days) } else { time })
}

fn kind(word: &str) -> Result<RecordKind, Failure> {
    let all = RecordKind::ALL;
    let words = || all.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ");
    all.iter().find(|kind| kind.word() == word).copied().ok_or_else(|| {
        Failure::new(Exit::Usage, no_kind(format!("{word:?}"))).hint(one_of(words()))
    })
}

fn csv(medium: &Medium, ledger: Ledger, records: &[&Verified<Record>], output: &Output) {
    let form = medium.form();
    let mut columns = ledger.columns().map(str::to_owned).to_vec();
    columns.push("currency".to_owned());
    output.line(csv_row(&columns));
    for record in records {
        let cells = ledger.cells(record, |minor| form.decimal(minor));
        if let Some(cells) = cells {
            let mut cells = cells.to_vec();
            cells.push(form.currency().code().to_owned());
            output.line(csv_row(&cells));
        }
    }
}

/// The records under each other, for a person.
pub(crate) fn table(
    medium: &Medium,
    ledger: Ledger,
    records: &[&Verified<Record>],
    output: &Output,
) {
    let mut table = Table::new(ledger.sides());
    table.row(ledger.heads());
    let shown = records.iter().filter_map(|record| ledger.shown(record, medium.form()));
    shown.for_each(|cells| table.row(cells));
    table.lines().iter().for_each(|line| output.line(line));
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
        let count = medium.account().state.next;
        Failure::new(Exit::Refusal, no_record(seq, count))
    })?;
    let hash = data_encoding::HEXLOWER.encode(&record.hash());
    let history = &record.history;
    output.line(head(medium.id().grouped(), seq));
    let mut table = Table::new([Side::Left; 3]);
    let mut line = |name, text| table.row([Phrase::default(), name, text]);
    line(at(), Phrase::same(history.at.to_string()));
    line(kind_name(), kind_word(history.kind));
    line(partner(), partner_word(&history.partner));
    if let Some(text) = &history.content {
        line(content(), Phrase::same(text));
    }
    if let Some(entry) = &record.accounting {
        line(amount(), Phrase::same(signed(form, entry.amount)));
        line(balance_after(), Phrase::same(form.show(entry.balance_after)));
        line(reason(), reason_word(&entry.reason));
        line(accounting_event(), Phrase::same(data_encoding::HEXLOWER.encode(&entry.event)));
    }
    line(signed_by(), Phrase::same(record.signer().to_string()));
    line(hash_name(), Phrase::same(&hash));
    table.lines().iter().for_each(|line| output.line(line));
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
        check_new_file(file).or_tell()?;
        output.line(would_be_written(records, file.display()));
    } else {
        create_file(file, &bytes, Privacy::Public).or_tell()?;
        output.line(written(records, file.display()));
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
