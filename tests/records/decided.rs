//! Decisions are kept while what they are about stands, and the newest counts.

use scrip::ledger::Effect;
use scrip::records::{DecideError, FindingNote, Place, Records, Row, Ruled};
use scrip::units::MediumId;

use super::made::{enrol, reserve, time};
use super::rules::execute;
use super::settled::{next, post};

fn ruled(medium: MediumId, row: Row, content: &[u8]) -> Ruled<'_> {
    Ruled { finding: [7; 16], medium: Some((medium, row)), content }
}

pub(super) fn while_it_stands(place: &Place) {
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 1000).id;
    let medium = reserve(&mut records, store, 1)[0];
    let (base, unsettled) = (records.base().unwrap(), Row::UNSETTLED);
    records.try_decide(&ruled(medium, unsettled, b"one")).unwrap();
    assert!(records.decisions().unwrap().is_empty() && records.base().unwrap() == base);
    for content in [b"one", b"two"] {
        records.decide(&ruled(medium, unsettled, content), time(3)).unwrap();
        assert_eq!(records.decisions().unwrap(), [content.to_vec()], "the newest counts");
    }
    let other = Ruled { finding: [1; 16], medium: None, content: b"of no medium" };
    records.decide(&other, time(4)).unwrap();
    assert_eq!(records.decisions().unwrap(), [b"of no medium".to_vec(), b"two".to_vec()]);
    assert_ne!(records.base().unwrap(), base, "plans that were made before are made again");
    let mut posting = next(&records.known(medium).unwrap().unwrap(), &[(1, 5, Effect::Own)]);
    posting.findings = vec![FindingNote { id: [7; 16], class: 3 }];
    post(&mut records, 1, &[posting]).unwrap();
    let answered = records.decide(&ruled(medium, unsettled, b"late"), time(5)).unwrap_err();
    assert!(matches!(answered, DecideError::Answered { number: 1, .. }), "{answered}");
    let found = records.answered(|id| *id == [7; 16]).unwrap();
    assert_eq!((found.len(), found[0].0, found[0].1.number), (1, medium, 1));
    let stale = Ruled { finding: [8; 16], ..ruled(medium, unsettled, b"stale") };
    let moved = records.decide(&stale, time(5)).unwrap_err().to_string();
    assert!(moved.contains("the plan saw no checkpoint, the records hold checkpoint 1"), "{moved}");
    assert_eq!(records.decisions().unwrap().len(), 2, "what is refused leaves nothing");
}

pub(super) fn brought_up(place: &Place) {
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 1000);
    drop(records);
    for table in ["replacements", "decisions"] {
        execute(place, &format!("DROP TABLE {table}"));
    }
    execute(place, "DROP INDEX own_entries");
    execute(place, "ALTER TABLE store_entries DROP COLUMN own");
    execute(place, "UPDATE scrip_schema SET version = 3");
    let mut records = Records::open(place).unwrap();
    assert_eq!(records.stores().unwrap(), vec![store]);
    let other = Ruled { finding: [1; 16], medium: None, content: b"kept" };
    records.decide(&other, time(4)).unwrap();
    assert_eq!(records.decisions().unwrap(), [b"kept".to_vec()]);
}
