//! A transfer between two media, or from a store's kiosk, in segments with receipts.

use super::chance::Chance;
use super::purse::Purse;
use super::tally::{Deed, cost};
use crate::crypto::digest::sha256;
use crate::format::transfer::{Partner, Receipt, Terms};
use crate::ledger::next::{self, Package};
use crate::trust::{Verified, sign_verified};
use crate::units::{Amount, ByteCount};

/// What one medium is fetching.
#[derive(Debug, Clone)]
pub(super) struct Fetch {
    pub(super) terms: Terms,
    pub(super) item: String,
    /// Bytes that are here and paid for.
    pub(super) covered: u64,
}

/// A segment that the payer has begun and not closed.
pub(super) struct Begun {
    /// Sequence of its start.
    pub(super) start: u64,
    hash: [u8; 32],
}

impl Fetch {
    /// Terms of something that costs this.
    pub(super) fn new(price: u64, share_ppm: u32, chance: &mut Chance) -> Self {
        let item = format!("clip-{}", chance.below(400));
        let length = ByteCount::from_bytes(1 + chance.below(50_000_000));
        let price = Amount::from_minor(price).expect("prices are amounts");
        let entry = sha256(item.as_bytes());
        let terms = Terms { transfer: chance.bytes(), entry, price, length, share_ppm };
        Self { terms, item, covered: 0 }
    }

    /// Bytes that are not here yet.
    pub(super) fn left(&self) -> u64 {
        self.terms.length.bytes() - self.covered
    }

    /// What so many more bytes cost, and what the sender earns of it.
    pub(super) fn charge(&self, got: u64) -> (i64, i64) {
        let Terms { price, length, share_ppm, .. } = &self.terms;
        let at = |bytes| cost(price.minor(), length.bytes(), *share_ppm, bytes);
        let (before, after) = (at(self.covered), at(self.covered + got));
        (after.0 - before.0, after.1 - before.1)
    }

    /// The payer begins a segment: what is left is reserved.
    pub(super) fn begin(&self, payer: &mut Purse<'_>, partner: Partner) -> Begun {
        let started = payer.put(|payer, host, event| {
            let package = Package { terms: &self.terms, item: &self.item, partner };
            let record = next::download_start(&payer.state, host, event, &package);
            record.expect("it can pay the whole")
        });
        let start = started.seq.number();
        payer.tally.hold(payer.branch, start, self.charge(self.left()).0);
        Begun { start, hash: started.hash() }
    }

    /// The sender begins it as well.
    pub(super) fn answer(&self, sender: &mut Purse<'_>, payer: &Purse<'_>, begun: &Begun) {
        sender.put(|sender, host, event| {
            let segment = next::Segment {
                terms: &self.terms,
                item: &self.item,
                payer: payer.state.medium,
                key: payer.key.public(),
                before: ByteCount::from_bytes(self.covered),
                start: begun.hash,
            };
            next::upload_start(&sender.state, host, event, &segment)
        });
    }

    /// The payer signs for so many bytes of its open segment.
    pub(super) fn receipt(&self, payer: &Purse<'_>, got: u64) -> Verified<Receipt> {
        let transfer = &payer.state.transfers[&self.terms.transfer];
        let receipt = next::receipt(payer.state.medium, transfer, ByteCount::from_bytes(got));
        sign_verified(&payer.key, receipt.expect("a segment is open"))
    }

    /// The payer closes its segment, and is charged.
    pub(super) fn close(&mut self, payer: &mut Purse<'_>, begun: &Begun, got: u64) {
        let whole = got == self.left();
        payer.put(|payer, host, event| {
            let transfer = self.terms.transfer;
            let count = ByteCount::from_bytes(got);
            let record = if whole {
                next::download_end(&payer.state, host, event, transfer)
            } else {
                next::download_interrupted(&payer.state, host, event, transfer, count)
            };
            record.expect("a segment is open")
        });
        payer.tally.release(payer.branch, begun.start);
        let sum = -self.charge(got).0;
        payer.tally.note(Deed::Fetched(payer.branch, begun.start), sum);
        self.covered += got;
    }

    /// The sender closes it by a receipt, and earns its fee where one is due.
    pub(super) fn earn(&self, sender: &mut Purse<'_>, receipt: &Verified<Receipt>) {
        let (transfer, got) = (self.terms.transfer, receipt.got);
        let before = Self { covered: receipt.before.bytes(), ..self.clone() };
        let whole = got.bytes() == before.left();
        sender.put(|sender, host, event| {
            let record = if whole {
                next::upload_end(&sender.state, host, event, transfer, got)
            } else {
                next::upload_interrupted(&sender.state, host, event, transfer, got)
            };
            record.expect("a segment is open")
        });
        let fee = before.charge(got.bytes()).1;
        if fee > 0 {
            sender.put(|sender, host, event| {
                next::earn(&sender.state, host, event, receipt).expect("a fee is due")
            });
            sender.tally.note(Deed::Earned(receipt.medium, receipt.start.number()), fee);
        }
    }
}
