//! `topup`: a code from the stock, or a voucher.

use scrip::shop::{Receipt, Shop};
use scrip::tool::{Exit, Failure, Output, clock};
use scrip::units::Amount;

use crate::cli::{Common, TopupArgs};
use crate::receipt::tell;
use crate::sell::amount;
use crate::session::{open, told};

pub(crate) fn topup(common: &Common, args: &TopupArgs, output: &Output) -> Result<Exit, Failure> {
    let mut shop = open(common, output)?;
    let value = amount(&shop, Some(&args.amount))?.unwrap_or_default();
    // What can't be written is found out while nothing is sold yet.
    args.paper.check()?;
    let receipt = sold(&mut shop, args, value)?;
    let files = args.paper.write(common, &receipt, output).map_err(|failure| {
        let number = receipt.number;
        failure
            .hint(format!("the sale is journaled: `scrip-store receipt {number}` shows it again"))
    })?;
    if args.paper.voucher.is_none() {
        shop.low_stock(args.medium, value).iter().for_each(|few| output.warn(few));
    }
    tell(&receipt, None, &files, output);
    Ok(Exit::Done)
}

/// The sale is durable when its receipt is there.
fn sold(shop: &mut Shop, args: &TopupArgs, value: Amount) -> Result<Receipt, Failure> {
    let now = clock::now();
    let receipt = match args.paper.voucher {
        Some(_) => shop.sell_voucher(args.medium, value, now),
        None => shop.sell_code(args.medium, value, now),
    };
    receipt.map_err(told)
}
