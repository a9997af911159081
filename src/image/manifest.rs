//! Rules that a manifest keeps beside its signature.

use super::edition::LAYOUT_VERSION;
use super::layout::{Layout, LayoutError, MANIFEST_PATH, SLOTS};
use crate::format::edition::{FILES_MAX, FileEntry, Manifest};

/// Why a manifest describes no edition.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Written by another version.
    #[error("manifest: layout version {found}, this program knows {LAYOUT_VERSION}")]
    Version {
        /// What it says.
        found: u64,
    },
    /// Too many files.
    #[error("manifest: {found} files, limit {FILES_MAX}")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// Files out of order or twice.
    #[error("manifest: {second:?} stands behind {first:?}")]
    Order {
        /// The path before.
        first: String,
        /// The path behind it.
        second: String,
    },
    /// A slot or the manifest's own entry is missing or wrong, or a file has no root.
    #[error("manifest: entry of {path:?} {fault}")]
    Entry {
        /// The path.
        path: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// The shape gives no medium.
    #[error("manifest: {0}")]
    Layout(#[from] LayoutError),
}

/// Check a manifest's rules and give its layout.
pub fn check(manifest: &Manifest) -> Result<Layout, ManifestError> {
    if manifest.layout != LAYOUT_VERSION {
        return Err(ManifestError::Version { found: manifest.layout });
    }
    if manifest.files.len() > FILES_MAX {
        return Err(ManifestError::TooMany { found: manifest.files.len() });
    }
    if let Some([first, second]) = manifest.files.array_windows().find(|[a, b]| a.path >= b.path) {
        let (first, second) = (first.path.clone(), second.path.clone());
        return Err(ManifestError::Order { first, second });
    }
    for slot in SLOTS {
        require(manifest, slot.path, Some(slot.bytes))?;
    }
    require(manifest, MANIFEST_PATH, None)?;
    manifest.files.iter().try_for_each(check_entry)?;
    Ok(Layout::new(&manifest.shape)?)
}

/// Has this path its content from the stamp or the signature, not from the manifest?
pub fn is_unrooted(path: &str) -> bool {
    path == MANIFEST_PATH || SLOTS.iter().any(|slot| slot.path == path)
}

fn require(manifest: &Manifest, path: &str, bytes: Option<u64>) -> Result<(), ManifestError> {
    let fault = |fault| Err(ManifestError::Entry { path: path.to_owned(), fault });
    let place = manifest.files.binary_search_by(|file| file.path.as_str().cmp(path));
    match place.map(|place| manifest.files[place].size.bytes()) {
        Err(_) => fault("is missing"),
        Ok(found) if bytes.is_some_and(|bytes| bytes != found) => fault("has another size"),
        Ok(_) => Ok(()),
    }
}

fn check_entry(file: &FileEntry) -> Result<(), ManifestError> {
    let fault = match (is_unrooted(&file.path), &file.root) {
        (true, Some(_)) => "has a root",
        (false, None) => "has no root",
        _ => return Ok(()),
    };
    Err(ManifestError::Entry { path: file.path.clone(), fault })
}
