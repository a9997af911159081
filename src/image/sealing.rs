//! Sealing items while an edition is authored: their files, and the catalogue that names contents.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Mutex;

use super::collect::{Sources, hash_source};
use super::edition::EditionError;
use super::leaves::{Interrupted, Watch};
use crate::crypto::Secret;
use crate::crypto::chunks::{self, CHUNK_BYTES, Position, SEALED_BYTES};
use crate::device::SourceFile;
use crate::fat::{self, Contents};
use crate::format::Object;
use crate::format::edition::Catalogue;
use crate::trust::EditionSecret;

/// Every file of an edition, its items sealed.
pub(super) struct Sealing<'a> {
    sources: &'a Sources,
    /// The key of each item, in the catalogue's order; none of one that isn't sealed.
    keys: Vec<Option<Secret<32>>>,
    catalogue: Vec<u8>,
}

impl<'a> Sealing<'a> {
    /// Hash what is to be sealed, by `threads` workers, and derive the keys.
    pub(super) fn prepare(
        sources: &'a Sources,
        catalogue: &Catalogue,
        secret: Option<&EditionSecret>,
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Result<Self, EditionError> {
        let mut catalogue = catalogue.clone();
        let mut keys: Vec<_> = catalogue.items.iter().map(|_| None).collect();
        if let Some(secret) = secret {
            let files: Vec<_> = sources.sealed().collect();
            for (place, content) in hashes(&files, threads, watch)? {
                let item = &mut catalogue.items[place];
                item.content = Some(content);
                keys[place] = Some(secret.item_key(&item.id, &content));
            }
        }
        let catalogue = catalogue.encode();
        Ok(Self { sources, keys, catalogue })
    }
}

/// SHA-256 over each file, with the item it is.
fn hashes(
    files: &[(usize, &SourceFile)],
    threads: NonZeroUsize,
    watch: &dyn Watch,
) -> Result<Vec<(usize, [u8; 32])>, EditionError> {
    let left = Mutex::new(files.iter());
    let worker = || {
        let mut done = vec![];
        loop {
            let next = left.lock().expect("no worker panics").next();
            let Some((place, file)) = next else { return Ok(done) };
            if watch.stopped() {
                return Err(EditionError::Interrupted(Interrupted));
            }
            let hash = hash_source(file).map_err(|source| fat::ReadError::Contents {
                path: file.path().display().to_string(),
                offset: 0,
                count: usize::try_from(file.len_bytes()).unwrap_or(usize::MAX),
                source,
            })?;
            done.push((*place, hash));
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get()).map(|_| scope.spawn(worker)).collect();
        let done = workers.into_iter().map(|worker| worker.join().expect("no worker panics"));
        Ok(done.collect::<Result<Vec<_>, EditionError>>()?.concat())
    })
}

impl Contents for Sealing<'_> {
    fn read_at(&self, file: usize, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        if self.sources.is_catalogue(file) {
            return super::collect::read_memory(&self.catalogue, offset, buf);
        }
        match self.sources.sealed_item(file) {
            Some((place, source)) => {
                let key = self.keys[place].as_ref().expect("every sealed item has a key");
                read_sealed(source, key, offset, buf)
            }
            None => self.sources.read_at(file, offset, buf),
        }
    }
}

/// Bytes of a file as they are when it is sealed.
fn read_sealed(
    source: &SourceFile,
    key: &Secret<32>,
    mut offset: u64,
    mut buf: &mut [u8],
) -> io::Result<()> {
    let plain = source.len_bytes();
    let count = plain.div_ceil(CHUNK_BYTES as u64).max(1);
    while !buf.is_empty() {
        let (index, within) = (offset / SEALED_BYTES as u64, offset % SEALED_BYTES as u64);
        let start = index * CHUNK_BYTES as u64;
        let length = plain.checked_sub(start).ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let mut chunk = vec![0; length];
        source.read_at(start, &mut chunk)?;
        let position = if index + 1 == count { Position::Last } else { Position::Inner };
        let sealed = chunks::seal(key, index, position, &chunk);
        let within = usize::try_from(within).expect("within a chunk");
        let part = sealed.get(within..).filter(|part| !part.is_empty());
        let part = part.ok_or(io::ErrorKind::UnexpectedEof)?;
        let taken = part.len().min(buf.len());
        let (head, rest) = buf.split_at_mut(taken);
        head.copy_from_slice(&part[..taken]);
        (buf, offset) = (rest, offset + taken as u64);
    }
    Ok(())
}
