//! `take`: an item copied from another owner's medium, or from a kiosk's folder.
//!
//! With `--json`, lines of type `progress` while it runs; the last line is an object of type
//! `result`: `exit`; `medium`; `item`; `from`: `medium 0000…` or `store 7`; `price` as money; `paid`
//! and `fee` (the other side's part of it): by this run, as money, or what would be; `earlier`: paid
//! first for what an earlier run had brought when it was cut off; `got_bytes` by this run,
//! `covered_bytes` of all runs, of `length_bytes`; `complete`; `already`: the record that made it this
//! owner's before, none if none did; `file`: its name in OUTBOX; `dry_run`; `balance` and its parts.

mod from;
mod words;

use scrip::crypto::SystemRandom;
use scrip::device::Folder;
use scrip::format::shelf::INBOX_NAME;
use scrip::journal::Storage;
use scrip::tool::password::PasswordSource;
use scrip::tool::{
    Attendant, Exit, Failure, Interrupt, Output, Progress, Tell, clock, money, threads, told,
};
use scrip::trust::Trust;
use scrip::trust::access::HolderKeys;
use scrip::units::{Amount, CurrencyForm, Sequence};
use scrip::wallet::take::{
    self as taking, Content, File, Giver, GiverError, Goods, Hand, Kiosk, Leaves, Outbox, Owner,
    Packaged, Payer, Plan, Sealing, Shelf, Shelved, TakeError, TakeRefusal, Taken,
};
use scrip::wallet::{Medium, Offered, Opened, Unlocked, UnusableError};
use scrip::words::{Phrase, Side, Table};
use serde_json::{Value, json};

use crate::ask::{Answer, ask, line};
use crate::buy::{mark, price};
use crate::cli::{Common, TakeArgs};
use crate::medium::path;
use crate::menu::choose;
use crate::opened::{full, look, sums, take_at, tell_balance, unlock, unlock_asking};
use from::{From, Written};
use words::{
    already_yours, bad_terms, broken_off, from_where, goes_on, here_again, kept_and_paid,
    make_room, make_room_there, missing, no_key, no_space, not_whole, nothing_taken, on,
    other_currency, over_cap, over_count, paid, paid_earlier, password_there, reading,
    rest_would_cost, settle_first, settle_other, shared, take_it, taken_from, too_many,
    top_up_first, which_item, whole, whole_here, would_cost,
};

/// What is said and shown while it runs.
struct Desk<'a> {
    common: &'a Common,
    args: &'a TakeArgs,
    output: &'a Output,
    interrupt: &'a Interrupt,
}

/// What is taken, from where.
struct Order {
    from: From,
    item: Offered,
    goods: Goods,
}

/// The side that pays, open for writing; with its owner's keys where they were given before.
struct Paying<'a> {
    opened: &'a mut Opened<Storage>,
    keys: Option<&'a HolderKeys>,
}

/// Take an item; what broke off goes on.
pub(crate) fn take(
    common: &Common,
    args: &TakeArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let desk = Desk { common, args, output, interrupt };
    let (own, outbox, mut written) = if args.dry_run {
        let look = look(common, output, interrupt)?;
        look.check_writable()?;
        let outbox = look.source.exchange(look.medium.grounds());
        let outbox = outbox.ok_or(UnusableError::NoWritableArea).or_tell()?;
        (look.medium, outbox, None)
    } else {
        let opened = take_at(&path(common)?, common, output, interrupt)?;
        (opened.medium().clone(), opened.exchange(), Some(opened))
    };
    let (from, other) = From::open(&desk, &own)?;
    let item = from.find(&args.item, &own)?;
    let paying = written.as_mut().map(|opened| Paying { opened, keys: None });
    let own = (own, &Outbox(outbox));
    desk.carry_out(own, &Order::new(from, item), (paying, other), |_| Ok(()))
}

/// Ask from where and what, then take it, where the owner has logged in.
pub(crate) fn take_here(
    opened: &mut Opened<Storage>,
    unlocked: &Unlocked,
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    output.note(from_where());
    let Some(from) = line()? else { return Ok(()) };
    let args = TakeArgs { from: from.into(), ..TakeArgs::default() };
    let desk = Desk { common, args: &args, output, interrupt };
    let own = opened.medium().clone();
    let (from, other) = From::open(&desk, &own)?;
    let items = from.items(&own)?;
    let mut table = Table::new([Side::Left, Side::Right, Side::Left, Side::Left]);
    for (place, item) in items.iter().enumerate() {
        let mark = mark(&own, item).unwrap_or_default();
        table.row([Phrase::same((place + 1).to_string()), price(&own, item), item.title(), mark]);
    }
    table.lines().iter().for_each(|line| output.line(line));
    let Some(item) = choose(&items, which_item, output)? else { return Ok(()) };
    let order = Order::new(from, item.clone());
    let agree = |plan: &Plan| {
        let cost = order.cost(own.form(), plan.reserve, plan.fee);
        match ask(output, take_it(&order.goods.item, cost))? {
            Answer::Yes => Ok(()),
            _ => Err(Failure::new(Exit::Refusal, nothing_taken())),
        }
    };
    let outbox = Outbox(opened.exchange());
    let paying = Paying { opened, keys: Some(&unlocked.keys) };
    desk.carry_out((own.clone(), &outbox), &order, (Some(paying), other), agree).map(drop)
}

impl Desk<'_> {
    /// Take what is ordered once its owner agrees to what it costs; what is paid for already is
    /// brought to its end.
    fn carry_out(
        &self,
        (own, outbox): (Medium, &Outbox),
        order: &Order,
        (paying, other): (Option<Paying<'_>>, Written),
        agree: impl FnOnce(&Plan) -> Result<(), Failure>,
    ) -> Result<Exit, Failure> {
        let goods = &order.goods;
        if goods.currency != own.currency() {
            let (found, expected) = (goods.currency, own.currency());
            return Err(Failure::new(Exit::Refusal, other_currency(found, expected)));
        }
        if let Some(record) = order.item.paid(&own).map(Sequence::number) {
            return self.owned(own, order, record, (paying, other));
        }
        let content = order.from.content(&order.item.place);
        let leaves = self.survey(order, &*content)?;
        let plan = order.plan(&own)?;
        let Some(mut paying) = paying else {
            let stored = outbox.size(&goods.names().data()).or_tell()?.unwrap_or(0);
            if stored < goods.length.bytes() {
                let room = taking::check_space(outbox, goods, stored);
                room.map_err(|error| broken(&own, order, &error))?;
            }
            return Ok(self.would(&own, order, &plan));
        };
        agree(&plan)?;
        let file = File { content: &*content, leaves: &leaves, package: &order.item.package };
        let taken = self.run(order, Some(file), plan.fee, (&mut paying, other))?;
        Ok(taken.map_or(Exit::Done, |taken| self.told(paying.opened.medium(), order, &taken)))
    }

    /// What was paid for before: what an earlier run left open is closed, and a file that lies here
    /// no more is copied again.
    fn owned(
        &self,
        own: Medium,
        order: &Order,
        record: u64,
        (mut paying, other): (Option<Paying<'_>>, Written),
    ) -> Result<Exit, Failure> {
        self.output.line(already_yours(record));
        let mut got = 0;
        if let Some(paying) = &mut paying {
            self.settle(&own, order, (paying, other))?;
            got = self.fetch(order, paying.opened)?;
        }
        let own = paying.map_or(own, |paying| paying.opened.medium().clone());
        let fields = json!({ "already": record, "got_bytes": got });
        Ok(self.tell(&own, order, &fields, Exit::Done))
    }

    /// Copy a file again that is paid for, and neither of the own edition nor whole in OUTBOX.
    fn fetch(&self, order: &Order, opened: &Opened<Storage>) -> Result<u64, Failure> {
        let (goods, medium) = (&order.goods, opened.medium());
        let outbox = &Outbox(opened.exchange());
        let of_edition = medium.grounds().items.iter().any(|entry| entry.hash() == goods.entry);
        if of_edition || self.is_whole(goods, outbox, &medium.trust())? {
            return Ok(0);
        }
        let content = order.from.content(&order.item.place);
        let leaves = self.survey(order, &*content)?;
        let progress = Progress::start(self.output, &goods.item);
        let attendant = Attendant::new(&progress, self.interrupt, "taking");
        let file = File { content: &*content, leaves: &leaves, package: &order.item.package };
        let got = taking::fetch(outbox, goods, file, &attendant);
        progress.end(if got.is_ok() { words::taken() } else { broken_off() });
        let got = got.map_err(|error| broken(medium, order, &error))?;
        self.interrupt.check()?;
        self.output.line(here_again(&goods.item));
        Ok(got)
    }

    /// Do goods lie in OUTBOX, and are their bytes those that were signed?
    fn is_whole(&self, goods: &Goods, outbox: &Outbox, trust: &Trust) -> Result<bool, Failure> {
        let listed = Packaged::on_shelf(outbox, trust).or_tell()?;
        if !listed.iter().any(|packaged| packaged.entry.hash() == goods.entry) {
            return Ok(false);
        }
        let progress = Progress::start(self.output, &goods.item);
        let attendant = Attendant::new(&progress, self.interrupt, "reading");
        let file = Shelved { shelf: outbox, name: goods.names().data() };
        let whole = Leaves::survey(&file, goods, threads(), &attendant).is_ok();
        progress.end(if whole { whole_here() } else { not_whole() });
        self.interrupt.check()?;
        Ok(whole)
    }

    /// Read the whole file before anything is paid.
    fn survey(&self, order: &Order, content: &dyn Content) -> Result<Leaves, Failure> {
        let progress = Progress::start(self.output, &order.goods.item);
        let attendant = Attendant::new(&progress, self.interrupt, words::reading_now());
        let leaves = Leaves::survey(content, &order.goods, threads(), &attendant);
        progress.end(if leaves.is_ok() { whole() } else { not_whole() });
        leaves.or_tell().map_err(|failure| failure.during(reading(order.name())))
    }

    fn would(&self, own: &Medium, order: &Order, plan: &Plan) -> Exit {
        let told = if plan.resumes { rest_would_cost } else { would_cost };
        let cost = order.cost(own.form(), plan.reserve, plan.fee);
        self.output.line(told(&order.goods.item, cost));
        let fields = json!({
            "paid": money(plan.reserve, own.currency()),
            "fee": money(order.earned(plan.fee), own.currency()),
            "covered_bytes": plan.covered.bytes(),
        });
        self.tell(own, order, &fields, Exit::Done)
    }

    /// What a run that was cut off left the other side to close and earn is closed now.
    fn settle(
        &self,
        own: &Medium,
        order: &Order,
        (paying, other): (&mut Paying<'_>, Written),
    ) -> Result<(), Failure> {
        let (goods, due) = (&order.goods, order.from.due(own));
        let lacks = goods.sealing == Sealing::Sealed && !paying.opened.holds_item_key(&goods.root);
        if due.is_some() || lacks {
            self.run(order, None, due.unwrap_or_default(), (paying, other))?;
        }
        Ok(())
    }

    /// Have both sides unlock and speak: about a file, or to close what was left open.
    fn run(
        &self,
        order: &Order,
        file: Option<File<'_>>,
        fee: Amount,
        (paying, other): (&mut Paying<'_>, Written),
    ) -> Result<Option<Taken>, Failure> {
        let opened = &mut *paying.opened;
        let unlocked;
        let keys = if let Some(keys) = paying.keys {
            keys
        } else {
            let own = PasswordSource::from(self.args.password_file.clone());
            unlocked = unlock(opened, &own, self.output)?.0;
            &unlocked.keys
        };
        let trust = opened.medium().trust();
        if let From::Kiosk(kiosk) = &order.from {
            let inbox = &Folder::open_or_create(&self.args.from.join(INBOX_NAME)).or_tell()?;
            let (store, policy) = (kiosk.offer.store, &opened.medium().policy().clone());
            let laid_out = kiosk.keys(&order.goods)?;
            let mut giver = Kiosk { store, inbox, trust: &trust, policy, keys: &laid_out };
            return self.speak((opened, keys), &mut giver, order, file);
        }
        let mut other = other.expect("a medium is open where something is to be written");
        let (number, fee) = (other.medium().id().grouped(), other.medium().form().show(fee));
        let theirs = PasswordSource::from(self.args.from_password_file.clone());
        let other_keys =
            unlock_asking(&mut other, &theirs, password_there(number, fee), self.output)?.0.keys;
        let outbox = &Outbox(other.exchange());
        let mut giver =
            Owner { opened: &mut other, keys: &other_keys, shelf: outbox, trust: &trust };
        self.speak((opened, keys), &mut giver, order, file)
    }

    fn speak(
        &self,
        (opened, keys): (&mut Opened<Storage>, &HolderKeys),
        giver: &mut dyn Giver,
        order: &Order,
        file: Option<File<'_>>,
    ) -> Result<Option<Taken>, Failure> {
        let outbox = &Outbox(opened.exchange());
        let progress = Progress::start(self.output, &order.goods.item);
        let attendant = Attendant::new(&progress, self.interrupt, words::taking_now());
        let mut rng = SystemRandom::new();
        let mut hand = Hand { clock: &clock::now, rng: &mut rng, watch: &attendant };
        let mut payer = Payer { opened, keys, shelf: outbox };
        let Some(file) = file else {
            let paid = taking::settle(&mut payer, giver, &order.goods, &mut hand);
            return paid.map(|()| None).map_err(|error| broken(opened.medium(), order, &error));
        };
        let taken = taking::take(&mut payer, giver, &order.goods, file, &mut hand);
        progress.end(match &taken {
            Ok(taken) if taken.complete => words::taken(),
            _ => broken_off(),
        });
        taken.map(Some).map_err(|error| broken(opened.medium(), order, &error))
    }

    /// What came of it, to the owner.
    fn told(&self, own: &Medium, order: &Order, taken: &Taken) -> Exit {
        let form = own.form();
        let fee = order.earned(taken.fee);
        let (covered, length) = (taken.covered.bytes(), order.goods.length.bytes());
        let exit = if taken.complete {
            self.output.line(taken_from(&order.goods.item, order.from.name()));
            Exit::Done
        } else {
            self.output.line(goes_on(covered, length));
            Exit::Interrupted
        };
        if !taken.earlier.is_zero() {
            self.output.line(paid_earlier(form.show(taken.earlier)));
        }
        self.output.line(paid(order.cost(form, taken.charge, taken.fee)));
        let fields = json!({
            "paid": money(taken.charge, own.currency()),
            "fee": money(fee, own.currency()),
            "earlier": money(taken.earlier, own.currency()),
            "got_bytes": taken.got.bytes(),
            "covered_bytes": covered,
            "complete": taken.complete,
        });
        self.tell(own, order, &fields, exit)
    }

    fn tell(&self, own: &Medium, order: &Order, extra: &Value, exit: Exit) -> Exit {
        tell_balance(own, self.output);
        let goods = &order.goods;
        let mut fields = sums(own);
        let common = json!({
            "medium": own.id().to_string(),
            "item": goods.item,
            "from": order.from.partner().to_string(),
            "price": money(goods.price, own.currency()),
            "length_bytes": goods.length.bytes(),
            "file": goods.names().data(),
            "already": null,
            "dry_run": self.args.dry_run,
        });
        for more in [&common, extra] {
            if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
                fields.extend(more.clone());
            }
        }
        self.output.result(exit, &fields);
        exit
    }
}

impl Order {
    fn new(from: From, item: Offered) -> Self {
        Self { from, goods: item.goods(), item }
    }

    fn plan(&self, own: &Medium) -> Result<Plan, Failure> {
        let policy = own.policy();
        let other = match &self.from {
            From::Medium(other) => other.medium.policy(),
            From::Kiosk(_) => policy,
        };
        let plan = taking::plan(&own.account().state, &self.goods, [policy, other]);
        plan.map_err(|refusal| refused(own, self, &refusal))
    }

    /// A kiosk earns nothing.
    fn earned(&self, fee: Amount) -> Amount {
        match self.from {
            From::Medium(_) => fee,
            From::Kiosk(_) => Amount::ZERO,
        }
    }

    /// What is paid, and the part of it that somebody earns.
    fn cost(&self, form: CurrencyForm, sum: Amount, fee: Amount) -> Phrase {
        let fee = self.earned(fee);
        if fee.is_zero() {
            return Phrase::same(form.show(sum));
        }
        shared(form.show(sum), form.show(fee), self.from.name())
    }

    fn name(&self) -> Phrase {
        on(&self.goods.item, self.from.name())
    }
}

/// A refusal with sums as people write them, and what to do next.
fn refused(own: &Medium, order: &Order, refusal: &TakeRefusal) -> Failure {
    let show = |minor: u64| {
        let sum = Amount::from_minor(minor);
        sum.map_or_else(|_| minor.to_string(), |sum| own.form().show(sum))
    };
    let says_no = |message: Phrase| Failure::new(Exit::Refusal, message);
    match *refusal {
        TakeRefusal::Funds { needs, free, missing: lacking } => {
            says_no(missing(show(needs), show(free), show(lacking))).hint(top_up_first())
        }
        TakeRefusal::Cap { found, limit, policy } => {
            says_no(over_cap(show(found), policy, show(limit))).hint(settle_first())
        }
        TakeRefusal::Count { found, limit, policy } => {
            says_no(over_count(found, policy, limit)).hint(settle_first())
        }
        TakeRefusal::Open(limit) => says_no(too_many(limit)).hint(settle_first()),
        TakeRefusal::Space { needs, free } => says_no(no_space(needs, free)).hint(make_room()),
        TakeRefusal::NoKey => says_no(no_key(order.from.name())),
        TakeRefusal::Owned(record) => says_no(already_yours(record)),
        TakeRefusal::Terms(error) => says_no(bad_terms(told(&error))),
    }
}

/// Why it broke off.
fn broken(own: &Medium, order: &Order, error: &TakeError) -> Failure {
    let refusal = Failure::new(Exit::from(error), told(error));
    let failure = match error {
        TakeError::Refused(refusal) => return refused(own, order, refusal),
        TakeError::Commit(error) => full(error),
        TakeError::Giver(GiverError::Open(_) | GiverError::Full { .. }) => {
            refusal.hint(settle_other())
        }
        TakeError::Giver(GiverError::Space { .. }) => refusal.hint(make_room_there()),
        _ if refusal.exit() == Exit::Refusal => refusal,
        _ => refusal.hint(kept_and_paid()),
    };
    failure.during(words::taking(order.name()))
}
