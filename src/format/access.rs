//! Secrets at rest: access key slots, item keys and private key files.

use super::field::{Bytes, record};
use super::objects;
use crate::crypto::sign::PublicKey;

/// Length of one slot of an access file.
pub const SLOT_BYTES: usize = 4096;
/// Slots in an access file.
pub const SLOTS: usize = 8;
/// Length of one slot of a ring file.
pub const ITEM_KEY_BYTES: usize = 128;
/// Slots in a ring file.
pub const ITEM_KEYS: usize = 4096;

record! {
    /// How a password becomes a key: Argon2id version 1.3 (RFC 9106).
    pub struct PasswordCost {
        /// Memory in KiB.
        1 => memory_kib: u32,
        /// Passes over the memory.
        2 => passes: u32,
        /// Lanes.
        3 => lanes: u32,
    }
}

record! {
    /// One slot of `/SCRIP/ACCESS.A` and `.B`: the holder key under the owner's password.
    ///
    /// The sealed bytes are the holder key's seed (32) and the ring key (32). The associated data is
    /// the cost (3 × 4 bytes, big-endian), the salt, the kind's domain, the generation (8 bytes), the
    /// holder key (32) and the medium's number (8 bytes).
    pub struct AccessSlot {
        /// The slot with the highest generation counts.
        1 => generation: u64,
        /// The holder key inside.
        2 => key: PublicKey,
        /// How the password becomes a key.
        3 => cost: PasswordCost,
        /// Salt of the password.
        4 => salt: [u8; 16],
        /// Nonce of the seal.
        5 => nonce: [u8; 12],
        /// ChaCha20-Poly1305 (RFC 8439) over seed and ring key.
        6 => sealed: Bytes,
    }
}

record! {
    /// One slot of `/SCRIP/ITEMS.A` and `.B`: the key of one sealed file under the ring key.
    ///
    /// The associated data is the kind's domain, the medium's number (8 bytes) and the root.
    pub struct ItemKey {
        /// Tree hash of the file that the key opens.
        1 => root: [u8; 32],
        /// Nonce of the seal.
        2 => nonce: [u8; 12],
        /// ChaCha20-Poly1305 (RFC 8439) over the item's key.
        3 => sealed: Bytes,
        /// CRC32C over root, nonce and sealed bytes: whether the slot is whole.
        4 => check: u32,
    }
}

record! {
    /// A private key at rest: under a passphrase, or bare where `--no-passphrase` was given.
    pub struct KeyFile {
        /// What the key is for, such as `issuer`; authenticated.
        1 => role: String,
        /// How the passphrase becomes a key; absent for a bare key.
        2 => cost: Option<PasswordCost>,
        /// Salt of the passphrase.
        3 => salt: Option<[u8; 16]>,
        /// Nonce of the seal.
        4 => nonce: Option<[u8; 12]>,
        /// The sealed seed; a bare seed without `cost`.
        5 => key: Bytes,
    }
}

objects! {
    AccessSlot => AccessSlot,
    ItemKey => ItemKey,
    KeyFile => KeyFile,
}
