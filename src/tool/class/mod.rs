//! The class of every error that tools end with: refusal, damage or failure.
//!
//! `Exit::from(&error)` says it; [`Classed::or_fail`] ends a verb with it. Errors of one tool
//! alone stand in files of their own.

#[cfg(feature = "store")]
mod build;
mod image;
#[cfg(feature = "store")]
mod press;
#[cfg(feature = "server")]
mod issuing;
#[cfg(any(feature = "server", feature = "verify"))]
mod records;
mod shop;
#[cfg(feature = "wallet")]
mod take;
#[cfg(feature = "wallet")]
mod topup;
#[cfg(feature = "wallet")]
mod wallet;

use std::error::Error;

use super::{Exit, Failure};
use crate::device::{
    DeviceError, DiscoverError, FolderError, OpenError, TargetError, UnfinishedError,
};
use crate::format::DecodeError;
use crate::ledger::ProofError;
use crate::trust::{GrantError, KeyFileError, RevokedError, TrustError};
use crate::units::UnitError;

/// Ends a verb with the class that an error has.
pub trait Classed<T> {
    /// The value, or the error's message under its class.
    fn or_fail(self) -> Result<T, Failure>;
}

impl<T, E: Error> Classed<T> for Result<T, E>
where
    for<'e> Exit: From<&'e E>,
{
    fn or_fail(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::of(Exit::from(&error), &error))
    }
}

impl From<&UnitError> for Exit {
    fn from(_: &UnitError) -> Self {
        Self::Usage
    }
}

impl From<&DecodeError> for Exit {
    fn from(_: &DecodeError) -> Self {
        Self::Damage
    }
}

impl From<&TrustError> for Exit {
    fn from(error: &TrustError) -> Self {
        match error {
            TrustError::Expired { .. } | TrustError::TestRoot(_) => Self::Refusal,
            _ => Self::Damage,
        }
    }
}

impl From<&ProofError> for Exit {
    fn from(error: &ProofError) -> Self {
        match error {
            ProofError::Trust(error) => Self::from(error),
            _ => Self::Damage,
        }
    }
}

impl From<&GrantError> for Exit {
    fn from(error: &GrantError) -> Self {
        match error {
            GrantError::Slots { .. } => Self::Damage,
            _ => Self::Refusal,
        }
    }
}

impl From<&RevokedError> for Exit {
    fn from(_: &RevokedError) -> Self {
        Self::Refusal
    }
}

impl From<&KeyFileError> for Exit {
    fn from(error: &KeyFileError) -> Self {
        match error {
            KeyFileError::WrongPassphrase { .. }
            | KeyFileError::Locked { .. }
            | KeyFileError::Bare { .. } => Self::Refusal,
            KeyFileError::OutOfMemory(_) => Self::Failure,
            _ => Self::Damage,
        }
    }
}

impl From<&FolderError> for Exit {
    fn from(error: &FolderError) -> Self {
        match error {
            FolderError::Exists { .. } | FolderError::Locked { .. } => Self::Refusal,
            FolderError::TooLong { .. } => Self::Damage,
            FolderError::Name { .. } => Self::Usage,
            _ => Self::Failure,
        }
    }
}

impl From<&DeviceError> for Exit {
    fn from(_: &DeviceError) -> Self {
        Self::Failure
    }
}

impl From<&DiscoverError> for Exit {
    fn from(_: &DiscoverError) -> Self {
        Self::Failure
    }
}

impl From<&TargetError> for Exit {
    fn from(error: &TargetError) -> Self {
        match error {
            TargetError::Discover(error) => Self::from(error),
            TargetError::Open(error) => Self::from(error),
            TargetError::Refused(_) | TargetError::TooShort { .. } => Self::Refusal,
        }
    }
}

impl From<&OpenError> for Exit {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::Exists { .. } | OpenError::NotStorage { .. } | OpenError::Busy { .. } => {
                Self::Refusal
            }
            _ => Self::Failure,
        }
    }
}

impl From<&UnfinishedError> for Exit {
    fn from(error: &UnfinishedError) -> Self {
        match error {
            UnfinishedError::Folder(error) => Self::from(error),
            UnfinishedError::Open(error) => Self::from(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_verb_ends_with_the_class_of_its_error() {
        let path = || PathBuf::from("kit");
        let cases: [(FolderError, Exit); 4] = [
            (FolderError::Exists { path: path() }, Exit::Refusal),
            (FolderError::Missing { path: path() }, Exit::Failure),
            (FolderError::TooLong { path: path(), len: 9, max: 8 }, Exit::Damage),
            (FolderError::Name { path: path(), name: "/".to_owned() }, Exit::Usage),
        ];
        for (error, exit) in cases {
            let message = error.to_string();
            let failure = Err::<(), _>(error).or_fail().unwrap_err();
            assert_eq!((failure.exit(), failure.message()), (exit, message.as_str()));
        }
        let role = || "issuer".to_owned();
        assert_eq!(Exit::from(&KeyFileError::WrongPassphrase { role: role() }), Exit::Refusal);
        let reason = String::new();
        assert_eq!(Exit::from(&KeyFileError::Malformed { role: role(), reason }), Exit::Damage);
    }
}
