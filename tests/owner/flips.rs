//! Bits flipped on a medium: what the wallet opens is what was there, or a typed error; never
//! another balance.

use std::thread;

use scrip::crypto::Random;
use scrip::device::{Device, DeviceError, MemoryDevice};
use scrip::format::access::SLOT_BYTES;
use scrip::format::record::Record;
use scrip::image::layout::ACCESS_BYTES;
use scrip::trust::Verified;
use scrip::units::Amount;
use scrip::wallet::{Medium, OpenError, Opened, UnusableError};

use super::{FIRST, OWN, SERIAL, Scratch, entry, examined, medium, password, rng};
use crate::goods::sample;
use crate::world::{at, edition_secret, minor};

/// Flips tried in a journal, every one of which the journal's own tests try.
const SEEDED: u64 = if cfg!(feature = "thorough") { 10_000 } else { 1_000 };
/// Flips that the whole check reads before the wallet does; it hashes all of the medium each time.
const CHECKED: u64 = if cfg!(feature = "thorough") { 120 } else { 24 };
/// Of an access file and of a ring file, the bytes that hold something.
const FILLED: u64 = 256;
const WORKERS: u64 = 2;

/// Storage some of whose bits read otherwise than they were written.
struct Flipped<'d> {
    below: &'d MemoryDevice,
    bits: &'d [u64],
}

impl Device for Flipped<'_> {
    fn len_bytes(&self) -> u64 {
        self.below.len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.below.read_at(offset, buf)?;
        for bit in self.bits {
            let place = (bit / 8).checked_sub(offset).and_then(|at| usize::try_from(at).ok());
            if let Some(byte) = place.and_then(|place| buf.get_mut(place)) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Ok(())
    }

    fn write_at(&self, _: u64, _: &[u8]) -> Result<(), DeviceError> {
        unreachable!("what is written stays above")
    }

    fn flush(&self) -> Result<(), DeviceError> {
        Ok(())
    }
}

/// An owner's medium with so many records in its journal, whose banks end soon behind them.
struct Written {
    device: MemoryDevice,
    medium: Medium,
    end: u64,
}

fn written(records: usize) -> Written {
    let device = sample(SERIAL).burnt();
    let mut opened = Opened::open(&device, medium(&device), &mut rng(1)).unwrap();
    let first = opened.unlock(&password(FIRST)).unwrap();
    let keys = opened.rekey(&first, &password(OWN), at(1_000), &mut rng(2)).unwrap().keys;
    for slot in [0, 1] {
        let credit = opened.medium().judge(&entry(SERIAL, slot)).ok().unwrap();
        opened.topup(&keys, &credit, at(1_001), &mut rng(slot)).unwrap();
    }
    let mut random = rng(4);
    for _ in opened.medium().account().records.len()..records {
        opened.buy(&keys, ("song", "a singer"), minor(1), at(1_002), &mut random).unwrap();
    }
    drop(opened);
    let end = (records as u64 + 2) * 1024;
    let mut checked = examined(&device);
    checked.grounds.as_mut().unwrap().journal.bytes = 2 * end;
    let medium = Medium::of(checked).unwrap();
    assert_eq!(medium.account().records.len(), records);
    Written { device, medium, end }
}

fn below(random: &mut dyn Random, limit: u64) -> u64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    u64::from_be_bytes(bytes) % limit
}

fn same(some: &[Verified<Record>], others: &[Verified<Record>]) -> bool {
    some.iter().map(Verified::bytes).eq(others.iter().map(Verified::bytes))
}

/// Some of so many bits, or all of them; returns how many were tried.
fn tried(count: u64, at_most: Option<u64>, look: impl Fn(u64) + Sync) -> u64 {
    let tries = at_most.map_or(count, |most| most.min(count));
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let look = &look;
            scope.spawn(move || {
                let mut random = rng(worker.to_be_bytes()[7]);
                for nth in (worker..tries).step_by(usize::try_from(WORKERS).unwrap()) {
                    look(if tries == count { nth } else { below(&mut random, count) });
                }
            });
        }
    });
    tries
}

impl Written {
    /// The wallet over flipped bits; what it mends isn't kept.
    fn open<R>(
        &self,
        bits: &[u64],
        then: impl FnOnce(Result<Opened<Scratch<'_>>, OpenError>) -> R,
    ) -> R {
        let flipped = Flipped { below: &self.device, bits };
        then(Opened::open(Scratch::over(&flipped), self.medium.clone(), &mut rng(9)))
    }

    fn balance(&self) -> Amount {
        self.medium.balance()
    }

    /// One flipped bit of the journal is read from the other copy.
    fn same_records(&self, bit: u64) {
        self.open(&[bit], |opened| {
            let opened = opened.unwrap_or_else(|error| panic!("bit {bit}: {error}"));
            let (found, own) = (opened.medium().account(), self.medium.account());
            assert!(same(&found.records, &own.records), "bit {bit}: other records");
            assert_eq!(found.state.balance, self.balance(), "bit {bit}");
        });
    }

    /// Where in an access file the one slot that holds something begins.
    fn slot(&self) -> u64 {
        let mut file = vec![0; usize::try_from(ACCESS_BYTES).unwrap()];
        self.device.read_at(self.medium.grounds().access[0], &mut file).unwrap();
        let place = file.iter().position(|byte| *byte != 0).unwrap();
        (place - place % SLOT_BYTES) as u64
    }

    /// A bit of either copy of the journal, as far as it is used.
    fn journal_bit(&self, nth: u64) -> u64 {
        let starts = self.medium.grounds().journal.starts;
        let bits = self.end * 8;
        starts[usize::try_from(nth / bits).unwrap()] * 8 + nth % bits
    }
}

#[test]
fn every_flip_in_what_access_and_ring_files_hold_opens_the_same_keys() {
    let written = written(5);
    let (grounds, holder) = (written.medium.grounds(), written.medium.account().state.holder);
    let items: Vec<_> =
        grounds.items.iter().filter_map(|item| Some((item, item.content?))).collect();
    let starts = [grounds.access.map(|start| start + written.slot()), grounds.ring].concat();
    let bits = FILLED * 8;
    tried(starts.len() as u64 * bits, None, |nth| {
        let bit = starts[usize::try_from(nth / bits).unwrap()] * 8 + nth % bits;
        written.open(&[bit], |opened| {
            let mut opened = opened.unwrap_or_else(|error| panic!("bit {bit}: {error}"));
            let unlocked = opened.unlock(&password(OWN));
            let unlocked = unlocked.unwrap_or_else(|error| panic!("bit {bit}: {error}"));
            assert_eq!(unlocked.keys.key.public(), holder, "bit {bit}");
            assert_eq!(opened.medium().balance(), written.balance(), "bit {bit}");
            for (item, content) in &items {
                let key = opened.item_key(&unlocked.keys, &item.root).unwrap();
                let expected = edition_secret().item_key(&item.id, content);
                assert!(key.as_ref() == Some(&expected), "bit {bit}: {}", item.id);
            }
        });
    });
    assert_eq!(items.len(), 2);
}

#[test]
fn flips_in_a_journal_of_twenty_records_leave_the_wallet_its_balance() {
    let written = written(20);
    let count = 2 * written.end * 8;
    let tries = tried(count, Some(SEEDED), |nth| written.same_records(written.journal_bit(nth)));
    println!("{tries} of {count} flips in twenty records");
}

#[test]
fn flips_in_a_journal_of_two_hundred_records_leave_the_wallet_its_balance() {
    let written = written(200);
    let count = 2 * written.end * 8;
    let tries = tried(count, Some(SEEDED), |nth| written.same_records(written.journal_bit(nth)));
    println!("{tries} of {count} flips in two hundred records");
}

/// From the check to the wallet, one flip anywhere in the writable copies or one in each of them.
#[test]
fn flips_are_told_or_mended_all_the_way_from_the_check_to_the_wallet() {
    let written = written(20);
    let own = written.medium.account();
    let mut random = rng(11);
    let mut damaged = 0;
    for nth in 0..CHECKED {
        let one = below(&mut random, written.end * 8);
        let other = one / 8192 * 8192 + below(&mut random, 8192);
        let both = [written.journal_bit(one), written.journal_bit(written.end * 8 + other)];
        let bits = if nth % 2 == 0 { &both[..1] } else { &both };
        let flipped = Flipped { below: &written.device, bits };
        match Medium::of(examined(&flipped)) {
            Ok(found) if found.balance() == written.balance() => {
                assert!(same(&found.account().records, &own.records), "bits {bits:?}");
            }
            // The last record damaged in both copies can't be told from a torn append.
            Ok(found) => assert!(
                same(&found.account().records, &own.records[..own.records.len() - 1]),
                "bits {bits:?}"
            ),
            Err(UnusableError::Journal(reason)) => {
                let reason = reason.en();
                assert!(bits.len() == 2 && reason.contains("frame"), "bits {bits:?}: {reason}");
                damaged += 1;
            }
            Err(error) => panic!("bits {bits:?}: {error}"),
        }
    }
    println!("{CHECKED} flips from the check on, {damaged} told as damage");
    assert!(damaged > 0);
}
