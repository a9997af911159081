//! The medium in hand, looked at or opened for writing: originality first, then all else.

use scrip::crypto::SystemRandom;
use scrip::crypto::password::Password;
use scrip::device::{Device, Folder};
use scrip::image::check::{Access, Binding, Report, Verdict};
use scrip::journal::{Mirror, Relation, Storage};
use scrip::ledger::KeyLife;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Classed, Exit, Failure, Interrupt, Output, Source, home, money};
use scrip::wallet::{CommitError, Medium, Opened, Unlocked};
use serde_json::{Value, json};

use crate::cli::Common;
use crate::medium::{examine, path, root_alone};

/// A medium that was looked at.
pub(crate) struct Look {
    pub(crate) medium: Medium,
    pub(crate) report: Report,
    pub(crate) source: Source,
}

/// Look at the medium: refused is what is altered, came under another root, or has no records.
pub(crate) fn look(
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Look, Failure> {
    let path = path(common)?;
    let source = Source::open(&path)?;
    judged(source, common, output, interrupt)
}

/// Open the medium for writing; nobody else writes it until the end.
pub(crate) fn take(
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Opened<Storage>, Failure> {
    let path = path(common)?;
    let source = Source::open_to_write(&path)?;
    let Look { medium, report, source } = judged(source, common, output, interrupt)?;
    if let Some(reason) = report.refusals.first() {
        return Err(Failure::new(Exit::Refusal, reason.clone())
            .hint("ask the shop: the medium can still be looked at"));
    }
    let storage = source.into_storage(medium.grounds()).or_fail();
    let storage =
        storage.map_err(|failure| failure.during(format!("opening {}", path.display())))?;
    let mut opened = Opened::open(storage, medium, &mut SystemRandom::new()).or_fail()?;
    attach(&mut opened, output);
    if opened.repaired() > 0 {
        let count = opened.repaired();
        output.note(format!("records that a copy lacked were written again: {count}"));
    }
    Ok(opened)
}

/// Use what this computer saw of the medium; without that the medium alone counts.
fn attach(opened: &mut Opened<Storage>, output: &Output) {
    let (medium, grounds) = (opened.medium().id(), opened.medium().grounds());
    let folder = home::state().and_then(|state| Folder::open_or_create(&state.join("seen")).ok());
    let mirror =
        folder.and_then(|folder| Mirror::open(&folder, medium, grounds.journal.bytes).ok());
    let Some(mirror) = mirror else { return };
    match opened.attach(mirror) {
        Ok(relation @ Relation::Mirror(_)) => {
            output.warn(format!("the medium had {relation}: they were written back"));
        }
        Ok(relation @ (Relation::Parted { .. } | Relation::Apart { .. })) => {
            output.warn(format!("{relation}: the shop can merge what this computer keeps"));
        }
        Ok(Relation::New | Relation::Medium | Relation::Settled) => {}
        Err(error) => output.warn(format!("what this computer saw of it is not used: {error}")),
    }
}

fn judged(
    source: Source,
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Look, Failure> {
    let path = path(common)?;
    let mut checked = examine(&source, &path, common, output, interrupt)?;
    let report = checked.report.clone();
    let root = root_alone(&report);
    tell_originality(&report, root.as_ref().map(|(_, root)| root.as_str()), output);
    // Of an altered medium all else is told first.
    if let Some((Exit::Damage, root)) = root
        && checked.grounds.is_some()
        && checked.account.is_some()
    {
        let message = format!("the medium's root is {root}");
        return Err(Failure::new(Exit::Damage, message).hint("compare it with the package"));
    }
    checked.report.notes.clear();
    let medium = Medium::of(checked).or_fail();
    let medium = medium.map_err(|failure| match failure.exit() {
        Exit::Damage => failure.hint("don't use it: `scrip-wallet doctor` explains more"),
        _ => failure,
    })?;
    Ok(Look { medium, report, source })
}

/// What is to be known before anything else.
fn tell_originality(report: &Report, root: Option<&str>, output: &Output) {
    match report.verdict {
        Verdict::Touched => output.note("the medium was touched by ordinary use: all is whole"),
        Verdict::FilesIntact => output.note("files intact; seal not checked"),
        _ => {}
    }
    if let Binding::CopyOf { bound, found } = &report.hardware {
        output.warn(format!("this is a copy: it was made on {bound} and lies on {found}"));
    }
    if let Some(root) = root.filter(|_| report.root.is_some_and(|root| !root.is_pinned())) {
        output.note(format!("its root is {root}"));
    }
    if let Access::Damaged(why) = &report.access {
        output.warn(format!("no password opens it any more: the access files are damaged ({why})"));
    }
    report.notes.iter().for_each(|note| output.note(note));
}

/// The owner's keys by the owner's password.
pub(crate) fn unlock<D: Device>(
    opened: &mut Opened<D>,
    password: &PasswordSource,
) -> Result<(Unlocked, Password), Failure> {
    if opened.life() == KeyLife::StoreMade {
        return Err(not_yours());
    }
    let question = format!("password of medium {}", opened.medium().id().grouped());
    let password = password.read(&question)?;
    let unlocked = opened.unlock(&password).or_fail().map_err(|failure| match failure.exit() {
        Exit::Refusal => failure.hint("try again as often as you like: nothing locks"),
        _ => failure,
    })?;
    Ok((unlocked, password))
}

/// What to do before the first login.
fn not_yours() -> Failure {
    Failure::of(Exit::Refusal, &CommitError::NotLoggedIn)
        .hint("run `scrip-wallet login` with the password from the package")
}

/// What to do about a journal that takes no more.
pub(crate) fn full(failure: Failure) -> Failure {
    if failure.message().contains("full") {
        return failure.hint("the journal has to be settled first: bring the medium to the shop");
    }
    failure
}

/// What there is on a medium, in JSON.
pub(crate) fn sums(medium: &Medium) -> Value {
    let (state, currency) = (&medium.account().state, medium.currency());
    json!({
        "balance": money(state.balance, currency),
        "free": money(state.free(), currency),
        "reserved": money(state.reserved(), currency),
        "provisional": money(state.provisional, currency),
        "debt": money(state.debt, currency),
    })
}

/// The balance for a person, and what of it can't be spent under it.
pub(crate) fn tell_balance(medium: &Medium, output: &Output) {
    let (state, form) = (&medium.account().state, medium.form());
    output.line(format!("Balance: {}", form.show(state.balance)));
    let parts = [
        ("reserved for downloads under way", state.reserved()),
        ("earned, not settled yet", state.provisional),
        ("lacking, taken from the next top-ups", state.debt),
    ];
    for (what, sum) in parts.into_iter().filter(|(_, sum)| !sum.is_zero()) {
        output.line(format!("  {}: {what}", form.show(sum)));
    }
}
