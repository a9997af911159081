//! What a broken-off burn is resumed with: sealed in the store's folder, erased when verified.

use zeroize::Zeroizing;

use super::Refusal;
use crate::crypto::aead::{DecryptError, decrypt, encrypt};
use crate::crypto::sign::SecretKey;
use crate::crypto::{Random, Secret, hmac_sha256};
use crate::format::edition::EditionId;
use crate::trust::access::HolderKeys;
use crate::units::MediumId;

/// What separates a burn's sealing key from all else under the store's key.
const SEAL_DOMAIN: &[u8] = b"scrip/v1/burn-secrets";
const NONCE_BYTES: usize = 12;
/// Holder seed, ring key, seed, edition.
const FIXED_BYTES: usize = 4 * 32;
/// The longest file of sealed secrets.
pub(super) const SEALED_BYTES_MAX: u64 = 4096;
/// The longest first password, and the longest name of a target, in bytes.
const TEXT_BYTES_MAX: usize = 1024;
/// What a first password is made of: nothing that looks like another.
const PASSWORD_LETTERS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
const PASSWORD_GROUPS: usize = 3;
const PASSWORD_GROUP_LETTERS: usize = 4;
/// All letters and the hyphens between groups: the text never moves while it grows.
const PASSWORD_LETTERS_MAX: usize = PASSWORD_GROUPS * (PASSWORD_GROUP_LETTERS + 1);

/// What a burn must remember to be resumed to identical bytes; erased when the burn is verified.
pub struct BurnSecrets {
    /// The first holder key and the ring key.
    pub keys: HolderKeys,
    /// The password of the first login.
    pub password: Zeroizing<String>,
    /// All other random choices of this burn follow from it.
    pub seed: Secret<32>,
    /// The edition that is burnt.
    pub edition: EditionId,
    /// What is burnt to, for a person and for finding the burn again.
    pub target: String,
}

/// Why sealed secrets can't be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecretsError {
    /// Too short to be anything.
    #[error("{0} bytes are too short for sealed secrets")]
    TooShort(usize),
    /// Sealed by another store or for another medium, or altered.
    #[error("{0}")]
    Sealed(#[from] DecryptError),
    /// Opened, yet not of the form of a burn's secrets.
    #[error("holds no burn's secrets")]
    Form,
}

impl BurnSecrets {
    /// Draw the secrets of a new burn.
    pub fn generate(edition: EditionId, target: &str, rng: &mut dyn Random) -> Self {
        Self {
            keys: HolderKeys::generate(rng),
            password: first_password(rng),
            seed: Secret::generate(rng),
            edition,
            target: target.to_owned(),
        }
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(FIXED_BYTES + 2 * TEXT_BYTES_MAX));
        let seed = self.keys.key.seed();
        for part in [seed.expose(), self.keys.ring.expose(), self.seed.expose(), &self.edition] {
            bytes.extend_from_slice(part);
        }
        let length = u16::try_from(self.target.len()).expect("the length was checked");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(self.target.as_bytes());
        bytes.extend_from_slice(self.password.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (fixed, rest) = bytes.split_at_checked(FIXED_BYTES)?;
        let mut parts = fixed.chunks_exact(32);
        let mut next = || Secret::<32>::from_slice(parts.next()?);
        let (holder, ring, seed, edition) = (next()?, next()?, next()?, next()?);
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (target, password) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        Some(Self {
            keys: HolderKeys { key: SecretKey::from_seed(*holder.expose()), ring },
            password: Zeroizing::new(str::from_utf8(password).ok()?.to_owned()),
            seed,
            edition: *edition.expose(),
            target: str::from_utf8(target).ok()?.to_owned(),
        })
    }

    /// Seal the secrets of a medium's burn under the store's key.
    pub(super) fn seal(
        &self,
        store: &SecretKey,
        medium: MediumId,
        rng: &mut dyn Random,
    ) -> Result<Vec<u8>, Refusal> {
        for (what, text) in [("target", &self.target), ("password", &*self.password)] {
            if text.len() > TEXT_BYTES_MAX {
                let found = format!("{what} of {} bytes", text.len());
                let limit = format!("{TEXT_BYTES_MAX} bytes");
                return Err(Refusal::TooLarge { found, what: "that a burn keeps", limit });
            }
        }
        let mut nonce = [0; NONCE_BYTES];
        rng.fill(&mut nonce);
        let sealed = encrypt(&sealing_key(store, medium), &nonce, &bound(medium), &self.encode());
        Ok([&nonce[..], &sealed].concat())
    }

    /// Open what [`BurnSecrets::seal`] made for this medium.
    pub(super) fn open(
        bytes: &[u8],
        store: &SecretKey,
        medium: MediumId,
    ) -> Result<Self, SecretsError> {
        let (nonce, sealed) =
            bytes.split_first_chunk().ok_or(SecretsError::TooShort(bytes.len()))?;
        let plain = decrypt(&sealing_key(store, medium), nonce, &bound(medium), sealed)?;
        Self::decode(plain.expose()).ok_or(SecretsError::Form)
    }
}

/// A first password that a person can type: three groups of four, 59 bits.
pub fn first_password(rng: &mut dyn Random) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(PASSWORD_LETTERS_MAX));
    for group in 0..PASSWORD_GROUPS {
        if group > 0 {
            text.push('-');
        }
        for _ in 0..PASSWORD_GROUP_LETTERS {
            text.push(password_letter(rng));
        }
    }
    text
}

/// One letter, each as likely: bytes that would favour the first ones are drawn again.
fn password_letter(rng: &mut dyn Random) -> char {
    let fair = u8::MAX - u8::MAX % 31;
    loop {
        let mut byte = [0];
        rng.fill(&mut byte);
        if byte[0] < fair {
            return PASSWORD_LETTERS[usize::from(byte[0] % 31)].into();
        }
    }
}

fn sealing_key(store: &SecretKey, medium: MediumId) -> Secret<32> {
    Secret::new(hmac_sha256(store.seed().expose(), &[&bound(medium)]))
}

fn bound(medium: MediumId) -> Vec<u8> {
    [SEAL_DOMAIN, &medium.number().to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    /// The secrets of the vector in SPEC.md.
    fn sample() -> (SecretKey, MediumId, BurnSecrets) {
        let keys = HolderKeys { key: SecretKey::from_seed([1; 32]), ring: Secret::new([2; 32]) };
        let secrets = BurnSecrets {
            keys,
            password: Zeroizing::new("abcd-efgh-jkmn".to_owned()),
            seed: Secret::new([3; 32]),
            edition: [4; 32],
            target: "stick.img".to_owned(),
        };
        (SecretKey::from_seed([5; 32]), MediumId::from_serial(1), secrets)
    }

    #[test]
    fn the_documented_vector_is_made_and_opened() {
        let (store, medium, secrets) = sample();
        let spec = include_str!("SPEC.md").split_whitespace().collect::<String>();
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let sealed = secrets.seal(&store, medium, &mut SeededRandom::new([6; 32])).unwrap();
        for part in [&*secrets.encode(), &sealing_key(&store, medium).expose()[..], &sealed] {
            assert!(spec.contains(&hex(part)), "{}", hex(part));
        }
        let opened = BurnSecrets::open(&sealed, &store, medium).expect("it opens");
        assert_eq!((opened.edition, opened.target), (secrets.edition, secrets.target));
        assert!(opened.password == secrets.password && opened.seed == secrets.seed);
        assert!(opened.keys.key.seed() == secrets.keys.key.seed());
        assert!(opened.keys.ring == secrets.keys.ring);
    }

    #[test]
    fn other_stores_and_media_and_every_flipped_bit_are_refused() {
        let (store, medium, secrets) = sample();
        let sealed = secrets.seal(&store, medium, &mut SeededRandom::new([6; 32])).unwrap();
        let other = SecretKey::from_seed([9; 32]);
        assert!(BurnSecrets::open(&sealed, &other, medium).is_err());
        assert!(BurnSecrets::open(&sealed, &store, MediumId::from_serial(2)).is_err());
        for bit in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(BurnSecrets::open(&bad, &store, medium).is_err(), "bit {bit}");
        }
        for end in 0..sealed.len() {
            assert!(BurnSecrets::open(&sealed[..end], &store, medium).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn contents_that_end_too_early_are_no_secrets() {
        let (_, _, secrets) = sample();
        let plain = secrets.encode();
        let target = FIXED_BYTES + 2 + secrets.target.len();
        for end in 0..target {
            assert!(BurnSecrets::decode(&plain[..end]).is_none(), "cut at {end}");
        }
    }

    #[test]
    fn texts_that_would_not_be_read_again_are_refused() {
        let (store, medium, mut secrets) = sample();
        secrets.target = "x".repeat(TEXT_BYTES_MAX + 1);
        let refusal = secrets.seal(&store, medium, &mut SeededRandom::new([6; 32])).unwrap_err();
        let expected = "target of 1025 bytes is above the largest that a burn keeps, 1024 bytes";
        assert_eq!(refusal.to_string(), expected);
    }

    #[test]
    fn first_passwords_can_be_typed_and_differ() {
        let mut rng = SeededRandom::new([1; 32]);
        let [one, two] = [(); 2].map(|()| first_password(&mut rng));
        assert_ne!(one, two);
        let lengths: Vec<_> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [4, 4, 4]);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            seen.extend(first_password(&mut rng).chars());
        }
        let letters: std::collections::BTreeSet<_> =
            PASSWORD_LETTERS.iter().map(|letter| char::from(*letter)).chain(['-']).collect();
        assert_eq!(seen, letters);
    }
}
