//! `history`, `receipt` and `export`: what the journal says, without a password.
//!
//! With `--json`, `history` ends in an object of type `result` with `exit`, `medium`, `columns` and
//! `rows`: of each record `seq`, `at`, `kind`, `partner`, `content`, `link`; with `--accounting`
//! `amount` and `balance_after` as money (an amount's `minor` may be negative), `partner`, `reason`.

use std::fmt::Display;
use std::ops::Deref;
use std::path::Path;

use scrip::device::{Privacy, check_new_file, create_file};
use scrip::format::record::{Record, RecordKind};
use scrip::phrases;
use scrip::tool::{Exit, Failure, Form, Interrupt, Output, Tell, csv_row};
use scrip::units::{Currency, CurrencyForm, DAY_CHARACTERS, Timestamp};
use scrip::wallet::{Filter, Ledger, kind_word, partner_word, reason_word, sum_name};
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
        en: "{count} would be written to {file}",
        ja: "{count}件の記録を {file} に書き込むことになります",
    }
    fn written(count, file) {
        en: "{count} written to {file}",
        ja: "{count}件の記録を {file} に書き込みました",
    }
}

/// So many records.
pub(crate) fn counted(records: u64) -> Phrase {
    Phrase::counted(records, "record", "records")
}

/// Show the history, or what it did to the money.
pub(crate) fn history(
    common: &Common,
    args: &HistoryArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let (ledger, filter) = wanted(args)?;
    let look = look(common, output, interrupt)?;
    let (medium, form) = (&look.medium, look.medium.form());
    let records = filter.choose(ledger, medium.records());
    if args.csv && output.form() == Form::Text {
        let currency = form.currency();
        let behind = [("currency", currency.code())];
        csv(ledger, &records, |minor| form.decimal(minor), &behind, output);
        return Ok(Exit::Done);
    }
    table(Some(form), ledger, &records, output);
    if ledger == Ledger::Accounting {
        tell_balance(medium, output);
    }
    let currency = Some(form.currency());
    let rows: Vec<_> = records.iter().map(|record| row(currency, ledger, record)).collect();
    let fields = json!({
        "medium": medium.id().to_string(),
        "columns": ledger.columns(),
        "rows": rows,
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

/// Which history is asked for, and what of it.
pub(crate) fn wanted(args: &HistoryArgs) -> Result<(Ledger, Filter), Failure> {
    let filter = Filter {
        since: args.since.as_deref().map(|text| time(text, 0)).transpose()?,
        until: args.until.as_deref().map(|text| time(text, 1)).transpose()?,
        kind: args.kind.as_deref().map(kind).transpose()?,
        limit: args.limit,
    };
    Ok((if args.accounting { Ledger::Accounting } else { Ledger::History }, filter))
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

/// The records as comma-separated values, each with these columns behind its own.
pub(crate) fn csv<R: Deref<Target = Record>>(
    ledger: Ledger,
    records: &[&R],
    mut sum: impl FnMut(i64) -> String,
    behind: &[(&str, &str)],
    output: &Output,
) {
    let mut columns = ledger.columns().map(str::to_owned).to_vec();
    columns.extend(behind.iter().map(|(name, _)| (*name).to_owned()));
    output.line(csv_row(&columns));
    for cells in records.iter().filter_map(|record| ledger.cells(record, &mut sum)) {
        let mut cells = cells.to_vec();
        cells.extend(behind.iter().map(|(_, cell)| (*cell).to_owned()));
        output.line(csv_row(&cells));
    }
}

/// The records under each other, for a person.
pub(crate) fn table<R: Deref<Target = Record>>(
    form: Option<CurrencyForm>,
    ledger: Ledger,
    records: &[&R],
    output: &Output,
) {
    let mut table = Table::new(ledger.sides());
    table.row(ledger.heads(form));
    let shown = records.iter().filter_map(|record| ledger.shown(record, form));
    shown.for_each(|cells| table.row(cells));
    table.lines().iter().for_each(|line| output.line(line));
}

/// A record in JSON; a sum of no known currency has none.
pub(crate) fn row(currency: Option<Currency>, ledger: Ledger, record: &Record) -> Value {
    let history = &record.history;
    let sum = |minor: String| json!({ "minor": minor, "currency": currency.as_ref().map(Currency::code) });
    let seq = record.seq.number();
    match (ledger, &record.accounting) {
        (Ledger::Accounting, Some(entry)) => json!({
            "seq": seq,
            "at": entry.at.to_string(),
            "amount": sum(entry.amount.to_string()),
            "balance_after": sum(entry.balance_after.minor().to_string()),
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
    let next = medium.account().state.next;
    let record = medium.record(seq).ok_or_else(|| missing(seq, next))?;
    let mut slip = Slip::of(record, Some(form));
    slip.line(signed_by(), Phrase::same(record.signer().to_string()));
    let hash = slip.end(record.hash(), output);
    output.result(Exit::Done, &receipt_fields(record, &hash, Some(form.currency())));
    Ok(Exit::Done)
}

/// There is no record of this number.
pub(crate) fn missing(seq: u64, next: impl Display) -> Failure {
    Failure::new(Exit::Refusal, no_record(seq, next.to_string()))
}

/// A record line by line.
pub(crate) struct Slip {
    head: Phrase,
    table: Table<3>,
}

impl Slip {
    /// What stands in the record; sums in minor units where the currency isn't known.
    pub(crate) fn of(record: &Record, form: Option<CurrencyForm>) -> Self {
        let head = head(record.medium.grouped(), record.seq);
        let mut slip = Self { head, table: Table::new([Side::Left; 3]) };
        let history = &record.history;
        slip.line(at(), Phrase::same(history.at.to_string()));
        slip.line(kind_name(), kind_word(history.kind));
        slip.line(partner(), partner_word(&history.partner));
        if let Some(text) = &history.content {
            slip.line(content(), Phrase::same(text));
        }
        if let (Some(entry), Some([_, sum, balance, ..])) =
            (&record.accounting, Ledger::Accounting.shown(record, form))
        {
            slip.line(sum_name(amount(), form), sum);
            slip.line(sum_name(balance_after(), form), balance);
            slip.line(reason(), reason_word(&entry.reason));
            slip.line(accounting_event(), Phrase::same(hex(&entry.event)));
        }
        slip
    }

    /// One more line.
    pub(crate) fn line(&mut self, name: Phrase, text: Phrase) {
        self.table.row([Phrase::default(), name, text]);
    }

    /// The record's hash, and all of it printed; gives the hash in hex.
    pub(crate) fn end(mut self, hash: [u8; 32], output: &Output) -> String {
        let hash = hex(&hash);
        self.line(hash_name(), Phrase::same(&hash));
        output.line(&self.head);
        self.table.lines().iter().for_each(|line| output.line(line));
        hash
    }
}

/// A record in JSON, whole.
pub(crate) fn receipt_fields(record: &Record, hash: &str, currency: Option<Currency>) -> Value {
    json!({
        "medium": record.medium.to_string(),
        "hash": hash,
        "history": row(currency, Ledger::History, record),
        "accounting":
            record.accounting.as_ref().map(|_| row(currency, Ledger::Accounting, record)),
    })
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
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
        output.line(would_be_written(counted(records as u64), file.display()));
    } else {
        create_file(file, &bytes, Privacy::Public).or_tell()?;
        output.line(written(counted(records as u64), file.display()));
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
