//! What `take` refuses, and what breaks it off: named, explained, and nothing lost.

use std::fs;
use std::path::Path;
use std::thread;

use scrip::device::{Access, FileDevice};
use scrip::format::policy::{Revocation, RevokedStore};
use scrip::tool::Source;
use scrip::units::{MediumId, StoreId};
use scrip::voucher::voucher_id;
use scrip::wallet::take::Shelf;
use scrip::wallet::{Opened, read_given};

use super::fair::{CHUNK, Fair, Form, LENGTH, song};
use super::shelf::balance_of;
use super::{FORMS, OWN};
use crate::owner::bench::Answer;
use crate::owner::refused::voucher;
use crate::owner::storage::Mount;
use crate::owner::{code, password, rng};
use crate::world::{World, at, minor};

/// The serial number of `one`.
const ONE: u64 = 11;
/// The serial number of `two`.
const TWO: u64 = 12;

impl Fair {
    fn takes(&self, item: &str, from: &str, extra: &[&str]) -> Answer {
        let from = self.named(from);
        let take = ["take", item, "--from", &from];
        self.run("one", &[&take[..], &OWN[..], extra].concat())
    }

    /// Every byte of `one` and of another medium; of images alone.
    fn bytes_of(&self, other: &str) -> [Vec<u8>; 2] {
        ["one", other].map(|name| fs::read(self.path(name)).unwrap())
    }

    /// Refused, dry as well, with these words; neither medium is written.
    #[track_caller]
    fn refuses(&self, item: &str, from: &str, words: &[&str]) {
        let before = self.bytes_of(from);
        for extra in [&[][..], &["--dry-run"]] {
            let refused = self.takes(item, from, extra);
            for words in words {
                refused.says(5, words);
            }
        }
        assert!(before == self.bytes_of(from), "a refusal wrote");
    }

    /// Fill a medium's OUTBOX until no more than so many bytes are free.
    fn fill(&self, name: &str, free: u64) {
        let outbox = self.outbox(name);
        let rest = usize::try_from(outbox.free_bytes().unwrap() - free).unwrap();
        outbox.write("filler", &vec![7; rest]).unwrap();
    }
}

fn revoked(change: impl FnOnce(&mut Revocation)) -> Revocation {
    let mut list =
        Revocation { number: 1, issued: at(20), media: vec![], sheets: vec![], stores: vec![] };
    change(&mut list);
    list
}

#[test]
fn above_the_cap_or_the_count_nothing_is_written() {
    let fair = Fair::new(Form::Images);
    fair.sealed();
    let (cheap, _) = fair.adds_another("two", 50);
    for slot in [1, 2] {
        fair.run("one", &["topup", &code(ONE, slot), "--password-file", "own"]).says(0, "Added");
    }
    fair.takes("fair", "sealed", &[]).says(0, "Paid: ¥400");
    fair.takes("dear", "sealed", &[]).says(0, "Paid: ¥501");
    let settle = "hint: let a shop or the issuer settle the medium first";
    let cap =
        "¥1,200 would be spent at other media since the last settlement, policy 1 allows ¥1,000";
    fair.refuses("song", "two", &[cap, settle]);
    fair.takes("gift", "sealed", &[]).says(0, "Paid: ¥0");
    let count = "4 downloads would have begun since the last settlement, policy 1 allows 3";
    fair.refuses(&cheap, "two", &[count, settle]);
}

#[test]
fn who_is_revoked_neither_gives_nor_takes() {
    let fair = Fair::new(Form::Images);
    let (one, two) = (MediumId::from_serial(ONE), MediumId::from_serial(TWO));
    fair.revoking(&revoked(|list| list.media = vec![one, two]));
    fair.refuses("song", "cautious", &[&format!("medium {one} is revoked")]);
    let cautious = |from: &str, extra: &[&str]| fair.take("cautious", from, extra);
    let before = fs::read(fair.path("cautious")).unwrap();
    cautious("two", &[]).says(5, &format!("medium {two} is revoked"));
    assert!(before == fs::read(fair.path("cautious")).unwrap());

    let fair = Fair::new(Form::Directories);
    let store = StoreId::from_number(7).unwrap();
    let cut = RevokedStore { store, serial_cut: 0, head: None, unsold: vec![], kits: vec![] };
    fair.revoking(&revoked(|list| list.stores = vec![cut]));
    let kiosk = fair.kiosk();
    fair.take("cautious", &kiosk, &[]).says(5, "store 7 is revoked");
    assert!(!fs::exists(format!("{kiosk}/INBOX")).unwrap());
}

#[test]
fn without_room_on_either_side_nothing_begins() {
    let fair = Fair::new(Form::Images);
    fair.fill("one", LENGTH);
    let words = ["bytes are needed in OUTBOX, ", "hint: delete something from the writable area"];
    fair.refuses("song", "two", &words);
    fair.outbox("one").remove("filler").unwrap();
    fair.fill("two", 40_000);
    let before = fair.bytes_of("two");
    let refused = fair.take("one", "two", &[]);
    for words in ["the other side: 65536 bytes are needed there, ", "hint: have something deleted"]
    {
        refused.says(5, words);
    }
    assert!(before == fair.bytes_of("two"), "a refusal wrote");
    fair.outbox("two").remove("filler").unwrap();
    fair.take("one", "two", &[]).says(0, "Taken: song");
    assert_eq!(fair.file("one"), song());
    fair.adds_up("one", &["two"]);
}

#[test]
fn what_is_not_there_whole_costs_nothing() {
    let fair = Fair::new(Form::Images);
    fair.sealed();
    // A sealed item that somebody copied without its key.
    fair.takes("dear", "sealed", &[]).says(0, "Taken: dear");
    fair.copies("one", "three");
    let before = ["two", "three"].map(|name| fs::read(fair.path(name)).unwrap());
    let three = fair.named("three");
    let take = [&["take", "dear", "--from", &three], &OWN[..]].concat();
    let number = fair.medium("three").id().grouped();
    let no_key = format!("the item is sealed, and medium {number} has no key of it");
    fair.run("two", &take).says(5, &no_key);
    assert!(before == ["two", "three"].map(|name| fs::read(fair.path(name)).unwrap()));
    // A file whose bytes are others.
    let (name, mut bytes) = (fair.data_name("one"), fair.file("one"));
    bytes[123] ^= 1;
    fair.outbox("three").write(&name, &bytes).unwrap();
    fair.run("two", &take).says(3, "the item's file is damaged there: its root is ");
    assert_eq!((balance_of(&fair, "two"), balance_of(&fair, "three")), (1_000, 1_000));
    // Prices in another currency.
    let euros = fair.kiosk_in("EUR".parse().unwrap());
    fair.take("three", &euros, &[]).says(5, "its prices are in EUR, this medium holds JPY");
}

#[test]
fn a_kiosk_that_can_not_be_left_anything_sells_nothing() {
    let fair = Fair::new(Form::Images);
    let kiosk = fair.kiosk();
    let before = fs::read(fair.path("one")).unwrap();
    let mount = Mount::read_only(Path::new(&kiosk));
    fair.take("one", &kiosk, &[]).says(4, "Read-only file system");
    assert!(before == fs::read(fair.path("one")).unwrap(), "a refusal wrote");
    drop(mount);
    fair.take("one", &kiosk, &[]).says(0, "Taken: song from the kiosk of A shop");
}

#[test]
fn what_vanishes_half_way_breaks_off_in_good_order() {
    for from in ["two", "kiosk"] {
        let fair = Fair::new(Form::Directories);
        let kiosk = fair.kiosk();
        let place = fair.folder().join(from);
        let (area, away) = match from {
            "two" => (place.join("ROM"), place.join("away")),
            _ => (place.clone(), place.with_extension("away")),
        };
        let covered = loop {
            let mut running = fair.begin("one", if from == "two" { from } else { &kiosk });
            fair.wait_for("one", 2 * CHUNK, &mut running);
            fs::rename(&area, &away).unwrap();
            let (exit, text) = running.ended();
            fs::rename(&away, &area).unwrap();
            if exit != Some(0) {
                assert_eq!(exit, Some(4), "{text}");
                assert!(text.contains("taking song on "), "{text}");
                assert!(text.contains("hint: what came until then is kept and paid"), "{text}");
                break fair.covered("one");
            }
            // It was faster than whoever pulled it out.
            fair.restore(&["one", "two"]);
        };
        assert!((CHUNK..LENGTH).contains(&covered), "{covered} bytes");
        assert_eq!(balance_of(&fair, "one"), 1_000 - 299 * covered / LENGTH);
        fair.take("one", "three-of-two", &[]).says(0, "Taken: song");
        assert_eq!(fair.file("one"), song());
        match from {
            "two" => fair.adds_up("one", &["two", "three-of-two"]),
            _ => assert_eq!(balance_of(&fair, "one"), 701),
        }
    }
}

#[test]
fn a_medium_in_use_is_named_and_two_that_cross_lose_nothing() {
    for form in FORMS {
        let fair = Fair::new(form);
        for name in ["one", "two"] {
            let (source, medium) = (Source::open_to_write(&fair.path(name)), fair.medium(name));
            let _held = source.unwrap().into_storage(medium.grounds()).unwrap();
            fair.take("one", "two", &[]).says(5, "in use by ");
        }
        thread::scope(|scope| {
            let crossing = [("one", "two"), ("two", "three-of-two"), ("three", "two")];
            let takes = crossing.map(|(payer, giver)| {
                let fair = &fair;
                scope.spawn(move || {
                    for _ in 0..1_000 {
                        let told = fair.take(payer, giver, &[]);
                        if told.exit == 0 {
                            return;
                        }
                        told.says(5, "in use by ");
                    }
                    panic!("{payer} was never let");
                })
            });
            for take in takes {
                take.join().unwrap();
            }
        });
        for (payer, left) in [("one", 701), ("two", 1_000 - 299 + 2 * 59), ("three", 701)] {
            assert_eq!(balance_of(&fair, payer), left, "{payer}");
        }
        fair.adds_up("two", &["three-of-two"]);
    }
}

/// How full a journal is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Full {
    /// It takes no more spending.
    Nearly,
    /// It takes no more records.
    Wholly,
}

impl Fair {
    fn fill_journal(&self, (name, serial): (&str, u64), full: Full) {
        let device = FileDevice::open(&self.path(name), Access::Write).unwrap();
        let mut opened = Opened::open(&device, self.medium(name), &mut rng(60)).unwrap();
        let keys = opened.unlock(&password(crate::owner::OWN)).unwrap().keys;
        let mut random = rng(61);
        for slot in [1, 2] {
            let credit = opened.medium().judge(&crate::owner::entry(serial, slot)).ok().unwrap();
            opened.topup(&keys, &credit, at(3_000), &mut random).unwrap();
        }
        let book = ("book", "somebody");
        while opened.buy(&keys, book, minor(1), at(3_000), &mut random).is_ok() {}
        let store = StoreId::from_number(7).unwrap();
        for number in (1..1_000).take_while(|_| full == Full::Wholly) {
            let file = voucher(&World::new(), |voucher| {
                (voucher.id, voucher.serial) = (voucher_id(store, number), number);
                (voucher.medium, voucher.amount) = (MediumId::from_serial(serial), minor(1));
            });
            let credit = opened.medium().judge(&read_given(&file).unwrap()).ok().unwrap();
            if opened.topup(&keys, &credit, at(3_001), &mut random).is_err() {
                return;
            }
        }
        assert!(full == Full::Nearly, "there is room for ever more");
    }
}

#[test]
fn a_journal_that_is_full_there_begins_nothing() {
    let fair = Fair::new(Form::Images);
    fair.fill_journal(("two", TWO), Full::Wholly);
    let before = fair.bytes_of("two");
    let refused = fair.take("one", "two", &[]);
    for words in [
        "the other side: 4096 bytes are needed in the journal there, ",
        "hint: let a shop or the issuer settle the other medium first",
    ] {
        refused.says(5, words);
    }
    assert!(before == fair.bytes_of("two"), "a refusal wrote");
    assert_eq!(balance_of(&fair, "one"), 1_000);
    fair.take("one", "three-of-two", &[]).says(0, "Taken: song");
    assert_eq!(fair.file("one"), song());
}

#[test]
fn a_journal_that_is_nearly_full_begins_nothing() {
    let fair = Fair::new(Form::Images);
    fair.fill_journal(("one", ONE), Full::Nearly);
    let before = fair.bytes_of("two");
    let refused = fair.take("one", "two", &[]);
    for words in ["journal is nearly full", "hint: the journal has to be settled first"] {
        refused.says(5, words);
    }
    let after = fair.bytes_of("two");
    assert!(before[1] == after[1], "the other side was written");
    assert_eq!(fair.covered("one"), 0);
}
