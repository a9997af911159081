//! From a population's size to its folder.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::agenda::Agenda;
use super::calendar::{LIFE_SECONDS, living, selling};
use super::chance::Chance;
use super::circle::{Circle, Member, circles};
use super::counter::{Burnt, Ticket, Trade, keep};
use super::dials::Dial;
use super::outcome::{Ending, books};
use super::plant::Yield;
use super::purse::{Town, minor};
use super::setting::Setting;
use super::truth::{MediumTruth, Planted, Truth};
use super::visit::come_by;
use super::{Desk, Population, SimulateError, Stage};
use crate::device::read_file;
use crate::issuer::{Issuer, Revoke};
use crate::shop::log::LOG_BYTES_MAX;
use crate::trust::{Passphrase, Revoked};
use crate::units::Timestamp;

/// Exports that lie together in one folder.
const BUNDLE: usize = 100;
/// Of a thousand records those that are made before owners come by, and all.
const HALF: u64 = 500;
const WHOLE: u64 = 1000;
/// What a picture begins with.
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00";

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
    let shared = Shared::out(stores, agendas.len());
    let Shared { burnt, tickets, voided, entries } = &shared;
    let revoked = &block(&mut issuer, &agendas, burnt)?;
    let (setting, agendas) = (&setting, &agendas);
    let town = Town { population, setting, agendas, burnt, tickets, voided, revoked };
    let imported = import(folder, population, &mut issuer, desk)?;
    let count = circles(burnt.len());
    let begun = |circle| Circle::begun(&town, circle);
    let lives = if population.dials.visits == 0 {
        each(count, threads, Stage::Living, desk, |circle| live(begun(circle)?, desk))?
    } else {
        let half = |circle| begun(circle).and_then(|mut circle| circle.live(HALF).map(|()| circle));
        let mut halves = each(count, threads, Stage::Living, desk, half)?;
        come_by(&mut issuer, &mut halves)?;
        let halves: Vec<_> = halves.into_iter().map(|circle| Mutex::new(Some(circle))).collect();
        let taken = |circle: usize| halves[circle].lock().expect("nobody panics with it").take();
        let rest = |circle| live(taken(circle).expect("each is taken once"), desk);
        each(count, threads, Stage::Living, desk, rest)?
    };
    let foreign = scatter(population, desk)?;
    let (media, planted): (Vec<_>, Vec<_>) = lives.into_iter().flatten().unzip();
    let planted = planted.into_iter().flatten().collect();
    let population = population.clone();
    Ok(Truth { population, media, planted, foreign, imported, entries: *entries })
}

/// Live a circle's lives to their ends, and export each of its media.
fn live(
    mut circle: Circle<'_>,
    desk: &dyn Desk,
) -> Result<Vec<(MediumTruth, Vec<Planted>)>, SimulateError> {
    let town = circle.town;
    circle.live(WHOLE)?;
    let between = circle.plant_between();
    let mut found = vec![];
    for (Member { purse, dial, .. }, between) in circle.members.iter_mut().zip(between) {
        let Yield { exports, planted } = purse.plant(*dial, between)?;
        for (name, bytes) in exports {
            desk.put(&format!("{}/{name}", bundle(purse.place)), &bytes)?;
        }
        found.push(planted);
    }
    let ends: Vec<_> = circle.members.iter().map(Ending::of).collect();
    let debt_cap = minor(town.setting.policy.debt_cap);
    let members = circle.members.iter().zip(found).enumerate();
    let truths = members.map(|(at, (Member { purse, .. }, planted))| {
        let (medium, store) = (purse.state.medium.to_string(), town.stall(purse.place).id.number());
        let records = purse.records.len() as u64 + purse.parted;
        let (holding, books) = (purse.tally.holding(), books(&ends, at, debt_cap));
        (MediumTruth { medium, store, records, holding, books }, planted)
    });
    Ok(truths.collect())
}

/// Block the media that are to be; what the issuer then has blocked.
fn block(
    issuer: &mut Issuer,
    agendas: &[Agenda],
    burnt: &[Burnt],
) -> Result<Revoked, SimulateError> {
    let hit = agendas.iter().zip(burnt).filter(|(agenda, _)| agenda.dial == Some(Dial::Revoked));
    for (_, burnt) in hit {
        let key = issuer.issuer_key(Passphrase::None)?;
        // Later than all that they do: nothing that they added was revoked then.
        issuer.revoke(
            &Revoke::Medium(burnt.medium),
            &key,
            living(LIFE_SECONDS + Timestamp::DAY_S),
        )?;
    }
    Ok(issuer.revoked().clone())
}

/// Files that are no evidence, among the evidence; their names.
fn scatter(population: &Population, desk: &dyn Desk) -> Result<Vec<String>, SimulateError> {
    let mut chance = Chance::new(population.seed, "foreign", 0);
    let file = |number| {
        let place = chance.place(population.media as usize);
        let (end, bytes) = match number % 4 {
            0 => ("txt", b"Tuesday: ask about the blue stick\n".to_vec()),
            1 => ("bin", chance.bytes::<3_000>().to_vec()),
            2 => ("jpg", [JPEG, &chance.bytes::<900>()].concat()),
            _ => ("evidence", vec![]),
        };
        let name = format!("{}/foreign-{number}.{end}", bundle(place));
        desk.put(&name, &bytes)?;
        Ok(name)
    };
    (0..population.dials.foreign_files(population.media)).map(file).collect()
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

/// What stores did, by the places of the media.
struct Shared {
    burnt: Vec<Burnt>,
    tickets: Vec<Vec<Ticket>>,
    voided: Vec<Option<Ticket>>,
    entries: u64,
}

impl Shared {
    fn out(stores: Vec<Trade>, media: usize) -> Self {
        let entries = stores.iter().map(|trade| trade.entries).sum();
        let (mut burnt, mut tickets) = (vec![], vec![vec![]; media]);
        let mut voided = vec![None; media];
        for trade in stores {
            burnt.extend(trade.burnt);
            for (place, sale, ticket) in trade.tickets {
                tickets[place].push((sale, ticket));
            }
            for (place, ticket) in trade.voided {
                voided[place] = Some(ticket);
            }
        }
        burnt.sort_unstable_by_key(|(place, _)| *place);
        let in_order = |mut sold: Vec<(usize, Ticket)>| {
            sold.sort_unstable_by_key(|(sale, _)| *sale);
            sold.into_iter().map(|(_, ticket)| ticket).collect()
        };
        let burnt = burnt.into_iter().map(|(_, burnt)| burnt).collect();
        let tickets = tickets.into_iter().map(in_order).collect();
        Self { burnt, tickets, voided, entries }
    }
}

fn store_folder(store: usize) -> String {
    format!("stores/{:04}", store + 1)
}

fn journal_path(store: usize) -> String {
    format!("evidence/stores/{:04}.journal", store + 1)
}

/// The folder of the export of the medium at this place.
fn bundle(place: usize) -> String {
    format!("evidence/{:04}", place / BUNDLE)
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
