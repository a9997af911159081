//! A store's folder from init to sale: what is accepted, what is refused, what survives a crash.

mod issuer;
#[cfg(feature = "store")]
mod crash;
#[cfg(feature = "store")]
mod paper;
#[cfg(feature = "store")]
mod tool;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use issuer::{EXPIRES, ISSUED, Issuer, Terms, amount, at, store_number};
use scrip::crypto::SeededRandom;
use scrip::crypto::password::{Cost, Password};
use scrip::format::certificate::Role;
use scrip::format::policy::{Revocation, RevokedStore};
use scrip::format::store::{Burn, StoreEvent};
use scrip::shop::{
    Accepted, BurnSecrets, Shop, ShopError, Writing, chain_root, needs_passphrase, read_export,
};
use scrip::tool::Exit;
use scrip::trust::{Passphrase, TestRoots, Trust};
use scrip::units::{MediumId, Timestamp};
use scrip::voucher::{VoucherTerms, check_slot, open_carried};

/// When a test's clerk works.
const NOW: u64 = ISSUED + Timestamp::DAY_S;

struct Folder {
    outer: tempfile::TempDir,
    issuer: Issuer,
}

impl Folder {
    /// A store that has only asked for its certificate.
    fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        let folder = Self { outer, issuer: Issuer::new() };
        init(&folder.path());
        folder
    }

    /// Store 7 with a certificate.
    fn enrolled() -> Self {
        let folder = Self::new();
        let certificate = folder.issuer.enrol(&folder.request(), &Terms::default());
        folder.open().accept(&certificate, &[folder.issuer.root()], at(NOW)).unwrap();
        folder
    }

    /// Store 7 with a kit of this many blanks, numbered from 1.
    fn stocked(blanks: u64) -> Self {
        let folder = Self::enrolled();
        folder.open().accept(&folder.kit(1, 1, blanks), &[], at(NOW)).unwrap();
        folder
    }

    fn path(&self) -> PathBuf {
        self.outer.path().join("shop")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn request(&self) -> Vec<u8> {
        fs::read(self.file("request.cbr")).unwrap()
    }

    fn kit(&self, id: u8, first: u64, count: u64) -> Vec<u8> {
        self.issuer.kit(&self.request(), 7, id, first, count)
    }

    fn try_open(&self, writing: Writing) -> Result<Shop, ShopError> {
        Shop::open(&self.path(), Passphrase::None, TestRoots::Allowed, writing)
    }

    fn open(&self) -> Shop {
        self.try_open(Writing::Real).unwrap()
    }

    /// Every file with its bytes, the lock apart.
    fn snapshot(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = walkdir::WalkDir::new(self.path()).sort_by_file_name().into_iter();
        let files = files.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        let files = files.map(|entry| entry.path().to_owned());
        files
            .filter(|path| !path.ends_with(".lock"))
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }
}

fn init(path: &Path) {
    let mut rng = SeededRandom::new([5; 32]);
    Shop::init(path, "Kiosk", Passphrase::None, Cost::MINIMAL, at(NOW), &mut rng).unwrap();
}

fn refused(result: Result<impl Sized, ShopError>) -> String {
    told(result, Exit::Refusal)
}

fn damaged(result: Result<impl Sized, ShopError>) -> String {
    told(result, Exit::Damage)
}

fn told(result: Result<impl Sized, ShopError>, class: Exit) -> String {
    let error = result.err().expect("an error");
    assert_eq!(Exit::from(&error), class, "{error}");
    error.to_string()
}

fn number(serial: u64) -> MediumId {
    MediumId::from_serial(serial)
}

fn begin(shop: &mut Shop) -> Result<MediumId, ShopError> {
    let mut rng = SeededRandom::new([6; 32]);
    let secrets = BurnSecrets::generate([1; 32], "stick.img", &mut rng);
    shop.begin_burn(&secrets, at(NOW), &mut rng).map(|blank| blank.medium)
}

fn burn_record() -> Burn {
    Burn {
        edition: [1; 32],
        certificate: [2; 32],
        root: [3; 32],
        target: "stick.img".to_owned(),
        hardware: None,
        label: Some(1),
    }
}

/// A medium on the shelf.
fn burn(shop: &mut Shop) -> MediumId {
    let medium = begin(shop).unwrap();
    shop.record_burnt(medium, burn_record(), at(NOW)).unwrap();
    medium
}

/// The entry of a code that a burn put on its medium.
#[cfg(feature = "store")]
fn spent_on_a_burn(folder: &Folder) -> u64 {
    let mut shop = folder.open();
    let medium = begin(&mut shop).unwrap();
    shop.spend_code(medium, amount(1_000), at(NOW)).unwrap().seq
}

#[test]
fn init_is_private_and_never_overwrites() {
    let folder = Folder::new();
    let before = folder.snapshot();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path()), 0o700);
    for (path, _) in &before {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    let mut rng = SeededRandom::new([7; 32]);
    let mut again =
        |name| Shop::init(&folder.path(), name, Passphrase::None, Cost::MINIMAL, at(NOW), &mut rng);
    assert!(refused(again("Other")).ends_with("request.cbr: already there, and not overwritten"));
    assert_eq!(refused(again(" ")), "\" \" is no name for a store: it is empty");
    assert!(refused(again("a\nb")).ends_with("it holds control characters"));
    assert_eq!(folder.snapshot(), before);
}

#[test]
fn keys_lie_under_the_passphrase() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("shop");
    let [right, wrong] = ["right", "wrong"].map(|text| Password::new(text.to_owned()));
    let mut rng = SeededRandom::new([5; 32]);
    let given = Passphrase::Password(&right);
    Shop::init(&path, "Kiosk", given, Cost::MINIMAL, at(NOW), &mut rng).unwrap();
    assert!(needs_passphrase(&path).unwrap());
    let open = |given| Shop::open(&path, given, TestRoots::Allowed, Writing::Real);
    assert_eq!(refused(open(Passphrase::Password(&wrong))), "store key: wrong passphrase");
    assert!(refused(open(Passphrase::None)).ends_with("none was given"));
    assert_eq!(open(given).unwrap().name(), "Kiosk");
    let bare = Folder::new();
    assert!(!needs_passphrase(&bare.path()).unwrap());
}

#[test]
fn one_process_has_the_folder() {
    let folder = Folder::new();
    let first = folder.open();
    let message = refused(folder.try_open(Writing::Dry));
    let holder = format!("in use by scrip-store (process {}): wait", std::process::id());
    assert!(message.contains(&holder), "{message}");
    drop(first);
    folder.open();
    let elsewhere = folder.outer.path().join("none");
    let missing = Shop::open(&elsewhere, Passphrase::None, TestRoots::Allowed, Writing::Real);
    assert!(told(missing, Exit::Failure).ends_with("there is no such file or folder"));
}

#[test]
fn the_first_certificate_needs_a_pin_and_keeps_it() {
    let folder = Folder::new();
    let request = folder.request();
    let certificate = folder.issuer.enrol(&request, &Terms::default());
    let mut shop = folder.open();
    let root = folder.issuer.root();
    assert_eq!(chain_root(&certificate).unwrap().fingerprint(), root.fingerprint());
    let unpinned = refused(shop.accept(&certificate, &[], at(NOW)));
    let expected =
        format!("certificate under root {}, which nothing here pins", root.fingerprint());
    assert_eq!(unpinned, expected);
    let rival = Issuer::rival();
    refused(shop.accept(&certificate, &[rival.root()], at(NOW)));
    assert_eq!(refused(shop.status(at(NOW))), "this store has no certificate yet");
    refused(shop.accept(&folder.kit(1, 1, 1), &[], at(NOW)));
    let accepted = shop.accept(&certificate, &[rival.root(), root.clone()], at(NOW)).unwrap();
    let Accepted::Certificate { store, name, root: pinned, .. } = accepted else {
        panic!("{accepted:?}");
    };
    assert_eq!((store, name.as_str()), (store_number(7), "Kiosk"));
    assert_eq!(pinned, root.fingerprint());
    drop(shop);
    let mut shop = folder.open();
    assert_eq!(shop.status(at(NOW)).unwrap().root, root.fingerprint());
    let other = rival.enrol(&request, &Terms { id: 2, ..Terms::default() });
    let message = refused(shop.accept(&other, &[rival.root()], at(NOW)));
    assert!(message.ends_with(&format!("this store trusts root {}", root.fingerprint())));
}

#[test]
fn certificates_for_others_are_refused() {
    let folder = Folder::enrolled();
    let other = Folder { outer: tempfile::tempdir().unwrap(), issuer: Issuer::new() };
    let mut rng = SeededRandom::new([8; 32]);
    Shop::init(&other.path(), "Other", Passphrase::None, Cost::MINIMAL, at(NOW), &mut rng).unwrap();
    let (issuer, request, before) = (&folder.issuer, folder.request(), folder.snapshot());
    let mut shop = folder.open();
    let mut accept = |bytes: &[u8]| refused(shop.accept(bytes, &[], at(NOW)));
    let foreign = accept(&issuer.enrol(&other.request(), &Terms::default()));
    assert!(foreign.starts_with("certificate is for the signing key "), "{foreign}");
    let settler = accept(&issuer.certify(&request, Role::Settler));
    assert_eq!(settler, "certificate of the settler is a settler's, expected a store's");
    let renumbered = issuer.enrol(&request, &Terms { store: 8, id: 2, ..Terms::default() });
    assert_eq!(accept(&renumbered), "certificate is for store 8, this is store 7");
    let again = accept(&issuer.enrol(&request, &Terms::default()));
    assert_eq!(again, "certificate of Kiosk was already accepted");
    assert_eq!(
        accept(&request),
        "a enrol-request is nothing that a store accepts: a certificate, kit, policy or revocation list"
    );
    drop(shop);
    assert_eq!(folder.snapshot(), before);
    let strict = Shop::open(&folder.path(), Passphrase::None, TestRoots::Refused, Writing::Real);
    assert!(refused(strict).contains("is a test root"));
}

#[test]
fn a_store_whose_pin_is_gone_stops() {
    let folder = Folder::enrolled();
    fs::remove_file(folder.file("trust.cbr")).unwrap();
    let root = folder.issuer.root().fingerprint();
    let expected =
        format!("trust.cbr: a certificate stands under root {root}, which is not pinned");
    assert_eq!(damaged(folder.try_open(Writing::Real)), expected);
}

#[test]
fn a_renewed_certificate_goes_on_with_the_same_journal() {
    let folder = Folder::stocked(2);
    let mut shop = folder.open();
    burn(&mut shop);
    let terms = Terms { id: 2, quota: 500_000, issued: ISSUED + 9, ..Terms::default() };
    let renewed = folder.issuer.enrol(&folder.request(), &terms);
    shop.accept(&renewed, &[], at(NOW)).unwrap();
    drop(shop);
    let mut shop = folder.open();
    assert_eq!(shop.status(at(NOW)).unwrap().quota, amount(500_000));
    burn(&mut shop);
    assert_eq!(shop.log().unwrap().next_seq(), 4);
    let trust = Trust::new(vec![folder.issuer.root()], TestRoots::Allowed);
    let export = read_export(&shop.export().unwrap(), &trust).unwrap();
    assert_eq!((export.entries.len(), export.signer.certificate().id), (4, [2; 16]));
}

#[test]
fn a_kit_is_accepted_once() {
    let folder = Folder::enrolled();
    let kit = folder.kit(1, 1, 3);
    let mut shop = folder.open();
    let accepted = shop.accept(&kit, &[], at(NOW)).unwrap();
    let Accepted::Kit { id, blanks, codes, sum } = accepted else { panic!("{accepted:?}") };
    assert_eq!((blanks, codes, sum), ([1, 2, 3].map(number).to_vec(), 9, 15_000));
    let again = format!("kit {id} was already accepted at {}", at(NOW));
    assert_eq!(refused(shop.accept(&kit, &[], at(NOW + 5))), again);
    let overlapping = refused(shop.accept(&folder.kit(2, 3, 2), &[], at(NOW)));
    assert!(overlapping.ends_with(&format!("medium {} came with another kit", number(3))));
    drop(shop);
    let mut shop = folder.open();
    assert_eq!(refused(shop.accept(&kit, &[], at(NOW + 9))), again);
    shop.accept(&folder.kit(2, 4, 2), &[], at(NOW)).unwrap();
    assert_eq!(shop.status(at(NOW)).unwrap().media.blank, 5);
    let stored = fs::read_dir(folder.file("kits")).unwrap().count();
    assert_eq!(stored, 2);
}

#[test]
fn a_kit_for_another_store_is_named() {
    let folder = Folder::enrolled();
    let kit = folder.issuer.kit(&folder.request(), 9, 1, 1, 1);
    let message = refused(folder.open().accept(&kit, &[], at(NOW)));
    assert_eq!(message, "kit is for store 9, this is store 7");
    // Sealed to another key, whatever its outside says.
    let other = Folder { outer: tempfile::tempdir().unwrap(), issuer: Issuer::new() };
    let mut rng = SeededRandom::new([8; 32]);
    Shop::init(&other.path(), "Other", Passphrase::None, Cost::MINIMAL, at(NOW), &mut rng).unwrap();
    let kit = other.kit(1, 1, 1);
    damaged(folder.open().accept(&kit, &[], at(NOW)));
    let rival = Issuer::rival().kit(&folder.request(), 7, 1, 1, 1);
    damaged(folder.open().accept(&rival, &[], at(NOW)));
    assert!(!folder.file("kits").exists());
}

#[test]
fn an_altered_kit_is_never_accepted() {
    let folder = Folder::enrolled();
    let kit = folder.kit(1, 1, 1);
    let before = folder.snapshot();
    let mut shop = folder.open();
    for end in (0..kit.len()).step_by(97).chain([kit.len() - 1]) {
        assert!(shop.accept(&kit[..end], &[], at(NOW)).is_err(), "cut at {end}");
    }
    let sealed = kit.len() / 2;
    for bit in (0..kit.len() * 8).step_by(211) {
        let mut bad = kit.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let error = shop.accept(&bad, &[], at(NOW)).expect_err("refused");
        assert!(bit / 8 < sealed || Exit::from(&error) == Exit::Damage, "bit {bit}: {error}");
    }
    assert!(damaged(shop.accept(&kit[..kit.len() - 1], &[], at(NOW))).starts_with("kit: "));
    drop(shop);
    assert_eq!(folder.snapshot(), before);
    folder.open().accept(&kit, &[], at(NOW)).unwrap();
}

#[test]
fn a_stored_kit_that_was_altered_stops_the_store() {
    let folder = Folder::stocked(1);
    let kit = fs::read_dir(folder.file("kits")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&kit).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&kit, bytes).unwrap();
    let message = damaged(folder.try_open(Writing::Real));
    assert!(message.starts_with("kits/"), "{message}");
}

#[test]
fn the_quota_bounds_kits_and_vouchers() {
    let folder = Folder::new();
    let mut shop = folder.open();
    let terms = Terms { quota: 15_500, ..Terms::default() };
    let certificate = folder.issuer.enrol(&folder.request(), &terms);
    shop.accept(&certificate, &[folder.issuer.root()], at(NOW)).unwrap();
    shop.accept(&folder.kit(1, 1, 2), &[], at(NOW)).unwrap();
    let message = refused(shop.accept(&folder.kit(2, 3, 2), &[], at(NOW)));
    assert!(message.starts_with("store 7: kit 0202"), "{message}");
    assert!(message.ends_with("of ¥10,000 makes ¥20,000 handed out, the quota is ¥15,500"));
    shop.accept(&folder.kit(3, 5, 1), &[], at(NOW)).unwrap();
    shop.sell_voucher(number(1), amount(500), at(NOW)).unwrap();
    let message = refused(shop.sell_voucher(number(1), amount(1), at(NOW)));
    let expected = "store 7: a voucher of ¥1 makes ¥15,501 handed out, \
                    the quota is ¥15,500";
    assert_eq!(message, expected);
    assert_eq!(shop.status(at(NOW)).unwrap().quota_line(), "¥15,500 of ¥15,500");
}

#[test]
fn a_medium_number_is_never_used_twice() {
    let folder = Folder::stocked(3);
    let mut seen = vec![];
    let mut shop = folder.open();
    seen.push(begin(&mut shop).unwrap());
    shop.abandon(seen[0], at(NOW)).unwrap();
    drop(shop);
    let mut shop = folder.open();
    seen.push(begin(&mut shop).unwrap());
    drop(shop);
    let mut shop = folder.open();
    assert_eq!(shop.unfinished_burns().unwrap(), [seen[1]]);
    seen.push(begin(&mut shop).unwrap());
    assert_eq!(seen, [1, 2, 3].map(number));
    assert_eq!(refused(begin(&mut shop)), "none of 3 blanks left, 1 needed");
    assert!(refused(shop.record_burnt(seen[0], burn_record(), at(NOW))).contains("given up"));
}

#[test]
fn burn_secrets_lie_sealed_until_the_burn_is_verified() {
    let folder = Folder::stocked(2);
    let mut shop = folder.open();
    let mut rng = SeededRandom::new([6; 32]);
    let secrets = BurnSecrets::generate([1; 32], "stick.img", &mut rng);
    let blank = shop.begin_burn(&secrets, at(NOW), &mut rng).unwrap();
    assert_eq!((blank.serial, blank.at), (0, at(NOW)));
    assert_eq!(blank.sheet.medium, blank.medium);
    let file = folder.file("burns").join(format!("{}.sealed", blank.medium));
    let sealed = fs::read(&file).unwrap();
    assert!(!sealed.windows(9).any(|part| part == b"stick.img"));
    drop(shop);
    let mut shop = folder.open();
    let kept = shop.burn_secrets(blank.medium).unwrap();
    assert!(kept.keys.key.seed() == secrets.keys.key.seed() && kept.keys.ring == secrets.keys.ring);
    assert!(kept.seed == secrets.seed && kept.password == secrets.password);
    assert_eq!((kept.edition, kept.target.as_str()), ([1; 32], "stick.img"));
    assert_eq!(shop.reserved(blank.medium).unwrap().serial, 0);
    shop.record_burnt(blank.medium, burn_record(), at(NOW)).unwrap();
    assert!(!file.exists());
    // As a crash between journal and erasing would leave it.
    fs::write(&file, &sealed).unwrap();
    drop(shop);
    folder.open();
    assert!(!file.exists(), "stale secrets go when the folder is opened");
}

#[test]
fn altered_burn_secrets_are_damage() {
    let folder = Folder::stocked(1);
    let mut shop = folder.open();
    let medium = begin(&mut shop).unwrap();
    let file = folder.file("burns").join(format!("{medium}.sealed"));
    let mut sealed = fs::read(&file).unwrap();
    sealed[40] ^= 1;
    fs::write(&file, &sealed).unwrap();
    assert!(damaged(shop.burn_secrets(medium)).starts_with("burns/"));
    fs::write(&file, &sealed[..5]).unwrap();
    assert!(
        damaged(shop.burn_secrets(medium)).ends_with("5 bytes are too short for sealed secrets")
    );
}

#[test]
fn a_code_whose_sale_was_cut_off_at_any_byte_is_sold_to_one_buyer() {
    let folder = Folder::stocked(1);
    let mut shop = folder.open();
    let medium = burn(&mut shop);
    drop(shop);
    let sound = fs::read(folder.file("journal.log")).unwrap();
    let sell = || {
        let mut shop = folder.open();
        let sold = shop.sell_code(medium, amount(1_000), at(NOW)).unwrap();
        (sold.number, sold.code.unwrap().code.printed())
    };
    let first = sell();
    let whole = fs::read(folder.file("journal.log")).unwrap();
    let step = (whole.len() - sound.len()) / 12;
    for end in (sound.len()..whole.len()).step_by(step).chain([whole.len() - 1]) {
        fs::write(folder.file("journal.log"), &whole[..end]).unwrap();
        // Nobody has seen the first code: the flush that it waits for never ended.
        assert_eq!(sell(), first, "cut at {end}");
        let other = sell();
        assert!(other.1 != first.1 && other.0 == first.0 + 1, "cut at {end}");
        let shop = folder.open();
        let stock = shop.books().unwrap().medium(medium).unwrap().stock();
        assert!(!stock.contains_key(&amount(1_000)));
        let again = shop.receipt(first.0).unwrap().code.unwrap();
        assert_eq!(again.code.printed(), first.1, "what was sold can be printed again");
    }
}

#[test]
fn an_append_cut_off_at_any_byte_is_as_if_it_never_began() {
    let folder = Folder::stocked(3);
    let mut shop = folder.open();
    burn(&mut shop);
    drop(shop);
    let sound = fs::read(folder.file("journal.log")).unwrap();
    let mut shop = folder.open();
    let next = begin(&mut shop).unwrap();
    drop(shop);
    let whole = fs::read(folder.file("journal.log")).unwrap();
    for end in sound.len()..whole.len() {
        fs::write(folder.file("journal.log"), &whole[..end]).unwrap();
        let mut shop = folder.open();
        assert_eq!(shop.log().unwrap().next_seq(), 2, "cut at {end}");
        let torn = (end - sound.len()) as u64;
        assert_eq!(shop.log().unwrap().torn_bytes(), torn);
        let warned = shop.status(at(NOW)).unwrap().warnings.join("; ");
        assert_eq!(warned.contains("was cut off while it was written"), torn > 0, "{warned}");
        // Each append costs the disk several flushes: a few places stand for all.
        if end % 16 == 0 || end + 1 == whole.len() {
            assert_eq!(begin(&mut shop).unwrap(), next, "nothing had been written to a medium");
            drop(shop);
            assert_eq!(fs::read(folder.file("journal.log")).unwrap(), whole, "cut at {end}");
        }
    }
    folder.open();
}

#[test]
fn a_damaged_journal_stops_the_store_and_names_the_entry() {
    let folder = Folder::stocked(3);
    let mut shop = folder.open();
    let ends: Vec<_> = (0..3)
        .map(|_| {
            begin(&mut shop).unwrap();
            fs::metadata(folder.file("journal.log")).unwrap().len()
        })
        .collect();
    drop(shop);
    let whole = fs::read(folder.file("journal.log")).unwrap();
    for (place, entry) in
        [(0, 0), (ends[0], 1), (ends[1] - 1, 1), (ends[1] + 20, 2), (ends[2] - 1, 2)]
    {
        let mut bad = whole.clone();
        bad[usize::try_from(place).unwrap()] ^= 0x10;
        fs::write(folder.file("journal.log"), &bad).unwrap();
        let message = damaged(folder.try_open(Writing::Real));
        assert!(
            message.starts_with(&format!("store journal: entry {entry}, at byte ")),
            "{message}"
        );
        assert_eq!(fs::read(folder.file("journal.log")).unwrap(), bad, "left as it was");
    }
    fs::remove_file(fs::read_dir(folder.file("kits")).unwrap().next().unwrap().unwrap().path())
        .unwrap();
    fs::write(folder.file("journal.log"), &whole).unwrap();
    let message = damaged(folder.try_open(Writing::Real));
    let expected =
        format!("store journal: entry 0: medium {} is in no kit of this store", number(1));
    assert_eq!(message, expected);
}

#[test]
fn an_expired_store_is_held_against_signed_time_alone() {
    let folder = Folder::stocked(2);
    let mut shop = folder.open();
    let medium = burn(&mut shop);
    let begun = begin(&mut shop).unwrap();
    // The host's clock alone only warns.
    let late = at(EXPIRES + 1);
    let status = shop.status(late).unwrap();
    assert_eq!(status.days_left, 0);
    assert!(status.warnings[0].starts_with("by this computer's clock"), "{:?}", status.warnings);
    shop.sell_code(medium, amount(1_000), late).unwrap();
    let policy = folder.issuer.policy(2, EXPIRES);
    assert_eq!(shop.accept(&policy, &[], at(NOW)).unwrap(), Accepted::Policy(2));
    let expired = format!("expired at {}; signed time has reached {}", at(EXPIRES), at(EXPIRES));
    for refusal in [
        refused(shop.sell(medium, None, None, at(NOW))),
        refused(shop.sell_code(medium, amount(1_000), at(NOW))),
        refused(shop.sell_voucher(medium, amount(1_000), at(NOW))),
        refused(shop.spend_code(begun, amount(1_000), at(NOW))),
        refused(begin(&mut shop)),
        refused(shop.accept(&folder.kit(2, 9, 1), &[], at(NOW))),
    ] {
        assert!(refusal.contains(&expired), "{refusal}");
    }
    // What already happened can still be written down.
    shop.record_burnt(begun, burn_record(), at(NOW)).unwrap();
    drop(shop);
    let shop = folder.open();
    assert!(shop.status(at(NOW)).unwrap().warnings[0].contains(&expired));
    shop.export().unwrap();
}

#[test]
fn a_revoked_store_sells_nothing() {
    let mut folder = Folder::stocked(2);
    let list = |number, media: Vec<MediumId>, stores| Revocation {
        number,
        issued: at(ISSUED),
        media,
        sheets: vec![],
        stores,
    };
    let mut shop = folder.open();
    let medium = burn(&mut shop);
    let revoked_medium = folder.issuer.revoke(&list(1, vec![medium], vec![]));
    assert_eq!(shop.accept(&revoked_medium, &[], at(NOW)).unwrap(), Accepted::Revocation(1));
    let message = refused(shop.sell(medium, None, None, at(NOW)));
    assert_eq!(message, format!("medium {medium} is revoked by list 1"));
    let again = refused(shop.accept(&revoked_medium, &[], at(NOW)));
    assert_eq!(again, "revocation list 1 is not newer than 1, which this store has");
    // A kit carries the newest list.
    let cut = RevokedStore {
        store: store_number(7),
        serial_cut: 0,
        head: None,
        unsold: vec![],
        kits: vec![],
    };
    folder.issuer.revocation = Some(folder.issuer.revoke(&list(2, vec![medium], vec![cut])));
    shop.accept(&folder.kit(2, 9, 1), &[], at(NOW)).unwrap();
    for _ in 0..2 {
        assert_eq!(refused(begin(&mut shop)), "store 7 is revoked by list 2");
        drop(shop);
        shop = folder.open();
    }
    let forged = Issuer::rival().revoke(&list(3, vec![], vec![]));
    damaged(shop.accept(&forged, &[], at(NOW)));
}

#[test]
fn sales_leave_receipts_that_can_be_printed_again() {
    let folder = Folder::stocked(2);
    let mut shop = folder.open();
    let medium = begin(&mut shop).unwrap();
    let spent = shop.spend_code(medium, amount(1_000), at(NOW)).unwrap();
    assert!(shop.spent_codes(medium).unwrap() == [spent.clone()]);
    let sheet = shop.reserved(medium).unwrap().sheet;
    assert_eq!(check_slot(&sheet, spent.code.slot(), spent.code.secret()).unwrap(), amount(1_000));
    shop.record_burnt(medium, burn_record(), at(NOW)).unwrap();
    let sale = shop.sell(medium, Some(amount(1_500)), Some(amount(1_000)), at(NOW)).unwrap();
    let code = sale.code.as_ref().expect("a starter code");
    assert_ne!(code.code.slot(), spent.code.slot());
    assert_eq!(check_slot(&sheet, code.code.slot(), code.code.secret()).unwrap(), amount(1_000));
    let text = sale.text();
    for part in [
        "Kiosk, store 7",
        "price ¥1,500",
        "balance on it ¥1,000",
        "top-up of ¥1,000: type the code",
        &code.code.printed(),
        &medium.grouped(),
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let twice = refused(shop.sell(medium, None, None, at(NOW)));
    assert!(twice.contains("is sold by entry 3"), "{twice}");
    let empty = refused(shop.sell_code(medium, amount(1_000), at(NOW)));
    let stock = format!("medium {medium}: no code of ¥1,000 is left; its stock is 1 of ¥3,000");
    assert_eq!(empty, stock);
    assert_eq!(
        refused(shop.sell_code(medium, amount(0), at(NOW))),
        "a top-up of ¥0 credits nothing"
    );
    let large = refused(shop.sell_code(medium, amount(10_001), at(NOW)));
    assert_eq!(large, "¥10,001 is above the largest top-up, ¥10,000");
    drop(shop);
    let mut shop = folder.open();
    assert_eq!(shop.receipt(sale.number).unwrap().text(), text);
    let void = shop.void(sale.number, at(NOW)).unwrap();
    assert_eq!((void.event, void.voids), (StoreEvent::Voided, Some(sale.number)));
    assert!(shop.receipt(sale.number).unwrap().text().contains("TAKEN BACK by receipt 4"));
    shop.sell(medium, None, None, at(NOW)).unwrap();
    assert_eq!(refused(shop.receipt(99)), "entry 99 is not in the journal, which has 6");
}

#[test]
fn vouchers_are_the_same_bytes_each_time_and_verify() {
    let folder = Folder::enrolled();
    let mut shop = folder.open();
    // A medium of another store: no code in stock is needed.
    let medium = number(77);
    let sold = shop.sell_voucher(medium, amount(500), at(NOW)).unwrap();
    let file = sold.voucher.unwrap();
    let large = refused(shop.sell_voucher(medium, amount(5_001), at(NOW)));
    assert_eq!(large, "¥5,001 is above the largest voucher, ¥5,000");
    drop(shop);
    let mut shop = folder.open();
    assert_eq!(shop.receipt(sold.number).unwrap().voucher.as_ref(), Some(&file));
    let revoked = scrip::trust::Revoked::none();
    let terms =
        VoucherTerms { medium, currency: issuer::yen(), floor: Some(at(NOW)), revoked: &revoked };
    let trust = Trust::new(vec![folder.issuer.root()], TestRoots::Allowed);
    let voucher = open_carried(&trust, &file, &terms).unwrap().voucher;
    assert_eq!((voucher.serial, voucher.amount), (1, amount(500)));
    for serial in [2, 3] {
        let sold = shop.sell_voucher(medium, amount(500), at(NOW)).unwrap();
        assert_eq!(sold.serial, Some(serial));
    }
    let message = refused(shop.sell_voucher(medium, amount(500), at(NOW)));
    assert_eq!(message, "voucher serial 4 is not in 1 to 3");
    assert_eq!(shop.status(at(NOW)).unwrap().next_serial, None);
}

#[test]
fn status_counts_and_warns() {
    let folder = Folder::stocked(4);
    let mut shop = folder.open();
    let medium = burn(&mut shop);
    burn(&mut shop);
    begin(&mut shop).unwrap();
    shop.sell(medium, None, Some(amount(1_000)), at(NOW)).unwrap();
    let status = shop.status(at(NOW)).unwrap();
    let media = status.media;
    let counts = (media.blank, media.begun, media.burnt, media.sold, media.abandoned);
    assert_eq!(counts, (1, 1, 1, 1, 0));
    let line = status.codes[&amount(1_000)];
    assert_eq!((line.in_stock, line.sold), (7, 1));
    assert_eq!(status.quota_line(), "¥20,000 of ¥100,000");
    assert_eq!((status.days_left, status.entries), (399, 6));
    let expected = ["burns that began and haven't ended: 1", "only 4 codes of ¥3,000 are left"];
    assert_eq!(status.warnings, expected);
    let early = shop.status(at(ISSUED - 9)).unwrap().warnings;
    assert!(early[0].starts_with("this computer's clock"), "{early:?}");
}

#[test]
fn an_exported_journal_is_believed_as_a_whole_or_not_at_all() {
    let folder = Folder::stocked(3);
    let mut shop = folder.open();
    let medium = burn(&mut shop);
    shop.sell(medium, None, None, at(NOW)).unwrap();
    let export = shop.export().unwrap();
    let trust = Trust::new(vec![folder.issuer.root()], TestRoots::Allowed);
    let read = read_export(&export, &trust).unwrap();
    let events: Vec<_> = read.entries.iter().map(|entry| entry.event).collect();
    assert_eq!(events, [StoreEvent::Begun, StoreEvent::Burnt, StoreEvent::Sold]);
    for bit in (0..export.len() * 8).step_by(7) {
        let mut bad = export.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(read_export(&bad, &trust).is_err(), "bit {bit}");
    }
    let frame = |place: usize| scrip::shop::log::frame(read.entries[place].bytes()).len();
    let two = export.len() - frame(2);
    let boundaries = [two - frame(1) - frame(0), two - frame(1), two];
    for end in 0..export.len() {
        let whole = read_export(&export[..end], &trust).is_ok();
        assert_eq!(whole, boundaries.contains(&end), "cut at {end}");
    }
    let rival = Trust::new(vec![Issuer::rival().root()], TestRoots::Allowed);
    assert!(read_export(&export, &rival).is_err(), "under a root that isn't pinned");
}

#[test]
fn an_exported_journal_tells_of_codes_vouchers_and_what_was_taken_back() {
    let folder = Folder::stocked(1);
    let mut shop = folder.open();
    let medium = burn(&mut shop);
    let code = shop.sell_code(medium, amount(1_000), at(NOW)).unwrap();
    shop.sell_voucher(medium, amount(500), at(NOW)).unwrap();
    shop.void(code.number, at(NOW)).unwrap();
    let trust = Trust::new(vec![folder.issuer.root()], TestRoots::Allowed);
    let read = read_export(&shop.export().unwrap(), &trust).unwrap();
    let told: Vec<_> = read.entries[2..]
        .iter()
        .map(|entry| {
            let value = entry.value.as_ref();
            let sum = value.map(|value| value.amount.minor());
            (entry.event, sum, value.and_then(|value| value.serial), entry.voids)
        })
        .collect();
    let expected = [
        (StoreEvent::CodeSold, Some(1_000), None, None),
        (StoreEvent::VoucherSold, Some(500), Some(1), None),
        (StoreEvent::Voided, None, None, Some(code.number)),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_voucher_prints_again_under_a_certificate_that_covers_it() {
    let folder = Folder::stocked(1);
    let mut shop = folder.open();
    let sold = shop.sell_voucher(number(1), amount(4_000), at(NOW)).unwrap();
    let file = sold.voucher.unwrap();
    // The renewed certificate grants smaller vouchers.
    let terms = Terms { id: 2, issued: ISSUED + 9, single_max: 3_000, ..Terms::default() };
    let renewed = folder.issuer.enrol(&folder.request(), &terms);
    shop.accept(&renewed, &[], at(NOW)).unwrap();
    assert_eq!(shop.receipt(sold.number).unwrap().voucher, Some(file));
    refused(shop.sell_voucher(number(1), amount(4_000), at(NOW)));
    let small = shop.sell_voucher(number(1), amount(3_000), at(NOW)).unwrap();
    let newest = shop.signer().unwrap().chain();
    assert_eq!(small.voucher.unwrap().chain, newest);
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = Folder::stocked(2);
    let before = folder.snapshot();
    let mut shop = folder.try_open(Writing::Dry).unwrap();
    let medium = burn(&mut shop);
    shop.sell(medium, None, Some(amount(1_000)), at(NOW)).unwrap();
    shop.accept(&folder.kit(2, 9, 1), &[], at(NOW)).unwrap();
    shop.accept(&folder.issuer.policy(2, ISSUED), &[], at(NOW)).unwrap();
    assert!(refused(shop.sell(medium, None, None, at(NOW))).contains("is sold by entry 2"));
    drop(shop);
    assert_eq!(folder.snapshot(), before);
}
