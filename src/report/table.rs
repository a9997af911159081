//! A run for the terminal: control totals, classes, money, then findings.

use std::borrow::Borrow;

use data_encoding::HEXLOWER;

use super::ReportError;
use super::facts::{Run, SkippedFile};
use super::standing::{Standing, State, spoken};
use super::totals::Totals;
use crate::format::plan::{Class, Finding, PlanEntry};
use crate::reconcile::{PlanError, shown_id};
use crate::words::{Phrase, Side, Table, counted};

/// So much of a hash is shown.
const HASH_BYTES: usize = 8;

/// The lines before the findings: what was read and what was not, classes and money.
pub fn summary(run: &Run<'_>, totals: &Totals) -> Vec<String> {
    let control = run.control;
    let kinds: Vec<String> =
        control.read.iter().map(|(what, count)| format!("{count} {what}")).collect();
    let (read, skipped) = (control.files(), control.skipped.len());
    let read = counted(read, "file", "files");
    let mut lines = vec![format!("{read} read ({}), {skipped} skipped", kinds.join(", "))];
    for SkippedFile { name, why, .. } in &control.skipped {
        lines.push(format!("skipped: {name}: {why}"));
    }
    let (media, records) = (totals.media, control.records);
    let media = counted(media, "medium", "media");
    let records = counted(records, "record", "records");
    lines.push(format!("{media}, {records} in the evidence, as of {}", run.as_of));
    lines.extend(classes(run, totals));
    let explained = totals.states.get(&State::Explained);
    lines.extend(explained.map(|count| format!("explained by a person, and not settled: {count}")));
    lines.extend(flows(run, totals));
    lines
}

fn classes(run: &Run<'_>, totals: &Totals) -> Vec<String> {
    let mut table = Table::new([Side::Left, Side::Right, Side::Right]);
    let cells = |cells: [String; 3]| cells.map(Phrase::same);
    table.row(cells(["class", "count", "amount"].map(str::to_owned)));
    for (class, sum) in &totals.classes {
        let amount = run.form.show_minor(sum.minor);
        table.row(cells([class.word().to_owned(), sum.count.to_string(), amount]));
    }
    table.lines().iter().map(|line| line.en().to_owned()).collect()
}

fn flows(run: &Run<'_>, totals: &Totals) -> Vec<String> {
    let sum = |sum: u64| run.form.show_minor(i64::try_from(sum).unwrap_or(i64::MAX));
    let flows = totals.flows.iter();
    flows.map(|((from, to), minor)| format!("{from} -> {to}: {}", sum(*minor))).collect()
}

/// Call `line` with the lines of findings that don't agree, of `most` of them at most; how many there
/// are beyond.
pub fn findings<E: Borrow<PlanEntry>>(
    run: &Run<'_>,
    entries: impl IntoIterator<Item = Result<E, PlanError>>,
    most: usize,
    mut line: impl FnMut(String),
) -> Result<usize, ReportError> {
    let mut count = 0_usize;
    for entry in entries {
        let entry = entry?;
        let entry = entry.borrow();
        for finding in entry.findings.iter().filter(|one| one.class != Class::Matched) {
            count += 1;
            if count <= most {
                lines_of(run, entry, finding).into_iter().for_each(&mut line);
            }
        }
    }
    Ok(count.saturating_sub(most))
}

fn lines_of(run: &Run<'_>, entry: &PlanEntry, finding: &Finding) -> Vec<String> {
    let whose = match (finding.medium, finding.store) {
        (Some(medium), _) => format!("medium {}", medium.grouped()),
        (None, Some(store)) => format!("store {store}"),
        (None, None) => "the records".to_owned(),
    };
    let at = finding.seq.map(|seq| format!(", #{seq}")).unwrap_or_default();
    let (id, class) = (shown_id(&finding.id), finding.class);
    let amount = run.form.show_minor(finding.amount);
    let state = match Standing::of(entry, finding).state {
        State::Open | State::Settled => "",
        State::Planned => ", to be settled",
        State::Explained => ", explained",
    };
    let mut lines = vec![format!("{id} {class}: {whose}{at}, {amount}{state}")];
    for side in &finding.sides {
        let hash = HEXLOWER.encode(&side.hash[..HASH_BYTES]);
        lines.push(format!("  {hash}… {}", side.what));
    }
    lines.push(format!("  rule: {}", finding.rule));
    if let Some(decided) = &finding.decided {
        lines.push(format!("  {}", spoken(decided)));
    } else if let Some(stake) = finding.stake {
        lines.push(format!("  a person decides; at stake: {}", run.form.show(stake)));
    }
    lines
}
