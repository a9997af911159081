//! What a store writes: its journal, as it lies in its folder and as it is exported; its request;
//! stamps that it keeps while a medium is stamped again.

use scrip::format::store::StoreEntry;
use scrip::format::{Kind, Object};
use scrip::issuer::read_request;
use scrip::shop::log::{Log, LogOwner, frame};
use scrip::shop::{KeptStamp, read_export};
use scrip::trust::sign;
use scrip::units::StoreId;

use super::input::Input;
use super::{trust, world};

/// First byte 0: a journal as it is; 1: an exported one as it is. Else: entries to be signed, each
/// behind a byte (128 and above: put in its place in the chain first; 64 to 127: its frame is cut
/// off there and the journal ends) and its length.
pub fn shop_log(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() {
        0 => check_log(input.rest(), &owner()),
        1 => drop(read_export(input.rest(), &world().trust())),
        _ => {
            let log = built(input);
            check_log(&log, &owner());
            let export = [frame(&world().store_chain.encode()), log.clone()].concat();
            let read = read_export(&export, &world().trust());
            let own = Log::read(&log, &owner());
            let whole = own.is_ok_and(|log| {
                log.torn_bytes() == 0 && log.check_every_signature(&owner()).is_ok()
            });
            assert_eq!(read.is_ok(), whole, "{:?}", read.err());
        }
    }
}

fn owner() -> LogOwner {
    let store = world().trust().signer(&world().store_chain).expect("the world's store");
    let certificate = store.certificate();
    LogOwner {
        store: StoreId::from_number(7).expect("a small number"),
        key: certificate.key.0,
        certificates: vec![certificate.hash()],
    }
}

fn built(mut input: Input<'_>) -> Vec<u8> {
    let mut log = vec![];
    let mut head = owner().certificates[0];
    for seq in 0..16 {
        if input.is_empty() {
            break;
        }
        let (form, payload) = (input.byte(), input.part());
        let entry = match StoreEntry::decode(payload) {
            Ok(entry) if form >= 128 => {
                sign(&world().store, &StoreEntry { seq, prev: head, store: owner().store, ..entry })
            }
            _ => trust::signed(&world().store, Kind::StoreEntry, payload),
        };
        head = scrip::crypto::digest::sha256(&entry);
        log.extend(frame(&entry));
        if (64..128).contains(&form) {
            log.truncate(log.len() - usize::from(form - 64));
            break;
        }
    }
    log
}

/// What is read of a journal, and of its sound part alone, is the same.
fn check_log(bytes: &[u8], owner: &LogOwner) {
    let Ok(log) = Log::read(bytes, owner) else { return };
    assert_eq!(log.sound_bytes() + log.torn_bytes(), bytes.len() as u64);
    assert_eq!(log.next_seq(), log.entries().len() as u64);
    let sound = usize::try_from(log.sound_bytes()).expect("a length in memory");
    let again = Log::read(&bytes[..sound], owner).expect("it was read before");
    assert_eq!((again.torn_bytes(), again.head()), (0, log.head()));
    let frames = log.entries().iter().flat_map(|entry| frame(entry.bytes()));
    assert!(frames.eq(bytes[..sound].iter().copied()));
}

/// First byte 0: a request as it is. Else: a request's contents, signed by the key of seed 8.
pub fn enrol_request(data: &[u8]) {
    let mut input = Input::new(data);
    let key = scrip::crypto::sign::SecretKey::from_seed([8; 32]);
    let bytes = match input.byte() {
        0 => input.rest().to_vec(),
        _ => trust::signed(&key, Kind::EnrolRequest, input.rest()),
    };
    if let Ok(read) = read_request(&bytes) {
        assert!(!read.request().name.is_empty());
    }
}

/// First byte 0: a kept stamp's file as it is. Else: what stands before the hash in one.
pub fn kept_stamp(data: &[u8]) {
    let mut input = Input::new(data);
    let form = input.byte();
    let mut bytes = input.rest().to_vec();
    if form != 0 {
        let hash = scrip::crypto::digest::sha256(&bytes);
        bytes.extend(hash);
    }
    match KeptStamp::decode(&bytes) {
        Ok(kept) => assert!(kept.encode() == bytes, "it is written otherwise than it was read"),
        Err(error) => assert!(!error.to_string().chars().any(char::is_control)),
    }
}
