//! Planting what no tool of ours would make: records that the rules refuse, other keys, other numbers.

use super::SimulateError;
use super::chance::Chance;
use super::counter::{Burnt, Kept, Ticket};
use super::dials::Dial;
use super::fetch::Fetch;
use super::plant::{Export, FETCH_PRICE, PLAYS, Yield, sum_of};
use super::purse::{Origin, Purse, grant, minor};
use super::setting::{EDITION, Stall};
use super::truth::Planted;
use crate::format::checkpoint::Bounded;
use crate::format::field::Bytes;
use crate::format::medium::{CertificateSlot, MediumCertificate};
use crate::format::papers::Papers;
use crate::format::record::Record;
use crate::format::sheet::Voucher;
use crate::format::transfer::Partner;
use crate::format::{Object, cbor};
use crate::image::layout::SLOTS;
use crate::ledger::funding::{Papers as Grounds, gather};
use crate::ledger::next::{self, Host, Slip};
use crate::ledger::{State, fold};
use crate::shop::{BurnSecrets, VOUCHER_DAYS};
use crate::trust::{Verified, sign};
use crate::units::{Amount, Currency, MediumId};
use crate::voucher::voucher_id;

/// What a voucher of an invented medium adds, and what is bought for it.
const INVENTED: u64 = 4_000;
const SPENT: u64 = 1_500;
/// By so much a sum is wrong.
const WRONG: u64 = 50;

impl Purse<'_> {
    /// What was shown to a kiosk lies there; the medium lost its newest record, the start.
    pub(super) fn leave_at_kiosk(&mut self, chance: &mut Chance) -> Yield {
        let fetch = Fetch::new(FETCH_PRICE, self.town.setting.policy.share_ppm, chance);
        let begun = fetch.begin(self, Partner::Store(self.stall.id));
        let got = fetch.left() / 2;
        let receipt = fetch.receipt(self, got).bytes().to_vec();
        self.pays_for(&fetch, &begun, got);
        let medium = self.export_of(&self.records[..self.records.len() - 1]);
        let exports = vec![
            self.file(".evidence", medium),
            self.file(".funding", self.funding()),
            self.file(".receipt", receipt),
        ];
        let planted = self.planted(Dial::Kiosks, "medium-behind", begun.start, 0);
        Yield { exports, planted: vec![planted] }
    }

    /// What it shows a partner.
    fn funding(&self) -> Vec<u8> {
        let certificate = self.certificate();
        let blank = State::blank(self.state.medium, certificate.hash(), certificate.key.0);
        let rules = self.rules();
        let records = fold(&rules, blank, &self.records).records;
        let (store, policy) = (&self.stall.signer, &self.town.setting.policy);
        let grounds = Grounds { certificate: &certificate, store, rules, policy };
        gather(&grounds, None, &records).expect("it is as long as partners read").encode()
    }

    fn certificate(&self) -> Verified<MediumCertificate> {
        let length = usize::try_from(SLOTS[0].bytes).expect("slots are short");
        let slot = cbor::unpad(&self.slots[..length]).ok().flatten();
        let slot = slot.and_then(|slot| CertificateSlot::decode(slot).ok());
        let slot = slot.expect("it was stamped with a certificate");
        self.stall.signer.open(&slot.certificate.0).expect("its store signed it")
    }

    /// A changed player signs what the rules refuse: a sum, a code or a voucher.
    pub(super) fn change(&mut self, chance: &mut Chance) -> Planted {
        let (class, sum, seq) = match chance.below(5) {
            0 => {
                let price = self.free() + WRONG;
                let mut rich = self.state.clone();
                rich.balance = plus(rich.balance, WRONG);
                let bought = |_: &Self, host: &Host, event| bought(&rich, host, event, price);
                ("overdraft", -sum_of(price), self.force(bought))
            }
            1 => {
                let claims = |purse: &Self, host: &Host, event| {
                    let mut record = bought(&purse.state, host, event, 1);
                    let entry = record.accounting.as_mut().expect("it is paid for");
                    entry.balance_after = plus(entry.balance_after, WRONG);
                    record
                };
                ("amount-differs", sum_of(WRONG), self.force(claims))
            }
            2 => {
                let Ticket { amount, what, .. } = self.town.tickets[self.place][0];
                let Kept::Code(slot) = what else { unreachable!("the starter is a code") };
                let code = self.code(slot, amount);
                let again = |purse: &Self, host: &Host, event| {
                    let record = next::topup(&purse.state, host, &code, event, "owner");
                    record.expect("balances are far below the limit")
                };
                ("duplicate-code-or-vid", minor(amount), self.force(again))
            }
            3 => {
                let most = grant(&self.stall.signer).single_max.minor();
                let seq = self.redeem_forged(most + 1, grant(&self.stall.signer).currency);
                ("over-quota", sum_of(most + 1), seq)
            }
            _ => {
                let other = "EUR".parse().expect("it is a currency");
                ("currency", sum_of(INVENTED), self.redeem_forged(INVENTED, other))
            }
        };
        self.planted(Dial::Changed, class, seq, sum)
    }

    /// Enter a voucher that the store's key signed and no store may sell.
    fn redeem_forged(&mut self, amount: u64, currency: Currency) -> u64 {
        let store = self.stall.id;
        let serial = self.last_serial();
        let voucher = Voucher {
            id: voucher_id(store, serial),
            medium: self.state.medium,
            amount: Amount::from_minor(amount).expect("it is an amount"),
            currency,
            store,
            serial,
            issued: self.now,
            expires: self.now.plus_days(VOUCHER_DAYS),
        };
        let signed = sign(&self.stall.key, &voucher);
        let voucher = self.stall.signer.open(&signed).expect("the store's key signed it");
        self.force(|purse, host, event| {
            let slip = Slip { voucher: &voucher, certificate: None };
            let record = next::topup_voucher(&purse.state, host, &slip, event);
            record.expect("balances are far below the limit")
        })
    }

    /// Each medium has a serial of its own among the last ones, which are never reached.
    pub(super) fn last_serial(&self) -> u64 {
        let place = self.town.population.stall_of(self.place).1 as u64;
        grant(&self.town.stall(self.place).signer).serial_last - place
    }

    /// Somebody made a copy his own before the owner did.
    pub(super) fn contest(&mut self, chance: &mut Chance) -> Result<Yield, SimulateError> {
        let origin = Origin { owner: Some(chance.key()), ..Origin::of(self.town, self.place) };
        let mut other = Purse::begun(self.town, self.place, origin, self.now)?;
        for _ in 0..PLAYS {
            other.play("film");
        }
        self.parted += other.records.len() as u64 - 1;
        let exports = vec![
            self.file(".evidence", self.export()),
            self.file("-copy.evidence", other.export()),
        ];
        let planted = self.planted(Dial::Contested, "contested-activation", 1, 0);
        Ok(Yield { exports, planted: vec![planted] })
    }

    /// Another store's key signs a second certificate for its number.
    pub(super) fn rival(&mut self, chance: &mut Chance) -> Result<Yield, SimulateError> {
        let stalls = &self.town.setting.stalls;
        let thief = &stalls[(self.town.population.stall_of(self.place).0 + 1) % stalls.len()];
        let mut rival = self.forged(thief, self.state.medium, chance)?;
        for _ in 0..PLAYS {
            rival.play("film");
        }
        let exports = vec![
            self.file(".evidence", self.export()),
            self.file("-rival.evidence", rival.export()),
        ];
        let planted = self.planted(Dial::Rivals, "wrong-store", None, 0);
        Ok(Yield { exports, planted: vec![planted] })
    }

    /// A store's key makes a medium of a number that nobody was given, and fills it.
    pub(super) fn invent(&mut self, chance: &mut Chance) -> Result<Yield, SimulateError> {
        let given = |medium: &MediumId| self.town.burnt.iter().any(|burnt| burnt.medium == *medium);
        let drawn = std::iter::repeat_with(|| MediumId::from_serial(chance.below(1 << 33)));
        let medium = drawn.take(99).find(|medium| !given(medium)).expect("most numbers are free");
        let mut forged = self.forged(self.stall, medium, chance)?;
        let store = self.town.population.stall_of(self.place).0;
        let what = Kept::Voucher { store, serial: self.last_serial() };
        let amount = Amount::from_minor(INVENTED).expect("it is an amount");
        forged.redeem(&Ticket { at: self.now, amount, what });
        forged.buy("film", SPENT);
        let exports =
            vec![self.file(".evidence", self.export()), forged.file(".evidence", forged.export())];
        let planted = forged.planted(Dial::Unknown, "unknown-medium", None, 0);
        Ok(Yield { exports, planted: vec![Planted { store: None, ..planted }] })
    }

    /// A medium of this number under this store's key.
    fn forged<'a>(
        &'a self,
        stall: &'a Stall,
        medium: MediumId,
        chance: &mut Chance,
    ) -> Result<Purse<'a>, SimulateError> {
        let secrets = BurnSecrets::generate(EDITION, "simulated", chance);
        let burnt = Burnt { medium, ..self.burnt.clone() };
        let origin = Origin { stall, burnt, secrets, owner: Some(chance.key()) };
        Purse::begun(self.town, self.place, origin, self.now)
    }

    /// The issuer blocked it; its wallet was told, and keeps the list.
    pub(super) fn block(&mut self) -> Yield {
        let list = self.town.revoked.list().expect("media are blocked");
        let mut papers = Papers {
            generation: 1,
            policies: Bounded::default(),
            sheets: Bounded::default(),
            revocation: Some(Bytes(list.bytes().to_vec())),
            check: [0; 32],
        };
        papers.check = papers.checked();
        let export: Export = self.file(".evidence", [self.export(), papers.encode()].concat());
        let planted = self.planted(Dial::Revoked, "revoked", None, 0);
        Yield { exports: vec![export], planted: vec![planted] }
    }
}

fn bought(state: &State, host: &Host, event: [u8; 16], price: u64) -> Record {
    let price = Amount::from_minor(price).expect("prices are amounts");
    let goods = ("film", "Simulated studio");
    next::purchase(state, host, event, goods, price).expect("it says that it can pay that")
}

fn plus(amount: Amount, more: u64) -> Amount {
    Amount::from_minor(amount.minor() + more).expect("balances are far below the limit")
}
