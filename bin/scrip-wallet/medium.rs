//! The medium in hand: where it is, under whose root, and what a check says of it.

use std::path::{Path, PathBuf};

use scrip::device::Folder;
use scrip::image::check::{Binding, Checked, Report, Verdict};
use scrip::image::layout::MANIFEST_PATH;
use scrip::tool::{
    Attendant, Classed, Exit, Failure, Interrupt, Output, Progress, Source, home, pinned_roots,
    threads,
};
use scrip::trust::{Anchor, Fingerprint, TestRoots, Trust};
use scrip::units::MediumId;
use scrip::wallet::{Met, RootMemory};

use crate::cli::Common;

/// Where the medium is: as named, else the one that this program lies on.
pub(crate) fn path(common: &Common) -> Result<PathBuf, Failure> {
    common.medium.clone().map_or_else(own_medium, Ok)
}

/// The roots that count.
pub(crate) fn trust(common: &Common) -> Result<Trust, Failure> {
    let test_roots = if common.allow_test_root { TestRoots::Allowed } else { TestRoots::Refused };
    Ok(Trust::new(pinned_roots(&common.trust)?, test_roots))
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

/// Judge the medium, showing how far it is.
pub(crate) fn check(
    source: &Source,
    path: &Path,
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Report, Failure> {
    Ok(examine(source, path, common, output, interrupt)?.report)
}

/// Judge the medium, showing how far it is, and hand out what can be built on it.
pub(crate) fn examine(
    source: &Source,
    path: &Path,
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Checked, Failure> {
    let trust = trust(common)?;
    let progress = Progress::start(output, &path.display().to_string());
    let attendant = Attendant::new(&progress, interrupt, "checking");
    let checked = source.examine(&trust, threads(), &attendant);
    progress.end(if checked.is_ok() { "checked" } else { "not checked" });
    checked.or_fail()
}

/// The exit code, and what is to be said of the root.
///
/// A root that nothing pins is remembered at the first meeting; that alone is no reason to stop,
/// another root later is.
pub(crate) fn root_word(report: &Report) -> (Exit, Option<String>) {
    let grade = Exit::from(report.grade());
    let Some((exit, word)) = root_alone(report) else { return (grade, None) };
    let copy = matches!(report.hardware, Binding::CopyOf { .. });
    let kept = if grade == Exit::Differences && !copy { Exit::Done } else { grade };
    (Exit::worst([kept, exit]), Some(word))
}

/// What is known of the root, whatever else the medium is; none where it states none.
pub(crate) fn root_alone(report: &Report) -> Option<(Exit, String)> {
    let (anchor, medium) = (report.root?, report.medium.as_ref()?);
    let root = anchor.fingerprint();
    if report.verdict == Verdict::Altered {
        // What was altered is nothing to remember, and the exit code is the gravest already.
        return Some((Exit::Done, root.to_string()));
    }
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
    Some((exit, format!("{root}, {word}")))
}

/// What this computer remembers; none where it can't.
fn remember(medium: MediumId, root: Fingerprint) -> Option<Met> {
    let folder = Folder::open_or_create(&home::state()?.join("roots")).ok()?;
    RootMemory::new(folder).meet(medium, root).ok()
}
