//! How wide the lines are that a person reads.

use std::io;

use rustix::termios::tcgetwinsize;

/// Wider lines are hard to read.
const MOST: usize = 80;

/// Narrower lines hold no words.
const LEAST: usize = 40;

/// The columns of the terminal that standard output is, else those that `COLUMNS` names, else 80;
/// never more, and never less than 40.
#[expect(clippy::disallowed_methods, reason = "this room reads the environment for the tools")]
pub fn columns() -> usize {
    let terminal = tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
    let named = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.filter(|columns| *columns > 0).or_else(named).unwrap_or(MOST).clamp(LEAST, MOST)
}
