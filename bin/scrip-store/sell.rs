//! `sell`.

use scrip::shop::Shop;
use scrip::tool::{Classed, Exit, Failure, Output, clock};
use scrip::units::Amount;

use crate::cli::{Common, SellArgs};
use crate::receipt::tell;
use crate::session::{open, told};

pub(crate) fn sell(common: &Common, args: &SellArgs, output: &Output) -> Result<Exit, Failure> {
    let mut shop = open(common, output)?;
    let price = amount(&shop, args.price.as_deref())?;
    let starter = amount(&shop, args.balance.as_deref())?;
    let receipt = shop.sell(args.medium, price, starter, clock::now()).map_err(told)?;
    tell(&receipt, args.owner.as_deref(), &[], output);
    Ok(Exit::Done)
}

/// An amount as it was typed, in the store's currency.
pub(crate) fn amount(shop: &Shop, typed: Option<&str>) -> Result<Option<Amount>, Failure> {
    let form = shop.form().map_err(told)?;
    typed.map(|typed| form.parse(typed)).transpose().or_fail()
}
