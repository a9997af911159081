//! The owner's keys under the owner's password: slots of an access file.

use crate::crypto::password::encrypt_with_password;
use crate::crypto::password::{Cost, CostError, LockedBytes, OutOfMemory, Password, UnlockError};
use crate::crypto::sign::SecretKey;
use crate::crypto::{Random, Secret};
use crate::format::access::{AccessSlot, PasswordCost, SLOT_BYTES, SLOTS};
use crate::format::field::Bytes;
use crate::format::{DecodeError, Kind, Object, cbor};
use crate::units::MediumId;

/// What an access slot keeps: the key that signs records, and the key of the item key ring.
pub struct HolderKeys {
    /// Signs the medium's records.
    pub key: SecretKey,
    /// Opens the item keys.
    pub ring: Secret<32>,
}

/// Why an access slot can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Not the owner's password.
    #[error("medium {0}: wrong password")]
    WrongPassword(MediumId),
    /// The slot asks for an impossible cost.
    #[error("medium {0}: access slot: {1}")]
    Cost(MediumId, CostError),
    /// The computer has too little memory for the cost.
    #[error("medium {0}: {1}")]
    Memory(MediumId, OutOfMemory),
    /// The slot holds something else than two keys, or keys of another medium.
    #[error("medium {0}: the access slot's contents don't fit its public key")]
    Contents(MediumId),
}

impl HolderKeys {
    /// New keys.
    pub fn generate(rng: &mut dyn Random) -> Self {
        Self { key: SecretKey::generate(rng), ring: Secret::generate(rng) }
    }

    /// A new holder key beside the same ring key.
    #[must_use]
    pub fn rekeyed(&self, random: &mut dyn Random) -> Self {
        let ring = Secret::from_slice(self.ring.expose()).expect("it has the same length");
        Self { key: SecretKey::generate(random), ring }
    }

    /// Seal the keys under a password into a slot.
    pub fn seal(
        &self,
        medium: MediumId,
        generation: u64,
        password: &Password,
        cost: Cost,
        rng: &mut dyn Random,
    ) -> Result<AccessSlot, OutOfMemory> {
        let seed = self.key.seed();
        let plain = zeroize::Zeroizing::new([*seed.expose(), *self.ring.expose()].concat());
        let public = self.key.public();
        let aad = associated(medium, generation, public.as_bytes());
        let locked = encrypt_with_password(&plain, password, cost, &aad, rng)?;
        let cost = PasswordCost {
            memory_kib: cost.memory_kib(),
            passes: cost.passes(),
            lanes: cost.lanes(),
        };
        let LockedBytes { salt, nonce, ciphertext, .. } = locked;
        Ok(AccessSlot { generation, key: public, cost, salt, nonce, sealed: Bytes(ciphertext) })
    }

    /// Open a slot of this medium.
    pub fn open(
        medium: MediumId,
        slot: &AccessSlot,
        password: &Password,
    ) -> Result<Self, AccessError> {
        let PasswordCost { memory_kib, passes, lanes } = slot.cost;
        let cost = Cost::new(memory_kib, passes, lanes)
            .map_err(|error| AccessError::Cost(medium, error))?;
        let ciphertext = slot.sealed.0.clone();
        let locked = LockedBytes { cost, salt: slot.salt, nonce: slot.nonce, ciphertext };
        let aad = associated(medium, slot.generation, slot.key.as_bytes());
        let plain = locked.decrypt(password, &aad).map_err(|error| match error {
            UnlockError::WrongPassword => AccessError::WrongPassword(medium),
            UnlockError::TooShort { .. } => AccessError::Contents(medium),
            UnlockError::OutOfMemory(error) => AccessError::Memory(medium, error),
        })?;
        let (seed, ring) = plain.expose().split_at_checked(32).unwrap_or_default();
        let fault = AccessError::Contents(medium);
        let (Ok(seed), Some(ring)) = (seed.try_into(), Secret::from_slice(ring)) else {
            return Err(fault);
        };
        let key = SecretKey::from_seed(seed);
        if key.public() == slot.key { Ok(Self { key, ring }) } else { Err(fault) }
    }
}

fn associated(medium: MediumId, generation: u64, public: &[u8; 32]) -> Vec<u8> {
    let number = medium.number().to_be_bytes();
    [&Kind::AccessSlot.domain()[..], &generation.to_be_bytes(), public, &number].concat()
}

/// An access file that holds these slots, the rest empty.
pub fn access_file(slots: &[AccessSlot]) -> Vec<u8> {
    let mut out = Vec::with_capacity(SLOT_BYTES * SLOTS);
    for slot in slots.iter().take(SLOTS) {
        let mut bytes = slot.encode();
        bytes.resize(SLOT_BYTES, 0);
        out.extend(bytes);
    }
    out.resize(SLOT_BYTES * SLOTS, 0);
    out
}

/// The slots of an access file in order; empty slots are left out, bad ones are errors.
pub fn read_access_file(file: &[u8]) -> Vec<Result<AccessSlot, DecodeError>> {
    let read = |slot: &[u8]| match cbor::unpad(slot) {
        Ok(None) => None,
        Ok(Some(object)) => Some(AccessSlot::decode(object)),
        Err(error) => Some(Err(error)),
    };
    file.chunks(SLOT_BYTES).take(SLOTS).filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    fn sample() -> (MediumId, HolderKeys, AccessSlot, Password) {
        let mut rng = SeededRandom::new([5; 32]);
        let medium = MediumId::from_serial(42);
        let keys = HolderKeys::generate(&mut rng);
        let password = Password::new("open sesame".to_owned());
        let slot = keys.seal(medium, 3, &password, Cost::MINIMAL, &mut rng).unwrap();
        (medium, keys, slot, password)
    }

    #[test]
    fn keys_come_back_with_the_password_alone() {
        let (medium, keys, slot, password) = sample();
        let file = access_file(std::slice::from_ref(&slot));
        let read = read_access_file(&file);
        assert_eq!(read.len(), 1);
        let opened = HolderKeys::open(medium, read[0].as_ref().unwrap(), &password).unwrap();
        assert!(opened.key.public() == keys.key.public() && opened.ring == keys.ring);
        let wrong = Password::new("open sesam".to_owned());
        let fault = HolderKeys::open(medium, &slot, &wrong).err().unwrap();
        assert!(matches!(fault, AccessError::WrongPassword(_)));
    }

    #[test]
    fn a_slot_opens_on_its_own_medium_and_generation_alone() {
        let (medium, _, slot, password) = sample();
        let other = MediumId::from_serial(43);
        assert!(HolderKeys::open(other, &slot, &password).is_err());
        let newer = AccessSlot { generation: 4, ..slot.clone() };
        assert!(HolderKeys::open(medium, &newer, &password).is_err());
        let dear = PasswordCost { memory_kib: u32::MAX, ..slot.cost.clone() };
        let dear = AccessSlot { cost: dear, ..slot };
        assert!(matches!(HolderKeys::open(medium, &dear, &password), Err(AccessError::Cost(..))));
    }

    #[test]
    fn every_flipped_bit_of_a_slot_is_refused_or_never_opens() {
        let (medium, _, slot, password) = sample();
        let bytes = slot.encode();
        for bit in 0..bytes.len() * 8 {
            let mut file = bytes.clone();
            file[bit / 8] ^= 1 << (bit % 8);
            let read = AccessSlot::decode(&file);
            let opened = read.is_ok_and(|slot| {
                let cheap = slot.cost.memory_kib < 1 << 14 && slot.cost.passes < 64;
                cheap && HolderKeys::open(medium, &slot, &password).is_ok()
            });
            assert!(!opened, "bit {bit}");
        }
    }
}
