//! A machine in software with Debian's kernel, into which tests plug their media as USB sticks.

use super::initramfs::initramfs;
use super::monitor::Monitor;
use super::packages::Packages;
use data_encoding::BASE64;
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long the machine may take to boot, and a script to run.
const PATIENCE: Duration = Duration::from_mins(2);
/// The guest's clock at power-on, so that the dates it writes are known.
const POWER_ON: &str = "2031-05-06T07:08:09";
/// The machine: two processors, 512 MiB, two serial ports, USB; no other disk, no network.
const MACHINE: &str = "-machine q35,accel=tcg -cpu max -smp 2 -m 512 -nodefaults -no-user-config \
    -display none -no-reboot -device qemu-xhci,p2=15,p3=15";
/// Straight to the first process, with the least said on the way.
const COMMAND_LINE: &str = "console=ttyS0 quiet panic=-1 tsc=reliable mitigations=off";
/// Runs the emulator until it ends or until nobody holds this shell's standard input any more:
/// the machine and its folder can't outlive the test process, however that ends.
const KEEPER: &str = r#"folder=$1; shift
"$@" </dev/null >"$folder/emulator" 2>&1 & emulator=$!
cat >/dev/null; kill $emulator; rm -rf "$folder""#;

/// A running machine. Scripts run in it one at a time, as root, under busybox.
pub(crate) struct Guest {
    line: Mutex<BufReader<UnixStream>>,
    monitor: Mutex<Monitor>,
    plugged: AtomicU32,
    folder: PathBuf,
    _keeper: Child,
}

/// What a script printed, and its exit status.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) console: String,
    pub(crate) exit: i32,
}

/// An image that is plugged into the guest as a removable USB stick, until this is dropped.
pub(crate) struct Stick<'guest> {
    guest: &'guest Guest,
    name: String,
}

impl Guest {
    /// The machine that all tests share: booted for the first that asks, gone with the process.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<Guest> = LazyLock::new(Guest::boot);
        &SHARED
    }

    fn boot() -> Self {
        let packages = Packages::fetched();
        let folder = tempfile::tempdir().expect("a folder for sockets").keep();
        fs::write(folder.join("initramfs"), initramfs(&packages)).expect("space for 5 MB");
        let keeper = start(&folder, &packages.kernel);
        let monitor = Monitor::new(connect(&folder, "monitor"));
        let line = Mutex::new(BufReader::new(connect(&folder, "line")));
        let (monitor, plugged) = (Mutex::new(monitor), AtomicU32::new(0));
        let guest = Self { line, monitor, plugged, folder, _keeper: keeper };
        guest.read_until(&mut guest.line.lock().unwrap(), |line| line == "\u{1e}ready");
        guest
    }

    /// Plugs an image in. What the guest writes is in the file at once.
    pub(crate) fn plug(&self, image: &Path) -> Stick<'_> {
        self.plug_as(image, None)
    }

    /// Plugs an image in as a stick that takes so many writes and flushes in a second.
    pub(crate) fn plug_slow(&self, image: &Path, writes: u32) -> Stick<'_> {
        self.plug_as(image, Some(writes))
    }

    fn plug_as(&self, image: &Path, writes: Option<u32>) -> Stick<'_> {
        let name = format!("stick{}", self.plugged.fetch_add(1, Ordering::Relaxed));
        let file = json!({ "driver": "file", "filename": image });
        let raw = json!({ "driver": "raw", "file": file });
        let mut node = match writes {
            None => raw,
            Some(_) => json!({ "driver": "throttle", "throttle-group": name, "file": raw }),
        };
        node["node-name"] = name.as_str().into();
        let device = json!({
            "driver": "usb-storage", "id": name, "drive": name, "serial": name, "removable": true,
        });
        let mut monitor = self.monitor.lock().unwrap();
        if let Some(writes) = writes {
            let limits = json!({ "iops-write": writes });
            let group = json!({ "qom-type": "throttle-group", "id": name, "limits": limits });
            monitor.execute("object-add", &group);
        }
        monitor.execute("blockdev-add", &node);
        monitor.execute("device_add", &device);
        drop(monitor);
        let waited = self.run(&format!("plugged {name} {name}"));
        assert_eq!(waited.exit, 0, "{}", waited.console);
        Stick { guest: self, name }
    }

    /// Runs a script to its end.
    pub(crate) fn run(&self, script: &str) -> Output {
        let mut line = self.line.lock().unwrap();
        self.send(&mut line, script);
        self.receive(&mut line)
    }

    /// Runs a script; once it has printed the line `marker`, `act` happens while it runs on.
    /// `act` may unplug sticks, not plug any in.
    pub(crate) fn run_until(&self, script: &str, marker: &str, act: impl FnOnce()) -> Output {
        let mut line = self.line.lock().unwrap();
        self.send(&mut line, script);
        let before =
            self.read_until(&mut line, |text| text == marker || text.starts_with('\u{1e}'));
        assert!(before.ends_with(&format!("{marker}\n")), "no {marker:?} among {before:?}");
        act();
        let after = self.receive(&mut line);
        Output { console: before + &after.console, exit: after.exit }
    }

    fn send(&self, line: &mut BufReader<UnixStream>, script: &str) {
        let encoded = BASE64.encode(script.as_bytes());
        writeln!(line.get_mut(), "{encoded}").unwrap_or_else(|error| self.fail(&error.to_string()));
    }

    fn receive(&self, line: &mut BufReader<UnixStream>) -> Output {
        let text = self.read_until(line, |line| line.starts_with("\u{1e}exit "));
        let (console, exit) = text.rsplit_once("\n\u{1e}exit ").expect("the line just seen");
        Output { console: console.to_owned(), exit: exit.trim().parse().expect("a status") }
    }

    fn read_until(&self, line: &mut BufReader<UnixStream>, found: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut text = Vec::new();
        loop {
            let start = text.len();
            if let Err(error) = line.read_until(b'\n', &mut text) {
                self.fail(&format!("{error} after {:?}", String::from_utf8_lossy(&text)));
            }
            let newest = String::from_utf8_lossy(&text[start..]);
            if found(newest.trim_end_matches('\n')) {
                return String::from_utf8_lossy(&text).into_owned();
            }
            if newest.is_empty() || Instant::now() > deadline {
                self.fail(&format!("no end after {:?}", String::from_utf8_lossy(&text)));
            }
        }
    }

    /// Ends the test with all that the machine said.
    fn fail(&self, what: &str) -> ! {
        let said = |name| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        panic!("guest: {what}\nemulator: {}\nconsole: {}", said("emulator"), said("console"))
    }
}

impl Stick<'_> {
    /// The path of a partition in the guest, counted from 1.
    pub(crate) fn part(&self, number: u32) -> String {
        format!("/dev/{}-part{number}", self.name)
    }

    /// The path of the whole stick in the guest.
    pub(crate) fn disk(&self) -> String {
        format!("/dev/{}", self.name)
    }

    /// Pulls the stick out, whatever the guest is doing with it.
    pub(crate) fn unplug(self) {
        drop(self);
    }
}

impl Drop for Stick<'_> {
    fn drop(&mut self) {
        let Ok(mut monitor) = self.guest.monitor.lock() else { return };
        monitor.delete(&self.name);
        monitor.execute("blockdev-del", &json!({ "node-name": self.name }));
    }
}

fn start(folder: &Path, kernel: &Path) -> Child {
    let at = |name: &str| folder.join(name).display().to_string();
    let socket = |name: &str| format!("unix:{},server=on,wait=off", at(name));
    Command::new("sh")
        .args(["-c", KEEPER, "sh", &folder.display().to_string(), "qemu-system-x86_64"])
        .args(MACHINE.split_whitespace())
        .args(["-rtc", &format!("base={POWER_ON}"), "-append", COMMAND_LINE])
        .args(["-kernel", &kernel.display().to_string(), "-initrd", &at("initramfs")])
        .args(["-serial", &format!("file:{}", at("console")), "-serial", &socket("line")])
        .args(["-qmp", &socket("monitor")])
        .stdin(Stdio::piped())
        .spawn()
        .expect("there is a shell")
}

/// Waits for one of the emulator's sockets.
fn connect(folder: &Path, name: &str) -> UnixStream {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(folder.join(name)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
                return stream;
            }
            Err(error) => {
                let said = fs::read_to_string(folder.join("emulator")).unwrap_or_default();
                assert!(
                    said.is_empty() && Instant::now() < deadline,
                    "qemu-system-x86_64: {said}{error}; on Debian: apt-get install qemu-system-x86"
                );
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
}
