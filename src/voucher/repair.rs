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

/// Digits at some slips from what was typed; the lower the oddity, the likelier they were meant.
type Slipped = (CodeDigits, u8);

/// Every code at one slip from what was typed, then every code at two; each once, likely ones first.
///
/// Of the former there are about 2, of the latter about 200. What was typed isn't among them.
pub fn candidates(typed: CodeDigits) -> Vec<Candidate> {
    [near(typed), far(typed)].concat()
}

/// Every code at one slip, likely ones first.
pub(super) fn near(typed: CodeDigits) -> Vec<Candidate> {
    sorted(slips(typed), Slips::One, &mut BTreeSet::from([typed]))
}

/// Every code at two slips, and not at one, likely ones first.
pub(super) fn far(typed: CodeDigits) -> Vec<Candidate> {
    let again = |(digits, first): Slipped| {
        slips(digits).map(move |(digits, second)| (digits, first + second))
    };
    let mut seen: BTreeSet<_> = slips(typed).map(|(digits, _)| digits).collect();
    seen.insert(typed);
    sorted(slips(typed).flat_map(again), Slips::Two, &mut seen)
}

/// Those whose check digits agree, each once.
fn sorted(
    all: impl Iterator<Item = Slipped>,
    slips: Slips,
    seen: &mut BTreeSet<CodeDigits>,
) -> Vec<Candidate> {
    let mut found: Vec<_> = all.filter(|(digits, _)| digits.check_agrees()).collect();
    found.sort_by_key(|(_, oddity)| *oddity);
    let new = found.into_iter().filter(|(digits, _)| seen.insert(*digits));
    new.filter_map(|(digits, _)| Some(Candidate { code: digits.code().ok()?, slips })).collect()
}

/// All that one slip makes of the digits: 180 substitutions and up to 19 swaps of neighbours.
fn slips(digits: CodeDigits) -> impl Iterator<Item = Slipped> {
    let substituted = (0..CODE_DIGITS)
        .flat_map(|place| (b'0'..=b'9').map(move |digit| (place, digit)))
        .filter(move |(place, digit)| digits.ascii()[*place] != *digit)
        .map(move |(place, digit)| {
            let oddity = oddity(digits.ascii()[place], digit);
            (digits.with(|all| all[place] = digit), oddity)
        });
    let swapped = (1..CODE_DIGITS)
        .filter(move |place| digits.ascii()[place - 1] != digits.ascii()[*place])
        .map(move |place| (digits.with(|all| all.swap(place - 1, place)), LIKELY));
    substituted.chain(swapped)
}

/// A slip that fingers or eyes are prone to.
const LIKELY: u8 = 1;
/// Any other slip.
const UNLIKELY: u8 = 2;
/// Digits that are read for each other.
const ALIKE: [[u8; 2]; 8] = [*b"17", *b"06", *b"08", *b"38", *b"56", *b"68", *b"49", *b"69"];
/// Where a digit lies on a keypad, column and row from 789 down to 0; 0 is as wide as two keys.
const KEYPAD: [(i8, i8); 10] =
    [(0, 3), (0, 2), (1, 2), (2, 2), (0, 1), (1, 1), (2, 1), (0, 0), (1, 0), (2, 0)];

/// How odd it is to find one digit where another was meant.
fn oddity(found: u8, meant: u8) -> u8 {
    let in_a_row = found.abs_diff(meant) == 1;
    let alike = ALIKE.contains(&[found.min(meant), found.max(meant)]);
    let key = |digit: u8| KEYPAD[usize::from(digit - b'0')];
    let ((x, y), (other_x, other_y)) = (key(found), key(meant));
    let next_to = x.abs_diff(other_x) + y.abs_diff(other_y) == 1;
    if in_a_row || alike || next_to { LIKELY } else { UNLIKELY }
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
        let mut all = candidates(typed).into_iter();
        all.find(|candidate| candidate.code == *meant).map(|found| found.slips)
    }

    #[test]
    fn every_single_slip_is_seen_and_repaired() {
        for meant in codes(20) {
            for (typed, _) in slips(meant.digits()) {
                assert!(typed.code().is_err(), "a single slip never passes the check");
                assert_eq!(finds(typed, &meant), Some(Slips::One));
            }
        }
    }

    #[test]
    fn every_double_slip_is_repaired() {
        for meant in codes(2) {
            let once = slips(meant.digits()).map(|(digits, _)| digits);
            for (typed, _) in once.flat_map(slips).step_by(211) {
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
            let found = candidates(typed);
            let ones = found.iter().filter(|one| one.slips == Slips::One).count();
            assert!(ones <= 12 && (120..320).contains(&found.len()), "{ones}, {}", found.len());
            assert!(found.is_sorted_by_key(|candidate| candidate.slips));
            let distinct: BTreeSet<_> = found.iter().map(|one| one.code.digits()).collect();
            assert_eq!(distinct.len(), found.len());
            assert!(!distinct.contains(&typed));
            assert!(found.iter().all(|one| one.code.digits().check_agrees()));
        }
    }
    #[test]
    fn likely_slips_come_before_odd_ones() {
        for (found, meant) in [(b'1', b'7'), (b'3', b'8'), (b'4', b'5'), (b'2', b'5'), (b'0', b'1')]
        {
            assert_eq!((oddity(found, meant), oddity(meant, found)), (LIKELY, LIKELY));
        }
        for (found, meant) in [(b'1', b'9'), (b'0', b'5'), (b'2', b'9')] {
            assert_eq!((oddity(found, meant), oddity(meant, found)), (UNLIKELY, UNLIKELY));
        }
        let meant = &codes(1)[0];
        let place = |change: &dyn Fn(u8) -> u8| {
            let typed = meant.digits().with(|all| {
                for place in [4, 11] {
                    all[place] = change(all[place]);
                }
            });
            candidates(typed).iter().position(|candidate| candidate.code == *meant)
        };
        let neighbour = |digit| if digit == b'0' { b'1' } else { digit - 1 };
        let Some(likely) = place(&neighbour) else { panic!("a double slip is found") };
        assert!(likely < 100, "{likely} came before it");
    }
}
