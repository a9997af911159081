//! A medium that went on elsewhere after it lost what this computer saw: both histories are kept.

use super::opened::{CommitError, Opened};
use crate::crypto::Random;
use crate::crypto::digest::sha256;
use crate::device::Device;
use crate::fat::{Exchange, ExchangeError, Tray};
use crate::format::record::{Body, Cause};
use crate::journal::{AppendError, Mirror, Use, first_frames};
use crate::ledger::next;
use crate::trust::access::HolderKeys;
use crate::units::Timestamp;

/// A branch begins with this in the OUTBOX.
pub(super) const BRANCH_PREFIX: &str = "BRANCH-";

/// What this computer's mirror alone has.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) mirror: Mirror,
    pub(super) records: Vec<Vec<u8>>,
    pub(super) kept: Kept,
}

/// Whether a branch lies in the OUTBOX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Not,
    InOutbox,
}

impl Branch {
    /// The hash of its first record.
    fn subject(&self) -> [u8; 32] {
        sha256(self.records.first().map(Vec::as_slice).unwrap_or_default())
    }
}

/// The name in the OUTBOX of records that don't count.
pub fn branch_name(records: &[Vec<u8>]) -> String {
    let first = sha256(records.first().map(Vec::as_slice).unwrap_or_default());
    let hash = data_encoding::HEXLOWER.encode(&first[..6]);
    format!("{BRANCH_PREFIX}{hash}-{}.JRN", records.len())
}

/// Keep records that don't count in the OUTBOX; the name of their file there.
pub fn keep_branch(exchange: &Exchange<'_>, records: &[Vec<u8>]) -> Result<String, ExchangeError> {
    let frames = first_frames(records).expect("they came from frames");
    let name = branch_name(records);
    if exchange.size(Tray::Outbox, &name)? != Some(frames.len() as u64) {
        exchange.write(Tray::Outbox, &name, &frames)?;
    }
    Ok(name)
}

impl<D: Device> Opened<D> {
    /// Put what this computer alone saw into the OUTBOX; its name there, none if nothing parted.
    pub fn put_away(&mut self, exchange: &Exchange<'_>) -> Result<Option<String>, ExchangeError> {
        let Some(branch) = &mut self.branch else { return Ok(None) };
        let name = keep_branch(exchange, &branch.records)?;
        branch.kept = Kept::InOutbox;
        Ok(Some(name))
    }

    /// Go on from the medium where the two parted and the branch was put away: an exception is
    /// journalled, then this computer sees the medium's own history from now on.
    pub fn go_on(
        &mut self,
        keys: &HolderKeys,
        now: Timestamp,
        rng: &mut dyn Random,
    ) -> Result<(), CommitError> {
        let kept = |branch: &mut Branch| branch.kept == Kept::InOutbox;
        let Some(branch) = self.branch.take_if(kept) else { return Ok(()) };
        let named = Some(branch.subject());
        let told = self.medium.account.records.iter().any(
            |record| matches!(record.body, Body::Exception { subject, .. } if subject == named),
        );
        if !told {
            let mut event = [0; 16];
            rng.fill(&mut event);
            let state = &self.medium.account.state;
            let record = next::exception(state, &self.host(now), event, Cause::Diverged, named);
            self.commit_own(keys, &record, Use::Keeps)?;
        }
        Ok(self.journal.attach(branch.mirror).map_err(AppendError::from)?)
    }
}
