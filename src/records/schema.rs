//! The tables and their version.
//!
//! A step is a numbered text under `schema/`; records at version n have had steps 1 to n. Steps
//! say `BIGINT` and `BYTES`: `SQLite` reads `INTEGER` and `BLOB` and checks every value's type
//! (`STRICT`), `PostgreSQL` reads `BIGINT` and `BYTEA`. A line `);` alone ends a table; `) KEYED;` ends
//! one of many short rows, which `SQLite` keeps in the order of its key alone instead of in that of
//! arrival beside an index (`WITHOUT ROWID`).

use super::database::{Database, StorageError, operation_error};
use super::entries::{fill_entries, fill_own};
use super::place::Place;
use super::statement::{Script, Transaction};

/// A step, and what is worked out of the rows that are there.
struct Step {
    text: &'static str,
    fill: fn(&mut Transaction<'_>) -> Result<(), StorageError>,
}

const STEPS: [Step; 6] = [
    Step { text: include_str!("schema/1-issuing.sql"), fill: |_| Ok(()) },
    Step { text: include_str!("schema/2-books.sql"), fill: |_| Ok(()) },
    Step { text: include_str!("schema/3-settling.sql"), fill: fill_entries },
    Step { text: include_str!("schema/4-deciding.sql"), fill: |_| Ok(()) },
    Step { text: include_str!("schema/5-replacing.sql"), fill: |_| Ok(()) },
    Step { text: include_str!("schema/6-own.sql"), fill: fill_own },
];

/// The version of the records that this program reads and writes.
pub const SCHEMA_VERSION: u64 = STEPS.len() as u64;

/// Why records are not made or opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Records are there already.
    #[error("{0} holds records already")]
    Exists(String),
    /// A database without records.
    #[error("{0} holds no records of Scrip")]
    NoRecords(String),
    /// Records of a newer program.
    #[error("{place}: records have schema version {found}, this program reads {SCHEMA_VERSION}")]
    Newer {
        /// Where.
        place: String,
        /// The version of the records.
        found: u64,
    },
    /// Records of an older program, where they are only to be read.
    #[error(
        "{place}: records have schema version {found}, this program reads {SCHEMA_VERSION}; opened \
         for writing they are brought to that"
    )]
    Older {
        /// Where.
        place: String,
        /// The version of the records.
        found: u64,
    },
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

operation_error!(OpenError);

/// Make all tables, where there are none yet.
pub(super) fn make(database: &mut Database, place: &Place) -> Result<(), OpenError> {
    database.write(|tx| make_at(tx, place, SCHEMA_VERSION))
}

/// Make the tables of a version that this program knows.
pub(super) fn make_at(
    tx: &mut Transaction<'_>,
    place: &Place,
    version_wanted: u64,
) -> Result<(), OpenError> {
    if version(tx)?.is_some() {
        return Err(OpenError::Exists(place.to_string()));
    }
    let steps = usize::try_from(version_wanted).unwrap_or(usize::MAX).min(STEPS.len());
    Ok(begin(tx, &STEPS[..steps])?)
}

fn begin(tx: &mut Transaction<'_>, steps: &[Step]) -> Result<(), StorageError> {
    tx.run_script(&script("CREATE TABLE scrip_schema (\n    version BIGINT NOT NULL\n);\n"))?;
    tx.execute("INSERT INTO scrip_schema (version) VALUES (0)", &[])?;
    climb(tx, steps)
}

/// Bring older records to this version, all steps or none; refuse newer ones.
pub(super) fn renew(database: &mut Database, place: &Place) -> Result<(), OpenError> {
    if database.read(|tx| checked(tx, place))? {
        return Ok(());
    }
    database.write(|tx| if checked(tx, place)? { Ok(()) } else { Ok(climb(tx, &STEPS)?) })
}

/// Refuse records of another version.
pub(super) fn check(database: &mut Database, place: &Place) -> Result<(), OpenError> {
    database.read(|tx| match version(tx)? {
        Some(found) if found < SCHEMA_VERSION => {
            Err(OpenError::Older { place: place.to_string(), found })
        }
        _ => checked(tx, place).map(drop),
    })
}

/// Are these records of this version? Others than older ones are refused.
fn checked(tx: &mut Transaction<'_>, place: &Place) -> Result<bool, OpenError> {
    match version(tx)? {
        Some(found) if found > SCHEMA_VERSION => {
            Err(OpenError::Newer { place: place.to_string(), found })
        }
        Some(found) => Ok(found == SCHEMA_VERSION),
        None => Err(OpenError::NoRecords(place.to_string())),
    }
}

/// Take every step that the records have not had.
fn climb(tx: &mut Transaction<'_>, steps: &[Step]) -> Result<(), StorageError> {
    let had = version(tx)?.unwrap_or(0);
    for step in steps.iter().skip(usize::try_from(had).unwrap_or(usize::MAX)) {
        tx.run_script(&script(step.text))?;
        (step.fill)(tx)?;
        tx.execute("UPDATE scrip_schema SET version = version + 1", &[])?;
    }
    Ok(())
}

/// The version of records that this program knows, be it an older one.
pub(super) fn known_version(tx: &mut Transaction<'_>, place: &Place) -> Result<u64, OpenError> {
    checked(tx, place)?;
    Ok(version(tx)?.unwrap_or(SCHEMA_VERSION))
}

/// The version of the records, if these are records.
pub(super) fn version(tx: &mut Transaction<'_>) -> Result<Option<u64>, StorageError> {
    if !tx.has_table("scrip_schema")? {
        return Ok(None);
    }
    tx.row("SELECT version FROM scrip_schema", &[], |row| row.count(0))
}

/// A step in the words of each database.
pub(super) fn script(step: &str) -> Script {
    let sqlite = step.replace("BIGINT", "INTEGER").replace("BYTES", "BLOB");
    let sqlite = sqlite.replace("\n);", "\n) STRICT;");
    Script {
        sqlite: sqlite.replace("\n) KEYED;", "\n) STRICT, WITHOUT ROWID;"),
        postgres: step.replace("BYTES", "BYTEA").replace("\n) KEYED;", "\n);"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::database::Missing;
    use super::*;

    fn drop_all(tx: &mut Transaction<'_>) -> Result<(), StorageError> {
        let tables = STEPS.iter().flat_map(|step| step.text.split("CREATE TABLE ").skip(1));
        let mut names: Vec<&str> = tables.filter_map(|text| text.split(' ').next()).collect();
        names.extend(["scrip_schema", "moves"]);
        for name in names.iter().rev() {
            let drop = format!("DROP TABLE IF EXISTS {name}");
            tx.run_script(&Script { sqlite: drop.clone(), postgres: drop })?;
        }
        Ok(())
    }

    #[test]
    fn older_records_take_the_steps_that_they_have_not_had_and_newer_ones_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::in_folder(folder.path());
        let mut database = Database::connect(&place, Missing::Make).unwrap();
        for had in 0..STEPS.len() {
            database.write(|tx| begin(tx, &STEPS[..had])).unwrap();
            for _ in 0..2 {
                renew(&mut database, &place).unwrap();
                assert_eq!(database.read(version).unwrap(), Some(SCHEMA_VERSION));
                assert!(database.read(|tx| tx.has_table("moves")).unwrap());
            }
            database.write(drop_all).unwrap();
        }
        make(&mut database, &place).unwrap();
        let newer = "UPDATE scrip_schema SET version = version + 1";
        database.write(|tx| tx.execute(newer, &[])).unwrap();
        let message = renew(&mut database, &place).unwrap_err().to_string();
        let reads =
            format!("schema version {}, this program reads {SCHEMA_VERSION}", 1 + SCHEMA_VERSION);
        assert_eq!(message, format!("{place}: records have {reads}"));
    }
}
