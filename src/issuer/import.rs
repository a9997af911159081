//! Taking the stores' journals into the records, and what the stores owe by them.

use std::collections::BTreeMap;

use super::Issuer;
use crate::format::store::{StoreEntry, StoreEvent};
use crate::records::{Account, ImportError, Imported, JournalLine, Move, is_own, sold_event};
use crate::shop::{Export, ExportError, read_export};
use crate::trust::{TestRoots, Trust};
use crate::units::{Amount, Currency, MediumId, StoreId};

/// A store's journal, verified and ready to be booked.
#[derive(Debug)]
pub struct StoreJournal {
    store: StoreId,
    export: Export,
    moves: Vec<Option<Move>>,
}

/// Why an exported journal isn't booked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It isn't believed.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Its certificate lets nobody sell.
    #[error("exported journal: its certificate is no store's")]
    NoStore,
    /// An entry is in another currency than the issuer's.
    #[error("store {store}, entry {seq}: it is in {found}, this issuer issues {expected}")]
    Currency {
        /// The store.
        store: StoreId,
        /// The entry.
        seq: u64,
        /// Its currency.
        found: Currency,
        /// The issuer's.
        expected: Currency,
    },
    /// A voiding that takes back what is none of its medium's sales, or was taken back before.
    #[error("store {store}, entry {seq}: it takes back entry {voids}, {why}")]
    Voids {
        /// The store.
        store: StoreId,
        /// The entry.
        seq: u64,
        /// The entry that it names.
        voids: u64,
        /// What is wrong with that.
        why: &'static str,
    },
    /// The records refuse it.
    #[error(transparent)]
    Records(#[from] ImportError),
}

/// A sale that may be taken back.
struct Sale {
    medium: MediumId,
    amount: Amount,
    voided: bool,
}

impl Issuer {
    /// Read an exported journal, and work out what each entry moves.
    pub fn read_journal(&self, exported: &[u8]) -> Result<StoreJournal, JournalError> {
        let trust = Trust::new(vec![self.root.clone()], TestRoots::Allowed);
        let export = read_export(exported, &trust)?;
        let grant = export.signer.certificate().grant.as_ref().ok_or(JournalError::NoStore)?;
        let (store, currency) = (grant.store, self.form.currency());
        let mut sales = BTreeMap::new();
        let moves = export.entries.iter().map(|entry| {
            if let Some(found) = entry.value.as_ref().map(|value| value.currency)
                && found != currency
            {
                let (seq, expected) = (entry.seq, currency);
                return Err(JournalError::Currency { store, seq, found, expected });
            }
            moved(store, entry, &mut sales)
        });
        Ok(StoreJournal { store, moves: moves.collect::<Result<_, _>>()?, export })
    }

    /// Book a journal: all of it or nothing; what was booked before isn't booked again.
    pub fn import_journal(&mut self, journal: &StoreJournal) -> Result<Imported, JournalError> {
        Ok(self.records.import_journal(journal.store, &journal.lines())?)
    }

    /// What [`Issuer::import_journal`] would bring.
    pub fn try_journal(&mut self, journal: &StoreJournal) -> Result<Imported, JournalError> {
        Ok(self.records.try_journal(journal.store, &journal.lines())?)
    }
}

impl StoreJournal {
    /// Whose it is.
    pub fn store(&self) -> StoreId {
        self.store
    }

    fn lines(&self) -> Vec<JournalLine<'_>> {
        let lines = self.export.entries.iter().zip(&self.moves);
        lines
            .map(|(entry, moves)| JournalLine {
                seq: entry.seq,
                at: entry.at,
                voids: entry.voids.filter(|_| entry.event == StoreEvent::Voided),
                medium: entry.medium,
                event: sold_event(entry),
                own: is_own(entry),
                moves: moves.clone(),
                content: entry.bytes(),
            })
            .collect()
    }
}

/// What an entry moves: a store owes for each code and voucher that it sold or put on a medium.
///
/// The price of a medium itself is the store's own.
fn moved(
    store: StoreId,
    entry: &StoreEntry,
    sales: &mut BTreeMap<u64, Sale>,
) -> Result<Option<Move>, JournalError> {
    let (owes, outstanding) = (Account::Store(store), Account::Outstanding(entry.medium));
    let amount = entry.value.as_ref().map_or(Amount::ZERO, |value| value.amount);
    let (debit, credit, amount) = match entry.event {
        StoreEvent::Voided => (outstanding, owes, voided(store, entry, sales)?),
        StoreEvent::Sold | StoreEvent::CodeSold | StoreEvent::VoucherSold => {
            sales.insert(entry.seq, Sale { medium: entry.medium, amount, voided: false });
            (owes, outstanding, amount)
        }
        StoreEvent::Spent => (owes, outstanding, amount),
        StoreEvent::Begun | StoreEvent::Burnt | StoreEvent::Abandoned | StoreEvent::Refreshed => {
            return Ok(None);
        }
    };
    Ok((amount > Amount::ZERO).then_some(Move { debit, credit, amount }))
}

/// The sum of the sale that an entry takes back.
fn voided(
    store: StoreId,
    entry: &StoreEntry,
    sales: &mut BTreeMap<u64, Sale>,
) -> Result<Amount, JournalError> {
    let seq = entry.seq;
    let voids = entry.voids.unwrap_or(seq);
    let fault = |why| JournalError::Voids { store, seq, voids, why };
    let sale = sales.get_mut(&voids).ok_or_else(|| fault("which is no sale before it"))?;
    if sale.medium != entry.medium {
        return Err(fault("which is another medium's"));
    }
    if std::mem::replace(&mut sale.voided, true) {
        return Err(fault("which was taken back before"));
    }
    Ok(sale.amount)
}
