//! `doctor`: what it finds is told in one sentence, and repaired where recovery would repair it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use scrip::device::simulated::{Bounds, FaultKind, Volatile};
use scrip::device::{Access, Device, FileDevice, Folder};
use scrip::format::access::SLOT_BYTES;
use scrip::image::check::Grounds;
use scrip::image::layout::ACCESS_BYTES;
use scrip::journal::Mirror;
use scrip::journal::frame::{Frame, SECTOR_BYTES};
use scrip::units::MediumId;
use scrip::wallet::{Medium, Opened};
use serde_json::Value;

use super::bench::{Answer, Bench, answer};
use super::settled::{Records, keep, seen, state};
use super::{FIRST, OWN, SERIAL, entry, examined, medium, password, rng};
use crate::goods::sample;
use crate::world::{at, minor};

fn with_goods() -> Bench {
    let bench = Bench::of(&sample(SERIAL));
    bench.login().says(0, "is yours now");
    bench.topup(&bench.code(0)).says(0, "Balance: ¥1,000");
    bench
}

fn remedies(answer: &Answer) -> Vec<(String, bool)> {
    let result = answer.result();
    let all = result["remedies"].as_array().unwrap_or_else(|| panic!("{}", answer.text)).iter();
    let told = |remedy: &Value| {
        (remedy["what"].as_str().unwrap().to_owned(), remedy["done"].as_bool().unwrap())
    };
    all.map(told).collect()
}

fn words(kinds: &[&str], done: bool) -> Vec<(String, bool)> {
    kinds.iter().map(|kind| ((*kind).to_owned(), done)).collect()
}

/// Make the first record, the access key and the first item keys of one copy unreadable.
fn damage(device: &dyn Device, grounds: &Grounds, copy: usize) {
    for start in [grounds.journal.starts[copy], grounds.ring[copy]] {
        device.write_at(start, &[0xff; SECTOR_BYTES]).unwrap();
    }
    let mut slots = vec![0; usize::try_from(ACCESS_BYTES).unwrap()];
    device.read_at(grounds.access[copy], &mut slots).unwrap();
    for slot in slots.chunks_mut(SLOT_BYTES).filter(|slot| slot.iter().any(|byte| *byte != 0)) {
        slot.fill(0xff);
    }
    device.write_at(grounds.access[copy], &slots).unwrap();
}

#[test]
fn what_one_copy_lacks_is_told_and_given_back() {
    let bench = with_goods();
    let grounds = seen(&bench).grounds().clone();
    let sound = bench.contents();
    let told = bench.run(&["--json", "doctor"]);
    assert_eq!((told.exit, remedies(&told)), (0, vec![]), "{}", told.text);
    assert!(bench.contents() == sound, "a sound medium was written");
    for copy in 0..2 {
        let device = bench.open();
        damage(&device, &grounds, copy);
        drop(device);
        let name = ["A", "B"][copy];
        let damaged = bench.contents();
        let dry = bench.run(&["doctor", "--dry-run"]);
        for words in [
            format!("Copy {name} lacks some, the other has them; nothing is lost."),
            format!("The item keys are whole: 2. Copy {name} lacks some"),
            "The access key is whole in one of its two files".to_owned(),
            format!("Would be done: the records that copy {name} lacks are written into it"),
            "Would be done: the access key is written into the file that lacks it".to_owned(),
            format!("Would be done: the item keys that copy {name} lacks are written into it"),
        ] {
            dry.says(0, &words);
        }
        assert!(bench.contents() == damaged, "a dry run wrote");
        let done = bench.run(&["--json", "doctor"]);
        let all = words(&["journal", "access-key", "item-keys"], true);
        assert_eq!((done.exit, remedies(&done)), (0, all), "{}", done.text);
        assert!(bench.contents() == sound, "copy {name} is not what it was");
    }
}

#[test]
fn item_keys_that_are_whole_in_no_copy_are_damage_and_money_goes_on() {
    let bench = with_goods();
    let ring = seen(&bench).grounds().ring;
    let device = bench.open();
    for start in ring {
        device.write_at(start, &[0xff; 20]).unwrap();
    }
    drop(device);
    bench.run(&["doctor"]).says(3, "1 item keys are DAMAGED in both of their files, 1 are whole.");
    assert_eq!(bench.balance(), "1000");
    bench.topup(&bench.code(1)).says(0, "Balance: ¥1,500");
}

#[test]
fn what_this_computer_saw_is_held_against_the_medium() {
    let bench = Bench::image();
    let mirror = |bench: &Bench, state: &str| {
        let told = bench.run(&["--json", "doctor", "--dry-run"]);
        assert_eq!(told.result()["mirror"]["state"], state, "{}", told.text);
        told
    };
    mirror(&bench, "missing");
    bench.login().says(0, "is yours now");
    mirror(&bench, "same");
    let folder = bench.folder.path();
    let [path, old] = ["medium.img", "old.img"].map(|name| folder.join(name));
    fs::copy(&path, &old).unwrap();
    bench.topup(&bench.code(0)).says(0, "Balance: ¥1,000");
    let newest = bench.contents();

    fs::copy(&old, &path).unwrap();
    mirror(&bench, "ahead");
    let before = bench.contents();
    let dry = bench.run(&["doctor", "--dry-run"]);
    dry.says(
        0,
        "The medium lost its last 1 record; this computer's copy of the journal has what was lost.",
    );
    dry.says(0, "Would be done: what this computer saw is written back: 1 record; nothing was.");
    assert!(bench.contents() == before, "a dry run wrote");
    let done = bench.run(&["--json", "doctor"]);
    assert_eq!((done.exit, remedies(&done)), (0, words(&["write-back"], true)), "{}", done.text);
    assert!(bench.contents() == newest);

    fs::rename(folder.join("state"), folder.join("here")).unwrap();
    bench.topup(&bench.code(1)).says(0, "Balance: ¥1,500");
    fs::remove_dir_all(folder.join("state")).unwrap();
    fs::rename(folder.join("here"), folder.join("state")).unwrap();
    mirror(&bench, "behind").says(0, "");
    bench.run(&["doctor"]).says(0, "is behind by 1 record that came about elsewhere");
    bench.topup(&bench.code(2)).says(0, "Balance: ¥2,000");
    mirror(&bench, "same");

    fs::copy(&old, &path).unwrap();
    fs::rename(folder.join("state"), folder.join("here")).unwrap();
    bench.topup(&bench.code(3)).says(0, "Already added");
    bench.topup(&bench.code(4)).says(0, "Balance: ¥1,000");
    fs::remove_dir_all(folder.join("state")).unwrap();
    fs::rename(folder.join("here"), folder.join("state")).unwrap();
    mirror(&bench, "parted");
    let done = bench.run(&["doctor"]);
    done.says(0, "The medium went on elsewhere after it lost 3 records, from #3 on");
    done.says(0, "Done: what this computer alone saw goes to SCRIP/OUTBOX: 3 records.");
    let told = bench.run(&["doctor"]);
    told.says(0, "JRN holds 3 records that the medium lost, for the shop to merge.");
    assert!(!told.text.contains("Done: "), "it was put away before: {}", told.text);
    let again = bench.run(&["--json", "doctor"]);
    assert_eq!((again.exit, remedies(&again)), (0, words(&[], true)), "{}", again.text);
    fs::remove_dir_all(folder.join("state")).unwrap();
    mirror(&bench, "missing");
}

#[test]
fn what_lies_in_the_trays_is_told_and_only_leftovers_go() {
    let bench = Bench::directories();
    bench.login().says(0, "is yours now");
    bench.topup(&bench.code(0)).says(0, "Balance: ¥1,000");
    let mut records = Records::of(&seen(&bench));
    keep(&bench, "one", &records.settle(&[&state(&bench)]));
    let trays = ["OUTBOX", "INBOX"].map(|tray| bench.path().join("SCRIP").join(tray));
    let [outbox, inbox] = &trays;
    fs::create_dir_all(inbox).unwrap();
    fs::copy(bench.folder.path().join("one"), inbox.join("from the shop")).unwrap();
    bench
        .run(&["doctor"])
        .says(0, "SCRIP/INBOX/from the shop is checkpoint 1: `apply` takes it over.");
    bench.run(&["apply", "one"]).says(0, "Applied: checkpoint 1.");
    let own = [".new-mine", "letter.txt", ".new-abc123.txt"];
    for name in own {
        fs::write(outbox.join(name), "the owner's own").unwrap();
    }
    let left = [outbox.join(".new-aB3xYz"), inbox.join(".new-000000")];
    for path in &left {
        fs::write(path, "half a file").unwrap();
    }
    let dry = bench.run(&["doctor", "--dry-run"]);
    for words in [
        "from the shop is a checkpoint that is not to be applied: checkpoint 1 was applied before",
        "SCRIP/OUTBOX/JOURNAL-0-0.JRN holds 4 frames of the journal before a checkpoint",
        "SCRIP/OUTBOX/.new-aB3xYz is left of a write that was killed: it belongs to nothing.",
        "Would be done: SCRIP/INBOX/.new-000000 is removed; nothing was.",
    ] {
        dry.says(0, words);
    }
    assert!(!dry.text.contains("letter") && !dry.text.contains("mine"), "{}", dry.text);
    assert!(left.iter().all(|path| path.exists()), "a dry run removed something");
    let done = bench.run(&["--json", "doctor"]);
    assert_eq!(
        (done.exit, remedies(&done)),
        (0, words(&["sweep", "sweep"], true)),
        "{}",
        done.text
    );
    assert!(!left.iter().any(|path| path.exists()));
    assert!(own.iter().all(|name| outbox.join(name).exists()));
    let archive = outbox.join("JOURNAL-0-0.JRN");
    let mut bytes = fs::read(&archive).unwrap();
    let at = bytes.len() - 300;
    bytes[at] ^= 1;
    fs::write(&archive, bytes).unwrap();
    bench.run(&["doctor"]).says(0, "JOURNAL-0-0.JRN is damaged: 3 frames of the older history");
}

#[test]
fn a_second_history_is_told_kept_and_written_over() {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    let folder = bench.folder.path().to_owned();
    fs::copy(folder.join("medium.img"), folder.join("fork.img")).unwrap();
    bench.topup(&bench.code(0)).says(0, "Added: ¥500");
    bench.topup(&bench.code(1)).says(0, "Added: ¥500");
    let fork = Bench { medium: "fork.img", ..bench };
    fs::remove_dir_all(folder.join("state/scrip/seen")).unwrap();
    fork.topup(&fork.code(2)).says(0, "Added: ¥500");
    let journal = seen(&fork).grounds().journal;
    let mut copy = vec![0; usize::try_from(journal.bytes).unwrap()];
    fork.open().read_at(journal.starts[1], &mut copy).unwrap();
    let bench = Bench { medium: "medium.img", ..fork };
    bench.open().write_at(journal.starts[1], &copy).unwrap();
    fs::remove_dir_all(folder.join("state/scrip/seen")).unwrap();

    let words = "The journal holds TWO histories: copy B has 1 other records from #3 on.";
    let balance = bench.run(&["balance"]);
    balance.says(0, words);
    balance.says(0, "Balance: ¥1,500");
    let rival = &bench.run(&["--json", "balance"]).result()["rival"];
    let told = (&rival["copy"], &rival["from"], &rival["records"], &rival["follows"]);
    assert_eq!(told, (&"B".into(), &3.into(), &1.into(), &true.into()));
    let check = |words: &str| {
        answer(&mut bench.command("scrip-verify", &["check", "medium.img"])).says(0, words);
    };
    check("copy B has 1 other records from #3 on, which follow as well; they don't count");
    let json = answer(&mut bench.command("scrip-verify", &["--json", "check", "medium.img"]));
    assert!(json.stdout.contains(r#""rival":{"copy":"B","follows":true,"from":3,"records":1}"#));
    bench.run(&["doctor", "--dry-run"]).says(0, words);
    let done = bench.run(&["doctor"]);
    done.says(0, "Done: the records that copy B lacks are written into it.");
    done.says(0, "the second history is in SCRIP/OUTBOX/BRANCH-");
    let again = bench.run(&["doctor"]);
    assert!(!again.text.contains("TWO histories"), "{}", again.text);
    again.says(0, "JRN holds 1 record that the medium lost, for the shop to merge.");
    bench.topup(&bench.code(2)).says(0, "Balance: ¥2,000");
}

/// Frames 2 and 3 of the journal, unreadable in both copies.
fn hole(bench: &Bench) {
    let starts = seen(bench).grounds().journal.starts;
    let copies = match bench.medium {
        "RAM" => ["A", "B"].map(|copy| (bench.path().join(format!("SCRIP/JOURNAL.{copy}")), 0)),
        _ => starts.map(|start| (bench.path(), start)),
    };
    for (path, start) in copies {
        let device = FileDevice::open(&path, Access::Write).unwrap();
        let (mut at, mut frames) = (0, vec![]);
        for _ in 0..4 {
            let mut bytes = vec![0; 8192];
            device.read_at(start + at, &mut bytes).unwrap();
            frames.push(at);
            at += Frame::decode(&bytes).unwrap().stored_bytes() as u64;
        }
        for frame in &frames[2..] {
            device.write_at(start + frame, &[0xff; SECTOR_BYTES]).unwrap();
        }
    }
}

#[test]
fn a_hole_in_both_copies_is_filled_from_what_this_computer_saw() {
    fills_a_hole(&Bench::image(), "medium.img");
    fills_a_hole(&Bench::directories(), "ROM");
}

fn fills_a_hole(bench: &Bench, medium: &str) {
    bench.login().says(0, "is yours now");
    for slot in [0, 1, 2] {
        bench.topup(&bench.code(slot)).says(0, "Added: ¥500");
    }
    let whole = bench.contents();
    hole(bench);
    let holed = bench.contents();
    let looked = bench.run(&["balance"]);
    looked.says(0, "Balance: ¥2,000");
    looked.says(0, "frame 2 of generation 0 is damaged in both copies, frame 5 is there");
    looked.says(0, "what this computer saw of it is used; `scrip-wallet doctor` writes it back");
    let dry = bench.run(&["doctor", "--dry-run"]);
    dry.says(0, "The journal has a hole: ");
    dry.says(0, "with it all 6 records follow.");
    dry.says(0, "Would be done: the records that both copies lack are written back");
    assert!(bench.contents() == holed, "looking wrote");
    let done = bench.run(&["--json", "doctor"]);
    assert_eq!((done.exit, remedies(&done)), (0, words(&["hole"], true)), "{}", done.text);
    assert_eq!(done.result()["check"]["journal"]["state"], "restored");
    assert!(bench.contents() == whole, "the journal is not what it was");
    hole(bench);
    bench.topup(&bench.code(4)).says(0, "Balance: ¥2,500");
    let check = answer(&mut bench.command("scrip-verify", &["check", medium]));
    check.says(0, "sound: 7 records, balance ¥2,500");
}

/// What a computer saw of another medium, of an older generation, of a forked history.
#[test]
fn a_hole_is_not_filled_with_what_does_not_fit() {
    let other = Bench::directories();
    other.login().says(0, "is yours now");
    for slot in [0, 1, 2] {
        other.topup(&other.code(slot)).says(0, "Added: ¥500");
    }
    let bench = Bench::image();
    let folder = bench.folder.path().to_owned();
    let own = seen_at(&folder, SERIAL);
    bench.login().says(0, "is yours now");
    fs::copy(folder.join("medium.img"), folder.join("fork.img")).unwrap();
    let early = fs::read(&own).unwrap();
    for slot in [0, 1, 2] {
        bench.topup(&bench.code(slot)).says(0, "Added: ¥500");
    }
    let late = fs::read(&own).unwrap();
    let fork = Bench { medium: "fork.img", ..bench };
    fs::remove_file(&own).unwrap();
    fork.topup(&fork.code(4)).says(0, "Added: ¥500");
    fork.topup(&fork.code(5)).says(0, "Added: ¥500");
    let forked = fs::read(&own).unwrap();
    let foreign = fs::read(seen_at(other.folder.path(), other.serial)).unwrap();

    let bench = Bench { medium: "medium.img", ..fork };
    fs::write(&own, &late).unwrap();
    hole(&bench);
    let damaged = bench.contents();
    let why = [
        (&foreign, "frame 2 of this computer's copy follows a frame of checksum "),
        (
            &early,
            "frame 5 on the medium does not follow this computer's copy, in which frame 2 has",
        ),
        (
            &forked,
            "frame 5 on the medium does not follow this computer's copy, in which frame 4 has",
        ),
    ];
    for (mirror, words) in why {
        fs::write(&own, mirror).unwrap();
        for verb in [&["doctor"][..], &["balance"], &["login", "--password-file", "own"]] {
            let refused = bench.run(verb);
            refused.says(3, "frame 2 of generation 0 is damaged in both copies, frame 5 is there");
            assert!(refused.text.contains(words), "{words}\n{}", refused.text);
        }
        assert!(bench.contents() == damaged, "what does not fit was written");
    }
}

/// Where a computer keeps what it saw of a medium.
fn seen_at(folder: &Path, serial: u64) -> PathBuf {
    let medium = MediumId::from_serial(serial);
    folder.join(format!("state/scrip/seen/{medium}.journal"))
}

#[test]
fn a_hole_behind_a_checkpoint_is_not_filled_from_before_it() {
    let bench = Bench::image();
    let own = seen_at(bench.folder.path(), SERIAL);
    bench.login().says(0, "is yours now");
    bench.topup(&bench.code(0)).says(0, "Added: ¥500");
    let late = fs::read(&own).unwrap();
    let mut records = Records::of(&seen(&bench));
    keep(&bench, "one", &records.settle(&[&state(&bench)]));
    bench.run(&["apply", "one"]).says(0, "Applied: checkpoint 1.");
    for slot in [6, 7, 8] {
        bench.topup(&bench.code(slot)).says(0, "Added: ¥500");
    }
    let newest = fs::read(&own).unwrap();
    let (device, grounds) = (bench.open(), seen(&bench).grounds().clone());
    let mut bank = vec![0; usize::try_from(grounds.journal.bank_bytes()).unwrap()];
    device.read_at(grounds.journal.starts[0] + grounds.journal.bank_bytes(), &mut bank).unwrap();
    let mut at = 0;
    for _ in 0..4 {
        at += Frame::decode(&bank[at..]).unwrap().stored_bytes();
    }
    for start in grounds.journal.starts {
        let place = start + grounds.journal.bank_bytes() + at as u64;
        device.write_at(place, &[0xff; SECTOR_BYTES]).unwrap();
    }
    fs::write(&own, &late).unwrap();
    let old = "frame 4 of generation 1 is lost, this computer's copy is of generation 0";
    bench.run(&["balance"]).says(3, old);
    fs::write(&own, &newest).unwrap();
    bench.run(&["doctor"]).says(0, "Done: the records that both copies lack are written back");
    assert_eq!(bench.balance(), "2500");
}

#[test]
fn repairs_cut_off_anywhere_lose_nothing_and_go_on() {
    let device = sample(SERIAL).burnt();
    let mut checked = examined(&device);
    checked.grounds.as_mut().unwrap().journal.bytes = 2 * 32 * 512;
    let small = Medium::of(checked).unwrap();
    let mut opened = Opened::open(&device, small.clone(), &mut rng(1)).unwrap();
    let first = opened.unlock(&password(FIRST)).unwrap();
    let own = opened.rekey(&first, &password(OWN), at(1_000), &mut rng(2)).unwrap();
    let topup = opened.medium().judge(&entry(SERIAL, 0)).ok().unwrap();
    opened.topup(&own.keys, &topup, at(1_001), &mut rng(3)).unwrap();
    drop(opened);
    let sound = device.snapshot();
    let grounds = small.grounds();
    let mut seen = HashSet::new();
    for copy in 0..2 {
        damage(&device, grounds, copy);
        let power = Volatile::new(device.snapshot());
        let repairs = Opened::open(&power, small.clone(), &mut rng(4)).unwrap().repairs();
        assert_eq!((repairs.records > 0, repairs.access_files, repairs.item_keys), (true, 1, 2));
        assert!(power.snapshot() == sound);
        device.write_at(0, &sound).unwrap();
        let erase = |len_bytes| FaultKind::EraseBlock { len_bytes, fill: 0xFF };
        let faults = vec![FaultKind::LyingFlush, erase(128 << 10), erase(4 << 20)];
        let bounds = Bounds { states_max: 12, torn_bytes: vec![130], faults, seed: 5 };
        for loss in power.losses(&bounds) {
            let found = loss.reopen();
            if !seen.insert(found.fingerprint()) {
                continue;
            }
            let mut opened = Opened::open(&found, small.clone(), &mut rng(5))
                .unwrap_or_else(|error| panic!("{loss}: {error}"));
            assert_eq!(opened.medium().balance(), minor(1_000), "{loss}");
            let own =
                opened.unlock(&password(OWN)).unwrap_or_else(|error| panic!("{loss}: {error}"));
            for item in grounds.items.iter().filter(|item| item.content.is_some()) {
                let key = opened.item_key(&own.keys, &item.root).unwrap();
                assert!(key.is_some(), "{loss}: {}", item.id);
            }
        }
    }
    println!("{} distinct states", seen.len());
    assert!(seen.len() > 20, "{}", seen.len());
}

#[test]
fn a_tail_written_back_cut_off_anywhere_is_written_back_by_the_next_run() {
    let device = sample(SERIAL).burnt();
    let mut checked = examined(&device);
    checked.grounds.as_mut().unwrap().journal.bytes = 2 * 32 * 512;
    let small = Medium::of(checked).unwrap();
    let outer = tempfile::tempdir().unwrap();
    let folder = Folder::create(&outer.path().join("seen")).unwrap();
    let mirror = || Mirror::open(&folder, small.id(), small.grounds().journal.bytes).unwrap();
    let mut opened = Opened::open(&device, small.clone(), &mut rng(1)).unwrap();
    let first = opened.unlock(&password(FIRST)).unwrap();
    let own = opened.rekey(&first, &password(OWN), at(1_000), &mut rng(2)).unwrap();
    let early = device.snapshot();
    opened.attach(mirror()).unwrap();
    for slot in 0..3 {
        let topup = opened.medium().judge(&entry(SERIAL, slot)).ok().unwrap();
        opened.topup(&own.keys, &topup, at(1_001), &mut rng(slot + 3)).unwrap();
    }
    drop(opened);
    let power = Volatile::new(early);
    let restored = |device: &Volatile| {
        let mut opened = Opened::open(device, small.clone(), &mut rng(9)).unwrap();
        let fewer = opened.medium().balance();
        opened.attach(mirror()).unwrap();
        assert_eq!(opened.medium().balance(), minor(2_000));
        fewer
    };
    assert_eq!(restored(&power), minor(500));
    let bounds = Bounds { states_max: 12, torn_bytes: vec![130], ..Bounds::default() };
    let mut seen = HashSet::new();
    for loss in power.losses(&bounds) {
        let found = loss.reopen();
        if seen.insert(found.fingerprint()) {
            let fewer = restored(&found);
            assert!(fewer >= minor(500) && fewer <= minor(2_000), "{loss}");
        }
    }
    println!("{} distinct states", seen.len());
    assert!(seen.len() > 20, "{}", seen.len());
    assert_eq!(medium(&device).balance(), minor(2_000));
}
