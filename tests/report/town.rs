//! A simulated population, with several things planted, and what reconciling it gives.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use tempfile::TempDir;

use crate::owner::bench::{Answer, answer};

/// What a file may be called by who wants to be more than a name.
pub(super) const HOSTILE: &str =
    "<img src=x onerror=document.title='owned'>\u{202e}<!--<script>'\"&amp;.txt";

pub(super) struct Town {
    folder: TempDir,
}

impl Town {
    /// So many of a thousand media have each of these planted.
    pub(super) fn planted(media: u32, dials: &[(&str, u32)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(cargo_bin("scrip-server"));
        let (media, events) = (media.to_string(), (media * 40).to_string());
        command.args(["simulate", "town", "--seed", "7", "--honest", "--media", &media]);
        command.args(["--events", &events]).current_dir(folder.path());
        command.env_remove("SCRIP_SERVER_DIR").env_remove("SCRIP_SERVER_RECORDS");
        for (dial, rate) in dials {
            command.arg(format!("--{dial}")).arg(rate.to_string());
        }
        answer(&mut command).says(0, "");
        Self { folder }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Put a file among the evidence.
    pub(super) fn add(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path("town/evidence").join(name), bytes).unwrap();
    }

    /// Reconcile all of it.
    pub(super) fn reconcile(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(cargo_bin("scrip-verify"));
        command.args(["reconcile", "--records", "town/issuer", "town/evidence"]);
        command.args(["--trust", "town/issuer/trust.cbr", "--allow-test-root"]);
        command.args(arguments).current_dir(self.folder.path());
        for name in ["SCRIP_LANG", "LC_ALL", "LC_MESSAGES", "LANG"] {
            command.env_remove(name);
        }
        answer(&mut command)
    }

    /// Run the issuer's tool in its folder.
    pub(super) fn server(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(cargo_bin("scrip-server"));
        command.args(arguments).current_dir(self.path("town/issuer"));
        command.env_remove("SCRIP_SERVER_DIR").env_remove("SCRIP_SERVER_RECORDS");
        answer(&mut command)
    }

    /// The result of it, and a page that tells the same.
    pub(super) fn page(&self, name: &str, arguments: &[&str]) -> (Value, PathBuf) {
        let ran = self.reconcile(&[&["--json", "--report", name], arguments].concat());
        (ran.result(), self.path(name))
    }
}

/// The text of a PDF.
pub(super) fn text_of(pdf: &[u8], folder: &Path) -> String {
    let file = folder.join("printed.pdf");
    fs::write(&file, pdf).unwrap();
    let output = Command::new("pdftotext").arg("-layout").arg(&file).arg("-").output();
    let output = output.unwrap_or_else(|error| panic!("{error}; apt-get install poppler-utils"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
