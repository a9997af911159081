//! A clerk's desk: issuer, store and signed edition made by the built tools, in one folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

use super::terminal::{Terminal, scripted};
use crate::world::{THREADS, authored_as, files, shape};

/// What a run said.
pub(crate) struct Said {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let exit = output.status.code().unwrap_or(-1);
        Self { exit, out: text(&output.stdout), err: text(&output.stderr) }
    }

    pub(crate) fn all(&self) -> String {
        format!("{}\n{}", self.out, self.err)
    }

    /// The `result` object that JSON output ends in.
    pub(crate) fn result(&self) -> Value {
        let last = self.out.lines().last().unwrap_or_else(|| panic!("no output: {}", self.err));
        let last: Value = serde_json::from_str(last).unwrap();
        assert_eq!((&last["type"], &last["exit"]), (&"result".into(), &self.exit.into()));
        last
    }

    /// All must be well.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.exit, 0, "{}", self.all());
        self
    }

    /// The run must have ended with this code and these words.
    #[track_caller]
    pub(crate) fn ended(&self, exit: i32, words: &[&str]) {
        assert_eq!(self.exit, exit, "{}", self.all());
        for words in words {
            assert!(self.all().contains(words), "{words:?} is missing in {}", self.all());
        }
    }
}

/// Issuer in `issuer`, store in `shop` with a kit, signed edition `sample.edition`.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    /// With so many blanks.
    pub(crate) fn new(blanks: u32) -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        let server = |args: &[&str]| desk.run("scrip-server", args).done();
        let founding = ["init", "issuer", "--name", "Issuer", "--currency", "JPY"];
        server(&[&founding[..], &["--test", "--no-passphrase"]].concat());
        desk.run("scrip-store", &["init", "shop", "--name", "Kiosk", "--no-passphrase"]).done();
        server(&["enrol", "shop/request.cbr", "--out", "store.cert"]);
        let trust = ["accept", "store.cert", "--trust", "issuer/trust.cbr"];
        desk.store(&trust).done();
        desk.kit("kit.cbr", blanks);
        let (_, edition) = authored_as(shape(), &files(), THREADS);
        fs::write(desk.path("sample.edition"), edition.into_bytes()).unwrap();
        server(&["sign", "sample.edition"]);
        desk
    }

    /// Make a kit and have the store accept it.
    pub(crate) fn kit(&self, name: &str, blanks: u32) {
        let count = blanks.to_string();
        self.run("scrip-server", &["blanks", &count, "--store", "1", "--out", name]).done();
        self.store(&["accept", name]).done();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A terminal on which `scrip-store burn` of the sample edition runs.
    pub(crate) fn terminal(&self, args: &[&str]) -> Terminal {
        let tool = cargo_bin("scrip-store");
        let mut words = vec![tool.to_str().unwrap(), "--allow-test-root", "burn", "sample.edition"];
        words.extend(args);
        let line = words.join(" ");
        Terminal::over(self.environment(&mut scripted(&line)))
    }

    pub(crate) fn command(&self, tool: &str, args: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin(tool));
        self.environment(command.args(args));
        command
    }

    fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.current_dir(self.folder.path());
        command.env("SCRIP_SERVER_DIR", "issuer").env("SCRIP_STORE_DIR", "shop");
        command
            .env("XDG_CONFIG_HOME", self.path("no-config"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env_remove("COLUMNS")
    }

    pub(crate) fn run(&self, tool: &str, args: &[&str]) -> Said {
        Said::of(&self.command(tool, args).output().unwrap())
    }

    /// `scrip-store` as the clerk runs it.
    pub(crate) fn store(&self, args: &[&str]) -> Said {
        self.run("scrip-store", &[&["--allow-test-root"], args].concat())
    }

    /// `scrip-store burn` of the sample edition.
    pub(crate) fn burn(&self, args: &[&str]) -> Said {
        self.store(&[&["burn", "sample.edition"], args].concat())
    }

    /// The same, still running.
    pub(crate) fn burning(&self, args: &[&str]) -> Child {
        self.running(&[&["burn", "sample.edition"], args].concat())
    }

    /// `scrip-store`, still running.
    pub(crate) fn running(&self, args: &[&str]) -> Child {
        let mut command = self.command("scrip-store", &[&["--allow-test-root"], args].concat());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// `scrip-verify check` of one medium under the issuer's root.
    pub(crate) fn check(&self, medium: &Path) -> Said {
        let medium = medium.to_str().unwrap();
        let trust = ["check", "--trust", "issuer/trust.cbr", "--allow-test-root", medium];
        self.run("scrip-verify", &trust)
    }

    pub(crate) fn status(&self) -> Value {
        self.store(&["status", "--json"]).done().result()
    }
}

/// Does `sgdisk` list a partition there?
pub(crate) fn lists_a_partition(medium: &Path) -> bool {
    let output = Command::new("sgdisk").arg("-p").arg(medium).output();
    let output = output.unwrap_or_else(|error| panic!("sgdisk: {error}; apt-get install gdisk"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // A damaged table is refused; a missing one is listed as empty.
    let listed = text.lines().skip_while(|line| !line.starts_with("Number")).skip(1);
    listed.filter(|line| !line.trim().is_empty()).count() > 0
}

/// Wait until something holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_mins(1), "never came: {what}");
        sleep(Duration::from_millis(1));
    }
}
