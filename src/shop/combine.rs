//! Codes that add up to a sum that no single code has.

use std::collections::BTreeMap;

use crate::units::Amount;

/// Codes of some amounts: how many of each, the largest first.
pub(super) type Combination = Vec<(Amount, u32)>;

/// Steps after which nobody looks on.
const STEPS_MAX: u32 = 100_000;

/// Up to `most` ways to make a sum of what is in stock, those of the fewest codes first.
pub(super) fn combinations(
    stock: &BTreeMap<Amount, u32>,
    sum: Amount,
    most: usize,
) -> Vec<Combination> {
    let largest_first: Vec<_> =
        stock.iter().rev().map(|(amount, count)| (*amount, *count)).collect();
    let codes: u32 = stock.values().sum();
    let mut search = Search { most, steps: STEPS_MAX, found: vec![] };
    for count in 1..=codes {
        search.look(&largest_first, sum.minor(), count, &mut vec![]);
        if search.is_over() {
            break;
        }
    }
    search.found
}

struct Search {
    most: usize,
    steps: u32,
    found: Vec<Combination>,
}

impl Search {
    fn is_over(&self) -> bool {
        self.steps == 0 || self.found.len() == self.most
    }

    /// All ways to make `sum` of exactly `count` codes, large ones first.
    fn look(&mut self, stock: &[(Amount, u32)], sum: u64, count: u32, chosen: &mut Combination) {
        if count == 0 {
            if sum == 0 {
                self.found.push(chosen.clone());
            }
            return;
        }
        let Some(((largest, held), smaller)) = stock.split_first() else { return };
        self.steps = self.steps.saturating_sub(1);
        let smallest = stock.last().expect("it has a first").0.minor();
        let needed = u64::from(count);
        let in_reach = smallest.saturating_mul(needed)..=largest.minor().saturating_mul(needed);
        if self.is_over() || !in_reach.contains(&sum) {
            return;
        }
        let fits = u32::try_from(sum / largest.minor()).unwrap_or(u32::MAX);
        for used in (0..=fits.min(*held).min(count)).rev() {
            if used > 0 {
                chosen.push((*largest, used));
            }
            self.look(smaller, sum - u64::from(used) * largest.minor(), count - used, chosen);
            if used > 0 {
                chosen.pop();
            }
            if self.is_over() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ways to a sum: amounts and how many of each.
    type Ways<'a> = &'a [&'a [(u64, u32)]];

    fn found(stock: &[(u64, u32)], sum: u64) -> Vec<Vec<(u64, u32)>> {
        let amount = |minor: u64| Amount::from_minor(minor).unwrap();
        let stock = stock.iter().map(|(minor, count)| (amount(*minor), *count)).collect();
        let plain = |codes: Combination| {
            codes.into_iter().map(|(amount, count)| (amount.minor(), count)).collect()
        };
        combinations(&stock, amount(sum), 3).into_iter().map(plain).collect()
    }

    #[test]
    fn the_fewest_codes_come_first_and_never_more_than_there_are() {
        let stock = [(1_000, 4), (3_000, 3), (5_000, 2), (10_000, 1)];
        let cases: [(u64, Ways<'_>); 6] = [
            (
                8_000,
                &[&[(5_000, 1), (3_000, 1)], &[(5_000, 1), (1_000, 3)], &[(3_000, 2), (1_000, 2)]],
            ),
            (
                9_000,
                &[&[(5_000, 1), (3_000, 1), (1_000, 1)], &[(3_000, 3)], &[(5_000, 1), (1_000, 4)]],
            ),
            (33_000, &[&[(10_000, 1), (5_000, 2), (3_000, 3), (1_000, 4)]]),
            (34_000, &[]),
            (500, &[]),
            (10_000, &[&[(10_000, 1)], &[(5_000, 2)], &[(5_000, 1), (3_000, 1), (1_000, 2)]]),
        ];
        for (sum, expected) in cases {
            assert_eq!(found(&stock, sum), expected, "{sum}");
        }
        // Taking the largest first would need three codes.
        assert_eq!(found(&[(4_000, 1), (3_000, 2), (1_000, 2)], 6_000)[0], [(3_000, 2)]);
        assert!(found(&[], 1).is_empty());
    }

    #[test]
    fn every_way_is_exact_and_within_the_stock() {
        let stock = [(700, 3), (500, 2), (300, 5), (200, 1)];
        for sum in (100..6_000).step_by(100) {
            for way in found(&stock, sum) {
                assert_eq!(
                    way.iter().map(|(minor, count)| minor * u64::from(*count)).sum::<u64>(),
                    sum
                );
                for (minor, count) in way {
                    let held = stock.iter().find(|(amount, _)| *amount == minor).unwrap().1;
                    assert!((1..=held).contains(&count), "{sum}");
                }
            }
        }
    }

    #[test]
    fn a_hopeless_search_gives_up() {
        let stock: Vec<_> = (1..=50).map(|n| (2 * n, 1)).collect();
        assert!(found(&stock, 1_275).is_empty(), "even codes never make an odd sum");
    }
}
