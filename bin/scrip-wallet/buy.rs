//! `catalog` and `buy`: what the read-only area offers, what was taken from others and lies in OUTBOX,
//! and paying for it.
//!
//! With `--json`, `catalog` ends in an object of type `result` with `exit`, `medium` and `items`: of
//! each `name`: what the verbs take, `id`, `title`, `price` as money, `affordable`, `bought`: the
//! record that paid for it, or none, `area`: `rom` or `outbox`. `buy` ends with `exit`, `medium`,
//! `item`, `paid` as money, none if nothing was paid, `already`: the record that paid before, `area`
//! and `path`: where it lies, `dry_run`, `balance` and its parts.

use scrip::crypto::SystemRandom;
use scrip::device::Device;
use scrip::fat::Tray;
use scrip::format::edition::{Catalogue, Item};
use scrip::format::{Kind, Object};
use scrip::image::check::Report;
use scrip::image::layout::CATALOGUE_PATH;
use scrip::journal::Storage;
use scrip::phrases;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Interrupt, Output, Source, Tell, clock, money, told};
use scrip::units::Sequence;
use scrip::wallet::take::{Outbox, Shelf};
use scrip::wallet::{self, Medium, Offered, Opened, Place, PlayError, Unlocked};
use scrip::words::{Phrase, Side, Table};
use serde_json::{Value, json};

use crate::ask::{Answer, ask};
use crate::cli::{BuyArgs, Common};
use crate::medium::path;
use crate::opened::{Look, full, go_on, judged, look, sums, tell_balance, unlock};

phrases! {
    fn yours(record) { en: "yours since record {record}", ja: "購入済み（記録{record}）" }
    fn too_dear() { en: "not enough on the medium", ja: "残高不足" }
    fn in_outbox() { en: "in OUTBOX", ja: "OUTBOXにあります" }
    fn and_so(one, other) { en: "{one}; {other}", ja: "{one}、{other}" }
    fn under_way(id) {
        en: "a download of {id} has begun and is paid as far as it came",
        ja: "{id}は途中まで取り込まれ、その分は支払い済みです",
    }
    fn end_it(id) {
        en: "end it with `scrip-wallet take {id} --from OTHER`",
        ja: "`scrip-wallet take {id} --from 取り込み元` で続けてください",
    }
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
    let (medium, items) = (&look.medium, offered(&look)?);
    let funds = medium.account().state.free();
    list(medium, items.iter().map(|item| (Phrase::same(&item.name), item)), output);
    tell_balance(medium, output);
    let rows: Vec<_> = items
        .iter()
        .map(|item| {
            json!({
                "name": item.name,
                "id": item.entry.id,
                "title": item.entry.title,
                "price": money(item.entry.price, medium.currency()),
                "affordable": item.entry.price <= funds,
                "bought": bought(medium, item),
                "area": lies(item).0,
            })
        })
        .collect();
    output.result(Exit::Done, &json!({ "medium": medium.id().to_string(), "items": rows }));
    Ok(Exit::Done)
}

/// Items under each other, each under a name of its own.
pub(crate) fn list<'i>(
    medium: &Medium,
    items: impl Iterator<Item = (Phrase, &'i Offered)>,
    output: &Output,
) {
    let mut table = Table::new([Side::Left, Side::Right, Side::Left, Side::Left]);
    for (name, item) in items {
        let there = matches!(item.place, Place::Shelf(_)).then(in_outbox);
        let mark = match (mark(medium, item), there) {
            (Some(mark), Some(there)) => and_so(mark, there),
            (mark, there) => mark.or(there).unwrap_or_default(),
        };
        table.row([name, price(medium, item), item.title(), mark]);
    }
    table.lines().iter().for_each(|line| output.line(line));
}

/// Whether an item is this owner's, or can't be.
pub(crate) fn mark(medium: &Medium, item: &Offered) -> Option<Phrase> {
    match bought(medium, item) {
        Some(record) => Some(yours(record)),
        None if item.entry.price > medium.account().state.free() => Some(too_dear()),
        None => None,
    }
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
    let Look { medium, report, source } = look;
    drop(source);
    if let Some(record) = bought(&medium, &item) {
        output.line(already_yours(record));
        return Ok(tell(&medium, &item, json!({ "already": record }), args, output));
    }
    check_funds(&medium, &item)?;
    let sum = json!({ "paid": money(item.entry.price, medium.currency()) });
    if args.dry_run {
        output.line(would_be_paid(price(&medium, &item)));
        return Ok(tell(&medium, &item, sum, args, output));
    }
    if !args.yes && !item.entry.price.is_zero() {
        // Nobody there to be asked: the command itself is the order.
        confirm(&medium, &item, Answer::Nobody, output)?;
    }
    let mut opened = take_after(&report, common, output, interrupt)?;
    if item.entry.price.is_zero() {
        output.line(is_free());
        return Ok(tell(opened.medium(), &item, json!({}), args, output));
    }
    let (unlocked, _) =
        unlock(&mut opened, &PasswordSource::from(args.password_file.clone()), output)?;
    pay(&mut opened, &unlocked, &item)?;
    output.line(paid(price(opened.medium(), &item), item.title()));
    Ok(tell(opened.medium(), &item, sum, args, output))
}

/// Open the medium for writing that was looked at before: what was told of it is not told again.
pub(crate) fn take_after(
    before: &Report,
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Opened<Storage>, Failure> {
    let path = path(common)?;
    let source = Source::open_to_write(&path)?;
    go_on(judged(source, &path, (common, Some(before)), output, interrupt)?, &path, output)
}

/// Commit the purchase of an item, whose key is there if it needs one.
pub(crate) fn pay<D: Device>(
    opened: &mut Opened<D>,
    unlocked: &Unlocked,
    item: &Offered,
) -> Result<(), Failure> {
    let entry = &item.entry;
    if entry.content.is_some() && !opened.holds_item_key(&entry.root) {
        return Err(PlayError::NoKey(entry.id.clone())).or_tell();
    }
    let name = item.purchase_name(opened.medium());
    let goods = (name.as_str(), entry.rights_holder.as_str());
    let mut rng = SystemRandom::new();
    let bought = opened.buy(&unlocked.keys, goods, entry.price, clock::now(), &mut rng);
    bought.map_err(|error| full(&error))
}

/// What is offered under this name.
pub(crate) fn wanted(look: &Look, name: &str) -> Result<Offered, Failure> {
    offered(look)?
        .into_iter()
        .find(|item| item.name == name)
        .ok_or_else(|| Failure::new(Exit::Refusal, no_item(format!("{name:?}"))).hint(list_them()))
}

/// Ask, then pay for an item, where the owner has logged in.
pub(crate) fn buy_asking(
    opened: &mut Opened<Storage>,
    unlocked: &Unlocked,
    item: &Offered,
    output: &Output,
) -> Result<(), Failure> {
    if let Some(record) = bought(opened.medium(), item) {
        output.line(already_yours(record));
    } else if item.entry.price.is_zero() {
        output.line(is_free());
    } else {
        check_funds(opened.medium(), item)?;
        confirm(opened.medium(), item, Answer::Yes, output)?;
        pay(opened, unlocked, item)?;
        output.line(paid(price(opened.medium(), item), item.title()));
    }
    tell_balance(opened.medium(), output);
    Ok(())
}

/// Ask before an item is paid for: a yes agrees, and so does this answer.
fn confirm(
    medium: &Medium,
    item: &Offered,
    agrees: Answer,
    output: &Output,
) -> Result<(), Failure> {
    let answer = ask(output, pay_for(price(medium, item), item.title()))?;
    if answer == Answer::Yes || answer == agrees {
        return Ok(());
    }
    Err(Failure::new(Exit::Refusal, not_paid()))
}

/// What can be bought and played on a medium that was looked at.
fn offered(look: &Look) -> Result<Vec<Offered>, Failure> {
    let outbox = look.source.exchange(look.medium.grounds()).map(Outbox);
    let outbox = outbox.as_ref().map(|outbox| outbox as &dyn Shelf);
    offers(&look.medium, &catalogue(&look.source, &look.medium)?, outbox)
}

/// What can be bought and played: what the catalogue has, and what lies in OUTBOX alone.
pub(crate) fn offers(
    medium: &Medium,
    catalogue: &[Item],
    outbox: Option<&dyn Shelf>,
) -> Result<Vec<Offered>, Failure> {
    let offered = wallet::offered(medium, catalogue, outbox, &medium.trust()).or_tell()?;
    if offered.is_empty() {
        return Err(Failure::new(Exit::Refusal, no_catalogue()));
    }
    Ok(offered)
}

/// The catalogue's items; none where the edition has no catalogue.
pub(crate) fn catalogue(source: &Source, medium: &Medium) -> Result<Vec<Item>, Failure> {
    let bytes = source.file(CATALOGUE_PATH, Kind::Catalogue.bytes_max() as u64);
    let Some(bytes) = bytes else { return Ok(vec![]) };
    let catalogue = Catalogue::decode(&bytes)
        .map_err(|error| Failure::new(Exit::Damage, damaged_catalogue(told(&error))))?;
    let (found, own) = (catalogue.currency, medium.currency());
    if found != own {
        return Err(Failure::new(Exit::Refusal, other_currency(found, own)));
    }
    Ok(catalogue.items)
}

/// The record that paid for an item.
pub(crate) fn bought(medium: &Medium, item: &Offered) -> Option<u64> {
    item.paid(medium).map(Sequence::number)
}

/// Refuse what can't be paid, or is being paid piece by piece.
pub(crate) fn check_funds(medium: &Medium, item: &Offered) -> Result<(), Failure> {
    let (id, sum) = (&item.entry.id, item.entry.price);
    if item.is_under_way(medium) {
        return Err(Failure::new(Exit::Refusal, under_way(id)).hint(end_it(id)));
    }
    let free = medium.account().state.free();
    if sum <= free {
        return Ok(());
    }
    let form = medium.form();
    let lacking = sum.checked_sub(free).or_tell()?;
    let [price, free, lacking] = [sum, free, lacking].map(|sum| form.show(sum));
    Err(Failure::new(Exit::Refusal, missing(id, price, free, lacking)).hint(top_up_first()))
}

pub(crate) fn price(medium: &Medium, item: &Offered) -> Phrase {
    let price = item.entry.price;
    if price.is_zero() { free() } else { Phrase::same(medium.form().show(price)) }
}

/// The area that an item lies in, and its path there.
fn lies(item: &Offered) -> (&'static str, String) {
    match &item.place {
        Place::Rom { path, .. } => ("rom", path.clone()),
        Place::Shelf(name) => ("outbox", format!("{}/{name}", Tray::Outbox.path())),
    }
}

fn tell(medium: &Medium, item: &Offered, extra: Value, args: &BuyArgs, output: &Output) -> Exit {
    output.line(play_it(&item.name));
    tell_balance(medium, output);
    let mut fields = sums(medium);
    fields["medium"] = medium.id().to_string().into();
    let (area, path) = lies(item);
    fields["item"] = item.entry.id.as_str().into();
    fields["area"] = area.into();
    fields["path"] = path.into();
    fields["dry_run"] = args.dry_run.into();
    if let (Value::Object(fields), Value::Object(extra)) = (&mut fields, extra) {
        fields.extend(extra);
    }
    output.result(Exit::Done, &fields);
    Exit::Done
}
