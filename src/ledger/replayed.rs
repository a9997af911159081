//! The same codes and vouchers entered again and again on two real journals, with everything that may
//! happen at each entry: each is credited once, on its own medium alone.
//!
//! Sequences that leave the same bytes on both media go on as one, so that all of them are walked:
//! each is counted, and each step from each different pair of media is taken.

use std::collections::{BTreeMap, HashMap};

use super::fixture::{Purse, SETTLER, STORE, World, host, key, minor, stated};
use super::next::{self, Slip};
use super::{Chained, Reason, Rules, State, fold_journal, follow};
use crate::crypto::digest::sha256;
use crate::device::simulated::{StopAt, Stopping};
use crate::device::{Device, MemoryDevice};
use crate::format::checkpoint::{Bounded, Checkpoint, UsedVoucher};
use crate::format::edition::RamKind;
use crate::format::record::Record;
use crate::format::sheet::Voucher;
use crate::journal::{Carry, Journal, Kept, Place, Use, first_frames, read};
use crate::trust::{Verified, sign, verify};
use crate::units::Sequence;

const PLACE: Place = Place { starts: [0, 24 << 10], bytes: 24 << 10 };
const LENGTH: usize = 6;
const VOUCHER: u64 = 300;
/// What is typed: two codes of the first medium, a code and a voucher of the second.
const ITEMS: [(usize, Option<u8>); 4] = [(0, Some(0)), (0, Some(1)), (1, Some(2)), (1, None)];
const SUMS: [u64; 4] = [500, 500, 500, VOUCHER];

/// What happens at an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Way {
    Plain,
    /// The medium is pulled out while it is written, then the entry is repeated.
    Crash(u64),
    /// The journal is opened again.
    Restart,
    /// The journal is compacted under a checkpoint, and opened again.
    Compaction,
    /// The medium is pulled out while it is compacted.
    Broken(u64),
}

/// An append stopped at each write and flush; a compaction before it counts, and after.
const WAYS: [Way; 9] = {
    use Way::{Broken, Compaction, Crash, Plain, Restart};
    [Plain, Crash(0), Crash(1), Crash(2), Crash(3), Restart, Compaction, Broken(3), Broken(6)]
};

/// The ways that are walked: without the last two in seconds, with them in a minute.
fn ways() -> &'static [Way] {
    if cfg!(feature = "thorough") { &WAYS } else { &WAYS[..7] }
}

/// What is held in memory of one medium; the rest lies on its device.
struct Held {
    device: MemoryDevice,
    state: State,
    credited: [bool; 4],
    number: u64,
    hash: [u8; 32],
}

impl Held {
    fn copy(&self) -> Self {
        let device = MemoryDevice::from_bytes(self.device.snapshot());
        Self { device, state: self.state.clone(), ..*self }
    }
}

fn append(device: impl Device, record: &[u8]) -> bool {
    let journal = Journal::open(device, PLACE, RamKind::Rewritable);
    journal.is_ok_and(|mut journal| journal.append(record, Use::Keeps).is_ok())
}

/// One of the two media, by its place and the number it was met as.
type Met = (usize, usize);

struct Replayed<'w> {
    purses: [Purse<'w>; 2],
    blanks: [State; 2],
    voucher: Verified<Voucher>,
    place: usize,
    /// Of each medium all that differ, and which they are by what lies on them.
    met: [Vec<Held>; 2],
    known: HashMap<(usize, [u8; 32]), usize>,
    steps: HashMap<(Met, usize, Way), usize>,
    outcomes: BTreeMap<(Way, bool), u64>,
}

impl Replayed<'_> {
    fn rules(&self) -> Rules<'_> {
        let purse = &self.purses[self.place];
        purse.world.rules(&purse.sheets)
    }

    fn record(&self, state: &State, item: usize) -> Vec<u8> {
        let (own, slot) = ITEMS[item];
        let record: Record = if let Some(slot) = slot {
            let code = self.purses[own].code(slot);
            next::topup(state, &host(), &code, [1; 16], "store 7").unwrap()
        } else {
            let slip = Slip { voucher: &self.voucher, certificate: None };
            next::topup_voucher(state, &host(), &slip, [1; 16]).unwrap()
        };
        sign(&self.purses[self.place].key, &record)
    }

    /// What the journal on the device adds up to, and nothing else.
    fn read(&self, device: &MemoryDevice) -> State {
        let reading = read(device, &PLACE).unwrap();
        let blank = self.blanks[self.place].clone();
        let Chained { fold, .. } =
            fold_journal(&self.rules(), blank, &reading.records, &reading.outside).unwrap();
        assert!(fold.refusal.is_none());
        fold.state
    }

    fn enter(&mut self, held: &mut Held, item: usize, way: Way) {
        let record = self.record(&held.state, item);
        let mut after = held.state.clone();
        let outcome = follow(&self.rules(), &mut after, &record);
        let own = ITEMS[item].0 == self.place;
        *self.outcomes.entry((way, outcome.is_ok())).or_default() += 1;
        match outcome {
            Ok(_) => {
                assert!(own && !held.credited[item], "item {item} again");
                if let Way::Crash(stop) = way {
                    let power = Stopping::new(&held.device, StopAt::WriteOrFlush(stop)).tearing(1);
                    assert!(!append(&power, &record));
                    held.state = self.read(&held.device);
                }
                if held.state.head != sha256(&record) {
                    assert!(append(&held.device, &record));
                    held.state = after;
                }
                held.credited[item] = true;
            }
            Err(refusal) if own => {
                assert!(held.credited[item], "{refusal}");
                assert!(matches!(refusal.reason, Reason::CreditedBefore), "{refusal}");
            }
            Err(refusal) => {
                let why = &refusal.reason;
                assert!(matches!(why, Reason::Code(_) | Reason::Voucher(_)), "{refusal}");
            }
        }
        match way {
            Way::Plain | Way::Crash(_) => {}
            Way::Restart => held.state = self.read(&held.device),
            Way::Compaction => self.compact(held, u64::MAX),
            Way::Broken(stop) => self.compact(held, stop),
        }
        let due = held.credited.iter().zip(SUMS).filter(|(credited, _)| **credited);
        assert_eq!(held.state.balance, minor(due.map(|(_, sum)| sum).sum()));
    }

    /// Compact under a checkpoint; the power goes at this write or flush.
    fn compact(&self, held: &mut Held, stop: u64) {
        let slots = (0..3).map(|item| u8::from(held.credited[item]) << item).sum();
        let used =
            UsedVoucher { id: self.voucher.id, seq: Sequence::FIRST, at: super::fixture::at(40) };
        let vouchers = Bounded(if held.credited[3] { vec![used] } else { vec![] });
        let prev = held.hash;
        let number = held.number + 1;
        let checkpoint = stated(&held.state, number, slots);
        let signed = sign(&key(SETTLER), &Checkpoint { prev, vouchers, ..checkpoint });
        let certificate = self.purses[self.place].world.settler.clone();
        let newest = read(&held.device, &PLACE).unwrap().records.pop();
        if newest.is_none_or(|newest| sha256(&newest) != held.state.head) {
            // Nothing was added since the last compaction.
            return;
        }
        let front = [signed, certificate];
        let carry = Carry { head: held.state.head, checkpoint: &front, outside: &[] };
        let power = Stopping::new(&held.device, StopAt::WriteOrFlush(stop)).tearing(1);
        let done = Journal::open(&power, PLACE, RamKind::Rewritable)
            .is_ok_and(|mut journal| journal.compact(&carry, &mut Kept(vec![])).is_ok());
        assert!(done || stop < u64::MAX);
        held.state = self.read(&held.device);
        let counts = held.state.checkpoint.is_some_and(|known| known.number == number);
        assert!(counts || !done);
        if counts {
            (held.number, held.hash) = (number, sha256(&front[0]));
        }
    }

    /// Which of the media that differ this is, in the bytes that it holds.
    fn meet(&mut self, held: Held) -> usize {
        let bytes = [&held.device.snapshot()[..], &held.number.to_be_bytes(), &held.hash].concat();
        let met = &mut self.met[self.place];
        let id = *self.known.entry((self.place, sha256(&bytes))).or_insert(met.len());
        match met.get(id) {
            Some(same) => assert_eq!((&same.state, same.credited), (&held.state, held.credited)),
            None => met.push(held),
        }
        id
    }

    /// What an entry makes of a medium.
    fn step(&mut self, (place, id): Met, item: usize, way: Way) -> usize {
        if let Some(known) = self.steps.get(&((place, id), item, way)) {
            return *known;
        }
        self.place = place;
        let mut held = self.met[place][id].copy();
        self.enter(&mut held, item, way);
        let next = self.meet(held);
        self.steps.insert(((place, id), item, way), next);
        next
    }

    /// All pairs of media that one more entry may leave, each with the sequences that lead there.
    fn further(&mut self, pairs: &BTreeMap<[usize; 2], u64>) -> BTreeMap<[usize; 2], u64> {
        let mut further = BTreeMap::new();
        for (pair, sequences) in pairs {
            for (place, item) in (0..2).flat_map(|place| (0..4).map(move |item| (place, item))) {
                for way in ways() {
                    let mut next = *pair;
                    next[place] = self.step((place, pair[place]), item, *way);
                    *further.entry(next).or_default() += sequences;
                }
            }
        }
        further
    }

    /// What was credited on both is what their journals add up to, each thing on its own medium.
    fn check(&self, pair: [usize; 2]) {
        let [one, other] = [0, 1].map(|place| &self.met[place][pair[place]]);
        let both = one.credited.iter().zip(other.credited);
        assert!(both.clone().all(|(one, other)| !(*one && other)));
        let due = both.zip(SUMS).filter(|((one, other), _)| **one || *other);
        let sum = one.state.balance.minor() + other.state.balance.minor();
        assert_eq!(sum, due.map(|(_, sum)| sum).sum::<u64>());
    }
}

#[test]
fn each_is_credited_once_over_real_journals() {
    let world = World::new();
    let purses = [world.purse(1, 0), world.purse(2, 0)];
    let blanks = [1, 2].map(|serial| Purse::blank(&world, serial).state);
    let signed = purses[1].voucher(STORE, 1, VOUCHER);
    let voucher = verify(&signed, &key(STORE).public()).unwrap();
    let (met, known) = ([vec![], vec![]], HashMap::new());
    let (steps, outcomes) = (HashMap::new(), BTreeMap::new());
    let mut replayed = Replayed { purses, blanks, voucher, place: 0, met, known, steps, outcomes };
    for place in 0..2 {
        replayed.place = place;
        let purse = &replayed.purses[place];
        let device = MemoryDevice::zeroed(48 << 10);
        for start in PLACE.starts {
            device.write_at(start, &first_frames(&purse.records).unwrap()).unwrap();
        }
        let (state, hash) = (purse.state.clone(), replayed.blanks[place].head);
        let first = Held { device, state, credited: [false; 4], number: 0, hash };
        assert_eq!(replayed.meet(first), 0);
    }
    let mut pairs = BTreeMap::from([([0, 0], 1)]);
    for entries in 1..=LENGTH {
        pairs = replayed.further(&pairs);
        for pair in pairs.keys() {
            replayed.check(*pair);
        }
        let sequences = pairs.values().sum::<u64>();
        println!("{sequences} sequences of {entries} entries leave {} pairs of media", pairs.len());
        assert_eq!(sequences, (2 * 4 * ways().len() as u64).pow(u32::try_from(entries).unwrap()));
    }
    let Replayed { met: [one, other], steps, outcomes, .. } = replayed;
    println!("{} and {} media, {} steps: {outcomes:?}", one.len(), other.len(), steps.len());
    assert_eq!(outcomes.len(), 2 * ways().len(), "each way with something credited and refused");
    let all = |met: &[Held]| met.iter().any(|held| held.state.balance > minor(500));
    assert!(all(&one) && all(&other) && pairs.len() > 1_000, "{} pairs", pairs.len());
}
