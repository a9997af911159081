//! Why a record does not follow.

use super::charge::ChargeError;
use crate::format::record::RecordKind;
use crate::format::transfer::Partner;
use crate::trust::{RevokedError, TrustError};
use crate::units::{MediumId, Sequence, Timestamp, UnitError};
use crate::voucher::{RedeemError, VoucherError};

/// Why a record does not follow: the rules say no.
#[derive(Debug, thiserror::Error)]
#[error("record {seq} of medium {medium}: {reason}")]
pub struct Refusal {
    /// The medium.
    pub medium: MediumId,
    /// The sequence that was due.
    pub seq: Sequence,
    /// What is wrong.
    #[source]
    pub reason: Reason,
}

/// What is wrong with a record.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// Not signed by the holder key, or malformed.
    #[error("{0}")]
    Trust(#[from] TrustError),
    /// Verified under another key than the holder's.
    #[error("it is signed by key {found}, the holder's is {expected}")]
    Holder {
        /// Whose signature it carries.
        found: String,
        /// The holder's.
        expected: String,
    },
    /// It speaks of another medium.
    #[error("it is medium {0}'s")]
    Medium(MediumId),
    /// It is not the next one.
    #[error("it says it is record {0}")]
    Sequence(Sequence),
    /// It continues another chain.
    #[error("it continues {found}, the chain's head is {expected}")]
    Chain {
        /// The hash it states, in hex.
        found: String,
        /// The head, in hex.
        expected: String,
    },
    /// It states an older time floor than a record before it.
    #[error("its time floor {found} is before the floor {floor} of an earlier record")]
    Floor {
        /// What it states.
        found: Timestamp,
        /// What was stated before.
        floor: Timestamp,
    },
    /// Its history entry, accounting entry and body don't belong together.
    #[error("a {kind} record {fault}")]
    Shape {
        /// Its kind.
        kind: RecordKind,
        /// What is wrong.
        fault: &'static str,
    },
    /// The store-made key signs more than it may.
    #[error("a {0} record before the owner's first login: the store-made key may not sign it")]
    StoreMade(RecordKind),
    /// The key is the owner's already.
    #[error("the holder key was changed before; another comes by checkpoint alone")]
    Rekeyed,
    /// The new key did not sign its own taking over.
    #[error("the new holder key has not signed for it")]
    Proof,
    /// A sealed code's sheet isn't a live sheet of this medium.
    #[error("its code is of a sheet that is not on this medium")]
    Sheet,
    /// Its code is not good.
    #[error("its code: {0}")]
    Code(#[from] RedeemError),
    /// Its voucher is not good.
    #[error("its voucher: {0}")]
    Voucher(#[from] VoucherError),
    /// Its voucher is of a store that nothing here certifies.
    #[error("its voucher is of a store that is not certified here")]
    Store,
    /// Who certifies settlers and other stores is not known here.
    #[error("it brings a certificate, and the issuer is not known here")]
    Issuer,
    /// Its code or voucher is revoked.
    #[error("{0}")]
    Revoked(#[from] RevokedError),
    /// Its code or voucher was credited before.
    #[error("its code or voucher was credited before")]
    CreditedBefore,
    /// It states another event id than its code or voucher gives.
    #[error("its accounting event is not the one that its code or voucher gives")]
    Event,
    /// It states another event id than its place gives.
    #[error("its accounting event is not the one that its place in the chain gives")]
    Place,
    /// It states another amount than its code or voucher gives.
    #[error("it adds {found}, its code or voucher gives {expected} minor units")]
    Amount {
        /// What it states.
        found: i64,
        /// What the code or voucher gives.
        expected: u64,
    },
    /// It states another charge or fee than the rule gives.
    #[error("it moves {found}, the rule gives {expected} minor units")]
    Charge {
        /// What it states.
        found: i64,
        /// What the charging rule gives.
        expected: i64,
    },
    /// The claim about the balance is wrong.
    #[error("it claims a balance of {found}, the records add up to {expected} minor units")]
    Claim {
        /// The claim.
        found: u64,
        /// The sum.
        expected: u64,
    },
    /// More than is there to be spent.
    #[error("it takes {needs}, {free} minor units may be spent")]
    Funds {
        /// What it takes.
        needs: u64,
        /// What is neither reserved nor provisional.
        free: u64,
    },
    /// A top-up above the policy's limit.
    #[error("a top-up of {found}, policy {policy} allows {limit} minor units")]
    TopupLimit {
        /// The top-up.
        found: u64,
        /// The policy's number.
        policy: u64,
        /// The limit.
        limit: u64,
    },
    /// A balance above the policy's limit.
    #[error("the balance would be {found}, policy {policy} allows {limit} minor units")]
    BalanceLimit {
        /// The balance.
        found: u64,
        /// The policy's number.
        policy: u64,
        /// The limit.
        limit: u64,
    },
    /// Spending at partners above its cap.
    #[error("{found} minor units at partners since the last settlement, allowed are {limit}")]
    OfflineCap {
        /// What it would come to.
        found: u64,
        /// The cap.
        limit: u64,
    },
    /// Transfers from partners above their count.
    #[error("{found} transfers from partners since the last settlement, allowed are {limit}")]
    OfflineCount {
        /// How many it would be.
        found: u64,
        /// The count.
        limit: u64,
    },
    /// Terms that make no sense.
    #[error("its transfer: {0}")]
    Terms(#[from] ChargeError),
    /// A later start changes the terms.
    #[error("its transfer began under other terms")]
    OtherTerms,
    /// A transfer that was not started, or not from there.
    #[error("its transfer {0}")]
    Transfer(&'static str),
    /// A medium that is its own partner.
    #[error("{0} is its own partner")]
    Partner(Partner),
    /// A segment earns once.
    #[error("the fee of its segment was earned before")]
    EarnedBefore,
    /// A receipt that is of something else.
    #[error("its receipt is of another {0}")]
    Receipt(&'static str),
    /// Too many of what a checkpoint has to list.
    #[error("more than {limit} {what} are open")]
    Open {
        /// What.
        what: &'static str,
        /// How many may be.
        limit: usize,
    },
    /// A policy that is not known here, or older than the one that binds.
    #[error("policy {found} is not known here or not newer than policy {binding}")]
    Policy {
        /// The policy that is named.
        found: u64,
        /// The one that binds.
        binding: u64,
    },
    /// A checkpoint that is not newer than the last.
    #[error("checkpoint {found} is not newer than checkpoint {known}")]
    Old {
        /// Its number.
        found: u64,
        /// The number of the last.
        known: u64,
    },
    /// A checkpoint that says something else than the chain.
    #[error("its checkpoint {0}")]
    Checkpoint(&'static str),
    /// More is lacking than goes on without a person.
    #[error("{debt} minor units are lacking, policy {policy} lets {limit} go on: a person decides")]
    Debt {
        /// What is lacking.
        debt: u64,
        /// The policy's number.
        policy: u64,
        /// The debt cap.
        limit: u64,
    },
    /// A sum outside the range of amounts.
    #[error("{0}")]
    Range(#[from] UnitError),
}

/// Two hashes that should be one.
pub(super) fn broken(found: &[u8; 32], expected: &[u8; 32]) -> Reason {
    let hex = |hash: &[u8; 32]| data_encoding::HEXLOWER.encode(&hash[..8]);
    Reason::Chain { found: hex(found), expected: hex(expected) }
}
