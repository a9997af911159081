//! Where a population lives: a test issuer, its stores, and the blanks that they were given.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::calendar::{enrolling, founding, stocking};
use super::chance::Chance;
use super::{Desk, Population, SimulateError, Stage};
use crate::crypto::Secret;
use crate::crypto::password::Cost;
use crate::crypto::sign::SecretKey;
use crate::device::read_file;
use crate::format::certificate::{Chain, Purpose};
use crate::format::edition::EditionId;
use crate::format::policy::Policy;
use crate::format::{Kind, Object};
use crate::issuer::{BlankKeys, BlanksError, CertifiedKey, Founding, Issuer, Terms, read_request};
use crate::shop::{Shop, Writing};
use crate::trust::{Passphrase, Signer, TestRoots, Verified};
use crate::units::{Amount, CurrencyForm, MediumId, StoreId};

/// Rounds of a sheet's commitments: a test root's alone may have so few.
const ROUNDS: u32 = 2;
/// What a kit holds of one sheet, minor units.
const KIT_MINOR: u64 = 99_000;
/// The largest voucher that a store sells.
const VOUCHER_MAX: u64 = 10_000;
/// Serials beyond what is planned.
const SERIALS_SPARE: u64 = 100;
/// The edition that all media are of; no edition is burnt.
pub(super) const EDITION: EditionId = *b"scrip simulated edition 00000001";

/// The stores, and what all can check them by.
pub(super) struct Setting {
    pub(super) signer: Signer,
    pub(super) policy: Verified<Policy>,
    pub(super) form: CurrencyForm,
    pub(super) seal: Secret<32>,
    pub(super) settler: CertifiedKey,
    pub(super) stalls: Vec<Stall>,
}

/// A store.
pub(super) struct Stall {
    pub(super) id: StoreId,
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) key: SecretKey,
    pub(super) chain: Chain,
    pub(super) signer: Signer,
    /// The numbers it was given, in the order in which it burns them.
    pub(super) blanks: Vec<MediumId>,
}

impl Setting {
    /// Found, enrol and stock, in folders below `folder`.
    pub(super) fn found(
        folder: &Path,
        population: &Population,
        desk: &dyn Desk,
    ) -> Result<(Self, Issuer), SimulateError> {
        let mut chance = Chance::new(population.seed, "setting", 0);
        let form = CurrencyForm::usual("JPY".parse().expect("it is a currency"));
        let plan = Founding {
            name: "Simulated issuer",
            form,
            purpose: Purpose::Test,
            passphrase: Passphrase::None,
            cost: Cost::MINIMAL,
            rounds: ROUNDS,
            place: None,
        };
        let mut issuer = Issuer::found(&folder.join("issuer"), &plan, &mut chance, founding())?;
        let seal = issuer.seal_key(Passphrase::None)?;
        let settler = issuer.settler_key(Passphrase::None)?;
        let mut stalls = vec![];
        for place in 0..population.stores {
            let mut opening = Opening { issuer: &mut issuer, chance: &mut chance, desk };
            stalls.push(opening.open(folder, population, place)?);
            desk.go_on(Stage::Stocking, stalls.len() as u64, population.stores.into())?;
        }
        let (signer, policy) = (issuer.signer().clone(), issuer.policy().clone());
        Ok((Self { signer, policy, form, seal, settler, stalls }, issuer))
    }
}

/// A store that is being opened.
struct Opening<'a> {
    issuer: &'a mut Issuer,
    chance: &'a mut Chance,
    desk: &'a dyn Desk,
}

impl Opening<'_> {
    fn open(
        &mut self,
        folder: &Path,
        population: &Population,
        place: u32,
    ) -> Result<Stall, SimulateError> {
        let name = format!("Simulated store {}", place + 1);
        let folder = folder.join("stores").join(format!("{:04}", place + 1));
        let key = self.issuer.issuer_key(Passphrase::None)?;
        Shop::init(&folder, &name, Passphrase::None, Cost::MINIMAL, enrolling(), self.chance)?;
        let bytes = Kind::EnrolRequest.bytes_max() as u64;
        let request = read_request(&read_file(&folder.join("request.cbr"), bytes)?)?;
        let count = population.blanks_of(place);
        let terms = terms(count, population.topups_each().1);
        let enrolled = self.issuer.enrol(&request, &terms, &key, self.chance, enrolling())?;
        let pins = [self.issuer.root().clone()];
        let mut shop = Shop::open(&folder, Passphrase::None, TestRoots::Allowed, Writing::Real)?;
        shop.accept(&enrolled.chain.encode(), &pins, enrolling())?;
        let blanks = self.stock(&mut shop, enrolled.store.id, count, key)?;
        Ok(Stall {
            id: enrolled.store.id,
            name,
            key: SecretKey::from_seed(*shop.key().seed().expose()),
            chain: enrolled.chain,
            signer: shop.signer().map_err(crate::shop::ShopError::from)?.clone(),
            folder,
            blanks,
        })
    }

    fn stock(
        &mut self,
        shop: &mut Shop,
        store: StoreId,
        count: u32,
        issuer: CertifiedKey,
    ) -> Result<Vec<MediumId>, SimulateError> {
        let plan = self.issuer.plan_blanks(store, count, stocking())?;
        let keys = BlankKeys { issuer, seal: self.issuer.seal_key(Passphrase::None)? };
        let desk = self.desk;
        let mut step =
            |_| if desk.stops() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let made = self.issuer.make_blanks(&plan, &keys, self.chance, stocking(), &mut step);
        let made = made.map_err(|error| match error {
            BlanksError::BrokenOff { .. } => SimulateError::Stopped,
            other => other.into(),
        })?;
        shop.accept(&made.bytes, &[], stocking())?;
        Ok(made.media)
    }
}

/// What a store with so many blanks is granted: its kit, and so many vouchers for each of them.
fn terms(blanks: u32, vouchers_each: u64) -> Terms {
    // Which store sells a voucher is drawn: some sell more than their part.
    let vouchers = (u64::from(blanks) * vouchers_each + SERIALS_SPARE) * 2;
    let quota = u64::from(blanks) * KIT_MINOR + vouchers * VOUCHER_MAX;
    let amount = |minor| Amount::from_minor(minor).expect("a store's quota is an amount");
    Terms { quota: amount(quota), single_max: amount(VOUCHER_MAX), vouchers, days: 730 }
}
