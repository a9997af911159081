//! What records cost the medium: bytes, writes and flushes, and nothing else of it changes.

use scrip::device::simulated::Counted;
use scrip::device::{Device, MemoryDevice};
use scrip::format::Object;
use scrip::journal::frame::Frame;
use scrip::wallet::Opened;

use super::settled::Records;
use super::{FIRST, OWN, SERIAL, entry, medium, password, rng};
use crate::world::{Sample, at, minor};

type Counting = Counted<MemoryDevice>;

/// The most that a top-up by code or a purchase writes, both copies together.
const BYTES_MAX: u64 = 1 << 10;

/// Two writes and two flushes, no read; the bytes written, all of them within the journal's copies.
fn cost(
    device: &Counting,
    opened: &mut Opened<&Counting>,
    act: impl FnOnce(&mut Opened<&Counting>),
) -> u64 {
    let (before, counts) = (device.inner().snapshot(), device.counts());
    act(opened);
    let (after, cost) = (device.inner().snapshot(), device.counts() - counts);
    assert_eq!((cost.writes, cost.flushes, cost.reads), (2, 2, 0));
    let journal = opened.medium().grounds().journal;
    let mut changed = 0;
    for (at, (old, new)) in
        (0_u64..).zip(before.iter().zip(&after)).filter(|(_, (old, new))| old != new)
    {
        let inside =
            journal.starts.iter().any(|start| (*start..start + journal.bytes).contains(&at));
        assert!(inside, "byte {at} was {old}, is {new}");
        changed += 1;
    }
    assert!(changed > 0);
    cost.written_bytes
}

#[test]
fn a_record_costs_two_writes_and_two_flushes_of_its_frame_and_touches_nothing_else() {
    let device = Counted::new(Sample::new(SERIAL).burnt());
    let mut opened = Opened::open(&device, medium(&device), &mut rng(1)).unwrap();
    let first = opened.unlock(&password(FIRST)).unwrap();
    let own = opened.rekey(&first, &password(OWN), at(1_000), &mut rng(2)).unwrap();
    let topup = opened.medium().judge(&entry(SERIAL, 0)).ok().unwrap();
    let added = cost(&device, &mut opened, |opened| {
        opened.topup(&own.keys, &topup, at(1_001), &mut rng(3)).unwrap();
    });
    let bought = cost(&device, &mut opened, |opened| {
        opened.buy(&own.keys, ("song", "a singer"), minor(1), at(1_002), &mut rng(4)).unwrap();
    });
    let file = Records::of(opened.medium()).settle(&[&opened.medium().account().state]);
    let settling = opened.medium().settling(&file.encode()).unwrap();
    let settled = cost(&device, &mut opened, |opened| {
        opened.take_over(&own.keys, &settling, at(1_003), &mut rng(5)).unwrap();
    });
    println!("a top-up {added} bytes, a purchase {bought}, a checkpoint {settled}");
    assert!(added <= BYTES_MAX && bought <= BYTES_MAX, "{added} and {bought} bytes");
    let found = medium(&device);
    let record = found.account().records.last().unwrap().bytes().to_vec();
    let place = found.grounds().journal.starts[0];
    let frame = (0..64).find_map(|sector| {
        let mut bytes = vec![0; 8192];
        device.read_at(place + sector * 512, &mut bytes).unwrap();
        Frame::decode(&bytes).filter(|frame| frame.record == record)
    });
    assert_eq!(settled, 2 * frame.unwrap().stored_bytes() as u64);
}
