//! Journals as both copies hold them: whole, torn, repaired, and damaged.

use scrip::device::MemoryDevice;
use scrip::journal::frame::Frame;
use scrip::journal::{COPIES, Place, read};

use super::file::Vector;

/// Bytes of a bank: five frames of one sector.
const BANK_BYTES: usize = 5 * 512;

/// A copy whose banks hold these frames: (generation, index, first byte of the record) a sector.
fn copy(frames: &[Option<(u64, u32, u8)>]) -> Vec<u8> {
    let mut out = vec![0; 2 * BANK_BYTES];
    let (mut ends, mut last) = ([0, BANK_BYTES], 0);
    for frame in frames {
        let (generation, index, first) = frame.unwrap_or((last, 0, 0));
        last = generation;
        let end = &mut ends[usize::from(generation % 2 == 1)];
        if frame.is_some() {
            let record = (first..).take(60).collect();
            let stored = Frame { generation, index, record }.encode().expect("it is short");
            out[*end..*end + 512].copy_from_slice(&stored);
        }
        *end += 512;
    }
    out
}

/// Every journal.
pub(crate) fn vectors() -> Vec<Vector> {
    let at = |generation, index| Some((generation, index, 10 * u8::try_from(index).unwrap()));
    let whole = [at(0, 0), at(0, 1), at(0, 2)];
    let other = [at(0, 0), Some((0, 1, 99)), at(0, 2)];
    let newer = [at(0, 0), at(0, 1), at(1, 0), at(1, 1)];
    let stray = [at(0, 0), at(0, 1), None, at(0, 2)];
    let astray = [None, at(0, 0), Some((0, 0, 99))];
    let unbegun = [at(0, 0), at(0, 1), Some((1, 1, 7))];
    let hurt = [at(0, 0), at(0, 1), at(1, 0), None, at(1, 2)];
    let lost = |place: usize| {
        let mut frames = whole;
        frames[place] = None;
        copy(&frames)
    };
    let mut torn = copy(&whole);
    torn[2 * 512 + 300] ^= 1;
    let mut dirty = copy(&whole);
    dirty[511] = 1;
    vec![
        good("both", "three records, both copies whole", copy(&whole), copy(&whole)),
        good(
            "torn-append",
            "the last record reached copy A alone",
            copy(&whole),
            copy(&whole[..2]),
        ),
        good("torn-frame", "the last frame is damaged in copy A", torn.clone(), copy(&whole)),
        good("torn-both", "the last frame is damaged in both copies", torn.clone(), torn),
        good("one-lost", "each copy lacks another frame", lost(0), lost(1)),
        good("padding", "padding that isn't zero is no frame", dirty, copy(&whole)),
        good(
            "displaced",
            "copy B holds frame 0 out of its place",
            copy(&whole[..1]),
            copy(&astray),
        ),
        good("newer", "the other bank holds a newer generation", copy(&newer), copy(&newer)),
        good("unbegun", "a newer generation without its first", copy(&unbegun), copy(&unbegun)),
        bad(
            "newer_gap",
            "nor does an older one count",
            copy(&hurt),
            copy(&hurt),
            "damaged in both",
        ),
        bad("both_empty", "no frame at all", vec![0; 2 * BANK_BYTES], copy(&[]), "neither copy"),
        bad("both_gap", "a frame lost in both copies", lost(1), lost(1), "damaged in both"),
        bad("both_differ", "two records at one place", copy(&whole), copy(&other), "different"),
        bad("both_stray", "a frame behind a hole", copy(&stray), copy(&stray), "damaged in both"),
    ]
}

fn vector(name: &str, about: &str, copies: &[Vec<u8>; 2]) -> Vector {
    Vector::new(format!("journal/{name}"), copies.concat())
        .with("about", about)
        .with("form", "journal")
}

fn good(name: &str, about: &str, a: Vec<u8>, b: Vec<u8>) -> Vector {
    let vector = vector(name, about, &[a, b]).with("expect", "good");
    let gives = outcome(&vector).expect("a good journal");
    vector.with("gives", gives)
}

fn bad(name: &str, about: &str, a: Vec<u8>, b: Vec<u8>, words: &str) -> Vector {
    vector(name, about, &[a, b]).with("expect", "refused journal").with("words", words)
}

/// What reading gives: generation, first bytes of the records, frames that a copy lacks.
pub(crate) fn outcome(vector: &Vector) -> Result<String, String> {
    let bytes = vector.body.len() as u64 / 2;
    let device = MemoryDevice::from_bytes(vector.body.clone());
    let place = Place { starts: [0, bytes], bytes };
    let reading = read(&device, &place).map_err(|error| error.to_string())?;
    let records: Vec<_> = reading.records.iter().map(|record| record[0].to_string()).collect();
    let lacks: Vec<_> = reading
        .repairable
        .iter()
        .map(|(copy, index)| format!("{} lacks {index}", COPIES[*copy]))
        .collect();
    let lacks = if lacks.is_empty() { "copies agree".to_owned() } else { lacks.join(", ") };
    Ok(format!("generation {}: {}; {lacks}", reading.generation, records.join(" ")))
}
