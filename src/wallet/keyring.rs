//! The two ring files: item keys in slots, written so that one copy of each is always whole.

use crate::crypto::{Random, Secret};
use crate::device::{Device, DeviceError};
use crate::format::access::{ITEM_KEY_BYTES, ITEM_KEYS, ItemKey};
use crate::image::ring::{RingSlot, read_ring};
use crate::trust::ring::{ItemKeyError, item_key_slot, unwrap_item_key, wrap_item_key};
use crate::units::MediumId;

/// Written at once, so that what is written is whole sectors.
const SECTOR_BYTES: usize = 512;
const SECTOR_SLOTS: usize = SECTOR_BYTES / ITEM_KEY_BYTES;

/// Both ring files as they stand.
#[derive(Debug)]
pub(super) struct ItemRing {
    starts: [u64; 2],
    /// What each slot holds, in each copy; what is torn counts as empty.
    slots: Vec<[Option<ItemKey>; 2]>,
}

/// Why an item key can't be had, or not be kept.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// Its slot doesn't open.
    #[error(transparent)]
    Key(#[from] ItemKeyError),
    /// Every slot is in use.
    #[error("the item key ring is full: it has {ITEM_KEYS} slots")]
    Full,
    /// It could not be read or written.
    #[error("the item key ring: {0}")]
    Device(#[from] DeviceError),
}

impl ItemRing {
    /// Read both files as far as they are filled.
    pub(super) fn read(device: &dyn Device, starts: [u64; 2]) -> Result<Self, DeviceError> {
        let slots = read_ring(device, starts)?.into_iter();
        let slots = slots.map(|slot| slot.map(RingSlot::key)).collect();
        Ok(Self { starts, slots })
    }

    /// Give each copy the slots that it lacks: A, flush, then B, flush. Where both hold another
    /// key in a slot, a change was cut off, and A has the newer one. Gives how many slots that were.
    pub(super) fn repair(&mut self, device: &dyn Device) -> Result<usize, DeviceError> {
        let mut given = 0;
        for copy in 0..2 {
            let lacks = |slot: &[Option<ItemKey>; 2]| match copy {
                0 => slot[0].is_none() && slot[1].is_some(),
                _ => slot[0].is_some() && slot[0] != slot[1],
            };
            let lacking: Vec<_> =
                (0..self.slots.len()).filter(|at| lacks(&self.slots[*at])).collect();
            for at in &lacking {
                let other = self.slots[*at][1 - copy].clone();
                self.slots[*at][copy] = other;
                self.write_sector(device, copy, *at)?;
            }
            if !lacking.is_empty() {
                device.flush()?;
            }
            given += lacking.len();
        }
        Ok(given)
    }

    /// The key of the file with this root; none if it isn't in the ring.
    pub(super) fn key(
        &self,
        ring: &Secret<32>,
        medium: MediumId,
        root: &[u8; 32],
    ) -> Result<Option<Secret<32>>, RingError> {
        let slot = self.place(root).and_then(|at| self.held(at));
        Ok(slot.map(|slot| unwrap_item_key(ring, medium, slot)).transpose()?)
    }

    /// Is there a key of the file with this root? It needs no ring key to tell.
    pub(super) fn holds(&self, root: &[u8; 32]) -> bool {
        self.place(root).is_some()
    }

    /// Keep the key of the file with this root: A, flush, then B, flush.
    ///
    /// Stopped anywhere, the ring holds what it held before, and this key or not.
    pub(super) fn put(
        &mut self,
        device: &dyn Device,
        (ring, medium): (&Secret<32>, MediumId),
        (root, key): (&[u8; 32], &Secret<32>),
        random: &mut dyn Random,
    ) -> Result<(), RingError> {
        if self.key(ring, medium, root).is_ok_and(|known| known.as_ref() == Some(key)) {
            return Ok(());
        }
        let free = || (0..self.slots.len()).find(|at| self.held(*at).is_none());
        let at = self.place(root).or_else(free).unwrap_or(self.slots.len());
        if at == ITEM_KEYS {
            return Err(RingError::Full);
        }
        self.slots.resize_with(
            self.slots.len().max(at + 1).next_multiple_of(SECTOR_SLOTS),
            Default::default,
        );
        let slot = wrap_item_key(ring, medium, (root, key), random);
        for copy in 0..2 {
            self.slots[at][copy] = Some(slot.clone());
            self.write_sector(device, copy, at)?;
            device.flush()?;
        }
        Ok(())
    }

    fn held(&self, at: usize) -> Option<&ItemKey> {
        let [a, b] = &self.slots[at];
        a.as_ref().or(b.as_ref())
    }

    fn place(&self, root: &[u8; 32]) -> Option<usize> {
        (0..self.slots.len()).find(|at| self.held(*at).is_some_and(|slot| slot.root == *root))
    }

    /// Write the sector that a slot lies in.
    fn write_sector(&self, device: &dyn Device, copy: usize, at: usize) -> Result<(), DeviceError> {
        let first = at - at % SECTOR_SLOTS;
        let slots = &self.slots[first..first + SECTOR_SLOTS];
        let bytes: Vec<u8> =
            slots.iter().flat_map(|slot| item_key_slot(slot[copy].as_ref())).collect();
        device.write_at(self.starts[copy] + (first * ITEM_KEY_BYTES) as u64, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;
    use crate::device::MemoryDevice;

    const FILE_BYTES: usize = ITEM_KEYS * ITEM_KEY_BYTES;
    const STARTS: [u64; 2] = [0, FILE_BYTES as u64];

    /// Two stretches are looked at: the one that is filled, and the empty one behind it, where a
    /// ring ends.
    #[test]
    fn every_flipped_bit_leaves_every_key_and_is_mended_where_one_is() {
        let (ring, medium) = (Secret::new([1; 32]), MediumId::from_serial(5));
        let mut random = SeededRandom::new([2; 32]);
        let device = MemoryDevice::zeroed(2 * FILE_BYTES);
        let mut items = ItemRing::read(&device, STARTS).unwrap();
        let keys: Vec<_> = (1..6).map(|n| ([n; 32], Secret::new([n ^ 0xff; 32]))).collect();
        for (root, key) in &keys {
            items.put(&device, (&ring, medium), (root, key), &mut random).unwrap();
        }
        let whole = device.snapshot();
        for bit in STARTS.iter().flat_map(|start| start * 8..(start + 8192) * 8) {
            let mut sector = [0; SECTOR_BYTES];
            let at = bit / 8 / 512 * 512;
            device.read_at(at, &mut sector).unwrap();
            let (before, byte) = (sector, usize::try_from(bit / 8 % 512).unwrap());
            sector[byte] ^= 1 << (bit % 8);
            device.write_at(at, &sector).unwrap();
            let mut found = ItemRing::read(&device, STARTS).unwrap();
            for (root, key) in &keys {
                let held = found.key(&ring, medium, root).unwrap();
                assert!(held.as_ref() == Some(key), "bit {bit}");
            }
            let mended = found.repair(&device).unwrap();
            device.read_at(at, &mut sector).unwrap();
            let place = usize::try_from(bit / 8).unwrap() % FILE_BYTES;
            let filled = place < keys.len() * ITEM_KEY_BYTES;
            assert_eq!((mended, sector == before), (usize::from(filled), filled), "bit {bit}");
            device.write_at(at, &before).unwrap();
        }
        assert!(device.snapshot() == whole);
    }
}
