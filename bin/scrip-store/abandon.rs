//! `abandon`: giving up a burn that began and didn't end.

use std::path::Path;

use scrip::device::Aim;
use scrip::shop::{Shop, ShopError};
use scrip::tool::{Classed, Exit, Failure, Output, clock, money, somebody, typed_line};
use scrip::units::{Amount, MediumId};
use serde_json::{Value, json};

use crate::cli::{AbandonArgs, Common, Named};
use crate::session::{open, told};
use crate::targets::{describe, observe};

/// What giving a burn up loses.
struct Loss {
    medium: MediumId,
    /// What it went to; none where its secrets can't be read.
    target: Option<String>,
    /// Codes that were spent on it, together.
    spent: Amount,
    /// The number of its label, if its body was read back: it may look whole.
    label: Option<u64>,
}

/// Give up a burn.
pub(crate) fn abandon(
    common: &Common,
    args: &AbandonArgs,
    output: &Output,
) -> Result<Exit, Failure> {
    let mut shop = open(common, output)?;
    let medium = match &args.medium {
        Named::Number(medium) => *medium,
        Named::Path(path) => at_target(&shop, path)?,
    };
    let loss = Loss::of(&shop, medium)?;
    for line in loss.lines(&shop) {
        output.line(line);
    }
    if !common.dry_run && !args.yes {
        confirm(output, medium)?;
    }
    let entry = shop.abandon(medium, clock::now()).map_err(told)?;
    let verb = if common.dry_run { "would be" } else { "is" };
    output.line(format!("the burn of medium {medium} {verb} given up"));
    let entry = (!common.dry_run).then_some(entry);
    output.result(Exit::Done, &loss.fields(&shop, entry, common.dry_run)?);
    Ok(Exit::Done)
}

/// The medium whose burn went to this target.
fn at_target(shop: &Shop, path: &Path) -> Result<MediumId, Failure> {
    let (target, _) = describe(&observe()?, &Aim::look(path).or_fail()?);
    let mut found = vec![];
    for medium in shop.unfinished_burns().map_err(told)? {
        match shop.burn_secrets(medium) {
            Ok(secrets) if secrets.target == target => found.push(medium),
            Ok(_) | Err(ShopError::Damaged { .. }) => {}
            Err(error) => return Err(told(error)),
        }
    }
    match found.as_slice() {
        [medium] => Ok(*medium),
        [] => {
            let failure = Failure::new(Exit::Refusal, format!("no burn to {target} is unfinished"));
            Err(failure.hint("`scrip-store status` counts burns that began; name its medium"))
        }
        several => {
            let numbers = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let message = format!("{} burns to {target} are unfinished", several.len());
            Err(Failure::new(Exit::Usage, message).hint(format!("name one of media {numbers}")))
        }
    }
}

impl Loss {
    fn of(shop: &Shop, medium: MediumId) -> Result<Self, Failure> {
        shop.reserved(medium).map_err(told)?;
        let target = match shop.burn_secrets(medium) {
            Ok(secrets) => Some(secrets.target),
            Err(ShopError::Damaged { .. } | ShopError::Folder(_)) => None,
            Err(error) => return Err(told(error)),
        };
        let codes = shop.spent_codes(medium).map_err(told)?;
        let spent = codes.iter().map(|code| code.amount.minor()).sum();
        Ok(Self {
            medium,
            target,
            spent: Amount::from_minor(spent).unwrap_or(Amount::MAX),
            label: shop.verified_label(medium).map_err(told)?,
        })
    }

    fn lines(&self, shop: &Shop) -> Vec<String> {
        let medium = self.medium;
        let mut lines = vec![format!("number {medium} is lost: no burn ever takes it again")];
        if !self.spent.is_zero() {
            let sum = shop.show_sum(self.spent.minor().into());
            lines.push(format!("codes worth {sum}, spent on it, are lost"));
        }
        let target = self.target.as_deref().unwrap_or("a target that is not known any more");
        lines.push(format!("what keeps it resumable is erased; it went to {target}"));
        if let Some(label) = self.label {
            lines.push(format!(
                "its body was read back: it may be whole, with label {label}. Burn something else \
                 over it, and destroy the label"
            ));
        }
        lines
    }

    fn fields(&self, shop: &Shop, entry: Option<u64>, dry_run: bool) -> Result<Value, Failure> {
        let currency = shop.grant().map_err(told)?.currency;
        Ok(json!({
            "medium": self.medium.to_string(),
            "target": self.target,
            "spent": money(self.spent, currency),
            "label": self.label,
            "entry": entry,
            "dry_run": dry_run,
        }))
    }
}

/// Have a person type the number.
fn confirm(output: &Output, medium: MediumId) -> Result<(), Failure> {
    if !somebody() {
        let message = format!("the burn of medium {medium} is kept: nobody is here to be asked");
        return Err(Failure::new(Exit::Refusal, message).hint("give it up with --yes"));
    }
    output.note("type the medium's number to give its burn up:");
    let typed = typed_line()?.unwrap_or_default();
    if typed.parse() == Ok(medium) {
        return Ok(());
    }
    let message = format!("the burn of medium {medium} is kept: {typed:?} was typed");
    Err(Failure::new(Exit::Refusal, message))
}
