//! Processes that are killed at random moments of a top-up, a purchase or a play that charges.
//!
//! It shows what the death of a process leaves; what a loss of power leaves is shown on simulated
//! media, and under a real kernel by the emulator's tests. `taking/killed.rs` kills what is taken.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use scrip::crypto::Random;

use super::bench::Bench;
use super::refused::shop;
use super::rng;

/// Kills on an image, and as many on directories: both together make 200 where `./test` asks.
const KILLS: u32 = if cfg!(feature = "thorough") { 100 } else { 20 };
const PRICE: u64 = 10;
const BOUGHT: [&str; 9] = ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8"];
const PLAYED: [&str; 9] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"];
/// All but the one that was spent on the burn.
const SLOTS: [u8; 9] = [0, 1, 2, 4, 5, 6, 7, 8, 9];

/// What a run that isn't killed does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Topup,
    Buy,
    Play,
}

const ACTS: [Act; 3] = [Act::Topup, Act::Buy, Act::Play];

/// How long a run takes, as far as is known: kills stay near its end, where it commits.
struct Pace {
    run: Duration,
    random: scrip::crypto::SeededRandom,
}

impl Pace {
    fn of(bench: &Bench) -> Self {
        let begun = Instant::now();
        bench.run(&["balance"]).says(0, "¥500");
        Self { run: begun.elapsed(), random: rng(7) }
    }

    /// A moment between half of a run and a tenth beyond it.
    fn moment(&mut self) -> Duration {
        let mut byte = [0];
        self.random.fill(&mut byte);
        self.run * (50 + u32::from(byte[0]) * 60 / 255) / 100
    }

    /// However busy the machine is: later if it was too early, earlier if it was too late.
    fn learn(&mut self, had_been: bool) {
        self.run = if had_been { self.run * 17 / 20 } else { self.run * 11 / 10 };
    }
}

/// The medium as it was after the login, on this computer that has seen nothing else.
fn restore(bench: &Bench, whole: &std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>) {
    fs::remove_dir_all(bench.folder.path().join("state")).unwrap();
    for (path, bytes) in whole {
        fs::write(bench.folder.path().join(path), bytes).unwrap();
    }
}

/// Run, kill, and say whether the run had told that it was done, or had given out what is paid for.
fn killed(bench: &Bench, act: Act, nth: usize, after: Duration) -> bool {
    let code = bench.code(SLOTS[nth]);
    let arguments = match act {
        Act::Topup => ["topup", &code, "--password-file", "own"].to_vec(),
        Act::Buy => ["buy", BOUGHT[nth], "--password-file", "own"].to_vec(),
        Act::Play => ["play", PLAYED[nth], "--stdout", "--yes", "--password-file", "own"].to_vec(),
    };
    let arguments = [&["--medium", bench.medium], &arguments[..]].concat();
    let mut command = bench.command("scrip-wallet", &arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    sleep(after);
    child.kill().unwrap();
    let told = child.wait_with_output().unwrap().stdout;
    match act {
        Act::Topup => String::from_utf8(told).unwrap().contains("Added: "),
        Act::Buy => String::from_utf8(told).unwrap().contains("Paid: "),
        Act::Play => !told.is_empty(),
    }
}

fn kill_again_and_again(bench: &Bench) {
    bench.login().says(0, "is yours now");
    let whole = bench.contents();
    let mut pace = Pace::of(bench);
    let (mut balance, mut done, mut kills) = (500, [0; 3], [0; 3]);
    for (kill, act) in (0..KILLS).zip(ACTS.into_iter().cycle()) {
        let which = act as usize;
        if done[which] == SLOTS.len() {
            restore(bench, &whole);
            (balance, done) = (500, [0; 3]);
        }
        let told = killed(bench, act, done[which], pace.moment());
        let after = if act == Act::Topup { balance + 500 } else { balance - PRICE };
        let found: u64 = bench.balance().parse().unwrap();
        let had_been = found == after;
        assert!(
            had_been || (found == balance && !told),
            "kill {kill}: {balance}, then {found}, told: {told}"
        );
        pace.learn(had_been);
        balance = found;
        done[which] += usize::from(had_been);
        kills[which] += u32::from(had_been);
    }
    let medium = bench.medium;
    println!("{KILLS} kills of {medium}: {kills:?} had been {ACTS:?}, a run takes {:?}", pace.run);
    let sum = kills.iter().sum::<u32>();
    assert!(sum > 0 && sum < KILLS, "kills came too early or too late alone: {kills:?}");
    // Whatever the last kill left is mended by the next login, and nothing is missing then.
    bench.run(&["login", "--password-file", "own"]).says(0, "the password is right");
    assert_eq!(bench.balance(), balance.to_string());
    bench.run(&["doctor"]).says(0, "");
}

fn sample() -> crate::world::Sample {
    let items: Vec<_> = [BOUGHT, PLAYED].concat().iter().map(|id| (*id, PRICE)).collect();
    shop(&items)
}

#[test]
fn killed_at_any_moment_a_record_on_an_image_has_been_or_has_not() {
    kill_again_and_again(&Bench::of(&sample()));
}

#[test]
fn killed_at_any_moment_a_record_in_directories_has_been_or_has_not() {
    kill_again_and_again(&Bench::directories_of(&sample()));
}
