//! The hash tree over a read-only volume, and the root of a single file.
//!
//! The tree is dm-verity's: format 1, SHA-256, data and hash blocks of 4,096 bytes, empty salt. A
//! *leaf* is the SHA-256 of one data block. A level's digests are packed 128 to a block, the last
//! block filled up with zeros; the SHA-256 of each block is a digest of the next level, until one
//! digest is left: the *root*. Stored are a superblock and then all levels but the root, the
//! smallest first, the leaves last, as `veritysetup format` writes them.
//!
//! A **file root** has the same shape over the file's own 4,096-byte leaves, its last one filled
//! up with zeros: 32 zero bytes for an empty file, the leaf itself up to 4,096 bytes, else the
//! root of the tree of its leaves. Files begin on block boundaries of the volume and are followed
//! by zeros up to the next one, so a file's leaves are leaves of the volume's tree too. The root
//! does not say how long a file is: whoever signs it signs the length beside it.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use crate::crypto::digest::{sha256, sha256_parts};
use crate::device::{Device, DeviceError};

/// Bytes of a data block, and of a block of digests.
pub const BLOCK_BYTES: usize = 4_096;
/// Digests in a block.
pub const DIGESTS_PER_BLOCK: usize = BLOCK_BYTES / DIGEST_BYTES;
/// The root of an empty file.
pub const EMPTY_FILE_ROOT: Digest = [0; DIGEST_BYTES];

const DIGEST_BYTES: usize = 32;
const ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// A SHA-256 digest.
pub type Digest = [u8; DIGEST_BYTES];

/// Append the leaves of `bytes`, the last one filled up with zeros.
pub fn push_leaves(leaves: &mut Vec<Digest>, bytes: &[u8]) {
    let (blocks, tail) = bytes.as_chunks::<BLOCK_BYTES>();
    leaves.extend(blocks.iter().map(|block| sha256(block)));
    if !tail.is_empty() {
        leaves.push(padded_digest(tail));
    }
}

/// The root over a file's `leaves`, as the module's documentation defines it.
pub fn file_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => EMPTY_FILE_ROOT,
        [only] => *only,
        many => file_root(&parents(many)),
    }
}

/// Blocks that superblock and tree over `data_blocks` take together.
pub fn stored_blocks(data_blocks: u64) -> u64 {
    1 + level_sizes(data_blocks).iter().map(|size| size.div_ceil(PER_BLOCK)).sum::<u64>()
}

/// The block in front of a stored tree: dm-verity's superblock, version 1.
pub fn superblock(uuid: &[u8; 16], data_blocks: u64) -> [u8; BLOCK_BYTES] {
    let mut block = ZEROS;
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"verity\0\0");
    put(8, &1_u32.to_le_bytes());
    put(12, &1_u32.to_le_bytes());
    put(16, uuid);
    put(32, b"sha256");
    put(64, &4_096_u32.to_le_bytes());
    put(68, &4_096_u32.to_le_bytes());
    put(72, &data_blocks.to_le_bytes());
    block
}

/// A whole hash tree in memory: 32.3 bytes for each block of data.
#[derive(Clone, PartialEq, Eq)]
pub struct HashTree {
    /// The leaves, then each level above them; the last one is the root alone.
    levels: Vec<Vec<Digest>>,
}

impl fmt::Debug for HashTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashTree({} leaves, root {:02x?})", self.data_blocks(), self.root())
    }
}

const PER_BLOCK: u64 = DIGESTS_PER_BLOCK as u64;

impl HashTree {
    /// Hash the tree over `leaves`; `None` if there are none.
    pub fn from_leaves(leaves: Vec<Digest>) -> Option<Self> {
        if leaves.is_empty() {
            return None;
        }
        let mut levels = vec![leaves];
        while let Some(top) = levels.last().filter(|top| top.len() > 1) {
            levels.push(parents(top));
        }
        Some(Self { levels })
    }

    /// Read the levels of a stored tree over `data_blocks` whose superblock lies at `offset`.
    ///
    /// Only the root is computed, so the tree is as good as what was stored: compare the root with
    /// a signed one, and use [`HashTree::from_leaves`] where a forged inner block would do harm.
    pub fn read(device: &dyn Device, offset: u64, data_blocks: u64) -> Result<Self, TreeError> {
        let sizes = level_sizes(data_blocks);
        if sizes.is_empty() {
            return Err(TreeError::NoLevels { data_blocks });
        }
        let mut levels = Vec::with_capacity(sizes.len() + 1);
        for (size, blocks) in sizes.iter().zip(level_blocks(&sizes)) {
            let start = offset.saturating_add(blocks.start.saturating_mul(BLOCK_BYTES as u64));
            let end = offset.saturating_add(blocks.end.saturating_mul(BLOCK_BYTES as u64));
            if end > device.len_bytes() {
                return Err(TreeError::Truncated { end, len: device.len_bytes() });
            }
            let count = usize::try_from(*size).expect("a level that lies on a device fits memory");
            let mut level = vec![[0; DIGEST_BYTES]; count];
            device.read_at(start, level.as_flattened_mut())?;
            levels.push(level);
        }
        levels.push(parents(&levels[levels.len() - 1]));
        Ok(Self { levels })
    }

    /// The root.
    pub fn root(&self) -> Digest {
        self.levels[self.levels.len() - 1][0]
    }

    /// The leaves, one for each data block.
    pub fn leaves(&self) -> &[Digest] {
        &self.levels[0]
    }

    /// Number of data blocks.
    pub fn data_blocks(&self) -> u64 {
        self.levels[0].len() as u64
    }

    /// Blocks that superblock and tree take together.
    pub fn stored_blocks(&self) -> u64 {
        stored_blocks(self.data_blocks())
    }

    /// Put new leaves in and re-hash what lies above them.
    ///
    /// Each change is a data block's index and its new leaf; an index past the end panics.
    /// Returns the blocks of the stored tree that differ now, ascending, the superblock being
    /// block 0. Each of them was hashed once.
    pub fn update(&mut self, changes: &[(u64, Digest)]) -> Vec<u64> {
        let mut dirty: BTreeSet<usize> = BTreeSet::new();
        for (index, leaf) in changes {
            let index = usize::try_from(*index).expect("the index of a leaf in memory");
            if self.levels[0][index] != *leaf {
                self.levels[0][index] = *leaf;
                dirty.insert(index / DIGESTS_PER_BLOCK);
            }
        }
        let mut rehashed = Vec::new();
        let sizes = level_sizes(self.data_blocks());
        for (level, blocks) in level_blocks(&sizes).into_iter().enumerate() {
            let mut above = BTreeSet::new();
            for block in dirty {
                rehashed.push(blocks.start + block as u64);
                self.levels[level + 1][block] = block_digest(&self.levels[level], block);
                above.insert(block / DIGESTS_PER_BLOCK);
            }
            dirty = above;
        }
        rehashed.sort_unstable();
        rehashed
    }

    /// Fill `out`, whole blocks, with the stored form from block `first` on.
    ///
    /// Block 0 is the superblock with `uuid`; what lies past the tree's end is zero.
    pub fn fill(&self, uuid: &[u8; 16], first: u64, out: &mut [u8]) {
        let sizes = level_sizes(self.data_blocks());
        let levels = level_blocks(&sizes);
        let (blocks, rest) = out.as_chunks_mut::<BLOCK_BYTES>();
        assert!(rest.is_empty(), "{} bytes are not whole blocks", rest.len());
        for (index, block) in (first..).zip(blocks) {
            *block = ZEROS;
            if index == 0 {
                *block = superblock(uuid, self.data_blocks());
            } else if let Some(level) = levels.iter().position(|range| range.contains(&index)) {
                let at = usize::try_from(index - levels[level].start).expect("a block in memory");
                let digests = digests_of(&self.levels[level], at).as_flattened();
                block[..digests.len()].copy_from_slice(digests);
            }
        }
    }
}

/// Why a stored tree could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// So few data blocks that nothing is stored.
    #[error("a tree over {data_blocks} blocks of data stores no digest, at least 2 are needed")]
    NoLevels {
        /// Blocks of data.
        data_blocks: u64,
    },
    /// The device ends before the tree does.
    #[error("the hash tree ends at {end}, the device at {len}")]
    Truncated {
        /// End of the tree.
        end: u64,
        /// End of the device.
        len: u64,
    },
    /// The device could not be read.
    #[error("reading the hash tree: {0}")]
    Device(#[from] DeviceError),
}

/// Digests in each stored level over `data_blocks`, leaves first.
fn level_sizes(data_blocks: u64) -> Vec<u64> {
    let mut sizes = Vec::new();
    let mut size = data_blocks;
    while size > 1 {
        sizes.push(size);
        size = size.div_ceil(PER_BLOCK);
    }
    sizes
}

/// The blocks of each stored level, in the order of `sizes`; the smallest level lies first.
fn level_blocks(sizes: &[u64]) -> Vec<Range<u64>> {
    let mut start = 1;
    let mut blocks: Vec<_> = sizes
        .iter()
        .rev()
        .map(|size| {
            let range = start..start + size.div_ceil(PER_BLOCK);
            start = range.end;
            range
        })
        .collect();
    blocks.reverse();
    blocks
}

/// The digests that stand in block `block` of `level`.
fn digests_of(level: &[Digest], block: usize) -> &[Digest] {
    let start = block * DIGESTS_PER_BLOCK;
    &level[start..level.len().min(start + DIGESTS_PER_BLOCK)]
}

fn block_digest(level: &[Digest], block: usize) -> Digest {
    padded_digest(digests_of(level, block).as_flattened())
}

fn parents(level: &[Digest]) -> Vec<Digest> {
    level.chunks(DIGESTS_PER_BLOCK).map(|digests| padded_digest(digests.as_flattened())).collect()
}

/// The digest of one block that begins with `bytes` and goes on with zeros.
fn padded_digest(bytes: &[u8]) -> Digest {
    sha256_parts(&[bytes, &ZEROS[bytes.len()..]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::MemoryDevice;

    fn leaves(count: usize) -> Vec<Digest> {
        (0..count).map(|n| sha256(&n.to_le_bytes())).collect()
    }

    fn stored(tree: &HashTree) -> Vec<u8> {
        let blocks = usize::try_from(tree.stored_blocks()).expect("a small tree");
        let mut bytes = vec![0xA5; blocks * BLOCK_BYTES];
        tree.fill(&[7; 16], 0, &mut bytes);
        bytes
    }

    #[test]
    fn file_roots_are_as_defined() {
        let mut own = Vec::new();
        assert_eq!(file_root(&own), [0; 32]);
        push_leaves(&mut own, b"x");
        let mut block = [0; BLOCK_BYTES];
        block[0] = b'x';
        assert_eq!(own, [sha256(&block)]);
        assert_eq!(file_root(&own), sha256(&block));
        push_leaves(&mut own, &block);
        let mut above = [0; BLOCK_BYTES];
        above[..32].copy_from_slice(&own[0]);
        above[32..64].copy_from_slice(&own[1]);
        assert_eq!(file_root(&own), sha256(&above));
    }

    #[test]
    fn file_roots_agree_with_another_implementation() {
        // Python's hashlib over files that hold the letter x throughout.
        for (size, root) in [
            (1, "71e5143d1d4bc35a17dd90dab781bfaf505c613b2bb50fbeaeae51e51dacf810"),
            (4_096, "a2e659dacb4691e887ac0139f8893d04764ee197d70fb73d3190d56113d18e3e"),
            (4_097, "4a6f6b35329281c59c9c436aa143b5341505fd2ab21ad7405c751c0179f4e6fd"),
            (524_288, "6ceb75985eac3e9394bf4ec050da0a0fb0cbad41314b5093b459bb8eb7d31c67"),
            (524_289, "a27dbc9e5db03896f33b5ff1de96a05ad36b5e34df9cba06af755dd92f45b8df"),
        ] {
            let mut own = Vec::new();
            push_leaves(&mut own, &vec![b'x'; size]);
            assert_eq!(data_encoding::HEXLOWER.encode(&file_root(&own)), root, "{size} bytes");
        }
    }

    #[test]
    fn a_file_root_is_the_root_of_a_tree_over_its_leaves() {
        for count in [1, 2, 127, 128, 129, 128 * 128, 128 * 128 + 1] {
            let tree = HashTree::from_leaves(leaves(count)).expect("leaves");
            assert_eq!(tree.root(), file_root(&leaves(count)), "{count} leaves");
        }
        assert!(HashTree::from_leaves(Vec::new()).is_none());
    }

    #[test]
    fn levels_are_stored_smallest_first() {
        assert_eq!([0, 1, 2, 128, 129].map(stored_blocks), [1, 1, 2, 2, 4]);
        let tree = HashTree::from_leaves(leaves(129)).expect("leaves");
        let bytes = stored(&tree);
        assert_eq!(bytes.len(), 4 * BLOCK_BYTES);
        assert_eq!(sha256(&bytes[BLOCK_BYTES..2 * BLOCK_BYTES]), tree.root());
        assert_eq!(bytes[2 * BLOCK_BYTES..][..32], leaves(129)[0]);
        assert_eq!(bytes[3 * BLOCK_BYTES..][..32], leaves(129)[128]);
        assert!(bytes[3 * BLOCK_BYTES + 32..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn any_part_of_the_stored_form_can_be_filled_alone_and_read_again() {
        let tree = HashTree::from_leaves(leaves(20_000)).expect("leaves");
        let bytes = stored(&tree);
        for (index, block) in (0..).zip(bytes.chunks(BLOCK_BYTES)) {
            let mut alone = [0x5A; BLOCK_BYTES];
            tree.fill(&[7; 16], index, &mut alone);
            assert_eq!(alone, block, "block {index}");
        }
        let mut past = [1; BLOCK_BYTES];
        tree.fill(&[7; 16], tree.stored_blocks(), &mut past);
        assert_eq!(past, ZEROS);
        let mut shifted = vec![0xEE; 512];
        shifted.extend_from_slice(&bytes);
        let device = MemoryDevice::from_bytes(shifted);
        assert_eq!(HashTree::read(&device, 512, 20_000).expect("a tree"), tree);
        let past_end = HashTree::read(&device, 1_024, 20_000);
        assert!(matches!(past_end, Err(TreeError::Truncated { .. })));
        assert!(matches!(HashTree::read(&device, 0, 1), Err(TreeError::NoLevels { .. })));
        assert!(HashTree::read(&device, 0, u64::MAX).is_err());
    }

    #[test]
    fn an_update_equals_a_new_tree_and_names_exactly_the_blocks_that_differ() {
        let count = 40_000;
        for changed in [vec![], vec![0], vec![39_999], vec![5, 6, 127, 128, 16_384, 20_000]] {
            let mut tree = HashTree::from_leaves(leaves(count)).expect("leaves");
            let before = stored(&tree);
            let changes: Vec<_> = changed.iter().map(|at| (*at as u64, [9; 32])).collect();
            let named = tree.update(&changes);
            let mut fresh = leaves(count);
            for at in &changed {
                fresh[*at] = [9; 32];
            }
            assert_eq!(tree, HashTree::from_leaves(fresh).expect("leaves"));
            let after = stored(&tree);
            let pairs = before.chunks(BLOCK_BYTES).zip(after.chunks(BLOCK_BYTES));
            let differ: Vec<u64> =
                (0..).zip(pairs).filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
            assert_eq!(named, differ);
            assert!(tree.update(&changes).is_empty());
        }
    }
}
