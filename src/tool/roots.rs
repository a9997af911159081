//! The roots that a tool believes: a file that was named, or those in the user's own folder.

use std::path::{Path, PathBuf};

use super::{Exit, Explain, Failure, home};
use crate::device::{Folder, FolderError, read_file};
use crate::format::Kind;
use crate::trust::{Root, TestRoots, Trust};

/// More root files than this are more than anyone pins.
const ROOTS_MAX: usize = 1_000;

/// Pins the root of the file that was named; without one, the roots of all `.cbr` files in the
/// user's configuration folder, which need not exist.
///
/// A test root counts only if its file was named and `test_roots` allows it.
pub fn pinned(named: Option<&Path>, test_roots: TestRoots) -> Result<Trust, Failure> {
    match named {
        Some(path) => Ok(Trust::new(vec![root(path)?], test_roots)),
        None => {
            let files = home::config().map_or_else(|| Ok(vec![]), |folder| root_files(&folder))?;
            let roots = files.iter().map(|path| root(path)).collect::<Result<_, _>>()?;
            Ok(Trust::new(roots, TestRoots::Refused))
        }
    }
}

fn root(path: &Path) -> Result<Root, Failure> {
    let doing = format!("reading the root in {}", path.display());
    let max = Kind::Certificate.bytes_max() as u64;
    let bytes = match read_file(path, max) {
        Err(error @ FolderError::TooLong { .. }) => {
            return Err(Failure::of(Exit::Damage, &error).during(doing));
        }
        other => other.or_exit_while(Exit::Failure, &doing)?,
    };
    Root::read(&bytes).or_exit_while(Exit::Damage, doing)
}

/// The root files of a folder, sorted; none if there is no folder.
fn root_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let names = match Folder::open(folder).and_then(|folder| folder.list()) {
        Err(FolderError::Missing { .. }) => return Ok(vec![]),
        other => other.or_exit_while(Exit::Failure, "looking for pinned roots")?,
    };
    let files = names.iter().filter(|name| name.ends_with(".cbr")).map(|name| folder.join(name));
    let files: Vec<_> = files.collect();
    if files.len() > ROOTS_MAX {
        let (path, found) = (folder.display(), files.len());
        let message = format!("{path}: {found} pinned roots, at most {ROOTS_MAX} are read");
        return Err(Failure::new(Exit::Failure, message));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;
    use crate::crypto::sign::SecretKey;
    use crate::device::{Privacy, create_file};
    use crate::format::certificate::{Certificate, Confirmation, Purpose, Role};
    use crate::trust::sign;
    use crate::units::Timestamp;

    fn root_bytes(seed: u8) -> Vec<u8> {
        let key = SecretKey::generate(&mut SeededRandom::new([seed; 32]));
        let issued = Timestamp::from_seconds(1_800_000_000).unwrap();
        let certificate = Certificate {
            issuer: "a root".to_owned(),
            subject: "a root".to_owned(),
            expires: issued.plus_days(1),
            issued,
            id: [seed; 16],
            key: Confirmation(key.public()),
            role: Role::Root,
            purpose: Purpose::Live,
            grant: None,
        };
        sign(&key, &certificate)
    }

    #[test]
    fn a_named_file_is_the_only_root() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trust.cbr");
        create_file(&path, &root_bytes(1), Privacy::Public).unwrap();
        let trust = pinned(Some(&path), TestRoots::Refused).unwrap();
        assert_eq!(trust.roots().len(), 1);
        let missing = pinned(Some(&folder.path().join("no")), TestRoots::Refused).unwrap_err();
        assert_eq!(missing.exit(), Exit::Failure);
    }

    #[test]
    fn the_users_folder_gives_all_its_roots() {
        let folder = tempfile::tempdir().unwrap();
        assert!(root_files(&folder.path().join("none")).unwrap().is_empty());
        for name in ["b.cbr", "a.cbr", "notes.txt"] {
            create_file(&folder.path().join(name), b"", Privacy::Public).unwrap();
        }
        let expected = ["a.cbr", "b.cbr"].map(|name| folder.path().join(name));
        assert_eq!(root_files(folder.path()).unwrap(), expected);
    }

    #[test]
    fn what_is_no_root_is_damage_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut flipped = root_bytes(1);
        *flipped.last_mut().unwrap() ^= 1;
        for (name, bytes) in [("empty", vec![]), ("flipped", flipped), ("long", vec![0; 1 << 20])] {
            let path = folder.path().join(name);
            create_file(&path, &bytes, Privacy::Public).unwrap();
            let fault = pinned(Some(&path), TestRoots::Refused).unwrap_err();
            assert_eq!(fault.exit(), Exit::Damage, "{name}");
            assert!(fault.message().contains(&path.display().to_string()), "{}", fault.message());
        }
    }
}
