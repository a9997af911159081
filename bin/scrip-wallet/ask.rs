//! Questions to the person at the terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use scrip::phrases;
use scrip::tool::Output;
use scrip::words::Spoken;

phrases! {
    fn yes_or_no(question) {
        en: "{question} Type yes or no:",
        ja: "{question}（はい・いいえ、またはyes・noを入力）：",
    }
}

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

/// Is somebody there to be asked?
pub(crate) fn somebody() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Ask; only a typed yes is one, in either language and either width.
pub(crate) fn ask(output: &Output, question: impl Spoken) -> Answer {
    if !somebody() {
        return Answer::Nobody;
    }
    output.note(yes_or_no(question));
    let answer = line().map(|answer| narrow(&answer).to_lowercase());
    match answer.as_deref() {
        Some("y" | "yes" | "はい") => Answer::Yes,
        _ => Answer::No,
    }
}

/// Full-width letters and digits as the usual ones.
pub(crate) fn narrow(text: &str) -> String {
    const WIDE: std::ops::RangeInclusive<char> = '\u{ff01}'..='\u{ff5e}';
    let usual = |c: char| char::from_u32(u32::from(c) - 0xfee0).expect("they mirror ASCII");
    text.chars().map(|c| if WIDE.contains(&c) { usual(c) } else { c }).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_width_answers_are_read_as_the_usual_ones() {
        assert_eq!(narrow("ｙｅｓ　１２"), "yes　12");
        assert_eq!(narrow("はい"), "はい");
    }
}
