//! A store's folder: keys, kits, stock, signed sales journal, burn record.
//!
//! [`Shop::init`] makes the keys and an enrolment request; [`Shop::open`] locks the folder, reads
//! and verifies all that is in it and folds the journal over the kits into [`books::Books`];
//! [`Shop::accept`] takes certificates, kits and lists; the rest adds entries to the journal. Only
//! the journal and what was accepted are stored: stock, quota and serials are derived from them.
//!
#![doc = include_str!("SPEC.md")]

mod accept;
pub mod books;
mod burn;
mod combine;
mod enrolled;
mod enter;
mod export;
#[cfg(feature = "store")]
pub mod labels;
pub mod log;
mod open;
#[cfg(feature = "store")]
mod page;
mod receipt;
mod refusal;
mod sale;
mod secrets;
mod stamps;
mod status;

pub use accept::{Accepted, chain_root};
pub use burn::ReservedBlank;
pub use export::{Export, ExportError, read_export, read_export_by_head};
pub use open::{Shop, Writing, needs_passphrase};
#[cfg(feature = "store")]
pub use page::receipt_page;
pub use receipt::Receipt;
pub use refusal::Refusal;
pub use sale::{SoldCode, VOUCHER_DAYS};
pub use secrets::{BurnSecrets, first_password};
pub use stamps::{KeptStamp, KeptStampError};
pub use status::{AmountLine, MediaLine, Status};

use crate::device::FolderError;
use crate::trust::{KeyFileError, TrustError};
use crate::voucher::kit::KitError;

/// Why a step in a store's folder wasn't done; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A key file can't be opened.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The journal isn't what it should be.
    #[error(transparent)]
    Log(#[from] log::LogError),
    /// A file of the folder, or one that was to be accepted, isn't what it should be.
    #[error("{file}: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The folder couldn't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

impl ShopError {
    fn damaged(file: impl Into<String>, reason: &dyn std::fmt::Display) -> Self {
        Self::Damaged { file: file.into(), reason: reason.to_string() }
    }
}

/// Is a chain refused by a rule, or because its bytes are wrong?
fn trust_error(file: &str, error: TrustError) -> ShopError {
    match error {
        TrustError::Expired { .. } | TrustError::TestRoot(_) => Refusal::Certificate(error).into(),
        other => ShopError::damaged(file, &other),
    }
}

fn kit_error(file: &str, error: KitError) -> ShopError {
    match error {
        KitError::OtherStore { found, expected } => {
            Refusal::OtherStore { what: "kit", found, expected }.into()
        }
        KitError::Trust(error) => trust_error(file, error),
        other => ShopError::damaged(file, &other),
    }
}
