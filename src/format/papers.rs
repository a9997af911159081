//! What a medium keeps of what came with its checkpoints: two files beside the journal's copies.

use super::checkpoint::Bounded;
use super::field::{Bytes, record};
use super::objects;
use crate::crypto::digest::sha256_parts;

/// Length of one slot of a papers file.
pub const PAPERS_SLOT_BYTES: usize = 64 << 10;
/// Slots in a papers file.
pub const PAPERS_SLOTS: usize = 2;
/// The most policies that are kept.
pub const POLICIES_MAX: usize = 3;
/// The most sheets that are kept.
pub const SHEETS_MAX: usize = 4;

record! {
    /// One slot of `/SCRIP/PAPERS.A` and `.B`: all that is kept, in one generation. Not signed itself,
    /// since each part is.
    pub struct Papers {
        /// Lies in slot `generation % 2`; the highest that is whole counts.
        1 => generation: u64,
        /// Signed policies above the stamped one, lowest number first.
        2 => policies: Bounded<Bytes, POLICIES_MAX>,
        /// Signed sheets, newest first.
        3 => sheets: Bounded<Bytes, SHEETS_MAX>,
        /// The signed list of what is revoked.
        4 => revocation: Option<Bytes>,
        /// [`Papers::checked`]: whether the slot is whole.
        5 => check: [u8; 32],
    }
}

impl Papers {
    /// SHA-256 over the generation (8 bytes, big-endian), then each policy, each sheet and the list,
    /// its length (4, big-endian) before it.
    pub fn checked(&self) -> [u8; 32] {
        let parts = self.policies.0.iter().chain(&self.sheets.0).chain(&self.revocation);
        let lengths = parts.clone().map(|part| u32::try_from(part.0.len()).unwrap_or(u32::MAX));
        let lengths: Vec<_> = lengths.map(u32::to_be_bytes).collect();
        let generation = self.generation.to_be_bytes();
        let mut all: Vec<&[u8]> = vec![&generation];
        for (length, part) in lengths.iter().zip(parts) {
            all.extend([length.as_slice(), &part.0]);
        }
        sha256_parts(&all)
    }
}

objects! {
    Papers => Papers,
}
