//! What lies in OUTBOX and in no edition here: listed, bought, played, charged once.

use scrip::wallet::take::{Outbox, Shelf};

use super::fair::{Fair, Form, ends, is_data, song};
use super::{FORMS, OWN};
use crate::goods::{DEAR, plain};
use crate::owner::bench::Answer;

const PASSWORD: [&str; 2] = ["--password-file", "own"];

impl Fair {
    #[track_caller]
    fn plays(&self, name: &str, arguments: &[&str], expected: &[u8]) -> String {
        let (exit, bytes, talk) = self.bytes(name, &[&["play", "--stdout"], arguments].concat());
        assert!(exit == 0 && bytes == expected, "{exit}, {} bytes: {talk}", bytes.len());
        talk
    }

    fn bytes(&self, name: &str, arguments: &[&str]) -> (i32, Vec<u8>, String) {
        let output = self.command(name, &[arguments, &PASSWORD].concat()).output().unwrap();
        let talk = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), output.stdout, talk)
    }

    fn buys(&self, name: &str, item: &str) -> Answer {
        self.run(name, &[&["buy", item][..], &PASSWORD].concat())
    }

    /// Copy what lies in one OUTBOX into another, as a person might.
    pub(super) fn copies(&self, from: &str, to: &str) {
        let (from, to) = (self.outbox(from), self.outbox(to));
        for name in from.list().unwrap() {
            if ends(&name, "item") || is_data(&name) {
                to.write(&name, &from.read(&name, 1 << 20).unwrap()).unwrap();
            }
        }
    }

    pub(super) fn data_name(&self, name: &str) -> String {
        let names = self.outbox(name).list().unwrap();
        names.into_iter().find(|name| is_data(name)).unwrap()
    }
}

/// What is on a medium, in minor units.
pub(super) fn balance_of(fair: &Fair, name: &str) -> u64 {
    let sums = fair.run(name, &["balance", "--json"]).result();
    sums["balance"]["minor"].as_str().unwrap().parse().unwrap()
}

#[test]
fn what_was_taken_is_listed_and_plays_without_being_paid_again() {
    for form in FORMS {
        let fair = Fair::new(form);
        fair.run("one", &["catalog"]).says(5, "no catalogue");
        fair.take("one", "two", &[]).says(0, "Taken: song");
        let listed = fair.run("one", &["catalog"]);
        for words in ["song  ¥299  A song  yours since record ", "; in OUTBOX"] {
            listed.says(0, words);
        }
        let item = fair.run("one", &["catalog", "--json"]).result()["items"][0].clone();
        assert_eq!((&item["name"], &item["area"]), (&"song".into(), &"outbox".into()));
        let talk = fair.plays("one", &["song"], &song());
        assert!(!talk.contains("paid"), "{talk}");
        fair.buys("one", "song").says(0, "Already yours: record ");
        let bought =
            fair.run("one", &[&["buy", "song", "--json"][..], &PASSWORD].concat()).result();
        let path = format!("/SCRIP/OUTBOX/{}", fair.data_name("one"));
        assert_eq!((&bought["path"], &bought["paid"]), (&path.into(), &serde_json::Value::Null));
        assert_eq!(balance_of(&fair, "one"), 701);
        fair.adds_up("one", &["two"]);
    }
}

#[test]
fn a_sealed_item_in_outbox_is_opened_with_the_key_in_the_ring() {
    for form in FORMS {
        let fair = Fair::new(form);
        fair.sealed();
        let sealed = fair.named("sealed");
        let take = [&["take", "dear", "--from", &sealed], &OWN[..]].concat();
        fair.run("one", &take).says(0, "Taken: dear from medium ");
        fair.plays("one", &["dear"], &plain(DEAR));
        // Without the key it is neither paid for nor played.
        fair.copies("one", "three");
        fair.run("three", &["catalog"]).says(0, "dear  ¥501  Title of dear  in OUTBOX");
        let no_key = "its key is not in this medium's ring";
        fair.buys("three", "dear").says(5, no_key);
        let (exit, bytes, talk) = fair.bytes("three", &["play", "dear", "--stdout", "--yes"]);
        assert!(exit == 5 && bytes.is_empty() && talk.contains(no_key), "{exit} {talk}");
        assert_eq!(balance_of(&fair, "three"), 1000);
    }
}

#[test]
fn what_was_copied_by_hand_is_paid_for_once() {
    for form in FORMS {
        let fair = Fair::new(form);
        fair.take("one", "two", &[]).says(0, "Taken: song");
        fair.copies("one", "three");
        let (exit, _, talk) = fair.bytes("three", &["play", "song", "--stdout"]);
        assert!(exit == 5 && talk.contains("song was not bought"), "{exit} {talk}");
        let talk = fair.plays("three", &["song", "--yes"], &song());
        assert!(talk.contains("paid: ¥299 for A song"), "{talk}");
        let talk = fair.plays("three", &["song", "--yes"], &song());
        assert!(!talk.contains("paid"), "{talk}");
        fair.buys("three", "song").says(0, "Already yours: record ");
        fair.take("three", "two", &[]).says(0, "Already yours: record ");
        assert_eq!(balance_of(&fair, "three"), 701);
    }
}

#[test]
fn what_is_damaged_costs_nothing_and_what_is_not_whole_is_not_listed() {
    let fair = Fair::new(Form::Images);
    fair.take("one", "two", &[]).says(0, "Taken: song");
    fair.copies("one", "three");
    let (outbox, name, mut bytes) = (fair.outbox("three"), fair.data_name("one"), song());
    bytes[70_000] ^= 1;
    outbox.write(&name, &bytes).unwrap();
    let (exit, played, talk) = fair.bytes("three", &["play", "song", "--stdout", "--yes"]);
    assert!(
        exit == 3 && played.is_empty() && talk.contains("not the one that was signed"),
        "{talk}"
    );
    outbox.write(&name, &bytes[..99_999]).unwrap();
    fair.run("three", &["catalog"]).says(5, "no catalogue");
    fair.buys("three", "song").says(5, "no catalogue");
    assert_eq!(balance_of(&fair, "three"), 1000);
}

#[test]
fn what_is_paid_piece_by_piece_is_not_sold_whole() {
    let fair = Fair::new(Form::Directories);
    let mut covered = 0;
    while covered == 0 {
        fair.restore(&["one", "two"]);
        let (exit, _) = fair.interrupted("one", "two", 2);
        covered = if exit == Some(0) { 0 } else { fair.covered("one") };
    }
    let before = balance_of(&fair, "one");
    fair.outbox("one").write(&fair.data_name("one"), &song()).unwrap();
    let refused = fair.buys("one", "song");
    refused.says(5, "a download of song has begun and is paid as far as it came");
    refused.says(5, "hint: end it with `scrip-wallet take song --from OTHER`");
    let (exit, _, talk) = fair.bytes("one", &["play", "song", "--stdout", "--yes"]);
    assert!(exit == 5 && talk.contains("has begun"), "{talk}");
    assert_eq!(balance_of(&fair, "one"), before);
    fair.take("one", "three-of-two", &[]).says(0, "Taken: song");
    fair.plays("one", &["song"], &song());
    fair.adds_up("one", &["two", "three-of-two"]);
}

#[test]
fn two_items_of_one_id_have_names_of_their_own() {
    let fair = Fair::new(Form::Images);
    let (stem, other) = fair.adds_another("two", 100);
    let stem = stem.as_str();
    let listed = fair.run("two", &["catalog"]);
    listed.says(0, &format!("{stem}  ¥100  Another song"));
    fair.buys("two", stem).says(0, "Paid: ¥100 for Another song");
    fair.plays("two", &[stem], &other);
    assert_eq!(balance_of(&fair, "two"), 900);
    fair.buys("two", "song").says(0, "Paid: ¥299 for A song");
    fair.plays("two", &["song"], &song());
    // Each of them can be taken by its name.
    let two = fair.named("two");
    let take = [&["take", stem, "--from", &two], &OWN[..]].concat();
    fair.run("one", &take).says(0, "Paid: ¥100, of which ¥20 go to medium ");
    fair.plays("one", &["song"], &other);
}

#[test]
fn what_was_paid_for_and_lies_here_no_more_is_copied_again() {
    for form in FORMS {
        let fair = Fair::new(form);
        fair.take("one", "two", &[]).says(0, "Taken: song");
        let (records, theirs) = (fair.records("one").len(), fair.records("three-of-two").len());
        let name = fair.data_name("one");
        let package = name.replace(".data", ".item");
        let mut flipped = song();
        flipped[60_000] ^= 1;
        let lost: [&dyn Fn(&Outbox); 6] = [
            &|outbox| outbox.write(&name, &[song(), vec![7; 500]].concat()).unwrap(),
            &|outbox| outbox.write(&package, b"no package").unwrap(),
            &|outbox| outbox.write(&name, &flipped).unwrap(),
            &|outbox| outbox.remove(&name).unwrap(),
            &|outbox| outbox.write(&name, &song()[..50_000]).unwrap(),
            &|outbox| outbox.write(&name, &[&song()[..9_000], &[7; 500][..]].concat()).unwrap(),
        ];
        for lose in &lost {
            lose(&fair.outbox("one"));
            let (exit, _, talk) = fair.bytes("one", &["play", "song", "--stdout"]);
            assert!(matches!(exit, 3 | 5), "{talk}");
            // Nothing is paid or signed: nobody's password is needed.
            let (from, bare) = (fair.named("three-of-two"), ["take", "song", "--from"]);
            let again = fair.run("one", &[&bare[..], &[&from]].concat());
            again.says(0, "Already yours: record ");
            again.says(0, "song is in OUTBOX again; nothing was paid.");
            fair.plays("one", &["song"], &song());
        }
        let plays = lost.len();
        assert_eq!(fair.records("one").len(), records + plays);
        assert_eq!((fair.records("three-of-two").len(), balance_of(&fair, "one")), (theirs, 701));
    }
}
