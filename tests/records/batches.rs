//! Plans whose rows are more than are read and written at once.

use scrip::ledger::{Booked, Effect};
use scrip::records::{Account, Move, Place, PostError, Posting, Records, Row};
use scrip::units::Sequence;

use super::made::amount;
use super::settled::{next, post, try_post};
use super::settling::{balances, stocked};

const MEDIA: u32 = 4;
/// Records of each: three media's are more than is written at once, two media's are not.
const EACH: u64 = 9_000;

/// A plan that settles so many records more of each medium, and lets its event grow.
fn plan(records: &mut Records) -> Vec<Posting> {
    let media = records.media(None, MEDIA.into()).unwrap();
    let known = media.into_iter().map(|medium| records.known(medium).unwrap().unwrap());
    known.map(|known| grown(next(&known, &[]))).collect()
}

fn grown(mut posting: Posting) -> Posting {
    let (medium, number) = (posting.medium, posting.account.number);
    let first = 1_000 + EACH * (number - 1);
    let held = (first..first + EACH).map(|seq| (Sequence::from_number(seq), [7; 32]));
    posting.account.held.extend(held);
    let booked = Booked { amount: 10 * number.cast_signed(), effect: Effect::Own, number };
    posting.account.events.insert([1; 16], booked);
    let settled = amount(10 * number);
    (posting.account.settled, posting.checkpoint.settled) = (settled, settled);
    let (debit, credit) = (Account::Outstanding(medium), Account::Settled(medium));
    posting.moves = vec![Move { debit, credit, amount: amount(10) }];
    posting
}

pub(crate) fn posted_in_several(place: &Place) {
    let (mut records, media) = stocked(place, MEDIA);
    for name in [1, 2] {
        let plan = plan(&mut records);
        let (before, standing) = (balances(&mut records), plan[0].before);
        let mut bad = plan.clone();
        bad[3].before = Row { number: 9, ..Row::UNSETTLED };
        let expected = format!("medium {}: the plan goes on from", media[3]);
        for refused in [try_post(&mut records, name, &bad), post(&mut records, name, &bad)] {
            let error = refused.unwrap_err();
            assert!(matches!(error, PostError::Moved { .. }), "{error}");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
        assert_eq!(balances(&mut records), before, "the media before it were written already");
        assert_eq!(records.known(media[0]).unwrap().unwrap().row, standing);
        assert!(try_post(&mut records, name, &plan).unwrap().new);
        let posted = post(&mut records, name, &plan).unwrap();
        assert_eq!((posted.media, posted.new), (MEDIA.into(), true));
    }
    for medium in media {
        let known = records.known(medium).unwrap().unwrap();
        assert_eq!(known.account.events[&[1; 16]].amount, 20, "grown, and booked once");
        assert_eq!(known.account.held.len() as u64, 2 * EACH + 2);
        assert_eq!(records.account(&Account::Settled(medium)).unwrap(), -20);
    }
}
