//! What goes with a checkpoint, kept beside the journal: codes of a new sheet with no shop, a newer
//! policy, a newer revocation list; and what becomes of them where power or bits are lost.

use std::collections::HashSet;
use std::fs;
use std::num::NonZeroU32;

use scrip::device::simulated::{Bounds, FaultKind, Loss, Volatile};
use scrip::device::{Device, MemoryDevice};
use scrip::fat::Exchange;
use scrip::format::Object;
use scrip::format::checkpoint::CheckpointFile;
use scrip::format::edition::Shape;
use scrip::format::papers::{PAPERS_SLOT_BYTES, Papers};
use scrip::format::policy::{Policy, Revocation, RevokedStore, UnsoldSlots};
use scrip::format::sheet::{Run, SheetId};
use scrip::image::check::{Grounds, Identity, Verdict};
use scrip::image::papers::{Keeper, PaperFiles};
use scrip::image::restamp::{Blocks, Sale, write};
use scrip::journal::OutboxArchive;
use scrip::trust::{sign, verify};
use scrip::units::{MediumId, StoreId};
use scrip::voucher::code::TypedCode;
use scrip::voucher::{SheetPlan, make_sheet, slot_secret};
use scrip::wallet::{ApplyRefusal, Medium, Opened, TopupRefusal, read_typed};
use serde_json::Value;

use super::bench::{Bench, answer};
use super::settled::{Records, keep, seen, state, to_be_compacted_with, trays};
use super::{FIRST, OWN, SERIAL, password, rng};
use crate::restamp::Counter;
use crate::second_reader;
use crate::world::{Sample, World, at, files, minor, policy, sealed_as, shape, stamped, yen};

/// The sheet that the sample media were burnt with.
const OLD: SheetId = [4; 16];
pub(super) const NEW: SheetId = [9; 16];
const CODES: u8 = 10;

/// A sheet of ten codes of 700, issued later than what is stamped.
pub(super) fn sheet(id: SheetId, serial: u64) -> Vec<u8> {
    let world = World::new();
    let plan = SheetPlan {
        id,
        medium: MediumId::from_serial(serial),
        currency: yen(),
        rounds: NonZeroU32::MIN,
        runs: vec![Run { count: u32::from(CODES), amount: minor(700) }],
        issued: at(500 + u64::from(id[0])),
    };
    make_sheet(&world.issuer, &world.seal, &plan).unwrap()
}

/// A code of such a sheet, as it is typed.
pub(super) fn code(id: SheetId, serial: u64, slot: u8) -> String {
    let secret = slot_secret(&World::new().seal, MediumId::from_serial(serial), &id, slot);
    TypedCode::new(slot, secret).unwrap().printed()
}

fn list(number: u64, issued: u64, slots: &[u8]) -> Revocation {
    let mut unsold = [0; 13];
    for slot in slots {
        unsold[usize::from(slot / 8)] |= 1 << (slot % 8);
    }
    let store = RevokedStore {
        store: StoreId::from_number(7).unwrap(),
        serial_cut: 1_000,
        head: None,
        unsold: vec![UnsoldSlots { sheet: OLD, slots: unsold }],
        kits: vec![],
    };
    Revocation { number, issued: at(issued), media: vec![], sheets: vec![], stores: vec![store] }
}

fn signed<T: Object>(object: &T) -> Vec<u8> {
    sign(&World::new().issuer, object)
}

fn both() -> [Bench; 2] {
    both_of(&Sample::new(SERIAL))
}

/// After the first login and one code.
fn both_of(sample: &Sample) -> [Bench; 2] {
    let both = [Bench::of(sample), Bench::directories_of(sample)];
    for bench in &both {
        bench.login().says(0, "is yours now");
        bench.topup(&bench.code(0)).says(0, "Balance: ¥1,000");
    }
    both
}

fn records(bench: &Bench, attached: &[Vec<u8>]) -> Records {
    let mut records = Records::of(&seen(bench));
    records.attached = attached.to_vec();
    records
}

fn states(told: &Value) -> Vec<&str> {
    let attached = told["attached"].as_array().unwrap();
    attached.iter().map(|attached| attached["state"].as_str().unwrap()).collect()
}

fn check(bench: &Bench) -> super::bench::Answer {
    let medium = if bench.medium == "RAM" { "ROM" } else { bench.medium };
    answer(&mut bench.command("scrip-verify", &["check", medium]))
}

/// What the second reader makes of it.
fn read_again(bench: &Bench) -> Value {
    let folder = bench.folder.path();
    match bench.medium {
        "RAM" => second_reader::found_in(folder, &folder.join("trust.cbr")),
        image => second_reader::found_on(&folder.join(image), &folder.join("trust.cbr")),
    }
}

#[test]
fn codes_of_a_sheet_that_came_with_a_checkpoint_are_added_with_no_shop() {
    for bench in both() {
        bench.topup(&code(NEW, SERIAL, 0)).says(5, "this is not a code of this medium");
        let mut records = records(&bench, &[sheet(NEW, SERIAL)]);
        keep(&bench, "one", &records.settle(&[&state(&bench)]));
        let dry = bench.run(&["apply", "one", "--dry-run"]);
        dry.says(0, "With it came a sheet of new codes, which would be kept.");
        let applied = bench.run(&["--json", "apply", "one"]).result();
        assert_eq!((states(&applied), &applied["way"]), (vec!["kept"], &"compaction".into()));
        bench.topup(&code(NEW, SERIAL, 0)).says(0, "Balance: ¥1,700");
        bench.topup(&code(NEW, SERIAL, 0)).says(0, "Already added: ¥700");
        bench.topup(&bench.code(1)).says(0, "Balance: ¥2,200");
        check(&bench).says(0, "papers            sound: 1");
        bench
            .run(&["doctor"])
            .says(0, "What came with its checkpoints is whole in both of its files: 1.");
        let read = read_again(&bench);
        assert_eq!((&read["balance"], &read["papers"]["generation"]), (&2_200.into(), &1.into()));
        assert_eq!(read["papers"]["sheets"], serde_json::json!(["09".repeat(16)]));

        // The next checkpoint settles what it credited; it stays, and so does the memory.
        records.attached = vec![];
        records.sheets = vec![(OLD, CODES), (NEW, CODES)];
        keep(&bench, "two", &records.settle(&[&state(&bench)]));
        bench.run(&["apply", "two"]).says(0, "Applied: checkpoint 2.");
        bench.topup(&code(NEW, SERIAL, 0)).says(0, "Already added: ¥700");
        bench.topup(&code(NEW, SERIAL, 1)).says(0, "Balance: ¥2,900");
        check(&bench).says(0, "sound: 1 record behind checkpoint 2, balance ¥2,900");
        assert_eq!(read_again(&bench)["balance"], 2_900);
        evidence(&bench);
    }
}

/// What is exported ends in what is kept.
fn evidence(bench: &Bench) {
    bench.run(&["export", "evidence"]).says(0, "");
    let exported = fs::read(bench.folder.path().join("evidence")).unwrap();
    let medium = seen(bench);
    let kept = medium.grounds().kept_papers().object();
    let bytes = kept.encode();
    assert_eq!(Papers::decode(&exported[exported.len() - bytes.len()..]).unwrap(), kept);
    assert_eq!(exported, medium.evidence());
}

#[test]
fn the_third_sheet_makes_the_first_one_old_and_journals_still_begin_anew() {
    let [bench, _] = both();
    let mut records = records(&bench, &[sheet(NEW, SERIAL), sheet([8; 16], SERIAL)]);
    let settle = |records: &mut Records, name: &str| {
        keep(&bench, name, &records.settle(&[&state(&bench)]));
        bench.run(&["apply", name]).says(0, "Applied: checkpoint ");
    };
    settle(&mut records, "one");
    bench.topup(&bench.code(1)).says(5, "this code is of an old sheet of this medium");
    bench.topup(&code(NEW, SERIAL, 0)).says(0, "Balance: ¥1,700");
    bench.topup(&code([8; 16], SERIAL, 0)).says(0, "Balance: ¥2,400");
    records.attached = vec![sheet([10; 16], SERIAL)];
    records.sheets = vec![(NEW, CODES), ([8; 16], CODES)];
    settle(&mut records, "two");
    bench.topup(&code([10; 16], SERIAL, 0)).says(0, "Balance: ¥3,100");
    bench.topup(&code([8; 16], SERIAL, 1)).says(5, "this code is of an old sheet");
    bench.topup(&bench.code(0)).says(5, "this is not a code of this medium");
    check(&bench).says(0, "sound: 1 record behind checkpoint 2, balance ¥3,100");
}

#[test]
fn a_newer_list_revokes_codes_from_then_on() {
    for bench in both() {
        let mut records = records(&bench, &[signed(&list(8, 600, &[2]))]);
        keep(&bench, "one", &records.settle(&[&state(&bench)]));
        let told = bench.run(&["apply", "one"]);
        told.says(0, "With it came revocation list 8, which is kept: this medium goes by it");
        bench.topup(&bench.code(2)).says(5, "revoked by list 8");
        bench.topup(&bench.code(1)).says(0, "Balance: ¥1,500");
        records.attached = vec![signed(&list(7, 700, &[5]))];
        keep(&bench, "two", &records.settle(&[&state(&bench)]));
        let told = bench.run(&["--json", "apply", "two"]).result();
        assert_eq!(states(&told), ["on-medium"]);
        bench.topup(&bench.code(5)).says(0, "Balance: ¥2,000");
        assert_eq!(read_again(&bench)["papers"]["revocation"], 8);
    }
}

#[test]
fn a_list_that_binds_what_was_credited_waits_for_its_settlement() {
    let [bench, _] = both();
    // What a code credited under a floor at or above the list's time.
    let early = signed(&list(8, 10, &[0, 1]));
    let mut records = records(&bench, &[early]);
    let settled = state(&bench);
    bench.topup(&bench.code(1)).says(0, "Balance: ¥1,500");
    keep(&bench, "one", &records.settle(&[&settled]));
    let told = bench.run(&["apply", "one"]);
    told.says(0, "NOT kept: record 4 credits what it revokes, and has to be settled first.");
    check(&bench).says(0, "sound: 1 record behind checkpoint 1, balance ¥1,500");
    keep(&bench, "two", &records.settle(&[&state(&bench)]));
    bench.run(&["apply", "two"]).says(0, "revocation list 8, which is kept");
    check(&bench).says(0, "sound: 0 records behind checkpoint 2, balance ¥1,500");
}

#[test]
fn a_newer_policy_binds_from_its_record_on() {
    for bench in both() {
        let later = Policy { number: 2, topup_max: minor(400), ..policy() };
        let mut records = records(&bench, &[signed(&later)]);
        keep(&bench, "one", &records.settle(&[&state(&bench)]));
        let told = bench.run(&["apply", "one"]);
        told.says(
            0,
            "With it came policy 2, which is kept: it binds from the next time that you give",
        );
        check(&bench).says(0, "papers            sound: 1");
        let refused = bench.topup(&bench.code(1));
        refused.says(5, "above the largest top-up, ¥400");
        bench
            .run(&["login", "--password-file", "own"])
            .says(0, "policy 2, which came with a checkpoint");
        let rows = bench.run(&["--json", "history", "--kind", "policy"]).result();
        assert_eq!(rows["rows"].as_array().unwrap().len(), 1);
        bench.run(&["login", "--password-file", "own"]).says(0, "the password is right");
        bench.topup(&bench.code(1)).says(5, "above the largest top-up, ¥400");
        let read = read_again(&bench);
        assert_eq!(
            (&read["papers"]["policies"], &read["balance"]),
            (&serde_json::json!([2]), &1_000.into())
        );

        // A settler that goes by it names it; without it that can't be read.
        records.attached = vec![];
        records.numbers = (2, 0);
        keep(&bench, "two", &records.settle(&[&state(&bench)]));
        bench.run(&["apply", "two"]).says(0, "Applied: checkpoint 2.");
        check(&bench).says(0, "sound: 0 records behind checkpoint 2, balance ¥1,000");
        records.numbers = (3, 0);
        keep(&bench, "three", &records.settle(&[&state(&bench)]));
        let unknown = bench.run(&["apply", "three", "--password-file", "own"]);
        unknown.says(5, "checkpoint 3 is under policy 3, this medium has policy 2");
    }
}

#[test]
fn a_policy_binds_at_once_where_the_password_is_given() {
    let [bench, _] = both();
    let later = Policy { number: 2, topup_max: minor(400), ..policy() };
    let mut records = records(&bench, &[signed(&later)]);
    keep(&bench, "one", &records.settle(&[&state(&bench)]));
    let told = bench.run(&["apply", "one", "--password-file", "own"]);
    told.says(0, "policy 2, which came with a checkpoint, binds from now on");
    assert_eq!(state(&bench).policy, 2);
}

#[test]
fn what_is_not_signed_for_this_medium_or_not_newer_is_not_kept() {
    let [bench, _] = both();
    let world = World::new();
    let stamped = seen(&bench).grounds().sheets[0].bytes().to_vec();
    let attached = [
        stamped,
        sheet(NEW, SERIAL + 1),
        sign(&world.store, &list(8, 600, &[2])),
        signed(&policy()),
        signed(&Policy { number: 3, topup_max: minor(10), balance_max: minor(5), ..policy() }),
        signed(&Policy { number: 4, currencies: vec![], ..policy() }),
    ];
    let mut records = records(&bench, &attached);
    keep(&bench, "one", &records.settle(&[&state(&bench)]));
    let told = bench.run(&["--json", "apply", "one"]).result();
    let expected = ["on-medium", "not-kept", "not-kept", "on-medium", "not-kept", "not-kept"];
    assert_eq!(states(&told), expected, "{told}");
    assert_eq!(told["attached"][1]["what"], "unknown");
    assert!(seen(&bench).grounds().kept_papers().generation == 0);
    // A file that was torn on its way is none.
    let torn = fs::read(bench.folder.path().join("one")).unwrap();
    bench.put("torn", &torn[..torn.len() - 40]);
    bench.run(&["apply", "torn"]).says(3, "this is no checkpoint");
}

/// A medium as they were burnt before there was a place for papers.
fn without_place() -> Sample {
    let world = World::new();
    let shape = Shape { papers: None, ..shape() };
    let (sealed, edition) = sealed_as(&world, shape, &files());
    let stamped = stamped(&world, &sealed, &edition, SERIAL);
    Sample { sealed, edition, stamped }
}

#[test]
fn a_medium_without_a_place_for_papers_says_so_and_goes_on() {
    for bench in both_of(&without_place()) {
        let mut records = records(&bench, &[sheet(NEW, SERIAL)]);
        keep(&bench, "one", &records.settle(&[&state(&bench)]));
        let told = bench.run(&["apply", "one"]);
        told.says(0, "NOT kept: this medium has no place for it. The shop can put it on a medium");
        bench.topup(&code(NEW, SERIAL, 0)).says(5, "this is not a code of this medium");
        bench.topup(&bench.code(1)).says(0, "Balance: ¥1,500");
        assert_eq!(read_again(&bench)["papers"]["generation"], 0);
        let told = answer(&mut bench.command(
            "scrip-verify",
            &[
                "check",
                "--json",
                match bench.medium {
                    "RAM" => "ROM",
                    image => image,
                },
            ],
        ));
        assert_eq!(told.result()["media"][0]["papers"]["state"], "none", "{}", told.text);
    }
}

/// What is stamped takes the place of what is kept, and records go on to follow.
#[test]
fn a_refresh_stamps_what_was_kept_and_the_journal_follows() {
    let counter = Counter::new();
    let (device, serial) = (&counter.device, 71);
    let mut own = Opened::open(device, super::medium(device), &mut rng(1)).unwrap();
    let first = own.unlock(&password(FIRST)).unwrap();
    let unlocked = own.rekey(&first, &password(OWN), at(1_000), &mut rng(2)).unwrap();
    let (new, later) = (sheet(NEW, serial), Policy { number: 2, issued: at(200), ..policy() });
    let mut records = Records::of(own.medium());
    records.attached = vec![new.clone(), signed(&later)];
    let file = records.settle(&[&own.medium().account().state]);
    let settling = own.medium().settling(&file.encode()).unwrap();
    let _attached = own.keep(&settling).unwrap();
    let grounds = own.medium().grounds().clone();
    let trays = Exchange::volume(device, grounds.volume.clone(), grounds.kept());
    own.compact(&settling, &mut OutboxArchive::new(&trays, "JOURNAL-0-0.JRN")).unwrap();
    assert_eq!(own.bind_policy(&unlocked.keys, at(1_001), &mut rng(3)).unwrap(), Some(2));
    let enter = |own: &mut Opened<&MemoryDevice>, slot| {
        let entry = read_typed(&code(NEW, serial, slot)).unwrap();
        let topup = own.medium().judge(&entry).ok().unwrap();
        own.topup(&unlocked.keys, &topup, at(1_002), &mut rng(4 + slot)).unwrap();
    };
    enter(&mut own, 0);
    drop(own);

    let none = Blocks::new();
    let mut renewal = counter.store.renewal(Sale::Unchanged);
    let new = verify(&new, &counter.world.issuer.public()).unwrap();
    renewal.sheets = vec![&new];
    let examined = counter.examine(device, &none).unwrap();
    let planned = examined.plan(device, &none, &renewal, &counter.trust, &Identity::Image);
    let blocks = planned.unwrap().blocks;
    let reading = counter.read(device);
    let report = write(reading, device, &blocks, &counter.trust, &Identity::Image).unwrap().report;
    assert_eq!((report.verdict, &report.faults), (Verdict::Sealed, &vec![]));
    let medium = super::medium(device);
    assert_eq!((medium.balance(), medium.grounds().policy.number), (minor(1_200), 2));
    assert_eq!(medium.grounds().stamped_sheets()[0].id, NEW);
    let mut own = Opened::open(device, medium, &mut rng(9)).unwrap();
    assert_eq!(own.bind_policy(&unlocked.keys, at(1_003), &mut rng(3)).unwrap(), None);
    enter(&mut own, 1);
    // What is stamped is not kept beside that any longer, once something else is.
    records.attached = vec![sheet([10; 16], serial)];
    records.sheets = vec![(OLD, CODES), (NEW, CODES)];
    records.numbers = (2, 1);
    let file = records.settle(&[&own.medium().account().state]);
    let settling = own.medium().settling(&file.encode()).unwrap();
    let _attached = own.keep(&settling).unwrap();
    let kept = own.medium().grounds().kept_papers();
    assert_eq!((kept.sheets.len(), kept.sheets[0].id, kept.policies.len()), (1, [10; 16], 0));
}

/// An image that keeps the new sheet since it applied `one`.
fn with_new_sheet() -> Bench {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    bench.topup(&bench.code(0)).says(0, "Balance: ¥1,000");
    let mut records = records(&bench, &[sheet(NEW, SERIAL)]);
    keep(&bench, "one", &records.settle(&[&state(&bench)]));
    bench.run(&["apply", "one"]).says(0, "which is kept");
    bench
}

/// Change each byte of both papers files of an image.
fn spoil(bench: &Bench, change: impl Fn(usize, u8) -> u8) {
    let starts = seen(bench).grounds().papers.unwrap();
    let device = bench.open();
    let mut bytes = vec![0; 2 * PAPERS_SLOT_BYTES];
    for start in starts {
        device.read_at(start, &mut bytes).unwrap();
        let spoilt: Vec<u8> =
            bytes.iter().enumerate().map(|(at, byte)| change(at, *byte)).collect();
        device.write_at(start, &spoilt).unwrap();
    }
}

#[test]
fn papers_lost_in_both_copies_are_named_and_the_same_file_brings_them_back() {
    for wiped in [false, true] {
        let bench = with_new_sheet();
        let spoilt = |at: usize, byte: u8| match wiped {
            true => 0,
            false if at == PAPERS_SLOT_BYTES + 100 => byte ^ 1,
            false => byte,
        };
        spoil(&bench, spoilt);
        // Nothing relies on it yet: codes of the stamped sheet are added as ever.
        bench.topup(&bench.code(1)).says(0, "Balance: ¥1,500");
        let (exit, words) =
            if wiped { (0, "sealed") } else { (3, "apply the checkpoint's file again") };
        check(&bench).says(exit, words);
        bench.run(&["apply", "one"]).says(0, "which is kept");
        check(&bench).says(0, "papers            sound: 1");
        bench.topup(&code(NEW, SERIAL, 0)).says(0, "Balance: ¥2,200");

        spoil(&bench, |at, byte| if wiped { 0 } else { byte ^ u8::from(at % 50_000 == 90) });
        let damaged = "apply the file of the checkpoint again that brought what is missing";
        check(&bench).says(3, damaged);
        bench.topup(&bench.code(2)).says(3, damaged);
        let mended = bench.run(&["apply", "one"]);
        mended.says(0, "With it came a sheet of new codes, which is kept");
        assert_eq!(bench.balance(), "2200");
        bench.topup(&bench.code(2)).says(0, "Balance: ¥2,700");
        check(&bench).says(0, "papers            sound: 1");
    }
}

#[test]
fn one_damaged_copy_is_written_again() {
    let bench = with_new_sheet();
    bench.topup(&code(NEW, SERIAL, 0)).says(0, "Balance: ¥1,700");
    let whole = fs::read(bench.path()).unwrap();
    for (copy, name) in [(0, "A"), (1, "B")] {
        let start = seen(&bench).grounds().papers.unwrap()[copy];
        bench.open().write_at(start + PAPERS_SLOT_BYTES as u64, &[0xff; 4096]).unwrap();
        check(&bench).says(0, &format!("repaired by the other copy: 1; copy {name} lacks some"));
        bench.run(&["doctor", "--dry-run"]).says(0, &format!("is written into copy {name}"));
        bench.run(&["doctor"]).says(0, "Done: what came with its checkpoints");
        assert!(fs::read(bench.path()).unwrap() == whole, "copy {name} is not as it was");
    }
}

/// Of each flipped bit of either file the papers are whole by the other; none gives other papers.
#[test]
fn every_flipped_bit_leaves_the_papers() {
    let attached = [sheet(NEW, SERIAL), signed(&list(8, 600, &[2]))];
    let (device, small, file, _) = to_be_compacted_with(&attached);
    let power = Volatile::new(device.snapshot());
    assert!(!apply_on(&power, &small, &file));
    let starts = small.grounds().papers.unwrap();
    let image = MemoryDevice::from_bytes(power.snapshot());
    let kept = opened(&image, &small).medium().grounds().kept_papers().clone();
    assert_eq!(kept.count(), 2);
    let used = kept.object().encode().len() as u64;
    for start in starts {
        // The second slot, in which the first generation lies, and a little of both slots' padding.
        let second = start + PAPERS_SLOT_BYTES as u64;
        let bytes = (second..second + used + 64).chain(start..start + 64);
        for bit in bytes.flat_map(|byte| byte * 8..byte * 8 + 8).step_by(3) {
            let mut byte = [0];
            image.read_at(bit / 8, &mut byte).unwrap();
            let flipped = byte[0] ^ 1 << (bit % 8);
            image.write_at(bit / 8, &[flipped]).unwrap();
            let keeper = Keeper {
                certificate: &small.grounds().certificate,
                issuer: &small.grounds().issuer,
            };
            let files = PaperFiles::read(&image, starts, &keeper).unwrap();
            assert!(files.kept() == kept, "bit {bit}");
            image.write_at(bit / 8, &byte).unwrap();
        }
    }
}

fn opened<D: Device>(device: D, small: &Medium) -> Opened<D> {
    Opened::open(device, small.clone(), &mut rng(31)).unwrap()
}

/// Apply a checkpoint with what goes with it, if that was not done; whether it was.
fn apply_on(device: &Volatile, medium: &Medium, file: &CheckpointFile) -> bool {
    let mut opened = opened(device, medium);
    let name = opened.archive_name();
    match opened.medium().settling(&file.encode()) {
        Ok(settling) => {
            let _attached = opened.keep(&settling).unwrap();
            let trays = trays(device, medium);
            opened.compact(&settling, &mut OutboxArchive::new(&trays, name)).unwrap();
            let _attached = opened.keep(&settling).unwrap();
            false
        }
        Err(ApplyRefusal::Applied(1)) => true,
        Err(other) => panic!("{other}"),
    }
}

fn revoked(grounds: &Grounds) -> bool {
    grounds.revoked.list().is_some_and(|list| list.number == 8)
}

/// Codes of the new sheet as the medium judges them.
fn judged(medium: &Medium, slot: u8) -> Result<(), TopupRefusal> {
    medium.judge(&read_typed(&code(NEW, SERIAL, slot)).unwrap()).map(|_| ())
}

/// Look at each different state in which a loss of power may leave what was written.
fn each_stop(power: &Volatile, faults: Vec<FaultKind>, mut look: impl FnMut(&Volatile, &Loss)) {
    let mut seen = HashSet::new();
    let bounds = Bounds { states_max: 12, torn_bytes: vec![130], faults, seed: 5 };
    for loss in power.losses(&bounds) {
        let found = loss.reopen();
        if seen.insert(found.fingerprint()) {
            look(&found, &loss);
        }
    }
}

fn faults() -> Vec<FaultKind> {
    let erase = |len_bytes| FaultKind::EraseBlock { len_bytes, fill: 0xFF };
    vec![FaultKind::LyingFlush, erase(128 << 10), erase(4 << 20)]
}

#[test]
fn an_apply_with_papers_cut_off_anywhere_never_lacks_what_it_took_over() {
    let attached = [sheet(NEW, SERIAL), signed(&list(8, 600, &[2]))];
    let (device, small, file, _) = to_be_compacted_with(&attached);
    let power = Volatile::new(device.snapshot());
    assert!(!apply_on(&power, &small, &file));
    let mut counts = [0, 0, 0];
    for (faults, again) in [(vec![], true), (faults(), false)] {
        each_stop(&power, faults, |found, loss| {
            let medium = opened(found, &small).medium().clone();
            assert_eq!(medium.balance(), minor(1_500), "{loss}");
            let (done, kept) = (medium.account().anchor.is_some(), judged(&medium, 0).is_ok());
            assert!(kept || !done, "{loss}: taken over without its sheet");
            assert_eq!(kept, revoked(medium.grounds()), "{loss}");
            counts[usize::from(kept) + usize::from(done)] += 1;
            if again {
                assert_eq!(apply_on(found, &small, &file), done, "{loss}");
                let medium = opened(found, &small).medium().clone();
                assert!(judged(&medium, 0).is_ok() && revoked(medium.grounds()), "{loss}");
            }
        });
    }
    println!("{} states before, {} with papers kept, {} after", counts[0], counts[1], counts[2]);
    assert!(counts.iter().all(|count| *count > 5), "{counts:?}");
}

/// A medium that keeps a sheet and has credited a code of it, and the next checkpoint with another.
fn relying() -> (Vec<u8>, Medium, CheckpointFile) {
    let (device, small, file, mut records) = to_be_compacted_with(&[sheet(NEW, SERIAL)]);
    let power = Volatile::new(device.snapshot());
    assert!(!apply_on(&power, &small, &file));
    add(&power, &small, 3);
    let state = opened(&power, &small).medium().account().state.clone();
    records.attached = vec![sheet([8; 16], SERIAL), signed(&list(8, 600, &[2]))];
    records.sheets = vec![(OLD, CODES), (NEW, CODES)];
    (power.snapshot(), small, records.settle(&[&state]))
}

fn add(device: &Volatile, small: &Medium, slot: u8) {
    let mut own = opened(device, small);
    let unlocked = own.unlock(&password(OWN)).unwrap();
    let topup = own.medium().judge(&read_typed(&code(NEW, SERIAL, slot)).unwrap()).ok().unwrap();
    own.topup(&unlocked.keys, &topup, at(3_000), &mut rng(9)).unwrap();
}

#[test]
fn a_second_sheet_cut_off_anywhere_leaves_what_records_rely_on() {
    let (image, small, file) = relying();
    let power = Volatile::new(image);
    let mut own = opened(&power, &small);
    let settling = own.medium().settling(&file.encode()).unwrap();
    let _attached = own.keep(&settling).unwrap();
    drop(own);
    let mut counts = [0, 0];
    each_stop(&power, faults(), |found, loss| {
        let medium = opened(found, &small).medium().clone();
        assert_eq!(medium.balance(), minor(2_200), "{loss}");
        counts[usize::from(revoked(medium.grounds()))] += 1;
    });
    println!("{} states before, {} after", counts[0], counts[1]);
    assert!(counts.iter().all(|count| *count > 5), "{counts:?}");
}

#[test]
fn a_code_of_a_kept_sheet_cut_off_anywhere_was_added_or_not() {
    let (device, small, file, _) = to_be_compacted_with(&[sheet(NEW, SERIAL)]);
    let first = Volatile::new(device.snapshot());
    assert!(!apply_on(&first, &small, &file));
    let power = Volatile::new(first.snapshot());
    add(&power, &small, 3);
    let mut counts = [0, 0];
    each_stop(&power, faults(), |found, loss| {
        let medium = opened(found, &small).medium().clone();
        let added = judged(&medium, 3).is_err();
        assert_eq!(medium.balance(), minor(if added { 2_200 } else { 1_500 }), "{loss}");
        counts[usize::from(added)] += 1;
    });
    assert!(counts.iter().all(|count| *count > 5), "{counts:?}");
}
