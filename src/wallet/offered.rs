//! What an owner can buy and play: the edition's items, and those that lie in OUTBOX alone.

use super::Medium;
use super::take::{Goods, Packaged, Shelf, ShelfError, owned};
use crate::format::edition::Item;
use crate::format::item::{ItemEntry, Package};
use crate::format::record::Body;
use crate::format::shelf::ItemNames;
use crate::format::transfer::Offer;
use crate::image::items;
use crate::trust::{Trust, Verified};
use crate::units::{Currency, Sequence};
use crate::words::Phrase;

/// An item that an owner can buy and play.
#[derive(Debug, Clone)]
pub struct Offered {
    /// What it is asked for by: its id, or, where another one has that, what the names of its files
    /// in OUTBOX have in common.
    pub name: String,
    /// As its rom-signer signed it.
    pub entry: Verified<ItemEntry>,
    /// The same with its signer's chain.
    pub package: Package,
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
    /// On a shelf, under this name: in OUTBOX, or in a kiosk's folder.
    Shelf(String),
}

impl Offered {
    /// Its title, in the languages it has.
    pub fn title(&self) -> Phrase {
        Phrase::new(&self.entry.title, self.entry.title_ja.as_ref().unwrap_or(&self.entry.title))
    }

    /// What is taken.
    pub fn goods(&self) -> Goods {
        Goods::of(&self.entry)
    }

    /// The record that paid for it: a purchase, or the end of a download from somebody else.
    pub fn paid(&self, medium: &Medium) -> Option<Sequence> {
        let name = self.purchase_name(medium);
        let bought = medium.records().find(|record| {
            record.body == Body::Purchase {} && record.history.content.as_ref() == Some(&name)
        });
        bought.map(|record| record.seq).or_else(|| owned(medium, &self.entry.hash()))
    }

    /// Under which name a purchase of it is recorded: an id tells items of one edition apart, not
    /// of several.
    pub fn purchase_name(&self, medium: &Medium) -> String {
        let hash = self.entry.hash();
        if medium.grounds().items.iter().any(|own| own.hash() == hash) {
            return self.entry.id.clone();
        }
        ItemNames::of(&self.entry.id, &hash).stem().to_owned()
    }

    /// Is a download of it under way, which has reserved or paid for some of it?
    pub fn is_under_way(&self, medium: &Medium) -> bool {
        let entry = self.entry.hash();
        let mut transfers = medium.account().state.transfers.values();
        transfers.any(|transfer| transfer.terms.entry == entry)
    }
}

/// What an owner can buy and play on a medium: the items of its catalogue, then what lies in its
/// OUTBOX whole, in its currency, and is none of them.
pub fn offered(
    medium: &Medium,
    catalogue: &[Item],
    outbox: Option<&dyn Shelf>,
    trust: &Trust,
) -> Result<Vec<Offered>, ShelfError> {
    let grounds = medium.grounds();
    let of_edition = catalogue.iter().filter_map(|item| {
        let nth = grounds.items.iter().position(|entry| entry.id == item.id)?;
        let place = Place::Rom { path: item.path.clone(), start: grounds.item_starts[nth] };
        let entry = grounds.items[nth].clone();
        let package = items::package(&entry, &grounds.rom_signer);
        Some(Offered { name: item.id.clone(), entry, package, place })
    });
    let mut found = of_edition.collect();
    if let Some(outbox) = outbox {
        add_shelved(&mut found, Packaged::on_shelf(outbox, trust)?, medium.currency());
    }
    Ok(found)
}

/// What a kiosk's folder has of what its offer names.
pub fn laid_out(
    folder: &dyn Shelf,
    offer: &Offer,
    trust: &Trust,
) -> Result<Vec<Offered>, ShelfError> {
    let mut shelved = Packaged::on_shelf(folder, trust)?;
    shelved.retain(|packaged| offer.entries.0.contains(&packaged.entry.hash()));
    let mut found = vec![];
    add_shelved(&mut found, shelved, offer.currency);
    Ok(found)
}

fn add_shelved(found: &mut Vec<Offered>, shelved: Vec<Packaged>, currency: Currency) {
    for Packaged { entry, package } in shelved {
        let known = found.iter().any(|offered| offered.entry.hash() == entry.hash());
        if known || entry.currency != currency {
            continue;
        }
        let names = ItemNames::of(&entry.id, &entry.hash());
        let taken = found.iter().any(|offered| offered.name == entry.id);
        let name = if taken { names.stem().to_owned() } else { entry.id.clone() };
        found.push(Offered { name, entry, package, place: Place::Shelf(names.data()) });
    }
}
