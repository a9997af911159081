//! `status`: stock, quota, expiry.

use scrip::shop::Status;
use scrip::tool::{Exit, Failure, Output, clock, money};
use serde_json::{Value, json};

use crate::cli::Common;
use crate::session::{open_quietly, told};

pub(crate) fn status(common: &Common, output: &Output) -> Result<Exit, Failure> {
    let shop = open_quietly(common, output)?;
    let status = shop.status(clock::now()).map_err(told)?;
    for line in lines(&status) {
        output.line(line);
    }
    for warning in &status.warnings {
        output.warn(warning);
    }
    output.result(Exit::Done, &fields(&status));
    Ok(Exit::Done)
}

fn lines(status: &Status) -> Vec<String> {
    let media = status.media;
    let mut lines = vec![
        format!("{}, store {}, under root {}", status.name, status.store, status.root),
        format!("certificate ends {}, in {} days", status.expires, status.days_left),
        format!("quota      {} handed out", status.quota_line()),
        format!(
            "media      {} blank, {} being burnt, {} on the shelf, {} sold, {} given up",
            media.blank, media.begun, media.burnt, media.sold, media.abandoned
        ),
    ];
    for (amount, line) in &status.codes {
        lines.push(format!(
            "codes      {:>12}: {} in stock, {} sold, {} spent on burns, {} taken back",
            status.form.show(*amount),
            line.in_stock,
            line.sold,
            line.spent,
            line.voided
        ));
    }
    let sold = status.vouchers_line();
    lines.push(match status.next_serial {
        Some(next) => {
            format!("vouchers   {sold}, serials {next} to {} are left", status.last_serial)
        }
        None => format!("vouchers   {sold}, none are left"),
    });
    let head = status.head.as_deref().map_or_else(String::new, |head| format!(", head {head}"));
    lines.push(format!("journal    {} entries{head}", status.entries));
    lines
}

fn fields(status: &Status) -> Value {
    let currency = status.form.currency();
    let media = status.media;
    let code = |(amount, line): (&scrip::units::Amount, &scrip::shop::AmountLine)| {
        json!({
            "amount": money(*amount, currency),
            "in_stock": line.in_stock,
            "sold": line.sold,
            "spent": line.spent,
            "voided": line.voided,
        })
    };
    json!({
        "store": status.store.number(),
        "name": status.name,
        "root": status.root.to_string(),
        "expires": status.expires.to_string(),
        "days_left": status.days_left,
        "floor": status.floor.map(|floor| floor.to_string()),
        "quota": money(status.quota, currency),
        "quota_used": { "minor": status.quota_used.to_string(), "currency": currency.code() },
        "media": {
            "blank": media.blank,
            "begun": media.begun,
            "burnt": media.burnt,
            "sold": media.sold,
            "abandoned": media.abandoned,
        },
        "codes": status.codes.iter().map(code).collect::<Vec<_>>(),
        "vouchers": {
            "sold": status.vouchers,
            "sum": { "minor": status.vouchers_sum.to_string(), "currency": currency.code() },
        },
        "next_serial": status.next_serial,
        "last_serial": status.last_serial,
        "policy": status.policy,
        "revocation": status.revocation,
        "journal": { "entries": status.entries, "head": status.head },
        "warnings": status.warnings,
    })
}
