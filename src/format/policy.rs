//! The issuer's limits and the list of what is revoked.

use super::field::{Bytes, Field, Mismatch, Reader, record};
use super::objects;
use super::sheet::{KIT_SHEETS_MAX, SheetId, sheet_id};
use crate::units::{Amount, ByteCount, CurrencyForm, MediumId, StoreId, Timestamp};
use ciborium::Value;

impl Field for CurrencyForm {
    fn to_value(&self) -> Value {
        Value::Array(vec![self.currency().to_value(), self.exponent().to_value()])
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        let Some(2) = reader.row()? else {
            return Err(Mismatch::new("is not [code, exponent]"));
        };
        let (code, exponent) = (Field::read(reader)?, Field::read(reader)?);
        Self::new(code, exponent).map_err(Mismatch::new)
    }
}

record! {
    /// The issuer's limits, numbered; the newest that was seen binds.
    pub struct Policy {
        /// Rises with each policy.
        1 => number: u64,
        /// Issued at; a source of the time floor.
        2 => issued: Timestamp,
        /// Currencies and their exponents.
        3 => currencies: Vec<CurrencyForm>,
        /// The largest balance of a medium, minor units.
        4 => balance_max: Amount,
        /// The largest single top-up, minor units.
        5 => topup_max: Amount,
        /// What may be spent at partners since the last checkpoint, minor units.
        6 => offline_cap: Amount,
        /// How often at partners since the last checkpoint.
        7 => offline_count: u32,
        /// The same from the first login to the first checkpoint, minor units.
        8 => starter_cap: Amount,
        /// How often until the first checkpoint.
        9 => starter_count: u32,
        /// What a merged history may be short of before a person decides, minor units.
        10 => debt_cap: Amount,
        /// PBKDF2 rounds that a live sheet has at least.
        11 => rounds_min: u32,
        /// Bytes between two receipts of a transfer.
        12 => chunk: ByteCount,
        /// The uploader's share of a charge in millionths, at most 1,000,000.
        13 => share_ppm: u32,
        /// What one person may decide alone, minor units; the largest top-up where it isn't said.
        14 => decide_alone: Option<Amount>,
    }
}

impl Policy {
    /// What one person may decide alone.
    pub fn decided_alone(&self) -> Amount {
        self.decide_alone.unwrap_or(self.topup_max)
    }
}

record! {
    /// What is revoked of one store: everything it signed above the cut.
    pub struct RevokedStore {
        /// The store's number.
        1 => store: StoreId,
        /// The last voucher serial that counts.
        2 => serial_cut: u64,
        /// Hash of the last entry of the store's journal that counts; none if it was never seen.
        3 => head: Option<[u8; 32]>,
        /// Sheets with the slots that were not sold by that head, as a bit map, slot 0 first.
        4 => unsold: Vec<UnsoldSlots>,
        /// The same for all sheets of a kit at once.
        5 => kits: Vec<UnsoldKit>,
    }
}

record! {
    /// A kit of a revoked store, and what of it was sold.
    pub struct UnsoldKit {
        /// The kit, from whose id the ids of its sheets follow: [`sheet_id`].
        1 => kit: [u8; 16],
        /// How many sheets it has, at most [`KIT_SHEETS_MAX`].
        2 => sheets: u32,
        /// The slots of each sheet that the store was handed, as a bit map, slot 0 first.
        3 => slots: [u8; 13],
        /// Which of these were sold: a bit for each, sheet by sheet, slots ascending, the lowest bit of
        /// the first byte first; those that are missing are 0.
        4 => sold: Option<Bytes>,
    }
}

impl UnsoldKit {
    /// Was this slot of a sheet of the kit never sold?
    pub fn holds(&self, sheet: &SheetId, slot: u8) -> bool {
        let places = 0..self.sheets.min(KIT_SHEETS_MAX);
        slot_bit(&self.slots, slot)
            && places
                .into_iter()
                .any(|place| sheet_id(&self.kit, place) == *sheet && !self.was_sold(place, slot))
    }

    fn was_sold(&self, place: u32, slot: u8) -> bool {
        let handed =
            |slots: std::ops::Range<u8>| slots.filter(|slot| slot_bit(&self.slots, *slot)).count();
        let bit = place as usize * handed(0..SLOT_BITS) + handed(0..slot);
        let byte = self.sold.as_ref().and_then(|sold| sold.0.get(bit / 8));
        byte.is_some_and(|byte| byte & (1 << (bit % 8)) != 0)
    }
}

/// How many slots a bit map has room for.
const SLOT_BITS: u8 = 104;

/// Is the slot's bit set: bit `slot % 8` of byte `slot / 8`?
pub fn slot_bit(slots: &[u8; 13], slot: u8) -> bool {
    slots.get(usize::from(slot / 8)).is_some_and(|byte| byte & (1 << (slot % 8)) != 0)
}

record! {
    /// Slots of a sheet that a revoked store never sold.
    pub struct UnsoldSlots {
        /// The sheet.
        1 => sheet: [u8; 16],
        /// Bit `slot % 8` of byte `slot / 8` stands for a slot.
        2 => slots: [u8; 13],
    }
}

record! {
    /// The issuer's list of what is revoked; a higher number holds all that a lower one held.
    pub struct Revocation {
        /// Rises with each list.
        1 => number: u64,
        /// Issued at; a source of the time floor.
        2 => issued: Timestamp,
        /// Media that are revoked.
        3 => media: Vec<MediumId>,
        /// Sheets that are revoked.
        4 => sheets: Vec<[u8; 16]>,
        /// Stores that are revoked.
        5 => stores: Vec<RevokedStore>,
    }
}

objects! {
    Policy => Policy,
    Revocation => Revocation,
}
