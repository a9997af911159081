//! Populations of simulated owners: real signed journals, sheets, vouchers, receipts and records.
//!
//! A population follows from its seed: a test issuer, which no release trusts, its stores, and
//! owners in small circles who top up, buy, play and send each other what they have. Everything is
//! made by the rooms above, and signed; the exports are what `scrip-wallet export` and `scrip-store
//! journal export` write. What every medium has by the rules is kept by a bookkeeping of its own,
//! [`Holding`], which knows nothing of the ledger. On some media something is planted: one of
//! [`Dial`], and the truth says which finding the evidence of it implies.
//!
#![doc = include_str!("SPEC.md")]

mod agenda;
mod calendar;
mod chance;
mod circle;
mod counter;
mod dials;
mod fetch;
mod outcome;
mod plant;
mod population;
mod purse;
mod rogue;
mod run;
mod setting;
mod tally;
mod truth;
mod visit;

pub use dials::{Dial, Dials, RATE_ALL};
pub use outcome::Books;
pub use population::{MEDIA_MAX, Population, PopulationError};
pub use run::simulate;
pub use tally::Holding;
pub use truth::{MediumTruth, Planted, Truth};

use crate::device::FolderError;
use crate::image::stamp::StampError;
use crate::issuer;
use crate::shop::ShopError;

/// What a population is made on: where its files go, and who watches.
pub trait Desk: Sync {
    /// Write a file of the population's folder; its name has `/` between folders.
    fn put(&self, name: &str, bytes: &[u8]) -> std::io::Result<()>;
    /// Hear how far a stage is.
    fn at(&self, stage: Stage, done: u64, all: u64);
    /// Is it to be broken off?
    fn stops(&self) -> bool;
}

impl dyn Desk + '_ {
    fn go_on(&self, stage: Stage, done: u64, all: u64) -> Result<(), SimulateError> {
        self.at(stage, done, all);
        if self.stops() { Err(SimulateError::Stopped) } else { Ok(()) }
    }
}

/// What is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Stores are enrolled and get their kits.
    Stocking,
    /// Stores burn and sell.
    Selling,
    /// Owners live.
    Living,
    /// Journals are booked.
    Importing,
}

/// Why no population is made.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// It can't be.
    #[error(transparent)]
    Population(#[from] PopulationError),
    /// Somebody stopped it.
    #[error("broken off")]
    Stopped,
    /// A file can't be written.
    #[error("writing the population: {0}")]
    Put(#[from] std::io::Error),
    /// A folder can't be made or read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The issuer.
    #[error(transparent)]
    Found(#[from] issuer::FoundError),
    /// A key of the issuer.
    #[error(transparent)]
    Key(#[from] issuer::KeyError),
    /// A store's request.
    #[error(transparent)]
    Request(#[from] issuer::RequestError),
    /// A store's enrolment.
    #[error(transparent)]
    Enrol(#[from] issuer::EnrolError),
    /// A store's kit.
    #[error(transparent)]
    Blanks(#[from] issuer::BlanksError),
    /// A store.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// A medium's stamp.
    #[error(transparent)]
    Stamp(#[from] StampError),
    /// A revocation.
    #[error(transparent)]
    Revoke(#[from] issuer::RevocationError),
    /// A checkpoint.
    #[error(transparent)]
    Issue(#[from] crate::ledger::IssueError),
    /// A plan.
    #[error(transparent)]
    Settle(#[from] issuer::SettleError),
    /// The records.
    #[error(transparent)]
    Storage(#[from] crate::records::StorageError),
    /// A store's journal.
    #[error(transparent)]
    Journal(#[from] issuer::JournalError),
}
