//! Classes of what can go wrong in a store's folder.

use crate::shop::{ExportError, Refusal, ShopError};
use crate::tool::Exit;

impl From<&Refusal> for Exit {
    fn from(_: &Refusal) -> Self {
        Self::Refusal
    }
}

impl From<&ShopError> for Exit {
    fn from(error: &ShopError) -> Self {
        match error {
            ShopError::Refused(refusal) => Self::from(refusal),
            ShopError::Key(error) => Self::from(error),
            ShopError::Log(_) | ShopError::Damaged { .. } => Self::Damage,
            ShopError::Folder(error) => Self::from(error),
        }
    }
}

impl From<&ExportError> for Exit {
    fn from(error: &ExportError) -> Self {
        match error {
            ExportError::Trust(error) => Self::from(error),
            ExportError::Unpinned(_) => Self::Refusal,
            _ => Self::Damage,
        }
    }
}
