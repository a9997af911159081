//! Lines that a person types, heard together with Ctrl-C.

use std::io::{self, BufRead, ErrorKind, IsTerminal, Read, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Exit, Failure, Interrupt, told};
use crate::phrases;

phrases! {
    fn reading_input() { en: "reading standard input", ja: "標準入力の読み取り" }
}

/// How often Ctrl-C is looked for where nothing is typed.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// The longest line that is taken.
const LINE_BYTES_MAX: u64 = 16 << 10;

/// Is somebody there to be asked?
pub fn somebody() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// What was typed, perhaps nothing; none at the end of input. Ctrl-C ends it at once.
pub fn typed_line() -> Result<Option<String>, Failure> {
    let (input, mut line) = (io::stdin(), String::new());
    // Standard error may be closed; whoever types sees what is asked, or doesn't.
    let _ = io::stderr().flush();
    while input.is_terminal() {
        Interrupt::of_process().check()?;
        let mut awaited = [PollFd::new(&input, PollFlags::IN)];
        match poll(&mut awaited, Some(&LOOK_EVERY)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => break,
            Err(error) => return Err(unread(&error.into())),
        }
    }
    let mut input = Read::take(input.lock(), LINE_BYTES_MAX);
    let bytes = input.read_line(&mut line).map_err(|error| unread(&error))?;
    Ok((bytes > 0).then(|| line.trim().to_owned()))
}

fn unread(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::Interrupted => Failure::interrupted(),
        _ => Failure::new(Exit::Failure, told(error)).during(reading_input()),
    }
}
