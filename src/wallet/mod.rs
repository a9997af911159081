//! A medium opened by its owner.
//!
//! [`Overview`] is what an owner wants to know at a glance, [`advice`] what to do about it; [`RootMemory`] remembers under which
//! root a medium was first seen here, so that another root later is noticed.

mod advice;
mod memory;
mod overview;

pub use advice::advice;
pub use memory::{Met, RootMemory};
pub use overview::{Offer, Overview};
