//! Values by their keys in a file that only grows: what a run remembers for the next one.
//!
//! ```text
//! "scrip/remembered/2\n"
//! 32  what names whoever remembers
//! then for each value (integers big-endian)
//!  4  CRC-32C over what follows of this header
//! 32  key
//!  4  length of the value
//!  4  CRC-32C of the value
//!  …  the value
//! ```
//!
//! A value that was cut off, by a crash or a full disk, ends the file: all before it counts. A value
//! whose sum is wrong doesn't count. Another program's file begins anew: what it found may be found by
//! other rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const MAGIC: &[u8; 19] = b"scrip/remembered/2\n";
/// What the forms of these files have in common.
const FAMILY: &[u8] = b"scrip/remembered/";
/// Where the values begin.
const START: u64 = MAGIC.len() as u64 + 32;
const HEADER_BYTES: usize = 44;
/// The longest value.
const VALUE_BYTES_MAX: u32 = 64 << 20;
/// Once so many bytes and more than half of all are of no use any more, the file is made anew.
const IDLE_BYTES: u64 = 16 << 20;

/// Names a value.
pub type ValueKey = [u8; 32];

/// Values in a file, by their keys; threads share it.
#[derive(Debug)]
pub struct Keyed {
    path: PathBuf,
    by: ValueKey,
    file: File,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    values: BTreeMap<ValueKey, Value>,
    used: BTreeSet<ValueKey>,
    end: u64,
    damaged: u64,
}

#[derive(Debug, Clone, Copy)]
struct Value {
    at: u64,
    length: u32,
    sum: u32,
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyedError {
    /// It is something else.
    #[error("{}: it holds nothing that was remembered", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// Gerund.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Keyed {
    /// Open the file of values that `by` keeps, or begin one.
    pub fn open(path: &Path, by: &ValueKey) -> Result<Self, KeyedError> {
        let failed = |source| KeyedError::Io { action: "opening", path: path.into(), source };
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let own = [&MAGIC[..], by].concat();
        let mut head = vec![0; own.len().min(usize::try_from(length).unwrap_or(own.len()))];
        file.read_exact_at(&mut head, 0).map_err(failed)?;
        let family = head.len().min(FAMILY.len());
        if head[..family] != FAMILY[..family] {
            return Err(KeyedError::Foreign { path: path.into() });
        }
        let mut inner = Inner { end: START, ..Inner::default() };
        if head == own {
            inner = Inner::read(&file, length).map_err(failed)?;
        } else {
            file.set_len(0).and_then(|()| file.write_all_at(&own, 0)).map_err(failed)?;
        }
        Ok(Self { path: path.into(), by: *by, file, inner: Mutex::new(inner) })
    }

    /// The value of this key, if there is a sound one.
    pub fn recall(&self, key: &ValueKey) -> Option<Vec<u8>> {
        let value = *self.inner().values.get(key)?;
        let mut bytes = vec![0; usize::try_from(value.length).ok()?];
        let read = self.file.read_exact_at(&mut bytes, value.at);
        let mut inner = self.inner();
        if read.is_err() || crc32c::crc32c(&bytes) != value.sum {
            inner.values.remove(key);
            inner.damaged += 1;
            return None;
        }
        inner.used.insert(*key);
        Some(bytes)
    }

    /// Keep a value; the newest of a key counts.
    pub fn keep(&self, key: ValueKey, bytes: &[u8]) -> io::Result<()> {
        let Some(length) = u32::try_from(bytes.len()).ok().filter(|all| *all <= VALUE_BYTES_MAX)
        else {
            return Ok(());
        };
        let sum = crc32c::crc32c(bytes);
        let written = [&header(&key, length, sum)[..], bytes].concat();
        let mut inner = self.inner();
        let at = inner.end;
        self.file.write_all_at(&written, at)?;
        inner.end = at + written.len() as u64;
        inner.used.insert(key);
        inner.values.insert(key, Value { at: at + HEADER_BYTES as u64, length, sum });
        Ok(())
    }

    /// How many values were damaged.
    pub fn damaged(&self) -> u64 {
        self.inner().damaged
    }

    /// End a run that went through: where most of the file is of no use any more, what was used is
    /// put into a new one.
    pub fn tidy(self) -> Result<(), KeyedError> {
        let failed = |source| KeyedError::Io { action: "tidying", path: self.path.clone(), source };
        let inner = self.inner();
        let used = inner.used.iter().filter_map(|key| Some((key, inner.values.get(key)?)));
        let bytes: u64 = used.clone().map(|(_, value)| u64::from(value.length)).sum();
        if inner.end < IDLE_BYTES + 2 * bytes {
            return Ok(());
        }
        let beside = self.path.with_extension("new");
        let mut options = OpenOptions::new();
        let new = options.write(true).create(true).truncate(true).open(&beside);
        let mut new = io::BufWriter::new(new.map_err(failed)?);
        new.write_all(MAGIC).and_then(|()| new.write_all(&self.by)).map_err(failed)?;
        for (key, value) in used {
            let mut bytes = vec![0; usize::try_from(value.length).expect("32 bits")];
            self.file.read_exact_at(&mut bytes, value.at).map_err(failed)?;
            new.write_all(&header(key, value.length, value.sum)).map_err(failed)?;
            new.write_all(&bytes).map_err(failed)?;
        }
        let new = new.into_inner().map_err(io::IntoInnerError::into_error).map_err(failed)?;
        new.sync_all().map_err(failed)?;
        std::fs::rename(&beside, &self.path).map_err(failed)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Walk the headers; values are looked at when they are asked for.
    fn read(file: &File, length: u64) -> io::Result<Self> {
        let mut inner = Self { end: START, ..Self::default() };
        let mut reader = BufReader::with_capacity(1 << 16, file);
        reader.seek(SeekFrom::Start(inner.end))?;
        while inner.end + HEADER_BYTES as u64 <= length {
            let mut read = [0; HEADER_BYTES];
            reader.read_exact(&mut read)?;
            let word = |at: usize| read[at..].first_chunk().copied().map_or(0, u32::from_be_bytes);
            let (stored, sum) = (word(36), word(40));
            let at = inner.end + HEADER_BYTES as u64;
            let end = at + u64::from(stored);
            if word(0) != crc32c::crc32c(&read[4..]) || stored > VALUE_BYTES_MAX || end > length {
                inner.damaged += 1;
                return Ok(inner);
            }
            let key = read[4..].first_chunk().copied().expect("44 bytes hold 32 behind 4");
            inner.values.insert(key, Value { at, length: stored, sum });
            reader.seek_relative(stored.into())?;
            inner.end = end;
        }
        inner.damaged += u64::from(inner.end != length);
        Ok(inner)
    }
}

fn header(key: &ValueKey, length: u32, sum: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[4..36].copy_from_slice(key);
    header[36..40].copy_from_slice(&length.to_be_bytes());
    header[40..].copy_from_slice(&sum.to_be_bytes());
    let own = crc32c::crc32c(&header[4..]).to_be_bytes();
    header[..4].copy_from_slice(&own);
    header
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests look at the file as it is")]
mod tests {
    use std::fs;

    use super::*;

    const BY: ValueKey = [8; 32];
    const FIRST: usize = MAGIC.len() + 32;

    #[test]
    fn what_was_kept_is_recalled_up_to_where_it_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("found");
        let keyed = Keyed::open(&path, &BY).unwrap();
        for byte in 0..20 {
            keyed.keep([byte; 32], &[byte; 100]).unwrap();
        }
        keyed.keep([3; 32], b"newer").unwrap();
        drop(keyed);
        let whole = fs::read(&path).unwrap();
        for end in (FIRST..=whole.len()).step_by(31).chain([whole.len()]) {
            fs::write(&path, &whole[..end]).unwrap();
            let keyed = Keyed::open(&path, &BY).unwrap();
            let count = (0..20).filter(|byte| keyed.recall(&[*byte; 32]).is_some()).count();
            assert_eq!(count, ((end - FIRST) / (HEADER_BYTES + 100)).min(20), "{end}");
            keyed.keep([77; 32], b"goes on").unwrap();
            let again = Keyed::open(&path, &BY).unwrap();
            assert_eq!(again.recall(&[77; 32]).unwrap(), b"goes on");
        }
        let last = Keyed::open(&path, &BY).unwrap();
        assert_eq!(last.recall(&[3; 32]).unwrap(), b"newer");
    }

    #[test]
    fn what_was_changed_is_not_believed_and_what_is_foreign_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("found");
        let keyed = Keyed::open(&path, &BY).unwrap();
        keyed.keep([1; 32], &[5; 50]).unwrap();
        let whole = fs::read(&path).unwrap();
        for bit in FIRST * 8..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &flipped).unwrap();
            let keyed = Keyed::open(&path, &BY).unwrap();
            assert!(keyed.recall(&[1; 32]).is_none() && keyed.damaged() == 1, "bit {bit}");
        }
        fs::write(&path, "a diary").unwrap();
        let message = Keyed::open(&path, &BY).unwrap_err().to_string();
        assert!(message.ends_with("it holds nothing that was remembered"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"a diary");
    }

    #[test]
    fn what_another_program_remembers_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("found");
        Keyed::open(&path, &BY).unwrap().keep([1; 32], b"found by it").unwrap();
        let heads: [&[u8]; 3] = [b"scrip/rem", b"scrip/remembered/1\nmore", b""];
        for head in heads {
            fs::write(&path, head).unwrap();
            let keyed = Keyed::open(&path, &BY).unwrap();
            assert!(keyed.recall(&[1; 32]).is_none() && keyed.damaged() == 0);
            keyed.keep([1; 32], b"found by it").unwrap();
        }
        assert_eq!(Keyed::open(&path, &BY).unwrap().recall(&[1; 32]).unwrap(), b"found by it");
        let other = Keyed::open(&path, &[9; 32]).unwrap();
        assert!(other.recall(&[1; 32]).is_none() && other.damaged() == 0);
        assert!(Keyed::open(&path, &BY).unwrap().recall(&[1; 32]).is_none());
    }

    #[test]
    fn what_no_run_uses_any_more_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("found");
        let keyed = Keyed::open(&path, &BY).unwrap();
        for byte in 0..40 {
            keyed.keep([byte; 32], &vec![byte; 1 << 20]).unwrap();
        }
        drop(keyed);
        let keyed = Keyed::open(&path, &BY).unwrap();
        assert_eq!(keyed.recall(&[7; 32]).unwrap(), vec![7; 1 << 20]);
        keyed.tidy().unwrap();
        assert!(fs::metadata(&path).unwrap().len() < 2 << 20);
        let keyed = Keyed::open(&path, &BY).unwrap();
        assert!(keyed.recall(&[7; 32]).is_some() && keyed.recall(&[8; 32]).is_none());
    }
}
