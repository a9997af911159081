//! Frauds and honest accidents that no code of ours made: real media, `cp`, `dd`, a byte editor, and
//! records that pycose signed. What is to be found is written here by hand.

use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

use crate::second_reader::python;

/// Class, medium, sequence, amount.
type Finding = (&'static str, &'static str, Option<u64>, i64);

/// What a folder of evidence comes to.
struct Case {
    name: &'static str,
    exit: i32,
    /// Files that are skipped.
    skipped: usize,
    /// What codes and vouchers add, what goods and downloads take, what the store bears.
    moves: [i64; 3],
    findings: &'static [Finding],
}

const fn case(
    name: &'static str,
    exit: i32,
    moves: [i64; 3],
    findings: &'static [Finding],
) -> Case {
    Case { name, exit, skipped: 0, moves, findings }
}

/// Behind genesis and rekey, medium `one` has a code of 3,000 (record 2) and a poem for 50 (record 3);
/// medium `two` has a code of 1,000 (record 2).
const BASE: [i64; 3] = [3_000, 50, 0];
const AHEAD: Finding = ("medium-ahead", "one", Some(3), 2_950);

const FRAUDS: [Case; 19] = [
    // An opera for 2,000 on the copy; a film for 2,000 and a story for 400 on the original.
    case(
        "clone",
        1,
        [3_000, 4_450, 1_450],
        &[("fork", "one", Some(4), -2_000), ("medium-ahead", "one", Some(5), -1_450)],
    ),
    // The film on both, bought at one place of the chain: it is paid once.
    case(
        "same-goods",
        1,
        [3_000, 2_450, 0],
        &[("fork", "one", Some(4), -2_000), ("medium-ahead", "one", Some(5), 550)],
    ),
    // A story, the old image put back; a song for 300 and a film.
    case(
        "rewind",
        1,
        [3_000, 2_750, 0],
        &[("fork", "one", Some(4), -400), ("medium-ahead", "one", Some(5), 250)],
    ),
    // The poem for 5 instead of 50, signed again; an older export has the first.
    case(
        "edited-price",
        1,
        [3_000, 55, 0],
        &[("fork", "one", Some(3), -50), ("medium-ahead", "one", Some(4), 2_945)],
    ),
    // The code of 3,000 adds 9,000, signed again: nothing from there on counts.
    case(
        "edited-topup",
        1,
        [0, 0, 0],
        &[("amount-differs", "one", Some(2), 6_000), ("medium-ahead", "one", Some(1), 0)],
    ),
    case("invented-code", 3, BASE, &[("bad-signature", "one", Some(4), 3_000), AHEAD]),
    // The owner holds a good code; the shop's journal lacks its sale.
    case(
        "unsold-code",
        1,
        [4_000, 50, 0],
        &[("medium-ahead", "one", Some(4), 3_950), ("redeemed-never-sold", "one", Some(4), 1_000)],
    ),
    case(
        "voided-code",
        1,
        [4_000, 50, 0],
        &[("medium-ahead", "one", Some(4), 3_950), ("redeemed-after-void", "one", Some(4), 1_000)],
    ),
    case("anothers-code", 3, BASE, &[("bad-signature", "one", Some(4), 1_000), AHEAD]),
    // The poem is cut off with dd; the owner's computer has its record.
    case("lost-tail", 1, BASE, &[AHEAD, ("medium-behind", "one", Some(3), -50)]),
    case(
        "wrong-signature",
        3,
        [3_000, 0, 0],
        &[("bad-signature", "one", Some(3), -50), ("medium-ahead", "one", Some(2), 3_000)],
    ),
    // 10 of 100 bytes for 300 are charged, 40 were signed for: 30 and 120.
    case(
        "more-signed-than-charged",
        1,
        [3_000, 170, 0],
        &[("bytes-differ", "one", Some(4), -90), ("medium-ahead", "one", Some(5), 2_830)],
    ),
    // A fee of 60 by a receipt under another key: it never vests.
    case(
        "forged-receipt",
        3,
        [4_000, 50, 0],
        &[
            ("bad-signature", "two", Some(5), 60),
            ("medium-ahead", "one", Some(4), 2_950),
            ("medium-ahead", "two", Some(5), 1_060),
        ],
    ),
    // A voucher of 500 for `one`, entered there and on `two`.
    case(
        "voucher-on-two",
        3,
        [4_500, 50, 0],
        &[
            ("bad-signature", "two", Some(3), 500),
            ("medium-ahead", "one", Some(4), 3_450),
            ("medium-ahead", "two", Some(2), 1_000),
        ],
    ),
    // The shop's key signs one serial two times: 700 for `one`, 800 for `two`.
    case(
        "twin-vouchers",
        1,
        [5_500, 50, 0],
        &[
            ("duplicate-code-or-vid", "one", Some(4), 700),
            ("duplicate-code-or-vid", "two", Some(3), 800),
            ("medium-ahead", "one", Some(4), 3_650),
            ("medium-ahead", "two", Some(3), 1_800),
            ("redeemed-never-sold", "one", Some(4), 700),
            ("redeemed-never-sold", "two", Some(3), 800),
        ],
    ),
    case("other-currency", 1, BASE, &[("currency", "one", Some(4), 500), AHEAD]),
    case("large-voucher", 1, BASE, &[AHEAD, ("over-quota", "one", Some(4), 50_001)]),
    case("overdraft", 1, BASE, &[AHEAD, ("overdraft", "one", Some(4), -9_999)]),
    // The shop's key certifies a second medium of the number.
    case("second-medium", 1, BASE, &[AHEAD, ("wrong-store", "one", None, 0)]),
];

/// Nobody is stopped, nobody is told that he did wrong.
const ACCIDENTS: [Case; 7] = [
    case("torn-frame", 1, BASE, &[AHEAD]),
    case("lost-copy", 1, BASE, &[AHEAD]),
    case("spare-copy", 1, BASE, &[AHEAD]),
    // The export is cut within the poem's frame: what stands before it counts.
    case(
        "cut-in-a-frame",
        3,
        [3_000, 0, 0],
        &[("damaged", "one", Some(3), 0), ("medium-ahead", "one", Some(2), 3_000)],
    ),
    // A story for 400 was bought since.
    case(
        "older-backup",
        1,
        [3_000, 450, 0],
        &[("medium-ahead", "one", Some(4), 2_550), ("medium-behind", "one", Some(4), -400)],
    ),
    case(
        "dead-clock",
        1,
        [3_000, 450, 0],
        &[("clock-oddity", "one", Some(4), 0), ("medium-ahead", "one", Some(4), 2_550)],
    ),
    // A real export cut to 30,000 bytes says nothing, and is named; the whole one lies beside.
    Case { skipped: 1, ..case("cut-early", 3, BASE, &[AHEAD]) },
];

/// Have everything made; the numbers of the media.
fn made(folder: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frauds/frauds.py");
    let tools = cargo_bin("scrip-server").parent().unwrap().to_path_buf();
    let mut command = Command::new(python());
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(tools).arg(folder);
    let output = command.output().expect("python runs; else: apt-get install python3 python3-venv");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "apt-get install faketime coreutils, if missing: {told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the tool says of a case's folder, and its exit code.
fn judged(folder: &Path, case: &str) -> (Option<i32>, Value) {
    let mut command = Command::new(cargo_bin("scrip-verify"));
    let evidence = format!("cases/{case}");
    command.args(["reconcile", "--records", "issuer", &evidence, "--json"]);
    command.args(["--trust", "issuer/trust.cbr", "--allow-test-root"]).current_dir(folder);
    let output = command.env("XDG_CONFIG_HOME", folder.join("config")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let last = said.lines().last().unwrap_or_default();
    (output.status.code(), serde_json::from_str(last).unwrap())
}

/// All findings, with the media's names for their numbers.
fn found(result: &Value, numbers: &Value) -> Vec<(String, String, Option<u64>, i64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = |number: &Value| {
        let mut names = numbers.as_object().unwrap().iter();
        names.find(|(_, known)| *known == number).map_or_else(|| text(number), |one| one.0.clone())
    };
    let one = |told: &Value| {
        let amount = text(&told["minor"]).parse().unwrap();
        (text(&told["class"]), name(&told["medium"]), told["seq"].as_u64(), amount)
    };
    let mut found: Vec<_> = result["findings"].as_array().unwrap().iter().map(one).collect();
    found.sort_unstable();
    found
}

/// What goes from one kind of account to another, less what goes back.
fn moved(result: &Value, from: &str, to: &str) -> i64 {
    let moves = result["moves"].as_array().unwrap().iter();
    let sum = moves.map(|one| {
        let minor: i64 = one["minor"].as_str().unwrap().parse().unwrap();
        let is = |start: &str, end: &str| i64::from(one["from"] == start && one["to"] == end);
        minor * (is(from, to) - is(to, from))
    });
    sum.sum()
}

#[test]
fn what_others_made_is_found_as_it_was_foretold() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = made(folder.path());
    let cases = std::fs::read_dir(folder.path().join("cases")).unwrap().count();
    assert_eq!(cases, FRAUDS.len() + ACCIDENTS.len());
    for (case, honest) in
        FRAUDS.iter().map(|case| (case, false)).chain(ACCIDENTS.iter().map(|case| (case, true)))
    {
        let (exit, result) = judged(folder.path(), case.name);
        let foretold = case.findings.iter().map(|(class, medium, seq, amount)| {
            ((*class).to_owned(), (*medium).to_owned(), *seq, *amount)
        });
        let foretold: Vec<_> = foretold.collect();
        assert_eq!(found(&result, &numbers), foretold, "{}", case.name);
        let ways = [("outstanding", "settled"), ("settled", "revenue"), ("fork loss", "settled")];
        let moves = ways.map(|(from, to)| moved(&result, from, to));
        assert_eq!(moves, case.moves, "{}: {}", case.name, result["moves"]);
        let skipped = result["skipped"].as_array().unwrap().len();
        assert_eq!((exit, skipped), (Some(case.exit), case.skipped), "{}", case.name);
        if honest {
            assert_eq!(result["settles"], 1, "{}: nobody is stopped", case.name);
        }
    }
}
