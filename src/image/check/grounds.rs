//! What a medium's money rests on, once a check has found it good.

use std::ops::Range;

use super::super::layout::{ACCESS_BYTES, PAPERS_BYTES, RING_BYTES, SLOTS};
use super::super::papers::KeptPapers;
use super::history::Places;
use super::manifest::Edition;
use super::report::{Report, Verdict};
use super::slots::{SlotBytes, Stamped};
use crate::crypto::password::Cost;
use crate::device::MountedTree;
use crate::format::certificate::Purpose;
use crate::format::checkpoint::Checkpoint;
use crate::format::edition::RamKind;
use crate::format::item::ItemEntry;
use crate::format::medium::MediumCertificate;
use crate::format::policy::{Policy, Revocation};
use crate::format::sheet::Sheet;
use crate::journal::Place;
use crate::ledger::funding::Papers;
use crate::ledger::{Rules, State, sheets_behind};
use crate::trust::{Revoked, Signer, Verified};
use crate::units::{CurrencyForm, Timestamp};

/// Where the writable area of a checked medium is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Area {
    /// On the same image or device.
    Raw,
    /// In this mounted directory.
    Mounted(MountedTree),
    /// It is not mounted, or not beside the read-only area.
    Missing,
}

/// What a medium's money rests on: all of it signed by others and found good by a check.
///
/// Only a check makes one, and only of a medium that is not altered.
#[derive(Debug, Clone)]
pub struct Grounds {
    /// The medium's certificate.
    pub certificate: Verified<MediumCertificate>,
    /// The store that signed it.
    pub store: Signer,
    /// Who certified that store.
    pub issuer: Signer,
    /// The stamped policy.
    pub policy: Verified<Policy>,
    /// Policies that are kept beside the journal, lowest number first.
    pub later: Vec<Verified<Policy>>,
    /// How sums of its currency are written.
    pub form: CurrencyForm,
    /// Its sheets, stamped and kept, newest first; the first two are live.
    pub sheets: Vec<Verified<Sheet>>,
    /// What is revoked.
    pub revoked: Revoked,
    /// What the writable area's storage can do.
    pub ram: RamKind,
    /// Where the journal lies: on the device, or in its files one behind the other.
    pub journal: Place,
    /// Where the access files lie, likewise: behind the journal's.
    pub access: [u64; 2],
    /// The writable area's volume, on an image or a raw device.
    pub volume: Range<u64>,
    /// Where the item key ring lies, likewise: behind the access files.
    pub ring: [u64; 2],
    /// Where the papers files lie, likewise: behind the ring; none where it has none.
    pub papers: Option<[u64; 2]>,
    /// Where that is.
    pub area: Area,
    /// What its edition offers, item by item.
    pub items: Vec<Verified<ItemEntry>>,
    /// Where the files of the items begin on an image or a raw device.
    pub item_starts: Vec<u64>,
    /// Who signed them.
    pub rom_signer: Signer,
    at_hand: AtHand,
    slots: Vec<u8>,
}

/// What is stamped of sheets and revocations, and what is kept beside the journal.
#[derive(Debug, Clone, Default)]
pub(super) struct AtHand {
    sheets: Vec<Verified<Sheet>>,
    revoked: Revoked,
    pub(super) kept: KeptPapers,
}

impl AtHand {
    /// Nothing is kept.
    pub(super) fn stamped(sheets: Vec<Verified<Sheet>>, revoked: Revoked) -> Self {
        Self { sheets, revoked, kept: KeptPapers::default() }
    }

    /// All sheets, newest first; one that is stamped and kept stands once.
    pub(super) fn sheets(&self) -> Vec<Verified<Sheet>> {
        let is_new = |own: &&Verified<Sheet>| self.sheets.iter().all(|known| known.id != own.id);
        let kept = self.kept.sheets.iter().filter(is_new);
        let mut sheets: Vec<_> = kept.chain(&self.sheets).cloned().collect();
        sheets.sort_by_key(|sheet| std::cmp::Reverse(sheet.issued));
        sheets
    }

    /// The newer revocation list.
    pub(super) fn revoked(&self) -> Revoked {
        let revoked = self.revoked.clone();
        self.kept.revocation.iter().fold(revoked, |revoked, list| revoked.with(list.clone()))
    }
}

impl Grounds {
    /// What a check found; none of a medium that is altered, or lacks what its money rests on.
    pub(super) fn of(
        edition: &Edition,
        stamped: Stamped,
        (bytes, at_hand): (&SlotBytes, AtHand),
        places: Option<Places>,
        area: Area,
        report: &Report,
    ) -> Option<Self> {
        let whole =
            matches!(report.verdict, Verdict::Sealed | Verdict::Touched | Verdict::FilesIntact);
        if !whole || stamped.good.contains(&false) {
            return None;
        }
        let Stamped { certified, policy, later, sheets, revoked, .. } = stamped;
        let (certified, policy, places) = (certified?, policy?, places?);
        let currency = certified.certificate.currency;
        let form = *policy.currencies.iter().find(|form| form.currency() == currency)?;
        let (store, certificate) = (certified.store.signer, certified.certificate);
        Some(Self {
            certificate,
            issuer: store.issuer(),
            store,
            policy,
            later,
            form,
            sheets,
            revoked,
            ram: edition.layout.shape().ram_kind,
            journal: places.journal,
            access: places.access,
            volume: places.volume,
            ring: places.ring,
            papers: places.papers,
            area,
            items: edition.items.clone(),
            item_starts: edition.items.iter().map(|item| edition.start_of(item)).collect(),
            rom_signer: edition.signer.clone(),
            at_hand,
            slots: joined(bytes),
        })
    }

    /// The papers that are kept beside the journal.
    pub fn kept_papers(&self) -> &KeptPapers {
        &self.at_hand.kept
    }

    /// The same where these papers are kept, of a journal that begins behind this checkpoint.
    #[must_use]
    pub fn keeping(&self, kept: KeptPapers, front: Option<&Checkpoint>) -> Self {
        let at_hand = AtHand { kept, ..self.at_hand.clone() };
        let (sheets, revoked) = (at_hand.sheets(), at_hand.revoked());
        let sheets = front.map_or(sheets.clone(), |front| sheets_behind(front, &sheets));
        let later = at_hand.kept.policies.clone();
        Self { later, sheets, revoked, at_hand, ..self.clone() }
    }

    /// The revocation list that is stamped.
    pub fn stamped_list(&self) -> Option<&Verified<Revocation>> {
        self.at_hand.revoked.list()
    }

    /// The sheets that are stamped.
    pub fn stamped_sheets(&self) -> &[Verified<Sheet>] {
        &self.at_hand.sheets
    }

    /// The newest policy that is here: it binds, or does so from the next record on that takes it
    /// over.
    pub fn newest_policy(&self) -> &Verified<Policy> {
        let newest = self.later.last().filter(|later| later.number > self.policy.number);
        newest.unwrap_or(&self.policy)
    }

    /// What records are held against.
    pub fn rules(&self) -> Rules<'_> {
        Rules {
            later: &self.later,
            sheets: &self.sheets,
            stores: std::slice::from_ref(&self.store),
            issuer: Some(&self.issuer),
            revoked: &self.revoked,
            ..Rules::of(&self.policy, self.certificate.currency)
        }
    }

    /// What its records rest on, for somebody else to judge them by.
    pub fn papers(&self) -> Papers<'_> {
        let Self { certificate, store, policy, .. } = self;
        Papers { certificate, store, policy, rules: self.rules() }
    }

    /// The medium before its first record.
    pub fn blank(&self) -> State {
        let certificate = &self.certificate;
        State::blank(certificate.medium, certificate.hash(), certificate.key.0)
    }

    /// The newest time that the issuer signed here: no clock of a host counts against it.
    pub fn floor(&self) -> Timestamp {
        let sheets = self.sheets.iter().map(|sheet| sheet.issued);
        let list = self.revoked.list().map(|list| list.issued);
        let later = self.later.iter().map(|policy| policy.issued);
        sheets.chain(list).chain(later).fold(self.policy.issued, Timestamp::max)
    }

    /// The least that a guess at the owner's password has to cost.
    pub fn cost_min(&self) -> Cost {
        match self.store.certificate().purpose {
            Purpose::Live => Cost::LIVE_FLOOR,
            Purpose::Test => Cost::MINIMAL,
        }
    }

    /// Journal, access files, item key ring and papers: what no file of the writable area may be given.
    pub fn kept(&self) -> Vec<Range<u64>> {
        let journal = self.journal.starts.map(|start| start..start + self.journal.bytes);
        let access = self.access.map(|start| start..start + ACCESS_BYTES);
        let ring = self.ring.map(|start| start..start + RING_BYTES);
        let papers = self.papers.into_iter().flatten().map(|start| start..start + PAPERS_BYTES);
        journal.into_iter().chain(access).chain(ring).chain(papers).collect()
    }

    /// The stamped slots as they stand, one behind the other in the layout's lengths.
    pub fn slots(&self) -> &[u8] {
        &self.slots
    }
}

fn joined(bytes: &SlotBytes) -> Vec<u8> {
    let mut all = vec![];
    for (slot, bytes) in SLOTS.iter().zip(bytes) {
        let end = all.len() + usize::try_from(slot.bytes).expect("slots are short");
        all.extend_from_slice(bytes.as_deref().unwrap_or_default());
        all.resize(end, 0);
    }
    all
}
