//! A writable area whose read-only area isn't there: its claims are shown as claims, and no more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use scrip::crypto::digest::sha256;
use scrip::crypto::sign::SecretKey;
use scrip::format::Kind;
use scrip::format::Object;
use scrip::format::cose::Sign1;
use scrip::format::record::{Body, Record};
use scrip::image::layout::{ACCESS_PATHS, JOURNAL_PATHS};
use scrip::journal::first_frames;
use scrip::journal::frame::Frame;
use scrip::trust::sign;
use tempfile::TempDir;

use super::bench::{Answer, Bench};
use super::settled::{Records, keep, seen, state};
use super::{FIRST, SERIAL};
use crate::check::mounted::Mounted;
use crate::world::{Sample, minor};

const CAUTION: &str = "Originality not checked: the read-only area of medium ";
const OWN_WORDS: &str = "nobody has verified it";
const HINT: &str = "hint: mount SCRIP-ROM beside it, or name the image or the device";

/// A medium with a login, two top-ups and a purchase.
fn used() -> Bench {
    let bench = Bench::directories_of(&Sample::new(SERIAL));
    bench.login().says(0, "is yours now");
    for slot in [0, 1] {
        bench.topup(&bench.code(slot)).says(0, "Added: ¥500");
    }
    bench
}

/// The same once its read-only area was taken away.
fn alone() -> Bench {
    let bench = used();
    take_away(&bench);
    bench
}

fn take_away(bench: &Bench) {
    fs::remove_dir_all(bench.folder.path().join("ROM")).unwrap();
}

fn file(bench: &Bench, path: &str) -> PathBuf {
    bench.path().join(&path[1..])
}

/// The records of a journal that was never compacted.
fn records(bench: &Bench) -> Vec<Vec<u8>> {
    let bytes = fs::read(file(bench, JOURNAL_PATHS[0])).unwrap();
    let (mut rest, mut records) = (bytes.as_slice(), vec![]);
    while let Some(frame) = Frame::decode(rest) {
        rest = &rest[frame.stored_bytes()..];
        records.push(frame.record);
    }
    records
}

/// Put records into both copies, well framed.
fn write(bench: &Bench, records: &[Vec<u8>]) {
    let mut bytes = first_frames(records).unwrap();
    bytes.resize(1 << 20, 0);
    for path in JOURNAL_PATHS {
        fs::write(file(bench, path), &bytes).unwrap();
    }
}

const SHOWN: [&[&str]; 6] = [
    &["info"],
    &["balance"],
    &["history"],
    &["history", "--accounting"],
    &["receipt", "3"],
    &["doctor"],
];

/// What every answer has: the caution, in text and in JSON and in Japanese, and never a 0.
#[track_caller]
fn says(bench: &Bench, arguments: &[&str], words: &str) -> Answer {
    let before = bench.contents();
    let told = bench.run(arguments);
    for word in [CAUTION, OWN_WORDS, HINT, words] {
        told.says(1, word);
    }
    assert!(!told.text.contains('¥') && !told.text.contains("JPY"), "{}", told.text);
    let object = bench.run(&[&["--json"], arguments].concat());
    let result = object.result();
    assert_eq!((object.exit, &result["exit"]), (1, &1.into()), "{}", object.text);
    let stated = (&result["originality"], &result["verified"]);
    assert_eq!(stated, (&"not-checked".into(), &false.into()), "{result}");
    let japanese = bench.run(&[&["--lang", "ja"], arguments].concat());
    japanese.says(1, "正規品かどうか未確認：媒体");
    let english = super::japanese::english_in(&japanese.text, &[bench.medium, "test settler"]);
    assert!(english.is_empty(), "{english:?} in {}", japanese.text);
    assert!(bench.contents() == before, "{arguments:?} changed the medium");
    object
}

#[test]
fn each_reading_verb_shows_claims_and_says_so() {
    let bench = alone();
    let info = says(&bench, &["info"], "balance       1500 minor units, as record 4 claims");
    assert_eq!((&info.result()["opened"], &info.result()["records"]), (&true.into(), &5.into()));
    let balance =
        says(&bench, &["balance"], "Balance: 1500 minor units, as record 4 claims").result();
    assert_eq!(
        (&balance["balance"]["minor"], &balance["from"]["record"]),
        (&"1500".into(), &4.into())
    );
    assert!(balance["balance"]["currency"].is_null());
    let history = says(&bench, &["history"], "rekey").result();
    assert_eq!(history["rows"].as_array().unwrap().len(), 5);
    let money = says(&bench, &["history", "--accounting"], "amount (minor units)").result();
    let row = &money["rows"][2];
    assert_eq!(
        (&row["balance_after"]["minor"], row["amount"]["currency"].is_null()),
        (&"1500".into(), true)
    );
    let receipt = says(&bench, &["receipt", "3"], "which the chain itself names").result();
    assert_eq!(
        (&receipt["signature"], &receipt["history"]["kind"]),
        (&"fits".into(), &"topup".into())
    );
    let first = says(&bench, &["receipt", "0"], "which is not here: not checked").result();
    assert_eq!(first["signature"], "unknown");
    let doctor =
        says(&bench, &["doctor"], "2 of 5 records are signed by the key that the chain itself");
    assert!(
        doctor.text.contains("The access key is whole in both of its files."),
        "{}",
        doctor.text
    );
    says(&bench, &["doctor"], "Nothing is repaired without the read-only area.");
    bench.run(&["receipt", "9"]).says(5, "there is no record 9, the journal has 5");
    bench.run(&["history", "--kind", "x"]).says(2, "there is no kind of record \"x\"");
}

#[test]
fn a_table_of_values_says_it_in_every_row() {
    let bench = alone();
    let told = bench.run(&["history", "--accounting", "--csv"]);
    told.says(1, CAUTION);
    let lines: Vec<_> = told.stdout.lines().collect();
    assert_eq!(lines[0], "at,amount,balance after,partner,reason,record,currency,originality");
    assert_eq!(lines.len(), 4);
    assert!(lines[1..].iter().all(|line| line.ends_with(",minor units,not checked")), "{lines:?}");
}

#[test]
fn what_needs_more_is_refused_in_its_own_words() {
    let bench = alone();
    let code = bench.code(2);
    fs::write(bench.folder.path().join("settled"), "x").unwrap();
    let password = "no password is asked for and nothing is written before that";
    let cases: [(&[&str], &str); 10] = [
        (&["catalog"], "the list of items lies in the read-only area"),
        (&["export", "mine.evidence"], "an export goes with the certificates"),
        (&["apply", "settled"], "a checkpoint is judged by the certificates"),
        (&["doctor", "--reseal"], "the seal is of the read-only area"),
        (&["topup", &code], password),
        (&["topup", &code, "--dry-run"], password),
        (&["login", "--password-file", "own"], password),
        (&["passwd", "--password-file", "own"], password),
        (&["buy", "song"], password),
        (&["play", "song"], password),
    ];
    for (arguments, words) in cases {
        bench.refuses(arguments, 5, &["originality not checked: ", words]);
        bench.run(arguments).says(5, HINT);
    }
    assert!(!bench.folder.path().join("mine.evidence").exists());
    let other = Bench::image();
    other.login().says(0, "is yours now");
    let from = bench.path();
    let take = ["take", "song", "--from", from.to_str().unwrap(), "--password-file", "own"];
    other.run(&take).says(5, "originality not checked: the read-only area");
}

#[test]
fn no_menu_opens_on_it() {
    let said = alone().terminal(&["--lang", "en"]).ends();
    assert!(said.exit == 5 && said.out.contains("no password is asked for"), "{}", said.out);
    assert!(
        !said.out.contains("password of medium") && !said.out.contains("Which,"),
        "{}",
        said.out
    );
}

/// A folder on another computer, with nothing but a copy of the writable area.
fn elsewhere(bench: &Bench) -> Bench {
    let folder = TempDir::new().unwrap();
    let copied = Command::new("cp").arg("-r").arg(bench.path()).arg(folder.path()).status();
    assert!(copied.unwrap().success());
    Bench::prepared(folder, "RAM", SERIAL)
}

#[test]
fn a_copied_directory_is_read_where_nothing_is_known_of_it() {
    let bench = used();
    let copy = elsewhere(&bench);
    let told = says(&copy, &["info"], "This computer has no copy of the journal").result();
    assert_eq!((&told["seen"]["state"], told["seen"]["root"].is_null()), (&"missing".into(), true));
    assert!(!copy.folder.path().join("state").exists(), "something was remembered");
    take_away(&bench);
    let told =
        says(&bench, &["info"], "This computer's copy of the journal holds the same records.");
    assert!(told.result()["seen"]["root"].is_string());
    says(&bench, &["doctor"], "This computer first saw a medium of this number under root");
}

#[test]
fn a_copy_beside_the_medium_is_the_one_that_is_read_if_it_is_named() {
    let bench = used();
    let copy = bench.folder.path().join("copy.d");
    let copied = Command::new("cp").arg("-r").arg(bench.path()).arg(&copy).status();
    assert!(copied.unwrap().success());
    bench.topup(&bench.code(2)).says(0, "Balance: ¥2,000");
    let copy = Bench { medium: "copy.d", ..bench };
    copy.run(&["balance"]).says(0, "Balance: ¥1,500");
}

#[test]
fn what_this_computer_saw_and_is_gone_is_told() {
    let bench = used();
    let older = elsewhere(&bench);
    bench.topup(&bench.code(2)).says(0, "Balance: ¥2,000");
    take_away(&bench);
    fs::remove_dir_all(bench.path()).unwrap();
    fs::rename(older.path(), bench.path()).unwrap();
    for arguments in SHOWN {
        let told = says(&bench, arguments, "The medium lost its last 1 record;");
        assert_eq!(told.result()["seen"]["state"], "ahead");
    }
}

#[test]
fn an_edited_balance_breaks_the_chain() {
    let bench = alone();
    let good = records(&bench);
    let damaged = |records: &[Vec<u8>], words: &str| {
        write(&bench, records);
        for arguments in SHOWN {
            let unchecked =
                "originality not checked, the read-only area is not here: the journal is";
            bench.refuses(arguments, 3, &[unchecked, words]);
            bench.run(arguments).says(3, HINT);
        }
    };
    let mut edited = good.clone();
    let amount = edited[3].windows(3).position(|part| part == [0x19, 0x03, 0xe8]);
    edited[3][amount.expect("1,000 minor units")..][1..3].copy_from_slice(&[0x7f, 0xff]);
    damaged(&edited, "record 3");
    let [mut without, mut twice, mut swapped] = [&good; 3].map(Clone::clone);
    without.remove(3);
    damaged(&without, "it says it is record 4");
    twice.insert(4, good[3].clone());
    damaged(&twice, "it says it is record 3");
    swapped.swap(3, 4);
    damaged(&swapped, "it says it is record 4");
    damaged(&[vec![0xa0; 40]], "what the journal begins with can't be read");
    write(&bench, &good);
    says(&bench, &["balance"], "1500 minor units");
}

/// The records with other sums, signed anew from the first on by keys of one's own.
fn rewritten(good: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (store, owner) = (SecretKey::from_seed([91; 32]), SecretKey::from_seed([92; 32]));
    let mut forged: Vec<Vec<u8>> = vec![];
    for bytes in good {
        let message = Sign1::decode(bytes, Kind::Record).unwrap();
        let mut record = Record::decode(message.payload()).unwrap();
        if let Some(before) = forged.last() {
            record.prev = sha256(before);
        }
        if let Some(entry) = &mut record.accounting {
            entry.amount *= 1_000;
            entry.balance_after = minor(entry.balance_after.minor() * 1_000);
        }
        let key = if forged.len() < 3 { &store } else { &owner };
        if let Body::Rekey { key, .. } = &mut record.body {
            *key = owner.public().into();
        }
        forged.push(sign(key, &record));
    }
    forged
}

#[test]
fn a_history_written_anew_is_shown_as_a_claim_and_never_as_more() {
    let bench = alone();
    write(&bench, &rewritten(&records(&bench)));
    for arguments in SHOWN {
        says(&bench, arguments, "");
    }
    says(&bench, &["balance"], "Balance: 1500000 minor units, as record 4 claims");
    let told = says(&bench, &["doctor"], "The access key is DAMAGED");
    assert_eq!(told.result()["seen"]["state"], "parted", "this computer saw another history");
}

#[test]
fn a_journal_that_is_gone_or_bad_in_both_copies_is_damage() {
    let bench = alone();
    let whole = JOURNAL_PATHS.map(|path| fs::read(file(&bench, path)).unwrap());
    for (path, bytes) in JOURNAL_PATHS.iter().zip(&whole) {
        for bad in [None, Some(vec![]), Some(vec![0xff; 1 << 20]), Some(bytes[..70_000].to_vec())] {
            match bad {
                None => fs::remove_file(file(&bench, path)).unwrap(),
                Some(bad) => fs::write(file(&bench, path), bad).unwrap(),
            }
            let copy = path.rsplit('.').next().unwrap();
            says(&bench, &["doctor"], &format!("Copy {copy} lacks some, the other has them"));
            says(&bench, &["balance"], "1500 minor units");
        }
        fs::write(file(&bench, path), bytes).unwrap();
    }
    let refused = |words: &str| {
        for arguments in SHOWN {
            bench.refuses(arguments, 3, &["the journal is damaged", words]);
        }
    };
    let put = |lengths: [usize; 2]| {
        for (path, length) in JOURNAL_PATHS.iter().zip(lengths) {
            fs::write(file(&bench, path), vec![0xff; length]).unwrap();
        }
    };
    put([1 << 20; 2]);
    refused("neither copy holds a first record");
    put([1 << 20, 2 << 20]);
    refused("its copies are of 1048576 and 2097152 bytes, so one is cut off");
    put([0, 7]);
    refused("its copies are of 0 and 7 bytes");
    let remove = |paths: [&str; 2]| {
        for path in paths {
            fs::remove_file(file(&bench, path)).unwrap();
        }
    };
    remove(JOURNAL_PATHS);
    refused("neither SCRIP/JOURNAL.A nor SCRIP/JOURNAL.B is there");
    remove(ACCESS_PATHS);
    refused("neither SCRIP/JOURNAL.A nor SCRIP/JOURNAL.B is there");
}

#[test]
fn before_the_first_login_the_key_in_the_open_judges_what_the_shop_signed() {
    let bench = Bench::directories_of(&Sample::new(SERIAL));
    take_away(&bench);
    let told = says(&bench, &["info"], "still the one that the shop made").result();
    assert_eq!(told["opened"], false);
    says(&bench, &["doctor"], "2 of 2 records are signed by the key");
    let mut noise = records(&bench);
    *noise[1].last_mut().unwrap() ^= 1;
    write(&bench, &noise);
    bench.refuses(&["balance"], 3, &["record 1", "the signature is not by key"]);
    assert!(!bench.run(&["info"]).text.contains(FIRST));
}

#[test]
fn behind_a_checkpoint_the_settler_is_named_and_not_vouched_for() {
    let bench = used();
    let mut settled = Records::of(&seen(&bench));
    keep(&bench, "one", &settled.settle(&[&state(&bench)]));
    bench.run(&["apply", "one"]).says(0, "Applied: checkpoint 1.");
    let other = elsewhere(&bench);
    says(&other, &["balance"], "Balance: 1500 minor units, as checkpoint 1 claims");
    let told = says(&other, &["info"], "checkpoint 1, signed by ").result();
    assert_eq!(
        (&told["checkpoint"]["number"], &told["from"]["checkpoint"]),
        (&1.into(), &1.into())
    );
    says(&other, &["doctor"], "whose certificate lies beside it; who certified");
    let all = says(&other, &["history"], "genesis").result();
    assert_eq!(all["rows"].as_array().unwrap().len(), 5, "what lies in the OUTBOX is shown");
    for entry in fs::read_dir(other.path().join("SCRIP/OUTBOX")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let none = says(&other, &["history"], "").result();
    assert_eq!(none["rows"].as_array().unwrap().len(), 0);
    bench.topup(&bench.code(2)).says(0, "Balance: ¥2,000");
    take_away(&bench);
    says(&bench, &["balance"], "Balance: 2000 minor units, as record 5 claims");
}

#[test]
fn another_medium_s_read_only_area_beside_it_makes_no_pair() {
    let bench = alone();
    let other = Mounted::new();
    fs::rename(other.folder.path().join("ROM"), bench.folder.path().join("ROM")).unwrap();
    says(&bench, &["balance"], "1500 minor units");
    assert!(Path::new(&bench.folder.path().join("ROM")).is_dir());
}
