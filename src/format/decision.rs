//! What a person decided about a finding.

use super::certificate::Chain;
use super::checkpoint::Bounded;
use super::field::{Bytes, choice, record};
use super::objects;
use super::plan::Class;
use crate::units::{Amount, MediumId, Timestamp};

/// So many people decide one thing together at most.
pub const DECIDERS_MAX: usize = 2;

choice! {
    /// What is decided.
    pub enum Verdict {
        /// Why it is so, and no money.
        0 => Explained "explained",
        /// What the evidence comes to is posted; what is lacking stands as debt.
        1 => Settle "settle",
        /// The same, and the store's fork loss bears what is lacking.
        2 => WriteOff "write-off",
    }
}

record! {
    /// A decision about one finding, where it stood then.
    pub struct Decision {
        /// The finding.
        1 => finding: [u8; 16],
        /// Its class.
        2 => class: Class,
        /// Its medium, if it is a medium's.
        3 => medium: Option<MediumId>,
        /// Number of the checkpoint that the records held of it; 0 for none.
        4 => number: u64,
        /// SHA-256 over that checkpoint; zeros for none.
        5 => hash: [u8; 32],
        /// What was at stake, minor units.
        6 => stake: Amount,
        /// What is decided.
        7 => verdict: Verdict,
        /// Why.
        8 => text: String,
        /// When.
        9 => at: Timestamp,
    }
}

record! {
    /// A decision under one person's signature.
    pub struct SignedDecision {
        /// The signed [`Decision`].
        1 => decision: Bytes,
        /// The decider's chain.
        2 => chain: Chain,
    }
}

record! {
    /// A decision as the records keep it: under each signature the same.
    pub struct DecisionFile {
        /// By whom.
        1 => signed: Bounded<SignedDecision, DECIDERS_MAX>,
    }
}

objects! {
    Decision => Decision,
    DecisionFile => DecisionFile,
}
