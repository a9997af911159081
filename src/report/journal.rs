//! What a plan posts as plain text that `hledger` and `beancount` read.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::io::Write;

use super::ReportError;
use super::facts::Run;
use crate::format::plan::{PlanEntry, PlanPosting};
use crate::reconcile::{PlanError, moves_of};
use crate::records::{Account, AccountNames, Move, PlainBooks};
use crate::units::Timestamp;

/// What the plan does to an account.
struct Touched {
    first: Timestamp,
    last: Timestamp,
    minor: i64,
}

/// Write a journal of all moves of a plan, one transaction each, between what opens its accounts and
/// what they change by. `begin` gives the plan's entries from the first on, and is asked two times.
///
/// Rights holders that `names` doesn't know get the numbers that posting the plan will give them.
pub fn write_journal<E, I>(
    out: &mut dyn Write,
    run: &Run<'_>,
    mut names: AccountNames,
    begin: impl Fn() -> I,
) -> Result<(), ReportError>
where
    E: Borrow<PlanEntry>,
    I: Iterator<Item = Result<E, PlanError>>,
{
    let accounts = touched(begin(), &mut names)?;
    let books = PlainBooks { names: &names, form: run.form };
    for line in books.heads(&format!("what the plan as of {} posts", run.as_of)) {
        writeln!(out, "{line}")?;
    }
    for (account, touched) in &accounts {
        writeln!(out, "{}", books.open(account, touched.first))?;
    }
    each_posting(begin(), |posting, moves| {
        let checkpoint = &posting.checkpoint;
        let what = format!("medium {}, checkpoint {}", checkpoint.medium, checkpoint.number);
        for moved in moves {
            let lines = books.transaction(checkpoint.as_of, "reconciled", &what, moved);
            writeln!(out, "\n{}", lines.join("\n"))?;
        }
        Ok(())
    })?;
    writeln!(out)?;
    for (account, touched) in &accounts {
        writeln!(out, "{}", books.balance(account, touched.last, touched.minor))?;
    }
    Ok(())
}

fn touched<E: Borrow<PlanEntry>>(
    entries: impl Iterator<Item = Result<E, PlanError>>,
    names: &mut AccountNames,
) -> Result<BTreeMap<Account, Touched>, ReportError> {
    let mut accounts = BTreeMap::new();
    each_posting(entries, |posting, moves| {
        let at = posting.checkpoint.as_of;
        for Move { debit, credit, amount } in moves {
            let minor = amount.minor().cast_signed();
            for (account, minor) in [(debit, minor), (credit, -minor)] {
                names.learn(account);
                let new = Touched { first: at, last: at, minor: 0 };
                let touched = accounts.entry(account.clone()).or_insert(new);
                (touched.first, touched.last) = (touched.first.min(at), touched.last.max(at));
                touched.minor = touched.minor.saturating_add(minor);
            }
        }
        Ok(())
    })?;
    Ok(accounts)
}

fn each_posting<E: Borrow<PlanEntry>>(
    entries: impl Iterator<Item = Result<E, PlanError>>,
    mut take: impl FnMut(&PlanPosting, &[Move]) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    for entry in entries {
        let entry = entry?;
        if let Some(posting) = &entry.borrow().posting {
            take(posting, &moves_of(posting)?)?;
        }
    }
    Ok(())
}
