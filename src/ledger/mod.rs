//! The one rule of money: `apply(State, Record) -> Result<State, Refusal>`.
