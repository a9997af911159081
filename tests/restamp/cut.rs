//! A re-stamping that is cut off: never accepted as something else, and ended by its own blocks.

use scrip::device::simulated::{Counted, StopAt, Stopping};
use scrip::device::{Device, MemoryDevice, Target};
use scrip::image::check::{Identity, Verdict};
use scrip::image::restamp::{Blocks, Planned, write};
use scrip::units::StoreId;

use super::{Counter, Store, sold};

/// How many states of each kind were seen.
#[derive(Debug, Default)]
struct Seen {
    before: u32,
    between: u32,
    after: u32,
}

/// What a cut left is what it was, altered, or what it was to be.
fn judge(counter: &Counter, device: &MemoryDevice, whole: &[u8], cut: &str, seen: &mut Seen) {
    let report = counter.judge(device);
    let sold = report.medium.as_ref().and_then(|medium| medium.sold);
    match report.verdict {
        Verdict::Altered => {
            seen.between += 1;
            let told = report.notes.iter().any(|note| note.en().contains("scrip-store refresh"));
            assert!(told, "{cut}: {report:?}");
        }
        Verdict::Touched | Verdict::Sealed if sold.is_none() => seen.before += 1,
        Verdict::Touched => seen.after += 1,
        Verdict::Sealed => {
            seen.after += 1;
            assert!(device.snapshot() == whole, "{cut}: sealed, and yet other bytes");
        }
        verdict => panic!("{cut}: {verdict}"),
    }
}

fn ram(counter: &Counter, device: &MemoryDevice) -> Vec<u8> {
    let range = counter.sample.sealed.layout.ram();
    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap()];
    device.read_at(range.start, &mut bytes).unwrap();
    bytes
}

/// Cut a stamping off at every write and flush, each write torn behind so many sectors; returns
/// how many cuts there were.
fn cut_everywhere(counter: &Counter, planned: &Planned, torn: &[u64]) -> (u32, Seen) {
    let before = counter.device.snapshot();
    let run = |device: &dyn Target| {
        let reading = counter.read(device);
        write(reading, device, &planned.blocks, &counter.trust, &Identity::Image)
    };
    let device = MemoryDevice::from_bytes(before.clone());
    run(&device).unwrap();
    let (owners, whole) = (ram(counter, &device), device.into_bytes());
    let (mut seen, mut cuts) = (Seen::default(), 0);
    for torn in torn {
        for cut in 0.. {
            let text = format!("cut at {cut}, {torn} sectors torn");
            let device = MemoryDevice::from_bytes(before.clone());
            let stopping = Stopping::new(&device, StopAt::WriteOrFlush(cut)).tearing(*torn);
            let done = run(&stopping).is_ok();
            judge(counter, &device, &whole, &text, &mut seen);
            assert!(ram(counter, &device) == owners, "{text}: the owner's bytes changed");
            if done {
                break;
            }
            let examined = counter.examine(&device, &planned.blocks);
            assert!(examined.is_ok(), "{text}: {:?}", examined.err());
            let spied = Counted::new(&device);
            run(&spied).unwrap();
            assert!(spied.counts().written_bytes < 1 << 20, "{text}");
            assert!(device.into_bytes() == whole, "{text}: ends in other bytes");
            cuts += 1;
        }
    }
    (cuts, seen)
}

#[test]
fn a_cut_at_any_write_or_flush_is_seen_and_ends_in_the_same_bytes_when_done_again() {
    let counter = Counter::new();
    counter.touch();
    let planned = counter.plan(&counter.store, sold(Some("Mika"))).unwrap();
    let (cuts, seen) = cut_everywhere(&counter, &planned, &[0, 1, 2, 3, 5, 8, 9, 16, 17, 24]);
    assert!(cuts >= 80 && seen.before >= 1 && seen.between >= 40 && seen.after >= 20, "{seen:?}");
}

#[test]
fn a_cut_while_another_store_refreshes_is_seen_and_ended_too() {
    let counter = Counter::new();
    counter.touch();
    let own = StoreId::from_number(7).unwrap();
    let friend = Store::other(&counter.world, 8, Some(vec![own]));
    let planned = counter.plan(&friend, sold(None)).unwrap();
    // Its seal carries its chain, and takes several sectors.
    let (cuts, seen) = cut_everywhere(&counter, &planned, &[0, 1, 2]);
    assert!(cuts >= 24 && seen.before >= 1 && seen.between >= 12 && seen.after >= 3, "{seen:?}");
}

#[test]
fn blocks_written_in_part_and_in_any_order_are_never_taken_for_whole() {
    let counter = Counter::new();
    let planned = counter.plan(&counter.store, sold(None)).unwrap();
    let all: Vec<(&u64, &Vec<u8>)> = planned.blocks.iter().collect();
    let before = counter.device.snapshot();
    let subsets = 1_u32 << all.len();
    assert!((1 << 6..=1 << 12).contains(&subsets), "{subsets}");
    for subset in 0..subsets {
        let chosen = all.iter().enumerate().filter(|(place, _)| subset & 1 << place != 0);
        let device = &counter.device;
        for (_, (offset, bytes)) in chosen {
            device.write_at(**offset, bytes).unwrap();
        }
        let verdict = counter.judge(device).verdict;
        let expected = match subset {
            0 => Verdict::Sealed,
            _ if subset == subsets - 1 => Verdict::Sealed,
            _ => Verdict::Altered,
        };
        assert_eq!(verdict, expected, "blocks {subset:b}");
        assert!(counter.examine(device, &planned.blocks).is_ok(), "blocks {subset:b}");
        for (offset, bytes) in &all {
            let start = usize::try_from(**offset).unwrap();
            device.write_at(**offset, &before[start..start + bytes.len()]).unwrap();
        }
    }
}

#[test]
fn what_was_altered_besides_is_not_written_over() {
    let counter = Counter::new();
    let planned = counter.plan(&counter.store, sold(None)).unwrap();
    let (first, bytes) = planned.blocks.first_key_value().unwrap();
    counter.device.write_at(*first, bytes).unwrap();
    assert!(counter.examine(&counter.device, &Blocks::new()).is_err());
    assert!(counter.examine(&counter.device, &planned.blocks).is_ok());
    let tree = counter.sample.sealed.layout.seal().start + 4096 + 7;
    let own = planned.blocks.keys().any(|offset| (*offset..offset + 4096).contains(&tree));
    assert!(own, "the root's block is always written");
    let edition = counter.sample.sealed.layout.edition_seal().start + 40;
    counter.device.write_at(edition, &[0xEE]).unwrap();
    let told = counter.examine(&counter.device, &planned.blocks).err().unwrap().to_string();
    assert!(told.contains("altered") && told.contains("edition seal"), "{told}");
}
