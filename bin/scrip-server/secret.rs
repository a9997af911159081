//! `secret`: an edition's secret sealed to a store.

use data_encoding::HEXLOWER;
use scrip::crypto::SystemRandom;
use scrip::format::Kind;
use scrip::tool::{Classed, Exit, Explain, Failure, Output};
use scrip::trust::EditionSecret;
use serde_json::json;

use crate::cli::{Office, SecretArgs};
use crate::files;

pub(crate) fn run(args: &SecretArgs, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let bytes = files::read(&args.file, Kind::KeyFile.bytes_max())?;
    let secret = EditionSecret::from_file(&bytes);
    let secret = secret.or_exit_while(Exit::Damage, args.file.display())?;
    files::check_out(&args.out)?;
    let sealed = issuer.seal_secret(args.store, &secret, &mut SystemRandom::new()).or_fail()?;
    let (id, file) = (HEXLOWER.encode(&secret.id()), args.out.display().to_string());
    let store = args.store;
    if args.dry_run {
        output.line(format!("edition secret {id} would be sealed to store {store}"));
    } else {
        files::hand_out(&args.out, &sealed)?;
        output.line(format!("edition secret {id} for store {store}: {file}"));
        output.note("next: hand it to the store, which takes it with scrip-store accept");
    }
    let fields = json!({
        "secret": id, "store": store.number(), "file": file, "dry_run": args.dry_run,
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}
