//! A store's folder: keys, kits, stock, signed sales journal, burn record.

pub mod books;
#[cfg(feature = "store")]
pub mod labels;
pub mod log;
mod refusal;

pub use refusal::Refusal;
