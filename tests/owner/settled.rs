//! Checkpoints: what a settler states, taken over by the built tool and cut off at every write.

use std::collections::HashSet;
use std::fs;

use scrip::crypto::digest::sha256;
use scrip::device::MemoryDevice;
use scrip::device::simulated::{Bounds, FaultKind, Volatile};
use scrip::fat::{Exchange, Tray};
use scrip::format::Object;
use scrip::format::checkpoint::{CheckpointFile, UsedVoucher};
use scrip::format::record::EventId;
use scrip::format::sheet::SheetId;
use scrip::image::leaves::Unwatched;
use scrip::journal::OutboxArchive;
use scrip::journal::frame::Frame;
use scrip::ledger::{Account, Credits, IssueError, Settler, State, settle};
use scrip::tool::Source;
use scrip::units::MediumId;
use scrip::wallet::{ApplyRefusal, Medium, Opened};

use super::bench::{Bench, answer};
use super::{FIRST, OWN, SERIAL, entry, password, rng};
use crate::second_reader;
use crate::world::{Sample, THREADS, World, at, minor, policy};

/// What the issuer's records hold of a medium.
pub(super) struct Records {
    world: World,
    account: Account,
    /// Vouchers that reached them.
    pub(super) vouchers: Vec<UsedVoucher>,
    /// Files that go with the next checkpoints.
    pub(super) attached: Vec<Vec<u8>>,
    /// The live sheets, each with how many slots it has.
    pub(super) sheets: Vec<(SheetId, u8)>,
    /// Numbers of the newest policy and revocation list.
    pub(super) numbers: (u64, u64),
}

impl Records {
    pub(super) fn of(medium: &Medium) -> Self {
        let grounds = medium.grounds();
        Self::with(Account::new(medium.id(), grounds.certificate.hash()))
    }

    fn with(account: Account) -> Self {
        let (attached, vouchers) = (vec![], vec![]);
        let (sheets, numbers) = (vec![([4; 16], 10)], (1, 0));
        Self { world: World::new(), account, attached, vouchers, sheets, numbers }
    }

    /// Settle what these branches hold, and say so in a file.
    pub(super) fn settle(&mut self, branches: &[&State]) -> CheckpointFile {
        self.issue(branches, &[]).unwrap()
    }

    /// The same with more events on its list.
    fn issue(
        &mut self,
        branches: &[&State],
        more: &[EventId],
    ) -> Result<CheckpointFile, IssueError> {
        let mut settlement = settle(&policy(), &self.account, branches).unwrap();
        settlement.settled_since.extend(more);
        settlement.settled_since.sort_unstable();
        let settler = Settler { key: &self.world.settler, chain: &self.world.settler_chain };
        let Self { sheets, vouchers, numbers, .. } = self;
        let known = Credits { sheets, vouchers, as_of: at(2_000), numbers: *numbers };
        let file = settlement.issue(settler, &self.account, branches, &known, &self.attached);
        let file = file?;
        self.account = settlement.account;
        self.account.hash = sha256(&file.checkpoint.0);
        Ok(file)
    }
}

/// The medium of a bench as a wallet sees it.
pub(super) fn seen(bench: &Bench) -> Medium {
    let source = Source::open(&bench.folder.path().join(bench.medium)).unwrap();
    let checked = source.examine(&World::new().trust(), THREADS, &Unwatched).unwrap();
    Medium::of(checked).unwrap()
}

pub(super) fn state(bench: &Bench) -> State {
    seen(bench).account().state.clone()
}

pub(super) fn keep(bench: &Bench, name: &str, file: &CheckpointFile) {
    fs::write(bench.folder.path().join(name), file.encode()).unwrap();
}

fn walk(bench: &Bench, image: &str) {
    let mut records = Records::of(&seen(bench));
    let early = records.account.clone();
    keep(bench, "early", &records.settle(&[&state(bench)]));
    records.account = early;
    bench.run(&["apply", "early"]).says(5, "the first login comes before any checkpoint");
    bench.login().says(0, "is yours now");
    bench.topup(&bench.code(0)).says(0, "Balance: ¥1,000");
    keep(bench, "one", &records.settle(&[&state(bench)]));
    bench.topup(&bench.code(1)).says(0, "Balance: ¥1,500");
    let dry = bench.run(&["apply", "one", "--dry-run"]);
    dry.says(0, "Checkpoint 1 would be applied: 4 records would go to a file in SCRIP/OUTBOX, the");
    dry.says(0, "balance would be ¥1,500; nothing was done.");
    let applied = bench.run(&["--json", "apply", "one"]).result();
    assert_eq!((&applied["way"], &applied["archived"]), (&"compaction".into(), &4.into()));
    assert_eq!(applied["balance"]["minor"], "1500");
    bench.run(&["apply", "one"]).says(0, "Nothing to do: checkpoint 1 was applied before");
    bench.topup(&bench.code(0)).says(0, "Already added: ¥500");
    bench.topup(&bench.code(3)).says(0, "Already added: ¥500");
    bench.topup(&bench.code(1)).says(0, "in record 4; nothing was changed.");
    bench.topup(&bench.code(2)).says(0, "Balance: ¥2,000");
    let history = bench.run(&["history"]);
    assert_eq!(history.stdout.lines().count(), 1 + 6, "{}", history.stdout);
    let check = answer(&mut bench.command("scrip-verify", &["check", image]));
    check.says(0, "sound: 2 records behind checkpoint 1, balance ¥2,000");

    keep(bench, "two", &records.settle(&[&state(bench)]));
    keep(bench, "three", &records.settle(&[&state(bench)]));
    bench.run(&["apply", "two"]).says(0, "Applied: checkpoint 2. Before it came 2 records, now in");
    let old = bench.run(&["apply", "one"]);
    old.says(5, "checkpoint 1 is older than this medium's, number 2; nothing was changed");
    bench.topup(&bench.code(4)).says(0, "Balance: ¥2,500");
    bench.topup(&bench.code(2)).says(0, "Already added: ¥500");
    let last = bench.run(&["apply", "three", "--password-file", "own"]);
    last.says(0, "there is no record since checkpoint 2");
    last.says(0, "Applied: checkpoint 3.");
    assert_eq!(bench.balance(), "2500");
    let all = bench.run(&["history", "--accounting"]);
    assert_eq!(
        all.stdout.lines().filter(|line| line.contains("+¥500")).count(),
        5,
        "{}",
        all.stdout
    );
    forged(bench);
}

/// What is no checkpoint of this medium's settler, each in its own words.
fn forged(bench: &Bench) {
    let good =
        CheckpointFile::decode(&fs::read(bench.folder.path().join("three")).unwrap()).unwrap();
    let world = World::new();
    let refused = |file: CheckpointFile, exit, words: &str| {
        keep(bench, "forged", &file);
        bench.run(&["apply", "forged"]).says(exit, words);
        bench.run(&["apply", "forged", "--dry-run"]).says(exit, words);
    };
    let mut flipped = good.clone();
    *flipped.checkpoint.0.last_mut().unwrap() ^= 1;
    refused(flipped, 3, "it is not signed by a settler of this medium's issuer");
    let by_store = CheckpointFile { chain: world.store_chain.clone(), ..good.clone() };
    refused(by_store, 3, "it is not signed by a settler of this medium's issuer");
    let other = World::of(9);
    let foreign = CheckpointFile { chain: other.settler_chain, ..good.clone() };
    refused(foreign, 3, "it is not signed by a settler of this medium's issuer");
    let settled_since = good.settled_since.clone().map(|mut events| {
        events.0.push([0xff; 16]);
        events
    });
    refused(CheckpointFile { settled_since, ..good.clone() }, 3, "was not settled with the");
    let mut account = Account::new(MediumId::from_serial(1), [1; 32]);
    let mut state = state(bench);
    (account.number, state.medium) = (7, account.medium);
    let mut records = Records::with(account);
    refused(records.settle(&[&state]), 5, "this is medium");
    let number = state.checkpoint.unwrap().number;
    let mut account = Account::new(seen(bench).id(), [1; 32]);
    account.number = number;
    let mut records = Records::with(account);
    let rival = records.settle(&[&self::state(bench)]);
    refused(rival, 3, "continues another checkpoint 3 than this medium has");
    fs::write(bench.folder.path().join("text"), "not CBOR").unwrap();
    bench.run(&["apply", "text"]).says(3, "this is no checkpoint");
    bench.run(&["export", "export"]).says(0, "written to export");
    bench.refuses(
        &["apply", "export"],
        5,
        &["this is no checkpoint but what `scrip-wallet export` wrote"],
    );
}

#[test]
fn checkpoints_are_applied_without_a_password_on_an_image() {
    let bench = Bench::image();
    walk(&bench, "medium.img");
    let folder = bench.folder.path();
    let read = second_reader::found_on(&folder.join("medium.img"), &folder.join("trust.cbr"));
    assert_eq!((&read["balance"], &read["generation"]), (&2_500.into(), &2.into()));
    bench.run(&["doctor"]).says(0, "behind checkpoint 2");
}

#[test]
fn checkpoints_are_applied_without_a_password_on_directories() {
    let bench = Bench::directories();
    walk(&bench, "ROM");
    assert!(bench.folder.path().join("RAM/SCRIP/OUTBOX/JOURNAL-0-0.JRN").is_file());
    assert!(bench.folder.path().join("RAM/SCRIP/OUTBOX/JOURNAL-1-1.JRN").is_file());
}

#[test]
fn a_medium_that_went_two_ways_is_merged() {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    let path = bench.folder.path().join("medium.img");
    let copy = bench.folder.path().join("copy.img");
    fs::copy(&path, &copy).unwrap();
    bench.topup(&bench.code(0)).says(0, "Balance: ¥1,000");
    bench.topup(&bench.code(1)).says(0, "Balance: ¥1,500");
    let ours = state(&bench);
    let elsewhere = Bench { medium: "copy.img", ..bench };
    fs::remove_dir_all(elsewhere.folder.path().join("state")).unwrap();
    elsewhere.topup(&elsewhere.code(1)).says(0, "Balance: ¥1,000");
    let theirs = state(&elsewhere);
    let mut records = Records::of(&seen(&elsewhere));
    keep(&elsewhere, "both", &records.settle(&[&theirs, &ours]));
    let dry = elsewhere.run(&["apply", "both", "--dry-run"]);
    dry.says(0, "would be merged, with the password: this medium went two ways; the balance is");
    dry.says(0, "¥1,000 and would be ¥1,500; nothing was done.");
    elsewhere.run(&["apply", "both", "--password-file", "wrong"]).says(5, "wrong password");
    let merged = elsewhere.run(&["apply", "both", "--password-file", "own"]);
    merged.says(0, "Merged: checkpoint 1.");
    merged.says(0, "Balance: ¥1,500");
    elsewhere.topup(&elsewhere.code(0)).says(0, "settled by checkpoint 1; nothing was changed.");
    elsewhere.run(&["apply", "both"]).says(0, "was applied before");
    let bench = Bench { medium: "medium.img", ..elsewhere };
    bench.run(&["apply", "both"]).says(0, "Applied: checkpoint 1.");
    assert_eq!(bench.balance(), "1500");
}

/// Events of other branches.
fn events(count: u16) -> Vec<EventId> {
    let event = |number: u16| {
        let mut event = [0xee; 16];
        event[..2].copy_from_slice(&number.to_be_bytes());
        event
    };
    (0..count).map(event).collect()
}

#[test]
fn what_no_reader_takes_is_not_issued_and_what_no_record_takes_not_merged() {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    let path = bench.folder.path().join("medium.img");
    fs::copy(&path, bench.folder.path().join("copy.img")).unwrap();
    bench.topup(&bench.code(0)).says(0, "Balance: ¥1,000");
    bench.topup(&bench.code(1)).says(0, "Balance: ¥1,500");
    let ours = state(&bench);
    let mut records = Records::of(&seen(&bench));
    let early = records.account.clone();
    let many = records.issue(&[&ours], &events(1_024)).unwrap_err().to_string();
    assert_eq!(many, "1027 events are to be listed, a checkpoint takes 1024");
    records.attached = vec![vec![7; 30_000]; 3];
    let long = records.issue(&[&ours], &[]).unwrap_err().to_string();
    assert!(
        long.starts_with("the CheckpointFile has 9") && long.ends_with(" bytes, 65536 are read")
    );
    records.attached = vec![vec![7]; 9];
    let many = records.issue(&[&ours], &[]).unwrap_err().to_string();
    assert_eq!(many, "9 attachments are to be listed, a checkpoint takes 8");
    records.attached = vec![];
    let most = records.issue(&[&ours], &events(1_021)).unwrap();
    assert_eq!(CheckpointFile::decode(&most.encode()).unwrap(), most);
    keep(&bench, "most", &most);

    let elsewhere = Bench { medium: "copy.img", ..bench };
    fs::remove_dir_all(elsewhere.folder.path().join("state")).unwrap();
    elsewhere.topup(&elsewhere.code(1)).says(0, "Balance: ¥1,000");
    let words = [
        "checkpoint 1 is to be merged with 1024 events in a record of ",
        " a record takes 4096 and so at most ",
    ];
    elsewhere.refuses(&["apply", "most", "--password-file", "own"], 5, &words);
    elsewhere.refuses(&["apply", "most", "--dry-run"], 5, &words);
    let told = elsewhere.run(&["apply", "most", "--dry-run"]).text;
    let limit = told.split("so at most ").nth(1).and_then(|rest| rest.split(' ').next());
    let limit: u16 = limit.unwrap().parse().unwrap();
    assert!((100..300).contains(&limit), "{limit}");
    let mut fits = |name: &str, count: u16| {
        records.account = early.clone();
        keep(&elsewhere, name, &records.issue(&[&ours], &events(count)).unwrap());
    };
    fits("over", limit - 2);
    fits("just", limit - 3);
    elsewhere.refuses(&["apply", "over", "--password-file", "own"], 5, &["so at most "]);
    elsewhere.run(&["apply", "just", "--password-file", "own"]).says(0, "Merged: checkpoint 1.");
    assert_eq!(elsewhere.balance(), "1500");
    let bench = Bench { medium: "medium.img", ..elsewhere };
    bench.run(&["apply", "most"]).says(0, "Applied: checkpoint 1.");
}

/// A medium after its first login with a small journal, and a checkpoint of it.
fn to_be_compacted() -> (MemoryDevice, Medium, CheckpointFile) {
    let (device, small, file, _) = to_be_compacted_with(&[]);
    (device, small, file)
}

/// The same with files that go with the checkpoint, and the records that it came from.
pub(super) fn to_be_compacted_with(
    attached: &[Vec<u8>],
) -> (MemoryDevice, Medium, CheckpointFile, Records) {
    let device = Sample::new(SERIAL).burnt();
    let mut checked = super::examined(&device);
    checked.grounds.as_mut().unwrap().journal.bytes = 2 * 32 * 512;
    let small = Medium::of(checked).unwrap();
    let mut opened = Opened::open(&device, small.clone(), &mut rng(1)).unwrap();
    let first = opened.unlock(&password(FIRST)).unwrap();
    let own = opened.rekey(&first, &password(OWN), at(1_000), &mut rng(2)).unwrap();
    let enter = |opened: &mut Opened<&MemoryDevice>, slot| {
        let topup = opened.medium().judge(&entry(SERIAL, slot)).ok().unwrap();
        opened.topup(&own.keys, &topup, at(1_001), &mut rng(slot + 10)).unwrap();
    };
    enter(&mut opened, 0);
    let mut records = Records::of(&small);
    records.attached = attached.to_vec();
    let file = records.settle(&[&opened.medium().account().state]);
    enter(&mut opened, 1);
    drop(opened);
    (device, small, file, records)
}

pub(super) fn trays<'d>(device: &'d Volatile, medium: &Medium) -> Exchange<'d> {
    Exchange::volume(device, medium.grounds().volume.clone(), medium.grounds().kept())
}

/// Apply a checkpoint if that was not done; whether it was.
fn apply_on(device: &Volatile, medium: &Medium, file: &CheckpointFile) -> bool {
    let mut opened = Opened::open(device, medium.clone(), &mut rng(30)).unwrap();
    let name = opened.archive_name();
    match opened.medium().settling(&file.encode()) {
        Ok(settling) => {
            let trays = trays(device, medium);
            opened.compact(&settling, &mut OutboxArchive::new(&trays, name)).unwrap();
            false
        }
        Err(ApplyRefusal::Applied(1)) => true,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn an_apply_cut_off_anywhere_was_done_or_was_not_begun() {
    let (device, small, file) = to_be_compacted();
    let power = Volatile::new(device.snapshot());
    assert!(!apply_on(&power, &small, &file));
    let erase = |len_bytes| FaultKind::EraseBlock { len_bytes, fill: 0xFF };
    let faults = vec![FaultKind::LyingFlush, erase(128 << 10), erase(4 << 20)];
    let mut seen = HashSet::new();
    let mut counts = [0, 0];
    for (faults, archived) in [(vec![], true), (faults, false)] {
        let bounds = Bounds { states_max: 12, torn_bytes: vec![130], faults, seed: 5 };
        for loss in power.losses(&bounds) {
            let found = loss.reopen();
            if !seen.insert(found.fingerprint()) {
                continue;
            }
            let opened = Opened::open(&found, small.clone(), &mut rng(31)).unwrap();
            let mut medium = opened.medium().clone();
            drop(opened);
            assert_eq!(medium.balance(), minor(1_500), "{loss}");
            for slot in [0, 1, 3] {
                let used = medium.judge(&entry(SERIAL, slot)).err().unwrap();
                assert_eq!(used.name(), "already-added", "{loss}: {used}");
            }
            let compacted = medium.account().anchor.is_some();
            counts[usize::from(compacted)] += 1;
            if compacted && archived {
                assert_eq!(medium.recall(&trays(&found, &small)).unwrap(), 4, "{loss}");
            }
            if archived {
                assert_eq!(apply_on(&found, &small, &file), compacted, "{loss}");
                assert!(apply_on(&found, &small, &file));
            }
        }
    }
    println!("{} states before, {} states after", counts[0], counts[1]);
    assert!(counts[0] > 100 && counts[1] > 10, "{counts:?}");
}

#[test]
fn a_medium_used_elsewhere_after_a_lost_tail_keeps_both_histories() {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    let folder = bench.folder.path();
    fs::copy(folder.join("medium.img"), folder.join("before.img")).unwrap();
    bench.topup(&bench.code(0)).says(0, "Balance: ¥1,000");
    fs::rename(folder.join("state"), folder.join("here")).unwrap();
    fs::rename(folder.join("before.img"), folder.join("medium.img")).unwrap();
    bench.topup(&bench.code(1)).says(0, "Balance: ¥1,000");
    fs::remove_dir_all(folder.join("state")).unwrap();
    fs::rename(folder.join("here"), folder.join("state")).unwrap();
    let parted = bench.topup(&bench.code(2));
    parted.says(0, "1 record from #3 on that this computer saw");
    parted.says(0, "what only this computer saw is in SCRIP/OUTBOX/BRANCH-");
    parted.says(0, "Balance: ¥1,500");
    let rows = bench.run(&["--json", "history", "--kind", "exception"]).result();
    assert_eq!(rows["rows"].as_array().unwrap().len(), 1);
    let again = bench.topup(&bench.code(4));
    again.says(0, "Balance: ¥2,000");
    assert!(!again.text.contains("OUTBOX"), "{}", again.text);
    let medium = seen(&bench);
    let device = MemoryDevice::from_bytes(fs::read(folder.join("medium.img")).unwrap());
    let trays = Exchange::volume(&device, medium.grounds().volume.clone(), vec![]);
    let files = trays.list(Tray::Outbox).unwrap();
    let branch = trays.read(Tray::Outbox, &files[0].name, 1 << 20).unwrap();
    let frame = Frame::decode(&branch).unwrap();
    assert_eq!((files.len(), frame.stored_bytes()), (1, branch.len()));
}
