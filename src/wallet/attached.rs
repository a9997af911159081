//! What goes with a checkpoint: sheets, a revocation list, a policy. A medium has those that its
//! store stamped; it keeps no others, and says so.

use super::medium::Medium;
use crate::crypto::digest::sha256;
use crate::format::checkpoint::CheckpointFile;
use crate::format::policy::{Policy, Revocation};
use crate::format::sheet::{Sheet, SheetId};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has that, or a newer one, in its read-only area.
    Stamped,
    /// It is not kept: only a store's refresh puts it where codes and records are judged by it.
    NotKept,
}

impl Medium {
    /// What goes with a checkpoint's file, and whether this medium has it.
    pub(super) fn attached(&self, file: &CheckpointFile) -> Vec<Attached> {
        file.attachments.0.iter().map(|file| self.identified_paper(&file.0)).collect()
    }

    fn identified_paper(&self, bytes: &[u8]) -> Attached {
        let grounds = &self.grounds;
        let issuer = &grounds.issuer;
        let (what, has) = if let Ok(sheet) = issuer.open::<Sheet>(bytes)
            && sheet.medium == self.id()
        {
            let has = grounds.sheets.iter().any(|known| known.hash() == sheet.hash());
            (Attachment::Sheet(sheet.id), has)
        } else if let Ok(list) = issuer.open::<Revocation>(bytes) {
            let known = grounds.revoked.list().is_some_and(|known| known.number >= list.number);
            (Attachment::Revocation(list.number), known)
        } else if let Ok(policy) = issuer.open::<Policy>(bytes) {
            (Attachment::Policy(policy.number), grounds.policy.number >= policy.number)
        } else {
            (Attachment::Unknown(sha256(bytes)), false)
        };
        Attached { what, standing: if has { Standing::Stamped } else { Standing::NotKept } }
    }
}
