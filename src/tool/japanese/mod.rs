//! Errors in Japanese, for the tool that owners use.
//!
//! English is the error's own message; here every variant has its Japanese one, so that an error
//! that gets a new variant doesn't compile before it has words. What lies deepest, such as a hash
//! or the place of a byte, is left to the English message, which `--lang en` and JSON give.

#[cfg(feature = "wallet")]
mod access;
#[cfg(feature = "wallet")]
mod apply;
mod check;
mod device;
#[cfg(feature = "wallet")]
mod exchange;
#[cfg(feature = "wallet")]
mod journal;
mod ledger;
#[cfg(feature = "wallet")]
mod take;
#[cfg(feature = "wallet")]
mod topup;
mod trust;

use super::failure::explained;
use super::{Exit, Failure};
pub use crate::words::Japanese;
use crate::words::Phrase;

/// Ends a verb with an error in both languages.
pub trait Tell<T> {
    /// The value, or the error's message under its class.
    fn or_tell(self) -> Result<T, Failure>;
}

impl<T, E: Japanese> Tell<T> for Result<T, E>
where
    for<'e> Exit: From<&'e E>,
{
    fn or_tell(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(Exit::from(&error), told(&error)))
    }
}

/// An error in both languages.
pub fn told(error: &impl Japanese) -> Phrase {
    Phrase::new(explained(error), error.japanese())
}
