//! A few owners who live at the same time and send each other what they have.

use super::SimulateError;
use super::calendar::{LIFE_SECONDS, living};
use super::chance::Chance;
use super::dials::Dial;
use super::fetch::Fetch;
use super::purse::{Origin, Purse, Town};
use crate::format::transfer::Partner;
use crate::ledger::next;

/// So many owners know each other.
const MEMBERS: usize = 4;
/// What an owner keeps for what may come.
const KEPT: u64 = 700;
/// An owner begins so many transfers: one more is allowed until the first settlement.
const FETCHES_MAX: u32 = 2;
/// What a transfer costs at most: two of them, and one more, stay below the cap.
const PRICE_MAX: u64 = 350;
/// Records of a segment, of its payer and of its sender.
const PAYER_RECORDS: u64 = 2;
const SENDER_RECORDS: u64 = 3;
/// Of a hundred records of an owner so many begin a segment, and so many are purchases.
const FETCHING: u64 = 13;
const BUYING: u64 = 45;
const CONNECTING: u64 = 2;
/// One of so many stretches brings all that is left, the others a part of it to two: what is fetched
/// takes many receipts, about five for a hundred records.
const STRETCHES: u64 = 28;
const STRETCH_PART: u64 = 28;

/// One of them.
pub(super) struct Member<'a> {
    pub(super) purse: Purse<'a>,
    /// Records that it still makes.
    left: u64,
    /// How many of its tickets it has entered.
    entered: usize,
    fetches: u32,
    fetch: Option<Fetch>,
    /// What is planted on it.
    pub(super) dial: Option<Dial>,
}

impl Member<'_> {
    /// Tickets that it has not entered yet.
    fn waiting(&self) -> u64 {
        (self.purse.town.tickets[self.purse.place].len() - self.entered) as u64
    }
}

/// Owners who know each other.
pub(super) struct Circle<'a> {
    pub(super) town: &'a Town<'a>,
    pub(super) members: Vec<Member<'a>>,
    pub(super) chance: Chance,
    /// Seconds into their lives.
    pub(super) seconds: u64,
    /// Records that they make in all.
    all: u64,
}

/// How many circles there are among so many media.
pub(super) fn circles(media: usize) -> usize {
    (media / MEMBERS).max(1)
}

/// The places of the members of a circle; the last one takes who is left over.
pub(super) fn members(media: usize, circle: usize) -> std::ops::Range<usize> {
    let last = circle + 1 == circles(media);
    circle * MEMBERS..if last { media } else { (circle + 1) * MEMBERS }
}

impl<'a> Circle<'a> {
    /// A circle before anything is done.
    pub(super) fn begun(town: &'a Town<'a>, circle: usize) -> Result<Self, SimulateError> {
        let places = members(town.burnt.len(), circle);
        let member = |place| {
            let purse = Purse::begun(town, place, Origin::of(town, place), living(0))?;
            let left = town.population.events_of(place) - purse.records.len() as u64;
            let dial = town.agendas[place].dial;
            let entered = usize::from(dial == Some(Dial::Unsold));
            Ok(Member { purse, left, entered, fetches: 0, fetch: None, dial })
        };
        let members = places.map(member).collect::<Result<_, SimulateError>>()?;
        let chance = Chance::new(town.population.seed, "circle", circle as u64);
        let mut circle = Self { town, members, chance, seconds: 0, all: 0 };
        circle.all = circle.left();
        Ok(circle)
    }

    /// Live until so much of a thousand is done.
    pub(super) fn live(&mut self, part: u64) -> Result<(), SimulateError> {
        let until = self.all - self.all * part / 1000;
        while self.left() > until {
            let gone = self.all - self.left();
            self.seconds = self.seconds.max(LIFE_SECONDS / (self.all + 1) * gone);
            self.step()?;
        }
        Ok(())
    }

    fn left(&self) -> u64 {
        self.members.iter().map(|member| member.left).sum()
    }

    /// Someone does something: who has more left to do is more likely to.
    fn step(&mut self) -> Result<(), SimulateError> {
        let mut drawn = self.chance.below(self.left());
        let who = self.members.iter().position(|member| {
            let here = drawn < member.left;
            drawn = drawn.saturating_sub(member.left);
            here
        });
        let who = who.expect("someone has something left to do");
        self.members[who].purse.now = living(self.seconds);
        if self.tops_up(who) {
            let member = &mut self.members[who];
            if member.dial == Some(Dial::Restored) && member.purse.settled_at.is_none() {
                member.purse.settle()?;
            }
            return Ok(());
        }
        match self.chance.below(100) {
            0..FETCHING if self.fetches(who) => {}
            FETCHING..BUYING if self.buys(who) => {}
            other => self.plays(who, other >= 100 - CONNECTING),
        }
        Ok(())
    }

    /// Enter what was sold, once it is; before the last records, whenever that is.
    fn tops_up(&mut self, who: usize) -> bool {
        let member = &mut self.members[who];
        let tickets = &self.town.tickets[member.purse.place];
        let Some(ticket) = tickets.get(member.entered) else { return false };
        if ticket.at > living(self.seconds) {
            if member.left > member.waiting() {
                return false;
            }
            self.seconds = ticket.at.seconds() - living(0).seconds();
            member.purse.now = ticket.at;
        }
        member.purse.redeem(ticket);
        (member.entered, member.left) = (member.entered + 1, member.left - 1);
        true
    }

    fn buys(&mut self, who: usize) -> bool {
        let member = &mut self.members[who];
        let Some(free) = member.purse.free().checked_sub(KEPT).filter(|free| *free > 0) else {
            return false;
        };
        let price = 1 + self.chance.below((free / 10).max(20).min(free));
        let item = format!("song-{}", self.chance.below(900));
        member.purse.buy(&item, price);
        member.left -= 1;
        true
    }

    fn plays(&mut self, who: usize, connects: bool) {
        let item = format!("song-{}", self.chance.below(900));
        let member = &mut self.members[who];
        member.purse.put(|purse, host, event| {
            if connects {
                return next::connect(&purse.state, host, event, "server.example", None);
            }
            next::play(&purse.state, host, event, &item, "scrip-wallet")
        });
        member.left -= 1;
    }

    /// Fetch a stretch of something from another owner, or from a kiosk.
    fn fetches(&mut self, who: usize) -> bool {
        let Some(mut fetch) = self.fetch_of(who) else { return false };
        let got = self.stretch(&fetch);
        let able = |other: &usize| {
            let member = &self.members[*other];
            *other != who && member.left >= SENDER_RECORDS + member.waiting()
        };
        let senders: Vec<usize> = (0..self.members.len()).filter(able).collect();
        let from_kiosk = senders.is_empty() || self.chance.below(10) == 0;
        if from_kiosk {
            let kiosk = Partner::Store(self.town.stall(self.members[who].purse.place).id);
            let payer = &mut self.members[who].purse;
            let begun = fetch.begin(payer, kiosk);
            fetch.close(payer, &begun, got);
        } else {
            let sender = senders[self.chance.place(senders.len())];
            let (payer, sender) = self.pair(who, sender);
            sender.purse.now = payer.purse.now;
            let made = sender.purse.records.len();
            let begun = fetch.begin(&mut payer.purse, Partner::Medium(sender.purse.state.medium));
            fetch.answer(&mut sender.purse, &payer.purse, &begun);
            let receipt = fetch.receipt(&payer.purse, got);
            fetch.close(&mut payer.purse, &begun, got);
            fetch.earn(&mut sender.purse, &receipt);
            sender.left -= (sender.purse.records.len() - made) as u64;
        }
        let payer = &mut self.members[who];
        payer.left -= PAYER_RECORDS;
        payer.fetch = (fetch.left() > 0).then_some(fetch);
        true
    }

    /// What it goes on with, or begins; none if it can't.
    fn fetch_of(&mut self, who: usize) -> Option<Fetch> {
        let member = &mut self.members[who];
        if member.left < PAYER_RECORDS + member.waiting() {
            return None;
        }
        if let Some(fetch) = &member.fetch {
            return Some(fetch.clone());
        }
        let price = 50 + self.chance.below(PRICE_MAX - 50);
        let able = member.fetches < FETCHES_MAX && member.purse.free() >= price + KEPT;
        able.then(|| {
            member.fetches += 1;
            let share = self.town.setting.policy.share_ppm;
            Fetch::new(price, share, &mut self.chance)
        })
    }

    /// How many bytes come before it breaks off.
    fn stretch(&mut self, fetch: &Fetch) -> u64 {
        let left = fetch.left();
        let whole = self.chance.below(STRETCHES) == 0;
        let part = left.div_ceil(STRETCH_PART);
        if whole { left } else { left.min(part + self.chance.below(part)) }
    }

    /// Two of them.
    pub(super) fn pair(&mut self, one: usize, other: usize) -> (&mut Member<'a>, &mut Member<'a>) {
        let [one, other] =
            self.members.get_disjoint_mut([one, other]).expect("they are two of the circle");
        (one, other)
    }
}
