//! What the corpora begin with: the vectors, and small inputs by hand.

use scrip::format::cose::Sign1;
use scrip::format::{Kind, cbor};
use scrip::journal::frame::Frame;
use scrip::shop::log;

use super::bodies::OBJECTS;
use crate::vectors::READERS;
use crate::vectors::file::{self, Vector};

/// A target, a name and an input.
type Seed = (&'static str, String, Vec<u8>);

/// Every seed.
pub(crate) fn all() -> Vec<Seed> {
    let vectors = file::read_all();
    let mut all = by_hand();
    for vector in vectors.iter().filter(|vector| is_seed(vector)) {
        all.extend(of_vector(vector));
    }
    all.extend(journals(&vectors));
    all
}

/// The good vectors, and the bad ones of one folder.
fn is_seed(vector: &Vector) -> bool {
    vector.is_good() || ["policy", "trust"].contains(&vector.folder())
}

fn of_vector(vector: &Vector) -> Vec<Seed> {
    let name = format!("seed-{}", vector.name.replace('/', "-"));
    let seed = |target, input| vec![(target, name.clone(), input)];
    match vector.header("form") {
        "derivation" if vector.body.is_empty() => vec![],
        "derivation" => seed("frame", vector.body.clone()),
        "trust" => seed("chain", vector.body.clone()),
        "signed" => {
            let kind = READERS.iter().find(|reader| reader.0 == vector.folder()).expect("known").1;
            let place = Kind::ALL.iter().position(|known| *known == kind).expect("listed");
            let mut seeds = seed("signed", prefixed(place, &vector.body));
            if let Ok(message) = Sign1::decode(&vector.body, kind) {
                seeds.extend(seed("object", prefixed_object(vector, message.payload())));
            }
            seeds
        }
        _ => {
            let mut seeds = seed("cbor", vector.body.clone());
            if let Ok(Some(object)) = cbor::unpad(&vector.body) {
                seeds.extend(seed("object", prefixed_object(vector, object)));
            }
            if vector.folder() == "access-slot" {
                let mut slot = vector.body.clone();
                slot.resize(4_096, 0);
                seeds.extend(seed("access_file", slot));
            }
            seeds
        }
    }
}

fn prefixed(place: usize, bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(place).expect("few kinds")], bytes].concat()
}

fn prefixed_object(vector: &Vector, bytes: &[u8]) -> Vec<u8> {
    let place = OBJECTS.iter().position(|(folder, _)| *folder == vector.folder());
    prefixed(place.expect("every folder has a decoder"), bytes)
}

/// A medium's journal and a store's, of the records and entries among the vectors.
fn journals(vectors: &[Vector]) -> Vec<Seed> {
    let bodies = |folder: &'static str| {
        let own = move |vector: &&Vector| vector.folder() == folder && vector.is_good();
        vectors.iter().filter(own).map(|vector| vector.body.clone())
    };
    let frames = (0..).zip(bodies("record")).map(|(index, record)| {
        Frame { generation: 0, index, record }.encode().expect("records are short")
    });
    let copy: Vec<u8> = frames.flatten().collect();
    let both = [copy.clone(), vec![0; 8_192 - copy.len()], copy].concat();
    let chains = bodies("chain").map(|chain| log::frame(&chain));
    let entries = bodies("store-entry").map(|entry| log::frame(&entry));
    let (entries, chains): (Vec<u8>, Vec<u8>) =
        (entries.flatten().collect(), chains.flatten().collect());
    vec![
        ("journal", "seed-records".to_owned(), both),
        ("store_journal", "seed-entries".to_owned(), entries.clone()),
        ("store_journal", "seed-export".to_owned(), [chains, entries].concat()),
    ]
}

fn by_hand() -> Vec<Seed> {
    let typed = [
        ("code", "0460-5002-8390-8936-6445"),
        ("slip", "0460-5002-8390-8936-6454"),
        ("medium", "4821 0937 6527"),
        ("sum", "1,234.56"),
        ("wide", "\u{ff10}\u{ff14}60"),
    ];
    let text = |(name, text): (&str, &str)| ("typed", format!("seed-{name}"), text.into());
    let recipe = include_bytes!("../../images/starter/recipe.toml").to_vec();
    let mut disk = vec![0; 4_096];
    disk[512..520].copy_from_slice(b"EFI PART");
    disk[512 + 72] = 2;
    disk[1024..1040].fill(7);
    disk[1024 + 56..1024 + 66].copy_from_slice(b"S\0c\0r\0i\0p\0");
    let patch = |place: u8, offset: [u8; 3], bytes: &[u8]| {
        let count = u8::try_from(bytes.len() - 1).expect("a short patch");
        [&[place], &offset[..], &[count], bytes].concat()
    };
    let mut seeds: Vec<Seed> = typed.into_iter().map(text).collect();
    seeds.push(("recipe", "seed-starter".to_owned(), recipe));
    seeds.push(("peek", "seed-gpt".to_owned(), disk));
    for target in ["image", "volume", "edition"] {
        for place in 0..12 {
            let input = [patch(place, [0, 0, 16], &[0xff, 1, 2]), patch(place, [0, 2, 9], &[0])];
            seeds.push((target, format!("seed-patch-{place}"), input.concat()));
        }
        seeds.push((target, "seed-nothing".to_owned(), vec![]));
    }
    seeds
}
