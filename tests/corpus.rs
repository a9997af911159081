//! Fuzz targets without a fuzzer: every seed, then a second of seeded changes to them.
//!
//! Each target runs in a process of its own whose data the kernel limits (`RLIMIT_DATA`): an
//! allocation above it, touched or not, ends the process and fails the test.
//!
//! `SCRIP_WRITE_SEEDS=1 cargo test corpus` writes the first seeds anew after a deliberate change.

#[path = "../fuzz/bodies/mod.rs"]
#[allow(unreachable_pub, reason = "the fuzzers' crate shows them")]
mod bodies;
mod memories;
mod seeds;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bodies::Body;

/// Set in the process that does the work.
const INSIDE: &str = "SCRIP_CORPUS_INSIDE";
/// How long seeds are changed.
const CHANGING: Duration = Duration::from_secs(1);
/// The longest input.
const INPUT_BYTES_MAX: usize = 16 << 10;
/// Data that a target may take, in KiB; what the test binary takes for itself is in it.
const DATA_KIB: u64 = 64 << 10;
/// The same for targets that hold a whole medium of 70 MiB, its edition of 36 and a copy of either,
/// or the pixels of a picture.
const MEDIUM_KIB: u64 = 320 << 10;
const WITH_MEDIUM: [&str; 5] =
    ["fat_volume", "edition_open", "image_check", "image_take", "topup_picture"];

macro_rules! tests {
    ($($name:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                run(stringify!($name), bodies::$name);
            }
        )*
    };
}

tests! {
    objects envelope cbor chain keyfile access kit journal ledger funding evidence keyed remembered
    shop_log enrol_request
    kept_stamp recipe start_page typed_code topup_entry topup_picture units gpt fat_volume elf_player machine
    edition_open
    image_take image_check
}

#[test]
fn every_target_is_replayed_and_has_seeds() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let mut bytes = 0;
    for (name, _) in bodies::ALL {
        assert!(TESTED.contains(name), "{name} has no test");
        assert!(top.join("fuzz_targets").join(format!("{name}.rs")).exists(), "{name}");
        let own: usize = corpus(name).iter().map(Vec::len).sum();
        assert!((1..100 << 10).contains(&own), "{name}: {own} bytes of seeds");
        bytes += own;
    }
    assert!(bytes < 600 << 10, "{bytes} bytes of seeds");
}

#[test]
fn the_first_seeds_are_in_their_places() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (target, seeds) in seeds::all(&top.join("tests/vectors")) {
        let folder = top.join("fuzz/corpus").join(target);
        for (name, bytes) in seeds {
            let path = folder.join(name);
            if std::env::var_os("SCRIP_WRITE_SEEDS").is_some() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &bytes).unwrap();
            }
            assert!(fs::read(&path).is_ok_and(|found| found == bytes), "{}", path.display());
        }
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{target}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Start this test again under a limit, or do its work if that was done.
fn run(target: &str, body: Body) {
    if std::env::var_os(INSIDE).is_some() {
        return replay(target, body);
    }
    let limit = if WITH_MEDIUM.contains(&target) { MEDIUM_KIB } else { DATA_KIB };
    let output = Command::new("sh")
        .args(["-c", &format!("ulimit -d {limit} && exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args([&format!("corpus::{target}"), "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{target} within {limit} KiB: {said}{told}");
    assert!(said.contains("1 passed"), "{said}");
}

/// Every seed, then changed ones until the time is up.
fn replay(target: &str, body: Body) {
    let seeds = corpus(target);
    for (place, seed) in seeds.iter().enumerate() {
        try_input(body, seed, &|| format!("{target}: seed {place}"));
    }
    let mut changes = Changes { state: 1, seeds: &seeds };
    let start = Instant::now();
    let mut round = 0_u64;
    while start.elapsed() < CHANGING {
        let input = changes.next_input();
        try_input(body, &input, &|| format!("{target}: round {round} of random seed 1"));
        round += 1;
    }
    println!("{target}: {} seeds, {round} changed ones", seeds.len());
}

/// The input stands in the message: it becomes a seed.
fn try_input(body: Body, input: &[u8], place: &dyn Fn() -> String) {
    let done = catch_unwind(AssertUnwindSafe(|| body(input)));
    assert!(done.is_ok(), "{}: {}", place(), data_encoding::HEXLOWER.encode(input));
}

/// Seeds, changed as a fuzzer changes them, from one random seed.
struct Changes<'a> {
    state: u64,
    seeds: &'a [Vec<u8>],
}

impl Changes<'_> {
    /// `SplitMix64`.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        let drawn = self.draw() % (limit.max(1) as u64);
        usize::try_from(drawn).unwrap()
    }

    fn byte(&mut self) -> u8 {
        const SPECIAL: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 0x20, 0x18, 0x40];
        let drawn = self.draw().to_le_bytes();
        if drawn[0] < 128 { drawn[1] } else { SPECIAL[usize::from(drawn[1] % 8)] }
    }

    fn next_input(&mut self) -> Vec<u8> {
        let place = self.below(self.seeds.len());
        let mut input = self.seeds[place].clone();
        for _ in 0..=self.below(4) {
            self.change(&mut input);
        }
        input.truncate(INPUT_BYTES_MAX);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len());
        let count = self.below(9).min(input.len() - at.min(input.len()));
        match self.below(7) {
            0 if !input.is_empty() => input[at] ^= 1 << self.below(8),
            1 if !input.is_empty() => input[at] = self.byte(),
            2 => input.insert(at, self.byte()),
            3 => drop(input.drain(at..at + count)),
            4 => {
                let piece = input[at..at + count].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, piece);
            }
            5 => input.truncate(at),
            _ => {
                let place = self.below(self.seeds.len());
                let other = &self.seeds[place];
                let from = self.below(self.seeds[place].len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }
}
