//! What a report tells beside the plan's entries.

use std::collections::BTreeMap;

use crate::format::plan::AccountKind;
use crate::reconcile::{Skipped, Taken, What};
use crate::tool::Exit;
use crate::units::{CurrencyForm, Timestamp};
use crate::words::Language;

/// What became of all files.
#[derive(Debug, Default)]
pub struct Control {
    /// Files that were read, by what they were.
    pub read: BTreeMap<&'static str, u64>,
    /// Records of media in them.
    pub records: u64,
    /// Files that were not read.
    pub skipped: Vec<SkippedFile>,
}

/// A file that was not read: nothing in a report speaks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedFile {
    /// Its path.
    pub name: String,
    /// Why.
    pub why: String,
    /// Is it damage or forgery?
    pub damage: bool,
}

/// A run of reconciling.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// What became of all files.
    pub control: &'a Control,
    /// What the command line named as evidence.
    pub evidence: &'a [String],
    /// Where the records are.
    pub records: &'a str,
    /// What each kind of account had before: debits less credits, minor units.
    pub books: &'a BTreeMap<AccountKind, i64>,
    /// What was known by then was looked at.
    pub as_of: Timestamp,
    /// When the report is made.
    pub made: Timestamp,
    /// How sums are written.
    pub form: CurrencyForm,
    /// SHA-256 over the plan.
    pub plan: [u8; 32],
    /// The plan's file, if one was written.
    pub plan_file: Option<&'a str>,
    /// How the run ends.
    pub exit: Exit,
    /// The program and its version.
    pub program: &'a str,
    /// What its reader reads.
    pub language: Language,
}

impl Control {
    /// Count what became of a file, and of what lay in it.
    pub fn note(&mut self, name: String, taken: Result<Taken, Skipped>) {
        match taken {
            Err(why) => {
                let (damage, why) = (why.is_damage(), why.to_string());
                self.skipped.push(SkippedFile { name, why, damage });
            }
            Ok(taken) => {
                *self.read.entry(taken.what.word()).or_default() += 1;
                self.records += taken.records as u64;
                let bundle = taken.what == What::Bundle;
                for (inside, taken) in taken.inside {
                    self.note(within(&name, bundle, &inside), taken);
                }
            }
        }
    }

    /// How many files were read.
    pub fn files(&self) -> u64 {
        self.read.values().sum()
    }

    /// How a run ends by what was not read alone.
    pub fn exit(&self) -> Exit {
        let each = self.skipped.iter();
        Exit::worst(each.map(|file| if file.damage { Exit::Damage } else { Exit::Failure }))
    }
}

/// How what lies in a file is called.
fn within(name: &str, bundle: bool, inside: &str) -> String {
    match (bundle, inside) {
        (true, "") => name.to_owned(),
        (true, _) => format!("{name}/{inside}"),
        (false, _) => format!("{name}: {inside}"),
    }
}
