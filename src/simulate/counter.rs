//! A store's counter: it burns, sells and journals what its agendas say, in the order of time.

use std::collections::BTreeMap;

use super::SimulateError;
use super::agenda::{Agenda, Sold};
use super::calendar::burning;
use super::chance::Chance;
use super::dials::Dial;
use super::population::Population;
use super::setting::{EDITION, Setting, Stall};
use crate::crypto::digest::sha256;
use crate::crypto::password::{Cost, Password};
use crate::format::sheet::Sheet;
use crate::format::store::{Burn, StoreEntry, StoreEvent};
use crate::image::stamp::{Order, StampError, Stamper, stamped_slots};
use crate::shop::{BurnSecrets, ReservedBlank, Shop, ShopError, Writing, log};
use crate::trust::{Passphrase, TestRoots, Verified, sign};
use crate::units::{Amount, MediumId, Timestamp};

/// A medium as it left its store.
#[derive(Debug, Clone)]
pub(super) struct Burnt {
    pub(super) medium: MediumId,
    pub(super) sheet: Verified<Sheet>,
    /// Sequence of its burn in the store's journal, and when that began.
    pub(super) serial: u64,
    pub(super) at: Timestamp,
}

/// A code or voucher that was sold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    pub(super) at: Timestamp,
    pub(super) amount: Amount,
    pub(super) what: Kept,
}

/// What its buyer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// The code of this slot.
    Code(u8),
    /// The voucher of this serial, by the store at this place.
    Voucher { store: usize, serial: u64 },
}

/// All that one store did.
#[derive(Default)]
pub(super) struct Trade {
    /// Its media, by their place in the population.
    pub(super) burnt: Vec<(usize, Burnt)>,
    /// What it sold, by the place of the medium, then of the sale in its agenda.
    pub(super) tickets: Vec<(usize, usize, Ticket)>,
    /// What it sold and took back, by the place of the medium.
    pub(super) voided: Vec<(usize, Ticket)>,
    /// Its journal as it lies in its folder.
    pub(super) journal: Vec<u8>,
    /// Its journal as it is exported.
    pub(super) export: Vec<u8>,
    /// How many entries that has.
    pub(super) entries: u64,
}

/// What is done at a counter; in this order where the time is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Burn,
    Sell(usize),
    SellInVain,
    TakeBack,
}

/// All that the store at this place does; its folder stays as it is.
pub(super) fn keep(
    setting: &Setting,
    population: &Population,
    agendas: &[Agenda],
    store: usize,
) -> Result<Trade, SimulateError> {
    let stall = &setting.stalls[store];
    let shop = Shop::open(&stall.folder, Passphrase::None, TestRoots::Allowed, Writing::Dry)?;
    let trade = Trade::default();
    let chance = Chance::new(population.seed, "counter", store as u64);
    let open = BTreeMap::new();
    let mut counter = Counter { setting, population, place: store, shop, chance, trade, open };
    for (at, medium, deed) in deeds(population, agendas, store) {
        let agenda = &agendas[medium];
        match deed {
            Deed::Burn => counter.burn(medium, agenda, at)?,
            Deed::SellInVain => counter.sell_in_vain(medium, agenda, at)?,
            Deed::TakeBack => counter.take_back(medium, at)?,
            Deed::Sell(sale) => {
                let (_, ticket) = counter.sell(medium, agenda.sales[sale].what, at)?;
                counter.trade.tickets.push((medium, sale, ticket));
            }
        }
    }
    let resold = counter.sell_again(agendas)?;
    let Counter { shop, mut trade, .. } = counter;
    let again = || resold.iter().flat_map(|entry| log::frame(entry));
    trade.export = shop.export()?;
    trade.export.extend(again());
    let entries = shop.log().map_err(ShopError::from)?.entries();
    trade.entries = (entries.len() + resold.len()) as u64;
    trade.journal = entries.iter().flat_map(|entry| log::frame(entry.bytes())).collect();
    trade.journal.extend(again());
    Ok(trade)
}

/// What a store does, in the order of time.
fn deeds(
    population: &Population,
    agendas: &[Agenda],
    store: usize,
) -> Vec<(Timestamp, usize, Deed)> {
    let mut deeds = vec![];
    for (medium, agenda) in agendas.iter().enumerate() {
        let (own, place) = population.stall_of(medium);
        if own == store {
            deeds.push((burning(place), medium, Deed::Burn));
            if let Some((sale, taken_back)) = &agenda.voided {
                deeds.push((sale.at, medium, Deed::SellInVain));
                deeds.push((*taken_back, medium, Deed::TakeBack));
            }
        }
        let here = |what| match what {
            Sold::Voucher(seller, _) => seller == store,
            Sold::Starter(_) | Sold::Code(_) => own == store,
            Sold::Spent(_) => false,
        };
        let sales = agenda.sales.iter().enumerate().filter(|(_, sale)| here(sale.what));
        deeds.extend(sales.map(|(sale, planned)| (planned.at, medium, Deed::Sell(sale))));
    }
    deeds.sort_unstable();
    deeds
}

struct Counter<'a> {
    setting: &'a Setting,
    population: &'a Population,
    place: usize,
    shop: Shop,
    chance: Chance,
    trade: Trade,
    /// Receipts of sales that are going to be taken back.
    open: BTreeMap<usize, u64>,
}

impl Counter<'_> {
    fn burn(&mut self, place: usize, agenda: &Agenda, now: Timestamp) -> Result<(), SimulateError> {
        let secrets = burn_secrets(self.population.seed, place);
        let ReservedBlank { medium, serial, at, sheet } =
            self.shop.begin_burn(&secrets, now, &mut self.chance)?;
        let burnt = Burnt { medium, sheet, serial, at };
        let stall = &self.setting.stalls[self.place];
        let (certificate, _) = burnt.stamp(self.setting, stall, &secrets)?;
        if let Sold::Spent(amount) = agenda.sales[0].what {
            let slot = self.shop.spend_code(medium, amount, now)?.code.slot();
            let ticket = Ticket { at: now, amount, what: Kept::Code(slot) };
            self.trade.tickets.push((place, 0, ticket));
        }
        let (root, target) = (self.chance.bytes(), "simulated".to_owned());
        let label = Some(self.population.stall_of(place).1 as u64 + 1);
        let burn = Burn { edition: EDITION, certificate, root, target, hardware: None, label };
        self.shop.record_burnt(medium, burn, now)?;
        self.trade.burnt.push((place, burnt));
        Ok(())
    }

    /// Sell for a medium: the receipt's number, and what the buyer has.
    fn sell(
        &mut self,
        place: usize,
        what: Sold,
        at: Timestamp,
    ) -> Result<(u64, Ticket), SimulateError> {
        let (own, number) = self.population.stall_of(place);
        let medium = self.setting.stalls[own].blanks[number];
        let receipt = match what {
            Sold::Starter(amount) => self.shop.sell(medium, None, Some(amount), at)?,
            Sold::Code(amount) | Sold::Spent(amount) => self.shop.sell_code(medium, amount, at)?,
            Sold::Voucher(_, amount) => self.shop.sell_voucher(medium, amount, at)?,
        };
        let entry = self.shop.entry(receipt.number).map_err(ShopError::from)?;
        let value = entry.value.as_ref().expect("every sale here has a value");
        let what = match (value.slot, value.serial) {
            (Some(slot), _) => Kept::Code(slot),
            (None, serial) => {
                let serial = serial.expect("what has no slot is a voucher");
                Kept::Voucher { store: self.place, serial }
            }
        };
        Ok((receipt.number, Ticket { at, amount: value.amount, what }))
    }

    fn sell_in_vain(
        &mut self,
        place: usize,
        agenda: &Agenda,
        at: Timestamp,
    ) -> Result<(), SimulateError> {
        let (sale, _) = agenda.voided.as_ref().expect("it is planned");
        let (receipt, ticket) = self.sell(place, sale.what, at)?;
        self.open.insert(place, receipt);
        self.trade.voided.push((place, ticket));
        Ok(())
    }

    /// Entries that no store's tool would make: starter codes that are sold once more.
    fn sell_again(&self, agendas: &[Agenda]) -> Result<Vec<Vec<u8>>, SimulateError> {
        let log = self.shop.log().map_err(ShopError::from)?;
        let key = &self.setting.stalls[self.place].key;
        let own = |medium: usize| self.population.stall_of(medium).0 == self.place;
        let media = (0..agendas.len()).filter(|medium| own(*medium));
        let resold = media.filter(|medium| agendas[*medium].dial == Some(Dial::Resold));
        let mut entries: Vec<Vec<u8>> = vec![];
        for place in resold {
            let number = self.setting.stalls[self.place].blanks[self.population.stall_of(place).1];
            let sold = |entry: &&Verified<StoreEntry>| {
                entry.medium == number && entry.event == StoreEvent::Sold
            };
            let sold = log.entries().iter().find(sold).expect("it was sold with a code");
            let last = log.entries().last().expect("it has entries");
            let entry = StoreEntry {
                seq: last.seq + 1 + entries.len() as u64,
                prev: entries.last().map_or(last.hash(), |entry| sha256(entry)),
                at: last.at,
                event: StoreEvent::CodeSold,
                ..StoreEntry::clone(sold)
            };
            entries.push(sign(key, &entry));
        }
        Ok(entries)
    }

    fn take_back(&mut self, place: usize, at: Timestamp) -> Result<(), SimulateError> {
        let receipt = self.open.remove(&place).expect("it was sold before");
        self.shop.void(receipt, at)?;
        Ok(())
    }
}

/// The secrets of the burn of the medium at this place.
pub(super) fn burn_secrets(seed: u64, place: usize) -> BurnSecrets {
    BurnSecrets::generate(EDITION, "simulated", &mut Chance::new(seed, "burn", place as u64))
}

impl Burnt {
    /// SHA-256 over its certificate, and its stamped slots: the same each time.
    pub(super) fn stamp(
        &self,
        setting: &Setting,
        stall: &Stall,
        secrets: &BurnSecrets,
    ) -> Result<([u8; 32], Vec<u8>), StampError> {
        let stamper =
            Stamper { store: stall.id, name: &stall.name, key: &stall.key, chain: &stall.chain };
        let order = Order {
            medium: self.medium,
            currency: setting.form.currency(),
            sheets: vec![(self.sheet.id, self.sheet.bytes().to_vec())],
            policy: setting.policy.bytes(),
            revocation: None,
            serial: self.serial,
            at: self.at,
            floor: super::calendar::stocking(),
            hardware: None,
            holder: &secrets.keys,
            seed: &secrets.seed,
            password: &Password::new(String::new()),
            cost: Cost::MINIMAL,
            items: &[],
            code: None,
            sold: None,
        };
        stamped_slots(EDITION, &stamper, &order)
    }
}
