//! The whole run: every medium of a heap against the records, and the plan that follows.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::conclude::conclude;
use super::finding::Draft;
use super::heap::Heap;
use super::judged::{Bench, Judged};
use super::plan::{PLAN_VERSION, Plan, plan_row, planned};
use super::transfers::{join, vouchers};
use crate::format::plan::{Class, Finding, PlanEntry, PlanHead};
use crate::records::{
    ImportError, Imported, JournalLine, Known, Records, StorageError, sold_event,
};
use crate::shop::Export;
use crate::units::{Currency, MediumId, Sequence, StoreId, Timestamp};

/// What the records answer while evidence is held against them.
pub trait Books {
    /// Why they can't.
    type Error;

    /// What is known of a medium; none where its number was never given out.
    fn known(&mut self, medium: MediumId) -> Result<Option<Known>, Self::Error>;

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

    fn journal(&mut self, store: StoreId, export: &Export) -> Result<Journalled, StorageError> {
        let lines = export.entries.iter().map(|entry| JournalLine {
            seq: entry.seq,
            at: entry.at,
            voids: None,
            medium: entry.medium,
            event: sold_event(entry),
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
pub struct Terms {
    /// The records' currency.
    pub currency: Currency,
    /// Their digest of what was sold.
    pub base: [u8; 32],
    /// What was known by then is in the plan; else the newest time that an issuer or settler signed
    /// in the evidence.
    pub as_of: Option<Timestamp>,
    /// How many media are judged at once.
    pub threads: NonZeroUsize,
}

/// Hold a heap of evidence against the records.
pub fn reconcile<B: Books>(heap: &Heap, books: &mut B, terms: &Terms) -> Result<Plan, B::Error> {
    let revoked = heap.revoked();
    let bench = Bench { revoked: &revoked, currency: terms.currency, as_of: terms.as_of };
    let mut known = BTreeMap::new();
    for medium in heap.media().keys() {
        known.insert(*medium, books.known(*medium)?);
    }
    let mut all = judge(heap, &bench, known, terms.threads);
    let as_of = terms.as_of.unwrap_or_else(|| newest(heap, &all));
    join(heap, &mut all);
    vouchers(&mut all);
    let mut entries = vec![];
    let findings = stores(heap, books)?;
    if !findings.is_empty() {
        entries.push(PlanEntry { medium: None, before: None, findings, posting: None });
    }
    for (medium, mut judged) in all {
        let pieces = &heap.media()[&medium];
        let posting = conclude(heap, &mut judged, pieces, &revoked, as_of);
        let before = judged.known.as_ref().map(|known| plan_row(&known.row));
        let posting = posting.map(|posting| Box::new(planned(&posting)));
        let findings = judged.findings;
        entries.push(PlanEntry { medium: Some(medium), before, findings, posting });
    }
    let (currency, base) = (terms.currency, terms.base);
    let beginning = PlanHead { version: PLAN_VERSION, as_of, currency, base };
    Ok(Plan::of(beginning, entries))
}

/// Judge all media, several at once.
fn judge(
    heap: &Heap,
    bench: &Bench<'_>,
    known: BTreeMap<MediumId, Option<Known>>,
    threads: NonZeroUsize,
) -> BTreeMap<MediumId, Judged> {
    let media: Vec<(MediumId, Option<Known>)> = known.into_iter().collect();
    let share = media.len().div_ceil(threads.get()).max(1);
    let one = |(medium, known): &(MediumId, Option<Known>)| {
        let judged = Judged::of(bench, *medium, &heap.media()[medium], known.clone());
        (*medium, judged)
    };
    std::thread::scope(|scope| {
        let parts = media.chunks(share);
        let workers: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(one).collect::<Vec<_>>()))
            .collect();
        let done = workers.into_iter();
        done.flat_map(|worker| worker.join().expect("judging doesn't panic")).collect()
    })
}

/// The newest time that an issuer or settler signed.
fn newest(heap: &Heap, all: &BTreeMap<MediumId, Judged>) -> Timestamp {
    let stated = all.values().flat_map(|judged| judged.found.checkpoints.values());
    let stated = stated.map(|checkpoint| checkpoint.as_of);
    let first = Timestamp::from_seconds(0).expect("time begins there");
    stated.chain(heap.newest()).fold(first, Timestamp::max)
}

/// Stores' journals that the records don't hold: what they sold is not known here.
fn stores<B: Books>(heap: &Heap, books: &mut B) -> Result<Vec<Finding>, B::Error> {
    let mut findings = vec![];
    for (store, exports) in heap.journals() {
        for (head, export) in exports {
            let standing = books.journal(*store, export)?;
            let entry = |seq: u64| Sequence::from_number(seq);
            let newest = export.entries.len().saturating_sub(1) as u64;
            let draft = match standing {
                Journalled::Known => continue,
                Journalled::New(count) => {
                    let what = format!("{count} entries of its journal are not in the records");
                    let draft = Draft::of(Class::NotChecked).at(entry(newest)).side(what, *head);
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
                        None => draft.side(what, *head),
                    }
                }
                Journalled::Unknown => {
                    let what = "a journal of a store that is not enrolled";
                    Draft::of(Class::WrongStore).side(what, *head)
                }
            };
            findings.push(draft.finish(None, Some(*store)));
        }
    }
    findings.sort_by_key(|finding| finding.id);
    Ok(findings)
}
