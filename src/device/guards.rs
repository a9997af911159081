//! What must not be burnt: pure functions over a snapshot of the machine.
//!
//! Only [`clear`] makes a [`Cleared`], and what writes to a target unasked, such as the probe,
//! takes one.

use std::path::{Path, PathBuf};

use super::{Check, DeviceNumber, Disk, Hardware, Machine, Protection, Transport, Use};

/// Media above this are more likely somebody's disk of data: sticks and cards that are sold as
/// 512 GB hold less.
pub const ODDLY_LARGE_BYTES: u64 = 512 << 30;

/// What was named as the target of a burn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aim {
    /// A block device.
    Block {
        /// As it was named.
        path: PathBuf,
        /// Its number.
        number: DeviceNumber,
    },
    /// An image file that exists.
    File {
        /// Its absolute path.
        path: PathBuf,
        /// Its length in bytes.
        len: u64,
        /// Nothing was ever written to it, as where a burn was killed before it began.
        bare: bool,
    },
    /// An image file to be made.
    New {
        /// Its absolute path.
        path: PathBuf,
    },
}

/// What is to be burnt where.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The target.
    pub aim: &'a Aim,
    /// How many bytes the medium must hold.
    pub needs_bytes: u64,
    /// Absolute path of the edition to be burnt.
    pub edition: &'a Path,
    /// The checks that the person lifted.
    pub lifted: &'a [Check],
}

/// One check that failed, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", target.display())]
pub struct Refusal {
    /// Which check.
    pub check: Check,
    /// The target.
    pub target: PathBuf,
    /// What was found, lower case.
    pub reason: String,
}

/// A target that passed every check that was not lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleared {
    aim: Aim,
    needs_bytes: u64,
    fingerprint: Option<Fingerprint>,
    shared: bool,
}

/// What tells a disk from another that comes under the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    size_bytes: u64,
    title: String,
    serial: Option<String>,
    sequence: Option<u64>,
    hardware: Hardware,
}

/// Why a target must not be burnt: every check that failed, the gravest first.
///
/// A target on which nothing failed gives none.
pub fn refusals(machine: &Machine, request: &Request<'_>) -> Vec<Refusal> {
    let found = match request.aim {
        Aim::Block { number, .. } => match machine.disk_of(*number) {
            Some(disk) => disk_refusals(machine, disk, *number, request),
            None => {
                vec![(Check::Gone, format!("block device {number} is no disk of this machine"))]
            }
        },
        Aim::File { path, len, bare } => {
            file_refusals(path, Some(*len).filter(|_| !bare), request.edition)
        }
        Aim::New { path } => file_refusals(path, None, request.edition),
    };
    let target = request.aim.path();
    let kept = found.into_iter().filter(|(check, _)| !is_lifted(*check, request.lifted));
    kept.map(|(check, reason)| Refusal { check, target: target.to_path_buf(), reason }).collect()
}

/// Let a target pass, or say every reason why not.
pub fn clear(machine: &Machine, request: &Request<'_>) -> Result<Cleared, Vec<Refusal>> {
    let refusals = refusals(machine, request);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let disk = match request.aim {
        Aim::Block { number, .. } => machine.disk_of(*number),
        Aim::File { .. } | Aim::New { .. } => None,
    };
    let in_use = |disk: &Disk| machine.uses(disk).iter().any(|used| Check::of(used).is_some());
    Ok(Cleared {
        aim: request.aim.clone(),
        needs_bytes: request.needs_bytes,
        fingerprint: disk.map(Fingerprint::of),
        shared: disk.is_some_and(in_use),
    })
}

/// Whether the disk that was opened is the one that was cleared.
pub fn changed(cleared: &Cleared, opened: DeviceNumber, machine: &Machine) -> Option<Refusal> {
    let planned = cleared.fingerprint.as_ref()?;
    let refusal =
        |check, reason| Some(Refusal { check, target: cleared.aim.path().to_path_buf(), reason });
    if let Aim::Block { number, .. } = cleared.aim
        && number != opened
    {
        let reason = format!("was block device {number} when chosen, is {opened} now");
        return refusal(Check::Changed, reason);
    }
    let Some(disk) = machine.disk_of(opened) else {
        return refusal(Check::Gone, format!("{} has gone since it was chosen", planned.title));
    };
    let difference = planned.difference(&Fingerprint::of(disk))?;
    refusal(Check::Changed, difference)
}

impl Aim {
    /// The target as it was named, or as it will be made.
    pub fn path(&self) -> &Path {
        match self {
            Self::Block { path, .. } | Self::File { path, .. } | Self::New { path } => path,
        }
    }
}

impl Cleared {
    /// The target.
    pub fn aim(&self) -> &Aim {
        &self.aim
    }

    /// How many bytes the medium must hold.
    pub fn needs_bytes(&self) -> u64 {
        self.needs_bytes
    }

    /// What tells the disk from others; none for an image file.
    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        self.fingerprint.as_ref()
    }

    /// Whether something uses the disk and the person lifted that check, so that it can't be
    /// claimed exclusively.
    pub fn is_shared(&self) -> bool {
        self.shared
    }
}

impl Fingerprint {
    /// What tells this disk from another.
    pub fn of(disk: &Disk) -> Self {
        Self {
            size_bytes: disk.size_bytes,
            title: disk.title(),
            serial: disk.serial.clone(),
            sequence: disk.sequence,
            hardware: disk.hardware.clone(),
        }
    }

    /// The first thing that differs, with both values.
    fn difference(&self, now: &Self) -> Option<String> {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        let count = |value: Option<u64>| value.map_or("none".to_owned(), |count| count.to_string());
        let pairs = [
            ("size", self.size_bytes.to_string(), now.size_bytes.to_string()),
            ("model", self.title.clone(), now.title.clone()),
            ("serial number", shown(&self.serial), shown(&now.serial)),
            ("identity", self.hardware.to_string(), now.hardware.to_string()),
            ("count of media", count(self.sequence), count(now.sequence)),
        ];
        let different = pairs.into_iter().find(|(_, before, after)| before != after)?;
        let (what, before, after) = different;
        Some(format!("{what} was {before} when chosen, is {after} now"))
    }
}

type Found = Vec<(Check, String)>;

fn disk_refusals(
    machine: &Machine,
    disk: &Disk,
    number: DeviceNumber,
    request: &Request<'_>,
) -> Found {
    let mut found = use_refusals(&machine.uses(disk));
    if machine.holds_path(disk, request.edition) {
        let reason = format!("holds the edition {}", request.edition.display());
        found.push((Check::SourceDisk, reason));
    }
    if disk.number != number {
        let reason = format!("is a partition of {}", disk.path.display());
        found.push((Check::Partition, reason));
    }
    if !disk.is_removable() {
        let reason = format!("{} ({}) is not removable", disk.title(), disk.transport);
        found.push((Check::NotRemovable, reason));
    }
    found.extend(write_refusal(disk));
    let partition = disk.partitions.iter().find(|partition| partition.number == number);
    let holds = partition.map_or(disk.size_bytes, |partition| partition.size_bytes);
    found.extend(size_refusal(holds, request.needs_bytes));
    found.sort_by_key(|(check, _)| *check);
    found
}

/// One refusal for each kind of use, naming all uses of that kind.
fn use_refusals(uses: &[Use]) -> Found {
    let list = |words: &str, pick: &dyn Fn(&Use) -> Option<String>| {
        let named: Vec<String> = uses.iter().filter_map(pick).collect();
        (!named.is_empty()).then(|| format!("{words} {}", named.join(", ")))
    };
    let shown = |path: &Path| path.display().to_string();
    let kinds = [
        (
            Check::SystemDisk,
            list("holds the running system:", &|used| match used {
                Use::System { place } => Some(shown(place)),
                _ => None,
            }),
        ),
        (
            Check::Mounted,
            list("mounted at", &|used| match used {
                Use::Mounted { place } => Some(shown(place)),
                _ => None,
            }),
        ),
        (
            Check::Swap,
            list("in use as swap:", &|used| match used {
                Use::Swap { path } => Some(shown(path)),
                _ => None,
            }),
        ),
        (
            Check::Held,
            list("held by", &|used| match used {
                Use::Held { by } => Some(by.clone()),
                _ => None,
            }),
        ),
    ];
    kinds.into_iter().filter_map(|(check, reason)| Some((check, reason?))).collect()
}

fn write_refusal(disk: &Disk) -> Option<(Check, String)> {
    let reason = match disk.protection {
        Some(Protection::Permanent) => "the card is write-protected for ever (PERM_WRITE_PROTECT)",
        Some(Protection::Temporary) => "the card is write-protected (TMP_WRITE_PROTECT)",
        _ if disk.transport == Transport::Optical => "a disc can't be written like a stick",
        _ if disk.read_only => "refuses writes: its switch is set, or it is worn out",
        _ => return None,
    };
    Some((Check::ReadOnly, reason.to_owned()))
}

fn size_refusal(holds: u64, needs: u64) -> Option<(Check, String)> {
    if holds == 0 {
        Some((Check::Empty, "has no medium in it".to_owned()))
    } else if holds < needs {
        Some((Check::TooSmall, format!("holds {holds} bytes, {needs} are needed")))
    } else if holds > ODDLY_LARGE_BYTES {
        let reason = format!("holds {holds} bytes, media hold {ODDLY_LARGE_BYTES} at most");
        Some((Check::OddlyLarge, reason))
    } else {
        None
    }
}

fn file_refusals(path: &Path, len: Option<u64>, edition: &Path) -> Found {
    let mut found = Vec::new();
    if path == edition {
        found.push((Check::SourceDisk, "is the edition itself".to_owned()));
    }
    if path.starts_with("/dev") && !path.starts_with("/dev/shm") {
        found.push((Check::FileInDev, "is a plain file among the devices".to_owned()));
    }
    if let Some(len) = len {
        found.push((Check::ExistingFile, format!("a file of {len} bytes already stands here")));
    }
    found
}

fn is_lifted(check: Check, lifted: &[Check]) -> bool {
    Check::LIFTABLE.contains(&check) && lifted.contains(&check)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Aim, Request, refusals};
    use crate::device::{Check, Machine};

    fn names(aim: &Aim, edition: &str, lifted: &[Check]) -> Vec<&'static str> {
        let request = Request { aim, needs_bytes: 1, edition: Path::new(edition), lifted };
        let refused = refusals(&Machine::default(), &request);
        refused.iter().map(|refusal| refusal.check.name()).collect()
    }

    #[test]
    fn image_files_have_guards_of_their_own() {
        let new = |path: &str| Aim::New { path: path.into() };
        let file = |path: &str| Aim::File { path: path.into(), len: 7, bare: false };
        let table = [
            (new("/home/a.img"), "/home/e", vec![]),
            (file("/home/a.img"), "/home/e", vec!["existing-file"]),
            (new("/dev/sdb"), "/home/e", vec!["file-in-dev"]),
            (file("/dev/sdb1"), "/home/e", vec!["file-in-dev", "existing-file"]),
            (new("/dev/shm/a.img"), "/home/e", vec![]),
            (file("/home/e"), "/home/e", vec!["source-disk", "existing-file"]),
        ];
        for (aim, edition, expected) in table {
            assert_eq!(names(&aim, edition, &[]), expected, "{aim:?}");
            let lifted = names(&aim, edition, &Check::LIFTABLE);
            assert!(lifted.iter().all(|name| *name == "source-disk"), "{aim:?}: {lifted:?}");
        }
    }

    #[test]
    fn a_block_device_that_is_no_disk_is_gone() {
        let number = "8:16".parse().unwrap();
        let aim = Aim::Block { path: "/dev/sdb".into(), number };
        assert_eq!(names(&aim, "/e", &Check::LIFTABLE), ["gone"]);
    }
}
