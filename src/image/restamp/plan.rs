//! Planning: the blocks that stamping a medium again changes, proved before any is written.

use std::ops::Range;

use super::{
    BLOCK, Blocks, Examined, Planned, Renewal, RestampError, Sale, doing, first_fault, insert,
    is_intact, runs,
};
use crate::crypto::digest::sha256;
use crate::device::{Device, Overlaid};
use crate::format::Object;
use crate::format::field::Bytes;
use crate::format::medium::{CertificateSlot, MediumSeal, SheetSlot, UserInformation};
use crate::format::policy::Revocation;
use crate::format::sheet::Sheet;
use crate::image::check::{self, History, Identity, Standing};
use crate::image::edition::{padded, tree_uuid};
use crate::image::layout::{
    CERTIFICATE_SLOT, POLICY_SLOT, REVOKED_SLOT, SHEETS_SLOT, Slot, USER_SLOT,
};
use crate::image::tree::{BLOCK_BYTES, HashTree};
use crate::trust::{Revoked, Signer, Trust, Verified, sign};
use crate::units::ByteCount;

/// A medium has so many sheets at most.
const SHEETS_MAX: usize = 2;

impl Examined {
    /// May this store stamp it again?
    pub fn permit(&self, renewal: &Renewal<'_>) -> Result<(), RestampError> {
        let (medium, found, own) = (self.medium(), self.store(), renewal.grant.store);
        let granted = renewal.grant.refreshes.iter().flatten().any(|id| *id == found);
        if found != own && !granted {
            return Err(RestampError::OtherStore { medium, found, own });
        }
        let lists = [renewal.revocation, self.standing.revocation.as_ref()].into_iter().flatten();
        let revoked = lists.fold(Revoked::none(), |revoked, list| revoked.with(list.clone()));
        Ok(revoked.check_medium(medium)?)
    }

    /// The blocks that stamping it again changes; none if nothing is newer than what stands there.
    /// `device` and `blocks` are those that were examined.
    ///
    /// With them the medium is sealed, or touched as it was: that is proved before this returns.
    pub fn plan(
        &self,
        device: &dyn Device,
        blocks: &Blocks,
        renewal: &Renewal<'_>,
        trust: &Trust,
        identity: &Identity,
    ) -> Result<Planned, RestampError> {
        self.permit(renewal)?;
        let view = Overlaid::new(device, blocks);
        let (mut planned, changed) = self.changed_slots(&view, self.slots(renewal))?;
        if planned.is_empty() {
            return Ok(Planned { blocks: planned, changed });
        }
        self.seal(&view, renewal, &mut planned)?;
        let own = Overlaid::new(&view, &planned);
        let mut reading = self.reading.clone();
        for range in runs(&planned) {
            reading.refresh(&own, range).map_err(doing("reading"))?;
        }
        let report = check::judge(&reading, &own, trust, identity)?;
        if !is_intact(&report) {
            let (verdict, reason) = (report.verdict, first_fault(&report));
            return Err(RestampError::WouldBe { verdict, reason });
        }
        match (&self.report.history, report.history) {
            (History::Damaged(_), _) => {}
            // A newer policy or list binds what its owner has done already.
            (_, History::Damaged(reason)) => {
                let (medium, reason) = (self.medium(), reason.en().to_owned());
                return Err(RestampError::Journal { medium, reason });
            }
            _ => {}
        }
        Ok(Planned { blocks: planned, changed })
    }

    /// Each slot with the object that is to lie in it.
    fn slots(&self, renewal: &Renewal<'_>) -> Vec<(Slot, Vec<u8>)> {
        let Standing { certificate, policy, revocation, .. } = &self.standing;
        let policy = renewal.policy.filter(|own| own.number > policy.number).unwrap_or(policy);
        let held = revocation.as_ref();
        let newer = |own: &&Verified<Revocation>| held.is_none_or(|held| own.number > held.number);
        let revocation = renewal.revocation.filter(newer).or(held);
        let certificates = CertificateSlot {
            certificate: Bytes(certificate.bytes().to_vec()),
            chain: self.chain(renewal).chain(),
        };
        vec![
            (CERTIFICATE_SLOT, certificates.encode()),
            (POLICY_SLOT, policy.bytes().to_vec()),
            (REVOKED_SLOT, revocation.map(|list| list.bytes().to_vec()).unwrap_or_default()),
            (SHEETS_SLOT, self.sheets(renewal).encode()),
            (USER_SLOT, sign(renewal.key, &self.user(renewal))),
        ]
    }

    /// Who vouches for the certificate's signer: the store's newer chain, if it is of the same key.
    fn chain<'a>(&'a self, renewal: &'a Renewal<'_>) -> &'a Signer {
        let (own, held) = (renewal.signer.certificate(), self.standing.signer.certificate());
        if own.key == held.key && own.issued > held.issued {
            renewal.signer
        } else {
            &self.standing.signer
        }
    }

    fn sheets(&self, renewal: &Renewal<'_>) -> SheetSlot {
        let mut sheets: Vec<&Verified<Sheet>> = self.standing.sheets.iter().collect();
        for own in renewal.sheets.iter().filter(|own| own.medium == self.medium()) {
            if sheets.iter().all(|held| held.id != own.id) {
                sheets.push(own);
            }
        }
        // A sheet of the same moment as one that lies there comes behind it.
        sheets.sort_by_key(|sheet| std::cmp::Reverse(sheet.issued));
        let signed = sheets.iter().take(SHEETS_MAX).map(|sheet| Bytes(sheet.bytes().to_vec()));
        SheetSlot { sheets: signed.collect() }
    }

    fn user(&self, renewal: &Renewal<'_>) -> UserInformation {
        let mut user = UserInformation::clone(&self.standing.user);
        let own = renewal.grant.store;
        if ![own, self.store()].contains(&user.store) {
            // Whoever reads it knows the stores of certificate and seal alone.
            (user.store, user.store_name) = (own, renewal.name.to_owned());
        }
        match &renewal.sale {
            Sale::Unchanged => {}
            Sale::Unsold => (user.sold, user.owner) = (None, None),
            Sale::Sold { at, owner } => {
                let same = user.sold == Some(*at);
                let held = user.owner.take().filter(|_| same);
                (user.sold, user.owner) = (Some(*at), owner.clone().or(held));
            }
        }
        user
    }

    /// The blocks of slots that differ from what lies there, and the paths of those slots.
    fn changed_slots(
        &self,
        view: &dyn Device,
        slots: Vec<(Slot, Vec<u8>)>,
    ) -> Result<(Blocks, Vec<&'static str>), RestampError> {
        let (mut blocks, mut changed) = (Blocks::new(), vec![]);
        for (slot, object) in slots {
            let Slot { path, bytes: room } = slot;
            let (medium, found) = (self.medium(), object.len());
            let bytes = padded(&object, room).map_err(|_| RestampError::Slot {
                medium,
                path,
                found,
                room,
            })?;
            let place = self.standing.plan.locate(path).expect("every manifest has the slots");
            let before = blocks.len();
            insert(view, self.standing.layout.rom().start + place, &bytes, &mut blocks)?;
            if blocks.len() > before {
                changed.push(path);
            }
        }
        Ok((blocks, changed))
    }

    /// Add the tree's paths above changed slots, and the seal.
    fn seal(
        &self,
        view: &dyn Device,
        renewal: &Renewal<'_>,
        blocks: &mut Blocks,
    ) -> Result<(), RestampError> {
        let Standing { layout, edition, certificate, .. } = &self.standing;
        let (rom, start) = (layout.rom().start, layout.seal().start);
        let leaves: Vec<_> =
            blocks.iter().map(|(offset, bytes)| ((offset - rom) / BLOCK, sha256(bytes))).collect();
        let mut tree = HashTree::read(view, start, layout.rom_blocks())?;
        let uuid = tree_uuid(edition);
        for block in tree.update(&leaves) {
            let mut bytes = vec![0; BLOCK_BYTES];
            tree.fill(&uuid, block, &mut bytes);
            blocks.insert(start + block * BLOCK, bytes);
        }
        let length = |range: Range<u64>| ByteCount::from_bytes(range.end - range.start);
        let own = renewal.signer.certificate();
        let same = own.key == self.standing.signer.certificate().key;
        let seal = MediumSeal {
            medium: certificate.medium,
            edition: *edition,
            certificate: certificate.hash(),
            root: tree.root(),
            rom: length(layout.rom()),
            seal: length(layout.seal()),
            ram: length(layout.ram()),
            store: renewal.grant.store,
            // A clock that is behind makes no seal that looks older than the one it follows.
            at: renewal.at.max(self.standing.sealed),
            chain: (!same).then(|| renewal.signer.chain()),
        };
        let range = layout.medium_seal();
        let bytes = padded(&sign(renewal.key, &seal), range.end - range.start)
            .expect("a seal with a chain is shorter than its slot");
        insert(view, range.start, &bytes, blocks)
    }
}
