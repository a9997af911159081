//! The issuer's records: the same table of tests on `SQLite` and on a real `PostgreSQL`.

#![allow(clippy::disallowed_methods, reason = "tests make the files they break")]

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use scrip::crypto::sign::{PublicKey, SecretKey};
use scrip::crypto::{Random, SeededRandom};
use scrip::records::{
    EnrolError, Enrolment, HeldError, HeldSlot, Kit, KitError, MediaError, OpenError, Place, Quota,
    Records, RevokeError, SCHEMA_VERSION, SERIAL_MAX, Sheet, Slot, SlotPlace, SlotState, Stock,
    StorageError, Store, StoreRefusal, StoreStatus,
};
use scrip::units::{Amount, Currency, MediumId, StoreId, Timestamp};

use crate::postgres::Cluster;

const THREADS: u8 = 16;

type Case = (&'static str, fn(&Place));
type QuotaFault = fn(&mut Quota);

const CASES: [Case; 14] = [
    ("records are made once and opened again", made_once),
    ("records of another version are refused", other_version),
    ("a store is enrolled once, whatever is asked twice", enrolled_once),
    ("enrolments that the rules forbid leave nothing", enrolment_refused),
    ("a failed certificate leaves no store", certificate_failed),
    ("stores are numbered without gaps or twins by many at once", enrolled_together),
    ("a revoked store gets nothing more", revoked),
    ("medium numbers are given out once", media_once),
    ("a kit is recorded once, with its sheets", kit_once),
    ("kits that the rules forbid leave nothing", kit_refused),
    ("kits made at once stay within the quota", quota_together),
    ("held-back codes are sold newest sheet first", held_in_order),
    ("one held-back code has one buyer among many", one_winner),
    ("one sale asked for many times takes one code", one_sale),
];

#[test]
fn records_hold_on_sqlite() {
    for (name, case) in CASES {
        eprintln!("{name}");
        let folder = tempfile::tempdir().unwrap();
        case(&Place::in_folder(folder.path()));
    }
}

#[test]
fn records_hold_on_postgres() {
    let mut cluster = Cluster::start(&["fsync=off"]);
    for (name, case) in CASES {
        eprintln!("{name}");
        case(&cluster.database().parse().unwrap());
    }
}

#[test]
fn a_file_that_is_no_database_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("records.db"), [0x5c; 8192]).unwrap();
    let error = Records::open(&Place::in_folder(folder.path())).unwrap_err();
    assert!(matches!(error, OpenError::Storage(StorageError::Damaged { .. })), "{error}");
    assert!(error.to_string().contains("records.db"), "{error}");
}

#[test]
fn a_missing_place_is_a_failure_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::in_folder(&folder.path().join("nowhere"));
    for error in [Records::open(&place).unwrap_err(), Records::create(&place).unwrap_err()] {
        assert!(matches!(error, OpenError::Storage(StorageError::Failed { .. })), "{error}");
        assert!(error.to_string().contains("nowhere/records.db"), "{error}");
    }
    let place: Place = "postgres://ann:secret@%2Fnowhere/scrip".parse().unwrap();
    let error = Records::open(&place).unwrap_err();
    assert!(matches!(error, OpenError::Storage(StorageError::Failed { .. })), "{error}");
    assert!(error.to_string().contains("postgres://%2Fnowhere/scrip"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn an_empty_file_holds_no_records_and_may_become_some() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("records.db"), []).unwrap();
    let place = Place::in_folder(folder.path());
    assert!(matches!(Records::open(&place), Err(OpenError::NoRecords(_))));
    Records::create(&place).unwrap();
    Records::open(&place).unwrap();
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mut records = Records::create(&Place::in_folder(folder.path())).unwrap();
    enrol(&mut records, 1, 1000);
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        seen += 1;
    }
    assert_eq!(seen, 3, "the database, its write-ahead log and its index");
}

fn made_once(place: &Place) {
    assert!(matches!(
        Records::open(place),
        Err(OpenError::NoRecords(_) | OpenError::Storage(StorageError::Failed { .. }))
    ));
    let mut first = Records::create(place).unwrap();
    let store = enrol(&mut first, 1, 1000);
    let error = Records::create(place).unwrap_err();
    assert_eq!(error.to_string(), format!("{place} holds records already"));
    let mut second = Records::open(place).unwrap();
    assert_eq!(second.stores().unwrap(), vec![store]);
}

fn other_version(place: &Place) {
    drop(Records::create(place).unwrap());
    for (change, found) in [("version + 1", SCHEMA_VERSION + 1), ("0", 0)] {
        execute(place, &format!("UPDATE scrip_schema SET version = {change}"));
        let error = Records::open(place).unwrap_err();
        let expected = format!(
            "{place}: records have schema version {found}, this program reads {SCHEMA_VERSION}"
        );
        assert_eq!(error.to_string(), expected);
    }
}

fn enrolled_once(place: &Place) {
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 1000);
    assert_eq!(store.id, id(1));
    assert_eq!(store.certificate, b"certificate of 1");
    let again = records.enrol(&store.enrolment, time(99), |_| -> Result<_, EnrolError> {
        panic!("a known store needs no new certificate")
    });
    assert_eq!(again.unwrap(), store);
    assert_eq!(enrol(&mut records, 2, 1000).id, id(2));
    let mut other = store.enrolment.clone();
    other.quota.total = amount(2000);
    let error = certified(&mut records, &other).unwrap_err();
    assert_eq!(error.to_string(), "store 1 is enrolled with quota 1000, this asks for 2000");
    assert_eq!(records.store(id(1)).unwrap(), Some(store));
    assert_eq!(records.store(id(3)).unwrap(), None);
}

fn enrolment_refused(place: &Place) {
    let mut records = Records::create(place).unwrap();
    let cases: [(QuotaFault, &str); 3] = [
        (
            |quota| quota.serial_last = 101,
            "store \"Kiosk 1\": vouchers of 1010 JPY in all pass its quota of 1000",
        ),
        (
            |quota| quota.serial_last = SERIAL_MAX + 1,
            "store \"Kiosk 1\": voucher serials 1 to 4611686018427387905 are no range up to \
             4611686018427387904",
        ),
        (
            |quota| quota.serial_first = 12,
            "store \"Kiosk 1\": voucher serials 12 to 10 are no range up to 4611686018427387904",
        ),
    ];
    for (fault, message) in cases {
        let mut asked = enrolment(1, 1000);
        fault(&mut asked.quota);
        assert_eq!(certified(&mut records, &asked).unwrap_err().to_string(), message);
    }
    assert_eq!(records.stores().unwrap(), []);
}

fn certificate_failed(place: &Place) {
    let mut records = Records::create(place).unwrap();
    let refused = records.enrol(&enrolment(1, 1000), time(1), |store| {
        Err(EnrolError::Store(StoreRefusal::Unknown(store)))
    });
    assert_eq!(refused.unwrap_err().to_string(), "store 1 is not enrolled");
    assert_eq!(records.stores().unwrap(), []);
}

fn enrolled_together(place: &Place) {
    Records::create(place).unwrap();
    let stores = together(place, |records, thread| enrol(records, thread, 1000).id.number());
    let numbers: BTreeSet<u32> = stores.into_iter().collect();
    assert_eq!(numbers, (1..=THREADS.into()).collect());
}

fn revoked(place: &Place) {
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 1000);
    let medium = reserve(&mut records, store.id, 1)[0];
    assert_eq!(records.revoke_store(store.id, time(5)).unwrap(), time(5));
    assert_eq!(records.revoke_store(store.id, time(6)).unwrap(), time(5));
    let recorded = records.store(store.id).unwrap().unwrap();
    assert_eq!(recorded.status, StoreStatus::Revoked(time(5)));

    let message = "store 1 was revoked at 1970-01-01T00:00:05Z";
    let error = certified(&mut records, &store.enrolment).unwrap_err();
    assert_eq!(error.to_string(), message);
    let error = records.reserve_media(store.id, 1, &mut seeded(9)).unwrap_err();
    assert_eq!(error.to_string(), message);
    let error = add_kit(&mut records, 1, &[sheet(1, medium, &[])]).unwrap_err();
    assert_eq!(error.to_string(), message);
    let error = records.revoke_store(id(2), time(5)).unwrap_err();
    assert!(matches!(error, RevokeError::Store(StoreRefusal::Unknown(_))), "{error}");
}

fn media_once(place: &Place) {
    let mut records = Records::create(place).unwrap();
    let error = records.reserve_media(id(1), 1, &mut seeded(0)).unwrap_err();
    assert!(matches!(error, MediaError::Store(StoreRefusal::Unknown(_))), "{error}");
    let store = enrol(&mut records, 1, 1000);
    // Every thread draws the same random numbers, so each must draw on past the others'.
    let given =
        together(place, |records, _| records.reserve_media(id(1), 4, &mut seeded(7)).unwrap());
    let given: Vec<MediumId> = given.into_iter().flatten().collect();
    let distinct: BTreeSet<&MediumId> = given.iter().collect();
    assert_eq!((given.len(), distinct.len()), (4 * usize::from(THREADS), 4 * usize::from(THREADS)));
    for medium in given {
        assert_eq!(records.store_of(medium).unwrap(), Some(store.id));
    }
    let error = records.reserve_media(store.id, 2, &mut Stuck).unwrap_err();
    let expected = "104 draws gave 1 free medium numbers of the 2 asked for";
    assert_eq!(error.to_string(), expected);
    let stuck = MediumId::from_serial(u64::from_le_bytes([0x55; 8]));
    assert_eq!(records.store_of(stuck).unwrap(), None, "a refused call takes no number");
    let error = records.reserve_media(store.id, 100_001, &mut seeded(8)).unwrap_err();
    assert!(matches!(error, MediaError::TooMany(100_001)), "{error}");
}

fn kit_once(place: &Place) {
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 1000);
    let media = reserve(&mut records, store.id, 2);
    let slots = [kit_slot(0, 100), kit_slot(1, 200), held_slot(2, 300)];
    let sheets = [sheet(1, media[0], &slots), sheet(2, media[1], &slots)];
    for _ in 0..2 {
        add_kit(&mut records, 7, &sheets).unwrap();
        let in_kits = records.store(store.id).unwrap().unwrap().in_kits;
        assert_eq!(in_kits, amount(600), "what is held back is not the store's");
    }
    assert_eq!(records.kit(&[7; 16]).unwrap(), Some(kit(7)));
    assert_eq!(records.kit(&[8; 16]).unwrap(), None);
    assert_eq!(records.kits_of(store.id).unwrap(), [[7; 16]]);
    assert_eq!(records.sheets_of(media[0]).unwrap(), [sheets[0].clone()]);
    let error = records.add_kit(&Kit { content: vec![1], ..kit(7) }, yen(), &sheets).unwrap_err();
    let expected = "kit 07070707070707070707070707070707: already made for store 1 at \
                    1970-01-01T00:00:07Z, this one differs";
    assert_eq!(error.to_string(), expected);
}

fn kit_refused(place: &Place) {
    let mut records = Records::create(place).unwrap();
    enrol(&mut records, 1, 1000);
    enrol(&mut records, 2, 1000);
    let media = reserve(&mut records, id(1), 2);
    let foreign = reserve(&mut records, id(2), 1)[0];
    let nobody = MediumId::from_serial(42);
    add_kit(&mut records, 1, &[sheet(1, media[0], &[kit_slot(0, 500)])]).unwrap();
    let name = |digit: &str| digit.repeat(16);
    let cases = [
        (
            sheet(2, media[1], &[kit_slot(0, 401)]),
            "store 1: 401 JPY more in codes, with 500 in earlier kits and 100 in vouchers, pass \
             its quota of 1000"
                .to_owned(),
        ),
        (
            sheet(2, foreign, &[]),
            format!(
                "sheet {}: medium {foreign} belongs to store 2, the kit is for store 1",
                name("02")
            ),
        ),
        (
            sheet(2, nobody, &[]),
            format!(
                "sheet {}: medium {nobody} belongs to no store, the kit is for store 1",
                name("02")
            ),
        ),
        (
            sheet(1, media[1], &[]),
            format!("sheet {}: recorded already, for medium {}", name("01"), media[0]),
        ),
    ];
    for (bad, message) in cases {
        let good = sheet(3, media[1], &[held_slot(0, 1)]);
        let error = add_kit(&mut records, 2, &[good, bad]).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let euro = "EUR".parse().unwrap();
    let error = records.add_kit(&kit(2), euro, &[]).unwrap_err();
    let expected = format!("kit {}: codes are in EUR, store 1 sells JPY", name("02"));
    assert_eq!(error.to_string(), expected);
    assert_eq!(records.kit(&[2; 16]).unwrap(), None);
    assert_eq!(records.sheets_of(media[1]).unwrap(), []);
    let in_kits = records.store(id(1)).unwrap().unwrap().in_kits;
    assert_eq!(in_kits, amount(500));
    add_kit(&mut records, 2, &[sheet(2, media[1], &[kit_slot(0, 400)])]).unwrap();
}

fn quota_together(place: &Place) {
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 1000);
    let media = reserve(&mut records, store.id, THREADS.into());
    let made = together(place, |records, thread| {
        let sheet = sheet(thread, media[usize::from(thread)], &[kit_slot(0, 200)]);
        match add_kit(records, thread, &[sheet]) {
            Ok(()) => true,
            Err(KitError::OverQuota { .. }) => false,
            Err(other) => panic!("{other}"),
        }
    });
    assert_eq!(made.into_iter().filter(|made| *made).count(), 4, "(1000 - 100) / 200");
    assert_eq!(records.store(store.id).unwrap().unwrap().in_kits, amount(800));
    assert_eq!(records.kits_of(store.id).unwrap().len(), 4);
}

fn held_in_order(place: &Place) {
    let (mut records, medium) = with_held(place, &[held_slot(3, 100), held_slot(4, 100)]);
    let newer = [kit_slot(0, 100), held_slot(1, 100), held_slot(2, 300)];
    add_kit(&mut records, 2, &[sheet(2, medium, &newer)]).unwrap();
    let left = vec![(amount(100), 3), (amount(300), 1)];
    assert_eq!(records.held_stock(medium).unwrap(), Stock(left));
    let sold: Vec<(u8, u8)> = (1..=3)
        .map(|sale| sell(&mut records, medium, 100, sale).unwrap())
        .map(|slot| (slot.sheet[0], slot.slot))
        .collect();
    assert_eq!(sold, [(2, 1), (1, 3), (1, 4)]);
    let error = sell(&mut records, medium, 100, 4).unwrap_err();
    let expected = format!("medium {medium}: no held-back code of 100 is left, there are 1 of 300");
    assert_eq!(error.to_string(), expected);
    let error = sell(&mut records, medium, 300, 1).unwrap_err();
    let expected = format!(
        "this sale is recorded for medium {medium} and 100, this asks for medium {medium} and 300"
    );
    assert_eq!(error.to_string(), expected);
    let nobody = MediumId::from_serial(42);
    let error = sell(&mut records, nobody, 100, 5).unwrap_err();
    assert!(matches!(error, HeldError::UnknownMedium(_)), "{error}");
    let slots = &records.sheets_of(medium).unwrap()[0].slots;
    let states: Vec<SlotState> = slots.iter().map(|slot| slot.state).collect();
    assert_eq!(states, [SlotState::Free, SlotState::Sold(time(1)), SlotState::Free]);
}

fn one_winner(place: &Place) {
    let (_, medium) = with_held(place, &[held_slot(0, 100), kit_slot(1, 100)]);
    let sold = together(place, |records, thread| match sell(records, medium, 100, thread) {
        Ok(slot) => Some(slot.slot),
        Err(HeldError::NoneLeft { left, .. }) => {
            assert_eq!(left, Stock(Vec::new()));
            None
        }
        Err(other) => panic!("{other}"),
    });
    assert_eq!(sold.into_iter().flatten().collect::<Vec<u8>>(), [0]);
}

fn one_sale(place: &Place) {
    let slots: Vec<Slot> = (0..40).map(|slot| held_slot(slot, 100)).collect();
    let (mut records, medium) = with_held(place, &slots);
    let sold = together(place, |records, _| sell(records, medium, 100, 9).unwrap());
    assert!(sold.iter().all(|slot| *slot == sold[0]), "{sold:?}");
    assert_eq!(records.held_stock(medium).unwrap(), Stock(vec![(amount(100), 39)]));
}

/// Run the same work in many threads, each with records of its own, all starting at once.
fn together<T: Send>(place: &Place, work: impl Fn(&mut Records, u8) -> T + Sync) -> Vec<T> {
    let (start, work) = (&Barrier::new(THREADS.into()), &work);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let mut records = Records::open(place).unwrap();
                    start.wait();
                    work(&mut records, thread)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Records with one store, one medium, and one sheet for it.
fn with_held(place: &Place, slots: &[Slot]) -> (Records, MediumId) {
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 1000);
    let medium = reserve(&mut records, store.id, 1)[0];
    add_kit(&mut records, 1, &[sheet(1, medium, slots)]).unwrap();
    (records, medium)
}

fn enrol(records: &mut Records, number: u8, quota: u64) -> Store {
    certified(records, &enrolment(number, quota)).unwrap()
}

fn certified(records: &mut Records, enrolment: &Enrolment) -> Result<Store, EnrolError> {
    records.enrol(enrolment, time(1), |store| Ok(format!("certificate of {store}").into_bytes()))
}

/// A store with ten vouchers of at most 10 yen.
fn enrolment(number: u8, quota: u64) -> Enrolment {
    Enrolment {
        name: format!("Kiosk {number}"),
        holder_key: public_key(number),
        seal_key: [number; 32],
        quota: Quota {
            currency: yen(),
            total: amount(quota),
            single_max: amount(10),
            serial_first: 1,
            serial_last: 10,
        },
    }
}

fn reserve(records: &mut Records, store: StoreId, count: u32) -> Vec<MediumId> {
    records.reserve_media(store, count, &mut seeded(store.number().try_into().unwrap())).unwrap()
}

fn add_kit(records: &mut Records, number: u8, sheets: &[Sheet]) -> Result<(), KitError> {
    records.add_kit(&kit(number), yen(), sheets)
}

fn sell(
    records: &mut Records,
    medium: MediumId,
    yen: u64,
    sale: u8,
) -> Result<HeldSlot, HeldError> {
    records.sell_held_slot(medium, amount(yen), &[sale; 16], time(sale.into()))
}

fn kit(number: u8) -> Kit {
    let made_at = time(number.into());
    Kit { id: [number; 16], store: id(1), made_at, content: vec![number; 40] }
}

fn sheet(number: u8, medium: MediumId, slots: &[Slot]) -> Sheet {
    Sheet { id: [number; 16], medium, content: vec![number; 30], slots: slots.to_vec() }
}

fn kit_slot(slot: u8, yen: u64) -> Slot {
    Slot { slot, amount: amount(yen), place: SlotPlace::Kit, state: SlotState::Free }
}

fn held_slot(slot: u8, yen: u64) -> Slot {
    Slot { place: SlotPlace::Held, ..kit_slot(slot, yen) }
}

fn public_key(number: u8) -> PublicKey {
    SecretKey::from_seed([number; 32]).public()
}

/// Run a statement behind the records' back.
fn execute(place: &Place, sql: &str) {
    match place {
        Place::File(path) => {
            rusqlite::Connection::open(path).unwrap().execute(sql, []).unwrap();
        }
        Place::Server(config) => {
            config.connect(postgres::NoTls).unwrap().execute(sql, &[]).unwrap();
        }
    }
}

/// A broken source of randomness.
struct Stuck;

impl Random for Stuck {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0x55);
    }
}

fn seeded(seed: u8) -> SeededRandom {
    SeededRandom::new([seed; 32])
}

fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

fn id(number: u64) -> StoreId {
    StoreId::from_number(number).unwrap()
}

fn time(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

fn yen() -> Currency {
    "JPY".parse().unwrap()
}
