//! The medium in hand: where it is, under whose root, and what a check says of it.

use std::path::{Path, PathBuf};

use scrip::device::Folder;
use scrip::image::check::{Binding, Checked, Report, Verdict};
use scrip::image::layout::MANIFEST_PATH;
use scrip::phrases;
use scrip::tool::{
    Attendant, Exit, Failure, Interrupt, Output, Progress, Source, Tell, home, pinned_roots,
    threads, told,
};
use scrip::trust::{Anchor, Fingerprint, TestRoots, Trust};
use scrip::units::MediumId;
use scrip::wallet::{Met, RootMemory};
use scrip::words::Phrase;

use crate::cli::Common;

phrases! {
    fn on_no_medium() {
        en: "this program lies on no medium",
        ja: "このプログラムは媒体の上にありません",
    }
    fn name_one() {
        en: "name one with --medium PATH",
        ja: "--medium パス で指定してください",
    }
    pub(crate) fn checking() { en: "checking", ja: "検査中" }
    pub(crate) fn checked_word() { en: "checked", ja: "検査しました" }
    pub(crate) fn not_checked() { en: "not checked", ja: "検査できませんでした" }
    fn root_changed(root, before) {
        en: "{root}, it came under root {before} before",
        ja: "{root}（以前は{before}でした）",
    }
    fn pinned(root) { en: "{root}, pinned", ja: "{root}（登録済み）" }
    fn first_seen(root) {
        en: "{root}, first seen here: compare with the package",
        ja: "{root}（初めて見ました：パッケージと比べてください）",
    }
    fn as_before(root) {
        en: "{root}, as before; compare with the package",
        ja: "{root}（前と同じ。パッケージと比べてください）",
    }
    fn not_remembered(root) {
        en: "{root}, not remembered here: compare with the package",
        ja: "{root}（ここには覚えられません：パッケージと比べてください）",
    }
}

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
    let own = std::env::current_exe().map_err(|error| Failure::new(Exit::Failure, told(&error)))?;
    let above = own.ancestors().skip(1).find(|folder| folder.join(&MANIFEST_PATH[1..]).is_file());
    let none = || Failure::new(Exit::Usage, on_no_medium()).hint(name_one());
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
    let attendant = Attendant::new(&progress, interrupt, checking());
    let checked = source.examine(&trust, threads(), &attendant);
    progress.end(if checked.is_ok() { checked_word() } else { not_checked() });
    checked.or_tell()
}

/// The exit code, and what is to be said of the root.
///
/// A root that nothing pins is remembered at the first meeting; that alone is no reason to stop,
/// another root later is.
pub(crate) fn root_word(report: &Report) -> (Exit, Option<Phrase>) {
    let grade = Exit::from(report.grade());
    let Some((exit, word)) = root_alone(report) else { return (grade, None) };
    let copy = matches!(report.hardware, Binding::CopyOf { .. });
    let kept = if grade == Exit::Differences && !copy { Exit::Done } else { grade };
    (Exit::worst([kept, exit]), Some(word))
}

/// What is known of the root, whatever else the medium is; none where it states none.
pub(crate) fn root_alone(report: &Report) -> Option<(Exit, Phrase)> {
    let (anchor, medium) = (report.root?, report.medium.as_ref()?);
    let root = anchor.fingerprint();
    if report.verdict == Verdict::Altered {
        // What was altered is nothing to remember, and the exit code is the gravest already.
        return Some((Exit::Done, Phrase::same(root.to_string())));
    }
    let (exit, word) = match (anchor, remember(medium.number, root)) {
        (_, Some(Met::Changed { before })) => (Exit::Damage, root_changed(root, before)),
        (Anchor::Pinned(_), _) => (Exit::Done, pinned(root)),
        (_, Some(Met::First)) => (Exit::Done, first_seen(root)),
        (_, Some(Met::Again)) => (Exit::Done, as_before(root)),
        (_, None) => (Exit::Done, not_remembered(root)),
    };
    Some((exit, word))
}

/// Would the same be told of both?
pub(crate) fn is_same(before: &Report, report: &Report) -> bool {
    let roots = [before, report].map(|of| of.root.map(Anchor::fingerprint));
    let same = before.verdict == report.verdict && before.hardware == report.hardware;
    same && roots[0] == roots[1]
}

/// What this computer remembers; none where it can't.
fn remember(medium: MediumId, root: Fingerprint) -> Option<Met> {
    let folder = Folder::open_or_create(&home::state()?.join("roots")).ok()?;
    RootMemory::new(folder).meet(medium, root).ok()
}
