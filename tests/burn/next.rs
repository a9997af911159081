//! What a further medium of an edition costs, and where it differs.

use scrip::device::MemoryDevice;
use scrip::device::simulated::Counted;
use scrip::image::burn::Care;
use scrip::image::layout::ALIGN_BYTES;

use crate::world::{Sample, Unfollowed, World, stamped};

#[test]
fn media_of_one_edition_differ_only_in_the_stamped_blocks() {
    let one = Sample::new(1);
    let two = Sample::new(2);
    let layout = &one.sealed.layout;
    let (first, second) = (one.burnt().into_bytes(), two.burnt().into_bytes());
    let mut allowed: Vec<_> = one
        .stamped
        .overlays
        .iter()
        .map(|(offset, bytes)| *offset..*offset + bytes.len() as u64)
        .collect();
    let last = layout.medium_bytes();
    let ram = layout.ram().start;
    allowed.extend([0..17_408, last - 16_896..last, ram..ram + 4_096]);
    for file in one.stamped.ram.plan.files() {
        let start = ram + file.offset_bytes.unwrap();
        allowed.push(start..start + file.size_bytes.min(4_096));
    }
    let computed: u64 = allowed.iter().map(|range| range.end - range.start).sum();
    assert!(computed <= 1 << 20, "{computed} bytes are stamped");
    for (place, (a, b)) in first.iter().zip(&second).enumerate() {
        let inside = |range: &std::ops::Range<u64>| range.contains(&(place as u64));
        assert!(a == b || allowed.iter().any(inside), "byte {place} differs");
    }
    assert!(first != second);
}

#[test]
fn a_further_medium_computes_and_writes_little_beyond_the_copied_body() {
    let (world, first) = (World::new(), Sample::new(1));
    let edition = Counted::new(&first.edition);
    let next = stamped(&world, &first.sealed, &edition, 2);
    assert_eq!(edition.counts().read_bytes, 4_096, "the edition's boot sectors alone are read");
    let ours: usize = next.overlays.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(ours < 1 << 19, "{ours} bytes of ROM and SEAL are stamped");

    let next = Sample { stamped: next, ..first };
    let length = usize::try_from(next.sealed.layout.medium_bytes()).unwrap();
    let target = Counted::new(MemoryDevice::filled(length, 0xa5));
    next.burn().run(&target, &Care::FRESH, &Unfollowed).unwrap();
    // First and last MiB are zeros on every medium, but for the tables.
    let zeroed = 2 * ALIGN_BYTES;
    let beyond = target.counts().written_bytes - next.burn().body_bytes() - zeroed;
    assert!(beyond < 40_000, "{beyond} bytes were written beyond the body");
    assert!(beyond + (ours as u64) < 1 << 20);
}
