//! An owner's whole way with the built tool, and what the second reader makes of all that stands
//! on the medium then: records of nearly every kind, two compactions, both copies and banks.
//!
//! A `policy` record is not among them: `owner::papers` has the way to one.

use std::collections::BTreeSet;
use std::fs;

use rustix::process::Signal;
use scrip::format::Object;
use scrip::format::checkpoint::{CheckpointFile, UsedVoucher};
use scrip::format::edition::{Catalogue, RamKind};
use scrip::format::field::Bytes;
use scrip::format::record::{Body, EventId, Record};
use scrip::format::sheet::{Voucher, VoucherFile};
use scrip::image::layout::CATALOGUE_PATH;
use scrip::image::leaves::Unwatched;
use scrip::journal::{Journal, Use};
use scrip::ledger::next::{self, Host, Slip};
use scrip::ledger::{State, follow};
use scrip::tool::Source;
use scrip::trust::{sign, verify};
use scrip::units::{MediumId, Sequence, StoreId};
use scrip::voucher::voucher_id;
use scrip::wallet::Opened;
use serde_json::Value;

use super::fair::{CHUNK, Fair, Form, song, world};
use crate::owner::settled::Records;
use crate::owner::{OWN, code, password, rng};
use crate::second_reader;
use crate::world::{
    Sample, THREADS, World, at, files, item, minor, sealed_as, shape, stamped, yen,
};

const SERIAL: u64 = 31;
const POEM: u64 = 50;
/// Every kind of record but `policy`.
const FORMS: std::ops::RangeInclusive<u64> = 0..=19;
const POLICY: u64 = 15;
const PASSWORD: [&str; 2] = ["--password-file", "own"];

/// An owner at work.
struct Way {
    fair: Fair,
    records: Records,
}

fn sample() -> Sample {
    let (world, mut files) = (world(), files());
    let items = vec![item("poem", POEM)];
    let catalogue = Catalogue { currency: yen(), items, secret: None };
    files.0.push((CATALOGUE_PATH.to_owned(), catalogue.encode()));
    let (sealed, edition) = sealed_as(&world, shape(), &files);
    let stamped = stamped(&world, &sealed, &edition, SERIAL);
    Sample { sealed, edition, stamped }
}

fn voucher(serial: u64, sum: u64) -> (Voucher, Vec<u8>) {
    let (world, store) = (World::new(), StoreId::from_number(7).unwrap());
    let voucher = Voucher {
        id: voucher_id(store, serial),
        medium: MediumId::from_serial(SERIAL),
        amount: minor(sum),
        currency: yen(),
        store,
        serial,
        issued: at(20),
        expires: at(0).plus_days(300),
    };
    let signed = sign(&world.store, &voucher);
    (voucher, signed)
}

fn used(serial: u64) -> UsedVoucher {
    let (voucher, _) = voucher(serial, 1);
    UsedVoucher { id: voucher.id, seq: Sequence::from_number(4), at: at(1_500) }
}

impl Way {
    /// A new medium, and what its owner does with it first.
    fn begun(form: Form) -> Self {
        let fair = Fair::new(form);
        fair.lay("mine", &sample());
        let login = ["login", "--password-file", "first", "--new-password-file", "own"];
        fair.run("mine", &login).says(0, "is yours now");
        let records = Records::of(&fair.medium("mine"));
        let way = Self { fair, records };
        way.topup(0, "Balance: ¥1,000");
        let (_, signed) = voucher(5, 700);
        let file = VoucherFile { voucher: Bytes(signed), chain: World::new().store_chain };
        fs::write(way.fair.folder().join("mine.voucher"), file.encode()).unwrap();
        way.run(&["topup", "mine.voucher"], "Balance: ¥1,700");
        way.run(&["buy", "poem"], "Balance: ¥1,650");
        let play = [&["play", "poem", "--stdout"], &PASSWORD[..]].concat();
        let played = way.fair.command("mine", &play).output().unwrap();
        assert!(played.status.success() && played.stdout == files().0[0].1, "{played:?}");
        way
    }

    fn run(&self, arguments: &[&str], words: &str) {
        self.fair.run("mine", &[arguments, &PASSWORD].concat()).says(0, words);
    }

    fn topup(&self, slot: u8, words: &str) {
        self.run(&["topup", &code(SERIAL, slot)], words);
    }

    fn state(&self) -> State {
        self.fair.medium("mine").account().state.clone()
    }

    /// Kinds that no tool writes yet, signed by the owner's key and committed.
    fn others(&self) {
        let storage = || {
            let source = Source::open_to_write(&self.fair.path("mine")).unwrap();
            let _ = source.examine(&World::new().trust(), THREADS, &Unwatched).unwrap();
            source.into_storage(self.fair.medium("mine").grounds()).unwrap()
        };
        let medium = self.fair.medium("mine");
        let mut opened = Opened::open(storage(), medium.clone(), &mut rng(70)).unwrap();
        let key = opened.unlock(&password(OWN)).unwrap().keys.key;
        drop(opened);
        let mut journal =
            Journal::open(storage(), medium.grounds().journal, RamKind::Rewritable).unwrap();
        let mut state = medium.account().state.clone();
        let bought = medium.records().find(|record| matches!(record.body, Body::Purchase { .. }));
        let bought = bought.unwrap().accounting.as_ref().unwrap().event;
        let rules = medium.grounds().rules();
        for kind in 0..3 {
            let signed = sign(&key, &other(kind, &state, bought));
            follow(&rules, &mut state, &signed).unwrap();
            let _ = journal.append(&signed, Use::Keeps).unwrap();
        }
    }

    /// The medium is used where nothing is known of its last record, and then here again.
    fn parted(&self) {
        let (folder, saved) = (self.fair.folder(), self.fair.saved(&["mine"]));
        self.topup(1, "Added: ¥500");
        fs::rename(folder.join("state"), folder.join("here")).unwrap();
        self.fair.bring(saved.path(), &["mine"]);
        self.topup(2, "Added: ¥500");
        fs::remove_dir_all(folder.join("state")).unwrap();
        fs::rename(folder.join("here"), folder.join("state")).unwrap();
        self.topup(4, "which went on with others");
    }

    /// Take the song, and have a signal end that within it.
    fn cut(&self, payer: &str, giver: &str, signal: Signal) {
        let saved = self.fair.saved(&[payer, giver]);
        for _ in 0..50 {
            let mut running = self.fair.begin(payer, giver);
            self.fair.wait_for(payer, 2 * CHUNK, &mut running);
            running.signal(signal);
            let (exit, text) = running.ended();
            assert!(matches!(exit, None | Some(0 | 130)), "{exit:?}: {text}");
            let state = self.fair.medium(payer).account().state.clone();
            let within = state.transfers.values().any(|transfer| {
                let open = state.reserved().minor() > 0;
                if signal == Signal::KILL { open } else { !open && transfer.covered.bytes() > 0 }
            });
            if within {
                return;
            }
            // It was faster than whoever stopped it.
            self.fair.bring(saved.path(), &[payer, giver]);
        }
        panic!("{payer} took all from {giver} fifty times before it was stopped");
    }

    fn settled(&mut self, branches: &[&State], name: &str) {
        let file: CheckpointFile = self.records.settle(branches);
        fs::write(self.fair.folder().join(name), file.encode()).unwrap();
    }

    /// The medium goes two ways and is merged.
    fn merged(&mut self) {
        let saved = self.fair.saved(&["mine"]);
        self.topup(5, "Added: ¥500");
        self.topup(8, "Added: ¥500");
        let ours = self.state();
        self.fair.bring(saved.path(), &["mine"]);
        self.topup(6, "Added: ¥500");
        self.settled(&[&self.state(), &ours], "both.checkpoint");
        self.run(&["apply", "both.checkpoint"], "Merged: ");
    }

    /// The second reader finds on it what the tool says; what it found.
    fn agreed(&self) -> Value {
        let (folder, trust) = (self.fair.folder(), self.fair.folder().join("trust.cbr"));
        let found = match self.fair.form() {
            Form::Images => second_reader::found_on(&folder.join("mine.img"), &trust),
            Form::Directories => second_reader::found_in(&folder.join("mine"), &trust),
        };
        let told = self.fair.run("mine", &["--json", "balance"]).result();
        for part in ["balance", "free", "reserved", "provisional", "debt"] {
            let sum = found[part].as_u64().unwrap().to_string();
            assert_eq!(told[part]["minor"], sum, "{part}: {told}, {found}");
        }
        found
    }

    /// Every record that was ever written stands in the row that counts, or in an archived one.
    fn whole(&self, found: &Value) {
        let rows = ["older", "records"].map(|part| found[part].as_array().unwrap());
        let entries = rows.into_iter().flatten();
        let (mut seqs, mut forms) = (BTreeSet::new(), BTreeSet::new());
        for entry in entries {
            seqs.insert(entry["seq"].as_u64().unwrap());
            forms.insert(entry["form"].as_u64().unwrap());
        }
        let count = seqs.len() as u64;
        assert!(seqs.into_iter().eq(0..count), "a record is missing");
        assert!(forms.into_iter().eq(FORMS.filter(|form| *form != POLICY)), "a kind is missing");
        let history = self.fair.run("mine", &["--json", "history"]).result();
        assert_eq!(history["rows"].as_array().unwrap().len() as u64, count);
    }
}

/// The receipt of the medium's sale, a server that was reached, a purchase that was refunded.
fn other(kind: u8, state: &State, refunded: EventId) -> Record {
    let host = Host { at: at(2_500), floor: state.floor.unwrap(), instance: [7; 8] };
    let (event, store) = ([0xd0 + kind; 16], StoreId::from_number(7).unwrap());
    match kind {
        0 => next::sale(state, &host, event, (store, 3), Some(minor(980))),
        1 => next::connect(state, &host, event, "home", None),
        _ => {
            let (_, signed) = voucher(6, POEM);
            let voucher = verify::<Voucher>(&signed, &World::new().store.public()).unwrap();
            let slip = Slip { voucher: &voucher, certificate: None };
            next::refund(state, &host, &slip, event, ("poem", refunded)).unwrap()
        }
    }
}

fn whole_way(form: Form) -> Way {
    let mut way = Way::begun(form);
    way.records.vouchers = vec![used(5), used(6)];
    way.others();
    way.parted();
    way.agreed();
    // Yanked in a transfer, whose start is then carried over two compactions and a merge.
    way.cut("mine", "two", Signal::KILL);
    assert_ne!(way.agreed()["reserved"], 0);
    way.settled(&[&way.state()], "1.checkpoint");
    way.run(&["apply", "1.checkpoint"], "Applied: checkpoint 1.");
    assert_ne!(way.agreed()["reserved"], 0);
    way.topup(7, "Added: ¥500");
    way.settled(&[&way.state()], "2.checkpoint");
    way.settled(&[&way.state()], "3.checkpoint");
    way.run(&["apply", "2.checkpoint"], "Applied: checkpoint 2.");
    way.topup(9, "Added: ¥500");
    way.run(&["apply", "3.checkpoint"], "Applied: checkpoint 3.");
    way.agreed();
    way.merged();
    way.agreed();

    let rest = way.fair.take("mine", "three-of-two", &[]);
    rest.says(0, "Taken: ");
    assert!(way.fair.file("mine") == song());
    way.cut("three", "mine", Signal::INT);
    way.fair.take("three", "mine", &[]).says(0, "Taken: ");
    assert!(way.fair.file("three") == song());
    let found = way.agreed();
    assert_eq!((&found["reserved"], &found["generation"]), (&0.into(), &2.into()));
    assert_ne!(found["provisional"], 0);
    way.whole(&found);
    way.run(&["play", "song", "--dry-run"], "would be played");
    way.fair.run("mine", &["history", "--accounting"]).says(0, "earn");
    way.fair.run("mine", &["doctor"]).says(0, "");
    way
}

#[test]
fn a_whole_way_on_an_image_adds_up_for_the_second_reader() {
    let _ = whole_way(Form::Images);
}

/// One byte in the row that was archived last, in each copy of it, or in both copies of a frame that
/// counts: the second reader doesn't pass over it.
#[test]
fn a_whole_way_in_directories_adds_up_for_the_second_reader() {
    let fair = whole_way(Form::Directories).fair;
    let (folder, trust) = (fair.folder().join("mine"), fair.folder().join("trust.cbr"));
    let bank = fair.medium("mine").grounds().journal.bank_bytes();
    let older = usize::try_from(bank).unwrap() + 600;
    for (files, at, words) in [
        (&["OUTBOX/JOURNAL-1-1.JRN"][..], 600, "is damaged in both copies"),
        (&["JOURNAL.A"], older, "the older bank is not what was archived"),
        (&["JOURNAL.B"], older, "the older bank is not what was archived"),
        (&["JOURNAL.A", "JOURNAL.B"], 600, "frame 1 is damaged in both copies"),
    ] {
        let flip = || {
            for file in files {
                let path = folder.join("RAM/SCRIP").join(file);
                let mut bytes = fs::read(&path).unwrap();
                bytes[at] ^= 1;
                fs::write(path, bytes).unwrap();
            }
        };
        flip();
        let arguments = ["mounted", folder.to_str().unwrap(), "--allow-test-root"];
        let trusted = [&arguments[..], &["--trust", trust.to_str().unwrap()]].concat();
        let output = second_reader::read(&trusted);
        let talk = second_reader::talk(&output);
        assert!(output.status.code() == Some(3) && talk.contains(words), "{files:?}: {talk}");
        flip();
    }
}

/// The settler states one state again and again; the owner takes over each, and is sent an item.
#[test]
fn checkpoints_of_one_state_taken_over_in_turn_still_cover_what_is_taken() {
    let mut way = Way::begun(Form::Images);
    way.records.vouchers = vec![used(5)];
    let names = ["1.checkpoint", "2.checkpoint", "3.checkpoint"];
    way.settled(&[&way.state()], names[0]);
    way.run(&["apply", names[0]], "Applied: checkpoint 1.");
    for name in &names[1..] {
        way.settled(&[&way.state()], name);
    }
    for (name, slot) in names[1..].iter().zip([7, 8]) {
        way.run(&["apply", name], "Applied: checkpoint ");
        way.topup(slot, "Added: ¥500");
    }
    let found = way.agreed();
    let forms = found["records"].as_array().unwrap().iter().map(|record| &record["form"]);
    assert_eq!(forms.filter(|form| **form == 14).count(), 2, "both stand in records");
    way.fair.take("mine", "two", &[]).says(0, "Taken: ");
    way.agreed();
}
