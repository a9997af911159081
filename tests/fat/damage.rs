//! Damage as a cut leaves it on a volume that a system without a journal wrote, and what is done
//! with a file that has it.

use scrip::device::MemoryDevice;
use scrip::fat::Tray;

use super::noise;
use super::write::{Model, area, compare, exchange, of_journal};

const RECORD: usize = 32;

/// What is wrong with one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Its first cluster is free by the table.
    Freed,
    /// A cluster within its chain is free by the table.
    Broken,
    /// It has a length and no cluster.
    NoCluster,
    /// It has more bytes than its chain holds.
    Short,
    /// It has a name alone.
    Empty,
    /// Its bytes are others.
    Garbage,
    /// The second half of its entry was never written.
    HalfEntry,
    /// Only the part of its entry that holds its long name was written.
    NoEntry,
}

impl Damage {
    pub(crate) const ALL: [Self; 8] = [
        Self::Freed,
        Self::Broken,
        Self::NoCluster,
        Self::Short,
        Self::Empty,
        Self::Garbage,
        Self::HalfEntry,
        Self::NoEntry,
    ];

    /// Do this to the file of a long name, wherever on the volume it stands.
    pub(crate) fn strike(self, volume: &mut [u8], name: &str) {
        let at = record_of(volume, name).unwrap_or_else(|| panic!("{name} is not there"));
        let shape = Shape::of(volume);
        let half = |at: usize| usize::from(u16::from_le_bytes([volume[at], volume[at + 1]]));
        let first = half(at + 20) << 16 | half(at + 26);
        let size = half(at + 28) | half(at + 30) << 16;
        match self {
            Self::Freed => shape.set(volume, first, 0),
            Self::Broken => {
                let second = shape.next(volume, first);
                shape.set(volume, if second < END { second } else { first }, 0);
            }
            Self::NoCluster => clear_cluster(volume, at),
            Self::Short => {
                let more = u32::try_from(size + shape.cluster).unwrap().to_le_bytes();
                volume[at + 28..at + 32].copy_from_slice(&more);
            }
            Self::Empty => {
                clear_cluster(volume, at);
                volume[at + 28..at + 32].fill(0);
            }
            Self::Garbage => {
                let data = shape.data + (first - 2) * shape.cluster;
                volume[data..data + size.min(shape.cluster)].fill(0xA5);
            }
            Self::HalfEntry => volume[at + 16..at + RECORD].fill(0xFF),
            Self::NoEntry => volume[at] = 0xE5,
        }
    }
}

/// From here on a table says that a chain ends.
const END: usize = 0x0FFF_FFF8;

fn clear_cluster(volume: &mut [u8], at: usize) {
    volume[at + 20..at + 22].fill(0);
    volume[at + 26..at + 28].fill(0);
}

/// Where things lie on a volume, in bytes.
struct Shape {
    fats: [usize; 2],
    data: usize,
    cluster: usize,
}

impl Shape {
    fn of(volume: &[u8]) -> Self {
        let fat = usize::from(u16::from_le_bytes([volume[14], volume[15]])) * 512;
        let word = u32::from_le_bytes(*volume[36..].first_chunk().unwrap());
        let length = usize::try_from(word).unwrap() * 512;
        let cluster = usize::from(volume[13]) * 512;
        Self { fats: [fat, fat + length], data: fat + 2 * length, cluster }
    }

    fn next(&self, volume: &[u8], cluster: usize) -> usize {
        let entry = volume[self.fats[0] + cluster * 4..].first_chunk().unwrap();
        usize::try_from(u32::from_le_bytes(*entry) & 0x0FFF_FFFF).unwrap()
    }

    fn set(&self, volume: &mut [u8], cluster: usize, value: u32) {
        for fat in self.fats {
            volume[fat + cluster * 4..][..4].copy_from_slice(&value.to_le_bytes());
        }
    }
}

/// Where the 8.3 record of a long name stands.
fn record_of(volume: &[u8], name: &str) -> Option<usize> {
    let wanted: Vec<u16> = name.encode_utf16().collect();
    let mut units: Vec<u16> = vec![];
    for at in (Shape::of(volume).data..volume.len()).step_by(RECORD) {
        let record = &volume[at..at + RECORD];
        if record[11] == 0x0F && record[0] != 0xE5 {
            let part =
                [1..11, 14..26, 28..32].into_iter().flat_map(|range| record[range].chunks(2));
            units.splice(0..0, part.map(|unit| u16::from_le_bytes([unit[0], unit[1]])));
            continue;
        }
        let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
        if units[..end] == wanted {
            return Some(at);
        }
        units.clear();
    }
    None
}

const NAME: &str = "a receipt that was being written.receipt";

/// A tray with a file that is damaged, and others.
struct Struck {
    device: MemoryDevice,
    others: Model,
}

impl Struck {
    /// The damage is done when the file has so many bytes, and others lie before and behind it.
    fn by(damage: Damage, bytes: usize) -> Self {
        let mut struck = Self { device: MemoryDevice::from_bytes(area()), others: Model::new() };
        struck.add(2);
        exchange(&struck.device).write(Tray::Outbox, NAME, &noise(9, bytes)).unwrap();
        struck.add(2);
        let mut volume = struck.device.snapshot();
        damage.strike(&mut volume, NAME);
        Self { device: MemoryDevice::from_bytes(volume), ..struck }
    }

    /// Write so many files more: they take what is free by the table.
    fn add(&mut self, count: usize) {
        for nth in self.others.len()..self.others.len() + count {
            let (name, bytes) = (format!("file number {nth}.bin"), noise(nth, 2_000 + nth * 150));
            exchange(&self.device).write(Tray::Outbox, &name, &bytes).unwrap();
            self.others.insert(name, bytes);
        }
    }

    fn end_unharmed(mut self) {
        self.add(4);
        compare(&exchange(&self.device), &self.others);
        assert!(of_journal(&self.device.snapshot()) == of_journal(&area()));
    }
}

/// Each damage to a small file and a longer one, with files written after it and without.
fn cases() -> impl Iterator<Item = (Struck, Damage, String)> {
    let sizes = [300, 5_000];
    let cases = Damage::ALL.into_iter().flat_map(move |damage| sizes.map(|size| (damage, size)));
    cases.flat_map(|(damage, size)| {
        [0, 6].map(|later| {
            let mut struck = Struck::by(damage, size);
            struck.add(later);
            (struck, damage, format!("{damage:?} of {size} bytes, {later} files later"))
        })
    })
}

#[test]
fn a_damaged_file_is_replaced_and_no_other_is_harmed() {
    for (struck, _, told) in cases() {
        let exchange = exchange(&struck.device);
        exchange.write(Tray::Outbox, NAME, &noise(50, 700)).expect(&told);
        exchange.append(Tray::Outbox, NAME, 700, &noise(51, 900)).expect(&told);
        let expected = [noise(50, 700), noise(51, 900)].concat();
        assert!(exchange.read(Tray::Outbox, NAME, 2_000).expect(&told) == expected, "{told}");
        exchange.remove(Tray::Outbox, NAME).expect(&told);
        drop(exchange);
        struck.end_unharmed();
    }
}

#[test]
fn a_damaged_file_is_removed_and_no_other_is_harmed() {
    for (struck, damage, told) in cases() {
        let removed = exchange(&struck.device).remove(Tray::Outbox, NAME);
        assert_eq!(removed.is_ok(), damage != Damage::NoEntry, "{told}");
        struck.end_unharmed();
    }
}

#[test]
fn a_file_that_another_begins_in_gives_nothing_back() {
    let mut struck = Struck::by(Damage::Garbage, 5_000);
    let mut volume = struck.device.snapshot();
    let [own, other] = [NAME, "file number 2.bin"].map(|name| record_of(&volume, name).unwrap());
    for field in [20..22, 26..28] {
        volume.copy_within(other + field.start..other + field.end, own + field.start);
    }
    struck.device = MemoryDevice::from_bytes(volume);
    exchange(&struck.device).write(Tray::Outbox, NAME, &noise(50, 700)).unwrap();
    struck.others.insert(NAME.to_owned(), noise(50, 700));
    struck.end_unharmed();
}
