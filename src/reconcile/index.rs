//! An index of evidence: where each medium's pieces lie. They are read when the medium is judged.
//!
//! What can't be told to be one medium's from its beginning is read whole at once: images, mounted
//! areas, items. What an indexed piece holds of another medium makes that one be judged again.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::bundle::{Form, Member, Members, is_bundle};
use super::evidence::{EachJournal, Evidence};
use super::files::{FILE_BYTES_MAX, HEAD_BYTES};
use super::heap::Heap;
use super::judged::Signatures;
use super::looks::{Looks, looks};
use super::pieces::{Pieces, Rights};
use super::remembered::{Reader, Writer};
use super::still::{Held, Unchanged};
use super::taken::{Skipped, Taken, What};
use crate::crypto::digest::{sha256, sha256_parts};
use crate::device::{Access, Device, FileDevice, FileMark, MountedTree, Slice, Target};
use crate::image::leaves::Watch;
use crate::trust::{Revoked, Trust};
use crate::units::{MediumId, Timestamp};

/// Units in one run, at most: files, folders and members of bundles.
const UNITS_MAX: usize = 2_000_000;
/// Longer ones are read one at a time.
const LONG_BYTES: u64 = 4 << 20;

/// So many seconds after it was changed a file is certain to have another mark if it is changed again.
const FRESH_S: u64 = 2;
/// What a unit of one medium is.
const SINGLE: [What; 5] =
    [What::Export, What::Records, What::Receipt, What::Funding, What::Checkpoint];

/// Where evidence lies.
#[derive(Clone)]
enum Source {
    Path(PathBuf),
    Held(Arc<dyn Target>),
}

/// A file, or a member of a bundle.
struct Unit {
    name: String,
    source: u32,
    offset: u64,
    length: u64,
}

/// Evidence in files, which are read again when they are needed.
pub struct Index {
    /// What was read whole.
    whole: Heap,
    sources: Vec<Source>,
    /// What each source is known by, where that is certain.
    marks: Vec<Option<[u8; 32]>>,
    /// Now, if something is to be remembered.
    now: Option<Timestamp>,
    ground: OnceLock<[u8; 32]>,
    units: Vec<Unit>,
    media: BTreeMap<MediumId, Vec<u32>>,
    journals: Vec<u32>,
    seen: Mutex<Seen>,
    long: Mutex<()>,
}

/// What became of units, and what was seen when they were read.
struct Seen {
    became: BTreeMap<u32, Result<Taken, Skipped>>,
    /// What was of others, and all lists.
    others: Heap,
    strays: BTreeSet<MediumId>,
    /// Whose files told of whom: once is enough.
    told: BTreeSet<(MediumId, MediumId)>,
    /// Media whose pieces hold more than their own: they are always read.
    odd: BTreeSet<MediumId>,
}

/// Threads and a watcher for what is read whole.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Workers that hash an image.
    pub threads: NonZeroUsize,
    /// Who sees how far it is.
    pub watch: &'a dyn Watch,
}

impl Index {
    /// Of nothing, under these pinned roots.
    pub fn new(trust: Trust) -> Self {
        let whole = Heap::new(trust);
        let seen = Seen {
            became: BTreeMap::new(),
            others: whole.beside(),
            strays: BTreeSet::new(),
            told: BTreeSet::new(),
            odd: BTreeSet::new(),
        };
        Self {
            whole,
            sources: vec![],
            marks: vec![],
            now: None,
            ground: OnceLock::new(),
            units: vec![],
            media: BTreeMap::new(),
            journals: vec![],
            seen: Mutex::new(seen),
            long: Mutex::new(()),
        }
    }

    /// Have each entry of stores' journals be checked by its own signature, not by its journal's newest.
    pub fn check_every_signature(&mut self) {
        self.whole.signatures = Signatures::Every;
    }

    /// Have files be known again by a later run, from their marks; a file that was changed just before
    /// `now` may be changed again without another mark, and is not.
    pub fn know_again(&mut self, now: Timestamp) {
        self.now = Some(now);
    }

    /// Index a file.
    pub fn add_file(&mut self, path: &Path, reading: Reading<'_>) {
        self.add(path.display().to_string(), Source::Path(path.to_path_buf()), reading);
    }

    /// Index what is at hand.
    pub fn add_held(&mut self, name: &str, device: Arc<dyn Target>, reading: Reading<'_>) {
        self.add(name.to_owned(), Source::Held(device), reading);
    }

    /// Read the directory where a read-only area is mounted.
    pub fn add_read_only_area(&mut self, path: &Path) {
        let taken = self.whole.take_read_only_area(&MountedTree::at(path));
        self.became(path.display().to_string(), taken);
    }

    /// Read the directory where a writable area is mounted.
    pub fn add_writable_area(&mut self, path: &Path) {
        let taken = self.whole.take_writable_area(&MountedTree::at(path));
        self.became(path.display().to_string(), taken);
    }

    /// Note what can't be looked at, and why.
    pub fn add_unread(&mut self, path: &Path, why: String) {
        self.became(path.display().to_string(), Err(Skipped::Unopened(why)));
    }

    /// The roots that everything in it stands under.
    pub fn trust(&self) -> &Trust {
        self.whole.trust()
    }

    /// What became of each unit, in the order in which they were found: of all of them once a run
    /// has ended. It is told once.
    pub fn units(&self) -> Vec<(String, Result<Taken, Skipped>)> {
        let became = std::mem::take(&mut self.seen().became);
        let named = became.into_iter().map(|(unit, became)| {
            let name = self.units[place(unit)].name.clone();
            (name, became)
        });
        named.collect()
    }

    fn add(&mut self, name: String, source: Source, reading: Reading<'_>) {
        if self.units.len() >= UNITS_MAX {
            return self.became(name, Err(too_many()));
        }
        let at = number(self.sources.len());
        let mark = self.now.and_then(|now| source.mark(now));
        let device = match source.open() {
            Ok(device) => device,
            Err(why) => return self.became(name, Err(why)),
        };
        self.sources.push(source);
        self.marks.push(mark);
        let length = device.len_bytes();
        match head_of(&*device, 0, length) {
            Err(why) => self.became(name, Err(why)),
            Ok(head) if is_bundle(&head) => self.add_bundle(&name, at, &*device, reading),
            Ok(head) => {
                let unit = Unit { name, source: at, offset: 0, length };
                self.add_unit(unit, &*device, &head, reading);
            }
        }
    }

    fn add_bundle(&mut self, name: &str, source: u32, device: &dyn Target, reading: Reading<'_>) {
        self.became(name.to_owned(), Ok(Taken::of(What::Bundle, None, 0)));
        for member in Members::of(device) {
            let Member { name: inside, offset, length, form } = match member {
                Ok(member) => member,
                Err(error) => return self.became(name.to_owned(), Err(error.into())),
            };
            if form == Form::Folder {
                continue;
            }
            let name = format!("{name}/{inside}");
            let head = match form {
                Form::File => head_of(device, offset, length),
                _ => Err(Skipped::NoFile),
            };
            if self.units.len() >= UNITS_MAX {
                return self.became(name, Err(too_many()));
            }
            match head {
                Err(why) => self.became(name, Err(why)),
                Ok(head) if is_bundle(&head) => self.became(name, Err(Skipped::Nested)),
                Ok(head) => {
                    let unit = Unit { name, source, offset, length };
                    self.add_unit(unit, device, &head, reading);
                }
            }
        }
    }

    /// Index one unit by what it begins like; or read it whole.
    fn add_unit(&mut self, unit: Unit, device: &dyn Target, head: &[u8], reading: Reading<'_>) {
        let (offset, length) = (unit.offset, unit.length);
        let slice = match Slice::new(device, offset, length) {
            Ok(slice) => slice,
            Err(error) => return self.became(unit.name, Err(error.into())),
        };
        let Reading { threads, watch } = reading;
        match looks(&mut self.whole, &slice, head) {
            Looks::Medium(medium) if length <= FILE_BYTES_MAX => {
                self.media.entry(medium).or_default().push(number(self.units.len()));
                self.units.push(unit);
            }
            Looks::Journal if length <= FILE_BYTES_MAX => {
                self.journals.push(number(self.units.len()));
                self.units.push(unit);
            }
            _ => {
                let taken = self.whole.take_member(&slice, head, threads, watch);
                self.became(unit.name, taken);
            }
        }
    }

    /// A unit that is done with.
    fn became(&mut self, name: String, taken: Result<Taken, Skipped>) {
        let unit = number(self.units.len());
        self.units.push(Unit { name, source: 0, offset: 0, length: 0 });
        self.seen().became.insert(unit, taken);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Read into this room, which grows if it has to.
    fn read_into<'r>(&self, unit: &Unit, room: &'r mut Vec<u8>) -> Result<&'r [u8], Skipped> {
        let device = self.sources[place(unit.source)].open()?;
        let slice = Slice::new(&*device, unit.offset, unit.length)?;
        let length = usize::try_from(unit.length).expect("at most 64 MiB");
        room.resize(length.max(room.len()), 0);
        slice.read_at(0, &mut room[..length])?;
        Ok(&room[..length])
    }

    fn take(&self, heap: &mut Heap, number: u32) -> Result<Taken, Skipped> {
        let unit = &self.units[place(number)];
        let turn = || self.long.lock().unwrap_or_else(PoisonError::into_inner);
        let _turn = (unit.length > LONG_BYTES).then(turn);
        heap.take_bytes(self.read_into(unit, &mut vec![])?)
    }
}

impl Evidence for Index {
    fn media(&self) -> Vec<MediumId> {
        let all: BTreeSet<_> = self.media.keys().chain(self.whole.media.keys()).copied().collect();
        all.into_iter().collect()
    }

    fn pieces(&self, medium: MediumId) -> Cow<'_, Pieces> {
        let mut heap = self.whole.beside();
        let units = self.media.get(&medium).into_iter().flatten();
        let became: Vec<_> = units.map(|unit| (*unit, self.take(&mut heap, *unit))).collect();
        let mut pieces = heap.media.remove(&medium).unwrap_or_default();
        let mut seen = self.seen();
        if !heap.media.is_empty() || heap.has_lists_beside(&self.whole) {
            seen.odd.insert(medium);
        }
        for (unit, became) in became {
            // What could be read once and then could not be was not read.
            if became.is_err() || !seen.became.contains_key(&unit) {
                seen.became.insert(unit, became);
            }
        }
        for stray in seen.others.absorb(heap) {
            if seen.told.insert((medium, stray)) {
                seen.strays.insert(stray);
            }
        }
        for other in [self.whole.media.get(&medium), seen.others.media.get(&medium)] {
            pieces.absorb(other.cloned().unwrap_or_default());
        }
        Cow::Owned(pieces)
    }

    fn bytes(&self, medium: MediumId) -> u64 {
        let units = self.media.get(&medium).into_iter().flatten();
        units.map(|unit| self.units[place(*unit)].length).sum()
    }

    fn rights(&self) -> &Rights {
        &self.whole.rights
    }

    fn is_lone(&self, medium: MediumId) -> bool {
        let seen = self.seen();
        let others = [&self.whole, &seen.others];
        let elsewhere = others.iter().any(|all| all.media.contains_key(&medium));
        !elsewhere && self.media.get(&medium).is_some_and(|units| units.len() == 1)
    }

    fn unchanged(&self, medium: MediumId, held: Held<'_>, room: &mut Vec<u8>) -> Option<Unchanged> {
        let [number] = self.media.get(&medium)?.as_slice() else { return None };
        let unit = &self.units[place(*number)];
        if unit.length > LONG_BYTES {
            return None;
        }
        let export = self.read_into(unit, room).ok()?;
        let unchanged = self.whole.unchanged(export, held)?;
        let taken = Taken::of(What::Export, Some(medium), unchanged.records);
        self.seen().became.insert(*number, Ok(taken));
        Some(unchanged)
    }

    fn revoked(&self) -> Revoked {
        let seen = self.seen();
        let lists = [self.whole.newest_list(), seen.others.newest_list()].into_iter().flatten();
        let newest = lists.max_by_key(|(place, _)| **place);
        newest.map_or(Revoked::none(), |(_, list)| Revoked::none().with(list.clone()))
    }

    fn newest(&self) -> Option<Timestamp> {
        self.whole.newest().max(self.seen().others.newest())
    }

    fn strays(&self) -> BTreeSet<MediumId> {
        std::mem::take(&mut self.seen().strays)
    }

    fn identity(&self, medium: MediumId) -> Option<[u8; 32]> {
        let seen = self.seen();
        let others = [&self.whole, &seen.others];
        if seen.odd.contains(&medium) || others.iter().any(|all| all.media.contains_key(&medium)) {
            return None;
        }
        drop(seen);
        let mut marks = vec![];
        for unit in self.media.get(&medium)? {
            let Unit { source, offset, length, .. } = &self.units[place(*unit)];
            let mark = self.marks[place(*source)]?;
            let place = [offset.to_be_bytes(), length.to_be_bytes()];
            marks.push(sha256_parts(&[&mark, place.as_flattened()]));
        }
        marks.sort_unstable();
        Some(sha256(marks.as_flattened()))
    }

    fn became(&self, medium: MediumId) -> Option<Vec<u8>> {
        let seen = self.seen();
        if seen.odd.contains(&medium) {
            return None;
        }
        let mut all = Writer::default();
        for unit in self.media.get(&medium)? {
            let Ok(Taken { what, records, inside, .. }) = seen.became.get(unit)? else {
                return None;
            };
            let form = SINGLE.iter().position(|known| known == what)?;
            inside.is_empty().then_some(())?;
            all.number(form as u64).number(*records as u64);
        }
        Some(all.finish())
    }

    fn recall(&self, medium: MediumId, became: &[u8]) -> bool {
        let Some(units) = self.media.get(&medium) else { return false };
        let mut read = Reader::of(became);
        let taken = units.iter().map_while(|_| {
            let what = SINGLE.get(usize::try_from(read.number()?).ok()?)?;
            let records = usize::try_from(read.number()?).ok()?;
            Some(Taken::of(*what, Some(medium), records))
        });
        let taken: Vec<Taken> = taken.collect();
        if taken.len() != units.len() {
            return false;
        }
        let mut seen = self.seen();
        for (unit, taken) in units.iter().zip(taken) {
            seen.became.entry(*unit).or_insert(Ok(taken));
        }
        true
    }

    fn ground(&self) -> [u8; 32] {
        *self.ground.get_or_init(|| self.whole.ground())
    }

    fn each_journal<E>(&self, each: &mut EachJournal<'_, E>) -> Result<(), E> {
        self.whole.each_journal(each)?;
        for unit in &self.journals {
            let mut heap = self.whole.beside();
            let became = self.take(&mut heap, *unit);
            self.seen().became.insert(*unit, became);
            heap.each_journal(each)?;
        }
        Ok(())
    }
}

impl Source {
    fn mark(&self, now: Timestamp) -> Option<[u8; 32]> {
        let Self::Path(path) = self else { return None };
        let mark = FileMark::of(path).ok()?;
        (mark.changed_s + FRESH_S < now.seconds()).then_some(mark.digest)
    }

    fn open(&self) -> Result<Box<dyn Target>, Skipped> {
        match self {
            Self::Held(device) => Ok(Box::new(Arc::clone(device))),
            Self::Path(path) => match FileDevice::open(path, Access::Read) {
                Ok(device) => Ok(Box::new(device)),
                Err(error) => Err(Skipped::Unopened(error.to_string())),
            },
        }
    }
}

fn too_many() -> Skipped {
    Skipped::Unopened(format!("more than {UNITS_MAX} files are not read in one run"))
}

fn head_of(device: &dyn Target, offset: u64, length: u64) -> Result<Vec<u8>, Skipped> {
    if length == 0 {
        return Err(Skipped::Empty);
    }
    let mut head = vec![0; usize::try_from(length.min(HEAD_BYTES)).expect("a few KiB")];
    device.read_at(offset, &mut head)?;
    Ok(head)
}

fn number(place: usize) -> u32 {
    u32::try_from(place).expect("units are counted")
}

fn place(number: u32) -> usize {
    usize::try_from(number).expect("32 bits")
}
