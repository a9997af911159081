//! `receipt`: an entry of the journal, for who stands at the counter.
//!
//! With `--json` the last line is an object of type `result`:
//! - `receipt`: its number, which is the entry's; `event`: the entry's event; `at`: the store's clock;
//! - `store`, `store_name`, `root`: who sold, and the fingerprint of the issuer's root;
//! - `medium`: the number's twelve digits; `price`, `balance`: of a medium that was sold;
//! - `amount`: what the `code` (printed form) or the voucher (`serial`) credits; a dry run has neither;
//! - `voids`, `voided_by`: receipts; `stays_counted`: what still counts against the store after a void;
//! - `owner`: as it was given, kept nowhere; `files`: what was written beside.
//!
//! Sums are objects of `minor`, as text, and `currency`.

use std::path::PathBuf;

use scrip::shop::Receipt;
use scrip::tool::{Exit, Failure, Output, money};
use serde_json::{Value, json};

use crate::cli::{Common, ReceiptArgs};
use crate::session::{open, told};

pub(crate) fn receipt(
    common: &Common,
    args: &ReceiptArgs,
    output: &Output,
) -> Result<Exit, Failure> {
    let shop = open(common, output)?;
    let receipt = shop.receipt(args.number).map_err(told)?;
    args.paper.check()?;
    let files = args.paper.write(common, &receipt, output)?;
    tell(&receipt, None, &files, output);
    Ok(Exit::Done)
}

/// Print a receipt; the owner's name is printed and not kept.
pub(crate) fn tell(receipt: &Receipt, owner: Option<&str>, files: &[PathBuf], output: &Output) {
    print(receipt, owner, output);
    let mut told = fields(receipt, owner);
    told["files"] = json!(files);
    output.result(Exit::Done, &told);
}

/// Print a receipt for a person.
pub(crate) fn print(receipt: &Receipt, owner: Option<&str>, output: &Output) {
    for line in receipt.text().lines() {
        output.line(line);
    }
    if let Some(owner) = owner {
        output.line(format!("sold to {owner}"));
    }
}

/// A receipt as JSON.
pub(crate) fn fields(receipt: &Receipt, owner: Option<&str>) -> Value {
    let money = |amount| money(amount, receipt.form.currency());
    json!({
        "receipt": receipt.number,
        "store": receipt.store.number(),
        "store_name": receipt.store_name,
        "root": receipt.root.to_string(),
        "at": receipt.at.to_string(),
        "event": receipt.event.word(),
        "medium": receipt.medium.to_string(),
        "price": receipt.price.map(money),
        "amount": receipt.amount.map(money),
        "balance": money(receipt.balance),
        "code": receipt.code.as_ref().map(|code| code.code.printed()),
        "serial": receipt.serial,
        "voids": receipt.voids,
        "voided_by": receipt.voided_by,
        "stays_counted": receipt.seen.map(money),
        "owner": owner,
        "files": [],
    })
}
