//! Replacing a lost or broken medium: it is revoked, what was settled on it waits, and then goes to
//! the one that takes its place.

use super::{CertifiedKey, ClockError, Issuer, RevocationError, Revoke};
use crate::ledger::Settler;
use crate::records::{ReplaceError as Refused, Replacement, Signing, StorageError};
use crate::trust::RevokedError;
use crate::units::{Amount, MediumId, Timestamp};

/// So many days what was settled waits for evidence that is still on its way.
pub const HOLD_DAYS: u64 = 14;
/// The longest wait, in days.
pub const HOLD_DAYS_MAX: u64 = 3_650;

/// Who takes whose place, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replacing {
    /// The medium that is lost or broke.
    pub lost: MediumId,
    /// The one in its place.
    pub heir: MediumId,
    /// How many days what was settled waits.
    pub hold_days: u64,
}

/// How far a replacement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced {
    /// What is kept of it.
    pub replacement: Replacement,
    /// What would go over now; what went over stands in the replacement.
    pub waiting: Amount,
}

/// Why a medium isn't replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// A clock that nothing is signed under.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// Waiting too long.
    #[error("{0} days to wait, at most {HOLD_DAYS_MAX}")]
    Days(u64),
    /// The heir is revoked.
    #[error(transparent)]
    Revoked(#[from] RevokedError),
    /// The lost one can't be revoked.
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    /// The records refuse it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Issuer {
    /// Replace a medium as far as it can be by now: revoke it and keep since when, the first time;
    /// credit the heir, once the wait is over. Asked again it goes on where it stands.
    pub fn replace(
        &mut self,
        replacing: &Replacing,
        [issuer, settler]: [&CertifiedKey; 2],
        now: Timestamp,
    ) -> Result<Replaced, ReplaceError> {
        let Replacing { lost, heir, hold_days } = *replacing;
        let replacement = if let Some(known) = self.check_replace(replacing, now)? {
            known
        } else {
            let list = self.revoke(&Revoke::Medium(lost), issuer, now)?;
            let due = now.plus_days(hold_days);
            self.records.begin_replacement([lost, heir], list, due, now)?
        };
        if now < replacement.due {
            let waiting = self.records.owed_to_heir(lost)?;
            return Ok(Replaced { replacement, waiting });
        }
        let settler = Settler { key: &settler.key, chain: &settler.chain };
        let signing = Signing { settler, files: &[] };
        let replacement = self.records.credit_heir(&replacement, &signing, now)?;
        Ok(Replaced { replacement, waiting: self.records.owed_to_heir(lost)? })
    }

    /// Refuse what can't be replaced; what is kept of it already.
    pub fn check_replace(
        &mut self,
        replacing: &Replacing,
        now: Timestamp,
    ) -> Result<Option<Replacement>, ReplaceError> {
        let Replacing { lost, heir, hold_days } = *replacing;
        self.check_clock(now)?;
        if hold_days > HOLD_DAYS_MAX {
            return Err(ReplaceError::Days(hold_days));
        }
        let known = self.records.check_replacement(lost, heir)?;
        self.revoked.check_medium(heir)?;
        Ok(known)
    }
}
