//! `login` and `passwd`: the first login makes the medium its owner's.
//!
//! With `--json` the last line is an object of type `result`: `exit`; `medium`: the number's twelve
//! digits; `first`: true if this login made the owner's key; `raised`: true if the password's cost
//! was raised; `dry_run`; `balance` and its parts. `passwd` gives `exit`, `medium` and `dry_run`.

use scrip::crypto::SystemRandom;
use scrip::crypto::password::Password;
use scrip::device::Device;
use scrip::ledger::KeyLife;
use scrip::phrases;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Interrupt, Output, Tell, clock};
use scrip::wallet::{Medium, Opened};
use serde_json::json;

use crate::cli::{Common, NewPasswordArgs};
use crate::opened::{look, not_yours, password_of, sums, take, tell_balance, try_password, unlock};

phrases! {
    pub(crate) fn yours_now(medium) {
        en: "Medium {medium} is yours now: only your password opens it.",
        ja: "媒体{medium}はあなたのものになりました。開けるのはあなたのパスワードだけです。",
    }
    fn right(medium) {
        en: "Medium {medium}: the password is right.",
        ja: "媒体{medium}：パスワードは合っています。",
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
    fn would_be_yours(medium) {
        en: "Medium {medium} would be yours; nothing was written.",
        ja: "媒体{medium}はあなたのものになります。まだ何も書き込んでいません。",
    }
    fn would_be_raised() {
        en: "Guessing it would be made dearer; nothing was written.",
        ja: "推測しにくくする処理が行われます。まだ何も書き込んでいません。",
    }
    fn would_count() {
        en: "The new password would count; nothing was written.",
        ja: "新しいパスワードが有効になります。まだ何も書き込んでいません。",
    }
    fn same_again() {
        en: "the new password is the old one",
        ja: "新しいパスワードが前と同じです",
    }
    fn choose_another() {
        en: "choose one that nobody else knows",
        ja: "ほかの人が知らないものにしてください",
    }
}

/// Verify the password; the first time make the owner's own keys.
pub(crate) fn login(
    common: &Common,
    args: &NewPasswordArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    if args.dry_run {
        return planned_login(common, args, output, interrupt);
    }
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
    Ok(tell(medium, (first, raised), args, output))
}

/// What a login would do.
fn planned_login(
    common: &Common,
    args: &NewPasswordArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let look = look(common, output, interrupt)?;
    look.check_writable()?;
    let (number, source) = (look.medium.id().grouped(), args.password_file.clone().into());
    let first = look.medium.account().state.life == KeyLife::StoreMade;
    let question = if first { package_password(&number) } else { password_of(&number) };
    let (unlocked, password) = try_password(&look, question, &source, output)?;
    let raised = !first && look.medium.is_cheap(&unlocked);
    if first {
        new_password(args, &password, output)?;
        output.line(would_be_yours(number));
    } else {
        output.line(right(number));
    }
    if raised {
        output.line(would_be_raised());
    }
    Ok(tell(&look.medium, (first, raised), args, output))
}

fn tell(
    medium: &Medium,
    (first, raised): (bool, bool),
    args: &NewPasswordArgs,
    output: &Output,
) -> Exit {
    tell_balance(medium, output);
    let mut fields = sums(medium);
    fields["medium"] = medium.id().to_string().into();
    (fields["first"], fields["raised"]) = (first.into(), raised.into());
    fields["dry_run"] = args.dry_run.into();
    output.result(Exit::Done, &fields);
    Exit::Done
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
    if !opened.medium().is_cheap(&unlocked) {
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
    let source = PasswordSource::from(args.password_file.clone());
    let medium = if args.dry_run {
        let look = look(common, output, interrupt)?;
        look.check_writable()?;
        if look.medium.account().state.life == KeyLife::StoreMade {
            return Err(not_yours());
        }
        let question = password_of(look.medium.id().grouped());
        let (_, password) = try_password(&look, question, &source, output)?;
        new_password(args, &password, output)?;
        output.line(would_count());
        look.medium.id()
    } else {
        let mut opened = take(common, output, interrupt)?;
        let (unlocked, password) = unlock(&mut opened, &source, output)?;
        let new = new_password(args, &password, output)?;
        opened.change_password(unlocked, &new, &mut SystemRandom::new()).or_tell()?;
        output.line(new_counts());
        opened.medium().id()
    };
    let fields = json!({ "medium": medium.to_string(), "dry_run": args.dry_run });
    output.result(Exit::Done, &fields);
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
