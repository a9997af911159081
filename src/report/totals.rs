//! What the entries of a plan add up to.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use super::standing::{Standing, State, is_explained};
use crate::format::plan::{AccountKind, Class, PlanEntry};
use crate::tool::Exit;
use crate::units::StoreId;

/// Sums over all entries of a plan; money in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// Media in the evidence.
    pub media: u64,
    /// Media that are to be settled.
    pub postings: u64,
    /// Findings.
    pub findings: u64,
    /// Findings by class, each that there is.
    pub classes: BTreeMap<Class, ClassTotal>,
    /// Findings by where they stand.
    pub states: BTreeMap<State, u64>,
    /// What moves, by the kinds of account that are debited and credited.
    pub flows: BTreeMap<(AccountKind, AccountKind), u64>,
    /// Classes of findings that nobody explained.
    pub unexplained: BTreeSet<Class>,
    /// Stores that findings name.
    pub stores: BTreeSet<StoreId>,
}

/// How many findings of a class there are, and their sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassTotal {
    /// How many.
    pub count: u64,
    /// Their amounts, minor units.
    pub minor: i64,
}

impl Totals {
    /// Add up entries.
    pub fn of<E: Borrow<PlanEntry>, X>(
        entries: impl IntoIterator<Item = Result<E, X>>,
    ) -> Result<Self, X> {
        let mut totals = Self::default();
        for entry in entries {
            totals.add(entry?.borrow());
        }
        Ok(totals)
    }

    /// Add one entry.
    pub fn add(&mut self, entry: &PlanEntry) {
        self.media += u64::from(entry.medium.is_some());
        for finding in &entry.findings {
            self.findings += 1;
            let class = self.classes.entry(finding.class).or_default();
            class.count += 1;
            class.minor = class.minor.saturating_add(finding.amount);
            *self.states.entry(Standing::of(entry, finding).state).or_default() += 1;
            self.stores.extend(finding.store);
            if !is_explained(finding) {
                self.unexplained.insert(finding.class);
            }
        }
        let Some(posting) = &entry.posting else { return };
        self.postings += 1;
        for one in &posting.moves {
            let sum = self.flows.entry((one.debit.kind, one.credit.kind)).or_default();
            *sum = sum.saturating_add(one.amount.minor());
        }
    }

    /// How a run ends by its findings alone, beside those that were explained.
    pub fn exit(&self) -> Exit {
        Exit::worst(self.unexplained.iter().map(|class| match class {
            Class::Matched => Exit::Done,
            Class::Damaged | Class::BadSignature => Exit::Damage,
            _ => Exit::Differences,
        }))
    }

    /// What the plan changes of each kind of account: debits less credits, minor units.
    pub fn changes(&self) -> BTreeMap<AccountKind, i64> {
        let mut changes: BTreeMap<AccountKind, i64> = BTreeMap::new();
        for ((debit, credit), sum) in &self.flows {
            let sum = i64::try_from(*sum).unwrap_or(i64::MAX);
            for (kind, sum) in [(debit, sum), (credit, -sum)] {
                let change = changes.entry(*kind).or_default();
                *change = change.saturating_add(sum);
            }
        }
        changes
    }
}
