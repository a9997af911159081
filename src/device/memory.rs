//! Storage in memory.

use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{ClearOutcome, Clearing, Device, DeviceError, ReadPath, Target};

/// A device whose bytes lie in memory; a flush has nothing to do.
#[derive(Debug, Default)]
pub struct MemoryDevice {
    bytes: RwLock<Vec<u8>>,
}

impl MemoryDevice {
    /// A device that holds `bytes`.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes: RwLock::new(bytes) }
    }

    /// A device of `len` bytes, all zero.
    pub fn zeroed(len: usize) -> Self {
        Self::filled(len, 0)
    }

    /// A device of `len` bytes that all hold `byte`, as a used medium holds anything but zeros.
    pub fn filled(len: usize, byte: u8) -> Self {
        Self::from_bytes(vec![byte; len])
    }

    /// A copy of all bytes as they are now.
    pub fn snapshot(&self) -> Vec<u8> {
        self.reading().clone()
    }

    /// The bytes, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_inner().expect("no holder of the lock panics while it changes bytes")
    }

    fn reading(&self) -> RwLockReadGuard<'_, Vec<u8>> {
        self.bytes.read().expect("no holder of the lock panics while it changes bytes")
    }

    fn writing(&self) -> RwLockWriteGuard<'_, Vec<u8>> {
        self.bytes.write().expect("no holder of the lock panics while it changes bytes")
    }
}

impl Device for MemoryDevice {
    fn len_bytes(&self) -> u64 {
        self.reading().len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        let bytes = self.reading();
        let start = checked_start(offset, buf.len() as u64, bytes.len())?;
        buf.copy_from_slice(&bytes[start..start + buf.len()]);
        Ok(())
    }

    fn write_at(&self, offset: u64, new: &[u8]) -> Result<(), DeviceError> {
        let mut bytes = self.writing();
        let start = checked_start(offset, new.len() as u64, bytes.len())?;
        bytes[start..start + new.len()].copy_from_slice(new);
        Ok(())
    }

    fn flush(&self) -> Result<(), DeviceError> {
        Ok(())
    }
}

impl Target for MemoryDevice {
    fn read_back_at(&self, offset: u64, buf: &mut [u8]) -> Result<ReadPath, DeviceError> {
        self.read_at(offset, buf)?;
        Ok(ReadPath::Memory)
    }

    fn clear(
        &self,
        offset: u64,
        count: u64,
        _clearing: Clearing,
    ) -> Result<ClearOutcome, DeviceError> {
        let mut bytes = self.writing();
        let start = checked_start(offset, count, bytes.len())?;
        let count = usize::try_from(count).expect("the range was found to lie in memory");
        bytes[start..start + count].fill(0);
        Ok(ClearOutcome::Cleared)
    }
}

/// The first index of a range that lies inside `len` bytes of memory.
fn checked_start(offset: u64, count: u64, len: usize) -> Result<usize, DeviceError> {
    DeviceError::check_range(offset, count, len as u64)?;
    Ok(usize::try_from(offset).expect("the range was found to lie in memory"))
}

#[cfg(test)]
mod tests {
    use super::{ClearOutcome, Clearing, Device, MemoryDevice, ReadPath, Target};

    #[test]
    fn what_was_written_is_read_and_the_rest_stays() {
        let device = MemoryDevice::filled(10, 0xA5);
        device.write_at(3, &[1, 2, 3]).unwrap();
        device.flush().unwrap();
        let mut all = [0; 10];
        assert_eq!(device.read_back_at(0, &mut all).unwrap(), ReadPath::Memory);
        assert_eq!(all, [0xA5, 0xA5, 0xA5, 1, 2, 3, 0xA5, 0xA5, 0xA5, 0xA5]);
        assert_eq!(device.len_bytes(), 10);
        assert_eq!(device.snapshot(), device.into_bytes());
    }

    #[test]
    fn ranges_past_the_end_are_refused_and_change_nothing() {
        let device = MemoryDevice::zeroed(4);
        assert!(device.write_at(2, &[1, 1, 1]).is_err());
        assert!(device.read_at(u64::MAX, &mut [0]).is_err());
        assert!(device.clear(4, 1, Clearing::Zero).is_err());
        assert_eq!(device.into_bytes(), [0; 4]);
    }

    #[test]
    fn clearing_zeros_exactly_the_range() {
        let device = MemoryDevice::filled(6, 9);
        assert_eq!(device.clear(2, 3, Clearing::Discard).unwrap(), ClearOutcome::Cleared);
        assert_eq!(device.into_bytes(), [9, 9, 0, 0, 0, 9]);
    }
}
