//! Taking over what a settler stated: on this chain by a checkpoint, from another by a merge.

use std::collections::BTreeSet;

use super::apply::{Case, Done};
use super::planted::{Fault, planted};
use super::refusal::Reason;
use super::rules::Rules;
use super::state::{Effect, Exposure, KeyLife, Settled, State, Step, Transfer};
use crate::crypto::digest::sha256_parts;
use crate::crypto::sign::PublicKey;
use crate::format::checkpoint::Checkpoint;
use crate::format::cose::Sign1;
use crate::format::field::Bytes;
use crate::format::record::{Body, EventId, Record};
use crate::format::{Kind, Object};
use crate::trust::Verified;
use crate::units::{Amount, MediumId, Sequence, UnitError};
use crate::voucher;

/// The holder that a checkpoint inside a record names, if a settler signed that.
///
/// A new holder key comes by checkpoint after the old one was lost: it signs that very record.
pub(super) fn named_holder(rules: &Rules<'_>, record: &[u8]) -> Option<PublicKey> {
    let message = Sign1::decode(record, Kind::Record).ok()?;
    let record = Record::decode(message.payload()).ok()?;
    let (Body::Checkpoint { checkpoint, certificate }
    | Body::Merge { checkpoint, certificate, .. }) = &record.body
    else {
        return None;
    };
    let checkpoint = rules.checkpoint(record.floor, &checkpoint.0, &certificate.0).ok()?;
    (checkpoint.medium == record.medium).then_some(checkpoint.holder)
}

/// A checkpoint whose head is on this chain: it, and the own records after its sequence.
pub(super) fn take_over(
    case: &Case<'_>,
    state: &mut State,
    checkpoint: &Bytes,
    certificate: &Bytes,
) -> Result<Done, Reason> {
    let done = case.moves_nothing(None)?;
    let checkpoint = opened(case, state, checkpoint, certificate)?;
    if state.checkpoint.is_some_and(|known| known.hash == checkpoint.hash()) {
        return Ok(done);
    }
    newer(state, &checkpoint)?;
    let Some(settled) = place(state, &checkpoint) else {
        return Err(Reason::Checkpoint("has its head on another chain"));
    };
    let counted: BTreeSet<EventId> = checkpoint.counted.0.iter().copied().collect();
    let mut tail = state.tail[settled..].to_vec();
    count(&mut tail, &counted);
    let from = checkpoint.seq.next().ok_or(Reason::Sequence(checkpoint.seq))?;
    rebuild(case, state, &checkpoint, (tail, from), &counted)?;
    Ok(done)
}

/// A checkpoint whose head is on another branch: it, and the own records that it doesn't hold.
pub(super) fn merge(
    case: &Case<'_>,
    state: &mut State,
    checkpoint: &Bytes,
    certificate: &Bytes,
    settled_since: &[EventId],
) -> Result<Done, Reason> {
    let done = case.moves_nothing(None)?;
    let checkpoint = opened(case, state, checkpoint, certificate)?;
    newer(state, &checkpoint)?;
    if place(state, &checkpoint).is_some() {
        return Err(Reason::Checkpoint("has its head on this chain"));
    }
    let since = checkpoint.settled_since.as_ref();
    let since = since.filter(|since| since.events == settled_since_hash(settled_since));
    let Some(since) = since else {
        return Err(Reason::Checkpoint("was not settled with these events"));
    };
    if state.checkpoint.map_or(0, |known| known.number) < since.number {
        return Err(Reason::Checkpoint("lists no events as far back as this chain's last"));
    }
    let mut counted: BTreeSet<EventId> = checkpoint.counted.0.iter().copied().collect();
    if !planted(Fault::MergeRepeats) {
        counted.extend(settled_since);
    }
    if !planted(Fault::ForgetUsed) {
        counted.extend(used(state.medium, &checkpoint));
    }
    let (mut tail, from) = (state.tail.clone(), state.tail_from);
    if planted(Fault::MergeForgets) {
        counted.extend(tail.iter().filter_map(|step| step.event));
    }
    count(&mut tail, &counted);
    rebuild(case, state, &checkpoint, (tail, from), &counted)?;
    Ok(done)
}

/// What a checkpoint names by its `settled_since`: SHA-256 over the events, ascending.
pub fn settled_since_hash(events: &[EventId]) -> [u8; 32] {
    let parts: Vec<&[u8]> = events.iter().map(<[u8; 16]>::as_slice).collect();
    sha256_parts(&parts)
}

/// The events of the codes and vouchers that a checkpoint lists as credited.
pub fn used(medium: MediumId, checkpoint: &Checkpoint) -> Vec<EventId> {
    let slots = checkpoint.slots.0.iter().flat_map(|used| {
        let set = |slot: &u8| used.slots[usize::from(slot / 8)] & (1 << (slot % 8)) != 0;
        (0..104).filter(set).map(|slot| voucher::code_event(medium, &used.sheet, slot))
    });
    let vouchers = checkpoint.vouchers.0.iter();
    slots.chain(vouchers.map(|used| voucher::voucher_event(medium, &used.id))).collect()
}

/// The state that a chain continues which begins behind a checkpoint.
///
/// It has no time floor: the records that follow were made before the checkpoint was known.
/// `outside` are the records of transfers and exceptions that the checkpoint lists by their hash:
/// they add nothing to the sums.
pub fn anchored(
    checkpoint: &Verified<Checkpoint>,
    outside: &[Verified<Record>],
) -> Result<State, Reason> {
    let mut state = State::blank(checkpoint.medium, checkpoint.head, checkpoint.holder);
    state.life = KeyLife::Owners;
    state.next = checkpoint.seq.next().ok_or(Reason::Sequence(checkpoint.seq))?;
    state.tail_from = state.next;
    state.policy = checkpoint.policy;
    state.credited = used(checkpoint.medium, checkpoint).into_iter().collect();
    state.exceptions = checkpoint.exceptions.0.iter().copied().collect();
    for open in &checkpoint.open.0 {
        let record = outside.iter().find(|record| record.hash() == open.start);
        let transfer = record.and_then(|record| super::transfers::carried(record, open));
        let transfer = transfer.ok_or(Reason::Checkpoint("lists a transfer that is not here"))?;
        state.transfers.insert(open.transfer, transfer);
    }
    let (balance, debt) = sums(&state, checkpoint)?;
    (state.balance, state.debt) = (balance, debt);
    state.provisional = checkpoint.provisional;
    state.checkpoint = Some(settled_by(checkpoint));
    Ok(state)
}

fn opened(
    case: &Case<'_>,
    state: &State,
    checkpoint: &Bytes,
    certificate: &Bytes,
) -> Result<Verified<Checkpoint>, Reason> {
    let floor = case.record.floor;
    let checkpoint = case.rules.checkpoint(floor, &checkpoint.0, &certificate.0)?;
    if checkpoint.medium != state.medium {
        return Err(Reason::Medium(checkpoint.medium));
    }
    if floor < checkpoint.as_of {
        return Err(Reason::Floor { found: floor, floor: checkpoint.as_of });
    }
    let (found, expected) = (case.signer, checkpoint.holder.key_id());
    if found != expected {
        let (found, expected) = (found.to_string(), expected.to_string());
        return Err(Reason::Holder { found, expected });
    }
    Ok(checkpoint)
}

fn newer(state: &State, checkpoint: &Verified<Checkpoint>) -> Result<(), Reason> {
    let known = state.checkpoint.map_or(0, |known| known.number);
    if planted(Fault::OldCheckpoint) {
        return Ok(());
    }
    if checkpoint.number <= known {
        return Err(Reason::Old { found: checkpoint.number, known });
    }
    if !state.continues(checkpoint) {
        return Err(Reason::Checkpoint("continues another one than the last"));
    }
    Ok(())
}

/// How many records of the tail are settled by a checkpoint, if its head is on this chain.
fn place(state: &State, checkpoint: &Checkpoint) -> Option<usize> {
    let before = checkpoint.seq.number().checked_add(1)?.checked_sub(state.tail_from.number())?;
    let settled = usize::try_from(before).ok()?;
    let head = match settled.checked_sub(1) {
        Some(last) => state.tail.get(last)?.hash,
        None => state.checkpoint?.head,
    };
    (head == checkpoint.head).then_some(settled)
}

/// What is settled elsewhere does not count again.
fn count(tail: &mut [Step], counted: &BTreeSet<EventId>) {
    for step in tail {
        if step.event.is_some_and(|event| counted.contains(&event)) {
            (step.amount, step.effect) = (0, Effect::Nothing);
        }
    }
}

/// Put the state together from a checkpoint and a tail; it stays as it was if that can't be.
fn rebuild(
    case: &Case<'_>,
    state: &mut State,
    checkpoint: &Verified<Checkpoint>,
    (tail, from): (Vec<Step>, Sequence),
    counted: &BTreeSet<EventId>,
) -> Result<(), Reason> {
    let mut next = state.clone();
    next.transfers.retain(|_, transfer| still_open(transfer, checkpoint, from, counted));
    (next.tail, next.tail_from) = (tail, from);
    next.exposure = exposure(&next.tail)?;
    let (balance, debt) = sums(&next, checkpoint)?;
    if debt > case.policy.debt_cap {
        let (debt, limit) = (debt.minor(), case.policy.debt_cap.minor());
        return Err(Reason::Debt { debt, policy: case.policy.number, limit });
    }
    let earned = earned(&next.tail)?;
    next.provisional = checkpoint.provisional.checked_add(earned)?;
    (next.balance, next.debt) = (balance, debt);
    if !planted(Fault::ForgetUsed) {
        next.credited.extend(used(next.medium, checkpoint));
    }
    next.exceptions.retain(|hash| !checkpoint.cleared.0.contains(hash));
    case.rules.binding(checkpoint.policy)?;
    next.policy = checkpoint.policy.max(case.policy.number);
    (next.holder, next.signer) = (checkpoint.holder, checkpoint.holder.key_id());
    next.life = KeyLife::Owners;
    next.checkpoint = Some(settled_by(checkpoint));
    *state = next;
    Ok(())
}

/// Is this download incomplete under the checkpoint? What another branch charged of it is charged.
fn still_open(
    transfer: &mut Transfer,
    checkpoint: &Checkpoint,
    from: Sequence,
    counted: &BTreeSet<EventId>,
) -> bool {
    let mut listed = checkpoint.open.0.iter();
    let listed = listed.find(|open| open.transfer == transfer.terms.transfer);
    if transfer.open.as_ref().is_none_or(|open| !counted.contains(&open.event)) {
        return transfer.start >= from || listed.is_some();
    }
    let Some(listed) = listed else { return false };
    (transfer.covered, transfer.open) = (listed.covered, None);
    true
}

fn settled_by(checkpoint: &Verified<Checkpoint>) -> Settled {
    let (number, seq, head) = (checkpoint.number, checkpoint.seq, checkpoint.head);
    Settled { number, hash: checkpoint.hash(), seq, head }
}

/// (balance, debt) of a checkpoint and the tail: what is lacking for the reserves is debt.
fn sums(state: &State, checkpoint: &Checkpoint) -> Result<(Amount, Amount), Reason> {
    let reserved: u64 = checkpoint.open.0.iter().map(|open| open.reserved.minor()).sum();
    let start = i128::from(checkpoint.settled.minor()) + i128::from(reserved)
        - i128::from(checkpoint.debt.minor());
    let own = state.tail.iter().filter(|step| step.effect != Effect::Earned);
    let net = start + own.map(|step| i128::from(step.amount)).sum::<i128>();
    let fees = checkpoint.provisional.checked_add(earned(&state.tail)?)?;
    let held = state.reserved();
    let free = net - i128::from(held.minor());
    if free >= 0 {
        return Ok((amount(net)?.checked_add(fees)?, Amount::ZERO));
    }
    Ok((held.checked_add(fees)?, amount(-free)?))
}

fn amount(minor: i128) -> Result<Amount, UnitError> {
    Amount::from_minor(u64::try_from(minor).unwrap_or(u64::MAX))
}

fn earned(tail: &[Step]) -> Result<Amount, UnitError> {
    let fees = tail.iter().filter(|step| step.effect == Effect::Earned);
    amount(fees.map(|step| i128::from(step.amount)).sum())
}

/// What the tail spent at partners.
fn exposure(tail: &[Step]) -> Result<Exposure, UnitError> {
    let at_partner = tail.iter().filter(|step| step.effect == Effect::AtPartner);
    let charged = amount(-at_partner.map(|step| i128::from(step.amount)).sum::<i128>())?;
    let began = tail.iter().filter(|step| step.effect == Effect::Began);
    Ok(Exposure { charged, transfers: began.count() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::digest::sha256;
    use crate::format::checkpoint::{Bounded, SettledSince};
    use crate::format::transfer::{Partner, Terms};
    use crate::ledger::fixture::{OTHER_STORE, STORE, stated};
    use crate::ledger::fixture::{Purse, SETTLER, World, bytes, host, key, medium, minor};
    use crate::ledger::next::{self, Package, Slip, Statement};
    use crate::ledger::{Rules, follow};
    use crate::trust::{sign, verify};

    fn settle(purse: &Purse<'_>, checkpoint: &Checkpoint) -> Vec<u8> {
        assert_eq!(checkpoint.medium, purse.state.medium);
        sign(&key(SETTLER), checkpoint)
    }

    fn taken(purse: &Purse<'_>, signed: &[u8]) -> Record {
        let statement = Statement { checkpoint: signed, certificate: &purse.world.settler };
        next::checkpoint(&purse.state, &host(), [7; 16], &statement)
    }

    fn merged(purse: &Purse<'_>, signed: &[u8], since: &[EventId]) -> Record {
        let statement = Statement { checkpoint: signed, certificate: &purse.world.settler };
        next::merge(&purse.state, &host(), [7; 16], &statement, since)
    }

    fn song() -> Terms {
        let (price, length) = (minor(300), bytes(100));
        Terms { transfer: [5; 16], entry: [6; 32], price, length, share_ppm: 300_000 }
    }

    fn start(purse: &Purse<'_>) -> Record {
        let terms = song();
        let partner = Partner::Medium(medium(2));
        let package = Package { terms: &terms, item: "song", partner };
        next::download_start(&purse.state, &host(), [4; 16], &package).unwrap()
    }

    #[test]
    fn vouchers_of_any_store_of_the_issuer_are_credited_once() {
        let world = World::new();
        let mut purse = world.purse(1, 0);
        for (store, certificate) in [(STORE, None), (OTHER_STORE, Some(&*world.other_store))] {
            let signed = purse.voucher(store, 9, 400);
            let voucher = verify(&signed, &key(store).public()).unwrap();
            let slip = Slip { voucher: &voucher, certificate };
            let record = |state: &State| next::topup_voucher(state, &host(), &slip, [1; 16]);
            purse.put(&record(&purse.state).unwrap()).unwrap();
            let again = purse.refused(&record(&purse.state).unwrap());
            assert!(again.ends_with("was credited before"), "{again}");
        }
        assert_eq!(purse.state.balance.minor(), 800);
        let signed = purse.voucher(OTHER_STORE, 10, 400);
        let voucher = verify(&signed, &key(OTHER_STORE).public()).unwrap();
        let slip = Slip { voucher: &voucher, certificate: None };
        let record = next::topup_voucher(&purse.state, &host(), &slip, [1; 16]).unwrap();
        assert!(purse.refused(&record).contains("a store that is not certified here"));
    }

    #[test]
    fn a_checkpoint_and_the_records_behind_it_are_the_whole_chain() {
        let world = World::new();
        let mut purse = world.purse(1, 1);
        purse.put(&start(&purse)).unwrap();
        let signed = settle(&purse, &stated(&purse.state, 1, 1));
        purse.put(&purse.topup(1)).unwrap();
        purse.put(&purse.purchase("film", 150)).unwrap();
        let before = purse.state.clone();
        purse.put(&taken(&purse, &signed)).unwrap();
        let after = &purse.state;
        assert_eq!((before.balance, before.free()), (minor(850), minor(550)));
        assert_eq!((after.balance, after.free(), after.debt), (minor(850), minor(550), minor(0)));
        assert_eq!((after.tail.len(), after.tail_from.number()), (3, 4));
        assert_eq!(after.exposure, Exposure::default());
        assert_eq!(after.checkpoint.unwrap().number, 1);
        let old = purse.refused(&taken(
            &purse,
            &sign(
                &key(SETTLER),
                &Checkpoint { cleared: Bounded(vec![[1; 32]]), ..stated(&before, 1, 1) },
            ),
        ));
        assert!(old.contains("checkpoint 1 is not newer than checkpoint 1"), "{old}");
        let end = next::download_end(&purse.state, &host(), [8; 16], [5; 16]).unwrap();
        purse.put(&end).unwrap();
        assert_eq!((purse.state.balance, purse.state.reserved()), (minor(550), minor(0)));
        assert_eq!(purse.state.exposure.charged, minor(300));
    }

    #[test]
    fn a_compacted_chain_gives_the_same_state() {
        let world = World::new();
        let mut purse = world.purse(1, 2);
        let begun = purse.put(&start(&purse)).unwrap();
        let signed = settle(&purse, &stated(&purse.state, 1, 3));
        let at = purse.records.len();
        purse.put(&purse.topup(2)).unwrap();
        purse.put(&taken(&purse, &signed)).unwrap();
        purse.put(&purse.purchase("film", 150)).unwrap();
        let checkpoint = verify(&signed, &key(SETTLER).public()).unwrap();
        let outside = [verify(&begun, &purse.public()).unwrap()];
        let mut anchored = anchored(&checkpoint, &outside).unwrap();
        for record in &purse.records[at..] {
            follow(&world.rules(&purse.sheets), &mut anchored, record).unwrap();
        }
        anchored.loaded = purse.state.loaded;
        anchored.policy = purse.state.policy;
        anchored.rekey = purse.state.rekey;
        assert_eq!(anchored, purse.state);
        assert!(super::anchored(&checkpoint, &[]).is_err(), "the start has to be carried along");
    }

    #[test]
    fn what_is_settled_elsewhere_counts_once() {
        let world = World::new();
        let mut own = world.purse(1, 2);
        let mut copy = world.purse(1, 2);
        let shared = own.state.clone();
        own.put(&own.purchase("film", 400)).unwrap();
        copy.put(&copy.topup(2)).unwrap();
        copy.put(&copy.purchase("song", 300)).unwrap();
        own.put(&own.topup(2)).unwrap();
        let spent = copy.state.tail.last().unwrap().event.unwrap();
        let events = next::settled_since(&[spent]);
        let settled_since = Some(SettledSince { number: 0, events });
        let checkpoint = Checkpoint { settled_since, ..stated(&copy.state, 1, 7) };
        let signed = settle(&copy, &checkpoint);
        let wrong = own.refused(&merged(&own, &signed, &[]));
        assert!(wrong.contains("was not settled with these events"), "{wrong}");
        assert!(own.refused(&taken(&own, &signed)).contains("has its head on another chain"));
        own.put(&merged(&own, &signed, &[spent])).unwrap();
        // 2 codes and slot 2 once, film and song once each; genesis, rekey and codes lie before.
        assert_eq!(own.state.balance.minor(), 1_000 + 500 - 300 - 400);
        assert_eq!(shared.balance.minor(), 1_000);
        let again = own.refused(&own.topup(2));
        assert!(again.ends_with("was credited before"), "{again}");
    }

    #[test]
    fn what_is_lacking_is_taken_from_later_topups_up_to_the_cap() {
        let world = World::new();
        let owing = |settled: u64, debt: u64| {
            let mut own = world.purse(1, 1);
            let copy = world.purse(1, 1);
            own.put(&own.purchase("film", 400)).unwrap();
            let checkpoint = Checkpoint {
                settled: minor(settled),
                debt: minor(debt),
                head: [9; 32],
                settled_since: Some(SettledSince { number: 0, events: next::settled_since(&[]) }),
                ..stated(&copy.state, 1, 1)
            };
            let signed = settle(&copy, &checkpoint);
            let record = merged(&own, &signed, &[]);
            own.put(&record).map(|_| own).map_err(|refusal| refusal.to_string())
        };
        let mut own = owing(100, 0).unwrap();
        // The code of slot 0 is settled: only the purchase of 400 is left of its own.
        assert_eq!((own.state.balance.minor(), own.state.debt.minor()), (0, 300));
        own.put(&own.topup(1)).unwrap();
        assert_eq!((own.state.balance.minor(), own.state.debt.minor()), (200, 0));
        let frozen = owing(0, 201).err().unwrap();
        assert!(
            frozen.contains("601 minor units are lacking, policy 1 lets 600 go on"),
            "{frozen}"
        );
    }

    #[test]
    fn a_new_holder_key_comes_by_checkpoint() {
        let world = World::new();
        let mut purse = world.purse(1, 1);
        let next_key = key(33);
        let holder = next_key.public();
        let checkpoint = Checkpoint { holder, ..stated(&purse.state, 1, 1) };
        let signed = settle(&purse, &checkpoint);
        let record = taken(&purse, &signed);
        assert!(purse.refused(&record).contains("it is signed by key"));
        let rules: Rules<'_> = world.rules(&purse.sheets);
        follow(&rules, &mut purse.state, &sign(&next_key, &record)).unwrap();
        assert_eq!(purse.state.holder, holder);
        let stranger = sign(&key(34), &purse.topup(1));
        assert!(follow(&rules, &mut purse.state.clone(), &stranger).is_err());
        let good = sign(&next_key, &purse.topup(1));
        follow(&rules, &mut purse.state, &good).unwrap();
        assert_ne!(sha256(&good), [0; 32]);
    }
}
