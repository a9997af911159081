//! One pass over strict deterministic CBOR, which borrows from what it reads.
//!
//! A [`Reader`] refuses, as it comes to it, whatever [`super::cbor`] says that a deterministic
//! encoder would not have written. Nothing is built that the fields don't keep.

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
    at: usize,
    depth: u32,
    items: usize,
    items_max: usize,
}

impl<'a> Reader<'a> {
    /// Begin to read at most so many values.
    pub(super) fn new(bytes: &'a [u8], items_max: usize) -> Self {
        Self { bytes, at: 0, depth: 0, items: 0, items_max }
    }

    /// How many bytes are read.
    pub(super) fn used(&self) -> usize {
        self.at
    }

    /// Does the tag of a `COSE_Sign1` come next? Read it then.
    pub(super) fn is_tagged(&mut self) -> Result<bool, Mismatch> {
        Ok(self.head()?.major == TAG)
    }

    /// An unsigned integer.
    pub fn unsigned(&mut self) -> Result<u64, Mismatch> {
        match self.head()? {
            Head { major: UNSIGNED, argument } => Ok(argument),
            other => other.expected("an unsigned integer below 2^64"),
        }
    }

    /// An integer of either sign.
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
    pub fn bytes(&mut self) -> Result<&'a [u8], Mismatch> {
        match self.head()? {
            Head { major: BYTES, argument } => Ok(self.take(argument)?),
            other => other.expected("a byte string"),
        }
    }

    /// Text.
    pub fn text(&mut self) -> Result<&'a str, Mismatch> {
        let start = self.at;
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
            let item = self.inner::<T>();
            items.push(item.map_err(|fault| fault.inside(&format!("[{place}]")))?);
        }
        Ok(items)
    }

    /// A value inside the array whose head was read.
    pub fn inner<T: Field>(&mut self) -> Result<T, Mismatch> {
        self.depth += 1;
        let value = T::read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// Begin to read a map.
    pub fn map(&mut self) -> Result<MapReader<'_, 'a>, Mismatch> {
        match self.head()? {
            Head { major: MAP, argument } => MapReader::begin(self, argument),
            other => other.expected("a map"),
        }
    }

    /// Pass over the next item, whatever it is.
    pub(super) fn skip(&mut self) -> Result<(), DecodeError> {
        let start = self.at;
        let head = self.head()?;
        match head.major {
            BYTES => self.take(head.argument).map(drop),
            TEXT => self.utf8(start, head.argument).map(drop),
            ARRAY => self.skip_items(head.argument),
            MAP => self.skip_pairs(head.argument),
            TAG => self.skip_items(1),
            _ => Ok(()),
        }
    }

    fn skip_items(&mut self, count: u64) -> Result<(), DecodeError> {
        self.depth += 1;
        for _ in 0..count {
            self.skip()?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn skip_pairs(&mut self, count: u64) -> Result<(), DecodeError> {
        self.depth += 1;
        let mut before = None;
        for _ in 0..count {
            before = Some(self.key(before)?);
            self.skip()?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Read the head of a value.
    fn head(&mut self) -> Result<Head, DecodeError> {
        let start = self.at;
        if self.depth > DEPTH_MAX {
            return Err(DecodeError::TooDeep { at: start, max: DEPTH_MAX });
        }
        self.items += 1;
        if self.items > self.items_max {
            return Err(DecodeError::TooManyItems { at: start, max: self.items_max });
        }
        let head = self.argument()?;
        match head.major {
            TAG if head.argument != TAG_SIGN1 || start != 0 => {
                Err(DecodeError::Tag { at: start, tag: head.argument })
            }
            SIMPLE if !matches!(head.argument, FALSE | TRUE) => {
                Err(DecodeError::Simple { at: start })
            }
            _ => Ok(head),
        }
    }

    /// Read the key of a pair behind the one with the key before.
    fn key(&mut self, before: Option<Head>) -> Result<Head, DecodeError> {
        let start = self.at;
        let key = self.argument()?;
        if key.major > NEGATIVE {
            return Err(DecodeError::KeyType { at: start });
        }
        // Shortest-form integer keys sort by major type, then by argument.
        match before {
            Some(last) if last == key => Err(DecodeError::DuplicateKey { at: start }),
            Some(last) if last > key => Err(DecodeError::KeyOrder { at: start }),
            _ => Ok(key),
        }
    }

    /// Read a major type and its argument in shortest form.
    fn argument(&mut self) -> Result<Head, DecodeError> {
        let start = self.at;
        let Some(first) = self.bytes.get(start) else {
            return Err(DecodeError::Truncated { at: start, needs: 1, found: 0 });
        };
        self.at += 1;
        let (major, info) = (first >> 5, first & 31);
        if info < 24 {
            return Ok(Head { major, argument: info.into() });
        }
        self.long_argument(start, major, info)
    }

    fn long_argument(&mut self, start: usize, major: u8, info: u8) -> Result<Head, DecodeError> {
        let width = match info {
            24..=27 => 1_u64 << (info - 24),
            31 => return Err(DecodeError::Indefinite { at: start }),
            _ => return Err(DecodeError::Malformed { at: start }),
        };
        let bytes = self.take(width)?;
        let argument = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let least = if width == 1 { 24 } else { 1_u64 << (4 * width) };
        if major == SIMPLE {
            return Err(DecodeError::Simple { at: start });
        }
        if argument < least {
            return Err(DecodeError::NotShortest { at: start });
        }
        Ok(Head { major, argument })
    }

    fn utf8(&mut self, start: usize, count: u64) -> Result<&'a str, DecodeError> {
        let text = self.take(count)?;
        std::str::from_utf8(text).map_err(|_| DecodeError::NotUtf8 { at: start })
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], DecodeError> {
        let rest = &self.bytes[self.at..];
        match usize::try_from(count).ok().and_then(|count| rest.get(..count)) {
            Some(taken) => {
                self.at += taken.len();
                Ok(taken)
            }
            None => Err(DecodeError::Truncated { at: self.at, needs: count, found: rest.len() }),
        }
    }
}

/// Reads a map's pairs by rising keys; [`MapReader::finish`] refuses what was not asked.
pub struct MapReader<'r, 'a> {
    reader: &'r mut Reader<'a>,
    pairs: u64,
    taken: u64,
    /// Pairs whose key is not read yet.
    left: u64,
    /// The key that was read, whose value comes next.
    due: Option<Head>,
}

impl<'r, 'a> MapReader<'r, 'a> {
    fn begin(reader: &'r mut Reader<'a>, pairs: u64) -> Result<Self, Mismatch> {
        reader.depth += 1;
        let mut map = Self { reader, pairs, taken: 0, left: pairs, due: None };
        map.next_key()?;
        Ok(map)
    }

    fn next_key(&mut self) -> Result<(), DecodeError> {
        let before = self.due;
        if self.left == 0 {
            self.due = None;
            return Ok(());
        }
        self.left -= 1;
        self.due = Some(self.reader.key(before)?);
        Ok(())
    }

    /// Take a field by its key, which comes after those that were taken before.
    pub fn take<T: Field>(&mut self, key: i64, name: &str) -> Result<T, Mismatch> {
        let wanted = key_head(key);
        while let Some(due) = self.due.filter(|due| *due <= wanted) {
            if due == wanted {
                self.taken += 1;
                let value = T::read(self.reader).map_err(|fault| fault.inside(name))?;
                self.next_key()?;
                return Ok(value);
            }
            self.pass()?;
        }
        T::absent().ok_or_else(|| Mismatch::new("is missing").inside(name))
    }

    /// Pass over a pair that nobody asks for.
    fn pass(&mut self) -> Result<(), DecodeError> {
        self.reader.skip()?;
        self.next_key()
    }

    /// The only field, if it is the one with this key.
    pub fn only<T: Field>(mut self, key: i64) -> Result<Option<T>, Mismatch> {
        if self.pairs != 1 || self.due != Some(key_head(key)) {
            return Ok(None);
        }
        self.taken += 1;
        let value = T::read(self.reader)?;
        self.next_key()?;
        self.finish().map(|()| Some(value))
    }

    /// Refuse keys that nobody asked for.
    pub fn finish(mut self) -> Result<(), Mismatch> {
        while self.due.is_some() {
            self.pass()?;
        }
        self.reader.depth -= 1;
        if self.taken == self.pairs {
            return Ok(());
        }
        let reason = format!("has {} keys, of which {} are known", self.pairs, self.taken);
        Err(Mismatch::new(reason))
    }
}

/// A key as it stands in a map: -1 - n where it is negative.
#[expect(clippy::cast_sign_loss, reason = "a key and its complement: whichever is not negative")]
const fn key_head(key: i64) -> Head {
    if key < 0 {
        Head { major: NEGATIVE, argument: !key as u64 }
    } else {
        Head { major: UNSIGNED, argument: key as u64 }
    }
}
