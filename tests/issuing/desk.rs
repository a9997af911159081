//! A desk to work at: a folder with an issuer, a store, and the built tool.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal};
use scrip::crypto::SeededRandom;
use scrip::crypto::password::Cost;
use scrip::shop::{Accepted, Shop, ShopError, Writing};
use scrip::trust::{Passphrase, Root, TestRoots};
use scrip::units::Timestamp;
use serde_json::Value;

/// A folder for temporary files, in which the tool is run.
pub(super) struct Desk {
    folder: tempfile::TempDir,
    /// The number of a stocked medium.
    pub(super) medium: String,
    /// What `blanks` answered.
    pub(super) kit: Value,
}

/// How a run of the tool ended.
pub(super) struct Ran {
    pub(super) exit: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Desk {
    /// Nothing but a file with a passphrase.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let desk = Self { folder, medium: String::new(), kit: Value::Null };
        desk.write("pass", b"a passphrase\n");
        desk
    }

    /// A test issuer in `issuer`, and the store "Station Books" in `shop`.
    pub(super) fn founded() -> Self {
        let desk = Self::new();
        let init = ["init", "issuer", "--name", "Kiosk Union", "--currency", "JPY", "--test"];
        desk.json(&init);
        desk.found_shop("shop", "Station Books", 1);
        desk
    }

    /// The store is enrolled by `shop.cert`, and `kit.cbr` holds one blank for it.
    pub(super) fn stocked() -> Self {
        let mut desk = Self::founded();
        desk.json(&["enrol", "shop/request.cbr", "--out", "shop.cert"]);
        desk.kit = desk.json(&["blanks", "1", "--store", "1", "--out", "kit.cbr"]);
        desk.medium = desk.kit["media"][0].as_str().unwrap().to_owned();
        desk
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Run the tool in this folder, for the issuer in `issuer`, under the right passphrase.
    pub(super) fn run(&self, args: &[&str]) -> Ran {
        let told = args.contains(&"--password-file") || args.contains(&"--no-passphrase");
        let bare = args.windows(2).any(|pair| pair == ["--dir", "live"]);
        let pass: &[&str] = if told || bare { &[] } else { &["--password-file", "pass"] };
        Ran::from(self.command(args).args(pass).output().unwrap())
    }

    /// Run the tool and ask it to stop after a while, as Ctrl-C does.
    pub(super) fn interrupted(&self, args: &[&str], after: Duration) -> Ran {
        let mut command = self.command(args);
        let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        thread::sleep(after);
        let process = Pid::from_child(&running);
        rustix::process::kill_process(process, Signal::INT).unwrap();
        Ran::from(running.wait_with_output().unwrap())
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin!("scrip-server"));
        command.current_dir(self.folder.path()).env("SCRIP_SERVER_DIR", "issuer");
        command.env_remove("SCRIP_SERVER_RECORDS").env_remove("COLUMNS").args(args);
        command
    }

    /// The same under the passphrase in another file.
    pub(super) fn with_passphrase(&self, file: &str, args: &[&str]) -> Ran {
        self.run(&[args, &["--password-file", file]].concat())
    }

    /// Run the tool, which is to end well, and take its result.
    pub(super) fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        assert_eq!(ran.exit, 0, "{args:?}: {}", ran.stderr);
        ran.result()
    }

    /// Run the tool, which is to end with this exit code and these words.
    pub(super) fn refused(&self, args: &[&str], exit: i32, message: &str) {
        let ran = self.run(args);
        assert_eq!(ran.exit, exit, "{args:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(message), "{args:?}: {} lacks {message}", ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?}");
    }

    /// Every file and its bytes; locks and the database's own companions are left out.
    pub(super) fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let companion = |path: &Path| {
            let name = path.to_string_lossy();
            name.ends_with(".lock") || name.ends_with("-wal") || name.ends_with("-shm")
        };
        let entries = walkdir::WalkDir::new(self.folder.path()).into_iter();
        let paths = entries.map(|entry| entry.unwrap().into_path());
        let files = paths.filter(|path| path.is_file() && !companion(path));
        files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    /// The store in `shop`.
    pub(super) fn shop(&self) -> Shop {
        self.open_shop("shop")
    }

    /// A second store, in `other`.
    pub(super) fn second_shop(&self) -> Shop {
        self.found_shop("other", "Harbour Books", 2);
        self.open_shop("other")
    }

    /// Take over a file, with the issuer's root pinned.
    pub(super) fn accept(&self, shop: &mut Shop, file: &str) -> Result<Accepted, ShopError> {
        let root = Root::read(&self.read("issuer/trust.cbr")).unwrap();
        shop.accept(&self.read(file), &[root], now())
    }

    pub(super) fn found_shop(&self, folder: &str, name: &str, seed: u8) {
        let mut rng = SeededRandom::new([seed; 32]);
        let path = self.path(folder);
        Shop::init(&path, name, Passphrase::None, Cost::MINIMAL, now(), &mut rng).unwrap();
    }

    fn open_shop(&self, folder: &str) -> Shop {
        let path = self.path(folder);
        Shop::open(&path, Passphrase::None, TestRoots::Allowed, Writing::Real).unwrap()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let exit = output.status.code().unwrap();
        Self { exit, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// The last line of standard output, which is the result object.
    pub(super) fn result(&self) -> Value {
        let line = self.stdout.lines().last().unwrap_or_else(|| panic!("{}", self.stderr));
        let result: Value = serde_json::from_str(line).unwrap();
        assert_eq!(result["type"], "result");
        result
    }
}

pub(super) fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or_else(|| panic!("{value} lacks {name}"))
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    member(value, name).as_str().unwrap()
}

pub(super) fn now() -> Timestamp {
    scrip::tool::clock::now()
}
