//! Where packages, receipts and what payers showed lie: an OUTBOX, or a kiosk's folder.

use crate::fat::ExchangeError;
use crate::units::ByteCount;

/// Files by name, each durable once it was written.
pub trait Shelf: Sync {
    /// The length of a file; none where there is none.
    fn size(&self, name: &str) -> Result<Option<u64>, ShelfError>;

    /// The whole of a file that has at most so many bytes.
    fn read(&self, name: &str, limit_bytes: u64) -> Result<Vec<u8>, ShelfError>;

    /// Fill `buf` from an offset of a file.
    fn read_at(&self, name: &str, offset: u64, buf: &mut [u8]) -> Result<(), ShelfError>;

    /// Write a whole file in place of the old one, if any.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ShelfError>;

    /// Add bytes to a file, which is made if there is none, at its end, which has to be `at`.
    fn append(&self, name: &str, at: u64, bytes: &[u8]) -> Result<(), ShelfError>;

    /// Remove a file.
    fn remove(&self, name: &str) -> Result<(), ShelfError>;

    /// The names of all files.
    fn list(&self) -> Result<Vec<String>, ShelfError>;

    /// Bytes that are free.
    fn free_bytes(&self) -> Result<u64, ShelfError>;
}

/// What a shelf's storage said, in its own words.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The file is damaged, as a write leaves it that was cut off; the storage does what it is asked.
    #[error("{0}")]
    Damaged(String),
    /// The storage failed, or has no room.
    #[error("{0}")]
    Failed(String),
}

impl ShelfError {
    /// A storage that failed.
    #[expect(clippy::needless_pass_by_value, reason = "it is the function given to `map_err`")]
    pub fn new(reason: impl ToString) -> Self {
        Self::Failed(reason.to_string())
    }
}

impl From<ExchangeError> for ShelfError {
    fn from(error: ExchangeError) -> Self {
        let said = error.to_string();
        if error.is_damage() { Self::Damaged(said) } else { Self::Failed(said) }
    }
}

/// The bytes of one item's file, as its partner has them.
pub trait Content: Sync {
    /// Fill `buf` from an offset of the file.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ShelfError>;
}

/// A file on a shelf.
pub struct Shelved<'a> {
    /// The shelf.
    pub shelf: &'a dyn Shelf,
    /// The file's name.
    pub name: String,
}

impl Content for Shelved<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ShelfError> {
        self.shelf.read_at(&self.name, offset, buf)
    }
}

/// Room that a transfer's own small files take beside the item's bytes.
pub(super) const BESIDE_BYTES: ByteCount = ByteCount::from_bytes(64 << 10);
