//! `sign`: the rom-signer's signature under an edition.

use data_encoding::HEXLOWER;
use scrip::device::{Access, FileDevice};
use scrip::image::edition;
use scrip::image::sealed::sign_edition;
use scrip::tool::{Attendant, Classed, Exit, Failure, Interrupt, Output, Progress, threads};
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
    let progress = Progress::start(output, "edition");
    let watch = Attendant::new(&progress, interrupt, "checking");
    let signed = sign_edition(&device, &rom.key, &rom.chain, threads(), &watch);
    let edition = signed.or_fail().map_err(signing)?;
    progress.end("signed");
    Ok(told(args, &edition, "signed", output))
}

fn told(args: &Sign, edition: &[u8; 32], what: &str, output: &Output) -> Exit {
    let (file, edition) = (args.edition.display().to_string(), HEXLOWER.encode(edition));
    output.line(format!("{file}: edition {edition} {what}"));
    let fields = json!({ "file": file, "edition": edition, "dry_run": args.dry_run });
    output.result(Exit::Done, &fields);
    Exit::Done
}
