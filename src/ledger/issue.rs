//! A settlement put down for its medium: the checkpoint, signed, in a file that a wallet applies.

use super::settle::{Account, Credits, Settlement};
use super::state::State;
use crate::crypto::digest::sha256;
use crate::crypto::sign::SecretKey;
use crate::format::certificate::Chain;
use crate::format::checkpoint::{Bounded, CheckpointFile};
use crate::format::field::Bytes;
use crate::trust::sign;

/// Who signs checkpoints.
#[derive(Clone, Copy)]
pub struct Settler<'a> {
    /// The settler's key.
    pub key: &'a SecretKey,
    /// Its chain.
    pub chain: &'a Chain,
}

impl Settlement {
    /// The signed checkpoint of this settlement, with the events and files that go with it.
    ///
    /// The same settlement gives the same bytes. The hash of the signed checkpoint belongs into the
    /// account then, for the next one to continue.
    pub fn issue(
        &self,
        settler: Settler<'_>,
        before: &Account,
        branches: &[&State],
        known: &Credits<'_>,
        attachments: &[Vec<u8>],
    ) -> CheckpointFile {
        let mut checkpoint = self.checkpoint(before, branches, known);
        checkpoint.attachments = Bounded(attachments.iter().map(|file| sha256(file)).collect());
        CheckpointFile {
            checkpoint: Bytes(sign(settler.key, &checkpoint)),
            chain: settler.chain.clone(),
            settled_since: Some(Bounded(self.settled_since.clone())),
            attachments: Bounded(attachments.iter().cloned().map(Bytes).collect()),
        }
    }
}
