//! `sign`: the rom-signer's signature under an edition.

use std::num::NonZeroUsize;
use std::sync::Once;
use std::thread;

use data_encoding::HEXLOWER;
use scrip::device::{Access, FileDevice};
use scrip::image::edition;
use scrip::image::leaves::Watch;
use scrip::image::sealed::sign_edition;
use scrip::tool::{Classed, Exit, Failure, Interrupt, Output, Progress};
use serde_json::json;

use crate::cli::{Office, Sign};

pub(crate) fn run(
    args: &Sign,
    office: &Office,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let issuer = office.open(output)?;
    let access = if args.dry_run { Access::Read } else { Access::Write };
    let device = FileDevice::open(&args.edition, access).or_fail()?;
    let signing = |failure: Failure| failure.during(format!("signing {}", args.edition.display()));
    let opened = edition::open(&device).or_fail().map_err(signing)?;
    if args.dry_run {
        return Ok(told(args, &opened.header.edition, "would be signed", output));
    }
    let pass = office.opener(&issuer)?;
    let rom = issuer.rom_signer_key(pass.passphrase()).or_fail()?;
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let watch =
        Watched { progress: Progress::start(output, "edition"), begun: Once::new(), interrupt };
    let signed = sign_edition(&device, &rom.key, &rom.chain, threads, &watch);
    let edition = signed.or_fail().map_err(signing)?;
    watch.progress.end("signed");
    Ok(told(args, &edition, "signed", output))
}

/// Shows how far the reading is, and hears Ctrl-C.
struct Watched<'a> {
    progress: Progress,
    begun: Once,
    interrupt: &'a Interrupt,
}

impl Watch for Watched<'_> {
    fn progress(&self, done: u64, total: u64) {
        self.begun.call_once(|| self.progress.stage("checking", total));
        self.progress.at(done);
    }

    fn stopped(&self) -> bool {
        self.interrupt.requested()
    }
}

fn told(args: &Sign, edition: &[u8; 32], what: &str, output: &Output) -> Exit {
    let (file, edition) = (args.edition.display().to_string(), HEXLOWER.encode(edition));
    output.line(format!("{file}: edition {edition} {what}"));
    let fields = json!({ "file": file, "edition": edition, "dry_run": args.dry_run });
    output.result(Exit::Done, &fields);
    Exit::Done
}
