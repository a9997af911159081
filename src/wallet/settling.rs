//! What a settler states of a medium, and how the medium takes it over.

use std::collections::BTreeSet;

use super::attached::{Attached, Keeping, Reliance};
use super::given::given;
use super::medium::Medium;
use crate::crypto::digest::sha256;
use crate::crypto::sign::SecretKey;
use crate::format::checkpoint::{Bounded, Checkpoint, CheckpointFile};
use crate::format::cose::Sign1;
use crate::format::edition::RamKind;
use crate::format::record::{Body, EventId, Record};
use crate::format::sheet::{Sheet, Voucher};
use crate::format::{DecodeError, Kind, Object};
use crate::image::check::{Account, Grounds};
use crate::journal::frame::RECORD_BYTES_MAX;
use crate::ledger::next::{self, Host, Statement, settled_since};
use crate::ledger::{Anchor, KeyLife, Refusal, State, fold_journal, foresee, used};
use crate::trust::{TrustError, Verified, sign};
use crate::units::{MediumId, Timestamp};
use crate::voucher::code_event;
use crate::words::Phrase;

/// An event in a record.
const EVENT_BYTES: usize = 17;
/// What another time takes more at most.
const CLOCK_BYTES: usize = 4;

/// A checkpoint that is this medium's to take over.
#[derive(Debug, Clone)]
pub struct Settling {
    /// The checkpoint.
    pub checkpoint: Verified<Checkpoint>,
    /// How it is taken over.
    pub way: Way,
    /// The state behind it.
    pub after: State,
    /// What goes with it.
    pub attached: Vec<Attached>,
    pub(super) file: CheckpointFile,
    /// What it is judged by: what goes with it is kept.
    grounds: Grounds,
}

/// How a checkpoint is taken over.
#[derive(Debug, Clone)]
pub enum Way {
    /// The journal is compacted under it, which needs no signature of the holder.
    Compaction {
        /// What the journal adds up to behind it.
        after: Box<Account>,
        /// Records that go to the archive.
        archived: usize,
    },
    /// A record takes it over: its head is on this chain, and something stands in the way of a
    /// compaction.
    Record(Obstacle),
    /// A record merges it: its head is on another branch.
    Merge,
}

/// Why a journal can't be compacted under a checkpoint whose head is on its chain.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Obstacle {
    /// What is written once can't be written again.
    #[error("the writable area is write-once")]
    WriteOnce,
    /// Records behind its head say something else of the balance than it does.
    #[error("what was written after record {head} does not follow from it: {refusal}")]
    Behind {
        /// Sequence of its head.
        head: u64,
        /// Why.
        refusal: String,
    },
    /// Something that was credited would be forgotten.
    #[error("it does not list what record {record} credited")]
    Forgets {
        /// The record; 0 where that isn't here any more.
        record: u64,
    },
    /// A fee isn't earned yet, and a checkpoint lists no uploads.
    #[error("a fee is not earned yet: uploads under way are {0}")]
    Uploads(usize),
    /// Its head is the head of the checkpoint before.
    #[error("there is no record since checkpoint {0}")]
    NothingSince(u64),
}

/// Why a checkpoint is not taken over; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyRefusal {
    /// Something else than a checkpoint's file.
    #[error("this is no checkpoint: {0}")]
    Shape(#[from] DecodeError),
    /// Something else that is known.
    #[error("this is no checkpoint but {}; expected is what `scrip-server settle` wrote", .0.en())]
    Other(Phrase),
    /// No settler under this medium's issuer signed it.
    #[error("it is not signed by a settler of this medium's issuer: {0}")]
    NotGenuine(#[from] TrustError),
    /// What goes with it isn't what it names.
    #[error(
        "checkpoint {number} names {expected} files that go with it, {found} of these are here"
    )]
    Attachments {
        /// Its number.
        number: u64,
        /// How many it names.
        expected: usize,
        /// How many of those came along.
        found: usize,
    },
    /// The events that go with it aren't those it names.
    #[error("checkpoint {0} was not settled with the {1} events that came along")]
    Events(u64, usize),
    /// Another medium's.
    #[error("it is of medium {}, this is medium {}", found.grouped(), expected.grouped())]
    Medium {
        /// The checkpoint's.
        found: MediumId,
        /// This one.
        expected: MediumId,
    },
    /// It was taken over before.
    #[error("checkpoint {0} was applied before; nothing was changed")]
    Applied(u64),
    /// A newer one was taken over.
    #[error("checkpoint {found} is older than this medium's, number {known}; nothing was changed")]
    Old {
        /// Its number.
        found: u64,
        /// The medium's.
        known: u64,
    },
    /// It continues another one.
    #[error("checkpoint {found} continues another checkpoint {known} than this medium has")]
    Rival {
        /// Its number.
        found: u64,
        /// The medium's.
        known: u64,
    },
    /// A policy that isn't on the medium.
    #[error("checkpoint {number} is under policy {found}, this medium has policy {known}")]
    Policy {
        /// Its number.
        number: u64,
        /// The checkpoint's policy.
        found: u64,
        /// The medium's.
        known: u64,
    },
    /// The key is still the one that the store made.
    #[error("this medium is not its owner's yet: the first login comes before any checkpoint")]
    NotLoggedIn,
    /// It names another holder key.
    #[error("checkpoint {number} is for holder key {found}, this medium's is {expected}")]
    Holder {
        /// Its number.
        number: u64,
        /// The key it names.
        found: String,
        /// This medium's.
        expected: String,
    },
    /// It lists events that reach less far back than this chain's last checkpoint.
    #[error(
        "checkpoint {number} has its head on another branch and lists what was settled since \
         checkpoint {since}, this medium's last is {known}"
    )]
    Since {
        /// Its number.
        number: u64,
        /// How far back it reaches.
        since: u64,
        /// The medium's newest.
        known: u64,
    },
    /// The record that would take it over doesn't follow.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The record that would merge it is longer than a frame takes.
    #[error(
        "checkpoint {number} is to be merged with {events} events in a record of {bytes} bytes, a \
         record takes {RECORD_BYTES_MAX} and so at most {most} events"
    )]
    TooLong {
        /// Its number.
        number: u64,
        /// Events in its list.
        events: usize,
        /// Bytes of the record.
        bytes: usize,
        /// Events that such a record has room for.
        most: usize,
    },
    /// It has its head on another branch and lists nothing to merge by.
    #[error("checkpoint {0} has its head on another branch, and no list of events to merge by")]
    NoList(u64),
}

impl Settling {
    /// The checkpoint and its settler's certificate, as records bring them along.
    pub fn statement(&self) -> Statement<'_> {
        let certificate = self.file.chain.0.first().expect("it was verified");
        Statement { checkpoint: &self.file.checkpoint.0, certificate }
    }

    /// The record that takes it over: a merge where its head is on another branch.
    pub(super) fn record(&self, state: &State, host: &Host, event: EventId) -> Record {
        match self.way {
            Way::Merge => next::merge(state, host, event, &self.statement(), self.settled_since()),
            Way::Record(_) | Way::Compaction { .. } => {
                next::checkpoint(state, host, event, &self.statement())
            }
        }
    }

    /// The events that came with it.
    pub fn settled_since(&self) -> &[EventId] {
        self.file.settled_since.as_ref().map_or(&[], |events| &events.0)
    }
}

impl Medium {
    /// Judge a checkpoint's file: how this medium would take it over; nothing is written.
    pub fn settling(&self, bytes: &[u8]) -> Result<Settling, ApplyRefusal> {
        let (file, checkpoint) = opened_file(&self.grounds, bytes)?;
        let Keeping { papers, attached } = self.keeping(&file.attachments.0);
        let front = self.account.anchor.as_ref().map(|anchor| &*anchor.checkpoint);
        let grounds = self.grounds.keeping(papers, front);
        self.check_place(&checkpoint, &grounds)?;
        let way = self.way(&file, &checkpoint)?;
        let after = self.account.state.clone();
        let mut settling = Settling { checkpoint, way, after, attached, file, grounds };
        settling.after = match &settling.way {
            Way::Compaction { after, .. } => after.state.clone(),
            Way::Record(_) | Way::Merge => self.foreseen(&settling)?,
        };
        Ok(settling)
    }

    /// The state behind a checkpoint that a record takes over; nothing is signed.
    fn foreseen(&self, settling: &Settling) -> Result<State, ApplyRefusal> {
        let (number, signer) = (settling.checkpoint.number, settling.checkpoint.holder.key_id());
        let at = settling.checkpoint.as_of;
        let host = Host { at, floor: self.floor().max(at), instance: [0; 8] };
        let record = settling.record(&self.account.state, &host, [0; 16]);
        // As long as one that is signed later: the host's clock alone may take four bytes more.
        let bytes = sign(&SecretKey::from_seed([0; 32]), &record).len() + CLOCK_BYTES;
        if let Some(over) = bytes.checked_sub(RECORD_BYTES_MAX).filter(|over| *over > 0) {
            let events = settling.settled_since().len();
            let most = events.saturating_sub(over.div_ceil(EVENT_BYTES));
            return Err(ApplyRefusal::TooLong { number, events, bytes, most });
        }
        Ok(foresee(&settling.grounds.rules(), &self.account.state, &record, signer)?)
    }

    /// Is it newer than what this medium has, and one that it can follow by what is here then?
    fn check_place(
        &self,
        checkpoint: &Verified<Checkpoint>,
        grounds: &Grounds,
    ) -> Result<(), ApplyRefusal> {
        let state = &self.account.state;
        let number = checkpoint.number;
        if let Some(known) = &state.checkpoint {
            if known.hash == checkpoint.hash() {
                return Err(ApplyRefusal::Applied(number));
            }
            if number <= known.number {
                return Err(ApplyRefusal::Old { found: number, known: known.number });
            }
            if !state.continues(checkpoint) {
                return Err(ApplyRefusal::Rival { found: number, known: known.number });
            }
        }
        if state.life == KeyLife::StoreMade {
            return Err(ApplyRefusal::NotLoggedIn);
        }
        let (found, known) = (checkpoint.policy, grounds.newest_policy().number);
        if grounds.rules().binding(found).is_err() {
            return Err(ApplyRefusal::Policy { number, found, known });
        }
        if checkpoint.holder != state.holder {
            let (found, expected) = (checkpoint.holder.key_id(), state.holder.key_id());
            let (found, expected) = (found.to_string(), expected.to_string());
            return Err(ApplyRefusal::Holder { number, found, expected });
        }
        Ok(())
    }

    fn way(
        &self,
        file: &CheckpointFile,
        checkpoint: &Verified<Checkpoint>,
    ) -> Result<Way, ApplyRefusal> {
        let records = &self.account.records;
        if let Some(head) = records.iter().rposition(|record| record.hash() == checkpoint.head) {
            return Ok(self.compaction(file, checkpoint, head + 1).unwrap_or_else(Way::Record));
        }
        let known = self.account.state.checkpoint;
        if let Some(known) = known.filter(|known| known.head == checkpoint.head) {
            return Ok(Way::Record(Obstacle::NothingSince(known.number)));
        }
        let (number, known) = (checkpoint.number, known.map_or(0, |known| known.number));
        match &checkpoint.settled_since {
            None => Err(ApplyRefusal::NoList(number)),
            Some(_) if file.settled_since.is_none() => Err(ApplyRefusal::NoList(number)),
            Some(since) if since.number > known => {
                Err(ApplyRefusal::Since { number, since: since.number, known })
            }
            Some(_) => Ok(Way::Merge),
        }
    }

    /// What is left of the journal behind a checkpoint that settles its first `settled` records.
    fn compaction(
        &self,
        file: &CheckpointFile,
        checkpoint: &Verified<Checkpoint>,
        settled: usize,
    ) -> Result<Way, Obstacle> {
        let Account { state, records, anchor } = &self.account;
        if self.grounds.ram == RamKind::WriteOnce {
            return Err(Obstacle::WriteOnce);
        }
        if !state.uploads.is_empty() {
            return Err(Obstacle::Uploads(state.uploads.len()));
        }
        let (below, behind) = records.split_at(settled);
        let open = |record: &&Verified<Record>| {
            let hash = record.hash();
            checkpoint.exceptions.0.contains(&hash)
                || checkpoint.open.0.iter().any(|open| open.start == hash)
        };
        let outside = anchor.iter().flat_map(|anchor| &anchor.outside).chain(below).filter(open);
        let outside: Vec<Vec<u8>> = outside.map(|record| record.bytes().to_vec()).collect();
        let certificate = file.chain.0.first().cloned().unwrap_or_default();
        let mut chain = vec![file.checkpoint.0.clone(), certificate];
        chain.extend(behind.iter().map(|record| record.bytes().to_vec()));
        let refused = |refusal: Refusal| {
            let (head, refusal) = (checkpoint.seq.number(), refusal.to_string());
            Obstacle::Behind { head, refusal }
        };
        let keeping = Keeping::of(&self.grounds, &Reliance::of(&chain), &file.attachments.0);
        let grounds = self.grounds.keeping(keeping.papers, Some(&**checkpoint));
        let chained = fold_journal(&grounds.rules(), grounds.blank(), &chain, &outside);
        let chained = chained.map_err(refused)?;
        if let Some(refusal) = chained.fold.refusal {
            return Err(refused(refusal));
        }
        let after = Account {
            state: chained.fold.state,
            records: chained.fold.records,
            anchor: chained.anchor,
        };
        self.check_memory(checkpoint, (below, &grounds.sheets), &after)?;
        Ok(Way::Compaction { after: Box::new(after), archived: below.len() })
    }

    /// What was credited once stays credited: codes as long as their sheets count, vouchers until
    /// they expire.
    fn check_memory(
        &self,
        checkpoint: &Verified<Checkpoint>,
        (below, sheets): (&[Verified<Record>], &[Verified<Sheet>]),
        after: &Account,
    ) -> Result<(), Obstacle> {
        let listed: BTreeSet<EventId> = used(self.id(), checkpoint).into_iter().collect();
        for record in below {
            let Some(event) = credit(record, checkpoint.as_of, sheets) else { continue };
            if !listed.contains(&event) {
                return Err(Obstacle::Forgets { record: record.seq.number() });
            }
        }
        for sheet in sheets {
            let events =
                (0..sheet.slots().unwrap_or(0)).map(|slot| code_event(self.id(), &sheet.id, slot));
            let mut lost = events.filter(|event| self.account.state.credited.contains(event));
            if lost.any(|event| !after.state.credited.contains(&event)) {
                return Err(Obstacle::Forgets { record: 0 });
            }
        }
        Ok(())
    }

    /// What a journal begins with that is compacted under a checkpoint.
    pub(super) fn carried(after: &Account) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let anchor = after.anchor.as_ref();
        let frames = anchor.map(Anchor::frames).unwrap_or_default();
        (frames, anchor.map(Anchor::carried).unwrap_or_default())
    }
}

/// A checkpoint's file of this medium: the checkpoint is signed by a settler under its issuer, and
/// all that it names came along.
pub(super) fn opened_file(
    grounds: &Grounds,
    bytes: &[u8],
) -> Result<(CheckpointFile, Verified<Checkpoint>), ApplyRefusal> {
    let file = CheckpointFile::decode(bytes)
        .map_err(|error| given(bytes).map_or(ApplyRefusal::Shape(error), ApplyRefusal::Other))?;
    let message = Sign1::decode(&file.checkpoint.0, Kind::Checkpoint).map_err(TrustError::from)?;
    let as_of = Checkpoint::decode(message.payload())?.as_of;
    let leaf = file.chain.0.first().map(Vec::as_slice).unwrap_or_default();
    let settler = grounds.issuer.certify(leaf, Some(as_of))?;
    let checkpoint: Verified<Checkpoint> = settler.open(&file.checkpoint.0)?;
    check_company(&file, &checkpoint)?;
    let (found, expected) = (checkpoint.medium, grounds.certificate.medium);
    if found != expected {
        return Err(ApplyRefusal::Medium { found, expected });
    }
    Ok((file, checkpoint))
}

/// Did all come along that it names?
fn check_company(file: &CheckpointFile, checkpoint: &Checkpoint) -> Result<(), ApplyRefusal> {
    let (number, named) = (checkpoint.number, &checkpoint.attachments.0);
    let came = file.attachments.0.iter().map(|file| sha256(&file.0));
    let found = came.zip(named).filter(|(came, named)| came == *named).count();
    let expected = named.len();
    if found != expected || file.attachments.0.len() != expected {
        return Err(ApplyRefusal::Attachments { number, expected, found });
    }
    if let (Some(Bounded(events)), Some(since)) = (&file.settled_since, &checkpoint.settled_since)
        && settled_since(events) != since.events
    {
        return Err(ApplyRefusal::Events(number, events.len()));
    }
    Ok(())
}

/// The event that a record credited, if it could be credited once more from then on.
fn credit(record: &Record, as_of: Timestamp, sheets: &[Verified<Sheet>]) -> Option<EventId> {
    let event = record.accounting.as_ref().map(|entry| entry.event);
    match &record.body {
        Body::TopupCode { sheet, .. } => {
            event.filter(|_| sheets.iter().any(|counts| counts.id == *sheet))
        }
        Body::TopupVoucher { voucher, .. } | Body::Refund { voucher, .. } => {
            let message = Sign1::decode(&voucher.0, Kind::Voucher).ok()?;
            let expires = Voucher::decode(message.payload()).ok()?.expires;
            event.filter(|_| expires > as_of)
        }
        _ => None,
    }
}
