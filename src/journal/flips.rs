//! Flipped bits: a typed error or what the other copy has, never other records.

use super::archive::Kept;
use super::compact::Carry;
use super::read::{ReadError, Reading, read};
use super::{Journal, Place, Use, first_frames};
use crate::crypto::digest::sha256;
use crate::crypto::{Random, SeededRandom};
use crate::device::{Device, MemoryDevice};
use crate::format::edition::RamKind;

fn place(sectors: u64) -> Place {
    Place { starts: [0, 2 * sectors * 512], bytes: 2 * sectors * 512 }
}

fn record(number: usize) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    bytes.iter().copied().cycle().take(200 + number % 7 * 60).collect()
}

/// A journal of so many records; half of them in an older generation if it is compacted.
fn written(place: &Place, count: usize, compacted: bool) -> MemoryDevice {
    let bytes = usize::try_from(2 * place.bytes).unwrap();
    let device = MemoryDevice::filled(bytes, 0xa5);
    for start in place.starts {
        device.write_at(start, &first_frames(&[record(0)]).unwrap()).unwrap();
    }
    let mut journal = Journal::open(&device, *place, RamKind::Rewritable).unwrap();
    for number in 1..count {
        let _ = journal.append(&record(number), Use::Keeps).unwrap();
        if compacted && number == count / 2 {
            let (head, outside) = (sha256(&record(number - 3)), [record(1)]);
            let carry = Carry { head, checkpoint: &[vec![0xcc; 400]], outside: &outside };
            let _ = journal.compact(&carry, &mut Kept(vec![])).unwrap();
        }
    }
    device
}

fn flip(device: &MemoryDevice, bit: u64) {
    let mut byte = [0];
    device.read_at(bit / 8, &mut byte).unwrap();
    device.write_at(bit / 8, &[byte[0] ^ 1 << (bit % 8)]).unwrap();
}

fn below(random: &mut SeededRandom, limit: u64) -> u64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    u64::from_be_bytes(bytes) % limit
}

fn same(one: &Reading, other: &Reading) -> bool {
    (one.generation, &one.records, &one.outside)
        == (other.generation, &other.records, &other.outside)
}

#[test]
fn every_flip_in_twenty_records_is_read_from_the_other_copy() {
    for compacted in [false, true] {
        let place = place(28);
        let device = written(&place, 20, compacted);
        let whole = read(&device, &place).unwrap();
        for bit in 0..2 * place.bytes * 8 {
            flip(&device, bit);
            let found = read(&device, &place).unwrap();
            assert!(same(&found, &whole), "bit {bit}: {found:?}");
            flip(&device, bit);
        }
        assert_eq!(read(&device, &place).unwrap(), whole);
    }
}

#[test]
fn a_hundred_thousand_flips_in_two_hundred_records_leave_them_as_they_are() {
    let place = place(176);
    let device = written(&place, 200, true);
    let whole = read(&device, &place).unwrap();
    let mut random = SeededRandom::new([7; 32]);
    for nth in 0..100_000 {
        let bit = below(&mut random, 2 * place.bytes * 8);
        flip(&device, bit);
        let found = read(&device, &place).unwrap();
        assert!(same(&found, &whole), "flip {nth}, bit {bit}: {found:?}");
        flip(&device, bit);
    }
}

/// One flip in each copy's bank that counts: what both lack is named, unless it is the last record,
/// which can't be told from a torn append.
#[test]
fn a_flip_in_each_copy_is_an_error_or_leaves_the_records_as_they_are() {
    let place = place(28);
    let device = written(&place, 20, false);
    let whole = read(&device, &place).unwrap();
    let mut random = SeededRandom::new([8; 32]);
    let mut tried = [0; 3];
    for nth in 0..50_000 {
        let bits = place.starts.map(|start| start * 8 + below(&mut random, whole.end * 8));
        for bit in bits {
            flip(&device, bit);
        }
        let case = match read(&device, &place) {
            Ok(found) if same(&found, &whole) => 0,
            Err(ReadError::Gap { index, later: 19, .. }) if index < 19 => 1,
            Ok(found) if found.records == whole.records[..19] => 2,
            other => panic!("flip {nth}, bits {bits:?}: {other:?}"),
        };
        tried[case] += 1;
        for bit in bits {
            flip(&device, bit);
        }
    }
    assert!(tried.iter().all(|count| *count > 50), "{tried:?}");
}
