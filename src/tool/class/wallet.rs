//! Classes of why an owner's medium can't be opened or written.

use crate::device::ClaimError;
use crate::fat::{ExchangeError, WriteFileError};
use crate::journal::{self, AppendError, CompactError, ReadError, StorageError};
use crate::ledger::Refusal;
use crate::tool::Exit;
use crate::trust::access::AccessError;
use crate::wallet::{
    AloneError, ApplyRefusal, CommitError, KeepError, LoginError, OpenError, PlayError, RingError,
    UnlockError, UnusableError,
};

impl From<&UnusableError> for Exit {
    fn from(error: &UnusableError) -> Self {
        match error {
            UnusableError::Unreadable(_) => Self::Failure,
            UnusableError::NoWritableArea => Self::Refusal,
            _ => Self::Damage,
        }
    }
}

impl From<&AloneError> for Exit {
    fn from(error: &AloneError) -> Self {
        match error {
            AloneError::Read(ReadError::Device(_)) | AloneError::Device(_) => Self::Failure,
            AloneError::Read(_) | AloneError::Claims(_) => Self::Damage,
        }
    }
}

impl From<&ClaimError> for Exit {
    fn from(error: &ClaimError) -> Self {
        match error {
            ClaimError::InUse { .. } => Self::Refusal,
            ClaimError::Io { .. } => Self::Failure,
        }
    }
}

impl From<&StorageError> for Exit {
    fn from(error: &StorageError) -> Self {
        match error {
            StorageError::Open(error) => Self::from(error),
            StorageError::Claim(error) => Self::from(error),
            StorageError::Length { .. } => Self::Damage,
        }
    }
}

impl From<&OpenError> for Exit {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::Journal(
                journal::OpenError::Read(ReadError::Device(_)) | journal::OpenError::Repair(_),
            )
            | OpenError::Restore(journal::RestoreError::Mirror(_))
            | OpenError::Access(_)
            | OpenError::Ring(_)
            | OpenError::Papers(_) => Self::Failure,
            _ => Self::Damage,
        }
    }
}

impl From<&UnlockError> for Exit {
    fn from(error: &UnlockError) -> Self {
        match error {
            UnlockError::Access(AccessError::WrongPassword(_)) => Self::Refusal,
            UnlockError::Device(_) | UnlockError::Access(AccessError::Memory(..)) => Self::Failure,
            _ => Self::Damage,
        }
    }
}

impl From<&Refusal> for Exit {
    fn from(_: &Refusal) -> Self {
        Self::Refusal
    }
}

impl From<&CommitError> for Exit {
    fn from(error: &CommitError) -> Self {
        match error {
            CommitError::Journal(AppendError::Device(_) | AppendError::Unsure) => Self::Failure,
            CommitError::Journal(AppendError::Lost { .. }) => Self::Damage,
            _ => Self::Refusal,
        }
    }
}

impl From<&RingError> for Exit {
    fn from(error: &RingError) -> Self {
        match error {
            RingError::Key(_) => Self::Damage,
            RingError::Full => Self::Refusal,
            RingError::Device(_) => Self::Failure,
        }
    }
}

impl From<&PlayError> for Exit {
    fn from(error: &PlayError) -> Self {
        match error {
            PlayError::Chunk { .. } | PlayError::Altered(_) => Self::Damage,
            PlayError::NoKey(_) => Self::Refusal,
            PlayError::Device { .. } => Self::Failure,
        }
    }
}

impl From<&LoginError> for Exit {
    fn from(error: &LoginError) -> Self {
        match error {
            LoginError::Commit(error) => Self::from(error),
            LoginError::Owned(_) => Self::Refusal,
            LoginError::Memory(_) | LoginError::Device(_) => Self::Failure,
        }
    }
}

impl From<&ApplyRefusal> for Exit {
    fn from(error: &ApplyRefusal) -> Self {
        match error {
            ApplyRefusal::Shape(_)
            | ApplyRefusal::NotGenuine(_)
            | ApplyRefusal::Attachments { .. }
            | ApplyRefusal::Events(..)
            | ApplyRefusal::Rival { .. } => Self::Damage,
            ApplyRefusal::Refused(refusal) => Self::from(refusal),
            _ => Self::Refusal,
        }
    }
}

impl From<&KeepError> for Exit {
    fn from(error: &KeepError) -> Self {
        match error {
            KeepError::Refused(refusal) => Self::from(refusal),
            KeepError::Journal(ReadError::Device(_)) | KeepError::Device(_) => Self::Failure,
            KeepError::Journal(_) => Self::Damage,
        }
    }
}

impl From<&CompactError> for Exit {
    fn from(error: &CompactError) -> Self {
        match error {
            CompactError::Archive(_)
            | CompactError::ArchiveDiffers { .. }
            | CompactError::Device(_) => Self::Failure,
            _ => Self::Refusal,
        }
    }
}

impl From<&ExchangeError> for Exit {
    fn from(error: &ExchangeError) -> Self {
        match error {
            ExchangeError::Write(
                WriteFileError::NoSpace { .. }
                | WriteFileError::DirectoryFull { .. }
                | WriteFileError::Name { .. }
                | WriteFileError::TooLarge { .. }
                | WriteFileError::Elsewhere { .. },
            ) => Self::Refusal,
            ExchangeError::Volume(_) | ExchangeError::Write(WriteFileError::Read(_)) => {
                Self::Damage
            }
            ExchangeError::Folder(error) => Self::from(error),
            ExchangeError::Open(error) => Self::from(error),
            _ => Self::Failure,
        }
    }
}
