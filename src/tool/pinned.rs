//! The roots that this computer's user trusts: named files, else the configuration directory.

use std::path::{Path, PathBuf};

use super::{Exit, Explain, Failure};
use crate::device::{Folder, FolderError, read_file};
use crate::trust::Root;

/// Longer than any root certificate.
const ROOT_BYTES_MAX: u64 = 16 << 10;

/// Read the roots in `files`; if none is named, every `*.cbr` in `scrip/trust.d` of the user's
/// configuration directory, which need not exist.
pub fn pinned_roots(files: &[PathBuf]) -> Result<Vec<Root>, Failure> {
    if !files.is_empty() {
        return files.iter().map(|file| root(file)).collect();
    }
    let Some(place) = configuration() else { return Ok(vec![]) };
    let folder = match Folder::open(&place) {
        Ok(folder) => folder,
        Err(FolderError::Missing { .. }) => return Ok(vec![]),
        Err(error) => return Err(Failure::of(Exit::Failure, &error)),
    };
    let mut names = folder.list().or_exit(Exit::Failure)?;
    names.retain(|name| Path::new(name).extension().is_some_and(|ending| ending == "cbr"));
    names.sort();
    names.iter().map(|name| root(&place.join(name))).collect()
}

fn root(file: &Path) -> Result<Root, Failure> {
    let bytes = read_file(file, ROOT_BYTES_MAX).or_exit(Exit::Failure)?;
    Root::read(&bytes).or_exit_while(Exit::Damage, format!("{}: not a root", file.display()))
}

/// `$XDG_CONFIG_HOME/scrip/trust.d`, else `~/.config/scrip/trust.d`.
#[expect(clippy::disallowed_methods, reason = "only the tools ask for a configuration directory")]
fn configuration() -> Option<PathBuf> {
    let named = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || named("HOME").map(|home| home.join(".config"));
    let place = named("XDG_CONFIG_HOME").filter(|place| place.is_absolute()).or_else(home)?;
    Some(place.join("scrip/trust.d"))
}
