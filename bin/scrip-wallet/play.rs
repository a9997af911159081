//! `play`: an item's bytes to standard output, to a program, or to the one that shows its kind.
//!
//! With `--json` it ends in an object of type `result` with `exit`, `medium`, `item`, `paid` as money
//! if it was paid for now, `record`: the journal's entry of the playing, `bytes`: how many were
//! handed on, `dry_run`, `balance` and its parts.

use std::io::{self, ErrorKind, IsTerminal, Write};

use scrip::crypto::{Secret, SystemRandom};
use scrip::device::Device;
use scrip::format::item::ItemEntry;
use scrip::journal::Storage;
use scrip::phrases;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Interrupt, Output, Source, Tell, clock, money, told};
use scrip::wallet::take::{Outbox, ShelvedDevice};
use scrip::wallet::{Medium, Offered, Opened, Place, Playing, Unlocked};
use serde_json::{Value, json};

use crate::ask::{Answer, ask};
use crate::buy::{bought, check_funds, pay, price, take_after, wanted};
use crate::cli::{Common, PlayArgs};
use crate::medium::path;
use crate::opened::{Look, full, look, sums, unlock};
use crate::shown::{Program, Shown};

phrases! {
    fn nobody_closes() {
        en: "nobody is at a terminal to say when the item may be closed",
        ja: "端末で操作する人がいないため、いつ閉じてよいか分かりません",
    }
    fn hand_it_on() {
        en: "hand its bytes on: --stdout, or --with PROGRAM",
        ja: "--stdout か --with プログラム で中身を渡してください",
    }
    fn paid_for(sum, title) { en: "paid: {sum} for {title}", ja: "支払いました：{sum}（{title}）" }
    fn pay_first(title, sum) {
        en: "{title} was not bought yet. Pay {sum}?",
        ja: "{title}はまだ購入していません。{sum}を支払いますか？",
    }
    fn not_paid() {
        en: "nothing was paid, nothing is played",
        ja: "何も支払わず、何も再生していません",
    }
    fn nobody_to_ask(id) {
        en: "{id} was not bought, and nobody is there to be asked",
        ja: "{id}は未購入で、確認する相手がいません",
    }
    fn without_asking() {
        en: "pay without being asked: --yes",
        ja: "確認なしで支払うには --yes を付けてください",
    }
    fn would_be_paid(sum) {
        en: "{sum} would be paid first; nothing was.",
        ja: "先に{sum}の支払いになります。まだ支払っていません。",
    }
    fn would_be_played(title) { en: "{title} would be played", ja: "{title}を再生します" }
}

/// Play an item; one that was never bought is paid for first.
pub(crate) fn play(
    common: &Common,
    args: &PlayArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let look = look(common, output, interrupt)?;
    look.check_writable()?;
    let item = wanted(&look, &args.item)?;
    let Look { medium, report, source } = look;
    let owned = is_owned(&medium, &item);
    if !owned {
        check_funds(&medium, &item)?;
    }
    if !args.stdout && args.with.is_none() && !args.dry_run && !io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Usage, nobody_closes()).hint(hand_it_on()));
    }
    if args.dry_run {
        return Ok(planned(&medium, &item, owned, output));
    }
    confirm(&medium, &item, owned || args.yes, output)?;
    // A device that was opened for looking can't be claimed for writing.
    let mounted = mounted(&source, &item)?;
    drop(source);
    let mut opened = take_after(&report, common, output, interrupt)?;
    let password = PasswordSource::from(args.password_file.clone());
    let (unlocked, _) = unlock(&mut opened, &password, output)?;
    let bytes = hand_over(&mut opened, &unlocked, (&item, mounted), args, output, interrupt)??;
    let record = opened.medium().account().records.last().map(|record| record.seq.number());
    let paid = (!owned).then(|| money(item.entry.price, opened.medium().currency()));
    let extra = json!({ "paid": paid, "record": record, "bytes": bytes, "dry_run": false });
    tell(opened.medium(), &item, extra, output);
    Ok(Exit::Done)
}

/// Play an item where the owner has logged in; one that was never bought is paid for first.
pub(crate) fn play_here(
    opened: &mut Opened<Storage>,
    unlocked: &Unlocked,
    item: &Offered,
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let owned = is_owned(opened.medium(), item);
    if !owned {
        check_funds(opened.medium(), item)?;
    }
    confirm(opened.medium(), item, owned, output)?;
    let mounted = mounted(&Source::open(&path(common)?)?, item)?;
    let args = PlayArgs { item: item.name.clone(), ..PlayArgs::default() };
    match hand_over(opened, unlocked, (item, mounted), &args, output, interrupt)? {
        // No fault of the medium's: its owner goes on.
        Err(failure) if failure.exit() == Exit::Failure => {
            interrupt.check()?;
            output.complain(&failure);
            Ok(())
        }
        shown => shown.map(drop),
    }
}

fn is_owned(medium: &Medium, item: &Offered) -> bool {
    item.entry.price.is_zero() || bought(medium, item).is_some()
}

/// A file of the read-only area that has to be opened where that is mounted.
fn mounted(source: &Source, item: &Offered) -> Result<Option<Box<dyn Device>>, Failure> {
    let Place::Rom { path, .. } = &item.place else { return Ok(None) };
    let file = source.mounted_file(path).or_tell()?;
    Ok(file.map(|file| Box::new(file) as Box<dyn Device>))
}

/// Pay where nobody has, note the playing, hand the bytes on; gives how many they were, or why what
/// shows them didn't.
fn hand_over(
    opened: &mut Opened<Storage>,
    unlocked: &Unlocked,
    (item, mounted): (&Offered, Option<Box<dyn Device>>),
    args: &PlayArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Result<u64, Failure>, Failure> {
    let stage = Stage::set(opened, unlocked, item, mounted)?;
    let shown = Shown::prepare(args, &stage.entry)?;
    stage.playing(opened).check().or_tell()?;
    interrupt.check()?;
    if !is_owned(opened.medium(), item) {
        pay(opened, unlocked, item)?;
        output.note(paid_for(price(opened.medium(), item), item.title()));
    }
    let (played, mut rng) = ((item.entry.id.as_str(), shown.name()), SystemRandom::new());
    let noted = opened.play(&unlocked.keys, played, clock::now(), &mut rng);
    noted.map_err(|error| full(&error))?;
    Ok(shown.run(&stage.playing(opened), output, interrupt))
}

/// What is played, and from where.
struct Stage {
    entry: ItemEntry,
    start: u64,
    /// A file of its own; none where it lies on the medium's device, from `start` on.
    file: Option<Box<dyn Device>>,
    key: Option<Secret<32>>,
}

impl Stage {
    fn set(
        opened: &Opened<Storage>,
        unlocked: &Unlocked,
        item: &Offered,
        mounted: Option<Box<dyn Device>>,
    ) -> Result<Self, Failure> {
        let entry = (*item.entry).clone();
        let (start, file): (_, Option<Box<dyn Device>>) = match (&item.place, mounted) {
            (Place::Rom { .. }, Some(file)) => (0, Some(file)),
            (Place::Rom { start, .. }, None) => (*start, None),
            (Place::Shelf(name), _) => {
                let (outbox, bytes) = (Outbox(opened.exchange()), entry.size.bytes());
                (0, Some(Box::new(ShelvedDevice { shelf: outbox, name: name.clone(), bytes })))
            }
        };
        let key = opened.item_key(&unlocked.keys, &entry.root).or_tell()?;
        Ok(Self { entry, start, file, key })
    }

    fn playing<'a>(&'a self, opened: &'a Opened<Storage>) -> Playing<'a> {
        let device: &dyn Device = match &self.file {
            Some(file) => &**file,
            None => opened.device(),
        };
        Playing { item: &self.entry, device, start: self.start, key: self.key.as_ref() }
    }
}

/// Ask before an item is paid for.
fn confirm(medium: &Medium, item: &Offered, agreed: bool, output: &Output) -> Result<(), Failure> {
    if agreed {
        return Ok(());
    }
    match ask(output, pay_first(item.title(), price(medium, item)))? {
        Answer::Yes => Ok(()),
        Answer::No => Err(Failure::new(Exit::Refusal, not_paid())),
        Answer::Nobody => {
            Err(Failure::new(Exit::Refusal, nobody_to_ask(&item.entry.id)).hint(without_asking()))
        }
    }
}

fn planned(medium: &Medium, item: &Offered, owned: bool, output: &Output) -> Exit {
    if !owned {
        output.note(would_be_paid(price(medium, item)));
    }
    output.note(would_be_played(item.title()));
    let paid = (!owned).then(|| money(item.entry.price, medium.currency()));
    tell(medium, item, json!({ "paid": paid, "dry_run": true }), output);
    Exit::Done
}

fn tell(medium: &Medium, item: &Offered, extra: Value, output: &Output) {
    let mut fields = sums(medium);
    fields["medium"] = medium.id().to_string().into();
    fields["item"] = item.entry.id.as_str().into();
    if let (Value::Object(fields), Value::Object(extra)) = (&mut fields, extra) {
        fields.extend(extra);
    }
    output.result(Exit::Done, &fields);
}

/// Hand an item's bytes on; returns how many. Who takes no more has had enough.
pub(crate) fn pour(
    playing: &Playing<'_>,
    sink: &mut dyn Write,
    interrupt: &Interrupt,
) -> Result<u64, Failure> {
    let mut bytes = 0;
    for index in 0..playing.count() {
        interrupt.check()?;
        let chunk = playing.chunk(index).or_tell()?;
        match sink.write_all(chunk.expose()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(bytes),
            written => written.map_err(|error| Failure::new(Exit::Failure, told(&error)))?,
        }
        bytes += chunk.expose().len() as u64;
    }
    match sink.flush() {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failure, told(&error)))
        }
        _ => Ok(bytes),
    }
}

/// The program as its item sees it.
pub(crate) fn program(args: &PlayArgs) -> Option<Program> {
    let path = args.with.clone()?;
    Some(Program { path, arguments: args.arguments.clone() })
}
