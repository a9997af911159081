//! Texts: at most [`TEXT_BYTES_MAX`] bytes of UTF-8 without control characters.

use std::fmt;

use ciborium::Value;

use super::field::{Field, Mismatch, Read, Reader};

/// The longest text in any object, in bytes.
pub const TEXT_BYTES_MAX: usize = 1024;

/// How a record keeps its texts.
pub trait Text {
    /// Where it is.
    fn view(&self) -> TextView<'_>;
}

/// A text that stays in the bytes that it was read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TextView<'a>(&'a [u8]);

impl<'a> TextView<'a> {
    /// The text's UTF-8.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The text.
    pub fn as_str(self) -> &'a str {
        std::str::from_utf8(self.0).expect("it was a text, or was read as one")
    }
}

impl fmt::Debug for TextView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl Text for String {
    #[inline(always)]
    fn view(&self) -> TextView<'_> {
        TextView(self.as_bytes())
    }
}

impl Text for TextView<'_> {
    #[inline(always)]
    fn view(&self) -> TextView<'_> {
        *self
    }
}

impl Field for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        plain(reader.text()?).map(str::to_owned)
    }
}

impl<'a> Read<'a> for TextView<'a> {
    #[inline(always)]
    fn read_from(reader: &mut Reader<'a>) -> Result<Self, Mismatch> {
        let bytes = reader.text_bytes()?;
        if bytes.len() > TEXT_BYTES_MAX || !is_printable_ascii(bytes) {
            let text = std::str::from_utf8(bytes).map_err(Mismatch::new)?;
            plain(text)?;
        }
        Ok(Self(bytes))
    }
}

impl<'a> Read<'a> for Option<TextView<'a>> {
    #[inline(always)]
    fn read_from(reader: &mut Reader<'a>) -> Result<Self, Mismatch> {
        TextView::read_from(reader).map(Some)
    }

    fn missing() -> Option<Self> {
        Some(None)
    }
}

/// Refuse long texts and control characters.
fn plain(text: &str) -> Result<&str, Mismatch> {
    if text.len() > TEXT_BYTES_MAX {
        let reason = format!("text of {} bytes, limit {TEXT_BYTES_MAX}", text.len());
        return Err(Mismatch::new(reason));
    }
    if !is_printable_ascii(text.as_bytes()) && text.chars().any(char::is_control) {
        return Err(Mismatch::new("text holds control characters"));
    }
    Ok(text)
}

/// Is all of it from space to tilde?
#[inline(always)]
fn is_printable_ascii(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let whole = words.iter().fold(true, |plain, word| plain & is_printable_word(*word));
    match text.last_chunk::<8>() {
        // What the words leave over is in it.
        Some(last) => whole & is_printable_word(*last),
        None => rest.iter().fold(true, |plain, byte| plain & (b' '..=b'~').contains(byte)),
    }
}

/// The same of eight bytes at once: below 128, at least 32 and not 127.
#[inline(always)]
fn is_printable_word(word: [u8; 8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(word);
    // Nothing is carried from byte to byte as long as all are below 128.
    let (at_least_32, is_127) =
        (word.wrapping_add(0x6060_6060_6060_6060), word.wrapping_add(0x0101_0101_0101_0101));
    !word & at_least_32 & !is_127 & HIGH == HIGH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::cbor;

    #[test]
    fn printable_words_are_those_whose_bytes_all_are() {
        let printable = |byte: &u8| (b' '..=b'~').contains(byte);
        for byte in 0..=u8::MAX {
            for (filled, length) in
                [b' ', b'~', 0x80, 0xff].iter().flat_map(|f| (1..20).map(move |n| (f, n)))
            {
                for place in 0..length {
                    let mut text = vec![*filled; length];
                    text[place] = byte;
                    assert_eq!(is_printable_ascii(&text), text.iter().all(printable), "{text:?}");
                }
            }
        }
        assert!(is_printable_ascii(b""));
    }

    #[test]
    fn a_view_is_read_where_the_text_is_and_refused_where_it_is() {
        let texts =
            ["", "item", "an item of some length", "ä", "\u{85}", "a\nb", "\u{7f}", "日本語の曲"];
        let long = ["x".repeat(TEXT_BYTES_MAX), "x".repeat(TEXT_BYTES_MAX + 1), "ä".repeat(600)];
        for text in texts.into_iter().chain(long.iter().map(String::as_str)) {
            let bytes = cbor::encode(&Value::Text(text.to_owned()));
            let [mut first, mut second] = [(); 2].map(|()| Reader::new(&bytes, 1));
            let (kept, view) = (String::read(&mut first), TextView::read_from(&mut second));
            assert_eq!(kept.is_ok(), view.is_ok(), "{text:?}");
            assert_eq!(kept.ok(), view.ok().map(|view| view.as_str().to_owned()));
        }
        for bad in [&b"\x61\xff"[..], b"\x62\xc3(", b"\x69abcdefgh\x80"] {
            assert!(TextView::read_from(&mut Reader::new(bad, 1)).is_err());
        }
    }
}
