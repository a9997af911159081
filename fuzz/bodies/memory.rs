//! What a run of reconciling remembers for the next one.

use std::fs;

use scrip::device::{Keyed, KeyedError};
use scrip::reconcile::is_believed;
use scrip::units::MediumId;

use super::input::Input;

const BY: [u8; 32] = [8; 32];

/// A file; or 1 and values, of which bytes are changed behind where they lie.
pub fn keyed(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("found");
    let mut input = Input::new(data);
    let mut keys = vec![[1; 32]];
    if input.byte() == 0 {
        fs::write(&path, input.rest()).expect("a file");
    } else {
        let keyed = Keyed::open(&path, &BY).expect("a new file");
        while !input.is_empty() && keys.len() < 20 {
            let key = [input.byte(); 32];
            keyed.keep(key, input.part()).expect("room");
            keys.push(key);
            if input.byte() == 1 {
                let mut bytes = fs::read(&path).expect("a file");
                let at = usize::from(input.half()) % bytes.len();
                bytes[at] ^= input.byte();
                fs::write(&path, bytes).expect("a file");
            }
        }
    }
    match Keyed::open(&path, &BY) {
        Ok(keyed) => {
            for key in &keys {
                let _ = keyed.recall(key);
            }
            keyed.keep([2; 32], data).expect("room");
            keyed.tidy().expect("room");
            let again = Keyed::open(&path, &BY).expect("its own file");
            assert!(again.recall(&[2; 32]).is_some_and(|found| found == data));
        }
        Err(KeyedError::Foreign { .. }) => assert!(!data.is_empty()),
        Err(error) => panic!("{error}"),
    }
}

/// A medium's number and a value that is remembered of it: it is believed or found anew, and never
/// believed when it was cut off.
pub fn remembered(data: &[u8]) {
    let Some((number, value)) = data.split_first_chunk() else { return };
    let Ok(medium) = MediumId::from_number(u64::from_be_bytes(*number)) else { return };
    if is_believed(medium, value) && value.len() > 1 {
        assert!(!is_believed(medium, &value[..value.len() - 1]));
    }
}
