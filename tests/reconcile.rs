//! Reconciling: what a heap of evidence says, against records that a server holds.

mod at_stake;
mod bounds;
mod classes;
mod decided;
mod desk;
mod evidence;
mod made;
mod office;
mod proofs;
mod remembered;
mod replaced;
mod same;
mod still;
mod tool;
mod transfers;
