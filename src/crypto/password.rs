//! Keys from passwords: Argon2id version 1.3 (RFC 9106) with stated, bounded cost.

use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Random, Secret, SecretBytes, aead};

/// A password: wiped when dropped, neither copied nor printed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Password(Vec<u8>);

impl Password {
    /// Takes the text over as it is, without copying it.
    pub fn new(text: String) -> Self {
        Self(text.into_bytes())
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_slice(), other.0.as_slice()).into()
    }
}

impl Eq for Password {}

/// What one guess costs: memory, passes over it, lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// The least that a live medium or key folder may use: 19 MiB, 2 passes, 1 lane.
    pub const LIVE_FLOOR: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };
    /// The least that Argon2 knows, for tests only.
    pub const MINIMAL: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };
    /// Most memory ever taken: 1 GiB.
    pub const MEMORY_KIB_MAX: u32 = 1 << 20;
    /// Most passes ever made.
    pub const PASSES_MAX: u32 = 64;
    /// Most lanes ever used.
    pub const LANES_MAX: u32 = 16;
    /// Most work ever done, as memory times passes: a few seconds on a slow machine.
    pub const WORK_KIB_MAX: u32 = 4 << 20;

    /// Checks the bounds; nothing is allocated.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, CostError> {
        check("lanes", lanes, 1, Self::LANES_MAX)?;
        check("memory in KiB", memory_kib, 8 * lanes, Self::MEMORY_KIB_MAX)?;
        check("passes", passes, 1, Self::PASSES_MAX)?;
        // At most 2^20 * 64: no overflow.
        check("memory in KiB times passes", memory_kib * passes, 0, Self::WORK_KIB_MAX)?;
        Ok(Self { memory_kib, passes, lanes })
    }

    /// Memory in KiB.
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes that can be computed side by side.
    pub fn lanes(self) -> u32 {
        self.lanes
    }

    /// Whether a live root allows it.
    pub fn meets_live_floor(self) -> bool {
        self.memory_kib >= Self::LIVE_FLOOR.memory_kib && self.passes >= Self::LIVE_FLOOR.passes
    }

    fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        let fields = [self.memory_kib, self.passes, self.lanes];
        for (slot, field) in bytes.chunks_exact_mut(4).zip(fields) {
            slot.copy_from_slice(&field.to_be_bytes());
        }
        bytes
    }
}

/// The key that belongs to a password under this salt and cost.
pub fn derive_key(
    password: &Password,
    salt: &[u8; 16],
    cost: Cost,
) -> Result<Secret<32>, OutOfMemory> {
    argon2id(&password.0, salt, cost)
}

/// Bytes under a password, with all that is needed to open them but the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedBytes {
    /// What one guess costs.
    pub cost: Cost,
    /// Makes equal passwords differ.
    pub salt: [u8; 16],
    /// Used once, under a key that is used once.
    pub nonce: [u8; 12],
    /// Ciphertext and tag.
    pub ciphertext: Vec<u8>,
}

/// Locks the plaintext under a password with a fresh salt and nonce.
///
/// The cost (3 × 4 bytes, big-endian: memory, passes, lanes) and the salt are authenticated in
/// front of `aad`.
pub fn encrypt_with_password(
    plaintext: &[u8],
    password: &Password,
    cost: Cost,
    aad: &[u8],
    rng: &mut dyn Random,
) -> Result<LockedBytes, OutOfMemory> {
    let mut locked = LockedBytes { cost, salt: [0; 16], nonce: [0; 12], ciphertext: Vec::new() };
    rng.fill(&mut locked.salt);
    rng.fill(&mut locked.nonce);
    let key = derive_key(password, &locked.salt, cost)?;
    locked.ciphertext = aead::encrypt(&key, &locked.nonce, &locked.bound(aad), plaintext);
    Ok(locked)
}

impl LockedBytes {
    /// Opens with the password and the same `aad`.
    pub fn decrypt(&self, password: &Password, aad: &[u8]) -> Result<SecretBytes, UnlockError> {
        let size_bytes = self.ciphertext.len();
        if size_bytes < aead::TAG_BYTES {
            return Err(UnlockError::TooShort { size_bytes });
        }
        let key = derive_key(password, &self.salt, self.cost)?;
        aead::decrypt(&key, &self.nonce, &self.bound(aad), &self.ciphertext)
            .map_err(|_| UnlockError::WrongPassword)
    }

    fn bound(&self, aad: &[u8]) -> Vec<u8> {
        [&self.cost.to_bytes(), self.salt.as_slice(), aad].concat()
    }
}

/// A cost outside the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("password cost: {what} is {found}, allowed are {least} to {most}")]
pub struct CostError {
    /// Which number.
    pub what: &'static str,
    /// Its value.
    pub found: u32,
    /// The least allowed.
    pub least: u32,
    /// The most allowed.
    pub most: u32,
}

/// This machine can't give the memory that one guess costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("password needs {memory_kib} KiB of memory, which this machine doesn't give")]
pub struct OutOfMemory {
    /// Memory that was asked for.
    pub memory_kib: u32,
}

/// Why locked bytes can't be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnlockError {
    /// The password is another one; altered bytes look the same.
    #[error("wrong password")]
    WrongPassword,
    /// Shorter than empty locked bytes.
    #[error("locked bytes: found {size_bytes}, the shortest are {}", aead::TAG_BYTES)]
    TooShort {
        /// Size of the refused ciphertext.
        size_bytes: usize,
    },
    /// The password couldn't even be tried.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
}

fn check(what: &'static str, found: u32, least: u32, most: u32) -> Result<(), CostError> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(CostError { what, found, least, most })
}

fn argon2id(password: &[u8], salt: &[u8], cost: Cost) -> Result<Secret<32>, OutOfMemory> {
    let params = argon2::Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
        .expect("the bounds of a cost lie within Argon2's");
    let mut key = [0; 32];
    let hashed = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(password, salt, &mut key);
    let secret = Secret::new(key);
    key.zeroize();
    match hashed {
        Ok(()) => Ok(secret),
        Err(argon2::Error::OutOfMemory) => Err(OutOfMemory { memory_kib: cost.memory_kib }),
        Err(error) => panic!("lengths are fixed and costs checked, yet Argon2 says: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;
    use crate::crypto::SeededRandom;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    fn locked() -> LockedBytes {
        let mut rng = SeededRandom::new([1; 32]);
        encrypt_with_password(b"seed", &password("pass"), Cost::MINIMAL, b"aad", &mut rng).unwrap()
    }

    #[test]
    fn keys_match_the_reference_implementation() {
        // From the test vectors of the reference implementation, Argon2id version 1.3.
        let cases = [
            (65_536, 2, 1, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"),
            (256, 2, 1, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"),
            (256, 2, 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
        ];
        for (memory_kib, passes, lanes, expected) in cases {
            let cost = Cost::new(memory_kib, passes, lanes).unwrap();
            let key = argon2id(b"password", b"somesalt", cost).unwrap();
            assert_eq!(HEXLOWER.encode(key.expose()), expected);
        }
    }

    #[test]
    fn the_primitive_matches_rfc_9106() {
        let params = argon2::ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
            .build()
            .unwrap();
        let hasher = argon2::Argon2::new_with_secret(
            &[3; 8],
            argon2::Algorithm::Argon2id,
            argon2::Version::V0x13,
            params,
        );
        let mut tag = [0; 32];
        hasher.unwrap().hash_password_into(&[1; 32], &[2; 16], &mut tag).unwrap();
        assert_eq!(
            HEXLOWER.encode(&tag),
            "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
        );
    }

    #[test]
    fn costs_out_of_bounds_are_refused() {
        let bad = [
            (7, 1, 1, "password cost: memory in KiB is 7, allowed are 8 to 1048576"),
            (15, 1, 2, "password cost: memory in KiB is 15, allowed are 16 to 1048576"),
            (1_048_577, 1, 1, "password cost: memory in KiB is 1048577, allowed are 8 to 1048576"),
            (u32::MAX, u32::MAX, 1, "memory in KiB is 4294967295"),
            (19_456, 0, 1, "password cost: passes is 0, allowed are 1 to 64"),
            (19_456, 65, 1, "password cost: passes is 65, allowed are 1 to 64"),
            (19_456, 2, 0, "password cost: lanes is 0, allowed are 1 to 16"),
            (19_456, 2, 17, "password cost: lanes is 17, allowed are 1 to 16"),
            (1_048_576, 5, 1, "memory in KiB times passes is 5242880, allowed are 0 to 4194304"),
        ];
        for (memory_kib, passes, lanes, message) in bad {
            let error = Cost::new(memory_kib, passes, lanes).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        assert!(Cost::new(1_048_576, 4, 16).is_ok());
        assert!(Cost::new(65_536, 64, 1).is_ok());
    }

    #[test]
    fn the_live_floor_binds_memory_and_passes() {
        assert!(Cost::LIVE_FLOOR.meets_live_floor());
        assert!(!Cost::MINIMAL.meets_live_floor());
        assert!(!Cost::new(19_455, 2, 1).unwrap().meets_live_floor());
        assert!(!Cost::new(65_536, 1, 1).unwrap().meets_live_floor());
        assert!(Cost::new(65_536, 3, 4).unwrap().meets_live_floor());
    }

    #[test]
    fn only_the_right_password_opens() {
        let locked = locked();
        assert_eq!(locked.decrypt(&password("pass"), b"aad").unwrap().expose(), b"seed");
        for wrong in ["", "Pass", "pass ", "pas"] {
            let error = locked.decrypt(&password(wrong), b"aad").err();
            assert_eq!(error, Some(UnlockError::WrongPassword), "{wrong:?}");
        }
    }

    #[test]
    fn everything_beside_the_ciphertext_is_bound() {
        let good = locked();
        let refused = |locked: &LockedBytes, aad: &[u8]| {
            assert_eq!(
                locked.decrypt(&password("pass"), aad).err(),
                Some(UnlockError::WrongPassword)
            );
        };
        refused(&good, b"other");
        refused(&LockedBytes { cost: Cost::new(9, 1, 1).unwrap(), ..good.clone() }, b"aad");
        refused(&LockedBytes { cost: Cost::new(8, 2, 1).unwrap(), ..good.clone() }, b"aad");
        refused(&LockedBytes { salt: [0; 16], ..good.clone() }, b"aad");
        refused(&LockedBytes { nonce: [0; 12], ..good.clone() }, b"aad");
        let ciphertext = good.ciphertext[..aead::TAG_BYTES].to_vec();
        refused(&LockedBytes { ciphertext, ..good.clone() }, b"aad");
        let short = LockedBytes { ciphertext: vec![0; 15], ..good };
        assert_eq!(
            short.decrypt(&password("pass"), b"aad").err().unwrap().to_string(),
            "locked bytes: found 15, the shortest are 16"
        );
    }

    #[test]
    fn salts_and_nonces_are_fresh() {
        let mut rng = SeededRandom::new([1; 32]);
        let mut lock =
            || encrypt_with_password(b"", &password("p"), Cost::MINIMAL, b"", &mut rng).unwrap();
        let (first, second) = (lock(), lock());
        assert_ne!(first.salt, second.salt);
        assert_ne!(first.nonce, second.nonce);
    }
}
