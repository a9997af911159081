//! One medium against the records, before other media are asked: its branches, settled.

use std::collections::{BTreeMap, BTreeSet};

use super::branches::{Branches, Orphans, Refused, branches};
use super::decisions::{Decisions, Standing as Decision};
use super::finding::Draft;
use super::pieces::{Pieces, Ruling};
use super::told::Told;
use crate::crypto::sign::PublicKey;
use crate::format::plan::{Class, Finding};
use crate::format::record::{Body, EventId, Record};
use crate::ledger::{Account, Outcome, Reason, Settlement, State, settle};
use crate::records::Known;
use crate::trust::{Revoked, TrustError, Verified};
use crate::units::{Currency, MediumId, Sequence, StoreId, Timestamp};
use crate::voucher::VoucherError;

/// Clocks may be so far apart without anyone being told.
const CLOCK_S: u64 = Timestamp::DAY_S;
/// So many odd clocks of one medium are told.
const CLOCKS_MAX: usize = 8;

/// May a medium be posted?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// What its branches add up to may.
    Postable,
    /// A person decides, or something has to be brought first.
    Held,
}

/// What a medium's pieces come to, beside what the records know of it.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) medium: MediumId,
    pub(super) known: Option<Known>,
    pub(super) ruling: Option<Ruling>,
    pub(super) found: Branches,
    /// What settling goes on from.
    pub(super) before: Account,
    /// What its branches come to; none without branches, or where that can't be.
    pub(super) settlement: Option<Settlement>,
    pub(super) standing: Standing,
    pub(super) findings: Vec<Finding>,
    /// Fees that vest.
    pub(super) vested: BTreeSet<EventId>,
    /// More is lacking than goes on without a person.
    pub(super) frozen: bool,
    /// What would be lacking with what others showed.
    pub(super) lacks_by_others: i128,
    /// What was decided about it.
    pub(super) decisions: BTreeMap<[u8; 16], Decision>,
}

/// Which signatures of media are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signatures {
    /// Those of records that aren't settled: what is settled was checked then, and is known by its
    /// hash.
    New,
    /// All.
    Every,
}

/// What all media are judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bench<'a> {
    pub(super) revoked: &'a Revoked,
    pub(super) currency: Currency,
    /// Given by whoever asks: nothing can be later.
    pub(super) as_of: Option<Timestamp>,
    pub(super) decisions: &'a Decisions,
    pub(super) signatures: Signatures,
    /// The newest record of the medium that this run found to follow already.
    pub(super) checked: Option<[u8; 32]>,
}

impl Judged {
    /// Judge one medium's pieces.
    pub(super) fn of(
        bench: &Bench<'_>,
        medium: MediumId,
        pieces: &Pieces,
        known: Option<Known>,
    ) -> Self {
        let burnt = known.as_ref().map_or([0; 32], |known| known.account.hash);
        let certificate = match &known {
            Some(known) if known.row.number > 0 => {
                let own = known.burnt.iter().rev().find(|burnt| burnt.store == known.store);
                own.or(known.burnt.last()).map_or(burnt, |burnt| burnt.certificate)
            }
            _ => burnt,
        };
        let row = known.as_ref().map(|known| known.row).filter(|row| row.number > 0);
        let settled = row.filter(|_| bench.signatures == Signatures::New).map(|row| row.head);
        let ruling = Ruling::of(pieces, &certificate, bench.revoked);
        let ruling = ruling.map(|ruling| Ruling { settled: bench.checked.or(settled), ..ruling });
        let found = ruling.as_ref().map(|ruling| branches(ruling, pieces)).unwrap_or_default();
        let mut before = known
            .as_ref()
            .map_or_else(|| Account::new(medium, [0; 32]), |known| known.account.clone());
        if let Some(ruling) = ruling.as_ref().filter(|_| before.number == 0) {
            before.hash = ruling.certified.certificate.hash();
        }
        let standing = Standing::Postable;
        let mut judged = Self {
            medium,
            known,
            ruling,
            found,
            before,
            settlement: None,
            standing,
            findings: vec![],
            vested: BTreeSet::new(),
            frozen: false,
            lacks_by_others: 0,
            decisions: bench.decisions.of(Some(medium)),
        };
        judged.settle();
        judged.look_at_papers(bench, pieces);
        judged.look_at_records(bench, pieces);
        judged
    }

    pub(super) fn store(&self) -> Option<StoreId> {
        self.known.as_ref().map(|known| known.store)
    }

    pub(super) fn tell(&mut self, draft: Draft) {
        let finding = self.finish(draft, None);
        self.findings.push(finding);
    }

    /// Tell what keeps it from being posted, whatever anyone decides.
    pub(super) fn hold(&mut self, draft: Draft) {
        self.standing = Standing::Held;
        self.tell(draft);
    }

    pub(super) fn states(&self) -> Vec<&State> {
        self.found.branches.iter().map(|branch| &branch.state).collect()
    }

    /// Do its sums go on from the records'? Behind a checkpoint that those don't hold they don't,
    /// which is told by itself.
    pub(super) fn adds_up(&self) -> bool {
        let (number, hash) = (self.before.number, self.before.hash);
        self.states()
            .iter()
            .filter_map(|state| state.checkpoint)
            .all(|taken| taken.number < number || (taken.number == number && taken.hash == hash))
    }

    /// Every key that signed for this medium at some time.
    pub(super) fn keys(&self) -> Vec<PublicKey> {
        let first = self.ruling.iter().map(|ruling| ruling.certified.certificate.key.0);
        let holders = self.found.branches.iter().map(|branch| branch.state.holder);
        let stated = self.found.checkpoints.values().map(|checkpoint| checkpoint.holder);
        let mut keys: Vec<PublicKey> = vec![];
        for key in first.chain(holders).chain(stated) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// What its records tell others, by their hashes.
    pub(super) fn told(&self) -> Vec<Told<'_>> {
        self.found.records.iter().map(Told::of).collect()
    }

    /// The record that states each event, the oldest of the least hash.
    pub(super) fn events(&self) -> BTreeMap<EventId, &Verified<Record>> {
        let mut events: BTreeMap<EventId, &Verified<Record>> = BTreeMap::new();
        for record in self.found.records.values() {
            let Some(entry) = &record.accounting else { continue };
            let known = events.entry(entry.event).or_insert(record);
            if (record.seq, record.hash()) < (known.seq, known.hash()) {
                *known = record;
            }
        }
        events
    }

    fn look_at_papers(&mut self, bench: &Bench<'_>, pieces: &Pieces) {
        let newest = || pieces.records.keys().next().copied().unwrap_or_default();
        let Some(ruling) = self.ruling.clone() else {
            let draft = Draft::of(Class::NotChecked);
            self.hold(draft.side("its certificate and policy are not in the evidence", newest()));
            return;
        };
        let certificate = &ruling.certified.certificate;
        let stated = format!("certificate by store {}", certificate.store);
        for (hash, other) in
            pieces.certified.iter().filter(|(hash, _)| **hash != certificate.hash())
        {
            let under = self.found.orphans.iter().filter(|orphans| orphans.prev == *hash);
            let under: usize = under.map(|orphans| orphans.count).sum();
            let store = other.certificate.store;
            let what = format!("rival certificate by store {store}, {under} records under it");
            let draft = Draft::of(Class::WrongStore).shown(&stated, certificate.bytes());
            self.tell(draft.shown(what, other.certificate.bytes()));
        }
        let Some(known) = self.known.clone() else {
            self.hold(Draft::of(Class::UnknownMedium).shown(stated, certificate.bytes()));
            return;
        };
        let journalled = known.burnt.iter().any(|burnt| burnt.certificate == certificate.hash());
        if certificate.store != known.store || !(journalled || known.burnt.is_empty()) {
            let draft = Draft::of(Class::WrongStore).shown(stated, certificate.bytes());
            let (store, burnt) = (known.store, known.burnt.last());
            let hash = burnt.map_or([0; 32], |burnt| burnt.certificate);
            let draft = draft.side(format!("its number was given to store {store}"), hash);
            self.hold_for_person(draft, self.gross());
        } else if certificate.currency != bench.currency {
            let what = format!("certificate in {}", certificate.currency);
            self.hold(Draft::of(Class::Currency).shown(what, certificate.bytes()));
        } else if bench.revoked.check_medium(self.medium).is_err() {
            let draft = Draft::of(Class::Revoked).shown(stated, certificate.bytes());
            let list = bench.revoked.list().map_or([0; 32], Verified::hash);
            let draft = draft.side("the list that revokes it", list);
            self.hold_for_person(draft, self.gross());
        }
        self.look_at_checkpoints(&known);
    }

    /// Does a settler's statement say more than the records?
    fn look_at_checkpoints(&mut self, known: &Known) {
        let row = known.row;
        let newer = self.found.checkpoints.iter().rev().find(|((number, hash), _)| {
            *number > row.number || (*number == row.number && *hash != row.hash)
        });
        let Some(((number, _), checkpoint)) = newer else { return };
        let what = format!("checkpoint {number}, which the records don't hold");
        let taker = self.found.records.values().filter(|record| match &record.body {
            Body::Checkpoint { checkpoint: taken, .. } | Body::Merge { checkpoint: taken, .. } => {
                taken.0 == checkpoint.bytes()
            }
            _ => false,
        });
        let seq = taker.map(|record| record.seq).min().unwrap_or(checkpoint.seq);
        let draft = Draft::of(Class::NotChecked).at(seq).shown(what, checkpoint.bytes());
        let draft = draft.side(format!("the records stand at {row}"), row.hash);
        self.hold(
            draft.so("these records are older than what a settler signed: bring the newer ones"),
        );
    }

    fn look_at_records(&mut self, bench: &Bench<'_>, pieces: &Pieces) {
        let refused = std::mem::take(&mut self.found.refused);
        for refused in &refused {
            let draft = refusal(refused, pieces.records.get(&refused.record));
            self.tell(draft);
        }
        self.found.refused = refused;
        // What stands under a rival certificate was told with that.
        let own = |orphans: &Orphans| !pieces.certified.contains_key(&orphans.prev);
        for orphans in self.found.orphans.clone().into_iter().filter(own) {
            let class = if orphans.signed { Class::Gap } else { Class::BadSignature };
            let what = format!(
                "record {} and {} behind it continue a record that isn't here",
                orphans.seq,
                orphans.count - 1
            );
            let draft = Draft::of(class).at(orphans.seq).side(what, orphans.record);
            self.tell(draft.side("the record that is missing", orphans.prev));
        }
        for hash in self.found.unreadable.clone() {
            let what = "it stands where a record would and is none of this medium's";
            self.tell(Draft::of(Class::Damaged).side(what, hash));
        }
        for damage in &pieces.damage {
            let hash = crate::crypto::digest::sha256(damage.what.as_bytes());
            let draft = Draft::of(Class::Damaged).side(&damage.what, hash);
            let before =
                self.found.records.get(&damage.before).and_then(|record| record.seq.next());
            let draft = before.into_iter().fold(draft, Draft::at);
            self.tell(draft.side("the newest record before it", damage.before));
        }
        self.look_at_clocks(bench);
        self.look_at_amounts();
    }

    fn look_at_clocks(&mut self, bench: &Bench<'_>) {
        let mut drafts = vec![];
        for record in self.found.records.values() {
            let before = self.found.records.get(&record.prev).map(|before| before.history.at);
            let told = odd_clock(record.history.at, record.floor, before, bench.as_of);
            let Some(told) = told else { continue };
            let draft = Draft::of(Class::ClockOddity).at(record.seq);
            drafts.push((record.seq, draft.shown(told, record.bytes())));
        }
        drafts.sort_by_key(|(seq, _)| *seq);
        drafts.into_iter().take(CLOCKS_MAX).for_each(|(_, draft)| self.tell(draft));
    }

    /// One event with two amounts in the evidence.
    fn look_at_amounts(&mut self) {
        let mut drafts = vec![];
        let events = self.events();
        for record in self.found.records.values() {
            let Some(entry) = &record.accounting else { continue };
            let first = events[&entry.event];
            let known = first.accounting.as_ref().map_or(0, |known| known.amount);
            if known != entry.amount {
                let [one, other] = [first, record].map(|record| {
                    let entry = record.accounting.as_ref();
                    format!("record {}: {}", record.seq, entry.map_or(0, |entry| entry.amount))
                });
                let draft = Draft::of(Class::AmountDiffers).at(record.seq);
                let draft = draft.moving(entry.amount - known).shown(one, first.bytes());
                drafts.push(draft.shown(other, record.bytes()));
            }
        }
        for draft in drafts {
            self.tell(draft);
        }
    }

    fn settle(&mut self) {
        let Some(ruling) = self.ruling.as_ref().filter(|_| !self.found.branches.is_empty()) else {
            return;
        };
        let policy = ruling.later.last().unwrap_or(&ruling.policy);
        match settle(policy, &self.before, &self.states()) {
            Ok(settlement) => self.take(settlement),
            Err(error) => {
                let hash = ruling.certified.certificate.hash();
                self.hold(Draft::of(Class::NotChecked).side(error.to_string(), hash));
            }
        }
    }
}

impl Judged {
    /// Rival rekeys: the one that was recorded first stands. Where none was recorded yet nobody knows
    /// which is the owner's, and nothing is settled.
    fn take(&mut self, settlement: Settlement) {
        let recorded = self.before.rekey.is_some();
        let states = self.states();
        let contested = settlement.contested.iter().filter_map(|place| states.get(*place));
        let drafts: Vec<Draft> = contested.map(|state| self.contested(state)).collect();
        if recorded || drafts.is_empty() {
            self.frozen = settlement.outcome == Outcome::Frozen;
            self.settlement = Some(settlement);
            self.thaw();
        }
        for draft in drafts {
            if recorded { self.tell(draft) } else { self.hold(draft) }
        }
    }

    fn contested(&self, state: &State) -> Draft {
        let seq = state.rekey.map_or(Sequence::FIRST, |rekey| rekey.seq);
        let draft = Draft::of(Class::ContestedActivation).at(seq);
        let rekeys = self.found.records.values();
        let rekeys = rekeys.filter(|record| matches!(record.body, Body::Rekey { .. }));
        rekeys.fold(draft, |draft, record| {
            draft.shown(format!("record {}: a rekey", record.seq), record.bytes())
        })
    }
}

/// What is odd in a record's clock, beside what was signed by then, the record before it, and now.
pub(super) fn odd_clock(
    at: Timestamp,
    floor: Timestamp,
    before: Option<Timestamp>,
    as_of: Option<Timestamp>,
) -> Option<&'static str> {
    let late = |at: Timestamp| at.seconds().saturating_add(CLOCK_S);
    if late(at) < floor.seconds() {
        Some("it says it was made more than a day before a time that was signed by then")
    } else if before.is_some_and(|before| late(at) < before.seconds()) {
        Some("it says it was made more than a day before the record that it continues")
    } else if as_of.is_some_and(|as_of| at.seconds() > late(as_of)) {
        Some("it says it will be made more than a day from now")
    } else {
        None
    }
}

/// What a record is that doesn't follow.
fn refusal(refused: &Refused, bytes: Option<&Vec<u8>>) -> Draft {
    let (class, differs) = class_of(&refused.refusal.reason);
    let record = bytes.and_then(|bytes| crate::trust::Claimed::<Record>::read(bytes).ok());
    let stated = record.and_then(|record| record.accounting.as_ref().map(|entry| entry.amount));
    let amount = differs.unwrap_or_else(|| stated.unwrap_or(0));
    let draft = Draft::of(class).at(refused.seq).moving(amount);
    let what = match refused.behind {
        0 => refused.refusal.to_string(),
        behind => format!("{}; {behind} records behind it were not looked at", refused.refusal),
    };
    match bytes {
        Some(bytes) => draft.shown(what, bytes),
        None => draft.side(what, refused.record),
    }
}

/// The class of a refusal, and by how much it differs where that isn't the record's amount.
fn class_of(reason: &Reason) -> (Class, Option<i64>) {
    let class = match reason {
        Reason::Amount { found, expected } => {
            let expected = i64::try_from(*expected).unwrap_or(i64::MAX);
            return (Class::AmountDiffers, Some(found.saturating_sub(expected)));
        }
        Reason::Charge { found, expected } => {
            return (Class::AmountDiffers, Some(found.saturating_sub(*expected)));
        }
        Reason::Claim { found, expected } => {
            let (found, expected) = (i128::from(*found), i128::from(*expected));
            return (Class::AmountDiffers, i64::try_from(found - expected).ok());
        }
        Reason::Trust(TrustError::Decode(_))
        | Reason::Shape { .. }
        | Reason::Event
        | Reason::Place
        | Reason::Medium(_) => Class::Damaged,
        Reason::Sequence(_) | Reason::Chain { .. } => Class::Gap,
        Reason::Voucher(error) => voucher_class(error),
        Reason::Floor { .. } => Class::ClockOddity,
        Reason::Store | Reason::Issuer => Class::WrongStore,
        Reason::Revoked(_) => Class::Revoked,
        Reason::CreditedBefore | Reason::EarnedBefore => Class::DuplicateCodeOrVid,
        Reason::Funds { .. }
        | Reason::TopupLimit { .. }
        | Reason::BalanceLimit { .. }
        | Reason::OfflineCap { .. }
        | Reason::OfflineCount { .. }
        | Reason::Debt { .. }
        | Reason::Range(_)
        | Reason::Open { .. } => Class::Overdraft,
        Reason::Terms(_)
        | Reason::OtherTerms
        | Reason::Transfer(_)
        | Reason::Partner(_)
        | Reason::Receipt(_) => Class::BytesDiffer,
        Reason::Policy { .. } | Reason::Old { .. } | Reason::Checkpoint(_) => Class::NotChecked,
        Reason::Trust(_)
        | Reason::Holder { .. }
        | Reason::StoreMade(_)
        | Reason::Rekeyed
        | Reason::Proof
        | Reason::Sheet
        | Reason::Code(_) => Class::BadSignature,
    };
    (class, None)
}

fn voucher_class(error: &VoucherError) -> Class {
    match error {
        VoucherError::Amount { .. } | VoucherError::Serial { .. } => Class::OverQuota,
        VoucherError::Currency { .. } => Class::Currency,
        VoucherError::Revoked(_) => Class::Revoked,
        VoucherError::Period { .. } | VoucherError::Expired { .. } => Class::ClockOddity,
        _ => Class::BadSignature,
    }
}
