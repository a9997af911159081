//! A snapshot of the machine, from what the kernel shows of itself.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::file::device_number;
use super::folder::{FolderError, read_file};
use super::mounts::{Mount, parse_mounts, parse_swaps};
use super::{Disk, Hardware, Machine, Partition, Protection, Transport, UsbDevice};

/// The kernel counts blocks in this unit, whatever a disk's own blocks are.
const BLOCK_BYTES: u64 = 512;
/// An attribute is a page at most, and pages are 64 KiB at most.
const ATTRIBUTE_BYTES_MAX: u64 = 64 << 10;
/// The tables of mounts and swap areas are longer.
const TABLE_BYTES_MAX: u64 = 16 << 20;
/// Disks and partitions looked at, at most.
const ENTRIES_MAX: usize = 10_000;
/// Looks at one disk whose medium is changed again and again.
const LOOKS_MAX: usize = 4;
/// A USB device lies at most this many folders above its disk.
const USB_DEPTH_MAX: usize = 16;

/// Why the machine could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// A table of the kernel could not be read.
    #[error("looking at this machine: {0}")]
    Table(#[from] FolderError),
    /// The list of disks could not be read.
    #[error("looking at this machine: listing {}: {source}", path.display())]
    List {
        /// The folder of disks.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Machine {
    /// Look at the machine whose `sys` and `proc` lie under `root`: `/` for this one.
    ///
    /// A disk that vanishes while it is looked at is left out.
    pub fn observe(root: &Path) -> Result<Self, DiscoverError> {
        let table = |path| read_file(&root.join(path), TABLE_BYTES_MAX);
        let mut mounts = parse_mounts(&String::from_utf8_lossy(&table("proc/self/mountinfo")?));
        if !mounts.iter().any(|mount| mount.place == Path::new("/")) {
            mounts.extend(hidden_root(root));
        }
        let swaps = parse_swaps(&String::from_utf8_lossy(&table("proc/swaps")?));
        let mut seen = Vec::new();
        for name in names_in(&root.join("sys/block"))? {
            seen.extend(Sight::of(&root.join("sys/block").join(&name), &name));
        }
        Ok(Self { disks: disks_of(seen), mounts, swaps, pools: pools(root)? })
    }
}

/// What the root lies on; inside a changed root the table of mounts doesn't say.
fn hidden_root(root: &Path) -> Option<Mount> {
    let number = device_number(fs::metadata(root).ok()?.dev());
    let place = PathBuf::from("/");
    Some(Mount { number, source: String::new(), place, kind: String::new(), layers: vec![] })
}

/// A disk as it was seen, before its neighbours are known.
struct Sight {
    disk: Disk,
    usb: Option<(PathBuf, UsbDevice)>,
}

impl Sight {
    /// A disk as it was at one moment, seen again if its medium is changed while it is looked at.
    fn of(folder: &Path, name: &str) -> Option<Self> {
        (0..LOOKS_MAX).find_map(|_| {
            let sequence = number(folder, "diskseq");
            let seen = Self::once(folder, name, sequence)?;
            (number(folder, "diskseq") == sequence).then_some(seen)
        })
    }

    /// A disk by its folder; none if it is hidden, has vanished, or is an unused loop device.
    fn once(folder: &Path, name: &str, sequence: Option<u64>) -> Option<Self> {
        let size_bytes = number(folder, "size")?.checked_mul(BLOCK_BYTES)?;
        let number_of = attribute(folder, "dev")?.parse().ok()?;
        let place = fs::canonicalize(folder).ok()?;
        let transport = transport(name, &place);
        let virtual_one = matches!(transport, Transport::Loop | Transport::Memory);
        if number(folder, "hidden") == Some(1) || (size_bytes == 0 && virtual_one) {
            return None;
        }
        let usb = usb_above(&place);
        let disk = Disk {
            name: name.to_owned(),
            path: device_path(name),
            number: number_of,
            size_bytes,
            removable: number(folder, "removable") == Some(1),
            read_only: number(folder, "ro") == Some(1),
            transport,
            vendor: attribute(folder, "device/vendor").filter(|_| transport != Transport::Virtio),
            model: first(folder, &["device/model", "device/name"]),
            serial: serial(folder, usb.as_ref().map(|(_, usb)| usb)),
            sequence,
            hardware: Hardware::Unknown("this kind of disk has no identity of its own"),
            protection: attribute(folder, "device/csd").and_then(|csd| Protection::from_csd(&csd)),
            partitions: partitions(folder),
            holders: names_in(&folder.join("holders")).unwrap_or_default(),
            slaves: names_in(&folder.join("slaves")).unwrap_or_default(),
            backing: attribute(folder, "loop/backing_file").map(PathBuf::from),
            mapped_name: attribute(folder, "dm/name"),
        };
        let disk = match attribute(folder, "device/cid") {
            Some(cid) if transport == Transport::SdCard => {
                Disk { hardware: Hardware::sd_card(&cid), ..disk }
            }
            _ => disk,
        };
        Some(Self { disk, usb })
    }
}

/// The disks, each USB one with its identity now that its neighbours are known.
fn disks_of(seen: Vec<Sight>) -> Vec<Disk> {
    let mut disks_behind: HashMap<PathBuf, usize> = HashMap::new();
    for (place, _) in seen.iter().filter_map(|sight| sight.usb.as_ref()) {
        *disks_behind.entry(place.clone()).or_default() += 1;
    }
    let identify = |Sight { mut disk, usb }| {
        if let Some((place, usb)) = usb
            && disk.transport == Transport::Usb
        {
            let model = disk.model.as_deref().unwrap_or("");
            disk.hardware = Hardware::usb_stick(&usb, model, disks_behind[&place]);
        }
        disk
    };
    seen.into_iter().map(identify).collect()
}

fn partitions(disk: &Path) -> Vec<Partition> {
    let names = names_in(disk).unwrap_or_default();
    let mut partitions: Vec<(u64, Partition)> = names
        .iter()
        .filter_map(|name| {
            let folder = disk.join(name);
            let partition = Partition {
                name: name.clone(),
                path: device_path(name),
                number: attribute(&folder, "dev")?.parse().ok()?,
                start_bytes: number(&folder, "start")?.checked_mul(BLOCK_BYTES)?,
                size_bytes: number(&folder, "size")?.checked_mul(BLOCK_BYTES)?,
                holders: names_in(&folder.join("holders")).unwrap_or_default(),
            };
            Some((number(&folder, "partition")?, partition))
        })
        .collect();
    partitions.sort_by_key(|(nth, _)| *nth);
    partitions.into_iter().map(|(_, partition)| partition).collect()
}

fn transport(name: &str, place: &Path) -> Transport {
    let under =
        |word: &str| place.iter().any(|part| part.as_encoded_bytes().starts_with(word.as_bytes()));
    let by_name = [
        ("loop", Transport::Loop),
        ("dm-", Transport::Mapper),
        ("md", Transport::Raid),
        ("nvme", Transport::Nvme),
        ("sr", Transport::Optical),
        ("zram", Transport::Memory),
        ("ram", Transport::Memory),
    ];
    if let Some((_, transport)) = by_name.iter().find(|(prefix, _)| name.starts_with(prefix)) {
        return *transport;
    }
    if name.starts_with("mmcblk") {
        let card = attribute(place, "device/type").is_some_and(|kind| kind == "SD");
        return if card { Transport::SdCard } else { Transport::Emmc };
    }
    match () {
        () if under("usb") => Transport::Usb,
        () if under("virtio") => Transport::Virtio,
        () if under("ata") => Transport::Ata,
        () => Transport::Other,
    }
}

/// The USB device a disk hangs on: the nearest folder above it that gives a maker's number.
fn usb_above(place: &Path) -> Option<(PathBuf, UsbDevice)> {
    let folder = place.ancestors().take(USB_DEPTH_MAX).find(|at| at.join("idVendor").exists())?;
    let hex = |name| u16::from_str_radix(&attribute(folder, name)?, 16).ok();
    let usb = UsbDevice {
        vendor: hex("idVendor")?,
        product: hex("idProduct")?,
        serial: attribute(folder, "serial"),
        name: attribute(folder, "product"),
    };
    Some((folder.to_path_buf(), usb))
}

fn serial(folder: &Path, usb: Option<&UsbDevice>) -> Option<String> {
    let own = || first(folder, &["device/serial", "serial"]);
    let of_usb = usb.and_then(|usb| usb.serial.clone());
    of_usb.or_else(own).or_else(|| vital_serial(&folder.join("device/vpd_pg80")))
}

/// A SCSI or SATA disk's serial number: page 0x80 of its vital product data, four bytes of
/// heading before the text.
fn vital_serial(path: &Path) -> Option<String> {
    let page = read_file(path, ATTRIBUTE_BYTES_MAX).ok()?;
    plain_text(page.get(4..)?)
}

/// The devices of each btrfs file system that lies on several.
fn pools(root: &Path) -> Result<Vec<Vec<String>>, DiscoverError> {
    let folder = root.join("sys/fs/btrfs");
    let systems = if folder.exists() { names_in(&folder)? } else { Vec::new() };
    let devices = |name: &String| names_in(&folder.join(name).join("devices")).unwrap_or_default();
    let pools = systems.iter().map(devices);
    Ok(pools.filter(|devices| devices.len() > 1).collect())
}

/// The names in a folder, sorted as people count: `sdb` before `sdaa`, `loop2` before `loop10`.
fn names_in(folder: &Path) -> Result<Vec<String>, DiscoverError> {
    let failed = |source| DiscoverError::List { path: folder.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)?.take(ENTRIES_MAX) {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_by(|one, two| (one.len(), one).cmp(&(two.len(), two)));
    Ok(names)
}

/// Where a disk or partition is opened: a slash in its name is shown as `!`.
fn device_path(name: &str) -> PathBuf {
    Path::new("/dev").join(name.replace('!', "/"))
}

fn first(folder: &Path, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| attribute(folder, name))
}

fn number(folder: &Path, name: &str) -> Option<u64> {
    attribute(folder, name)?.parse().ok()
}

fn attribute(folder: &Path, name: &str) -> Option<String> {
    let path = folder.join(OsStr::new(name));
    plain_text(&read_file(&path, ATTRIBUTE_BYTES_MAX).ok()?)
}

/// Text without blanks around it and without control characters; none if nothing is left.
fn plain_text(bytes: &[u8]) -> Option<String> {
    let text: String = String::from_utf8_lossy(bytes).replace(char::is_control, " ");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{device_path, plain_text, transport};
    use crate::device::{Machine, Transport};

    #[test]
    fn this_machine_can_be_looked_at() {
        let machine = Machine::observe(Path::new("/")).unwrap();
        assert!(!machine.mounts.is_empty());
        let empty = tempfile::tempdir().unwrap();
        let refused = Machine::observe(empty.path()).unwrap_err().to_string();
        assert!(refused.starts_with("looking at this machine: "), "{refused}");
        assert!(refused.contains("proc/self/mountinfo"), "{refused}");
    }

    #[test]
    fn the_way_a_disk_is_attached_is_told_by_name_and_place() {
        let table = [
            ("sda", "/sys/devices/pci0/usb1/1-2/host0/block/sda", Transport::Usb),
            ("sda", "/sys/devices/pci0/ata1/host0/block/sda", Transport::Ata),
            ("vda", "/sys/devices/pci0/virtio1/block/vda", Transport::Virtio),
            ("nvme0n1", "/sys/devices/pci0/nvme/nvme0/nvme0n1", Transport::Nvme),
            ("dm-0", "/sys/devices/virtual/block/dm-0", Transport::Mapper),
            ("xvda", "/sys/devices/vbd-768/block/xvda", Transport::Other),
        ];
        for (name, place, expected) in table {
            assert_eq!(transport(name, Path::new(place)), expected, "{place}");
        }
    }

    #[test]
    fn names_and_texts_are_made_plain() {
        assert_eq!(device_path("cciss!c0d0"), Path::new("/dev/cciss/c0d0"));
        assert_eq!(plain_text(b"  Ultra\x1b[2J \0\n").as_deref(), Some("Ultra [2J"));
        assert_eq!(plain_text(b" \0\n"), None);
    }
}
