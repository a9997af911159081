//! What a run of reconciling leaves for accountants and their programs.

mod browser;
mod ledger;
mod page;
mod programs;
mod statements;
mod town;
