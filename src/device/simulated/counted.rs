//! A device that counts what is asked of it.

use std::ops::Sub;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::device::{ClearOutcome, Clearing, Device, DeviceError, ReadPath, Target};

/// Passes everything on and counts it, whether or not it succeeds.
#[derive(Debug)]
pub struct Counted<D> {
    device: D,
    reads: AtomicU64,
    read_bytes: AtomicU64,
    writes: AtomicU64,
    written_bytes: AtomicU64,
    flushes: AtomicU64,
    clears: AtomicU64,
}

/// What was asked of a [`Counted`] device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reads, both ordinary and back from the storage.
    pub reads: u64,
    /// Bytes asked for by these reads.
    pub read_bytes: u64,
    /// Writes.
    pub writes: u64,
    /// Bytes handed over by these writes.
    pub written_bytes: u64,
    /// Flushes.
    pub flushes: u64,
    /// Ranges to be cleared without sending zeros.
    pub clears: u64,
}

impl Sub for Counts {
    type Output = Self;

    /// What was asked between two counts.
    fn sub(self, earlier: Self) -> Self {
        Self {
            reads: self.reads - earlier.reads,
            read_bytes: self.read_bytes - earlier.read_bytes,
            writes: self.writes - earlier.writes,
            written_bytes: self.written_bytes - earlier.written_bytes,
            flushes: self.flushes - earlier.flushes,
            clears: self.clears - earlier.clears,
        }
    }
}

impl<D> Counted<D> {
    /// Count what is asked of `device` from now on.
    pub fn new(device: D) -> Self {
        Self {
            device,
            reads: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            clears: AtomicU64::new(0),
        }
    }

    /// What was asked so far.
    pub fn counts(&self) -> Counts {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            reads: value(&self.reads),
            read_bytes: value(&self.read_bytes),
            writes: value(&self.writes),
            written_bytes: value(&self.written_bytes),
            flushes: value(&self.flushes),
            clears: value(&self.clears),
        }
    }

    /// The device that is counted.
    pub fn inner(&self) -> &D {
        &self.device
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}

impl<D: Device> Device for Counted<D> {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        add(&self.reads, 1);
        add(&self.read_bytes, buf.len());
        self.device.read_at(offset, buf)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        add(&self.writes, 1);
        add(&self.written_bytes, bytes.len());
        self.device.write_at(offset, bytes)
    }

    fn flush(&self) -> Result<(), DeviceError> {
        add(&self.flushes, 1);
        self.device.flush()
    }
}

impl<D: Target> Target for Counted<D> {
    fn read_back_at(&self, offset: u64, buf: &mut [u8]) -> Result<ReadPath, DeviceError> {
        add(&self.reads, 1);
        add(&self.read_bytes, buf.len());
        self.device.read_back_at(offset, buf)
    }

    fn clear(
        &self,
        offset: u64,
        count: u64,
        clearing: Clearing,
    ) -> Result<ClearOutcome, DeviceError> {
        add(&self.clears, 1);
        self.device.clear(offset, count, clearing)
    }
}

#[cfg(test)]
mod tests {
    use super::{Counted, Counts};
    use crate::device::{Clearing, Device, MemoryDevice, Target};

    #[test]
    fn everything_is_counted() {
        let device = Counted::new(MemoryDevice::zeroed(1024));
        device.write_at(0, &[1; 600]).unwrap();
        device.flush().unwrap();
        let committed = device.counts();
        device.read_at(0, &mut [0; 100]).unwrap();
        device.read_back_at(0, &mut [0; 10]).unwrap();
        device.clear(0, 512, Clearing::Zero).unwrap();
        let written = Counts { writes: 1, written_bytes: 600, flushes: 1, ..Counts::default() };
        let read = Counts { reads: 2, read_bytes: 110, clears: 1, ..Counts::default() };
        assert_eq!((committed, device.counts() - committed), (written, read));
        assert_eq!(device.inner().snapshot()[511..513], [0, 1]);
    }
}
