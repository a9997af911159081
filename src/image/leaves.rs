//! Hashing a stretch of bytes into leaves, by several workers.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::relay::{Pass, Relay};
use super::tree::{BLOCK_BYTES, Digest};
use crate::crypto::digest::sha256;
use crate::device::{Device, DeviceError};

/// Read from and written to a medium in one piece.
pub const CHUNK_BYTES: usize = 1 << 20;
/// Filled and hashed in one piece, which fits a core's own cache.
const PIECE_BYTES: usize = 256 << 10;
/// Buffers for each worker: one being filled, others waiting to be passed on.
const BUFFERS_EACH: usize = 3;

const ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// How far a long work has come, and whether to go on.
pub trait Watch: Sync {
    /// `done` of `total` bytes are through.
    fn progress(&self, done: u64, total: u64);

    /// Was the work asked to stop?
    fn stopped(&self) -> bool;
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn progress(&self, _done: u64, _total: u64) {}

    fn stopped(&self) -> bool {
        false
    }
}

/// Why leaves could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LeavesError {
    /// The device could not be read.
    #[error("{0}")]
    Device(#[from] DeviceError),
    /// The work was asked to stop.
    #[error("interrupted")]
    Interrupted(#[from] Interrupted),
}

/// The work was asked to stop.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Fills whole blocks, at most 256 KiB, that begin at an offset.
pub type Fill<'a, E> = dyn Fn(u64, &mut [u8]) -> Result<(), E> + Sync + 'a;

/// The leaves of `blocks` blocks of a device from byte `start` on.
pub fn of_device(
    device: &dyn Device,
    start: u64,
    blocks: u64,
    threads: NonZeroUsize,
    watch: &dyn Watch,
) -> Result<Vec<Digest>, LeavesError> {
    let total = blocks.saturating_mul(BLOCK_BYTES as u64);
    DeviceError::check_range(start, total, device.len_bytes())?;
    fill_and_hash(blocks, threads, watch, &|offset, bytes: &mut [u8]| {
        Ok(device.read_at(start + offset, bytes)?)
    })
}

/// Have workers fill pieces and hash each block of them once.
pub fn fill_and_hash<E: From<Interrupted> + Send>(
    blocks: u64,
    threads: NonZeroUsize,
    watch: &dyn Watch,
    fill: &Fill<'_, E>,
) -> Result<Vec<Digest>, E> {
    fill_hash_and_pass(blocks, threads, watch, fill, &|_, _| Ok(()))
}

/// The same, and hand each piece on, one at a time, in no order.
pub(super) fn fill_hash_and_pass<E: From<Interrupted> + Send>(
    blocks: u64,
    threads: NonZeroUsize,
    watch: &dyn Watch,
    fill: &Fill<'_, E>,
    pass: &Pass<'_, E>,
) -> Result<Vec<Digest>, E> {
    let mut leaves = vec![[0; 32]; usize::try_from(blocks).expect("a volume's leaves fit memory")];
    let parts = leaves.chunks_mut(PIECE_BYTES / BLOCK_BYTES).map(Mutex::new).collect();
    let (total, zero_leaf) = (blocks * BLOCK_BYTES as u64, sha256(&ZEROS));
    let relay = Relay::new(pass, PIECE_BYTES, BUFFERS_EACH * threads.get());
    let run = Run { parts, total, watch, fill, relay, zero_leaf };
    watch.progress(0, run.total);
    let (next, done, fault) = (AtomicUsize::new(0), AtomicU64::new(0), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(|| {
                if let Err(error) = run.work(&next, &done) {
                    // No more parts for anyone.
                    next.store(run.parts.len(), Ordering::Relaxed);
                    fault.lock().expect("no worker panics").get_or_insert(error);
                    run.relay.close();
                }
            });
        }
    });
    match fault.into_inner().expect("no worker panics") {
        Some(error) => Err(error),
        None => Ok(leaves),
    }
}

/// Are all bytes zero?
pub fn is_zero(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<BLOCK_BYTES>();
    blocks.iter().all(|block| *block == ZEROS) && *rest == ZEROS[..rest.len()]
}

struct Run<'a, E> {
    parts: Vec<Mutex<&'a mut [Digest]>>,
    total: u64,
    watch: &'a dyn Watch,
    fill: &'a Fill<'a, E>,
    relay: Relay<'a, E>,
    /// The leaf of a block of zeros, of which a volume may have many.
    zero_leaf: Digest,
}

impl<E: From<Interrupted>> Run<'_, E> {
    fn work(&self, next: &AtomicUsize, done: &AtomicU64) -> Result<(), E> {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = self.parts.get(place) else { return Ok(()) };
            if self.watch.stopped() {
                return Err(Interrupted.into());
            }
            let Some(mut piece) = self.relay.buffer() else { return Ok(()) };
            let mut part = part.lock().expect("each part has one worker");
            let (offset, len) = ((place * PIECE_BYTES) as u64, part.len() * BLOCK_BYTES);
            let bytes = &mut piece[..len];
            (self.fill)(offset, bytes)?;
            for (leaf, block) in part.iter_mut().zip(bytes.chunks(BLOCK_BYTES)) {
                *leaf = if is_zero(block) { self.zero_leaf } else { sha256(block) };
            }
            self.relay.hand_over(offset, piece, len)?;
            let count = len as u64;
            self.watch.progress(done.fetch_add(count, Ordering::Relaxed) + count, self.total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::MemoryDevice;

    #[test]
    fn leaves_are_the_same_for_any_number_of_workers() {
        let bytes: Vec<u8> = (0..3_u32 << 20).map(|n| (n / 7 % 251) as u8).collect();
        let device = MemoryDevice::from_bytes(bytes[..(2 << 20) + 8192].to_vec());
        let blocks = device.len_bytes() / 4096;
        let expected: Vec<_> = device.snapshot().chunks(4096).map(sha256).collect();
        for threads in [1, 3, 8] {
            let threads = NonZeroUsize::new(threads).unwrap();
            let found = of_device(&device, 0, blocks, threads, &Unwatched).unwrap();
            assert!(found == expected);
        }
        assert!(of_device(&device, 4096, blocks, NonZeroUsize::MIN, &Unwatched).is_err());
    }

    #[test]
    fn a_request_to_stop_is_heard() {
        struct Stopped;
        impl Watch for Stopped {
            fn progress(&self, _: u64, _: u64) {}
            fn stopped(&self) -> bool {
                true
            }
        }
        let device = MemoryDevice::zeroed(8192);
        let fault = of_device(&device, 0, 2, NonZeroUsize::MIN, &Stopped).unwrap_err();
        assert!(matches!(fault, LeavesError::Interrupted(_)));
    }
}
