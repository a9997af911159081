//! Finding the code that was meant by a mistyped one, with the sheets alone and no network.
//!
//! Each candidate costs the rounds of every live sheet that has its slot, so candidates are tried
//! in parallel, likely ones first, for as long as whoever waits has patience.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::code::{CodeDigits, TypedCode};
use super::redeem::{CodeTerms, LIVE_SHEETS_MAX, Opened, RedeemError, open_code};
use super::repair::{Candidate, Slips, far, near};
use crate::format::sheet::Sheet;
use crate::trust::Verified;

/// The most threads that help.
const THREADS_MAX: usize = 64;

/// Who waits for a search: called before each candidate, from any of its threads.
pub trait Patience: Sync {
    /// So many of so many candidates were tried; go on? There are more when the near ones failed.
    fn go_on(&self, tried: usize, of: usize) -> ControlFlow<()>;
}

impl<F: Fn(usize, usize) -> ControlFlow<()> + Sync> Patience for F {
    fn go_on(&self, tried: usize, of: usize) -> ControlFlow<()> {
        self(tried, of)
    }
}

/// A code that opens a slot where the typed one didn't.
pub struct Repair {
    /// The code.
    pub code: TypedCode,
    /// How far it is from what was typed.
    pub slips: Slips,
    /// What it credits, or that its slot or sheet is revoked.
    pub opened: Result<Opened, RedeemError>,
}

/// How a search ended.
pub enum Meant {
    /// The likeliest code that opens a slot. Ask before it is used.
    Found(Box<Repair>),
    /// No code at one or two slips opens a slot of this medium.
    Nothing,
    /// Patience ended before that was known.
    Stopped {
        /// Candidates tried.
        tried: usize,
        /// Candidates in all.
        of: usize,
    },
}

/// Find the code that was meant: all at one slip from what was typed, then all at two.
///
/// One slip costs a few checks, two about 200; `threads` share them. Refused is only what no code
/// could change: a revoked medium, no sheet, sheets of another medium or currency, damaged ones.
pub fn meant(
    terms: &CodeTerms<'_>,
    typed: CodeDigits,
    threads: NonZeroUsize,
    patience: &dyn Patience,
) -> Result<Meant, RedeemError> {
    terms.revoked.check_medium(terms.medium)?;
    let live = &terms.sheets[..terms.sheets.len().min(LIVE_SHEETS_MAX)];
    let usable = |sheet: &Sheet| super::redeem::check_sheet(terms, sheet);
    let faults: Vec<_> = live.iter().filter_map(|sheet| usable(sheet).err()).collect();
    if faults.len() == live.len() {
        let none = RedeemError::NoSheet { medium: terms.medium };
        return Err(faults.into_iter().next().unwrap_or(none));
    }
    let terms = CodeTerms { sheets: live, ..*terms };
    let near = with_a_slot(near(typed), live);
    match Search::new(&terms, &near, 0, patience).run(threads) {
        Meant::Nothing => {
            let far = with_a_slot(far(typed), live);
            Ok(Search::new(&terms, &far, near.len(), patience).run(threads))
        }
        ended => Ok(ended),
    }
}

/// Candidates whose slot some sheet has: the others cost nothing to leave out.
fn with_a_slot(mut list: Vec<Candidate>, sheets: &[Verified<Sheet>]) -> Vec<Candidate> {
    list.retain(|candidate| {
        sheets.iter().any(|sheet| sheet.commitment(candidate.code.slot()).is_some())
    });
    list
}

struct Search<'a> {
    terms: &'a CodeTerms<'a>,
    list: &'a [Candidate],
    /// Candidates that were tried before these.
    before: usize,
    patience: &'a dyn Patience,
    next: AtomicUsize,
    tried: AtomicUsize,
    stopped: AtomicBool,
    /// The place of the likeliest hit; behind it nothing needs to be tried.
    end: AtomicUsize,
    hit: Mutex<Option<(usize, Repair)>>,
}

impl<'a> Search<'a> {
    fn new(
        terms: &'a CodeTerms<'a>,
        list: &'a [Candidate],
        before: usize,
        patience: &'a dyn Patience,
    ) -> Self {
        Self {
            terms,
            list,
            before,
            patience,
            next: AtomicUsize::new(0),
            tried: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            end: AtomicUsize::new(list.len()),
            hit: Mutex::new(None),
        }
    }

    fn run(self, threads: NonZeroUsize) -> Meant {
        let helpers = threads.get().min(THREADS_MAX).min(self.list.len()).saturating_sub(1);
        std::thread::scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|| self.work());
            }
            self.work();
        });
        let tried = self.before + self.tried.into_inner();
        let of = self.before + self.list.len();
        match self.hit.into_inner().expect("no thread panics while it holds the hit") {
            Some((_, repair)) => Meant::Found(Box::new(repair)),
            None if self.stopped.into_inner() => Meant::Stopped { tried, of },
            None => Meant::Nothing,
        }
    }

    fn work(&self) {
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            if place >= self.end.load(Ordering::Relaxed) || self.stopped.load(Ordering::Relaxed) {
                return;
            }
            let tried = self.before + self.tried.load(Ordering::Relaxed);
            if self.patience.go_on(tried, self.before + self.list.len()).is_break() {
                self.stopped.store(true, Ordering::Relaxed);
                return;
            }
            self.try_candidate(place);
            self.tried.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn try_candidate(&self, place: usize) {
        let Candidate { code, slips } = &self.list[place];
        let opened = open_code(self.terms, code);
        if !matches!(opened, Ok(_) | Err(RedeemError::Revoked(_))) {
            return;
        }
        self.end.fetch_min(place, Ordering::Relaxed);
        let repair = Repair { code: code.clone(), slips: *slips, opened };
        let mut hit = self.hit.lock().expect("no thread panics while it holds the hit");
        if hit.as_ref().is_none_or(|(known, _)| place < *known) {
            *hit = Some((place, repair));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fixture::{medium, seal_key, sheet, yen};
    use super::super::sheet::slot_secret;
    use super::*;
    use crate::crypto::{Random, SeededRandom};
    use crate::trust::Revoked;
    use crate::units::MediumId;

    const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    fn endless(_: usize, _: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn code(id: u8, slot: u8) -> TypedCode {
        let secret = slot_secret(&seal_key(), medium(), &[id; 16], slot);
        TypedCode::new(slot, secret).unwrap()
    }

    fn terms<'a>(sheets: &'a [Verified<Sheet>], revoked: &'a Revoked) -> CodeTerms<'a> {
        CodeTerms { medium: medium(), currency: yen(), sheets, revoked }
    }

    fn found(terms: &CodeTerms<'_>, typed: CodeDigits) -> Option<Repair> {
        match meant(terms, typed, THREADS, &endless) {
            Ok(Meant::Found(repair)) => Some(*repair),
            _ => None,
        }
    }

    fn substituted(meant: &TypedCode, place: usize, by: u8) -> CodeDigits {
        meant.digits().with(|all| all[place] = b'0' + (all[place] - b'0' + by) % 10)
    }

    #[test]
    fn every_single_slip_of_twenty_codes_is_repaired() {
        // Five slots of each of four sheets. Rounds are few: they cost time and change nothing else.
        let revoked = Revoked::none();
        let mut slips = 0;
        for id in 1..=4 {
            let sheets = [sheet([id; 16], medium())];
            let terms = terms(&sheets, &revoked);
            for right in (0..5).map(|slot| code(id, slot)) {
                let substitutions = (0..20).flat_map(|place| (1..10).map(move |by| (place, by)));
                let swaps =
                    (1..20).map(|place| right.digits().with(|all| all.swap(place - 1, place)));
                let typed = substitutions.map(|(place, by)| substituted(&right, place, by));
                for typed in typed.chain(swaps).filter(|typed| *typed != right.digits()) {
                    assert!(typed.code().is_err(), "the check shows every single slip");
                    let repair = found(&terms, typed).expect("repaired");
                    assert!(repair.code == right && repair.slips == Slips::One);
                    slips += 1;
                }
            }
        }
        assert!((20 * 190..=20 * 199).contains(&slips), "{slips} slips");
    }

    #[test]
    fn fifty_of_fifty_double_substitutions_are_repaired() {
        let (revoked, sheets) = (Revoked::none(), [sheet([5; 16], medium())]);
        let terms = terms(&sheets, &revoked);
        let mut rng = SeededRandom::new([50; 32]);
        let mut draw = |below: u8| {
            let mut byte = [0];
            rng.fill(&mut byte);
            byte[0] % below
        };
        let mut repaired = 0;
        while repaired < 50 {
            let right = code(5, draw(5));
            let (first, second) = (usize::from(draw(20)), usize::from(draw(20)));
            let once = substituted(&right, first, 1 + draw(9));
            let by = 1 + draw(9);
            let typed = once.with(|all| all[second] = b'0' + (all[second] - b'0' + by) % 10);
            if first == second || typed.check_agrees() {
                continue;
            }
            let repair = found(&terms, typed).expect("repaired");
            assert!(repair.code == right && repair.slips == Slips::Two);
            repaired += 1;
        }
    }

    #[test]
    fn whoever_waits_may_stop_and_is_told_how_far_it_was() {
        let (revoked, sheets) = (Revoked::none(), [sheet([5; 16], medium())]);
        let terms = terms(&sheets, &revoked);
        let right = code(5, 1);
        let typed = substituted(&right, 3, 5).with(|all| all[9] = b'0' + (all[9] - b'0' + 5) % 10);
        let at_once = |_: usize, _: usize| ControlFlow::Break(());
        let Ok(Meant::Stopped { tried: 0, of }) = meant(&terms, typed, THREADS, &at_once) else {
            panic!("it was stopped at once");
        };
        let seen = Mutex::new(vec![]);
        let slowly = |tried: usize, of: usize| {
            seen.lock().unwrap().push((tried, of));
            std::thread::sleep(Duration::from_micros(50));
            ControlFlow::Continue(())
        };
        assert!(matches!(meant(&terms, typed, THREADS, &slowly), Ok(Meant::Found(_))));
        let seen = seen.into_inner().unwrap();
        assert!(seen.len() > 2 && seen.iter().all(|(tried, all)| tried < all && *all >= of));
    }

    #[test]
    fn what_no_code_could_change_is_refused_at_once() {
        let revoked = Revoked::none();
        let typed = substituted(&code(5, 1), 3, 5);
        let refusal = |sheets: &[Verified<Sheet>]| {
            meant(&terms(sheets, &revoked), typed, THREADS, &endless).err().unwrap().to_string()
        };
        assert_eq!(refusal(&[]), "medium 482109376527 has no sheet of codes");
        let foreign = [sheet([5; 16], MediumId::from_serial(1))];
        assert_eq!(refusal(&foreign), "a sheet of medium 000000000195 lies on medium 482109376527");
        let both = [sheet([6; 16], MediumId::from_serial(1)), sheet([5; 16], medium())];
        assert!(found(&terms(&both, &revoked), typed).is_some(), "the other sheet is sound");
        let elsewhere = [sheet([9; 16], medium())];
        let nothing = meant(&terms(&elsewhere, &revoked), typed, THREADS, &endless);
        assert!(matches!(nothing, Ok(Meant::Nothing)));
    }
}
