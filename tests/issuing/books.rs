//! Importing stores' journals, payments, and what stores owe.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use scrip::ledger::Effect;
use scrip::records::{Place, Records};
use serde_json::{Value, json};

use super::desk::{self, Desk};
use crate::plain_text::{by_beancount, by_hledger};
use crate::records::settled::{Event, next, post};
use crate::world::minor;

/// A store that sold vouchers of 500 and 300, took the second back, and exported its journal.
fn sold() -> Desk {
    let desk = Desk::stocked();
    let mut shop = desk.shop();
    for file in ["shop.cert", "kit.cbr"] {
        desk.accept(&mut shop, file).unwrap();
    }
    let medium = desk.medium.parse().unwrap();
    desk.write("none.journal", &shop.export().unwrap());
    for sum in [500, 300] {
        shop.sell_voucher(medium, minor(sum), desk::now()).unwrap();
    }
    desk.write("first.journal", &shop.export().unwrap());
    shop.void(1, desk::now()).unwrap();
    desk.write("second.journal", &shop.export().unwrap());
    desk
}

/// What store 1 owes this month: opening, sold, voided, paid, owed.
fn dues(desk: &Desk) -> Vec<Value> {
    let told = desk.json(&["dues"])["stores"][0].clone();
    let names = ["opening", "sold", "voided", "paid", "owed"];
    names.iter().map(|name| told[name]["minor"].clone()).collect()
}

fn booked(desk: &Desk, file: &str) -> (Value, Value) {
    let told = desk.json(&["import", file])["files"][0].clone();
    assert_eq!((&told["store"], &told["file"]), (&json!(1), &json!(file)));
    (told["new"].clone(), told["known"].clone())
}

#[test]
fn what_a_store_owes_follows_from_its_journal_and_its_payments() {
    let desk = sold();
    assert_eq!(dues(&desk), ["0", "0", "0", "0", "0"]);
    assert_eq!(booked(&desk, "none.journal"), (json!(0), json!(0)));
    let before = desk.snapshot();
    let dry = desk.json(&["import", "first.journal", "--dry-run"]);
    assert_eq!((&dry["dry_run"], &dry["files"][0]["new"]), (&json!(true), &json!(2)));
    desk.json(&["paid", "1", "200", "--reference", "bank 1", "--dry-run"]);
    assert!(desk.snapshot() == before, "a dry run changed something");
    assert_eq!(booked(&desk, "first.journal"), (json!(2), json!(0)));
    assert_eq!(dues(&desk), ["0", "800", "0", "0", "800"]);
    assert_eq!(booked(&desk, "second.journal"), (json!(1), json!(2)));
    for new in [true, false] {
        let paid = desk.json(&["paid", "1", "200", "--reference", "bank 1"]);
        assert_eq!((&paid["new"], &paid["payment"]), (&json!(new), &json!(0)));
    }
    for file in ["second.journal", "first.journal", "second.journal"] {
        assert_eq!(booked(&desk, file).0, json!(0));
    }
    assert_eq!(dues(&desk), ["0", "800", "-300", "-200", "300"]);
    desk.json(&["paid", "1", "400", "--reference", "bank 0", "--at", "2001-02-03"]);
    assert_eq!(dues(&desk), ["-400", "800", "-300", "-200", "-100"]);
    let old = desk.json(&["dues", "--period", "2001-02"]);
    assert_eq!(
        (&old["period"], &old["stores"][0]["owed"]["minor"]),
        (&json!("2001-02"), &json!("-400"))
    );
    let shown = desk.run(&["dues"]).stdout;
    assert!(shown.contains("store 1 (Station Books)") && shown.contains("-¥100"), "{shown}");
    let sheet = desk.run(&["dues", "--csv"]).stdout;
    let head = "store,name,currency,opening,sold,voided,paid,owed,redeemed though voided";
    assert_eq!(sheet, format!("{head}\n1,Station Books,JPY,-400,800,-300,-200,-100,0\n"));
}

#[test]
fn files_that_are_no_journal_of_this_issuer_are_named_and_hold_up_nothing() {
    let desk = sold();
    let whole = desk.read("second.journal");
    desk.write("cut.journal", &whole[..whole.len() - 1]);
    let mut flipped = whole.clone();
    let end = flipped.len() - 20;
    flipped[end] ^= 1;
    desk.write("flipped.journal", &flipped);
    let stranger = sold();
    desk.write("stranger.journal", &stranger.read("first.journal"));
    let args = ["cut.journal", "flipped.journal", "stranger.journal", "gone", "second.journal"];
    let ran = desk.run(&[&["import"], &args[..], &["--json"]].concat());
    let result = ran.result();
    let exits: Vec<_> =
        result["files"].as_array().unwrap().iter().map(|f| f["exit"].clone()).collect();
    assert_eq!((ran.exit, exits), (4, vec![json!(3), json!(3), json!(5), json!(4), json!(0)]));
    for (file, words) in
        args.iter().zip(["no entry", "entry 2", "nothing here pins", "no such file"])
    {
        let named = format!("{file}: ");
        let line = ran.stderr.lines().find(|line| line.contains(&named)).unwrap_or_default();
        assert!(line.contains(words), "{file}: {}", ran.stderr);
    }
    assert_eq!(dues(&desk)[4], "500");
    desk.refused(&["import"], 2, "<FILE>");
    desk.refused(&["dues", "--period", "2026-13"], 2, "is no month such as 2026-11");
    desk.refused(&["paid", "2", "5", "--reference", "x"], 5, "store 2 is not enrolled");
    desk.refused(&["paid", "1", "0", "--reference", "x"], 2, "a payment of nothing");
    desk.refused(&["paid", "1", "5.5", "--reference", "x"], 2, "more decimal places");
}

#[test]
fn a_store_that_signed_two_journals_is_told() {
    let desk = sold();
    // The store's folder comes back from a copy, and sells something else.
    let mut shop = desk.shop();
    let medium = desk.medium.parse().unwrap();
    drop(shop.sell_voucher(medium, minor(100), desk::now()).unwrap());
    desk.write("one.journal", &shop.export().unwrap());
    drop(shop);
    let journal = desk.path("shop/journal.log");
    let bytes = fs::read(&journal).unwrap();
    desk.json(&["import", "one.journal"]);
    let owed = dues(&desk);
    let newest = desk.read("one.journal").len() - desk.read("second.journal").len();
    fs::write(&journal, &bytes[..bytes.len() - newest]).unwrap();
    let mut shop = desk.shop();
    drop(shop.sell_voucher(medium, minor(200), desk::now()).unwrap());
    desk.write("other.journal", &shop.export().unwrap());
    drop(shop);
    desk.refused(
        &["import", "other.journal"],
        5,
        "store 1 signed two journals: entry 3 is another one in the records",
    );
    assert_eq!(dues(&desk), owed);
}

/// Settle the desk's medium by these events, as the plan of this name.
fn settle(desk: &Desk, name: u8, events: &[Event]) {
    let mut records = Records::open(&Place::in_folder(&desk.path("issuer"))).unwrap();
    let known = records.known(desk.medium.parse().unwrap()).unwrap().unwrap();
    post(&mut records, name, &[next(&known, events)]).unwrap();
}

/// The sums of a line, an opening or a closing: unredeemed and balance.
fn both(told: &Value) -> [&str; 2] {
    ["unredeemed", "balance"].map(|name| desk::text(&told[name], "minor"))
}

#[test]
fn a_statement_leads_from_its_opening_to_its_closing() {
    let desk = sold();
    desk.json(&["import", "second.journal"]);
    settle(&desk, 1, &[(1, 500, Effect::Own), (2, -120, Effect::AtPartner)]);
    settle(&desk, 2, &[(3, -30, Effect::Own), (4, 6, Effect::Earned)]);
    let told = desk.json(&["statement", &desk.medium]);
    assert_eq!((both(&told["opening"]), both(&told["closing"])), (["0", "0"], ["0", "356"]));
    assert_eq!(told["closing"]["provisional"]["minor"], "6");
    let lines = told["lines"].as_array().unwrap();
    let expected = [
        ("credited", "", "checkpoint 1", ["-500", "500"]),
        ("spent", "Ann's Press", "checkpoint 1", ["0", "-120"]),
        ("spent", "Ann's Press", "checkpoint 2", ["0", "-30"]),
        ("earned", "Ann's Press", "checkpoint 2", ["0", "6"]),
        ("bought", "Station Books", "entry 0 of store 1", ["500", "0"]),
        ("bought", "Station Books", "entry 1 of store 1", ["300", "0"]),
        ("taken back", "Station Books", "entry 2 of store 1", ["-300", "0"]),
    ];
    let told_lines: Vec<_> = lines
        .iter()
        .map(|line| {
            let text = |name| desk::text(line, name);
            (text("what"), text("party"), text("by"), both(line))
        })
        .collect();
    assert_eq!(told_lines, expected);
    // The postings are of 1970, so that of this month they are the opening.
    let month = desk::now().to_string()[..7].to_owned();
    let told = desk.json(&["statement", &desk.medium, "--period", &month]);
    assert_eq!((both(&told["opening"]), both(&told["closing"])), (["-500", "356"], ["0", "356"]));
    assert_eq!(told["lines"].as_array().unwrap().len(), 3);
    let shown = desk.run(&["statement", &desk.medium]).stdout;
    for words in [
        "closing                                                     ¥0          ¥356",
        "spent, Ann's Press (checkp",
    ] {
        assert!(shown.contains(words), "{shown}");
    }
    let sheet = desk.run(&["statement", &desk.medium, "--csv"]).stdout;
    let rows: Vec<&str> = sheet.lines().collect();
    assert_eq!(rows.len(), 10, "{sheet}");
    let event = "01".repeat(16);
    let row = format!("1970-01-01T00:16:40Z,credited,,checkpoint 1,{event},JPY,-500,500,-500,500");
    assert_eq!(rows[2], row, "{sheet}");
    let unknown = "medium 000000000195 is unknown: its number was never given out";
    desk.refused(&["statement", "000000000195"], 5, unknown);
}

#[test]
fn an_audit_ends_by_what_it_finds() {
    let desk = sold();
    desk.json(&["import", "second.journal"]);
    let told = desk.json(&["audit"]);
    assert_eq!(told["balances"]["stores"]["minor"], "500");
    assert_eq!((&told["settled"], &told["differing"]), (&json!(0), &json!([])));
    settle(&desk, 1, &[(1, 700, Effect::Own), (2, -120, Effect::AtPartner)]);
    let ran = desk.run(&["audit", "--json"]);
    let told = ran.result();
    assert_eq!(ran.exit, 1);
    let more =
        json!([{ "medium": desk.medium, "more_than_sold": told["balances"]["outstanding"] }]);
    assert_eq!(
        (&told["redeemed_never_sold"], &told["spent_never_sold"]),
        (&more, &json!([desk.medium]))
    );
    assert_eq!(told["balances"]["outstanding"]["minor"], "200");
    let shown = desk.run(&["audit"]).stdout;
    assert_eq!(told["few_codes_below"], 5);
    for words in
        ["together", "200 more was credited than was sold for it", "and no journal sold it"]
    {
        assert!(shown.contains(words), "{shown}");
    }
    let records = rusqlite::Connection::open(desk.path("issuer/records.db")).unwrap();
    records.execute("UPDATE accounts SET debt_minor = 9", []).unwrap();
    let ran = desk.run(&["audit"]);
    assert_eq!(ran.exit, 3, "{}", ran.stdout);
    assert!(ran.stdout.contains(": ¥0 by its moves, ¥9 by its account"), "{}", ran.stdout);
}

/// What both programs make of each account of the books that the desk printed.
fn both_find(desk: &Desk) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let books = desk.path("books.journal");
    (by_hledger(&books), by_beancount(&books))
}

#[test]
fn hledger_and_beancount_find_the_same_balances() {
    let desk = sold();
    desk.write("books.journal", desk.run(&["books"]).stdout.as_bytes());
    assert_eq!(both_find(&desk), (BTreeMap::new(), BTreeMap::new()));
    desk.json(&["import", "second.journal"]);
    // A reference of all that could end a text, a line or a number in either language.
    let odd = "a\"b;c|d\\e\nf  g ¥5 = @ 2026-01-01 *";
    desk.json(&["paid", "1", "200", "--reference", odd, "--at", "2001-02-03"]);
    settle(
        &desk,
        1,
        &[(1, 700, Effect::Own), (2, -120, Effect::AtPartner), (3, 6, Effect::Earned)],
    );
    let printed = desk.run(&["books"]).stdout;
    assert!(printed.contains("a_b_c_d_e_f  g ¥5 = @"), "{printed}");
    assert!(printed.contains("; Income:Revenue:1 is \"Ann's Press\""), "{printed}");
    desk.write("books.journal", printed.as_bytes());
    let told = desk.json(&["books"]);
    let ours: BTreeMap<String, String> = told["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|told| {
            (
                desk::text(told, "account").to_owned(),
                desk::text(&told["balance"], "minor").to_owned(),
            )
        })
        .collect();
    let of = |kind| format!("Liabilities:{kind}:{}", desk.medium);
    let [outstanding, settled, earned] = ["Outstanding", "Settled", "Provisional"].map(of);
    // More is on the medium than was sold for it.
    let expected = [
        ("Assets:Cash", "200"),
        ("Assets:Stores:1", "300"),
        (&outstanding, "200"),
        (&settled, "-580"),
        (&earned, "-6"),
        ("Income:Revenue:1", "-114"),
    ];
    let expected = expected.map(|(account, sum)| (account.to_owned(), sum.to_owned()));
    assert_eq!(ours, BTreeMap::from(expected));
    assert_eq!(both_find(&desk), (ours.clone(), ours));
    // They do check: a sum that was changed is found.
    desk.write("books.journal", printed.replacen("  200 JPY", "  201 JPY", 1).as_bytes());
    let check = ["-m", "beancount.scripts.check", "books.journal"];
    let python = std::env::var("SCRIP_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let refused = Command::new(python).args(check).current_dir(desk.path("")).output().unwrap();
    assert!(!refused.status.success(), "beancount took books that are out of balance");
}
