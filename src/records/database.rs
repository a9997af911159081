//! The two databases behind one face: connecting, transactions, and what can go wrong.
//!
//! `SQLite` takes its write lock when a transaction begins and waits for it; `PostgreSQL` runs
//! transactions side by side as if one after the other, and one that lost a race is run again.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use postgres::IsolationLevel;
use postgres::error::SqlState;
use rusqlite::config::DbConfig;
use rusqlite::{ErrorCode, OpenFlags, TransactionBehavior};

use super::place::Place;
use super::statement::{Session, Transaction};

/// How long a `SQLite` writer waits for another one.
const BUSY_MS_MAX: u64 = 10_000;
/// So long it waits without a word.
const SILENT_MS_MAX: u64 = 1_000;
/// How long a server's lock that another connection holds is waited for.
const LOCK_MS_MAX: u64 = 30_000;
/// How long connecting to a server may take.
const CONNECT_S_MAX: u64 = 10;
/// How often a transaction that lost a race is run again before giving up.
const ATTEMPTS_MAX: u32 = 200;
/// The longest pause between two attempts.
const PAUSE_MS_MAX: u64 = 50;
/// Prepared statements kept by a connection; there are fewer in this room.
const STATEMENTS_KEPT: usize = 64;

/// Why the database did not do what it was asked, whatever that was.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The world said no: unreachable, full, locked, not permitted.
    #[error("{doing}: {reason}")]
    Failed {
        /// Gerund and object: `writing the records at shop/records.db`.
        doing: String,
        /// What the database or the operating system said.
        reason: String,
    },
    /// The bytes are wrong: something stands there that no version of this program writes.
    #[error("{object} is damaged: {reason}")]
    Damaged {
        /// What is damaged: the records, or one column of them.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// An operation's error: a refusal, unless the database itself is to blame.
pub trait OperationError: Error {
    /// The damage or failure, if it was one.
    fn storage(&self) -> Option<&StorageError>;
}

/// Tell the refusals of an operation from its `Storage` variant.
macro_rules! operation_error {
    ($error:ty) => {
        impl $crate::records::OperationError for $error {
            fn storage(&self) -> Option<&$crate::records::StorageError> {
                match self {
                    Self::Storage(error) => Some(error),
                    _ => None,
                }
            }
        }
    };
}
pub(super) use operation_error;

/// What connecting does where nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Make an empty file; a server's database must exist already.
    Make,
    /// Fail.
    Refuse,
}

/// A connection.
pub(super) struct Database {
    place: String,
    session: Session,
    /// Told once that another program's write is waited for.
    waits: Option<Waits>,
}

/// Takes the records' place where a write waits for another program's.
pub(super) type Waits = Box<dyn FnOnce(&str) + Send>;

#[derive(Debug, Clone, Copy)]
enum Access {
    Read,
    Write,
}

enum Rollback<E> {
    /// Another transaction won a race; the same work may succeed now.
    Lost,
    /// The work, or the database, said no.
    Refused(E),
}

impl Database {
    pub(super) fn connect(place: &Place, missing: Missing) -> Result<Self, StorageError> {
        let session = match place {
            Place::File(path) => Session::Sqlite(open_file(path, missing)?),
            Place::Server(config) => reach(place, (**config).clone())?,
        };
        Ok(Self { place: place.to_string(), session, waits: None })
    }

    /// Connect so that nothing can be changed, not even by mistake.
    pub(super) fn connect_reading(place: &Place) -> Result<Self, StorageError> {
        let session = match place {
            Place::File(path) => Session::Sqlite(open_file_reading(path)?),
            Place::Server(config) => {
                let mut config = (**config).clone();
                let asked = config.get_options().unwrap_or_default();
                config.options(&format!("{asked} -c default_transaction_read_only=on"));
                reach(place, config)?
            }
        };
        Ok(Self { place: place.to_string(), session, waits: None })
    }

    /// Have somebody told, once, when a write waits for another program's for more than a second.
    pub(super) fn tell_waits(&mut self, waits: Waits) {
        self.waits = Some(waits);
    }

    /// Leave one file that is whole without any other beside it.
    pub(super) fn close(self) -> Result<(), StorageError> {
        let doing = || format!("closing {}", self.place);
        let Session::Sqlite(connection) = self.session else { return Ok(()) };
        connection
            .pragma_update(None, "journal_mode", "delete")
            .and_then(|()| connection.close().map_err(|(_, error)| error))
            .map_err(|error| file_error(doing(), &error))
    }

    /// Run `work` in a transaction that sees one state and changes nothing.
    pub(super) fn read<T, E: From<StorageError>>(
        &mut self,
        work: impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.run(Access::Read, work)
    }

    /// Run `work` in a transaction: all of it holds when this returns `Ok`, else nothing.
    ///
    /// `work` may run several times; only its last run counts.
    pub(super) fn write<T, E: From<StorageError>>(
        &mut self,
        work: impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.run(Access::Write, work)
    }

    fn run<T, E: From<StorageError>>(
        &mut self,
        access: Access,
        mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        for attempt in 0..ATTEMPTS_MAX {
            match self.attempt(access, &mut work) {
                Ok(value) => return Ok(value),
                Err(Rollback::Refused(error)) => return Err(error),
                Err(Rollback::Lost) => thread::sleep(pause(attempt)),
            }
        }
        Err(self.outrun().into())
    }

    fn attempt<T, E: From<StorageError>>(
        &mut self,
        access: Access,
        work: &mut impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, Rollback<E>> {
        let refused = |error: StorageError| Rollback::Refused(E::from(error));
        let mut transaction = self.begin(access).map_err(refused)?;
        let outcome = work(&mut transaction);
        if transaction.lost_race() {
            return Err(Rollback::Lost);
        }
        let value = outcome.map_err(Rollback::Refused)?;
        match transaction.commit() {
            Ok(()) => Ok(value),
            Err(None) => Err(Rollback::Lost),
            Err(Some(error)) => Err(refused(error)),
        }
    }

    fn begin(&mut self, access: Access) -> Result<Transaction<'_>, StorageError> {
        let place = &self.place;
        let doing = || format!("opening a transaction on the records at {place}");
        match &mut self.session {
            Session::Sqlite(connection) => {
                let begun = match access {
                    Access::Read => {
                        connection.transaction_with_behavior(TransactionBehavior::Deferred)
                    }
                    Access::Write => begin_writing(connection, place, &mut self.waits),
                };
                let begun = begun.map_err(|error| file_error(doing(), &error))?;
                Ok(Transaction::on_file(place, begun))
            }
            Session::Postgres { client, prepared } => {
                let builder = client.build_transaction();
                let begun = match access {
                    Access::Read => {
                        builder.isolation_level(IsolationLevel::RepeatableRead).read_only(true)
                    }
                    Access::Write => builder.isolation_level(IsolationLevel::Serializable),
                };
                let begun = begun.start().map_err(|error| server_error(doing(), &error))?;
                Ok(Transaction::on_server(place, begun, prepared))
            }
        }
    }

    fn outrun(&self) -> StorageError {
        StorageError::Failed {
            doing: format!("writing the records at {}", self.place),
            reason: format!("other writers came first {ATTEMPTS_MAX} times"),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.place)
    }
}

/// Begin to write a file, once no other program does.
fn begin_writing<'c>(
    connection: &'c rusqlite::Connection,
    place: &str,
    waits: &mut Option<Waits>,
) -> rusqlite::Result<rusqlite::Transaction<'c>> {
    let attempt = |wait_ms: u64| {
        connection.busy_timeout(Duration::from_millis(wait_ms))?;
        rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
    };
    if waits.is_none() {
        return attempt(BUSY_MS_MAX);
    }
    let begun = match attempt(SILENT_MS_MAX) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            if let Some(tell) = waits.take() {
                tell(place);
            }
            return attempt(BUSY_MS_MAX - SILENT_MS_MAX);
        }
        begun => begun?,
    };
    connection.busy_timeout(Duration::from_millis(BUSY_MS_MAX))?;
    Ok(begun)
}

/// Sort an error of `SQLite` into damage and failure.
pub(super) fn file_error(doing: String, error: &rusqlite::Error) -> StorageError {
    let damage = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase];
    match error.sqlite_error_code() {
        Some(code) if damage.contains(&code) => {
            StorageError::Damaged { object: doing, reason: error.to_string() }
        }
        _ => StorageError::Failed { doing, reason: error.to_string() },
    }
}

/// Sort an error of `PostgreSQL` into damage and failure.
pub(super) fn server_error(doing: String, error: &postgres::Error) -> StorageError {
    let damage = [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED];
    let reason = match (error.as_db_error(), error.source()) {
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    };
    match error.code() {
        Some(code) if damage.contains(code) => StorageError::Damaged { object: doing, reason },
        _ => StorageError::Failed { doing, reason },
    }
}

/// Did this transaction only lose a race? Running it again is then the right answer.
///
/// A unique key that was free a moment ago is such a race too: the next run finds it taken.
pub(super) fn is_race(error: &postgres::Error) -> bool {
    let races = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
    ];
    error.code().is_some_and(|code| races.contains(code))
}

fn pause(attempt: u32) -> Duration {
    Duration::from_millis(1_u64.checked_shl(attempt).unwrap_or(PAUSE_MS_MAX).min(PAUSE_MS_MAX))
}

fn reach(place: &Place, mut config: postgres::Config) -> Result<Session, StorageError> {
    config.connect_timeout(Duration::from_secs(CONNECT_S_MAX));
    config.application_name("scrip");
    let asked = config.get_options().unwrap_or_default().to_owned();
    config.options(&format!("{asked} -c lock_timeout={LOCK_MS_MAX}"));
    let doing = || format!("connecting to {place}");
    let client = config.connect(postgres::NoTls);
    let client = Box::new(client.map_err(|error| server_error(doing(), &error))?);
    Ok(Session::Postgres { client, prepared: HashMap::new() })
}

fn open_file_reading(path: &Path) -> Result<rusqlite::Connection, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = rusqlite::Connection::open_with_flags(path, flags).and_then(|connection| {
        keep_statements(&connection)?;
        Ok(connection)
    });
    opened.map_err(|error| file_error(format!("opening {}", path.display()), &error))
}

fn open_file(path: &Path, missing: Missing) -> Result<rusqlite::Connection, StorageError> {
    let doing = || format!("opening {}", path.display());
    if missing == Missing::Make {
        make_file(path)
            .map_err(|error| StorageError::Failed { doing: doing(), reason: error.to_string() })?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(path, flags);
    let connection = connection.map_err(|error| file_error(doing(), &error))?;
    prepare_file(&connection).map_err(|error| file_error(doing(), &error))?;
    Ok(connection)
}

/// Make an empty file that only its owner may read; one that exists is left as it is.
fn make_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Statements stay prepared: without this some are prepared anew whenever their values change.
fn keep_statements(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_millis(BUSY_MS_MAX))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

fn prepare_file(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    keep_statements(connection)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)
}
