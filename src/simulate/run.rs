//! From a population's size to its folder.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::agenda::Agenda;
use super::calendar::selling;
use super::circle::{Circle, circles};
use super::counter::{Burnt, Ticket, Trade, keep};
use super::purse::{Purse, Town};
use super::setting::Setting;
use super::truth::{MediumTruth, Truth};
use super::{Desk, Population, SimulateError, Stage};
use crate::device::read_file;
use crate::issuer::Issuer;
use crate::shop::log::LOG_BYTES_MAX;

/// Exports that lie together in one folder.
const BUNDLE: usize = 100;

/// Make a population in an existing folder: `issuer`, `stores` and `evidence` in it.
///
/// The same population gives the same files, for any number of threads.
pub fn simulate(
    folder: &Path,
    population: &Population,
    threads: NonZeroUsize,
    desk: &dyn Desk,
) -> Result<Truth, SimulateError> {
    population.check()?;
    let (setting, mut issuer) = Setting::found(folder, population, desk)?;
    let sold = |medium| selling(population.stall_of(medium).1);
    let media = 0..population.media as usize;
    let agendas: Vec<_> = media.map(|place| Agenda::of(population, place, sold(place))).collect();
    let stores = each(population.stores as usize, threads, Stage::Selling, desk, |store| {
        let trade = keep(&setting, population, &agendas, store)?;
        desk.put(&format!("{}/journal.log", store_folder(store)), &trade.journal)?;
        desk.put(&journal_path(store), &trade.export)?;
        Ok(Trade { journal: vec![], export: vec![], ..trade })
    })?;
    let entries = stores.iter().map(|trade| trade.entries).sum();
    let (burnt, tickets) = shared_out(stores, agendas.len());
    let town = Town { population, setting: &setting, burnt: &burnt, tickets: &tickets };
    let count = circles(burnt.len());
    let lives = each(count, threads, Stage::Living, desk, |circle| live(&town, circle, desk))?;
    let imported = import(folder, population, &mut issuer, desk)?;
    let media = lives.into_iter().flatten().collect();
    Ok(Truth { population: population.clone(), media, imported, entries })
}

/// Live one circle's lives, and export each of its media.
fn live(
    town: &Town<'_>,
    circle: usize,
    desk: &dyn Desk,
) -> Result<Vec<MediumTruth>, SimulateError> {
    let circle = Circle::lived(town, circle)?;
    let purses = circle.members.into_iter().map(|member| member.purse);
    purses
        .map(|purse| {
            desk.put(&export_path(&purse), &purse.export())?;
            let medium = purse.state.medium.to_string();
            let store = town.stall(purse.place).id.number();
            let (records, holding) = (purse.records.len() as u64, purse.tally.holding());
            Ok(MediumTruth { medium, store, records, holding })
        })
        .collect()
}

/// Book the journals of as many stores as it was asked for.
fn import(
    folder: &Path,
    population: &Population,
    issuer: &mut Issuer,
    desk: &dyn Desk,
) -> Result<Vec<u32>, SimulateError> {
    let count = u64::from(population.stores) * u64::from(population.imported) / 1000;
    let mut imported = vec![];
    for store in 0..usize::try_from(count).expect("fewer than stores") {
        desk.go_on(Stage::Importing, store as u64, count)?;
        let journal =
            issuer.read_journal(&read_file(&folder.join(journal_path(store)), LOG_BYTES_MAX)?)?;
        issuer.import_journal(&journal)?;
        imported.push(journal.store().number());
    }
    Ok(imported)
}

/// Media and tickets by their place in the population.
fn shared_out(stores: Vec<Trade>, media: usize) -> (Vec<Burnt>, Vec<Vec<Ticket>>) {
    let mut burnt = vec![];
    let mut tickets = vec![vec![]; media];
    for trade in stores {
        burnt.extend(trade.burnt);
        for (place, sale, ticket) in trade.tickets {
            tickets[place].push((sale, ticket));
        }
    }
    burnt.sort_unstable_by_key(|(place, _)| *place);
    let in_order = |mut sold: Vec<(usize, Ticket)>| {
        sold.sort_unstable_by_key(|(sale, _)| *sale);
        sold.into_iter().map(|(_, ticket)| ticket).collect()
    };
    let burnt = burnt.into_iter().map(|(_, burnt)| burnt).collect();
    (burnt, tickets.into_iter().map(in_order).collect())
}

fn store_folder(store: usize) -> String {
    format!("stores/{:04}", store + 1)
}

fn journal_path(store: usize) -> String {
    format!("evidence/stores/{:04}.journal", store + 1)
}

/// Where a medium's export lies.
fn export_path(purse: &Purse<'_>) -> String {
    format!("evidence/{:04}/{}.evidence", purse.place / BUNDLE, purse.state.medium)
}

/// Do a piece of work for each place; what comes out is in the order of places.
fn each<T: Send>(
    count: usize,
    threads: NonZeroUsize,
    stage: Stage,
    desk: &dyn Desk,
    work: impl Fn(usize) -> Result<T, SimulateError> + Sync,
) -> Result<Vec<T>, SimulateError> {
    let (next, done, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let results = Mutex::new(vec![]);
    let worker = || {
        while !failed.load(Ordering::Relaxed) {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= count {
                break;
            }
            let result = work(place).and_then(|made| {
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                desk.go_on(stage, done as u64, count as u64).map(|()| made)
            });
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            results.lock().expect("no worker panics holding it").push((place, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.get().min(count) {
            scope.spawn(worker);
        }
    });
    let mut results = results.into_inner().expect("no worker panics holding it");
    results.sort_unstable_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}
