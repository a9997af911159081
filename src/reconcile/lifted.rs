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
use crate::format::record::EventId;
use crate::ledger::{Account, Effect, Outcome, Settlement, settle};
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
        finding.stake = stake.map(minor);
        self.decide(&mut finding);
        finding
    }

    /// Say what was decided about a finding with that at stake.
    fn decide(&self, finding: &mut Finding) {
        let row = self.known.as_ref().map_or(Row::UNSETTLED, |known| known.row);
        tell_decided(finding, &self.decisions, &row);
        if is_lifted(finding) && !self.enough_signed(finding) {
            finding.decided = None;
        }
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

    /// What settling would add and take, all told, with the fees that may vest; minor units.
    pub(super) fn gross(&self) -> i128 {
        self.lenient().map_or(0, |lenient| moved(&self.before, &lenient.account))
    }

    /// What is lacking where nothing is settled, with all that others showed.
    pub(super) fn lacks(&self) -> i128 {
        self.lacks_by_others.max(lacking(self))
    }

    /// Does a person decide about it, or did one?
    pub(super) fn is_decided_by_people(&self) -> bool {
        self.frozen || self.findings.iter().any(|finding| finding.stake.is_some())
    }

    /// Do as if a person had let it go on, and take that back; what is at stake is what `charge` made
    /// of it. What was decided when less was at stake lapses.
    pub(super) fn restake(&mut self, charge: impl FnOnce(&mut Self)) {
        let kept = (self.settlement.clone(), self.standing, self.findings.len());
        self.standing = Standing::Postable;
        if let Some(lenient) = self.lenient().filter(|_| self.frozen) {
            self.settlement = Some(lenient);
        }
        charge(self);
        let account = self.settlement.as_ref().map_or(&self.before, |known| &known.account);
        let gross = moved(&self.before, account);
        let debt = i128::from(account.debt.minor()) + i128::from(account.store_loss.minor());
        self.lacks_by_others = debt - i128::from(self.before.store_loss.minor());
        (self.settlement, self.standing) = (kept.0, kept.1);
        self.findings.truncate(kept.2);
        self.freeze_again();
        for mut finding in std::mem::take(&mut self.findings) {
            if let Some(stake) = finding.stake {
                let was_lifted = is_lifted(&finding);
                finding.stake = Some(stake.max(minor(gross)));
                self.decide(&mut finding);
                if was_lifted && !is_lifted(&finding) {
                    self.standing = Standing::Held;
                }
            }
            self.findings.push(finding);
        }
    }

    /// Where what was decided doesn't reach for what is lacking now, nothing is settled after all.
    fn freeze_again(&mut self) {
        let outcome = self.settlement.as_ref().map(|settlement| settlement.outcome);
        if !self.frozen || outcome == Some(Outcome::Frozen) {
            return;
        }
        let losses = losses(self).into_iter().map(|draft| self.finish(draft, Some(self.lacks())));
        if !losses.collect::<Vec<_>>().iter().all(is_lifted) {
            let ruling = self.ruling.as_ref();
            let policy = ruling.map(policy);
            self.settlement =
                policy.and_then(|policy| settle(policy, &self.before, &self.states()).ok());
        }
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

/// What goes from one account to the other adds and takes, and the fees that it may still vest.
fn moved(before: &Account, after: &Account) -> i128 {
    let new: i128 =
        newly(before, after).map(|(_, _, delta)| i128::from(delta.unsigned_abs())).sum();
    let known = |event: &EventId| before.events.get(event).map(|booked| booked.amount);
    let waiting = after.events.iter().filter(|(event, booked)| {
        booked.effect == Effect::Earned && known(event) == Some(booked.amount)
    });
    new + waiting.map(|(_, booked)| i128::from(booked.amount.unsigned_abs())).sum::<i128>()
}

fn minor(stake: i128) -> Amount {
    let minor = u64::try_from(stake.unsigned_abs()).unwrap_or(u64::MAX);
    Amount::from_minor(minor).unwrap_or(Amount::MAX)
}

/// The newest that binds.
fn policy(ruling: &Ruling) -> &Policy {
    ruling.later.last().unwrap_or(&ruling.policy)
}
