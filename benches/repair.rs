//! Mistyped codes at the rounds of a live sheet: how long an owner waits for the repair.
//!
//! `cargo bench --bench repair -- [CODES]`: of so many codes every single slip, 20 by default.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads its arguments and the clock")]

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use scrip::crypto::sign::SecretKey;
use scrip::crypto::{Random, Secret, SeededRandom};
use scrip::format::sheet::{Run, Sheet};
use scrip::trust::{LIVE_ROUNDS_MIN, Revoked, Verified, verify};
use scrip::units::{Amount, MediumId, Timestamp};
use scrip::voucher::code::{CodeDigits, TypedCode};
use scrip::voucher::{CodeTerms, Meant, SheetPlan, check_slot, make_sheet, meant, slot_secret};

const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const SLOTS: u8 = 40;
const DOUBLES: usize = 50;

fn main() {
    let count = std::env::args().find_map(|text| text.parse().ok()).unwrap_or(20);
    let machine = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{LIVE_ROUNDS_MIN} rounds, {THREADS} threads on {machine} cores, sheets of {SLOTS} slots"
    );
    let mut rng = SeededRandom::new([20; 32]);
    let seal = Secret::generate(&mut rng);
    let issuer = SecretKey::generate(&mut rng);
    let medium = MediumId::from_serial(4_821_093_765);
    let sheets: Vec<_> = [[7; 16], [8; 16]].map(|id| sheet(&issuer, &seal, medium, id)).into();
    let code = |sheet: [u8; 16], slot| {
        let secret = slot_secret(&seal, medium, &sheet, slot);
        TypedCode::new(slot, secret).expect("a slot of two digits").plain()
    };
    let check = fastest_check(&sheets[0], &code(sheets[0].id, 1));
    println!("one check of one sheet takes {check:.3?} at best");
    for live in [1, 2] {
        // With two live sheets the code is of the older one, which is tried last.
        let of = sheets[live - 1].id;
        let bench = Bench { sheets: &sheets[..live], medium, check, tried: AtomicUsize::new(0) };
        let codes: Vec<String> = (0..count).map(|slot| code(of, slot % SLOTS)).collect();
        bench.singles(&codes);
        let codes: Vec<String> = (0..SLOTS).map(|slot| code(of, slot)).collect();
        bench.doubles(&codes, &mut rng);
    }
}

fn sheet(issuer: &SecretKey, seal: &Secret<32>, medium: MediumId, id: [u8; 16]) -> Verified<Sheet> {
    let amount = Amount::from_minor(1_000).expect("a small amount");
    let plan = SheetPlan {
        id,
        medium,
        currency: "JPY".parse().expect("a currency"),
        rounds: NonZeroU32::new(LIVE_ROUNDS_MIN).expect("some rounds"),
        runs: vec![Run { count: SLOTS.into(), amount }],
        issued: Timestamp::from_seconds(1_800_000_000).expect("a time"),
    };
    verify(&make_sheet(issuer, seal, &plan).expect("a sound plan"), &issuer.public())
        .expect("signed")
}

/// What a check costs where nothing else runs, as near as this machine comes to it.
fn fastest_check(sheet: &Sheet, code: &str) -> Duration {
    let code: TypedCode = code.parse().expect("a code");
    let one = |_| {
        let start = Instant::now();
        check_slot(sheet, code.slot(), code.secret()).expect("it opens its slot");
        start.elapsed()
    };
    (0..20).map(one).min().expect("some were taken")
}

struct Bench<'a> {
    sheets: &'a [Verified<Sheet>],
    medium: MediumId,
    check: Duration,
    /// The most candidates that were tried before the right one.
    tried: AtomicUsize,
}

impl Bench<'_> {
    /// Every substitution and every swap of neighbours, of each code.
    fn singles(&self, codes: &[String]) {
        let mut times = vec![];
        for code in codes {
            for typed in single_slips(code) {
                times.push(self.time(&typed, code).expect("every single slip is repaired"));
            }
        }
        self.tell("single slips", times.len(), &mut times);
    }

    /// Seeded double substitutions whose typed form fails the check.
    fn doubles(&self, codes: &[String], rng: &mut SeededRandom) {
        let mut draw = |below: usize| {
            let mut bytes = [0; 4];
            rng.fill(&mut bytes);
            u32::from_be_bytes(bytes) as usize % below
        };
        let (mut times, mut asked) = (vec![], 0);
        while asked < DOUBLES {
            let (code, places) = (&codes[draw(codes.len())], [draw(20), draw(20)]);
            let typed = substituted(&substituted(code, places[0], draw(9)), places[1], draw(9));
            if places[0] == places[1] || typed.parse::<TypedCode>().is_ok() {
                continue;
            }
            asked += 1;
            times.extend(self.time(&typed, code));
        }
        self.tell("double substitutions", asked, &mut times);
    }

    /// How long the repair took; none if another code or none was offered.
    fn time(&self, typed: &str, code: &str) -> Option<Duration> {
        let (typed, revoked) = (CodeDigits::read(typed).expect("20 digits"), Revoked::none());
        let terms = CodeTerms {
            medium: self.medium,
            currency: self.sheets[0].currency,
            sheets: self.sheets,
            revoked: &revoked,
        };
        let start = Instant::now();
        let count = |tried: usize, _: usize| {
            self.tried.fetch_max(tried + 1, Ordering::Relaxed);
            ControlFlow::Continue(())
        };
        let found = meant(&terms, typed, THREADS, &count);
        let took = start.elapsed();
        match found.expect("sound sheets") {
            Meant::Found(repair) if repair.code.plain() == code => Some(took),
            _ => None,
        }
    }

    fn tell(&self, what: &str, asked: usize, times: &mut [Duration]) {
        times.sort_unstable();
        let mean = times.iter().sum::<Duration>() / u32::try_from(times.len()).expect("few");
        let worst = times.last().expect("some were repaired");
        let tried = self.tried.swap(0, Ordering::Relaxed);
        let checks = u32::try_from(tried * self.sheets.len()).expect("hundreds");
        let alone = self.check * checks / u32::try_from(THREADS.get()).expect("a few");
        println!(
            "{} sheets, {what}: {} of {asked} repaired, mean {mean:.3?}, worst {worst:.3?}; \
             at most {tried} candidates, {alone:.3?} of checks a thread",
            self.sheets.len(),
            times.len(),
        );
    }
}

/// The code with another digit in one place.
fn substituted(code: &str, place: usize, by: usize) -> String {
    let digit = |(at, c): (usize, char)| {
        let value = c.to_digit(10).expect("digits") as usize;
        let value = if at == place { (value + 1 + by) % 10 } else { value };
        char::from(b"0123456789"[value])
    };
    code.chars().enumerate().map(digit).collect()
}

fn single_slips(code: &str) -> Vec<String> {
    let substitutions =
        (0..20).flat_map(|place| (0..9).map(move |by| substituted(code, place, by)));
    let swaps = (1..20).map(|place| {
        let mut digits: Vec<_> = code.chars().collect();
        digits.swap(place - 1, place);
        digits.into_iter().collect()
    });
    substitutions.chain(swaps).filter(|typed: &String| typed != code).collect()
}
