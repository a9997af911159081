//! One medium in its owner's hand: every record is signed, and followed by the ledger.

use super::SimulateError;
use super::agenda::Agenda;
use super::calendar::stocking;
use super::chance::Chance;
use super::counter::{Burnt, Kept, Ticket, burn_secrets};
use super::dials::Dial;
use super::population::Population;
use super::setting::{Setting, Stall};
use super::tally::{Branch, Deed, Tally};
use crate::crypto::sign::SecretKey;
use crate::format::checkpoint::CheckpointFile;
use crate::format::record::Record;
use crate::format::sheet::Voucher;
use crate::journal;
use crate::ledger::next::{self, Code, Host, Slip, Statement};
use crate::ledger::{Account, Credits, Rules, Settler, State, advance, settle};
use crate::shop::{BurnSecrets, VOUCHER_DAYS};
use crate::trust::{Revoked, Signer, Verified, sign_verified};
use crate::units::{Amount, Timestamp};
use crate::voucher::{VoucherSale, sign_voucher, slot_secret};

/// What every medium of a population is held against.
pub(super) struct Town<'a> {
    pub(super) population: &'a Population,
    pub(super) setting: &'a Setting,
    pub(super) agendas: &'a [Agenda],
    pub(super) burnt: &'a [Burnt],
    /// What was sold for each medium, by the order of its agenda.
    pub(super) tickets: &'a [Vec<Ticket>],
    /// What was sold for it and taken back.
    pub(super) voided: &'a [Option<Ticket>],
    /// What the issuer blocked.
    pub(super) revoked: &'a Revoked,
}

impl Town<'_> {
    pub(super) fn stall(&self, place: usize) -> &Stall {
        &self.setting.stalls[self.population.stall_of(place).0]
    }
}

/// One medium: where its journal stands, the key that signs it, and what was done.
pub(super) struct Purse<'a> {
    pub(super) town: &'a Town<'a>,
    pub(super) place: usize,
    pub(super) state: State,
    pub(super) key: SecretKey,
    pub(super) records: Vec<Vec<u8>>,
    pub(super) tally: Tally,
    /// The branch of its history that it is on.
    pub(super) branch: Branch,
    pub(super) now: Timestamp,
    /// Records on branches that it left.
    pub(super) parted: u64,
    /// Sequence of the record that took over a checkpoint.
    pub(super) settled_at: Option<u64>,
    /// What was done by the time that the owner came by, and that is settled.
    pub(super) came_by: Option<Tally>,
    /// Sequence of the record that added the starter code.
    pub(super) started_at: Option<u64>,
    pub(super) stall: &'a Stall,
    pub(super) burnt: Burnt,
    pub(super) slots: Vec<u8>,
    certificate: [u8; 32],
    floor: Timestamp,
    chance: Chance,
}

/// What a medium begins with.
pub(super) struct Origin<'a> {
    pub(super) stall: &'a Stall,
    pub(super) burnt: Burnt,
    pub(super) secrets: BurnSecrets,
    /// Whoever makes it his own; drawn where nobody is named.
    pub(super) owner: Option<SecretKey>,
}

impl<'a> Origin<'a> {
    /// As its store burnt it.
    pub(super) fn of(town: &'a Town<'a>, place: usize) -> Self {
        let (stall, burnt) = (town.stall(place), town.burnt[place].clone());
        let secrets = burn_secrets(town.population.seed, place);
        Self { stall, burnt, secrets, owner: None }
    }
}

/// Where a medium stood.
pub(super) struct Saved {
    state: State,
    records: usize,
    tally: Tally,
}

impl Saved {
    /// How many records it had.
    pub(super) fn records(&self) -> u64 {
        self.records as u64
    }
}

impl<'a> Purse<'a> {
    /// A medium after its first login: begun under the store's key, taken over by the owner's.
    pub(super) fn begun(
        town: &'a Town<'a>,
        place: usize,
        origin: Origin<'a>,
        now: Timestamp,
    ) -> Result<Self, SimulateError> {
        let Origin { stall, burnt, secrets, owner } = origin;
        let (certificate, slots) = burnt.stamp(town.setting, stall, &secrets)?;
        let state = State::blank(burnt.medium, certificate, secrets.keys.key.public());
        let mut purse = Self {
            town,
            place,
            state,
            key: secrets.keys.key,
            records: vec![],
            tally: Tally::default(),
            branch: 0,
            now: burnt.at,
            parted: 0,
            settled_at: None,
            came_by: None,
            started_at: None,
            stall,
            burnt,
            slots,
            certificate,
            floor: stocking(),
            chance: Chance::new(town.population.seed, "purse", place as u64),
        };
        purse.put(|purse, host, event| next::genesis(&purse.state, host, event));
        if town.agendas[place].dial == Some(Dial::Unsold) {
            purse.redeem(&town.tickets[place][0]);
        }
        purse.now = now;
        let drawn = purse.chance.key();
        let owner = owner.unwrap_or(drawn);
        purse.put(|purse, host, event| next::rekey(&purse.state, host, event, &owner));
        purse.key = owner;
        Ok(purse)
    }

    /// Sign the record that is next, and follow it.
    pub(super) fn put(
        &mut self,
        next: impl FnOnce(&Self, &Host, [u8; 16]) -> Record,
    ) -> Verified<Record> {
        let signed = self.signed(next);
        let rules = rules(self.town, self.stall, &self.burnt);
        advance(&rules, &mut self.state, &signed).expect("owners here keep to the rules");
        self.records.push(signed.bytes().to_vec());
        signed
    }

    /// Sign what the rules refuse: nothing follows it.
    pub(super) fn force(&mut self, next: impl FnOnce(&Self, &Host, [u8; 16]) -> Record) -> u64 {
        let signed = self.signed(next);
        let followed = advance(&self.rules(), &mut self.state.clone(), &signed);
        assert!(followed.is_err(), "the rules take what they were to refuse");
        self.records.push(signed.bytes().to_vec());
        signed.seq.number()
    }

    fn signed(&mut self, next: impl FnOnce(&Self, &Host, [u8; 16]) -> Record) -> Verified<Record> {
        let host = Host { at: self.now, floor: self.floor, instance: self.chance.bytes() };
        let event = self.chance.bytes();
        sign_verified(&self.key, next(self, &host, event))
    }

    /// What its records are held against.
    pub(super) fn rules(&self) -> Rules<'_> {
        rules(self.town, self.stall, &self.burnt)
    }

    /// Enter what was sold.
    pub(super) fn redeem(&mut self, ticket: &Ticket) {
        let sum = minor(ticket.amount);
        self.started_at = self.started_at.or(Some(self.state.next.number()));
        match ticket.what {
            Kept::Code(slot) => {
                let code = self.code(slot, ticket.amount);
                let partner = format!("store {}", self.stall.id);
                self.put(|purse, host, event| {
                    let record = next::topup(&purse.state, host, &code, event, &partner);
                    record.expect("balances are far below the limit")
                });
                self.tally.note(Deed::Code(slot), sum);
            }
            Kept::Voucher { store, serial } => {
                let voucher = self.voucher(store, serial, ticket);
                let own = self.town.population.stall_of(self.place).0 == store;
                let certificate = self.town.setting.stalls[store].chain.0[0].as_slice();
                let certificate = (!own).then_some(certificate);
                self.put(|purse, host, event| {
                    let slip = Slip { voucher: &voucher, certificate };
                    let record = next::topup_voucher(&purse.state, host, &slip, event);
                    record.expect("balances are far below the limit")
                });
                self.tally.note(Deed::Voucher(store, serial), sum);
            }
        }
    }

    pub(super) fn code(&self, slot: u8, amount: Amount) -> Code {
        let sheet = self.burnt.sheet.id;
        let secret = slot_secret(&self.town.setting.seal, self.state.medium, &sheet, slot);
        Code { sheet, slot, secret, amount }
    }

    /// The voucher of a sale, as the store signed it then.
    fn voucher(&self, store: usize, serial: u64, ticket: &Ticket) -> Verified<Voucher> {
        let stall = &self.town.setting.stalls[store];
        let (medium, amount, issued) = (self.state.medium, ticket.amount, ticket.at);
        let expires = issued.plus_days(VOUCHER_DAYS);
        let sale = VoucherSale { medium, amount, serial, issued, expires };
        let signed = sign_voucher(&stall.key, grant(&stall.signer), &sale);
        let signed = signed.expect("it is within the store's grant");
        stall.signer.open(&signed).expect("the store signed it just now")
    }

    /// Buy goods at this price.
    pub(super) fn buy(&mut self, item: &str, price: u64) {
        let seq = self.state.next.number();
        self.put(|purse, host, event| {
            let amount = Amount::from_minor(price).expect("prices are amounts");
            let goods = (item, "Simulated studio");
            next::purchase(&purse.state, host, event, goods, amount).expect("it can pay that")
        });
        let sum = -i64::try_from(price).expect("prices are small");
        self.tally.note(Deed::Bought(self.branch, seq), sum);
    }

    /// Take over a checkpoint, which a settler signs for this medium alone.
    pub(super) fn settle(&mut self) -> Result<(), SimulateError> {
        let Setting { policy, settler, .. } = self.town.setting;
        let sheet = &self.burnt.sheet;
        let account = Account::new(self.state.medium, self.certificate);
        let settled = settle(policy, &account, &[&self.state]).expect("its sums are amounts");
        let credits = Credits {
            sheets: &[(sheet.id, sheet.slots().unwrap_or_default())],
            vouchers: &[],
            as_of: self.now,
            numbers: (policy.number, 0),
        };
        let signer = Settler { key: &settler.key, chain: &settler.chain };
        let file = settled.issue(signer, &account, &[&self.state], &credits, &[])?;
        self.settled_at = Some(self.state.next.number());
        self.take_over(&file, self.now);
        Ok(())
    }

    /// Put a settler's statement as of a time on the chain.
    pub(super) fn take_over(&mut self, file: &CheckpointFile, as_of: Timestamp) {
        self.floor = as_of;
        self.put(|purse, host, event| {
            let (checkpoint, certificate) = (&file.checkpoint.0, &file.chain.0[0]);
            next::checkpoint(&purse.state, host, event, &Statement { checkpoint, certificate })
        });
    }

    /// Where it stands, to go back to.
    pub(super) fn save(&self) -> Saved {
        let (state, tally) = (self.state.clone(), self.tally.clone());
        Saved { state, tally, records: self.records.len() }
    }

    /// What was done since is not on this medium any more.
    pub(super) fn go_back(&mut self, saved: Saved) {
        self.records.truncate(saved.records);
        (self.state, self.tally) = (saved.state, saved.tally);
    }

    /// What may be spent, as the owner's wallet says.
    pub(super) fn free(&self) -> u64 {
        self.state.free().minor()
    }

    /// What `scrip-wallet export` writes of it.
    pub(super) fn export(&self) -> Vec<u8> {
        self.export_of(&self.records)
    }

    /// What it would write if the journal held these records.
    pub(super) fn export_of(&self, records: &[Vec<u8>]) -> Vec<u8> {
        [self.slots.clone(), framed(records)].concat()
    }

    /// Its records alone, as a computer that saw them keeps them.
    pub(super) fn frames(&self) -> Vec<u8> {
        framed(&self.records)
    }
}

fn rules<'a>(town: &'a Town<'_>, stall: &'a Stall, burnt: &'a Burnt) -> Rules<'a> {
    Rules {
        sheets: std::slice::from_ref(&burnt.sheet),
        stores: std::slice::from_ref(&stall.signer),
        issuer: Some(&town.setting.signer),
        ..Rules::of(&town.setting.policy, town.setting.form.currency())
    }
}

fn framed(records: &[Vec<u8>]) -> Vec<u8> {
    journal::first_frames(records).expect("the ledger took them")
}

pub(super) fn grant(signer: &Signer) -> &crate::format::certificate::StoreGrant {
    signer.certificate().grant.as_ref().expect("stores have a grant")
}

pub(super) fn minor(amount: Amount) -> i64 {
    i64::try_from(amount.minor()).expect("amounts are far below 2^63")
}
