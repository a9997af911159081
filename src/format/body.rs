//! What a record carries beside its two entries: one form for each kind, two for top-ups.

use ciborium::Value;

use super::field::{Bytes, Field, MapWriter, Mismatch, Reader, choice, rising};
use super::record::{EventId, RecordKind};
use super::sheet::{SecretDigits, SheetId};
use super::transfer::{Partner, Terms, TransferId};
use crate::crypto::sign::PublicKey;
use crate::units::{Amount, ByteCount, StoreId};

choice! {
    /// Why a record of kind exception stands in a journal; it tells what happened, not why.
    pub enum Cause {
        /// This computer's mirror holds another continuation of the journal.
        0 => Diverged "the mirror diverged",
        /// The journal holds fewer records than this computer last saw.
        1 => Shortened "records are missing at the end",
        /// A transfer's partner can't be reached any more.
        2 => PartnerGone "the partner is gone",
        /// A partner shows another count of bytes than this medium.
        3 => CountDiffers "the counts of bytes differ",
    }
}

/// Define the forms of a body: number, variant, kind of record, fields.
macro_rules! bodies {
    ($(#[$meta:meta])* pub enum $name:ident { $(
        $(#[$variant_meta:meta])*
        $form:literal => $variant:ident of $kind:ident {
            $( $(#[$field_meta:meta])* $key:literal => $field:ident : $type:ty ),* $(,)?
        }
    )* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant { $( $(#[$field_meta])* $field: $type, )* }, )*
        }

        impl $name {
            /// The record kind that this body belongs to.
            pub fn kind(&self) -> RecordKind {
                match self { $( Self::$variant { .. } => RecordKind::$kind, )* }
            }
        }

        $( const _: () = assert!(rising(&[0, $( $key ),*])); )*

        impl Field for $name {
            fn to_value(&self) -> Value {
                let mut map = MapWriter::default();
                match self { $(
                    Self::$variant { $( $field, )* } => {
                        map.put(0, &($form as u64));
                        $( map.put($key, $field); )*
                    }
                )* }
                map.finish()
            }

            #[inline(always)]
            fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
                let mut map = reader.map()?;
                let body = match map.take::<u64>(0, "form")? {
                    $( $form => Self::$variant {
                        $( $field: map.take($key, stringify!($field))?, )*
                    }, )*
                    other => {
                        return Err(Mismatch::new(format!("{other} is no known form of body")));
                    }
                };
                map.finish()?;
                Ok(body)
            }
        }
    };
}

/// What the body of an upload's start says but for the key of its payer, which costs as much to read
/// as checking a signature does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedUpload {
    /// As in [`Body::UploadStart`].
    pub terms: Terms,
    /// As in [`Body::UploadStart`].
    pub before: ByteCount,
    /// As in [`Body::UploadStart`].
    pub start: [u8; 32],
}

impl StatedUpload {
    /// The form that such a body has.
    const FORM: u64 = 10;

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, Mismatch> {
        let mut map = reader.map()?;
        if map.take::<u64>(0, "form")? != Self::FORM {
            return Ok(None);
        }
        let terms = map.take(1, "terms")?;
        let before = map.take(3, "before")?;
        Ok(Some(Self { terms, before, start: map.take(4, "start")? }))
    }
}

bodies! {
    /// What a record carries beside its two entries.
    pub enum Body {
        /// The journal begins.
        0 => Genesis of Genesis {
            /// SHA-256 over the signed medium certificate that it begins under.
            1 => certificate: [u8; 32],
        }
        /// A sealed code.
        1 => TopupCode of Topup {
            /// The sheet.
            1 => sheet: SheetId,
            /// The slot.
            2 => slot: u8,
            /// What opens the slot's commitment.
            3 => secret: SecretDigits,
        }
        /// A voucher.
        2 => TopupVoucher of Topup {
            /// The signed voucher.
            1 => voucher: Bytes,
            /// The certificate of its store, where that is not the medium's.
            2 => certificate: Option<Bytes>,
        }
        /// The medium was sold to its owner.
        3 => Sale of Sale {
            /// By this store.
            1 => store: StoreId,
            /// Sequence of the sale in the store's journal: the receipt's number.
            2 => receipt: u64,
            /// What was paid for it, minor units.
            3 => price: Option<Amount>,
        }
        /// Goods on this medium were bought; what and for how much stands in the entries.
        4 => Purchase of Purchase {}
        /// Goods were played.
        5 => Play of Play {}
        /// A server was reached.
        6 => Connect of Connect {
            /// SHA-256 over its key, where it was pinned.
            1 => pin: Option<[u8; 32]>,
        }
        /// A segment of a download began; its greatest charge is reserved.
        7 => DownloadStart of DownloadStart {
            /// What the whole transfer is about.
            1 => terms: Terms,
            /// Who sends.
            2 => partner: Partner,
            /// Verified bytes at hand before it.
            3 => before: ByteCount,
        }
        /// The open segment of a download broke off.
        8 => DownloadInterrupted of DownloadInterrupted {
            /// The transfer.
            1 => transfer: TransferId,
            /// Verified bytes that the segment brought.
            2 => got: ByteCount,
        }
        /// The open segment of a download brought the last byte.
        9 => DownloadEnd of DownloadEnd {
            /// The transfer.
            1 => transfer: TransferId,
            /// Verified bytes that the segment brought.
            2 => got: ByteCount,
        }
        /// A segment of an upload began.
        10 => UploadStart of UploadStart {
            /// What the whole transfer is about.
            1 => terms: Terms,
            /// Who receives and pays.
            2 => partner: Partner,
            /// Bytes that the partner had before it.
            3 => before: ByteCount,
            /// SHA-256 over the partner's signed download-start.
            4 => start: [u8; 32],
            /// The key that the partner's receipts are signed by.
            5 => key: Box<PublicKey>,
        }
        /// The open segment of an upload broke off.
        11 => UploadInterrupted of UploadInterrupted {
            /// The transfer.
            1 => transfer: TransferId,
            /// Bytes of the segment that the partner signed for.
            2 => got: ByteCount,
        }
        /// The open segment of an upload sent the last byte.
        12 => UploadEnd of UploadEnd {
            /// The transfer.
            1 => transfer: TransferId,
            /// Bytes of the segment that the partner signed for.
            2 => got: ByteCount,
        }
        /// The fee of a segment, by the greatest receipt that the partner signed for it.
        13 => Earn of Earn {
            /// The signed receipt.
            1 => receipt: Bytes,
        }
        /// A settled state whose head is on this chain was taken over.
        14 => Checkpoint of Checkpoint {
            /// The signed checkpoint.
            1 => checkpoint: Bytes,
            /// The settler's certificate.
            2 => certificate: Bytes,
        }
        /// A policy was taken over.
        15 => Policy of Policy {
            /// Its number.
            1 => number: u64,
            /// SHA-256 over the signed policy.
            2 => hash: [u8; 32],
        }
        /// Something needs a look.
        16 => Exception of Exception {
            /// What happened.
            1 => cause: Cause,
            /// SHA-256 over the signed object it is about.
            2 => subject: Option<[u8; 32]>,
        }
        /// A settled state whose head is on another branch was taken over.
        17 => Merge of Merge {
            /// The signed checkpoint.
            1 => checkpoint: Bytes,
            /// The settler's certificate.
            2 => certificate: Bytes,
            /// The accounting events that the checkpoint names by its `settled_since`, ascending.
            3 => settled_since: Vec<EventId>,
        }
        /// The owner's own key took the place of the store-made one.
        18 => Rekey of Rekey {
            /// The new key.
            1 => key: Box<PublicKey>,
            /// Its signature: that whoever changes the key has the new one.
            2 => proof: [u8; 64],
        }
        /// Value was given back for a purchase.
        19 => Refund of Refund {
            /// The signed voucher that gives it.
            1 => voucher: Bytes,
            /// The certificate of its store, where that is not the medium's.
            2 => certificate: Option<Bytes>,
            /// The accounting event of the purchase.
            3 => refunded: EventId,
        }
    }
}
