//! Questions to the person at the terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use scrip::tool::Output;

/// What a person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Yes, that is meant.
    Yes,
    /// Anything else.
    No,
    /// Nobody is there to be asked.
    Nobody,
}

/// Ask; only a typed `y` or `yes` is one.
pub(crate) fn ask(output: &Output, question: &str) -> Answer {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Answer::Nobody;
    }
    output.note(format!("{question} Type yes or no:"));
    match line() {
        Some(answer) if matches!(answer.to_lowercase().as_str(), "y" | "yes") => Answer::Yes,
        _ => Answer::No,
    }
}

/// One line from standard input; none where there is none.
pub(crate) fn line() -> Option<String> {
    const LINE_BYTES_MAX: u64 = 16 << 10;
    let mut answer = String::new();
    io::stderr().flush().ok()?;
    let mut input = io::Read::take(io::stdin().lock(), LINE_BYTES_MAX);
    input.read_line(&mut answer).ok()?;
    let answer = answer.trim();
    (!answer.is_empty()).then(|| answer.to_owned())
}
