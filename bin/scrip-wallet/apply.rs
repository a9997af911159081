//! `apply`: take over what a settler states of the medium.
//!
//! With `--json` the last line is an object of type `result`: `exit`; `medium`; `checkpoint`: its
//! number; `way`: `compaction`, `record`, `merge`, or none if it was applied before; `archived`:
//! records that went to a file, and `archive`: its name in OUTBOX; `dry_run`; `balance` and its parts.

use scrip::crypto::SystemRandom;
use scrip::device::read_file;
use scrip::format::Kind;
use scrip::journal::{CompactError, OutboxArchive, Storage};
use scrip::phrases;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Interrupt, Output, Tell, clock, told};
use scrip::wallet::{ApplyRefusal, Medium, Opened, Settling, Way};
use serde_json::{Value, json};

use crate::cli::{ApplyArgs, Common};
use crate::opened::{full, look, sums, take, tell_balance, unlock};

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
    fn would_record(number, obstacle) {
        en: "Checkpoint {number} would be added as a record, with the password ({obstacle}); \
             nothing was done.",
        ja: "精算書{number}は、パスワードを使って記録として追加されます（{obstacle}）。\
             まだ何もしていません。",
    }
    fn would_merge(number) {
        en: "Checkpoint {number} would be merged, with the password: this medium went two ways; \
             nothing was done.",
        ja: "精算書{number}は、パスワードを使って統合されます。この媒体は二手に分かれました。\
             まだ何もしていません。",
    }
    fn compacted(number, archived, name) {
        en: "Applied: checkpoint {number}. The {archived} records before it are in \
             SCRIP/OUTBOX/{name}.",
        ja: "精算書{number}を適用しました。それまでの記録{archived}件はSCRIP/OUTBOX/{name}にあります。",
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
            Some(settling) => would(&medium, &settling, output),
        };
        tell(&medium, fields, args, output);
        return Ok(Exit::Done);
    }
    let mut opened = take(common, output, interrupt)?;
    let settling = judge(opened.medium(), &bytes, output).map_err(|no| no.during(doing()))?;
    let fields = match settling {
        None => json!({ "way": null }),
        Some(settling) => {
            done(&mut opened, &settling, args, output).map_err(|no| no.during(doing()))?
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
                ApplyRefusal::Since { .. } | ApplyRefusal::NoList(_) => {
                    failure.hint(settle_first())
                }
                ApplyRefusal::NotLoggedIn => failure.hint(log_in_first()),
                _ => failure,
            })
        }
    }
}

fn would(medium: &Medium, settling: &Settling, output: &Output) -> Value {
    let number = settling.checkpoint.number;
    match &settling.way {
        Way::Compaction { after, archived } => {
            let sum = medium.form().show(after.state.balance);
            output.line(would_compact(number, archived, sum));
            json!({ "checkpoint": number, "way": "compaction", "archived": archived })
        }
        Way::Record(obstacle) => {
            output.line(would_record(number, told(obstacle)));
            json!({ "checkpoint": number, "way": "record" })
        }
        Way::Merge => {
            output.line(would_merge(number));
            json!({ "checkpoint": number, "way": "merge" })
        }
    }
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
                return Ok(json!({
                    "checkpoint": number, "way": "compaction", "archived": archived, "archive": name,
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
