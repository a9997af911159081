//! Posting a plan under the settler's key.

use super::{CertifiedKey, Issuer};
use crate::ledger::Settler;
use crate::reconcile::{Plan, PlanError};
use crate::records::{Planned, PostError, Posted, Posting, Signing};
use crate::units::{Currency, Timestamp};

/// Why a plan isn't posted.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The plan can't be read.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Its sums are in another currency.
    #[error("the plan is in {found}, this issuer issues {expected}")]
    Currency {
        /// The plan's.
        found: Currency,
        /// The issuer's.
        expected: Currency,
    },
    /// A checkpoint sets the time floor of its medium: one from that day would end its certificates.
    #[error("the plan is as of {as_of}, the issuer's certificate runs to {expires}")]
    Late {
        /// The plan's time.
        as_of: Timestamp,
        /// The end of the certificate.
        expires: Timestamp,
    },
    /// The records refuse it.
    #[error(transparent)]
    Post(#[from] PostError),
}

impl Issuer {
    /// Post a plan: all of it or nothing. The same plan again answers when it was posted.
    ///
    /// The policy and what is revoked may go with its checkpoints.
    pub fn settle(
        &mut self,
        plan: &Plan,
        key: &CertifiedKey,
        now: Timestamp,
    ) -> Result<Posted, SettleError> {
        let (planned, postings) = self.planned(plan)?;
        let revoked = self.revoked.list().map(|list| list.bytes().to_vec());
        let files: Vec<_> = [self.policy.bytes().to_vec()].into_iter().chain(revoked).collect();
        let settler = Settler { key: &key.key, chain: &key.chain };
        let signing = Signing { settler, files: &files };
        Ok(self.records.post(&planned, || postings.iter().cloned(), &signing, now)?)
    }

    /// What [`Issuer::settle`] would answer; nothing is signed.
    pub fn try_settle(&mut self, plan: &Plan, now: Timestamp) -> Result<Posted, SettleError> {
        let (planned, postings) = self.planned(plan)?;
        Ok(self.records.try_post(&planned, || postings.iter().cloned(), now)?)
    }

    fn planned(&self, plan: &Plan) -> Result<(Planned, Vec<Posting>), SettleError> {
        let (found, expected) = (plan.head.currency, self.form.currency());
        if found != expected {
            return Err(SettleError::Currency { found, expected });
        }
        let (as_of, expires) = (plan.head.as_of, self.signer.certificate().expires);
        if as_of >= expires {
            return Err(SettleError::Late { as_of, expires });
        }
        let postings = plan.postings().collect::<Result<_, _>>()?;
        Ok((Planned { hash: plan.hash(), base: plan.head.base }, postings))
    }
}
