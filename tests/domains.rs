//! Domain separation: what was signed as one kind never counts as another, for every pair.

use scrip::crypto::sign::SecretKey;
use scrip::format::cose::assemble;
use scrip::format::{Kind, cbor};
use scrip::trust::TrustError;

use crate::vectors::{READERS, payload_of};

/// Kinds that somebody signs, with a sound payload of each.
fn signed_kinds() -> Vec<(&'static str, Kind, Vec<u8>)> {
    READERS
        .iter()
        .filter_map(|(folder, kind, _)| Some((*folder, *kind, payload_of(folder)?)))
        .collect()
}

/// An object whose header says `stated` and whose signature was made in the domain of `domain`.
fn object(key: &SecretKey, stated: Kind, domain: Kind, payload: &[u8]) -> Vec<u8> {
    let id = key.public().key_id();
    let mut message = vec![];
    assemble(stated, id, payload.to_vec(), |made| {
        message = made.to_vec();
        [0; 64]
    });
    let message = in_domain(&message, stated, domain);
    assemble(stated, id, payload.to_vec(), |_| *key.sign(&message).as_bytes())
}

/// The same `Sig_structure` with the `external_aad` of another kind.
fn in_domain(message: &[u8], from: Kind, to: Kind) -> Vec<u8> {
    let mut value: ciborium::Value = ciborium::from_reader(message).unwrap();
    let part = &mut value.as_array_mut().unwrap()[2];
    assert_eq!(part.as_bytes().unwrap(), &from.domain());
    *part = ciborium::Value::Bytes(to.domain());
    cbor::encode(&value)
}

#[test]
fn no_signature_counts_for_another_kind() {
    let key = SecretKey::from_seed([0x44; 32]);
    let kinds = signed_kinds();
    assert_eq!(kinds.len(), 19, "every signed kind takes part");
    let mut refused = 0;
    for (made, made_kind, payload) in &kinds {
        for (folder, asked, read) in READERS.iter().filter(|reader| is_signed(&kinds, reader.0)) {
            let honest = read(&object(&key, *made_kind, *made_kind, payload), Some(&key.public()));
            let disguised = read(&object(&key, *asked, *made_kind, payload), Some(&key.public()));
            if made == folder {
                assert!(honest.is_ok() && disguised.is_ok(), "{made} is not read at all");
                continue;
            }
            let table = format!("{made} as {folder}");
            assert!(matches!(honest, Err(TrustError::Decode(_))), "{table}: {honest:?}");
            assert!(
                matches!(disguised, Err(TrustError::Signature { .. })),
                "{table}: {disguised:?}"
            );
            refused += 2;
        }
    }
    assert_eq!(refused, 2 * 19 * 18);
}

fn is_signed(kinds: &[(&'static str, Kind, Vec<u8>)], folder: &str) -> bool {
    kinds.iter().any(|(known, _, _)| *known == folder)
}
