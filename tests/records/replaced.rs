//! A lost medium's money goes to its heir, once, on every database.

use scrip::crypto::sign::SecretKey;
use scrip::format::certificate::Chain;
use scrip::ledger::{Effect, Settler};
use scrip::records::{Account, Place, Records, ReplaceError, Signing};

use super::made::{amount, enrol, reserve, time};
use super::rules::execute;
use super::settled::{next, post};

pub(super) fn goes_over_once(place: &Place) {
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 1000).id;
    let media = reserve(&mut records, store, 3);
    let (lost, heir) = (media[0], media[1]);
    let begun = records.begin_replacement([lost, heir], 1, time(90), time(80)).unwrap();
    let again = records.begin_replacement([lost, heir], 2, time(99), time(95)).unwrap();
    assert_eq!(again, begun, "what is kept stays");
    let other = records.begin_replacement([lost, media[2]], 1, time(90), time(80)).unwrap_err();
    assert!(matches!(other, ReplaceError::Another { .. }), "{other}");
    let chained = records.check_replacement(media[2], lost).unwrap_err();
    assert!(matches!(chained, ReplaceError::Lost(_)), "{chained}");
    let (key, chain) = (SecretKey::from_seed([9; 32]), Chain(vec![]));
    let signing = Signing { settler: Settler { key: &key, chain: &chain }, files: &[] };
    let nothing = records.credit_heir(&begun, &signing, time(100)).unwrap();
    assert_eq!((nothing.number, nothing.credited.minor()), (0, 0), "nothing is settled yet");
    let posting = next(&records.known(lost).unwrap().unwrap(), &[(1, 70, Effect::Own)]);
    post(&mut records, 1, &[posting]).unwrap();
    assert_eq!(records.owed_to_heir(lost).unwrap(), amount(70));
    let unsettled = records.credit_heir(&begun, &signing, time(100)).unwrap_err();
    assert!(matches!(unsettled, ReplaceError::Unsettled(_)), "{unsettled}");
    let posting = next(&records.known(heir).unwrap().unwrap(), &[(2, 5, Effect::Own)]);
    post(&mut records, 2, &[posting]).unwrap();
    for _ in 0..2 {
        let credited = records.credit_heir(&begun, &signing, time(100)).unwrap();
        assert_eq!((credited.number, credited.credited), (2, amount(70)));
        let mut owed = |account| -records.account(&account).unwrap();
        let sums = [owed(Account::Settled(lost)), owed(Account::Settled(heir))];
        assert_eq!((sums, owed(Account::Outstanding(heir))), ([0, 75], -5));
    }
    let known = records.known(lost).unwrap().unwrap();
    assert_eq!((known.row.number, known.account.settled.minor()), (2, 0));
    assert_eq!(known.account.events.values().map(|booked| booked.amount).sum::<i64>(), 0);
    let form = scrip::units::CurrencyForm::usual(super::made::yen());
    let policy = scrip::issuer::default_policy(form, 2, time(1));
    assert!(records.audit(&policy, time(200)).unwrap().differing.is_empty());
    let lines = records.statement(heir, None).unwrap();
    assert_eq!((lines.closing.balance(), lines.closing.unredeemed), (75, -5));
}

pub(super) fn brought_up(place: &Place) {
    drop(Records::create(place).unwrap());
    execute(place, "DROP TABLE replacements");
    execute(place, "DROP INDEX own_entries");
    execute(place, "ALTER TABLE store_entries DROP COLUMN own");
    execute(place, "UPDATE scrip_schema SET version = 4");
    assert!(Records::open(place).unwrap().replacements().unwrap().is_empty());
}
