//! Values that go into statements and rows that come out of them.
//!
//! Numbers are `BIGINT`, all else bytes or text. A row is checked as it is read: what no version
//! of this program writes is damage, and the message names the column.

use rusqlite::types::ToSqlOutput;

use super::database::StorageError;
use crate::units::{Amount, MediumId, StoreId, Timestamp, UnitError};

/// A value in a statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    /// No number.
    Nothing,
    /// No bytes.
    NoBytes,
}

/// What a column holds, where no program names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Bytes,
    Text,
}

impl Kind {
    /// As `PostgreSQL` names it.
    pub(super) fn server(self) -> postgres::types::Type {
        match self {
            Self::Int => postgres::types::Type::INT8,
            Self::Bytes => postgres::types::Type::BYTEA,
            Self::Text => postgres::types::Type::TEXT,
        }
    }
}

/// A row of an answer; columns count from 0.
pub(super) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a postgres::Row),
}

/// A value of `PostgreSQL` that is there, whatever it is.
struct Anything;

impl<'a> postgres::types::FromSql<'a> for Anything {
    fn from_sql(
        _: &postgres::types::Type,
        _: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self)
    }

    fn accepts(_: &postgres::types::Type) -> bool {
        true
    }
}

impl<'a> Value<'a> {
    /// The number, if there is one.
    pub(super) fn as_int(self) -> Option<i64> {
        if let Self::Int(number) = self { Some(number) } else { None }
    }

    /// The bytes, if there are any.
    pub(super) fn as_bytes(self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// A number below 2^63, which every counted thing here is.
    pub(super) fn count(count: u64) -> Self {
        Self::Int(i64::try_from(count).expect("counted things stay below 2^63"))
    }

    /// The value as a column of `PostgreSQL` takes it, be it none.
    pub(super) fn for_column(&self, kind: Kind) -> &(dyn postgres::types::ToSql + Sync) {
        match (self, kind) {
            (Self::Nothing, Kind::Bytes) => &None::<&[u8]>,
            (Self::Nothing, Kind::Text) => &None::<&str>,
            _ => self.for_server(),
        }
    }

    /// The value as `PostgreSQL` takes it.
    pub(super) fn for_server(&self) -> &(dyn postgres::types::ToSql + Sync) {
        match self {
            Self::Int(number) => number,
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text,
            Self::Nothing => &None::<i64>,
            Self::NoBytes => &None::<&[u8]>,
        }
    }
}

impl From<Amount> for Value<'_> {
    fn from(amount: Amount) -> Self {
        Self::count(amount.minor())
    }
}

impl From<MediumId> for Value<'_> {
    fn from(medium: MediumId) -> Self {
        Self::count(medium.number())
    }
}

impl From<StoreId> for Value<'_> {
    fn from(store: StoreId) -> Self {
        Self::Int(store.number().into())
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::count(time.seconds())
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Int(number) => ToSqlOutput::from(*number),
            Self::Bytes(bytes) => ToSqlOutput::from(*bytes),
            Self::Text(text) => ToSqlOutput::from(*text),
            Self::Nothing | Self::NoBytes => ToSqlOutput::from(rusqlite::types::Null),
        })
    }
}

impl Row<'_> {
    pub(super) fn int(&self, column: usize) -> Result<i64, StorageError> {
        match self {
            Self::Sqlite(row) => row.get(column).map_err(|error| self.wrong(column, &error)),
            Self::Postgres(row) => row.try_get(column).map_err(|error| self.wrong(column, &error)),
        }
    }

    /// What may be absent, else read by `read`.
    pub(super) fn optional<T>(
        &self,
        column: usize,
        read: impl FnOnce(&Self, usize) -> Result<T, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        if self.is_null(column)? { Ok(None) } else { read(self, column).map(Some) }
    }

    pub(super) fn bytes(&self, column: usize) -> Result<&[u8], StorageError> {
        match self {
            Self::Sqlite(row) => row
                .get_ref(column)
                .map_err(|error| self.wrong(column, &error))?
                .as_blob()
                .map_err(|error| self.wrong(column, &error)),
            Self::Postgres(row) => row.try_get(column).map_err(|error| self.wrong(column, &error)),
        }
    }

    pub(super) fn text(&self, column: usize) -> Result<&str, StorageError> {
        match self {
            Self::Sqlite(row) => row
                .get_ref(column)
                .map_err(|error| self.wrong(column, &error))?
                .as_str()
                .map_err(|error| self.wrong(column, &error)),
            Self::Postgres(row) => row.try_get(column).map_err(|error| self.wrong(column, &error)),
        }
    }

    /// Whatever stands there.
    pub(super) fn value(&self, column: usize, kind: Kind) -> Result<Value<'_>, StorageError> {
        if self.is_null(column)? {
            return Ok(Value::Nothing);
        }
        match kind {
            Kind::Int => self.int(column).map(Value::Int),
            Kind::Bytes => self.bytes(column).map(Value::Bytes),
            Kind::Text => self.text(column).map(Value::Text),
        }
    }

    fn is_null(&self, column: usize) -> Result<bool, StorageError> {
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(column).map_err(|error| self.wrong(column, &error))?;
                Ok(value == rusqlite::types::ValueRef::Null)
            }
            Self::Postgres(row) => {
                let value: Option<Anything> =
                    row.try_get(column).map_err(|error| self.wrong(column, &error))?;
                Ok(value.is_none())
            }
        }
    }

    pub(super) fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], StorageError> {
        let bytes = self.bytes(column)?;
        bytes
            .try_into()
            .map_err(|_| self.wrong(column, &format!("it has {} bytes, expected {N}", bytes.len())))
    }

    /// Bytes of one length that may be absent.
    pub(super) fn optional_array<const N: usize>(
        &self,
        column: usize,
    ) -> Result<Option<[u8; N]>, StorageError> {
        let absent = match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(column).map_err(|error| self.wrong(column, &error))?;
                value == rusqlite::types::ValueRef::Null
            }
            Self::Postgres(row) => {
                let bytes: Result<Option<&[u8]>, _> = row.try_get(column);
                bytes.map_err(|error| self.wrong(column, &error))?.is_none()
            }
        };
        if absent { Ok(None) } else { self.array(column).map(Some) }
    }

    /// A number that is not negative.
    pub(super) fn count(&self, column: usize) -> Result<u64, StorageError> {
        let number = self.int(column)?;
        u64::try_from(number).map_err(|_| self.wrong(column, &format!("{number} is below 0")))
    }

    pub(super) fn amount(&self, column: usize) -> Result<Amount, StorageError> {
        self.unit(column, Amount::from_minor)
    }

    pub(super) fn medium(&self, column: usize) -> Result<MediumId, StorageError> {
        self.unit(column, MediumId::from_number)
    }

    pub(super) fn store(&self, column: usize) -> Result<StoreId, StorageError> {
        self.unit(column, StoreId::from_number)
    }

    pub(super) fn time(&self, column: usize) -> Result<Timestamp, StorageError> {
        self.unit(column, Timestamp::from_seconds)
    }

    fn unit<T>(
        &self,
        column: usize,
        make: impl FnOnce(u64) -> Result<T, UnitError>,
    ) -> Result<T, StorageError> {
        make(self.count(column)?).map_err(|error| self.wrong(column, &error))
    }

    /// The error for a column that holds what it never may.
    pub(super) fn wrong(&self, column: usize, reason: &dyn ToString) -> StorageError {
        let name = match self {
            Self::Sqlite(row) => row.as_ref().column_name(column).unwrap_or("?").to_owned(),
            Self::Postgres(row) => row.columns()[column].name().to_owned(),
        };
        let object = format!("column {name} of the records");
        StorageError::Damaged { object, reason: reason.to_string() }
    }
}
