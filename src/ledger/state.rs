//! What a medium's records add up to.

use std::collections::BTreeSet;

use crate::crypto::sign::PublicKey;
use crate::format::record::EventId;
use crate::units::{Amount, MediumId, Sequence, Timestamp};

/// The state of a medium after a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The medium.
    pub medium: MediumId,
    /// The key whose signature counts for the next record.
    pub holder: PublicKey,
    /// SHA-256 over the newest signed record; over the signed medium certificate before the first.
    pub head: [u8; 32],
    /// Sequence of the next record.
    pub next: Sequence,
    /// What may be spent.
    pub balance: Amount,
    /// The time floor; none before a record states one.
    pub floor: Option<Timestamp>,
    /// Codes and vouchers that were credited, for ever.
    pub credited: BTreeSet<EventId>,
}

impl State {
    /// A medium before its genesis record: nothing but its certificate.
    pub fn blank(medium: MediumId, certificate: [u8; 32], holder: PublicKey) -> Self {
        Self {
            medium,
            holder,
            head: certificate,
            next: Sequence::FIRST,
            balance: Amount::ZERO,
            floor: None,
            credited: BTreeSet::new(),
        }
    }
}
