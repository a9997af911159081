//! What a medium's records add up to.

use std::collections::{BTreeMap, BTreeSet};

use super::planted::{Fault, planted};
use crate::crypto::sign::{KeyId, PublicKey};
use crate::format::checkpoint::Checkpoint;
use crate::format::record::EventId;
use crate::format::transfer::{Partner, Terms, TransferId};
use crate::trust::Verified;
use crate::units::{Amount, ByteCount, MediumId, Sequence, Timestamp};

/// Whose key signs the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyLife {
    /// The store made it: it may sign genesis, the burn's own top-up and one rekey.
    StoreMade,
    /// The owner made it.
    Owners,
}

/// The record by which the owner's key took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rekeyed {
    /// Its sequence.
    pub seq: Sequence,
    /// The owner's key: two rekeys to one key are one owner's.
    pub key: PublicKey,
}

/// An unbroken stretch of a download with one partner, not closed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its download-start.
    pub start: Sequence,
    /// SHA-256 over that record.
    pub hash: [u8; 32],
    /// Who sends.
    pub partner: Partner,
    /// The accounting event that will close it.
    pub event: EventId,
    /// Its greatest charge.
    pub reserved: Amount,
}

/// A download that is not complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its terms.
    pub terms: Terms,
    /// The item.
    pub content: String,
    /// Verified bytes that are charged.
    pub covered: ByteCount,
    /// Its open segment.
    pub open: Option<Segment>,
    /// Sequence of its newest download-start.
    pub start: Sequence,
    /// SHA-256 over that record.
    pub hash: [u8; 32],
}

/// The newest segment of an upload whose fee is not earned yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its terms.
    pub terms: Terms,
    /// The item.
    pub content: String,
    /// Who receives and pays.
    pub partner: Partner,
    /// The key that its receipts are signed by.
    pub key: PublicKey,
    /// Bytes that the partner had before.
    pub before: ByteCount,
    /// Bytes that the partner signed for; none while it is open.
    pub got: Option<ByteCount>,
}

/// What was spent at partners since the newest checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Exposure {
    /// Charges of closed segments.
    pub charged: Amount,
    /// Transfers that began.
    pub transfers: u64,
}

/// The newest checkpoint that a chain took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Settled {
    /// Its number.
    pub number: u64,
    /// SHA-256 over it.
    pub hash: [u8; 32],
    /// Sequence of the newest record that is settled.
    pub seq: Sequence,
    /// SHA-256 over that record.
    pub head: [u8; 32],
}

/// How a record's amount counts when a checkpoint is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// No money moved, or it is settled.
    Nothing,
    /// Added by a code or voucher, or taken by a purchase.
    Own,
    /// Taken by a segment of a download.
    AtPartner,
    /// Earned.
    Earned,
    /// Nothing moved, but a transfer began.
    Began,
}

/// A record since the newest checkpoint: what has to be added to that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// SHA-256 over the signed record.
    pub hash: [u8; 32],
    /// Its accounting event.
    pub event: Option<EventId>,
    /// What it added or took, minor units.
    pub amount: i64,
    /// How that counts.
    pub effect: Effect,
}

/// The state of a medium after a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The medium.
    pub medium: MediumId,
    /// The key whose signature counts for the next record.
    pub holder: PublicKey,
    /// Whose key that is.
    pub life: KeyLife,
    /// When that became so, if it stands on this chain.
    pub rekey: Option<Rekeyed>,
    /// SHA-256 over the newest signed record; over the signed medium certificate before the first.
    pub head: [u8; 32],
    /// Sequence of the next record.
    pub next: Sequence,
    /// All that is on the medium, what is reserved and what is provisional included.
    pub balance: Amount,
    /// The part of it that was earned and is not vested yet.
    pub provisional: Amount,
    /// What is lacking, and is taken from the next top-ups.
    pub debt: Amount,
    /// All that codes and vouchers credited on this chain.
    pub loaded: Amount,
    /// The time floor; none before a record states one.
    pub floor: Option<Timestamp>,
    /// Number of the policy that binds; 0 for the one that the medium was made under.
    pub policy: u64,
    /// Codes and vouchers that were credited, for ever.
    pub credited: BTreeSet<EventId>,
    /// Downloads that are not complete.
    pub transfers: BTreeMap<TransferId, Transfer>,
    /// Uploads whose fee is not earned yet.
    pub uploads: BTreeMap<TransferId, Upload>,
    /// What was spent at partners since the newest checkpoint.
    pub exposure: Exposure,
    /// Exceptions that are not cleared, by the hash of their records.
    pub exceptions: BTreeSet<[u8; 32]>,
    /// The newest checkpoint.
    pub checkpoint: Option<Settled>,
    /// Records since the newest settled one.
    pub tail: Vec<Step>,
    /// Sequence of the first of them.
    pub tail_from: Sequence,
    pub(super) signer: KeyId,
}

impl State {
    /// A medium before its genesis record: nothing but its certificate.
    pub fn blank(medium: MediumId, certificate: [u8; 32], holder: PublicKey) -> Self {
        Self {
            medium,
            holder,
            life: KeyLife::StoreMade,
            rekey: None,
            head: certificate,
            next: Sequence::FIRST,
            balance: Amount::ZERO,
            provisional: Amount::ZERO,
            debt: Amount::ZERO,
            loaded: Amount::ZERO,
            floor: None,
            policy: 0,
            credited: BTreeSet::new(),
            transfers: BTreeMap::new(),
            uploads: BTreeMap::new(),
            exposure: Exposure::default(),
            exceptions: BTreeSet::new(),
            checkpoint: None,
            tail: vec![],
            tail_from: Sequence::FIRST,
            signer: holder.key_id(),
        }
    }

    /// What open segments may still take.
    pub fn reserved(&self) -> Amount {
        let open = self.transfers.values().filter_map(|transfer| transfer.open.as_ref());
        let sum: u64 = open.map(|segment| segment.reserved.minor()).sum();
        Amount::from_minor(sum).expect("reserves are parts of the balance")
    }

    /// What may be spent: neither reserved nor provisional.
    pub fn free(&self) -> Amount {
        let provisional = if planted(Fault::FeesAtOnce) { Amount::ZERO } else { self.provisional };
        let held = self.reserved().minor() + provisional.minor();
        Amount::from_minor(self.balance.minor().saturating_sub(held)).expect("less than a balance")
    }

    /// The signed checkpoint that a next one has to continue; the medium certificate's hash is
    /// known to the caller before the first.
    pub fn continues(&self, checkpoint: &Verified<Checkpoint>) -> bool {
        match &self.checkpoint {
            Some(known) if checkpoint.number == known.number + 1 => checkpoint.prev == known.hash,
            Some(known) => checkpoint.number > known.number,
            None => checkpoint.number > 0,
        }
    }
}
