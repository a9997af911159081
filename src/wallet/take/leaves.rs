//! An item's file piece by piece, each held against the root that was signed.

use std::num::NonZeroUsize;

use super::goods::Goods;
use super::shelf::{Content, Shelf, ShelfError};
use crate::image::leaves::{Interrupted, Watch, fill_and_hash};
use crate::image::tree::{BLOCK_BYTES, Digest, file_root, push_leaves};

const LEAF: u64 = BLOCK_BYTES as u64;
/// Read in one piece when what is at hand is looked through.
const READ_BYTES: u64 = 1 << 20;

/// The leaves under a file's signed root: with them any 4,096 bytes of it can be judged alone.
#[derive(Debug)]
pub struct Leaves {
    length: u64,
    digests: Vec<Digest>,
}

/// Why a partner's file is not the item.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// Its bytes are others.
    #[error("the item's file is damaged there: its root is {found}, signed is {expected}")]
    Root {
        /// The root over what was read, in hex.
        found: String,
        /// The signed one, in hex.
        expected: String,
    },
    /// It could not be read.
    #[error("{0}")]
    Content(#[from] ShelfError),
    /// The work was asked to stop.
    #[error("interrupted")]
    Interrupted(#[from] Interrupted),
}

impl Leaves {
    /// Read a partner's whole file before anything is paid: its leaves, if they have the root that
    /// was signed.
    pub fn survey(
        content: &dyn Content,
        goods: &Goods,
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Result<Self, SurveyError> {
        let length = goods.length.bytes();
        let fill = |offset: u64, buf: &mut [u8]| -> Result<(), SurveyError> {
            let left = length.saturating_sub(offset);
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
            content.read_at(offset, &mut buf[..count])?;
            buf[count..].fill(0);
            Ok(())
        };
        let digests = fill_and_hash(length.div_ceil(LEAF), threads, watch, &fill)?;
        let found = file_root(&digests);
        if found != goods.root {
            let hex = |hash: &Digest| data_encoding::HEXLOWER.encode(hash);
            let (found, expected) = (hex(&found), hex(&goods.root));
            return Err(SurveyError::Root { found, expected });
        }
        Ok(Self { length, digests })
    }

    /// Length of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Are these the file's bytes from `at` on? They begin at a leaf and end at one, or with the
    /// file.
    pub fn fit(&self, at: u64, bytes: &[u8]) -> bool {
        let end = at.saturating_add(bytes.len() as u64);
        if !at.is_multiple_of(LEAF) || !(end.is_multiple_of(LEAF) || end == self.length) {
            return false;
        }
        let first = usize::try_from(at / LEAF).unwrap_or(usize::MAX);
        let mut found = vec![];
        push_leaves(&mut found, bytes);
        self.digests.get(first..).is_some_and(|rest| rest.starts_with(&found))
    }

    /// How many bytes of the file lie at hand under a name, from its beginning on; those behind
    /// the first leaf that is not the file's, or can't be read for damage, don't count.
    pub fn at_hand(&self, files: &dyn Shelf, name: &str) -> Result<AtHand, ShelfError> {
        let stored = files.size(name)?.unwrap_or(0);
        let whole = if stored >= self.length { self.length } else { stored / LEAF * LEAF };
        let mut good = 0;
        let mut buf = vec![];
        while good < whole {
            let count = READ_BYTES.min(whole - good);
            buf.resize(usize::try_from(count).expect("at most a MiB"), 0);
            match files.read_at(name, good, &mut buf) {
                Err(ShelfError::Damaged(_)) => break,
                read => read?,
            }
            let fitting = buf.chunks(BLOCK_BYTES).zip(0..);
            let first_bad = fitting.clone().find(|(leaf, nth)| !self.fit(good + nth * LEAF, leaf));
            if let Some((_, nth)) = first_bad {
                good += nth * LEAF;
                break;
            }
            good += count;
        }
        Ok(AtHand { good, stored })
    }
}

/// What of a file is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtHand {
    /// Bytes from its beginning on that are the file's.
    pub good: u64,
    /// Bytes that are stored.
    pub stored: u64,
}
