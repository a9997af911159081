//! The item key ring as its two files hold it.

use crate::device::{Device, DeviceError};
use crate::format::access::{ITEM_KEY_BYTES, ITEM_KEYS, ItemKey};
use crate::trust::ring::read_item_key;

/// Read at once; a ring ends where such a stretch is empty in both copies.
const STRETCH_BYTES: usize = 4096;

/// What a slot of one copy holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RingSlot {
    /// Nothing was ever written there.
    Empty,
    /// Bytes that are no whole key.
    Torn,
    /// A key, sealed.
    Whole(ItemKey),
}

impl RingSlot {
    fn of(bytes: &[u8; ITEM_KEY_BYTES]) -> Self {
        match read_item_key(bytes) {
            Some(key) => Self::Whole(key),
            None if bytes.iter().all(|byte| *byte == 0) => Self::Empty,
            None => Self::Torn,
        }
    }

    /// The key, if it is whole.
    pub fn key(self) -> Option<ItemKey> {
        match self {
            Self::Whole(key) => Some(key),
            Self::Empty | Self::Torn => None,
        }
    }
}

/// Read both ring files as far as they are filled.
pub fn read_ring(device: &dyn Device, starts: [u64; 2]) -> Result<Vec<[RingSlot; 2]>, DeviceError> {
    let mut slots = vec![];
    while slots.len() < ITEM_KEYS {
        let offset = (slots.len() * ITEM_KEY_BYTES) as u64;
        let mut copies = [[0; STRETCH_BYTES]; 2];
        for (copy, start) in copies.iter_mut().zip(starts) {
            device.read_at(start + offset, copy)?;
        }
        if copies.iter().flatten().all(|byte| *byte == 0) {
            break;
        }
        let [a, b] = copies.each_ref().map(|copy| copy.as_chunks::<ITEM_KEY_BYTES>().0);
        slots.extend(a.iter().zip(b).map(|(a, b)| [RingSlot::of(a), RingSlot::of(b)]));
    }
    Ok(slots)
}
