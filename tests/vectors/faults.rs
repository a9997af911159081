//! What can be wrong with an object: general faults for every kind, and faults of single fields.

use ciborium::Value;
use scrip::crypto::sign::SecretKey;
use scrip::format::{Kind, cbor, cose};

use super::samples::{Form, Sample};

/// A bad object: what was done to it, its bytes, and what a reader has to say.
pub(crate) struct Bad {
    pub(crate) fault: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) class: &'static str,
    pub(crate) words: &'static str,
}

impl Bad {
    fn new(fault: &'static str, class: &'static str, words: &'static str, bytes: Vec<u8>) -> Self {
        Self { fault, bytes, class, words }
    }
}

/// The order of the group that signatures are made in, little-endian.
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Sign a payload, sound or not.
pub(crate) fn signed(kind: Kind, key: &SecretKey, payload: Vec<u8>) -> Vec<u8> {
    cose::assemble(kind, key.public().key_id(), payload, |message| *key.sign(message).as_bytes())
}

/// The sample's bytes with this payload, signed or padded as its form says.
pub(crate) fn wrap(sample: &Sample<'_>, payload: Vec<u8>) -> Vec<u8> {
    match sample.form {
        Form::Signed(key) => signed(sample.kind, key, payload),
        Form::Plain => payload,
        Form::Slot(length) => {
            let mut slot = payload;
            slot.resize(length.max(slot.len()), 0);
            slot
        }
    }
}

/// Faults that every object can have.
pub(crate) fn general(sample: &Sample<'_>, stranger: &SecretKey) -> Vec<Bad> {
    let mut all = encodings(sample);
    let whole = wrap(sample, sample.payload.clone());
    match sample.form {
        Form::Signed(key) => {
            all.extend(ends(&whole));
            all.extend(signatures(sample, key, stranger, &whole));
        }
        Form::Plain => all.extend(ends(&whole)),
        Form::Slot(_) => {
            let mut dirty = whole;
            *dirty.last_mut().unwrap() = 1;
            all.push(Bad::new("padding", "padding", "padding is not zero", dirty));
        }
    }
    all
}

fn ends(whole: &[u8]) -> Vec<Bad> {
    let cut = whole[..whole.len() - 1].to_vec();
    let trailing = [whole, &[0]].concat();
    vec![
        Bad::new("truncated", "truncated", "are left", cut),
        Bad::new("trailing-byte", "trailing", "nothing may follow", trailing),
    ]
}

fn signatures(
    sample: &Sample<'_>,
    key: &SecretKey,
    stranger: &SecretKey,
    whole: &[u8],
) -> Vec<Bad> {
    let (kind, payload) = (sample.kind, || sample.payload.clone());
    let mut flipped = whole.to_vec();
    *flipped.last_mut().unwrap() ^= 0x01;
    let mut second = whole.to_vec();
    let start = second.len() - 32;
    add_order(&mut second[start..]);
    let other = if kind == Kind::Voucher { Kind::Record } else { Kind::Voucher };
    // Right in every header, but signed in another kind's domain.
    let foreign = cose::assemble(kind, key.public().key_id(), payload(), |_| {
        let honest = signed(other, key, payload());
        *honest.last_chunk().unwrap()
    });
    let words = "the signature is not by key";
    vec![
        Bad::new("flipped-bit", "signature", words, flipped),
        Bad::new("second-s", "signature", words, second),
        Bad::new("wrong-domain", "signature", words, foreign),
        Bad::new("wrong-type", "envelope", "its type is", signed(other, key, payload())),
        Bad::new("stranger", "signer", "expected key", signed(kind, stranger, payload())),
    ]
}

/// S + L: the same scalar spelt a second time.
fn add_order(scalar: &mut [u8]) {
    let mut carry = 0_u16;
    for (byte, order) in scalar.iter_mut().zip(GROUP_ORDER) {
        carry += u16::from(*byte) + u16::from(order);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
}

/// Faults of the encoding of the payload.
fn encodings(sample: &Sample<'_>) -> Vec<Bad> {
    let payload = &sample.payload;
    let long = lengthened(payload);
    let endless = [&[payload[0] & 0xe0 | 0x1f], &payload[1..], &[0xff]].concat();
    let mut all = vec![
        ("long-integer", "not-shortest", "not in its shortest form", long),
        ("indefinite", "indefinite", "indefinite length", endless),
    ];
    if payload[0] >> 5 == 5 {
        all.extend(keys(payload));
    }
    let size = sample.kind.bytes_max();
    if let Some(many) = crowded(sample) {
        all.push(("too-many", "too-many", "more than 1024 values", many));
    }
    if size <= 4 << 10 {
        all.push(("oversize", "too-large", "limit", oversize(sample, size)));
    }
    let build = |(fault, class, words, payload): (_, _, _, Vec<u8>)| {
        Bad::new(fault, class, words, wrap(sample, payload))
    };
    all.into_iter().map(build).collect()
}

/// The count of pairs or items in one byte more than it needs.
fn lengthened(payload: &[u8]) -> Vec<u8> {
    [&[payload[0] & 0xe0 | 0x18, payload[0] & 0x1f], &payload[1..]].concat()
}

/// An array of more values than most kinds may have, where it is the count that is refused.
fn crowded(sample: &Sample<'_>) -> Option<Vec<u8>> {
    let count = u16::try_from(sample.kind.items_max()).ok().filter(|count| *count == 1024)?;
    let crowd = [vec![0x99], (count + 1).to_be_bytes().to_vec(), vec![0; usize::from(count) + 1]];
    let crowd = crowd.concat();
    (crowd.len() + 200 < sample.kind.bytes_max()).then_some(crowd)
}

type Encoding = (&'static str, &'static str, &'static str, Vec<u8>);

/// Faults of the keys and values of a map.
fn keys(payload: &[u8]) -> Vec<Encoding> {
    let (count, rest) = (payload[0] & 0x1f, &payload[1..]);
    let (first, after) = rest.split_at(pair_bytes(rest));
    let map = |pairs: u8, parts: &[&[u8]]| [&[0xa0 | pairs], parts.concat().as_slice()].concat();
    let value = |bytes: &[u8]| map(count, &[&first[..1], bytes, after]);
    let deep = [[0x81; 12].as_slice(), &[0]].concat();
    let mut all = vec![
        ("duplicate-key", "duplicate-key", "stands twice", map(count + 1, &[first, rest])),
        (
            "unknown-key",
            "field",
            "are known",
            map(count + 1, &[rest, &[0x3a, 0x7f, 0xff, 0xff, 0xff, 0]]),
        ),
        (
            "text-key",
            "key-type",
            "not an integer",
            map(count, &[&[0x61, 0x31], &first[1..], after]),
        ),
        ("missing-key", "field", "is missing", map(count - 1, &[after])),
        ("boolean", "field", "found a boolean", value(&[0xf5])),
        ("float", "simple", "float or simple", value(&[0xf9, 0x3c, 0x00])),
        ("null", "simple", "float or simple", value(&[0xf6])),
        ("tagged", "tag", "not allowed here", value(&[0xc1, 0x00])),
        ("deep", "too-deep", "deeper than 12", value(&deep)),
        ("not-utf8", "utf8", "not UTF-8", value(&[0x61, 0xff])),
        ("reserved-head", "malformed", "not CBOR", value(&[0x1c])),
    ];
    if count > 1 {
        let second = pair_bytes(after);
        let swapped = map(count, &[&after[..second], first, &after[second..]]);
        all.push(("key-order", "key-order", "key out of order", swapped));
    }
    all
}

fn pair_bytes(bytes: &[u8]) -> usize {
    let key = cbor::measure(bytes).unwrap();
    key + cbor::measure(&bytes[key..]).unwrap()
}

/// The object behind so many bytes of another key that it passes the limit.
fn oversize(sample: &Sample<'_>, size: usize) -> Vec<u8> {
    let length = u16::try_from(size).unwrap().to_be_bytes();
    [&sample.payload[..], &[0x59], &length, &vec![0; size]].concat()
}

/// Replace the value at a path of keys and places.
pub(crate) fn edited(payload: &[u8], path: &[i64], new: Value) -> Vec<u8> {
    let mut value: Value = ciborium::from_reader(payload).unwrap();
    let mut at = &mut value;
    for step in path {
        at = match at {
            Value::Map(pairs) => {
                let pair = pairs.iter_mut().find(|(key, _)| *key == Value::from(*step));
                &mut pair.unwrap_or_else(|| panic!("no key {step}")).1
            }
            Value::Array(items) => &mut items[usize::try_from(*step).unwrap()],
            other => panic!("{other:?} has no parts"),
        };
    }
    *at = new;
    cbor::encode(&value)
}
