//! Stamping: the few blocks in which media of one edition differ, at known offsets.
//!
//! Stamped are: the partition tables (GUIDs, length), the volume serials in the boot sectors, the
//! slots of `/SCRIP/MEDIUM`, the paths of the hash tree above those blocks, the medium seal, and on
//! the writable volume the access files, the journal's first records and the item keys.

use super::edition::{padded, tree_uuid};
use super::layout::{
    ACCESS_PATHS, CERTIFICATE_SLOT, JOURNAL_PATHS, Layout, LayoutError, Names, POLICY_SLOT,
    REVOKED_SLOT, RING_PATHS, SHEETS_SLOT, Slot, USER_SLOT,
};
use super::sealed::SealedEdition;
use super::tree::{BLOCK_BYTES, Digest, HashTree};
use crate::crypto::digest::sha256;
use crate::crypto::password::{Cost, OutOfMemory, Password};
use crate::crypto::sign::SecretKey;
use crate::crypto::{Random, Secret, SeededRandom};
use crate::device::{Device, DeviceError};
use crate::fat::{self, Contents, Plan};
use crate::format::Object;
use crate::format::certificate::{Chain, Confirmation};
use crate::format::edition::EditionId;
use crate::format::field::Bytes;
use crate::format::medium::{
    CertificateSlot, MediumCertificate, MediumSeal, SheetSlot, UserInformation,
};
use crate::journal::{self, TooLong};
use crate::ledger::State;
use crate::ledger::next::{self, Code, Host};
use crate::trust::access::{HolderKeys, access_file};
use crate::trust::ring::{item_key_slot, wrap_item_key};
use crate::trust::sign;
use crate::units::{ByteCount, Currency, MediumId, StoreId, Timestamp, UnitError};

/// The store that stamps.
pub struct Stamper<'a> {
    /// The store's number.
    pub store: StoreId,
    /// The store's name.
    pub name: &'a str,
    /// The store's key.
    pub key: &'a SecretKey,
    /// The store's certificates.
    pub chain: &'a Chain,
}

/// What one medium is to be.
pub struct Order<'a> {
    /// Its number.
    pub medium: MediumId,
    /// Its currency.
    pub currency: Currency,
    /// Its signed sheets, newest first, with their ids.
    pub sheets: Vec<([u8; 16], Vec<u8>)>,
    /// The newest signed policy.
    pub policy: &'a [u8],
    /// The newest signed revocation list.
    pub revocation: Option<&'a [u8]>,
    /// Sequence of the burn in the store's journal.
    pub serial: u64,
    /// The store's clock.
    pub at: Timestamp,
    /// The newest time signed by an issuer or settler that the store knows.
    pub floor: Timestamp,
    /// Identity of the hardware, where it has one.
    pub hardware: Option<String>,
    /// The first holder key and the ring key.
    pub holder: &'a HolderKeys,
    /// All else that is random on the medium comes from it: the same seed gives the same bytes.
    pub seed: &'a Secret<32>,
    /// The first password.
    pub password: &'a Password,
    /// What a guess at it costs.
    pub cost: Cost,
    /// The keys of the edition's sealed items, each with the root of the file that it opens.
    pub items: &'a [([u8; 32], Secret<32>)],
    /// A code of the store's own to be spent on the medium.
    pub code: Option<Code>,
    /// When it was sold, and to whom if they asked.
    pub sold: Option<(Timestamp, Option<String>)>,
}

/// Why a medium can't be stamped.
#[derive(Debug, thiserror::Error)]
pub enum StampError {
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
    /// The computer has too little memory for the password's cost.
    #[error("{0}")]
    Memory(#[from] OutOfMemory),
    /// The balance would be out of range.
    #[error("{0}")]
    Unit(#[from] UnitError),
    /// A record doesn't fit.
    #[error("{0}")]
    Journal(#[from] TooLong),
    /// The writable volume can't be laid out.
    #[error("{0}")]
    Layout(#[from] LayoutError),
    /// The edition could not be read.
    #[error("{0}")]
    Device(#[from] DeviceError),
    /// The volumes could not be filled.
    #[error("{0}")]
    Fill(#[from] fat::ReadError),
}

/// Everything that makes a medium of an edition.
#[derive(Debug)]
pub struct Stamped {
    /// The medium.
    pub medium: MediumId,
    /// What tells it apart.
    pub names: Names,
    /// SHA-256 over the signed medium certificate.
    pub certificate: Digest,
    /// Root of the hash tree with the stamp.
    pub root: Digest,
    /// Leaves of that tree that differ from the edition's, by their block in the volume, ascending.
    pub leaves: Vec<(u64, Digest)>,
    /// Stretches of ROM and SEAL that differ from the edition: offset on the medium and bytes,
    /// ascending, disjoint.
    pub overlays: Vec<(u64, Vec<u8>)>,
    /// The writable volume.
    pub ram: RamVolume,
}

/// The writable volume of a new medium.
#[derive(Debug)]
pub struct RamVolume {
    /// Where its files lie.
    pub plan: Plan,
    access: Vec<u8>,
    journal: Vec<u8>,
    ring: Vec<u8>,
}

impl Contents for RamVolume {
    fn read_at(&self, file: usize, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        let path = self.plan.files()[file].path.as_str();
        let source: &[u8] = if ACCESS_PATHS.contains(&path) {
            &self.access
        } else if JOURNAL_PATHS.contains(&path) {
            &self.journal
        } else if RING_PATHS.contains(&path) {
            &self.ring
        } else {
            &[]
        };
        buf.fill(0);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(source.len());
        let count = buf.len().min(source.len() - start);
        buf[..count].copy_from_slice(&source[start..start + count]);
        Ok(())
    }
}

/// Stamp an edition for one medium. `edition` is read for its first block alone.
pub fn stamp(
    sealed: &SealedEdition,
    edition: &dyn Device,
    stamper: &Stamper<'_>,
    order: &Order<'_>,
) -> Result<Stamped, StampError> {
    let names = Names::of(order.medium);
    let mut rng = SeededRandom::new(*order.seed.expose());
    let certificate = sign(stamper.key, &medium_certificate(sealed.id, stamper, order));
    let hash = sha256(&certificate);
    let slots = slots(stamper, order, certificate, &mut rng)?;
    let mut overlays = rom_overlays(sealed, edition, &names, slots)?;
    let leaves = leaves_of(&overlays, sealed.layout.rom().start);
    let root = seal_overlays(sealed, stamper, order, hash, &leaves, &mut overlays);
    let ram = ram_volume(&sealed.layout, stamper, order, hash, names, &mut rng)?;
    Ok(Stamped { medium: order.medium, names, certificate: hash, root, leaves, overlays, ram })
}

/// What a medium of this edition is stamped with, apart from its volumes: SHA-256 over its signed
/// certificate, and the slots one behind the other, as they stand in an export.
pub fn stamped_slots(
    edition: EditionId,
    stamper: &Stamper<'_>,
    order: &Order<'_>,
) -> Result<(Digest, Vec<u8>), StampError> {
    let mut rng = SeededRandom::new(*order.seed.expose());
    let certificate = sign(stamper.key, &medium_certificate(edition, stamper, order));
    let hash = sha256(&certificate);
    let slots = slots(stamper, order, certificate, &mut rng)?;
    Ok((hash, slots.into_iter().flat_map(|(_, bytes)| bytes).collect()))
}

fn medium_certificate(
    edition: EditionId,
    stamper: &Stamper<'_>,
    order: &Order<'_>,
) -> MediumCertificate {
    MediumCertificate {
        issuer: stamper.name.to_owned(),
        issued: order.at,
        key: Confirmation(order.holder.key.public()),
        medium: order.medium,
        edition,
        store: stamper.store,
        serial: order.serial,
        sheets: order.sheets.iter().map(|(id, _)| *id).collect(),
        currency: order.currency,
        hardware: order.hardware.clone(),
    }
}

/// The slots with their padded bytes, in the order of their paths.
fn slots(
    stamper: &Stamper<'_>,
    order: &Order<'_>,
    certificate: Vec<u8>,
    rng: &mut dyn Random,
) -> Result<Vec<(Slot, Vec<u8>)>, StampError> {
    let mut user = [0; 8];
    rng.fill(&mut user);
    let (sold, owner) = order.sold.clone().map_or((None, None), |(at, owner)| (Some(at), owner));
    let information = UserInformation {
        medium: order.medium,
        user,
        store: stamper.store,
        store_name: stamper.name.to_owned(),
        sold,
        owner,
    };
    let certificates =
        CertificateSlot { certificate: Bytes(certificate), chain: stamper.chain.clone() };
    let sheets = order.sheets.iter().map(|(_, signed)| Bytes(signed.clone())).collect();
    let objects = [
        (CERTIFICATE_SLOT, certificates.encode()),
        (POLICY_SLOT, order.policy.to_vec()),
        (REVOKED_SLOT, order.revocation.unwrap_or_default().to_vec()),
        (SHEETS_SLOT, SheetSlot { sheets }.encode()),
        (USER_SLOT, sign(stamper.key, &information)),
    ];
    let pad = |(slot, object): (Slot, Vec<u8>)| match padded(&object, slot.bytes) {
        Ok(bytes) => Ok((slot, bytes)),
        Err(_) => Err(StampError::Slot {
            medium: order.medium,
            path: slot.path,
            found: object.len(),
            room: slot.bytes,
        }),
    };
    objects.into_iter().map(pad).collect()
}

/// The boot block with the serial, and the slots.
fn rom_overlays(
    sealed: &SealedEdition,
    edition: &dyn Device,
    names: &Names,
    slots: Vec<(Slot, Vec<u8>)>,
) -> Result<Vec<(u64, Vec<u8>)>, StampError> {
    let rom = sealed.layout.rom().start;
    let mut boot = vec![0; BLOCK_BYTES];
    edition.read_at(rom, &mut boot)?;
    for offset in sealed.plan.serial_offsets() {
        let at = usize::try_from(offset).expect("boot sectors 0 and 6 lie in the first block");
        boot[at..at + 4].copy_from_slice(&names.rom_serial.to_le_bytes());
    }
    let mut overlays = vec![(rom, boot)];
    for (slot, bytes) in slots {
        let offset = sealed.plan.locate(slot.path).expect("every manifest has the slots");
        overlays.push((rom + offset, bytes));
    }
    overlays.sort_by_key(|(offset, _)| *offset);
    Ok(overlays)
}

/// The leaves of whole blocks at offsets of the medium, by their block in the volume.
fn leaves_of(overlays: &[(u64, Vec<u8>)], rom: u64) -> Vec<(u64, Digest)> {
    let leaves = |(offset, bytes): &(u64, Vec<u8>)| {
        let first = (offset - rom) / BLOCK_BYTES as u64;
        (first..).zip(bytes.chunks(BLOCK_BYTES).map(sha256)).collect::<Vec<_>>()
    };
    overlays.iter().flat_map(leaves).collect()
}

/// Put the stamp into the tree; add its changed blocks and the medium seal. Returns the root.
fn seal_overlays(
    sealed: &SealedEdition,
    stamper: &Stamper<'_>,
    order: &Order<'_>,
    certificate: Digest,
    leaves: &[(u64, Digest)],
    overlays: &mut Vec<(u64, Vec<u8>)>,
) -> Digest {
    let layout = &sealed.layout;
    // The edition's tree stays as it is; this one is let go when the medium is stamped.
    let mut tree: HashTree = sealed.tree.clone();
    let uuid = tree_uuid(&sealed.id);
    for block in tree.update(leaves) {
        let mut bytes = vec![0; BLOCK_BYTES];
        tree.fill(&uuid, block, &mut bytes);
        overlays.push((layout.seal().start + block * BLOCK_BYTES as u64, bytes));
    }
    let length = |range: std::ops::Range<u64>| ByteCount::from_bytes(range.end - range.start);
    let seal = MediumSeal {
        medium: order.medium,
        edition: sealed.id,
        certificate,
        root: tree.root(),
        rom: length(layout.rom()),
        seal: length(layout.seal()),
        ram: length(layout.ram()),
        store: stamper.store,
        at: order.at,
        chain: None,
    };
    let range = layout.medium_seal();
    let bytes = padded(&sign(stamper.key, &seal), range.end - range.start)
        .expect("a seal is far shorter than its slot");
    overlays.push((range.start, bytes));
    tree.root()
}

fn ram_volume(
    layout: &Layout,
    stamper: &Stamper<'_>,
    order: &Order<'_>,
    certificate: Digest,
    names: Names,
    rng: &mut dyn Random,
) -> Result<RamVolume, StampError> {
    let holder = order.holder;
    let slot = holder.seal(order.medium, 0, order.password, order.cost, rng)?;
    let mut instance = [0; 8];
    rng.fill(&mut instance);
    let host = Host { at: order.at, floor: order.floor, instance };
    let mut event = || {
        let mut event = [0; 16];
        rng.fill(&mut event);
        event
    };
    let blank = State::blank(order.medium, certificate, holder.key.public());
    let genesis = sign(&holder.key, &next::genesis(&blank, &host, event()));
    let mut state = blank;
    (state.head, state.next) = (sha256(&genesis), state.next.next().expect("0 has a next"));
    state.floor = Some(host.floor);
    let mut records = vec![genesis];
    if let Some(code) = &order.code {
        let partner = format!("store {}", stamper.store);
        let record = next::topup(&state, &host, code, event(), &partner)?;
        records.push(sign(&holder.key, &record));
    }
    let journal = journal::first_frames(&records)?;
    let plan = layout.ram_plan(names.ram_serial)?;
    let mut slots = vec![];
    for (root, key) in order.items {
        let slot = wrap_item_key(&holder.ring, order.medium, (root, key), rng);
        slots.extend(item_key_slot(Some(&slot)));
    }
    Ok(RamVolume { plan, access: access_file(&[slot]), journal, ring: slots })
}
