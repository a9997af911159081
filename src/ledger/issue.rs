//! A settlement put down for its medium: the checkpoint, signed, in a file that a wallet applies.

use super::settle::{Account, Credits, Settlement};
use super::state::State;
use crate::crypto::digest::sha256;
use crate::crypto::sign::SecretKey;
use crate::format::certificate::Chain;
use crate::format::checkpoint::{Bounded, Checkpoint, CheckpointFile};
use crate::format::field::Bytes;
use crate::format::record::EventId;
use crate::format::{Kind, Object};
use crate::trust::sign;

/// Who signs checkpoints.
#[derive(Clone, Copy)]
pub struct Settler<'a> {
    /// The settler's key.
    pub key: &'a SecretKey,
    /// Its chain.
    pub chain: &'a Chain,
}

/// Why a settlement can't be put down: no reader would take it.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// More of something than a checkpoint lists.
    #[error("{found} {what} are to be listed, a checkpoint takes {limit}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are read.
        limit: usize,
    },
    /// Longer than what is read.
    #[error("the {kind:?} has {found} bytes, {limit} are read")]
    Size {
        /// The checkpoint or its file.
        kind: Kind,
        /// Its length in bytes.
        found: usize,
        /// The longest that is read.
        limit: usize,
    },
}

impl Settlement {
    /// The signed checkpoint of this settlement, with the events and files that go with it.
    ///
    /// The same settlement gives the same bytes. The hash of the signed checkpoint belongs into the
    /// account then, for the next one to continue. What no reader takes is refused.
    pub fn issue(
        &self,
        settler: Settler<'_>,
        before: &Account,
        branches: &[&State],
        known: &Credits<'_>,
        attachments: &[Vec<u8>],
    ) -> Result<CheckpointFile, IssueError> {
        let checkpoint = self.checkpoint(before, branches, known);
        settler.issue(checkpoint, &self.settled_since, attachments)
    }
}

impl Settler<'_> {
    /// Sign a checkpoint, with the events that it names by their digest and the files that go with
    /// it; the same gives the same bytes. What no reader takes is refused.
    pub fn issue(
        self,
        mut checkpoint: Checkpoint,
        settled_since: &[EventId],
        attachments: &[Vec<u8>],
    ) -> Result<CheckpointFile, IssueError> {
        checkpoint.attachments = Bounded(attachments.iter().map(|file| sha256(file)).collect());
        check_counts(&checkpoint)?;
        let signed = sign(self.key, &checkpoint);
        check_size(Kind::Checkpoint, signed.len())?;
        let listed = checkpoint.settled_since.map(|_| Bounded(settled_since.to_vec()));
        let file = CheckpointFile {
            checkpoint: Bytes(signed),
            chain: self.chain.clone(),
            settled_since: listed,
            attachments: Bounded(attachments.iter().cloned().map(Bytes).collect()),
        };
        let since = file.settled_since.as_ref().map_or(Ok(()), |since| check("events", since));
        since?;
        check_size(Kind::CheckpointFile, file.encode().len())?;
        Ok(file)
    }
}

fn check_counts(checkpoint: &Checkpoint) -> Result<(), IssueError> {
    check("open transfers", &checkpoint.open)?;
    check("sheets", &checkpoint.slots)?;
    check("vouchers", &checkpoint.vouchers)?;
    check("events elsewhere", &checkpoint.counted)?;
    check("cleared exceptions", &checkpoint.cleared)?;
    check("exceptions", &checkpoint.exceptions)?;
    check("attachments", &checkpoint.attachments)
}

fn check<T, const MOST: usize>(
    what: &'static str,
    items: &Bounded<T, MOST>,
) -> Result<(), IssueError> {
    let found = items.0.len();
    if found > MOST { Err(IssueError::Count { what, found, limit: MOST }) } else { Ok(()) }
}

fn check_size(kind: Kind, found: usize) -> Result<(), IssueError> {
    let limit = kind.bytes_max();
    if found > limit { Err(IssueError::Size { kind, found, limit }) } else { Ok(()) }
}
