//! Strict deterministic CBOR (RFC 8949 section 4.2.1).
//!
//! What a deterministic encoder would not have written is refused: integers and lengths that are
//! not the shortest, indefinite lengths, map keys that are not integers in ascending order of their
//! encoding, floats, null, undefined, tags other than the one of `COSE_Sign1` at the top, text that
//! isn't UTF-8, nesting below [`DEPTH_MAX`].

use ciborium::Value;

use super::head::Encoding;
use super::reader::Reader;
use super::{DecodeError, Kind};

/// How deep arrays, maps and tags may nest.
pub const DEPTH_MAX: u32 = 12;
/// The tag of `COSE_Sign1` (RFC 9052 section 2), the only one allowed, and only at the top.
pub const TAG_SIGN1: u64 = 18;

/// The length in bytes of the one well-formed item that `bytes` begins with.
pub fn measure(bytes: &[u8]) -> Result<usize, DecodeError> {
    let mut reader = Reader::new(bytes, usize::MAX);
    reader.skip(0).map_err(|error| *error)?;
    Ok(reader.used())
}

/// Refuse all but exactly one item within the limits of its kind, with nothing behind it.
pub fn check(bytes: &[u8], kind: Kind) -> Result<(), DecodeError> {
    read(bytes, kind, |reader| reader.skip(0)).map_err(|error| *error)
}

/// Read exactly one item within the limits of its kind, with nothing behind it.
#[inline(always)]
pub(super) fn read<'a, T, E: From<Encoding>>(
    bytes: &'a [u8],
    kind: Kind,
    item: impl FnOnce(&mut Reader<'a>) -> Result<T, E>,
) -> Result<T, E> {
    let mut reader = begin(bytes, kind)?;
    let item = item(&mut reader)?;
    reader.end()?;
    Ok(item)
}

/// A reader of what is not longer than its kind may be.
#[inline(always)]
pub(super) fn begin(bytes: &[u8], kind: Kind) -> Result<Reader<'_>, Encoding> {
    let (found, max) = (bytes.len(), kind.bytes_max());
    if found > max {
        return Err(DecodeError::TooLarge { found, max }.into());
    }
    Ok(Reader::new(bytes, kind.items_max()))
}

/// The item that a fixed-size slot begins with; the rest of the slot must be zero.
///
/// An empty slot (all zero) gives `None`.
pub fn unpad(slot: &[u8]) -> Result<Option<&[u8]>, DecodeError> {
    let used = if slot.first().is_none_or(|first| *first == 0) { 0 } else { measure(slot)? };
    let (object, padding) = slot.split_at(used);
    if !all_zero(padding) {
        let place = padding.iter().position(|byte| *byte != 0).unwrap_or_default();
        return Err(DecodeError::Padding { at: used + place });
    }
    Ok((used > 0).then_some(object))
}

/// Are these bytes all zero? Many are looked at in one go.
pub fn all_zero(bytes: &[u8]) -> bool {
    bytes.chunks(256).all(|some| some.iter().fold(0, |all, byte| all | byte) == 0)
}

/// Write a byte string behind what is there.
pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = (bytes.len() as u64).to_be_bytes();
    match bytes.len() {
        0..=23 => out.push(0x40 | length[7]),
        24..=0xff => out.extend_from_slice(&[0x58, length[7]]),
        0x100..=0xffff => out.extend_from_slice(&[0x59, length[6], length[7]]),
        _ => {
            out.push(0x5a);
            out.extend_from_slice(&length[4..]);
        }
    }
    out.extend_from_slice(bytes);
}

/// Encode a value; maps are already in order when they come from [`super::field`].
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).expect("writing to memory can't fail");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn good_items_are_measured_to_their_end() {
        let cases = [
            ("00", 1),
            ("1818", 2),
            ("190100", 3),
            ("20", 1),
            ("43010203", 4),
            ("6161", 2),
            ("820102", 3),
            ("a201022003", 5),
            ("f5", 1),
            ("d28440a040", 0),
        ];
        for (text, length) in cases {
            let bytes = hex(text);
            match measure(&bytes) {
                Ok(used) => assert_eq!(used, length, "{text}"),
                Err(error) => assert_eq!(length, 0, "{text}: {error}"),
            }
        }
    }

    #[test]
    fn each_fault_has_its_own_error() {
        let cases = [
            ("1817", "not in its shortest form"),
            ("1900ff", "not in its shortest form"),
            ("1a0000ffff", "not in its shortest form"),
            ("1b00000000ffffffff", "not in its shortest form"),
            ("5800", "not in its shortest form"),
            ("9f0102ff", "indefinite"),
            ("5f4101ff", "indefinite"),
            ("bf0102ff", "indefinite"),
            ("a201020103", "twice"),
            ("a202010102", "out of order"),
            ("a220010102", "out of order"),
            ("a1616101", "not an integer"),
            ("f6", "simple value"),
            ("f7", "simple value"),
            ("f93c00", "simple value"),
            ("f814", "simple value"),
            ("c100", "tag 1"),
            ("81d200", "tag 18"),
            ("61ff", "UTF-8"),
            ("4301", "3 bytes"),
            ("9bffffffffffffffff", "1 bytes"),
            ("", "1 bytes"),
            ("1c", "not CBOR"),
        ];
        for (text, words) in cases {
            let message = measure(&hex(text)).unwrap_err().to_string();
            assert!(message.contains(words), "{text}: {message}");
        }
        let deep = [vec![0x81; 40], vec![0]].concat();
        assert!(measure(&deep).unwrap_err().to_string().contains("deeper than 12"));
    }

    #[test]
    fn nothing_may_stand_behind_the_item() {
        let trailing = DecodeError::Trailing { used: 1, found: 2 };
        assert_eq!(check(&[0, 0], Kind::Policy).unwrap_err(), trailing);
    }

    #[test]
    fn bytes_and_items_are_limited_before_values_are_built() {
        let max = Kind::Policy.bytes_max();
        let long = DecodeError::TooLarge { found: max + 1, max };
        assert_eq!(check(&vec![0; max + 1], Kind::Policy).unwrap_err(), long);
        let array = |count: u16| {
            let [high, low] = count.to_be_bytes();
            [vec![0x99, high, low], vec![0; count.into()]].concat()
        };
        let max = Kind::Policy.items_max();
        let fits = u16::try_from(max - 1).unwrap();
        assert!(check(&array(fits), Kind::Policy).is_ok());
        let many = DecodeError::TooManyItems { at: max + 2, max };
        assert_eq!(check(&array(fits + 1), Kind::Policy).unwrap_err(), many);
    }

    #[test]
    fn slots_are_zero_behind_their_object() {
        assert_eq!(unpad(&[0x81, 5, 0, 0]).unwrap(), Some(&[0x81, 5][..]));
        assert_eq!(unpad(&[0, 0]).unwrap(), None);
        assert!(matches!(unpad(&[0x81, 5, 0, 1]), Err(DecodeError::Padding { at: 3 })));
        assert!(matches!(unpad(&[0, 1]), Err(DecodeError::Padding { at: 1 })));
    }
}
