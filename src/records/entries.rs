//! What the entries of stores' journals say of a medium: burns, sales, codes and vouchers sold.

use std::collections::BTreeMap;

use postgres::types::Type;

use super::accounts::{Burnt, MediumSale, Seller, Sold, Voided};
use super::database::StorageError;
use super::schema::script;
use super::statement::{Table, Transaction};
use super::value::Value;
use crate::format::cose::Sign1;
use crate::format::record::EventId;
use crate::format::store::{StoreEntry, StoreEvent};
use crate::format::{DecodeError, Kind, Object};
use crate::units::{MediumId, StoreId};
use crate::voucher;

/// Entries that are read at once when their columns are filled.
const PAGE: i64 = 10_000;

/// What is known of a medium's sales.
#[derive(Default)]
pub(super) struct Sales {
    pub(super) sold: Vec<Sold>,
    pub(super) of_medium: Vec<MediumSale>,
    pub(super) burnt: Vec<Burnt>,
}

/// The event that crediting the code or voucher of an entry is.
pub fn sold_event(entry: &StoreEntry) -> Option<EventId> {
    let value = entry.value.as_ref()?;
    match (&value.sheet, value.slot, value.serial) {
        (Some(sheet), Some(slot), _) => Some(voucher::code_event(entry.medium, sheet, slot)),
        (_, _, Some(serial)) => {
            let id = voucher::voucher_id(entry.store, serial);
            Some(voucher::voucher_event(entry.medium, &id))
        }
        _ => None,
    }
}

/// Is an entry about its medium itself, rather than about a code or voucher for it?
pub fn is_own(entry: &StoreEntry) -> bool {
    use StoreEvent::{CodeSold, Spent, VoucherSold};
    !matches!(entry.event, CodeSold | VoucherSold | Spent)
}

/// What stores' journals, and then the issuer's own sales, say of a medium.
pub(super) fn sales_of(tx: &mut Transaction<'_>, medium: MediumId) -> Result<Sales, StorageError> {
    const ENTRIES: &str = "SELECT store, seq, content FROM store_entries WHERE medium = $1 \
        ORDER BY store, seq";
    let mut sales = journalled(tx, ENTRIES, medium)?;
    sales.sold.extend(sold_by_issuer(tx, medium)?);
    Ok(sales)
}

/// What stores' journals say of a medium itself; a sale that brought a code is among them.
pub(super) fn own_sales_of(
    tx: &mut Transaction<'_>,
    medium: MediumId,
) -> Result<Sales, StorageError> {
    const OWN: &str = "SELECT store, seq, content FROM store_entries WHERE own = $1 \
        ORDER BY store, seq";
    journalled(tx, OWN, medium)
}

fn journalled(
    tx: &mut Transaction<'_>,
    entries: &'static str,
    medium: MediumId,
) -> Result<Sales, StorageError> {
    let entries = tx.rows(entries, &[medium.into()], |row| {
        let (store, seq) = (row.store(0)?, row.count(1)?);
        read_entry(row.bytes(2)?).map_err(|error| damaged(store, seq, &error))
    })?;
    let mut sales = Sales::default();
    let voided: BTreeMap<(StoreId, u64), Voided> =
        entries.iter().filter_map(|entry| Some((taken_back(entry)?, voided_by(entry)))).collect();
    for entry in &entries {
        sales.add(entry, voided.get(&(entry.store, entry.seq)).copied());
    }
    Ok(sales)
}

impl Sales {
    fn add(&mut self, entry: &StoreEntry, voided: Option<Voided>) {
        let StoreEntry { store, seq, at, .. } = *entry;
        match entry.event {
            StoreEvent::Burnt => {
                let burn = entry.burn.as_ref();
                let certificate = burn.map(|burn| burn.certificate);
                let burnt = certificate.map(|certificate| Burnt { store, seq, at, certificate });
                self.burnt.extend(burnt);
            }
            StoreEvent::Sold => self.of_medium.push(MediumSale { store, seq, at, voided }),
            _ => {}
        }
        let sells =
            [StoreEvent::Sold, StoreEvent::CodeSold, StoreEvent::VoucherSold, StoreEvent::Spent];
        let event = sold_event(entry).filter(|_| sells.contains(&entry.event));
        if let (Some(event), Some(value)) = (event, &entry.value) {
            let by = Seller::Store { store, seq };
            self.sold.push(Sold { event, amount: value.amount, by, at, voided });
        }
    }
}

/// The entry that this one takes back.
fn taken_back(entry: &StoreEntry) -> Option<(StoreId, u64)> {
    let voids = entry.voids.filter(|_| entry.event == StoreEvent::Voided)?;
    Some((entry.store, voids))
}

fn voided_by(entry: &StoreEntry) -> Voided {
    Voided { seq: entry.seq, at: entry.at }
}

/// Codes that the issuer sold for a medium, sheet by sheet: a server that has not counted its rows yet
/// would join them by reading all slots.
pub(super) fn sold_by_issuer(
    tx: &mut Transaction<'_>,
    medium: MediumId,
) -> Result<Vec<Sold>, StorageError> {
    const SHEETS: &str = "SELECT number, sheet FROM sheets WHERE medium = $1 ORDER BY number";
    const SOLD: &str = "SELECT slot, amount_minor, sold_at FROM slots \
        WHERE number = $1 AND sale IS NOT NULL ORDER BY slot";
    let sheets = tx.rows(SHEETS, &[medium.into()], |row| Ok((row.int(0)?, row.array(1)?)))?;
    let mut sold = vec![];
    for (number, sheet) in sheets {
        sold.extend(tx.rows(SOLD, &[Value::Int(number)], |row| {
            let slot = row.int(0)?.try_into().map_err(|error| row.wrong(0, &error))?;
            let event = voucher::code_event(medium, &sheet, slot);
            let (amount, at) = (row.amount(1)?, row.time(2)?);
            Ok(Sold { event, amount, by: Seller::Issuer, at, voided: None })
        })?);
    }
    Ok(sold)
}

/// An entry that was verified when it was imported.
fn read_entry(content: &[u8]) -> Result<StoreEntry, DecodeError> {
    StoreEntry::decode(Sign1::decode(content, Kind::StoreEntry)?.payload())
}

fn damaged(store: StoreId, seq: u64, error: &DecodeError) -> StorageError {
    StorageError::Damaged {
        object: format!("entry {seq} of store {store} in the records"),
        reason: error.to_string(),
    }
}

/// Give every entry the medium and the event that it is about: all in one statement, since a million
/// by themselves take minutes on a server.
pub(super) fn fill_entries(tx: &mut Transaction<'_>) -> Result<(), StorageError> {
    const BEGIN: &str = "CREATE TEMPORARY TABLE filled_entries (store BIGINT NOT NULL, \
        seq BIGINT NOT NULL, medium BIGINT NOT NULL, event BYTES, PRIMARY KEY (store, seq));";
    const FILLED: Table<4> = Table {
        name: "filled_entries",
        columns: [
            ("store", Type::INT8),
            ("seq", Type::INT8),
            ("medium", Type::INT8),
            ("event", Type::BYTEA),
        ],
    };
    const FILL: &str = "UPDATE store_entries SET medium = filled_entries.medium, \
        event = filled_entries.event FROM filled_entries \
        WHERE filled_entries.store = store_entries.store AND filled_entries.seq = store_entries.seq";
    tx.run_script(&script(BEGIN))?;
    by_pages(tx, |tx, page| {
        let events: Vec<_> = page.iter().map(sold_event).collect();
        let rows = page.iter().zip(&events).map(|(entry, event)| {
            let event = event.as_ref().map_or(Value::NoBytes, |event| Value::Bytes(event));
            [entry.store.into(), Value::count(entry.seq), entry.medium.into(), event]
        });
        tx.insert_all(&FILLED, rows)
    })?;
    tx.execute(FILL, &[])?;
    tx.run_script(&script("DROP TABLE filled_entries;"))
}

/// Mark the entries that are about a medium itself.
pub(super) fn fill_own(tx: &mut Transaction<'_>) -> Result<(), StorageError> {
    const BEGIN: &str = "CREATE TEMPORARY TABLE own_filled (store BIGINT NOT NULL, \
        seq BIGINT NOT NULL, PRIMARY KEY (store, seq));";
    const FILLED: Table<2> =
        Table { name: "own_filled", columns: [("store", Type::INT8), ("seq", Type::INT8)] };
    const FILL: &str = "UPDATE store_entries SET own = store_entries.medium FROM own_filled \
        WHERE own_filled.store = store_entries.store AND own_filled.seq = store_entries.seq";
    tx.run_script(&script(BEGIN))?;
    by_pages(tx, |tx, page| {
        let own = page.iter().filter(|entry| is_own(entry));
        tx.insert_all(&FILLED, own.map(|entry| [entry.store.into(), Value::count(entry.seq)]))
    })?;
    tx.execute(FILL, &[])?;
    tx.run_script(&script("DROP TABLE own_filled;"))
}

/// Do this with all entries, some at a time.
fn by_pages(
    tx: &mut Transaction<'_>,
    mut each: impl FnMut(&mut Transaction<'_>, &[StoreEntry]) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let mut last = (0, -1);
    loop {
        let page = page_behind(tx, last)?;
        let Some(entry) = page.last() else { return Ok(()) };
        last = (entry.store.number().into(), entry.seq.cast_signed());
        each(tx, &page)?;
    }
}

/// Some entries behind this one.
fn page_behind(
    tx: &mut Transaction<'_>,
    (store, seq): (i64, i64),
) -> Result<Vec<StoreEntry>, StorageError> {
    const READ: &str = "SELECT store, seq, content FROM store_entries \
        WHERE (store, seq) > ($1, $2) ORDER BY store, seq LIMIT $3";
    tx.rows(READ, &[Value::Int(store), Value::Int(seq), Value::Int(PAGE)], |row| {
        let (store, seq) = (row.store(0)?, row.count(1)?);
        read_entry(row.bytes(2)?).map_err(|error| damaged(store, seq, &error))
    })
}

#[cfg(test)]
mod tests {
    use super::super::database::{Database, Missing};
    use super::super::place::Place;
    use super::super::schema::{make_at, renew};
    use super::*;
    use crate::crypto::sign::SecretKey;
    use crate::format::store;
    use crate::trust::sign;
    use crate::units::{Amount, Timestamp};

    /// Voucher by voucher, to media in turn.
    fn entry(seq: u64) -> StoreEntry {
        let value = store::Value {
            amount: Amount::from_minor(500).unwrap(),
            currency: "JPY".parse().unwrap(),
            sheet: None,
            slot: None,
            serial: Some(seq),
        };
        StoreEntry {
            seq,
            prev: [0; 32],
            store: StoreId::from_number(7).unwrap(),
            at: Timestamp::from_seconds(9).unwrap(),
            event: StoreEvent::VoucherSold,
            medium: MediumId::from_serial(seq % 3),
            burn: None,
            value: Some(value),
            price: None,
            voids: None,
        }
    }

    #[test]
    fn entries_of_older_records_get_the_medium_and_the_event_that_they_are_about() {
        const ADD: &str = "INSERT INTO store_entries (store, seq, content) VALUES ($1, $2, $3)";
        const READ: &str = "SELECT seq, medium, event FROM store_entries ORDER BY seq";
        let folder = tempfile::tempdir().unwrap();
        let place = Place::in_folder(folder.path());
        let mut database = Database::connect(&place, Missing::Make).unwrap();
        database.write(|tx| make_at(tx, &place, 2)).unwrap();
        let count = PAGE.cast_unsigned() + 5;
        let key = SecretKey::from_seed([3; 32]);
        let written: Result<(), StorageError> = database.write(|tx| {
            for seq in 0..count {
                let (entry, number) = (entry(seq), Value::count(seq));
                let signed = sign(&key, &entry);
                tx.execute(ADD, &[entry.store.into(), number, Value::Bytes(&signed)])?;
            }
            Ok(())
        });
        written.unwrap();
        renew(&mut database, &place).unwrap();
        let read = database.read(|tx| {
            tx.rows(READ, &[], |row| Ok((row.count(0)?, row.medium(1)?, row.array(2)?)))
        });
        let of = |seq| (seq, entry(seq).medium, sold_event(&entry(seq)).unwrap());
        assert!(read.unwrap() == (0..count).map(of).collect::<Vec<_>>());
        assert!(!database.read(|tx| tx.has_table("filled_entries")).unwrap());
    }
}
