//! The fuzz targets' corpora as plain tests, and about a second of mutations of each.
//!
//! `SCRIP_WRITE_VECTORS=1 cargo test corpus` puts the seeds that the vectors give into the corpora.

#[path = "../fuzz/bodies.rs"]
mod bodies;
mod seeds;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use scrip::crypto::{Random, SeededRandom};

use bodies::BODIES;

/// How long mutated inputs are tried, a target.
const MUTATING: Duration = Duration::from_secs(1);
/// Inputs above this are not mutated any longer.
const INPUT_BYTES_MAX: usize = 1 << 16;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// The inputs of a target, sorted by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let listed = std::fs::read_dir(folder().join(target)).expect("each target has a corpus");
    let name = |entry: &std::fs::DirEntry| entry.file_name().into_string().expect("ASCII");
    let mut inputs: Vec<_> = listed
        .map(|entry| entry.expect("the corpus can be listed"))
        .map(|entry| (name(&entry), std::fs::read(entry.path()).expect("an input can be read")))
        .collect();
    inputs.sort();
    inputs
}

fn replay_and_mutate(target: &str) {
    let body = BODIES.iter().find(|(name, _)| *name == target).expect("a body").1;
    let inputs = corpus(target);
    assert!(!inputs.is_empty(), "{target} has no corpus");
    let tried = |what: &str, input: &[u8]| {
        let outcome = std::panic::catch_unwind(|| body(input));
        let hex = data_encoding::HEXLOWER.encode(&input[..input.len().min(4_096)]);
        assert!(outcome.is_ok(), "{target}: {what}: {hex}");
    };
    for (name, input) in &inputs {
        tried(name, input);
    }
    let mut rng = SeededRandom::new([17; 32]);
    let (start, mut count) = (Instant::now(), 0_u64);
    while start.elapsed() < MUTATING {
        let mut input = inputs[below(&mut rng, inputs.len())].1.clone();
        for _ in 0..=below(&mut rng, 4) {
            mutate(&mut rng, &mut input);
        }
        input.truncate(INPUT_BYTES_MAX);
        tried(&format!("mutation {count}"), &input);
        count += 1;
    }
    println!("{target}: {} inputs, {count} mutations", inputs.len());
}

/// A number below `end`, which is above 0.
fn below(rng: &mut SeededRandom, end: usize) -> usize {
    let mut bytes = [0; 4];
    rng.fill(&mut bytes);
    usize::try_from(u32::from_le_bytes(bytes)).expect("32 bits fit") % end
}

/// Flip a bit, set a byte, cut, repeat or take out a piece.
fn mutate(rng: &mut SeededRandom, input: &mut Vec<u8>) {
    const TELLING: [u8; 12] = [0, 1, 0x17, 0x18, 0x1b, 0x3b, 0x5b, 0x7f, 0x80, 0x9f, 0xbf, 0xff];
    if input.is_empty() {
        input.push(TELLING[below(rng, TELLING.len())]);
        return;
    }
    let at = below(rng, input.len());
    let end = (at + 1 + below(rng, 16)).min(input.len());
    match below(rng, 6) {
        0 => input[at] ^= 1 << below(rng, 8),
        1 => input[at] = TELLING[below(rng, TELLING.len())],
        2 => input.truncate(at),
        3 => drop(input.drain(at..end)),
        4 => {
            let piece = input[at..end].to_vec();
            input.splice(at..at, piece);
        }
        _ => input.insert(at, TELLING[below(rng, TELLING.len())]),
    }
}

macro_rules! targets {
    ($( $target:ident ),* $(,)?) => {
        $( #[test]
        fn $target() {
            replay_and_mutate(stringify!($target));
        } )*

        const TARGETS: &[&str] = &[$( stringify!($target) ),*];
    };
}

targets! {
    access_file, cbor, chain, edition, frame, image, journal, object, peek, recipe, signed,
    store_journal, typed, volume,
}

#[test]
fn every_target_has_a_body_a_program_and_its_seeds() {
    let bodies: Vec<_> = BODIES.iter().map(|(name, _)| *name).collect();
    assert_eq!(bodies, TARGETS);
    let programs = folder().parent().expect("a folder").join("fuzz_targets");
    for target in TARGETS {
        assert!(programs.join(format!("{target}.rs")).is_file(), "{target} has no program");
    }
    let seeds = seeds::all();
    if std::env::var_os("SCRIP_WRITE_VECTORS").is_some() {
        for (target, name, input) in &seeds {
            let folder = folder().join(target);
            std::fs::create_dir_all(&folder).expect("a folder can be made");
            std::fs::write(folder.join(name), input).expect("a seed can be written");
        }
    }
    for (target, name, input) in seeds {
        let stored = std::fs::read(folder().join(target).join(&name)).expect("a seed");
        assert!(stored == input, "{target}/{name}: SCRIP_WRITE_VECTORS=1 writes it anew");
    }
}
