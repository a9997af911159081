//! What many at once may and may not get.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use scrip::crypto::Random;
use scrip::records::{HeldError, KitError, MediaError, Place, Records, Slot, Stock, StoreRefusal};
use scrip::units::MediumId;

use super::made::{
    add_kit, amount, enrol, held_slot, id, kit_slot, reserve, seeded, sell, sheet, with_held,
};

const THREADS: u8 = 16;

pub(super) fn enrolled_together(place: &Place) {
    Records::create(place).unwrap();
    let stores = together(place, |records, thread| enrol(records, thread, 1000).id.number());
    let numbers: BTreeSet<u32> = stores.into_iter().collect();
    assert_eq!(numbers, (1..=THREADS.into()).collect());
}

pub(super) fn quota_together(place: &Place) {
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

pub(super) fn one_winner(place: &Place) {
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

pub(super) fn one_sale(place: &Place) {
    let slots: Vec<Slot> = (0..40).map(|slot| held_slot(slot, 100)).collect();
    let (mut records, medium) = with_held(place, &slots);
    let sold = together(place, |records, _| sell(records, medium, 100, 9).unwrap());
    assert!(sold.iter().all(|slot| *slot == sold[0]), "{sold:?}");
    assert_eq!(records.held_stock(medium).unwrap(), Stock(vec![(amount(100), 39)]));
}

pub(super) fn media_once(place: &Place) {
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

/// A broken source of randomness.
struct Stuck;

impl Random for Stuck {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0x55);
    }
}
