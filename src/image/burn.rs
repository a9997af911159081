//! Burning: the order of writes in which a torn medium never looks whole.
//!
//! 1. First and last MiB zeroed, flushed: whatever was there lists no partition any more.
//! 2. If asked for: a probe of blocks spread over the device, for capacity that isn't there; and a
//!    former owner's bytes discarded or overwritten.
//! 3. The body (ROM, SEAL, the writable volume's own blocks), flushed, read back from the device
//!    itself and compared. What the probe left behind the body is read once more.
//! 4. The backup partition table, flushed; entries and header, flushed; the protective MBR, flushed.
//!
//! A burn that broke off is taken up where the medium stops being what it is to be.

use std::ops::{ControlFlow, Range};
use std::sync::mpsc;

use super::body::length;
pub use super::body::{Burn, Fault};
use super::gpt::Tables;
use super::layout::ALIGN_BYTES;
use super::leaves::Watch;
use super::tree::BLOCK_BYTES;
use crate::device::{
    AlignedBuffer, Device, DeviceError, Probe, ProbeError, Scrub, ScrubError, Target, scrub,
};
use crate::fat;

/// Flushed after so many bytes, so that progress speaks of what is on the device.
const FLUSH_BYTES: u64 = 64 << 20;
/// Chunks that wait between two stages.
const QUEUE: usize = 3;

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
    /// The volume could not be filled.
    #[error("{0}")]
    Fill(#[from] fat::ReadError),
    /// The storage is not what it says it is.
    #[error("probing: {0}")]
    Probe(ProbeError),
    /// A former owner's bytes could not be cleared.
    #[error("clearing old bytes: {0}")]
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
    /// The work was asked to stop; the medium lists no partition.
    #[error("interrupted")]
    Interrupted,
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
}

/// Whether an earlier burn of this very medium may lie on the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Write everything.
    Fresh,
    /// Keep what is there and right.
    Resumed,
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
        let first = self.begin(target, &pieces, care, follow)?;
        follow.step(Step::Writing, self.body_bytes());
        self.write(target, &pieces[first..], follow.watch())?;
        follow.step(Step::ReadingBack, self.body_bytes());
        self.read_back(target, &pieces, follow.watch())?;
        follow.step(Step::Finishing, 0);
        if let (Some(probe), Start::Fresh) = (care.probe, care.start) {
            // Storage that wraps has overwritten itself by now.
            probe.check(&target, 0..self.layout().ram().end).map_err(BurnError::Probe)?;
            blank_end(target)?;
        }
        self.finish(target)
    }

    /// Make the target blank and find the first piece to write.
    fn begin(
        &self,
        target: &dyn Target,
        pieces: &[Range<u64>],
        care: &Care<'_>,
        follow: &dyn Follow,
    ) -> Result<usize, BurnError> {
        if care.start == Start::Resumed {
            follow.step(Step::Resuming, self.body_bytes());
            let first = self.first_difference(target, pieces, follow.watch())?;
            blank(target)?;
            return Ok(first);
        }
        blank(target)?;
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
        }
        Ok(0)
    }

    /// Write pieces; one thread fills the next ones while the device writes.
    fn write(
        &self,
        target: &dyn Target,
        pieces: &[Range<u64>],
        watch: &dyn Watch,
    ) -> Result<(), BurnError> {
        let total = pieces.iter().map(|piece| piece.end - piece.start).sum();
        let (mut done, mut unflushed) = (0, 0);
        let filled = |piece: &Range<u64>| {
            let mut bytes = vec![0; length(piece)];
            self.expected(piece.start, &mut bytes).map(|()| bytes)
        };
        pipeline(pieces, filled, |piece, bytes: Vec<u8>| {
            stop_if_asked(watch)?;
            target.write_at(piece.start, &bytes).map_err(device("writing"))?;
            done += bytes.len() as u64;
            unflushed += bytes.len() as u64;
            if unflushed >= FLUSH_BYTES {
                target.flush().map_err(device("flushing"))?;
                unflushed = 0;
            }
            watch.progress(done, total);
            Ok(())
        })?;
        target.flush().map_err(device("flushing"))
    }

    /// Read the body back from the device and compare; one thread reads ahead of the hashing.
    fn read_back(
        &self,
        target: &dyn Target,
        pieces: &[Range<u64>],
        watch: &dyn Watch,
    ) -> Result<(), BurnError> {
        let total = pieces.iter().map(|piece| piece.end - piece.start).sum();
        let mut done = 0;
        let read = |piece: &Range<u64>| {
            let mut bytes = AlignedBuffer::new(length(piece));
            let part = &mut bytes[..];
            target.read_back_at(piece.start, part).map_err(device("reading back"))?;
            Ok(bytes)
        };
        pipeline(pieces, read, |piece, bytes: AlignedBuffer| {
            stop_if_asked(watch)?;
            if let Some(bad) = self.first_bad(piece, &bytes)? {
                return Err(self.describe(piece, &bytes, bad));
            }
            done += bytes.len() as u64;
            watch.progress(done, total);
            Ok(())
        })
    }

    /// The index of the first piece that isn't on the target yet.
    fn first_difference(
        &self,
        target: &dyn Target,
        pieces: &[Range<u64>],
        watch: &dyn Watch,
    ) -> Result<usize, BurnError> {
        let (mut done, total) = (0, self.body_bytes());
        for (index, piece) in pieces.iter().enumerate() {
            stop_if_asked(watch)?;
            let mut bytes = AlignedBuffer::new(length(piece));
            target.read_back_at(piece.start, &mut bytes).map_err(device("reading back"))?;
            if self.first_bad(piece, &bytes)?.is_some() {
                return Ok(index);
            }
            done += bytes.len() as u64;
            watch.progress(done, total);
        }
        Ok(pieces.len())
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

/// Make a device list no partition: zero its first and last MiB.
pub fn blank(target: &dyn Device) -> Result<(), BurnError> {
    target.write_at(0, &vec![0; length(&(0..ALIGN_BYTES))]).map_err(device("clearing"))?;
    blank_end(target)
}

fn blank_end(target: &dyn Device) -> Result<(), BurnError> {
    let last = target.len_bytes() - ALIGN_BYTES;
    target.write_at(last, &vec![0; length(&(0..ALIGN_BYTES))]).map_err(device("clearing"))?;
    target.flush().map_err(device("clearing"))
}

/// Run `first` on each piece in a thread of its own, ahead of `second`; the first error ends both.
fn pipeline<T: Send>(
    pieces: &[Range<u64>],
    first: impl Fn(&Range<u64>) -> Result<T, BurnError> + Send,
    mut second: impl FnMut(&Range<u64>, T) -> Result<(), BurnError>,
) -> Result<(), BurnError> {
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(QUEUE);
        scope.spawn(move || {
            for piece in pieces {
                let made = first(piece);
                let last = made.is_err();
                // A closed channel means that the other end gave up.
                if sender.send(made).is_err() || last {
                    return;
                }
            }
        });
        pieces.iter().zip(receiver).try_for_each(|(piece, made)| second(piece, made?))
    })
}

fn device(doing: &'static str) -> impl Fn(DeviceError) -> BurnError {
    move |source| BurnError::Device { doing, source }
}

fn stop_if_asked(watch: &dyn Watch) -> Result<(), BurnError> {
    if watch.stopped() { Err(BurnError::Interrupted) } else { Ok(()) }
}
