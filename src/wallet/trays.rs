//! What lies in OUTBOX and INBOX, as far as a wallet knows it.

use super::archive::ARCHIVE_PREFIX;
use super::medium::Medium;
use super::parted::BRANCH_PREFIX;
use super::settling::ApplyRefusal;
use super::take::Packaged;
use crate::fat::{Exchange, ExchangeError, Filed, Tray};
use crate::format::checkpoint::CheckpointFile;
use crate::format::record::{Body, Record};
use crate::format::shelf::{FUNDING_END, PACKAGE_END, RECEIPT_END};
use crate::format::transfer::{Funding, Receipt, TransferId};
use crate::format::{Kind, Object};
use crate::journal::frame::Frame;
use crate::trust::{Claimed, Verified};

/// Only so many files of a tray are looked into.
const FILES_MAX: usize = 1_000;
/// The longest old generation or branch: a bank.
const FRAMES_BYTES_MAX: u64 = 32 << 20;

/// A file in a tray that a wallet made or knows what to do with.
#[derive(Debug)]
pub struct Found {
    /// Where.
    pub tray: Tray,
    /// Its name there.
    pub name: String,
    /// What it is.
    pub what: Kept,
}

/// What a file in a tray is.
#[derive(Debug)]
pub enum Kept {
    /// A checkpoint that can be applied; it has this number.
    Checkpoint(u64),
    /// A checkpoint that is not to be applied, and why.
    NoUse(ApplyRefusal),
    /// An old generation of the journal.
    Archive(Frames),
    /// Records that another computer or this one alone saw.
    Branch(Frames),
    /// An item that was taken: bytes that are there, and that it has.
    Package {
        /// The item.
        item: String,
        /// Bytes that are here.
        found: u64,
        /// Bytes of the whole.
        expected: u64,
    },
    /// The newest receipt of a transfer that waits for its fee.
    Waiting(TransferId),
    /// A receipt, or what a payer showed, of which nothing is due any more: evidence.
    Evidence,
    /// What a payer showed for uploads that a checkpoint has settled: nothing hangs on it any more.
    Cleared,
    /// A file whose name says that it is one of these, and whose bytes aren't.
    Damaged {
        /// What it is to be.
        purpose: Purpose,
        /// What is wrong with it.
        why: String,
    },
    /// What a write that was killed left behind.
    Leftover,
}

/// What a damaged file is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The newest receipt of a transfer that waits for its fee.
    Waiting,
    /// Evidence.
    Evidence,
    /// What proves an item that was taken.
    Package,
}

/// Frames in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frames {
    /// How many are whole, one behind the other from its beginning.
    pub whole: usize,
    /// Bytes behind the last of these.
    pub torn_bytes: u64,
}

impl Frames {
    fn of(bytes: &[u8]) -> Self {
        let (mut rest, mut whole) = (bytes, 0);
        while let Some(frame) = Frame::decode(rest) {
            rest = rest.get(frame.stored_bytes()..).unwrap_or_default();
            whole += 1;
        }
        Self { whole, torn_bytes: rest.len() as u64 }
    }
}

impl Medium {
    /// What of ours lies in both trays; files of the owner's own are left out.
    pub fn look_into(&self, exchange: &Exchange<'_>) -> Result<Vec<Found>, ExchangeError> {
        let mut found = vec![];
        for tray in [Tray::Outbox, Tray::Inbox] {
            let files = exchange.list(tray)?;
            for file in files.iter().take(FILES_MAX) {
                let what = self.identified(exchange, tray, file, &files)?;
                found.extend(what.map(|what| Found { tray, name: file.name.clone(), what }));
            }
            let left = exchange.leftovers(tray)?.into_iter();
            found.extend(left.map(|name| Found { tray, name, what: Kept::Leftover }));
        }
        Ok(found)
    }

    fn identified(
        &self,
        exchange: &Exchange<'_>,
        tray: Tray,
        file: &Filed,
        all: &[Filed],
    ) -> Result<Option<Kept>, ExchangeError> {
        let name = file.name.as_str();
        if tray == Tray::Outbox && name.starts_with(ARCHIVE_PREFIX) {
            return frames(exchange, file).map(|frames| Some(Kept::Archive(frames)));
        }
        if tray == Tray::Outbox && name.starts_with(BRANCH_PREFIX) {
            return frames(exchange, file).map(|frames| Some(Kept::Branch(frames)));
        }
        let of = transfer_of(name);
        let kind = if of.is_some() { Kind::Funding } else { Kind::CheckpointFile };
        let limit_bytes = kind.bytes_max() as u64;
        if of.is_none() && file.size_bytes > limit_bytes {
            return Ok(None);
        }
        let bytes = match exchange.read(tray, name, limit_bytes) {
            Err(error) if error.is_damage() => Err(error.to_string()),
            read => Ok(read?),
        };
        if let Some(transfer) = of {
            return Ok(Some(self.of_transfer(name, &transfer, bytes)));
        }
        if name.ends_with(PACKAGE_END) {
            return Ok(match bytes {
                Ok(bytes) => self.held_package(&bytes, all),
                Err(why) => Some(Kept::Damaged { purpose: Purpose::Package, why }),
            });
        }
        let bytes = bytes.unwrap_or_default();
        let is_checkpoint = CheckpointFile::decode(&bytes).is_ok();
        Ok(is_checkpoint.then(|| match self.settling(&bytes) {
            Ok(settling) => Kept::Checkpoint(settling.checkpoint.number),
            Err(refusal) => Kept::NoUse(refusal),
        }))
    }

    /// A receipt, or what a payer showed.
    fn of_transfer(
        &self,
        name: &str,
        transfer: &TransferId,
        bytes: Result<Vec<u8>, String>,
    ) -> Kept {
        let waits = self.account.state.uploads.contains_key(transfer);
        let shown = name.ends_with(FUNDING_END);
        if shown && !waits && self.cleared(transfer) {
            return Kept::Cleared;
        }
        let purpose = if waits && !shown { Purpose::Waiting } else { Purpose::Evidence };
        let sound = bytes.and_then(|bytes| {
            let sound = if shown {
                Funding::decode(&bytes).map(drop).map_err(|error| error.to_string())
            } else {
                Claimed::<Receipt>::read(&bytes).map(drop).map_err(|error| error.to_string())
            };
            sound.map_err(|error| format!("{} bytes: {error}", bytes.len()))
        });
        match (sound, waits) {
            (Err(why), _) => Kept::Damaged { purpose, why },
            (Ok(()), true) => Kept::Waiting(*transfer),
            (Ok(()), false) => Kept::Evidence,
        }
    }

    /// Has the checkpoint that the journal begins behind settled every segment that was sent of a
    /// transfer? What the journal doesn't know of is nobody's to clear.
    fn cleared(&self, transfer: &TransferId) -> bool {
        let Some(anchor) = &self.account.anchor else { return false };
        let of = |record: &&Verified<Record>| match &record.body {
            Body::UploadStart { terms, .. } => terms.transfer == *transfer,
            _ => false,
        };
        let newest = self.records().rfind(of);
        newest.is_some_and(|record| record.seq <= anchor.checkpoint.seq)
    }

    /// Remove what payers showed of uploads that a checkpoint has settled; how many files.
    pub fn clear(&self, exchange: &Exchange<'_>) -> Result<usize, ExchangeError> {
        let found = self.look_into(exchange)?;
        let cleared: Vec<_> =
            found.iter().filter(|found| matches!(found.what, Kept::Cleared)).collect();
        for file in &cleared {
            exchange.remove(file.tray, &file.name)?;
        }
        Ok(cleared.len())
    }

    fn held_package(&self, bytes: &[u8], all: &[Filed]) -> Option<Kept> {
        let packaged = Packaged::read(bytes, &self.trust()).ok()?;
        let (data, expected) = (packaged.goods().names().data(), packaged.entry.size.bytes());
        let found = all.iter().find(|file| file.name == data).map_or(0, |file| file.size_bytes);
        Some(Kept::Package { item: packaged.entry.id.clone(), found, expected })
    }
}

/// The frames of an old generation or a branch; none of what can't be read for damage.
fn frames(exchange: &Exchange<'_>, file: &Filed) -> Result<Frames, ExchangeError> {
    match exchange.read(Tray::Outbox, &file.name, FRAMES_BYTES_MAX) {
        Ok(bytes) => Ok(Frames::of(&bytes)),
        Err(error) if error.is_damage() => Ok(Frames { whole: 0, torn_bytes: file.size_bytes }),
        Err(error) => Err(error),
    }
}

/// The transfer that a receipt, or what a payer showed, is of by its name.
fn transfer_of(name: &str) -> Option<TransferId> {
    let stem = name.strip_suffix(RECEIPT_END).or_else(|| {
        let (transfer, start) = name.strip_suffix(FUNDING_END)?.split_once('-')?;
        start.parse::<u64>().ok().map(|_| transfer)
    })?;
    data_encoding::HEXLOWER.decode(stem.as_bytes()).ok()?.try_into().ok()
}
