//! From the name of a target to storage that can be burnt.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::io::Errno;

use super::file::device_number;
use super::folder::parent_of;
use super::{
    Access, Aim, Cleared, DiscoverError, Existing, FileDevice, Machine, OpenError, Refusal, changed,
};

/// Why a target that was cleared could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The machine could not be looked at again.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// The target could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is not what was cleared.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It became shorter since it was cleared.
    #[error("{}: opened with {len} bytes, {needed} are needed", path.display())]
    TooShort {
        /// The target.
        path: std::path::PathBuf,
        /// Its length in bytes.
        len: u64,
        /// How many bytes the medium must hold.
        needed: u64,
    },
}

impl Aim {
    /// What stands at a path, if anything.
    pub fn look(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { action: "looking at", path: path.into(), source };
        let meta = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::look_new(path),
            other => other.map_err(failed)?,
        };
        if meta.file_type().is_block_device() {
            let number = device_number(meta.rdev());
            return Ok(Self::Block { path: path.to_path_buf(), number });
        }
        super::file::refuse_other_kinds(path, &meta)?;
        let bare = is_bare(path).map_err(failed)?;
        Ok(Self::File { path: fs::canonicalize(path).map_err(failed)?, len: meta.len(), bare })
    }

    fn look_new(path: &Path) -> Result<Self, OpenError> {
        let parent = parent_of(path);
        let missing = |_| OpenError::Missing { path: parent.to_path_buf() };
        let parent = fs::canonicalize(parent).map_err(missing)?;
        let name =
            path.file_name().ok_or_else(|| OpenError::Missing { path: path.to_path_buf() })?;
        Ok(Self::New { path: parent.join(name) })
    }
}

/// Was nothing ever written to a file? Where the file system can't tell, something was.
fn is_bare(path: &Path) -> io::Result<bool> {
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(rustix::fs::seek(&file, SeekFrom::Data(0)) == Err(Errno::NXIO))
}

impl Cleared {
    /// Open the target for burning: a block device is claimed, and then the machine is looked at
    /// once more, since another medium may have come under the same name; an image file is made
    /// with the length needed.
    pub fn open(
        &self,
        observe: impl FnOnce() -> Result<Machine, DiscoverError>,
    ) -> Result<FileDevice, TargetError> {
        let device = match self.aim() {
            Aim::New { path } => FileDevice::create(path, self.needs_bytes(), Existing::Refuse)?,
            Aim::File { path, .. } => {
                FileDevice::create(path, self.needs_bytes(), Existing::Replace)?
            }
            Aim::Block { path, number } => {
                let access = if self.is_shared() { Access::WriteShared } else { Access::Write };
                let device = FileDevice::open(path, access)?;
                let opened = device.block_number().unwrap_or(*number);
                changed(self, opened, &observe()?).map_or(Ok(()), Err)?;
                device
            }
        };
        self.refuse_short(device)
    }

    fn refuse_short(&self, device: FileDevice) -> Result<FileDevice, TargetError> {
        use super::Device;
        let (len, needed) = (device.len_bytes(), self.needs_bytes());
        if len < needed {
            return Err(TargetError::TooShort { path: self.aim().path().into(), len, needed });
        }
        Ok(device)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::TargetError;
    use crate::device::{Aim, Check, Device, Machine, OpenError, Request, clear};

    fn request<'a>(aim: &'a Aim, lifted: &'a [Check]) -> Request<'a> {
        Request { aim, needs_bytes: 8192, edition: Path::new("/editions/starter"), lifted }
    }

    #[test]
    fn an_image_is_made_and_replaced_only_if_the_check_is_lifted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("medium.img");
        let machine = Machine::default();
        let aim = Aim::look(&path).unwrap();
        assert!(matches!(aim, Aim::New { .. }));
        let device = clear(&machine, &request(&aim, &[])).unwrap();
        let device = device.open(|| Ok(machine.clone())).unwrap();
        device.write_at(0, &[1]).unwrap();
        assert_eq!(device.len_bytes(), 8192);

        let aim = Aim::look(&path).unwrap();
        let refused = clear(&machine, &request(&aim, &[])).unwrap_err();
        assert_eq!(refused[0].check, Check::ExistingFile);
        let cleared = clear(&machine, &request(&aim, &[Check::ExistingFile])).unwrap();
        let device = cleared.open(|| Ok(machine.clone())).unwrap();
        let mut first = [9];
        device.read_at(0, &mut first).unwrap();
        assert_eq!(first, [0]);
    }

    #[test]
    fn a_file_that_appears_after_the_check_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("medium.img");
        let aim = Aim::look(&path).unwrap();
        let cleared = clear(&Machine::default(), &request(&aim, &[])).unwrap();
        crate::device::create_file(&path, b"precious", crate::device::Privacy::Public).unwrap();
        let refused = cleared.open(|| Ok(Machine::default())).unwrap_err();
        assert!(
            matches!(refused, TargetError::Open(OpenError::Exists { len: 8, .. })),
            "{refused}"
        );
    }

    #[test]
    fn what_is_no_target_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Aim::look(folder.path()), Err(OpenError::NotStorage { .. })));
        assert!(matches!(Aim::look(&folder.path().join("a/b")), Err(OpenError::Missing { .. })));
        assert!(matches!(Aim::look(Path::new("/dev/null")), Err(OpenError::NotStorage { .. })));
    }
}
