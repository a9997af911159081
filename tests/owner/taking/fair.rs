//! Several owners with their media in one folder, and the tool between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use scrip::crypto::{Random, SeededRandom};
use scrip::device::{Access, Device, Existing, FileDevice, MountedTree};
use scrip::fat::{Exchange, Tray};
use scrip::format::Object;
use scrip::format::checkpoint::Bounded;
use scrip::format::edition::{Catalogue, Item, ItemKind};
use scrip::format::field::Bytes;
use scrip::format::item::{ItemEntry, Package};
use scrip::format::policy::{Policy, Revocation};
use scrip::format::record::Record;
use scrip::format::shelf::{ItemNames, OFFER_NAME, STORE_NAME};
use scrip::format::transfer::{Offer, Receipt};
use scrip::image::items;
use scrip::image::layout::CATALOGUE_PATH;
use scrip::image::leaves::Unwatched;
use scrip::image::tree::{file_root, push_leaves};
use scrip::tool::Source;
use scrip::trust::{Verified, sign, verify};
use scrip::units::{ByteCount, Currency, StoreId};
use scrip::wallet::take::{Goods, Outbox, Shelf};
use scrip::wallet::{Medium, Opened};
use tempfile::TempDir;

use crate::check::mounted::Mounted;
use crate::goods::goods;
use crate::owner::bench::{Answer, answer};
use crate::owner::settled::Records;
use crate::owner::take::sides::Settled;
use crate::owner::take::{charges, segments, sent};
use crate::owner::{FIRST, OWN, code, password, rng};
use crate::world::{
    Files, Sample, THREADS, World, at, edition_secret, files, minor, policy, sealed_as, shape,
    stamped, yen,
};

pub(super) const CHUNK: u64 = 8 << 10;
pub(super) const LENGTH: u64 = 100_000;
pub(super) const PRICE: u64 = 299;
const SONG: &str = "/CONTENT/song.ogg";

/// How media are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Images,
    Directories,
}

/// A folder of media: `one` and `three` of an edition without anything to buy, `two` and
/// `three-of-two` of one that has the song.
pub(super) struct Fair {
    folder: TempDir,
    form: Form,
    settled: Settled,
}

const MEDIA: [(&str, u64); 4] = [("one", 11), ("two", 12), ("three", 13), ("three-of-two", 14)];

pub(super) fn world() -> World {
    let mut world = World::new();
    let chunk = ByteCount::from_bytes(CHUNK);
    world.policy = sign(&world.issuer, &Policy { chunk, ..policy() });
    world
}

pub(super) fn song() -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(LENGTH).unwrap()];
    SeededRandom::new([88; 32]).fill(&mut bytes);
    bytes
}

fn with_song() -> Files {
    let mut files = files();
    let song = song();
    let item = Item {
        id: "song".to_owned(),
        title: "A song".to_owned(),
        title_ja: None,
        kind: ItemKind::Audio,
        path: SONG.to_owned(),
        size: ByteCount::from_bytes(song.len() as u64),
        price: minor(PRICE),
        rights_holder: "a singer".to_owned(),
        content: None,
    };
    files.0.push((SONG.to_owned(), song));
    let catalogue = Catalogue { currency: yen(), items: vec![item], secret: None };
    files.0.push((CATALOGUE_PATH.to_owned(), catalogue.encode()));
    files
}

/// A medium by its name.
fn sample(world: &World, name: &str, serial: u64) -> Sample {
    let files = if name.contains("two") { with_song() } else { files() };
    let (sealed, edition) = sealed_as(world, shape(), &files);
    let stamped = stamped(world, &sealed, &edition, serial);
    Sample { sealed, edition, stamped }
}

/// Media of a form after their owners' first login, with 1,000 on each; settled or not.
fn prepared(form: Form, settled: Settled) -> &'static TempDir {
    static PREPARED: [[OnceLock<TempDir>; 2]; 2] =
        [[OnceLock::new(), OnceLock::new()], [OnceLock::new(), OnceLock::new()]];
    PREPARED[form as usize][settled as usize].get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let fair = Fair { folder, form, settled };
        match settled {
            Settled::Never => fair.prepare(),
            Settled::Before => {
                copy(prepared(form, Settled::Never).path(), fair.folder.path());
                for (name, _) in MEDIA {
                    fair.settle(name);
                }
            }
        }
        fair.folder
    })
}

impl Fair {
    /// Media before their first checkpoint.
    pub(super) fn new(form: Form) -> Self {
        Self::of(form, Settled::Never)
    }

    pub(super) fn of(form: Form, settled: Settled) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(prepared(form, settled).path(), folder.path());
        Self { folder, form, settled }
    }

    fn prepare(&self) {
        for (name, text) in [("first", FIRST), ("own", OWN), ("wrong", "guess")] {
            fs::write(self.folder.path().join(name), text).unwrap();
        }
        fs::write(self.folder.path().join("trust.cbr"), World::new().root).unwrap();
        for (name, serial) in MEDIA {
            self.lay(name, &sample(&world(), name, serial));
            let login = ["login", "--password-file", "first", "--new-password-file", "own"];
            self.run(name, &login).says(0, "is yours now");
            self.run(name, &["topup", &code(serial, 0), "--password-file", "own"])
                .says(0, "Balance: ¥1,000");
        }
    }

    /// Have a settler state what is on a medium, and its owner apply that.
    pub(super) fn settle(&self, name: &str) {
        let medium = self.medium(name);
        let file = Records::of(&medium).settle(&[&medium.account().state]);
        fs::write(self.folder.path().join("checkpoint"), file.encode()).unwrap();
        self.run(name, &["apply", "checkpoint"]).says(0, "Applied: checkpoint 1.");
    }

    /// Lay a medium out in this form.
    pub(super) fn lay(&self, name: &str, sample: &Sample) {
        let place = self.folder.path().join(name);
        match self.form {
            Form::Images => {
                let length = sample.sealed.layout.medium_bytes();
                let path = place.with_extension("img");
                sample.burn_to(&FileDevice::create(&path, length, Existing::Refuse).unwrap());
            }
            Form::Directories => {
                let mounted = Mounted::of(sample);
                fs::create_dir(&place).unwrap();
                for area in ["ROM", "RAM"] {
                    copy(&mounted.folder.path().join(area), &place.join(area));
                }
            }
        }
    }

    /// How a command names a medium.
    pub(super) fn named(&self, name: &str) -> String {
        match self.form {
            Form::Images => format!("{name}.img"),
            Form::Directories => format!("{name}/RAM"),
        }
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(self.named(name))
    }

    pub(super) fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin("scrip-wallet"));
        command
            .args(["--medium", &self.named(name)])
            .args(arguments)
            .args(["--trust", "trust.cbr", "--allow-test-root"])
            .current_dir(self.folder.path())
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .stdin(Stdio::null());
        command
    }

    pub(super) fn run(&self, name: &str, arguments: &[&str]) -> Answer {
        answer(&mut self.command(name, arguments))
    }

    fn taking(&self, payer: &str, from: &str, extra: &[&str]) -> Command {
        let from = if Path::new(from).is_absolute() { from.to_owned() } else { self.named(from) };
        let arguments = ["take", "song", "--from", &from];
        self.command(payer, &[&arguments[..], &super::OWN[..], extra].concat())
    }

    pub(super) fn take(&self, payer: &str, from: &str, extra: &[&str]) -> Answer {
        answer(&mut self.taking(payer, from, extra))
    }

    /// Begin to take; the process ends when this is dropped.
    pub(super) fn begin(&self, payer: &str, from: &str) -> Running {
        let mut command = self.taking(payer, from, &[]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running(child)
    }

    /// Ask it to stop once so many chunks are there.
    pub(super) fn interrupted(
        &self,
        payer: &str,
        from: &str,
        chunks: u64,
    ) -> (Option<i32>, String) {
        let mut running = self.begin(payer, from);
        self.wait_for(payer, chunks * CHUNK, &mut running);
        running.signal(rustix::process::Signal::INT);
        running.ended()
    }

    /// Wait until so many bytes of the file are there, or the process has ended.
    pub(super) fn wait_for(&self, name: &str, bytes: u64, running: &mut Running) {
        let deadline = Instant::now() + Duration::from_mins(2);
        let looking = self.looking(name);
        while looking.size() < bytes && running.0.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "{name}: {} of {bytes} bytes", looking.size());
            std::thread::yield_now();
        }
    }

    /// The song in a medium's OUTBOX, looked at from outside.
    fn looking(&self, name: &str) -> Looking {
        match self.form {
            Form::Images => {
                let device = FileDevice::open(&self.path(name), Access::Read).unwrap();
                let medium = self.medium(name);
                let area = medium.grounds().volume.clone();
                Looking::Image(Exchange::volume(device, area, vec![]))
            }
            Form::Directories => Looking::Directory(self.path(name).join("SCRIP/OUTBOX")),
        }
    }

    /// A medium's OUTBOX, to be changed from outside.
    pub(super) fn outbox(&self, name: &str) -> Outbox {
        Outbox(match self.form {
            Form::Images => {
                let device = FileDevice::open(&self.path(name), Access::Write).unwrap();
                let grounds = self.medium(name).grounds().clone();
                Exchange::volume(device, grounds.volume.clone(), grounds.kept())
            }
            Form::Directories => Exchange::mounted(MountedTree::at(&self.path(name))),
        })
    }

    /// The medium as it stands.
    pub(super) fn medium(&self, name: &str) -> Medium {
        let source = Source::open(&self.path(name)).unwrap();
        let checked = source.examine(&World::new().trust(), THREADS, &Unwatched).unwrap();
        Medium::of(checked).unwrap()
    }

    pub(super) fn records(&self, name: &str) -> Vec<Verified<Record>> {
        self.medium(name).account().records.clone()
    }

    /// The song as it lies in a medium's OUTBOX.
    pub(super) fn file(&self, name: &str) -> Vec<u8> {
        let medium = self.medium(name);
        let trays = Source::open(&self.path(name)).unwrap().exchange(medium.grounds()).unwrap();
        let files = trays.list(Tray::Outbox).unwrap();
        let file = files.iter().find(|file| is_data(&file.name)).unwrap();
        trays.read(Tray::Outbox, &file.name, 1 << 20).unwrap()
    }

    /// Bytes that a medium's journal has paid for.
    pub(super) fn covered(&self, name: &str) -> u64 {
        let medium = self.medium(name);
        let transfers = medium.account().state.transfers.values();
        transfers.map(|transfer| transfer.covered.bytes()).sum()
    }

    /// Charges add up to the price, and each giver's journal says what the payer's says of it.
    #[track_caller]
    pub(super) fn adds_up(&self, payer: &str, givers: &[&str]) {
        let own = self.records(payer);
        assert_eq!(charges(&own), PRICE);
        let mut bytes = 0;
        for giver in givers {
            let other = self.medium(giver);
            let paid = segments(&own, other.id());
            let paid: Vec<_> = paid.into_iter().filter(|(_, got, _)| *got > 0).collect();
            let (uploads, earned) = sent(&other.account().records);
            let found: Vec<_> = uploads.into_iter().filter(|(_, got)| *got > 0).collect();
            let expected: Vec<_> = paid.iter().map(|(before, got, _)| (*before, *got)).collect();
            assert_eq!(found, expected, "{giver}");
            let part = |bytes: u64| PRICE * bytes / LENGTH * 200_000 / 1_000_000;
            let fees = expected.iter().map(|(before, got)| part(before + got) - part(*before));
            assert_eq!(earned, fees.sum::<u64>(), "{giver}");
            bytes += expected.iter().map(|(_, got)| got).sum::<u64>();
        }
        assert_eq!(bytes, LENGTH);
    }
}

/// What is left behind by a run that was killed.
impl Fair {
    /// Media as they were before, and a computer that never saw them.
    pub(super) fn restore(&self, names: &[&str]) {
        self.bring(prepared(self.form, self.settled).path(), names);
    }

    /// Media as they are now.
    pub(super) fn saved(&self, names: &[&str]) -> TempDir {
        let saved = tempfile::tempdir().unwrap();
        for area in names.iter().map(|name| self.named(name)) {
            let (from, to) = (self.folder.path().join(&area), saved.path().join(&area));
            match self.form {
                Form::Images => drop(fs::copy(from, to).unwrap()),
                Form::Directories => copy(&from, &to),
            }
        }
        saved
    }

    /// Media as another folder has them, and a computer that never saw them.
    pub(super) fn bring(&self, saved: &Path, names: &[&str]) {
        for area in names.iter().map(|name| self.named(name)) {
            let (from, to) = (saved.join(&area), self.folder.path().join(&area));
            match self.form {
                Form::Images => mend(&from, &to),
                Form::Directories => {
                    fs::remove_dir_all(&to).unwrap();
                    copy(&from, &to);
                }
            }
        }
        let _ = fs::remove_dir_all(self.folder.path().join("state"));
    }

    /// Bytes that lie on the payer's medium, came from the giver, and are neither signed for nor
    /// recorded.
    pub(super) fn unpaid(&self, payer: &str, giver: &str) -> u64 {
        let (own, other) = (self.medium(payer), self.medium(giver));
        let recorded = segments(&own.account().records, other.id());
        let recorded: u64 = recorded.iter().map(|(_, got, _)| got).sum();
        let trays = Source::open(&self.path(giver)).unwrap().exchange(other.grounds()).unwrap();
        let files = trays.list(Tray::Outbox).unwrap();
        let receipts = files.iter().filter(|file| file.name.ends_with(".receipt"));
        let signed = receipts.filter_map(|file| {
            // On a stick that was pulled out one may be damaged.
            let bytes = trays.read(Tray::Outbox, &file.name, 1 << 10).ok()?;
            Some(verify::<Receipt>(&bytes, &own.account().state.holder).ok()?.got.bytes())
        });
        let signed = signed.max().unwrap_or(0);
        self.looking(payer).size().saturating_sub(signed.max(recorded))
    }
}

impl Fair {
    /// A kiosk's folder that offers the song; its path.
    pub(super) fn kiosk(&self) -> String {
        self.kiosk_in(yen())
    }

    /// The same, its offer in a currency.
    pub(super) fn kiosk_in(&self, currency: Currency) -> String {
        let (world, place) = (world(), self.folder.path().join("kiosk"));
        let medium = self.medium("two");
        let entry = medium.item("song").unwrap();
        let package = items::package(entry, &medium.grounds().rom_signer);
        let offer = Offer {
            store: StoreId::from_number(7).unwrap(),
            name: "A shop".to_owned(),
            issued: at(1_000),
            currency,
            entries: Bounded(vec![entry.hash()]),
        };
        let goods = Goods::of(entry);
        let files = [
            (OFFER_NAME.to_owned(), sign(&world.store, &offer)),
            (STORE_NAME.to_owned(), world.store_chain.encode()),
            (goods.names().package(), package.encode()),
            (goods.names().data(), song()),
        ];
        fs::create_dir(&place).unwrap();
        for (name, bytes) in files {
            fs::write(place.join(name), bytes).unwrap();
        }
        place.to_str().unwrap().to_owned()
    }
}

impl Fair {
    /// A medium of an edition whose items are sealed, after its owner's first login.
    pub(super) fn sealed(&self) {
        let world = world();
        let (sealed, edition) = sealed_as(&world, shape(), &goods());
        let stamped = stamped(&world, &sealed, &edition, 15);
        self.lay("sealed", &Sample { sealed, edition, stamped });
        let login = ["login", "--password-file", "first", "--new-password-file", "own"];
        self.run("sealed", &login).says(0, "is yours now");
    }

    /// Does a medium's ring open what another one's edition has sealed?
    pub(super) fn holds_key(&self, name: &str, edition: &str, id: &str) -> bool {
        let offered = self.medium(edition);
        let entry = offered.grounds().items.iter().find(|entry| entry.id == id).unwrap();
        let expected = edition_secret().item_key(id, &entry.content.unwrap());
        let device = FileDevice::open(&self.path(name), Access::Write).unwrap();
        let mut opened = Opened::open(&device, self.medium(name), &mut rng(62)).unwrap();
        let own = opened.unlock(&password(OWN)).unwrap();
        opened.item_key(&own.keys, &entry.root).unwrap().is_some_and(|key| key == expected)
    }
}

/// Media that nothing is taken from.
impl Fair {
    /// One under another root.
    pub(super) fn stranger(&self) {
        self.lay("stranger", &sample(&World::live(14), "stranger-two", 21));
    }

    /// One whose owner has not logged in.
    pub(super) fn shelved(&self) {
        self.lay("shelved", &sample(&world(), "shelved-two", 22));
    }

    /// One of whose read-only files a byte was changed.
    pub(super) fn altered(&self) {
        let sample = sample(&world(), "altered-two", 23);
        self.lay("altered", &sample);
        let device = FileDevice::open(&self.path("altered"), Access::Write).unwrap();
        let at = sample.sealed.layout.rom().start + sample.sealed.plan.locate(SONG).unwrap();
        device.write_at(at, b"another").unwrap();
    }

    /// One that has the song and carries a revocation list, after its owner's first login.
    pub(super) fn revoking(&self, list: &Revocation) {
        self.lay("cautious", &sample(&world().revoking(list), "cautious-two", 24));
        let login = ["login", "--password-file", "first", "--new-password-file", "own"];
        self.run("cautious", &login).says(0, "is yours now");
    }

    /// Another item of the song's id in a medium's OUTBOX, as if it had been taken: its name, and
    /// its bytes.
    pub(super) fn adds_another(&self, name: &str, price: u64) -> (String, Vec<u8>) {
        let (world, bytes, mut leaves) = (world(), b"quite another song".to_vec(), vec![]);
        push_leaves(&mut leaves, &bytes);
        let entry = ItemEntry {
            id: "song".to_owned(),
            title: "Another song".to_owned(),
            title_ja: None,
            kind: ItemKind::Audio,
            name: "another.ogg".to_owned(),
            size: ByteCount::from_bytes(bytes.len() as u64),
            price: minor(price),
            rights_holder: "another singer".to_owned(),
            content: None,
            currency: yen(),
            root: file_root(&leaves),
        };
        let signed = sign(&world.rom_signer, &entry);
        let hash = verify::<ItemEntry>(&signed, &world.rom_signer.public()).unwrap().hash();
        let package = Package { item: Bytes(signed), chain: world.rom_chain.clone() };
        let (names, outbox) = (ItemNames::of("song", &hash), self.outbox(name));
        outbox.write(&names.package(), &package.encode()).unwrap();
        outbox.write(&names.data(), &bytes).unwrap();
        (names.stem().to_owned(), bytes)
    }

    /// Have an owner spend some of what is there.
    pub(super) fn spend(&self, name: &str, sum: u64) {
        let device = FileDevice::open(&self.path(name), Access::Write).unwrap();
        let mut opened = Opened::open(&device, self.medium(name), &mut rng(60)).unwrap();
        let own = opened.unlock(&password(OWN)).unwrap();
        opened.buy(&own.keys, ("book", "somebody"), minor(sum), at(3_000), &mut rng(61)).unwrap();
    }
}

enum Looking {
    Image(Exchange<'static>),
    Directory(PathBuf),
}

impl Looking {
    /// Bytes of the song that are there.
    fn size(&self) -> u64 {
        match self {
            Self::Image(trays) => {
                // What is being written may look damaged for a moment.
                let files = trays.list(Tray::Outbox).unwrap_or_default();
                let file = files.iter().find(|file| is_data(&file.name));
                file.map_or(0, |file| file.size_bytes)
            }
            Self::Directory(outbox) => {
                let files = fs::read_dir(outbox).unwrap().flatten();
                let data = files.filter(|file| is_data(&file.file_name().to_string_lossy()));
                data.map(|file| file.metadata().map_or(0, |meta| meta.len())).sum()
            }
        }
    }
}

/// A tool at work; it does not outlive the test.
pub(super) struct Running(Child);

impl Running {
    pub(super) fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.0);
        // It may have ended by itself.
        let _ = rustix::process::kill_process(process, signal);
    }

    /// Wait for its end: exit code, and all that it said.
    pub(super) fn ended(mut self) -> (Option<i32>, String) {
        use std::io::Read;
        let mut text = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        (self.0.wait().unwrap().code(), text)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Is this the name of an item's file?
pub(super) fn is_data(name: &str) -> bool {
    ends(name, "data")
}

/// Does a name end so, behind a dot?
pub(super) fn ends(name: &str, end: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == end)
}

/// Make a file the same as another of its length, writing only what differs.
fn mend(from: &Path, to: &Path) {
    let from = FileDevice::open(from, Access::Read).unwrap();
    let to = FileDevice::open(to, Access::Write).unwrap();
    let mut parts = [vec![0; 1 << 20], vec![0; 1 << 20]];
    for at in (0..from.len_bytes()).step_by(1 << 20) {
        let length = usize::try_from(from.len_bytes() - at).unwrap().min(1 << 20);
        let [good, found] = parts.each_mut().map(|part| &mut part[..length]);
        from.read_at(at, good).unwrap();
        to.read_at(at, found).unwrap();
        if good != found {
            to.write_at(at, good).unwrap();
        }
    }
}

/// Copy a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}
