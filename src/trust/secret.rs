//! An edition's secret: what the keys of its sealed items follow from.

use super::keyfile::{KeyFileError, Passphrase, lock_key, unlock_key};
use crate::crypto::password::Cost;
use crate::crypto::seal::{SealPublicKey, SealSecretKey, open, seal};
use crate::crypto::{Random, Secret, hmac_sha256};
use crate::format::field::Bytes;
use crate::format::sheet::SealedSecret;
use crate::format::{Kind, Object};
use crate::units::StoreId;

/// What its file says that it is.
const ROLE: &str = "edition-secret";
const ID_DOMAIN: &[u8] = b"scrip/v1/edition-secret-id";
const KEY_DOMAIN: &[u8] = b"scrip/v1/item-key";

fn bound(store: StoreId) -> [u8; 8] {
    u64::from(store.number()).to_be_bytes()
}

/// Names a secret without giving it away.
pub type SecretId = [u8; 16];

/// Whoever has it can open every item that was sealed under it.
pub struct EditionSecret(Secret<32>);

impl EditionSecret {
    /// Draw a new one.
    pub fn generate(rng: &mut dyn Random) -> Self {
        Self(Secret::generate(rng))
    }

    /// The secret that these bytes are.
    pub fn new(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// The same secret once more.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Secret::from_slice(self.0.expose()).expect("it has the same length"))
    }

    /// The bytes themselves, to be sealed to a store.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// Its file, which protects it by nothing but the folder's permissions.
    pub fn to_file(&self, rng: &mut dyn Random) -> Vec<u8> {
        lock_key(ROLE, &self.0, Passphrase::None, Cost::MINIMAL, rng)
            .expect("a bare key needs no memory")
    }

    /// Read its file.
    pub fn from_file(bytes: &[u8]) -> Result<Self, KeyFileError> {
        Ok(Self(unlock_key(bytes, ROLE, Passphrase::None)?))
    }

    /// Seal it to a store's key.
    pub fn seal(&self, store: StoreId, to: &SealPublicKey, rng: &mut dyn Random) -> Vec<u8> {
        let sealed = seal(to, &Kind::SealedSecret.domain(), &bound(store), self.0.expose(), rng);
        SealedSecret { store, sealed: Bytes(sealed) }.encode()
    }

    /// Open what was sealed to this store.
    pub fn open(sealed: &SealedSecret, key: &SealSecretKey) -> Option<Self> {
        let bound = bound(sealed.store);
        let plain = open(key, &Kind::SealedSecret.domain(), &bound, &sealed.sealed.0).ok()?;
        Secret::from_slice(plain.expose()).map(Self)
    }

    /// Its name.
    pub fn id(&self) -> SecretId {
        let digest = hmac_sha256(self.0.expose(), &[ID_DOMAIN]);
        *digest.first_chunk().expect("a digest is longer")
    }

    /// The key of an item whose file opens to bytes of this SHA-256.
    pub fn item_key(&self, item: &str, content: &[u8; 32]) -> Secret<32> {
        Secret::new(hmac_sha256(self.0.expose(), &[KEY_DOMAIN, item.as_bytes(), content]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    #[test]
    fn it_comes_back_from_its_file_and_from_no_other() {
        let mut rng = SeededRandom::new([3; 32]);
        let secret = EditionSecret::generate(&mut rng);
        let file = secret.to_file(&mut rng);
        let again = EditionSecret::from_file(&file).unwrap();
        assert_eq!((again.expose(), again.id()), (secret.expose(), secret.id()));
        let other =
            lock_key("issuer", &Secret::new([1; 32]), Passphrase::None, Cost::MINIMAL, &mut rng);
        let refused = EditionSecret::from_file(&other.unwrap()).err().unwrap();
        assert_eq!(refused.to_string(), "found the key of role issuer, expected edition-secret");
        for end in 0..file.len() {
            assert!(EditionSecret::from_file(&file[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn each_item_and_each_content_has_a_key_of_its_own() {
        let [one, two] = [1, 2].map(|byte| EditionSecret::new(Secret::new([byte; 32])));
        let key = one.item_key("song", &[7; 32]);
        assert!(key == one.item_key("song", &[7; 32]));
        assert!(key != one.item_key("son", &[7; 32]) && key != one.item_key("song", &[8; 32]));
        assert!(key != two.item_key("song", &[7; 32]));
        assert_ne!(one.id(), two.id());
    }
}
