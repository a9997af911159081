//! Colour: on a terminal that shows it, and nowhere else.

use super::bench::{Answer, Bench, answer};
use crate::burn::terminal::Terminal;

const BOLD: &str = "\x1b[1m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";

/// What decides about colours; all of it is unset but what a case sets.
const DECIDING: [&str; 5] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "CI"];

type Set = [(&'static str, &'static str)];

/// A balance, a refusal and a failure, each with how it is set.
const RUNS: [(&[&str], &str); 3] = [
    (&["balance"], BOLD),
    (&["topup", "1234", "--password-file", "own"], YELLOW),
    (&["export", "none/of.evidence"], RED),
];

impl Bench {
    /// What a terminal is sent.
    fn on_terminal(&self, set: &Set, arguments: &[&str]) -> String {
        let mut command = self.scripted(arguments);
        for name in DECIDING {
            command.env_remove(name);
        }
        Terminal::over(command.env("NO_COLOR", "").envs(set.iter().copied())).ends().out
    }

    /// What a pipe is sent.
    fn piped(&self, set: &Set, arguments: &[&str]) -> Answer {
        let arguments = [&["--medium", self.medium], arguments].concat();
        let mut command = self.command("scrip-wallet", &arguments);
        for name in DECIDING {
            command.env_remove(name);
        }
        answer(command.envs(set.iter().copied()))
    }
}

/// Is something set in colour or bold? Where a bar is wiped, that is neither.
fn is_styled(shown: &str) -> bool {
    let after_marks = shown.split("\x1b[").skip(1);
    let mut marks = after_marks.filter_map(|text| text.chars().find(char::is_ascii_alphabetic));
    marks.any(|mark| mark == 'm')
}

#[test]
fn a_terminal_shows_the_balance_and_what_is_wrong_in_colour() {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    for (arguments, style) in RUNS {
        let coloured = bench.on_terminal(&[("TERM", "xterm")], arguments);
        assert!(coloured.contains(style), "{coloured:?}");
        assert_eq!(coloured.matches(BOLD).count(), 1, "sparingly: {coloured:?}");
        let forced = bench.piped(&[("CLICOLOR_FORCE", "1")], arguments).text;
        assert!(forced.contains(style), "{forced:?}");
    }
}

#[test]
fn whoever_wants_no_colour_gets_none() {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    let none: [&Set; 4] = [
        &[("TERM", "xterm"), ("NO_COLOR", "1")],
        &[("TERM", "xterm"), ("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
        &[("TERM", "xterm"), ("CLICOLOR", "0")],
        &[("TERM", "dumb")],
    ];
    for (arguments, _) in RUNS {
        for set in none {
            let plain = bench.on_terminal(set, arguments);
            assert!(!is_styled(&plain) && plain.len() > 10, "{set:?}: {plain:?}");
            let moves = plain.contains('\x1b');
            assert!(!moves || !set.contains(&("TERM", "dumb")), "{plain:?}");
        }
        for set in [&[("TERM", "xterm")][..], &[("CLICOLOR", "1")], none[1]] {
            let plain = bench.piped(set, arguments).text;
            assert!(!plain.contains('\x1b') && plain.len() > 10, "{set:?}: {plain:?}");
        }
        let set = [("CLICOLOR_FORCE", "1")];
        let object = bench.piped(&set, &[&["--json"], arguments].concat()).stdout;
        assert!(!object.contains('\x1b'), "programs read no colours: {object:?}");
    }
}
