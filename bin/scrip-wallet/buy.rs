//! `catalog` and `buy`: what the read-only area offers, and paying for it.
//!
//! With `--json`, `catalog` ends in an object of type `result` with `exit`, `medium` and `items`: of
//! each `id`, `title`, `price` as money, `affordable`, `bought`: the record that paid for it, or none.
//! `buy` ends with `exit`, `medium`, `item`, `paid` as money, none if nothing was paid, `already`:
//! the record that paid before, `path`: where it lies in the read-only area, `dry_run`, `balance` and
//! its parts.

use scrip::crypto::SystemRandom;
use scrip::device::Device;
use scrip::format::edition::{Catalogue, Item};
use scrip::format::record::Body;
use scrip::format::{Kind, Object};
use scrip::image::layout::CATALOGUE_PATH;
use scrip::journal::Storage;
use scrip::phrases;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Interrupt, Output, Tell, clock, money};
use scrip::units::Sequence;
use scrip::wallet::take::owned;
use scrip::wallet::{Medium, Opened, Unlocked, title};
use scrip::words::{Phrase, Side, Table};
use serde_json::{Value, json};

use crate::ask::{Answer, ask};
use crate::cli::{BuyArgs, Common};
use crate::opened::{Look, full, look, sums, take, tell_balance, unlock};

phrases! {
    fn yours(record) { en: "yours since record {record}", ja: "購入済み（記録{record}）" }
    fn too_dear() { en: "not enough on the medium", ja: "残高不足" }
    fn no_item(id) { en: "the catalogue has no item {id}", ja: "カタログに{id}はありません" }
    fn list_them() {
        en: "`scrip-wallet catalog` lists them",
        ja: "`scrip-wallet catalog` で一覧を見られます",
    }
    fn already_yours(record) {
        en: "Already yours: record {record} paid for it; nothing was paid.",
        ja: "購入済みです：記録{record}で支払い済み。何も支払っていません。",
    }
    fn would_be_paid(sum) {
        en: "{sum} would be paid; nothing was.",
        ja: "{sum}の支払いになります。まだ支払っていません。",
    }
    fn is_free() {
        en: "It is free: nothing was paid.",
        ja: "無料です。何も支払っていません。",
    }
    fn paid(sum, title) { en: "Paid: {sum} for {title}", ja: "支払いました：{sum}（{title}）" }
    fn pay_for(sum, title) { en: "Pay {sum} for {title}?", ja: "{title}に{sum}を支払いますか？" }
    fn not_paid() { en: "nothing was paid", ja: "何も支払っていません" }
    fn no_catalogue() {
        en: "this edition has no catalogue to buy from",
        ja: "このエディションにはカタログがありません",
    }
    fn other_currency(found, own) {
        en: "the catalogue is in {found}, this medium holds {own}",
        ja: "カタログの通貨は{found}、この媒体の通貨は{own}です",
    }
    fn missing(id, price, free, missing) {
        en: "{id} costs {price}, {free} may be spent: {missing} are missing",
        ja: "{id}は{price}、使えるのは{free}です。{missing}足りません",
    }
    fn top_up_first() { en: "top up first", ja: "先にチャージしてください" }
    fn free() { en: "free", ja: "無料" }
    fn play_it(id) {
        en: "To see or hear it: scrip-wallet play {id}",
        ja: "見る・聴くには：scrip-wallet play {id}",
    }
    fn damaged_catalogue(error) {
        en: "the catalogue is damaged: {error}",
        ja: "カタログが壊れています（{error}）",
    }
}

/// Show what is offered, at which price, and what was bought.
pub(crate) fn catalog(
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let look = look(common, output, interrupt)?;
    let (medium, items) = (&look.medium, items(&look)?);
    let funds = medium.account().state.free();
    offers(medium, items.iter().map(|item| (Phrase::same(&item.id), item)), output);
    tell_balance(medium, output);
    let rows: Vec<_> = items
        .iter()
        .map(|item| {
            json!({
                "id": item.id,
                "title": item.title,
                "price": money(item.price, medium.currency()),
                "affordable": item.price <= funds,
                "bought": bought(medium, &item.id),
            })
        })
        .collect();
    output.result(Exit::Done, &json!({ "medium": medium.id().to_string(), "items": rows }));
    Ok(Exit::Done)
}

/// Items under each other, each under a name of its own.
pub(crate) fn offers<'i>(
    medium: &Medium,
    items: impl Iterator<Item = (Phrase, &'i Item)>,
    output: &Output,
) {
    let mut table = Table::new([Side::Left, Side::Right, Side::Left, Side::Left]);
    for (name, item) in items {
        let mark = match bought(medium, &item.id) {
            Some(record) => yours(record),
            None if item.price > medium.account().state.free() => too_dear(),
            None => Phrase::default(),
        };
        table.row([name, price(medium, item), title(item), mark]);
    }
    table.lines().iter().for_each(|line| output.line(line));
}

/// Pay for an item; one that was bought costs nothing again.
pub(crate) fn buy(
    common: &Common,
    args: &BuyArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let look = look(common, output, interrupt)?;
    look.check_writable()?;
    let item = wanted(&look, &args.item)?;
    // A device that was opened for looking can't be claimed for writing.
    let medium = look.medium;
    drop(look.source);
    if let Some(record) = bought(&medium, &item.id) {
        output.line(already_yours(record));
        return Ok(tell(&medium, &item, json!({ "already": record }), args, output));
    }
    check_funds(&medium, &item)?;
    let sum = json!({ "paid": money(item.price, medium.currency()) });
    if args.dry_run {
        output.line(would_be_paid(price(&medium, &item)));
        return Ok(tell(&medium, &item, sum, args, output));
    }
    if !args.yes && !item.price.is_zero() {
        // Nobody there to be asked: the command itself is the order.
        confirm(&medium, &item, Answer::Nobody, output)?;
    }
    let mut opened = take(common, output, interrupt)?;
    if item.price.is_zero() {
        output.line(is_free());
        return Ok(tell(opened.medium(), &item, json!({}), args, output));
    }
    let (unlocked, _) =
        unlock(&mut opened, &PasswordSource::from(args.password_file.clone()), output)?;
    pay(&mut opened, &unlocked, &item)?;
    output.line(paid(price(opened.medium(), &item), title(&item)));
    Ok(tell(opened.medium(), &item, sum, args, output))
}

/// Commit the purchase of an item.
pub(crate) fn pay<D: Device>(
    opened: &mut Opened<D>,
    unlocked: &Unlocked,
    item: &Item,
) -> Result<(), Failure> {
    let goods = (item.id.as_str(), item.rights_holder.as_str());
    let mut rng = SystemRandom::new();
    let bought = opened.buy(&unlocked.keys, goods, item.price, clock::now(), &mut rng);
    bought.map_err(|error| full(&error))
}

/// The catalogue's item of this id.
pub(crate) fn wanted(look: &Look, id: &str) -> Result<Item, Failure> {
    items(look)?
        .into_iter()
        .find(|item| item.id == id)
        .ok_or_else(|| Failure::new(Exit::Refusal, no_item(format!("{id:?}"))).hint(list_them()))
}

/// Ask, then pay for an item, where the owner has logged in.
pub(crate) fn buy_asking(
    opened: &mut Opened<Storage>,
    unlocked: &Unlocked,
    item: &Item,
    output: &Output,
) -> Result<(), Failure> {
    if let Some(record) = bought(opened.medium(), &item.id) {
        output.line(already_yours(record));
    } else if item.price.is_zero() {
        output.line(is_free());
    } else {
        check_funds(opened.medium(), item)?;
        confirm(opened.medium(), item, Answer::Yes, output)?;
        pay(opened, unlocked, item)?;
        output.line(paid(price(opened.medium(), item), title(item)));
    }
    tell_balance(opened.medium(), output);
    Ok(())
}

/// Ask before an item is paid for: a yes agrees, and so does this answer.
fn confirm(medium: &Medium, item: &Item, agrees: Answer, output: &Output) -> Result<(), Failure> {
    let answer = ask(output, pay_for(price(medium, item), title(item)));
    if answer == Answer::Yes || answer == agrees {
        return Ok(());
    }
    Err(Failure::new(Exit::Refusal, not_paid()))
}

/// What the catalogue offers.
pub(crate) fn items(look: &Look) -> Result<Vec<Item>, Failure> {
    let bytes = look.source.file(CATALOGUE_PATH, Kind::Catalogue.bytes_max() as u64);
    let bytes = bytes.ok_or_else(|| Failure::new(Exit::Refusal, no_catalogue()))?;
    let catalogue = Catalogue::decode(&bytes)
        .map_err(|error| Failure::new(Exit::Damage, damaged_catalogue(error)))?;
    let (found, own) = (catalogue.currency, look.medium.currency());
    if found != own {
        return Err(Failure::new(Exit::Refusal, other_currency(found, own)));
    }
    Ok(catalogue.items)
}

/// The record that paid for an item: a purchase, or the end of a download from somebody else.
pub(crate) fn bought(medium: &Medium, id: &str) -> Option<u64> {
    let mut records = medium.records();
    let paid = records.find(|record| {
        record.body == Body::Purchase {} && record.history.content.as_deref() == Some(id)
    });
    let taken = || owned(medium, &medium.item(id)?.hash());
    paid.map(|record| record.seq).or_else(taken).map(Sequence::number)
}

pub(crate) fn check_funds(medium: &Medium, item: &Item) -> Result<(), Failure> {
    let free = medium.account().state.free();
    if item.price <= free {
        return Ok(());
    }
    let form = medium.form();
    let lacking = item.price.checked_sub(free).or_tell()?;
    let [price, free, lacking] = [item.price, free, lacking].map(|sum| form.show(sum));
    let message = missing(&item.id, price, free, lacking);
    Err(Failure::new(Exit::Refusal, message).hint(top_up_first()))
}

pub(crate) fn price(medium: &Medium, item: &Item) -> Phrase {
    if item.price.is_zero() { free() } else { Phrase::same(medium.form().show(item.price)) }
}

fn tell(medium: &Medium, item: &Item, extra: Value, args: &BuyArgs, output: &Output) -> Exit {
    output.line(play_it(&item.id));
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
