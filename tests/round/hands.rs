//! Hands at every desk: one folder in which issuer, store, owners and accountant run the built tools.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process};
use scrip::crypto::{Random, SeededRandom};
use scrip::device::{Access, FileDevice};
use scrip::fat::{Exchange, Tray};
use scrip::format::Kind;
use scrip::format::Object;
use scrip::format::cose::Sign1;
use scrip::format::transfer::Receipt;
use scrip::image::leaves::Unwatched;
use scrip::tool::Source;
use scrip::trust::{Root, TestRoots, Trust};
use serde_json::Value;

use crate::burn::desk::Said;
use crate::burn::tool::password;
use crate::world::THREADS;

/// A song's bytes: sealed they are 8 MiB and 2 KiB.
const SONG_BYTES: usize = 8 << 20;
/// So many bytes are sent for one receipt.
pub(super) const CHUNK: u64 = 1 << 20;

const RECIPE: &str = r#"
schema = 1
release = 1
title = "An edition"
language = "en"
currency = "JPY"
rom_label = "SCRIP-ROM"
ram_label = "SCRIP-RAM"
rom_mib = 44
ram_mib = 34
ram = "rewritable"
journal_mib = 1
files = "rom"
"#;

/// Item, price, who is paid.
const ITEMS: [(&str, u64, &str); 4] = [
    ("story", 400, "An author"),
    ("poem", 50, "A poet"),
    ("song", 300, "A singer"),
    ("gift", 0, "A poet"),
];

/// A folder with an issuer in `issuer`, a store in `shop`, media and evidence.
pub(super) struct Hands {
    folder: tempfile::TempDir,
    /// Where the records lie, if not in the issuer's folder.
    url: Option<String>,
    numbers: BTreeMap<&'static str, String>,
}

impl Hands {
    /// Issuer, store, the editions `fair`, with all items, and `bare`, with the poem alone, and a
    /// kit of so many blanks.
    pub(super) fn new(url: Option<String>, blanks: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hands = Self { folder, url, numbers: BTreeMap::new() };
        let bare = ["--test", "--no-passphrase"];
        let init = ["init", "issuer", "--name", "Issuer", "--currency", "JPY"];
        hands.server(&[&init[..], &bare].concat()).done();
        hands.tool("scrip-store", &["init", "shop", "--name", "Kiosk", "--no-passphrase"]).done();
        hands.server(&["enrol", "shop/request.cbr", "--out", "store.cert"]).done();
        hands.store(&["accept", "store.cert", "--trust", "issuer/trust.cbr"]).done();
        let count = blanks.to_string();
        hands.server(&["blanks", &count, "--store", "1", "--out", "first.kit"]).done();
        hands.store(&["accept", "first.kit"]).done();
        for (edition, items) in [("fair", &ITEMS[..]), ("bare", &ITEMS[1..2])] {
            hands.lay_out(edition, items);
            let (file, secret) = (format!("{edition}.edition"), format!("{edition}.secret"));
            hands.store(&["build", edition, "--out", &file, "--secret", &secret]).done();
            hands.server(&["sign", &file]).done();
            let sealed = format!("{edition}.sealed");
            hands.server(&["secret", &secret, "--store", "1", "--out", &sealed]).done();
            hands.store(&["accept", &sealed]).done();
        }
        fs::write(hands.path("own"), "a password of one's own").unwrap();
        hands
    }

    fn lay_out(&self, edition: &str, items: &[(&str, u64, &str)]) {
        let content = self.path(edition).join("rom/CONTENT");
        fs::create_dir_all(&content).unwrap();
        let mut recipe = format!("name = \"{edition}\"\n{RECIPE}");
        for (item, price, whose) in items {
            let told = format!(
                "[[item]]\nid = \"{item}\"\ntitle = \"A {item}\"\nkind = \"text\"\n\
                 path = \"CONTENT/{item}\"\nprice = {price}\nrights_holder = \"{whose}\"\n"
            );
            recipe.push_str(&told);
            let mut bytes = vec![0; if *item == "song" { SONG_BYTES } else { 300 }];
            SeededRandom::new([83; 32]).fill(&mut bytes);
            fs::write(content.join(item), bytes).unwrap();
        }
        fs::write(self.path(edition).join("recipe.toml"), recipe).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A tool's command on one of the computers.
    pub(super) fn command(&self, tool: &str, args: &[&str], computer: &str) -> Command {
        let mut command = Command::new(cargo_bin(tool));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("SCRIP_SERVER_DIR", "issuer").env("SCRIP_STORE_DIR", "shop");
        command.env("SCRIP_LANG", "en").env_remove("SCRIP_SERVER_RECORDS");
        command.env("XDG_CONFIG_HOME", self.path("no-config"));
        command.env("XDG_STATE_HOME", self.path(computer));
        if let (Some(url), "scrip-server") = (&self.url, tool) {
            command.env("SCRIP_SERVER_RECORDS", url);
        }
        command
    }

    fn tool(&self, tool: &str, args: &[&str]) -> Said {
        Said::of(&self.command(tool, args, "home").output().unwrap())
    }

    pub(super) fn server(&self, args: &[&str]) -> Said {
        self.tool("scrip-server", args)
    }

    pub(super) fn store(&self, args: &[&str]) -> Said {
        self.tool("scrip-store", &[&["--allow-test-root"], args].concat())
    }

    /// `scrip-verify reconcile` over these paths.
    pub(super) fn reconcile(&self, paths: &[&str], more: &[&str]) -> Said {
        let records = self.url.as_deref().unwrap_or("issuer");
        let trust = ["--records", records, "--trust", "issuer/trust.cbr", "--allow-test-root"];
        self.tool("scrip-verify", &[&["reconcile"], paths, &trust, more].concat())
    }

    fn wallet_args<'a>(image: &'a str, args: &[&'a str]) -> Vec<&'a str> {
        let trust = ["--medium", image, "--trust", "issuer/trust.cbr", "--allow-test-root"];
        [&trust[..], args].concat()
    }

    /// The wallet on the owner's computer.
    pub(super) fn wallet(&self, name: &str, args: &[&str]) -> Said {
        self.wallet_on("home", name, args)
    }

    /// The wallet on another one, which keeps its own copies of journals.
    pub(super) fn wallet_on(&self, computer: &str, name: &str, args: &[&str]) -> Said {
        let image = format!("{name}.img");
        let args = Self::wallet_args(&image, args);
        Said::of(&self.command("scrip-wallet", &args, computer).output().unwrap())
    }

    /// Burn a medium, and have its owner log in.
    pub(super) fn burn(&mut self, name: &'static str, edition: &str) {
        let (image, labels) = (format!("{name}.img"), format!("{name}.html"));
        let edition = format!("{edition}.edition");
        self.store(&["burn", &edition, "--to", &image, "--labels", &labels]).done();
        let page = fs::read_to_string(self.path(&labels)).unwrap();
        fs::write(self.path("first"), password(&page)).unwrap();
        let login = ["login", "--password-file", "first", "--new-password-file", "own"];
        self.wallet(name, &login).ended(0, &["is yours now"]);
        let info = self.wallet(name, &["info", "--json"]).result();
        self.numbers.insert(name, info["medium"].as_str().unwrap().to_owned());
    }

    pub(super) fn number(&self, name: &str) -> &str {
        &self.numbers[name]
    }

    pub(super) fn media(&self) -> Vec<&'static str> {
        self.numbers.keys().copied().collect()
    }

    /// Sell a code; its digits and the number of its receipt.
    pub(super) fn sell_code(&self, name: &str, amount: &str) -> (String, String) {
        let sold = self.store(&["topup", self.number(name), amount, "--json"]).done().result();
        (sold["code"].as_str().unwrap().to_owned(), sold["receipt"].to_string())
    }

    pub(super) fn enter(&self, name: &str, code: &str) {
        self.wallet(name, &["topup", code, "--password-file", "own"]).ended(0, &["Added: "]);
    }

    pub(super) fn buy(&self, name: &str, item: &str) {
        self.wallet(name, &["buy", item, "--password-file", "own", "--yes"]).ended(0, &["Paid: "]);
    }

    pub(super) fn balance(&self, name: &str) -> i64 {
        minor(&self.wallet(name, &["balance", "--json"]).done().result()["balance"])
    }

    /// Write what a medium states to a file in a folder.
    pub(super) fn export(&self, name: &str, file: &str) {
        fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        self.wallet(name, &["export", file]).done();
    }

    /// Settle a plan, and have every medium that has a checkpoint take it over.
    pub(super) fn settle_and_apply(&self, plan: &str, number: u32) -> Vec<&'static str> {
        self.server(&["settle", plan, "--out", "checkpoints", "--yes"]).done();
        let file = |name: &str| format!("checkpoints/{}-{number}.checkpoint", self.number(name));
        let media = self.media().into_iter();
        let settled: Vec<_> = media.filter(|name| self.path(&file(name)).is_file()).collect();
        for name in &settled {
            self.apply("home", name, name, number);
        }
        settled
    }

    /// A medium in this image takes over a checkpoint of it.
    pub(super) fn apply(&self, computer: &str, image: &str, name: &str, number: u32) {
        let file = format!("checkpoints/{}-{number}.checkpoint", self.number(name));
        self.wallet_on(computer, image, &["apply", &file, "--password-file", "own"]).done();
    }

    fn taking(from: &str) -> [&str; 8] {
        let take = ["take", "song", "--from", from];
        let own = ["--password-file", "own", "--from-password-file", "own"];
        [take[0], take[1], take[2], take[3], own[0], own[1], own[2], own[3]]
    }

    /// Take the song whole.
    pub(super) fn take(&self, name: &str, from: &str) -> Said {
        self.wallet(name, &Self::taking(from))
    }

    /// Take the song, and be killed behind some receipts and before the end; for how many MiB the
    /// other side, whose tray `receipts` lists, holds a receipt.
    pub(super) fn take_and_be_killed(
        &self,
        name: &str,
        from: &str,
        kept: &[&str],
        receipts: impl Fn() -> Vec<Vec<u8>>,
    ) -> u64 {
        let copy = |from: &str, to: &str| {
            let copied =
                Command::new("cp").arg("-a").arg(self.path(from)).arg(self.path(to)).status();
            assert!(copied.unwrap().success());
        };
        for name in kept {
            copy(name, &format!("{name}.kept"));
        }
        let image = format!("{name}.img");
        let args = Self::wallet_args(&image, &Self::taking(from));
        for _ in 0..200 {
            let mut command = self.command("scrip-wallet", &args, "home");
            let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let got = kill_behind_a_receipt(&mut running, &receipts);
            let reserved = self.wallet(name, &["balance", "--json"]).done().result();
            if got > 0 && minor(&reserved["reserved"]) > 0 {
                assert_eq!(got % CHUNK, 0);
                return got / CHUNK;
            }
            // It was over, or had not begun to send.
            for name in kept {
                let _ = Command::new("rm").arg("-rf").arg(self.path(name)).status();
                copy(&format!("{name}.kept"), name);
            }
        }
        panic!("{name}: no run was killed between a receipt and its end");
    }

    /// The files in a folder that receipts come to: one that was written and never got its name counts
    /// as well.
    pub(super) fn receipts_in(&self, folder: &str) -> Vec<Vec<u8>> {
        let files = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read(file.path()).ok()).collect()
    }

    /// The receipts in a medium's OUTBOX, seen from outside.
    pub(super) fn receipts_on(&self, name: &str) -> impl Fn() -> Vec<Vec<u8>> + use<> {
        let path = self.path(&format!("{name}.img"));
        let root = Root::read(&fs::read(self.path("issuer/trust.cbr")).unwrap()).unwrap();
        let trust = Trust::new(vec![root], TestRoots::Allowed);
        let checked = Source::open(&path).unwrap().examine(&trust, THREADS, &Unwatched).unwrap();
        let area = checked.grounds.unwrap().volume;
        move || {
            let device = FileDevice::open(&path, Access::Read).unwrap();
            let trays = Exchange::volume(device, area.clone(), vec![]);
            let files = trays.list(Tray::Outbox).unwrap_or_default().into_iter();
            let receipts = files.filter(|file| file.name.ends_with(".receipt"));
            receipts.filter_map(|file| trays.read(Tray::Outbox, &file.name, 1 << 10).ok()).collect()
        }
    }
}

/// Kill a run as soon as a receipt for some of its bytes is there; for how many there is one then.
fn kill_behind_a_receipt(running: &mut Child, receipts: &impl Fn() -> Vec<Vec<u8>>) -> u64 {
    let greatest = || {
        let read = |bytes: Vec<u8>| {
            let message = Sign1::decode(&bytes, Kind::Receipt).ok()?;
            Some(Receipt::decode(message.payload()).ok()?.got.bytes())
        };
        receipts().into_iter().filter_map(read).max().unwrap_or(0)
    };
    while running.try_wait().unwrap().is_none() && greatest() == 0 {
        std::thread::yield_now();
    }
    // It may have ended by itself.
    let _ = kill_process(Pid::from_child(running), Signal::KILL);
    running.wait().unwrap();
    greatest()
}

/// A sum in JSON, minor units.
pub(super) fn minor(sum: &Value) -> i64 {
    sum["minor"].as_str().unwrap_or_else(|| panic!("{sum} is no sum")).parse().unwrap()
}
