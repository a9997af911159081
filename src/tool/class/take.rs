//! Classes of why content can't be taken from another medium.

use crate::ledger::funding::FundingError;
use crate::tool::Exit;
use crate::wallet::RingError;
use crate::wallet::take::{
    GiverError, OfferError, ReceiptError, ShelfError, SurveyError, TakeError, TakeRefusal,
};

impl From<&ShelfError> for Exit {
    fn from(error: &ShelfError) -> Self {
        match error {
            ShelfError::Damaged(_) => Self::Damage,
            ShelfError::Failed(_) => Self::Failure,
        }
    }
}

impl From<&SurveyError> for Exit {
    fn from(error: &SurveyError) -> Self {
        match error {
            SurveyError::Root { .. } => Self::Damage,
            SurveyError::Content(error) => Self::from(error),
            SurveyError::Interrupted(_) => Self::Interrupted,
        }
    }
}

impl From<&OfferError> for Exit {
    fn from(error: &OfferError) -> Self {
        match error {
            OfferError::Trust(error) => Self::from(error),
            OfferError::Store { .. } | OfferError::NoStore => Self::Damage,
            OfferError::Shelf(error) => Self::from(error),
        }
    }
}

impl From<&TakeRefusal> for Exit {
    fn from(_: &TakeRefusal) -> Self {
        Self::Refusal
    }
}

fn ring(error: &RingError) -> Exit {
    match error {
        RingError::Key(_) => Exit::Damage,
        RingError::Full => Exit::Refusal,
        RingError::Device(_) => Exit::Failure,
    }
}

impl From<&GiverError> for Exit {
    fn from(error: &GiverError) -> Self {
        match error {
            GiverError::Funding(FundingError::Trust(_) | FundingError::Part(_))
            | GiverError::Receipt(ReceiptError::Trust(_)) => Self::Damage,
            GiverError::Commit(error) => Self::from(error),
            GiverError::Shelf(error) => Self::from(error),
            GiverError::Ring(error) => ring(error),
            _ => Self::Refusal,
        }
    }
}

impl From<&TakeError> for Exit {
    fn from(error: &TakeError) -> Self {
        match error {
            TakeError::Refused(_) | TakeError::Gather(_) | TakeError::Unsigned(_) => Self::Refusal,
            TakeError::Commit(error) => Self::from(error),
            TakeError::Giver(error) => Self::from(error),
            TakeError::Ring(error) => ring(error),
            TakeError::Storage(error) | TakeError::Content(error) => Self::from(error),
            TakeError::Piece(_) => Self::Damage,
        }
    }
}
