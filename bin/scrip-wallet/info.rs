//! `info`: originality, balance and catalogue, without a password.

use std::path::{Path, PathBuf};

use scrip::device::Folder;
use scrip::format::edition::{Catalogue, Settings};
use scrip::format::{Kind, Object};
use scrip::image::check::{CheckError, Grade, Report};
use scrip::image::layout::{CATALOGUE_PATH, MANIFEST_PATH, SETTINGS_PATH};
use scrip::tool::{
    Attendant, Exit, Failure, Interrupt, Output, Progress, Source, home, money, pinned_roots,
    threads,
};
use scrip::trust::{Anchor, Fingerprint, TestRoots, Trust};
use scrip::wallet::{Met, Overview, RootMemory};
use serde_json::json;

use crate::cli::Common;

/// Show the medium.
pub(crate) fn info(
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let path = match &common.medium {
        Some(path) => path.clone(),
        None => own_medium()?,
    };
    let source = Source::open(&path)?;
    let report = check(&source, &path, common, output, interrupt)?;
    let read = |path, kind: Kind| source.file(path, kind.bytes_max() as u64);
    let original = report.grade() < Grade::Damaged;
    let catalogue = read(CATALOGUE_PATH, Kind::Catalogue).filter(|_| original);
    let settings = read(SETTINGS_PATH, Kind::Settings).filter(|_| original);
    let overview = Overview::new(
        &report,
        catalogue.and_then(|bytes| Catalogue::decode(&bytes).ok()),
        settings.and_then(|bytes| Settings::decode(&bytes).ok()),
    );
    let (exit, root) = root_word(&report);
    for line in overview.lines() {
        output.line(line);
    }
    if let Some(root) = &root {
        output.line(format!("  {:<12}  {root}", "root"));
    }
    if !original {
        for line in report.lines() {
            output.note(line);
        }
    }
    tell_json(&overview, &report, root.as_deref(), exit, output);
    Ok(exit)
}

/// The medium that this program lies on: a folder above it that holds a manifest.
fn own_medium() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(|error| Failure::of(Exit::Failure, &error))?;
    let above = own.ancestors().skip(1).find(|folder| folder.join(&MANIFEST_PATH[1..]).is_file());
    let none = || {
        Failure::new(Exit::Usage, "this program lies on no medium")
            .hint("name one with --medium PATH")
    };
    above.map(Path::to_path_buf).ok_or_else(none)
}

fn check(
    source: &Source,
    path: &Path,
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Report, Failure> {
    let test_roots = if common.allow_test_root { TestRoots::Allowed } else { TestRoots::Refused };
    let trust = Trust::new(pinned_roots(&common.trust)?, test_roots);
    let progress = Progress::start(output, &path.display().to_string());
    let attendant = Attendant::new(&progress, interrupt, "checking");
    let checked = source.check(&trust, threads(), &attendant);
    progress.end(if checked.is_ok() { "checked" } else { "not checked" });
    checked.map_err(|error| match error {
        CheckError::Interrupted => Failure::interrupted(),
        CheckError::TestRoot(_) => Failure::of(Exit::Refusal, &error),
        error => Failure::of(Exit::Failure, &error),
    })
}

/// The exit code, and what is to be said of the root.
///
/// A root that nothing pins is remembered at the first meeting; that alone is no reason to stop,
/// another root later is.
fn root_word(report: &Report) -> (Exit, Option<String>) {
    let grade = Exit::from(report.grade());
    let (Some(anchor), Some(medium)) = (report.root, &report.medium) else { return (grade, None) };
    let root = anchor.fingerprint();
    let (exit, word) = match (anchor, remember(medium.number, root)) {
        (_, Some(Met::Changed { before })) => {
            (Exit::Damage, format!("it came under root {before} before"))
        }
        (Anchor::Pinned(_), _) => (Exit::Done, "pinned".to_owned()),
        (_, Some(Met::First)) => {
            (Exit::Done, "first seen here: compare with the package".to_owned())
        }
        (_, Some(Met::Again)) => (Exit::Done, "as before; compare with the package".to_owned()),
        (_, None) => (Exit::Done, "not remembered here: compare with the package".to_owned()),
    };
    let copy = matches!(report.hardware, scrip::image::check::Binding::CopyOf { .. });
    let kept = if grade == Exit::Differences && !copy { Exit::Done } else { grade };
    (Exit::worst([kept, exit]), Some(format!("{root}, {word}")))
}

/// What this computer remembers; none where it can't.
fn remember(medium: scrip::units::MediumId, root: Fingerprint) -> Option<Met> {
    let folder = Folder::open_or_create(&home::state()?.join("roots")).ok()?;
    RootMemory::new(folder).meet(medium, root).ok()
}

fn tell_json(
    overview: &Overview<'_>,
    report: &Report,
    root: Option<&str>,
    exit: Exit,
    output: &Output,
) {
    let offers: Vec<_> = overview
        .offers()
        .iter()
        .map(|offer| {
            json!({
                "id": offer.item.id,
                "title": offer.item.title,
                "kind": offer.item.kind.word(),
                "price": offer.price,
                "affordable": offer.affordable,
            })
        })
        .collect();
    let balance =
        overview.balance().map(|balance| money(balance.amount, balance.currency.currency()));
    let fields = json!({
        "originality": report.verdict.word(),
        "medium": report.medium.as_ref().map(|medium| medium.number.to_string()),
        "balance": balance,
        "root": root,
        "catalogue": offers,
        "check": report.fields(),
    });
    output.result(exit, &fields);
}
