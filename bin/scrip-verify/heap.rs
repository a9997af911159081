//! What the command line names as evidence: files, and folders of them.

use std::fs;
use std::path::{Path, PathBuf};

use scrip::image::layout::{JOURNAL_PATHS, MANIFEST_PATH};

/// Folders in one another, at most.
const DEPTH_MAX: usize = 64;
/// Files and folders, at most.
const UNITS_MAX: usize = 1_000_000;

/// What stands at a path.
pub(crate) enum Unit {
    /// A file.
    File,
    /// The directory where a read-only area is mounted.
    ReadOnlyArea,
    /// The directory where a writable area is mounted.
    WritableArea,
    /// Something that can't be looked at, and why.
    Unread(String),
}

/// Everything under these paths, by name; links inside folders are not followed.
pub(crate) fn units(paths: &[PathBuf]) -> Vec<(PathBuf, Unit)> {
    let mut found = vec![];
    for path in paths {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => walk(path, 0, &mut found),
            Ok(_) => found.push((path.clone(), Unit::File)),
            Err(error) => found.push((path.clone(), Unit::Unread(error.to_string()))),
        }
    }
    found
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<(PathBuf, Unit)>) {
    let unread = |why: &str| (folder.to_path_buf(), Unit::Unread(why.to_owned()));
    let holds = |path: &str| folder.join(path.trim_start_matches('/')).is_file();
    if holds(MANIFEST_PATH) {
        found.push((folder.to_path_buf(), Unit::ReadOnlyArea));
        return;
    }
    if JOURNAL_PATHS.into_iter().any(holds) {
        found.push((folder.to_path_buf(), Unit::WritableArea));
        return;
    }
    if depth > DEPTH_MAX {
        found.push(unread("folders lie too deep in one another"));
        return;
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            found.push(unread(&error.to_string()));
            return;
        }
    };
    let mut inside = vec![];
    for entry in entries {
        match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
            Ok(entry) => inside.push(entry),
            Err(error) => found.push(unread(&error.to_string())),
        }
    }
    inside.sort_by(|one, other| one.0.cmp(&other.0));
    for (path, kind) in inside {
        if found.len() >= UNITS_MAX {
            found.push(unread("more files than are read in one run"));
            return;
        }
        if kind.is_dir() {
            walk(&path, depth + 1, found);
        } else if kind.is_file() {
            found.push((path, Unit::File));
        } else {
            let why = "it is neither a file nor a folder".to_owned();
            found.push((path, Unit::Unread(why)));
        }
    }
}
