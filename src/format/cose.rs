//! Signed objects: `COSE_Sign1` (RFC 9052 section 4.2), tagged 18, with Ed25519.
//!
//! The protected header is exactly {1: -8 (`EdDSA`), 4: key id, 16: `"x.scrip.<kind>"`}; the
//! unprotected header is empty; the payload is attached. `external_aad` is [`Kind::domain`].

use ciborium::Value;
use coset::{
    Algorithm, CborSerializable, CoseSign1, CoseSign1Builder, HeaderBuilder, Label,
    TaggedCborSerializable, iana,
};

use super::{DecodeError, Kind, cbor};
use crate::crypto::sign::KeyId;

/// The header that names an object's type (RFC 9596).
const HEADER_TYP: i64 = 16;
/// Length of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

/// A signed object whose signature nobody has checked yet.
///
/// The payload is bytes on purpose: it is parsed only after the signature was verified.
#[derive(Debug, Clone)]
pub struct Sign1 {
    message: CoseSign1,
    kind: Kind,
    key_id: KeyId,
    signature: [u8; SIGNATURE_BYTES],
}

impl Sign1 {
    /// Read a signed object of this kind; its form is exact, its signature is not checked.
    pub fn decode(bytes: &[u8], kind: Kind) -> Result<Self, DecodeError> {
        cbor::decode(bytes, kind)?;
        let message = CoseSign1::from_tagged_slice(bytes)
            .map_err(|error| envelope(kind, format!("no tagged COSE_Sign1 ({error})")))?;
        let header = protected_header(&message, kind)?;
        let key_id = <[u8; 8]>::try_from(header.key_id.as_slice())
            .map(KeyId::from_bytes)
            .map_err(|_| envelope(kind, format!("key id of {} bytes", header.key_id.len())))?;
        let signature =
            <[u8; SIGNATURE_BYTES]>::try_from(message.signature.as_slice()).map_err(|_| {
                envelope(kind, format!("signature of {} bytes", message.signature.len()))
            })?;
        if message.payload.is_none() {
            return Err(envelope(kind, "the payload is detached".to_owned()));
        }
        Ok(Self { message, kind, key_id, signature })
    }

    /// The key id that the protected header names.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The kind that was asked for and that the header states.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The bytes that the signature is over (`Sig_structure`, RFC 9052 section 4.4).
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.message.tbs_data(&self.kind.domain())
    }

    /// The signature.
    pub fn signature(&self) -> &[u8; SIGNATURE_BYTES] {
        &self.signature
    }

    /// The payload, unparsed.
    pub fn payload(&self) -> &[u8] {
        self.message.payload.as_deref().unwrap_or_default()
    }
}

/// Put a signed object together; `sign` gets the `Sig_structure` and gives the signature.
pub fn assemble(
    kind: Kind,
    key_id: KeyId,
    payload: Vec<u8>,
    sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_BYTES],
) -> Vec<u8> {
    let header = HeaderBuilder::new()
        .algorithm(iana::Algorithm::EdDSA)
        .key_id(key_id.as_bytes().to_vec())
        .value(HEADER_TYP, Value::Text(type_name(kind)))
        .build();
    CoseSign1Builder::new()
        .protected(header)
        .payload(payload)
        .create_signature(&kind.domain(), |tbs| sign(tbs).to_vec())
        .build()
        .to_tagged_vec()
        .expect("a message of bytes and integers always encodes")
}

/// The kind that a signed object says it is, for tools that open files of any kind.
pub fn stated_kind(bytes: &[u8]) -> Option<Kind> {
    let message = CoseSign1::from_tagged_slice(bytes).ok()?;
    let stated =
        message.protected.header.rest.iter().find(|(label, _)| *label == Label::Int(HEADER_TYP))?;
    let text = stated.1.as_text()?;
    Kind::ALL.iter().copied().find(|kind| type_name(*kind) == text)
}

/// The media type `application/x.scrip.<kind>`; RFC 9596 has `application/` left out.
/// What the header of a signed object of this kind says it is.
pub fn type_name(kind: Kind) -> String {
    format!("x.scrip.{}", kind.name())
}

fn envelope(kind: Kind, reason: String) -> DecodeError {
    DecodeError::Envelope { kind: kind.name(), reason }
}

/// The header, if it is exactly the one that [`assemble`] writes.
fn protected_header(message: &CoseSign1, kind: Kind) -> Result<&coset::Header, DecodeError> {
    let header = &message.protected.header;
    if !message.unprotected.is_empty() {
        return Err(envelope(kind, "the unprotected header is not empty".to_owned()));
    }
    if header.alg != Some(Algorithm::Assigned(iana::Algorithm::EdDSA)) {
        return Err(envelope(kind, format!("algorithm {:?} is not EdDSA", header.alg)));
    }
    let typ = Value::Text(type_name(kind));
    match header.rest.as_slice() {
        [(Label::Int(HEADER_TYP), found)] if *found == typ => {}
        [(Label::Int(HEADER_TYP), Value::Text(found))] => {
            return Err(envelope(kind, format!("its type is {found:?}")));
        }
        _ => return Err(envelope(kind, "headers other than alg, kid, typ".to_owned())),
    }
    let raw = message.protected.original_data.as_deref().unwrap_or_default();
    cbor::decode(raw, kind)?;
    match header.clone().to_vec() {
        Ok(expected) if expected == raw => Ok(header),
        _ => Err(envelope(kind, "headers other than alg, kid, typ".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(kind: Kind) -> Vec<u8> {
        assemble(kind, KeyId::from_bytes([7; 8]), vec![0xa0], |_| [9; 64])
    }

    #[test]
    fn what_is_assembled_is_read_back() {
        let bytes = sample(Kind::Voucher);
        let read = Sign1::decode(&bytes, Kind::Voucher).unwrap();
        assert_eq!((read.key_id(), read.payload()), (KeyId::from_bytes([7; 8]), &[0xa0][..]));
        assert_eq!(read.signature(), &[9; 64]);
        assert_eq!(stated_kind(&bytes), Some(Kind::Voucher));
    }

    #[test]
    fn no_kind_is_read_as_another() {
        for made in Kind::ALL {
            let bytes = sample(*made);
            let tbs = Sign1::decode(&bytes, *made).unwrap().to_be_signed();
            for asked in Kind::ALL.iter().filter(|asked| *asked != made) {
                assert!(Sign1::decode(&bytes, *asked).is_err(), "{made:?} as {asked:?}");
                let other = Sign1::decode(&sample(*asked), *asked).unwrap();
                assert_ne!(other.to_be_signed(), tbs, "{made:?} and {asked:?} share a domain");
            }
        }
    }

    #[test]
    fn every_truncation_and_foreign_header_is_refused() {
        let bytes = sample(Kind::Policy);
        for end in 0..bytes.len() {
            assert!(Sign1::decode(&bytes[..end], Kind::Policy).is_err(), "cut at {end}");
        }
        let header = HeaderBuilder::new().algorithm(iana::Algorithm::ES256).build();
        let foreign = CoseSign1Builder::new().protected(header).payload(vec![]).build();
        let error = Sign1::decode(&foreign.to_tagged_vec().unwrap(), Kind::Policy).unwrap_err();
        assert!(error.to_string().contains("EdDSA"), "{error}");
    }
}
