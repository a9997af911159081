//! Scrip: author prepaid media, spend them offline, keep their money straight.
//!
//! The rooms below stand in dependency order: a room uses only rooms above it in this list.
//! `tests/tidy.rs` reads the `use crate::` lines and enforces it.

pub mod words;
pub mod units;
pub mod crypto;
pub mod format;
pub mod trust;
pub mod qr;
pub mod voucher;
pub mod device;
pub mod shop;
pub mod fat;
pub mod journal;
pub mod ledger;
pub mod image;
#[cfg(feature = "store")]
pub mod press;
pub mod wallet;
#[cfg(any(feature = "server", feature = "verify"))]
pub mod records;
#[cfg(any(feature = "server", feature = "verify"))]
pub mod reconcile;
#[cfg(feature = "server")]
pub mod issuer;
#[cfg(feature = "server")]
pub mod simulate;
pub mod tool;
#[cfg(feature = "verify")]
pub mod report;
