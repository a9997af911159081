//! Kits: sheets of codes for a store's blanks, within its quota.

use data_encoding::HEXLOWER;
use postgres::types::Type;

use super::Records;
use super::asked::Asked;
use super::database::{StorageError, operation_error};
use super::statement::{Table, Transaction};
use super::stores::{Store, StoreRefusal, active};
use super::value::{Row, Value};
use crate::units::{Amount, Currency, MediumId, StoreId, Timestamp};

/// Blanks for one store, as they leave the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kit {
    /// Random; names the kit.
    pub id: [u8; 16],
    /// The store it is for.
    pub store: StoreId,
    /// Made at.
    pub made_at: Timestamp,
    /// The kit's bytes, sealed to the store.
    pub content: Vec<u8>,
}

/// A sheet of sealed codes for one medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Random; names the sheet.
    pub id: [u8; 16],
    /// The medium its codes are for.
    pub medium: MediumId,
    /// The sheet's signed bytes.
    pub content: Vec<u8>,
    /// Its slots.
    pub slots: Vec<Slot>,
}

/// The slots of one sheet whose codes a store was handed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedSlots {
    /// The kit.
    pub kit: [u8; 16],
    /// The sheet.
    pub sheet: [u8; 16],
    /// Its slots in the store's kit, ascending.
    pub slots: Vec<u8>,
}

/// One code's place in a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Its number in the sheet.
    pub slot: u8,
    /// What it credits.
    pub amount: Amount,
    /// Who has the code.
    pub place: SlotPlace,
    /// Is it sold?
    pub state: SlotState,
}

/// Who has a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotPlace {
    /// The store, in its kit.
    Kit,
    /// The issuer, for selling it directly.
    Held,
}

/// Is a code sold, as far as the records know?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// No.
    Free,
    /// Since then.
    Sold(Timestamp),
}

/// Why a kit is not recorded.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// The store may not have any.
    #[error(transparent)]
    Store(#[from] StoreRefusal),
    /// The kit is recorded with another content or for another store.
    #[error("kit {}: already made for store {recorded} at {made_at}, this one differs", HEXLOWER.encode(kit))]
    Differs {
        /// The kit.
        kit: [u8; 16],
        /// The store it was made for.
        recorded: StoreId,
        /// Made at.
        made_at: Timestamp,
    },
    /// A sheet is for a medium of nobody or of another store.
    #[error("sheet {}: medium {medium} belongs to {}, the kit is for store {store}",
        HEXLOWER.encode(sheet), owner.map_or("no store".to_owned(), |owner| format!("store {owner}")))]
    Medium {
        /// The sheet.
        sheet: [u8; 16],
        /// Its medium.
        medium: MediumId,
        /// The store that the medium's number was given to.
        owner: Option<StoreId>,
        /// The kit's store.
        store: StoreId,
    },
    /// A sheet of this name is recorded already.
    #[error("sheet {}: recorded already, for medium {medium}", HEXLOWER.encode(sheet))]
    SheetTaken {
        /// The sheet.
        sheet: [u8; 16],
        /// The medium it was made for.
        medium: MediumId,
    },
    /// Codes in another currency than the store's.
    #[error("kit {}: codes are in {found}, store {store} sells {expected}", HEXLOWER.encode(kit))]
    Currency {
        /// The kit.
        kit: [u8; 16],
        /// The kit's currency.
        found: Currency,
        /// The store.
        store: StoreId,
        /// The store's currency.
        expected: Currency,
    },
    /// The kit would pass the store's quota.
    #[error(
        "store {store}: {asked} {currency} more in codes, with {in_kits} in earlier kits and \
         {vouchers} in vouchers, pass its quota of {quota}"
    )]
    OverQuota {
        /// The store.
        store: StoreId,
        /// The currency.
        currency: Currency,
        /// What this kit would add, minor units.
        asked: u128,
        /// What earlier kits hold, minor units.
        in_kits: u64,
        /// What the store's vouchers may add up to, minor units.
        vouchers: u128,
        /// The quota, minor units.
        quota: u64,
    },
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

operation_error!(KitError);

impl Records {
    /// Record a kit with its sheets, all free, and count its codes against the store's quota.
    ///
    /// The same kit again changes nothing. A sheet's medium must have been reserved for the
    /// kit's store.
    pub fn add_kit(
        &mut self,
        kit: &Kit,
        currency: Currency,
        sheets: &[Sheet],
    ) -> Result<(), KitError> {
        self.database.write(|tx| {
            if let Some(known) = find_kit(tx, &kit.id)? {
                return same_kit(&known, kit);
            }
            let store = active(tx, kit.store)??;
            check_sheets(tx, kit, sheets)?;
            let in_kits = charge(&store, kit, currency, sheets)?;
            insert_kit(tx, kit, in_kits)?;
            Ok(insert_sheets(tx, kit, sheets)?)
        })
    }

    /// A kit by its name.
    pub fn kit(&mut self, id: &[u8; 16]) -> Result<Option<Kit>, StorageError> {
        self.database.read(|tx| find_kit(tx, id))
    }

    /// The names of a store's kits, oldest first.
    pub fn kits_of(&mut self, store: StoreId) -> Result<Vec<[u8; 16]>, StorageError> {
        const FIND: &str = "SELECT kit FROM kits WHERE store = $1 ORDER BY made_at, kit";
        self.database.read(|tx| tx.rows(FIND, &[store.into()], |row| row.array(0)))
    }

    /// The medium that a sheet was made for; none for a sheet that nobody made.
    pub fn medium_of(&mut self, sheet: &[u8; 16]) -> Result<Option<MediumId>, StorageError> {
        const FIND: &str = "SELECT medium FROM sheets WHERE sheet = $1";
        self.database.read(|tx| tx.row(FIND, &[Value::Bytes(sheet)], |row| row.medium(0)))
    }

    /// The slots whose codes a store was handed: kit by kit, sheet by sheet, oldest first.
    pub fn handed_slots(&mut self, store: StoreId) -> Result<Vec<HandedSlots>, StorageError> {
        const FIND: &str = "SELECT kits.kit, sheets.sheet, slots.slot FROM kits \
            JOIN sheets ON sheets.kit = kits.kit JOIN slots ON slots.number = sheets.number \
            WHERE kits.store = $1 AND slots.place = $2 ORDER BY sheets.number, slots.slot";
        let values = [store.into(), Value::Int(SlotPlace::Kit.number())];
        let rows = self.database.read(|tx| tx.rows(FIND, &values, read_handed))?;
        let mut all: Vec<HandedSlots> = Vec::new();
        for (kit, sheet, slot) in rows {
            match all.last_mut().filter(|last| last.sheet == sheet) {
                Some(last) => last.slots.push(slot),
                None => all.push(HandedSlots { kit, sheet, slots: vec![slot] }),
            }
        }
        Ok(all)
    }

    /// A medium's sheets with their slots, newest first.
    pub fn sheets_of(&mut self, medium: MediumId) -> Result<Vec<Sheet>, StorageError> {
        const FIND: &str =
            "SELECT number, sheet, content FROM sheets WHERE medium = $1 ORDER BY number DESC";
        self.database.read(|tx| {
            let found = tx.rows(FIND, &[medium.into()], |row| {
                let (id, content) = (row.array(1)?, row.bytes(2)?.to_vec());
                Ok((row.int(0)?, Sheet { id, medium, content, slots: Vec::new() }))
            })?;
            let with_slots = |(number, sheet)| Ok(Sheet { slots: slots_of(tx, number)?, ..sheet });
            found.into_iter().map(with_slots).collect()
        })
    }
}

impl SlotPlace {
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Kit => 0,
            Self::Held => 1,
        }
    }
}

fn find_kit(tx: &mut Transaction<'_>, id: &[u8; 16]) -> Result<Option<Kit>, StorageError> {
    const FIND: &str = "SELECT store, made_at, content FROM kits WHERE kit = $1";
    tx.row(FIND, &[Value::Bytes(id)], |row| {
        let (store, made_at) = (row.store(0)?, row.time(1)?);
        Ok(Kit { id: *id, store, made_at, content: row.bytes(2)?.to_vec() })
    })
}

fn same_kit(known: &Kit, kit: &Kit) -> Result<(), KitError> {
    if known == kit {
        return Ok(());
    }
    let (recorded, made_at) = (known.store, known.made_at);
    Err(KitError::Differs { kit: kit.id, recorded, made_at })
}

fn check_sheets(tx: &mut Transaction<'_>, kit: &Kit, sheets: &[Sheet]) -> Result<(), KitError> {
    const LOOK: &str = "SELECT asked.place, media.store, sheets.medium FROM asked \
        LEFT JOIN media ON media.medium = asked.medium \
        LEFT JOIN sheets ON sheets.sheet = asked.sheet";
    let rows = (0..)
        .zip(sheets)
        .map(|(place, sheet)| [Value::count(place), sheet.medium.into(), Value::Bytes(&sheet.id)]);
    let columns = [("place", Type::INT8), ("medium", Type::INT8), ("sheet", Type::BYTEA)];
    let mut found = tx.rows_asked(LOOK, &Asked::new(columns, rows), |row| {
        let (owner, taken) = (row.optional(1, Row::store)?, row.optional(2, Row::medium)?);
        Ok((row.count(0)?, owner, taken))
    })?;
    found.sort_unstable();
    for ((_, owner, taken), sheet) in found.into_iter().zip(sheets) {
        if owner != Some(kit.store) {
            let (medium, store) = (sheet.medium, kit.store);
            return Err(KitError::Medium { sheet: sheet.id, medium, owner, store });
        }
        if let Some(medium) = taken {
            return Err(KitError::SheetTaken { sheet: sheet.id, medium });
        }
    }
    Ok(())
}

/// What the store's kits hold with this one, if its quota allows it.
fn charge(
    store: &Store,
    kit: &Kit,
    currency: Currency,
    sheets: &[Sheet],
) -> Result<Amount, KitError> {
    let quota = &store.enrolment.quota;
    if currency != quota.currency {
        let (found, expected) = (currency, quota.currency);
        return Err(KitError::Currency { kit: kit.id, found, store: store.id, expected });
    }
    let in_hand = sheets.iter().flat_map(|sheet| &sheet.slots);
    let in_hand = in_hand.filter(|slot| slot.place == SlotPlace::Kit);
    let asked: u128 = in_hand.map(|slot| u128::from(slot.amount.minor())).sum();
    let vouchers = quota.vouchers_minor();
    let in_kits = u128::from(store.in_kits.minor()) + asked;
    let sum = u64::try_from(in_kits).ok().and_then(|sum| Amount::from_minor(sum).ok());
    match sum.filter(|_| in_kits + vouchers <= quota.total.minor().into()) {
        Some(sum) => Ok(sum),
        None => Err(KitError::OverQuota {
            store: store.id,
            currency,
            asked,
            in_kits: store.in_kits.minor(),
            vouchers,
            quota: quota.total.minor(),
        }),
    }
}

fn insert_kit(tx: &mut Transaction<'_>, kit: &Kit, in_kits: Amount) -> Result<(), StorageError> {
    const INSERT: &str = "INSERT INTO kits (kit, store, made_at, content) VALUES ($1, $2, $3, $4)";
    const CHARGE: &str = "UPDATE stores SET in_kits_minor = $2 WHERE store = $1";
    let (id, content) = (Value::Bytes(&kit.id), Value::Bytes(&kit.content));
    tx.execute(INSERT, &[id, kit.store.into(), kit.made_at.into(), content])?;
    tx.execute(CHARGE, &[kit.store.into(), in_kits.into()])?;
    Ok(())
}

fn insert_sheets(
    tx: &mut Transaction<'_>,
    kit: &Kit,
    sheets: &[Sheet],
) -> Result<(), StorageError> {
    const LAST: &str = "SELECT COALESCE(MAX(number), 0) FROM sheets";
    const SHEETS: Table<5> = Table {
        name: "sheets",
        columns: [
            ("number", Type::INT8),
            ("sheet", Type::BYTEA),
            ("medium", Type::INT8),
            ("kit", Type::BYTEA),
            ("content", Type::BYTEA),
        ],
    };
    const SLOTS: Table<4> = Table {
        name: "slots",
        columns: [
            ("number", Type::INT8),
            ("slot", Type::INT8),
            ("amount_minor", Type::INT8),
            ("place", Type::INT8),
        ],
    };
    let first = tx.row(LAST, &[], |row| row.int(0))?.unwrap_or(0) + 1;
    let numbered = || (first..).zip(sheets);
    let rows = numbered().map(|(number, sheet)| {
        let (id, content) = (Value::Bytes(&sheet.id), Value::Bytes(&sheet.content));
        [Value::Int(number), id, sheet.medium.into(), Value::Bytes(&kit.id), content]
    });
    tx.insert_all(&SHEETS, rows)?;
    let rows = numbered().flat_map(|(number, sheet)| {
        sheet.slots.iter().map(move |slot| {
            let (place, amount) = (Value::Int(slot.place.number()), slot.amount.into());
            [Value::Int(number), Value::Int(slot.slot.into()), amount, place]
        })
    });
    tx.insert_all(&SLOTS, rows)
}

fn read_handed(row: &Row<'_>) -> Result<([u8; 16], [u8; 16], u8), StorageError> {
    let slot = row.int(2)?.try_into().map_err(|error| row.wrong(2, &error))?;
    Ok((row.array(0)?, row.array(1)?, slot))
}

fn slots_of(tx: &mut Transaction<'_>, number: i64) -> Result<Vec<Slot>, StorageError> {
    const FIND: &str =
        "SELECT slot, amount_minor, place, sold_at FROM slots WHERE number = $1 ORDER BY slot";
    tx.rows(FIND, &[Value::Int(number)], read_slot)
}

fn read_slot(row: &Row<'_>) -> Result<Slot, StorageError> {
    let place = match row.int(2)? {
        0 => SlotPlace::Kit,
        1 => SlotPlace::Held,
        other => return Err(row.wrong(2, &format!("{other} is no place"))),
    };
    Ok(Slot {
        slot: row.int(0)?.try_into().map_err(|error| row.wrong(0, &error))?,
        amount: row.amount(1)?,
        place,
        state: row.optional(3, Row::time)?.map_or(SlotState::Free, SlotState::Sold),
    })
}
