//! Selling held-back codes: by phone or online, without any store.

use super::Issuer;
use crate::crypto::Secret;
use crate::records::{HeldError, HeldSlot, SlotPlace, StorageError};
use crate::trust::RevokedError;
use crate::units::{Amount, MediumId, Timestamp};
use crate::voucher::code::TypedCode;
use crate::voucher::slot_secret;

/// A code that is sold: its digits are worth its amount on its medium, once.
pub struct SoldCode {
    /// The code, to be told to the owner and nobody else.
    pub code: TypedCode,
    /// The slot it opens, as recorded.
    pub slot: HeldSlot,
}

/// Why no code is sold.
#[derive(Debug, thiserror::Error)]
pub enum CodeSaleError {
    /// The medium, or a sheet of it, is revoked.
    #[error(transparent)]
    Revoked(#[from] RevokedError),
    /// No such medium, or nothing left of this amount.
    #[error(transparent)]
    Held(#[from] HeldError),
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Issuer {
    /// Sell one held-back code of a medium.
    ///
    /// `sale` names the sale: the same sale again answers the same code.
    pub fn sell_code(
        &mut self,
        medium: MediumId,
        amount: Amount,
        sale: &[u8; 16],
        seal_key: &Secret<32>,
        now: Timestamp,
    ) -> Result<SoldCode, CodeSaleError> {
        self.codes_left(medium, amount)?;
        let slot = self.records.sell_held_slot(medium, amount, sale, now)?;
        let secret = slot_secret(seal_key, medium, &slot.sheet, slot.slot);
        let code = TypedCode::new(slot.slot, secret).expect("a sheet has at most 100 slots");
        Ok(SoldCode { code, slot })
    }

    /// How many held-back codes of this amount are left; refuses what is revoked or unknown.
    pub fn codes_left(&mut self, medium: MediumId, amount: Amount) -> Result<u64, CodeSaleError> {
        self.revoked.check_medium(medium)?;
        if self.records.store_of(medium)?.is_none() {
            return Err(HeldError::UnknownMedium(medium).into());
        }
        for sheet in self.records.sheets_of(medium)? {
            for slot in sheet.slots.iter().filter(|slot| slot.place == SlotPlace::Held) {
                self.revoked.check_slot(&sheet.id, slot.slot)?;
            }
        }
        let stock = self.records.held_stock(medium)?;
        let left = stock.0.iter().find(|(of, _)| *of == amount);
        Ok(left.map_or(0, |(_, count)| *count))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Grounds, amount, at, stocked};
    use super::super::{Revoke, StoreCut};
    use super::*;
    use crate::format::sheet::Sheet;
    use crate::trust::Passphrase;
    use crate::voucher::check_slot;

    #[test]
    fn a_held_back_code_is_sold_once_and_opens_its_slot() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let (media, _) = stocked(&mut issuer, 1);
        let seal = issuer.seal_key(Passphrase::None).unwrap();
        let signer = issuer.signer().clone();
        let stored = issuer.records().sheets_of(media[0]).unwrap();
        let sheet = signer.open::<Sheet>(&stored[0].content).unwrap();
        assert_eq!(issuer.codes_left(media[0], amount(10_000)).unwrap(), 1);
        let mut bought =
            |sale| issuer.sell_code(media[0], amount(10_000), &[sale; 16], &seal, at(5));
        let sold = bought(1).unwrap();
        assert_eq!(sold.slot.slot, 39);
        let worth = check_slot(&sheet, sold.code.slot(), sold.code.secret()).unwrap();
        assert_eq!(worth, amount(10_000));
        assert!(bought(1).unwrap().code == sold.code, "the same sale again");
        let none = bought(2).err().unwrap().to_string();
        let message = format!(
            "medium {}: no held-back code of 10000 is left, there are 4 of 1000, 3 of 3000, \
             2 of 5000",
            media[0]
        );
        assert_eq!(none, message);
    }

    #[test]
    fn codes_of_revoked_media_are_not_sold_but_those_of_a_revoked_stores_are() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let (media, store) = stocked(&mut issuer, 2);
        let key = issuer.issuer_key(Passphrase::None).unwrap();
        let nothing = Revoke::Store(StoreCut::nothing_sold(store));
        issuer.revoke(&nothing, &key, at(9)).unwrap();
        issuer.revoke(&Revoke::Medium(media[0]), &key, at(9)).unwrap();
        let revoked = issuer.codes_left(media[0], amount(1_000)).unwrap_err().to_string();
        assert_eq!(revoked, format!("medium {} is revoked by list 2", media[0]));
        assert_eq!(issuer.codes_left(media[1], amount(1_000)).unwrap(), 4);
        let unknown = issuer.codes_left(MediumId::from_serial(1), amount(1)).unwrap_err();
        let message = "medium 000000000195 is unknown: its number was never given out";
        assert_eq!(unknown.to_string(), message);
    }
}
