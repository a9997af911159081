//! What is planned for one medium before anything is signed: what it is sold, and when.

use super::calendar::{LIFE_SECONDS, living};
use super::chance::Chance;
use super::dials::Dial;
use super::population::Population;
use crate::units::{Amount, Timestamp};
use crate::voucher::PLANNED_RUNS;

/// What a starter code on the receipt of a medium adds.
pub(super) const STARTER: u64 = 5_000;
/// When a sale is made that is taken back, and when it is: seconds into the media's lives.
const VOIDED: [u64; 2] = [3_600, 7_200];
/// What vouchers add.
const VOUCHERS: [u64; 4] = [500, 1_200, 2_500, 4_000];

/// What is planned for one medium.
#[derive(Debug, Clone)]
pub(super) struct Agenda {
    /// Codes and vouchers, by the time of their sale; the first is the starter code.
    pub(super) sales: Vec<Sale>,
    /// A sale that is taken back, and when.
    pub(super) voided: Option<(Sale, Timestamp)>,
    /// What is planted.
    pub(super) dial: Option<Dial>,
}

/// A code or voucher that is going to be sold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sale {
    pub(super) at: Timestamp,
    pub(super) what: Sold,
}

/// What is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sold {
    /// The code on the receipt of the medium itself.
    Starter(Amount),
    /// A code that the burn put on a medium which is never sold.
    Spent(Amount),
    /// A code of the medium's own store.
    Code(Amount),
    /// A voucher of the store at this place.
    Voucher(usize, Amount),
}

impl Agenda {
    /// The agenda of the medium at this place.
    pub(super) fn of(population: &Population, medium: usize, sold: Timestamp) -> Self {
        let mut chance = Chance::new(population.seed, "agenda", medium as u64);
        let (codes, vouchers) = population.topups_each();
        let own = population.stall_of(medium).0;
        let mut deck = deck(&mut chance);
        let dial = population.dials.drawn(population.seed, medium);
        let what = match dial {
            Some(Dial::Unsold) => Sold::Spent(minor(STARTER)),
            _ => Sold::Starter(minor(STARTER)),
        };
        let starter = Sale { at: sold, what };
        let code = |_| {
            let drawn = deck.pop().expect("fewer are sold than are in stock");
            Sold::Code(minor(drawn))
        };
        let mut topups: Vec<_> = (1..codes).map(code).collect();
        for _ in 0..vouchers {
            let amount = minor(VOUCHERS[chance.place(VOUCHERS.len())]);
            let other = chance.below(4) == 0;
            let store = if other { chance.place(population.stores as usize) } else { own };
            topups.push(Sold::Voucher(store, amount));
        }
        chance.shuffle(&mut topups);
        let gap = LIFE_SECONDS / (topups.len() as u64 + 1);
        let place_in_time = (1..).zip(topups).map(|(place, what)| {
            let at = living(place * gap - chance.below(gap.max(2) / 2));
            Sale { at, what }
        });
        let sales = std::iter::once(starter).chain(place_in_time).collect();
        let voided = (dial == Some(Dial::Voids)).then(|| {
            let drawn = deck.pop().expect("fewer are sold than are in stock");
            let [sold, taken_back] = VOIDED.map(living);
            (Sale { at: sold, what: Sold::Code(minor(drawn)) }, taken_back)
        });
        Self { sales, voided, dial }
    }
}

/// The amounts of the codes that a store has for one medium, but the starter's, in a drawn order.
fn deck(chance: &mut Chance) -> Vec<u64> {
    let of = |run: &crate::voucher::PlannedRun| vec![run.minor; usize::from(run.in_kit)];
    let mut deck: Vec<u64> = PLANNED_RUNS.iter().flat_map(of).collect();
    let starter = deck.iter().position(|minor| *minor == STARTER);
    deck.remove(starter.expect("starter codes are in the plan"));
    chance.shuffle(&mut deck);
    deck
}

fn minor(value: u64) -> Amount {
    Amount::from_minor(value).expect("planned sums are amounts")
}

#[cfg(test)]
mod tests {
    use super::super::calendar::selling;
    use super::super::dials::Dials;
    use super::*;

    #[test]
    fn sales_rise_in_time_and_stay_within_the_kit() {
        let population = Population {
            seed: 5,
            media: 40,
            events: 40 * 2_000,
            stores: 3,
            imported: 1000,
            dials: Dials::each(80),
        };
        let (codes, vouchers) = population.topups_each();
        assert_eq!((codes, vouchers), (26, 94));
        for medium in 0..40 {
            let Agenda { sales, .. } = Agenda::of(&population, medium, selling(3));
            assert_eq!(sales.len() as u64, codes + vouchers);
            assert!(sales.is_sorted_by_key(|sale| sale.at), "{sales:?}");
            for run in PLANNED_RUNS {
                let of = |sale: &&Sale| match sale.what {
                    Sold::Voucher(..) => false,
                    Sold::Starter(amount) | Sold::Spent(amount) | Sold::Code(amount) => {
                        amount.minor() == run.minor
                    }
                };
                assert!(sales.iter().filter(of).count() <= run.in_kit.into());
            }
        }
    }
}
