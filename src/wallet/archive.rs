//! Records that compactions moved to the OUTBOX, as far as the chain vouches for them.

use std::collections::HashMap;

use super::medium::Medium;
use crate::crypto::digest::sha256;
use crate::fat::{Exchange, ExchangeError, Tray};
use crate::format::record::Record;
use crate::journal::frame::Frame;
use crate::trust::Verified;

/// Old generations begin with this in the OUTBOX.
pub(super) const ARCHIVE_PREFIX: &str = "JOURNAL-";
/// More old generations than this are not looked into.
const FILES_MAX: usize = 256;
/// More bytes than these of all old generations together are not read.
const BYTES_MAX: u64 = 64 << 20;

impl Medium {
    /// Find the records that were moved to files when the journal was compacted; how many there are.
    ///
    /// The checkpoint names the newest of them by its hash, and each names the one before: what
    /// nothing vouches for is passed over.
    pub fn recall(&mut self, exchange: &Exchange<'_>) -> Result<usize, ExchangeError> {
        let Some(anchor) = &self.account.anchor else { return Ok(0) };
        let held = held(exchange)?;
        let newest = held.get(&anchor.checkpoint.head);
        let newest = newest.and_then(|bytes| {
            anchor.checkpoint.vouch::<Record>(|checkpoint| checkpoint.head, bytes).ok()
        });
        let mut older: Vec<Verified<Record>> = newest.into_iter().collect();
        while let Some(before) = older.last().and_then(|record| {
            let bytes = held.get(&record.prev)?;
            record.vouch::<Record>(|record| record.prev, bytes).ok()
        }) {
            older.push(before);
        }
        older.reverse();
        self.older = older;
        Ok(self.older.len())
    }
}

/// What stands in the frames of all old generations, by its hash.
pub(super) fn held(exchange: &Exchange<'_>) -> Result<HashMap<[u8; 32], Vec<u8>>, ExchangeError> {
    let mut held = HashMap::new();
    let mut left = BYTES_MAX;
    let files = exchange.list(Tray::Outbox)?.into_iter();
    for file in files.filter(|file| file.name.starts_with(ARCHIVE_PREFIX)).take(FILES_MAX) {
        if file.size_bytes > left {
            break;
        }
        left -= file.size_bytes;
        let bytes = match exchange.read(Tray::Outbox, &file.name, file.size_bytes) {
            Err(error) if error.is_damage() => continue,
            read => read?,
        };
        let mut rest = bytes.as_slice();
        while let Some(frame) = Frame::decode(rest) {
            rest = rest.get(frame.stored_bytes()..).unwrap_or_default();
            held.insert(sha256(&frame.record), frame.record);
        }
    }
    Ok(held)
}
