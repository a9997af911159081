//! The same evidence and records give the same plan, byte for byte.

use std::sync::Arc;

use scrip::crypto::{Random, SeededRandom};
use scrip::device::{DeviceError, MemoryDevice, Scratch};
use scrip::format::plan::PlanEntry;
use scrip::image::leaves::Unwatched;
use scrip::journal::first_frames;
use scrip::ledger::next;
use scrip::reconcile::{
    Index, Plan, PlanReader, Reading, Run, Signatures, Terms, reconcile, reconcile_all,
};
use scrip::records::Place;
use scrip::units::ByteCount;

use super::made::{Ground, bundle, host};
use super::office::{Office, told};
use crate::postgres::Cluster;

/// A population with something of everything, and all the evidence of it.
fn heap_of(office: &mut Office) -> Vec<Vec<u8>> {
    let mut files = vec![];
    let (mut payer, mut giver) = (office.owned(0, 2), office.owned(1, 2));
    files.push(payer.export(&office.ground));
    payer.start(&office.ground, 1, giver.id());
    let receipt = payer.receipt(1, 40);
    giver.send(&office.ground, &payer, 1, &receipt);
    files.extend([payer.funding(&office.ground), receipt, giver.export(&office.ground)]);
    let got = ByteCount::from_bytes(10);
    let close = next::download_interrupted(&payer.state, &host(), [8; 16], [1; 16], got).unwrap();
    payer.put(&office.ground, &close);
    files.push(payer.export(&office.ground));
    let mut forked = office.owned(2, 3);
    let mut copy = forked.clone();
    forked.buy(&office.ground, "film", 900);
    copy.buy(&office.ground, "song", 1_200);
    copy.code(&office.ground, 5);
    files.extend([forked.export(&office.ground), copy.export(&office.ground)]);
    let mut unsold = office.ground.owned(office.media[3], 2);
    unsold.buy(&office.ground, "film", 10);
    let mut lost = unsold.bytes();
    lost.remove(3);
    files.push(unsold.export(&office.ground));
    files.push(first_frames(&lost).unwrap());
    // Each holds a record of the other's medium.
    let (one, other) = (forked.bytes()[2].clone(), unsold.bytes()[2].clone());
    files.push(first_frames(&[one.clone(), other.clone()]).unwrap());
    files.push(first_frames(&[other, one]).unwrap());
    for (place, amount) in [(4, 300), (5, 400)] {
        let mut stick = office.owned(place, 1);
        let voucher = office.ground.signed_voucher(stick.id(), 9, amount);
        stick.voucher(&office.ground, &voucher);
        files.push(stick.export(&office.ground));
    }
    let burnt = office.ground.burnt(office.media[6]);
    files.push(burnt.export(&office.ground));
    files
}

fn plan(office: &mut Office, files: &[Vec<u8>], threads: usize) -> Plan {
    let heap = office.heap(files);
    let threads = threads.try_into().unwrap();
    let terms = Terms { threads, ..office.terms() };
    reconcile(&heap, &mut office.records, &terms).unwrap()
}

/// The plan's file by an index of the evidence, which is read as it is needed.
fn indexed(office: &mut Office, files: &[Vec<u8>], threads: usize) -> Vec<u8> {
    let threads = threads.try_into().unwrap();
    let mut index = Index::new(office.ground.world.trust());
    for (place, file) in files.iter().enumerate() {
        let device = Arc::new(MemoryDevice::from_bytes(file.clone()));
        index.add_held(&place.to_string(), device, Reading { threads, watch: &Unwatched });
    }
    let terms = Terms { threads, ..office.terms() };
    let scratch = Scratch::memory();
    let books = std::slice::from_mut(&mut office.records);
    let (evidence, terms, scratch) = (&index, &terms, &scratch);
    let watch = &Unwatched;
    let signatures = if threads.get() == 1 { Signatures::Every } else { Signatures::New };
    let run = Run { evidence, books, terms, scratch, watch, memory: None, signatures };
    let found = reconcile_all(run);
    let mut bytes = vec![];
    let written: Result<_, DeviceError> = found.unwrap().write(&mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    });
    let file = PlanReader::open(MemoryDevice::from_bytes(bytes.clone())).unwrap();
    assert_eq!(file.hash(), written.unwrap());
    let entries: Vec<PlanEntry> = file.entries().map(Result::unwrap).collect();
    assert_eq!(Plan::decode(&bytes).unwrap().entries, entries);
    let units = index.units();
    assert!(units.iter().all(|(_, became)| became.is_ok()), "{units:?}");
    bytes
}

fn shuffled(files: &[Vec<u8>], rng: &mut SeededRandom) -> Vec<Vec<u8>> {
    let mut draw = |limit: usize| {
        let mut bytes = [0; 8];
        rng.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % limit as u64).unwrap()
    };
    let mut all = files.to_vec();
    for _ in 0..draw(files.len()) {
        all.push(files[draw(files.len())].clone());
    }
    for at in (1..all.len()).rev() {
        all.swap(at, draw(at + 1));
    }
    all
}

/// The same files, all but some of them in so many bundles.
fn parted(files: &[Vec<u8>], count: usize) -> Vec<Vec<u8>> {
    let (loose, bundled) = files.split_at(files.len() / 4);
    let share = bundled.len().div_ceil(count);
    bundled.chunks(share).map(bundle).chain(loose.to_vec()).collect()
}

#[test]
fn order_repetition_and_threads_change_no_byte_of_a_plan() {
    let mut office = Office::new();
    let files = heap_of(&mut office);
    let first = plan(&mut office, &files, 1);
    assert!(told(&first).len() > 10 && first.tail.postings > 4, "{:?}", told(&first));
    let bytes = first.encode();
    let mut rng = SeededRandom::new([12; 32]);
    for round in 0..60 {
        let mixed = shuffled(&files, &mut rng);
        let threads = [1, 2, 4][round % 3];
        assert_eq!(plan(&mut office, &mixed, threads).encode(), bytes, "round {round}");
    }
    for round in 0..12 {
        let parted = parted(&shuffled(&files, &mut rng), 1 + round % 5);
        assert_eq!(plan(&mut office, &parted, 2).encode(), bytes, "in bundles, round {round}");
        let threads = [1, 2, 4][round % 3];
        assert_eq!(indexed(&mut office, &parted, threads), bytes, "indexed, round {round}");
    }
    office.settle(&first);
    let answered = plan(&mut office, &files, 4).encode();
    for round in 0..10 {
        let mixed = shuffled(&files, &mut rng);
        assert_eq!(plan(&mut office, &mixed, 2).encode(), answered, "answered, round {round}");
        let parted = parted(&mixed, 1 + round % 3);
        let threads = 1 + round % 2;
        assert_eq!(indexed(&mut office, &parted, threads), answered, "indexed, round {round}");
    }
}

#[test]
fn a_plan_is_the_same_on_sqlite_and_on_postgres() {
    let mut cluster = Cluster::start(&["fsync=off"]);
    let place: Place = cluster.database().parse().unwrap();
    let mut offices = [Office::new(), Office::at(Ground::new(), &place)];
    let plans = offices.each_mut().map(|office| {
        let files = heap_of(office);
        let first = plan(office, &files, 2);
        let posted = office.settle(&first);
        let again = plan(office, &files, 2);
        (first.encode(), posted.media, again.encode())
    });
    assert_eq!(plans[0], plans[1]);
}

#[test]
fn a_plan_that_was_changed_or_cut_off_is_refused() {
    let mut office = Office::new();
    let files = heap_of(&mut office);
    let bytes = plan(&mut office, &files, 1).encode();
    for end in (0..bytes.len()).step_by(97) {
        assert!(Plan::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    let mut rng = SeededRandom::new([13; 32]);
    for _ in 0..400 {
        let mut place = [0; 8];
        rng.fill(&mut place);
        let bit = u64::from_le_bytes(place) % (bytes.len() as u64 * 8);
        let mut flipped = bytes.clone();
        flipped[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
        assert!(Plan::decode(&flipped).is_err(), "bit {bit}");
    }
}
