//! The side that receives and pays.

use super::goods::{Goods, Sealing};
use super::leaves::{AtHand, Leaves};
use super::shelf::{Shelf, ShelfError};
use super::{Hand, TakeRefusal};
use crate::device::Device;
use crate::format::policy::Policy;
use crate::format::record::{Body, Record};
use crate::format::transfer::{Funding, Partner, Receipt, TransferId};
use crate::journal::Use;
use crate::ledger::charge::segment;
use crate::ledger::funding::{GatherError, at_partners, gather};
use crate::ledger::next::{self, Package};
use crate::ledger::{OPEN_MAX, State, Transfer, offline_limits};
use crate::trust::access::HolderKeys;
use crate::trust::{Verified, sign};
use crate::units::{Amount, ByteCount, Sequence};
use crate::wallet::{CommitError, Medium, Opened};

/// The side that receives and pays.
pub struct Payer<'a, D> {
    /// Its medium.
    pub opened: &'a mut Opened<D>,
    /// Its owner's keys.
    pub keys: &'a HolderKeys,
    /// Its OUTBOX, where the item's file goes.
    pub shelf: &'a dyn Shelf,
}

/// What is to be expected of a transfer, before anything is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Bytes that are charged already.
    pub covered: ByteCount,
    /// What the rest costs at most, and is reserved.
    pub reserve: Amount,
    /// What of it the partner earns.
    pub fee: Amount,
    /// Whether it goes on with what broke off.
    pub resumes: bool,
}

impl<D: Device> Payer<'_, D> {
    fn state(&self) -> &State {
        &self.opened.medium().account().state
    }

    /// The record by which a download of these goods came to its end.
    pub fn owned(&self, goods: &Goods) -> Option<Sequence> {
        owned(self.opened.medium(), &goods.entry)
    }

    /// Is a key needed that its ring doesn't hold?
    pub(super) fn lacks_key(&self, goods: &Goods) -> bool {
        goods.sealing == Sealing::Sealed && !self.opened.holds_item_key(&goods.root)
    }

    /// Go on with the transfer of these goods that is under way.
    pub(super) fn under_way(&self, goods: &Goods) -> Option<&Transfer> {
        under_way(self.state(), goods)
    }

    /// What is at hand of the goods' file.
    pub(super) fn at_hand(&self, goods: &Goods, leaves: &Leaves) -> Result<AtHand, ShelfError> {
        leaves.at_hand(self.shelf, &goods.names().data())
    }

    /// Begin a segment: the start is committed, and what shows it is put together.
    pub(super) fn begin(
        &mut self,
        goods: &Goods,
        partner: Partner,
        hand: &mut Hand<'_>,
    ) -> Result<TransferId, CommitError> {
        let policy = self.opened.medium().policy().share_ppm;
        let known = self.under_way(goods).map(|transfer| transfer.terms.clone());
        let terms = known.unwrap_or_else(|| goods.terms(hand.event(), policy));
        let host = self.opened.host(hand.now());
        let package = Package { terms: &terms, item: &goods.item, partner };
        let record = next::download_start(self.state(), &host, hand.event(), &package)?;
        self.opened.commit_own(self.keys, &record, Use::Spends)?;
        Ok(terms.transfer)
    }

    /// What shows the partner that the chain covers what it reserves.
    pub(super) fn funding(&self) -> Result<Funding, GatherError> {
        let medium = self.opened.medium();
        let account = medium.account();
        gather(&medium.grounds().papers(), account.anchor.as_ref(), &account.records)
    }

    /// The receipt for so many bytes of the open segment.
    pub(super) fn receipt(&self, transfer: &TransferId, got: ByteCount) -> Option<Vec<u8>> {
        let state = self.state();
        let receipt = next::receipt(state.medium, state.transfers.get(transfer)?, got)?;
        Some(sign(&self.keys.key, &receipt))
    }

    /// Close the open segment after so many bytes.
    pub(super) fn close(
        &mut self,
        transfer: &TransferId,
        got: ByteCount,
        hand: &mut Hand<'_>,
    ) -> Result<(), CommitError> {
        let (host, event) = (self.opened.host(hand.now()), hand.event());
        let state = self.state();
        let known = state.transfers.get(transfer);
        let end = known.map(|known| known.covered.bytes() + got.bytes());
        let complete = known.is_some_and(|known| end == Some(known.terms.length.bytes()));
        let record = if complete {
            next::download_end(state, &host, event, *transfer)?
        } else {
            next::download_interrupted(state, &host, event, *transfer, got)?
        };
        self.opened.commit_own(self.keys, &record, Use::Keeps)
    }

    /// Is a segment under way with a partner, from there on? Before the first checkpoint nothing but
    /// the chain itself closes one.
    pub(super) fn is_open(
        &self,
        partner: Partner,
        transfer: &TransferId,
        before: ByteCount,
    ) -> bool {
        let known = self.state().transfers.get(transfer);
        let open = known.is_some_and(|known| {
            let open = known.open.as_ref();
            known.covered == before && open.is_some_and(|open| open.partner == partner)
        });
        open || self.state().checkpoint.is_none()
    }

    /// The last receipt of a segment that this chain closed with a partner, signed (anew: the same
    /// bytes) from what the chain says.
    pub(super) fn last_receipt(
        &self,
        partner: Partner,
        transfer: &TransferId,
        before: ByteCount,
    ) -> Option<Vec<u8>> {
        let closed = closed(self.opened.medium(), partner, transfer, before)?;
        Some(sign(&self.keys.key, &Receipt { medium: self.state().medium, ..closed }))
    }
}

/// The record by which a download of the goods of an entry, named by its hash, came to its end;
/// archived ones included.
pub fn owned(medium: &Medium, entry: &[u8; 32]) -> Option<Sequence> {
    let begun = |record: &Verified<Record>| match &record.body {
        Body::DownloadStart { terms, .. } if terms.entry == *entry => Some(terms.transfer),
        _ => None,
    };
    let transfers: Vec<_> = medium.carried_and_records().filter_map(begun).collect();
    let ended = medium.records().find(|record| match &record.body {
        Body::DownloadEnd { transfer, .. } => transfers.contains(transfer),
        _ => false,
    });
    ended.map(|record| record.seq)
}

/// The transfer of these goods that is not complete.
pub(super) fn under_way<'s>(state: &'s State, goods: &Goods) -> Option<&'s Transfer> {
    state.transfers.values().find(|transfer| transfer.terms.entry == goods.entry)
}

/// What a segment that was closed with a partner came to.
fn closed(
    medium: &Medium,
    partner: Partner,
    transfer: &TransferId,
    before: ByteCount,
) -> Option<Receipt> {
    let mut open: Option<Sequence> = None;
    let mut found = None;
    for record in medium.carried_and_records() {
        match &record.body {
            Body::DownloadStart { terms, partner: with, before: from }
                if terms.transfer == *transfer =>
            {
                open = (*with == partner && *from == before).then_some(record.seq);
            }
            Body::DownloadInterrupted { transfer: of, got }
            | Body::DownloadEnd { transfer: of, got }
                if of == transfer =>
            {
                if let Some(start) = open.take_if(|start| *start < record.seq) {
                    let (medium, transfer) = (record.medium, *transfer);
                    let got = *got;
                    found = Some(Receipt { medium, transfer, start, partner, before, got });
                }
            }
            _ => {}
        }
    }
    found
}

/// What a transfer would reserve, or why it may not begin: held against the payer's policy and the
/// partner's. Nothing is written.
pub fn plan(state: &State, goods: &Goods, policies: [&Policy; 2]) -> Result<Plan, TakeRefusal> {
    let known = under_way(state, goods);
    let covered = known.map_or(ByteCount::from_bytes(0), |known| known.covered);
    let share_ppm = known.map_or(policies[0].share_ppm, |known| known.terms.share_ppm);
    let terms = goods.terms([0; 16], share_ppm);
    let left = ByteCount::from_bytes(goods.length.bytes().saturating_sub(covered.bytes()));
    let cost = segment(&terms, covered, left)?;
    let free = state.free();
    // What is open is closed first: its reserve is free again, or charged.
    let open = known.and_then(|known| known.open.as_ref());
    let open = open.map_or(Amount::ZERO, |open| open.reserved);
    let (needs, free) = (cost.charge.minor(), free.minor().saturating_add(open.minor()));
    if needs > free {
        return Err(TakeRefusal::Funds { needs, free, missing: needs - free });
    }
    let (at_partners, transfers) = at_partners(state);
    let found = at_partners.saturating_sub(open.minor()).saturating_add(needs);
    let begun = transfers + u64::from(known.is_none());
    for policy in policies {
        let (cap, count) = offline_limits(policy, state);
        if found > cap.minor() {
            return Err(TakeRefusal::Cap { found, limit: cap.minor(), policy: policy.number });
        }
        if begun > count && known.is_none() {
            return Err(TakeRefusal::Count { found: begun, limit: count, policy: policy.number });
        }
    }
    if known.is_none() && state.transfers.len() >= OPEN_MAX {
        return Err(TakeRefusal::Open(OPEN_MAX));
    }
    Ok(Plan { covered, reserve: cost.charge, fee: cost.fee, resumes: known.is_some() })
}
