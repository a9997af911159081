//! What is known of a medium is recalled by a stamp: no other filling of the records has it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use scrip::format::store::{StoreEntry, StoreEvent};
use scrip::ledger::Effect;
use scrip::records::{Known, Place, Records};
use scrip::units::MediumId;

use super::made::{add_kit, enrol, held_slot, id, reserve, sell, sheet};
use super::settled::{entry, import, next, post, voucher};

/// What is done to the records, more or less of it.
type Step = fn(&mut Records, MediumId, u64);

fn sold(records: &mut Records, medium: MediumId, yen: u64) {
    let sale = StoreEvent::VoucherSold;
    let sale = StoreEntry { value: Some(voucher(yen, 6)), ..entry(id(1), 0, sale, medium) };
    import(records, &[sale]);
}

fn sold_by_issuer(records: &mut Records, medium: MediumId, yen: u64) {
    sell(records, medium, yen, 9).unwrap();
}

/// One event of that amount, by a plan of a number.
fn posted(records: &mut Records, medium: MediumId, yen: u64) {
    let known = records.known(medium).unwrap().unwrap();
    let name = u8::try_from(yen).unwrap();
    post(records, name, &[next(&known, &[(1, yen.cast_signed(), Effect::Own)])]).unwrap();
}

/// The same sums, of which only the evidence differs.
fn posted_other(records: &mut Records, medium: MediumId, event: u64) {
    let known = records.known(medium).unwrap().unwrap();
    let name = u8::try_from(event).unwrap();
    let mut posting = next(&known, &[(name, 7, Effect::Own)]);
    (posting.settled_since, posting.checkpoint.settled_since) = (vec![], None);
    post(records, name, &[posting]).unwrap();
}

pub(crate) fn by_contents(place: &Place) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.db");
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 1000).id;
    let media = reserve(&mut records, store, 2);
    let slots = [held_slot(3, 100), held_slot(4, 200)];
    add_kit(&mut records, 1, &[sheet(1, media[0], &slots)]).unwrap();
    records.back_up(&file, &mut |_| ControlFlow::Continue(())).unwrap();
    let mut known: BTreeMap<[u8; 32], Known> = BTreeMap::new();
    let mut look = |records: &mut Records| {
        let stamp = records.stamp(media[0]).unwrap();
        assert_eq!(records.stamp(media[0]).unwrap(), stamp, "asked again");
        let now = records.known(media[0]).unwrap().unwrap();
        let before = known.insert(stamp, now.clone());
        assert!(before.is_none_or(|before| before == now), "one stamp of different records");
        stamp
    };
    let empty = look(&mut records);
    let fillings: [(Step, [u64; 2]); 4] =
        [(sold, [40, 41]), (sold_by_issuer, [100, 200]), (posted, [5, 6]), (posted_other, [2, 3])];
    for (case, (step, sums)) in fillings.into_iter().enumerate() {
        for sum in sums {
            let place = Place::File(folder.path().join(format!("{case}-{sum}.db")));
            Records::restore(&file, &place, &mut |_| ControlFlow::Continue(())).unwrap();
            let mut back = Records::open(&place).unwrap();
            assert_eq!(look(&mut back), empty, "the same records, wherever they lie");
            let other = back.stamp(media[1]).unwrap();
            step(&mut back, media[0], sum);
            look(&mut back);
            assert_eq!(back.stamp(media[1]).unwrap(), other, "nothing was said of that one");
        }
    }
    for (step, [sum, _]) in &fillings[..3] {
        step(&mut records, media[0], *sum);
        look(&mut records);
    }
    assert_eq!(known.len(), 1 + 8 + 2, "each filling has its own, the first step alone had one");
}
