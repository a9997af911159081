//! The whole round by the built tools alone: issue, burn, sell, spend, lose and copy media, reconcile,
//! settle, apply, and reconcile again; all sums are written here by hand.

#![allow(clippy::disallowed_methods, reason = "tests look at what the tools write")]

mod hands;
mod replaced;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::postgres::Cluster;
use hands::{Hands, minor};

/// What the song costs behind so many of its MiB, of which it has 8 and 2 KiB: 300 × n × 1,048,576
/// / 8,390,656, without the rest; and a fifth of that, without the rest, which a giver earns.
const CHARGES: [(i64, i64); 8] =
    [(0, 0), (37, 7), (74, 14), (112, 22), (149, 29), (187, 37), (224, 44), (262, 52)];

/// Media and what is on them, by name.
type Sums = BTreeMap<&'static str, i64>;

fn sums<const N: usize>(sums: [(&'static str, i64); N]) -> Sums {
    BTreeMap::from(sums)
}

/// Everybody's first days: six media, five of them sold; codes for all of them.
fn first_days(hands: &mut Hands) {
    for name in ["cloned", "rewound", "torn", "giver"] {
        hands.burn(name, "fair");
    }
    for name in ["payer", "guest"] {
        hands.burn(name, "bare");
    }
    for name in ["cloned", "rewound", "torn", "giver", "payer"] {
        hands.store(&["sell", hands.number(name), "--price", "1500"]).done();
    }
    let (code, _) = hands.sell_code("cloned", "3000");
    hands.enter("cloned", &code);
    for name in ["rewound", "torn", "giver", "payer", "guest"] {
        let (code, _) = hands.sell_code(name, "1000");
        hands.enter(name, &code);
    }
    // A sale that is taken back, and whose code is used all the same.
    let (code, receipt) = hands.sell_code("torn", "1000");
    hands.store(&["void", &receipt]).done();
    hands.enter("torn", &code);
    for name in ["cloned", "rewound", "guest"] {
        hands.buy(name, "poem");
    }
    hands.server(&["paid", "1", "4000", "--reference", "bank 1"]).done();
}

const AFTER_FIRST_DAYS: [(&str, i64); 6] = [
    ("cloned", 2_950), // 3,000 - 50
    ("rewound", 950),  // 1,000 - 50
    ("torn", 2_000),   // 1,000 + 1,000
    ("giver", 1_000),  // 1,000
    ("payer", 1_000),  // 1,000
    ("guest", 950),    // 1,000 - 50
];

/// A copy, an old image, a lost tail, and two downloads that were killed; how many MiB each of them
/// signed for.
fn accidents(hands: &Hands) -> [u64; 2] {
    let copy = |from: &str, to: &str| {
        fs::copy(hands.path(from), hands.path(to)).unwrap();
    };
    let (code, _) = hands.sell_code("cloned", "5000");
    copy("cloned.img", "copy.img");
    hands.buy("cloned", "story");
    hands.enter("cloned", &code);
    let own = ["--password-file", "own"];
    let elsewhere = |args: &[&str]| hands.wallet_on("elsewhere", "copy", &[args, &own].concat());
    elsewhere(&["buy", "song", "--yes"]).ended(0, &["Balance: ¥2,650"]);
    elsewhere(&["topup", &code]).ended(0, &["Balance: ¥7,650"]);

    copy("rewound.img", "old.img");
    hands.buy("rewound", "story");
    hands.export("rewound", "evidence-2/rewound-before");
    copy("old.img", "rewound.img");

    let before = fs::read(hands.path("torn.img")).unwrap();
    hands.buy("torn", "story");
    hands.export("torn", "evidence-2/torn-before");
    tear(hands, "torn.img", &before);
    // Their owners' own computer is gone as well: it would write back what it saw.
    fs::rename(hands.path("home/scrip/seen"), hands.path("seen-before")).unwrap();

    hands.store(&["kiosk", "fair.edition", "--out", "kiosk"]).done();
    let kept = ["home", "payer.img", "giver.img"];
    let from_owner =
        hands.take_and_be_killed("payer", "giver.img", &kept, hands.receipts_on("giver"));
    let kept = ["home", "guest.img", "kiosk"];
    let inbox = || hands.receipts_in("kiosk/INBOX");
    let from_kiosk = hands.take_and_be_killed("guest", "kiosk", &kept, inbox);
    [from_owner, from_kiosk]
}

/// Zero the frames that a purchase wrote, in both copies of the journal.
fn tear(hands: &Hands, image: &str, before: &[u8]) {
    const SECTOR: usize = 512;
    let mut bytes = fs::read(hands.path(image)).unwrap();
    let mut torn = 0;
    for (at, sector) in before.chunks(SECTOR).enumerate() {
        let now = &mut bytes[at * SECTOR..][..sector.len()];
        if now != sector && now.starts_with(b"SCRJ") {
            now.fill(0);
            torn += 1;
        }
    }
    assert_eq!(torn, 2, "a record's frame in each copy");
    fs::write(hands.path(image), bytes).unwrap();
}

/// Bring the store's journal and what each medium states, and hold that and what these earlier
/// rounds brought against the records.
fn reconcile(hands: &Hands, round: u32, earlier: &[&str]) -> (i32, Value) {
    let folder = format!("evidence-{round}");
    for name in hands.media() {
        hands.export(name, &format!("{folder}/{name}"));
    }
    let journal = format!("{folder}/shop.journal");
    hands.store(&["journal", "export", &journal]).done();
    hands.server(&["import", &journal]).done();
    let plan = format!("{round}.plan");
    let media = ["copy.img", "payer.img", "giver.img", "guest.img", "kiosk/INBOX"];
    let media = media.into_iter().filter(|path| hands.path(path).exists());
    let paths: Vec<&str> = media.chain([&folder[..]]).chain(earlier.iter().copied()).collect();
    let said = hands.reconcile(&paths, &["--plan", &plan, "--json"]);
    let result = said.result();
    assert_eq!(result["skipped"], serde_json::json!([]), "{result}");
    (said.exit, result)
}

/// How many findings of each class there are.
fn classes(result: &Value) -> BTreeMap<String, u64> {
    let classes = result["classes"].as_object().unwrap().iter();
    classes.map(|(class, sum)| (class.clone(), sum["count"].as_u64().unwrap())).collect()
}

fn count<const N: usize>(classes: [(&str, u64); N]) -> BTreeMap<String, u64> {
    BTreeMap::from(classes.map(|(class, count)| (class.to_owned(), count)))
}

/// Each owner's balance, and the closing of each statement, are these.
#[track_caller]
fn agree(hands: &Hands, expected: &Sums) {
    let media = || hands.media().into_iter();
    let balances: Sums = media().map(|name| (name, hands.balance(name))).collect();
    assert_eq!(&balances, expected);
    let closing = |name: &str| {
        let statement = hands.server(&["statement", hands.number(name), "--json"]).done().result();
        minor(&statement["closing"]["balance"])
    };
    let statements: Sums = media().map(|name| (name, closing(name))).collect();
    assert_eq!(&statements, expected);
}

/// The store owes what it sold, less what it took back and paid in: opening, sold, voided, paid,
/// owed.
fn dues(hands: &Hands) -> [i64; 5] {
    let told = hands.server(&["dues", "--json"]).done().result();
    ["opening", "sold", "voided", "paid", "owed"].map(|name| minor(&told["stores"][0][name]))
}

/// What each account has by `hledger`, which checks the books as well.
fn by_hledger(hands: &Hands) -> BTreeMap<String, i64> {
    let books = hands.server(&["books"]).done().out;
    fs::write(hands.path("books.journal"), books).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new("hledger");
        let output = command.args(["-f", "books.journal"]).args(args).current_dir(hands.path(""));
        let output = output.output().unwrap_or_else(|error| {
            panic!("hledger: {error}; apt-get install hledger");
        });
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["check"]);
    let table = run(&["balance", "--flat", "-N", "-E", "-O", "csv"]);
    let row = |line: &str| {
        let (account, sum) = line.trim_matches('"').split_once("\",\"").unwrap();
        (account.to_owned(), sum.trim_end_matches(" JPY").parse().unwrap())
    };
    table.lines().skip(1).map(row).collect()
}

fn books(hands: &Hands) -> BTreeMap<String, i64> {
    let told = hands.server(&["books", "--json"]).done().result();
    let accounts = told["accounts"].as_array().unwrap().iter();
    accounts
        .map(|told| (told["account"].as_str().unwrap().to_owned(), minor(&told["balance"])))
        .collect()
}

fn round(url: Option<String>) {
    let mut hands = Hands::new(url, 6);
    first_days(&mut hands);
    let (exit, found) = reconcile(&hands, 1, &[]);
    let planted = [("medium-ahead", 6), ("redeemed-after-void", 1), ("spent-never-sold", 1)];
    assert_eq!((exit, classes(&found)), (1, count(planted)), "{found}");
    assert_eq!(hands.settle_and_apply("1.plan", 1).len(), 6);
    agree(&hands, &sums(AFTER_FIRST_DAYS));

    let [owner, kiosk] = accidents(&hands);
    let (exit, found) = reconcile(&hands, 2, &["evidence-1"]);
    let planted = [("fork", 1), ("medium-ahead", 6), ("medium-behind", 2)];
    assert_eq!((exit, classes(&found)), (1, count(planted)), "{found}");
    assert_eq!(hands.settle_and_apply("2.plan", 2).len(), 6);
    hands.apply("elsewhere", "copy", "cloned", 2);
    let [(paid, _), (kiosk_paid, _)] =
        [owner, kiosk].map(|mib| CHARGES[usize::try_from(mib).unwrap()]);
    let mut expected = sums([
        ("cloned", 7_250),           // 2,950 - 400 - 300 + 5,000, the code once
        ("rewound", 550),            // 950 - 400, which is given back
        ("torn", 1_600),             // 2,000 - 400, which is given back
        ("giver", 1_000),            // earns when the two meet again
        ("payer", 1_000 - paid),     // what it signed for
        ("guest", 950 - kiosk_paid), // what it signed for
    ]);
    agree(&hands, &expected);
    let copied = hands.wallet_on("elsewhere", "copy", &["balance", "--json"]).result();
    assert_eq!(minor(&copied["balance"]), 7_250);
    answered(&hands, 3, &["evidence-1", "evidence-2"]);

    hands.take("payer", "giver.img").ended(0, &["Balance: ¥700"]);
    hands.take("guest", "kiosk").ended(0, &["Balance: ¥650"]);
    let (exit, found) = reconcile(&hands, 4, &["evidence-1"]);
    let new = [("matched", 3), ("medium-ahead", 3), ("spent-never-sold", 1)];
    assert_eq!((exit, classes(&found)), (1, count(new)), "{found}");
    assert_eq!(hands.settle_and_apply("4.plan", 3), ["giver", "guest", "payer"]);
    let last = [("giver", 1_060), ("payer", 700), ("guest", 650)]; // + 60, and 300 less each
    expected.extend(last);
    agree(&hands, &expected);
    answered(&hands, 5, &["evidence-1", "evidence-2", "evidence-3", "evidence-4"]);
    assert_eq!(dues(&hands), [0, 14_000, -1_000, -4_000, 9_000]);
    audited(&hands);
    assert_eq!(by_hledger(&hands), books(&hands));
}

/// Nothing differs, and nothing is to be posted.
fn answered(hands: &Hands, round: u32, earlier: &[&str]) {
    let (exit, found) = reconcile(hands, round, earlier);
    assert_eq!((exit, classes(&found)), (0, count([("matched", 6)])), "{found}");
    let plan = format!("{round}.plan");
    let settled = hands.server(&["settle", &plan, "--out", "none"]);
    settled.ended(0, &["nothing is to be posted"]);
    assert!(!hands.path("none").exists());
}

/// Value is conserved, and named is what was planted.
fn audited(hands: &Hands) {
    let said = hands.server(&["audit", "--json"]);
    let told = said.result();
    assert_eq!(said.exit, 1, "{told}");
    let kinds = told["balances"].as_object().unwrap().iter();
    let kinds: BTreeMap<&str, i64> = kinds.map(|(kind, sum)| (kind.as_str(), minor(sum))).collect();
    let expected = BTreeMap::from([
        ("cash", 4_000),
        ("stores", 9_000),      // 14,000 sold - 1,000 taken back - 4,000 paid in
        ("outstanding", 1_000), // the code that was taken back and used
        ("settled", -11_810),   // 7,250 + 550 + 1,600 + 1,060 + 700 + 650
        ("provisional", 0),
        ("reserved", 0),
        ("revenue", -2_190), // 50 × 3 + 400 × 3 + 300 × 3 - 60 of them to the giver
    ]);
    let expected: BTreeMap<_, _> =
        expected.into_iter().filter(|(kind, _)| kinds.contains_key(kind)).collect();
    assert_eq!((kinds.values().sum::<i64>(), &kinds), (0, &expected));
    assert_eq!(told["differing"], serde_json::json!([]));
    let named = |list: &str| -> Vec<&Value> { told[list].as_array().unwrap().iter().collect() };
    let [unsold] = named("redeemed_never_sold")[..] else { panic!("{told}") };
    assert_eq!(
        (unsold["medium"].as_str(), minor(&unsold["more_than_sold"])),
        (Some(hands.number("torn")), 1_000)
    );
    assert_eq!(named("spent_never_sold"), [&Value::from(hands.number("guest"))]);
}

#[test]
fn a_medium_that_runs_short_gets_a_further_sheet_and_the_newest_list() {
    let mut hands = Hands::new(None, 2);
    hands.burn("short", "bare");
    hands.burn("other", "bare");
    hands.store(&["sell", hands.number("short")]).done();
    let (code, _) = hands.sell_code("short", "10000");
    hands
        .wallet("short", &["topup", &code, "--password-file", "own"])
        .ended(0, &["3 codes of ¥10,000 are left"]);
    for _ in 0..2 {
        let (code, _) = hands.sell_code("short", "10000");
        hands.enter("short", &code);
    }
    let fourth = ["topup", hands.number("short"), "10000", "--json"];
    hands.store(&fourth).ended(5, &["no code of ¥10,000"]);
    let number = hands.number("short").to_owned();
    hands.server(&["sheets", &number, &number, "--out", "no.kit"]).ended(2, &["named twice"]);
    hands.server(&["sheets", "000000000195", "--out", "no.kit"]).ended(5, &["never given out"]);
    hands
        .server(&["sheets", &number, "--out", "no.kit", "--dry-run"])
        .ended(0, &["1 further sheet for store 1 (Kiosk) would be made: codes worth ¥99,000"]);
    assert!(!hands.path("no.kit").exists());
    hands.server(&["sheets", &number, "--out", "more.kit"]).done();
    hands.store(&["accept", "more.kit"]).ended(0, &["0 blanks, 30 codes worth ¥99,000"]);
    hands.store(&["accept", "more.kit"]).ended(5, &["already"]);
    hands.server(&["revoke", "medium", hands.number("other")]).done();
    let (code, _) = hands.sell_code("short", "10000");
    let enter = ["topup", &code, "--password-file", "own"];
    hands.wallet("short", &enter).ended(5, &["not a code of this medium"]);

    let (_, found) = reconcile(&hands, 1, &[]);
    assert_eq!(found["settles"], 2, "{found}");
    hands.server(&["settle", "1.plan", "--out", "checkpoints", "--yes"]).done();
    let file = format!("checkpoints/{number}-1.checkpoint");
    hands
        .wallet("short", &["apply", &file])
        .ended(0, &["a sheet of new codes, which is kept", "revocation list 1, which is kept"]);
    hands.wallet("short", &enter).ended(0, &["Added: ¥10,000", "Balance: ¥40,000"]);

    let (exit, _) = reconcile(&hands, 2, &[]);
    assert_eq!(exit, 1);
    hands.server(&["settle", "2.plan", "--out", "checkpoints", "--yes"]).done();
    let file = format!("checkpoints/{number}-2.checkpoint");
    let applied = hands.wallet("short", &["apply", &file]).done();
    assert!(!applied.all().contains("With it came"), "it has all: {}", applied.all());
    assert_eq!(hands.balance("short"), 40_000); // 4 × 10,000
    assert_eq!(dues(&hands)[1], 40_000);
    let told = hands.server(&["statement", &number, "--json"]).done().result();
    assert_eq!(["unredeemed", "balance"].map(|name| minor(&told["closing"][name])), [0, 40_000]);
}

#[test]
fn the_round_closes_with_the_built_tools_on_sqlite() {
    round(None);
}

#[test]
fn the_round_closes_with_the_built_tools_on_postgres() {
    let mut cluster = Cluster::start(&["fsync=off"]);
    round(Some(cluster.database()));
}
