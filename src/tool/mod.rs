//! What all four tools share: exit codes, error printing, output, progress, passwords, the clock.

pub mod clock;
mod exit;
mod failure;
mod output;
pub mod password;
mod printable;
mod progress;

pub use exit::Exit;
pub use failure::{Explain, Failure};
pub use output::{Form, Output, money};
pub use printable::printable;
pub use progress::Progress;
