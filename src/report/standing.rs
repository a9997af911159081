//! Where a finding stands: open, to be settled, explained, settled.

use crate::format::decision::Verdict;
use crate::format::plan::{Class, Decided, Finding, PlanEntry};
use crate::tool::printable;

/// Where a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing answers it yet.
    Open,
    /// The plan posts its medium, and answers it by that.
    Planned,
    /// Somebody explained it.
    Explained,
    /// A checkpoint answered it.
    Settled,
}

/// Where a finding stands, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Where.
    pub state: State,
    /// The checkpoint that answers it, or will.
    pub checkpoint: Option<u64>,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Planned, Self::Explained, Self::Settled];

    /// The word that programs know it by.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Planned => "planned",
            Self::Explained => "explained",
            Self::Settled => "settled",
        }
    }
}

impl Standing {
    /// Where a finding of an entry stands.
    pub fn of(entry: &PlanEntry, finding: &Finding) -> Self {
        let before = entry.before.as_ref().map(|row| row.number).filter(|number| *number > 0);
        match &entry.posting {
            _ if finding.class == Class::Matched => {
                Self { state: State::Settled, checkpoint: before }
            }
            Some(posting) => {
                let checkpoint = Some(posting.checkpoint.number);
                Self { state: State::Planned, checkpoint }
            }
            None if is_explained(finding) => Self { state: State::Explained, checkpoint: None },
            None => Self { state: State::Open, checkpoint: None },
        }
    }
}

/// Did somebody say why it is so?
pub(super) fn is_explained(finding: &Finding) -> bool {
    finding.decided.as_ref().is_some_and(|decided| decided.verdict == Verdict::Explained)
}

/// What was decided, by whom, when and why.
pub(super) fn spoken(decided: &Decided) -> String {
    let by: Vec<_> = decided.by.iter().map(|name| printable(name)).collect();
    let (verdict, at, text) = (decided.verdict, decided.at, printable(&decided.text));
    format!("{verdict} by {} at {at}: {text}", by.join(" and "))
}
