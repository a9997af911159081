//! What the entries of stores' journals say of a medium: burns, sales, codes and vouchers sold.

use std::collections::BTreeMap;

use super::accounts::{Burnt, MediumSale, Seller, Sold, Voided};
use super::database::StorageError;
use super::statement::Transaction;
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

/// What stores' journals, and then the issuer's own sales, say of a medium.
pub(super) fn sales_of(tx: &mut Transaction<'_>, medium: MediumId) -> Result<Sales, StorageError> {
    const ENTRIES: &str = "SELECT store, seq, content FROM store_entries WHERE medium = $1 \
        ORDER BY store, seq";
    let entries = tx.rows(ENTRIES, &[medium.into()], |row| {
        let (store, seq) = (row.store(0)?, row.count(1)?);
        read_entry(row.bytes(2)?).map_err(|error| damaged(store, seq, &error))
    })?;
    let mut sales = Sales::default();
    let voided: BTreeMap<(StoreId, u64), Voided> =
        entries.iter().filter_map(|entry| Some((taken_back(entry)?, voided_by(entry)))).collect();
    for entry in &entries {
        sales.add(entry, voided.get(&(entry.store, entry.seq)).copied());
    }
    sales.sold.extend(sold_by_issuer(tx, medium)?);
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

fn sold_by_issuer(tx: &mut Transaction<'_>, medium: MediumId) -> Result<Vec<Sold>, StorageError> {
    const SOLD: &str = "SELECT sheets.sheet, slots.slot, slots.amount_minor, slots.sold_at \
        FROM sheets JOIN slots ON slots.number = sheets.number \
        WHERE sheets.medium = $1 AND slots.sale IS NOT NULL ORDER BY sheets.number, slots.slot";
    tx.rows(SOLD, &[medium.into()], |row| {
        let slot = row.int(1)?.try_into().map_err(|error| row.wrong(1, &error))?;
        let event = voucher::code_event(medium, &row.array(0)?, slot);
        let (amount, at) = (row.amount(2)?, row.time(3)?);
        Ok(Sold { event, amount, by: Seller::Issuer, at, voided: None })
    })
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

/// Give every entry the medium and the event that it is about.
pub(super) fn fill_entries(tx: &mut Transaction<'_>) -> Result<(), StorageError> {
    const READ: &str = "SELECT store, seq, content FROM store_entries \
        WHERE (store, seq) > ($1, $2) ORDER BY store, seq LIMIT $3";
    const FILL: &str = "UPDATE store_entries SET medium = $3, event = $4 \
        WHERE store = $1 AND seq = $2";
    let mut last = (0, -1);
    loop {
        let from = [Value::Int(last.0), Value::Int(last.1), Value::Int(PAGE)];
        let page = tx.rows(READ, &from, |row| {
            let (store, seq) = (row.store(0)?, row.count(1)?);
            let entry = read_entry(row.bytes(2)?).map_err(|error| damaged(store, seq, &error))?;
            Ok((store, seq, entry.medium, sold_event(&entry)))
        })?;
        let Some((store, seq, ..)) = page.last() else { break };
        last = (store.number().into(), seq.cast_signed());
        for (store, seq, medium, event) in &page {
            let event = event.as_ref().map_or(Value::NoBytes, |event| Value::Bytes(event));
            tx.execute(FILL, &[(*store).into(), Value::count(*seq), (*medium).into(), event])?;
        }
    }
    Ok(())
}
