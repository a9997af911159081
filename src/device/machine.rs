//! A machine's disks and what uses them, as plain data.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Hardware, Mount, Protection, Swap};

/// Where the running system lies, and the medium of a system that runs from a stick.
const SYSTEM_PLACES: [&str; 17] = [
    "/",
    "/boot",
    "/boot/efi",
    "/efi",
    "/etc",
    "/nix/store",
    "/usr",
    "/var",
    "/cdrom",
    "/isodevice",
    "/lib/live/mount/medium",
    "/rofs",
    "/run/archiso/bootmnt",
    "/run/initramfs/isoscan",
    "/run/initramfs/live",
    "/run/live/medium",
    "/run/rootfsbase",
];
/// Overlays on overlays are followed this deep.
const LAYERS_MAX: usize = 8;

/// A snapshot of a machine: what could be burnt, and what uses it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Every block device that isn't a partition.
    pub disks: Vec<Disk>,
    /// Everything mounted.
    pub mounts: Vec<Mount>,
    /// Every swap area.
    pub swaps: Vec<Swap>,
    /// File systems that lie on several block devices: the names of each one's devices.
    pub pools: Vec<Vec<String>>,
}

/// A block device that isn't a partition: a disk, a stick, a card, or made of such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The kernel's name, such as `sdb`.
    pub name: String,
    /// Where it is opened, such as `/dev/sdb`.
    pub path: PathBuf,
    /// Major and minor number.
    pub number: DeviceNumber,
    /// Length in bytes; 0 for a card reader's slot without a card.
    pub size_bytes: u64,
    /// Whether the kernel takes its medium to be removable.
    pub removable: bool,
    /// Whether the kernel refuses writes.
    pub read_only: bool,
    /// How it is attached.
    pub transport: Transport,
    /// Who made it, as it says itself.
    pub vendor: Option<String>,
    /// What it is, as it says itself.
    pub model: Option<String>,
    /// Serial number of the disk or, on USB, of its USB device.
    pub serial: Option<String>,
    /// The kernel's count of media: another number means another medium.
    pub sequence: Option<u64>,
    /// What tells the medium from every other.
    pub hardware: Hardware,
    /// An SD card's own write protection, where it can be read.
    pub protection: Option<Protection>,
    /// Its partitions, by number.
    pub partitions: Vec<Partition>,
    /// Names of what is made of the whole disk.
    pub holders: Vec<String>,
    /// Names of what the disk is made of.
    pub slaves: Vec<String>,
    /// The file or device a loop device shows.
    pub backing: Option<PathBuf>,
    /// The name a device-mapper device was given, as under `/dev/mapper`.
    pub mapped_name: Option<String>,
}

/// A partition of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The kernel's name, such as `sdb1`.
    pub name: String,
    /// Where it is opened, such as `/dev/sdb1`.
    pub path: PathBuf,
    /// Major and minor number.
    pub number: DeviceNumber,
    /// First byte on the disk.
    pub start_bytes: u64,
    /// Length in bytes.
    pub size_bytes: u64,
    /// Names of what is made of it.
    pub holders: Vec<String>,
}

/// Major and minor number of a block device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceNumber {
    /// Which driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
}

/// How a disk is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// USB: a stick, a card reader, a disk in a case.
    Usb,
    /// A card in a reader of the machine's own.
    SdCard,
    /// Soldered flash (eMMC).
    Emmc,
    /// Flash on PCI Express (`NVMe`).
    Nvme,
    /// SATA or PATA.
    Ata,
    /// A virtual machine's disk.
    Virtio,
    /// A file shown as a disk.
    Loop,
    /// Device mapper: LVM, LUKS, multipath.
    Mapper,
    /// Software RAID.
    Raid,
    /// A disc drive.
    Optical,
    /// Memory shown as a disk.
    Memory,
    /// Anything else.
    Other,
}

/// Something that uses a disk or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// The running system lies on it.
    System {
        /// What of the system.
        place: PathBuf,
    },
    /// A file system on it is mounted.
    Mounted {
        /// Where.
        place: PathBuf,
    },
    /// It holds a swap area in use.
    Swap {
        /// The area.
        path: PathBuf,
    },
    /// Another block device is made of it.
    Held {
        /// Name of that device, and the name it was given if any.
        by: String,
    },
}

impl Disk {
    /// Whether its medium is one that people plug in and take out: the kernel says so, or it
    /// is an SD card.
    pub fn is_removable(&self) -> bool {
        self.removable || self.transport == Transport::SdCard
    }

    /// Names of the disk and its partitions.
    pub fn block_names(&self) -> impl Iterator<Item = &str> {
        let partitions = self.partitions.iter().map(|partition| partition.name.as_str());
        std::iter::once(self.name.as_str()).chain(partitions)
    }

    /// Vendor and model in one line, as far as known.
    pub fn title(&self) -> String {
        let words = [self.vendor.as_deref(), self.model.as_deref()];
        let title = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if title.is_empty() { "no name".to_owned() } else { title }
    }
}

impl Machine {
    /// The disk with this number, or with a partition of this number.
    pub fn disk_of(&self, number: DeviceNumber) -> Option<&Disk> {
        self.disks.iter().find(|disk| {
            disk.number == number || disk.partitions.iter().any(|part| part.number == number)
        })
    }

    /// Everything that uses a disk, through however many layers, the gravest first.
    pub fn uses(&self, disk: &Disk) -> Vec<Use> {
        let family = self.family(disk);
        let mut uses = Vec::new();
        for mount in &self.mounts {
            let system = SYSTEM_PLACES.iter().any(|place| mount.place == Path::new(place));
            if system && self.stands_on(mount, &family, LAYERS_MAX) {
                uses.push(Use::System { place: mount.place.clone() });
            }
        }
        let mounted = self.mounts.iter().filter(|mount| self.lies_on(mount, &family));
        uses.extend(mounted.map(|mount| Use::Mounted { place: mount.place.clone() }));
        let swaps = self.swaps.iter().filter(|swap| self.block_at(&swap.path, &family));
        uses.extend(swaps.map(|swap| Use::Swap { path: swap.path.clone() }));
        uses.extend(self.holders(disk, &family).map(|by| Use::Held { by }));
        uses
    }

    /// Whether a file, or a block device, at this absolute path lies on a disk.
    pub fn holds_path(&self, disk: &Disk, path: &Path) -> bool {
        let family = self.family(disk);
        let on_mount = || {
            let mount = self.mount_of(path);
            mount.is_some_and(|mount| self.stands_on(mount, &family, LAYERS_MAX))
        };
        self.block_at(path, &family) || (!path.starts_with("/dev") && on_mount())
    }

    /// Names of a disk, its partitions, and every block device that lies on them.
    fn family<'a>(&'a self, disk: &'a Disk) -> Vec<&'a str> {
        let mut family: Vec<&str> = disk.block_names().collect();
        let mut next = 0;
        while next < family.len() {
            let below = family[next];
            for above in self.disks.iter().filter(|above| self.is_directly_on(above, below)) {
                for name in above.block_names() {
                    if !family.contains(&name) {
                        family.push(name);
                    }
                }
            }
            next += 1;
        }
        family
    }

    fn is_directly_on(&self, above: &Disk, below: &str) -> bool {
        let on_file = |path: &PathBuf| {
            let mount = self.mount_of(path);
            self.block_at(path, &[below])
                || mount.is_some_and(|mount| self.lies_on(mount, &[below]))
        };
        above.slaves.iter().any(|slave| slave == below)
            || self.holders_of(below).any(|holder| *holder == above.name)
            || above.backing.as_ref().is_some_and(on_file)
    }

    fn holders_of<'a>(&'a self, block: &'a str) -> impl Iterator<Item = &'a String> {
        let of_disks = self.disks.iter().filter(move |disk| disk.name == block);
        let of_disks = of_disks.flat_map(|disk| &disk.holders);
        let partitions = self.disks.iter().flat_map(|disk| &disk.partitions);
        let partitions = partitions.filter(move |partition| partition.name == block);
        of_disks.chain(partitions.flat_map(|partition| &partition.holders))
    }

    /// What is made of the disk, but for files on it that are shown as disks: these are told
    /// by their mount.
    fn holders<'a>(
        &'a self,
        disk: &'a Disk,
        family: &'a [&str],
    ) -> impl Iterator<Item = String> + 'a {
        let held = disk.block_names().flat_map(|name| self.holders_of(name)).cloned();
        let made = self.disks.iter().filter(move |above| {
            let of_it = above.slaves.iter().any(|slave| family.contains(&slave.as_str()));
            let shows = above.backing.as_ref().is_some_and(|path| self.block_at(path, family));
            of_it || shows
        });
        let mut names: Vec<String> = held.chain(made.map(|above| above.name.clone())).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| self.called(&name))
    }

    fn called(&self, name: &str) -> String {
        let disk = self.disks.iter().find(|disk| disk.name == name);
        match disk.and_then(|disk| disk.mapped_name.as_ref().or(disk.model.as_ref())) {
            Some(given) => format!("{name} ({given})"),
            None => name.to_owned(),
        }
    }

    /// The mount that a file at this path lies on: of the longest places the newest.
    fn mount_of(&self, path: &Path) -> Option<&Mount> {
        let above = self.mounts.iter().filter(|mount| path.starts_with(&mount.place));
        above.max_by_key(|mount| mount.place.components().count())
    }

    /// Whether a path is that of one of these block devices.
    fn block_at(&self, path: &Path, names: &[&str]) -> bool {
        self.disks.iter().any(|disk| {
            let own = names.contains(&disk.name.as_str())
                && (disk.path == path || disk.mapped_path().is_some_and(|mapped| mapped == path));
            let of_it = |part: &Partition| part.path == path && names.contains(&part.name.as_str());
            own || disk.partitions.iter().any(of_it)
        })
    }

    /// Whether a mount's file system lies on one of these block devices.
    fn lies_on(&self, mount: &Mount, names: &[&str]) -> bool {
        let numbered = self.name_of(mount.number).is_some_and(|name| names.contains(&name));
        numbered || (mount.number.major == 0 && self.source_is_among(mount, names))
    }

    /// For file systems without a device of their own, such as btrfs: the source's path tells,
    /// and with it every device of the same pool.
    fn source_is_among(&self, mount: &Mount, names: &[&str]) -> bool {
        let source = Path::new(&mount.source);
        let pool = self.pools.iter().find(|pool| {
            let devices: Vec<&str> = pool.iter().map(String::as_str).collect();
            self.block_at(source, &devices)
        });
        let in_pool = |pool: &Vec<String>| pool.iter().any(|name| names.contains(&name.as_str()));
        self.block_at(source, names) || pool.is_some_and(in_pool)
    }

    /// As `lies_on`, and through the layers of overlays.
    fn stands_on(&self, mount: &Mount, names: &[&str], depth: usize) -> bool {
        let layer = |path: &PathBuf| {
            let below = self.mount_of(path).filter(|below| *below != mount);
            below.is_some_and(|below| depth > 0 && self.stands_on(below, names, depth - 1))
        };
        self.lies_on(mount, names) || mount.layers.iter().any(layer)
    }

    fn name_of(&self, number: DeviceNumber) -> Option<&str> {
        let disk = self.disk_of(number)?;
        let partition = disk.partitions.iter().find(|partition| partition.number == number);
        Some(partition.map_or(&disk.name, |partition| &partition.name))
    }
}

impl Disk {
    fn mapped_path(&self) -> Option<PathBuf> {
        self.mapped_name.as_ref().map(|name| Path::new("/dev/mapper").join(name))
    }
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// The text is not two numbers with a colon between them.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a major and a minor device number")]
pub struct NumberError(String);

impl FromStr for DeviceNumber {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let wrong = || NumberError(text.to_owned());
        let (major, minor) = text.trim().split_once(':').ok_or_else(wrong)?;
        let number = |digits: &str| digits.parse().map_err(|_| wrong());
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Usb => "USB",
            Self::SdCard => "SD card",
            Self::Emmc => "eMMC",
            Self::Nvme => "NVMe",
            Self::Ata => "SATA",
            Self::Virtio => "virtio",
            Self::Loop => "loop",
            Self::Mapper => "device mapper",
            Self::Raid => "RAID",
            Self::Optical => "disc drive",
            Self::Memory => "memory",
            Self::Other => "other",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::DeviceNumber;

    #[test]
    fn device_numbers_are_read_and_written() {
        let number: DeviceNumber = "259:3\n".parse().unwrap();
        assert_eq!(number.to_string(), "259:3");
        for wrong in ["", "8", "8:", ":1", "8:1:2", "a:b", "-1:0"] {
            let refused = wrong.parse::<DeviceNumber>().unwrap_err().to_string();
            assert_eq!(refused, format!("{wrong:?} is not a major and a minor device number"));
        }
    }
}
