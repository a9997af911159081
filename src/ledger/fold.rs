//! A chain of signed records, folded into what they add up to.

use super::apply::{advance, advance_claimed, refusal, step};
use super::facts::Facts;
use super::refusal::{Reason, Refusal};
use super::rules::{Asked, Rules};
use super::settled;
use super::state::State;
use crate::crypto::digest::sha256;
use crate::format::cose::Sign1;
use crate::format::record::{Body, Record, RecordHead};
use crate::format::{Kind, Object};
use crate::trust::{
    Claimed, TrustError, Verified, is_signed_by, verify, verify_all, vouched_chain,
};

/// What records add up to, and how far they follow.
#[derive(Debug)]
pub struct Fold {
    /// The state after the last record that follows.
    pub state: State,
    /// The records that follow.
    pub records: Vec<Verified<Record>>,
    /// Why the next one does not, if there is a next one.
    pub refusal: Option<Refusal>,
}

/// Verify and apply records in order, from a blank medium on, up to the first refusal.
///
/// Signatures of one key are verified all at once; where one of them is bad, one by one.
pub fn fold(rules: &Rules<'_>, blank: State, records: &[Vec<u8>]) -> Fold {
    let mut fold = Fold { state: blank, records: Vec::with_capacity(records.len()), refusal: None };
    while fold.refusal.is_none() && fold.records.len() < records.len() {
        let rest = &records[fold.records.len()..];
        let mut state = fold.state.clone();
        let run: Vec<_> = rest.iter().map_while(|bytes| plain(rules, &mut state, bytes)).collect();
        let one_by_one = run.len() + 1;
        match verify_all(run, &fold.state.holder) {
            Some(run) if !run.is_empty() => {
                fold.state = state;
                fold.records.extend(run);
            }
            _ => fold.follow(rules, &rest[..one_by_one.min(rest.len())]),
        }
    }
    fold
}

impl Fold {
    fn follow(&mut self, rules: &Rules<'_>, records: &[Vec<u8>]) {
        for bytes in records {
            match follow(rules, &mut self.state, bytes) {
                Ok(record) => self.records.push(record),
                Err(refusal) => {
                    self.refusal = Some(refusal);
                    break;
                }
            }
        }
    }
}

/// Apply a record that nobody has verified, and that leaves the holder as it is.
fn plain<'a>(rules: &Rules<'_>, state: &mut State, bytes: &'a [u8]) -> Option<Claimed<'a, Record>> {
    let record = Claimed::<Record>::read(bytes).ok()?;
    let follows = !names_holder(&record.body) && advance_claimed(rules, state, &record).is_ok();
    follows.then_some(record)
}

fn names_holder(body: &Body) -> bool {
    matches!(body, Body::Rekey { .. } | Body::Checkpoint { .. } | Body::Merge { .. })
}

/// The state of a chain by few signatures: the newest one of each key vouches for the records before
/// it, through the hashes that link them.
///
/// All that others signed is verified as ever. None where a record doesn't follow or a signature is
/// bad: [`fold`] says which.
pub fn fold_by_head(rules: &Rules<'_>, blank: State, records: &[Vec<u8>]) -> Option<State> {
    let mut state = blank;
    state.tail.reserve(records.len());
    let mut newest: Option<&[u8]> = None;
    let vouched = |newest: Option<&[u8]>, state: &State| {
        newest.is_none_or(|bytes| verify::<Record>(bytes, &state.holder).is_ok())
    };
    for bytes in records {
        let message = Sign1::decode(bytes, Kind::Record).ok()?;
        let (head, rest) = RecordHead::read(message.payload())?;
        let Some(body) = &rest.body() else { return None };
        let names_holder = names_holder(body);
        if names_holder && !is_signed_by(&message, &state.holder) {
            vouched(newest.take(), &state).then_some(())?;
            follow(rules, &mut state, bytes).ok()?;
            continue;
        }
        let record = Facts::of(&head, body);
        step(rules, &mut state, (record, sha256(bytes), message.key_id())).ok()?;
        // One that changes the holder is verified, and vouches for those before it.
        newest = (!names_holder).then_some(bytes);
    }
    vouched(newest, &state).then_some(state)
}

/// What records add up to that are settled: `head` is the hash of the newest, as the records have it,
/// and vouches for all before it; what they hold was checked when they were settled.
///
/// None where the newest is another one, or where one doesn't follow: [`fold`] says which.
pub fn fold_settled(
    rules: &Rules<'_>,
    blank: State,
    records: &[&[u8]],
    head: &[u8; 32],
) -> Option<Fold> {
    let rules = Rules { asked: Asked::Settler, ..*rules };
    let claimed: Option<Vec<_>> =
        records.iter().map(|bytes| Claimed::<Record>::read(bytes).ok()).collect();
    let chained = vouched_chain(claimed?, head, |record| record.prev)?;
    let mut state = blank;
    state.tail.reserve(chained.len());
    for (hash, record) in &chained {
        let facts = Facts::of(record, &record.body);
        step(&rules, &mut state, (facts, *hash, record.signer())).ok()?;
    }
    let records = chained.into_iter().map(|(_, record)| record).collect();
    Some(Fold { state, records, refusal: None })
}

/// The sequence that a record states; none of what is no record.
pub fn stated_sequence(record: &[u8]) -> Option<u64> {
    let message = Sign1::decode(record, Kind::Record).ok()?;
    Record::decode(message.payload()).ok().map(|record| record.seq.number())
}

/// Verify one signed record and apply it in place.
pub fn follow(
    rules: &Rules<'_>,
    state: &mut State,
    bytes: &[u8],
) -> Result<Verified<Record>, Refusal> {
    let record = read(rules, state, bytes).map_err(refusal(state))?;
    advance(rules, state, &record)?;
    Ok(record)
}

/// A record by the holder; by the new holder where a checkpoint in it names one.
fn read(rules: &Rules<'_>, state: &State, bytes: &[u8]) -> Result<Verified<Record>, Reason> {
    match verify::<Record>(bytes, &state.holder) {
        Err(fault @ TrustError::Signer { .. }) => {
            let holder = settled::named_holder(rules, bytes).ok_or(fault)?;
            Ok(verify(bytes, &holder)?)
        }
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::format::checkpoint::Checkpoint;
    use crate::format::cose::assemble;
    use crate::format::record::RecordOf;
    use crate::format::transfer::{Partner, Terms};
    use crate::ledger::fixture::{Purse, SETTLER, World, bytes, host, key, medium, minor, stated};
    use crate::ledger::next::{self, Package, Statement};
    use crate::trust::sign;

    #[test]
    fn the_head_vouches_for_its_chain_and_for_nothing_else() {
        let world = World::new();
        let mut purse = world.purse(1, 2);
        purse.put(&purse.purchase("song", 300)).unwrap();
        let rules = world.rules(&purse.sheets);
        let blank = Purse::blank(&world, 1).state;
        let all = purse.records.clone();
        let agree = |records: &[Vec<u8>]| {
            let mut each = Fold { state: blank.clone(), records: vec![], refusal: None };
            each.follow(&rules, records);
            let at_once = fold(&rules, blank.clone(), records);
            let message = |fold: &Fold| fold.refusal.as_ref().map(ToString::to_string);
            assert_eq!((&at_once.state, message(&at_once)), (&each.state, message(&each)));
            assert_eq!(at_once.records.len(), each.records.len());
            let head = fold_by_head(&rules, blank.clone(), records);
            assert!(head.as_ref().is_none_or(|head| *head == each.state), "{:?}", each.refusal);
            (each.records.len(), head.is_some())
        };
        for count in 0..=all.len() {
            assert_eq!(agree(&all[..count]), (count, true));
        }
        for at in 0..all.len() {
            let mut forged = all.clone();
            *forged[at].last_mut().unwrap() ^= 1;
            assert_eq!(agree(&forged), (at, false), "a flipped signature ends the chain before it");
            forged.remove(at);
            assert_eq!(agree(&forged), (at, at + 1 == all.len()));
        }
    }

    /// All that a record says.
    fn told<T: Debug, Rest>(record: &RecordOf<T, Rest>, body: &Body) -> String {
        let RecordOf { medium, seq, prev, floor, instance, history, accounting, body: _ } = record;
        format!("{:?}", (medium, seq, prev, floor, instance, history, accounting, body))
    }

    #[test]
    fn a_record_says_the_same_where_it_stands_as_when_it_is_kept() {
        let world = World::new();
        let mut purse = world.purse(1, 2);
        purse.put(&purse.purchase("a song of some length, \u{e4}\u{66f2}", 300)).unwrap();
        purse.put(&next::play(&purse.state, &host(), [5; 16], "song", "cat")).unwrap();
        let (price, length) = (minor(300), bytes(100));
        let terms = Terms { transfer: [4; 16], entry: [6; 32], price, length, share_ppm: 300_000 };
        let package = Package { terms: &terms, item: "film", partner: Partner::Medium(medium(2)) };
        purse
            .put(&next::download_start(&purse.state, &host(), [7; 16], &package).unwrap())
            .unwrap();
        let (mut good, mut bad) = (0, 0);
        for record in &purse.records {
            let payload = Sign1::decode(record, Kind::Record).unwrap().payload();
            let flips = (0..8 * payload.len()).map(|bit| {
                let mut flipped = payload.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                flipped
            });
            let longer = [payload, &[0]].concat();
            let cuts = (0..=payload.len()).map(|end| payload[..end].to_vec());
            for bytes in flips.chain(cuts).chain([longer]) {
                let kept = Record::decode(&bytes).ok();
                let view =
                    RecordHead::read(&bytes).and_then(|(head, rest)| Some((head, rest.body()?)));
                let view = view.map(|(head, body)| told(&head, &body));
                let kept = kept.map(|record| told(&record, &record.body));
                assert_eq!(view, kept);
                *(if kept.is_some() { &mut good } else { &mut bad }) += 1;
            }
        }
        assert!(good > 1_000 && bad > 1_000, "{good} good, {bad} bad");
    }

    #[test]
    fn a_fold_stops_where_a_foreign_key_signs() {
        let world = World::new();
        let mut purse = Purse::blank(&world, 1);
        let blank = purse.state.clone();
        let genesis = purse.put(&next::genesis(&blank, &host(), [1; 16])).unwrap();
        let forged = sign(&key(77), &purse.topup(0));
        let rules = world.rules(&purse.sheets);
        let kept = fold(&rules, blank.clone(), &[genesis.clone(), forged]);
        let good = fold(&rules, blank, &[genesis]);
        assert!(good.refusal.is_none() && good.records.len() == 1);
        assert_eq!(kept.state, good.state);
        let refusal = kept.refusal.unwrap();
        assert!(refusal.to_string().contains("signed by key"), "{refusal}");
    }

    /// A record that names this key and isn't signed by it, put on the chain all the same.
    fn put_forged(purse: &mut Purse<'_>, record: &Record) {
        let key_id = purse.public().key_id();
        let bytes = assemble(Kind::Record, key_id, record.encode(), |_| [9; 64]);
        let rules = purse.world.rules(&purse.sheets);
        let claimed = Claimed::read(&bytes).unwrap();
        advance_claimed(&rules, &mut purse.state, &claimed).unwrap();
        purse.records.push(bytes);
    }

    #[test]
    fn the_newest_record_of_each_key_is_verified() {
        let world = World::new();
        let blank = Purse::blank(&world, 1).state;
        let stolen = |forged: bool| {
            let mut purse = Purse::blank(&world, 1);
            purse.put(&next::genesis(&purse.state, &host(), [1; 16])).unwrap();
            let rekey = next::rekey(&purse.state, &host(), [2; 16], &key(66));
            if forged {
                put_forged(&mut purse, &rekey);
            } else {
                drop(purse.put(&rekey).unwrap());
            }
            purse.key = key(66);
            purse.put(&purse.topup(0)).unwrap();
            purse
        };
        for forged in [false, true] {
            let purse = stolen(forged);
            let rules = world.rules(&purse.sheets);
            let head = fold_by_head(&rules, blank.clone(), &purse.records);
            assert_eq!(head.is_some(), !forged, "a stranger's rekey");
            let each = fold(&rules, blank.clone(), &purse.records);
            assert_eq!(each.records.len(), if forged { 1 } else { 3 });
        }
    }

    #[test]
    fn a_new_holder_vouches_for_nothing_that_the_old_one_did_not_sign() {
        let world = World::new();
        let blank = Purse::blank(&world, 1).state;
        for forged in [false, true] {
            let mut purse = world.purse(1, 1);
            let checkpoint = Checkpoint { holder: key(33).public(), ..stated(&purse.state, 1, 1) };
            let signed = sign(&key(SETTLER), &checkpoint);
            let film = purse.purchase("film", 100);
            if forged {
                put_forged(&mut purse, &film);
            } else {
                drop(purse.put(&film).unwrap());
            }
            let statement = Statement { checkpoint: &signed, certificate: &world.settler };
            let taken = next::checkpoint(&purse.state, &host(), [7; 16], &statement);
            purse.key = key(33);
            purse.put(&taken).unwrap();
            purse.put(&purse.topup(1)).unwrap();
            let rules = world.rules(&purse.sheets);
            let head = fold_by_head(&rules, blank.clone(), &purse.records);
            assert_eq!(head.as_ref(), (!forged).then_some(&purse.state));
            let each = fold(&rules, blank.clone(), &purse.records);
            assert_eq!(each.records.len(), if forged { 3 } else { 6 });
        }
    }
}
