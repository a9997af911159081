//! A medium in its owner's hands: login, passwords, top-ups, history; in the library and through
//! the built tool.

mod alone;
pub(crate) mod bench;
mod clock;
mod colour;
mod cost;
mod crash;
mod damage;
mod doctor;
mod flips;
mod kills;
mod japanese;
mod menu;
mod papers;
mod play;
mod prompts;
mod refused;
mod ring;
mod settled;
pub(crate) mod storage;
mod take;
mod taking;
mod tool;
mod trays;
mod tried;
mod voice;

use std::collections::BTreeMap;
use std::sync::Mutex;

use scrip::crypto::SeededRandom;
use scrip::crypto::password::Password;
use scrip::device::simulated::SECTOR_BYTES;
use scrip::device::{Device, DeviceError};
use scrip::image::check::{Checked, Identity, open};
use scrip::image::leaves::Unwatched;
use scrip::ledger::KeyLife;
use scrip::units::{MediumId, Timestamp};
use scrip::voucher::code::TypedCode;
use scrip::wallet::{CommitError, Entry, Medium, Opened, TopupRefusal, UnlockError, read_typed};

use crate::world::{Sample, THREADS, World, at, minor};

pub(crate) const SERIAL: u64 = 81;
const FIRST: &str = "first password";
pub(crate) const OWN: &str = "my own password";

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

fn rng(seed: u8) -> SeededRandom {
    SeededRandom::new([seed; 32])
}

fn examined(device: &dyn Device) -> Checked {
    open(device, &World::new().trust(), &Identity::Image, THREADS, &Unwatched).unwrap()
}

fn medium(device: &dyn Device) -> Medium {
    Medium::of(examined(device)).unwrap()
}

/// A code of a medium of the test world's sheet, as it is typed.
fn code(serial: u64, slot: u8) -> String {
    let code = World::new().code(MediumId::from_serial(serial), slot);
    TypedCode::new(slot, code.secret).unwrap().printed()
}

fn entry(serial: u64, slot: u8) -> Entry {
    read_typed(&code(serial, slot)).unwrap()
}

/// What is written stays in memory: the device below is only read.
struct Scratch<'d> {
    below: &'d dyn Device,
    written: Mutex<BTreeMap<u64, [u8; SECTOR_BYTES]>>,
}

impl<'d> Scratch<'d> {
    fn over(below: &'d dyn Device) -> Self {
        Self { below, written: Mutex::default() }
    }
}

impl Device for Scratch<'_> {
    fn len_bytes(&self) -> u64 {
        self.below.len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.below.read_at(offset, buf)?;
        let written = self.written.lock().unwrap();
        let (first, end) = (offset / 512, (offset + buf.len() as u64).div_ceil(512));
        for (sector, bytes) in written.range(first..end) {
            for (index, byte) in bytes.iter().enumerate() {
                let at = sector * 512 + index as u64;
                let place = at.checked_sub(offset).map(|place| usize::try_from(place).unwrap());
                if let Some(slot) = place.and_then(|place| buf.get_mut(place)) {
                    *slot = *byte;
                }
            }
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let whole = offset.is_multiple_of(512) && bytes.len().is_multiple_of(512);
        assert!(whole, "wallets write whole sectors");
        let mut written = self.written.lock().unwrap();
        for (sector, bytes) in (offset / 512..).zip(bytes.chunks(512)) {
            written.insert(sector, bytes.try_into().unwrap());
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), DeviceError> {
        Ok(())
    }
}

#[test]
fn the_first_login_makes_the_medium_its_owners_and_keeps_the_balance() {
    let device = Sample::new(SERIAL).burnt();
    let mut opened = Opened::open(&device, medium(&device), &mut rng(1)).unwrap();
    assert_eq!((opened.life(), opened.medium().balance()), (KeyLife::StoreMade, minor(500)));
    let wrong = opened.unlock(&password("another")).err().unwrap();
    assert_eq!(
        wrong.to_string(),
        "medium 000000008161: wrong password"
            .replace("000000008161", &MediumId::from_serial(SERIAL).to_string())
    );
    let first = opened.unlock(&password(FIRST)).unwrap();
    let topup = opened.medium().judge(&entry(SERIAL, 4)).ok().unwrap();
    let early = opened.topup(&first.keys, &topup, at(900), &mut rng(2)).unwrap_err();
    assert!(matches!(early, CommitError::NotLoggedIn), "{early}");
    let own = opened.rekey(&first, &password(OWN), at(1_000), &mut rng(3)).unwrap();
    assert!(own.keys.ring == first.keys.ring, "item keys would be lost");
    assert!(opened.rekey(&own, &password("x"), at(1_000), &mut rng(3)).is_err());

    let mut again = Opened::open(&device, medium(&device), &mut rng(4)).unwrap();
    assert_eq!((again.life(), again.medium().balance()), (KeyLife::Owners, minor(500)));
    let refused = again.unlock(&password(FIRST)).err().unwrap();
    assert!(matches!(refused, UnlockError::Access(_)), "{refused}");
    let own = again.unlock(&password(OWN)).unwrap();
    let changed = again.change_password(own, &password("third"), &mut rng(5)).unwrap();
    assert!(again.unlock(&password(OWN)).is_err());
    again.topup(&changed.keys, &topup, at(1_100), &mut rng(6)).unwrap();
    assert_eq!(medium(&device).balance(), minor(1_000));
    let checked = examined(&device);
    assert_eq!(checked.report.access, scrip::image::check::Access::Sound);
    assert_eq!(checked.report.verdict.word(), "sealed");
}

#[test]
fn a_host_clock_decades_off_costs_nobody_a_coin() {
    let device = Sample::new(SERIAL).burnt();
    let mut opened = Opened::open(&device, medium(&device), &mut rng(1)).unwrap();
    let first = opened.unlock(&password(FIRST)).unwrap();
    let beginning = Timestamp::from_seconds(0).unwrap();
    let own = opened.rekey(&first, &password(OWN), beginning, &mut rng(2)).unwrap();
    for (slot, now) in [(0, Timestamp::MAX), (1, beginning), (2, at(0))] {
        let topup = opened.medium().judge(&entry(SERIAL, slot)).ok().unwrap();
        opened.topup(&own.keys, &topup, now, &mut rng(slot)).unwrap();
    }
    let found = medium(&device);
    assert_eq!(found.balance(), minor(2_000));
    let floor = found.account().state.floor.unwrap();
    assert_eq!(floor, found.grounds().floor(), "a host's clock raised the time floor");
}

#[test]
fn a_code_counts_once() {
    let device = Sample::new(SERIAL).burnt();
    let mut opened = Opened::open(&device, medium(&device), &mut rng(1)).unwrap();
    let first = opened.unlock(&password(FIRST)).unwrap();
    let own = opened.rekey(&first, &password(OWN), at(1_000), &mut rng(2)).unwrap();
    let topup = opened.medium().judge(&entry(SERIAL, 7)).ok().unwrap();
    opened.topup(&own.keys, &topup, at(1_001), &mut rng(3)).unwrap();
    let again = opened.medium().judge(&entry(SERIAL, 7)).err().unwrap();
    let TopupRefusal::AlreadyAdded { record, .. } = &again else { panic!("{again}") };
    assert_eq!(record.number(), 3);
    let twice = opened.topup(&own.keys, &topup, at(1_002), &mut rng(4)).unwrap_err().to_string();
    assert!(twice.contains("was credited before"), "{twice}");
    assert_eq!(medium(&device).balance(), minor(1_000));
}

#[test]
fn goods_are_paid_from_what_is_there_and_no_more() {
    let device = Sample::new(SERIAL).burnt();
    let mut opened = Opened::open(&device, medium(&device), &mut rng(1)).unwrap();
    let first = opened.unlock(&password(FIRST)).unwrap();
    let own = opened.rekey(&first, &password(OWN), at(1_000), &mut rng(2)).unwrap();
    let mut buy =
        |price| opened.buy(&own.keys, ("song", "a singer"), minor(price), at(1_001), &mut rng(3));
    buy(300).unwrap();
    let refused = buy(201).unwrap_err().to_string();
    assert_eq!(refused, "201 minor units are needed, 200 may be spent");
    let found = medium(&device);
    let record = found.record(3).unwrap();
    assert_eq!((found.balance(), record.history.content.as_deref()), (minor(200), Some("song")));
}

#[test]
fn a_damaged_copy_is_repaired_and_two_are_refused() {
    let device = Sample::new(SERIAL).burnt();
    let found = medium(&device);
    let starts = found.grounds().journal.starts;
    let access = found.grounds().access;
    for copy in 0..2 {
        device.write_at(starts[copy], &[0xff; 1024]).unwrap();
        device.write_at(access[copy], &[0xff; 4096]).unwrap();
        let opened = Opened::open(&device, medium(&device), &mut rng(1)).unwrap();
        assert!(opened.repairs().records > 0);
        drop(opened);
        let report = examined(&device).report;
        assert_eq!(report.access, scrip::image::check::Access::Sound);
        assert_eq!(report.grade(), scrip::image::check::Grade::Good);
    }
    for start in starts {
        device.write_at(start, &[0xff; 512]).unwrap();
    }
    let damaged = Medium::of(examined(&device)).err().unwrap().to_string();
    assert!(damaged.starts_with("the journal is damaged: "), "{damaged}");
}

#[test]
fn guesses_that_became_too_cheap_are_made_dearer() {
    let world = World::live(17);
    let device = Sample::of(&world, SERIAL).burnt();
    let found = open(&device, &world.trust(), &Identity::Image, THREADS, &Unwatched).unwrap();
    let found = Medium::of(found).unwrap();
    let mut opened = Opened::open(&device, found, &mut rng(1)).unwrap();
    let first = opened.unlock(&password(FIRST)).unwrap();
    assert!(opened.medium().is_cheap(&first), "the sample is made under the least cost there is");
    let own = opened.rekey(&first, &password(OWN), at(1_000), &mut rng(2)).unwrap();
    assert!(!opened.medium().is_cheap(&own));
    let again = opened.unlock(&password(OWN)).unwrap();
    assert!(!opened.medium().is_cheap(&again));
}
