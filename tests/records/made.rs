//! Stores, kits and sheets as the tests make them.

use scrip::crypto::SeededRandom;
use scrip::crypto::sign::{PublicKey, SecretKey};
use scrip::records::{
    EnrolError, Enrolment, HeldError, HeldSlot, Kit, KitError, Place, Quota, Records, Sheet, Slot,
    SlotPlace, SlotState, Store,
};
use scrip::units::{Amount, Currency, MediumId, StoreId, Timestamp};

/// Records with one store, one medium, and one sheet for it.
pub(super) fn with_held(place: &Place, slots: &[Slot]) -> (Records, MediumId) {
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 1000);
    let medium = reserve(&mut records, store.id, 1)[0];
    add_kit(&mut records, 1, &[sheet(1, medium, slots)]).unwrap();
    (records, medium)
}

pub(super) fn enrol(records: &mut Records, number: u8, quota: u64) -> Store {
    certified(records, &enrolment(number, quota)).unwrap()
}

pub(super) fn certified(records: &mut Records, enrolment: &Enrolment) -> Result<Store, EnrolError> {
    records.enrol(enrolment, time(1), |store| Ok(format!("certificate of {store}").into_bytes()))
}

/// A store with ten vouchers of at most 10 yen.
pub(super) fn enrolment(number: u8, quota: u64) -> Enrolment {
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

pub(super) fn reserve(records: &mut Records, store: StoreId, count: u32) -> Vec<MediumId> {
    records.reserve_media(store, count, &mut seeded(store.number().try_into().unwrap())).unwrap()
}

pub(super) fn add_kit(records: &mut Records, number: u8, sheets: &[Sheet]) -> Result<(), KitError> {
    records.add_kit(&kit(number), yen(), sheets)
}

pub(super) fn sell(
    records: &mut Records,
    medium: MediumId,
    yen: u64,
    sale: u8,
) -> Result<HeldSlot, HeldError> {
    records.sell_held_slot(medium, amount(yen), &[sale; 16], time(sale.into()))
}

pub(super) fn kit(number: u8) -> Kit {
    let made_at = time(number.into());
    Kit { id: [number; 16], store: id(1), made_at, content: vec![number; 40] }
}

pub(super) fn sheet(number: u8, medium: MediumId, slots: &[Slot]) -> Sheet {
    Sheet { id: [number; 16], medium, content: vec![number; 30], slots: slots.to_vec() }
}

pub(super) fn kit_slot(slot: u8, yen: u64) -> Slot {
    Slot { slot, amount: amount(yen), place: SlotPlace::Kit, state: SlotState::Free }
}

pub(super) fn held_slot(slot: u8, yen: u64) -> Slot {
    Slot { place: SlotPlace::Held, ..kit_slot(slot, yen) }
}

pub(super) fn public_key(number: u8) -> PublicKey {
    SecretKey::from_seed([number; 32]).public()
}

pub(super) fn seeded(seed: u8) -> SeededRandom {
    SeededRandom::new([seed; 32])
}

pub(super) fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

pub(super) fn id(number: u64) -> StoreId {
    StoreId::from_number(number).unwrap()
}

pub(super) fn time(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

pub(super) fn yen() -> Currency {
    "JPY".parse().unwrap()
}
