//! Where an item is taken from: another owner's medium, or a kiosk's folder.

use std::collections::BTreeMap;
use std::path::Path;

use scrip::crypto::Secret;
use scrip::device::Folder;
use scrip::format::shelf::OFFER_NAME;
use scrip::format::transfer::{Offer, Partner};
use scrip::image::tree::Digest;
use scrip::journal::Storage;
use scrip::ledger::KeyLife;
use scrip::ledger::charge::segment;
use scrip::tool::{Exit, Failure, RomFile, Source, Tell};
use scrip::trust::Verified;
use scrip::units::{Amount, ByteCount};
use scrip::wallet::take::{Content, Goods, Outbox, Shelved, read_offer};
use scrip::wallet::{Medium, Offered, Opened, Place, UnusableError, laid_out, offered};
use scrip::words::Phrase;

use super::Desk;
use super::words::{
    self, it_has, key_length, list_them, name_another, no_item, nobodys, other_currency,
    other_root, taking_from,
};
use crate::buy::catalogue;
use crate::opened::{Look, look_at, take_at};

/// The most that is read of a key's file.
const KEY_BYTES_MAX: u64 = 64;

/// The most items of a kiosk that a hint names.
const NAMED_MAX: usize = 20;

/// A medium that is open for writing; none where nothing is to be written, or it is no medium.
pub(crate) type Written = Option<Opened<Storage>>;

/// Where an item is taken from.
pub(crate) enum From {
    /// Another owner's medium.
    Medium(Box<Other>),
    /// A kiosk's folder.
    Kiosk(Kiosk),
}

/// Another owner's medium, as far as it is only read.
pub(crate) struct Other {
    pub(crate) medium: Medium,
    source: Source,
    outbox: Outbox,
}

/// A kiosk's folder.
pub(crate) struct Kiosk {
    pub(crate) offer: Verified<Offer>,
    folder: Folder,
}

impl From {
    /// Open what stands at a path, and hold it against the medium that takes from it.
    pub(crate) fn open(desk: &Desk<'_>, own: &Medium) -> Result<(Self, Written), Failure> {
        let path = &desk.args.from;
        let opened = if path.join(OFFER_NAME).is_file() {
            kiosk(path, own).map(|kiosk| (Self::Kiosk(kiosk), None))
        } else {
            other(desk, own).map(|(other, written)| (Self::Medium(Box::new(other)), written))
        };
        opened.map_err(|failure| failure.during(taking_from(path.display())))
    }

    /// How records name it.
    pub(crate) fn partner(&self) -> Partner {
        match self {
            Self::Medium(other) => Partner::Medium(other.medium.id()),
            Self::Kiosk(kiosk) => Partner::Store(kiosk.offer.store),
        }
    }

    /// For a person.
    pub(crate) fn name(&self) -> Phrase {
        match self {
            Self::Medium(other) => words::medium(other.medium.id().grouped()),
            Self::Kiosk(kiosk) => words::kiosk(&kiosk.offer.name, kiosk.offer.store),
        }
    }

    /// What it waits to earn by what the own medium took; none if nothing is open between them.
    pub(crate) fn due(&self, own: &Medium) -> Option<Amount> {
        let Self::Medium(other) = self else { return None };
        let uploads = other.medium.account().state.uploads.values();
        let mut own_uploads =
            uploads.filter(|upload| upload.partner == Partner::Medium(own.id())).peekable();
        own_uploads.peek()?;
        let fees = own_uploads.filter_map(|upload| {
            let left = upload.terms.length.bytes().checked_sub(upload.before.bytes())?;
            let left = upload.got.unwrap_or(ByteCount::from_bytes(left));
            Some(segment(&upload.terms, upload.before, left).ok()?.fee.minor())
        });
        Amount::from_minor(fees.sum()).ok()
    }

    /// What can be taken from it.
    pub(crate) fn items(&self, own: &Medium) -> Result<Vec<Offered>, Failure> {
        match self {
            Self::Medium(other) => {
                let items = catalogue(&other.source, &other.medium)?;
                offered(&other.medium, &items, Some(&other.outbox), &own.trust()).or_tell()
            }
            Self::Kiosk(kiosk) => laid_out(&kiosk.folder, &kiosk.offer, &own.trust()).or_tell(),
        }
    }

    /// The item of an id or name.
    pub(crate) fn find(&self, id: &str, own: &Medium) -> Result<Offered, Failure> {
        let items = self.items(own)?;
        let named = |item: &&Offered| item.name == id || item.goods().names().stem() == id;
        let unknown = || {
            let all = items.iter().take(NAMED_MAX).map(|item| item.name.as_str());
            let hint = match self {
                Self::Medium(_) => list_them(),
                Self::Kiosk(_) => it_has(all.collect::<Vec<_>>().join(", ")),
            };
            Failure::new(Exit::Refusal, no_item(self.name(), id)).hint(hint)
        };
        items.iter().find(named).cloned().ok_or_else(unknown)
    }

    /// The bytes of an item's file.
    pub(crate) fn content(&self, place: &Place) -> Box<dyn Content + '_> {
        match (self, place) {
            (Self::Medium(other), Place::Rom { path, .. }) => {
                Box::new(RomFile { source: &other.source, path: path.clone() })
            }
            (Self::Medium(other), Place::Shelf(name)) => {
                Box::new(Shelved { shelf: &other.outbox, name: name.clone() })
            }
            (Self::Kiosk(kiosk), Place::Rom { path: name, .. } | Place::Shelf(name)) => {
                Box::new(Shelved { shelf: &kiosk.folder, name: name.clone() })
            }
        }
    }
}

impl Kiosk {
    /// The key that the folder lays out for an item.
    pub(crate) fn keys(&self, goods: &Goods) -> Result<BTreeMap<Digest, Secret<32>>, Failure> {
        let name = goods.names().key();
        if self.folder.len_bytes(&name).or_tell()?.is_none() {
            return Ok(BTreeMap::new());
        }
        let bytes = self.folder.read(&name, KEY_BYTES_MAX).or_tell()?;
        let key = Secret::from_slice(&bytes)
            .ok_or_else(|| Failure::new(Exit::Damage, key_length(&name, bytes.len())))?;
        Ok(BTreeMap::from([(goods.root, key)]))
    }
}

/// Another owner's medium: looked at, and opened for writing unless nothing is to be written.
fn other(desk: &Desk<'_>, own: &Medium) -> Result<(Other, Written), Failure> {
    let (path, common) = (&desk.args.from, desk.common);
    // What is open already would stand in its own way.
    if Source::open(path)?.stated_medium() == Some(own.id()) {
        return Err(itself(own));
    }
    let (medium, source, written) = if desk.args.dry_run {
        let Look { medium, source, .. } = look_at(path, common, desk.output, desk.interrupt)?;
        (medium, source, None)
    } else {
        let opened = take_at(path, common, desk.output, desk.interrupt)?;
        (opened.medium().clone(), Source::open(path)?, Some(opened))
    };
    compare(own, &medium)?;
    let outbox = source.exchange(medium.grounds()).ok_or(UnusableError::NoWritableArea);
    let outbox = Outbox(outbox.or_tell()?);
    Ok((Other { medium, source, outbox }, written))
}

fn kiosk(path: &Path, own: &Medium) -> Result<Kiosk, Failure> {
    let folder = Folder::open(path).or_tell()?;
    let (offer, _) = read_offer(&folder, &own.trust()).or_tell()?;
    own.grounds().revoked.check_store(offer.store).or_tell()?;
    if offer.currency != own.currency() {
        let (found, expected) = (offer.currency, own.currency());
        return Err(Failure::new(Exit::Refusal, other_currency(found, expected)));
    }
    Ok(Kiosk { offer, folder })
}

fn itself(own: &Medium) -> Failure {
    Failure::new(Exit::Refusal, words::itself(own.id().grouped())).hint(name_another())
}

/// Two media between which content may pass.
fn compare(own: &Medium, other: &Medium) -> Result<(), Failure> {
    let refused = |message: Phrase| Err(Failure::new(Exit::Refusal, message));
    if own.id() == other.id() {
        return Err(itself(own));
    }
    let roots = [own, other].map(|medium| medium.grounds().store.anchor().fingerprint());
    if roots[0] != roots[1] {
        let [own, other] = roots;
        return refused(other_root(other, own));
    }
    if own.currency() != other.currency() {
        let (found, expected) = (other.currency(), own.currency());
        return refused(other_currency(found, expected));
    }
    own.grounds().revoked.check_medium(other.id()).or_tell()?;
    other.grounds().revoked.check_medium(own.id()).or_tell()?;
    if other.account().state.life == KeyLife::StoreMade {
        return refused(nobodys(other.id().grouped()));
    }
    Ok(())
}
