//! The side that sends: another owner's medium, which earns, or a store's kiosk, which doesn't.

use std::collections::BTreeMap;

use super::Hand;
use super::goods::Goods;
use super::segment::{ReceiptError, Sending};
use super::shelf::{BESIDE_BYTES, Shelf, ShelfError};
use crate::crypto::Secret;
use crate::device::Device;
use crate::format::policy::Policy;
use crate::format::record::{Body, Record};
use crate::format::shelf::{FUNDING_END, funding_name, receipt_name};
use crate::format::transfer::{Funding, Partner, Receipt, TransferId};
use crate::format::{Kind, Object};
use crate::image::tree::Digest;
use crate::journal::Use;
use crate::ledger::funding::{self, Beside, Funded, FundingError};
use crate::ledger::next::{self, Segment};
use crate::ledger::{OPEN_MAX, State, Upload};
use crate::trust::access::HolderKeys;
use crate::trust::{Claimed, RevokedError, Trust, Verified, verify};
use crate::units::{ByteCount, MediumId};
use crate::wallet::{CommitError, Opened, RingError};

/// So many papers that payers showed are held against a new one.
const EVIDENCE_MAX: usize = 1_024;
/// What the start of an upload, its end and its fee take in a journal at most.
const UPLOAD_BYTES_MAX: u64 = 4 << 10;
/// The longest receipt.
const RECEIPT_BYTES_MAX: u64 = 1 << 10;

/// Why the side that sends doesn't, or can't close what it sent.
#[derive(Debug, thiserror::Error)]
pub enum GiverError {
    /// The payer is revoked there.
    #[error("{0}")]
    Revoked(#[from] RevokedError),
    /// What the payer shows is not enough.
    #[error("{0}")]
    Funding(#[from] FundingError),
    /// As many uploads as there may be wait for their payers.
    #[error("{0} uploads are under way there, which is as many as there may be")]
    Open(usize),
    /// No room for receipts and what the payer shows.
    #[error("{needs} bytes are needed there, {free} are free")]
    Space {
        /// What is needed.
        needs: u64,
        /// What is free.
        free: u64,
    },
    /// No room in the journal for the records of an upload.
    #[error("{needs} bytes are needed in the journal there, {left} are left")]
    Full {
        /// What they need at most.
        needs: u64,
        /// What is left.
        left: u64,
    },
    /// What the payer begins is of other goods.
    #[error("the download that begins is of other goods")]
    Goods,
    /// A receipt is not one for what was sent.
    #[error("{0}")]
    Receipt(#[from] ReceiptError),
    /// A record was not committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// Its storage failed.
    #[error("{0}")]
    Shelf(#[from] ShelfError),
    /// The item's key can't be had there.
    #[error(transparent)]
    Ring(#[from] RingError),
}

/// The side that sends.
pub trait Giver {
    /// How records and receipts name it.
    fn partner(&self) -> Partner;

    /// The policy that it holds payers against; none where it has none of its own.
    fn policy(&self) -> Option<&Policy>;

    /// Segments of a payer's that it has not closed, or not been paid for: transfer and `before`.
    fn waiting(&self, payer: MediumId) -> Vec<(TransferId, ByteCount)>;

    /// The greatest receipt that it holds for a segment; none where that is damaged.
    fn held(&self, transfer: &TransferId) -> Result<Option<Vec<u8>>, GiverError>;

    /// Make room for one more payer, and refuse, before it begins, what would be refused of it then.
    fn ready(&mut self, payer: MediumId, hand: &mut Hand<'_>) -> Result<(), GiverError>;

    /// Judge what a payer shows, keep it, and begin to send.
    fn accept(
        &mut self,
        funding: &Funding,
        goods: &Goods,
        hand: &mut Hand<'_>,
    ) -> Result<Sending, GiverError>;

    /// The key of the sealed file with this root; none if it has none.
    fn key(&self, root: &Digest) -> Result<Option<Secret<32>>, GiverError>;

    /// Keep a receipt that was taken.
    fn keep(&mut self, receipt: &Verified<Receipt>) -> Result<(), GiverError>;

    /// Close a segment by the last receipt for it, and earn its fee. Where none is given and the one
    /// that is held is damaged, it is left open.
    fn close(
        &mut self,
        transfer: &TransferId,
        receipt: Option<&[u8]>,
        hand: &mut Hand<'_>,
    ) -> Result<(), GiverError>;
}

/// Another owner's medium.
pub struct Owner<'a, D> {
    /// The medium.
    pub opened: &'a mut Opened<D>,
    /// Its owner's keys.
    pub keys: &'a HolderKeys,
    /// Its OUTBOX, where receipts and what payers showed are kept.
    pub shelf: &'a dyn Shelf,
    /// The roots that payers have to stand under.
    pub trust: &'a Trust,
}

/// What is held of a payer's for a segment.
enum Held {
    /// No receipt for it.
    Nothing,
    /// The newest one.
    Receipt(Verified<Receipt>),
    /// A file that is to be one, and was damaged, as on a stick that was pulled out.
    Damaged,
}

impl Held {
    fn receipt(self) -> Option<Verified<Receipt>> {
        match self {
            Self::Receipt(receipt) => Some(receipt),
            Self::Nothing | Self::Damaged => None,
        }
    }
}

impl<D: Device> Owner<'_, D> {
    fn state(&self) -> &State {
        &self.opened.medium().account().state
    }

    /// Is it a receipt of the payer's for this very segment?
    fn fits(&self, upload: &Upload, receipt: &Receipt) -> bool {
        receipt.transfer == upload.terms.transfer
            && receipt.before == upload.before
            && Partner::Medium(receipt.medium) == upload.partner
            && receipt.partner == self.partner()
    }

    fn held_by(&self, upload: &Upload) -> Result<Held, ShelfError> {
        Ok(match read_kept(self.shelf, &receipt_name(&upload.terms.transfer)) {
            Ok(None) => Held::Nothing,
            Ok(Some(bytes)) => match verify::<Receipt>(&bytes, &upload.key) {
                Ok(receipt) if self.fits(upload, &receipt) => Held::Receipt(receipt),
                Ok(_) => Held::Nothing,
                // One for an earlier segment may be by the key that the payer had then.
                Err(_) => match Claimed::<Receipt>::read(&bytes) {
                    Ok(other) if !self.fits(upload, &other) => Held::Nothing,
                    _ => Held::Damaged,
                },
            },
            Err(ShelfError::Damaged(_)) => Held::Damaged,
            Err(failed) => return Err(failed),
        })
    }

    /// Close a segment by the greater of two receipts, keep that, and earn its fee.
    fn close_by(
        &mut self,
        upload: &Upload,
        [given, held]: [Option<Verified<Receipt>>; 2],
        hand: &mut Hand<'_>,
    ) -> Result<(), GiverError> {
        if let Some(given) = &given
            && held.as_ref().is_none_or(|held| held.got < given.got)
        {
            // Kept before it closes anything, it can be earned by whenever that goes on.
            self.keep(given)?;
        }
        let (transfer, receipts) = (&upload.terms.transfer, [given, held]);
        if upload.got.is_none() {
            let counts = receipts.iter().flatten().map(|receipt| receipt.got);
            let greatest = counts.max().unwrap_or(ByteCount::from_bytes(0));
            self.close_with(transfer, greatest, hand)?;
        }
        let due = self.state().uploads.get(transfer).and_then(|upload| upload.got);
        let mut receipts = receipts.into_iter().flatten();
        if let Some(receipt) = receipts.find(|receipt| Some(receipt.got) == due) {
            self.earn(&receipt, hand)?;
        }
        Ok(())
    }

    fn close_with(
        &mut self,
        transfer: &TransferId,
        got: ByteCount,
        hand: &mut Hand<'_>,
    ) -> Result<(), CommitError> {
        let (host, event) = (self.opened.host(hand.now()), hand.event());
        let state = self.state();
        let upload = &state.uploads[transfer];
        let complete = upload.before.bytes() + got.bytes() == upload.terms.length.bytes();
        let record = if complete {
            next::upload_end(state, &host, event, *transfer, got)?
        } else {
            next::upload_interrupted(state, &host, event, *transfer, got)?
        };
        self.opened.commit_own(self.keys, &record, Use::Keeps)
    }

    /// Where as many uploads wait as there may be, close those that have waited longest until one
    /// place is free: each by the greatest receipt that is held for it, without one by none; those
    /// whose receipt is damaged come last.
    ///
    /// A payer that comes back goes on with another segment.
    fn close_oldest(&mut self, hand: &mut Hand<'_>) -> Result<(), GiverError> {
        let begun = |record: &Verified<Record>| match &record.body {
            Body::UploadStart { terms, .. } => Some(terms.transfer),
            _ => None,
        };
        let oldest: Vec<_> = self.opened.medium().records().filter_map(begun).collect();
        let mut damaged = vec![];
        for transfer in oldest {
            let Some(upload) = self.waiting_longest(&transfer) else { continue };
            match self.held_by(&upload)? {
                Held::Damaged => damaged.push(transfer),
                held => self.close_by(&upload, [None, held.receipt()], hand)?,
            }
        }
        // Where the folder itself can't be listed, its files may be whole.
        if !damaged.is_empty() {
            self.shelf.list()?;
        }
        for transfer in damaged {
            let Some(upload) = self.waiting_longest(&transfer) else { continue };
            self.close_by(&upload, [None, None], hand)?;
        }
        Ok(())
    }

    /// An upload that is to give way, while as many wait as there may be.
    fn waiting_longest(&self, transfer: &TransferId) -> Option<Upload> {
        let uploads = &self.state().uploads;
        (uploads.len() >= OPEN_MAX).then(|| uploads.get(transfer).cloned()).flatten()
    }

    fn earn(
        &mut self,
        receipt: &Verified<Receipt>,
        hand: &mut Hand<'_>,
    ) -> Result<(), CommitError> {
        let host = self.opened.host(hand.now());
        let record = next::earn(self.state(), &host, hand.event(), receipt)?;
        self.opened.commit_own(self.keys, &record, Use::Keeps)
    }
}

impl<D: Device> Giver for Owner<'_, D> {
    fn partner(&self) -> Partner {
        Partner::Medium(self.opened.medium().id())
    }

    fn policy(&self) -> Option<&Policy> {
        Some(self.opened.medium().policy())
    }

    fn waiting(&self, payer: MediumId) -> Vec<(TransferId, ByteCount)> {
        let uploads = self.state().uploads.values();
        let its = uploads.filter(|upload| upload.partner == Partner::Medium(payer));
        its.map(|upload| (upload.terms.transfer, upload.before)).collect()
    }

    fn held(&self, transfer: &TransferId) -> Result<Option<Vec<u8>>, GiverError> {
        let Some(upload) = self.state().uploads.get(transfer) else { return Ok(None) };
        Ok(self.held_by(upload)?.receipt().map(|receipt| receipt.bytes().to_vec()))
    }

    fn ready(&mut self, payer: MediumId, hand: &mut Hand<'_>) -> Result<(), GiverError> {
        self.opened.medium().grounds().revoked.check_medium(payer)?;
        self.close_oldest(hand)?;
        if self.state().uploads.len() >= OPEN_MAX {
            return Err(GiverError::Open(OPEN_MAX));
        }
        let (needs, left) = (UPLOAD_BYTES_MAX, self.opened.left_bytes());
        if needs > left {
            return Err(GiverError::Full { needs, left });
        }
        has_room(self.shelf)
    }

    fn accept(
        &mut self,
        funding: &Funding,
        goods: &Goods,
        hand: &mut Hand<'_>,
    ) -> Result<Sending, GiverError> {
        let funded = judge(funding, goods, self.trust, self.partner())?;
        let grounds = self.opened.medium().grounds();
        grounds.revoked.check_medium(funded.medium)?;
        let name = shown_name(&funded);
        let beside = beside((self.shelf, &name), self.trust, funding, self.partner())?;
        funded.within(grounds.newest_policy(), beside)?;
        let chunk = grounds.newest_policy().chunk;
        self.shelf.write(&name, &funding.encode())?;
        let segment = Segment {
            terms: &funded.terms,
            item: &funded.item,
            payer: funded.medium,
            key: funded.state.holder,
            before: funded.before,
            start: funded.start.hash(),
        };
        let host = self.opened.host(hand.now());
        let record = next::upload_start(self.state(), &host, hand.event(), &segment);
        self.opened.commit_own(self.keys, &record, Use::Keeps)?;
        Ok(Sending::new(&funded, self.partner(), chunk))
    }

    fn key(&self, root: &Digest) -> Result<Option<Secret<32>>, GiverError> {
        Ok(self.opened.item_key(self.keys, root)?)
    }

    fn keep(&mut self, receipt: &Verified<Receipt>) -> Result<(), GiverError> {
        Ok(self.shelf.write(&receipt_name(&receipt.transfer), receipt.bytes())?)
    }

    /// Whichever receipt is the greatest counts: the one given, or one that is held.
    fn close(
        &mut self,
        transfer: &TransferId,
        receipt: Option<&[u8]>,
        hand: &mut Hand<'_>,
    ) -> Result<(), GiverError> {
        let Some(upload) = self.state().uploads.get(transfer).cloned() else { return Ok(()) };
        let given = receipt.and_then(|bytes| verify::<Receipt>(bytes, &upload.key).ok());
        let given = given.filter(|receipt| self.fits(&upload, receipt));
        match (given, self.held_by(&upload)?) {
            (None, Held::Damaged) => Ok(()),
            (given, held) => self.close_by(&upload, [given, held.receipt()], hand),
        }
    }
}

/// A store's kiosk folder: it signs and earns nothing, and is left what shows what was taken.
pub struct Kiosk<'a> {
    /// The store that laid it out.
    pub store: crate::units::StoreId,
    /// Its INBOX.
    pub inbox: &'a dyn Shelf,
    /// The payer's own roots: what it leaves behind has to be good.
    pub trust: &'a Trust,
    /// The payer's policy: what may be spent at partners, and is sent before a receipt.
    pub policy: &'a Policy,
    /// The keys that it lays out, by the roots of their files.
    pub keys: &'a BTreeMap<Digest, Secret<32>>,
}

impl Giver for Kiosk<'_> {
    fn partner(&self) -> Partner {
        Partner::Store(self.store)
    }

    fn policy(&self) -> Option<&Policy> {
        None
    }

    fn waiting(&self, _payer: MediumId) -> Vec<(TransferId, ByteCount)> {
        vec![]
    }

    fn held(&self, transfer: &TransferId) -> Result<Option<Vec<u8>>, GiverError> {
        match read_kept(self.inbox, &receipt_name(transfer)) {
            Err(ShelfError::Damaged(_)) => Ok(None),
            read => Ok(read?),
        }
    }

    fn ready(&mut self, _payer: MediumId, _hand: &mut Hand<'_>) -> Result<(), GiverError> {
        has_room(self.inbox)
    }

    fn accept(
        &mut self,
        funding: &Funding,
        goods: &Goods,
        _hand: &mut Hand<'_>,
    ) -> Result<Sending, GiverError> {
        let funded = judge(funding, goods, self.trust, self.partner())?;
        let name = shown_name(&funded);
        let beside = beside((self.inbox, &name), self.trust, funding, self.partner())?;
        funded.within(self.policy, beside)?;
        self.inbox.write(&name, &funding.encode())?;
        Ok(Sending::new(&funded, self.partner(), self.policy.chunk))
    }

    fn key(&self, root: &Digest) -> Result<Option<Secret<32>>, GiverError> {
        Ok(self.keys.get(root).map(|key| Secret::new(*key.expose())))
    }

    fn keep(&mut self, receipt: &Verified<Receipt>) -> Result<(), GiverError> {
        Ok(self.inbox.write(&receipt_name(&receipt.transfer), receipt.bytes())?)
    }

    fn close(
        &mut self,
        transfer: &TransferId,
        receipt: Option<&[u8]>,
        _hand: &mut Hand<'_>,
    ) -> Result<(), GiverError> {
        match receipt {
            Some(bytes) => Ok(self.inbox.write(&receipt_name(transfer), bytes)?),
            None => Ok(()),
        }
    }
}

/// What was kept of a receipt; none where there is no file.
fn read_kept(shelf: &dyn Shelf, name: &str) -> Result<Option<Vec<u8>>, ShelfError> {
    match shelf.size(name)? {
        Some(_) => shelf.read(name, RECEIPT_BYTES_MAX).map(Some),
        None => Ok(None),
    }
}

/// What the payer showed before, in files on a shelf other than `name`, that it doesn't show now.
fn beside(
    (shelf, name): (&dyn Shelf, &str),
    trust: &Trust,
    shown: &Funding,
    partner: Partner,
) -> Result<Beside, ShelfError> {
    let mut beside = Beside::default();
    let files = shelf.list()?;
    let earlier = files.iter().filter(|file| file.ends_with(FUNDING_END) && *file != name);
    for file in earlier.take(EVIDENCE_MAX) {
        let bytes = shelf.read(file, Kind::Funding.bytes_max() as u64);
        // What somebody put there, or can't be read any more, shows nothing.
        let Some(earlier) = bytes.ok().and_then(|bytes| Funding::decode(&bytes).ok()) else {
            continue;
        };
        beside = beside.with(trust, shown, &earlier, partner);
    }
    Ok(beside)
}

fn has_room(shelf: &dyn Shelf) -> Result<(), GiverError> {
    let (needs, free) = (BESIDE_BYTES.bytes(), shelf.free_bytes()?);
    if needs > free { Err(GiverError::Space { needs, free }) } else { Ok(()) }
}

fn judge(
    funding: &Funding,
    goods: &Goods,
    trust: &Trust,
    partner: Partner,
) -> Result<Funded, GiverError> {
    let funded = funding::open(trust, funding, partner)?;
    let expected = goods.terms(funded.terms.transfer, funded.terms.share_ppm);
    if funded.terms != expected || funded.item != goods.item {
        return Err(GiverError::Goods);
    }
    Ok(funded)
}

/// Where what a payer showed for a segment is kept.
fn shown_name(funded: &Funded) -> String {
    funding_name(&funded.terms.transfer, funded.start.seq.number())
}
