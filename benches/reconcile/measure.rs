//! What things cost: commands and `DuckDB` by a Python script, in an environment of its own.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

const HINT: &str = "apt-get install python3 python3-venv";

/// What something cost.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Cost {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds of all threads, in the kernel too.
    pub(crate) cpu: f64,
    /// The most memory, in MiB.
    #[serde(default)]
    pub(crate) peak: f64,
}

#[derive(Deserialize)]
struct Joined {
    #[serde(flatten)]
    cost: Cost,
    found: [u64; 4],
    version: String,
}

#[derive(Deserialize)]
struct Ended {
    #[serde(flatten)]
    cost: Cost,
    exit: i32,
}

/// The Python that has `DuckDB`.
pub(crate) struct Peers(PathBuf);

impl Peers {
    /// Made where it isn't there yet.
    pub(crate) fn made() -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder in target");
        let (folder, wanted) = (target.join("peers-venv"), beside("requirements.txt"));
        let (python, stamp) = (folder.join("bin/python"), folder.join("made-with"));
        let text = fs::read_to_string(&wanted).expect("it lies beside this file");
        if !fs::read_to_string(&stamp).is_ok_and(|made| made == text) {
            let run = |program: &Path, arguments: &[&OsStr]| {
                let status = Command::new(program).args(arguments).status();
                assert!(status.is_ok_and(|status| status.success()), "{arguments:?}: {HINT}");
            };
            run(Path::new("python3"), &["-m".as_ref(), "venv".as_ref(), folder.as_ref()]);
            let pip = ["-m", "pip", "--quiet", "install", "-r"].map(OsStr::new);
            run(&python, &[&pip[..], &[wanted.as_ref()]].concat());
            fs::write(stamp, text).expect("writes");
        }
        Self(python)
    }

    /// Bring the rows of a folder into the form that `DuckDB` reads fastest.
    pub(crate) fn prepare(&self, folder: &Path) {
        if !folder.join("records.parquet").exists() {
            self.run(&["prepare".as_ref(), folder.as_ref()]);
        }
    }

    /// `DuckDB`'s full outer join: what it cost, what it found, and its version.
    pub(crate) fn join(
        &self,
        folder: &Path,
        threads: usize,
        key: &str,
    ) -> (Cost, [u64; 4], String) {
        let threads = threads.to_string();
        let told = self.run(&["join".as_ref(), folder.as_ref(), threads.as_ref(), key.as_ref()]);
        let Joined { cost, found, version } = serde_json::from_str(&told).expect("it says so");
        (cost, found, version)
    }

    /// A command: what it cost, how it ended, and the lines that it printed.
    pub(crate) fn measure(&self, command: &[OsString]) -> (Cost, i32, Vec<Value>) {
        let out = tempfile::NamedTempFile::new().expect("a temporary file");
        let measured = ["measure".as_ref(), out.path().as_os_str()];
        let command: Vec<&OsStr> = command.iter().map(OsString::as_os_str).collect();
        let told = self.run(&[&measured[..], &command].concat());
        let Ended { cost, exit } = serde_json::from_str(&told).expect("it says so");
        let printed = fs::read_to_string(out.path()).expect("reads");
        let lines = printed.lines().map(|line| serde_json::from_str(line).expect("JSON lines"));
        (cost, exit, lines.collect())
    }

    fn run(&self, arguments: &[&OsStr]) -> String {
        let output = Command::new(&self.0).arg(beside("peers.py")).args(arguments).output();
        let output = output.expect("its Python runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).expect("JSON")
    }
}

fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/reconcile").join(name)
}

/// The middle one by its CPU seconds.
pub(crate) fn median(costs: &[Cost]) -> Cost {
    let mut costs = costs.to_vec();
    costs.sort_by(|one, other| one.cpu.total_cmp(&other.cpu));
    costs[costs.len() / 2].clone()
}
