//! Digests, signatures, sealing and passwords: the only room that names cryptography crates.
//!
//! It works on bytes and knows no formats. One algorithm for each purpose: SHA-256, Ed25519,
//! HPKE over X25519, ChaCha20-Poly1305, Argon2id for passwords, PBKDF2 for typed codes.

pub mod aead;
mod batch;
pub mod chunks;
pub mod digest;
pub mod password;
mod random;
pub mod seal;
mod secret;
pub mod sign;
pub mod stretch;

pub use digest::hmac_sha256;
pub use random::{Random, SeededRandom, SystemRandom};
pub use secret::{Secret, SecretBytes};
