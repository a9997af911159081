//! Strict deterministic CBOR and COSE to and from typed records; no clock, no files.
//!
//! Every stored object is specified in `SPEC.md` and `scrip.cddl` beside this file. A type's
//! [`Object::encode`] writes its one encoding; [`Object::decode`] refuses every other.

#![expect(
    clippy::inline_always,
    reason = "a record is dozens of tiny reads, whose calls would cost more than they do"
)]

pub mod access;
mod body;
pub mod cbor;
pub mod certificate;
pub mod checkpoint;
pub mod cose;
pub mod decision;
pub mod edition;
pub mod field;
mod head;
pub mod item;
pub mod medium;
pub mod papers;
pub mod plan;
pub mod policy;
pub mod proof;
mod reader;
pub mod record;
pub mod sheet;
pub mod shelf;
pub mod spec {
    #![doc = include_str!("SPEC.md")]
}
pub mod store;
pub mod text;
pub mod transfer;

use field::Field;

/// A kind of object, which names its signature's domain and its size limit.
///
/// A signature over one kind never counts for another: [`Kind::domain`] is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A root's, issuer's, store's, settler's or rom-signer's certificate.
    Certificate,
    /// What a store sends to be enrolled.
    EnrolRequest,
    /// The issuer's limits.
    Policy,
    /// The issuer's list of what is revoked.
    Revocation,
    /// What an edition's read-only area holds.
    Manifest,
    /// The rom-signer's statement of an edition's root.
    EditionSeal,
    /// The store's statement of a medium's root.
    MediumSeal,
    /// A medium's certificate.
    MediumCertificate,
    /// Who a medium was sold to and by whom.
    UserInformation,
    /// A sheet of sealed top-up codes.
    Sheet,
    /// Blank media numbers with their sheets and codes for one store.
    Kit,
    /// A signed top-up.
    Voucher,
    /// One entry of a store's own journal: a burn, a sale, a top-up.
    StoreEntry,
    /// One entry of a medium's journal.
    Record,
    /// A medium's settled state.
    Checkpoint,
    /// A downloader's count of verified bytes.
    Receipt,
    /// Where the wallet connects and what it shows (not signed: the manifest covers it).
    Settings,
    /// What the read-only area offers (not signed: the manifest covers it).
    Catalogue,
    /// One entry of a catalogue, to be proven apart from its edition.
    Item,
    /// A signed item with its signer's chain (not signed: each part is).
    Package,
    /// The key of a sealed file in its owner's ring (sealed, not signed).
    ItemKey,
    /// An edition's secret sealed to a store's key (sealed, not signed).
    SealedSecret,
    /// An access key's slot (sealed, not signed).
    AccessSlot,
    /// A kit sealed to its store's key (sealed; the kit inside is signed).
    SealedKit,
    /// A private key at rest (sealed under a passphrase).
    KeyFile,
    /// What an edition file says of itself before it is signed (not signed: `sign` makes seals).
    EditionHeader,
    /// A certificate chain, leaf first (each part is signed).
    Chain,
    /// A voucher with its store's chain (not signed: each part is).
    VoucherFile,
    /// What shows that a payer has what it reserves (not signed: each part is).
    Funding,
    /// What a store lays out to be taken.
    Offer,
    /// A checkpoint with its settler's chain and what goes with it (not signed: each part is).
    CheckpointFile,
    /// How a plan begins (not signed: whoever posts it judges it).
    PlanHead,
    /// What a plan says of one medium (not signed).
    PlanEntry,
    /// What a plan adds up to (not signed).
    PlanTail,
    /// What a medium keeps of what came with its checkpoints (not signed: each part is).
    Papers,
    /// Two signed objects of one sequence, and whose key signed them (not signed: each part is).
    ForkProof,
    /// What a person decided about a finding.
    Decision,
    /// A decision under its signatures (not signed: each part is).
    DecisionFile,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Certificate,
        Self::EnrolRequest,
        Self::Policy,
        Self::Revocation,
        Self::Manifest,
        Self::EditionSeal,
        Self::MediumSeal,
        Self::MediumCertificate,
        Self::UserInformation,
        Self::Sheet,
        Self::Kit,
        Self::Voucher,
        Self::StoreEntry,
        Self::Record,
        Self::Checkpoint,
        Self::Receipt,
        Self::Settings,
        Self::Catalogue,
        Self::AccessSlot,
        Self::SealedKit,
        Self::KeyFile,
        Self::EditionHeader,
        Self::Chain,
        Self::VoucherFile,
        Self::Item,
        Self::Package,
        Self::Funding,
        Self::Offer,
        Self::ItemKey,
        Self::CheckpointFile,
        Self::SealedSecret,
        Self::PlanHead,
        Self::PlanEntry,
        Self::PlanTail,
        Self::Papers,
        Self::ForkProof,
        Self::Decision,
        Self::DecisionFile,
    ];

    /// The kind's name, as it stands in the `typ` header (RFC 9596) and in the domain.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::EnrolRequest => "enrol-request",
            Self::Policy => "policy",
            Self::Revocation => "revocation",
            Self::Manifest => "manifest",
            Self::EditionSeal => "edition-seal",
            Self::MediumSeal => "medium-seal",
            Self::MediumCertificate => "medium-certificate",
            Self::UserInformation => "user-information",
            Self::Sheet => "sheet",
            Self::Kit => "kit",
            Self::Voucher => "voucher",
            Self::StoreEntry => "store-entry",
            Self::Record => "record",
            Self::Checkpoint => "checkpoint",
            Self::Receipt => "receipt",
            Self::Settings => "settings",
            Self::Catalogue => "catalogue",
            Self::Item => "item",
            Self::Package => "package",
            Self::ItemKey => "item-key",
            Self::SealedSecret => "sealed-secret",
            Self::AccessSlot => "access-slot",
            Self::SealedKit => "sealed-kit",
            Self::KeyFile => "key-file",
            Self::EditionHeader => "edition-header",
            Self::Chain => "chain",
            Self::VoucherFile => "voucher-file",
            Self::Funding => "funding",
            Self::Offer => "offer",
            Self::CheckpointFile => "checkpoint-file",
            Self::PlanHead => "plan-head",
            Self::PlanEntry => "plan-entry",
            Self::PlanTail => "plan-tail",
            Self::Papers => "papers",
            Self::ForkProof => "fork-proof",
            Self::Decision => "decision",
            Self::DecisionFile => "decision-file",
        }
    }

    /// The `external_aad` of signatures and the associated data of seals: `scrip/v1/<name>`.
    pub fn domain(self) -> Vec<u8> {
        format!("scrip/v1/{}", self.name()).into_bytes()
    }

    /// The longest encoding of this kind, in bytes, signature included.
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Manifest | Self::PlanEntry => 16 << 20,
            Self::Kit | Self::SealedKit => 64 << 20,
            Self::Catalogue | Self::Funding => 1 << 20,
            Self::ItemKey => 2 * access::ITEM_KEY_BYTES,
            Self::Revocation => 16 << 10,
            Self::Sheet
            | Self::Policy
            | Self::UserInformation
            | Self::Item
            | Self::AccessSlot
            | Self::Record
            | Self::ForkProof => 4 << 10,
            Self::Settings | Self::Chain | Self::MediumSeal => 8 << 10,
            Self::Checkpoint => 3 << 10,
            Self::EditionHeader | Self::CheckpointFile => 64 << 10,
            Self::Papers => papers::PAPERS_SLOT_BYTES,
            Self::VoucherFile | Self::Package | Self::DecisionFile => 12 << 10,
            Self::Offer => 20 << 10,
            _ => 2 << 10,
        }
    }

    /// The most values (integers, strings, arrays, maps; keys aside) that one encoding holds.
    pub const fn items_max(self) -> usize {
        match self {
            Self::Kit => 8 << 20,
            Self::Manifest | Self::PlanEntry => 512 << 10,
            Self::Catalogue => 128 << 10,
            Self::Revocation | Self::CheckpointFile | Self::Funding => 4 << 10,
            _ => 1 << 10,
        }
    }
}

/// A typed record of one kind with exactly one encoding.
pub trait Object: Field {
    /// Its kind.
    const KIND: Kind;

    /// The one encoding.
    fn encode(&self) -> Vec<u8> {
        cbor::encode(&self.to_value())
    }

    /// Read exactly one object; every other encoding of it is refused.
    #[inline]
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        cbor::read(bytes, Self::KIND, Self::read)
            .map_err(|mismatch| mismatch.within(bytes, Self::KIND))
    }
}

/// Say which [`Kind`] each record type is.
macro_rules! objects {
    ($( $type:ty => $kind:ident ),* $(,)?) => {
        $( impl $crate::format::Object for $type {
            const KIND: $crate::format::Kind = $crate::format::Kind::$kind;
        } )*
    };
}
pub(crate) use objects;

/// Why bytes are not an object; positions are byte offsets into what was decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than the kind allows.
    #[error("{found} bytes, limit {max}")]
    TooLarge {
        /// Bytes given.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// More values than the kind allows.
    #[error("at byte {at}: more than {max} values")]
    TooManyItems {
        /// Where.
        at: usize,
        /// Values allowed.
        max: usize,
    },
    /// The input ends inside an item.
    #[error("at byte {at}: item needs {needs} bytes, {found} are left")]
    Truncated {
        /// Where.
        at: usize,
        /// Bytes the item needs.
        needs: u64,
        /// Bytes that are there.
        found: usize,
    },
    /// Something follows the object.
    #[error("object ends at byte {used} of {found}: nothing may follow it")]
    Trailing {
        /// Length of the object.
        used: usize,
        /// Bytes given.
        found: usize,
    },
    /// A slot's padding isn't zero.
    #[error("at byte {at}: padding is not zero")]
    Padding {
        /// Where.
        at: usize,
    },
    /// A head that RFC 8949 reserves.
    #[error("at byte {at}: not CBOR")]
    Malformed {
        /// Where.
        at: usize,
    },
    /// An integer or length that is not in its shortest form.
    #[error("at byte {at}: integer not in its shortest form")]
    NotShortest {
        /// Where.
        at: usize,
    },
    /// An indefinite length.
    #[error("at byte {at}: indefinite length")]
    Indefinite {
        /// Where.
        at: usize,
    },
    /// A map key that is no integer.
    #[error("at byte {at}: map key is not an integer")]
    KeyType {
        /// Where.
        at: usize,
    },
    /// A map key that stands twice.
    #[error("at byte {at}: map key stands twice")]
    DuplicateKey {
        /// Where.
        at: usize,
    },
    /// A map key after a larger one.
    #[error("at byte {at}: map key out of order")]
    KeyOrder {
        /// Where.
        at: usize,
    },
    /// A tag that isn't allowed there.
    #[error("at byte {at}: tag {tag} is not allowed here")]
    Tag {
        /// Where.
        at: usize,
        /// The tag.
        tag: u64,
    },
    /// A float, null, undefined or unknown simple value.
    #[error("at byte {at}: float or simple value other than true and false")]
    Simple {
        /// Where.
        at: usize,
    },
    /// Text that isn't UTF-8.
    #[error("at byte {at}: text is not UTF-8")]
    NotUtf8 {
        /// Where.
        at: usize,
    },
    /// Nested too deep.
    #[error("at byte {at}: nested deeper than {max}")]
    TooDeep {
        /// Where.
        at: usize,
        /// The limit.
        max: u32,
    },
    /// A field of an object that breaks its type's rule.
    #[error("{kind}: {path}{}{reason}", if path.is_empty() { "" } else { ": " })]
    Object {
        /// The object's kind.
        kind: &'static str,
        /// Dotted path of the field, or empty.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// Not a `COSE_Sign1` of the form that Scrip writes.
    #[error("not a signed {kind}: {reason}")]
    Envelope {
        /// The kind that was expected.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
}
