//! What became of each file of a heap of evidence: it was read, or it was not and why.

use std::fmt;

use super::bundle::BundleError;
use crate::device::{DeviceError, ListError};
use crate::fat::ExchangeError;
use crate::format::DecodeError;
use crate::image::check::CheckError;
use crate::shop::ExportError;
use crate::trust::{Fingerprint, TrustError};
use crate::units::MediumId;

/// What a file was by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A medium's image, with what lies in its trays.
    Image,
    /// The directory of a mounted read-only area.
    ReadOnlyArea,
    /// The directory of a mounted writable area, with what lies in its trays.
    WritableArea,
    /// What a wallet exported: the stamped slots and the journal's records.
    Export,
    /// Records alone: an old generation of a journal, or a branch that was kept.
    Records,
    /// A store's journal.
    StoreJournal,
    /// What a payer signed for.
    Receipt,
    /// What a payer showed.
    Funding,
    /// A checkpoint on its way to its medium.
    Checkpoint,
    /// A signed item: what it costs and whose it is.
    Package,
    /// An archive of such files.
    Bundle,
}

impl What {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::ReadOnlyArea => "read-only area",
            Self::WritableArea => "writable area",
            Self::Export => "export",
            Self::Records => "records",
            Self::StoreJournal => "store journal",
            Self::Receipt => "receipt",
            Self::Funding => "funding",
            Self::Checkpoint => "checkpoint",
            Self::Package => "item",
            Self::Bundle => "bundle",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A file that was read.
#[derive(Debug)]
pub struct Taken {
    /// What it was.
    pub what: What,
    /// Whose, if it is a medium's.
    pub medium: Option<MediumId>,
    /// Records of media in it.
    pub records: usize,
    /// What became of the files in its trays that are evidence or look so, by their paths; of each
    /// member of a bundle, by its name. What ends a bundle before its time has no name.
    pub inside: Vec<(String, Result<Taken, Skipped>)>,
}

impl Taken {
    pub(super) fn of(what: What, medium: Option<MediumId>, records: usize) -> Self {
        Self { what, medium, records, inside: vec![] }
    }
}

/// Why a file was not read: none of it counts.
#[derive(Debug, thiserror::Error)]
pub enum Skipped {
    /// It doesn't begin like anything that evidence is made of.
    #[error("it is nothing that evidence is made of")]
    Foreign,
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// It begins like evidence and is longer than any.
    #[error("it begins like {what} and has {found} bytes, at most {limit} are read")]
    TooLong {
        /// What it begins like.
        what: &'static str,
        /// Its length.
        found: u64,
        /// The most that is read.
        limit: u64,
    },
    /// It says that it is something, and is malformed.
    #[error("{what}: {source}")]
    Decode {
        /// What it says it is.
        what: &'static str,
        /// What is wrong.
        source: DecodeError,
    },
    /// It isn't signed by whom it should be.
    #[error("{what}: {source}")]
    Trust {
        /// What it is.
        what: &'static str,
        /// Why it isn't believed.
        source: TrustError,
    },
    /// A bundle that can't be read on.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A bundle within a bundle.
    #[error("a bundle within a bundle is not looked into")]
    Nested,
    /// A member of a bundle that holds no bytes of its own.
    #[error("it is neither a file nor a folder")]
    NoFile,
    /// It is consistent under a root that nothing here pins.
    #[error("it stands under root {0}, which nothing here pins")]
    Unpinned(Fingerprint),
    /// A store's journal that isn't believed.
    #[error(transparent)]
    StoreJournal(#[from] ExportError),
    /// It ends before what it begins like does.
    #[error("it begins like {what} and is cut off: {found} bytes, {needed} are needed")]
    Cut {
        /// What it begins like.
        what: &'static str,
        /// Its length.
        found: u64,
        /// The least.
        needed: u64,
    },
    /// It states something else than its certificate.
    #[error("{what} says {found}, its certificate {expected}")]
    Other {
        /// Which statement.
        what: &'static str,
        /// As stated.
        found: String,
        /// As certified.
        expected: String,
    },
    /// A medium that a check didn't find good.
    #[error("the medium was altered, or isn't one: {0}")]
    Altered(String),
    /// It could not be checked.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// It could not be read.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A directory that can't be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// A medium's trays could not be read.
    #[error(transparent)]
    Trays(#[from] ExchangeError),
    /// What the operating system said, where the caller opened it.
    #[error("{0}")]
    Unopened(String),
}

impl Skipped {
    /// Is it damage or forgery, rather than something else or a failure to read?
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Bundle(error) => !matches!(error, BundleError::Device(_)),
            Self::Decode { .. }
            | Self::Trust { .. }
            | Self::Unpinned(_)
            | Self::StoreJournal(_)
            | Self::Cut { .. }
            | Self::Other { .. }
            | Self::Altered(_) => true,
            Self::Foreign
            | Self::Empty
            | Self::Nested
            | Self::NoFile
            | Self::TooLong { .. }
            | Self::Check(_)
            | Self::Device(_)
            | Self::List(_)
            | Self::Trays(_)
            | Self::Unopened(_) => false,
        }
    }

    pub(super) fn decode(what: &'static str) -> impl Fn(DecodeError) -> Self {
        move |source| Self::Decode { what, source }
    }

    pub(super) fn trust(what: &'static str) -> impl Fn(TrustError) -> Self {
        move |source| Self::Trust { what, source }
    }
}
