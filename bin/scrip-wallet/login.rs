//! `login` and `passwd`: the first login makes the medium its owner's.
//!
//! With `--json` the last line is an object of type `result`: `exit`; `medium`: the number's twelve
//! digits; `first`: true if this login made the owner's key; `raised`: true if the password's cost
//! was raised; `balance` and its parts.

use scrip::crypto::SystemRandom;
use scrip::crypto::password::Password;
use scrip::device::Device;
use scrip::ledger::KeyLife;
use scrip::phrases;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Interrupt, Output, Tell, clock};
use scrip::wallet::Opened;
use serde_json::json;

use crate::cli::{Common, NewPasswordArgs};
use crate::opened::{sums, take, tell_balance, unlock};

phrases! {
    pub(crate) fn yours_now(medium) {
        en: "Medium {medium} is yours now: only your password opens it.",
        ja: "媒体{medium}はあなたのものになりました。開けるのはあなたのパスワードだけです。",
    }
    fn right(medium) {
        en: "Medium {medium}: the password is right.",
        ja: "媒体{medium}：パスワードは正しいです。",
    }
    fn first_time() {
        en: "This is the first login: the password from the package opens the medium once.",
        ja: "最初のログインです。パッケージのパスワードは一度だけ使えます。",
    }
    fn package_password(medium) {
        en: "password from the package of {medium}",
        ja: "媒体{medium}のパッケージのパスワード",
    }
    fn new_counts() {
        en: "The new password counts from now on, the old one no longer.",
        ja: "これからは新しいパスワードだけが使えます。",
    }
    fn your_new() { en: "your new password", ja: "あなたの新しいパスワード" }
    fn same_again() {
        en: "the new password is the old one",
        ja: "新しいパスワードが前と同じです",
    }
    fn choose_another() {
        en: "choose one that nobody else knows",
        ja: "他の人が知らないものにしてください",
    }
}

/// Verify the password; the first time make the owner's own keys.
pub(crate) fn login(
    common: &Common,
    args: &NewPasswordArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let mut opened = take(common, output, interrupt)?;
    let first = opened.life() == KeyLife::StoreMade;
    let raised = if first {
        first_login(&mut opened, args, output)?;
        false
    } else {
        later_login(&mut opened, args, output)?
    };
    let medium = opened.medium();
    let number = medium.id().grouped();
    output.line(if first { yours_now(number) } else { right(number) });
    tell_balance(medium, output);
    let mut fields = sums(medium);
    fields["medium"] = medium.id().to_string().into();
    (fields["first"], fields["raised"]) = (first.into(), raised.into());
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

/// The first login: from now on the medium is its owner's; gives the owner's password.
pub(crate) fn first_login<D: Device>(
    opened: &mut Opened<D>,
    args: &NewPasswordArgs,
    output: &Output,
) -> Result<Password, Failure> {
    output.note(first_time());
    let question = output.text(package_password(opened.medium().id().grouped()));
    let password = PasswordSource::from(args.password_file.clone()).read(&question)?;
    let unlocked = opened.unlock(&password).or_tell()?;
    let new = new_password(args, &password, output)?;
    let mut rng = SystemRandom::new();
    opened.rekey(&unlocked, &new, clock::now(), &mut rng).or_tell()?;
    Ok(new)
}

/// Verify; make guesses dearer where they became too cheap; end what an earlier change left.
fn later_login<D: Device>(
    opened: &mut Opened<D>,
    args: &NewPasswordArgs,
    output: &Output,
) -> Result<bool, Failure> {
    let source = PasswordSource::from(args.password_file.clone());
    let (unlocked, password) = unlock(opened, &source, output)?;
    if !opened.is_cheap(&unlocked) {
        return Ok(false);
    }
    opened.change_password(unlocked, &password, &mut SystemRandom::new()).or_tell()?;
    Ok(true)
}

/// Put the owner's keys under another password.
pub(crate) fn passwd(
    common: &Common,
    args: &NewPasswordArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let mut opened = take(common, output, interrupt)?;
    let (unlocked, password) =
        unlock(&mut opened, &PasswordSource::from(args.password_file.clone()), output)?;
    let new = new_password(args, &password, output)?;
    opened.change_password(unlocked, &new, &mut SystemRandom::new()).or_tell()?;
    output.line(new_counts());
    let medium = opened.medium().id().to_string();
    output.result(Exit::Done, &json!({ "medium": medium }));
    Ok(Exit::Done)
}

fn new_password(
    args: &NewPasswordArgs,
    old: &Password,
    output: &Output,
) -> Result<Password, Failure> {
    let source = PasswordSource::from(args.new_password_file.clone());
    let new = source.read_new(your_new(), output.language())?;
    if new == *old {
        return Err(Failure::new(Exit::Usage, same_again()).hint(choose_another()));
    }
    Ok(new)
}
