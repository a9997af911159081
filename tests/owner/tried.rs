//! What is tried with `--dry-run` and what is asked before it is paid.

use super::bench::{Answer, Bench};
use super::refused::shop;

/// It says this, and no byte of the medium is another afterwards.
#[track_caller]
fn tries(bench: &Bench, arguments: &[&str], exit: i32, words: &str) -> Answer {
    let before = bench.contents();
    let answer = bench.run(arguments);
    answer.says(exit, words);
    assert!(before == bench.contents(), "{arguments:?} was tried and changed the medium");
    answer
}

/// Both media of one sample, the second as directories.
fn both() -> [Bench; 2] {
    [Bench::image(), Bench::directories()]
}

#[test]
fn a_first_login_is_tried_without_a_trace() {
    for bench in both() {
        let login = ["login", "--dry-run", "--password-file", "first", "--new-password-file"];
        let login = |new| [&login[..], &[new]].concat();
        tries(&bench, &login("own"), 0, "would be yours; nothing was written");
        tries(&bench, &login("first"), 2, "the new password is the old one");
        let wrong = ["login", "--dry-run", "--password-file", "wrong"];
        tries(&bench, &wrong, 5, "wrong password");
        let told = tries(&bench, &[&["--json"], &login("own")[..]].concat(), 0, "").result();
        assert_eq!((&told["first"], &told["dry_run"]), (&true.into(), &true.into()));
        let passwd = ["passwd", "--dry-run", "--password-file", "first"];
        tries(&bench, &passwd, 5, "this medium is not yours yet");
        bench.login().says(0, "is yours now");
    }
}

#[test]
fn a_later_login_and_another_password_are_tried_without_a_trace() {
    for bench in both() {
        bench.login().says(0, "is yours now");
        let login = ["login", "--dry-run", "--password-file", "own"];
        tries(&bench, &login, 0, "the password is right");
        let told = tries(&bench, &[&["--json"], &login[..]].concat(), 0, "").result();
        assert_eq!((&told["first"], &told["raised"]), (&false.into(), &false.into()));
        let passwd = ["passwd", "--dry-run", "--new-password-file", "third", "--password-file"];
        let passwd = |old| [&passwd[..], &[old]].concat();
        tries(&bench, &passwd("own"), 0, "would count; nothing was written");
        tries(&bench, &passwd("wrong"), 5, "try again as often as you like");
        bench.run(&["login", "--password-file", "own"]).says(0, "the password is right");
    }
}

#[test]
fn on_a_terminal_a_purchase_is_asked_about_after_its_price_is_shown() {
    let bench = Bench::of(&shop(&[("song", 300), ("poem", 100)]));
    bench.login().says(0, "is yours now");
    let mut terminal = bench.terminal(&["buy", "song", "--password-file", "own"]);
    terminal.shows("Pay ¥300 for ", 1);
    terminal.types("no");
    let said = terminal.ends();
    assert!(said.exit == 5 && said.out.contains("nothing was paid"), "{} {}", said.exit, said.out);
    assert_eq!(bench.balance(), "500");
    let mut terminal = bench.terminal(&["buy", "song", "--password-file", "own"]);
    terminal.shows("Pay ¥300 for ", 1);
    terminal.types("yes");
    assert_eq!(terminal.ends().exit, 0);
    assert_eq!(bench.balance(), "200");
    let said = bench.terminal(&["buy", "poem", "--yes", "--password-file", "own"]).ends();
    assert!(said.exit == 0 && !said.out.contains("Pay "), "{} {}", said.exit, said.out);
    assert_eq!(bench.balance(), "100");
}

#[test]
fn without_a_terminal_a_purchase_is_made_at_once() {
    let bench = Bench::directories_of(&shop(&[("song", 300), ("poem", 100)]));
    bench.login().says(0, "is yours now");
    bench.run(&["buy", "song", "--password-file", "own"]).says(0, "Paid: ¥300");
    bench.run(&["buy", "poem", "--yes", "--password-file", "own"]).says(0, "Paid: ¥100");
}
