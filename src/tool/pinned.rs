//! The roots that this computer's user trusts: named files, else the configuration directory.

use std::path::{Path, PathBuf};

use super::{Exit, Explain, Failure, home, told};
use crate::device::{Folder, FolderError, read_file};
use crate::phrases;
use crate::trust::Root;

phrases! {
    fn no_root(file) { en: "{file}: not a root", ja: "{file}：発行元の証明書ではありません" }
}

/// Longer than any root certificate.
const ROOT_BYTES_MAX: u64 = 16 << 10;

/// Read the roots in `files`; if none is named, every `*.cbr` in `scrip/trust.d` of the user's
/// configuration directory, which need not exist.
pub fn pinned_roots(files: &[PathBuf]) -> Result<Vec<Root>, Failure> {
    if !files.is_empty() {
        return files.iter().map(|file| root(file)).collect();
    }
    home::config().map_or_else(|| Ok(vec![]), |config| roots_in(&config.join("trust.d")))
}

fn roots_in(place: &Path) -> Result<Vec<Root>, Failure> {
    let folder = match Folder::open(place) {
        Ok(folder) => folder,
        Err(FolderError::Missing { .. }) => return Ok(vec![]),
        Err(error) => return Err(Failure::new(Exit::Failure, told(&error))),
    };
    let mut names = folder.list().or_exit(Exit::Failure)?;
    names.retain(|name| Path::new(name).extension().is_some_and(|ending| ending == "cbr"));
    names.iter().map(|name| root(&place.join(name))).collect()
}

fn root(file: &Path) -> Result<Root, Failure> {
    let bytes = read_file(file, ROOT_BYTES_MAX).map_err(|error| match error {
        FolderError::TooLong { .. } => Failure::new(Exit::Damage, told(&error)),
        _ => Failure::new(Exit::Failure, told(&error)),
    })?;
    Root::read(&bytes)
        .map_err(|error| Failure::new(Exit::Damage, told(&error)).during(no_root(file.display())))
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
    fn named_files_are_the_only_roots() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trust.cbr");
        create_file(&path, &root_bytes(1), Privacy::Public).unwrap();
        assert_eq!(pinned_roots(&[path]).unwrap().len(), 1);
        let missing = pinned_roots(&[folder.path().join("no")]).unwrap_err();
        assert_eq!(missing.exit(), Exit::Failure);
    }

    #[test]
    fn a_folder_gives_the_roots_in_its_cbr_files() {
        let folder = tempfile::tempdir().unwrap();
        assert!(roots_in(&folder.path().join("none")).unwrap().is_empty());
        for (name, bytes) in [("b.cbr", root_bytes(1)), ("a.cbr", root_bytes(2)), ("c", vec![])] {
            create_file(&folder.path().join(name), &bytes, Privacy::Public).unwrap();
        }
        assert_eq!(roots_in(folder.path()).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_root_is_damage_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut flipped = root_bytes(1);
        *flipped.last_mut().unwrap() ^= 1;
        for (name, bytes) in [("empty", vec![]), ("flipped", flipped), ("long", vec![0; 1 << 20])] {
            let path = folder.path().join(name);
            create_file(&path, &bytes, Privacy::Public).unwrap();
            let fault = pinned_roots(std::slice::from_ref(&path)).unwrap_err();
            assert_eq!(fault.exit(), Exit::Damage, "{name}");
            assert!(fault.message().contains(&path.display().to_string()), "{}", fault.message());
        }
    }
}
