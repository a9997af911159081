//! `quickstart`: issuer, store, starter edition, one burnt and checked medium.
//!
//! It calls what the single verbs call. What is there already is kept: a second run goes on where
//! the first one stopped, and overwrites nothing.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use scrip::crypto::SystemRandom;
use scrip::crypto::password::Cost;
use scrip::device::{
    Access, Aim, Device, Existing, FileDevice, Hardware, Privacy, Scrub, create_file, read_file,
};
use scrip::format::Object;
use scrip::format::certificate::Purpose;
use scrip::image::build::Prepared;
use scrip::image::check::{Identity, check};
use scrip::image::sealed::sign_edition;
use scrip::issuer::{Founding, Issuer, Wishes, read_request};
use scrip::shop::Shop;
use scrip::tool::{Classed, Exit, Explain, Failure, Interrupt, Output, Progress, clock, threads};
use scrip::trust::{LIVE_ROUNDS_MIN, Passphrase};
use scrip::units::{CurrencyForm, MediumId};

use crate::burn::{Bench, open_edition};
use crate::cli::{BurnArgs, Common, QuickstartArgs};
use crate::follow::Bar;
use crate::session::{self, told};
use crate::targets::observe;

/// Blanks in the first kit.
const BLANKS: u32 = 5;
/// What the first medium starts with.
const BALANCE: &str = "1000";

/// Where everything lies, beside the target.
struct Places {
    issuer: PathBuf,
    store: PathBuf,
    edition: PathBuf,
    trust: PathBuf,
    folder: PathBuf,
}

impl Places {
    /// Beside an image file; in the present folder for a device.
    fn beside(target: &Path) -> Result<Self, Failure> {
        let aim = Aim::look(target).or_exit(Exit::Failure)?;
        let folder = match &aim {
            Aim::Block { .. } => PathBuf::from("."),
            Aim::File { path, .. } | Aim::New { path } => {
                path.parent().unwrap_or(Path::new(".")).to_path_buf()
            }
        };
        Ok(Self {
            issuer: folder.join("issuer"),
            store: folder.join("store"),
            edition: folder.join("starter.edition"),
            trust: folder.join("trust.cbr"),
            folder,
        })
    }
}

/// Run every step.
pub(crate) fn quickstart(
    common: &Common,
    args: &QuickstartArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let places = Places::beside(&args.target)?;
    let recipe = Prepared::read(&args.recipe, &args.players).or_fail()?;
    let mut issuer = issuer(&places, &recipe, output)?;
    let common = Common { dir: places.store.clone(), no_passphrase: true, ..common.clone() };
    let mut shop = store(&common, &places, output)?;
    stock(&mut shop, &mut issuer, &places, output, interrupt)?;
    edition(&recipe, &issuer, &places, output, interrupt)?;
    let medium = medium(&mut shop, &places, args, output, interrupt)?;
    let exit = verdict(&shop, &args.target, output, interrupt)?;
    next_steps(&places, &args.target, medium, &issuer, output);
    Ok(exit)
}

/// Found an issuer, or open the one that is there.
fn issuer(places: &Places, recipe: &Prepared, output: &Output) -> Result<Issuer, Failure> {
    let issuer = if places.issuer.exists() {
        output.note(format!("issuer: {} is there, kept", places.issuer.display()));
        Issuer::open(&places.issuer, None).or_fail()?
    } else {
        let currency = recipe.recipe().currency;
        let founding = Founding {
            name: "My issuer",
            form: CurrencyForm::new(currency, exponent(currency.code())).or_fail()?,
            purpose: Purpose::Live,
            passphrase: Passphrase::None,
            cost: Cost::LIVE_FLOOR,
            rounds: LIVE_ROUNDS_MIN,
            place: None,
        };
        let rng = &mut SystemRandom::new();
        let issuer = Issuer::found(&places.issuer, &founding, rng, clock::now()).or_fail()?;
        output.note(format!("issuer: made in {}", places.issuer.display()));
        issuer
    };
    if !places.trust.exists() {
        let root = issuer.root().certificate().bytes();
        create_file(&places.trust, root, Privacy::Public).or_exit(Exit::Failure)?;
    }
    Ok(issuer)
}

/// ISO 4217's decimal places for the currencies that have none; two for the others.
fn exponent(code: &str) -> u8 {
    if ["JPY", "KRW", "VND", "CLP", "ISK"].contains(&code) { 0 } else { 2 }
}

/// Make a store, or open the one that is there.
fn store(common: &Common, places: &Places, output: &Output) -> Result<Shop, Failure> {
    if places.store.join("request.cbr").exists() {
        output.note(format!("store: {} is there, kept", places.store.display()));
    } else {
        let (now, rng) = (clock::now(), &mut SystemRandom::new());
        let (none, cost) = (Passphrase::None, Cost::LIVE_FLOOR);
        Shop::init(&places.store, "My store", none, cost, now, rng).map_err(told)?;
        output.note(format!("store: made in {}", places.store.display()));
    }
    session::open(common, output)
}

/// Have the store certified, and give it blanks if it has none left.
fn stock(
    shop: &mut Shop,
    issuer: &mut Issuer,
    places: &Places,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let (now, rng) = (clock::now(), &mut SystemRandom::new());
    let none = Passphrase::None;
    if shop.store().is_err() {
        let request = places.store.join("request.cbr");
        let bytes = read_file(&request, 4096).or_exit(Exit::Failure)?;
        let requested = read_request(&bytes).or_fail()?;
        let terms = Wishes::default().terms(issuer.form(), issuer.policy().topup_max);
        let key = issuer.issuer_key(none).or_fail()?;
        let enrolled = issuer.enrol(&requested, &terms, &key, rng, now).or_fail()?;
        let root = issuer.root().clone();
        shop.accept(&enrolled.chain.encode(), &[root], now).map_err(told)?;
        output.note(format!("store: enrolled as store {}", shop.store().map_err(told)?));
    }
    if shop.status(now).map_err(told)?.media.blank == 0 {
        let plan = issuer.plan_blanks(shop.store().map_err(told)?, BLANKS, now).or_fail()?;
        let keys = issuer.blank_keys(none).or_fail()?;
        let mut step = |_| {
            if interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        output.note(format!("kit: making {BLANKS} blanks and their sealed codes"));
        let made = issuer.make_blanks(&plan, &keys, rng, now, &mut step).or_fail()?;
        shop.accept(&made.bytes, &[], now).map_err(told)?;
    }
    Ok(())
}

/// Build and sign the edition, unless a signed one is there.
fn edition(
    recipe: &Prepared,
    issuer: &Issuer,
    places: &Places,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    if places.edition.exists() {
        output.note(format!("edition: {} is there, kept", places.edition.display()));
    } else {
        for warning in recipe.warnings() {
            output.warn(warning);
        }
        let progress = Progress::start(output, "edition");
        let bar = Bar::new(&progress, interrupt);
        bar.begin("building", recipe.edition_bytes());
        recipe.write(&places.edition, Existing::Refuse, threads(), &bar).or_fail()?;
        progress.end("built");
    }
    let device = FileDevice::open(&places.edition, Access::Write).or_exit(Exit::Failure)?;
    let key = issuer.rom_signer_key(Passphrase::None).or_fail()?;
    let progress = Progress::start(output, "edition");
    let bar = Bar::new(&progress, interrupt);
    bar.begin("signing", recipe.edition_bytes());
    sign_edition(&device, &key.key, &key.chain, threads(), &bar).or_fail()?;
    progress.end("signed");
    Ok(())
}

/// Burn the medium; an image that is there and no broken-off burn is kept.
fn medium(
    shop: &mut Shop,
    places: &Places,
    args: &QuickstartArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Option<MediumId>, Failure> {
    let source = open_edition(shop, &places.edition, output, interrupt)?;
    let burn = BurnArgs {
        edition: places.edition.clone(),
        to: vec![args.target.clone()],
        balance: Some(BALANCE.to_owned()),
        labels: places.folder.clone(),
        first_label: 1,
        scrub: Scrub::None,
        lifted: args.lifted.clone(),
        no_probe: false,
        station: false,
        count: None,
    };
    let mut bench = Bench::new(shop, &source, &burn, output, interrupt);
    let is_image = matches!(Aim::look(&args.target).or_exit(Exit::Failure)?, Aim::File { .. });
    if is_image && !bench.is_unfinished(&args.target)? {
        output.note(format!("medium: {} is there, kept", args.target.display()));
        return Ok(None);
    }
    let outcome = bench.burn_named(&burn.to)?.pop();
    let burnt = outcome.expect("one target has one outcome").result?;
    Ok(Some(burnt))
}

/// Check the medium as anybody would.
fn verdict(
    shop: &Shop,
    target: &Path,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let device = FileDevice::open(target, Access::Read).or_exit(Exit::Failure)?;
    let progress = Progress::start(output, &target.display().to_string());
    let bar = Bar::new(&progress, interrupt);
    bar.begin("checking", device.len_bytes());
    let identity = match device.block_number() {
        Some(number) => match observe()?.disk_of(number).map(|disk| &disk.hardware) {
            Some(Hardware::Unknown(why)) => Identity::Unreadable((*why).to_owned()),
            Some(hardware) => Identity::Known(hardware.to_string()),
            None => Identity::Unreadable("this machine does not list the device".to_owned()),
        },
        None => Identity::Image,
    };
    let trust = shop.trust().map_err(told)?;
    let report = check(&device, trust, &identity, threads(), &bar).or_exit(Exit::Failure)?;
    progress.end("checked");
    for line in report.lines() {
        output.line(line);
    }
    let exit = Exit::from(report.grade());
    output.result(exit, &report.fields());
    Ok(exit)
}

fn next_steps(
    places: &Places,
    target: &Path,
    medium: Option<MediumId>,
    issuer: &Issuer,
    output: &Output,
) {
    let (target, trust) = (target.display(), places.trust.display());
    let (issuer_dir, store) = (places.issuer.display(), places.store.display());
    output.note(format!("root {}: printed on the label, compare it", issuer.root().fingerprint()));
    output.note("keys lie without a passphrase, for trying out; a real issuer keeps them locked");
    output.note("what to try next:");
    output.note(format!("  scrip-verify check --trust {trust} {target}"));
    output.note(format!("  scrip-wallet --medium {target} info"));
    output.note(format!("  scrip-store --dir {store} status"));
    if let Some(medium) = medium {
        output.note(format!("  scrip-store --dir {store} topup {medium} 3000"));
        output.note(format!("  scrip-server --dir {issuer_dir} code {medium} 1000"));
    }
    let edition = places.edition.display();
    output.note(format!("  scrip-store --dir {store} burn {edition} --to another.img"));
    let folder = places.folder.display();
    output.note(format!("  the label with the first password: {folder}/label-*.html"));
}
