//! A medium opened by its owner.
//!
//! With the feature `wallet`, `Medium` is a medium that a check found good, and `Opened` the same
//! medium opened for writing: first login, changes of the password, top-ups, purchases, each
//! committed to both copies of the journal before anything follows from it.
//!
//! `Alone` is a writable area whose read-only area isn't there: claims, and no `Medium`.
//!
//! [`Overview`] is what an owner wants to know at a glance, [`advice()`] what to do about it;
//! [`RootMemory`] remembers under which root a medium was first seen here, so that another root
//! later is noticed. `read_typed` and `read_given` take a top-up as it
//! is typed, pasted or photographed, and `TopupTerms::judge` says what it would add, or why nothing.

#[cfg(feature = "wallet")]
mod access;
mod advice;
#[cfg(feature = "wallet")]
mod alone;
#[cfg(feature = "wallet")]
mod applied;
#[cfg(feature = "wallet")]
mod attached;
#[cfg(feature = "wallet")]
mod archive;
#[cfg(feature = "wallet")]
mod entry;
#[cfg(feature = "wallet")]
mod given;
#[cfg(feature = "wallet")]
mod medium;
mod memory;
#[cfg(feature = "wallet")]
mod offered;
#[cfg(feature = "wallet")]
mod opened;
mod overview;
#[cfg(feature = "wallet")]
mod keyring;
#[cfg(feature = "wallet")]
mod play;
#[cfg(feature = "wallet")]
mod papers;
#[cfg(feature = "wallet")]
mod parted;
#[cfg(feature = "wallet")]
mod settling;
#[cfg(feature = "wallet")]
mod statement;
#[cfg(feature = "wallet")]
pub mod take;
#[cfg(feature = "wallet")]
mod topup;
#[cfg(feature = "wallet")]
mod trays;

#[cfg(feature = "wallet")]
pub use access::{UnlockError, Unlocked};
pub use advice::{advice, rival};
#[cfg(feature = "wallet")]
pub use alone::{Alone, AloneError};
#[cfg(feature = "wallet")]
pub use attached::{Attached, Attachment, NotKept, Standing};
#[cfg(feature = "wallet")]
pub use entry::{Entry, EntryError, read_given, read_typed};
#[cfg(feature = "wallet")]
pub use keyring::RingError;
#[cfg(feature = "wallet")]
pub use medium::{Medium, UnusableError};
pub use memory::{Met, RootMemory};
#[cfg(feature = "wallet")]
pub use offered::{Offered, Place, laid_out, offered};
#[cfg(feature = "wallet")]
pub use opened::{CommitError, LoginError, MirrorError, OpenError, Opened, Repairs};
pub use overview::{Offer, Overview};
#[cfg(feature = "wallet")]
pub use papers::{KeepError, in_the_end, keep_again};
#[cfg(feature = "wallet")]
pub use parted::{branch_name, keep_branch};
#[cfg(feature = "wallet")]
pub use play::{PlayError, Playing};
#[cfg(feature = "wallet")]
pub use settling::{ApplyRefusal, Obstacle, Settling, Way};
#[cfg(feature = "wallet")]
pub use statement::{Filter, Ledger, kind_word, partner_word, reason_word, signed, sum_name};
#[cfg(feature = "wallet")]
pub use topup::{Credited, Source, Topup, TopupRefusal, TopupTerms};
#[cfg(feature = "wallet")]
pub use trays::{Found, Frames, Kept, Purpose};
