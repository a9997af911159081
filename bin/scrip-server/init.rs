//! `init`: found an issuer.

use scrip::crypto::SystemRandom;
use scrip::crypto::password::Cost;
use scrip::format::certificate::Purpose;
use scrip::issuer::{FoundError, Founding, Issuer, ROOT_FOLDER, TRUST_FILE, key_cost};
use scrip::tool::{Classed, Exit, Failure, Output, clock};
use scrip::trust::{LIVE_ROUNDS_MIN, Passphrase};
use scrip::units::CurrencyForm;
use serde_json::json;

use crate::cli::{Init, Office};
use crate::files;
use crate::office::{Opener, TEST_ROOT};

/// Rounds of a test root's sheets.
const TEST_ROUNDS: u32 = 10;

pub(crate) fn run(args: &Init, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let form = match args.exponent {
        Some(exponent) => CurrencyForm::new(args.currency, exponent).or_fail()?,
        None => CurrencyForm::usual(args.currency),
    };
    let bare = founding(args, form, Passphrase::None, office);
    bare.check().or_fail()?;
    files::check_free(&args.folder)?;
    if args.dry_run {
        return Ok(planned(args, form, output));
    }
    let opener =
        if args.no_passphrase { Opener::none() } else { Opener::choose(office, &args.name)? };
    let founding = founding(args, form, opener.passphrase(), office);
    let issuer = Issuer::found(&args.folder, &founding, &mut SystemRandom::new(), clock::now());
    told(args, &issuer.map_err(|error| unfinished(args, &error))?, output);
    Ok(Exit::Done)
}

fn founding<'a>(
    args: &'a Init,
    form: CurrencyForm,
    passphrase: Passphrase<'a>,
    office: &'a Office,
) -> Founding<'a> {
    let (purpose, cost, rounds) = if args.test {
        (Purpose::Test, Cost::MINIMAL, TEST_ROUNDS)
    } else {
        (Purpose::Live, key_cost(), LIVE_ROUNDS_MIN)
    };
    let place = office.records.as_ref();
    Founding { name: &args.name, form, purpose, passphrase, cost, rounds, place }
}

fn planned(args: &Init, form: CurrencyForm, output: &Output) -> Exit {
    let (folder, currency) = (args.folder.display().to_string(), form.currency());
    output.line(format!("would found issuer {} for {currency} in {folder}", args.name));
    let fields = json!({
        "dry_run": true, "issuer": args.name, "folder": folder, "currency": currency.code(),
        "exponent": form.exponent(),
    });
    output.result(Exit::Done, &fields);
    Exit::Done
}

fn unfinished(args: &Init, error: &FoundError) -> Failure {
    let failure = Failure::of(Exit::from(error), error);
    let begun = args.folder.exists() && failure.exit() != Exit::Refusal;
    let hint = format!("remove {}, which is not finished, and try again", args.folder.display());
    if begun { failure.hint(hint) } else { failure }
}

fn told(args: &Init, issuer: &Issuer, output: &Output) {
    let folder = args.folder.display();
    let form = issuer.form();
    let fingerprint = issuer.root().fingerprint();
    let purpose = issuer.purpose();
    output.line(format!("issuer {} founded in {folder}, for {}", issuer.name(), form.currency()));
    if purpose == Purpose::Test {
        output.warn(TEST_ROOT);
    }
    output.line(format!("root {fingerprint}: compare it wherever {TRUST_FILE} is pinned"));
    if args.no_passphrase {
        output.warn("the keys lie bare: whoever can read the folder can issue in this name");
    }
    output.note(format!("move {folder}/{ROOT_FOLDER} away: only renewing the issuer needs it"));
    output.note(format!("back up {folder}: its seal.key makes every code, its records are money"));
    output.note("next: scrip-store init, then scrip-server enrol");
    let fields = json!({
        "issuer": issuer.name(),
        "folder": folder.to_string(),
        "currency": form.currency().code(),
        "exponent": form.exponent(),
        "purpose": purpose.word(),
        "root": fingerprint.to_string(),
        "trust": args.folder.join(TRUST_FILE).display().to_string(),
        "root_folder": args.folder.join(ROOT_FOLDER).display().to_string(),
    });
    output.result(Exit::Done, &fields);
}
