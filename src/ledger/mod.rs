//! The one rule of money: `apply(State, Record) -> Result<State, Refusal>`.
//!
//! Wallet, server, verifier and tests all fold a medium's records with [`apply`], so they can't
//! disagree about a balance. It is pure: no clock, no storage, no randomness.

#[cfg(test)]
mod adversary;
mod anchor;
mod apply;
pub mod charge;
pub mod claimed;
mod event;
mod facts;
#[cfg(test)]
mod fixture;
mod fold;
pub mod funding;
mod issue;
#[cfg(test)]
mod model;
mod moves;
pub mod next;
mod planted;
mod proof;
mod refusal;
#[cfg(test)]
mod replayed;
#[cfg(test)]
mod replays;
mod rules;
mod settle;
mod settled;
mod state;
mod transfers;

pub use anchor::{Anchor, Chained, fold_journal, sheets_behind};
pub use apply::{OPEN_MAX, advance, apply, foresee};
pub use event::{earn_event, placed_event, segment_event};
pub use fold::{Fold, fold, fold_by_head, fold_settled, follow, stated_sequence};
pub use issue::{IssueError, Settler};
pub use moves::rekey_message;
pub use proof::{Hand, ProofError, Proven, check_proof};
pub use refusal::{Reason, Refusal};
pub use rules::{Asked, Rules};
pub use settle::{Account, Blame, Booked, Credits, Fork, Outcome, Settlement, settle};
pub use settled::{anchored, settled_since_hash, used};
pub use state::{
    Effect, Exposure, KeyLife, Rekeyed, Segment, Settled, State, Step, Transfer, Upload,
};
pub use transfers::offline_limits;
