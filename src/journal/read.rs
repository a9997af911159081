//! Reading a journal: what both copies hold together, what each lacks, and what is lost.

use std::collections::HashSet;

use super::Place;
use super::frame::Frame;
use super::opening::{self, Opening};
use super::planted::{Fault, planted};
use super::scan::{Frames, Held, Scan};
use crate::device::{Device, DeviceError};

/// The two copies of a journal.
pub const COPIES: [&str; 2] = ["A", "B"];

/// What a compacted chain begins with, in as many frames: the checkpoint and who signed it.
const ANCHOR_FRAMES: u32 = 2;

/// What a journal holds, by both copies together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The generation that counts.
    pub generation: u64,
    /// The chain's records in order, unverified; in a compacted generation what was carried first.
    pub records: Vec<Vec<u8>>,
    /// How many of `records` were carried into this generation.
    pub carried: usize,
    /// What was carried outside the chain.
    pub outside: Vec<Vec<u8>>,
    /// Frames that one copy lacks and the other has: (copy, index).
    pub repairable: Vec<(usize, u32)>,
    /// Where the next frame goes, from the start of its bank.
    pub end: u64,
    /// The checksum of the last frame.
    pub last: u32,
    /// The highest generation of which any frame stands, be it broken off.
    pub newest_seen: u64,
    /// What stands behind a hole, if anything does: the records before it are what is left.
    pub lost: Option<Lost>,
    /// The shorter of two continuations that the copies hold, if they do: it doesn't count.
    pub rival: Vec<Vec<u8>>,
}

impl Reading {
    /// The copies that lack what the other has.
    pub fn lacking(&self) -> Vec<&'static str> {
        let lacks = |copy: &usize| self.repairable.iter().any(|(lacking, _)| lacking == copy);
        (0..COPIES.len()).filter(lacks).map(|copy| COPIES[copy]).collect()
    }
}

/// A frame that neither copy has, though a later one is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// The generation it was part of.
    pub generation: u64,
    /// The lost frame.
    pub index: u32,
    /// The last frame behind it.
    pub later: u32,
}

/// Why a journal gives no records.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Neither copy begins with a frame.
    #[error("journal: neither copy holds a first record")]
    Empty,
    /// A frame is lost in both copies while a later one is there.
    #[error(
        "journal: frame {index} of generation {generation} is damaged in both copies, \
         frame {later} is there"
    )]
    Gap {
        /// The generation that it is part of.
        generation: u64,
        /// The lost frame.
        index: u32,
        /// A frame behind it.
        later: u32,
    },
    /// The copies hold different records at one place, both with a right CRC, and neither copy
    /// goes on for longer than the other.
    #[error("journal: copies A and B hold different records {index}")]
    Differ {
        /// The place.
        index: u32,
    },
    /// The medium could not be read.
    #[error("reading the journal: {0}")]
    Device(#[from] DeviceError),
}

/// Read both copies, whose records have to be without a hole; nothing is written.
///
/// The highest generation counts whose first frame and carried frames the copies have together.
/// A frame counts if either copy has it whole, where the one before it ends. What lies torn behind
/// the last frame was never committed.
pub fn read(device: &dyn Device, place: &Place) -> Result<Reading, ReadError> {
    let reading = survey(device, place)?;
    match reading.lost {
        None => Ok(reading),
        Some(Lost { generation, index, later }) => Err(ReadError::Gap { generation, index, later }),
    }
}

/// Read both copies as [`read`] does; of a journal with a hole the records before it, and what is
/// lost.
pub fn survey(device: &dyn Device, place: &Place) -> Result<Reading, ReadError> {
    survey_scan(&mut Scan::of(device, place)?)
}

/// The same of what was scanned.
pub(super) fn survey_scan(scan: &mut Scan) -> Result<Reading, ReadError> {
    let outcome = choose(scan);
    let whole = outcome.as_ref().is_ok_and(|reading| reading.lost.is_none());
    match scan.unreadable.take() {
        // What can't be read now may be read later: nothing is said to be lost.
        Some(error) if !whole => Err(error.into()),
        _ => outcome,
    }
}

fn choose(scan: &Scan) -> Result<Reading, ReadError> {
    let generations = scan.generations();
    let newest_seen = *generations.first().ok_or(ReadError::Empty)?;
    let (mut newer_lost, mut unopened) = (None, None);
    let mut uncounted = vec![];
    for generation in by_claim(scan, generations) {
        let (held, mirror) = (scan.held(generation), scan.mirror.get(&generation));
        let row = Row { held, mirror, generation };
        match row.read()? {
            Outcome::Counts(reading) => {
                let begun = || uncounted.iter().find_map(|row: &Row<'_>| row.begun_after(&reading));
                let lost = newer_lost.or(reading.lost).or_else(begun);
                return Ok(Reading { newest_seen, lost, ..*reading });
            }
            Outcome::Broken(Some(lost)) => newer_lost = newer_lost.or(Some(lost)),
            Outcome::Broken(None) => uncounted.push(row),
            Outcome::Unopened => {
                unopened = unopened.or(row.lost(0));
                uncounted.push(row);
            }
        }
    }
    Err(newer_lost.or(unopened).map_or(ReadError::Empty, |Lost { generation, index, later }| {
        ReadError::Gap { generation, index, later }
    }))
}

fn by_claim(scan: &Scan, mut generations: Vec<u64>) -> Vec<u64> {
    if planted(Fault::LongestGeneration) {
        let frames =
            |generation: &u64| scan.held(*generation).map(|held| held.map_or(0, Frames::len));
        generations.sort_by_key(|generation| std::cmp::Reverse(frames(generation)));
    }
    generations
}

enum Outcome {
    Counts(Box<Reading>),
    /// Never begun, or not whole; what is lost if it was written to after it was.
    Broken(Option<Lost>),
    /// Neither copy has the opening: a compaction broke off, or it is lost.
    Unopened,
}

/// The frames of one generation.
struct Row<'s> {
    held: [Option<&'s Frames>; 2],
    mirror: Option<&'s Frames>,
    generation: u64,
}

/// Where a frame may stand: behind the one before it.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    index: u32,
    end: u64,
    before: u32,
}

/// A frame that counts, and the copies that lack it.
struct Link<'s> {
    held: &'s Held,
    lacking: &'static [usize],
}

impl<'s> Row<'s> {
    fn read(&self) -> Result<Outcome, ReadError> {
        let (chain, rival) = self.chain()?;
        let opening = match chain.first() {
            Some(link) if self.generation > 0 => Opening::decode(&link.held.frame.record),
            _ => None,
        };
        let opening = match (self.generation, chain.len(), opening) {
            (0, 1.., _) => None,
            (_, _, Some(opening)) if carries(&chain, &opening) => Some(opening),
            (0, 0, _) => return Ok(Outcome::Broken(self.lost(0))),
            (_, 0, _) => return Ok(Outcome::Unopened),
            // Without its opening, or with less than was to be carried, it was never begun; unless
            // something was written behind all that.
            (_, next, opening) => {
                let all = opening.map_or(u32::MAX, |opening| opening.carried);
                let lost = self.lost(u32::try_from(next).unwrap_or(u32::MAX));
                return Ok(Outcome::Broken(lost.filter(|lost| lost.later > all)));
            }
        };
        Ok(Outcome::Counts(Box::new(self.reading(&chain, rival, opening))))
    }

    fn reading(
        &self,
        chain: &[Link<'s>],
        rival: Vec<Vec<u8>>,
        opening: Option<Opening>,
    ) -> Reading {
        let payloads = || chain.iter().map(|link| link.held.frame.record.clone());
        let count = |number: u32| usize::try_from(number).expect("fewer than the frames");
        let (mut carried, mut records, mut outside) = (0, vec![], vec![]);
        if let Some(opening) = opening {
            carried = count(opening.carried - opening.outside);
            records = payloads().skip(1).take(carried).collect();
            outside = payloads().skip(1 + carried).take(count(opening.outside)).collect();
            records.extend(payloads().skip(1 + carried + count(opening.outside)));
        } else {
            records.extend(payloads());
        }
        let step = chain.iter().fold(Step::default(), |step, link| step.behind(link.held));
        let lacking = |link: &Link<'s>| {
            let index = link.held.frame.index;
            link.lacking.iter().map(move |copy| (*copy, index))
        };
        Reading {
            generation: self.generation,
            records,
            carried,
            outside,
            repairable: chain.iter().flat_map(lacking).collect(),
            end: step.end,
            last: step.before,
            newest_seen: self.generation,
            lost: self.lost(step.index),
            rival,
        }
    }

    /// The longest row of frames, and the shorter one where the copies part.
    fn chain(&self) -> Result<(Vec<Link<'s>>, Vec<Vec<u8>>), ReadError> {
        let mut chain = vec![];
        let parting = self.follow(Step::default(), None, &mut chain);
        let Some(parting) = parting else { return Ok((chain, vec![])) };
        let [mut ours, mut theirs] = [0, 1].map(|copy| {
            let mut branch = vec![];
            self.follow(parting, Some(copy), &mut branch);
            branch
        });
        match ours.len().cmp(&theirs.len()) {
            std::cmp::Ordering::Equal => return Err(ReadError::Differ { index: parting.index }),
            std::cmp::Ordering::Less => std::mem::swap(&mut ours, &mut theirs),
            std::cmp::Ordering::Greater => {}
        }
        chain.extend(ours);
        let rival = theirs.iter().map(|link| link.held.frame.record.clone()).collect();
        Ok((chain, rival))
    }

    /// Go from frame to frame; where the copies part, on in the preferred one, else stop there.
    fn follow(
        &self,
        mut step: Step,
        preferred: Option<usize>,
        chain: &mut Vec<Link<'s>>,
    ) -> Option<Step> {
        loop {
            let (held, lacking) = match (self.at(0, &step), self.at(1, &step)) {
                (None, None) => (self.mirrored(&step)?, &[0, 1][..]),
                (Some(a), None) => (a, &[1][..]),
                (Some(a), Some(b)) if a.frame == b.frame => (a, &[][..]),
                (Some(_), Some(_)) if preferred.is_none() => return Some(step),
                (Some(a), Some(_)) if preferred == Some(0) => (a, &[1][..]),
                (_, Some(b)) => (b, &[0][..]),
            };
            chain.push(Link { held, lacking });
            step = step.behind(held);
        }
    }

    /// What a mirror has for a frame that both copies lack, with a later one behind it.
    fn mirrored(&self, step: &Step) -> Option<&'s Held> {
        let held = self.mirror?.get(&(step.index, step.end))?;
        (held.frame.before == step.before && self.lost(step.index).is_some()).then_some(held)
    }

    fn at(&self, copy: usize, step: &Step) -> Option<&'s Held> {
        let held = self.held[copy]?.get(&(step.index, step.end))?;
        let blind = planted(Fault::NoLink) || planted(Fault::StaleFrames);
        (held.frame.before == step.before || blind).then_some(held)
    }

    /// What is lost of a generation without an opening that fits, if it was begun after all: all that
    /// is carried behind the checkpoint stands in the older one, so that anything else was appended.
    fn begun_after(&self, older: &Reading) -> Option<Lost> {
        let known = [&older.records, &older.outside, &older.rival];
        let known: HashSet<&Vec<u8>> = known.into_iter().flatten().collect();
        let mut frames = self.held.iter().flatten().flat_map(|frames| frames.values());
        let appended =
            |held: &Held| held.frame.index > ANCHOR_FRAMES && !known.contains(&held.frame.record);
        frames.any(appended).then(|| self.lost(0)).flatten()
    }

    /// What stands at or behind the next index, where it doesn't count.
    fn lost(&self, next: u32) -> Option<Lost> {
        let later = self.held.iter().flatten().filter_map(|frames| frames.keys().next_back());
        let later = later.map(|(index, _)| *index).max().filter(|later| *later >= next)?;
        Some(Lost { generation: self.generation, index: next, later })
    }
}

impl Step {
    fn behind(self, held: &Held) -> Self {
        let end = self.end + held.frame.stored_bytes() as u64;
        Self { index: self.index + 1, end, before: held.checksum }
    }
}

/// Whether all that was to be carried stands behind the opening.
fn carries(chain: &[Link<'_>], opening: &Opening) -> bool {
    let count = usize::try_from(opening.carried).unwrap_or(usize::MAX);
    let carried = chain.iter().skip(1).map(|link| &link.held.frame).take(count);
    let records = carried.map(|frame: &Frame| &frame.record);
    let whole = count < chain.len() && opening::digest(records) == opening.digest;
    whole || planted(Fault::OpeningFirst)
}
