//! The sound "no" of a store's rules.

use crate::format::certificate::Role;
use crate::trust::{Fingerprint, RevokedError, TrustError};
use crate::units::{Currency, MediumId, StoreId};

/// Why the rules forbid what was asked; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A store's name that nobody could print.
    #[error("{name:?} is no name for a store: {reason}")]
    Name {
        /// What was given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No certificate was accepted yet.
    #[error("this store has no certificate yet")]
    NotEnrolled,
    /// A certificate or kit for another store.
    #[error("{what} is for store {found}, this is store {expected}")]
    OtherStore {
        /// `certificate` or `kit`.
        what: &'static str,
        /// The store it is for.
        found: StoreId,
        /// This store.
        expected: StoreId,
    },
    /// A certificate for a key that isn't this store's.
    #[error("certificate is for the {which} key {found}, this store's is {expected}")]
    OtherKey {
        /// `signing` or `sealing`.
        which: &'static str,
        /// The certified key.
        found: String,
        /// This store's key.
        expected: String,
    },
    /// A certificate of another role.
    #[error("certificate of {subject} is a {found}'s, expected a store's")]
    OtherRole {
        /// Whose certificate.
        subject: String,
        /// Its role.
        found: Role,
    },
    /// The root is not one that this store pins.
    #[error("certificate under root {found}, which nothing here pins{}", known_root(pinned.as_ref()))]
    Unpinned {
        /// The root of the chain.
        found: Fingerprint,
        /// The root that this store pins.
        pinned: Option<Fingerprint>,
    },
    /// It was accepted before.
    #[error("{what} was already accepted{when}")]
    AlreadyAccepted {
        /// What, as `kit 4f2a…`.
        what: String,
        /// When, as ` at 2026-…`, or nothing.
        when: String,
    },
    /// A policy or list that is not newer than the one this store has.
    #[error("{what} {found} is not newer than {known}, which this store has")]
    Older {
        /// `policy` or `revocation list`.
        what: &'static str,
        /// Its number.
        found: u64,
        /// The number of the one this store has.
        known: u64,
    },
    /// A kit with a sheet that another kit brought.
    #[error("kit {kit}: a sheet of medium {medium} came with another kit")]
    StockedTwice {
        /// The kit.
        kit: String,
        /// The medium.
        medium: MediumId,
    },
    /// A kit in a currency that this store doesn't sell.
    #[error("kit {kit} is in {found}, this store sells {expected}")]
    Currency {
        /// The kit.
        kit: String,
        /// Its currency.
        found: Currency,
        /// The certificate's currency.
        expected: Currency,
    },
    /// A file of a kind that a store doesn't take.
    #[error("{0} is nothing that a store accepts: a certificate, kit, policy or revocation list")]
    NotAcceptable(String),
    /// No entry of this number.
    #[error("entry {found} is not in the journal, which has {count}")]
    NoEntry {
        /// What was asked for.
        found: u64,
        /// How many there are.
        count: u64,
    },
    /// The certificate ended before the newest signed time, or its chain isn't believed.
    #[error("{0}")]
    Certificate(#[from] TrustError),
    /// The store, the medium or the sheet is revoked.
    #[error("{0}")]
    Revoked(#[from] RevokedError),
    /// Codes and vouchers would pass the quota.
    #[error("store {store}: {what} makes {sum} handed out, the quota is {quota}")]
    Quota {
        /// The store.
        store: StoreId,
        /// What would be added, as `a voucher of ¥500`.
        what: String,
        /// What would be handed out then.
        sum: String,
        /// The quota.
        quota: String,
    },
    /// Too few blanks are left.
    #[error("{} of {total} blanks left, {needed} needed", left_of(*left))]
    NoBlank {
        /// How many are needed.
        needed: usize,
        /// How many are left.
        left: usize,
        /// Blanks in all kits.
        total: usize,
    },
    /// No code of this amount is left for this medium.
    #[error("medium {medium}: no code of {amount} is left; its stock is {stock}{instead}")]
    NoCode {
        /// The medium.
        medium: MediumId,
        /// What was asked for.
        amount: String,
        /// What there is, as `12 of ¥1,000`.
        stock: String,
        /// What would add up to the amount, as `; these add up to it: 3 of ¥1,000`, or nothing.
        instead: String,
    },
    /// The medium is in no kit of this store.
    #[error("medium {0} is in no kit of this store")]
    UnknownMedium(MediumId),
    /// The medium is not in the stage that the step needs.
    #[error("medium {medium} is {found}; this needs one that is {needed}")]
    Stage {
        /// The medium.
        medium: MediumId,
        /// The stage that it is in.
        found: String,
        /// The stage that is needed.
        needed: &'static str,
    },
    /// The slot is not in stock.
    #[error("medium {medium}: code {slot} of sheet {sheet} is {found}")]
    Slot {
        /// The medium.
        medium: MediumId,
        /// The slot.
        slot: u8,
        /// The sheet.
        sheet: String,
        /// What it is instead.
        found: String,
    },
    /// Voucher serials rise strictly and stay within the certificate's range.
    #[error("voucher serial {found} is not in {first} to {last}")]
    Serial {
        /// The serial.
        found: u64,
        /// The least that may come.
        first: u64,
        /// The last of the certificate.
        last: u64,
    },
    /// A voucher or top-up above a limit.
    #[error("{found} is above the largest {what}, {limit}")]
    TooLarge {
        /// What was asked for.
        found: String,
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: String,
    },
    /// A sale of nothing.
    #[error("a top-up of {0} credits nothing")]
    Nothing(String),
    /// The entry isn't one that can be taken back.
    #[error("entry {seq} is \"{what}\", which can't be taken back")]
    NotVoidable {
        /// The entry.
        seq: u64,
        /// Its event, or that it doesn't exist.
        what: String,
    },
    /// The entry was taken back before.
    #[error("entry {seq} was already taken back by entry {by}")]
    AlreadyVoided {
        /// The entry.
        seq: u64,
        /// The entry that took it back.
        by: u64,
    },
    /// An entry lacks what its event needs.
    #[error("a \"{event}\" entry needs {needed}")]
    Incomplete {
        /// The event.
        event: &'static str,
        /// What is missing.
        needed: &'static str,
    },
}

fn known_root(root: Option<&Fingerprint>) -> String {
    root.map_or_else(String::new, |root| format!(": this store trusts root {root}"))
}

fn left_of(left: usize) -> String {
    if left == 0 { "none".to_owned() } else { left.to_string() }
}
