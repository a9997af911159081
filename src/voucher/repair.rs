//! Candidates for a mistyped code: what one or two slips of the finger could have been meant.
//!
//! The check digits show every single slip; a candidate whose check digits agree still has to open
//! a slot of the medium's sheet, which costs the sheet's rounds.

use std::collections::BTreeSet;

use super::code::{CODE_DIGITS, CodeDigits, TypedCode};

/// How many slips lie between what was typed and a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slips {
    /// One wrong digit, or two neighbours swapped.
    One,
    /// Two such slips.
    Two,
}

/// A code that may have been meant.
#[derive(Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The code; its check digits agree.
    pub code: TypedCode,
    /// How far it is from what was typed.
    pub slips: Slips,
}

/// Every code at one slip from what was typed, then every code at two; each once.
///
/// Of the former there are about 2, of the latter about 200. What was typed isn't among them.
pub fn candidates(typed: CodeDigits) -> impl Iterator<Item = Candidate> {
    let once = slips(typed).map(|digits| (digits, Slips::One));
    let twice = slips(typed).flat_map(slips).map(|digits| (digits, Slips::Two));
    let mut seen = BTreeSet::from([typed]);
    once.chain(twice)
        .filter(|(digits, _)| digits.check_agrees())
        .filter(move |(digits, _)| seen.insert(*digits))
        .filter_map(|(digits, slips)| Some(Candidate { code: digits.code().ok()?, slips }))
}

/// All that one slip makes of the digits: 180 substitutions and up to 19 swaps of neighbours.
fn slips(digits: CodeDigits) -> impl Iterator<Item = CodeDigits> {
    let substituted = (0..CODE_DIGITS)
        .flat_map(|place| (b'0'..=b'9').map(move |digit| (place, digit)))
        .filter(move |(place, digit)| digits.ascii()[*place] != *digit)
        .map(move |(place, digit)| digits.with(|all| all[place] = digit));
    let swapped = (1..CODE_DIGITS)
        .filter(move |place| digits.ascii()[place - 1] != digits.ascii()[*place])
        .map(move |place| digits.with(|all| all.swap(place - 1, place)));
    substituted.chain(swapped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Random, SeededRandom};
    use crate::format::sheet::SecretDigits;

    fn codes(count: usize) -> Vec<TypedCode> {
        let mut rng = SeededRandom::new([9; 32]);
        let mut draw = || {
            let mut bytes = [0; 17];
            rng.fill(&mut bytes);
            let secret = std::array::from_fn(|i| b'0' + bytes[i] % 10);
            TypedCode::new(bytes[16] % 100, SecretDigits::from_ascii(secret).unwrap()).unwrap()
        };
        (0..count).map(|_| draw()).collect()
    }

    fn finds(typed: CodeDigits, meant: &TypedCode) -> Option<Slips> {
        candidates(typed).find(|candidate| candidate.code == *meant).map(|found| found.slips)
    }

    #[test]
    fn every_single_slip_is_seen_and_repaired() {
        for meant in codes(20) {
            for typed in slips(meant.digits()) {
                assert!(typed.code().is_err(), "a single slip never passes the check");
                assert_eq!(finds(typed, &meant), Some(Slips::One));
            }
        }
    }

    #[test]
    fn every_double_slip_is_repaired() {
        for meant in codes(2) {
            for typed in slips(meant.digits()).flat_map(slips).step_by(211) {
                if typed != meant.digits() {
                    assert!(finds(typed, &meant).is_some());
                }
            }
        }
    }

    #[test]
    fn candidates_are_few_sound_distinct_and_near_ones_come_first() {
        for meant in codes(20) {
            let typed = meant.digits().with(|all| all.swap(3, 9));
            let found: Vec<Candidate> = candidates(typed).collect();
            let ones = found.iter().filter(|one| one.slips == Slips::One).count();
            assert!(ones <= 12 && (120..320).contains(&found.len()), "{ones}, {}", found.len());
            assert!(found.is_sorted_by_key(|candidate| candidate.slips));
            let distinct: BTreeSet<_> = found.iter().map(|one| one.code.digits()).collect();
            assert_eq!(distinct.len(), found.len());
            assert!(!distinct.contains(&typed));
            assert!(found.iter().all(|one| one.code.digits().check_agrees()));
        }
    }
}
