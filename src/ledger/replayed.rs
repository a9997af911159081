//! The same codes and vouchers entered again and again over real journals, across crashes, restarts
//! and compactions: each is credited once, on its own medium alone.
//!
//! An entry on one medium touches no byte of the other, so all orders of entries on two media follow
//! from all orders on each.

use std::collections::BTreeMap;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Plain,
    /// The medium is pulled out while it is written, then the entry is repeated.
    Crash(u64),
    /// The journal is opened again.
    Restart,
    /// The journal is compacted under a checkpoint, and opened again.
    Compaction,
}

/// Rotations of what happens; the first four are the same at each entry.
const WAYS: [[Way; 3]; 8] = {
    use Way::{Compaction, Crash, Plain, Restart};
    [
        [Plain, Plain, Plain],
        [Crash(0), Crash(1), Crash(2)],
        [Restart, Restart, Restart],
        [Compaction, Compaction, Compaction],
        [Plain, Compaction, Crash(3)],
        [Compaction, Crash(1), Restart],
        [Crash(2), Compaction, Plain],
        [Restart, Plain, Compaction],
    ]
};

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

struct Replayed<'w> {
    purses: [Purse<'w>; 2],
    blanks: [State; 2],
    voucher: Verified<Voucher>,
    place: usize,
    entries: u64,
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
        self.entries += 1;
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
            Way::Compaction => self.compact(held),
        }
        let due = held.credited.iter().zip(SUMS).filter(|(credited, _)| **credited);
        assert_eq!(held.state.balance, minor(due.map(|(_, sum)| sum).sum()));
    }

    fn compact(&self, held: &mut Held) {
        let slots = (0..3).map(|item| u8::from(held.credited[item]) << item).sum();
        let used =
            UsedVoucher { id: self.voucher.id, seq: Sequence::FIRST, at: super::fixture::at(40) };
        let vouchers = Bounded(if held.credited[3] { vec![used] } else { vec![] });
        let prev = held.hash;
        let checkpoint = stated(&held.state, held.number + 1, slots);
        let signed = sign(&key(SETTLER), &Checkpoint { prev, vouchers, ..checkpoint });
        let certificate = self.purses[self.place].world.settler.clone();
        let mut journal = Journal::open(&held.device, PLACE, RamKind::Rewritable).unwrap();
        let newest =
            journal.reading().records.last().is_some_and(|last| sha256(last) == held.state.head);
        if !newest {
            // Nothing was added since the last compaction.
            return;
        }
        (held.number, held.hash) = (held.number + 1, sha256(&signed));
        let front = [signed, certificate];
        let carry = Carry { head: held.state.head, checkpoint: &front, outside: &[] };
        let _mirrored = journal.compact(&carry, &mut Kept(vec![])).unwrap();
        drop(journal);
        held.state = self.read(&held.device);
    }

    fn all(&mut self, held: &Held, done: usize, ways: [Way; 3]) {
        if done == LENGTH {
            return;
        }
        for item in 0..ITEMS.len() {
            let mut next = held.copy();
            self.enter(&mut next, item, ways[done % ways.len()]);
            self.all(&next, done + 1, ways);
        }
    }
}

#[test]
fn each_is_credited_once_over_real_journals() {
    let world = World::new();
    let purses = [world.purse(1, 0), world.purse(2, 0)];
    let blanks = [1, 2].map(|serial| Purse::blank(&world, serial).state);
    let signed = purses[1].voucher(STORE, 1, VOUCHER);
    let voucher = verify(&signed, &key(STORE).public()).unwrap();
    let (entries, outcomes) = (0, BTreeMap::new());
    let mut replayed = Replayed { purses, blanks, voucher, place: 0, entries, outcomes };
    for place in 0..2 {
        replayed.place = place;
        let purse = &replayed.purses[place];
        let device = MemoryDevice::zeroed(48 << 10);
        for start in PLACE.starts {
            device.write_at(start, &first_frames(&purse.records).unwrap()).unwrap();
        }
        let (state, hash) = (purse.state.clone(), replayed.blanks[place].head);
        let held = Held { device, state, credited: [false; 4], number: 0, hash };
        for ways in WAYS {
            replayed.all(&held, 0, ways);
        }
    }
    let orders = 4_u64.pow(6) * WAYS.len() as u64 * 2;
    println!("{} entries in {orders} orders: {:?}", replayed.entries, replayed.outcomes);
    assert_eq!(
        replayed.entries,
        WAYS.len() as u64 * 2 * (1..=6).map(|n| 4_u64.pow(n)).sum::<u64>()
    );
    assert!(replayed.outcomes.len() >= 12, "{:?}", replayed.outcomes);
}
