//! The settler's statement of a medium's settled state.

use super::certificate::Chain;
use super::field::{Bytes, Field, Mismatch, Reader, record};
use super::objects;
use super::record::EventId;
use super::sheet::SheetId;
use super::transfer::TransferId;
use crate::crypto::sign::PublicKey;
use crate::units::{Amount, ByteCount, MediumId, Sequence, Timestamp};

record! {
    /// A transfer that is not complete.
    pub struct OpenTransfer {
        /// The transfer.
        1 => transfer: TransferId,
        /// SHA-256 over its newest signed download-start.
        2 => start: [u8; 32],
        /// What is reserved for its open segment; 0 where none is open.
        3 => reserved: Amount,
        /// Verified bytes that are charged.
        4 => covered: ByteCount,
    }
}

record! {
    /// Codes of a sheet that were credited.
    pub struct UsedSlots {
        /// The sheet.
        1 => sheet: SheetId,
        /// Bit `slot % 8` of byte `slot / 8` stands for a slot.
        2 => slots: [u8; 13],
    }
}

record! {
    /// A voucher that was credited and is not expired.
    pub struct UsedVoucher {
        /// The voucher.
        1 => id: [u8; 16],
        /// The record that credited it.
        2 => seq: Sequence,
        /// When.
        3 => at: Timestamp,
    }
}

record! {
    /// The accounting events that were settled since a checkpoint.
    pub struct SettledSince {
        /// That checkpoint's number; 0 for the medium's beginning. A chain whose newest checkpoint
        /// is older can't merge by this list: it would count what lies between once more.
        1 => number: u64,
        /// SHA-256 over the events, ascending.
        2 => events: [u8; 32],
    }
}

record! {
    /// A medium's settled state at a head; signed by a settler.
    pub struct Checkpoint {
        /// The medium.
        1 => medium: MediumId,
        /// From 1, without gaps for each medium.
        2 => number: u64,
        /// SHA-256 over the signed checkpoint before; over the signed medium certificate for the first.
        3 => prev: [u8; 32],
        /// Sequence of the newest record that is settled.
        4 => seq: Sequence,
        /// SHA-256 over that record.
        5 => head: [u8; 32],
        /// The key whose signature counts from then on.
        6 => holder: PublicKey,
        /// What may be spent, minor units.
        7 => settled: Amount,
        /// Earned and not vested yet, minor units.
        8 => provisional: Amount,
        /// Lacking, to be taken from later top-ups, minor units.
        9 => debt: Amount,
        /// Transfers that are not complete.
        10 => open: Bounded<OpenTransfer, 16>,
        /// Codes that were credited, for each live sheet.
        11 => slots: Bounded<UsedSlots, 2>,
        /// Vouchers that were credited and are not expired.
        12 => vouchers: Bounded<UsedVoucher, 48>,
        /// Accounting events that are settled and not at or below the head.
        13 => counted: Bounded<EventId, 48>,
        /// Exceptions that are cleared, by the hash of their records.
        14 => cleared: Bounded<[u8; 32], 16>,
        /// Exceptions at or below the head that are not, by the hash of their records.
        15 => exceptions: Bounded<[u8; 32], 16>,
        /// Number of the newest policy.
        16 => policy: u64,
        /// Number of the newest revocation list; 0 where there is none.
        17 => revocation: u64,
        /// What was known then is in it; a source of the time floor.
        18 => as_of: Timestamp,
        /// What a branch that the head isn't on has to leave out when it merges.
        19 => settled_since: Option<SettledSince>,
        /// SHA-256 over each file that goes with it: sheets, lists, policy.
        20 => attachments: Bounded<[u8; 32], 8>,
    }
}

record! {
    /// A checkpoint on its way to its medium, with all that goes with it.
    pub struct CheckpointFile {
        /// The signed checkpoint.
        1 => checkpoint: Bytes,
        /// Its settler's chain.
        2 => chain: Chain,
        /// The accounting events that it names by its `settled_since`, ascending.
        3 => settled_since: Option<Bounded<EventId, 1024>>,
        /// The files that it names, in its order: signed sheets, revocation, policy.
        4 => attachments: Bounded<Bytes, 8>,
    }
}

/// An array of at most `MOST` items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounded<T, const MOST: usize>(pub Vec<T>);

impl<T, const MOST: usize> Default for Bounded<T, MOST> {
    fn default() -> Self {
        Self(vec![])
    }
}

impl<T: Field, const MOST: usize> Field for Bounded<T, MOST> {
    fn to_value(&self) -> ciborium::Value {
        self.0.to_value()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        let found = reader.array()?;
        if found > MOST as u64 {
            return Err(Mismatch::new(format!("{found} items, limit {MOST}")));
        }
        reader.items(found).map(Self)
    }
}

objects! {
    Checkpoint => Checkpoint,
    CheckpointFile => CheckpointFile,
}
