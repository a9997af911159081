//! The menu, on a pseudo-terminal.

use super::bench::{Bench, answer};
use super::{FIRST, OWN};
use crate::burn::terminal::Terminal;

impl Bench {
    /// The tool without a verb on a terminal of its own.
    fn menu(&self, language: &str) -> Terminal {
        self.terminal(&["--lang", language])
    }
}

#[test]
fn an_owner_logs_in_once_and_does_all_by_numbers() {
    let bench = Bench::image();
    let mut terminal = bench.menu("en");
    terminal.shows("password from the package", 1);
    terminal.types(FIRST);
    terminal.shows("your new password: ", 1);
    terminal.types(OWN);
    terminal.shows("your new password, again: ", 1);
    terminal.types(OWN);
    terminal.shows("is yours now", 1);
    terminal.shows("Balance: ¥500", 1);
    terminal.shows("Which, 1 to 8?", 1);
    terminal.types("9");
    terminal.shows("there is no 9: type a number from 1 to 8", 1);
    terminal.types("２");
    terminal.shows("the code from the receipt", 1);
    terminal.types("1234");
    terminal.shows("hint: a code has 20 digits", 1);
    terminal.types("2");
    terminal.shows("the code from the receipt", 2);
    terminal.types(&bench.code(0).replace('-', " "));
    terminal.shows("Added: ¥500", 1);
    terminal.shows("Balance: ¥1,000", 1);
    terminal.types("6");
    terminal.shows("The last 2 records:", 1);
    terminal.shows("top-up by code", 2);
    terminal.types("7");
    terminal.shows("`scrip-wallet --help` lists all else", 1);
    terminal.types("8");
    let said = terminal.ends();
    assert!(said.exit == 0 && said.out.contains("Goodbye."), "{} {}", said.exit, said.out);
    assert!(!said.out.contains(OWN), "a password was shown");
    assert_eq!(bench.balance(), "1000");
}

#[test]
fn a_wrong_password_is_asked_for_again_and_end_of_input_leaves() {
    let bench = Bench::directories();
    bench.login().says(0, "is yours now");
    let mut terminal = bench.menu("ja");
    terminal.shows("のパスワード: ", 1);
    terminal.types("guess");
    terminal.shows("パスワードが違います", 1);
    terminal.shows("のパスワード: ", 2);
    terminal.types(OWN);
    terminal.shows("番号を入力してください", 1);
    terminal.types("1");
    terminal.shows("残高：¥500", 2);
    terminal.presses_end();
    let said = terminal.ends();
    assert!(said.exit == 0 && said.out.contains("ご利用ありがとうございました。"), "{}", said.out);
}

#[test]
fn ctrl_c_ends_the_menu_with_130_and_leaves_the_medium_whole() {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    let mut terminal = bench.menu("en");
    terminal.shows("password of medium", 1);
    terminal.types(OWN);
    terminal.shows("Which, 1 to 8?", 1);
    terminal.types("2");
    terminal.shows("the code from the receipt", 1);
    terminal.interrupts();
    let said = terminal.ends();
    assert!(said.exit == 130 && said.out.contains("interrupted"), "{} {}", said.exit, said.out);
    assert_eq!(bench.balance(), "500");
}

#[test]
fn an_altered_medium_shows_no_menu() {
    let bench = Bench::image();
    super::tool::alter(&bench);
    let said = bench.menu("en").ends();
    assert!(said.exit == 3 && said.out.contains("/start.sh"), "{} {}", said.exit, said.out);
    assert!(!said.out.contains("password"), "{}", said.out);
}

#[test]
fn without_a_terminal_it_says_how_it_is_used() {
    let bench = Bench::image();
    let helped = answer(&mut bench.command("scrip-wallet", &["--medium", bench.medium]));
    helped.says(2, "Usage: scrip-wallet [OPTIONS] [COMMAND]");
    assert_eq!(helped.stdout, "");
    let told = bench.run(&["--json"]);
    assert_eq!((told.exit, &told.result()["error"]), (2, &"no command is given".into()));
}
