//! The whole run: every medium of a heap against the records, and the plan that follows.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::decisions::{Decisions, tell_decided};
use super::evidence::Evidence;
use super::finding::Draft;
use super::heap::Heap;
use super::judged::Signatures;
use super::passes::{self, Found, Run, RunError};
use super::plan::{PLAN_VERSION, Plan};
use super::written::PlanWriter;
use crate::device::{DeviceError, Scratch};
use crate::format::plan::{Class, Finding, PlanEntry, PlanHead};
use crate::image::leaves::Unwatched;
use crate::records::{
    ImportError, Imported, JournalLine, Known, Records, Row, Still, StorageError,
};
use crate::shop::Export;
use crate::units::{Currency, MediumId, Sequence, StoreId, Timestamp};

/// What the records answer while evidence is held against them.
pub trait Books {
    /// Why they can't.
    type Error: Send;

    /// What is known of a medium; none where its number was never given out.
    fn known(&mut self, medium: MediumId) -> Result<Option<Known>, Self::Error>;

    /// What is known of a medium that is settled and of which nothing is open; none where something
    /// is, or nothing known.
    fn still(&mut self, medium: MediumId) -> Result<Option<Still>, Self::Error>;

    /// What all that is known of a medium is known by: another stamp wherever that is different; none
    /// where there is no such thing.
    fn stamp(&mut self, medium: MediumId) -> Result<Option<[u8; 32]>, Self::Error>;

    /// How a store's journal stands to the one that was imported.
    fn journal(&mut self, store: StoreId, export: &Export) -> Result<Journalled, Self::Error>;
}

/// How a store's journal stands to the one that was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Journalled {
    /// All of it was imported.
    Known,
    /// So many entries of it were not.
    New(u64),
    /// Another entry stands in the records at this place.
    Differs(u64, Vec<u8>),
    /// No such store is enrolled.
    Unknown,
}

impl Books for Records {
    type Error = StorageError;

    fn known(&mut self, medium: MediumId) -> Result<Option<Known>, StorageError> {
        Self::known(self, medium)
    }

    fn still(&mut self, medium: MediumId) -> Result<Option<Still>, StorageError> {
        Self::still(self, medium)
    }

    fn stamp(&mut self, medium: MediumId) -> Result<Option<[u8; 32]>, StorageError> {
        Self::stamp(self, medium).map(Some)
    }

    fn journal(&mut self, store: StoreId, export: &Export) -> Result<Journalled, StorageError> {
        // Held against what was imported by its content alone.
        let lines = export.entries.iter().map(|entry| JournalLine {
            seq: entry.seq,
            at: entry.at,
            voids: None,
            medium: entry.medium,
            event: None,
            own: false,
            moves: None,
            content: entry.bytes(),
        });
        match self.try_journal(store, &lines.collect::<Vec<_>>()) {
            Ok(Imported { new: 0, .. }) => Ok(Journalled::Known),
            Ok(Imported { new, .. }) => Ok(Journalled::New(new)),
            Err(ImportError::Forked { seq, held, .. }) => Ok(Journalled::Differs(seq, held)),
            Err(ImportError::UnknownStore(_)) => Ok(Journalled::Unknown),
            Err(ImportError::Storage(error)) => Err(error),
        }
    }
}

/// What a run is made for.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The records' currency.
    pub currency: Currency,
    /// Their digest of what was sold and decided.
    pub base: [u8; 32],
    /// What was known by then is in the plan; else the newest time that an issuer or settler signed
    /// in the evidence.
    pub as_of: Option<Timestamp>,
    /// How many media are judged at once.
    pub threads: NonZeroUsize,
    /// What people decided.
    pub decisions: &'a Decisions,
}

/// Hold a heap of evidence against the records.
pub fn reconcile<B: Books + Send>(
    heap: &Heap,
    books: &mut B,
    terms: &Terms<'_>,
) -> Result<Plan, B::Error> {
    let scratch = Scratch::memory();
    let books = std::slice::from_mut(books);
    let (evidence, scratch, watch) = (heap, &scratch, &Unwatched);
    let signatures = Signatures::New;
    let run = Run { evidence, books, terms, scratch, watch, memory: None, signatures };
    let found = match reconcile_all(run) {
        Ok(found) => found,
        Err(RunError::Books(error)) => return Err(error),
        Err(RunError::Scratch(_) | RunError::Stopped { .. }) => {
            unreachable!("memory takes all, and nobody stops it")
        }
    };
    let mut entries = vec![];
    let all: Result<(), DeviceError> = found.each(|entry| {
        entries.push(entry);
        Ok(())
    });
    all.expect("memory gives what was put down");
    Ok(Plan::of(found.head, entries))
}

/// What evidence and records come to: a plan's head, and its entries where they were put down.
pub struct Reconciled<'a> {
    /// What the plan is made for.
    pub head: PlanHead,
    /// What is of no medium.
    stores: Vec<Finding>,
    found: Found,
    scratch: &'a Scratch,
}

/// Hold evidence against the records.
pub fn reconcile_all<S: Evidence, B: Books + Send>(
    run: Run<'_, S, B>,
) -> Result<Reconciled<'_>, RunError<B::Error>> {
    let Run { evidence, books, terms, scratch, watch, memory, signatures } = run;
    let mut stores = match books.first_mut() {
        Some(books) => stores(evidence, books)?,
        None => vec![],
    };
    let decided = terms.decisions.of(None);
    for finding in &mut stores {
        tell_decided(finding, &decided, &Row::UNSETTLED);
    }
    let found = passes::run(Run { evidence, books, terms, scratch, watch, memory, signatures })?;
    let (currency, base, as_of) = (terms.currency, terms.base, found.as_of);
    let head = PlanHead { version: PLAN_VERSION, as_of, currency, base };
    Ok(Reconciled { head, stores, found, scratch })
}

impl Reconciled<'_> {
    /// Give each entry, by their media; what is of none first.
    pub fn each<E: From<DeviceError>>(
        &self,
        mut each: impl FnMut(PlanEntry) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.stores.is_empty() {
            let findings = self.stores.clone();
            each(PlanEntry { medium: None, before: None, findings, posting: None })?;
        }
        self.found.each(self.scratch, each)
    }

    /// Write the plan's file through `put`; gives its hash.
    pub fn write<E: From<DeviceError>>(
        &self,
        put: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<[u8; 32], E> {
        let mut writer = PlanWriter::begin(&self.head, put)?;
        self.each(|entry| writer.entry(&entry))?;
        writer.finish().map(|(_, hash)| hash)
    }
}

/// Stores' journals that the records don't hold: what they sold is not known here.
fn stores<S: Evidence, B: Books>(
    evidence: &S,
    books: &mut B,
) -> Result<Vec<Finding>, RunError<B::Error>> {
    let mut findings = BTreeMap::new();
    evidence.each_journal::<RunError<B::Error>>(&mut |store, head, export| {
        let standing = books.journal(store, export).map_err(RunError::Books)?;
        let finding = told(standing, export, head).map(|draft| draft.finish(None, Some(store)));
        findings.extend(finding.map(|finding| (finding.id, finding)));
        Ok(())
    })?;
    Ok(findings.into_values().collect())
}

/// What is to be told of a store's journal.
fn told(standing: Journalled, export: &Export, newest_hash: [u8; 32]) -> Option<Draft> {
    let entry = |seq: u64| Sequence::from_number(seq);
    let newest = export.entries.len().saturating_sub(1) as u64;
    Some(match standing {
        Journalled::Known => return None,
        Journalled::New(count) => {
            let what = format!("{count} entries of its journal are not in the records");
            let draft = Draft::of(Class::NotChecked).at(entry(newest)).side(what, newest_hash);
            draft.so("import the store's journal first")
        }
        Journalled::Differs(seq, held) => {
            let what = "its journal has another entry than the records";
            let at = usize::try_from(seq).unwrap_or(usize::MAX);
            let draft = Draft::of(Class::Fork).at(entry(seq));
            let draft = draft.so("the store signed two journals: both are evidence");
            let draft = draft.shown("the records have this entry", &held);
            match export.entries.get(at) {
                Some(other) => draft.shown(what, other.bytes()),
                None => draft.side(what, newest_hash),
            }
        }
        Journalled::Unknown => {
            let what = "a journal of a store that is not enrolled";
            Draft::of(Class::WrongStore).side(what, newest_hash)
        }
    })
}
