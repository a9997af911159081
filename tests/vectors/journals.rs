//! Journals as both copies hold them: whole, torn, repaired, compacted, and damaged.

use scrip::device::MemoryDevice;
use scrip::journal::frame::{Frame, checksum};
use scrip::journal::opening::Opening;
use scrip::journal::{COPIES, Place, Reading, read};

use super::file::Vector;

/// Bytes of a bank: five frames of one sector.
const BANK_BYTES: usize = 5 * 512;

type Copies = [Vec<u8>; 2];

/// A record that can be told by its first byte.
fn record(first: u8) -> Vec<u8> {
    (first..).take(60).collect()
}

fn records(firsts: &[u8]) -> Vec<Vec<u8>> {
    firsts.iter().map(|first| record(*first)).collect()
}

/// A bank that begins with these frames, each naming the one before it.
fn bank(generation: u64, records: &[Vec<u8>]) -> Vec<u8> {
    let (mut out, mut before) = (vec![], 0);
    for (index, record) in (0..).zip(records) {
        let frame = Frame { generation, index, before, record: record.clone() };
        let stored = frame.encode().expect("it is short");
        before = checksum(&stored);
        out.extend(stored);
    }
    out.resize(BANK_BYTES, 0);
    out
}

/// A bank of a compacted generation: its opening, what it carries, and what was appended.
fn compacted(generation: u64, chain: &[u8], outside: &[u8], appended: &[u8]) -> Vec<u8> {
    let (chain, outside) = (records(chain), records(outside));
    let opening = Opening::of(&chain, &outside).expect("few records").encode();
    bank(generation, &[vec![opening], chain, outside, records(appended)].concat())
}

/// A copy of the first generation alone.
fn first(firsts: &[u8]) -> Vec<u8> {
    [bank(0, &records(firsts)), vec![0; BANK_BYTES]].concat()
}

/// The same without one of its sectors.
fn without(mut copy: Vec<u8>, sector: usize) -> Vec<u8> {
    copy[sector * 512..][..512].fill(0);
    copy
}

fn twice(copy: Vec<u8>) -> Copies {
    [copy.clone(), copy]
}

/// Every journal.
pub(crate) fn vectors() -> Vec<Vector> {
    [one_generation(), generations(), refused()].concat()
}

fn one_generation() -> Vec<Vector> {
    let whole = first(&[0, 10, 20]);
    let (mut torn, mut dirty) = (whole.clone(), whole.clone());
    torn[2 * 512 + 300] ^= 1;
    dirty[511] = 1;
    let displaced = [&[0; 512], &whole[..512], &first(&[99])[..512], &[0; 7 * 512]].concat();
    let longer = first(&[0, 30, 40, 50]);
    vec![
        good("both", "three records, both copies whole", &twice(whole.clone())),
        good(
            "torn-append",
            "the last record reached copy A alone",
            &[whole.clone(), first(&[0, 10])],
        ),
        good("torn-frame", "the last frame is damaged in copy A", &[torn.clone(), whole.clone()]),
        good("torn-both", "the last frame is damaged in both copies", &twice(torn)),
        good(
            "one-lost",
            "each copy lacks another frame",
            &[without(whole.clone(), 0), without(whole.clone(), 1)],
        ),
        good("padding", "padding that isn't zero is no frame", &[dirty, whole.clone()]),
        good("displaced", "copy B holds frame 0 out of its place", &[first(&[0]), displaced]),
        good("parted", "the copies part, and the longer row counts", &[whole, longer]),
    ]
}

fn generations() -> Vec<Vector> {
    let old = bank(0, &records(&[0, 10, 20]));
    let over = |new: Vec<u8>| [old.clone(), new].concat();
    let newer = over(compacted(1, &[90, 20], &[10], &[30]));
    let unfinished = over(compacted(1, &[90, 20], &[10], &[]));
    let mut undigested = [vec![vec![0; 40]], records(&[90])].concat();
    undigested[0][3] = 1;
    let leftover = [compacted(3, &[91], &[], &[40]), old.clone()].concat();
    let leftover = [&leftover[BANK_BYTES..], &leftover[..3 * 512], &newer[8 * 512..]].concat();
    vec![
        good("newer", "the other bank holds a newer generation", &twice(newer.clone())),
        good(
            "newer-union",
            "each copy lacks another frame of what was carried",
            &[without(newer.clone(), 6), without(without(newer, 5), 7)],
        ),
        good(
            "unbegun",
            "a newer generation without frame 0",
            &twice(without(unfinished.clone(), 5)),
        ),
        good(
            "unfinished",
            "a newer generation that lacks something carried",
            &twice(without(unfinished, 7)),
        ),
        good(
            "undigested",
            "frame 0 of a newer generation states another digest",
            &twice(over(bank(1, &undigested))),
        ),
        good(
            "leftover",
            "behind the last frame stands one of an older generation",
            &twice(leftover),
        ),
    ]
}

fn refused() -> Vec<Vector> {
    let whole = first(&[0, 10, 20]);
    let newer = [bank(0, &records(&[0, 10])), compacted(1, &[90], &[], &[30])].concat();
    let begun = [bank(0, &records(&[0, 10])), compacted(1, &[90, 91], &[], &[30])].concat();
    let stray = [&whole[..2 * 512], &[0; 512], &whole[2 * 512..9 * 512]].concat();
    let other = first(&[0, 99, 20, 30]);
    let unlinked = [&whole[..2 * 512], &other[2 * 512..]].concat();
    let cases = [
        ("newer_gap", "nor does an older one count", twice(without(newer, 6)), "damaged in both"),
        (
            "newer_opening",
            "what was added behind a lost frame 0 is none of the older one's",
            twice(without(begun, 5)),
            "damaged in both",
        ),
        ("both_empty", "no frame at all", twice(first(&[])), "neither copy"),
        (
            "both_gap",
            "a frame lost in both copies",
            twice(without(whole.clone(), 1)),
            "damaged in both",
        ),
        (
            "both_differ",
            "two records at one place, and no row is longer",
            [whole, first(&[0, 99, 20])],
            "different",
        ),
        ("both_stray", "a frame behind a hole", twice(stray), "damaged in both"),
        ("both_unlinked", "a frame behind another", twice(unlinked), "damaged in both"),
    ];
    cases.map(|(name, about, copies, words)| bad(name, about, &copies, words)).into()
}

fn vector(name: &str, about: &str, copies: &Copies) -> Vector {
    Vector::new(format!("journal/{name}"), copies.concat())
        .with("about", about)
        .with("form", "journal")
}

fn good(name: &str, about: &str, copies: &Copies) -> Vector {
    let vector = vector(name, about, copies).with("expect", "good");
    let gives = outcome(&vector).expect("a good journal");
    vector.with("gives", gives)
}

fn bad(name: &str, about: &str, copies: &Copies, words: &str) -> Vector {
    vector(name, about, copies).with("expect", "refused journal").with("words", words)
}

/// What reading gives: generation, first bytes of the records, frames that a copy lacks.
pub(crate) fn outcome(vector: &Vector) -> Result<String, String> {
    let bytes = vector.body.len() as u64 / 2;
    let device = MemoryDevice::from_bytes(vector.body.clone());
    let place = Place { starts: [0, bytes], bytes };
    let reading = read(&device, &place).map_err(|error| error.to_string())?;
    Ok(told(&reading))
}

fn told(reading: &Reading) -> String {
    let firsts = |records: &[Vec<u8>]| {
        records.iter().map(|record| record[0].to_string()).collect::<Vec<_>>().join(" ")
    };
    let mut told = format!("generation {}: {}", reading.generation, firsts(&reading.records));
    for (what, records) in [("outside", &reading.outside), ("not counted", &reading.rival)] {
        if !records.is_empty() {
            told = format!("{told}; {what} {}", firsts(records));
        }
    }
    let lacks: Vec<_> = reading
        .repairable
        .iter()
        .map(|(copy, index)| format!("{} lacks {index}", COPIES[*copy]))
        .collect();
    let lacks = if lacks.is_empty() { "copies agree".to_owned() } else { lacks.join(", ") };
    format!("{told}; {lacks}")
}
