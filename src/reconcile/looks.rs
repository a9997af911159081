//! Whose a unit of evidence says it is, by its beginning: nothing of that is believed before it is
//! read whole.

use super::files::{EXPORT, FRAMES, OBJECT, RECEIPT, STORE_JOURNAL, TABLE_MAGIC, looks_like};
use super::heap::{Heap, settled, stated};
use crate::device::Device;
use crate::format::checkpoint::{Checkpoint, CheckpointFile};
use crate::format::medium::{CertificateSlot, StatedOwner};
use crate::format::transfer::{Funding, Receipt};
use crate::format::{Kind, Object, cbor};
use crate::image::layout::{CERTIFICATE_SLOT, POLICY_SLOT, REVOKED_SLOT};
use crate::journal::frame::Frame;
use crate::trust::Claimed;
use crate::units::MediumId;

/// What a unit is read as.
pub(super) enum Looks {
    /// One medium's: when that is judged.
    Medium(MediumId),
    /// A store's journal: by itself.
    Journal,
    /// Anything else: at once.
    Other,
}

/// Look at a unit; a revocation list that an export carries is taken.
pub(super) fn looks(all: &mut Heap, unit: &dyn Device, head: &[u8]) -> Looks {
    if head.get(512..).is_some_and(|sector| sector.starts_with(TABLE_MAGIC)) {
        return Looks::Other;
    }
    let medium = match looks_like(head) {
        Some(EXPORT) => exported(all, unit, head),
        Some(FRAMES) => framed(head),
        Some(STORE_JOURNAL) => return Looks::Journal,
        Some(RECEIPT | OBJECT) => whole(unit).and_then(|bytes| signed(&bytes)),
        _ => None,
    };
    medium.map_or(Looks::Other, Looks::Medium)
}

fn exported(all: &mut Heap, unit: &dyn Device, head: &[u8]) -> Option<MediumId> {
    let slot = cbor::unpad(head).ok()??;
    let slot = CertificateSlot::decode(slot).ok()?;
    let owner = StatedOwner::read(&slot.certificate.0)?;
    let mut list = vec![0; 512];
    let at = CERTIFICATE_SLOT.bytes + POLICY_SLOT.bytes;
    unit.read_at(at, &mut list).ok()?;
    if list[0] != 0 {
        list.resize(usize::try_from(REVOKED_SLOT.bytes).expect("slots are short"), 0);
        unit.read_at(at, &mut list).ok()?;
        all.take_list(&slot.chain, cbor::unpad(&list).ok()??);
    }
    Some(owner.medium)
}

fn framed(mut head: &[u8]) -> Option<MediumId> {
    while let Some(frame) = Frame::decode(head) {
        let checkpoint = || settled(&frame.record).map(|checkpoint| checkpoint.medium);
        if let Some(medium) = stated(&frame.record).or_else(checkpoint) {
            return Some(medium);
        }
        head = head.get(frame.stored_bytes()..)?;
    }
    None
}

fn whole(unit: &dyn Device) -> Option<Vec<u8>> {
    let length = usize::try_from(unit.len_bytes()).ok()?;
    if length > Kind::Funding.bytes_max() {
        return None;
    }
    let mut bytes = vec![0; length];
    unit.read_at(0, &mut bytes).ok()?;
    Some(bytes)
}

fn signed(bytes: &[u8]) -> Option<MediumId> {
    if let Ok(receipt) = Claimed::<Receipt>::read(bytes) {
        return Some(receipt.medium);
    }
    if let Ok(funding) = Funding::decode(bytes) {
        return StatedOwner::read(&funding.certificate.0).map(|owner| owner.medium);
    }
    let file = CheckpointFile::decode(bytes).ok()?;
    Some(Claimed::<Checkpoint>::read(&file.checkpoint.0).ok()?.medium)
}
