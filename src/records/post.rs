//! Posting a plan: all of its media in one transaction, or nothing.

use std::thread;

use super::Records;
use super::accounts::{Planned, PostError, Posted, Posting};
use super::database::StorageError;
use super::ground::Ground;
use super::known::base;
use super::moves::Holders;
use super::posting::{Change, Ready, write_all};
use super::statement::Transaction;
use super::value::Value;
use crate::crypto::digest::sha256;
use crate::format::Object;
use crate::format::checkpoint::CheckpointFile;
use crate::format::sheet::SheetId;
use crate::ledger::Settler;
use crate::units::{MediumId, Timestamp};
use crate::voucher::LIVE_SHEETS_MAX;

/// Postings of so many rows are read, checked, signed and written at once.
const ROWS_MAX: usize = 20_000;
/// Rows of a posting beside its events, records and moves.
const ROWS_EACH: usize = 4;
/// The most threads that sign, and the fewest checkpoints that one is begun for.
const THREADS_MAX: usize = 4;
const SHARE_MIN: usize = 16;

/// Who signs, and what may go with a checkpoint.
pub struct Signing<'a> {
    /// The settler.
    pub settler: Settler<'a>,
    /// Files beside the medium's own sheets: the policy, what is revoked.
    pub files: &'a [Vec<u8>],
}

impl Records {
    /// Post a plan, whose postings come by their media, ascending.
    ///
    /// The same plan again posts nothing and answers when it was posted. While a medium stands
    /// elsewhere than the plan saw it, or stores' journals were imported meanwhile, all of it is
    /// refused.
    pub fn post<I: Iterator<Item = Result<Posting, PostError>>>(
        &mut self,
        planned: &Planned,
        postings: impl Fn() -> I,
        signing: &Signing<'_>,
        now: Timestamp,
    ) -> Result<Posted, PostError> {
        self.database.write(|tx| {
            if let Some(posted) = posted(tx, planned)? {
                return Ok(posted);
            }
            check_base(tx, planned)?;
            let plan = add_plan(tx, &planned.hash, now)?;
            let mut holders = Holders::load(tx)?;
            let mut media = 0;
            each(tx, postings(), |tx, ground, changes| {
                media += changes.len() as u64;
                let ready = sign(tx, ground, changes, signing)?;
                let moves = ready.iter().flat_map(|one| &one.change.posting.moves);
                holders.learn(tx, moves)?;
                Ok(write_all(tx, plan, &ready, &holders)?)
            })?;
            Ok(Posted { media, at: now, new: true })
        })
    }

    /// What [`Records::post`] would answer; checkpoints are not signed.
    pub fn try_post<I: Iterator<Item = Result<Posting, PostError>>>(
        &mut self,
        planned: &Planned,
        postings: impl Fn() -> I,
        now: Timestamp,
    ) -> Result<Posted, PostError> {
        self.database.read(|tx| {
            if let Some(posted) = posted(tx, planned)? {
                return Ok(posted);
            }
            check_base(tx, planned)?;
            let mut media = 0;
            each(tx, postings(), |_, _, changes| {
                media += changes.len() as u64;
                Ok(())
            })?;
            Ok(Posted { media, at: now, new: true })
        })
    }

    /// Call `each` with every checkpoint that a posted plan made: medium, number and file.
    pub fn each_checkpoint<E: From<super::StorageError>>(
        &mut self,
        plan: &[u8; 32],
        mut each: impl FnMut(MediumId, u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        const FIND: &str = "SELECT checkpoints.medium, checkpoints.number, checkpoints.content \
            FROM plans JOIN checkpoints ON checkpoints.plan = plans.number \
            WHERE plans.plan = $1 ORDER BY checkpoints.medium";
        self.database.read(|tx| {
            tx.for_each(FIND, &[Value::Bytes(plan)], |row| -> Result<(), E> {
                each(row.medium(0)?, row.count(1)?, row.bytes(2)?)
            })
        })
    }
}

/// What became of this plan, if it was posted before.
fn posted(tx: &mut Transaction<'_>, planned: &Planned) -> Result<Option<Posted>, PostError> {
    const FIND: &str = "SELECT posted_at, (SELECT COUNT(*) FROM checkpoints \
        WHERE checkpoints.plan = plans.number) FROM plans WHERE plan = $1";
    Ok(tx.row(FIND, &[Value::Bytes(&planned.hash)], |row| {
        Ok(Posted { media: row.count(1)?, at: row.time(0)?, new: false })
    })?)
}

fn check_base(tx: &mut Transaction<'_>, planned: &Planned) -> Result<(), PostError> {
    let found = base(tx)?;
    if found == planned.base {
        return Ok(());
    }
    Err(PostError::Base { planned: planned.base, found })
}

/// Keep what was posted by the hash that names it.
pub(super) fn add_plan(
    tx: &mut Transaction<'_>,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<u64, StorageError> {
    const NEXT: &str = "SELECT COUNT(*) FROM plans";
    const ADD: &str = "INSERT INTO plans (number, plan, posted_at) VALUES ($1, $2, $3)";
    let number = 1 + tx.row(NEXT, &[], |row| row.count(0))?.unwrap_or(0);
    tx.execute(ADD, &[Value::count(number), Value::Bytes(hash), now.into()])?;
    Ok(number)
}

/// Call `take` with the postings, some at a time, once they are checked against the records.
fn each<'t>(
    tx: &mut Transaction<'t>,
    mut postings: impl Iterator<Item = Result<Posting, PostError>>,
    mut take: impl FnMut(&mut Transaction<'t>, &Ground, Vec<Change>) -> Result<(), PostError>,
) -> Result<(), PostError> {
    let mut last = None;
    loop {
        let (some, end) = gather(&mut postings, &mut last);
        let ground = Ground::of(tx, &some)?;
        let changes = some.into_iter().map(|posting| Change::check(posting, &ground, None));
        let changes: Vec<Change> = changes.collect::<Result<_, _>>()?;
        take(tx, &ground, changes)?;
        if let Some(end) = end {
            return end;
        }
    }
}

/// The next postings, and how it ends with them, if it does.
fn gather(
    postings: &mut impl Iterator<Item = Result<Posting, PostError>>,
    last: &mut Option<MediumId>,
) -> (Vec<Posting>, Option<Result<(), PostError>>) {
    let (mut some, mut rows) = (vec![], 0);
    while rows < ROWS_MAX {
        let posting = match postings.next() {
            None => return (some, Some(Ok(()))),
            Some(Err(error)) => return (some, Some(Err(error))),
            Some(Ok(posting)) => posting,
        };
        let medium = posting.medium;
        if let Some(before) = last.filter(|last| *last >= medium) {
            return (some, Some(Err(PostError::Order { medium, before })));
        }
        *last = Some(medium);
        let account = &posting.account;
        rows += account.events.len() + account.held.len() + posting.moves.len() + ROWS_EACH;
        some.push(posting);
    }
    (some, None)
}

/// Sign the checkpoints of changes, side by side.
pub(super) fn sign(
    tx: &mut Transaction<'_>,
    ground: &Ground,
    changes: Vec<Change>,
    signing: &Signing<'_>,
) -> Result<Vec<Ready>, PostError> {
    let mut attached = vec![];
    for change in changes {
        let mut files = attachments(tx, &change.posting, signing.files)?;
        files.extend(unseen(tx, ground, &change.posting)?);
        attached.push((change, files));
    }
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let share = attached.len().div_ceil(threads).max(SHARE_MIN);
    let stretch =
        |part: &[_]| part.iter().map(|one| issue(one, signing.settler)).collect::<Vec<_>>();
    let stretch = &stretch;
    let issued: Result<Vec<CheckpointFile>, PostError> = thread::scope(|scope| {
        let parts = attached.chunks(share);
        let workers: Vec<_> = parts.map(|part| scope.spawn(move || stretch(part))).collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        joined.flat_map(|part| part.expect("a worker only computes")).collect()
    });
    let changes = attached.into_iter().map(|(change, _)| change);
    let ready = changes.zip(issued?).map(|(change, file)| {
        let hash = sha256(&file.checkpoint.0);
        Ready { change, hash, file: file.encode() }
    });
    Ok(ready.collect())
}

fn issue(
    (change, files): &(Change, Vec<Vec<u8>>),
    settler: Settler<'_>,
) -> Result<CheckpointFile, PostError> {
    let posting = &change.posting;
    let file = settler.issue(posting.checkpoint.clone(), &posting.settled_since, files);
    file.map_err(|source| PostError::Issue { medium: posting.medium, source })
}

/// Those of the medium's newest sheets that the evidence doesn't show: they go with its checkpoint.
/// A medium of which no sheet was seen is none that a sheet could be missing on.
fn unseen(
    tx: &mut Transaction<'_>,
    ground: &Ground,
    posting: &Posting,
) -> Result<Vec<Vec<u8>>, StorageError> {
    const SHEET: &str = "SELECT content FROM sheets WHERE sheet = $1";
    let checkpoint = &posting.checkpoint;
    let shown = |id: &SheetId| checkpoint.slots.0.iter().any(|slots| slots.sheet == *id);
    let newest = ground.sheets(posting.medium).take(LIVE_SHEETS_MAX);
    let mut unseen = vec![];
    for id in newest.filter(|id| !shown(id)) {
        let file = tx.row(SHEET, &[Value::Bytes(&id)], |row| Ok(row.bytes(0)?.to_vec()))?;
        let named = |file: &Vec<u8>| checkpoint.attachments.0.contains(&sha256(file));
        unseen.extend(file.filter(|file| !named(file)));
    }
    Ok(unseen)
}

/// The files that the checkpoint names, in its order.
fn attachments(
    tx: &mut Transaction<'_>,
    posting: &Posting,
    files: &[Vec<u8>],
) -> Result<Vec<Vec<u8>>, PostError> {
    const SHEETS: &str = "SELECT content FROM sheets WHERE medium = $1 ORDER BY number";
    let (medium, named) = (posting.medium, &posting.checkpoint.attachments.0);
    if named.is_empty() {
        return Ok(vec![]);
    }
    let sheets = tx.rows(SHEETS, &[medium.into()], |row| Ok(row.bytes(0)?.to_vec()))?;
    let found = |hash: &[u8; 32]| {
        let file = sheets.iter().chain(files).find(|file| sha256(file) == *hash);
        file.cloned().ok_or(PostError::Attachment { medium, hash: *hash })
    };
    named.iter().map(found).collect()
}
