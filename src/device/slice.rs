//! A range of a device, seen as a device of its own.

use super::{ClearOutcome, Clearing, Device, DeviceError, ReadPath, Target};

/// `len` bytes of another device from `start`; offset 0 of the slice is `start` of the device.
///
/// A range outside the slice is refused in the slice's own offsets; what the operating system
/// says about a range is told in the offsets of the whole device.
#[derive(Debug, Clone)]
pub struct Slice<D> {
    device: D,
    start: u64,
    len: u64,
}

impl<D: Device> Slice<D> {
    /// The `len` bytes of `device` from `start`, which must lie inside it.
    pub fn new(device: D, start: u64, len: u64) -> Result<Self, DeviceError> {
        DeviceError::check_range(start, len, device.len_bytes())?;
        Ok(Self { device, start, len })
    }

    /// Where the slice begins on the whole device.
    pub fn start_bytes(&self) -> u64 {
        self.start
    }

    fn absolute(&self, offset: u64, count: u64) -> Result<u64, DeviceError> {
        DeviceError::check_range(offset, count, self.len)?;
        Ok(self.start + offset)
    }
}

impl<D: Device> Device for Slice<D> {
    fn len_bytes(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.device.read_at(self.absolute(offset, buf.len() as u64)?, buf)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.device.write_at(self.absolute(offset, bytes.len() as u64)?, bytes)
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.device.flush()
    }
}

impl<D: Target> Target for Slice<D> {
    fn read_back_at(&self, offset: u64, buf: &mut [u8]) -> Result<ReadPath, DeviceError> {
        self.device.read_back_at(self.absolute(offset, buf.len() as u64)?, buf)
    }

    fn clear(
        &self,
        offset: u64,
        count: u64,
        clearing: Clearing,
    ) -> Result<ClearOutcome, DeviceError> {
        self.device.clear(self.absolute(offset, count)?, count, clearing)
    }
}

#[cfg(test)]
mod tests {
    use super::Slice;
    use crate::device::{Clearing, Device, MemoryDevice, Target};

    #[test]
    fn a_slice_reaches_its_range_and_no_further() {
        let whole = MemoryDevice::filled(16, 1);
        let slice = Slice::new(&whole, 4, 8).unwrap();
        slice.write_at(0, &[2; 8]).unwrap();
        slice.clear(6, 2, Clearing::Zero).unwrap();
        assert!(slice.write_at(7, &[3; 2]).is_err());
        assert!(slice.read_at(8, &mut [0]).is_err());
        assert_eq!(whole.snapshot(), [1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn slices_nest() {
        let whole = MemoryDevice::from_bytes((0..16).collect());
        let inner = Slice::new(Slice::new(&whole, 4, 8).unwrap(), 2, 3).unwrap();
        let mut bytes = [0; 3];
        inner.read_at(0, &mut bytes).unwrap();
        assert_eq!((bytes, inner.len_bytes()), ([6, 7, 8], 3));
    }

    #[test]
    fn a_range_outside_the_device_is_no_slice() {
        let whole = MemoryDevice::zeroed(16);
        let refused = Slice::new(&whole, 10, 7).unwrap_err();
        assert_eq!(refused.to_string(), "bytes 10 to 17 lie outside a device of 16 bytes");
    }
}
