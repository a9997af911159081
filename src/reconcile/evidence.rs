//! What a run asks of evidence.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::pieces::{Pieces, Rights};
use super::still::{Held, Unchanged};
use crate::shop::Export;
use crate::trust::Revoked;
use crate::units::{MediumId, StoreId, Timestamp};

/// What was gathered, wherever it lies.
pub trait Evidence: Sync {
    /// The media that it says something of, ascending.
    fn media(&self) -> Vec<MediumId>;

    /// All that it says of a medium.
    fn pieces(&self, medium: MediumId) -> Cow<'_, Pieces>;

    /// How many bytes that is.
    fn bytes(&self, medium: MediumId) -> u64;

    /// Who is paid for items.
    fn rights(&self) -> &Rights;

    /// Is an export all that it says of a medium?
    fn is_lone(&self, medium: MediumId) -> bool;

    /// What a medium's one export says, if it says nothing new; it is read into `room`.
    fn unchanged(&self, medium: MediumId, held: Held<'_>, room: &mut Vec<u8>) -> Option<Unchanged>;

    /// The newest revocation list that was seen.
    fn revoked(&self) -> Revoked;

    /// The newest time that an issuer or settler signed in what was seen.
    fn newest(&self) -> Option<Timestamp>;

    /// Media of which something was seen where others' lie, since this was asked.
    fn strays(&self) -> BTreeSet<MediumId>;

    /// What a medium's pieces are known by without reading them, if that is certain.
    fn identity(&self, medium: MediumId) -> Option<[u8; 32]>;

    /// What became of a medium's pieces when they were read, if that may be remembered.
    fn became(&self, medium: MediumId) -> Option<Vec<u8>>;

    /// A medium's pieces aren't read, this became of them before; was it so?
    fn recall(&self, medium: MediumId, became: &[u8]) -> bool;

    /// All else that what is found in it follows from.
    fn ground(&self) -> [u8; 32];

    /// Show each store's journal, by its store and the hash of its newest entry, until one fails.
    fn each_journal<E>(&self, each: &mut EachJournal<'_, E>) -> Result<(), E>;
}

/// What is done with each store's journal.
pub type EachJournal<'f, E> = dyn FnMut(StoreId, [u8; 32], &Export) -> Result<(), E> + 'f;
