//! Playing: an item's file opened chunk by chunk.

use crate::crypto::chunks::{self, Position};
use crate::crypto::{Secret, SecretBytes};
use crate::device::{Device, DeviceError};
use crate::format::item::ItemEntry;
use crate::image::tree::{self, Digest};

const CHUNK: u64 = chunks::SEALED_BYTES as u64;

/// An item's file where it lies, and the key that opens it.
pub struct Playing<'a> {
    /// The item.
    pub item: &'a ItemEntry,
    /// What its file lies on.
    pub device: &'a dyn Device,
    /// Where it begins there.
    pub start: u64,
    /// Its key; none where the file isn't sealed.
    pub key: Option<&'a Secret<32>>,
}

/// Why an item can't be played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// A chunk isn't what was sealed.
    #[error("item {item:?}: chunk {chunk} of {count} is altered, or sealed under another key")]
    Chunk {
        /// The item.
        item: String,
        /// Which chunk, from 1.
        chunk: u64,
        /// How many there are.
        count: u64,
    },
    /// The file isn't the one that was signed.
    #[error("item {0:?}: its file is not the one that was signed")]
    Altered(String),
    /// A sealed item whose key isn't in the ring.
    #[error("item {0:?} is sealed, and its key is not in this medium's ring")]
    NoKey(String),
    /// It could not be read.
    #[error("item {item:?}: {source}")]
    Device {
        /// The item.
        item: String,
        /// What went wrong.
        source: DeviceError,
    },
}

impl Playing<'_> {
    /// How many chunks the file has; a file that isn't sealed is read in pieces as long.
    pub fn count(&self) -> u64 {
        self.item.size.bytes().div_ceil(CHUNK)
    }

    /// Refuse, before anything is played, an item without its key, one whose first chunk doesn't
    /// open, and a file that is not sealed and not the signed one.
    pub fn check(&self) -> Result<(), PlayError> {
        if self.item.content.is_some() {
            return self.chunk(0).map(|_| ());
        }
        let mut leaves: Vec<Digest> = vec![];
        for index in 0..self.count() {
            tree::push_leaves(&mut leaves, &self.read(index)?);
        }
        let same = tree::file_root(&leaves) == self.item.root;
        if same { Ok(()) } else { Err(PlayError::Altered(self.item.id.clone())) }
    }

    /// What a chunk opens to.
    pub fn chunk(&self, index: u64) -> Result<SecretBytes, PlayError> {
        let id = || self.item.id.clone();
        if self.item.content.is_none() {
            return Ok(SecretBytes::new(self.read(index)?));
        }
        let key = self.key.ok_or_else(|| PlayError::NoKey(id()))?;
        let size = self.item.size.bytes();
        let count = chunks::count(size).ok_or_else(|| PlayError::Altered(id()))?;
        let position = if index + 1 == count { Position::Last } else { Position::Inner };
        chunks::open(key, index, position, &self.read(index)?).map_err(|_| PlayError::Chunk {
            item: id(),
            chunk: index + 1,
            count,
        })
    }

    fn read(&self, index: u64) -> Result<Vec<u8>, PlayError> {
        let offset = index * CHUNK;
        let count = self.item.size.bytes().saturating_sub(offset).min(CHUNK);
        let mut bytes = vec![0; usize::try_from(count).expect("at most a chunk")];
        let read = self.device.read_at(self.start + offset, &mut bytes);
        read.map_err(|source| PlayError::Device { item: self.item.id.clone(), source })?;
        Ok(bytes)
    }
}
