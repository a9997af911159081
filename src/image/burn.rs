//! Burning: the order of writes in which a torn medium never looks whole.
//!
//! 1. First and last MiB zeroed, flushed: whatever was there lists no partition any more.
//! 2. If asked for: a former owner's bytes discarded or overwritten, and a probe of blocks spread
//!    over the device, for capacity that isn't there.
//! 3. The body (ROM, SEAL, the writable volume's own blocks), flushed, read back from the device
//!    itself and compared. What the probe left beside the body must have outlasted it.
//! 4. The backup partition table, flushed; entries and header, flushed; the protective MBR, flushed.
//!
//! A burn that broke off is taken up where the medium stops being what it is to be.

use std::ops::{ControlFlow, Range};

pub use super::body::{Burn, Fault};
use super::body::{joined, length, total};
use super::gpt::Tables;
use super::layout::ALIGN_BYTES;
use super::leaves::Watch;
use super::tree::BLOCK_BYTES;
use crate::device::{
    AlignedBuffer, Device, DeviceError, Probe, ProbeError, Scrub, ScrubError, Target, scrub,
};
use crate::fat;

/// Why a medium was not burnt.
#[derive(Debug, thiserror::Error)]
pub enum BurnError {
    /// The target is too small.
    #[error("the target has {found} bytes, the edition needs {needed}")]
    TooSmall {
        /// Its length.
        found: u64,
        /// Length needed.
        needed: u64,
    },
    /// The target's length is no multiple of the sector size.
    #[error("the target has {0} bytes, which is no multiple of 512")]
    Sectors(u64),
    /// The target could not be written or read.
    #[error("{doing}: {source}")]
    Device {
        /// Gerund.
        doing: &'static str,
        /// What went wrong.
        source: DeviceError,
    },
    /// The edition could not be read.
    #[error("reading the edition: {0}")]
    Edition(DeviceError),
    /// The edition's file is no longer what was verified.
    #[error("block {block} of the edition's file has changed since it was verified")]
    EditionChanged {
        /// The block of 4,096 bytes.
        block: u64,
    },
    /// The volume could not be filled.
    #[error("{0}")]
    Fill(#[from] fat::ReadError),
    /// The storage is not what it says it is.
    #[error(transparent)]
    Probe(ProbeError),
    /// The storage wraps: what was written to one place landed on another, too.
    #[error("fake capacity: claims {claims} bytes, holds {holds} at most (block {block} \
             was overwritten{})", overwriter(*by))]
    Wraps {
        /// The block of 4,096 bytes that was overwritten.
        block: u64,
        /// The block whose data is there now, if that can be told.
        by: Option<u64>,
        /// What the storage holds at most, in bytes.
        holds: u64,
        /// What it claims, in bytes.
        claims: u64,
    },
    /// A former owner's bytes could not be cleared.
    #[error(transparent)]
    Scrub(ScrubError),
    /// What was read back is not what was written.
    #[error("reading back: {place}, blocks {first} to {last}: {fault}")]
    ReadBack {
        /// The file, or what lies there.
        place: String,
        /// First bad 4,096-byte block of the medium.
        first: u64,
        /// Last bad block of that run.
        last: u64,
        /// What is wrong with the first of them.
        fault: Box<Fault>,
    },
    /// The body was read back before, but not from this storage.
    #[error("the medium was burnt to other storage: what begins at block {block} differs")]
    OtherStorage {
        /// The first block of 4,096 bytes of the stretch that differs.
        block: u64,
    },
    /// The body is right, but whoever follows the burn held back the partition tables.
    #[error("{0}")]
    Held(Held),
    /// The work was asked to stop; the medium lists no partition.
    #[error("interrupted")]
    Interrupted,
}

/// Why a medium whose body is right may not become whole.
pub type Held = Box<dyn std::error::Error + Send + Sync>;

fn overwriter(by: Option<u64>) -> String {
    by.map_or_else(String::new, |block| format!(" by what was written to block {block}"))
}

/// What is done to a target, for progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Clearing a former owner's bytes.
    Clearing,
    /// Finding out whether the storage is what it says it is.
    Probing,
    /// Finding out how far an earlier burn came.
    Resuming,
    /// Writing the body.
    Writing,
    /// Reading it back.
    ReadingBack,
    /// Writing the partition tables.
    Finishing,
}

/// Follows one target.
pub trait Follow: Sync {
    /// A step began that goes through so many bytes.
    fn step(&self, step: Step, total: u64);

    /// Bytes done in this step, and whether to stop.
    fn watch(&self) -> &dyn Watch;

    /// The body was read back and is right. The partition tables are written once this returned
    /// `Ok`: what must be known of a medium before it can look whole is to be kept here.
    fn verified(&self) -> Result<(), Held> {
        Ok(())
    }
}

/// Whether an earlier burn of this very medium may lie on the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Write everything.
    Fresh,
    /// Keep what is there and right.
    Resumed,
    /// The body was read back already, so the medium may look whole by now: only the tables may be
    /// missing. Anything else is other storage, and is left as it is.
    Verified,
}

impl Burn<'_> {
    /// Refuse a target that can't take the edition.
    pub fn check_target(&self, target: &dyn Device) -> Result<(), BurnError> {
        let (found, needed) = (target.len_bytes(), self.layout().medium_bytes());
        if found < needed {
            return Err(BurnError::TooSmall { found, needed });
        }
        if found % 512 != 0 {
            return Err(BurnError::Sectors(found));
        }
        Ok(())
    }

    /// Burn the medium, read it back, and only then make it look whole.
    pub fn run(
        &self,
        target: &dyn Target,
        care: &Care<'_>,
        follow: &dyn Follow,
    ) -> Result<(), BurnError> {
        self.check_target(target)?;
        let pieces = self.pieces();
        if care.start == Start::Verified {
            follow.step(Step::Resuming, self.body_bytes());
            let first = self.first_difference(target, &pieces, follow.watch())?;
            if let Some(piece) = pieces.get(first) {
                return Err(BurnError::OtherStorage { block: piece.start / BLOCK_BYTES as u64 });
            }
            follow.verified().map_err(BurnError::Held)?;
            return self.finish(target);
        }
        blank(target)?;
        let beside = care.probe.map(|probe| probe.beside(&with_front(&pieces)));
        let first = match care.start {
            Start::Fresh => prepare(target, care, follow).map(|()| 0)?,
            Start::Resumed | Start::Verified => {
                follow.step(Step::Resuming, self.body_bytes());
                self.first_difference(target, &pieces, follow.watch())?
            }
        };
        if let Some(beside) = &beside {
            beside.write(&target).map_err(BurnError::Probe)?;
        }
        follow.step(Step::Writing, total(&pieces[first..]));
        self.write(target, &pieces[first..], follow.watch())?;
        follow.step(Step::ReadingBack, self.body_bytes());
        self.read_back(target, &pieces, follow.watch())?;
        if let Some(beside) = &beside {
            self.check_beside(target, beside)?;
        }
        follow.step(Step::Finishing, 0);
        follow.verified().map_err(BurnError::Held)?;
        self.finish(target)
    }

    /// What the body leaves alone must still be what it was: storage that wraps has overwritten it.
    fn check_beside(&self, target: &dyn Target, beside: &Probe) -> Result<(), BurnError> {
        self.check_edge(target, 0)?;
        beside.check(&target).map_err(|error| self.explain(target, error))?;
        beside.erase(&target).map_err(device("clearing"))?;
        target.flush().map_err(device("clearing"))?;
        self.check_edge(target, target.len_bytes() - ALIGN_BYTES)
    }

    /// First and last MiB are zero until the tables are written.
    fn check_edge(&self, target: &dyn Target, start: u64) -> Result<(), BurnError> {
        let mut edge = AlignedBuffer::new(length(&(0..ALIGN_BYTES)));
        target.read_back_at(start, &mut edge).map_err(device("reading back"))?;
        let Some(at) = edge.iter().position(|byte| *byte != 0) else { return Ok(()) };
        let by = self.twin(&edge[at - at % BLOCK_BYTES..][..BLOCK_BYTES]);
        let (block, claims) = ((start + at as u64) / BLOCK_BYTES as u64, target.len_bytes());
        Err(BurnError::Wraps { block, by, holds: claims - ALIGN_BYTES, claims })
    }

    /// Say which block of the body lies where a probed block was.
    fn explain(&self, target: &dyn Target, error: ProbeError) -> BurnError {
        let wrong = match &error {
            ProbeError::FakeCapacity { wrong, .. } | ProbeError::Dying { wrong, .. } => {
                wrong[0].offset
            }
            ProbeError::Device(_) => return BurnError::Probe(error),
        };
        let mut found = [0; BLOCK_BYTES];
        let twin = match target.read_back_at(wrong, &mut found) {
            Ok(_) => self.twin(&found),
            Err(source) => return BurnError::Device { doing: "reading back", source },
        };
        let block = BLOCK_BYTES as u64;
        twin.filter(|twin| twin * block < wrong).map_or(BurnError::Probe(error), |twin| {
            let holds = wrong - twin * block;
            BurnError::Wraps {
                block: wrong / block,
                by: Some(twin),
                holds,
                claims: target.len_bytes(),
            }
        })
    }

    /// Backup table, flush; primary table, flush; MBR, flush. Then both are read back.
    fn finish(&self, target: &dyn Target) -> Result<(), BurnError> {
        let len = target.len_bytes();
        let tables = Tables::new(self.layout(), &self.stamped.names, len);
        let backup = Tables::backup_offset(len);
        for (offset, bytes) in [
            (backup, &tables.backup[..]),
            (512, &tables.primary[512..]),
            (0, &tables.primary[..512]),
        ] {
            target.write_at(offset, bytes).map_err(device("writing the partition table"))?;
            target.flush().map_err(device("flushing the partition table"))?;
        }
        for (offset, bytes) in [(0, &tables.primary), (backup, &tables.backup)] {
            let mut found = vec![0; bytes.len()];
            target.read_back_at(offset, &mut found).map_err(device("reading back"))?;
            if found != *bytes {
                let first = offset / BLOCK_BYTES as u64;
                let last = (offset + bytes.len() as u64 - 1) / BLOCK_BYTES as u64;
                let place = "partition table".to_owned();
                let fault = Box::new(self.fault(&found, bytes));
                return Err(BurnError::ReadBack { place, first, last, fault });
            }
        }
        Ok(())
    }
}

/// How a target is treated.
#[derive(Clone, Copy)]
pub struct Care<'a> {
    /// Whether an earlier burn of this very medium may lie on it.
    pub start: Start,
    /// Finds capacity that isn't there.
    pub probe: Option<&'a Probe>,
    /// What becomes of a former owner's bytes.
    pub scrub: Scrub,
}

impl Care<'_> {
    /// Write everything, probe nothing, clear nothing.
    pub const FRESH: Self = Self { start: Start::Fresh, probe: None, scrub: Scrub::None };
}

/// Treat what was on a target before as the care says, and probe it.
fn prepare(target: &dyn Target, care: &Care<'_>, follow: &dyn Follow) -> Result<(), BurnError> {
    let between = ALIGN_BYTES..target.len_bytes() - ALIGN_BYTES;
    let total = between.end - between.start;
    if care.scrub != Scrub::None {
        follow.step(Step::Clearing, total);
    }
    let watch = follow.watch();
    scrub(&target, between, care.scrub, |done| {
        watch.progress(done, total);
        if watch.stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .map_err(|error| match error {
        ScrubError::Stopped { .. } => BurnError::Interrupted,
        error => BurnError::Scrub(error),
    })?;
    if let Some(probe) = care.probe {
        follow.step(Step::Probing, 0);
        probe.run(&target).map_err(BurnError::Probe)?;
        blank(target)?;
    }
    Ok(())
}

/// The body's stretches, the first from the medium's start on: a probe leaves both alone.
fn with_front(pieces: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut stretches = joined(pieces);
    stretches[0].start = 0;
    stretches
}

/// Make a device list no partition: zero its first and last MiB.
pub fn blank(target: &dyn Device) -> Result<(), BurnError> {
    let zeros = vec![0; length(&(0..ALIGN_BYTES))];
    for offset in [0, target.len_bytes() - ALIGN_BYTES] {
        target.write_at(offset, &zeros).map_err(device("clearing"))?;
    }
    target.flush().map_err(device("clearing"))
}

pub(super) fn device(doing: &'static str) -> impl Fn(DeviceError) -> BurnError {
    move |source| BurnError::Device { doing, source }
}
