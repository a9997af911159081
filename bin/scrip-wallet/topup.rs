//! `topup`: add what a code, a voucher or a picture of either gives.
//!
//! With `--json` the last line is an object of type `result`: `exit`; `medium`; `added`: the sum,
//! none if nothing was added; `already`: `record` and `at` of the record that added it before,
//! or the `checkpoint` that settled that;
//! `repaired`: true if another code was meant
//! than typed; `few`: amounts of which few codes are left; `dry_run`; `balance` and its parts.

use std::ops::ControlFlow;
use std::path::Path;

use scrip::crypto::SystemRandom;
use scrip::device::read_file;
use scrip::journal::Storage;
use scrip::phrases;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Interrupt, Output, Tell, clock, money, threads, told};
use scrip::voucher::Meant;
use scrip::voucher::code::CodeDigits;
use scrip::wallet::{
    Entry, EntryError, Medium, Opened, Source, Topup, TopupRefusal, Unlocked, read_given,
    read_typed,
};
use scrip::words::Phrase;
use serde_json::{Value, json};

use crate::ask::{Answer, ask, line};
use crate::cli::{Common, TopupArgs};
use crate::opened::{full, look, sums, take, tell_balance, unlock};

phrases! {
    fn would_be_added(sum) {
        en: "{sum} would be added; nothing was.",
        ja: "{sum}が追加されます。まだ追加していません。",
    }
    fn added(sum) { en: "Added: {sum}", ja: "追加しました：{sum}" }
    fn type_it() {
        en: "the code from the receipt, or a voucher's text:",
        ja: "レシートのコード、または引換券の文字列：",
    }
    fn nothing_typed() { en: "no code was typed", ja: "コードが入力されていません" }
    fn reading(file) { en: "reading {file}", ja: "{file} の読み取り" }
    fn what_a_code_is() {
        en: "a code has 20 digits; a file is named by its path",
        ja: "コードは20桁の数字です。ファイルはパスで指定してください",
    }
    fn sentence(words) { en: "{words}.", ja: "{words}。" }
    fn type_again() {
        en: "type it again from the receipt; nothing locks",
        ja: "レシートを見てもう一度入力してください。ロックはされません",
    }
    fn spend_first() {
        en: "spend some first, then enter it again",
        ja: "先に少し使ってから、もう一度入力してください",
    }
    fn looking() {
        en: "there is a typing error in this code: looking for the one that was meant",
        ja: "コードに打ち間違いがあります。正しいコードを探しています",
    }
    fn did_you_mean(code, sum) {
        en: "Did you mean {code}? It adds {sum}.",
        ja: "正しくは {code} ですか？ {sum}が追加されます。",
    }
    fn seems_to_be(code) {
        en: "the code that was meant seems to be {code}",
        ja: "正しいコードは {code} のようです",
    }
    fn may_be_meant(code) {
        en: "there is a typing error in this code; {code} may be meant",
        ja: "コードに打ち間違いがあります。{code} かもしれません",
    }
    fn compare() {
        en: "compare it with the receipt, then type it so, or add --yes",
        ja: "レシートと比べて、その通りに入力するか、--yes を付けてください",
    }
    fn not_added() {
        en: "nothing was added: type the code again",
        ja: "追加していません。コードをもう一度入力してください",
    }
    fn sheet_replaced() {
        en: "where the number is this one, its sheet was replaced: ask the shop that sold it",
        ja: "番号がこの媒体のものなら、コード表が替わっています。買った店にお尋ねください",
    }
    fn by_store(store) {
        en: "the voucher is by store {store}",
        ja: "この引換券は店{store}のものです",
    }
    fn few_are_left(count, sum) {
        en: "{count} codes of {sum} are left for this medium: the shop can get more",
        ja: "この媒体の{sum}のコードは残り{count}個です。店で追加できます",
    }
}

/// Photographs are larger than anything else that is given.
const GIVEN_BYTES_MAX: u64 = 32 << 20;

/// What came of the judging.
enum Judged {
    Adds { topup: Box<Topup>, repaired: bool },
    Already { words: Phrase, fields: Value },
}

/// Add a top-up.
pub(crate) fn topup(
    common: &Common,
    args: &TopupArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let entry = entry(&args.entry, output)?;
    if args.dry_run {
        let look = look(common, output, interrupt)?;
        look.check_writable()?;
        let medium = look.medium;
        let fields = match judge(&medium, &entry, args, output, interrupt)? {
            Judged::Already { words, fields } => {
                output.line(words);
                fields
            }
            Judged::Adds { topup, repaired } => {
                output.line(would_be_added(medium.form().show(topup.amount)));
                added_fields(&medium, &topup, repaired)
            }
        };
        tell(&medium, fields, args, output);
        return Ok(Exit::Done);
    }
    let mut opened = take(common, output, interrupt)?;
    let key = Key::Asked(PasswordSource::from(args.password_file.clone()));
    add(&mut opened, &entry, args, &key, output, interrupt)?;
    Ok(Exit::Done)
}

/// Where the owner's keys come from.
enum Key<'a> {
    Asked(PasswordSource),
    Held(&'a Unlocked),
}

/// Ask for a top-up and add it, where the owner has logged in.
pub(crate) fn add_typed(
    opened: &mut Opened<Storage>,
    unlocked: &Unlocked,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let args = TopupArgs::default();
    let entry = entry(&args.entry, output)?;
    add(opened, &entry, &args, &Key::Held(unlocked), output, interrupt)
}

fn add(
    opened: &mut Opened<Storage>,
    entry: &Entry,
    args: &TopupArgs,
    key: &Key<'_>,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let fields = match judge(opened.medium(), entry, args, output, interrupt)? {
        Judged::Already { words, fields } => {
            output.line(words);
            fields
        }
        Judged::Adds { topup, repaired } => {
            let (now, mut rng) = (clock::now(), SystemRandom::new());
            let asked;
            let unlocked = match key {
                Key::Held(unlocked) => *unlocked,
                Key::Asked(source) => {
                    asked = unlock(opened, source, output)?.0;
                    &asked
                }
            };
            opened.topup(&unlocked.keys, &topup, now, &mut rng).map_err(|error| full(&error))?;
            output.line(added(opened.medium().form().show(topup.amount)));
            tell_store(opened.medium(), &topup, output);
            added_fields(opened.medium(), &topup, repaired)
        }
    };
    tell(opened.medium(), fields, args, output);
    Ok(())
}

fn added_fields(medium: &Medium, topup: &Topup, repaired: bool) -> Value {
    json!({ "added": money(topup.amount, medium.currency()), "repaired": repaired })
}

/// What was given, asked for if nothing was.
fn entry(words: &[String], output: &Output) -> Result<Entry, Failure> {
    match words {
        [] => {
            output.note(type_it());
            given(&line()?.ok_or_else(|| Failure::new(Exit::Usage, nothing_typed()))?)
        }
        [one] => given(one),
        words => given(&words.join(" ")),
    }
}

/// A file of that name if there is one, else what was typed.
fn given(text: &str) -> Result<Entry, Failure> {
    if Path::new(text).is_file() {
        let bytes = read_file(Path::new(text), GIVEN_BYTES_MAX).or_tell()?;
        return read_given(&bytes).map_err(|error| unread(&error).during(reading(text)));
    }
    read_typed(text).map_err(|error| unread(&error))
}

fn unread(error: &EntryError) -> Failure {
    let failure = Failure::new(Exit::from(error), told(error));
    match error.name() {
        "incomplete" | "too-long" | "not-a-code" => failure.hint(what_a_code_is()),
        _ => failure,
    }
}

fn judge(
    medium: &Medium,
    entry: &Entry,
    args: &TopupArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Judged, Failure> {
    match (medium.judge(entry), entry) {
        (Ok(topup), _) => Ok(Judged::Adds { topup: Box::new(topup), repaired: false }),
        (Err(TopupRefusal::Typo), Entry::Code(digits)) => {
            repair(medium, *digits, args, output, interrupt)
        }
        (Err(refusal), _) => already(&refusal),
    }
}

/// A used code is no fault: it says when it was added, and nothing was changed.
fn already(refusal: &TopupRefusal) -> Result<Judged, Failure> {
    let already = match refusal {
        TopupRefusal::AlreadyAdded { at, record, .. } => {
            json!({ "record": record.number(), "at": at.to_string() })
        }
        TopupRefusal::AlreadySettled { checkpoint, .. } => json!({ "checkpoint": checkpoint }),
        _ => return Err(refused(refusal)),
    };
    let words = sentence(told(refusal).map(capitalised));
    Ok(Judged::Already { words, fields: json!({ "added": null, "already": already }) })
}

fn refused(refusal: &TopupRefusal) -> Failure {
    let failure = Failure::new(Exit::from(refusal), told(refusal));
    match refusal {
        TopupRefusal::Typo => failure.hint(type_again()),
        TopupRefusal::OverLimit { .. } => failure.hint(spend_first()),
        TopupRefusal::NotOfThisMedium { .. } => failure.hint(sheet_replaced()),
        _ => failure,
    }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Find the code that was meant, and ask before it counts.
fn repair(
    medium: &Medium,
    digits: CodeDigits,
    args: &TopupArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Judged, Failure> {
    output.note(looking());
    let patience = |_: usize, _: usize| {
        if interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let meant = medium.meant(digits, threads(), &patience);
    let meant = meant.map_err(|error| Failure::new(Exit::Refusal, told(&error)))?;
    let repair = match meant {
        Meant::Found(repair) => repair,
        Meant::Nothing => return Err(refused(&TopupRefusal::Typo)),
        Meant::Stopped { .. } => return Err(Failure::interrupted()),
    };
    let printed = repair.code.printed();
    match medium.judge(&Entry::Code(repair.code.digits())) {
        Ok(topup) => {
            let sum = medium.form().show(topup.amount);
            confirm(&did_you_mean(&printed, sum), &printed, args, output, interrupt)?;
            Ok(Judged::Adds { topup: Box::new(topup), repaired: true })
        }
        Err(refusal) => {
            output.note(seems_to_be(&printed));
            already(&refusal)
        }
    }
}

fn confirm(
    question: &Phrase,
    printed: &str,
    args: &TopupArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let answer = if args.yes { Answer::Yes } else { ask(output, question)? };
    interrupt.check()?;
    match answer {
        Answer::Yes => Ok(()),
        Answer::No => Err(Failure::new(Exit::Refusal, not_added())),
        Answer::Nobody => Err(Failure::new(Exit::Refusal, may_be_meant(printed)).hint(compare())),
    }
}

/// For a voucher of another store, say whose it is.
fn tell_store(medium: &Medium, topup: &Topup, output: &Output) {
    if let Source::Voucher { carried, .. } = &topup.source {
        let (by, own) = (carried.voucher.store, medium.grounds().certificate.store);
        if by != own {
            output.note(by_store(by));
        }
    }
}

fn tell(medium: &Medium, extra: Value, args: &TopupArgs, output: &Output) {
    tell_balance(medium, output);
    let few = medium.few_left();
    for (amount, count) in &few {
        output.note(few_are_left(count, medium.form().show(*amount)));
    }
    let few: Vec<_> = few
        .iter()
        .map(|(amount, left)| json!({ "amount": money(*amount, medium.currency()), "left": left }))
        .collect();
    let mut fields = sums(medium);
    fields["medium"] = medium.id().to_string().into();
    (fields["few"], fields["dry_run"]) = (few.into(), args.dry_run.into());
    if let (Value::Object(fields), Value::Object(extra)) = (&mut fields, extra) {
        fields.extend(extra);
    }
    output.result(Exit::Done, &fields);
}
