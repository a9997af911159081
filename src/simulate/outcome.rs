//! What the records hold of each medium once everything is settled, by the bookkeeping alone.

use serde::Serialize;

use super::circle::Member;
use super::tally::Tally;
use crate::units::MediumId;

/// What the records hold of a medium, minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Books {
    /// What may be spent.
    pub settled: i64,
    /// Fees that have not vested.
    pub provisional: i64,
    /// What open segments hold.
    pub reserved: i64,
    /// What is lacking, and taken from later top-ups.
    pub debt: i64,
    /// What is lacking, and borne by the store.
    pub store_loss: i64,
}

/// Where a medium's life ended.
pub(super) struct Ending<'a> {
    medium: MediumId,
    tally: &'a Tally,
    /// What was settled when its owner came by.
    came_by: Option<&'a Tally>,
    /// Does it wait for a person, or for something that has to be brought?
    held: bool,
}

impl<'a> Ending<'a> {
    pub(super) fn of(member: &'a Member<'_>) -> Self {
        let (medium, tally) = (member.purse.state.medium, &member.purse.tally);
        let came_by = member.purse.came_by.as_ref();
        let held = member.dial.is_some_and(|dial| dial.holds(came_by.is_some()));
        Self { medium, tally, came_by, held }
    }

    /// What may be spent, fees that vested half-way with it.
    fn free(&self, all: &[Self]) -> i64 {
        let early = self.came_by.into_iter().flat_map(Tally::earned);
        let early = early.filter(|fee| {
            let payer = all.iter().find(|ending| ending.medium == fee.0);
            payer.and_then(|payer| payer.came_by).is_some_and(|payer| payer.charged(fee.1))
        });
        self.tally.holding().free + early.map(|(.., sum)| sum).sum::<i64>()
    }

    /// Is nothing posted? More is lacking than goes on where the store's key isn't to blame.
    fn waits(&self, all: &[Self], debt_cap: i64) -> bool {
        self.held || (self.came_by.is_some() && -self.free(all) > debt_cap)
    }
}

/// What the records hold of one of them once all is settled.
pub(super) fn books(all: &[Ending<'_>], at: usize, debt_cap: i64) -> Option<Books> {
    let ending = &all[at];
    if ending.waits(all, debt_cap) {
        return None;
    }
    let (holding, free) = (ending.tally.holding(), ending.free(all));
    let vests = |fee: &(MediumId, u64, i64)| vests(all, *fee, debt_cap);
    let vested: i64 = ending.tally.earned().filter(vests).map(|(.., sum)| sum).sum();
    // Before its first checkpoint what is lacking is the store's, later it is owed.
    let (debt, store_loss) = match ending.came_by {
        Some(_) => ((-free).max(0), 0),
        None => (0, (-free).max(0)),
    };
    let later = vested - (free - holding.free);
    let settled = free.max(0) - debt + later;
    Some(Books {
        settled: settled.max(0),
        provisional: holding.fees - vested,
        reserved: holding.reserved,
        debt: (-settled).max(0),
        store_loss,
    })
}

/// A fee vests once its payer's charge is settled.
fn vests(all: &[Ending<'_>], (payer, start, _): (MediumId, u64, i64), debt_cap: i64) -> bool {
    let payer = all.iter().find(|ending| ending.medium == payer);
    payer.is_some_and(|payer| {
        let settled = !payer.waits(all, debt_cap) && payer.tally.charged(start);
        settled || payer.came_by.is_some_and(|early| early.charged(start))
    })
}
