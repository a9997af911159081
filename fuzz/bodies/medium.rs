//! Whole media: one burnt medium with patches laid over it, and small devices made of patches.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::OnceLock;

use scrip::device::{Device, DeviceError, MemoryDevice};
use scrip::fat::Plan;
use scrip::image::check::{Grade, Identity, Reading, Verdict, check, judge};
use scrip::image::layout::{CERTIFICATE_SLOT, Layout, MANIFEST_PATH, Names};
use scrip::image::leaves::Unwatched;
use scrip::units::MediumId;

use super::input::Input;
use super::world;
use crate::world::Sample;

const SERIAL: u64 = 5;
const MIB: u64 = 1 << 20;
/// Patches of one input.
const PATCHES_MAX: usize = 32;
/// Places on a medium that a patch's offset counts from.
pub const PATCH_ANCHORS: u8 = 20;

/// A burnt medium of the sample edition, in memory.
pub(super) struct Burnt {
    pub(super) bytes: Vec<u8>,
    pub(super) edition: Vec<u8>,
    pub(super) layout: Layout,
    /// The read-only volume as it was stamped.
    pub(super) rom: Plan,
    reading: Reading,
    /// Where things begin, for patches.
    anchors: Vec<u64>,
}

/// The medium that all patches are laid over, made once.
pub(super) fn burnt() -> &'static Burnt {
    static BURNT: OnceLock<Burnt> = OnceLock::new();
    BURNT.get_or_init(|| {
        let sample = Sample::of(world(), SERIAL);
        let device = sample.burnt();
        let reading = Reading::take(&device, NonZeroUsize::MIN, &Unwatched).expect("memory");
        let layout = sample.sealed.layout.clone();
        let names = Names::of(MediumId::from_serial(SERIAL));
        let rom = layout.rom_plan(&sample.sealed.manifest, names.rom_serial).expect("as burnt");
        let edition = sample.edition.into_bytes();
        let bytes = device.into_bytes();
        let mut burnt = Burnt { bytes, edition, layout, rom, reading, anchors: vec![] };
        burnt.anchors = burnt.places();
        burnt
    })
}

impl Burnt {
    /// Where things begin on the medium, [`PATCH_ANCHORS`] in all.
    fn places(&self) -> Vec<u64> {
        let (rom, seal) = (self.layout.rom(), self.layout.seal());
        let fats = self.rom.geometry().fat_offsets();
        let place = |path: &str| rom.start + self.rom.locate(path).expect("a file of the edition");
        let len = self.bytes.len() as u64;
        let names = Names::of(MediumId::from_serial(SERIAL));
        let ram = self.layout.ram_plan(names.ram_serial).expect("as burnt");
        let own = |path: &str| self.layout.ram().start + ram.locate(path).expect("a file of RAM");
        vec![
            0,
            512,
            1024,
            rom.start,
            rom.start + fats[0],
            rom.start + fats[1],
            rom.start + self.rom.geometry().data_offset(),
            place(MANIFEST_PATH),
            place(CERTIFICATE_SLOT.path),
            place("/players/linux-x86_64/scrip-wallet"),
            rom.end - 4_096,
            seal.start,
            self.layout.edition_seal().start,
            self.layout.medium_seal().start,
            self.layout.ram().start,
            own("/SCRIP/JOURNAL.A"),
            own("/SCRIP/JOURNAL.B"),
            own("/SCRIP/ACCESS.A"),
            len - 33 * 512,
            len - 512,
        ]
    }
}

/// Bytes with others laid over them.
pub(super) struct Patched<'b> {
    base: &'b [u8],
    patches: Vec<(u64, Vec<u8>)>,
}

impl<'b> Patched<'b> {
    /// Each patch: an anchor (one byte), an offset from it (three), a length (one), the bytes.
    pub(super) fn read(base: &'b [u8], anchors: &[u64], mut input: Input<'_>) -> Self {
        let mut patches = vec![];
        while !input.is_empty() && patches.len() < PATCHES_MAX {
            let anchor = anchors[usize::from(input.byte()) % anchors.len()];
            let offset =
                anchor + u64::from(u32::from(input.byte()) << 16 | u32::from(input.half()));
            let count = input.byte();
            let bytes = input.take(count.into());
            let room = usize::try_from((base.len() as u64).saturating_sub(offset));
            let bytes = &bytes[..bytes.len().min(room.expect("a length in memory"))];
            patches.push((offset, bytes.to_vec()));
        }
        Self { base, patches }
    }

    fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.patches.iter().map(|(at, bytes)| *at..*at + bytes.len() as u64)
    }

    /// Bytes that differ from those below, by their places.
    pub(super) fn changed(&self) -> BTreeMap<u64, u8> {
        let mut over = BTreeMap::new();
        for (start, bytes) in &self.patches {
            over.extend((*start..).zip(bytes.iter().copied()));
        }
        over.retain(|at, byte| self.base[usize::try_from(*at).expect("in memory")] != *byte);
        over
    }
}

impl Device for Patched<'_> {
    fn len_bytes(&self) -> u64 {
        self.base.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        let count = buf.len() as u64;
        DeviceError::check_range(offset, count, self.len_bytes())?;
        let place = |at: u64, from: u64| usize::try_from(at - from).expect("in memory");
        buf.copy_from_slice(&self.base[place(offset, 0)..place(offset + count, 0)]);
        for (start, bytes) in &self.patches {
            let first = (*start).max(offset);
            let end = (start + bytes.len() as u64).min(offset + count);
            if first < end {
                buf[place(first, offset)..place(end, offset)]
                    .copy_from_slice(&bytes[place(first, *start)..place(end, *start)]);
            }
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        panic!("{} bytes at {offset} are written where only reading is needed", bytes.len())
    }

    fn flush(&self) -> Result<(), DeviceError> {
        Ok(())
    }
}

/// The burnt medium with patches.
pub(super) fn patched(input: Input<'_>) -> Patched<'static> {
    Patched::read(&burnt().bytes, &burnt().anchors, input)
}

/// First byte 7: the whole medium is read anew, else only what is patched. Then patches.
///
/// Sealed is what has no sealed byte changed, and nothing else.
pub fn image_check(data: &[u8]) {
    let mut input = Input::new(data);
    let whole = input.byte() == 7;
    let device = patched(input);
    let trust = world().trust();
    let reading = if whole {
        Reading::take(&device, NonZeroUsize::MIN, &Unwatched).expect("memory")
    } else {
        let mut reading = burnt().reading.clone();
        for range in device.ranges().filter(|range| !range.is_empty()) {
            reading.refresh(&device, range).expect("memory");
        }
        reading
    };
    let judged = judge(&reading, &device, &trust, &Identity::Image);
    let ram = burnt().layout.ram();
    let changed: Vec<u64> = device.changed().into_keys().filter(|at| !ram.contains(at)).collect();
    let Ok(report) = judged else {
        assert!(!changed.is_empty(), "{:?}", judged.err());
        return;
    };
    let intact = changed.is_empty();
    assert_eq!(report.verdict == Verdict::Sealed, intact, "{changed:?}: {report:#?}");
    let altered = matches!(report.verdict, Verdict::Altered | Verdict::NoMedium);
    assert!(!altered || report.grade() == Grade::Damaged, "{report:#?}");
}

/// A device of at most 4 MiB, of zeros and patches: nothing in it is a medium.
pub fn image_take(data: &[u8]) {
    let mut input = Input::new(data);
    let len = usize::try_from(u64::from(input.half()) * 64).expect("at most 4 MiB");
    let zeros = MemoryDevice::zeroed(len).into_bytes();
    let end = len as u64;
    let behind = |bytes: u64| end.saturating_sub(bytes);
    let anchors = [0, 512, 1024, MIB, MIB + 4096, 2 * MIB, behind(33 * 512), behind(512)];
    let device = Patched::read(&zeros, &anchors, input);
    let trust = world().trust();
    if let Ok(report) = check(&device, &trust, &Identity::Image, NonZeroUsize::MIN, &Unwatched) {
        let hopeless = matches!(report.verdict, Verdict::Altered | Verdict::NoMedium);
        assert!(hopeless, "{report:#?}");
    }
}
