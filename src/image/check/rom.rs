//! The read-only area: what each block should be, and what it is.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::super::edition::leaf_range;
use super::super::layout::{CATALOGUE_PATH, MANIFEST_PATH, RESERVE_PATH, SLOTS};
use super::super::tree::{self, BLOCK_BYTES, Digest, HashTree};
use super::manifest::Edition;
use super::reading::{Reading, read};
use super::report::{Damage, Fault, Hashes, Part, Report, TOLD_MAX, Touch};
use super::words;
use crate::crypto::digest::sha256;
use crate::device::{Device, DeviceError, Slice};
use crate::fat::{self, Kind, Plan};
use crate::format;
use crate::words::Phrase;

const BLOCK: u64 = BLOCK_BYTES as u64;
/// More separate stretches of changed metadata than this are compared as one.
const STRETCHES_MAX: usize = 32;

/// What the read-only area should be: each block by layout, manifest, signature or stored tree.
pub(super) struct Expected {
    /// The volume with this medium's serial.
    pub(super) plan: Plan,
    /// The tree with this medium's stamp.
    pub(super) tree: HashTree,
    /// The root with the stamped bytes zeroed.
    pub(super) blank_root: Digest,
    /// Files whose blocks can't be told one by one, with their roots.
    unclear: Vec<(Range<usize>, String, Hashes)>,
}

/// A file by its path, and its leaves.
pub(super) type Leaves = (&'static str, Vec<Digest>);

/// Where the parts of the read-only area come from.
pub(super) struct Sources<'a> {
    pub(super) edition: &'a Edition,
    pub(super) reading: &'a Reading,
    /// The leaves of manifest and slots whose signatures hold.
    pub(super) verified: Vec<Leaves>,
}

impl Expected {
    /// Put together what each block should be.
    pub(super) fn new(sources: &Sources<'_>, plan: Plan) -> Self {
        let Sources { edition, reading, verified } = sources;
        let (found, stored) = (reading.leaves(), reading.stored_leaves());
        let mut leaves = vec![sha256(&[0; BLOCK_BYTES]); found.len()];
        let boot = metadata(&plan, &mut leaves);
        let mut unclear = vec![];
        for file in &edition.manifest.files {
            let range = leaf_range(plan.locate(&file.path), file.size.bytes());
            let Some(root) = file.root else {
                let known = verified.iter().find(|(path, _)| *path == file.path);
                let known = known.map_or(&stored[range.clone()], |(_, leaves)| leaves);
                leaves[range].copy_from_slice(known);
                continue;
            };
            let there = tree::file_root(&found[range.clone()]);
            let source = if there == root { found } else { &stored };
            if there != root && tree::file_root(&stored[range.clone()]) != root {
                let hashes = Hashes { expected: root, found: there };
                unclear.push((range.clone(), file.path.clone(), hashes));
            }
            leaves[range.clone()].copy_from_slice(&source[range]);
        }
        let tree = HashTree::from_leaves(leaves).expect("a volume has blocks");
        let blank_root = blank_root(&tree, &plan, boot);
        Self { plan, tree, blank_root, unclear }
    }

    /// Compare what was found; differences go into the report as faults and touches.
    pub(super) fn compare(
        &self,
        sources: &Sources<'_>,
        device: &dyn Device,
        report: &mut Report,
    ) -> Result<(), DeviceError> {
        let first = sources.edition.layout.rom().start / BLOCK;
        for (range, path, hashes) in &self.unclear {
            let blocks = first + range.start as u64..first + range.end as u64;
            let part = Part::File(path.clone());
            let (blocks, hashes) = (Some(blocks), Some(*hashes));
            report.fault(Fault { blocks, hashes, ..Fault::new(part, words::other_hash()) });
        }
        let owners = Owners::of(&self.plan);
        let found = sources.reading.leaves();
        let differ: Vec<usize> =
            (0..found.len()).filter(|block| found[*block] != self.tree.leaves()[*block]).collect();
        let (metadata, data): (Vec<usize>, Vec<usize>) =
            differ.into_iter().partition(|block| owners.metadata(*block));
        let scene = Scene { expected: self, found, device, first };
        scene.data(&owners, &data, report)?;
        scene.metadata(&metadata, report)
    }

    /// Name what is signed and whole, but not what the seal was made over.
    pub(super) fn compare_sealed(&self, stored: Vec<Digest>, root: &Digest, report: &mut Report) {
        let sealed = HashTree::from_leaves(stored).filter(|tree| tree.root() == *root);
        let Some(sealed) = sealed else { return };
        let owners = Owners::of(&self.plan);
        let pairs = self.tree.leaves().iter().zip(sealed.leaves());
        let differ = pairs.enumerate().filter(|(_, (own, sealed))| own != sealed);
        let parts: Vec<Part> = differ.map(|(block, _)| owners.part(block)).take(TOLD_MAX).collect();
        for (place, part) in parts.iter().enumerate() {
            if !parts[..place].contains(part) {
                report.fault(Fault::new(part.clone(), words::other_than_sealed()));
            }
        }
    }
}

/// Put the leaves of all metadata in; returns the block of the boot sectors.
fn metadata(plan: &Plan, leaves: &mut [Digest]) -> [u8; BLOCK_BYTES] {
    let mut boot = [0; BLOCK_BYTES];
    let mut block = [0; BLOCK_BYTES];
    for range in plan.metadata_ranges() {
        for index in leaf_range(Some(range.start), range.end - range.start) {
            planned(plan, index as u64 * BLOCK, &mut block);
            leaves[index] = sha256(&block);
            if index == 0 {
                boot = block;
            }
        }
    }
    boot
}

/// What a plan has at an offset; files' data as zeros.
fn planned(plan: &Plan, offset: u64, bytes: &mut [u8]) {
    plan.read_at(offset, bytes, &NoContents).expect("inside the volume, and no file is asked");
}

/// Metadata holds no file's data.
struct NoContents;

impl fat::Contents for NoContents {
    fn read_at(&self, _file: usize, _offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        buf.fill(0);
        Ok(())
    }
}

/// The root with slots and volume serial zeroed.
fn blank_root(tree: &HashTree, plan: &Plan, mut boot: [u8; BLOCK_BYTES]) -> Digest {
    for offset in plan.serial_offsets() {
        let start = usize::try_from(offset).expect("in the first block");
        boot[start..start + 4].fill(0);
    }
    let zero = sha256(&[0; BLOCK_BYTES]);
    let slots = SLOTS.iter().flat_map(|slot| leaf_range(plan.locate(slot.path), slot.bytes));
    let mut changes: Vec<_> = slots.map(|block| (block as u64, zero)).collect();
    changes.push((0, sha256(&boot)));
    let mut blank = tree.clone();
    blank.update(&changes);
    blank.root()
}

/// Which part each block belongs to.
pub(super) struct Owners<'a> {
    metadata: Vec<Range<usize>>,
    files: Vec<(Range<usize>, &'a str, u64)>,
}

impl<'a> Owners<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        let ranges = plan.metadata_ranges();
        let metadata =
            ranges.iter().map(|range| leaf_range(Some(range.start), range.end - range.start));
        let placed = plan.files().iter().filter(|file| file.offset_bytes.is_some());
        let mut files: Vec<_> = placed
            .map(|file| {
                let range = leaf_range(file.offset_bytes, file.size_bytes);
                (range, file.path.as_str(), file.size_bytes)
            })
            .collect();
        files.sort_by_key(|(range, ..)| range.start);
        Self { metadata: metadata.collect(), files }
    }

    fn metadata(&self, block: usize) -> bool {
        let at = self.metadata.partition_point(|range| range.end <= block);
        self.metadata.get(at).is_some_and(|range| range.contains(&block))
    }

    fn file(&self, block: usize) -> Option<&(Range<usize>, &'a str, u64)> {
        let at = self.files.partition_point(|(range, ..)| range.end <= block);
        self.files.get(at).filter(|(range, ..)| range.contains(&block))
    }

    pub(super) fn part(&self, block: usize) -> Part {
        match self.file(block) {
            Some((_, path, _)) => Part::File((*path).to_owned()),
            None if self.metadata(block) => Part::FileSystem,
            None => Part::File(RESERVE_PATH.to_owned()),
        }
    }
}

/// What differences are told from.
struct Scene<'a> {
    expected: &'a Expected,
    found: &'a [Digest],
    device: &'a dyn Device,
    /// The read-only area's first block on the medium.
    first: u64,
}

impl Scene<'_> {
    fn block(&self, index: usize) -> Result<Vec<u8>, DeviceError> {
        let start = (self.first + index as u64) * BLOCK;
        read(self.device, start..start + BLOCK)
    }

    fn hashes(&self, index: usize) -> Hashes {
        let expected = self.expected.tree.leaves()[index];
        Hashes { expected, found: self.found[index] }
    }

    /// Blocks of files and of the reserve: any difference is a fault.
    fn data(
        &self,
        owners: &Owners<'_>,
        blocks: &[usize],
        report: &mut Report,
    ) -> Result<(), DeviceError> {
        let mut places: Option<HashMap<Digest, usize>> = None;
        let mut last: Option<(Part, usize)> = None;
        let mut faults: Vec<Fault> = vec![];
        for block in blocks {
            let bytes = if faults.len() < TOLD_MAX { Some(self.block(*block)?) } else { None };
            let part = bytes
                .as_ref()
                .map_or_else(|| owners.part(*block), |b| self.part(owners, *block, b));
            if last.as_ref().is_some_and(|(known, at)| *known == part && at + 1 == *block)
                && let Some(Fault { blocks: Some(range), .. }) = faults.last_mut()
            {
                range.end += 1;
                last = Some((part, *block));
                continue;
            }
            let places = places.get_or_insert_with(|| self.places());
            let start = self.first + *block as u64;
            faults.push(Fault {
                part: part.clone(),
                reason: words::changed(),
                blocks: Some(start..start + 1),
                hashes: Some(self.hashes(*block)),
                damage: bytes.map(|bytes| self.damage(*block, &bytes, places)),
            });
            last = Some((part, *block));
        }
        for fault in faults {
            report.fault(fault);
        }
        Ok(())
    }

    /// Each block that a digest belongs to, but for blocks of zeros.
    fn places(&self) -> HashMap<Digest, usize> {
        let zero = sha256(&[0; BLOCK_BYTES]);
        let leaves = self.expected.tree.leaves().iter().enumerate();
        leaves.filter(|(_, leaf)| **leaf != zero).map(|(at, leaf)| (*leaf, at)).collect()
    }

    /// The part that a changed block belongs to; behind a file's last cluster it is the reserve.
    fn part(&self, owners: &Owners<'_>, index: usize, bytes: &[u8]) -> Part {
        let Some((range, _, size)) = owners.file(index) else { return owners.part(index) };
        let clusters = size.next_multiple_of(self.expected.plan.geometry().cluster_bytes());
        let own = usize::try_from(clusters % BLOCK).expect("below a block");
        if index + 1 == range.end && own > 0 {
            let mut padded = bytes.to_vec();
            padded[own..].fill(0);
            if sha256(&padded) == self.expected.tree.leaves()[index] {
                return Part::File(RESERVE_PATH.to_owned());
            }
        }
        owners.part(index)
    }

    fn damage(&self, index: usize, bytes: &[u8], places: &HashMap<Digest, usize>) -> Damage {
        let zeros = [0; BLOCK_BYTES];
        if bytes != zeros
            && let Some(other) = places.get(&self.found[index])
        {
            return Damage::OtherBlock(self.first + *other as u64);
        }
        let known = self.expected.tree.leaves()[index] == sha256(&zeros);
        let difference = if known { Damage::between(bytes, &zeros) } else { None };
        difference.unwrap_or_else(|| Damage::of(bytes))
    }

    /// Blocks of metadata: the file system's rules tell what ordinary use changes.
    fn metadata(&self, blocks: &[usize], report: &mut Report) -> Result<(), DeviceError> {
        let layout = self.expected.plan.geometry().volume_bytes();
        let volume = Slice::new(self.device, self.first * BLOCK, layout)?;
        let mut seen = BTreeSet::new();
        for stretch in stretches(blocks) {
            let bytes = stretch.start as u64 * BLOCK..stretch.end as u64 * BLOCK;
            let comparison = fat::compare_within(&self.expected.plan, &volume, bytes)?;
            let before = report.fault_count;
            self.behind_directories(stretch.clone(), report)?;
            if comparison.gravest().is_none() && report.fault_count == before {
                report.fault(self.metadata_fault(stretch.clone(), words::ever_other()));
            }
            for difference in comparison.differences() {
                let key = (difference.range.start, difference.range.end);
                if seen.insert(key) {
                    self.metadata_difference(difference, &volume, report)?;
                }
            }
        }
        Ok(())
    }

    /// From a directory's end to the block's the bytes are the reserve's, and zero.
    fn behind_directories(
        &self,
        blocks: Range<usize>,
        report: &mut Report,
    ) -> Result<(), DeviceError> {
        for directory in self.expected.plan.directories() {
            let own = usize::try_from(directory.range.end % BLOCK).expect("below a block");
            let last = leaf_range(Some(directory.range.end - 1), 1).start;
            if own == 0 || !blocks.contains(&last) {
                continue;
            }
            let found = self.block(last)?;
            let damage = Damage::between(&found[own..], &vec![0; BLOCK_BYTES - own]);
            if damage.is_some() {
                let start = self.first + last as u64;
                report.fault(Fault {
                    blocks: Some(start..start + 1),
                    hashes: Some(self.hashes(last)),
                    damage,
                    ..Fault::new(Part::File(RESERVE_PATH.to_owned()), words::changed())
                });
            }
        }
        Ok(())
    }

    fn metadata_fault(&self, blocks: Range<usize>, reason: Phrase) -> Fault {
        Fault {
            hashes: Some(self.hashes(blocks.start)),
            blocks: Some(self.first + blocks.start as u64..self.first + blocks.end as u64),
            ..Fault::new(Part::FileSystem, reason)
        }
    }

    fn metadata_difference(
        &self,
        difference: &fat::Difference,
        volume: &dyn Device,
        report: &mut Report,
    ) -> Result<(), DeviceError> {
        let Range { start, end } = difference.range;
        let what = difference.what.phrase();
        if difference.what.kind() != Kind::Altered {
            let bytes = Some(self.first * BLOCK + start..self.first * BLOCK + end);
            report.touch(Touch { what, bytes });
            return Ok(());
        }
        let block = |at: u64| usize::try_from(at / BLOCK).expect("a leaf in memory");
        let found = read(volume, start..end.min(start + BLOCK))?;
        let mut expected = vec![0; found.len()];
        planned(&self.expected.plan, start, &mut expected);
        let fault = self.metadata_fault(block(start)..block(end - 1) + 1, what);
        report.fault(Fault { damage: Damage::between(&found, &expected), ..fault });
        Ok(())
    }
}

/// Join neighbouring blocks; too many stretches become one.
fn stretches(blocks: &[usize]) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = vec![];
    for block in blocks {
        match joined.last_mut() {
            Some(last) if last.end == *block => last.end += 1,
            _ => joined.push(*block..block + 1),
        }
    }
    match (joined.first(), joined.last()) {
        (Some(first), Some(last)) if joined.len() > STRETCHES_MAX => {
            let whole = first.start..last.end;
            std::iter::once(whole).collect()
        }
        _ => joined,
    }
}

/// The leaves of a file's verified bytes.
pub(super) fn leaves_of(bytes: &[u8]) -> Vec<Digest> {
    let mut leaves = vec![];
    tree::push_leaves(&mut leaves, bytes);
    leaves
}

/// Read a file of the plan; `None` if the manifest has no such file.
pub(super) fn file(
    edition: &Edition,
    device: &dyn Device,
    path: &str,
) -> Result<Option<Vec<u8>>, DeviceError> {
    let Some(place) = edition.plan.find(path) else { return Ok(None) };
    let file = &edition.plan.files()[place];
    let start = edition.layout.rom().start + file.offset_bytes.unwrap_or_default();
    let limit = match path {
        MANIFEST_PATH => 32 << 20,
        CATALOGUE_PATH => format::Kind::Catalogue.bytes_max() as u64,
        _ => 64 << 10,
    };
    read(device, start..start + file.size_bytes.min(limit)).map(Some)
}
