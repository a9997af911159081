//! Bytes that are put down for a while: in memory, or in a file without a name.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use super::DeviceError;

/// Where bytes are put down; they are gone with it, and when the process ends.
#[derive(Debug)]
pub struct Scratch {
    store: Store,
    end: AtomicU64,
}

#[derive(Debug)]
enum Store {
    Memory(RwLock<Vec<u8>>),
    File(File),
}

/// Bytes that were put down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put {
    at: u64,
    length: u32,
}

impl Put {
    /// Where they lie: 8 bytes, and their length: 4 bytes; big-endian.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.at.to_be_bytes());
        bytes[8..].copy_from_slice(&self.length.to_be_bytes());
        bytes
    }

    /// What [`Self::to_bytes`] gave.
    pub fn from_bytes(bytes: [u8; 12]) -> Self {
        let number = bytes.iter().fold(0, |all: u128, byte| all << 8 | u128::from(*byte));
        let at = u64::try_from(number >> 32).expect("96 bits");
        let length = u32::try_from(number & u128::from(u32::MAX)).expect("32 bits");
        Self { at, length }
    }
}

impl Scratch {
    /// In memory.
    pub fn memory() -> Self {
        Self { store: Store::Memory(RwLock::new(vec![])), end: AtomicU64::new(0) }
    }

    /// In a file without a name, in this folder.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        let store = Store::File(tempfile::tempfile_in(folder)?);
        Ok(Self { store, end: AtomicU64::new(0) })
    }

    /// Put bytes down, below 4 GiB; several threads may at once.
    pub fn put(&self, bytes: &[u8]) -> Result<Put, DeviceError> {
        let length = u32::try_from(bytes.len()).map_err(|_| DeviceError::OutOfRange {
            offset: 0,
            end: bytes.len() as u64,
            len: u32::MAX.into(),
        })?;
        let at = match &self.store {
            Store::Memory(all) => {
                let mut all = all.write().unwrap_or_else(PoisonError::into_inner);
                let at = all.len() as u64;
                all.extend_from_slice(bytes);
                at
            }
            Store::File(file) => {
                let at = self.end.fetch_add(length.into(), Ordering::Relaxed);
                file.write_all_at(bytes, at).map_err(failed("writing", at, length))?;
                at
            }
        };
        Ok(Put { at, length })
    }

    /// Put several down in one go, in their order.
    pub fn put_all(&self, all: &[&[u8]]) -> Result<Vec<Put>, DeviceError> {
        let mut at = self.put(&all.concat())?.at;
        let each = all.iter().map(|bytes| {
            let length = u32::try_from(bytes.len()).expect("all of them are below 4 GiB");
            let put = Put { at, length };
            at += u64::from(length);
            put
        });
        Ok(each.collect())
    }

    /// What was put down.
    pub fn get(&self, put: Put) -> Result<Vec<u8>, DeviceError> {
        let length = usize::try_from(put.length).expect("32 bits");
        match &self.store {
            Store::Memory(all) => {
                let all = all.read().unwrap_or_else(PoisonError::into_inner);
                let at = usize::try_from(put.at).expect("it lies in memory");
                Ok(all[at..at + length].to_vec())
            }
            Store::File(file) => {
                let mut bytes = vec![0; length];
                let fault = failed("reading", put.at, put.length);
                file.read_exact_at(&mut bytes, put.at).map_err(fault)?;
                Ok(bytes)
            }
        }
    }
}

fn failed(action: &'static str, offset: u64, count: u32) -> impl Fn(io::Error) -> DeviceError {
    move |source| DeviceError::Io { action, offset, count: count.into(), source }
}

#[cfg(test)]
mod tests {
    use super::{Put, Scratch};

    #[test]
    fn what_is_put_down_is_found_again_from_any_thread() {
        let folder = tempfile::tempdir().unwrap();
        for scratch in [Scratch::memory(), Scratch::in_folder(folder.path()).unwrap()] {
            let one = |byte: u8| {
                let put = scratch.put(&vec![byte; usize::from(byte)]).unwrap();
                (byte, put)
            };
            let puts = std::thread::scope(|scope| {
                let threads = [0, 100].map(|from| {
                    scope.spawn(move || (from..from + 100).map(one).collect::<Vec<_>>())
                });
                threads.map(|thread| thread.join().unwrap()).concat()
            });
            for (byte, put) in puts {
                assert_eq!(scratch.get(put).unwrap(), vec![byte; usize::from(byte)]);
                assert_eq!(Put::from_bytes(put.to_bytes()), put);
            }
            let several = [&b"one"[..], b"", b"three"];
            let puts = scratch.put_all(&several).unwrap().into_iter();
            assert!(puts.map(|put| scratch.get(put).unwrap()).eq(several));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
