//! The station, on a terminal, with loop devices that are plugged in and pulled out.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::desk::{Desk, lists_a_partition, wait_until};
use super::terminal::Terminal;
use super::tool::Tmpfs;
use crate::loop_device::LoopDevice;

/// MiB that no other test's devices have: a station burns all of one size.
const STATION: u64 = 83;
const INTERRUPTED: u64 = 84;
const AGAIN: u64 = 86;
const OTHER: u64 = 85;

const LIFTED: [&str; 2] = ["--override", "not-removable"];

/// A size in bytes that no device of another run of these tests has either.
fn size(mib: u64) -> u64 {
    (mib << 20) + 4096 * u64::from(1 + std::process::id() % 200)
}

/// A device of one test's size.
fn plug_in(mib: u64) -> LoopDevice {
    LoopDevice::new(size(mib))
}

/// Such as `/dev/loop0`.
fn path(device: &LoopDevice) -> &str {
    device.path().to_str().unwrap()
}

/// Start a burn without a target and confirm one.
fn confirmed(desk: &Desk, args: &[&str], first: &LoopDevice) -> Terminal {
    let mut terminal = desk.terminal(&[&LIFTED[..], args].concat());
    terminal.shows("type its name to burn it:", 1);
    terminal.types(first.path().file_name().unwrap().to_str().unwrap());
    terminal
}

/// A device whose storage ends early.
fn failing(full: &Tmpfs) -> LoopDevice {
    let backing = full.0.path().join("backing");
    fs::File::create(&backing).unwrap().set_len(size(STATION)).unwrap();
    LoopDevice::over(&backing)
}

#[test]
fn a_station_burns_what_is_plugged_in_and_lists_good_and_bad() {
    let desk = Desk::new(6);
    let first = plug_in(STATION);
    let there_before = plug_in(STATION);
    let mut terminal = confirmed(&desk, &["--station", "--count", "5"], &first);
    let shown = terminal.shown();
    let line = shown.lines().find(|line| line.contains(path(&first))).unwrap_or_default();
    assert!(line.contains("blank") && line.contains("no serial number"), "{shown}");
    terminal.shows("1 of 5 good, 0 bad; plug in the next", 1);

    let pair = [plug_in(STATION), plug_in(STATION)];
    let other = plug_in(OTHER);
    terminal.shows("3 of 5 good, 0 bad", 1);
    let full = Tmpfs::new("24m");
    let bad = failing(&full);
    terminal.shows("3 of 5 good, 1 bad", 1);
    let mut next = pair;
    next[0].exchange(size(STATION));
    terminal.shows("4 of 5 good, 1 bad", 1);
    let last = plug_in(STATION);
    let said = terminal.ends();

    said.ended(4, &["5 of 6 burnt"]);
    let good = said.out.lines().filter(|line| line.starts_with("good  /dev/")).count();
    assert_eq!(good, 5, "{}", said.out);
    for label in 1..=5 {
        let taken = format!(", label {label}");
        let told = said.out.lines().filter(|line| line.trim_end().ends_with(&taken));
        let (done, good): (Vec<_>, Vec<_>) =
            told.partition(|l| l.contains(": done, take it out: "));
        assert_eq!((done.len(), good.len()), (1, 1), "label {label}: {}", said.out);
    }
    assert!(said.out.contains(&format!("bad   {}: burning {0}: ", path(&bad))), "{}", said.out);
    for device in [&first, &next[0], &next[1], &last] {
        desk.check(device.path()).ended(0, &["sealed"]);
    }
    for left in [&there_before, &other, &bad] {
        assert!(!lists_a_partition(left.path()), "{} was burnt", path(left));
    }
    assert!(fs::metadata(there_before.file()).unwrap().blocks() == 0, "it was there before");
    let page = fs::read_to_string(desk.path("labels.html")).unwrap();
    assert_eq!(page.matches("<article>").count(), 5);
    let media = desk.status()["media"].clone();
    assert_eq!((&media["burnt"], &media["begun"]), (&5.into(), &1.into()), "{media}");
}

#[test]
fn a_medium_that_comes_back_is_not_burnt_again() {
    let desk = Desk::new(3);
    let first = plug_in(AGAIN);
    let mut terminal = confirmed(&desk, &["--station"], &first);
    terminal.shows("1 good, 0 bad", 1);
    let whole = fs::read(first.path()).unwrap();
    let copy = desk.path("copy");
    fs::write(&copy, &whole).unwrap();
    first.shows_again(&copy);
    terminal.shows(", just burnt: take it out", 1);
    let second = plug_in(AGAIN);
    terminal.shows("2 good, 0 bad", 1);
    assert!(fs::read(first.path()).unwrap() == whole, "it was written to");
    desk.check(second.path()).ended(0, &["sealed"]);
    terminal.interrupts();
    // Nothing was being burnt, and nothing was counted down.
    terminal.ends().ended(0, &["2 of 2 burnt"]);
    assert_eq!(desk.status()["media"]["burnt"], 2);
}

#[test]
fn ctrl_c_in_the_middle_ends_with_the_list_and_130() {
    let desk = Desk::new(24);
    for _ in 0..12 {
        let first = plug_in(INTERRUPTED);
        let mut terminal = confirmed(&desk, &["--station", "--count", "9"], &first);
        terminal.shows("1 of 9 good, 0 bad", 1);
        let second = plug_in(INTERRUPTED);
        wait_until("the first bytes", || fs::metadata(second.file()).unwrap().blocks() > 9_000);
        terminal.interrupts();
        let said = terminal.ends();
        said.ended(130, &[&format!("good  {}: medium ", path(&first))]);
        if said.out.contains("2 of 2 burnt") {
            continue;
        }
        said.ended(130, &["1 of 2 burnt", &format!("bad   {}: ", path(&second)), "interrupted"]);
        assert!(!lists_a_partition(second.path()), "{}", said.out);
        desk.check(first.path()).ended(0, &["sealed"]);
        return;
    }
    panic!("no burn was interrupted");
}

#[test]
fn nothing_is_burnt_unless_its_name_is_typed() {
    let desk = Desk::new(1);
    let device = plug_in(OTHER);
    let asked = || {
        let mut terminal = desk.terminal(&LIFTED);
        terminal.shows("type its name to burn it:", 1);
        terminal
    };
    for (line, told) in [("", "\"\" is none of these devices"), ("yes", "\"yes\" is none")] {
        let mut terminal = asked();
        terminal.types(line);
        terminal.ends().ended(5, &[told]);
    }
    let mut terminal = asked();
    terminal.interrupts();
    terminal.ends().ended(130, &["interrupted"]);
    desk.burn(&LIFTED).ended(2, &["nobody is here to be asked"]);
    desk.terminal(&["--json"]).ends().ended(2, &["nobody is here to be asked"]);
    let dry = ["--to", path(&device), "--station", "--count", "1", "--dry-run"];
    desk.burn(&[&LIFTED[..], &dry].concat()).done();
    assert!(fs::metadata(device.file()).unwrap().blocks() == 0, "something was written");
    let mut terminal = asked();
    terminal.types(path(&device));
    terminal.ends().ended(0, &["done, take it out: medium ", ", label 1"]);
    desk.check(device.path()).ended(0, &["sealed"]);
}
