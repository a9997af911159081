//! A device whose cells have gone bad.

use std::io;
use std::ops::Range;

use crate::device::{ClearOutcome, Clearing, Device, DeviceError, ReadPath, Target};

/// `EIO`: what the kernel answers for a block that can't be read.
const INPUT_OUTPUT_ERROR: i32 = 5;

/// Reads wrongly where it was told to; writing is passed on.
#[derive(Debug)]
pub struct Faulty<D> {
    device: D,
    faults: Vec<ReadFault>,
}

/// One way in which reading goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadFault {
    /// The byte at `offset` is read with the bits of `mask` flipped.
    Flipped {
        /// Where the byte lies.
        offset: u64,
        /// Which of its bits flip.
        mask: u8,
    },
    /// The range is read as zeros.
    Zeros(Range<u64>),
    /// The range is read as what lies at `from`: another block's data.
    Elsewhere {
        /// What is read wrongly.
        range: Range<u64>,
        /// First byte of what is read instead.
        from: u64,
    },
    /// Any read that touches the range fails.
    Unreadable(Range<u64>),
}

impl<D> Faulty<D> {
    /// A device that reads `device` with these faults, a later one on top of an earlier one.
    pub fn new(device: D, faults: Vec<ReadFault>) -> Self {
        Self { device, faults }
    }

    /// The device with the faults.
    pub fn inner(&self) -> &D {
        &self.device
    }
}

impl<D: Device> Faulty<D> {
    fn distort(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        for fault in &self.faults {
            self.distort_once(fault, offset, buf)?;
        }
        Ok(())
    }

    fn distort_once(
        &self,
        fault: &ReadFault,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<(), DeviceError> {
        let count = buf.len();
        let part = |range| overlap(offset, count, range);
        match fault {
            ReadFault::Flipped { offset: at, mask } => {
                buf[part(&(*at..at + 1))].iter_mut().for_each(|byte| *byte ^= mask);
            }
            ReadFault::Zeros(range) => buf[part(range)].fill(0),
            ReadFault::Elsewhere { range, .. } if part(range).is_empty() => {}
            ReadFault::Elsewhere { range, from } => {
                let first = (offset + part(range).start as u64).max(range.start) - range.start;
                self.device.read_at(from + first, &mut buf[part(range)])?;
            }
            ReadFault::Unreadable(range) if part(range).is_empty() => {}
            ReadFault::Unreadable(_) => return Err(unreadable(offset, count as u64)),
        }
        Ok(())
    }
}

/// The part of a buffer of `len` bytes read from `offset` that lies in `range`.
fn overlap(offset: u64, len: usize, range: &Range<u64>) -> Range<usize> {
    let index = |at: u64| usize::try_from(at.saturating_sub(offset)).map_or(len, |at| at.min(len));
    index(range.start)..index(range.end)
}

fn unreadable(offset: u64, count: u64) -> DeviceError {
    let source = io::Error::from_raw_os_error(INPUT_OUTPUT_ERROR);
    DeviceError::Io { action: "reading", offset, count, source }
}

impl<D: Device> Device for Faulty<D> {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.device.read_at(offset, buf)?;
        self.distort(offset, buf)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.device.write_at(offset, bytes)
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.device.flush()
    }
}

impl<D: Target> Target for Faulty<D> {
    fn read_back_at(&self, offset: u64, buf: &mut [u8]) -> Result<ReadPath, DeviceError> {
        let path = self.device.read_back_at(offset, buf)?;
        self.distort(offset, buf).map(|()| path)
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
    use super::{Faulty, ReadFault};
    use crate::device::{Device, MemoryDevice, Target};

    fn faulty(faults: Vec<ReadFault>) -> Faulty<MemoryDevice> {
        Faulty::new(MemoryDevice::from_bytes((1..=16).collect()), faults)
    }

    #[test]
    fn each_fault_shows_where_it_was_put_and_nowhere_else() {
        let table = [
            (ReadFault::Flipped { offset: 5, mask: 0x81 }, [4, 5, 6 ^ 0x81, 7, 8, 9]),
            (ReadFault::Flipped { offset: 9, mask: 0xFF }, [4, 5, 6, 7, 8, 9]),
            (ReadFault::Zeros(0..5), [0, 0, 6, 7, 8, 9]),
            (ReadFault::Elsewhere { range: 6..8, from: 12 }, [4, 5, 6, 13, 14, 9]),
            (ReadFault::Elsewhere { range: 1..5, from: 12 }, [15, 16, 6, 7, 8, 9]),
            (ReadFault::Elsewhere { range: 0..2, from: 15 }, [4, 5, 6, 7, 8, 9]),
            (ReadFault::Unreadable(9..16), [4, 5, 6, 7, 8, 9]),
        ];
        for (fault, expected) in table {
            let mut read = [0; 6];
            faulty(vec![fault.clone()]).read_back_at(3, &mut read).unwrap();
            assert_eq!(read, expected, "{fault:?}");
        }
    }

    #[test]
    fn a_read_that_touches_an_unreadable_block_fails() {
        let device = faulty(vec![ReadFault::Unreadable(8..9)]);
        let refused = device.read_at(3, &mut [0; 6]).unwrap_err().to_string();
        assert_eq!(refused, "reading 6 bytes at 3: Input/output error (os error 5)");
        assert!(device.read_at(9, &mut [0; 6]).is_ok());
        assert!(device.write_at(8, &[1]).is_ok());
    }
}
