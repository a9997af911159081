//! Findings as rows of a spreadsheet.

use std::borrow::Borrow;
use std::io::Write;

use data_encoding::HEXLOWER;

use super::ReportError;
use super::standing::{Standing, spoken};
use crate::format::plan::{Finding, PlanEntry, Side};
use crate::reconcile::{PlanError, shown_id};
use crate::tool::{csv_row, printable};
use crate::units::{CurrencyForm, MediumId};

/// Sides that have columns of their own; what a finding has beyond stands in the last column.
const SIDES: usize = 2;

const HEADS: [&str; 17] = [
    "number",
    "class",
    "medium",
    "store",
    "record",
    "currency",
    "amount",
    "state",
    "checkpoint",
    "decided",
    "rule",
    "owner is told",
    "first side",
    "its SHA-256",
    "second side",
    "its SHA-256",
    "more",
];

/// Write a row for each finding, behind one with the columns' names.
pub fn write_sheet<E: Borrow<PlanEntry>>(
    out: &mut dyn Write,
    form: CurrencyForm,
    entries: impl IntoIterator<Item = Result<E, PlanError>>,
) -> Result<(), ReportError> {
    writeln!(out, "{}", csv_row(&HEADS.map(str::to_owned)))?;
    for entry in entries {
        let entry = entry?;
        let entry = entry.borrow();
        for finding in &entry.findings {
            writeln!(out, "{}", csv_row(&cells(entry, finding, form)))?;
        }
    }
    Ok(())
}

fn cells(entry: &PlanEntry, finding: &Finding, form: CurrencyForm) -> Vec<String> {
    let standing = Standing::of(entry, finding);
    let shown = |number: Option<String>| number.unwrap_or_default();
    let mut cells = vec![
        shown_id(&finding.id),
        finding.class.word().to_owned(),
        shown(finding.medium.map(MediumId::grouped)),
        shown(finding.store.map(|store| store.to_string())),
        shown(finding.seq.map(|seq| seq.to_string())),
        form.currency().to_string(),
        form.decimal(finding.amount),
        standing.state.word().to_owned(),
        shown(standing.checkpoint.map(|number| number.to_string())),
        shown(finding.decided.as_ref().map(spoken)),
        printable(&finding.rule).into_owned(),
        printable(&finding.owner).into_owned(),
    ];
    for place in 0..SIDES {
        let (what, hash) = finding.sides.get(place).map(of_side).unwrap_or_default();
        cells.extend([what, hash]);
    }
    let more = finding.sides.iter().skip(SIDES).map(of_side);
    let more: Vec<String> = more.map(|(what, hash)| format!("{what} ({hash})")).collect();
    cells.push(more.join("; "));
    cells
}

fn of_side(side: &Side) -> (String, String) {
    (printable(&side.what).into_owned(), HEXLOWER.encode(&side.hash))
}
