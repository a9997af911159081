//! What was verified once under a key that is known, by its hash.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::format::policy::{Policy, Revocation};
use crate::trust::{Signer, Verified};

/// So many of a kind are remembered.
const KEPT_MAX: usize = 4_096;

/// Chains, policies, lists and settlers: few of each, named by every medium.
#[derive(Debug, Default)]
pub(super) struct Memo {
    pub(super) chains: Kept<Signer>,
    pub(super) policies: Kept<Verified<Policy>>,
    pub(super) lists: Kept<Verified<Revocation>>,
    pub(super) settlers: Kept<Signer>,
}

/// Verified objects of a kind.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<BTreeMap<[u8; 32], T>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    /// The object of this hash; made where it isn't known, and not kept where that fails.
    pub(super) fn or_made<E>(
        &self,
        hash: [u8; 32],
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(known) = self.all().get(&hash) {
            return Ok(known.clone());
        }
        let new = make()?;
        let mut all = self.all();
        if all.len() < KEPT_MAX {
            all.insert(hash, new.clone());
        }
        Ok(new)
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<[u8; 32], T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
