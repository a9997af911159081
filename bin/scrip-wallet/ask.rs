//! Questions to the person at the terminal.

use scrip::phrases;
use scrip::tool::{Failure, Output, somebody, typed_line};
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

/// Ask; only a typed yes is one, in either language and either width.
pub(crate) fn ask(output: &Output, question: impl Spoken) -> Result<Answer, Failure> {
    if !somebody() {
        return Ok(Answer::Nobody);
    }
    output.note(yes_or_no(question));
    let answer = typed_line()?.map(|answer| narrow(&answer).to_lowercase());
    Ok(match answer.as_deref() {
        Some("y" | "yes" | "はい") => Answer::Yes,
        _ => Answer::No,
    })
}

/// Full-width letters and digits as the usual ones.
pub(crate) fn narrow(text: &str) -> String {
    const WIDE: std::ops::RangeInclusive<char> = '\u{ff01}'..='\u{ff5e}';
    let usual = |c: char| char::from_u32(u32::from(c) - 0xfee0).expect("they mirror ASCII");
    text.chars().map(|c| if WIDE.contains(&c) { usual(c) } else { c }).collect()
}

/// One line from standard input; none where it is empty or ends.
pub(crate) fn line() -> Result<Option<String>, Failure> {
    Ok(typed_line()?.filter(|line| !line.is_empty()))
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
