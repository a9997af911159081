//! What is taken: an item as its rom-signer signed it, and the terms that follow from it.

use crate::format::item::ItemEntry;
use crate::format::shelf::ItemNames;
use crate::format::transfer::{Terms, TransferId};
use crate::image::tree::Digest;
use crate::trust::Verified;
use crate::units::{Amount, ByteCount, Currency};

/// An item as its rom-signer signed it, and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goods {
    /// Its id in its catalogue.
    pub item: String,
    /// SHA-256 over the signed entry.
    pub entry: [u8; 32],
    /// What all of it costs.
    pub price: Amount,
    /// In this currency.
    pub currency: Currency,
    /// Length of its file.
    pub length: ByteCount,
    /// The root over its file's leaves.
    pub root: Digest,
    /// Whether a key is needed to open its file.
    pub sealing: Sealing,
}

/// Whether a key goes with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealing {
    /// Its file is open.
    Open,
    /// Its file is sealed under a key of its own.
    Sealed,
}

impl Goods {
    /// The goods of a signed entry.
    pub fn of(entry: &Verified<ItemEntry>) -> Self {
        Self {
            item: entry.id.clone(),
            entry: entry.hash(),
            price: entry.price,
            currency: entry.currency,
            length: entry.size,
            root: entry.root,
            sealing: if entry.content.is_some() { Sealing::Sealed } else { Sealing::Open },
        }
    }

    /// The terms of a transfer of it.
    pub fn terms(&self, transfer: TransferId, share_ppm: u32) -> Terms {
        let Self { entry, price, length, .. } = *self;
        Terms { transfer, entry, price, length, share_ppm }
    }

    /// The names of its files on a shelf.
    pub fn names(&self) -> ItemNames {
        ItemNames::of(&self.item, &self.entry)
    }
}
