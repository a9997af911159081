//! What is wrong with a medium in plain words, and what to do about it.

use crate::image::check::{Access, Balance, Binding, History, Report, Verdict};

/// The most single findings that are told.
const TOLD_MAX: usize = 20;

/// Sentences for an owner: the read-only area and its seal, the journal's copies, the access key.
pub fn advice(report: &Report) -> Vec<String> {
    let mut lines = seal(report);
    if let Binding::CopyOf { bound, found } = &report.hardware {
        lines.push(format!("This is a copy: it was made on {bound} and lies on {found}."));
    }
    if report.verdict != Verdict::NoMedium {
        lines.push(journal(&report.history));
        lines.push(access(&report.access));
    }
    lines.extend(report.refusals.iter().map(|reason| format!("A rule says no: {reason}.")));
    lines
}

fn seal(report: &Report) -> Vec<String> {
    let (first, findings, last): (&str, Vec<String>, &str) = match report.verdict {
        Verdict::Sealed => ("The seal is whole: every byte is as the shop made it.", vec![], ""),
        Verdict::Touched => (
            "Computers left notes on it, as they do on any stick. Every file is whole:",
            report.touches.iter().map(|touch| touch.what.clone()).collect(),
            "Nothing has to be done. `doctor --reseal` puts those bytes back.",
        ),
        Verdict::FilesIntact => (
            "Every file is whole. The seal can't be seen in a mounted directory.",
            report.touches.iter().map(|touch| touch.what.clone()).collect(),
            "To check the seal as well, name the device or the image.",
        ),
        Verdict::Altered => (
            "It was ALTERED or is damaged: it is not what the shop made.",
            report.faults.iter().map(|fault| format!("{}: {}", fault.part, fault.reason)).collect(),
            "Don't use it. Bring it to the shop: what was paid stands in its journal.",
        ),
        Verdict::Unreadable => (
            "The storage is failing: parts of it can't be read any more.",
            report.faults.iter().map(|fault| format!("{}: {}", fault.part, fault.reason)).collect(),
            "Bring it to the shop soon: what was paid stands in its journal.",
        ),
        Verdict::NoMedium => (
            "This is no medium of this kind.",
            report.faults.iter().map(|fault| fault.reason.clone()).collect(),
            "",
        ),
    };
    let more = findings.len().saturating_sub(TOLD_MAX);
    let told = findings.into_iter().take(TOLD_MAX).map(|finding| format!("- {finding}"));
    let more = (more > 0).then(|| format!("- and {more} more"));
    let all = std::iter::once(first.to_owned()).chain(told).chain(more);
    all.chain((!last.is_empty()).then(|| last.to_owned())).collect()
}

fn journal(history: &History) -> String {
    match history {
        History::Sound(balance) => {
            let bank = if balance.generation % 2 == 0 { "first" } else { "second" };
            let (copies, generation) = (records(balance), balance.generation);
            format!(
                "The journal is whole: {copies} in each of its two copies, in the {bank} bank \
                 (generation {generation})."
            )
        }
        History::Repaired { balance, lacking } => format!(
            "The journal is whole: {}. Copy {} lacks some, the other has them; nothing is lost.",
            records(balance),
            lacking.join(" and ")
        ),
        History::Damaged(reason) => {
            format!("The journal is DAMAGED: {reason}. Bring the medium to the shop.")
        }
        History::NotChecked(reason) => format!("The journal was not checked: {reason}."),
    }
}

fn records(balance: &Balance) -> String {
    let plural = if balance.records == 1 { "" } else { "s" };
    format!("{} record{plural}", balance.records)
}

fn access(access: &Access) -> String {
    match access {
        Access::Sound => "The access key is whole in both of its files.".to_owned(),
        Access::OneCopy(reason) => {
            format!("The access key is whole in one of its two files: {reason}. That is enough.")
        }
        Access::Damaged(reason) => {
            format!("The access key is DAMAGED: {reason}. Bring the medium to the shop.")
        }
        Access::NotChecked(reason) => format!("The access key was not checked: {reason}."),
    }
}
