//! A store's press: its blanks, an edition and a target become one medium.
//!
//! A burn has three parts, so that several can run side by side over one store's folder:
//! [`prepare`] uses up a number and stamps, [`Prepared::burn`] gives the bytes to a target, and
//! [`finish`] journals the medium once its read-back agreed.

use zeroize::Zeroizing;

use crate::crypto::Random;
use crate::crypto::password::{Cost, Password};
use crate::device::Device;
use crate::format::store::Burn as BurnRecord;
use crate::image::burn::{Burn, Start};
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
    /// The number on its label.
    pub label: Option<u64>,
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

/// Use up a blank, or take up a burn of this edition to this target that broke off; stamp it.
pub fn prepare(
    shop: &mut Shop,
    (sealed, edition): (&SealedEdition, &dyn Device),
    wish: Wish,
    cost: Cost,
    now: Timestamp,
    rng: &mut dyn Random,
) -> Result<Prepared, PressError> {
    let store = shop.grant()?.currency;
    if sealed.manifest.currency != store {
        return Err(PressError::Currency { edition: sealed.manifest.currency, store });
    }
    let broken_off = unfinished(shop, sealed, &wish)?;
    let start = if broken_off.is_some() { Start::Resumed } else { Start::Fresh };
    let (secrets, reserved) = match broken_off {
        Some(found) => found,
        None => begin(shop, sealed, &wish, now, rng)?,
    };
    let code = starting_code(shop, reserved.medium, wish.balance, now)?;
    let password = Password::new(secrets.password.to_string());
    let material = Material { reserved: &reserved, secrets: &secrets, password: &password, cost };
    let stamped = material.stamp(shop, (sealed, edition), &wish, code)?;
    Ok(Prepared { stamped, start, password: secrets.password, wish })
}

/// Journal a medium whose read-back agreed; its secrets are erased.
pub fn finish(
    shop: &mut Shop,
    sealed: &SealedEdition,
    prepared: &Prepared,
    now: Timestamp,
) -> Result<u64, ShopError> {
    let burn = BurnRecord {
        edition: sealed.id,
        certificate: prepared.stamped.certificate,
        root: prepared.stamped.root,
        target: prepared.wish.target.clone(),
        hardware: prepared.wish.hardware.clone(),
        label: prepared.wish.label,
    };
    shop.record_burnt(prepared.medium(), burn, now)
}

/// Use up a blank, unless the medium could not be what is wished.
fn begin(
    shop: &mut Shop,
    sealed: &SealedEdition,
    wish: &Wish,
    now: Timestamp,
    rng: &mut dyn Random,
) -> Result<(BurnSecrets, ReservedBlank), ShopError> {
    if let Some(amount) = wish.balance {
        shop.check_starting_code(amount)?;
    }
    let secrets = BurnSecrets::generate(sealed.id, &wish.target, rng);
    let reserved = shop.begin_burn(&secrets, now, rng)?;
    Ok((secrets, reserved))
}

/// A burn of this edition to this target that broke off.
fn unfinished(
    shop: &Shop,
    sealed: &SealedEdition,
    wish: &Wish,
) -> Result<Option<(BurnSecrets, ReservedBlank)>, ShopError> {
    for medium in shop.unfinished_burns()? {
        let secrets = shop.burn_secrets(medium)?;
        if secrets.edition == sealed.id && secrets.target == wish.target {
            return Ok(Some((secrets, shop.reserved(medium)?)));
        }
    }
    Ok(None)
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
            code,
            sold: None,
        };
        Ok(stamp(sealed, edition, &stamper, &order)?)
    }
}
