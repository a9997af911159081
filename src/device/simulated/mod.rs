//! Media that misbehave on purpose: devices to rehearse accidents with.
//!
//! Each wraps or replaces another device and does one thing, so that they compose:
//! - [`Counted`] counts reads, writes, flushes and bytes;
//! - [`Stopping`] stops for good at a chosen operation, tearing a write if asked;
//! - [`Faulty`] reads flipped bits, zeros, another block's data, or nothing at all;
//! - [`FakeCapacity`] claims more bytes than it has;
//! - [`Throttled`] is as slow as a real stick;
//! - [`Volatile`] loses what was not flushed, and yields every state a loss of power may leave;
//! - [`Explored`] runs a [`Procedure`], loses its power everywhere, and judges what is found.

mod contents;
mod counted;
mod crash;
mod fake;
mod faulty;
mod losses;
mod stopping;
mod throttled;
mod volatile;

pub use counted::{Counted, Counts};
pub use crash::{Explored, Model, Passed, Procedure, Violation, Witness};
pub use fake::{Beyond, FakeCapacity};
pub use faulty::{Faulty, ReadFault};
pub use losses::{Bounds, Fault, FaultKind, Loss};
pub use stopping::{StopAt, Stopping};
pub use throttled::{Rate, Throttled};
pub use volatile::Volatile;

/// What storage writes whole or not at all, mostly; tears fall on its boundaries.
pub const SECTOR_BYTES: usize = 512;
const SECTOR: u64 = SECTOR_BYTES as u64;
