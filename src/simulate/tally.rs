//! Bookkeeping beside the ledger: plain sums of what was done, so that it can disagree with it.
//!
//! It knows no chain, no checkpoint and no fold. What is one event by the rules has one name here:
//! a code is one whatever branch adds it, a purchase is another on each branch.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::units::MediumId;

/// Where something was done: on the history that branches share, or on one of them.
pub(super) type Branch = u8;

/// What an event is, apart from its sum.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// The code of this slot.
    Code(u8),
    /// The voucher of this serial, of the store at this place.
    Voucher(usize, u64),
    /// Goods, by the sequence of the record.
    Bought(Branch, u64),
    /// A segment that was closed, by the sequence of its start.
    Fetched(Branch, u64),
    /// The fee for a payer's segment, by the sequence of its start there.
    Earned(MediumId, u64),
}

/// All that was done with one medium.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    deeds: BTreeMap<Deed, i64>,
    /// What open segments hold, by the sequence of their start.
    held: BTreeMap<(Branch, u64), i64>,
}

/// What a medium has by the rules, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// What may be spent, before what it lacks is taken off: below zero if it lacks.
    pub free: i64,
    /// What it earned.
    pub fees: i64,
    /// What open segments hold.
    pub reserved: i64,
}

impl Tally {
    pub(super) fn note(&mut self, deed: Deed, sum: i64) {
        self.deeds.insert(deed, sum);
    }

    pub(super) fn hold(&mut self, branch: Branch, start: u64, sum: i64) {
        self.held.insert((branch, start), sum);
    }

    pub(super) fn release(&mut self, branch: Branch, start: u64) {
        self.held.remove(&(branch, start));
    }

    /// Take in what another branch did: what is the same on both counts once.
    pub(super) fn join(&mut self, other: &Self) {
        self.deeds.extend(other.deeds.iter().map(|(deed, sum)| (deed.clone(), *sum)));
        self.held.extend(&other.held);
    }

    /// The fees that were earned: their payers, the segments by their starts, the sums.
    pub(super) fn earned(&self) -> impl Iterator<Item = (MediumId, u64, i64)> {
        self.deeds.iter().filter_map(|(deed, sum)| match deed {
            Deed::Earned(payer, start) => Some((*payer, *start, *sum)),
            _ => None,
        })
    }

    /// Was the segment of this start charged, on whatever branch?
    pub(super) fn charged(&self, start: u64) -> bool {
        let of = |deed: &Deed| matches!(deed, Deed::Fetched(_, known) if *known == start);
        self.deeds.keys().any(of)
    }

    pub(super) fn holding(&self) -> Holding {
        let earned = |deed: &Deed| matches!(deed, Deed::Earned(..));
        let sum = |fees: bool| -> i64 {
            let of = self.deeds.iter().filter(|(deed, _)| earned(deed) == fees);
            of.map(|(_, sum)| sum).sum()
        };
        let reserved = self.held.values().sum();
        Holding { free: sum(false) - reserved, fees: sum(true), reserved }
    }
}

/// What so many bytes of a transfer cost in all, and what of it is the sender's.
pub(super) fn cost(price: u64, length: u64, share_ppm: u32, bytes: u64) -> (i64, i64) {
    let charge = u128::from(price) * u128::from(bytes) / u128::from(length);
    let fee = charge * u128::from(share_ppm) / 1_000_000;
    let whole = |sum: u128| i64::try_from(sum).expect("a part of a price");
    (whole(charge), whole(fee))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_count_once_what_is_one_event() {
        let mut shared = Tally::default();
        shared.note(Deed::Code(3), 5_000);
        let (mut one, mut two) = (shared.clone(), shared);
        one.note(Deed::Code(4), 1_000);
        two.note(Deed::Code(4), 1_000);
        one.note(Deed::Bought(1, 7), -4_000);
        two.note(Deed::Bought(2, 7), -4_500);
        two.note(Deed::Earned(MediumId::from_serial(5), 9), 30);
        two.hold(2, 8, 100);
        one.join(&two);
        assert_eq!(one.holding(), Holding { free: -2_600, fees: 30, reserved: 100 });
        one.release(2, 8);
        assert_eq!(one.holding().free, -2_500);
    }

    #[test]
    fn costs_of_segments_add_up_to_the_price() {
        let parts = [0, 17, 400, 999, 1_000].map(|bytes| cost(300, 1_000, 200_000, bytes));
        assert_eq!(parts, [(0, 0), (5, 1), (120, 24), (299, 59), (300, 60)]);
    }
}
