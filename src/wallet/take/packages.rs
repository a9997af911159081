//! What there is to be taken: on a medium's read-only area, on its OUTBOX, in a kiosk's folder.

use super::goods::Goods;
use super::shelf::{Shelf, ShelfError};
use crate::format::certificate::Chain;
use crate::format::item::{ItemEntry, Package};
use crate::format::shelf::{OFFER_NAME, PACKAGE_END, STORE_NAME};
use crate::format::transfer::Offer;
use crate::format::{Kind, Object};
use crate::trust::{Signer, Trust, TrustError, Verified};
use crate::units::StoreId;

/// An item that can be taken, with what proves it to whoever takes it on.
#[derive(Debug, Clone)]
pub struct Packaged {
    /// As its rom-signer signed it.
    pub entry: Verified<ItemEntry>,
    /// The same with its signer's chain.
    pub package: Package,
}

/// Why an offer is not one.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// It is not signed by a store under the pinned root.
    #[error("{0}")]
    Trust(#[from] TrustError),
    /// It was signed by another store than it names.
    #[error("the offer is of store {stated}, its certificate is store {signer}'s")]
    Store {
        /// Whom it names.
        stated: StoreId,
        /// Who signed.
        signer: StoreId,
    },
    /// Its signer is no store.
    #[error("the offer's certificate is no store's")]
    NoStore,
    /// The folder could not be read.
    #[error("{0}")]
    Shelf(#[from] ShelfError),
}

impl Packaged {
    /// The items on a shelf whose file is there whole, each once; what doesn't verify is no item.
    pub fn on_shelf(shelf: &dyn Shelf, trust: &Trust) -> Result<Vec<Self>, ShelfError> {
        let mut found: Vec<Self> = vec![];
        for name in shelf.list()?.iter().filter(|name| name.ends_with(PACKAGE_END)) {
            let bytes = shelf.read(name, Kind::Package.bytes_max() as u64);
            let packaged = bytes.ok().and_then(|bytes| Self::read(&bytes, trust).ok());
            let Some(packaged) = packaged else { continue };
            if found.iter().any(|known| known.entry.hash() == packaged.entry.hash()) {
                continue;
            }
            let data = match shelf.size(&packaged.goods().names().data()) {
                Err(ShelfError::Damaged(_)) => None,
                size => size?,
            };
            if data == Some(packaged.entry.size.bytes()) {
                found.push(packaged);
            }
        }
        Ok(found)
    }

    /// What a package's file proves.
    pub(in crate::wallet) fn read(bytes: &[u8], trust: &Trust) -> Result<Self, TrustError> {
        let package = Package::decode(bytes)?;
        let entry = trust.signer(&package.chain)?.open::<ItemEntry>(&package.item.0)?;
        Ok(Self { entry, package })
    }

    /// What is taken.
    pub fn goods(&self) -> Goods {
        Goods::of(&self.entry)
    }
}

/// The offer of a kiosk's folder, and the store that signed it.
pub fn read_offer(
    folder: &dyn Shelf,
    trust: &Trust,
) -> Result<(Verified<Offer>, Signer), OfferError> {
    let chain = folder.read(STORE_NAME, Kind::Chain.bytes_max() as u64)?;
    let signer = trust.signer(&Chain::decode(&chain).map_err(TrustError::from)?)?;
    let bytes = folder.read(OFFER_NAME, Kind::Offer.bytes_max() as u64)?;
    let offer = signer.open::<Offer>(&bytes)?;
    let grant = signer.certificate().grant.as_ref().ok_or(OfferError::NoStore)?;
    if offer.store != grant.store {
        return Err(OfferError::Store { stated: offer.store, signer: grant.store });
    }
    Ok((offer, signer))
}
