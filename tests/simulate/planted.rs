//! What is planted is there: each dial, turned up to all media, shows in what the library reads.

use std::collections::BTreeMap;

use scrip::format::record::{Body, Record, RecordKind};
use scrip::format::store::{StoreEntry, StoreEvent};
use scrip::format::transfer::{Receipt, Terms};
use scrip::issuer::Issuer;
use scrip::ledger::charge::segment;
use scrip::ledger::{Account, Blame, Fold, Outcome, settle};
use scrip::shop::read_export;
use scrip::simulate::{Dial, Dials, MediumTruth, Planted, Population, Truth};
use scrip::trust::{Verified, verify};
use scrip::units::{ByteCount, Timestamp};
use scrip::voucher::{code_event, voucher_event, voucher_id};

use super::reading::{Export, Town};
use super::{made, minor, population};

/// A population with one thing planted on each medium, as it is read.
struct Case {
    folder: tempfile::TempDir,
    truth: Truth,
    /// The exports of each medium, by what their names have behind its number.
    exports: BTreeMap<String, BTreeMap<String, Export>>,
    entries: Vec<Verified<StoreEntry>>,
}

/// One medium of it.
struct Hit<'a> {
    case: &'a Case,
    planted: &'a Planted,
    own: &'a MediumTruth,
    exports: &'a BTreeMap<String, Export>,
}

fn turned_up(dials: Dials) -> Case {
    let (folder, truth) = made(&Population { dials, ..population(21, 9, 9 * 40) }, 3);
    let town = Town::at(folder.path());
    let mut exports: BTreeMap<String, BTreeMap<String, Export>> = BTreeMap::new();
    for (name, bytes) in town.files(".evidence") {
        let name = name.rsplit('/').next().unwrap().trim_end_matches(".evidence");
        if name.starts_with("foreign") {
            continue;
        }
        let (medium, end) = name.split_at(12);
        exports.entry(medium.to_owned()).or_default().insert(end.to_owned(), town.open(&bytes));
    }
    let journals = town.files(".journal");
    let entries =
        journals.values().flat_map(|bytes| read_export(bytes, &town.trust).unwrap().entries);
    let entries = entries.collect();
    Case { folder, truth, exports, entries }
}

#[test]
fn every_dial_plants_what_it_says_and_what_it_says_is_found() {
    for dial in Dial::ALL.iter().filter(|dial| **dial <= Dial::Damaged) {
        let case = turned_up(Dials::each(0).with(*dial, 1_000));
        assert_eq!(case.truth.media.len(), 9);
        assert!(case.truth.planted.iter().all(|planted| planted.dial == dial.name()), "{dial:?}");
        for own in &case.truth.media {
            let here = |planted: &&Planted| planted.medium == own.medium;
            let planted = case.truth.planted.iter().find(here).unwrap();
            assert_eq!(planted.store, Some(own.store));
            let exports = &case.exports[&own.medium];
            Hit { case: &case, planted, own, exports }.shows(*dial);
        }
    }
}

impl Hit<'_> {
    fn shows(&self, dial: Dial) {
        match dial {
            Dial::Yanks => self.lost_its_newest(),
            Dial::LostAnswers => self.lost_a_start(),
            Dial::Rewinds => self.parted(|settled, free| {
                assert_eq!((settled.settled, settled.store_loss), (free, 0));
            }),
            Dial::Clones => self.parted(|settled, free| {
                assert!(free < 0, "{free}");
                assert_eq!((settled.settled, settled.store_loss), (0, -free));
            }),
            Dial::Stolen => self.never_sold(),
            Dial::Liars => self.counts_differ(),
            Dial::Clocks => {
                let record = &self.whole().records[self.seq()];
                assert!(record.history.at < record.floor, "{record:?}");
            }
            Dial::Restored => self.ahead_of_the_records(),
            Dial::Voids => self.sold_and_taken_back(),
            Dial::Unsold => self.spent_and_never_sold(),
            Dial::Damaged => self.damaged(),
            other => panic!("{other:?} is held against what the tools find"),
        }
    }

    fn seq(&self) -> usize {
        usize::try_from(self.planted.seq.unwrap()).unwrap()
    }

    /// The one export, which verifies wholly and has the balance that is true.
    fn whole(&self) -> Fold {
        assert_eq!(self.exports.len(), 1);
        let fold = self.exports[""].fold();
        assert!(fold.refusal.is_none(), "{:?}", fold.refusal);
        assert_eq!(minor(fold.state.free()), self.own.holding.free);
        assert_eq!(fold.records.len() as u64, self.own.records);
        fold
    }

    fn lost_its_newest(&self) {
        assert_eq!(self.planted.class, "medium-behind");
        let export = &self.exports[""];
        assert_eq!(export.records.len(), self.seq());
        let town = Town::at(self.case.folder.path());
        let files = town.files(".frames");
        let own = format!("/{}.frames", self.planted.medium);
        let (_, kept) = files.iter().find(|(name, _)| name.ends_with(&own)).unwrap();
        let slots = export.bytes.len() - frames_len(&export.records);
        let whole = town.open(&[&export.bytes[..slots], kept.as_slice()].concat());
        assert_eq!(whole.records[..self.seq()], export.records);
        let fold = whole.fold();
        assert!(export.fold().refusal.is_none() && fold.refusal.is_none());
        assert_eq!(minor(fold.state.free()), self.own.holding.free);
        let lost = fold.records[self.seq()].accounting.as_ref().unwrap();
        assert_eq!(lost.amount, self.planted.amount);
    }

    /// What another medium earned for the planted segment: its receipt, and the terms.
    fn earned(&self, payer: &Fold) -> (Verified<Receipt>, Terms) {
        let others = self.case.exports.values().flat_map(|exports| exports[""].fold().records);
        let others: Vec<Verified<Record>> = others.collect();
        let receipts = others.iter().filter_map(|record| {
            let Body::Earn { receipt } = &record.body else { return None };
            verify::<Receipt>(&receipt.0, &payer.state.holder).ok()
        });
        let mut of_it = receipts.filter(|receipt| Some(receipt.start.number()) == self.planted.seq);
        let receipt = of_it.next().expect("the sender has a receipt");
        let terms = others.iter().find_map(|record| match &record.body {
            Body::UploadStart { terms, .. } if terms.transfer == receipt.transfer => Some(terms),
            _ => None,
        });
        (receipt, terms.unwrap().clone())
    }

    fn lost_a_start(&self) {
        assert_eq!(self.planted.class, "receipt-without-start");
        let fold = self.whole();
        let (receipt, terms) = self.earned(&fold);
        assert_eq!(receipt.medium.to_string(), self.planted.medium);
        let started = fold.records.iter().any(|record| match &record.body {
            Body::DownloadStart { terms, .. } => terms.transfer == receipt.transfer,
            _ => false,
        });
        assert!(!started, "its start is there");
        let charge = segment(&terms, receipt.before, receipt.got).unwrap().charge;
        assert_eq!(minor(charge), -self.planted.amount);
    }

    fn counts_differ(&self) {
        assert_eq!(self.planted.class, "bytes-differ");
        let fold = self.exports[""].fold();
        assert!(fold.refusal.is_none());
        let (receipt, terms) = self.earned(&fold);
        let Body::DownloadInterrupted { got, .. } = &fold.records[self.seq() + 1].body else {
            panic!("{:?}", fold.records[self.seq() + 1].body);
        };
        assert_ne!(*got, receipt.got);
        let charge = |got: ByteCount| minor(segment(&terms, receipt.before, got).unwrap().charge);
        let differs = charge(*got) - charge(receipt.got);
        assert_eq!(differs, self.planted.amount);
        assert_eq!(minor(fold.state.free()) + differs.min(0), self.own.holding.free);
    }

    /// Two branches that both verify, settled together.
    fn parted(&self, holds: impl FnOnce(Settled, i64)) {
        assert_eq!((self.planted.class, self.exports.len()), ("fork", 2));
        let folds: Vec<Fold> = self.exports.values().map(Export::fold).collect();
        assert!(folds.iter().all(|fold| fold.refusal.is_none()));
        let export = &self.exports[""];
        let account = Account::new(export.medium(), export.certificate.hash());
        let branches: Vec<_> = folds.iter().map(|fold| &fold.state).collect();
        let settled = settle(&export.policy, &account, &branches).unwrap();
        assert_eq!((settled.outcome, settled.forks.len()), (Outcome::Settled, 1));
        let fork = settled.forks[0];
        assert_eq!((Some(fork.seq.number()), fork.by), (self.planted.seq, Blame::StoreKey));
        let behind = folds.iter().map(|fold| &fold.records[self.seq()..]);
        let shorter = behind.min_by_key(|records| records.len()).unwrap();
        let moved = shorter.iter().filter_map(|record| record.accounting.as_ref());
        assert_eq!(moved.map(|entry| entry.amount).sum::<i64>(), self.planted.amount);
        let account = settled.account;
        let (settled, store_loss) = (minor(account.settled), minor(account.store_loss));
        assert_eq!(minor(account.provisional), self.own.holding.fees);
        holds(Settled { settled, store_loss }, self.own.holding.free);
    }

    /// The sale that a store journalled for a top-up, if one did.
    fn sale(&self, record: &Record) -> Option<&Verified<StoreEntry>> {
        let event = record.accounting.as_ref().unwrap().event;
        self.case.entries.iter().find(|entry| {
            let Some(value) = &entry.value else { return false };
            let sold = match (value.sheet, value.slot, value.serial) {
                (Some(sheet), Some(slot), _) => code_event(entry.medium, &sheet, slot),
                (_, _, Some(serial)) => {
                    voucher_event(entry.medium, &voucher_id(entry.store, serial))
                }
                _ => return false,
            };
            sold == event
        })
    }

    fn never_sold(&self) {
        assert_eq!(self.planted.class, "redeemed-never-sold");
        let fold = self.whole();
        let topups = fold.records.iter().filter(|record| record.history.kind == RecordKind::Topup);
        let unsold: Vec<_> = topups.filter(|record| self.sale(record).is_none()).collect();
        assert_eq!(unsold.len(), 1);
        assert_eq!(Some(unsold[0].seq.number()), self.planted.seq);
        assert_eq!(unsold[0].accounting.as_ref().unwrap().amount, self.planted.amount);
    }

    fn sold_and_taken_back(&self) {
        assert_eq!(self.planted.class, "redeemed-after-void");
        let fold = self.whole();
        let record = &fold.records[self.seq()];
        let sale = self.sale(record).unwrap();
        let mut entries = self.case.entries.iter();
        let taken_back = entries.find(|entry| {
            entry.store == sale.store
                && entry.event == StoreEvent::Voided
                && entry.voids == Some(sale.seq)
        });
        assert!(taken_back.unwrap().at < record.history.at);
        assert_eq!(record.accounting.as_ref().unwrap().amount, self.planted.amount);
    }

    fn spent_and_never_sold(&self) {
        assert_eq!((self.planted.class, self.planted.seq), ("spent-never-sold", Some(1)));
        let fold = self.whole();
        assert_eq!(self.sale(&fold.records[1]).unwrap().event, StoreEvent::Spent);
        assert_eq!(fold.records[1].accounting.as_ref().unwrap().amount, self.planted.amount);
        let sold = |entry: &&Verified<StoreEntry>| {
            entry.medium == fold.state.medium && entry.event == StoreEvent::Sold
        };
        assert_eq!(self.case.entries.iter().filter(sold).count(), 0);
    }

    fn ahead_of_the_records(&self) {
        let fold = self.whole();
        assert_eq!(fold.state.checkpoint.map(|known| known.number), Some(1));
        assert_eq!(fold.records[self.seq()].history.kind, RecordKind::Checkpoint);
        let mut issuer = Issuer::open(&self.case.folder.path().join("issuer"), None).unwrap();
        let known = issuer.records().known(fold.state.medium).unwrap().unwrap();
        assert_eq!((known.row.number, known.sold.is_empty()), (0, false));
    }

    fn damaged(&self) {
        let export = &self.exports[""];
        let fold = export.fold();
        let whole = self.seq() - usize::from(self.planted.class == "gap");
        assert_eq!((fold.records.len(), self.planted.amount), (whole, 0));
        match self.planted.class {
            "bad-signature" => {
                let refusal = fold.refusal.unwrap().to_string();
                assert!(refusal.contains("the signature"), "{refusal}");
            }
            "gap" => assert!(fold.refusal.is_some() && export.behind == 0),
            "damaged" => assert!(fold.refusal.is_none() && export.behind > 0),
            other => panic!("{other}"),
        }
        let own = self.own.holding;
        assert_eq!(minor(fold.state.free()), own.free, "no money lies behind the damage");
    }
}

/// What these records take as frames.
fn frames_len(records: &[Vec<u8>]) -> usize {
    scrip::journal::first_frames(records).unwrap().len()
}

/// What a settlement of two branches gives.
struct Settled {
    settled: i64,
    store_loss: i64,
}

#[test]
fn foreign_files_lie_among_the_evidence_and_are_named() {
    let mut dials = Dials::each(0);
    dials.foreign = 1_000;
    let case = turned_up(dials);
    assert_eq!((case.truth.planted.len(), case.truth.foreign.len()), (0, 9));
    for name in &case.truth.foreign {
        assert!(case.folder.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn all_dials_together_keep_to_the_seed_and_spare_the_others() {
    let dials = Dials::each(45).with(Dial::Breaks, 0);
    let population = Population { dials, ..population(33, 60, 60 * 30) };
    let [(one, truth), (two, again)] = [1, 4].map(|threads| made(&population, threads));
    assert_eq!(truth.to_json(), again.to_json());
    assert!(super::contents(one.path()) == super::contents(two.path()));
    let classes: std::collections::BTreeSet<_> =
        truth.planted.iter().map(|planted| planted.class).collect();
    assert!(classes.len() >= 8, "{classes:?}");
    let town = Town::at(one.path());
    let mut honest = 0;
    for (name, bytes) in town.files(".evidence") {
        let name = name.rsplit('/').next().unwrap().trim_end_matches(".evidence");
        let hit = |planted: &Planted| name.starts_with(&planted.medium);
        if truth.planted.iter().any(hit) || name.starts_with("foreign") {
            continue;
        }
        let fold = town.open(&bytes).fold();
        let own = truth.media.iter().find(|own| own.medium == name).unwrap();
        assert!(fold.refusal.is_none(), "{name}");
        let sums = [fold.state.free(), fold.state.provisional, fold.state.reserved()].map(minor);
        assert_eq!(sums, [own.holding.free, own.holding.fees, own.holding.reserved], "{name}");
        assert!(
            fold.records
                .iter()
                .all(|record| record.history.at > Timestamp::from_seconds(1_798_761_600).unwrap())
        );
        honest += 1;
    }
    // Invented numbers are no media of the population.
    let hit = truth.planted.iter().filter(|planted| planted.store.is_some());
    let hit: std::collections::BTreeSet<_> = hit.map(|planted| &planted.medium).collect();
    assert_eq!(honest + hit.len(), 60);
    assert!(honest > 5, "{honest}");
}
