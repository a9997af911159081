//! `init`: keys and an enrolment request.

use scrip::crypto::SystemRandom;
use scrip::crypto::password::Cost;
use scrip::shop::Shop;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Output, clock};
use scrip::words::Language;
use serde_json::json;

use crate::cli::{Common, InitArgs};
use crate::session::{passphrase, told};

/// What one guess of the passphrase costs: 64 MiB, three passes.
const MEMORY_KIB: u32 = 65_536;
const PASSES: u32 = 3;

pub(crate) fn init(common: &Common, args: &InitArgs, output: &Output) -> Result<Exit, Failure> {
    let folder = args.folder.display();
    if common.dry_run {
        Shop::check_init(&args.folder, &args.name).map_err(told)?;
        output.line(format!("would make the store {:?} in {folder}", args.name));
        return Ok(Exit::Done);
    }
    Shop::check_init(&args.folder, &args.name).map_err(told)?;
    let source = PasswordSource::from(common.password_file.clone());
    let ask = || source.read_new("new passphrase of the store", Language::English);
    let password = (!common.no_passphrase).then(ask).transpose()?;
    let cost = Cost::new(MEMORY_KIB, PASSES, 1).expect("it lies within the bounds");
    let given = passphrase(password.as_ref());
    let mut rng = SystemRandom::new();
    let key =
        Shop::init(&args.folder, &args.name, given, cost, clock::now(), &mut rng).map_err(told)?;
    let request = args.folder.join("request.cbr");
    output.line(format!("made the store {:?} in {folder}, key {}", args.name, key.key_id()));
    output.note(format!("next: send {} to the issuer", request.display()));
    if common.no_passphrase {
        output.warn("the keys lie bare: whoever can read the folder can sell in this name");
    }
    let fields = json!({
        "name": args.name,
        "key": key.key_id().to_string(),
        "request": request,
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}
