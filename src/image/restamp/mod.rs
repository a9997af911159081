//! Re-stamping: giving a burnt medium newer slots and a new seal, in place.
//!
//! Slots, tree and seal can't change as one. So it is done in two halves: [`Examined::plan`] gives
//! the blocks that are to be written, and proves on a view of the medium with those blocks laid
//! over it that it will be sealed; [`write()`] writes them. Who keeps the blocks in between can write
//! them again after a cut, to the same bytes. While some are written and some are not the medium is
//! *altered*: its seal's root is that of all of them or of none.
//!
//! Only slots, the paths of the hash tree above them and the medium's seal are ever written, and
//! sectors of the file system that ordinary use has touched; never a byte of the writable area.

mod plan;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::check::{
    self, Binding, CheckError, Identity, Reading, Report, Standing, Verdict, standing,
};
use super::layout::SLOTS;
use super::reseal::{self, ResealError};
use super::tree::{BLOCK_BYTES, TreeError, stored_blocks};
use crate::crypto::sign::SecretKey;
use crate::device::{Device, DeviceError, Overlaid, Target};
use crate::format::certificate::StoreGrant;
use crate::format::policy::{Policy, Revocation};
use crate::format::sheet::Sheet;
use crate::trust::{Anchor, Fingerprint, RevokedError, Signer, Trust, Verified};
use crate::units::{MediumId, StoreId, Timestamp};

const BLOCK: u64 = BLOCK_BYTES as u64;

/// Whole blocks of a medium by their offsets: what is to be written.
pub type Blocks = BTreeMap<u64, Vec<u8>>;

/// The store that stamps again, and the newest that it has.
pub struct Renewal<'a> {
    /// The store's certified key.
    pub signer: &'a Signer,
    /// What its certificate grants.
    pub grant: &'a StoreGrant,
    /// The store's name.
    pub name: &'a str,
    /// The store's key.
    pub key: &'a SecretKey,
    /// Its newest policy.
    pub policy: Option<&'a Verified<Policy>>,
    /// Its newest revocation list.
    pub revocation: Option<&'a Verified<Revocation>>,
    /// Its sheets of this medium.
    pub sheets: Vec<&'a Verified<Sheet>>,
    /// What it knows of the medium's sale.
    pub sale: Sale,
    /// The store's clock.
    pub at: Timestamp,
}

/// What is to stand on a medium about its sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sale {
    /// What stands there.
    Unchanged,
    /// It is not sold.
    Unsold,
    /// It is sold.
    Sold {
        /// Since when.
        at: Timestamp,
        /// The owner's name, only if the owner asked for it. Without one, that of the same sale
        /// stays.
        owner: Option<String>,
    },
}

/// Why a medium is not stamped again.
#[derive(Debug, thiserror::Error)]
pub enum RestampError {
    /// It could not be checked.
    #[error("{0}")]
    Check(#[from] CheckError),
    /// It is altered, or no medium at all.
    #[error(
        "the verdict is {verdict}, and only a sealed or touched medium can be stamped again: {reason}"
    )]
    NotIntact {
        /// The verdict.
        verdict: Verdict,
        /// The first fault.
        reason: String,
    },
    /// Its root is none of those that count.
    #[error("medium {medium} is under root {found}, which nothing here pins")]
    Unpinned {
        /// The medium.
        medium: MediumId,
        /// The root.
        found: Fingerprint,
    },
    /// It is a copy of the medium on other storage.
    #[error("medium {medium}: a copy of {bound}: this is {found}")]
    Copy {
        /// The medium.
        medium: MediumId,
        /// The hardware in its certificate.
        bound: String,
        /// What it lies on.
        found: String,
    },
    /// It is another store's, and no grant says that it may be refreshed here.
    #[error("medium {medium} is of store {found}, which store {own} may not refresh")]
    OtherStore {
        /// The medium.
        medium: MediumId,
        /// The store of its certificate.
        found: StoreId,
        /// The store that would stamp.
        own: StoreId,
    },
    /// It is revoked.
    #[error("{0}")]
    Revoked(#[from] RevokedError),
    /// An object doesn't fit its slot.
    #[error("medium {medium}: {path} takes {room} bytes, the object has {found}")]
    Slot {
        /// The medium.
        medium: MediumId,
        /// The slot's path.
        path: &'static str,
        /// Length of the object.
        found: usize,
        /// Length of the slot.
        room: u64,
    },
    /// What this store has doesn't go together with what stands on the medium.
    #[error("stamped again it would be {verdict}: {reason}")]
    WouldBe {
        /// The verdict that it would get.
        verdict: Verdict,
        /// The first fault.
        reason: String,
    },
    /// With the newer lists its owner's journal would be refused.
    #[error("medium {medium}: with this store's newer lists its journal is refused: {reason}")]
    Journal {
        /// The medium.
        medium: MediumId,
        /// The first record that is refused, and why.
        reason: String,
    },
    /// A block that was kept to be written lies where nothing is stamped.
    #[error("a block kept for byte {offset} of the medium is none that is stamped")]
    Stray {
        /// Its first byte.
        offset: u64,
    },
    /// The stored tree could not be read.
    #[error("{0}")]
    Tree(#[from] TreeError),
    /// It could not be written or read back.
    #[error("{doing}: {source}")]
    Device {
        /// Gerund.
        doing: &'static str,
        /// What went wrong.
        source: DeviceError,
    },
    /// A block doesn't hold what was written to it.
    #[error("reading back: the block at byte {offset} does not hold what was written")]
    ReadBack {
        /// Its first byte on the medium.
        offset: u64,
    },
    /// It is stamped, and its file system could not be restored.
    #[error("{0}")]
    Reseal(#[from] ResealError),
}

/// A medium, as it is or as kept blocks would make it, that may be stamped again.
pub struct Examined {
    reading: Reading,
    report: Report,
    standing: Standing,
}

/// Judge a medium with `blocks` laid over it; refused is all that isn't sealed or touched, under a
/// pinned root, on its own storage. Nothing is written.
pub fn examine(
    mut reading: Reading,
    device: &dyn Device,
    blocks: &Blocks,
    trust: &Trust,
    identity: &Identity,
) -> Result<Examined, RestampError> {
    let view = Overlaid::new(device, blocks);
    for range in runs(blocks) {
        reading.refresh(&view, range).map_err(doing("reading"))?;
    }
    let report = check::judge(&reading, &view, trust, identity)?;
    let refused = |reason| RestampError::NotIntact { verdict: report.verdict, reason };
    if !is_intact(&report) {
        return Err(refused(first_fault(&report)));
    }
    let standing = standing(&reading, &view, trust)?
        .ok_or_else(|| refused("its slots can't be read any more".to_owned()))?;
    let medium = standing.certificate.medium;
    if let Some(Anchor::Unpinned(found)) = report.root {
        return Err(RestampError::Unpinned { medium, found });
    }
    if let Binding::CopyOf { bound, found } = report.hardware {
        let found = found.en().to_owned();
        return Err(RestampError::Copy { medium, bound, found });
    }
    check_places(&standing, blocks)?;
    Ok(Examined { reading, report, standing })
}

/// Blocks from outside must be ones that are stamped.
fn check_places(standing: &Standing, blocks: &Blocks) -> Result<(), RestampError> {
    let Standing { layout, plan, .. } = standing;
    let slots = SLOTS.iter().filter_map(|slot| {
        let start = layout.rom().start + plan.locate(slot.path)?;
        Some(start..start + slot.bytes)
    });
    let tree = layout.seal().start + BLOCK
        ..layout.seal().start + stored_blocks(layout.rom_blocks()) * BLOCK;
    let stamped: Vec<_> = slots.chain([tree, layout.medium_seal()]).collect();
    let inside = |offset: u64, bytes: &[u8]| {
        let end = offset + bytes.len() as u64;
        stamped.iter().any(|range| range.start <= offset && end <= range.end)
    };
    match blocks.iter().find(|(offset, bytes)| !inside(**offset, bytes)) {
        Some((offset, _)) => Err(RestampError::Stray { offset: *offset }),
        None => Ok(()),
    }
}

impl Examined {
    /// What the check found.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The medium.
    pub fn medium(&self) -> MediumId {
        self.standing.certificate.medium
    }

    /// The store of its certificate.
    pub fn store(&self) -> StoreId {
        self.standing.certificate.store
    }

    /// When it was sold, as it says itself.
    pub fn sold(&self) -> Option<Timestamp> {
        self.standing.user.sold
    }

    /// When its seal was made.
    pub fn sealed(&self) -> Timestamp {
        self.standing.sealed
    }
}

/// What stamping a medium again changes.
pub struct Planned {
    /// The blocks to be written.
    pub blocks: Blocks,
    /// Paths of the slots that change.
    pub changed: Vec<&'static str>,
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Planned({:?}, {} blocks)", self.changed, self.blocks.len())
    }
}

/// A medium that was stamped again.
#[derive(Debug)]
pub struct Restamped {
    /// What a check says of it now.
    pub report: Report,
    /// How many bytes were written.
    pub bytes: u64,
}

/// How many bytes [`write()`] would write.
pub fn bytes_to_write(
    mut reading: Reading,
    device: &dyn Device,
    blocks: &Blocks,
    trust: &Trust,
    identity: &Identity,
) -> Result<u64, RestampError> {
    let view = Overlaid::new(device, blocks);
    for range in runs(blocks) {
        reading.refresh(&view, range).map_err(doing("reading"))?;
    }
    let touched = reseal::prepare(reading, &view, trust, identity)?;
    Ok(bytes_of(&differing(device, blocks)?) + touched.bytes())
}

fn bytes_of(blocks: &Blocks) -> u64 {
    blocks.values().map(|bytes| bytes.len() as u64).sum()
}

/// Those of the blocks that the device doesn't hold.
fn differing(device: &dyn Device, blocks: &Blocks) -> Result<Blocks, RestampError> {
    let mut differing = Blocks::new();
    for (offset, bytes) in blocks {
        insert(device, *offset, bytes, &mut differing)?;
    }
    Ok(differing)
}

/// Write the blocks that were planned, read them back, restore what ordinary use has touched, and
/// check the medium again. `reading` is of the device as it is.
///
/// If it is broken off it can be done again with the same blocks, and ends in the same bytes.
pub fn write(
    mut reading: Reading,
    device: &dyn Target,
    blocks: &Blocks,
    trust: &Trust,
    identity: &Identity,
) -> Result<Restamped, RestampError> {
    let differing = differing(device, blocks)?;
    for run in runs(&differing) {
        let bytes: Vec<u8> = differing.range(run.clone()).flat_map(|(_, b)| b.clone()).collect();
        device.write_at(run.start, &bytes).map_err(doing("writing"))?;
    }
    if !differing.is_empty() {
        device.flush().map_err(doing("flushing"))?;
    }
    for (offset, bytes) in blocks {
        let mut found = vec![0; bytes.len()];
        device.read_back_at(*offset, &mut found).map_err(doing("reading back"))?;
        if found != *bytes {
            return Err(RestampError::ReadBack { offset: *offset });
        }
    }
    for run in runs(blocks) {
        reading.refresh(device, run).map_err(doing("reading back"))?;
    }
    let mending = reseal::prepare(reading, device, trust, identity)?;
    let bytes = bytes_of(&differing) + mending.bytes();
    Ok(Restamped { report: mending.write(device, trust, identity)?, bytes })
}

/// Add those blocks of `bytes` at `offset` that differ from what lies there.
fn insert(
    device: &dyn Device,
    offset: u64,
    bytes: &[u8],
    blocks: &mut Blocks,
) -> Result<(), RestampError> {
    let mut found = vec![0; bytes.len()];
    device.read_at(offset, &mut found).map_err(doing("reading"))?;
    let pairs = bytes.chunks(BLOCK_BYTES).zip(found.chunks(BLOCK_BYTES));
    for (at, (own, found)) in (offset..).step_by(BLOCK_BYTES).zip(pairs) {
        if own != found {
            blocks.insert(at, own.to_vec());
        }
    }
    Ok(())
}

/// The ranges that blocks take, neighbours joined.
fn runs(blocks: &Blocks) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = vec![];
    for (offset, bytes) in blocks {
        let end = offset + bytes.len() as u64;
        match runs.last_mut() {
            Some(last) if last.end == *offset => last.end = end,
            _ => runs.push(*offset..end),
        }
    }
    runs
}

fn is_intact(report: &Report) -> bool {
    matches!(report.verdict, Verdict::Sealed | Verdict::Touched)
}

fn first_fault(report: &Report) -> String {
    let fault = report.faults.first();
    fault.map_or_else(String::new, |fault| fault.phrase().en().to_owned())
}

fn doing(doing: &'static str) -> impl Fn(DeviceError) -> RestampError {
    move |source| RestampError::Device { doing, source }
}
