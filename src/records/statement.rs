//! Statements, values and rows: one text for both databases.
//!
//! Parameters are written `$1`, `$2`, …: `PostgreSQL` counts them and `SQLite` takes them for
//! names, so no text is ever rewritten.

use std::collections::HashMap;

use postgres::binary_copy::BinaryCopyInWriter;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{ToSql, Type};

use super::database::{StorageError, file_error, is_race, server_error};
use super::value::{Kind, Row, Value};

/// A connection as its own driver has it.
pub(super) enum Session {
    Sqlite(rusqlite::Connection),
    Postgres { client: Box<postgres::Client>, prepared: Prepared },
}

/// Statements that a server connection has prepared, by their text.
pub(super) type Prepared = HashMap<String, postgres::Statement>;

/// An open transaction; dropping it undoes it.
pub(super) struct Transaction<'a> {
    place: &'a str,
    lost_race: bool,
    pub(super) driver: Driver<'a>,
}

pub(super) enum Driver<'a> {
    Sqlite(rusqlite::Transaction<'a>),
    Postgres(postgres::Transaction<'a>, &'a mut Prepared),
}

/// A column, where tables are copied whatever they are.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// A table that rows are brought into in bulk.
pub(super) struct Table<const N: usize> {
    pub(super) name: &'static str,
    pub(super) columns: [(&'static str, Type); N],
}

impl<'a> Transaction<'a> {
    pub(super) fn on_file(place: &'a str, transaction: rusqlite::Transaction<'a>) -> Self {
        Self { place, lost_race: false, driver: Driver::Sqlite(transaction) }
    }

    pub(super) fn on_server(
        place: &'a str,
        transaction: postgres::Transaction<'a>,
        prepared: &'a mut Prepared,
    ) -> Self {
        Self { place, lost_race: false, driver: Driver::Postgres(transaction, prepared) }
    }

    /// Did a statement fail only because another transaction came first?
    pub(super) fn lost_race(&self) -> bool {
        self.lost_race
    }

    /// Make the transaction durable; the error is none when it lost a race.
    pub(super) fn commit(self) -> Result<(), Option<StorageError>> {
        let doing = format!("committing to the records at {}", self.place);
        match self.driver {
            Driver::Sqlite(transaction) => {
                transaction.commit().map_err(|error| Some(file_error(doing, &error)))
            }
            Driver::Postgres(transaction, _) => transaction
                .commit()
                .map_err(|error| (!is_race(&error)).then(|| server_error(doing, &error))),
        }
    }

    /// Run a text of several statements without parameters, in the words of this database.
    pub(super) fn run_script(&mut self, script: &Script) -> Result<(), StorageError> {
        let done = match &mut self.driver {
            Driver::Sqlite(transaction) => {
                transaction.execute_batch(&script.sqlite).map_err(Trouble::File)
            }
            Driver::Postgres(transaction, _) => {
                transaction.batch_execute(&script.postgres).map_err(Trouble::Server)
            }
        };
        done.map_err(|trouble| self.explain(trouble))
    }

    /// Is there a table of this name?
    pub(super) fn has_table(&mut self, name: &str) -> Result<bool, StorageError> {
        const SQLITE: &str = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1";
        const POSTGRES: &str = "SELECT CAST(1 AS BIGINT) FROM pg_catalog.pg_class \
            WHERE relkind = 'r' AND relname = $1 AND pg_catalog.pg_table_is_visible(oid)";
        let sql = match self.driver {
            Driver::Sqlite(_) => SQLITE,
            Driver::Postgres(..) => POSTGRES,
        };
        Ok(self.row(sql, &[Value::Text(name)], |row| row.int(0))?.is_some())
    }

    /// Run a statement that answers no rows; how many rows it changed.
    pub(super) fn execute(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, StorageError> {
        let done = match &mut self.driver {
            Driver::Sqlite(transaction) => execute_file(transaction, sql, values),
            Driver::Postgres(transaction, prepared) => {
                execute_server(transaction, prepared, sql, &for_server(values))
            }
        };
        done.map_err(|trouble| self.explain(trouble))
    }

    /// Call `each` with every row of the answer, in order, as it arrives.
    pub(super) fn for_each<E: From<StorageError>>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut refusal = None;
        let mut take = |row: &Row<'_>| match each(row) {
            Ok(()) => true,
            Err(error) => {
                refusal = Some(error);
                false
            }
        };
        let done = match &mut self.driver {
            Driver::Sqlite(transaction) => read_file(transaction, sql, values, &mut take),
            Driver::Postgres(transaction, prepared) => {
                read_server(transaction, prepared, sql, &for_server(values), &mut take)
            }
        };
        done.map_err(|trouble| self.explain(trouble))?;
        refusal.map_or(Ok(()), Err)
    }

    /// All rows of an answer.
    pub(super) fn rows<T>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let mut all = Vec::new();
        self.for_each(sql, values, |row| -> Result<(), StorageError> {
            all.push(read(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// The first row of an answer.
    pub(super) fn row<T>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        Ok(self.rows(sql, values, read)?.into_iter().next())
    }

    /// Bring rows into a table the fastest way that the database has.
    pub(super) fn insert_all<'v, const N: usize>(
        &mut self,
        table: &Table<N>,
        rows: impl Iterator<Item = [Value<'v>; N]>,
    ) -> Result<(), StorageError> {
        let done = match &mut self.driver {
            Driver::Sqlite(transaction) => insert_file(transaction, table, rows),
            Driver::Postgres(transaction, _) => copy_server(transaction, table, rows),
        };
        done.map_err(|trouble| self.explain(trouble))
    }

    /// Copy all rows of a table into the same, empty one of another database; `each` is called
    /// after every row.
    pub(super) fn copy_rows<E: From<StorageError>>(
        &mut self,
        to: &mut Transaction<'_>,
        name: &str,
        columns: &[Column],
        each: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let names = names.join(", ");
        let mut sink = Sink::open(to, name, &names, columns)?;
        let mut refusal = None;
        let mut take = |row: &Row<'_>| match sink.put(row).map_err(E::from).and_then(|()| each()) {
            Ok(()) => true,
            Err(error) => {
                refusal = Some(error);
                false
            }
        };
        let sql = format!("SELECT {names} FROM {name}");
        let done = match &mut self.driver {
            Driver::Sqlite(transaction) => read_file(transaction, &sql, &[], &mut take),
            Driver::Postgres(transaction, _) => {
                let rows = transaction.query_raw(&sql, None::<i64>);
                rows.map_err(Trouble::Server).and_then(|rows| take_all(rows, &mut take))
            }
        };
        done.map_err(|trouble| self.explain(trouble))?;
        refusal.map_or(Ok(()), Err)?;
        Ok(sink.finish()?)
    }

    pub(super) fn explain(&mut self, trouble: Trouble) -> StorageError {
        if let Trouble::Server(error) = &trouble {
            self.lost_race |= is_race(error);
        }
        explained(self.place, trouble)
    }
}

/// A text of statements in the words of each database.
pub(super) struct Script {
    pub(super) sqlite: String,
    pub(super) postgres: String,
}

/// What a driver answered.
pub(super) enum Trouble {
    File(rusqlite::Error),
    Server(postgres::Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::File(error)
    }
}

impl From<postgres::Error> for Trouble {
    fn from(error: postgres::Error) -> Self {
        Self::Server(error)
    }
}

pub(super) fn execute_file(
    transaction: &rusqlite::Transaction<'_>,
    sql: &str,
    values: &[Value<'_>],
) -> Result<u64, Trouble> {
    let mut statement = transaction.prepare_cached(sql)?;
    bind(&mut statement, values)?;
    Ok(statement.raw_execute()? as u64)
}

fn for_server<'v>(values: &'v [Value<'_>]) -> Vec<&'v (dyn ToSql + Sync)> {
    values.iter().map(Value::for_server).collect()
}

pub(super) fn execute_server(
    transaction: &mut postgres::Transaction<'_>,
    prepared: &mut Prepared,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<u64, Trouble> {
    let statement = prepare(transaction, prepared, sql)?;
    Ok(transaction.execute(&statement, values)?)
}

pub(super) fn read_file(
    transaction: &rusqlite::Transaction<'_>,
    sql: &str,
    values: &[Value<'_>],
    take: &mut dyn FnMut(&Row<'_>) -> bool,
) -> Result<(), Trouble> {
    let mut statement = transaction.prepare_cached(sql)?;
    bind(&mut statement, values)?;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        if !take(&Row::Sqlite(row)) {
            break;
        }
    }
    Ok(())
}

pub(super) fn read_server(
    transaction: &mut postgres::Transaction<'_>,
    prepared: &mut Prepared,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
    take: &mut dyn FnMut(&Row<'_>) -> bool,
) -> Result<(), Trouble> {
    let statement = prepare(transaction, prepared, sql)?;
    take_all(transaction.query_raw(&statement, values.iter().copied())?, take)
}

fn take_all(
    mut rows: postgres::RowIter<'_>,
    take: &mut dyn FnMut(&Row<'_>) -> bool,
) -> Result<(), Trouble> {
    while let Some(row) = rows.next()? {
        if !take(&Row::Postgres(&row)) {
            break;
        }
    }
    Ok(())
}

/// Takes the rows of one table.
struct Sink<'t> {
    place: &'t str,
    columns: &'t [Column],
    into: Into<'t>,
}

enum Into<'t> {
    Sqlite(rusqlite::Statement<'t>),
    Postgres(Box<BinaryCopyInWriter<'t>>),
}

impl<'t> Sink<'t> {
    fn open(
        to: &'t mut Transaction<'_>,
        name: &str,
        names: &str,
        columns: &'t [Column],
    ) -> Result<Self, StorageError> {
        let place = to.place;
        let opened = match &mut to.driver {
            Driver::Sqlite(transaction) => {
                let places: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
                let sql = format!("INSERT INTO {name} ({names}) VALUES ({})", places.join(", "));
                transaction.prepare(&sql).map(Into::Sqlite).map_err(Trouble::File)
            }
            Driver::Postgres(transaction, _) => {
                let sql = format!("COPY {name} ({names}) FROM STDIN (FORMAT binary)");
                let types: Vec<Type> = columns.iter().map(|column| column.kind.server()).collect();
                let writer = transaction.copy_in(&sql).map_err(Trouble::Server);
                writer
                    .map(|writer| Into::Postgres(Box::new(BinaryCopyInWriter::new(writer, &types))))
            }
        };
        let into = opened.map_err(|trouble| explained(place, trouble))?;
        Ok(Self { place, columns, into })
    }

    fn put(&mut self, row: &Row<'_>) -> Result<(), StorageError> {
        let read = |(at, column): (usize, &Column)| row.value(at, column.kind);
        let values = self.columns.iter().enumerate().map(read);
        let values: Vec<Value<'_>> = values.collect::<Result<_, _>>()?;
        let done = match &mut self.into {
            Into::Sqlite(statement) => put_file(statement, &values).map_err(Trouble::File),
            Into::Postgres(writer) => {
                let values = values.iter().zip(self.columns);
                let values: Vec<_> =
                    values.map(|(value, column)| value.for_column(column.kind)).collect();
                writer.write(&values).map_err(Trouble::Server)
            }
        };
        done.map_err(|trouble| explained(self.place, trouble))
    }

    fn finish(self) -> Result<(), StorageError> {
        let Into::Postgres(writer) = self.into else { return Ok(()) };
        let done = writer.finish().map_err(Trouble::Server);
        done.map(drop).map_err(|trouble| explained(self.place, trouble))
    }
}

fn put_file(statement: &mut rusqlite::Statement<'_>, values: &[Value<'_>]) -> rusqlite::Result<()> {
    for (place, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(place + 1, value)?;
    }
    statement.raw_execute().map(drop)
}

fn explained(place: &str, trouble: Trouble) -> StorageError {
    let doing = format!("working on the records at {place}");
    match trouble {
        Trouble::File(error) => file_error(doing, &error),
        Trouble::Server(error) => server_error(doing, &error),
    }
}

fn insert_file<'v, const N: usize>(
    transaction: &rusqlite::Transaction<'_>,
    table: &Table<N>,
    rows: impl Iterator<Item = [Value<'v>; N]>,
) -> Result<(), Trouble> {
    let places: Vec<String> = (1..=N).map(|place| format!("?{place}")).collect();
    let (name, columns) = (table.name, table.column_names());
    let sql = format!("INSERT INTO {name} ({columns}) VALUES ({})", places.join(", "));
    let mut statement = transaction.prepare_cached(&sql)?;
    for row in rows {
        put_file(&mut statement, &row)?;
    }
    Ok(())
}

fn copy_server<'v, const N: usize>(
    transaction: &mut postgres::Transaction<'_>,
    table: &Table<N>,
    rows: impl Iterator<Item = [Value<'v>; N]>,
) -> Result<(), Trouble> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let (name, columns) = (table.name, table.column_names());
    let sql = format!("COPY {name} ({columns}) FROM STDIN (FORMAT binary)");
    let types = table.columns.each_ref().map(|(_, kind)| kind.clone());
    let mut writer = BinaryCopyInWriter::new(transaction.copy_in(&sql)?, &types);
    for row in rows {
        writer.write(&row.each_ref().map(Value::for_server))?;
    }
    writer.finish()?;
    Ok(())
}

fn prepare(
    transaction: &mut postgres::Transaction<'_>,
    prepared: &mut Prepared,
    sql: &str,
) -> Result<postgres::Statement, postgres::Error> {
    if let Some(statement) = prepared.get(sql) {
        return Ok(statement.clone());
    }
    let statement = transaction.prepare(sql)?;
    prepared.insert(sql.to_owned(), statement.clone());
    Ok(statement)
}

/// Bind by name: `$2` is the second value wherever it stands.
fn bind(statement: &mut rusqlite::Statement<'_>, values: &[Value<'_>]) -> rusqlite::Result<()> {
    for (place, value) in values.iter().enumerate() {
        let name = format!("${}", place + 1);
        let Some(index) = statement.parameter_index(&name)? else {
            return Err(rusqlite::Error::InvalidParameterName(name));
        };
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(())
}

impl<const N: usize> Table<N> {
    fn column_names(&self) -> String {
        self.columns.each_ref().map(|(name, _)| *name).join(", ")
    }
}
