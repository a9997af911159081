//! `code`: sell a held-back code.

use data_encoding::HEXLOWER;
use scrip::crypto::digest::sha256_parts;
use scrip::crypto::{Random, SystemRandom};
use scrip::issuer::{Issuer, SoldCode};
use scrip::tool::{Classed, Exit, Failure, Output, clock, money};
use scrip::units::Amount;
use scrip::voucher::slip;
use scrip::words::counted;
use serde_json::json;

use crate::cli::{Code, Office};
use crate::office::{places_hint, sum};

pub(crate) fn run(args: &Code, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let amount = sum(&issuer, &args.amount)?;
    if args.dry_run {
        return left(args, amount, &mut issuer, output);
    }
    let opener = office.opener(&issuer)?;
    let seal = issuer.seal_key(opener.passphrase()).or_fail()?;
    let sold = issuer.sell_code(args.medium, amount, &sale(args), &seal, clock::now());
    let sold = sold.or_fail().map_err(|failure| places_hint(&issuer, failure))?;
    told(&sold, &issuer, output);
    Ok(Exit::Done)
}

/// The sale's name: the order's digest, or random.
fn sale(args: &Code) -> [u8; 16] {
    let mut name = [0; 16];
    match &args.order {
        Some(order) => {
            let digest = sha256_parts(&[b"scrip/v1/code-order", order.as_bytes()]);
            name.copy_from_slice(&digest[..16]);
        }
        None => SystemRandom::new().fill(&mut name),
    }
    name
}

fn left(
    args: &Code,
    amount: Amount,
    issuer: &mut Issuer,
    output: &Output,
) -> Result<Exit, Failure> {
    let count = issuer.codes_left(args.medium, amount).or_fail()?;
    let form = issuer.form();
    let codes = counted(count, "code", "codes");
    output.line(format!("medium {}: {codes} of {} left", args.medium, form.show(amount)));
    let fields = json!({
        "dry_run": true,
        "medium": args.medium.to_string(),
        "amount": money(amount, form.currency()),
        "left": count,
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

fn told(sold: &SoldCode, issuer: &Issuer, output: &Output) {
    let (slot, form, code) = (&sold.slot, issuer.form(), sold.code.printed());
    output.line(issuer.name());
    output.line(format!("medium {}: code sold", slot.medium.grouped()));
    for line in slip(&sold.code, &form.show(slot.amount)) {
        output.line(line);
    }
    output.line(format!("issuer's fingerprint {}", issuer.root().fingerprint()));
    let fields = json!({
        "code": code,
        "medium": slot.medium.to_string(),
        "amount": money(slot.amount, form.currency()),
        "sheet": HEXLOWER.encode(&slot.sheet),
        "slot": slot.slot,
        "sold_at": slot.sold_at.to_string(),
    });
    output.result(Exit::Done, &fields);
}
