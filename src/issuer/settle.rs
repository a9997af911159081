//! Posting a plan under the settler's key.

use super::{CertifiedKey, Issuer};
use crate::device::Device;
use crate::ledger::Settler;
use crate::reconcile::{PlanError, PlanReader};
use crate::records::{Planned, PostError, Posted, Posting, Signing};
use crate::units::{Currency, Timestamp};

/// Why a plan isn't posted.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
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
    pub fn settle<D: Device>(
        &mut self,
        plan: &PlanReader<D>,
        key: &CertifiedKey,
        now: Timestamp,
    ) -> Result<Posted, SettleError> {
        let planned = self.planned(plan)?;
        let revoked = self.revoked.list().map(|list| list.bytes().to_vec());
        let files: Vec<_> = [self.policy.bytes().to_vec()].into_iter().chain(revoked).collect();
        let settler = Settler { key: &key.key, chain: &key.chain };
        let signing = Signing { settler, files: &files };
        let newest = self.newest();
        Ok(self.records.post(&planned, || postings(plan, newest), &signing, now)?)
    }

    /// What [`Issuer::settle`] would answer; nothing is signed.
    pub fn try_settle<D: Device>(
        &mut self,
        plan: &PlanReader<D>,
        now: Timestamp,
    ) -> Result<Posted, SettleError> {
        let planned = self.planned(plan)?;
        let newest = self.newest();
        Ok(self.records.try_post(&planned, || postings(plan, newest), now)?)
    }

    fn newest(&self) -> Newest {
        let list = self.revoked.list().map(|list| (list.number, list.hash()));
        Newest { policy: (self.policy.number, self.policy.hash()), list }
    }

    fn planned<D: Device>(&self, plan: &PlanReader<D>) -> Result<Planned, SettleError> {
        let head = plan.head();
        let (found, expected) = (head.currency, self.form.currency());
        if found != expected {
            return Err(SettleError::Currency { found, expected });
        }
        let (as_of, expires) = (head.as_of, self.signer.certificate().expires);
        if as_of >= expires {
            return Err(SettleError::Late { as_of, expires });
        }
        Ok(Planned { hash: plan.hash(), base: head.base })
    }
}

/// Number and hash of the newest policy and revocation list.
#[derive(Debug, Clone, Copy)]
struct Newest {
    policy: (u64, [u8; 32]),
    list: Option<(u64, [u8; 32])>,
}

impl Newest {
    /// Have what is newer than what the evidence shows go with a checkpoint.
    fn with(self, mut posting: Posting) -> Posting {
        let checkpoint = &mut posting.checkpoint;
        let policy = Some(self.policy).filter(|(number, _)| *number > checkpoint.policy);
        let list = self.list.filter(|(number, _)| *number > checkpoint.revocation);
        for (_, hash) in policy.into_iter().chain(list) {
            if !checkpoint.attachments.0.contains(&hash) {
                checkpoint.attachments.0.push(hash);
            }
        }
        posting
    }
}

fn postings<D: Device>(
    plan: &PlanReader<D>,
    newest: Newest,
) -> impl Iterator<Item = Result<Posting, PostError>> + '_ {
    plan.postings().map(move |posting| {
        let posting = posting.map_err(|error| match error {
            PlanError::Device(error) => PostError::Device(error),
            damaged => PostError::Unread(damaged.to_string()),
        })?;
        Ok(newest.with(posting))
    })
}
