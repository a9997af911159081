//! Every order in which a few codes and vouchers can be entered on two media, again and again,
//! across crashes, restarts and compaction: each is credited once, on its own medium alone.

use super::fixture::{Purse, SETTLER, STORE, World, host, key, minor, stated};
use super::next::{self, Slip, Statement};
use super::{Reason, Rules, State, anchored, apply, fold, settled};
use crate::crypto::sign::SecretKey;
use crate::format::checkpoint::{Bounded, Checkpoint, UsedVoucher};
use crate::format::record::{Body, Record};
use crate::format::sheet::Voucher;
use crate::trust::{Verified, sign, verify};
use crate::units::Sequence;

/// What is typed: two codes of the first medium, a code and a voucher of the second.
const ITEMS: [(usize, Item); 4] =
    [(0, Item::Code(0)), (0, Item::Code(1)), (1, Item::Code(2)), (1, Item::Voucher)];
const LENGTH: usize = 6;
const VOUCHER: u64 = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Code(u8),
    Voucher,
}

/// What happens between two entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    Nothing,
    /// The record was not committed; it is entered again.
    Crash,
    /// The journal is read from its first record on.
    Restart,
    /// A checkpoint is taken over and the journal begins behind it.
    Compaction,
}

const ALL: [Between; 4] = [Between::Nothing, Between::Crash, Between::Restart, Between::Compaction];

/// One medium as its journal holds it.
#[derive(Clone)]
struct Medium {
    start: State,
    records: Vec<Verified<Record>>,
    state: State,
    credited: [bool; 4],
}

struct Replays<'w> {
    purses: [Purse<'w>; 2],
    voucher: Verified<Voucher>,
    entries: u64,
}

impl Replays<'_> {
    fn rules(&self, place: usize) -> Rules<'_> {
        let purse = &self.purses[place];
        purse.world.rules(&purse.sheets)
    }

    /// The record that enters an item, whoever's it is, on a medium.
    fn record(&self, state: &State, item: usize) -> Record {
        let (own, what) = ITEMS[item];
        let wallet = match what {
            Item::Code(slot) => self.purses[own].code(slot),
            Item::Voucher => {
                let slip = Slip { voucher: &self.voucher, certificate: None };
                return next::topup_voucher(state, &host(), &slip, [1; 16]).unwrap();
            }
        };
        next::topup(state, &host(), &wallet, [1; 16], "store 7").unwrap()
    }

    /// Enter an item: what has to be credited is, all else is refused for its reason.
    fn enter(&mut self, media: &mut [Medium; 2], place: usize, item: usize, between: Between) {
        self.entries += 1;
        let medium = &media[place];
        let record = self.record(&medium.state, item);
        let record = Verified::unsigned(record, medium.state.signer);
        let outcome = apply(&self.rules(place), &medium.state, &record);
        let own = ITEMS[item].0 == place;
        match outcome {
            Ok(_) if between == Between::Crash && own && !medium.credited[item] => {}
            Ok(state) => {
                assert!(own && !medium.credited[item], "item {item} on medium {place} again");
                let medium = &mut media[place];
                medium.credited[item] = true;
                medium.state = state;
                medium.records.push(record);
            }
            Err(refusal) if own => {
                assert!(medium.credited[item], "{refusal}");
                assert!(matches!(refusal.reason, Reason::CreditedBefore), "{refusal}");
            }
            Err(refusal) => {
                let why = &refusal.reason;
                assert!(matches!(why, Reason::Code(_) | Reason::Voucher(_)), "{refusal}");
            }
        }
        let medium = &mut media[place];
        match between {
            Between::Nothing | Between::Crash => {}
            Between::Restart => self.restart(medium, place),
            Between::Compaction => self.compact(medium, place),
        }
        let due = |(item, credited): (usize, &bool)| match ITEMS[item].1 {
            _ if !credited => 0,
            Item::Code(_) => 500,
            Item::Voucher => VOUCHER,
        };
        let sum: u64 = media[place].credited.iter().enumerate().map(due).sum();
        assert_eq!(media[place].state.balance, minor(sum));
    }

    fn restart(&self, medium: &mut Medium, place: usize) {
        let mut state = medium.start.clone();
        for record in &medium.records {
            state = apply(&self.rules(place), &state, record).unwrap();
        }
        assert_eq!(state, medium.state);
    }

    fn compact(&self, medium: &mut Medium, place: usize) {
        let number = medium.state.checkpoint.map_or(1, |known| known.number + 1);
        let slots = u8::from(medium.credited[0]) | u8::from(medium.credited[1]) << 1;
        let slots = if place == 0 { slots } else { u8::from(medium.credited[2]) << 2 };
        let used =
            UsedVoucher { id: self.voucher.id, seq: Sequence::FIRST, at: super::fixture::at(40) };
        let vouchers = Bounded(if medium.credited[3] { vec![used] } else { vec![] });
        let checkpoint = Checkpoint { vouchers, ..stated(&medium.state, number, slots) };
        let checkpoint = Verified::unsigned(checkpoint, key(SETTLER).public().key_id());
        let state = anchored(&checkpoint, &[]).unwrap();
        assert_eq!((state.balance, state.head), (medium.state.balance, medium.state.head));
        let own = settled::used(state.medium, &checkpoint).len();
        assert_eq!(own, medium.state.credited.len());
        medium.start = state.clone();
        medium.records.clear();
        medium.state = state;
    }

    fn all(&mut self, media: &[Medium; 2], left: usize, between: &mut dyn FnMut(usize) -> Between) {
        if left == 0 {
            return;
        }
        for item in 0..ITEMS.len() {
            for place in 0..2 {
                let mut next = media.clone();
                self.enter(&mut next, place, item, between(left));
                self.all(&next, left - 1, between);
            }
        }
    }
}

fn replays(world: &World) -> (Replays<'_>, [Medium; 2]) {
    let purses = [world.purse(1, 0), world.purse(2, 0)];
    let media = [0, 1].map(|place: usize| Medium {
        start: purses[place].state.clone(),
        records: vec![],
        state: purses[place].state.clone(),
        credited: [false; 4],
    });
    let signed = purses[1].voucher(STORE, 9, VOUCHER);
    let voucher = verify(&signed, &key(STORE).public()).unwrap();
    (Replays { purses, voucher, entries: 0 }, media)
}

#[test]
fn each_code_and_voucher_is_credited_once_and_on_its_own_medium() {
    let world = World::new();
    let (mut replays, media) = replays(&world);
    for between in ALL {
        replays.all(&media, LENGTH - 1, &mut |_| between);
    }
    // What happens changes with every entry, so that each kind follows upon each other.
    replays.all(&media, LENGTH, &mut |left| ALL[left % ALL.len()]);
    let tree = |length: u32| (1..=length).map(|n| 8_u64.pow(n)).sum::<u64>();
    let length = u32::try_from(LENGTH).unwrap();
    assert_eq!(replays.entries, tree(length) + 4 * tree(length - 1));
}

#[test]
fn signed_journals_are_read_again_from_their_bytes() {
    let world = World::new();
    let (replays, media) = replays(&world);
    let mut stack = vec![(media.clone(), [vec![], vec![]], 0_usize)];
    let mut read = 0;
    while let Some((media, bytes, length)) = stack.pop() {
        for place in 0..2 {
            let fold = fold(&replays.rules(place), media[place].start.clone(), &bytes[place]);
            assert!(fold.refusal.is_none());
            assert_eq!(fold.state, media[place].state);
            read += 1;
        }
        if length == 3 {
            continue;
        }
        for (item, place) in (0..ITEMS.len()).flat_map(|item| [(item, 0), (item, 1)]) {
            let (mut media, mut bytes) = (media.clone(), bytes.clone());
            let holder: &SecretKey = &replays.purses[place].key;
            let signed = sign(holder, &replays.record(&media[place].state, item));
            let rules = replays.rules(place);
            let again = super::follow(&rules, &mut media[place].state, &signed);
            assert_eq!(again.is_ok(), ITEMS[item].0 == place && !media[place].credited[item]);
            if again.is_ok() {
                media[place].credited[item] = true;
                bytes[place].push(signed);
            }
            stack.push((media, bytes, length + 1));
        }
    }
    assert_eq!(read, 2 * (1 + 8 + 64 + 512));
}

#[test]
fn a_checkpoint_in_the_chain_forgets_nothing() {
    let world = World::new();
    let mut purse = world.purse(1, 2);
    let signed = sign(&key(SETTLER), &stated(&purse.state, 1, 3));
    let statement = Statement { checkpoint: &signed, certificate: &world.settler };
    let record = next::checkpoint(&purse.state, &host(), [7; 16], &statement);
    assert!(matches!(record.body, Body::Checkpoint { .. }));
    purse.put(&record).unwrap();
    for slot in 0..2 {
        let again = purse.refused(&purse.topup(slot));
        assert!(again.ends_with("was credited before"), "{again}");
    }
    purse.put(&purse.topup(2)).unwrap();
}
