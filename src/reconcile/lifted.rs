//! What keeps a medium from being posted, until a person decides.

use super::conclude::{lacking, losses};
use super::decisions::{is_lifted, tell_decided};
use super::finding::Draft;
use super::judged::{Judged, Standing};
use super::pieces::Ruling;
use super::sold::newly;
use crate::format::decision::{DECIDERS_MAX, Verdict};
use crate::format::plan::Finding;
use crate::format::policy::Policy;
use crate::ledger::{Settlement, settle};
use crate::records::Row;
use crate::units::Amount;

impl Judged {
    /// Tell what keeps it from being posted unless a person decided otherwise.
    pub(super) fn hold_for_person(&mut self, draft: Draft, stake: i128) {
        let finding = self.finish(draft, Some(stake));
        if !is_lifted(&finding) {
            self.standing = Standing::Held;
        }
        self.findings.push(finding);
    }

    pub(super) fn finish(&self, draft: Draft, stake: Option<i128>) -> Finding {
        let mut finding = draft.finish(Some(self.medium), self.store());
        finding.stake = stake.map(|stake| {
            let minor = u64::try_from(stake.unsigned_abs()).unwrap_or(u64::MAX);
            Amount::from_minor(minor).unwrap_or(Amount::MAX)
        });
        let row = self.known.as_ref().map_or(Row::UNSETTLED, |known| known.row);
        tell_decided(&mut finding, &self.decisions, &row);
        if is_lifted(&finding) && !self.enough_signed(&finding) {
            finding.decided = None;
        }
        finding
    }

    /// Did as many people decide as the policy asks for?
    fn enough_signed(&self, finding: &Finding) -> bool {
        let people = finding.decided.as_ref().map_or(0, |decided| decided.by.len());
        let alone =
            self.ruling.as_ref().map_or(Amount::ZERO, |ruling| policy(ruling).decided_alone());
        people >= DECIDERS_MAX || finding.stake.is_some_and(|stake| stake <= alone)
    }

    /// What its branches come to, however much is lacking.
    fn lenient(&self) -> Option<Settlement> {
        let ruling = self.ruling.as_ref().filter(|_| !self.found.branches.is_empty())?;
        let lenient = Policy { debt_cap: Amount::MAX, ..policy(ruling).clone() };
        settle(&lenient, &self.before, &self.states()).ok()
    }

    /// What settling would add and take, all told, minor units.
    pub(super) fn gross(&self) -> i128 {
        let lenient = self.lenient();
        let new = lenient.iter().flat_map(|lenient| newly(&self.before, &lenient.account));
        new.map(|(_, _, delta)| i128::from(delta.unsigned_abs())).sum()
    }

    /// Where all that it is frozen for was decided, what was decided is what it settles to.
    pub(super) fn thaw(&mut self) {
        if !self.frozen || self.decisions.is_empty() {
            return;
        }
        let stake = lacking(self);
        let losses = losses(self).into_iter().map(|draft| self.finish(draft, Some(stake)));
        let losses: Vec<Finding> = losses.collect();
        let decided = !losses.is_empty() && losses.iter().all(is_lifted);
        let Some(mut lifted) = self.lenient().filter(|_| decided) else { return };
        let verdicts = losses.iter().filter_map(|finding| finding.decided.as_ref());
        if verdicts.into_iter().any(|decided| decided.verdict == Verdict::WriteOff) {
            let account = &mut lifted.account;
            let lost = account.store_loss.checked_add(account.debt);
            (account.store_loss, account.debt) = (lost.unwrap_or(Amount::MAX), Amount::ZERO);
        }
        self.settlement = Some(lifted);
    }
}

/// The newest that binds.
fn policy(ruling: &Ruling) -> &Policy {
    ruling.later.last().unwrap_or(&ruling.policy)
}
