//! Classes of why a top-up adds nothing.

use crate::qr::PictureError;
use crate::tool::Exit;
use crate::wallet::{EntryError, TopupRefusal};

impl From<&EntryError> for Exit {
    fn from(error: &EntryError) -> Self {
        match error {
            EntryError::VoucherText(_)
            | EntryError::VoucherFile(_)
            | EntryError::Picture(PictureError::Damaged(_)) => Self::Damage,
            _ => Self::Refusal,
        }
    }
}

impl From<&TopupRefusal> for Exit {
    fn from(refusal: &TopupRefusal) -> Self {
        match refusal {
            TopupRefusal::DamagedSheet(_) | TopupRefusal::NotGenuine(_) => Self::Damage,
            _ => Self::Refusal,
        }
    }
}
