//! Typed fields: how Rust values become CBOR values and back, strictly.
//!
//! The `record!` macro turns a list `key => name: type` into a public struct with an exact
//! encoding: a map with those integer keys, no others, options left out when empty.

use ciborium::Value;
use ciborium::value::Integer;

use super::head::Encoding;
pub use super::reader::{MapReader, Reader};
use super::{DecodeError, Kind, cbor};
use crate::crypto::sign::PublicKey;
use crate::units::{Amount, ByteCount, Currency, MediumId, Sequence, StoreId, Timestamp};

/// A value with exactly one encoding.
pub trait Field: Sized {
    /// The CBOR value.
    fn to_value(&self) -> Value;

    /// Read the value that comes next; anything the type can't hold is refused.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch>;

    /// What an absent key means; `None` where the key is required.
    fn absent() -> Option<Self> {
        None
    }

    /// Is this value written by leaving its key out?
    fn is_absent(&self) -> bool {
        false
    }
}

/// What is read from bytes that it may borrow from: each [`Field`], which borrows nothing, and
/// records whose texts stay in the bytes.
pub trait Read<'a>: Sized {
    /// Read the value that comes next; anything the type can't hold is refused.
    fn read_from(reader: &mut Reader<'a>) -> Result<Self, Mismatch>;

    /// What an absent key means; `None` where the key is required.
    fn missing() -> Option<Self> {
        None
    }
}

impl<'a, T: Field> Read<'a> for T {
    #[inline(always)]
    fn read_from(reader: &mut Reader<'a>) -> Result<Self, Mismatch> {
        T::read(reader)
    }

    #[inline(always)]
    fn missing() -> Option<Self> {
        T::absent()
    }
}

/// A value that isn't of its field's type, and where: the path grows on the way out.
#[derive(Debug)]
pub struct Mismatch(Box<Fault>);

#[derive(Debug)]
enum Fault {
    Encoding(Encoding),
    Value { path: String, reason: String },
}

impl Mismatch {
    /// A value that breaks its type's rule.
    #[cold]
    #[expect(clippy::needless_pass_by_value, reason = "it is the function given to `map_err`")]
    pub fn new(reason: impl ToString) -> Self {
        Self(Box::new(Fault::Value { path: String::new(), reason: reason.to_string() }))
    }

    #[cold]
    pub(super) fn inside(mut self, name: &str) -> Self {
        if let Fault::Value { path, .. } = &mut *self.0 {
            let dot = if path.is_empty() { "" } else { "." };
            *path = format!("{name}{dot}{path}");
        }
        self
    }

    /// What this is in these bytes of an object: what no encoder would have written comes first.
    #[cold]
    pub(super) fn within(self, bytes: &[u8], kind: Kind) -> DecodeError {
        let encoding = cbor::check(bytes, kind).err();
        encoding.unwrap_or_else(|| match *self.0 {
            Fault::Encoding(error) => *error,
            Fault::Value { path, reason } => {
                DecodeError::Object { kind: kind.name(), path, reason }
            }
        })
    }
}

impl From<Encoding> for Mismatch {
    #[cold]
    fn from(error: Encoding) -> Self {
        Self(Box::new(Fault::Encoding(error)))
    }
}

/// Writes a map's pairs, which are put in deterministic order: see [`rising`].
#[derive(Default)]
pub struct MapWriter(Vec<(Value, Value)>);

impl MapWriter {
    /// Add a field, unless it is absent.
    pub fn put(&mut self, key: i64, field: &impl Field) {
        if !field.is_absent() {
            self.0.push((key.into(), field.to_value()));
        }
    }

    /// The map.
    pub fn finish(self) -> Value {
        Value::Map(self.0)
    }
}

/// Are these keys in deterministic order: those from 0 up, then those from -1 down?
pub const fn rising(keys: &[i64]) -> bool {
    let mut place = 1;
    while place < keys.len() {
        let (before, key) = (keys[place - 1], keys[place]);
        let right = if before < 0 { key < before } else { key < 0 || key > before };
        if !right {
            return false;
        }
        place += 1;
    }
    true
}

/// Define a struct that is encoded as a map with integer keys.
///
/// One with parameters is encoded as `$owned`; a `$view` is read from the same bytes.
macro_rules! record {
    ($(#[$meta:meta])* pub struct $name:ident {
        $( $(#[$field_meta:meta])* $key:literal => $field:ident : $type:ty ),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name { $( $(#[$field_meta])* pub $field: $type, )* }

        $crate::format::field::map_field! { $name { $( $key => $field ),* } }
    };
    ($(#[$meta:meta])*
    pub struct $name:ident<$( $part:ident ),*> as $owned:ident = $whole:ty, $view:ident = $lent:ty {
        $( $(#[$field_meta:meta])* $key:literal => $field:ident : $type:ty ),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name<$( $part ),*> { $( $(#[$field_meta])* pub $field: $type, )* }

        $(#[$meta])*
        pub type $owned = $whole;
        $(#[$meta])*
        pub type $view<'a> = $lent;

        $crate::format::field::map_field! { $owned { $( $key => $field ),* } }

        impl<'a> $crate::format::field::Read<'a> for $view<'a> {
            #[inline(always)]
            fn read_from(
                reader: &mut $crate::format::field::Reader<'a>,
            ) -> Result<Self, $crate::format::field::Mismatch> {
                $crate::format::field::read_map!(reader, { $( $key => $field ),* })
            }
        }
    };
}

/// Write and read a struct as a map with these keys.
macro_rules! map_field {
    ($name:ident { $( $key:literal => $field:ident ),* }) => {
        const _: () = assert!($crate::format::field::rising(&[$( $key ),*]));

        impl $crate::format::field::Field for $name {
            fn to_value(&self) -> ciborium::Value {
                let mut map = $crate::format::field::MapWriter::default();
                $( map.put($key, &self.$field); )*
                map.finish()
            }

            #[inline]
            fn read(
                reader: &mut $crate::format::field::Reader<'_>,
            ) -> Result<Self, $crate::format::field::Mismatch> {
                $crate::format::field::read_map!(reader, { $( $key => $field ),* })
            }
        }
    };
}

macro_rules! read_map {
    ($reader:ident, { $( $key:literal => $field:ident ),* }) => {{
        let mut map = $reader.map()?;
        let record = Self { $( $field: map.take($key, stringify!($field))?, )* };
        map.finish()?;
        Ok(record)
    }};
}

/// Define an enum whose variants are small fixed integers.
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident {
        $( $(#[$variant_meta:meta])* $number:literal => $variant:ident $text:literal ),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[$variant_meta])* $variant, )* }

        impl $name {
            /// Every variant.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The word for it.
            pub fn word(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl $crate::format::field::Field for $name {
            fn to_value(&self) -> ciborium::Value {
                match self { $( Self::$variant => ciborium::Value::from($number), )* }
            }

            #[inline(always)]
            fn read(
                reader: &mut $crate::format::field::Reader<'_>,
            ) -> Result<Self, $crate::format::field::Mismatch> {
                match reader.unsigned()? {
                    $( $number => Ok(Self::$variant), )*
                    other => Err($crate::format::field::Mismatch::new(format!(
                        "{other} is no known {}", stringify!($name)
                    ))),
                }
            }
        }
    };
}

pub(crate) use {choice, map_field, read_map, record};

impl Field for u64 {
    fn to_value(&self) -> Value {
        Value::Integer(Integer::from(*self))
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        reader.unsigned()
    }
}

impl Field for u32 {
    fn to_value(&self) -> Value {
        u64::from(*self).to_value()
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        let wide = reader.unsigned()?;
        Self::try_from(wide).map_err(|_| Mismatch::new(format!("{wide} is above 2^32 - 1")))
    }
}

impl Field for u8 {
    fn to_value(&self) -> Value {
        u64::from(*self).to_value()
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        let wide = reader.unsigned()?;
        Self::try_from(wide).map_err(|_| Mismatch::new(format!("{wide} is above 255")))
    }
}

impl Field for i64 {
    fn to_value(&self) -> Value {
        Value::Integer(Integer::from(*self))
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        reader.integer()
    }
}

impl Field for bool {
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        reader.boolean()
    }
}

impl<const N: usize> Field for [u8; N] {
    fn to_value(&self) -> Value {
        Value::Bytes(self.to_vec())
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        reader.array_of().copied()
    }
}

/// A byte string of any length, such as an object inside another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl Field for Bytes {
    fn to_value(&self) -> Value {
        Value::Bytes(self.0.clone())
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        Ok(Self(reader.bytes()?.to_vec()))
    }
}

impl<T: Field> Field for Vec<T> {
    fn to_value(&self) -> Value {
        Value::Array(self.iter().map(Field::to_value).collect())
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        let count = reader.array()?;
        reader.items(count)
    }
}

/// What is large and rare, so that what is around it stays small.
impl<T: Field> Field for Box<T> {
    fn to_value(&self) -> Value {
        T::to_value(self)
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        T::read(reader).map(Self::new)
    }
}

impl<T: Field> Field for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().expect("an absent field is never written").to_value()
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        T::read(reader).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// A unit that is encoded as an unsigned integer.
macro_rules! unit_field {
    ($( $type:ty: $write:ident, $read:expr; )*) => { $(
        impl Field for $type {
            fn to_value(&self) -> Value {
                u64::from(self.$write()).to_value()
            }

            #[inline(always)]
            fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
                let read: fn(u64) -> Result<Self, crate::units::UnitError> = $read;
                read(reader.unsigned()?).map_err(Mismatch::new)
            }
        }
    )* };
}

unit_field! {
    Amount: minor, Amount::from_minor;
    MediumId: number, MediumId::from_number;
    StoreId: number, StoreId::from_number;
    Timestamp: seconds, Timestamp::from_seconds;
    Sequence: number, |number| Ok(Sequence::from_number(number));
    ByteCount: bytes, |bytes| Ok(ByteCount::from_bytes(bytes));
}

impl Field for Currency {
    fn to_value(&self) -> Value {
        Value::Text(self.code().to_owned())
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        String::read(reader)?.parse().map_err(Mismatch::new)
    }
}

/// A bare Ed25519 public key: 32 bytes; small-order and non-canonical points are refused.
impl Field for PublicKey {
    fn to_value(&self) -> Value {
        Value::Bytes(self.as_bytes().to_vec())
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        Self::from_bytes(<[u8; 32]>::read(reader)?).map_err(Mismatch::new)
    }
}
