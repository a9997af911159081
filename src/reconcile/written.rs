//! A plan's file, written entry by entry and read entry by entry: it is never held whole.

use std::collections::BTreeMap;

use super::plan::{PLAN_VERSION, PlanError, differs, posted};
use crate::crypto::digest::Sha256;
use crate::device::Device;
use crate::format::plan::{Class, ClassSum, PlanEntry, PlanHead, PlanTail};
use crate::format::{Kind, Object, cbor};
use crate::records::Posting;

/// A plan's file is read in pieces of at least this.
const PIECE_BYTES: usize = 256 << 10;

/// What the entries of a plan come to.
pub(super) struct Sums {
    digest: Sha256,
    classes: BTreeMap<Class, (u64, i64)>,
    entries: u64,
    postings: u64,
    moved: u64,
}

impl Sums {
    /// Behind its head.
    pub(super) fn of(head: &PlanHead) -> Self {
        let mut digest = Sha256::new();
        digest.update(&head.encode());
        Self { digest, classes: BTreeMap::new(), entries: 0, postings: 0, moved: 0 }
    }

    /// One more entry, and its bytes.
    pub(super) fn add(&mut self, entry: &PlanEntry, bytes: &[u8]) {
        self.digest.update(bytes);
        self.entries += 1;
        for finding in &entry.findings {
            let (count, amount) = self.classes.entry(finding.class).or_default();
            (*count, *amount) = (*count + 1, amount.saturating_add(finding.amount));
        }
        if let Some(posting) = &entry.posting {
            self.postings += 1;
            let sums = posting.moves.iter().map(|one| one.amount.minor());
            self.moved = sums.fold(self.moved, u64::saturating_add);
        }
    }

    /// The tail behind these entries.
    pub(super) fn tail(self) -> PlanTail {
        let classes = self.classes.into_iter();
        let classes = classes.map(|(class, (count, amount))| ClassSum { class, count, amount });
        let (entries, postings, moved) = (self.entries, self.postings, self.moved);
        let (classes, digest) = (classes.collect(), self.digest.finish());
        PlanTail { entries, postings, classes, moved, digest }
    }
}

/// Writes a plan's file through `put`, one object after the other.
pub struct PlanWriter<'a, E> {
    put: &'a mut dyn FnMut(&[u8]) -> Result<(), E>,
    sums: Sums,
    file: Sha256,
}

impl<'a, E> PlanWriter<'a, E> {
    /// Begin with the head.
    pub fn begin(
        head: &PlanHead,
        put: &'a mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let bytes = head.encode();
        let mut file = Sha256::new();
        file.update(&bytes);
        put(&bytes)?;
        Ok(Self { put, sums: Sums::of(head), file })
    }

    /// The next entry; they come by their media, what is of none first.
    pub fn entry(&mut self, entry: &PlanEntry) -> Result<(), E> {
        let bytes = entry.encode();
        self.sums.add(entry, &bytes);
        self.file.update(&bytes);
        (self.put)(&bytes)
    }

    /// End with the tail; gives it and the hash by which records know the plan.
    pub fn finish(mut self) -> Result<(PlanTail, [u8; 32]), E> {
        let tail = self.sums.tail();
        let bytes = tail.encode();
        self.file.update(&bytes);
        (self.put)(&bytes)?;
        Ok((tail, self.file.finish()))
    }
}

/// A plan's file that was checked from its head to its tail once, and is read as often as wanted.
#[derive(Debug)]
pub struct PlanReader<D> {
    device: D,
    head: PlanHead,
    tail: PlanTail,
    hash: [u8; 32],
}

impl<D: Device> PlanReader<D> {
    /// Read all of it once; nothing of it is kept but its head and tail.
    pub fn open(device: D) -> Result<Self, PlanError> {
        let mut file = Sha256::new();
        let mut objects = Objects::of(&device);
        let (head, bytes) = objects.next::<PlanHead>()?;
        file.update(bytes);
        if head.version != PLAN_VERSION {
            return Err(PlanError::Version(head.version));
        }
        let mut sums = Sums::of(&head);
        let mut last = None;
        while !objects.is_last()? {
            let place = objects.place;
            let (entry, bytes) = objects.next::<PlanEntry>()?;
            file.update(bytes);
            if last.is_some_and(|last| last >= entry.medium) {
                return Err(PlanError::Order(place));
            }
            last = Some(entry.medium);
            sums.add(&entry, bytes);
        }
        let (tail, bytes) = objects.next::<PlanTail>()?;
        file.update(bytes);
        let expected = sums.tail();
        if tail != expected {
            return Err(differs(&tail, &expected));
        }
        Ok(Self { device, head, tail, hash: file.finish() })
    }

    /// What it was made for.
    pub fn head(&self) -> &PlanHead {
        &self.head
    }

    /// What it adds up to.
    pub fn tail(&self) -> &PlanTail {
        &self.tail
    }

    /// The hash by which records know it.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Its entries from the first on; where the file was changed since it was opened, the last
    /// item says so.
    pub fn entries(&self) -> impl Iterator<Item = Result<PlanEntry, PlanError>> + '_ {
        let objects = Objects::of(&self.device);
        Entries { reader: self, objects, sums: None, ended: false }
    }

    /// What settling it posts, by medium, as [`PlanReader::entries`].
    pub fn postings(&self) -> impl Iterator<Item = Result<Posting, PlanError>> + '_ {
        self.entries().filter_map(|entry| match entry {
            Ok(entry) => entry.posting.as_deref().map(|posting| posted(&entry, posting)),
            Err(error) => Some(Err(error)),
        })
    }
}

struct Entries<'a, D> {
    reader: &'a PlanReader<D>,
    objects: Objects<'a, D>,
    sums: Option<Sums>,
    ended: bool,
}

impl<D: Device> Entries<'_, D> {
    fn step(&mut self) -> Result<Option<PlanEntry>, PlanError> {
        let sums = match &mut self.sums {
            Some(sums) => sums,
            none => {
                let (head, _) = self.objects.next::<PlanHead>()?;
                none.insert(Sums::of(&head))
            }
        };
        if !self.objects.is_last()? {
            let (entry, bytes) = self.objects.next::<PlanEntry>()?;
            sums.add(&entry, bytes);
            return Ok(Some(entry));
        }
        let found = self.sums.take().map(Sums::tail);
        match found.filter(|found| *found != self.reader.tail) {
            Some(found) => Err(differs(&self.reader.tail, &found)),
            None => Ok(None),
        }
    }
}

impl<D: Device> Iterator for Entries<'_, D> {
    type Item = Result<PlanEntry, PlanError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.step().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Objects one behind the other in a file.
struct Objects<'a, D> {
    device: &'a D,
    /// What was read and not taken begins here in the file.
    at: u64,
    read: Vec<u8>,
    from: usize,
    place: usize,
}

impl<'a, D: Device> Objects<'a, D> {
    fn of(device: &'a D) -> Self {
        Self { device, at: 0, read: vec![], from: 0, place: 0 }
    }

    /// The length of the next object, which is then in memory.
    fn measure(&mut self) -> Result<usize, PlanError> {
        let place = self.place;
        loop {
            let here = &self.read[self.from..];
            let rest = self.device.len_bytes() - self.at - here.len() as u64;
            if here.is_empty() && rest == 0 {
                return Err(PlanError::Cut(place));
            }
            match cbor::measure(here) {
                Ok(length) => return Ok(length),
                Err(source) if rest == 0 || here.len() >= Kind::PlanEntry.bytes_max() => {
                    return Err(PlanError::Decode { place, source });
                }
                Err(_) => self.more(rest)?,
            }
        }
    }

    fn more(&mut self, rest: u64) -> Result<(), PlanError> {
        let taken = self.from;
        self.read.drain(..taken);
        self.from = 0;
        let had = self.read.len();
        let wanted = (had + PIECE_BYTES).next_power_of_two() - had;
        let count = usize::try_from(rest).map_or(wanted, |rest| wanted.min(rest));
        self.read.resize(had + count, 0);
        self.device.read_at(self.at + had as u64, &mut self.read[had..])?;
        Ok(())
    }

    fn next<T: Object>(&mut self) -> Result<(T, &[u8]), PlanError> {
        let length = self.measure()?;
        let place = self.place;
        let bytes = &self.read[self.from..self.from + length];
        let object = T::decode(bytes).map_err(|source| PlanError::Decode { place, source })?;
        (self.from, self.at, self.place) = (self.from + length, self.at + length as u64, place + 1);
        Ok((object, bytes))
    }

    fn is_last(&mut self) -> Result<bool, PlanError> {
        let length = self.measure()? as u64;
        Ok(self.at + length == self.device.len_bytes())
    }
}
