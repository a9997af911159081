//! Classes of what can go wrong with editions.

use crate::image::check::CheckError;
use crate::image::edition::EditionError;
use crate::image::reseal::ResealError;
use crate::image::sealed::SealError;
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
            SealError::Unsigned(_) => Self::Refusal,
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
