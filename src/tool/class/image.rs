//! Classes of what can go wrong with editions.

use crate::image::burn::BurnError;
use crate::image::check::CheckError;
use crate::image::edition::EditionError;
use crate::image::reseal::ResealError;
use crate::image::sealed::SealError;
use crate::image::stamp::StampError;
use crate::tool::Exit;

impl From<&EditionError> for Exit {
    fn from(error: &EditionError) -> Self {
        match error {
            EditionError::Decode { .. }
            | EditionError::Foreign { .. }
            | EditionError::Length { .. } => Self::Damage,
            EditionError::Layout(_) | EditionError::Room { .. } => Self::Refusal,
            EditionError::Interrupted(_) => Self::Interrupted,
            EditionError::Contents(_) | EditionError::Device(_) => Self::Failure,
        }
    }
}

impl From<&SealError> for Exit {
    fn from(error: &SealError) -> Self {
        match error {
            SealError::Edition(error) => Self::from(error),
            SealError::Trust(error) => Self::from(error),
            SealError::Unsigned(_)
            | SealError::Unpinned { .. }
            | SealError::SignedElsewhere { .. } => Self::Refusal,
            SealError::Device(error) => Self::from(error),
            SealError::Interrupted => Self::Interrupted,
            _ => Self::Damage,
        }
    }
}

impl From<&CheckError> for Exit {
    fn from(error: &CheckError) -> Self {
        match error {
            CheckError::Interrupted => Self::Interrupted,
            CheckError::TestRoot(_) => Self::Refusal,
            CheckError::Device(_) | CheckError::List(_) | CheckError::Open(_) => Self::Failure,
        }
    }
}

impl From<&ResealError> for Exit {
    fn from(error: &ResealError) -> Self {
        match error {
            ResealError::Check(error) => Self::from(error),
            ResealError::NotTouched { .. } | ResealError::StillNot { .. } => Self::Damage,
            ResealError::Device { .. } | ResealError::ReadBack { .. } => Self::Failure,
        }
    }
}

impl From<&StampError> for Exit {
    fn from(error: &StampError) -> Self {
        match error {
            StampError::Memory(_) | StampError::Device(_) | StampError::Fill(_) => Self::Failure,
            _ => Self::Refusal,
        }
    }
}

impl From<&BurnError> for Exit {
    /// Storage that doesn't give back what was written to it has failed.
    fn from(error: &BurnError) -> Self {
        match error {
            BurnError::TooSmall { .. } | BurnError::Sectors(_) | BurnError::OtherStorage { .. } => {
                Self::Refusal
            }
            BurnError::EditionChanged { .. } => Self::Damage,
            BurnError::Interrupted => Self::Interrupted,
            _ => Self::Failure,
        }
    }
}
