//! Devices and guards on real block devices: loop devices, as root.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use scrip::crypto::SystemRandom;
use scrip::device::{
    Access, Aim, Check, Contents, Device, FileDevice, Machine, OpenError, Probe, ReadPath, Refusal,
    Request, Scrub, Scrubbed, Target, TargetError, Transport, clear, refusals, scrub,
};

use crate::loop_device::{LoopDevice, run};

const LEN: u64 = 64 << 20;
const MIB: u64 = 1 << 20;

fn machine() -> Machine {
    Machine::observe(Path::new("/")).expect("a Linux machine")
}

fn request<'a>(aim: &'a Aim, lifted: &'a [Check]) -> Request<'a> {
    Request { aim, needs_bytes: 40 * MIB, edition: Path::new("/editions/starter"), lifted }
}

fn refused(target: &LoopDevice, lifted: &[Check]) -> Vec<Refusal> {
    let aim = Aim::look(target.path()).unwrap();
    refusals(&machine(), &request(&aim, lifted))
}

fn checks(refusals: &[Refusal]) -> Vec<Check> {
    refusals.iter().map(|refusal| refusal.check).collect()
}

fn open(target: &LoopDevice, lifted: &[Check]) -> Result<FileDevice, TargetError> {
    let aim = Aim::look(target.path()).unwrap();
    let cleared = clear(&machine(), &request(&aim, lifted)).unwrap();
    cleared.open(|| Machine::observe(Path::new("/")))
}

/// A file system mounted at a temporary place; dropping it unmounts.
pub(crate) struct Mounted(tempfile::TempDir);

impl Mounted {
    pub(crate) fn new(device: &LoopDevice) -> Self {
        run(Command::new("mkfs.ext4").arg("-q").arg(device.path()), "apt-get install e2fsprogs");
        let place = tempfile::tempdir().expect("a temporary folder");
        let mut mount = Command::new("mount");
        run(mount.arg(device.path()).arg(place.path()), "apt-get install mount");
        Self(place)
    }

    pub(crate) fn place(&self) -> PathBuf {
        fs::canonicalize(self.0.path()).unwrap()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run(Command::new("umount").arg(self.0.path()), "apt-get install mount");
    }
}

#[test]
fn a_block_device_is_found_cleared_written_and_read_back_around_the_cache() {
    let target = LoopDevice::new(LEN + 512);
    let machine = machine();
    let disk = machine.disks.iter().find(|disk| disk.path == target.path()).expect("it is listed");
    assert_eq!((disk.size_bytes, disk.transport), (LEN + 512, Transport::Loop));
    assert_eq!(checks(&refused(&target, &[])), [Check::NotRemovable]);
    let device = open(&target, &[Check::NotRemovable]).unwrap();
    assert_eq!(device.len_bytes(), LEN + 512);
    assert_eq!(device.block_number(), Some(disk.number));

    let bytes: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    device.write_at(1000, &bytes).unwrap();
    device.write_at(LEN, &[7; 512]).unwrap();
    device.flush().unwrap();
    let mut back = vec![0; bytes.len()];
    assert_eq!(device.read_back_at(1000, &mut back).unwrap(), ReadPath::Direct);
    assert_eq!(back, bytes);
    let mut last = [0; 513];
    assert_eq!(device.read_back_at(LEN - 1, &mut last).unwrap(), ReadPath::Direct);
    assert_eq!((last[0], &last[1..]), (0, &[7; 512][..]));
    assert_eq!(fs::read(target.file()).unwrap()[1000..1000 + bytes.len()], bytes);
}

#[test]
fn a_claimed_device_can_be_opened_by_nobody_else() {
    let target = LoopDevice::new(LEN);
    let claimed = FileDevice::open(target.path(), Access::Write).unwrap();
    let busy = FileDevice::open(target.path(), Access::Write).unwrap_err();
    let expected = "in use: mounted, or claimed by the system or another program";
    assert_eq!(busy.to_string(), format!("{}: {expected}", target.path().display()));
    assert!(FileDevice::open(target.path(), Access::Read).is_ok());
    drop(claimed);
    assert!(FileDevice::open(target.path(), Access::Write).is_ok());
}

#[test]
fn a_mounted_device_is_guarded_and_cannot_be_claimed() {
    let target = LoopDevice::new(LEN);
    let mounted = Mounted::new(&target);
    let refusals = refused(&target, &[Check::NotRemovable]);
    assert_eq!(checks(&refusals), [Check::Mounted]);
    let place = mounted.place();
    let told = format!("{}: mounted at {}", target.path().display(), place.display());
    assert_eq!(refusals[0].to_string(), told);
    let claimed = FileDevice::open(target.path(), Access::Write);
    assert!(matches!(claimed, Err(OpenError::Busy { .. })), "{claimed:?}");
    assert!(open(&target, &[Check::NotRemovable, Check::Mounted]).is_ok());

    let edition = place.join("starter.edition");
    let aim = Aim::look(target.path()).unwrap();
    let request = Request { edition: &edition, ..request(&aim, &Check::LIFTABLE) };
    assert_eq!(checks(&refusals_of(&request)), [Check::SourceDisk]);

    drop(mounted);
    assert!(open(&target, &[Check::NotRemovable]).is_ok());
}

fn refusals_of(request: &Request<'_>) -> Vec<Refusal> {
    refusals(&machine(), request)
}

#[test]
fn a_mount_between_plan_and_open_is_caught_by_the_claim() {
    let target = LoopDevice::new(LEN);
    let aim = Aim::look(target.path()).unwrap();
    let cleared = clear(&machine(), &request(&aim, &[Check::NotRemovable])).unwrap();
    let _mounted = Mounted::new(&target);
    let opened = cleared.open(|| Machine::observe(Path::new("/")));
    assert!(matches!(opened, Err(TargetError::Open(OpenError::Busy { .. }))), "{opened:?}");
}

#[test]
fn another_medium_between_plan_and_open_is_caught_by_the_second_look() {
    let mut target = LoopDevice::new(LEN);
    let aim = Aim::look(target.path()).unwrap();
    let cleared = clear(&machine(), &request(&aim, &[Check::NotRemovable])).unwrap();
    target.exchange(LEN);
    let opened = cleared.open(|| Machine::observe(Path::new("/")));
    let Err(TargetError::Refused(refusal)) = opened else { panic!("{opened:?}") };
    assert_eq!(refusal.check, Check::Changed);
    assert!(refusal.reason.starts_with("count of media was "), "{refusal}");
}

#[test]
fn swap_and_what_is_made_of_a_device_are_guarded() {
    let target = LoopDevice::new(LEN);
    run(Command::new("mkswap").arg("-q").arg(target.path()), "apt-get install util-linux");
    run(Command::new("swapon").arg(target.path()), "apt-get install mount");
    let swapping = refused(&target, &[Check::NotRemovable]);
    run(Command::new("swapoff").arg(target.path()), "apt-get install mount");
    assert_eq!(checks(&swapping), [Check::Swap]);
    assert_eq!(checks(&refused(&target, &[Check::NotRemovable])), []);

    let shown = ["--find", "--show", target.path().to_str().unwrap()];
    let above = run(Command::new("losetup").args(shown), "apt-get install mount");
    let held = refused(&target, &[Check::NotRemovable]);
    run(Command::new("losetup").args(["--detach", &above]), "apt-get install mount");
    assert_eq!(checks(&held), [Check::Held]);
    let name = above.trim_start_matches("/dev/");
    assert_eq!(held[0].reason, format!("held by {name}"));
}

#[test]
fn a_read_only_device_is_guarded_and_refuses_writes() {
    let target = LoopDevice::with(LEN, &["--read-only"]);
    assert_eq!(checks(&refused(&target, &Check::LIFTABLE)), [Check::ReadOnly]);
    let written = FileDevice::open(target.path(), Access::Write)
        .map_err(|refused| refused.to_string())
        .and_then(|device| device.write_at(0, &[1; 512]).map_err(|refused| refused.to_string()));
    assert!(written.is_err(), "the kernel lets nothing through");
}

#[test]
fn the_disk_this_system_runs_from_is_refused_whatever_is_lifted() {
    let machine = machine();
    let uses = |disk| machine.uses(disk);
    let system = machine.disks.iter().find(|disk| {
        uses(disk).iter().any(|used| matches!(used, scrip::device::Use::System { .. }))
    });
    // In a container the root lies on an overlay of folders that can't be seen from inside.
    let Some(disk) = system else {
        let root = machine.mounts.iter().find(|mount| mount.place == Path::new("/"));
        assert_eq!(root.map(|root| root.number.major), Some(0), "a root on a disk was not found");
        return;
    };
    let aim = Aim::Block { path: disk.path.clone(), number: disk.number };
    let refusals = refusals(&machine, &request(&aim, &Check::LIFTABLE));
    assert_eq!(checks(&refusals)[0], Check::SystemDisk);
}

#[test]
fn a_device_is_probed_and_scrubbed() {
    let target = LoopDevice::new(LEN);
    let aim = Aim::look(target.path()).unwrap();
    let cleared = clear(&machine(), &request(&aim, &[Check::NotRemovable])).unwrap();
    let device = cleared.open(|| Machine::observe(Path::new("/"))).unwrap();
    assert_eq!(Contents::of(&device).unwrap(), Contents::Blank);
    let probe = Probe::new(&cleared, &device, &mut SystemRandom::new());
    let probed = probe.run(&device).unwrap();
    assert_eq!((probed.blocks, probed.path), (23, ReadPath::Direct));
    assert_eq!(Contents::of(&device).unwrap(), Contents::Unknown);

    let used = |what: &str| {
        let blocks = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(target.file()).unwrap());
        println!("{what}: {blocks} blocks of 512 bytes");
        blocks
    };
    let ways = [(Scrub::Zero, Scrubbed::ZeroedByDevice), (Scrub::Discard, Scrubbed::Discarded)];
    for (way, expected) in ways {
        device.write_at(0, &vec![0xA5; 8 << 20]).unwrap();
        device.flush().unwrap();
        let done = scrub(&device, 0..LEN, way, |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(done, expected);
        let mut all = vec![1; 64 << 20];
        device.read_back_at(0, &mut all).unwrap();
        assert!(all.iter().all(|byte| *byte == 0), "{way:?}");
    }
    assert!(used("after a discard") < 1000);
}
