//! A medium opened by its owner.
//!
//! [`Overview`] is what an owner wants to know at a glance, [`advice`] what to do about it;
//! [`RootMemory`] remembers under which root a medium was first seen here, so that another root
//! later is noticed. With the feature `wallet`, `read_typed` and `read_given` take a top-up as it
//! is typed, pasted or photographed, and `TopupTerms::judge` says what it would add, or why nothing.

mod advice;
#[cfg(feature = "wallet")]
mod entry;
mod memory;
mod overview;
#[cfg(feature = "wallet")]
mod topup;

pub use advice::advice;
#[cfg(feature = "wallet")]
pub use entry::{Entry, EntryError, read_given, read_typed};
pub use memory::{Met, RootMemory};
pub use overview::{Offer, Overview};
#[cfg(feature = "wallet")]
pub use topup::{Credited, Source, Topup, TopupRefusal, TopupTerms};
