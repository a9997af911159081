//! Questions to the person at the terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use rustix::event::{PollFd, PollFlags, poll};
use scrip::phrases;
use scrip::tool::{Exit, Failure, Output, told};
use scrip::words::Spoken;

phrases! {
    fn reading_input() { en: "reading standard input", ja: "標準入力の読み取り" }
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
    let answer = line().ok().flatten().map(|answer| narrow(&answer).to_lowercase());
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

/// One line from standard input; none where it is empty or ends.
pub(crate) fn line() -> Result<Option<String>, Failure> {
    Ok(typed()?.filter(|line| !line.is_empty()))
}

/// What was typed, perhaps nothing; none at the end of input. Ctrl-C interrupts.
pub(crate) fn typed() -> Result<Option<String>, Failure> {
    const LINE_BYTES_MAX: u64 = 16 << 10;
    let (input, mut answer) = (io::stdin(), String::new());
    let _ = io::stderr().flush();
    if input.is_terminal() {
        // Unlike a read, this wait is not taken up again after a signal.
        let mut awaited = [PollFd::new(&input, PollFlags::IN)];
        poll(&mut awaited, None).map_err(|error| unread(&error.into()))?;
    }
    let mut input = io::Read::take(input.lock(), LINE_BYTES_MAX);
    let bytes = input.read_line(&mut answer).map_err(|error| unread(&error))?;
    Ok((bytes > 0).then(|| answer.trim().to_owned()))
}

fn unread(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::Interrupted => Failure::interrupted(),
        _ => Failure::new(Exit::Failure, told(error)).during(reading_input()),
    }
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
