//! `--remember`: the same plan with and without it, and nothing stale is believed.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use assert_cmd::cargo::cargo_bin;
use scrip::device::MemoryDevice;
use scrip::format::plan::Class;
use scrip::reconcile::{Plan, PlanReader};

use super::made::bundle;
use super::office::Office;
use crate::owner::bench::{Answer, answer};

/// An office with a place for evidence, plans and what is remembered.
struct Desk {
    office: Office,
    place: tempfile::TempDir,
    plans: usize,
}

impl Desk {
    fn new() -> Self {
        let office = Office::new();
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("trust.cbr"), &office.ground.world.root).unwrap();
        fs::create_dir(place.path().join("evidence")).unwrap();
        Self { office, place, plans: 0 }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join("evidence").join(name)
    }

    /// Write a file as if it had lain there for a while.
    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.file(name), bytes).unwrap();
        age(&self.file(name));
    }

    fn command(&mut self, remember: bool) -> (Command, PathBuf) {
        self.plans += 1;
        let plan = self.place.path().join(format!("{}.plan", self.plans));
        let records = self.office.folder.as_ref().unwrap().path();
        let mut command = Command::new(cargo_bin("scrip-verify"));
        command.args(["reconcile", "--records"]).arg(records);
        command.args(["--trust", "trust.cbr", "--allow-test-root", "evidence", "--plan"]);
        command.arg(&plan).current_dir(self.place.path());
        command.env("XDG_CONFIG_HOME", self.place.path().join("config"));
        if remember {
            command.args(["--remember", "memory"]);
        }
        (command, plan)
    }

    fn run(&mut self, remember: bool) -> (Answer, Vec<u8>) {
        let (mut command, plan) = self.command(remember);
        let told = answer(&mut command);
        (told, fs::read(plan).unwrap_or_default())
    }

    /// The plan with what is remembered, which is the one without.
    #[track_caller]
    fn same(&mut self) -> Vec<u8> {
        let (_, remembered) = self.run(true);
        let (_, anew) = self.run(false);
        assert!(!anew.is_empty() && remembered == anew, "another plan than without --remember");
        anew
    }
}

/// Wait until a file counts as unchanged for a while.
fn age(path: &Path) {
    let changed = || {
        let meta = fs::metadata(path).unwrap();
        let seconds = std::os::unix::fs::MetadataExt::ctime(&meta);
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap())
    };
    while changed().elapsed().unwrap_or_default() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn nothing_stale_is_believed() {
    let mut desk = Desk::new();
    let mut stick = desk.office.owned(0, 2);
    let mut other = desk.office.owned(1, 2);
    let old = stick.export(&desk.office.ground);
    desk.put("all.tar", &bundle(&[other.export(&desk.office.ground)]));
    desk.put("one", &old);
    let first = desk.same();
    assert_eq!(desk.same(), first, "a second time");
    let memory = desk.place.path().join("memory/found");
    assert!(fs::metadata(&memory).unwrap().len() > 2_000, "something was remembered");

    // Another file of the same length under the same name.
    stick.buy(&desk.office.ground, "film", 400);
    let new = stick.export(&desk.office.ground);
    let mut altered = old.clone();
    let end = altered.len() - 500;
    altered[end] ^= 1;
    desk.put("one", &altered);
    assert_ne!(desk.same(), first);
    // What is beside it now.
    desk.put("one", &old);
    desk.put("newer", &new);
    let ahead = desk.same();
    // The records move on.
    let file = PlanReader::open(MemoryDevice::from_bytes(ahead.clone())).unwrap();
    assert!(file.tail().postings > 0);
    desk.office.settle(&Plan::decode(&ahead).unwrap());
    let settled = desk.same();
    assert_ne!(settled, ahead);
    assert_eq!(desk.same(), settled);
    // More is sold of it.
    desk.office.sell_code(other.id(), 5);
    assert_ne!(desk.same(), settled, "the plan's base moves");
    other.code(&desk.office.ground, 5);
    desk.put("other", &other.export(&desk.office.ground));
    desk.same();
}

/// As many entries as before, of other content: a backup that was filled anew.
#[test]
fn what_restored_records_say_instead_is_believed() {
    let mut desk = Desk::new();
    let mut stick = desk.office.owned(0, 2);
    stick.code(&desk.office.ground, 5);
    desk.put("one", &stick.export(&desk.office.ground));
    let (kept, entries) = (desk.place.path().join("kept.db"), desk.office.entries());
    desk.office.records.back_up(&kept, &mut |_| ControlFlow::Continue(())).unwrap();
    desk.office.sell_code(stick.id(), 5);
    let sold = desk.same();
    desk.office.restore(&kept, entries);
    desk.office.sell_code(stick.id(), 6);
    let other = desk.same();
    let never_sold = |plan: &[u8]| {
        let plan = Plan::decode(plan).unwrap();
        let findings = plan.entries.into_iter().flat_map(|entry| entry.findings);
        findings.filter(|finding| finding.class == Class::RedeemedNeverSold).count()
    };
    assert_eq!([never_sold(&sold), never_sold(&other)], [0, 1]);
}

#[test]
fn what_is_damaged_or_foreign_is_told_and_not_believed() {
    let mut desk = Desk::new();
    let stick = desk.office.owned(0, 2);
    desk.put("one", &stick.export(&desk.office.ground));
    let first = desk.same();
    let memory = desk.place.path().join("memory/found");
    let mut bytes = fs::read(&memory).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&memory, &bytes).unwrap();
    let (told, plan) = desk.run(true);
    told.says(1, "1 part of what was remembered: damaged, and read anew");
    assert_eq!(plan, first);
    fs::write(&memory, "a diary").unwrap();
    let (told, plan) = desk.run(true);
    told.says(1, "it holds nothing that was remembered: all is read");
    assert_eq!((plan, fs::read(&memory).unwrap()), (first, b"a diary".to_vec()));
}

/// Change all values in a file of what is remembered, and have their sums fit.
fn change(memory: &Path, change: impl Fn(&mut [u8])) -> u32 {
    let mut bytes = fs::read(memory).unwrap();
    let (mut at, mut values) = (b"scrip/remembered/2\n".len() + 32, 0);
    while at < bytes.len() {
        let (header, rest) = bytes[at..].split_at_mut(44);
        let length = u32::from_be_bytes(*header[36..].first_chunk().unwrap());
        let value = &mut rest[..usize::try_from(length).unwrap()];
        change(value);
        header[40..].copy_from_slice(&crc32c::crc32c(value).to_be_bytes());
        let own = crc32c::crc32c(&header[4..]).to_be_bytes();
        header[..4].copy_from_slice(&own);
        (at, values) = (at + 44 + value.len(), values + 1);
    }
    fs::write(memory, bytes).unwrap();
    values
}

#[test]
fn what_no_run_can_have_found_is_found_anew() {
    let mut desk = Desk::new();
    let (mut payer, mut giver) = (desk.office.owned(0, 2), desk.office.owned(1, 1));
    payer.start(&desk.office.ground, 1, giver.id());
    let receipt = payer.receipt(1, 100);
    giver.send(&desk.office.ground, &payer, 1, &receipt);
    for (name, stick) in [("one", &payer), ("other", &giver)] {
        desk.put(name, &stick.export(&desk.office.ground));
    }
    let first = desk.same();
    let memory = desk.place.path().join("memory/found");
    let changes: [fn(&mut [u8]); 4] = [
        |value| value.fill(0),
        |value| value.fill(0xFF),
        |value| value.rotate_left(1),
        |value| value.iter_mut().step_by(9).for_each(|byte| *byte = 0xA5),
    ];
    for (place, damage) in changes.into_iter().enumerate() {
        assert!(change(&memory, damage) >= 2, "two media are remembered");
        let (told, plan) = desk.run(true);
        assert!(told.exit == 1 && plan == first, "change {place}: {}", told.text);
        fs::remove_file(&memory).unwrap();
        assert_eq!(desk.same(), first);
    }
}

#[test]
fn another_programs_memory_begins_anew() {
    let mut desk = Desk::new();
    let stick = desk.office.owned(0, 2);
    desk.put("one", &stick.export(&desk.office.ground));
    let first = desk.same();
    let memory = desk.place.path().join("memory/found");
    let whole = fs::read(&memory).unwrap();
    let mut others = whole.clone();
    others[b"scrip/remembered/2\n".len()] ^= 1;
    fs::write(&memory, others).unwrap();
    assert_eq!(desk.same(), first);
    assert_eq!(fs::read(&memory).unwrap(), whole, "found anew");
}

/// Stops a process when it goes out of scope.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_run_that_was_stopped_goes_on_to_the_same_plan() {
    let mut desk = Desk::new();
    for place in 0..7 {
        let stick = desk.office.owned(place, 2);
        fs::write(desk.file(&place.to_string()), stick.export(&desk.office.ground)).unwrap();
    }
    age(&desk.file("6"));
    let (_, anew) = desk.run(false);
    let memory = desk.place.path().join("memory/found");
    let began = Instant::now();
    for signal in [rustix::process::Signal::KILL, rustix::process::Signal::INT] {
        let _ = fs::remove_file(&memory);
        let (mut command, plan) = desk.command(true);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut running = Running(child);
        // Once something was found, or it has ended.
        let written = || fs::metadata(&memory).map_or(0, |meta| meta.len());
        while written() < 500 && running.0.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_mins(2), "it finds nothing");
            std::thread::sleep(Duration::from_micros(200));
        }
        let process = rustix::process::Pid::from_child(&running.0);
        if running.0.try_wait().unwrap().is_none() {
            rustix::process::kill_process(process, signal).unwrap();
        }
        let status = running.0.wait().unwrap();
        let ended = status.code().is_none_or(|code| code == 130) || plan.exists();
        assert!(ended && (status.signal().is_none() || !plan.exists()), "{status:?}");
        let (_, again) = desk.run(true);
        assert_eq!(again, anew, "behind {status:?}");
    }
}
