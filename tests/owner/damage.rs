//! Damaged media: what one copy lacks comes from the other, what both lack is named, and nothing
//! else is touched.

use std::ops::Range;

use scrip::device::{Device, FileDevice};
use scrip::image::layout::ACCESS_BYTES;
use scrip::journal::first_frames;
use scrip::journal::frame::Frame;

use super::bench::Bench;
use super::refused::topup;
use super::{SERIAL, medium};
use crate::world::Sample;

/// A journal of a few records, and its two copies' frames: where each lies, from a copy's start.
fn journal() -> (Bench, [u64; 2], Vec<Range<u64>>) {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    for slot in [0, 1, 2] {
        bench.topup(&bench.code(slot)).says(0, "Added: ¥500");
    }
    let device = bench.open();
    let starts = medium(&device).grounds().journal.starts;
    let (mut at, mut frames) = (0, vec![]);
    while let Some(frame) = frame_at(&device, starts[0] + at) {
        frames.push(at..at + frame.stored_bytes() as u64);
        at += frame.stored_bytes() as u64;
    }
    assert_eq!(frames.len(), 6);
    (bench, starts, frames)
}

fn frame_at(device: &FileDevice, at: u64) -> Option<Frame> {
    let mut bytes = vec![0; 8192];
    device.read_at(at, &mut bytes).unwrap();
    Frame::decode(&bytes)
}

fn damage(device: &FileDevice, at: u64) {
    device.write_at(at + 100, &[0xff; 60]).unwrap();
}

/// Every verb that needs the records, looking or writing.
fn refused_everywhere(bench: &Bench, words: &[&str]) {
    let code = bench.code(4);
    for arguments in [
        &["balance"][..],
        &["history"],
        &["receipt", "1"],
        &["catalog"],
        &["export", "mine.evidence"],
        &topup(&code),
        &["topup", &code, "--dry-run"],
        &["login", "--password-file", "own"],
        &["passwd", "--password-file", "own", "--new-password-file", "third"],
    ] {
        bench.refuses(arguments, 3, words);
    }
    assert!(!bench.folder.path().join("mine.evidence").exists());
    bench.run(&["info"]).says(3, words[1]);
    bench.run(&["doctor"]).says(3, "");
}

#[test]
fn a_bad_middle_in_one_copy_is_repaired_in_both_it_is_named() {
    let (bench, starts, frames) = journal();
    let device = bench.open();
    damage(&device, starts[0] + frames[2].start);
    bench.run(&["doctor", "--dry-run"]).says(0, "the records that copy A lacks");
    assert_eq!(bench.balance(), "2000");
    damage(&device, starts[1] + frames[2].start);
    std::fs::remove_dir_all(bench.folder.path().join("state/scrip/seen")).unwrap();
    let words = ["the journal is damaged: ", "frame 2", "frame 5 is there"];
    refused_everywhere(&bench, &words);
}

#[test]
fn a_bad_middle_in_one_copy_is_written_again_at_the_next_login() {
    let (bench, starts, frames) = journal();
    let device = bench.open();
    let whole = bench.contents();
    for start in starts {
        damage(&device, start + frames[3].start);
        bench
            .run(&["login", "--password-file", "own"])
            .says(0, "records that a copy lacked were written again: 1");
        assert!(bench.contents() == whole, "the copy is not what it was");
    }
}

#[test]
fn copies_without_a_record_are_damage() {
    let (bench, starts, _) = journal();
    let device = bench.open();
    for start in starts {
        device.write_at(start, &[0xff; 8192]).unwrap();
    }
    refused_everywhere(&bench, &["the journal is damaged: ", "neither copy"]);
}

/// Frames that are whole, around records that an owner made up or moved.
#[test]
fn records_that_do_not_follow_are_damage_however_well_they_are_framed() {
    let (bench, starts, frames) = journal();
    let device = bench.open();
    let records: Vec<_> =
        frames.iter().map(|at| frame_at(&device, starts[0] + at.start).unwrap().record).collect();
    let write = |records: &[Vec<u8>]| {
        let mut bytes = first_frames(records).unwrap();
        bytes.resize(16 << 10, 0);
        for start in starts {
            device.write_at(start, &bytes).unwrap();
        }
    };
    let mut edited = records.clone();
    let amount = edited[3].windows(3).position(|part| part == [0x19, 0x01, 0xf4]);
    edited[3][amount.expect("500 minor units")..][1..3].copy_from_slice(&[0x7f, 0xff]);
    let [mut without, mut twice, mut swapped] = [&records; 3].map(Clone::clone);
    without.remove(3);
    twice.insert(4, records[3].clone());
    swapped.swap(3, 4);
    for (forged, words) in
        [(edited, "record 3"), (without, "record 4"), (twice, "record 3"), (swapped, "record 4")]
    {
        write(&forged);
        refused_everywhere(&bench, &["the journal is damaged: ", words]);
    }
    write(&records);
    assert_eq!(bench.balance(), "2000");
}

#[test]
fn access_files_are_repaired_from_each_other_and_lost_together() {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    let device = bench.open();
    let starts = medium(&device).grounds().access;
    let noise = vec![0xff; usize::try_from(ACCESS_BYTES).unwrap()];
    for start in starts {
        device.write_at(start, &noise).unwrap();
        bench.run(&["doctor"]).says(0, "");
        bench.run(&["login", "--password-file", "own"]).says(0, "the password is right");
    }
    for start in starts {
        device.write_at(start, &noise).unwrap();
    }
    let words = ["neither access file holds a slot of the key that counts"];
    bench.refuses(&["login", "--password-file", "own"], 3, &words);
    bench.refuses(&topup(&bench.code(0)), 3, &words);
    let told = bench.run(&["doctor"]);
    told.says(3, "access");
    let looked = bench.run(&["balance"]);
    looked.says(0, "¥500");
    looked.says(0, "no password opens it any more: the access files are damaged");
}

#[test]
fn an_altered_read_only_area_stops_before_the_password_on_directories_too() {
    let sample = Sample::new(SERIAL);
    let bench = Bench::directories_of(&sample);
    bench.login().says(0, "is yours now");
    let script = bench.folder.path().join("ROM/start.sh");
    let mut bytes = std::fs::read(&script).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&script, bytes).unwrap();
    for arguments in [
        &["topup", &bench.code(0), "--password-file", "none"][..],
        &["login", "--password-file", "none"],
        &["balance"],
        &["history"],
    ] {
        bench.refuses(arguments, 3, &["altered", "/start.sh"]);
    }
}
