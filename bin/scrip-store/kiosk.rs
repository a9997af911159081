//! `kiosk`: an edition's items laid out in a folder, from which owners take them.
//!
//! With `--json` it ends in an object of type `result` with `exit`, `folder`, `edition`: its name,
//! `store`, `items`: of each `id`, `title`, `price` as money, `bytes`, `sealed`; `bytes` of all files
//! of items, `dry_run`.

use std::path::Path;

use scrip::device::{UnfinishedError, UnfinishedFolder, read_file};
use scrip::format::Kind;
use scrip::press::{KioskError, PressError, Stall};
use scrip::shop::Shop;
use scrip::tool::{Attendant, Classed, Exit, Failure, Interrupt, Output, Progress, clock, money};
use scrip::trust::EditionSecret;
use scrip::units::ByteCount;
use serde_json::json;

use crate::burn::{Source, open_edition};
use crate::cli::{Common, KioskArgs};
use crate::session::{open, told};

/// Make a kiosk's folder.
pub(crate) fn kiosk(
    common: &Common,
    args: &KioskArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let during = |failure: Failure| failure.during(format!("kiosk {}", args.out.display()));
    let shop = open(common, output)?;
    // What would be refused at the end is refused before the edition is read.
    shop.standing().map_err(told)?;
    UnfinishedFolder::check(&args.out, 0).map_err(|error| during(unmade(&error)))?;
    let secret = args.secret.as_deref().map(secret).transpose()?;
    let source = open_edition(&shop, &args.edition, output, interrupt)?;
    let stall = Stall::plan(&shop, (&source.sealed, &source.device), secret, &args.items)
        .map_err(|error| during(refused(error)))?;
    UnfinishedFolder::check(&args.out, stall.room_bytes())
        .map_err(|error| during(unmade(&error)))?;
    if !common.dry_run {
        lay_out(&shop, &stall, &args.out, output, interrupt).map_err(during)?;
    }
    tell(&shop, &source, &stall, (common, args), output)
}

/// An edition's secret from its file.
fn secret(file: &Path) -> Result<EditionSecret, Failure> {
    let during = |failure: Failure| failure.during(format!("edition secret {}", file.display()));
    let bytes = read_file(file, Kind::KeyFile.bytes_max() as u64).or_fail().map_err(during)?;
    EditionSecret::from_file(&bytes).or_fail().map_err(during)
}

/// The folder is there when it is whole; until then it has no name.
fn lay_out(
    shop: &Shop,
    stall: &Stall<'_>,
    out: &Path,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let made = UnfinishedFolder::create(out, stall.room_bytes());
    let made = made.map_err(|error| unmade(&error))?;
    let progress = Progress::start(output, "kiosk");
    let watch = Attendant::new(&progress, interrupt, "copying");
    let laid = stall.lay_out(shop, &made.folder().or_fail()?, clock::now(), &watch);
    progress.end(if laid.is_ok() { "laid out" } else { "not laid out" });
    laid.map_err(refused)?;
    interrupt.check()?;
    made.finish().map(drop).map_err(|error| unmade(&error))
}

fn tell(
    shop: &Shop,
    source: &Source,
    stall: &Stall<'_>,
    (common, args): (&Common, &KioskArgs),
    output: &Output,
) -> Result<Exit, Failure> {
    let (store, form) = (shop.store().map_err(told)?, shop.form().map_err(told)?);
    let (folder, name) = (args.out.display(), &source.sealed.manifest.name);
    let (count, bytes) = (stall.wares().len(), stall.content_bytes());
    let what = if common.dry_run { "would be laid out" } else { "laid out" };
    output.line(format!(
        "{folder}: items of {name} {what}: {count}, {}",
        ByteCount::from_bytes(bytes)
    ));
    for ware in stall.wares() {
        output.line(format!(
            "  {}  {}  {}",
            ware.item.id,
            if ware.item.price.is_zero() { "free".to_owned() } else { form.show(ware.item.price) },
            ware.item.title
        ));
    }
    if stall.wares().iter().any(|ware| ware.item.content.is_some()) {
        output.note("the keys of sealed items lie in it: whoever reads the folder can open them");
    }
    if !common.dry_run {
        output.note(format!("next, an owner: scrip-wallet take ITEM --from {folder}"));
    }
    let items = stall.wares().iter().map(|ware| {
        json!({
            "id": ware.item.id,
            "title": ware.item.title,
            "price": money(ware.item.price, form.currency()),
            "bytes": ware.item.size.bytes(),
            "sealed": ware.item.content.is_some(),
        })
    });
    let fields = json!({
        "folder": folder.to_string(),
        "edition": name,
        "store": store.number(),
        "items": items.collect::<Vec<_>>(),
        "bytes": bytes,
        "dry_run": common.dry_run,
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

fn refused(error: KioskError) -> Failure {
    let failure = match error {
        KioskError::Interrupted => return Failure::interrupted(),
        KioskError::Press(PressError::Shop(error)) => return told(error),
        ref error => Failure::of(Exit::from(error), error),
    };
    match error {
        KioskError::Press(PressError::Items(_)) => failure.hint(
            "name its secret's file with --secret, or accept what `scrip-server secret` seals",
        ),
        KioskError::TooMany { .. } => failure.hint("choose some with --item"),
        KioskError::Copy { .. } => failure.hint("somebody writes the edition: try again"),
        _ => failure,
    }
}

fn unmade(error: &UnfinishedError) -> Failure {
    let failure = Failure::of(Exit::from(error), error);
    match failure.exit() {
        Exit::Refusal => failure.hint("name another folder, or remove this one"),
        _ => failure,
    }
}
