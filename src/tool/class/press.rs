//! Classes of what can go wrong at a store's press.

use crate::press::PressError;
use crate::tool::Exit;

impl From<&PressError> for Exit {
    fn from(error: &PressError) -> Self {
        match error {
            PressError::Shop(error) => Self::from(error),
            PressError::Stamp(error) => Self::from(error),
            _ => Self::Refusal,
        }
    }
}
