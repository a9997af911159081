//! Media that are no media, not yet, or not any more.

use scrip::crypto::{Random, SeededRandom};
use scrip::device::simulated::{StopAt, Stopping};
use scrip::device::{Device, Difference, MemoryDevice};
use scrip::image::burn::Care;
use scrip::image::check::{Damage, Grade, Part, Report, Verdict};
use scrip::image::layout::MANIFEST_PATH;

use super::report;
use crate::world::{
    Files, Sample, THREADS, Unfollowed, World, authored_as, files, sealed_as, shape, stamped,
};

const PLAYER: &str = "/players/linux-x86_64/scrip-wallet";

fn damaged(report: &Report, verdict: Verdict, words: &str) {
    assert_eq!((report.verdict, report.grade()), (verdict, Grade::Damaged), "{report:#?}");
    let reasons: Vec<_> = report.faults.iter().map(|fault| fault.reason.en()).collect();
    assert!(reasons.iter().any(|reason| reason.contains(words)), "{words:?}: {reasons:?}");
}

#[test]
fn a_burn_that_broke_off_is_never_good_and_a_whole_one_is() {
    let sample = Sample::new(44);
    let whole = sample.burnt().into_bytes();
    for cut in 0.. {
        let device = MemoryDevice::filled(whole.len(), 0xa5);
        let stopping = Stopping::new(&device, StopAt::WriteOrFlush(cut));
        let finished = sample.burn().run(&stopping, &Care::FRESH, &Unfollowed).is_ok();
        let grade = report(&device).grade();
        let is_whole = device.snapshot() == whole;
        assert_eq!(grade == Grade::Good, is_whole, "cut at {cut}: {grade:?}");
        if finished {
            assert!(cut > 50 && is_whole, "{cut} writes and flushes");
            break;
        }
    }
}

#[test]
fn storage_that_is_no_medium_is_named() {
    let mut noise = vec![0; 3 << 20];
    SeededRandom::new([1; 32]).fill(&mut noise);
    for bytes in [vec![], vec![0], vec![0; 4096], vec![0; 3 << 20], vec![0xff; 40 << 20], noise] {
        let words = format!("nothing in its {} bytes says that it is one", bytes.len());
        damaged(&report(&MemoryDevice::from_bytes(bytes)), Verdict::NoMedium, &words);
    }
    let (_, unsigned) = authored_as(shape(), &files(), THREADS);
    damaged(&report(&unsigned), Verdict::NoMedium, "it is an edition file");
    let edition = Sample::new(1).edition;
    damaged(&report(&edition), Verdict::NoMedium, "it is an edition file");
}

#[test]
fn a_cut_off_image_is_altered_wherever_it_ends() {
    let sample = Sample::new(45);
    let layout = sample.sealed.layout.clone();
    let whole = sample.burnt().into_bytes();
    let length = whole.len() as u64;
    let (rom, seal, ram) = (layout.rom(), layout.seal(), layout.ram());
    let ends = [
        512,
        17_408,
        1 << 20,
        rom.start + 4_096,
        rom.start + (20 << 20),
        rom.end,
        seal.start + 5_000,
        seal.end - 1,
        seal.end,
        ram.start + 1,
        ram.end,
        length - 4_096,
        length - 512,
        length - 1,
    ];
    for end in ends {
        let device = MemoryDevice::from_bytes(whole[..usize::try_from(end).unwrap()].to_vec());
        let report = report(&device);
        assert_eq!(report.grade(), Grade::Damaged, "cut at {end}: {report:#?}");
        if end > rom.start + (20 << 20) {
            damaged(
                &report,
                Verdict::Altered,
                &format!("it has {end} bytes, its layout needs {length}"),
            );
        }
    }
}

#[test]
fn values_that_nobody_would_write_cost_neither_memory_nor_panic() {
    let sample = Sample::new(46);
    let rom = sample.sealed.layout.rom();
    let length = sample.sealed.layout.medium_bytes();
    let patches: [&[(u64, Vec<u8>)]; 5] = [
        &[(1024 + 40, vec![0xff; 8])],
        &[(1024 + 32, vec![0xff; 16])],
        &[(1024 + 40, vec![0xff; 8]), (length - 16_896 + 40, vec![0xff; 8])],
        &[(rom.start, vec![0xff; 512]), (rom.start + 6 * 512, vec![0xff; 512])],
        &[
            (0, vec![0; 17_408]),
            (length - 16_896, vec![0; 16_896]),
            (rom.start + 32, vec![0xff; 4]),
            (rom.start + 6 * 512 + 32, 0x7fff_f000_u32.to_le_bytes().to_vec()),
        ],
    ];
    for patches in patches {
        let device = sample.burnt();
        for (at, bytes) in patches {
            device.write_at(*at, bytes).unwrap();
        }
        let report = report(&device);
        assert_eq!((report.verdict, report.grade()), (Verdict::Altered, Grade::Damaged));
        assert!(report.medium.is_some(), "the manifest is found without them: {report:#?}");
    }
}

#[test]
fn without_its_manifest_a_medium_is_altered_and_the_manifest_named() {
    let sample = Sample::new(47);
    let at = sample.sealed.layout.rom().start + sample.sealed.plan.locate(MANIFEST_PATH).unwrap();
    for (offset, words) in [(0, "missing, or damaged at its beginning"), (300, "manifest")] {
        let device = sample.burnt();
        device.write_at(at + offset, &[0x55; 7]).unwrap();
        let report = report(&device);
        damaged(&report, Verdict::Altered, words);
        assert_eq!(report.faults[0].part, Part::File(MANIFEST_PATH.to_owned()));
    }
}

#[test]
fn a_larger_target_is_sealed_too() {
    let sample = Sample::new(48);
    for more in [512, 5_120, 7 << 20] {
        let length = sample.sealed.layout.medium_bytes() + more;
        let device = MemoryDevice::filled(usize::try_from(length).unwrap(), 0xa5);
        sample.burn_to(&device);
        assert_eq!(report(&device).verdict, Verdict::Sealed, "{more} bytes more");
    }
}

#[test]
fn what_became_of_a_block_is_told() {
    let sample = Sample::new(49);
    let device = sample.burnt();
    let place = |path: &str| {
        let offset = sample.sealed.plan.locate(path).unwrap();
        sample.sealed.layout.rom().start + offset
    };
    let mut other = vec![0; 4096];
    device.read_at(place("/CONTENT/日本語.txt"), &mut other).unwrap();
    let unrelated: Vec<u8> = (0..4096_u32).map(|n| (n * 7 % 251) as u8).collect();
    let at = place(PLAYER) + 5 * 4096;
    let cases = [
        (vec![0; 4096], Damage::Bytes(Difference::Filled(0))),
        (vec![0xff; 4096], Damage::Bytes(Difference::Filled(0xff))),
        (other, Damage::OtherBlock(place("/CONTENT/日本語.txt") / 4096)),
        (unrelated, Damage::Bytes(Difference::Unrelated)),
    ];
    for (bytes, damage) in cases {
        device.write_at(at, &bytes).unwrap();
        device.write_at(at + 4096, &bytes).unwrap();
        let report = report(&device);
        let [fault] = &report.faults[..] else { panic!("{report:#?}") };
        assert_eq!((&fault.part, fault.damage), (&Part::File(PLAYER.to_owned()), Some(damage)));
        assert_eq!(fault.blocks, Some(at / 4096..at / 4096 + 2));
        assert_ne!(fault.hashes.unwrap().expected, fault.hashes.unwrap().found);
    }
}

#[test]
fn a_manifest_that_is_content_of_another_edition_is_passed_over() {
    let world = World::new();
    let first = Sample::of(&world, 1);
    let place = first.sealed.plan.find(MANIFEST_PATH).unwrap();
    let file = &first.sealed.plan.files()[place];
    let mut manifest = vec![0; usize::try_from(file.size_bytes).unwrap()];
    let at = first.sealed.layout.rom().start + file.offset_bytes.unwrap();
    first.edition.read_at(at, &mut manifest).unwrap();
    let mut all = files();
    all.0.insert(0, ("/ARCHIVE/OLD.CBR".to_owned(), manifest));
    let (sealed, edition) = sealed_as(&world, shape(), &Files(all.0));
    let stamped = stamped(&world, &sealed, &edition, 2);
    let sample = Sample { sealed, edition, stamped };
    let report = report(&sample.burnt());
    assert_eq!(report.verdict, Verdict::Sealed, "{report:#?}");
    assert_eq!(report.edition.unwrap().id, sample.sealed.id);
    assert_ne!(sample.sealed.id, first.sealed.id);
}
