//! The one rule of money: `apply(State, Record) -> Result<State, Refusal>`.
//!
//! Wallet, server, verifier and tests all fold a medium's records with [`apply`], so they can't
//! disagree about a balance. It is pure: no clock, no storage, no randomness.

mod apply;
pub mod next;
mod state;

pub use apply::{Fold, Reason, Refusal, Rules, apply, fold};
pub use state::State;
