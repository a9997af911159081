//! Rows that a statement finds as a table of its own, `asked`, to join with.
//!
//! `PostgreSQL` is given all of them at once, as arrays: one question instead of one a row. `SQLite`,
//! which is asked at no cost, runs the statement once a row. So what a statement says of one row may
//! not depend on the others, and its answers come in no order.

use postgres::types::{ToSql, Type};

use super::database::StorageError;
use super::statement::{Driver, Transaction, execute_file, execute_server, read_file, read_server};
use super::value::{Row, Value};

/// The rows of `asked`.
pub(super) struct Asked<'v, const N: usize> {
    columns: [(&'static str, Type); N],
    rows: Vec<[Value<'v>; N]>,
}

/// A column of all rows.
enum Array<'v> {
    Ints(Vec<Option<i64>>),
    Bytes(Vec<Option<&'v [u8]>>),
}

impl Transaction<'_> {
    /// Run a statement that answers no rows; how many rows it changed.
    pub(super) fn execute_asked<const N: usize>(
        &mut self,
        sql: &str,
        asked: &Asked<'_, N>,
    ) -> Result<u64, StorageError> {
        let done = match &mut self.driver {
            _ if asked.rows.is_empty() => Ok(0),
            Driver::Sqlite(transaction) => {
                let sql = asked.on_file(sql);
                let mut changed = asked.rows.iter().map(|row| execute_file(transaction, &sql, row));
                changed.try_fold(0, |sum, changed| Ok(sum + changed?))
            }
            Driver::Postgres(transaction, prepared) => {
                let (sql, arrays) = (asked.on_server(sql), asked.arrays());
                let arrays = arrays.each_ref().map(Array::for_server);
                execute_server(transaction, prepared, &sql, &arrays)
            }
        };
        done.map_err(|trouble| self.explain(trouble))
    }

    /// All rows of an answer.
    pub(super) fn rows_asked<T, const N: usize>(
        &mut self,
        sql: &str,
        asked: &Asked<'_, N>,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let mut all = Ok(vec![]);
        let mut take = |row: &Row<'_>| {
            match (&mut all, read(row)) {
                (Ok(known), Ok(one)) => known.push(one),
                (Ok(_), Err(error)) => all = Err(error),
                (Err(_), _) => {}
            }
            all.is_ok()
        };
        let done = match &mut self.driver {
            _ if asked.rows.is_empty() => Ok(()),
            Driver::Sqlite(transaction) => {
                let sql = asked.on_file(sql);
                let mut rows = asked.rows.iter();
                rows.try_for_each(|row| read_file(transaction, &sql, row, &mut take))
            }
            Driver::Postgres(transaction, prepared) => {
                let (sql, arrays) = (asked.on_server(sql), asked.arrays());
                let arrays = arrays.each_ref().map(Array::for_server);
                read_server(transaction, prepared, &sql, &arrays, &mut take)
            }
        };
        done.map_err(|trouble| self.explain(trouble))?;
        all
    }
}

impl<'v, const N: usize> Asked<'v, N> {
    pub(super) fn new(
        columns: [(&'static str, Type); N],
        rows: impl Iterator<Item = [Value<'v>; N]>,
    ) -> Self {
        Self { columns, rows: rows.collect() }
    }

    /// The statement with one row before it, whose values are its parameters.
    fn on_file(&self, sql: &str) -> String {
        let places: Vec<String> = (1..=N).map(|place| format!("${place}")).collect();
        format!("WITH asked ({}) AS (SELECT {}) {sql}", self.names(), places.join(", "))
    }

    /// The statement with all rows before it, whose columns are its parameters.
    fn on_server(&self, sql: &str) -> String {
        let arrays = (1..).zip(&self.columns);
        let arrays: Vec<String> =
            arrays.map(|(place, (_, kind))| format!("CAST(${place} AS {kind}[])")).collect();
        let arrays = arrays.join(", ");
        format!("WITH asked ({}) AS (SELECT * FROM unnest({arrays})) {sql}", self.names())
    }

    fn arrays(&self) -> [Array<'v>; N] {
        std::array::from_fn(|column| {
            let values = self.rows.iter().map(|row| row[column]);
            if self.columns[column].1 == Type::BYTEA {
                Array::Bytes(values.map(Value::as_bytes).collect())
            } else {
                Array::Ints(values.map(Value::as_int).collect())
            }
        })
    }

    fn names(&self) -> String {
        self.columns.each_ref().map(|(name, _)| *name).join(", ")
    }
}

impl Array<'_> {
    /// The array as `PostgreSQL` takes it.
    fn for_server(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Ints(numbers) => numbers,
            Self::Bytes(bytes) => bytes,
        }
    }
}
