//! The journal's own line: sound, repaired, damaged; whatever it is, the verdict stays.

use scrip::crypto::SeededRandom;
use scrip::crypto::sign::{PublicKey, SecretKey};
use scrip::device::{Device, MemoryDevice};
use scrip::format::edition::RamKind;
use scrip::format::record::Record;
use scrip::image::check::{Access, Grade, History, Report, Verdict};
use scrip::image::layout::{ACCESS_PATHS, JOURNAL_PATHS};
use scrip::journal::{self, Journal, Place, Use};
use scrip::ledger::next::{Host, rekey, topup};
use scrip::ledger::{Rules, State, fold};
use scrip::trust::access::HolderKeys;
use scrip::trust::{sign, verify};
use scrip::units::MediumId;

use super::report;
use crate::world::{Sample, World, at, policy, yen};

const MEDIUM: u64 = 50;

/// A burnt medium with its owner's key.
struct Owned {
    sample: Sample,
    device: MemoryDevice,
    place: Place,
    access: [u64; 2],
    first: PublicKey,
    key: SecretKey,
}

impl Owned {
    fn new() -> Self {
        let sample = Sample::new(MEDIUM);
        let layout = &sample.sealed.layout;
        let place = |path: &str| layout.ram().start + sample.stamped.ram.plan.locate(path).unwrap();
        let bytes = layout.shape().journal.bytes();
        let (starts, access) = (JOURNAL_PATHS.map(place), ACCESS_PATHS.map(place));
        let seed = [u8::try_from(MEDIUM).unwrap(); 32];
        let key = HolderKeys::generate(&mut SeededRandom::new(seed)).key;
        let device = sample.burnt();
        let first = key.public();
        Self { sample, device, place: Place { starts, bytes }, access, first, key }
    }

    /// The state after all that stands in the journal.
    fn state(&self) -> State {
        let world = World::new();
        let medium = MediumId::from_serial(MEDIUM);
        let sheets = [verify(&world.sheet(medium).1, &world.issuer.public()).unwrap()];
        let policy = policy();
        let rules = Rules { sheets: &sheets, ..Rules::of(&policy, yen()) };
        let blank = State::blank(medium, self.sample.stamped.certificate, self.first);
        let records = journal::read(&self.device, &self.place).unwrap().records;
        fold(&rules, blank, &records).state
    }

    fn append(&self, record: &[u8]) {
        let opened = Journal::open(&self.device, self.place, RamKind::Rewritable);
        let _ = opened.unwrap().append(record, Use::Keeps).unwrap();
    }

    /// The owner logs in: another key signs from here on.
    fn login(&mut self) {
        let owner = HolderKeys::generate(&mut SeededRandom::new([251; 32])).key;
        let host = Host { at: at(800), floor: at(10), instance: [1; 8] };
        self.append(&sign(&self.key, &rekey(&self.state(), &host, [0xcc; 16], &owner)));
        self.key = owner;
    }

    /// A top-up by this slot's code, changed and then signed by this key.
    fn topup(&self, slot: u8, key: &SecretKey, change: impl FnOnce(&mut Record)) {
        let host = Host { at: at(900), floor: at(10), instance: [1; 8] };
        let code = World::new().code(MediumId::from_serial(MEDIUM), slot);
        let mut record = topup(&self.state(), &host, &code, [slot; 16], "store 7").unwrap();
        change(&mut record);
        self.append(&sign(key, &record));
    }

    fn report(&self) -> Report {
        let report = report(&self.device);
        assert_eq!(report.verdict, Verdict::Sealed, "{report:#?}");
        report
    }

    fn damage(&self) -> String {
        let report = self.report();
        assert_eq!(report.grade(), Grade::Damaged);
        match report.history {
            History::Damaged(reason) => reason.en().to_owned(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn records_add_up() {
    let mut owned = Owned::new();
    owned.login();
    for (slot, balance) in [(0, 1_000), (1, 1_500), (9, 2_000)] {
        owned.topup(slot, &owned.key, |_| ());
        let History::Sound(found) = owned.report().history else { panic!("not sound") };
        assert_eq!(found.amount.minor(), balance);
    }
}

#[test]
fn records_that_do_not_follow_are_damage() {
    let after_login = || {
        let mut owned = Owned::new();
        owned.login();
        owned
    };
    let owned = after_login();
    owned.topup(0, &SecretKey::from_seed([6; 32]), |_| ());
    assert!(owned.damage().contains("signed by key"), "{}", owned.damage());
    let owned = after_login();
    owned.topup(3, &owned.key, |_| ());
    assert!(owned.damage().ends_with("was credited before"), "{}", owned.damage());
    let owned = after_login();
    owned.topup(0, &owned.key, |record| {
        let entry = record.accounting.as_mut().unwrap();
        entry.balance_after = crate::world::minor(90_000);
    });
    assert!(owned.damage().contains("claims a balance of 90000"), "{}", owned.damage());
    let owned = after_login();
    owned.topup(0, &owned.key, |record| record.prev = [8; 32]);
    assert!(owned.damage().contains("it continues 0808080808080808"), "{}", owned.damage());
}

#[test]
fn a_lost_sector_is_repaired_by_the_other_copy_and_a_pair_is_damage() {
    let owned = Owned::new();
    for (copy, name) in [(0, "A"), (1, "B")] {
        let owned = Owned::new();
        owned.device.write_at(owned.place.starts[copy], &[0xff; 512]).unwrap();
        let report = owned.report();
        assert_eq!(report.grade(), Grade::Good);
        let line = format!("repaired by the other copy: 2 records, balance ¥500; copy {name}");
        assert!(report.lines().join("\n").contains(&line), "{:?}", report.history);
    }
    for start in owned.place.starts {
        owned.device.write_at(start, &[0xff; 512]).unwrap();
    }
    assert!(
        owned.damage().contains("frame 0 of generation 0 is damaged in both"),
        "{}",
        owned.damage()
    );
    for start in owned.place.starts {
        owned.device.write_at(start, &vec![0; 1 << 20]).unwrap();
    }
    assert_eq!(owned.damage(), "journal: neither copy holds a first record");
}

#[test]
fn the_access_key_has_to_be_the_holders() {
    let owned = Owned::new();
    owned.device.write_at(owned.access[0], &[0xff; 8]).unwrap();
    let report = owned.report();
    assert!(matches!(&report.access, Access::OneCopy(why) if why.en().starts_with("copy A: ")));
    assert_eq!(report.grade(), Grade::Good);
    owned.device.write_at(owned.access[1], &vec![0; 32 << 10]).unwrap();
    let report = owned.report();
    let Access::Damaged(why) = &report.access else { panic!("{:?}", report.access) };
    let why = why.en();
    assert!(why.ends_with("copy B: no slot of the holder key"), "{why}");
    assert_eq!(report.grade(), Grade::Damaged);
}
