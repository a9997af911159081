//! `take`: an item copied from another owner's medium, or from a kiosk's folder.
//!
//! With `--json`, lines of type `progress` while it runs; the last line is an object of type
//! `result`: `exit`; `medium`; `item`; `from`: `medium 0000…` or `store 7`; `price` as money; `paid`
//! and `fee` (the other side's part of it): by this run, as money, or what would be; `earlier`: paid
//! first for what an earlier run had brought when it was cut off; `got_bytes` by this run, `covered_bytes` of all runs, of `length_bytes`; `complete`; `already`: the record that
//! made it this owner's before, none if none did; `file`: its name in OUTBOX; `dry_run`; `balance`
//! and its parts.

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
use scrip::trust::access::HolderKeys;
use scrip::units::{Amount, Sequence};
use scrip::wallet::take::{
    self as taking, Content, Giver, Goods, Hand, Kiosk, Leaves, Outbox, Owner, Packaged, Payer,
    Plan, Sealing, Shelf, TakeError, TakeRefusal, Taken,
};
use scrip::wallet::{Medium, Opened, paid as paid_by};
use scrip::words::Phrase;
use serde_json::{Value, json};

use crate::cli::{Common, TakeArgs};
use crate::medium::path;
use crate::opened::{look, sums, take_at, tell_balance, unlock, unlock_asking};
use from::{From, Written};
use words::{
    already_yours, bad_terms, broken_off, goes_on, kept_and_paid, make_room, missing, no_key,
    no_space, not_whole, on, other_currency, over_cap, over_count, paid, paid_earlier,
    password_there, reading, rest_would_cost, settle_first, taken_from, too_many, top_up_first,
    whole, would_cost,
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
    packaged: Packaged,
    place: from::Place,
    goods: Goods,
}

/// Take an item; what broke off goes on.
pub(crate) fn take(
    common: &Common,
    args: &TakeArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let desk = Desk { common, args, output, interrupt };
    let (own, written) = if args.dry_run {
        let look = look(common, output, interrupt)?;
        look.check_writable()?;
        (look.medium, None)
    } else {
        let opened = take_at(&path(common)?, common, output, interrupt)?;
        (opened.medium().clone(), Some(opened))
    };
    let (from, other) = From::open(&desk, &own)?;
    let (packaged, place) = from.find(&args.item, &own)?;
    let goods = packaged.goods();
    if goods.currency != own.currency() {
        let (found, expected) = (goods.currency, own.currency());
        return Err(Failure::new(Exit::Refusal, other_currency(found, expected)));
    }
    let order = Order { from, packaged, place, goods };
    if let Some(record) = paid_by(&own, &order.packaged.entry).map(Sequence::number) {
        let own = desk.settled(own, &order, (written, other))?;
        desk.output.line(already_yours(record));
        return Ok(desk.tell(&own, &order, &json!({ "already": record }), Exit::Done));
    }
    let content = order.from.content(&order.place);
    let leaves = desk.survey(&order, &*content)?;
    let plan = order.plan(&own)?;
    let Some(mut opened) = written else { return Ok(desk.would(&own, &order, &plan)) };
    let file = Some((&*content, &leaves));
    let taken = desk.run(&order, file, plan.fee, (&mut opened, other))?;
    Ok(taken.map_or(Exit::Done, |taken| desk.told(opened.medium(), &order, &taken)))
}

impl Desk<'_> {
    /// Read the whole file before anything is paid.
    fn survey(&self, order: &Order, content: &dyn Content) -> Result<Leaves, Failure> {
        let progress = Progress::start(self.output, &order.goods.item);
        let attendant = Attendant::new(&progress, self.interrupt, "reading");
        let leaves = Leaves::survey(content, &order.goods, threads(), &attendant);
        progress.end(if leaves.is_ok() { whole() } else { not_whole() });
        leaves.or_tell().map_err(|failure| failure.during(reading(order.name())))
    }

    fn would(&self, own: &Medium, order: &Order, plan: &Plan) -> Exit {
        let form = own.form();
        let (rest, fee) = (form.show(plan.reserve), form.show(order.earned(plan.fee)));
        let (item, name) = (&order.goods.item, order.from.name());
        let told = if plan.resumes { rest_would_cost } else { would_cost };
        self.output.line(told(item, rest, fee, name));
        let fields = json!({
            "paid": money(plan.reserve, own.currency()),
            "fee": money(order.earned(plan.fee), own.currency()),
            "covered_bytes": plan.covered.bytes(),
        });
        self.tell(own, order, &fields, Exit::Done)
    }

    /// What a run that was cut off left the other side to close and earn is closed now.
    fn settled(
        &self,
        own: Medium,
        order: &Order,
        (written, other): (Written, Written),
    ) -> Result<Medium, Failure> {
        let Some(mut opened) = written else { return Ok(own) };
        let (goods, due) = (&order.goods, order.from.due(&own));
        let lacks = goods.sealing == Sealing::Sealed && !opened.holds_item_key(&goods.root);
        if due.is_none() && !lacks {
            return Ok(own);
        }
        self.run(order, None, due.unwrap_or_default(), (&mut opened, other))?;
        Ok(opened.medium().clone())
    }

    /// Have both sides unlock and speak: about a file, or to close what was left open.
    fn run(
        &self,
        order: &Order,
        file: Option<(&dyn Content, &Leaves)>,
        fee: Amount,
        (opened, other): (&mut Opened<Storage>, Written),
    ) -> Result<Option<Taken>, Failure> {
        let own = PasswordSource::from(self.args.password_file.clone());
        let keys = unlock(opened, &own, self.output)?.0.keys;
        let trust = opened.medium().trust();
        if let From::Kiosk(kiosk) = &order.from {
            let inbox = &Folder::open_or_create(&self.args.from.join(INBOX_NAME)).or_tell()?;
            let (store, chunk) = (kiosk.offer.store, opened.medium().grounds().policy.chunk);
            let laid_out = kiosk.keys(&order.goods)?;
            let mut giver = Kiosk { store, inbox, trust: &trust, chunk, keys: &laid_out };
            return self.speak((opened, &keys), &mut giver, order, file);
        }
        let mut other = other.expect("a medium is open where something is to be written");
        let (number, fee) = (other.medium().id().grouped(), other.medium().form().show(fee));
        let theirs = PasswordSource::from(self.args.from_password_file.clone());
        let other_keys =
            unlock_asking(&mut other, &theirs, password_there(number, fee), self.output)?.0.keys;
        let outbox = &Outbox(other.exchange());
        let mut giver =
            Owner { opened: &mut other, keys: &other_keys, shelf: outbox, trust: &trust };
        self.speak((opened, &keys), &mut giver, order, file)
    }

    fn speak(
        &self,
        (opened, keys): (&mut Opened<Storage>, &HolderKeys),
        giver: &mut dyn Giver,
        order: &Order,
        file: Option<(&dyn Content, &Leaves)>,
    ) -> Result<Option<Taken>, Failure> {
        let outbox = &Outbox(opened.exchange());
        let progress = Progress::start(self.output, &order.goods.item);
        let attendant = Attendant::new(&progress, self.interrupt, "taking");
        let mut rng = SystemRandom::new();
        let mut hand = Hand { clock: &clock::now, rng: &mut rng, watch: &attendant };
        let mut payer = Payer { opened, keys, shelf: outbox };
        let Some(file) = file else {
            let paid = taking::settle(&mut payer, giver, &order.goods, &mut hand);
            return paid.map(|()| None).map_err(|error| broken(opened.medium(), order, &error));
        };
        let name = order.goods.names().package();
        if outbox.size(&name).or_tell()?.is_none() {
            outbox.write(&name, &order.packaged.encoded()).or_tell()?;
        }
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
        let (sum, fee) = (form.show(taken.charge), order.earned(taken.fee));
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
        self.output.line(paid(sum, form.show(fee), order.from.name()));
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
    fn plan(&self, own: &Medium) -> Result<Plan, Failure> {
        let policy = &own.grounds().policy;
        let other = match &self.from {
            From::Medium(other) => &other.medium.grounds().policy,
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
        TakeRefusal::Terms(error) => says_no(bad_terms(error)),
    }
}

/// Why it broke off.
fn broken(own: &Medium, order: &Order, error: &TakeError) -> Failure {
    match error {
        TakeError::Refused(refusal) => refused(own, order, refusal),
        error => Failure::new(Exit::from(error), told(error))
            .during(words::taking(order.name()))
            .hint(kept_and_paid()),
    }
}
