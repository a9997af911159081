//! Design faults that tests plant, to see that the model finds each of them.

/// What is decided wrongly on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A code or voucher is credited as often as it is entered.
    CreditAgain,
    /// A checkpoint's list of credited codes is not taken over.
    ForgetUsed,
    /// What is reserved for a download may be spent too.
    NoReserve,
    /// Fees may be spent before they are settled.
    FeesAtOnce,
    /// Nothing limits what is spent at partners.
    NoCap,
    /// Before the first checkpoint the cap of later applies.
    NoStarterCap,
    /// The store-made key signs everything.
    StoreKeySpends,
    /// The holder key is changed as often as someone asks.
    RekeyAgain,
    /// Records by a key that was replaced count.
    RetiredKey,
    /// Events are what the signer says, wherever the record stands.
    LooseEvents,
    /// An older checkpoint is taken over again.
    OldCheckpoint,
    /// A merge forgets the own records that are not settled.
    MergeForgets,
    /// A merge counts own records that are settled once more.
    MergeRepeats,
    /// The settlement looks at the longest branch alone.
    LongestBranch,
    /// The settlement adds up every branch whole.
    SumOfBranches,
    /// Whoever has two branches is frozen.
    FreezeForks,
    /// What two branches lack before the first checkpoint is the owner's debt.
    StarterDebt,
    /// What was revoked counts, although the list has arrived.
    RevokedCounts,
    /// Of two rekeys the later one stands.
    LatestRekey,
}

/// Whether a fault is planted in this thread.
#[cfg(not(test))]
pub(super) const fn planted(_: Fault) -> bool {
    false
}

#[cfg(test)]
pub(super) use planting::{plant, planted};

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

    /// Plant a fault in this thread, or none.
    pub(in super::super) fn plant(fault: Option<Fault>) {
        PLANTED.set(fault);
    }
}
