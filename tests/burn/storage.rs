//! Burning to storage that lies or dies.

use std::path::Path;

use scrip::crypto::SeededRandom;
use scrip::device::simulated::{Beyond, FakeCapacity, Faulty, ReadFault, StopAt, Stopping};
use scrip::device::{Aim, Device, Machine, MemoryDevice, Probe, Request, Scrub, Target, clear};
use scrip::image::burn::{BurnError, Care, Start};
use scrip::image::check::{Identity, Verdict, check};
use scrip::image::layout::JOURNAL_PATHS;
use scrip::image::leaves::Unwatched;

use crate::world::{Sample, THREADS, Unfollowed, World};

fn probe(sample: &Sample, target: &dyn Device) -> Probe {
    let aim = Aim::New { path: "/media/new.img".into() };
    let edition = Path::new("/editions/sample");
    let needs_bytes = sample.sealed.layout.medium_bytes();
    let request = Request { aim: &aim, needs_bytes, edition, lifted: &[] };
    let cleared = clear(&Machine::default(), &request).unwrap();
    Probe::new(&cleared, &target, &mut SeededRandom::new([5; 32]))
}

fn burn(sample: &Sample, target: &dyn Target, start: Start) -> Result<(), BurnError> {
    let probe = probe(sample, target);
    let care = Care { start, probe: Some(&probe), scrub: Scrub::None };
    sample.burn().run(target, &care, &Unfollowed)
}

fn refusal(sample: &Sample, target: &dyn Target) -> String {
    sample.burn().run(target, &Care::FRESH, &Unfollowed).unwrap_err().to_string()
}

fn length(sample: &Sample) -> usize {
    usize::try_from(sample.sealed.layout.medium_bytes()).unwrap()
}

fn has_table(bytes: &[u8]) -> bool {
    bytes.windows(8).step_by(512).any(|sector| sector == b"EFI PART")
}

#[test]
fn a_stick_that_wraps_by_any_number_is_caught_before_a_table_is_written() {
    let sample = Sample::new(11);
    let needs = length(&sample);
    let held = (10 << 20..needs).step_by((3 << 20) + 4096).chain([needs - 4096, needs - (1 << 20)]);
    let mut after_the_body = 0;
    for held in held {
        for (claimed, start) in
            [(needs, Start::Fresh), (needs, Start::Resumed), (2 * needs + 40_960, Start::Fresh)]
        {
            let memory = MemoryDevice::filled(held, 0xa5);
            let fake = FakeCapacity::new(&memory, claimed as u64, Beyond::Wraps);
            let burnt = burn(&sample, &fake, start);
            assert!(burnt.is_err(), "a stick of {held} bytes that claims {claimed} was burnt");
            let error = burnt.unwrap_err();
            assert!(!has_table(&memory.snapshot()), "held {held} of {claimed}: {error}");
            after_the_body += u32::from(matches!(error, BurnError::Wraps { .. }));
        }
    }
    assert!(after_the_body > 5, "only {after_the_body} wraps were seen behind the body");
}

#[test]
fn a_wrap_is_told_with_the_block_that_it_hit() {
    let sample = Sample::new(11);
    let needs = length(&sample);
    let held = needs - (8 << 20);
    let memory = MemoryDevice::filled(held, 0xa5);
    let fake = FakeCapacity::new(memory, needs as u64, Beyond::Wraps);
    let error = burn(&sample, &fake, Start::Resumed).unwrap_err();
    assert!(matches!(error, BurnError::Wraps { .. }), "{error}");
    let words = error.to_string();
    assert!(words.starts_with(&format!("fake capacity: claims {needs} bytes, holds ")), "{words}");
}

#[test]
fn a_stick_that_drops_what_it_cannot_hold_is_caught_in_the_probe() {
    let sample = Sample::new(11);
    let needs = length(&sample);
    for held in [needs / 2, needs - (1 << 20), needs - 4096] {
        let memory = MemoryDevice::filled(held, 0xa5);
        let fake = FakeCapacity::new(&memory, needs as u64, Beyond::Drops(0));
        let error = burn(&sample, &fake, Start::Fresh).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("fake capacity: claims {needs} bytes, holds ")),
            "{error}"
        );
        assert!(!has_table(&memory.snapshot()));
    }
}

#[test]
fn a_probed_medium_is_sealed_and_holds_nothing_of_the_probe() {
    let sample = Sample::new(11);
    for (extra, start) in [(0, Start::Fresh), (0, Start::Resumed), (7 * 512, Start::Fresh)] {
        let stick = MemoryDevice::filled(length(&sample) + extra, 0);
        burn(&sample, &stick, start).unwrap();
        let trust = World::new().trust();
        let report = check(&stick, &trust, &Identity::Image, THREADS, &Unwatched).unwrap();
        assert_eq!(report.verdict, Verdict::Sealed, "{report:?}");
        let plain = MemoryDevice::filled(length(&sample) + extra, 0);
        sample.burn_to(&plain);
        assert!(stick.into_bytes() == plain.into_bytes(), "the probe left something");
    }
}

#[test]
fn what_was_read_back_wrong_is_named_by_file_blocks_and_kind() {
    let sample = Sample::new(12);
    let layout = &sample.sealed.layout;
    let rom = |path: &str| layout.rom().start + sample.sealed.plan.locate(path).unwrap();
    let ram = &sample.stamped.ram.plan;
    let journal = layout.ram().start + ram.locate(JOURNAL_PATHS[1]).unwrap();
    let player = "/players/linux-x86_64/scrip-wallet";
    let flip = |offset: u64| ReadFault::Flipped { offset, mask: 0x10 };
    let zeros = rom(player) + 8192..rom(player) + 3 * 4096 + 8192;
    let table = [
        (flip(rom("/START.HTM") + 5), "/START.HTM", rom("/START.HTM"), 1, "1 bit flipped"),
        (ReadFault::Zeros(zeros), player, rom(player) + 8192, 3, "zeros"),
        (flip(layout.rom().start + 40), "read-only volume", layout.rom().start, 1, "1 bit flipped"),
        (flip(layout.seal().start + 4096), "seal", layout.seal().start + 4096, 1, "1 bit flipped"),
        (flip(journal + 100), JOURNAL_PATHS[1], journal, 1, "1 bit flipped"),
    ];
    for (fault, place, offset, blocks, kind) in table {
        let stick = Faulty::new(MemoryDevice::filled(length(&sample), 0xa5), vec![fault]);
        let said = refusal(&sample, &stick);
        let (first, last) = (offset / 4096, offset / 4096 + blocks - 1);
        let expected = format!("reading back: {place}, blocks {first} to {last}: {kind} (hash is ");
        assert!(said.starts_with(&expected), "{said}\nexpected: {expected}");
        assert!(!has_table(&stick.inner().snapshot()));
    }
}

#[test]
fn another_blocks_data_is_faked_capacity_and_an_unreadable_block_a_failure() {
    let sample = Sample::new(12);
    let rom = sample.sealed.layout.rom().start;
    let at = |path: &str| rom + sample.sealed.plan.locate(path).unwrap();
    let (range, from) = (at("/START.HTM")..at("/START.HTM") + 3000, at("/CONTENT/日本語.txt"));
    let range = range.start..range.end.next_multiple_of(4096);
    let elsewhere = ReadFault::Elsewhere { range, from };
    let stick = Faulty::new(MemoryDevice::filled(length(&sample), 0xa5), vec![elsewhere]);
    let said = refusal(&sample, &stick);
    let twin = format!(": the bytes of block {}: its capacity is faked (hash is ", from / 4096);
    assert!(said.contains(&twin), "{said}");
    let unreadable = ReadFault::Unreadable(from..from + 512);
    let stick = Faulty::new(MemoryDevice::filled(length(&sample), 0xa5), vec![unreadable]);
    let said = refusal(&sample, &stick);
    assert!(said.starts_with("reading back: reading ") && said.ends_with("(os error 5)"), "{said}");
    assert!(!has_table(&stick.inner().snapshot()));
}

#[test]
fn a_stick_that_is_pulled_out_while_it_is_probed_or_burnt_is_told() {
    let sample = Sample::new(12);
    for at in [0, 1, 5, 60, 120] {
        let stick = MemoryDevice::filled(length(&sample), 0xa5);
        let error = burn(&sample, &Stopping::new(&stick, StopAt::Any(at)), Start::Fresh);
        let said = error.unwrap_err().to_string();
        assert!(said.ends_with("No such device (os error 19)"), "at {at}: {said}");
        assert!(!has_table(&stick.snapshot()));
    }
}

#[test]
fn an_edition_that_changes_under_the_burn_is_not_blamed_on_the_stick() {
    let sample = Sample::new(12);
    let at = sample.sealed.layout.rom().start + sample.sealed.plan.locate("/START.HTM").unwrap();
    sample.edition.write_at(at, &[0; 7]).unwrap();
    let said = refusal(&sample, &MemoryDevice::filled(length(&sample), 0xa5));
    let block = at / 4096;
    assert_eq!(
        said,
        format!("block {block} of the edition's file has changed since it was verified")
    );
}

#[test]
fn a_target_that_is_too_small_or_odd_is_refused_untouched() {
    let sample = Sample::new(12);
    let needed = length(&sample);
    let small = MemoryDevice::filled(needed - 512, 0xa5);
    let said = refusal(&sample, &small);
    assert_eq!(said, format!("the target has {} bytes, the edition needs {needed}", needed - 512));
    let odd = MemoryDevice::filled(needed + 100, 0xa5);
    assert!(refusal(&sample, &odd).ends_with("which is no multiple of 512"));
    assert!(small.into_bytes().iter().all(|byte| *byte == 0xa5));
}
