//! `quickstart`: issuer, store, starter edition, one burnt and checked medium.
//!
//! It calls what the single verbs call. What is there already is kept: a second run goes on where
//! the first one stopped, and overwrites nothing.

mod next;
mod places;
mod workshop;

use std::ops::ControlFlow;
use std::path::Path;

use scrip::crypto::SystemRandom;
use scrip::crypto::password::Cost;
use scrip::device::{
    Access, Device, Existing, FileDevice, Privacy, Request, Scrub, create_file, read_file,
};
use scrip::format::Object;
use scrip::format::certificate::Purpose;
use scrip::image::build::Prepared;
use scrip::image::sealed::sign_edition;
use scrip::issuer::{Founding, Issuer, Wishes, read_request};
use scrip::shop::Shop;
use scrip::tool::{
    Attendant, Classed, Exit, Explain, Failure, Interrupt, Output, Progress, Source as Medium,
    clock, threads,
};
use scrip::trust::{EditionSecret, LIVE_ROUNDS_MIN, Passphrase};
use scrip::units::{CurrencyForm, MediumId};
use serde_json::json;

use crate::bench::Bench;
use crate::burn::{Source, open_edition};
use crate::cli::{BurnArgs, Common, QuickstartArgs};
use crate::session::{self, told};
use places::{Places, Standing};
use workshop::Workshop;

/// The store's request; a folder without it was never a store.
const REQUEST: &str = "request.cbr";
/// Blanks in the first kit.
const BLANKS: u32 = 5;
/// What the first medium starts with.
const BALANCE: &str = "1000";
/// The page of labels.
pub(super) const LABELS: &str = "labels.html";

/// Run every step.
pub(crate) fn quickstart(
    common: &Common,
    args: &QuickstartArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    if common.password_file.is_some() {
        let failure = Failure::new(Exit::Usage, "quickstart makes keys without a passphrase");
        return Err(failure.hint("leave --password-file out"));
    }
    let aim = places::look(&args.target)?;
    let places = Places::beside(&aim)?;
    let recipe = Prepared::read(&args.recipe, &args.players, None).or_fail()?;
    let common = Common { dir: places.store.clone(), no_passphrase: true, ..common.clone() };
    let there = places.store.join(REQUEST).exists();
    let shop = there.then(|| session::open(&common, output)).transpose()?;
    let standing = shop.as_ref().map_or(Ok(Standing::Free), |shop| Standing::of(shop, &aim))?;
    let needs_bytes = recipe.medium_bytes();
    let (edition, lifted) = (&places.edition, &args.lifted);
    standing.guard(&Request { aim: &aim, needs_bytes, edition, lifted }, output)?;
    if common.dry_run {
        return Ok(planned(&places, args, standing, output));
    }
    let workshop = Workshop::open(&places.folder)?;
    let secret = crate::build::secret(&places.secret, &args.recipe, &common, output)?;
    let recipe = Prepared::read(&args.recipe, &args.players, Some(secret.copy())).or_fail()?;
    let mut issuer = issuer(&places, &workshop, &recipe, output)?;
    let mut shop = match shop {
        Some(shop) => {
            output.note(format!("store: {} is there, kept", places.store.display()));
            shop
        }
        None => store(&common, &places, &workshop, output)?,
    };
    interrupt.check()?;
    enrol(&mut shop, &mut issuer, &places, output)?;
    if standing == Standing::Free {
        stock(&mut shop, &mut issuer, output, interrupt)?;
    }
    hand_over(&mut shop, &mut issuer, &secret, output)?;
    author(&recipe, &issuer, &places, &workshop, output, interrupt)?;
    let source = open(&shop, &places, output, interrupt)?;
    let medium = match standing {
        Standing::Burnt(medium) => {
            output.note(format!("medium: {} is there, kept", args.target.display()));
            medium
        }
        Standing::BrokenOff | Standing::Free => {
            burn(&mut shop, &source, &places, args, output, interrupt)?
        }
    };
    let exit = verdict(&shop, args, output, interrupt)?;
    if exit == Exit::Done {
        let item = recipe.recipe().items.iter().find(|item| !item.price.is_zero());
        next::tell(&places, &args.target, (medium, item.map(|item| item.id.as_str())), output);
    }
    Ok(exit)
}

/// What would be made, and what is kept.
fn planned(places: &Places, args: &QuickstartArgs, standing: Standing, output: &Output) -> Exit {
    let parts = [&places.issuer, &places.store, &places.trust, &places.edition];
    let burnt = matches!(standing, Standing::Burnt(_));
    let all = parts.map(|path| (path.as_path(), path.exists()));
    let mut made = vec![];
    for (path, there) in all.into_iter().chain([(args.target.as_path(), burnt)]) {
        let path = path.display().to_string();
        output.line(format!("{path}: {}", if there { "is there, kept" } else { "would be made" }));
        made.extend((!there).then_some(path));
    }
    output.result(Exit::Done, &json!({ "dry_run": true, "would_make": made }));
    Exit::Done
}

/// Found an issuer, or open the one that is there.
fn issuer(
    places: &Places,
    workshop: &Workshop,
    recipe: &Prepared,
    output: &Output,
) -> Result<Issuer, Failure> {
    let issuer = if places.issuer.exists() {
        output.note(format!("issuer: {} is there, kept", places.issuer.display()));
        let found = Issuer::open(&places.issuer, None).or_fail();
        found.map_err(|failure| failure.hint(broken_off(places)))?
    } else {
        let currency = recipe.recipe().currency;
        let founding = Founding {
            name: "My issuer",
            form: CurrencyForm::usual(currency),
            purpose: Purpose::Live,
            passphrase: Passphrase::None,
            cost: Cost::LIVE_FLOOR,
            rounds: LIVE_ROUNDS_MIN,
            place: None,
        };
        let rng = &mut SystemRandom::new();
        drop(Issuer::found(&workshop.path("issuer"), &founding, rng, clock::now()).or_fail()?);
        workshop.hand_out("issuer", &places.issuer)?;
        output.note(format!("issuer: made in {}", places.issuer.display()));
        Issuer::open(&places.issuer, None).or_fail()?
    };
    if !places.trust.exists() {
        let root = issuer.root().certificate().bytes();
        create_file(&places.trust, root, Privacy::Public).or_exit(Exit::Failure)?;
    }
    Ok(issuer)
}

/// What to do about a folder that an earlier run left half-made.
fn broken_off(places: &Places) -> String {
    let [issuer, store] = [&places.issuer, &places.store].map(|path| path.display().to_string());
    format!("if an earlier run broke off there, remove {issuer} and {store} and run this again")
}

/// Make a store and open it.
fn store(
    common: &Common,
    places: &Places,
    workshop: &Workshop,
    output: &Output,
) -> Result<Shop, Failure> {
    let (now, rng) = (clock::now(), &mut SystemRandom::new());
    let (none, cost) = (Passphrase::None, Cost::LIVE_FLOOR);
    Shop::init(&workshop.path("store"), "My store", none, cost, now, rng).map_err(told)?;
    workshop.hand_out("store", &places.store)?;
    output.note(format!("store: made in {}", places.store.display()));
    session::open(common, output)
}

/// Have the store certified; the same request again gets the same answer.
fn enrol(
    shop: &mut Shop,
    issuer: &mut Issuer,
    places: &Places,
    output: &Output,
) -> Result<(), Failure> {
    if shop.store().is_ok() {
        return Ok(());
    }
    let (now, rng) = (clock::now(), &mut SystemRandom::new());
    let bytes = read_file(&places.store.join(REQUEST), 4096).or_exit(Exit::Failure)?;
    let requested = read_request(&bytes).or_fail()?;
    let terms = Wishes::default().terms(issuer.form(), issuer.policy().topup_max);
    let key = issuer.issuer_key(Passphrase::None).or_fail()?;
    let enrolled = issuer.enrol(&requested, &terms, &key, rng, now).or_fail()?;
    let root = issuer.root().clone();
    shop.accept(&enrolled.chain.encode(), &[root], now).map_err(told)?;
    output.note(format!("store: enrolled as store {}", shop.store().map_err(told)?));
    Ok(())
}

/// Give the store blanks if it has none left: first those of a kit that never reached it.
fn stock(
    shop: &mut Shop,
    issuer: &mut Issuer,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let (now, rng) = (clock::now(), &mut SystemRandom::new());
    if shop.status(now).map_err(told)?.media.blank > 0 {
        return Ok(());
    }
    let store = shop.store().map_err(told)?;
    for id in issuer.records().kits_of(store).or_fail()? {
        if shop.has_kit(&id).map_err(told)? {
            continue;
        }
        let kit = issuer.recorded_kit(&id).or_fail()?.expect("it was just listed");
        output.note(format!("kit: made at {} and never taken over; taken over now", kit.made_at));
        return shop.accept(&kit.content, &[], now).map(|_| ()).map_err(told);
    }
    let plan = issuer.plan_blanks(store, BLANKS, now).or_fail()?;
    let keys = issuer.blank_keys(Passphrase::None).or_fail()?;
    let mut step = |_| {
        if interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    output.note(format!("kit: making {BLANKS} blanks and their sealed codes"));
    let made = issuer.make_blanks(&plan, &keys, rng, now, &mut step).or_fail()?;
    shop.accept(&made.bytes, &[], now).map(|_| ()).map_err(told)
}

/// Give the store the edition's secret, sealed to its key, unless it has it.
fn hand_over(
    shop: &mut Shop,
    issuer: &mut Issuer,
    secret: &EditionSecret,
    output: &Output,
) -> Result<(), Failure> {
    let known = shop.edition_secrets().map_err(told)?;
    if known.iter().any(|known| known.id() == secret.id()) {
        return Ok(());
    }
    let store = shop.store().map_err(told)?;
    let sealed = issuer.seal_secret(store, secret, &mut SystemRandom::new()).or_fail()?;
    shop.accept(&sealed, &[], clock::now()).map_err(told)?;
    output.note("edition secret: sealed to the store and taken over");
    Ok(())
}

/// Build and sign the edition, unless it is there.
fn author(
    recipe: &Prepared,
    issuer: &Issuer,
    places: &Places,
    workshop: &Workshop,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    const NAME: &str = "edition";
    let path = &places.edition;
    if path.exists() {
        output.note(format!("edition: {} is there, kept", path.display()));
        return if is_signed(path)? { Ok(()) } else { sign(issuer, path, output, interrupt) };
    }
    for warning in recipe.warnings() {
        output.warn(warning);
    }
    let progress = Progress::start(output, NAME);
    let watch = Attendant::new(&progress, interrupt, "building");
    let made = workshop.path(NAME);
    let built = recipe.write(&made, Existing::Refuse, threads(), &watch);
    progress.end(if built.is_ok() { "built" } else { "not built" });
    built.map_err(|error| crate::build::refused(&error))?;
    sign(issuer, &made, output, interrupt)?;
    workshop.hand_out(NAME, path)
}

fn open(
    shop: &Shop,
    places: &Places,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Source, Failure> {
    let path = &places.edition;
    let opened = open_edition(shop, path, output, interrupt);
    opened.map_err(|failure| match failure.exit() {
        Exit::Damage => failure.hint(format!("remove {} and run this again", path.display())),
        _ => failure,
    })
}

/// Does the edition have a seal? Whether it is right is seen when it is opened.
fn is_signed(path: &Path) -> Result<bool, Failure> {
    let device = FileDevice::open(path, Access::Read).or_fail()?;
    let opened = scrip::image::edition::open(&device).or_fail()?;
    let range = opened.layout.edition_seal();
    let mut slot = [0; 4096];
    device.read_at(range.start, &mut slot).or_fail()?;
    Ok(slot.iter().any(|byte| *byte != 0))
}

fn sign(
    issuer: &Issuer,
    path: &Path,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let device = FileDevice::open(path, Access::Write).or_fail()?;
    let key = issuer.rom_signer_key(Passphrase::None).or_fail()?;
    let progress = Progress::start(output, "edition");
    let watch = Attendant::new(&progress, interrupt, "signing");
    let signed = sign_edition(&device, &key.key, &key.chain, threads(), &watch);
    progress.end(if signed.is_ok() { "signed" } else { "not signed" });
    signed.or_fail().map(|_| ())
}

/// Burn the medium, or go on with a burn that broke off.
fn burn(
    shop: &mut Shop,
    source: &Source,
    places: &Places,
    args: &QuickstartArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<MediumId, Failure> {
    let burn = BurnArgs {
        edition: places.edition.clone(),
        to: vec![args.target.clone()],
        balance: Some(BALANCE.to_owned()),
        labels: places.folder.join(LABELS),
        scrub: Scrub::None,
        lifted: args.lifted.clone(),
        no_probe: false,
        station: false,
        count: None,
    };
    let mut bench = Bench::new(shop, source, &burn, output, interrupt);
    let chosen = bench.choose(&burn.to)?;
    let outcome = bench.burn(chosen)?.pop();
    outcome.expect("one target has one outcome").result.map(|burnt| burnt.medium)
}

/// Check the medium as anybody would.
fn verdict(
    shop: &Shop,
    args: &QuickstartArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let medium = Medium::open(&args.target)?;
    let progress = Progress::start(output, &args.target.display().to_string());
    let watch = Attendant::new(&progress, interrupt, "checking");
    let checked = medium.check(shop.trust().map_err(told)?, threads(), &watch);
    progress.end(if checked.is_ok() { "checked" } else { "not checked" });
    let report = checked.or_fail()?;
    for line in report.lines() {
        output.line(line);
    }
    let exit = Exit::from(report.grade());
    output.result(exit, &report.fields());
    Ok(exit)
}
