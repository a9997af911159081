//! `status`: what the issuer is, and until when.

use scrip::format::certificate::Purpose;
use scrip::issuer::Issuer;
use scrip::tool::{Classed, Exit, Failure, Output, clock, money};
use scrip::units::Timestamp;
use scrip::words::counted;
use serde_json::{Value, json};

use crate::cli::Office;

/// A certificate that ends within so many days is worth a warning.
const WARN_DAYS: u64 = 90;

pub(crate) fn run(office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let stores = issuer.records().stores().or_fail()?.len();
    let expires = issuer.signer().certificate().expires;
    let test = if issuer.purpose() == Purpose::Test { ", TEST" } else { "" };
    let (form, root) = (issuer.form(), issuer.root().fingerprint());
    output.line(format!("issuer {}{test}: {}, stores: {stores}", issuer.name(), form.currency()));
    output.line(format!("root {root}"));
    let days = counted(days_left(expires), "day", "days");
    output.line(format!("certificate until {expires}, {days}"));
    let list = issuer.revoked().list().map(|list| list.number);
    match list {
        Some(number) => output.line(format!("revocation list {number}")),
        None => output.line("nothing is revoked"),
    }
    let policy = policy(&issuer, output);
    if days_left(expires) < WARN_DAYS {
        output.warn(format!("the issuer's certificate ends at {expires}: renew it with the root"));
    }
    let fields = json!({
        "issuer": issuer.name(),
        "purpose": issuer.purpose().word(),
        "root": root.to_string(),
        "currency": form.currency().code(),
        "exponent": form.exponent(),
        "expires": expires.to_string(),
        "stores": stores,
        "revocation": list,
        "policy": policy,
    });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

fn days_left(expires: Timestamp) -> u64 {
    expires.seconds().saturating_sub(clock::now().seconds()) / Timestamp::DAY_S
}

fn policy(issuer: &Issuer, output: &Output) -> Value {
    let (policy, form) = (issuer.policy(), issuer.form());
    let sums = [
        ("balance_max", "largest balance", policy.balance_max),
        ("topup_max", "largest top-up", policy.topup_max),
        ("offline_cap", "offline cap", policy.offline_cap),
        ("starter_cap", "starter cap", policy.starter_cap),
        ("debt_cap", "debt cap", policy.debt_cap),
    ];
    output.line(format!("policy {}, issued at {}", policy.number, policy.issued));
    let mut fields = json!({
        "number": policy.number,
        "issued": policy.issued.to_string(),
        "offline_count": policy.offline_count,
        "starter_count": policy.starter_count,
        "rounds_min": policy.rounds_min,
        "chunk_bytes": policy.chunk.bytes(),
        "share_ppm": policy.share_ppm,
    });
    for (key, name, sum) in sums {
        output.line(format!("  {name:<16} {}", form.show(sum)));
        fields[key] = money(sum, form.currency());
    }
    output.line(format!("  {:<16} {}", "rounds a code", policy.rounds_min));
    fields
}
