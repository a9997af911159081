//! Ctrl-C wherever something is asked: at once, with 130, and the terminal as it was.

use rustix::process::Signal;

use super::OWN;
use super::bench::Bench;
use super::refused::shop;
use crate::burn::terminal::Terminal;

impl Bench {
    /// The wallet on a terminal, followed by the code it ended with and the terminal's settings.
    fn looked_after(&self, arguments: &[&str]) -> Terminal {
        let line = self.line(arguments);
        let line = format!("sh -c 'trap : INT; {line}; echo \"ended with $?\"; stty -a'");
        Terminal::over(&mut self.on_terminal_of_its_own(&line))
    }
}

/// It has ended with 130, and the terminal shows again what is typed, line by line.
#[track_caller]
fn ended(terminal: Terminal) {
    let said = terminal.ends().out;
    assert!(said.contains("ended with 130") && said.contains("interrupted"), "{said}");
    let (_, settings) = said.split_once("ended with 130").unwrap();
    let has = |word: &str| settings.split([' ', ';', '\r', '\n']).any(|found| found == word);
    assert!(["echo", "icanon", "isig"].into_iter().all(has), "{said}");
}

/// A medium that is its owner's, and what it is asked at each of its prompts.
fn prompts() -> (Bench, Vec<(Vec<&'static str>, &'static str)>) {
    let bench = Bench::of(&shop(&[("song", 300)]));
    bench.login().says(0, "is yours now");
    let asked = vec![
        (vec!["login"], "password of medium"),
        (vec!["passwd", "--password-file", "own"], "your new password: "),
        (vec!["topup"], "the code from the receipt"),
        (vec!["buy", "song", "--password-file", "own"], "Type yes or no:"),
        (vec!["play", "song", "--password-file", "own"], "Type yes or no:"),
        (vec![], "password of medium"),
    ];
    (bench, asked)
}

#[test]
fn ctrl_c_is_heard_at_every_prompt_without_enter() {
    let (bench, prompts) = prompts();
    for (arguments, question) in prompts {
        let mut terminal = bench.looked_after(&arguments);
        terminal.shows(question, 1);
        terminal.interrupts();
        ended(terminal);
    }
    assert_eq!(bench.balance(), "500");
}

/// Whoever is quick types before the tool waits for it.
#[test]
fn a_password_is_hidden_before_it_is_asked_for() {
    let (bench, _) = prompts();
    for _ in 0..8 {
        let mut terminal = bench.terminal(&["login"]);
        terminal.shows("password of medium", 1);
        assert!(!terminal.echoes("scrip-wallet"), "it was asked for first");
        terminal.types(OWN);
        let said = terminal.ends();
        assert!(said.exit == 0 && !said.out.contains(OWN), "{}", said.out);
    }
}

#[test]
fn what_was_typed_so_far_is_nothing() {
    let (bench, _) = prompts();
    for (arguments, question) in [
        (&["login"][..], "password of medium"),
        (&["buy", "song", "--password-file", "own"], "Type yes or no:"),
    ] {
        let mut terminal = bench.looked_after(arguments);
        terminal.shows(question, 1);
        terminal.press("ye");
        terminal.interrupts();
        ended(terminal);
    }
    assert_eq!(bench.balance(), "500");
}

#[test]
fn a_signal_from_elsewhere_is_heard_as_well() {
    let (bench, prompts) = prompts();
    for (arguments, question) in prompts {
        let mut terminal = bench.looked_after(&arguments);
        terminal.shows(question, 1);
        terminal.signals("scrip-wallet", Signal::TERM);
        ended(terminal);
    }
}
