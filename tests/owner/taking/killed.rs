//! `take` killed with kill -9, and gone on with from another medium.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use scrip::crypto::{Random, SeededRandom};

use super::FORMS;
use super::fair::{CHUNK, Fair, LENGTH, song};
use crate::owner::take::sides::Settled;

/// Kills at random moments of each form, before and behind the media's first checkpoint: all
/// together make 200 where `./test` asks.
const RANDOM: u32 = if cfg!(feature = "thorough") { 50 } else { 3 };
/// Every so many chunk boundaries.
const STEP: usize = if cfg!(feature = "thorough") { 1 } else { 9 };

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
enum When {
    Chunk(u64),
    After(Duration),
}

/// Kill a run, go on from another medium, have the first two meet again; then all adds up.
fn killed(fair: &Fair, when: When) -> bool {
    fair.restore(&["one", "two", "three-of-two"]);
    let mut running = fair.begin("one", "two");
    match when {
        When::Chunk(chunks) => fair.wait_for("one", chunks * CHUNK, &mut running),
        When::After(time) => std::thread::sleep(time),
    }
    running.signal(Signal::KILL);
    let (exit, text) = running.ended();
    assert!(matches!(exit, None | Some(0)), "{when:?}: {exit:?} {text}");

    let unpaid = fair.unpaid("one", "two");
    assert!(unpaid <= CHUNK, "{when:?}: {unpaid} bytes are unpaid");
    let rest = fair.take("one", "three-of-two", &[]);
    assert_eq!(rest.exit, 0, "{when:?}: {}", rest.text);
    let met = fair.take("one", "two", &[]);
    met.says(0, "Already yours");
    assert_eq!(fair.file("one"), song(), "{when:?}");
    fair.adds_up("one", &["two", "three-of-two"]);
    exit.is_none()
}

/// Media of both forms, none of them settled and all of them.
fn fairs() -> impl Iterator<Item = (Fair, String)> {
    FORMS.into_iter().flat_map(|form| {
        [Settled::Never, Settled::Before]
            .map(|settled| (Fair::of(form, settled), format!("{form:?}, settled: {settled:?}")))
    })
}

#[test]
fn killed_at_chunk_boundaries_it_goes_on_elsewhere() {
    for (fair, told) in fairs() {
        let chunks = LENGTH.div_ceil(CHUNK);
        let (mut count, mut hit) = (0, 0);
        for chunk in (1..=chunks).step_by(STEP) {
            count += 1;
            hit += u32::from(killed(&fair, When::Chunk(chunk)));
        }
        println!("{told}: killed {hit} times of {count} at a chunk boundary");
        assert!(hit * 2 > count, "most runs were over before they were killed");
    }
}

#[test]
fn killed_at_random_moments_it_goes_on_elsewhere() {
    let (mut rng, mut all) = (SeededRandom::new([31; 32]), 0);
    for (fair, told) in fairs() {
        let began = Instant::now();
        let whole = fair.take("one", "two", &[]);
        assert_eq!(whole.exit, 0, "{}", whole.text);
        let (mut longest, mut hit) = (began.elapsed(), 0);
        for _ in 0..RANDOM {
            let mut byte = [0];
            rng.fill(&mut byte);
            let within = killed(&fair, When::After(longest * u32::from(byte[0]) / 255));
            // However busy the machine is: later if it was too early, earlier if it was too late.
            longest = if within { longest * 11 / 10 } else { longest * 17 / 20 };
            hit += u32::from(within);
        }
        println!("{told}: killed {hit} times of {RANDOM} at a random moment up to {longest:?}");
        all += hit;
    }
    assert!(all > 0, "every run was over before it was killed");
}
