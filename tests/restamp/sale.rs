//! Selling a medium by its path, cut off anywhere: one sale, one stamp, the same bytes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use scrip::device::simulated::{StopAt, Stopping};
use scrip::device::{MemoryDevice, Target};
use scrip::format::store::StoreEvent;
use scrip::image::check::{Identity, Reading, Verdict};
use scrip::image::leaves::Unwatched;
use scrip::press::{InHand, RefreshError, Refreshed, SaleWish};
use scrip::shop::{Shop, Writing};
use scrip::trust::{Passphrase, TestRoots};

use super::clerk::burnt;
use crate::burn::desk::{Desk, Said};
use crate::loop_device::run;
use crate::world::{THREADS, at};

/// Sales that are killed, and how often that is tried.
const KILLS: u32 = 16;
const ATTEMPTS_MAX: u32 = 100;

/// A store's folder, opened for one run.
fn open(path: &Path) -> Shop {
    Shop::open(path, Passphrase::None, TestRoots::Allowed, Writing::Real).unwrap()
}

/// One run of `sell PATH --owner Mika` at some second.
fn sell(shop: &mut Shop, device: &dyn Target, second: u64) -> Result<Refreshed, RefreshError> {
    let reading = Reading::take(&device, THREADS, &Unwatched).unwrap();
    let hand = InHand::examine(shop, device, &Identity::Image, reading)?;
    let wish = SaleWish { owner: Some("Mika".to_owned()), ..SaleWish::default() };
    let (_, planned) = hand.sell(shop, &wish, at(second))?;
    hand.carry_out(shop, planned, at(second))
}

/// How often the store's journal has an event.
fn count(shop: &Shop, event: StoreEvent) -> usize {
    shop.log().unwrap().entries().iter().filter(|entry| entry.event == event).count()
}

/// A copy of the desk's store.
fn copy(desk: &Desk, name: &str) -> std::path::PathBuf {
    let mut cp = Command::new("cp");
    run(cp.args(["-r", "shop", name]).current_dir(desk.path("")), "cp");
    desk.path(name)
}

#[test]
fn a_sale_cut_off_at_any_write_or_flush_is_ended_once_to_the_same_bytes() {
    let (desk, _) = burnt(1);
    let mut before = fs::read(desk.path("one.img")).unwrap();
    before[(1 << 20) + 0x41] ^= 1;
    let device = MemoryDevice::from_bytes(before.clone());
    sell(&mut open(&copy(&desk, "whole")), &device, 900).unwrap();
    let whole = device.into_bytes();
    let mut cuts = 0;
    for torn in [0, 3] {
        for cut in 0.. {
            let path = copy(&desk, &format!("shop-{torn}-{cut}"));
            let device = MemoryDevice::from_bytes(before.clone());
            let stopping = Stopping::new(&device, StopAt::WriteOrFlush(cut)).tearing(torn);
            let mut shop = open(&path);
            if sell(&mut shop, &stopping, 900).is_ok() {
                break;
            }
            assert_eq!(count(&shop, StoreEvent::Sold), 1, "cut at {cut}");
            assert_eq!(count(&shop, StoreEvent::Refreshed), 0, "cut at {cut}");
            drop(shop);
            let mut shop = open(&path);
            let done = sell(&mut shop, &device, 960).unwrap();
            assert_eq!((done.report.verdict, done.entry), (Verdict::Sealed, Some(3)));
            assert!(done.bytes < 1 << 20);
            assert!(device.into_bytes() == whole, "cut at {cut}: ends in other bytes");
            assert_eq!(count(&shop, StoreEvent::Sold), 1, "cut at {cut}: sold twice");
            assert_eq!(count(&shop, StoreEvent::Refreshed), 1, "cut at {cut}");
            assert!(shop.unfinished_stamps().unwrap().is_empty());
            cuts += 1;
        }
    }
    assert!(cuts >= 14, "only {cuts} cuts");
}

#[test]
fn the_tool_ends_what_was_cut_off_and_says_so() {
    let (desk, medium) = burnt(1);
    let before = fs::read(desk.path("one.img")).unwrap();
    let device = MemoryDevice::from_bytes(before.clone());
    let stopping = Stopping::new(&device, StopAt::Write(1));
    let mut shop = open(&desk.path("shop"));
    let told = sell(&mut shop, &stopping, 900).unwrap_err();
    assert!(told.to_string().starts_with("writing: "), "{told}");
    drop(shop);
    fs::write(desk.path("one.img"), device.into_bytes()).unwrap();
    let words = ["TEST: altered", "a re-stamping that was cut off", "scrip-store refresh"];
    desk.check(&desk.path("one.img")).ended(3, &words);
    desk.store(&["status"]).ended(0, &[&format!("stamping of medium {medium} was cut off")]);
    let kept = desk.path("shop/stamps").join(format!("{medium}.stamp"));
    let bytes = fs::read(&kept).unwrap();
    // Another medium is none of its business, and a store without what was kept can't end it.
    fs::remove_file(&kept).unwrap();
    desk.store(&["refresh", "one.img"]).ended(3, &["the verdict is altered"]);
    let mut damaged = bytes.clone();
    damaged[40] ^= 1;
    fs::write(&kept, damaged).unwrap();
    desk.store(&["refresh", "one.img"]).ended(3, &["the verdict is altered"]);
    fs::write(&kept, &bytes).unwrap();
    let dry = desk.store(&["refresh", "one.img", "--dry-run", "--json"]).done().result();
    assert_eq!((&dry["cut_off"], &dry["written_bytes"]), (&true.into(), &0.into()));
    let said = desk.store(&["refresh", "one.img"]).done();
    said.ended(0, &["- a stamping that was cut off, to its end", "TEST: sealed"]);
    desk.check(&desk.path("one.img")).ended(0, &["TEST: sealed"]);
    assert!(!kept.exists());
    let shop = open(&desk.path("shop"));
    let counts = [StoreEvent::Sold, StoreEvent::Refreshed].map(|event| count(&shop, event));
    assert_eq!(counts, [1, 1]);
    drop(shop);
    // The cut came after the journal's entry: it isn't journalled again.
    fs::write(&kept, bytes).unwrap();
    desk.store(&["sell", "one.img", "--owner", "Mika"]).ended(0, &["nothing was written"]);
    let shop = open(&desk.path("shop"));
    let counts = [StoreEvent::Sold, StoreEvent::Refreshed].map(|event| count(&shop, event));
    assert_eq!((counts, kept.exists()), ([1, 1], false));
    drop(shop);
    // The cut came while what was kept was being let go: it is gone with the next command.
    fs::write(&kept, [0; 500]).unwrap();
    desk.store(&["sell", "one.img", "--owner", "Mika"]).ended(5, &["burnt and not sold"]);
    assert!(!kept.exists(), "what is of no use any more is let go");
}

#[test]
fn blocks_kept_before_a_newer_stamp_are_not_taken_back() {
    let (desk, medium) = burnt(1);
    let device = MemoryDevice::from_bytes(fs::read(desk.path("one.img")).unwrap());
    let stopping = Stopping::new(&device, StopAt::Write(0));
    let mut shop = open(&desk.path("shop"));
    sell(&mut shop, &stopping, 900).unwrap_err();
    drop(shop);
    let kept = desk.path("shop/stamps").join(format!("{medium}.stamp"));
    let bytes = fs::read(&kept).unwrap();
    let mut shop = open(&desk.path("shop"));
    sell(&mut shop, &device, 960).unwrap();
    shop.void(2, at(970)).unwrap();
    let refresh = |shop: &mut Shop, second: u64| {
        let reading = Reading::take(&device, THREADS, &Unwatched).unwrap();
        let hand = InHand::examine(shop, &device, &Identity::Image, reading).unwrap();
        let planned = hand.refresh(shop, at(second)).unwrap();
        hand.carry_out(shop, planned, at(second)).unwrap()
    };
    let unsold = refresh(&mut shop, 1_000).report.medium.unwrap().sold;
    assert_eq!(unsold, None);
    fs::write(&kept, bytes).unwrap();
    let again = refresh(&mut shop, 1_100);
    assert_eq!((again.bytes, again.entry, again.report.medium.unwrap().sold), (0, None, None));
    assert!(!kept.exists(), "what is of no use any more is let go");
}

#[test]
fn a_sale_killed_at_any_moment_is_ended_once_by_the_same_command() {
    let (desk, _) = burnt(1);
    let before = fs::read(desk.path("one.img")).unwrap();
    let sell = |folder: &str| {
        fs::write(desk.path("one.img"), &before).unwrap();
        copy(&desk, folder);
        desk.running(&["--dir", folder, "sell", "one.img", "--owner", "Mika"])
    };
    let began = Instant::now();
    Said::of(&sell("first").wait_with_output().unwrap()).done();
    let (mut whole, mut kills) = (began.elapsed(), 0);
    for attempt in 0..ATTEMPTS_MAX {
        if kills == KILLS {
            return;
        }
        let folder = format!("killed{attempt}");
        let mut running = sell(&folder);
        std::thread::sleep(whole * (6 + attempt % 24) / 30);
        if running.try_wait().unwrap().is_some() {
            // This machine got faster than it was at first.
            whole = whole * 4 / 5;
        } else {
            kills += 1;
        }
        running.kill().unwrap();
        running.wait().unwrap();
        let journalled = count(&open(&desk.path(&folder)), StoreEvent::Sold);
        let checked = desk.check(&desk.path("one.img"));
        assert!([0, 3].contains(&checked.exit), "{}", checked.all());
        assert!(checked.exit == 0 || journalled == 1, "stamped before its sale was journalled");
        let again = desk.store(&["--dir", &folder, "sell", "one.img", "--owner", "Mika"]);
        // What had ended can't be sold twice.
        assert!([0, 5].contains(&again.exit), "{}", again.all());
        desk.check(&desk.path("one.img")).ended(0, &["TEST: sealed", ", sold "]);
        let shop = open(&desk.path(&folder));
        let counts = [StoreEvent::Sold, StoreEvent::Refreshed].map(|event| count(&shop, event));
        assert_eq!((counts, shop.unfinished_stamps().unwrap()), ([1, 1], vec![]));
    }
    panic!("only {kills} sales were killed before their end");
}
