//! `kit`: write a recorded kit out once more.

use data_encoding::HEXLOWER;
use scrip::tool::{Classed, Exit, Failure, Output};
use serde_json::json;

use crate::cli::{Kit, Office};
use crate::files;

pub(crate) fn run(args: &Kit, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let name = HEXLOWER.encode(&args.id);
    let Some(kit) = issuer.recorded_kit(&args.id).or_fail()? else {
        let unknown = format!("kit {name} was never made");
        return Err(Failure::new(Exit::Refusal, unknown).hint("scrip-server stores lists kits"));
    };
    if args.dry_run {
        files::check_out(&args.out)?;
    } else {
        files::hand_out(&args.out, &kit.content)?;
    }
    let file = args.out.display().to_string();
    let would = if args.dry_run { ", would be written to" } else { ":" };
    let (store, made_at) = (kit.store, kit.made_at);
    output.line(format!("kit {name} for store {store}, made at {made_at}{would} {file}"));
    let fields = json!({
        "kit": name, "store": kit.store.number(), "made_at": kit.made_at.to_string(), "file": file,
        "dry_run": args.dry_run,
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}
