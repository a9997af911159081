//! `receipt`: an entry of the journal, for who stands at the counter.

use scrip::shop::{Receipt, receipt_page};
use scrip::tool::{Exit, Failure, Output, money};
use serde_json::json;

use crate::cli::{Common, ReceiptArgs};
use crate::session::{open, told, write_new};

pub(crate) fn receipt(
    common: &Common,
    args: &ReceiptArgs,
    output: &Output,
) -> Result<Exit, Failure> {
    let shop = open(common, output)?;
    let receipt = shop.receipt(args.number).map_err(told)?;
    if let Some(file) = &args.html {
        write_new(common, file, receipt_page(&receipt).as_bytes())?;
        output.note(format!("wrote {}: print it at 100 %", file.display()));
    }
    tell(&receipt, None, output);
    Ok(Exit::Done)
}

/// Print a receipt; the owner's name is printed and not kept.
pub(crate) fn tell(receipt: &Receipt, owner: Option<&str>, output: &Output) {
    for line in receipt.text().lines() {
        output.line(line);
    }
    if let Some(owner) = owner {
        output.line(format!("sold to {owner}"));
    }
    let money = |amount| money(amount, receipt.form.currency());
    let fields = json!({
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
        "owner": owner,
    });
    output.result(Exit::Done, &fields);
}
