//! `apply`: take over what a settler states of the medium.
//!
//! With `--json` the last line is an object of type `result`: `exit`; `medium`; `checkpoint`: its
//! number; `way`: `compaction`, `record`, `merge`, or none if it was applied before; `archived`:
//! records that went to a file, and `archive`: its name in OUTBOX;
//! `evidence_removed`: files of OUTBOX that it has settled; `attached`: what came with it, each
//! with `what`, `name`, `state` (`on-medium` or `not-kept`) and `text`; `dry_run`, with which `after` has
//! the sums as they would be; `balance` and its parts.

use data_encoding::HEXLOWER;
use scrip::crypto::SystemRandom;
use scrip::device::read_file;
use scrip::format::Kind;
use scrip::journal::{CompactError, OutboxArchive, Storage};
use scrip::phrases;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Interrupt, Output, Tell, clock, told};
use scrip::wallet::{ApplyRefusal, Attachment, Medium, Opened, Settling, Standing, Way};
use serde_json::{Value, json};

use crate::cli::{ApplyArgs, Common};
use crate::opened::{full, look, sums, sums_of, take, tell_balance, unlock};

phrases! {
    fn applying(file) { en: "applying {file}", ja: "{file} の適用" }
    fn nothing_to_do(why) { en: "Nothing to do: {why}.", ja: "することはありません：{why}。" }
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
        en: "Checkpoint {number} would be applied: {archived} records would go to a file in \
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
    fn sheet() { en: "a sheet of new codes", ja: "新しいコードの一覧" }
    fn revocation(number) { en: "revocation list {number}", ja: "失効一覧{number}" }
    fn policy(number) { en: "policy {number}", ja: "規約{number}" }
    fn unknown() { en: "a file that its issuer didn't sign", ja: "発行元の署名がないファイル" }
    fn stamped(what) {
        en: "With it came {what}, which this medium has.",
        ja: "付属の{what}は、この媒体にすでにあります。",
    }
    fn not_kept(what) {
        en: "With it came {what}, which is NOT kept: only the shop puts that on a medium \
             (`scrip-store refresh`), and until then this medium doesn't go by it.",
        ja: "付属の{what}は保存しません。媒体に入れられるのは店だけで（`scrip-store refresh`）、\
             それまでこの媒体では使われません。",
    }
    fn compacted(number, archived, name) {
        en: "Applied: checkpoint {number}. The {archived} records before it are in \
             SCRIP/OUTBOX/{name}.",
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
                tell_attached(&settling, &mut fields, output);
                fields
            }
        };
        tell(&medium, fields, args, output);
        return Ok(Exit::Done);
    }
    let mut opened = take(common, output, interrupt)?;
    let settling = judge(opened.medium(), &bytes, output).map_err(|no| no.during(doing()))?;
    let fields = match settling {
        None => json!({ "way": null }),
        Some(settling) => {
            let done = done(&mut opened, &settling, args, output);
            let mut fields = done.map_err(|no| no.during(doing()))?;
            tell_attached(&settling, &mut fields, output);
            fields
        }
    };
    tell(opened.medium(), fields, args, output);
    Ok(Exit::Done)
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
            output.line(would_compact(number, archived, sum(settling.after.balance)));
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
fn tell_attached(settling: &Settling, fields: &mut Value, output: &Output) {
    let told = settling.attached.iter().map(|attached| {
        let (what, kind, name) = match &attached.what {
            Attachment::Sheet(id) => (sheet(), "sheet", HEXLOWER.encode(id)),
            Attachment::Revocation(number) => {
                (revocation(number), "revocation", number.to_string())
            }
            Attachment::Policy(number) => (policy(number), "policy", number.to_string()),
            Attachment::Unknown(hash) => (unknown(), "unknown", HEXLOWER.encode(hash)),
        };
        let (line, state) = match attached.standing {
            Standing::Stamped => (stamped(what), "on-medium"),
            Standing::NotKept => (not_kept(what), "not-kept"),
        };
        output.line(&line);
        json!({ "what": kind, "name": name, "state": state, "text": line.en() })
    });
    fields["attached"] = told.collect();
}

fn done(
    opened: &mut Opened<Storage>,
    settling: &Settling,
    args: &ApplyArgs,
    output: &Output,
) -> Result<Value, Failure> {
    let number = settling.checkpoint.number;
    if let Way::Compaction { archived, .. } = &settling.way {
        let name = opened.archive_name();
        let exchange = opened.exchange();
        match opened.compact(settling, &mut OutboxArchive::new(&exchange, &name)) {
            Ok(()) => {
                output.line(compacted(number, archived, &name));
                let removed = opened.medium().clear(&exchange).unwrap_or_else(|error| {
                    output.warn(error);
                    0
                });
                if removed > 0 {
                    output.line(evidence_removed(removed));
                }
                return Ok(json!({
                    "checkpoint": number, "way": "compaction", "archived": archived, "archive": name,
                    "evidence_removed": removed,
                }));
            }
            Err(no @ (CompactError::NoRoom { .. } | CompactError::Archive(_))) => {
                output.warn(instead(told(&no)));
            }
            Err(error) => return Err(Failure::new(Exit::from(&error), told(&error))),
        }
    }
    if let Way::Record(obstacle) = &settling.way {
        output.note(not_anew(told(obstacle)));
    }
    let (unlocked, _) = unlock(opened, &PasswordSource::from(args.password_file.clone()), output)?;
    let (now, mut rng) = (clock::now(), SystemRandom::new());
    opened.take_over(&unlocked.keys, settling, now, &mut rng).map_err(|error| full(&error))?;
    let is_merge = matches!(settling.way, Way::Merge);
    output.line(if is_merge { merged(number) } else { applied(number) });
    Ok(json!({ "checkpoint": number, "way": if is_merge { "merge" } else { "record" } }))
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
