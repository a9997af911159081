//! The two access files: slots of keys under passwords, written so that one is always whole.

use super::medium::Medium;
use crate::crypto::password::Password;
use crate::crypto::sign::PublicKey;
use crate::device::{Device, DeviceError};
use crate::format::access::{AccessSlot, SLOT_BYTES, SLOTS};
use crate::format::{Object, cbor};
use crate::trust::access::{AccessError, HolderKeys};
use crate::units::MediumId;

/// Both access files as they stand.
#[derive(Debug)]
pub(super) struct AccessFiles {
    starts: [u64; 2],
    copies: [[Place; SLOTS]; 2],
}

/// One slot of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Empty,
    Holds(Box<AccessSlot>),
    /// Torn, or nothing that is known.
    Damaged,
}

/// The owner's keys, and the slot that gave them.
pub struct Unlocked {
    /// Signs records, opens item keys.
    pub keys: HolderKeys,
    pub(super) slot: AccessSlot,
}

/// Why no access slot gives the owner's keys.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// Neither file holds a slot of the key that counts.
    #[error("medium {0}: neither access file holds a slot of the key that counts")]
    NoSlot(MediumId),
    /// A wrong password, or a slot that can't be opened.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// What an earlier change had left behind could not be wiped.
    #[error("writing the access files: {0}")]
    Device(#[from] DeviceError),
}

impl Medium {
    /// The keys that a password opens, by the bytes of both access files; nothing is written.
    pub fn unlock(
        &self,
        files: &[Vec<u8>; 2],
        password: &Password,
    ) -> Result<Unlocked, UnlockError> {
        let files = AccessFiles::of(files, self.grounds.access);
        files.unlock(self.id(), &self.account.state.holder, password)
    }

    /// Whether a guess at this slot's password costs less than it has to.
    pub fn is_cheap(&self, unlocked: &Unlocked) -> bool {
        let (cost, least) = (&unlocked.slot.cost, self.grounds.cost_min());
        cost.memory_kib < least.memory_kib() || cost.passes < least.passes()
    }
}

impl Place {
    fn read(bytes: &[u8]) -> Self {
        match cbor::unpad(bytes) {
            Ok(None) => Self::Empty,
            Ok(Some(object)) => {
                AccessSlot::decode(object).map_or(Self::Damaged, |slot| Self::Holds(Box::new(slot)))
            }
            Err(_) => Self::Damaged,
        }
    }

    fn of(&self, holder: &PublicKey) -> Option<&AccessSlot> {
        match self {
            Self::Holds(slot) if slot.key == *holder => Some(slot),
            _ => None,
        }
    }

    fn stored(&self) -> Vec<u8> {
        let mut bytes = match self {
            Self::Holds(slot) => slot.encode(),
            Self::Empty | Self::Damaged => vec![],
        };
        bytes.resize(SLOT_BYTES, 0);
        bytes
    }
}

impl AccessFiles {
    /// Read both files.
    pub(super) fn read(device: &dyn Device, starts: [u64; 2]) -> Result<Self, DeviceError> {
        let mut files = [0, 1].map(|_| vec![0; SLOT_BYTES * SLOTS]);
        for (bytes, start) in files.iter_mut().zip(starts) {
            device.read_at(start, bytes)?;
        }
        Ok(Self::of(&files, starts))
    }

    /// Both files as they were read; what one lacks at its end is empty.
    fn of(files: &[Vec<u8>; 2], starts: [u64; 2]) -> Self {
        let mut copies: [[Place; SLOTS]; 2] = Default::default();
        for (copy, bytes) in copies.iter_mut().zip(files) {
            for (place, slot) in copy.iter_mut().zip(bytes.chunks(SLOT_BYTES)) {
                *place = Place::read(slot);
            }
        }
        Self { starts, copies }
    }

    /// The keys that a password opens, by a slot that counts.
    pub(super) fn unlock(
        &self,
        medium: MediumId,
        holder: &PublicKey,
        password: &Password,
    ) -> Result<Unlocked, UnlockError> {
        let mut refused = UnlockError::NoSlot(medium);
        for slot in self.counting(holder) {
            match HolderKeys::open(medium, &slot, password) {
                Ok(keys) => return Ok(Unlocked { keys, slot }),
                Err(error @ AccessError::Memory(..)) => return Err(error.into()),
                // That it is no password is what a person has to know, if one slot says so.
                Err(error) if !is_wrong_password(&refused) => refused = error.into(),
                Err(_) => {}
            }
        }
        Err(refused)
    }

    /// The different slots of a key that count, newest first: those of the newest generation that
    /// stands in both files, and newer ones.
    ///
    /// What stands in one file alone belongs to a change that was not complete; it may be torn,
    /// which can't be told from a slot under another password, so that older ones count beside it.
    fn counting(&self, holder: &PublicKey) -> Vec<AccessSlot> {
        let mut slots: Vec<AccessSlot> = vec![];
        for slot in self.copies.iter().flatten().filter_map(|place| place.of(holder)) {
            if !slots.contains(slot) {
                slots.push(slot.clone());
            }
        }
        let complete = self.complete(holder);
        slots.retain(|slot| complete.is_none_or(|complete| slot.generation >= complete));
        slots.sort_by_key(|slot| std::cmp::Reverse(slot.generation));
        slots
    }

    /// The newest generation of a key of which a slot stands in both files.
    fn complete(&self, holder: &PublicKey) -> Option<u64> {
        let [one, other] = &self.copies;
        let both = one.iter().filter(|place| other.contains(place));
        both.filter_map(|place| place.of(holder)).map(|slot| slot.generation).max()
    }

    /// Give a file that holds no slot of the key the oldest one of the other, and flush; to how
    /// many files.
    ///
    /// A newer one may be torn, and standing in both files it would be taken for complete. A file
    /// that holds any is left alone: the other file, or the journal copy beside it, may be what is
    /// damaged, and must be whole before this one is written.
    pub(super) fn repair(
        &mut self,
        device: &dyn Device,
        holder: &PublicKey,
    ) -> Result<usize, DeviceError> {
        let mut given = 0;
        for copy in 0..2 {
            let holds = self.copies[copy].iter().any(|place| place.of(holder).is_some());
            let others = self.copies[1 - copy].iter().enumerate();
            let oldest = others
                .filter_map(|(at, place)| Some((place.of(holder)?.generation, at)))
                .min()
                .filter(|_| !holds);
            if let Some((_, at)) = oldest {
                let place = self.copies[1 - copy][at].clone();
                self.copy_to(device, copy, at, &place, holder)?;
                given += 1;
            }
        }
        Ok(given)
    }

    /// Give a file a slot that it lacks, and flush: at this place, if no slot of the key is there.
    fn copy_to(
        &mut self,
        device: &dyn Device,
        copy: usize,
        at: usize,
        place: &Place,
        holder: &PublicKey,
    ) -> Result<(), DeviceError> {
        let own = &self.copies[copy];
        let is_free = |at: &usize| own[*at].of(holder).is_none();
        let free = std::iter::once(at).chain(0..SLOTS).find(is_free);
        match free.filter(|_| !own.contains(place)) {
            Some(free) => {
                self.put(device, copy, free, place)?;
                device.flush()
            }
            None => Ok(()),
        }
    }

    /// Put a slot beside those that count: A, flush, then B, flush.
    pub(super) fn add(
        &mut self,
        device: &dyn Device,
        holder: &PublicKey,
        slot: &AccessSlot,
    ) -> Result<(), DeviceError> {
        let newest = |at: &usize| {
            let slots = self.copies.iter().filter_map(|copy| copy[*at].of(holder));
            slots.map(|slot| slot.generation.saturating_add(1)).max().unwrap_or(0)
        };
        let at = (0..SLOTS).min_by_key(newest).expect("a file has slots");
        let place = Place::Holds(Box::new(slot.clone()));
        for copy in 0..2 {
            self.put(device, copy, at, &place)?;
            device.flush()?;
        }
        Ok(())
    }

    /// Have both files hold this slot and nothing else: first the file that lacks it gets it, and
    /// is flushed; then all others are wiped, A, flush, then B, flush.
    pub(super) fn keep_only(
        &mut self,
        device: &dyn Device,
        slot: &AccessSlot,
    ) -> Result<(), DeviceError> {
        let kept = Place::Holds(Box::new(slot.clone()));
        for copy in 0..2 {
            let at = self.copies[1 - copy].iter().position(|place| *place == kept);
            self.copy_to(device, copy, at.unwrap_or(0), &kept, &slot.key)?;
        }
        for copy in 0..2 {
            let is_other = |place: &Place| *place != Place::Empty && *place != kept;
            let others: Vec<_> =
                (0..SLOTS).filter(|at| is_other(&self.copies[copy][*at])).collect();
            for at in &others {
                self.put(device, copy, *at, &Place::Empty)?;
            }
            if !others.is_empty() {
                device.flush()?;
            }
        }
        Ok(())
    }

    fn put(
        &mut self,
        device: &dyn Device,
        copy: usize,
        at: usize,
        place: &Place,
    ) -> Result<(), DeviceError> {
        device.write_at(self.starts[copy] + (at * SLOT_BYTES) as u64, &place.stored())?;
        self.copies[copy][at] = place.clone();
        Ok(())
    }
}

fn is_wrong_password(error: &UnlockError) -> bool {
    matches!(error, UnlockError::Access(AccessError::WrongPassword(_)))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::crypto::password::Cost;
    use crate::crypto::{Random, SeededRandom};
    use crate::device::MemoryDevice;

    const FILE_BYTES: u64 = (SLOT_BYTES * SLOTS) as u64;
    const STARTS: [u64; 2] = [0, FILE_BYTES];
    const WORKERS: usize = 2;

    /// Both files after a few changes of the password, and who opens them.
    struct Written {
        bytes: Vec<u8>,
        medium: MediumId,
        keys: HolderKeys,
        own: Password,
    }

    fn written(changes: u64, ended: bool) -> Written {
        let mut rng = SeededRandom::new([6; 32]);
        let device = MemoryDevice::zeroed(SLOT_BYTES * SLOTS * 2);
        let (medium, keys) = (MediumId::from_serial(5), HolderKeys::generate(&mut rng));
        let own = Password::new("my own".to_owned());
        let mut files = AccessFiles::read(&device, STARTS).unwrap();
        for generation in 0..=changes {
            let last = generation == changes;
            let password = if last { &own } else { &Password::new(format!("older {generation}")) };
            let slot = keys.seal(medium, generation, password, Cost::MINIMAL, &mut rng).unwrap();
            files.add(&device, &keys.key.public(), &slot).unwrap();
            if ended || !last {
                files.keep_only(&device, &slot).unwrap();
            }
        }
        Written { bytes: device.into_bytes(), medium, keys, own }
    }

    impl Written {
        fn flipped(&self, bits: &[usize]) -> MemoryDevice {
            let mut bytes = self.bytes.clone();
            for bit in bits {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            MemoryDevice::from_bytes(bytes)
        }

        /// Repair and unlock, as a medium that is opened: the keys, or why there are none.
        fn opened(&self, device: &MemoryDevice) -> Result<AccessFiles, UnlockError> {
            let holder = self.keys.key.public();
            let mut files = AccessFiles::read(device, STARTS)?;
            let _ = files.repair(device, &holder)?;
            let unlocked = files.unlock(self.medium, &holder, &self.own)?;
            let own = &self.keys;
            assert!(unlocked.keys.key.public() == holder && unlocked.keys.ring == own.ring);
            files.keep_only(device, &unlocked.slot)?;
            Ok(files)
        }

        /// Each flipped bit opens the keys, and is mended by that; of empty slots each `step`th.
        fn all_open(&self, step: usize) {
            let slots = self.bytes.chunks(SLOT_BYTES).enumerate();
            let bits = slots.flat_map(|(at, slot)| {
                let step = if slot.iter().all(|byte| *byte == 0) { step } else { 1 };
                (at * SLOT_BYTES * 8..(at + 1) * SLOT_BYTES * 8).step_by(step)
            });
            let bits: Vec<_> = bits.collect();
            thread::scope(|scope| {
                for worker in bits.chunks(bits.len().div_ceil(WORKERS)) {
                    scope.spawn(move || {
                        let mut before = None;
                        for bit in worker {
                            self.opens(*bit, &mut before);
                        }
                    });
                }
            });
            println!("{} bits were flipped", bits.len());
        }

        /// A slot that reads as with the flip before is not opened again.
        fn opens(&self, bit: usize, before: &mut Option<(usize, Place)>) {
            let at = bit / 8 / SLOT_BYTES;
            let mut slot = self.bytes[at * SLOT_BYTES..(at + 1) * SLOT_BYTES].to_vec();
            slot[bit / 8 % SLOT_BYTES] ^= 1 << (bit % 8);
            let read = Some((at, Place::read(&slot)));
            if *before == read {
                return;
            }
            *before = read;
            let device = self.flipped(&[bit]);
            let files = self.opened(&device).unwrap_or_else(|error| panic!("bit {bit}: {error}"));
            let [a, b] = files.copies.map(|copy| {
                copy.into_iter().filter(|place| *place != Place::Empty).collect::<Vec<_>>()
            });
            assert!(a.len() == 1 && a == b, "bit {bit}: {a:?} {b:?}");
        }
    }

    #[test]
    fn every_flipped_bit_leaves_the_keys_and_is_mended() {
        written(2, true).all_open(1);
        written(0, true).all_open(61);
        // A change that was cut off before the old slots were wiped.
        written(2, false).all_open(61);
    }

    #[test]
    fn a_flipped_bit_in_each_file_gives_no_keys_and_says_so() {
        let written = written(1, true);
        let at = written.bytes.iter().position(|byte| *byte != 0).unwrap();
        let mut random = SeededRandom::new([7; 32]);
        for _ in 0..20_000 {
            let bits = STARTS.map(|start| {
                let mut bytes = [0; 2];
                random.fill(&mut bytes);
                let within = usize::from(u16::from_be_bytes(bytes)) % (256 * 8);
                (usize::try_from(start).unwrap() + at) * 8 + within
            });
            let error = written.opened(&written.flipped(&bits)).unwrap_err();
            let told = matches!(error, UnlockError::NoSlot(_) | UnlockError::Access(_));
            assert!(told, "{bits:?}: {error}");
        }
    }
}
