//! Strict deterministic CBOR (RFC 8949 section 4.2.1).
//!
//! [`measure`] walks raw bytes and refuses whatever a deterministic encoder would not have
//! written, before any of it is allocated; only then does `ciborium` build values. Refused are:
//! integers and lengths that are not the shortest, indefinite lengths, map keys that are not
//! integers in ascending order of their encoding, floats, null, undefined, tags other than the one
//! of `COSE_Sign1` at the top, text that isn't UTF-8, nesting below [`DEPTH_MAX`].

use ciborium::Value;

use super::{DecodeError, Kind};

/// How deep arrays, maps and tags may nest.
pub const DEPTH_MAX: u32 = 12;
/// The tag of `COSE_Sign1` (RFC 9052 section 2), the only one allowed, and only at the top.
pub const TAG_SIGN1: u64 = 18;

/// The length in bytes of the one well-formed item that `bytes` begins with.
pub fn measure(bytes: &[u8]) -> Result<usize, DecodeError> {
    scan(bytes, usize::MAX)
}

/// Decode exactly one item within the limits of its kind, with nothing behind it.
///
/// Values take tens of bytes each in memory, whatever they take encoded: so they are counted too,
/// before any is built.
pub fn decode(bytes: &[u8], kind: Kind) -> Result<Value, DecodeError> {
    if bytes.len() > kind.bytes_max() {
        return Err(DecodeError::TooLarge { found: bytes.len(), max: kind.bytes_max() });
    }
    let used = scan(bytes, kind.items_max())?;
    if used != bytes.len() {
        return Err(DecodeError::Trailing { used, found: bytes.len() });
    }
    ciborium::from_reader(bytes).map_err(|_| DecodeError::Malformed { at: 0 })
}

/// The item that a fixed-size slot begins with; the rest of the slot must be zero.
///
/// An empty slot (all zero) gives `None`.
pub fn unpad(slot: &[u8]) -> Result<Option<&[u8]>, DecodeError> {
    let used = if slot.first().is_none_or(|first| *first == 0) { 0 } else { measure(slot)? };
    let (object, padding) = slot.split_at(used);
    match padding.iter().position(|byte| *byte != 0) {
        Some(place) => Err(DecodeError::Padding { at: used + place }),
        None if used == 0 => Ok(None),
        None => Ok(Some(object)),
    }
}

/// Encode a value; maps are already in order when they come from [`super::field`].
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).expect("writing to memory can't fail");
    out
}

fn scan(bytes: &[u8], items_max: usize) -> Result<usize, DecodeError> {
    let mut scan = Scan { bytes, at: 0, items: 0, items_max };
    scan.item(0)?;
    Ok(scan.at)
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    items: usize,
    items_max: usize,
}

impl Scan<'_> {
    fn item(&mut self, depth: u32) -> Result<(), DecodeError> {
        let start = self.at;
        if depth > DEPTH_MAX {
            return Err(DecodeError::TooDeep { at: start, max: DEPTH_MAX });
        }
        self.items += 1;
        if self.items > self.items_max {
            return Err(DecodeError::TooManyItems { at: start, max: self.items_max });
        }
        let (major, argument) = self.head()?;
        match major {
            0 | 1 => Ok(()),
            2 => self.skip(argument).map(|_| ()),
            3 => {
                let text = self.skip(argument)?;
                std::str::from_utf8(text).map_err(|_| DecodeError::NotUtf8 { at: start })?;
                Ok(())
            }
            4 => self.items(argument, depth),
            5 => self.map(argument, depth),
            6 if argument == TAG_SIGN1 && start == 0 => self.item(depth + 1),
            6 => Err(DecodeError::Tag { at: start, tag: argument }),
            _ if argument == 20 || argument == 21 => Ok(()),
            _ => Err(DecodeError::Simple { at: start }),
        }
    }

    /// Read the head of an item: major type and shortest-form argument.
    fn head(&mut self) -> Result<(u8, u64), DecodeError> {
        let start = self.at;
        let first = self.skip(1)?[0];
        let (major, info) = (first >> 5, first & 31);
        let width = match info {
            0..=23 => return Ok((major, info.into())),
            24..=27 => 1_u64 << (info - 24),
            31 => return Err(DecodeError::Indefinite { at: start }),
            _ => return Err(DecodeError::Malformed { at: start }),
        };
        let argument =
            self.skip(width)?.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let least = if width == 1 { 24 } else { 1_u64 << (4 * width) };
        if major == 7 {
            return Err(DecodeError::Simple { at: start });
        }
        if argument < least {
            return Err(DecodeError::NotShortest { at: start });
        }
        Ok((major, argument))
    }

    fn skip(&mut self, count: u64) -> Result<&[u8], DecodeError> {
        let start = self.at;
        let left = self.bytes.len() - start;
        match usize::try_from(count) {
            Ok(count) if count <= left => {
                self.at += count;
                Ok(&self.bytes[start..self.at])
            }
            _ => Err(DecodeError::Truncated { at: start, needs: count, found: left }),
        }
    }

    /// `count` items in a row. Each takes at least one byte, so the input's end bounds the loop.
    fn items(&mut self, count: u64, depth: u32) -> Result<(), DecodeError> {
        for _ in 0..count {
            self.item(depth + 1)?;
        }
        Ok(())
    }

    fn map(&mut self, pairs: u64, depth: u32) -> Result<(), DecodeError> {
        let mut before: Option<(u8, u64)> = None;
        for _ in 0..pairs {
            let start = self.at;
            let key = self.head()?;
            if key.0 > 1 {
                return Err(DecodeError::KeyType { at: start });
            }
            // Shortest-form integer keys sort by major type, then by argument.
            match before {
                Some(last) if last == key => return Err(DecodeError::DuplicateKey { at: start }),
                Some(last) if last > key => return Err(DecodeError::KeyOrder { at: start }),
                _ => before = Some(key),
            }
            self.item(depth + 1)?;
        }
        Ok(())
    }
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
        assert_eq!(decode(&[0, 0], Kind::Policy).unwrap_err(), trailing);
    }

    #[test]
    fn bytes_and_items_are_limited_before_values_are_built() {
        let max = Kind::Policy.bytes_max();
        let long = DecodeError::TooLarge { found: max + 1, max };
        assert_eq!(decode(&vec![0; max + 1], Kind::Policy).unwrap_err(), long);
        let array = |count: u16| {
            let [high, low] = count.to_be_bytes();
            [vec![0x99, high, low], vec![0; count.into()]].concat()
        };
        let max = Kind::Policy.items_max();
        let fits = u16::try_from(max - 1).unwrap();
        assert!(decode(&array(fits), Kind::Policy).is_ok());
        let many = DecodeError::TooManyItems { at: max + 2, max };
        assert_eq!(decode(&array(fits + 1), Kind::Policy).unwrap_err(), many);
    }

    #[test]
    fn slots_are_zero_behind_their_object() {
        assert_eq!(unpad(&[0x81, 5, 0, 0]).unwrap(), Some(&[0x81, 5][..]));
        assert_eq!(unpad(&[0, 0]).unwrap(), None);
        assert!(matches!(unpad(&[0x81, 5, 0, 1]), Err(DecodeError::Padding { at: 3 })));
        assert!(matches!(unpad(&[0, 1]), Err(DecodeError::Padding { at: 1 })));
    }
}
