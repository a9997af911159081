//! Where records lie: a folder, or a `PostgreSQL` server.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Name of the database file in a folder of records.
const FILE_NAME: &str = "records.db";
/// Where `PostgreSQL` listens unless it is told otherwise.
const USUAL_PORT: u16 = 5432;
/// What a `PostgreSQL` address starts with.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Where records lie. Shown without passwords.
#[derive(Debug, Clone)]
pub enum Place {
    /// A `SQLite` file.
    File(PathBuf),
    /// A `PostgreSQL` database.
    Server(Box<postgres::Config>),
}

/// Why a text names no place of records; the text itself may hold a password and is not shown.
#[derive(Debug, thiserror::Error)]
#[error("the records' address is no PostgreSQL URL: {reason}")]
pub struct PlaceError {
    reason: String,
}

impl Place {
    /// The records in a folder: `records.db` inside it.
    pub fn in_folder(folder: &Path) -> Self {
        Self::File(folder.join(FILE_NAME))
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    /// Read `postgres://…` as a server, all else as a folder.
    fn from_str(text: &str) -> Result<Self, PlaceError> {
        if !SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            return Ok(Self::in_folder(Path::new(text)));
        }
        let config = postgres::Config::from_str(text);
        let config = config.map_err(|error| PlaceError { reason: reason(&error) })?;
        Ok(Self::Server(Box::new(config)))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(config) => {
                let host = config.get_hosts().first().map_or(String::new(), host_name);
                let port = config.get_ports().first().filter(|port| **port != USUAL_PORT);
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                write!(f, "postgres://{host}{port}/{}", config.get_dbname().unwrap_or_default())
            }
        }
    }
}

fn host_name(host: &postgres::config::Host) -> String {
    match host {
        postgres::config::Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        postgres::config::Host::Unix(path) => path.display().to_string().replace('/', "%2F"),
    }
}

fn reason(error: &postgres::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_and_shown_without_its_password() {
        let cases = [
            ("shop", "shop/records.db"),
            ("/srv/issuer/", "/srv/issuer/records.db"),
            ("postgres://ann:secret@db.example:5433/scrip", "postgres://db.example:5433/scrip"),
            ("postgres://ann@db.example:5432/scrip", "postgres://db.example/scrip"),
            ("postgresql://ann@%2Frun%2Fpg/scrip", "postgres://%2Frun%2Fpg/scrip"),
        ];
        for (text, shown) in cases {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_bad_url_is_refused_without_showing_it() {
        let error = "postgres://ann:secret@db.example:port/scrip".parse::<Place>().unwrap_err();
        assert!(error.to_string().starts_with("the records' address is no PostgreSQL URL: "));
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
