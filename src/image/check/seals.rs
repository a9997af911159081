//! The two seals, and the bytes of the seal's partition.

use std::ops::Range;

use super::super::edition::tree_uuid;
use super::super::layout::SEAL_SLOT_BYTES;
use super::super::tree::{BLOCK_BYTES, Digest, HashTree};
use super::manifest::Edition;
use super::report::{Damage, Fault, Hashes, Part, Report};
use super::slots::{Certified, SlotFault, Store, hex, same};
use super::words;
use crate::crypto::digest::sha256;
use crate::format::cose::Sign1;
use crate::format::edition::EditionSeal;
use crate::format::medium::MediumSeal;
use crate::format::{Kind, Object, cbor};
use crate::trust::{Trust, TrustError, Verified};
use crate::units::ByteCount;
use crate::words::Phrase;

const BLOCK: u64 = BLOCK_BYTES as u64;

/// The seals, as far as they are good.
#[derive(Debug, Default)]
pub(super) struct Seals {
    pub(super) edition: Option<Verified<EditionSeal>>,
    pub(super) medium: Option<Verified<MediumSeal>>,
    /// The store that sealed the medium, where it is not the one of its certificate.
    pub(super) resealed: Option<Store>,
}

impl Seals {
    /// Verify both seals; `partition` is SEAL as it was read.
    pub(super) fn open(
        partition: &[u8],
        edition: &Edition,
        certified: Option<&Certified>,
        trust: &Trust,
        report: &mut Report,
    ) -> Self {
        let mut seals = Self::default();
        match edition_seal(slot(partition, 2), edition) {
            Ok(seal) => seals.edition = Some(seal),
            Err(fault) => {
                report.fault(placed(Part::EditionSeal, &fault, edition.layout.edition_seal()));
            }
        }
        match medium_seal(slot(partition, 1), edition, certified, trust) {
            Ok((seal, store)) => (seals.medium, seals.resealed) = (Some(seal), store),
            Err(fault) => {
                report.fault(placed(Part::MediumSeal, &fault, edition.layout.medium_seal()));
            }
        }
        seals
    }

    /// Hold the seals' roots against what the read-only area should be.
    pub(super) fn check_roots(&self, stamped: &Digest, blank: &Digest, report: &mut Report) {
        let roots = [
            (Part::EditionSeal, self.edition.as_ref().map(|seal| seal.root), blank),
            (Part::MediumSeal, self.medium.as_ref().map(|seal| seal.root), stamped),
        ];
        for (part, sealed, found) in roots {
            let Some(expected) = sealed.filter(|sealed| sealed != found) else { continue };
            let hashes = Some(Hashes { expected, found: *found });
            report.fault(Fault { hashes, ..Fault::new(part, words::other_root()) });
        }
    }
}

/// The seal slot that is the `from_end`-th last.
fn slot(partition: &[u8], from_end: usize) -> &[u8] {
    let bytes = usize::try_from(SEAL_SLOT_BYTES).expect("16 KiB");
    let start = partition.len().saturating_sub(from_end * bytes);
    &partition[start..partition.len().min(start + bytes)]
}

fn placed(part: Part, fault: &SlotFault, bytes: Range<u64>) -> Fault {
    let blocks = Some(bytes.start / BLOCK..bytes.end / BLOCK);
    Fault { blocks, ..Fault::new(part, Phrase::of(fault)) }
}

fn edition_seal(slot: &[u8], edition: &Edition) -> Result<Verified<EditionSeal>, SlotFault> {
    let object = cbor::unpad(slot)?.ok_or(SlotFault::Empty)?;
    let seal = edition.signer.open::<EditionSeal>(object)?;
    same("its edition", &seal.edition, &edition.id, hex)?;
    same_bytes("its read-only area", seal.rom, edition.manifest.shape.rom)?;
    Ok(seal)
}

fn medium_seal(
    slot: &[u8],
    edition: &Edition,
    certified: Option<&Certified>,
    trust: &Trust,
) -> Result<(Verified<MediumSeal>, Option<Store>), SlotFault> {
    let object = cbor::unpad(slot)?.ok_or(SlotFault::Empty)?;
    // Its chain stands inside; nothing of it is believed before the signature was verified.
    let message = Sign1::decode(object, Kind::MediumSeal).map_err(TrustError::from)?;
    let other = match MediumSeal::decode(message.payload())?.chain {
        Some(chain) => Some(Store::open(&chain, edition, trust)?),
        None => None,
    };
    let store = other.as_ref().or(certified.map(|certified| &certified.store));
    let Some(store) = store else {
        let (what, found) = ("the chain of its signer", "in the damaged certificate".to_owned());
        return Err(SlotFault::Other { what, found, expected: "a whole one".to_owned() });
    };
    let seal = store.signer.open::<MediumSeal>(object)?;
    same("its store", &seal.store, &store.id(), ToString::to_string)?;
    same("its edition", &seal.edition, &edition.id, hex)?;
    let shape = &edition.manifest.shape;
    let length = edition.layout.seal().end - edition.layout.seal().start;
    same_bytes("its read-only area", seal.rom, shape.rom)?;
    same_bytes("its seal's area", seal.seal, ByteCount::from_bytes(length))?;
    same_bytes("its writable area", seal.ram, shape.ram)?;
    if let Some(Certified { certificate, .. }) = certified {
        same("its medium", &seal.medium, &certificate.medium, ToString::to_string)?;
        same("its certificate", &seal.certificate, &certificate.hash(), hex)?;
        let may = store.id() == certificate.store
            || store.grant.refreshes.iter().flatten().any(|id| *id == certificate.store);
        if !may {
            let (what, found) = ("its store", format!("{}, which may not refresh", store.id()));
            return Err(SlotFault::Other { what, found, expected: certificate.store.to_string() });
        }
    }
    Ok((seal, other))
}

fn same_bytes(what: &'static str, found: ByteCount, expected: ByteCount) -> Result<(), SlotFault> {
    same(what, &found.bytes(), &expected.bytes(), |bytes| format!("{bytes} bytes"))
}

/// Compare the stored tree and the zeros behind it with what the read-only area should be.
pub(super) fn compare_stored(
    partition: &[u8],
    tree: &HashTree,
    edition: &Edition,
    report: &mut Report,
) {
    let start = edition.layout.seal().start / BLOCK;
    let end = (edition.layout.edition_seal().start - edition.layout.seal().start) / BLOCK;
    let uuid = tree_uuid(&edition.id);
    let mut expected = [0; BLOCK_BYTES];
    for (index, found) in (0..end).zip(partition.chunks(BLOCK_BYTES)) {
        tree.fill(&uuid, index, &mut expected);
        if found == expected {
            continue;
        }
        let (part, reason) = match index {
            0 => (Part::HashTree, words::superblock()),
            stored if stored < tree.stored_blocks() => (Part::HashTree, words::not_exact()),
            _ => (Part::Unused, words::behind_tree()),
        };
        report.fault(Fault {
            blocks: Some(start + index..start + index + 1),
            hashes: Some(Hashes { expected: sha256(&expected), found: sha256(found) }),
            damage: Damage::between(found, &expected),
            ..Fault::new(part, reason)
        });
    }
}
