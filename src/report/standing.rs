//! Where a finding stands: open, to be settled, explained, settled.

use crate::format::plan::{Class, Finding, PlanEntry};

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
            None => Self { state: State::Open, checkpoint: None },
        }
    }
}
