//! A medium as a command line names it: an image file, a block device, or mounted directories;
//! all only read.

use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::{Exit, Explain, Failure};
use crate::device::{
    Access, Device, DeviceNumber, FileDevice, Machine, MountedTree, OpenError, Use, read_file,
};
use crate::fat;
use crate::image::check::{CheckError, Identity, Mounts, Report, check, check_mounted};
use crate::image::layout::{JOURNAL_PATHS, MANIFEST_PATH};
use crate::image::leaves::Watch;
use crate::trust::Trust;

/// Directories looked at for a writable area, at most.
const NEIGHBOURS_MAX: usize = 100;

/// An open medium.
pub struct Source {
    form: Form,
    identity: Identity,
    notes: Vec<String>,
}

enum Form {
    Raw(FileDevice),
    Mounted { rom: MountedTree, ram: Vec<MountedTree> },
}

impl Source {
    /// Open what stands at a path; the writable area is looked for beside a mounted one.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let source = if path.is_dir() { Self::open_mounted(path) } else { Self::open_raw(path) };
        source.map_err(|failure| failure.during(format!("checking {}", path.display())))
    }

    fn open_raw(path: &Path) -> Result<Self, Failure> {
        let device = FileDevice::open(path, Access::Read).map_err(|error| unopened(&error))?;
        let (identity, notes) = match device.block_number() {
            Some(number) => block(number)?,
            None => (Identity::Image, vec![]),
        };
        Ok(Self { form: Form::Raw(device), identity, notes })
    }

    fn open_mounted(path: &Path) -> Result<Self, Failure> {
        let path = &path.canonicalize().or_exit(Exit::Failure)?;
        let machine = Machine::observe(Path::new("/")).or_exit(Exit::Failure)?;
        let places = machine.mounts.iter().map(|mount| mount.place.clone());
        let holds = |folder: &PathBuf, file: &str| folder.join(&file[1..]).is_file();
        let mut inside = folders_in(path);
        inside.insert(0, path.clone());
        inside.retain(|folder| holds(folder, MANIFEST_PATH));
        let [rom] = inside.as_slice() else {
            let count = inside.len();
            let message = format!("{count} read-only areas are mounted here, expected 1");
            let hint = "name the directory where the read-only area is mounted, or the device";
            return Err(Failure::new(Exit::Usage, message).hint(hint));
        };
        let beside = rom.parent().map(folders_in).unwrap_or_default();
        let mut ram: Vec<_> = beside.into_iter().chain(places).collect();
        ram.retain(|folder| holds(folder, JOURNAL_PATHS[0]) || holds(folder, JOURNAL_PATHS[1]));
        let ram = ram.iter().take(NEIGHBOURS_MAX).map(|folder| MountedTree::at(folder)).collect();
        let identity = mounted_on(&machine, rom);
        let form = Form::Mounted { rom: MountedTree::at(rom), ram };
        Ok(Self { form, identity, notes: vec![] })
    }

    /// What a person should know about how it is read.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Judge it.
    pub fn check(
        &self,
        trust: &Trust,
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Result<Report, CheckError> {
        let mut report = match &self.form {
            Form::Raw(device) => check(device, trust, &self.identity, threads, watch)?,
            Form::Mounted { rom, ram } => {
                check_mounted(&Mounts { rom, ram }, trust, &self.identity, threads, watch)?
            }
        };
        report.notes.extend(self.notes.iter().cloned());
        Ok(report)
    }
}

impl Source {
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
}

/// An owner has no rights on the device itself, but may look at what is mounted.
fn unopened(error: &OpenError) -> Failure {
    let failure = Failure::of(Exit::from(error), error);
    match error {
        OpenError::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            failure.hint("name the directory where its read-only area is mounted")
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
fn block(number: DeviceNumber) -> Result<(Identity, Vec<String>), Failure> {
    let machine = Machine::observe(Path::new("/")).or_exit(Exit::Failure)?;
    let Some(disk) = machine.disk_of(number) else {
        let reason = "this machine does not list the device".to_owned();
        return Ok((Identity::Unreadable(reason), vec![]));
    };
    if disk.number != number {
        let message = format!("it is a partition of {}", disk.path.display());
        let hint = format!("name the whole device: {}", disk.path.display());
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    let mounted = machine.uses(disk).into_iter().filter_map(|used| match used {
        Use::Mounted { place } => {
            Some(format!("it is mounted at {}; it is read raw", place.display()))
        }
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
