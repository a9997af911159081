//! A device that stops for good.

use std::io;
use std::sync::Mutex;

use super::SECTOR;
use crate::device::{ClearOutcome, Clearing, Device, DeviceError, ReadPath, Target};

/// `ENODEV`: what the kernel answers once a stick was pulled out.
const NO_SUCH_DEVICE: i32 = 19;

/// Passes everything on until a chosen operation; that one and all after it fail as if the
/// device had been pulled out.
#[derive(Debug)]
pub struct Stopping<D> {
    device: D,
    at: StopAt,
    torn_sectors: u64,
    progress: Mutex<Progress>,
}

/// The operation that fails first, counted from 0.
///
/// Clearing a range counts as a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopAt {
    /// The n-th write.
    Write(u64),
    /// The n-th flush.
    Flush(u64),
    /// The n-th of writes and flushes together.
    WriteOrFlush(u64),
    /// The n-th operation of any kind, reads included.
    Any(u64),
    /// Never: the device only counts its operations.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    Flush,
}

#[derive(Debug, Default)]
struct Progress {
    reads: u64,
    writes: u64,
    flushes: u64,
    stopped: bool,
}

/// What happens to one operation.
enum Fate {
    Passes,
    Stops,
    Gone,
}

impl<D> Stopping<D> {
    /// A device that stops at `at`; nothing of the operation it stops at arrives.
    pub fn new(device: D, at: StopAt) -> Self {
        Self { device, at, torn_sectors: 0, progress: Mutex::default() }
    }

    /// Let the write at which the device stops be torn: the part of it that lies in its first
    /// `sectors` 512-byte sectors arrives.
    #[must_use]
    pub fn tearing(self, sectors: u64) -> Self {
        Self { torn_sectors: sectors, ..self }
    }

    /// Whether the device has stopped.
    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// How many writes and flushes were passed on.
    pub fn writes_and_flushes(&self) -> u64 {
        let progress = self.lock();
        progress.writes + progress.flushes
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().expect("no holder of the lock panics")
    }

    fn fate(&self, kind: Kind) -> Fate {
        let mut progress = self.lock();
        if progress.stopped {
            return Fate::Gone;
        }
        let Progress { reads, writes, flushes, .. } = *progress;
        progress.stopped = match self.at {
            StopAt::Write(n) => kind == Kind::Write && writes == n,
            StopAt::Flush(n) => kind == Kind::Flush && flushes == n,
            StopAt::WriteOrFlush(n) => kind != Kind::Read && writes + flushes == n,
            StopAt::Any(n) => reads + writes + flushes == n,
            StopAt::Never => false,
        };
        if progress.stopped {
            return Fate::Stops;
        }
        match kind {
            Kind::Read => progress.reads += 1,
            Kind::Write => progress.writes += 1,
            Kind::Flush => progress.flushes += 1,
        }
        Fate::Passes
    }
}

impl<D: Device> Stopping<D> {
    fn pass(&self, kind: Kind, action: &'static str, range: (u64, u64)) -> Result<(), DeviceError> {
        match self.fate(kind) {
            Fate::Passes => Ok(()),
            Fate::Stops | Fate::Gone => Err(gone(action, range)),
        }
    }

    fn write_torn(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let end = (offset / SECTOR).saturating_add(self.torn_sectors).saturating_mul(SECTOR);
        let arrives = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        self.device.write_at(offset, &bytes[..arrives.min(bytes.len())])?;
        Err(gone("writing", (offset, bytes.len() as u64)))
    }
}

fn gone(action: &'static str, (offset, count): (u64, u64)) -> DeviceError {
    let source = io::Error::from_raw_os_error(NO_SUCH_DEVICE);
    DeviceError::Io { action, offset, count, source }
}

impl<D: Device> Device for Stopping<D> {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.pass(Kind::Read, "reading", (offset, buf.len() as u64))?;
        self.device.read_at(offset, buf)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        match self.fate(Kind::Write) {
            Fate::Passes => self.device.write_at(offset, bytes),
            Fate::Stops => self.write_torn(offset, bytes),
            Fate::Gone => Err(gone("writing", (offset, bytes.len() as u64))),
        }
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.pass(Kind::Flush, "flushing", (0, self.device.len_bytes()))?;
        self.device.flush()
    }
}

impl<D: Target> Target for Stopping<D> {
    fn read_back_at(&self, offset: u64, buf: &mut [u8]) -> Result<ReadPath, DeviceError> {
        self.pass(Kind::Read, "reading back", (offset, buf.len() as u64))?;
        self.device.read_back_at(offset, buf)
    }

    fn clear(
        &self,
        offset: u64,
        count: u64,
        clearing: Clearing,
    ) -> Result<ClearOutcome, DeviceError> {
        self.pass(Kind::Write, "clearing", (offset, count))?;
        self.device.clear(offset, count, clearing)
    }
}

#[cfg(test)]
mod tests {
    use super::{StopAt, Stopping};
    use crate::device::{Clearing, Device, DeviceError, MemoryDevice, Target};

    fn work(device: &impl Target) -> Result<(), DeviceError> {
        device.write_at(0, &[1; 2048])?;
        device.flush()?;
        device.read_at(0, &mut [0; 8])?;
        device.clear(2048, 512, Clearing::Zero)?;
        device.flush()
    }

    #[test]
    fn each_kind_of_stop_falls_on_its_operation() {
        let table = [
            (StopAt::Write(0), 0),
            (StopAt::Flush(0), 1),
            (StopAt::WriteOrFlush(2), 2),
            (StopAt::Any(2), 2),
            (StopAt::Write(1), 2),
            (StopAt::Flush(1), 3),
            (StopAt::Never, 4),
        ];
        for (at, passed) in table {
            let device = Stopping::new(MemoryDevice::zeroed(4096), at);
            let done = work(&device).is_ok();
            assert_eq!((done, device.is_stopped()), (at == StopAt::Never, at != StopAt::Never));
            assert_eq!(device.writes_and_flushes(), passed, "{at:?}");
        }
    }

    #[test]
    fn a_stopped_device_is_gone_for_good() {
        let device = Stopping::new(MemoryDevice::zeroed(4096), StopAt::Any(0));
        for _ in 0..2 {
            let refused = device.read_at(512, &mut [0; 8]).unwrap_err().to_string();
            assert_eq!(refused, "reading 8 bytes at 512: No such device (os error 19)");
        }
        assert!(device.flush().is_err());
    }

    #[test]
    fn a_torn_write_ends_at_a_sector_boundary() {
        for (sectors, arrived) in [(0, 0), (1, 412), (2, 924), (9, 2048)] {
            let device = Stopping::new(MemoryDevice::zeroed(4096), StopAt::Write(0));
            let device = device.tearing(sectors);
            assert!(device.write_at(100, &[1; 2048]).is_err());
            let bytes = device.device.snapshot();
            assert_eq!(bytes.iter().copied().map(usize::from).sum::<usize>(), arrived);
            assert_eq!(bytes[100..100 + arrived], vec![1; arrived]);
        }
    }
}
