//! Certificates, keys at rest, access keys, kits: read raw, and signed by keys that count.

use scrip::crypto::SeededRandom;
use scrip::crypto::password::Password;
use scrip::crypto::seal::SealSecretKey;
use scrip::crypto::sign::SecretKey;
use scrip::format::access::{KeyFile, PasswordCost, SLOTS};
use scrip::format::certificate::{Chain, Role};
use scrip::format::{Kind, Object, cose};
use scrip::trust::access::{HolderKeys, access_file, read_access_file};
use scrip::trust::{Passphrase, unlock_key};
use scrip::units::{MediumId, StoreId};
use scrip::voucher::kit::{addressee, open_kit, seal_kit};

use super::input::Input;
use super::world;

/// Sign bytes as an object of a kind, whatever they are.
pub(super) fn signed(key: &SecretKey, kind: Kind, payload: &[u8]) -> Vec<u8> {
    cose::assemble(kind, key.public().key_id(), payload.to_vec(), |message| {
        *key.sign(message).as_bytes()
    })
}

/// The key of the world's root: the first that its seed gives.
fn root_key() -> SecretKey {
    SecretKey::generate(&mut SeededRandom::new([7; 32]))
}

/// First byte 0: a chain as it is. Else: certificates, each behind a byte that says who signs it
/// and its length; a byte of 4 and above puts the world's own issuer and root there.
pub fn chain(data: &[u8]) {
    let mut input = Input::new(data);
    let trust = world().trust();
    let chain = if input.byte() == 0 {
        match Chain::decode(input.rest()) {
            Ok(chain) => chain,
            Err(_) => return,
        }
    } else {
        built(input)
    };
    let Ok(signer) = trust.signer(&chain) else { return };
    let again = trust.signer(&signer.chain()).expect("what was believed is believed again");
    assert_eq!(again.certificate().bytes(), signer.certificate().bytes());
    let pinned =
        trust.roots().iter().any(|root| root.fingerprint() == signer.anchor().fingerprint());
    assert_eq!(signer.anchor().is_pinned(), pinned);
    let leaf = signer.certificate();
    assert_ne!(leaf.role, Role::Root);
    assert_eq!(leaf.grant.is_some(), leaf.role == Role::Store);
}

fn built(mut input: Input<'_>) -> Chain {
    let world = world();
    let keys = [&root_key(), &world.issuer, &world.store, &world.rom_signer];
    let mut parts = vec![];
    while !input.is_empty() && parts.len() < 5 {
        match keys.get(usize::from(input.byte())) {
            Some(key) => parts.push(signed(key, Kind::Certificate, input.part())),
            None => parts.extend_from_slice(&world.rom_chain.0[1..]),
        }
    }
    Chain(parts)
}

/// Costs that a fuzzer can pay; what others cost is bounded by a test of its own.
fn is_cheap(cost: &PasswordCost) -> bool {
    cost.memory_kib <= 64 && cost.passes <= 2 && cost.lanes <= 4
}

/// A private key's file.
pub fn keyfile(data: &[u8]) {
    let Ok(file) = KeyFile::decode(data) else {
        assert!(unlock_key(data, "issuer", Passphrase::None).is_err());
        return;
    };
    let bare = unlock_key(data, &file.role, Passphrase::None);
    let parts = (file.cost.is_some(), file.salt.is_some(), file.nonce.is_some());
    let whole = parts == (false, false, false) && file.key.0.len() == 32;
    assert_eq!(bare.is_ok(), whole, "{:?}", bare.err());
    if file.cost.as_ref().is_none_or(is_cheap) {
        let password = Password::new("open sesame".to_owned());
        let _ = unlock_key(data, &file.role, Passphrase::Password(&password));
    }
}

/// An access file of any length.
pub fn access(data: &[u8]) {
    let slots = read_access_file(data);
    assert!(slots.len() <= SLOTS);
    let good: Vec<_> = slots.into_iter().flatten().collect();
    let again: Vec<_> = read_access_file(&access_file(&good)).into_iter().flatten().collect();
    assert_eq!(again, good);
    let password = Password::new("open sesame".to_owned());
    for slot in good.iter().filter(|slot| is_cheap(&slot.cost)).take(2) {
        let _ = HolderKeys::open(MediumId::from_serial(42), slot, &password);
    }
}

/// First byte 0: a sealed kit as it is; 1: a signed kit, which is sealed; else a kit, which is
/// signed and sealed.
pub fn kit(data: &[u8]) {
    let mut input = Input::new(data);
    let form = input.byte();
    let world = world();
    let store = StoreId::from_number(7).expect("a small number");
    let key = SealSecretKey::from_bytes([9; 32]);
    let sealed = |signed: &[u8]| {
        let issuer = Chain(world.rom_chain.0[1..].to_vec());
        seal_kit(store, &key.public(), issuer, signed, &mut SeededRandom::new([1; 32]))
    };
    let bytes = match form {
        0 => input.rest().to_vec(),
        1 => sealed(input.rest()),
        _ => sealed(&signed(&world.issuer, Kind::Kit, input.rest())),
    };
    let outside = addressee(&bytes);
    if let Ok(opened) = open_kit(&bytes, store, &key, &world.trust()) {
        assert_eq!(outside, Ok(store));
        assert_eq!(opened.sheets.len(), opened.kit.blanks.len());
        assert_eq!(opened.issuer.certificate().key.0.as_bytes(), world.issuer.public().as_bytes());
    }
}
