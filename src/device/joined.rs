//! Files one behind the other, seen as one device.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Device, DeviceError};

/// Several devices, each beginning where the one before it ends.
///
/// A flush reaches those that were written since the last one; the first reaches all, since what
/// lies in the system's cache may be from a process that was killed.
#[derive(Debug)]
pub struct Joined<D> {
    parts: Vec<Part<D>>,
    len: u64,
}

#[derive(Debug)]
struct Part<D> {
    device: D,
    start: u64,
    unflushed: AtomicBool,
}

impl<D: Device> Joined<D> {
    /// These devices in this order.
    ///
    /// # Panics
    /// If they are longer together than 2^64 bytes.
    pub fn new(devices: impl IntoIterator<Item = D>) -> Self {
        let (mut parts, mut len) = (vec![], 0_u64);
        for device in devices {
            let (start, unflushed) = (len, AtomicBool::new(true));
            len = len.checked_add(device.len_bytes()).expect("files are shorter than 2^64 bytes");
            parts.push(Part { device, start, unflushed });
        }
        Self { parts, len }
    }

    /// Each part that a range touches: the part, the offset in it, and the bytes of the range.
    fn pieces(
        &self,
        offset: u64,
        count: usize,
    ) -> Result<impl Iterator<Item = (&Part<D>, u64, std::ops::Range<usize>)>, DeviceError> {
        DeviceError::check_range(offset, count as u64, self.len)?;
        let end = offset + count as u64;
        let touched = move |part: &'_ Part<D>| {
            let from = part.start.max(offset);
            (from, (part.start + part.device.len_bytes()).min(end))
        };
        let index = move |at: u64| usize::try_from(at - offset).expect("inside the range");
        Ok(self.parts.iter().filter_map(move |part| {
            let (from, to) = touched(part);
            (from < to).then(|| (part, from - part.start, index(from)..index(to)))
        }))
    }
}

impl<D: Device> Device for Joined<D> {
    fn len_bytes(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        for (part, at, range) in self.pieces(offset, buf.len())? {
            part.device.read_at(at, &mut buf[range])?;
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        for (part, at, range) in self.pieces(offset, bytes.len())? {
            part.unflushed.store(true, Ordering::Relaxed);
            part.device.write_at(at, &bytes[range])?;
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), DeviceError> {
        for part in self.parts.iter().filter(|part| part.unflushed.load(Ordering::Relaxed)) {
            part.device.flush()?;
            part.unflushed.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Joined;
    use crate::device::simulated::Counted;
    use crate::device::{Device, MemoryDevice};

    #[test]
    fn a_range_reaches_every_part_it_touches() {
        let parts =
            [MemoryDevice::filled(3, 1), MemoryDevice::zeroed(0), MemoryDevice::filled(4, 2)];
        let joined = Joined::new(parts);
        assert_eq!(joined.len_bytes(), 7);
        joined.write_at(2, &[8, 9]).unwrap();
        let mut all = [0; 7];
        joined.read_at(0, &mut all).unwrap();
        assert_eq!(all, [1, 1, 8, 9, 2, 2, 2]);
        assert!(joined.read_at(6, &mut [0; 2]).is_err());
        assert!(joined.write_at(7, &[]).is_ok());
    }

    #[test]
    fn only_what_was_written_is_flushed_after_the_first_time() {
        let joined = Joined::new([0, 1].map(|_| Counted::new(MemoryDevice::zeroed(4))));
        let flushes = || [0, 1].map(|part: usize| joined.parts[part].device.counts().flushes);
        joined.flush().unwrap();
        assert_eq!(flushes(), [1, 1]);
        joined.write_at(5, &[1]).unwrap();
        joined.flush().unwrap();
        joined.flush().unwrap();
        assert_eq!(flushes(), [1, 2]);
    }
}
