//! Files are known by their content, and whatever they hold becomes one set of records.

use std::fs;

use scrip::device::MountedTree;
use scrip::image::check::{Identity, open};
use scrip::image::leaves::Unwatched;
use scrip::journal::{carried_frames, first_frames};
use scrip::ledger::{KeyLife, settle};
use scrip::reconcile::{Branches, Heap, Ruling, Skipped, Tip, What, branches};
use scrip::trust::{Revoked, sign};
use scrip::units::MediumId;
use scrip::wallet::Medium;

use super::made::{Ground, give};
use crate::check::mounted::Mounted;
use crate::world::{Sample, THREADS, World, minor};

/// The branches of the only medium in a heap.
pub(super) fn found(heap: &Heap) -> Branches {
    assert_eq!(heap.media().len(), 1);
    let pieces = heap.media().values().next().unwrap();
    let ruling = Ruling::of(pieces, &[0; 32], &Revoked::none()).unwrap();
    branches(&ruling, pieces)
}

fn heads(found: &Branches) -> Vec<[u8; 32]> {
    found.branches.iter().map(|branch| branch.state.head).collect()
}

fn five() -> MediumId {
    MediumId::from_serial(5)
}

#[test]
fn a_burnt_medium_is_read_alike_as_image_as_export_and_mounted() {
    let world = World::new();
    let sample = Sample::of(&world, 81);
    let device = sample.burnt();
    let checked = open(&device, &world.trust(), &Identity::Image, THREADS, &Unwatched).unwrap();
    let medium = Medium::of(checked).unwrap();
    let state = &medium.account().state;
    let mut heaps = [(); 3].map(|()| Heap::new(world.trust()));
    let taken = heaps[0].take(&device, THREADS, &Unwatched).unwrap();
    assert_eq!((taken.what, taken.medium, taken.records), (What::Image, Some(medium.id()), 2));
    let taken = give(&mut heaps[1], &medium.evidence()).unwrap();
    assert_eq!((taken.what, taken.medium, taken.records), (What::Export, Some(medium.id()), 2));
    let mounted = Mounted::of(&sample);
    let area = |name| MountedTree::at(&mounted.folder.path().join(name));
    let taken = heaps[2].take_read_only_area(&area("ROM")).unwrap();
    assert_eq!((taken.what, taken.medium), (What::ReadOnlyArea, Some(medium.id())));
    let taken = heaps[2].take_writable_area(&area("RAM")).unwrap();
    assert_eq!(
        (taken.what, taken.medium, taken.records),
        (What::WritableArea, Some(medium.id()), 2)
    );
    for heap in &heaps {
        let found = found(heap);
        assert_eq!(found.branches.len(), 1);
        assert_eq!(found.branches[0].state, *state);
        assert_eq!((found.branches[0].behind, found.records.len()), (0, 2));
        let pieces = &heap.media()[&medium.id()];
        let tip = Tip { behind: [0; 32], record: state.head };
        assert_eq!(pieces.tips.iter().collect::<Vec<_>>(), [&tip]);
        assert!(pieces.damage.is_empty() && found.refused.is_empty() && found.orphans.is_empty());
    }
}

#[test]
fn copies_that_parted_are_two_branches_in_any_order() {
    let ground = Ground::new();
    let mut one = ground.owned(five(), 2);
    let mut other = one.clone();
    one.buy(&ground, "film", 400);
    other.buy(&ground, "song", 300);
    other.play(&ground, "song");
    let files = [one.export(&ground), other.export(&ground), one.export(&ground)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let mut heap = ground.heap();
        for file in order {
            give(&mut heap, &files[file]).unwrap();
        }
        let found = found(&heap);
        let mut expected = [one.state.head, other.state.head];
        expected.sort_unstable();
        assert_eq!(heads(&found), expected);
        assert_eq!(found.records.len(), one.records.len() + 2);
        for stick in [&one, &other] {
            assert!(found.branches.iter().any(|branch| branch.state == stick.state));
        }
    }
}

#[test]
fn a_compacted_journal_goes_on_behind_its_checkpoint_with_and_without_its_archive() {
    let ground = Ground::new();
    let mut stick = ground.owned(five(), 2);
    stick.start(&ground, 9, MediumId::from_serial(6));
    let account = scrip::ledger::Account::new(stick.id(), stick.certificate.hash());
    let settlement = settle(&ground.policy, &account, &[&stick.state]).unwrap();
    let known = scrip::ledger::Credits {
        sheets: &[([4; 16], 10)],
        vouchers: &[],
        as_of: crate::world::at(2_000),
        numbers: (1, 0),
    };
    let checkpoint = settlement.checkpoint(&account, &[&stick.state], &known);
    let checkpoint = sign(&ground.world.settler, &checkpoint);
    let archived = stick.bytes();
    stick.code(&ground, 2);
    let behind = stick.records.last().unwrap().bytes().to_vec();
    let certificate = ground.world.settler_chain.0[0].clone();
    let chain = [checkpoint, certificate, behind];
    let frames = carried_frames(&chain, &archived[archived.len() - 1..]).unwrap();
    let export = [stick.slots(&ground, None), frames].concat();
    for with_archive in [false, true] {
        let mut heap = ground.heap();
        if with_archive {
            let taken = give(&mut heap, &first_frames(&archived).unwrap()).unwrap();
            assert_eq!((taken.what, taken.records), (What::Records, archived.len()));
        }
        assert_eq!(give(&mut heap, &export).unwrap().records, 2);
        let found = found(&heap);
        assert_eq!(heads(&found), [stick.state.head], "with the archive: {with_archive}");
        assert_eq!((found.branches[0].behind, found.orphans.len()), (1, 0));
        let state = &found.branches[0].state;
        assert_eq!((state.balance, state.reserved()), (minor(1_500), minor(300)));
        assert_eq!((found.checkpoints.len(), found.refused.len()), (1, 0));
    }
}

#[test]
fn what_a_payer_showed_is_newer_than_what_its_medium_shows() {
    let ground = Ground::new();
    let mut stick = ground.owned(five(), 2);
    let old = stick.export(&ground);
    let giver = MediumId::from_serial(6);
    stick.start(&ground, 9, giver);
    let mut heap = ground.heap();
    give(&mut heap, &old).unwrap();
    let taken = give(&mut heap, &stick.funding(&ground)).unwrap();
    assert_eq!((taken.what, taken.records), (What::Funding, stick.records.len()));
    let taken = give(&mut heap, &stick.receipt(9, 40)).unwrap();
    assert_eq!((taken.what, taken.medium), (What::Receipt, Some(stick.id())));
    let found = found(&heap);
    assert_eq!(heads(&found), [stick.state.head]);
    assert_eq!(found.branches[0].state.life, KeyLife::Owners);
    let tips = &heap.media()[&stick.id()].tips;
    assert!(tips.iter().all(|tip| tip.record != stick.state.head), "the medium is behind");
}

#[test]
fn forged_lost_and_misplaced_records_are_told_apart() {
    let ground = Ground::new();
    let mut stick = ground.owned(five(), 1);
    let before = stick.state.clone();
    stick.buy(&ground, "film", 100);
    stick.buy(&ground, "song", 100);
    let all = stick.bytes();
    // One flipped bit in the signature of the record before the last.
    let mut forged = all.clone();
    *forged[3].last_mut().unwrap() ^= 1;
    let mut heap = ground.heap();
    give(&mut heap, &[stick.slots(&ground, None), first_frames(&forged).unwrap()].concat())
        .unwrap();
    let told = found(&heap);
    assert_eq!(heads(&told), [before.head]);
    assert_eq!((told.refused.len(), told.refused[0].seq.number()), (1, 3));
    assert_eq!(told.refused[0].behind, 0, "the next names the record as it was");
    assert!(told.refused[0].refusal.to_string().contains("signature"));
    assert_eq!((told.orphans.len(), told.orphans[0].signed), (1, true));
    // The same record missing: a gap.
    let lost: Vec<_> =
        all.iter().enumerate().filter(|(at, _)| *at != 3).map(|(_, r)| r.clone()).collect();
    let mut heap = ground.heap();
    give(&mut heap, &[stick.slots(&ground, None), first_frames(&lost).unwrap()].concat()).unwrap();
    let told = found(&heap);
    assert_eq!((told.refused.len(), told.orphans.len()), (0, 1));
    assert_eq!((told.orphans[0].seq.number(), told.orphans[0].count), (4, 1));
    // The whole elsewhere mends both.
    give(&mut heap, &first_frames(&all).unwrap()).unwrap();
    assert_eq!(heads(&found(&heap)), [stick.state.head]);
}

#[test]
fn each_file_that_is_not_read_says_why() {
    let ground = Ground::new();
    let stick = ground.owned(five(), 1);
    let export = stick.export(&ground);
    let reason = |bytes: &[u8]| -> Skipped { give(&mut ground.heap(), bytes).unwrap_err() };
    assert!(matches!(reason(b""), Skipped::Empty));
    assert!(matches!(reason(b"dear diary, today I bought a song"), Skipped::Foreign));
    assert!(matches!(reason(&export[..30_000]), Skipped::Cut { .. }));
    let mut flipped = export.clone();
    flipped[700] ^= 1;
    assert!(reason(&flipped).is_damage());
    let other = Ground::of(World::of(9));
    let foreign = reason(&other.owned(five(), 1).export(&other));
    assert!(matches!(foreign, Skipped::Unpinned(_)), "{foreign}");
    let mut table = vec![0; 4096];
    table[512..520].copy_from_slice(b"EFI PART");
    assert!(matches!(reason(&table), Skipped::Altered(_)));
    // Cut off in its frames, it counts as far as it goes, and what it lacks is told.
    let mut heap = ground.heap();
    let taken = give(&mut heap, &export[..export.len() - 100]).unwrap();
    assert_eq!(taken.records, 2);
    let damage = &heap.media()[&stick.id()].damage;
    assert_eq!(damage.first().unwrap().what, "frame 2 is cut off or damaged");
}

#[test]
fn a_giant_that_begins_like_a_journal_costs_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let frames = first_frames(&[vec![7; 30]]).unwrap();
    fs::write(&path, frames).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(10 << 30).unwrap();
    let device = scrip::device::FileDevice::open(&path, scrip::device::Access::Read).unwrap();
    let mut heap = Ground::new().heap();
    let reason = heap.take(&device, THREADS, &Unwatched).unwrap_err().to_string();
    let expected = "it begins like records and has 10737418240 bytes, at most 67108864 are read";
    assert_eq!(reason, expected);
    fs::write(&path, "hello").unwrap();
    let device = scrip::device::FileDevice::open(&path, scrip::device::Access::Read).unwrap();
    assert!(matches!(heap.take(&device, THREADS, &Unwatched), Err(Skipped::Foreign)));
}
