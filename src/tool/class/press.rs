//! Classes of what can go wrong at a store's press.

use crate::image::items::ItemKeysError;
use crate::image::restamp::RestampError;
use crate::press::{KioskError, PressError, RefreshError};
use crate::tool::Exit;

impl From<&PressError> for Exit {
    fn from(error: &PressError) -> Self {
        match error {
            PressError::Shop(error) => Self::from(error),
            PressError::Stamp(error) => Self::from(error),
            PressError::Items(ItemKeysError::Item { .. }) => Self::Damage,
            PressError::Items(ItemKeysError::Device(_)) => Self::Failure,
            _ => Self::Refusal,
        }
    }
}

impl From<&KioskError> for Exit {
    fn from(error: &KioskError) -> Self {
        match error {
            KioskError::Press(error) => Self::from(error),
            KioskError::NoItem { .. } | KioskError::TooMany { .. } => Self::Usage,
            KioskError::Nothing(_) | KioskError::Empty(_) => Self::Refusal,
            KioskError::Copy { .. } => Self::Damage,
            KioskError::Device { .. } => Self::Failure,
            KioskError::Folder(error) => Self::from(error),
            KioskError::Open(error) => Self::from(error),
            KioskError::Interrupted => Self::Interrupted,
        }
    }
}

impl From<&RefreshError> for Exit {
    fn from(error: &RefreshError) -> Self {
        match error {
            RefreshError::Shop(error) => Self::from(error),
            RefreshError::Restamp(error) => Self::from(error),
            RefreshError::Journal { .. } => Self::Damage,
        }
    }
}

impl From<&RestampError> for Exit {
    fn from(error: &RestampError) -> Self {
        match error {
            RestampError::Check(error) => Self::from(error),
            RestampError::Reseal(error) => Self::from(error),
            RestampError::NotIntact { .. } | RestampError::Stray { .. } => Self::Damage,
            RestampError::Tree(_) | RestampError::Device { .. } | RestampError::ReadBack { .. } => {
                Self::Failure
            }
            _ => Self::Refusal,
        }
    }
}
