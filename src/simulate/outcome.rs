//! What the records hold of each medium once everything is settled, by the bookkeeping alone.

use serde::Serialize;

use super::circle::Member;
use super::dials::Dial;
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
    /// Does it wait for a person, or for something that has to be brought?
    held: bool,
}

impl<'a> Ending<'a> {
    pub(super) fn of(member: &'a Member<'_>) -> Self {
        let (medium, tally) = (member.purse.state.medium, &member.purse.tally);
        Self { medium, tally, held: member.dial.is_some_and(Dial::holds) }
    }
}

/// What the records hold of one of them; what is lacking is the store's before a checkpoint.
pub(super) fn books(all: &[Ending<'_>], at: usize) -> Option<Books> {
    let Ending { tally, held, .. } = &all[at];
    if *held {
        return None;
    }
    let holding = tally.holding();
    let vested: i64 = tally.earned().filter(|fee| vests(all, *fee)).map(|(.., sum)| sum).sum();
    Some(Books {
        settled: holding.free.max(0) + vested,
        provisional: holding.fees - vested,
        reserved: holding.reserved,
        debt: 0,
        store_loss: (-holding.free).max(0),
    })
}

/// A fee vests once its payer's charge is settled.
fn vests(all: &[Ending<'_>], (payer, start, _): (MediumId, u64, i64)) -> bool {
    let payer = all.iter().find(|ending| ending.medium == payer);
    payer.is_some_and(|payer| !payer.held && payer.tally.charged(start))
}
