//! Checking through mounted directories: what file systems show, where SEAL can't be read.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::layout::{
    ACCESS_BYTES, ACCESS_PATHS, CATALOGUE_PATH, JOURNAL_PATHS, MANIFEST_PATH, PAPERS_BYTES,
    PAPERS_PATHS, RING_BYTES, RING_PATHS, SLOTS,
};
use super::super::leaves::{LeavesError, Watch, fill_and_hash};
use super::super::tree::{BLOCK_BYTES, Digest, file_root};
use super::grounds::{Area, AtHand, Grounds};
use super::history::{self, Followed, Places, Writable};
use super::manifest::{self, Edition, ManifestFault};
use super::report::{Fault, Hashes, Papers, Part, Report, Touch, Verdict};
use super::slots::{Sealers, SlotBytes, Stamped};
use super::{CheckError, Checked, Identity, facts, refuse_test_root, without_edition, words};
use crate::crypto::digest::sha256;
use crate::device::{Device, MemoryDevice, MountedEntry, MountedKind, MountedTree};
use crate::fat::{self, Role};
use crate::format::cose::Sign1;
use crate::format::edition::PaperRoom;
use crate::format::record::Record;
use crate::format::{Kind, Object};
use crate::journal::Place;
use crate::journal::frame::{Frame, SECTOR_BYTES};
use crate::trust::{Trust, TrustError};
use crate::units::MediumId;
use crate::words::Phrase;

/// The first whole record of a journal is looked for in so much of it.
const BEGINNING_BYTES: u64 = 64 << 10;

/// Where the two volumes of a medium are mounted.
#[derive(Debug, Clone, Copy)]
pub struct Mounts<'a> {
    /// The read-only area.
    pub rom: &'a MountedTree,
    /// What may be the writable area: the one whose journal has the medium's number is.
    pub ram: &'a [MountedTree],
}

/// Check a medium through its mounted directories.
///
/// The best verdict is [`Verdict::FilesIntact`]: file systems show neither seal nor tables.
pub fn check_mounted(
    mounts: &Mounts<'_>,
    trust: &Trust,
    identity: &Identity,
    threads: NonZeroUsize,
    watch: &dyn Watch,
) -> Result<Report, CheckError> {
    Ok(open_mounted(mounts, trust, identity, threads, watch)?.report)
}

/// Check mounted directories as [`check_mounted`] does, and hand out what can be built on them.
pub fn open_mounted(
    mounts: &Mounts<'_>,
    trust: &Trust,
    identity: &Identity,
    threads: NonZeroUsize,
    watch: &dyn Watch,
) -> Result<Checked, CheckError> {
    let rom = Listing::of(mounts.rom)?;
    let limit = Kind::Manifest.bytes_max() as u64;
    let part = || Part::File(MANIFEST_PATH.to_owned());
    let Some(bytes) = rom.read(MANIFEST_PATH, limit)? else {
        let mut report = Report::begin();
        report.fault(Fault::new(part(), words::no_manifest_here()));
        return Ok(Checked::of(report));
    };
    let edition = match manifest::read_file(&bytes, trust) {
        Ok(edition) => edition,
        Err(ManifestFault::Trust(TrustError::TestRoot(root))) => {
            return Err(CheckError::TestRoot(root));
        }
        Err(fault) => {
            let report = without_edition(Fault::new(part(), Phrase::of(&fault)));
            return Ok(Checked::of(report));
        }
    };
    refuse_test_root(&edition)?;
    let mut report = Report::begin();
    facts::note_edition(&edition, &mut report);
    let hasher = Hasher { threads, watch, done: AtomicU64::new(0), total: rom.bytes() };
    let before = report.fault_count;
    compare_files(&rom, &edition, &hasher, &mut report)?;
    let catalogue = rom.read(CATALOGUE_PATH, Kind::Catalogue.bytes_max() as u64)?;
    edition.compare_items(catalogue.as_deref(), &mut report);
    let files = edition.manifest.files.len();
    report.step("files", before, format!("{files} files by content, and no others"));
    let (mut stamped, bytes) = slots(&rom, &edition, trust, &mut report)?;
    let why = "needs the device or image";
    for what in ["seals", "hash tree", "partition tables"] {
        report.not_checked(what, why);
    }
    report.verdict = if report.fault_count == 0 { Verdict::FilesIntact } else { Verdict::Altered };
    let (places, area, found) = writable_area(mounts.ram, &edition, &mut stamped, &mut report)?;
    facts::note_medium(&edition, &stamped, identity, &mut report);
    let (account, at_hand) = found;
    let grounds = Grounds::of(&edition, stamped, (&bytes, at_hand), Some(places), area, &report);
    Ok(Checked { report, grounds, account })
}

/// The medium number in the first whole record of a writable area: for pairing, not verified.
pub fn stated_medium(ram: &MountedTree) -> Option<MediumId> {
    let listing = Listing::of(ram).ok()?;
    let paths = JOURNAL_PATHS.into_iter();
    let copies = paths.filter_map(|path| listing.beginning(path).ok().flatten());
    let mut media = copies.filter_map(|bytes| {
        let mut sectors = (0..bytes.len()).step_by(SECTOR_BYTES);
        sectors.find_map(|at| medium_of(&Frame::decode(&bytes[at..])?.record))
    });
    media.next()
}

/// The medium that a record is of; frame 0 of a compacted journal holds none.
fn medium_of(record: &[u8]) -> Option<MediumId> {
    let message = Sign1::decode(record, Kind::Record).ok()?;
    Record::decode(message.payload()).ok().map(|record| record.medium)
}

/// What a mounted volume shows, by folded path.
struct Listing<'a> {
    tree: &'a MountedTree,
    entries: Vec<MountedEntry>,
    places: HashMap<String, usize>,
}

impl<'a> Listing<'a> {
    fn of(tree: &'a MountedTree) -> Result<Self, CheckError> {
        let entries = tree.list(fat::ENTRIES_MAX)?;
        let folded = entries.iter().enumerate();
        let places = folded.map(|(place, entry)| (fold(&entry.path), place)).collect();
        Ok(Self { tree, entries, places })
    }

    fn bytes(&self) -> u64 {
        self.entries.iter().map(size_of).sum()
    }

    fn place(&self, path: &str) -> Option<usize> {
        self.places.get(&fold(path)).copied()
    }

    /// A whole file; `None` if it isn't there or is longer than `limit`.
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, CheckError> {
        let Some(place) = self.place(path) else { return Ok(None) };
        let entry = &self.entries[place];
        match entry.kind {
            MountedKind::File(size) if size <= limit => {
                let device = self.tree.open(entry)?;
                Ok(Some(super::reading::read(&device, 0..device.len_bytes().min(limit))?))
            }
            _ => Ok(None),
        }
    }

    /// Where a file's first whole record is looked for.
    fn beginning(&self, path: &str) -> Result<Option<Vec<u8>>, CheckError> {
        let Some(place) = self.place(path) else { return Ok(None) };
        let device = self.tree.open(&self.entries[place])?;
        Ok(Some(super::reading::read(&device, 0..device.len_bytes().min(BEGINNING_BYTES))?))
    }
}

fn size_of(entry: &MountedEntry) -> u64 {
    match entry.kind {
        MountedKind::File(size) => size,
        _ => 0,
    }
}

/// FAT doesn't tell case apart.
fn fold(path: &str) -> String {
    path.to_lowercase()
}

/// Hashes files, and says how far it is.
struct Hasher<'a> {
    threads: NonZeroUsize,
    watch: &'a dyn Watch,
    done: AtomicU64,
    total: u64,
}

impl Watch for Hasher<'_> {
    fn progress(&self, _done: u64, _total: u64) {}

    fn stopped(&self) -> bool {
        self.watch.stopped()
    }
}

impl Hasher<'_> {
    fn root(&self, listing: &Listing<'_>, place: usize) -> Result<Digest, CheckError> {
        let device = listing.tree.open(&listing.entries[place])?;
        let length = device.len_bytes();
        let blocks = length.div_ceil(BLOCK_BYTES as u64);
        let threads = if blocks > 512 { self.threads } else { NonZeroUsize::MIN };
        let leaves = fill_and_hash(blocks, threads, self, &|offset, bytes: &mut [u8]| {
            bytes.fill(0);
            let count = usize::try_from(length - offset).unwrap_or(usize::MAX).min(bytes.len());
            device.read_at(offset, &mut bytes[..count])?;
            Ok::<_, LeavesError>(())
        })?;
        let done = self.done.fetch_add(length, Ordering::Relaxed) + length;
        self.watch.progress(done, self.total);
        Ok(file_root(&leaves))
    }
}

/// Compare every file of the manifest and of the reserve, and name what else is there.
fn compare_files(
    rom: &Listing<'_>,
    edition: &Edition,
    hasher: &Hasher<'_>,
    report: &mut Report,
) -> Result<(), CheckError> {
    let mut known = vec![false; rom.entries.len()];
    let mut missing = vec![];
    for file in wanted(edition) {
        match rom.place(&file.path) {
            Some(place) => {
                known[place] = true;
                compare_file(rom, place, &file, hasher, report)?;
            }
            None => missing.push(file),
        }
    }
    for directory in
        edition.plan.directories().iter().filter(|directory| !directory.path.is_empty())
    {
        if let Some(place) = rom.place(&directory.path) {
            known[place] |= rom.entries[place].kind == MountedKind::Directory;
        }
    }
    for file in missing {
        match garbled(rom, &known, &file, hasher)? {
            Some(place) => {
                known[place] = true;
                let shown = rom.entries[place].path.escape_debug();
                report.notes.push(words::shown_otherwise(file.path, shown));
            }
            None => report.fault(Fault::new(Part::File(file.path), words::missing())),
        }
    }
    note_others(rom, &known, report);
    Ok(())
}

/// A file that has to be there.
struct Wanted {
    path: String,
    size: u64,
    /// None for what carries its own signature.
    root: Option<Digest>,
}

fn wanted(edition: &Edition) -> Vec<Wanted> {
    let files = edition.manifest.files.iter().map(|file| Wanted {
        path: file.path.clone(),
        size: file.size.bytes(),
        root: file.root,
    });
    let reserve = edition.plan.files().iter().filter(|file| file.role == Role::Reserve);
    let reserve = reserve.map(|file| Wanted {
        path: file.path.clone(),
        size: file.size_bytes,
        root: Some(root_of_zeros(file.size_bytes)),
    });
    files.chain(reserve).collect()
}

fn root_of_zeros(size: u64) -> Digest {
    let blocks = usize::try_from(size.div_ceil(BLOCK_BYTES as u64)).expect("below 4 GiB");
    file_root(&vec![sha256(&[0; BLOCK_BYTES]); blocks])
}

fn compare_file(
    rom: &Listing<'_>,
    place: usize,
    file: &Wanted,
    hasher: &Hasher<'_>,
    report: &mut Report,
) -> Result<(), CheckError> {
    let fault = |reason| Fault::new(Part::File(file.path.clone()), reason);
    match rom.entries[place].kind {
        MountedKind::File(size) if size == file.size => {}
        MountedKind::File(size) => {
            report.fault(fault(words::other_length(size, file.size)));
            return Ok(());
        }
        _ => {
            report.fault(fault(words::no_file()));
            return Ok(());
        }
    }
    let Some(expected) = file.root else { return Ok(()) };
    let found = hasher.root(rom, place)?;
    if found != expected {
        let fault = fault(words::changed());
        report.fault(Fault { hashes: Some(Hashes { expected, found }), ..fault });
    }
    Ok(())
}

/// A file under a name that the mount's character set can't hold: found by its content.
fn garbled(
    rom: &Listing<'_>,
    known: &[bool],
    file: &Wanted,
    hasher: &Hasher<'_>,
) -> Result<Option<usize>, CheckError> {
    let Some(root) = file.root.filter(|_| !file.path.is_ascii()) else { return Ok(None) };
    for (place, entry) in rom.entries.iter().enumerate().filter(|(place, _)| !known[*place]) {
        let alike = entry.kind == MountedKind::File(file.size) && may_show(&entry.path, &file.path);
        if alike && hasher.root(rom, place)? == root {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// Might a mount show the path `real` as `shown`?
fn may_show(shown: &str, real: &str) -> bool {
    let same = |(shown, real): (&str, &str)| {
        fold(shown) == fold(real) || (!real.is_ascii() && shown.contains(['?', '_', '\u{fffd}']))
    };
    shown.split('/').count() == real.split('/').count()
        && shown.split('/').zip(real.split('/')).all(same)
}

/// What the manifest doesn't know: systems' own entries are noted, all others are faults.
fn note_others(rom: &Listing<'_>, known: &[bool], report: &mut Report) {
    let mut passed: Option<String> = None;
    for (entry, _) in rom.entries.iter().zip(known).filter(|(_, known)| !**known) {
        if passed.as_ref().is_some_and(|top| entry.path.starts_with(top)) {
            continue;
        }
        let (parent, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let shown = entry.path.escape_debug();
        if fat::is_system_name(name, parent.is_empty()) {
            report.touch(Touch { what: words::added_by_system(shown), bytes: None });
        } else {
            report.fault(Fault::new(Part::FileSystem, words::was_added(shown)));
        }
        // What lies in it goes with it.
        passed = Some(format!("{}/", entry.path));
    }
}

fn slots(
    rom: &Listing<'_>,
    edition: &Edition,
    trust: &Trust,
    report: &mut Report,
) -> Result<(Stamped, SlotBytes), CheckError> {
    let mut bytes = SlotBytes::default();
    for (place, slot) in SLOTS.iter().enumerate() {
        bytes[place] = rom.read(slot.path, slot.bytes)?;
    }
    let before = report.fault_count;
    let mut stamped = Stamped::open(&bytes, edition, trust, report);
    stamped.open_rest(&bytes, Sealers::Unknown, report);
    report.step("stamped slots", before, "all signed, for this medium");
    Ok((stamped, bytes))
}

/// Journal, access files and item key ring as files, laid side by side.
fn writable_area(
    candidates: &[MountedTree],
    edition: &Edition,
    stamped: &mut Stamped,
    report: &mut Report,
) -> Result<(Places, Area, Followed), CheckError> {
    let journal = edition.layout.shape().journal.bytes();
    let access = [2 * journal, 2 * journal + ACCESS_BYTES];
    let ring = access[1] + ACCESS_BYTES;
    let ring = [ring, ring + RING_BYTES];
    let papers = ring[1] + RING_BYTES;
    let papers =
        edition.layout.shape().papers.map(|PaperRoom::Beside| [papers, papers + PAPERS_BYTES]);
    let volume = edition.layout.ram();
    let journal_place = Place { starts: [0, journal], bytes: journal };
    let places = Places { journal: journal_place, access, ring, papers, volume };
    let medium = stamped.certified.as_ref().map(|certified| certified.certificate.medium);
    let ram = candidates.iter().find(|ram| medium.is_some() && stated_medium(ram) == medium);
    let Some(ram) = ram else {
        let why = words::no_writable_area();
        report.papers = Papers::NotChecked(why.clone());
        let account = Writable::not_checked(&why).told(report);
        let at_hand = AtHand::stamped(stamped.sheets.clone(), stamped.revoked.clone());
        return Ok((places, Area::Missing, (account, at_hand)));
    };
    let listing = Listing::of(ram)?;
    let mut joined = vec![];
    let paths = JOURNAL_PATHS.map(|path| (path, journal)).into_iter();
    let access = ACCESS_PATHS.map(|path| (path, ACCESS_BYTES));
    let ring = RING_PATHS.map(|path| (path, RING_BYTES));
    let papers = PAPERS_PATHS.map(|path| (path, PAPERS_BYTES));
    let papers = papers.into_iter().filter(|_| places.papers.is_some());
    for (path, size) in paths.chain(access).chain(ring).chain(papers) {
        let mut bytes = listing.read(path, size)?.unwrap_or_default();
        // What is missing or cut off reads as empty; the other copy may stand in for it.
        bytes.resize(usize::try_from(size).expect("at most 64 MiB"), 0);
        joined.extend(bytes);
    }
    let device = MemoryDevice::from_bytes(joined);
    let (at_hand, papers) = history::take_in(&device, &places, stamped)?;
    report.papers = papers;
    let account = history::read(&device, &places, stamped)?.told(report);
    Ok((places, Area::Mounted(ram.clone()), (account, at_hand)))
}
