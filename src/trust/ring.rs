//! The item key ring: which keys an owner has, each sealed under the ring key.
//!
//! A ring file is a row of slots; a slot names what its key opens by the file's root.

use crate::crypto::aead::{DecryptError, decrypt, encrypt};
use crate::crypto::{Random, Secret};
use crate::format::access::{ITEM_KEY_BYTES, ItemKey};
use crate::format::field::Bytes;
use crate::format::{Kind, Object, cbor};
use crate::units::MediumId;

/// Why an item's key can't be had from its slot.
#[derive(Debug, thiserror::Error)]
pub enum ItemKeyError {
    /// Another ring's, or altered.
    #[error("the item key of file {root} was sealed under another ring key: {source}")]
    Sealed {
        /// The file's root, in hex.
        root: String,
        /// What is wrong.
        source: DecryptError,
    },
    /// It opens to something that is no key.
    #[error("the item key of file {root} has {found} bytes, expected 32")]
    Length {
        /// The file's root, in hex.
        root: String,
        /// Bytes found.
        found: usize,
    },
}

/// Seal the key of the file with this root for a medium's ring.
pub fn wrap_item_key(
    ring: &Secret<32>,
    medium: MediumId,
    (root, key): (&[u8; 32], &Secret<32>),
    random: &mut dyn Random,
) -> ItemKey {
    let mut nonce = [0; 12];
    random.fill(&mut nonce);
    let sealed = Bytes(encrypt(ring, &nonce, &associated(medium, root), key.expose()));
    let check = checksum(root, &nonce, &sealed.0);
    ItemKey { root: *root, nonce, sealed, check }
}

/// Open a slot of a medium's ring.
pub fn unwrap_item_key(
    ring: &Secret<32>,
    medium: MediumId,
    slot: &ItemKey,
) -> Result<Secret<32>, ItemKeyError> {
    let root = || data_encoding::HEXLOWER.encode(&slot.root[..8]);
    let plain = decrypt(ring, &slot.nonce, &associated(medium, &slot.root), &slot.sealed.0)
        .map_err(|source| ItemKeyError::Sealed { root: root(), source })?;
    let found = plain.expose().len();
    Secret::from_slice(plain.expose()).ok_or_else(|| ItemKeyError::Length { root: root(), found })
}

/// The bytes of a slot.
pub fn item_key_slot(slot: Option<&ItemKey>) -> [u8; ITEM_KEY_BYTES] {
    let mut bytes = [0; ITEM_KEY_BYTES];
    if let Some(slot) = slot {
        let object = slot.encode();
        bytes[..object.len()].copy_from_slice(&object);
    }
    bytes
}

/// What a slot holds, if it is whole; that is told without the ring key.
pub fn read_item_key(bytes: &[u8; ITEM_KEY_BYTES]) -> Option<ItemKey> {
    let slot = ItemKey::decode(cbor::unpad(bytes).ok()??).ok()?;
    (slot.check == checksum(&slot.root, &slot.nonce, &slot.sealed.0)).then_some(slot)
}

/// Tells a torn slot from a whole one; against who alters it, the seal stands.
fn checksum(root: &[u8; 32], nonce: &[u8; 12], sealed: &[u8]) -> u32 {
    [&root[..], nonce, sealed].iter().fold(0, |sum, part| crc32c::crc32c_append(sum, part))
}

fn associated(medium: MediumId, root: &[u8; 32]) -> Vec<u8> {
    [&Kind::ItemKey.domain()[..], &medium.number().to_be_bytes(), root].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    const ROOT: [u8; 32] = [4; 32];

    fn sample() -> (Secret<32>, MediumId, ItemKey) {
        let (ring, medium) = (Secret::new([1; 32]), MediumId::from_serial(9));
        let key = Secret::new([2; 32]);
        let slot = wrap_item_key(&ring, medium, (&ROOT, &key), &mut SeededRandom::new([3; 32]));
        (ring, medium, slot)
    }

    #[test]
    fn a_key_comes_back_from_its_own_ring_and_medium_alone() {
        let (ring, medium, slot) = sample();
        let stored = item_key_slot(Some(&slot));
        assert_eq!(read_item_key(&stored), Some(slot.clone()));
        assert!(unwrap_item_key(&ring, medium, &slot).unwrap() == Secret::new([2; 32]));
        assert!(unwrap_item_key(&Secret::new([9; 32]), medium, &slot).is_err());
        assert!(unwrap_item_key(&ring, MediumId::from_serial(8), &slot).is_err());
        let other = ItemKey { root: [5; 32], ..slot };
        assert!(unwrap_item_key(&ring, medium, &other).is_err());
        assert_eq!(read_item_key(&item_key_slot(None)), None);
    }

    #[test]
    fn every_flipped_bit_of_a_slot_is_seen_without_the_ring_key() {
        let (_, _, slot) = sample();
        let stored = item_key_slot(Some(&slot));
        for bit in 0..stored.len() * 8 {
            let mut bad = stored;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_item_key(&bad), None, "bit {bit}");
        }
    }
}
