//! A device as it would be, were some bytes written to it.

use std::collections::BTreeMap;
use std::io;

use super::{Device, DeviceError};

/// Another device with other bytes at some offsets; nothing is ever written to it.
pub struct Overlaid<'a> {
    device: &'a dyn Device,
    bytes: &'a BTreeMap<u64, Vec<u8>>,
}

impl<'a> Overlaid<'a> {
    /// `device` with `bytes` at their offsets; stretches must not overlap.
    pub fn new(device: &'a dyn Device, bytes: &'a BTreeMap<u64, Vec<u8>>) -> Self {
        Self { device, bytes }
    }
}

impl Device for Overlaid<'_> {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.device.read_at(offset, buf)?;
        let end = offset + buf.len() as u64;
        for (start, bytes) in self.bytes.range(..end).rev() {
            let (first, last) = ((*start).max(offset), (start + bytes.len() as u64).min(end));
            if first >= last {
                // Stretches are disjoint: none before this one reaches further.
                break;
            }
            let place = |at: u64, from: u64| usize::try_from(at - from).expect("in memory");
            buf[place(first, offset)..place(last, offset)]
                .copy_from_slice(&bytes[place(first, *start)..place(last, *start)]);
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let source = io::ErrorKind::ReadOnlyFilesystem.into();
        Err(DeviceError::Io { action: "writing", offset, count: bytes.len() as u64, source })
    }

    fn flush(&self) -> Result<(), DeviceError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::MemoryDevice;

    #[test]
    fn reads_show_the_bytes_and_the_device_keeps_its_own() {
        let device = MemoryDevice::filled(16, 1);
        let bytes =
            BTreeMap::from([(0, vec![2; 2]), (4, vec![3; 3]), (7, vec![4]), (14, vec![5; 2])]);
        let view = Overlaid::new(&device, &bytes);
        let mut whole = [0; 16];
        view.read_at(0, &mut whole).unwrap();
        assert_eq!(whole, [2, 2, 1, 1, 3, 3, 3, 4, 1, 1, 1, 1, 1, 1, 5, 5]);
        for start in 0..16 {
            for end in start + 1..=16 {
                let mut part = vec![0; end - start];
                view.read_at(start as u64, &mut part).unwrap();
                assert_eq!(part, whole[start..end], "{start} to {end}");
            }
        }
        assert!(view.read_at(15, &mut [0; 2]).is_err());
        assert!(view.write_at(0, &[9]).is_err());
        assert_eq!(device.into_bytes(), [1; 16]);
    }
}
