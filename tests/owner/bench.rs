//! The bench of the built tool: a folder with a medium, its root and password files.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use assert_cmd::cargo::cargo_bin;
use scrip::device::{Access, Existing, FileDevice};
use serde_json::Value;
use tempfile::TempDir;

use super::japanese::english_in;
use super::{FIRST, OWN, SERIAL, code};
use crate::burn::terminal::{Terminal, scripted};
use crate::check::mounted::Mounted;
use crate::world::{Sample, World};

/// The medium that [`Mounted`] shows.
const MOUNTED_SERIAL: u64 = 42;

/// A folder with a medium, its root and password files.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) medium: &'static str,
    pub(crate) serial: u64,
}

/// What a run answered.
pub(crate) struct Answer {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    /// Results, then talk.
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn result(&self) -> Value {
        serde_json::from_str(self.stdout.lines().last().unwrap()).unwrap()
    }

    #[track_caller]
    pub(crate) fn says(&self, exit: i32, words: &str) {
        assert!(self.exit == exit && self.text.contains(words), "{} {}", self.exit, self.text);
    }
}

impl Bench {
    pub(crate) fn image() -> Self {
        Self::of(&Sample::new(SERIAL))
    }

    pub(crate) fn of(sample: &Sample) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("medium.img");
        let length = sample.sealed.layout.medium_bytes();
        sample.burn_to(&FileDevice::create(&path, length, Existing::Refuse).unwrap());
        Self::prepared(folder, "medium.img", SERIAL)
    }

    /// Named by its writable area, as an owner without rights on the device does.
    pub(crate) fn directories() -> Self {
        Self::prepared(Mounted::new().folder, "RAM", MOUNTED_SERIAL)
    }

    /// The same of a sample of [`SERIAL`].
    pub(crate) fn directories_of(sample: &Sample) -> Self {
        Self::prepared(Mounted::of(sample).folder, "RAM", SERIAL)
    }

    pub(crate) fn prepared(folder: TempDir, medium: &'static str, serial: u64) -> Self {
        let files = [("first", FIRST), ("own", OWN), ("third", "the third"), ("wrong", "guess")];
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::write(folder.path().join("trust.cbr"), World::new().root).unwrap();
        Self { folder, medium, serial }
    }

    pub(crate) fn command(&self, tool: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin(tool));
        command
            .args(arguments)
            .args(["--trust", "trust.cbr", "--allow-test-root"])
            .current_dir(self.folder.path())
            .env("SCRIP_LANG", "en")
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        let arguments = [&["--medium", self.medium], arguments].concat();
        answer(&mut self.command("scrip-wallet", &arguments))
    }

    /// `script`, which runs the wallet with these arguments on a terminal of its own.
    pub(super) fn scripted(&self, arguments: &[&str]) -> Command {
        self.on_terminal_of_its_own(&self.line(arguments))
    }

    /// The wallet's command line.
    pub(super) fn line(&self, arguments: &[&str]) -> String {
        let tool = cargo_bin("scrip-wallet");
        let common = ["--medium", self.medium, "--trust", "trust.cbr", "--allow-test-root"];
        [&[tool.to_str().unwrap()], arguments, &common].concat().join(" ")
    }

    /// `script`, which runs this line on a terminal of its own.
    pub(super) fn on_terminal_of_its_own(&self, line: &str) -> Command {
        let mut command = scripted(line);
        command
            .current_dir(self.folder.path())
            .env("SCRIP_LANG", "en")
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("XDG_STATE_HOME", self.folder.path().join("state"));
        command
    }

    /// The wallet on a terminal of its own.
    pub(super) fn terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::over(&mut self.scripted(arguments))
    }

    pub(crate) fn login(&self) -> Answer {
        self.run(&["login", "--password-file", "first", "--new-password-file", "own"])
    }

    pub(crate) fn topup(&self, code: &str) -> Answer {
        self.run(&["topup", code, "--password-file", "own"])
    }

    pub(crate) fn code(&self, slot: u8) -> String {
        code(self.serial, slot)
    }

    pub(crate) fn balance(&self) -> String {
        let answer = self.run(&["--json", "balance"]);
        assert_eq!(answer.exit, 0, "{}", answer.text);
        answer.result()["balance"]["minor"].as_str().unwrap().to_owned()
    }

    /// What is refused says so, in words of both languages and in an object, under its class; no byte of the medium
    /// is another afterwards.
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &[&str], exit: i32, words: &[&str]) {
        let before = self.contents();
        let plain = self.run(arguments);
        for word in words {
            plain.says(exit, word);
        }
        let object = self.run(&[&["--json"], arguments].concat());
        let result = object.result();
        assert_eq!((object.exit, &result["exit"]), (exit, &exit.into()), "{}", object.text);
        let error = result["error"].as_str().unwrap_or_else(|| panic!("{}", object.text));
        assert!(error.contains(words[0]), "{error}");
        let japanese = self.run(&[&["--lang", "ja"], arguments].concat());
        assert_eq!(japanese.exit, exit, "{}", japanese.text);
        let english = english_in(&japanese.text, &[arguments, &[self.medium]].concat());
        assert!(english.is_empty(), "{english:?} in {}", japanese.text);
        let same = before == self.contents();
        assert!(same, "{arguments:?} was refused and changed the medium");
    }

    /// Every byte of the medium, by its files.
    pub(crate) fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let top = match self.medium {
            "RAM" => self.folder.path().to_owned(),
            image => return BTreeMap::from([(image.into(), fs::read(self.path()).unwrap())]),
        };
        let areas = ["ROM", "RAM"].map(|area| walkdir::WalkDir::new(top.join(area)));
        let files = areas.into_iter().flatten().flatten().filter(|file| file.path().is_file());
        files.map(|file| (file.path().to_owned(), fs::read(file.path()).unwrap())).collect()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(self.medium)
    }

    /// Write a file beside the medium.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    pub(crate) fn open(&self) -> FileDevice {
        FileDevice::open(&self.path(), Access::Write).unwrap()
    }
}

pub(crate) fn answer(command: &mut Command) -> Answer {
    let output = command.output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let text = stdout.clone() + &String::from_utf8(output.stderr).unwrap();
    Answer { exit: output.status.code().unwrap(), stdout, text }
}
