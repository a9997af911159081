//! Records copied whole: to a file that is kept, and from it to where records lie.
//!
//! A backup is a `SQLite` file of records like any other, whichever database it was made from. What
//! tables there are is asked of the `SQLite` side, so that none can be forgotten.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::Records;
use super::database::{Database, Missing, StorageError};
use super::place::Place;
use super::schema::{self, OpenError};
use super::statement::{Column, Transaction};
use super::value::Kind;
use crate::device::{parent_of, sync_folder};

/// So many rows between two looks at whether to go on.
const ROWS_BETWEEN: u64 = 4_096;

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Tables.
    pub tables: u64,
    /// Rows of all of them.
    pub rows: u64,
}

/// Why records are not copied; where they were to go nothing is.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Something has the name already.
    #[error("{0} exists")]
    Exists(PathBuf),
    /// Whoever asked for it said to stop.
    #[error("stopped after {0} rows, nothing is kept")]
    Stopped(u64),
    /// One of the two holds no records, or others than this program reads.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Called with the rows copied so far, now and then.
pub type Pulse<'p> = &'p mut dyn FnMut(u64) -> ControlFlow<()>;

/// A table, as the `SQLite` side has it.
struct Whole {
    name: String,
    columns: Vec<Column>,
}

impl Records {
    /// Copy all that the records hold at one moment to a file, which gets its name when it is whole.
    pub fn back_up(&mut self, file: &Path, pulse: Pulse<'_>) -> Result<Copied, CopyError> {
        make_whole(file, |place| {
            let mut made = Database::connect(place, Missing::Make)?;
            let copied = self.database.read(|from| {
                made.write(|to| {
                    let version = schema::version(from)?.unwrap_or(schema::SCHEMA_VERSION);
                    schema::make_at(to, place, version)?;
                    let tables = tables(to)?;
                    copy(from, to, &tables, pulse)
                })
            })?;
            made.close()?;
            Ok(copied)
        })
    }

    /// Whether [`Records::restore`] would begin; nothing is written.
    pub fn check_restore(file: &Path, place: &Place) -> Result<(), CopyError> {
        let backup = Place::File(file.to_path_buf());
        let mut kept = Database::connect_reading(&backup)?;
        kept.read(|tx| schema::known_version(tx, &backup))?;
        match place {
            Place::File(path) => refuse_existing(path),
            Place::Server(_) => {
                let mut server = Database::connect_reading(place)?;
                match server.read(schema::version)? {
                    Some(_) => Err(OpenError::Exists(place.to_string()).into()),
                    None => Ok(()),
                }
            }
        }
    }

    /// Make records at `place`, which must hold none, of a backup; an older one is brought to this
    /// version there.
    pub fn restore(file: &Path, place: &Place, pulse: Pulse<'_>) -> Result<Copied, CopyError> {
        let backup = Place::File(file.to_path_buf());
        let mut kept = Database::connect_reading(&backup)?;
        match place {
            Place::File(path) => make_whole(path, |place| {
                let mut made = Database::connect(place, Missing::Make)?;
                let copied = fill(&mut kept, &backup, &mut made, place, pulse)?;
                made.close()?;
                Ok(copied)
            }),
            Place::Server(_) => {
                let mut made = Database::connect(place, Missing::Make)?;
                fill(&mut kept, &backup, &mut made, place, pulse)
            }
        }
    }
}

/// Fill an empty database with a backup, in one transaction.
fn fill(
    kept: &mut Database,
    backup: &Place,
    made: &mut Database,
    place: &Place,
    pulse: Pulse<'_>,
) -> Result<Copied, CopyError> {
    let copied = kept.read(|from| {
        let version = schema::known_version(from, backup)?;
        let tables = tables(from)?;
        made.write(|to| {
            schema::make_at(to, place, version)?;
            copy(from, to, &tables, pulse)
        })
    })?;
    schema::renew(made, place)?;
    Ok(copied)
}

/// Make a file under another name beside it, and name it once it is durable.
fn make_whole(
    path: &Path,
    make: impl FnOnce(&Place) -> Result<Copied, CopyError>,
) -> Result<Copied, CopyError> {
    let folder = parent_of(path);
    let failed = |error: io::Error| StorageError::Failed {
        doing: format!("writing {}", path.display()),
        reason: error.to_string(),
    };
    refuse_existing(path)?;
    let file = tempfile::Builder::new().prefix(".scrip-unfinished-").tempfile_in(folder);
    let file = file.map_err(failed)?;
    let copied = make(&Place::File(file.path().to_path_buf()))?;
    file.as_file().sync_all().map_err(failed)?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(CopyError::Exists(path.to_path_buf()));
        }
        named => named.map_err(|error| failed(error.error))?,
    };
    sync_folder(folder).map_err(failed)?;
    Ok(copied)
}

fn refuse_existing(path: &Path) -> Result<(), CopyError> {
    match path.symlink_metadata() {
        Ok(_) => Err(CopyError::Exists(path.to_path_buf())),
        Err(_) => Ok(()),
    }
}

/// All tables of a `SQLite` file but the version's own, in the order in which they were made.
fn tables(tx: &mut Transaction<'_>) -> Result<Vec<Whole>, StorageError> {
    const COLUMNS: &str = "SELECT tables.name, columns.name, columns.type FROM sqlite_master AS tables \
        JOIN pragma_table_info(tables.name) AS columns WHERE tables.type = 'table' \
        AND tables.name NOT LIKE 'sqlite_%' AND tables.name <> 'scrip_schema' \
        ORDER BY tables.rowid, columns.cid";
    let mut found: Vec<Whole> = vec![];
    tx.for_each(COLUMNS, &[], |row| -> Result<(), StorageError> {
        let name = row.text(0)?;
        let kind = match row.text(2)? {
            "INTEGER" => Kind::Int,
            "BLOB" => Kind::Bytes,
            "TEXT" => Kind::Text,
            other => return Err(row.wrong(2, &format!("{other} is no type of a column"))),
        };
        let column = Column { name: row.text(1)?.to_owned(), kind };
        match found.last_mut().filter(|table| table.name == name) {
            Some(table) => table.columns.push(column),
            None => found.push(Whole { name: name.to_owned(), columns: vec![column] }),
        }
        Ok(())
    })?;
    Ok(found)
}

fn copy(
    from: &mut Transaction<'_>,
    to: &mut Transaction<'_>,
    tables: &[Whole],
    pulse: Pulse<'_>,
) -> Result<Copied, CopyError> {
    let mut rows = 0;
    for Whole { name, columns } in tables {
        from.copy_rows(to, name, columns, &mut || -> Result<(), CopyError> {
            rows += 1;
            let stopped = rows % ROWS_BETWEEN == 0 && pulse(rows).is_break();
            if stopped { Err(CopyError::Stopped(rows)) } else { Ok(()) }
        })?;
    }
    if pulse(rows).is_break() {
        return Err(CopyError::Stopped(rows));
    }
    Ok(Copied { tables: tables.len() as u64, rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::read_file;
    use crate::records::SCHEMA_VERSION;

    #[test]
    fn an_older_backup_is_brought_to_this_version_where_it_is_restored() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old.db"), folder.path().join("new.db"));
        let place = Place::File(old.clone());
        let mut made = Database::connect(&place, Missing::Make).unwrap();
        made.write(|tx| schema::make_at(tx, &place, 1)).unwrap();
        let number = |tx: &mut Transaction<'_>, sql| tx.row(sql, &[], |row| row.int(0));
        made.write(|tx| {
            let sql = "INSERT INTO kits (kit, store, made_at, content) VALUES (x'01', 7, 9, x'02')";
            let store = "INSERT INTO stores (store, name, holder_key, seal_key, currency, \
                quota_minor, single_max_minor, serial_first, serial_last, certificate, enrolled_at) \
                VALUES (7, 'Kiosk', x'03', x'04', 'JPY', 100, 1, 1, 10, x'05', 6)";
            tx.execute(store, &[])?;
            tx.execute(sql, &[])
        })
        .unwrap();
        made.close().unwrap();
        let kept = read_file(&old, 1 << 20).unwrap();
        let copied =
            Records::restore(&old, &Place::File(new.clone()), &mut |_| ControlFlow::Continue(()));
        assert_eq!(copied.unwrap().rows, 2);
        assert!(read_file(&old, 1 << 20).unwrap() == kept, "a backup is never written");
        let mut records = Records::open_reading(&Place::File(new)).unwrap();
        let stored = records.database.read(|tx| number(tx, "SELECT store FROM kits")).unwrap();
        assert_eq!((stored, SCHEMA_VERSION > 1), (Some(7), true));
    }
}
