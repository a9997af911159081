//! A medium opened by its owner.
//!
//! [`Overview`] is what an owner wants to know at a glance; [`RootMemory`] remembers under which
//! root a medium was first seen here, so that another root later is noticed.

mod memory;
mod overview;

pub use memory::{Met, RootMemory};
pub use overview::{Offer, Overview};
