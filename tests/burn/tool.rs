//! `scrip-store burn` as a clerk runs it.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use scrip::device::MemoryDevice;
use serde_json::Value;

use super::desk::{Desk, Said, lists_a_partition, wait_until};
use crate::loop_device::{LoopDevice, run};
use crate::world::{Sample, World};

/// The first password on a page of one label.
pub(crate) fn password(page: &str) -> String {
    let (_, rest) = page.split_once("<p class=\"password\">").unwrap();
    rest.split_once('<').unwrap().0.to_owned()
}

#[test]
fn a_burnt_image_is_sealed_and_its_label_alone_holds_the_password() {
    let desk = Desk::new(2);
    let said = desk.burn(&["--to", "one.img", "--balance", "1000"]).done();
    let checked = desk.check(&desk.path("one.img")).done();
    checked.ended(0, &[": TEST: sealed\n", "journal           sound: 2 records, balance ¥1,000"]);
    let plain = desk.burn(&["--to", "two.img", "--json"]).done();
    let checked = desk.check(&desk.path("two.img")).done();
    checked.ended(0, &[": TEST: sealed\n", "journal           sound: 1 record, balance ¥0"]);

    let page = fs::read_to_string(desk.path("labels.html")).unwrap();
    assert_eq!(page.matches("<article>").count(), 2);
    let passwords = [password(&page), password(page.rsplit_once("<article>").unwrap().1)];
    let status = desk.store(&["status"]).done();
    for password in &passwords {
        assert_eq!((password.len(), page.matches(password).count()), (14, 1));
        for said in [&said, &plain, &checked, &status] {
            assert!(!said.all().contains(password), "the password was printed");
        }
        for entry in walkdir::WalkDir::new(desk.path("")).into_iter().map(Result::unwrap) {
            if entry.file_type().is_file() && entry.file_name() != "labels.html" {
                let bytes = fs::read(entry.path()).unwrap();
                let holds = bytes.windows(14).any(|part| part == password.as_bytes());
                assert!(!holds, "{} holds the password", entry.path().display());
            }
        }
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(desk.path("labels.html")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(desk.path("shop/burns")).unwrap().count(), 0, "secrets are erased");
}

#[test]
fn json_tells_progress_and_ends_in_one_result() {
    let desk = Desk::new(2);
    let said = desk.burn(&["--to", "a.img", "--to", "b.img", "--json"]).done();
    let lines: Vec<Value> = said.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let kinds = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    assert_eq!((kinds("burnt"), kinds("result")), (2, 1));
    let ended = |line: &&Value| line["type"] == "progress" && line["ended"].is_string();
    let names: Vec<_> = lines.iter().filter(ended).map(|line| line["name"].clone()).collect();
    assert!(names.contains(&"a.img".into()) && names.contains(&"edition".into()), "{names:?}");
    let result = said.result();
    assert_eq!((&result["good"], &result["bad"]), (&2.into(), &0.into()));
    assert_eq!(result["labels"], "labels.html");
    let mut labels: Vec<_> =
        result["targets"].as_array().unwrap().iter().map(|t| t["label"].as_u64()).collect();
    labels.sort_unstable();
    assert_eq!(labels, [Some(1), Some(2)]);
    assert_eq!(desk.status()["media"]["burnt"], 2);
    let again = desk.burn(&["--to", "c.img", "--json"]);
    again.ended(5, &["none of 2 blanks left, 1 needed"]);
    assert_eq!(again.result()["hint"], "ask the issuer for a kit");
    assert!(!desk.path("c.img").exists());
}

#[test]
fn a_dry_run_says_what_would_be_burnt_and_writes_nothing() {
    let desk = Desk::new(1);
    let said = desk.burn(&["--to", "one.img", "--balance", "1000", "--dry-run", "--json"]).done();
    let result = said.result();
    assert_eq!(result["dry_run"], true);
    assert_eq!(result["targets"][0]["target"], "one.img");
    assert!(!desk.path("one.img").exists() && !desk.path("labels.html").exists());
    assert_eq!(desk.status()["media"]["blank"], 1);
    desk.burn(&["--to", "a.img", "--to", "b.img", "--dry-run"]).ended(5, &["1 of 1 blanks left"]);
    desk.burn(&["--to", "one.img", "--balance", "12", "--dry-run"]).ended(5, &["no code of ¥12"]);
    desk.burn(&["--to", "one.img", "--balance", "much", "--dry-run"]).ended(2, &[]);
}

#[test]
fn what_must_not_be_burnt_is_refused_by_name_and_stays() {
    let desk = Desk::new(2);
    fs::write(desk.path("old.img"), b"precious").unwrap();
    let file = desk.file("old.img");
    let refused = desk.burn(&["--to", "old.img"]);
    refused.ended(5, &["existing-file", &file, "8 bytes", "--override existing-file"]);
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    let edition = fs::read(desk.path("sample.edition")).unwrap();
    let own = desk.burn(&["--to", "sample.edition", "--override", "existing-file"]);
    own.ended(5, &["source-disk", "is the edition itself"]);
    assert!(fs::read(desk.path("sample.edition")).unwrap() == edition);
    let name = format!("/dev/scrip-test-{}", std::process::id());
    desk.burn(&["--to", &name]).ended(5, &["file-in-dev", "a plain file among the devices"]);
    assert!(!std::path::Path::new(&name).exists());
    desk.burn(&["--to", "/dev/null"]).ended(5, &["is a character device"]);
    desk.burn(&["--to", "no/such/folder.img"]).ended(4, &["no such file"]);
    desk.burn(&["--to", "a.img", "--to", "./a.img"]).ended(2, &["are one target"]);
    desk.burn(&["--to", "a.img", "--override", "everything"]).ended(2, &["existing-file"]);
    fs::write(desk.path("page.html"), "<title>Mine</title>").unwrap();
    let page = desk.burn(&["--to", "a.img", "--labels", "page.html"]);
    page.ended(5, &["page.html: is no page of labels"]);
    assert_eq!(desk.status()["media"]["blank"], 2, "nothing was used up");
    desk.burn(&["--to", "old.img", "--override", "existing-file"]).done();
    desk.check(&desk.path("old.img")).ended(0, &["sealed"]);
}

#[test]
fn devices_that_are_too_small_or_mounted_are_refused() {
    let desk = Desk::new(1);
    let small = LoopDevice::new(64 << 20);
    let path = small.path().to_str().unwrap();
    let said = desk.burn(&["--to", path, "--override", "not-removable"]);
    said.ended(5, &["too-small", "holds 67108864 bytes, 74448896 are needed"]);
    let large = LoopDevice::new(80 << 20);
    let path = large.path().to_str().unwrap();
    desk.burn(&["--to", path]).ended(5, &["not-removable"]);
    run(Command::new("mkfs.ext4").arg("-q").arg(path), "apt-get install e2fsprogs");
    let place = tempfile::tempdir().unwrap();
    run(Command::new("mount").arg(path).arg(place.path()), "apt-get install mount");
    let said = desk.burn(&["--to", path, "--override", "not-removable"]);
    run(Command::new("umount").arg(place.path()), "apt-get install mount");
    said.ended(5, &["mounted at ", "unmount it first"]);
    assert_eq!(desk.status()["media"]["blank"], 1);
    let burnt = desk.burn(&["--to", path, "--override", "not-removable"]).done();
    assert!(burnt.out.contains(": done, take it out: medium "), "{}", burnt.out);
    desk.check(large.path()).ended(0, &["sealed"]);
}

#[test]
fn editions_that_are_not_as_signed_are_refused() {
    let desk = Desk::new(1);
    let edition = fs::read(desk.path("sample.edition")).unwrap();
    let burn = |bytes: &[u8]| -> Said {
        fs::write(desk.path("bad.edition"), bytes).unwrap();
        desk.store(&["burn", "bad.edition", "--to", "a.img"])
    };
    let (_, unsigned) = crate::world::authored_as(
        crate::world::shape(),
        &crate::world::files(),
        crate::world::THREADS,
    );
    burn(&unsigned.into_bytes()).ended(5, &["is not signed", "hint: have the issuer sign it"]);
    let truncated = &edition[..edition.len() - 4096];
    let (found, expected) = (truncated.len().to_string(), edition.len().to_string());
    burn(truncated).ended(3, &[&found, &expected]);
    let at = edition.windows(9).position(|part| part == b"SCRIP-ROM").unwrap();
    for at in [3, at, edition.len() / 2, edition.len() - 20_000] {
        let mut flipped = edition.clone();
        flipped[at] ^= 4;
        burn(&flipped).ended(3, &["edition"]);
    }
    let foreign = Sample::of(&World::of(99), 1).edition.into_bytes();
    fs::write(desk.path("foreign.edition"), &foreign).unwrap();
    let signing = desk.run("scrip-server", &["sign", "foreign.edition"]);
    signing.ended(5, &["is signed under root ", " already, this issuer's is "]);
    assert!(fs::read(desk.path("foreign.edition")).unwrap() == foreign, "it was left as it was");
    burn(&foreign).ended(5, &["which nothing here pins; pinned is "]);
    let named = |said: Said, what: &str| {
        said.ended(3, &[&format!("edition: file is {what}, expected an edition file")]);
    };
    named(burn(b"not an edition"), "14 bytes that begin with 6e6f7420616e2065");
    named(burn(&Sample::new(9).burnt().into_bytes()), "a burnt medium");
    named(burn(&fs::read(desk.path("kit.cbr")).unwrap()), "a kit of blanks");
    named(burn(&fs::read(desk.path("store.cert")).unwrap()), "a store's certificate");
    named(
        burn(&fs::read(desk.path("shop/request.cbr")).unwrap()),
        "a signed object, enrol-request",
    );
    desk.store(&["burn", "missing", "--to", "a.img"]).ended(4, &["missing"]);
    assert!(!desk.path("a.img").exists());
    assert_eq!(desk.status()["media"]["blank"], 1);
}

#[test]
fn a_store_that_is_revoked_or_locked_burns_nothing() {
    let desk = Desk::new(1);
    fs::write(desk.path("wrong"), "battery staple").unwrap();
    desk.burn(&["--to", "a.img", "--password-file", "wrong"])
        .ended(5, &["leave --password-file out"]);
    let list = desk.run("scrip-server", &["revoke", "store", "1", "--all", "--json"]).done();
    let file = list.result()["file"].as_str().map(str::to_owned);
    let file = file.unwrap_or_else(|| panic!("{}", list.all()));
    desk.store(&["accept", &file]).done();
    desk.burn(&["--to", "a.img"]).ended(5, &["revoked"]);
    assert!(!desk.path("a.img").exists());
}

#[test]
fn an_image_that_fills_the_disk_is_a_failure_and_leaves_nothing() {
    let desk = Desk::new(1);
    let small = Tmpfs::new("8m");
    let image = small.0.path().join("a.img");
    let said = desk.burn(&["--to", image.to_str().unwrap()]);
    said.ended(4, &["74448896 bytes are needed", "8388608 bytes are free"]);
    assert!(!image.exists());
    assert_eq!(desk.status()["media"]["blank"], 1);
}

/// A small file system in memory; dropping it unmounts.
pub(crate) struct Tmpfs(pub(crate) tempfile::TempDir);

impl Tmpfs {
    pub(crate) fn new(size: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let size = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "none"]).arg(place.path());
        run(&mut mount, "root is needed; apt-get install mount");
        Self(place)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        run(Command::new("umount").arg(self.0.path()), "apt-get install mount");
    }
}

#[test]
fn four_at_once_with_one_that_fails_give_three_media_and_one_name() {
    let desk = Desk::new(4);
    let full = Tmpfs::new("24m");
    let backing = full.0.path().join("backing");
    fs::File::create(&backing).unwrap().set_len(80 << 20).unwrap();
    let good: Vec<_> = (0..3).map(|_| LoopDevice::new(80 << 20)).collect();
    let bad = LoopDevice::over(&backing);
    let names: Vec<_> =
        good.iter().chain([&bad]).map(|d| d.path().to_str().unwrap().to_owned()).collect();
    let mut args = vec!["--override", "not-removable", "--json"];
    for name in &names {
        args.extend(["--to", name]);
    }
    let said = desk.burn(&args);
    assert_eq!(said.exit, 4, "{}", said.all());
    let result = said.result();
    assert_eq!((&result["good"], &result["bad"]), (&3.into(), &1.into()), "{result}");
    let failed: Vec<_> =
        result["targets"].as_array().unwrap().iter().filter(|t| t["error"].is_string()).collect();
    assert_eq!(failed[0]["target"], names[3].as_str());
    assert!(failed[0]["error"].as_str().unwrap().starts_with(&format!("burning {}: ", names[3])));
    let mut order = said.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert!(order.any(|line| line["type"] == "failed"), "{}", said.out);
    for device in &good {
        desk.check(device.path()).ended(0, &["sealed"]);
    }
    assert!(!lists_a_partition(bad.path()));
    assert_ne!(desk.check(bad.path()).exit, 0);
    let page = fs::read_to_string(desk.path("labels.html")).unwrap();
    assert_eq!(page.matches("<article>").count(), 3);
    let status = desk.status();
    assert_eq!((&status["media"]["burnt"], &status["media"]["begun"]), (&3.into(), &1.into()));
}

#[test]
fn the_list_of_good_and_bad_is_printed_for_a_person() {
    let desk = Desk::new(2);
    let full = Tmpfs::new("24m");
    let backing = full.0.path().join("backing");
    fs::File::create(&backing).unwrap().set_len(80 << 20).unwrap();
    let bad = LoopDevice::over(&backing);
    let name = bad.path().to_str().unwrap();
    let said = desk.burn(&["--to", name, "--to", "a.img", "--override", "not-removable"]);
    said.ended(
        4,
        &["1 of 2 burnt", "good  a.img: medium ", &format!("bad   {name}: burning {name}: ")],
    );
    assert!(said.err.contains("a.img: written and read back"), "{}", said.err);
}

#[test]
fn ctrl_c_leaves_a_blank_medium_and_the_same_command_goes_on() {
    let desk = Desk::new(12);
    for attempt in 0..12 {
        let name = format!("{attempt}.img");
        let image = desk.path(&name);
        let running = desk.burning(&["--to", &name]);
        let allocated =
            || fs::metadata(&image).map_or(0, |meta| std::os::unix::fs::MetadataExt::blocks(&meta));
        wait_until("the first bytes of the image", || allocated() > 9_000);
        let process = rustix::process::Pid::from_child(&running);
        // A burn that has ended by now hears nothing.
        let _ = rustix::process::kill_process(process, rustix::process::Signal::INT);
        let said = Said::of(&running.wait_with_output().unwrap());
        if said.exit == 0 {
            continue;
        }
        said.ended(130, &["interrupted"]);
        assert!(!lists_a_partition(&image), "{}", said.all());
        assert_ne!(desk.check(&image).exit, 0);
        desk.burn(&["--to", &name]).done();
        desk.check(&image).ended(0, &["sealed"]);
        return;
    }
    panic!("no burn was interrupted");
}

#[test]
fn a_burn_killed_at_any_moment_never_looks_whole_and_ends_in_the_same_bytes() {
    let mut bench = Killing::new();
    for medium in 0..MEDIA {
        if bench.kills >= 20 && bench.blank >= 10 {
            return;
        }
        bench.one_medium(&format!("copy{medium}"));
    }
    panic!("{} kills, {} of a blank medium", bench.kills, bench.blank);
}

/// Burnt and killed at most.
const MEDIA: u32 = 70;
/// One medium's burn is killed so often at most, before it is let through.
const KILLS_MAX: u64 = 12;

/// Burns over another medium, killed again and again.
struct Killing {
    desk: Desk,
    device: LoopDevice,
    former: Vec<u8>,
    /// What a burn takes that nobody kills.
    whole: Duration,
    kills: u64,
    blank: u32,
}

impl Killing {
    fn new() -> Self {
        let (desk, device, former) = (Desk::new(MEDIA + 1), LoopDevice::new(80 << 20), former());
        let whole = Duration::ZERO;
        let mut bench = Self { desk, device, former, whole, kills: 0, blank: 0 };
        let began = Instant::now();
        bench.desk.burn(&bench.args()).done();
        bench.whole = began.elapsed();
        bench
    }

    fn args(&self) -> [&str; 4] {
        ["--to", self.device.path().to_str().unwrap(), "--override", "not-removable"]
    }

    /// Kill one medium's burn until it gets through; then burn it once more, in one go.
    fn one_medium(&mut self, copy: &str) {
        fs::write(self.device.path(), &self.former).unwrap();
        assert!(lists_a_partition(self.device.path()), "a former owner's table is there");
        let burnt = self.desk.status()["media"]["burnt"].clone();
        let (mut copied, before) = (false, self.kills);
        while self.kill() {
            if self.kills - before == KILLS_MAX {
                self.desk.burn(&self.args()).done();
                break;
            }
            let found = fs::read(self.device.path()).unwrap();
            if found == self.former {
                continue;
            }
            if self.desk.status()["media"]["burnt"] != burnt {
                break;
            }
            if !copied && !self.is_marked() {
                let mut cp = Command::new("cp");
                run(cp.args(["-r", "shop", copy]).current_dir(self.desk.path("")), "cp");
                copied = true;
            }
            self.judge(&found);
        }
        self.desk.check(self.device.path()).ended(0, &["sealed"]);
        if !copied {
            return;
        }
        let resumed = fs::read(self.device.path()).unwrap();
        fs::write(self.device.path(), &self.former).unwrap();
        let labels = format!("{copy}.html");
        let again = ["--dir", copy, "--labels", &labels];
        self.desk.burn(&[&self.args()[..], &again].concat()).done();
        let whole = fs::read(self.device.path()).unwrap();
        assert!(whole == resumed, "resumed and uninterrupted differ");
    }

    /// Start the burn and kill it at some moment; false if it had ended.
    fn kill(&mut self) -> bool {
        let mut running = self.desk.burning(&self.args());
        // From a third of it to the whole, at a moment that differs each time.
        std::thread::sleep(self.whole * u32::try_from(10 + self.kills * 11 % 19).unwrap() / 30);
        let ended = running.try_wait().unwrap().is_some();
        running.kill().unwrap();
        let said = Said::of(&running.wait_with_output().unwrap());
        if ended {
            // This machine got faster than it was at first.
            self.whole = self.whole * 4 / 5;
            said.done();
            return false;
        }
        self.kills += 1;
        true
    }

    /// Does the store's folder say that a body was read back?
    fn is_marked(&self) -> bool {
        let mut kept = fs::read_dir(self.desk.path("shop/burns")).unwrap();
        kept.any(|entry| entry.unwrap().path().extension().is_some_and(|end| end == "verified"))
    }

    /// What a kill left: blank until the body was verified, and never half whole.
    fn judge(&mut self, found: &[u8]) {
        let listed = lists_a_partition(self.device.path());
        let checked = self.desk.check(self.device.path());
        if !self.is_marked() {
            assert!(!listed && checked.exit != 0, "listed: {listed}, {}", checked.all());
            let edges = [&found[..1 << 20], &found[found.len() - (1 << 20)..]].concat();
            assert!(!edges.windows(8).any(|part| part == b"EFI PART"));
        }
        self.blank += u32::from(!listed && checked.exit != 0);
    }
}

/// Another medium, whole, on a device of 80 MiB.
fn former() -> Vec<u8> {
    let device = MemoryDevice::filled(80 << 20, 0xa5);
    Sample::new(77).burn_to(&device);
    device.into_bytes()
}

#[test]
fn a_burn_that_was_verified_never_goes_to_other_storage() {
    let desk = Desk::new(1);
    let device = LoopDevice::new(80 << 20);
    let path = device.path().to_str().unwrap();
    let args = ["--to", path, "--override", "not-removable"];
    // The page of labels can't be written: the body is right, the tables are held back.
    let locked = Tmpfs::new("64k");
    let filler = locked.0.path().join("filler");
    fs::write(&filler, vec![1; 60 << 10]).unwrap();
    let labels = locked.0.path().join("labels.html");
    let labels = ["--labels", labels.to_str().unwrap()];
    let held = desk.burn(&[&args[..], &labels].concat());
    held.ended(4, &["writing the label of medium "]);
    assert!(!lists_a_partition(device.path()) && desk.check(device.path()).exit != 0);
    let right = fs::read(device.path()).unwrap();
    // Another stick of the same kind in the same place.
    fs::write(device.path(), former()).unwrap();
    let other = desk.burn(&args);
    other.ended(5, &["was burnt to other storage", "scrip-store abandon "]);
    assert!(fs::read(device.path()).unwrap() == former(), "it was left as it was");
    fs::write(device.path(), right).unwrap();
    desk.burn(&args).done();
    desk.check(device.path()).ended(0, &["sealed"]);
    assert_eq!(desk.status()["media"]["burnt"], 1);
}
