//! `apply`: take over what a settler states of the medium.
//!
//! With `--json` the last line is an object of type `result`: `exit`; `medium`; `checkpoint`: its
//! number; `way`: `compaction`, `record`, `merge`, or none if it was applied before; `archived`:
//! records that went to a file, and `archive`: its name in OUTBOX;
//! `evidence_removed`: files of OUTBOX that it has settled; `attached`: what came with it, each
//! with `what`, `name`, `state` (`on-medium`, `kept` or `not-kept`) and `text`; `dry_run`, with which
//! `after` has the sums as they would be; `balance` and its parts.

use data_encoding::HEXLOWER;
use scrip::crypto::SystemRandom;
use scrip::device::read_file;
use scrip::format::Kind;
use scrip::image::check::History;
use scrip::journal::{CompactError, OutboxArchive, Storage};
use scrip::phrases;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Interrupt, Output, Source, Tell, clock, told};
use scrip::wallet::{
    ApplyRefusal, Attached, Attachment, Medium, NotKept, Opened, Settling, Standing, Way,
    in_the_end, keep_again,
};
use serde_json::{Value, json};

use crate::cli::{ApplyArgs, Common};
use crate::history::counted;
use crate::medium::{examine, path};
use crate::opened::{full, look, sums, sums_of, take, tell_balance, unlock};

phrases! {
    fn applying(file) { en: "applying {file}", ja: "{file} の適用" }
    fn nothing_to_do(why) { en: "Nothing to do: {why}.", ja: "何もする必要はありません：{why}。" }
    fn refresh_first() {
        en: "have the medium refreshed at a shop first",
        ja: "先に店で媒体を更新してください",
    }
    fn settle_first() {
        en: "take the medium to the shop: what is on it has to be settled first",
        ja: "媒体を店へお持ちください。先に媒体の精算が必要です",
    }
    fn log_in_first() {
        en: "run `scrip-wallet login` with the password from the package",
        ja: "パッケージのパスワードで `scrip-wallet login` を実行してください",
    }
    fn would_compact(number, archived, sum) {
        en: "Checkpoint {number} would be applied: {archived} would go to a file in \
             SCRIP/OUTBOX, the balance would be {sum}; nothing was done.",
        ja: "精算書{number}を適用すると、記録{archived}件がSCRIP/OUTBOXのファイルに移り、残高は{sum}に\
             なります。まだ何もしていません。",
    }
    fn would_record(number, obstacle, sum) {
        en: "Checkpoint {number} would be added as a record, with the password ({obstacle}); the \
             balance would be {sum}; nothing was done.",
        ja: "精算書{number}は、パスワードを使って記録として追加されます（{obstacle}）。残高は{sum}に\
             なります。まだ何もしていません。",
    }
    fn would_merge(number, before, sum) {
        en: "Checkpoint {number} would be merged, with the password: this medium went two ways; the \
             balance is {before} and would be {sum}; nothing was done.",
        ja: "精算書{number}は、パスワードを使って統合されます。この媒体は二手に分かれました。残高は\
             {before}から{sum}になります。まだ何もしていません。",
    }
    fn lacking(sum) {
        en: "{sum} would be lacking and taken from the next top-ups.",
        ja: "{sum}が不足し、次のチャージから差し引かれます。",
    }
    fn sheet() { en: "a sheet of new codes", ja: "新しいコード表" }
    fn revocation(number) { en: "revocation list {number}", ja: "失効一覧{number}" }
    fn policy(number) { en: "policy {number}", ja: "規約{number}" }
    fn unknown() { en: "a file that its issuer didn't sign", ja: "発行元の署名がないファイル" }
    fn known(what) {
        en: "With it came {what}, which this medium has.",
        ja: "付属の{what}は、この媒体にすでにあります。",
    }
    fn kept(what) {
        en: "With it came {what}, which is kept: this medium goes by it from now on.",
        ja: "付属の{what}を保存しました。これからこの媒体で使われます。",
    }
    fn kept_policy(what) {
        en: "With it came {what}, which is kept: it binds from the next time that you give your \
             password.",
        ja: "付属の{what}を保存しました。次にパスワードを入力したときから適用されます。",
    }
    fn would_keep(what) {
        en: "With it came {what}, which would be kept.",
        ja: "付属の{what}は保存されます。",
    }
    fn not_kept(what, why) {
        en: "With it came {what}, which is NOT kept: {why}.",
        ja: "付属の{what}は保存しません：{why}。",
    }
    fn at_the_shop(line) {
        en: "{line} The shop can put it on a medium (`scrip-store refresh`).",
        ja: "{line}店では媒体に入れられます（`scrip-store refresh`）。",
    }
    fn keeping() { en: "keeping what came with it", ja: "付属書類の保存" }
    fn compacted(number, archived, name) {
        en: "Applied: checkpoint {number}. Before it came {archived}, now in SCRIP/OUTBOX/{name}.",
        ja: "精算書{number}を適用しました。それまでの記録{archived}件はSCRIP/OUTBOX/{name}にあります。",
    }
    fn evidence_removed(count) {
        en: "{count} files that showed what others took from you are settled by it and were removed.",
        ja: "ほかの人に渡した証拠のファイル{count}個は、精算済みのため削除しました。",
    }
    fn instead(why) {
        en: "{why}: the checkpoint is added as a record instead",
        ja: "{why}。代わりに記録として追加します",
    }
    fn not_anew(obstacle) {
        en: "the journal can't begin anew: {obstacle}",
        ja: "取引記録を新しく始められません：{obstacle}",
    }
    fn applied(number) { en: "Applied: checkpoint {number}.", ja: "精算書{number}を適用しました。" }
    fn merged(number) { en: "Merged: checkpoint {number}.", ja: "精算書{number}を統合しました。" }
}

/// Apply a checkpoint's file.
pub(crate) fn apply(
    common: &Common,
    args: &ApplyArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let bytes = read_file(&args.file, Kind::CheckpointFile.bytes_max() as u64).or_tell()?;
    let doing = || applying(args.file.display());
    if args.dry_run {
        let look = look(common, output, interrupt)?;
        look.check_writable()?;
        let medium = look.medium;
        let fields = match judge(&medium, &bytes, output).map_err(|no| no.during(doing()))? {
            None => json!({ "way": null }),
            Some(settling) => {
                let mut fields = would(&medium, &settling, output);
                fields["attached"] = told_attached(&settling.attached, Mood::Would, output);
                fields
            }
        };
        tell(&medium, fields, args, output);
        return Ok(Exit::Done);
    }
    let mut opened = match take(common, output, interrupt) {
        Err(failure) if failure.exit() == Exit::Damage => {
            mend(common, &bytes, failure, output, interrupt)?;
            take(common, output, interrupt)?
        }
        opened => opened?,
    };
    let fields = match judge_again(&mut opened, &bytes, output).map_err(|no| no.during(doing()))? {
        Judged::Before(fields) => fields,
        Judged::New(settling) => {
            done(&mut opened, &settling, args, output).map_err(|no| no.during(doing()))?
        }
    };
    tell(opened.medium(), fields, args, output);
    Ok(Exit::Done)
}

/// Whether what is said of a file was done, or would be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Did,
    /// Of a policy that binds once its owner signs something.
    Waits,
    Would,
}

/// What a checkpoint is to a medium.
enum Judged {
    /// It was taken over before, or a newer one was: what JSON tells.
    Before(Value),
    New(Box<Settling>),
}

/// Keep again what came with a checkpoint, on a medium whose records rely on what it lost; the
/// failure says why it can't be opened.
fn mend(
    common: &Common,
    bytes: &[u8],
    failure: Failure,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let path = path(common)?;
    let source = Source::open_to_write(&path)?;
    let checked = examine(&source, &path, common, output, interrupt)?;
    let damaged = matches!(checked.report.history, History::Damaged(_));
    let Some(grounds) = checked.grounds.filter(|_| damaged) else { return Err(failure) };
    let storage = source.into_storage(&grounds).or_tell()?;
    let attached = keep_again(&storage, &grounds, bytes).or_tell();
    let attached = attached.map_err(|no| no.during(keeping()))?;
    if attached.iter().all(|attached| attached.standing != Standing::Kept) {
        return Err(failure);
    }
    told_attached(&attached, Mood::Did, output);
    Ok(())
}

/// How it is to be taken over; what came with one that was before is kept again, if it is lost.
fn judge_again(
    opened: &mut Opened<Storage>,
    bytes: &[u8],
    output: &Output,
) -> Result<Judged, Failure> {
    if let Err(ApplyRefusal::Applied(_) | ApplyRefusal::Old { .. }) =
        opened.medium().settling(bytes)
    {
        let attached = opened.keep_again(bytes).or_tell()?;
        if attached.iter().any(|attached| attached.standing == Standing::Kept) {
            let attached = told_attached(&attached, Mood::Did, output);
            return Ok(Judged::Before(json!({ "way": null, "attached": attached })));
        }
    }
    Ok(match judge(opened.medium(), bytes, output)? {
        None => Judged::Before(json!({ "way": null })),
        Some(settling) => Judged::New(Box::new(settling)),
    })
}

/// How it would be taken over; one that was before is no fault.
fn judge(medium: &Medium, bytes: &[u8], output: &Output) -> Result<Option<Settling>, Failure> {
    match medium.settling(bytes) {
        Ok(settling) => Ok(Some(settling)),
        Err(applied @ ApplyRefusal::Applied(_)) => {
            output.line(nothing_to_do(told(&applied)));
            Ok(None)
        }
        Err(refusal) => {
            let failure = Failure::new(Exit::from(&refusal), told(&refusal));
            Err(match refusal {
                ApplyRefusal::Policy { .. } | ApplyRefusal::Holder { .. } => {
                    failure.hint(refresh_first())
                }
                ApplyRefusal::Since { .. }
                | ApplyRefusal::NoList(_)
                | ApplyRefusal::TooLong { .. } => failure.hint(settle_first()),
                ApplyRefusal::NotLoggedIn => failure.hint(log_in_first()),
                _ => failure,
            })
        }
    }
}

fn would(medium: &Medium, settling: &Settling, output: &Output) -> Value {
    let number = settling.checkpoint.number;
    let sum = |amount| medium.form().show(amount);
    let mut fields = match &settling.way {
        Way::Compaction { archived, .. } => {
            output.line(would_compact(
                number,
                counted(*archived as u64),
                sum(settling.after.balance),
            ));
            json!({ "checkpoint": number, "way": "compaction", "archived": archived })
        }
        Way::Record(obstacle) => {
            output.line(would_record(number, told(obstacle), sum(settling.after.balance)));
            json!({ "checkpoint": number, "way": "record" })
        }
        Way::Merge => {
            output.line(would_merge(number, sum(medium.balance()), sum(settling.after.balance)));
            json!({ "checkpoint": number, "way": "merge" })
        }
    };
    if !settling.after.debt.is_zero() {
        output.line(lacking(sum(settling.after.debt)));
    }
    fields["after"] = sums_of(&settling.after, medium.currency());
    fields
}

/// What came with the checkpoint, and what becomes of it.
fn told_attached(attached: &[Attached], mood: Mood, output: &Output) -> Value {
    let lines = attached.iter().map(|attached| {
        let (what, kind, name) = match &attached.what {
            Attachment::Sheet(id) => (sheet(), "sheet", HEXLOWER.encode(id)),
            Attachment::Revocation(number) => {
                (revocation(number), "revocation", number.to_string())
            }
            Attachment::Policy(number) => (policy(number), "policy", number.to_string()),
            Attachment::Unknown(hash) => (unknown(), "unknown", HEXLOWER.encode(hash)),
        };
        let is_policy = matches!(attached.what, Attachment::Policy(_));
        let (line, state) = match &attached.standing {
            Standing::Known => (known(what), "on-medium"),
            Standing::Kept if mood == Mood::Would => (would_keep(what), "kept"),
            Standing::Kept if is_policy && mood == Mood::Waits => (kept_policy(what), "kept"),
            Standing::Kept => (kept(what), "kept"),
            Standing::NotKept(why @ NotKept::NoPlace) => {
                (at_the_shop(not_kept(what, told(why))), "not-kept")
            }
            Standing::NotKept(why) => (not_kept(what, told(why)), "not-kept"),
        };
        output.line(&line);
        json!({ "what": kind, "name": name, "state": state, "text": line.en() })
    });
    lines.collect()
}

/// Take it over, what came with it first: records behind it rely on that.
fn done(
    opened: &mut Opened<Storage>,
    settling: &Settling,
    args: &ApplyArgs,
    output: &Output,
) -> Result<Value, Failure> {
    let (mut fields, before) = taken_over(opened, settling, args, output)?;
    let kept = kept_of(opened, settling)?;
    let waits = opened.medium().waiting_policy().is_some();
    let mood = if waits { Mood::Waits } else { Mood::Did };
    fields["attached"] = told_attached(&in_the_end(before, kept), mood, output);
    if let Some(source) = args.password_file.clone().filter(|_| waits) {
        let _bound = unlock(opened, &PasswordSource::from(Some(source)), output)?;
    }
    Ok(fields)
}

fn kept_of(opened: &mut Opened<Storage>, settling: &Settling) -> Result<Vec<Attached>, Failure> {
    let kept = opened.keep(settling);
    kept.map_err(|error| Failure::new(Exit::Failure, told(&error)).during(keeping()))
}

fn taken_over(
    opened: &mut Opened<Storage>,
    settling: &Settling,
    args: &ApplyArgs,
    output: &Output,
) -> Result<(Value, Vec<Attached>), Failure> {
    let number = settling.checkpoint.number;
    let mut attached = None;
    if let Way::Compaction { archived, .. } = &settling.way {
        let before = kept_of(opened, settling)?;
        let name = opened.archive_name();
        let exchange = opened.exchange();
        match opened.compact(settling, &mut OutboxArchive::new(&exchange, &name)) {
            Ok(()) => {
                output.line(compacted(number, counted(*archived as u64), &name));
                let removed = opened.medium().clear(&exchange).unwrap_or_else(|error| {
                    output.warn(error);
                    0
                });
                if removed > 0 {
                    output.line(evidence_removed(removed));
                }
                let fields = json!({
                    "checkpoint": number, "way": "compaction", "archived": archived, "archive": name,
                    "evidence_removed": removed,
                });
                return Ok((fields, before));
            }
            Err(no @ (CompactError::NoRoom { .. } | CompactError::Archive(_))) => {
                output.warn(instead(told(&no)));
                attached = Some(before);
            }
            Err(error) => return Err(Failure::new(Exit::from(&error), told(&error))),
        }
    }
    if let Way::Record(obstacle) = &settling.way {
        output.note(not_anew(told(obstacle)));
    }
    let (unlocked, _) = unlock(opened, &PasswordSource::from(args.password_file.clone()), output)?;
    let before = match attached {
        Some(before) => before,
        None => kept_of(opened, settling)?,
    };
    let (now, mut rng) = (clock::now(), SystemRandom::new());
    opened.take_over(&unlocked.keys, settling, now, &mut rng).map_err(|error| full(&error))?;
    let is_merge = matches!(settling.way, Way::Merge);
    output.line(if is_merge { merged(number) } else { applied(number) });
    let fields = json!({ "checkpoint": number, "way": if is_merge { "merge" } else { "record" } });
    Ok((fields, before))
}

fn tell(medium: &Medium, mut fields: Value, args: &ApplyArgs, output: &Output) {
    tell_balance(medium, output);
    let parts = sums(medium);
    fields["medium"] = medium.id().to_string().into();
    fields["dry_run"] = args.dry_run.into();
    for (name, value) in parts.as_object().into_iter().flatten() {
        fields[name] = value.clone();
    }
    output.result(Exit::Done, &fields);
}
