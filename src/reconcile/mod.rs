//! Reconciling: any heap of evidence against the records, up to a plan that another hand posts.
//!
//! Nothing is changed, and no clock is asked: bytes are read where they lie, and what is found of a
//! medium is put down where the caller says, so that memory doesn't grow with the evidence. Order, repetition and partition of the evidence change nothing: what is read becomes a set
//! of signed objects by their hashes, and all that follows is a function of that set.
//!
//! 1. [`Index`] notes where each medium's pieces lie, in files and in bundles; [`Heap`] identifies each
//!    by its content and keeps what verifies up to a pinned root.
//! 2. [`branches`] links one medium's records into chains and folds each with [`crate::ledger`].
//! 3. [`reconcile_all`] judges medium by medium, several at once: settles its branches, classifies what
//!    differs from the records as findings, and makes what is to be posted. Fees, closed segments and
//!    vouchers are exchanged as compact facts; the media that this touches are judged again.
//! 4. A [`PlanWriter`] writes the entries by their media, a [`PlanReader`] reads them so.

mod answered;
mod areas;
mod branches;
mod bundle;
mod checked;
mod conclude;
mod decisions;
mod evidence;
mod files;
mod finding;
mod first;
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
mod said;
mod shown;
mod sold;
mod still;
mod taken;
mod told;
mod transfers;
mod twins;
mod written;

pub use branches::{Branch, Branches, Orphans, Refused, branches};
pub use bundle::{BundleError, Form, Member, Members, is_bundle};
pub use decisions::{DecisionError, Decisions, Standing, read_decision};
pub use evidence::{EachJournal, Evidence};
pub use finding::{class_number, general_rule, shown_id};
pub use heap::Heap;
pub use index::{Index, Reading};
pub use judged::Signatures;
pub use passes::{Run, RunError};
pub use pieces::{Carried, Certified, Damage, Pieces, Rights, Ruling, Tip};
pub use plan::{PLAN_VERSION, Plan, PlanError, moves_of};
pub use proof::{Unproven, fork_proof, rival_entries};
pub use remembered::is_believed;
pub use run::{Books, Journalled, Reconciled, Terms, reconcile, reconcile_all};
pub use still::{Held, Unchanged};
pub use taken::{Skipped, Taken, What};
pub use written::{PlanReader, PlanWriter};
