//! A device as slow as a real stick.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::device::{ClearOutcome, Clearing, Device, DeviceError, ReadPath, Target};

/// Passes everything on, no faster than a rate; operations queue for the one device, as on a
/// real one, whichever thread they come from.
#[derive(Debug)]
pub struct Throttled<D> {
    device: D,
    rate: Rate,
    busy_until: Mutex<Option<Instant>>,
}

/// How fast a [`Throttled`] device is, in bytes a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Bytes read a second, at most.
    pub read: u64,
    /// Bytes written a second, at most.
    pub write: u64,
}

impl<D> Throttled<D> {
    /// A device that moves the bytes of `device` at `rate`.
    ///
    /// # Panics
    /// If a rate is zero.
    pub fn new(device: D, rate: Rate) -> Self {
        assert!(rate.read > 0 && rate.write > 0, "a stick moves at least a byte a second");
        Self { device, rate, busy_until: Mutex::new(None) }
    }

    /// Do the work, and return no sooner than a device of this rate that first does what came
    /// before.
    fn occupied<T>(&self, bytes: usize, rate: u64, work: impl FnOnce() -> T) -> T {
        let now = Instant::now();
        let until = {
            let mut busy = self.busy_until.lock().expect("no holder of the lock panics");
            let start = busy.map_or(now, |until| until.max(now));
            *busy.insert(start + time_for(bytes as u64, rate))
        };
        let done = work();
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        done
    }
}

fn time_for(bytes: u64, rate: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl<D: Device> Device for Throttled<D> {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.occupied(buf.len(), self.rate.read, || self.device.read_at(offset, buf))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.occupied(bytes.len(), self.rate.write, || self.device.write_at(offset, bytes))
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.device.flush()
    }
}

impl<D: Target> Target for Throttled<D> {
    fn read_back_at(&self, offset: u64, buf: &mut [u8]) -> Result<ReadPath, DeviceError> {
        self.occupied(buf.len(), self.rate.read, || self.device.read_back_at(offset, buf))
    }

    fn clear(
        &self,
        offset: u64,
        count: u64,
        clearing: Clearing,
    ) -> Result<ClearOutcome, DeviceError> {
        self.device.clear(offset, count, clearing)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Rate, Throttled, time_for};
    use crate::device::{Device, MemoryDevice};

    #[test]
    fn time_is_bytes_over_rate() {
        assert_eq!(time_for(40_000_000, 40_000_000), Duration::from_secs(1));
        assert_eq!(time_for(1, 1000), Duration::from_millis(1));
        assert_eq!(time_for(u64::MAX, 1), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn two_threads_share_the_one_rate() {
        let rate = Rate { read: 100_000, write: 1_000_000 };
        let device = Throttled::new(MemoryDevice::zeroed(10_000), rate);
        let began = Instant::now();
        std::thread::scope(|scope| {
            for half in [0, 5_000] {
                let device = &device;
                scope.spawn(move || device.read_at(half, &mut [0; 2_500]).unwrap());
            }
        });
        assert!(began.elapsed() >= Duration::from_millis(50), "{:?}", began.elapsed());
        device.write_at(0, &[0; 10_000]).unwrap();
        assert!(began.elapsed() >= Duration::from_millis(60));
    }
}
