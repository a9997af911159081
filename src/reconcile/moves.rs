//! What a settlement moves in the books.

use std::collections::BTreeMap;

use super::judged::Judged;
use super::pieces::Rights;
use super::sold::newly;
use crate::format::record::{Body, EventId, Record};
use crate::format::transfer::TransferId;
use crate::ledger::Account as Sums;
use crate::records::{Account, Move};
use crate::trust::Verified;
use crate::units::{Amount, StoreId};

/// Whose goods they were where nothing says so.
const NOBODY: &str = "unknown";

/// A sum that no entry of the books can have.
#[derive(Debug, thiserror::Error)]
#[error(
    "it would move {sum} minor units from {credit} to {debit} at once, {} is the most",
    Amount::MAX.minor()
)]
pub(super) struct MoveError {
    sum: i128,
    debit: &'static str,
    credit: &'static str,
}

/// Sums by the account that gets them and the one that gives them.
#[derive(Default)]
struct Sheet(BTreeMap<(Account, Account), i128>);

impl Sheet {
    /// A sum below 0 goes the other way.
    fn put(&mut self, debit: Account, credit: Account, sum: i128) {
        let key = if sum < 0 { (credit, debit) } else { (debit, credit) };
        *self.0.entry(key).or_default() += sum.abs();
    }

    fn finish(self) -> Result<Vec<Move>, MoveError> {
        let moves = self.0.into_iter().filter(|(_, sum)| *sum > 0);
        let moves = moves.map(|((debit, credit), sum)| {
            let amount = u64::try_from(sum).ok().and_then(|sum| Amount::from_minor(sum).ok());
            match amount {
                Some(amount) => Ok(Move { debit, credit, amount }),
                None => Err(MoveError { sum, debit: debit.kind(), credit: credit.kind() }),
            }
        });
        moves.collect()
    }
}

/// What brings the books from `before` to where a medium's settlement stands.
pub(super) fn moves(
    rights: &Rights,
    judged: &Judged,
    store: StoreId,
    after: &Sums,
) -> Result<Vec<Move>, MoveError> {
    let (medium, before) = (judged.medium, &judged.before);
    let settled = || Account::Settled(medium);
    let events = judged.events();
    let holders = Holders::of(rights, judged);
    let mut sheet = Sheet::default();
    for (event, _, delta) in newly(before, after) {
        let record = events.get(event).copied();
        let delta = i128::from(delta);
        let is_fee = record.is_some_and(|record| matches!(record.body, Body::Earn { .. }));
        let revenue = || Account::Revenue(holders.of_event(event, record));
        match (is_fee, delta < 0) {
            (true, _) => sheet.put(revenue(), Account::Provisional(medium), delta),
            (false, true) => sheet.put(settled(), revenue(), -delta),
            (false, false) => sheet.put(Account::Outstanding(medium), settled(), delta),
        }
    }
    for event in &judged.vested {
        let fee = after.events.get(event).map_or(0, |booked| booked.amount);
        sheet.put(Account::Provisional(medium), settled(), fee.into());
    }
    let sum = |amount: Amount| i128::from(amount.minor());
    let held = |sums: &Sums| sums.open.iter().map(|open| sum(open.reserved)).sum::<i128>();
    sheet.put(settled(), Account::Reserved(medium), held(after) - held(before));
    sheet.put(Account::Debt(medium), settled(), sum(after.debt) - sum(before.debt));
    let loss = sum(after.store_loss) - sum(before.store_loss);
    sheet.put(Account::ForkLoss(store), settled(), loss);
    sheet.finish()
}

/// Who is paid for what a medium's records are about.
struct Holders<'a> {
    rights: &'a Rights,
    /// The signed entry that each transfer is about.
    entries: BTreeMap<TransferId, [u8; 32]>,
    /// The transfer that each segment's event is of.
    segments: BTreeMap<EventId, TransferId>,
}

impl<'a> Holders<'a> {
    fn of(rights: &'a Rights, judged: &Judged) -> Self {
        let mut holders = Self { rights, entries: BTreeMap::new(), segments: BTreeMap::new() };
        for record in judged.found.records.values() {
            match &record.body {
                Body::DownloadStart { terms, .. } => {
                    holders.entries.insert(terms.transfer, terms.entry);
                    let event = record.history.link;
                    holders.segments.extend(event.map(|event| (event, terms.transfer)));
                }
                Body::UploadStart { terms, .. } => {
                    holders.entries.insert(terms.transfer, terms.entry);
                }
                _ => {}
            }
        }
        for transfer in judged.states().iter().flat_map(|state| state.transfers.values()) {
            holders.entries.insert(transfer.terms.transfer, transfer.terms.entry);
            let event = transfer.open.as_ref().map(|open| open.event);
            holders.segments.extend(event.map(|event| (event, transfer.terms.transfer)));
        }
        holders
    }

    fn of_event(&self, event: &EventId, record: Option<&Verified<Record>>) -> String {
        let transfer = record.and_then(|record| transfer_of(record));
        let transfer = transfer.or_else(|| self.segments.get(event).copied());
        if let Some(transfer) = transfer {
            let entry = self.entries.get(&transfer);
            let holder = entry.and_then(|entry| self.rights.get(entry));
            return holder.map_or(NOBODY, String::as_str).to_owned();
        }
        // A purchase names the rights holder as its partner.
        let partner = record.and_then(|record| record.accounting.as_ref());
        let partner = partner.map(|entry| entry.partner.as_str()).filter(|name| !name.is_empty());
        partner.unwrap_or(NOBODY).to_owned()
    }
}

fn transfer_of(record: &Record) -> Option<TransferId> {
    match &record.body {
        Body::DownloadInterrupted { transfer, .. } | Body::DownloadEnd { transfer, .. } => {
            Some(*transfer)
        }
        Body::Earn { receipt } => {
            let receipt =
                crate::trust::Claimed::<crate::format::transfer::Receipt>::read(&receipt.0);
            receipt.ok().map(|receipt| receipt.transfer)
        }
        _ => None,
    }
}
