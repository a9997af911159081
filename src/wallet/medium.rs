//! A medium as a check found it: what its records add up to, and what they rest on.

use std::num::NonZeroUsize;

use super::entry::Entry;
use super::topup::{Credited, Topup, TopupRefusal, TopupTerms};
use crate::device::DeviceError;
use crate::format::Object;
use crate::format::item::ItemEntry;
use crate::format::policy::Policy;
use crate::format::record::{Body, EventId, Record};
use crate::image::check::{Account, Area, Checked, Fault, Grounds, History, Verdict};
use crate::image::papers::KeptPapers;
use crate::journal::{self, Chain, Mirror, Relation};
use crate::ledger::{Anchor, stated_sequence};
use crate::phrases;
use crate::trust::{Root, TestRoots, Trust, Verified};
use crate::units::{Amount, Currency, CurrencyForm, MediumId, Timestamp};
use crate::voucher::code::CodeDigits;
use crate::voucher::{Meant, Patience, RedeemError, meant};
use crate::words::Phrase;

phrases! {
    fn damaged_grounds() { en: "what it rests on is damaged", ja: "もとになるものが壊れています" }
    fn not_followed() {
        en: "its records were not followed",
        ja: "記録をたどっていません",
    }
}

/// A medium that was found good, and what its records add up to.
#[derive(Debug, Clone)]
pub struct Medium {
    pub(super) grounds: Grounds,
    pub(super) account: Account,
    /// Records that are not in the journal any more, oldest first.
    pub(super) older: Vec<Verified<Record>>,
}

/// Why a checked medium can't be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableError {
    /// Nothing here says that it is a medium.
    #[error("this is no medium: {}", .0.en())]
    NoMedium(Phrase),
    /// It is altered.
    #[error("the medium was altered or is damaged: {}", .0.en())]
    Altered(Phrase),
    /// Parts of it can't be read.
    #[error("parts of the medium can't be read: {}", .0.en())]
    Unreadable(Phrase),
    /// Its writable area isn't there.
    #[error("no writable area of this medium is mounted beside its read-only area")]
    NoWritableArea,
    /// Records are lost or don't follow.
    #[error("the journal is damaged: {}", .0.en())]
    Journal(Phrase),
}

impl Medium {
    /// Go on from a check; refused is what is altered, unreadable or without its records.
    pub fn of(checked: Checked) -> Result<Self, UnusableError> {
        let Checked { report, grounds, account } = checked;
        let fault = report.faults.first();
        let first = fault.map_or_else(damaged_grounds, Fault::phrase);
        let Some(grounds) = grounds else {
            return Err(match report.verdict {
                Verdict::NoMedium => UnusableError::NoMedium(first),
                _ if report.unreadable > 0 => UnusableError::Unreadable(first),
                _ => UnusableError::Altered(first),
            });
        };
        match (account, report.history) {
            (Some(account), _) => Ok(Self::at(grounds, account)),
            (None, History::Damaged(reason)) => Err(UnusableError::Journal(reason)),
            (None, _) if grounds.area == Area::Missing => Err(UnusableError::NoWritableArea),
            (None, History::NotChecked(reason)) => Err(UnusableError::Journal(reason)),
            (None, _) => Err(UnusableError::Journal(not_followed())),
        }
    }

    /// Records, and all that is here to judge the next ones by.
    pub(super) fn at(grounds: Grounds, account: Account) -> Self {
        let kept = grounds.kept_papers().clone();
        let mut medium = Self { grounds, account, older: vec![] };
        medium.keep(kept);
        medium
    }

    /// These papers are kept from now on.
    pub(super) fn keep(&mut self, kept: KeptPapers) {
        let front = self.account.anchor.as_ref().map(|anchor| &*anchor.checkpoint);
        self.grounds = self.grounds.keeping(kept, front);
    }

    /// The newest policy, if it doesn't bind yet.
    pub fn waiting_policy(&self) -> Option<&Verified<Policy>> {
        let newest = self.grounds.newest_policy();
        let binding = self.account.state.policy.max(self.grounds.policy.number);
        (newest.number > binding).then_some(newest)
    }

    /// The policy that its next record is under: the newest that is here, which is taken over first.
    pub fn policy(&self) -> &Policy {
        self.grounds.newest_policy()
    }

    /// Its number.
    pub fn id(&self) -> MediumId {
        self.grounds.certificate.medium
    }

    /// What its money rests on.
    pub fn grounds(&self) -> &Grounds {
        &self.grounds
    }

    /// What its records add up to.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Its currency, and how sums are written.
    pub fn form(&self) -> CurrencyForm {
        self.grounds.form
    }

    /// Its currency.
    pub fn currency(&self) -> Currency {
        self.grounds.form.currency()
    }

    /// All that is on it.
    pub fn balance(&self) -> Amount {
        self.account.state.balance
    }

    /// An item that its edition offers, as the rom-signer signed it.
    pub fn item(&self, id: &str) -> Option<&Verified<ItemEntry>> {
        self.grounds.items.iter().find(|item| item.id == id)
    }

    /// All its records that are known, oldest first: those that [`Medium::recall`] found, then those
    /// of the journal.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &Verified<Record>> {
        self.older.iter().chain(&self.account.records)
    }

    /// [`Medium::records`], behind those that a compacted journal carries outside its chain: starts
    /// of transfers that were under way, of which the archive may be gone.
    pub(super) fn carried_and_records(&self) -> impl Iterator<Item = &Verified<Record>> {
        let carried = self.account.anchor.iter().flat_map(|anchor| &anchor.outside);
        carried.chain(self.records())
    }

    /// The record of a sequence number.
    pub fn record(&self, seq: u64) -> Option<&Verified<Record>> {
        self.records().find(|record| record.seq.number() == seq)
    }

    /// What credited an event: a record here, or one that the checkpoint in front of them settled.
    pub fn credited(&self, event: &EventId) -> Option<Credited> {
        let credits = |record: &&Verified<Record>| {
            let body = &record.body;
            matches!(body, Body::TopupCode { .. } | Body::TopupVoucher { .. } | Body::Refund { .. })
        };
        let mut records = self.records().filter(credits);
        let here = records.find_map(|record| {
            let entry = record.accounting.as_ref().filter(|entry| entry.event == *event)?;
            Some(Credited::Record { record: record.seq, at: entry.at })
        });
        here.or_else(|| {
            let state = &self.account.state;
            let checkpoint = state.checkpoint.filter(|_| state.credited.contains(event))?.number;
            Some(Credited::Settled { checkpoint })
        })
    }

    /// What an entry would add; nothing is written.
    pub fn judge(&self, entry: &Entry) -> Result<Topup, TopupRefusal> {
        self.with_terms(|terms| terms.judge(entry))
    }

    /// The code that was meant by a mistyped one.
    pub fn meant(
        &self,
        typed: CodeDigits,
        threads: NonZeroUsize,
        patience: &dyn Patience,
    ) -> Result<Meant, RedeemError> {
        self.with_terms(|terms| meant(&terms.code_terms(), typed, threads, patience))
    }

    /// Amounts of which codes were used and fewer than five are left on the live sheets.
    pub fn few_left(&self) -> Vec<(Amount, u32)> {
        self.with_terms(|terms: &TopupTerms<'_>| {
            // The method's own path would hold for one lifetime alone.
            terms.few_left()
        })
    }

    fn with_terms<R>(&self, ask: impl FnOnce(&TopupTerms<'_>) -> R) -> R {
        let (grounds, trust) = (&self.grounds, self.trust());
        ask(&TopupTerms {
            medium: self.id(),
            form: grounds.form,
            sheets: &grounds.sheets,
            trust: &trust,
            revoked: &grounds.revoked,
            balance: self.balance(),
            balance_max: self.policy().balance_max,
            topup_max: self.policy().topup_max,
            credited: &|event| self.credited(event),
        })
    }

    /// The newest time that issuer or settler signed here; no host's clock counts.
    pub(super) fn floor(&self) -> Timestamp {
        let settled = self.account.anchor.iter().map(|anchor| anchor.checkpoint.as_of);
        settled.fold(self.grounds.floor(), Timestamp::max)
    }

    /// What vouchers, and media that content is taken from, have to stand under: its own root.
    pub fn trust(&self) -> Trust {
        let chain = self.grounds.store.chain();
        let root = chain.0.last().map(|bytes| Root::read(bytes));
        let root = root.expect("a chain ends in its root").expect("the check has read it");
        // A test root that was not named would not have come so far.
        let mut trust = Trust::new(vec![root], TestRoots::Allowed);
        trust.raise_floor(self.floor());
        self.account.state.floor.into_iter().for_each(|floor| trust.raise_floor(floor));
        trust
    }

    /// What others need to judge this medium's money: the stamped slots, then the journal's
    /// records as frames of generation 0; of generation 1, behind the checkpoint that they begin
    /// with, if the journal was compacted; then the papers that it keeps, if any.
    pub fn evidence(&self) -> Vec<u8> {
        let frames = match &self.account.anchor {
            None => journal::first_frames(&self.chain()),
            Some(anchor) => journal::carried_frames(&self.chain(), &anchor.carried()),
        };
        let kept = self.grounds.kept_papers();
        let papers = if kept.generation == 0 { vec![] } else { kept.object().encode() };
        [self.grounds.slots(), &frames.expect("they came from frames"), &papers].concat()
    }

    /// How what this computer saw of it stands to what it holds.
    pub fn relation(&self, mirror: &Mirror) -> Result<Relation, DeviceError> {
        let anchor = self.account.anchor.as_ref();
        let settled = anchor.map(|anchor| anchor.checkpoint.seq.number());
        mirror.relation(&self.chain(), Chain { sequence: &stated_sequence, settled })
    }

    /// The records of its journal as they stand there, what they begin behind first.
    pub(super) fn chain(&self) -> Vec<Vec<u8>> {
        let front = self.account.anchor.iter().flat_map(Anchor::frames);
        let records = self.account.records.iter().map(|record| record.bytes().to_vec());
        front.chain(records).collect()
    }
}
