//! The passes over the media: each is judged by itself, then asked again where others concern it.
//!
//! Nothing of a medium is kept but its entry, which is put down, and what others need to know: fees
//! that it earned and vouchers that it credited. So memory doesn't grow with the records.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::checked::Checked;
use super::conclude::{adds, conclude, is_held, listed_until};
use super::evidence::Evidence;
use super::first::{Dated, Fee, First, Kept};
use super::judged::{Bench, Judged, Signatures, Standing};
use super::pieces::Pieces;
use super::plan::{plan_row, planned};
use super::remembered::{self, Writer, is_entry_of, keep, ruled, rulings};
use super::run::{Books, Terms};
use super::said::{AllLooked, Looked, all_twins, in_question};
use super::still::Held;
use super::transfers::{Ruled, Shown, charge_all, closed_by, earned_by, vest_all, without_payer};
use super::twins::{Twin, credits, tell_twins};
use crate::device::{DeviceError, Keyed, Put, Scratch, ValueKey};
use crate::format::Object;
use crate::format::plan::PlanEntry;
use crate::image::leaves::Watch;
use crate::trust::{Revoked, Verified};
use crate::units::{MediumId, Timestamp};

/// Why a run ends before its plan.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E> {
    /// The records don't answer.
    #[error(transparent)]
    Books(E),
    /// What is put down meanwhile can't be.
    #[error("putting down what was found: {0}")]
    Scratch(#[from] DeviceError),
    /// It was asked to.
    #[error("stopped behind {done} of {total} media")]
    Stopped {
        /// Media that were judged.
        done: u64,
        /// Media that there are.
        total: u64,
    },
}

/// What a run works on.
pub struct Run<'a, S, B> {
    /// What was gathered.
    pub evidence: &'a S,
    /// The records: one reader, or one a thread.
    pub books: &'a mut [B],
    /// What it is made for.
    pub terms: &'a Terms<'a>,
    /// Where entries are put down.
    pub scratch: &'a Scratch,
    /// Who sees how far it is.
    pub watch: &'a dyn Watch,
    /// What an earlier run found, and this one leaves for the next.
    pub memory: Option<&'a Keyed>,
    /// Which signatures are checked.
    pub signatures: Signatures,
}

/// All entries of a plan.
pub(super) struct Found {
    pub(super) as_of: Timestamp,
    entries: BTreeMap<MediumId, Kept>,
}

/// What others say of media.
#[derive(Default)]
struct Exchange {
    /// What was shown of a payer.
    shown: BTreeMap<MediumId, Vec<Put>>,
    /// What becomes of a giver's fees.
    ruled: BTreeMap<MediumId, Vec<Ruled>>,
    twins: BTreeMap<MediumId, Vec<Vec<Twin>>>,
}

struct Passes<'a, S, B> {
    evidence: &'a S,
    books: Vec<Mutex<&'a mut B>>,
    terms: &'a Terms<'a>,
    scratch: &'a Scratch,
    watch: &'a dyn Watch,
    memory: Option<&'a Keyed>,
    signatures: Signatures,
    revoked: Revoked,
    checked: Checked,
}

type Outcome<T, B> = Result<T, RunError<<B as Books>::Error>>;

/// Judge all media, exchange what concerns others, and judge those again.
pub(super) fn run<S: Evidence, B: Books + Send>(run: Run<'_, S, B>) -> Outcome<Found, B>
where
    B::Error: Send,
{
    let Run { evidence, books, terms, scratch, watch, memory, signatures } = run;
    let books = books.iter_mut().map(Mutex::new).collect();
    let revoked = evidence.revoked();
    let checked = Checked::default();
    let mut passes =
        Passes { evidence, books, terms, scratch, watch, memory, signatures, revoked, checked };
    let first = passes.first_pass()?;
    let newest = first.values().filter_map(|first| first.newest).chain(evidence.newest()).max();
    let as_of = terms.as_of.or(newest).unwrap_or(BEGINNING);
    passes.second_pass(first, as_of)
}

/// Before this nothing was signed.
const BEGINNING: Timestamp = Timestamp::BEGINNING;

impl<'a, S: Evidence, B: Books + Send> Passes<'a, S, B>
where
    B::Error: Send,
{
    /// Each medium by itself; anew where a newer list turned up meanwhile, and what strays concern.
    fn first_pass(&mut self) -> Outcome<AllLooked, B> {
        let mut found = BTreeMap::new();
        let mut media = self.evidence.media();
        loop {
            let strays = self.evidence.strays();
            media.extend(strays);
            media.sort_unstable();
            media.dedup();
            let all = self.each(&media, |medium, room| {
                let first = self.first(medium, room)?;
                Ok(first.map(|first| Looked::of(first, self.scratch)).transpose()?)
            })?;
            found.extend(all.into_iter().flatten());
            let newest = self.evidence.revoked();
            media = if hash_of(&newest) == hash_of(&self.revoked) {
                vec![]
            } else {
                self.revoked = newest;
                found.keys().copied().collect()
            };
            let strays = self.evidence.strays();
            if media.is_empty() && strays.is_empty() {
                return Ok(found);
            }
            media.extend(strays);
        }
    }

    /// None of a medium of which nothing that was there could be read.
    fn first(&self, medium: MediumId, room: &mut Vec<u8>) -> Outcome<Option<First>, B> {
        let key = self.key(medium)?;
        if let Some(value) = self.recall(key) {
            let known = First::recalled(medium, &value, self.scratch)?;
            if let Some((first, _)) =
                known.filter(|(_, became)| self.evidence.recall(medium, became))
            {
                return Ok(Some(first));
            }
        }
        let first = match self.unchanged(medium, room)? {
            Some(first) => first,
            None => match self.first_read(medium)? {
                Some(first) => first,
                None => return Ok(None),
            },
        };
        if let (Some(memory), Some(key)) = (self.memory, key)
            && let Some(became) = self.evidence.became(medium)
        {
            keep(memory, key, &first.remembered(self.scratch, &became)?);
        }
        Ok(Some(first))
    }

    /// What names all that is found of a medium by itself; none where nothing is remembered.
    fn key(&self, medium: MediumId) -> Outcome<Option<ValueKey>, B> {
        // What is checked anew is not taken from memory.
        let memory = self.memory.filter(|_| self.signatures == Signatures::New);
        let identity = memory.and_then(|_| self.evidence.identity(medium));
        let Some(identity) = identity else { return Ok(None) };
        let Some(stamp) = self.reader().stamp(medium).map_err(RunError::Books)? else {
            return Ok(None);
        };
        let Terms { currency, as_of, decisions, .. } = self.terms;
        let decided = !decisions.of(Some(medium)).is_empty();
        let decided = decided.then(|| decisions.digest());
        let as_of = as_of.map(|as_of| as_of.seconds().to_be_bytes());
        let ground = self.evidence.ground();
        let list = hash_of(&self.revoked);
        Ok(Some(remembered::key(&[
            &medium.number().to_be_bytes(),
            &identity,
            &stamp,
            &ground,
            currency.code().as_bytes(),
            as_of.as_ref().map_or(&[], |as_of| &as_of[..]),
            list.as_ref().map_or(&[], |list| &list[..]),
            decided.as_ref().map_or(&[], |decided| &decided[..]),
        ])))
    }

    fn recall(&self, key: Option<ValueKey>) -> Option<Vec<u8>> {
        self.memory?.recall(&key?)
    }

    /// What follows for a medium of which nothing is new: none where that isn't so, or isn't seen at
    /// once.
    fn unchanged(&self, medium: MediumId, room: &mut Vec<u8>) -> Outcome<Option<First>, B> {
        let Terms { currency, as_of, decisions, .. } = *self.terms;
        let usual = self.signatures == Signatures::New
            && self.evidence.is_lone(medium)
            && self.revoked.check_medium(medium).is_ok()
            && decisions.of(Some(medium)).is_empty();
        let known = if usual { self.reader().still(medium) } else { Ok(None) };
        let Some(known) = known.map_err(RunError::Books)? else {
            return Ok(None);
        };
        let held = Held { known: &known, revoked: &self.revoked, currency, as_of };
        let Some(unchanged) = self.evidence.unchanged(medium, held, room) else {
            return Ok(None);
        };
        Ok(Some(First::unchanged(&known, &unchanged, self.scratch)?))
    }

    fn first_read(&self, medium: MediumId) -> Outcome<Option<First>, B> {
        let pieces = self.evidence.pieces(medium);
        if pieces.is_empty() {
            return Ok(None);
        }
        self.checked.forget(medium);
        let mut judged = self.judge(medium, &pieces)?;
        self.checked.note(&judged);
        let told = judged.told();
        let fees =
            earned_by(medium, &told).into_iter().map(|one| Fee::of(&judged, &one, self.scratch));
        let fees = fees.collect::<Result<_, DeviceError>>()?;
        let one_chain = judged.found.branches.len() == 1;
        let closed = if one_chain { closed_by(medium, &told) } else { vec![] };
        let credits = credits(medium, &told, self.scratch)?;
        let stated = judged.found.checkpoints.values().map(|checkpoint| checkpoint.as_of).max();
        let newest = stated.max(pieces.newest());
        charge_all(&mut judged, &pieces, vec![]);
        let kept = self.conclude(judged, &pieces, self.terms.as_of)?;
        Ok(Some(First { medium, kept, newest, fees, closed, credits }))
    }

    fn second_pass(&self, first: AllLooked, as_of: Timestamp) -> Outcome<Found, B> {
        let mut exchange = Exchange::default();
        let (asked, fees) = in_question(&first, self.scratch)?;
        exchange.twins = all_twins(&first, self.scratch)?;
        let entries = first.into_iter().map(|(medium, looked)| (medium, looked.kept));
        let mut entries: BTreeMap<MediumId, Kept> = entries.collect();
        for fee in self.all_shown(fees, &asked)? {
            exchange.shown.entry(fee.payer).or_default().extend(fee.shown);
        }
        exchange.ruled = self.rule(&exchange.shown, &entries)?;
        let late = entries.iter().filter(|(_, kept)| match kept.dated {
            Dated::Never => false,
            Dated::Until(end) => end.is_some_and(|end| end <= as_of),
            Dated::Anew => true,
        });
        let mut again: BTreeSet<MediumId> = late.map(|(medium, _)| *medium).collect();
        again.extend(exchange.shown.keys().filter(|payer| entries.contains_key(payer)));
        again.extend(exchange.ruled.keys().chain(exchange.twins.keys()));
        let again: Vec<MediumId> = again.into_iter().collect();
        let anew = self.each(&again, |medium, _| self.second(medium, &exchange, as_of))?;
        entries.extend(again.into_iter().zip(anew));
        Ok(Found { as_of, entries })
    }

    /// The fees that these payers are asked for: what wasn't put down of them is read once more.
    fn all_shown(&self, mut fees: Vec<Fee>, asked: &BTreeSet<MediumId>) -> Outcome<Vec<Fee>, B> {
        let silent = fees.iter().filter(|fee| fee.shown.is_none());
        let silent: BTreeSet<MediumId> = silent.map(|fee| fee.by).collect();
        fees.retain(|fee| !silent.contains(&fee.by));
        let silent: Vec<MediumId> = silent.into_iter().collect();
        let read = self.each(&silent, |giver, _| self.first_read(giver))?;
        let read = read.into_iter().flatten().flat_map(|first| first.fees);
        fees.extend(read.filter(|fee| asked.contains(&fee.payer)));
        fees.sort_by_key(|fee| fee.by);
        Ok(fees)
    }

    /// What becomes of all fees that were shown.
    fn rule(
        &self,
        shown: &BTreeMap<MediumId, Vec<Put>>,
        known: &BTreeMap<MediumId, Kept>,
    ) -> Outcome<BTreeMap<MediumId, Vec<Ruled>>, B> {
        let payers: Vec<MediumId> = shown.keys().copied().collect();
        let ruled = self.each(&payers, |payer, _| {
            if !known.contains_key(&payer) {
                return Ok(without_payer(&self.taken(&shown[&payer])?));
            }
            self.ruled(payer, &shown[&payer])
        })?;
        let mut by_giver: BTreeMap<MediumId, Vec<Ruled>> = BTreeMap::new();
        for one in ruled.into_iter().flatten() {
            by_giver.entry(one.by).or_default().push(one);
        }
        Ok(by_giver)
    }

    /// What becomes of fees that were shown of a payer.
    fn ruled(&self, payer: MediumId, shown: &[Put]) -> Outcome<Vec<Ruled>, B> {
        let key = self.key_with(b"ruled", payer, shown, &[])?;
        if let Some(known) = self.recall(key).and_then(|value| ruled(&value)) {
            return Ok(known);
        }
        let pieces = self.evidence.pieces(payer);
        let mut judged = self.judge(payer, &pieces)?;
        let mut ruled = charge_all(&mut judged, &pieces, self.taken(shown)?);
        if is_held(self.evidence.rights(), judged, &pieces, &self.revoked) {
            let mut held = self.judge(payer, &pieces)?;
            held.standing = Standing::Held;
            ruled = charge_all(&mut held, &pieces, self.taken(shown)?);
        }
        if let (Some(memory), Some(key), Some(_)) = (self.memory, key, self.evidence.became(payer))
        {
            keep(memory, key, &rulings(&ruled));
        }
        Ok(ruled)
    }

    /// The key of what follows for a medium from what others say.
    fn key_with(
        &self,
        what: &[u8],
        medium: MediumId,
        shown: &[Put],
        more: &[u8],
    ) -> Outcome<Option<ValueKey>, B> {
        let Some(key) = self.key(medium)? else { return Ok(None) };
        let shown = shown.iter().map(|put| self.scratch.get(*put));
        let shown = shown.collect::<Result<Vec<_>, _>>()?;
        let mut parts = vec![what, &key, more];
        parts.extend(shown.iter().map(Vec::as_slice));
        Ok(Some(remembered::key(&parts)))
    }

    fn second(&self, medium: MediumId, exchange: &Exchange, as_of: Timestamp) -> Outcome<Kept, B> {
        let shown = exchange.shown.get(&medium).map_or(&[][..], Vec::as_slice);
        let ruled = exchange.ruled.get(&medium).map_or(&[][..], Vec::as_slice);
        let twins = exchange.twins.get(&medium).map_or(&[][..], Vec::as_slice);
        let mut more = Writer::default();
        more.number(as_of.seconds()).bytes(&rulings(ruled));
        let key = match twins {
            [] => self.key_with(b"second", medium, shown, &more.finish())?,
            _ => None,
        };
        let known = self.recall(key);
        if let Some(entry) = known.filter(|entry| is_entry_of(medium, entry).is_some()) {
            return Ok(Kept { entry: self.scratch.put(&entry)?, dated: Dated::Never });
        }
        let pieces = self.evidence.pieces(medium);
        let mut judged = self.judge(medium, &pieces)?;
        charge_all(&mut judged, &pieces, self.taken(shown)?);
        vest_all(&mut judged, ruled);
        tell_twins(&mut judged, twins);
        let kept = self.conclude(judged, &pieces, Some(as_of))?;
        if let (Some(memory), Some(key), Some(_)) = (self.memory, key, self.evidence.became(medium))
        {
            keep(memory, key, &self.scratch.get(kept.entry)?);
        }
        Ok(kept)
    }

    fn taken(&self, shown: &[Put]) -> Result<Vec<Shown>, DeviceError> {
        shown.iter().map(|put| Shown::take(self.scratch, *put)).collect()
    }

    fn judge(&self, medium: MediumId, pieces: &Pieces) -> Outcome<Judged, B> {
        let known = self.reader().known(medium).map_err(RunError::Books)?;
        let Terms { currency, as_of, .. } = *self.terms;
        let decisions = self.terms.decisions;
        let (revoked, signatures) = (&self.revoked, self.signatures);
        let checked = self.checked.head(medium);
        let bench = Bench { revoked, currency, as_of, decisions, signatures, checked };
        Ok(Judged::of(&bench, medium, pieces, known))
    }

    /// Whichever reader of the records is free.
    fn reader(&self) -> MutexGuard<'_, &'a mut B> {
        let free = self.books.iter().find_map(|books| books.try_lock().ok());
        free.unwrap_or_else(|| self.books[0].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Put down what follows for a medium; the time is dated later where it isn't known yet.
    fn conclude(
        &self,
        mut judged: Judged,
        pieces: &Pieces,
        as_of: Option<Timestamp>,
    ) -> Outcome<Kept, B> {
        let was = judged.standing;
        let until = listed_until(&judged);
        let dated = as_of.unwrap_or(BEGINNING);
        let rights = self.evidence.rights();
        let posting = conclude(rights, &mut judged, pieces, &self.revoked, dated);
        let dated = match (as_of, &posting) {
            (None, Some(_)) => Dated::Until(until),
            (None, None) if was == Standing::Postable && adds(&judged) => Dated::Anew,
            (Some(_), _) | (None, None) => Dated::Never,
        };
        let before = judged.known.as_ref().map(|known| plan_row(&known.row));
        let posting = posting.map(|posting| Box::new(planned(&posting)));
        let (medium, findings) = (Some(judged.medium), judged.findings);
        let entry = PlanEntry { medium, before, findings, posting };
        Ok(Kept { entry: self.scratch.put(&entry.encode())?, dated })
    }

    /// Do this with each of these media, several at once, each thread with its own room to read into;
    /// what it gives, in their order.
    fn each<T: Send>(
        &self,
        media: &[MediumId],
        one: impl Fn(MediumId, &mut Vec<u8>) -> Outcome<T, B> + Sync,
    ) -> Outcome<Vec<T>, B> {
        let total: u64 = media.iter().map(|medium| self.evidence.bytes(*medium)).sum();
        let (next, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
        let ended = Mutex::new(None);
        let work = || {
            let (mut done, mut room) = (vec![], vec![]);
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(medium) = media.get(place) else { return done };
                let stopped = || {
                    let (done, total) = (place as u64, media.len() as u64);
                    Err(RunError::Stopped { done, total })
                };
                let found = if self.watch.stopped() { stopped() } else { one(*medium, &mut room) };
                match found {
                    Ok(found) => done.push((place, found)),
                    Err(error) => {
                        next.store(media.len(), Ordering::Relaxed);
                        let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
                        ended.get_or_insert(error);
                        return done;
                    }
                }
                let more = self.evidence.bytes(*medium);
                let bytes = more + bytes.fetch_add(more, Ordering::Relaxed);
                self.watch.progress(bytes, total);
            }
        };
        let mut all = several(self.terms.threads, &work);
        if let Some(error) = ended.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        all.sort_by_key(|(place, _)| *place);
        Ok(all.into_iter().map(|(_, found)| found).collect())
    }
}

/// Do one work on several threads, and put together what they give.
fn several<T: Send>(threads: NonZeroUsize, work: &(impl Fn() -> Vec<T> + Sync)) -> Vec<T> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads.get()).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for worker in workers {
            all.extend(worker.join().expect("judging doesn't panic"));
        }
        all
    })
}

fn hash_of(revoked: &Revoked) -> Option<[u8; 32]> {
    revoked.list().map(Verified::hash)
}

impl Found {
    /// Call `each` with every entry, by their media.
    pub(super) fn each<E: From<DeviceError>>(
        &self,
        scratch: &Scratch,
        mut each: impl FnMut(PlanEntry) -> Result<(), E>,
    ) -> Result<(), E> {
        for kept in self.entries.values() {
            let bytes = scratch.get(kept.entry)?;
            let mut entry = PlanEntry::decode(&bytes).expect("it is what was put down");
            if let (Dated::Until(_), Some(posting)) = (kept.dated, &mut entry.posting) {
                posting.checkpoint.as_of = self.as_of;
            }
            each(entry)?;
        }
        Ok(())
    }
}
