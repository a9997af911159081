//! All that a heap of evidence holds of one medium.

use std::collections::{BTreeMap, BTreeSet};

use super::heap::settled;
use crate::crypto::digest::sha256;
use crate::format::checkpoint::Checkpoint;
use crate::format::medium::MediumCertificate;
use crate::format::policy::Policy;
use crate::format::sheet::{Sheet, SheetId};
use crate::ledger::{Rules, State};
use crate::trust::{Revoked, Signer, Verified};
use crate::units::{MediumId, Timestamp};

/// Who is paid for an item, by the hash of its signed entry.
pub type Rights = BTreeMap<[u8; 32], String>;

/// A medium's certificate and the store that signed it.
#[derive(Debug, Clone)]
pub struct Certified {
    /// The certificate.
    pub certificate: Verified<MediumCertificate>,
    /// Its store.
    pub store: Signer,
    /// The store's issuer.
    pub issuer: Signer,
}

/// A checkpoint in front of a chain of records, or on its way to one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Carried {
    /// The signed checkpoint.
    pub checkpoint: Vec<u8>,
    /// The settler's certificate.
    pub certificate: Vec<u8>,
}

/// What a medium's own statement lacks, in words that name no file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// What is wrong.
    pub what: String,
    /// The newest record that could be read before it; zeros if none could.
    pub before: [u8; 32],
}

/// All that is known of one medium; nothing but the certificates, policies and sheets is verified.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    /// Its certificates by their hash: more than one if stores signed rival ones.
    pub certified: BTreeMap<[u8; 32], Certified>,
    /// The policies that it was made under or brought along, by number and hash.
    pub policies: BTreeMap<(u64, [u8; 32]), Verified<Policy>>,
    /// Its sheets by id and hash.
    pub sheets: BTreeMap<(SheetId, [u8; 32]), Verified<Sheet>>,
    /// Its records by their hash.
    pub records: BTreeMap<[u8; 32], Vec<u8>>,
    /// Checkpoints that journals or payers begin behind, by their hash.
    pub carried: BTreeMap<[u8; 32], Carried>,
    /// Checkpoints that lay beside, by their hash.
    pub beside: BTreeMap<[u8; 32], Carried>,
    /// Receipts that it signed, by their hash.
    pub receipts: BTreeMap<[u8; 32], Vec<u8>>,
    /// The newest record of each of its own statements: images, exports, mounted areas.
    pub tips: BTreeSet<Tip>,
    /// What those lack.
    pub damage: BTreeSet<Damage>,
}

/// The newest record of one of a medium's own statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tip {
    /// SHA-256 over the checkpoint that its journal begins behind; zeros without one.
    pub behind: [u8; 32],
    /// SHA-256 over the record; over the checkpoint's head if none is behind that.
    pub record: [u8; 32],
}

impl Pieces {
    /// The certificate to go by: the one that the records know, else the one with the least hash.
    pub fn standing(&self, known: &[u8; 32]) -> Option<&Certified> {
        self.certified.get(known).or_else(|| self.certified.values().next())
    }

    /// The policy that it was made under.
    pub fn policy(&self) -> Option<&Verified<Policy>> {
        self.policies.values().next()
    }

    /// Do they say nothing?
    pub(super) fn is_empty(&self) -> bool {
        let Self { certified, policies, sheets, records, carried, .. } = self;
        let papers = certified.is_empty() && policies.is_empty() && sheets.is_empty();
        let signed = records.is_empty() && carried.is_empty() && self.beside.is_empty();
        let said = self.receipts.is_empty() && self.tips.is_empty() && self.damage.is_empty();
        papers && signed && said
    }

    pub(super) fn add_record(&mut self, bytes: &[u8]) {
        self.records.entry(sha256(bytes)).or_insert_with(|| bytes.to_vec());
    }

    /// The newest time that an issuer signed in them.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        let policies = self.policies.values().map(|policy| policy.issued);
        let sheets = self.sheets.values().map(|sheet| sheet.issued);
        let beside = self.beside.values().filter_map(|carried| settled(&carried.checkpoint));
        policies.chain(sheets).chain(beside.map(|checkpoint| checkpoint.as_of)).max()
    }

    /// Take over all that others hold.
    pub(super) fn absorb(&mut self, other: Self) {
        let Self { certified, policies, sheets, records, carried, .. } = other;
        self.certified.extend(certified);
        self.policies.extend(policies);
        self.sheets.extend(sheets);
        self.records.extend(records);
        self.carried.extend(carried);
        self.beside.extend(other.beside);
        self.receipts.extend(other.receipts);
        self.tips.extend(other.tips);
        self.damage.extend(other.damage);
    }

    pub(super) fn add_policy(&mut self, policy: Verified<Policy>) {
        self.policies.entry((policy.number, policy.hash())).or_insert(policy);
    }

    pub(super) fn add_sheet(&mut self, sheet: Verified<Sheet>) {
        self.sheets.entry((sheet.id, sheet.hash())).or_insert(sheet);
    }
}

/// What one medium's records are held against, put together from its pieces.
#[derive(Debug, Clone)]
pub struct Ruling {
    /// Certificate, store and issuer.
    pub certified: Certified,
    /// The policy that it was made under.
    pub policy: Verified<Policy>,
    /// Those that came later.
    pub later: Vec<Verified<Policy>>,
    /// Its sheets.
    pub sheets: Vec<Verified<Sheet>>,
    /// The newest list.
    pub revoked: Revoked,
    /// The newest record that the records have settled, or that was checked before, if it vouches for
    /// those before it.
    pub settled: Option<[u8; 32]>,
}

impl Ruling {
    /// Of these pieces, under the certificate that the records know; none without certificate and
    /// policy.
    pub fn of(pieces: &Pieces, known: &[u8; 32], revoked: &Revoked) -> Option<Self> {
        let certified = pieces.standing(known)?.clone();
        let mut policies = pieces.policies.values();
        let policy = policies.next()?.clone();
        let later = policies.filter(|later| later.number > policy.number).cloned().collect();
        let sheets = pieces.sheets.values().cloned().collect();
        Some(Self { certified, policy, later, sheets, revoked: revoked.clone(), settled: None })
    }

    /// The rules of [`crate::ledger`].
    pub fn rules(&self) -> Rules<'_> {
        Rules {
            later: &self.later,
            sheets: &self.sheets,
            stores: std::slice::from_ref(&self.certified.store),
            issuer: Some(&self.certified.issuer),
            revoked: &self.revoked,
            ..Rules::of(&self.policy, self.certified.certificate.currency)
        }
    }

    /// The medium.
    pub fn medium(&self) -> MediumId {
        self.certified.certificate.medium
    }

    /// The medium before its first record.
    pub fn blank(&self) -> State {
        let certificate = &self.certified.certificate;
        State::blank(certificate.medium, certificate.hash(), certificate.key.0)
    }

    /// The newest time that the issuer signed in it.
    pub fn newest(&self) -> Timestamp {
        let sheets = self.sheets.iter().map(|sheet| sheet.issued);
        let policies = self.later.iter().map(|policy| policy.issued);
        sheets.chain(policies).fold(self.policy.issued, Timestamp::max)
    }
}

/// The checkpoint that carried bytes hold, if its settler was certified by this issuer.
pub(super) fn settled_by(issuer: &Signer, carried: &Carried) -> Option<Verified<Checkpoint>> {
    let settler = issuer.certify(&carried.certificate, None).ok()?;
    settler.open::<Checkpoint>(&carried.checkpoint).ok()
}
