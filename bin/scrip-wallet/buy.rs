//! `catalog` and `buy`: what the read-only area offers, and paying for it.
//!
//! With `--json`, `catalog` ends in an object of type `result` with `exit`, `medium` and `items`: of
//! each `id`, `title`, `price` as money, `affordable`, `bought`: the record that paid for it, or none.
//! `buy` ends with `exit`, `medium`, `item`, `paid` as money, none if nothing was paid, `already`:
//! the record that paid before, `path`: where it lies in the read-only area, `dry_run`, `balance` and
//! its parts.

use scrip::crypto::SystemRandom;
use scrip::format::edition::{Catalogue, Item};
use scrip::format::record::Body;
use scrip::format::{Kind, Object};
use scrip::image::layout::CATALOGUE_PATH;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Classed, Exit, Failure, Interrupt, Output, clock, money};
use scrip::wallet::Medium;
use serde_json::{Value, json};

use crate::cli::{BuyArgs, Common};
use crate::opened::{Look, full, look, sums, take, tell_balance, unlock};

/// Show what is offered, at which price, and what was bought.
pub(crate) fn catalog(
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let look = look(common, output, interrupt)?;
    let (medium, items) = (&look.medium, items(&look)?);
    let free = medium.account().state.free();
    for item in &items {
        let mark = match bought(medium, &item.id) {
            Some(record) => format!("yours since record {record}"),
            None if item.price > free => "not enough on the medium".to_owned(),
            None => String::new(),
        };
        let line = format!("{:<16}  {:>12}  {}  {mark}", item.id, price(medium, item), item.title);
        output.line(line.trim_end());
    }
    tell_balance(medium, output);
    let rows: Vec<_> = items
        .iter()
        .map(|item| {
            json!({
                "id": item.id,
                "title": item.title,
                "price": money(item.price, medium.currency()),
                "affordable": item.price <= free,
                "bought": bought(medium, &item.id),
            })
        })
        .collect();
    output.result(Exit::Done, &json!({ "medium": medium.id().to_string(), "items": rows }));
    Ok(Exit::Done)
}

/// Pay for an item; one that was bought costs nothing again.
pub(crate) fn buy(
    common: &Common,
    args: &BuyArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let look = look(common, output, interrupt)?;
    let item = items(&look)?.into_iter().find(|item| item.id == args.item).ok_or_else(|| {
        Failure::new(Exit::Refusal, format!("the catalogue has no item {:?}", args.item))
            .hint("`scrip-wallet catalog` lists them")
    })?;
    // A device that was opened for looking can't be claimed for writing.
    let medium = look.medium;
    drop(look.source);
    if let Some(record) = bought(&medium, &item.id) {
        output.line(format!("Already yours: record {record} paid for it; nothing was paid."));
        return Ok(tell(&medium, &item, json!({ "already": record }), args, output));
    }
    check_funds(&medium, &item)?;
    let paid = json!({ "paid": money(item.price, medium.currency()) });
    if args.dry_run {
        output.line(format!("{} would be paid; nothing was.", price(&medium, &item)));
        return Ok(tell(&medium, &item, paid, args, output));
    }
    let mut opened = take(common, output, interrupt)?;
    if item.price.is_zero() {
        output.line("It is free: nothing was paid.");
        return Ok(tell(opened.medium(), &item, json!({}), args, output));
    }
    let (unlocked, _) = unlock(&mut opened, &PasswordSource::from(args.password_file.clone()))?;
    let goods = (item.id.as_str(), item.rights_holder.as_str());
    let mut rng = SystemRandom::new();
    let bought = opened.buy(&unlocked.keys, goods, item.price, clock::now(), &mut rng);
    bought.or_fail().map_err(full)?;
    output.line(format!("Paid: {} for {}", price(opened.medium(), &item), item.title));
    Ok(tell(opened.medium(), &item, paid, args, output))
}

fn items(look: &Look) -> Result<Vec<Item>, Failure> {
    let bytes = look.source.file(CATALOGUE_PATH, Kind::Catalogue.bytes_max() as u64);
    let bytes = bytes
        .ok_or_else(|| Failure::new(Exit::Refusal, "this edition has no catalogue to buy from"))?;
    let catalogue = Catalogue::decode(&bytes).or_fail()?;
    let (found, own) = (catalogue.currency, look.medium.currency());
    if found != own {
        let message = format!("the catalogue is in {found}, this medium holds {own}");
        return Err(Failure::new(Exit::Refusal, message));
    }
    Ok(catalogue.items)
}

/// The record that paid for an item.
fn bought(medium: &Medium, id: &str) -> Option<u64> {
    let mut records = medium.account().records.iter();
    let paid = records.find(|record| {
        record.body == Body::Purchase {} && record.history.content.as_deref() == Some(id)
    });
    paid.map(|record| record.seq.number())
}

fn check_funds(medium: &Medium, item: &Item) -> Result<(), Failure> {
    let free = medium.account().state.free();
    if item.price <= free {
        return Ok(());
    }
    let form = medium.form();
    let missing = item.price.checked_sub(free).or_fail()?;
    let [price, free, missing] = [item.price, free, missing].map(|sum| form.show(sum));
    let message = format!("{} costs {price}, {free} may be spent: {missing} are missing", item.id);
    Err(Failure::new(Exit::Refusal, message).hint("top up first"))
}

fn price(medium: &Medium, item: &Item) -> String {
    if item.price.is_zero() { "free".to_owned() } else { medium.form().show(item.price) }
}

fn tell(medium: &Medium, item: &Item, extra: Value, args: &BuyArgs, output: &Output) -> Exit {
    output.line(format!("It lies in the read-only area at {}", item.path));
    tell_balance(medium, output);
    let mut fields = sums(medium);
    fields["medium"] = medium.id().to_string().into();
    fields["item"] = item.id.as_str().into();
    fields["path"] = item.path.as_str().into();
    fields["dry_run"] = args.dry_run.into();
    if let (Value::Object(fields), Value::Object(extra)) = (&mut fields, extra) {
        fields.extend(extra);
    }
    output.result(Exit::Done, &fields);
    Exit::Done
}
