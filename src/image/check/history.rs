//! Journal, access key and item keys of a medium, each on a line of its own.

use std::ops::Range;

use super::super::layout::{
    ACCESS_BYTES, ACCESS_PATHS, JOURNAL_PATHS, Names, PAPERS_PATHS, RING_PATHS,
};
use super::super::papers::{Keeper, PaperFiles, PaperState};
use super::super::ring::{RingSlot, read_ring};
use super::Checked;
use super::grounds::AtHand;
use super::manifest::Edition;
use super::report::{Access, Balance, History, Holder, ItemKeys, Papers, Report, Rival};
use super::slots::{Certified, Stamped};
use super::words;
use crate::crypto::sign::PublicKey;
use crate::device::{Device, DeviceError};
use crate::format::edition::PaperRoom;
use crate::format::record::{Body, Record};
use crate::journal::{self, COPIES, Mirror, Place, ReadError, Reading};
use crate::ledger::{
    Anchor, Chained, Reason, Refusal, Rules, State, fold_journal, stated_sequence,
};
use crate::trust::Verified;
use crate::trust::access::read_access_file;
use crate::units::CurrencyForm;
use crate::words::Phrase;

/// Where journal, access files and item key ring lie on a device.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) journal: Place,
    pub(super) access: [u64; 2],
    /// The writable area, on an image or a raw device.
    pub(super) volume: Range<u64>,
    pub(super) ring: [u64; 2],
    /// None where it keeps none.
    pub(super) papers: Option<[u64; 2]>,
}

impl Places {
    /// By the layout; the writable area's file system isn't asked.
    pub(super) fn of(edition: &Edition, names: &Names) -> Option<Self> {
        let layout = &edition.layout;
        let plan = layout.ram_plan(names.ram_serial).ok()?;
        let place = |path: &str| Some(layout.ram().start + plan.locate(path)?);
        let starts = [place(JOURNAL_PATHS[0])?, place(JOURNAL_PATHS[1])?];
        let access = [place(ACCESS_PATHS[0])?, place(ACCESS_PATHS[1])?];
        let ring = [place(RING_PATHS[0])?, place(RING_PATHS[1])?];
        let papers = match layout.shape().papers {
            Some(PaperRoom::Beside) => Some([place(PAPERS_PATHS[0])?, place(PAPERS_PATHS[1])?]),
            None => None,
        };
        let bytes = layout.shape().journal.bytes();
        let volume = layout.ram();
        Some(Self { journal: Place { starts, bytes }, access, ring, papers, volume })
    }
}

/// What the records of a medium add up to, all of which follow.
#[derive(Debug, Clone)]
pub struct Account {
    /// The state after the last record.
    pub state: State,
    /// The records, oldest first.
    pub records: Vec<Verified<Record>>,
    /// The checkpoint that they begin behind, if the journal was compacted under one.
    pub anchor: Option<Anchor>,
}

impl Account {
    /// What a journal adds up to; refused is one whose records don't all follow.
    pub fn of(rules: &Rules<'_>, blank: State, reading: &Reading) -> Result<Self, Refusal> {
        let Chained { anchor, fold, .. } =
            fold_journal(rules, blank, &reading.records, &reading.outside)?;
        match fold.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(Self { state: fold.state, records: fold.records, anchor }),
        }
    }

    fn balance(&self, first: &PublicKey, generation: u64, currency: CurrencyForm) -> Balance {
        let Self { state, records, anchor } = self;
        let is_code = |record: &&Verified<Record>| matches!(record.body, Body::TopupCode { .. });
        Balance {
            records: records.len(),
            codes: records.iter().filter(is_code).count(),
            holder: if state.holder == *first { Holder::Store } else { Holder::Owner },
            generation,
            checkpoint: anchor.as_ref().map(|anchor| anchor.checkpoint.number),
            amount: state.balance,
            currency,
        }
    }
}

/// Why a mirror doesn't restore a journal; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Its frames don't fill the hole.
    #[error(transparent)]
    Frames(#[from] journal::RestoreError),
    /// They would, but their records don't follow.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The access files could not be read.
    #[error("reading the access files: {0}")]
    Device(#[from] DeviceError),
}

impl Checked {
    /// Read the journal again with what this computer's mirror has for a hole in both copies; to
    /// be told of and built on from then on. `device` is what the journal lies on.
    ///
    /// Every record has to follow, those before the hole, the mirror's, and those behind it.
    pub fn restore(&mut self, device: &dyn Device, mirror: &Mirror) -> Result<(), RestoreError> {
        let (Some(grounds), History::Damaged(hole)) = (&self.grounds, &self.report.history) else {
            return Ok(());
        };
        let reading = journal::restored(device, &grounds.journal, mirror)?;
        let account = Account::of(&grounds.rules(), grounds.blank(), &reading)?;
        let first = &grounds.certificate.key.0;
        let balance = account.balance(first, reading.generation, grounds.form);
        self.report.access = access(device, grounds.access, &account.state.holder)?;
        self.report.history = History::Restored { balance, hole: hole.clone() };
        self.account = Some(account);
        Ok(())
    }
}

/// What the records add up to, and what is at hand to judge more of them by.
pub(super) type Followed = (Option<Account>, AtHand);

/// What journal, access files and item key ring of a medium hold.
#[derive(Debug)]
pub(super) struct Writable {
    pub(super) history: History,
    pub(super) rival: Option<Rival>,
    pub(super) access: Access,
    pub(super) items: ItemKeys,
    /// None where the records don't all follow.
    pub(super) account: Option<Account>,
}

impl Writable {
    pub(super) fn not_checked(why: &Phrase) -> Self {
        let (history, access) = (History::NotChecked(why.clone()), Access::NotChecked(why.clone()));
        let items = ItemKeys::NotChecked(why.clone());
        Self { history, rival: None, access, items, account: None }
    }

    /// Put into a report what was found; what the records add up to.
    pub(super) fn told(self, report: &mut Report) -> Option<Account> {
        report.rival = self.rival;
        (report.history, report.access, report.items) = (self.history, self.access, self.items);
        self.account
    }
}

/// Read the papers that are kept beside the journal; they count beside what is stamped from then on.
pub(super) fn take_in(
    device: &dyn Device,
    places: &Places,
    stamped: &mut Stamped,
) -> Result<(AtHand, Papers), DeviceError> {
    let mut at_hand = AtHand::stamped(stamped.sheets.clone(), stamped.revoked.clone());
    let Some(certified) = &stamped.certified else {
        return Ok((at_hand, Papers::NotChecked(words::damaged_certificate())));
    };
    let Some(starts) = places.papers else { return Ok((at_hand, Papers::None)) };
    let (certificate, issuer) = (&certified.certificate, certified.store.signer.issuer());
    let files = PaperFiles::read(device, starts, &Keeper { certificate, issuer: &issuer })?;
    at_hand.kept = files.kept();
    stamped.sheets = at_hand.sheets();
    stamped.revoked = at_hand.revoked();
    stamped.later.clone_from(&at_hand.kept.policies);
    let papers = match files.state() {
        PaperState::Sound(papers) => Papers::Sound(papers),
        PaperState::Repaired { papers, lacking } => {
            Papers::Repaired { papers, lacking: lacking.into_iter().map(|at| COPIES[at]).collect() }
        }
        PaperState::Damaged(papers) => Papers::Damaged(papers),
    };
    Ok((at_hand, papers))
}

/// Read journal, access files and item key ring of a medium, of which the papers were taken in.
pub(super) fn read(
    device: &dyn Device,
    places: &Places,
    stamped: &Stamped,
) -> Result<Writable, DeviceError> {
    let Some(certified) = &stamped.certified else {
        return Ok(Writable::not_checked(&words::damaged_certificate()));
    };
    let Told { history, account, rival } = history(device, places, stamped, certified)?;
    let access = match &account {
        Some(account) => access(device, places.access, &account.state.holder)?,
        None => Access::NotChecked(words::no_key_known()),
    };
    let items = items(device, places.ring)?;
    Ok(Writable { history, rival, access, items, account })
}

/// What is told of a journal.
struct Told {
    history: History,
    account: Option<Account>,
    rival: Option<Rival>,
}

impl Told {
    fn of(history: History) -> Self {
        Self { history, account: None, rival: None }
    }
}

/// The shorter of two histories that the copies hold; `follows` says whether records add up.
pub(crate) fn rival(reading: &Reading, follows: impl FnOnce(&Reading) -> bool) -> Option<Rival> {
    let from = stated_sequence(reading.rival.first()?).unwrap_or(0);
    let shared = |record: &&Vec<u8>| stated_sequence(record).is_none_or(|seq| seq < from);
    let shared = reading.records.iter().filter(shared).chain(&reading.rival);
    let other = Reading { records: shared.cloned().collect(), ..reading.clone() };
    // What the longer history has there is what the other copy lacks.
    let copy = COPIES[reading.repairable.last().map_or(0, |(copy, _)| *copy)];
    Some(Rival { copy, from, records: reading.rival.clone(), follows: follows(&other) })
}

fn history(
    device: &dyn Device,
    places: &Places,
    stamped: &Stamped,
    certified: &Certified,
) -> Result<Told, DeviceError> {
    let certificate = &certified.certificate;
    let Some(policy) = &stamped.policy else {
        return Ok(Told::of(History::NotChecked(words::damaged_policy())));
    };
    let form = policy.currencies.iter().find(|form| form.currency() == certificate.currency);
    let Some(form) = form else {
        let (number, currency) = (policy.number, certificate.currency);
        let why = words::no_currency(number, currency);
        return Ok(Told::of(History::NotChecked(why)));
    };
    let reading = match journal::read(device, &places.journal) {
        Ok(reading) => reading,
        Err(ReadError::Device(error)) => return Err(error),
        Err(fault) => return Ok(Told::of(History::Damaged(Phrase::of(&fault)))),
    };
    let issuer = certified.store.signer.issuer();
    let rules = Rules {
        later: &stamped.later,
        sheets: &stamped.sheets,
        stores: std::slice::from_ref(&certified.store.signer),
        issuer: Some(&issuer),
        revoked: &stamped.revoked,
        ..Rules::of(policy, certificate.currency)
    };
    let blank = State::blank(certificate.medium, certificate.hash(), certificate.key.0);
    let rival = rival(&reading, |other| Account::of(&rules, blank.clone(), other).is_ok());
    let account = match Account::of(&rules, blank, &reading) {
        Ok(account) => account,
        Err(refusal) => {
            let missing = matches!(refusal.reason, Reason::Sheet | Reason::Policy { .. });
            let why = match places.papers.filter(|_| missing) {
                Some(_) => words::paper_missing(Phrase::of(&refusal)),
                None => Phrase::of(&refusal),
            };
            return Ok(Told::of(History::Damaged(why)));
        }
    };
    let balance = account.balance(&certificate.key.0, reading.generation, *form);
    let lacking = reading.lacking();
    let history = if lacking.is_empty() {
        History::Sound(balance)
    } else {
        History::Repaired { balance, lacking }
    };
    Ok(Told { history, account: Some(account), rival })
}

/// What both access files hold of this key's slots.
pub(crate) fn access(
    device: &dyn Device,
    starts: [u64; 2],
    holder: &PublicKey,
) -> Result<Access, DeviceError> {
    let mut faults = vec![];
    for (name, start) in COPIES.into_iter().zip(starts) {
        let bytes = super::reading::read(device, start..start + ACCESS_BYTES)?;
        let slots = read_access_file(&bytes);
        let bad = slots.iter().find_map(|slot| slot.as_ref().err());
        if !slots.iter().flatten().any(|slot| slot.key == *holder) {
            let why = bad.map_or_else(words::no_slot, Phrase::of);
            faults.push(words::in_copy(name, why));
        }
    }
    Ok(match faults.as_slice() {
        [] => Access::Sound,
        [one] => Access::OneCopy(one.clone()),
        _ => Access::Damaged(Phrase::join(&faults, &Phrase::new("; ", "；"))),
    })
}

/// What both ring files hold.
pub(crate) fn items(device: &dyn Device, ring: [u64; 2]) -> Result<ItemKeys, DeviceError> {
    let (mut keys, mut lost, mut lacks) = (0, 0, [false; 2]);
    for slot in read_ring(device, ring)? {
        match slot {
            [RingSlot::Torn, RingSlot::Torn] => lost += 1,
            // What was never in both was never kept.
            [RingSlot::Empty | RingSlot::Torn, RingSlot::Empty | RingSlot::Torn] => {}
            [RingSlot::Whole(a), b] => {
                keys += 1;
                lacks[1] |= b.key().as_ref() != Some(&a);
            }
            [_, RingSlot::Whole(_)] => {
                keys += 1;
                lacks[0] = true;
            }
        }
    }
    if lost > 0 {
        return Ok(ItemKeys::Damaged { keys, lost });
    }
    let lacking: Vec<_> = COPIES.into_iter().zip(lacks).filter(|(_, lacks)| *lacks).collect();
    Ok(match lacking.as_slice() {
        [] => ItemKeys::Sound(keys),
        _ => ItemKeys::Repaired { keys, lacking: lacking.iter().map(|(copy, _)| *copy).collect() },
    })
}
