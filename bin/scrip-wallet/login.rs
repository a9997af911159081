//! `login` and `passwd`: the first login makes the medium its owner's.
//!
//! With `--json` the last line is an object of type `result`: `exit`; `medium`: the number's twelve
//! digits; `first`: true if this login made the owner's key; `raised`: true if the password's cost
//! was raised; `balance` and its parts.

use scrip::crypto::SystemRandom;
use scrip::crypto::password::Password;
use scrip::device::Device;
use scrip::ledger::KeyLife;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Classed, Exit, Failure, Interrupt, Output, clock};
use scrip::wallet::Opened;
use serde_json::json;

use crate::cli::{Common, NewPasswordArgs};
use crate::opened::{sums, take, tell_balance, unlock};

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
        later_login(&mut opened, args)?
    };
    let medium = opened.medium();
    output.line(if first {
        format!("Medium {} is yours now: only your password opens it.", medium.id().grouped())
    } else {
        format!("Medium {}: the password is right.", medium.id().grouped())
    });
    tell_balance(medium, output);
    let mut fields = sums(medium);
    fields["medium"] = medium.id().to_string().into();
    (fields["first"], fields["raised"]) = (first.into(), raised.into());
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

fn first_login<D: Device>(
    opened: &mut Opened<D>,
    args: &NewPasswordArgs,
    output: &Output,
) -> Result<(), Failure> {
    output.note("This is the first login: the password from the package opens the medium once.");
    let question = format!("password from the package of {}", opened.medium().id().grouped());
    let password = PasswordSource::from(args.password_file.clone()).read(&question)?;
    let unlocked = opened.unlock(&password).or_fail()?;
    let new = new_password(args, &password)?;
    let mut rng = SystemRandom::new();
    opened.rekey(&unlocked, &new, clock::now(), &mut rng).or_fail()?;
    Ok(())
}

/// Verify; make guesses dearer where they became too cheap; end what an earlier change left.
fn later_login<D: Device>(opened: &mut Opened<D>, args: &NewPasswordArgs) -> Result<bool, Failure> {
    let (unlocked, password) = unlock(opened, &PasswordSource::from(args.password_file.clone()))?;
    if !opened.is_cheap(&unlocked) {
        return Ok(false);
    }
    opened.change_password(unlocked, &password, &mut SystemRandom::new()).or_fail()?;
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
        unlock(&mut opened, &PasswordSource::from(args.password_file.clone()))?;
    let new = new_password(args, &password)?;
    opened.change_password(unlocked, &new, &mut SystemRandom::new()).or_fail()?;
    output.line("The new password counts from now on, the old one no longer.");
    let medium = opened.medium().id().to_string();
    output.result(Exit::Done, &json!({ "medium": medium }));
    Ok(Exit::Done)
}

fn new_password(args: &NewPasswordArgs, old: &Password) -> Result<Password, Failure> {
    let new = PasswordSource::from(args.new_password_file.clone()).read_new("your new password")?;
    if new == *old {
        return Err(Failure::new(Exit::Usage, "the new password is the old one")
            .hint("choose one that nobody else knows"));
    }
    Ok(new)
}
