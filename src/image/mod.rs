//! Recipe to plan to bytes to verdict: partition table, hash tree, stamping, burning, checking.

mod body;
pub mod burn;
pub mod check;
pub mod edition;
pub mod gpt;
pub mod layout;
pub mod leaves;
pub mod manifest;
pub mod sealed;
pub mod stamp;
pub mod tree;
