//! `void`: take a sale back.

use scrip::tool::{Exit, Failure, Output, clock};

use crate::cli::Common;
use crate::receipt::tell;
use crate::session::{open, told};

pub(crate) fn void(common: &Common, number: u64, output: &Output) -> Result<Exit, Failure> {
    let mut shop = open(common, output)?;
    let receipt = shop.void(number, clock::now()).map_err(told)?;
    tell(&receipt, None, &[], output);
    Ok(Exit::Done)
}
