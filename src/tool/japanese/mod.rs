//! Errors in Japanese, for the tool that owners use.
//!
//! English is the error's own message; here every variant has its Japanese one, so that an error
//! that gets a new variant doesn't compile before it has words. What lies deepest, such as a hash,
//! an offset or a rule that no honest medium breaks, stands in brackets as it is.

#[cfg(feature = "wallet")]
mod access;
#[cfg(feature = "wallet")]
mod apply;
mod check;
mod device;
#[cfg(feature = "wallet")]
mod journal;
#[cfg(feature = "wallet")]
mod take;
#[cfg(feature = "wallet")]
mod topup;

use std::error::Error;

use super::failure::explained;
use super::{Exit, Failure};
use crate::words::Phrase;

/// An error that can be told in Japanese.
pub trait Japanese: Error {
    /// The message; a sentence without its full stop.
    fn japanese(&self) -> String;
}

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
