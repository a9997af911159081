//! Transfers of content between media: their terms, their partners, their receipts.

use ciborium::Value;

use super::certificate::Chain;
use super::checkpoint::Bounded;
use super::field::{Bytes, Field, Mismatch, Reader, record};
use super::objects;
use crate::units::{Amount, ByteCount, Currency, MediumId, Sequence, StoreId, Timestamp};

/// The most sheets that a payer shows.
pub const SHEETS_MAX: usize = 2;

/// Names one download of one content; random.
pub type TransferId = [u8; 16];

record! {
    /// What a transfer is about: fixed by its first start, repeated by each later one.
    pub struct Terms {
        /// The transfer.
        1 => transfer: TransferId,
        /// SHA-256 over the signed catalogue entry of the content.
        2 => entry: [u8; 32],
        /// The price of all of it, minor units.
        3 => price: Amount,
        /// Length of all of it, at least 1.
        4 => length: ByteCount,
        /// The uploader's share of the charge in millionths, at most 1,000,000.
        5 => share_ppm: u32,
    }
}

/// The other side of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partner {
    /// Another owner's medium.
    Medium(MediumId),
    /// A store's kiosk folder, which signs and earns nothing.
    Store(StoreId),
}

impl std::fmt::Display for Partner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Medium(number) => write!(f, "medium {number}"),
            Self::Store(number) => write!(f, "store {number}"),
        }
    }
}

impl Field for Partner {
    fn to_value(&self) -> Value {
        let (kind, number) = match self {
            Self::Medium(number) => (0, number.to_value()),
            Self::Store(number) => (1, number.to_value()),
        };
        Value::Array(vec![Value::from(kind), number])
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        let Some(2) = reader.row()? else {
            return Err(Mismatch::new("is not [kind, number]"));
        };
        match reader.unsigned()? {
            0 => Field::read(reader).map(Self::Medium),
            1 => Field::read(reader).map(Self::Store),
            other => Err(Mismatch::new(format!("{other} is no known kind of partner"))),
        }
    }
}

record! {
    /// The downloader's statement of the bytes that it verified; signed by its holder key.
    pub struct Receipt {
        /// The downloading medium.
        1 => medium: MediumId,
        /// The transfer.
        2 => transfer: TransferId,
        /// Sequence of the download-start that covers it.
        3 => start: Sequence,
        /// Who sent.
        4 => partner: Partner,
        /// Verified bytes before the segment.
        5 => before: ByteCount,
        /// Verified bytes that the segment brought so far.
        6 => got: ByteCount,
    }
}

record! {
    /// The newest settled state on a payer's chain, and what it lists that lies before its head.
    pub struct Settled {
        /// The signed checkpoint.
        1 => checkpoint: Bytes,
        /// The certificate of the settler that signed it.
        2 => certificate: Bytes,
        /// The signed download-starts of the transfers that it lists as open.
        3 => starts: Bounded<Bytes, 16>,
    }
}

record! {
    /// What shows a partner that a payer has what it reserves: kept by the partner, not signed
    /// itself, since each part is.
    pub struct Funding {
        /// The payer's signed medium certificate.
        1 => certificate: Bytes,
        /// The chain of the store that signed it.
        2 => chain: Chain,
        /// The signed policy that the medium was made under, then those that came later.
        3 => policies: Bounded<Bytes, 4>,
        /// The signed sheets of the medium, those that the records rest on at least.
        4 => sheets: Bounded<Bytes, SHEETS_MAX>,
        /// The signed list of what is revoked, if the medium has one.
        5 => revocation: Option<Bytes>,
        /// The newest checkpoint on the chain; none before the first.
        6 => settled: Option<Settled>,
        /// All signed records after that, or from the first on; oldest first.
        7 => records: Vec<Bytes>,
    }
}

record! {
    /// What a store lays out to be taken: a kiosk folder's contents, signed by the store.
    pub struct Offer {
        /// The store.
        1 => store: StoreId,
        /// The store's name, for a person.
        2 => name: String,
        /// Signed at.
        3 => issued: Timestamp,
        /// The currency of all prices.
        4 => currency: Currency,
        /// SHA-256 over each signed catalogue entry that is offered.
        5 => entries: Bounded<[u8; 32], 512>,
    }
}

objects! {
    Receipt => Receipt,
    Funding => Funding,
    Offer => Offer,
}
