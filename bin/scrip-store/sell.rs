//! `sell`.

use scrip::press::SaleWish;
use scrip::shop::Shop;
use scrip::tool::{Classed, Exit, Failure, Interrupt, Output, clock};
use scrip::units::Amount;

use crate::cli::{Common, Named, SellArgs};
use crate::receipt::tell;
use crate::refresh::Stand;
use crate::session::{open, told};

pub(crate) fn sell(
    common: &Common,
    args: &SellArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let mut shop = open(common, output)?;
    let price = amount(&shop, args.price.as_deref())?;
    let starter = amount(&shop, args.balance.as_deref())?;
    let medium = match &args.medium {
        Named::Number(medium) => *medium,
        Named::Path(path) => {
            let wish = SaleWish { price, starter, owner: args.owner.clone() };
            let stand = Stand { common, path, output, interrupt };
            return stand.sell(&mut shop, &wish);
        }
    };
    let receipt = shop.sell(medium, price, starter, clock::now()).map_err(told)?;
    tell(&receipt, args.owner.as_deref(), &[], output);
    Ok(Exit::Done)
}

/// An amount as it was typed, in the store's currency.
pub(crate) fn amount(shop: &Shop, typed: Option<&str>) -> Result<Option<Amount>, Failure> {
    let form = shop.form().map_err(told)?;
    typed.map(|typed| form.parse(typed)).transpose().or_fail()
}
