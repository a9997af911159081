//! What is checked: an image file or a block device, opened for reading alone.

use std::path::Path;

use scrip::device::{
    Access, Device, DeviceNumber, Disk, FileDevice, Hardware, Machine, Transport, Use,
};
use scrip::image::check::Identity;
use scrip::tool::{Exit, Explain, Failure};

/// An open medium.
pub(crate) struct Source {
    device: FileDevice,
    identity: Identity,
    notes: Vec<String>,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let doing = || format!("checking {}", path.display());
        let device = FileDevice::open(path, Access::Read).or_exit_while(Exit::Failure, doing())?;
        let (identity, notes) = match device.block_number() {
            Some(number) => block(number).map_err(|failure| failure.during(doing()))?,
            None => (Identity::Image, vec![]),
        };
        Ok(Self { device, identity, notes })
    }

    pub(crate) fn device(&self) -> &dyn Device {
        &self.device
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What a person should know about how it was read.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }
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
    Ok((identity(disk), mounted.collect()))
}

fn identity(disk: &Disk) -> Identity {
    match &disk.hardware {
        _ if disk.transport == Transport::Loop => Identity::Image,
        Hardware::Unknown(reason) => Identity::Unreadable((*reason).to_owned()),
        known => Identity::Known(known.to_string()),
    }
}
