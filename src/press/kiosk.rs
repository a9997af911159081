//! A kiosk's folder: an edition's items laid out for owners to take, under the store's signature.

use super::{PressError, may_sell};
use crate::crypto::Secret;
use crate::device::{
    Device, DeviceError, Existing, FileDevice, Folder, FolderError, OpenError, Privacy,
};
use crate::format::Object;
use crate::format::checkpoint::Bounded;
use crate::format::edition::Item;
use crate::format::item::ItemEntry;
use crate::format::shelf::{ItemNames, OFFER_NAME, STORE_NAME};
use crate::format::transfer::Offer;
use crate::image::items::{item_keys, package};
use crate::image::leaves::{CHUNK_BYTES, Watch};
use crate::image::sealed::SealedEdition;
use crate::image::tree::{Digest, file_root, push_leaves};
use crate::shop::{Refusal, Shop, ShopError};
use crate::trust::{EditionSecret, Verified, sign};
use crate::units::Timestamp;

/// As many items one offer names.
pub const ITEMS_MAX: usize = 512;
/// Room that an item's small files and their names take at most, with what the folder has once.
const BESIDE_BYTES: u64 = 64 << 10;

/// What a kiosk's folder is to hold.
pub struct Stall<'a> {
    sealed: &'a SealedEdition,
    edition: &'a dyn Device,
    wares: Vec<Ware<'a>>,
}

/// One item that is laid out.
pub struct Ware<'a> {
    /// As the catalogue has it.
    pub item: &'a Item,
    entry: &'a Verified<ItemEntry>,
    key: Option<Secret<32>>,
}

/// Why a kiosk's folder is not made.
#[derive(Debug, thiserror::Error)]
pub enum KioskError {
    /// The store may not, the edition is in another currency, or its keys can't be had.
    #[error(transparent)]
    Press(#[from] PressError),
    /// The edition offers nothing.
    #[error("edition {0} has no items")]
    Nothing(String),
    /// The edition has no such item.
    #[error("edition {edition} has no item {item:?}")]
    NoItem {
        /// The edition's name.
        edition: String,
        /// Which was wished.
        item: String,
    },
    /// An item without a byte can't be taken.
    #[error("item {0:?} is empty: there is nothing to take")]
    Empty(String),
    /// More than one offer can name.
    #[error("{found} items, an offer names at most {max}")]
    TooMany {
        /// So many.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// The edition's bytes changed after they were verified.
    #[error("item {item:?}: the root of its copy is {found}, signed is {expected}")]
    Copy {
        /// The item.
        item: String,
        /// The root over what was copied, in hex.
        found: String,
        /// The signed one, in hex.
        expected: String,
    },
    /// The edition could not be read, or the copy not written.
    #[error("item {item:?}: {source}")]
    Device {
        /// The item.
        item: String,
        /// What went wrong.
        source: DeviceError,
    },
    /// A file could not be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A copy could not be begun.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The work was asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl From<Refusal> for KioskError {
    fn from(refusal: Refusal) -> Self {
        Self::Press(refusal.into())
    }
}

impl From<ShopError> for KioskError {
    fn from(error: ShopError) -> Self {
        Self::Press(error.into())
    }
}

impl<'a> Stall<'a> {
    /// What is laid out of an edition: the items of these ids, or all. Sealed ones need the
    /// edition's secret, the one given or one that the store has accepted. Nothing is written.
    pub fn plan(
        shop: &Shop,
        (sealed, edition): (&'a SealedEdition, &'a dyn Device),
        secret: Option<EditionSecret>,
        wished: &[String],
    ) -> Result<Self, KioskError> {
        may_sell(shop, sealed)?;
        let name = || sealed.manifest.name.clone();
        let items = sealed.catalogue.as_ref().map_or(&[][..], |catalogue| &catalogue.items);
        let unknown = wished.iter().find(|id| items.iter().all(|item| item.id != **id));
        if let Some(item) = unknown {
            return Err(KioskError::NoItem { edition: name(), item: item.clone() });
        }
        let chosen = |item: &Item| wished.is_empty() || wished.contains(&item.id);
        let chosen: Vec<_> =
            items.iter().zip(&sealed.items).filter(|(item, _)| chosen(item)).collect();
        match (chosen.len(), chosen.iter().find(|(item, _)| item.size.bytes() == 0)) {
            (0, _) => return Err(KioskError::Nothing(name())),
            (found, _) if found > ITEMS_MAX => {
                return Err(KioskError::TooMany { found, max: ITEMS_MAX });
            }
            (_, Some((item, _))) => return Err(KioskError::Empty(item.id.clone())),
            _ => {}
        }
        let keys = if chosen.iter().any(|(item, _)| item.content.is_some()) {
            let secrets = secret.map_or_else(|| shop.edition_secrets(), |secret| Ok(vec![secret]));
            item_keys(sealed, edition, &secrets?).map_err(PressError::from)?
        } else {
            vec![]
        };
        let key_of = |entry: &ItemEntry| {
            let found = keys.iter().find(|(root, _)| *root == entry.root);
            found.map(|(_, key)| Secret::new(*key.expose()))
        };
        let ware = |(item, entry): (&'a Item, &'a Verified<ItemEntry>)| {
            let key = entry.content.and_then(|_| key_of(entry));
            Ware { item, entry, key }
        };
        Ok(Self { sealed, edition, wares: chosen.into_iter().map(ware).collect() })
    }

    /// What is laid out.
    pub fn wares(&self) -> &[Ware<'a>] {
        &self.wares
    }

    /// Bytes of the items' files.
    pub fn content_bytes(&self) -> u64 {
        self.wares.iter().map(|ware| ware.item.size.bytes()).sum()
    }

    /// Room that the folder takes at most.
    pub fn room_bytes(&self) -> u64 {
        let beside = BESIDE_BYTES.saturating_mul(1 + self.wares.len() as u64);
        self.content_bytes().saturating_add(beside)
    }

    /// Write all of it into an empty folder; what is copied is held against what was signed.
    pub fn lay_out(
        &self,
        shop: &Shop,
        folder: &Folder,
        now: Timestamp,
        watch: &dyn Watch,
    ) -> Result<(), KioskError> {
        let total = self.content_bytes();
        let mut done = 0;
        for ware in &self.wares {
            let names = ItemNames::of(&ware.item.id, &ware.entry.hash());
            let count = |bytes: u64| {
                done += bytes;
                watch.progress(done, total);
            };
            let (path, size) = (folder.path_of(&names.data())?, ware.item.size.bytes());
            let to = FileDevice::create(&path, size, Existing::Refuse)?;
            self.copy(ware, &to, count, watch)?;
            let package = package(ware.entry, &self.sealed.signer);
            folder.create_new(&names.package(), &package.encode(), Privacy::Shared)?;
            if let Some(key) = &ware.key {
                folder.create_new(&names.key(), key.expose(), Privacy::Shared)?;
            }
        }
        let signer = shop.signer()?;
        let offer = Offer {
            store: shop.store()?,
            name: signer.certificate().subject.clone(),
            issued: now,
            currency: self.sealed.manifest.currency,
            entries: Bounded(self.wares.iter().map(|ware| ware.entry.hash()).collect()),
        };
        folder.create_new(STORE_NAME, &signer.chain().encode(), Privacy::Shared)?;
        Ok(folder.create_new(OFFER_NAME, &sign(shop.key(), &offer), Privacy::Shared)?)
    }

    fn copy(
        &self,
        ware: &Ware<'_>,
        to: &FileDevice,
        mut count: impl FnMut(u64),
        watch: &dyn Watch,
    ) -> Result<(), KioskError> {
        let item = || ware.item.id.clone();
        let failed = |source| KioskError::Device { item: item(), source };
        let place = self.sealed.plan.locate(&ware.item.path);
        let start = self.sealed.layout.rom().start + place.expect("every item has its file");
        let size = ware.item.size.bytes();
        let (mut at, mut piece, mut leaves) = (0, vec![], vec![]);
        while at < size {
            if watch.stopped() {
                return Err(KioskError::Interrupted);
            }
            let length = usize::try_from(size - at).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            piece.resize(length, 0);
            self.edition.read_at(start + at, &mut piece).map_err(failed)?;
            push_leaves(&mut leaves, &piece);
            to.write_at(at, &piece).map_err(failed)?;
            at += length as u64;
            count(length as u64);
        }
        to.flush().map_err(failed)?;
        let (found, expected) = (file_root(&leaves), ware.entry.root);
        if found != expected {
            let hex = |root: &Digest| data_encoding::HEXLOWER.encode(root);
            let (found, expected) = (hex(&found), hex(&expected));
            return Err(KioskError::Copy { item: item(), found, expected });
        }
        Ok(())
    }
}
