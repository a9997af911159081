//! What the records answer, refuse and keep, one call after the other.

use scrip::crypto::SeededRandom;
use scrip::records::{
    EnrolError, HeldError, Kit, OpenError, OperationError, Place, Quota, Records, RevokeError,
    SCHEMA_VERSION, SERIAL_MAX, SlotState, Stock, StorageError, StoreRefusal, StoreStatus,
};
use scrip::units::MediumId;

use super::made::{
    add_kit, amount, certified, enrol, enrolment, held_slot, id, kit, kit_slot, reserve, seeded,
    sell, sheet, time, with_held, yen,
};

type QuotaFault = fn(&mut Quota);

pub(super) fn made_once(place: &Place) {
    assert!(matches!(
        Records::open(place),
        Err(OpenError::NoRecords(_) | OpenError::Storage(StorageError::Failed { .. }))
    ));
    let mut first = Records::create(place).unwrap();
    let store = enrol(&mut first, 1, 1000);
    let error = Records::create(place).unwrap_err();
    assert_eq!(error.to_string(), format!("{place} holds records already"));
    assert!(error.storage().is_none(), "a refusal is neither damage nor failure");
    let mut second = Records::open(place).unwrap();
    assert_eq!(second.stores().unwrap(), vec![store]);
}

pub(super) fn newer_version(place: &Place) {
    drop(Records::create(place).unwrap());
    execute(place, "UPDATE scrip_schema SET version = version + 1");
    let error = Records::open(place).unwrap_err();
    let expected = format!(
        "{place}: records have schema version {}, this program reads {SCHEMA_VERSION}",
        SCHEMA_VERSION + 1
    );
    assert_eq!(error.to_string(), expected);
}

pub(super) fn read_only(place: &Place) {
    let mut records = Records::create(place).unwrap();
    enrol(&mut records, 1, 1000);
    drop(records);
    let mut reading = Records::open_reading(place).unwrap();
    assert_eq!(reading.stores().unwrap().len(), 1);
    let refused = reading.reserve_media(id(1), 1, &mut SeededRandom::new([1; 32])).unwrap_err();
    assert!(matches!(refused.storage(), Some(StorageError::Failed { .. })), "{refused}");
    assert!(refused.to_string().contains("read"), "{refused}");
    drop(reading);
    execute(place, "UPDATE scrip_schema SET version = 1");
    let error = Records::open_reading(place).unwrap_err().to_string();
    let expected = format!("{place}: records have schema version 1, this program reads ");
    assert!(error.starts_with(&expected), "{error}");
}

pub(super) fn enrolled_once(place: &Place) {
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

pub(super) fn enrolment_refused(place: &Place) {
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

pub(super) fn certificate_failed(place: &Place) {
    let mut records = Records::create(place).unwrap();
    let refused = records.enrol(&enrolment(1, 1000), time(1), |store| {
        Err(EnrolError::Store(StoreRefusal::Unknown(store)))
    });
    assert_eq!(refused.unwrap_err().to_string(), "store 1 is not enrolled");
    assert_eq!(records.stores().unwrap(), []);
}

pub(super) fn revoked(place: &Place) {
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

pub(super) fn kit_once(place: &Place) {
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

pub(super) fn kit_refused(place: &Place) {
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

pub(super) fn held_in_order(place: &Place) {
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

pub(super) fn damaged(place: &Place) {
    let mut records = Records::create(place).unwrap();
    enrol(&mut records, 1, 1000);
    let cases = [
        ("currency = 'yen'", "currency", "\"yen\" is not a currency code of three capital letters"),
        ("enrolled_at = -1", "enrolled_at", "-1 is below 0"),
        (
            "quota_minor = 1000000000001",
            "quota_minor",
            "amount 1000000000001 is above the limit of 1000000000000 minor units",
        ),
        ("seal_key = holder_key, holder_key = certificate", "holder_key", "it has 16 bytes"),
    ];
    for (change, column, reason) in cases {
        execute(place, &format!("UPDATE stores SET {change}"));
        let error = records.store(id(1)).unwrap_err();
        assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
        let expected = format!("column {column} of the records is damaged: {reason}");
        assert!(error.to_string().starts_with(&expected), "{error}");
        execute(place, "UPDATE stores SET currency = 'JPY', enrolled_at = 1, quota_minor = 1000");
    }
}

/// Run a statement behind the records' back.
pub(super) fn execute(place: &Place, sql: &str) {
    match place {
        Place::File(path) => {
            rusqlite::Connection::open(path).unwrap().execute(sql, []).unwrap();
        }
        Place::Server(config) => {
            config.connect(postgres::NoTls).unwrap().execute(sql, &[]).unwrap();
        }
    }
}
