//! What this computer saw of a journal: a third copy, outside the medium.
//!
//! It is written after the medium and before anything is released, its absence never blocks, and it
//! tells when a medium comes back with less than it had.

use std::collections::BTreeMap;
use std::fmt;

use super::commit::{AppendError, Journal, Use};
use super::frame::{FRAME_BYTES_MAX, Frame, SECTOR_BYTES};
use super::read::{Reading, survey};
use super::scan::{Frames, Scan};
use super::{Place, ReadError};
use crate::device::{Claim, ClaimError, Device, DeviceError, Folder, KeptError};
use crate::units::MediumId;

/// A file with the two banks of one copy.
pub struct Mirror {
    device: Box<dyn Device>,
    bytes: u64,
    _claim: Option<Claim>,
}

/// Why there is no mirror.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// Its file could not be opened or made.
    #[error("opening the mirror: {0}")]
    Kept(#[from] KeptError),
    /// Another wallet on this computer writes it: a copy of the same medium is in use.
    #[error("opening the mirror: {0}")]
    Claim(#[from] ClaimError),
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirror").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// How records follow each other, which a journal doesn't know of itself.
#[derive(Clone, Copy)]
pub struct Chain<'c> {
    /// A record's sequence in the medium's chain; none for what isn't a record of it.
    pub sequence: &'c dyn Fn(&[u8]) -> Option<u64>,
    /// The sequence that the medium's newest checkpoint settles up to.
    pub settled: Option<u64>,
}

impl fmt::Debug for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("settled", &self.settled).finish_non_exhaustive()
    }
}

/// How a mirror stands to its medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// The mirror holds nothing that can be read.
    New,
    /// The medium has all that the mirror has, and so many records more.
    Medium {
        /// How many.
        behind: u64,
    },
    /// All that the mirror has is older than the medium's newest checkpoint, which counts.
    Settled,
    /// The mirror has these records behind the medium's last one: they can be written back.
    Mirror(Vec<Vec<u8>>),
    /// The two part: the medium went on elsewhere after it lost what this computer saw.
    Parted {
        /// The first sequence at which they differ.
        at: u64,
        /// What the mirror has from there on.
        branch: Vec<Vec<u8>>,
    },
    /// The mirror has later records, and neither of the two has what lies between.
    Apart {
        /// How many records the medium has fewer.
        fewer: u64,
        /// What the mirror has behind the medium's last one.
        branch: Vec<Vec<u8>>,
    },
}

/// What became of a record's copy in the mirror.
#[derive(Debug)]
pub enum Mirrored {
    /// It is durable there.
    Yes,
    /// There is no mirror.
    Without,
    /// The mirror failed, and is not used any more until the journal is opened again.
    Failed(DeviceError),
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = |count: u64| if count == 1 { "record" } else { "records" };
        match self {
            Self::New => write!(f, "this computer sees the medium for the first time"),
            Self::Medium { .. } => write!(f, "nothing that this computer saw is missing"),
            Self::Settled => write!(f, "the checkpoint is newer than what this computer last saw"),
            Self::Mirror(lost) => {
                let fewer = lost.len() as u64;
                write!(f, "{fewer} {} fewer than this computer last saw", records(fewer))
            }
            Self::Apart { fewer, .. } => {
                write!(f, "{fewer} {} fewer than this computer last saw", records(*fewer))
            }
            Self::Parted { at, branch } => {
                let count = branch.len() as u64;
                write!(f, "{count} {} from #{at} on that this computer saw", records(count))?;
                write!(f, " are not on the medium, which went on with others")
            }
        }
    }
}

impl Mirror {
    /// The mirror of a medium in a folder of the user's state; `bytes` is the length of one copy.
    pub fn open(folder: &Folder, medium: MediumId, bytes: u64) -> Result<Self, MirrorError> {
        let file = folder.kept(&name_of(medium), bytes)?;
        let claim = file.claim()?;
        Ok(Self { _claim: Some(claim), ..Self::on(Box::new(file)) })
    }

    /// The mirror of a medium to look at; none where there is none. Nothing is made or written.
    pub fn look(
        folder: &Folder,
        medium: MediumId,
        bytes: u64,
    ) -> Result<Option<Self>, MirrorError> {
        let file = folder.kept_if_there(&name_of(medium), bytes)?;
        Ok(file.map(|file| Self::on(Box::new(file))))
    }

    /// A mirror on a device that is as long as one copy.
    pub fn on(device: Box<dyn Device>) -> Self {
        let bytes = device.len_bytes();
        Self { device, bytes, _claim: None }
    }

    /// The frames of each generation that stand in it.
    pub(super) fn frames(&self) -> Result<BTreeMap<u64, Frames>, DeviceError> {
        Scan::of_mirror(&self.device, self.bytes)
    }

    fn place(&self) -> Place {
        Place { starts: [0, 0], bytes: self.bytes }
    }

    /// What it holds; none if that can't be read as a journal.
    fn reading(&self) -> Result<Option<Reading>, DeviceError> {
        match survey(&self.device, &self.place()) {
            Ok(reading) => Ok(Some(reading)),
            Err(ReadError::Device(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// How it stands to the records that a medium holds.
    pub fn relation(&self, medium: &[Vec<u8>], chain: Chain<'_>) -> Result<Relation, DeviceError> {
        let Some(own) = self.reading()? else { return Ok(Relation::New) };
        Ok(relate(&tail(medium, chain), &tail(&own.records, chain), chain.settled))
    }

    /// Write what it lacks of a medium's row of frames, and make it durable.
    fn follow(&self, medium: &Reading) -> Result<(), DeviceError> {
        let row = medium.row().expect("its frames were read").bytes;
        let start = self.place().bank_start(0, medium.generation % 2);
        let mut held = vec![0; row.len()];
        self.device.read_at(start, &mut held)?;
        let same = row.iter().zip(&held).take_while(|(one, other)| one == other).count();
        if same < row.len() {
            self.device.write_at(start + same as u64, &row[same..])?;
        }
        self.forget_newer(medium.generation)?;
        self.device.flush()
    }

    /// A generation that the medium lost mustn't count here any more.
    fn forget_newer(&self, generation: u64) -> Result<(), DeviceError> {
        let start = self.place().bank_start(0, 1 - generation % 2);
        let mut first = vec![0; FRAME_BYTES_MAX];
        first.truncate(usize::try_from(self.bytes / 2).unwrap_or(FRAME_BYTES_MAX));
        self.device.read_at(start, &mut first)?;
        if Frame::decode(&first).is_some_and(|frame| frame.generation > generation) {
            self.device.write_at(start, &[0; SECTOR_BYTES])?;
        }
        Ok(())
    }

    fn write(&self, generation: u64, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let start = self.place().bank_start(0, generation % 2);
        self.device.write_at(start + offset, bytes)?;
        self.device.flush()
    }
}

fn name_of(medium: MediumId) -> String {
    format!("{medium}.journal")
}

type Tail<'r> = BTreeMap<u64, &'r Vec<u8>>;

/// The records that no checkpoint settles, by sequence.
fn tail<'r>(records: &'r [Vec<u8>], chain: Chain<'_>) -> Tail<'r> {
    let numbered = records.iter().filter_map(|record| Some(((chain.sequence)(record)?, record)));
    numbered.filter(|(sequence, _)| Some(*sequence) > chain.settled).collect()
}

fn relate(medium: &Tail<'_>, mirror: &Tail<'_>, settled: Option<u64>) -> Relation {
    let Some((&seen, _)) = mirror.last_key_value() else {
        let behind = medium.len() as u64;
        return if settled.is_some() { Relation::Settled } else { Relation::Medium { behind } };
    };
    let from = |first: u64| mirror.range(first..).map(|(_, record)| (*record).clone()).collect();
    let differs = |sequence: &u64| medium.get(sequence).is_some_and(|own| *own != mirror[sequence]);
    if let Some(&at) = mirror.keys().find(|sequence| differs(sequence)) {
        return Relation::Parted { at, branch: from(at) };
    }
    let last = medium.last_key_value().map(|(&last, _)| last).or(settled);
    let first = last.map_or(0, |last| last.saturating_add(1));
    if seen < first {
        return Relation::Medium { behind: first - 1 - seen };
    }
    let branch: Vec<Vec<u8>> = from(first);
    let fewer = seen - first + 1;
    let follows = last == settled || last.is_some_and(|last| mirror.contains_key(&last));
    if follows && branch.len() as u64 == fewer {
        return Relation::Mirror(branch);
    }
    Relation::Apart { fewer, branch }
}

impl<D: Device> Journal<D> {
    /// Write back what the mirror alone has, byte for byte: the records of [`Relation::Mirror`],
    /// once the ledger took them behind those of the medium.
    ///
    /// What stood behind a hole is wiped first, and is among them.
    pub fn replay(&mut self, records: &[Vec<u8>]) -> Result<(), AppendError> {
        self.accept_loss()?;
        for record in records {
            let _ = self.append(record, Use::Keeps)?;
        }
        Ok(())
    }

    /// Have the mirror hold what the medium holds, and each record from now on before it is
    /// released.
    ///
    /// A branch that only the mirror has is overwritten: it is to be put away before.
    pub fn attach(&mut self, mirror: Mirror) -> Result<(), DeviceError> {
        let expected = self.place.bytes;
        DeviceError::check_range(0, expected, mirror.bytes)?;
        let mirror = Mirror { bytes: expected, ..mirror };
        mirror.follow(&self.reading)?;
        self.mirror = Some(mirror);
        Ok(())
    }

    /// Have the mirror hold a new frame; a mirror that fails is let go.
    pub(super) fn mirror_frame(&mut self, offset: u64, bytes: &[u8]) -> Mirrored {
        let Some(mirror) = &self.mirror else { return Mirrored::Without };
        self.mirrored(mirror.write(self.reading.generation, offset, bytes))
    }

    /// Have the mirror hold a new generation.
    pub(super) fn mirror_generation(&mut self) -> Mirrored {
        let Some(mirror) = &self.mirror else { return Mirrored::Without };
        self.mirrored(mirror.follow(&self.reading))
    }

    fn mirrored(&mut self, outcome: Result<(), DeviceError>) -> Mirrored {
        match outcome {
            Ok(()) => Mirrored::Yes,
            Err(error) => {
                self.mirror = None;
                Mirrored::Failed(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::digest::sha256;
    use crate::device::simulated::{Counted, StopAt, Stopping};
    use crate::device::{Folder, MemoryDevice};
    use crate::format::edition::RamKind;
    use crate::journal::archive::Kept;
    use crate::journal::compact::Carry;
    use crate::journal::{first_frames, read};

    const PLACE: Place = Place { starts: [0, 32 << 10], bytes: 32 << 10 };

    /// A record of this sequence; `branch` tells two of one sequence apart.
    fn record(sequence: u64, branch: u8) -> Vec<u8> {
        [sequence.to_be_bytes().as_slice(), &[branch; 90]].concat()
    }

    fn records(sequences: std::ops::Range<u64>, branch: u8) -> Vec<Vec<u8>> {
        sequences.map(|sequence| record(sequence, branch)).collect()
    }

    fn sequence(record: &[u8]) -> Option<u64> {
        (record.len() == 98).then(|| u64::from_be_bytes(*record.first_chunk().unwrap()))
    }

    fn chain(settled: Option<u64>) -> Chain<'static> {
        Chain { sequence: &sequence, settled }
    }

    fn medium(records: &[Vec<u8>]) -> MemoryDevice {
        let device = MemoryDevice::zeroed(64 << 10);
        for start in PLACE.starts {
            device.write_at(start, &first_frames(records).unwrap()).unwrap();
        }
        device
    }

    fn open(device: &MemoryDevice) -> Journal<&MemoryDevice> {
        Journal::open(device, PLACE, RamKind::Rewritable).unwrap()
    }

    fn folder() -> (tempfile::TempDir, Folder) {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::create(&outer.path().join("state")).unwrap();
        (outer, folder)
    }

    fn mirror(folder: &Folder) -> Mirror {
        Mirror::open(folder, MediumId::from_serial(42), PLACE.bytes).unwrap()
    }

    fn relation(folder: &Folder, device: &MemoryDevice, settled: Option<u64>) -> Relation {
        mirror(folder).relation(&survey(device, &PLACE).unwrap().records, chain(settled)).unwrap()
    }

    /// A folder whose mirror saw a medium with these records.
    fn saw(records: &[Vec<u8>]) -> (tempfile::TempDir, Folder) {
        let (outer, folder) = folder();
        let device = medium(records);
        let mut journal = open(&device);
        assert_eq!(relation(&folder, &device, None), Relation::New);
        journal.attach(mirror(&folder)).unwrap();
        (outer, folder)
    }

    #[test]
    fn a_medium_that_went_on_elsewhere_is_followed() {
        let (_outer, folder) = saw(&records(0..3, 0));
        let device = medium(&records(0..5, 0));
        assert_eq!(relation(&folder, &device, None), Relation::Medium { behind: 2 });
        let mut journal = open(&device);
        journal.attach(mirror(&folder)).unwrap();
        let committed = journal.append(&record(5, 0), Use::Keeps).unwrap();
        assert!(matches!(committed.mirrored, Mirrored::Yes));
        let reading = journal.reading().clone();
        drop(journal);
        assert_eq!(mirror(&folder).reading().unwrap(), Some(reading));
    }

    #[test]
    fn a_lost_tail_is_written_back_byte_for_byte() {
        let (_outer, folder) = saw(&records(0..5, 0));
        let (whole, device) = (medium(&records(0..5, 0)), medium(&records(0..3, 0)));
        let relation = relation(&folder, &device, None);
        assert_eq!(relation.to_string(), "2 records fewer than this computer last saw");
        let Relation::Mirror(lost) = relation else { panic!("{relation:?}") };
        open(&device).replay(&lost).unwrap();
        assert_eq!(device.snapshot(), whole.snapshot());
    }

    #[test]
    fn a_hole_is_filled_from_the_mirror() {
        let (_outer, folder) = saw(&records(0..5, 0));
        let (whole, device) = (medium(&records(0..5, 0)), medium(&records(0..5, 0)));
        for start in PLACE.starts {
            device.write_at(start + 2 * 512, &[0xff; 512]).unwrap();
        }
        let Relation::Mirror(lost) = relation(&folder, &device, None) else { panic!("no tail") };
        assert_eq!(lost, records(2..5, 0));
        open(&device).replay(&lost).unwrap();
        assert_eq!(device.snapshot(), whole.snapshot());
    }

    #[test]
    fn where_they_part_the_mirrors_branch_is_handed_out() {
        let (_outer, folder) = saw(&records(0..5, 0));
        let device = medium(&[records(0..3, 0), records(3..8, 1)].concat());
        let found = relation(&folder, &device, None);
        let told = "2 records from #3 on that this computer saw are not on the medium, \
                    which went on with others";
        assert_eq!(found.to_string(), told);
        assert_eq!(found, Relation::Parted { at: 3, branch: records(3..5, 0) });
        open(&device).attach(mirror(&folder)).unwrap();
        assert_eq!(relation(&folder, &device, None), Relation::Medium { behind: 0 });
    }

    #[test]
    fn a_checkpoint_wins_over_what_is_older() {
        let (_outer, folder) = saw(&records(0..5, 1));
        let device = medium(&records(0..7, 0));
        assert_eq!(relation(&folder, &device, Some(4)), Relation::Settled);
        assert_eq!(
            relation(&folder, &device, Some(2)),
            Relation::Parted { at: 3, branch: records(3..5, 1) }
        );
    }

    #[test]
    fn a_medium_far_behind_is_told_by_how_much() {
        let (_outer, folder) = saw(&[vec![vec![7; 10]], records(6..9, 0)].concat());
        let device = medium(&records(0..3, 0));
        let found = relation(&folder, &device, None);
        assert_eq!(found.to_string(), "6 records fewer than this computer last saw");
        assert_eq!(found, Relation::Apart { fewer: 6, branch: records(6..9, 0) });
    }

    #[test]
    fn a_new_generation_is_mirrored_and_replayed_into() {
        let (_outer, folder) = folder();
        let device = medium(&records(0..5, 0));
        let mut journal = open(&device);
        journal.attach(mirror(&folder)).unwrap();
        let head = sha256(&record(2, 0));
        let carry = Carry { head, checkpoint: &[vec![0xcc; 40]], outside: &[record(1, 0)] };
        let mirrored = journal.compact(&carry, &mut Kept(vec![])).unwrap();
        assert!(matches!(mirrored, Mirrored::Yes));
        let before = device.snapshot();
        let _ = journal.append(&record(5, 0), Use::Keeps).unwrap();
        drop(journal);
        let whole = device.snapshot();
        let old = MemoryDevice::from_bytes(before);
        let Relation::Mirror(lost) = relation(&folder, &old, Some(2)) else { panic!("no tail") };
        open(&old).replay(&lost).unwrap();
        assert_eq!(old.snapshot(), whole);
    }

    #[test]
    fn a_generation_that_the_medium_lost_is_forgotten() {
        let (_outer, folder) = folder();
        let device = medium(&records(0..5, 0));
        let old = MemoryDevice::from_bytes(device.snapshot());
        let mut journal = open(&device);
        journal.attach(mirror(&folder)).unwrap();
        let head = sha256(&record(2, 0));
        let carry = Carry { head, checkpoint: &[vec![0xcc; 40]], outside: &[] };
        let _ = journal.compact(&carry, &mut Kept(vec![])).unwrap();
        let _ = journal.append(&record(5, 0), Use::Keeps).unwrap();
        drop(journal);
        let mut journal = open(&old);
        let _ = journal.append(&record(5, 1), Use::Keeps).unwrap();
        let parted = Relation::Parted { at: 5, branch: records(5..6, 0) };
        assert_eq!(relation(&folder, &old, None), parted);
        journal.attach(mirror(&folder)).unwrap();
        drop(journal);
        assert_eq!(relation(&folder, &old, None), Relation::Medium { behind: 0 });
    }

    #[test]
    fn two_copies_of_a_medium_do_not_share_a_mirror() {
        let (_outer, folder) = folder();
        let held = mirror(&folder);
        let second = Mirror::open(&folder, MediumId::from_serial(42), PLACE.bytes).unwrap_err();
        assert!(second.to_string().contains(": in use by "), "{second}");
        drop(held);
        assert!(Mirror::open(&folder, MediumId::from_serial(42), PLACE.bytes).is_ok());
    }

    #[test]
    fn a_mirror_that_fails_never_blocks() {
        let (device, other) = (medium(&records(0..2, 0)), MemoryDevice::zeroed(32 << 10));
        let mut journal = open(&device);
        journal.attach(Mirror::on(Box::new(Stopping::new(other, StopAt::Write(1))))).unwrap();
        let failed = journal.append(&record(2, 0), Use::Keeps).unwrap();
        assert!(matches!(failed.mirrored, Mirrored::Failed(_)));
        let without = journal.append(&record(3, 0), Use::Keeps).unwrap();
        assert!(matches!(without.mirrored, Mirrored::Without));
        assert_eq!(read(&device, &PLACE).unwrap().records, records(0..4, 0));
    }

    #[test]
    fn a_commit_costs_two_writes_and_flushes_and_a_mirror_one_more() {
        let device = Counted::new(medium(&records(0..2, 0)));
        let mut journal = Journal::open(&device, PLACE, RamKind::Rewritable).unwrap();
        let before = device.counts();
        let _ = journal.append(&[1; 400], Use::Keeps).unwrap();
        let cost = device.counts() - before;
        assert_eq!((cost.writes, cost.flushes, cost.reads), (2, 2, 0));
        assert_eq!(cost.written_bytes, 1024);
    }
}
