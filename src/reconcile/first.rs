//! What a first look at each medium gives, by itself.

use super::conclude::settled_before;
use super::judged::Judged;
use super::plan::plan_row;
use super::still::Unchanged;
use super::told::{self, Told};
use super::transfers::{Mark, Shown, closed_by, earned_by};
use super::twins::{Credit, credits};
use crate::device::{DeviceError, Put, Scratch};
use crate::format::Object;
use crate::format::plan::PlanEntry;
use crate::ledger::Effect;
use crate::records::{Row, Still};
use crate::units::{MediumId, Timestamp};

/// One medium's entry, put down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) entry: Put,
    pub(super) dated: Dated,
}

/// How an entry depends on the time that the plan is as of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dated {
    /// Not at all.
    Never,
    /// Its checkpoint bears it, and lists vouchers that expire then.
    Until(Option<Timestamp>),
    /// It is to be made again.
    Anew,
}

/// What the first pass finds of a medium.
pub(super) struct First {
    pub(super) medium: MediumId,
    pub(super) kept: Kept,
    pub(super) newest: Option<Timestamp>,
    pub(super) fees: Vec<Fee>,
    pub(super) closed: Vec<Mark>,
    pub(super) credits: Vec<Credit>,
}

/// A fee that a medium earned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fee {
    pub(super) by: MediumId,
    pub(super) payer: MediumId,
    pub(super) mark: Option<Mark>,
    /// Is it the records' already?
    pub(super) vested: bool,
    /// What is shown of it, where that was put down.
    pub(super) shown: Option<Put>,
}

impl First {
    /// Of a medium of which nothing is new.
    pub(super) fn unchanged(
        known: &Still,
        unchanged: &Unchanged,
        scratch: &Scratch,
    ) -> Result<Self, DeviceError> {
        let Still { medium, store, row, .. } = *known;
        let mut told: Vec<&told::Kept> = unchanged.told.iter().collect();
        told.sort_unstable_by_key(|one| one.hash);
        let told: Vec<Told<'_>> = told.into_iter().map(told::Kept::told).collect();
        let fees = earned_by(medium, &told).into_iter().map(|one| Fee {
            by: medium,
            payer: one.receipt.medium,
            mark: one.mark(),
            // Nothing is provisional: all that it earned is the records'.
            vested: one.earned.is_some_and(|earned| earned.fee != 0),
            shown: None,
        });
        let (fees, closed) = (fees.collect(), closed_by(medium, &told));
        let credits = credits(medium, &told, scratch)?;
        let Row { number, head, .. } = row;
        let finding = settled_before(number, head).finish(Some(medium), Some(store));
        let (before, findings) = (Some(plan_row(&row)), vec![finding]);
        let entry = PlanEntry { medium: Some(medium), before, findings, posting: None };
        let kept = Kept { entry: scratch.put(&entry.encode())?, dated: Dated::Never };
        Ok(Self { medium, kept, newest: Some(unchanged.newest), fees, closed, credits })
    }
}

impl Fee {
    /// By what its giver's journal and records say.
    pub(super) fn of(
        judged: &Judged,
        shown: &Shown,
        scratch: &Scratch,
    ) -> Result<Self, DeviceError> {
        let earned = shown.earned.as_ref();
        let booked = earned.and_then(|earned| judged.before.events.get(&earned.event));
        let vested = booked.is_some_and(|booked| {
            booked.effect == Effect::Own && earned.is_some_and(|one| one.fee == booked.amount)
        });
        let (by, payer, mark) = (judged.medium, shown.receipt.medium, shown.mark());
        Ok(Self { by, payer, mark, vested, shown: Some(shown.put(scratch)?) })
    }
}
