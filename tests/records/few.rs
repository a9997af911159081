//! Codes that are left: neither sold by anyone nor credited.

use scrip::format::store::{StoreEntry, StoreEvent};
use scrip::ledger::{Booked, Effect};
use scrip::records::{CODES_FEW, Place, Records};
use scrip::units::{CurrencyForm, MediumId};
use scrip::voucher::code_event;

use super::made::{add_kit, enrol, held_slot, id, kit_slot, reserve, sell, sheet, time, yen};
use super::settled::{code, entry, import, next, post, voucher};

fn short(records: &mut Records) -> Vec<(MediumId, u64)> {
    let form = CurrencyForm::new(yen(), 0).unwrap();
    let policy = scrip::issuer::default_policy(form, 1, time(1));
    records.audit(&policy, time(90)).unwrap().short
}

pub(super) fn codes_left(place: &Place) {
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 10_000).id;
    let mut media = reserve(&mut records, store, 3);
    media.sort_unstable();
    // Two sheets of one medium count together; a medium without any has nothing that runs out.
    let [one, other] = [media[0], media[1]];
    let slots = |from: u8, to: u8| (from..to).map(|slot| kit_slot(slot, 20)).collect::<Vec<_>>();
    let held = [&slots(0, 4)[..], &[held_slot(4, 100)]].concat();
    let sheets = [sheet(1, one, &held), sheet(2, one, &slots(0, 3)), sheet(3, other, &slots(0, 6))];
    add_kit(&mut records, 1, &sheets).unwrap();
    assert_eq!(short(&mut records), [], "8 and 6 are left");
    let sold = |seq, medium, sheet, slot| {
        let value = Some(code(20, sheet, slot));
        StoreEntry { value, ..entry(id(1), seq, StoreEvent::CodeSold, medium) }
    };
    let sale = StoreEvent::VoucherSold;
    let bought = StoreEntry { value: Some(voucher(5, 6)), ..entry(id(1), 2, sale, other) };
    import(&mut records, &[sold(0, one, 1, 0), sold(1, one, 2, 0), bought]);
    sell(&mut records, one, 100, 9).unwrap();
    assert_eq!(short(&mut records), [], "5 and 6: a voucher is no code");
    // One that was sold is credited, and one that nobody sold.
    let mut credited = next(&records.known(one).unwrap().unwrap(), &[(1, 40, Effect::Own)]);
    let booked = Booked { amount: 20, effect: Effect::Own, number: 1 };
    let events = [code_event(one, &[1; 16], 0), code_event(one, &[1; 16], 1)];
    credited.account.events = events.map(|event| (event, booked)).into();
    post(&mut records, 1, &[credited]).unwrap();
    assert_eq!(short(&mut records), [(one, CODES_FEW - 1)]);
}
