//! A writable area whose read-only area isn't there: what it says of itself is shown, under 1 at best;
//! all that needs more is refused in its own words.
//!
//! With `--json` the last line is an object of type `result`, whatever the verb: `exit`; `originality`:
//! `not-checked`; `verified`: false, for nothing in it is; `medium`; `seen`: what this computer kept of
//! a medium of that number when all of it was here, `state` and `text`, and its `root` then, or null.
//! Sums have `minor` as text and no currency. Beside these:
//! - `balance`: `balance`, `from` (the record or checkpoint that claims it); `records`; `rival`;
//! - `info`: the same, with `checkpoint`: the newest one's `number` and `settler`, or null, and
//!   `opened`, false while the key is still the one the store made;
//! - `history`: `columns`, `rows`; `receipt`: `hash`, `signature` (`fits` the key that the chain names,
//!   or `unknown`), `history`, `accounting`;
//! - `doctor`: `advice`.

use scrip::device::{Folder, MountedTree};
use scrip::image::check::Rival;
use scrip::journal::Relation;
use scrip::ledger::claimed::{Judged, Source};
use scrip::phrases;
use scrip::tool::{Exit, Failure, Output, WritableArea, home, mount_both, told};
use scrip::units::MediumId;
use scrip::wallet::{Alone, Ledger, RootMemory, rival};
use scrip::words::Phrase;
use serde_json::{Value, json};

#[cfg(feature = "manual")]
use crate::cli::Cli;
use crate::cli::{Common, DoctorArgs, HistoryArgs, Verb};
use crate::doctor::mirror::{self, Seen};
use crate::history::{Slip, csv, missing, receipt_fields, row, table, wanted};
use crate::opened::older_unread;

phrases! {
    fn unchecked() {
        en: "originality not checked, the read-only area is not here",
        ja: "正規品かどうか未確認（読み出し専用領域がここにありません）",
    }
    fn without(why) { en: "originality not checked: {why}", ja: "正規品かどうか未確認：{why}" }
    fn password_first() {
        en: "no password is asked for and nothing is written before that, and the read-only area is \
             not here",
        ja: "読み出し専用領域がここにありません。確認するまではパスワードを求めず、何も書き込みません",
    }
    fn items_there() {
        en: "the list of items lies in the read-only area, which is not here",
        ja: "品目の一覧がある読み出し専用領域がここにありません",
    }
    fn certificates_there() {
        en: "an export goes with the certificates in the read-only area, which is not here",
        ja: "書き出しに添える証明書がある読み出し専用領域がここにありません",
    }
    fn judged_there() {
        en: "a checkpoint is judged by the certificates in the read-only area, which is not here",
        ja: "精算書を確かめるための証明書がある読み出し専用領域がここにありません",
    }
    fn seal_there() {
        en: "the seal is of the read-only area, which is not here",
        ja: "封をする読み出し専用領域がここにありません",
    }
    fn balance_line(sum) { en: "Balance: {sum}", ja: "残高：{sum}" }
    fn root_seen(root) {
        en: "This computer first saw a medium of this number under root {root}; whether this is that \
             one was not checked.",
        ja: "この番号の媒体をこのコンピューターが初めて見たときの発行元は{root}です。同じ媒体かどうかは\
             未確認です。",
    }
    fn nothing_repaired() {
        en: "Nothing is repaired without the read-only area.",
        ja: "読み出し専用領域なしでは何も修復しません。",
    }
    fn advised(hint) { en: "hint: {hint}", ja: "ヒント：{hint}" }
    fn signature() { en: "signature", ja: "署名" }
    fn fits(key) {
        en: "by key {key}, which the chain itself names",
        ja: "鍵{key}による（取引記録自身が名指す鍵）",
    }
    fn unjudged(key) {
        en: "names key {key}, which is not here: not checked",
        ja: "鍵{key}を名指していますが、ここにないため未確認",
    }
}

/// The writable area that is named, if its read-only area isn't there.
pub(crate) fn found(common: &Common) -> Result<Option<MountedTree>, Failure> {
    common.medium.as_deref().map_or(Ok(None), WritableArea::find)
}

/// Where the menu begins: it would ask for a password.
pub(crate) fn check_menu(common: &Common) -> Result<(), Failure> {
    match found(common)? {
        Some(_) => Err(refused(password_first())),
        None => Ok(()),
    }
}

/// Show what it says, or say what is missing for that.
pub(crate) fn serve(tree: MountedTree, verb: &Verb, output: &Output) -> Result<Exit, Failure> {
    let asked = match verb {
        #[cfg(feature = "manual")]
        Verb::Manual(manual) => return manual.print::<Cli>(output),
        Verb::Info => Asked::Info,
        Verb::Balance => Asked::Balance,
        Verb::History(args) => Asked::History(args),
        Verb::Receipt { record } => Asked::Receipt(*record),
        Verb::Doctor(DoctorArgs { reseal: false, .. }) => Asked::Doctor,
        Verb::Doctor(_) => return Err(refused(seal_there())),
        Verb::Catalog => return Err(refused(items_there())),
        Verb::Export { .. } => return Err(refused(certificates_there())),
        Verb::Apply(_) => return Err(refused(judged_there())),
        _ => return Err(refused(password_first())),
    };
    let failed = |failure: Failure| failure.during(unchecked()).hint(mount_both());
    let area = WritableArea::open(tree).map_err(failed)?;
    let mut alone = area.read().map_err(failed)?;
    if let Err(error) = alone.recall(&area.exchange()) {
        output.note(older_unread(told(&error)));
    }
    let claims = alone.claims();
    let seen = mirror::look_at(claims.medium(), area.journal_bytes(), |seen| alone.relation(seen));
    let shown = Shown { alone: &alone, root: known_root(claims.medium()), seen, output };
    shown.tell(&asked)?;
    Ok(Exit::Differences)
}

/// What can be shown without the read-only area.
enum Asked<'a> {
    Info,
    Balance,
    History(&'a HistoryArgs),
    Receipt(u64),
    Doctor,
}

fn refused(what: Phrase) -> Failure {
    Failure::new(Exit::Refusal, without(what)).hint(mount_both())
}

/// The root that a medium of this number had when this computer first saw it; nothing is written.
fn known_root(medium: MediumId) -> Option<String> {
    let folder = Folder::open(&home::state()?.join("roots")).ok()?;
    RootMemory::new(folder).known(medium).ok()?
}

/// What a writable area says, on its way to whoever asked.
struct Shown<'a> {
    alone: &'a Alone,
    seen: Seen,
    root: Option<String>,
    output: &'a Output,
}

impl Shown<'_> {
    fn tell(&self, asked: &Asked<'_>) -> Result<(), Failure> {
        let output = self.output;
        // In a table of values each row says so.
        let cautious = !matches!(asked, Asked::History(args) if args.csv);
        if cautious {
            self.alone.caution().iter().for_each(|line| output.line(line));
        }
        let fields = match asked {
            Asked::Info => self.info(),
            Asked::Balance => self.balance(),
            Asked::History(args) => self.history(args)?,
            Asked::Receipt(seq) => self.receipt(*seq)?,
            Asked::Doctor => self.doctor(),
        };
        if !cautious {
            self.alone.caution().iter().for_each(|line| output.note(line));
        }
        if !matches!(asked, Asked::Info | Asked::Doctor) {
            self.warn();
        }
        output.note(advised(mount_both()));
        output.result(Exit::Differences, &self.all(fields));
        Ok(())
    }

    /// What was kept here, when all of the medium was, and isn't on it any more.
    fn warn(&self) {
        let gone = |relation: &Relation| {
            matches!(
                relation,
                Relation::Mirror(_) | Relation::Parted { .. } | Relation::Apart { .. }
            )
        };
        if self.seen.relation.as_ref().is_some_and(gone) {
            self.output.warn(&self.seen.text);
        }
        self.alone.rival().into_iter().for_each(|found| self.output.warn(rival(found)));
    }

    fn info(&self) -> Value {
        self.alone.lines().iter().for_each(|line| self.output.line(line));
        self.output.line(&self.seen.text);
        self.root.iter().for_each(|root| self.output.line(root_seen(root)));
        let newest = self.alone.claims().newest();
        let newest =
            newest.map(|stated| json!({ "number": stated.number, "settler": stated.settler() }));
        let mut fields = self.sums();
        fields["checkpoint"] = json!(newest);
        fields["opened"] = self.alone.claims().rekeyed().into();
        fields
    }

    fn balance(&self) -> Value {
        self.tell_balance();
        self.sums()
    }

    fn tell_balance(&self) {
        self.output.headline(balance_line(self.alone.balance()));
        self.alone.later().into_iter().for_each(|line| self.output.line(line));
    }

    fn sums(&self) -> Value {
        let (sum, from) = self.alone.claims().balance();
        let from = match from {
            Source::Record(seq) => json!({ "record": seq.number() }),
            Source::Checkpoint(number) => json!({ "checkpoint": number }),
            Source::Nothing => Value::Null,
        };
        json!({
            "balance": { "minor": sum.minor().to_string(), "currency": null },
            "from": from,
            "records": self.alone.claims().count(),
            "rival": self.alone.rival().map(Rival::fields),
        })
    }

    fn history(&self, args: &HistoryArgs) -> Result<Value, Failure> {
        let (ledger, filter) = wanted(args)?;
        let records = filter.choose(ledger, self.alone.claims().records());
        if args.csv {
            let behind = [("currency", "minor units"), ("originality", "not checked")];
            csv(ledger, &records, |minor| minor.to_string(), &behind, self.output);
        } else {
            table(None, ledger, &records, self.output);
            if ledger == Ledger::Accounting {
                self.tell_balance();
            }
        }
        let rows: Vec<_> = records.iter().map(|record| row(None, ledger, record)).collect();
        Ok(json!({ "columns": ledger.columns(), "rows": rows }))
    }

    fn receipt(&self, seq: u64) -> Result<Value, Failure> {
        let claims = self.alone.claims();
        let mut records = claims.records();
        let claim = records.find(|claim| claim.seq.number() == seq).ok_or_else(|| {
            let newest = claims.records().next_back();
            missing(seq, newest.map_or(0, |claim| claim.seq.number() + 1))
        })?;
        let mut slip = Slip::of(claim, None);
        let (word, told) = match claim.judged() {
            Judged::Fits => ("fits", fits(claim.signer())),
            Judged::Unknown => ("unknown", unjudged(claim.signer())),
        };
        slip.line(signature(), told);
        let hash = slip.end(claim.hash(), self.output);
        let mut fields = receipt_fields(claim, &hash, None);
        fields["signature"] = word.into();
        Ok(fields)
    }

    fn doctor(&self) -> Value {
        let mut advice = self.alone.advice();
        advice.push(self.seen.text.clone());
        advice.extend(self.root.iter().map(root_seen));
        advice.push(nothing_repaired());
        for line in &advice {
            self.output.line(line);
        }
        json!({ "advice": advice.iter().map(Phrase::en).collect::<Vec<_>>() })
    }

    /// What every object says beside what was asked for.
    fn all(&self, mut fields: Value) -> Value {
        fields["originality"] = "not-checked".into();
        fields["verified"] = false.into();
        fields["medium"] = self.alone.claims().medium().to_string().into();
        let (state, text) = (self.seen.state, self.seen.text.en());
        fields["seen"] = json!({ "state": state, "text": text, "root": self.root });
        fields
    }
}
