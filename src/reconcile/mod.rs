//! Reconciling: any heap of evidence against the records, up to a plan that another hand posts.
//!
//! It is pure: bytes come through readers that the caller opens, nothing is written, and no clock is
//! asked. Order, repetition and partition of the evidence change nothing: what is read becomes a set
//! of signed objects by their hashes, and all that follows is a function of that set.
//!
//! 1. [`Heap`] identifies each file by its content and keeps what verifies up to a pinned root.
//! 2. [`branches`] links one medium's records into chains and folds each with [`crate::ledger`].
//! 3. [`reconcile`] settles them, joins transfers across media, classifies what differs from the
//!    records as findings, and puts what is to be posted into a [`Plan`].

mod answered;
mod areas;
mod branches;
mod bundle;
mod conclude;
mod decisions;
mod files;
mod finding;
mod frames;
mod heap;
mod index;
mod judged;
mod lifted;
mod looks;
mod memo;
mod moves;
mod passes;
mod pieces;
mod plan;
mod proof;
mod remembered;
mod run;
mod shown;
mod sold;
mod taken;
mod transfers;
mod twins;
mod written;

pub use branches::{Branch, Branches, Orphans, Refused, branches};
pub use bundle::{BundleError, Form, Member, Members, is_bundle};
pub use decisions::{DecisionError, Decisions, Standing, read_decision};
pub use finding::{class_number, general_rule, shown_id};
pub use heap::Heap;
pub use index::{Index, Reading, UNITS_MAX};
pub use judged::Signatures;
pub use passes::{EachJournal, Evidence, Run, RunError};
pub use pieces::{Carried, Certified, Damage, Pieces, Rights, Ruling, Tip};
pub use plan::{PLAN_VERSION, Plan, PlanError, moves_of};
pub use proof::{Unproven, fork_proof, rival_entries};
pub use run::{Books, Journalled, Reconciled, Terms, reconcile, reconcile_all};
pub use taken::{Skipped, Taken, What};
pub use written::{PlanReader, PlanWriter};
