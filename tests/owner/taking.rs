//! `take` through the built tool: on images and on directories, from other media and from a kiosk.

mod damaged;
mod evidence;
mod fair;
mod kept;
mod killed;
mod whole;
mod menu;
mod refused;
mod shelf;
mod unplugged;

use std::fs;
use std::path::Path;

use scrip::format::shelf::OFFER_NAME;

use super::take::charges;
use fair::{Fair, Form, LENGTH, PRICE, song};

const FORMS: [Form; 2] = [Form::Images, Form::Directories];

#[test]
fn an_item_passes_from_medium_to_medium_and_both_histories_say_so() {
    for form in FORMS {
        let fair = Fair::new(form);
        let dry = fair.take("one", "two", &["--json", "--dry-run"]);
        assert_eq!(dry.exit, 0, "{}", dry.text);
        let result = dry.result();
        assert_eq!(
            (&result["paid"]["minor"], &result["fee"]["minor"], &result["dry_run"]),
            (&"299".into(), &"59".into(), &true.into())
        );
        let before = fair.records("one").len();

        let taken = fair.take("one", "two", &["--json"]);
        assert_eq!(taken.exit, 0, "{}", taken.text);
        let result = taken.result();
        assert_eq!(
            (&result["paid"]["minor"], &result["covered_bytes"], &result["complete"]),
            (&"299".into(), &LENGTH.into(), &true.into())
        );
        assert_eq!(result["balance"]["minor"], "701");
        assert_eq!((fair.records("one").len(), fair.file("one")), (before + 2, song()));
        fair.adds_up("one", &["two"]);
        let history = fair.run("two", &["history"]).text;
        for word in ["upload-start", "upload-end", "earn", "song"] {
            assert!(history.contains(word), "no {word} in {history}");
        }
        let again = fair.take("one", "two", &[]);
        again.says(0, "Already yours: record ");

        // On from the OUTBOX of the one who took it, whose own edition has no such item.
        let on = fair.take("three", "one", &[]);
        on.says(0, "Paid: ¥299, of which ¥59 go to medium ");
        assert_eq!(fair.file("three"), song());
        fair.adds_up("three", &["one"]);
    }
}

#[test]
fn what_was_taken_is_not_paid_for_again() {
    for form in FORMS {
        let fair = Fair::new(form);
        fair.take("two", "three-of-two", &[]).says(0, "Paid: ¥299, of which ¥59 go to medium ");
        fair.run("two", &["catalog"]).says(0, "yours");
        let own = ["--password-file", "own"];
        fair.run("two", &[&["buy", "song"][..], &own].concat()).says(0, "Balance: ¥701");
        let planned = fair.run("two", &["play", "song", "--dry-run"]);
        planned.says(0, "would be played");
        assert!(!planned.text.contains("paid"), "{}", planned.text);
        fair.run("two", &["balance"]).says(0, "Balance: ¥701");
        fair.adds_up("two", &["three-of-two"]);
    }
}

#[test]
fn ctrl_c_ends_it_in_good_order_and_the_same_command_goes_on() {
    for form in FORMS {
        let fair = Fair::new(form);
        let (mut exit, mut text) = fair.interrupted("one", "two", 3);
        while exit == Some(0) {
            // It was faster than whoever asked it to stop.
            fair.restore(&["one", "two"]);
            (exit, text) = fair.interrupted("one", "two", 1);
        }
        assert_eq!(exit, Some(130), "{text}");
        assert!(text.contains("The same command goes on"), "{text}");
        let covered = fair.covered("one");
        assert!(covered > 0 && covered < LENGTH, "{covered} bytes");
        let rest = fair.take("one", "three-of-two", &["--json"]);
        assert_eq!(rest.exit, 0, "{}", rest.text);
        assert_eq!(rest.result()["got_bytes"], LENGTH - covered);
        assert_eq!(fair.file("one"), song());
        fair.adds_up("one", &["two", "three-of-two"]);
    }
}

#[test]
fn the_key_of_a_sealed_item_goes_from_ring_to_ring() {
    let fair = Fair::new(Form::Images);
    fair.sealed();
    assert!(!fair.holds_key("one", "sealed", "dear"));
    let sealed = fair.named("sealed");
    let arguments = [&["take", "dear", "--from", &sealed], &OWN[..]].concat();
    fair.run("one", &arguments).says(0, "Taken: dear from medium ");
    assert!(fair.holds_key("one", "sealed", "dear"));
}

#[test]
fn a_kiosk_sells_without_earning_and_keeps_what_shows_it() {
    let fair = Fair::new(Form::Directories);
    let kiosk = fair.kiosk();
    fair.take("one", &kiosk, &["--dry-run"]).says(0, "would cost ¥299; nothing was done.");
    assert!(!Path::new(&kiosk).join("INBOX").exists(), "a dry run wrote");
    let unknown = fair.run("one", &[&["take", "film", "--from", &kiosk], &OWN[..]].concat());
    unknown.says(5, "has no item film");
    unknown.says(5, "hint: it has song");
    let taken = fair.take("one", &kiosk, &["--json"]);
    assert_eq!(taken.exit, 0, "{}", taken.text);
    let result = taken.result();
    assert_eq!(
        (&result["from"], &result["paid"]["minor"], &result["fee"]["minor"]),
        (&"store 7".into(), &"299".into(), &"0".into())
    );
    assert!(fair.file("one") == song() && charges(&fair.records("one")) == PRICE);
    let left = fs::read_dir(Path::new(&kiosk).join("INBOX")).unwrap().flatten();
    let mut ends: Vec<_> = left.map(|file| file.path().extension().unwrap().to_owned()).collect();
    ends.sort();
    assert_eq!(ends, ["funding", "receipt"]);

    let offer = Path::new(&kiosk).join(OFFER_NAME);
    let mut bytes = fs::read(&offer).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&offer, bytes).unwrap();
    fair.take("three", &kiosk, &[]).says(3, "the signature is not by key");
}

#[test]
fn each_refusal_names_what_is_and_what_would_have_to_be() {
    let fair = Fair::new(Form::Images);
    let before: Vec<_> = ["one", "two"].map(|name| fs::read(fair.path(name)).unwrap()).into();
    let from = |from: &str, extra: &[&str]| fair.take("one", from, extra);
    from("one", &[]).says(5, "is the medium itself");
    let unknown =
        fair.run("one", &[&["take", "film", "--from", &fair.named("two")], &OWN[..]].concat());
    unknown.says(5, "has no item film");
    from("nowhere", &[]).says(4, "there is no such file or device");
    fair.stranger();
    from("stranger", &[]).says(5, "it stands under root ");
    fair.shelved();
    from("shelved", &[]).says(5, "is nobody's yet: its owner has to log in first");
    fair.altered();
    from("altered", &[]).says(3, "altered");
    let wrong = ["--password-file", "own", "--from-password-file", "wrong"];
    let two = fair.named("two");
    let arguments = [&["take", "song", "--from", &two], &wrong[..]].concat();
    fair.run("one", &arguments).says(5, "wrong password");
    for (name, before) in ["one", "two"].iter().zip(before) {
        assert!(fs::read(fair.path(name)).unwrap() == before, "{name} was written");
    }
    fair.spend("one", 750);
    from("two", &[]).says(5, "it costs ¥299, ¥250 may be spent: ¥49 are missing");
    from("two", &["--dry-run"]).says(5, "hint: top up first");
}

const OWN: [&str; 4] = ["--password-file", "own", "--from-password-file", "own"];
