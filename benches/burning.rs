//! Burning beside bare writing and reading, on devices as slow as real ones; stamping; memory.
//!
//! `cargo bench --bench burning -- [ROM_MIB]`, or `cargo bench --bench burning -- memory` for what
//! the built `scrip-store burn` takes alone, with the starter edition: 3 GiB of room are needed.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads its arguments and the clock")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use scrip::crypto::{Random, SeededRandom};
use scrip::device::simulated::{Counted, Rate, Throttled};
use scrip::device::{AlignedBuffer, Device, Existing, FileDevice, Target};
use scrip::image::burn::{Burn, Care};
use scrip::image::check::{Identity, Reading};
use scrip::image::leaves::Unwatched;
use scrip::image::restamp::{Blocks, Renewal, Sale, examine, write};

#[allow(dead_code, reason = "the tests use the rest of their world")]
#[path = "../tests/world.rs"]
mod world;

use world::{Files, THREADS, Unfollowed, World, at, sealed_as, shape_of, stamped};

const RATE: Rate = Rate { read: 90_000_000, write: 40_000_000 };
const CHUNK_BYTES: usize = 1 << 20;
const ROUNDS: usize = 3;
/// Burning is to stay below this, in KiB.
const MEMORY_AIM: u64 = 64 << 10;
/// How often a running burn's memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

fn main() {
    if !std::env::args().any(|text| text == "memory") {
        speed();
    }
    memory();
}

fn speed() {
    let rom_mib = std::env::args().find_map(|text| text.parse().ok()).unwrap_or(100);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    println!("{cores} cores, read-only area of {rom_mib} MiB, 40 MB/s write, 90 MB/s read");
    let world = World::new();
    let mut content = vec![0; usize::try_from((rom_mib - 10) << 20).expect("fits memory")];
    SeededRandom::new([1; 32]).fill(&mut content);
    let files = Files(vec![("/content.bin".to_owned(), content)]);
    let (sealed, edition) = sealed_as(&world, shape_of(rom_mib), &files);
    drop(files);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("edition");
    let file = FileDevice::create(&path, edition.len_bytes(), Existing::Refuse).expect("room");
    file.write_at(0, &edition.into_bytes()).expect("room");
    let length = sealed.layout.medium_bytes();
    let target = |name: &str| {
        let path = folder.path().join(name);
        Throttled::new(FileDevice::create(&path, length, Existing::Replace).expect("room"), RATE)
    };
    let media: Vec<_> = (0..4).map(|serial| stamped(&world, &sealed, &file, serial)).collect();
    let burns: Vec<_> =
        media.iter().map(|stamped| Burn { sealed: &sealed, edition: &file, stamped }).collect();
    let bytes = burns[0].body_bytes();
    for count in [1, 4] {
        let mut ratios: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let raw = side_by_side(count, |index| bare(&target(&format!("raw{index}")), bytes));
                let ours = side_by_side(count, |index| {
                    let target = target(&format!("ours{index}"));
                    burns[index].run(&target, &Care::FRESH, &Unfollowed).expect("a good target");
                });
                println!("  {count} at once: bare {raw:.3} s, burnt {ours:.3} s");
                ours / raw
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        println!(
            "{count} at once: {:.4} x bare write + read (median of {ROUNDS})",
            ratios[ROUNDS / 2]
        );
    }
    stamping(&world, &sealed, &file);
    let image = FileDevice::create(&folder.path().join("again"), length, Existing::Refuse);
    let image = image.expect("room");
    burns[0].run(&image, &Care::FRESH, &Unfollowed).expect("a good target");
    restamping(&world, &image);
}

/// Write and read back so many bytes, as `dd` would.
fn bare(target: &dyn Target, bytes: u64) {
    let mut chunk = AlignedBuffer::new(CHUNK_BYTES);
    let chunks = bytes.div_ceil(CHUNK_BYTES as u64);
    for place in 0..chunks {
        target.write_at(place * CHUNK_BYTES as u64, &chunk).expect("a good target");
    }
    target.flush().expect("a good target");
    for place in 0..chunks {
        target.read_back_at(place * CHUNK_BYTES as u64, &mut chunk).expect("a good target");
    }
}

/// Seconds that `work` takes for all of `count` at once.
fn side_by_side(count: usize, work: impl Fn(usize) + Sync) -> f64 {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for index in 0..count {
            let work = &work;
            scope.spawn(move || work(index));
        }
    });
    began.elapsed().as_secs_f64()
}

/// What a further medium of an edition costs beyond the copied body.
fn stamping(world: &World, sealed: &scrip::image::sealed::SealedEdition, edition: &FileDevice) {
    let counted = Counted::new(edition);
    let began = Instant::now();
    let next = stamped(world, sealed, &counted, 99);
    let seconds = began.elapsed().as_secs_f64();
    let changed: usize = next.overlays.iter().map(|(_, bytes)| bytes.len()).sum();
    println!("next medium: {seconds:.4} s, {changed} bytes of the read-only area and the seal");
}

/// What it costs to stamp a burnt medium as sold, in place; reading it whole is told apart.
fn restamping(world: &World, image: &FileDevice) {
    let (trust, identity, none) = (world.trust(), Identity::Image, Blocks::new());
    let signer = trust.signer(&world.store_chain).expect("the world's store");
    let renewal = Renewal {
        grant: signer.certificate().grant.as_ref().expect("a store has a grant"),
        signer: &signer,
        name: "Test store",
        key: &world.store,
        policy: None,
        revocation: None,
        sheets: vec![],
        sale: Sale::Sold { at: at(900), owner: Some("Mika".to_owned()) },
        at: at(1_000),
    };
    let began = Instant::now();
    let reading = Reading::take(image, THREADS, &Unwatched).expect("a good image");
    let read = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let hand = examine(reading.clone(), image, &none, &trust, &identity).expect("it is sealed");
    let planned = hand.plan(image, &none, &renewal, &trust, &identity).expect("it is ours");
    let plan = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let spied = Counted::new(image);
    write(reading, &spied, &planned.blocks, &trust, &identity).expect("a good image");
    let write = began.elapsed().as_secs_f64();
    let counts = spied.counts();
    println!(
        "stamped again in place: {} bytes in {} writes and {} flushes; read whole {read:.3} s, \
         judged and planned {plan:.4} s, written and judged {write:.4} s",
        counts.written_bytes, counts.writes, counts.flushes
    );
}

/// The most memory that `scrip-store burn` holds for one and for four media, with live keys.
fn memory() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |tool: &str, args: &[&str]| {
        let status = quiet(tool, folder.path(), args).wait().expect("it was started");
        assert!(status.success(), "{tool} {args:?}: {status}");
    };
    let (store, server) = (env!("CARGO_BIN_EXE_scrip-store"), env!("CARGO_BIN_EXE_scrip-server"));
    let recipe = concat!(env!("CARGO_MANIFEST_DIR"), "/images/starter");
    run(store, &["quickstart", "first.img", "--recipe", recipe]);
    run(server, &["--dir", "issuer", "blanks", "5", "--store", "1", "--out", "kit"]);
    run(store, &["--dir", "store", "accept", "kit"]);
    for count in [1, 4] {
        let names: Vec<_> = (0..count).map(|index| format!("{count}-{index}.img")).collect();
        let mut args = vec!["--dir", "store", "burn", "starter.edition"];
        args.extend(names.iter().flat_map(|name| ["--to", name]));
        let most = peak(quiet(store, folder.path(), &args));
        let word = if most <= MEMORY_AIM { "within" } else { "ABOVE" };
        println!(
            "{count} at once: {}.{} MiB at most, {word} {} MiB",
            most >> 10,
            (most & 1023) * 10 / 1024,
            MEMORY_AIM >> 10
        );
    }
}

fn quiet(tool: &str, folder: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(tool);
    command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().expect("the tools are built")
}

/// Highest resident memory of a process until it ends, in KiB (`VmHWM`, proc(5)).
fn peak(mut running: Child) -> u64 {
    let path = format!("/proc/{}/status", running.id());
    let mut most = 0;
    loop {
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        most = most.max(kib.unwrap_or_default());
        if let Some(status) = running.try_wait().expect("it was started") {
            assert!(status.success(), "scrip-store burn: {status}");
            return most;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
