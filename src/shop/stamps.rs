//! Stamps that are kept while a medium is stamped again, so that a cut can be mended.
//!
//! They are kept before the first byte is written to the medium and go when it was read back.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::ShopError;
use super::open::{STAMPS, Shop, Writing};
use crate::crypto::digest::sha256;
use crate::device::Privacy;
use crate::format::store::StoreEvent;
use crate::units::{MediumId, Timestamp, UnitError};

/// A block of a medium.
const BLOCK_BYTES: usize = 4096;
/// Medium, sequence, count.
const HEAD_BYTES: usize = 8 + 8 + 4;
const HASH_BYTES: usize = 32;
/// Re-stamping writes at most 1 MiB.
const BLOCKS_MAX: usize = 256;
/// The longest file of a kept stamp.
const FILE_BYTES_MAX: u64 = (HEAD_BYTES + BLOCKS_MAX * (8 + BLOCK_BYTES) + HASH_BYTES) as u64;

/// The blocks that a medium gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptStamp {
    /// The medium.
    pub medium: MediumId,
    /// Sequence of the journal's next entry when it was kept: the stamping is journalled if a
    /// later entry says that the medium was refreshed.
    pub since: u64,
    /// Blocks of 4,096 bytes by their offsets on the medium.
    pub blocks: BTreeMap<u64, Vec<u8>>,
}

/// Why bytes are no kept stamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeptStampError {
    /// Fewer bytes than head and hash take.
    #[error("it has {0} bytes, fewer than {min}", min = HEAD_BYTES + HASH_BYTES)]
    Short(usize),
    /// Bytes were changed, or the end is lost.
    #[error("its hash is not that of its bytes")]
    Hash,
    /// More blocks than a stamping writes.
    #[error("it states {0} blocks, at most {BLOCKS_MAX} are written")]
    Many(u32),
    /// Not as many bytes as its blocks take.
    #[error("it states {blocks} blocks, {bytes} bytes are there for them")]
    Count {
        /// Blocks that it states.
        blocks: u32,
        /// Bytes between head and hash.
        bytes: usize,
    },
    /// A block that doesn't come behind the one before it.
    #[error("block at {found} stands behind the one at {before}")]
    Order {
        /// The block's offset.
        found: u64,
        /// The offset of the one before it.
        before: u64,
    },
    /// No medium has such a number.
    #[error("it names no medium: {0}")]
    Medium(UnitError),
}

impl KeptStamp {
    /// The bytes of its file.
    ///
    /// # Panics
    ///
    /// With more blocks than a stamping writes, 256.
    pub fn encode(&self) -> Vec<u8> {
        assert!(self.blocks.len() <= BLOCKS_MAX, "a stamping writes at most 256 blocks");
        let count = u32::try_from(self.blocks.len()).expect("at most 256 blocks");
        let mut bytes = self.medium.number().to_be_bytes().to_vec();
        bytes.extend(self.since.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        for (offset, block) in &self.blocks {
            bytes.extend(offset.to_be_bytes());
            bytes.extend(block);
        }
        let hash = sha256(&bytes);
        bytes.extend(hash);
        bytes
    }

    /// Read the bytes of a file.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeptStampError> {
        let short = || KeptStampError::Short(bytes.len());
        let (body, hash) = bytes.split_last_chunk::<HASH_BYTES>().ok_or_else(short)?;
        let (head, rest) = body.split_at_checked(HEAD_BYTES).ok_or_else(short)?;
        if sha256(body) != *hash {
            return Err(KeptStampError::Hash);
        }
        let (medium, head) = head.split_first_chunk().expect("the head has 20 bytes");
        let (since, count) = head.split_first_chunk().expect("the head has 20 bytes");
        let count = u32::from_be_bytes(count.try_into().expect("the head has 20 bytes"));
        let medium = MediumId::from_number(u64::from_be_bytes(*medium));
        Ok(Self {
            medium: medium.map_err(KeptStampError::Medium)?,
            since: u64::from_be_bytes(*since),
            blocks: blocks(count, rest)?,
        })
    }
}

/// So many blocks by their offsets, which ascend.
fn blocks(count: u32, bytes: &[u8]) -> Result<BTreeMap<u64, Vec<u8>>, KeptStampError> {
    let (places, left) = bytes.as_chunks::<{ 8 + BLOCK_BYTES }>();
    if count as usize > BLOCKS_MAX {
        return Err(KeptStampError::Many(count));
    }
    if !left.is_empty() || places.len() != count as usize {
        return Err(KeptStampError::Count { blocks: count, bytes: bytes.len() });
    }
    let mut blocks = BTreeMap::new();
    for place in places {
        let (offset, block) = place.split_first_chunk().expect("8 bytes and a block");
        let found = u64::from_be_bytes(*offset);
        match blocks.last_key_value() {
            Some((&before, _)) if before >= found => {
                return Err(KeptStampError::Order { found, before });
            }
            _ => blocks.insert(found, block.to_vec()),
        };
    }
    Ok(blocks)
}

impl Shop {
    /// Keep the blocks that a medium gets, in place of what was kept for it; returns the sequence
    /// that [`Shop::end_stamp`] asks for.
    pub fn keep_stamp(
        &self,
        medium: MediumId,
        blocks: &BTreeMap<u64, Vec<u8>>,
    ) -> Result<u64, ShopError> {
        let kept = KeptStamp { medium, since: self.log()?.next_seq(), blocks: blocks.clone() };
        if self.writing == Writing::Real {
            let folder = self.folder.folder(STAMPS)?;
            folder.write(&name_of(medium), &kept.encode(), Privacy::Secret)?;
        }
        Ok(kept.since)
    }

    /// Media whose stamping began and hasn't ended.
    pub fn unfinished_stamps(&self) -> Result<Vec<MediumId>, ShopError> {
        if !self.folder.contains(STAMPS)? {
            return Ok(vec![]);
        }
        let names = self.folder.folder(STAMPS)?.list()?;
        Ok(names.iter().filter_map(|name| name.strip_suffix(SUFFIX)?.parse().ok()).collect())
    }

    /// What is kept for a medium.
    pub fn kept_stamp(&self, medium: MediumId) -> Result<KeptStamp, ShopError> {
        let name = name_of(medium);
        let bytes = self.folder.folder(STAMPS)?.read(&name, FILE_BYTES_MAX)?;
        let damaged = |reason: &dyn Display| ShopError::damaged(format!("{STAMPS}/{name}"), reason);
        let kept = KeptStamp::decode(&bytes).map_err(|error| damaged(&error))?;
        if kept.medium != medium {
            return Err(damaged(&format_args!("it is of medium {}", kept.medium)));
        }
        Ok(kept)
    }

    /// A medium was stamped and read back: journal that once, and let go what was kept for it.
    /// Returns the entry's sequence.
    pub fn end_stamp(
        &mut self,
        medium: MediumId,
        since: u64,
        now: Timestamp,
    ) -> Result<u64, ShopError> {
        let entries = self.log()?.entries().iter();
        let ours = |event, of| event == StoreEvent::Refreshed && of == medium;
        let mut ours =
            entries.filter(|entry| entry.seq >= since && ours(entry.event, entry.medium));
        let seq = match ours.next().map(|entry| entry.seq) {
            Some(seq) => seq,
            None => self.record_refreshed(medium, now)?,
        };
        self.forget_stamp(medium)?;
        Ok(seq)
    }

    /// Let go what was kept for a medium, if anything was.
    pub fn forget_stamp(&self, medium: MediumId) -> Result<(), ShopError> {
        if self.writing == Writing::Dry || !self.folder.contains(STAMPS)? {
            return Ok(());
        }
        let (folder, name) = (self.folder.folder(STAMPS)?, name_of(medium));
        if folder.contains(&name)? {
            // It may hold an owner's name.
            folder.erase(&name)?;
        }
        Ok(())
    }
}

const SUFFIX: &str = ".stamp";

fn name_of(medium: MediumId) -> String {
    format!("{medium}{SUFFIX}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> KeptStamp {
        let blocks = [(1 << 20, vec![1; BLOCK_BYTES]), (5 << 20, vec![2; BLOCK_BYTES])];
        let medium = MediumId::from_serial(9);
        KeptStamp { medium, since: 17, blocks: BTreeMap::from(blocks) }
    }

    #[test]
    fn a_kept_stamp_reads_as_it_was() {
        let bytes = kept().encode();
        assert_eq!(bytes.len(), HEAD_BYTES + 2 * (8 + BLOCK_BYTES) + HASH_BYTES);
        assert_eq!(KeptStamp::decode(&bytes), Ok(kept()));
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused() {
        let bytes = kept().encode();
        for end in 0..bytes.len() {
            assert!(KeptStamp::decode(&bytes[..end]).is_err(), "{end} bytes");
        }
        for byte in (0..bytes.len()).step_by(61) {
            let mut flipped = bytes.clone();
            flipped[byte] ^= 4;
            assert!(KeptStamp::decode(&flipped).is_err(), "byte {byte}");
        }
    }

    #[test]
    fn what_is_stated_wrongly_under_a_right_hash_is_named() {
        let changed = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = kept().encode();
            bytes.truncate(bytes.len() - HASH_BYTES);
            change(&mut bytes);
            let hash = sha256(&bytes);
            KeptStamp::decode(&[&bytes[..], &hash].concat()).unwrap_err().to_string()
        };
        for (change, words) in [
            (
                &(|bytes: &mut Vec<u8>| bytes[19] = 3) as &dyn Fn(&mut Vec<u8>),
                "states 3 blocks, 8208 bytes",
            ),
            (&|bytes| bytes[18] = 2, "states 514 blocks, at most 256"),
            (&|bytes| bytes[20 + 5] = 0x50, "block at 5242880 stands behind the one at 5242880"),
            (&|bytes| bytes[7] ^= 1, "it names no medium: "),
        ] {
            let told = changed(change);
            assert!(told.contains(words), "{told}");
        }
    }
}
