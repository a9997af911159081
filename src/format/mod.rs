//! Strict deterministic CBOR and COSE to and from typed records; no keys, no clock, no files.
