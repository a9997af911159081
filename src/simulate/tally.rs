//! Bookkeeping beside the ledger: plain sums of what was done, so that it can disagree with it.
//!
//! It knows no chain and no fold: what is one event by the rules has one name here.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::units::MediumId;

/// What an event is, apart from its sum.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// The code of this slot.
    Code(u8),
    /// The voucher of this serial, of the store at this place.
    Voucher(usize, u64),
    /// Goods, by the sequence of the record.
    Bought(u64),
    /// A segment that was closed, by the sequence of its start.
    Fetched(u64),
    /// The fee for a payer's segment, by the sequence of its start there.
    Earned(MediumId, u64),
}

/// All that was done with one medium.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    deeds: BTreeMap<Deed, i64>,
    /// What open segments hold, by the sequence of their start.
    held: BTreeMap<u64, i64>,
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

    pub(super) fn hold(&mut self, start: u64, sum: i64) {
        self.held.insert(start, sum);
    }

    pub(super) fn release(&mut self, start: u64) {
        self.held.remove(&start);
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
    fn what_is_one_event_counts_once() {
        let mut tally = Tally::default();
        for _ in 0..2 {
            tally.note(Deed::Code(3), 5_000);
            tally.note(Deed::Bought(7), -4_500);
            tally.note(Deed::Earned(MediumId::from_serial(5), 9), 30);
            tally.hold(8, 100);
        }
        assert_eq!(tally.holding(), Holding { free: 400, fees: 30, reserved: 100 });
        tally.release(8);
        assert_eq!(tally.holding().free, 500);
    }

    #[test]
    fn costs_of_segments_add_up_to_the_price() {
        let parts = [0, 17, 400, 999, 1_000].map(|bytes| cost(300, 1_000, 200_000, bytes));
        assert_eq!(parts, [(0, 0), (5, 1), (120, 24), (299, 59), (300, 60)]);
    }
}
