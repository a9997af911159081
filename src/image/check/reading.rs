//! What is read of a medium before anything is judged: hashes of the read-only area, and the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Mutex;

use super::super::gpt;
use super::super::layout::{ALIGN_BYTES, SEAL_SLOT_BYTES, VOLUME_MAX_BYTES, VOLUME_MIN_BYTES};
use super::super::leaves::{self, LeavesError, Watch};
use super::super::tree::{self, BLOCK_BYTES, Digest};
use crate::crypto::digest::sha256;
use crate::device::{Device, DeviceError};
use crate::format::{Kind, cose};

const BLOCK: u64 = BLOCK_BYTES as u64;
/// Blocks that begin like a manifest are remembered up to this many.
const MANIFESTS_MAX: usize = 32;
/// A signed manifest begins so: a map of two, or three with items, then key 1.
const MANIFEST_STARTS: [[u8; 2]; 2] = [[0xa2, 1], [0xa3, 1]];
/// Behind that comes a byte string whose length takes 1, 2 or 4 bytes.
const MANIFEST_STRINGS: [u8; 3] = [0x58, 0x59, 0x5a];
/// The type of what is signed stands in its first bytes.
const MANIFEST_TYPE_END: usize = 64;
/// A hash tree is searched for in so much of a device of which nothing is known.
const SEARCH_BYTES_MAX: u64 = 8 << 30;
/// The superblock's magic.
const VERITY: &[u8; 8] = b"verity\0\0";
/// Where a superblock states its blocks of data.
const DATA_BLOCKS_AT: usize = 72;

/// A medium as it was read once: all that [`super::judge`] looks at many times.
#[derive(Debug, Clone)]
pub struct Reading {
    len: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
    rom: Range<u64>,
    leaves: Vec<Digest>,
    seal: Vec<u8>,
    manifests: BTreeSet<u64>,
}

impl Reading {
    /// Read a whole medium but its writable area; each byte is hashed once, by `threads` workers.
    ///
    /// Memory: 1 MiB a worker, 32 bytes for each 4,096 of the read-only area, the hash tree.
    pub fn take(
        device: &dyn Device,
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Result<Self, LeavesError> {
        let len = device.len_bytes();
        let edge = ALIGN_BYTES.min(len);
        let head = read(device, 0..edge)?;
        let tail = read(device, len - edge..len)?;
        let rom = find_rom(device, &head, &tail)?;
        let blocks = (rom.end.min(len) - rom.start.min(len)) / BLOCK;
        let manifests = Mutex::new(BTreeSet::new());
        let leaves = leaves::fill_and_hash(blocks, threads, watch, &|offset, bytes| {
            device.read_at(rom.start + offset, bytes)?;
            for (block, bytes) in (offset / BLOCK..).zip(bytes.chunks(BLOCK_BYTES)) {
                note_manifest(&mut manifests.lock().expect("no worker panics"), block, bytes);
            }
            Ok::<_, LeavesError>(())
        })?;
        let seal = rom.end.min(len)..(rom.end + seal_bytes(&rom)).min(len);
        let seal = read(device, seal)?;
        let manifests = manifests.into_inner().expect("no worker panics");
        Ok(Self { len, head, tail, rom, leaves, seal, manifests })
    }

    /// Read again what lies in these bytes of the medium.
    pub fn refresh(&mut self, device: &dyn Device, bytes: Range<u64>) -> Result<(), DeviceError> {
        let tail = self.len - self.tail.len() as u64;
        again(device, &mut self.head, 0, &bytes)?;
        again(device, &mut self.tail, tail, &bytes)?;
        again(device, &mut self.seal, self.rom.end, &bytes)?;
        let first = bytes.start.saturating_sub(self.rom.start) / BLOCK;
        let last = bytes.end.saturating_sub(self.rom.start).div_ceil(BLOCK);
        for block in first..last.min(self.leaves.len() as u64) {
            let start = self.rom.start + block * BLOCK;
            let bytes = read(device, start..start + BLOCK)?;
            self.manifests.remove(&block);
            note_manifest(&mut self.manifests, block, &bytes);
            self.leaves[usize::try_from(block).expect("a leaf in memory")] = sha256(&bytes);
        }
        Ok(())
    }

    /// Length of the device.
    pub fn len_bytes(&self) -> u64 {
        self.len
    }

    /// Where the read-only area was taken to lie; empty if nothing says so.
    pub fn rom(&self) -> Range<u64> {
        self.rom.clone()
    }

    /// The leaves of the read-only area, as far as the device reaches.
    pub fn leaves(&self) -> &[Digest] {
        &self.leaves
    }

    /// The first MiB.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The last MiB.
    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// The seal's partition, as far as the device reaches.
    pub(super) fn seal(&self) -> &[u8] {
        &self.seal
    }

    /// Blocks of the read-only area that begin like a manifest.
    pub(super) fn manifests(&self) -> impl Iterator<Item = u64> {
        self.manifests.iter().copied()
    }

    /// Does a hash tree lie behind the read-only area?
    pub(super) fn has_tree(&self) -> bool {
        self.seal.starts_with(VERITY)
    }

    /// The leaves that the stored tree states, zeros where it ends too early.
    pub(super) fn stored_leaves(&self) -> Vec<Digest> {
        let blocks = (self.rom.end - self.rom.start) / BLOCK;
        let level = blocks.div_ceil(tree::DIGESTS_PER_BLOCK as u64);
        let start = (tree::stored_blocks(blocks) - level).saturating_mul(BLOCK);
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(self.seal.len());
        let mut stored: Vec<Digest> = self.seal[start..].as_chunks().0.to_vec();
        stored.resize(usize::try_from(blocks).expect("leaves are in memory"), [0; 32]);
        stored
    }
}

fn note_manifest(manifests: &mut BTreeSet<u64>, block: u64, bytes: &[u8]) {
    let begins = MANIFEST_STARTS.iter().any(|start| bytes.starts_with(start))
        && bytes.get(2).is_some_and(|head| MANIFEST_STRINGS.contains(head));
    let name = || cose::type_name(Kind::Manifest).into_bytes();
    let named = |name: &[u8]| bytes[..MANIFEST_TYPE_END].windows(name.len()).any(|w| w == name);
    if begins && named(&name()) {
        manifests.insert(block);
        if manifests.len() > MANIFESTS_MAX {
            manifests.pop_last();
        }
    }
}

/// Where the read-only area lies: by the tables, the boot sectors and the hash tree behind it.
///
/// Nothing of it is believed: a wrong place gives no manifest, or one that lies elsewhere.
fn find_rom(device: &dyn Device, head: &[u8], tail: &[u8]) -> Result<Range<u64>, DeviceError> {
    let len = device.len_bytes();
    let boot = read(device, ALIGN_BYTES.min(len)..(ALIGN_BYTES + BLOCK).min(len))?;
    let mut votes = BTreeMap::new();
    let stated =
        [table(head, 512, 1024), table_behind(tail), boot_sector(&boot, 0), boot_sector(&boot, 6)];
    for bytes in stated.into_iter().flatten().filter(|bytes| is_size(*bytes)) {
        *votes.entry(bytes).or_insert(0) += 1;
    }
    let mut sizes: Vec<(u64, i32)> = votes.into_iter().collect();
    sizes.sort_by_key(|(_, count)| -count);
    for (bytes, _) in &sizes {
        if has_tree(device, *bytes)? {
            return Ok(ALIGN_BYTES..ALIGN_BYTES + bytes);
        }
    }
    let first = sizes.first().copied();
    let bytes = match first {
        Some((bytes, votes)) if votes > 1 => bytes,
        _ => search_tree(device)?.or(first.map(|(bytes, _)| bytes)).unwrap_or(0),
    };
    Ok(ALIGN_BYTES..ALIGN_BYTES + bytes)
}

fn is_size(bytes: u64) -> bool {
    (VOLUME_MIN_BYTES..=VOLUME_MAX_BYTES).contains(&bytes) && bytes.is_multiple_of(ALIGN_BYTES)
}

/// Length of ROM by the table whose header and entries lie there.
fn table(bytes: &[u8], header: usize, entries: usize) -> Option<u64> {
    let first = gpt::first_partition(
        bytes.get(header..header + 512)?,
        bytes.get(entries..entries + 32 * 512)?,
        u64::MAX,
    )?;
    Some(first.end - first.start)
}

fn table_behind(tail: &[u8]) -> Option<u64> {
    table(tail, tail.len().checked_sub(512)?, tail.len().checked_sub(33 * 512)?)
}

/// Length of ROM by a boot sector (`BPB_TotSec32`).
fn boot_sector(boot: &[u8], sector: usize) -> Option<u64> {
    let field = boot.get(sector * 512 + 32..)?.first_chunk()?;
    Some(u64::from(u32::from_le_bytes(*field)) * 512)
}

/// Does a tree over so many bytes lie behind them?
fn has_tree(device: &dyn Device, bytes: u64) -> Result<bool, DeviceError> {
    let start = ALIGN_BYTES + bytes;
    if start + BLOCK > device.len_bytes() {
        return Ok(false);
    }
    let block = read(device, start..start + 512)?;
    let stated = block[DATA_BLOCKS_AT..].first_chunk().map(|field| u64::from_le_bytes(*field));
    Ok(block.starts_with(VERITY) && stated == Some(bytes / BLOCK))
}

/// Look for a tree behind each whole MiB.
fn search_tree(device: &dyn Device) -> Result<Option<u64>, DeviceError> {
    let last = device.len_bytes().min(SEARCH_BYTES_MAX);
    for bytes in (VOLUME_MIN_BYTES..last).step_by(1 << 20) {
        if has_tree(device, bytes)? {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// Length of the seal's partition, as the layout has it.
fn seal_bytes(rom: &Range<u64>) -> u64 {
    let tree = tree::stored_blocks((rom.end - rom.start) / BLOCK) * BLOCK;
    (tree + 2 * SEAL_SLOT_BYTES).next_multiple_of(ALIGN_BYTES)
}

/// Read again what of `kept`, which begins at `start`, lies in `bytes`.
fn again(
    device: &dyn Device,
    kept: &mut [u8],
    start: u64,
    bytes: &Range<u64>,
) -> Result<(), DeviceError> {
    let first = bytes.start.max(start);
    let end = bytes.end.min(start + kept.len() as u64);
    if first < end {
        let place = |at: u64| usize::try_from(at - start).expect("in memory");
        device.read_at(first, &mut kept[place(first)..place(end)])?;
    }
    Ok(())
}

/// Read a range that the caller has bounded.
pub(super) fn read(device: &dyn Device, bytes: Range<u64>) -> Result<Vec<u8>, DeviceError> {
    let mut buffer = vec![0; usize::try_from(bytes.end - bytes.start).expect("bounded")];
    device.read_at(bytes.start, &mut buffer)?;
    Ok(buffer)
}
