//! One pass over strict deterministic CBOR, which borrows from what it reads.
//!
//! A [`Reader`] refuses, as it comes to it, whatever [`super::cbor`] says that a deterministic
//! encoder would not have written. Nothing is built that the fields don't keep.

#![expect(
    clippy::inline_always,
    reason = "a record is dozens of tiny reads, whose calls would cost more than they do"
)]

use super::DecodeError;
use super::cbor::{DEPTH_MAX, TAG_SIGN1};
use super::field::{Field, Mismatch};

/// Major types (RFC 8949 section 3.1).
const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
/// The simple values (RFC 8949 section 3.3) that are allowed.
const FALSE: u64 = 20;
const TRUE: u64 = 21;

/// Below this first byte are integers, strings, arrays and maps.
const SHORT_END: u8 = TAG << 5;

/// What no encoder would have written; small, so that what is read travels in registers.
pub(super) type Encoding = Box<DecodeError>;

/// The head of an item: its major type and its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    major: u8,
    argument: u64,
}

impl Head {
    fn found(self) -> &'static str {
        match self.major {
            UNSIGNED | NEGATIVE => "an integer",
            BYTES => "a byte string",
            TEXT => "text",
            ARRAY => "an array",
            MAP => "a map",
            SIMPLE => "a boolean",
            _ => "something else",
        }
    }

    fn expected<T>(self, what: &str) -> Result<T, Mismatch> {
        Err(Mismatch::new(format!("expected {what}, found {}", self.found())))
    }
}

/// A place in bytes that are read once, from front to back.
pub struct Reader<'a> {
    bytes: &'a [u8],
    rest: &'a [u8],
    items: usize,
    items_max: usize,
}

impl<'a> Reader<'a> {
    /// Begin to read at most so many values.
    pub(super) fn new(bytes: &'a [u8], items_max: usize) -> Self {
        Self { bytes, rest: bytes, items: 0, items_max }
    }

    /// How many bytes are read.
    #[inline]
    pub(super) fn used(&self) -> usize {
        self.bytes.len() - self.rest.len()
    }

    /// Refuse what stands behind the item that was read, and more values than may be.
    #[inline]
    pub(super) fn end(&self) -> Result<(), Encoding> {
        self.check_items()?;
        let (used, found) = (self.used(), self.bytes.len());
        if used == found { Ok(()) } else { Err(DecodeError::Trailing { used, found }.into()) }
    }

    /// Does the tag of a `COSE_Sign1` come next? Read it then.
    pub(super) fn is_tagged(&mut self) -> Result<bool, Mismatch> {
        Ok(self.head()?.major == TAG)
    }

    /// An unsigned integer.
    #[inline(always)]
    pub fn unsigned(&mut self) -> Result<u64, Mismatch> {
        match self.head()? {
            Head { major: UNSIGNED, argument } => Ok(argument),
            other => other.expected("an unsigned integer below 2^64"),
        }
    }

    /// An integer of either sign.
    #[inline]
    pub fn integer(&mut self) -> Result<i64, Mismatch> {
        let head = self.head()?;
        let within = i64::try_from(head.argument).ok();
        match (head.major, within) {
            (UNSIGNED, Some(number)) => Ok(number),
            (NEGATIVE, Some(number)) => Ok(-1 - number),
            _ => head.expected("an integer within 64 bits"),
        }
    }

    /// True or false.
    pub fn boolean(&mut self) -> Result<bool, Mismatch> {
        match self.head()? {
            Head { major: SIMPLE, argument } => Ok(argument == TRUE),
            other => other.expected("a boolean"),
        }
    }

    /// A byte string.
    #[inline(always)]
    pub fn bytes(&mut self) -> Result<&'a [u8], Mismatch> {
        match self.head()? {
            Head { major: BYTES, argument } => Ok(self.take(argument)?),
            other => other.expected("a byte string"),
        }
    }

    /// Text.
    #[inline]
    pub fn text(&mut self) -> Result<&'a str, Mismatch> {
        let start = self.used();
        match self.head()? {
            Head { major: TEXT, argument } => Ok(self.utf8(start, argument)?),
            other => other.expected("text"),
        }
    }

    /// The length of an array, whose items are read by [`Self::items`].
    pub fn array(&mut self) -> Result<u64, Mismatch> {
        match self.head()? {
            Head { major: ARRAY, argument } => Ok(argument),
            other => other.expected("an array"),
        }
    }

    /// The length of an array that is a row of fields; none where something else stands.
    pub fn row(&mut self) -> Result<Option<u64>, Mismatch> {
        let head = self.head()?;
        Ok((head.major == ARRAY).then_some(head.argument))
    }

    /// The items of an array of this length. Each takes a byte at least: the input's end bounds it.
    pub fn items<T: Field>(&mut self, count: u64) -> Result<Vec<T>, Mismatch> {
        let mut items = vec![];
        for place in 0..count {
            self.check_items()?;
            let item = T::read(self);
            items.push(item.map_err(|fault| fault.inside(&format!("[{place}]")))?);
        }
        Ok(items)
    }

    /// Begin to read a map.
    #[inline(always)]
    pub fn map(&mut self) -> Result<MapReader<'_, 'a>, Mismatch> {
        match self.head()? {
            Head { major: MAP, argument } => Ok(MapReader::of(self, argument)),
            other => other.expected("a map"),
        }
    }

    /// Pass over the next item, whatever it is, so deep inside others.
    pub(super) fn skip(&mut self, depth: u32) -> Result<(), Encoding> {
        let start = self.used();
        if depth > DEPTH_MAX {
            return Err(DecodeError::TooDeep { at: start, max: DEPTH_MAX }.into());
        }
        if self.items == self.items_max {
            return Err(DecodeError::TooManyItems { at: start, max: self.items_max }.into());
        }
        let head = self.head()?;
        match head.major {
            BYTES => self.take(head.argument).map(drop),
            TEXT => self.utf8(start, head.argument).map(drop),
            ARRAY => (0..head.argument).try_for_each(|_| self.skip(depth + 1)),
            MAP => self.skip_pairs(head.argument, depth + 1),
            TAG => self.skip(depth + 1),
            _ => Ok(()),
        }
    }

    fn skip_pairs(&mut self, count: u64, depth: u32) -> Result<(), Encoding> {
        let mut before = None;
        for _ in 0..count {
            before = Some(self.key(before)?);
            self.skip(depth)?;
        }
        Ok(())
    }

    #[inline]
    fn check_items(&self) -> Result<(), Encoding> {
        let (at, max) = (self.used(), self.items_max);
        if self.items <= max { Ok(()) } else { Err(DecodeError::TooManyItems { at, max }.into()) }
    }

    /// Read the head of a value.
    #[inline(always)]
    fn head(&mut self) -> Result<Head, Encoding> {
        self.items += 1;
        match self.rest {
            [first @ 0..SHORT_END, rest @ ..] if first & 31 < 24 => {
                self.rest = rest;
                Ok(Head { major: first >> 5, argument: u64::from(first & 31) })
            }
            _ => self.long_head(),
        }
    }

    fn long_head(&mut self) -> Result<Head, Encoding> {
        let at = self.used();
        match self.argument()? {
            Head { major: SIMPLE, argument } if !matches!(argument, FALSE | TRUE) => {
                Err(DecodeError::Simple { at }.into())
            }
            Head { major: TAG, argument: tag } if tag != TAG_SIGN1 || at != 0 => {
                Err(DecodeError::Tag { at, tag }.into())
            }
            head => Ok(head),
        }
    }

    /// Read the key of a pair behind the one with the key before.
    fn key(&mut self, before: Option<Head>) -> Result<Head, Encoding> {
        let at = self.used();
        let key = self.argument()?;
        if key.major > NEGATIVE {
            return Err(DecodeError::KeyType { at }.into());
        }
        // Shortest-form integer keys sort by major type, then by argument.
        match before {
            Some(last) if last == key => Err(DecodeError::DuplicateKey { at }.into()),
            Some(last) if last > key => Err(DecodeError::KeyOrder { at }.into()),
            _ => Ok(key),
        }
    }

    /// Read a major type and its argument in shortest form.
    fn argument(&mut self) -> Result<Head, Encoding> {
        let at = self.used();
        let Some((first, rest)) = self.rest.split_first() else {
            return Err(self.truncated(1).into());
        };
        self.rest = rest;
        let (major, info) = (first >> 5, first & 31);
        let (argument, least) = match info {
            0..=23 => return Ok(Head { major, argument: info.into() }),
            24 => (self.number(|[byte]| byte.into())?, 24),
            25 => (self.number(|bytes| u16::from_be_bytes(bytes).into())?, 1 << 8),
            26 => (self.number(|bytes| u32::from_be_bytes(bytes).into())?, 1 << 16),
            27 => (self.number(u64::from_be_bytes)?, 1 << 32),
            31 => return Err(DecodeError::Indefinite { at }.into()),
            _ => return Err(DecodeError::Malformed { at }.into()),
        };
        if major == SIMPLE {
            return Err(DecodeError::Simple { at }.into());
        }
        if argument < least {
            return Err(DecodeError::NotShortest { at }.into());
        }
        Ok(Head { major, argument })
    }

    #[inline]
    fn number<const N: usize>(&mut self, of: impl FnOnce([u8; N]) -> u64) -> Result<u64, Encoding> {
        let split = self.rest.split_first_chunk();
        let Some((bytes, rest)) = split else { return Err(self.truncated(N as u64).into()) };
        self.rest = rest;
        Ok(of(*bytes))
    }

    #[inline]
    fn utf8(&mut self, start: usize, count: u64) -> Result<&'a str, Encoding> {
        let text = self.take(count)?;
        std::str::from_utf8(text).map_err(|_| DecodeError::NotUtf8 { at: start }.into())
    }

    #[inline(always)]
    fn take(&mut self, count: u64) -> Result<&'a [u8], Encoding> {
        let split = usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count));
        let Some((taken, rest)) = split else { return Err(self.truncated(count).into()) };
        self.rest = rest;
        Ok(taken)
    }

    #[cold]
    fn truncated(&self, needs: u64) -> DecodeError {
        DecodeError::Truncated { at: self.used(), needs, found: self.rest.len() }
    }
}

/// Reads a map's pairs by rising keys; [`MapReader::finish`] refuses what was not asked.
pub struct MapReader<'r, 'a> {
    reader: &'r mut Reader<'a>,
    pairs: u64,
    taken: u64,
    /// Pairs whose key is not read yet.
    left: u64,
    /// The newest key that was read.
    before: Option<Head>,
    /// Does its value come next? It was read to see that it is none that was asked for.
    due: bool,
}

impl<'r, 'a> MapReader<'r, 'a> {
    #[inline]
    fn of(reader: &'r mut Reader<'a>, pairs: u64) -> Self {
        Self { reader, pairs, taken: 0, left: pairs, before: None, due: false }
    }

    /// Take a field by its key, which comes after those that were asked for before.
    #[inline(always)]
    pub fn take<T: Field>(&mut self, key: i64, name: &str) -> Result<T, Mismatch> {
        if !self.finds(key_head(key))? {
            return T::absent().ok_or_else(|| Mismatch::new("is missing").inside(name));
        }
        self.taken += 1;
        T::read(self.reader).map_err(|fault| fault.inside(name))
    }

    /// The only field, if it is the one with this key.
    pub fn only<T: Field>(mut self, key: i64) -> Result<Option<T>, Mismatch> {
        if self.pairs != 1 || !self.finds(key_head(key))? {
            return Ok(None);
        }
        T::read(self.reader).map(Some)
    }

    /// Read up to the value of this key, if it is there.
    #[inline(always)]
    fn finds(&mut self, key: Head) -> Result<bool, Encoding> {
        if let [first, rest @ ..] = self.reader.rest
            && !self.due
            && self.left > 0
            && key.major == UNSIGNED
            && key.argument < 24
            && u64::from(*first) == key.argument
        {
            // It is greater than what was asked for before, so than all that was read.
            self.reader.rest = rest;
            (self.left, self.before) = (self.left - 1, Some(key));
            return Ok(true);
        }
        self.seeks(key)
    }

    /// Pass over the pairs before this key.
    fn seeks(&mut self, key: Head) -> Result<bool, Encoding> {
        loop {
            if !self.due {
                if self.left == 0 {
                    return Ok(false);
                }
                self.left -= 1;
                self.before = Some(self.reader.key(self.before)?);
                self.due = true;
            }
            if self.before >= Some(key) {
                let found = self.before == Some(key);
                self.due = !found;
                return Ok(found);
            }
            self.reader.skip(0)?;
            self.due = false;
        }
    }

    /// Refuse keys that nobody asked for.
    #[inline]
    pub fn finish(self) -> Result<(), Mismatch> {
        if self.taken == self.pairs { Ok(()) } else { Err(self.unknown()) }
    }

    #[cold]
    fn unknown(self) -> Mismatch {
        let reason = format!("has {} keys, of which {} are known", self.pairs, self.taken);
        Mismatch::new(reason)
    }
}

/// A key as it stands in a map: -1 - n where it is negative.
#[expect(clippy::cast_sign_loss, reason = "a key and its complement: whichever is not negative")]
#[inline]
const fn key_head(key: i64) -> Head {
    if key < 0 {
        Head { major: NEGATIVE, argument: !key as u64 }
    } else {
        Head { major: UNSIGNED, argument: key as u64 }
    }
}
