//! What becomes of a former owner's bytes.

use std::ops::{ControlFlow, Range};
use std::str::FromStr;

use super::{AlignedBuffer, ClearOutcome, Clearing, DeviceError, Target};

/// Progress is told, and a stop is heeded, after as much as this.
const PIECE_BYTES: u64 = 64 << 20;
/// Zeros are written in pieces of this length where the storage can't clear itself.
const WRITE_BYTES: u64 = 1 << 20;

/// What to do with bytes that a burn doesn't write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scrub {
    /// Leave them.
    None,
    /// Have the storage forget them; refused where it can't.
    Discard,
    /// Overwrite them with zeros, by the storage itself where it can.
    Zero,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scrubbed {
    /// The bytes were left.
    Left,
    /// The storage forgot them, and reads zeros in their place.
    Discarded,
    /// The storage zeroed them itself.
    ZeroedByDevice,
    /// Zeros were written.
    ZerosWritten,
}

/// Why a range was not scrubbed.
#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    /// The storage has no command to forget bytes.
    #[error("this storage can't discard: bytes {} to {} are left as they are", range.start, range.end)]
    NoDiscard {
        /// What was to be discarded.
        range: Range<u64>,
    },
    /// Somebody asked to stop.
    #[error("scrubbing stopped after {done} of {count} bytes")]
    Stopped {
        /// Bytes done.
        done: u64,
        /// Bytes asked for.
        count: u64,
    },
    /// The storage failed.
    #[error("scrubbing: {0}")]
    Device(#[from] DeviceError),
}

/// Scrub a range of a target, and make it durable.
///
/// `progress` is told how many bytes are done and may ask to stop.
pub fn scrub(
    target: &impl Target,
    range: Range<u64>,
    scrub: Scrub,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Scrubbed, ScrubError> {
    let clearing = match scrub {
        Scrub::None => return Ok(Scrubbed::Left),
        Scrub::Discard => Clearing::Discard,
        Scrub::Zero => Clearing::Zero,
    };
    let count = range.end.saturating_sub(range.start);
    let mut how = None;
    let mut done = 0;
    while done < count {
        let at = range.start + done;
        let piece = PIECE_BYTES.min(count - done);
        let cleared = how != Some(Scrubbed::ZerosWritten)
            && target.clear(at, piece, clearing)? == ClearOutcome::Cleared;
        match (cleared, clearing) {
            (true, Clearing::Discard) => how = Some(Scrubbed::Discarded),
            (true, Clearing::Zero) => how = how.or(Some(Scrubbed::ZeroedByDevice)),
            (false, Clearing::Discard) => return Err(ScrubError::NoDiscard { range }),
            (false, Clearing::Zero) => {
                write_zeros(target, at, piece)?;
                how = Some(Scrubbed::ZerosWritten);
            }
        }
        done += piece;
        if progress(done).is_break() && done < count {
            return Err(ScrubError::Stopped { done, count });
        }
    }
    target.flush()?;
    Ok(how.unwrap_or(Scrubbed::Left))
}

fn write_zeros(target: &impl Target, start: u64, count: u64) -> Result<(), DeviceError> {
    let len = usize::try_from(WRITE_BYTES.min(count)).expect("a small piece");
    let zeros = AlignedBuffer::new(len);
    let mut done = 0;
    while done < count {
        let piece = (len as u64).min(count - done);
        let bytes = usize::try_from(piece).expect("a small piece");
        target.write_at(start + done, &zeros[..bytes])?;
        done += piece;
    }
    Ok(())
}

/// The text is neither `none`, `discard` nor `zero`.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no way to scrub; these are: none, discard, zero")]
pub struct ScrubWayError(String);

impl FromStr for Scrub {
    type Err = ScrubWayError;

    fn from_str(text: &str) -> Result<Self, ScrubWayError> {
        match text {
            "none" => Ok(Self::None),
            "discard" => Ok(Self::Discard),
            "zero" => Ok(Self::Zero),
            _ => Err(ScrubWayError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::{PIECE_BYTES, Scrub, ScrubError, Scrubbed, scrub};
    use crate::device::simulated::{Counted, Counts, Volatile};
    use crate::device::{Device, MemoryDevice};

    const START: u64 = 4096;
    const COUNT: u64 = PIECE_BYTES + WHOLE_END;
    const WHOLE_END: u64 = 100 * 512;

    fn bytes_of(device: &impl Device) -> (u8, bool, u8) {
        let mut bytes = vec![1; usize::try_from(START + COUNT + 512).unwrap()];
        device.read_at(0, &mut bytes).unwrap();
        let start = usize::try_from(START).unwrap();
        let end = usize::try_from(START + COUNT).unwrap();
        (bytes[start - 1], bytes[start..end].iter().all(|byte| *byte == 0), bytes[end])
    }

    fn len() -> usize {
        usize::try_from(START + COUNT + 512).unwrap()
    }

    #[test]
    fn storage_that_can_clears_itself() {
        for (how, expected) in
            [(Scrub::Discard, Scrubbed::Discarded), (Scrub::Zero, Scrubbed::ZeroedByDevice)]
        {
            let target = Counted::new(MemoryDevice::filled(len(), 0xA5));
            let mut told = Vec::new();
            let done = scrub(&target, START..START + COUNT, how, |done| {
                told.push(done);
                ControlFlow::Continue(())
            });
            assert_eq!(done.unwrap(), expected);
            assert_eq!(told, [PIECE_BYTES, COUNT]);
            assert_eq!(bytes_of(&target), (0xA5, true, 0xA5));
            let counts = target.counts();
            assert_eq!((counts.writes, counts.clears, counts.flushes), (0, 2, 1));
        }
    }

    #[test]
    fn storage_that_cannot_is_written_or_discarding_is_refused() {
        let target = Counted::new(Volatile::filled(len(), 0xA5));
        let go_on = |_| ControlFlow::Continue(());
        let refused = scrub(&target, START..START + COUNT, Scrub::Discard, go_on).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "this storage can't discard: bytes 4096 to 67164160 are left as they are"
        );
        assert_eq!(bytes_of(&target), (0xA5, false, 0xA5));
        let before = target.counts();
        let done = scrub(&target, START..START + COUNT, Scrub::Zero, go_on).unwrap();
        assert_eq!((done, bytes_of(&target)), (Scrubbed::ZerosWritten, (0xA5, true, 0xA5)));
        let counts = target.counts() - before;
        assert_eq!((counts.writes, counts.written_bytes, counts.clears), (65, COUNT, 1));
    }

    #[test]
    fn nothing_asked_is_nothing_done() {
        let target = Counted::new(MemoryDevice::filled(512, 1));
        let go_on = |_| ControlFlow::Continue(());
        assert_eq!(scrub(&target, 0..512, Scrub::None, go_on).unwrap(), Scrubbed::Left);
        assert_eq!(target.counts(), Counts::default());
    }

    #[test]
    fn a_stop_is_heeded_between_pieces() {
        let target = MemoryDevice::filled(len(), 1);
        let refused = scrub(&target, 0..COUNT, Scrub::Zero, |_| ControlFlow::Break(()));
        let Err(ScrubError::Stopped { done, count }) = refused else { panic!("{refused:?}") };
        assert_eq!((done, count), (PIECE_BYTES, COUNT));
    }

    #[test]
    fn ways_are_a_closed_set() {
        assert_eq!("discard".parse::<Scrub>().unwrap(), Scrub::Discard);
        let refused = "shred".parse::<Scrub>().unwrap_err().to_string();
        assert_eq!(refused, "\"shred\" is no way to scrub; these are: none, discard, zero");
    }
}
