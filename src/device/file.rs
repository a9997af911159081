//! Image files and block devices.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::num::NonZeroU64;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FallocateFlags, OFlags};
use rustix::io::Errno;

use super::aligned::is_aligned;
use super::claim::{Claim, ClaimError, claim};
use super::folder::{parent_of, sync_folder};
use super::{
    ALIGNMENT_BYTES, AlignedBuffer, ClearOutcome, Clearing, Device, DeviceError, DeviceNumber,
    ReadPath, Target,
};

/// What a direct read that isn't aligned is taken through, at most.
const BOUNCE_BYTES_MAX: usize = 1 << 20;

/// An open image file or block device.
#[derive(Debug)]
pub struct FileDevice {
    path: PathBuf,
    file: File,
    /// The same storage, opened around the page cache; none where the file system can't.
    direct: Option<File>,
    len: u64,
    number: Option<DeviceNumber>,
}

/// What an opened device may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Writing is refused by the operating system.
    Read,
    /// A block device is claimed exclusively: nobody has it mounted or in use, and nobody can
    /// mount it while it is open.
    Write,
    /// As `Write`, but a block device that is in use is opened all the same: somebody was asked
    /// and meant it.
    WriteShared,
}

/// What becomes of a file that already stands where an image is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and making the image is refused.
    Refuse,
    /// It is replaced, as the person asked.
    Replace,
}

/// Why an image file or block device could not be opened or made.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is nothing at the path.
    #[error("{}: there is no such file or device", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file already stands there, and nobody asked to replace it.
    #[error("{}: a file of {len} bytes already stands here and is not overwritten", path.display())]
    Exists {
        /// The file that stays.
        path: PathBuf,
        /// Its length in bytes.
        len: u64,
    },
    /// Neither a regular file nor a block device.
    #[error("{}: is a {kind}, not an image file or block device", path.display())]
    NotStorage {
        /// What was named.
        path: PathBuf,
        /// What it is instead.
        kind: &'static str,
    },
    /// A block device that something else uses.
    #[error("{}: in use: mounted, or claimed by the system or another program", path.display())]
    Busy {
        /// The block device.
        path: PathBuf,
    },
    /// The file system has no room for the image.
    #[error("{}: {needed} bytes are needed, {free} bytes are free", path.display())]
    NoSpace {
        /// The image that was to be made.
        path: PathBuf,
        /// Its length in bytes.
        needed: u64,
        /// What the file system has left, in bytes.
        free: u64,
    },
    /// The operating system refused.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// Gerund: `opening`, `making`, `measuring`.
        action: &'static str,
        /// The file or device.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl FileDevice {
    /// Open an image file or block device that exists.
    pub fn open(path: &Path, access: Access) -> Result<Self, OpenError> {
        let kind = fs::metadata(path).map_err(|source| open_error("opening", path, source))?;
        refuse_other_kinds(path, &kind)?;
        let mut options = OpenOptions::new();
        options.read(true).write(access != Access::Read);
        if access == Access::Write && kind.file_type().is_block_device() {
            options.custom_flags(os_flags(OFlags::EXCL));
        }
        let file = options.open(path).map_err(|source| open_error("opening", path, source))?;
        Self::from_file(path, file)
    }

    /// Make an image file of `len` bytes that reads as zeros.
    ///
    /// The file system's free space is checked before anything is made.
    pub fn create(path: &Path, len: u64, existing: Existing) -> Result<Self, OpenError> {
        let reused = refuse_existing(path, existing)?;
        refuse_without_space(path, len, reused)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .create_new(existing == Existing::Refuse)
            .truncate(existing == Existing::Replace)
            .open(path)
            .map_err(|source| open_error("making", path, source))?;
        let made = file.set_len(len).and_then(|()| sync_folder(parent_of(path)));
        if let Err(source) = made {
            // What was half made must not look like an image; the first error is the one told.
            let _ = fs::remove_file(path);
            return Err(open_error("making", path, source));
        }
        Self::from_file(path, file)
    }

    /// Where the file or device was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Major and minor number of a block device; none for an image file.
    pub fn block_number(&self) -> Option<DeviceNumber> {
        self.number
    }

    /// Use the storage alone until the claim is dropped; another claim of it is refused.
    pub fn claim(&self) -> Result<Claim, ClaimError> {
        claim(&self.file, &self.path)
    }

    /// The file has another name now.
    pub(super) fn renamed(&mut self, to: PathBuf) {
        self.path = to;
    }

    fn from_file(path: &Path, mut file: File) -> Result<Self, OpenError> {
        let io = |source| open_error("measuring", path, source);
        let meta = file.metadata().map_err(io)?;
        refuse_other_kinds(path, &meta)?;
        let number = meta.file_type().is_block_device().then(|| device_number(meta.rdev()));
        let len = file.seek(SeekFrom::End(0)).map_err(io)?;
        let direct = open_direct(&file);
        Ok(Self { path: path.to_path_buf(), file, direct, len, number })
    }

    fn read_around_cache(&self, offset: u64, buf: &mut [u8]) -> io::Result<ReadPath> {
        if let Some(direct) = &self.direct {
            match read_direct(direct, offset, buf) {
                // Some file systems open this way and then refuse to read.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
                other => return other.map(|()| ReadPath::Direct),
            }
        }
        self.drop_cache(offset, buf.len() as u64)?;
        self.file.read_exact_at(buf, offset)?;
        Ok(ReadPath::CacheDropped)
    }

    /// Forget the cached pages of a range; only clean pages can be forgotten, hence the sync.
    fn drop_cache(&self, offset: u64, count: u64) -> io::Result<()> {
        self.file.sync_data()?;
        let page = ALIGNMENT_BYTES as u64;
        let start = offset - offset % page;
        let count = (offset + count).next_multiple_of(page) - start;
        rustix::fs::fadvise(&self.file, start, NonZeroU64::new(count), Advice::DontNeed)?;
        Ok(())
    }
}

impl Device for FileDevice {
    fn len_bytes(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        let count = buf.len() as u64;
        DeviceError::check_range(offset, count, self.len)?;
        self.file.read_exact_at(buf, offset).map_err(io_error("reading", offset, count))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let count = bytes.len() as u64;
        DeviceError::check_range(offset, count, self.len)?;
        self.file.write_all_at(bytes, offset).map_err(io_error("writing", offset, count))
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.file.sync_data().map_err(io_error("flushing", 0, self.len))
    }
}

impl Target for FileDevice {
    fn read_back_at(&self, offset: u64, buf: &mut [u8]) -> Result<ReadPath, DeviceError> {
        let count = buf.len() as u64;
        DeviceError::check_range(offset, count, self.len)?;
        self.read_around_cache(offset, buf).map_err(io_error("reading back", offset, count))
    }

    fn clear(
        &self,
        offset: u64,
        count: u64,
        clearing: Clearing,
    ) -> Result<ClearOutcome, DeviceError> {
        DeviceError::check_range(offset, count, self.len)?;
        if count == 0 {
            return Ok(ClearOutcome::Cleared);
        }
        let how = match clearing {
            Clearing::Discard => FallocateFlags::PUNCH_HOLE,
            Clearing::Zero => FallocateFlags::ZERO_RANGE,
        };
        match rustix::fs::fallocate(&self.file, how | FallocateFlags::KEEP_SIZE, offset, count) {
            Ok(()) => Ok(ClearOutcome::Cleared),
            // A block device answers `INVAL` to a range that isn't whole blocks of it.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(ClearOutcome::Unsupported),
            Err(error) => Err(io_error("clearing", offset, count)(error.into())),
        }
    }
}

/// Open the same storage once more, for reading around the page cache.
fn open_direct(file: &File) -> Option<File> {
    let same = format!("/proc/self/fd/{}", file.as_raw_fd());
    OpenOptions::new().read(true).custom_flags(os_flags(OFlags::DIRECT)).open(same).ok()
}

fn read_direct(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<()> {
    if is_aligned(offset, buf) {
        return file.read_exact_at(buf, offset);
    }
    let mut bounce = AlignedBuffer::new((buf.len() + ALIGNMENT_BYTES).min(BOUNCE_BYTES_MAX));
    let mut done = 0;
    while done < buf.len() {
        done += read_through(file, offset + done as u64, &mut buf[done..], &mut bounce)?;
    }
    Ok(())
}

/// Read some bytes from any offset through an aligned buffer; none only if a signal came in.
fn read_through(file: &File, at: u64, rest: &mut [u8], bounce: &mut [u8]) -> io::Result<usize> {
    let skip = usize::try_from(at % ALIGNMENT_BYTES as u64).expect("below the alignment");
    let want = (skip + rest.len()).next_multiple_of(ALIGNMENT_BYTES).min(bounce.len());
    let got = match file.read_at(&mut bounce[..want], at - skip as u64) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(0),
        other => other?,
    };
    let count = got.saturating_sub(skip).min(rest.len());
    if count == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    rest[..count].copy_from_slice(&bounce[skip..skip + count]);
    Ok(count)
}

/// Refuse what is neither a regular file nor a block device.
pub(super) fn refuse_other_kinds(path: &Path, meta: &fs::Metadata) -> Result<(), OpenError> {
    let file_type = meta.file_type();
    let kind = if file_type.is_file() || file_type.is_block_device() {
        return Ok(());
    } else if file_type.is_dir() {
        "directory"
    } else if file_type.is_char_device() {
        "character device"
    } else if file_type.is_fifo() {
        "pipe"
    } else {
        "socket"
    };
    Err(OpenError::NotStorage { path: path.to_path_buf(), kind })
}

/// Refuse to touch what stands at the path; else the bytes that replacing it sets free.
pub(super) fn refuse_existing(path: &Path, existing: Existing) -> Result<u64, OpenError> {
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(source) => return Err(open_error("making", path, source)),
    };
    if !meta.is_file() {
        refuse_other_kinds(path, &meta)?;
        return Err(OpenError::NotStorage { path: path.to_path_buf(), kind: "block device" });
    }
    match existing {
        Existing::Refuse => Err(OpenError::Exists { path: path.to_path_buf(), len: meta.len() }),
        Existing::Replace => Ok(meta.blocks().saturating_mul(512)),
    }
}

pub(super) fn refuse_without_space(path: &Path, needed: u64, reused: u64) -> Result<(), OpenError> {
    let room = rustix::fs::statvfs(parent_of(path))
        .map_err(|error| open_error("measuring free space for", path, error.into()))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize).saturating_add(reused);
    if needed > free {
        return Err(OpenError::NoSpace { path: path.to_path_buf(), needed, free });
    }
    Ok(())
}

pub(super) fn open_error(action: &'static str, path: &Path, source: io::Error) -> OpenError {
    let path = path.to_path_buf();
    match source.kind() {
        io::ErrorKind::NotFound => OpenError::Missing { path },
        io::ErrorKind::ResourceBusy => OpenError::Busy { path },
        _ => OpenError::Io { action, path, source },
    }
}

fn io_error(
    action: &'static str,
    offset: u64,
    count: u64,
) -> impl FnOnce(io::Error) -> DeviceError {
    move |source| DeviceError::Io { action, offset, count, source }
}

/// The number of a block device as the system gives it in one word.
pub(super) fn device_number(rdev: u64) -> DeviceNumber {
    DeviceNumber { major: rustix::fs::major(rdev), minor: rustix::fs::minor(rdev) }
}

/// Open flags as the standard library takes them.
fn os_flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files from outside")]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Access, Existing, FileDevice, OpenError};
    use crate::device::{ClearOutcome, Clearing, Device, DeviceError, ReadPath, Target};

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("tests have a folder for temporary files")
    }

    #[test]
    fn a_new_image_reads_as_zeros_and_keeps_what_is_written() {
        let folder = folder();
        let path = folder.path().join("new.img");
        let device = FileDevice::create(&path, 1_000_003, Existing::Refuse).unwrap();
        assert_eq!((device.len_bytes(), device.block_number()), (1_000_003, None));
        device.write_at(999_999, &[1, 2, 3, 4]).unwrap();
        device.flush().unwrap();
        drop(device);
        let device = FileDevice::open(&path, Access::Read).unwrap();
        let mut tail = [9; 6];
        device.read_at(999_997, &mut tail).unwrap();
        assert_eq!(tail, [0, 0, 1, 2, 3, 4]);
        assert!(matches!(device.write_at(0, &[1]), Err(DeviceError::Io { action: "writing", .. })));
    }

    #[test]
    fn an_existing_file_stays_unless_replacing_it_is_asked_for() {
        let folder = folder();
        let path = folder.path().join("old.img");
        fs::write(&path, b"precious").unwrap();
        let refused = FileDevice::create(&path, 4096, Existing::Refuse).unwrap_err();
        assert!(
            refused
                .to_string()
                .ends_with("old.img: a file of 8 bytes already stands here and is not overwritten")
        );
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let device = FileDevice::create(&path, 4096, Existing::Replace).unwrap();
        let mut all = vec![1; 4096];
        device.read_at(0, &mut all).unwrap();
        assert!(all.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn an_image_larger_than_the_free_space_is_refused_with_both_values() {
        let folder = folder();
        let path = folder.path().join("huge.img");
        let refused = FileDevice::create(&path, 1 << 60, Existing::Refuse).unwrap_err();
        let OpenError::NoSpace { needed, free, .. } = &refused else { panic!("{refused}") };
        assert_eq!(*needed, 1 << 60);
        assert!(refused.to_string().ends_with(&format!(
            "huge.img: 1152921504606846976 bytes are needed, {free} bytes are free"
        )));
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_storage_is_named() {
        let folder = folder();
        let kinds = [
            (folder.path(), "is a directory, not an image file or block device"),
            (Path::new("/dev/null"), "is a character device, not an image file or block device"),
        ];
        for (path, words) in kinds {
            let opened = FileDevice::open(path, Access::Read).unwrap_err().to_string();
            let made = FileDevice::create(path, 1, Existing::Replace).unwrap_err().to_string();
            assert!(opened.ends_with(words), "{opened}");
            assert!(made.ends_with(words), "{made}");
        }
        let missing = FileDevice::open(&folder.path().join("none"), Access::Read).unwrap_err();
        assert!(missing.to_string().ends_with("none: there is no such file or device"));
    }

    #[test]
    fn reading_back_gives_the_same_bytes_at_any_alignment() {
        let folder = folder();
        let path = folder.path().join("odd.img");
        let device = FileDevice::create(&path, 3_000_001, Existing::Refuse).unwrap();
        let bytes: Vec<u8> = (0..3_000_001u32).map(|i| (i % 251).to_le_bytes()[0]).collect();
        device.write_at(0, &bytes).unwrap();
        device.flush().unwrap();
        for (offset, count) in [
            (0, 4096),
            (1, 4096),
            (511, 1),
            (4095, 2),
            (1_048_570, 1_500_000),
            (2_999_999, 2),
            (7, 0),
        ] {
            let mut back = vec![0; count];
            let path = device.read_back_at(offset as u64, &mut back).unwrap();
            assert_ne!(path, ReadPath::Memory);
            assert_eq!(back, bytes[offset..offset + count], "{count} bytes at {offset}");
        }
        assert!(device.read_back_at(3_000_000, &mut [0; 2]).is_err());
    }

    #[test]
    fn reading_back_after_dropping_the_cache_gives_the_same_bytes() {
        let folder = folder();
        let path = folder.path().join("cached.img");
        let mut device = FileDevice::create(&path, 100_000, Existing::Refuse).unwrap();
        device.direct = None;
        device.write_at(50_000, &[7; 1000]).unwrap();
        let mut back = [0; 1002];
        assert_eq!(device.read_back_at(49_999, &mut back).unwrap(), ReadPath::CacheDropped);
        assert_eq!((back[0], back[1], back[1000], back[1001]), (0, 7, 7, 0));
    }

    #[test]
    fn clearing_a_file_zeros_the_range_or_says_it_cannot() {
        let folder = folder();
        let path = folder.path().join("full.img");
        let device = FileDevice::create(&path, 65536, Existing::Refuse).unwrap();
        for clearing in [Clearing::Discard, Clearing::Zero] {
            device.write_at(0, &vec![5; 65536]).unwrap();
            let outcome = device.clear(4096, 8192, clearing).unwrap();
            let mut all = vec![0; 65536];
            device.read_at(0, &mut all).unwrap();
            let expected = if outcome == ClearOutcome::Cleared { 0 } else { 5 };
            assert!(all[4096..12288].iter().all(|byte| *byte == expected));
            assert!(all[..4096].iter().chain(&all[12288..]).all(|byte| *byte == 5));
        }
        assert!(device.clear(65536, 1, Clearing::Zero).is_err());
    }
}
