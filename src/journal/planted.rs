//! Faults that tests plant, to see that the crash tests find them.

/// What is done wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Frames count without their checksum.
    NoCrc,
    /// A record is released before it lies in both copies.
    ReleaseBeforeFlush,
    /// Copy B is written and never flushed.
    BWithoutFlush,
    /// Copy B is written before copy A was flushed, and only B's flush is waited for.
    AWithoutFlush,
    /// Copy A alone is written.
    OneCopy,
    /// What a copy lacks is never written into it.
    NoRepair,
    /// Copy B is repaired while copy A's repair is still in flight.
    RepairTogether,
    /// The longest row of frames counts, whatever its generation.
    LongestGeneration,
    /// Frame 0 is written before what is carried, and a generation counts by it alone.
    OpeningFirst,
    /// The old bank is erased before the new one counts.
    OldBankErased,
    /// A broken-off compaction's generation is given out again, and frames count by their place
    /// alone.
    StaleFrames,
    /// Frames count by place and index, whichever frame they follow, and a loss is accepted without
    /// wiping what stands behind it.
    NoLink,
}

/// Whether a fault is planted in this thread.
#[cfg(not(test))]
pub(super) const fn planted(_: Fault) -> bool {
    false
}

#[cfg(test)]
pub(super) use planting::{planted, with};

#[cfg(test)]
mod planting {
    use std::cell::Cell;

    use super::Fault;

    thread_local! {
        static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    pub(in super::super) fn planted(fault: Fault) -> bool {
        PLANTED.get() == Some(fault)
    }

    /// Do something with a fault planted in this thread.
    pub(in super::super) fn with<R>(fault: Fault, work: impl FnOnce() -> R) -> R {
        PLANTED.set(Some(fault));
        let done = work();
        PLANTED.set(None);
        done
    }
}
