//! Signed objects: `COSE_Sign1` (RFC 9052 section 4.2), tagged 18, with Ed25519.
//!
//! The protected header is exactly {1: -8 (`EdDSA`), 4: key id, 16: `"x.scrip.<kind>"`}; the
//! unprotected header is empty; the payload is attached. `external_aad` is [`Kind::domain`].

use ciborium::Value;
use coset::{
    Algorithm, CborSerializable, CoseSign1, CoseSign1Builder, HeaderBuilder, Label,
    TaggedCborSerializable, iana,
};

use super::field::{Mismatch, Reader};
use super::{DecodeError, Kind, cbor};
use crate::crypto::sign::KeyId;

/// The header that names an object's type (RFC 9596).
const HEADER_TYP: i64 = 16;
/// How its value begins.
const TYPE_START: &str = "x.scrip.";
/// Length of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

/// The label of `alg` (RFC 9052 section 3.1) and `EdDSA` under it, in a map of three.
const HEADER_START: [u8; 3] = [0xa3, 0x01, 0x27];
/// The label of `kid`, and the head of eight bytes.
const HEADER_KEY_ID: [u8; 2] = [0x04, 0x48];
/// The label of `typ`.
const LABEL_TYP: u8 = 0x10;
/// The head of a text of up to 23 bytes; of a longer one, whose length follows.
const TEXT_HEAD: u8 = 0x60;
const TEXT_LONG_HEAD: u8 = 0x78;
const FOREIGN_HEADERS: &str = "headers other than alg, kid, typ";
/// The context of a signature in a `Sig_structure` (RFC 9052 section 4.4): text in an array of four.
const CONTEXT: &[u8] = b"\x84\x6aSignature1";

/// A signed object whose signature nobody has checked yet, borrowed from its bytes.
///
/// The payload is bytes on purpose: it is parsed only after the signature was verified.
#[derive(Debug, Clone, Copy)]
pub struct Sign1<'a> {
    kind: Kind,
    key_id: KeyId,
    protected: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8; SIGNATURE_BYTES],
}

impl<'a> Sign1<'a> {
    /// Read a signed object of this kind; its form is exact, its signature is not checked.
    pub fn decode(bytes: &'a [u8], kind: Kind) -> Result<Self, DecodeError> {
        let read = cbor::read(bytes, kind, |reader| read(reader, kind));
        match read {
            Ok(Some(message)) => Ok(message),
            _ => Err(fault(bytes, kind)),
        }
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
        let domain = self.kind.domain();
        let room = 64 + self.protected.len() + self.payload.len();
        let mut message = Vec::with_capacity(room);
        message.extend_from_slice(CONTEXT);
        for part in [self.protected, &domain, self.payload] {
            cbor::write_bytes(&mut message, part);
        }
        message
    }

    /// The signature.
    pub fn signature(&self) -> &'a [u8; SIGNATURE_BYTES] {
        self.signature
    }

    /// The payload, unparsed.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
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
    format!("{TYPE_START}{}", kind.name())
}

/// The parts, if they are exactly those that [`assemble`] writes; else [`fault`] says what is wrong.
#[inline(always)]
fn read<'a>(reader: &mut Reader<'a>, kind: Kind) -> Result<Option<Sign1<'a>>, Mismatch> {
    if !reader.is_tagged()? || reader.row()? != Some(4) {
        return Ok(None);
    }
    let protected = reader.bytes()?;
    reader.map()?.finish()?;
    let (payload, signature) = (reader.bytes()?, reader.bytes()?);
    let parts = key_id(protected, kind).zip(<&[u8; SIGNATURE_BYTES]>::try_from(signature).ok());
    Ok(parts.map(|(key_id, signature)| Sign1 { kind, key_id, protected, payload, signature }))
}

/// The key id in a header of exactly the one form.
fn key_id(protected: &[u8], kind: Kind) -> Option<KeyId> {
    let rest = protected.strip_prefix(&HEADER_START)?.strip_prefix(&HEADER_KEY_ID)?;
    let (key_id, rest) = rest.split_first_chunk::<8>()?;
    let rest = rest.strip_prefix(&[LABEL_TYP])?;
    is_typ(rest, kind).then(|| KeyId::from_bytes(*key_id))
}

/// Is this the text that names the kind, in shortest form?
fn is_typ(text: &[u8], kind: Kind) -> bool {
    let name = kind.name().as_bytes();
    let Ok(length) = u8::try_from(TYPE_START.len() + name.len()) else { return false };
    let text = match length {
        0..24 => text.strip_prefix(&[TEXT_HEAD | length]),
        _ => text.strip_prefix(&[TEXT_LONG_HEAD, length]),
    };
    text.and_then(|text| text.strip_prefix(TYPE_START.as_bytes())) == Some(name)
}

fn envelope(kind: Kind, reason: String) -> DecodeError {
    DecodeError::Envelope { kind: kind.name(), reason }
}

/// Why these bytes are not a signed object of this kind.
#[cold]
fn fault(bytes: &[u8], kind: Kind) -> DecodeError {
    let known = named_fault(bytes, kind).err();
    known.unwrap_or_else(|| envelope(kind, FOREIGN_HEADERS.to_owned()))
}

fn named_fault(bytes: &[u8], kind: Kind) -> Result<(), DecodeError> {
    cbor::check(bytes, kind)?;
    let message = CoseSign1::from_tagged_slice(bytes)
        .map_err(|error| envelope(kind, format!("no tagged COSE_Sign1 ({error})")))?;
    let header = protected_header(&message, kind)?;
    if header.key_id.len() != 8 {
        return Err(envelope(kind, format!("key id of {} bytes", header.key_id.len())));
    }
    if message.signature.len() != SIGNATURE_BYTES {
        return Err(envelope(kind, format!("signature of {} bytes", message.signature.len())));
    }
    Ok(())
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
        _ => return Err(envelope(kind, FOREIGN_HEADERS.to_owned())),
    }
    let raw = message.protected.original_data.as_deref().unwrap_or_default();
    cbor::check(raw, kind)?;
    match header.clone().to_vec() {
        Ok(expected) if expected == raw => Ok(header),
        _ => Err(envelope(kind, FOREIGN_HEADERS.to_owned())),
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
                let other = sample(*asked);
                let other = Sign1::decode(&other, *asked).unwrap();
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
