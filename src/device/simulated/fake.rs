//! A device that claims more bytes than it has.

use crate::device::{ClearOutcome, Clearing, Device, DeviceError, ReadPath, Target};

/// Claims to be longer than the device it stands on, as forged sticks do.
#[derive(Debug)]
pub struct FakeCapacity<D> {
    device: D,
    claimed: u64,
    beyond: Beyond,
}

/// What a forged stick does with addresses past its true size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// They wrap around: the bytes land on another block.
    Wraps,
    /// Writes there are dropped, and reads give this byte.
    Drops(u8),
}

impl<D: Device> FakeCapacity<D> {
    /// A device that claims `claimed` bytes, of which it has those of `device`.
    ///
    /// # Panics
    /// If `device` is empty: there is nothing to wrap around to.
    pub fn new(device: D, claimed: u64, beyond: Beyond) -> Self {
        assert!(device.len_bytes() > 0, "a fake stick has some bytes");
        Self { device, claimed, beyond }
    }

    /// The pieces of a range that are contiguous on the true device: offset there, and length;
    /// no offset for a piece that is dropped.
    fn pieces(&self, offset: u64, count: u64) -> impl Iterator<Item = (Option<u64>, u64)> {
        let size = self.device.len_bytes();
        let (beyond, end) = (self.beyond, offset + count);
        let mut at = offset;
        std::iter::from_fn(move || {
            let left = end - at;
            let (place, piece) = match beyond {
                _ if left == 0 => return None,
                Beyond::Drops(_) if at >= size => (None, left),
                _ => (Some(at % size), left.min(size - at % size)),
            };
            at += piece;
            Some((place, piece))
        })
    }

    fn read_with(
        &self,
        offset: u64,
        buf: &mut [u8],
        mut read: impl FnMut(u64, &mut [u8]) -> Result<(), DeviceError>,
    ) -> Result<(), DeviceError> {
        DeviceError::check_range(offset, buf.len() as u64, self.claimed)?;
        let mut rest = buf;
        for (place, len) in self.pieces(offset, rest.len() as u64) {
            let (piece, after) = rest.split_at_mut(index(len));
            rest = after;
            match (place, self.beyond) {
                (Some(place), _) => read(place, piece)?,
                (None, Beyond::Drops(byte)) => piece.fill(byte),
                (None, Beyond::Wraps) => unreachable!("what wraps has a place"),
            }
        }
        Ok(())
    }
}

fn index(len: u64) -> usize {
    usize::try_from(len).expect("no longer than the buffer it is a piece of")
}

impl<D: Device> Device for FakeCapacity<D> {
    fn len_bytes(&self) -> u64 {
        self.claimed
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.read_with(offset, buf, |place, piece| self.device.read_at(place, piece))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        DeviceError::check_range(offset, bytes.len() as u64, self.claimed)?;
        let mut rest = bytes;
        for (place, len) in self.pieces(offset, rest.len() as u64) {
            let (piece, after) = rest.split_at(index(len));
            rest = after;
            if let Some(place) = place {
                self.device.write_at(place, piece)?;
            }
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.device.flush()
    }
}

impl<D: Target> Target for FakeCapacity<D> {
    fn read_back_at(&self, offset: u64, buf: &mut [u8]) -> Result<ReadPath, DeviceError> {
        let mut path = ReadPath::Memory;
        self.read_with(offset, buf, |place, piece| {
            path = self.device.read_back_at(place, piece)?;
            Ok(())
        })?;
        Ok(path)
    }

    /// Forged sticks have no such command.
    fn clear(&self, offset: u64, count: u64, _: Clearing) -> Result<ClearOutcome, DeviceError> {
        DeviceError::check_range(offset, count, self.claimed)?;
        Ok(ClearOutcome::Unsupported)
    }
}

#[cfg(test)]
mod tests {
    use super::{Beyond, FakeCapacity};
    use crate::device::{Device, MemoryDevice, Target};

    #[test]
    fn addresses_past_the_true_size_wrap_around() {
        let device = FakeCapacity::new(MemoryDevice::zeroed(4), 12, Beyond::Wraps);
        device.write_at(3, &[1, 2, 3]).unwrap();
        device.write_at(10, &[9]).unwrap();
        let mut all = [0; 12];
        device.read_back_at(0, &mut all).unwrap();
        assert_eq!(all, [2, 3, 9, 1, 2, 3, 9, 1, 2, 3, 9, 1]);
        assert!(device.write_at(10, &[0; 3]).is_err());
    }

    #[test]
    fn writes_past_the_true_size_are_dropped() {
        let device = FakeCapacity::new(MemoryDevice::zeroed(4), 8, Beyond::Drops(0xFF));
        device.write_at(2, &[1, 2, 3, 4]).unwrap();
        let mut all = [0; 8];
        device.read_at(0, &mut all).unwrap();
        assert_eq!(all, [0, 0, 1, 2, 0xFF, 0xFF, 0xFF, 0xFF]);
    }
}
