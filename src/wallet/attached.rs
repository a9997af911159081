//! What goes with a checkpoint: sheets, a revocation list, a policy. What is new is kept beside the
//! journal, and counts from then on as if it were stamped.

use std::collections::BTreeSet;

use super::medium::Medium;
use crate::crypto::digest::sha256;
use crate::format::Object;
use crate::format::checkpoint::Checkpoint;
use crate::format::cose::Sign1;
use crate::format::field::Bytes;
use crate::format::papers::{POLICIES_MAX, SHEETS_MAX};
use crate::format::policy::{Policy, Revocation};
use crate::format::record::{Body, Record};
use crate::format::sheet::{Sheet, SheetId, Voucher};
use crate::image::check::Grounds;
use crate::image::papers::{Keeper, KeptPapers};
use crate::trust::{GrantError, Revoked, Verified, check_policy, check_sheet_costs};
use crate::units::{Currency, Sequence};
use crate::voucher::LIVE_SHEETS_MAX;

/// A file that goes with a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// What it is.
    pub what: Attachment,
    /// Whether this medium goes by it.
    pub standing: Standing,
}

/// What a file that goes with a checkpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attachment {
    /// A sheet of codes.
    Sheet(SheetId),
    /// The revocation list of this number.
    Revocation(u64),
    /// The policy of this number.
    Policy(u64),
    /// Nothing that this medium's issuer signed for it; its SHA-256.
    Unknown([u8; 32]),
}

/// Whether a medium goes by what goes with a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It has that, or a newer one, already.
    Known,
    /// It is new, and kept.
    Kept,
    /// It is not kept.
    NotKept(NotKept),
}

/// Why something that goes with a checkpoint is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// The medium was burnt without room for it.
    #[error("this medium has no place for it")]
    NoPlace,
    /// The issuer didn't sign it for this medium.
    #[error("its issuer did not sign it for this medium")]
    NotGenuine,
    /// Its values break a rule.
    #[error("{0}")]
    Unfit(GrantError),
    /// A policy that doesn't know the medium's currency as it is written here.
    #[error("it does not write {0} as this medium does")]
    Currency(Currency),
    /// Newer sheets are live.
    #[error("newer sheets took its place")]
    OldSheet,
    /// Records that are here would be refused by a list.
    #[error("record {0} credits what it revokes, and has to be settled first")]
    Binds(Sequence),
    /// As many are kept as there is room for.
    #[error("there is room for {0} of them, and records rely on all that are kept")]
    Room(usize),
}

/// What is to be kept, and what becomes of each file.
#[derive(Debug, Clone)]
pub(super) struct Keeping {
    pub(super) papers: KeptPapers,
    pub(super) attached: Vec<Attached>,
}

/// What a journal's records rely on.
#[derive(Debug, Default)]
pub(super) struct Reliance {
    sheets: BTreeSet<SheetId>,
    policies: BTreeSet<u64>,
    credits: Vec<Record>,
}

impl Reliance {
    /// Of the frames of a journal, as they stand there.
    pub(super) fn of(chain: &[Vec<u8>]) -> Self {
        let mut reliance = Self::default();
        for bytes in chain {
            if let Some(checkpoint) = object::<Checkpoint>(bytes) {
                reliance.policies.insert(checkpoint.policy);
                reliance.sheets.extend(checkpoint.slots.0.iter().map(|used| used.sheet));
            } else if let Some(record) = object::<Record>(bytes) {
                reliance.take_in(record);
            }
        }
        reliance
    }

    fn take_in(&mut self, record: Record) {
        match &record.body {
            Body::TopupCode { sheet, .. } => {
                self.sheets.insert(*sheet);
                self.credits.push(record);
            }
            Body::TopupVoucher { .. } | Body::Refund { .. } => self.credits.push(record),
            Body::Policy { number, .. } => {
                self.policies.insert(*number);
            }
            Body::Checkpoint { checkpoint, .. } | Body::Merge { checkpoint, .. } => {
                let stated = object::<Checkpoint>(&checkpoint.0);
                self.policies.extend(stated.map(|stated| stated.policy));
            }
            _ => {}
        }
    }

    /// The first record that a list refuses, which binds from its own time on.
    fn refused(&self, list: &Verified<Revocation>) -> Option<Sequence> {
        let revoked = Revoked::none().with(list.clone());
        let binds = |record: &&Record| record.floor >= list.issued && refuses(&revoked, record);
        self.credits.iter().find(binds).map(|record| record.seq)
    }
}

fn refuses(revoked: &Revoked, record: &Record) -> bool {
    match &record.body {
        Body::TopupCode { sheet, slot, .. } => revoked.check_slot(sheet, *slot).is_err(),
        Body::TopupVoucher { voucher, .. } | Body::Refund { voucher, .. } => {
            let voucher = object::<Voucher>(&voucher.0);
            voucher.is_some_and(|voucher| {
                let medium = revoked.check_medium(voucher.medium);
                medium.and_then(|()| revoked.check_voucher(&voucher)).is_err()
            })
        }
        _ => false,
    }
}

/// A signed object's payload; who signed it is judged elsewhere.
fn object<T: Object>(bytes: &[u8]) -> Option<T> {
    T::decode(Sign1::decode(bytes, T::KIND).ok()?.payload()).ok()
}

impl Medium {
    /// What is to be kept of these files beside what is, and what becomes of each.
    pub(super) fn keeping(&self, files: &[Bytes]) -> Keeping {
        Keeping::of(&self.grounds, &Reliance::of(&self.chain()), files)
    }
}

impl Keeping {
    /// What is to be kept of these files beside what is, for records that rely on that.
    pub(super) fn of(grounds: &Grounds, reliance: &Reliance, files: &[Bytes]) -> Self {
        let papers = grounds.kept_papers().clone();
        let mut sorting = Sorting { grounds, reliance, papers };
        let attached = files.iter().map(|file| sorting.sorted(&file.0)).collect();
        let mut keeping = Self { papers: sorting.cleared(), attached };
        for attached in &mut keeping.attached {
            if let (Standing::Kept, Some(limit)) =
                (&attached.standing, lacking(&keeping.papers, &attached.what))
            {
                attached.standing = Standing::NotKept(NotKept::Room(limit));
            }
        }
        keeping
    }
}

/// How many there is room for, if this one is not among them.
fn lacking(papers: &KeptPapers, what: &Attachment) -> Option<usize> {
    let (kept, limit) = match what {
        Attachment::Sheet(id) => (papers.sheets.iter().any(|sheet| sheet.id == *id), SHEETS_MAX),
        Attachment::Policy(number) => {
            (papers.policies.iter().any(|policy| policy.number == *number), POLICIES_MAX)
        }
        Attachment::Revocation(_) | Attachment::Unknown(_) => return None,
    };
    (!kept).then_some(limit)
}

/// Files are sorted one by one: what is new is added to the papers.
struct Sorting<'a> {
    grounds: &'a Grounds,
    reliance: &'a Reliance,
    papers: KeptPapers,
}

impl Sorting<'_> {
    fn sorted(&mut self, bytes: &[u8]) -> Attached {
        let Grounds { certificate, issuer, .. } = self.grounds;
        let (what, standing) = if let Some(sheet) = (Keeper { certificate, issuer }).sheet(bytes) {
            (Attachment::Sheet(sheet.id), self.sheet(&sheet))
        } else if let Ok(list) = issuer.open::<Revocation>(bytes) {
            (Attachment::Revocation(list.number), self.revocation(list))
        } else if let Ok(policy) = issuer.open::<Policy>(bytes) {
            (Attachment::Policy(policy.number), self.policy(policy))
        } else {
            (Attachment::Unknown(sha256(bytes)), Err(NotKept::NotGenuine))
        };
        Attached { what, standing: standing.unwrap_or_else(Standing::NotKept) }
    }

    fn check_place(&self) -> Result<(), NotKept> {
        self.grounds.papers.map(|_| ()).ok_or(NotKept::NoPlace)
    }

    fn sheet(&mut self, sheet: &Verified<Sheet>) -> Result<Standing, NotKept> {
        let mut known = self.grounds.stamped_sheets().iter().chain(&self.papers.sheets);
        if known.any(|known| known.id == sheet.id) {
            return Ok(Standing::Known);
        }
        self.check_place()?;
        let purpose = self.grounds.store.certificate().purpose;
        check_sheet_costs(sheet, purpose, Some(self.grounds.newest_policy()))
            .map_err(NotKept::Unfit)?;
        self.papers.sheets.push(sheet.clone());
        if !self.is_wanted(sheet) {
            self.papers.sheets.pop();
            return Err(NotKept::OldSheet);
        }
        Ok(Standing::Kept)
    }

    fn revocation(&mut self, list: Verified<Revocation>) -> Result<Standing, NotKept> {
        let mut known = self.grounds.revoked.list().into_iter().chain(&self.papers.revocation);
        if known.any(|known| known.number >= list.number) {
            return Ok(Standing::Known);
        }
        self.check_place()?;
        if let Some(record) = self.reliance.refused(&list) {
            return Err(NotKept::Binds(record));
        }
        self.papers.revocation = Some(list);
        Ok(Standing::Kept)
    }

    fn policy(&mut self, policy: Verified<Policy>) -> Result<Standing, NotKept> {
        let number = policy.number;
        let newest = self.papers.policies.iter().map(|known| known.number).max().unwrap_or(0);
        let newest = newest.max(self.grounds.policy.number);
        let held = self.papers.policies.iter().any(|known| known.number == number);
        let needed = number > self.grounds.policy.number
            && self.reliance.policies.contains(&number)
            && !held;
        if number <= newest && !needed {
            return Ok(Standing::Known);
        }
        self.check_place()?;
        check_policy(&policy).map_err(NotKept::Unfit)?;
        if !policy.currencies.contains(&self.grounds.form) {
            return Err(NotKept::Currency(self.grounds.form.currency()));
        }
        self.papers.policies.push(policy);
        Ok(Standing::Kept)
    }

    /// Is it live, or do records rely on it?
    fn is_wanted(&self, sheet: &Sheet) -> bool {
        let all = self.grounds.stamped_sheets().iter().chain(&self.papers.sheets);
        let newer = all.filter(|other| other.issued > sheet.issued).count();
        newer < LIVE_SHEETS_MAX || self.reliance.sheets.contains(&sheet.id)
    }

    /// What is left without what is stamped or nothing relies on, in its order, as far as there is
    /// room: first what records rely on, then what is newest.
    fn cleared(self) -> KeptPapers {
        let KeptPapers { generation, mut policies, mut sheets, revocation } = self.papers.clone();
        let stamped = self.grounds.stamped_sheets();
        sheets.retain(|sheet| {
            stamped.iter().all(|known| known.id != sheet.id) && self.is_wanted(sheet)
        });
        let relied = |sheet: &Verified<Sheet>| self.reliance.sheets.contains(&sheet.id);
        sheets.sort_by_key(|sheet| std::cmp::Reverse((relied(sheet), sheet.issued)));
        sheets.truncate(SHEETS_MAX);
        sheets.sort_by_key(|sheet| std::cmp::Reverse(sheet.issued));
        let newest = policies.iter().map(|policy| policy.number).max();
        let relied = |policy: &Verified<Policy>| self.reliance.policies.contains(&policy.number);
        policies.retain(|policy| {
            let counts = relied(policy) || Some(policy.number) == newest;
            counts && policy.number > self.grounds.policy.number
        });
        policies.sort_by_key(|policy| std::cmp::Reverse((relied(policy), policy.number)));
        policies.truncate(POLICIES_MAX);
        policies.sort_by_key(|policy| policy.number);
        let stamped = self.grounds.stamped_list().map_or(0, |list| list.number);
        let revocation = revocation.filter(|list| list.number > stamped);
        KeptPapers { generation, policies, sheets, revocation }
    }
}
