//! Going through a body: writing it, reading it back, finding where an earlier burn stopped.

use std::ops::Range;
use std::sync::mpsc;

use super::body::{Burn, length, total};
use super::burn::{BurnError, device};
use super::leaves::Watch;
use crate::device::{AlignedBuffer, Target};

/// Flushed after so many bytes, so that progress speaks of what is on the device.
const FLUSH_BYTES: u64 = 64 << 20;
/// Chunks that wait between two stages.
const QUEUE: usize = 3;

impl Burn<'_> {
    /// Write pieces; one thread fills the next ones while the device writes.
    pub(super) fn write(
        &self,
        target: &dyn Target,
        pieces: &[Range<u64>],
        watch: &dyn Watch,
    ) -> Result<(), BurnError> {
        let total = total(pieces);
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
    pub(super) fn read_back(
        &self,
        target: &dyn Target,
        pieces: &[Range<u64>],
        watch: &dyn Watch,
    ) -> Result<(), BurnError> {
        let (mut done, total) = (0, total(pieces));
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
    pub(super) fn first_difference(
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

fn stop_if_asked(watch: &dyn Watch) -> Result<(), BurnError> {
    if watch.stopped() { Err(BurnError::Interrupted) } else { Ok(()) }
}
