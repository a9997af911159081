//! A kiosk's folder made by the store's tool, and owners who take from it with theirs.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use scrip::crypto::{Random, SeededRandom};
use scrip::device::{Access, FileDevice, Folder, UnfinishedFolder};
use scrip::format::Object;
use scrip::format::edition::{Catalogue, Item, ItemKind};
use scrip::image::layout::CATALOGUE_PATH;
use scrip::image::leaves::Watch;
use scrip::image::sealed::open_sealed;
use scrip::press::{KioskError, Stall};
use scrip::shop::{Shop, Writing};
use scrip::trust::{EditionSecret, Passphrase, TestRoots};
use scrip::units::ByteCount;

use crate::burn::desk::{Desk, Said, wait_until};
use crate::burn::tool::password;
use crate::goods::goods;
use crate::owner::storage::Mount;
use crate::world::{Files, THREADS, authored_as, edition_secret, minor, shape};

const LONG: &str = "/CONTENT/long.ogg";
const LONG_BYTES: usize = (6 << 20) + 77;
/// What the issuer's policy lets be sent before a receipt.
const CHUNK: u64 = 1 << 20;

/// A desk with an edition of sealed, free and long items, and media of it and of another one.
struct Market {
    desk: Desk,
}

fn long() -> Vec<u8> {
    let mut bytes = vec![0; LONG_BYTES];
    SeededRandom::new([91; 32]).fill(&mut bytes);
    bytes
}

fn offered() -> Files {
    let mut files = goods();
    let (_, catalogue) = files.0.iter_mut().find(|(path, _)| path == CATALOGUE_PATH).unwrap();
    let mut known = Catalogue::decode(catalogue).unwrap();
    known.items.push(Item {
        id: "long".to_owned(),
        title: "A long song".to_owned(),
        title_ja: None,
        kind: ItemKind::Audio,
        path: LONG.to_owned(),
        size: ByteCount::from_bytes(LONG_BYTES as u64),
        price: minor(300),
        rights_holder: "a singer".to_owned(),
        content: None,
    });
    *catalogue = known.encode();
    files.0.push((LONG.to_owned(), long()));
    files
}

impl Market {
    fn new() -> Self {
        let desk = Desk::new(3);
        let (_, edition) = authored_as(shape(), &offered(), THREADS);
        fs::write(desk.path("goods.edition"), edition.into_bytes()).unwrap();
        desk.run("scrip-server", &["sign", "goods.edition"]).done();
        let mut rng = SeededRandom::new([92; 32]);
        fs::write(desk.path("goods.secret"), edition_secret().to_file(&mut rng)).unwrap();
        fs::write(desk.path("wrong.secret"), EditionSecret::generate(&mut rng).to_file(&mut rng))
            .unwrap();
        Self { desk }
    }

    /// With the edition's secret accepted.
    fn stocked() -> Self {
        let market = Self::new();
        let seal = ["secret", "goods.secret", "--store", "1", "--out", "sealed.secret"];
        market.desk.run("scrip-server", &seal).done();
        market.desk.store(&["accept", "sealed.secret"]).done();
        market
    }

    fn kiosk(&self, arguments: &[&str]) -> Said {
        self.desk.store(&[&["kiosk", "goods.edition", "--out", "kiosk"], arguments].concat())
    }

    /// Nothing of a kiosk is there, nor of one in the making.
    #[track_caller]
    fn has_no_kiosk(&self) {
        let names = fs::read_dir(self.desk.path("")).unwrap().flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let left: Vec<_> =
            names.filter(|name| name == "kiosk" || name.starts_with(".new-")).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// A medium of an edition with 1,000 on it, after its owner's first login.
    fn medium(&self, name: &str, edition: &str) {
        let (image, labels) = (format!("{name}.img"), format!("{name}.html"));
        let paper = ["--labels", &labels, "--balance", "1000"];
        self.desk.store(&[&["burn", edition, "--to", &image], &paper[..]].concat()).done();
        let page = fs::read_to_string(self.desk.path(&labels)).unwrap();
        fs::write(self.desk.path("first"), password(&page)).unwrap();
        fs::write(self.desk.path("own"), "my own password").unwrap();
        let login = ["login", "--password-file", "first", "--new-password-file", "own"];
        self.wallet(name, &login).ended(0, &["is yours now", "¥1,000"]);
    }

    fn words<'a>(image: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
        let trust = ["--medium", image, "--trust", "issuer/trust.cbr", "--allow-test-root"];
        [&trust[..], arguments].concat()
    }

    fn wallet(&self, name: &str, arguments: &[&str]) -> Said {
        self.desk.run("scrip-wallet", &Self::words(&format!("{name}.img"), arguments))
    }

    fn take(&self, name: &str, item: &str, from: &str, more: &[&str]) -> Said {
        let take = ["take", item, "--from", from, "--password-file", "own"];
        self.wallet(name, &[&take[..], &["--from-password-file", "own"], more].concat())
    }

    fn balance(&self, name: &str) -> String {
        let balance = self.wallet(name, &["balance", "--json"]).done().result();
        balance["balance"]["minor"].as_str().unwrap().to_owned()
    }

    /// Wait until a receipt lies in the kiosk's INBOX, or the run has ended.
    fn wait_for_receipts(&self, running: &mut Child) {
        let inbox = self.desk.path("kiosk/INBOX");
        wait_until("a receipt", || {
            let names = fs::read_dir(&inbox).into_iter().flatten().flatten();
            let end = |path: &Path| path.extension().is_some_and(|end| end == "receipt");
            names.map(|entry| entry.path()).any(|path| end(&path))
                || running.try_wait().unwrap().is_some()
        });
    }
}

#[test]
fn owners_take_from_a_kiosk_that_the_store_laid_out() {
    let market = Market::stocked();
    let planned = market.kiosk(&["--json", "--dry-run"]).done().result();
    market.has_no_kiosk();
    let laid = market.kiosk(&["--json"]).done().result();
    for (result, dry) in [(&planned, true), (&laid, false)] {
        let ids = result["items"].as_array().unwrap().iter().map(|item| item["id"].clone());
        assert_eq!(ids.collect::<Vec<_>>(), ["gift", "fair", "dear", "long"]);
        assert_eq!((&result["dry_run"], &result["store"]), (&dry.into(), &1.into()));
        let [gift, fair, ..] = result["items"].as_array().unwrap().as_slice() else { panic!() };
        assert_eq!((&gift["sealed"], &fair["sealed"]), (&false.into(), &true.into()));
        assert_eq!(fair["price"]["minor"], "400");
    }
    market.medium("one", "sample.edition");
    let dry = market.take("one", "fair", "kiosk", &["--dry-run"]);
    dry.ended(0, &["fair would cost ¥400; nothing was done."]);
    for (item, paid, left) in
        [("gift", "¥0", "1000"), ("fair", "¥400", "600"), ("long", "¥300", "300")]
    {
        let taken = market.take("one", item, "kiosk", &[]);
        taken.ended(0, &[&format!("Taken: {item} from the kiosk of Kiosk (store 1)"), paid]);
        assert_eq!(market.balance("one"), left);
    }
    market.take("one", "fair", "kiosk", &[]).ended(0, &["Already yours: record "]);
    market.take("one", "dear", "kiosk", &[]).ended(5, &["it costs ¥501", "top up first"]);
    market
        .take("one", "none", "kiosk", &[])
        .ended(5, &["the kiosk of Kiosk (store 1) has no item none"]);
    // On from the one who took it, to one who never saw the kiosk; its key as well.
    market.medium("two", "sample.edition");
    market.take("two", "fair", "one.img", &[]).ended(0, &["of which ¥80 go to medium "]);
}

#[test]
fn a_take_from_a_kiosk_is_stopped_and_goes_on_from_a_medium() {
    let market = Market::stocked();
    market
        .kiosk(&["--item", "long"])
        .ended(0, &["items of sample laid out: 1, ", "long  ¥300  A long song"]);
    market.medium("one", "sample.edition");
    market.medium("two", "goods.edition");
    let fresh = fs::read(market.desk.path("one.img")).unwrap();
    let (exit, covered) = loop {
        let take = ["take", "long", "--from", "kiosk", "--password-file", "own", "--json"];
        let mut command = market.desk.command("scrip-wallet", &Market::words("one.img", &take));
        let mut running = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        market.wait_for_receipts(&mut running);
        // It may have ended by itself.
        let _ = kill_process(Pid::from_child(&running), Signal::INT);
        let said = Said::of(&running.wait_with_output().unwrap());
        if said.exit != 0 {
            break (said.exit, said.result()["covered_bytes"].as_u64().unwrap());
        }
        fs::write(market.desk.path("one.img"), &fresh).unwrap();
        fs::remove_dir_all(market.desk.path("kiosk/INBOX")).unwrap();
        fs::remove_dir_all(market.desk.path("state")).unwrap();
    };
    assert_eq!((exit, covered % CHUNK), (130, 0));
    assert!(covered > 0 && covered < LONG_BYTES as u64, "{covered} bytes");
    let paid = 300 * covered / LONG_BYTES as u64;
    assert_eq!(market.balance("one"), (1_000 - paid).to_string());
    let rest = market.take("one", "long", "two.img", &["--json"]).done().result();
    assert_eq!(rest["got_bytes"], LONG_BYTES as u64 - covered);
    assert_eq!((market.balance("one"), &rest["complete"]), ("700".to_owned(), &true.into()));
    let fee = |bytes: u64| 300 * bytes / LONG_BYTES as u64 / 5;
    let earned = fee(LONG_BYTES as u64) - fee(covered);
    assert_eq!(market.balance("two"), (1_000 + earned).to_string());
    market.take("one", "long", "kiosk", &[]).ended(0, &["Already yours: record "]);
}

#[test]
fn what_is_refused_leaves_no_folder() {
    let market = Market::new();
    let locked = ["name its secret's file with --secret"];
    market
        .kiosk(&[])
        .ended(5, &[&["edition sample is sealed under secret "], &locked[..]].concat());
    market.kiosk(&["--secret", "wrong.secret"]).ended(5, &locked);
    market
        .kiosk(&["--secret", "issuer/trust.cbr"])
        .ended(3, &["edition secret issuer/trust.cbr: "]);
    market.kiosk(&["--secret", "none"]).ended(4, &["there is no such file"]);
    market.kiosk(&["--item", "none"]).ended(2, &["edition sample has no item \"none\""]);
    let nothing = market.desk.store(&["kiosk", "sample.edition", "--out", "kiosk"]);
    nothing.ended(5, &["edition sample has no items"]);
    let unsigned = authored_as(shape(), &offered(), THREADS).1.into_bytes();
    fs::write(market.desk.path("unsigned.edition"), unsigned).unwrap();
    let unsigned = market.desk.store(&["kiosk", "unsigned.edition", "--out", "kiosk"]);
    unsigned.ended(5, &["is not signed"]);
    market.desk.store(&["kiosk", "goods.edition", "--out", "none/kiosk"]).ended(4, &["none: "]);
    market.has_no_kiosk();

    // Open items need no secret; what stands there is left alone.
    market.kiosk(&["--item", "gift", "--item", "long"]).done();
    let before = fs::read(market.desk.path("kiosk/OFFER.CBR")).unwrap();
    market.kiosk(&["--item", "gift"]).ended(5, &["already there, and not overwritten", "hint: "]);
    assert!(fs::read(market.desk.path("kiosk/OFFER.CBR")).unwrap() == before);
    fs::remove_dir_all(market.desk.path("kiosk")).unwrap();
    market.kiosk(&["--secret", "goods.secret", "--item", "fair"]).done();
    fs::remove_dir_all(market.desk.path("kiosk")).unwrap();

    let held = Folder::open(&market.desk.path("shop")).unwrap().lock("another clerk").unwrap();
    market.kiosk(&["--item", "gift"]).ended(5, &["in use by another clerk"]);
    drop(held);
    let full = Mount::of_mib(&market.desk.path("full"), 2);
    let small = ["kiosk", "goods.edition", "--item", "long", "--out", "full/kiosk"];
    market.desk.store(&small).ended(4, &["bytes are needed, ", "bytes are free"]);
    assert_eq!(fs::read_dir(market.desk.path("full")).unwrap().count(), 0);
    drop(full);
    market.desk.run("scrip-server", &["revoke", "store", "1", "--all"]).done();
    market.desk.store(&["accept", "issuer/revocation.cbr"]).done();
    market.kiosk(&["--item", "gift"]).ended(5, &["revoked"]);
    market.has_no_kiosk();
}

/// Asks to stop once so many bytes are through.
struct StopAfter(AtomicU64, u64);

impl Watch for StopAfter {
    fn progress(&self, done: u64, _total: u64) {
        self.0.store(done, Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= self.1
    }
}

#[test]
fn ctrl_c_leaves_nothing_wherever_it_comes() {
    let market = Market::stocked();
    let desk = &market.desk;
    let path = desk.path("shop");
    let shop = Shop::open(&path, Passphrase::None, TestRoots::Allowed, Writing::Real).unwrap();
    let device = FileDevice::open(&desk.path("goods.edition"), Access::Read).unwrap();
    let nobody = StopAfter(AtomicU64::new(0), u64::MAX);
    let sealed = open_sealed(&device, shop.trust().unwrap(), THREADS, &nobody).unwrap();
    let stall = Stall::plan(&shop, (&sealed, &device), None, &[]).unwrap();
    let now = scrip::tool::clock::now();
    for stop in (0..stall.content_bytes()).step_by(1 << 20) {
        let made = UnfinishedFolder::create(&desk.path("kiosk"), stall.room_bytes()).unwrap();
        let watch = StopAfter(AtomicU64::new(0), stop);
        let stopped = stall.lay_out(&shop, &made.folder().unwrap(), now, &watch);
        assert!(matches!(stopped, Err(KioskError::Interrupted)), "{stop}: {stopped:?}");
        drop(made);
        market.has_no_kiosk();
    }
    drop(shop);
    let mut running = desk.running(&["kiosk", "goods.edition", "--out", "kiosk"]);
    let own = format!("(process {})", running.id());
    wait_until("the store's lock", || {
        running.try_wait().unwrap().is_some()
            || fs::read_to_string(desk.path("shop/.lock")).is_ok_and(|who| who.ends_with(&own))
    });
    let _ = kill_process(Pid::from_child(&running), Signal::INT);
    let said = Said::of(&running.wait_with_output().unwrap());
    match said.exit {
        130 => market.has_no_kiosk(),
        exit => assert!(exit == 0 && desk.path("kiosk/OFFER.CBR").is_file(), "{}", said.all()),
    }
}
