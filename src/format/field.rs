//! Typed fields: how Rust values become CBOR values and back, strictly.
//!
//! The `record!` macro turns a list `key => name: type` into a public struct with an exact
//! encoding: a map with those integer keys, no others, options left out when empty.

use ciborium::Value;
use ciborium::value::Integer;

use super::DecodeError;
use crate::crypto::sign::PublicKey;
use crate::units::{Amount, ByteCount, Currency, MediumId, Sequence, StoreId, Timestamp};

/// A value with exactly one encoding.
pub trait Field: Sized {
    /// The CBOR value.
    fn to_value(&self) -> Value;

    /// Read the value; anything the type can't hold is refused.
    fn from_value(value: &Value) -> Result<Self, Mismatch>;

    /// What an absent key means; `None` where the key is required.
    fn absent() -> Option<Self> {
        None
    }

    /// Is this value written by leaving its key out?
    fn is_absent(&self) -> bool {
        false
    }
}

/// A value that isn't of its field's type, and where: the path grows on the way out.
#[derive(Debug)]
pub struct Mismatch {
    pub(crate) path: String,
    pub(crate) reason: String,
}

impl Mismatch {
    /// A value that breaks its type's rule.
    #[expect(clippy::needless_pass_by_value, reason = "it is the function given to `map_err`")]
    pub fn new(reason: impl ToString) -> Self {
        Self { path: String::new(), reason: reason.to_string() }
    }

    fn inside(mut self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }

    fn expected(what: &str, value: &Value) -> Self {
        let found = match value {
            Value::Integer(_) => "an integer",
            Value::Bytes(_) => "a byte string",
            Value::Text(_) => "text",
            Value::Array(_) => "an array",
            Value::Map(_) => "a map",
            Value::Bool(_) => "a boolean",
            _ => "something else",
        };
        Self::new(format!("expected {what}, found {found}"))
    }
}

impl From<Mismatch> for DecodeError {
    fn from(mismatch: Mismatch) -> Self {
        Self::Field { path: mismatch.path, reason: mismatch.reason }
    }
}

/// Writes a map's pairs; [`MapWriter::finish`] puts the keys in deterministic order.
#[derive(Default)]
pub struct MapWriter(Vec<(i64, Value)>);

impl MapWriter {
    /// Add a field, unless it is absent.
    pub fn put(&mut self, key: i64, field: &impl Field) {
        if !field.is_absent() {
            self.0.push((key, field.to_value()));
        }
    }

    /// The map: positive keys ascending, then negative keys from -1 down.
    pub fn finish(mut self) -> Value {
        self.0.sort_by_key(|(key, _)| (*key < 0, key.unsigned_abs()));
        Value::Map(self.0.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

/// Reads a map's pairs in any order of asking; [`MapReader::finish`] refuses what was not asked.
pub struct MapReader<'a> {
    pairs: &'a [(Value, Value)],
    taken: usize,
}

impl<'a> MapReader<'a> {
    /// Begin to read a map.
    pub fn open(value: &'a Value) -> Result<Self, Mismatch> {
        let pairs = value.as_map().ok_or_else(|| Mismatch::expected("a map", value))?;
        Ok(Self { pairs, taken: 0 })
    }

    /// Take a field by its key.
    pub fn take<T: Field>(&mut self, key: i64, name: &str) -> Result<T, Mismatch> {
        let wanted = Value::Integer(key.into());
        match self.pairs.iter().find(|(found, _)| *found == wanted) {
            Some((_, value)) => {
                self.taken += 1;
                T::from_value(value).map_err(|mismatch| mismatch.inside(name))
            }
            None => T::absent().ok_or_else(|| Mismatch::new("is missing").inside(name)),
        }
    }

    /// Refuse keys that nobody asked for.
    pub fn finish(self) -> Result<(), Mismatch> {
        if self.taken == self.pairs.len() {
            return Ok(());
        }
        Err(Mismatch::new(format!(
            "has {} keys, of which {} are known",
            self.pairs.len(),
            self.taken
        )))
    }
}

/// Define a struct that is encoded as a map with integer keys.
macro_rules! record {
    ($(#[$meta:meta])* pub struct $name:ident {
        $( $(#[$field_meta:meta])* $key:literal => $field:ident : $type:ty ),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name { $( $(#[$field_meta])* pub $field: $type, )* }

        impl $crate::format::field::Field for $name {
            fn to_value(&self) -> ciborium::Value {
                let mut map = $crate::format::field::MapWriter::default();
                $( map.put($key, &self.$field); )*
                map.finish()
            }

            fn from_value(
                value: &ciborium::Value,
            ) -> Result<Self, $crate::format::field::Mismatch> {
                let mut map = $crate::format::field::MapReader::open(value)?;
                let record = Self { $( $field: map.take($key, stringify!($field))?, )* };
                map.finish()?;
                Ok(record)
            }
        }
    };
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

            fn from_value(
                value: &ciborium::Value,
            ) -> Result<Self, $crate::format::field::Mismatch> {
                match u64::from_value(value)? {
                    $( $number => Ok(Self::$variant), )*
                    other => Err($crate::format::field::Mismatch::new(format!(
                        "{other} is no known {}", stringify!($name)
                    ))),
                }
            }
        }
    };
}

pub(crate) use {choice, record};

impl Field for u64 {
    fn to_value(&self) -> Value {
        Value::Integer(Integer::from(*self))
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        value
            .as_integer()
            .and_then(|integer| Self::try_from(integer).ok())
            .ok_or_else(|| Mismatch::expected("an unsigned integer below 2^64", value))
    }
}

impl Field for u32 {
    fn to_value(&self) -> Value {
        u64::from(*self).to_value()
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let wide = u64::from_value(value)?;
        Self::try_from(wide).map_err(|_| Mismatch::new(format!("{wide} is above 2^32 - 1")))
    }
}

impl Field for u8 {
    fn to_value(&self) -> Value {
        u64::from(*self).to_value()
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let wide = u64::from_value(value)?;
        Self::try_from(wide).map_err(|_| Mismatch::new(format!("{wide} is above 255")))
    }
}

impl Field for i64 {
    fn to_value(&self) -> Value {
        Value::Integer(Integer::from(*self))
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        value
            .as_integer()
            .and_then(|integer| Self::try_from(integer).ok())
            .ok_or_else(|| Mismatch::expected("an integer within 64 bits", value))
    }
}

impl Field for bool {
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        value.as_bool().ok_or_else(|| Mismatch::expected("a boolean", value))
    }
}

/// The longest text in any object, in bytes.
pub const TEXT_BYTES_MAX: usize = 1024;

impl Field for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    /// Text of at most [`TEXT_BYTES_MAX`] bytes without control characters.
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let text = value.as_text().ok_or_else(|| Mismatch::expected("text", value))?;
        if text.len() > TEXT_BYTES_MAX {
            let reason = format!("text of {} bytes, limit {TEXT_BYTES_MAX}", text.len());
            return Err(Mismatch::new(reason));
        }
        if text.chars().any(char::is_control) {
            return Err(Mismatch::new("text holds control characters"));
        }
        Ok(text.to_owned())
    }
}

impl<const N: usize> Field for [u8; N] {
    fn to_value(&self) -> Value {
        Value::Bytes(self.to_vec())
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let bytes = value.as_bytes().ok_or_else(|| Mismatch::expected("a byte string", value))?;
        Self::try_from(bytes.as_slice())
            .map_err(|_| Mismatch::new(format!("{} bytes, expected {N}", bytes.len())))
    }
}

/// A byte string of any length, such as an object inside another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl Field for Bytes {
    fn to_value(&self) -> Value {
        Value::Bytes(self.0.clone())
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let bytes = value.as_bytes().ok_or_else(|| Mismatch::expected("a byte string", value))?;
        Ok(Self(bytes.clone()))
    }
}

impl<T: Field> Field for Vec<T> {
    fn to_value(&self) -> Value {
        Value::Array(self.iter().map(Field::to_value).collect())
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let items = value.as_array().ok_or_else(|| Mismatch::expected("an array", value))?;
        let read = |(place, item)| {
            T::from_value(item).map_err(|mismatch| mismatch.inside(&format!("[{place}]")))
        };
        items.iter().enumerate().map(read).collect()
    }
}

impl<T: Field> Field for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().expect("an absent field is never written").to_value()
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        T::from_value(value).map(Some)
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

            fn from_value(value: &Value) -> Result<Self, Mismatch> {
                let read: fn(u64) -> Result<Self, crate::units::UnitError> = $read;
                read(u64::from_value(value)?).map_err(Mismatch::new)
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

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        String::from_value(value)?.parse().map_err(Mismatch::new)
    }
}

/// A bare Ed25519 public key: 32 bytes; small-order and non-canonical points are refused.
impl Field for PublicKey {
    fn to_value(&self) -> Value {
        Value::Bytes(self.as_bytes().to_vec())
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        Self::from_bytes(<[u8; 32]>::from_value(value)?).map_err(Mismatch::new)
    }
}
