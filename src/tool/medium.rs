//! A medium as a command line names it: an image file, a block device, or mounted directories;
//! only read, unless it was opened to be written.

use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Exit, Explain, Failure, open_unmounted, told};
use crate::device::{
    Access, Device, DeviceNumber, FileDevice, Machine, MountedTree, OpenError, Use, read_file,
};
use crate::fat::{self, Exchange};
use crate::format::cose::Sign1;
use crate::format::medium::{CertificateSlot, MediumCertificate};
use crate::format::{Kind, Object, cbor};
use crate::image::check::{
    Area, CheckError, Checked, Grounds, Identity, Mounts, Report, open, open_mounted, stated_medium,
};
#[cfg(feature = "wallet")]
use crate::image::layout::{ACCESS_BYTES, PAPERS_BYTES, PAPERS_PATHS, RING_BYTES};
use crate::image::layout::{
    ACCESS_PATHS, CERTIFICATE_SLOT, JOURNAL_PATHS, MANIFEST_PATH, RING_PATHS,
};
use crate::image::leaves::Watch;
#[cfg(feature = "wallet")]
use crate::journal::{Place, Storage, StorageError};
use crate::phrases;
use crate::trust::Trust;
use crate::units::MediumId;
#[cfg(feature = "wallet")]
use crate::wallet::take::{Content, ShelfError};
use crate::words::Phrase;

phrases! {
    fn checking(path) { en: "checking {path}", ja: "{path} の検査" }
    fn opening(path) { en: "opening {path}", ja: "{path} の読み込み" }
    fn no_read_only_area() {
        en: "originality not checked: the read-only area that belongs to this writable area is not \
             mounted",
        ja: "正規品かどうか未確認：この書き込み領域と対になる読み出し専用領域がマウントされていません",
    }
    fn read_raw(place) {
        en: "it is mounted at {place}; it is read raw",
        ja: "{place} にマウントされています。デバイスを直接読みます",
    }
    /// What to do where the read-only area is missing.
    pub fn mount_both() {
        en: "mount SCRIP-ROM beside it, or name the image or the device",
        ja: "SCRIP-ROMもマウントするか、イメージかデバイスを指定してください",
    }
    fn read_only_areas(count) {
        en: "{count} read-only areas are mounted here, expected 1",
        ja: "ここにマウントされている読み出し専用領域は{count}個です（1個のはずです）",
    }
    fn name_the_area() {
        en: "name the directory where the read-only area is mounted, or the device",
        ja: "読み出し専用領域をマウントしたフォルダーか、デバイスを指定してください",
    }
    fn name_the_directory() {
        en: "name the directory where its read-only area is mounted",
        ja: "読み出し専用領域をマウントしたフォルダーを指定してください",
    }
    pub(super) fn partition(disk) {
        en: "it is a partition of {disk}",
        ja: "{disk} のパーティションです",
    }
    pub(super) fn whole_device(disk) {
        en: "name the whole device: {disk}",
        ja: "デバイス全体を指定してください：{disk}",
    }
}

/// Directories looked at for a writable area, at most.
const NEIGHBOURS_MAX: usize = 100;

/// An open medium.
pub struct Source {
    form: Form,
    identity: Identity,
    notes: Vec<Phrase>,
}

enum Form {
    Raw(Arc<FileDevice>),
    Mounted { rom: MountedTree, ram: Vec<MountedTree> },
}

impl Source {
    /// Open what stands at a path; the writable area is looked for beside a mounted one.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let source = if path.is_dir() { Self::open_mounted(path) } else { Self::open_raw(path) };
        source.map_err(|failure| failure.during(checking(path.display())))
    }

    fn open_raw(path: &Path) -> Result<Self, Failure> {
        let device = FileDevice::open(path, Access::Read).map_err(|error| unopened(&error))?;
        let (identity, notes) = match device.block_number() {
            Some(number) => block(number)?,
            None => (Identity::Image, vec![]),
        };
        Ok(Self { form: Form::Raw(Arc::new(device)), identity, notes })
    }

    fn open_mounted(path: &Path) -> Result<Self, Failure> {
        let path = &path.canonicalize().or_exit(Exit::Failure)?;
        let machine = Machine::observe(Path::new("/")).or_exit(Exit::Failure)?;
        let writable = is_writable_area(path);
        let mut inside =
            if writable { read_only_areas_of(path, &machine) } else { folders_in(path) };
        if writable && inside.is_empty() {
            return Err(Failure::new(Exit::Refusal, no_read_only_area()).hint(mount_both()));
        }
        inside.insert(0, path.clone());
        inside.retain(|folder| holds(folder, MANIFEST_PATH));
        let [rom] = inside.as_slice() else {
            let count = inside.len();
            return Err(Failure::new(Exit::Usage, read_only_areas(count)).hint(name_the_area()));
        };
        let mut ram = if writable { vec![path.clone()] } else { writable_areas(rom, &machine) };
        ram.truncate(NEIGHBOURS_MAX);
        let ram = ram.iter().map(|folder| MountedTree::at(folder)).collect();
        let identity = mounted_on(&machine, rom);
        let form = Form::Mounted { rom: MountedTree::at(rom), ram };
        Ok(Self { form, identity, notes: vec![] })
    }

    /// What a person should know about how it is read.
    pub fn notes(&self) -> &[Phrase] {
        &self.notes
    }

    /// Judge it.
    pub fn check(
        &self,
        trust: &Trust,
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Result<Report, CheckError> {
        Ok(self.examine(trust, threads, watch)?.report)
    }

    /// Judge it, and hand out what can be built on it.
    pub fn examine(
        &self,
        trust: &Trust,
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Result<Checked, CheckError> {
        let mut checked = match &self.form {
            Form::Raw(device) => open(device, trust, &self.identity, threads, watch)?,
            Form::Mounted { rom, ram } => {
                open_mounted(&Mounts { rom, ram }, trust, &self.identity, threads, watch)?
            }
        };
        checked.report.notes.extend(self.notes.iter().cloned());
        Ok(checked)
    }

    /// The bytes of both access files, to look into; empty where one is missing.
    #[cfg(feature = "wallet")]
    pub fn access_files(
        &self,
        grounds: &Grounds,
    ) -> Result<[Vec<u8>; 2], crate::device::DeviceError> {
        let length = usize::try_from(ACCESS_BYTES).expect("some kilobytes");
        let mut files = [vec![0; length], vec![0; length]];
        match (&self.form, &grounds.area) {
            (Form::Raw(device), _) => {
                for (bytes, start) in files.iter_mut().zip(grounds.access) {
                    device.read_at(start, bytes)?;
                }
            }
            (Form::Mounted { .. }, Area::Mounted(tree)) => {
                let read = |path| read_file(&tree.place_of(path), ACCESS_BYTES).unwrap_or_default();
                files = ACCESS_PATHS.map(read);
            }
            (Form::Mounted { .. }, Area::Raw | Area::Missing) => {}
        }
        Ok(files)
    }

    /// Open what stands at a path so that its writable area can be written: an image, a device
    /// that nothing has mounted, or mounted directories.
    pub fn open_to_write(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            return Self::open(path);
        }
        let (device, identity) = open_unmounted(path, Access::Write)
            .map_err(|failure| failure.during(opening(path.display())))?;
        Ok(Self { form: Form::Raw(Arc::new(device)), identity, notes: vec![] })
    }

    /// The storage of the journal and the access files, for this process alone.
    #[cfg(feature = "wallet")]
    pub fn into_storage(self, grounds: &Grounds) -> Result<Storage, StorageError> {
        let Place { bytes, .. } = grounds.journal;
        match (self.form, &grounds.area) {
            (Form::Raw(device), _) => Storage::whole(device, grounds.journal),
            (Form::Mounted { .. }, Area::Mounted(tree)) => {
                Storage::mounted(tree, JOURNAL_PATHS, bytes, &further(grounds))
            }
            (Form::Mounted { rom, .. }, Area::Raw | Area::Missing) => {
                // Only a medium with its records gets here, and those lie in the writable area.
                Storage::mounted(&rom, JOURNAL_PATHS, bytes, &[])
            }
        }
    }
}

impl Source {
    /// Journal, access files, item key ring and papers, to look at; none where the writable area isn't there.
    #[cfg(feature = "wallet")]
    pub fn writable_files(
        &self,
        grounds: &Grounds,
    ) -> Result<Option<Box<dyn Device>>, StorageError> {
        match (&self.form, &grounds.area) {
            (Form::Raw(device), _) => Ok(Some(Box::new(Arc::clone(device)))),
            (Form::Mounted { .. }, Area::Mounted(tree)) => {
                let (bytes, further) = (grounds.journal.bytes, further(grounds));
                Ok(Some(Box::new(Storage::look(tree, JOURNAL_PATHS, bytes, &further)?)))
            }
            (Form::Mounted { .. }, Area::Raw | Area::Missing) => Ok(None),
        }
    }

    /// OUTBOX and INBOX of the medium, to look into; none where the writable area isn't there.
    pub fn exchange(&self, grounds: &Grounds) -> Option<Exchange<'static>> {
        match (&self.form, &grounds.area) {
            (Form::Raw(device), _) => {
                let (device, area) = (Arc::clone(device), grounds.volume.clone());
                Some(Exchange::volume(device, area, grounds.kept()))
            }
            (Form::Mounted { .. }, Area::Mounted(tree)) => Some(Exchange::mounted(tree.clone())),
            (Form::Mounted { .. }, Area::Raw | Area::Missing) => None,
        }
    }

    /// The bytes of a file of the read-only area by its path; none where it can't be read.
    pub fn file(&self, path: &str, limit_bytes: u64) -> Option<Vec<u8>> {
        match &self.form {
            Form::Raw(device) => {
                let start = crate::image::layout::ALIGN_BYTES;
                let volume =
                    fat::open(device, start, device.len_bytes().checked_sub(start)?).ok()?;
                volume.read(path, limit_bytes).ok()
            }
            Form::Mounted { rom, .. } => read_file(&rom.place_of(path), limit_bytes).ok(),
        }
    }

    /// The number in its certificate's slot, to tell media apart; not verified.
    pub fn stated_medium(&self) -> Option<MediumId> {
        number_in(&self.file(CERTIFICATE_SLOT.path, CERTIFICATE_SLOT.bytes)?)
    }
}

/// The files that are written with the journal's copies, in the order of their places.
#[cfg(feature = "wallet")]
fn further(grounds: &Grounds) -> Vec<(&'static str, u64)> {
    let access = ACCESS_PATHS.map(|path| (path, ACCESS_BYTES));
    let ring = RING_PATHS.map(|path| (path, RING_BYTES));
    let papers = PAPERS_PATHS.map(|path| (path, PAPERS_BYTES));
    let papers = if grounds.papers.is_some() { &papers[..] } else { &[] };
    [&access, &ring, papers].concat()
}

/// A file of a medium's read-only area, to be read piece by piece.
#[cfg(feature = "wallet")]
pub struct RomFile<'a> {
    /// The medium.
    pub source: &'a Source,
    /// The file's path.
    pub path: String,
}

#[cfg(feature = "wallet")]
impl Content for RomFile<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ShelfError> {
        match &self.source.form {
            Form::Raw(device) => {
                let start = crate::image::layout::ALIGN_BYTES;
                let volume = fat::open(device, start, device.len_bytes().saturating_sub(start));
                let volume = volume.map_err(ShelfError::new)?;
                let found = volume.read_part(&self.path, offset, buf).map_err(ShelfError::new)?;
                if found < buf.len() {
                    let (path, expected) = (&self.path, buf.len());
                    let short = format!("{path}: {found} bytes at {offset}, expected {expected}");
                    return Err(ShelfError::new(short));
                }
                Ok(())
            }
            Form::Mounted { rom, .. } => {
                let file = FileDevice::open(&rom.place_of(&self.path), Access::Read);
                file.map_err(ShelfError::new)?.read_at(offset, buf).map_err(ShelfError::new)
            }
        }
    }
}

impl Source {
    /// A file of a mounted read-only area, to be read by parts; none on an image or a device,
    /// where it lies at its place.
    #[cfg(feature = "wallet")]
    pub fn mounted_file(&self, path: &str) -> Result<Option<FileDevice>, OpenError> {
        match &self.form {
            Form::Raw(_) => Ok(None),
            Form::Mounted { rom, .. } => {
                FileDevice::open(&rom.place_of(path), Access::Read).map(Some)
            }
        }
    }
}

/// Whether a folder has a file of this path.
fn holds(folder: &Path, file: &str) -> bool {
    folder.join(&file[1..]).is_file()
}

/// Whether a folder is a writable area: one that holds any of its files, and no manifest.
pub(super) fn is_writable_area(folder: &Path) -> bool {
    let mut files = JOURNAL_PATHS.iter().chain(&ACCESS_PATHS).chain(&RING_PATHS);
    files.any(|file| holds(folder, file)) && !holds(folder, MANIFEST_PATH)
}

/// What may be the writable area of a read-only one: beside it, or anywhere else mounted.
fn writable_areas(rom: &Path, machine: &Machine) -> Vec<PathBuf> {
    let places = machine.mounts.iter().map(|mount| mount.place.clone());
    let beside = rom.parent().map(folders_in).unwrap_or_default();
    let mut found: Vec<_> = beside.into_iter().chain(places).collect();
    found.retain(|folder| JOURNAL_PATHS.iter().any(|file| holds(folder, file)));
    found
}

/// Where the read-only area of a mounted writable area may be: beside it, or anywhere else mounted,
/// under the number that its journal states.
pub(super) fn read_only_areas_of(ram: &Path, machine: &Machine) -> Vec<PathBuf> {
    let Some(medium) = stated_medium(&MountedTree::at(ram)) else { return vec![] };
    let places = machine.mounts.iter().map(|mount| mount.place.clone());
    let beside = ram.parent().map(folders_in).unwrap_or_default();
    let mut found: Vec<_> = beside.into_iter().chain(places).collect();
    found.sort();
    found.dedup();
    found.retain(|folder| certified_medium(folder) == Some(medium));
    found
}

/// The medium number in the certificate's slot of a read-only area: for pairing, not verified.
fn certified_medium(rom: &Path) -> Option<MediumId> {
    let path = MountedTree::at(rom).place_of(CERTIFICATE_SLOT.path);
    number_in(&read_file(&path, CERTIFICATE_SLOT.bytes).ok()?)
}

fn number_in(slot: &[u8]) -> Option<MediumId> {
    let slot = CertificateSlot::decode(cbor::unpad(slot).ok()??).ok()?;
    let message = Sign1::decode(&slot.certificate.0, Kind::MediumCertificate).ok()?;
    Some(MediumCertificate::decode(message.payload()).ok()?.medium)
}

/// An owner has no rights on the device itself, but may look at what is mounted.
fn unopened(error: &OpenError) -> Failure {
    let failure = Failure::new(Exit::from(error), told(error));
    match error {
        OpenError::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            failure.hint(name_the_directory())
        }
        _ => failure,
    }
}

/// The folders in a folder, sorted; none where it can't be read.
fn folders_in(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().take(NEIGHBOURS_MAX);
    let mut folders: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// What a block device says it is, and who uses it.
fn block(number: DeviceNumber) -> Result<(Identity, Vec<Phrase>), Failure> {
    let machine = Machine::observe(Path::new("/")).or_exit(Exit::Failure)?;
    let Some(disk) = machine.disk_of(number) else {
        let reason = "this machine does not list the device".to_owned();
        return Ok((Identity::Unreadable(reason), vec![]));
    };
    if disk.number != number {
        let place = disk.path.display();
        return Err(Failure::new(Exit::Usage, partition(&place)).hint(whole_device(&place)));
    }
    let mounted = machine.uses(disk).into_iter().filter_map(|used| match used {
        Use::Mounted { place } => Some(read_raw(place.display())),
        _ => None,
    });
    Ok((Identity::of(disk), mounted.collect()))
}

/// The hardware that a directory is mounted from.
fn mounted_on(machine: &Machine, folder: &Path) -> Identity {
    let mount = machine.mounts.iter().rfind(|mount| mount.place == folder);
    match mount.and_then(|mount| machine.disk_of(mount.number)) {
        Some(disk) => Identity::of(disk),
        None => Identity::Unreadable("the directory is not where a device is mounted".to_owned()),
    }
}
