//! Planting: what goes wrong with a medium, and the finding that its evidence implies.

use super::SimulateError;
use super::chance::Chance;
use super::circle::Circle;
use super::counter::{Kept, Ticket};
use super::dials::Dial;
use super::fetch::{Begun, Fetch};
use super::purse::{Purse, Saved};
use super::tally::Deed;
use super::truth::Planted;
use crate::format::transfer::Partner;
use crate::ledger::next;
use crate::units::{Amount, Timestamp};
use crate::voucher::sheet::slots_in_kit;

/// Prices of what is bought and fetched for a finding; owners keep more than their sum.
const PRICE: u64 = 130;
pub(super) const FETCH_PRICE: u64 = 250;
/// What is left on each copy of a clone.
const LEFT: u64 = 10;
/// A clock that lost its battery: 1980-01-01.
const DEAD_CLOCK: u64 = 315_532_800;
/// What is left of a frame that is cut off, in bytes.
const TORN: usize = 100;
/// Records among which a damage lies.
pub(super) const PLAYS: usize = 3;

/// A file of evidence: its name and its bytes.
pub(super) type Export = (String, Vec<u8>);

/// What is planted on one medium: its exports, and what is to be found.
pub(super) struct Yield {
    pub(super) exports: Vec<Export>,
    pub(super) planted: Vec<Planted>,
}

impl Circle<'_> {
    /// What needs two of them: transfers that the two sides tell differently.
    pub(super) fn plant_between(&mut self) -> Vec<Vec<Planted>> {
        let plant = |who: usize, circle: &mut Self| {
            let sender = (who + 1) % circle.members.len();
            match circle.members[who].dial {
                Some(Dial::LostAnswers) => vec![circle.loses_answer(who, sender)],
                Some(Dial::Liars) => vec![circle.lies(who, sender)],
                Some(Dial::Breaks) => {
                    circle.breaks_off(who, sender);
                    vec![]
                }
                _ => vec![],
            }
        };
        (0..self.members.len()).map(|who| plant(who, self)).collect()
    }

    fn fetch_for_finding(&mut self) -> Fetch {
        Fetch::new(FETCH_PRICE, self.town.setting.policy.share_ppm, &mut self.chance)
    }

    /// The payer's records from the start of a segment on are lost; its receipt isn't.
    fn loses_answer(&mut self, who: usize, sender: usize) -> Planted {
        let fetch = self.fetch_for_finding();
        let got = fetch.left() / 2;
        let (payer, sender) = self.pair(who, sender);
        let saved = payer.purse.save();
        let partner = Partner::Medium(sender.purse.state.medium);
        let begun = fetch.begin(&mut payer.purse, partner);
        fetch.answer(&mut sender.purse, &payer.purse, &begun);
        let receipt = fetch.receipt(&payer.purse, got);
        fetch.earn(&mut sender.purse, &receipt);
        payer.purse.go_back(saved);
        let sum = -fetch.charge(got).0;
        payer.purse.planted(Dial::LostAnswers, "receipt-without-start", begun.start, sum)
    }

    /// The payer signs for a part and is cut off: that is what it pays.
    fn breaks_off(&mut self, who: usize, sender: usize) {
        let fetch = self.fetch_for_finding();
        let got = fetch.left() / 2;
        let (payer, sender) = self.pair(who, sender);
        let partner = Partner::Medium(sender.purse.state.medium);
        let begun = fetch.begin(&mut payer.purse, partner);
        fetch.answer(&mut sender.purse, &payer.purse, &begun);
        let receipt = fetch.receipt(&payer.purse, got);
        fetch.earn(&mut sender.purse, &receipt);
        payer.purse.pays_for(&fetch, &begun, got);
    }

    /// The receipt says more than the payer's record, or less.
    fn lies(&mut self, who: usize, sender: usize) -> Planted {
        let mut fetch = self.fetch_for_finding();
        let (less, more) = (fetch.left() / 3, fetch.left() / 3 * 2);
        let above = self.chance.below(2) == 0;
        let (charged, signed) = if above { (less, more) } else { (more, less) };
        let (payer, sender) = self.pair(who, sender);
        let before = fetch.clone();
        let partner = Partner::Medium(sender.purse.state.medium);
        let begun = fetch.begin(&mut payer.purse, partner);
        fetch.answer(&mut sender.purse, &payer.purse, &begun);
        let receipt = fetch.receipt(&payer.purse, signed);
        fetch.close(&mut payer.purse, &begun, charged);
        before.earn(&mut sender.purse, &receipt);
        // Who signed for more than it was charged pays that; who was charged for more had it.
        payer.purse.pays_for(&before, &begun, charged.max(signed));
        let sum = before.charge(charged).0 - before.charge(signed).0;
        payer.purse.planted(Dial::Liars, "bytes-differ", begun.start, sum)
    }
}

impl Purse<'_> {
    /// What goes wrong with this medium alone; then what is exported of it.
    pub(super) fn plant(
        &mut self,
        dial: Option<Dial>,
        between: Vec<Planted>,
    ) -> Result<Yield, SimulateError> {
        let mut chance = Chance::new(self.town.population.seed, "plant", self.place as u64);
        let whole = |purse: &Self, planted| Yield {
            exports: vec![purse.file(".evidence", purse.export())],
            planted: vec![planted],
        };
        Ok(match dial {
            Some(Dial::Yanks) => self.yank(),
            Some(Dial::Rewinds) => self.rewind(),
            Some(Dial::Clones) => self.copy(&mut chance),
            Some(Dial::Damaged) => self.damage(&mut chance),
            Some(Dial::Stolen) => {
                let planted = self.steal(&mut chance);
                whole(self, planted)
            }
            Some(Dial::Clocks) => {
                let planted = self.lose_clock();
                whole(self, planted)
            }
            Some(Dial::Voids) => {
                let planted = self.redeem_voided();
                whole(self, planted)
            }
            Some(Dial::Unsold) => {
                let sum = self.town.tickets[self.place][0].amount;
                let planted =
                    self.planted(Dial::Unsold, "spent-never-sold", 1, super::purse::minor(sum));
                whole(self, planted)
            }
            Some(Dial::Restored) => {
                let seq = self.settled_at.expect("it took over a checkpoint early");
                let planted = self.planted(Dial::Restored, "not-checked", seq, 0);
                whole(self, planted)
            }
            Some(Dial::Kiosks) => self.leave_at_kiosk(&mut chance),
            Some(Dial::Changed) => {
                let planted = self.change(&mut chance);
                whole(self, planted)
            }
            Some(Dial::Contested) => self.contest(&mut chance)?,
            Some(Dial::Rivals) => self.rival(&mut chance)?,
            Some(Dial::Unknown) => self.invent(&mut chance)?,
            Some(Dial::Revoked) => self.block(),
            Some(Dial::Resold) => {
                let seq = self.started_at.expect("its starter code was added");
                let sum = super::purse::minor(self.town.tickets[self.place][0].amount);
                whole(self, self.planted(Dial::Resold, "sold-twice", seq, sum))
            }
            Some(Dial::LostAnswers | Dial::Liars | Dial::Breaks) | None => {
                Yield { exports: vec![self.file(".evidence", self.export())], planted: between }
            }
        })
    }

    /// A file of evidence: what its name has behind the medium's number, and its bytes.
    pub(super) fn file(&self, end: &str, bytes: Vec<u8>) -> Export {
        (format!("{}{end}", self.state.medium), bytes)
    }

    /// By the receipt so much of an open segment is to be paid.
    pub(super) fn pays_for(&mut self, fetch: &Fetch, begun: &Begun, got: u64) {
        self.tally.release(self.branch, begun.start);
        self.tally.note(Deed::Fetched(self.branch, begun.start), -fetch.charge(got).0);
    }

    /// The newest record is lost; a computer that saw it has the records alone.
    fn yank(&mut self) -> Yield {
        self.buy("lost-song", PRICE);
        let (kept, seq) = (self.frames(), self.state.next.number() - 1);
        let medium = self.export_of(&self.records[..self.records.len() - 1]);
        let sum = -sum_of(PRICE);
        let planted = self.planted(Dial::Yanks, "medium-behind", seq, sum);
        Yield {
            exports: vec![self.file(".evidence", medium), self.file(".frames", kept)],
            planted: vec![planted],
        }
    }

    /// An old image is gone on with: less is bought there than on what it was an image of.
    fn rewind(&mut self) -> Yield {
        let saved = self.save();
        let seq = self.state.next.number();
        self.branch = 1;
        self.buy("first-song", PRICE);
        self.buy("second-song", PRICE);
        let older = self.part(saved, 2);
        self.buy("third-song", PRICE + 1);
        let again = self.join(&older);
        let sum = -sum_of(PRICE + 1);
        let planted = self.planted(Dial::Rewinds, "fork", seq, sum);
        Yield {
            exports: vec![self.file(".evidence", again), self.file("-older.evidence", older.0)],
            planted: vec![planted],
        }
    }

    /// All is spent twice: in goods on one copy, in goods and at a kiosk on the other.
    fn copy(&mut self, chance: &mut Chance) -> Yield {
        let saved = self.save();
        let (seq, free) = (self.state.next.number(), self.free());
        self.branch = 1;
        for (item, part) in [("song", 2), ("film", 1)] {
            self.buy(item, (self.free() - LEFT) / part);
        }
        for _ in 0..PLAYS {
            self.play("film");
        }
        let one = self.part(saved, 2);
        let share = self.town.setting.policy.share_ppm;
        let mut fetch = Fetch::new(FETCH_PRICE, share, chance);
        let kiosk = Partner::Store(self.town.stall(self.place).id);
        let begun = fetch.begin(self, kiosk);
        fetch.close(self, &begun, fetch.left());
        self.buy("series", self.free() - LEFT);
        let other = self.join(&one);
        let sum = -sum_of(free - LEFT);
        let planted = self.planted(Dial::Clones, "fork", seq, sum);
        Yield {
            exports: vec![self.file(".evidence", one.0), self.file("-copy.evidence", other)],
            planted: vec![planted],
        }
    }

    /// Go back to where a branch parted; what it was and what was done on it is kept.
    fn part(&mut self, saved: Saved, branch: u8) -> (Vec<u8>, super::tally::Tally) {
        let kept = (self.export(), self.tally.clone());
        self.parted += self.records.len() as u64 - saved.records();
        self.go_back(saved);
        self.branch = branch;
        kept
    }

    /// This branch's export; what was done on the other counts as well.
    fn join(&mut self, other: &(Vec<u8>, super::tally::Tally)) -> Vec<u8> {
        self.tally.join(&other.1);
        self.export()
    }

    /// A code of the store's kit or a voucher by its key, of which its journal knows nothing.
    fn steal(&mut self, chance: &mut Chance) -> Planted {
        let (sheet, tickets) = (&self.town.burnt[self.place].sheet, &self.town.tickets[self.place]);
        let sold = |slot: u8| tickets.iter().any(|ticket| ticket.what == Kept::Code(slot));
        let what = if chance.below(2) == 0 {
            Kept::Code(slots_in_kit().find(|slot| !sold(*slot)).expect("a kit is never sold out"))
        } else {
            let store = self.town.population.stall_of(self.place).0;
            Kept::Voucher { store, serial: self.last_serial() }
        };
        let amount = match what {
            Kept::Code(slot) => sheet.amount(slot).expect("the kit's slots are in the sheet"),
            Kept::Voucher { .. } => Amount::from_minor(4_000).expect("it is an amount"),
        };
        let seq = self.state.next.number();
        self.redeem(&Ticket { at: self.now, amount, what });
        let sum = super::purse::minor(amount);
        self.planted(Dial::Stolen, "redeemed-never-sold", seq, sum)
    }

    fn redeem_voided(&mut self) -> Planted {
        let ticket = self.town.voided[self.place].expect("one of its sales was taken back");
        let seq = self.state.next.number();
        self.redeem(&ticket);
        let sum = super::purse::minor(ticket.amount);
        self.planted(Dial::Voids, "redeemed-after-void", seq, sum)
    }

    fn lose_clock(&mut self) -> Planted {
        let now = self.now;
        self.now = Timestamp::from_seconds(DEAD_CLOCK).expect("it is a time");
        let seq = self.state.next.number();
        self.play("song-1");
        self.now = now;
        self.play("song-2");
        self.planted(Dial::Clocks, "clock-oddity", seq, 0)
    }

    /// The export is cut off, has a flipped bit, or holds a forged record; no money lies there.
    fn damage(&mut self, chance: &mut Chance) -> Yield {
        for _ in 0..PLAYS {
            self.play("film");
        }
        let (count, whole) = (self.records.len(), self.export());
        let end = |records: usize| self.export_of(&self.records[..records]).len();
        let without = |place: usize| {
            let (before, behind) = self.records.split_at(place);
            self.export_of(&[before, &behind[1..]].concat())
        };
        let (classes, bytes) = match chance.below(4) {
            0 => (vec![("damaged", count - 1)], whole[..end(count - 1) + TORN].to_vec()),
            1 => {
                let mut bytes = whole;
                let start = end(count - 2);
                bytes[start + 100 + chance.place(100)] ^= 1 << chance.below(8);
                (vec![("damaged", count - 2)], bytes)
            }
            2 => (vec![("gap", count - 1)], without(count - 2)),
            _ => {
                let mut records = self.records.clone();
                *records[count - 2].last_mut().expect("a record has bytes") ^= 1;
                // What stands behind it continues the record as it was, which isn't there.
                (vec![("bad-signature", count - 2), ("gap", count - 1)], self.export_of(&records))
            }
        };
        let planted = classes
            .into_iter()
            .map(|(class, place)| self.planted(Dial::Damaged, class, place as u64, 0));
        Yield { planted: planted.collect(), exports: vec![self.file(".evidence", bytes)] }
    }

    pub(super) fn play(&mut self, item: &str) {
        self.put(|purse, host, event| next::play(&purse.state, host, event, item, "scrip-wallet"));
    }

    pub(super) fn planted(
        &self,
        dial: Dial,
        class: &'static str,
        seq: impl Into<Option<u64>>,
        amount: i64,
    ) -> Planted {
        let (medium, store) = (self.state.medium.to_string(), self.town.stall(self.place).id);
        let (dial, store, seq) = (dial.name(), Some(store.number()), seq.into());
        Planted { dial, class, medium, store, seq, amount }
    }
}

pub(super) fn sum_of(price: u64) -> i64 {
    i64::try_from(price).expect("prices are small")
}
