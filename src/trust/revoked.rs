//! What a revocation list says of media, sheets, stores and vouchers.

use super::signed::Verified;
use crate::format::policy::{Revocation, slot_bit};
use crate::format::sheet::{SheetId, Voucher};
use crate::units::{MediumId, StoreId};

/// A revocation list that was verified; [`Revoked::none`] where none has arrived.
#[derive(Debug, Clone, Default)]
pub struct Revoked(Option<Verified<Revocation>>);

/// What is revoked, and by which list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevokedError {
    /// The medium.
    #[error("medium {medium} is revoked by list {list}")]
    Medium {
        /// The medium.
        medium: MediumId,
        /// The list's number.
        list: u64,
    },
    /// The sheet, or a slot that a revoked store never sold.
    #[error("slot {slot} of this sheet is revoked by list {list}")]
    Slot {
        /// The slot.
        slot: u8,
        /// The list's number.
        list: u64,
    },
    /// A whole store.
    #[error("store {store} is revoked by list {list}")]
    Store {
        /// The store.
        store: StoreId,
        /// The list's number.
        list: u64,
    },
    /// A voucher above its revoked store's cut.
    #[error("voucher {serial} of store {store} is above the cut {cut} of list {list}")]
    Voucher {
        /// The store.
        store: StoreId,
        /// The voucher's serial.
        serial: u64,
        /// The last serial that counts.
        cut: u64,
        /// The list's number.
        list: u64,
    },
}

impl Revoked {
    /// Nothing is known to be revoked.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Take a verified list over, if its number is higher.
    #[must_use]
    pub fn with(self, list: Verified<Revocation>) -> Self {
        match &self.0 {
            Some(known) if known.number >= list.number => self,
            _ => Self(Some(list)),
        }
    }

    /// The list.
    pub fn list(&self) -> Option<&Verified<Revocation>> {
        self.0.as_ref()
    }

    /// Refuse a revoked medium.
    pub fn check_medium(&self, medium: MediumId) -> Result<(), RevokedError> {
        match &self.0 {
            Some(list) if list.media.contains(&medium) => {
                Err(RevokedError::Medium { medium, list: list.number })
            }
            _ => Ok(()),
        }
    }

    /// Refuse a revoked store: it may neither sell nor burn.
    pub fn check_store(&self, store: StoreId) -> Result<(), RevokedError> {
        match &self.0 {
            Some(list) if list.stores.iter().any(|revoked| revoked.store == store) => {
                Err(RevokedError::Store { store, list: list.number })
            }
            _ => Ok(()),
        }
    }

    /// Refuse a slot of a revoked sheet, or one that its revoked store never sold.
    pub fn check_slot(&self, sheet: &SheetId, slot: u8) -> Result<(), RevokedError> {
        let Some(list) = &self.0 else { return Ok(()) };
        let never_sold = list.stores.iter().any(|store| {
            let mut sheets = store.unsold.iter().filter(|entry| entry.sheet == *sheet);
            sheets.any(|entry| slot_bit(&entry.slots, slot))
                || store.kits.iter().any(|kit| kit.holds(sheet, slot))
        });
        if never_sold || list.sheets.contains(sheet) {
            return Err(RevokedError::Slot { slot, list: list.number });
        }
        Ok(())
    }

    /// Refuse a voucher above its store's cut.
    pub fn check_voucher(&self, voucher: &Voucher) -> Result<(), RevokedError> {
        let Some(list) = &self.0 else { return Ok(()) };
        let revoked = list.stores.iter().find(|store| store.store == voucher.store);
        match revoked {
            Some(store) if voucher.serial > store.serial_cut => Err(RevokedError::Voucher {
                store: voucher.store,
                serial: voucher.serial,
                cut: store.serial_cut,
                list: list.number,
            }),
            _ => Ok(()),
        }
    }
}
