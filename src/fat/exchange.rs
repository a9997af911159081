//! The owner's OUTBOX and INBOX: files that go from a medium to others and come to it.

use std::ops::Range;

use super::name;
use super::reader::{Item, OpenVolumeError, ReadFileError, open};
use super::writer::{WriteFileError, Writer};
use crate::device::{
    Access, Device, DeviceError, FileDevice, Folder, FolderError, MountedTree, OpenError, Privacy,
    Target,
};

/// One of the two directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tray {
    /// What leaves the medium: old generations of the journal, receipts, packages, branches.
    Outbox,
    /// What comes to it.
    Inbox,
}

/// A file in a tray.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub size_bytes: u64,
}

/// The trays of one medium, whatever form it has: an image, a raw device, a mounted directory.
///
/// A file is replaced whole or not at all; nothing but files of the two directories is ever
/// written. What is read is bounded by what the caller takes.
pub struct Exchange<'d> {
    form: Form<'d>,
}

enum Form<'d> {
    Volume(Area<'d>),
    Mounted(MountedTree),
}

/// The writable area of an image or a raw device.
struct Area<'d> {
    device: Box<dyn Target + 'd>,
    place: Range<u64>,
    kept: Vec<Range<u64>>,
}

/// Why a tray could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The writable area is no volume.
    #[error("writable area: {0}")]
    Volume(#[from] OpenVolumeError),
    /// A file could not be changed.
    #[error(transparent)]
    Write(#[from] WriteFileError),
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] ReadFileError),
    /// The mounted directory could not be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file in it could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It could not be read.
    #[error("reading {path}: {source}")]
    Device {
        /// The path.
        path: String,
        /// What went wrong.
        source: DeviceError,
    },
}

impl ExchangeError {
    /// Is it the file's own damage, as a cut leaves it, while the storage does what it is asked?
    pub fn is_damage(&self) -> bool {
        let of_file = |error: &ReadFileError| {
            use ReadFileError as E;
            matches!(error, E::Chain { .. } | E::NotAFile { .. } | E::TooLarge { .. })
        };
        match self {
            Self::Read(error) | Self::Write(WriteFileError::Read(error)) => of_file(error),
            Self::Folder(error) => {
                matches!(error, FolderError::TooLong { .. } | FolderError::WrongKind { .. })
            }
            _ => false,
        }
    }
}

impl Filed {
    fn of(item: Item) -> Self {
        Self { name: item.name, size_bytes: item.size_bytes }
    }
}

impl Tray {
    /// Where it stands on the writable area.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Outbox => "/SCRIP/OUTBOX",
            Self::Inbox => "/SCRIP/INBOX",
        }
    }

    fn of(self, name: &str) -> Result<String, WriteFileError> {
        let path = format!("{}/{name}", self.path());
        match name::fault(name) {
            Some(reason) => {
                Err(WriteFileError::Name { path: path.escape_default().to_string(), reason })
            }
            None => Ok(path),
        }
    }
}

impl<'d> Exchange<'d> {
    /// The trays of the volume in the stretch `area` of an image or a raw device. The stretches
    /// `kept` (journal, access files) are never written, whatever the volume says.
    pub fn volume(device: impl Target + 'd, area: Range<u64>, kept: Vec<Range<u64>>) -> Self {
        let device = Box::new(device);
        Self { form: Form::Volume(Area { device, place: area, kept }) }
    }

    /// The trays of a mounted writable area.
    pub fn mounted(tree: MountedTree) -> Self {
        Self { form: Form::Mounted(tree) }
    }

    /// Write a whole file in place of the old one, if any; it is durable then.
    pub fn write(&self, tray: Tray, name: &str, bytes: &[u8]) -> Result<(), ExchangeError> {
        let path = tray.of(name)?;
        match &self.form {
            Form::Volume(area) => area.change(tray, |writer| Ok(writer.write(&path, bytes)?)),
            Form::Mounted(tree) => {
                let folder = tree.folder_or_make(tray.path())?;
                folder.len_bytes(name)?;
                check_space(&folder, &path, bytes)?;
                Ok(folder.write(name, bytes, Privacy::Shared)?)
            }
        }
    }

    /// Add bytes to a file, which is made if there is none, at its end, which has to be `at`; they
    /// are durable then.
    ///
    /// After a cut any first part of them may be there: [`Exchange::size`] tells where to go on.
    pub fn append(
        &self,
        tray: Tray,
        name: &str,
        at: u64,
        bytes: &[u8],
    ) -> Result<(), ExchangeError> {
        let path = tray.of(name)?;
        match &self.form {
            Form::Volume(area) => area.change(tray, |writer| Ok(writer.append(&path, at, bytes)?)),
            Form::Mounted(tree) => {
                let folder = tree.folder_or_make(tray.path())?;
                let found = folder.len_bytes(name)?.unwrap_or(0);
                if found != at {
                    return Err(WriteFileError::Elsewhere { path, expected: at, found }.into());
                }
                check_space(&folder, &path, bytes)?;
                Ok(folder.append(name, bytes, Privacy::Shared)?)
            }
        }
    }

    /// The length of a file; none where there is none.
    pub fn size(&self, tray: Tray, name: &str) -> Result<Option<u64>, ExchangeError> {
        let path = tray.of(name)?;
        match &self.form {
            Form::Volume(area) => area.look(|writer| match writer.volume().find(&path) {
                Ok(item) if item.is_directory => Err(ReadFileError::NotAFile { path }.into()),
                Ok(item) => Ok(Some(item.size_bytes)),
                Err(ReadFileError::NotFound { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }),
            Form::Mounted(tree) => match tree.folder(tray.path()) {
                Err(FolderError::Missing { .. }) => Ok(None),
                folder => Ok(folder?.len_bytes(name)?),
            },
        }
    }

    /// The whole of a file that has at most `limit_bytes`.
    pub fn read(&self, tray: Tray, name: &str, limit_bytes: u64) -> Result<Vec<u8>, ExchangeError> {
        let path = tray.of(name)?;
        match &self.form {
            Form::Volume(area) => {
                area.look(|writer| Ok(writer.volume().read(&path, limit_bytes)?))
            }
            Form::Mounted(tree) => {
                let folder = tree.folder(tray.path())?;
                folder.len_bytes(name)?;
                Ok(folder.read(name, limit_bytes)?)
            }
        }
    }

    /// Fill as much of `buf` as a file has from `offset` on; gives how many bytes those are.
    pub fn read_part(
        &self,
        tray: Tray,
        name: &str,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize, ExchangeError> {
        let path = tray.of(name)?;
        match &self.form {
            Form::Volume(area) => {
                area.look(|writer| Ok(writer.volume().read_part(&path, offset, buf)?))
            }
            Form::Mounted(tree) => {
                let file = filed(tree, tray, name)?;
                let left = file.len_bytes().saturating_sub(offset);
                let count = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
                file.read_at(offset, &mut buf[..count])
                    .map_err(|source| ExchangeError::Device { path, source })?;
                Ok(count)
            }
        }
    }

    /// The whole of a file as the storage itself holds it, not this computer's cache.
    pub fn read_back(
        &self,
        tray: Tray,
        name: &str,
        limit_bytes: u64,
    ) -> Result<Vec<u8>, ExchangeError> {
        let path = tray.of(name)?;
        match &self.form {
            Form::Volume(area) => {
                let device = Uncached(area.device.as_ref());
                let volume = open(&device, area.place.start, area.place.end - area.place.start)?;
                Ok(volume.read(&path, limit_bytes)?)
            }
            Form::Mounted(tree) => {
                let file = filed(tree, tray, name)?;
                let (len, max) = (file.len_bytes(), limit_bytes);
                if len > max {
                    return Err(
                        FolderError::TooLong { path: file.path().to_path_buf(), len, max }.into()
                    );
                }
                let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
                file.read_back_at(0, &mut bytes)
                    .map_err(|source| ExchangeError::Device { path, source })?;
                Ok(bytes)
            }
        }
    }

    /// The files in a tray, sorted by name.
    pub fn list(&self, tray: Tray) -> Result<Vec<Filed>, ExchangeError> {
        let mut files = match &self.form {
            Form::Volume(area) => area.look(|writer| match writer.volume().list(tray.path()) {
                Ok(items) => {
                    let files = items.into_iter().filter(|item| !item.is_directory);
                    Ok(files.map(Filed::of).collect())
                }
                Err(ReadFileError::NotFound { .. }) => Ok(vec![]),
                Err(error) => Err(error.into()),
            })?,
            Form::Mounted(tree) => {
                let folder = match tree.folder(tray.path()) {
                    Err(FolderError::Missing { .. }) => return Ok(vec![]),
                    folder => folder?,
                };
                let files = folder.list()?.into_iter().filter_map(|name| {
                    // What is no file, a link for one, is nothing that was filed.
                    let size_bytes = folder.len_bytes(&name).ok()??;
                    Some(Filed { name, size_bytes })
                });
                files.collect()
            }
        };
        files.sort_by(|one: &Filed, two| one.name.cmp(&two.name));
        Ok(files)
    }

    /// Remove a file.
    pub fn remove(&self, tray: Tray, name: &str) -> Result<(), ExchangeError> {
        let path = tray.of(name)?;
        match &self.form {
            Form::Volume(area) => area.look(|writer| Ok(writer.remove(&path)?)),
            Form::Mounted(tree) => Ok(tree.folder(tray.path())?.remove(name)?),
        }
    }

    /// What writes through a mounted directory that were killed left in a tray; on a volume a cut
    /// leaves no file behind.
    pub fn leftovers(&self, tray: Tray) -> Result<Vec<String>, ExchangeError> {
        match &self.form {
            Form::Volume(_) => Ok(vec![]),
            Form::Mounted(tree) => match tree.folder(tray.path()) {
                Err(FolderError::Missing { .. }) => Ok(vec![]),
                folder => Ok(folder?.leftovers()?),
            },
        }
    }

    /// Remove what [`Exchange::leftovers`] named; for whoever alone writes the medium.
    pub fn sweep(&self, tray: Tray, name: &str) -> Result<(), ExchangeError> {
        match &self.form {
            Form::Volume(_) => Ok(()),
            Form::Mounted(tree) => Ok(tree.folder(tray.path())?.sweep(name)?),
        }
    }

    /// Bytes that are free on the writable area.
    pub fn free_bytes(&self) -> Result<u64, ExchangeError> {
        let path = Tray::Outbox.path();
        match &self.form {
            Form::Volume(area) => area.look(|writer| {
                let failed = |source| ExchangeError::Device { path: path.to_owned(), source };
                writer.free_bytes().map_err(failed)
            }),
            Form::Mounted(tree) => Ok(tree.folder("/SCRIP")?.free_bytes()?),
        }
    }
}

impl Area<'_> {
    fn look<T>(
        &self,
        ask: impl FnOnce(Writer<'_>) -> Result<T, ExchangeError>,
    ) -> Result<T, ExchangeError> {
        let Self { device, place, kept } = self;
        ask(Writer::open(device, place.start, place.end - place.start, kept)?)
    }

    /// Change a file; the tray is made if its owner removed it.
    fn change<T>(
        &self,
        tray: Tray,
        change: impl FnOnce(Writer<'_>) -> Result<T, ExchangeError>,
    ) -> Result<T, ExchangeError> {
        self.look(|writer| {
            match writer.volume().find(tray.path()) {
                Err(ReadFileError::NotFound { .. }) => {
                    writer.make_directory("/SCRIP")?;
                    writer.make_directory(tray.path())?;
                }
                found => {
                    found?;
                }
            }
            change(writer)
        })
    }
}

/// A regular file in a tray of a mounted area.
fn filed(tree: &MountedTree, tray: Tray, name: &str) -> Result<FileDevice, ExchangeError> {
    let folder = tree.folder(tray.path())?;
    let path = folder.path_of(name)?;
    match folder.len_bytes(name)? {
        Some(_) => Ok(FileDevice::open(&path, Access::Read)?),
        None => Err(FolderError::Missing { path }.into()),
    }
}

fn check_space(folder: &Folder, path: &str, bytes: &[u8]) -> Result<(), ExchangeError> {
    let (needed, free) = (bytes.len() as u64, folder.free_bytes()?);
    if needed > free {
        return Err(WriteFileError::NoSpace { path: path.to_owned(), needed, free }.into());
    }
    Ok(())
}

/// A device that is read past this computer's cache.
struct Uncached<'d>(&'d dyn Target);

impl Device for Uncached<'_> {
    fn len_bytes(&self) -> u64 {
        self.0.len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.0.read_back_at(offset, buf).map(|_way| ())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.0.write_at(offset, bytes)
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.0.flush()
    }
}
