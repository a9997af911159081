//! Stamps that a store keeps while a medium is stamped again: sound, and damaged in each way.

use std::collections::BTreeMap;

use scrip::crypto::digest::sha256;
use scrip::shop::KeptStamp;
use scrip::units::MediumId;

use super::file::Vector;

const HASH_BYTES: usize = 32;

fn kept(offsets: &[u64]) -> KeptStamp {
    let block = |(fill, offset): (u8, &u64)| (*offset, vec![fill; 4096]);
    let blocks = (1..).zip(offsets).map(block).collect::<BTreeMap<_, _>>();
    KeptStamp { medium: MediumId::from_serial(1), since: 17, blocks }
}

/// The same with other bytes before its hash.
fn restated(kept: &KeptStamp, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = kept.encode();
    bytes.truncate(bytes.len() - HASH_BYTES);
    change(&mut bytes);
    let hash = sha256(&bytes);
    [bytes, hash.to_vec()].concat()
}

/// Every kept stamp.
pub(crate) fn vectors() -> Vec<Vector> {
    let (none, one) = (kept(&[]), kept(&[1 << 20]));
    let two = kept(&[1 << 20, 2 << 20]);
    let cut = one.encode()[..one.encode().len() - 1].to_vec();
    let mut flipped = none.encode();
    flipped[15] ^= 1;
    vec![
        good("empty", "no block", &none),
        good("one", "one block", &one),
        refused("one_truncated", "its hash is not that of its bytes", cut),
        refused("empty_flipped-bit", "its hash is not that of its bytes", flipped),
        refused("empty_short", "it has 51 bytes, fewer than 52", none.encode()[1..].to_vec()),
        refused("empty_number", "it names no medium", restated(&none, |bytes| bytes[7] ^= 1)),
        refused(
            "empty_count",
            "it states 1 blocks, 0 bytes are there",
            restated(&none, |bytes| bytes[19] = 1),
        ),
        refused(
            "empty_too-many",
            "it states 257 blocks, at most 256",
            restated(&none, |bytes| bytes[18..20].fill(1)),
        ),
        refused(
            "two_order",
            "block at 1048576 stands behind the one at 1048576",
            restated(&two, |bytes| bytes.copy_within(20..28, 20 + 8 + 4096)),
        ),
    ]
}

fn vector(name: &str, about: &str, bytes: Vec<u8>) -> Vector {
    Vector::new(format!("kept-stamp/{name}"), bytes).with("about", about).with("form", "kept-stamp")
}

fn good(name: &str, about: &str, kept: &KeptStamp) -> Vector {
    vector(name, about, kept.encode()).with("expect", "good").with("gives", told(kept))
}

fn refused(name: &str, words: &str, bytes: Vec<u8>) -> Vector {
    let about = "the blocks of a stamping that was cut off";
    vector(name, about, bytes).with("expect", "refused kept-stamp").with("words", words)
}

fn told(kept: &KeptStamp) -> String {
    let blocks = kept.blocks.iter().map(|(at, block)| format!(", {at}: {}", block[0]));
    let blocks: String = blocks.collect();
    format!("medium {} since {}{blocks}", kept.medium, kept.since)
}

/// What a kept stamp says, or why it is refused.
pub(crate) fn outcome(vector: &Vector) -> Result<String, String> {
    KeptStamp::decode(&vector.body).map(|kept| told(&kept)).map_err(|error| error.to_string())
}
