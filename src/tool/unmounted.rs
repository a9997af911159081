//! A medium that is to be written as a whole: an image file, or a device that nothing has mounted.

use std::path::Path;

use super::medium::{partition, whole_device};
use super::{Exit, Explain, Failure, told};
use crate::device::{Access, DeviceNumber, FileDevice, Machine, OpenError, Use};
use crate::image::check::Identity;
use crate::phrases;

phrases! {
    fn only_files() {
        en: "a mounted directory does not show the bytes under its files",
        ja: "マウントされたフォルダーからは、ファイルの下のバイトが見えません",
    }
    fn unmount_and_name() {
        en: "unmount it, and name the device or the image",
        ja: "アンマウントして、デバイスかイメージを指定してください",
    }
    fn unmount_first() { en: "unmount it first", ja: "先にアンマウントしてください" }
    fn mounted_at(place) { en: "it is mounted at {place}", ja: "{place} にマウントされています" }
}

/// Open an image or a whole device that nothing has mounted.
pub fn open_unmounted(path: &Path, access: Access) -> Result<(FileDevice, Identity), Failure> {
    if path.is_dir() {
        return Err(Failure::new(Exit::Refusal, only_files()).hint(unmount_and_name()));
    }
    let machine = Machine::observe(Path::new("/")).or_exit(Exit::Failure)?;
    let device = FileDevice::open(path, access).map_err(|error| match error {
        OpenError::Busy { .. } => Failure::new(Exit::Refusal, told(&error)).hint(unmount_first()),
        error => Failure::new(Exit::Failure, told(&error)),
    });
    let identity = match device.as_ref().ok().and_then(FileDevice::block_number) {
        Some(number) => identity(&machine, number)?,
        None => Identity::Image,
    };
    let device = device?;
    refuse_mounted(&machine, path, device.block_number())?;
    Ok((device, identity))
}

fn identity(machine: &Machine, number: DeviceNumber) -> Result<Identity, Failure> {
    match machine.disk_of(number) {
        Some(disk) if disk.number == number => Ok(Identity::of(disk)),
        Some(disk) => {
            let place = disk.path.display();
            Err(Failure::new(Exit::Usage, partition(&place)).hint(whole_device(&place)))
        }
        None => Ok(Identity::Unreadable("this machine does not list the device".to_owned())),
    }
}

/// Refuse what is mounted: a device, or an image that is shown as one.
fn refuse_mounted(
    machine: &Machine,
    path: &Path,
    number: Option<DeviceNumber>,
) -> Result<(), Failure> {
    let own = path.canonicalize().or_exit(Exit::Failure)?;
    let shown = machine.disks.iter().filter(|disk| disk.backing.as_ref() == Some(&own));
    let disks = shown.chain(number.and_then(|number| machine.disk_of(number)));
    let mut uses = disks.flat_map(|disk| machine.uses(disk));
    let place = uses.find_map(|used| match used {
        Use::Mounted { place } | Use::System { place } => Some(place),
        Use::Swap { .. } | Use::Held { .. } => None,
    });
    place.map_or(Ok(()), |place| {
        Err(Failure::new(Exit::Refusal, mounted_at(place.display())).hint(unmount_first()))
    })
}
