//! Loop devices: files that the kernel shows as disks, for tests that need real block devices.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use tempfile::NamedTempFile;

const HINT: &str = "loop devices are needed: run as root on a kernel that has them, in a container \
    with --privileged; losetup comes with: apt-get install mount";

const EXCHANGE_TRIES_MAX: u32 = 600;
const EXCHANGE_WAIT: Duration = Duration::from_millis(50);

/// A loop device; dropping it detaches it and removes its file, unless the file is another's.
pub(crate) struct LoopDevice {
    path: PathBuf,
    file: NamedTempFile,
}

impl LoopDevice {
    /// A loop device of `len` bytes, all zero.
    pub(crate) fn new(len: u64) -> Self {
        Self::with(len, &[])
    }

    /// A loop device with further arguments to `losetup`.
    pub(crate) fn with(len: u64, arguments: &[&str]) -> Self {
        let file = NamedTempFile::new().expect("a temporary file");
        file.as_file().set_len(len).expect("a sparse file");
        let path = attach(&[&["--find", "--show"], arguments].concat(), file.path());
        Self { path: PathBuf::from(path), file }
    }

    /// A loop device over a file that is there, and stays.
    pub(crate) fn over(file: &Path) -> Self {
        let path = attach(&["--find", "--show"], file);
        Self { path: PathBuf::from(path), file: NamedTempFile::new().expect("a temporary file") }
    }

    /// Such as `/dev/loop0`.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file that holds the device's bytes.
    pub(crate) fn file(&self) -> &Path {
        self.file.path()
    }

    /// Another medium under the same name: the file is replaced by one of `len` bytes.
    pub(crate) fn exchange(&mut self, len: u64) {
        self.file = NamedTempFile::new().expect("a temporary file");
        self.file.as_file().set_len(len).expect("a sparse file");
        self.shows_again(self.file.path());
    }

    /// It is pulled out, and under the same name a medium with a file's bytes is plugged in.
    pub(crate) fn shows_again(&self, file: &Path) {
        detach(&self.path);
        // Another test may have taken the free device in between: it gives it back.
        let again = || Command::new("losetup").arg(&self.path).arg(file).output();
        for _ in 0..EXCHANGE_TRIES_MAX {
            if again().expect(HINT).status.success() {
                return;
            }
            sleep(EXCHANGE_WAIT);
        }
        panic!("{} was not given back", self.path.display());
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        detach(&self.path);
    }
}

fn attach(arguments: &[&str], file: &Path) -> String {
    let control = OpenOptions::new().read(true).open("/dev/loop-control");
    control.unwrap_or_else(|error| panic!("opening /dev/loop-control: {error}; {HINT}"));
    run(Command::new("losetup").args(arguments).arg(file), HINT)
}

fn detach(device: &Path) {
    run(Command::new("losetup").arg("--detach").arg(device), HINT);
}

/// Run a command that must succeed; what it printed. `hint` says what it needs.
pub(crate) fn run(command: &mut Command, hint: &str) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {hint}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {told}; {hint}", output.status);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
