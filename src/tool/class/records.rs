//! Classes of what can go wrong with the records.

use crate::reconcile::DecisionError;
use crate::records::{self, OperationError, PlaceError, StorageError};
use crate::tool::Exit;

impl From<&StorageError> for Exit {
    fn from(error: &StorageError) -> Self {
        match error {
            StorageError::Failed { .. } => Self::Failure,
            StorageError::Damaged { .. } => Self::Damage,
        }
    }
}

/// A refusal, unless the database itself is to blame.
pub(super) fn operation(error: &impl OperationError) -> Exit {
    error.storage().map_or(Exit::Refusal, Exit::from)
}

impl From<&DecisionError> for Exit {
    fn from(_: &DecisionError) -> Self {
        Self::Damage
    }
}

impl From<&PlaceError> for Exit {
    fn from(_: &PlaceError) -> Self {
        Self::Usage
    }
}

impl From<&records::OpenError> for Exit {
    fn from(error: &records::OpenError) -> Self {
        operation(error)
    }
}
