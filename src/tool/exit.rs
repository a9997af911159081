//! The exit codes of all tools.

use std::process::ExitCode;

use crate::image::check::Grade;

/// How a tool ended; the codes are part of every tool's interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// 0: done, and nothing to report.
    Done,
    /// 1: the check or comparison ran and found differences.
    Differences,
    /// 2: the command line is wrong.
    Usage,
    /// 3: damage or forgery: bytes aren't what was signed.
    Damage,
    /// 4: I/O or network failed.
    Failure,
    /// 5: a rule says no.
    Refusal,
    /// 101: a bug in the tool.
    Bug,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// Gravest first: what a run over several things ends with.
    const BY_GRAVITY: [Self; 8] = [
        Self::Bug,
        Self::Interrupted,
        Self::Usage,
        Self::Failure,
        Self::Damage,
        Self::Refusal,
        Self::Differences,
        Self::Done,
    ];

    /// The number handed to the shell.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Differences => 1,
            Self::Usage => 2,
            Self::Damage => 3,
            Self::Failure => 4,
            Self::Refusal => 5,
            Self::Bug => 101,
            Self::Interrupted => 130,
        }
    }

    /// The gravest of several: the first of 101, 130, 2, 4, 3, 5, 1, 0 that occurred.
    pub fn worst(exits: impl IntoIterator<Item = Self>) -> Self {
        exits.into_iter().min_by_key(|exit| exit.rank()).unwrap_or(Self::Done)
    }

    fn rank(self) -> usize {
        Self::BY_GRAVITY.iter().position(|exit| *exit == self).expect("all eight are listed")
    }
}

impl From<Grade> for Exit {
    fn from(grade: Grade) -> Self {
        match grade {
            Grade::Good => Self::Done,
            Grade::Differs => Self::Differences,
            Grade::Refused => Self::Refusal,
            Grade::Damaged => Self::Damage,
            Grade::Unreadable => Self::Failure,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_documented_ones() {
        let codes = Exit::BY_GRAVITY.map(Exit::code);
        assert_eq!(codes, [101, 130, 2, 4, 3, 5, 1, 0]);
    }

    #[test]
    fn the_gravest_wins_in_any_order() {
        for (rank, graver) in Exit::BY_GRAVITY.into_iter().enumerate() {
            for milder in &Exit::BY_GRAVITY[rank..] {
                assert_eq!(Exit::worst([graver, *milder]), graver);
                assert_eq!(Exit::worst([*milder, graver]), graver);
            }
        }
        assert_eq!(Exit::worst([]), Exit::Done);
    }
}
