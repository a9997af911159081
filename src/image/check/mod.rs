//! Checking a medium: is it what issuer and store signed, byte for byte?
//!
//! [`Reading::take`] reads a medium once; [`judge`] then says what it is worth. Nothing stored is
//! believed for itself. From the manifest, found by its signature, follows what each block of the
//! read-only area should be: file system and reserve by arithmetic, slots and manifest by their
//! signatures, files by the manifest's roots. The tree over that has to have the roots that both
//! seals state, and the stored tree, both partition tables and all unused bytes have to be exact.
//! What differs is named; only where the file system alone differs, and only by what ordinary use
//! changes, is a medium merely *touched*.

mod case;
mod explain;
mod facts;
mod grounds;
mod history;
mod manifest;
mod mounted;
mod reading;
mod report;
mod rom;
mod seals;
mod slots;
#[cfg(feature = "store")]
mod standing;
mod tables;
mod told;
mod unreadable;
mod words;

use std::num::NonZeroUsize;

pub use grounds::{Area, Grounds};
pub use history::{Account, RestoreError};
#[cfg(feature = "wallet")]
pub(crate) use history::{access, items, rival};
pub use mounted::{Mounts, check_mounted, open_mounted, stated_medium};
pub use reading::Reading;
pub use report::{
    Access, Balance, Binding, Damage, EditionFacts, Fault, Grade, Hashes, History, Holder,
    ItemKeys, MediumFacts, Outcome, Papers, Part, Report, Rival, Step, TOLD_MAX, Touch, Verdict,
};

#[cfg(feature = "store")]
pub(super) use standing::{Standing, standing};

use super::edition;
use super::layout::{Layout, MANIFEST_PATH, Names};
use super::leaves::{LeavesError, Watch};
use crate::device::{Device, DeviceError, Disk, Hardware, ListError, OpenError, Transport};
use crate::fat::Plan;
use crate::format::certificate::Purpose;
use crate::trust::{Fingerprint, Trust};
use crate::units::MediumId;
use case::Case;
use manifest::{Edition, Sought};
use unreadable::Patient;

const BLOCK: u64 = super::tree::BLOCK_BYTES as u64;

/// What the hardware says that a medium lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// It is an image file, which is no hardware.
    Image,
    /// The identity that the hardware gives.
    Known(String),
    /// None could be read; the text says why.
    Unreadable(String),
}

impl Identity {
    /// What a disk says of itself; a loop device is an image file.
    pub fn of(disk: &Disk) -> Self {
        match &disk.hardware {
            _ if disk.transport == Transport::Loop => Self::Image,
            Hardware::Unknown(reason) => Self::Unreadable((*reason).to_owned()),
            known => Self::Known(known.to_string()),
        }
    }
}

/// Why a medium could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It could not be read.
    #[error("{0}")]
    Device(#[from] DeviceError),
    /// A mounted directory could not be listed.
    #[error("{0}")]
    List(#[from] ListError),
    /// A file of a mounted directory could not be opened.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// It is signed under a test root, which is worth nothing outside tests.
    #[error("root {0} is a test root, which is worth nothing outside tests")]
    TestRoot(Fingerprint),
    /// The work was asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl From<LeavesError> for CheckError {
    fn from(error: LeavesError) -> Self {
        match error {
            LeavesError::Device(error) => Self::Device(error),
            LeavesError::Interrupted(_) => Self::Interrupted,
        }
    }
}

/// What a check found, and what can be built on it.
#[derive(Debug)]
pub struct Checked {
    /// What is to be told.
    pub report: Report,
    /// What the medium's money rests on; none of a medium that is altered or can't be read.
    pub grounds: Option<Grounds>,
    /// What its records add up to; none where they don't all follow.
    pub account: Option<Account>,
}

impl Checked {
    /// Nothing can be built on it.
    fn of(report: Report) -> Self {
        Self { report, grounds: None, account: None }
    }
}

/// Read a medium, judge it, and look closer at what is altered.
///
/// Where storage can't be read the rest is judged, and the report names the blocks; storage that
/// fails in more than 1,024 blocks is given up.
pub fn check(
    device: &dyn Device,
    trust: &Trust,
    identity: &Identity,
    threads: NonZeroUsize,
    watch: &dyn Watch,
) -> Result<Report, CheckError> {
    Ok(open(device, trust, identity, threads, watch)?.report)
}

/// Check a medium as [`check`] does, and hand out what can be built on it.
pub fn open(
    device: &dyn Device,
    trust: &Trust,
    identity: &Identity,
    threads: NonZeroUsize,
    watch: &dyn Watch,
) -> Result<Checked, CheckError> {
    let device = Patient::new(device);
    let reading = Reading::take(&device, threads, watch)?;
    let Checked { mut report, mut grounds, account } = examine(&reading, &device, trust, identity)?;
    let blocks = device.unreadable();
    if !blocks.is_empty() {
        // What could not be read was judged as zeros.
        grounds = None;
        let edition = match manifest::find(&reading, &device, trust)? {
            Sought::Found(edition) => Some(edition),
            Sought::Damaged { .. } | Sought::Missing => None,
        };
        unreadable::tell(&mut report, &blocks, edition.as_deref(), device.len_bytes());
    }
    explain::explain(&mut report, &device)?;
    Ok(Checked { report, grounds, account })
}

/// Judge a medium that was read; only what the reading doesn't hold is read from the device.
pub fn judge(
    reading: &Reading,
    device: &dyn Device,
    trust: &Trust,
    identity: &Identity,
) -> Result<Report, CheckError> {
    Ok(examine(reading, device, trust, identity)?.report)
}

fn examine(
    reading: &Reading,
    device: &dyn Device,
    trust: &Trust,
    identity: &Identity,
) -> Result<Checked, CheckError> {
    if edition::open(device).is_ok() {
        let mut report = Report::begin();
        report.fault(Fault::new(Part::Medium, words::an_edition()));
        return Ok(Checked::of(report));
    }
    match manifest::find(reading, device, trust)? {
        Sought::Found(edition) => {
            refuse_test_root(&edition)?;
            Case { reading, device, trust, edition: &edition }.judge(identity)
        }
        Sought::Damaged { blocks, reason } => {
            let first = reading.rom().start / BLOCK;
            let blocks = Some(first + blocks.start..first + blocks.end);
            let fault = Fault::new(Part::File(MANIFEST_PATH.to_owned()), reason);
            Ok(Checked::of(without_edition(Fault { blocks, ..fault })))
        }
        Sought::Missing => Ok(Checked::of(no_manifest(reading))),
    }
}

/// The layout of a medium and its read-only volume with the medium's serial, by the signed
/// manifest on it.
pub(super) fn planned(
    reading: &Reading,
    device: &dyn Device,
    trust: &Trust,
    medium: MediumId,
) -> Result<Option<(Layout, Plan)>, CheckError> {
    let Sought::Found(edition) = manifest::find(reading, device, trust)? else { return Ok(None) };
    let serial = Names::of(medium).rom_serial;
    let plan = edition.layout.rom_plan(&edition.manifest, serial);
    Ok(Some((edition.layout, plan.expect("another serial changes no layout"))))
}

/// Allowed are test roots that are named, not whatever a medium brings along.
fn refuse_test_root(edition: &Edition) -> Result<(), CheckError> {
    let (root, purpose) = (edition.signer.anchor(), edition.signer.certificate().purpose);
    if purpose == Purpose::Test && !root.is_pinned() {
        return Err(CheckError::TestRoot(root.fingerprint()));
    }
    Ok(())
}

/// Nothing begins like a manifest: is it a damaged medium, or something else?
fn no_manifest(reading: &Reading) -> Report {
    if reading.has_tree() {
        let part = Part::File(MANIFEST_PATH.to_owned());
        return without_edition(Fault::new(part, words::damaged_beginning()));
    }
    let mut report = Report::begin();
    let reason = words::nothing_says_so(reading.len_bytes());
    report.fault(Fault::new(Part::Medium, reason));
    report
}

fn without_edition(fault: Fault) -> Report {
    let mut report = Report::begin();
    report.fault(fault);
    for what in ["partition tables", "files", "seals", "certificate"] {
        report.not_checked(what, "only the manifest says what they should be, and it is damaged");
    }
    report.conclude();
    report
}
