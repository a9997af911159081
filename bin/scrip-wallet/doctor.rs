//! `doctor`: what is wrong in plain words, and putting a touched medium's bytes back.

use std::path::Path;

use scrip::device::{Access, FileDevice};
use scrip::image::check::{CheckError, Identity, Reading, Report};
use scrip::image::reseal::{Mending, prepare};
use scrip::tool::{
    Attendant, Classed, Exit, Failure, Interrupt, Output, Progress, Source, open_unmounted, threads,
};
use scrip::trust::Trust;
use scrip::wallet::advice;
use serde_json::json;

use crate::cli::{Common, DoctorArgs};
use crate::medium::{check, path, root_word, trust};

/// Explain the medium; with `--reseal` put back what ordinary use has touched.
pub(crate) fn doctor(
    common: &Common,
    args: &DoctorArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let path = path(common)?;
    if args.reseal {
        return reseal(&path, common, args, output, interrupt)
            .map_err(|failure| failure.during(format!("resealing {}", path.display())));
    }
    let source = Source::open(&path)?;
    let report = check(&source, &path, common, output, interrupt)?;
    let (exit, root) = root_word(&report);
    let advice = advice(&report);
    for line in &advice {
        output.line(line);
    }
    if let Some(root) = &root {
        output.line(format!("Its root is {root}."));
    }
    let fields = json!({ "advice": advice, "root": root, "check": report.fields() });
    output.result(exit, &fields);
    Ok(exit)
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
        output.line(format!("- {}", touch.what));
    }
    if let Some(root) = &root {
        output.line(format!("Its root is {root}."));
    }
    if args.dry_run || bytes == 0 {
        output.line(match bytes {
            0 => "The seal is whole; there is nothing to do.".to_owned(),
            _ => format!("{bytes} bytes would be written; nothing was."),
        });
        tell(mending.report(), 0, exit, output);
        return Ok(exit);
    }
    // From here on it takes milliseconds, and whatever ends it leaves a touched medium.
    interrupt.check()?;
    let report = mending.write(&device, &trust, &identity).or_fail()?;
    output.line(format!("Resealed: {bytes} bytes written, read back and checked."));
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
    let attendant = Attendant::new(&progress, interrupt, "checking");
    let reading = Reading::take(device, threads(), &attendant).map_err(CheckError::from);
    progress.end(if reading.is_ok() { "checked" } else { "not checked" });
    prepare(reading.or_fail()?, device, trust, identity).or_fail()
}
