//! Private keys at rest: a 32-byte seed under a passphrase, or bare where that was asked for.
//!
//! Associated data: the cost (3 × 4 bytes, big-endian), the salt, [`Kind::domain`], the role. So
//! neither a cheaper cost nor another role's key can be put in a file's place.

use zeroize::Zeroize;

use crate::crypto::password::{
    Cost, CostError, LockedBytes, OutOfMemory, Password, UnlockError, encrypt_with_password,
};
use crate::crypto::{Random, Secret};
use crate::format::access::{KeyFile, PasswordCost};
use crate::format::field::Bytes;
use crate::format::{DecodeError, Kind, Object};

/// What protects a private key at rest.
#[derive(Clone, Copy)]
pub enum Passphrase<'a> {
    /// The key lies under this password.
    Password(&'a Password),
    /// The key lies bare: only the folder's permissions protect it.
    None,
}

/// Why a private key can't be locked or unlocked.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Not a key file.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// The key is for something else.
    #[error("found the key of role {found}, expected {expected}")]
    Role {
        /// What the file says.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// Another passphrase, or altered bytes, which look the same.
    #[error("{role} key: wrong passphrase")]
    WrongPassphrase {
        /// The key's role.
        role: String,
    },
    /// The key is locked and no passphrase was given.
    #[error("{role} key: it lies under a passphrase and none was given")]
    Locked {
        /// The key's role.
        role: String,
    },
    /// The key is bare and a passphrase was given.
    #[error("{role} key: it lies bare, yet a passphrase was given")]
    Bare {
        /// The key's role.
        role: String,
    },
    /// Some of cost, salt and nonce are missing, or the key has a wrong length.
    #[error("{role} key: {reason}")]
    Malformed {
        /// The key's role.
        role: String,
        /// What is wrong.
        reason: String,
    },
    /// A cost outside all bounds.
    #[error("{role} key: {source}")]
    Cost {
        /// The key's role.
        role: String,
        /// The bound.
        source: CostError,
    },
    /// The passphrase couldn't even be tried.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
}

/// Write a key file over a seed; `cost` counts only under a password.
pub fn lock_key(
    role: &str,
    seed: &Secret<32>,
    passphrase: Passphrase<'_>,
    cost: Cost,
    rng: &mut dyn Random,
) -> Result<Vec<u8>, KeyFileError> {
    let mut file = match passphrase {
        Passphrase::None => KeyFile {
            role: role.to_owned(),
            cost: None,
            salt: None,
            nonce: None,
            key: Bytes(seed.expose().to_vec()),
        },
        Passphrase::Password(password) => {
            let locked =
                encrypt_with_password(seed.expose(), password, cost, &domain_of(role), rng)?;
            key_file(role, locked)
        }
    };
    let bytes = file.encode();
    file.key.0.zeroize();
    Ok(bytes)
}

/// Read the seed out of a key file of this role.
pub fn unlock_key(
    bytes: &[u8],
    role: &str,
    passphrase: Passphrase<'_>,
) -> Result<Secret<32>, KeyFileError> {
    let mut file = KeyFile::decode(bytes)?;
    let seed = seed_of(&file, role, passphrase);
    file.key.0.zeroize();
    seed
}

fn seed_of(
    file: &KeyFile,
    expected: &str,
    passphrase: Passphrase<'_>,
) -> Result<Secret<32>, KeyFileError> {
    let role = file.role.clone();
    if role != expected {
        return Err(KeyFileError::Role { found: role, expected: expected.to_owned() });
    }
    match (locked_bytes(file)?, passphrase) {
        (None, Passphrase::None) => seed_from(&role, &file.key.0),
        (None, Passphrase::Password(_)) => Err(KeyFileError::Bare { role }),
        (Some(_), Passphrase::None) => Err(KeyFileError::Locked { role }),
        (Some(locked), Passphrase::Password(password)) => {
            match locked.decrypt(password, &domain_of(&role)) {
                Ok(seed) => seed_from(&role, seed.expose()),
                Err(UnlockError::WrongPassword) => Err(KeyFileError::WrongPassphrase { role }),
                Err(UnlockError::OutOfMemory(error)) => Err(error.into()),
                Err(error @ UnlockError::TooShort { .. }) => {
                    Err(KeyFileError::Malformed { role, reason: error.to_string() })
                }
            }
        }
    }
}

fn domain_of(role: &str) -> Vec<u8> {
    [&Kind::KeyFile.domain(), role.as_bytes()].concat()
}

fn key_file(role: &str, locked: LockedBytes) -> KeyFile {
    KeyFile {
        role: role.to_owned(),
        cost: Some(PasswordCost {
            memory_kib: locked.cost.memory_kib(),
            passes: locked.cost.passes(),
            lanes: locked.cost.lanes(),
        }),
        salt: Some(locked.salt),
        nonce: Some(locked.nonce),
        key: Bytes(locked.ciphertext),
    }
}

/// What a passphrase opens; none for a bare key.
fn locked_bytes(file: &KeyFile) -> Result<Option<LockedBytes>, KeyFileError> {
    let role = || file.role.clone();
    match (&file.cost, file.salt, file.nonce) {
        (None, None, None) => Ok(None),
        (Some(cost), Some(salt), Some(nonce)) => {
            let cost = Cost::new(cost.memory_kib, cost.passes, cost.lanes)
                .map_err(|source| KeyFileError::Cost { role: role(), source })?;
            Ok(Some(LockedBytes { cost, salt, nonce, ciphertext: file.key.0.clone() }))
        }
        _ => Err(KeyFileError::Malformed {
            role: role(),
            reason: "cost, salt and nonce go together".to_owned(),
        }),
    }
}

fn seed_from(role: &str, bytes: &[u8]) -> Result<Secret<32>, KeyFileError> {
    Secret::from_slice(bytes).ok_or_else(|| KeyFileError::Malformed {
        role: role.to_owned(),
        reason: format!("its seed has {} bytes, expected 32", bytes.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    fn lock(role: &str, passphrase: Passphrase<'_>) -> Vec<u8> {
        let mut rng = SeededRandom::new([3; 32]);
        lock_key(role, &Secret::new([7; 32]), passphrase, Cost::MINIMAL, &mut rng).unwrap()
    }

    fn refusal(bytes: &[u8], role: &str, passphrase: Passphrase<'_>) -> String {
        unlock_key(bytes, role, passphrase).err().expect("refused").to_string()
    }

    #[test]
    fn a_key_comes_back_under_its_passphrase_alone() {
        let (right, wrong) = (password("right"), password("wrong"));
        let locked = lock("issuer", Passphrase::Password(&right));
        let seed = unlock_key(&locked, "issuer", Passphrase::Password(&right)).unwrap();
        assert_eq!(seed.expose(), &[7; 32]);
        assert!(!locked.windows(8).any(|window| window == [7; 8]), "the seed is not in the clear");
        let cases = [
            (Passphrase::Password(&wrong), "issuer key: wrong passphrase"),
            (Passphrase::None, "issuer key: it lies under a passphrase and none was given"),
        ];
        for (passphrase, message) in cases {
            assert_eq!(refusal(&locked, "issuer", passphrase), message);
        }
    }

    #[test]
    fn a_bare_key_takes_no_passphrase() {
        let bare = lock("store", Passphrase::None);
        assert_eq!(unlock_key(&bare, "store", Passphrase::None).unwrap().expose(), &[7; 32]);
        let given = password("x");
        assert_eq!(
            refusal(&bare, "store", Passphrase::Password(&given)),
            "store key: it lies bare, yet a passphrase was given"
        );
    }

    #[test]
    fn another_role_and_altered_parameters_are_refused() {
        let right = password("right");
        let locked = lock("issuer", Passphrase::Password(&right));
        let key = Passphrase::Password(&right);
        assert_eq!(
            refusal(&locked, "settler", key),
            "found the key of role issuer, expected settler"
        );
        let honest = KeyFile::decode(&locked).unwrap();
        let renamed = KeyFile { role: "settler".to_owned(), ..honest.clone() };
        assert_eq!(refusal(&renamed.encode(), "settler", key), "settler key: wrong passphrase");
        let dearer = PasswordCost { memory_kib: 16, passes: 1, lanes: 1 };
        let altered = KeyFile { cost: Some(dearer), ..honest.clone() };
        assert_eq!(refusal(&altered.encode(), "issuer", key), "issuer key: wrong passphrase");
        let endless = PasswordCost { memory_kib: u32::MAX, passes: 1, lanes: 1 };
        let greedy = KeyFile { cost: Some(endless), ..honest.clone() };
        assert!(refusal(&greedy.encode(), "issuer", key).contains("allowed are 8 to"));
        let torn = KeyFile { salt: None, ..honest };
        assert_eq!(
            refusal(&torn.encode(), "issuer", key),
            "issuer key: cost, salt and nonce go together"
        );
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused() {
        let right = password("right");
        let locked = lock("issuer", Passphrase::Password(&right));
        let opens = |bytes: &[u8]| unlock_key(bytes, "issuer", Passphrase::Password(&right));
        for end in 0..locked.len() {
            assert!(opens(&locked[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..locked.len() * 8 {
            let mut bad = locked.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(opens(&bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_seed_of_another_length_is_named() {
        let short = KeyFile {
            role: "store".to_owned(),
            cost: None,
            salt: None,
            nonce: None,
            key: Bytes(vec![1; 31]),
        };
        let message = refusal(&short.encode(), "store", Passphrase::None);
        assert_eq!(message, "store key: its seed has 31 bytes, expected 32");
    }
}
