//! A store's own journal: one signed, hash-chained entry a burn, a sale, a top-up.

use super::edition::EditionId;
use super::field::{choice, record};
use super::objects;
use super::sheet::SheetId;
use crate::units::{Amount, Currency, MediumId, StoreId, Timestamp};

choice! {
    /// What a store's entry is about.
    pub enum StoreEvent {
        /// A medium was burnt and its read-back agreed.
        0 => Burnt "burnt",
        /// A medium was sold.
        1 => Sold "sold",
        /// A sealed code was sold.
        2 => CodeSold "code sold",
        /// A voucher was sold.
        3 => VoucherSold "voucher sold",
        /// A code or voucher of the store's own was put on a medium before its sale.
        4 => Spent "spent on a burn",
        /// An entry before this one is taken back.
        5 => Voided "voided",
        /// A medium was stamped again.
        6 => Refreshed "refreshed",
        /// A burn began; its medium number is used up whatever becomes of it.
        7 => Begun "burn begun",
        /// A burn was given up; the medium number is never used again.
        8 => Abandoned "burn abandoned",
    }
}

record! {
    /// The burn record: what was burnt, to what.
    pub struct Burn {
        /// The edition.
        1 => edition: EditionId,
        /// SHA-256 over the signed medium certificate.
        2 => certificate: [u8; 32],
        /// The stamped root.
        3 => root: [u8; 32],
        /// What was written to, for a person: an image's file name, or a disk's model.
        4 => target: String,
        /// Identity of the hardware, where it has one.
        5 => hardware: Option<String>,
        /// The number on the label.
        6 => label: Option<u64>,
    }
}

record! {
    /// The part of an entry that is about money.
    pub struct Value {
        /// What was credited or is to be, minor units.
        1 => amount: Amount,
        /// The currency.
        2 => currency: Currency,
        /// The sheet, for a code.
        3 => sheet: Option<SheetId>,
        /// The slot, for a code.
        4 => slot: Option<u8>,
        /// The serial, for a voucher.
        5 => serial: Option<u64>,
    }
}

record! {
    /// One entry of a store's journal, signed by the store.
    pub struct StoreEntry {
        /// From 0, without gaps.
        1 => seq: u64,
        /// SHA-256 over the signed entry before; over the store's signed certificate for the first.
        2 => prev: [u8; 32],
        /// The store.
        3 => store: StoreId,
        /// The store's clock.
        4 => at: Timestamp,
        /// What it is about.
        5 => event: StoreEvent,
        /// The medium.
        6 => medium: MediumId,
        /// The burn record, for burns.
        7 => burn: Option<Burn>,
        /// The money, for sales of codes and vouchers and for spending.
        8 => value: Option<Value>,
        /// The price paid for a medium, minor units.
        9 => price: Option<Amount>,
        /// The sequence of the entry that is taken back.
        10 => voids: Option<u64>,
    }
}

objects! {
    StoreEntry => StoreEntry,
}
