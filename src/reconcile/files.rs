//! What a file is, by its content alone: bundles, media as they are, and all that is signed.

use std::num::NonZeroUsize;

use super::bundle::{Form, Member, Members, is_bundle};
use super::heap::Heap;
use super::taken::{Skipped, Taken, What};
use crate::device::{Device, Slice, Target};
use crate::format::cose::stated_kind;
use crate::format::medium::CertificateSlot;
use crate::format::{Kind, Object, cbor};
use crate::image::layout::JOURNAL_MAX_BYTES;
use crate::image::leaves::Watch;

/// The longest file that is read into memory: as long as the longest copy of a journal.
pub(super) const FILE_BYTES_MAX: u64 = JOURNAL_MAX_BYTES;
/// So much of a file tells what it is.
pub(super) const HEAD_BYTES: u64 = 8 << 10;
/// A frame begins so.
const FRAME_MAGIC: &[u8] = b"SCRJ";
/// The sector behind a protective MBR begins so.
pub(super) const TABLE_MAGIC: &[u8] = b"EFI PART";

pub(super) const EXPORT: &str = "an export";
pub(super) const FRAMES: &str = "records";
pub(super) const STORE_JOURNAL: &str = "a store's journal";
pub(super) const RECEIPT: &str = "a receipt";
pub(super) const OBJECT: &str = "a signed object";

impl Heap {
    /// Read a file: by its content alone it is known for what it is.
    pub fn take(
        &mut self,
        device: &dyn Target,
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Result<Taken, Skipped> {
        let length = device.len_bytes();
        if length == 0 {
            return Err(Skipped::Empty);
        }
        let mut head = vec![0; usize::try_from(length.min(HEAD_BYTES)).expect("a few KiB")];
        device.read_at(0, &mut head)?;
        if is_bundle(&head) {
            return Ok(self.take_bundle(device, threads, watch));
        }
        self.take_member(device, &head, threads, watch)
    }

    /// Read each member of a bundle; a bundle within it is none.
    fn take_bundle(
        &mut self,
        device: &dyn Target,
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Taken {
        let mut taken = Taken::of(What::Bundle, None, 0);
        for member in Members::of(device) {
            let Member { name, offset, length, form } = match member {
                Ok(member) => member,
                Err(error) => {
                    taken.inside.push((String::new(), Err(error.into())));
                    break;
                }
            };
            let found = match form {
                Form::Folder => continue,
                Form::Other => Err(Skipped::NoFile),
                Form::File => self.take_slice(device, (offset, length), threads, watch),
            };
            taken.inside.push((name, found));
        }
        taken
    }

    fn take_slice(
        &mut self,
        device: &dyn Target,
        (offset, length): (u64, u64),
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Result<Taken, Skipped> {
        if length == 0 {
            return Err(Skipped::Empty);
        }
        let slice = Slice::new(device, offset, length)?;
        let mut head = vec![0; usize::try_from(length.min(HEAD_BYTES)).expect("a few KiB")];
        slice.read_at(0, &mut head)?;
        if is_bundle(&head) {
            return Err(Skipped::Nested);
        }
        self.take_member(&slice, &head, threads, watch)
    }

    pub(super) fn take_member(
        &mut self,
        device: &dyn Target,
        head: &[u8],
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Result<Taken, Skipped> {
        let length = device.len_bytes();
        if head.get(512..).is_some_and(|sector| sector.starts_with(TABLE_MAGIC)) {
            return self.take_image(device, threads, watch);
        }
        let what = looks_like(head).ok_or(Skipped::Foreign)?;
        if length > FILE_BYTES_MAX {
            return Err(Skipped::TooLong { what, found: length, limit: FILE_BYTES_MAX });
        }
        let mut bytes = vec![0; usize::try_from(length).expect("at most 64 MiB")];
        device.read_at(0, &mut bytes)?;
        self.take_bytes(&bytes)
    }

    /// Read what is no image.
    pub fn take_bytes(&mut self, bytes: &[u8]) -> Result<Taken, Skipped> {
        match looks_like(&bytes[..bytes.len().min(8 << 10)]) {
            Some(EXPORT) => self.take_export(bytes),
            Some(FRAMES) => Ok(self.take_frames(bytes)),
            Some(STORE_JOURNAL) => self.take_journal(bytes),
            Some(RECEIPT) => self.take_receipt(bytes),
            Some(_) => self.take_object(bytes),
            None => Err(Skipped::Foreign),
        }
    }
}

/// What a file begins like.
pub(super) fn looks_like(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(FRAME_MAGIC) {
        return Some(FRAMES);
    }
    if stated_kind(head) == Some(Kind::Receipt) {
        return Some(RECEIPT);
    }
    let slot = cbor::measure(head).ok().map(|length| &head[..length]);
    if slot.is_some_and(is_certificate) {
        return Some(EXPORT);
    }
    // A frame of at most 8 KiB around an array, as each of a store's chains is one.
    let length = head.first_chunk().copied().map(u32::from_be_bytes);
    let chain = length.is_some_and(|length| (64..=8 << 10).contains(&length));
    if chain && head.get(8).is_some_and(|byte| byte >> 5 == 4) {
        return Some(STORE_JOURNAL);
    }
    // All other objects are maps.
    head.first().is_some_and(|byte| byte >> 5 == 5).then_some(OBJECT)
}

/// A medium's certificate with its chain; an item's entry with its own reads like one.
fn is_certificate(slot: &[u8]) -> bool {
    let read = CertificateSlot::decode(slot);
    read.is_ok_and(|slot| stated_kind(&slot.certificate.0) != Some(Kind::Item))
}
