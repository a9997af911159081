//! What all four tools share: exit codes, error printing, output, progress, passwords, the clock.
//!
//! A tool's `main` parses its arguments and hands its work to [`run`]; only this room and the
//! tools themselves touch the terminal, the clock and the environment.

#[cfg(feature = "wallet")]
mod alone;
mod asking;
mod attendant;
mod bug;
mod class;
pub mod clock;
mod colour;
mod columns;
mod csv;
mod exit;
mod failure;
pub mod home;
mod interrupt;
mod japanese;
pub mod locale;
mod medium;
mod output;
pub mod password;
mod pinned;
mod printable;
mod progress;
mod unmounted;
mod waiting;

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

#[cfg(feature = "wallet")]
pub use alone::WritableArea;
pub use asking::{somebody, typed_line};
pub use attendant::Attendant;
pub use class::Classed;
pub use columns::columns;
pub use csv::csv_row;
pub use exit::Exit;
pub use failure::{Explain, Failure};
pub use interrupt::Interrupt;
pub use japanese::{Japanese, Tell, told};
#[cfg(feature = "wallet")]
pub use medium::RomFile;
pub use medium::{Source, mount_both};
pub use output::{Form, Output, money};
pub use pinned::pinned_roots;
pub use printable::printable;
pub use progress::Progress;
pub use unmounted::open_unmounted;
pub use waiting::Waiting;

/// How many workers long work gets: one a core, at most eight.
pub fn threads() -> NonZeroUsize {
    const MOST: NonZeroUsize = NonZeroUsize::new(8).expect("eight");
    std::thread::available_parallelism().map_or(NonZeroUsize::MIN, |cores| cores.min(MOST))
}

/// Runs a tool's work and ends as its outcome says: message, hint, JSON result and exit code.
pub fn run(
    tool: &'static str,
    form: Form,
    work: impl FnOnce(&Output, &Interrupt) -> Result<Exit, Failure>,
) -> ExitCode {
    bug::announce(tool);
    let output = Output::on_terminal(tool, form);
    let work = || Interrupt::on_ctrl_c().and_then(|interrupt| work(&output, &interrupt));
    // A panic was announced where it happened; here it only has to become an exit code.
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Ok(Exit::Bug));
    output.finish(outcome).into()
}
