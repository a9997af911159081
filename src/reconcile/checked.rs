//! What the first look of this run has checked: a second look needs no signature again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::judged::Judged;
use crate::units::MediumId;

/// By medium the newest record of its one chain, where all of that was found to follow and the records
/// don't hold it yet.
#[derive(Debug, Default)]
pub(super) struct Checked(Mutex<BTreeMap<MediumId, [u8; 32]>>);

impl Checked {
    /// Note what a first look has found.
    pub(super) fn note(&self, judged: &Judged) {
        let known = judged.known.as_ref().map(|known| known.row.head);
        if let [branch] = judged.found.branches.as_slice()
            && judged.found.refused.is_empty()
            && known != Some(branch.state.head)
        {
            self.all().insert(judged.medium, branch.state.head);
        }
    }

    /// A medium is looked at as if for the first time.
    pub(super) fn forget(&self, medium: MediumId) {
        self.all().remove(&medium);
    }

    /// The newest record that was found to follow.
    pub(super) fn head(&self, medium: MediumId) -> Option<[u8; 32]> {
        self.all().get(&medium).copied()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<MediumId, [u8; 32]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
