//! Shelves that there are: a medium's OUTBOX, a folder of a kiosk.

use std::io;

use super::shelf::{Shelf, ShelfError};
use crate::device::{Access, Device, DeviceError, FileDevice, Folder, FolderError, Privacy};
use crate::fat::{Exchange, ExchangeError, Tray};

/// The OUTBOX of a medium that is open.
pub struct Outbox(pub Exchange<'static>);

const TRAY: Tray = Tray::Outbox;

impl Shelf for Outbox {
    fn size(&self, name: &str) -> Result<Option<u64>, ShelfError> {
        Ok(self.0.size(TRAY, name)?)
    }

    fn read(&self, name: &str, limit_bytes: u64) -> Result<Vec<u8>, ShelfError> {
        Ok(self.0.read(TRAY, name, limit_bytes)?)
    }

    fn read_at(&self, name: &str, offset: u64, buf: &mut [u8]) -> Result<(), ShelfError> {
        let found = self.0.read_part(TRAY, name, offset, buf)?;
        whole(name, found as u64, buf.len() as u64)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ShelfError> {
        Ok(self.0.write(TRAY, name, bytes)?)
    }

    fn append(&self, name: &str, at: u64, bytes: &[u8]) -> Result<(), ShelfError> {
        Ok(self.0.append(TRAY, name, at, bytes)?)
    }

    fn remove(&self, name: &str) -> Result<(), ShelfError> {
        Ok(self.0.remove(TRAY, name)?)
    }

    fn list(&self) -> Result<Vec<String>, ShelfError> {
        let files = self.0.list(TRAY)?;
        Ok(files.into_iter().map(|file| file.name).collect())
    }

    fn free_bytes(&self) -> Result<u64, ShelfError> {
        Ok(self.0.free_bytes()?)
    }
}

impl Shelf for Folder {
    fn size(&self, name: &str) -> Result<Option<u64>, ShelfError> {
        self.len_bytes(name).map_err(of_folder)
    }

    fn read(&self, name: &str, limit_bytes: u64) -> Result<Vec<u8>, ShelfError> {
        Self::read(self, name, limit_bytes).map_err(of_folder)
    }

    fn read_at(&self, name: &str, offset: u64, buf: &mut [u8]) -> Result<(), ShelfError> {
        let path = self.path_of(name).map_err(ShelfError::new)?;
        let file = FileDevice::open(&path, Access::Read).map_err(ShelfError::new)?;
        file.read_at(offset, buf).map_err(ShelfError::new)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ShelfError> {
        Self::write(self, name, bytes, Privacy::Shared).map_err(ShelfError::new)
    }

    fn append(&self, name: &str, at: u64, bytes: &[u8]) -> Result<(), ShelfError> {
        let found = self.size(name)?.unwrap_or(0);
        whole(name, found, at)?;
        Self::append(self, name, bytes, Privacy::Shared).map_err(ShelfError::new)
    }

    fn remove(&self, name: &str) -> Result<(), ShelfError> {
        Self::remove(self, name).map_err(ShelfError::new)
    }

    fn list(&self) -> Result<Vec<String>, ShelfError> {
        Self::list(self).map_err(ShelfError::new)
    }

    fn free_bytes(&self) -> Result<u64, ShelfError> {
        Self::free_bytes(self).map_err(ShelfError::new)
    }
}

fn of_folder(error: FolderError) -> ShelfError {
    ExchangeError::from(error).into()
}

/// A file on a shelf as a device that is only read.
pub struct ShelvedDevice<S> {
    /// The shelf.
    pub shelf: S,
    /// The file's name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

impl<S: Shelf + Send> Device for ShelvedDevice<S> {
    fn len_bytes(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        let count = buf.len() as u64;
        DeviceError::check_range(offset, count, self.bytes)?;
        self.shelf.read_at(&self.name, offset, buf).map_err(|error| {
            let source = io::Error::other(error.to_string());
            DeviceError::Io { action: "reading", offset, count, source }
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let (count, source) = (bytes.len() as u64, io::ErrorKind::ReadOnlyFilesystem.into());
        Err(DeviceError::Io { action: "writing", offset, count, source })
    }

    fn flush(&self) -> Result<(), DeviceError> {
        Ok(())
    }
}

fn whole(name: &str, found: u64, expected: u64) -> Result<(), ShelfError> {
    if found == expected {
        return Ok(());
    }
    Err(ShelfError::Damaged(format!("{name}: {found} bytes, {expected} are expected")))
}
