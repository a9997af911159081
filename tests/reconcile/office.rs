//! An office with its records: real ones, on a database, which evidence is held against.

use std::ops::ControlFlow;
use std::path::Path;

use scrip::crypto::SeededRandom;
use scrip::format::plan::{Class, Finding, PlanEntry};
use scrip::format::store::{Burn, StoreEntry, StoreEvent, Value};
use scrip::ledger::Settler;
use scrip::reconcile::{Decisions, Heap, Plan, Terms, reconcile};
use scrip::records::{
    Account, Enrolment, JournalLine, Move, Place, Planned, Posted, Quota, Records, Signing, is_own,
    sold_event,
};
use scrip::trust::sign;
use scrip::units::{MediumId, StoreId};
use tempfile::TempDir;

use super::made::{Ground, Stick, give};
use crate::world::{THREADS, at, minor, yen};

pub(super) struct Office {
    pub(super) ground: Ground,
    pub(super) records: Records,
    pub(super) media: Vec<MediumId>,
    pub(super) folder: Option<TempDir>,
    store: StoreId,
    entries: Vec<StoreEntry>,
}

impl Office {
    pub(super) fn new() -> Self {
        Self::of(Ground::new())
    }

    pub(super) fn of(ground: Ground) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut office = Self::at(ground, &Place::in_folder(folder.path()));
        office.folder = Some(folder);
        office
    }

    /// The seventh store is the one that the world's certificate names.
    pub(super) fn at(ground: Ground, place: &Place) -> Self {
        let mut records = Records::create(place).unwrap();
        for number in 1..=7_u8 {
            let key = scrip::crypto::sign::SecretKey::from_seed([number; 32]).public();
            let enrolment = Enrolment {
                name: format!("Store {number}"),
                holder_key: if number == 7 { ground.world.store.public() } else { key },
                seal_key: [number; 32],
                quota: Quota {
                    currency: yen(),
                    total: minor(1_000_000),
                    single_max: minor(1_000),
                    serial_first: 1,
                    serial_last: 1_000,
                },
            };
            let certify = |_| Ok::<_, scrip::records::EnrolError>(vec![number]);
            records.enrol(&enrolment, at(1), certify).unwrap();
        }
        let store = StoreId::from_number(7).unwrap();
        let rng = &mut SeededRandom::new([5; 32]);
        let mut media = records.reserve_media(store, 12, rng).unwrap();
        media.sort_unstable();
        Self { ground, records, media, folder: None, store, entries: vec![] }
    }

    /// Put an entry into the store's journal, and that into the records.
    pub(super) fn entry(
        &mut self,
        event: StoreEvent,
        medium: MediumId,
        value: Option<Value>,
    ) -> u64 {
        let seq = self.entries.len() as u64;
        let entry = StoreEntry {
            seq,
            prev: self.prev(),
            store: self.store,
            at: at(100 + seq),
            event,
            medium,
            burn: None,
            value,
            price: None,
            voids: None,
        };
        self.push(entry)
    }

    fn prev(&self) -> [u8; 32] {
        let certificate = self.ground.store.certificate().hash();
        let signed = self.entries.last().map(|entry| sign(&self.ground.world.store, entry));
        signed.map_or(certificate, |signed| scrip::crypto::digest::sha256(&signed))
    }

    fn push(&mut self, entry: StoreEntry) -> u64 {
        let seq = entry.seq;
        self.entries.push(entry);
        let key = &self.ground.world.store;
        let signed: Vec<Vec<u8>> = self.entries.iter().map(|entry| sign(key, entry)).collect();
        let moves = self.entries.iter().map(|entry| self.moved(entry)).collect::<Vec<_>>();
        let lines = self.entries.iter().zip(&signed).zip(moves).map(|((entry, signed), moves)| {
            JournalLine {
                seq: entry.seq,
                at: entry.at,
                voids: entry.voids,
                medium: entry.medium,
                event: sold_event(entry),
                own: is_own(entry),
                moves,
                content: signed,
            }
        });
        self.records.import_journal(self.store, &lines.collect::<Vec<_>>()).unwrap();
        seq
    }

    fn moved(&self, entry: &StoreEntry) -> Option<Move> {
        let (owes, waits) = (Account::Store(self.store), Account::Outstanding(entry.medium));
        let of = |entry: &StoreEntry| entry.value.as_ref().map(|value| value.amount);
        match entry.voids {
            Some(voids) => {
                let amount = of(&self.entries[usize::try_from(voids).unwrap()])?;
                Some(Move { debit: waits, credit: owes, amount })
            }
            None => Some(Move { debit: owes, credit: waits, amount: of(entry)? }),
        }
    }

    pub(super) fn void(&mut self, voids: u64) {
        let seq = self.entries.len() as u64;
        let medium = self.entries[usize::try_from(voids).unwrap()].medium;
        let (event, prev, at) = (StoreEvent::Voided, self.prev(), at(100 + seq));
        let (store, voids) = (self.store, Some(voids));
        let (burn, value, price) = (None, None, None);
        self.push(StoreEntry { seq, prev, store, at, event, medium, burn, value, price, voids });
    }

    pub(super) fn burn(&mut self, stick: &Stick) {
        let seq = self.entries.len() as u64;
        let burn = Burn {
            edition: [1; 32],
            certificate: stick.certificate.hash(),
            root: [2; 32],
            target: "image".to_owned(),
            hardware: None,
            label: None,
        };
        let entry = StoreEntry {
            seq,
            prev: self.prev(),
            store: self.store,
            at: at(100 + seq),
            event: StoreEvent::Burnt,
            medium: stick.id(),
            burn: Some(burn),
            value: None,
            price: None,
            voids: None,
        };
        self.push(entry);
    }

    /// Go back to a backup from when the store's journal had so many entries.
    pub(super) fn restore(&mut self, backup: &Path, entries: usize) {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::in_folder(folder.path());
        Records::restore(backup, &place, &mut |_| ControlFlow::Continue(())).unwrap();
        self.records = Records::open(&place).unwrap();
        self.folder = Some(folder);
        self.entries.truncate(entries);
    }

    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn sell(&mut self, medium: MediumId) -> u64 {
        self.entry(StoreEvent::Sold, medium, None)
    }

    pub(super) fn sell_code(&mut self, medium: MediumId, slot: u8) -> u64 {
        let (amount, currency) = (minor(500), yen());
        let (sheet, slot, serial) = (Some([4; 16]), Some(slot), None);
        self.entry(
            StoreEvent::CodeSold,
            medium,
            Some(Value { amount, currency, sheet, slot, serial }),
        )
    }

    pub(super) fn sell_voucher(&mut self, medium: MediumId, serial: u64, amount: u64) -> u64 {
        let (amount, currency) = (minor(amount), yen());
        let (sheet, slot, serial) = (None, None, Some(serial));
        let value = Value { amount, currency, sheet, slot, serial };
        self.entry(StoreEvent::VoucherSold, medium, Some(value))
    }

    /// An honest owner's medium: burnt and sold, with so many codes sold and added.
    pub(super) fn owned(&mut self, place: usize, codes: u8) -> Stick {
        let stick = self.ground.owned(self.media[place], codes);
        self.burn(&stick);
        self.sell(stick.id());
        for slot in 0..codes {
            self.sell_code(stick.id(), slot);
        }
        stick
    }

    pub(super) fn heap(&self, files: &[Vec<u8>]) -> Heap {
        let mut heap = self.ground.heap();
        for file in files {
            give(&mut heap, file).unwrap();
        }
        heap
    }

    pub(super) fn terms(&mut self) -> Terms<'static> {
        const NONE: &Decisions = &Decisions::none();
        let base = self.records.base().unwrap();
        Terms { currency: yen(), base, as_of: None, threads: THREADS, decisions: NONE }
    }

    pub(super) fn plan(&mut self, files: &[Vec<u8>]) -> Plan {
        let heap = self.heap(files);
        let terms = self.terms();
        let plan = reconcile(&heap, &mut self.records, &terms).unwrap();
        assert_eq!(Plan::decode(&plan.encode()).unwrap(), plan);
        plan
    }

    /// Post a plan as another hand would: from its file.
    pub(super) fn settle(&mut self, plan: &Plan) -> Posted {
        let file = Plan::decode(&plan.encode()).unwrap();
        let world = &self.ground.world;
        let settler = Settler { key: &world.settler, chain: &world.settler_chain };
        let signing = Signing { settler, files: &[] };
        let planned = Planned { hash: file.hash(), base: file.head.base };
        let postings = || file.postings().map(|posting| Ok(posting.unwrap()));
        self.records.post(&planned, postings, &signing, at(3_000)).unwrap()
    }

    /// Settled, the same evidence is answered, and nothing more is posted.
    #[track_caller]
    pub(super) fn settles(&mut self, files: &[Vec<u8>]) -> Plan {
        let plan = self.plan(files);
        assert!(plan.tail.postings > 0, "{:?}", told(&plan));
        self.settle(&plan);
        let again = self.plan(files);
        assert_eq!(again.tail.postings, 0, "{:?}", told(&again));
        let answered =
            |entry: &PlanEntry| entry.findings.iter().all(|one| one.class == Class::Matched);
        assert!(again.entries.iter().all(answered), "{:?}", told(&again));
        plan
    }

    /// What the books have of an account of liabilities: what is owed.
    pub(super) fn owed(&mut self, account: &Account) -> i64 {
        -self.records.account(account).unwrap()
    }
}

/// The classes and amounts of what a plan finds, beside media that are merely ahead.
pub(super) fn told(plan: &Plan) -> Vec<(Class, i64)> {
    let findings = plan.entries.iter().flat_map(|entry| &entry.findings);
    let mut told: Vec<_> = findings.map(|finding| (finding.class, finding.amount)).collect();
    told.sort_unstable();
    told
}

/// The only finding of a class.
#[track_caller]
pub(super) fn only(plan: &Plan, class: Class) -> &Finding {
    let findings = plan.entries.iter().flat_map(|entry| &entry.findings);
    let found: Vec<_> = findings.filter(|finding| finding.class == class).collect();
    assert_eq!(found.len(), 1, "{class}: {:?}", told(plan));
    found[0]
}
