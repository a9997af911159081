//! Checkpoints taken over by a medium that is open for writing.

use super::archive::ARCHIVE_PREFIX;
use super::medium::Medium;
use super::opened::{CommitError, Opened};
use super::settling::{Settling, Way};
use crate::crypto::Random;
use crate::device::Device;
use crate::fat::Exchange;
use crate::image::check::Account;
use crate::journal::{Archive, Carry, CompactError, Storage, Use};
use crate::trust::access::HolderKeys;
use crate::units::Timestamp;

impl Opened<Storage> {
    /// OUTBOX and INBOX of this medium, whatever form it has.
    pub fn exchange(&self) -> Exchange<'static> {
        let grounds = &self.medium.grounds;
        self.journal.device().exchange(grounds.volume.clone(), grounds.kept())
    }
}

impl<D: Device> Opened<D> {
    /// Compact the journal under a checkpoint, the old generation first into the archive. No
    /// password is needed: the settler's word is all that is added.
    pub fn compact(
        &mut self,
        checkpoint: &Settling,
        archive: &mut dyn Archive,
    ) -> Result<(), CompactError> {
        let Way::Compaction { after, .. } = &checkpoint.way else {
            return Err(CompactError::NotOnChain);
        };
        let (front, outside) = Medium::carried(after);
        let head = checkpoint.checkpoint.head;
        let carry = Carry { head, checkpoint: &front, outside: &outside };
        let _mirrored = self.journal.compact(&carry, archive)?;
        let before = std::mem::replace(&mut self.medium.account, Account::clone(after));
        let settled = checkpoint.checkpoint.seq;
        let moved = before.records.into_iter().filter(|record| record.seq <= settled);
        self.medium.older.extend(moved);
        self.medium.keep(self.medium.grounds.kept_papers().clone());
        Ok(())
    }

    /// Take a checkpoint over by a record: a merge where its head is on another branch.
    pub fn take_over(
        &mut self,
        keys: &HolderKeys,
        checkpoint: &Settling,
        now: Timestamp,
        rng: &mut dyn Random,
    ) -> Result<(), CommitError> {
        let state = &self.medium.account.state;
        let mut host = self.host(now);
        host.floor = host.floor.max(checkpoint.checkpoint.as_of);
        let mut event = [0; 16];
        rng.fill(&mut event);
        let record = checkpoint.record(state, &host, event);
        self.commit_own(keys, &record, Use::Keeps)
    }

    /// What the archive of the present generation is called in OUTBOX.
    pub fn archive_name(&self) -> String {
        let known = self.medium.account.anchor.as_ref();
        let behind = known.map_or(0, |anchor| anchor.checkpoint.number);
        format!("{ARCHIVE_PREFIX}{behind}-{}.JRN", self.journal.reading().generation)
    }
}
