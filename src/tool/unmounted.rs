//! A medium that is to be written as a whole: an image file, or a device that nothing has mounted.

use std::path::Path;

use super::{Exit, Explain, Failure};
use crate::device::{Access, DeviceNumber, FileDevice, Machine, OpenError, Use};
use crate::image::check::Identity;

/// Open an image or a whole device that nothing has mounted.
pub fn open_unmounted(path: &Path, access: Access) -> Result<(FileDevice, Identity), Failure> {
    let refused = |message: String| Failure::new(Exit::Refusal, message);
    if path.is_dir() {
        return Err(refused("a mounted directory does not show the bytes under its files".into())
            .hint("unmount it, and name the device or the image"));
    }
    let machine = Machine::observe(Path::new("/")).or_exit(Exit::Failure)?;
    let device = FileDevice::open(path, access).map_err(|error| match error {
        OpenError::Busy { .. } => refused(error.to_string()).hint("unmount it first"),
        error => Failure::of(Exit::Failure, &error),
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
            let message = format!("it is a partition of {}", disk.path.display());
            let hint = format!("name the whole device: {}", disk.path.display());
            Err(Failure::new(Exit::Usage, message).hint(hint))
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
        let message = format!("it is mounted at {}", place.display());
        Err(Failure::new(Exit::Refusal, message).hint("unmount it first"))
    })
}
