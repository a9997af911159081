//! What is stamped on one medium: certificate, user information, seal.

use super::certificate::{Chain, Confirmation};
use super::cose::Sign1;
use super::edition::EditionId;
use super::field::{Bytes, record};
use super::{Kind, cbor, objects};
use crate::crypto::sign::KeyId;
use crate::units::{ByteCount, Currency, MediumId, StoreId, Timestamp};

record! {
    /// A medium's certificate, signed by its store; the claims' keys are those of the CWT registry.
    ///
    /// It never holds a balance.
    pub struct MediumCertificate {
        /// Claim `iss`: the store's name.
        1 => issuer: String,
        /// Claim `iat`: made at.
        6 => issued: Timestamp,
        /// Claim `cnf`: the first holder key.
        8 => key: Confirmation,
        /// The medium's number.
        -70_010 => medium: MediumId,
        /// The edition it was burnt from.
        -70_011 => edition: EditionId,
        /// The store.
        -70_012 => store: StoreId,
        /// Sequence of the burn in the store's journal.
        -70_013 => serial: u64,
        /// Sheets that came with it.
        -70_014 => sheets: Vec<[u8; 16]>,
        /// The currency it holds.
        -70_015 => currency: Currency,
        /// Identity of the hardware it was burnt to, where that has one: `sd-cid:…`, `usb:…`.
        -70_016 => hardware: Option<String>,
    }
}

/// Whose a signed certificate says it is: nobody has checked the signature, nor the rest of its form.
///
/// Its key isn't read, which would cost as much as checking the signature does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatedOwner {
    /// The medium.
    pub medium: MediumId,
    /// The store.
    pub store: StoreId,
    /// The currency it holds.
    pub currency: Currency,
    /// The key that it names as its signer's.
    pub signer: KeyId,
}

impl StatedOwner {
    /// What signed bytes say, if they have a certificate's form.
    pub fn read(certificate: &[u8]) -> Option<Self> {
        let message = Sign1::decode(certificate, Kind::MediumCertificate).ok()?;
        let mut reader = cbor::begin(message.payload(), Kind::MediumCertificate).ok()?;
        let mut map = reader.map().ok()?;
        let medium = map.take(-70_010, "medium").ok()?;
        let store = map.take(-70_012, "store").ok()?;
        let currency = map.take(-70_015, "currency").ok()?;
        Some(Self { medium, store, currency, signer: message.key_id() })
    }
}

record! {
    /// Slot `/SCRIP/MEDIUM/CERT.CBR`: the medium's certificate and its store's chain.
    pub struct CertificateSlot {
        /// The signed [`MediumCertificate`].
        1 => certificate: Bytes,
        /// The store's certificate first.
        2 => chain: Chain,
    }
}

record! {
    /// Slot `/SCRIP/MEDIUM/SHEETS.CBR`: the live sheets, newest first, at most two.
    pub struct SheetSlot {
        /// Signed sheets.
        1 => sheets: Vec<Bytes>,
    }
}

record! {
    /// Slot `/SCRIP/MEDIUM/USER.CBR`: who has it and where it came from; signed by the store.
    pub struct UserInformation {
        /// The medium.
        1 => medium: MediumId,
        /// Random; names the owner to the store without naming the person.
        2 => user: [u8; 8],
        /// The registering store.
        3 => store: StoreId,
        /// The registering store's name.
        4 => store_name: String,
        /// Sold at; absent on the shelf.
        5 => sold: Option<Timestamp>,
        /// The owner's name, only if the owner asked for it.
        6 => owner: Option<String>,
    }
}

record! {
    /// The store's statement about one medium; lies outside the tree it speaks of.
    pub struct MediumSeal {
        /// The medium.
        1 => medium: MediumId,
        /// The edition.
        2 => edition: EditionId,
        /// SHA-256 over the signed medium certificate.
        3 => certificate: [u8; 32],
        /// The hash tree's root with this medium's stamp.
        4 => root: [u8; 32],
        /// Length of the read-only volume.
        5 => rom: ByteCount,
        /// Length of the seal's partition.
        6 => seal: ByteCount,
        /// Length of the writable volume.
        7 => ram: ByteCount,
        /// The store that signed.
        8 => store: StoreId,
        /// Signed at.
        9 => at: Timestamp,
        /// The signer's chain, where it is not the chain in the certificate's slot.
        10 => chain: Option<Chain>,
    }
}

objects! {
    MediumCertificate => MediumCertificate,
    CertificateSlot => Chain,
    SheetSlot => Chain,
    UserInformation => UserInformation,
    MediumSeal => MediumSeal,
}
