//! A medium opened for writing: login, changes of the password, records committed one by one.

use super::access::{AccessFiles, UnlockError, Unlocked};
use super::keyring::{ItemRing, RingError};
use super::medium::Medium;
use super::papers;
use super::parted::{Branch, Kept};
use super::topup::{Source, Topup};
use crate::crypto::password::{Cost, OutOfMemory, Password};
use crate::crypto::sign::SecretKey;
use crate::crypto::{Random, Secret};
use crate::device::{Device, DeviceError};
use crate::format::access::AccessSlot;
use crate::format::record::{EventId, Record};
use crate::image::check::Account;
use crate::image::papers::{KeptPapers, PaperFiles};
use crate::journal::{self, AppendError, Journal, Mirror, Reading, Relation, Use};
use crate::ledger::next::{self, Code, Host, NextError, Slip};
use crate::ledger::{KeyLife, Refusal, follow};
use crate::trust::access::HolderKeys;
use crate::trust::sign;
use crate::units::{Amount, Timestamp};

/// A medium opened by its owner; nobody else writes it meanwhile.
///
/// Nothing that a record gives counts before the record lies in both copies of the journal.
#[derive(Debug)]
pub struct Opened<D> {
    pub(super) medium: Medium,
    pub(super) journal: Journal<D>,
    access: AccessFiles,
    items: ItemRing,
    /// None where the medium has no place for any.
    pub(super) papers: Option<PaperFiles>,
    instance: [u8; 8],
    repairs: Repairs,
    /// What this computer alone saw, where the medium went on with other records.
    pub(super) branch: Option<Branch>,
}

/// What a medium lacked in one copy and was given again when it was opened.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Repairs {
    /// Frames of the journal.
    pub records: usize,
    /// Access files.
    pub access_files: usize,
    /// Slots of the item key ring.
    pub item_keys: usize,
    /// Papers files.
    pub papers: usize,
}

/// Why a medium could not be opened for writing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal gives no records, or could not be repaired.
    #[error(transparent)]
    Journal(#[from] journal::OpenError),
    /// Records are lost.
    #[error("journal: frame {index} is lost in both copies, frame {later} is there")]
    Lost {
        /// The lost frame.
        index: u32,
        /// A frame behind it.
        later: u32,
    },
    /// What this computer saw doesn't fill a hole.
    #[error(transparent)]
    Restore(#[from] journal::RestoreError),
    /// A record doesn't follow.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// The access files could not be read or repaired.
    #[error("access files: {0}")]
    Access(DeviceError),
    /// The item key ring could not be read or repaired.
    #[error("item key ring: {0}")]
    Ring(DeviceError),
    /// The papers files could not be read or repaired.
    #[error("papers files: {0}")]
    Papers(DeviceError),
}

/// Why what this computer saw of a medium could not be used.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The mirror or the medium could not be read or written.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// What the mirror has doesn't follow.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The journal doesn't take it.
    #[error(transparent)]
    Journal(#[from] AppendError),
}

/// Why a record was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The first login has not been yet: the key is still the one that the store made.
    #[error("this medium is not yours yet: the first login makes it so")]
    NotLoggedIn,
    /// There is no such record.
    #[error(transparent)]
    Next(#[from] NextError),
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The journal doesn't take it.
    #[error(transparent)]
    Journal(#[from] AppendError),
}

/// Why a login or a change of the password didn't come to its end.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The owner's key was made before.
    #[error("medium {0} has its owner's key already")]
    Owned(crate::units::MediumId),
    /// The computer has too little memory for the password's cost.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// The record was not committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The access files could not be written.
    #[error("writing the access files: {0}")]
    Device(#[from] DeviceError),
}

impl<D: Device> Opened<D> {
    /// Give each copy what it lacks, of the access files and the papers, then of the journal, then
    /// of the item key ring, and go on from what the check found.
    ///
    /// The access files and the papers come first: each lies beside its journal copy, so that a
    /// write to the other copy may destroy the only slot there is.
    pub fn open(device: D, medium: Medium, rng: &mut dyn Random) -> Result<Self, OpenError> {
        let place = medium.grounds.journal;
        let reading = journal::survey(&device, &place).map_err(journal::OpenError::from)?;
        if let Some(lost) = &reading.lost {
            return Err(OpenError::Lost { index: lost.index, later: lost.later });
        }
        Self::open_as(device, medium, reading, rng)
    }

    /// The same of a medium whose journal has a hole in both copies that this computer's mirror
    /// fills: the missing frames are written to copy A, flush, then to copy B, flush, once all
    /// records follow. Stopped anywhere, the next run fills it again.
    pub fn open_restoring(
        device: D,
        medium: Medium,
        mirror: &Mirror,
        rng: &mut dyn Random,
    ) -> Result<Self, OpenError> {
        let reading = journal::restored(&device, &medium.grounds.journal, mirror)?;
        Self::open_as(device, medium, reading, rng)
    }

    fn open_as(
        device: D,
        medium: Medium,
        reading: Reading,
        rng: &mut dyn Random,
    ) -> Result<Self, OpenError> {
        let place = medium.grounds.journal;
        let mut files = papers::read(&device, &medium.grounds).map_err(OpenError::Papers)?;
        let medium = refreshed(medium, &reading, files.as_ref().map(PaperFiles::kept))?;
        let read = AccessFiles::read(&device, medium.grounds.access);
        let mut access = read.map_err(OpenError::Access)?;
        let holder = medium.account.state.holder;
        let access_files = access.repair(&device, &holder).map_err(OpenError::Access)?;
        let papers = files.as_mut().map_or(Ok(0), |files| files.repair(&device));
        let papers = papers.map_err(OpenError::Papers)?;
        let journal = Journal::open_as(device, place, medium.grounds.ram, reading)?;
        let items = ItemRing::read(journal.device(), medium.grounds.ring);
        let mut items = items.map_err(OpenError::Ring)?;
        let item_keys = items.repair(journal.device()).map_err(OpenError::Ring)?;
        let records = journal.repaired().len();
        let repairs = Repairs { records, access_files, item_keys, papers };
        let mut instance = [0; 8];
        rng.fill(&mut instance);
        let papers = files;
        Ok(Self { medium, journal, access, items, papers, instance, repairs, branch: None })
    }

    /// The medium as it is now.
    pub fn medium(&self) -> &Medium {
        &self.medium
    }

    /// Whose key signs the next record.
    pub fn life(&self) -> KeyLife {
        self.medium.account.state.life
    }

    /// What a copy lacked and has again.
    pub fn repairs(&self) -> Repairs {
        self.repairs
    }

    /// Use what this computer saw of the journal, and have it see each record from now on.
    ///
    /// Records that the medium lost are written back where they follow. Where the medium went on
    /// with others, the mirror keeps its branch and is not used before [`Opened::put_away`] and
    /// [`Opened::go_on`].
    pub fn attach(&mut self, mirror: Mirror) -> Result<Relation, MirrorError> {
        let relation = self.medium.relation(&mirror)?;
        match &relation {
            Relation::New | Relation::Medium { .. } | Relation::Settled => {}
            Relation::Mirror(lost) => self.restore(lost)?,
            Relation::Parted { branch, .. } | Relation::Apart { branch, .. } => {
                let records = branch.clone();
                self.branch = Some(Branch { mirror, records, kept: Kept::Not });
                return Ok(relation);
            }
        }
        self.journal.attach(mirror)?;
        Ok(relation)
    }

    /// Write back records that follow what the medium has.
    fn restore(&mut self, lost: &[Vec<u8>]) -> Result<(), MirrorError> {
        let account = &mut self.medium.account;
        let mut state = account.state.clone();
        let rules = self.medium.grounds.rules();
        let follows = lost.iter().map(|bytes| follow(&rules, &mut state, bytes));
        let records = follows.collect::<Result<Vec<_>, _>>()?;
        self.journal.replay(lost)?;
        account.state = state;
        account.records.extend(records);
        Ok(())
    }

    /// The keys that a password opens; what a change that was not complete left is wiped.
    pub fn unlock(&mut self, password: &Password) -> Result<Unlocked, UnlockError> {
        let holder = self.medium.account.state.holder;
        let unlocked = self.access.unlock(self.medium.id(), &holder, password)?;
        self.access.keep_only(self.journal.device(), &unlocked.slot)?;
        Ok(unlocked)
    }

    /// The first login: new keys under the owner's own password take the place of the store-made
    /// ones.
    ///
    /// The new slot is written to A, flush, to B, flush; then the `rekey` is committed; then all
    /// other slots are wiped, A, flush, B, flush. Wherever that stops, either the first password
    /// opens the medium as if nothing had been, or the new one does.
    pub fn rekey(
        &mut self,
        first: &Unlocked,
        password: &Password,
        now: Timestamp,
        rng: &mut dyn Random,
    ) -> Result<Unlocked, LoginError> {
        if self.life() == KeyLife::Owners {
            return Err(LoginError::Owned(self.medium.id()));
        }
        let new = self.wrap(first.keys.rekeyed(rng), &first.slot, password, rng)?;
        let holder = self.medium.account.state.holder;
        self.access.add(self.journal.device(), &holder, &new.slot)?;
        let state = &self.medium.account.state;
        let record = next::rekey(state, &self.host(now), event(rng), &new.keys.key);
        self.commit(&first.keys.key, &record, Use::Keeps)?;
        self.access.keep_only(self.journal.device(), &new.slot)?;
        Ok(new)
    }

    /// Put the same keys under another password; stopped anywhere, either password opens them.
    pub fn change_password(
        &mut self,
        old: Unlocked,
        password: &Password,
        rng: &mut dyn Random,
    ) -> Result<Unlocked, LoginError> {
        let new = self.wrap(old.keys, &old.slot, password, rng)?;
        let holder = self.medium.account.state.holder;
        self.access.add(self.journal.device(), &holder, &new.slot)?;
        self.access.keep_only(self.journal.device(), &new.slot)?;
        Ok(new)
    }

    /// The key of the sealed file with this root; none if the ring doesn't hold it.
    pub fn item_key(
        &self,
        keys: &HolderKeys,
        root: &[u8; 32],
    ) -> Result<Option<Secret<32>>, RingError> {
        self.items.key(&keys.ring, self.medium.id(), root)
    }

    /// Does the ring hold a key of the sealed file with this root?
    pub fn holds_item_key(&self, root: &[u8; 32]) -> bool {
        self.items.holds(root)
    }

    /// Keep the key of the sealed file with this root in the ring, in both copies; one that is
    /// there already is not written again.
    pub fn keep_item_key(
        &mut self,
        keys: &HolderKeys,
        (root, key): (&[u8; 32], &Secret<32>),
        rng: &mut dyn Random,
    ) -> Result<(), RingError> {
        let own = (&keys.ring, self.medium.id());
        self.items.put(self.journal.device(), own, (root, key), rng)
    }

    fn wrap(
        &self,
        keys: HolderKeys,
        old: &AccessSlot,
        password: &Password,
        rng: &mut dyn Random,
    ) -> Result<Unlocked, OutOfMemory> {
        let least = self.medium.grounds.cost_min();
        let memory = old.cost.memory_kib.max(least.memory_kib());
        let passes = old.cost.passes.max(least.passes());
        let cost = Cost::new(memory, passes, old.cost.lanes).unwrap_or(least);
        let generation = old.generation.saturating_add(1);
        let slot = keys.seal(self.medium.id(), generation, password, cost, rng)?;
        Ok(Unlocked { keys, slot })
    }

    /// Commit a top-up that was judged on this medium.
    pub fn topup(
        &mut self,
        keys: &HolderKeys,
        topup: &Topup,
        now: Timestamp,
        rng: &mut dyn Random,
    ) -> Result<(), CommitError> {
        let record = self.topup_record(topup, now, event(rng))?;
        self.commit_own(keys, &record, Use::Keeps)
    }

    fn topup_record(
        &self,
        topup: &Topup,
        now: Timestamp,
        event: EventId,
    ) -> Result<Record, CommitError> {
        let (state, host) = (&self.medium.account.state, self.host(now));
        let grounds = &self.medium.grounds;
        let record = match &topup.source {
            Source::Code { code, opened } => {
                let secret = code.secret().clone();
                let (sheet, slot, amount) = (opened.sheet, opened.slot, opened.amount);
                let partner = format!("store {}", grounds.certificate.store);
                next::topup(state, &host, &Code { sheet, slot, secret, amount }, event, &partner)
            }
            Source::Voucher { carried, .. } => {
                let own = grounds.store.certificate();
                let by = carried.store.certificate();
                let certificate = (by.key != own.key).then(|| by.bytes());
                let slip = Slip { voucher: &carried.voucher, certificate };
                next::topup_voucher(state, &host, &slip, event)
            }
        };
        Ok(record.map_err(NextError::from)?)
    }

    /// Commit that an item is played, by a program of this name.
    pub fn play(
        &mut self,
        keys: &HolderKeys,
        (item, player): (&str, &str),
        now: Timestamp,
        rng: &mut dyn Random,
    ) -> Result<(), CommitError> {
        let state = &self.medium.account.state;
        let record = next::play(state, &self.host(now), event(rng), item, player);
        self.commit_own(keys, &record, Use::Keeps)
    }

    /// What the medium lies on, as its journal is written.
    pub fn device(&self) -> &D {
        self.journal.device()
    }

    /// Commit a purchase of goods on this medium.
    pub fn buy(
        &mut self,
        keys: &HolderKeys,
        (item, rights_holder): (&str, &str),
        price: Amount,
        now: Timestamp,
        rng: &mut dyn Random,
    ) -> Result<(), CommitError> {
        let state = &self.medium.account.state;
        let goods = (item, rights_holder);
        let record = next::purchase(state, &self.host(now), event(rng), goods, price)?;
        self.commit_own(keys, &record, Use::Spends)
    }

    pub(super) fn commit_own(
        &mut self,
        keys: &HolderKeys,
        record: &Record,
        usage: Use,
    ) -> Result<(), CommitError> {
        self.check_own()?;
        self.commit(&keys.key, record, usage)
    }

    /// Bytes that records may still fill.
    pub(super) fn left_bytes(&self) -> u64 {
        self.journal.left_bytes()
    }

    fn check_own(&self) -> Result<(), CommitError> {
        match self.life() {
            KeyLife::Owners => Ok(()),
            KeyLife::StoreMade => Err(CommitError::NotLoggedIn),
        }
    }

    /// Sign, hold against the rules, write to both copies: then it counts.
    fn commit(&mut self, key: &SecretKey, record: &Record, usage: Use) -> Result<(), CommitError> {
        let bytes = sign(key, record);
        let account = &mut self.medium.account;
        let mut state = account.state.clone();
        let verified = follow(&self.medium.grounds.rules(), &mut state, &bytes)?;
        let _committed = self.journal.append(&bytes, usage)?;
        account.state = state;
        account.records.push(verified);
        Ok(())
    }

    pub(super) fn host(&self, now: Timestamp) -> Host {
        Host { at: now, floor: self.medium.floor(), instance: self.instance }
    }
}

/// The medium with the records and papers that it holds now, which another wallet may have added to
/// since the check.
fn refreshed(
    medium: Medium,
    reading: &Reading,
    papers: Option<KeptPapers>,
) -> Result<Medium, Refusal> {
    let papers = papers.unwrap_or_default();
    if medium.chain() == reading.records && papers == *medium.grounds.kept_papers() {
        return Ok(medium);
    }
    let Medium { grounds, older, .. } = medium;
    let grounds = grounds.keeping(papers, None);
    let account = Account::of(&grounds.rules(), grounds.blank(), reading)?;
    Ok(Medium { older, ..Medium::at(grounds, account) })
}

fn event(rng: &mut dyn Random) -> EventId {
    let mut event = [0; 16];
    rng.fill(&mut event);
    event
}
