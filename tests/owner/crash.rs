//! Power lost anywhere in a first login, a change of the password, or a top-up.

use scrip::device::Device;
use scrip::device::simulated::{Bounds, Explored, Model, Procedure, Violation, Volatile, Witness};
use scrip::ledger::KeyLife;
use scrip::units::Amount;
use scrip::wallet::{Medium, Opened};

use super::{FIRST, OWN, SERIAL, Scratch, entry, medium, password, rng};
use crate::world::{Sample, at, minor};

const THIRD: &str = "the third password";
const LOCKED_OUT: &str = "no password opens the medium";
const NOT_CHANGED: &str = "the password that was acknowledged does not open the medium";
const STILL_OLD: &str = "the old password still opens a medium whose new one was acknowledged";
const MONEY: &str = "the balance is neither the one before nor the one after";
const UNUSABLE: &str = "the medium can't be opened any more";

/// What is done on the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Login,
    Passwd,
    Topup,
}

struct Script {
    act: Act,
    medium: Medium,
    /// The passwords before and after.
    passwords: [&'static str; 2],
}

/// Which passwords may open it, and what may be on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Promise {
    passwords: Vec<&'static str>,
    balances: Vec<Amount>,
}

impl Script {
    fn open<D: Device>(&self, device: D, seed: u8) -> Result<Opened<D>, Violation> {
        let opened = Opened::open(device, self.medium.clone(), &mut rng(seed));
        opened.map_err(|error| Violation::new(UNUSABLE, error.to_string()))
    }

    fn promise(&self, passwords: &[usize], balances: &[u64]) -> Promise {
        Promise {
            passwords: passwords.iter().map(|nth| self.passwords[*nth]).collect(),
            balances: balances.iter().map(|balance| minor(*balance)).collect(),
        }
    }
}

fn failed(error: impl std::fmt::Display) -> Violation {
    Violation::new(UNUSABLE, error.to_string())
}

impl Procedure for Script {
    type Promise = Promise;

    fn run(
        &self,
        device: &Volatile,
        turn: usize,
        before: &Promise,
        witness: &mut Witness<'_, Promise>,
    ) -> Result<(), Violation> {
        let seed = u8::try_from(turn).unwrap();
        let mut opened = self.open(device, seed)?;
        let balance = opened.medium().balance();
        let open = before
            .passwords
            .iter()
            .find_map(|text| opened.unlock(&password(text)).ok().map(|unlocked| (*text, unlocked)));
        let (with, unlocked) = open.ok_or_else(|| failed("nobody gets in"))?;
        let is_new = with == self.passwords[1];
        let mut rng = rng(seed + 100);
        let sums = [balance.minor()];
        match self.act {
            Act::Login | Act::Passwd if is_new => {
                witness.promise(self.promise(&[0, 1], &sums));
                drop(unlocked);
            }
            Act::Login => {
                assert_eq!(opened.life(), KeyLife::StoreMade);
                witness.promise(self.promise(&[0, 1], &sums));
                let new = password(self.passwords[1]);
                opened.rekey(&unlocked, &new, at(5_000), &mut rng).map_err(failed)?;
            }
            Act::Passwd => {
                witness.promise(self.promise(&[0, 1], &sums));
                let new = password(self.passwords[1]);
                opened.change_password(unlocked, &new, &mut rng).map_err(failed)?;
            }
            Act::Topup => {
                let slot = u8::from(balance == minor(1_000));
                let topup = opened.medium().judge(&entry(SERIAL, slot)).map_err(failed)?;
                let after = balance.minor() + 500;
                witness.promise(self.promise(&[0], &[balance.minor(), after]));
                opened.topup(&unlocked.keys, &topup, at(5_000), &mut rng).map_err(failed)?;
                witness.promise(self.promise(&[0], &[after]));
                return Ok(());
            }
        }
        witness.promise(self.promise(&[1], &sums));
        Ok(())
    }

    fn judge(&self, device: &Volatile, promise: &Promise, model: Model) -> Result<(), Violation> {
        assert_eq!(model, Model::Within);
        let opened = self.open(Scratch::over(device), 7)?;
        let balance = opened.medium().balance();
        if !promise.balances.contains(&balance) {
            return Err(Violation::new(MONEY, format!("{balance:?} of {promise:?}")));
        }
        let mut opening = vec![];
        for text in &self.passwords {
            let mut opened = self.open(Scratch::over(device), 8)?;
            opening.extend(opened.unlock(&password(text)).ok().map(|_| text));
        }
        let told = || format!("{opening:?} of {promise:?}");
        match promise.passwords.as_slice() {
            _ if opening.is_empty() => Err(Violation::new(LOCKED_OUT, told())),
            [one] if !opening.contains(&one) => Err(Violation::new(NOT_CHANGED, told())),
            [_] if opening.len() > 1 => Err(Violation::new(STILL_OLD, told())),
            _ => Ok(()),
        }
    }
}

/// A burnt medium whose journal takes few records, so that many states can be looked at.
fn start(act: Act) -> (Volatile, Script) {
    let device = Sample::new(SERIAL).burnt();
    let mut checked = super::examined(&device);
    checked.grounds.as_mut().unwrap().journal.bytes = 2 * 32 * 512;
    let small = Medium::of(checked).unwrap();
    let mut passwords = [FIRST, OWN];
    if act != Act::Login {
        let mut opened = Opened::open(&device, small.clone(), &mut rng(50)).unwrap();
        let first = opened.unlock(&password(FIRST)).unwrap();
        opened.rekey(&first, &password(OWN), at(4_000), &mut rng(51)).unwrap();
        passwords = [OWN, THIRD];
    }
    assert_eq!(medium(&device).balance(), minor(500));
    (Volatile::new(device.snapshot()), Script { act, medium: small, passwords })
}

fn explored(act: Act, turns: &[Bounds]) -> Explored {
    let (device, script) = start(act);
    let promise = script.promise(&[0], &[500]);
    let mut found = Explored::default();
    found.explore(&script, &device, &promise, turns);
    println!("{act:?}: {} distinct states, {} losses", found.within.len(), found.losses);
    let told = found.violations.iter().take(3);
    let told: Vec<_> = told.map(|(what, losses)| format!("{what} {losses:#?}")).collect();
    assert!(found.violations.is_empty(), "{}", told.join("\n"));
    found
}

fn coarse() -> Bounds {
    Bounds { states_max: 4, torn_bytes: vec![130], ..Bounds::default() }
}

/// Every subset of what was not flushed, within one loss.
fn every_subset(act: Act) {
    let (sectors, torn_bytes) = (16, vec![16, 130, 500]);
    let found =
        explored(act, &[Bounds { states_max: 1 << sectors, torn_bytes, ..Bounds::default() }]);
    assert!(found.unflushed_max <= sectors, "of {} sectors some subsets", found.unflushed_max);
}

#[test]
fn a_first_login_stopped_anywhere_leaves_the_old_password_or_the_new_one() {
    let found = explored(Act::Login, &[coarse(), coarse()]);
    assert!(found.within.len() > 100, "{}", found.within.len());
}

#[test]
fn a_first_login_is_stopped_in_every_way_once() {
    every_subset(Act::Login);
}

#[test]
fn a_change_of_the_password_stopped_anywhere_leaves_one_that_opens() {
    let found = explored(Act::Passwd, &[coarse(), coarse()]);
    assert!(found.within.len() > 100, "{}", found.within.len());
}

#[test]
fn a_change_of_the_password_is_stopped_in_every_way_once() {
    every_subset(Act::Passwd);
}

#[test]
fn a_top_up_stopped_anywhere_has_been_or_has_not() {
    let found = explored(Act::Topup, &[coarse(), coarse()]);
    assert!(found.within.len() > 100, "{}", found.within.len());
}
