//! A device that remembers everything it was told, so that its power can be lost at any point.

use std::sync::{Mutex, MutexGuard};

use super::contents::{Contents, Sector, pieces};
use super::losses::{Bounds, Loss, losses_of};
use crate::device::{ClearOutcome, Clearing, Device, DeviceError, ReadPath, Target};

/// Storage in memory with a volatile cache: what is written is read at once, and is durable
/// only after a flush.
///
/// [`Volatile::losses`] yields the states that a loss of power may leave; each reopens as a
/// `Volatile` of its own, so that losses nest.
#[derive(Debug)]
pub struct Volatile {
    /// What was durable when the power came on.
    start: Contents,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: Contents,
    events: Vec<Event>,
}

/// One thing that happened to the device.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// These sectors were given these bytes, in this order.
    Write(Vec<(u64, Sector)>),
    /// Everything before was made durable, or so it was said.
    Flush,
}

impl Volatile {
    /// A medium that durably holds `bytes`.
    ///
    /// # Panics
    /// If the bytes aren't whole 512-byte sectors.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self::started(Contents::new(bytes))
    }

    /// A medium of `len` bytes that all hold `byte`.
    ///
    /// # Panics
    /// If the length isn't whole 512-byte sectors.
    pub fn filled(len: usize, byte: u8) -> Self {
        Self::new(vec![byte; len])
    }

    pub(super) fn started(start: Contents) -> Self {
        let state = State { now: start.clone(), events: Vec::new() };
        Self { start, state: Mutex::new(state) }
    }

    /// How many writes and flushes were done so far. What was durable when this was `n` is
    /// durable in every loss whose [`Loss::at`] is at least `n`.
    pub fn position(&self) -> usize {
        self.lock().events.len()
    }

    /// The states that losing power may leave, from the moment it came on until now.
    ///
    /// Each stretch between two flushes is taken at its end: the states of a loss within it are
    /// among them. Some states come more than once; count them by [`Volatile::fingerprint`].
    pub fn losses(&self, bounds: &Bounds) -> impl Iterator<Item = Loss> {
        let events = self.lock().events.clone();
        losses_of(&self.start, events, bounds)
    }

    /// A number that two media descended from one share if their bytes are equal, and, but for
    /// one chance in 2^64, only then. It is the same only within one run of a program.
    pub fn fingerprint(&self) -> u64 {
        self.lock().now.fingerprint()
    }

    /// A copy of all bytes as they are read now.
    pub fn snapshot(&self) -> Vec<u8> {
        let state = self.lock();
        let mut bytes = vec![0; usize::try_from(state.now.len()).expect("it lies in memory")];
        state.now.read(0, &mut bytes);
        bytes
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lock panics")
    }
}

impl Device for Volatile {
    fn len_bytes(&self) -> u64 {
        self.start.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        DeviceError::check_range(offset, buf.len() as u64, self.len_bytes())?;
        self.lock().now.read(offset, buf);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        DeviceError::check_range(offset, bytes.len() as u64, self.len_bytes())?;
        let mut state = self.lock();
        let mut sectors = Vec::with_capacity(bytes.len().div_ceil(super::SECTOR_BYTES) + 1);
        for (number, within, part) in pieces(offset, bytes.len()) {
            let mut sector = state.now.sector(number);
            sector[within].copy_from_slice(&bytes[part]);
            let sector = Sector::new(&sector);
            state.now.set(number, sector.clone());
            sectors.push((number, sector));
        }
        state.events.push(Event::Write(sectors));
        Ok(())
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.lock().events.push(Event::Flush);
        Ok(())
    }
}

impl Target for Volatile {
    fn read_back_at(&self, offset: u64, buf: &mut [u8]) -> Result<ReadPath, DeviceError> {
        self.read_at(offset, buf).map(|()| ReadPath::Memory)
    }

    /// A simulated stick has no such command, as most real ones.
    fn clear(&self, offset: u64, count: u64, _: Clearing) -> Result<ClearOutcome, DeviceError> {
        DeviceError::check_range(offset, count, self.len_bytes())?;
        Ok(ClearOutcome::Unsupported)
    }
}

#[cfg(test)]
mod tests {
    use super::Volatile;
    use crate::device::Device;

    #[test]
    fn what_is_written_is_read_before_any_flush() {
        let device = Volatile::filled(2048, 3);
        device.write_at(510, &[1, 2, 3, 4]).unwrap();
        let mut read = [0; 6];
        device.read_at(509, &mut read).unwrap();
        assert_eq!((read, device.position()), ([3, 1, 2, 3, 4, 3], 1));
        device.flush().unwrap();
        assert_eq!(device.position(), 2);
        assert_eq!(device.snapshot()[509..515], read);
        assert!(device.write_at(2047, &[0; 2]).is_err());
    }
}
