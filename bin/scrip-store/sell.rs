//! `sell`, `topup` and `void`.

use scrip::shop::Shop;
use scrip::tool::{Classed, Exit, Failure, Output, clock};
use scrip::units::Amount;

use crate::cli::{Common, SellArgs, TopupArgs};
use crate::receipt::tell;
use crate::session::{open, told, write_new};

pub(crate) fn sell(common: &Common, args: &SellArgs, output: &Output) -> Result<Exit, Failure> {
    let mut shop = open(common, output)?;
    let price = amount(&shop, args.price.as_deref())?;
    let starter = amount(&shop, args.balance.as_deref())?;
    let receipt = shop.sell(args.medium, price, starter, clock::now()).map_err(told)?;
    tell(&receipt, args.owner.as_deref(), output);
    Ok(Exit::Done)
}

pub(crate) fn topup(common: &Common, args: &TopupArgs, output: &Output) -> Result<Exit, Failure> {
    let mut shop = open(common, output)?;
    let value = amount(&shop, Some(&args.amount))?.unwrap_or_default();
    let now = clock::now();
    let Some(file) = &args.voucher else {
        let receipt = shop.sell_code(args.medium, value, now).map_err(told)?;
        tell(&receipt, None, output);
        return Ok(Exit::Done);
    };
    let receipt = shop.sell_voucher(args.medium, value, now).map_err(told)?;
    write_new(common, file, receipt.voucher.as_deref().unwrap_or_default()).map_err(|failure| {
        let again = format!("the sale is journaled: `scrip-store receipt {}`", receipt.number);
        failure.hint(again)
    })?;
    tell(&receipt, None, output);
    Ok(Exit::Done)
}

pub(crate) fn void(common: &Common, number: u64, output: &Output) -> Result<Exit, Failure> {
    let mut shop = open(common, output)?;
    let receipt = shop.void(number, clock::now()).map_err(told)?;
    tell(&receipt, None, output);
    Ok(Exit::Done)
}

/// An amount as it was typed, in the store's currency.
fn amount(shop: &Shop, typed: Option<&str>) -> Result<Option<Amount>, Failure> {
    let form = shop.form().map_err(told)?;
    typed.map(|typed| form.parse(typed)).transpose().or_fail()
}
