//! A file sealed in chunks, each of which opens alone: ChaCha20-Poly1305 (RFC 8439) in the STREAM
//! construction (Hoang, Reyhanitabar, Rogaway, Vizar: CRYPTO 2015).
//!
//! A chunk is 65,520 bytes and their tag; the last one is shorter where the file ends earlier, and
//! empty only in an empty file. Its nonce is its number and whether it is the last one, so chunks
//! that are left out, moved, repeated or added are refused. Under a key only one file may be
//! sealed: its nonces are always the same.

use super::aead::{DecryptError, TAG_BYTES, decrypt, encrypt};
use super::{Secret, SecretBytes};

/// Bytes of a whole chunk before it is sealed.
pub const CHUNK_BYTES: usize = SEALED_BYTES - TAG_BYTES;
/// Bytes of a whole chunk when it is sealed.
pub const SEALED_BYTES: usize = 64 << 10;

/// Does another chunk follow?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// One follows.
    Inner,
    /// The file ends with it.
    Last,
}

/// How long a file of so many bytes is when it is sealed.
pub fn sealed_len(plain: u64) -> u64 {
    plain + plain.div_ceil(CHUNK_BYTES as u64).max(1) * TAG_BYTES as u64
}

/// How many chunks a sealed file of so many bytes has; none is so long otherwise.
pub fn count(sealed: u64) -> Option<u64> {
    let chunks = sealed.div_ceil(SEALED_BYTES as u64);
    let last = sealed.checked_sub(chunks.checked_sub(1)? * SEALED_BYTES as u64)?;
    let shortest = TAG_BYTES as u64 + u64::from(chunks > 1);
    (last >= shortest).then_some(chunks)
}

/// How many bytes a sealed file of so many bytes opens to; none is so long otherwise.
pub fn opened_len(sealed: u64) -> Option<u64> {
    Some(sealed - count(sealed)? * TAG_BYTES as u64)
}

/// Seal one chunk.
pub fn seal(key: &Secret<32>, index: u64, position: Position, chunk: &[u8]) -> Vec<u8> {
    debug_assert!(chunk.len() <= CHUNK_BYTES, "a chunk is at most so long");
    encrypt(key, &nonce(index, position), &[], chunk)
}

/// Open one chunk.
pub fn open(
    key: &Secret<32>,
    index: u64,
    position: Position,
    sealed: &[u8],
) -> Result<SecretBytes, DecryptError> {
    decrypt(key, &nonce(index, position), &[], sealed)
}

/// Three zeros, the chunk's number, 1 for the last chunk.
fn nonce(index: u64, position: Position) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&index.to_be_bytes());
    nonce[11] = u8::from(position == Position::Last);
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTHS: [usize; 7] = [0, 1, 65_519, 65_520, 65_521, 131_040, 131_041];

    fn key() -> Secret<32> {
        Secret::new([0x5e; 32])
    }

    fn plain(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let chunks: Vec<_> =
            if plain.is_empty() { vec![plain] } else { plain.chunks(CHUNK_BYTES).collect() };
        let position = |at| if at + 1 == chunks.len() { Position::Last } else { Position::Inner };
        let parts = (0..).zip(&chunks).zip((0..chunks.len()).map(position));
        parts.flat_map(|((index, chunk), position)| seal(&key(), index, position, chunk)).collect()
    }

    /// As a reader does that knows nothing but the bytes.
    fn opened(sealed: &[u8]) -> Option<Vec<u8>> {
        let count = count(sealed.len() as u64)?;
        let mut all = vec![];
        for (index, chunk) in (0..).zip(sealed.chunks(SEALED_BYTES)) {
            let position = if index + 1 == count { Position::Last } else { Position::Inner };
            all.extend_from_slice(open(&key(), index, position, chunk).ok()?.expose());
        }
        Some(all)
    }

    #[test]
    fn files_of_every_length_come_back() {
        for length in LENGTHS {
            let (plain, sealed) = (plain(length), sealed(&plain(length)));
            assert_eq!(sealed.len() as u64, sealed_len(length as u64), "{length}");
            assert_eq!(opened_len(sealed.len() as u64), Some(length as u64));
            assert!(opened(&sealed) == Some(plain), "{length}");
        }
        for no_length in [0, 15, 65_536 + 1, 65_536 + 16, 2 * 65_536 + 15] {
            assert_eq!(opened_len(no_length), None, "{no_length}");
        }
    }

    #[test]
    fn every_length_is_one_file_s_or_none() {
        let mut lengths: Vec<_> = (0..140_000_u64).map(sealed_len).collect();
        lengths.dedup();
        assert_eq!(lengths.len(), 140_000);
        for sealed in 0..140_000 {
            let known = lengths.binary_search(&sealed).ok().map(|at| at as u64);
            assert_eq!(opened_len(sealed), known, "{sealed}");
        }
    }

    #[test]
    fn what_is_cut_moved_repeated_or_added_is_refused() {
        let good = sealed(&plain(3 * CHUNK_BYTES + 5));
        let chunk = |at: usize| good[at * SEALED_BYTES..].chunks(SEALED_BYTES).next().unwrap();
        let [a, b, c, d] = [0, 1, 2, 3].map(chunk);
        assert!(opened(&[a, b, c, d].concat()).is_some());
        for bad in [
            [a, b, c].concat(),
            [a, b, c, &d[..d.len() - 1]].concat(),
            [a, c, b, d].concat(),
            [b, a, c, d].concat(),
            [a, a, b, c, d].concat(),
            [a, b, d].concat(),
            [a, b, c, d, d].concat(),
            [&good[..], &[0; 17]].concat(),
            [a, b, c, &sealed(b"")].concat(),
            d.to_vec(),
        ] {
            assert!(opened(&bad).is_none(), "{} bytes", bad.len());
        }
        for at in (0..good.len()).step_by(4_093) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(opened(&bad).is_none(), "byte {at}");
        }
    }
}
