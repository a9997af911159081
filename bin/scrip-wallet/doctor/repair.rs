//! What is to be repaired, and repairing it: nothing that recovery wouldn't.

use std::path::Path;

use scrip::image::check::{Access, History, ItemKeys, Papers, Report};
use scrip::journal::Relation;
use scrip::phrases;
use scrip::tool::{Exit, Failure, Output};
use scrip::wallet::{Found, Frames, Kept, branch_name};
use scrip::words::Phrase;
use serde_json::{Value, json};

use super::mirror::{self, Seen};
use super::trays;
use crate::cli::DoctorArgs;
use crate::history::counted;
use crate::opened::{Attached, Look, attach, open_alone};

phrases! {
    fn done(what) { en: "Done: {what}.", ja: "完了：{what}。" }
    fn would_be_done(what) {
        en: "Would be done: {what}; nothing was.",
        ja: "実行すること：{what}。まだ何もしていません。",
    }
    fn not_done(what, why) { en: "Not done: {what}: {why}.", ja: "未実行：{what}：{why}。" }
    fn failed() { en: "it failed", ja: "失敗しました" }
    fn by_rule(reason) { en: "a rule says no: {reason}", ja: "決まりにより：{reason}" }
    fn trays_unread(error) {
        en: "SCRIP/OUTBOX and SCRIP/INBOX can't be read: {error}.",
        ja: "SCRIP/OUTBOXとSCRIP/INBOXを読めません：{error}。",
    }
    fn uploads(count) {
        en: "{count} items that you send wait for their fee; until then a checkpoint is added as a \
             record, and the journal doesn't begin anew.",
        ja: "提供中のもの{count}件の提供料がまだ入っていません。それまで精算書は記録として追加され、取引記録は\
             新しく始まりません。",
    }
    fn journal_copies(copies) {
        en: "the records that copy {copies} lacks are written into it",
        ja: "写し{copies}に欠けている記録を書き込む",
    }
    fn hole() {
        en: "the records that both copies lack are written back from this computer's copy",
        ja: "両方の写しに欠けている記録を、このコンピューターの写しから書き戻す",
    }
    fn access_file() {
        en: "the access key is written into the file that lacks it",
        ja: "アクセスキーを、欠けている方のファイルに書き込む",
    }
    fn key_files(copies) {
        en: "the item keys that copy {copies} lacks are written into it",
        ja: "写し{copies}に欠けている品目の鍵を書き込む",
    }
    fn paper_files(copies) {
        en: "what came with its checkpoints is written into copy {copies}, which lacks it",
        ja: "精算書に付いてきたものを、欠けている写し{copies}に書き込む",
    }
    fn write_back(count) {
        en: "what this computer saw is written back: {count}",
        ja: "このコンピューターに残る記録{count}件を媒体に書き戻す",
    }
    fn put_away(count) {
        en: "what this computer alone saw goes to SCRIP/OUTBOX: {count}",
        ja: "このコンピューターだけが見た記録{count}件をSCRIP/OUTBOXに置く",
    }
    fn swept(place) { en: "{place} is removed", ja: "{place} を削除する" }
}

/// Something that can be repaired.
struct Remedy {
    kind: Kind,
    text: Phrase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Journal,
    Hole,
    AccessKey,
    ItemKeys,
    Papers,
    WriteBack,
    PutAway,
    /// The place of what is of no use any more among what was found.
    Sweep(usize),
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Hole => "hole",
            Self::AccessKey => "access-key",
            Self::ItemKeys => "item-keys",
            Self::Papers => "papers",
            Self::WriteBack => "write-back",
            Self::PutAway => "put-away",
            Self::Sweep(_) => "sweep",
        }
    }
}

/// Explain what only the wallet knows, and repair what can be; fills in what JSON tells of it.
pub(super) fn explain(
    look: Look,
    (path, unwritable): (&Path, Option<Failure>),
    args: &DoctorArgs,
    output: &Output,
    fields: &mut Value,
) -> Result<Exit, Failure> {
    let seen = mirror::look(&look.medium);
    output.line(&seen.text);
    let found = found(&look, output);
    for line in trays::lines(&found) {
        output.line(line);
    }
    let waiting = look.medium.account().state.uploads.len();
    if waiting > 0 {
        output.line(uploads(waiting));
    }
    let remedies = remedies(&look.report, &seen, &found);
    let refused = look.report.refusals.first().map(by_rule);
    let why = unwritable.as_ref().map(|failure| failure.phrase().clone()).or(refused);
    let (exit, outcomes) = match why {
        _ if remedies.is_empty() => (Exit::Done, vec![]),
        _ if args.dry_run => (Exit::Done, remedies.iter().map(|_| false).collect()),
        Some(_) => (
            unwritable.map_or(Exit::Refusal, |failure| failure.exit()),
            vec![false; remedies.len()],
        ),
        None => (Exit::Done, repair(look, path, &remedies, &found, output)?),
    };
    tell(&remedies, &outcomes, args, why.as_ref(), output);
    let told = remedies.iter().zip(&outcomes).map(|(remedy, done)| {
        json!({ "what": remedy.kind.word(), "text": remedy.text.en(), "done": done })
    });
    fields["remedies"] = told.collect();
    fields["mirror"] = json!({ "state": seen.state, "text": seen.text.en() });
    fields["trays"] = found.iter().map(trays::fields).collect();
    fields["uploads_waiting"] = waiting.into();
    fields["dry_run"] = args.dry_run.into();
    fields["not_repaired"] =
        json!(why.filter(|_| !remedies.is_empty()).map(|why| why.en().to_owned()));
    Ok(exit)
}

fn found(look: &Look, output: &Output) -> Vec<Found> {
    let Some(exchange) = look.source.exchange(look.medium.grounds()) else { return vec![] };
    look.medium.look_into(&exchange).unwrap_or_else(|error| {
        output.line(trays_unread(error));
        vec![]
    })
}

fn remedies(report: &Report, seen: &Seen, found: &[Found]) -> Vec<Remedy> {
    let mut all = vec![];
    let mut add = |kind, text| all.push(Remedy { kind, text });
    if let History::Repaired { lacking, .. } = &report.history {
        add(Kind::Journal, journal_copies(lacking.join(" + ")));
    }
    if let History::Restored { .. } = &report.history {
        add(Kind::Hole, hole());
    }
    if let Access::OneCopy(_) = &report.access {
        add(Kind::AccessKey, access_file());
    }
    if let ItemKeys::Repaired { lacking, .. } = &report.items {
        add(Kind::ItemKeys, key_files(lacking.join(" + ")));
    }
    if let Papers::Repaired { lacking, .. } = &report.papers {
        add(Kind::Papers, paper_files(lacking.join(" + ")));
    }
    match &seen.relation {
        Some(Relation::Mirror(lost)) => {
            add(Kind::WriteBack, write_back(counted(lost.len() as u64)));
        }
        Some(Relation::Parted { branch, .. } | Relation::Apart { branch, .. })
            if !lies_there(branch, found) =>
        {
            add(Kind::PutAway, put_away(counted(branch.len() as u64)));
        }
        _ => {}
    }
    for (at, found) in found.iter().enumerate() {
        if matches!(found.what, Kept::Leftover | Kept::Cleared) {
            add(Kind::Sweep(at), swept(trays::place(found)));
        }
    }
    all
}

/// Was this branch put away before, whole?
fn lies_there(branch: &[Vec<u8>], found: &[Found]) -> bool {
    let name = branch_name(branch);
    let whole = |frames: &Frames| frames.whole == branch.len() && frames.torn_bytes == 0;
    found.iter().any(|file| {
        file.name == name && matches!(&file.what, Kept::Branch(frames) if whole(frames))
    })
}

/// Open the medium as every verb that writes does, which repairs it; then sweep.
fn repair(
    look: Look,
    path: &Path,
    remedies: &[Remedy],
    found: &[Found],
    output: &Output,
) -> Result<Vec<bool>, Failure> {
    let mut opened = open_alone(look, path, output)?;
    let repairs = opened.repairs();
    let attached = attach(&mut opened, output);
    let exchange = opened.exchange();
    let mut outcomes = vec![];
    for remedy in remedies {
        outcomes.push(match remedy.kind {
            Kind::Journal | Kind::Hole => repairs.records > 0,
            Kind::AccessKey => repairs.access_files > 0,
            Kind::ItemKeys => repairs.item_keys > 0,
            Kind::Papers => repairs.papers > 0,
            Kind::WriteBack => is_written_back(attached.as_ref()),
            Kind::PutAway => attached.as_ref().is_some_and(|attached| attached.branch.is_some()),
            Kind::Sweep(at) => {
                let Found { tray, name, what } = &found[at];
                let swept = match what {
                    Kept::Leftover => exchange.sweep(*tray, name),
                    _ => exchange.remove(*tray, name),
                };
                swept.map_err(|error| Failure::new(Exit::from(&error), error))?;
                true
            }
        });
    }
    Ok(outcomes)
}

fn is_written_back(attached: Option<&Attached>) -> bool {
    attached.is_some_and(|attached| matches!(attached.relation, Relation::Mirror(_)))
}

fn tell(
    remedies: &[Remedy],
    outcomes: &[bool],
    args: &DoctorArgs,
    why: Option<&Phrase>,
    output: &Output,
) {
    for (remedy, outcome) in remedies.iter().zip(outcomes) {
        output.line(match (outcome, why) {
            (true, _) => done(&remedy.text),
            (false, _) if args.dry_run => would_be_done(&remedy.text),
            (false, why) => not_done(&remedy.text, why.cloned().unwrap_or_else(failed)),
        });
    }
}
