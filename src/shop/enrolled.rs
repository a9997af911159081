//! What a store has once it is certified: a fold of certificates, kits, lists and journal.

use std::collections::BTreeMap;

use super::books::{Books, Code, CodeState, Stage, StockedMedium};
use super::log::{Log, LogOwner};
use super::{Refusal, ShopError, trust_error};
use crate::crypto::sign::PublicKey;
use crate::format::certificate::StoreGrant;
use crate::format::policy::{Policy, Revocation};
use crate::format::sheet::{Blank, Sheet, StockedCode};
use crate::format::{Kind, Object, cose};
use crate::trust::{Revoked, Signer, Trust, Verified};
use crate::units::{Amount, CurrencyForm, Timestamp};
use crate::voucher::kit::OpenedKit;

/// What a store has once its certificate was accepted.
#[derive(Debug)]
pub(super) struct Enrolled {
    pub(super) signer: Signer,
    pub(super) grant: StoreGrant,
    /// Every certificate that was accepted, oldest first.
    pub(super) certificates: Vec<Signer>,
    pub(super) trust: Trust,
    pub(super) issuers: Vec<Signer>,
    pub(super) policy: Option<Verified<Policy>>,
    pub(super) revoked: Revoked,
    /// When each kit was accepted, by its id.
    pub(super) kits: BTreeMap<[u8; 16], Timestamp>,
    pub(super) books: Books,
    pub(super) log: Log,
}

impl Enrolled {
    pub(super) fn new(signer: Signer, certificates: Vec<Signer>, trust: Trust) -> Self {
        let grant = signer.certificate().grant.clone().expect("a store's certificate has a grant");
        let mut enrolled = Self {
            issuers: vec![signer.issuer()],
            signer,
            grant,
            certificates,
            trust,
            policy: None,
            revoked: Revoked::none(),
            kits: BTreeMap::new(),
            books: Books::default(),
            log: Log::empty(),
        };
        enrolled.trust.raise_floor(enrolled.signer.certificate().issued);
        enrolled
    }

    pub(super) fn form(&self) -> CurrencyForm {
        let currency = self.grant.currency;
        let table = self.policy.iter().flat_map(|policy| &policy.currencies);
        let listed = table.copied().find(|form| form.currency() == currency);
        listed.unwrap_or(CurrencyForm::new(currency, 0).expect("an exponent of 0 is allowed"))
    }

    pub(super) fn owner(&self, key: PublicKey) -> LogOwner {
        let hashes = self.certificates.iter().map(|signer| signer.certificate().hash());
        LogOwner { store: self.grant.store, key, certificates: hashes.collect() }
    }

    /// Refuse what would make more than the quota handed out.
    pub(super) fn check_quota(
        &self,
        added: u128,
        what: impl FnOnce() -> String,
    ) -> Result<(), Refusal> {
        let sum = self.books.handed_out() + added;
        let quota = u128::from(self.grant.quota.minor());
        if sum <= quota {
            return Ok(());
        }
        let form = self.form();
        let (sum, quota) = (show_sum(form, sum), show_sum(form, quota));
        Err(Refusal::Quota { store: self.grant.store, what: what(), sum, quota })
    }

    /// Take over a verified kit: its blanks, its policy and list, its times.
    pub(super) fn take_kit(&mut self, opened: OpenedKit, at: Timestamp) -> Result<(), ShopError> {
        let OpenedKit { kit, issuer, policy, revoked, sheets } = opened;
        self.kits.insert(kit.id, at);
        self.issuers.push(issuer);
        self.trust.raise_floor(kit.issued);
        let name = data_encoding::HEXLOWER.encode(&kit.id);
        for (blank, sheet) in kit.into_value().blanks.into_iter().zip(sheets) {
            self.trust.raise_floor(sheet.issued);
            let medium = blank.medium;
            let repeated = || Refusal::StockedTwice { kit: name.clone(), medium };
            self.books.stock(stocked(blank, sheet)).map_err(|_| repeated())?;
        }
        self.take_policy(policy);
        if let Some(list) = revoked.list() {
            self.take_revocation(list.clone());
        }
        Ok(())
    }

    pub(super) fn take_policy(&mut self, policy: Verified<Policy>) {
        self.trust.raise_floor(policy.issued);
        if self.policy.as_ref().is_none_or(|known| known.number < policy.number) {
            self.policy = Some(policy);
        }
    }

    pub(super) fn take_revocation(&mut self, list: Verified<Revocation>) {
        self.trust.raise_floor(list.issued);
        self.revoked = std::mem::take(&mut self.revoked).with(list);
    }

    /// Take over a policy or revocation list, signed by an issuer of this store.
    pub(super) fn take_list(&mut self, file: &str, bytes: &[u8]) -> Result<(), ShopError> {
        match cose::stated_kind(bytes) {
            Some(Kind::Policy) => {
                self.open_list(file, bytes).map(|policy| self.take_policy(policy))
            }
            _ => self.open_list(file, bytes).map(|list| self.take_revocation(list)),
        }
    }

    /// Verify a list under the store's issuer, or under one whose kit was accepted.
    pub(super) fn open_list<T: Object>(
        &self,
        file: &str,
        bytes: &[u8],
    ) -> Result<Verified<T>, ShopError> {
        let mut tries = self.issuers.iter().map(|issuer| issuer.open::<T>(bytes));
        let first = tries.next().expect("a store has an issuer");
        match tries.find_map(Result::ok) {
            Some(opened) if first.is_err() => Ok(opened),
            _ => first.map_err(|error| trust_error(file, error)),
        }
    }

    pub(super) fn read_journal(&mut self, bytes: &[u8], key: PublicKey) -> Result<(), ShopError> {
        self.log = Log::read(bytes, &self.owner(key))?;
        for entry in self.log.entries() {
            let change = self.books.check(entry).map_err(|refusal| {
                ShopError::damaged(format!("store journal: entry {}", entry.seq), &refusal)
            })?;
            self.books.apply(change);
        }
        Ok(())
    }
}

/// A kit's blank as the books hold it.
fn stocked(blank: Blank, sheet: Verified<Sheet>) -> StockedMedium {
    let code = |stocked: StockedCode| {
        // A slot outside the sheet was refused when the kit was opened.
        let amount = sheet.amount(stocked.slot)?;
        Some(Code { sheet: sheet.id, stocked, amount, state: CodeState::InStock })
    };
    let codes = blank.codes.into_iter().filter_map(code).collect();
    StockedMedium { sheet, further: vec![], codes, stage: Stage::Blank }
}

/// A sum as a person reads it, also one that is larger than any amount.
pub(super) fn show_sum(form: CurrencyForm, sum: u128) -> String {
    let amount = u64::try_from(sum).ok().and_then(|minor| Amount::from_minor(minor).ok());
    amount.map_or_else(
        || format!("{sum} minor units of {}", form.currency()),
        |amount| form.show(amount),
    )
}
