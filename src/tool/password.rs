//! Passwords from a prompt or a file, never from an argument.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::{Exit, Failure, Interrupt, printable, told};
use crate::crypto::SecretBytes;
use crate::crypto::password::Password;
use crate::phrases;
use crate::words::{Language, Phrase, Spoken};

phrases! {
    fn again(question) { en: "{question}, again", ja: "{question}（もう一度）" }
    fn differ() { en: "the two passwords differ", ja: "2回のパスワードが一致しません" }
    fn twice() { en: "type the same one twice", ja: "同じものを2回入力してください" }
    fn nothing_typed() { en: "no password was typed", ja: "パスワードが入力されていません" }
    fn no_terminal(error) {
        en: "no terminal to ask for a password on: {error}",
        ja: "パスワードを尋ねる端末がありません（{error}）",
    }
    fn give_a_file() {
        en: "give it with --password-file FILE",
        ja: "--password-file ファイル で指定してください",
    }
    fn reading(name) { en: "reading password file {name}", ja: "パスワードファイル {name}" }
    fn too_long(name) {
        en: "password file {name} is longer than {FILE_BYTES_MAX} bytes",
        ja: "パスワードファイル {name} は{FILE_BYTES_MAX}バイトを超えています",
    }
    fn no_text(name) {
        en: "password file {name} isn't UTF-8 text",
        ja: "パスワードファイル {name} はUTF-8のテキストではありません",
    }
    fn empty(name) { en: "password file {name} is empty", ja: "パスワードファイル {name} は空です" }
}

/// Longest password file that is read.
pub const FILE_BYTES_MAX: usize = 4096;

/// How often a signal is looked for while nothing is typed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where a password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// Asked for on the terminal, unseen.
    Prompt,
    /// All of a file but one newline at its end.
    File(PathBuf),
}

impl From<Option<PathBuf>> for PasswordSource {
    fn from(file: Option<PathBuf>) -> Self {
        file.map_or(Self::Prompt, Self::File)
    }
}

impl PasswordSource {
    /// Gets the password that opens something; `question` says what, as in `password of the store`.
    pub fn read(&self, question: &str) -> Result<Password, Failure> {
        match self {
            Self::Prompt => ask(question, &mut prompt),
            Self::File(path) => from_file(path),
        }
    }

    /// Gets a new password; a prompt asks twice.
    pub fn read_new(&self, question: impl Spoken, language: Language) -> Result<Password, Failure> {
        match self {
            Self::Prompt => ask_twice(&question.phrase(), language, &mut prompt),
            Self::File(path) => from_file(path),
        }
    }
}

type Prompt<'a> = &'a mut dyn FnMut(&str) -> io::Result<String>;

/// Ask on the terminal, unseen; Ctrl-C ends it at once, and the terminal shows again what is typed.
///
/// What is typed is hidden before the question is shown: whoever is quick answers at once.
fn prompt(question: &str) -> io::Result<String> {
    let interrupt = Interrupt::of_process();
    if interrupt.requested() {
        return Err(ErrorKind::Interrupted.into());
    }
    let before = Shown::now().inspect(Shown::hide);
    let (said, heard) = channel();
    let question = question.to_owned();
    thread::spawn(move || {
        // Nobody listens after a signal.
        let _ = said.send(rpassword::prompt_password(question));
    });
    loop {
        match heard.recv_timeout(LOOK_EVERY) {
            Ok(typed) => {
                before.iter().for_each(Shown::restore);
                return typed;
            }
            Err(RecvTimeoutError::Timeout) if interrupt.requested() => {
                if let Some(mut shown) = before {
                    shown.restore();
                    shown.end_line();
                }
                return Err(ErrorKind::Interrupted.into());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the prompt ended without a word"),
        }
    }
}

/// How the terminal shows what is typed.
struct Shown {
    terminal: File,
    settings: Termios,
}

impl Shown {
    /// As it is now; none where there is no terminal.
    fn now() -> Option<Self> {
        let terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let settings = tcgetattr(&terminal).ok()?;
        Some(Self { terminal, settings })
    }

    /// From now on show nothing of what is typed but the end of a line.
    fn hide(&self) {
        let mut hidden = self.settings.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        self.set(&hidden);
    }

    fn restore(&self) {
        self.set(&self.settings);
    }

    fn set(&self, settings: &Termios) {
        // A terminal that is gone shows nothing any more.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, settings);
    }

    fn end_line(&mut self) {
        let _ = self.terminal.write_all(b"\n");
    }
}

fn ask_twice(
    question: &Phrase,
    language: Language,
    prompt: Prompt<'_>,
) -> Result<Password, Failure> {
    let first = ask(question.text(language), prompt)?;
    if first == ask(again(question).text(language), prompt)? {
        return Ok(first);
    }
    Err(Failure::new(Exit::Usage, differ()).hint(twice()))
}

fn ask(question: &str, prompt: Prompt<'_>) -> Result<Password, Failure> {
    let typed =
        prompt(&format!("{}: ", printable(question))).map_err(|error| unanswered(&error))?;
    not_empty(typed, nothing_typed)
}

fn unanswered(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::Interrupted => Failure::interrupted(),
        ErrorKind::UnexpectedEof => Failure::new(Exit::Usage, nothing_typed()),
        _ => Failure::new(Exit::Usage, no_terminal(error)).hint(give_a_file()),
    }
}

fn from_file(path: &Path) -> Result<Password, Failure> {
    let name = path.display();
    let bytes = read_bounded(path)
        .map_err(|error| Failure::new(Exit::Failure, told(&error)).during(reading(&name)))?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Failure::new(Exit::Usage, too_long(&name)));
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        // Wipes the bytes.
        drop(SecretBytes::new(error.into_bytes()));
        Failure::new(Exit::Usage, no_text(&name))
    })?;
    let end = text
        .strip_suffix('\n')
        .map_or(text.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
    text.truncate(end);
    not_empty(text, || empty(&name))
}

/// Reads one byte more than is allowed at most, in a buffer that never moves.
#[expect(clippy::disallowed_methods, reason = "a password file is named on the command line")]
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let limit = FILE_BYTES_MAX + 1;
    let mut bytes = Vec::with_capacity(limit);
    File::open(path)?.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn not_empty(text: String, complaint: impl FnOnce() -> Phrase) -> Result<Password, Failure> {
    let password = Password::new(text);
    if password.is_empty() {
        return Err(Failure::new(Exit::Usage, complaint()));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    fn file_with(contents: &[u8]) -> (tempfile::NamedTempFile, PasswordSource) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(contents).unwrap();
        let source = PasswordSource::from(Some(file.path().to_owned()));
        (file, source)
    }

    #[test]
    fn a_file_loses_one_newline_at_its_end() {
        let cases =
            [("pass", "pass"), ("pass\n", "pass"), ("pass\r\n", "pass"), (" a b \n\n", " a b \n")];
        for (contents, expected) in cases {
            let (_file, source) = file_with(contents.as_bytes());
            assert!(source.read("").unwrap() == password(expected), "{contents:?}");
            assert!(
                source.read_new("", Language::English).unwrap() == password(expected),
                "{contents:?}"
            );
        }
    }

    #[test]
    fn bad_files_are_named() {
        let long = vec![b'x'; FILE_BYTES_MAX + 1];
        let cases: [(&[u8], &str); 4] = [
            (b"", "is empty"),
            (b"\n", "is empty"),
            (b"\xff\xfe", "isn't UTF-8 text"),
            (&long, "is longer than 4096 bytes"),
        ];
        for (contents, complaint) in cases {
            let (file, source) = file_with(contents);
            let failure = source.read("").err().unwrap();
            let expected = format!("password file {} {complaint}", file.path().display());
            assert_eq!((failure.exit(), failure.message()), (Exit::Usage, expected.as_str()));
        }
        let (_file, source) = file_with(&long[1..]);
        assert!(source.read("").is_ok(), "the longest allowed");
    }

    #[test]
    fn a_missing_file_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let source = PasswordSource::File(folder.path().join("none"));
        let failure = source.read("").err().unwrap();
        assert_eq!(failure.exit(), Exit::Failure);
        assert!(failure.message().starts_with("reading password file "), "{}", failure.message());
    }

    #[test]
    fn a_new_password_is_asked_for_twice() {
        let mut asked = Vec::new();
        let mut same = |question: &str| {
            asked.push(question.to_owned());
            Ok("pass".to_owned())
        };
        let (question, language) = (Phrase::same("new password"), Language::English);
        assert!(ask_twice(&question, language, &mut same).unwrap() == password("pass"));
        assert_eq!(asked, ["new password: ", "new password, again: "]);
        let mut answers = ["pass", "pasS"].into_iter();
        let mut other = |_: &str| Ok(answers.next().unwrap().to_owned());
        let failure = ask_twice(&question, language, &mut other).err().unwrap();
        assert_eq!(failure.message(), "the two passwords differ");
    }

    #[test]
    fn no_answer_has_its_own_words() {
        let cases = [
            (ErrorKind::Interrupted, Exit::Interrupted, "interrupted"),
            (ErrorKind::UnexpectedEof, Exit::Usage, "no password was typed"),
            (ErrorKind::NotFound, Exit::Usage, "no terminal to ask for a password on: "),
        ];
        for (kind, exit, message) in cases {
            let failure = ask("password", &mut |_: &str| Err(kind.into())).err().unwrap();
            assert_eq!(failure.exit(), exit);
            assert!(failure.message().starts_with(message), "{}", failure.message());
        }
        let failure = ask("password", &mut |_: &str| Ok(String::new())).err().unwrap();
        assert_eq!(failure.message(), "no password was typed");
    }
}
