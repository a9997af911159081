//! Reconciling: what a heap of evidence says, against records that a server holds.

mod evidence;
mod made;
