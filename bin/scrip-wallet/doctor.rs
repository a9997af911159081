//! `doctor`: what is wrong in plain words, repairing what recovery would, and putting a touched
//! medium's bytes back.
//!
//! With `--json` the last line is an object of type `result`: `exit`; `advice`: the sentences on
//! seal, journal and keys; `root`; `check`: what `scrip-verify check` tells; `mirror`: what this
//! computer saw of it, `state` and `text`; `trays`: what of ours lies in OUTBOX and INBOX; `remedies`:
//! `what`, `text` and `done` of each; `dry_run`; `not_repaired`: why nothing could be, or null. With
//! `--reseal`: `written_bytes` and `check`.

pub(crate) mod mirror;
mod repair;
mod trays;

use std::path::Path;

use scrip::device::{Access, FileDevice};
use scrip::image::check::{CheckError, Identity, Reading, Report};
use scrip::image::reseal::{Mending, prepare};
use scrip::phrases;
use scrip::tool::{
    Attendant, Exit, Failure, Interrupt, Output, Progress, Source, Tell, open_unmounted, threads,
};
use scrip::trust::Trust;
use scrip::wallet::{Medium, advice};
use scrip::words::Phrase;
use serde_json::json;

use crate::cli::{Common, DoctorArgs};
use crate::medium::{
    checked_word, checking, examine as examine_medium, not_checked, path, root_alone, root_word,
    trust,
};
use crate::opened::{Look, recall, restore};

phrases! {
    fn resealing(path) { en: "resealing {path}", ja: "{path} の封の復元" }
    fn its_root(root) { en: "Its root is {root}.", ja: "発行元は{root}です。" }
    fn finding(what) { en: "- {what}", ja: "- {what}" }
    fn whole() {
        en: "The seal is whole; there is nothing to do.",
        ja: "封は完全です。何もする必要はありません。",
    }
    fn would_be_written(bytes) {
        en: "{bytes} bytes would be written; nothing was.",
        ja: "{bytes}バイトを書き込むことになります。まだ書いていません。",
    }
    fn resealed(bytes) {
        en: "Resealed: {bytes} bytes written, read back and checked.",
        ja: "封を戻しました：{bytes}バイトを書き込み、読み戻して確かめました。",
    }
}

/// Explain the medium and repair what recovery would; with `--reseal` put back what ordinary use
/// has touched.
pub(crate) fn doctor(
    common: &Common,
    args: &DoctorArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let path = path(common)?;
    if args.reseal {
        return reseal(&path, common, args, output, interrupt)
            .map_err(|failure| failure.during(resealing(path.display())));
    }
    let (source, unwritable) = source(&path, args)?;
    let mut checked = examine_medium(&source, &path, common, output, interrupt)?;
    restore(&mut checked, &source, output);
    let report = checked.report.clone();
    let (exit, root) = root_word(&report);
    let advice = advice(&report);
    for line in &advice {
        output.line(line);
    }
    if let Some(root) = &root {
        output.line(its_root(root));
    }
    let advice: Vec<_> = advice.iter().map(Phrase::en).collect();
    let mut fields = json!({ "advice": advice, "root": root.as_ref().map(Phrase::en), "check": report.fields() });
    // Of a medium that came under another root, or whose records are lost, nothing more is told.
    let known = root_alone(&report).is_none_or(|(exit, _)| exit != Exit::Damage);
    let mut mended = Exit::Done;
    if let Some(mut medium) = Medium::of(checked).ok().filter(|_| known) {
        recall(&mut medium, &source, output);
        let look = Look { medium, report, source };
        mended = repair::explain(look, (&path, unwritable), args, output, &mut fields)?;
    }
    let exit = Exit::worst([exit, mended]);
    output.result(exit, &fields);
    Ok(exit)
}

/// What is to be repaired has to be written; what can't be written is looked at all the same.
fn source(path: &Path, args: &DoctorArgs) -> Result<(Source, Option<Failure>), Failure> {
    if args.dry_run {
        return Ok((Source::open(path)?, None));
    }
    match Source::open_to_write(path) {
        Ok(source) => Ok((source, None)),
        Err(failure) => Ok((Source::open(path)?, Some(failure))),
    }
}

fn reseal(
    path: &Path,
    common: &Common,
    args: &DoctorArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let trust = trust(common)?;
    let access = if args.dry_run { Access::Read } else { Access::Write };
    let (device, identity) = open_unmounted(path, access)?;
    let mending = examine(&device, &identity, &trust, path, output, interrupt)?;
    let (exit, root) = root_word(mending.report());
    let bytes = mending.bytes();
    for touch in &mending.report().touches {
        output.line(finding(&touch.what));
    }
    if let Some(root) = &root {
        output.line(its_root(root));
    }
    if args.dry_run || bytes == 0 {
        output.line(match bytes {
            0 => whole(),
            _ => would_be_written(bytes),
        });
        tell(mending.report(), 0, exit, output);
        return Ok(exit);
    }
    // From here on it takes milliseconds, and whatever ends it leaves a touched medium.
    interrupt.check()?;
    let report = mending.write(&device, &trust, &identity).or_tell()?;
    output.line(resealed(bytes));
    tell(&report, bytes, exit, output);
    Ok(exit)
}

fn tell(report: &Report, written: u64, exit: Exit, output: &Output) {
    output.result(exit, &json!({ "written_bytes": written, "check": report.fields() }));
}

fn examine(
    device: &FileDevice,
    identity: &Identity,
    trust: &Trust,
    path: &Path,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Mending, Failure> {
    let progress = Progress::start(output, &path.display().to_string());
    let attendant = Attendant::new(&progress, interrupt, checking());
    let reading = Reading::take(device, threads(), &attendant).map_err(CheckError::from);
    progress.end(if reading.is_ok() { checked_word() } else { not_checked() });
    prepare(reading.or_tell()?, device, trust, identity).or_tell()
}
