//! Faults of the signed envelope around one sound payload.

use ciborium::Value;
use scrip::crypto::sign::SecretKey;
use scrip::format::{Kind, cbor};

use super::faults::Bad;
use super::samples::Sample;

/// The parts of an envelope, sound until changed.
#[derive(Clone)]
struct Parts {
    protected: Vec<u8>,
    unprotected: Value,
    payload: Value,
    signature: Option<Vec<u8>>,
}

/// Envelopes that Scrip does not write, each signed over exactly what it says.
pub(crate) fn faults(sample: &Sample<'_>, key: &SecretKey) -> Vec<Bad> {
    let sound = Parts {
        protected: header(sample.kind, key),
        unprotected: Value::Map(vec![]),
        payload: Value::Bytes(sample.payload.clone()),
        signature: None,
    };
    let bad = |fault, words, parts: &Parts| Bad {
        fault,
        bytes: [&[0xd2], build(sample, key, parts).as_slice()].concat(),
        class: "envelope",
        words,
    };
    let with_header = |protected: Vec<u8>| Parts { protected, ..sound.clone() };
    let foreign = "headers other than alg, kid, typ";
    let mut all = vec![
        bad("foreign-algorithm", "is not EdDSA", &with_header(replaced(&sound, 0x27, 0x26))),
        bad("short-kid", "key id of 7 bytes", &with_header(short_kid(sample.kind, key))),
        bad("more-headers", foreign, &with_header(extended(&sound))),
        bad("known-header", foreign, &with_header(with_iv(&sound))),
        bad("no-headers", "is not EdDSA", &with_header(vec![])),
        bad(
            "unprotected",
            "unprotected header is not empty",
            &Parts {
                unprotected: Value::Map(vec![(4.into(), Value::Bytes(vec![7]))]),
                ..sound.clone()
            },
        ),
        bad(
            "short-signature",
            "signature of 63 bytes",
            &Parts { signature: Some(vec![9; 63]), ..sound.clone() },
        ),
    ];
    let untagged = build(sample, key, &sound);
    let words = "no tagged COSE_Sign1";
    all.push(Bad { fault: "untagged", bytes: untagged, class: "envelope", words });
    all
}

fn header(kind: Kind, key: &SecretKey) -> Vec<u8> {
    let typ = format!("x.scrip.{}", kind.name());
    let id = key.public().key_id().as_bytes().to_vec();
    let pairs = [(1, Value::from(-8)), (4, Value::Bytes(id)), (16, typ.into())];
    cbor::encode(&Value::Map(pairs.map(|(label, value)| (label.into(), value)).to_vec()))
}

/// Algorithm -8 stands in the third byte as 0x27.
fn replaced(parts: &Parts, from: u8, to: u8) -> Vec<u8> {
    let mut protected = parts.protected.clone();
    assert_eq!(protected[2], from);
    protected[2] = to;
    protected
}

fn short_kid(kind: Kind, key: &SecretKey) -> Vec<u8> {
    let mut value: Value = ciborium::from_reader(header(kind, key).as_slice()).unwrap();
    if let Value::Map(pairs) = &mut value {
        pairs[1].1 = Value::Bytes(vec![7; 7]);
    }
    cbor::encode(&value)
}

fn extended(parts: &Parts) -> Vec<u8> {
    [&[0xa4], &parts.protected[1..], &[0x18, 0x63, 0x00]].concat()
}

/// A header that COSE knows and Scrip doesn't write: an `IV`, between `kid` and `typ`.
fn with_iv(parts: &Parts) -> Vec<u8> {
    let (before, after) = parts.protected.split_at(13);
    [&[0xa4], &before[1..], &[0x05, 0x41, 0x07], after].concat()
}

/// The untagged array; signed unless a signature is given.
fn build(sample: &Sample<'_>, key: &SecretKey, parts: &Parts) -> Vec<u8> {
    let protected = Value::Bytes(parts.protected.clone());
    let aad = Value::Bytes(sample.kind.domain());
    let message =
        Value::Array(vec!["Signature1".into(), protected.clone(), aad, parts.payload.clone()]);
    let signature = parts
        .signature
        .clone()
        .unwrap_or_else(|| key.sign(&cbor::encode(&message)).as_bytes().to_vec());
    cbor::encode(&Value::Array(vec![
        protected,
        parts.unprotected.clone(),
        parts.payload.clone(),
        Value::Bytes(signature),
    ]))
}
