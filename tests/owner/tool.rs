//! The built tool in an owner's hands, on an image and on mounted directories.

use std::fs;
use std::path::Path;
use std::process::Command;

use scrip::device::{Access, Device, FileDevice};
use scrip::format::field::Bytes;
use scrip::format::medium::CertificateSlot;
use scrip::format::sheet::{Voucher, VoucherFile};
use scrip::format::{Object, cbor};
use scrip::image::layout::{CERTIFICATE_SLOT, SLOTS};
use scrip::journal::frame::Frame;
use scrip::trust::sign;
use scrip::units::{MediumId, StoreId};
use scrip::voucher::voucher_id;
use serde_json::Value;

use super::bench::{Bench, answer};
use super::refused::shop;
use super::{SERIAL, code};
use crate::world::{Sample, World, at, minor, yen};

/// From the package to a history that adds up.
fn walk(bench: &Bench) {
    assert_eq!(bench.balance(), "500");
    bench.topup(&bench.code(0)).says(5, "hint: run `scrip-wallet login`");
    let wrong = ["login", "--password-file", "wrong", "--new-password-file", "own"];
    bench.run(&wrong).says(5, "wrong password");
    bench.login().says(0, "is yours now");
    bench.login().says(5, "wrong password");
    bench.run(&["login", "--password-file", "own"]).says(0, "Balance: ¥500");

    let spaced = bench.code(0).replace('-', " ");
    bench.topup(&spaced).says(0, "Added: ¥500");
    let words: Vec<_> = ["topup"].into_iter().chain(spaced.split(' ')).collect();
    let again = bench.run(&[&words, &["--password-file", "own"][..]].concat());
    again.says(0, "Already added: ¥500 on ");
    again.says(0, "in record 3; nothing was changed.");
    let full_width = |c: char| c.to_digit(10).map_or(c, |d| char::from_u32(0xff10 + d).unwrap());
    let wide: String = bench.code(1).chars().map(full_width).collect();
    let dry = bench.run(&["--json", "topup", &wide, "--dry-run"]);
    assert_eq!((dry.exit, &dry.result()["added"]["minor"]), (0, &"500".into()), "{}", dry.text);
    assert_eq!(bench.balance(), "1000");
    bench.topup(&wide).says(0, "Balance: ¥1,500");
    bench.run(&["topup", &bench.code(2), "--password-file", "wrong"]).says(5, "wrong password");
    refusals(bench);
    bench.run(&["passwd", "--password-file", "own", "--new-password-file", "third"]).says(0, "");
    bench.topup(&bench.code(5)).says(5, "wrong password");
    let last = bench.run(&["topup", &bench.code(5), "--password-file", "third"]);
    last.says(0, "Balance: ¥2,500");
    histories(bench);
}

/// What adds nothing, each in its own words.
fn refusals(bench: &Bench) {
    let number = MediumId::from_serial(bench.serial).grouped();
    let foreign = bench.topup(&code(7, 0));
    foreign.says(5, "this is not a code of this medium");
    foreign.says(5, &number);
    bench.topup("1234").says(5, "20 digits");
    let mut mistyped = bench.code(4).into_bytes();
    mistyped[6] = b'0' + (mistyped[6] - b'0' + 1) % 10;
    let mistyped = String::from_utf8(mistyped).unwrap();
    let asked = bench.topup(&mistyped);
    asked.says(5, &format!("{} may be meant", bench.code(4)));
    assert_eq!(bench.balance(), "1500");
    let arguments = ["topup", &mistyped, "--yes", "--password-file", "own"];
    bench.run(&arguments).says(0, "Balance: ¥2,000");
}

/// What the journal says, in all its forms.
fn histories(bench: &Bench) {
    let history = bench.run(&["history"]);
    assert!(["genesis", "rekey", "topup"].iter().all(|kind| history.stdout.contains(kind)));
    assert_eq!(history.stdout.lines().count(), 1 + 7, "{}", history.stdout);
    let accounting = bench.run(&["--json", "history", "--accounting"]).result();
    let rows = accounting["rows"].as_array().unwrap().clone();
    let sum: i64 = rows
        .iter()
        .map(|row| row["amount"]["minor"].as_str().unwrap().parse::<i64>().unwrap())
        .sum();
    assert_eq!((rows.len(), sum), (5, 2_500));
    assert_eq!(rows[4]["balance_after"]["minor"], "2500");
    let csv = bench.run(&["history", "--accounting", "--csv", "--limit", "1"]);
    let lines: Vec<_> = csv.stdout.lines().collect();
    assert_eq!(lines[0], "at,amount,balance after,partner,reason,record,currency");
    assert!(lines[1].contains(",500,2500,store 7,top-up by code,6,JPY"), "{}", csv.stdout);
    let rekeys = bench.run(&["--json", "history", "--kind", "rekey"]).result();
    assert_eq!(rekeys["rows"].as_array().unwrap().len(), 1);
    let none = bench.run(&["--json", "history", "--since", "2999-01-01"]).result();
    assert_eq!(none["rows"].as_array().unwrap().len(), 0);
    bench.run(&["history", "--kind", "nothing"]).says(2, "hint: one of genesis, topup");
    bench.run(&["receipt", "3"]).says(0, "+¥500");
    bench.run(&["receipt", "70"]).says(5, "there is no record 70, the journal has 7");
    export(bench);
}

/// The exported file holds the certificate and every record, in frames that chain.
fn export(bench: &Bench) {
    bench.run(&["export", "evidence.bin", "--dry-run"]).says(0, "7 records would be written");
    bench.run(&["export", "evidence.bin"]).says(0, "7 records written");
    bench.run(&["export", "evidence.bin"]).says(5, "evidence.bin");
    let bytes = fs::read(bench.folder.path().join("evidence.bin")).unwrap();
    let slot = &bytes[..usize::try_from(CERTIFICATE_SLOT.bytes).unwrap()];
    let slot = CertificateSlot::decode(cbor::unpad(slot).unwrap().unwrap()).unwrap();
    assert_eq!(slot.chain.0.len(), 3);
    let slots: u64 = SLOTS.iter().map(|slot| slot.bytes).sum();
    let mut rest = &bytes[usize::try_from(slots).unwrap()..];
    let mut count = 0;
    while let Some(frame) = Frame::decode(rest) {
        assert_eq!((frame.generation, frame.index), (0, count));
        rest = &rest[frame.stored_bytes()..];
        count += 1;
    }
    assert_eq!((count, rest.len()), (7, 0));
}

#[test]
fn an_owner_walks_from_the_package_to_a_history_on_an_image() {
    let bench = Bench::image();
    walk(&bench);
    let checked = answer(&mut bench.command("scrip-verify", &["check", "medium.img"]));
    checked.says(0, "sealed");
    checked.says(0, "¥2,500");
}

#[test]
fn an_owner_walks_from_the_package_to_a_history_on_directories() {
    let bench = Bench::directories();
    walk(&bench);
    let checked = answer(&mut bench.command("scrip-verify", &["check", "ROM"]));
    checked.says(0, "¥2,500");
    fs::rename(bench.folder.path().join("ROM"), bench.folder.path().join("elsewhere.d")).unwrap();
    fs::remove_dir_all(bench.folder.path().join("elsewhere.d")).unwrap();
    let alone = bench.run(&["balance"]);
    alone.says(1, "Originality not checked: the read-only area of medium ");
    alone.says(1, "Balance: 2500 minor units, as record 6 claims");
}

#[test]
fn a_second_wallet_is_refused_and_may_look() {
    let image = Bench::image();
    image.login().says(0, "is yours now");
    let device = image.open();
    let claim = device.claim().unwrap();
    image.topup(&image.code(0)).says(5, "in use by ");
    assert_eq!(image.balance(), "500");
    drop(claim);
    image.topup(&image.code(0)).says(0, "Added: ¥500");
    let directories = Bench::directories();
    directories.login().says(0, "is yours now");
    let journal = directories.folder.path().join("RAM/SCRIP/JOURNAL.A");
    let journal = FileDevice::open(&journal, Access::Write).unwrap();
    let _claim = journal.claim().unwrap();
    directories.topup(&directories.code(0)).says(5, "in use by ");
}

/// Change one byte of a file; gives the device, where its read-only area begins, where the byte
/// lies and what it was.
pub(super) fn alter(bench: &Bench) -> (FileDevice, u64, u64, [u8; 1]) {
    let sample = Sample::new(SERIAL);
    let start = sample.sealed.layout.rom().start;
    let player = start + sample.sealed.plan.locate("/start.sh").unwrap();
    let (device, mut byte) = (bench.open(), [0]);
    device.read_at(player, &mut byte).unwrap();
    device.write_at(player, &[byte[0] ^ 1]).unwrap();
    (device, start, player, byte)
}

#[test]
fn an_altered_medium_stops_before_the_password() {
    let bench = Bench::image();
    let (device, start, player, byte) = alter(&bench);
    // The password file isn't even looked for.
    let unread = ["login", "--password-file", "none", "--new-password-file", "none"];
    for arguments in [&unread[..], &["balance"], &["history"], &["topup", "1"]] {
        let answer = bench.run(arguments);
        let early = arguments == ["topup", "1"];
        assert_eq!(answer.exit, if early { 5 } else { 3 }, "{arguments:?} {}", answer.text);
        assert!(early || answer.text.contains("/start.sh"), "{}", answer.text);
    }
    device.write_at(player, &byte).unwrap();
    device.write_at(start + 0x41, &[1]).unwrap();
    bench.login().says(0, "the medium was touched by ordinary use");
}

#[test]
fn a_journal_damaged_in_one_copy_is_repaired_in_two_refused_elsewhere() {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    let starts = super::medium(&bench.open()).grounds().journal.starts;
    bench.open().write_at(starts[0], &[0xff; 512]).unwrap();
    assert_eq!(bench.balance(), "500");
    bench.topup(&bench.code(0)).says(0, "records that a copy lacked were written again: 1");
    for start in starts {
        bench.open().write_at(start, &[0xff; 512]).unwrap();
    }
    // Another computer has nothing to fill the hole with.
    let [state, away] = ["state", "away"].map(|name| bench.folder.path().join(name));
    fs::rename(&state, &away).unwrap();
    for arguments in [&["balance"][..], &["topup", &bench.code(1)], &["history"]] {
        bench.run(arguments).says(3, "the journal is damaged: ");
    }
    let _ = fs::remove_dir_all(&state);
    fs::rename(&away, &state).unwrap();
    assert_eq!(bench.balance(), "1000");
    bench.topup(&bench.code(1)).says(0, "Balance: ¥1,500");
}

#[test]
fn a_medium_that_comes_back_with_less_gets_it_from_this_computer() {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    let path = bench.folder.path().join("medium.img");
    let older = fs::read(&path).unwrap();
    for slot in [0, 1] {
        bench.topup(&bench.code(slot)).says(0, "Added: ¥500");
    }
    fs::write(&path, &older).unwrap();
    assert_eq!(bench.balance(), "500");
    let told = bench.run(&["login", "--password-file", "own"]);
    told.says(0, "2 records fewer than this computer last saw: they were written back");
    assert_eq!(bench.balance(), "1500");
    // Without this computer's memory an older medium counts as it is, and goes another way.
    let state = bench.folder.path().join("state");
    fs::rename(&state, bench.folder.path().join("kept")).unwrap();
    fs::write(&path, &older).unwrap();
    bench.topup(&bench.code(2)).says(0, "Balance: ¥1,000");
    fs::remove_dir_all(&state).unwrap();
    fs::rename(bench.folder.path().join("kept"), &state).unwrap();
    let parted = bench.topup(&bench.code(4));
    parted.says(0, "are not on the medium, which went on with others");
    parted.says(0, "Balance: ¥1,500");
}

#[test]
fn a_voucher_is_added_by_its_file_once() {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    let world = World::new();
    let store = StoreId::from_number(7).unwrap();
    let voucher = |name: &str, serial: u64, medium: u64| {
        let voucher = Voucher {
            id: voucher_id(store, serial),
            medium: MediumId::from_serial(medium),
            amount: minor(700),
            currency: yen(),
            store,
            serial,
            issued: at(20),
            expires: at(0).plus_days(300),
        };
        let signed = Bytes(sign(&world.store, &voucher));
        let file = VoucherFile { voucher: signed, chain: world.store_chain.clone() };
        fs::write(bench.folder.path().join(name), file.encode()).unwrap();
    };
    voucher("own.voucher", 5, SERIAL);
    voucher("foreign.voucher", 6, SERIAL + 1);
    bench.topup("own.voucher").says(0, "Balance: ¥1,200");
    bench.topup("own.voucher").says(0, "Already added: ¥700");
    bench.topup("foreign.voucher").says(5, "this is not a voucher of this medium");
    let path = bench.folder.path().join("own.voucher");
    let mut bytes = fs::read(&path).unwrap();
    bytes[90] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(bench.topup("own.voucher").exit, 3);
    assert_eq!(bench.balance(), "1200");
}

#[test]
fn goods_are_bought_once_and_not_beyond_what_is_there() {
    let bench = Bench::of(&shop(&[("gift", 0), ("fair", 400), ("dear", 501)]));
    let buy = |id: &str| bench.run(&["buy", id, "--password-file", "own"]);
    buy("fair").says(5, "hint: run `scrip-wallet login`");
    bench.login().says(0, "is yours now");
    buy("dear").says(5, "dear costs ¥501, ¥500 may be spent: ¥1 are missing");
    buy("none").says(5, "the catalogue has no item");
    bench.run(&["buy", "fair", "--dry-run"]).says(0, "¥400 would be paid; nothing was.");
    assert_eq!(bench.balance(), "500");
    buy("fair").says(0, "To see or hear it: scrip-wallet play fair");
    buy("fair").says(0, "Already yours: record 3 paid for it; nothing was paid.");
    buy("gift").says(0, "It is free");
    assert_eq!(bench.balance(), "100");
    let catalog = bench.run(&["--json", "catalog"]).result();
    let items = catalog["items"].as_array().unwrap().iter();
    let told: Vec<_> = items.map(|item| (&item["bought"], &item["affordable"])).collect();
    let (none, three, yes, no) = (Value::Null, 3.into(), true.into(), false.into());
    assert_eq!(told, [(&none, &yes), (&three, &no), (&none, &no)]);
    bench.run(&["history", "--accounting"]).says(0, "-¥400");
}

#[test]
fn storage_that_takes_no_writing_is_named() {
    let bench = Bench::directories();
    let ram = bench.folder.path().join("RAM");
    let mount = |arguments: &[&str]| {
        let done = Command::new("mount").args(arguments).arg(&ram).status();
        assert!(done.unwrap().success(), "mount {arguments:?} needs rights");
    };
    mount(&["--bind", ram.to_str().unwrap()]);
    mount(&["-o", "remount,bind,ro"]);
    let (refused, balance) = (bench.login(), bench.run(&["balance"]));
    let unmounted = Command::new("umount").arg(&ram).status().unwrap();
    assert!(unmounted.success());
    refused.says(4, "Read-only file system");
    balance.says(0, "¥500");
    assert!(Path::new(&ram).is_dir());
}
