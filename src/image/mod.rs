//! Recipe to plan to bytes to verdict: partition table, hash tree, stamping, burning, checking.

pub mod tree;
