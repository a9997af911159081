//! Classes of what can go wrong at the issuer: its folder, its records.

use super::records::operation;
use crate::issuer::{
    BlanksError, CodeSaleError, DecideError, EnrolError, FoundError, JournalError, KeyError,
    NameError, OpenError, ReplaceError, RequestError, RevocationError, SettleError, StaffError,
};
use crate::reconcile::PlanError;
use crate::records::{self, CopyError, PaymentError, PostError, StatementError};
use crate::tool::Exit;

impl From<&CopyError> for Exit {
    fn from(error: &CopyError) -> Self {
        match error {
            CopyError::Exists(_) => Self::Refusal,
            CopyError::Stopped(_) => Self::Interrupted,
            CopyError::Open(error) => Self::from(error),
            CopyError::Storage(error) => Self::from(error),
        }
    }
}

impl From<&StatementError> for Exit {
    fn from(error: &StatementError) -> Self {
        operation(error)
    }
}

impl From<&PlanError> for Exit {
    fn from(error: &PlanError) -> Self {
        match error {
            PlanError::Version(_) => Self::Refusal,
            PlanError::Device(_) => Self::Failure,
            _ => Self::Damage,
        }
    }
}

impl From<&SettleError> for Exit {
    fn from(error: &SettleError) -> Self {
        match error {
            SettleError::Post(PostError::Unread(_)) => Self::Damage,
            SettleError::Post(PostError::Device(error)) => Self::from(error),
            SettleError::Post(error) => operation(error),
            SettleError::Currency { .. } | SettleError::Late { .. } => Self::Refusal,
        }
    }
}

impl From<&StaffError> for Exit {
    fn from(error: &StaffError) -> Self {
        match error {
            StaffError::Clock(_) => Self::Refusal,
            StaffError::Name(error) => Self::from(error),
            StaffError::Folder(error) => Self::from(error),
            StaffError::Key(error) => Self::from(error),
        }
    }
}

impl From<&DecideError> for Exit {
    fn from(error: &DecideError) -> Self {
        match error {
            DecideError::Reason | DecideError::Count(_) => Self::Usage,
            DecideError::Signed(error) => Self::from(error),
            DecideError::Records { source, .. } => operation(source),
            DecideError::Storage(error) => Self::from(error),
            _ => Self::Refusal,
        }
    }
}

impl From<&ReplaceError> for Exit {
    fn from(error: &ReplaceError) -> Self {
        match error {
            ReplaceError::Days(_) => Self::Usage,
            ReplaceError::Revocation(error) => Self::from(error),
            ReplaceError::Refused(records::ReplaceError::Checkpoint { .. }) => Self::Damage,
            ReplaceError::Refused(error) => operation(error),
            ReplaceError::Storage(error) => Self::from(error),
            ReplaceError::Clock(_) | ReplaceError::Revoked(_) => Self::Refusal,
        }
    }
}

impl From<&NameError> for Exit {
    fn from(_: &NameError) -> Self {
        Self::Usage
    }
}

impl From<&OpenError> for Exit {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::NoIssuer { .. } => Self::Failure,
            OpenError::Folder(error) => Self::from(error),
            OpenError::Decode { .. } | OpenError::Trust { .. } | OpenError::Policy(_) => {
                Self::Damage
            }
            OpenError::Records(error) => Self::from(error),
        }
    }
}

impl From<&FoundError> for Exit {
    fn from(error: &FoundError) -> Self {
        match error {
            FoundError::Name(_) | FoundError::Rounds { .. } => Self::Usage,
            FoundError::Cheap { .. } => Self::Refusal,
            FoundError::Folder(error) => Self::from(error),
            FoundError::Key(error) => Self::from(error),
            FoundError::Records(error) => Self::from(error),
            FoundError::Open(error) => Self::from(error),
        }
    }
}

impl From<&KeyError> for Exit {
    fn from(error: &KeyError) -> Self {
        match error {
            KeyError::Folder(error) => Self::from(error),
            KeyError::File { source, .. } => Self::from(source),
            KeyError::Decode { .. } | KeyError::Trust { .. } | KeyError::Mismatch { .. } => {
                Self::Damage
            }
        }
    }
}

impl From<&RequestError> for Exit {
    fn from(_: &RequestError) -> Self {
        Self::Damage
    }
}

impl From<&EnrolError> for Exit {
    fn from(error: &EnrolError) -> Self {
        match error {
            EnrolError::Records(error) => operation(error),
            EnrolError::Storage(error) => Self::from(error),
            _ => Self::Refusal,
        }
    }
}

impl From<&BlanksError> for Exit {
    fn from(error: &BlanksError) -> Self {
        match error {
            BlanksError::Count { .. } | BlanksError::Twice(_) => Self::Usage,
            BlanksError::SealKey { .. } => Self::Damage,
            BlanksError::Media(error) => operation(error),
            BlanksError::Kit(error) => operation(error),
            BlanksError::Storage(error) => Self::from(error),
            BlanksError::BrokenOff { .. } => Self::Interrupted,
            BlanksError::Store(_)
            | BlanksError::UnknownMedium(_)
            | BlanksError::OtherStore { .. }
            | BlanksError::Revoked(_)
            | BlanksError::Sheet(_)
            | BlanksError::Clock(_) => Self::Refusal,
        }
    }
}

impl From<&CodeSaleError> for Exit {
    fn from(error: &CodeSaleError) -> Self {
        match error {
            CodeSaleError::Revoked(_) => Self::Refusal,
            CodeSaleError::Held(error) => operation(error),
            CodeSaleError::Storage(error) => Self::from(error),
        }
    }
}

impl From<&RevocationError> for Exit {
    fn from(error: &RevocationError) -> Self {
        match error {
            RevocationError::Store(error) => operation(error),
            RevocationError::Open(error) => Self::from(error),
            RevocationError::Folder(error) => Self::from(error),
            RevocationError::Storage(error) => Self::from(error),
            RevocationError::Trust(error) => Self::from(error),
            RevocationError::Journal(_) => Self::Damage,
            _ => Self::Refusal,
        }
    }
}

impl From<&JournalError> for Exit {
    fn from(error: &JournalError) -> Self {
        match error {
            JournalError::Export(error) => Self::from(error),
            JournalError::NoStore | JournalError::Voids { .. } => Self::Damage,
            JournalError::Currency { .. } => Self::Refusal,
            JournalError::Records(error) => operation(error),
        }
    }
}

impl From<&PaymentError> for Exit {
    fn from(error: &PaymentError) -> Self {
        match error {
            PaymentError::Nothing | PaymentError::Reference(_) => Self::Usage,
            _ => operation(error),
        }
    }
}
