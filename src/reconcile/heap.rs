//! A heap of evidence: what files of any order, repetition and partition say together.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::evidence::{EachJournal, Evidence};
use super::files::{EXPORT, RECEIPT};
use super::frames::Row;
use super::judged::Signatures;
use super::memo::Memo;
use super::pieces::{Carried, Certified, Damage, Pieces, Rights, Tip};
use super::still::{Held, Unchanged};
use super::taken::{Skipped, Taken, What};
use crate::crypto::digest::{sha256, sha256_parts};
use crate::format::certificate::Chain;
use crate::format::checkpoint::{Checkpoint, CheckpointFile};
use crate::format::cose::Sign1;
use crate::format::item::{ItemEntry, Package};
use crate::format::medium::{CertificateSlot, MediumCertificate, SheetSlot};
use crate::format::policy::{Policy, Revocation};
use crate::format::record::Record;
use crate::format::sheet::Sheet;
use crate::format::transfer::{Funding, Receipt};
use crate::format::{Kind, Object, cbor};
use crate::image::layout::SLOTS;
use crate::shop::{Export, read_export, read_export_by_head};
use crate::trust::{Anchor, Revoked, Signer, Trust, TrustError, Verified};
use crate::units::{MediumId, StoreId, Timestamp};

/// A list by its number and hash.
type ListKey = (u64, [u8; 32]);

/// What a heap of evidence says, by the medium that it is about.
#[derive(Debug)]
pub struct Heap {
    pub(super) trust: Arc<Trust>,
    memo: Arc<Memo>,
    pub(super) signatures: Signatures,
    pub(super) media: BTreeMap<MediumId, Pieces>,
    pub(super) rights: Rights,
    lists: BTreeMap<ListKey, Verified<Revocation>>,
    journals: BTreeMap<StoreId, BTreeMap<[u8; 32], Export>>,
    newest: Option<Timestamp>,
}

impl Heap {
    /// An empty heap under these pinned roots; no time floor counts: the past stays readable.
    pub fn new(trust: Trust) -> Self {
        Self::sharing(Arc::new(trust), Arc::default(), Signatures::New)
    }

    /// An empty heap that knows what this one verified.
    pub(super) fn beside(&self) -> Self {
        Self::sharing(Arc::clone(&self.trust), Arc::clone(&self.memo), self.signatures)
    }

    fn sharing(trust: Arc<Trust>, memo: Arc<Memo>, signatures: Signatures) -> Self {
        Self {
            trust,
            memo,
            signatures,
            media: BTreeMap::new(),
            rights: BTreeMap::new(),
            lists: BTreeMap::new(),
            journals: BTreeMap::new(),
            newest: None,
        }
    }

    /// The roots that everything in it stands under.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// All that is known by medium, ascending.
    pub fn media(&self) -> &BTreeMap<MediumId, Pieces> {
        &self.media
    }

    /// The newest revocation list.
    pub fn revoked(&self) -> Revoked {
        let newest = self.newest_list().map(|(_, list)| list.clone());
        newest.map_or(Revoked::none(), |list| Revoked::none().with(list))
    }

    /// The newest list, and what it is newest by.
    pub(super) fn newest_list(&self) -> Option<(&ListKey, &Verified<Revocation>)> {
        self.lists.last_key_value()
    }

    /// Does it hold a list that this one hasn't?
    pub(super) fn has_lists_beside(&self, other: &Self) -> bool {
        self.lists.keys().any(|list| !other.lists.contains_key(list))
    }

    /// Take over all that another heap holds of media and lists; which media that are.
    pub(super) fn absorb(&mut self, other: Self) -> Vec<MediumId> {
        let media = other.media.keys().copied().collect();
        for (medium, pieces) in other.media {
            self.media.entry(medium).or_default().absorb(pieces);
        }
        self.lists.extend(other.lists);
        self.newest = self.newest.max(other.newest);
        media
    }

    /// Take a list that this chain's issuer signed; what it didn't sign is left.
    pub(super) fn take_list(&mut self, chain: &Chain, list: &[u8]) {
        let Ok(store) = self.pinned(chain, "revocation list") else { return };
        let Ok(list) = self.list(&store.issuer(), list) else { return };
        self.see(list.issued);
        self.lists.insert((list.number, list.hash()), list);
    }

    /// Does it hold this list?
    pub(super) fn has_list(&self, list: &Verified<Revocation>) -> bool {
        self.lists.contains_key(&(list.number, list.hash()))
    }

    /// The settler that an issuer certified.
    pub(super) fn settler(&self, issuer: &Signer, certificate: &[u8]) -> Option<Signer> {
        let settler = || issuer.certify(certificate, None);
        self.memo.settlers.or_made(under(issuer, certificate), settler).ok()
    }

    pub(super) fn policy(
        &self,
        issuer: &Signer,
        bytes: &[u8],
    ) -> Result<Verified<Policy>, TrustError> {
        self.memo.policies.or_made(under(issuer, bytes), || issuer.open::<Policy>(bytes))
    }

    pub(super) fn list(
        &self,
        issuer: &Signer,
        bytes: &[u8],
    ) -> Result<Verified<Revocation>, TrustError> {
        self.memo.lists.or_made(under(issuer, bytes), || issuer.open::<Revocation>(bytes))
    }

    /// The newest time that an issuer or settler signed in it.
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    pub(super) fn take_export(&mut self, bytes: &[u8]) -> Result<Taken, Skipped> {
        let needed = slots_bytes();
        let Some((slots, frames)) = bytes.split_at_checked(needed) else {
            let found = bytes.len() as u64;
            return Err(Skipped::Cut { what: EXPORT, found, needed: needed as u64 });
        };
        let medium = self.take_slots(slots)?;
        let (frames, papers) = Row::before_papers(frames);
        if let Some(papers) = papers {
            self.take_kept(medium, &papers);
        }
        let row = Row::read(frames);
        let (_, records) = self.add_row(&row, Some(medium), Statement::Own);
        Ok(Taken::of(What::Export, Some(medium), records))
    }

    pub(super) fn take_frames(&mut self, bytes: &[u8]) -> Taken {
        let row = Row::read(bytes);
        let (medium, records) = self.add_row(&row, None, Statement::Others);
        Taken::of(What::Records, medium, records)
    }

    pub(super) fn take_journal(&mut self, bytes: &[u8]) -> Result<Taken, Skipped> {
        let export = match self.signatures {
            Signatures::New => read_export_by_head(bytes, &self.trust)?,
            Signatures::Every => read_export(bytes, &self.trust)?,
        };
        let grant = export.signer.certificate().grant.as_ref();
        let store = grant.expect("only a store's chain is read").store;
        let head = export.entries.last().map_or([0; 32], Verified::hash);
        let mut taken = Taken::of(What::StoreJournal, None, 0);
        taken.records = export.entries.len();
        self.journals.entry(store).or_default().insert(head, export);
        Ok(taken)
    }

    /// A receipt is judged once its payer's key is known.
    pub(super) fn take_receipt(&mut self, bytes: &[u8]) -> Result<Taken, Skipped> {
        let what = Skipped::decode(RECEIPT);
        let message = Sign1::decode(bytes, Kind::Receipt).map_err(&what)?;
        let medium = Receipt::decode(message.payload()).map_err(&what)?.medium;
        let receipts = &mut self.media.entry(medium).or_default().receipts;
        receipts.insert(sha256(bytes), bytes.to_vec());
        Ok(Taken::of(What::Receipt, Some(medium), 0))
    }

    pub(super) fn take_object(&mut self, bytes: &[u8]) -> Result<Taken, Skipped> {
        if let Ok(funding) = Funding::decode(bytes) {
            return self.take_funding(&funding);
        }
        if let Ok(file) = CheckpointFile::decode(bytes) {
            return self.take_checkpoint(&file);
        }
        let package = Package::decode(bytes).map_err(|_| Skipped::Foreign)?;
        let signer = self.pinned(&package.chain, "item")?;
        let entry: Verified<ItemEntry> =
            signer.open(&package.item.0).map_err(Skipped::trust("item"))?;
        self.rights.insert(entry.hash(), entry.rights_holder.clone());
        Ok(Taken::of(What::Package, None, 0))
    }

    fn take_funding(&mut self, funding: &Funding) -> Result<Taken, Skipped> {
        let fault = Skipped::trust("funding");
        let store = self.pinned(&funding.chain, "funding")?;
        let issuer = store.issuer();
        let certificate =
            store.open::<MediumCertificate>(&funding.certificate.0).map_err(&fault)?;
        let medium = certificate.medium;
        let policies = funding.policies.0.iter().map(|bytes| self.policy(&issuer, &bytes.0));
        let policies = policies.collect::<Result<Vec<_>, _>>().map_err(&fault)?;
        let sheets = funding.sheets.0.iter().map(|bytes| issuer.open::<Sheet>(&bytes.0));
        let sheets = sheets.collect::<Result<Vec<_>, _>>().map_err(&fault)?;
        let list = funding.revocation.as_ref().map(|list| self.list(&issuer, &list.0));
        let list = list.transpose().map_err(&fault)?;
        let certified = certified(certificate, store)?;
        self.add_papers(certified, policies, sheets, list);
        let pieces = self.media.entry(medium).or_default();
        if let Some(settled) = &funding.settled {
            let carried = Carried {
                checkpoint: settled.checkpoint.0.clone(),
                certificate: settled.certificate.0.clone(),
            };
            pieces.carried.insert(sha256(&carried.checkpoint), carried);
            settled.starts.0.iter().for_each(|start| pieces.add_record(&start.0));
        }
        for record in &funding.records {
            pieces.add_record(&record.0);
        }
        Ok(Taken::of(What::Funding, Some(medium), funding.records.len()))
    }

    fn take_checkpoint(&mut self, file: &CheckpointFile) -> Result<Taken, Skipped> {
        let settler = self.pinned(&file.chain, "checkpoint")?;
        let opened = settler.open::<Checkpoint>(&file.checkpoint.0);
        let checkpoint = opened.map_err(Skipped::trust("checkpoint"))?;
        self.see(checkpoint.as_of);
        let certificate = settler.certificate().bytes().to_vec();
        let carried = Carried { checkpoint: file.checkpoint.0.clone(), certificate };
        let pieces = self.media.entry(checkpoint.medium).or_default();
        pieces.beside.insert(checkpoint.hash(), carried);
        Ok(Taken::of(What::Checkpoint, Some(checkpoint.medium), 0))
    }

    /// The stamped slots in their fixed lengths; whose they are.
    pub(super) fn take_slots(&mut self, slots: &[u8]) -> Result<MediumId, Skipped> {
        let [certificate, policy, revoked, sheets, _] = cut(slots);
        let fault = Skipped::decode("stamped slots");
        let object = |slot: &[u8]| cbor::unpad(slot).map(|object| object.map(<[u8]>::to_vec));
        let needed = |slot: &[u8]| object(slot).map(Option::unwrap_or_default).map_err(&fault);
        let slot = CertificateSlot::decode(&needed(certificate)?).map_err(&fault)?;
        let trusted = Skipped::trust("stamped slots");
        let store = self.pinned(&slot.chain, "stamped slots")?;
        let issuer = store.issuer();
        let certificate = store.open::<MediumCertificate>(&slot.certificate.0).map_err(&trusted)?;
        let medium = certificate.medium;
        let policy = self.policy(&issuer, &needed(policy)?).map_err(&trusted)?;
        let list = object(revoked).map_err(&fault)?;
        let list = list.map(|list| self.list(&issuer, &list)).transpose();
        let list = list.map_err(&trusted)?;
        let slot = SheetSlot::decode(&needed(sheets)?).map_err(&fault)?;
        let sheets = slot.sheets.iter().map(|sheet| issuer.open::<Sheet>(&sheet.0));
        let sheets = sheets.collect::<Result<Vec<_>, _>>().map_err(&trusted)?;
        let certified = certified(certificate, store)?;
        self.add_papers(certified, [policy], sheets, list);
        Ok(medium)
    }

    pub(super) fn add_papers(
        &mut self,
        certified: Certified,
        policies: impl IntoIterator<Item = Verified<Policy>>,
        sheets: impl IntoIterator<Item = Verified<Sheet>>,
        list: Option<Verified<Revocation>>,
    ) {
        let medium = certified.certificate.medium;
        let pieces = self.media.entry(medium).or_default();
        pieces.certified.insert(certified.certificate.hash(), certified);
        let mut newest = list.as_ref().map(|list| list.issued);
        for policy in policies {
            newest = newest.max(Some(policy.issued));
            pieces.add_policy(policy);
        }
        for sheet in sheets.into_iter().filter(|sheet| sheet.medium == medium) {
            newest = newest.max(Some(sheet.issued));
            pieces.add_sheet(sheet);
        }
        self.newest = self.newest.max(newest);
        self.lists.extend(list.map(|list| ((list.number, list.hash()), list)));
    }

    /// Add what stands in frames; whose it is, and how many records there are.
    pub(super) fn add_row(
        &mut self,
        row: &Row,
        medium: Option<MediumId>,
        statement: Statement,
    ) -> (Option<MediumId>, usize) {
        let first = row.records().iter().chain(&row.outside).find_map(|record| stated(record));
        let behind = row.begins_behind().and_then(|(checkpoint, _)| settled(checkpoint));
        let behind_medium = behind.as_ref().map(|checkpoint| checkpoint.medium);
        let Some(medium) = medium.or(first).or(behind_medium) else { return (None, 0) };
        let mut count = 0;
        for record in row.records().iter().chain(&row.outside).chain(&row.rival) {
            // A record is kept under the medium that it says, or that it lies on.
            let whose = stated(record).unwrap_or(medium);
            self.media.entry(whose).or_default().add_record(record);
            count += 1;
        }
        let pieces = self.media.entry(medium).or_default();
        let tip = row.records().last().map(|record| sha256(record));
        let tip = tip.or(behind.map(|checkpoint| checkpoint.head));
        if statement == Statement::Own {
            let behind = row.begins_behind().map_or([0; 32], |(checkpoint, _)| sha256(checkpoint));
            pieces.tips.extend(tip.map(|record| Tip { behind, record }));
        }
        if let Some(what) = row.fault.clone() {
            pieces.damage.insert(Damage { what, before: tip.unwrap_or_default() });
        }
        if let Some((checkpoint, certificate)) = row.begins_behind() {
            let (checkpoint, certificate) = (checkpoint.to_vec(), certificate.to_vec());
            let carried = Carried { checkpoint, certificate };
            pieces.carried.insert(sha256(&carried.checkpoint), carried);
        }
        (Some(medium), count)
    }

    fn see(&mut self, signed: Timestamp) {
        self.newest = self.newest.max(Some(signed));
    }

    pub(super) fn pinned(&self, chain: &Chain, what: &'static str) -> Result<Signer, Skipped> {
        let parts: Vec<[u8; 32]> = chain.0.iter().map(|bytes| sha256(bytes)).collect();
        let walked = || self.trust.signer(chain).map_err(Skipped::trust(what));
        let signer = self.memo.chains.or_made(sha256(parts.as_flattened()), walked)?;
        match signer.anchor() {
            Anchor::Pinned(_) => Ok(signer),
            Anchor::Unpinned(root) => Err(Skipped::Unpinned(root)),
        }
    }
}

impl Evidence for Heap {
    fn media(&self) -> Vec<MediumId> {
        self.media.keys().copied().collect()
    }

    fn pieces(&self, medium: MediumId) -> Cow<'_, Pieces> {
        self.media.get(&medium).map_or_else(|| Cow::Owned(Pieces::default()), Cow::Borrowed)
    }

    fn bytes(&self, medium: MediumId) -> u64 {
        let records = self.media.get(&medium).into_iter().flat_map(|all| all.records.values());
        records.map(|record| record.len() as u64).sum()
    }

    fn rights(&self) -> &Rights {
        &self.rights
    }

    fn is_lone(&self, _: MediumId) -> bool {
        false
    }

    fn unchanged(&self, _: MediumId, _: Held<'_>, _: &mut Vec<u8>) -> Option<Unchanged> {
        None
    }

    fn revoked(&self) -> Revoked {
        Self::revoked(self)
    }

    fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    fn strays(&self) -> BTreeSet<MediumId> {
        BTreeSet::new()
    }

    fn identity(&self, _: MediumId) -> Option<[u8; 32]> {
        None
    }

    fn became(&self, _: MediumId) -> Option<Vec<u8>> {
        None
    }

    fn recall(&self, _: MediumId, _: &[u8]) -> bool {
        false
    }

    fn ground(&self) -> [u8; 32] {
        let rights = self.rights.iter().flat_map(|(entry, name)| {
            let length = (name.len() as u64).to_be_bytes();
            [entry.to_vec(), length.to_vec(), name.clone().into_bytes()]
        });
        let parts: Vec<Vec<u8>> =
            [self.trust.digest().to_vec()].into_iter().chain(rights).collect();
        sha256_parts(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn each_journal<E>(&self, each: &mut EachJournal<'_, E>) -> Result<(), E> {
        for (store, exports) in &self.journals {
            for (head, export) in exports {
                each(*store, *head, export)?;
            }
        }
        Ok(())
    }
}

/// Names an object under the key that is to have signed it.
fn under(issuer: &Signer, bytes: &[u8]) -> [u8; 32] {
    sha256_parts(&[issuer.certificate().key.0.as_bytes(), bytes])
}

/// Whose statement a row of frames is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statement {
    /// The medium's own, of where it stands.
    Own,
    /// What was kept of it elsewhere.
    Others,
}

pub(super) fn slots_bytes() -> usize {
    SLOTS.iter().map(|slot| usize::try_from(slot.bytes).expect("slots are short")).sum()
}

/// The slots one behind the other; `slots` has their length.
pub(super) fn cut(mut slots: &[u8]) -> [&[u8]; 5] {
    SLOTS.map(|slot| {
        let length = usize::try_from(slot.bytes).expect("slots are short").min(slots.len());
        let (one, rest) = slots.split_at(length);
        slots = rest;
        one
    })
}

/// A certificate by the store that it names.
fn certified(
    certificate: Verified<MediumCertificate>,
    store: Signer,
) -> Result<Certified, Skipped> {
    let granted = store.certificate().grant.as_ref().map(|grant| grant.store);
    if granted != Some(certificate.store) {
        let expected = granted.map_or_else(|| "none".to_owned(), |store| store.to_string());
        let found = certificate.store.to_string();
        return Err(Skipped::Other {
            what: "the medium's certificate: its store",
            found,
            expected,
        });
    }
    let issuer = store.issuer();
    Ok(Certified { certificate, store, issuer })
}

/// The medium that a record says it is of.
pub(super) fn stated(record: &[u8]) -> Option<MediumId> {
    let message = Sign1::decode(record, Kind::Record).ok()?;
    Record::decode(message.payload()).ok().map(|record| record.medium)
}

pub(super) fn settled(checkpoint: &[u8]) -> Option<Checkpoint> {
    let message = Sign1::decode(checkpoint, Kind::Checkpoint).ok()?;
    Checkpoint::decode(message.payload()).ok()
}
