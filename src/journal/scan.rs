//! Every frame that stands in a journal, whatever becomes of it.

use std::collections::BTreeMap;

use super::Place;
use super::frame::{FRAME_BYTES_MAX, Frame, SECTOR_BYTES, checksum};
use crate::device::{Device, DeviceError};

const WINDOW_BYTES: u64 = 256 << 10;
/// With more unreadable sectors than this the medium is at fault, not a place on it.
const UNREADABLE_MAX: usize = 64;

/// A whole frame and the checksum that it begins with.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) frame: Frame,
    pub(super) checksum: u32,
}

/// The frames of one generation in one copy, by index and offset from the start of the bank.
pub(super) type Frames = BTreeMap<(u32, u64), Held>;

/// What both copies hold.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// For each copy the frames of each generation.
    pub(super) copies: [BTreeMap<u64, Frames>; 2],
    /// What a mirror holds, where one is asked for what both copies lack.
    pub(super) mirror: BTreeMap<u64, Frames>,
    /// The first sector that could not be read, if one couldn't; it holds no frame.
    pub(super) unreadable: Option<DeviceError>,
}

impl Scan {
    /// Walk both copies.
    pub(super) fn of(device: &dyn Device, place: &Place) -> Result<Self, DeviceError> {
        let mut scan = Self::default();
        let mut window = Window::new(device);
        for copy in 0..2 {
            for bank in 0..2 {
                window.move_to(place.bank_start(copy, bank), place.bank_bytes());
                walk(&mut window, bank, &mut scan.copies[copy])?;
            }
        }
        scan.unreadable = window.unreadable;
        Ok(scan)
    }

    /// The frames of a mirror: one copy of two banks.
    pub(super) fn of_mirror(
        device: &dyn Device,
        bytes: u64,
    ) -> Result<BTreeMap<u64, Frames>, DeviceError> {
        let place = Place { starts: [0, 0], bytes };
        let mut window = Window::new(device);
        let mut found = BTreeMap::new();
        for bank in 0..2 {
            window.move_to(place.bank_start(0, bank), place.bank_bytes());
            walk(&mut window, bank, &mut found)?;
        }
        match window.unreadable {
            Some(error) => Err(error),
            None => Ok(found),
        }
    }

    /// The generations of which any frame stands, newest first.
    pub(super) fn generations(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.copies.iter().flat_map(BTreeMap::keys).copied().collect();
        all.sort_unstable_by(|one, two| two.cmp(one));
        all.dedup();
        all
    }

    /// What each copy holds of a generation.
    pub(super) fn held(&self, generation: u64) -> [Option<&Frames>; 2] {
        [self.copies[0].get(&generation), self.copies[1].get(&generation)]
    }
}

/// Walk a bank; where no frame begins the next sector may begin one.
fn walk(
    window: &mut Window<'_>,
    bank: u64,
    found: &mut BTreeMap<u64, Frames>,
) -> Result<(), DeviceError> {
    let mut offset = 0;
    while offset + SECTOR_BYTES as u64 <= window.length {
        let bytes = window.at(offset)?;
        let frame = Frame::decode(bytes).filter(|frame| frame.generation % 2 == bank);
        let Some(frame) = frame else {
            offset += SECTOR_BYTES as u64;
            continue;
        };
        let (checksum, stored) = (checksum(bytes), frame.stored_bytes() as u64);
        let frames = found.entry(frame.generation).or_default();
        frames.insert((frame.index, offset), Held { frame, checksum });
        offset += stored;
    }
    Ok(())
}

/// Reads a bank in large pieces, gives out what a frame may need.
struct Window<'d> {
    device: &'d dyn Device,
    start: u64,
    length: u64,
    at: u64,
    bytes: Vec<u8>,
    unreadable: Option<DeviceError>,
    unreadable_count: usize,
}

impl<'d> Window<'d> {
    fn new(device: &'d dyn Device) -> Self {
        let (unreadable, unreadable_count) = (None, 0);
        Self { device, start: 0, length: 0, at: 0, bytes: vec![], unreadable, unreadable_count }
    }

    fn move_to(&mut self, start: u64, length: u64) {
        (self.start, self.length, self.at) = (start, length, 0);
        self.bytes.clear();
    }

    fn at(&mut self, offset: u64) -> Result<&[u8], DeviceError> {
        let wanted = (offset + FRAME_BYTES_MAX as u64).min(self.length);
        let end = self.at + self.bytes.len() as u64;
        if offset < self.at || wanted > end {
            let count = WINDOW_BYTES.min(self.length - offset);
            self.bytes.resize(usize::try_from(count).expect("a window"), 0);
            self.at = offset;
            self.fill()?;
        }
        let first = usize::try_from(offset - self.at).expect("inside the window");
        Ok(&self.bytes[first..])
    }

    /// Read the window; a sector that can't be read is as good as empty.
    fn fill(&mut self) -> Result<(), DeviceError> {
        let start = self.start + self.at;
        if self.device.read_at(start, &mut self.bytes).is_ok() {
            return Ok(());
        }
        for (nth, sector) in self.bytes.chunks_mut(SECTOR_BYTES).enumerate() {
            let at = start + (nth * SECTOR_BYTES) as u64;
            let Err(error) = self.device.read_at(at, sector) else { continue };
            sector.fill(0);
            self.unreadable_count += 1;
            if self.unreadable_count > UNREADABLE_MAX {
                return Err(error);
            }
            self.unreadable.get_or_insert(error);
        }
        Ok(())
    }
}
