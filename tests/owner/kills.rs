//! Processes that are killed at random moments of a top-up or a purchase.
//!
//! It shows what the death of a process leaves; what a loss of power leaves is shown on simulated
//! media, and under a real kernel by the emulator's tests.

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
const ITEMS: [&str; 9] = ["i0", "i1", "i2", "i3", "i4", "i5", "i6", "i7", "i8"];
/// All but the one that was spent on the burn.
const SLOTS: [u8; 9] = [0, 1, 2, 4, 5, 6, 7, 8, 9];

/// What a run that isn't killed does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Topup,
    Buy,
}

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

/// Run, kill, and say whether the run had said that it was done.
fn killed(bench: &Bench, act: Act, nth: usize, after: Duration) -> bool {
    let code = bench.code(SLOTS[nth]);
    let (verb, what) = match act {
        Act::Topup => ("topup", code.as_str()),
        Act::Buy => ("buy", ITEMS[nth]),
    };
    let arguments = ["--medium", bench.medium, verb, what, "--password-file", "own"];
    let mut command = bench.command("scrip-wallet", &arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    sleep(after);
    child.kill().unwrap();
    let told = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    told.contains("Added: ") || told.contains("Paid: ")
}

fn kill_again_and_again(bench: &Bench) {
    bench.login().says(0, "is yours now");
    let whole = bench.contents();
    let mut pace = Pace::of(bench);
    let (mut balance, mut done, mut kills) = (500, [0, 0], [0, 0]);
    for kill in 0..KILLS {
        let act = if kill % 2 == 0 { Act::Topup } else { Act::Buy };
        let which = usize::from(act == Act::Buy);
        if done[which] % SLOTS.len() == 0 && done[which] > 0 && done != [0, 0] {
            restore(bench, &whole);
            (balance, done) = (500, [0, 0]);
        }
        let told = killed(bench, act, done[which], pace.moment());
        let after = if act == Act::Topup { balance + 500 } else { balance - PRICE };
        let found: u64 = bench.balance().parse().unwrap();
        let had_been = found == after;
        assert!(had_been || (found == balance && !told), "{balance}, then {found}, told: {told}");
        pace.learn(had_been);
        balance = found;
        done[which] += usize::from(had_been);
        kills[which] += u32::from(had_been);
    }
    println!(
        "{KILLS} kills of {}: {} top-ups and {} purchases had been, a run takes {:?}",
        bench.medium, kills[0], kills[1], pace.run
    );
    assert!(kills[0] > 0 && kills[1] > 0, "no kill came late enough");
    assert!(kills[0] + kills[1] < KILLS, "no kill came early enough");
    // Whatever the last kill left is mended by the next login, and nothing is missing then.
    bench.run(&["login", "--password-file", "own"]).says(0, "the password is right");
    assert_eq!(bench.balance(), balance.to_string());
    bench.run(&["doctor"]).says(0, "");
}

fn sample() -> crate::world::Sample {
    shop(&ITEMS.map(|id| (id, PRICE)))
}

#[test]
fn killed_at_any_moment_a_record_on_an_image_has_been_or_has_not() {
    kill_again_and_again(&Bench::of(&sample()));
}

#[test]
fn killed_at_any_moment_a_record_in_directories_has_been_or_has_not() {
    kill_again_and_again(&Bench::directories_of(&sample()));
}
