//! Digests, signatures, sealing and passwords: the only room that names cryptography crates.
