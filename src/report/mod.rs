//! Reports: what a run of reconciling found, for accountants.
//!
//! A report is written while the entries of a plan go by, each of them held only as long as it is
//! looked at; [`Totals`] are taken from the same entries before. Text that comes from outside, such as
//! names of files, is shown and never acted on.

mod facts;
mod journal;
mod object;
mod page;
mod plots;
mod rows;
mod sheet;
mod standing;
mod table;
mod totals;
mod words;

pub use facts::{Control, Run, SkippedFile};
pub use journal::write_journal;
pub use object::{finding_objects, object};
pub use page::write_page;
pub use sheet::write_sheet;
pub use standing::{Standing, State};
pub use table::{findings, summary};
pub use totals::{ClassTotal, Totals};

use crate::reconcile::PlanError;

/// Why a report isn't written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The plan can't be read again.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What it is written to doesn't take it.
    #[error("writing the report: {0}")]
    Write(#[from] std::io::Error),
}
