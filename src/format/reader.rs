//! One pass over strict deterministic CBOR, which borrows from what it reads.
//!
//! A [`Reader`] refuses, as it comes to it, whatever [`super::cbor`] says that a deterministic
//! encoder would not have written. Nothing is built that the fields don't keep.

use super::DecodeError;
use super::cbor::DEPTH_MAX;
use super::field::{Field, Mismatch, Read};
use super::head::{
    ARRAY, BYTES, Encoding, Head, MAP, NEGATIVE, SIMPLE, TAG, TEXT, TRUE, UNSIGNED, argument,
    at_least, key_head, long_head, truncated,
};

/// The head of a byte string of up to 23 bytes; of a longer one, whose length follows in a byte.
const BYTES_HEAD: u8 = 0x40;
const BYTES_LONG_HEAD: u8 = 0x58;

/// Below this first byte are integers, strings, arrays and maps.
const SHORT_END: u8 = TAG << 5;

/// A place in bytes that are read once, from front to back.
///
/// What is not inlined takes the place by value where it can: a reader that nothing refers to lives in
/// registers.
pub struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
    /// Values that are read or promised: each array and map promises its own.
    items: u64,
    items_max: u64,
}

impl<'a> Reader<'a> {
    /// Begin to read at most so many values.
    #[inline(always)]
    pub(super) fn new(bytes: &'a [u8], items_max: usize) -> Self {
        Self { rest: bytes, total: bytes.len(), items: 1, items_max: items_max as u64 }
    }

    /// How many bytes are read.
    #[inline(always)]
    pub(super) fn used(&self) -> usize {
        self.total - self.rest.len()
    }

    /// Refuse what stands behind the item that was read, and more values than may be.
    #[inline(always)]
    pub(super) fn end(&self) -> Result<(), Encoding> {
        self.check_items()?;
        let (used, found) = (self.used(), self.total);
        if used == found { Ok(()) } else { Err(DecodeError::Trailing { used, found }.into()) }
    }

    /// Does the tag of a `COSE_Sign1` come next? Read it then.
    #[inline(always)]
    pub(super) fn is_tagged(&mut self) -> Result<bool, Mismatch> {
        self.promise(1);
        Ok(self.head()?.major == TAG)
    }

    /// An unsigned integer.
    #[inline(always)]
    pub fn unsigned(&mut self) -> Result<u64, Mismatch> {
        let short = match self.rest {
            [first @ 0..=23, rest @ ..] => Some((u64::from(*first), rest)),
            [0x18, rest @ ..] => at_least(24, rest, |[byte]| byte.into()),
            [0x19, rest @ ..] => at_least(1 << 8, rest, |bytes| u16::from_be_bytes(bytes).into()),
            [0x1a, rest @ ..] => at_least(1 << 16, rest, |bytes| u32::from_be_bytes(bytes).into()),
            [0x1b, rest @ ..] => at_least(1 << 32, rest, u64::from_be_bytes),
            _ => None,
        };
        let (argument, rest) = match short {
            Some(read) => read,
            None => unsigned(self.rest, self.total)?,
        };
        self.rest = rest;
        Ok(argument)
    }

    /// An integer of either sign.
    #[inline(always)]
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

    /// A byte string of this length.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "each cast is bounded by its arm")]
    pub fn array_of<const N: usize>(&mut self) -> Result<&'a [u8; N], Mismatch> {
        let string = match N {
            0..24 => self.rest.strip_prefix(&[BYTES_HEAD | N as u8]),
            24..0x100 => self.rest.strip_prefix(&[BYTES_LONG_HEAD, N as u8]),
            _ => None,
        };
        let (array, rest) = match string.and_then(|string| string.split_first_chunk()) {
            Some(split) => split,
            None => array_of(self.rest, self.total)?,
        };
        self.rest = rest;
        Ok(array)
    }

    /// Text of any characters.
    #[inline]
    pub fn text(&mut self) -> Result<&'a str, Mismatch> {
        let start = self.used();
        let bytes = self.text_bytes()?;
        Ok(utf8(bytes, start)?)
    }

    /// The bytes of a text, which nobody has looked at yet.
    #[inline(always)]
    pub(super) fn text_bytes(&mut self) -> Result<&'a [u8], Mismatch> {
        match self.head()? {
            Head { major: TEXT, argument } => Ok(self.take(argument)?),
            other => other.expected("text"),
        }
    }

    /// The length of an array, whose items are read by [`Self::items`].
    pub fn array(&mut self) -> Result<u64, Mismatch> {
        match self.head()? {
            Head { major: ARRAY, argument } => {
                self.promise(argument);
                Ok(argument)
            }
            other => other.expected("an array"),
        }
    }

    /// The length of an array that is a row of fields; none where something else stands.
    #[inline(always)]
    pub fn row(&mut self) -> Result<Option<u64>, Mismatch> {
        let head = self.head()?;
        Ok((head.major == ARRAY).then(|| {
            self.promise(head.argument);
            head.argument
        }))
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
            Head { major: MAP, argument } => {
                self.promise(argument);
                Ok(MapReader::of(self, argument))
            }
            other => other.expected("a map"),
        }
    }

    /// Pass over the next item, whatever it is, so deep inside others; it is counted already.
    pub(super) fn skip(&mut self, depth: u32) -> Result<(), Encoding> {
        let start = self.used();
        if depth > DEPTH_MAX {
            return Err(DecodeError::TooDeep { at: start, max: DEPTH_MAX }.into());
        }
        self.check_items()?;
        let head = self.head()?;
        match head.major {
            BYTES => self.take(head.argument).map(drop),
            TEXT => self.take(head.argument).and_then(|text| utf8(text, start)).map(drop),
            ARRAY => (0..head.argument).try_for_each(|_| self.skip_next(depth + 1)),
            MAP => self.skip_pairs(head.argument, depth + 1),
            TAG => self.skip_next(depth + 1),
            _ => Ok(()),
        }
    }

    fn skip_next(&mut self, depth: u32) -> Result<(), Encoding> {
        self.promise(1);
        self.skip(depth)
    }

    fn skip_pairs(&mut self, count: u64, depth: u32) -> Result<(), Encoding> {
        let mut before = None;
        for _ in 0..count {
            before = Some(self.key(before)?);
            self.skip_next(depth)?;
        }
        Ok(())
    }

    /// So many values more will be read.
    #[inline(always)]
    fn promise(&mut self, items: u64) {
        self.items = self.items.saturating_add(items);
    }

    #[inline(always)]
    fn check_items(&self) -> Result<(), Encoding> {
        if self.items <= self.items_max { Ok(()) } else { Err(self.too_many().into()) }
    }

    #[cold]
    fn too_many(&self) -> DecodeError {
        let max = usize::try_from(self.items_max).unwrap_or(usize::MAX);
        DecodeError::TooManyItems { at: self.used(), max }
    }

    /// Read the head of a value.
    #[inline(always)]
    fn head(&mut self) -> Result<Head, Encoding> {
        let (head, rest) = match self.rest {
            [first @ 0..SHORT_END, rest @ ..] if first & 31 < 24 => {
                (Head { major: first >> 5, argument: (first & 31).into() }, rest)
            }
            [first @ 0..SHORT_END, second @ 24..=0xff, rest @ ..] if first & 31 == 24 => {
                (Head { major: first >> 5, argument: (*second).into() }, rest)
            }
            _ => long_head(self.rest, self.total)?,
        };
        self.rest = rest;
        Ok(head)
    }

    /// Read the key of a pair behind the one with the key before.
    fn key(&mut self, before: Option<Head>) -> Result<Head, Encoding> {
        let at = self.used();
        let (key, rest) = argument(self.rest, self.total)?;
        self.rest = rest;
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

    #[inline(always)]
    fn take(&mut self, count: u64) -> Result<&'a [u8], Encoding> {
        let split = usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count));
        let Some((taken, rest)) = split else {
            return Err(truncated(self.rest, self.total, count).into());
        };
        self.rest = rest;
        Ok(taken)
    }
}

#[inline(never)]
fn unsigned(rest: &[u8], total: usize) -> Result<(u64, &[u8]), Mismatch> {
    match long_head(rest, total)? {
        (Head { major: UNSIGNED, argument }, rest) => Ok((argument, rest)),
        (other, _) => other.expected("an unsigned integer below 2^64"),
    }
}

#[inline(never)]
fn array_of<const N: usize>(rest: &[u8], total: usize) -> Result<(&[u8; N], &[u8]), Mismatch> {
    let mut reader = Reader { rest, total, items: 0, items_max: 0 };
    let bytes = reader.bytes()?;
    match bytes.try_into() {
        Ok(array) => Ok((array, reader.rest)),
        Err(_) => Err(Mismatch::new(format!("{} bytes, expected {N}", bytes.len()))),
    }
}

/// The text of these bytes, which begins there.
#[inline]
fn utf8(bytes: &[u8], start: usize) -> Result<&str, Encoding> {
    std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8 { at: start }.into())
}

/// Reads a map's pairs by rising keys; [`MapReader::finish`] refuses what was not asked.
pub struct MapReader<'r, 'a> {
    reader: &'r mut Reader<'a>,
    pairs: u64,
    taken: u64,
    keys: Keys,
}

/// How far the keys of a map are read.
#[derive(Clone, Copy)]
struct Keys {
    /// Pairs whose key is not read yet.
    left: u64,
    /// The newest key that was read.
    before: Option<Head>,
    /// Does its value come next? It was read to see that it is none that was asked for.
    due: bool,
}

impl<'r, 'a> MapReader<'r, 'a> {
    #[inline(always)]
    fn of(reader: &'r mut Reader<'a>, pairs: u64) -> Self {
        Self { reader, pairs, taken: 0, keys: Keys { left: pairs, before: None, due: false } }
    }

    /// Take a field by its key, which comes after those that were asked for before.
    #[inline(always)]
    pub fn take<T: Read<'a>>(&mut self, key: i64, name: &str) -> Result<T, Mismatch> {
        if !self.finds(key_head(key))? {
            return T::missing().ok_or_else(|| Mismatch::new("is missing").inside(name));
        }
        self.taken += 1;
        T::read_from(self.reader).map_err(|fault| fault.inside(name))
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
        let keys = self.keys;
        if !keys.due && keys.left == 0 {
            return Ok(false);
        }
        if let [first @ 0..24, rest @ ..] = self.reader.rest
            && !keys.due
            && key.major == UNSIGNED
            && u64::from(*first) >= key.argument
        {
            let found = u64::from(*first) == key.argument;
            if found {
                // It is greater than what was asked for before, so than all that was read.
                self.reader.rest = rest;
                self.keys = Keys { left: keys.left - 1, before: Some(key), due: false };
            }
            return Ok(found);
        }
        let found;
        (found, *self.reader, self.keys) = seeks(Reader { ..*self.reader }, keys, key)?;
        Ok(found)
    }

    /// Refuse keys that nobody asked for.
    #[inline(always)]
    pub fn finish(self) -> Result<(), Mismatch> {
        if self.taken == self.pairs { Ok(()) } else { Err(unknown(self.pairs, self.taken)) }
    }
}

/// Pass over the pairs before this key: whether it is there, and how far is read.
#[inline(never)]
fn seeks(
    mut reader: Reader<'_>,
    mut keys: Keys,
    key: Head,
) -> Result<(bool, Reader<'_>, Keys), Encoding> {
    loop {
        if !keys.due {
            if keys.left == 0 {
                return Ok((false, reader, keys));
            }
            keys.left -= 1;
            keys.before = Some(reader.key(keys.before)?);
            keys.due = true;
        }
        if keys.before >= Some(key) {
            let found = keys.before == Some(key);
            keys.due = !found;
            return Ok((found, reader, keys));
        }
        reader.skip(0)?;
        keys.due = false;
    }
}

#[cold]
fn unknown(pairs: u64, taken: u64) -> Mismatch {
    Mismatch::new(format!("has {pairs} keys, of which {taken} are known"))
}
