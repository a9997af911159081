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
    files::hand_out(&args.out, &kit.content)?;
    let file = args.out.display().to_string();
    output.line(format!("kit {name} for store {}, made at {}: {file}", kit.store, kit.made_at));
    let fields = json!({
        "kit": name, "store": kit.store.number(), "made_at": kit.made_at.to_string(), "file": file,
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}
