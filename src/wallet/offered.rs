//! What an owner can buy and play: the edition's items, and those that lie in OUTBOX alone.

use super::Medium;
use super::take::{Packaged, Shelf, ShelfError, owned};
use crate::format::edition::Item;
use crate::format::item::ItemEntry;
use crate::format::record::Body;
use crate::format::shelf::ItemNames;
use crate::trust::Verified;
use crate::units::Sequence;
use crate::words::Phrase;

/// An item that an owner can buy and play.
#[derive(Debug, Clone)]
pub struct Offered {
    /// What it is asked for by: its id, or, where another one has that, what the names of its files
    /// in OUTBOX have in common.
    pub name: String,
    /// As its rom-signer signed it.
    pub entry: Verified<ItemEntry>,
    /// Where its file lies.
    pub place: Place,
}

/// Where an item's file lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On the read-only area.
    Rom {
        /// Its path there.
        path: String,
        /// Where it begins on an image or a raw device.
        start: u64,
    },
    /// In OUTBOX, under this name.
    Outbox(String),
}

impl Offered {
    /// Its title, in the languages it has.
    pub fn title(&self) -> Phrase {
        Phrase::new(&self.entry.title, self.entry.title_ja.as_ref().unwrap_or(&self.entry.title))
    }

    /// The record that paid for it.
    pub fn paid(&self, medium: &Medium) -> Option<Sequence> {
        paid(medium, &self.entry)
    }

    /// Under which name a purchase of it is recorded.
    pub fn purchase_name(&self, medium: &Medium) -> String {
        purchase_name(medium, &self.entry)
    }

    /// Is a download of it under way, which has reserved or paid for some of it?
    pub fn is_under_way(&self, medium: &Medium) -> bool {
        let entry = self.entry.hash();
        let mut transfers = medium.account().state.transfers.values();
        transfers.any(|transfer| transfer.terms.entry == entry)
    }
}

/// The record that paid for an item: a purchase, or the end of a download from somebody else.
pub fn paid(medium: &Medium, entry: &Verified<ItemEntry>) -> Option<Sequence> {
    let name = purchase_name(medium, entry);
    let bought = medium.records().find(|record| {
        record.body == Body::Purchase {} && record.history.content.as_ref() == Some(&name)
    });
    bought.map(|record| record.seq).or_else(|| owned(medium, &entry.hash()))
}

/// An id tells items of one edition apart, not of several.
fn purchase_name(medium: &Medium, entry: &Verified<ItemEntry>) -> String {
    let hash = entry.hash();
    if medium.grounds().items.iter().any(|own| own.hash() == hash) {
        return entry.id.clone();
    }
    ItemNames::of(&entry.id, &hash).stem().to_owned()
}

/// What an owner can buy and play on a medium: the items of its catalogue, then what lies in its
/// OUTBOX whole, in its currency, and is none of them.
pub fn offered(
    medium: &Medium,
    catalogue: &[Item],
    outbox: Option<&dyn Shelf>,
) -> Result<Vec<Offered>, ShelfError> {
    let grounds = medium.grounds();
    let of_edition = catalogue.iter().filter_map(|item| {
        let nth = grounds.items.iter().position(|entry| entry.id == item.id)?;
        let place = Place::Rom { path: item.path.clone(), start: grounds.item_starts[nth] };
        Some(Offered { name: item.id.clone(), entry: grounds.items[nth].clone(), place })
    });
    let mut found: Vec<_> = of_edition.collect();
    let shelved = outbox.map(|outbox| Packaged::on_shelf(outbox, &medium.trust()));
    for Packaged { entry, .. } in shelved.transpose()?.unwrap_or_default() {
        let known = found.iter().any(|offered| offered.entry.hash() == entry.hash());
        if known || entry.currency != medium.currency() {
            continue;
        }
        let names = ItemNames::of(&entry.id, &entry.hash());
        let taken = found.iter().any(|offered| offered.name == entry.id);
        let name = if taken { names.stem().to_owned() } else { entry.id.clone() };
        found.push(Offered { name, entry, place: Place::Outbox(names.data()) });
    }
    Ok(found)
}
