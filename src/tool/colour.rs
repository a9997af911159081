//! Colour on a terminal, sparingly: the balance, and what is wrong.
//!
//! Whether there is any is decided for each stream as `anstream` does, and as clap does for help:
//! none with `NO_COLOR`, `CLICOLOR=0`, `TERM=dumb` or where the stream is no terminal; always with
//! `CLICOLOR_FORCE`.

use std::io::Write;

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::Exit;

/// What a text is, which its colour says as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// What a person looks for first.
    Headline,
    /// It goes on, but not as usual; or a rule says no.
    Warning,
    /// It did not get to its result.
    Error,
}

impl Tone {
    /// A rule that says no is no fault.
    pub(super) fn of(exit: Exit) -> Self {
        match exit {
            Exit::Refusal | Exit::Interrupted => Self::Warning,
            _ => Self::Error,
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Headline => Style::new().bold(),
            Self::Warning => AnsiColor::Yellow.on_default().bold(),
            Self::Error => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// Whether a stream shows colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// Text alone.
    Plain,
    /// Styled as ANSI does it.
    Styled,
}

impl Colour {
    /// A text in its tone, which must hold nothing that a terminal acts on.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Styled => format!("{style}{text}{style:#}", style = tone.style()),
        }
    }
}

/// A stream of this process, and whether it shows colours.
pub(super) fn fitted<S: RawStream + Write + Send + 'static>(
    stream: S,
) -> (Box<dyn Write + Send>, Colour)
where
    AutoStream<S>: Write + Send,
{
    match AutoStream::choice(&stream) {
        ColorChoice::Never => (Box::new(stream), Colour::Plain),
        choice => (Box::new(AutoStream::new(stream, choice)), Colour::Styled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_ended_where_its_text_ends() {
        assert_eq!(Colour::Plain.paint(Tone::Error, "no"), "no");
        assert_eq!(Colour::Styled.paint(Tone::Headline, "¥5"), "\x1b[1m¥5\x1b[0m");
        let red = Colour::Styled.paint(Tone::Error, "no");
        assert!(red.starts_with("\x1b[1m\x1b[31mno") && red.ends_with("\x1b[0m"), "{red:?}");
    }

    #[test]
    fn a_refusal_is_no_fault() {
        let tones = [Exit::Refusal, Exit::Interrupted, Exit::Damage, Exit::Failure, Exit::Usage];
        let yellow = tones.map(|exit| Tone::of(exit) == Tone::Warning);
        assert_eq!(yellow, [true, true, false, false, false]);
    }
}
