//! Why a tool didn't do what was asked: class, message, and what to do next.

use std::error::Error;
use std::io::{self, Write};

use super::colour::{Colour, Tone};
use super::{Exit, printable};
use crate::phrases;
use crate::words::{Language, Phrase, Spoken};

phrases! {
    fn error(tool) { en: "{tool}: error: ", ja: "{tool}：エラー：" }
    fn advised(hint) { en: "hint: {hint}", ja: "ヒント：{hint}" }
    fn broken_off() { en: "interrupted", ja: "中断されました" }
}

/// The end of a verb that didn't get to its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    message: Phrase,
    hint: Option<Phrase>,
}

impl Failure {
    /// Says what is wrong: lower case, no full stop, naming the object and both values.
    pub fn new(exit: Exit, message: impl Spoken) -> Self {
        Self { exit, message: message.phrase(), hint: None }
    }

    /// Takes the message from an error and its causes.
    pub fn of(exit: Exit, error: &dyn Error) -> Self {
        Self::new(exit, explained(error))
    }

    /// The user broke it off.
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, broken_off())
    }

    /// Puts in front what was being done, as a gerund: `burning /dev/sdb`. A message that begins
    /// with the same object doesn't say it again.
    #[must_use]
    pub fn during(mut self, doing: impl Spoken) -> Self {
        let doing = doing.phrase();
        let english = within(doing.en(), self.message.en(), ": ");
        self.message = Phrase::new(english, within(doing.ja(), self.message.ja(), "："));
        self
    }

    /// Says what to do next, as an imperative.
    #[must_use]
    pub fn hint(mut self, hint: impl Spoken) -> Self {
        self.hint = Some(hint.phrase());
        self
    }

    /// The class, which is the exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The message in English, as it was given.
    pub fn message(&self) -> &str {
        self.message.en()
    }

    /// The message in both languages.
    pub fn phrase(&self) -> &Phrase {
        &self.message
    }

    /// What to do next in English, if it is known.
    pub fn hinted(&self) -> Option<&str> {
        self.hint.as_ref().map(Phrase::en)
    }

    /// Prints the message and the hint, each on a line of its own.
    pub(super) fn print(
        &self,
        tool: &str,
        language: Language,
        colour: Colour,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let label = colour.paint(Tone::of(self.exit), error(tool).text(language));
        writeln!(out, "{label}{}", printable(self.message.text(language)))?;
        if let Some(hint) = &self.hint {
            writeln!(out, "{}", printable(advised(hint).text(language)))?;
        }
        Ok(())
    }
}

/// A message with what was being done in front, unless the message names that object itself.
fn within(doing: &str, message: &str, colon: &str) -> String {
    let repeated = doing.split_once(' ').and_then(|(_, object)| {
        message.strip_prefix(object).and_then(|rest| rest.strip_prefix(colon))
    });
    format!("{doing}{colon}{}", repeated.unwrap_or(message))
}

/// Turns a library's error into the end of a verb.
pub trait Explain<T> {
    /// Gives the error its class; only the tool knows whether bytes from there are damage.
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;

    /// The same, with what was being done put in front.
    fn or_exit_while(self, exit: Exit, doing: impl Spoken) -> Result<T, Failure>;
}

impl<T, E: Error> Explain<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure::of(exit, &error))
    }

    fn or_exit_while(self, exit: Exit, doing: impl Spoken) -> Result<T, Failure> {
        self.or_exit(exit).map_err(|failure| failure.during(doing))
    }
}

/// The error, then each cause that its message doesn't already tell.
pub(super) fn explained(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("reading block 7")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("device sdb: {0}")]
    struct Middle(#[source] io::Error);

    fn printed(failure: &Failure) -> String {
        let mut out = Vec::new();
        failure.print("scrip-store", Language::English, Colour::Plain, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn error_and_hint_stand_on_a_line_each() {
        let failure = Failure::new(Exit::Refusal, "sdb holds the running system");
        assert_eq!(printed(&failure), "scrip-store: error: sdb holds the running system\n");
        let failure = failure.during("burning /dev/sdb").hint("choose another\ntarget");
        assert_eq!(
            printed(&failure),
            "scrip-store: error: burning /dev/sdb: sdb holds the running system\n\
             hint: choose another\\ntarget\n"
        );
        assert_eq!(failure.exit(), Exit::Refusal);
        assert_eq!(failure.hinted(), Some("choose another\ntarget"));
    }

    #[test]
    fn an_object_is_named_once() {
        let during = |message| {
            let failure = Failure::new(Exit::Failure, message).during("checking my stick.img");
            failure.message().to_owned()
        };
        let once = "checking my stick.img: no such file";
        assert_eq!(during("my stick.img: no such file"), once);
        assert_eq!(during("no such file"), once);
        assert_eq!(during("stick.img: no"), "checking my stick.img: stick.img: no");
    }

    #[test]
    fn control_characters_reach_no_terminal() {
        let failure = Failure::new(Exit::Damage, "file \"a\x1b[2J\nb\" is altered");
        let expected = "scrip-store: error: file \"a\\u{1b}[2J\\nb\" is altered\n";
        assert_eq!(printed(&failure), expected);
    }

    #[test]
    fn causes_are_told_once() {
        let error = Outer(Middle(io::Error::other("no answer")));
        let failed: Result<(), Outer> = Err(error);
        let failure = failed.or_exit_while(Exit::Failure, "checking sdb").unwrap_err();
        assert_eq!(failure.message(), "checking sdb: reading block 7: device sdb: no answer");
        assert_eq!(failure.exit(), Exit::Failure);
    }
}
