//! A store's press: its blanks, an edition and a target become one medium.
//!
//! A burn has four parts, so that several can run side by side over one store's folder:
//! [`prepare`] uses up a number and stamps, [`Prepared::burn`] gives the bytes to a target,
//! [`verified`] keeps that its body was read back before it can look whole, and [`finish`] journals
//! the medium. [`check`] says beforehand what would be refused. Media that come back are
//! [`InHand`]; a [`Stall`] is a kiosk's folder.

mod kiosk;
mod refresh;

pub use kiosk::{ITEMS_MAX, KioskError, Stall, Ware};
pub use refresh::{InHand, RefreshError, Refreshed, SaleWish};

use zeroize::Zeroizing;

use crate::crypto::Random;
use crate::crypto::password::{Cost, Password};
use crate::device::Device;
use crate::format::edition::EditionId;
use crate::format::store::Burn as BurnRecord;
use crate::image::burn::{Burn, Start};
use crate::image::items::{ItemKeysError, item_keys, needed_secret};
use crate::image::sealed::SealedEdition;
use crate::image::stamp::{Order, StampError, Stamped, Stamper, stamp};
use crate::ledger::next::Code;
use crate::shop::{BurnSecrets, Refusal, ReservedBlank, Shop, ShopError, SoldCode};
use crate::trust::Verified;
use crate::units::{Amount, Currency, MediumId, Timestamp};

/// What one medium is wished to be.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// What it is burnt to, for a person; a burn that broke off is found again by it.
    pub target: String,
    /// Identity of the hardware, where it has one.
    pub hardware: Option<String>,
    /// What is to be on it from the start: one code of the store's own.
    pub balance: Option<Amount>,
}

/// Why a burn could not be prepared or journalled.
#[derive(Debug, thiserror::Error)]
pub enum PressError {
    /// The store's folder says no.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// The edition is in another currency than the store sells.
    #[error("the edition is in {edition}, the store sells {store}")]
    Currency {
        /// The edition's.
        edition: Currency,
        /// The store's.
        store: Currency,
    },
    /// A burn that broke off had spent another code.
    #[error("the burn of medium {medium} that broke off put {spent} on it, {wished} are wished")]
    Balance {
        /// The medium.
        medium: MediumId,
        /// Spent, in minor units.
        spent: u64,
        /// Wished now, in minor units.
        wished: u64,
    },
    /// No kit has brought a policy.
    #[error("the store has no policy: accept a kit first")]
    NoPolicy,
    /// The medium can't be stamped.
    #[error(transparent)]
    Stamp(#[from] StampError),
    /// The keys of the edition's sealed items can't be had.
    #[error(transparent)]
    Items(#[from] ItemKeysError),
}

impl From<Refusal> for PressError {
    fn from(refusal: Refusal) -> Self {
        Self::Shop(refusal.into())
    }
}

/// A medium that is ready to be burnt.
pub struct Prepared {
    /// Its stamp.
    pub stamped: Stamped,
    /// Whether an earlier burn of it may lie on the target.
    pub start: Start,
    /// The first password, for the label alone.
    pub password: Zeroizing<String>,
    /// What it is to be.
    pub wish: Wish,
}

impl Prepared {
    /// The medium.
    pub fn medium(&self) -> MediumId {
        self.stamped.medium
    }

    /// What is to be written.
    pub fn burn<'a>(&'a self, sealed: &'a SealedEdition, edition: &'a dyn Device) -> Burn<'a> {
        Burn { sealed, edition, stamped: &self.stamped }
    }
}

/// A burn that broke off: its medium, and what it went to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenOff {
    /// The medium, whose number is used up.
    pub medium: MediumId,
    /// The target, as [`Wish::target`] named it.
    pub target: String,
}

/// The burns of an edition that broke off and can be taken up again.
pub fn broken_off(shop: &Shop, edition: &EditionId) -> Result<Vec<BrokenOff>, ShopError> {
    let mut found = vec![];
    for medium in shop.unfinished_burns()? {
        match shop.burn_secrets(medium) {
            Ok(secrets) if secrets.edition == *edition => {
                found.push(BrokenOff { medium, target: secrets.target });
            }
            // Without its secrets a burn can only be given up; it doesn't hold up others.
            Ok(_) | Err(ShopError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Refuse what [`prepare`] would refuse, for so many media that are begun; nothing is written.
pub fn check(
    shop: &Shop,
    sealed: &SealedEdition,
    begun: usize,
    balance: Option<Amount>,
) -> Result<(), PressError> {
    may_sell(shop, sealed)?;
    shop.policy().ok_or(PressError::NoPolicy)?;
    needed_secret(sealed, &shop.edition_secrets()?)?;
    shop.check_blanks(begun)?;
    match balance {
        Some(amount) if begun > 0 => Ok(shop.check_starting_code(amount)?),
        _ => Ok(()),
    }
}

/// Refuse where the store may not sell, or not in the edition's currency.
fn may_sell(shop: &Shop, sealed: &SealedEdition) -> Result<(), PressError> {
    shop.standing()?;
    let (edition, store) = (sealed.manifest.currency, shop.grant()?.currency);
    if edition != store {
        return Err(PressError::Currency { edition, store });
    }
    Ok(())
}

/// Use up a blank, or take up a burn of this edition to this target that broke off; stamp it.
pub fn prepare(
    shop: &mut Shop,
    (sealed, edition): (&SealedEdition, &dyn Device),
    wish: Wish,
    cost: Cost,
    now: Timestamp,
    rng: &mut dyn Random,
) -> Result<Prepared, PressError> {
    let broken_off = broken_off(shop, &sealed.id)?.into_iter();
    let broken_off = broken_off.map(|burn| (burn.medium, burn.target));
    let medium = broken_off.filter(|(_, target)| *target == wish.target).map(|(m, _)| m).next();
    check(shop, sealed, usize::from(medium.is_none()), wish.balance)?;
    let (start, secrets, reserved) = match medium {
        None => {
            let secrets = BurnSecrets::generate(sealed.id, &wish.target, rng);
            let reserved = shop.begin_burn(&secrets, now, rng)?;
            (Start::Fresh, secrets, reserved)
        }
        Some(medium) => {
            let whole = shop.verified_label(medium)?.is_some();
            let start = if whole { Start::Verified } else { Start::Resumed };
            (start, shop.burn_secrets(medium)?, shop.reserved(medium)?)
        }
    };
    let code = starting_code(shop, reserved.medium, wish.balance, now)?;
    let password = Password::new(secrets.password.to_string());
    let material = Material { reserved: &reserved, secrets: &secrets, password: &password, cost };
    let stamped = material.stamp(shop, (sealed, edition), &wish, code)?;
    Ok(Prepared { stamped, start, password: secrets.password, wish })
}

/// The medium's body was read back: keep that it may look whole from now on. Returns the number
/// for its label.
pub fn verified(shop: &Shop, prepared: &Prepared) -> Result<u64, ShopError> {
    let medium = prepared.medium();
    let label = match shop.verified_label(medium)? {
        Some(label) => label,
        None => shop.next_label()?,
    };
    shop.mark_verified(medium, label)?;
    Ok(label)
}

/// Journal a medium that is whole; its secrets are erased.
pub fn finish(
    shop: &mut Shop,
    sealed: &SealedEdition,
    prepared: &Prepared,
    label: u64,
    now: Timestamp,
) -> Result<u64, ShopError> {
    let burn = BurnRecord {
        edition: sealed.id,
        certificate: prepared.stamped.certificate,
        root: prepared.stamped.root,
        target: prepared.wish.target.clone(),
        hardware: prepared.wish.hardware.clone(),
        label: Some(label),
    };
    shop.record_burnt(prepared.medium(), burn, now)
}

/// The code that the medium starts with: the one its broken-off burn spent, or a new one.
fn starting_code(
    shop: &mut Shop,
    medium: MediumId,
    wished: Option<Amount>,
    now: Timestamp,
) -> Result<Option<Code>, PressError> {
    let spent = shop.spent_codes(medium)?.into_iter().next();
    let wished_minor = wished.map_or(0, Amount::minor);
    let sold = match (spent, wished) {
        (None, None) => return Ok(None),
        (None, Some(amount)) => shop.spend_code(medium, amount, now)?,
        (Some(spent), _) if spent.amount.minor() == wished_minor => spent,
        (Some(spent), _) => {
            let spent = spent.amount.minor();
            return Err(PressError::Balance { medium, spent, wished: wished_minor });
        }
    };
    let SoldCode { sheet, amount, code, .. } = sold;
    Ok(Some(Code { sheet, slot: code.slot(), secret: code.secret().clone(), amount }))
}

/// What a store's folder gives for one medium.
struct Material<'a> {
    reserved: &'a ReservedBlank,
    secrets: &'a BurnSecrets,
    password: &'a Password,
    cost: Cost,
}

impl Material<'_> {
    fn stamp(
        &self,
        shop: &Shop,
        (sealed, edition): (&SealedEdition, &dyn Device),
        wish: &Wish,
        code: Option<Code>,
    ) -> Result<Stamped, PressError> {
        let policy = shop.policy().ok_or(PressError::NoPolicy)?;
        let chain = shop.signer()?.chain();
        let stamper =
            Stamper { store: shop.store()?, name: shop.name(), key: shop.key(), chain: &chain };
        let sheet = &self.reserved.sheet;
        let items = item_keys(sealed, edition, &shop.edition_secrets()?)?;
        let order = Order {
            medium: self.reserved.medium,
            currency: sheet.currency,
            sheets: vec![(sheet.id, sheet.bytes().to_vec())],
            policy: policy.bytes(),
            revocation: shop.revocation().map(Verified::bytes),
            serial: self.reserved.serial,
            at: self.reserved.at,
            floor: shop.trust()?.floor().unwrap_or(self.reserved.at),
            hardware: wish.hardware.clone(),
            holder: &self.secrets.keys,
            seed: &self.secrets.seed,
            password: self.password,
            cost: self.cost,
            items: &items,
            code,
            sold: None,
        };
        Ok(stamp(sealed, edition, &stamper, &order)?)
    }
}
